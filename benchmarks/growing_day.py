"""A day that grows tick by tick, and the same day rebuilt at once: what do its ticks cost?

What belongs here: which fetches a tick brings, and building after each of them. Two rhythms:

- ``window``: each of 12 ticks brings one window, whole.
- ``clock``: the 2-hourly clock's own. A tick brings five minutes of the open window, the window
  that has just ended, and the one before it again. The day's last windows come after midnight.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import datetime as dt
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import bronze, pipeline
from sentiment_assets.core.coverage import REFRESHED_WINDOWS, Searched
from sentiment_assets.core.layout import WINDOW_LENGTH, Window, windows_of
from sentiment_assets.lake.bronze import StretchFetch

#: How long after a window's end the clock looks.
AFTER = dt.timedelta(minutes=5)
RHYTHMS = ("window", "clock")

Build = Callable[[str], None]


def write_day(
    folder: Path, posts: int, corpus: Path | None, rhythm: str, windows_of_day: int = 12
) -> int:
    """Write each tick's bronze, a lake a tick below ``folder``; returns all records."""
    windows = windows_of(bronze.DAY)[:windows_of_day]
    records = 0
    payloads = dict(zip(windows, bronze.payloads_of(windows, posts, corpus), strict=True))
    for number, (now, fetched) in enumerate(_ticks(windows, rhythm)):
        lake = bronze.open_lake(folder / f"{number:02d}")
        for window in fetched:
            end = min(window.end, now)
            share = (end - window.start) / WINDOW_LENGTH
            brought = payloads[window][: round(len(payloads[window]) * share)]
            fetch = StretchFetch(
                lake, [window], fetched_at=now, run_id=f"tick-{number}",
                api_version="2", simulated=True,
            )  # fmt: skip
            for index, payload in enumerate(brought):
                fetch.add(window, payload, {"query": "nimbus", "page": index // 100 + 1})
            state = "complete" if end == window.end else "partial"
            fetch.close({window: Searched(state, "", (window.start, end))})
            records += len(brought)
    return records


def _ticks(windows: tuple[Window, ...], rhythm: str) -> Iterator[tuple[dt.datetime, list[Window]]]:
    """When each tick is, and which windows of the day it fetches."""
    if rhythm == "window":
        yield from ((window.end + AFTER, [window]) for window in windows)
        return
    for number in range(len(windows) + REFRESHED_WINDOWS):
        now = windows[0].start + WINDOW_LENGTH * number + AFTER
        yield now, list(windows[max(0, number - REFRESHED_WINDOWS) : number + 1])


def build_ticks(ticks: Path, lake: Path, build: Build) -> dict[str, Any]:
    """Build after each tick's bronze came; only the building is timed."""
    wall = cpu = 0.0
    slowest = 0.0
    folders = sorted(ticks.iterdir())
    for folder in folders:
        _add_bronze(folder, lake)
        started, started_cpu = pipeline.clocks()
        build(f"tick-{folder.name}")
        ended, ended_cpu = pipeline.clocks()
        wall, cpu = wall + ended - started, cpu + ended_cpu - started_cpu
        slowest = max(slowest, ended - started)
    return {
        "ticks": len(folders), "wall": wall, "cpu": cpu, "slowest": slowest,
        "written": _written(lake),
    }  # fmt: skip


def build_at_once(ticks: Path, lake: Path, build: Build) -> dict[str, Any]:
    """Build once, when all bronze is there."""
    for folder in sorted(ticks.iterdir()):
        _add_bronze(folder, lake)
    started, started_cpu = pipeline.clocks()
    build("whole")
    ended, ended_cpu = pipeline.clocks()
    return {"wall": ended - started, "cpu": ended_cpu - started_cpu, "written": _written(lake)}


def _add_bronze(tick: Path, lake: Path) -> None:
    """Hard links, no copies."""
    for path in (tick / "bronze").rglob("*"):
        if path.is_file():
            linked = lake / path.relative_to(tick)
            linked.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, linked)


def _written(lake: Path) -> int:
    """Bytes of all that was written: replaced files stay where they are until they are vacuumed."""
    layers = (lake / layer for layer in ("silver", "gold"))
    return sum(p.stat().st_size for layer in layers for p in layer.rglob("*") if p.is_file())


def engine(lake: Path) -> Build:
    """The engine and the committer alone."""
    opened = bronze.open_lake(lake)

    def build(run_id: str) -> None:
        pipeline.build_silver(opened, [bronze.DAY], run_id)
        pipeline.build_gold(opened, [bronze.DAY], run_id)

    return build


def dagster_job(home: Path) -> Build:
    """The ``rebuild`` job, with every check, and its events where `make run` has them.

    For a process of its own: the embedded server stops with it.
    """
    os.environ["SENTIMENT_HOME"] = str(home)
    os.environ.pop("DAGSTER_HOME", None)
    from resources.settings import read_settings
    from sentiment_assets.cli.services import open_instance

    definitions, opened = pipeline.definitions(home), contextlib.ExitStack()
    instance = opened.enter_context(open_instance(read_settings()))
    atexit.register(opened.close)
    return lambda run_id: pipeline.run_job(definitions, [bronze.DAY], instance) and None


def main() -> None:
    """Measure a day of any size: 12 ticks as Dagster's jobs, and the day rebuilt at once."""
    from benchmarks.suite import run_case

    parser = argparse.ArgumentParser(prog="python -m benchmarks.growing_day", description=__doc__)
    parser.add_argument("--posts", type=int, default=1_000_000)
    posts: int = parser.parse_args().posts
    with tempfile.TemporaryDirectory(prefix="sentiment-day-") as name:
        folder = Path(name)
        run_case(
            "write_growing", folder / "bytecode", folder=folder / "ticks", posts=posts, corpus="",
            rhythm="window",
        )  # fmt: skip
        ticks, once = (
            run_case(
                "grow", folder / "bytecode", ticks=folder / "ticks", home=folder / f"grown-{once}",
                as_job=True, at_once=once,
            )["cpu"]
            for once in (False, True)
        )  # fmt: skip
    print(
        f"A day of {posts:,} posts, a window a tick, as jobs: {ticks:.1f} s of the processor in 12 "
        f"ticks, {once:.1f} s at once: {ticks / once:.2f} times as much."
    )


if __name__ == "__main__":
    main()
