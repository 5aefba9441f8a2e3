"""What Spark costs as posts grow: time, memory, files.

``python -m benchmarks.spark_scale [--data FOLDER] [--dates N …] [--posts N] [--made FOLDER]``.
Dates of so many posts each, bronze to silver by one job on two cores; FOLDER (or
SENTIMENT_SHARED_DATA, or ``../shared/data``) holds ``real_posts.jsonl.gz``, whose texts are put
into X's own payloads; without it the simulator's story is read. ``--made`` keeps the input there,
and takes it from there the next time. Ten million posts need 25 GB of disk. Needs Java.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.bronze import days
from benchmarks.suite import Run, bronze_only, run_case
from sentiment_assets.core.layout import PostPartition

DATES = (1, 10)
POSTS = 1_000_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spark_scale", description=__doc__)
    default = os.environ.get("SENTIMENT_SHARED_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--dates", type=int, nargs="+", default=DATES)
    parser.add_argument("--posts", type=int, default=POSTS, help="of a date")
    parser.add_argument("--made", type=Path, help="where the input is, or is made and kept")
    asked = parser.parse_args()
    corpus = asked.data.resolve() / "real_posts.jsonl.gz"
    beside = asked.made.resolve().parent if asked.made else None
    with tempfile.TemporaryDirectory(prefix="sentiment-scale-", dir=beside) as folder:
        made = asked.made or Path(folder) / "made"
        _make(Path(folder), made, corpus if corpus.exists() else None, days(max(asked.dates)),
              asked.posts)  # fmt: skip
        print(measure(Path(folder), made, asked.dates))


def measure(folder: Path, made: Path, dates: Sequence[int]) -> str:
    """One job for each number of dates, and what it took."""
    lines = [
        "| dates | posts | s | CPU µs a post | cost a post | driver MB | Java MB | workers MB "
        "| all MB | GB of bronze | files | MB a file, median |",
        "|" + " ---: |" * 12,
    ]
    first: float | None = None
    for number in dates:
        chosen = {day.date.isoformat() for day in days(number)}
        with bronze_only(folder, made) as lake:
            for path in lake.glob("bronze/batch_posts/date=*"):
                if path.name.removeprefix("date=") not in chosen:
                    path.rename(folder / f"left-out-{number}-{path.name}")
            run = run_case("silver_on_spark", folder / "bytecode", folder=lake, dates=number)
            size = sum(path.stat().st_size for path in lake.rglob("*.jsonl.gz"))
            files = sorted(path.stat().st_size for path in lake.glob("silver/posts/**/*.parquet"))
        cost = run["cpu"] / run["rows"] * 1e6
        first = first or cost
        lines.append(_row(number, run, cost, cost / first, size, files))
        print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)


def _row(dates: int, run: Run, cost: float, ratio: float, size: int, files: Sequence[int]) -> str:
    peaks = run["peaks"]
    memory = " | ".join(
        f"{peaks[kind] / 1e6:,.0f}" for kind in ("driver", "java", "workers", "all")
    )
    return (
        f"| {dates} | {run['rows']:,} | {run['wall']:.0f} | {cost:.1f} | {ratio:.2f} | {memory} "
        f"| {size / 1e9:.2f} | {len(files):,} | {files[len(files) // 2] / 1e6:.1f} |"
    )


def _make(
    folder: Path, made: Path, corpus: Path | None, dates: Sequence[PostPartition], posts: int
) -> None:
    def write(partition: PostPartition) -> None:
        date = partition.date.isoformat()
        if not (made / "bronze" / "batch_posts" / f"date={date}").exists():
            run_case("write_date", folder / "bytecode", folder=made, date=date, posts=posts,
                     corpus=str(corpus or ""), windows=12)  # fmt: skip

    # Making the input is not measured: as many as there are cores.
    with ThreadPoolExecutor(2) as makers:
        list(makers.map(write, dates))


if __name__ == "__main__":
    main()
