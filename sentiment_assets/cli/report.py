"""The table at the end of a fill: what came in, what became of it, what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl
from rich.console import Console
from rich.table import Table

from sentiment_assets.core.contracts import DAILY_SUMMARY, DAILY_TREND, HOURLY_SENTIMENT
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.story import sparkline, tell

if TYPE_CHECKING:
    from sentiment_assets.lake.objects import Lake

_DAYS = 8


def print_report(console: Console, lake: Lake, seconds: float) -> int:
    """Print the newest days of gold; returns how many days have posts."""
    everything = lake.table(DAILY_SUMMARY).scan().collect()
    newest = everything["date"].unique().sort().tail(_DAYS)
    order = pl.col("platform").cast(pl.Enum(list(PLATFORMS)))
    summaries = everything.filter(pl.col("date").is_in(newest.to_list())).sort(order, "date")
    recent: Sequence[dict[str, str]] = [
        {"date": date.isoformat(), "platform": platform}
        for date, platform in summaries.select("date", "platform").iter_rows()
    ]
    if not recent:
        console.print("Gold is empty: nothing was fetched yet.")
        return 0
    hourly = lake.table(HOURLY_SENTIMENT).scan(recent).collect()
    trends = lake.table(DAILY_TREND).scan(recent).collect()
    console.print(_days(summaries, hourly))
    console.print(_totals(summaries, seconds))
    for sentence in tell(summaries, hourly, trends):
        console.print(f"  {sentence}")
    hidden = summaries.filter("suppressed").height
    if hidden:
        console.print(
            f"{hidden} days are hidden, and not in the totals: too few authors "
            "(SENTIMENT_MIN_AUTHORS)."
        )
    return summaries.filter((pl.col("observations") > 0) | pl.col("suppressed")).height


def _days(summaries: pl.DataFrame, hourly: pl.DataFrame) -> Table:
    table = Table(
        title="Sentiment per day (mean compound, -1 to 1; a block an hour, UTC)", box=None
    )
    for title in ("date", "platform", "posts", "scored", "mean", "00 to 23 h", "fetched"):
        numeric = title in ("posts", "scored", "mean", "fetched")
        table.add_column(title, justify="right" if numeric else "left", no_wrap=True)
    for day in summaries.iter_rows(named=True):
        same = hourly.filter(
            (pl.col("date") == day["date"]) & (pl.col("platform") == day["platform"])
        )
        by_hour = dict(zip(same["hour"].dt.hour(), same["sentiment_mean"], strict=True))
        mean = day["sentiment_mean"]
        table.add_row(
            f"{day['date']:%a %d %b}",
            day["platform"],
            "hidden" if day["suppressed"] else f"{day['posts']:,}",
            "" if day["suppressed"] else f"{day['scored']:,}",
            "·" if mean is None else f"{mean:+.3f}",
            sparkline([by_hour.get(hour) for hour in range(24)]),
            f"{day['fetched_share']:.0%}",
        )
    return table


def _totals(summaries: pl.DataFrame, seconds: float) -> Table:
    unscored = sum(
        int(summaries[f"unscored_{reason}"].sum())
        for reason in ("no_text", "language_unknown", "language_not_supported")
    )
    table = Table(box=None)
    values = {
        "posts in": f"{summaries['observations'].sum():,}",
        "scored": f"{summaries['scored'].sum():,}",
        "unscored": f"{unscored:,}",
        "quarantined": f"{summaries['quarantined'].sum():,}",
        "duplicates": f"{summaries['duplicates'].sum():,}",
        "seconds": f"{seconds:.1f}",
    }
    for title in values:
        table.add_column(title, justify="right")
    table.add_row(*values.values())
    return table
