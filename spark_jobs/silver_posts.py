"""Bronze to silver on Spark: many windows in one job, none of them too large.

What belongs here: what Spark moves and where. What happens to a record is ``core``'s, reading an
object and writing a file the lake's, as in the engine that needs no Spark: so both make the same
rows. Whoever started the job commits its files.

Records move three times, in partitions that adaptive execution sizes as it measures them: objects
to whoever reads them, keys to deduplication, and chosen posts to whoever writes their window, where
a large window is split and small ones are put together.
"""

from __future__ import annotations

import functools
import itertools
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from dagster_pipes import PipesContext, open_dagster_pipes
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.pandas.types import from_arrow_schema

from sentiment_assets.core.collection import without_collection
from sentiment_assets.core.parsers import POST_SCHEMA, Refusal
from sentiment_assets.core.quality import Conservation
from sentiment_assets.core.silver import KEY_COLUMNS, choose, clean_batch, deduplicate
from sentiment_assets.core.silver import route as route_posts
from sentiment_assets.engine.job_order import JobAddress, read_order
from sentiment_assets.engine.spark import SilverOrder, message_of
from sentiment_assets.engine.window import (
    WindowSilver,
    WindowSource,
    count_reasons,
    quarantine_rows,
    read_object,
)
from sentiment_assets.lake.files import DataFile
from sentiment_assets.lake.objects import Lake
from spark_jobs.reporting import failures_are_told, progress
from spark_jobs.session import PARTITION_BYTES, PARTITION_BYTES_SETTING, session

Batches = Iterator[pa.RecordBatch]
Report = Callable[[Mapping[str, Any]], None]

#: Records that one task reads, where objects allow it.
_READ_RECORDS = 200_000

#: Of a parsed post in a shuffle, packed.
_SHUFFLED_BYTES = 250
#: A smaller task takes longer to begin than to do.
_LEAST_PARTITION_BYTES = 4 * 2**20

_INDEX = pa.field("window_index", pa.int32())
_REFUSAL = pa.field("refusal", pa.string())
#: What reading gives: posts, and refusals (JSON) that have no other column.
_PARSED = pa.schema([_INDEX, *(field.with_nullable(True) for field in POST_SCHEMA), _REFUSAL])
#: What writing gives: a few rows a task, which are all that ever reaches the driver.
_WRITTEN = pa.schema([_INDEX, pa.field("written", pa.string())])
_OBJECTS = "task int, window_index int, object_index int"
_CHOSEN = ("first_seen_at", "last_seen_at", "observation_count")


def build(
    spark: SparkSession, address: JobAddress, log: Callable[[str], None]
) -> Iterator[tuple[int, WindowSilver]]:
    """Write the silver of all windows of an order.

    Yields:
        The index of each source, and what was written of it.

    Raises:
        ConservationError: records went missing, or came from nowhere.
    """
    order = _given(address)[1]
    spark.conf.set(PARTITION_BYTES_SETTING, str(_partition_bytes(spark, order.sources)))
    objects = spark.createDataFrame(_tasks(order.sources), _OBJECTS)
    tasks = 1 + max((task for task, _, _ in _tasks(order.sources)), default=0)
    parsed = (
        objects.repartitionByRange(tasks, "task")
        .mapInArrow(functools.partial(_parse, address), _spark(_PARSED))
        # Read once, from the disk of whoever read it: memory is Spark's for what it sorts.
        .persist(StorageLevel.DISK_ONLY)
    )
    try:
        # One after the other: the second finds what the first has read.
        refused = _written(parsed.where("refusal is not null"), address, _write_refusals)
        posts = _chosen_posts(parsed.where("refusal is null").drop("refusal"))
        written = _written(posts, address, _write_posts)
    finally:
        parsed.unpersist()
    log(f"{len(order.sources)} windows are written")
    yield from _summed(order.sources, itertools.chain(written, refused))


