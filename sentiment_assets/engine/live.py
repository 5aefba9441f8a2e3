"""The stream's live posts: records to rows, files, sums by author, and what is shown of them.

What belongs here: what becomes of one batch of the stream, step by step, and what a batch that is
repeated after a kill must find. Which records make a batch, and which posts came before, is Spark's
to say (``spark_jobs.stream_posts``); what a figure may show is ``core.live``'s.

A batch is written in this order: files of posts and sums by author, which nobody sees; the commit
that adds the posts, numbered by the batch; the figures, which are made anew of all sums up to the
batch. Killed before the commit, the batch begins again: its sums take the places of those before.
Killed after it, the posts are not added twice, and its sums stand: the figures are made of them.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from sentiment_assets.core.contracts import LIVE_POSTS, LIVE_SENTIMENT, Contract
from sentiment_assets.core.layout import (
    LIVE,
    LIVE_CHECKPOINT,
    Origin,
    PostPartition,
    Window,
    live_progress_object,
    live_slot_folder,
    live_slots_folder,
    live_sums_object,
)
from sentiment_assets.core.live import AHEAD, KEPT, SLOT, SUMS_SCHEMA, live_sentiment, sums_of
from sentiment_assets.core.parsers import POST_SCHEMA, parse_lines
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.silver import CLEAN_INPUT, SilverRules, clean_batch
from sentiment_assets.engine.landing import Router
from sentiment_assets.engine.spark import SparkRunner
from sentiment_assets.lake.files import DataFile
from sentiment_assets.lake.objects import Lake, LakeError, ObjectMissing
from sentiment_assets.lake.tables import Commit, CommitConflict, PartitionWriter

#: Objects of sums that are read at once.
_READERS = 8
#: How often figures are written again when upkeep was faster.
_TRIES = 5

#: Parsed posts and refused records (which have nothing else) of one batch of the stream.
ARRIVED = pa.schema(
    [
        *(column.with_nullable(True) for column in POST_SCHEMA),
        pa.field("appended_at", pa.timestamp("us", tz="UTC")),
        pa.field("refusal", pa.string()),
    ]
)


@dataclass(frozen=True)
class LiveOrder:
    """What the stream reads, and by which rules."""

    rules: SilverRules
    #: Topics that are read, with the platform of each.
    topics: Mapping[str, str]
    #: How the brokers are reached, in the words of Kafka's Java client: secrets are among them.
    kafka: Mapping[str, str] = field(repr=False)
    run_id: str
    min_authors: int
    #: Runs until it is stopped; otherwise it reads what waits, and ends.
    continuous: bool
    #: Between the begins of two batches.
    trigger_seconds: int = 10
    #: How long a post may come after the newest ones, by the times of creation.
    late_minutes: int = 60
    #: Records of one batch, at most.
    batch_records: int = 50_000
    #: Parts of a batch, side by side. Spark keeps to it for as long as a checkpoint stands.
    parts: int = 2
    #: How far back the first batch of all looks.
    look_back_minutes: int = 60
    #: A continuous stream ends after so long, and is started again with the rules of that day.
    hours: float = 24


@dataclass(frozen=True)
class LiveStream:
    """What a run of the stream needs."""

    runner: SparkRunner
    #: What the stream of a run is told, by the run's id.
    order: Callable[[str], LiveOrder]


@dataclass(frozen=True)
class Written:
    """What one part of a batch wrote: plain values, which travel as JSON."""

    posts: int = 0
    #: Window folder, path below the table's root, bytes.
    files: tuple[tuple[str, str, int], ...] = ()
    slots: tuple[str, ...] = ()
    #: When the broker got the first of the posts, in seconds of Unix time; null without any.
    appended: float | None = None

    def to_json(self) -> str:
        """As Spark hands it to the driver."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Written:
        """Read what :meth:`to_json` gave."""
        return msgspec.json.decode(text, type=cls)


class LiveProgress(msgspec.Struct, frozen=True):
    """How far the stream has come; the next offset to read of each partition."""

    query: str
    batch: int
    offsets: dict[str, dict[int, int]]
    at: dt.datetime


@dataclass(frozen=True)
class _Record:
    """A record of Spark's Kafka source, as a router asks for it."""

    payload: bytes | None
    sent: Sequence[Mapping[str, Any]] | None
    number: int
    appended: int

    def offset(self) -> int:
        return self.number

    def value(self) -> bytes | None:
        return self.payload

    def headers(self) -> list[tuple[str, bytes | None]]:
        return [(header["key"], header["value"]) for header in self.sent or ()]

    def timestamp(self) -> tuple[int, int]:
        return 1, self.appended


# Records to rows


