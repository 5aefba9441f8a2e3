"""The snippets for analysts run, as they stand, over a lake that the platform filled."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import yaml
from click.testing import CliRunner

from sentiment_assets.cli import cli
from sentiment_assets.cli.query import answer_to, over_gold
from sentiment_assets.core.contracts import DAILY_SUMMARY, SILVER_POSTS
from sentiment_assets_tests.docs.pages import blocks
from sentiment_assets_tests.local_platform import TODAY, YESTERDAY, Platform
from sentiment_assets_tests.simulated import SimulatedPlatform

ANALYSTS = Path("docs/analysts.md")
SQL = Path("docs/sql.md")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root")


@pytest.fixture
def project(root: Path, x: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """A folder in which `.sentiment` holds two days, as it is after `make run`."""
    platform = Platform.at(root / ".sentiment", x, min_authors=2)
    if not (root / ".sentiment").exists():
        platform.fetch(YESTERDAY, TODAY)
        assert platform.run("reference", []).success
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


@pytest.mark.parametrize("number", range(len(blocks(SQL, "sql"))))
def test_queries_have_answers(project: Platform, number: int) -> None:
    with over_gold(project.lake) as gold:
        answer = answer_to(gold, blocks(SQL, "sql")[number])
    assert answer.height > 0


def test_the_days_of_a_query_are_those_of_the_posts(project: Platform) -> None:
    with over_gold(project.lake) as gold:
        days = answer_to(gold, blocks(SQL, "sql")[0])
    posts = project.lake.table(SILVER_POSTS).scan().collect()
    by_hand = posts.group_by("date").agg(
        posts=pl.len(), scored=pl.col("sentiment_compound").count(),
        mean=pl.col("sentiment_compound").mean(),
    ).sort("date")  # fmt: skip
    assert days["posts"].to_list() == by_hand["posts"].to_list()
    assert days["scored"].to_list() == by_hand["scored"].to_list()
    assert days["mean"].to_list() == pytest.approx(by_hand["mean"].to_list())


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("select * from read_csv('/etc/hostname')", "file system operations are disabled"),
        ("copy gold.daily_summary to 'copy.csv'", "file system operations are disabled"),
        ("attach 'other.db'", "disabled"),
        ("set enable_external_access = true", "locked"),
        ("select * from gold.daily_sumary", "daily_summary"),
        ("select * from silver.posts", "silver"),
        ("selct 1", "syntax error"),
    ],
)
def test_a_query_reaches_gold_alone_and_its_errors_say_what_there_is(
    project: Platform, sql: str, told: str
) -> None:
    monkey = {"SENTIMENT_HOME": str(Path(".sentiment").absolute())}
    done = CliRunner(env=monkey).invoke(cli, ["query", sql])
    assert done.exit_code == 2
    assert told in done.output
    assert "docs/sql.md" in done.output
    assert not Path("copy.csv").exists()


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_forms_of_an_answer(project: Platform, form: str) -> None:
    sql = (
        "select date, platform, posts, recipes, null as nothing from gold.daily_summary order by 1"
    )
    monkey = {"SENTIMENT_HOME": str(Path(".sentiment").absolute())}
    done = CliRunner(env=monkey).invoke(cli, ["query", sql, "--format", form])
    assert done.exit_code == 0, done.output
    summary = project.lake.table(DAILY_SUMMARY).scan().collect().sort("date")
    first = summary.row(0, named=True)
    lines = done.output.splitlines()
    if form == "json":
        assert json.loads(lines[0]) == {
            "date": str(first["date"]), "platform": "x", "posts": first["posts"],
            "recipes": first["recipes"], "nothing": None,
        }  # fmt: skip
    elif form == "csv":
        assert lines[0] == "date,platform,posts,recipes,nothing"
        assert lines[1].startswith(f"{first['date']},x,{first['posts']},")
        assert pl.read_csv(StringIO(done.output)).height == summary.height
    else:
        assert lines[0].split() == ["date", "platform", "posts", "recipes", "nothing"]
        assert lines[1].split()[:3] == [str(first["date"]), "x", str(first["posts"])]
        assert lines[1].split()[-1] == "·"
