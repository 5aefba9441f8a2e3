"""The dead man's switch, on an instance that holds what a daemon leaves behind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.test_utils import create_run_for_test, instance_for_test
from dagster._daemon.types import DaemonHeartbeat
from dagster._utils.error import SerializableErrorInfo

from resources.settings import read_settings
from sentiment_assets.core.alert_rules import RULE_KINDS, default_rule
from sentiment_assets.core.alerts import Alert
from sentiment_assets.definitions import build_defs
from sentiment_assets.watch import JUDGED, Expected, expected, watch_once

#: Daemons' heartbeats and runs carry the machine's own time.
NOW = dt.datetime.now(dt.timezone.utc).replace(microsecond=0)
#: Started long ago: nothing is excused.
LONG_AGO = NOW - dt.timedelta(days=9)


@pytest.fixture(autouse=True)
def _it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are made at the machine's time; in a long suite this module was read long before."""
    now = dt.datetime.now(dt.timezone.utc).replace(microsecond=0)
    monkeypatch.setitem(globals(), "NOW", now)


RULES = {name: default_rule(kind) for name, kind in RULE_KINDS.items()}
SENSOR = Expected("rebuild", "sensor", every=dt.timedelta(seconds=30))
#: At any time of the day its newest tick was due within the last hour.
SCHEDULE = Expected("hourly", "schedule", cron="0 * * * *")
CODE = RemoteRepositoryOrigin(GrpcServerCodeLocationOrigin("127.0.0.1", 9), "sentiment")


def minutes(number: float) -> dt.timedelta:
    return dt.timedelta(minutes=number)


@dataclass
class Machine:
    """What a daemon wrote down."""

    instance: dg.DagsterInstance
    wanted: tuple[Expected, ...] = (SENSOR,)

    def beats(self, ago: dt.timedelta, without: tuple[str, ...] = ()) -> None:
        for name in self.instance.get_required_daemon_types():
            if name not in without:
                at = (NOW - ago).timestamp()
                self.instance.add_daemon_heartbeat(DaemonHeartbeat(at, name, "1", None))

    def state(self, item: Expected, status: InstigatorStatus) -> InstigatorState:
        kind = InstigatorType.SENSOR if item.kind == "sensor" else InstigatorType.SCHEDULE
        data = (
            SensorInstigatorData(min_interval=30)
            if item.kind == "sensor"
            else ScheduleInstigatorData(item.cron, start_timestamp=LONG_AGO.timestamp())
        )
        made = InstigatorState(RemoteInstigatorOrigin(CODE, item.name), kind, status, data)
        known = self.instance.get_instigator_state(made.instigator_origin_id, made.selector_id)
        if known is None:
            self.instance.add_instigator_state(made)
        else:
            self.instance.update_instigator_state(made)
        return made

    def tick(
        self,
        ago: dt.timedelta,
        status: TickStatus = TickStatus.SKIPPED,
        item: Expected = SENSOR,
        error: SerializableErrorInfo | None = None,
    ) -> None:
        state = self.state(item, InstigatorStatus.DECLARED_IN_CODE)
        self.instance.create_tick(
            TickData(
                instigator_origin_id=state.instigator_origin_id,
                instigator_name=item.name,
                instigator_type=state.instigator_type,
                status=status,
                timestamp=(NOW - ago).timestamp(),
                selector_id=state.selector_id,
                error=error,
            )
        )

    def alerts(self, since: dt.datetime = LONG_AGO) -> dict[str, Alert]:
        found = watch_once(self.instance, self.wanted, RULES, NOW, since)
        assert found.judged == JUDGED
        return {alert.key: alert for alert in found.firing}


@pytest.fixture
def machine() -> Iterator[Machine]:
    queue = {
        "run_coordinator": {
            "module": "dagster.core.run_coordinator",
            "class": "QueuedRunCoordinator",
        },
        "run_retries": {"enabled": True, "max_retries": 1},
    }
    with instance_for_test(overrides=queue) as instance:
        yield Machine(instance)


@pytest.fixture
def well(machine: Machine) -> Machine:
    """All is alive."""
    machine.beats(minutes(0.5))
    machine.tick(minutes(0.5))
    return machine


def test_a_machine_that_is_well_says_nothing(well: Machine) -> None:
    assert well.alerts() == {}


def test_a_daemon_that_is_gone_is_one_alert(well: Machine) -> None:
    well.beats(minutes(8))
    [alert] = well.alerts().values()
    assert alert.key == "daemon_silent:all"
    assert alert.headline == "Dagster: the daemon gives no sign of life for 8min"
    assert alert.runbook == "daemon-silent"


def test_a_daemon_that_never_was(machine: Machine) -> None:
    machine.tick(minutes(0.5))
    [alert] = machine.alerts().values()
    assert alert.headline == "Dagster: the daemon gives no sign of life yet"


def test_a_part_of_the_daemon_is_told_by_its_name(machine: Machine) -> None:
    machine.tick(minutes(0.5))
    machine.beats(minutes(60))
    machine.beats(minutes(1), without=("SENSOR",))
    assert [*machine.alerts()] == ["daemon_silent:SENSOR"]


