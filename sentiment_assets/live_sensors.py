"""The sensor of the live stream: starts it, starts it again, or starts it when records wait.

What belongs here: when a run of the stream is asked for, and when its tables' upkeep is. What the
run does is ``assets.live``'s.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from sentiment_assets.assets.live import (
    LIVE_JOB,
    LIVE_MAINTENANCE,
    check_live,
    live_job,
)
from sentiment_assets.core.contracts import LIVE_CONTRACTS
from sentiment_assets.core.live import LiveMode
from sentiment_assets.core.streams import StreamTopic
from sentiment_assets.engine.landing import StreamReader, StreamUnreachable, TopicMissing
from sentiment_assets.engine.live import LiveProgress, read_progress
from sentiment_assets.lake.objects import Lake
from sentiment_assets.under_way import UNDER_WAY

#: Waits after 1, 2, 3 … runs in a row that failed soon, in seconds; the last is kept for ever.
BACK_OFF_SECONDS = (30, 60, 120, 300, 600)
#: A run that failed after so long had worked: the next begins the row anew.
WORKED_SECONDS = 900
_BROKEN = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@dataclass(frozen=True)
class LiveRules:
    """How the stream is run."""

    mode: LiveMode = "off"
    #: Between two runs that read what waits.
    every: dt.timedelta = dt.timedelta(seconds=10)


def look(
    instance: dg.DagsterInstance,
    lake: Lake,
    reader: StreamReader,
    topics: Sequence[StreamTopic],
    rules: LiveRules,
    now: dt.datetime,
) -> dg.RunRequest | str:
    """The run to ask for now, or why none is."""
    if rules.mode == "off":
        return "SENTIMENT_LIVE is off; docs/streaming.md says how to switch it on"
    records = instance.get_run_records(
        dg.RunsFilter(job_name=LIVE_JOB), limit=len(BACK_OFF_SECONDS) + 1
    )
    if any(record.dagster_run.status in UNDER_WAY for record in records):
        return "the stream runs"
    failures = _failures(records)
    ended = (records[0].end_time if records else None) or 0.0
    since = now.timestamp() - ended
    wait = rules.every.total_seconds() if rules.mode == "available_now" else 0.0
    if failures:
        wait = BACK_OFF_SECONDS[min(failures, len(BACK_OFF_SECONDS)) - 1]
    if since < wait:
        failed = f"{failures} runs in a row failed; " if failures else ""
        return f"{failed}the next run is {wait:.0f} s after the last"
    if rules.mode == "available_now":
        try:
            waiting = _waiting(reader, topics, read_progress(lake))
        except (StreamUnreachable, TopicMissing) as error:
            return str(error)
        if not waiting:
            return "no record waits"
    # One run follows each: a tick that is repeated asks for the same.
    last = records[0].dagster_run.run_id if records else "the first"
    return dg.RunRequest(run_key=f"{LIVE_JOB} after {last}")


def _failures(records: Sequence[dg.RunRecord]) -> int:
    """Runs in a row, the newest first, that failed before they had worked for a while."""
    count = 0
    for record in records:
        if record.dagster_run.status not in _BROKEN:
            break
        count += 1
        began, ended = record.start_time, record.end_time
        if began is not None and ended is not None and ended - began >= WORKED_SECONDS:
            break
    return count


def _waiting(
    reader: StreamReader, topics: Sequence[StreamTopic], progress: LiveProgress | None
) -> int:
    """Partitions of the topics that end elsewhere than the stream has come."""
    read = {} if progress is None else progress.offsets
    waiting = 0
    for topic in topics:
        known = read.get(topic.name, {})
        marks = reader.topic_log(topic.name).watermarks
        waiting += sum(mark.high != known.get(p, mark.low) for p, mark in marks.items())
    return waiting


def live_sensor(
    topics: Sequence[StreamTopic], rules: LiveRules, *, running: bool
) -> dg.SensorDefinition:
    """The sensor; ``running`` from the start where there is a broker and live is not off."""

    @dg.sensor(
        name="live",
        job=live_job,
        minimum_interval_seconds=15,
        default_status=(
            dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED
        ),
        description=(
            "Starts the stream of live posts as SENTIMENT_LIVE says, and again when it ended, "
            f"after {BACK_OFF_SECONDS[0]} s up to {BACK_OFF_SECONDS[-1]} s where it failed. To "
            "stop the stream: stop this sensor, then end the run."
        ),
    )
    def live(
        context: dg.SensorEvaluationContext,
        lake: dg.ResourceParam[Lake],
        stream_reader: dg.ResourceParam[StreamReader],
    ) -> dg.RunRequest | dg.SkipReason:
        now = dt.datetime.now(dt.timezone.utc)
        found = look(context.instance, lake, stream_reader, topics, rules, now)
        return dg.SkipReason(found) if isinstance(found, str) else found

    return live


live_upkeep_job = dg.define_asset_job(
    "live_upkeep",
    dg.AssetSelection.assets(*(key for asset in LIVE_MAINTENANCE for key in asset.keys))
    | dg.AssetSelection.checks(check_live),
    description="Remove live rows that are too old, and compare the others with batch.",
    tags={"sentiment/job": "live_upkeep", "dagster/priority": "2"},
)


# When most of a tick's rebuilds are through.
@dg.schedule(
    name="hourly_live_upkeep",
    cron_schedule="50 * * * *",
    execution_timezone="UTC",
    job=live_upkeep_job,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Each hour: live rows older than 48 hours go, and batch is compared with live.",
)
def hourly_live_upkeep(
    context: dg.ScheduleEvaluationContext, lake: dg.ResourceParam[Lake]
) -> dg.RunRequest | dg.SkipReason:
    """Ask for it wherever a stream has ever written."""
    if not any(lake.table(contract).exists() for contract in LIVE_CONTRACTS.values()):
        return dg.SkipReason("no stream has written live tables here")
    return dg.RunRequest()
