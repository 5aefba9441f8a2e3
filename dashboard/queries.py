"""What the pages ask of gold: small Polars frames, cached until the table's next version.

What belongs here: which rows and columns are read, and sums over published rows. Where they are
read is ``stores.py``; how a figure looks is ``charts.py``, ``rankings.py`` and the pages.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl
import streamlit as st

from dashboard.stores import GoldStore
from sentiment_assets.core.contracts import (
    CALENDAR_DAYS,
    CONTRACTS,
    DAILY_SUMMARY,
    DAILY_TREND,
    HOURLY_SENTIMENT,
    LANGUAGE_SENTIMENT,
    LIVE_SENTIMENT,
    POOLED_SENTIMENT,
    RISING_TOPICS,
    TOPIC_SENTIMENT,
    TOPIC_VOICE,
    WEEKLY_SENTIMENT,
    Contract,
)
from sentiment_assets.core.gold import ALL_POSTS, UNITS
from sentiment_assets.core.live import SLOT
from sentiment_assets.core.periods import month_of
from sentiment_assets.core.platforms import PLATFORMS

Unit = Literal["hour", "day", "slot"]

#: More days than this are drawn by day: hours would be thinner than a pixel.
MOST_DAYS_BY_HOUR = 14

#: What is made of bronze, date by date; live figures have a page of their own.
GOLD_TABLES = tuple(contract for contract in CONTRACTS.values() if contract.layer == "gold")

#: A download reads whole days of so many rows at a time.
BATCH_ROWS = 100_000

#: A z beyond this is unlikely to be chance.
BEYOND_CHANCE = 2.0

#: How much of the live figures is drawn.
LIVE_HOURS = 3

#: Live figures that were written so long after a slot, at most, show that it was counted.
HEARD_WITHIN = dt.timedelta(minutes=10)

_CELL = (
    "posts",
    "scored",
    "positive",
    "neutral",
    "negative",
    "sentiment_mean",
    "sentiment_standard_error",
    "fetched_share",
    "suppressed",
)
_COMPARISON = (
    "trailing_days",
    "trailing_scored",
    "trailing_mean",
    "change",
    "change_z",
    "volume_ratio",
)
#: What makes means of several days, with their errors.
_ADDABLE = (
    "sentiment_sum",
    "sentiment_square_sum",
    "engagement_weight",
    "engagement_sentiment_sum",
)
_EXTREMES = ("best_hour", "best_hour_mean", "worst_hour", "worst_hour_mean")
_SUMMED = (
    "posts",
    "scored",
    "unscored_no_text",
    "unscored_language_unknown",
    "unscored_language_not_supported",
    "redacted",
    "late",
    "observations",
    "duplicates",
    "quarantined",
    "windows_complete",
    "windows_partial",
    "windows_unavailable",
    "hidden_hours",
)


@dataclass(frozen=True)
class Available:
    """What gold holds: its days (oldest first), platforms, and when it was last written (UTC)."""

    days: tuple[dt.date, ...]
    platforms: tuple[str, ...]
    written_at: dt.datetime


@dataclass(frozen=True)
class Span:
    """Days, both included, UTC, of every platform."""

    first: dt.date
    last: dt.date

    @property
    def days(self) -> tuple[dt.date, dt.date]:
        """The first and the last."""
        return (self.first, self.last)

    @property
    def length(self) -> int:
        """How many days they are."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True)
class Selection:
    """What the reader chose: days (both included, UTC), one platform, one topic or all posts.

    Platforms are never added up: who writes there, and how much of it is fetched, differs.
    """

    first: dt.date
    last: dt.date
    platform: str
    topic: str = ALL_POSTS

    @property
    def span(self) -> Span:
        """The days alone."""
        return Span(self.first, self.last)

    @property
    def unit(self) -> Unit:
        """How fine the series is: gold counts topics by day only."""
        days = (self.last - self.first).days + 1
        return "hour" if self.topic == ALL_POSTS and days <= MOST_DAYS_BY_HOUR else "day"


