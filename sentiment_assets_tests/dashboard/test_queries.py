import datetime as dt

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from dashboard import queries
from dashboard.queries import Selection
from dashboard.stores import LakeStore
from resources.settings import read_settings
from sentiment_assets.core.contracts import (
    DAILY_SUMMARY,
    DAILY_TREND,
    HOURLY_SENTIMENT,
    TOPIC_SENTIMENT,
)

UTC = dt.timezone.utc
WEEK = Selection(dt.date(2026, 11, 17), dt.date(2026, 11, 23), "x")
NIMBUS = Selection(WEEK.first, WEEK.last, "x", "nimbus")


def in_week(rows):
    return rows.filter(pl.col("date").is_between(WEEK.first, WEEK.last))


def test_available(store):
    known = queries.available(store)
    assert known.days[0] == dt.date(2026, 11, 14)
    assert known.days[-1] == dt.date(2026, 11, 23)
    assert len(known.days) == 10
    assert known.platforms == ("x",)
    age = dt.datetime.now(UTC) - known.written_at
    assert dt.timedelta() <= age < dt.timedelta(hours=1)


def test_nothing_is_available_before_the_first_gold(tmp_path):
    store = LakeStore(read_settings({}, home=tmp_path).open_lake())
    assert queries.available(store) is None
    assert queries.series(store, WEEK).is_empty()
    assert queries.topics(store, WEEK).is_empty()
    assert queries.hashtags(store, WEEK).is_empty()
    assert queries.health(store, WEEK).sums["posts"] == 0


def test_series_by_hour_has_every_hour_and_the_figures_of_gold(store, tables):
    series = queries.series(store, WEEK)
    hours = series["start"]
    assert hours[0] == dt.datetime(2026, 11, 17, tzinfo=UTC)
    assert hours[-1] == dt.datetime(2026, 11, 23, 14, tzinfo=UTC)
    assert hours.diff().drop_nulls().unique().to_list() == [dt.timedelta(hours=1)]
    stored = in_week(tables[HOURLY_SENTIMENT]).rename({"hour": "start"})
    kept = series.join(stored.select("start"), on="start", how="semi")
    assert_frame_equal(kept.drop("end"), stored.select(kept.drop("end").columns))


def test_series_says_what_was_not_fetched_and_what_is_hidden(store):
    series = queries.series(store, WEEK)
    unfetched = series.filter(pl.col("fetched_share") < 1)
    assert unfetched["start"].dt.strftime("%d %H").to_list() == ["22 04", "22 05"]
    assert unfetched["posts"].null_count() == 2
    hidden = series.filter("suppressed")
    # The quiet hour, and another one without which it could be had by subtraction.
    assert dt.datetime(2026, 11, 21, 3, tzinfo=UTC) in hidden["start"]
    assert hidden.height == 2
    assert hidden["sentiment_mean"].null_count() == 2


@pytest.mark.parametrize(
    ("selection", "unit"),
    [
        (WEEK, "hour"),
        (NIMBUS, "day"),
        (Selection(dt.date(2026, 11, 1), dt.date(2026, 11, 14), "x"), "hour"),
        (Selection(dt.date(2026, 11, 1), dt.date(2026, 11, 15), "x"), "day"),
    ],
)
def test_topics_and_long_ranges_go_by_day(selection, unit):
    assert selection.unit == unit


def test_series_of_a_topic_by_day(store, tables):
    series = queries.series(store, NIMBUS)
    stored = in_week(tables[TOPIC_SENTIMENT]).filter(topic_kind="tracked", topic="nimbus")
    assert series["posts"].to_list() == stored["posts"].to_list()
    assert series["start"].dt.date().to_list() == stored["date"].to_list()
    assert (series["end"] - series["start"]).unique().to_list() == [dt.timedelta(days=1)]


@pytest.mark.parametrize("selection", [WEEK, NIMBUS])
def test_days_carry_their_comparison(store, tables, selection):
    rows = queries.days(store, selection)
    trend = in_week(tables[DAILY_TREND]).filter(topic=selection.topic).sort("date")
    for column in ("date", "sentiment_mean", "scored", "trailing_scored", "change", "change_z"):
        assert rows[column].to_list() == trend[column].to_list(), column


