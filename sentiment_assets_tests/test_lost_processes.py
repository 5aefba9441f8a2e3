"""A run of tests goes on when a process of it ends, and ends itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

_TESTS = """
import os, signal
from pathlib import Path

def test_first(): pass
def test_second():
    once = Path(__file__).with_name("ended")
    if {ends} and not (once.exists() and {only_once}):
        once.touch()
        os.kill(os.getpid(), signal.SIGKILL)
def test_third(): pass
"""


def run(folder: Path, *, only_once: bool) -> subprocess.CompletedProcess[str]:
    for number in range(24):
        text = _TESTS.format(ends=number == 17, only_once=only_once)
        (folder / f"test_{number:02}.py").write_text(text)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return subprocess.run(
        [
            sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadfile",
            "--no-loadscope-reorder", "--max-worker-restart", "1", "-p", "no:cacheprovider",
            "-p", "sentiment_assets_tests.lost_processes", "-c", os.devnull,
            "--rootdir", str(folder), str(folder),
        ],
        cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_every_test_is_run_when_a_process_ended(tmp_path: Path) -> None:
    done = run(tmp_path, only_once=True)
    assert "72 passed, 1 ended" in done.stdout, done.stdout
    assert done.returncode == 0


def test_a_test_that_ends_two_processes_failed(tmp_path: Path) -> None:
    done = run(tmp_path, only_once=False)
    assert "1 failed" in done.stdout, done.stdout
    assert "test_17.py::test_second" in done.stdout
    assert done.returncode == 1
