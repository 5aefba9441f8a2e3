"""Marts for tests: databases of their own on one embedded server, and rows to publish."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pyarrow as pa
from psycopg.conninfo import make_conninfo

from resources.postgres import MartAddress, connect
from sentiment_assets.core.contracts import STRINGS, Contract
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.mart import Outgoing
from sentiment_assets.lake.files import polars_schema

UTC = dt.timezone.utc


def day(date: str, platform: str = "x") -> PostPartition:
    return PostPartition(dt.date.fromisoformat(date), platform)


def own_address(home: Path) -> MartAddress:
    """A database that no other test has, on the embedded server of a home; made when used."""
    name = f"mart_{uuid.uuid4().hex[:8]}"
    conninfo = make_conninfo(user="postgres", host=str(home / "postgres"), dbname=name)
    return MartAddress(conninfo, "SENTIMENT_MART_URL", home)


@contextlib.contextmanager
def session(address: MartAddress, role: str | None = None) -> Iterator[psycopg.Connection[Any]]:
    """A connection by itself, each statement alone; as a role that can't be left again."""
    with contextlib.closing(connect(address)) as connection:
        connection.autocommit = True
        if role is not None:
            connection.execute(f"SET SESSION AUTHORIZATION {role}".encode())
        yield connection


def made_up(
    contract: Contract, partitions: Sequence[PostPartition], rows: int, seed: int = 7
) -> pl.DataFrame:
    """Rows with unlike keys, and with nulls wherever a column takes them."""
    chance = random.Random(seed)
    found = []
    for partition in partitions:
        start = dt.datetime.combine(partition.date, dt.time(), UTC)
        for number in range(rows):
            row: dict[str, object] = {}
            for column in contract.columns:
                kind = column.type
                value: object
                if column.name in ("date", "platform"):
                    value = getattr(partition, column.name)
                elif column.name in contract.key:
                    at = start + dt.timedelta(minutes=number)
                    value = f"{column.name} ü' {number}"
                    if pa.types.is_timestamp(kind):
                        value = at
                    elif kind == pa.date32():
                        value = partition.date + dt.timedelta(days=number)
                elif not column.required and chance.random() < 0.2:
                    value = None
                elif pa.types.is_integer(kind):
                    value = chance.randrange(2**31 - 1)
                elif pa.types.is_floating(kind):
                    value = chance.choice([chance.random(), -0.0, 1e-300, 1 / 3])
                elif pa.types.is_boolean(kind):
                    value = chance.random() < 0.5
                elif pa.types.is_timestamp(kind):
                    value = start + dt.timedelta(microseconds=chance.randrange(10**10))
                elif kind == pa.date32():
                    value = partition.date
                elif kind == STRINGS:
                    value = chance.choice([[], ["vader/3.3.2"], ['a "b", {c}', "NULL", ""]])
                elif pa.types.is_list(kind):
                    value = [partition.date, partition.date - dt.timedelta(days=1)]
                else:
                    value = chance.choice(["", "text", "a\tb\nc\\", "🙂"])
                row[column.name] = value
            found.append(row)
    return pl.DataFrame(found, schema=polars_schema(contract.schema))


def outgoing(
    contract: Contract,
    frame: pl.DataFrame,
    partitions: Sequence[PostPartition],
    *,
    version: int = 0,
    table_id: str = "a lake",
    batch: int = 50,
) -> Outgoing:
    """A frame as a publish takes it, in small batches."""

    def batches(wanted: Sequence[PostPartition]) -> Iterator[pa.RecordBatch]:
        keys = pl.DataFrame(
            [(p.date, p.platform) for p in wanted],
            schema={"date": pl.Date, "platform": pl.String},
            orient="row",
        )
        rows = frame.join(keys, on=["date", "platform"], how="semi") if wanted else frame
        yield from rows.to_arrow().cast(contract.schema).to_batches(max_chunksize=batch)

    return Outgoing(contract, tuple(partitions), version, table_id, batches)
