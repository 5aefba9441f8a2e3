"""Gold assets: sentiment over time, topic and platform, each figure with its coverage.

Every body pins its own table before it reads (``begin``), so that a run that was overtaken
conflicts instead of putting older figures over newer ones.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg
import polars as pl

from sentiment_assets.assets.describe import (
    RETRIES,
    asset_facts,
    asset_key,
    preview,
    upstream_tables,
)
from sentiment_assets.assets.engine_of_run import EngineOfRun
from sentiment_assets.assets.failures import permanent_failures_are_final
from sentiment_assets.consumed import CONSUMED, newest_events
from sentiment_assets.core import gold, periods
from sentiment_assets.core.contracts import (
    DAILY_SUMMARY,
    DAILY_TREND,
    HOURLY_SENTIMENT,
    POOLED_SENTIMENT,
    SILVER_POSTS,
    SILVER_QUARANTINE,
    TOPIC_SENTIMENT,
    Contract,
)
from sentiment_assets.core.layout import PostPartition, windows_of
from sentiment_assets.engine.routing import Engine, Engines, choose_engine
from sentiment_assets.engine.spark import gold_on_spark
from sentiment_assets.lake.bronze import BronzePartition, read_partition
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.staged import StagedTable, stage_frame
from sentiment_assets.lake.tables import Replacement
from sentiment_assets.partitions import POST_PARTITIONS, multi_key, partitions_of

MinAuthors = int


def _days_back(days: int) -> dg.MultiPartitionMapping:
    """The same platform's partitions of a date and of the days before it."""
    return dg.MultiPartitionMapping(
        {
            "date": dg.DimensionPartitionMapping(
                "date",
                dg.TimeWindowPartitionMapping(
                    start_offset=-days, allow_nonexistent_upstream_partitions=True
                ),
            ),
            "platform": dg.DimensionPartitionMapping("platform", dg.IdentityPartitionMapping()),
        }
    )


def looking_back(days: int, *upstream: Contract) -> list[dg.AssetDep]:
    """Dependencies on a date and the days before it."""
    mapping = _days_back(days)
    return [dg.AssetDep(asset_key(table.name), partition_mapping=mapping) for table in upstream]


def gold_asset(
    contract: Contract, **more: Any
) -> Callable[[Callable[..., StagedTable]], dg.AssetsDefinition]:
    """Decorate the body of a gold table's asset."""
    asset = dg.asset(
        key=asset_key(contract.name),
        io_manager_key="lake_io_manager",
        partitions_def=POST_PARTITIONS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRIES,
        pool="memory",
        **{"deps": [asset_key(name) for name in upstream_tables(contract)]} | more,
        **asset_facts(contract),
    )
    return lambda body: asset(permanent_failures_are_final(body))


class CountConfig(dg.Config):
    """Which ``engine`` counts posts: ``auto`` is chosen by size."""

    engine: EngineOfRun = EngineOfRun.auto


@gold_asset(HOURLY_SENTIMENT)
def hourly_sentiment(
    context: dg.AssetExecutionContext,
    config: CountConfig,
    lake: dg.ResourceParam[Lake],
    min_authors: dg.ResourceParam[MinAuthors],
    engines: dg.ResourceParam[Engines],
) -> StagedTable:
    """Sentiment of every hour."""
    partitions = partitions_of(context)
    replacement = begin(context, lake, HOURLY_SENTIMENT, partitions)
    bronze = [read_partition(lake, partition) for partition in partitions]
    if _choose(context, config, engines, bronze) == "spark":
        gold_on_spark(engines.spark, context, lake, replacement, _coverage_in(bronze), min_authors)
    else:
        posts = posts_of(lake, partitions)
        stage_frame(replacement, gold.hourly_sentiment(posts, _coverage_in(bronze), min_authors))
    columns = ["date", "platform", "hour", "posts", "sentiment_mean", "fetched_share", "suppressed"]
    return _shown(context, replacement, partitions, columns)


