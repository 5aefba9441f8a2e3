"""The sensor over several looks: what it asks for, when, and what it never asks for twice.

Materializations are recorded in a real event log, as runs record them; the last test runs them.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import polars as pl
import pytest
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.test_utils import create_run_for_test
from polars.testing import assert_frame_equal

from resources.environments import silver_rules
from resources.settings import read_settings
from sentiment_assets import sensors
from sentiment_assets.assets.bronze import BATCH_POSTS_KEY
from sentiment_assets.assets.decisions import with_weeks
from sentiment_assets.assets.gold import with_trailing_days
from sentiment_assets.assets.marts import ask_nobody
from sentiment_assets.assets.silver import POSTS_KEY
from sentiment_assets.consumed import CONSUMED, consumed_events, newest_events
from sentiment_assets.core.contracts import (
    DAILY_SUMMARY,
    DAILY_TREND,
    SILVER_POSTS,
    SILVER_QUARANTINE,
)
from sentiment_assets.core.layout import PostPartition, Window
from sentiment_assets.core.periods import days_behind, settles_at
from sentiment_assets.definitions import build_defs
from sentiment_assets.engine.sealing import seal_partition
from sentiment_assets.partitions import RANGE_END_TAG, RANGE_START_TAG, multi_key
from sentiment_assets.reference_changes import CONCERNS, newest_record
from sentiment_assets.sensors import (
    ATTEMPT_TAG,
    CALENDAR_KEY,
    LANGUAGE_KEY,
    POOLED_KEY,
    REBUILD_TAG,
    RISING_KEY,
    SUMMARY_KEY,
    TOPIC_KEY,
    TREND_KEY,
    VOICE_KEY,
    WEEKLY_KEY,
    Memory,
    behind,
    partitions_in,
    requests,
)
from sentiment_assets_tests.bronze_records import store
from sentiment_assets_tests.local_platform import NOW, Platform, day

EVERY = dt.timedelta(minutes=10)
MON, TUE, WED, THU = (day(f"2026-02-0{number}") for number in (2, 3, 4, 5))

#: The tables that look back at every day before, and how far.
BY_DAYS = {
    TREND_KEY: with_trailing_days,
    WEEKLY_KEY: with_weeks,
    VOICE_KEY: with_trailing_days,
    RISING_KEY: with_trailing_days,
    CALENDAR_KEY: with_trailing_days,
}

# Runs in the queue must say which server holds their code; it is never called.
CODE_LOCATION = RemoteJobOrigin(
    RemoteRepositoryOrigin(GrpcServerCodeLocationOrigin("127.0.0.1", 9), "sentiment"), "rebuild"
)


@dataclass
class Story:
    """An event log, the sensor's memory, and a clock."""

    instance: dg.DagsterInstance = field(default_factory=dg.DagsterInstance.ephemeral)
    memory: Memory = field(default_factory=Memory)
    now: dt.datetime = NOW

    def record(self, asset: dg.AssetKey, partition: PostPartition, consumed: int = 0) -> int:
        self.instance.report_runless_asset_event(
            dg.AssetMaterialization(
                asset, partition=multi_key(partition), metadata={CONSUMED: consumed}
            )
        )
        return newest_events(self.instance, asset, [partition])[partition]

    def bronze(self, *partitions: PostPartition) -> None:
        for partition in partitions:
            self.record(BATCH_POSTS_KEY, partition)

    def newest(self, asset: dg.AssetKey, partition: PostPartition) -> int:
        return newest_events(self.instance, asset, [partition]).get(partition, 0)

    def silver(self, partition: PostPartition, consumed: int | None = None) -> None:
        seen = self.newest(BATCH_POSTS_KEY, partition) if consumed is None else consumed
        self.record(POSTS_KEY, partition, seen)

    def look_back(self, partition: PostPartition, *assets: dg.AssetKey, kept: int = 0) -> None:
        """Make tables that look back, all of them by default; they note what they read."""
        events = [newest_events(self.instance, key) for key in (TOPIC_KEY, SUMMARY_KEY)]
        for asset in assets or BY_DAYS:
            days = BY_DAYS[asset]([partition])
            newest = max(of.get(day, 0) for of in events for day in days)
            self.record(asset, partition, max(newest, kept))

    def languages(self, partition: PostPartition) -> None:
        self.record(LANGUAGE_KEY, partition, self.newest(POSTS_KEY, partition))

    def gold(self, partition: PostPartition) -> None:
        for asset in (TOPIC_KEY, SUMMARY_KEY):
            self.record(asset, partition, self.newest(POSTS_KEY, partition))
        self.languages(partition)
        self.look_back(partition)
        self.pools(partition)

    def pools(self, partition: PostPartition) -> None:
        settled = settles_at(partition.date) <= self.now
        noted = [
            event
            for asset in (TOPIC_KEY, SUMMARY_KEY)
            for other, event in newest_events(self.instance, asset).items()
            if settled and other.date in days_behind(partition.date)
        ]
        self.record(POOLED_KEY, partition, max(noted, default=0))

    def rebuilt(self, *partitions: PostPartition) -> None:
        for partition in partitions:
            self.silver(partition)
        for partition in partitions:
            self.gold(partition)

    def run(self, status: dg.DagsterRunStatus, tags: dict[str, str]) -> None:
        create_run_for_test(
            self.instance,
            job_name="rebuild",
            status=status,
            tags=tags,
            remote_job_origin=CODE_LOCATION,
            job_code_origin=None,
        )

    def look(self, after: dt.timedelta = dt.timedelta()) -> list[dg.RunRequest]:
        """One look of the sensor; its memory goes through a cursor each time."""
        self.now += after
        found = list(requests(self.instance, self.memory, self.now, EVERY))
        self.memory = Memory.read(self.memory.write())
        return found

    def asked(self, after: dt.timedelta = dt.timedelta()) -> list[str]:
        return [request.tags[REBUILD_TAG] for request in self.look(after)]


