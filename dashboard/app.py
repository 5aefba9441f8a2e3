"""The page: what stands where, and the words around the figures.

What belongs here: layout and wording. What is read is ``queries.py``, what is drawn ``charts.py``.
Every figure has its n or its coverage beside it.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
import sys
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

# Streamlit puts this file's folder on the path, not the project's root.
ROOT = str(Path(__file__).resolve().parents[1])
if ROOT not in sys.path:
    sys.path.append(ROOT)

from dashboard import charts, now, queries  # noqa: E402
from dashboard.queries import Available, Selection  # noqa: E402
from resources.environments import SettingsError, read_settings  # noqa: E402
from sentiment_assets.core.gold import ALL_POSTS, TRAILING_DAYS  # noqa: E402
from sentiment_assets.lake.objects import Lake, LakeError  # noqa: E402

log = logging.getLogger(__name__)

VIEWS = ("Days", "Now")
DEFAULT_DAYS = 7
NONE = "-"
# Streamlit fetches named icons and emoji from the network; this page asks nobody.
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32">'
    '<path d="M3 22 L11 12 L18 18 L29 6" fill="none" stroke="#0072B2" stroke-width="4"/></svg>'
)


def page() -> None:
    """Draw the page, or one sentence that says why there is none."""
    st.set_page_config("Sentiment", page_icon=ICON, layout="wide")
    st.title("Sentiment", anchor=False)
    try:
        settings = read_settings()
        lake = settings.open_lake()
        if lake.origin == "simulated":
            st.warning(
                "**Simulated posts:** the simulator made them. These figures say nothing about "
                "real people, companies or products.",
                icon=":material/science:",
            )
        view = st.segmented_control(
            "View", VIEWS, default=VIEWS[0], key="view", bind="query-params", required=True,
            label_visibility="collapsed",
        )  # fmt: skip
        if view == VIEWS[1]:
            now.view(lake, settings.live, settings.min_authors)
            return
        known = queries.available(lake)
        if known is None:
            st.info(
                "No gold yet. Type `make run` in the project's root: it fetches posts and fills "
                "gold; then reload this page.",
                icon=":material/hourglass_empty:",
            )
            return
        selection = _filters(lake, known)
        _headline(lake, selection, settings.min_authors)
        _over_time(lake, selection, settings.min_authors)
        left, right = st.columns(2, gap="large")
        with left:
            _topics(lake, selection, settings.min_authors)
        with right:
            _hashtags(lake, selection, settings.min_authors)
        _days(lake, selection, settings.min_authors)
        _health(lake, selection, known, settings.min_authors)
    except (SettingsError, LakeError) as error:
        st.error(str(error), icon=":material/error:")
    except Exception as error:
        log.exception("the dashboard could not be drawn")
        st.error(
            f"Gold could not be read ({type(error).__name__}). The dashboard's own output says "
            "why; check the lake's address with `sentiment settings`.",
            icon=":material/error:",
        )


def _filters(lake: Lake, known: Available) -> Selection:
    """The reader's choice; it stands in the address, so that a page can be shared."""
    newest = known.days[-1]
    default = (max(known.days[0], newest - dt.timedelta(days=DEFAULT_DAYS - 1)), newest)
    left, middle, right = st.columns([2, 1, 2])
    picked = left.date_input(
        "Days (UTC)",
        default,
        known.days[0],
        newest,
        key="days",
        format="YYYY-MM-DD",
        bind="query-params",
    )
    # While the reader has picked only the first day of two, it stands for both.
    days = tuple(picked) if isinstance(picked, (tuple, list)) else (picked,)
    first, last = (days[0], days[-1]) if days else default
    platform = middle.selectbox("Platform", known.platforms, key="platform", bind="query-params")
    topics = queries.tracked_topics(lake, Selection(first, last, platform))
    topic = right.selectbox(
        "Topic",
        [ALL_POSTS, *topics],
        format_func=lambda name: "All posts" if name == ALL_POSTS else name,
        key="topic",
        bind="query-params",
    )
    return Selection(first, last, platform, topic)