@gold_asset(TOPIC_SENTIMENT)
def topic_sentiment(
    context: dg.AssetExecutionContext,
    config: CountConfig,
    lake: dg.ResourceParam[Lake],
    min_authors: dg.ResourceParam[MinAuthors],
    engines: dg.ResourceParam[Engines],
) -> StagedTable:
    """Sentiment of every tracked topic and hashtag."""
    partitions = partitions_of(context)
    replacement = begin(context, lake, TOPIC_SENTIMENT, partitions)
    bronze = [read_partition(lake, partition) for partition in partitions]
    if _choose(context, config, engines, bronze) == "spark":
        gold_on_spark(engines.spark, context, lake, replacement, _coverage_in(bronze), min_authors)
    else:
        posts = posts_of(lake, partitions)
        stage_frame(replacement, gold.topic_sentiment(posts, _coverage_in(bronze), min_authors))
    columns = ["date", "platform", "topic_kind", "topic", "posts", "sentiment_mean", "suppressed"]
    # Most posts first: the preview shows what matters.
    return _shown(context, replacement, partitions, columns, most_first="posts")


@gold_asset(DAILY_SUMMARY)
def daily_summary(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    min_authors: dg.ResourceParam[MinAuthors],
) -> StagedTable:
    """One row a day, with extremes, coverage and data quality."""
    partitions = partitions_of(context)
    replacement = begin(context, lake, DAILY_SUMMARY, partitions)
    frame = gold.daily_summary(
        posts_of(lake, partitions),
        lake.table(SILVER_QUARANTINE).scan(values_of(partitions)),
        lake.table(HOURLY_SENTIMENT).scan(values_of(partitions)).collect(),
        coverage_of(lake, partitions),
        min_authors,
    )
    columns = [
        "date", "platform", "posts", "authors", "scored", "sentiment_mean", "fetched_share",
        "quarantined", "duplicates", "hidden_hours",
    ]  # fmt: skip
    return staged(context, replacement, frame, partitions, columns)


@gold_asset(
    DAILY_TREND,
    deps=looking_back(gold.TRAILING_DAYS, DAILY_SUMMARY, TOPIC_SENTIMENT),
)
def daily_trend(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
) -> StagedTable:
    """Each day against the seven days before it."""
    partitions = partitions_of(context)
    history = with_trailing_days(partitions)
    events = newest_events(context.instance, asset_key(DAILY_SUMMARY.name), history)
    replacement = lake.table(DAILY_TREND).begin(values_of(partitions), context.run.run_id)
    frame = gold.daily_trend(
        lake.table(DAILY_SUMMARY).scan(values_of(history)),
        lake.table(TOPIC_SENTIMENT).scan(values_of(history)),
        partitions,
    )
    for partition in partitions:
        newest = max((events.get(day, 0) for day in with_trailing_days([partition])), default=0)
        context.add_asset_metadata({CONSUMED: newest}, partition_key=multi_key(partition))
    columns = [
        "date", "platform", "topic", "posts", "sentiment_mean", "trailing_mean", "change",
        "change_z", "volume_ratio",
    ]  # fmt: skip
    return staged(context, replacement, frame, partitions, columns)


@gold_asset(
    POOLED_SENTIMENT,
    deps=looking_back(periods.MOST_DAYS_BACK, SILVER_POSTS, DAILY_SUMMARY, TOPIC_SENTIMENT),
)
def pooled_sentiment(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    min_authors: dg.ResourceParam[MinAuthors],
) -> StagedTable:
    """Hidden days together, by week or month; a Sunday has rows, once its posts have settled."""
    partitions = partitions_of(context)
    now = dt.datetime.now(dt.timezone.utc)
    settled = [p for p in partitions if periods.settles_at(p.date) <= now]
    history = with_pooled_days(settled)
    events = [
        newest_events(context.instance, asset_key(table.name), history)
        for table in (DAILY_SUMMARY, TOPIC_SENTIMENT)
    ]
    replacement = lake.table(POOLED_SENTIMENT).begin(values_of(partitions), context.run.run_id)
    frame = _pools(lake, settled, history, min_authors)
    for partition in partitions:
        # What has not settled consumed nothing: it is behind, and is asked for when it has.
        days = with_pooled_days([partition] if partition in settled else [])
        newest = max((of.get(day, 0) for of in events for day in days), default=0)
        context.add_asset_metadata({CONSUMED: newest}, partition_key=multi_key(partition))
    columns = [
        "date", "platform", "grain", "period_start", "topic", "days", "posts", "sentiment_mean",
        "suppressed",
    ]  # fmt: skip
    return staged(context, replacement, frame, partitions, columns)


