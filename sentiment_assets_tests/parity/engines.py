"""One lake's bronze through either engine, and the tables that come of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from sentiment_assets.core import gold
from sentiment_assets.core.contracts import (
    HOURLY_SENTIMENT,
    SILVER_POSTS,
    SILVER_QUARANTINE,
    TOPIC_SENTIMENT,
)
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.silver import SilverRules
from sentiment_assets.engine.in_process import SilverBuild
from sentiment_assets.engine.spark import SparkRunner, build_on_spark, gold_on_spark
from sentiment_assets.lake.bronze import read_partition
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.staged import stage_frame
from sentiment_assets_tests.silver_of_a_lake import rebuild
from sentiment_assets_tests.spark_session import runner, step

Tables = dict[str, pl.DataFrame]
COUNTED = {
    HOURLY_SENTIMENT: gold.hourly_sentiment,
    TOPIC_SENTIMENT: gold.topic_sentiment,
}


def silver_on_spark(
    lake: Lake,
    partitions: Sequence[PostPartition],
    rules: SilverRules,
    spark: SparkRunner | None = None,
    context: Any = None,
    **options: Any,
) -> SilverBuild:
    """Silver by a job, committed."""

    def built(sources: Any) -> Any:
        return build_on_spark(
            spark or runner(), context or step(), lake, "spark-run", sources, rules
        )

    return rebuild(lake, partitions, rules, builder=built, **options)


def gold_of(
    lake: Lake, partitions: Sequence[PostPartition], min_authors: int, *, on_spark: bool
) -> Tables:
    """Gold that counts posts, committed."""
    values = [{"date": p.date.isoformat(), "platform": p.platform} for p in partitions]
    coverage = {p: list(read_partition(lake, p).coverage.values()) for p in partitions}
    found = {}
    for contract, count in COUNTED.items():
        replacement = lake.table(contract).begin(values, "run")
        if on_spark:
            gold_on_spark(runner(), step(), lake, replacement, coverage, min_authors)
        else:
            posts = lake.table(SILVER_POSTS).scan(values, gold.POST_COLUMNS)
            stage_frame(replacement, count(posts, coverage, min_authors))
        replacement.commit()
        found[contract.name] = lake.table(contract).scan().collect().sort(contract.key)
    return found


def silver_of(lake: Lake) -> Tables:
    posts = lake.table(SILVER_POSTS).scan().collect().sort(SILVER_POSTS.key)
    refused = lake.table(SILVER_QUARANTINE).scan().collect().sort("object", "line")
    return {SILVER_POSTS.name: posts, SILVER_QUARANTINE.name: refused}


def assert_same_cells(ours: Tables, theirs: Tables) -> None:
    """Not one cell differs: names, types, order of lists, the last bit of a float."""
    assert ours.keys() == theirs.keys()
    for name, frame in ours.items():
        assert frame.height > 0, name
        assert_frame_equal(frame, theirs[name], check_exact=True)


def assert_engines_agree(
    lake: Lake, partitions: Sequence[PostPartition], rules: SilverRules, min_authors: int
) -> None:
    """Both engines, from nothing, over the same bronze."""
    here = rebuild(lake, partitions, rules, force=True)
    tables = silver_of(lake) | gold_of(lake, partitions, min_authors, on_spark=False)
    there = silver_on_spark(lake, partitions, rules, force=True)
    assert (there.counts, there.unscored, there.redacted) == (
        here.counts, here.unscored, here.redacted,
    )  # fmt: skip
    assert there.fingerprints == here.fingerprints
    on_spark = silver_of(lake) | gold_of(lake, partitions, min_authors, on_spark=True)
    assert_same_cells(tables, on_spark)
