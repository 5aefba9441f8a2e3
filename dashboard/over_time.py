"""Sentiment and volume over time, with what else went on, and the words beside both.

What belongs here: the two charts of a series, their notes, and the list of marks.
"""

from __future__ import annotations

import zoneinfo

import polars as pl
import streamlit as st

from dashboard import charts, marks, queries, wording
from dashboard.chart_parts import UTC
from dashboard.page import Page
from dashboard.queries import Selection, Span
from sentiment_assets.core.contracts import CALENDAR_DAYS
from sentiment_assets.core.gold import ALL_POSTS


def sentiment_and_volume(
    page: Page, selection: Selection, drawn: pl.DataFrame, zone: zoneinfo.ZoneInfo = UTC
) -> None:
    """Both charts of the selected days, by hour or by day."""
    series, unit = queries.series(page.store, selection), selection.unit
    hidden_word = wording.hidden(page.min_authors)
    hidden = int(series["suppressed"].sum())
    partial = series.filter((pl.col("fetched_share") < 1) & ~pl.col("suppressed")).height
    notes = [
        f"n = {series['scored'].sum():,} scored of {series['posts'].sum():,} posts in "
        f"{wording.count(series.height, unit)}.",
        f"{wording.count(partial, unit)} not fetched whole.",
        f"{wording.count(hidden, unit)} {hidden_word}, or needed to hide such "
        + ("an hour; coarser figures count their posts." if unit == "hour" else "a day."),
    ]
    if unit == "day":
        notes.append(
            "Topics are counted by day."
            if selection.topic != ALL_POSTS
            else f"More than {queries.MOST_DAYS_BY_HOUR} days are drawn by day."
        )
    if not drawn.is_empty():
        notes.append("Numbers stand in the list of marks below.")
    note = " ".join(notes)
    clock = zone.key if unit == "hour" else "UTC"
    st.header(f"Sentiment by {unit}", anchor=False)
    if series["sentiment_mean"].is_null().all():
        st.info(f"No scored posts are shown for these days. {note}")
    else:
        st.altair_chart(
            charts.sentiment(series, unit, hidden_word, zone=zone, marks=drawn),
            alt=f"Mean sentiment by {unit}, {clock}. {note}",
        )
        st.caption(f"The band is one standard error to each side. {note}")
    st.header(f"Volume by {unit}", anchor=False)
    if not series["posts"].sum():
        st.info(f"No posts are shown for these days. {note}")
        return
    st.altair_chart(
        charts.volume(series, unit, hidden_word, zone=zone, marks=drawn),
        alt=f"Posts by {unit}, {clock}. {note}",
    )
    st.caption(note)


def what_else(page: Page, span: Span, platform: str | None, topic: str) -> pl.DataFrame:
    """The marks of these days, of one platform or of all, that concern a topic or everything."""
    return marks.numbered(queries.marks(page.store, span, platform, topic))


def list_marks(page: Page, span: Span, drawn: pl.DataFrame) -> None:
    """The marks in words, or one line that says that there are none."""
    st.header("What else went on", anchor=False)
    if not drawn.is_empty():
        st.markdown(marks.listed(drawn))
        return
    if queries.partition_sizes(page.store, CALENDAR_DAYS).is_empty():
        st.caption(
            "No calendar yet: `gold/calendar_days` has no rows. It holds what a team writes into "
            "the reference tables, and changes of method that gold finds by itself."
        )
        return
    st.caption(
        f"No change of method, campaign, event or holiday in {wording.span(span.first, span.last)}."
    )