def available(store: GoldStore, *tables: Contract) -> Available | None:
    """What gold holds; None before its first day was written.

    Args:
        store: where it is read.
        tables: whose days and platforms, the first one's; by default those of most pages.
    """
    tables = tables or (DAILY_SUMMARY, HOURLY_SENTIMENT, DAILY_TREND)
    sizes = partition_sizes(store, tables[0])
    if sizes.is_empty():
        return None
    written = [partition_sizes(store, contract)["modified_at"].max() for contract in tables]
    return Available(
        days=tuple(sizes["date"].unique().sort()),
        platforms=in_order(sizes["platform"]),
        written_at=max(moment for moment in written if isinstance(moment, dt.datetime)),
    )


def in_order(platforms: Iterable[str]) -> tuple[str, ...]:
    """Platforms, each once, in the order in which they are always shown."""
    held = set(platforms)
    return tuple(name for name in PLATFORMS if name in held)


def series(store: GoldStore, selection: Selection) -> pl.DataFrame:
    """The sentiment and volume of each hour or day (``selection.unit``), without holes in time.

    Columns: start, end (UTC), posts, scored, positive, neutral, negative, sentiment_mean,
    sentiment_standard_error, fetched_share, suppressed. An hour or day that gold doesn't know was
    never fetched: its share is 0 and its measures are null.
    """
    if selection.unit == "day":
        return _by_day(days(store, selection))
    rows = _rows(store, HOURLY_SENTIMENT, selection, ("hour", *_CELL))
    return _without_holes(rows.rename({"hour": "start"}), "1h")


def _by_day(cells: pl.DataFrame) -> pl.DataFrame:
    midnight = pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return _without_holes(cells.select(midnight.alias("start"), *_CELL), "1d")


def _without_holes(cells: pl.DataFrame, step: str) -> pl.DataFrame:
    if cells.height > 1:
        cells = cells.sort("start").upsample("start", every=step)
    return cells.select(
        "start",
        pl.col("start").dt.offset_by(step).alias("end"),
        pl.col(_CELL[:-2]),
        pl.col("fetched_share").fill_null(0.0),
        pl.col("suppressed").fill_null(False),
    )


def days(store: GoldStore, selection: Selection) -> pl.DataFrame:
    """Each day with its measures and its comparison to the seven days before, oldest first.

    Columns: date, those of :func:`series` after ``end``, trailing_days, trailing_scored,
    trailing_mean, change, change_z, volume_ratio; for all posts also best_hour, best_hour_mean,
    worst_hour, worst_hour_mean.
    """
    if selection.topic == ALL_POSTS:
        cells = _rows(store, DAILY_SUMMARY, selection, ("date", *_CELL, *_EXTREMES))
    else:
        cells = _rows(
            store,
            TOPIC_SENTIMENT,
            selection,
            ("date", *_CELL),
            topic_kind="tracked",
            topic=selection.topic,
        )
    comparison = _rows(store, DAILY_TREND, selection, ("date", *_COMPARISON), topic=selection.topic)
    return cells.join(comparison, on="date", how="left").sort("date")


def pools(store: GoldStore, selection: Selection) -> pl.DataFrame:
    """The finest figures in which the selected days' hidden cells may be shown.

    One row a hidden day and topic (``all`` for all posts) whose pool is shown. Columns: date,
    topic, grain, period_start, days (the hidden days together), and those of :func:`series` from
    posts to sentiment_standard_error, all of the pool. A day may be pooled in a later partition:
    that of the Sunday which closes its month, at the latest.
    """
    closed = dataclasses.replace(selection, last=month_of(selection.last).closed_by)
    measures = _CELL[:-2]
    rows = _rows(
        store, POOLED_SENTIMENT, closed,
        ("topic", "grain", "period_start", "days", *measures, "suppressed"),
    )  # fmt: skip
    return (
        rows.filter(~pl.col("suppressed"))
        .with_columns(date="days")
        .explode("date", empty_as_null=True)
        .filter(pl.col("date").is_between(selection.first, selection.last))
        .select("date", "topic", "grain", "period_start", "days", *measures)
    )


