"""Silver of one window: read, deduplicate, clean, write its files.

What belongs here: reading, batching and writing, one window at a time. What a row becomes is
``core.silver``; which windows are built, and where, is ``in_process``. Memory is bounded by
:class:`Budget` and the keys that deduplication needs, never by the window: one that exceeds the
budget is read twice instead of being held.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from sentiment_assets.core.collection import without_collection
from sentiment_assets.core.contracts import SILVER_QUARANTINE
from sentiment_assets.core.coverage import BronzeObject
from sentiment_assets.core.layout import Window
from sentiment_assets.core.parsers import POST_SCHEMA, ParsedBatch, Refusal, parse_lines
from sentiment_assets.core.parsers.rows import Columns
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.quality import Conservation
from sentiment_assets.core.silver import (
    KEY_COLUMNS,
    PLACE,
    READ_COLUMNS,
    READ_FROM,
    SilverRules,
    choose,
    clean_batch,
    deduplicate,
    post_pid,
    route,
    unchanged,
)
from sentiment_assets.lake.bronze import UnreadableObject, read_blocks
from sentiment_assets.lake.files import DataFile, polars_schema
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.tables import PartitionRows, PartitionWriter

#: Rows that are cleaned at once.
BATCH_ROWS = 50_000


@dataclass(frozen=True)
class Budget:
    """What a build may use of the machine."""

    #: Rows of a window that may be held parsed; above it the window is read twice.
    held_rows: int = 200_000
    #: Processes that build windows side by side, each with its share of the rows.
    workers: int = 1


@dataclass(frozen=True)
class EarlierSilver:
    """Silver that stands of a window: made by today's rules, of some of its objects."""

    rows: PartitionRows
    objects: frozenset[str]


@dataclass(frozen=True)
class WindowSource:
    """A window's bronze, and where its silver goes."""

    window: Window
    objects: Sequence[BronzeObject]
    #: When the window was first fetched whole; null where it never was.
    completed_at: dt.datetime | None
    posts: PartitionWriter
    quarantine: PartitionWriter
    #: Texts that it has read are not read again; null where that is not known.
    earlier: EarlierSilver | None = None

    @property
    def records(self) -> int:
        """Bronze records that it holds."""
        return sum(stored.records for stored in self.objects)


@dataclass(frozen=True)
class WindowSilver:
    """Files that were written of a window, and what became of its records."""

    posts: Sequence[DataFile]
    quarantine: Sequence[DataFile]
    counts: Conservation
    #: Rows by the reason why they have no score, and masked identifiers by kind.
    unscored: Counter[str] = field(default_factory=Counter)
    redacted: Counter[str] = field(default_factory=Counter)


def build_window(
    lake: Lake, source: WindowSource, rules: SilverRules, budget: Budget
) -> WindowSilver:
    """Write a window's silver and what was refused on the way.

    Raises:
        ConservationError: records went missing, or came from nowhere.
    """
    window = source.window
    reader = _WindowReader(lake, window, source.objects, budget)
    keys = _keys(reader)
    chosen = deduplicate(keys)
    known = _known(reader, keys, chosen, source, rules)
    counts = Conservation(records=source.records)
    unscored: Counter[str] = Counter()
    redacted: Counter[str] = Counter()

    def rows() -> Iterator[pa.RecordBatch]:
        nonlocal counts
        for batch in reader.batches():
            with without_collection():
                cleaned = clean_batch(choose(batch, chosen, source.completed_at), rules, known)
            observed = pc.sum(cleaned["observation_count"]).as_py() or 0
            counts += Conservation(rows=cleaned.num_rows, duplicates=observed - cleaned.num_rows)
            count_reasons(cleaned, unscored, redacted)
            yield cleaned

    posts = source.posts.write(rows())
    refusals = reader.refusals
    quarantine = source.quarantine.write([quarantine_rows(window, refusals, rules)])
    counts += Conservation(quarantined=sum(refusal.record_count for refusal in refusals))
    counts.require(f"silver of window {window.name} of {window.partition.key}")
    return WindowSilver(posts, quarantine, counts, unscored, redacted)


def read_object(lake: Lake, window: Window, stored: BronzeObject) -> Iterator[ParsedBatch]:
    """A bronze object, parsed in blocks; what of it can't be read is refused as one."""
    platform = window.partition.platform
    parser = PLATFORMS[platform].parser
    line = 1

    def refused(reason: str) -> ParsedBatch:
        rest = stored.records - (line - 1)
        refusal = Refusal(stored.path, 0, "damaged_object", reason, "batch", rest)
        return ParsedBatch(Columns(POST_SCHEMA).batch(), [refusal])

    try:
        for lines in read_blocks(lake, stored):
            # Lines beyond those that the manifest counted were not committed with it.
            parsed = parse_lines(parser, platform, lines, stored.path, line, stored.records)
            line += parsed.posts.num_rows + len(parsed.refusals)
            yield parsed
    except UnreadableObject as error:
        yield refused(f"the object cannot be read to its end: {error}")
    else:
        if line - 1 != stored.records:
            yield refused(f"the object holds {line - 1} of its {stored.records} records")


