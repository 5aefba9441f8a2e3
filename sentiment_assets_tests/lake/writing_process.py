"""Programs that tests start as processes of their own: one to be killed, one to be measured."""

from __future__ import annotations

import os
import resource
import sys

from sentiment_assets.lake.objects import Lake, LakeLocation
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
    {"fork": fork_writers, "write": write_many}[program](uri, *map(int, numbers))
