"""Upkeep of the lake: compaction, checkpoints, clean-up of logs and of files that nobody needs.

What belongs here: deciding what may go, and removing it. Every removal rests on the same three
facts: what the newest version is made of, what a version that may still be read is made of, and
which runs may be about to commit. Commits are the committer's (``tables.py``); who calls, and which
runs are under way, is said by the caller.

Ask which runs are under way *before* calling: a run that is not under way then has ended, and what
it committed is seen here; one that begins later writes files younger than the grace.

Memory grows with the number of a table's files, as it does for every reader of its log, never with
their bytes.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import unquote

import polars as pl

from sentiment_assets.core.layout import BATCH_POSTS, RAW_POSTS, STREAM_POSTS, PostPartition
from sentiment_assets.lake.bronze import read_partition
from sentiment_assets.lake.files import FILE_BYTES
from sentiment_assets.lake.objects import Lake, StoredObject
from sentiment_assets.lake.tables import (
    AuditFailed,
    CommitConflict,
    Partition,
    PartitionKey,
    StagedPartition,
    Table,
)

#: Files of a partition are small when they have less than this on average: four make one.
SMALL_BYTES = FILE_BYTES // 4
#: A partition that was changed so lately will soon be replaced whole.
SETTLES_IN = dt.timedelta(hours=2)
#: Rows that compaction holds.
_BATCH_ROWS = 10_000
_LOG_READERS = 16

_MANIFEST, _RECORDS = ".manifest.json", ".jsonl.gz"


@dataclass(frozen=True)
class Upkeep:
    """How long what is no longer needed stays.

    Raises:
        ValueError: older versions would go sooner than files that a run may still commit.
    """

    #: For how long a version can be read after it was replaced.
    history: dt.timedelta = dt.timedelta(days=7)
    #: How old a file that no version names must be: longer than any run may take.
    grace: dt.timedelta = dt.timedelta(hours=24)

    def __post_init__(self) -> None:
        if self.history < self.grace:
            raise ValueError(
                f"history ({self.history}) is shorter than the grace for unfinished work "
                f"({self.grace}); keep older versions at least as long"
            )


@dataclass(frozen=True)
class Maintained:
    """What the upkeep of a table did, or would do."""

    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    partitions_compacted: int = 0
    #: Partitions left as they are, because somebody else changed them meanwhile.
    partitions_left: int = 0
    #: The version that a checkpoint was written of, where one was.
    checkpoint: int | None = None
    log_entries_removed: int = 0
    files_removed: int = 0
    bytes_freed: int = 0
    #: Files that no version names, of runs that are under way or too young to tell.
    files_awaited: int = 0


@dataclass(frozen=True)
class Swept:
    """What was removed, or would be, and what was left because somebody may finish it."""

    files_removed: int = 0
    bytes_freed: int = 0
    files_awaited: int = 0

    def __add__(self, other: Swept) -> Swept:
        return Swept(
            self.files_removed + other.files_removed,
            self.bytes_freed + other.bytes_freed,
            self.files_awaited + other.files_awaited,
        )


def maintain(
    table: Table,
    upkeep: Upkeep,
    *,
    run_id: str,
    under_way: Collection[str],
    now: dt.datetime,
    dry_run: bool = False,
) -> Maintained:
    """All of a table's upkeep; nothing where there is no table.

    Args:
        table: whose.
        upkeep: how long things stay.
        run_id: named in the files and commits of the compaction.
        under_way: ids of the runs that were queued or running when this was asked for.
        now: the present time.
        dry_run: only tell; nothing is written or removed.

    Raises:
        AccessDenied: this process may not remove files of the table.
    """
    if not table.exists():
        return Maintained()
    before = table.partition_sizes()
    compacted, left = compact(table, run_id, now, dry_run=dry_run)
    checkpoint = None if dry_run else table.checkpoint()
    swept = sweep(table, upkeep, {*under_way, run_id}, now, dry_run=dry_run)
    # Last: entries that go name files that have just gone.
    entries = clean_log(table, now - upkeep.history, dry_run=dry_run)
    after = table.partition_sizes()
    return Maintained(
        files_before=int(before["files"].sum()),
        files_after=int(after["files"].sum()),
        bytes_before=int(before["bytes"].sum()),
        bytes_after=int(after["bytes"].sum()),
        partitions_compacted=compacted,
        partitions_left=left,
        checkpoint=checkpoint,
        log_entries_removed=entries,
        files_removed=swept.files_removed,
        bytes_freed=swept.bytes_freed,
        files_awaited=swept.files_awaited,
    )


# Compaction


def compact(
    table: Table, run_id: str, now: dt.datetime, *, dry_run: bool = False
) -> tuple[int, int]:
    """Rewrite partitions of many small files into few; returns how many, and how many were left.

    A commit a date. Rows, fingerprints and times of change stay, so nothing looks out of date. Who
    rebuilds a partition meanwhile wins; if this was faster, the rebuild runs again.
    """
    sizes = table.partition_sizes().filter(
        (pl.col("files") > 1)
        & (pl.col("bytes") < SMALL_BYTES * pl.col("files"))
        & (pl.col("modified_at") <= now - SETTLES_IN)
    )
    names = list(table.contract.partition_columns)
    done = left = 0
    for _, rows in groupby(
        sizes.iter_rows(named=True), key=lambda row: [row[n] for n in names[:1]]
    ):
        partitions = [{name: str(row[name]) for name in names} for row in rows]
        try:
            if not dry_run:
                _compact(table, partitions, run_id)
            done += len(partitions)
        except CommitConflict:
            # Tomorrow is time enough.
            left += len(partitions)
    return done, left


def _compact(table: Table, partitions: Sequence[Partition], run_id: str) -> None:
    expected: dict[PartitionKey, int] = {}

    def same_rows(staged: StagedPartition) -> None:
        if staged.rows != expected[staged.key]:
            raise AuditFailed(
                f"{table.root}/{staged.path}: compaction made {staged.rows} of "
                f"{expected[staged.key]} rows; nothing was committed: look at the date's checks, "
                "then rebuild it by force"
            )

    with table.begin(partitions, run_id) as replacement:
        fingerprints = table.fingerprints(partitions)
        for partition in partitions:
            rows, expected[table.key_of(partition)] = replacement.pinned(partition)
            batches = rows.collect_batches(chunk_size=_BATCH_ROWS, engine="streaming")
            replacement.write(partition, batches)
        replacement.commit(
            fingerprints={key: value for key, value in fingerprints.items() if value is not None},
            metadata={"upkeep": "compaction"},
            audit=same_rows,
            rearranges=True,
        )


# The log


def clean_log(table: Table, until: dt.datetime, *, dry_run: bool = False) -> int:
    """Remove the log's entries that only versions from before ``until`` need; returns how many.

    What stays begins with a checkpoint of a version that was the newest one at ``until`` or
    earlier. Without such a checkpoint nothing goes.
    """
    log = table.log()
    written = {
        version: entry.modified for version, entry in {**log.checkpoints, **log.commits}.items()
    }
    old_enough = [version for version in log.checkpoints if written[version] <= until]
    if not old_enough:
        return 0
    first = max(old_enough)
    unneeded = [
        entry.path
        for entry in log.entries
        if (version := entry.path.rpartition("/")[2].partition(".")[0]).isdigit()
        and int(version) < first
    ]
    if not dry_run:
        table.lake.objects.delete(unneeded)
    return len(unneeded)


# Files


def sweep(
    table: Table,
    upkeep: Upkeep,
    under_way: Collection[str],
    now: dt.datetime,
    *,
    dry_run: bool = False,
) -> Swept:
    """Remove the files that no version within the history refers to and no run may still commit.

    A file's name carries the id of the run that wrote it. What a run that ended left behind goes
    when it is older than the grace; so does what was written by a program that no instance knows.
    """
    objects = table.lake.objects
    # Listed before the log is read: what is committed in between is seen to be needed.
    listed = [stored for stored in objects.list(table.root) if not _is_hidden(table, stored)]
    unfinished = objects.unfinished(table.root)
    removed_lately, removed_before = _removed(table, now - upkeep.history)
    needed = table.live_files() | removed_lately
    unneeded: list[StoredObject] = []
    awaited = 0
    for stored in listed:
        path = stored.path.removeprefix(f"{table.root}/")
        if path in needed:
            continue
        if path in removed_before or _is_abandoned(stored, under_way, now - upkeep.grace):
            unneeded.append(stored)
        else:
            awaited += 1
    if not dry_run:
        objects.delete(stored.path for stored in unneeded)
    swept = Swept(len(unneeded), sum(stored.size for stored in unneeded), awaited)
    return swept + _sweep_unfinished(table.lake, unfinished, under_way, now - upkeep.grace, dry_run)


def _is_hidden(table: Table, stored: StoredObject) -> bool:
    """Delta's log, and whatever other engines keep beside a table."""
    return stored.path.removeprefix(f"{table.root}/").startswith(("_", "."))


