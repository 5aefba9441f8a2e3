"""Dagster's view of the partitions: date x platform, UTC.

What belongs here: the one partitions definition, and the translation between its keys and
``core.layout.PostPartition``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence

import dagster as dg

from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.platforms import PLATFORMS

FIRST_DATE = dt.date(2026, 1, 1)

#: ``end_offset=1``: today has a partition while it is still growing.
POST_PARTITIONS = dg.MultiPartitionsDefinition(
    {
        "date": dg.DailyPartitionsDefinition(
            start_date=FIRST_DATE.isoformat(), timezone="UTC", end_offset=1
        ),
        "platform": dg.StaticPartitionsDefinition(list(PLATFORMS)),
    }
)

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
PARTITION_TAG = "dagster/partition"


def has_partition(partition: PostPartition, now: dt.datetime) -> bool:
    """The partition is in the set: not before the first date, not after today."""
    return FIRST_DATE <= partition.date <= now.date() and partition.platform in PLATFORMS


def partitions_of(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext,
) -> list[PostPartition]:
    """What a run is about: one partition or many."""
    if isinstance(context, dg.AssetCheckExecutionContext):
        keys: Sequence[str] = context.op_execution_context.partition_keys
    else:
        keys = context.partition_keys
    return sorted(PostPartition.from_key(key) for key in keys)


def multi_key(partition: PostPartition) -> dg.MultiPartitionKey:
    """The key as Dagster's own type."""
    return dg.MultiPartitionKey(
        {"date": partition.date.isoformat(), "platform": partition.platform}
    )


def contiguous(partitions: Iterable[PostPartition]) -> Iterator[list[PostPartition]]:
    """Group partitions into runs of consecutive dates of one platform.

    A single run takes a range; a range over several platforms would name more than was asked for.
    """
    group: list[PostPartition] = []
    for partition in sorted(partitions, key=lambda p: (p.platform, p.date)):
        follows = (
            group
            and group[-1].platform == partition.platform
            and group[-1].date + dt.timedelta(days=1) == partition.date
        )
        if group and not follows:
            yield group
            group = []
        group.append(partition)
    if group:
        yield group


def range_tags(partitions: Sequence[PostPartition]) -> dict[str, str]:
    """Tags that make one run of consecutive dates of one platform."""
    if len(partitions) == 1:
        return {}
    return {
        RANGE_START_TAG: multi_key(partitions[0]),
        RANGE_END_TAG: multi_key(partitions[-1]),
    }
