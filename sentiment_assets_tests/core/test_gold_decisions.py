"""Gold for decisions by hand: languages, weeks, voices, what rises, and the calendar."""

from __future__ import annotations

import datetime as dt
import math
import random
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import polars as pl
import pytest

from sentiment_assets.core.contracts import (
    BRANDS,
    CALENDAR,
    CALENDAR_DAYS,
    DAILY_SUMMARY,
    HOLIDAYS,
    LANGUAGE_SENTIMENT,
    MARKETS,
    RISING_TOPICS,
    TOPIC_SENTIMENT,
    TOPIC_VOICE,
    WEEKLY_SENTIMENT,
    Contract,
)
from sentiment_assets.core.gold_calendar import Kept, calendar_days
from sentiment_assets.core.gold_languages import language_sentiment
from sentiment_assets.core.gold_rising import rising_topics
from sentiment_assets.core.gold_voice import topic_voice
from sentiment_assets.core.gold_weeks import weekly_sentiment
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.reference import rows_of
from sentiment_assets_tests.core.test_gold import (
    WHOLE,
    assert_contract,
    coverage,
    frame,
    post,
)

#: A Thursday.
DAY = PostPartition(dt.date(2026, 11, 26), "x")


def back(days: int) -> dt.date:
    return DAY.date - dt.timedelta(days=days)


def typed(contract: Contract, rows: Iterable[dict[str, Any]]) -> pl.LazyFrame:
    empty = pl.DataFrame(pl.from_arrow(contract.schema.empty_table()))
    return pl.DataFrame(list(rows), schema=empty.schema, orient="row").lazy()


def cell(date: dt.date, compounds: Sequence[float] = (), **more: Any) -> dict[str, Any]:
    """Published figures of a day or of a topic's day, all posts scored, weight 2 each."""
    units = [round(c * 10_000) for c in compounds]
    known = {
        "date": date,
        "platform": "x",
        "posts": len(units),
        "authors": len(units),
        "scored": len(units),
        "positive": sum(u >= 500 for u in units),
        "neutral": sum(abs(u) < 500 for u in units),
        "negative": sum(u <= -500 for u in units),
        "sentiment_sum": sum(units),
        "sentiment_square_sum": sum(u * u for u in units),
        "sentiment_mean": sum(units) / len(units) / 10_000 if units else None,
        "engagement_weight": 2 * len(units),
        "engagement_sentiment_sum": 2 * sum(units),
        "engagement_sentiment_mean": sum(units) / len(units) / 10_000 if units else None,
        "fetched_share": 1.0,
        "suppressed": False,
        "recipes": ["r1"],
        "scorers": ["vader 3.3.2"],
        "topic_kind": "tracked",
    }
    return known | more


def hidden(date: dt.date, **more: Any) -> dict[str, Any]:
    told = ("date", "platform", "fetched_share", "suppressed", "recipes", "scorers", "topic_kind")
    return {n: v for n, v in cell(date).items() if n in told} | {"suppressed": True} | more


