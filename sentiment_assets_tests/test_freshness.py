"""Freshness read from a real event log and real manifests, over many looks; then by real runs.

The clock of the event log is the test's: a materialization is recorded at the hour of the story.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test, freeze_time

from resources.environments import freshness_watch, watched_platforms
from resources.settings import read_settings
from sentiment_assets import freshness as module
from sentiment_assets.assets.bronze import BATCH_POSTS_KEY
from sentiment_assets.assets.describe import asset_key
from sentiment_assets.assets.gold import with_pooled_days
from sentiment_assets.automation import every_half_hour
from sentiment_assets.consumed import CONSUMED, newest_events
from sentiment_assets.core.contracts import POOLED_SENTIMENT, SILVER_POSTS
from sentiment_assets.core.coverage import Searched
from sentiment_assets.core.deadlines import parse_deadlines
from sentiment_assets.core.freshness import JUDGED, READS, Freshness, Watch
from sentiment_assets.core.layout import (
    BATCH_POSTS,
    STREAM_POSTS,
    WINDOW_LENGTH,
    PostPartition,
    Window,
)
from sentiment_assets.core.periods import settles_at
from sentiment_assets.definitions import build_defs
from sentiment_assets.freshness import INPUTS, check_name, check_result, freshness_now
from sentiment_assets.lake.bronze import StretchFetch, read_partition
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets.partitions import multi_key
from sentiment_assets_tests.local_platform import NOW, TODAY, YESTERDAY, Platform, failures

UTC = dt.timezone.utc
HOUR = dt.timedelta(hours=1)
WEEK = dt.timedelta(days=7)
#: A Wednesday, at a tick.
START = dt.datetime(2026, 6, 10, 18, 5, tzinfo=UTC)
WATCH = Watch({"x": (WEEK,), "facebook": (52 * WEEK,)}, days=2)
POSTS = SILVER_POSTS.name
SUMMARY = "gold/daily_summary"


@dataclass
class Story:
    """An event log, a lake with manifests, and a clock."""

    lake: Lake
    instance: dg.DagsterInstance = field(default_factory=dg.DagsterInstance.ephemeral)
    now: dt.datetime = START

    def record(self, table: str, partition: PostPartition, **metadata: int) -> None:
        found = {name.replace("__", "/"): value for name, value in metadata.items()}
        with freeze_time(self.now):
            self.instance.report_runless_asset_event(
                dg.AssetMaterialization(
                    asset_key(table), partition=multi_key(partition), metadata=found
                )
            )

    def fetch(self, windows: Iterable[Window], *, broken: bool = False) -> None:
        """Manifests of empty windows, up to now, then the events of their dates."""
        windows = list(windows)
        for window in windows:
            fetch = StretchFetch(
                self.lake, [window], fetched_at=self.now, run_id="a-run", api_version="2",
                simulated=True,
            )  # fmt: skip
            until = min(window.end, self.now)
            state = "complete" if until == window.end and not broken else "partial"
            reached = None if broken else (window.start, until)
            fetch.close({window: Searched(state, "", reached)})
        if broken:
            return  # a run that fails materializes nothing
        for partition in sorted({window.partition for window in windows}):
            coverage = read_partition(self.lake, partition).coverage.values()
            complete = sum(covered.state == "complete" for covered in coverage)
            self.record(BATCH_POSTS, partition, windows_complete=complete)

    def tick(self, *platforms: str) -> None:
        """Fetch the window that has ended and the open one."""
        for platform in platforms:
            self.fetch(Window.of(self.now - back, platform) for back in (WINDOW_LENGTH, HOUR * 0))

    def fill(self, *platforms: str, days: int = 3) -> None:
        """Everything of the last days, those that are looked after and some more."""
        for platform in platforms:
            back = range(12 * days, -1, -1)
            self.fetch(Window.of(self.now - WINDOW_LENGTH * step, platform) for step in back)

    def rebuild(self, *platforms: str, but: Iterable[str] = (), dates: Iterable[PostPartition] = ()
                ) -> None:  # fmt: skip
        """Make every table of the platforms' dates that have bronze, or of these dates."""
        bronze = newest_events(self.instance, BATCH_POSTS_KEY)
        partitions = sorted(dates) or sorted(p for p in bronze if p.platform in platforms)
        for table, upstream in READS.items():
            for partition in [] if table in but else partitions:
                days = [partition]
                if table == POOLED_SENTIMENT.name:
                    days = with_pooled_days(days if settles_at(partition.date) <= self.now else [])
                elif table in INPUTS:
                    days = INPUTS[table](days)
                events = [newest_events(self.instance, asset_key(name)) for name in upstream]
                newest = max((of.get(day, 0) for of in events for day in days), default=0)
                self.record(table, partition, **{CONSUMED.replace("/", "__"): newest})

    def look(self, watch: Watch = WATCH, after: dt.timedelta = dt.timedelta()) -> list[Freshness]:
        return freshness_now(self.instance, self.lake, watch, self.now + after)

    def stale(self, watch: Watch = WATCH, after: dt.timedelta = dt.timedelta()) -> set[str]:
        """``platform table`` of what is stale."""
        return {f"{v.platform} {v.table}" for v in self.look(watch, after) if not v.fresh}

    def roots(self, after: dt.timedelta = dt.timedelta()) -> set[str]:
        verdicts = self.look(after=after)
        return {f"{v.platform} {v.table}" for v in verdicts if not v.fresh and v.cause is None}


