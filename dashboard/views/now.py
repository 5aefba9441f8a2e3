"""The view of now: figures of five minutes each, seconds old, drawn again by themselves.

What belongs here: layout and wording of live figures. What is read is ``queries.py``, what is drawn
``charts.py``.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo

import polars as pl
import streamlit as st

from dashboard import charts, export, filters, queries, wording
from dashboard.address import Address
from dashboard.queries import Selection
from dashboard.stores import LakeStore
from sentiment_assets.core.contracts import LIVE_SENTIMENT
from sentiment_assets.core.gold import ALL_POSTS
from sentiment_assets.core.live import SLOT, LiveMode
from sentiment_assets.lake.objects import Lake

REFRESH_SECONDS = 5
#: Figures that stand still for so long are told to: the stream may have stopped.
QUIET = dt.timedelta(minutes=10)
_START = (
    "Live posts come through Kafka and Spark. On this machine `make demo-stream` starts both; "
    "elsewhere set `SENTIMENT_LIVE=continuous` beside `SENTIMENT_KAFKA_BROKERS` "
    "(docs/streaming.md)."
)


def view(asked: Address, lake: Lake, mode: LiveMode, min_authors: int) -> None:
    """Draw the filters once, and the figures again and again."""
    store = LakeStore(lake)
    known = queries.available(store, LIVE_SENTIMENT)
    if known is None:
        begun = "The stream has not written a figure yet." if mode != "off" else "Live is off."
        st.info(f"{begun} {_START}", icon=":material/hourglass_empty:")
        return
    left, middle, right = st.columns(3)
    platform = filters.platform(left, asked, known.platforms)
    cells = queries.live_cells(store, platform, dt.datetime.now(dt.timezone.utc))
    topics = [name for name in cells["topic"].unique().sort() if name != ALL_POSTS]
    topic = filters.topic(middle, asked, topics)
    zone = filters.zone(right, asked)
    _figures(lake, platform, topic, zone, min_authors)
    export.links([LIVE_SENTIMENT], Selection(known.days[0], known.days[-1], platform))


@st.fragment(run_every=REFRESH_SECONDS)
def _figures(
    lake: Lake, platform: str, topic: str, zone: zoneinfo.ZoneInfo, min_authors: int
) -> None:
    """Draw the last hours, and again every few seconds; the rest of the page stays."""
    now = dt.datetime.now(dt.timezone.utc)
    # A store looks at a version once: one for each time that it is drawn.
    cells = queries.live_cells(LakeStore(lake), platform, now)
    series = queries.live_series(cells, topic)
    shown = series.filter(pl.col("updated_at").is_not_null())
    if series.is_empty():
        st.info(f"No post came in the last {queries.LIVE_HOURS} hours. {_START}")
        return
    if shown.is_empty():
        st.info(
            f"No figure of the last {queries.LIVE_HOURS} hours is shown: "
            f"{_stretches(int(series['suppressed'].sum()))} {wording.hidden(min_authors)}. "
            "Figures appear when more people write."
        )
        return
    _headline(shown, now, zone)
    hidden = int(series["suppressed"].sum())
    unknown = series.filter(pl.col("posts").is_null() & ~pl.col("suppressed")).height
    note = (
        f"n = {shown['scored'].sum():,} scored of {shown['posts'].sum():,} posts in the last "
        f"{queries.LIVE_HOURS} hours. {_stretches(hidden)} {wording.hidden(min_authors)}, or "
        f"needed to hide such figures. {_stretches(unknown)} not known: no figure was written in "
        f"them or the {queries.HEARD_WITHIN.seconds // 60} minutes after, so the stream may have "
        "stood still. Any other gap in the line is 5 minutes without a scored post. Figures grow "
        f"by at least {min_authors} authors at a time. Times are those of {zone.key}."
    )
    st.altair_chart(
        charts.sentiment(series, "slot", wording.hidden(min_authors), zone=zone),
        alt=f"Mean sentiment by 5 minutes, {zone.key}. {note}",
    )
    st.altair_chart(
        charts.volume(series, "slot", wording.hidden(min_authors), zone=zone),
        alt=f"Posts by 5 minutes, {zone.key}. {note}",
    )
    st.caption(note)
    _topics(cells, min_authors)


def _headline(shown: pl.DataFrame, now: dt.datetime, zone: zoneinfo.ZoneInfo) -> None:
    last = shown.row(-1, named=True)
    start, end = last["start"], last["start"] + SLOT
    local, until = start.astimezone(zone), end.astimezone(zone)
    st.header(f"{local:%H:%M} to {until:%H:%M} ({zone.key})", anchor=False)
    mean, posts, positive, negative = (
        column.container(border=True, height="stretch") for column in st.columns(4)
    )
    mean.metric("Mean sentiment (-1 to +1)", wording.signed(last["sentiment_mean"]))
    mean.caption(f"n = {last['scored']:,} scored posts of {last['authors']:,} authors.")
    posts.metric("Posts", f"{last['posts']:,}")
    age = now - last["updated_at"]
    posts.caption(f"{'So far: the' if end > now else 'The'} figures are {_age(age)} old.")
    for column, label in ((positive, "positive"), (negative, "negative")):
        share = last[label] / last["scored"] if last["scored"] else None
        column.metric(label.capitalize(), wording.NONE if share is None else f"{share:.0%}")
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
    st.header("Tracked topics of these 5 minutes", anchor=False)
    ordered = rows.sort("posts", "topic", descending=[True, False], nulls_last=True)
    st.dataframe(
        ordered.select(
            "topic",
            "sentiment_mean",
            "scored",
            "posts",
            shown=pl.when("suppressed")
            .then(pl.lit(wording.hidden(min_authors)))
            .otherwise(pl.lit("")),
        ),
        column_config={
            "topic": st.column_config.TextColumn("topic", pinned=True),
            "sentiment_mean": st.column_config.NumberColumn("mean", format="%+.3f"),
            "scored": st.column_config.NumberColumn("n", format="localized"),
            "posts": st.column_config.NumberColumn("posts", format="localized"),
            "shown": st.column_config.TextColumn(""),
        },
        hide_index=True,
        placeholder=wording.NONE,
        alt="Tracked topics of the newest 5 minutes: mean, n and posts",
    )


def _stretches(count: int) -> str:
    return f"{count} stretch{'' if count == 1 else 'es'} of 5 minutes"


def _age(age: dt.timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