def arrived(records: pa.RecordBatch, topics: Mapping[str, str], origin: Origin) -> pa.RecordBatch:
    """Records of Kafka to :data:`ARRIVED`, in any order.

    What cannot be read is only named here: landing keeps it among the dead letters.

    Args:
        records: ``value, headers, topic, partition, offset, timestamp`` of Spark's source.
        topics: the platform of each topic.
        origin: whose posts the lake holds.
    """
    routers = {
        topic: Router(platform, topic, lambda _: True, origin) for topic, platform in topics.items()
    }
    lines: dict[str, tuple[list[bytes], list[dt.datetime]]] = {}
    astray = Counter[str]()
    columns = ("value", "headers", "topic", "partition", "offset", "timestamp")
    for value, headers, topic, partition, offset, appended in zip(
        *(records[name].to_pylist() for name in columns), strict=True
    ):
        record = _Record(value, headers, offset, round(appended.timestamp() * 1000))
        window, line, _ = routers[topic].route(record, value, partition, record.appended)
        if window is None:
            astray[_code(line)] += 1
            continue
        of_topic, times = lines.setdefault(topic, ([], []))
        of_topic.append(line)
        times.append(appended)
    parts = [_refusals(astray)]
    for topic, (of_topic, times) in lines.items():
        platform = topics[topic]
        parsed = parse_lines(PLATFORMS[platform].parser, platform, of_topic, topic)
        parts.append(_refusals(Counter(refusal.code for refusal in parsed.refusals)))
        parts.append(_timed(parsed.posts, times))
    whole = pa.Table.from_batches(parts).combine_chunks().to_batches()
    return whole[0] if whole else _refusals(Counter())


def _timed(posts: pa.RecordBatch, times: Sequence[dt.datetime]) -> pa.RecordBatch:
    """Posts with the time when the broker got each; refused where that can't be their day.

    A time ahead of all others would end the waiting for everybody else's posts.
    """
    appended = pl.Series("appended_at", times, pl.Datetime("us", "UTC")).gather(
        pl.Series(posts["line"]) - 1
    )
    created = pl.Series("created_at", posts["created_at"])
    refusal = (
        pl.DataFrame([appended, created])
        .select(
            pl.when(pl.col("created_at") > pl.col("appended_at") + AHEAD)
            .then(pl.lit("from_the_future"))
            .when(pl.col("created_at") < pl.col("appended_at") - KEPT)
            .then(pl.lit("older_than_live"))
        )
        .to_series()
    )
    more = [appended.to_arrow().cast(ARRIVED.field("appended_at").type), refusal.to_arrow()]
    return pa.RecordBatch.from_arrays(
        [*posts.columns, more[0], more[1].cast(pa.string())], schema=ARRIVED
    )


def _refusals(codes: Counter[str]) -> pa.RecordBatch:
    told = pa.array(list(codes.elements()), pa.string())
    nothing = [pa.nulls(len(told), column.type) for column in list(ARRIVED)[:-1]]
    return pa.RecordBatch.from_arrays([*nothing, told], schema=ARRIVED)


def _code(dead_letter: bytes) -> str:
    return str(msgspec.json.decode(dead_letter)["reason"]).partition(":")[0]


def live_rows(posts: pa.RecordBatch, rules: SilverRules) -> pl.DataFrame:
    """Rows of ``silver/live_posts``, and ``created_at``, which they don't hold.

    Args:
        posts: the columns of parsed posts, one row a post.
        rules: as batch has them.
    """
    rows = posts.num_rows
    added = {
        "first_seen_at": posts["fetched_at"],
        "last_seen_at": posts["fetched_at"],
        "observation_count": pa.repeat(1, rows),
        "late": pa.repeat(False, rows),
    }
    names = posts.schema.names
    columns = [
        (posts[column.name] if column.name in names else added[column.name]).cast(column.type)
        for column in CLEAN_INPUT
    ]
    given = pa.RecordBatch.from_arrays(columns, schema=CLEAN_INPUT)
    cleaned = pl.from_arrow(clean_batch(given, rules))
    assert isinstance(cleaned, pl.DataFrame)
    return cleaned.select(LIVE_POSTS.schema.names).with_columns(
        pl.Series("created_at", given["created_at"])
    )


# Rows to files that nobody sees yet


