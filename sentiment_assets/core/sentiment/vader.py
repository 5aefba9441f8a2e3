"""The scorer VADER: exactly what vaderSentiment 3.3.2 scores on Python 3.11, many times faster.

Rules: Hutto and Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social
Media Text", ICWSM 2014. Lexicon, emoji names and word lists are read from the installed package;
only its rules are written anew, since a score that differs from the published tool can't be
explained to anybody.

Belongs here: the choice between the rules' two implementations, and how a batch is split. The
rules are in ``_vader_kernel`` (compiled where a C compiler was at installation) and in
``vader_python``. Both give the same scores to the last bit, so the scorer's version says nothing of
which one ran.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Literal

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from sentiment_assets.core.sentiment import vader_python
from sentiment_assets.core.sentiment.vader_words import (
    CAPS_INCREMENT,
    CASELESS,
    COLUMNS,
    NEGATION,
    Words,
    published_words,
)

try:
    from sentiment_assets.core.sentiment import _vader_kernel as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]

#: The kernel that this code was written with; one that says another is left alone.
KERNEL_VERSION = 1

#: Letters of a word that the kernel's tables have room for.
LONGEST_WORD = 24

#: A batch is seldom the only one in work.
_MOST_THREADS = 8
#: A thread costs as much as scoring some hundred texts.
_LEAST_TEXTS_A_THREAD = 2_000

Implementation = Literal["compiled", "python"]


def kernel_in_use() -> Implementation:
    """Which implementation scores: the compiled kernel, or the one in Python."""
    return "compiled" if getattr(compiled, "VERSION", None) == KERNEL_VERSION else "python"


def kernel_of(words: Words) -> compiled.Kernel:
    """A kernel with these words in its tables; all must be ASCII, at most ``LONGEST_WORD`` long."""
    return compiled.Kernel(words, CASELESS, CAPS_INCREMENT, NEGATION)


@cache
def _kernel() -> compiled.Kernel:
    """The kernel with the installed words, made once a process."""
    return kernel_of(published_words())


def score_compiled(
    texts: pa.Array, threads: int | None = None, kernel: compiled.Kernel | None = None
) -> pa.Table:
    """Score with the compiled kernel, on several threads where the batch is large.

    ``kernel`` holds other words than the installed ones.
    Where ``threads`` is not given they are as many as Arrow itself uses, at most eight: the cores,
    or OMP_NUM_THREADS, which Spark sets for its workers to the cores of a task. They end with the
    call, so a process may fork between calls.
    """
    count = len(texts)
    if threads is None:
        threads = min(pa.cpu_count(), _MOST_THREADS, count // _LEAST_TEXTS_A_THREAD)
    threads = max(1, min(threads, count))
    buffers = [pa.allocate_buffer(8 * count) for _ in COLUMNS]
    if count:
        validity, offsets, data = texts.buffers()
        ends = texts.offset + count + 1
        wide = pa.types.is_large_string(texts.type)
        given = (
            _bytes(offsets)[: ends * (8 if wide else 4)].cast("q" if wide else "i"),
            _bytes(data or b""),
            _bytes(validity) if texts.null_count else None,
            texts.offset,
        )
        columns = [_bytes(buffer).cast("d") for buffer in buffers]
        score = (kernel or _kernel()).score
        bounds = [count * part // threads for part in range(threads + 1)]
        if threads == 1:
            score(*given, 0, count, *columns)
        else:
            # This thread takes the first part itself.
            with ThreadPoolExecutor(threads - 1) as others:
                parts = [
                    others.submit(score, *given, start, stop, *columns)
                    for start, stop in pairwise(bounds[1:])
                ]
                score(*given, 0, bounds[1], *columns)
            for part in parts:
                part.result()
    arrays = [pa.Array.from_buffers(pa.float64(), count, [None, buffer]) for buffer in buffers]
    return _table(arrays, texts)


def score_in_python(texts: pa.Array) -> pa.Table:
    """Score in Python, for where the kernel is not."""
    scores = vader_python.score(pl.Series(texts, dtype=pl.String))
    return _table([column.to_arrow() for column in scores.iter_columns()], texts)


def _bytes(buffer: pa.Buffer | bytes) -> memoryview:
    return memoryview(buffer).cast("B")


def _table(columns: list[pa.Array], texts: pa.Array) -> pa.Table:
    """The four columns, null where the text is."""
    if texts.null_count:
        # pa.scalar looks whether it was given something of pandas, and imports pandas for that.
        given, null = texts.is_valid(), pa.nulls(1, pa.float64())[0]
        columns = [pc.if_else(given, column, null) for column in columns]
    return pa.Table.from_arrays(columns, names=COLUMNS)


class _Vader:
    """The default scorer: rule-based, English, exact against the published tool."""

    name = "vader"
    version = "3.3.2"
    languages = frozenset({"en"})

    def score(self, texts: pa.Array) -> pa.Table:
        """Score each text with the fastest implementation there is; null gives null."""
        return (score_compiled if kernel_in_use() == "compiled" else score_in_python)(texts)


VADER = _Vader()
