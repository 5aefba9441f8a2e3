"""Another scorer over a lake that is there: what is behind, how it is rebuilt, what gold says."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from resources.environments import silver_rules
from sentiment_assets.assets.silver import POSTS_KEY
from sentiment_assets.cli.partitions import is_behind, partition_rows
from sentiment_assets.core.contracts import DAILY_SUMMARY, DAILY_TREND, SILVER_POSTS
from sentiment_assets.core.layout import PostPartition
from sentiment_assets_tests.assets.conftest import DAYS
from sentiment_assets_tests.core.sentiment.tiny_model import written
from sentiment_assets_tests.local_platform import TODAY, YESTERDAY, Platform, failures

VADER, TEXTBLOB = "vader 3.3.2", "textblob 0.20.1"


def with_scorer(platform: Platform, scorer: str, **more: Any) -> Platform:
    """The same lake and history under another setting."""
    settings = platform.settings.model_copy(update={"scorer": scorer, **more})
    return dataclasses.replace(platform, settings=settings)


def behind(platform: Platform) -> list[tuple[str, str]]:
    rows = partition_rows(
        platform.lake, DAYS, silver_rules(platform.settings), platform.settings.min_authors
    )
    return [(str(row["date"]), str(row["layer"])) for row in rows if is_behind(row)]


def of_gold(platform: Platform, table: str) -> dict[str, list[str]]:
    contract = DAILY_SUMMARY if table == "summary" else DAILY_TREND
    rows = platform.lake.table(contract).scan().collect()
    if table == "trend":
        rows = rows.filter(pl.col("topic") == "all")
    return {str(date): scorers for date, scorers in rows.select("date", "scorers").iter_rows()}


def warnings(result: dg.ExecuteInProcessResult) -> dict[str, str | None]:
    return {
        check.check_name: check.description
        for check in result.get_asset_check_evaluations()
        if not check.passed and check.check_name.startswith("one_")
    }


def test_a_change_of_scorer_is_behind_until_one_backfill(copy: Platform) -> None:
    assert behind(copy) == []
    changed = with_scorer(copy, "textblob")
    dates = [partition.date.isoformat() for partition in DAYS]
    assert behind(changed) == [(date, "silver") for date in dates]

    # One date alone: gold says whose scores stand beside whose.
    result = changed.run("rebuild", [YESTERDAY])
    assert result.success, failures(result)
    assert set(warnings(result)) == {"one_scorer"}
    assert f"scored by {TEXTBLOB}, {VADER}: a change may be theirs" in (
        warnings(result)["one_scorer"] or ""
    )
    summary = of_gold(changed, "summary")
    assert summary == {date: [VADER] for date in dates} | {dates[2]: [TEXTBLOB]}
    assert of_gold(changed, "trend")[dates[2]] == [TEXTBLOB, VADER]
    assert behind(changed) == [(date, "silver") for date in dates if date != dates[2]]

    # All that is behind, as one run.
    result = changed.run("rebuild", DAYS)
    assert result.success, failures(result)
    assert warnings(result) == {}
    assert behind(changed) == []
    assert of_gold(changed, "summary") == {date: [TEXTBLOB] for date in dates}
    assert of_gold(changed, "trend") == {date: [TEXTBLOB] for date in dates}
    posts = changed.lake.table(SILVER_POSTS).scan().collect()
    assert posts.select("scorer", "scorer_version").unique().rows() == [("textblob", "0.20.1")]
    assert posts["sentiment_compound"].count() > 100
    assert posts["sentiment_neg"].count() == 0
    # And back: what was rebuilt is behind again.
    assert behind(copy) == [(date, "silver") for date in dates]


def metadata(platform: Platform, partition: PostPartition) -> dict[str, Any]:
    (record,) = platform.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=POSTS_KEY, asset_partitions=[partition.key]), limit=1
    ).records
    found = record.asset_materialization
    assert found is not None
    return {name: value.value for name, value in found.metadata.items()}


def test_a_model_of_ones_own_scores_a_day(copy: Platform, tmp_path: Path) -> None:
    path = written(tmp_path / "brand_mood.onnx", weights={"the": (0.0, 0.0, 4.0)})
    platform = with_scorer(copy, f"onnx:{path}")
    result = platform.run("rebuild", [TODAY])
    assert result.success, failures(result)
    said = metadata(platform, TODAY)
    assert said["scorer"] == "onnx:brand_mood"
    posts = platform.lake.table(SILVER_POSTS).scan([{"date": TODAY.date.isoformat()}]).collect()
    assert posts["scorer"].unique().to_list() == ["onnx:brand_mood"]
    assert posts["scorer_version"].unique().to_list() == [said["scorer_version"]]
    scored = posts.filter(pl.col("sentiment_label").is_not_null())
    positive = scored["sentiment_label"] == "positive"
    assert positive.to_list() == scored["text"].str.contains(r"(^|\s)the(\s|$)").to_list()
    assert 0 < positive.sum() < scored.height
    # Its languages, not VADER's, open the gate.
    assert set(scored["lang"].drop_nulls()) <= {"en", "af"}
    # Another file under the same name is another version.
    written(path, properties={"languages": "en", "labels": "negative,neutral,positive"})
    assert (TODAY.date.isoformat(), "silver") in behind(platform)


def test_corrections_are_part_of_the_version(copy: Platform, tmp_path: Path) -> None:
    file = tmp_path / "corrections.yaml"
    file.write_text(
        "version: 1\nentries:\n"
        "  - {topic: pricing, text: fair, valence: 2, reason: a price, date: 2026-11-25}\n"
    )
    platform = with_scorer(copy, "vader+social")
    result = platform.run("rebuild", DAYS)
    assert result.success, failures(result)
    assert behind(platform) == []
    corrected = with_scorer(copy, "vader+social", corrections=file)
    assert len(behind(corrected)) == len(DAYS)
    file.write_text(file.read_text().replace("pricing", "prices"))
    with pytest.raises(ValueError, match=r"corrections\.yaml:3: .*topic 'prices' is not"):
        silver_rules(corrected.settings)
