"""The environment of tests: a thread may read it while it changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it is the C library's on Linux")

# Without the table of ours ("theirs") this ends by a signal, within moments.
_READ_WHILE_IT_CHANGES = """
import ctypes, os, subprocess, sys, threading, time
from sentiment_assets_tests import environ_for_threads
if sys.argv[1] == "ours":
    environ_for_threads.install()
sys.setswitchinterval(1e-6)
libc = ctypes.CDLL(None)
def read():
    while True:
        libc.getenv(b"NOBODY_SET_THIS")
for _ in range(2):
    threading.Thread(target=read, daemon=True).start()
end = time.monotonic() + 2
while time.monotonic() < end:
    for number in range(200):
        os.environ[f"VARIABLE_{number}"] = "x" * number
        # Takes the memory that a table was freed from.
        others = [b"\\7" * size for size in range(600, 3000, 8)]
    for number in range(200):
        del os.environ[f"VARIABLE_{number}"]
os.environ["LAST"] = "one"
libc.setenv(b"BY_C", b"two", 1)
os.environ["AFTER"] = "three"
told = subprocess.run(["env"], capture_output=True, text=True).stdout.splitlines()
print(sorted(line for line in told if line.startswith(("LAST", "BY_C", "AFTER", "VARIABLE_"))))
os._exit(0)
"""


def test_a_thread_may_read_what_changes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _READ_WHILE_IT_CHANGES, "ours"],
        check=False, cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "['AFTER=three', 'BY_C=two', 'LAST=one']\n"


def test_this_process_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert os.putenv.__module__ == "sentiment_assets_tests.environ_for_threads"
    monkeypatch.setenv("SET_BY_A_TEST", "1")
    told = subprocess.run(["env"], check=True, capture_output=True, text=True).stdout
    assert "SET_BY_A_TEST=1" in told
    monkeypatch.delenv("SET_BY_A_TEST")
    told = subprocess.run(["env"], check=True, capture_output=True, text=True).stdout
    assert "SET_BY_A_TEST" not in told
