"""The overview: all platforms side by side, and what moved.

What belongs here: layout and wording. Platforms are shown beside each other and never added up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st

from dashboard import charts, export, filters, over_time, queries, rankings, wording
from dashboard.page import Page
from dashboard.queries import Span
from sentiment_assets.core.contracts import (
    CALENDAR_DAYS,
    DAILY_SUMMARY,
    DAILY_TREND,
    RISING_TOPICS,
    TOPIC_VOICE,
)
from sentiment_assets.core.gold import ALL_POSTS, TRAILING_DAYS


def view(page: Page) -> None:
    """Draw the overview."""
    [place, _] = st.columns([2, 3])
    span = Span(*filters.days(place, page.asked, page.known.days[0], page.known.days[-1]))
    what_else = over_time.what_else(page, span, None, ALL_POSTS)
    _headlines(page, span)
    _by_day(page, span, what_else)
    _changes(page, span)
    left, right = st.columns(2, gap="large")
    with left:
        _voice(page, span)
    with right:
        _rising(page, span)
    over_time.list_marks(page, span, what_else)
    export.links([DAILY_SUMMARY, DAILY_TREND, TOPIC_VOICE, RISING_TOPICS, CALENDAR_DAYS], span)


def _headlines(page: Page, span: Span) -> None:
    rows = queries.headlines(page.store, span)
    st.header("The newest day of each platform", anchor=False)
    if rows.is_empty():
        st.info("Gold holds no posts of these days.")
        return
    cells = {row["platform"]: row for row in rows.iter_rows(named=True)}
    held = queries.in_order(cells)
    for column, name in zip(st.columns(max(len(held), 2)), held, strict=False):
        with column.container(border=True, height="stretch"):
            _headline(page, name, cells[name])


def _headline(page: Page, name: str, cell: Mapping[str, Any]) -> None:
    title, date = wording.platform(name), wording.day(cell["date"])
    fetched = f"{wording.share(cell['fetched_share'])} of the day fetched"
    if cell["suppressed"]:
        st.metric(f"{title}: mean sentiment", wording.NONE)
        st.caption(
            f"{date} is {wording.hidden(page.min_authors)}, or needed to hide such a figure "
            f"({fetched}). The page *Days* shows hidden days together."
        )
        return
    change = cell["change"]
    st.metric(
        f"{title}: mean sentiment",
        wording.signed(cell["sentiment_mean"]),
        None if change is None else f"{wording.signed(change)} ({_meaning(cell['change_z'])})",
        delta_color="blue" if (change or 0) >= 0 else "orange",
    )
    compared = (
        f"Change against {wording.count(cell['trailing_days'], 'day')} before "
        f"(n = {cell['trailing_scored']:,})."
        if change is not None
        else f"No published figures in the {TRAILING_DAYS} days before."
    )
    more = wording.volume_change(cell["volume_ratio"], cell["fetched_share"])
    volume = "" if more is None else f" ({more} against those days)"
    weighted = wording.signed(cell["engagement_sentiment_mean"])
    st.caption(
        f"{date}, {fetched}. n = {cell['scored']:,} scored of {cell['posts']:,} posts{volume}. "
        f"{compared} Weighted by engagement: {weighted}."
    )


def _meaning(z: float | None) -> str:
    if z is None:
        return "z unknown"
    beyond = abs(z) >= queries.BEYOND_CHANCE
    return f"z {z:+.1f}" if beyond else f"z {z:+.1f}, may be chance"


def _by_day(page: Page, span: Span, what_else: pl.DataFrame) -> None:
    cells = queries.by_day_and_platform(page.store, span, ALL_POSTS)
    st.header("Sentiment by day", anchor=False)
    hidden = int(cells["suppressed"].sum())
    note = (
        f"All posts, {wording.span(span.first, span.last)}; n = {cells['scored'].sum():,} scored "
        f"posts. {wording.count(hidden, 'day')} {wording.hidden(page.min_authors)}, or needed to "
        "hide such a day. A platform has its own colour and shape."
    )
    if cells["sentiment_mean"].is_null().all():
        st.info(f"No scored posts are shown for these days. {note}")
        return
    st.altair_chart(
        charts.side_by_side(cells, what_else),
        alt=f"Mean sentiment by day and platform, UTC. {note}",
    )
    st.caption(note)


def _changes(page: Page, span: Span) -> None:
    rows = queries.changes(page.store, span)
    st.header("What changed most", anchor=False)
    bound = f"|z| of at least {queries.BEYOND_CHANCE:g}"
    if rows.is_empty():
        st.info(
            f"Nothing changed beyond chance ({bound}) on the newest day of any platform, against "
            f"the {TRAILING_DAYS} days before."
        )
        return
    mixed = rows.filter(pl.col("scorers").list.len() > 1).height
    st.dataframe(
        rows.select(
            pl.col("topic").replace({ALL_POSTS: wording.topic(ALL_POSTS)}),
            pl.col("platform").replace(
                {name: wording.platform(name) for name in rows["platform"].unique()}
            ),
            "change", "change_z", "sentiment_mean", "scored", "trailing_scored",
            wording.percent("fetched_share"), "date",
        ),
        column_config={
            "topic": st.column_config.TextColumn("topic", pinned=True),
            "change": st.column_config.NumberColumn("change", format="%+.3f"),
            "change_z": st.column_config.NumberColumn("z", format="%+.1f"),
            "sentiment_mean": st.column_config.NumberColumn("mean", format="%+.3f"),
            "scored": st.column_config.NumberColumn("n", format="localized"),
            "trailing_scored": st.column_config.NumberColumn("n before", format="localized"),
            "fetched_share": st.column_config.NumberColumn("fetched", format="%.0f%%"),
            "date": st.column_config.DateColumn("day", format="ddd D MMM"),
        },
        hide_index=True,
        placeholder=wording.NONE,
        alt="What changed most: topic, platform, change, z, mean, n",
    )  # fmt: skip
    scorers = (
        f" {wording.count(mixed, 'row')} compare figures of several scorers: the change may be "
        "theirs."
        if mixed
        else ""
    )
    st.caption(
        f"The newest day of each platform against the {TRAILING_DAYS} days before, {bound}: "
        f"unlikely to be chance. Among many topics a few pass by chance all the same.{scorers}"
    )


def _voice(page: Page, span: Span) -> None:
    st.header("Share of voice", anchor=False)
    rows = queries.voice(page.store, span)
    if rows.is_empty():
        st.info("No share of voice in these days: `gold/topic_voice` has no rows of them.")
        return
    shown = rows.filter(pl.col("voice_share").is_not_null())
    note = (
        f"Of the mentions of all shown tracked topics on each platform's newest day "
        f"({_dates(rows)}); n = {shown['posts'].sum():,} mentions. "
        f"{wording.count(rows.height - shown.height, 'topic')} hidden, and in no share. A post "
        "with two topics counts in both."
    )
    if shown.is_empty():
        st.info(f"No topic is shown. {note}")
        return
    st.altair_chart(rankings.voice(rows), alt=f"Share of voice by topic and platform. {note}")
    st.caption(note)


def _rising(page: Page, span: Span) -> None:
    st.header("Rising topics", anchor=False)
    if queries.partition_sizes(page.store, RISING_TOPICS).is_empty():
        st.info("No rising topics yet: `gold/rising_topics` has no rows.")
        return
    rows = queries.rising(page.store, span)
    if rows.is_empty():
        st.info("No topic and no hashtag grew beyond chance on the newest day of any platform.")
        return
    hashtag = pl.col("topic_kind") == "hashtag"
    st.dataframe(
        rows.select(
            pl.when(hashtag).then(pl.format("#{}", "topic")).otherwise("topic").alias("topic"),
            pl.col("platform").replace(
                {name: wording.platform(name) for name in rows["platform"].unique()}
            ),
            "posts", "expected_posts", "growth", "growth_z", "sentiment_mean", "scored",
            wording.percent("fetched_share"),
            new=pl.when("is_new").then(pl.lit("new")).otherwise(pl.lit("")),
        ),
        column_config={
            "topic": st.column_config.TextColumn("topic", pinned=True),
            "posts": st.column_config.NumberColumn("posts", format="localized"),
            "expected_posts": st.column_config.NumberColumn("expected", format="%.0f"),
            "growth": st.column_config.NumberColumn("growth", format="%.1f x"),
            "growth_z": st.column_config.NumberColumn("z", format="%+.1f"),
            "sentiment_mean": st.column_config.NumberColumn("mean", format="%+.3f"),
            "scored": st.column_config.NumberColumn("n", format="localized"),
            "fetched_share": st.column_config.NumberColumn("fetched", format="%.0f%%"),
            "new": st.column_config.TextColumn("new"),
        },
        hide_index=True,
        placeholder=wording.NONE,
        alt="Rising topics: topic, platform, posts, expected posts, growth and z",
    )  # fmt: skip
    st.caption(
        f"Each platform's newest day ({_dates(rows)}) against the {TRAILING_DAYS} days before. "
        "Expected: what those days lead to expect, for what was fetched of each. New: shown on "
        "none of them."
    )


def _dates(rows: pl.DataFrame) -> str:
    return wording.listed(wording.day(date) for date in rows["date"].unique().sort())
