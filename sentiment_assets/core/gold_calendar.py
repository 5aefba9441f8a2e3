"""``gold/calendar_days``: what else went on, to be drawn beside every line over days.

What belongs here: this one table, and how gold itself notices that its method changed. What a team
keeps of campaigns, events and holidays is ``core.reference``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from sentiment_assets.core.contracts import CALENDAR_DAYS
from sentiment_assets.core.gold import to_contract
from sentiment_assets.core.gold_days import TRAILING_DAYS, days_of
from sentiment_assets.core.layout import PostPartition

#: Stands for every platform, topic or market.
EVERY = "all"

_DAY = ["date", "platform"]
_MARK = ("kind", "name", "topic", "market", "note", "first_date", "last_date")


@dataclass(frozen=True)
class Kept:
    """The reference tables that marks are made of; each may be empty."""

    calendar: pl.DataFrame
    holidays: pl.DataFrame
    markets: pl.DataFrame


def calendar_days(
    summaries: pl.LazyFrame, kept: Kept, partitions: Sequence[PostPartition]
) -> pl.DataFrame:
    """Rows of ``gold/calendar_days``: every mark of each day.

    Args:
        summaries: ``gold/daily_summary`` of the days and of the seven before each.
        kept: what a team wrote down.
        partitions: the days to write.
    """
    wanted = days_of(partitions)
    days = summaries.select(*_DAY, "fetched_share", "recipes", "scorers").collect()
    marks = pl.concat([_entries(kept, wanted), _holidays(kept, wanted), _changes(days, wanted)])
    return to_contract(
        # An entry of all platforms and one of this platform are one mark, as are two that overlap.
        marks.unique(list(CALENDAR_DAYS.key), keep="first", maintain_order=True).join(
            days.select(*_DAY, "fetched_share"), on=_DAY, how="left"
        ),
        CALENDAR_DAYS,
    )


def _entries(kept: Kept, wanted: pl.DataFrame) -> pl.DataFrame:
    first, last = wanted["date"].min(), wanted["date"].max()
    # An entry of years is cut to the days that are wanted, before it becomes a row for each.
    dates = pl.date_ranges(
        pl.max_horizontal("first_date", pl.lit(first)), pl.min_horizontal("last_date", pl.lit(last))
    )
    entries = (
        kept.calendar.filter(pl.col("first_date") <= last, pl.col("last_date") >= first)
        .sort("first_date", "name", "platform")
        .with_columns(date=dates)
        .explode("date", empty_as_null=True)
        .rename({"platform": "_of"})
        .join(wanted, on="date")
        .filter(pl.col("_of").is_in([EVERY]) | (pl.col("_of") == pl.col("platform")))
    )
    return entries.select(*_DAY, *_MARK, source=pl.lit("calendar"))


def _holidays(kept: Kept, wanted: pl.DataFrame) -> pl.DataFrame:
    """Holidays of the markets that are looked after; of all of them where no market is named."""
    named = kept.holidays.join(
        kept.markets.select("market", note="name"), on="market",
        how="inner" if kept.markets.height else "left",
    )  # fmt: skip
    return wanted.join(named, on="date").select(
        *_DAY,
        kind=pl.lit("holiday"),
        name="name",
        topic=pl.lit(EVERY),
        market="market",
        note="note",
        first_date="date",
        last_date="date",
        source=pl.lit("holidays"),
    )


def _changes(days: pl.DataFrame, wanted: pl.DataFrame) -> pl.DataFrame:
    """Changes of method that the days' own figures tell of."""
    of: dict[tuple[dt.date, str], Mapping[str, Any]] = {
        (row["date"], row["platform"]): row for row in days.iter_rows(named=True)
    }
    rows = [
        (date, platform, "method_change", name, EVERY, EVERY, note, date, date)
        for date, platform in wanted.iter_rows()
        for name, note in _changed(of.get((date, platform)), _before(of, date, platform))
    ]
    schema = {name: pl.String() for name in (*_DAY, *_MARK)} | dict.fromkeys(
        ("date", "first_date", "last_date"), pl.Date()
    )
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(source=pl.lit("observed"))


def _before(
    of: Mapping[tuple[dt.date, str], Mapping[str, Any]], date: dt.date, platform: str
) -> Mapping[str, Any] | None:
    """The newest day with posts before a date, a week back at most."""
    found = (
        of.get((date - dt.timedelta(days=back), platform)) for back in range(1, TRAILING_DAYS + 1)
    )
    return next((row for row in found if row is not None and row["recipes"]), None)


def _changed(
    now: Mapping[str, Any] | None, before: Mapping[str, Any] | None
) -> Iterator[tuple[str, str]]:
    """What began between two days, by name, with what to know of it."""
    if now is None or before is None:
        return
    # What began: of a day that was rebuilt in part the next one tells no second time.
    scorers = _new(now["scorers"], before["scorers"])
    if scorers and before["scorers"]:
        told = f"scored by {_listed(now['scorers'])}; {_listed(before['scorers'])} before"
        yield f"scorer: {_listed(scorers)}", told
    elif recipes := _new(now["recipes"], before["recipes"]):
        told = (
            "rules, topics or keys of cleaning are others than before: "
            f"recipe {_listed(recipes)}, {_listed(before['recipes'])} before"
        )
        yield "rules of cleaning", told


def _new(now: Iterable[str] | None, before: Iterable[str] | None) -> list[str]:
    return sorted({*(now or ())} - {*(before or ())})


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
