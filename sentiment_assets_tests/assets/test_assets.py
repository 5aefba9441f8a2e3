"""What runs write and what they tell Dagster of it: complete, and free of anything personal."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import dagster as dg
import polars as pl
import pytest

from sentiment_assets.consumed import CONSUMED
from sentiment_assets.core import periods
from sentiment_assets.core.contracts import (
    CALENDAR_DAYS,
    CONTRACTS,
    DAILY_SUMMARY,
    POOLED_SENTIMENT,
    SILVER_POSTS,
)
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.sentiment.vader import kernel_in_use
from sentiment_assets_tests.assets.conftest import DAYS, SECRETS, Built
from sentiment_assets_tests.local_platform import (
    TODAY,
    YESTERDAY,
    Platform,
    bronze_envelopes,
    day,
)

GOLD = [name for name in CONTRACTS if name.startswith("gold/")]


def told(result: dg.ExecuteInProcessResult, table: str) -> dict[PostPartition, dict[str, Any]]:
    """Metadata of a table's materializations in a run, by partition."""
    return {
        PostPartition.from_key(str(event.partition)): {
            name: value.value for name, value in event.materialization.metadata.items()
        }
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey(table.split("/"))
    }


def rows_of(built: Built, table: str, partition: PostPartition) -> int:
    values = {"date": partition.date.isoformat(), "platform": partition.platform}
    scan = built.platform.lake.table(CONTRACTS[table]).scan([values])
    return int(scan.select(pl.len()).collect().item())


def test_fetch_tells_what_it_brought(built: Built) -> None:
    lake = built.platform.lake
    for partition, result in zip(DAYS, built.fetches, strict=True):
        facts = told(result, "bronze/batch_posts")[partition]
        prefix = f"bronze/batch_posts/{partition.folder}/"
        assert facts["path"] == lake.location.uri_of(prefix).rstrip("/")
        stored = [o for o in lake.objects.list(prefix) if o.path.endswith(".jsonl.gz")]
        assert 0 < facts["dagster/row_count"] <= len(bronze_envelopes(lake, prefix))
        assert 0 < facts["bytes"] <= sum(o.size for o in stored)
        assert facts["origin"] == "simulated"
        assert facts["api_version"] == "2"
        assert facts["pages"] >= facts["windows_fetched"] > 0
        windows = {k: v for k, v in facts.items() if re.fullmatch("windows_(?!fetched).*", k)}
        assert sum(windows.values()) == 12, windows


def test_an_open_day_says_so(built: Built) -> None:
    facts = told(built.fetches[-1], "bronze/batch_posts")[TODAY]
    assert facts["windows_complete"] == 9
    assert facts["windows_partial"] == 1
    assert facts["windows_not_yet_asked_for"] == 2


def test_dead_letters_are_a_materialization(built: Built) -> None:
    """Posts without an id have no date: they are kept apart, and counted in the lineage."""
    [facts] = told(built.fetches[-1], "bronze/dead_letters").values()
    kept = bronze_envelopes(built.platform.lake, "bronze/dead_letters/")
    assert facts["records"] == len(kept) > 0
    assert {envelope["reason"].partition(":")[0] for envelope in kept} == {"not_routable"}
    assert all(not told(result, "bronze/dead_letters") for result in built.fetches[:-1])


def test_silver_tells_where_every_record_went(built: Built) -> None:
    for partition, facts in told(built.rebuild, "silver/posts").items():
        assert facts["records_in"] == (
            facts["rows_rebuilt"] + facts["duplicates"] + facts["quarantined"]
        )
        assert facts["rows_rebuilt"] == rows_of(built, "silver/posts", partition)
        assert facts["quarantined"] == rows_of(built, "silver/quarantine", partition)
        assert facts[CONSUMED] > 0
        assert re.fullmatch("[0-9a-f]{12}", facts["recipe"])
        assert facts["engine"] == "in_process"
        assert facts["engine_reason"].startswith("there is no cluster of Spark's; ")
        assert facts["vader_kernel"] == kernel_in_use()
        silver = built.platform.lake.table(SILVER_POSTS)
        day = silver.scan([{"date": partition.date.isoformat()}]).collect()
        assert sum(facts["unscored"].values()) == day["unscored_reason"].count()
    assert told(built.rebuild, "silver/posts").keys() == set(DAYS)


