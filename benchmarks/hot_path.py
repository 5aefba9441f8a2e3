"""How fast a large date goes from bronze to silver, and how far that is from the floor.

``python -m benchmarks.hot_path [--data FOLDER] [--posts N]``; `make bench-hot-path` runs it. FOLDER
(or SENTIMENT_SHARED_DATA, or ``../shared/data``) holds ``real_posts.jsonl.gz``, whose texts are put
into X's own payloads; without it the simulator's story is read. The floor is the least that such a
job can be: the same objects unpacked, the same payloads parsed into columns, written as
zstd Parquet, nothing in between. Rounds alternate, each in a fresh process after its imports;
medians are shown. CPU seconds are those of all processes.

What does not belong here: masking (``pii_speed.py``) and scoring (``sentiment_speed.py``) alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.bronze import DAY
from benchmarks.suite import Run, bronze_only, run_case

ROUNDS = 3
POSTS = 400_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hot_path", description=__doc__)
    default = os.environ.get("SENTIMENT_SHARED_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--posts", type=int, default=POSTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    corpus = asked.data.resolve() / "real_posts.jsonl.gz"
    with tempfile.TemporaryDirectory(prefix="sentiment-hot-path-") as folder:
        print(measure(Path(folder), corpus if corpus.exists() else None, asked.posts, asked.rounds))


def measure(folder: Path, corpus: Path | None, posts: int, rounds: int) -> str:
    """Make the input, run every case, and say what came out."""
    cores = len(os.sched_getaffinity(0))
    made = folder / "made"
    bytecode = folder / "bytecode"
    date = DAY.date.isoformat()
    run_case("write_date", bytecode, folder=made, date=date, posts=posts, corpus=str(corpus or ""),
             windows=12)  # fmt: skip
    runs: dict[str, list[Run]] = {}
    for number in range(rounds):
        for name, case, more in (
            ("floor: JSON in, Parquet out", "floor", {}),
            ("bronze to silver, one process", "bronze_to_silver", {"workers": 1}),
            (f"bronze to silver, {cores} processes", "bronze_to_silver", {"workers": cores}),
        ):
            with bronze_only(folder, made) as lake:
                runs.setdefault(name, []).append(run_case(case, bytecode, folder=lake, **more))
                print(f"{number + 1}/{rounds} {name}", file=sys.stderr, flush=True)
    with bronze_only(folder, made) as lake:
        staged = run_case("silver_stages", bytecode, folder=lake)
    shutil.rmtree(made)
    what = corpus.name if corpus else "the simulator's story"
    return "\n".join([_table(runs, what, cores), "", _stages(staged)])


def _table(runs: dict[str, list[Run]], what: str, cores: int) -> str:
    floor = _median(runs["floor: JSON in, Parquet out"], "wall")
    records = next(iter(runs.values()))[0]["records"]
    lines = [
        f"{records:,} records of one date, 12 windows; texts: {what}; {cores} cores",
        "",
        "| | s | records/s | CPU µs a record | peak MB a process | the floor's time = 1 |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, measured in runs.items():
        walls = [run["wall"] for run in measured]
        wall = statistics.median(walls)
        lines.append(
            f"| {name} | {wall:.2f} ({min(walls):.2f} to {max(walls):.2f}) | {records / wall:,.0f} "
            f"| {_median(measured, 'cpu') / records * 1e6:.1f} "
            f"| {_median(measured, 'peak') / 1e6:,.0f} | {wall / floor:.1f} |"
        )
    return "\n".join(lines)


def _stages(run: Run) -> str:
    total = sum(run["stages"].values())
    lines = [
        f"Where the time of one process goes ({total:.1f} s with timers):",
        "",
        "| stage | share | µs a record |",
        "| --- | ---: | ---: |",
    ]
    for stage, seconds in sorted(run["stages"].items(), key=lambda item: -item[1]):
        lines.append(f"| {stage} | {seconds / total:.0%} | {seconds / run['records'] * 1e6:.1f} |")
    return "\n".join(lines)


def _median(runs: list[Run], figure: str) -> float:
    return statistics.median(run[figure] for run in runs)


if __name__ == "__main__":
    main()