def _headline(lake: Lake, selection: Selection, min_authors: int) -> None:
    rows = queries.days(lake, selection)
    subject = "all posts" if selection.topic == ALL_POSTS else f"topic {selection.topic}"
    if rows.is_empty():
        st.info(f"No posts of {subject} in these days.")
        return
    day = rows.row(-1, named=True)
    date, fetched = _day(day["date"]), f"{_share(day['fetched_share'])} of the day fetched"
    st.subheader(f"{date}: {subject}", anchor=False)
    if not day["suppressed"]:
        _figures(day, fetched)
        return
    pools = queries.pools(lake, selection).filter(date=day["date"], topic=selection.topic)
    hidden = f"This day is {_hidden(min_authors)}, or needed to hide such a figure ({fetched})."
    if pools.is_empty():
        st.info(
            f"{hidden} Hidden days of a week, or else of a month, are shown together once it is "
            f"over, where they are of at least {min_authors} authors."
        )
        return
    pool = pools.row(0, named=True)
    st.info(f"{hidden} Below: {_together(pool)}.")
    _figures(pool, f"{_count(len(pool['days']), 'hidden day')} together")


def _figures(cell: dict[str, Any], coverage: str) -> None:
    """The four figures of a day, or of a pool of days, which is compared with nothing."""
    scored, trailing = cell["scored"], cell.get("trailing_scored")
    mean, posts, positive, negative = (
        column.container(border=True, height="stretch") for column in st.columns(4)
    )
    change = cell.get("change")
    mean.metric(
        "Mean sentiment (-1 to +1)",
        _signed(cell["sentiment_mean"]),
        None if change is None else _signed(change),
        # Streamlit's own colours are red and green.
        delta_color="blue" if (change or 0) >= 0 else "orange",
    )
    error = _plain(cell["sentiment_standard_error"])
    compared = ""
    if change is not None:
        compared = (
            f" Change against {_count(cell['trailing_days'], 'day')} before (n = {trailing:,}), "
            f"z = {_signed(cell['change_z'], 1)}."
        )
    elif "trailing_days" in cell:
        compared = f" No published figures in the {TRAILING_DAYS} days before."
    mean.caption(f"n = {scored:,} scored posts, standard error {error}.{compared}")
    ratio = cell.get("volume_ratio")
    posts.metric(
        "Posts",
        f"{cell['posts']:,}",
        None if ratio is None else f"{ratio - 1:+.0%}",
        delta_color="off",
    )
    posts.caption(
        f"{coverage}."
        + (
            f" Change against the mean of {_count(cell['trailing_days'], 'day')} before."
            if ratio is not None
            else ""
        )
    )
    for column, label in ((positive, "positive"), (negative, "negative")):
        share = cell[label] / scored if scored else None
        column.metric(label.capitalize(), NONE if share is None else f"{share:.0%}")
        column.caption(f"{cell[label]:,} of n = {scored:,} scored posts.")


def _over_time(lake: Lake, selection: Selection, min_authors: int) -> None:
    series, unit = queries.series(lake, selection), selection.unit
    hidden = int(series["suppressed"].sum())
    partial = series.filter((pl.col("fetched_share") < 1) & ~pl.col("suppressed")).height
    notes = [
        f"n = {series['scored'].sum():,} scored of {series['posts'].sum():,} posts in "
        f"{_count(series.height, unit)}.",
        f"{_count(partial, unit)} not fetched whole.",
        f"{_count(hidden, unit)} {_hidden(min_authors)}, or needed to hide such "
        + ("an hour; coarser figures count their posts." if unit == "hour" else "a day."),
    ]
    if unit == "day":
        notes.append(
            "Topics are counted by day."
            if selection.topic != ALL_POSTS
            else f"More than {queries.MOST_DAYS_BY_HOUR} days are drawn by day."
        )
    note = " ".join(notes)
    st.subheader(f"Sentiment by {unit}", anchor=False)
    if series["sentiment_mean"].is_null().all():
        st.info(f"No scored posts are shown for these days. {note}")
    else:
        st.altair_chart(
            charts.sentiment(series, unit, _hidden(min_authors)),
            alt=f"Mean sentiment by {unit}, UTC. {note}",
        )
        st.caption(f"The band is one standard error to each side. {note}")
    st.subheader(f"Volume by {unit}", anchor=False)
    if not series["posts"].sum():
        st.info(f"No posts are shown for these days. {note}")
        return
    chart = charts.volume(series, unit, _hidden(min_authors))
    st.altair_chart(chart, alt=f"Posts by {unit}, UTC. {note}")
    st.caption(note)