def topics(store: GoldStore, selection: Selection) -> pl.DataFrame:
    """The tracked topics of the newest day that has any, most posts first, hidden ones last.

    Columns: date, topic, posts, scored, sentiment_mean, trailing_days, trailing_scored,
    trailing_mean, change, change_z, volume_ratio, fetched_share, suppressed.
    """
    rows = _rows(
        store,
        DAILY_TREND,
        selection,
        (
            "date", "topic", "posts", "scored", "sentiment_mean", *_COMPARISON, "fetched_share",
            "suppressed",
        ),
    ).filter(pl.col("topic") != ALL_POSTS)  # fmt: skip
    newest = rows.filter(pl.col("date") == pl.col("date").max())
    return newest.sort("posts", "topic", descending=[True, False], nulls_last=True)


def hashtags(store: GoldStore, selection: Selection, limit: int = 12) -> pl.DataFrame:
    """The hashtags with the most posts over the days, summed over the days that gold publishes.

    Columns: topic (without #), posts, scored, days, sentiment_mean. A hashtag of too few authors
    in a day has no row for it: the sums leave that day out.
    """
    rows = _rows(
        store,
        TOPIC_SENTIMENT,
        selection,
        ("topic", "posts", "scored", "sentiment_sum"),
        topic_kind="hashtag",
    )
    return (
        rows.group_by("topic")
        .agg(
            pl.col("posts", "scored").sum(),
            days=pl.len(),
            sentiment_mean=pl.when(pl.col("scored").sum() > 0).then(
                pl.col("sentiment_sum").sum() / pl.col("scored").sum() / UNITS
            ),
        )
        .sort("posts", "topic", descending=[True, False])
        .head(limit)
    )


def tracked_topics(store: GoldStore, selection: Selection) -> list[str]:
    """Names of the tracked topics that gold knows in these days."""
    rows = _rows(store, DAILY_TREND, selection, ("topic",))
    return rows.filter(pl.col("topic") != ALL_POSTS)["topic"].unique().sort().to_list()


@dataclass(frozen=True)
class Health:
    """How much the figures of some days rest on. Sums are over published days.

    ``days`` are those that gold holds, ``days_asked`` those between first and last. A cell whose
    figures are hidden had too few authors, or protects one that had; ``topics`` counts the cells of
    tracked topics.
    """

    days: int
    days_asked: int
    hidden_days: int
    topics: int
    hidden_topics: int
    fetched_share: float
    recipes: int
    #: The least that shown cells needed when the rows were made; several after a change.
    min_authors: str
    #: Name and version; none where gold is older than the column.
    scorers: tuple[str, ...]
    sums: dict[str, int]


def health(store: GoldStore, selection: Selection) -> Health:
    """The data health of all posts of the selected days, whatever the topic."""
    rows = _rows(
        store,
        DAILY_SUMMARY,
        selection,
        (*_SUMMED, "fetched_share", "recipes", "scorers", "suppressed", "min_authors"),
    )
    topic_cells = _rows(store, TOPIC_SENTIMENT, selection, ("suppressed",), topic_kind="tracked")
    asked = (selection.last - selection.first).days + 1
    return Health(
        days=rows.height,
        days_asked=asked,
        hidden_days=int(rows["suppressed"].sum()),
        topics=topic_cells.height,
        hidden_topics=int(topic_cells["suppressed"].sum()),
        fetched_share=float(rows["fetched_share"].sum()) / asked,
        min_authors=", ".join(map(str, rows["min_authors"].drop_nulls().unique().sort())) or "-",
        recipes=rows["recipes"].explode().drop_nulls().n_unique(),
        scorers=tuple(rows["scorers"].explode().drop_nulls().unique().sort()),
        sums={name: int(rows[name].sum()) for name in _SUMMED},
    )


def headlines(store: GoldStore, span: Span) -> pl.DataFrame:
    """Each platform's newest day, all posts, with its comparison to the seven days before.

    Columns: date, platform, those of :func:`series` from posts to suppressed,
    engagement_sentiment_mean, trailing_days, trailing_scored, trailing_mean, change, change_z,
    volume_ratio.
    """
    cells = _newest(
        store, DAILY_SUMMARY, span.days, ("date", "platform", *_CELL, "engagement_sentiment_mean")
    )
    comparison = _newest(
        store, DAILY_TREND, span.days, ("date", "platform", *_COMPARISON), topic=ALL_POSTS
    )
    return cells.join(comparison, on=["date", "platform"], how="left")