def days_and_topics(
    days: Iterable[dict[str, Any]], topics: Iterable[dict[str, Any]]
) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    def without(rows: Iterable[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
        return [{n: v for n, v in row.items() if n not in names} for row in rows]

    return (
        typed(DAILY_SUMMARY, without(days, "topic_kind", "topic")),
        typed(TOPIC_SENTIMENT, without(topics, "recipes", "scorers")),
    )


# Languages


def languages(rows: Sequence[dict[str, Any]], least: int = 3) -> dict[str, dict[str, Any]]:
    posts = frame(rows).with_columns(lang=pl.Series([row["lang"] for row in rows], dtype=pl.String))
    found = language_sentiment(posts.lazy(), coverage(*WHOLE), least)
    assert_contract(found, LANGUAGE_SENTIMENT)
    return {row["lang"]: row for row in found.iter_rows(named=True)}


def spoken(lang: str | None, size: int, compound: float | None = None) -> list[dict[str, Any]]:
    return [post(f"{lang}{n}", compound=compound, lang=lang) for n in range(size)]


def test_languages_share_out_a_day() -> None:
    found = languages([*spoken("en", 5, 0.5), *spoken("de", 4), *spoken(None, 3)])
    assert {lang: row["posts"] for lang, row in found.items()} == {"en": 5, "de": 4, "unknown": 3}
    assert (found["en"]["sentiment_mean"], found["de"]["sentiment_mean"]) == (0.5, None)
    assert found["en"]["fetched_share"] == 1.0


@pytest.mark.parametrize(
    ("rows", "hides"),
    [
        ([*spoken("en", 9, 0.5), *spoken("de", 4), *spoken("xh", 2)], {"xh", "en"}),
        ([*spoken("en", 9), *spoken("de", 4), *spoken("xh", 2)], {"xh", "de"}),
        ([*spoken("en", 9), *spoken("zu", 2), *spoken("xh", 2)], {"xh", "zu"}),
        ([*spoken("en", 9), *spoken("de", 4)], set()),
        # Shown neither: the day itself is of too few.
        ([*spoken("en", 1), *spoken("de", 1)], {"en", "de"}),
    ],
)
def test_no_language_is_had_by_subtraction(rows: list[dict[str, Any]], hides: set[str]) -> None:
    found = languages(rows)
    assert {lang for lang, row in found.items() if row["suppressed"]} == hides
    assert all(found[lang]["posts"] is None for lang in hides)


# Weeks


def week(
    days: Iterable[dict[str, Any]], topics: Iterable[dict[str, Any]] = ()
) -> dict[str, dict[str, Any]]:
    found = weekly_sentiment(*days_and_topics(days, topics), [DAY])
    assert_contract(found, WEEKLY_SENTIMENT)
    return {row["topic"]: row for row in found.iter_rows(named=True)}


def test_a_week_to_date_by_hand() -> None:
    """Thursday: Monday to Thursday count, and Monday to Sunday before."""
    rng = random.Random(1)
    of_day = {n: [round(rng.uniform(-1, 1), 4) for _ in range(20)] for n in range(12)}
    found = week([cell(back(n), of_day[n]) for n in of_day])["all"]
    now = [c for n in range(4) for c in of_day[n]]
    before = [c for n in range(4, 11) for c in of_day[n]]
    assert (found["week_start"], found["days_shown"], found["days_hidden"]) == (back(3), 4, 0)
    assert (found["posts"], found["previous_scored"]) == (80, 140)
    assert found["sentiment_mean"] == pytest.approx(statistics.mean(now))
    assert found["previous_mean"] == pytest.approx(statistics.mean(before))
    squared = statistics.variance(now) / 80
    assert found["sentiment_standard_error"] == pytest.approx(squared**0.5)
    z = found["change"] / (squared + statistics.variance(before) / 140) ** 0.5
    assert found["change_z"] == pytest.approx(z)
    assert found["fetched_share"] == 1.0


def test_a_week_of_hidden_and_of_missing_days() -> None:
    days = [cell(back(0), [0.5] * 3), hidden(back(1)), cell(back(3), [0.1], fetched_share=0.5)]
    topics = [hidden(back(0), topic="outage"), cell(back(1), [0.2, 0.4], topic="launch")]
    found = week(days, topics)
    everything = found["all"]
    assert (everything["days_shown"], everything["days_hidden"]) == (2, 1)
    assert (everything["posts"], everything["previous_scored"]) == (4, None)
    # One day whole, one hidden but fetched, one half, one that was never made.
    assert everything["fetched_share"] == pytest.approx(2.5 / 4)
    assert everything["change_z"] is None
    outage = found["outage"]
    assert (outage["days_shown"], outage["days_hidden"], outage["posts"]) == (0, 1, None)
    assert (found["launch"]["days_shown"], found["launch"]["posts"]) == (1, 2)
    other = [cell(back(5), [0.5], scorers=["textblob 1"]), *days]
    assert week(other)["all"]["scorers"] == ["textblob 1", "vader 3.3.2"]


# Voice

OWN = {"brand": "Nimbus", "company": "N", "category": "cloud", "own": True}
BRAND_ROWS = [
    {"topic": "nimbus", **OWN},
    {"topic": "stratus", **OWN, "brand": "Stratus", "own": False},
]


def voices(
    topics: Iterable[dict[str, Any]], days: Iterable[dict[str, Any]] = (), brands: Any = BRAND_ROWS
) -> dict[str, dict[str, Any]]:
    found = topic_voice(*days_and_topics(days, topics), typed(BRANDS, brands), [DAY])
    assert_contract(found, TOPIC_VOICE)
    return {row["topic"]: row for row in found.iter_rows(named=True)}


def test_shares_of_voice_by_hand() -> None:
    today = [
        cell(back(0), [0.5] * 30, topic="nimbus"),
        cell(back(0), [0.1] * 10, topic="stratus"),
        cell(back(0), [0.0] * 60, topic="pricing", engagement_weight=900),
        hidden(back(0), topic="outage"),
    ]
    before = [
        *(cell(back(n), [0.0] * 20, topic="nimbus") for n in (1, 3)),
        *(cell(back(n), [0.0] * 60, topic="pricing") for n in (1, 3)),
        # Not against days of which nothing is known of the topic, nor older ones.
        cell(back(2), [0.0] * 500, topic="pricing"),
        hidden(back(2), topic="nimbus"),
        cell(back(8), [0.0] * 500, topic="nimbus"),
    ]
    found = voices([*today, *before], [cell(back(0), [0.0] * 120)])
    nimbus, outage = found["nimbus"], found["outage"]
    assert (nimbus["voice_share"], nimbus["category_share"]) == (0.3, 0.75)
    assert (nimbus["day_share"], nimbus["engagement_share"]) == (30 / 120, 60 / 980)
    assert (nimbus["voice_topics"], nimbus["hidden_topics"]) == (3, 1)
    assert (nimbus["brand"], nimbus["own"], found["stratus"]["own"]) == ("Nimbus", True, False)
    assert (found["pricing"]["brand"], found["pricing"]["category_share"]) == (None, None)
    assert (nimbus["trailing_days"], nimbus["trailing_posts"]) == (2, 40)
    assert nimbus["trailing_voice_share"] == 40 / 160
    pooled = 70 / 260
    error = (pooled * (1 - pooled) * (1 / 100 + 1 / 160)) ** 0.5
    assert nimbus["voice_change_z"] == pytest.approx((0.3 - 0.25) / error)
    assert (outage["suppressed"], outage["posts"], outage["voice_share"]) == (True, None, None)


def test_voices_without_brands_days_or_a_past() -> None:
    [alone] = voices([cell(back(0), [0.5] * 3, topic="nimbus")], brands=[]).values()
    assert (alone["voice_share"], alone["brand"], alone["day_share"]) == (1.0, None, None)
    assert (alone["trailing_days"], alone["trailing_posts"], alone["voice_change_z"]) == (
        0,
        None,
        None,
    )
    [behind] = voices([cell(back(0), [0.5], topic="t")], [hidden(back(0))]).values()
    assert behind["day_share"] is None


# Rising


def rising(
    topics: Iterable[dict[str, Any]], days: Iterable[dict[str, Any]] | None = None, least: int = 10
) -> dict[str, dict[str, Any]]:
    known = [cell(back(n)) for n in range(8)] if days is None else days
    found = rising_topics(*days_and_topics(known, topics), [DAY], least)
    assert_contract(found, RISING_TOPICS)
    return {row["topic"]: row for row in found.iter_rows(named=True)}


def tag(days_back: int, posts: int, name: str = "h", **more: Any) -> dict[str, Any]:
    return cell(back(days_back), [0.0] * posts, topic=name, topic_kind="hashtag", **more)


def test_growth_by_hand() -> None:
    found = rising([tag(0, 120), *(tag(n, 30) for n in range(1, 8))])["h"]
    assert (found["trailing_days"], found["trailing_posts"]) == (7, 210)
    assert (found["expected_posts"], found["growth"]) == (30.0, 4.0)
    # Two Poisson counts: 120 of one day, 210 of seven.
    z = 2 * (math.sqrt(120.375) - math.sqrt(210.375 / 7)) / math.sqrt(1 + 1 / 7)
    assert found["growth_z"] == pytest.approx(z)
    assert (found["rank"], found["rising"], found["is_new"]) == (1, True, False)


def test_volume_is_compared_for_what_was_fetched() -> None:
    topics = [
        tag(0, 60, fetched_share=0.6),
        *(tag(n, 80, fetched_share=0.8) for n in range(1, 6)),
        tag(6, 999, fetched_share=0.2),
    ]
    days = [cell(back(n), fetched_share=s) for n, s in enumerate([0.6, *[0.8] * 5, 0.2])]
    found = rising(topics, days)["h"]
    assert (found["trailing_days"], found["expected_posts"]) == (5, pytest.approx(60))
    assert not found["rising"]
    # Of less than half of a day nothing is called rising.
    half = [tag(0, 400, fetched_share=0.4), *(tag(n, 10) for n in range(1, 8))]
    assert not rising(half, [cell(back(0), fetched_share=0.4), *map(cell, map(back, range(1, 8)))])[
        "h"
    ]["rising"]


@pytest.mark.parametrize(
    ("posts", "kind", "expected", "is_rising"),
    [
        # Hidden every day it may have had nine posts each time: twelve are no news.
        (12, "hashtag", 9.0, False),
        (40, "hashtag", 9.0, True),
        # A tracked topic without a row had no post.
        (12, "tracked", 0.0, True),
    ],
)
def test_what_was_hidden_before_does_not_rise_by_being_shown(
    posts: int, kind: str, expected: float, is_rising: bool
) -> None:
    found = rising([cell(back(0), [0.0] * posts, topic="h", topic_kind=kind)])["h"]
    assert (found["is_new"], found["expected_posts"], found["rising"]) == (
        True,
        expected,
        is_rising,
    )


def test_hidden_days_of_a_tracked_topic_count_with_the_most_that_hides() -> None:
    before = [hidden(back(n), topic="t") for n in range(1, 8)]
    assert rising([cell(back(0), [0.0] * 12, topic="t"), *before])["t"]["expected_posts"] == 9.0


def test_without_enough_days_before_nothing_is_said() -> None:
    days = [cell(back(n)) for n in range(3)]
    found = rising([tag(0, 99), tag(1, 1)], days)["h"]
    unsaid = (found[n] for n in ("expected_posts", "growth", "growth_z", "rank"))
    assert [*unsaid, found["rising"]] == [None, None, None, None, False]


def test_chance_alone_seldom_rises() -> None:
    """600 hashtags that don't grow: a z of 2 would name a dozen, the false discovery rate none."""
    rng = random.Random(7)

    def drawn() -> int:
        # Poisson of 40, by exponential waits.
        count, waited = 0, rng.expovariate(40)
        while waited < 1:
            count, waited = count + 1, waited + rng.expovariate(40)
        return count

    topics = [tag(n, drawn(), f"h{t}") for t in range(600) for n in range(8)]
    found = rising(topics).values()
    by_chance = sum(row["growth_z"] > 2 for row in found)
    assert 4 <= by_chance <= 30
    assert sum(row["rising"] for row in found) <= 1
    assert sorted(row["rank"] for row in found) == list(range(1, 601))
    # And what grows is found among them.
    grown = [*topics, tag(0, 90, "new"), *(tag(n, 40, "new") for n in range(1, 8))]
    assert [row["topic"] for row in rising(grown).values() if row["rising"]] == ["new"]


# Calendar


def marks(
    days: Iterable[dict[str, Any]] = (),
    calendar: Iterable[dict[str, Any]] = (),
    holidays: Iterable[dict[str, Any]] = (),
    markets: Iterable[dict[str, Any]] = (),
    partitions: Sequence[PostPartition] = (DAY,),
) -> list[tuple[Any, ...]]:
    kept = Kept(rows_of(CALENDAR, calendar), rows_of(HOLIDAYS, holidays), rows_of(MARKETS, markets))
    found = calendar_days(days_and_topics(days, ())[0], kept, partitions)
    assert_contract(found, CALENDAR_DAYS)
    return found.select("kind", "name", "topic", "market", "source").rows()


def entry(name: str, first: int, last: int, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "kind": "event", "first_date": back(first), "last_date": back(last),
        "platform": "all", "topic": "all", "market": "all", "note": None,
    } | more  # fmt: skip


def test_entries_mark_their_days_platforms_and_topics() -> None:
    entries = [
        entry("today", 0, 0),
        entry("long", 900, -900, topic="launch", kind="campaign"),
        entry("gone", 5, 1),
        entry("to come", -1, -3),
        entry("here", 0, 0, platform="x", market="ZA"),
        entry("elsewhere", 0, 0, platform="facebook"),
        # Twice the same mark: of all platforms and of this one.
        entry("today", 1, 0, platform="x"),
    ]
    assert marks(calendar=entries) == [
        ("campaign", "long", "launch", "all", "calendar"),
        ("event", "here", "all", "ZA", "calendar"),
        ("event", "today", "all", "all", "calendar"),
    ]


def test_holidays_of_the_markets_that_are_kept() -> None:
    holidays = [{"market": m, "date": back(0), "name": "Holiday"} for m in ("US", "ZA")]
    everywhere = [("holiday", "Holiday", "all", m, "holidays") for m in ("US", "ZA")]
    assert marks(holidays=holidays) == everywhere
    one = [{"market": "ZA", "name": "South Africa", "languages": ["en"]}]
    assert marks(holidays=holidays, markets=one) == everywhere[1:]


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        pytest.param({}, {}, [], id="as it was"),
        pytest.param({"scorers": ["a 1"]}, {"scorers": ["a 2"]}, ["scorer: a 2"], id="a scorer"),
        pytest.param({"recipes": ["r0"]}, {}, ["rules of cleaning"], id="rules"),
        # The scorer is among the rules: one change, one mark.
        pytest.param({"recipes": ["r0"], "scorers": ["a 1"]}, {}, ["scorer: vader 3.3.2"],
                     id="both"),
        # Rebuilt in part: told when it began, and not again.
        pytest.param({}, {"recipes": ["r1", "r2"]}, ["rules of cleaning"], id="it begins"),
        pytest.param({"recipes": ["r1", "r2"]}, {"recipes": ["r2"]}, [], id="it is through"),
        pytest.param({"recipes": []}, {}, [], id="a day without posts"),
        pytest.param({}, {"recipes": [], "scorers": []}, [], id="nothing today"),
    ],
)  # fmt: skip
def test_gold_notices_that_its_method_changed(
    before: dict[str, Any], now: dict[str, Any], told: list[str]
) -> None:
    # Days between that were never made are skipped.
    found = marks([cell(back(0), **now), cell(back(3), **before)])
    assert [name for _, name, *_ in found] == told
    assert {(kind, source) for kind, *_, source in found} <= {("method_change", "observed")}


