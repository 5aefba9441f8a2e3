"""The dead man's switch: whether Dagster's own daemon, sensors, schedules and queue are alive.

What belongs here: looking at Dagster from outside of what it runs. A sensor that fails or stands
still can't tell that, nor can a daemon that is gone. `sentiment watch` runs this in a process, or
on a machine, of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

# Not public: the kinds of ticks and states, and reading a cron expression backwards. The version
# is pinned, and tests read what a real daemon wrote.
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    InstigatorType,
    TickStatus,
)
from dagster._utils.schedules import reverse_cron_string_iterator

from sentiment_assets.alerts import errors_of
from sentiment_assets.automation import URGENT_TAG
from sentiment_assets.core.alert_rules import Rule, write_length
from sentiment_assets.core.alerts import Alert, Findings
from sentiment_assets.core.run_outcomes import StepFailure, cause_of

#: The rules that this looks at in full.
JUDGED = frozenset({"daemon_silent", "ticks_failing", "ticks_silent", "queue_stuck"})
UNREACHABLE = "instance_unreachable"
_TICKS = 120
_ENDED = [TickStatus.SUCCESS, TickStatus.SKIPPED, TickStatus.FAILURE]


@dataclass(frozen=True)
class Expected:
    """A sensor or schedule of the code, and how often it should tick."""

    name: str
    kind: str
    #: Seconds between a sensor's ticks.
    every: dt.timedelta = dt.timedelta()
    #: A schedule's expression, and the time zone it is meant in.
    cron: str = ""
    zone: str = "UTC"

    def due_before(self, now: dt.datetime, after: dt.timedelta) -> dt.datetime:
        """The newest moment since which a tick must have come, if all is well."""
        if not self.cron:
            return now - self.every - after
        ticks = reverse_cron_string_iterator((now - after).timestamp(), self.cron, self.zone)
        return next(ticks)


def expected(definitions: dg.Definitions) -> list[Expected]:
    """Every sensor and schedule that the code starts by itself."""
    repository = definitions.get_repository_def()
    sensors = [
        Expected(
            sensor.name,
            "sensor",
            every=dt.timedelta(seconds=sensor.minimum_interval_seconds or 30),
        )
        for sensor in repository.sensor_defs
        if sensor.default_status == dg.DefaultSensorStatus.RUNNING
    ]
    schedules = [
        Expected(
            schedule.name,
            "schedule",
            cron=str(schedule.cron_schedule),
            zone=schedule.execution_timezone or "UTC",
        )
        for schedule in repository.schedule_defs
        if schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    ]
    return sorted([*sensors, *schedules], key=lambda item: item.name)


def watch_once(
    instance: dg.DagsterInstance,
    wanted: Sequence[Expected],
    rules: Mapping[str, Rule],
    now: dt.datetime,
    since: dt.datetime,
) -> Findings:
    """Look at everything of Dagster once.

    ``since`` is when it was started: nothing can be late that had no time yet.
    """
    alerts = [
        *silent_daemons(instance, rules["daemon_silent"], now, since),
        *bad_ticks(instance, wanted, rules, now, since),
        *stuck_queue(instance, rules["queue_stuck"], now),
    ]
    return Findings(tuple(alerts), JUDGED)


def silent_daemons(
    instance: dg.DagsterInstance, rule: Rule, now: dt.datetime, since: dt.datetime
) -> Iterator[Alert]:
    """Parts of the daemon without a heartbeat; all of them together are one trouble."""
    last: dict[str, dt.datetime | None] = {}
    for name, status in instance.get_daemon_statuses().items():
        beat = status.last_heartbeat
        last[name] = _moment(beat.timestamp) if beat else None
    silent = {
        name: at
        for name, at in last.items()
        if now - max(at or since, since) > rule.length("after")
    }
    if not silent:
        return
    whole = len(silent) == len(last)
    names = ["the daemon"] if whole else sorted(silent)
    for name in names:
        beats = [at for at in silent.values() if at] if whole else [silent[name]]
        newest = max((at for at in beats if at), default=None)
        ago = f"for {write_length(now - newest)}" if newest else "yet"
        yield Alert(
            rule=rule.name,
            key=f"{rule.name}:{'all' if whole else name}",
            severity=rule.severity,
            headline=f"Dagster: {name} gives no sign of life {ago}",
            cause="no schedule, sensor or queued run starts" if whole else "its work stands still",
            next_step="look at the daemon's log, and start it again",
            runbook=rule.runbook,
        )


def bad_ticks(
    instance: dg.DagsterInstance,
    wanted: Sequence[Expected],
    rules: Mapping[str, Rule],
    now: dt.datetime,
    since: dt.datetime,
) -> Iterator[Alert]:
    """Sensors and schedules whose newest ticks failed, or that do not tick."""
    failing, silent = rules["ticks_failing"], rules["ticks_silent"]
    states = instance.all_instigator_state()
    for item in wanted:
        own = [state for state in states if _is_of(state, item)]
        ticks = _ended_ticks(instance, own)
        newest = ticks[0] if ticks else None
        stopped = bool(own) and all(state.status == InstigatorStatus.STOPPED for state in own)
        seen = _moment(newest.timestamp) if newest else None
        due = item.due_before(now, silent.length("after"))
        if stopped or ((seen is None or seen < due) and since < due):
            ago = f"for {write_length(now - seen)}" if seen else "yet"
            yield Alert(
                rule=silent.name,
                key=f"{silent.name}:{item.name}",
                severity=silent.severity,
                headline=f"The {item.kind} {item.name} "
                + ("is switched off" if stopped else f"has not ticked {ago}"),
                cause="somebody stopped it in the UI"
                if stopped
                else "the daemon, or the server of the code, does not run it",
                next_step=f"switch it on: Automation, {item.name}"
                if stopped
                else "see in the UI, Deployment, whether the code location loads",
                runbook=silent.runbook,
            )
            continue
        row = 0
        while row < len(ticks) and ticks[row].status == TickStatus.FAILURE:
            row += 1
        if row >= failing.number("in_a_row"):
            failures = [StepFailure(item.name, errors_of(ticks[0].error))]
            said, runbook = cause_of(failures, "")
            yield Alert(
                rule=failing.name,
                key=f"{failing.name}:{item.name}",
                severity=failing.severity,
                headline=f"The last {row} ticks of the {item.kind} {item.name} failed",
                cause=said,
                next_step=f"read the tick's error in the UI: Automation, {item.name}",
                runbook=failing.runbook if runbook == "run-failed" else runbook,
            )


def stuck_queue(instance: dg.DagsterInstance, rule: Rule, now: dt.datetime) -> Iterator[Alert]:
    """Runs of the clock that wait too long, or a queue from which nothing begins at all."""
    queued = instance.get_run_records(
        dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]), ascending=True, limit=1000
    )
    late = [
        record for record in queued if now - _utc(record.create_timestamp) > rule.length("after")
    ]
    if not late:
        return
    active = instance.get_runs_count(
        dg.RunsFilter(
            statuses=[
                dg.DagsterRunStatus.NOT_STARTED,
                dg.DagsterRunStatus.STARTING,
                dg.DagsterRunStatus.STARTED,
            ]
        )
    )
    # A backfill waits for its turn by design; the clock doesn't, and somebody must be served.
    urgent = [record for record in late if URGENT_TAG in record.dagster_run.tags]
    if not urgent and active:
        return
    waiting = urgent or late
    oldest = now - min(_utc(record.create_timestamp) for record in waiting)
    yield Alert(
        rule=rule.name,
        key=rule.name,
        severity=rule.severity,
        headline=f"{len(waiting)} runs wait in the queue, the first for {write_length(oldest)}",
        cause=f"{active} runs are going on",
        next_step="look at Runs, Queued in the UI: what holds the places, and does it move?",
        runbook=rule.runbook,
    )


def unreachable(rule: Rule, what: str, cause: str, next_step: str) -> Findings:
    """Dagster, or the code, that can't even be looked at."""
    alert = Alert(
        rule=rule.name,
        key=rule.name,
        severity=rule.severity,
        headline=what,
        cause=cause,
        next_step=next_step,
        runbook=rule.runbook,
    )
    return Findings((alert,), frozenset({UNREACHABLE}))


def _is_of(state: InstigatorState, item: Expected) -> bool:
    kind = InstigatorType.SENSOR if item.kind == "sensor" else InstigatorType.SCHEDULE
    return state.instigator_name == item.name and state.instigator_type == kind


def _ended_ticks(
    instance: dg.DagsterInstance, states: Sequence[InstigatorState]
) -> list[InstigatorTick]:
    """The newest ticks that have ended, newest first, wherever the code was loaded from."""
    ticks = [
        tick
        for state in states
        for tick in instance.get_ticks(
            state.instigator_origin_id, state.selector_id, limit=_TICKS, statuses=_ENDED
        )
    ]
    return sorted(ticks, key=lambda tick: tick.timestamp, reverse=True)


def _moment(timestamp: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(timestamp, dt.timezone.utc)


def _utc(at: dt.datetime) -> dt.datetime:
    return at if at.tzinfo else at.replace(tzinfo=dt.timezone.utc)
