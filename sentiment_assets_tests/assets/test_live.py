"""Upkeep and checks of the live tables, as Dagster runs them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from sentiment_assets.assets.live import LIVE_MAINTENANCE, check_live, judged
from sentiment_assets.core.contracts import (
    LIVE_CONTRACTS,
    LIVE_POSTS,
    LIVE_SENTIMENT,
    SILVER_POSTS,
)
from sentiment_assets.engine.live import LiveTables, arrived, figures_of, live_rows, write_part
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets.live_sensors import hourly_live_upkeep
from sentiment_assets_tests.bronze_records import RULES
from sentiment_assets_tests.live_posts import (
    TOPIC,
    figures,
    live_post,
    now,
    order,
    records,
    rows,
)

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(LakeLocation(str(tmp_path / "lake"), "simulated"))


def stream(lake: Lake, batch: int, posts: list[dict[str, Any]]) -> None:
    """A batch as the stream writes it."""
    parsed = arrived(records(posts, now()), {TOPIC: "x"}, "simulated")
    part = write_part(lake, order(), batch, 0, [parsed])
    tables = LiveTables(lake, "q1", "run", 1)
    tables.add_posts(batch, [part])
    slots = [dt.datetime.fromisoformat(slot) for slot in part.slots]
    standing = tables.published(slots)
    found = [figures_of(lake, slot, batch, standing, 1, now()) for slot in slots]
    tables.publish(batch, pl.concat(found), now())


def keep(lake: Lake, *, dry_run: bool = False) -> dict[str, dict[str, Any]]:
    """Run the upkeep; what each asset told."""
    config = {
        "ops": {asset.op.name: {"config": {"dry_run": dry_run}} for asset in LIVE_MAINTENANCE}
    }
    result = dg.materialize(LIVE_MAINTENANCE, resources={"lake": lake}, run_config=config)
    assert result.success
    return {
        event.asset_key.path[-1]: {
            name: value.value for name, value in event.materialization.metadata.items()
        }
        for event in result.get_asset_materialization_events()
        if event.asset_key is not None
    }


def look(lake: Lake) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    """Run the checks."""
    selection = dg.AssetSelection.checks(check_live)
    specs = [dg.AssetSpec(dg.AssetKey(name.split("/"))) for name in LIVE_CONTRACTS]
    definitions = dg.Definitions(
        assets=specs,
        asset_checks=[check_live],
        jobs=[dg.define_asset_job("look", selection)],
        resources={"lake": lake},
    )
    result = definitions.resolve_job_def("look").execute_in_process()
    return {
        ("/".join(e.asset_key.path), e.check_name): e for e in result.get_asset_check_evaluations()
    }


def test_upkeep_removes_what_is_old_though_no_stream_runs(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert keep(lake)["silver_live_posts"]["rows_expired"] == 0
    stream(lake, 0, [live_post(now() - HOUR, 1, 1), live_post(now(), 2, 2)])
    assert keep(lake)["gold_live_sentiment"]["rows_expired"] == 0
    # As if two days had gone by.
    monkeypatch.setattr("sentiment_assets.engine.live.KEPT", dt.timedelta(seconds=-3 * 3600))
    assert keep(lake, dry_run=True)["silver_live_posts"]["rows_expired"] == 2
    assert rows(lake).height == 2
    told = keep(lake)
    assert told["silver_live_posts"]["rows_expired"] == 2
    assert told["gold_live_sentiment"]["rows_expired"] == figures(lake).height + 4
    assert (rows(lake).height, figures(lake).height) == (0, 0)


def test_upkeep_is_asked_for_where_a_stream_has_written(lake: Lake) -> None:
    def tick() -> dg.RunRequest | dg.SkipReason:
        found = hourly_live_upkeep(dg.build_schedule_context(), lake=lake)
        assert isinstance(found, dg.RunRequest | dg.SkipReason)
        return found

    assert isinstance(tick(), dg.SkipReason)
    stream(lake, 0, [live_post(now(), 1, 1)])
    assert isinstance(tick(), dg.RunRequest)


def test_checks_pass_over_nothing_and_over_what_the_stream_writes(lake: Lake) -> None:
    empty = look(lake)
    assert {"no stream has written it yet"} == {e.description for e in empty.values()}
    stream(lake, 0, [live_post(now(), 1, 1)])
    found = look(lake)
    assert len(found) == 7
    assert all(e.passed and not e.blocking for e in found.values())


def test_a_row_that_stands_twice_is_seen(lake: Lake) -> None:
    posts = [live_post(now(), 1, 1)]
    stream(lake, 0, posts)
    stream(lake, 1, posts)
    found = look(lake)
    failed = {key for key, e in found.items() if not e.passed}
    assert failed == {(LIVE_POSTS.name, "key_unique")}
    assert found[LIVE_POSTS.name, "key_unique"].severity == dg.AssetCheckSeverity.WARN
    assert found[LIVE_SENTIMENT.name, "key_unique"].passed


def test_closed_hours_are_compared_with_batch(lake: Lake) -> None:
    early = now() - 6 * HOUR
    posts = [live_post(early, n, n) for n in range(3)]
    stream(lake, 0, posts)
    verdict = judged(lake, LIVE_POSTS, "agrees_with_batch", now())
    assert verdict.counts["missing_in_batch"] == 3
    # Batch gets them, one with another score.
    parsed = arrived(records(posts, now()), {TOPIC: "x"}, "simulated")
    made = live_rows(parsed, RULES).drop("created_at")
    known = {"like_count", "reply_count", "repost_count", "view_count"}
    whole = made.with_columns(
        *(pl.lit(None, pl.Int64).alias(name) for name in known),
        late=pl.lit(False),
        source=pl.lit("stream"),
        observation_count=pl.lit(1, pl.Int32),
        last_seen_at="first_seen_at",
    ).select(SILVER_POSTS.schema.names)
    parts = whole.partition_by("date", "platform", "window", as_dict=True)
    table = lake.table(SILVER_POSTS)
    partitions = [
        dict(zip(("date", "platform", "window"), map(str, key), strict=True)) for key in parts
    ]
    with table.begin(partitions, "run") as replacement:
        for partition, rows_of in zip(partitions, parts.values(), strict=True):
            replacement.write(partition, [rows_of])
        replacement.commit()
    assert judged(lake, LIVE_POSTS, "agrees_with_batch", now()).passed
    with table.begin(partitions, "run-2") as replacement:
        for partition, rows_of in zip(partitions, parts.values(), strict=True):
            replacement.write(partition, [rows_of.with_columns(sentiment_compound=pl.lit(0.001))])
        replacement.commit()
    verdict = judged(lake, LIVE_POSTS, "agrees_with_batch", now())
    assert (verdict.passed, verdict.counts["other_score"]) == (False, 3)
