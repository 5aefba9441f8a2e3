"""What of gold is published to databases, and in which pieces.

What belongs here: which contracts a mart holds, their keys there, and the value that a publish is
handed. How a database is spoken to is ``resources``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from sentiment_assets.core import contracts
from sentiment_assets.core.contracts import LIVE_CONTRACTS, Contract
from sentiment_assets.core.layout import PostPartition

#: Layers whose tables are published; posts themselves never are.
PUBLISHED_LAYERS = ("gold", "reference")

#: What every dated table of gold is partitioned by.
DATED = ("date", "platform")

#: From partitions to the rows that a table holds of them.
Batches = Callable[[Sequence[PostPartition]], Iterator[pa.RecordBatch]]


@dataclass(frozen=True)
class Outgoing:
    """One table's share of a publish: its partitions, as of one version of gold."""

    contract: Contract
    partitions: tuple[PostPartition, ...]
    #: The version of the table that the rows are read at.
    version: int
    #: Which table that is: versions of two lakes can't be compared.
    table_id: str
    #: Reads the rows; may be called again, and with fewer partitions.
    batches: Batches


@dataclass(frozen=True)
class Sent:
    """What a publish did with one table."""

    #: Rows by partition, of those that were replaced.
    rows: dict[PostPartition, int]
    #: Partitions that held rows of a later version of gold, and were left alone.
    overtaken: tuple[PostPartition, ...]


@dataclass(frozen=True)
class Publication:
    """What the mart says of one published partition."""

    rows: int
    version: int
    table_id: str
    published_at: dt.datetime


def published_contracts() -> dict[str, Contract]:
    """Every contract that is published, by name, in the order of the contracts' file.

    What the stream writes is not: it is seconds old, and forgotten after two days.
    """
    return {
        contract.name: contract
        for contract in vars(contracts).values()
        if isinstance(contract, Contract)
        and contract.layer in PUBLISHED_LAYERS
        and contract.name not in LIVE_CONTRACTS
    }


def is_dated(contract: Contract) -> bool:
    """The table has partitions; one without is published whole."""
    return contract.partition_columns == DATED


def postgres_name(contract: Contract) -> str:
    """``mart/postgres_hourly_sentiment`` of ``gold/hourly_sentiment``."""
    return f"mart/postgres_{contract.table}"


def postgres_reads() -> dict[str, tuple[str, ...]]:
    """The tables with dates in PostgreSQL, by name, and what each is published from."""
    dated = (contract for contract in published_contracts().values() if is_dated(contract))
    return {postgres_name(contract): (contract.name,) for contract in dated}


def mart_key(contract: Contract) -> tuple[str, ...]:
    """The key in a mart, platform and date first: it is the index that most queries want."""
    dated = ("platform", "date") if is_dated(contract) else ()
    return (*dated, *(name for name in contract.key if name not in dated))
