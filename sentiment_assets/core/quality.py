"""Verdicts over counts: what a check says of a table, without Dagster and without rows.

What belongs here: arithmetic that turns counts into pass or fail with a sentence. Counting is done
by whoever holds the table; turning a verdict into a Dagster result is ``sentiment_assets.checks``.
"""

from __future__ import annotations

import datetime as dt
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from sentiment_assets.core.contracts import Contract

#: A day's volume is unusual outside these multiples of the trailing median.
VOLUME_BOUNDS = (0.3, 3.0)
#: Names of the checks of what was landed of a topic.
LANDED_IN_FULL = "landed_in_full"
RETENTION_KEPT_PACE = "retention_kept_pace"
#: Fields that a verdict names.
_SHOWN_FIELDS = 10
#: Ends the names of the mart's columns beside gold's.
_IN_MART = " in the mart"
#: Days needed before a volume is judged.
VOLUME_DAYS = 3


class ConservationError(Exception):
    """Records went missing, or came from nowhere, on the way."""


@dataclass(frozen=True)
class Conservation:
    """Where records went: every record in is a row, a duplicate of one, or in quarantine.

    ``sealed`` are those in quarantine because they came after their date was sealed.
    """

    records: int = 0
    rows: int = 0
    duplicates: int = 0
    quarantined: int = 0
    sealed: int = 0

    def __add__(self, other: Conservation) -> Conservation:
        return Conservation(
            self.records + other.records,
            self.rows + other.rows,
            self.duplicates + other.duplicates,
            self.quarantined + other.quarantined,
            self.sealed + other.sealed,
        )

    @property
    def holds(self) -> bool:
        """They add up to what came in."""
        return self.records == self.rows + self.duplicates + self.quarantined + self.sealed

    def __str__(self) -> str:
        sign = "=" if self.holds else "≠"
        return (
            f"{self.records} records in {sign} {self.rows} rows + {self.duplicates} duplicates "
            f"+ {self.quarantined} quarantined"
            + (f" + {self.sealed} after the date was sealed" if self.sealed else "")
        )

    def require(self, where: str) -> None:
        """Raise ConservationError, naming the place, unless it holds."""
        if not self.holds:
            raise ConservationError(
                f"{where}: {self}. Nothing was committed; this is a fault in the code, "
                "keep the bronze objects and report it"
            )


@dataclass(frozen=True)
class Verdict:
    """What a check says; ``counts`` are numbers only."""

    passed: bool
    sentence: str
    counts: Mapping[str, int | float] = field(default_factory=dict)


def schema_verdict(
    contract: Contract, promised: Mapping[str, str], columns: Mapping[str, str]
) -> Verdict:
    """Compare the columns that a table has with those that its contract promises, by type."""
    missing = sorted(promised.keys() - columns.keys())
    foreign = sorted(columns.keys() - promised.keys())
    changed = sorted(
        f"{name} is {columns[name]}, not {promised[name]}"
        for name in promised.keys() & columns.keys()
        if columns[name] != promised[name]
    )
    said = [f"missing: {', '.join(missing)}"] if missing else []
    said += [f"not in the contract: {', '.join(foreign)}"] if foreign else []
    said += changed
    return Verdict(
        not said,
        "; ".join(said) or f"as contract {contract.name} {contract.version}",
        {"columns": len(columns), "missing": len(missing), "foreign": len(foreign)},
    )


def key_verdict(contract: Contract, rows: pl.LazyFrame) -> Verdict:
    """Is each row's key its own?"""
    height, distinct = (
        rows.select(pl.len(), pl.struct(contract.key).n_unique().alias("distinct")).collect().row(0)
    )
    repeated = height - distinct
    name = ", ".join(contract.key)
    sentence = f"{repeated} rows repeat a key ({name})" if repeated else f"({name}) is unique"
    return Verdict(repeated == 0, sentence, {"rows": height, "repeated": repeated})


def required_verdict(contract: Contract, rows: pl.LazyFrame) -> Verdict:
    """Does every required column hold a value in every row?"""
    nulls = rows.select(pl.col(contract.required).null_count()).collect().row(0, named=True)
    empty = {name: count for name, count in nulls.items() if count}
    sentence = "; ".join(f"{name} is null in {count} rows" for name, count in empty.items())
    return Verdict(not empty, sentence or "no required column holds a null", empty)


