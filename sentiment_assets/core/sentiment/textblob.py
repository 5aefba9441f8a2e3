"""TextBlob's default analyzer (that of the pattern library) as a scorer.

It knows one number, the polarity, from -1 to 1: the compound. Shares stay null. Its lexicon comes
with the package; nothing is downloaded. It is here for comparison: see docs/accuracy.md.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pyarrow as pa

from sentiment_assets.core.sentiment.scorer import SCORE_SCHEMA


@cache
def _polarity() -> Callable[[str], float]:
    """The analyzer over its lexicon, loaded once per process: the import alone takes a second."""
    from textblob.en import sentiment

    def polarity(text: str) -> float:
        # Four decimals, as the contract says; adding 0.0 makes -0.0 a zero.
        return round(float(sentiment(text)[0]), 4) + 0.0

    return polarity


class _TextBlob:
    name = "textblob"
    version = "0.20.1"
    languages = frozenset({"en"})

    def score(self, texts: pa.Array) -> pa.Table:
        """Score each distinct text once; null gives null."""
        encoded = texts.dictionary_encode()
        polarity = _polarity()
        distinct = pa.array(map(polarity, encoded.dictionary.to_pylist()), pa.float64())
        shares = pa.nulls(len(texts), pa.float64())
        return pa.table(
            [shares, shares, shares, distinct.take(encoded.indices)], schema=SCORE_SCHEMA
        )


TEXTBLOB = _TextBlob()
