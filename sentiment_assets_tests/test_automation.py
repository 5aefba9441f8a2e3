"""The 2-hourly clock against the simulator: which dates each tick asks for."""

from __future__ import annotations

import datetime as dt
import itertools
import time
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import freeze_time
from dagster._utils.schedules import cron_string_iterator

from sentiment_assets.automation import every_two_hours
from sentiment_assets.core.coverage import WindowCoverage
from sentiment_assets.core.layout import WINDOW_LENGTH, PostPartition
from sentiment_assets.lake.bronze import read_partition
from sentiment_assets_tests.local_platform import (
    NOW,
    TODAY,
    YESTERDAY,
    Platform,
    bronze_envelopes,
    day,
    events_of,
    failures,
)
from sentiment_assets_tests.simulated import UTC

FRIDAY, SATURDAY = day("2026-02-06"), day("2026-02-07")
HOUR = dt.timedelta(hours=1)


def evaluate(platform: Platform, now: dt.datetime) -> Any:
    """The schedule's tick, with the resources of the definitions."""
    definitions = platform.definitions
    context = dg.build_schedule_context(
        instance=platform.instance,
        scheduled_execution_time=now,
        resources={
            "lake": platform.lake,
            "clients": {"x": platform.x.client},
            "tracking": platform.settings.read_tracking(),
            "catch_up_days": platform.settings.catch_up_days,
        },
        repository_def=definitions.get_repository_def(),
    )
    return definitions.resolve_schedule_def("every_two_hours").evaluate_tick(context)


def tick(platform: Platform, now: dt.datetime) -> list[PostPartition]:
    """Evaluate the schedule and carry out what it asks for, as the daemon does."""
    platform.x.travel(now)
    data = evaluate(platform, now)
    asked = []
    for request in data.run_requests or []:
        assert request.tags["sentiment/platform"] == "x"
        assert platform.carry_out(request, "fetch").success
        asked.append(PostPartition.from_key(str(request.partition_key)))
    assert bool(asked) != bool(data.skip_message)
    return asked


def coverage(platform: Platform, *partitions: PostPartition) -> list[WindowCoverage]:
    return [
        covered
        for partition in partitions
        for covered in read_partition(platform.lake, partition).coverage.values()
    ]


def test_the_first_tick_asks_for_all_that_x_still_gives(platform: Platform) -> None:
    asked = tick(platform, NOW)
    days = [PostPartition(TODAY.date - dt.timedelta(days=back), "x") for back in range(7, -1, -1)]
    assert asked == days
    for covered in coverage(platform, *days):
        if covered.window.end <= NOW - platform.x.client.recent:
            assert covered.state == "unavailable"
            assert "full-archive search" in covered.reason
        elif covered.window.start <= NOW - platform.x.client.recent:
            assert covered.state == "partial"
        elif covered.window.end <= NOW:
            assert covered.state == "complete", covered
        elif covered.window.start < NOW:
            assert covered.state == "partial"
        else:
            assert covered.state is None


def test_ticks_of_a_day_ask_for_what_is_open(platform: Platform) -> None:
    platform.x.client.recent = dt.timedelta(hours=12)
    evening = NOW.replace(hour=20, minute=5)
    assert tick(platform, evening) == [TODAY]
    assert tick(platform, evening + 2 * HOUR) == [TODAY]
    # The day's last window has ended; the new day's first one is open.
    assert tick(platform, evening + 4 * HOUR) == [TODAY, FRIDAY]
    # Thursday's last window is asked for once more, for late and changed posts.
    assert tick(platform, evening + 6 * HOUR) == [TODAY, FRIDAY]
    assert tick(platform, evening + 8 * HOUR) == [FRIDAY]
    assert {c.state for c in coverage(platform, TODAY)[5:]} == {"complete"}


def test_an_outage_of_26_hours_leaves_no_hole(platform: Platform) -> None:
    platform.x.client.recent = dt.timedelta(hours=40)
    before = NOW.replace(hour=20, minute=5)
    tick(platform, before)
    after = before + 26 * HOUR
    platform.x.travel(after)
    late = platform.x.post("nimbus was down all night", before + 3 * HOUR, username="night_owl")
    assert tick(platform, after) == [TODAY, FRIDAY]
    for covered in coverage(platform, TODAY, FRIDAY):
        in_reach = covered.window.start > before - platform.x.client.recent + WINDOW_LENGTH
        if in_reach and covered.window.end <= after:
            assert covered.state == "complete", covered
    ids = {envelope["payload"]["data"]["id"] for envelope in bronze_envelopes(platform.lake)}
    assert late in ids


def test_a_window_that_broke_off_is_asked_for_again(platform: Platform) -> None:
    platform.x.client.recent = dt.timedelta(hours=12)
    platform.x.travel(NOW)
    platform.x.fault("dead_token", after=3, times=1)
    assert not platform.run("fetch", [TODAY]).success
    assert [c.state for c in coverage(platform, TODAY)].count("partial") >= 1
    assert platform.due() == [TODAY]
    tick(platform, NOW + 24 * HOUR)
    ended = [c for c in coverage(platform, TODAY) if c.window.start > NOW - 11 * HOUR]
    assert {c.state for c in ended if c.window.end > NOW + 12 * HOUR} <= {"complete"}


