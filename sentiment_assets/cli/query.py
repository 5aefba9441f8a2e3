"""``sentiment query``: SQL over gold and the reference tables, without a server.

What belongs here: gold as DuckDB sees it, and how an answer is printed. DuckDB gets the tables'
rows and nothing else: no file, no network, no silver.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from sentiment_assets.lake.objects import Lake

Form = Literal["table", "csv", "json"]


@click.command()
@click.argument("sql")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="json: an object a line.",
)
def query(sql: str, form: Form) -> None:
    """Run one SELECT over gold and reference tables, such as gold.daily_summary; times are UTC.

    Only columns and rows that it needs are read, as they are now: a rebuild in between changes
    nothing. `sentiment query "show tables from gold"` lists the tables, `describe gold.daily_trend`
    a table's columns; docs/sql.md has worked examples.
    """
    import duckdb

    from sentiment_assets.definitions import read_settings

    with over_gold(read_settings().open_lake()) as connection:
        try:
            answer = answer_to(connection, sql)
        except duckdb.Error as error:
            # DuckDB's first line says what is wrong, the others where.
            raise click.UsageError(f"{error}\n{_HINT}") from None
    _print(answer, form)


_LAYERS = ("gold", "reference")
_HINT = 'The tables: sentiment query "show tables from gold"; examples: docs/sql.md'


def over_gold(lake: Lake) -> duckdb.DuckDBPyConnection:
    """A database with a view of each table of gold and of each reference table, in schemas ``gold``
    and ``reference``; it reaches no file.

    A table that was not made yet has its columns and no row.
    """
    import duckdb

    from sentiment_assets.core.contracts import CONTRACTS, REFERENCE_CONTRACTS

    connection = duckdb.connect(
        config={"enable_external_access": False, "python_enable_replacements": False}
    )
    connection.execute("SET TimeZone = 'UTC'")
    for layer in _LAYERS:
        connection.execute(f"CREATE SCHEMA {layer}")
    for name, contract in {**CONTRACTS, **REFERENCE_CONTRACTS}.items():
        layer, _, table = name.partition("/")
        if layer in _LAYERS:
            # DuckDB asks it for the columns and rows that a query needs.
            connection.register(f"_{layer}_{table}", lake.table(contract).scan())
            connection.execute(f'CREATE VIEW {layer}."{table}" AS SELECT * FROM "_{layer}_{table}"')
    connection.execute("SET lock_configuration = true")
    return connection


def answer_to(connection: duckdb.DuckDBPyConnection, sql: str) -> pl.DataFrame:
    """The rows of an answer.

    Raises:
        duckdb.Error: the query is wrong, or asks for what it may not reach.
    """
    import polars as pl

    answer = pl.from_arrow(connection.sql(sql).to_arrow_table())
    assert isinstance(answer, pl.DataFrame)
    return answer


def _print(answer: pl.DataFrame, form: Form) -> None:
    if form == "csv":
        click.echo(_plain(answer).write_csv(), nl=False)
    elif form == "json":
        for row in answer.iter_rows(named=True):
            click.echo(json.dumps(row, ensure_ascii=False, default=str))
    else:
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, pad_edge=False)
        for name, kind in answer.schema.items():
            table.add_column(name, justify="right" if kind.is_numeric() else "left")
        for values in answer.iter_rows():
            table.add_row(*("·" if value is None else _shown(value) for value in values))
        Console().print(table)


def _plain(answer: pl.DataFrame) -> pl.DataFrame:
    """Lists and structs as JSON: CSV has none."""
    import polars as pl
    import polars.selectors as cs

    return answer.with_columns(
        cs.nested().map_elements(lambda value: json.dumps(_python(value), default=str), pl.String)
    )


def _python(value: object) -> object:
    import polars as pl

    return value.to_list() if isinstance(value, pl.Series) else value


def _shown(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
