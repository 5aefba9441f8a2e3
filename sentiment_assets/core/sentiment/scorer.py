"""What a scorer is: the protocol that every one of them keeps, and what it returns.

Belongs here: what is true of every scorer. The rules of one scorer live in a file of its own;
which scorers there are is the package's own business.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import pyarrow as pa

#: What a scorer returns, row by row of its input: shares from 0 to 1, compound from -1 to 1.
#: A scorer that knows no shares leaves them null; without a compound a text counts as unscored.
SCORE_SCHEMA = pa.schema([(column, pa.float64()) for column in ("neg", "neu", "pos", "compound")])


class ScorerError(ValueError):
    """A scorer cannot be made, or does not keep the protocol; the message says what to do."""


class Scorer(Protocol):
    """Scores texts of the languages that it knows.

    ``name`` and ``version`` are recorded with every scored row: a change of either that may change
    a score makes older rows stale. ``languages`` holds ISO 639-1 codes. A scorer is shipped to
    workers with the rules, so it must survive pickling.
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


@runtime_checkable
class TopicalScorer(Scorer, Protocol):
    """A scorer that reads some words in another way in posts of some tracked topics."""

    def score_in_topics(self, texts: pa.Array, topics: pa.Array) -> pa.Table:
        """As ``score``; ``topics`` is a list of names for each text."""
