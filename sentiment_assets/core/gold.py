"""Silver posts to gold aggregates: one function per gold table.

What belongs here: grouping, measures, suppression, comparison. Group-bys over posts are written
in narwhals, so that every engine runs the same lines; what works on their small results is Polars.

Sentiment is summed as integers (compound x 10,000), so that any order of rows gives the same bits.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import narwhals as nw
import polars as pl
import polars.selectors as cs
from narwhals.typing import IntoFrameT

from sentiment_assets.core.contracts import (
    DAILY_SUMMARY,
    DAILY_TREND,
    HOURLY_SENTIMENT,
    POOLED_SENTIMENT,
    TOPIC_SENTIMENT,
    Contract,
)
from sentiment_assets.core.coverage import WindowCoverage, fetched_share
from sentiment_assets.core.gold_days import TRAILING_DAYS as TRAILING_DAYS
from sentiment_assets.core.gold_days import UNITS as UNITS
from sentiment_assets.core.gold_days import (
    change_error,
    days_after,
    days_of,
    known_scorers,
    mean_of,
    variance_of_mean,
)
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.periods import Period, month_of, week_of
from sentiment_assets.core.tracking import ALL_POSTS as ALL_POSTS

#: What the aggregates read of ``silver/posts``.
POST_COLUMNS = (
    "date",
    "platform",
    "post_pid",
    "author_pid",
    "created_hour",
    "topics",
    "hashtags",
    "like_count",
    "reply_count",
    "repost_count",
    "late",
    "sentiment_compound",
    "sentiment_label",
    "unscored_reason",
    "redactions",
    "observation_count",
    "scorer",
    "scorer_version",
    "recipe",
)

_COUNTS = (
    "posts",
    "authors",
    "scored",
    "unscored_no_text",
    "unscored_language_unknown",
    "unscored_language_not_supported",
    "redacted",
    "late",
    "positive",
    "neutral",
    "negative",
    "sentiment_sum",
    "sentiment_square_sum",
    "engagement_weight",
    "engagement_sentiment_sum",
)
_HIDDEN = (
    *_COUNTS,
    "sentiment_mean",
    "sentiment_standard_error",
    "engagement_sentiment_mean",
)

#: What names a row of ``gold/topic_sentiment``.
_CELL = ["date", "platform", "topic_kind", "topic"]
#: What names a pool of hidden days, and a hidden day of a topic or of all posts.
_POOL = ["platform", "grain", "period_start", "period_end", "closed_by", "topic"]
_HIDDEN_DAY = ["platform", "topic", "date"]

Coverage = Mapping[PostPartition, Sequence[WindowCoverage]]

Carry = Callable[[pl.DataFrame], Any]
"""Takes a small frame to where the posts are, so that the two can be joined."""


def aggregate(posts: IntoFrameT, by: Sequence[str]) -> IntoFrameT:
    """Group posts and sum the measures that every gold table carries.

    Args:
        posts: rows of ``silver/posts``, with the columns of ``by``.
        by: columns that name a cell.

    Returns:
        ``by``, the integer measures and ``scored_authors`` (distinct authors of scored posts),
        nothing suppressed yet.
    """

    def flag(condition: nw.Expr) -> nw.Expr:
        return condition.fill_null(False).cast(nw.Int64)

    def engagement(name: str) -> nw.Expr:
        return nw.col(name).fill_null(0)

    # Eager or lazy, of any engine: narwhals' own types tell the two apart.
    native: Any = posts
    frame: Any = nw.from_native(native)
    prepared = frame.with_columns(
        _units=(nw.col("sentiment_compound") * UNITS).round(0).cast(nw.Int64),
        _weight=nw.when(~nw.col("sentiment_compound").is_null()).then(
            1 + engagement("like_count") + engagement("reply_count") + engagement("repost_count")
        ),
        _author_withheld=flag(nw.col("author_pid").is_null()),
        _scored_author=nw.when(~nw.col("sentiment_compound").is_null()).then(nw.col("author_pid")),
        _no_text=flag(nw.col("unscored_reason") == "no_text"),
        _unknown=flag(nw.col("unscored_reason") == "language_unknown"),
        _foreign=flag(nw.col("unscored_reason") == "language_not_supported"),
        _positive=flag(nw.col("sentiment_label") == "positive"),
        _neutral=flag(nw.col("sentiment_label") == "neutral"),
        _negative=flag(nw.col("sentiment_label") == "negative"),
        _late=flag(nw.col("late")),
        _redacted=flag(nw.col("redactions").list.len() > 0),
    ).with_columns(
        _units_squared=nw.col("_units") * nw.col("_units"),
        _weighted_units=nw.col("_units") * nw.col("_weight"),
        _no_scored_author=flag(nw.col("_scored_author").is_null()),
    )
    return (  # type: ignore[no-any-return]
        prepared.group_by(list(by))
        .agg(
            # Elementary aggregations: not every engine takes an expression over one.
            posts=nw.len(),
            authors=nw.col("author_pid").n_unique(),
            _author_withheld=nw.col("_author_withheld").max(),
            scored_authors=nw.col("_scored_author").n_unique(),
            _no_scored_author=nw.col("_no_scored_author").max(),
            scored=nw.col("sentiment_compound").count(),
            unscored_no_text=nw.col("_no_text").sum(),
            unscored_language_unknown=nw.col("_unknown").sum(),
            unscored_language_not_supported=nw.col("_foreign").sum(),
            redacted=nw.col("_redacted").sum(),
            late=nw.col("_late").sum(),
            positive=nw.col("_positive").sum(),
            neutral=nw.col("_neutral").sum(),
            negative=nw.col("_negative").sum(),
            sentiment_sum=nw.col("_units").sum(),
            sentiment_square_sum=nw.col("_units_squared").sum(),
            engagement_weight=nw.col("_weight").sum(),
            engagement_sentiment_sum=nw.col("_weighted_units").sum(),
        )
        .with_columns(nw.col("posts", "authors", "scored", "scored_authors").cast(nw.Int64))
        # A withheld author counts as none: such a cell is hidden rather than shown.
        .with_columns(
            authors=nw.col("authors") - nw.col("_author_withheld"),
            scored_authors=nw.col("scored_authors") - nw.col("_no_scored_author"),
        )
        .drop("_author_withheld", "_no_scored_author")
        .to_native()
    )


def cells_of(posts: Any, by: Sequence[str]) -> pl.DataFrame:
    """What :func:`aggregate` gives, in memory: as many rows as there are cells."""
    cells: Any = nw.from_native(aggregate(posts, by))
    found: pl.DataFrame = cells.lazy().collect(backend="polars").to_native()
    # Engines count in integers of their own, and Spark's instants have a zone of the session's.
    return found.with_columns(
        pl.col(*_COUNTS, "scored_authors").cast(pl.Int64),
        cs.datetime().dt.convert_time_zone("UTC").dt.cast_time_unit("us"),
    )


def hourly_sentiment(
    posts: Any, coverage: Coverage, min_authors: int, carry: Carry = pl.DataFrame.lazy
) -> pl.DataFrame:
    """Rows of ``gold/hourly_sentiment``: every hour that was fetched or has posts.

    Args:
        posts: ``silver/posts``, of the partitions in ``coverage``; a lazy frame of any engine.
        coverage: windows of each partition.
        min_authors: cells with fewer distinct authors are hidden.
        carry: takes a small frame to the engine of the posts.
    """
    cells = cells_of(posts, ["date", "platform", "created_hour"])
    hours = pl.DataFrame(
        [
            (partition.date, partition.platform, hour, share)
            for partition, windows in coverage.items()
            for hour, share in _hourly_shares(partition.date, windows)
        ],
        schema={
            "date": pl.Date,
            "platform": pl.String,
            "created_hour": pl.Datetime("us", "UTC"),
            "fetched_share": pl.Float64,
        },
        orient="row",
    )
    key = ["date", "platform", "created_hour"]
    every = hours.join(cells, on=key, how="left").filter(
        (pl.col("fetched_share") > 0) | pl.col("posts").is_not_null()
    )
    every = every.with_columns(pl.col(*_COUNTS, "scored_authors").fill_null(0))
    hidden = hide_few_authors(every, posts, min_authors, carry)
    return publish(hidden.rename({"created_hour": "hour"}), HOURLY_SENTIMENT, min_authors)


def topic_sentiment(posts: Any, coverage: Coverage, min_authors: int) -> pl.DataFrame:
    """Rows of ``gold/topic_sentiment``: tracked topics and hashtags of each day.

    Topics overlap, so that no topic can be had by subtracting others; but a topic can be
    subtracted from its day. A topic is hidden where it, or the rest of its day, is of too few.

    Args:
        posts: ``silver/posts``, of the partitions in ``coverage``; a lazy frame of any engine.
        coverage: windows of each partition.
        min_authors: cells with fewer distinct authors are hidden.
    """
    needed = nw.from_native(posts).select(POST_COLUMNS)
    cells = [
        cells_of(
            needed.filter(nw.col(column).list.len() > 0)
            .explode(column)
            .rename({column: "topic"})
            .to_native(),
            ["date", "platform", "topic"],
        ).with_columns(topic_kind=pl.lit(kind))
        for column, kind in (("topics", "tracked"), ("hashtags", "hashtag"))
    ]
    every = pl.concat(cells, how="diagonal").join(
        daily_shares(coverage), on=["date", "platform"], how="left"
    )
    hidden = every.with_columns(suppressed=_too_few(min_authors)).join(
        _bared_by_rest(every, posts, min_authors), on=_CELL, how="left"
    )
    hidden = hidden.with_columns(pl.col("suppressed") | pl.col("_bared").fill_null(False))
    # A hashtag of few people can be the name of one of them: its row goes, not only its figures.
    hidden = hidden.filter(~pl.col("suppressed") | (pl.col("topic_kind") == "tracked"))
    return publish(hidden, TOPIC_SENTIMENT, min_authors)


def daily_summary(
    posts: pl.LazyFrame,
    quarantine: pl.LazyFrame,
    hourly: pl.DataFrame,
    coverage: Coverage,
    min_authors: int,
) -> pl.DataFrame:
    """Rows of ``gold/daily_summary``: one a partition in ``coverage``, even without posts."""
    key = ["date", "platform"]
    cells = cells_of(posts, key)
    quality = posts.group_by(key).agg(
        _observed=pl.col("observation_count").cast(pl.Int64).sum(),
        _rows=pl.len().cast(pl.Int64),
        recipes=pl.col("recipe").unique().sort(),
        scorers=pl.concat_str("scorer", "scorer_version", separator=" ").unique().sort(),
    )
    refused = quarantine.group_by(key).agg(quarantined=pl.col("record_count").sum())
    published = hourly.filter(~pl.col("suppressed"))
    scored = published.filter(pl.col("scored") > 0).sort("hour")
    extremes = scored.group_by(key).agg(
        best_hour=pl.col("hour").get(pl.col("sentiment_mean").arg_max()),
        best_hour_mean=pl.col("sentiment_mean").max(),
        worst_hour=pl.col("hour").get(pl.col("sentiment_mean").arg_min()),
        worst_hour_mean=pl.col("sentiment_mean").min(),
    )
    busiest = (
        published.filter(pl.col("posts") > 0)
        .sort("hour")
        .group_by(key)
        .agg(
            busiest_hour=pl.col("hour").get(pl.col("posts").arg_max()),
            busiest_hour_posts=pl.col("posts").max(),
        )
    )
    hidden_hours = hourly.group_by(key).agg(hidden_hours=pl.col("suppressed").sum().cast(pl.Int32))
    days = daily_shares(coverage).join(_window_states(coverage), on=key)
    for part in (
        cells,
        quality.collect(),
        refused.collect(),
        extremes,
        busiest,
        hidden_hours,
    ):
        days = days.join(part, on=key, how="left")
    days = days.with_columns(
        pl.col(
            *_COUNTS, "scored_authors", "quarantined", "_observed", "_rows", "hidden_hours"
        ).fill_null(0),
        pl.col("recipes", "scorers").fill_null(pl.lit([], pl.List(pl.String))),
    ).with_columns(
        observations=pl.col("_observed") + pl.col("quarantined"),
        duplicates=pl.col("_observed") - pl.col("_rows"),
        suppressed=_too_few(min_authors),
    )
    return publish(days, DAILY_SUMMARY, min_authors, also_hidden=("observations", "duplicates"))


def daily_trend(
    summaries: pl.LazyFrame, topics: pl.LazyFrame, partitions: Sequence[PostPartition]
) -> pl.DataFrame:
    """Rows of ``gold/daily_trend``: each day against the seven days before it.

    Args:
        summaries: ``gold/daily_summary`` of the partitions and the seven days before each.
        topics: ``gold/topic_sentiment`` of the same days.
        partitions: the days to compare.
    """
    needed = [
        "date", "platform", "topic", "posts", "scored", "sentiment_sum", "sentiment_square_sum",
        "sentiment_mean", "fetched_share", "suppressed", "authors", "engagement_sentiment_mean",
    ]  # fmt: skip
    series = pl.concat(
        [
            summaries.with_columns(topic=pl.lit(ALL_POSTS)).select(needed),
            topics.filter(pl.col("topic_kind") == "tracked").select(needed),
        ]
    ).collect()
    days = series.join(days_of(partitions), on=["date", "platform"], how="semi")
    shown = series.filter(~pl.col("suppressed") & (pl.col("scored") > 0))
    trailing = (
        days_after(shown)
        .group_by("date", "platform", "topic")
        .agg(
            trailing_days=pl.len().cast(pl.Int32),
            trailing_scored=pl.col("scored").sum(),
            # A day that was hardly fetched says nothing of the usual volume.
            _posts=pl.col("posts").filter(pl.col("fetched_share") > 0.5).mean(),
            _sum=pl.col("sentiment_sum").sum(),
            _squares=pl.col("sentiment_square_sum").sum(),
        )
    )
    joined = days.join(trailing, on=["date", "platform", "topic"], how="left").with_columns(
        pl.col("trailing_days").fill_null(0),
        trailing_mean=mean_of("_sum", "trailing_scored"),
    )
    error = change_error(
        ("scored", "sentiment_sum", "sentiment_square_sum"),
        ("trailing_scored", "_sum", "_squares"),
    )
    compared = joined.with_columns(
        change=pl.col("sentiment_mean") - pl.col("trailing_mean")
    ).with_columns(
        change_z=pl.when(error > 0).then(pl.col("change") / error),
        volume_ratio=pl.col("posts") / pl.col("_posts"),
    )
    scorers = _scorers_of_stretch(summaries)
    return to_contract(compared.join(scorers, on=["date", "platform"], how="left"), DAILY_TREND)


def _scorers_of_stretch(summaries: pl.LazyFrame) -> pl.DataFrame:
    """The scorers of each day and of the days that its trend compares with."""
    known = known_scorers(summaries)
    return (
        pl.concat([known, days_after(known)])
        .group_by("date", "platform")
        .agg(scorers=pl.col("scorer").unique().sort())
    )


def pooled_sentiment(
    posts: pl.LazyFrame,
    summaries: pl.DataFrame,
    topics: pl.DataFrame,
    partitions: Sequence[PostPartition],
    min_authors: int,
) -> pl.DataFrame:
    """Rows of ``gold/pooled_sentiment``: hidden days together, by week, what is left by month.

    A pool needs enough authors, and posts (and scores, if it has any) of two hidden days. A
    topic's pool also leaves enough authors of all posts, or none: it is made of whole published
    figures of all posts (a shown day, or a shown pool of hidden days), so that what can be had by
    subtracting it is known, and looked at.

    Args:
        posts: ``silver/posts``, of every day with something hidden among those of ``summaries``.
        summaries: ``gold/daily_summary`` of the days behind the partitions (``core.periods``).
        topics: ``gold/topic_sentiment`` of the same days.
        partitions: those to write; their weeks and months are over, which only the caller knows.
        min_authors: pools of fewer distinct authors are hidden.
    """
    closers = pl.DataFrame(
        [(p.platform, p.date) for p in partitions],
        schema={"platform": pl.String, "closed_by": pl.Date},
        orient="row",
    )
    days = summaries.select("platform", "date", "suppressed", "fetched_share")
    hidden_days = days.filter("suppressed").select(
        "platform", "date", topic=pl.lit(ALL_POSTS), whole=pl.lit("day"), ends=pl.col("date")
    )

    def judge_all(members: pl.DataFrame) -> pl.DataFrame:
        return _pools(posts.with_columns(topic=pl.lit(ALL_POSTS)), members, min_authors)

    of_all, members_of_all = _roll_up(hidden_days, closers, judge_all)
    # The published figure of all posts that holds a day, and the last day of that figure.
    wholes = pl.concat(
        [
            days.filter(~pl.col("suppressed")).select(
                "platform", "date", whole=pl.lit("day"), ends="date"
            ),
            members_of_all.join(of_all.filter(~pl.col("suppressed")), on=_POOL, how="semi").select(
                "platform", "date", whole="grain", ends="period_end"
            ),
        ]
    )
    hidden_topics = (
        topics.filter("suppressed", pl.col("topic_kind") == "tracked")
        .select("platform", "date", "topic")
        # A day that stays hidden is in no total yet: neither are its topics.
        .join(wholes, on=["platform", "date"])
    )
    mentions = _mentions(posts, hidden_topics)

    def judge_topics(members: pl.DataFrame) -> pl.DataFrame:
        pools = _pools(mentions, members, min_authors)
        alone = pools.filter(~pl.col("suppressed"))
        bared = _pools_that_bare_a_rest(alone, members, wholes, posts, min_authors)
        return (
            pools.join(bared, on=_POOL, how="left")
            .with_columns(pl.col("suppressed") | pl.col("_bared").fill_null(False))
            .drop("_bared")
        )

    of_topics, members_of_topics = _roll_up(hidden_topics, closers, judge_topics)
    members = pl.concat([members_of_all, members_of_topics], how="diagonal")
    listed = (
        members.join(days, on=["platform", "date"])
        .group_by(_POOL)
        .agg(days=pl.col("date").sort(), fetched_share=pl.col("fetched_share").mean())
    )
    pools = pl.concat([of_all, of_topics]).join(closers, on=closers.columns, how="semi")
    return publish(
        pools.join(listed, on=_POOL).rename({"closed_by": "date"}), POOLED_SENTIMENT, min_authors
    )


def hide_few_authors(
    cells: pl.DataFrame, posts: Any, min_authors: int, carry: Carry, part: str = "created_hour"
) -> pl.DataFrame:
    """Mark the parts of a day to hide, so that none can be had by subtracting the shown from it.

    A part (an hour, a language) of too few authors is hidden. Where the hidden parts of a day are
    only one, or are of too few together (the same few may post all day), the shown part of the
    fewest authors is hidden with them: it has enough.

    Args:
        cells: what :func:`cells_of` counted of each part.
        posts: with the column ``part``, of which each post has one value.
        min_authors: parts of fewer distinct authors are hidden.
        carry: takes a small frame to the engine of the posts.
        part: the column whose values share out a day's posts.
    """
    day = ["date", "platform"]
    marked = cells.with_columns(suppressed=_too_few(min_authors))
    hidden = marked.filter("suppressed").select(*day, part)
    inside = (
        nw.from_native(posts)
        .join(nw.from_native(carry(hidden)), on=[*day, part], how="semi")
        .to_native()
    )
    together = (
        cells_of(inside, day)
        .select(*day, _bare=_too_few(min_authors))
        .join(hidden.group_by(day).agg(_parts=pl.len()), on=day)
    )
    shown = ~pl.col("suppressed") & (pl.col("posts") > 0)
    bare = (pl.col("_parts") < 2) | pl.col("_bare")
    return (
        marked.join(together, on=day, how="left")
        # One with scores first: it covers the hidden parts' scores too.
        .sort(*day, pl.col("scored") == 0, "authors", part)
        .with_columns(_companion=shown & (shown.cum_sum().over(day) == 1) & bare.fill_null(False))
        .with_columns(suppressed=pl.col("suppressed") | pl.col("_companion"))
        .drop("_parts", "_bare", "_companion")
    )


def _too_few(min_authors: int) -> pl.Expr:
    """Cells to hide by what :func:`aggregate` counted: the posts' authors, and the scores' too."""
    return ((pl.col("posts") > 0) & (pl.col("authors") < min_authors)) | (
        (pl.col("scored") > 0) & (pl.col("scored_authors") < min_authors)
    )


def _too_few_posts(min_authors: int, among: pl.Expr | None = None) -> pl.Expr:
    """The same over posts themselves, in a group-by; ``among`` picks some of the group's posts."""
    picked = pl.lit(True) if among is None else among
    scored = picked & pl.col("sentiment_compound").is_not_null()

    def few(condition: pl.Expr) -> pl.Expr:
        authors = pl.col("author_pid").filter(condition).drop_nulls().n_unique()
        return condition.any() & (authors < min_authors)

    return few(picked) | few(scored)


