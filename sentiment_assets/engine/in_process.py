"""Bronze to silver: which windows are behind, and who builds them.

What belongs here: planning, and handing files to the committer. What happens to one window is
``window``'s; processes of this machine that build several side by side are ``workers``'s, a job of
Spark's is ``spark``'s.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from sentiment_assets.core.contracts import SILVER_POSTS, SILVER_QUARANTINE
from sentiment_assets.core.coverage import BronzeObject, Manifest, coverage_of, objects_of
from sentiment_assets.core.layout import PostPartition, Window, windows_of
from sentiment_assets.core.parsers import Refusal
from sentiment_assets.core.quality import Conservation
from sentiment_assets.core.silver import SilverRules
from sentiment_assets.engine.window import (
    Budget,
    EarlierSilver,
    WindowSilver,
    WindowSource,
    quarantine_rows,
)
from sentiment_assets.engine.workers import Built, build_windows
from sentiment_assets.lake.bronze import BronzePartition, read_partition
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.tables import PartitionKey, Replacement

__all__ = [
    "Budget", "SilverBuild", "behind_in", "build_silver", "consumed_objects", "fingerprint_of",
]  # fmt: skip


#: Builds windows, in any order.
WindowBuilder = Callable[[Sequence[WindowSource]], Iterator[Built]]

#: Reason of what came after its date was sealed.
SEALED_DATE = "sealed_date"

#: Fetches of a window that are left out, at most, to find what its silver was made of.
_FETCHES_BACK = 20


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

    def add(self, window: Window, silver: WindowSilver) -> None:
        """Stage what was written of a window, and count what became of its records."""
        partition = window.partition
        self.posts.stage(window.values, silver.posts)
        self.quarantine.stage(window.values, silver.quarantine)
        self.counts[partition] += silver.counts
        self.unscored.setdefault(partition, Counter()).update(silver.unscored)
        self.redacted.setdefault(partition, Counter()).update(silver.redacted)

    def leave(self, window: Window, late: Sequence[BronzeObject], rules: SilverRules) -> None:
        """Leave a sealed window's rows as they are; what came late goes to quarantine."""
        self.posts.keep(window.values)
        if not late:
            self.quarantine.keep(window.values)
            return
        paths = [stored.path for stored in late]
        before = self.quarantine.earlier(window.values).scan()
        kept = before.filter(~pl.col("object").is_in(paths)).collect()
        refused = quarantine_rows(window, [_sealed(stored) for stored in late], rules)
        writer = self.quarantine.writer(window.values)
        self.quarantine.stage(window.values, writer.write([kept, refused]))
        records = sum(stored.records for stored in late)
        self.counts[window.partition] += Conservation(records=records, sealed=records)


def build_silver(
    lake: Lake,
    partitions: Sequence[PostPartition],
    rules: SilverRules,
    *,
    run_id: str,
    force: bool = False,
    budget: Budget = Budget(),  # noqa: B008 - frozen
    builder: WindowBuilder | None = None,
) -> SilverBuild:
    """Write the silver of every window whose bronze or recipe differs from what silver consumed.

    A sealed partition is never rebuilt, by force neither: what came after the seal goes to
    quarantine, an object a row.

    Both tables are pinned before bronze is read, so that a commit of another run in between is a
    conflict and never a silent loss.

    Args:
        lake: where bronze lies and silver goes.
        partitions: dates and platforms to bring up to date.
        rules: what cleaning needs.
        run_id: named in the files and the commits.
        force: rebuild every window that has bronze.
        budget: bounds memory and processes.
        builder: who builds the windows; this machine within the budget, if nobody is named.
    """
    every = [window.values for partition in partitions for window in windows_of(partition)]
    table = lake.table(SILVER_POSTS)
    build = SilverBuild(
        posts=table.begin(every, run_id),
        quarantine=lake.table(SILVER_QUARANTINE).begin(every, run_id),
    )
    consumed = table.fingerprints(every)
    sources: list[WindowSource] = []
    sealed: dict[Window, list[BronzeObject]] = {}
    for partition in sorted(partitions):
        bronze = read_partition(lake, partition)
        build.counts[partition] = Conservation()
        for window in windows_of(partition):
            fingerprint = fingerprint_of(bronze, window, rules)
            current = consumed[table.key_of(window.values)]
            same = current == fingerprint
            if fingerprint is None or (same and (bronze.seal or not force)):
                continue
            build.fingerprints[window] = fingerprint
            if bronze.seal is not None:
                sealed[window] = bronze.late(window)
                continue
            sources.append(
                WindowSource(
                    window,
                    bronze.objects(window),
                    coverage_of(window, bronze.of(window)).completed_at,
                    build.posts.writer(window.values),
                    build.quarantine.writer(window.values),
                    None if force else _earlier(bronze, window, rules, current, build),
                )
            )
    # Whatever is raised, nothing that was staged stays behind.
    with build.quarantine, build.posts:
        for window, late in sealed.items():
            build.leave(window, late, rules)
        built = builder(sources) if builder else build_windows(lake, sources, rules, budget)
        for source, silver in built:
            build.add(source.window, silver)
    rebuilt = [window.values for window in build.fingerprints]
    build.posts.narrow(rebuilt)
    build.quarantine.narrow(rebuilt)
    return build


