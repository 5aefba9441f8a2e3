"""The view of now: figures of five minutes each, seconds old, drawn again by themselves.

What belongs here: layout and wording of live figures. What is read is ``queries.py``, what is drawn
``charts.py``.
"""

from __future__ import annotations

import datetime as dt

import polars as pl
import streamlit as st

from dashboard import charts, queries
from sentiment_assets.core.gold import ALL_POSTS
from sentiment_assets.core.live import SLOT, LiveMode
from sentiment_assets.lake.objects import Lake

REFRESH_SECONDS = 5
#: Figures that stand still for so long are told to: the stream may have stopped.
QUIET = dt.timedelta(minutes=10)
_NONE = "-"
_START = (
    "Live posts come through Kafka and Spark. On this machine `make demo-stream` starts both; "
    "elsewhere set `SENTIMENT_LIVE=continuous` beside `SENTIMENT_KAFKA_BROKERS` "
    "(docs/streaming.md)."
)


@st.fragment(run_every=REFRESH_SECONDS)
def view(lake: Lake, mode: LiveMode, min_authors: int) -> None:
    """Draw the last hours, and again every few seconds; the rest of the page stays."""
    now = dt.datetime.now(dt.timezone.utc)
    platforms = queries.live_platforms(lake)
    if not platforms:
        begun = "The stream has not written a figure yet." if mode != "off" else "Live is off."
        st.info(f"{begun} {_START}", icon=":material/hourglass_empty:")
        return
    left, right = st.columns(2)
    platform = left.selectbox("Platform", platforms, key="live_platform")
    cells = queries.live_cells(lake, platform, now)
    topics = cells["topic"].unique().sort().to_list()
    topic = right.selectbox(
        "Topic",
        [ALL_POSTS, *(name for name in topics if name != ALL_POSTS)],
        format_func=lambda name: "All posts" if name == ALL_POSTS else name,
        key="live_topic",
    )
    series = queries.live_series(cells, topic)
    shown = series.filter(pl.col("posts").is_not_null())
    if series.is_empty():
        st.info(f"No post came in the last {queries.LIVE_HOURS} hours. {_START}")
        return
    if shown.is_empty():
        st.info(
            f"No figure of the last {queries.LIVE_HOURS} hours is shown: "
            f"{_stretches(int(series['suppressed'].sum()))} {_hidden(min_authors)}. Figures appear "
            "when more people write."
        )
        return
    _headline(shown, now)
    hidden = int(series["suppressed"].sum())
    note = (
        f"n = {shown['scored'].sum():,} scored of {shown['posts'].sum():,} posts in the last "
        f"{queries.LIVE_HOURS} hours. {_stretches(hidden)} {_hidden(min_authors)}, or needed "
        f"to hide such figures. Figures grow by at least {min_authors} authors at a time. "
        "Times are UTC."
    )
    st.altair_chart(
        charts.sentiment(series, "slot", _hidden(min_authors)),
        alt=f"Mean sentiment by 5 minutes, UTC. {note}",
    )
    st.altair_chart(
        charts.volume(series, "slot", _hidden(min_authors)),
        alt=f"Posts by 5 minutes, UTC. {note}",
    )
    st.caption(note)
    _topics(cells, min_authors)


def _headline(shown: pl.DataFrame, now: dt.datetime) -> None:
    last = shown.row(-1, named=True)
    start, end = last["start"], last["start"] + SLOT
    st.subheader(f"{start:%H:%M} to {end:%H:%M}", anchor=False)
    mean, posts, positive, negative = (
        column.container(border=True, height="stretch") for column in st.columns(4)
    )
    mean.metric("Mean sentiment (-1 to +1)", _signed(last["sentiment_mean"]))
    mean.caption(f"n = {last['scored']:,} scored posts of {last['authors']:,} authors.")
    posts.metric("Posts", f"{last['posts']:,}")
    age = now - last["updated_at"]
    posts.caption(f"{'So far: the' if end > now else 'The'} figures are {_age(age)} old.")
    for column, label in ((positive, "positive"), (negative, "negative")):
        share = last[label] / last["scored"] if last["scored"] else None
        column.metric(label.capitalize(), _NONE if share is None else f"{share:.0%}")
        column.caption(f"{last[label]:,} of n = {last['scored']:,} scored posts.")
    if age > QUIET:
        st.warning(
            f"These figures are {_age(age)} old: few people write, or the stream stands still. "
            "Dagster's job `live` says which (docs/runbooks/live-behind.md).",
            icon=":material/schedule:",
        )


def _topics(cells: pl.DataFrame, min_authors: int) -> None:
    newest = cells.filter(pl.col("topic") == ALL_POSTS, ~pl.col("suppressed"))["start"].max()
    rows = cells.filter(pl.col("start") == newest, pl.col("topic") != ALL_POSTS)
    if rows.is_empty():
        return
    st.subheader("Tracked topics of these 5 minutes", anchor=False)
    ordered = rows.sort("posts", "topic", descending=[True, False], nulls_last=True)
    st.dataframe(
        ordered.select(
            "topic",
            "sentiment_mean",
            "scored",
            "posts",
            shown=pl.when("suppressed").then(pl.lit(_hidden(min_authors))).otherwise(pl.lit("")),
        ),
        column_config={
            "topic": st.column_config.TextColumn("topic", pinned=True),
            "sentiment_mean": st.column_config.NumberColumn("mean", format="%+.3f"),
            "scored": st.column_config.NumberColumn("n", format="localized"),
            "posts": st.column_config.NumberColumn("posts", format="localized"),
            "shown": st.column_config.TextColumn(""),
        },
        hide_index=True,
        placeholder=_NONE,
        alt="Tracked topics of the newest 5 minutes: mean, n and posts",
    )


def _hidden(min_authors: int) -> str:
    return f"hidden: fewer than {min_authors} authors"


def _stretches(count: int) -> str:
    return f"{count} stretch{'' if count == 1 else 'es'} of 5 minutes"


def _signed(value: float | None) -> str:
    return _NONE if value is None else f"{value:+.3f}"


def _age(age: dt.timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
