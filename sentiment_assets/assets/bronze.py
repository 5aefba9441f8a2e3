"""Bronze assets: what the platforms' APIs gave, kept as it came."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import dagster as dg

from sentiment_assets.assets.describe import KINDS, RETRIES
from sentiment_assets.assets.failures import is_permanent, permanent_failures_are_final
from sentiment_assets.core.coverage import Manifest, plan_fetch
from sentiment_assets.core.layout import BATCH_POSTS, DEAD_LETTERS, PostPartition
from sentiment_assets.core.tracking import TrackedSource, Tracking
from sentiment_assets.engine.fetch import (
    Allowance,
    FetchInterrupted,
    PlatformClient,
    fetch_windows,
    longest_reach,
)
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


class Budget(Protocol):
    """What a credential's shared budget has left."""

    @property
    def left(self) -> int:
        """Requests that the clock may send now."""

    @property
    def left_for_backfills(self) -> int:
        """Those of them that any other run may send."""

    @property
    def capacity(self) -> int:
        """Requests of a full budget."""


#: By platform; empty where runs share no budget.
RequestsLeft = Callable[[], Mapping[str, Budget]]


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
)
@permanent_failures_are_final
def fetch_posts(
    context: dg.AssetExecutionContext,
    config: FetchConfig,
    lake: dg.ResourceParam[Lake],
    clients: dg.ResourceParam[Clients],
    tracking: dg.ResourceParam[Tracking],
    requests_left: dg.ResourceParam[RequestsLeft],
) -> Iterator[dg.MaterializeResult[None]]:
    """Fetch, oldest first, what is missing, open or due to be observed again."""
    partitions = partitions_of(context)
    # One name for all attempts of the run: a retry writes the same objects again.
    record = context.instance.get_run_record_by_id(context.run.run_id)
    fetched_at = record.create_timestamp if record else dt.datetime.now(dt.timezone.utc)
    dead_letters = 0
    for platform in sorted({partition.platform for partition in partitions}):
        asked = [partition for partition in partitions if partition.platform == platform]
        client, sources = _access(platform, clients, tracking)
        bronze = {partition: read_partition(lake, partition) for partition in asked}
        known = {w: c for of_date in bronze.values() for w, c in of_date.coverage.items()}
        reach = longest_reach(client, sources)
        # What came for a sealed date would only go to quarantine: it is paid for all the same.
        unsealed = [partition for partition in asked if bronze[partition].seal is None]
        plan = plan_fetch(unsealed, known, client.clock(), reach, again=config.again)
        manifests: list[Manifest] = []
        try:
            for fetched in fetch_windows(
                lake,
                client,
                plan,
                sources,
                holds=lambda target: has_partition(target, client.clock()),  # noqa: B023
                fetched_at=fetched_at,
                run_id=context.run.run_id,
            ):
                manifests += fetched.windows
                _note_strays(context, partitions, fetched.strays)
        except FetchInterrupted as interrupted:
            raise _failure(platform, interrupted) from interrupted.cause
        dead_letters += sum(manifest.dead_letters for manifest in manifests)
        budget = requests_left().get(platform)
        for partition in asked:
            context.add_asset_metadata(
                _fetch_facts(lake, partition, manifests, client) | _budget_facts(budget),
                asset_key=BATCH_POSTS_KEY,
                partition_key=multi_key(partition),
            )
    yield dg.MaterializeResult(asset_key=BATCH_POSTS_KEY)
    if dead_letters:
        yield dg.MaterializeResult(
            asset_key=DEAD_LETTERS_KEY, metadata={"records": dead_letters, "path": DEAD_LETTERS}
        )


def _access(
    platform: str, clients: Clients, tracking: Tracking
) -> tuple[PlatformClient, Sequence[TrackedSource]]:
    sources = tracking.sources.get(platform, ())
    if not sources:
        raise dg.Failure(
            f"nothing is tracked on {platform}: add platforms.{platform} to tracking.yaml "
            "(docs/tracking.md), or leave its partitions out",
            allow_retries=False,
        )
    if platform not in clients:
        raise dg.Failure(
            f"{platform} has no token: `sentiment connect {platform}` says what to set, or remove "
            f"platforms.{platform} from tracking.yaml",
            allow_retries=False,
        )
    return clients[platform], sources


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
    lake: Lake, partition: PostPartition, manifests: list[Manifest], client: PlatformClient
) -> dict[str, dg.MetadataValue | int | float | str]:
    bronze = read_partition(lake, partition)
    states = Counter(coverage.state or "not yet asked for" for coverage in bronze.coverage.values())
    fetched = [manifest for manifest in manifests if manifest.date == partition.date]
    objects = [stored for manifest in fetched for stored in manifest.objects]
    facts: dict[str, dg.MetadataValue | int | float | str] = {
        "dagster/row_count": sum(stored.records for stored in objects),
        "received": sum(manifest.received for manifest in fetched),
        "dead_letters": sum(manifest.dead_letters for manifest in fetched),
        "bytes": sum(stored.size for stored in objects),
        "objects": len(objects),
        "windows_fetched": len(fetched),
        # Of a search over several dates these stand with the oldest.
        "pages": sum(source.pages for manifest in fetched for source in manifest.sources),
        "api_version": client.api_version,
        "path": lake.location.uri_of(f"{BATCH_POSTS}/{partition.folder}"),
        "origin": lake.origin,
        **{f"windows_{state.replace(' ', '_')}": count for state, count in states.items()},
        **_allowance_facts(client.allowance),
    }
    if seal := bronze.seal:
        facts["sealed"] = f"since {seal.sealed_at:%Y-%m-%d %H:%M} UTC: nothing is fetched"
    if states["unavailable"]:
        facts["what_would_reach"] = client.what_would_reach
    if notices := client.notices():
        facts["notices"] = dg.MetadataValue.md("\n".join(f"- {notice}" for notice in notices))
    return facts


def _allowance_facts(allowance: Allowance | None) -> dict[str, int | float | str]:
    """What the API itself says is left."""
    facts: dict[str, int | float | str] = {}
    if allowance is not None:
        if allowance.remaining is not None:
            facts["api_requests_left"] = allowance.remaining
        if allowance.used_share is not None:
            facts["api_limit_used"] = round(allowance.used_share, 3)
        if allowance.reset_at is not None:
            facts["api_limit_resets_at"] = allowance.reset_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return facts


def _budget_facts(budget: Budget | None) -> dict[str, dg.MetadataValue | int | float | str]:
    """What the budget that all runs share has left."""
    if budget is None:
        return {}
    return {
        "requests_left": budget.left,
        "requests_left_for_backfills": budget.left_for_backfills,
        "requests_granted": budget.capacity,
    }


def _failure(platform: str, interrupted: FetchInterrupted) -> dg.Failure:
    manifests = interrupted.manifests
    first, last = manifests[0], manifests[-1]
    windows = f"{first.date} {first.window}"
    if last != first:
        windows += f" to {last.date} {last.window}"
    received = sum(manifest.received for manifest in manifests)
    return dg.Failure(
        description=(
            f"{platform}, window {windows}: {interrupted.cause} "
            f"What had come ({received} records) is kept; what is not whole is marked partial."
        ),
        metadata={"platform": platform, "windows": windows},
        allow_retries=not is_permanent(interrupted.cause),
    )
