"""Prints the SQL that shows the lake in Databricks, as tables and views of Unity Catalog.

What belongs here: statements, made of the contracts and the access table. Run them as whoever owns
the catalog; they can be run again at any time, and after a contract changed they must be.

Two schemas a layer. ``silver_files`` and ``gold_files`` hold external tables, which say where files
lie and nothing else: a comment on them would be written into the table's own log, where this
project's committer alone writes. ``silver`` and ``gold`` hold a view of each with the contract's
columns, their descriptions and the readers of the access table.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

# Run from a checkout, by the path of this file.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sentiment_assets.core.contracts import CONTRACTS, REFERENCE_CONTRACTS, Contract
from sentiment_assets.core.layout import table_root
from sentiment_assets.privacy.access import PIPELINE, readers_of

LAYERS = ("silver", "gold", "reference")
TABLES = {**CONTRACTS, **REFERENCE_CONTRACTS}
#: After a layer's name: the schema of its external tables.
FILES = "_files"


def statements(lake: str, catalog: str, principal: str = "sentiment-{role}") -> Iterator[str]:
    """Every statement, in the order in which they are run.

    Args:
        lake: the lake's address, ``s3://bucket/prefix``.
        catalog: an existing catalog of Unity Catalog.
        principal: how groups of the account are called, with ``{role}`` in it.

    Raises:
        ValueError: an argument is of another form.
    """
    if not re.fullmatch(r"s3://[^/'\s]+(/[^'\s]+)*", lake.rstrip("/")):
        raise ValueError(f"the lake is {lake!r}; for example: s3://my-bucket/sentiment")
    if not re.fullmatch(r"\w+", catalog):
        raise ValueError(f"the catalog is {catalog!r}; for example: sentiment")
    if "{role}" not in principal or "`" in principal:
        raise ValueError(f"groups are called {principal!r}; for example: sentiment-{{role}}")
    for layer in LAYERS:
        yield (
            f"CREATE SCHEMA IF NOT EXISTS {catalog}.{layer}{FILES} COMMENT "
            f"{_text(f'Files of {layer}, for the views of {catalog}.{layer} alone.')}"
        )
        yield (
            f"CREATE SCHEMA IF NOT EXISTS {catalog}.{layer} COMMENT "
            f"{_text(f'The {layer} layer of the sentiment platform.')}"
        )
    for contract in TABLES.values():
        yield (
            f"CREATE TABLE IF NOT EXISTS {_files_of(catalog, contract)} USING DELTA LOCATION "
            f"'{lake.rstrip('/')}/{table_root(contract.name)}'"
        )
        yield view_of(contract, f"{catalog}.{contract.layer}.{contract.table}", catalog)
    yield from _grants(catalog, principal)


def view_of(contract: Contract, name: str, catalog: str) -> str:
    """The statement of a table's view, with the contract's words on table and columns."""
    columns = ",\n  ".join(
        f"`{column.name}` COMMENT {_text(column.description)}" for column in contract.columns
    )
    told = f"{contract.description} One row: {contract.grain}. Contract {contract.version}."
    return (
        f"CREATE OR REPLACE VIEW {name} (\n  {columns}\n)\nCOMMENT {_text(told)}\n"
        f"AS {select_of(contract, _files_of(catalog, contract))}"
    )


def select_of(contract: Contract, table: str) -> str:
    """The contract's columns, by name: one that a newer writer adds is not shown by itself."""
    columns = ", ".join(f"`{column.name}`" for column in contract.columns)
    return f"SELECT {columns} FROM {table}"


def _grants(catalog: str, principal: str) -> Iterator[str]:
    for layer in LAYERS:
        # Reference tables lie with gold, for the same readers.
        for role in readers_of("gold" if layer == "reference" else layer):
            # The platform itself works on the lake and not in Databricks.
            if role != PIPELINE:
                group = f"`{principal.format(role=role.replace('_', '-'))}`"
                yield f"GRANT USE CATALOG ON CATALOG {catalog} TO {group}"
                yield f"GRANT USE SCHEMA ON SCHEMA {catalog}.{layer} TO {group}"
                yield f"GRANT SELECT ON SCHEMA {catalog}.{layer} TO {group}"


def _files_of(catalog: str, contract: Contract) -> str:
    return f"{catalog}.{contract.layer}{FILES}.{contract.table}"


def _text(words: str) -> str:
    """A string of Spark's SQL."""
    return "'" + words.replace("\\", "\\\\").replace("'", "\\'") + "'"


def main() -> None:
    """Print all statements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lake", required=True, help="s3://bucket/prefix")
    parser.add_argument("--catalog", required=True, help="an existing catalog")
    parser.add_argument("--principal", default="sentiment-{role}", help="how groups are called")
    given = parser.parse_args()
    try:
        made = list(statements(given.lake, given.catalog, given.principal))
    except ValueError as problem:
        parser.error(str(problem))
    print(";\n\n".join(made) + ";")


if __name__ == "__main__":
    main()
