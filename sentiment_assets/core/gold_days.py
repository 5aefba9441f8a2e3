"""Days, and means of days: what gold tables that are made of other gold tables share.

What belongs here: frames of days, the days after them, and the mean and error of a mean from whole
sums. Nothing here sees a post.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from sentiment_assets.core.layout import PostPartition

#: Compound scores are kept as whole numbers of this unit's inverse.
UNITS = 10_000
TRAILING_DAYS = 7


def shown(*names: str) -> list[pl.Expr]:
    """Columns as they are published: null in hidden rows, whoever made the frame."""
    return [pl.when(~pl.col("suppressed")).then(pl.col(name)).alias(name) for name in names]


def days_of(partitions: Sequence[PostPartition]) -> pl.DataFrame:
    """Partitions as a frame: date, platform."""
    return pl.DataFrame(
        [(p.date, p.platform) for p in partitions],
        schema={"date": pl.Date, "platform": pl.String},
        orient="row",
    )


def days_after(rows: pl.DataFrame, days: int = TRAILING_DAYS) -> pl.DataFrame:
    """The rows once for each of the days after theirs, with that day as ``date``."""
    return pl.concat(
        [
            rows.with_columns(date=pl.col("date") + pl.duration(days=back))
            for back in range(1, days + 1)
        ]
    )


def known_scorers(summaries: pl.LazyFrame) -> pl.DataFrame:
    """A row for each scorer of each day: date, platform, scorer."""
    return (
        # As comparisons do: a hidden day, or one without scores, is compared with nothing.
        summaries.filter(~pl.col("suppressed") & (pl.col("scored") > 0))
        .select("date", "platform", scorer="scorers")
        .explode("scorer", empty_as_null=True)
        .drop_nulls("scorer")
        .unique()
        .collect()
    )


def mean_of(total: str, count: str) -> pl.Expr:
    """Mean compound from integer sums; null where nothing is counted."""
    # Polars multiplies by the inverse of a number but divides by a column of one row: dividing by
    # UNITS would give a day other bits alone than among others.
    return pl.when(pl.col(count) > 0).then(pl.col(total) / (pl.col(count) * UNITS))


def variance_of_mean(count: str, total: str, squares: str) -> pl.Expr:
    """Squared standard error of a mean from integer sums; null below two values."""
    n = pl.col(count).cast(pl.Float64)
    spread = pl.col(squares) - pl.col(total).cast(pl.Float64) ** 2 / n
    # Rounding can leave a hair below zero where all values are equal.
    return pl.when(n > 1).then(spread.clip(lower_bound=0) / ((n - 1) * n * float(UNITS**2)))


def change_error(*samples: tuple[str, str, str]) -> pl.Expr:
    """Standard error of the difference of two means (Welch), from n, sum and sum of squares."""
    return pl.sum_horizontal(
        *(variance_of_mean(*sample) for sample in samples), ignore_nulls=False
    ).sqrt()