def test_topics_are_of_the_newest_day(store, tables):
    rows = queries.topics(store, WEEK)
    newest = tables[DAILY_TREND].filter(pl.col("date") == WEEK.last, pl.col("topic") != "all")
    assert set(rows["topic"]) == set(newest["topic"])
    assert rows["posts"].drop_nulls().is_sorted(descending=True)
    assert rows.filter("suppressed")["sentiment_mean"].is_null().all()


def test_hashtags_add_up_over_the_days(store, tables):
    rows = queries.hashtags(store, WEEK, limit=3)
    assert rows.height == 3
    first = rows.row(0, named=True)
    cells = in_week(tables[TOPIC_SENTIMENT]).filter(topic_kind="hashtag", topic=first["topic"])
    assert first["posts"] == cells["posts"].sum()
    assert first["scored"] == cells["scored"].sum()
    assert first["days"] == cells.height
    weighted = (cells["sentiment_mean"] * cells["scored"]).sum() / cells["scored"].sum()
    assert first["sentiment_mean"] == pytest.approx(weighted)


def test_health(store, tables):
    health = queries.health(store, WEEK)
    stored = in_week(tables[DAILY_SUMMARY])
    assert (health.days, health.days_asked, health.recipes) == (7, 7, 2)
    assert health.scorers == ("vader 3.3.2",)
    assert health.fetched_share == pytest.approx((5 + 22 / 24 + 15 / 24) / 7)
    assert health.sums["windows_complete"] == 5 * 12 + 11 + 7
    assert health.sums["windows_partial"] == 1
    assert health.sums["windows_unavailable"] == 1
    assert health.sums["quarantined"] == 3
    assert health.sums["hidden_hours"] == 2
    for column in ("posts", "duplicates", "redacted", "late", "unscored_no_text"):
        assert health.sums[column] == stored[column].sum() > 0, column
    hidden = in_week(tables[TOPIC_SENTIMENT]).filter("suppressed")
    assert health.hidden_topics == hidden.height > 0


def test_days_without_gold_lower_the_fetched_share(store):
    health = queries.health(store, Selection(dt.date(2026, 11, 13), dt.date(2026, 11, 14), "x"))
    assert (health.days, health.days_asked, health.fetched_share) == (1, 2, 0.5)


def test_only_the_days_and_platform_asked_for(store):
    day = Selection(dt.date(2026, 11, 18), dt.date(2026, 11, 18), "x")
    assert queries.days(store, day)["date"].to_list() == [day.first]
    assert queries.days(store, Selection(day.first, day.last, "facebook")).is_empty()


def test_a_new_version_is_seen_at_once(tmp_path, tables, write_gold):
    lake = read_settings({}, home=tmp_path).open_lake()
    day = Selection(dt.date(2026, 11, 18), dt.date(2026, 11, 18), "x")
    rows = tables[DAILY_TREND].filter(pl.col("date") == day.first)
    write_gold(lake, DAILY_TREND, rows)
    before = queries.tracked_topics(LakeStore(lake), day)
    write_gold(lake, DAILY_TREND, rows.filter(pl.col("topic") != before[0]))
    assert queries.tracked_topics(LakeStore(lake), day) == before[1:]


def test_pools_name_the_finest_figures_of_hidden_days(quiet_store):
    week = Selection(dt.date(2026, 11, 17), dt.date(2026, 11, 23), "x")
    rows = queries.pools(quiet_store, week).sort("topic", "date")
    told = rows.select(pl.col("date").dt.day(), "topic", "grain", "posts").rows()
    assert told == [
        (18, "all", "week", 16),
        (20, "all", "week", 16),
        (22, "all", "week", 16),
        # Written by the Sunday that closes November.
        (23, "all", "month", 13),
        (17, "pricing", "week", 12),
        (19, "pricing", "week", 12),
        (21, "pricing", "week", 12),
    ]
    assert [day.day for day in rows["days"][0]] == [16, 18, 20, 22]
    hidden = queries.days(quiet_store, week).filter("suppressed")["date"]
    assert set(rows.filter(topic="all")["date"]) == set(hidden)
