"""The four figures of a day, and whose figures a hidden day shows.

What belongs here: what the pages of days and of topics say of one cell. Every figure has its n or
its coverage beside it.
"""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from dashboard import queries, wording
from dashboard.page import Page
from dashboard.queries import Selection
from sentiment_assets.core.gold import TRAILING_DAYS


def newest_day(page: Page, selection: Selection) -> None:
    """The figures of the newest of the days, or of the pool that may be shown instead."""
    rows = queries.days(page.store, selection)
    subject = wording.subject(selection.topic)
    if rows.is_empty():
        st.info(f"No posts of {subject} in these days.")
        return
    day = rows.row(-1, named=True)
    fetched = f"{wording.share(day['fetched_share'])} of the day fetched"
    st.header(f"{wording.day(day['date'])}: {subject}", anchor=False)
    if not day["suppressed"]:
        _four(day, fetched)
        return
    pools = queries.pools(page.store, selection).filter(date=day["date"], topic=selection.topic)
    hidden = (
        f"This day is {wording.hidden(page.min_authors)}, or needed to hide such a figure "
        f"({fetched})."
    )
    if pools.is_empty():
        st.info(
            f"{hidden} Hidden days of a week, or else of a month, are shown together once it is "
            f"over, where they are of at least {page.min_authors} authors."
        )
        return
    pool = pools.row(0, named=True)
    st.info(f"{hidden} Below: {wording.together(pool)}.")
    _four(pool, f"{wording.count(len(pool['days']), 'hidden day')} together")


def _four(cell: dict[str, Any], coverage: str) -> None:
    """The four figures of a day, or of a pool of days, which is compared with nothing."""
    scored, trailing = cell["scored"], cell.get("trailing_scored")
    mean, posts, positive, negative = (
        column.container(border=True, height="stretch") for column in st.columns(4)
    )
    change = cell.get("change")
    mean.metric(
        "Mean sentiment (-1 to +1)",
        wording.signed(cell["sentiment_mean"]),
        None if change is None else wording.signed(change),
        # Streamlit's own colours are red and green.
        delta_color="blue" if (change or 0) >= 0 else "orange",
    )
    error = wording.plain(cell["sentiment_standard_error"])
    compared = ""
    if change is not None:
        compared = (
            f" Change against {wording.count(cell['trailing_days'], 'day')} before "
            f"(n = {trailing:,}), z = {wording.signed(cell['change_z'], 1)}."
        )
    elif "trailing_days" in cell:
        compared = f" No published figures in the {TRAILING_DAYS} days before."
    mean.caption(f"n = {scored:,} scored posts, standard error {error}.{compared}")
    more = wording.volume_change(cell.get("volume_ratio"), cell.get("fetched_share"))
    posts.metric("Posts", f"{cell['posts']:,}", more, delta_color="off")
    posts.caption(
        f"{coverage}."
        + (
            f" Change against the mean of {wording.count(cell['trailing_days'], 'day')} before."
            if more is not None
            else ""
        )
    )
    for column, label in ((positive, "positive"), (negative, "negative")):
        share = cell[label] / scored if scored else None
        column.metric(label.capitalize(), wording.NONE if share is None else f"{share:.0%}")
        column.caption(f"{cell[label]:,} of n = {scored:,} scored posts.")


def with_pools(
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
            else wording.hidden(min_authors)
            if row["days"] is None
            else f"{wording.count(len(row['days']), 'hidden day')} of {wording.period(row)}"
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


def pooled_note(pooled: dict[str, Any]) -> str:
    """What the column of :func:`with_pools` means, where there is one."""
    if not pooled:
        return ""
    return (
        " Where figures are of several hidden days, each of these days repeats the figures of all "
        "of them together: do not add them up."
    )
