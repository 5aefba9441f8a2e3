"""The committer under kill -9, and its memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets_tests.lake.example_table import NOTES
from sentiment_assets_tests.lake.writing_process import ROWS, WINDOWS

ROOT = Path(__file__).parents[2]
KILLS = 12


def start(*arguments: object) -> subprocess.Popen[str]:
    module = "sentiment_assets_tests.lake.writing_process"
    command = [sys.executable, "-m", module, *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)


def test_kill_9_leaves_the_old_or_the_new_content(tmp_path: Path) -> None:
    uri = str(tmp_path / "lake")
    table = Lake.open(LakeLocation(uri, "simulated")).table(NOTES)
    span = 0.0
    with start("fork", uri) as writers:
        assert writers.stdin is not None
        assert writers.stdout is not None
        for kill in range(KILLS):
            before = 1_000 * kill
            print(before, file=writers.stdin, flush=True)
            lines = iter(writers.stdout.readline, "ended\n")
            writer = int(next(lines))
            said = [int(next(lines))]
            if not span:
                # How long one replacement takes here: kills are spread over it.
                started = time.monotonic()
                said += [int(next(lines)) for _ in range(5)]
                span = (time.monotonic() - started) / 5
            time.sleep(span * kill / KILLS)
            os.kill(writer, signal.SIGKILL)
            said += [int(line) for line in lines]

            rows = table.scan().select("window", "note_id", "count").collect()
            found = rows.group_by("window").len().sort("window").rows()
            assert found == [(window, ROWS) for window in WINDOWS]
            assert rows["note_id"].n_unique() == ROWS * len(WINDOWS)
            (mark,) = rows["count"].unique().to_list()
            # What was said to be committed is there; the commit after it may be.
            assert mark in (said[-1], said[-1] + 1)
            assert table.partition_sizes()["files"].sum() == len(WINDOWS)
        writers.stdin.close()


def test_memory_does_not_grow_with_the_partitions(tmp_path: Path) -> None:
    def peak(partitions: int) -> int:
        writer = start("write", tmp_path / str(partitions), partitions, 20_000)
        output, _ = writer.communicate(timeout=60)
        assert writer.returncode == 0
        return int(output) // 1024

    few, many = peak(2), peak(30)
    # 560,000 rows more: 8 bytes of key hash each, and the allocator's slack.
    assert many - few < 80, f"{few} MiB for 2 partitions, {many} MiB for 30"
