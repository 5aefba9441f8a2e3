"""``sentiment mart``: the PostgreSQL that gold is published to, its schema, and what stands in it.

What belongs here: asking and printing. The schema's steps are ``resources.mart_schema``, publishing
is the rebuild's own.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from sentiment_assets.definitions import PostgresMart

Answer = TypeVar("Answer")


@click.group()
def mart() -> None:
    """The PostgreSQL mart: whether its schema is the newest, and what was published."""


@mart.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(as_json: bool) -> None:
    """Show where the mart is, its schema's version, and what was published of each table.

    Exits with 1 if the schema is not the newest.
    """
    from rich.console import Console
    from rich.table import Table

    from sentiment_assets.core.mart import published_contracts

    with _opened() as found:
        schema = _told(found.schema)
        tables: list[dict[str, Any]] = []
        for contract in published_contracts().values() if schema.is_current else ():
            noted = _told(partial(found.publications, contract))
            newest = max((p.published_at for p in noted.values()), default=None)
            tables.append(
                {
                    "table": f"mart.{contract.table}",
                    "partitions": len(noted),
                    "rows": sum(p.rows for p in noted.values()),
                    "published_at": newest.isoformat(timespec="seconds") if newest else None,
                }
            )
        where = found.address.shown
        command = found.address.psql
    if as_json:
        click.echo(
            json.dumps(
                {
                    "mart": where,
                    "schema": schema.stored,
                    "needed": schema.needed,
                    "missing": schema.missing,
                    "tables": tables,
                }
            )
        )
    else:
        click.echo(f"mart    {where}")
        if command:
            click.echo(f"psql    {command}")
        click.echo(f"schema  {schema.stored or 'none'}, this program needs {schema.needed}")
        for step in schema.missing:
            click.echo(f"        missing: {step}")
        if schema.missing:
            click.echo("`sentiment mart upgrade` takes these steps, as the next publish does")
        else:
            shown = Table(box=None, pad_edge=False)
            for title in ("table", "partitions", "rows", "published at"):
                shown.add_column(title, justify="left" if title == "table" else "right")
            for row in tables:
                counts = (f"{row[name]:,}" for name in ("partitions", "rows"))
                shown.add_row(row["table"], *counts, row["published_at"] or "·")
            Console().print(shown)
    if not schema.is_current:
        raise click.exceptions.Exit(1)


@mart.command()
def upgrade() -> None:
    """Bring the mart's schema to the newest version: all steps, or none of them.

    A publish does the same before it begins. There is no way back (docs/mart.md).
    """
    with _opened() as found:
        before = _told(found.upgrade)
    for step in before.missing:
        click.echo(f"done: {step}")
    click.echo(f"the schema is at {before.needed}" + (" already" if before.is_current else ""))


@contextlib.contextmanager
def _opened() -> Iterator[PostgresMart]:
    from sentiment_assets.definitions import open_mart, read_settings

    with contextlib.closing(open_mart(read_settings())) as found:
        yield found


def _told(ask: Callable[[], Answer]) -> Answer:
    """What the mart answers; that it doesn't is told without a traceback."""
    from sentiment_assets.definitions import MartError

    try:
        return ask()
    except MartError as error:
        raise click.ClickException(str(error)) from None
