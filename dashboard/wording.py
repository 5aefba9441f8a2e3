"""Figures, days and hidden cells in words: one spelling for every page.

What belongs here: values to short texts. Nothing is read and nothing is drawn.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from sentiment_assets.core.gold import ALL_POSTS
from sentiment_assets.core.platforms import PLATFORMS

NONE = "-"
#: Of a day that was fetched in part, posts are fewer for that reason alone.
WHOLE_ENOUGH = 0.95


def platform(name: str) -> str:
    """A platform as people write it."""
    known = PLATFORMS.get(name)
    return name if known is None else known.title


def topic(name: str) -> str:
    """A topic as the filter shows it."""
    return "All posts" if name == ALL_POSTS else name


def subject(name: str) -> str:
    """What figures are of, inside a sentence."""
    return "all posts" if name == ALL_POSTS else f"topic {name}"


def hidden(min_authors: int) -> str:
    """Why a figure is not shown."""
    return f"hidden: fewer than {min_authors} authors"


def together(pool: Mapping[str, Any]) -> str:
    """The days of a pool and the period that they are the hidden days of."""
    days = [f"{date:%a} {date.day} {date:%b}" for date in pool["days"]]
    return f"{', '.join(days[:-1])} and {days[-1]} together, the hidden days of {period(pool)}"


def period(pool: Mapping[str, Any]) -> str:
    """The week or month of a pool."""
    start = pool["period_start"]
    return f"the week of {start.day} {start:%b}" if pool["grain"] == "week" else f"{start:%B %Y}"


def day(date: dt.date) -> str:
    """A date with its weekday."""
    return f"{date:%a} {date.day} {date:%b %Y}"


def span(first: dt.date, last: dt.date) -> str:
    """Days from the first to the last, both included."""
    return day(first) if first == last else f"{day(first)} to {day(last)}"


def count(number: int, noun: str) -> str:
    """A number and its noun, in the plural where there are several."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def signed(value: float | None, digits: int = 3) -> str:
    """A figure that can lie on either side of zero."""
    return NONE if value is None else f"{value:+.{digits}f}"


def plain(value: float | None) -> str:
    """A figure without a sign."""
    return NONE if value is None else f"{value:.3f}"


def volume_change(ratio: float | None, fetched_share: float | None) -> str | None:
    """Posts against the usual, as a change in percent; none of a day that is not all there."""
    if ratio is None or (fetched_share or 0.0) < WHOLE_ENOUGH:
        return None
    return f"{ratio - 1:+.0%}"


def share(value: float | None) -> str:
    """A share in whole percent, rounded down: 100% means all of it."""
    return NONE if value is None else f"{math.floor(value * 100 + 1e-9)}%"


def percent(column: str) -> pl.Expr:
    """A column of shares in whole percent, as :func:`share` rounds them."""
    return (pl.col(column) * 100 + 1e-9).floor().alias(column)


def age(since: dt.timedelta) -> str:
    """How long ago something was."""
    minutes = max(0, int(since.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else count(hours // 24, "day")


def listed(names: Iterable[str]) -> str:
    """Names with commas and a last "and"."""
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last