def _is_abandoned(
    stored: StoredObject, under_way: Collection[str], written_before: dt.datetime
) -> bool:
    name = stored.path.rpartition("/")[2]
    return stored.modified < written_before and not any(run in name for run in under_way)


def _removed(table: Table, since: dt.datetime) -> tuple[set[str], set[str]]:
    """The files that commits since then took out of the table, and those that earlier ones did.

    Read from the commits themselves: a checkpoint forgets removed files after a time of its own.
    """
    log = table.log()
    lately: set[str] = set()
    before: set[str] = set()
    with ThreadPoolExecutor(_LOG_READERS) as readers:
        contents = readers.map(
            table.lake.objects.get, [entry.path for entry in log.commits.values()]
        )
        for entry, commit in zip(log.commits.values(), contents, strict=True):
            (lately if entry.modified > since else before).update(_removes_of(commit))
    return lately, before - lately


def _removes_of(commit: bytes) -> Iterator[str]:
    for line in commit.splitlines():
        if b'"remove"' in line and (action := json.loads(line).get("remove")):
            yield unquote(action["path"])


def _sweep_unfinished(
    lake: Lake,
    found: Sequence[StoredObject],
    under_way: Collection[str],
    written_before: dt.datetime,
    dry_run: bool,
) -> Swept:
    unneeded = [stored for stored in found if _is_abandoned(stored, under_way, written_before)]
    if not dry_run:
        lake.objects.delete_unfinished(stored.path for stored in unneeded)
    size = sum(stored.size for stored in unneeded)
    return Swept(len(unneeded), size, len(found) - len(unneeded))