@pytest.mark.parametrize(
    ("now", "skipped"),
    [(NOW.replace(year=2025), True), (NOW.replace(month=1, day=1, hour=1), False)],
)
def test_dates_before_the_first_partition_are_not_asked_for(
    platform: Platform, now: dt.datetime, skipped: bool
) -> None:
    platform.x.travel(now)
    assert platform.due() == ([] if skipped else [day("2026-01-01")])


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Apia", "Asia/Kolkata"])
@pytest.mark.parametrize("changes", ["2026-03-08", "2026-11-01"])
def test_a_machine_in_another_zone_ticks_and_asks_in_utc(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, zone: str, changes: str
) -> None:
    """Days on which New York's clocks change, where an hour is missing or comes twice."""
    midnight = dt.datetime.combine(dt.date.fromisoformat(changes), dt.time(), UTC)
    platform.x.client.recent = dt.timedelta(hours=30)
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        moments = list(itertools.islice(ticks_from(midnight), 24))
        assert moments == [midnight + HOUR * (2 * n) + dt.timedelta(minutes=5) for n in range(24)]
        for moment in (moments[0], moments[3], moments[5]):
            platform.x.travel(moment)
            days = {(moment - dt.timedelta(hours=back)).date() for back in (0, 24, 29)}
            assert [partition.date for partition in platform.due()] == sorted(days)
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


def ticks_from(moment: dt.datetime) -> Iterator[dt.datetime]:
    """When the daemon evaluates the schedule, by Dagster's own reading of it."""
    found = cron_string_iterator(
        moment.timestamp(), str(every_two_hours.cron_schedule), every_two_hours.execution_timezone
    )
    return (tick.astimezone(UTC) for tick in found)


@pytest.mark.parametrize(
    ("now", "asked"),
    [
        ("2026-03-01T00:05", ["2026-02-28", "2026-03-01"]),
        ("2028-02-29T00:05", ["2028-02-28", "2028-02-29"]),
        ("2028-03-01T00:05", ["2028-02-29", "2028-03-01"]),
        ("2028-03-01T22:05", ["2028-03-01"]),
        ("2027-01-01T02:05", ["2026-12-31", "2027-01-01"]),
        ("2026-05-01T00:05", ["2026-04-30", "2026-05-01"]),
    ],
)
def test_ends_of_months_and_years_and_the_leap_day(
    platform: Platform, now: str, asked: list[str]
) -> None:
    """Each is fetched into a partition of its own date, and its last window becomes whole."""
    moment = dt.datetime.fromisoformat(now).replace(tzinfo=UTC)
    platform.x.client.recent = dt.timedelta(hours=11)
    with freeze_time(moment):
        assert tick(platform, moment) == [day(date) for date in asked]
    if len(asked) == 2:
        newest_of_before = coverage(platform, day(asked[0]))[-1]
        assert (newest_of_before.window.name, newest_of_before.state) == ("2200", "complete")
    assert {c.state for c in coverage(platform, day(asked[-1])) if c.window.end > moment} <= {
        "partial", None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("off", "says"),
    [
        pytest.param(dt.timedelta(days=1), "24 h 0 min ahead of", id="ahead"),
        pytest.param(dt.timedelta(days=-1), "24 h 0 min behind", id="behind"),
        pytest.param(dt.timedelta(minutes=30), "0 h 30 min ahead of", id="half an hour"),
    ],
)
def test_a_clock_that_is_wrong_fetches_nothing_and_says_so(
    platform: Platform, off: dt.timedelta, says: str
) -> None:
    platform.x.client.recent = dt.timedelta(hours=30)
    platform.x.travel(NOW)
    # Only this machine's: the API keeps the right time.
    platform.x.now = NOW + off
    for partition in platform.due():
        result = platform.run("fetch", [partition])
        assert not result.success
        told = " ".join(line for lines in failures(result).values() for line in lines)
        assert f"this machine's clock is {says} the API's" in told
        assert "timedatectl set-ntp true" in told
        assert "fetch_posts" not in events_of(result, "STEP_UP_FOR_RETRY")
    assert platform.lake.objects.list("bronze") == []
    # Right again, all is fetched, and nothing of tomorrow.
    assert tick(platform, NOW) == [YESTERDAY, TODAY]
    for covered in coverage(platform, YESTERDAY, TODAY):
        assert covered.state != "complete" or covered.window.end <= NOW
    within = [c for c in coverage(platform, YESTERDAY, TODAY) if c.window.end <= NOW]
    assert {c.state for c in within if c.window.start > NOW - 28 * HOUR} == {"complete"}


def test_a_clock_a_little_off_is_no_reason_to_stop(platform: Platform) -> None:
    platform.x.client.recent = dt.timedelta(hours=12)
    platform.x.travel(NOW)
    platform.x.now = NOW - dt.timedelta(minutes=4)
    assert platform.run("fetch", [TODAY]).success


def test_run_keys_let_one_tick_start_each_date_once(platform: Platform) -> None:
    platform.x.client.recent = dt.timedelta(hours=30)
    first, second = (
        [request.run_key for request in evaluate(platform, NOW).run_requests or []]
        for _ in range(2)
    )
    assert first == second
    assert len({*first}) == len(first) == 2


def test_the_clock() -> None:
    assert every_two_hours.cron_schedule == "5 */2 * * *"
    assert every_two_hours.execution_timezone == "UTC"
    assert every_two_hours.default_status == dg.DefaultScheduleStatus.RUNNING
