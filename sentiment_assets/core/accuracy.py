"""How often scorers agree with people: measures over labelled texts, with their uncertainty.

Belongs here: what is counted, and how sure it is. Reading files of labelled texts and printing are
``cli.accuracy``'s business; the page is made by ``docs/accuracy.py``.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
import polars as pl

from sentiment_assets.core.pii import redact_batch
from sentiment_assets.core.sentiment import Scorer, label_of, score_posts
from sentiment_assets.core.silver import tidy

LABELS = ("negative", "neutral", "positive")

#: What is measured: ``score`` is a person's grade, -1 to 1 or on any scale that rises with
#: sentiment; ``platform`` and ``score`` may be null.
LABELLED = pl.Schema(
    {
        "text": pl.String(),
        "label": pl.Enum(LABELS),
        "lang": pl.String(),
        "platform": pl.String(),
        "score": pl.Float64(),
    }
)

#: Parts of the English texts: entries of ``vader+social`` were chosen by looking at one half.
CHOSEN_ON, HELD_BACK = "chosen on", "held back"
EVERYTHING = "all"

Counts = np.ndarray[Any, Any]

#: For an interval that holds the true value 19 times of 20.
_Z = 1.959964
_RESAMPLES = 2_000


@dataclass(frozen=True)
class Share:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Measure:
    """One scorer on one group of texts. ``confusion`` counts texts by label, then by verdict."""

    scorer: str
    version: str
    lang: str
    platform: str | None
    part: str
    n: int
    confusion: tuple[tuple[int, ...], ...]
    #: Of each label's texts, the share that the scorer calls so; null for a label without texts.
    recalls: tuple[Share | None, ...]
    #: Means over the labels that have texts: each counts the same, however rare it is.
    macro_recall: Share
    macro_f1: Share
    #: Pearson's r of compound and grade; null below three graded texts.
    correlation: Share | None
    graded: int
    #: Whether the scorer says that it knows the language: the gate keeps others from it.
    supported: bool


def own_sentences() -> pl.DataFrame:
    """The labelled sentences of this package: of the simulator's story, by the mood of each."""
    file = resources.files("sentiment_assets.core.sentiment") / "labelled_sentences.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return pl.DataFrame(rows, schema_overrides={"label": LABELLED["label"]}).with_columns(
        platform=pl.lit(None, pl.String), score=pl.lit(None, pl.Float64)
    )


def distinct(labelled: pl.DataFrame) -> pl.DataFrame:
    """The first of texts that differ in nothing but signs, spaces and capitals."""
    letters = pl.col("text").str.to_lowercase().str.replace_all(r"@user|[^\p{L}\p{N}]", "")
    return (
        labelled.with_columns(_letters=letters)
        .unique(["lang", "_letters"], keep="first", maintain_order=True)
        .drop("_letters")
    )


def halves(texts: pl.Series) -> pl.Series:
    """``CHOSEN_ON`` or ``HELD_BACK``, by a hash of the text's letters and digits."""
    letters = texts.str.to_lowercase().str.replace_all(r"@user|\\u2019|[^a-z0-9]", "")
    odd = [int(hashlib.sha256(key.encode()).hexdigest()[-1], 16) % 2 for key in letters]
    return pl.Series("part", [HELD_BACK if half else CHOSEN_ON for half in odd], dtype=pl.String)


def measure(labelled: pl.DataFrame, scorers: Sequence[Scorer]) -> Iterator[Measure]:
    """Measure each scorer on each language, platform and part.

    Texts are scored as on their way to silver, tidied and masked, but whatever their language: what
    a scorer says of languages that it doesn't know shows why the gate keeps them from it.

    Args:
        labelled: columns of :data:`LABELLED`, and ``part``; perhaps ``topics``, the tracked topics
            of each text.
        scorers: whom to measure.
    """
    masked = _masked(labelled)
    order = labelled.select("lang", "platform", "part").unique().sort(pl.all(), nulls_last=True)
    for scorer in scorers:
        rows = pl.concat([labelled, _verdicts(masked, scorer)], how="horizontal")
        for lang, platform, part in order.iter_rows():
            group = rows.filter(
                pl.col("lang") == lang,
                pl.col("platform").eq_missing(pl.lit(platform)),
                pl.col("part") == part,
                pl.col("verdict").is_not_null(),
            )
            if group.height:
                yield _measured(scorer, lang, platform, part, group)


def gain(labelled: pl.DataFrame, one: Scorer, other: Scorer) -> Share:
    """By how much the macro recall of ``one`` is above that of ``other`` on the same texts.

    The interval is of the difference: texts are drawn anew with both verdicts on each.
    """
    masked = _masked(labelled)
    places = [
        series.cast(pl.Enum(LABELS)).to_physical().to_numpy()
        for series in (
            labelled["label"],
            _verdicts(masked, one)["verdict"],
            _verdicts(masked, other)["verdict"],
        )
    ]
    cells = np.zeros((len(LABELS),) * 3, dtype=int)
    np.add.at(cells, tuple(places), 1)
    drawn = np.random.default_rng(0).multinomial(
        len(labelled), cells.ravel() / len(labelled), _RESAMPLES
    )

    def difference(counts: Counts) -> Counts:
        counts = counts.reshape(-1, *cells.shape)
        return _macro(counts.sum(axis=3))[0] - _macro(counts.sum(axis=2))[0]

    return _between(difference(cells)[0], difference(drawn))