# Bronze


def sweep_bronze(lake: Lake, written_before: dt.datetime, *, dry_run: bool = False) -> Swept:
    """Remove the objects of fetches and landings that died before they wrote a manifest.

    Both write their objects first and the manifest that tells of them last, and a retry writes the
    same names again. So an object of which no manifest tells is ignored by everything that reads
    bronze, holds personal data all the same, and may go once no run can come back to it:
    ``written_before`` is the grace, or the begin of the oldest run that is under way if that is
    earlier. What may belong to a damaged manifest stays: that manifest may be restored.
    """
    swept = Swept()
    for folder in lake.objects.folders(BATCH_POSTS):
        stored = lake.objects.list(folder)
        told = {
            entry.path.replace(_MANIFEST, _RECORDS)
            for entry in stored
            if entry.path.endswith(_MANIFEST)
        }
        swept += _sweep_untold(lake, stored, told, written_before, dry_run)
    for day in lake.objects.folders(STREAM_POSTS):
        for folder in lake.objects.folders(day):
            partition = PostPartition.from_folder(folder)
            # A manifest tells of the objects of several partitions of the topic: it is read.
            if partition is not None:
                bronze = read_partition(lake, partition)
                stored = lake.objects.list(folder)
                told = {o.path for manifest in bronze.manifests for o in manifest.objects}
                if bronze.damaged:
                    told |= {entry.path for entry in stored}
                swept += _sweep_untold(lake, stored, told, written_before, dry_run)
    unfinished = [entry for posts in RAW_POSTS for entry in lake.objects.unfinished(posts)]
    return swept + _sweep_unfinished(lake, unfinished, (), written_before, dry_run)


def _sweep_untold(
    lake: Lake,
    stored: Sequence[StoredObject],
    told: Collection[str],
    written_before: dt.datetime,
    dry_run: bool,
) -> Swept:
    untold = [e for e in stored if e.path.endswith(_RECORDS) and e.path not in told]
    unneeded = [entry for entry in untold if entry.modified < written_before]
    if not dry_run:
        lake.objects.delete(entry.path for entry in unneeded)
    size = sum(entry.size for entry in unneeded)
    return Swept(len(unneeded), size, len(untold) - len(unneeded))
