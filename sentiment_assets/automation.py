"""Jobs and the 2-hourly clock: what is fetched, and when.

What belongs here: which partitions a tick asks for. Rebuilding what is behind is ``sensors``.
"""

import datetime as dt
from collections.abc import Iterator, Sequence

import dagster as dg

from sentiment_assets.assets.bronze import Clients
from sentiment_assets.core.coverage import plan_fetch
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.tracking import Tracking
from sentiment_assets.engine.fetch import longest_reach
from sentiment_assets.lake.bronze import read_partition
from sentiment_assets.lake.objects import Lake
from sentiment_assets.partitions import (
    POST_PARTITIONS,
    contiguous,
    has_partition,
    multi_key,
    range_tags,
)

PLATFORM_TAG = "sentiment/platform"
#: On runs of the clock, with their platform: they may use the share of the API's budget that is
#: kept from backfills, and each platform has a place in the queue (dagster.yaml).
URGENT_TAG = "sentiment/urgent"

fetch_job = dg.define_asset_job(
    "fetch",
    dg.AssetSelection.groups("bronze"),
    description="Fetch what is missing or open of the given dates into bronze.",
    tags={"sentiment/job": "fetch"},
)

rebuild_job = dg.define_asset_job(
    "rebuild",
    dg.AssetSelection.groups("silver", "gold"),
    description="Silver and gold of the given dates, from bronze, with every check.",
    tags={"sentiment/job": "rebuild"},
)


def due_partitions(
    lake: Lake, clients: Clients, tracking: Tracking, catch_up_days: int
) -> list[PostPartition]:
    """The dates of connected, tracked platforms that have a window to fetch, oldest first.

    After an outage these are all the dates that the API still gives, ``catch_up_days`` at most, so
    that no hole is left.
    """
    due = []
    for platform, client in clients.items():
        sources = tracking.sources.get(platform, ())
        if not sources:
            continue
        now = client.clock()
        reach = longest_reach(client, sources)
        days = (now - min(reach, dt.timedelta(days=catch_up_days))).date()
        while days <= now.date():
            partition = PostPartition(days, platform)
            days += dt.timedelta(days=1)
            if has_partition(partition, now):
                bronze = read_partition(lake, partition)
                planned = plan_fetch([partition], bronze.coverage, now, reach)
                # What came for a sealed date would only go to quarantine.
                if bronze.seal is None and any(window.reachable for window in planned):
                    due.append(partition)
    return sorted(due)


def fetch_groups(due: Sequence[PostPartition], clients: Clients) -> list[list[PostPartition]]:
    """Which due partitions one run fetches.

    One each where a window is one search; consecutive dates together where a search reads listings
    that cost the same however long the stretch is.
    """
    groups = []
    for platform in sorted({partition.platform for partition in due}):
        dates = [partition for partition in due if partition.platform == platform]
        if clients[platform].span is None:
            groups += list(contiguous(dates))
        else:
            groups += [[partition] for partition in dates]
    return sorted(groups)


# 5 minutes past: the window that has just ended is searchable by then.
@dg.schedule(
    name="every_two_hours",
    cron_schedule="5 */2 * * *",
    execution_timezone="UTC",
    job=fetch_job,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every 2 hours: fetch each date with missing, partial or open windows.",
)
def every_two_hours(
    context: dg.ScheduleEvaluationContext,
    lake: dg.ResourceParam[Lake],
    clients: dg.ResourceParam[Clients],
    tracking: dg.ResourceParam[Tracking],
    catch_up_days: dg.ResourceParam[int],
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Ask for the due partitions, before whatever backfills wait in the queue."""
    due = due_partitions(lake, clients, tracking, catch_up_days)
    if not due:
        yield dg.SkipReason("every window within the APIs' reach is fetched")
    for group in fetch_groups(due, clients):
        first, last = group[0], group[-1]
        yield dg.RunRequest(
            run_key=first.key if first == last else f"{first.key}..{last.key}",
            partition_key=multi_key(first) if first == last else None,
            tags={**range_tags(group), **fetch_tags(first.platform)},
        )


def fetch_tags(platform: str) -> dict[str, str]:
    """Tags of the clock's own fetches: they go before backfills and may use the whole budget."""
    return {PLATFORM_TAG: platform, URGENT_TAG: platform, "dagster/priority": "10"}


__all__ = [
    "PLATFORM_TAG",
    "POST_PARTITIONS",
    "URGENT_TAG",
    "due_partitions",
    "every_two_hours",
    "fetch_groups",
    "fetch_job",
    "fetch_tags",
    "rebuild_job",
]
