"""``sentiment accuracy``: how often scorers agree with people, on labelled texts."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import polars as pl

    from sentiment_assets.core.accuracy import Measure, Share
    from sentiment_assets.core.sentiment import Scorer
    from sentiment_assets.definitions import Settings

_EXAMPLE = '{"text": "I love it", "label": "positive", "lang": "en"}'


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    help="A file of labelled JSON lines, or a folder of them; by default sentences of the "
    "simulator, which prove little.",
)
@click.option(
    "--scorer", "chosen", multiple=True, help="Only this one; may be given several times."
)
@click.option("--platform", help="Platform of texts that don't name one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a measure.")
def accuracy(
    data: Path | None, chosen: tuple[str, ...], platform: str | None, as_json: bool
) -> None:
    """Measure scorers on labelled texts: `text`, `label` (negative, neutral or positive), and
    perhaps `lang` (en), `platform` and `score` (a person's grade).

    Files end in .jsonl or .jsonl.gz; lines without a label are passed over. English texts are
    halved: the words of vader+social were chosen on one half, so the other counts. By default all
    scorers are measured; SENTIMENT_CORRECTIONS hold for vader+social.
    """
    from rich.console import Console
    from rich.table import Table

    from sentiment_assets.core.accuracy import measure, own_sentences
    from sentiment_assets.core.silver import tidy
    from sentiment_assets.core.topics import TopicMatcher
    from sentiment_assets.definitions import read_settings

    settings = read_settings()
    scorers = _scorers(settings, chosen)
    labelled = own_sentences() if data is None else read_labelled(data)
    labelled = prepared(labelled, platform, own=data is None)
    topics = TopicMatcher(settings.read_tracking().topics).match(tidy(labelled["text"]))
    measures = list(measure(labelled.with_columns(topics=topics), scorers))
    if as_json:
        click.echo("\n".join(json.dumps(asdict(m), ensure_ascii=False) for m in measures))
        return
    table = Table(box=None, pad_edge=False)
    for title in ("scorer", "language", "platform", "texts", "n", "macro recall", "macro F1", "r"):
        table.add_column(title, justify="right" if title == "n" else "left")
    for one in measures:
        table.add_row(
            one.scorer,
            one.lang + ("" if one.supported else " (not its own)"),
            one.platform or "not told",
            one.part,
            f"{one.n:,}",
            shown(one.macro_recall),
            shown(one.macro_f1),
            shown(one.correlation),
        )
    Console().print(table)
    click.echo(_platforms_not_measured(measures))
    if data is None:
        click.echo(
            "These sentences were written so that a lexicon sees their mood: measure on your own "
            "labelled posts with --data."
        )


def read_labelled(path: Path) -> pl.DataFrame:
    """The labelled lines of a file, or of the files of a folder, as ``core.accuracy.LABELLED``."""
    import polars as pl

    from sentiment_assets.core.accuracy import LABELLED

    files = [path]
    if path.is_dir():
        files = sorted([*path.glob("*.jsonl"), *path.glob("*.jsonl.gz")])
    rows = [row for file in files for row in _labelled_rows(file)]
    if not rows:
        raise click.UsageError(
            f"{path} holds no labelled text: a file needs lines such as {_EXAMPLE}"
        )
    return pl.DataFrame(rows, schema=LABELLED)


def prepared(labelled: pl.DataFrame, platform: str | None, *, own: bool) -> pl.DataFrame:
    """Each text once, with its platform and its part."""
    import polars as pl

    from sentiment_assets.core.accuracy import EVERYTHING, distinct, halves

    once = distinct(labelled).with_columns(
        pl.col("platform").fill_null(pl.lit(platform, pl.String))
    )
    everything = pl.lit(EVERYTHING)
    if own:
        return once.with_columns(part=everything)
    part = pl.when(pl.col("lang") == "en").then(halves(once["text"])).otherwise(everything)
    return once.with_columns(part=part)


def shown(share: Share | None) -> str:
    """``0.572 (0.546 to 0.598)``: a figure and its 95 % interval."""
    if share is None:
        return "not measured"
    return f"{share.value:.3f} ({share.low:.3f} to {share.high:.3f})"


def _labelled_rows(file: Path) -> Iterator[dict[str, Any]]:
    from sentiment_assets.core.accuracy import LABELLED, LABELS

    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            where = f"{file.name}:{number}"
            try:
                row = json.loads(line)
            except ValueError:
                raise click.UsageError(f"{where}: no JSON; for example: {_EXAMPLE}") from None
            if not isinstance(row, dict) or row.get("label") is None:
                continue
            if row["label"] not in LABELS or not isinstance(row.get("text"), str):
                raise click.UsageError(
                    f"{where}: needs a text and a label of {', '.join(LABELS)}; "
                    f"for example: {_EXAMPLE}"
                )
            yield {"lang": "en", **{name: row[name] for name in LABELLED if name in row}}


def _scorers(settings: Settings, chosen: tuple[str, ...]) -> list[Scorer]:
    """Those that were chosen, or all, the one that is set among them."""
    from sentiment_assets.core.sentiment import SCORERS
    from sentiment_assets.definitions import read_settings

    names = chosen or tuple(dict.fromkeys((*SCORERS, settings.scorer)))
    return [
        settings.make_scorer()
        if name == settings.scorer
        else read_settings(scorer=name, corrections=None).make_scorer()
        for name in names
    ]


def _platforms_not_measured(measures: list[Measure]) -> str:
    from sentiment_assets.core.platforms import PLATFORMS

    missing = [name for name in PLATFORMS if name not in {m.platform for m in measures}]
    return f"Not measured for want of labels: {', '.join(missing) or 'no platform'}."
