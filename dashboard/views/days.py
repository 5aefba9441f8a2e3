"""The days of one platform: figures, curves within them, topics, hashtags, languages.

What belongs here: layout and wording. Every figure has its n or its coverage beside it.
"""

from __future__ import annotations

import zoneinfo

import polars as pl
import streamlit as st

from dashboard import charts, export, figures, filters, over_time, queries, rankings, wording
from dashboard.page import Page
from dashboard.queries import Selection
from dashboard.views import topic as topic_page
from sentiment_assets.core.contracts import (
    CALENDAR_DAYS,
    DAILY_SUMMARY,
    DAILY_TREND,
    HOURLY_SENTIMENT,
    LANGUAGE_SENTIMENT,
    POOLED_SENTIMENT,
    TOPIC_SENTIMENT,
    WEEKLY_SENTIMENT,
)
from sentiment_assets.core.gold import ALL_POSTS, TRAILING_DAYS


def view(page: Page) -> None:
    """Draw the page of days."""
    left, middle, right, far = st.columns([2, 1, 1.5, 1.5])
    first, last = filters.days(left, page.asked, page.known.days[0], page.known.days[-1])
    platform = filters.platform(middle, page.asked, page.known.platforms)
    names = queries.tracked_topics(page.store, Selection(first, last, platform))
    topic = filters.topic(right, page.asked, names)
    zone = filters.zone(far, page.asked)
    selection = Selection(first, last, platform, topic)
    what_else = over_time.what_else(page, selection.span, platform, topic)
    figures.newest_day(page, selection)
    over_time.sentiment_and_volume(page, selection, what_else, zone)
    over_time.list_marks(page, selection.span, what_else)
    left, right = st.columns(2, gap="large")
    with left:
        _topics(page, selection)
    with right:
        _hashtags(page, selection)
    _days(page, selection, zone)
    topic_page.weeks(page, selection)
    _languages(page, selection, what_else)
    export.links(
        [HOURLY_SENTIMENT, DAILY_SUMMARY, DAILY_TREND, TOPIC_SENTIMENT, WEEKLY_SENTIMENT,
         LANGUAGE_SENTIMENT, POOLED_SENTIMENT, CALENDAR_DAYS],
        selection,
    )  # fmt: skip


def _topics(page: Page, selection: Selection) -> None:
    rows = queries.topics(page.store, selection)
    shown = rows.filter(pl.col("sentiment_mean").is_not_null())
    st.header("Tracked topics", anchor=False)
    if rows.is_empty():
        st.info("No tracked topic in these days.")
        return
    fetched, hidden = rows["fetched_share"][0], rows.height - shown.height
    note = (
        f"{wording.day(rows['date'][0])} ({wording.share(fetched)} fetched) against the "
        f"{TRAILING_DAYS} days before. {wording.count(hidden, 'topic')} without figures of the "
        "day. A post can have several topics."
    )
    if shown.height:
        st.altair_chart(rankings.topics(rows), alt=f"Mean sentiment by topic. {note}")
    rows, pooled = figures.with_pools(
        rows, queries.pools(page.store, selection), ["date", "topic"], page.min_authors
    )
    st.dataframe(
        rows.select(
            "topic", *pooled, "sentiment_mean", "scored", "change", "change_z", "trailing_scored",
            "posts", "volume_ratio",
        ),
        column_config={
            "topic": st.column_config.TextColumn("topic", pinned=True),
            **pooled,
            "sentiment_mean": st.column_config.NumberColumn("mean", format="%+.3f"),
            "scored": st.column_config.NumberColumn("n", format="localized"),
            "change": st.column_config.NumberColumn("change", format="%+.3f"),
            "change_z": st.column_config.NumberColumn("z", format="%+.1f"),
            "trailing_scored": st.column_config.NumberColumn("n before", format="localized"),
            "posts": st.column_config.NumberColumn("posts", format="localized"),
            "volume_ratio": st.column_config.NumberColumn("volume", format="%.2f x"),
        },
        hide_index=True,
        placeholder=wording.NONE,
        alt="Tracked topics: mean, n, change and z",
    )  # fmt: skip
    st.caption(
        f"{note}{figures.pooled_note(pooled)} Beyond z = ±2 a change is unlikely to be chance."
    )