def _keys(reader: _WindowReader) -> pl.DataFrame:
    """What deduplication looks at, of every observation of the window."""
    return _columns(reader.batches(), KEY_COLUMNS)


def _columns(batches: Iterable[pa.RecordBatch], names: Sequence[str]) -> pl.DataFrame:
    """Some columns of parsed posts."""
    columns = list(names)
    schema = pa.schema([POST_SCHEMA.field(name) for name in columns])
    frame = pl.from_arrow(
        pa.Table.from_batches([batch.select(columns) for batch in batches], schema)
    )
    assert isinstance(frame, pl.DataFrame)
    return frame


def _known(
    reader: _WindowReader,
    keys: pl.DataFrame,
    chosen: pl.DataFrame,
    source: WindowSource,
    rules: SilverRules,
) -> pl.DataFrame | None:
    """What silver says already of chosen texts, for :func:`clean_batch`.

    The clock fetches each window three times in its first hours, mostly for counts that grew:
    reading the same texts anew took two thirds of a day's ticks.
    """
    if source.earlier is None or reader.held is None:
        return None
    before = keys.filter(pl.col("object").is_in(list(source.earlier.objects)))
    posts = _columns(reader.held, (*PLACE, "chain_id", *READ_FROM))
    same = unchanged(posts, chosen, deduplicate(before)).with_columns(
        post_pid=post_pid(rules, source.window)
    )
    rows = source.earlier.rows.scan().select("post_pid", *READ_COLUMNS).collect()
    return same.join(rows, on="post_pid").select(*PLACE, *READ_COLUMNS)


class _WindowReader:
    """The parsed posts of a window, as often as asked for; refusals are collected once."""

    def __init__(
        self, lake: Lake, window: Window, objects: Sequence[BronzeObject], budget: Budget
    ) -> None:
        self._lake = lake
        self._window = window
        self._objects = objects
        #: The parsed posts, once they were read and where they may be held.
        self.held: list[pa.RecordBatch] | None = None
        self._keep = sum(o.records for o in objects) <= budget.held_rows
        self.refusals: list[Refusal] = []

    def batches(self) -> Iterable[pa.RecordBatch]:
        if self.held is not None:
            return self.held
        if self._keep:
            self.held = list(self._read())
            return self.held
        return self._read()

    def _read(self) -> Iterator[pa.RecordBatch]:
        self.refusals.clear()
        for batch in regrouped(self._parsed()):
            routed = route(batch, self._window)
            self.refusals += routed.refusals
            yield routed.posts

    def _parsed(self) -> Iterator[pa.RecordBatch]:
        for stored in self._objects:
            for parsed in read_object(self._lake, self._window, stored):
                self.refusals += parsed.refusals
                yield parsed.posts


def regrouped(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Batches of :data:`BATCH_ROWS`, so that many small objects cost no more than one large."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        if batch.num_rows:
            waiting.append(batch)
            rows += batch.num_rows
        if rows >= BATCH_ROWS:
            yield from _combined(waiting)
            waiting, rows = [], 0
    yield from _combined(waiting)


def _combined(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    return pa.Table.from_batches(batches).combine_chunks().to_batches() if batches else []


def quarantine_rows(
    window: Window, refusals: Sequence[Refusal], rules: SilverRules
) -> pl.DataFrame:
    """Rows of ``silver/quarantine``."""
    partition = window.partition
    recipe = rules.recipe(partition.platform, partition.date) if refusals else ""
    rows = [
        {
            "date": partition.date,
            "platform": partition.platform,
            "window": window.name,
            "reason_code": refusal.code,
            "reason": refusal.reason,
            "source": refusal.source,
            "object": refusal.object,
            "line": refusal.line,
            "record_count": refusal.record_count,
            "recipe": recipe,
        }
        for refusal in refusals
    ]
    return pl.DataFrame(rows, schema=polars_schema(SILVER_QUARANTINE.schema))


def count_reasons(cleaned: pa.RecordBatch, unscored: Counter[str], redacted: Counter[str]) -> None:
    """Add a batch's rows by the reason why they have no score, and masked identifiers by kind."""
    frame = pl.from_arrow(cleaned.select(["unscored_reason", "redactions"]))
    assert isinstance(frame, pl.DataFrame)
    unscored.update(dict(frame["unscored_reason"].drop_nulls().value_counts().iter_rows()))
    kinds = frame["redactions"].explode(empty_as_null=True).drop_nulls().struct.unnest()
    if kinds.height:
        redacted.update(dict(kinds.group_by("kind").agg(pl.col("count").sum()).iter_rows()))
