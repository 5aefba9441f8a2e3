"""The queries of the mart's page run as they stand, as ``bi_reader``, over figures of gold."""

from __future__ import annotations

import datetime as dt
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resources.embedded_postgres import embedded_postgres
from resources.mart_publisher import PostgresMart
from resources.postgres import MartAddress
from sentiment_assets.core.contracts import (
    CALENDAR,
    CALENDAR_DAYS,
    DAILY_SUMMARY,
    DAILY_TREND,
    HOLIDAYS,
    MARKETS,
    RISING_TOPICS,
    TOPIC_SENTIMENT,
    WEEKLY_SENTIMENT,
)
from sentiment_assets.core.gold import daily_trend
from sentiment_assets.core.gold_calendar import Kept, calendar_days
from sentiment_assets.core.gold_rising import rising_topics
from sentiment_assets.core.gold_weeks import weekly_sentiment
from sentiment_assets.core.layout import PostPartition
from sentiment_assets_tests.core.test_gold_decisions import cell, days_and_topics, hidden, typed
from sentiment_assets_tests.docs.pages import blocks, text_of
from sentiment_assets_tests.published import outgoing, own_address, session

MART = Path("docs/mart.md")

MONDAY = dt.date(2026, 11, 16)
#: A week and four days of the next; nothing was made of the ninth day, a Tuesday.
DATES = [MONDAY + dt.timedelta(days=n) for n in range(11) if n != 8]
NEWEST = DATES[-1]
SCORER_CHANGED = DATES[8]
BEFORE, SINCE = [0.1, 0.3], [0.5, 0.6, 0.4]


@pytest.fixture(scope="module")
def mart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MartAddress]:
    """A mart that holds what gold makes of these days."""
    home = tmp_path_factory.mktemp("home")
    server = embedded_postgres(home)
    address = own_address(home)
    fetched = {"windows_complete": 12, "windows_partial": 0, "windows_unavailable": 0}
    days, of_topics = [], []
    for date in DATES:
        scorer = "vader 3.3.2" if date < SCORER_CHANGED else "vader 3.4.0"
        more = {**fetched, "hidden_hours": 1, "scorers": [scorer]}
        days.append(cell(date, BEFORE if date < DATES[7] else SINCE, **more))
        of_topics.append(cell(date, [0.2] * (30 if date == NEWEST else 2), topic="tea"))
        of_topics.append(cell(date, [-0.4] * 2, topic="coffee"))
    of_topics.append(hidden(NEWEST, topic="cocoa"))
    summaries, topics = days_and_topics(days, of_topics)
    partitions = [PostPartition(date, "x") for date in DATES]
    launch = {"name": "Launch", "kind": "event", "first_date": NEWEST, "last_date": NEWEST}
    everywhere = dict.fromkeys(("platform", "topic", "market"), "all")
    kept = Kept(
        typed(CALENDAR, [launch | everywhere]).collect(),
        typed(HOLIDAYS, []).collect(),
        typed(MARKETS, []).collect(),
    )
    publisher = PostgresMart(address, "simulated")
    publisher.publish(
        [
            outgoing(contract, frame, partitions)
            for contract, frame in (
                (DAILY_SUMMARY, summaries.collect()),
                (TOPIC_SENTIMENT, topics.collect()),
                (WEEKLY_SENTIMENT, weekly_sentiment(summaries, topics, partitions)),
                (DAILY_TREND, daily_trend(summaries, topics, partitions)),
                (RISING_TOPICS, rising_topics(summaries, topics, partitions, 2)),
                (CALENDAR_DAYS, calendar_days(summaries, kept, partitions)),
            )
        ],
        "a-run",
    )
    publisher.close()
    yield address
    server.cleanup()