def test_what_was_started_just_now_is_not_late(machine: Machine) -> None:
    """After `make run`: the last signs are of yesterday, or there are none."""
    assert machine.alerts(since=NOW - minutes(1)) == {}
    machine.beats(dt.timedelta(days=1))
    machine.tick(dt.timedelta(days=1))
    assert machine.alerts(since=NOW - minutes(1)) == {}
    assert set(machine.alerts(since=NOW - minutes(20))) == {
        "daemon_silent:all", "ticks_silent:rebuild",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ago", "silent"), [(14, False), (15, False), (16, True), (600, True), (None, True)]
)
def test_a_sensor_that_does_not_tick(machine: Machine, ago: float | None, silent: bool) -> None:
    machine.beats(minutes(0.5))
    if ago is not None:
        machine.tick(minutes(ago))
    assert [*machine.alerts()] == (["ticks_silent:rebuild"] if silent else [])


def test_a_tick_that_began_and_does_not_end_is_no_tick(machine: Machine) -> None:
    machine.beats(minutes(0.5))
    machine.tick(minutes(40))
    machine.tick(minutes(30), TickStatus.STARTED)
    [alert] = machine.alerts().values()
    assert alert.headline == "The sensor rebuild has not ticked for 40min"


def test_a_sensor_that_somebody_switched_off(well: Machine) -> None:
    well.state(SENSOR, InstigatorStatus.STOPPED)
    [alert] = well.alerts().values()
    assert alert.headline == "The sensor rebuild is switched off"
    assert alert.next_step == "switch it on: Automation, rebuild"


def test_a_schedule_is_late_by_its_own_clock(machine: Machine) -> None:
    machine.beats(minutes(0.5))
    machine.wanted = (SCHEDULE,)
    due = (NOW - minutes(15)).replace(minute=0, second=0)
    machine.tick(NOW - due + minutes(60), item=SCHEDULE)
    [alert] = machine.alerts().values()
    assert alert.key == "ticks_silent:hourly"
    machine.tick(NOW - due, item=SCHEDULE)
    assert machine.alerts() == {}


ERROR = SerializableErrorInfo(
    message="dagster._core.errors.SensorExecutionError: of hush-hush\n",
    stack=[],
    cls_name="SensorExecutionError",
    cause=SerializableErrorInfo(
        message="sentiment_assets.alerts.LookFailed: alerts: could not look at quota_low\n",
        stack=[],
        cls_name="LookFailed",
        cause=SerializableErrorInfo("OSError: hush-hush\n", [], "OSError"),
    ),
)


def test_ticks_that_fail_are_told_from_the_second_in_a_row_on(machine: Machine) -> None:
    machine.beats(minutes(0.5))
    machine.tick(minutes(3))
    machine.tick(minutes(2), TickStatus.FAILURE, error=ERROR)
    assert machine.alerts() == {}
    machine.tick(minutes(1), TickStatus.FAILURE, error=ERROR)
    [alert] = machine.alerts().values()
    assert alert.key == "ticks_failing:rebuild"
    assert alert.headline == "The last 2 ticks of the sensor rebuild failed"
    assert alert.cause == "rebuild: LookFailed: alerts: could not look at quota_low"
    assert "hush" not in repr(alert)
    machine.tick(minutes(0))
    assert machine.alerts() == {}


@pytest.mark.parametrize(
    ("age", "urgent", "going_on", "stuck"),
    [
        pytest.param(50, False, False, True, id="nothing begins"),
        pytest.param(40, False, False, False, id="not long enough"),
        pytest.param(50, False, True, False, id="a backfill waits its turn"),
        pytest.param(50, True, True, True, id="the clock must not wait"),
    ],
)
def test_runs_that_wait(
    well: Machine, age: float, urgent: bool, going_on: bool, stuck: bool
) -> None:
    tags = {"sentiment/urgent": "x"} if urgent else {"dagster/backfill": "b"}
    create_run_for_test(
        well.instance,
        status=dg.DagsterRunStatus.QUEUED,
        tags=tags,
        remote_job_origin=RemoteJobOrigin(CODE, "fetch"),
        job_code_origin=None,
    )
    if going_on:
        create_run_for_test(well.instance, status=dg.DagsterRunStatus.STARTED)
    later = NOW + minutes(age)
    well.beats(minutes(-age))
    well.tick(minutes(-age))
    found = watch_once(well.instance, well.wanted, RULES, later, LONG_AGO)
    assert [alert.key for alert in found.firing] == (["queue_stuck"] if stuck else [])


def test_everything_that_the_code_starts_is_expected() -> None:
    wanted = {item.name: item for item in expected(build_defs(read_settings({})))}
    assert {"alert_on_troubles", "rebuild_what_is_behind", "every_two_hours"} <= set(wanted)
    assert wanted["alert_on_troubles"].every == minutes(1)
    clock = wanted["every_two_hours"]
    noon = dt.datetime(2026, 11, 24, 12, 19, tzinfo=dt.timezone.utc)
    assert clock.due_before(noon, minutes(15)) == noon.replace(hour=10, minute=5)
    assert clock.due_before(noon + minutes(2), minutes(15)) == noon.replace(minute=5)
