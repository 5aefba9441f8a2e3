"""What this process and those that it started use: seconds of the processor, peaks of memory.

What belongs here: reading the system's figures, by kind of process. Spark is three kinds: this
process, which drives; a Java machine; and Python workers. Those end when they were idle for a
while, and nobody asks the system for what they took: so it is looked at while they live.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil

_EVERY_SECONDS = 0.2


@dataclass
class Usage:
    """What was used since the watch began."""

    #: The most that was resident at once, in bytes, by kind; ``all`` is of all kinds together.
    peaks: dict[str, int] = field(default_factory=dict)
    _first: dict[tuple[int, float], float] = field(default_factory=dict)
    _last: dict[tuple[int, float], float] = field(default_factory=dict)

    @property
    def cpu(self) -> float:
        """Seconds of the processor, of every process that was seen."""
        return sum(seconds - self._first[one] for one, seconds in self._last.items())

    def look(self, *, begins: bool = False) -> None:
        """Take what is there now; what a process used before the watch began isn't counted."""
        own = psutil.Process()
        now = {"driver": 0, "java": 0, "workers": 0}
        for process in [own, *own.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess), process.oneshot():
                times, one = process.cpu_times(), (process.pid, process.create_time())
                name = process.name()
                kind = "driver" if process == own else "java" if name == "java" else "workers"
                now[kind] += process.memory_info().rss
                self._last[one] = times.user + times.system
                self._first.setdefault(one, self._last[one] if begins else 0.0)
        for kind, size in {**now, "all": sum(now.values())}.items():
            self.peaks[kind] = max(size, self.peaks.get(kind, 0))


@contextlib.contextmanager
def watched() -> Iterator[Usage]:
    """Look at the tree five times a second for as long as it takes."""
    usage, ended = Usage(), threading.Event()
    usage.look(begins=True)

    def look() -> None:
        while not ended.wait(_EVERY_SECONDS):
            usage.look()

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield usage
    finally:
        ended.set()
        watcher.join()
        usage.look()
