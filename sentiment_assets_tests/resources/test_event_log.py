from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.asset_key import AssetCheckKey
from sqlalchemy import event
from sqlalchemy.engine import Engine

from resources.event_log import EventLog
from resources.instance_storage import embedded_postgres

PARTITIONS = dg.StaticPartitionsDefinition([f"p{number:02}" for number in range(20)])
ALL = {
    "dagster/asset_partition_range_start": "p00",
    "dagster/asset_partition_range_end": "p19",
}


@dg.asset(partitions_def=PARTITIONS, backfill_policy=dg.BackfillPolicy.single_run())
def posts() -> None:
    """Made."""


@dg.multi_asset_check(
    specs=[dg.AssetCheckSpec(f"check_{number}", asset="posts") for number in range(8)]
)
def checked() -> Iterator[dg.AssetCheckResult]:
    for number in range(8):
        yield dg.AssetCheckResult(passed=number != 3, check_name=f"check_{number}")


@dg.asset(deps=[posts])
def broken() -> None:
    raise RuntimeError("as it should")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    server = embedded_postgres(tmp_path_factory.mktemp("home"))
    return str(server.get_uri(driver="psycopg2"))


@pytest.fixture
def ours(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("SENTIMENT_POSTGRES_URL", url)
    custom = {"module": "resources.instance_storage", "class": "InstanceStorage", "config": {}}
    with dg.instance_for_test(
        overrides={"storage": {"custom": custom}}, temp_dir=str(tmp_path)
    ) as instance:
        assert isinstance(instance.event_log_storage, EventLog)
        yield instance


def _run(instance: dg.DagsterInstance) -> str:
    result = dg.materialize(
        [posts, broken, checked], instance=instance, tags=ALL, raise_on_error=False
    )
    assert not result.success
    return result.run_id


def _told(instance: dg.DagsterInstance, run_id: str) -> list[tuple[Any, ...]]:
    """What happened, in order; how long it took and where is left out."""
    events = [log.dagster_event for log in instance.all_logs(run_id) if log.dagster_event]
    return [
        (e.event_type_value, e.step_key, e.partition)
        for e in events
        if e.event_type_value not in ("ENGINE_EVENT", "LOGS_CAPTURED")
    ]


def test_a_run_is_told_as_dagsters_own_log_tells_it(ours: dg.DagsterInstance) -> None:
    dagsters = dg.DagsterInstance.ephemeral()
    run_id, other = _run(ours), _run(dagsters)
    told, expected = _told(ours, run_id), _told(dagsters, other)
    # The plan is written sorted, where it is written at once.
    assert sorted(told, key=str) == sorted(expected, key=str)
    planned = sum(kind.endswith("PLANNED") for kind, *_ in told)
    assert [t for t in told if not t[0].endswith("PLANNED")] == [
        e for e in expected if not e[0].endswith("PLANNED")
    ]
    assert planned == 20 + 1 + 8
    for instance in (ours, dagsters):
        log = instance.event_log_storage
        assert len(instance.get_materialized_partitions(posts.key)) == 20
        record = instance.get_latest_materialization_event(posts.key)
        assert record is not None
        states = log.get_latest_asset_check_execution_by_key(
            [AssetCheckKey(posts.key, f"check_{number}") for number in range(8)]
        )
        assert [state.status.value for _, state in sorted(states.items())] == [
            *["SUCCEEDED"] * 3,
            "FAILED",
            *["SUCCEEDED"] * 4,
        ]


def test_a_run_takes_few_statements(ours: dg.DagsterInstance) -> None:
    _run(ours)
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        run_id = _run(ours)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    events = len(ours.all_logs(run_id))
    written = sum("INSERT INTO event_logs" in statement for statement in statements)
    assert events > 70
    # The plan, the run's states, and of each of three steps its start, its table and its end.
    assert written < 25
    assert not any("NOTIFY" in statement or "pg_attribute" in statement for statement in statements)


def test_what_waits_is_read_by_its_own_process_and_written_by_what_follows(
    ours: dg.DagsterInstance, url: str
) -> None:
    run_id = _run(ours)
    logs = {e.dagster_event_type: e for e in ours.all_logs(run_id)}
    output = logs[dg.DagsterEventType.STEP_OUTPUT]._replace(run_id="another")
    success = logs[dg.DagsterEventType.STEP_SUCCESS]._replace(run_id="another")
    log, elsewhere = EventLog(url), EventLog(url)

    def seen(by: EventLog) -> list[str]:
        found = by.get_records_for_run("another").records
        return [record.event_log_entry.dagster_event_type.value for record in found]

    log.store_event(output)
    assert seen(elsewhere) == []
    log.store_event(success)
    assert seen(elsewhere) == ["STEP_OUTPUT", "STEP_SUCCESS"]
    log.store_event(output)
    assert seen(log)[2:] == ["STEP_OUTPUT"]
    log.store_event(output)
    log.dispose()
    assert len(seen(elsewhere)) == 4
