"""How much the figures rest on: freshness, coverage, quarantine, what was not scored or is hidden.

What belongs here: layout and wording.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import streamlit as st

from dashboard import charts, export, filters, queries, rankings, wording
from dashboard.page import Page
from dashboard.queries import Selection, Span
from sentiment_assets.core.contracts import DAILY_SUMMARY, TOPIC_SENTIMENT


def view(page: Page) -> None:
    """Draw the page of coverage and data health."""
    left, right, _ = st.columns([2, 1, 2])
    span = Span(*filters.days(left, page.asked, page.known.days[0], page.known.days[-1]))
    platform = filters.platform(right, page.asked, page.known.platforms)
    cells = queries.coverage(page.store, span)
    _fetched(span, cells)
    _posts(page, span, cells)
    _table(page, Selection(span.first, span.last, platform))
    _freshness(page, platform)
    export.links([DAILY_SUMMARY, TOPIC_SENTIMENT], span)


def _fetched(span: Span, cells: pl.DataFrame) -> None:
    st.header("Fetched share by day", anchor=False)
    if cells.is_empty():
        st.info("Gold holds none of these days.")
        return
    partial = cells.filter(pl.col("fetched_share") < 1).sort("date", descending=True)
    missing = span.length * cells["platform"].n_unique() - cells.height
    note = (
        f"{wording.span(span.first, span.last)}: {wording.count(partial.height, 'day')} of a "
        f"platform not fetched whole, {wording.count(missing, 'day')} not in gold."
    )
    st.altair_chart(charts.fetched(cells), alt=f"Fetched share by day and platform. {note}")
    named = [
        f"{wording.platform(row['platform'])} {row['date'].day} {row['date']:%b} "
        f"({wording.share(row['fetched_share'])})"
        for row in partial.head(12).iter_rows(named=True)
    ]
    st.caption(f"{note}{' Newest: ' + ', '.join(named) + '.' if named else ''}")


def _posts(page: Page, span: Span, cells: pl.DataFrame) -> None:
    if cells.is_empty():
        return
    st.header("What became of the posts", anchor=False)
    hidden = {
        row["platform"]: row for row in queries.hidden_cells(page.store, span).iter_rows(named=True)
    }
    sums = cells.group_by("platform").agg(
        pl.exclude("date", "fetched_share", "suppressed").sum(),
        days=pl.len(),
        hidden_days=pl.col("suppressed").sum(),
    )
    by = {row["platform"]: row for row in sums.iter_rows(named=True)}
    held = queries.in_order(by)
    ordered = pl.DataFrame([by[name] for name in held], schema=sums.schema)
    if ordered["posts"].sum():
        st.altair_chart(
            rankings.labels(ordered), alt="Posts of each platform: scored, or why they were not."
        )
    told = [
        f"- **{wording.platform(name)}**: {by[name]['scored']:,} of {by[name]['posts']:,} posts "
        f"scored. {by[name]['quarantined']:,} of {by[name]['observations']:,} records in "
        f"quarantine. Hidden: {by[name]['hidden_hours']:,} of {24 * by[name]['days']:,} hours, "
        f"{by[name]['hidden_days']:,} of {wording.count(by[name]['days'], 'day')}"
        + (
            f", {hidden[name]['hidden']:,} of {wording.count(hidden[name]['cells'], 'cell')} of "
            "topics."
            if name in hidden
            else "."
        )
        for name in held
    ]
    st.markdown("\n".join(told))
    st.caption(
        "Posts of hidden days are in none of these counts. Why records were refused stands in "
        "`silver/quarantine` (docs/runbooks/quarantine-grows.md)."
    )


def _table(page: Page, selection: Selection) -> None:
    health = queries.health(page.store, selection)
    sums = health.sums
    posts, windows = f"of {sums['posts']:,} posts", f"of {health.days_asked * 12:,}"
    records = f"of {sums['observations']:,} fetched records"
    unasked = 12 * health.days_asked - sum(
        sums[f"windows_{state}"] for state in ("complete", "partial", "unavailable")
    )
    written = page.known.written_at
    age = dt.datetime.now(dt.timezone.utc) - written
    days_asked = f"of {wording.count(health.days_asked, 'day')}"
    figures = [
        ("Fetched share", wording.share(health.fetched_share), days_asked),
        ("Days in gold", f"{health.days:,}", days_asked),
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
        ("Fewest authors shown", health.min_authors, f"{page.min_authors} by today's setting"),
        ("Recipes behind the rows", f"{health.recipes:,}", "1 when all rows follow the same rules"),
        ("Scorers behind the rows", f"{len(health.scorers):,}", ", ".join(health.scorers)),
        ("Age of the newest gold", wording.age(age), f"written {written:%Y-%m-%d %H:%M} UTC"),
    ]
    st.header(f"Data health of {wording.platform(selection.platform)}", anchor=False)
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
        f"All posts of {wording.platform(selection.platform)}, "
        f"{wording.span(selection.first, selection.last)}, whatever the topic. Hidden: fewer "
        f"than {page.min_authors} authors, or needed to hide such a cell."
    )


def _freshness(page: Page, platform: str) -> None:
    st.header(f"Freshness of {wording.platform(platform)}", anchor=False)
    now = dt.datetime.now(dt.timezone.utc)
    rows = queries.freshness(page.store, page.known.platforms)
    held = {(row["table"], row["platform"]): row for row in rows.iter_rows(named=True)}
    told = [
        {"table": table.table, **_how_new(held.get((table.table, platform)), now)}
        for table in queries.GOLD_TABLES
    ]
    st.table(
        pl.DataFrame(told), border="horizontal", hide_index=True,
        alt="Freshness: each table's newest day, and when it was written",
    )  # fmt: skip
    newest = rows.group_by("platform").agg(pl.col("newest_day").max(), pl.col("modified_at").max())
    by = {row["platform"]: row for row in newest.iter_rows(named=True)}
    others = [
        f"{wording.platform(name)}: {by[name]['newest_day'].day} {by[name]['newest_day']:%b}, "
        f"{wording.age(now - by[name]['modified_at'])} ago"
        for name in queries.in_order(by)
    ]
    st.caption(
        f"The newest day of each platform, and when something of it was written: "
        f"{'; '.join(others)}. Whether that is too long ago, `sentiment freshness` says by the "
        "deadlines of `freshness.yaml`. A table of marks or of hidden days together has rows "
        "where there is something to tell."
    )


def _how_new(newest: dict[str, Any] | None, now: dt.datetime) -> dict[str, str]:
    if newest is None:
        return {"newest day": "none", "written": "no rows"}
    day, age = newest["newest_day"], wording.age(now - newest["modified_at"])
    return {"newest day": f"{day.day} {day:%b %Y}", "written": f"{age} ago"}
