"""Silver on Spark beside the jobs that others would write, and beside the engine without Spark.

``python -m benchmarks.spark_peers [--data FOLDER] [--posts N …] [--sizes N …]``. FOLDER (or
SENTIMENT_SHARED_DATA, or ``../shared/data``) holds ``real_posts.jsonl.gz``, whose texts are put
into X's own payloads; without it the simulator's story is read. Two comparisons in one run:

- our job, which calls ``core`` in ``mapInArrow``, against a row UDF and two pandas UDFs that do the
  same masking, language and fields (``spark_udfs.py``) with the published vaderSentiment;
- the whole ``rebuild`` job of Dagster, gold and checks included, by either engine at several sizes:
  where they meet is what SENTIMENT_SPARK_FROM_BYTES should be.

Each case runs in a fresh process. A session begins with a first small job, which is told apart.
CPU seconds are those of all processes. Needs Java.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bronze import DAY
from benchmarks.suite import Run, bronze_only, run_case

POSTS = (100_000, 1_000_000)
SIZES = (10_000, 100_000, 1_000_000)

OURS = "ours: `mapInArrow`"
#: The others' ways, and their names in the table.
_UDFS = {
    "row": "row UDF",
    "pandas": "pandas UDF, post by post",
    "pandas, our columns": "pandas UDF, our columns but the scores",
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spark_peers", description=__doc__)
    default = os.environ.get("SENTIMENT_SHARED_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--posts", type=int, nargs="*", default=POSTS, help="beside UDFs")
    parser.add_argument("--ways", nargs="+", choices=_UDFS, default=[*_UDFS], help="of UDFs")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="beside no Spark")
    asked = parser.parse_args()
    corpus = asked.data.resolve() / "real_posts.jsonl.gz"
    found = corpus if corpus.exists() else None
    print(f"Texts: {found.name if found else 'the simulator`s story'}.\n")
    with tempfile.TemporaryDirectory(prefix="sentiment-spark-") as folder:
        made = _made(Path(folder), found, sorted({*asked.posts, *asked.sizes}))
        if asked.posts:
            print(beside_udfs(Path(folder), made, asked.posts, asked.ways))
        if asked.sizes:
            print(beside_no_spark(Path(folder), made, asked.sizes))


def beside_udfs(
    folder: Path, made: dict[int, Path], sizes: Sequence[int], ways: Sequence[str]
) -> str:
    """Our job and the others', at each size."""
    lines = [
        "| posts | job | s | CPU s | CPU µs a post | s, ours = 1 | CPU, ours = 1 |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for posts in sizes:
        runs: dict[str, Run] = {}
        with bronze_only(folder, made[posts]) as lake:
            runs[OURS] = _case(folder, "silver_on_spark", lake, dates=1)
        for way in ways:
            with bronze_only(folder, made[posts]) as lake:
                runs[_UDFS[way]] = _case(folder, "silver_by_udf", lake, way=way)
        for name, run in runs.items():
            ours = runs[OURS]
            lines.append(
                f"| {run['rows']:,} | {name} | {run['wall']:.1f} | {run['cpu']:.1f} "
                f"| {run['cpu'] / run['rows'] * 1e6:.0f} | {run['wall'] / ours['wall']:.1f} "
                f"| {run['cpu'] / ours['cpu']:.1f} |"
            )
    return "\n".join([*lines, ""])


def beside_no_spark(folder: Path, made: dict[int, Path], sizes: Sequence[int]) -> str:
    """The whole job by either engine, at each size."""
    lines = [
        "| posts | MB of bronze | without Spark, s | CPU s | Spark, s | CPU s | its session, s |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for posts in sizes:
        size = sum(path.stat().st_size for path in made[posts].rglob("*.jsonl.gz"))
        runs = []
        for engine in ("here", "spark"):
            with bronze_only(folder, made[posts], in_home=True) as home:
                runs.append(_case(folder, "rebuild_by", home, engine=engine))
        here, spark = runs
        lines.append(
            f"| {posts:,} | {size / 1e6:.1f} | {here['wall']:.1f} | {here['cpu']:.1f} "
            f"| {spark['wall']:.1f} | {spark['cpu']:.1f} | {spark['session']:.1f} |"
        )
    return "\n".join([*lines, ""])


def _made(folder: Path, corpus: Path | None, sizes: Sequence[int]) -> dict[int, Path]:
    made = {}
    for posts in sizes:
        made[posts] = folder / f"made-{posts}"
        run_case(
            "write_date", folder / "bytecode", folder=made[posts], date=DAY.date.isoformat(),
            posts=posts, corpus=str(corpus or ""), windows=12,
        )  # fmt: skip
        _say(f"made {posts:,} posts")
    return made


def _case(folder: Path, name: str, lake: Path, **arguments: object) -> Run:
    run = run_case(name, folder / "bytecode", folder=lake, **arguments)
    _say(f"{name} {arguments}: {run['wall']:.1f} s, {run['cpu']:.1f} of the processor")
    return run


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
