"""Kafka to live posts and figures on Spark, seconds after the platforms sent them.

What belongs here: what Spark does of it: reading topics, knowing posts again, dealing out work, and
saying how far it has come. What becomes of a batch is ``engine.live``'s, the same with any engine.

Posts are known again by their chain of edits, for as long as the stream waits for late ones. The
clock of that waiting is the posts' own times of creation, which every repetition of a post shares:
so a repetition is either known, or too late to count.
"""

from __future__ import annotations

import datetime as dt
import faulthandler
import functools
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import polars as pl
import psutil
import pyarrow as pa
from dagster_pipes import open_dagster_pipes
from pyspark import TaskContext
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.streaming.query import StreamingQuery

from sentiment_assets.core.contracts import LIVE_SENTIMENT
from sentiment_assets.core.layout import LIVE_CHECKPOINT
from sentiment_assets.engine.job_order import JobAddress, read_order
from sentiment_assets.engine.live import (
    ARRIVED,
    LiveOrder,
    LiveProgress,
    LiveTables,
    Written,
    arrived,
    begin_anew,
    close_slots,
    figures_of,
    note_progress,
    query_id,
    write_part,
)
from sentiment_assets.lake.objects import Lake
from spark_jobs.reporting import failures_are_told
from spark_jobs.session import session, spark_uri

Batches = Iterator[pa.RecordBatch]
Report = Callable[[Mapping[str, Any]], None]

#: No sign of life for so long is a failure: whoever supervises starts another.
STALLED_SECONDS = 300
#: Between two looks at the query.
_LOOK_SECONDS = 1
#: Between two signs of life where nothing comes.
_HEARTBEAT_SECONDS = 30.0

_WRITTEN = pa.schema([pa.field("written", pa.string())])