@pytest.mark.parametrize("table", CONTRACTS)
@pytest.mark.parametrize("run", ["rebuild", "one_day"])
def test_every_table_tells_rows_bytes_path_and_version(built: Built, table: str, run: str) -> None:
    found = told(getattr(built, run), table)
    assert found.keys() == set(DAYS if run == "rebuild" else [TODAY])
    stored = built.platform.lake.table(CONTRACTS[table])
    for partition, facts in found.items():
        assert facts["dagster/row_count"] == rows_of(built, table, partition)
        assert facts["commit_rows"] == sum(rows_of(built, table, p) for p in found)
        assert facts["files"] > 0 or facts["dagster/row_count"] == 0
        assert facts["bytes"] > 0 or facts["dagster/row_count"] == 0
        assert facts["path"] == stored.uri
        assert 0 < facts["table_version"] <= (stored.version or 0)
        assert facts["contract_version"] == CONTRACTS[table].version
        assert facts["origin"] == "simulated"


@pytest.mark.parametrize("table", GOLD)
def test_gold_shows_a_preview_and_counts_each_partition(built: Built, table: str) -> None:
    for partition, facts in told(built.rebuild, table).items():
        assert facts["dagster/partition_row_count"] == rows_of(built, table, partition)
        header, line, *rows = facts["preview"].splitlines()
        assert header.startswith("| date | platform |")
        assert set(line) == {"|", "-"}
        # Pools stand with Sundays, and these are weekdays; nothing went on beside.
        assert bool(rows) == (table not in (POOLED_SENTIMENT.name, CALENDAR_DAYS.name))
        assert all(row.startswith(f"| {partition.date} |") for row in rows)


def test_one_run_over_many_partitions_equals_many_runs(built: Built) -> None:
    """The last day was built again alone: nothing doubled, nothing of the others changed."""
    posts = built.platform.lake.table(SILVER_POSTS).scan().collect()
    assert posts["post_pid"].is_unique().all()
    assert set(posts["date"]) == {partition.date for partition in DAYS}
    for facts in told(built.one_day, "silver/posts").values():
        assert facts["rows_rebuilt"] == rows_of(built, "silver/posts", TODAY)
        assert facts["windows_rebuilt"] == 10


def test_every_check_passes(built: Built) -> None:
    evaluations = built.rebuild.get_asset_check_evaluations()
    assert all(evaluation.passed for evaluation in evaluations)
    names = {f"{e.asset_key.to_user_string()}:{e.check_name}" for e in evaluations}
    rules = ("schema", "key_unique", "required_columns")
    assert names == {
        *(f"{table}:{rule}" for table in CONTRACTS for rule in rules),
        "silver/posts:conservation",
        "silver/posts:volume",
        "gold/daily_summary:one_recipe",
        "gold/daily_trend:one_scorer",
    }


def personal_values(built: Built) -> dict[str, set[str]]:
    """Whatever in bronze could name somebody, by kind."""
    found: dict[str, set[str]] = {kind: {value} for kind, value in SECRETS.items()}
    for kind in ("id", "handle", "name", "text", "e-mail"):
        found[kind] = set()
    for envelope in bronze_envelopes(built.platform.lake):
        payload = envelope["payload"]
        posts = [payload["data"], *payload["includes"].get("tweets", [])]
        for post in posts:
            for field in ("id", "author_id", "conversation_id", "in_reply_to_user_id"):
                found["id"].add(str(post.get(field, "")))
            text = str(post.get("text", ""))
            found["text"] |= {line for line in text.splitlines() if len(line) > 20}
            found["e-mail"] |= set(re.findall(r"[\w.+-]+@[\w-]+\.\w+", text))
        for user in payload["includes"].get("users", []):
            found["id"].add(user["id"])
            found["handle"].add(user["username"])
            found["name"].add(user["name"])
    # The tracked brand's own accounts are named in the open: in the queries and as topics.
    public = built.platform.settings.tracking.read_text().lower()
    return {
        kind: {value for value in values if len(value) > 3 and value.lower() not in public}
        for kind, values in found.items()
    }


