"""Sentiment of texts: the protocol of a scorer, the scorers by name, the labels.

Belongs here: what is true of every scorer. The rules of one scorer live in a file of its own.
Which texts a scorer may be given is ``core.language``'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import polars as pl
import pyarrow as pa

from sentiment_assets.core.sentiment.vader import VADER

#: Compound from which a text counts as positive; its negative is the bound of negative texts.
#: The convention of VADER's authors: https://github.com/cjhutto/vaderSentiment#about-the-scoring
LABEL_THRESHOLD = 0.05

#: What a scorer returns, row by row of its input: shares from 0 to 1, compound from -1 to 1.
SCORE_SCHEMA = pa.schema([(column, pa.float64()) for column in ("neg", "neu", "pos", "compound")])


class Scorer(Protocol):
    """Scores texts of the languages that it knows.

    ``name`` and ``version`` are recorded with every scored row: a change of either that may change
    a score makes older rows stale. ``languages`` holds ISO 639-1 codes.
    """

    @property
    def name(self) -> str:
        """Name in settings and in the table."""

    @property
    def version(self) -> str:
        """Version of the rules and the lexicon."""

    @property
    def languages(self) -> frozenset[str]:
        """Languages whose texts may be scored."""

    def score(self, texts: pa.Array) -> pa.Table:
        """Score strings: one row per text in ``SCORE_SCHEMA``, null in every column for null."""


_SCORERS: dict[str, Scorer] = {VADER.name: VADER}


def scorer_named(name: str) -> Scorer:
    """Return the scorer of that name; raises ValueError with the known names for any other."""
    try:
        return _SCORERS[name]
    except KeyError:
        known = ", ".join(sorted(_SCORERS))
        raise ValueError(f"no scorer is named {name!r}; choose one of: {known}") from None


def score_texts(
    texts: pa.Array | pa.ChunkedArray | Sequence[str | None], scorer: Scorer = VADER
) -> pa.Table:
    """Score texts, whatever their language.

    Returns neg, neu, pos (shares, three decimals) and compound (-1 to 1, four decimals), one row
    per text, all null where the text is null. An empty text scores zero in all four.
    Raises TypeError when a value isn't a string.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    elif not isinstance(texts, pa.Array):
        try:
            texts = pa.array(texts)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            raise TypeError("texts to score must be strings or null") from None
    if pa.types.is_null(texts.type):
        texts = texts.cast(pa.string())
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        raise TypeError(f"texts to score must be an Arrow array of strings, not of {texts.type}")
    return scorer.score(texts)


def label_of(compound: pl.Expr) -> pl.Expr:
    """Return the label of a compound: positive, neutral or negative; null where it is null."""
    return (
        pl.when(compound >= LABEL_THRESHOLD)
        .then(pl.lit("positive"))
        .when(compound <= -LABEL_THRESHOLD)
        .then(pl.lit("negative"))
        .when(compound.is_not_null())
        .then(pl.lit("neutral"))
    )
