"""A small table that the lake's tests write: every kind of column the platform has."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pyarrow as pa

from sentiment_assets.core.contracts import STRINGS, TIMESTAMP, Column, Contract
from sentiment_assets.lake.files import polars_schema

SECRET = "the words of a person"

NOTES = Contract(
    name="silver/notes",
    version="1.0",
    description="Notes for tests.",
    grain="one note",
    key=("platform", "note_id"),
    partition_columns=("date", "platform", "window"),
    owner="team:data-platform",
    statistics=("hour", "score"),
    columns=(
        Column("date", pa.date32(), "Day.", True),
        Column("platform", pa.string(), "Platform.", True),
        Column("window", pa.string(), "Window.", True),
        Column("note_id", pa.string(), "Pseudonym.", True, "pseudonym"),
        Column("hour", TIMESTAMP, "Hour.", True),
        Column("score", pa.float64(), "Score."),
        Column("count", pa.int32(), "Count.", True),
        Column("tags", STRINGS, "Tags.", True),
        Column("note", pa.string(), "Text.", False, "masked_text"),
    ),
)


def partition(window: str = "0800", date: str = "2026-11-23") -> dict[str, str]:
    return {"date": date, "platform": "x", "window": window}


def notes(count: int, *, start: int = 0, mark: int = 0, note: str | None = SECRET) -> pl.DataFrame:
    """Rows of one partition; ``mark`` tells one writing from another."""
    number = pl.int_range(start, start + count)
    hour = dt.datetime(2026, 11, 23, 8, tzinfo=dt.timezone.utc)
    columns = {
        "note_id": pl.format("n{}", number),
        "hour": pl.repeat(hour, count),
        "score": number % 7 / 7,
        "count": pl.repeat(mark, count),
        "tags": pl.repeat(pl.lit(["a", "b"]), count),
        "note": pl.repeat(note, count, dtype=pl.String),
    }
    types = polars_schema(NOTES.file_schema)
    return pl.select(**{name: column.cast(types[name]) for name, column in columns.items()})