def write_part(
    lake: Lake, order: LiveOrder, batch: int, part: int, posts: Iterable[pa.RecordBatch]
) -> Written:
    """Write the files of one part of a batch: its rows, and its sums by author."""
    rows = []
    appended: list[dt.datetime] = []
    for group in posts:
        if group.num_rows:
            rows.append(live_rows(group, order.rules))
            appended.append(pc.min(group["appended_at"]).as_py())
    if not rows:
        return Written()
    whole = pl.concat(rows)
    table = lake.table(LIVE_POSTS)
    files: list[tuple[str, str, int]] = []
    # Two attempts of one part must not share a file's name.
    prefix = f"{order.run_id}-{batch}-{part}-{uuid.uuid4().hex[:12]}"
    for key, group in whole.partition_by("date", "platform", "window", as_dict=True).items():
        date, platform, name = key
        window = Window(PostPartition(date, platform), name)
        writer = PartitionWriter(table, table.key_of(window.values), prefix)
        written = writer.write([group.drop("created_at")])
        files += [(window.folder, file.path, file.size) for file in written]
    slots = []
    for (slot,), sums in sums_of(whole).partition_by("slot", as_dict=True).items():
        content = io.BytesIO()
        sums.write_parquet(content)
        lake.objects.put(live_sums_object(slot, batch, part), content.getvalue())
        slots.append(slot.isoformat())
    return Written(whole.height, tuple(files), tuple(slots), min(appended).timestamp())


# Files to tables


def query_id(lake: Lake) -> str | None:
    """What Spark calls the stream, for as long as its checkpoint stands; null without one."""
    try:
        return str(json.loads(lake.objects.get(f"{LIVE_CHECKPOINT}/metadata"))["id"])
    except ObjectMissing:
        return None


def begin_anew(lake: Lake, run_id: str) -> None:
    """Empty the live tables and forget every sum, where no checkpoint says what stands in them."""
    if query_id(lake) is not None:
        return
    for contract in (LIVE_POSTS, LIVE_SENTIMENT):
        table = lake.table(contract)
        held = table.partition_sizes().select(contract.partition_columns)
        if held.height:
            partitions = [
                {name: str(value) for name, value in row.items()}
                for row in held.iter_rows(named=True)
            ]
            with table.begin(partitions, run_id) as replacement:
                replacement.commit(metadata={"live": "begun anew"})
    lake.objects.delete(stored.path for stored in lake.objects.list(LIVE))


@dataclass(frozen=True)
class LiveTables:
    """The two tables, as one stream writes them."""

    lake: Lake
    query: str
    run_id: str
    min_authors: int

    @property
    def writer(self) -> str:
        """Who numbers the additions; another checkpoint is another writer."""
        return f"live/{self.query}"

    def holds(self, batch: int) -> bool:
        """The posts of a batch were added."""
        added = self.lake.table(LIVE_POSTS).added(self.writer)
        return added is not None and added >= batch

    def forget_unfinished(self, batch: int) -> None:
        """Remove the sums of a batch that was begun and whose posts were not added."""
        self.lake.objects.delete(path for path, number in _sums(self.lake) if number >= batch)

    def add_posts(self, batch: int, parts: Sequence[Written]) -> Commit | None:
        """Add the posts of a batch, once.

        Raises:
            CommitConflict: they were added, by another that reads the same stream.
        """
        files = [file for part in parts for file in part.files]
        if not files:
            return None
        with self.lake.table(LIVE_POSTS).add(self.run_id, self.writer, batch) as addition:
            for folder, path, size in files:
                addition.stage(_values(folder), [DataFile(path, size)])
            return addition.commit(metadata={"batch": str(batch)})

    def slots_of(self, batch: int) -> list[dt.datetime]:
        """The slots that have sums of a batch."""
        return sorted({_slot_of(path) for path, number in _sums(self.lake) if number == batch})

    def published(self, slots: Sequence[dt.datetime]) -> pl.DataFrame:
        """The figures of some slots as they stand."""
        dates = [{"date": date.isoformat()} for date in sorted({slot.date() for slot in slots})]
        rows = self.lake.table(LIVE_SENTIMENT).scan(dates)
        return rows.filter(pl.col("slot").is_in(list(slots))).collect()

    def publish(self, batch: int, figures: pl.DataFrame, now: dt.datetime) -> Commit | None:
        """Replace the figures of the slots and platforms that some are given of.

        Raises:
            CommitConflict: another writer was faster again and again.
        """
        if figures.is_empty():
            return None
        for _ in range(_TRIES - 1):
            with suppress(CommitConflict):
                return self._publish(batch, figures, now)
        return self._publish(batch, figures, now)

    def _publish(self, batch: int, figures: pl.DataFrame, now: dt.datetime) -> Commit:
        table = self.lake.table(LIVE_SENTIMENT)
        groups = {
            (str(date), str(platform)): rows
            for (date, platform), rows in figures.partition_by(
                "date", "platform", as_dict=True
            ).items()
        }
        partitions = [{"date": date, "platform": platform} for date, platform in groups]
        with table.begin(partitions, self.run_id) as replacement:
            for partition, rows in zip(partitions, groups.values(), strict=True):
                stands = replacement.earlier(partition).scan()
                kept = stands.filter(
                    ~pl.col("slot").is_in(rows["slot"].unique().implode()),
                    pl.col("slot") >= now - KEPT,
                ).collect()
                replacement.write(partition, [pl.concat([kept, rows]).sort(LIVE_SENTIMENT.key)])
            fingerprints = {table.key_of(partition): batch for partition in partitions}
            return replacement.commit(fingerprints=fingerprints, metadata={"batch": str(batch)})


