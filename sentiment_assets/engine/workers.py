"""Windows side by side, each process with a core of its own.

What belongs here: when processes are worth it, and who builds which window. What happens inside of
one is ``worker_process``'s. Most of a window's work holds Python's lock, so threads would wait for
one another.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from queue import SimpleQueue

from loky import ProcessPoolExecutor, cpu_count
from loky.process_executor import TerminatedWorkerError

from sentiment_assets.core.silver import SilverRules
from sentiment_assets.engine import worker_process
from sentiment_assets.engine.window import Budget, WindowSilver, WindowSource, build_window
from sentiment_assets.lake.objects import Lake

#: Below so many records a process costs more than it saves: each takes a second to begin.
PARALLEL_RECORDS = 150_000

#: A process takes some 400 MB; on larger machines a setting asks for more of them.
_MOST_BY_DEFAULT = 8

#: A core each: Polars would start a thread for every core in each of them.
_OWN_CORE = {"POLARS_MAX_THREADS": "1"}

Built = tuple[WindowSource, WindowSilver]


class WorkerLost(Exception):
    """A worker process ended before its window was built; nothing is committed."""


def cores_in_reach() -> int:
    """Cores that this process may use, by its affinity and its container's limit; 8 at most."""
    return int(min(cpu_count(), _MOST_BY_DEFAULT))


def build_windows(
    lake: Lake, sources: Sequence[WindowSource], rules: SilverRules, budget: Budget
) -> Iterator[Built]:
    """Build windows, in any order, each as soon as it is done.

    Raises what :func:`~sentiment_assets.engine.window.build_window` raises for any of them.

    Raises:
        WorkerLost: a process ended, by the system's hand most likely.
    """
    workers = min(budget.workers, len(sources))
    if workers < 2 or sum(source.records for source in sources) < PARALLEL_RECORDS:
        yield from ((source, build_window(lake, source, rules, budget)) for source in sources)
    else:
        yield from _side_by_side(lake, sources, rules, budget, workers)


def _side_by_side(
    lake: Lake, sources: Sequence[WindowSource], rules: SilverRules, budget: Budget, workers: int
) -> Iterator[Built]:
    share = replace(budget, held_rows=budget.held_rows // workers, workers=1)
    pool = ProcessPoolExecutor(
        # This process builds too: one fewer to begin, and no core that only waits.
        workers - 1,
        initializer=worker_process.begin,
        initargs=(worker_process.packed(lake, rules, share), os.getpid()),
        env=_OWN_CORE,
    )
    others = _Others(pool, sources)
    try:
        others.begin(workers - 1)
        try:
            while (source := others.take()) is not None:
                yield source, build_window(lake, source, rules, share)
                yield from others.built(wait=False)
            yield from others.built(wait=True)
        except TerminatedWorkerError as error:
            raise WorkerLost(
                "a process that built a window ended unexpectedly, most likely for want of "
                "memory: lower SENTIMENT_WORKERS or SENTIMENT_HELD_ROWS"
            ) from error
        except Exception:
            # Whatever a window raised is raised again, after the others left no file behind.
            # Interrupts don't wait for them: upkeep removes the files.
            others.discard()
            raise
    finally:
        others.end()
        # Who is done has nothing to write any more, and would take 70 ms to end by itself.
        pool.shutdown(wait=True, kill_workers=True)


class _Others:
    """What the other processes build: each gets its next window when it is done with one."""

    def __init__(self, pool: ProcessPoolExecutor, sources: Sequence[WindowSource]) -> None:
        self._pool = pool
        # The largest first, so that none of them is left for the end.
        ordered = sorted(sources, key=lambda source: source.records, reverse=True)
        self._waiting = deque(ordered)
        self._begun: dict[Future[WindowSilver], WindowSource] = {}
        self._done: SimpleQueue[Future[WindowSilver]] = SimpleQueue()
        #: The pool's own thread hands out windows beside this one.
        self._lock = threading.Lock()

    def begin(self, processes: int) -> None:
        """Hand out a window to each process."""
        for _ in range(processes):
            self._hand_out()

    def take(self) -> WindowSource | None:
        """A window that nobody has begun, to build here; null where none is left."""
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def built(self, *, wait: bool) -> Iterator[Built]:
        """Windows that were built since it was asked last; with ``wait`` all that were begun.

        Raises what a window raised.
        """
        while self._begun and (wait or not self._done.empty()):
            done = self._done.get()
            source = self._begun.pop(done)
            yield source, done.result()

    def discard(self) -> None:
        """Begin no further window, wait for those that were begun, and delete what they wrote."""
        self.end()
        for future, source in self._begun.items():
            if future.exception() is None:
                silver = future.result()
                source.posts.delete(silver.posts)
                source.quarantine.delete(silver.quarantine)

    def end(self) -> None:
        """Begin no further window."""
        with self._lock:
            self._waiting.clear()

    def _hand_out(self) -> None:
        with self._lock:
            if not self._waiting:
                return
            future = self._pool.submit(worker_process.build, self._waiting[0])
            self._begun[future] = self._waiting.popleft()
        future.add_done_callback(self._finished)

    def _finished(self, future: Future[WindowSilver]) -> None:
        try:
            # Before it is told, so that a process has its next window while others are asked for.
            if not future.cancelled() and future.exception() is None:
                self._hand_out()
        finally:
            self._done.put(future)
