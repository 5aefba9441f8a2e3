"""One tracked topic on one platform: its figures, its course, its share of voice, its weeks.

What belongs here: layout and wording.
"""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import charts, export, figures, filters, over_time, queries, wording
from dashboard.page import Page
from dashboard.queries import Selection, Span
from sentiment_assets.core.contracts import (
    CALENDAR_DAYS,
    DAILY_TREND,
    POOLED_SENTIMENT,
    TOPIC_SENTIMENT,
    TOPIC_VOICE,
    WEEKLY_SENTIMENT,
)


def view(page: Page) -> None:
    """Draw the page of a topic."""
    left, middle, right = st.columns([2, 1, 2])
    first, last = filters.days(left, page.asked, page.known.days[0], page.known.days[-1])
    platform = filters.platform(middle, page.asked, page.known.platforms)
    names = queries.tracked_topics(page.store, Selection(first, last, platform))
    if not names:
        st.info(
            f"No tracked topic of {wording.platform(platform)} in these days. What is tracked "
            "stands in `tracking.yaml`."
        )
        return
    selection = Selection(first, last, platform, filters.one_topic(right, page.asked, names))
    what_else = over_time.what_else(page, selection.span, platform, selection.topic)
    figures.newest_day(page, selection)
    over_time.sentiment_and_volume(page, selection, what_else)
    _voice(page, selection, what_else)
    weeks(page, selection)
    _elsewhere(page, selection.span, selection.topic, what_else)
    over_time.list_marks(page, selection.span, what_else)
    export.links(
        [TOPIC_SENTIMENT, DAILY_TREND, WEEKLY_SENTIMENT, TOPIC_VOICE, POOLED_SENTIMENT,
         CALENDAR_DAYS],
        selection,
    )  # fmt: skip


def _voice(page: Page, selection: Selection, what_else: pl.DataFrame) -> None:
    st.header("Share of voice by day", anchor=False)
    rows = queries.voice_over_time(page.store, selection)
    if rows["voice_share"].is_null().all():
        st.info("No share of voice of this topic in these days (`gold/topic_voice`).")
        return
    newest = rows.filter(pl.col("voice_share").is_not_null()).row(-1, named=True)
    note = (
        f"On {wording.day(newest['date'])} {newest['voice_share']:.1%} of the mentions of "
        f"{wording.count(newest['voice_topics'], 'shown topic')}, "
        f"{_of(newest['engagement_share'])} of their engagement and "
        f"{_of(newest['day_share'])} of all posts; n = {newest['posts']:,} posts, "
        f"{wording.share(newest['fetched_share'])} of the day fetched. "
        f"{wording.count(newest['hidden_topics'], 'hidden topic')} in no share."
    )
    st.altair_chart(charts.share(rows, what_else), alt=f"Share of voice by day. {note}")
    st.caption(note)


def _of(share: float | None) -> str:
    return "an unknown part" if share is None else f"{share:.1%}"


def weeks(page: Page, selection: Selection) -> None:
    """The calendar weeks, each against the one before."""
    st.header("Weeks", anchor=False)
    rows = queries.weeks(page.store, selection)
    if rows.is_empty():
        st.info("No weeks in these days: `gold/weekly_sentiment` has no rows of them.")
        return
    number = st.column_config.NumberColumn
    st.dataframe(
        rows.select(
            "week_start", "sentiment_mean", "scored", "change", "change_z", "previous_scored",
            "engagement_sentiment_mean", "posts", "days_shown", "days_hidden",
            wording.percent("fetched_share"), "date",
        ),
        column_config={
            "week_start": st.column_config.DateColumn("week of", format="D MMM YYYY", pinned=True),
            "sentiment_mean": number("mean", format="%+.3f"),
            "scored": number("n", format="localized"),
            "change": number("change", format="%+.3f"),
            "change_z": number("z", format="%+.1f"),
            "previous_scored": number("n before", format="localized"),
            "engagement_sentiment_mean": number("weighted", format="%+.3f"),
            "posts": number("posts", format="localized"),
            "days_shown": number("days"),
            "days_hidden": number("hidden days"),
            "fetched_share": number("fetched", format="%.0f%%"),
            "date": st.column_config.DateColumn("up to", format="ddd D MMM"),
        },
        hide_index=True,
        placeholder=wording.NONE,
        alt="Weeks: mean, n, change, z, weighted mean, posts, days",
    )  # fmt: skip
    st.caption(
        "Monday to Sunday, up to the day named last, against the whole week before. Sums of "
        "published days: a hidden day is in none. Weighted: by engagement."
    )


def _elsewhere(page: Page, span: Span, topic: str, what_else: pl.DataFrame) -> None:
    cells = queries.by_day_and_platform(page.store, span, topic)
    if cells["platform"].n_unique() < 2 or cells["sentiment_mean"].is_null().all():
        return
    st.header("The same topic on every platform", anchor=False)
    note = (
        f"Topic {topic}, {wording.span(span.first, span.last)}; n = {cells['scored'].sum():,} "
        f"scored posts. {wording.count(int(cells['suppressed'].sum()), 'day')} "
        f"{wording.hidden(page.min_authors)}."
    )
    st.altair_chart(
        charts.side_by_side(cells, what_else),
        alt=f"Mean sentiment of the topic by day and platform, UTC. {note}",
    )
    st.caption(note)