def answer(mart: MartAddress, query: str) -> list[dict[str, Any]]:
    """Rows of a query, by column."""
    with session(mart, "bi_reader") as reader:
        found = reader.execute(query.encode())
        assert found.description is not None
        names = [column.name for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def query_below(heading: str) -> str:
    """The query of a section of the page."""
    _, found, rest = text_of(MART).partition(f"\n{heading}\n")
    assert found, f"{MART} has no section {heading}"
    [query] = re.findall(r"^```sql\n(.*?)^```", rest.split("\n#")[0], re.MULTILINE | re.DOTALL)
    return str(query)


@pytest.mark.parametrize("number", range(len(blocks(MART, "sql"))))
def test_every_query_of_the_page_has_an_answer(mart: MartAddress, number: int) -> None:
    query = blocks(MART, "sql")[number]
    rows = answer(mart, query)
    assert rows
    # Power BI puts a statement in brackets and selects from it.
    assert len(answer(mart, f"SELECT * FROM ({query}) AS statement")) == len(rows)


def test_shares_of_voice_are_of_what_is_shown(mart: MartAddress) -> None:
    rows = answer(mart, query_below("### Share of voice by topic"))
    assert list(rows[0]) == ["topic", "mentions", "share_percent", "n", "mean", "hidden_days"]
    found = [
        [row["topic"], *(None if v is None else float(v) for v in [*row.values()][1:])]
        for row in rows
    ]
    # Six of the newest seven days were made: 5 x 2 + 30 mentions of tea, 6 x 2 of coffee.
    assert found == [
        ["tea", 40, 76.9, 40, 0.2, 0],
        ["coffee", 12, 23.1, 12, -0.4, 0],
        ["cocoa", None, None, None, None, 1],
    ]


def test_the_week_is_held_against_the_one_before(mart: MartAddress) -> None:
    every, *_ = rows = answer(mart, query_below("### This week against the week before"))
    assert list(every) == [
        "week_start", "up_to", "platform", "topic", "n", "mean", "previous_n", "previous_mean",
        "change", "change_z", "beyond_chance", "other_scorer", "fetched_share",
    ]  # fmt: skip
    assert every["topic"] == "all"
    assert {row["topic"] for row in rows} == {"all", "tea", "coffee", "cocoa"}
    assert {row["week_start"] for row in rows} == {MONDAY + dt.timedelta(days=7)}
    now, before = SINCE * 3, BEFORE * 7
    assert (every["n"], every["previous_n"]) == (len(now), len(before))
    assert every["mean"] == pytest.approx(statistics.mean(now))
    assert every["change"] == pytest.approx(statistics.mean(now) - statistics.mean(before))
    error = statistics.variance(now) / len(now) + statistics.variance(before) / len(before)
    assert every["change_z"] == pytest.approx(every["change"] / error**0.5)
    assert every["beyond_chance"] is True
    assert every["other_scorer"] is True
    assert every["fetched_share"] == 3 / 4


def test_what_rises_is_the_topic_that_grew(mart: MartAddress) -> None:
    [row] = answer(mart, query_below("### What rises"))
    assert list(row) == [
        "date", "platform", "rank", "topic_kind", "topic", "posts", "expected_posts", "growth",
        "growth_z", "is_new", "fetched_share",
    ]  # fmt: skip
    assert (row["date"], row["rank"], row["topic"], row["posts"]) == (NEWEST, 1, "tea", 30)
    assert row["growth"] == pytest.approx(15)


def test_a_line_has_a_mark_where_the_scorer_changed(mart: MartAddress) -> None:
    rows = answer(mart, query_below("### A trend line with marks where the method changed"))
    assert list(rows[0]) == [
        "date", "platform", "n", "mean", "trailing_mean", "change_z", "method_marks",
    ]  # fmt: skip
    assert [row["date"] for row in rows] == DATES
    marks = {row["date"]: row["method_marks"] for row in rows if row["method_marks"]}
    # The launch is an event, and no change of method.
    assert list(marks) == [SCORER_CHANGED]
    assert "scorer" in marks[SCORER_CHANGED].lower()


def test_a_day_that_was_never_made_is_a_day_without_coverage(mart: MartAddress) -> None:
    rows = answer(mart, query_below("### Coverage and n by day"))
    assert list(rows[0]) == [
        "date", "platform", "fetched_share", "posts", "n", "hidden_hours", "hidden",
    ]  # fmt: skip
    assert [row["date"] for row in rows] == [MONDAY + dt.timedelta(days=n) for n in range(11)]
    figures = [(row["fetched_share"], row["posts"], row["n"], row["hidden"]) for row in rows]
    assert figures == [
        *[(1.0, 2, 2, False)] * 7,
        (1.0, 3, 3, False),
        (0.0, None, None, False),
        *[(1.0, 3, 3, False)] * 2,
    ]


def test_weeks_that_the_mart_adds_up_are_those_of_gold(mart: MartAddress) -> None:
    figures = (
        "week_start, days_shown, days_hidden, posts, scored, positive, sentiment_sum, "
        "sentiment_mean, sentiment_standard_error, engagement_sentiment_mean, fetched_share"
    )
    added = answer(mart, f"SELECT {figures} FROM mart.sentiment_by_week ORDER BY week_start")
    of_gold = answer(
        mart,
        f"SELECT {figures} FROM mart.sentiment_by_week_and_topic WHERE topic = 'all' "
        "ORDER BY week_start",
    )
    assert len(added) == 2
    for week, gold in zip(added, of_gold, strict=True):
        assert {n: v for n, v in week.items() if n != "week_start"} == pytest.approx(
            {n: v for n, v in gold.items() if n != "week_start"}
        )
        assert week["week_start"] == gold["week_start"]
