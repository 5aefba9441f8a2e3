"""Mart assets: gold in a database, for whoever reads by SQL.

What belongs here: which rows go where, and what a run notes of it. One step publishes every
selected table of its partitions in one transaction, so that a reader sees all of a rebuild or
nothing of it. How a database is written is behind ``Mart``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Protocol

import dagster as dg
import polars as pl
import pyarrow as pa

from sentiment_assets.assets.describe import RETRIES, asset_key, column_schema
from sentiment_assets.assets.failures import permanent_failures_are_final
from sentiment_assets.consumed import CONSUMED, newest_events
from sentiment_assets.core.contracts import Contract
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.mart import (
    Outgoing,
    Publication,
    Sent,
    is_dated,
    postgres_name,
    published_contracts,
)
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.tables import Table
from sentiment_assets.partitions import POST_PARTITIONS, multi_key, partitions_of

MART_GROUP = "mart"
#: Tables without dates: no rebuild of dates makes them.
WHOLE_GROUP = "mart_reference"
#: Rows that are held at a time on their way.
BATCH_ROWS = 20_000

DATED_CONTRACTS = tuple(c for c in published_contracts().values() if is_dated(c))
WHOLE_CONTRACTS = tuple(c for c in published_contracts().values() if not is_dated(c))


class Mart(Protocol):
    """A database that holds gold."""

    def publish(self, tables: Sequence[Outgoing], run_id: str) -> dict[str, Sent]:
        """Replace the named partitions of every table at once; by contract name."""

    def publications(self, contract: Contract) -> dict[PostPartition, Publication]:
        """What was published of each partition."""

    def rows(self, contract: Contract, partition: PostPartition | None) -> pl.DataFrame:
        """What stands there of one partition, or of a table without dates."""


def postgres_key(contract: Contract) -> dg.AssetKey:
    """The asset of a table in PostgreSQL."""
    return asset_key(postgres_name(contract))


Published = Mapping[dg.AssetKey, dg.AssetKey]

#: Tables of a mart -> the partitions that it holds, with rows or without. One that isn't named
#: holds nothing.
Held = Mapping[dg.AssetKey, AbstractSet[PostPartition]]
#: Asks the mart itself; null where there is none, or it doesn't answer.
AskMart = Callable[[], Held | None]


def ask_nobody() -> Held | None:
    """Where no mart is to be asked."""
    return None


def held_by(mart: Mart) -> Held:
    """What a mart holds of every published table; raises what ``publications`` does."""
    contracts = (*DATED_CONTRACTS, *WHOLE_CONTRACTS)
    return {postgres_key(c): mart.publications(c).keys() for c in contracts}


def _published(contracts: Sequence[Contract]) -> Published:
    return MappingProxyType({asset_key(c.name): postgres_key(c) for c in contracts})


#: Tables with dates -> those of the mart; and those without dates.
PUBLISHED = _published(DATED_CONTRACTS)
PUBLISHED_WHOLE = _published(WHOLE_CONTRACTS)


def published_in(definitions: dg.Definitions, tables: Published = PUBLISHED) -> Published:
    """Those of the tables whose mart the definitions have: none where it is off."""
    # The checks of freshness name them all.
    known = definitions.resolve_asset_graph().materializable_asset_keys
    return {table: mart for table, mart in tables.items() if mart in known}


def _spec(contract: Contract) -> dg.AssetSpec:
    upstream = asset_key(contract.name)
    return dg.AssetSpec(
        postgres_key(contract),
        deps=[upstream],
        description=f"{contract.description}\n\nGrain: {contract.grain}. In PostgreSQL, as "
        f"`mart.{contract.table}`.",
        group_name=MART_GROUP if is_dated(contract) else WHOLE_GROUP,
        owners=[contract.owner],
        kinds={"postgres"},
        tags={"layer": "mart", "contract_version": contract.version},
        metadata={
            "dagster/column_schema": column_schema(contract),
            "dagster/column_lineage": dg.TableColumnLineage(
                {
                    column.name: [dg.TableColumnDep(asset_key=upstream, column_name=column.name)]
                    for column in contract.columns
                }
            ),
            "dagster/table_name": f"mart.{contract.table}",
            "key": ", ".join(contract.key),
            "contract_version": contract.version,
        },
    )


@dg.multi_asset(
    name="postgres_mart",
    specs=[_spec(contract) for contract in DATED_CONTRACTS],
    can_subset=True,
    partitions_def=POST_PARTITIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    retry_policy=RETRIES,
    pool="memory",
)
@permanent_failures_are_final
def postgres_mart(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    mart: dg.ResourceParam[Mart],
) -> Iterator[dg.MaterializeResult[None]]:
    """Replace the partitions in PostgreSQL by what gold holds of them."""
    partitions = partitions_of(context)
    contracts = [c for c in DATED_CONTRACTS if postgres_key(c) in context.selected_asset_keys]
    # Noted before gold is read: what lands meanwhile is newer than the note.
    events = {c: newest_events(context.instance, asset_key(c.name), partitions) for c in contracts}
    sent = mart.publish(
        [
            table
            for contract in contracts
            if (table := outgoing(lake.table(contract).as_of_now(), partitions)) is not None
        ],
        context.run.run_id,
    )
    for contract in contracts:
        done = sent.get(contract.name, Sent({}, ()))
        for partition in partitions:
            context.add_asset_metadata(
                {
                    CONSUMED: events[contract].get(partition, 0),
                    "dagster/partition_row_count": done.rows.get(partition, 0),
                    "overtaken": partition in done.overtaken,
                },
                asset_key=postgres_key(contract),
                partition_key=multi_key(partition),
            )
        yield dg.MaterializeResult(
            asset_key=postgres_key(contract),
            metadata={
                "published_rows": sum(done.rows.values()),
                "published_partitions": len(done.rows),
                "overtaken_partitions": len(done.overtaken),
            },
        )


def whole_tables(contracts: Sequence[Contract] = WHOLE_CONTRACTS) -> list[dg.AssetsDefinition]:
    """The asset of the tables without dates, which are published whole; none without any."""
    if not contracts:
        return []

    @dg.multi_asset(
        name="postgres_mart_whole",
        specs=[_spec(contract) for contract in contracts],
        can_subset=True,
        retry_policy=RETRIES,
        pool="memory",
    )
    @permanent_failures_are_final
    def postgres_mart_whole(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        mart: dg.ResourceParam[Mart],
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Replace the tables in PostgreSQL by what the lake holds."""
        chosen = [c for c in contracts if postgres_key(c) in context.selected_asset_keys]
        tables = [outgoing(lake.table(contract).as_of_now(), []) for contract in chosen]
        sent = mart.publish([t for t in tables if t is not None], context.run.run_id)
        for contract in chosen:
            done = sent.get(contract.name, Sent({}, ()))
            yield dg.MaterializeResult(
                asset_key=postgres_key(contract),
                metadata={"dagster/row_count": sum(done.rows.values())},
            )

    return [postgres_mart_whole]


def outgoing(table: Table, partitions: Sequence[PostPartition]) -> Outgoing | None:
    """What a publish sends of a table, as it is now; null where nobody has made the table."""
    version, table_id = table.version, table.table_id
    if version is None or table_id is None:
        return None

    def batches(wanted: Sequence[PostPartition]) -> Iterator[pa.RecordBatch]:
        values = [{"date": p.date.isoformat(), "platform": p.platform} for p in wanted]
        rows = table.scan(values or None)
        for frame in rows.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True):
            yield from frame.rechunk().to_arrow().cast(table.contract.schema).to_batches()

    return Outgoing(table.contract, tuple(partitions), version, table_id, batches)
