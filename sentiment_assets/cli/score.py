"""``sentiment score``: what the platform would make of texts, without a lake or a key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from sentiment_assets.core.silver import TextRules

_BATCH = 5_000


@click.command()
@click.argument("file", type=click.File(encoding="utf-8", errors="replace"))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a text.")
@click.option(
    "--lang",
    default="en",
    show_default=True,
    help="What a platform would say of the language: decides where detection is unsure.",
)
@click.option("--scorer", "chosen", help="Instead of the one that SENTIMENT_SCORER names.")
def score(file: TextIO, as_json: bool, lang: str, chosen: str | None) -> None:
    """Score texts from FILE, or - for standard input: one text a line, or JSON lines with `text`.

    Texts are treated as on their way to silver: cleaned, identifiers masked (names too, but for
    what the tracking file lists), language checked, then scored. A text whose language the scorer
    doesn't know gets the reason instead of a score.
    """
    from sentiment_assets.definitions import read_settings, text_rules

    overrides: dict[str, Any] = {}
    if chosen is not None:
        # Corrections belong to the scorer that was set; the same one keeps them.
        overrides = {"scorer": chosen}
        overrides |= {} if chosen == "vader+social" else {"corrections": None}
    rules = text_rules(read_settings(**overrides))
    texts = _texts(file)
    while batch := list(islice(texts, _BATCH)):
        for row in _scored(batch, lang, rules):
            if as_json:
                click.echo(json.dumps(row, ensure_ascii=False))
            else:
                verdict = (
                    f"{row['compound']:+.4f} {row['label']:<8}"
                    if row["label"]
                    else f"   ·    {row['unscored_reason']}"
                )
                click.echo(f"{verdict}  {row['text'] or ''}")


def _texts(file: TextIO) -> Iterator[str]:
    for number, line in enumerate(file, 1):
        stripped = line.strip()
        if not stripped:
            continue
        if stripped.startswith("{"):
            try:
                yield str(json.loads(stripped)["text"])
            except (ValueError, KeyError, TypeError):
                raise click.UsageError(
                    f"line {number} begins as JSON but holds no `text`; "
                    'for example: {"text": "I love it"}'
                ) from None
        else:
            yield stripped


def _scored(texts: list[str], lang: str, rules: TextRules) -> list[dict[str, object]]:
    import polars as pl

    from sentiment_assets.core.silver import read_texts, tidy

    read = read_texts(
        tidy(pl.Series("text", texts, dtype=pl.String)),
        pl.Series([[]] * len(texts), dtype=pl.List(pl.String)),
        pl.Series([lang] * len(texts), dtype=pl.String),
        rules,
    )
    return read.rename(lambda name: name.removeprefix("sentiment_")).to_dicts()