def _masked(labelled: pl.DataFrame) -> pl.DataFrame:
    """``text``, as on its way to silver, of nobody whose name is known, and its ``topics``."""
    nothing = pl.Series([[]], dtype=pl.List(pl.String)).new_from_index(0, labelled.height)
    masked = redact_batch(tidy(labelled["text"]), nothing)["text"]
    topics = labelled["topics"] if "topics" in labelled.columns else nothing
    return pl.DataFrame([masked.alias("text"), topics.alias("topics")])


def _verdicts(masked: pl.DataFrame, scorer: Scorer) -> pl.DataFrame:
    scores = score_posts(masked["text"].to_arrow(), masked["topics"].to_arrow(), scorer)
    compound = pl.DataFrame(scores).select("compound")
    return compound.with_columns(verdict=label_of(pl.col("compound")))


def _measured(
    scorer: Scorer, lang: str, platform: str | None, part: str, group: pl.DataFrame
) -> Measure:
    counted = dict(
        group.select(pl.concat_str(pl.col("label").cast(pl.String), "verdict", separator=" "))
        .to_series()
        .value_counts()
        .iter_rows()
    )
    confusion = np.array([[counted.get(f"{a} {b}", 0) for b in LABELS] for a in LABELS])
    # Resampling the texts draws each cell's count anew: the bootstrap without its loop.
    chances = confusion.ravel() / group.height
    drawn = np.random.default_rng(0).multinomial(group.height, chances, _RESAMPLES)
    recalls, f1s = _macro(drawn.reshape(-1, len(LABELS), len(LABELS)))
    (recall,), (f1,) = _macro(confusion[None])
    graded = group.drop_nulls("score")
    return Measure(
        scorer.name,
        scorer.version,
        lang,
        platform,
        part,
        group.height,
        tuple(map(tuple, confusion.tolist())),
        tuple(wilson(int(confusion[i, i]), int(confusion[i].sum())) for i in range(len(LABELS))),
        _between(recall, recalls),
        _between(f1, f1s),
        correlation(graded["compound"].to_list(), graded["score"].to_list()),
        graded.height,
        lang in scorer.languages,
    )


def _macro(confusions: Counts) -> tuple[Counts, Counts]:
    """Macro recall and macro F1 of many confusions, over the labels that have texts."""
    right = np.diagonal(confusions, axis1=1, axis2=2).astype(float)
    labelled, called = confusions.sum(axis=2), confusions.sum(axis=1)
    there = labelled > 0
    recall = np.divide(right, labelled, out=np.zeros_like(right), where=there)
    f1 = np.divide(2 * right, labelled + called, out=np.zeros_like(right), where=there)
    labels = there.sum(axis=1)
    return recall.sum(axis=1) / labels, f1.sum(axis=1) / labels


def _between(value: float, drawn: Counts) -> Share:
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Share(float(value), float(low), float(high))


def wilson(right: int, n: int) -> Share | None:
    """A share and Wilson's interval, which holds for few texts and for shares of 0 and 1 too."""
    if n == 0:
        return None
    share, square = right / n, _Z * _Z
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = _Z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return Share(share, max(0.0, centre - half), min(1.0, centre + half))


def correlation(one: Sequence[float], other: Sequence[float]) -> Share | None:
    """Pearson's r with Fisher's interval; null where there are few texts or no spread."""
    n = len(one)
    if n < 3 or len(set(one)) == 1 or len(set(other)) == 1:
        return None
    r = float(np.corrcoef(one, other)[0, 1])
    if n == 3 or abs(r) >= 1:
        return Share(r, -1.0, 1.0)
    half = _Z / math.sqrt(n - 3)
    return Share(r, math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half))


@dataclass(frozen=True)
class Example:
    """A text that a reader understands and a scorer does not, and why."""

    text: str
    reader: str
    why: str


#: What a lexicon can't do, whoever counts its words.
EXAMPLES = (
    Example("Great, the app is down again. Love it", "negative", "sarcasm: it takes praise at its word"),
    Example("Thanks for nothing, really helpful", "negative", "sarcasm"),
    Example("The battery lasts ten minutes", "negative", "no word of feeling, but everybody knows"),
    Example("It took them three weeks to answer", "negative", "what is long depends on the matter"),
    Example("The old version was good", "negative", "what is not said: the new one is not"),
    Example("I expected it to be terrible and it was not", "positive", "the negation stands too far away"),
    Example("This vacuum cleaner sucks, as it should", "positive", "a word with two meanings"),
    Example("They killed it on stage tonight", "positive", "a phrase that means its opposite"),
    Example("The film is about the horrors of war", "neutral", "the subject is no opinion"),
    Example("Police arrested a man for murder", "neutral", "news is no opinion"),
    Example("Das ist wirklich schrecklich", "negative", "another language: the gate keeps it unscored"),
    Example("Die kinders is gelukkig", "positive", "Afrikaans: read as English, die is death"),
)  # fmt: skip
