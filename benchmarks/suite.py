"""What is measured, at which sizes, in which order."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.bronze import DAY, link_bronze
from benchmarks.growing_day import RHYTHMS
from benchmarks.pipeline import lake_of

ROOT = Path(__file__).parents[1]
Run = dict[str, Any]


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    #: Posts of one date, and how often each is built.
    dates: dict[int, int]
    #: Which of them the peer and Dagster get too.
    compared: tuple[int, ...]
    with_dagster: int
    staged: int
    #: Fetches of a hot window that memory is measured at, each of so many posts, and the rows that
    #: may be held: fewer than the smallest has, so that all are read twice.
    hot_fetches: tuple[int, ...]
    posts_per_fetch: int
    held_rows: int
    ticks: int
    tick_days: int
    tick_history: int
    tick_posts: int
    #: Posts of a day that is built tick by tick, of how many windows, and in which rhythms.
    growing_posts: int
    growing_windows: int
    rhythms: tuple[str, ...]


FULL = Sizes(
    dates={10_000: 3, 100_000: 2},
    compared=(10_000, 100_000),
    with_dagster=100_000,
    staged=100_000,
    hot_fetches=(2, 5, 20),
    posts_per_fetch=50_000,
    held_rows=50_000,
    ticks=3,
    tick_days=7,
    tick_history=4_000,
    tick_posts=500,
    growing_posts=100_000,
    growing_windows=12,
    rhythms=RHYTHMS,
)

#: A million posts of one date too, beside those of one window; two minutes more.
WHOLE = replace(FULL, dates={**FULL.dates, 1_000_000: 1})

TINY = Sizes(
    dates={300: 1},
    compared=(300,),
    with_dagster=300,
    staged=300,
    hot_fetches=(1, 2),
    posts_per_fetch=200,
    held_rows=100,
    ticks=1,
    tick_days=1,
    tick_history=120,
    tick_posts=20,
    growing_posts=300,
    growing_windows=1,
    rhythms=RHYTHMS[-1:],
)


@dataclass
class Figures:
    """Every run of every case, in the order in which they ran."""

    sizes: Sizes
    corpus: str
    started: float = field(default_factory=time.time)
    dates: dict[int, list[Run]] = field(default_factory=dict)
    peers: dict[int, list[Run]] = field(default_factory=dict)
    dagster: list[Run] = field(default_factory=list)
    hot: list[Run] = field(default_factory=list)
    stages: Run = field(default_factory=dict)
    ticks: list[Run] = field(default_factory=list)
    dagster_ticks: list[Run] = field(default_factory=list)
    #: By rhythm and whether as Dagster jobs: the day at once, and tick by tick.
    growing: dict[tuple[str, bool], tuple[Run, Run]] = field(default_factory=dict)
    seconds: float = 0.0


def measure(folder: Path, sizes: Sizes, corpus: Path | None, say: Callable[[str], None]) -> Figures:
    """Make the input, then run every case; ``folder`` needs some GB at full size."""
    figures = Figures(sizes, corpus.name if corpus else "the simulator's story")
    texts = str(corpus or "")
    begun = time.perf_counter()

    def case(name: str, **arguments: object) -> Run:
        started = time.perf_counter()
        run = run_case(name, folder / "bytecode", **arguments)
        say(f"{time.perf_counter() - begun:6.0f} s  {name} ({time.perf_counter() - started:.1f} s)")
        return run

    hot = sizes.hot_fetches[-1] * sizes.posts_per_fetch
    made: list[tuple[str, Run]] = [
        ("write_window", {"folder": folder / "hot", "posts": hot, "corpus": texts,
                          "per_fetch": sizes.posts_per_fetch, "part": part, "parts": 2})
        for part in range(2)
    ]  # fmt: skip
    made += [
        ("write_date", {"folder": folder / str(posts), "date": DAY.date.isoformat(),
                        "posts": posts, "corpus": texts, "windows": 12})
        for posts in sorted(sizes.dates, reverse=True)
    ]  # fmt: skip
    made.append(("write_ticking", {"home": folder / "ticking", "days": sizes.tick_days,
                                   "posts_per_day": sizes.tick_history,
                                   "new_posts": sizes.tick_posts, "corpus": texts}))  # fmt: skip
    made += [
        ("write_growing", {"folder": folder / f"growing-{rhythm}", "posts": sizes.growing_posts,
                           "corpus": texts, "rhythm": rhythm,
                           "windows": sizes.growing_windows})
        for rhythm in sizes.rhythms
    ]  # fmt: skip
    # Only making the input may use both cores.
    with ThreadPoolExecutor(2) as makers:
        list(makers.map(lambda one: case(one[0], **one[1]), made))

    for posts, times in sizes.dates.items():
        for _ in range(times):
            with bronze_only(folder, folder / str(posts)) as lake:
                run = case("bronze_to_gold", folder=lake)
                figures.dates.setdefault(posts, []).append(run)
            if posts in sizes.compared:
                with bronze_only(folder, folder / str(posts)) as lake:
                    figures.peers.setdefault(posts, []).append(case("peer", folder=lake))
            if posts == sizes.with_dagster and not figures.dagster:
                with bronze_only(folder, folder / str(posts), in_home=True) as home:
                    figures.dagster.append(case("dagster_job", home=home))

    def hot_window(fetches: int) -> Run:
        with bronze_only(folder, folder / "hot", fetches=fetches) as lake:
            return case("bronze_to_gold", folder=lake, held_rows=sizes.held_rows)

    # Memory is the same beside another process; only the largest one's time is reported.
    *smaller, largest = sizes.hot_fetches
    with ThreadPoolExecutor(2) as pairs:
        figures.hot += pairs.map(hot_window, smaller)
    figures.hot.append(hot_window(largest))
    with bronze_only(folder, folder / str(sizes.staged)) as lake:
        figures.stages = case("stages", folder=lake)
    for _ in range(sizes.ticks):
        with _copy(folder) as home:
            figures.ticks.append(case("bronze_to_gold", folder=lake_of(home)))
        with _copy(folder) as home:
            figures.dagster_ticks.append(case("dagster_job", home=home))
    for rhythm, as_job in itertools.product(sizes.rhythms, (False, True)):
        at_once, by_ticks = (
            case(
                "grow",
                ticks=folder / f"growing-{rhythm}",
                home=folder / f"grown-{rhythm}-{as_job}-{once}",
                as_job=as_job,
                at_once=once,
            )
            for once in (True, False)
        )
        figures.growing[rhythm, as_job] = (at_once, by_ticks)
    figures.seconds = time.perf_counter() - begun
    return figures


def run_case(name: str, bytecode: Path, **arguments: object) -> Run:
    """One case in a fresh process, with compiled modules in ``bytecode``.

    Raises:
        RuntimeError: it failed; the message is what it printed.
    """
    # An installation's modules are compiled; a tree that forbids it would time the compiler.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.cases", name, json.dumps(arguments, default=str)],
        cwd=ROOT,
        env=environment | {"PYTHONPYCACHEPREFIX": str(bytecode)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"case {name} failed:\n{done.stderr}")
    run: Run = json.loads(done.stdout.splitlines()[-1])
    return run


@contextmanager
def bronze_only(
    folder: Path, source: Path, fetches: int | None = None, in_home: bool = False
) -> Iterator[Path]:
    """A lake with nothing but the bronze of another one."""
    home = Path(tempfile.mkdtemp(prefix="run-", dir=folder))
    lake = lake_of(home)
    lake.mkdir(parents=True)
    link_bronze(source, lake, fetches)
    yield home if in_home else lake
    shutil.rmtree(home)


@contextmanager
def _copy(folder: Path) -> Iterator[Path]:
    home = folder / "run"
    shutil.copytree(folder / "ticking", home)
    yield home
    shutil.rmtree(home)
