"""Bronze assets: what the platforms' APIs gave, kept as it came."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping

import dagster as dg

from sentiment_assets.assets.describe import KINDS, RETRIES
from sentiment_assets.assets.failures import is_permanent, permanent_failures_are_final
from sentiment_assets.core.coverage import Manifest, plan_fetch
from sentiment_assets.core.layout import BATCH_POSTS, DEAD_LETTERS, PostPartition
from sentiment_assets.core.tracking import Tracking
from sentiment_assets.engine.fetch import FetchInterrupted, PlatformClient, fetch_windows
from sentiment_assets.lake.bronze import read_partition
from sentiment_assets.lake.objects import Lake
from sentiment_assets.partitions import (
    POST_PARTITIONS,
    has_partition,
    multi_key,
    partitions_of,
)

BATCH_POSTS_KEY = dg.AssetKey(BATCH_POSTS.split("/"))
DEAD_LETTERS_KEY = dg.AssetKey(DEAD_LETTERS.split("/"))

Clients = Mapping[str, PlatformClient]


class FetchConfig(dg.Config):
    """What to fetch: ``again`` takes every window that the API reaches, not only what is due."""

    again: bool = False


@dg.multi_asset(
    name="fetch_posts",
    specs=[
        dg.AssetSpec(
            BATCH_POSTS_KEY,
            description=(
                "Raw posts as the platforms' APIs gave them, gzip JSON lines, each in an envelope. "
                "Objects are never replaced; a manifest beside them says what was fetched. "
                "Personal data: engineers only."
            ),
            group_name="bronze",
            owners=["team:data-platform"],
            kinds=KINDS["bronze"],
            tags={"layer": "bronze", "privacy": "personal"},
        ),
        dg.AssetSpec(
            DEAD_LETTERS_KEY,
            skippable=True,
            description=(
                "Records that no date can be named for, with the reason and the request that "
                "brought them. Personal data: engineers only."
            ),
            group_name="bronze",
            owners=["team:data-platform"],
            kinds=KINDS["bronze"],
            tags={"layer": "bronze", "privacy": "personal"},
        ),
    ],
    partitions_def=POST_PARTITIONS,
    retry_policy=RETRIES,
    pool="platform_api",
)
@permanent_failures_are_final
def fetch_posts(
    context: dg.AssetExecutionContext,
    config: FetchConfig,
    lake: dg.ResourceParam[Lake],
    clients: dg.ResourceParam[Clients],
    tracking: dg.ResourceParam[Tracking],
) -> Iterator[dg.MaterializeResult[None]]:
    """Fetch, oldest first, every window that is missing or open, and the two newest again."""
    partitions = partitions_of(context)
    # One name for all attempts of the run: a retry writes the same objects again.
    record = context.instance.get_run_record_by_id(context.run.run_id)
    fetched_at = record.create_timestamp if record else dt.datetime.now(dt.timezone.utc)
    dead_letters = 0
    for partition in partitions:
        client = clients[partition.platform]
        known = read_partition(lake, partition).coverage
        plan = plan_fetch([partition], known, client.clock(), client.reach, again=config.again)
        fetched: list[Manifest] = []
        try:
            for manifests in fetch_windows(
                lake,
                client,
                plan,
                tracking.queries[partition.platform],
                holds=lambda target: has_partition(target, client.clock()),  # noqa: B023
                fetched_at=fetched_at,
                run_id=context.run.run_id,
            ):
                fetched.append(manifests[-1])
                _note_strays(context, partitions, manifests[:-1])
        except FetchInterrupted as interrupted:
            raise _failure(partition, interrupted) from interrupted.cause
        dead_letters += sum(manifest.dead_letters for manifest in fetched)
        context.add_asset_metadata(
            _fetch_facts(lake, partition, fetched, client),
            asset_key=BATCH_POSTS_KEY,
            partition_key=multi_key(partition),
        )
    yield dg.MaterializeResult(asset_key=BATCH_POSTS_KEY)
    if dead_letters:
        yield dg.MaterializeResult(
            asset_key=DEAD_LETTERS_KEY, metadata={"records": dead_letters, "path": DEAD_LETTERS}
        )


def _note_strays(
    context: dg.AssetExecutionContext, asked: list[PostPartition], strays: list[Manifest]
) -> None:
    """Tell Dagster of posts that landed in a partition which this run doesn't materialize."""
    for manifest in strays:
        partition = PostPartition(manifest.date, manifest.platform)
        if partition not in asked:
            context.log_event(
                dg.AssetMaterialization(
                    BATCH_POSTS_KEY,
                    partition=multi_key(partition),
                    description="posts of another date's fetch that belong to this one",
                    metadata={"records": manifest.received, "window": manifest.window},
                )
            )


def _fetch_facts(
    lake: Lake, partition: PostPartition, fetched: list[Manifest], client: PlatformClient
) -> dict[str, dg.MetadataValue | int | str]:
    states = Counter(
        coverage.state or "not yet asked for"
        for coverage in read_partition(lake, partition).coverage.values()
    )
    objects = [stored for manifest in fetched for stored in manifest.objects]
    facts: dict[str, dg.MetadataValue | int | str] = {
        "dagster/row_count": sum(stored.records for stored in objects),
        "received": sum(manifest.received for manifest in fetched),
        "dead_letters": sum(manifest.dead_letters for manifest in fetched),
        "bytes": sum(stored.size for stored in objects),
        "objects": len(objects),
        "windows_fetched": len(fetched),
        "pages": sum(query.pages for manifest in fetched for query in manifest.queries),
        "api_version": client.api_version,
        "path": lake.location.uri_of(f"{BATCH_POSTS}/{partition.folder}"),
        "origin": lake.origin,
        **{f"windows_{state.replace(' ', '_')}": count for state, count in states.items()},
    }
    if states["unavailable"]:
        facts["what_would_reach"] = client.what_would_reach
    return facts


def _failure(partition: PostPartition, interrupted: FetchInterrupted) -> dg.Failure:
    manifest = interrupted.manifest
    return dg.Failure(
        description=(
            f"{partition.key}, window {manifest.window}: {interrupted.cause} "
            f"What had come ({manifest.received} records) is kept; the window is marked partial."
        ),
        metadata={"partition": partition.key, "window": manifest.window},
        allow_retries=not is_permanent(interrupted.cause),
    )
