"""Figures to one readable report in Markdown, and that report into the documentation."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.suite import Figures, Run
from sentiment_assets.engine.in_process import Budget

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
MB = 1_000_000
_RHYTHMS = {"window": "a window a tick", "clock": "the clock's rhythm"}
_VERSIONS = ("polars", "pyarrow", "deltalake", "msgspec", "dagster", "vaderSentiment", "pandas")


def render(figures: Figures) -> str:
    """The report."""
    parts = [
        _conditions(figures),
        _throughput(figures),
        _dagster(figures),
        _stages(figures),
        _memory(figures),
        _tick(figures),
        _growing(figures),
    ]
    return "\n\n".join(parts)


def replaced(document: str, text: str) -> str:
    """The document with the report between its markers.

    Raises:
        ValueError: a marker is missing.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the document needs the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def line_through(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Intercept and slope of the least-squares line."""
    slope, intercept = statistics.linear_regression(*zip(*points, strict=True))
    return intercept, slope


def _conditions(figures: Figures) -> str:
    day = dt.datetime.fromtimestamp(figures.started, tz=dt.timezone.utc)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _VERSIONS)
    return (
        f"Measured {day:%Y-%m-%d} in one run of {figures.seconds / 60:.1f} minutes: "
        f"{os.cpu_count()} cores of {_processor()}, {platform.system()}, "
        f"Python {platform.python_version()}, {versions}. Texts: {figures.corpus}. "
        "Of a date's posts every twentieth was fetched twice."
    )


def _throughput(figures: Figures) -> str:
    rows = []
    measured = [("12 windows", runs, figures.peers.get(n)) for n, runs in figures.dates.items()]
    measured += [("1 window", figures.hot[-1:], None)]
    for of, runs, peers in measured:
        records = runs[0]["records"]
        rows.append(
            (
                f"{records:,} of {of}",
                _seconds(runs),
                f"{_median(runs, 'cpu'):.1f}",
                f"{records / _median(runs, 'wall'):,.0f}",
                _megabytes(runs),
                _seconds(peers) if peers else "·",
                f"{records / _median(peers, 'wall'):,.0f}" if peers else "·",
                _megabytes(peers) if peers else "·",
                f"{_median(peers, 'wall') / _median(runs, 'wall'):.2f}" if peers else "·",
            )
        )
    header = (
        "records", "s", "CPU s", "records/s", "peak MB",
        "peer s", "peer records/s", "peer peak MB", "speed, the peer's = 1",
    )  # fmt: skip
    return (
        "### Bronze to gold, one date\n\n"
        + table(header, rows)
        + "\n\nThe peer is one straightforward script over the same objects (`json`, `re`, the "
        "published vaderSentiment, pandas). It does less: no language gate, no topics, no known "
        "names, no pseudonyms, no quarantine, no conservation, no transactions, no suppression; "
        "and it holds everything in memory. Runs alternate, each in a fresh process; imports at "
        "the top of a program are not counted. Records of one window were fetched "
        f"{figures.sizes.posts_per_fetch:,} at a time, and read twice."
    )


def _dagster(figures: Figures) -> str:
    engine = figures.dates[figures.sizes.with_dagster]
    job = figures.dagster
    steps = {name: statistics.median(run["steps"][name] for run in job) for name in job[0]["steps"]}
    checks = sum(s for name, s in steps.items() if name.startswith("check"))
    outside = _median(job, "wall") - sum(steps.values())
    rows = [
        ("engine and committer alone", _seconds(engine), _megabytes(engine)),
        ("as the `rebuild` job in process", _seconds(job), _megabytes(job)),
        ("of it: checks", f"{checks:.2f}", ""),
        ("of it: between the steps", f"{outside:.2f}", ""),
    ]
    return f"### The same {engine[0]['records']:,} records as a Dagster job\n\n" + table(
        ("", "s", "peak MB"), rows
    )


def _stages(figures: Figures) -> str:
    run = figures.stages
    seconds: dict[str, float] = run["stages"]
    whole = sum(seconds.values())
    rows = [
        (stage, f"{spent:.2f}", f"{spent / whole:.0%}", f"{spent / run['records'] * 1e6:.1f}")
        for stage, spent in sorted(seconds.items(), key=lambda item: -item[1])
    ]
    return (
        f"### Where the time goes ({run['records']:,} records, one run with timers, "
        f"{run['wall']:.1f} s)\n\n" + table(("stage", "s", "share", "µs a record"), rows)
    )


def _memory(figures: Figures) -> str:
    points = [(run["records"], run["silver_peak"]) for run in figures.hot]
    fixed, each = line_through(points)
    rows = [
        (
            f"{run['records']:,}",
            f"{run['start'] / MB:,.0f}",
            f"{run['silver_peak'] / MB:,.0f}",
            f"{(fixed + each * run['records']) / MB:,.0f}",
        )
        for run in figures.hot
    ]
    return (
        "### Memory of one hot window, bronze to silver\n\n"
        + table(("records", "MB at start", "peak MB", "line"), rows)
        + f"\n\nPeak = {fixed / MB:,.0f} MB + {each:,.0f} bytes a record, the keys that "
        f"deduplication needs. Read twice instead of being held parsed, as every window beyond the "
        f"budget is: {figures.sizes.held_rows:,} rows here, {Budget().held_rows:,} by default."
    )


def _tick(figures: Figures) -> str:
    sizes = figures.sizes
    rows = [
        ("engine and committer alone", _seconds(figures.ticks), _megabytes(figures.ticks)),
        (
            "as the `rebuild` job in process, with every check",
            _seconds(figures.dagster_ticks),
            _megabytes(figures.dagster_ticks),
        ),
    ]
    return (
        f"### A 2-hourly tick: {figures.ticks[0]['records']:,} new records on "
        f"{sizes.tick_days} days of {sizes.tick_history:,} posts\n\n"
        + table(("", "s", "peak MB"), rows)
        + "\n\nA fresh process each time, its imports not counted."
    )


def _growing(figures: Figures) -> str:
    rows = []
    for (rhythm, as_job), (at_once, ticks) in figures.growing.items():
        rows.append(
            (
                f"{_RHYTHMS[rhythm]}, {'as jobs' if as_job else 'engine alone'}",
                str(ticks["ticks"]),
                f"{ticks['cpu']:.1f}",
                f"{at_once['cpu']:.1f}",
                f"{ticks['cpu'] / at_once['cpu']:.2f}",
                f"{ticks['written'] / MB:.1f}",
                f"{at_once['written'] / MB:.1f}",
                f"{ticks['written'] / at_once['written']:.2f}",
                f"{ticks['slowest']:.1f}",
            )
        )
    header = (
        "", "ticks", "CPU s", "at once, CPU s", "ratio", "MB written", "at once, MB", "ratio",
        "slowest tick, s",
    )  # fmt: skip
    return (
        f"### A day of {figures.sizes.growing_posts:,} posts, tick by tick and at once\n\n"
        + table(header, rows)
        + "\n\nBronze to gold. In the clock's rhythm each tick brings five minutes of the open "
        "window, the one that has just ended, and the one before that again: twice as many records "
        "as posts, which the rebuild at once reads too. All ticks of a row run in one process."
    )


def _median(runs: Sequence[Run], name: str) -> float:
    return float(statistics.median(run[name] for run in runs))


def _seconds(runs: Sequence[Run]) -> str:
    """Median, and the range where there are several."""
    walls = [run["wall"] for run in runs]
    told = f"{statistics.median(walls):.2f}"
    return told if len(walls) == 1 else f"{told} ({min(walls):.2f}–{max(walls):.2f})"  # noqa: RUF001


def _megabytes(runs: Sequence[Run]) -> str:
    return f"{max(run['peak'] for run in runs) / MB:,.0f}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows of text as a table in Markdown, the first column to the left."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
