"""Programs that tests start as processes of their own: to be killed, to race, to be measured."""

from __future__ import annotations

import datetime as dt
import os
import resource
import sys
import time

from sentiment_assets.lake.maintenance import Upkeep, compact, maintain
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets.lake.tables import CommitConflict, Table
from sentiment_assets_tests.lake.example_table import NOTES, notes, partition

WINDOWS = ("0800", "1000", "1200")
ROWS = 400


def replace_for_ever(uri: str, mark: int) -> None:
    """Replace three windows again and again; every row of a commit carries the same mark."""
    table = Lake.open(LakeLocation(uri, "simulated")).table(NOTES)
    while True:
        mark += 1
        with table.begin([partition(window) for window in WINDOWS], "run") as replacement:
            for number, window in enumerate(WINDOWS):
                rows = notes(ROWS, start=ROWS * number, mark=mark)
                replacement.write(partition(window), [rows])
            replacement.commit()
        print(mark, flush=True)


def fork_writers(uri: str) -> None:
    """For each mark on standard input, a child that replaces for ever; prints its process id.

    Imports take longer than everything else here. Forking is safe because this process has used
    neither Polars nor delta-rs, only imported them.
    """
    for line in sys.stdin:
        child = os.fork()
        if not child:
            replace_for_ever(uri, int(line))
        print(child, flush=True)
        os.waitpid(child, 0)
        print("ended", flush=True)


def scatter(table: Table, mark: int, run_id: str) -> None:
    """Replace each window by three small files."""
    with table.begin([partition(window) for window in WINDOWS], run_id) as replacement:
        for number, window in enumerate(WINDOWS):
            for part in range(0, ROWS, ROWS // 3 + 1):
                size = min(ROWS // 3 + 1, ROWS - part)
                rows = notes(size, start=ROWS * number + part, mark=mark)
                replacement.write(partition(window), [rows])
        replacement.commit()


def maintain_for_ever(uri: str) -> None:
    """Scatter, then maintain as if a year had passed, again and again; prints what it finished."""
    table = Lake.open(LakeLocation(uri, "simulated")).table(NOTES)
    for mark in range(10**9):
        scatter(table, mark, f"run-{os.getpid()}")
        print("scattered", flush=True)
        now = dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=365)
        maintain(table, Upkeep(), run_id=f"upkeep-{os.getpid()}", under_way=(), now=now)
        print("maintained", flush=True)


def fork_maintainers(uri: str) -> None:
    """For each line on standard input, a child that maintains for ever; prints its process id."""
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            maintain_for_ever(uri)
        print(child, flush=True)
        os.waitpid(child, 0)
        print("ended", flush=True)


def rebuild_for(uri: str, seconds: int) -> None:
    """Replace the windows for so long, each time anew after a conflict; prints the last mark."""
    table = Lake.open(LakeLocation(uri, "simulated")).table(NOTES)
    end, mark, conflicts = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        try:
            scatter(table, mark + 1, "rebuild")
            mark += 1
        except CommitConflict:
            conflicts += 1
        # As long as compaction takes, so that now one and now the other is faster.
        time.sleep(0.05)
    print(mark, conflicts)


def compact_many(uri: str, files: int, rows: int) -> None:
    """Write so many files into one partition and make few of them; print the peak memory (KiB)."""
    table = Lake.open(LakeLocation(uri, "simulated")).table(NOTES)
    with table.begin([partition()], "run") as replacement:
        for number in range(files):
            replacement.write(partition(), [notes(rows, start=number * rows)])
        replacement.commit()
    later = dt.datetime.now(dt.timezone.utc) + dt.timedelta(hours=3)
    assert compact(table, "upkeep", later) == (1, 0)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def write_many(uri: str, partitions: int, rows: int) -> None:
    """Write partitions of that many rows in one commit; print the peak memory (KiB) it took."""
    table = Lake.open(LakeLocation(uri, "simulated")).table(NOTES)
    names = [f"{number:04d}" for number in range(partitions)]
    with table.begin([partition(name) for name in names], "run") as replacement:
        for number, name in enumerate(names):
            batches = (
                notes(10_000, start=number * rows + offset) for offset in range(0, rows, 10_000)
            )
            replacement.write(partition(name), batches)
        replacement.commit()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    program, uri, *numbers = sys.argv[1:]
    programs = {
        "fork": fork_writers,
        "write": write_many,
        "maintain": fork_maintainers,
        "rebuild": rebuild_for,
        "compact": compact_many,
    }
    programs[program](uri, *map(int, numbers))
