"""What a team keeps in files: the text of a CSV or Parquet file to rows, or all that is wrong.

What belongs here: the four kinds of files, their columns and rules, and what a change of one of
them concerns. Where the files lie is ``lake.reference``; what is made of them is ``core.gold_*``.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, ClassVar

import polars as pl

from sentiment_assets.core.checked_yaml import FileProblems
from sentiment_assets.core.contracts import (
    BRANDS,
    CALENDAR,
    HOLIDAYS,
    MARKETS,
    REFERENCE_CONTRACTS,
    Contract,
)
from sentiment_assets.core.gold_calendar import EVERY
from sentiment_assets.core.platforms import PLATFORMS

#: A table's file is its name with one of these.
ENDINGS = ("csv", "parquet")

KINDS = ("method_change", "campaign", "event")
_FIRST, _LAST = dt.date(2000, 1, 1), dt.date(2100, 1, 1)
_MOST_ROWS = 100_000
#: A change that concerns more spans is told as one: it stands in the event of a materialization.
_MOST_SPANS = 200

#: Dates that a change concerns, both ends included.
Span = tuple[dt.date, dt.date]
ALL_DATES: Span = (dt.date.min, dt.date.max)


class ReferenceProblems(FileProblems):
    """Everything that is wrong with a file; each of ``problems`` names its line and column."""

    ABOUT: ClassVar[str] = "a reference file"


class _WrongError(ValueError):
    """What is wrong with a cell, and what to write instead."""


def _text(value: str) -> str:
    if len(value) > 500:
        raise _WrongError(f"has {len(value)} characters; write 500 at most")
    return value


def _date(value: str) -> dt.date:
    try:
        found = dt.date.fromisoformat(value)
    except ValueError:
        raise _WrongError(f"{value!r} is no date; for example: 2026-11-23") from None
    if not _FIRST <= found < _LAST:
        raise _WrongError(f"{value} lies outside of {_FIRST.year} to {_LAST.year - 1}")
    return found


def _one_of(names: Sequence[str], value: str) -> str:
    if value not in names:
        near = get_close_matches(value, names, 1)
        hint = f"; did you mean {near[0]}?" if near else f"; write one of {', '.join(names)}"
        raise _WrongError(f"{value!r} is none of them{hint}")
    return value


def _matching(pattern: str, example: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise _WrongError(f"{value!r} is of another form; for example: {example}")
        return value

    return read


_topic = _matching(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", "mobile_app, as in tracking.yaml")
_market = _matching("[A-Z]{2}", "ZA")
_language = _matching("[a-z]{2}", "en")


def _languages(value: str) -> list[str]:
    return [_language(code) for code in value.split()]


def _truth(value: str) -> bool:
    return _one_of(("true", "false"), value.lower()) == "true"


def _platform(value: str) -> str:
    return _one_of((*PLATFORMS, EVERY), value)


def _kind(value: str) -> str:
    return _one_of(KINDS, value)


def _or_every(read: Callable[[str], str]) -> Callable[[str], str]:
    return lambda value: value if value == EVERY else read(value)


#: How each column of a file is read; those in ``_DEFAULTS`` may be empty, or missing.
_READ: Mapping[str, Mapping[str, Callable[[str], Any]]] = {
    CALENDAR.name: {
        "name": _text,
        "kind": _kind,
        "first_date": _date,
        "last_date": _date,
        "platform": _platform,
        "topic": _or_every(_topic),
        "market": _or_every(_market),
        "note": _text,
    },
    BRANDS.name: {
        "topic": _topic,
        "brand": _text,
        "product": _text,
        "company": _text,
        "category": _text,
        "own": _truth,
    },
    MARKETS.name: {"market": _market, "name": _text, "languages": _languages},
    HOLIDAYS.name: {"market": _market, "date": _date, "name": _text},
}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    # An entry without an end is one day, which is filled in by its row.
    CALENDAR.name: {
        "last_date": None,
        "platform": EVERY,
        "topic": EVERY,
        "market": EVERY,
        "note": None,
    },
    BRANDS.name: dict.fromkeys(("product", "company", "category")),
    MARKETS.name: {},
    HOLIDAYS.name: {},
}


@dataclass(frozen=True)
class _Row:
    """A row as it stands in a file, and where."""

    place: str
    cells: Mapping[str, str]


def read_reference(contract: Contract, source: str, content: bytes) -> pl.DataFrame:
    """The rows of a file.

    Args:
        contract: of the reference table.
        source: the file's name, which says its kind and which messages show.
        content: its bytes.

    Raises:
        ReferenceProblems: with everything that is wrong, in the order of the lines.
    """
    rows = _csv_rows if source.endswith(".csv") else _parquet_rows
    known = _READ[contract.name]
    names, found = rows(source, content)
    _check_columns(contract, source, names)
    problems: list[str] = []
    values: list[dict[str, Any]] = []
    places: dict[tuple[Any, ...], str] = {}
    for row in found:
        if len(values) > _MOST_ROWS:
            problems.append(f"{source}: more than {_MOST_ROWS:,} rows; keep what days are read for")
            break
        value = {}
        before = len(problems)
        for name in known:
            try:
                value[name] = _cell(contract, name, row.cells.get(name, "").strip())
            except _WrongError as wrong:
                problems.append(f"{row.place}, column {name}: {wrong}")
        if len(problems) == before:
            problems += _of_row(contract, row.place, value, places)
        values.append(value)
    if problems:
        raise ReferenceProblems(tuple(problems))
    return rows_of(contract, values)


def rows_of(contract: Contract, values: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows typed by a contract, in the order of its key."""
    empty = pl.from_arrow(contract.schema.empty_table())
    assert isinstance(empty, pl.DataFrame)
    return pl.DataFrame(list(values), schema=empty.schema, orient="row").sort(contract.key)


