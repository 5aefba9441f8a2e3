"""Bronze to silver in this process, window by window.

What belongs here: reading, batching, and handing files to the committer. What a row becomes is
``core.silver``. Memory is bounded by :class:`Budget` and the keys that deduplication needs, never
by the partition: a window that exceeds the budget is read twice instead of being held.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from sentiment_assets.core.contracts import SILVER_POSTS, SILVER_QUARANTINE
from sentiment_assets.core.coverage import BronzeObject, coverage_of
from sentiment_assets.core.layout import PostPartition, Window, windows_of
from sentiment_assets.core.parsers import POST_SCHEMA, Refusal, parse_lines
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.quality import Conservation
from sentiment_assets.core.silver import (
    KEY_COLUMNS,
    SilverRules,
    choose,
    clean_batch,
    deduplicate,
    route,
)
from sentiment_assets.lake.bronze import (
    BronzePartition,
    UnreadableObject,
    read_blocks,
    read_partition,
)
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.tables import Replacement

#: Rows that are cleaned at once.
BATCH_ROWS = 20_000


@dataclass(frozen=True)
class Budget:
    """Rows of a window that may be held parsed; above it the window is read twice."""

    held_rows: int = 200_000


@dataclass
class SilverBuild:
    """Written, not yet committed: quarantine is committed first, posts second."""

    posts: Replacement
    quarantine: Replacement
    fingerprints: dict[Window, int] = field(default_factory=dict)
    #: What became of the records of each partition's rebuilt windows.
    counts: dict[PostPartition, Conservation] = field(default_factory=dict)
    #: Rows by the reason why they have no score, and masked identifiers by kind.
    unscored: dict[PostPartition, Counter[str]] = field(default_factory=dict)
    redacted: dict[PostPartition, Counter[str]] = field(default_factory=dict)


def build_silver(
    lake: Lake,
    partitions: Sequence[PostPartition],
    rules: SilverRules,
    *,
    run_id: str,
    force: bool = False,
    budget: Budget = Budget(),
) -> SilverBuild:
    """Write the silver of every window whose bronze or recipe differs from what silver consumed.

    Both tables are pinned before bronze is read, so that a commit of another run in between is a
    conflict and never a silent loss.

    Args:
        lake: where bronze lies and silver goes.
        partitions: dates and platforms to bring up to date.
        rules: what cleaning needs.
        run_id: named in the files and the commits.
        force: rebuild every window that has bronze.
        budget: bounds memory.
    """
    every = [_values(window) for partition in partitions for window in windows_of(partition)]
    table = lake.table(SILVER_POSTS)
    build = SilverBuild(
        posts=table.begin(every, run_id),
        quarantine=lake.table(SILVER_QUARANTINE).begin(every, run_id),
    )
    consumed = table.fingerprints(every)
    for partition in sorted(partitions):
        bronze = read_partition(lake, partition)
        build.counts[partition] = Conservation()
        for window in windows_of(partition):
            fingerprint = _fingerprint(bronze, window, rules)
            current = consumed[table.key_of(_values(window))]
            if fingerprint is None or (current == fingerprint and not force):
                continue
            _build_window(lake, bronze, window, rules, build, budget)
            build.fingerprints[window] = fingerprint
    rebuilt = [_values(window) for window in build.fingerprints]
    build.posts.narrow(rebuilt)
    build.quarantine.narrow(rebuilt)
    return build


def stale_windows(lake: Lake, partition: PostPartition, rules: SilverRules) -> list[Window]:
    """The windows that :func:`build_silver` would rebuild."""
    bronze = read_partition(lake, partition)
    table = lake.table(SILVER_POSTS)
    consumed = table.fingerprints([_values(window) for window in windows_of(partition)])
    return [
        window
        for window in windows_of(partition)
        if (fingerprint := _fingerprint(bronze, window, rules)) is not None
        and consumed[table.key_of(_values(window))] != fingerprint
    ]


def _build_window(
    lake: Lake,
    bronze: BronzePartition,
    window: Window,
    rules: SilverRules,
    build: SilverBuild,
    budget: Budget,
) -> None:
    objects = bronze.objects(window)
    reader = _WindowReader(lake, window, objects, budget)
    chosen = deduplicate(_keys(reader))
    counts = Conservation(records=sum(o.records for o in objects))
    completed_at = coverage_of(window, bronze.of(window)).completed_at

    def rows() -> Iterator[pa.RecordBatch]:
        nonlocal counts
        for batch in reader.batches():
            cleaned = clean_batch(choose(batch, chosen, completed_at), rules)
            observed = pc.sum(cleaned["observation_count"]).as_py() or 0
            counts += Conservation(rows=cleaned.num_rows, duplicates=observed - cleaned.num_rows)
            _count_reasons(cleaned, build, window.partition)
            yield cleaned

    build.posts.write(_values(window), rows())
    refusals = reader.refusals
    build.quarantine.write(_values(window), [_quarantine(window, refusals, rules)])
    counts += Conservation(quarantined=sum(refusal.record_count for refusal in refusals))
    counts.require(f"silver of window {window.name} of {window.partition.key}")
    build.counts[window.partition] += counts


def _keys(reader: _WindowReader) -> pl.DataFrame:
    """What deduplication looks at, of every observation of the window."""
    columns = list(KEY_COLUMNS)
    batches = [batch.select(columns) for batch in reader.batches()]
    schema = POST_SCHEMA.empty_table().select(columns).schema
    frame = pl.from_arrow(pa.Table.from_batches(batches, schema))
    assert isinstance(frame, pl.DataFrame)
    return frame


class _WindowReader:
    """The parsed posts of a window, as often as asked for; refusals are collected once."""

    def __init__(
        self, lake: Lake, window: Window, objects: Sequence[BronzeObject], budget: Budget
    ) -> None:
        self._lake = lake
        self._window = window
        self._objects = objects
        self._held: list[pa.RecordBatch] | None = None
        self._keep = sum(o.records for o in objects) <= budget.held_rows
        self.refusals: list[Refusal] = []

    def batches(self) -> Iterable[pa.RecordBatch]:
        if self._held is not None:
            return self._held
        if self._keep:
            self._held = list(self._read())
            return self._held
        return self._read()

    def _read(self) -> Iterator[pa.RecordBatch]:
        self.refusals.clear()
        parsed = (batch for stored in self._objects for batch in self._read_object(stored))
        for batch in _regrouped(parsed):
            routed = route(batch, self._window)
            self.refusals += routed.refusals
            yield routed.posts

    def _read_object(self, stored: BronzeObject) -> Iterator[pa.RecordBatch]:
        platform = self._window.partition.platform
        line = 1
        try:
            for lines in read_blocks(self._lake, stored):
                # Lines beyond those that the manifest counted were not committed with it.
                block = lines[: stored.records - line + 1]
                parsed = parse_lines(PLATFORMS[platform].parser, platform, block, stored.path, line)
                line += len(block)
                self.refusals += parsed.refusals
                yield parsed.posts
        except UnreadableObject as error:
            self._refuse_rest(stored, line, f"the object cannot be read to its end: {error}")
        else:
            if line - 1 != stored.records:
                self._refuse_rest(
                    stored, line, f"the object holds {line - 1} of its {stored.records} records"
                )

    def _refuse_rest(self, stored: BronzeObject, line: int, reason: str) -> None:
        rest = stored.records - (line - 1)
        self.refusals.append(Refusal(stored.path, 0, "damaged_object", reason, "batch", rest))


def _regrouped(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
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


def _quarantine(window: Window, refusals: Sequence[Refusal], rules: SilverRules) -> pa.RecordBatch:
    partition = window.partition
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
            "recipe": rules.recipe(partition.platform, partition.date),
        }
        for refusal in refusals
    ]
    return pa.RecordBatch.from_pylist(rows, schema=SILVER_QUARANTINE.schema)


def _count_reasons(cleaned: pa.RecordBatch, build: SilverBuild, partition: PostPartition) -> None:
    frame = pl.from_arrow(cleaned.select(["unscored_reason", "redactions"]))
    assert isinstance(frame, pl.DataFrame)
    unscored = build.unscored.setdefault(partition, Counter())
    unscored.update(dict(frame["unscored_reason"].drop_nulls().value_counts().iter_rows()))
    kinds = frame["redactions"].explode(empty_as_null=True).drop_nulls().struct.unnest()
    if kinds.height:
        redacted = build.redacted.setdefault(partition, Counter())
        redacted.update(dict(kinds.group_by("kind").agg(pl.col("count").sum()).iter_rows()))


def _fingerprint(bronze: BronzePartition, window: Window, rules: SilverRules) -> int | None:
    """What silver of a window is made of; null where bronze says nothing of it, or not all.

    A positive 63-bit number: Delta keeps it as the version of the window's application transaction.
    """
    manifests = bronze.of(window)
    if not manifests or bronze.is_damaged(window):
        return None
    completed = coverage_of(window, manifests).completed_at
    recipe = rules.recipe(window.partition.platform, window.partition.date)
    parts = [recipe, completed.isoformat() if completed else ""]
    parts += [f"{o.path} {o.sha256}" for o in bronze.objects(window)]
    digest = hashlib.sha256("\n".join(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _values(window: Window) -> Mapping[str, str]:
    return {
        "date": window.partition.date.isoformat(),
        "platform": window.partition.platform,
        "window": window.name,
    }
