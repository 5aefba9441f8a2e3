"""Windows side by side, each process with a core of its own.

What belongs here: when processes are worth it, and how they end. Most of a window's work holds
Python's lock, so threads would wait for one another.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import replace

from loky import ProcessPoolExecutor, cpu_count
from loky.process_executor import TerminatedWorkerError

from sentiment_assets.core.silver import SilverRules
from sentiment_assets.engine.window import Budget, WindowSilver, WindowSource, build_window
from sentiment_assets.lake.objects import Lake

#: Below so many records a process costs more than it saves: each takes a second to begin.
PARALLEL_RECORDS = 150_000

#: A process takes some 400 MB; on larger machines a setting asks for more of them.
_MOST_BY_DEFAULT = 8

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
        workers,
        initializer=_begin,
        initargs=(lake, rules, share, os.getpid()),
        # A core each: Polars would start a thread for every core in each of them.
        env={"POLARS_MAX_THREADS": "1"},
    )
    pending: dict[Future[WindowSilver], WindowSource] = {}
    interrupted = True
    try:
        # The largest first, so that none of them is left for the end.
        for source in sorted(sources, key=lambda source: source.records, reverse=True):
            pending[pool.submit(_build, source)] = source
        try:
            for done in as_completed([*pending]):
                source = pending.pop(done)
                yield source, done.result()
        except TerminatedWorkerError as error:
            raise WorkerLost(
                "a process that built a window ended unexpectedly, most likely for want of "
                "memory: lower SENTIMENT_WORKERS or SENTIMENT_HELD_ROWS"
            ) from error
        except Exception:
            # Whatever a window raised is raised again, after the others left no file behind.
            # Interrupts don't wait for them: the workers are killed, upkeep removes their files.
            _discard(pending)
            interrupted = False
            raise
        interrupted = False
    finally:
        pool.shutdown(wait=True, kill_workers=interrupted)


def _discard(pending: Mapping[Future[WindowSilver], WindowSource]) -> None:
    """Begin no further window, wait for those that were begun, and delete what they wrote."""
    begun = {future: source for future, source in pending.items() if not future.cancel()}
    for future, source in begun.items():
        if future.exception() is None:
            silver = future.result()
            source.posts.delete(silver.posts)
            source.quarantine.delete(silver.quarantine)


_given: list[tuple[Lake, SilverRules, Budget]] = []


def _begin(lake: Lake, rules: SilverRules, budget: Budget, parent: int) -> None:
    """In a worker: take what all windows share, and end when the process does that asked."""
    # Ctrl-C reaches the whole group; the parent ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _given[:] = [(lake, rules, budget)]


def _end_with(parent: int) -> None:
    """A parent that was killed ends nobody: whoever is left without it ends by itself."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _build(source: WindowSource) -> WindowSilver:
    [(lake, rules, budget)] = _given
    return build_window(lake, source, rules, budget)
