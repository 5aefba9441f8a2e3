"""``gold/language_sentiment``: how each language of a day felt.

What belongs here: this one table. Measures and suppression are those of ``core.gold``; which
language a post is in was decided in silver (``core.language``).
"""

from __future__ import annotations

from typing import Any

import narwhals as nw
import polars as pl

from sentiment_assets.core.contracts import LANGUAGE_SENTIMENT
from sentiment_assets.core.gold import (
    POST_COLUMNS,
    Coverage,
    cells_of,
    daily_shares,
    hide_few_authors,
    publish,
)

#: Stands for posts whose language the detector was not sure of.
UNKNOWN = "unknown"

#: What this table reads of ``silver/posts``.
LANGUAGE_COLUMNS = (*POST_COLUMNS, "lang")


def language_sentiment(posts: Any, coverage: Coverage, min_authors: int) -> pl.DataFrame:
    """Rows of ``gold/language_sentiment``: every language that a day has posts in.

    Each post is in one language: as of hours, none may be had by subtracting the others from its
    day.

    Args:
        posts: ``silver/posts``, of the partitions in ``coverage``; a lazy frame of any engine.
        coverage: windows of each partition.
        min_authors: languages of fewer distinct authors are hidden.
    """
    named = nw.from_native(posts).with_columns(lang=nw.col("lang").fill_null(UNKNOWN)).to_native()
    day = ["date", "platform"]
    cells = cells_of(named, [*day, "lang"]).join(daily_shares(coverage), on=day, how="left")
    hidden = hide_few_authors(cells, named, min_authors, pl.DataFrame.lazy, part="lang")
    return publish(hidden, LANGUAGE_SENTIMENT, min_authors)
