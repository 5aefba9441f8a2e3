"""What is shown, as files: whole rows of gold's tables, with their n and their coverage.

What belongs here: links on a page, and rows to CSV and Parquet. ``server.py`` answers the links:
each says all that is needed, so that any replica can answer it and a program can ask for it.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlencode

import polars as pl
import polars.selectors as cs
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


def written(rows: pl.DataFrame, kind: Kind) -> bytes:
    """Rows as the bytes of a file. In CSV, lists are texts with ``;`` between their values."""
    content = io.BytesIO()
    if kind == "parquet":
        rows.write_parquet(content)
    else:
        lists = cs.by_dtype(pl.List(pl.String), pl.List(pl.Date))
        flat = rows.with_columns(lists.cast(pl.List(pl.String)).list.join(";"))
        flat.with_columns(
            pl.when(cs.string().str.contains(_FORMULA))
            .then(pl.lit("'") + cs.string())
            .otherwise(cs.string())
            .name.keep()
        ).write_csv(content)
    return content.getvalue()
