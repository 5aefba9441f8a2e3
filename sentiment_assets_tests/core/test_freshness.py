"""Verdicts over made-up facts: what is late, what explains it, what is about to be lost.

Hours are counted from 2026-11-23 00:00 UTC: 8 is 08:00, 26 is 02:00 of the day after.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_assets.core.coverage import CAPPED, State, WindowCoverage
from sentiment_assets.core.deadlines import Deadline, Deadlines
from sentiment_assets.core.freshness import (
    JUDGED,
    READS,
    Facts,
    Fetched,
    Freshness,
    Made,
    Watch,
    holes_in,
    judge,
    watermark_of,
)
from sentiment_assets.core.layout import BATCH_POSTS, PostPartition, Window, windows_of

UTC = dt.timezone.utc
MIDNIGHT = dt.datetime(2026, 11, 23, tzinfo=UTC)
DATE = MIDNIGHT.date()
HOUR = dt.timedelta(hours=1)
WEEK = dt.timedelta(days=7)
POSTS, SUMMARY, TREND = "silver/posts", "gold/daily_summary", "gold/daily_trend"
POOLED, TOPICS = "gold/pooled_sentiment", "gold/topic_sentiment"
LANGUAGES, CALENDAR = "gold/language_sentiment", "gold/calendar_days"
#: Made of days and of their topics.
OF_TOPICS = ("gold/weekly_sentiment", "gold/topic_voice", "gold/rising_topics")
ONE = Watch({"x": (WEEK,)})


def at(hour: float) -> dt.datetime:
    return MIDNIGHT + hour * HOUR


def window(hour: int) -> Window:
    return Window.of(at(hour), "x")


def facts(
    watermark: float | None = 10, made: float | None = 10.2, holes: tuple[int, ...] = (),
    **waiting: float,
) -> Facts:  # fmt: skip
    """All tables made at one hour; ``waiting`` since an hour by table without its layer."""
    since = {table: waiting.get(table.partition("/")[2]) for table in READS}
    return Facts(
        Fetched(None if watermark is None else at(watermark), tuple(map(window, holes))),
        {
            table: Made(
                None if made is None else at(made), {} if hour is None else {DATE: at(hour)}
            )
            for table, hour in since.items()
        },
    )


def stale(found: Facts, hour: float, watch: Watch = ONE) -> dict[str, str | None]:
    """Stale tables -> what explains them."""
    return {v.table: v.cause for v in judge(watch, {"x": found}, at(hour)) if not v.fresh}


def of(table: str, found: Facts, hour: float, watch: Watch = ONE) -> Freshness:
    return next(v for v in judge(watch, {"x": found}, at(hour)) if v.table == table)


@pytest.mark.parametrize(
    ("hour", "late"),
    [
        pytest.param(10.1, False, id="just fetched"),
        pytest.param(12.2, False, id="the next tick is fetching"),
        pytest.param(13, False, id="at the deadline"),
        pytest.param(13.01, True, id="a tick was missed"),
        pytest.param(500, True, id="weeks"),
        pytest.param(9, False, id="the platform's clock is ahead"),
    ],
)
def test_bronze_is_as_old_as_its_newest_whole_window(hour: float, late: bool) -> None:
    verdict = of(BATCH_POSTS, facts(), hour)
    assert verdict.fresh is not late
    assert verdict.age == max(hour - 10, 0) * HOUR
    assert ("allowed are 3 h" in verdict.sentence) is late
    assert "2026-11-23 10:00 UTC" in verdict.sentence


#: Midnights with something about them: month and year ends, leap days, the days on which clocks
#: change in Europe and America.
MIDNIGHTS = [
    "2026-11-24", "2026-12-01", "2027-01-01", "2026-03-01", "2028-02-29", "2028-03-01",
    "2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01",
]  # fmt: skip


@pytest.mark.parametrize("date", MIDNIGHTS)
@pytest.mark.parametrize(
    ("minutes", "fresh"), [(0, True), (10, True), (59, True), (61, False), (125, False)]
)
def test_just_after_midnight_nothing_of_today_is_expected(
    date: str, minutes: int, fresh: bool
) -> None:
    """The tick before fetched up to 22:00; today's date has no window and no materialization."""
    midnight = dt.datetime.fromisoformat(date).replace(tzinfo=UTC)
    now = midnight + dt.timedelta(minutes=minutes)
    made = midnight - 1.8 * HOUR
    found = Facts(Fetched(midnight - 2 * HOUR), {table: Made(made) for table in READS})
    for zone in (UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")):
        verdicts = judge(ONE, {"x": found}, now.astimezone(zone))
        assert [verdict.fresh for verdict in verdicts] == [fresh] * len(JUDGED)
        assert verdicts[0].age == dt.timedelta(minutes=minutes) + 2 * HOUR


def test_what_lands_may_wait_for_its_deadline() -> None:
    found = facts(watermark=10, posts=10.1)
    assert stale(found, 11) == {}
    assert "news from upstream came 54 min ago" in of(POSTS, found, 11).sentence
    assert stale(found, 11.2) == {
        POSTS: None,
        "gold/hourly_sentiment": POSTS,
        TOPICS: POSTS,
        SUMMARY: POSTS,
        LANGUAGES: POSTS,
        **dict.fromkeys((TREND, POOLED, *OF_TOPICS, CALENDAR), SUMMARY),
    }
    assert of(POSTS, found, 11.2).age == pytest.approx(1.1 * HOUR, abs=dt.timedelta(seconds=1))


def test_a_table_of_two_names_the_one_that_is_late() -> None:
    assert stale(facts(topic_sentiment=10.1), 12) == {
        TOPICS: None,
        **dict.fromkeys((POOLED, *OF_TOPICS), TOPICS),
    }


def test_a_stale_chain_has_one_root() -> None:
    late = stale(facts(watermark=8), 11.5)
    assert late.pop(BATCH_POSTS) is None
    assert late.pop("silver/quarantine") == late.pop(POSTS) == BATCH_POSTS
    assert late == {
        **dict.fromkeys(("gold/hourly_sentiment", TOPICS, SUMMARY, LANGUAGES), POSTS),
        **dict.fromkeys((TREND, POOLED, *OF_TOPICS, CALENDAR), SUMMARY),
    }
    assert of(TREND, facts(watermark=8), 11.5).sentence == (
        "waits for gold/daily_summary, which is stale itself"
    )


def test_a_second_fault_is_a_root_of_its_own() -> None:
    """Bronze is late, and the summary left lying what had come: mending one is not enough."""
    late = stale(facts(watermark=8, daily_summary=8.5), 11.5)
    assert [table for table, cause in late.items() if cause is None] == [BATCH_POSTS, SUMMARY]


def test_a_date_that_is_stuck_upstream_is_not_the_table_s_own_fault() -> None:
    """A trend of that date compares with days that were made again; another's is its own fault."""
    other = DATE - dt.timedelta(days=1)
    for date, root in ((DATE, {POSTS}), (other, {POSTS, TREND})):
        found = facts(posts=10.1)
        made = {**found.made, TREND: Made(at(10), {date: at(10.5)})}
        late = stale(replace(found, made=made), 13)
        assert {table for table, cause in late.items() if cause is None} == root
        assert TREND in late
    # While silver may still be made, its being behind excuses nobody.
    assert stale(facts(watermark=10, posts=12.9, daily_trend=10.5), 13) == {TREND: None}


def test_never_made_is_stale() -> None:
    nothing = judge(ONE, {}, at(12))
    assert [(v.fresh, v.age) for v in nothing] == [(False, None)] * len(JUDGED)
    assert [v.table for v in nothing if v.cause is None] == [BATCH_POSTS]
    fetched_only = facts(watermark=10, made=None)
    assert [t for t, cause in stale(fetched_only, 10.1).items() if cause is None] == [
        "silver/quarantine", POSTS,
    ]  # fmt: skip
    assert "never made" in of(POSTS, fetched_only, 10.1).sentence


def test_a_quiet_platform_is_fresh() -> None:
    """Fetched whole and nothing came: nothing waits, though silver's rows are days old."""
    assert stale(facts(watermark=250, made=10), 251) == {}


def test_only_what_is_watched_is_judged() -> None:
    known = {"x": facts(), "facebook": facts(watermark=None)}
    assert {v.platform for v in judge(ONE, known, at(11))} == {"x"}
    assert judge(Watch({}), known, at(11)) == []


def test_deadlines_are_the_watch_s() -> None:
    patient = Deadlines((Deadline("bronze", 6 * HOUR, "x"), Deadline(TREND, 5 * HOUR)))
    watch = Watch({"x": (WEEK,)}, patient)
    assert stale(facts(), 15, watch) == {}
    assert stale(facts(daily_trend=10.5), 15, watch) == {}
    assert stale(facts(daily_trend=10.5), 15.6, watch) == {TREND: None}
    assert of(TREND, facts(), 15, watch).deadline == 5 * HOUR


@pytest.mark.parametrize(
    ("reaches", "hole", "hour", "grave", "said"),
    [
        pytest.param((WEEK,), 8, 24, False, "", id="time enough"),
        pytest.param((WEEK,), 8, 8 + 111, False, "", id="more than a third"),
        pytest.param((WEEK,), 8, 8 + 113, True, "for 2 d 6 h more", id="less than a third"),
        pytest.param((WEEK,), 8, 8 + 167, True, "for 55 min more", id="the last hour"),
        pytest.param((WEEK,), 8, 8 + 169, True, "no more", id="gone"),
        pytest.param((24 * HOUR, 730 * 24 * HOUR), 8, 8 + 17, True, "for 6 h 55 min more",
                     id="of one source of two"),
        pytest.param((), 8, 8 + 167, False, "", id="nobody knows the reach"),
    ],
)  # fmt: skip
def test_a_hole_near_the_end_of_the_reach_is_worse_than_late(
    reaches: tuple[dt.timedelta, ...], hole: int, hour: float, grave: bool, said: str
) -> None:
    """Though everything newer was fetched; and what is made of it is as fresh as ever."""
    watch = Watch({"x": reaches})
    found = facts(watermark=hour - 1, holes=(hole,))
    assert stale(found, hour, watch) == ({BATCH_POSTS: None} if grave else {})
    verdict = of(BATCH_POSTS, found, hour, watch)
    assert verdict.grave is grave
    assert not verdict.late
    if grave:
        assert f"the API gives that of 2026-11-23 08:00 UTC {said}" in verdict.sentence


def test_before_the_first_fetch_there_is_no_hole() -> None:
    assert not of(BATCH_POSTS, facts(watermark=None, holes=(8,)), 8 + 160).grave


def covered(
    hour: int, state: State | None, until: float | None, reason: str = ""
) -> WindowCoverage:
    reached = None if until is None else at(until)
    return WindowCoverage(window(hour), state, reached and at(hour), reached, None, reached, reason)


@pytest.mark.parametrize(
    ("one", "watermark", "hole"),
    [
        pytest.param(covered(8, "complete", 10), 10, False, id="whole"),
        pytest.param(covered(8, "partial", 9), None, True, id="broken off"),
        pytest.param(covered(8, "partial", None, CAPPED), 10, False, id="cut short as wished"),
        pytest.param(covered(8, "partial", 10), 10, False, id="without a source that can't"),
        pytest.param(covered(8, None, None), None, True, id="never asked for"),
        pytest.param(covered(12, "partial", 13), None, False, id="still open"),
        pytest.param(covered(-160, None, None), None, False, id="never asked for, out of reach"),
        pytest.param(covered(-160, "unavailable", None), None, False, id="came too late"),
        pytest.param(covered(-160, "partial", -159), None, True, id="begun, now out of reach"),
    ],
)
def test_watermark_and_holes_of_bronze(
    one: WindowCoverage, watermark: float | None, hole: bool
) -> None:
    now = at(13)
    assert watermark_of([one]) == (None if watermark is None else at(watermark))
    assert [*holes_in([one], WEEK, now)] == ([one.window] if hole else [])


def test_windows_of_a_day_in_order() -> None:
    whole = [
        WindowCoverage(w, "complete", w.start, w.end, w.end, w.end)
        for w in windows_of(PostPartition(MIDNIGHT.date(), "x"))
    ]
    assert watermark_of(reversed(whole)) == at(24)


hours = st.floats(-200, 200)
instants = st.none() | st.builds(at, hours)
anything = st.builds(
    lambda watermark, holes, tables: Facts(
        Fetched(watermark, tuple(map(window, holes))), dict(zip(READS, tables, strict=True))
    ),
    instants,
    st.lists(st.integers(-200, 100), max_size=3),
    st.tuples(
        *[
            st.builds(
                Made,
                instants,
                st.dictionaries(st.dates(DATE, DATE + dt.timedelta(days=1)), st.builds(at, hours)),
            )
        ]
        * len(READS)
    ),
)


@settings(max_examples=80, deadline=None)
@given(anything, hours, st.floats(0, 300))
def test_without_news_nothing_becomes_fresh(found: Facts, hour: float, later: float) -> None:
    assert stale(found, hour).keys() <= stale(found, hour + later).keys()


@settings(max_examples=80, deadline=None)
@given(anything, anything, hours)
def test_a_live_platform_hides_no_dead_one(dead: Facts, live: Facts, hour: float) -> None:
    both = Watch({"x": (WEEK,), "facebook": (52 * WEEK,)})
    alone = judge(ONE, {"x": dead}, at(hour))
    together = judge(both, {"x": dead, "facebook": live}, at(hour))
    assert [v for v in together if v.platform == "x"] == alone
    assert len(together) == 2 * len(JUDGED)


@settings(max_examples=80, deadline=None)
@given(anything, hours)
def test_every_stale_table_has_a_root(found: Facts, hour: float) -> None:
    verdicts = {v.table: v for v in judge(ONE, {"x": found}, at(hour))}
    for verdict in verdicts.values():
        if verdict.cause is not None:
            assert not verdict.fresh
            assert verdict.cause in READS[verdict.table]
            assert verdicts[verdict.cause].late
        if verdict.late:
            assert not verdict.fresh
            below = [v for t, v in verdicts.items() if verdict.table in READS.get(t, ())]
            assert not any(v.fresh for v in below), "what is made of it is stale too"


@settings(max_examples=50, deadline=None)
@given(anything, hours, st.floats(1, 50))
def test_more_patience_makes_nothing_stale(found: Facts, hour: float, more: float) -> None:
    patient = Deadlines(
        tuple(Deadline(layer, (3 + more) * HOUR) for layer in ("bronze", "silver", "gold"))
    )
    watch = replace(ONE, deadlines=patient)
    assert stale(found, hour, watch).keys() <= stale(found, hour).keys()
