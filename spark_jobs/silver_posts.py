"""Bronze to silver on Spark: many windows in one job, none of them too large.

What belongs here: what Spark moves and where. What happens to a record is ``core``'s, reading an
object and writing a file the lake's, as in the engine that needs no Spark: so both make the same
rows. Whoever started the job commits its files.

Only keys move. Objects are read twice: first for the keys that deduplication looks at, which Spark
shuffles, then by whoever writes the posts that it chose. A post's columns never leave the worker
that parsed them: moved through Spark, they took more time than all the rest.
"""

from __future__ import annotations

import functools
import itertools
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from dagster_pipes import open_dagster_pipes
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.pandas.types import from_arrow_schema

from sentiment_assets.core.collection import without_collection
from sentiment_assets.core.coverage import BronzeObject
from sentiment_assets.core.parsers import POST_SCHEMA, Refusal
from sentiment_assets.core.quality import Conservation
from sentiment_assets.core.silver import KEY_COLUMNS, choose, clean_batch, deduplicate, route
from sentiment_assets.engine.job_order import JobAddress, read_order
from sentiment_assets.engine.spark import SilverOrder, message_of
from sentiment_assets.engine.window import (
    WindowSilver,
    WindowSource,
    count_reasons,
    quarantine_rows,
    read_object,
    regrouped,
)
from sentiment_assets.lake.files import DataFile
from sentiment_assets.lake.objects import Lake
from spark_jobs.reporting import failures_are_told, progress
from spark_jobs.session import session

Batches = Iterator[pa.RecordBatch]
Report = Callable[[Mapping[str, Any]], None]

#: Records of a task: few enough that every core has several, many enough for files of a good size.
_LEAST_RECORDS, _MOST_RECORDS = 25_000, 2_000_000
_TASKS_PER_CORE = 4

_OBJECT_INDEX = pa.field("object", pa.int32())
#: What deduplication looks at. Objects are numbered in the order of their paths: ties break alike.
_KEYS = pa.schema(
    [
        pa.field("window_index", pa.int32()),
        *(POST_SCHEMA.field(name) for name in KEY_COLUMNS if name != "object"),
        _OBJECT_INDEX,
    ]
)
#: What deduplication found of a chosen line; a line of 0 stands for the object itself.
_CHOSEN = pa.schema(
    [
        pa.field("task", pa.int32()),
        _OBJECT_INDEX,
        pa.field("line", pa.int64()),
        pa.field("first_seen_at", pa.timestamp("us", tz="UTC")),
        pa.field("last_seen_at", pa.timestamp("us", tz="UTC")),
        pa.field("observation_count", pa.int32()),
    ]
)
#: What writing gives: a few rows a task, which are all that ever reaches the driver.
_WRITTEN = pa.schema([pa.field("window_index", pa.int32()), pa.field("told", pa.string())])


@dataclass(frozen=True)
class _Object:
    """An object of bronze, and the source that it belongs to."""

    window_index: int
    stored: BronzeObject


@dataclass
class _Told:
    """What a task tells of a window."""

    counts: Conservation = field(default_factory=Conservation)
    unscored: Counter[str] = field(default_factory=Counter)
    redacted: Counter[str] = field(default_factory=Counter)
    refusals: list[Refusal] = field(default_factory=list)
    posts: list[DataFile] = field(default_factory=list)
    quarantine: list[DataFile] = field(default_factory=list)


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
    objects = _numbered(order.sources)
    tasks = _tasks(objects, spark.sparkContext.defaultParallelism)
    number = 1 + max(tasks, default=0)
    log(f"{len(order.sources)} windows of {len(objects)} objects, in {number} tasks")
    placed = spark.createDataFrame([*enumerate(tasks)], "object int, task int")
    keys = placed.repartitionByRange(number, "task").mapInArrow(
        functools.partial(_keys, address), _spark(_KEYS)
    )
    written = (
        _chosen(keys, placed)
        # As many partitions as tasks, whatever adaptive execution thinks of their few bytes.
        .repartition(number, "task")
        .sortWithinPartitions("task", "object", "line")
        .mapInArrow(functools.partial(_write, address), _spark(_WRITTEN))
        .toArrow()
    )
    told = zip(written["window_index"].to_pylist(), written["told"].to_pylist(), strict=True)
    log(f"{len(order.sources)} windows are written")
    yield from _summed(order.sources, told)


