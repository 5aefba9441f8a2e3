"""``sentiment settings``: every setting, where its value comes from, secrets masked.

And what no setting decides: which implementation scores.
"""

from __future__ import annotations

import json

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a setting.")
def settings(as_json: bool) -> None:
    """Show each setting, its value, its source and what it is for. Secrets are masked."""
    from rich.console import Console
    from rich.table import Table

    from sentiment_assets.core.sentiment.vader import kernel_in_use
    from sentiment_assets.definitions import describe, read_settings

    described = [
        *describe(read_settings()),
        {
            "setting": "(scoring kernel)",
            "value": kernel_in_use(),
            "source": "installation",
            "description": "VADER's rules compiled, or slower in python where no C compiler was.",
        },
    ]
    if as_json:
        click.echo("\n".join(json.dumps(row) for row in described))
        return
    table = Table(box=None, pad_edge=False)
    for title in ("setting", "value", "source", "what it is for"):
        table.add_column(title, overflow="fold")
    for row in described:
        table.add_row(row["setting"], row["value"] or "·", row["source"], row["description"])
    Console().print(table)