def _bared_by_rest(cells: pl.DataFrame, posts: Any, min_authors: int) -> pl.DataFrame:
    """Topics whose day less the topic is of too few authors: ``_CELL`` and ``_bared``.

    The rest has at least the day's authors less the topic's, so that only topics of nearly all
    authors need a look at the posts.
    """
    day = ["date", "platform"]
    whole = cells_of(posts, day).select(
        *day, _all="authors", _all_scored="scored_authors", _all_posts="posts"
    )
    near = cells.join(whole, on=day).filter(
        (pl.col("posts") < pl.col("_all_posts"))
        & (
            (pl.col("authors") > pl.col("_all") - min_authors)
            | (pl.col("scored_authors") > pl.col("_all_scored") - min_authors)
        )
    )
    rests = [
        nw.from_native(posts)
        .filter(~nw.col(column).list.contains(topic))
        .with_columns(topic_kind=nw.lit(kind), topic=nw.lit(topic))
        for column, kind in (("topics", "tracked"), ("hashtags", "hashtag"))
        for topic in near.filter(pl.col("topic_kind") == kind)["topic"].unique().sort()
    ]
    if not rests:
        return near.select(*_CELL, _bared=pl.lit(False))
    judged = cells_of(nw.concat(rests).to_native(), _CELL)
    return near.select(_CELL).join(judged.select(*_CELL, _bared=_too_few(min_authors)), on=_CELL)