def figures_of(
    lake: Lake,
    slot: dt.datetime,
    batch: int,
    published: pl.DataFrame,
    min_authors: int,
    now: dt.datetime,
) -> pl.DataFrame:
    """Rows of ``gold/live_sentiment`` of one slot, of all sums up to a batch."""
    paths = [(path, number) for path, number in _sums(lake, slot) if number <= batch]
    if not paths:
        raise LakeError(
            f"{live_slots_folder()} has no sums of {slot:%Y-%m-%d %H:%M}, which batch {batch} "
            "added to: somebody removed them. Begin the stream anew (docs/runbooks/live-behind.md)"
        )
    with ThreadPoolExecutor(_READERS) as readers:
        contents = list(readers.map(lake.objects.get, [path for path, _ in paths]))
    sums = pl.concat(
        [
            pl.read_parquet(io.BytesIO(content), schema=SUMS_SCHEMA).with_columns(
                batch=pl.lit(number, pl.Int64)
            )
            for content, (_, number) in zip(contents, paths, strict=True)
        ]
    )
    return live_sentiment(sums, published.filter(pl.col("slot") == slot), min_authors, now)


# What is forgotten


def close_slots(lake: Lake, until: dt.datetime) -> int:
    """Remove the sums of slots that ended before ``until``: no post comes for them any more."""
    closed = [path for path, _ in _sums(lake) if _slot_of(path) + SLOT <= until]
    lake.objects.delete(closed)
    return len(closed)


def expire(
    lake: Lake, contract: Contract, run_id: str, now: dt.datetime, *, dry_run: bool = False
) -> int:
    """Remove rows of a live table that are older than :data:`KEPT`; returns how many.

    Posts go by whole windows. ``dry_run`` only tells.
    """
    remove = _expire_posts if contract is LIVE_POSTS else _expire_figures
    return remove(lake, run_id, now - KEPT, dry_run)


def _expire_posts(lake: Lake, run_id: str, before: dt.datetime, dry_run: bool) -> int:
    table = lake.table(LIVE_POSTS)
    old = {
        Window(PostPartition(row["date"], row["platform"]), row["window"]): int(row["rows"])
        for row in table.partition_sizes().iter_rows(named=True)
    }
    old = {window: rows for window, rows in old.items() if window.end <= before}
    if old and not dry_run:
        with table.begin([window.values for window in old], run_id) as replacement:
            replacement.commit(metadata={"live": "expired"})
    return sum(old.values())


def _expire_figures(lake: Lake, run_id: str, before: dt.datetime, dry_run: bool) -> int:
    table = lake.table(LIVE_SENTIMENT)
    old = pl.col("slot") < before
    ending = {
        (row["date"].isoformat(), row["platform"]): int(row["rows"])
        for row in (
            table.scan()
            .filter(old)
            .group_by("date", "platform")
            .agg(rows=pl.len())
            .collect()
            .iter_rows(named=True)
        )
    }
    if ending and not dry_run:
        partitions = [{"date": date, "platform": platform} for date, platform in ending]
        with table.begin(partitions, run_id) as replacement:
            for partition in partitions:
                rows = replacement.earlier(partition).scan().filter(~old).collect()
                replacement.write(partition, [rows])
            replacement.commit(metadata={"live": "expired"})
    return sum(ending.values())


# How far it has come


def note_progress(lake: Lake, progress: LiveProgress) -> None:
    """Let others know how far the stream has come."""
    lake.objects.put(live_progress_object(), msgspec.json.encode(progress))


def read_progress(lake: Lake) -> LiveProgress | None:
    """How far the stream has come; null before its first batch."""
    try:
        return msgspec.json.decode(lake.objects.get(live_progress_object()), type=LiveProgress)
    except ObjectMissing:
        return None
    except msgspec.DecodeError as error:
        raise LakeError(
            f"{live_progress_object()} cannot be read ({type(error).__name__}): delete it; the "
            "stream writes it again with its next batch"
        ) from None


def _sums(lake: Lake, slot: dt.datetime | None = None) -> Iterator[tuple[str, int]]:
    """Paths of sums, of one slot or of all, with the batch that each is of."""
    folder = live_slots_folder() if slot is None else live_slot_folder(slot)
    for stored in lake.objects.list(folder):
        name = stored.path.rpartition("/")[2]
        yield stored.path, int(name.partition("-")[0])


def _slot_of(path: str) -> dt.datetime:
    named = path.split("/")[-2].removeprefix("slot=")
    return dt.datetime.strptime(named, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.timezone.utc)


def _values(folder: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in folder.split("/"))
