"""Sentiment of texts: the scorers by name, scoring with one, the labels.

Belongs here: what is true of every scorer. The protocol is ``scorer``; the rules of one scorer live
in a file of its own. Which texts a scorer may be given is ``core.language``'s business.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pyarrow as pa

from sentiment_assets.core.sentiment.scorer import SCORE_SCHEMA as SCORE_SCHEMA
from sentiment_assets.core.sentiment.scorer import Scorer as Scorer
from sentiment_assets.core.sentiment.scorer import ScorerError as ScorerError
from sentiment_assets.core.sentiment.scorer import TopicalScorer as TopicalScorer
from sentiment_assets.core.sentiment.social import SOCIAL
from sentiment_assets.core.sentiment.textblob import TEXTBLOB
from sentiment_assets.core.sentiment.vader import VADER

#: Compound from which a text counts as positive; its negative is the bound of negative texts.
#: The convention of VADER's authors: https://github.com/cjhutto/vaderSentiment#about-the-scoring
LABEL_THRESHOLD = 0.05

#: The scorers that need nothing but their name. A model of one's own is made by ``onnx``.
SCORERS: dict[str, Scorer] = {scorer.name: scorer for scorer in (VADER, SOCIAL, TEXTBLOB)}


def scorer_named(name: str) -> Scorer:
    """Return the scorer of that name; raises ValueError with the known names for any other."""
    try:
        return SCORERS[name]
    except KeyError:
        known = ", ".join(sorted(SCORERS))
        raise ValueError(f"no scorer is named {name!r}; choose one of: {known}") from None


def score_texts(
    texts: pa.Array | pa.ChunkedArray | Sequence[str | None], scorer: Scorer = VADER
) -> pa.Table:
    """Score texts, whatever their language.

    Returns neg, neu, pos (shares, three decimals; null where the scorer knows none) and compound
    (-1 to 1, four decimals), one row per text, all null where the text is null. An empty text
    scores zero in all four with the default scorer.
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


def score_posts(texts: pa.Array, topics: pa.Array, scorer: Scorer) -> pa.Table:
    """Score texts with what the scorer knows of their topics; as ``score_texts`` where nothing.

    ``topics`` is a list of names of tracked topics for each text.
    """
    if isinstance(scorer, TopicalScorer):
        return scorer.score_in_topics(texts, topics)
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