def _topics(lake: Lake, selection: Selection, min_authors: int) -> None:
    rows = queries.topics(lake, selection)
    shown = rows.filter(pl.col("sentiment_mean").is_not_null())
    st.subheader("Tracked topics", anchor=False)
    if rows.is_empty():
        st.info("No tracked topic in these days.")
        return
    fetched, hidden = rows["fetched_share"][0], rows.height - shown.height
    note = (
        f"{_day(rows['date'][0])} ({_share(fetched)} fetched) against the {TRAILING_DAYS} days "
        f"before. {_count(hidden, 'topic')} without figures of the day. A post can have several "
        "topics."
    )
    if shown.height:
        st.altair_chart(charts.topics(rows), alt=f"Mean sentiment by topic. {note}")
    rows, pooled = _with_pools(rows, queries.pools(lake, selection), ["date", "topic"], min_authors)
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
        placeholder=NONE,
        alt="Tracked topics: mean, n, change and z",
    )  # fmt: skip
    st.caption(f"{note}{_pooled_note(pooled)} Beyond z = ±2 a change is unlikely to be chance.")


def _hashtags(lake: Lake, selection: Selection, min_authors: int) -> None:
    rows = queries.hashtags(lake, selection)
    st.subheader("Top hashtags", anchor=False)
    if rows.is_empty():
        st.info(f"No hashtag of at least {min_authors} authors in these days.")
        return
    note = (
        f"Posts and mean sentiment, {_span(selection)}. Only days on which at least {min_authors} "
        "authors used the hashtag count. A mean within ±0.05 is neutral."
    )
    st.altair_chart(charts.hashtags(rows), alt=f"Hashtags by posts. {note}")
    st.caption(note)


def _days(lake: Lake, selection: Selection, min_authors: int) -> None:
    rows = queries.days(lake, selection).sort("date", descending=True)
    if rows.is_empty():
        return
    pools = queries.pools(lake, selection).filter(topic=selection.topic)
    rows, pooled = _with_pools(rows, pools, ["date"], min_authors)
    st.subheader("Days", anchor=False)
    percent = [
        *(
            (pl.col(label) / pl.col("scored") * 100).alias(label)
            for label in ("positive", "negative")
        ),
        (pl.col("fetched_share") * 100 + 1e-9).floor(),
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
            "best_hour": hour("best hour", format="HH:mm", timezone="UTC"),
            "best_hour_mean": number("its mean", format="%+.2f"),
            "worst_hour": hour("worst hour", format="HH:mm", timezone="UTC"),
            "worst_hour_mean": number("its mean ", format="%+.2f"),
        },
        hide_index=True,
        placeholder=NONE,
        alt="Days: mean, n, change, z, posts, shares, fetched share",
    )  # fmt: skip
    st.caption(
        f"n counts scored posts; shares are of n.{_pooled_note(pooled)} An empty row has no posts, "
        "or is hidden."
    )