def conservation_verdict(counts: Conservation, waiting: int = 0) -> Verdict:
    """Do the records of a partition add up? ``waiting`` are those that came since."""
    since = f"; {waiting} that came since wait for the next rebuild" if waiting else ""
    return Verdict(
        counts.holds,
        f"{counts}{since}",
        {
            "records": counts.records,
            "rows": counts.rows,
            "duplicates": counts.duplicates,
            "quarantined": counts.quarantined,
            "sealed": counts.sealed,
            "waiting": waiting,
        },
    )


def landed_verdict(consumed: int, landed: int, dead_letters: int) -> Verdict:
    """Is every record that was consumed of a topic landed, or a dead letter?"""
    missing = consumed - landed - dead_letters
    sentence = f"{consumed} consumed = {landed} landed + {dead_letters} dead letters"
    if missing:
        sentence = f"{sentence} + {missing} MISSING"
    counts = {"consumed": consumed, "landed": landed, "dead_letters": dead_letters}
    return Verdict(missing == 0, sentence, counts)


def objects_verdict(told: int, landed: int, missing: Sequence[str]) -> Verdict:
    """Does bronze hold what its manifests say was landed?

    Args:
        told: records that the manifests tell of.
        landed: records of the objects that they list.
        missing: listed objects that are not there, or of another size.
    """
    said = [f"{told} records landed"]
    if told != landed:
        said.append(f"the objects hold {landed}")
    if missing:
        said.append(f"{len(missing)} objects are gone or of another size, such as {missing[0]}")
    counts = {"records": told, "in_objects": landed, "objects_missing": len(missing)}
    return Verdict(told == landed and not missing, "; ".join(said), counts)


def retention_verdict(topic: str, lost: Sequence[str], records: int) -> Verdict:
    """Was everything landed before the topic's retention deleted it?

    Args:
        topic: its name.
        lost: what was not, as ``partition:start-end``.
        records: offsets that these are.
    """
    if not lost:
        return Verdict(True, f"nothing of {topic} was deleted before it was landed", {"lost": 0})
    sentence = (
        f"{topic}: {records} records were deleted before they were landed, offsets "
        f"{', '.join(lost)}. They are lost here: fetch their dates again, or let the producer "
        "send them again"
    )
    return Verdict(False, sentence, {"lost": records})


def volume_verdict(posts: int, share: float, trailing: Sequence[tuple[int, float]]) -> Verdict:
    """Is a day's volume in line with the days before it?

    Args:
        posts: posts of the day.
        share: share of the day that was fetched.
        trailing: posts and fetched share of the days before; days hardly fetched don't count.
    """
    usual = [count / part for count, part in trailing if part > 0.5]
    if len(usual) < VOLUME_DAYS or share <= 0:
        return Verdict(True, f"only {len(usual)} earlier days to compare with", {"posts": posts})
    median = statistics.median(usual)
    if median == 0:
        return Verdict(True, "the days before brought nothing to compare with", {"posts": posts})
    expected = median * share
    ratio = posts / expected
    low, high = VOLUME_BOUNDS
    return Verdict(
        low <= ratio <= high,
        f"{posts} posts, {ratio:.2f} times what the fetched {share:.0%} of a day usually brings",
        {"posts": posts, "expected": round(expected), "ratio": round(ratio, 3)},
    )


def drift_verdict(
    unknown: Sequence[Mapping[str, int]], vanished: Sequence[Mapping[str, int]]
) -> Verdict:
    """Whether an API's answers still have the shape that its parser knows.

    Args:
        unknown: a mapping for each fetched source: field that nobody knows -> objects with it.
        vanished: the same of fields that stood in every object before and now in none.
    """
    new, gone = _summed(unknown), _summed(vanished)
    said = []
    if new:
        said.append(f"unknown: {_counted(new)}")
    if gone:
        said.append(f"vanished: {_counted(gone)}")
    sentence = (
        "; ".join(said) + ". The API has changed: see docs/runbooks/api-drift.md"
        if said
        else "every field is known, none vanished"
    )
    return Verdict(not said, sentence, {"unknown_fields": len(new), "vanished_fields": len(gone)})