def tables(platform: str) -> set[str]:
    return {f"{platform} {table}" for table in JUDGED}


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """Two platforms, fetched and rebuilt a moment ago."""
    story = Story(Lake.open(LakeLocation(str(tmp_path / "lake"), "simulated")))
    story.fill("x", "facebook")
    story.rebuild("x", "facebook")
    return story


def test_an_empty_installation_is_stale_at_its_roots(tmp_path: Path) -> None:
    story = Story(Lake.open(LakeLocation(str(tmp_path / "lake"), "simulated")))
    assert story.stale() == tables("x") | tables("facebook")
    assert story.roots() == {f"x {BATCH_POSTS}", f"facebook {BATCH_POSTS}"}
    assert {v.age for v in story.look()} == {None}


def test_ticks_over_midnight_are_always_fresh(story: Story) -> None:
    """Looked at every half hour; the rebuild comes that long after the fetch."""
    for _ in range(5):
        for look in range(4):
            assert story.stale() == set(), story.now
            story.now += HOUR / 2
            if look == 0:
                today = PostPartition(story.now.date(), "x")
                changed = [PostPartition(today.date - dt.timedelta(d), p) for d in (1, 0) for p in
                           WATCH.reaches]  # fmt: skip
                story.rebuild(dates=changed)
        story.tick("x", "facebook")
    assert story.now.date() == START.date() + dt.timedelta(days=1)


def test_one_live_platform_hides_no_dead_one(story: Story) -> None:
    """Facebook is fetched and rebuilt on; X isn't. X comes back, and is fresh after its rebuild."""
    seen = []
    for _ in range(3):
        story.now += 2 * HOUR
        story.tick("facebook")
        story.rebuild("facebook")
        seen.append(story.stale())
    # Whole up to 18:00: two hours are allowed for a tick, and one for being late.
    assert seen == [set(), tables("x"), tables("x")]
    assert story.roots() == {f"x {BATCH_POSTS}"}
    story.fill("x")
    assert story.stale() == set(), "what came may wait to be read for an hour"
    assert story.roots(HOUR * 1.1) == {"x silver/quarantine", f"x {POSTS}"}
    story.rebuild("x")
    assert story.stale() == set()
    assert story.stale(after=HOUR * 1.1) == set()


def test_what_was_landed_waits_for_silver_by_platform(story: Story) -> None:
    """The fetched posts of both were read; then X's stream brings some, for today and yesterday."""
    today = PostPartition(story.now.date(), "x")
    yesterday = PostPartition(today.date - dt.timedelta(days=1), "x")
    story.now += HOUR / 4
    for partition in (today, yesterday):
        story.record(STREAM_POSTS, partition)
    assert story.stale(after=HOUR * 0.9) == set(), "it may wait to be read for an hour"
    behind = {f"x {POSTS}", "x silver/quarantine"}
    assert story.roots(HOUR * 1.1) == behind
    assert {v.platform for v in story.look(after=HOUR * 1.1) if not v.fresh} == {"x"}
    story.rebuild(dates=[today])
    assert story.roots(HOUR * 1.1) == behind, "yesterday waits still"
    story.rebuild(dates=[today, yesterday])
    assert story.stale(after=HOUR * 1.1) == set()


def test_a_date_that_only_the_stream_brought_is_waited_for(tmp_path: Path) -> None:
    story = Story(Lake.open(LakeLocation(str(tmp_path / "lake"), "simulated")))
    story.record(STREAM_POSTS, PostPartition(START.date(), "x"))
    verdicts = {f"{v.platform} {v.table}": v for v in story.look(after=2 * HOUR)}
    assert verdicts[f"x {POSTS}"].age == 2 * HOUR
    assert verdicts[f"x {POSTS}"].cause is None
    assert verdicts[f"facebook {POSTS}"].age is None


