"""Jobs and the 2-hourly clock: what is fetched, and when.

What belongs here: which partitions a tick asks for. Rebuilding what is behind is ``sensors``.
"""

import datetime as dt
from collections.abc import Iterator

import dagster as dg

from sentiment_assets.assets.bronze import Clients
from sentiment_assets.core.coverage import plan_fetch
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.lake.bronze import read_partition
from sentiment_assets.lake.objects import Lake
from sentiment_assets.partitions import POST_PARTITIONS, has_partition, multi_key

PLATFORM_TAG = "sentiment/platform"

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


def due_partitions(lake: Lake, clients: Clients) -> list[PostPartition]:
    """The dates within each API's reach that have a window to fetch, oldest first.

    After an outage these are all the dates that the API still gives, so that no hole is left.
    """
    due = []
    for platform, client in clients.items():
        now = client.clock()
        days = (now - client.reach).date()
        while days <= now.date():
            partition = PostPartition(days, platform)
            days += dt.timedelta(days=1)
            if has_partition(partition, now):
                known = read_partition(lake, partition).coverage
                planned = plan_fetch([partition], known, now, client.reach)
                if any(window.reachable for window in planned):
                    due.append(partition)
    return sorted(due)


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
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Ask for the due partitions, one run each."""
    due = due_partitions(lake, clients)
    if not due:
        yield dg.SkipReason("every window within the APIs' reach is fetched")
    for partition in due:
        yield dg.RunRequest(
            run_key=partition.key,
            partition_key=multi_key(partition),
            tags={PLATFORM_TAG: partition.platform},
        )


__all__ = [
    "PLATFORM_TAG",
    "POST_PARTITIONS",
    "due_partitions",
    "every_two_hours",
    "fetch_job",
    "rebuild_job",
]
