"""``gold/weekly_sentiment``: the calendar week so far, against the week before it.

What belongs here: this one table. It is made of published figures of days, so that it can tell of
nobody whom they don't tell of. Weeks are ISO weeks, Monday to Sunday, UTC.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from sentiment_assets.core.contracts import WEEKLY_SENTIMENT
from sentiment_assets.core.gold import ALL_POSTS, to_contract
from sentiment_assets.core.gold_days import (
    change_error,
    days_of,
    known_scorers,
    mean_of,
    shown,
    variance_of_mean,
)
from sentiment_assets.core.layout import PostPartition

_SUMS = (
    "posts",
    "scored",
    "positive",
    "neutral",
    "negative",
    "sentiment_sum",
    "sentiment_square_sum",
    "engagement_weight",
    "engagement_sentiment_sum",
)
_WEEK = ["platform", "week_start"]

#: From a Sunday to the Monday of the week before.
MOST_DAYS_BACK = 13


def weekly_sentiment(
    summaries: pl.LazyFrame, topics: pl.LazyFrame, partitions: Sequence[PostPartition]
) -> pl.DataFrame:
    """Rows of ``gold/weekly_sentiment``: each day's week up to and with it.

    Args:
        summaries: ``gold/daily_summary`` of each day, of its week before it and the week before.
        topics: ``gold/topic_sentiment`` of the same days.
        partitions: the days to write.
    """
    monday = pl.col("date").dt.truncate("1w")
    needed = ["date", "platform", "topic", "suppressed", *shown(*_SUMS)]
    days = (
        pl.concat(
            [
                summaries.with_columns(topic=pl.lit(ALL_POSTS)).select(needed),
                topics.filter(pl.col("topic_kind") == "tracked").select(needed),
            ]
        )
        .with_columns(week_start=monday)
        .collect()
    )
    wanted = days_of(partitions).with_columns(week_start=monday)
    so_far = wanted.join(days.rename({"date": "_day"}), on=_WEEK).filter(
        pl.col("_day") <= pl.col("date")
    )
    key = ["date", "platform", "week_start", "topic"]
    is_shown = ~pl.col("suppressed")
    weeks = so_far.group_by(key).agg(
        days_shown=is_shown.sum().cast(pl.Int32),
        days_hidden=pl.col("suppressed").sum().cast(pl.Int32),
        # The sum of no day is no zero.
        **{name: pl.when(is_shown.any()).then(pl.col(name).sum()) for name in _SUMS},
    )
    before = (
        days.filter(is_shown)
        .group_by(*_WEEK, "topic")
        .agg(
            previous_scored=pl.col("scored").sum(),
            _sum=pl.col("sentiment_sum").sum(),
            _squares=pl.col("sentiment_square_sum").sum(),
        )
        .with_columns(week_start=pl.col("week_start") + pl.duration(days=7))
    )
    error = change_error(
        ("scored", "sentiment_sum", "sentiment_square_sum"), ("previous_scored", "_sum", "_squares")
    )
    compared = (
        weeks.join(before, on=[*_WEEK, "topic"], how="left")
        .with_columns(
            sentiment_mean=mean_of("sentiment_sum", "scored"),
            sentiment_standard_error=variance_of_mean(
                "scored", "sentiment_sum", "sentiment_square_sum"
            ).sqrt(),
            engagement_sentiment_mean=mean_of("engagement_sentiment_sum", "engagement_weight"),
            previous_mean=mean_of("_sum", "previous_scored"),
        )
        .with_columns(change=pl.col("sentiment_mean") - pl.col("previous_mean"))
        .with_columns(change_z=pl.when(error > 0).then(pl.col("change") / error))
    )
    for part in (_fetched(summaries, wanted), _scorers(summaries, wanted)):
        compared = compared.join(part, on=["date", "platform"], how="left")
    return to_contract(compared, WEEKLY_SENTIMENT)


def _fetched(summaries: pl.LazyFrame, wanted: pl.DataFrame) -> pl.DataFrame:
    """How much of the days from Monday on was fetched: a day that was never made counts as none."""
    shares = summaries.select("platform", _day="date", share="fetched_share").collect()
    elapsed = pl.col("date").dt.weekday()
    return (
        wanted.join(shares, on="platform")
        .filter(pl.col("_day").is_between("week_start", "date"))
        .group_by("date", "platform")
        .agg(_fetched=pl.col("share").sum())
        .select("date", "platform", fetched_share=pl.col("_fetched") / elapsed)
    )


def _scorers(summaries: pl.LazyFrame, wanted: pl.DataFrame) -> pl.DataFrame:
    """The scorers of each week so far, and of the one that it is compared with."""
    known = known_scorers(summaries).rename({"date": "_day"})
    first = pl.col("week_start") - pl.duration(days=7)
    return (
        wanted.join(known, on="platform")
        .filter(pl.col("_day").is_between(first, "date"))
        .group_by("date", "platform")
        .agg(scorers=pl.col("scorer").unique().sort())
    )
