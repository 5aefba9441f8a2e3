"""Maintenance assets on a real lake: what runs under way keep, and that nothing looks different."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from sentiment_assets.assets.maintenance import MAINTENANCE, maintenance_key
from sentiment_assets.cli.partitions import is_behind, partition_rows
from sentiment_assets.core.contracts import (
    CONTRACTS,
    HOURLY_SENTIMENT,
    REFERENCE_CONTRACTS,
    SILVER_POSTS,
)
from sentiment_assets.definitions import silver_rules
from sentiment_assets_tests.assets.conftest import DAYS
from sentiment_assets_tests.local_platform import TODAY, Platform, events_of, failures

TABLES = [
    dg.AssetKey(name.split("/"))
    for name in ("bronze/batch_posts", *CONTRACTS, *REFERENCE_CONTRACTS)
]


def age(platform: Platform, days: float) -> None:
    """Let everything in the lake lie for so long."""
    then = time.time() - days * 86_400
    for path in Path(platform.lake.location.uri).rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


def figures(platform: Platform, key: dg.AssetKey) -> dict[str, Any]:
    event = platform.instance.get_latest_materialization_event(maintenance_key(key))
    assert event is not None
    assert event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    return {name: value.value for name, value in metadata.items()}


def behind(platform: Platform) -> list[dict[str, object]]:
    rules = silver_rules(platform.settings)
    rows = partition_rows(platform.lake, DAYS, rules, platform.settings.min_authors)
    return [row for row in rows if is_behind(row)]


def contents(platform: Platform) -> dict[str, Any]:
    return {
        name: platform.lake.table(contract).scan().collect().sort(contract.key)
        for name, contract in CONTRACTS.items()
    }


def maintain(platform: Platform, **config: Any) -> dg.ExecuteInProcessResult:
    ops = {asset.op.name: {"config": config} for asset in MAINTENANCE}
    result = platform.run("maintain", [], config={"ops": ops} if config else None)
    assert result.success, failures(result)
    return result


def test_every_table_is_maintained_and_nothing_looks_different(copy: Platform) -> None:
    age(copy, 10)
    before = contents(copy)
    assert behind(copy) == []
    paths = {stored.path for stored in copy.lake.objects.list()}

    maintain(copy, dry_run=True)
    assert {stored.path for stored in copy.lake.objects.list()} == paths
    told = {key: figures(copy, key) for key in TABLES}
    assert all(facts.pop("dry_run") for facts in told.values())

    result = maintain(copy)
    assert len(events_of(result, "ASSET_MATERIALIZATION")) == len(TABLES)
    done = {key: figures(copy, key) for key in TABLES}
    # One day was built twice: what its first build wrote is gone.
    for contract in (SILVER_POSTS, HOURLY_SENTIMENT):
        facts = done[dg.AssetKey(contract.name.split("/"))]
        assert facts["files_removed"] > 0
        assert facts["bytes_freed"] > 0
        assert facts["checkpoint"] == copy.lake.table(contract).version
    assert all(not done[key].pop("dry_run") for key in TABLES)
    removed = [(told[key]["bytes_freed"], done[key]["bytes_freed"]) for key in TABLES]
    assert all(said == did for said, did in removed)

    after = contents(copy)
    assert all(after[name].equals(before[name]) for name in CONTRACTS)
    assert behind(copy) == []
    # And goes on as before.
    assert copy.rebuild(TODAY).success


def test_what_a_run_under_way_has_staged_stays(copy: Platform) -> None:
    table = copy.lake.table(SILVER_POSTS)
    values = {"date": "2026-02-05", "platform": "x", "window": "0800"}
    rows = table.scan([values]).collect()
    staged = {}
    for status in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.FAILURE):
        run_id = f"{status.value.lower()}-run"
        copy.instance.add_run(dg.DagsterRun("rebuild", status=status, run_id=run_id))
        replacement = table.begin([values], run_id)
        replacement.write(values, [rows])
        staged[status] = run_id
    age(copy, 3)
    maintain(copy)
    left = {stored.path for stored in copy.lake.objects.list(table.root)}
    kept = {status for status, run in staged.items() if any(run in path for path in left)}
    assert kept == {dg.DagsterRunStatus.STARTED}
    facts = figures(copy, dg.AssetKey(["silver", "posts"]))
    assert (facts["files_removed"], facts["files_awaited"]) == (1, 1)


@pytest.mark.parametrize("under_way", [True, False])
def test_bronze_of_a_dead_fetch(copy: Platform, under_way: bool) -> None:
    """An object without its manifest goes, unless a run that may come back to it is under way."""
    [*_, stray] = [
        stored.path
        for stored in copy.lake.objects.list("bronze/batch_posts/")
        if stored.path.endswith(".jsonl.gz")
    ]
    path = stray.replace(".jsonl.gz", "-dead.jsonl.gz")
    copy.lake.objects.put(path, copy.lake.objects.get(stray))
    if under_way:
        copy.instance.add_run(
            dg.DagsterRun("fetch", status=dg.DagsterRunStatus.STARTED, run_id="slow-run")
        )
        # It began three days ago, and wrote this two days ago.
        begun = dt.datetime.now() - dt.timedelta(days=3)
        _backdate(copy.instance, "slow-run", begun)
    age(copy, 2)
    maintain(copy)
    assert copy.lake.objects.exists(path) is under_way
    facts = figures(copy, dg.AssetKey(["bronze", "batch_posts"]))
    assert (facts["files_removed"], facts["files_awaited"]) == ((0, 1) if under_way else (1, 0))
    assert copy.lake.objects.exists(stray)


def _backdate(instance: dg.DagsterInstance, run_id: str, begun: dt.datetime) -> None:
    from dagster._core.storage.runs.schema import RunsTable

    with instance.run_storage.connect() as connection:  # type: ignore[attr-defined]
        connection.execute(
            RunsTable.update().where(RunsTable.c.run_id == run_id).values(create_timestamp=begun)
        )