#: Of the session, beside those of every job.
CONFIGURATION: Mapping[str, str] = {
    # On disk beside the JVM, with a bound of its own: the keys of an hour don't fit every heap.
    "spark.sql.streaming.stateStore.providerClass": (
        "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    ),
    "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
    "spark.sql.streaming.stateStore.rocksdb.boundedMemoryUsage": "true",
    "spark.sql.streaming.stateStore.rocksdb.maxMemoryUsageMB": "256",
    "spark.sql.streaming.minBatchesToRetain": "20",
    # State that has ended goes with the next posts; a batch for that alone would delay them.
    "spark.sql.streaming.noDataMicroBatches.enabled": "false",
    # Names of Kafka's options that are secrets, beside Spark's own list.
    "spark.sql.redaction.options.regex": (
        "(?i)secret|password|token|access[.]?key|url|jaas|credential"
    ),
}


class StreamStalled(RuntimeError):
    """Spark says that the stream runs, and no batch ends."""


def start(spark: SparkSession, address: JobAddress, counts: dict[int, Mapping[str, Any]]) -> Any:
    """Start the stream of an order; ``counts`` gets what each batch wrote.

    Returns:
        Spark's query; stop it.
    """
    lake, order = _given(address)
    begin_anew(lake, order.run_id)
    for name, value in CONFIGURATION.items():
        spark.conf.set(name, value)
    # Of a query that was begun before, Spark takes the number from its checkpoint.
    spark.conf.set("spark.sql.shuffle.partitions", str(order.parts))
    batches = _Batches(lake, order, address, counts)
    writer = (
        _posts(spark, address, order)
        .writeStream.queryName("stream_posts")
        .option("checkpointLocation", spark_uri(lake.location.uri_of(LIVE_CHECKPOINT)))
        .foreachBatch(batches.write)
    )
    if order.continuous:
        return writer.trigger(processingTime=f"{order.trigger_seconds} seconds").start()
    return writer.trigger(availableNow=True).start()


def _posts(spark: SparkSession, address: JobAddress, order: LiveOrder) -> DataFrame:
    """Posts that were not seen before, parsed; what could not be parsed is counted on the way."""
    begin = dt.datetime.now(dt.timezone.utc) - dt.timedelta(minutes=order.look_back_minutes)
    records = (
        spark.readStream.format("kafka")
        .options(**order.kafka)
        .option("subscribe", ",".join(sorted(order.topics)))
        .option("includeHeaders", "true")
        # Of the first batch of all: after that the checkpoint says where it goes on.
        .option("startingTimestamp", str(int(begin.timestamp() * 1000)))
        .option("startingOffsetsByTimestampStrategy", "latest")
        # What retention removed is landing's to tell of; live goes on.
        .option("failOnDataLoss", "false")
        .option("maxOffsetsPerTrigger", str(order.batch_records))
        .load()
        .select("value", "headers", "topic", "partition", "offset", "timestamp")
    )
    return (
        records.mapInArrow(functools.partial(_parse, address), _spark(ARRIVED))
        .observe("arrived", f.count("*").alias("records"), f.count("refusal").alias("refused"))
        .where("refusal is null")
        .drop("refusal")
        .withWatermark("created_at", f"{order.late_minutes} minutes")
        .dropDuplicatesWithinWatermark(["platform", "chain_id"])
    )


class _Batches:
    """What is done with each batch, in the driver: commits, and what Spark is told to write."""

    def __init__(
        self,
        lake: Lake,
        order: LiveOrder,
        address: JobAddress,
        counts: dict[int, Mapping[str, Any]],
    ) -> None:
        self._lake = lake
        self._order = order
        self._address = address
        self._counts = counts
        self._tables: LiveTables | None = None

    def write(self, posts: DataFrame, batch: int) -> None:
        """Write a batch, or what of it a killed process left to do."""
        began = time.monotonic()
        held = False
        if self._tables is None:
            query = query_id(self._lake)
            assert query is not None, "Spark calls with a batch once its checkpoint stands"
            order = self._order
            self._tables = LiveTables(self._lake, query, order.run_id, order.min_authors)
            # Only the first batch of a process can have been begun by another.
            held = self._tables.holds(batch)
            if not held:
                self._tables.forget_unfinished(batch)
        tables = self._tables
        work = _pass_by if held else functools.partial(_write, self._address, batch)
        # Run in any case: with it Spark's state of this batch is written.
        told = posts.mapInArrow(work, _spark(_WRITTEN)).toArrow()
        parts = [Written.from_json(text) for text in told["written"].to_pylist()]
        if held:
            slots = tables.slots_of(batch)
        else:
            tables.add_posts(batch, parts)
            slots = sorted({dt.datetime.fromisoformat(s) for part in parts for s in part.slots})
        added = time.monotonic()
        now = dt.datetime.now(dt.timezone.utc)
        if slots:
            figures = self._figures(posts.sparkSession, batch, slots, tables, now)
            tables.publish(batch, figures, now)
        appended = min((part.appended for part in parts if part.appended), default=None)
        self._counts[batch] = {
            "posts": sum(part.posts for part in parts),
            "slots": len(slots),
            "seconds_to_silver": round(added - began, 3),
            "seconds_to_gold": round(time.monotonic() - began, 3),
            "oldest_waited_seconds": None if appended is None else round(time.time() - appended, 1),
        }

    def _figures(
        self,
        spark: SparkSession,
        batch: int,
        slots: list[dt.datetime],
        tables: LiveTables,
        now: dt.datetime,
    ) -> pl.DataFrame:
        """Figures of the slots that a batch added to: authors stay where their sums are read."""
        work = functools.partial(_figure, self._address, batch, tables.published(slots), now)
        named = spark.createDataFrame([(slot.isoformat(),) for slot in slots], "slot string")
        figures = pl.from_arrow(
            named.mapInArrow(work, _spark(LIVE_SENTIMENT.schema))
            .toArrow()
            .cast(LIVE_SENTIMENT.schema)
        )
        assert isinstance(figures, pl.DataFrame)
        return figures


# In Spark's Python workers


@functools.lru_cache(maxsize=1)
def _given(address: JobAddress) -> tuple[Lake, LiveOrder]:
    """Read once a worker, which lives for many batches."""
    lake, order = read_order(address)
    return lake, order


def _parse(address: JobAddress, batches: Batches) -> Batches:
    lake, order = _given(address)
    for batch in batches:
        yield arrived(batch, order.topics, lake.location.origin)


def _write(address: JobAddress, batch: int, batches: Batches) -> Batches:
    context = TaskContext.get()
    assert context is not None
    written = write_part(*_given(address), batch, context.partitionId(), batches)
    yield pa.RecordBatch.from_pydict({"written": [written.to_json()]}, schema=_WRITTEN)


def _pass_by(batches: Batches) -> Batches:
    """Posts that were added before: nothing is left to write."""
    for _ in batches:
        yield pa.RecordBatch.from_pydict({"written": []}, schema=_WRITTEN)


def _figure(
    address: JobAddress, batch: int, published: pl.DataFrame, now: dt.datetime, slots: Batches
) -> Batches:
    lake, order = _given(address)
    for named in slots:
        for slot in named["slot"].to_pylist():
            rows = figures_of(
                lake,
                dt.datetime.fromisoformat(slot),
                batch,
                published,
                order.min_authors,
                now,
            )
            yield from rows.to_arrow().cast(LIVE_SENTIMENT.schema).to_batches()


def _spark(schema: pa.Schema) -> Any:
    return from_arrow_schema(schema)


# What is told


def watch(
    query: StreamingQuery,
    lake: Lake,
    counts: dict[int, Mapping[str, Any]],
    report: Report,
    alive: Callable[[], None],
    hours: float,
) -> None:
    """Report every batch until the stream ends, or ``hours`` are over.

    Raises:
        StreamStalled: no batch ends, and none is looked for.
        StreamingQueryException: the stream failed.
    """
    told = -1
    seen = ""
    sign = said = time.monotonic()
    until = sign + hours * 3600
    ended = False
    while not ended:
        ended = bool(query.awaitTermination(_LOOK_SECONDS))
        alive()
        now = time.monotonic()
        ended = ended or now > until
        for progress in query.recentProgress:
            if progress.timestamp > seen:
                seen, sign = progress.timestamp, now
            if progress.batchId > told and progress.batchId in counts:
                told, said = progress.batchId, now
                report(_message(progress, counts.pop(told)))
                _note(lake, progress)
        if now - said > _HEARTBEAT_SECONDS:
            said = now
            last = query.lastProgress
            report({"idle": True, "lag": _lag(last) if last else {}})
        if now - sign > STALLED_SECONDS:
            raise StreamStalled(
                f"no batch of the stream has ended for {STALLED_SECONDS} s: see the driver's log, "
                "and docs/runbooks/live-behind.md"
            )


def _message(progress: Any, counts: Mapping[str, Any]) -> dict[str, Any]:
    observed = progress.observedMetrics.get("arrived")
    state = progress.stateOperators[0] if progress.stateOperators else None
    return {
        "batch": progress.batchId,
        "records": observed["records"] if observed else 0,
        "refused": observed["refused"] if observed else 0,
        "duplicates": int(state.customMetrics.get("numDroppedDuplicateRows", 0)) if state else 0,
        "late": state.numRowsDroppedByWatermark if state else 0,
        "known_posts": state.numRowsTotal if state else 0,
        "lag": _lag(progress),
        "watermark": dict(progress.eventTime).get("watermark"),
        "seconds": round(progress.durationMs.get("triggerExecution", 0) / 1000, 3),
        **counts,
    }


def _lag(progress: Any) -> dict[str, int]:
    """Records of each topic that wait, as of the begin of the batch."""
    waiting: Counter[str] = Counter()
    for source in progress.sources:
        end, latest = _offsets(source.endOffset), _offsets(source.latestOffset)
        for topic, offsets in latest.items():
            read = end.get(topic, {})
            waiting[topic] += sum(
                offset - read.get(partition, offset) for partition, offset in offsets.items()
            )
    return dict(waiting)


def _offsets(told: str | None) -> dict[str, dict[int, int]]:
    return {
        topic: {int(partition): offset for partition, offset in offsets.items()}
        # Of the first look after a start there is no newest offset: it is null.
        for topic, offsets in (json.loads(told or "null") or {}).items()
    }


def _note(lake: Lake, progress: Any) -> None:
    query = query_id(lake)
    if query is not None:
        offsets = _offsets(progress.sources[0].endOffset)
        at = dt.datetime.now(dt.timezone.utc)
        note_progress(lake, LiveProgress(query, progress.batchId, offsets, at))
    if watermark := dict(progress.eventTime).get("watermark"):
        # Posts from before it are dropped from the next batch on.
        close_slots(lake, dt.datetime.fromisoformat(watermark))


# Between the job and whoever started it


def run(
    spark: SparkSession,
    address: JobAddress,
    report: Report,
    log: Callable[[str], None],
    alive: Callable[[], None] = lambda: None,
) -> None:
    """Run the stream until it ends, and report each batch."""
    lake, order = _given(address)
    counts: dict[int, Mapping[str, Any]] = {}
    query = start(spark, address, counts)
    log(f"{len(order.topics)} topics are read")
    try:
        watch(query, lake, counts, report, alive, order.hours)
    finally:
        query.stop()


class Abandoned(RuntimeError):
    """Whoever started the stream is gone, and would not hear that it ends."""


def _still_wanted() -> Callable[[], None]:
    """What is called again and again while the stream lives.

    A run of Dagster's that is killed takes nothing along: the stream would go on, unseen, beside
    the one that the sensor starts.
    """
    java = psutil.Process().parent()
    started_by = java.ppid() if java is not None else None

    def still_wanted() -> None:
        # Where even Python's call to Spark doesn't return, nobody but the clock can end it.
        faulthandler.dump_traceback_later(2 * STALLED_SECONDS, exit=True)
        if java is not None and java.is_running() and java.ppid() != started_by:
            raise Abandoned("the run that started the stream is gone; its sensor starts another")

    return still_wanted


def main() -> None:
    """For spark-submit, started by Dagster through its Pipes."""
    with open_dagster_pipes() as pipes, failures_are_told(pipes):
        address = JobAddress(**pipes.extras["order"])
        spark = session(address.location, "stream_posts")
        run(spark, address, pipes.report_custom_message, pipes.log.info, _still_wanted())


if __name__ == "__main__":
    # By its name: workers look there for what is sent to them.
    from spark_jobs.stream_posts import main as program

    program()
