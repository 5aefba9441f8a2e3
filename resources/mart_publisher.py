"""Gold into the mart: one transaction replaces exactly the partitions that a run is about.

What belongs here: the order of a publish, and what guards it. Nobody reads half of one: readers see
the rows of before until it commits. Of two at once over the same partition the later version of
gold stays, whichever comes last.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import psycopg
import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg import sql

from resources import mart_schema
from resources.mart_tables import ORIGIN, PUBLICATION, SCHEMA
from resources.postgres import (
    LOCK_TIMEOUT,
    WHOLE,
    MartAddress,
    MartReader,
    MartRefused,
    connect,
    take_role,
    told,
)
from sentiment_assets.core.contracts import Contract
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.mart import DATED, Outgoing, Publication, Sent, is_dated
from sentiment_assets.privacy.postgres import MART_PUBLISHER


@dataclass
class PostgresMart:
    """The mart as a run sees it: publishes, and tells what stands there."""

    address: MartAddress
    #: Whose posts: simulated or live.
    origin: str
    _reader: MartReader = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Nothing is connected to yet."""
        self._reader = MartReader(self.address)

    def publish(self, tables: Sequence[Outgoing], run_id: str) -> dict[str, Sent]:
        """Replace the named partitions of every table, all in one transaction; by contract name.

        The schema is brought to the newest version first.

        Raises:
            MartError: nothing was changed; which kind says whether another try may succeed.
        """
        self.upgrade()
        with (
            contextlib.closing(connect(self.address)) as connection,
            told(self.address),
            connection.transaction(),
        ):
            take_role(connection, MART_PUBLISHER)
            connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'".encode())
            self._claim(connection)
            # In one order everywhere: two publishes wait for each other, and never in a ring.
            ordered = sorted(tables, key=lambda table: table.contract.table)
            begun = {table.contract.name: _begin_months(connection, table) for table in ordered}
            return {
                table.contract.name: _replace(
                    connection, table, begun[table.contract.name], run_id, self.address
                )
                for table in ordered
            }

    def publications(self, contract: Contract) -> dict[PostPartition, Publication]:
        """What stands there of each partition; raises MartError where it can't be read."""
        return self._reader.publications(contract)

    def rows(self, contract: Contract, partition: PostPartition | None) -> pl.DataFrame:
        """The rows of one partition, or of a table without dates; raises MartError."""
        if partition is None:
            return self._reader.rows(contract)
        return self._reader.rows(contract, partition.date, partition.date, partition.platform)

    def schema(self) -> mart_schema.SchemaStatus:
        """Which version of the schema stands there; raises MartError where it can't be read."""
        with contextlib.closing(connect(self.address)) as connection:
            return mart_schema.status(connection, self.address)

    def upgrade(self) -> mart_schema.SchemaStatus:
        """Bring the schema to the newest version; what stood there before. Raises MartError."""
        return mart_schema.upgrade(self.address)

    def close(self) -> None:
        """Close what is open; the next use opens it again."""
        self._reader.close()

    def _claim(self, connection: psycopg.Connection[Any]) -> None:
        """Made-up and real figures never share a mart: the first publish says whose it is."""
        table = sql.Identifier(SCHEMA, ORIGIN)
        connection.execute(
            sql.SQL("INSERT INTO {} VALUES (true, %s) ON CONFLICT DO NOTHING").format(table),
            [self.origin],
        )
        found = connection.execute(sql.SQL("SELECT origin FROM {}").format(table)).fetchone()
        if found is not None and found[0] != self.origin:
            raise MartRefused(
                f"the mart at {self.address.shown} holds figures of {found[0]} posts, and these "
                f"are of {self.origin} ones: name another database in {self.address.setting}"
            )


def _begin_months(connection: psycopg.Connection[Any], table: Outgoing) -> dict[dt.date, str]:
    """Make what the partitions need and is not there; the new tables' names by month.

    They are no part of the mart's table yet: readers go on, and rows are copied without an index
    being kept. There is no partition for whatever is left over.
    """
    if not is_dated(table.contract):
        return {}
    begun = {}
    for month in sorted({_month(partition) for partition in table.partitions}):
        made = connection.execute(
            "SELECT mart.begin_month(%s, %s)", [table.contract.table, month]
        ).fetchone()
        if made is not None and made[0] is not None:
            begun[month] = str(made[0])
    return begun