@pytest.fixture
def story() -> Story:
    return Story()


def minutes(number: float) -> dt.timedelta:
    return dt.timedelta(minutes=number)


def test_nothing_fetched_nothing_asked(story: Story) -> None:
    assert story.asked() == []


def test_what_was_fetched_is_asked_for_once_and_then_is_done(story: Story) -> None:
    story.bronze(WED)
    [request] = story.look()
    assert request.partition_key == multi_key(WED)
    assert request.asset_selection is None
    assert request.tags["sentiment/platform"] == "x"
    story.rebuilt(WED)
    assert story.asked(minutes(60)) == []


def test_consecutive_dates_are_one_run_and_a_gap_makes_two(story: Story) -> None:
    story.bronze(MON, TUE, THU)
    two_days, one_day = story.look()
    assert two_days.partition_key is None
    assert two_days.tags[RANGE_START_TAG] == multi_key(MON)
    assert two_days.tags[RANGE_END_TAG] == multi_key(TUE)
    assert one_day.partition_key == multi_key(THU)


def test_what_lands_during_a_rebuild_is_asked_for_at_the_next_look(story: Story) -> None:
    story.bronze(WED)
    assert story.asked() == [WED.key]
    noted = story.newest(BATCH_POSTS_KEY, WED)  # silver notes, then reads …
    story.bronze(WED)  # … this lands …
    story.silver(WED, consumed=noted)  # … and silver ends, later than what landed
    story.gold(WED)
    assert story.newest(POSTS_KEY, WED) > story.newest(BATCH_POSTS_KEY, WED)
    [again] = story.look(EVERY)
    assert again.tags[REBUILD_TAG] == WED.key
    assert again.tags[ATTEMPT_TAG] == "0", "the first rebuild did not fail"
    story.rebuilt(WED)
    assert story.asked(EVERY) == []


def test_updates_are_gathered_for_ten_minutes(story: Story) -> None:
    story.bronze(WED)
    assert story.asked() == [WED.key]
    story.rebuilt(WED)
    for minute in range(1, 10):
        story.bronze(WED)
        assert story.asked(minutes(1)) == [], f"after {minute} minutes"
    assert story.asked(minutes(1)) == [WED.key]


