"""What a materialization notes of its input, in a real event log."""

from __future__ import annotations

import dagster as dg
import pytest

from sentiment_assets.consumed import CONSUMED, consumed_events, newest_events
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.partitions import multi_key
from sentiment_assets_tests.local_platform import day

ASSET = dg.AssetKey(["silver", "posts"])
OTHER = dg.AssetKey(["gold", "daily_summary"])
TUE, WED, THU = (day(f"2026-02-0{number}") for number in (3, 4, 5))


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def record(
    instance: dg.DagsterInstance, partition: PostPartition | None, asset: dg.AssetKey = ASSET,
    **metadata: object,
) -> None:  # fmt: skip
    key = multi_key(partition) if partition else None
    found = {name.replace("__", "/"): value for name, value in metadata.items()}
    instance.report_runless_asset_event(
        dg.AssetMaterialization(asset, partition=key, metadata=found)
    )


def noted(instance: dg.DagsterInstance) -> dict[PostPartition, int]:
    return consumed_events(instance, ASSET, newest_events(instance, ASSET))


def test_the_newest_event_of_each_partition(instance: dg.DagsterInstance) -> None:
    assert newest_events(instance, ASSET) == {}
    for partition in (TUE, WED, TUE):
        record(instance, partition)
    record(instance, THU, OTHER)
    found = newest_events(instance, ASSET)
    assert found.keys() == {TUE, WED}
    assert found[TUE] > found[WED] > 0
    assert newest_events(instance, ASSET, [WED]) == {WED: found[WED]}
    assert newest_events(instance, ASSET, [THU]) == {}


def test_only_the_newest_note_counts(instance: dg.DagsterInstance) -> None:
    record(instance, TUE, sentiment__consumed_event=5)
    record(instance, TUE, sentiment__consumed_event=9)
    record(instance, WED, sentiment__consumed_event=7)
    assert noted(instance) == {TUE: 9, WED: 7}
    assert CONSUMED == "sentiment/consumed_event"


@pytest.mark.parametrize("metadata", [{}, {"sentiment__consumed_event": "nine"}])
def test_an_event_that_does_not_say_consumed_nothing(
    instance: dg.DagsterInstance, metadata: dict[str, object]
) -> None:
    """Reported by hand, say: the sensor then rebuilds, which is safe."""
    record(instance, TUE, **metadata)
    assert noted(instance) == {TUE: 0}


def test_events_without_a_partition_are_nobodys(instance: dg.DagsterInstance) -> None:
    record(instance, None)
    assert newest_events(instance, ASSET) == {}


def test_more_partitions_than_one_page_of_events(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sentiment_assets.consumed._PAGE", 2)
    days = [TUE, WED, THU, day("2026-02-06"), day("2026-02-07")]
    for number, partition in enumerate(days, 1):
        record(instance, partition, sentiment__consumed_event=number)
    assert noted(instance) == dict(zip(days, range(1, 6), strict=True))
