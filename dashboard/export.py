"""What is shown, as files: whole rows of gold's tables, with their n and their coverage.

What belongs here: links on a page, and rows to CSV and Parquet. ``server.py`` answers the links:
each says all that is needed, so that any replica can answer it and a program can ask for it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal
from urllib.parse import urlencode

import polars as pl
import polars.selectors as cs
import pyarrow.parquet as pq
import streamlit as st

from dashboard.queries import Selection, Span
from sentiment_assets.core.contracts import Contract

Kind = Literal["csv", "parquet"]

#: What a spreadsheet takes for the beginning of a formula.
_FORMULA = r"^[=+\-@\t\r]"


def links(tables: Sequence[Contract], selection: Selection | Span) -> None:
    """Offer the rows behind a page: all columns of each table, of the days and platform shown."""
    with st.expander("Export"):
        st.markdown(
            "\n".join(
                f"- `{table.name}`: "
                + ", ".join(
                    f"[{table.table} as {title}]({_address(table, kind, selection)})"
                    for kind, title in (("csv", "CSV"), ("parquet", "Parquet"))
                )
                for table in tables
            )
        )
        st.caption(
            "Whole rows of these days, with n and coverage; what is hidden here is hidden there."
        )


def _address(table: Contract, kind: str, selection: Selection | Span) -> str:
    asked: list[tuple[str, str]] = [
        ("days", selection.first.isoformat()),
        ("days", selection.last.isoformat()),
    ]
    if isinstance(selection, Selection):
        asked.append(("platform", selection.platform))
    return f"export/{table.table}.{kind}?{urlencode(asked)}"


def file_name(table: Contract, kind: Kind, selection: Selection | Span) -> str:
    """Table, days and platform."""
    platform = selection.platform if isinstance(selection, Selection) else "all_platforms"
    return f"{table.table}_{selection.first}_{selection.last}_{platform}.{kind}"


def written(batches: Iterable[pl.DataFrame], kind: Kind) -> Iterator[bytes]:
    """Batches of rows as one file, in pieces: no more than one batch is held at a time.

    In CSV, lists are texts with ``;`` between their values. In Parquet, each batch is a row group.
    """
    return _parquet(batches) if kind == "parquet" else _csv(batches)


def _csv(batches: Iterable[pl.DataFrame]) -> Iterator[bytes]:
    lists = cs.by_dtype(pl.List(pl.String), pl.List(pl.Date))
    for number, rows in enumerate(batches):
        flat = rows.with_columns(lists.cast(pl.List(pl.String)).list.join(";"))
        harmless = flat.with_columns(
            pl.when(cs.string().str.contains(_FORMULA))
            .then(pl.lit("'") + cs.string())
            .otherwise(cs.string())
            .name.keep()
        )
        yield harmless.write_csv(include_header=number == 0).encode()


def _parquet(batches: Iterable[pl.DataFrame]) -> Iterator[bytes]:
    file, writer = _Outgoing(), None
    for rows in batches:
        # Types that every reader of Parquet knows.
        table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
        if writer is None:
            writer = pq.ParquetWriter(file, table.schema)
        writer.write_table(table)
        yield file.taken()
    if writer is not None:
        writer.close()
        yield file.taken()


class _Outgoing(io.RawIOBase):
    """A file that forgets what was taken from it, and knows how long it was."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._length = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._length += len(part)
        return len(part)

    def tell(self) -> int:
        return self._length

    def taken(self) -> bytes:
        """What was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