def notices_verdict(notices: Sequence[str]) -> Verdict:
    """Whether a client warned of something that somebody must see to soon."""
    sentence = " ".join(notices) if notices else "nothing to warn of"
    return Verdict(not notices, sentence, {"notices": len(notices)})


def recipe_verdict(recipes: Sequence[str], scorers: Sequence[str]) -> Verdict:
    """Do all of a day's rows follow the same rules?"""
    counts = {"recipes": len(recipes), "scorers": len(scorers)}
    if len(recipes) <= 1:
        return Verdict(True, "all rows follow the same rules", counts)
    return Verdict(
        False,
        f"the day's rows follow {len(recipes)} recipes, scored by {', '.join(scorers)}: "
        "its figures mix them. Rebuild silver/posts of the date and what is downstream",
        counts,
    )


def scorer_verdict(scorers: Sequence[str]) -> Verdict:
    """Is a day compared with days that the same scorer scored?"""
    counts = {"scorers": len(scorers)}
    if len(scorers) <= 1:
        return Verdict(True, "the days that are compared have one scorer", counts)
    return Verdict(
        False,
        f"the day and the seven before it were scored by {', '.join(scorers)}: a change may be "
        "theirs. `sentiment partitions --stale` lists what to rebuild",
        counts,
    )


def topics_verdict(table: str, named: Sequence[str], tracked: Sequence[str]) -> Verdict:
    """A topic that nobody tracks marks no line: a slip of the pen, or a topic that is gone."""
    unknown = [name for name in named if name not in tracked]
    if unknown:
        told = ", ".join(unknown[:5])
        return Verdict(
            False,
            f"{table} names topics that tracking.yaml doesn't have: {told}; correct one of the two",
            {"unknown_topics": len(unknown)},
        )
    return Verdict(True, f"all {len(named)} topics are tracked", {"unknown_topics": 0})


def reaches_ahead_verdict(last: dt.date | None, today: dt.date) -> Verdict:
    """A list of holidays ends some day, and nobody notices that none come any more."""
    if last is None:
        return Verdict(True, "no holidays are kept")
    ahead = (last - today).days
    if ahead < 30:
        return Verdict(
            False,
            f"the last holiday is that of {last}: write the next ones (docs/enrichment.md)",
            {"days_ahead": ahead},
        )
    return Verdict(True, f"holidays are there up to {last}", {"days_ahead": ahead})


def published_verdict(contract: Contract, gold: pl.DataFrame, mart: pl.DataFrame) -> Verdict:
    """Compare what a database holds of a partition with gold, row by row and cell by cell."""
    key = list(contract.key)
    columns = contract.schema.names
    gold, mart = gold.select(columns), mart.select(columns)
    doubled = mart.height - mart.n_unique(key)
    missing = gold.join(mart, on=key, how="anti", nulls_equal=True).height
    strange = mart.join(gold, on=key, how="anti", nulls_equal=True).height
    both = gold.join(mart, on=key, how="inner", nulls_equal=True, suffix=_IN_MART)
    changed = {
        name: count
        for name in columns
        if name not in key
        and (count := both.filter(pl.col(name).ne_missing(pl.col(name + _IN_MART))).height)
    }
    counts: dict[str, int | float] = {
        "gold_rows": gold.height,
        "mart_rows": mart.height,
        "missing_rows": missing,
        "strange_rows": strange,
        "doubled_rows": doubled,
        "changed_cells": sum(changed.values()),
    }
    if not (missing or strange or doubled or changed):
        return Verdict(True, f"{gold.height} rows, each as in gold", counts)
    told = [
        f"{count} {what}"
        for what, count in (
            ("of gold's rows are missing", missing),
            ("rows are not in gold", strange),
            ("rows are there twice", doubled),
        )
        if count
    ]
    told += [f"{count} cells of {name} differ" for name, count in changed.items()]
    return Verdict(False, f"{'; '.join(told)}: publish the partition again (docs/mart.md)", counts)


def _summed(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(sorted(total.items()))


def _counted(counts: Mapping[str, int]) -> str:
    shown = [f"{path} ({count} objects)" for path, count in list(counts.items())[:_SHOWN_FIELDS]]
    more = len(counts) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
