"""Somebody who has every gold table and subtracts: what of the hidden cells can they work out?

What belongs here: the attack alone. It knows the tables, never the posts. All posts of a day fall
into atoms: one hour, one set of topics, one language where the tables tell of languages. Each
published figure is a sum over atoms, so that a hidden cell is found when it is a linear combination
of published figures. Atoms that a published zero empties are left out; so are those outside of a
figure that equals a larger one.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import polars as pl

from sentiment_assets.core.contracts import (
    DAILY_SUMMARY,
    HOURLY_SENTIMENT,
    LANGUAGE_SENTIMENT,
    POOLED_SENTIMENT,
    TOPIC_SENTIMENT,
    WEEKLY_SENTIMENT,
    Contract,
)
from sentiment_assets.core.gold import ALL_POSTS

#: What is counted: posts, or posts with a score (whose sum of sentiment goes with them).
Measure = Literal["posts", "scored"]
#: Date, hour, the topics and hashtags (``#name``), the language (empty where nobody tells of it).
Atom = tuple[dt.date, int, frozenset[str], str]

#: All sums and differences of so many figures are tried, and all of fewer than ``_ALL_OF``.
_AT_ONCE, _ALL_OF = 4, 8


@dataclass(frozen=True)
class Figure:
    """A cell of a gold table: which atoms it sums, and its values where they are published."""

    name: str
    atoms: frozenset[Atom]
    values: Mapping[Measure, int] | None


def figures(tables: Mapping[Contract, pl.DataFrame]) -> list[Figure]:
    """Every cell of the tables of one platform."""
    hours: dict[dt.date, set[int]] = {}
    for date, hour, posts in tables[HOURLY_SENTIMENT].select("date", "hour", "posts").iter_rows():
        if posts != 0:
            hours.setdefault(date, set()).add(hour.hour)
    topics: dict[dt.date, set[str]] = {}
    for row in tables[TOPIC_SENTIMENT].iter_rows(named=True):
        topics.setdefault(row["date"], set()).add(_name(row))

    langs: dict[dt.date, set[str]] = {}
    of_languages = tables.get(LANGUAGE_SENTIMENT, pl.DataFrame()).to_dicts()
    for row in of_languages:
        langs.setdefault(row["date"], set()).add(row["lang"])

    def atoms(  # type: ignore[no-untyped-def]
        dates: Iterable[dt.date],
        hour: int | None = None,
        topic: str | None = None,
        lang: str | None = None,
    ):
        return frozenset(
            (date, h, held, spoken)
            for date in dates
            for h in hours.get(date, ())
            for held in _subsets(frozenset(topics.get(date, ())))
            for spoken in langs.get(date, {""})
            if hour in (None, h) and (topic is None or topic in held) and lang in (None, spoken)
        )

    found = []
    for row in tables[HOURLY_SENTIMENT].iter_rows(named=True):
        hour = row["hour"].hour
        found.append(_figure(f"hour {row['hour']}", atoms([row["date"]], hour=hour), row))
    for row in tables[TOPIC_SENTIMENT].iter_rows(named=True):
        name = f"topic {row['topic']} of {row['date']}"
        found.append(_figure(name, atoms([row["date"]], topic=_name(row)), row))
    for row in tables[DAILY_SUMMARY].iter_rows(named=True):
        found.append(_figure(f"day {row['date']}", atoms([row["date"]]), row))
    for row in tables[POOLED_SENTIMENT].iter_rows(named=True):
        topic = None if row["topic"] == ALL_POSTS else row["topic"]
        name = f"{row['grain']} of {row['topic']} from {row['period_start']}"
        found.append(_figure(name, atoms(row["days"], topic=topic), row))
    for row in of_languages:
        name = f"language {row['lang']} of {row['date']}"
        found.append(_figure(name, atoms([row["date"]], lang=row["lang"]), row))
    for row in tables.get(WEEKLY_SENTIMENT, pl.DataFrame()).iter_rows(named=True):
        topic = None if row["topic"] == ALL_POSTS else row["topic"]
        dates = _shown_days(tables, row)
        name = f"week to {row['date']} of {row['topic']}"
        found.append(_figure(name, atoms(dates, topic=topic), {**row, "suppressed": not dates}))
    return [figure for figure in found if figure.atoms]


def cells_found(every: list[Figure], measure: Measure) -> list[Figure]:
    """The hidden cells whose figure is a linear combination of published ones."""
    published = [figure for figure in every if figure.values is not None]
    hidden = [figure for figure in every if figure.values is None]
    atoms, (told, asked) = _matrices(published, hidden, measure)
    if not atoms or not published:
        return []
    rank = np.linalg.matrix_rank(told)
    return [
        cell
        for cell, row in zip(hidden, asked, strict=True)
        if row.any() and np.linalg.matrix_rank(np.vstack([told, row])) == rank
    ]


def unions_found(every: list[Figure], measure: Measure) -> Iterator[frozenset[Atom]]:
    """The sets of posts whose figure can be had by adding and subtracting published ones."""
    published = [figure for figure in every if figure.values is not None]
    for together in _connected(published):
        atoms, (told, _) = _matrices(together, [], measure)
        if not atoms:
            continue
        results = np.unique(_signs(len(together)) @ told, axis=0)
        whole = (results >= 0).all(axis=1) & (results <= 1).all(axis=1) & results.any(axis=1)
        for row in results[whole]:
            yield frozenset(itertools.compress(atoms, row))


def told_by_trend(trend: pl.DataFrame, tables: Mapping[Contract, pl.DataFrame]) -> Iterator[str]:
    """What ``gold/daily_trend`` tells that published days don't: a remainder is a hidden day's.

    Each figure of a trend is worked out once more from the days that are shown. What can be had
    from them is nothing new; what differs holds posts of a day that is not shown.
    """
    needed = ["date", "topic", "posts", "scored", "sentiment_sum", "fetched_share", "suppressed"]
    days = pl.concat(
        [
            tables[DAILY_SUMMARY].with_columns(topic=pl.lit(ALL_POSTS)).select(needed),
            tables[TOPIC_SENTIMENT].filter(topic_kind="tracked").select(needed),
        ]
    )
    for row in trend.iter_rows(named=True):
        name, topic, date = f"trend of {row['topic']} of {row['date']}", row["topic"], row["date"]
        (own,) = days.filter(topic=topic, date=date).to_dicts()
        if own["suppressed"]:
            figures_of_day = ("posts", "scored", "sentiment_mean", "change", "change_z")
            for figure in (*figures_of_day, "volume_ratio"):
                if row[figure] is not None:
                    yield f"{figure} of the hidden day: {name}"
        before = days.filter(
            (pl.col("topic") == topic)
            & pl.col("date").is_between(date - dt.timedelta(days=7), date, closed="left")
            & ~pl.col("suppressed")
            & (pl.col("scored") > 0)
        )
        if row["trailing_days"] != before.height:
            yield f"days: {name}"
        scored, compound = before["scored"].sum(), before["sentiment_sum"].sum()
        if (row["trailing_scored"] or 0) != scored:
            yield f"scored posts of days before: {name}"
        if scored and round(row["trailing_mean"] * scored * 10_000) != compound:
            yield f"sentiment of days before: {name}"
        fetched = before.filter(pl.col("fetched_share") > 0.5)["posts"]
        if row["volume_ratio"] and not math.isclose(
            row["posts"] / row["volume_ratio"] * len(fetched), fetched.sum()
        ):
            yield f"posts of days before: {name}"


def _figure(name: str, atoms: frozenset[Atom], row: Mapping[str, int | None]) -> Figure:
    values = {m: row[m] for m in ("posts", "scored")}
    return Figure(name, atoms, None if row["suppressed"] else values)  # type: ignore[arg-type]


def _shown_days(
    tables: Mapping[Contract, pl.DataFrame], week: Mapping[str, object]
) -> list[dt.date]:
    """The days that a week to date sums, which its readers find in the tables of days."""
    days = tables[DAILY_SUMMARY]
    if week["topic"] != ALL_POSTS:
        days = tables[TOPIC_SENTIMENT].filter(topic_kind="tracked", topic=week["topic"])
    shown = days.filter(
        ~pl.col("suppressed"), pl.col("date").is_between(week["week_start"], week["date"])
    )
    found: list[dt.date] = shown["date"].to_list()
    return found


def _name(row: Mapping[str, str]) -> str:
    return row["topic"] if row["topic_kind"] == "tracked" else f"#{row['topic']}"


@cache
def _subsets(names: frozenset[str]) -> list[frozenset[str]]:
    ordered = sorted(names)
    return [
        frozenset(chosen)
        for size in range(len(ordered) + 1)
        for chosen in itertools.combinations(ordered, size)
    ]


def _matrices(
    published: list[Figure], hidden: list[Figure], measure: Measure
) -> tuple[list[Atom], tuple[np.ndarray, np.ndarray]]:
    """The atoms that may hold posts, and which figures sum which of them."""
    empty = _empty_atoms(published, "posts")
    if measure == "scored":
        empty |= _empty_atoms(published, "scored")
    atoms = sorted(
        {atom for figure in (*published, *hidden) for atom in figure.atoms} - empty,
        key=lambda atom: (*atom[:2], sorted(atom[2]), atom[3]),
    )
    told, asked = (
        np.array([[atom in f.atoms for atom in atoms] for f in of], dtype=np.float32).reshape(
            len(of), len(atoms)
        )
        for of in (published, hidden)
    )
    return atoms, (told, asked)


def _empty_atoms(published: list[Figure], measure: Measure) -> set[Atom]:
    """Counts are never negative: nothing is in a zero, nor between two equal figures."""
    values = [(f.atoms, f.values[measure]) for f in published if f.values is not None]
    empty: set[Atom] = set()
    for atoms, value in values:
        if value == 0:
            empty |= atoms
        for inner, other in values:
            if value == other and inner < atoms:
                empty |= atoms - inner
    return empty


def _connected(published: list[Figure]) -> Iterator[list[Figure]]:
    """Figures that share dates, directly or through others; the rest is of no help to them."""
    groups: list[tuple[set[dt.date], list[Figure]]] = []
    for figure in published:
        dates, members = {atom[0] for atom in figure.atoms}, [figure]
        apart = []
        for known, group in groups:
            if known & dates:
                dates |= known
                members = [*group, *members]
            else:
                apart.append((known, group))
        groups = [*apart, (dates, members)]
    for _, members in groups:
        yield members


@cache
def _signs(count: int) -> np.ndarray:
    """Rows of -1, 0 and 1."""
    if count < _ALL_OF:
        rows = list(itertools.product((-1, 0, 1), repeat=count))
        return np.array(rows, dtype=np.float32)
    rows_of_few = []
    for size in range(1, _AT_ONCE + 1):
        signs = np.array(list(itertools.product((-1, 1), repeat=size)), dtype=np.float32)
        for chosen in itertools.combinations(range(count), size):
            block = np.zeros((len(signs), count), dtype=np.float32)
            block[:, chosen] = signs
            rows_of_few.append(block)
    return np.vstack(rows_of_few)