def test_nothing_personal_reaches_dagster_or_the_delta_logs(built: Built) -> None:
    values = personal_values(built)
    assert all(values.values()), {kind: len(kept) for kind, kept in values.items()}
    assert len(values["handle"]) > 50
    platform = built.platform
    platform.x.fault("dead_token", times=-1)
    assert not platform.run("fetch", [TODAY]).success
    platform.x.heal()
    events = {
        f"run {run.run_id}, event {number}": dg.serialize_value(entry)
        for run in platform.instance.get_runs()
        for number, entry in enumerate(platform.instance.all_logs(run.run_id))
    }
    logs = {
        stored.path: platform.lake.objects.get(stored.path).decode("utf-8", "replace")
        for stored in platform.lake.objects.list()
        if "/_delta_log/" in stored.path
    }
    assert len(events) > 300
    assert len(logs) > 10
    leaks = {
        f"{kind} in {place}"
        for place, content in {**events, **logs}.items()
        for kind, kept in values.items()
        for value in kept
        if value in content
    }
    assert leaks == set()


def test_a_second_fetch_and_rebuild_double_nothing(built: Built) -> None:
    before = {p: rows_of(built, "silver/posts", p) for p in DAYS}
    built.platform.fetch(YESTERDAY)
    built.platform.fetch(TODAY)
    again = built.platform.rebuild(YESTERDAY, TODAY)
    assert {p: rows_of(built, "silver/posts", p) for p in DAYS} == before
    assert told(again, "silver/posts")[YESTERDAY]["windows_rebuilt"] == 0
    # The newest windows were asked for again: the same posts are duplicates now.
    facts = told(again, "silver/posts")[TODAY]
    assert 0 < facts["windows_rebuilt"] < 10
    assert facts["duplicates"] > 0


def test_hidden_days_are_pooled_with_the_sunday_of_their_week(
    copy: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    gold = [dg.AssetKey(name.split("/")) for name in GOLD]
    pooled = dg.AssetKey(POOLED_SENTIMENT.name.split("/"))
    copy.resources["min_authors"] = 230
    copy.rebuild(*DAYS, assets=gold)
    days = copy.lake.table(DAILY_SUMMARY).scan().collect()
    hidden = days.filter("suppressed")["date"].sort().to_list()
    assert len(hidden) >= 2
    sunday = day("2026-02-08")

    def pools() -> pl.DataFrame:
        [facts] = told(copy.rebuild(sunday, assets=[pooled]), POOLED_SENTIMENT.name).values()
        assert (facts[CONSUMED] > 0) == settled
        return copy.lake.table(POOLED_SENTIMENT).scan().collect()

    settled = True
    week = pools().filter(topic="all").row(0, named=True)
    assert (week["grain"], week["date"], week["days"]) == ("week", sunday.date, hidden)
    assert (week["suppressed"], week["min_authors"]) == (False, 230)
    posts = copy.lake.table(SILVER_POSTS).scan().filter(pl.col("date").is_in(hidden)).collect()
    assert week["posts"] == posts.height
    assert week["authors"] == posts["author_pid"].drop_nulls().n_unique()

    # Before the week has settled there is nothing to compare a later version with.
    settled = False
    monkeypatch.setattr(periods, "SETTLES_AFTER", dt.timedelta(weeks=9_999))
    assert pools().is_empty()
