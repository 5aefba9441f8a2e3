"""How much the figures rest on: freshness, coverage, quarantine, what was not scored or is hidden.

What belongs here: layout and wording.
"""

from __future__ import annotations

import datetime as dt

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
    _freshness(page)
    export.links([DAILY_SUMMARY, TOPIC_SENTIMENT], span)


def _fetched(span: Span, cells: pl.DataFrame) -> None:
    st.subheader("Fetched share by day", anchor=False)
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
    st.subheader("What became of the posts", anchor=False)
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
    st.subheader(f"Data health of {wording.platform(selection.platform)}", anchor=False)
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


def _freshness(page: Page) -> None:
    st.subheader("Freshness by table and platform", anchor=False)
    now = dt.datetime.now(dt.timezone.utc)
    rows = queries.freshness(page.store, page.known.platforms)
    st.dataframe(
        rows.select(
            "table",
            pl.col("platform").replace(
                {name: wording.platform(name) for name in page.known.platforms}
            ),
            "newest_day",
            age=pl.Series(
                [
                    "no rows" if at is None else wording.age(now - at)
                    for at in rows["modified_at"].to_list()
                ],
                dtype=pl.String,
            ),
            rows="rows",
        ),
        column_config={
            "table": st.column_config.TextColumn("table", pinned=True),
            "newest_day": st.column_config.DateColumn("newest day", format="ddd D MMM YYYY"),
            "age": st.column_config.TextColumn("written before"),
            "rows": st.column_config.NumberColumn("rows", format="localized"),
        },
        hide_index=True,
        placeholder=wording.NONE,
        alt="Freshness: table, platform, newest day, age, rows",
    )
    st.caption(
        "How long ago the newest day's rows were written. Whether that is too long, "
        "`sentiment freshness` says by the deadlines of `freshness.yaml`."
    )