def _hashtags(page: Page, selection: Selection) -> None:
    rows = queries.hashtags(page.store, selection)
    st.header("Top hashtags", anchor=False)
    if rows.is_empty():
        st.info(f"No hashtag of at least {page.min_authors} authors in these days.")
        return
    note = (
        f"Posts and mean sentiment, {wording.span(selection.first, selection.last)}. Only days on "
        f"which at least {page.min_authors} authors used the hashtag count. A mean within ±0.05 is "
        "neutral."
    )
    st.altair_chart(rankings.hashtags(rows), alt=f"Hashtags by posts. {note}")
    st.caption(note)


def _days(page: Page, selection: Selection, zone: zoneinfo.ZoneInfo) -> None:
    rows = queries.days(page.store, selection).sort("date", descending=True)
    if rows.is_empty():
        return
    pools = queries.pools(page.store, selection).filter(topic=selection.topic)
    rows, pooled = figures.with_pools(rows, pools, ["date"], page.min_authors)
    st.header("Days", anchor=False)
    percent = [
        *(
            (pl.col(label) / pl.col("scored") * 100).alias(label)
            for label in ("positive", "negative")
        ),
        wording.percent("fetched_share"),
    ]
    extremes = [
        column
        for column in ("best_hour", "best_hour_mean", "worst_hour", "worst_hour_mean")
        if column in rows.columns
    ]
    number, hour = st.column_config.NumberColumn, st.column_config.DatetimeColumn
    st.dataframe(
        rows.select(
            "date", *pooled, "sentiment_mean", "scored", "change", "change_z", "posts", *percent,
            *extremes,
        ),
        column_config={
            "date": st.column_config.DateColumn("day", format="ddd D MMM", pinned=True),
            **pooled,
            "sentiment_mean": number("mean", format="%+.3f"),
            "scored": number("n", format="localized"),
            "change": number("change", format="%+.3f"),
            "change_z": number("z", format="%+.1f"),
            "posts": number("posts", format="localized"),
            "positive": number("positive", format="%.0f%%"),
            "negative": number("negative", format="%.0f%%"),
            "fetched_share": number("fetched", format="%.0f%%"),
            "best_hour": hour("best hour", format="ddd HH:mm", timezone=zone.key),
            "best_hour_mean": number("its mean", format="%+.2f"),
            "worst_hour": hour("worst hour", format="ddd HH:mm", timezone=zone.key),
            "worst_hour_mean": number("its mean ", format="%+.2f"),
        },
        hide_index=True,
        placeholder=wording.NONE,
        alt="Days: mean, n, change, z, posts, shares, fetched share",
    )  # fmt: skip
    st.caption(
        f"n counts scored posts; shares are of n.{figures.pooled_note(pooled)} An empty row has no "
        f"posts, or is hidden. Hours in {zone.key}."
    )


def _languages(page: Page, selection: Selection, what_else: pl.DataFrame) -> None:
    st.header("Languages", anchor=False)
    everything = Selection(selection.first, selection.last, selection.platform)
    rows = queries.languages(page.store, everything)
    shown = rows.filter(pl.col("posts") > 0)
    if shown.is_empty():
        st.info("No languages in these days: `gold/language_sentiment` shows none of them.")
        return
    hidden = int(rows["hidden_days"].sum())
    note = (
        f"All posts, whatever the topic, {wording.span(selection.first, selection.last)}. "
        f"{wording.count(hidden, 'day')} of a language {wording.hidden(page.min_authors)}, or "
        "needed to hide such a day. Not scored: the scorer does not know the language."
    )
    st.altair_chart(rankings.languages(shown.head(12)), alt=f"Languages by posts. {note}")
    st.caption(note)
    scored = shown.filter(pl.col("scored") > 0)["lang"].to_list()
    if not scored:
        return
    [place, _] = st.columns([1, 3])
    lang = filters.language(place, page.asked, scored)
    series = queries.language_series(page.store, everything, lang)
    n = f"n = {series['scored'].sum():,} scored posts in {lang}, by day."
    of_all = what_else.filter(topic=ALL_POSTS)
    st.altair_chart(
        charts.sentiment(series, "day", wording.hidden(page.min_authors), height=220, marks=of_all),
        alt=f"Mean sentiment by day, UTC. {n}",
    )
    st.caption(f"{n} The band is one standard error to each side.")