def changes(store: GoldStore, span: Span, limit: int = 10) -> pl.DataFrame:
    """What changed most on each platform's newest day: beyond chance, largest z first.

    Columns: date, platform, topic, sentiment_mean, scored, change, change_z, trailing_scored,
    fetched_share, scorers.
    """
    columns = (
        "date", "platform", "topic", "sentiment_mean", "scored", "change", "change_z",
        "trailing_scored", "fetched_share", "scorers",
    )  # fmt: skip
    rows = _newest(store, DAILY_TREND, span.days, columns)
    return (
        rows.filter(pl.col("change_z").abs() >= BEYOND_CHANCE)
        .sort(pl.col("change_z").abs(), descending=True)
        .head(limit)
    )


def voice(store: GoldStore, span: Span) -> pl.DataFrame:
    """Share of voice of the tracked topics on each platform's newest day.

    Columns: date, platform, topic, brand, category, own, posts, scored, voice_share, voice_topics,
    hidden_topics, day_share, engagement_share, sentiment_mean, trailing_voice_share, voice_change,
    voice_change_z, trailing_posts, fetched_share, suppressed.
    """
    return _newest(
        store, TOPIC_VOICE, span.days,
        ("date", "platform", "topic", "brand", "category", "own", "posts", "scored", "voice_share",
         "voice_topics", "hidden_topics", "day_share", "engagement_share", "sentiment_mean",
         "trailing_voice_share", "voice_change", "voice_change_z", "trailing_posts",
         "fetched_share", "suppressed"),
    )  # fmt: skip


def voice_over_time(store: GoldStore, selection: Selection) -> pl.DataFrame:
    """One topic's share of voice by day: date, voice_share, posts, voice_topics, hidden_topics."""
    return _rows(
        store, TOPIC_VOICE, selection,
        ("date", "voice_share", "engagement_share", "day_share", "posts", "voice_topics",
         "hidden_topics", "fetched_share"),
        topic=selection.topic,
    ).sort("date")  # fmt: skip


def rising(store: GoldStore, span: Span, limit: int = 12) -> pl.DataFrame:
    """Topics and hashtags whose volume grew beyond chance on each platform's newest day.

    Columns: date, platform, topic_kind, topic, posts, scored, sentiment_mean, expected_posts,
    growth, growth_z, trailing_days, is_new, fetched_share; most certain first.
    """
    columns = (
        "date", "platform", "topic_kind", "topic", "posts", "scored", "sentiment_mean",
        "expected_posts", "growth", "growth_z", "trailing_days", "is_new", "fetched_share",
        "rising",
    )  # fmt: skip
    rows = _newest(store, RISING_TOPICS, span.days, columns)
    return (
        rows.filter("rising")
        .drop("rising")
        .sort("growth_z", descending=True, nulls_last=True)
        .head(limit)
    )


def weeks(store: GoldStore, selection: Selection) -> pl.DataFrame:
    """The calendar weeks of one topic or all posts, each up to its newest day, newest first.

    Columns: week_start, date (the last day counted), days_shown, days_hidden, posts, scored,
    sentiment_mean, sentiment_standard_error, engagement_sentiment_mean, previous_scored, change,
    change_z, fetched_share.
    """
    rows = _rows(
        store, WEEKLY_SENTIMENT, selection,
        ("week_start", "date", "days_shown", "days_hidden", "posts", "scored", "sentiment_mean",
         "sentiment_standard_error", "engagement_sentiment_mean", "previous_scored", "change",
         "change_z", "fetched_share"),
        topic=selection.topic,
    )  # fmt: skip
    return (
        rows.sort("date")
        .unique("week_start", keep="last", maintain_order=True)
        .sort("week_start", descending=True)
    )


