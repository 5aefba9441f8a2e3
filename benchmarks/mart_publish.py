"""``python -m benchmarks.mart_publish``: a year of gold into PostgreSQL, beside pandas.to_sql.

A million rows of ``gold/topic_sentiment``, 365 days of four platforms, are published as a rebuild
publishes them: read from Delta, into a partitioned table with its key and indexes, in one
transaction, with a note of each partition. Then once more, where the rows of before go first.
``pandas.to_sql`` gets the first of the same rows, as a frame in memory, in the same server and run:
into a table like ours, and into one that it makes itself, which has no key, index or months. By
default it gets fewer rows than ours, and rates are compared: its time grows with the rows.
"""

from __future__ import annotations

import argparse
import datetime as dt
import resource
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import psutil
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from benchmarks.report import table
from resources.embedded_postgres import embedded_postgres
from resources.mart_publisher import PostgresMart
from resources.mart_tables import sql_type
from resources.postgres import embedded_address
from sentiment_assets.assets.marts import outgoing
from sentiment_assets.core.contracts import TOPIC_SENTIMENT
from sentiment_assets.core.layout import Origin, PostPartition
from sentiment_assets.core.mart import mart_key
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.lake.files import polars_schema
from sentiment_assets.lake.objects import Lake, LakeLocation

FIRST = dt.date(2026, 1, 1)
ORIGIN: Origin = "simulated"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mart_publish", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows that are published")
    parser.add_argument("--peer-rows", type=int, default=100_000, help="rows that pandas gets")
    parser.add_argument("--days", type=int, default=365, help="days that the rows are of")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sentiment-mart-") as folder:
        print(measure(Path(folder), asked.rows, asked.peer_rows, asked.days))


class Timed(NamedTuple):
    """Seconds of the clock, and of the processor: this process's and the server's."""

    wall: float
    cpu: float


