"""``sentiment settings``: every setting, where its value comes from, secrets masked.

And what no setting decides: which implementations score, mask and tell languages.
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

    from sentiment_assets.core import language_words
    from sentiment_assets.core.pii import kernel as masking
    from sentiment_assets.core.sentiment import vader
    from sentiment_assets.definitions import describe, read_settings

    slower = "compiled, or slower where no C compiler was"
    described = [
        *describe(read_settings()),
        *(
            {
                "setting": name,
                "value": value,
                "source": "installation",
                "description": f"{what}, {slower}",
            }
            for name, value, what in (
                ("(scoring kernel)", vader.kernel_in_use(), "VADER's rules"),
                (
                    "(masking kernel)",
                    masking.kernel_in_use(),
                    "which rules a text needs",
                ),
                (
                    "(language kernel)",
                    language_words.kernel_in_use(),
                    "words of languages",
                ),
            )
        ),
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