def test_steady_updates_are_no_failures(story: Story) -> None:
    """A partition that is behind at every look, as under a stream, keeps its ten minutes."""
    for _ in range(6):
        story.bronze(WED)
        [request] = story.look(EVERY)
        assert request.tags[ATTEMPT_TAG] == "0"
        noted = story.newest(BATCH_POSTS_KEY, WED)
        story.bronze(WED)
        story.silver(WED, consumed=noted)
        story.gold(WED)


@pytest.mark.parametrize("status", ["QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"])
def test_runs_under_way_are_not_asked_for_twice(story: Story, status: str) -> None:
    story.bronze(TUE, WED)
    [request] = story.look()
    story.run(dg.DagsterRunStatus[status], dict(request.tags))
    story.bronze(THU)
    assert story.asked(minutes(300)) == [THU.key]


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param({"dagster/partition": TUE.key}, id="one date"),
        pytest.param({RANGE_START_TAG: MON.key, RANGE_END_TAG: WED.key}, id="a range"),
    ],
)
def test_a_run_that_somebody_launched_counts_too(story: Story, tags: dict[str, str]) -> None:
    story.bronze(TUE)
    story.run(dg.DagsterRunStatus.STARTED, tags)
    assert story.asked() == []


def test_failed_runs_are_asked_for_again_with_growing_waits(story: Story) -> None:
    story.bronze(WED)
    keys: list[str | None] = []
    waited: list[int] = []
    last = story.now
    for _ in range(5 * 60 // 5):
        for request in story.look():
            keys.append(request.run_key)
            waited.append(round((story.now - last).total_seconds() / 60))
            last = story.now
            assert request.tags[ATTEMPT_TAG] == str(len(keys) - 1)
            story.run(dg.DagsterRunStatus.FAILURE, dict(request.tags))
        story.now += minutes(5)
    # Never sooner than the ten minutes that hold for every rebuild.
    assert waited == [0, 10, 10, 15, 60, 60, 60, 60]
    assert len(set(keys)) == len(keys)


def test_success_ends_the_waits(story: Story) -> None:
    story.bronze(WED)
    for _ in range(5):
        assert len(story.look(minutes(60))) == 1
    story.rebuilt(WED)
    assert story.asked(minutes(60)) == []
    story.bronze(WED)
    [request] = story.look(minutes(10))
    assert request.tags[ATTEMPT_TAG] == "0"


@pytest.mark.parametrize(
    "done",
    [
        pytest.param((), id="nothing"),
        pytest.param((TOPIC_KEY,), id="topics only"),
        pytest.param((SUMMARY_KEY,), id="summary only"),
        pytest.param((SUMMARY_KEY, TREND_KEY), id="all but topics"),
    ],
)
def test_a_run_that_ended_between_silver_and_gold_is_asked_for_again(
    story: Story, done: tuple[dg.AssetKey, ...]
) -> None:
    story.bronze(WED)
    story.rebuilt(WED)
    story.bronze(WED)
    assert story.asked() == [WED.key]
    story.silver(WED)
    for asset in done:
        if asset == TREND_KEY:
            story.look_back(WED, TREND_KEY)
        else:
            story.record(asset, WED, story.newest(POSTS_KEY, WED))
    assert story.asked(minutes(10)) == [WED.key]
    story.rebuilt(WED)
    assert story.asked(minutes(60)) == []


def test_a_late_change_of_an_earlier_date_asks_for_what_looks_back_alone(story: Story) -> None:
    days = [PostPartition(MON.date + dt.timedelta(days=number), "x") for number in range(-7, 3)]
    story.bronze(*days)
    assert len(story.look()) == 1
    story.rebuilt(*days)
    assert story.asked(minutes(60)) == []
    first = days[0]
    story.bronze(first)
    assert story.asked(minutes(60)) == [first.key]
    story.rebuilt(first)
    [request] = story.look(minutes(60))
    # The Sunday among them pools its week.
    assert request.asset_selection == sorted([*BY_DAYS, POOLED_KEY])
    assert request.tags[REBUILD_TAG].startswith("calendar_days+daily_trend+pooled_sentiment+")
    # The seven days after it compare with it, and the weeks of the last two.
    assert request.tags[RANGE_START_TAG] == multi_key(days[1])
    assert request.tags[RANGE_END_TAG] == multi_key(days[9])
    for later in days[1:8]:
        story.look_back(later)
    for later in days[8:10]:
        story.look_back(later, WEEKLY_KEY)
    [request] = story.look(minutes(60))
    sunday = day("2026-02-01")
    assert (request.partition_key, request.asset_selection) == (multi_key(sunday), [POOLED_KEY])
    story.pools(sunday)
    assert story.asked(minutes(60)) == []


def kept(story: Story, table: str, spans: str) -> int:
    """A reference table whose file changed."""
    key = dg.AssetKey(table.split("/"))
    story.instance.report_runless_asset_event(
        dg.AssetMaterialization(key, metadata={CONCERNS: spans})
    )
    record = newest_record(story.instance, key)
    assert record is not None
    return record.storage_id


@pytest.mark.parametrize(
    ("table", "spans", "asked"),
    [
        ("calendar", "2026-02-03..2026-02-03", ["calendar_days:2026-02-03|x"]),
        ("calendar", "2026-01-01..2026-02-02 2026-02-04..2026-02-09",
         ["calendar_days:2026-02-02|x", "calendar_days:2026-02-04|x,2026-02-05|x"]),
        ("holidays", "2026-02-05..2026-02-05", ["calendar_days:2026-02-05|x"]),
        ("markets", "0001-01-01..9999-12-31",
         ["calendar_days:2026-02-02|x,2026-02-03|x,2026-02-04|x,2026-02-05|x"]),
        ("brands", "0001-01-01..9999-12-31",
         ["topic_voice:2026-02-02|x,2026-02-03|x,2026-02-04|x,2026-02-05|x"]),
        ("calendar", "", []),
        ("calendar", "2027-01-01..2027-01-05", []),
    ],
)  # fmt: skip
def test_what_a_team_changes_asks_for_the_tables_and_dates_that_it_concerns(
    story: Story, table: str, spans: str, asked: list[str]
) -> None:
    days = [MON, TUE, WED, THU]
    story.bronze(*days)
    story.look()
    story.rebuilt(*days)
    for _ in range(3):
        assert story.asked(minutes(11)) == []
    event = kept(story, f"reference/{table}", spans)
    found = story.look(minutes(1))
    assert [request.tags[REBUILD_TAG] for request in found] == asked
    for request in found:
        for partition in partitions_in(request.tags):
            story.look_back(partition, *(request.asset_selection or ()), kept=event)
    for after in (11, 11, 61):
        assert story.asked(minutes(after)) == []


def test_pools_of_a_week_are_asked_for_when_its_posts_have_settled(story: Story) -> None:
    """Though Sunday itself was never fetched, and nothing is fetched after it."""
    sunday = day("2026-02-08")
    story.bronze(WED)
    story.look()
    story.rebuilt(WED)
    story.now = settles_at(sunday.date) - minutes(1)
    assert story.asked() == []
    [request] = story.look(minutes(1))
    assert (request.partition_key, request.asset_selection) == (multi_key(sunday), [POOLED_KEY])
    assert request.tags[ATTEMPT_TAG] == "0"
    story.run(dg.DagsterRunStatus.STARTED, dict(request.tags))
    assert story.asked(minutes(60)) == [], "it is under way"
    story.pools(sunday)
    assert story.asked(minutes(60)) == []


def test_pools_that_were_made_before_their_week_settled_are_made_again(story: Story) -> None:
    sunday = day("2026-02-08")
    story.now = settles_at(sunday.date) - minutes(30)
    story.bronze(sunday)
    assert story.asked() == [sunday.key]
    story.rebuilt(sunday)
    assert story.asked(minutes(20)) == []
    assert story.asked(minutes(20)) == [f"pooled_sentiment:{sunday.key}"]


def test_the_pools_of_a_month_follow_the_month(story: Story) -> None:
    """Tuesday 3 March closes no week of February, but its month: by the Sunday of 5 April."""
    tuesday = day("2026-03-03")
    story.now = settles_at(dt.date(2026, 4, 5))
    story.bronze(tuesday)
    story.look()
    story.rebuilt(tuesday)
    asked = story.asked(minutes(60))
    assert asked == ["pooled_sentiment:2026-03-08|x", "pooled_sentiment:2026-04-05|x"]


def test_pools_that_fail_wait_longer_each_time(story: Story) -> None:
    story.now = settles_at(dt.date(2026, 2, 8))
    story.bronze(WED)
    story.look()
    story.rebuilt(WED)
    attempts = [request.tags[ATTEMPT_TAG] for _ in range(12) for request in story.look(minutes(10))]
    assert attempts == ["0", "1", "2", "3", "4"]


def test_dates_outside_the_partitions_are_left_alone(story: Story) -> None:
    story.bronze(day("2025-12-31"), day("2026-02-06"))
    assert story.asked() == []


def evaluate(story: Story, cursor: str | None) -> Any:
    """The definition itself, as the daemon calls it."""
    definitions = build_defs(read_settings({}))
    context = dg.build_sensor_context(
        instance=story.instance,
        cursor=cursor,
        definitions=definitions,
        resources={"ask_mart": ask_nobody},
    )
    return definitions.resolve_sensor_def("rebuild_what_is_behind").evaluate_tick(context)


CURSORS = [
    None, "", "{", "[]", "null", "7", '"x"', '{"requested": 5}', '{"requested": {"a": 1}}',
    '{"requested": {"2026-02-04|x": {"at": "soon", "failures": 0, "finished": 0}}}',
    '{"attempts": {"2026-02-04|x": 3}, "requested_at": {"2026-02-04|x": 1.5}}',
]  # fmt: skip


@pytest.mark.parametrize("cursor", CURSORS)
def test_a_cursor_that_is_no_memory_starts_anew(story: Story, cursor: str | None) -> None:
    story.bronze(WED)
    result = evaluate(story, cursor)
    assert [r.tags[REBUILD_TAG] for r in result.run_requests or []] == [WED.key]
    assert json.loads(result.cursor or "")["requested"].keys() == {WED.key}


def test_the_definition_remembers_between_looks(story: Story) -> None:
    story.bronze(WED)
    first = evaluate(story, None)
    assert len(first.run_requests or []) == 1
    again = evaluate(story, first.cursor)
    assert not again.run_requests
    assert "waits its turn" in (again.skip_message or "")
    assert Memory.read(again.cursor).requested == Memory.read(first.cursor).requested


def test_a_look_reads_what_is_new_and_once_an_hour_everything(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def counting(instance: dg.DagsterInstance, asset: dg.AssetKey, newest: Any) -> Any:
        read.append(len(newest))
        return consumed_events(instance, asset, newest)

    monkeypatch.setattr(sensors, "consumed_events", counting)
    days = [PostPartition(MON.date + dt.timedelta(days=number), "x") for number in range(-14, 3)]
    story.bronze(*days)
    story.look()
    story.rebuilt(*days)

    def notes_read(after: dt.timedelta) -> int:
        read.clear()
        story.look(after)
        return sum(read)

    everything = notes_read(minutes(1))
    assert everything >= 4 * len(days)
    # An event may be seen late: what two looks ago was new is looked at once more.
    notes_read(minutes(1))
    assert notes_read(minutes(1)) == 0
    story.bronze(days[0])
    # The date itself, and the trends and pools that look back at it.
    assert 0 < notes_read(minutes(1)) <= 4 + 4 * 8 + 14 + 2 < everything
    story.rebuilt(days[0])
    for _ in range(3):
        notes_read(minutes(1))
    assert notes_read(minutes(1)) < everything
    assert notes_read(minutes(60)) == everything


def test_materializations_that_were_wiped_are_made_again_within_the_hour(story: Story) -> None:
    story.bronze(WED)
    story.look()
    story.rebuilt(WED)
    for _ in range(3):
        assert story.asked(minutes(11)) == []
    story.instance.wipe_assets([POSTS_KEY])
    assert any(story.asked(minutes(11)) == [WED.key] for _ in range(6))


def test_a_day_of_ticks_for_real(platform: Platform) -> None:
    """Fetch what is due, rebuild what is behind: three ticks, one of them after midnight."""
    platform.x.client.recent = dt.timedelta(days=1)
    story = Story(instance=platform.instance)
    rebuilt = []
    for moment in (
        NOW.replace(hour=20, minute=5),
        NOW.replace(hour=22, minute=5),
        NOW.replace(day=6, hour=0, minute=5),
    ):
        platform.x.travel(moment)
        story.now = moment
        platform.fetch(*platform.due())
        for request in story.look():
            result = platform.carry_out(request, "rebuild")
            assert result.success
            assert all(check.passed for check in result.get_asset_check_evaluations())
            rebuilt.append(request.tags[REBUILD_TAG])
        assert behind(platform.instance, moment) == (set(), {})
        assert story.asked(EVERY) == []
    friday = day("2026-02-06")
    assert rebuilt == [f"{WED.key},{THU.key}", THU.key, f"{THU.key},{friday.key}"]
    posts = platform.lake.table(SILVER_POSTS).scan().collect()
    assert posts["post_pid"].is_unique().all()
    assert posts["created_hour"].max() >= NOW.replace(hour=22, minute=0)
    days = platform.lake.table(DAILY_SUMMARY).scan().collect().sort("date")
    assert days["windows_complete"].to_list() == [1, 12, 0]
    assert days["windows_unavailable"].to_list() == [10, 0, 0]
    trend = platform.lake.table(DAILY_TREND).scan().filter(pl.col("topic") == "all").collect()
    assert trend.sort("date")["trailing_days"].to_list() == [0, 1, 2]


@pytest.mark.parametrize(("asset", "busy"), [("silver/posts", True), ("bronze/batch_posts", False)])
def test_a_backfill_from_the_ui_counts_as_under_way_where_it_rebuilds(
    story: Story, asset: str, busy: bool
) -> None:
    story.bronze(TUE)
    create_run_for_test(
        story.instance,
        job_name="__ASSET_JOB",
        status=dg.DagsterRunStatus.STARTED,
        tags={"dagster/partition": TUE.key},
        asset_selection=frozenset({dg.AssetKey(asset.split("/"))}),
        remote_job_origin=CODE_LOCATION,
        job_code_origin=None,
    )
    assert (story.asked() == []) is busy


def test_a_date_that_fails_is_asked_for_alone(story: Story) -> None:
    story.bronze(TUE, WED)
    assert story.asked() == [f"{TUE.key},{WED.key}"]
    story.bronze(THU)
    assert sorted(story.asked(minutes(30))) == [TUE.key, WED.key, THU.key]


def test_late_posts_of_a_sealed_date_are_quarantined_by_one_green_run(platform: Platform) -> None:
    platform.x.client.recent = dt.timedelta(hours=12)
    story = Story(instance=platform.instance)
    platform.fetch(THU)
    story.look()
    platform.rebuild(THU)
    lake = platform.lake
    rows = lake.table(SILVER_POSTS).scan().collect()
    seal_partition(
        lake, THU, silver_rules(platform.settings), now=NOW, reason="test", run_id="seal"
    )
    # Nothing more is fetched for it, by the clock or by hand.
    platform.x.travel(NOW + dt.timedelta(hours=4))
    assert platform.due() == []
    before = platform.x.requests()
    platform.fetch(THU)
    assert platform.x.requests() == before
    # An edit of that day, say, that another date's fetch brought.
    window = Window(THU, "0800")
    store(lake, window, [b"{}", b"{}"], NOW + dt.timedelta(hours=4), None)
    story.bronze(THU)
    [request] = story.look(minutes(60))
    result = platform.carry_out(request, "rebuild")
    assert result.success
    assert all(check.passed for check in result.get_asset_check_evaluations())
    [silver] = [e for e in result.asset_materializations_for_node("silver_posts")
                if e.asset_key == POSTS_KEY]  # fmt: skip
    assert str(silver.metadata["conservation"].value).endswith("2 after the date was sealed")
    refused = lake.table(SILVER_QUARANTINE).scan().filter(pl.col("reason_code") == "sealed_date")
    assert refused.collect()["record_count"].to_list() == [2]
    assert_frame_equal(lake.table(SILVER_POSTS).scan().collect(), rows)
    assert story.asked(minutes(60)) == []
    summary = lake.table(DAILY_SUMMARY).scan().collect()
    assert summary["windows_complete"].to_list() == [5], "as it was when it was sealed"
