"""Contracts as Dagster shows them: column schema, lineage, owners, tags; previews of aggregates.

What belongs here: translation of a contract or a frame into Dagster's metadata. No raw text may
enter it: previews are of gold only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import dagster as dg
import polars as pl

from sentiment_assets.core.contracts import CONTRACTS, REFERENCE_CONTRACTS, Contract

#: I/O is retried; what retrying can't mend is raised as a failure that forbids it.
RETRIES = dg.RetryPolicy(
    max_retries=3, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)

_TABLE = {"polars", "deltalake"}
KINDS = {"bronze": {"json"}, "silver": _TABLE, "gold": _TABLE, "reference": _TABLE}


def asset_key(name: str) -> dg.AssetKey:
    """``silver/posts`` as a key."""
    return dg.AssetKey(name.split("/"))


def asset_facts(contract: Contract) -> dict[str, Any]:
    """Description, group, owners, kinds, tags and metadata that a contract gives its asset."""
    return {
        "description": f"{contract.description}\n\nGrain: {contract.grain}.",
        "group_name": contract.layer,
        "owners": [contract.owner],
        "kinds": KINDS[contract.layer],
        "tags": {"layer": contract.layer, "contract_version": contract.version},
        "metadata": {
            "dagster/column_schema": column_schema(contract),
            "dagster/column_lineage": column_lineage(contract),
            "dagster/table_name": contract.name,
            "key": ", ".join(contract.key),
            "contract_version": contract.version,
        },
    }


def column_schema(contract: Contract) -> dg.TableSchema:
    """The contract's columns; privacy class as a tag."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=str(column.type),
                description=column.description,
                constraints=dg.TableColumnConstraints(
                    nullable=not column.required, unique=contract.key == (column.name,)
                ),
                tags={"privacy": column.privacy},
            )
            for column in contract.columns
        ]
    )


def column_lineage(contract: Contract) -> dg.TableColumnLineage:
    """Which upstream columns each column is made of."""
    return dg.TableColumnLineage(
        {
            column.name: [
                dg.TableColumnDep(asset_key=asset_key(table), column_name=name)
                for table, _, name in (source.partition(":") for source in column.sources)
            ]
            for column in contract.columns
            if column.sources
        }
    )


def upstream_tables(contract: Contract) -> list[str]:
    """Tables that the contract's columns come from, in the order of the graph."""
    named = {source.partition(":")[0] for column in contract.columns for source in column.sources}
    order = ["bronze/batch_posts", "bronze/stream_posts", *REFERENCE_CONTRACTS, *CONTRACTS]
    return [name for name in order if name in named]


def preview(
    frame: pl.DataFrame, columns: Sequence[str], rows: int = 24
) -> dg.MarkdownMetadataValue:
    """The first rows of an aggregate as a table."""
    shown = frame.select(columns).head(rows)
    lines = [
        "| " + " | ".join(shown.columns) + " |",
        "|" + "---|" * len(shown.columns),
        *("| " + " | ".join(map(_cell, row)) + " |" for row in shown.iter_rows()),
    ]
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: object) -> str:
    if value is None:
        return "·"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    # A hashtag may hold the character that ends a cell.
    return str(value).replace("|", "\\|")