def _health(lake: Lake, selection: Selection, known: Available, min_authors: int) -> None:
    health = queries.health(lake, selection)
    sums = health.sums
    posts, windows = f"of {sums['posts']:,} posts", f"of {health.days_asked * 12:,}"
    records = f"of {sums['observations']:,} fetched records"
    unasked = 12 * health.days_asked - sum(
        sums[f"windows_{state}"] for state in ("complete", "partial", "unavailable")
    )
    age = dt.datetime.now(dt.timezone.utc) - known.written_at
    figures = [
        ("Fetched share", _share(health.fetched_share), f"of {_count(health.days_asked, 'day')}"),
        ("Days in gold", f"{health.days:,}", f"of {_count(health.days_asked, 'day')}"),
        ("2-hour windows fetched whole", f"{sums['windows_complete']:,}", windows),
        ("Windows fetched in part", f"{sums['windows_partial']:,}", windows),
        ("Windows beyond the API's reach", f"{sums['windows_unavailable']:,}", windows),
        ("Windows never asked for", f"{unasked:,}", windows),
        ("Scored", f"{sums['scored']:,}", posts),
        ("Not scored: no text", f"{sums['unscored_no_text']:,}", posts),
        ("Not scored: language unclear", f"{sums['unscored_language_unknown']:,}", posts),
        (
            "Not scored: language not supported",
            f"{sums['unscored_language_not_supported']:,}",
            posts,
        ),
        ("Identifiers masked in", f"{sums['redacted']:,}", posts),
        ("Late", f"{sums['late']:,}", posts),
        ("Duplicates", f"{sums['duplicates']:,}", records),
        ("Quarantined", f"{sums['quarantined']:,}", records),
        ("Hidden hours", f"{sums['hidden_hours']:,}", f"of {health.days * 24:,}"),
        ("Hidden days", f"{health.hidden_days:,}", f"of {health.days:,}"),
        ("Hidden topic cells", f"{health.hidden_topics:,}", f"of {health.topics:,}"),
        ("Fewest authors shown", health.min_authors, f"{min_authors} by today's setting"),
        ("Recipes behind the rows", f"{health.recipes:,}", "1 when all rows follow the same rules"),
        ("Scorers behind the rows", f"{len(health.scorers):,}", ", ".join(health.scorers)),
        ("Age of the newest gold", _age(age), f"written {known.written_at:%Y-%m-%d %H:%M} UTC"),
    ]
    st.subheader("Data health", anchor=False)
    half = (len(figures) + 1) // 2
    halves = (figures[:half], figures[half:])
    for column, part in zip(st.columns(2, gap="large"), halves, strict=True):
        column.table(
            pl.DataFrame(part, schema=["what", "figure", "coverage"], orient="row"),
            border="horizontal",
            hide_index=True,
            hide_header=True,
            alt="Data health",
        )
    st.caption(
        f"All posts of {selection.platform}, {_span(selection)}, whatever the topic. Hidden: fewer "
        f"than {min_authors} authors, or needed to hide such a cell. All times are UTC."
    )


def _with_pools(
    rows: pl.DataFrame, pools: pl.DataFrame, by: list[str], min_authors: int
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Hidden rows with the figures of their pools, and the column that says whose figures they are.

    Without a hidden row there is no such column.
    """
    if not rows["suppressed"].any():
        return rows, {}
    measures = [name for name in pools.columns if name in rows.columns and name not in by]
    joined = rows.join(pools, on=by, how="left", suffix=" of the pool")
    pooled = pl.col("suppressed") & pl.col("days").is_not_null()
    names = pl.Series(
        [
            "this day"
            if not row["suppressed"]
            else _hidden(min_authors)
            if row["days"] is None
            else f"{_count(len(row['days']), 'hidden day')} of {_period(row)}"
            for row in joined.iter_rows(named=True)
        ],
        dtype=pl.String,
    )
    told = joined.with_columns(
        *(
            pl.when(pooled).then(pl.col(f"{name} of the pool")).otherwise(name).alias(name)
            for name in measures
        ),
        figures_of=names,
    )
    return told, {"figures_of": st.column_config.TextColumn("figures of", width="medium")}


def _pooled_note(pooled: dict[str, Any]) -> str:
    """What the column of :func:`_with_pools` means, where there is one."""
    if not pooled:
        return ""
    return (
        " Where figures are of several hidden days, each of these days repeats the figures of all "
        "of them together: do not add them up."
    )


def _hidden(min_authors: int) -> str:
    return f"hidden: fewer than {min_authors} authors"


def _together(pool: dict[str, Any]) -> str:
    days = [f"{day:%a} {day.day} {day:%b}" for day in pool["days"]]
    return f"{', '.join(days[:-1])} and {days[-1]} together, the hidden days of {_period(pool)}"


def _period(pool: dict[str, Any]) -> str:
    start = pool["period_start"]
    return f"the week of {start.day} {start:%b}" if pool["grain"] == "week" else f"{start:%B %Y}"


def _day(date: dt.date) -> str:
    return f"{date:%a} {date.day} {date:%b %Y}"


def _span(selection: Selection) -> str:
    return f"{_day(selection.first)} to {_day(selection.last)}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _signed(value: float | None, digits: int = 3) -> str:
    return NONE if value is None else f"{value:+.{digits}f}"


def _plain(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"


def _share(value: float) -> str:
    """A share in whole percent, rounded down: 100% means all of it."""
    return f"{math.floor(value * 100 + 1e-9)}%"


def _age(age: dt.timedelta) -> str:
    minutes = max(0, int(age.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else _count(hours // 24, "day")


page()
