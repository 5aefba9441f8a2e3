"""Bronze to silver on this machine: which windows are behind, and who builds them.

What belongs here: planning, and handing files to the committer. What happens to one window is
``window``'s; processes that build several side by side are ``workers``'s.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sentiment_assets.core.contracts import SILVER_POSTS, SILVER_QUARANTINE
from sentiment_assets.core.coverage import Manifest, coverage_of
from sentiment_assets.core.layout import PostPartition, Window, windows_of
from sentiment_assets.core.quality import Conservation
from sentiment_assets.core.silver import SilverRules
from sentiment_assets.engine.window import Budget, EarlierSilver, WindowSilver, WindowSource
from sentiment_assets.engine.workers import build_windows
from sentiment_assets.lake.bronze import BronzePartition, read_partition
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.tables import Replacement

__all__ = ["Budget", "SilverBuild", "build_silver", "stale_windows"]


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
        self.posts.stage(_values(window), silver.posts)
        self.quarantine.stage(_values(window), silver.quarantine)
        self.counts[partition] += silver.counts
        self.unscored.setdefault(partition, Counter()).update(silver.unscored)
        self.redacted.setdefault(partition, Counter()).update(silver.redacted)


def build_silver(
    lake: Lake,
    partitions: Sequence[PostPartition],
    rules: SilverRules,
    *,
    run_id: str,
    force: bool = False,
    budget: Budget = Budget(),  # noqa: B008 - frozen
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
        budget: bounds memory and processes.
    """
    every = [_values(window) for partition in partitions for window in windows_of(partition)]
    table = lake.table(SILVER_POSTS)
    build = SilverBuild(
        posts=table.begin(every, run_id),
        quarantine=lake.table(SILVER_QUARANTINE).begin(every, run_id),
    )
    consumed = table.fingerprints(every)
    sources = []
    for partition in sorted(partitions):
        bronze = read_partition(lake, partition)
        build.counts[partition] = Conservation()
        for window in windows_of(partition):
            fingerprint = _fingerprint(bronze, window, rules)
            current = consumed[table.key_of(_values(window))]
            if fingerprint is None or (current == fingerprint and not force):
                continue
            sources.append(
                WindowSource(
                    window,
                    bronze.objects(window),
                    coverage_of(window, bronze.of(window)).completed_at,
                    build.posts.writer(_values(window)),
                    build.quarantine.writer(_values(window)),
                    None if force else _earlier(bronze, window, rules, current, build),
                )
            )
            build.fingerprints[window] = fingerprint
    # Whatever is raised, nothing that was staged stays behind.
    with build.quarantine, build.posts:
        for source, silver in build_windows(lake, sources, rules, budget):
            build.add(source.window, silver)
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


def _earlier(
    bronze: BronzePartition,
    window: Window,
    rules: SilverRules,
    consumed: int | None,
    build: SilverBuild,
) -> EarlierSilver | None:
    """The silver that stands, if today's rules made it of what was fetched up to some moment.

    Nothing says what it was made of but its fingerprint, so that the newest fetches are left out
    one after the other until the rest has that.
    """
    if consumed is None:
        return None
    manifests = bronze.of(window)
    moments = sorted({manifest.fetched_at for manifest in manifests}, reverse=True)
    for moment in moments[:_FETCHES_BACK]:
        then = [manifest for manifest in manifests if manifest.fetched_at < moment]
        if _made_of(then, window, rules) == consumed:
            paths = frozenset(o.path for manifest in then for o in manifest.objects)
            return EarlierSilver(build.posts.earlier(_values(window)), paths)
    return None


def _fingerprint(bronze: BronzePartition, window: Window, rules: SilverRules) -> int | None:
    """What silver of a window is made of; null where bronze says nothing of it, or not all."""
    manifests = bronze.of(window)
    if not manifests or bronze.is_damaged(window):
        return None
    return _made_of(manifests, window, rules)


def _made_of(manifests: Sequence[Manifest], window: Window, rules: SilverRules) -> int:
    """A positive 63-bit number: Delta keeps it as the version of the window's transaction."""
    completed = coverage_of(window, manifests).completed_at
    recipe = rules.recipe(window.partition.platform, window.partition.date)
    parts = [recipe, completed.isoformat() if completed else ""]
    objects = sorted((o for m in manifests for o in m.objects), key=lambda o: o.path)
    parts += [f"{o.path} {o.sha256}" for o in objects]
    digest = hashlib.sha256("\n".join(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _values(window: Window) -> Mapping[str, str]:
    return {
        "date": window.partition.date.isoformat(),
        "platform": window.partition.platform,
        "window": window.name,
    }
