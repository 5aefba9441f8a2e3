"""What the page asks of gold: small Polars frames, cached until the table's next version.

What belongs here: which rows and columns are read, and sums over published rows. Only the days and
the platform asked for are opened. How a figure looks is ``charts.py`` and ``app.py``.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl
import streamlit as st

from sentiment_assets.core.contracts import (
    DAILY_SUMMARY,
    DAILY_TREND,
    HOURLY_SENTIMENT,
    LIVE_SENTIMENT,
    POOLED_SENTIMENT,
    TOPIC_SENTIMENT,
    Contract,
)
from sentiment_assets.core.gold import ALL_POSTS, UNITS
from sentiment_assets.core.live import SLOT
from sentiment_assets.core.periods import month_of
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.tables import Table

Unit = Literal["hour", "day", "slot"]

#: More days than this are drawn by day: hours would be thinner than a pixel.
MOST_DAYS_BY_HOUR = 14

#: How much of the live figures is drawn.
LIVE_HOURS = 3

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
class Selection:
    """What the reader chose: days (both included, UTC), one platform, one topic or all posts.

    Platforms are never added up: who writes there, and how much of it is fetched, differs.
    """

    first: dt.date
    last: dt.date
    platform: str
    topic: str = ALL_POSTS

    @property
    def unit(self) -> Unit:
        """How fine the series is: gold counts topics by day only."""
        days = (self.last - self.first).days + 1
        return "hour" if self.topic == ALL_POSTS and days <= MOST_DAYS_BY_HOUR else "day"


def available(lake: Lake) -> Available | None:
    """What gold holds; None before its first day was written."""
    table = lake.table(DAILY_SUMMARY)
    sizes = _partition_sizes(table, table.uri, table.version)
    if sizes.is_empty():
        return None
    written = [
        _partition_sizes(other, other.uri, other.version)["modified_at"].max()
        for other in (table, lake.table(HOURLY_SENTIMENT), lake.table(DAILY_TREND))
    ]
    return Available(
        days=tuple(sizes["date"].unique().sort()),
        platforms=tuple(name for name in PLATFORMS if name in set(sizes["platform"])),
        written_at=max(moment for moment in written if isinstance(moment, dt.datetime)),
    )


def series(lake: Lake, selection: Selection) -> pl.DataFrame:
    """The sentiment and volume of each hour or day (``selection.unit``), without holes in time.

    Columns: start, end (UTC), posts, scored, positive, neutral, negative, sentiment_mean,
    sentiment_standard_error, fetched_share, suppressed. An hour or day that gold doesn't know was
    never fetched: its share is 0 and its measures are null.
    """
    if selection.unit == "hour":
        rows = _rows(lake, HOURLY_SENTIMENT, selection, ("hour", *_CELL))
        cells = rows.rename({"hour": "start"})
    else:
        cells = days(lake, selection).select(
            pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("start"),
            *_CELL,
        )
    step = "1h" if selection.unit == "hour" else "1d"
    if cells.height > 1:
        cells = cells.sort("start").upsample("start", every=step)
    return cells.select(
        "start",
        pl.col("start").dt.offset_by(step).alias("end"),
        pl.col(_CELL[:-2]),
        pl.col("fetched_share").fill_null(0.0),
        pl.col("suppressed").fill_null(False),
    )


def days(lake: Lake, selection: Selection) -> pl.DataFrame:
    """Each day with its measures and its comparison to the seven days before, oldest first.

    Columns: date, those of :func:`series` after ``end``, trailing_days, trailing_scored,
    trailing_mean, change, change_z, volume_ratio; for all posts also best_hour, best_hour_mean,
    worst_hour, worst_hour_mean.
    """
    if selection.topic == ALL_POSTS:
        cells = _rows(lake, DAILY_SUMMARY, selection, ("date", *_CELL, *_EXTREMES))
    else:
        cells = _rows(
            lake,
            TOPIC_SENTIMENT,
            selection,
            ("date", *_CELL),
            topic_kind="tracked",
            topic=selection.topic,
        )
    comparison = _rows(lake, DAILY_TREND, selection, ("date", *_COMPARISON), topic=selection.topic)
    return cells.join(comparison, on="date", how="left").sort("date")


def pools(lake: Lake, selection: Selection) -> pl.DataFrame:
    """The finest figures in which the selected days' hidden cells may be shown.

    One row a hidden day and topic (``all`` for all posts) whose pool is shown. Columns: date,
    topic, grain, period_start, days (the hidden days together), and those of :func:`series` from
    posts to sentiment_standard_error, all of the pool. A day may be pooled in a later partition:
    that of the Sunday which closes its month, at the latest.
    """
    closed = dataclasses.replace(selection, last=month_of(selection.last).closed_by)
    measures = _CELL[:-2]
    rows = _rows(
        lake, POOLED_SENTIMENT, closed,
        ("topic", "grain", "period_start", "days", *measures, "suppressed"),
    )  # fmt: skip
    return (
        rows.filter(~pl.col("suppressed"))
        .with_columns(date="days")
        .explode("date", empty_as_null=True)
        .filter(pl.col("date").is_between(selection.first, selection.last))
        .select("date", "topic", "grain", "period_start", "days", *measures)
    )


def topics(lake: Lake, selection: Selection) -> pl.DataFrame:
    """The tracked topics of the newest day that has any, most posts first, hidden ones last.

    Columns: date, topic, posts, scored, sentiment_mean, trailing_days, trailing_scored,
    trailing_mean, change, change_z, volume_ratio, fetched_share, suppressed.
    """
    rows = _rows(
        lake,
        DAILY_TREND,
        selection,
        (
            "date", "topic", "posts", "scored", "sentiment_mean", *_COMPARISON, "fetched_share",
            "suppressed",
        ),
    ).filter(pl.col("topic") != ALL_POSTS)  # fmt: skip
    newest = rows.filter(pl.col("date") == pl.col("date").max())
    return newest.sort("posts", "topic", descending=[True, False], nulls_last=True)


def hashtags(lake: Lake, selection: Selection, limit: int = 12) -> pl.DataFrame:
    """The hashtags with the most posts over the days, summed over the days that gold publishes.

    Columns: topic (without #), posts, scored, days, sentiment_mean. A hashtag of too few authors
    in a day has no row for it: the sums leave that day out.
    """
    rows = _rows(
        lake,
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


def tracked_topics(lake: Lake, selection: Selection) -> list[str]:
    """Names of the tracked topics that gold knows in these days."""
    rows = _rows(lake, DAILY_TREND, selection, ("topic",))
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


def health(lake: Lake, selection: Selection) -> Health:
    """The data health of all posts of the selected days, whatever the topic."""
    rows = _rows(
        lake,
        DAILY_SUMMARY,
        selection,
        (*_SUMMED, "fetched_share", "recipes", "scorers", "suppressed", "min_authors"),
    )
    topic_cells = _rows(lake, TOPIC_SENTIMENT, selection, ("suppressed",), topic_kind="tracked")
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


def live_platforms(lake: Lake) -> list[str]:
    """Platforms of which live figures stand, in the order of the platforms."""
    table = lake.table(LIVE_SENTIMENT)
    held = set(_partition_sizes(table, table.uri, table.version)["platform"])
    return [name for name in PLATFORMS if name in held]


def live_cells(lake: Lake, platform: str, now: dt.datetime) -> pl.DataFrame:
    """Live figures of the last :data:`LIVE_HOURS` of one platform.

    Columns: start, end (UTC), topic, updated_at, and those of :func:`series` that live has.
    """
    first = now - dt.timedelta(hours=LIVE_HOURS)
    selection = Selection(first.date(), now.date(), platform)
    columns = (
        "slot", "topic", "posts", "authors", "scored", "positive", "neutral", "negative",
        "sentiment_mean", "suppressed", "updated_at",
    )  # fmt: skip
    rows = _rows(lake, LIVE_SENTIMENT, selection, columns)
    return (
        rows.filter(pl.col("slot") >= first)
        .rename({"slot": "start"})
        .with_columns(
            end=pl.col("start") + SLOT,
            # Nothing is fetched here, and no spread is kept.
            fetched_share=pl.lit(1.0),
            sentiment_standard_error=pl.lit(None, pl.Float64),
        )
        .sort("start")
    )


def live_series(cells: pl.DataFrame, topic: str) -> pl.DataFrame:
    """The cells of one topic, without holes in time: where there is none, nobody wrote."""
    rows = cells.filter(pl.col("topic") == topic)
    if rows.height > 1:
        rows = rows.upsample("start", every="5m")
    return rows.with_columns(
        end=pl.col("start") + SLOT,
        suppressed=pl.col("suppressed").fill_null(False),
        fetched_share=pl.lit(1.0),
    )


def _rows(
    lake: Lake, contract: Contract, selection: Selection, columns: Sequence[str], **equal: str
) -> pl.DataFrame:
    """Columns of the rows of the selected days and platform where these columns hold these."""
    table = lake.table(contract)
    return _read(
        table,
        table.uri,
        table.version,
        selection.first,
        selection.last,
        selection.platform,
        tuple(columns),
        tuple(equal.items()),
    )


# Streamlit leaves arguments with a leading underscore out of the key.
@st.cache_data(max_entries=64, show_spinner=False)
def _read(
    _table: Table,
    uri: str,
    version: int | None,
    first: dt.date,
    last: dt.date,
    platform: str,
    columns: tuple[str, ...],
    equal: tuple[tuple[str, str], ...],
) -> pl.DataFrame:
    partitions = [
        {"date": (first + dt.timedelta(days=day)).isoformat(), "platform": platform}
        for day in range((last - first).days + 1)
    ]
    rows = _table.scan(partitions)
    for name, value in equal:
        rows = rows.filter(pl.col(name) == value)
    return rows.select(columns).collect()


@st.cache_data(max_entries=8, show_spinner=False)
def _partition_sizes(_table: Table, uri: str, version: int | None) -> pl.DataFrame:
    return _table.partition_sizes()
