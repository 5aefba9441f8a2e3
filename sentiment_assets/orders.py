"""Rebuilds that somebody ordered: noted as events, carried out by the one sensor.

What belongs here: writing an order down, and telling which are still open. The sensor alone starts
rebuilds, also these, so that no partition is ever rebuilt twice at once, and an order outlives
whoever gave it. What is out of date, and so worth an order, is ``engine.staleness``.
"""

from collections.abc import Mapping

import dagster as dg

from sentiment_assets.assets.silver import POSTS_KEY
from sentiment_assets.consumed import newest_events
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.partitions import POST_PARTITIONS, multi_key

ORDERS_KEY = dg.AssetKey(["maintenance", "rebuild_orders"])

#: On runs that an order started: one at a time, after everything else (dagster.yaml).
ORDERED_TAG = "sentiment/ordered"

#: Nothing makes it: its events come from `sentiment reprocess`, or from *Report materialization* in
#: the UI.
rebuild_orders = dg.AssetSpec(
    ORDERS_KEY,
    description=(
        "Partitions whose silver and gold somebody ordered to be rebuilt: an event each, with the "
        "reason. The sensor carries them out when nothing more urgent waits. An order is done when "
        "silver of its partition was made after it."
    ),
    group_name="maintenance",
    owners=["team:data-platform"],
    kinds={"dagster"},
    partitions_def=POST_PARTITIONS,
)


def order(instance: dg.DagsterInstance, reasons: Mapping[PostPartition, str]) -> None:
    """Order the rebuild of partitions, each for a reason that the UI shows."""
    for partition, why in sorted(reasons.items()):
        instance.report_runless_asset_event(
            dg.AssetMaterialization(
                ORDERS_KEY, partition=multi_key(partition), metadata={"why": why}
            )
        )


def open_orders(instance: dg.DagsterInstance) -> set[PostPartition]:
    """The partitions whose silver was not made since their rebuild was ordered."""
    ordered = newest_events(instance, ORDERS_KEY)
    if not ordered:
        return set()
    made = newest_events(instance, POSTS_KEY, ordered)
    return {partition for partition, event in ordered.items() if event > made.get(partition, -1)}
