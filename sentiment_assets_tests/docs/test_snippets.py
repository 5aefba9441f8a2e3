"""The snippets for analysts run, as they stand, over a lake that the platform filled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import yaml

from sentiment_assets.core.contracts import SILVER_POSTS
from sentiment_assets_tests.docs.pages import blocks
from sentiment_assets_tests.local_platform import TODAY, YESTERDAY, Platform
from sentiment_assets_tests.simulated import SimulatedPlatform

ANALYSTS = Path("docs/analysts.md")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root")


@pytest.fixture
def project(root: Path, x: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """A folder in which `.sentiment` holds two days, as it is after `make run`."""
    platform = Platform.at(root / ".sentiment", x, min_authors=2)
    if not (root / ".sentiment").exists():
        platform.fetch(YESTERDAY, TODAY)
        platform.rebuild(YESTERDAY, TODAY)
    monkeypatch.chdir(root)
    return platform


def test_snippets_run_in_order(project: Platform) -> None:
    shown: list[Any] = []
    names: dict[str, Any] = {"print": shown.append}
    snippets = blocks(ANALYSTS, "python")
    for snippet in snippets:
        exec(compile(snippet, str(ANALYSTS), "exec"), names)
    assert len(shown) == len(snippets)
    assert all(len(frame) for frame in shown)

    posts = project.lake.table(SILVER_POSTS).scan().collect()
    assert names["summaries"]["posts"].sum() == posts.height
    # The same figures by hand.
    compound = posts["sentiment_compound"].drop_nulls()
    week = names["week"].row(0, named=True)
    assert week["scored"] == len(compound)
    assert week["mean"] == pytest.approx(compound.mean())
    assert week["standard_error"] == pytest.approx(compound.std() / len(compound) ** 0.5)
    assert set(names["replies"]["created_hour"].dt.date()) == {names["newest"]}
    topic, scored, mean = names["by_topic"].row(0)
    taken = posts.filter(pl.col("topics").list.contains(topic))["sentiment_compound"].drop_nulls()
    assert (scored, mean) == (len(taken), pytest.approx(taken.mean()))
    assert list(names["frame"]["posts"]) == list(names["summaries"]["posts"])


def test_the_version_before_can_be_read_after_upkeep(project: Platform) -> None:
    before = project.lake.table(SILVER_POSTS).scan().collect()
    project.rebuild(TODAY, config={"ops": {"silver_posts": {"config": {"force": True}}}})
    assert project.run("maintain", []).success
    [snippet] = blocks(Path("docs/runbooks/maintenance.md"), "python")
    names: dict[str, Any] = {}
    exec(compile(snippet, "maintenance.md", "exec"), names)
    read = names["before"].select(before.columns).sort("post_pid").collect()
    assert read.equals(before.sort("post_pid"))


def test_run_configs_are_valid_and_differ_from_the_default(platform: Platform) -> None:
    fetch, rebuild = map(yaml.safe_load, blocks(Path("docs/engineers.md"), "yaml"))
    for job, config in (("fetch", fetch), ("rebuild", rebuild)):
        definition = platform.definitions.resolve_job_def(job)
        usual = dg.validate_run_config(definition)["ops"]
        for op, told in config["ops"].items():
            whole = dg.validate_run_config(definition, config)["ops"][op]["config"]
            assert whole == usual[op]["config"] | told["config"]
            assert usual[op]["config"] != told["config"]