def _tasks(sources: Sequence[WindowSource]) -> list[tuple[int, int, int]]:
    """Objects with the task that reads each: as many records in every task, if they allow it."""
    objects = [
        (stored.records, index, place)
        for index, source in enumerate(sources)
        for place, stored in enumerate(source.objects)
    ]
    tasks = max(1, min(len(objects), -(-sum(records for records, *_ in objects) // _READ_RECORDS)))
    waiting = [0] * tasks
    placed = []
    # The largest first, each to the task with the least to read.
    for records, index, place in sorted(objects, reverse=True):
        task = waiting.index(min(waiting))
        waiting[task] += records
        placed.append((task, index, place))
    return placed


def _partition_bytes(spark: SparkSession, sources: Sequence[WindowSource]) -> int:
    """Of a shuffle: files of a good size, but work for every core before that."""
    records = sum(source.records for source in sources)
    share = records * _SHUFFLED_BYTES // (2 * spark.sparkContext.defaultParallelism)
    return max(_LEAST_PARTITION_BYTES, min(PARTITION_BYTES, share))


def _chosen_posts(posts: DataFrame) -> DataFrame:
    """The newest observation of every chain of edits, beside what the others say of it."""
    keys = posts.select("window_index", *KEY_COLUMNS)
    chosen = deduplicate(keys, within=["window_index"])
    return posts.join(chosen, ["object", "line"])


def _written(
    rows: DataFrame,
    address: JobAddress,
    write: Callable[[JobAddress, Batches], Batches],
) -> list[tuple[int, Mapping[str, Any]]]:
    """Have rows written by whoever gets their windows; what is told of each file."""
    reports = (
        rows.hint("rebalance", f.col("window_index"))
        # A task writes one window after the other.
        .sortWithinPartitions("window_index")
        .mapInArrow(functools.partial(write, address), _spark(_WRITTEN))
    )
    told = reports.toArrow()
    return [
        (index, json.loads(report))
        for index, report in zip(
            told["window_index"].to_pylist(), told["written"].to_pylist(), strict=True
        )
    ]


def _summed(
    sources: Sequence[WindowSource], told: Iterable[tuple[int, Mapping[str, Any]]]
) -> Iterator[tuple[int, WindowSilver]]:
    """What was told of each window's files, in one."""
    parts: dict[int, list[Mapping[str, Any]]] = {}
    for index, report in told:
        parts.setdefault(index, []).append(report)
    for index, source in enumerate(sources):
        counts = Conservation(records=source.records)
        unscored: Counter[str] = Counter()
        redacted: Counter[str] = Counter()
        files: dict[str, list[DataFile]] = {"posts": [], "quarantine": []}
        for report in parts.get(index, ()):
            counts += Conservation(**report["counts"])
            unscored.update(report["unscored"])
            redacted.update(report["redacted"])
            files[report["table"]] += [DataFile(*file) for file in report["files"]]
        window = source.window
        counts.require(f"silver of window {window.name} of {window.partition.key}")
        yield index, WindowSilver(files["posts"], files["quarantine"], counts, unscored, redacted)


# In Spark's Python workers


@functools.lru_cache(maxsize=1)
def _given(address: JobAddress) -> tuple[Lake, SilverOrder]:
    """Read once a worker, which lives for many tasks."""
    lake, order = read_order(address)
    return lake, order


def _parse(address: JobAddress, batches: Batches) -> Batches:
    """Objects to parsed posts and refusals."""
    lake, order = _given(address)
    for batch in batches:
        for row in batch.select(["window_index", "object_index"]).to_pylist():
            index = row["window_index"]
            source = order.sources[index]
            stored = source.objects[row["object_index"]]
            for parsed in read_object(lake, source.window, stored):
                routed = route_posts(parsed.posts, source.window)
                yield _posts(index, routed.posts)
                if refusals := [*parsed.refusals, *routed.refusals]:
                    yield _refusals(index, refusals)


def _posts(index: int, posts: pa.RecordBatch) -> pa.RecordBatch:
    rows = posts.num_rows
    columns = [_repeated(index, rows), *posts.columns, pa.nulls(rows, _REFUSAL.type)]
    return pa.RecordBatch.from_arrays(columns, schema=_PARSED)


def _refusals(index: int, refusals: Sequence[Refusal]) -> pa.RecordBatch:
    rows = len(refusals)
    nothing = [pa.nulls(rows, field.type) for field in POST_SCHEMA]
    told = pa.array([json.dumps(refusal) for refusal in refusals], _REFUSAL.type)
    return pa.RecordBatch.from_arrays([_repeated(index, rows), *nothing, told], schema=_PARSED)


def _repeated(index: int, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(index, _INDEX.type), rows)


def _write_posts(address: JobAddress, batches: Batches) -> Batches:
    """Chosen posts to files of ``silver/posts``, cleaned on the way."""
    _, order = _given(address)
    for index, group in _by_window(batches):
        source = order.sources[index]
        counts = Conservation()
        unscored: Counter[str] = Counter()
        redacted: Counter[str] = Counter()

        def cleaned(
            source: WindowSource = source,
            group: Batches = group,
            unscored: Counter[str] = unscored,
            redacted: Counter[str] = redacted,
        ) -> Batches:
            nonlocal counts
            for batch in group:
                with without_collection():
                    chosen = _polars(batch.select(["object", "line", *_CHOSEN]))
                    posts = _as_parsed(batch)
                    rows = clean_batch(choose(posts, chosen, source.completed_at), order.rules)
                observed = pc.sum(rows["observation_count"]).as_py() or 0
                counts += Conservation(rows=rows.num_rows, duplicates=observed - rows.num_rows)
                count_reasons(rows, unscored, redacted)
                yield rows

        # Two tasks may write to one window, and two attempts of one task.
        writer = replace(source.posts, prefix=f"{source.posts.prefix}-{uuid.uuid4().hex[:12]}")
        files = writer.write(cleaned())
        yield _report(index, "posts", files, counts, unscored, redacted)


def _write_refusals(address: JobAddress, batches: Batches) -> Batches:
    """Refusals to files of ``silver/quarantine``."""
    _, order = _given(address)
    for index, group in _by_window(batches):
        source = order.sources[index]
        counts = Conservation()

        def refused(
            source: WindowSource = source, group: Batches = group
        ) -> Iterator[pl.DataFrame]:
            nonlocal counts
            for batch in group:
                refusals = [Refusal(*json.loads(told)) for told in batch["refusal"].to_pylist()]
                counts += Conservation(quarantined=sum(r.record_count for r in refusals))
                yield quarantine_rows(source.window, refusals, order.rules)

        name = f"{source.quarantine.prefix}-{uuid.uuid4().hex[:12]}"
        files = replace(source.quarantine, prefix=name).write(refused())
        yield _report(index, "quarantine", files, counts)


def _by_window(batches: Batches) -> Iterator[tuple[int, Batches]]:
    """Batches that are sorted by window, cut where one ends and the next begins."""

    def cut() -> Iterator[tuple[int, pa.RecordBatch]]:
        for batch in batches:
            start = 0
            for index, end in _runs(batch):
                yield index, batch.slice(start, end - start)
                start = end

    for index, group in itertools.groupby(cut(), key=lambda pair: pair[0]):
        yield index, (batch for _, batch in group)


def _runs(batch: pa.RecordBatch) -> list[tuple[int, int]]:
    """Each window's index in a batch, and where its rows end."""
    encoded = pc.run_end_encode(batch["window_index"])
    return list(zip(encoded.values.to_pylist(), encoded.run_ends.to_pylist(), strict=True))


def _as_parsed(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The columns of parsed posts, as they are declared: Spark knows no column without nulls."""
    columns = [batch[field.name].cast(field.type) for field in POST_SCHEMA]
    return pa.RecordBatch.from_arrays(columns, schema=POST_SCHEMA)


def _report(
    index: int,
    table: str,
    files: Sequence[DataFile],
    counts: Conservation,
    unscored: Mapping[str, int] | None = None,
    redacted: Mapping[str, int] | None = None,
) -> pa.RecordBatch:
    told = {
        "table": table,
        "files": [(file.path, file.size) for file in files],
        "counts": asdict(counts),
        "unscored": dict(unscored or {}),
        "redacted": dict(redacted or {}),
    }
    return pa.RecordBatch.from_pydict(
        {"window_index": [index], "written": [json.dumps(told)]}, schema=_WRITTEN
    )


def _polars(batch: pa.RecordBatch) -> pl.DataFrame:
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _spark(schema: pa.Schema) -> Any:
    return from_arrow_schema(schema)


# Between the job and whoever started it


def run(
    spark: SparkSession, address: JobAddress, report: Report, log: Callable[[str], None]
) -> None:
    """Do what an order says, and report each window."""
    for index, silver in build(spark, address, log):
        report(message_of(index, silver))


def main() -> None:
    """For spark-submit, started by Dagster through its Pipes."""
    with open_dagster_pipes() as pipes, failures_are_told(pipes):
        _main(pipes)


def _main(pipes: PipesContext) -> None:
    address = JobAddress(**pipes.extras["order"])
    spark = session(address.location, "silver_posts")
    with progress(spark, pipes.log.info):
        run(spark, address, pipes.report_custom_message, pipes.log.info)


if __name__ == "__main__":
    # By its name: workers look there for what is sent to them.
    from spark_jobs.silver_posts import main as program

    program()
