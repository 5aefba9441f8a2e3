"""The tables for decisions, made by gold's own functions of the other tables' rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import polars as pl

from sentiment_assets.core import gold_calendar
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
from sentiment_assets.core.coverage import WindowCoverage
from sentiment_assets.core.gold_languages import language_sentiment
from sentiment_assets.core.gold_rising import rising_topics
from sentiment_assets.core.gold_voice import topic_voice
from sentiment_assets.core.gold_weeks import weekly_sentiment
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.lake.files import polars_schema


def _day(day: int) -> dt.date:
    return dt.date(2026, 11, day)


def _kept(contract: Contract, *rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=polars_schema(contract.schema))


def calendar() -> gold_calendar.Kept:
    """What a team wrote down: one of each kind, one name that means something in Markdown."""
    every = {"platform": "all", "topic": "all", "market": "all", "note": None}
    launch = {"kind": "campaign", "name": "Nimbus *launch* week", "topic": "nimbus"}
    return gold_calendar.Kept(
        calendar=_kept(
            CALENDAR,
            {**every, **launch, "first_date": _day(18), "last_date": _day(20)},
            {**every, "kind": "event", "name": "Developer day", "first_date": _day(21),
             "last_date": _day(21), "note": "Streamed on all platforms."},
            {**every, "kind": "method_change", "name": "The API drops reply counts",
             "platform": "x", "first_date": _day(22), "last_date": _day(22)},
        ),
        holidays=_kept(HOLIDAYS, {"market": "ZA", "date": _day(21), "name": "A public holiday"}),
        markets=_kept(MARKETS, {"market": "ZA", "name": "South Africa", "languages": ["en"]}),
    )  # fmt: skip


def brands() -> pl.DataFrame:
    cloud = {"product": None, "company": None, "category": "cloud"}
    return _kept(
        BRANDS,
        {"topic": "nimbus", "brand": "Nimbus", **cloud, "own": True},
        {"topic": "stratus", "brand": "Stratus", **cloud, "own": False},
    )


def decision_tables(
    posts: pl.DataFrame,
    made: dict[Contract, pl.DataFrame],
    coverage: dict[PostPartition, list[WindowCoverage]],
    partitions: Sequence[PostPartition],
    min_authors: int,
) -> dict[Contract, pl.DataFrame]:
    """The five tables of the partitions."""
    summaries, topics = made[DAILY_SUMMARY].lazy(), made[TOPIC_SENTIMENT].lazy()
    return {
        LANGUAGE_SENTIMENT: language_sentiment(posts.lazy(), coverage, min_authors),
        WEEKLY_SENTIMENT: weekly_sentiment(summaries, topics, partitions),
        TOPIC_VOICE: topic_voice(summaries, topics, brands().lazy(), partitions),
        RISING_TOPICS: rising_topics(summaries, topics, partitions, min_authors),
        CALENDAR_DAYS: gold_calendar.calendar_days(summaries, calendar(), partitions),
    }
