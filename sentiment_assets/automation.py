"""Jobs and the clocks: what is fetched, and when; how often freshness is judged.

What belongs here: which partitions a tick asks for. Rebuilding what is behind is ``sensors``, what
fresh means ``freshness``.
"""

import datetime as dt
from collections.abc import Iterator, Sequence

import dagster as dg

from sentiment_assets.assets.bronze import BATCH_POSTS_KEY, DEAD_LETTERS_KEY, Clients
from sentiment_assets.assets.describe import asset_key
from sentiment_assets.assets.maintenance import maintenance_key
from sentiment_assets.assets.marts import MART_GROUP
from sentiment_assets.core.contracts import LIVE_CONTRACTS
from sentiment_assets.core.coverage import plan_fetch
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.tracking import Tracking
from sentiment_assets.engine.fetch import longest_reach
from sentiment_assets.freshness import freshness
from sentiment_assets.lake.bronze import read_partition
from sentiment_assets.lake.objects import Lake
from sentiment_assets.orders import ORDERS_KEY
from sentiment_assets.partitions import (
    POST_PARTITIONS,
    contiguous,
    has_partition,
    multi_key,
    range_tags,
)
from sentiment_assets.under_way import UNDER_WAY

PLATFORM_TAG = "sentiment/platform"
#: On runs of the clock, with their platform: they may use the share of the API's budget that is
#: kept from backfills, and each platform has a place in the queue (dagster.yaml).
URGENT_TAG = "sentiment/urgent"

_LIVE_UPKEEP = [maintenance_key(asset_key(table)) for table in LIVE_CONTRACTS]

fetch_job = dg.define_asset_job(
    "fetch",
    dg.AssetSelection.assets(BATCH_POSTS_KEY, DEAD_LETTERS_KEY)
    - dg.AssetSelection.checks(freshness),
    description="Fetch what is missing or open of the given dates into bronze.",
    tags={"sentiment/job": "fetch"},
)

rebuild_job = dg.define_asset_job(
    "rebuild",
    dg.AssetSelection.groups("silver", "gold", MART_GROUP) - dg.AssetSelection.checks(freshness),
    description="Silver and gold of the given dates, from bronze, into the mart, with every check.",
    tags={"sentiment/job": "rebuild"},
)

freshness_job = dg.define_asset_job(
    "freshness",
    dg.AssetSelection.checks(freshness),
    description="Judge how far behind each table of each platform is; changes nothing.",
    # It takes seconds: no backfill in the queue should hide that something is late.
    tags={"sentiment/job": "freshness", "dagster/priority": "20"},
)

maintenance_job = dg.define_asset_job(
    "maintain",
    # Live tables are seen to each hour (live_sensors).
    dg.AssetSelection.groups("maintenance") - dg.AssetSelection.assets(ORDERS_KEY, *_LIVE_UPKEEP),
    description="Upkeep of every table that is made of bronze, and of bronze.",
    # Whatever makes data goes before.
    tags={"sentiment/job": "maintain", "dagster/priority": "-10"},
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


# Between two ticks of the clock, when most of its followers have ended, in Europe's and Africa's
# night.
daily_maintenance = dg.ScheduleDefinition(
    name="daily_maintenance",
    cron_schedule="35 3 * * *",
    execution_timezone="UTC",
    job=maintenance_job,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Once a day: few files, short logs, and nothing kept that nobody needs.",
)


def fetch_tags(platform: str) -> dict[str, str]:
    """Tags of the clock's own fetches: they go before backfills and may use the whole budget."""
    return {PLATFORM_TAG: platform, URGENT_TAG: platform, "dagster/priority": "10"}


# After a tick's fetches and rebuilds, which begin at 5 past, are usually through.
@dg.schedule(
    name="every_half_hour",
    cron_schedule="15,45 * * * *",
    execution_timezone="UTC",
    job=freshness_job,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every half hour: judge how far behind each table of each platform is.",
)
def every_half_hour(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Ask for one look, unless the last one still waits in a full queue."""
    waiting = dg.RunsFilter(job_name=freshness_job.name, statuses=list(UNDER_WAY))
    if context.instance.get_runs(waiting, limit=1):
        return dg.SkipReason("the last look has not ended")
    return dg.RunRequest()


__all__ = [
    "PLATFORM_TAG",
    "POST_PARTITIONS",
    "URGENT_TAG",
    "daily_maintenance",
    "due_partitions",
    "every_half_hour",
    "every_two_hours",
    "fetch_groups",
    "fetch_job",
    "fetch_tags",
    "freshness_job",
    "maintenance_job",
    "rebuild_job",
]