def _replace(
    connection: psycopg.Connection[Any],
    table: Outgoing,
    begun: dict[dt.date, str],
    run_id: str,
    address: MartAddress,
) -> Sent:
    contract = table.contract
    partitions = sorted(table.partitions) if is_dated(contract) else [WHOLE]
    ours = _lock(connection, table, partitions, run_id)
    counted = dict.fromkeys(ours, 0)

    def copy(into: str, wanted: Sequence[PostPartition]) -> None:
        batches = table.batches([] if wanted == [WHOLE] else wanted)
        rows = _copy(connection, contract, into, batches)
        if astray := set(rows) - set(wanted):
            raise MartRefused(
                f"{contract.name}: rows of {len(astray)} partitions that were not named came to "
                f"the mart at {address.shown}; nothing was changed"
            )
        counted.update(rows)

    standing = [partition for partition in ours if _month(partition) not in begun]
    if standing:
        _delete(connection, contract, standing)
        copy(contract.table, standing)
    for month, child in begun.items():
        if of_month := [partition for partition in ours if _month(partition) == month]:
            copy(child, of_month)
        connection.execute("SELECT mart.attach_month(%s, %s)", [contract.table, month])
    if ours:
        _note(connection, contract, counted)
    return Sent(counted, tuple(p for p in partitions if p not in counted))


def _month(partition: PostPartition) -> dt.date:
    """The first day of its month."""
    return partition.date.replace(day=1)


def _lock(
    connection: psycopg.Connection[Any],
    table: Outgoing,
    partitions: Sequence[PostPartition],
    run_id: str,
) -> list[PostPartition]:
    """Take the partitions' lines, and keep those that no later version of gold has written.

    A line that another publish holds is waited for, and then judged as that one left it. Locks of
    rows are without number; of advisory locks a server has a few thousand.
    """
    found = connection.execute(
        sql.SQL("""
            INSERT INTO {} AS held
            SELECT %(table)s, date, platform, 0, %(version)s, %(id)s, clock_timestamp(), %(run)s
            FROM unnest(%(dates)s::date[], %(platforms)s::text[]) AS wanted(date, platform)
            ORDER BY date, platform
            ON CONFLICT (table_name, date, platform) DO UPDATE SET
                gold_version = excluded.gold_version, gold_table = excluded.gold_table,
                published_at = excluded.published_at, run_id = excluded.run_id
            WHERE held.gold_table <> excluded.gold_table
                OR held.gold_version <= excluded.gold_version
            RETURNING date, platform
        """).format(_PUBLICATION),
        {
            "table": table.contract.table,
            "version": table.version,
            "id": table.table_id,
            "run": run_id,
            **_lists(partitions),
        },
    ).fetchall()
    return sorted(PostPartition(date, platform) for date, platform in found)


def _delete(
    connection: psycopg.Connection[Any], contract: Contract, partitions: Sequence[PostPartition]
) -> None:
    name = sql.Identifier(SCHEMA, contract.table)
    if not is_dated(contract):
        connection.execute(sql.SQL("DELETE FROM {}").format(name))
        return
    # The bounds let the server leave out all other months before it looks.
    connection.execute(
        sql.SQL("""
            DELETE FROM {} AS t
            USING unnest(%(dates)s::date[], %(platforms)s::text[]) AS replaced(date, platform)
            WHERE t.date = replaced.date AND t.platform = replaced.platform
                AND t.date BETWEEN %(first)s AND %(last)s
        """).format(name),
        {
            "first": min(p.date for p in partitions),
            "last": max(p.date for p in partitions),
            **_lists(partitions),
        },
    )


def _copy(
    connection: psycopg.Connection[Any],
    contract: Contract,
    into: str,
    batches: Iterable[pa.RecordBatch],
) -> Counter[PostPartition]:
    """Copy the rows, batch by batch, and count them by partition."""
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in contract.columns)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(SCHEMA, into), columns
    )
    encoder = ArrowToPostgresBinaryEncoder(contract.schema)
    rows: Counter[PostPartition] = Counter()
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(encoder.write_header())
        for batch in batches:
            copy.write(encoder.write_batch(batch))
            if is_dated(contract):
                counts = pl.DataFrame(batch).group_by(DATED).len().iter_rows()
                rows.update({PostPartition(d, p): count for d, p, count in counts})
            else:
                rows[WHOLE] += batch.num_rows
        copy.write(encoder.finish())
    return rows


def _note(
    connection: psycopg.Connection[Any], contract: Contract, rows: dict[PostPartition, int]
) -> None:
    connection.execute(
        sql.SQL("""
            UPDATE {} AS held SET row_count = counted.rows
            FROM unnest(%(dates)s::date[], %(platforms)s::text[], %(rows)s::bigint[])
                AS counted(date, platform, rows)
            WHERE held.table_name = %(table)s
                AND held.date = counted.date AND held.platform = counted.platform
        """).format(_PUBLICATION),
        {"table": contract.table, "rows": list(rows.values()), **_lists(list(rows))},
    )


def _lists(partitions: Sequence[PostPartition]) -> dict[str, list[dt.date] | list[str]]:
    return {
        "dates": [partition.date for partition in partitions],
        "platforms": [partition.platform for partition in partitions],
    }


_PUBLICATION = sql.Identifier(SCHEMA, PUBLICATION)