def languages(store: GoldStore, selection: Selection) -> pl.DataFrame:
    """Languages over the days, summed over the days that gold shows, most posts first.

    Columns: lang, posts, scored, days, hidden_days, sentiment_mean.
    """
    rows = _rows(
        store, LANGUAGE_SENTIMENT, selection,
        ("lang", "posts", "scored", "sentiment_sum", "suppressed"),
    )  # fmt: skip
    return (
        rows.group_by("lang")
        .agg(
            pl.col("posts", "scored").sum(),
            days=(~pl.col("suppressed")).sum(),
            hidden_days=pl.col("suppressed").sum(),
            sentiment_mean=pl.when(pl.col("scored").sum() > 0).then(
                pl.col("sentiment_sum").sum() / pl.col("scored").sum() / UNITS
            ),
        )
        .sort("posts", "lang", descending=[True, False])
    )


def language_series(store: GoldStore, selection: Selection, lang: str) -> pl.DataFrame:
    """One language by day; columns as :func:`series` gives them."""
    cells = _rows(store, LANGUAGE_SENTIMENT, selection, ("date", *_CELL), lang=lang)
    return _by_day(cells)


def marks(store: GoldStore, span: Span, platform: str | None, topic: str | None) -> pl.DataFrame:
    """What else went on in these days: one row a mark, however many days and platforms it has.

    With a topic, marks of that topic and those of none; without, all of them. Columns: kind, name,
    topic, market, note, source, start (its first day of these), first_date, last_date, platforms.
    """
    columns = (
        "date", "platform", "kind", "name", "topic", "market", "note", "source", "first_date",
        "last_date",
    )  # fmt: skip
    rows = _read(store, CALENDAR_DAYS, span.days, platform, columns, {})
    if topic is not None:
        rows = rows.filter(pl.col("topic").is_in([topic, ALL_POSTS]))
    return (
        rows.group_by("kind", "name", "topic", "source", "first_date", "last_date")
        .agg(
            pl.col("note").drop_nulls().first(),
            start=pl.col("date").min(),
            end=pl.col("date").max(),
            platforms=pl.col("platform").unique().sort(),
            markets=pl.col("market").unique().sort(),
        )
        .sort("start", "kind", "name")
    )


def by_day_and_platform(store: GoldStore, span: Span, topic: str) -> pl.DataFrame:
    """Each day of each platform, of one topic or all posts: date, platform, and the measures.

    The measures are those of :func:`series` and the sums that days can be added up by.
    """
    columns = ("date", "platform", *_CELL, *_ADDABLE)
    if topic == ALL_POSTS:
        return _of_all(store, DAILY_SUMMARY, span.days, columns).sort("date", "platform")
    cells = _of_all(store, TOPIC_SENTIMENT, span.days, columns, topic_kind="tracked", topic=topic)
    return cells.sort("date", "platform")


def platform_totals(cells: pl.DataFrame, days: int) -> pl.DataFrame:
    """Each platform over all its shown days, out of :func:`by_day_and_platform`.

    Columns: platform, posts, scored, positive, negative (shares of scored), sentiment_mean,
    sentiment_standard_error, engagement_sentiment_mean, days, hidden_days, fetched_share (of all
    days asked for).
    """
    n, total, squares = pl.col("scored"), pl.col("sentiment_sum"), pl.col("sentiment_square_sum")
    sums = cells.group_by("platform").agg(
        pl.col("posts", "scored", "positive", "negative", *_ADDABLE).sum(),
        days=(~pl.col("suppressed")).sum(),
        hidden_days=pl.col("suppressed").sum(),
        fetched_share=pl.col("fetched_share").sum() / days,
    )
    order = {name: place for place, name in enumerate(PLATFORMS)}
    return (
        sums.with_columns(
            pl.when(n > 0).then(pl.col("positive") / n).alias("positive"),
            pl.when(n > 0).then(pl.col("negative") / n).alias("negative"),
            sentiment_mean=pl.when(n > 0).then(total / n / UNITS),
            sentiment_standard_error=pl.when(n > 1).then(
                (
                    ((squares.cast(pl.Float64) - total.cast(pl.Float64) ** 2 / n) / (n - 1) / n)
                    .clip(0)
                    .sqrt()
                )
                / UNITS
            ),
            engagement_sentiment_mean=pl.when(pl.col("engagement_weight") > 0).then(
                pl.col("engagement_sentiment_sum") / pl.col("engagement_weight") / UNITS
            ),
        )
        .drop(_ADDABLE)
        .sort(pl.col("platform").replace_strict(order, default=len(order)))
    )