# What is hidden stays out


def garbage(rows: Sequence[dict[str, Any]], rng: random.Random) -> list[dict[str, Any]]:
    """The same rows, but hidden ones hold figures that nobody should ever see."""
    return [
        cell(row["date"], [rng.uniform(-1, 1) for _ in range(rng.randint(1, 9_999))])
        | {n: v for n, v in row.items() if v is not None}
        if row["suppressed"]
        else row
        for row in rows
    ]


Make = Callable[[pl.LazyFrame, pl.LazyFrame, list[PostPartition]], pl.DataFrame]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(weekly_sentiment, id="weeks"),
        pytest.param(lambda d, t, p: topic_voice(d, t, typed(BRANDS, BRAND_ROWS), p), id="voice"),
        pytest.param(lambda d, t, p: rising_topics(d, t, p, 10), id="rising"),
    ],
)
def test_nothing_is_made_of_what_is_hidden(make: Make) -> None:
    rng = random.Random(3)
    days = [hidden(back(n)) if n in (1, 4, 9) else cell(back(n), [0.1] * 50) for n in range(14)]
    topics = [
        hidden(back(n), topic=t) if rng.random() < 0.4 else cell(back(n), [0.1] * 20, topic=t)
        for n in range(14)
        for t in ("nimbus", "stratus", "pricing")
    ]
    partitions = [PostPartition(back(n), "x") for n in range(3)]
    published = make(*days_and_topics(days, topics), partitions)
    leaking = make(*days_and_topics(garbage(days, rng), garbage(topics, rng)), partitions)
    assert published.height > 3
    assert leaking.equals(published)
