"""Marks of method changes, campaigns, events and holidays: numbered on a line, listed beside it.

What belongs here: which marks a chart has room for, and each mark in words. What stands in the
calendar is ``queries.marks``; how a number is drawn is ``charts.py``.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from dashboard import wording
from sentiment_assets.core.gold import ALL_POSTS

#: More numbers than this run into each other on a telephone.
MOST_NUMBERED = 12

#: Kind -> its sign and its name. What changes figures by itself comes first.
KINDS = {
    "method_change": ("◆", "Change of method"),
    "campaign": ("▲", "Campaign"),
    "event": ("●", "Event"),
    "holiday": ("■", "Holiday"),
}


def numbered(marks: pl.DataFrame) -> pl.DataFrame:
    """The marks with ``number``, in the order of their days, and ``sign``.

    Where there are too many to be drawn, the least urgent have no number.

    Args:
        marks: as ``queries.marks`` gives them.
    """
    order = {kind: place for place, kind in enumerate(KINDS)}
    urgency = pl.col("kind").replace_strict(order, default=len(order), return_dtype=pl.Int64)
    signs = {kind: sign for kind, (sign, _) in KINDS.items()}
    ranked = marks.sort(urgency, "start", "name").with_row_index("rank")
    drawn = pl.col("rank") < MOST_NUMBERED
    return (
        ranked.sort(~drawn, "start", "kind", "name")
        .with_row_index("number", offset=1)
        .with_columns(
            number=pl.when(drawn).then("number"),
            sign=pl.col("kind").replace_strict(signs, default="○", return_dtype=pl.String),
        )
        .drop("rank")
    )


def listed(marks: pl.DataFrame) -> str:
    """The numbered marks as a list in Markdown, and how many have no number."""
    drawn = marks.filter(pl.col("number").is_not_null())
    lines = [_line(mark) for mark in drawn.iter_rows(named=True)]
    if left := marks.height - drawn.height:
        lines.append(f"- and {wording.count(left, 'mark')} that the lines have no room for")
    return "\n".join(lines)


def _line(mark: dict[str, object]) -> str:
    _, kind = KINDS.get(str(mark["kind"]), ("○", str(mark["kind"])))
    about = [kind]
    if mark["topic"] != ALL_POSTS:
        about.append(f"topic {plain(str(mark['topic']))}")
    markets = mark["markets"]
    if isinstance(markets, list) and (named := [m for m in markets if m != ALL_POSTS]):
        about.append(f"in {wording.listed(map(plain, named))}")
    platforms = mark["platforms"]
    if isinstance(platforms, list):
        about.append(wording.listed(wording.platform(name) for name in platforms))
    if mark["source"] == "observed":
        about.append("seen in gold's own rows")
    note = f". {plain(str(mark['note']))}" if mark["note"] else ""
    return (
        f"- **{mark['number']} {mark['sign']}** {_days(mark)}: {plain(str(mark['name']))} "
        f"({', '.join(about)}){note}"
    )


def _days(mark: dict[str, object]) -> str:
    first, last = mark["first_date"] or mark["start"], mark["last_date"] or mark["end"]
    if not (isinstance(first, dt.date) and isinstance(last, dt.date)):
        return ""
    return wording.span(first, last)


def plain(text: str) -> str:
    """A text that a team wrote, without what Markdown would make of it."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]()#+-.!|<>~:$" else sign for sign in text)
