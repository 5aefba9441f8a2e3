"""What this process and those that it started use: seconds of the processor, peaks of memory.

What belongs here: reading the system's figures, by kind of process. Spark is three kinds: this
process, which drives; a Java machine; and Python workers, which end before anybody asks them.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil

_EVERY_SECONDS = 0.2


@dataclass
class Peaks:
    """The most that was resident at once, in bytes, by kind; ``all`` is of all kinds together."""

    bytes: dict[str, int] = field(default_factory=dict)

    def note(self, now: dict[str, int]) -> None:
        """Take what is larger than before."""
        for kind, size in {**now, "all": sum(now.values())}.items():
            self.bytes[kind] = max(size, self.bytes.get(kind, 0))


def cpu_seconds() -> float:
    """Of every process of the tree, and of those that ended and were waited for."""
    total = 0.0
    for process in _tree():
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


@contextlib.contextmanager
def watched() -> Iterator[Peaks]:
    """Look at the tree's memory every fifth of a second for as long as it takes."""
    peaks, ended = Peaks(), threading.Event()

    def look() -> None:
        while not ended.is_set():
            peaks.note(_resident())
            ended.wait(_EVERY_SECONDS)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield peaks
    finally:
        ended.set()
        watcher.join()


def _resident() -> dict[str, int]:
    found = {"driver": 0, "java": 0, "workers": 0}
    own = psutil.Process().pid
    for process in _tree():
        with contextlib.suppress(psutil.NoSuchProcess):
            name = process.name()
            kind = "driver" if process.pid == own else "java" if name == "java" else "workers"
            found[kind] += process.memory_info().rss
    return found


def _tree() -> list[psutil.Process]:
    process = psutil.Process()
    return [process, *process.children(recursive=True)]
