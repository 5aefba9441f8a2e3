"""Silver assets: clean, deduplicated posts without personal identifiers, and what was refused."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import dagster as dg

from sentiment_assets.assets.bronze import BATCH_POSTS_KEY
from sentiment_assets.assets.describe import RETRIES, asset_facts, asset_key
from sentiment_assets.assets.engine_of_run import EngineOfRun
from sentiment_assets.assets.failures import permanent_failures_are_final
from sentiment_assets.assets.stream import STREAM_POSTS_KEY
from sentiment_assets.consumed import CONSUMED, newest_events
from sentiment_assets.core.contracts import SILVER_POSTS, SILVER_QUARANTINE
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.quality import Conservation
from sentiment_assets.core.sentiment.vader import kernel_in_use
from sentiment_assets.core.silver import SilverRules
from sentiment_assets.engine.in_process import SilverBuild, build_silver
from sentiment_assets.engine.routing import Choice, Engines, choose_engine
from sentiment_assets.engine.spark import build_on_spark
from sentiment_assets.engine.window import Budget, WindowSource
from sentiment_assets.engine.workers import Built, build_windows
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.recipes import note_recipe
from sentiment_assets.lake.staged import StagedTable
from sentiment_assets.lake.tables import PartitionKey
from sentiment_assets.partitions import POST_PARTITIONS, multi_key, partitions_of

POSTS_KEY = asset_key(SILVER_POSTS.name)
QUARANTINE_KEY = asset_key(SILVER_QUARANTINE.name)


class RebuildConfig(dg.Config):
    """How to rebuild: ``force`` takes every window that has bronze, not only what changed.

    ``engine`` does the work: ``auto`` is chosen by size.
    """

    force: bool = False
    engine: EngineOfRun = EngineOfRun.auto


@dg.multi_asset(
    name="silver_posts",
    # Quarantine first: a reader of posts always finds what was refused on the way to them.
    outs={
        "quarantine": dg.AssetOut(
            key=QUARANTINE_KEY, io_manager_key="lake_io_manager", **asset_facts(SILVER_QUARANTINE)
        ),
        "posts": dg.AssetOut(
            key=POSTS_KEY, io_manager_key="lake_io_manager", **asset_facts(SILVER_POSTS)
        ),
    },
    deps=[BATCH_POSTS_KEY, STREAM_POSTS_KEY],
    partitions_def=POST_PARTITIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    retry_policy=RETRIES,
    pool="memory",
)
@permanent_failures_are_final
def silver_posts(
    context: dg.AssetExecutionContext,
    config: RebuildConfig,
    lake: dg.ResourceParam[Lake],
    rules: dg.ResourceParam[SilverRules],
    budget: dg.ResourceParam[Budget],
    engines: dg.ResourceParam[Engines],
) -> Iterator[dg.Output[StagedTable]]:
    """Rebuild the windows whose bronze or recipe changed since silver last consumed them."""
    partitions = partitions_of(context)
    run_id, chosen = context.run.run_id, list[Choice]()

    def built(sources: Sequence[WindowSource]) -> Iterator[Built]:
        objects = [stored for source in sources for stored in source.objects]
        choice = choose_engine(objects, engines.spark_from_bytes, config.engine.forced)
        chosen.append(choice)
        if choice.engine == "spark":
            return build_on_spark(engines.spark, context, lake, run_id, sources, rules)
        return build_windows(lake, sources, rules, budget)

    consumed = newest_bronze(context.instance, partitions)
    build = build_silver(
        lake,
        partitions,
        rules,
        run_id=run_id,
        force=config.force,
        builder=built,
    )
    [choice] = chosen
    engine = choice.facts(engines)
    for partition, counts in build.counts.items():
        facts = _facts(partition, counts, build, rules) | engine
        facts |= {CONSUMED: consumed.get(partition, 0)}
        refused = counts.quarantined + counts.sealed
        for key, rows in ((POSTS_KEY, counts.rows), (QUARANTINE_KEY, refused)):
            context.add_asset_metadata(
                facts | {"rows_rebuilt": rows}, asset_key=key, partition_key=multi_key(partition)
            )
    recipes = {rules.recipe(p.platform, p.date): p for p in partitions}
    for recipe, partition in recipes.items():
        note_recipe(lake, recipe, rules.ingredients(partition.platform, partition.date))
    metadata = {"recipe": " ".join(sorted(recipes))}
    yield dg.Output(StagedTable(build.quarantine, metadata=metadata), output_name="quarantine")
    fingerprints: dict[PartitionKey, int] = {
        (window.partition.date.isoformat(), window.partition.platform, window.name): fingerprint
        for window, fingerprint in build.fingerprints.items()
    }
    yield dg.Output(StagedTable(build.posts, fingerprints, metadata), output_name="posts")


def newest_bronze(
    instance: dg.DagsterInstance, partitions: Iterable[PostPartition] | None = None
) -> dict[PostPartition, int]:
    """The newest event of each partition's bronze, whichever way it came."""
    known = None if partitions is None else list(partitions)
    newest = newest_events(instance, BATCH_POSTS_KEY, known)
    for partition, event in newest_events(instance, STREAM_POSTS_KEY, known).items():
        newest[partition] = max(event, newest.get(partition, 0))
    return newest


def _facts(
    partition: PostPartition, counts: Conservation, build: SilverBuild, rules: SilverRules
) -> dict[str, Any]:
    return {
        "records_in": counts.records,
        "duplicates": counts.duplicates,
        "quarantined": counts.quarantined,
        "came_after_sealing": counts.sealed,
        "conservation": str(counts),
        "windows_rebuilt": sum(window.partition == partition for window in build.fingerprints),
        "unscored": dict(sorted(build.unscored.get(partition, {}).items())),
        "redacted": dict(sorted(build.redacted.get(partition, {}).items())),
        "scorer": rules.scorer.name,
        "scorer_version": rules.scorer.version,
        "vader_kernel": kernel_in_use(),
        "recipe": rules.recipe(partition.platform, partition.date),
    }