def test_a_backfill_of_february_makes_nothing_fresh_and_nothing_stale(story: Story) -> None:
    february = [
        Window.of(dt.datetime(2026, 2, day, hour, tzinfo=UTC), "x")
        for day in (3, 4) for hour in range(0, 24, 2)
    ]  # fmt: skip
    dates = sorted({window.partition for window in february})
    story.fetch(february)
    assert story.stale(after=HOUR * 2 - HOUR / 6) == set(), "it waits in the queue for hours"
    story.now += 6 * HOUR
    before = story.look()
    assert story.stale() == tables("x") | tables("facebook")
    story.fetch(february)
    story.rebuild(dates=dates)
    assert story.look() == before


def test_february_alone_was_never_made(tmp_path: Path) -> None:
    story = Story(Lake.open(LakeLocation(str(tmp_path / "lake"), "simulated")))
    story.fetch([Window.of(dt.datetime(2026, 2, 3, tzinfo=UTC), "x")])
    story.rebuild("x")
    assert newest_events(story.instance, asset_key(POSTS)), "it was made"
    assert story.stale() == tables("x") | tables("facebook")
    assert {v.made_at for v in story.look()} == {None}


@pytest.mark.parametrize("stops", [POSTS, SUMMARY, "gold/hourly_sentiment", "gold/daily_trend"])
def test_a_table_that_is_no_longer_made_is_the_root(story: Story, stops: str) -> None:
    below = {stops}
    for table, upstream in READS.items():
        if below & {*upstream}:
            below.add(table)
    story.now += 2 * HOUR
    story.tick("x", "facebook")
    story.rebuild("facebook")
    # What lies upstream of it is made, what lies below of it can't be.
    story.rebuild(but=below, dates=[PostPartition(story.now.date(), "x")])
    assert story.stale(after=HOUR * 0.9) == set()
    assert story.stale(after=HOUR * 0.95 + HOUR / 10) == {f"x {table}" for table in below}
    assert story.roots(after=HOUR * 1.05) == {f"x {stops}"}


def test_one_date_that_always_fails_is_told_though_today_is_well(story: Story) -> None:
    """It is told as long as the clock looks after that date, not only until midnight."""
    bad = PostPartition(START.date() - dt.timedelta(days=1), "x")
    story.now += 2 * HOUR
    story.tick("x", "facebook")
    story.fetch([Window(bad, "0800")])
    for _ in range(6):
        story.rebuild(dates=newest_events(story.instance, BATCH_POSTS_KEY).keys() - {bad})
        story.now += 2 * HOUR
        story.tick("x", "facebook")
    assert story.roots() == {f"x {POSTS}", "x silver/quarantine"}
    assert next(v.age for v in story.look() if v.table == POSTS) == 12 * HOUR


def test_fetches_that_break_off_leave_bronze_late(story: Story) -> None:
    for _ in range(2):
        story.now += 2 * HOUR
        story.tick("facebook")
        story.rebuild("facebook")
        story.fetch([Window.of(story.now - HOUR, "x")], broken=True)
    assert story.roots() == {f"x {BATCH_POSTS}"}


def test_a_hole_is_told_before_the_api_forgets_it(tmp_path: Path) -> None:
    """One window's fetch breaks off for days while all newer ones succeed."""
    story = Story(Lake.open(LakeLocation(str(tmp_path / "lake"), "simulated")))
    watch = Watch({"x": (WEEK,)})
    story.fill("x", days=8)
    hole = Window.of(story.now, "x")
    told: dict[int, tuple[bool, bool]] = {}
    for hour in range(2, 7 * 24 + 12, 2):
        story.now = START + hour * HOUR
        recent = [Window.of(story.now - back * HOUR, "x") for back in (2, 0)]
        story.fetch(window for window in recent if window != hole)
        if hour % 12 == 0:
            story.fetch([hole], broken=True)
            verdict = story.look(watch)[0]
            assert verdict.table == BATCH_POSTS
            assert verdict.fresh is not verdict.grave
            assert not verdict.late
            told[hour] = (verdict.grave, "no more" in verdict.sentence)
    # With a third of the week left, and also when it is too late.
    assert {hour for hour, (grave, _) in told.items() if grave} == {*range(120, 180, 12)}
    assert {hour for hour, (_, gone) in told.items() if gone} == {168}
    story.fetch([hole])
    assert story.look(watch)[0].fresh