def fingerprint(rows: pl.DataFrame) -> str:
    """SHA-256 in hex over the content; neither the order of rows nor the kind of file counts."""
    lines = sorted(
        json.dumps(row, default=str, ensure_ascii=False, sort_keys=True)
        for row in rows.iter_rows(named=True)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def concerned(contract: Contract, before: pl.DataFrame, after: pl.DataFrame) -> list[Span]:
    """The dates that a change of a table's rows concerns; none where nothing changed.

    Of the calendar and of holidays those of the rows that came, went or became others; of brands
    and markets every date, since any may name them.
    """
    held = [{json.dumps(row, default=str): row for row in f.to_dicts()} for f in (before, after)]
    changed = [
        row for here, there in (held, held[::-1]) for text, row in here.items() if text not in there
    ]
    if not changed:
        return []
    if contract == CALENDAR:
        return _joined([(row["first_date"], row["last_date"]) for row in changed])
    if contract == HOLIDAYS:
        return _joined([(row["date"], row["date"]) for row in changed])
    return [ALL_DATES]


def spelled(spans: Iterable[Span]) -> str:
    """Spans as text, such as ``2026-11-01..2026-11-05``."""
    return " ".join(f"{first}..{last}" for first, last in spans)


def spans_in(text: str) -> list[Span]:
    """Read what :func:`spelled` wrote."""
    return [
        (dt.date.fromisoformat(first), dt.date.fromisoformat(last))
        for first, _, last in (span.partition("..") for span in text.split())
    ]


def table_of(file_name: str) -> Contract | None:
    """The table that a file is of, by its name; None for any other file."""
    stem, _, ending = file_name.rpartition(".")
    return REFERENCE_CONTRACTS.get(f"reference/{stem}") if ending in ENDINGS else None


def _joined(spans: Iterable[Span]) -> list[Span]:
    """The same dates in as few spans as there are gaps."""
    joined: list[Span] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1] + dt.timedelta(days=1):
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined if len(joined) <= _MOST_SPANS else [(joined[0][0], joined[-1][1])]


def _check_columns(contract: Contract, source: str, names: Sequence[str]) -> None:
    known, optional = _READ[contract.name], _DEFAULTS[contract.name]
    written = f"its columns are {', '.join(known)}"
    twice = sorted({name for name in names if names.count(name) > 1})
    problems = [
        *(f"{source}: column {name} stands there twice; {written}" for name in twice),
        *(
            f"{source}: column {name!r} is not known; {written}"
            for name in dict.fromkeys(names)
            if name not in known
        ),
        *(
            f"{source}: column {name} is missing; {written}"
            for name in known
            if name not in names and name not in optional
        ),
    ]
    if problems:
        raise ReferenceProblems(tuple(problems))


def _cell(contract: Contract, name: str, text: str) -> Any:
    if text:
        return _READ[contract.name][name](text)
    if name not in _DEFAULTS[contract.name]:
        raise _WrongError("is empty; every row needs it")
    return _DEFAULTS[contract.name][name]


def _of_row(
    contract: Contract, place: str, value: dict[str, Any], places: dict[tuple[Any, ...], str]
) -> Iterator[str]:
    """What is wrong with a row whose cells are right; notes its key."""
    if contract == CALENDAR:
        value["last_date"] = value["last_date"] or value["first_date"]
        if value["last_date"] < value["first_date"]:
            yield f"{place}, column last_date: it ends before it begins; exchange the two dates"
    key = tuple(value[name] for name in contract.key)
    if key in places:
        yield f"{place} repeats {places[key]} ({', '.join(contract.key)}); remove one of them"
    places.setdefault(key, place)


def _csv_rows(source: str, content: bytes) -> tuple[list[str], Iterator[_Row]]:
    try:
        # Spreadsheets begin their UTF-8 with a mark.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ReferenceProblems((f"{source}: not UTF-8; save it as CSV UTF-8",)) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise ReferenceProblems((f"{source}:1: not readable as CSV: {error}",)) from None

    def rows() -> Iterator[_Row]:
        line = reader.line_num + 1
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                told = f"{source}:{line}: not readable as CSV: {error}; check the quotes there"
                raise ReferenceProblems((told,)) from None
            if cells is None:
                return
            if len(cells) > len(names):
                told = f"has {len(cells)} cells, the head {len(names)}; quote cells with commas"
                raise ReferenceProblems((f"{source}:{line}: {told}",))
            if any(cell.strip() for cell in cells):
                yield _Row(f"{source}:{line}", dict(zip(names, cells, strict=False)))
            line = reader.line_num + 1

    return names, rows()


def _parquet_rows(source: str, content: bytes) -> tuple[list[str], Iterator[_Row]]:
    try:
        frame = pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, OSError):
        raise ReferenceProblems((f"{source}: not readable as Parquet; write it again",)) from None

    def rows() -> Iterator[_Row]:
        for number, row in enumerate(frame.iter_rows(named=True), 1):
            yield _Row(f"{source}, row {number}", {name: _plain(v) for name, v in row.items()})

    return frame.columns, rows()


def _plain(value: object) -> str:
    """A typed value as a CSV file would have it."""
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(map(_plain, value))
    if isinstance(value, dt.datetime):
        # Of midnights only the day was meant.
        return value.isoformat().removesuffix("T00:00:00")
    return str(value)