def platform_series(cells: pl.DataFrame, platform: str) -> pl.DataFrame:
    """One platform of :func:`by_day_and_platform`; columns as :func:`series` gives them."""
    return _by_day(cells.filter(platform=platform))


def coverage(store: GoldStore, span: Span) -> pl.DataFrame:
    """Data health of all posts of each day and platform: date, platform, and gold's counts."""
    columns = ("date", "platform", *_SUMMED, "fetched_share", "suppressed")
    return _of_all(store, DAILY_SUMMARY, span.days, columns).sort("date", "platform")


def hidden_cells(store: GoldStore, span: Span) -> pl.DataFrame:
    """Cells of tracked topics by platform: platform, cells, hidden."""
    rows = _of_all(
        store, TOPIC_SENTIMENT, span.days, ("platform", "suppressed"), topic_kind="tracked"
    )
    return rows.group_by("platform").agg(cells=pl.len(), hidden=pl.col("suppressed").sum())


def freshness(store: GoldStore, platforms: Sequence[str]) -> pl.DataFrame:
    """How new each table of gold is, of each platform that it holds something of.

    Columns: table, platform, newest_day, rows, modified_at (when its newest day was written).
    """
    parts = [
        partition_sizes(store, contract)
        .filter(pl.col("platform").is_in(platforms))
        .sort("date")
        .group_by("platform")
        .agg(
            newest_day=pl.col("date").last(),
            rows=pl.col("rows").sum(),
            modified_at=pl.col("modified_at").last(),
        )
        .select(
            pl.lit(contract.table).alias("table"), "platform", "newest_day", "rows", "modified_at"
        )
        for contract in GOLD_TABLES
    ]
    return pl.concat(parts)


def live_cells(store: GoldStore, platform: str, now: dt.datetime) -> pl.DataFrame:
    """Live figures of the last :data:`LIVE_HOURS` of one platform.

    Columns: start, end (UTC), topic, updated_at, and those of :func:`series` that live has.
    """
    first = now - dt.timedelta(hours=LIVE_HOURS)
    selection = Selection(first.date(), now.date(), platform)
    columns = (
        "slot", "topic", "posts", "authors", "scored", "positive", "neutral", "negative",
        "sentiment_mean", "suppressed", "updated_at",
    )  # fmt: skip
    rows = _rows(store, LIVE_SENTIMENT, selection, columns)
    return (
        rows.filter(pl.col("slot") >= first)
        .rename({"slot": "start"})
        .with_columns(
            end=pl.col("start") + SLOT,
            # How much of what was written came through the stream is not known; no spread is kept.
            fetched_share=pl.lit(None, pl.Float64),
            sentiment_standard_error=pl.lit(None, pl.Float64),
        )
        .sort("start")
    )


def live_series(cells: pl.DataFrame, topic: str) -> pl.DataFrame:
    """The cells of one topic, without holes in time.

    A slot without a cell had no posts (counts of 0) if the stream was counting then: it has other
    cells, or figures of the platform were written in it or within :data:`HEARD_WITHIN` after it.
    Otherwise the stream may have stood still, and the slot's measures are null.
    """
    rows = cells.filter(pl.col("topic") == topic)
    if rows.height > 1:
        rows = rows.upsample("start", every="5m")
    written = cells.select(heard_at=pl.col("updated_at").drop_nulls().unique().sort())
    heard = pl.col("heard_at").is_not_null() | pl.col("start").is_in(cells["start"].implode())
    silent = pl.col("suppressed").is_null() & heard
    counts = pl.col("posts", "authors", "scored", "positive", "neutral", "negative")
    return (
        rows.sort("start")
        .join_asof(
            written,
            left_on="start",
            right_on="heard_at",
            strategy="forward",
            tolerance=SLOT + HEARD_WITHIN,
        )
        .with_columns(pl.when(silent).then(0).otherwise(counts).name.keep())
        .with_columns(end=pl.col("start") + SLOT, suppressed=pl.col("suppressed").fill_null(False))
        .drop("heard_at")
    )


