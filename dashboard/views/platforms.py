"""The platforms compared: the same days and the same topic on each.

What belongs here: layout and wording. Platforms are compared and never added up: who writes there,
and how much of it is fetched, differs.
"""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import charts, export, filters, over_time, queries, rankings, wording
from dashboard.page import Page
from dashboard.queries import Selection, Span
from sentiment_assets.core.contracts import CALENDAR_DAYS, DAILY_SUMMARY, TOPIC_SENTIMENT
from sentiment_assets.core.gold import ALL_POSTS


def view(page: Page) -> None:
    """Draw the comparison."""
    left, right, _ = st.columns([2, 2, 1])
    first, last = filters.days(left, page.asked, page.known.days[0], page.known.days[-1])
    span = Span(first, last)
    names = {
        name
        for platform in page.known.platforms
        for name in queries.tracked_topics(page.store, Selection(first, last, platform))
    }
    topic = filters.topic(right, page.asked, sorted(names))
    cells = queries.by_day_and_platform(page.store, span, topic)
    if cells.is_empty():
        st.info(f"No posts of {wording.subject(topic)} in these days, on any platform.")
        return
    what_else = over_time.what_else(page, span, None, topic)
    totals = queries.platform_totals(cells, span.length)
    _totals(page, span, topic, totals)
    _courses(page, cells, what_else)
    over_time.list_marks(page, span, what_else)
    cells_of = DAILY_SUMMARY if topic == ALL_POSTS else TOPIC_SENTIMENT
    export.links([cells_of, CALENDAR_DAYS], span)


def _totals(page: Page, span: Span, topic: str, totals: pl.DataFrame) -> None:
    st.header(f"All of these days: {wording.subject(topic)}", anchor=False)
    note = (
        f"{wording.span(span.first, span.last)}, over the days that gold shows. The line is one "
        "standard error to each side. Weighted by engagement: a post counts 1 + likes + replies + "
        "reposts."
    )
    if totals["sentiment_mean"].is_null().all():
        st.info(f"No figures are shown: every day is {wording.hidden(page.min_authors)}.")
    else:
        st.altair_chart(rankings.platforms(totals), alt=f"Mean sentiment of each platform. {note}")
    number = st.column_config.NumberColumn
    st.dataframe(
        totals.select(
            pl.col("platform").replace(
                {name: wording.platform(name) for name in totals["platform"]}
            ),
            "sentiment_mean", "scored", "sentiment_standard_error", "engagement_sentiment_mean",
            "posts", wording.percent("positive"), wording.percent("negative"), "days",
            "hidden_days", wording.percent("fetched_share"),
        ),
        column_config={
            "platform": st.column_config.TextColumn("platform", pinned=True),
            "sentiment_mean": number("mean", format="%+.3f"),
            "scored": number("n", format="localized"),
            "sentiment_standard_error": number("error", format="%.3f"),
            "engagement_sentiment_mean": number("weighted", format="%+.3f"),
            "posts": number("posts", format="localized"),
            "positive": number("positive", format="%.0f%%"),
            "negative": number("negative", format="%.0f%%"),
            "days": number("days"),
            "hidden_days": number("hidden days"),
            "fetched_share": number("fetched", format="%.0f%%"),
        },
        hide_index=True,
        placeholder=wording.NONE,
        alt="Platforms: mean, n, standard error, weighted mean, posts, shares, fetched share",
    )  # fmt: skip
    st.caption(
        f"{note} n counts scored posts; shares are of n. Fetched: of "
        f"{wording.count(span.length, 'day')}; where it is low, posts are too few by about that."
    )


def _courses(page: Page, cells: pl.DataFrame, what_else: pl.DataFrame) -> None:
    st.header("Sentiment by day, on one scale", anchor=False)
    bounds = _bounds(cells)
    if bounds is None:
        st.info("No day of these is shown on any platform.")
        return
    for name in queries.in_order(cells["platform"]):
        series = queries.platform_series(cells, name)
        shown = series.filter(pl.col("sentiment_mean").is_not_null())
        hidden = int(series["suppressed"].sum())
        st.subheader(wording.platform(name), anchor=False)
        note = (
            f"n = {shown['scored'].sum():,} scored posts in "
            f"{wording.count(shown.height, 'shown day')}; {wording.count(hidden, 'day')} "
            f"{wording.hidden(page.min_authors)}."
        )
        if shown.is_empty():
            st.info(f"No day is shown. {note}")
            continue
        own = what_else.filter(pl.col("platforms").list.contains(name))
        st.altair_chart(
            charts.sentiment(
                series, "day", wording.hidden(page.min_authors), bounds=bounds, height=250,
                marks=own,
            ),
            alt=f"{wording.platform(name)}: mean sentiment by day, UTC. {note}",
        )  # fmt: skip
        st.caption(note)


def _bounds(cells: pl.DataFrame) -> tuple[float, float] | None:
    """From the lowest to the highest band of all platforms, zero included."""
    error = pl.col("sentiment_standard_error").fill_null(0)
    low, high = cells.select(
        low=(pl.col("sentiment_mean") - error).min(), high=(pl.col("sentiment_mean") + error).max()
    ).row(0)
    return None if low is None else (min(0.0, low), max(0.0, high))