def behind_in(
    bronze: BronzePartition, rules: SilverRules, consumed: Mapping[PartitionKey, int | None]
) -> list[Window]:
    """The windows whose fingerprint is not the one that silver was committed with."""
    return [
        window
        for window in windows_of(bronze.partition)
        if (fingerprint := fingerprint_of(bronze, window, rules)) is not None
        and consumed[tuple(window.values.values())] != fingerprint
    ]


def _earlier(
    bronze: BronzePartition,
    window: Window,
    rules: SilverRules,
    consumed: int | None,
    build: SilverBuild,
) -> EarlierSilver | None:
    """The silver that stands, if today's rules made it of some of the window's objects."""
    objects = None if consumed is None else _objects_of(bronze, window, rules, consumed)
    if objects is None:
        return None
    paths = frozenset(stored.path for stored in objects)
    return EarlierSilver(build.posts.earlier(window.values), paths)


def consumed_objects(
    bronze: BronzePartition, window: Window, rules: SilverRules, consumed: int
) -> list[BronzeObject]:
    """Objects of a window that its silver was made of; all of them where other rules made it.

    Of a sealed partition: those that came after the seal and stand in quarantine.
    """
    if bronze.seal is not None:
        # A build takes all that are late: none of them where its fingerprint is another.
        current = consumed == fingerprint_of(bronze, window, rules)
        return bronze.late(window) if current else []
    objects = _objects_of(bronze, window, rules, consumed)
    return bronze.objects(window) if objects is None else objects


def _objects_of(
    bronze: BronzePartition, window: Window, rules: SilverRules, consumed: int
) -> list[BronzeObject] | None:
    """What was fetched up to some moment, if that has this fingerprint.

    Nothing says what silver was made of but its fingerprint, so that the newest fetches are left
    out one after the other until the rest has it.
    """
    manifests = bronze.of(window)
    for left_out in range(min(len(manifests), _FETCHES_BACK) + 1):
        ordered = sorted(manifests, key=lambda manifest: manifest.fetched_at)
        then = ordered[: len(ordered) - left_out]
        if _made_of(then, window, rules) == consumed:
            return objects_of(then)
    return None


def fingerprint_of(bronze: BronzePartition, window: Window, rules: SilverRules) -> int | None:
    """What silver of a window is made of; null where bronze says nothing of it, or not all.

    A sealed window's changes with what comes late, and with nothing else.
    """
    if bronze.is_damaged(window):
        return None
    if bronze.seal is not None:
        sealed_at = bronze.seal.sealed_at.isoformat()
        return _digest(["sealed", sealed_at, *_named(bronze.late(window))])
    manifests = bronze.of(window)
    return _made_of(manifests, window, rules) if manifests else None


def _made_of(manifests: Sequence[Manifest], window: Window, rules: SilverRules) -> int:
    completed = coverage_of(window, manifests).completed_at
    recipe = rules.recipe(window.partition.platform, window.partition.date)
    named = _named(objects_of(manifests))
    return _digest([recipe, completed.isoformat() if completed else "", *named])


def _named(objects: Sequence[BronzeObject]) -> list[str]:
    return [f"{stored.path} {stored.sha256}" for stored in objects]


def _digest(parts: Sequence[str]) -> int:
    """A positive 63-bit number: Delta keeps it as the version of the window's transaction."""
    digest = hashlib.sha256("\n".join(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _sealed(stored: BronzeObject) -> Refusal:
    reason = "it came after its date was sealed: silver of it is final"
    return Refusal(stored.path, 0, SEALED_DATE, reason, "batch", stored.records)