def _rows(
    store: GoldStore,
    contract: Contract,
    selection: Selection,
    columns: Sequence[str],
    **equal: str,
) -> pl.DataFrame:
    """Columns of the rows of the selected days and platform where these columns hold these."""
    days = (selection.first, selection.last)
    return _read(store, contract, days, selection.platform, columns, equal)


def _of_all(
    store: GoldStore,
    contract: Contract,
    days: tuple[dt.date, dt.date],
    columns: Sequence[str],
    **equal: str,
) -> pl.DataFrame:
    """The same of every platform."""
    return _read(store, contract, days, None, columns, equal)


def _newest(
    store: GoldStore,
    contract: Contract,
    days: tuple[dt.date, dt.date],
    columns: Sequence[str],
    **equal: str,
) -> pl.DataFrame:
    """The rows of each platform's newest day among these days; no other day is opened."""
    newest = (
        partition_sizes(store, contract)
        .filter(pl.col("date").is_between(*days))
        .group_by("platform")
        .agg(pl.col("date").max())
    )
    parts = [
        _read(store, contract, (date, date), platform, columns, equal)
        for platform, date in newest.select("platform", "date").sort("platform").iter_rows()
    ]
    return pl.concat(parts) if parts else _of_all(store, contract, days, columns, **equal)


def batches(
    store: GoldStore, contract: Contract, selection: Selection | Span
) -> Iterator[pl.DataFrame]:
    """Whole rows of a table, for a download: all columns, so that n and coverage go with them.

    Some days at a time, oldest first, each batch in the order of the table's key: at most
    :data:`BATCH_ROWS` rows, or one day's. The first batch comes even where there are no rows. They
    are read past the pages' cache, which one large download would empty of everybody's pages.
    """
    platform = selection.platform if isinstance(selection, Selection) else None
    sizes = partition_sizes(store, contract).filter(
        pl.col("date").is_between(selection.first, selection.last)
    )
    if platform is not None:
        sizes = sizes.filter(platform=platform)
    by_day = sizes.group_by("date").agg(pl.col("rows").sum()).sort("date")
    spans: list[tuple[dt.date, dt.date]] = []
    gathered = 0
    for date, count in by_day.iter_rows():
        gathered += count
        if spans and gathered <= BATCH_ROWS:
            spans[-1] = (spans[-1][0], date)
        else:
            spans.append((date, date))
            gathered = count
    for first, last in spans or [(selection.first, selection.last)]:
        found = store.rows(contract, first, last, platform, contract.schema.names, {})
        yield found.sort(*contract.key)


def _read(
    store: GoldStore,
    contract: Contract,
    days: tuple[dt.date, dt.date],
    platform: str | None,
    columns: Sequence[str],
    equal: Mapping[str, str],
) -> pl.DataFrame:
    return _cached_rows(
        store,
        contract,
        (store.address, contract.name, store.version(contract)),
        days,
        platform,
        tuple(columns),
        tuple(equal.items()),
    )


# Streamlit leaves arguments with a leading underscore out of the key.
@st.cache_data(max_entries=256, max_size="256 MB", show_spinner="Reading gold …")
def _cached_rows(
    _store: GoldStore,
    _contract: Contract,
    table: tuple[str, str, str],
    days: tuple[dt.date, dt.date],
    platform: str | None,
    columns: tuple[str, ...],
    equal: tuple[tuple[str, str], ...],
) -> pl.DataFrame:
    return _store.rows(_contract, *days, platform, columns, dict(equal))


def partition_sizes(store: GoldStore, contract: Contract) -> pl.DataFrame:
    """What the store holds of a table; see :meth:`GoldStore.partition_sizes`."""
    return _cached_sizes(store, contract, (store.address, contract.name, store.version(contract)))


@st.cache_data(max_entries=32, show_spinner=False)
def _cached_sizes(
    _store: GoldStore, _contract: Contract, table: tuple[str, str, str]
) -> pl.DataFrame:
    return _store.partition_sizes(_contract)