def _numbered(sources: Sequence[WindowSource]) -> list[_Object]:
    """All objects, in the order of their paths."""
    objects = [
        _Object(index, stored) for index, source in enumerate(sources) for stored in source.objects
    ]
    return sorted(objects, key=lambda found: found.stored.path)


def _tasks(objects: Sequence[_Object], cores: int) -> list[int]:
    """The task of each object: a window's stay together, as far as they are not too many."""
    total = sum(found.stored.records for found in objects)
    share = max(_LEAST_RECORDS, min(_MOST_RECORDS, total // (_TASKS_PER_CORE * cores)))
    tasks, task, records = [0] * len(objects), 0, 0
    by_window = sorted(range(len(objects)), key=lambda place: objects[place].window_index)
    for place in by_window:
        if records and records + objects[place].stored.records > share:
            task, records = task + 1, 0
        tasks[place] = task
        records += objects[place].stored.records
    return tasks


def _chosen(keys: DataFrame, placed: DataFrame) -> DataFrame:
    """The chosen lines of every object, after the object itself: it may have none."""
    chosen = deduplicate(keys, within=["window_index"]).join(f.broadcast(placed), "object")
    nothing = {name: f.lit(None) for name in _CHOSEN.names[3:]}
    themselves = placed.withColumns({"line": f.lit(0).cast("bigint"), **nothing})
    return chosen.select(*_CHOSEN.names).unionByName(themselves.select(*_CHOSEN.names))


def _summed(
    sources: Sequence[WindowSource], told: Iterable[tuple[int, str]]
) -> Iterator[tuple[int, WindowSilver]]:
    """What tasks told of each window, in one."""
    parts: dict[int, list[Mapping[str, Any]]] = {}
    for index, written in told:
        parts.setdefault(index, []).append(json.loads(written))
    for index, source in enumerate(sources):
        whole = _Told(Conservation(records=source.records))
        for part in parts.get(index, ()):
            whole.counts += Conservation(**part["counts"])
            whole.unscored.update(part["unscored"])
            whole.redacted.update(part["redacted"])
            whole.posts += [DataFile(*file) for file in part["posts"]]
            whole.quarantine += [DataFile(*file) for file in part["quarantine"]]
        window = source.window
        whole.counts.require(f"silver of window {window.name} of {window.partition.key}")
        yield (
            index,
            WindowSilver(
                whole.posts, whole.quarantine, whole.counts, whole.unscored, whole.redacted
            ),
        )


# In Spark's Python workers


@functools.lru_cache(maxsize=1)
def _given(address: JobAddress) -> tuple[Lake, SilverOrder, list[_Object]]:
    """Read once a worker, which lives for many tasks."""
    lake, order = read_order(address)
    return lake, order, _numbered(order.sources)


def _posts_of(address: JobAddress, found: _Object, refusals: list[Refusal]) -> Batches:
    """The posts of an object that belong to its window; what is refused is added to a list."""
    lake, order, _ = _given(address)
    window = order.sources[found.window_index].window
    for parsed in read_object(lake, window, found.stored):
        routed = route(parsed.posts, window)
        refusals += [*parsed.refusals, *routed.refusals]
        yield routed.posts


def _keys(address: JobAddress, batches: Batches) -> Batches:
    """Objects to what deduplication looks at."""
    objects = _given(address)[2]
    for batch in batches:
        for number in batch["object"].to_pylist():
            found = objects[number]
            for posts in _posts_of(address, found, []):
                rows = posts.num_rows
                repeated = {
                    "window_index": pa.repeat(pa.scalar(found.window_index, pa.int32()), rows),
                    "object": pa.repeat(pa.scalar(number, pa.int32()), rows),
                }
                columns = [
                    repeated[name] if name in repeated else posts[name] for name in _KEYS.names
                ]
                yield pa.RecordBatch.from_arrays(columns, schema=_KEYS)


def _write(address: JobAddress, batches: Batches) -> Batches:
    """Chosen lines of objects to the files of their windows, cleaned on the way."""
    _, order, objects = _given(address)
    chosen = _by_object(batches)
    for index, group in itertools.groupby(chosen, key=lambda pair: objects[pair[0]].window_index):
        source, told = order.sources[index], _Told()
        # Two tasks may write to one window, and two attempts of one task.
        name = uuid.uuid4().hex[:12]
        posts = replace(source.posts, prefix=f"{source.posts.prefix}-{name}")
        quarantine = replace(source.quarantine, prefix=f"{source.quarantine.prefix}-{name}")
        told.posts = posts.write(_cleaned(address, source, order, objects, group, told))
        told.quarantine = quarantine.write(
            [quarantine_rows(source.window, told.refusals, order.rules)]
        )
        told.counts += Conservation(quarantined=sum(r.record_count for r in told.refusals))
        yield _written(index, told)


def _cleaned(
    address: JobAddress,
    source: WindowSource,
    order: SilverOrder,
    objects: Sequence[_Object],
    group: Iterable[tuple[int, pl.DataFrame]],
    told: _Told,
) -> Batches:
    """Rows of ``silver/posts`` of a window's objects."""
    lines: list[pl.DataFrame] = []

    def posts() -> Batches:
        for number, found in group:
            path = objects[number].stored.path
            lines.append(found.with_columns(object=pl.lit(path)))
            yield from _posts_of(address, objects[number], told.refusals)

    for batch in regrouped(posts()):
        with without_collection():
            rows = clean_batch(choose(batch, pl.concat(lines), source.completed_at), order.rules)
        # The last object may go on in the next batch.
        del lines[:-1]
        observed = pc.sum(rows["observation_count"]).as_py() or 0
        told.counts += Conservation(rows=rows.num_rows, duplicates=observed - rows.num_rows)
        count_reasons(rows, told.unscored, told.redacted)
        yield rows


def _by_object(batches: Batches) -> Iterator[tuple[int, pl.DataFrame]]:
    """Each object of a task with its chosen lines: as many in memory as one object has."""

    def runs() -> Iterator[tuple[int, pa.RecordBatch]]:
        for batch in batches:
            encoded, start = pc.run_end_encode(batch["object"]), 0
            for number, end in zip(
                encoded.values.to_pylist(), encoded.run_ends.to_pylist(), strict=True
            ):
                yield number, batch.slice(start, end - start)
                start = end

    for number, parts in itertools.groupby(runs(), key=lambda pair: pair[0]):
        frame = pl.from_arrow(pa.Table.from_batches([part for _, part in parts]))
        assert isinstance(frame, pl.DataFrame)
        yield number, frame.filter(pl.col("line") > 0).drop("task", "object")


def _written(index: int, told: _Told) -> pa.RecordBatch:
    part = {
        "posts": [(file.path, file.size) for file in told.posts],
        "quarantine": [(file.path, file.size) for file in told.quarantine],
        "counts": asdict(told.counts),
        "unscored": dict(told.unscored),
        "redacted": dict(told.redacted),
    }
    return pa.RecordBatch.from_pydict(
        {"window_index": [index], "told": [json.dumps(part)]}, schema=_WRITTEN
    )


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
        address = JobAddress(**pipes.extras["order"])
        spark = session(address.location, "silver_posts")
        with progress(spark, pipes.log.info):
            run(spark, address, pipes.report_custom_message, pipes.log.info)


if __name__ == "__main__":
    # By its name: workers look there for what is sent to them.
    from spark_jobs.silver_posts import main as program

    program()
