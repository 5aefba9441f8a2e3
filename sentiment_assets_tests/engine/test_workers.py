"""Windows built in several processes: the same rows, and nobody left behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from sentiment_assets.core.layout import windows_of
from sentiment_assets.core.sentiment.vader import VADER
from sentiment_assets.engine import workers
from sentiment_assets.engine.in_process import Budget, build_silver
from sentiment_assets.lake.objects import Lake
from sentiment_assets_tests.bronze_records import DAY, RULES, at, line, payload, store
from sentiment_assets_tests.silver_of_a_lake import assert_conserved, posts, quarantine, rebuild

HOURS = (0, 2, 8, 10)
TWO = Budget(workers=2)


@pytest.fixture(autouse=True)
def _worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PARALLEL_RECORDS", 1)


def fill(lake: Lake) -> int:
    """Some windows with posts, a repeated one and a damaged line; returns the records."""
    records = 0
    for hour in HOURS:
        window = windows_of(DAY)[hour // 2]
        lines = [line(payload(hour + 0.5, n), at(hour + 2.1)) for n in range(20)]
        store(lake, window, [*lines, lines[0], b"{"], at(hour + 2.1))
        records += len(lines) + 2
    return records


def test_processes_make_the_rows_that_one_makes(lake: Lake) -> None:
    records = fill(lake)
    alone = rebuild(lake)
    rows, refused = posts(lake), quarantine(lake)
    assert refused.height == len(HOURS)
    together = rebuild(lake, force=True, budget=TWO)
    assert_conserved(lake, together, records)
    assert_frame_equal(posts(lake), rows)
    assert_frame_equal(quarantine(lake), refused)
    assert together.counts == alone.counts
    assert (together.unscored, together.redacted) == (alone.unscored, alone.redacted)
    assert _workers(psutil.Process()) == []


@dataclass(frozen=True)
class Fails:
    """A scorer that can't do a thing in the process that asks for the build, or in the others."""

    parent: int
    here: bool
    name: str = "fails"
    version: str = "1"
    languages: frozenset[str] = frozenset({"en"})

    def score(self, texts: pa.Array) -> pa.Table:
        if (os.getpid() == self.parent) == self.here:
            self.fail()
        return VADER.score(texts)

    def fail(self) -> None:
        raise RuntimeError("cannot score")


@pytest.mark.parametrize("here", [True, False])
def test_a_window_that_fails_fails_the_build_and_leaves_no_file(lake: Lake, here: bool) -> None:
    fill(lake)
    rules = replace(RULES, scorer=Fails(os.getpid(), here))
    with pytest.raises(RuntimeError, match="cannot score"):
        build_silver(lake, [DAY], rules, run_id="run", budget=TWO)
    assert list(Path(lake.location.uri, "silver").rglob("*.parquet")) == []
    assert _workers(psutil.Process()) == []


class Dies(Fails):
    """A scorer that takes its process with it."""

    def fail(self) -> None:
        os._exit(9)


def test_a_lost_process_is_told_with_what_to_do(lake: Lake) -> None:
    fill(lake)
    with pytest.raises(workers.WorkerLost, match="SENTIMENT_WORKERS"):
        build_silver(
            lake,
            [DAY],
            replace(RULES, scorer=Dies(os.getpid(), here=False)),
            run_id="run",
            budget=TWO,
        )
    assert _workers(psutil.Process()) == []


BUILD = """
import sys
from sentiment_assets.engine import workers
from sentiment_assets.engine.in_process import Budget, build_silver
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets_tests.bronze_records import DAY, RULES

workers.PARALLEL_RECORDS = 1
lake = Lake.open(LakeLocation(sys.argv[1], "simulated"))
build_silver(lake, [DAY], RULES, run_id="run", budget=Budget(workers=3))
"""


@pytest.mark.parametrize("library", ["pandas.core", "numpy.ma", "phonenumbers"])
def test_silver_imports_nothing_that_it_does_not_use(lake: Lake, library: str) -> None:
    """A third of a second in each process for pandas, some 40 ms for each of the others."""
    fill(lake)
    alone = BUILD.replace("workers=3", "workers=1")
    probe = f"\nraise SystemExit('it was imported' if {library!r} in sys.modules else 0)"
    done = subprocess.run(
        [sys.executable, "-c", alone + probe, lake.location.uri],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_workers_of_a_killed_process_end(lake: Lake) -> None:
    fill(lake)
    process = subprocess.Popen([sys.executable, "-c", BUILD, lake.location.uri])
    parent = psutil.Process(process.pid)
    found: list[psutil.Process] = []
    deadline = time.monotonic() + 60
    while len(found) < 2 and time.monotonic() < deadline:
        found = _workers(parent)
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert len(found) == 2
    _, alive = psutil.wait_procs(found, timeout=30)
    assert alive == []


def _workers(parent: psutil.Process) -> list[psutil.Process]:
    """Loky's processes, without the one that watches its semaphores."""
    found = []
    for child in parent.children():
        # Another test's may have ended just now.
        with contextlib.suppress(psutil.NoSuchProcess):
            if "popen_loky" in " ".join(child.cmdline()):
                found.append(child)
    return found