def _pools(
    lake: Lake,
    settled: Sequence[PostPartition],
    history: Sequence[PostPartition],
    min_authors: int,
) -> pl.DataFrame:
    """The pools of dates that have settled; on most of a week's ticks nothing is to be read."""
    if not history:
        return pl.DataFrame(schema=pl.Schema(POOLED_SENTIMENT.schema))
    summaries = lake.table(DAILY_SUMMARY).scan(values_of(history)).collect()
    topics = (
        lake.table(TOPIC_SENTIMENT)
        .scan(values_of(history))
        .filter(pl.col("topic_kind") == "tracked")
        .collect()
    )
    hidden = {
        PostPartition(date, platform)
        for table in (summaries, topics)
        for date, platform in table.filter("suppressed").select("date", "platform").iter_rows()
    }
    return gold.pooled_sentiment(
        posts_of(lake, sorted(hidden)), summaries, topics, settled, min_authors
    )


def with_trailing_days(partitions: Sequence[PostPartition]) -> list[PostPartition]:
    """The partitions and the days before each that a trend compares with."""
    return sorted(
        {
            PostPartition(partition.date - dt.timedelta(days=back), partition.platform)
            for partition in partitions
            for back in range(gold.TRAILING_DAYS + 1)
        }
    )


def with_pooled_days(partitions: Sequence[PostPartition]) -> list[PostPartition]:
    """The days that the pools of the partitions are made of: none where no week ends."""
    return sorted(
        {
            PostPartition(date, partition.platform)
            for partition in partitions
            for date in periods.days_behind(partition.date)
        }
    )


def begin(
    context: dg.AssetExecutionContext,
    lake: Lake,
    contract: Contract,
    partitions: Sequence[PostPartition],
) -> Replacement:
    """Note which silver is about to be read, then pin the table."""
    events = newest_events(context.instance, asset_key(SILVER_POSTS.name), partitions)
    for partition in partitions:
        context.add_asset_metadata(
            {CONSUMED: events.get(partition, 0)}, partition_key=multi_key(partition)
        )
    return lake.table(contract).begin(values_of(partitions), context.run.run_id)


def posts_of(
    lake: Lake, partitions: Sequence[PostPartition], columns: Sequence[str] = gold.POST_COLUMNS
) -> pl.LazyFrame:
    """What aggregates read of the partitions' posts."""
    return lake.table(SILVER_POSTS).scan(values_of(partitions), columns)


def coverage_of(lake: Lake, partitions: Sequence[PostPartition]) -> gold.Coverage:
    """How much of the partitions was fetched."""
    return _coverage_in([read_partition(lake, partition) for partition in partitions])


def _coverage_in(bronze: Sequence[BronzePartition]) -> gold.Coverage:
    return {found.partition: list(found.coverage.values()) for found in bronze}


def _choose(
    context: dg.AssetExecutionContext,
    config: CountConfig,
    engines: Engines,
    bronze: Sequence[BronzePartition],
) -> Engine:
    """Choose who counts, and say so."""
    objects = [
        stored
        for found in bronze
        for window in windows_of(found.partition)
        for stored in found.objects(window)
    ]
    choice = choose_engine(objects, engines.spark_from_bytes, config.engine.forced)
    for found in bronze:
        context.add_asset_metadata(choice.facts(engines), partition_key=multi_key(found.partition))
    return choice.engine


def values_of(partitions: Sequence[PostPartition]) -> list[dict[str, str]]:
    """The partitions as the lake's tables name them."""
    return [{"date": p.date.isoformat(), "platform": p.platform} for p in partitions]


def staged(
    context: dg.AssetExecutionContext,
    replacement: Replacement,
    frame: pl.DataFrame,
    partitions: Sequence[PostPartition],
    shown: Sequence[str],
    most_first: str | None = None,
) -> StagedTable:
    """Stage the frame; each partition's page shows the first of its own rows."""
    stage_frame(replacement, frame)
    return _shown(context, replacement, partitions, shown, most_first)


def _shown(
    context: dg.AssetExecutionContext,
    replacement: Replacement,
    partitions: Sequence[PostPartition],
    columns: Sequence[str],
    most_first: str | None = None,
) -> StagedTable:
    """What was staged; each partition's page shows the first of its own rows."""
    frame = replacement.staged().collect()
    if most_first is not None:
        frame = frame.sort(most_first, descending=True, nulls_last=True, maintain_order=True)
    for partition in partitions:
        rows = frame.filter(
            (pl.col("date") == partition.date) & (pl.col("platform") == partition.platform)
        )
        context.add_asset_metadata(
            {"dagster/partition_row_count": rows.height, "preview": preview(rows, columns)},
            partition_key=multi_key(partition),
        )
    return StagedTable(replacement)
