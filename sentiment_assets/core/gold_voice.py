"""``gold/topic_voice``: whose voice is loud among the tracked topics, against the week before.

What belongs here: this one table. It is made of published figures alone, so that it can tell of
nobody whom they don't tell of.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from sentiment_assets.core.contracts import TOPIC_VOICE
from sentiment_assets.core.gold import to_contract
from sentiment_assets.core.gold_days import days_after, days_of, shown
from sentiment_assets.core.layout import PostPartition

_DAY = ["date", "platform"]
_TOPIC = [*_DAY, "topic"]
_FIGURES = ("posts", "scored", "engagement_weight", "sentiment_mean", "engagement_sentiment_mean")


def topic_voice(
    summaries: pl.LazyFrame,
    topics: pl.LazyFrame,
    brands: pl.LazyFrame,
    partitions: Sequence[PostPartition],
) -> pl.DataFrame:
    """Rows of ``gold/topic_voice``: each tracked topic that a day has posts of.

    Args:
        summaries: ``gold/daily_summary`` of the days.
        topics: ``gold/topic_sentiment`` of the days and of the seven before each.
        brands: ``reference/brands``, which may be empty.
        partitions: the days to write.
    """
    tracked = (
        topics.filter(pl.col("topic_kind") == "tracked")
        .select(*_TOPIC, "fetched_share", "suppressed", *shown(*_FIGURES))
        .collect()
    )
    is_shown = ~pl.col("suppressed")
    voices = tracked.join(
        brands.select("topic", "brand", "company", "category", "own").collect(),
        on="topic",
        how="left",
    ).join(
        tracked.group_by(_DAY).agg(
            _posts=pl.col("posts").sum(),
            _weight=pl.col("engagement_weight").sum(),
            voice_topics=is_shown.sum().cast(pl.Int32),
            hidden_topics=pl.col("suppressed").sum().cast(pl.Int32),
        ),
        on=_DAY,
    )
    trailing = (
        days_after(voices.filter(is_shown).select(*_TOPIC, "posts", "_posts"))
        .group_by(_TOPIC)
        .agg(
            trailing_days=pl.len().cast(pl.Int32),
            trailing_posts=pl.col("posts").sum(),
            # Of the days on which the topic is shown: on the others nothing is known of it.
            _trailing_all=pl.col("_posts").sum(),
        )
    )
    of_day = summaries.select(*_DAY, "scorers", *shown("posts")).rename({"posts": "_all"}).collect()
    joined = (
        voices.join(days_of(partitions), on=_DAY, how="semi")
        .join(trailing, on=_TOPIC, how="left")
        .join(of_day, on=_DAY, how="left")
        .with_columns(pl.col("trailing_days").fill_null(0))
    )
    category = pl.col("posts").sum().over(*_DAY, "category")
    shares = joined.with_columns(
        voice_share=_share("posts", pl.col("_posts")),
        category_share=pl.when(pl.col("category").is_not_null()).then(_share("posts", category)),
        day_share=_share("posts", pl.col("_all")),
        engagement_share=_share("engagement_weight", pl.col("_weight")),
        trailing_voice_share=_share("trailing_posts", pl.col("_trailing_all")),
    ).with_columns(voice_change=pl.col("voice_share") - pl.col("trailing_voice_share"))
    error = _error_of_two_shares()
    return to_contract(
        shares.with_columns(voice_change_z=pl.when(error > 0).then(pl.col("voice_change") / error)),
        TOPIC_VOICE,
    )


def _share(part: str, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(pl.col(part) / whole)


def _error_of_two_shares() -> pl.Expr:
    """Standard error of the difference, were both shares samples of one."""
    n, m = pl.col("_posts"), pl.col("_trailing_all")
    together = (pl.col("posts") + pl.col("trailing_posts")) / (n + m)
    return (together * (1 - together) * (1 / n + 1 / m)).sqrt()
