"""The examples for data science run, as they stand, over a lake that the platform filled."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sentiment_assets.core.contracts import SILVER_POSTS
from sentiment_assets_tests.docs.pages import blocks
from sentiment_assets_tests.local_platform import TODAY, YESTERDAY, Platform
from sentiment_assets_tests.simulated import SimulatedPlatform
from sentiment_assets_tests.spark_session import lacking

PAGE = Path("docs/data-science.md")
_TELL = "import json; print(json.dumps([row.asDict() for row in mentions.collect()]))"


@pytest.fixture
def project(tmp_path: Path, x: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """A folder in which `.sentiment` holds two days, as it is after `make run`."""
    platform = Platform.at(tmp_path / ".sentiment", x, min_authors=2)
    platform.fetch(YESTERDAY, TODAY)
    platform.rebuild(YESTERDAY, TODAY)
    monkeypatch.chdir(tmp_path)
    return platform


def test_examples_run_in_order(project: Platform) -> None:
    shown: list[str] = []
    names: dict[str, Any] = {"print": shown.append}
    snippets = blocks(PAGE, "python")
    assert len(snippets) == 3
    for snippet in snippets[:2]:
        exec(compile(snippet, str(PAGE), "exec"), names)
    assert len(shown) == 2

    posts = project.lake.table(SILVER_POSTS).scan().collect()
    day = posts.filter(pl.col("date") == names["newest"])["sentiment_compound"].drop_nulls()
    assert names["mean"] == pytest.approx(day.mean())
    low, high = names["interval"]
    assert low < names["mean"] < high
    assert -1 <= names["correlation"] <= 1
    if lacking() is not None:
        pytest.skip(f"the example of Spark: {lacking()}")
    # In a process of its own: a session stays with its process, and other tests have another.
    program = f"lake = {names['lake']!r}\n{snippets[2]}\n{_TELL}"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = json.loads(done.stdout.splitlines()[-1])
    told = {row["topic"]: row for row in rows}
    by_hand = (
        posts.explode("topics")
        .drop_nulls("topics")
        .group_by(topic="topics")
        .agg(
            mentions=pl.len(), authors=pl.col("author_pid").drop_nulls().n_unique(),
            mean=pl.col("sentiment_compound").mean(), likes=pl.col("like_count").sum(),
        )
        .filter(pl.col("authors") >= 10)
    )  # fmt: skip
    assert told.keys() == set(by_hand["topic"])
    for row in by_hand.iter_rows(named=True):
        found = told[row["topic"]]
        assert found["mean"] == pytest.approx(row["mean"])
        assert {**found, "mean": 0} == {**row, "mean": 0}
