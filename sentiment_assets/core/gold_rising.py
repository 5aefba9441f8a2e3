"""``gold/rising_topics``: which topics and hashtags are talked of more than chance would have it.

What belongs here: this one table, its test and its thresholds. It is made of published figures
alone, so that it can tell of nobody whom they don't tell of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from sentiment_assets.core.contracts import RISING_TOPICS
from sentiment_assets.core.gold import to_contract
from sentiment_assets.core.gold_days import days_after, days_of, shown
from sentiment_assets.core.layout import PostPartition

#: Of the topics called rising, so many may be chance (Benjamini and Hochberg). Of 600 hashtags a
#: day, 14 pass a z of 2 by chance alone.
FALSE_DISCOVERIES = 0.05
#: What grew by less is no news, however sure it is.
LEAST_GROWTH = 1.5
#: A day that was hardly fetched says nothing of the usual volume, nor of its own.
LEAST_FETCHED = 0.5
LEAST_DAYS = 3

_DAY = ["date", "platform"]
_CELL = [*_DAY, "topic_kind", "topic"]


def rising_topics(
    summaries: pl.LazyFrame,
    topics: pl.LazyFrame,
    partitions: Sequence[PostPartition],
    min_authors: int,
) -> pl.DataFrame:
    """Rows of ``gold/rising_topics``: each topic and hashtag that a day shows.

    Volumes are compared as two Poisson rates, for what was fetched of each. A hashtag of few
    authors has no row, so that a day without one had none, or a few that are hidden: it counts
    with the most that hides. So nothing rises by being shown for the first time.

    Args:
        summaries: ``gold/daily_summary`` of the days and of the seven before each.
        topics: ``gold/topic_sentiment`` of the same days.
        partitions: the days to write.
        min_authors: cells of fewer distinct authors are hidden.
    """
    wanted = days_of(partitions)
    cells = topics.select(
        *_CELL,
        "fetched_share",
        "suppressed",
        *shown("posts", "scored", "sentiment_mean", "engagement_sentiment_mean"),
    ).collect()
    days = summaries.select(*_DAY, "fetched_share", "scorers").collect()
    fetched = pl.col("fetched_share") > LEAST_FETCHED
    known_days = (
        days_after(days.filter(fetched).select(*_DAY, "fetched_share"))
        .group_by(_DAY)
        .agg(_days=pl.len().cast(pl.Int32), _fetched_before=pl.col("fetched_share").sum())
    )
    is_shown = ~pl.col("suppressed")
    before = (
        days_after(cells.filter(fetched).select(*_CELL, "posts", "suppressed"))
        .group_by(_CELL)
        .agg(
            trailing_days=is_shown.sum().cast(pl.Int32),
            trailing_posts=pl.col("posts").sum(),
            _hidden_days=pl.col("suppressed").sum().cast(pl.Int32),
        )
    )
    joined = (
        cells.filter(is_shown)
        .join(wanted, on=_DAY, how="semi")
        .join(before, on=_CELL, how="left")
        .join(known_days, on=_DAY, how="left")
        .join(days.select(*_DAY, "scorers"), on=_DAY, how="left")
        .with_columns(
            pl.col("trailing_days", "trailing_posts", "_hidden_days", "_days").fill_null(0)
        )
    )
    # A tracked topic has a row for each day with posts, hidden or not; a hashtag has not.
    unseen = (
        pl.when(pl.col("topic_kind") == "tracked")
        .then(pl.col("_hidden_days"))
        .otherwise(pl.col("_days") - pl.col("trailing_days"))
    )
    enough = (pl.col("_days") >= LEAST_DAYS) & (pl.col("fetched_share") > 0)
    measured = (
        joined.with_columns(
            _before=pl.col("trailing_posts") + unseen * (min_authors - 1),
            _ratio=pl.when(enough).then(pl.col("fetched_share") / pl.col("_fetched_before")),
        )
        .with_columns(expected_posts=pl.col("_before") * pl.col("_ratio"), growth_z=_growth_z())
        .with_columns(
            growth=pl.when(pl.col("expected_posts") > 0).then(
                pl.col("posts") / pl.col("expected_posts")
            ),
            is_new=pl.col("trailing_days") == 0,
        )
        .sort(*_DAY, pl.col("growth_z"), descending=[False, False, True], nulls_last=True)
        .with_columns(
            rank=pl.when(pl.col("growth_z").is_not_null()).then(
                pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over(_DAY)
            )
        )
    )
    grew = pl.col("growth").fill_null(math.inf) >= LEAST_GROWTH
    return to_contract(
        measured.with_columns(
            rising=(_discovered() & grew & fetched).fill_null(False),
        ),
        RISING_TOPICS,
    )


def _growth_z() -> pl.Expr:
    """Two Poisson counts of unequal exposure, by their square roots: good for small counts too."""
    root, root_before = ((pl.col(count) + 3 / 8).sqrt() for count in ("posts", "_before"))
    ratio = pl.col("_ratio")
    return 2 * (root - ratio.sqrt() * root_before) / (1 + ratio).sqrt()


def _discovered() -> pl.Expr:
    """Which of a day's topics pass, in frames sorted by growth_z, the largest first."""
    chance = pl.col("growth_z").map_batches(_chances, return_dtype=pl.Float64)
    tested = pl.col("growth_z").count().over(_DAY)
    passes = chance <= pl.col("rank") * FALSE_DISCOVERIES / tested
    # All up to the last that passes.
    last = pl.when(passes).then(pl.col("rank")).max().over(_DAY)
    return pl.col("rank") <= last


def _chances(zs: pl.Series) -> pl.Series:
    """The chance of as large a z, or larger, were there no growth."""
    found = [None if z is None else math.erfc(z / math.sqrt(2)) / 2 for z in zs]
    return pl.Series(found, dtype=pl.Float64)
