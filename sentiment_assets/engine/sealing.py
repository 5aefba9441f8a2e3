"""Seal a partition, and open it again while its bronze is still whole.

What belongs here: the questions that come before, and the order of writing. What a sealed partition
means for a build is ``in_process``.
"""

from __future__ import annotations

import datetime as dt

from sentiment_assets.core.contracts import SILVER_POSTS
from sentiment_assets.core.layout import PostPartition, windows_of
from sentiment_assets.core.seals import Seal, SealedWindow
from sentiment_assets.core.silver import SilverRules
from sentiment_assets.engine.in_process import behind_in, fingerprint_of
from sentiment_assets.lake.bronze import BronzePartition, read_partition
from sentiment_assets.lake.objects import Lake, LakeError
from sentiment_assets.lake.seals import remove_seal, write_seal
from sentiment_assets.lake.tables import CommitConflict

#: A rebuild that commits meanwhile makes the sealing begin anew.
_ATTEMPTS = 3


class NotSealable(LakeError):
    """The partition can't be sealed, or not be opened; the message says what to do first."""


def seal_partition(
    lake: Lake,
    partition: PostPartition,
    rules: SilverRules,
    *,
    now: dt.datetime,
    reason: str,
    run_id: str,
) -> Seal:
    """Make a partition's silver final: from now on its bronze may be removed.

    The seal is written first and then noted in silver's log. So a rebuild that began before it
    conflicts, runs again, and sees the seal. A partition that is sealed stays as it was sealed.

    Raises:
        NotSealable: silver lacks something that bronze has, or bronze can't be read.
        CommitConflict: rebuilds of the partition came in between again and again.
    """
    table = lake.table(SILVER_POSTS)
    values = [window.values for window in windows_of(partition)]
    for attempt in range(_ATTEMPTS):
        replacement = table.begin(values, run_id)
        consumed = table.fingerprints(values)
        bronze = read_partition(lake, partition)
        if bronze.seal is not None:
            return bronze.seal
        _require_whole(bronze, rules, consumed)
        seal = _seal_of(bronze, now, reason)
        write_seal(lake, seal)
        # What landed since is late: its own fingerprint comes with the build that sees it.
        nothing_late = BronzePartition(partition, bronze.manifests, seal=seal)
        try:
            for window in windows_of(partition):
                replacement.keep(window.values)
            replacement.commit(
                fingerprints={
                    table.key_of(window.values): fingerprint_of(nothing_late, window, rules) or 0
                    for window in windows_of(partition)
                }
            )
        except BaseException as error:
            remove_seal(lake, partition)
            if isinstance(error, CommitConflict) and attempt + 1 < _ATTEMPTS:
                continue
            raise
        return seal
    raise AssertionError("the last attempt returns or raises")


def open_partition(lake: Lake, partition: PostPartition) -> None:
    """Remove a seal whose bronze is still whole: the next rebuild is an ordinary one.

    Raises:
        NotSealable: there is no seal, or bronze was removed already.
    """
    bronze = read_partition(lake, partition)
    if bronze.seal is None:
        raise NotSealable(f"{partition.key} is not sealed: nothing was changed")
    listed = {stored.path for m in bronze.manifests for stored in m.objects}
    missing = [
        path
        for sealed in bronze.seal.windows
        for path in sealed.objects
        if path not in listed or not lake.objects.exists(path)
    ]
    if missing:
        raise NotSealable(
            f"{partition.key}: {len(missing)} of its bronze objects are gone, so that a rebuild "
            "would lose rows. It stays sealed; restore bronze from a backup first"
        )
    remove_seal(lake, partition)


def _require_whole(
    bronze: BronzePartition, rules: SilverRules, consumed: dict[tuple[str, ...], int | None]
) -> None:
    partition = bronze.partition
    if bronze.damaged:
        raise NotSealable(
            f"{partition.key}: {len(bronze.damaged)} manifests cannot be read, so nobody knows "
            f"what silver should hold. Restore or remove {bronze.damaged[0]} first"
        )
    behind = behind_in(bronze, rules, consumed)
    if behind:
        raise NotSealable(
            f"{partition.key}: silver is behind bronze or its recipe in {len(behind)} windows, "
            f"from {behind[0].name} on. Rebuild the date first (docs/engineers.md#rebuild)"
        )


def _seal_of(bronze: BronzePartition, now: dt.datetime, reason: str) -> Seal:
    windows = []
    for window, coverage in bronze.coverage.items():
        objects = bronze.objects(window)
        records = sum(stored.records for stored in objects)
        windows.append(SealedWindow(coverage, [stored.path for stored in objects], records))
    at = now.astimezone(dt.timezone.utc).replace(microsecond=0)
    return Seal(bronze.partition.platform, bronze.partition.date, at, reason, windows)