def _roll_up(
    hidden: pl.DataFrame,
    closers: pl.DataFrame,
    judge: Callable[[pl.DataFrame], pl.DataFrame],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pool hidden days by week, and by month those that no week may show.

    Args:
        hidden: ``_HIDDEN_DAY``, and what of all posts is published of the day: ``whole`` (day,
            week, month) and when it ``ends``. A pool of hidden days is never taken apart: one of
            a week belongs to the month in which it ends.
        closers: platforms and dates whose periods are wanted.
        judge: makes pools of their members.

    Returns:
        Pools (``_POOL``, measures, ``suppressed``), and their members.
    """
    by_week = _within(hidden.filter(pl.col("whole") != "month"), week_of)
    weeks = judge(by_week)
    shown = by_week.join(weeks.filter(~pl.col("suppressed")), on=_POOL, how="semi")
    left_over = hidden.join(shown, on=_HIDDEN_DAY, how="anti")
    by_month = _within(left_over, month_of).join(closers, on=closers.columns, how="semi")
    return pl.concat([weeks, judge(by_month)]), pl.concat([by_week, by_month])


def _within(hidden: pl.DataFrame, period_of: Callable[[dt.date], Period]) -> pl.DataFrame:
    """Hidden days with their week or month: adds what ``_POOL`` names beside the topic."""
    periods = {end: period_of(end) for end in hidden["ends"].unique()}
    known = pl.DataFrame(
        [(end, p.grain, p.first, p.last, p.closed_by) for end, p in periods.items()],
        schema={
            "ends": pl.Date,
            "grain": pl.String,
            **dict.fromkeys(("period_start", "period_end", "closed_by"), pl.Date),
        },
        orient="row",
    )
    return hidden.join(known, on="ends")


def _mentions(posts: pl.LazyFrame, hidden: pl.DataFrame) -> pl.LazyFrame:
    """The posts of hidden topics, one row a topic. Few: read without their days' other posts."""
    names = hidden["topic"].unique().sort().to_list()
    mentioned = pl.col("topics").list.set_intersection(pl.lit(names, pl.List(pl.String)))
    return (
        posts.filter(mentioned.list.len() > 0)
        .explode("topics", empty_as_null=True)
        .rename({"topics": "topic"})
    )


def _pools(posts: pl.LazyFrame, members: pl.DataFrame, min_authors: int) -> pl.DataFrame:
    """Measure pools; hidden are those of too few authors, and those of one day's posts or scores.

    Args:
        posts: with ``topic``, one row for each topic of a post.
        members: ``_HIDDEN_DAY`` and ``_POOL``.
    """
    # Filtered first: a join doesn't keep the files of other days closed.
    dates = members["date"].unique().sort().to_list()
    inside = posts.filter(pl.col("date").is_in(dates)).join(
        members.lazy().select(*_POOL, "date"), on=_HIDDEN_DAY
    )
    measured = aggregate(inside, _POOL).collect()
    # With scores on one of its days alone, the pool's scores are that day's.
    spread = (
        inside.group_by(*_POOL, "date")
        .agg(_scored=pl.col("sentiment_compound").is_not_null().any())
        .group_by(_POOL)
        .agg(_days=pl.len(), _scored_days=pl.col("_scored").sum())
        .collect()
    )
    return (
        members.select(_POOL)
        .unique()
        .join(measured, on=_POOL, how="left")
        .join(spread, on=_POOL, how="left")
        .with_columns(pl.col(*_COUNTS, "scored_authors", "_days", "_scored_days").fill_null(0))
        .with_columns(
            suppressed=_too_few(min_authors) | (pl.col("_days") < 2) | (pl.col("_scored_days") == 1)
        )
        .select(*_POOL, *_COUNTS, "scored_authors", "suppressed")
        .sort(_POOL)
    )


def _pools_that_bare_a_rest(
    pools: pl.DataFrame,
    members: pl.DataFrame,
    wholes: pl.DataFrame,
    posts: pl.LazyFrame,
    min_authors: int,
) -> pl.DataFrame:
    """``_POOL`` and ``_bared``: what is published of a topic's days, less its pool, is of few."""
    whole = ["platform", "whole", "ends"]
    held = (
        members.join(pools, on=_POOL, how="semi")
        .select(*_POOL, *whole[1:])
        .unique()
        .join(wholes, on=whole)
        .group_by(_POOL)
        .agg(pl.col("date").unique().sort())
        .sort(_POOL)
    )
    rests = [
        posts.filter(
            pl.col("platform") == pool["platform"],
            pl.col("date").is_in(pool["date"]),
            ~pl.col("topics").list.contains(pl.lit(pool["topic"])),
        ).select(_too_few_posts(min_authors))
        for pool in held.iter_rows(named=True)
    ]
    bared = [rest.item() for rest in pl.collect_all(rests, engine="streaming")]
    return held.select(*_POOL, _bared=pl.Series(bared, dtype=pl.Boolean))


def publish(
    cells: pl.DataFrame, contract: Contract, min_authors: int, also_hidden: Sequence[str] = ()
) -> pl.DataFrame:
    """Add what is derived from the sums, blank what is suppressed, order by the contract."""
    measured = cells.with_columns(
        sentiment_mean=mean_of("sentiment_sum", "scored"),
        sentiment_standard_error=variance_of_mean(
            "scored", "sentiment_sum", "sentiment_square_sum"
        ).sqrt(),
        engagement_sentiment_mean=mean_of("engagement_sentiment_sum", "engagement_weight"),
        min_authors=pl.lit(min_authors),
    )
    hidden = [*_HIDDEN, *also_hidden]
    return to_contract(
        measured.with_columns(pl.when(~pl.col("suppressed")).then(pl.col(hidden)).name.keep()),
        contract,
    )


def _hourly_shares(
    date: dt.date, windows: Sequence[WindowCoverage]
) -> list[tuple[dt.datetime, float]]:
    midnight = dt.datetime.combine(date, dt.time(), tzinfo=dt.timezone.utc)
    hours = [midnight + dt.timedelta(hours=hour) for hour in range(24)]
    return [(hour, fetched_share(windows, hour, hour + dt.timedelta(hours=1))) for hour in hours]


def daily_shares(coverage: Coverage) -> pl.DataFrame:
    """How much of each day was fetched: date, platform, fetched_share."""

    def share(partition: PostPartition, windows: Sequence[WindowCoverage]) -> float:
        start = dt.datetime.combine(partition.date, dt.time(), tzinfo=dt.timezone.utc)
        return fetched_share(windows, start, start + dt.timedelta(days=1))

    return _by_partition(coverage, {"fetched_share": pl.Float64}, lambda p, w: (share(p, w),))


def _window_states(coverage: Coverage) -> pl.DataFrame:
    states = ("complete", "partial", "unavailable")
    return _by_partition(
        coverage,
        {f"windows_{state}": pl.Int32() for state in states},
        lambda _, windows: tuple(sum(w.state == state for w in windows) for state in states),
    )


def _by_partition(
    coverage: Coverage,
    columns: Mapping[str, pl.DataType | type[pl.DataType]],
    values: Callable[[PostPartition, Sequence[WindowCoverage]], tuple[float, ...]],
) -> pl.DataFrame:
    return pl.DataFrame(
        [(p.date, p.platform, *values(p, windows)) for p, windows in coverage.items()],
        schema={"date": pl.Date, "platform": pl.String, **columns},
        orient="row",
    )


def to_contract(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """The contract's columns, typed by it, in the order of its key."""
    # By the schema alone: converting an empty table imports pandas, a third of a second a run.
    columns = [pl.col(name).cast(kind) for name, kind in pl.Schema(contract.schema).items()]
    return frame.select(columns).sort(contract.key)
