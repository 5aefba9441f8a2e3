"""Which upstream events a materialization consumed: recorded by assets, read by the sensor.

An asset notes the newest upstream materialization *before* it reads its input. What lands while it
runs is then newer than the note, and the sensor sees the partition as behind. (A materialization's
own time says nothing of what it read.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import dagster as dg

from sentiment_assets.core.layout import PostPartition
from sentiment_assets.partitions import multi_key

CONSUMED = "sentiment/consumed_event"
_PAGE = 500


def newest_events(
    instance: dg.DagsterInstance,
    asset: dg.AssetKey,
    partitions: Iterable[PostPartition] | None = None,
) -> dict[PostPartition, int]:
    """Storage id of the newest materialization of each partition that has one."""
    keys = None if partitions is None else {str(multi_key(p)) for p in partitions}
    found = instance.get_latest_storage_id_by_partition(
        asset, dg.DagsterEventType.ASSET_MATERIALIZATION, keys
    )
    return {PostPartition.from_key(key): event for key, event in _dated(found).items()}


def consumed_events(
    instance: dg.DagsterInstance, asset: dg.AssetKey, newest: Mapping[PostPartition, int]
) -> dict[PostPartition, int]:
    """What the newest materialization of each partition says it consumed; 0 where it doesn't say.

    Args:
        instance: the Dagster instance.
        asset: the consuming asset.
        newest: its partitions with their newest materialization, from :func:`newest_events`.
    """
    records = newest_records(instance, asset, newest)
    return {partition: consumed_event(record) for partition, record in records.items()}


def newest_records(
    instance: dg.DagsterInstance, asset: dg.AssetKey, newest: Mapping[PostPartition, int]
) -> dict[PostPartition, dg.EventLogRecord]:
    """The newest materializations themselves, read in pages and not one by one.

    Args:
        instance: the Dagster instance.
        asset: whose they are.
        newest: its partitions with their newest materialization, from :func:`newest_events`.
    """
    by_event = {event: partition for partition, event in newest.items()}
    events = sorted(by_event)
    found: dict[PostPartition, dg.EventLogRecord] = {}
    for start in range(0, len(events), _PAGE):
        page = events[start : start + _PAGE]
        records = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=asset, storage_ids=page), limit=len(page)
        ).records
        found |= {by_event[record.storage_id]: record for record in records}
    return found


def consumed_event(record: dg.EventLogRecord) -> int:
    """The upstream event that a materialization says it consumed; 0 where it doesn't say."""
    materialization = record.asset_materialization
    note = materialization.metadata.get(CONSUMED) if materialization else None
    value = note.value if note else 0
    return value if isinstance(value, int) else 0


def _dated(found: Mapping[str, int]) -> dict[str, int]:
    # A materialization reported without a partition has none to be behind.
    return {key: event for key, event in found.items() if key and "|" in key}