def measure(folder: Path, rows: int, peer_rows: int, days: int) -> str:
    """The report."""
    partitions = [
        PostPartition(FIRST + dt.timedelta(days=number), platform)
        for number in range(days)
        for platform in PLATFORMS
    ]
    lake = Lake.open(LakeLocation(str(folder / "lake"), ORIGIN))
    _fill(lake, partitions, rows // len(partitions))
    gold = lake.table(TOPIC_SENTIMENT)
    written = int(gold.partition_sizes()["rows"].sum())
    server = embedded_postgres(folder)
    measured: list[tuple[str, int, Timed]] = []
    try:
        mart = PostgresMart(embedded_address(folder, ORIGIN), ORIGIN)
        # A new database and its tables take a moment, once.
        mart.upgrade()
        for said in ("publish", "publish again, over the rows of before"):
            sending = outgoing(gold.as_of_now(), partitions)
            assert sending is not None
            took = _timed(server, partial(mart.publish, [sending], "benchmark"))
            measured.append((said, written, took))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        frame = gold.scan().head(min(peer_rows, written)).collect().to_pandas()
        engine = sa.create_engine(server.get_uri(driver="psycopg2"))
        with engine.begin() as connection:
            connection.execute(sa.text(_table_like_ours(partitions)))
        same = partial(frame.to_sql, "like_ours", engine, if_exists="append", index=False)
        measured.append(("pandas.to_sql, the same table", len(frame), _timed(server, same)))
        to_sql = partial(frame.to_sql, "peer", engine, if_exists="replace", index=False)
        measured.append(("pandas.to_sql, its own table", len(frame), _timed(server, to_sql)))
        multi = partial(to_sql, method="multi", chunksize=1_000)
        measured.append(('the same with method="multi"', len(frame), _timed(server, multi)))
        with engine.connect() as connection:
            held = connection.execute(sa.text("SELECT count(*) FROM peer")).scalar()
        engine.dispose()
        published = sum(p.rows for p in mart.publications(TOPIC_SENTIMENT).values())
        mart.close()
    finally:
        server.cleanup()
    assert (published, held) == (written, len(frame))
    ours = measured[0][2]
    shown = [
        (
            said,
            f"{count:,}",
            f"{took.wall:.1f}",
            f"{count / took.wall:,.0f}",
            f"{took.wall / count * written / ours.wall:.1f}",
            f"{took.cpu / count * written / ours.cpu:.1f}",
        )
        for said, count, took in measured
    ]
    titles = ("", "rows", "s", "rows/s", "time a row, ours = 1", "processor a row, ours = 1")
    return "\n\n".join(
        [
            f"### {written:,} rows of {len(partitions):,} partitions and "
            f"{len(TOPIC_SENTIMENT.columns)} columns into PostgreSQL\n\n" + table(titles, shown),
            f"Ours reads Delta, keeps a key and an index, makes the tables of its months, and is "
            f"one transaction; at its peak the process held {peak:,.0f} MB. pandas got "
            f"{len(frame):,} of the rows from memory; the table that it makes has no key, index or "
            "months. Rates are compared. The processor's time is the process's and the server's.",
        ]
    )


def _table_like_ours(partitions: list[PostPartition]) -> str:
    """SQL that makes ``like_ours``: what ours is, in the database where pandas writes."""
    dialect: Any = postgresql.dialect()  # type: ignore[no-untyped-call]
    columns = ", ".join(
        f"{column.name} {sql_type(column.type).compile(dialect)}"
        for column in TOPIC_SENTIMENT.columns
    )
    key = ", ".join(mart_key(TOPIC_SENTIMENT))
    months = sorted({partition.date.replace(day=1) for partition in partitions})
    ends = [(month + dt.timedelta(days=31)).replace(day=1) for month in months]
    return ";".join(
        [
            f"CREATE TABLE like_ours ({columns}, PRIMARY KEY ({key})) PARTITION BY RANGE (date)",
            "CREATE INDEX ON like_ours (topic, date)",
            *(
                f"CREATE TABLE like_ours_{first:%Y%m} PARTITION OF like_ours "
                f"FOR VALUES FROM ('{first}') TO ('{end}')"
                for first, end in zip(months, ends, strict=True)
            ),
        ]
    )


def _fill(lake: Lake, partitions: list[PostPartition], topics: int) -> None:
    """Gold as a year of four platforms leaves it: most topics are hashtags."""
    chance = np.random.default_rng(7)
    values = [{"date": p.date.isoformat(), "platform": p.platform} for p in partitions]
    with lake.table(TOPIC_SENTIMENT).begin(values, "benchmark") as replacement:
        for partition, value in zip(partitions, values, strict=True):
            replacement.write(value, [_rows(partition, topics, chance).to_arrow()])
        replacement.commit()


def _rows(partition: PostPartition, topics: int, chance: np.random.Generator) -> pl.DataFrame:
    """Rows of one partition; three in ten cells are hidden."""
    hidden = pl.Series("suppressed", chance.random(topics) < 0.3)
    types = polars_schema(TOPIC_SENTIMENT.schema)
    columns = {
        name: pl.Series(name, chance.random(topics) * 10_000).cast(kind).set(hidden, None)
        for name, kind in types.items()
        if kind.is_numeric()
    }
    columns |= {
        "date": pl.Series([partition.date] * topics),
        "platform": pl.Series([partition.platform] * topics),
        "topic_kind": pl.Series(["tracked" if n < 12 else "hashtag" for n in range(topics)]),
        "topic": pl.Series([f"topic{n:05d}" for n in range(topics)]),
        "suppressed": hidden,
    }
    return pl.DataFrame({name: columns[name] for name in types})


def _timed(server: Any, work: Callable[[], object]) -> Timed:
    start, cpu = time.perf_counter(), _cpu(server)
    with warnings.catch_warnings():
        # pandas warns of the driver that SQLAlchemy chose.
        warnings.simplefilter("ignore")
        work()
    return Timed(time.perf_counter() - start, _cpu(server) - cpu)


def _cpu(server: Any) -> float:
    """Seconds of the processor so far: this process, and the server with sessions that ended."""
    postmaster = psutil.Process(server.get_pid())
    theirs = postmaster.cpu_times()
    living = [process.cpu_times() for process in postmaster.children(recursive=True)]
    ended = theirs.children_user + theirs.children_system
    return time.process_time() + ended + sum(t.user + t.system for t in (theirs, *living))


if __name__ == "__main__":
    main()
