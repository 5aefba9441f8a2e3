"""The jobs that ours is measured against do the same work: same posts, same masks, same scores."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from benchmarks import bronze, pipeline, process_tree, spark_peers, spark_scale
from benchmarks.suite import Run
from sentiment_assets.core.contracts import SILVER_POSTS
from sentiment_assets_tests.spark_session import lacking, session

pytestmark = pytest.mark.skipif(lacking() is not None, reason=f"needs Spark: {lacking()}")

RUN: Run = {
    "rows": 1_000, "wall": 2.0, "cpu": 3.0, "session": 9.0,
    "peaks": {"driver": 10**6, "java": 2 * 10**6, "workers": 3 * 10**6, "all": 6 * 10**6},
}  # fmt: skip


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A window of bronze, and its silver."""
    folder = tmp_path_factory.mktemp("lake")
    bronze.write_date(folder, bronze.DAY, 300, None, windows=1)
    pipeline.build_silver(bronze.open_lake(folder), [bronze.DAY])
    return folder


@pytest.fixture(scope="module")
def spark(lake: Path) -> Any:
    return session(bronze.open_lake(lake))


@pytest.mark.parametrize("way", ["row", "pandas", "pandas, our columns"])
def test_the_others_do_the_same_work(lake: Path, spark: Any, tmp_path: Path, way: str) -> None:
    from benchmarks import spark_udfs

    ours = bronze.open_lake(lake).table(SILVER_POSTS).scan().collect()
    rows = spark_udfs.run(spark, lake, tmp_path / "out", way)
    theirs = pl.read_parquet(tmp_path / "out" / "**" / "*.parquet")
    # Ours refuses posts whose first version is of another window.
    assert rows == theirs.height >= ours.height > 50
    both = ours.join(theirs, on="post_pid", suffix="_theirs", validate="1:1")
    assert both.height == ours.height
    for name in ("author_pid", "kind", "observation_count", "mention_count", "like_count"):
        assert both[name].equals(both[f"{name}_theirs"]), name
    # Spaces and some signs are tidied in another way by some.
    assert (both["text"] == both["text_theirs"]).mean() > 0.95
    scored = both.filter(
        pl.col("text") == pl.col("text_theirs"),
        pl.col("sentiment_compound").is_not_null(),
        pl.col("sentiment_compound_theirs").is_not_null(),
    )
    assert scored.height > 30
    assert scored["sentiment_compound"].equals(scored["sentiment_compound_theirs"])


def test_a_row_of_the_tables_says_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, lake: Path, tmp_path: Path
) -> None:
    slower = {**RUN, "wall": 8.0, "cpu": 15.0}
    cases = {"silver_on_spark": RUN, "silver_by_udf": slower, "rebuild_by": RUN}
    monkeypatch.setattr(spark_peers, "run_case", lambda name, *_, **__: cases[name])
    monkeypatch.setattr(spark_scale, "run_case", lambda name, *_, **__: cases[name])
    table = spark_peers.beside_udfs(tmp_path, {300: lake}, [300], ["row"]).splitlines()
    assert table[2] == "| 1,000 | ours: `mapInArrow` | 2.0 | 3.0 | 3000 | 1.0 | 1.0 |"
    assert table[3] == "| 1,000 | row UDF | 8.0 | 15.0 | 15000 | 4.0 | 5.0 |"
    [_, _, row] = spark_peers.beside_no_spark(tmp_path, {300: lake}, [300]).splitlines()
    assert row.startswith("| 300 | 0.")
    assert row.endswith("| 2.0 | 3.0 | 2.0 | 3.0 | 9.0 |")


#: A worker does the work, and its parent does not hear of its end, as Spark's does not.
WORKER = """
import contextlib, math, os, signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
if os.fork() == 0:
    held = bytearray(50_000_000)
    sum(map(math.isqrt, range(24_000_000)))
    os._exit(0)
with contextlib.suppress(ChildProcessError):
    os.wait()
"""


def test_memory_and_cpu_of_workers_that_nobody_waits_for() -> None:
    before = os.times()
    with process_tree.watched() as usage:
        subprocess.run([sys.executable, "-c", WORKER], check=True)
    after = os.times()
    told = sum(after[:4]) - sum(before[:4])
    assert usage.cpu > told + 0.2, "the system does not tell of the worker"
    assert usage.peaks["workers"] > 50_000_000
    assert usage.peaks["all"] >= usage.peaks["driver"] + 50_000_000