def test_pools_are_due_when_their_week_has_settled(story: Story) -> None:
    sunday = PostPartition(dt.date(2026, 6, 14), "x")
    pooled = f"x {POOLED_SENTIMENT.name}"
    settled = settles_at(sunday.date)
    story.now = settled - HOUR
    story.fill("x", "facebook")
    story.rebuild("x", "facebook")
    assert story.stale() == set()
    story.now = settled
    story.tick("x", "facebook")
    story.rebuild("x", "facebook", but=[POOLED_SENTIMENT.name])
    assert story.stale(after=HOUR * 0.9) == set()
    assert pooled in story.roots(after=HOUR * 1.1)
    story.rebuild("x", "facebook")
    assert story.stale(after=HOUR * 1.1) == set()


def test_manifests_of_dates_that_are_whole_are_not_read_again(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[PostPartition] = []
    real = module.read_partition

    def watched(lake: Lake, partition: PostPartition) -> object:
        read.append(partition)
        return real(lake, partition)

    monkeypatch.setattr(module, "read_partition", watched)
    story.look()
    assert {partition.date for partition in read} == {START.date()}, "of three dates"
    read.clear()
    # Posts that strayed into a date say nothing of its windows.
    wandered = PostPartition(START.date() - dt.timedelta(days=1), "x")
    story.record(BATCH_POSTS, wandered, records=1)
    story.look()
    assert wandered in read


def test_bronze_is_believed_and_not_the_event_log(story: Story) -> None:
    """The manifests are gone, as after a restore from an older backup: nothing was fetched."""
    story.now = story.now.replace(hour=23, minute=0)
    story.tick("x", "facebook")
    story.rebuild("x", "facebook")
    assert story.stale() == set()
    shutil.rmtree(Path(story.lake.location.uri) / BATCH_POSTS / f"date={START.date()}")
    assert f"x {BATCH_POSTS}" in story.roots()


def test_fewer_days_look_after_fewer_dates(story: Story) -> None:
    late = PostPartition(START.date() - dt.timedelta(days=2), "x")
    story.fetch([Window(late, "0800")])
    one_day = Watch(WATCH.reaches, days=1)
    assert story.stale(after=HOUR * 0.8) == set()
    story.now += HOUR * 1.5
    story.fetch([Window.of(story.now, platform) for platform in WATCH.reaches])
    assert story.stale() == tables("x") - {f"x {BATCH_POSTS}"}
    assert story.stale(one_day) == set()
    assert story.stale(Watch({}, days=2)) == set()


def test_deadlines_of_the_file_hold(story: Story) -> None:
    deadlines = parse_deadlines("version: 1\nplatforms: {x: {bronze: 9 h}}", "freshness.yaml")
    watch = Watch(WATCH.reaches, deadlines, days=2)
    assert story.stale(watch, after=5 * HOUR) == tables("facebook")
    assert story.stale(watch, after=9.1 * HOUR) == tables("facebook") | tables("x")


def test_only_tracked_and_connected_platforms_are_watched(tmp_path: Path) -> None:
    tracking = tmp_path / "tracking.yaml"
    tracking.write_text(
        "version: 1\nplatforms:\n  x: {queries: [{name: brand, query: nimbus}]}\n"
        "  instagram: {hashtags: [{name: launch, hashtag: nimbus}], accounts: "
        "[{name: brand, account: '17841405309211844'}]}\n"
        "topics: [{name: pricing, keywords: [price]}]\n"
    )
    given = {"SENTIMENT_TRACKING": str(tracking), "SENTIMENT_HOME": str(tmp_path)}
    # Nobody serves the simulated ones: they are watched all the same, with an unknown reach.
    assert freshness_watch(read_settings(given)).reaches == {"x": (), "instagram": ()}
    url = {"SENTIMENT_INSTAGRAM_BASE_URL": "http://127.0.0.1:9"}
    watch = freshness_watch(read_settings({**given, **url}, catch_up_days=3))
    assert watch.reaches == {"instagram": (24 * HOUR, 730 * 24 * HOUR)}
    assert watch.days == 3
    live = {"SENTIMENT_SOURCE": "live", "SENTIMENT_FACEBOOK_ACCESS_TOKEN": "a-token"}
    assert watched_platforms(read_settings({**given, **live})) == []


def test_badges_come_from_the_same_deadlines(tmp_path: Path) -> None:
    file = tmp_path / "freshness.yaml"
    file.write_text("version: 1\nwithin: {silver: 2 h}\nplatforms: {linkedin: {bronze: 5 h}}\n")
    graph = build_defs(read_settings({}, freshness=file)).resolve_asset_graph()
    windows = {}
    for key in graph.get_all_asset_keys():
        policy = graph.get(key).freshness_policy
        if policy is not None:
            assert isinstance(policy, dg._core.definitions.freshness.TimeWindowFreshnessPolicy)
            windows[key.to_user_string()] = policy.fail_window.to_timedelta() / HOUR
    gold = {"hourly_sentiment": 8, "topic_sentiment": 8, "daily_summary": 8, "daily_trend": 9,
            "pooled_sentiment": 9, "language_sentiment": 8, "weekly_sentiment": 9,
            "topic_voice": 9, "rising_topics": 9, "calendar_days": 9}  # fmt: skip
    assert windows == {
        BATCH_POSTS: 5, "silver/posts": 7, "silver/quarantine": 7,
        **{f"gold/{name}": hours for name, hours in gold.items()},
        **{f"mart/postgres_{name}": hours + 1 for name, hours in gold.items()},
    }  # fmt: skip


def test_the_clock_asks_for_one_look_at_a_time() -> None:
    definitions = build_defs(read_settings({}))
    schedule = definitions.resolve_schedule_def(every_half_hour.name)

    def asked(instance: dg.DagsterInstance) -> int:
        context = dg.build_schedule_context(
            instance=instance, repository_def=definitions.get_repository_def()
        )
        return len(schedule.evaluate_tick(context).run_requests or [])

    with dg.instance_for_test() as instance:
        assert asked(instance) == 1
        run = create_run_for_test(
            instance, job_name="freshness", status=dg.DagsterRunStatus.STARTED
        )
        assert asked(instance) == 0
        instance.report_run_failed(run)
        assert asked(instance) == 1


def test_runs_for_real(platform: Platform) -> None:
    """Fetched and rebuilt by real runs; the check's own run warns, and fails nothing."""
    platform.x.client.recent = dt.timedelta(days=1)
    watch = Watch({"x": (dt.timedelta(days=1),)})
    platform.resources["watch"] = watch

    with freeze_time(NOW):
        platform.fetch(*platform.due())
    assert {v.table for v in freshness_now(platform.instance, platform.lake, watch, NOW)
            if v.fresh} == {BATCH_POSTS}  # fmt: skip
    with freeze_time(NOW + HOUR / 4):
        platform.rebuild(YESTERDAY, TODAY)
    verdicts = freshness_now(platform.instance, platform.lake, watch, NOW + HOUR)
    assert {v.sentence for v in verdicts if not v.fresh} == set()
    assert verdicts[0].age == HOUR * 1.5
    assert {v.made_at for v in verdicts[1:]} == {NOW + HOUR / 4}
    # The run's clock is the machine's, for which all of this is long ago.
    result = platform.run("freshness", [])
    assert result.success, failures(result)
    found = {e.asset_key.to_user_string(): e for e in result.get_asset_check_evaluations()}
    assert {e.check_name for e in found.values()} == {check_name("x")}, "nobody else is watched"
    assert found.keys() == {*JUDGED}
    assert not any(evaluation.passed for evaluation in found.values())
    assert {e.severity for e in found.values()} == {dg.AssetCheckSeverity.WARN}
    assert found[POSTS].metadata["cause"].value == BATCH_POSTS


def test_posts_that_are_about_to_be_lost_are_an_error(story: Story) -> None:
    late, lost = (
        check_result(replace(story.look()[0], fresh=False, grave=grave)) for grave in (False, True)
    )
    assert (late.severity, lost.severity) == (
        dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR,
    )  # fmt: skip


def test_rebuilds_leave_it_out_and_a_materialization_by_hand_bears_it(platform: Platform) -> None:
    """The UI runs every check of what is materialized, this one for no partition, too."""
    platform.x.client.recent = dt.timedelta(days=1)
    platform.resources["watch"] = Watch({"x": (dt.timedelta(days=1),)})
    platform.fetch(TODAY)
    done = platform.rebuild(TODAY)
    assert not any(e.check_name == check_name("x") for e in done.get_asset_check_evaluations())
    both = (POSTS, "silver/quarantine")
    by_hand = platform.run("__ASSET_JOB", [TODAY], assets=[asset_key(t) for t in both])
    assert by_hand.success, failures(by_hand)
    names = {e.check_name for e in by_hand.get_asset_check_evaluations()}
    assert {check_name("x"), "conservation"} <= names
