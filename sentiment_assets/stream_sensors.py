"""The sensors of the topics: each compares what its topic holds with what was landed of it.

What belongs here: when a landing is asked for, and of which offsets. Nothing is read of the topic
but its watermarks; landing is the run's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg
import msgspec

from sentiment_assets.assets.stream import STREAM_POSTS_KEY, land_config, land_job
from sentiment_assets.automation import PLATFORM_TAG
from sentiment_assets.core.landings import (
    OffsetRange,
    TopicLog,
    Waiting,
    at_most,
    generation_of,
    log_name,
    waiting,
)
from sentiment_assets.core.streams import StreamTopic
from sentiment_assets.cursors import Kept
from sentiment_assets.engine.landing import (
    Order,
    StreamReader,
    StreamUnreachable,
    TopicMissing,
)
from sentiment_assets.lake.landings import position_of
from sentiment_assets.lake.objects import Lake
from sentiment_assets.sensors import ATTEMPT_TAG
from sentiment_assets.under_way import runs_under_way

#: On runs of a topic, with its name: one at a time (dagster.yaml).
STREAM_TAG = "sentiment/stream"

#: Records of one run at most: a backlog is landed by several, so that each ends within minutes.
MOST_RECORDS = 1_000_000

#: Waits after 1, 2, 3 … failures in a row, in seconds; the last is kept for ever.
BACK_OFF_SECONDS = (30, 60, 120, 300)


@dataclass(frozen=True)
class LandingRules:
    """When a landing is asked for: whichever comes first."""

    #: Records that wait.
    records: int = 20_000
    #: How long the oldest of them has waited.
    wait: dt.timedelta = dt.timedelta(minutes=1)


class Asked(msgspec.Struct):
    """The last landing that was asked for."""

    log: str
    number: int
    at: float
    #: Requests before it, of the same landing, that came to nothing.
    failures: int


class LandingMemory(Kept, msgspec.Struct):
    """What a topic's sensor keeps between looks."""

    #: Since when records wait; null where none do.
    since: float | None = None
    #: The landing that they wait for.
    log: str = ""
    number: int = 0
    asked: Asked | None = None
    #: The topic's id and the ends of its partitions at the last look: what is not landed of a topic
    #: that was deleted is lost, and nothing else says how much that is.
    topic_id: str = ""
    ends: dict[int, int] = {}
    #: Where each of its partitions began at the first look: what is deleted of it before the first
    #: landing is lost too.
    begins: dict[int, int] = {}
    #: The log that the last look would have begun, since the present one was cut short.
    cut: str = ""


def look(
    instance: dg.DagsterInstance,
    lake: Lake,
    reader: StreamReader,
    topic: StreamTopic,
    rules: LandingRules,
    memory: LandingMemory,
    now: dt.datetime,
) -> dg.RunRequest | str:
    """The landing to ask for now, or why none is; updates ``memory``.

    One landing of a topic at a time, each from where the landings stand: so no range is landed by
    two runs, and a run that failed leaves no gap.
    """
    if landing_under_way(instance, topic.name):
        return f"a landing of {topic.name} is under way"
    try:
        log = reader.topic_log(topic.name)
    except (StreamUnreachable, TopicMissing) as error:
        return str(error)
    found = _waiting(lake, topic, log, memory)
    number = found.number
    if not found:
        memory.since, memory.cut = None, ""
        return f"everything of {topic.name} is landed"
    seen, memory.cut = memory.cut, found.log if _is_cut(found, log) else ""
    if memory.cut and memory.cut != seen:
        # A leader that was just elected may not know its own end yet.
        return f"{topic.name} ends before what was landed of it: looked at once more"
    if memory.since is None or (memory.log, memory.number) != (found.log, number):
        memory.since, memory.log, memory.number = now.timestamp(), found.log, number
    waited = now.timestamp() - memory.since
    records = found.records
    enough = records >= rules.records or waited >= rules.wait.total_seconds()
    if not (enough or found.lost):
        return f"{records} records of {topic.name} wait, the oldest for {waited:.0f} s"
    attempt = 0
    last = memory.asked
    if last is not None and (last.log, last.number) == (found.log, number):
        attempt = last.failures + 1
        back_off = BACK_OFF_SECONDS[min(attempt, len(BACK_OFF_SECONDS)) - 1]
        if now.timestamp() - last.at < back_off:
            return f"the last landing of {topic.name} failed; the next try is {back_off} s after it"
    memory.asked = Asked(found.log, number, now.timestamp(), attempt)
    ranges = at_most(found.ranges, MOST_RECORDS)
    order = Order(topic.platform, topic.name, found.log, ranges, found.lost)
    spans = ",".join(map(str, (*ranges, *found.lost)))
    return dg.RunRequest(
        run_key=f"{topic.name}/{found.log}/{number}:{spans}#{attempt}",
        run_config=land_config(order),
        tags={**landing_tags(topic), ATTEMPT_TAG: str(attempt)},
    )


def _waiting(lake: Lake, topic: StreamTopic, log: TopicLog, memory: LandingMemory) -> Waiting:
    """What waits to be landed; the end of a topic that was deleted comes first."""
    if memory.topic_id and memory.topic_id != log.topic_id:
        old = position_of(lake, topic.name, memory.topic_id)
        firsts = {} if old.number else memory.begins
        gone = tuple(
            OffsetRange(partition, start, end)
            for partition, end in sorted(memory.ends.items())
            if (start := old.positions.get(partition, firsts.get(partition, 0))) < end
        )
        if gone:
            return Waiting(old.log, old.number, (), gone)
        memory.begins, memory.ends = {}, {}
    memory.topic_id = log.topic_id
    # Of a partition without a leader what was seen last stays true.
    for partition, marks in log.watermarks.items():
        memory.begins.setdefault(partition, marks.low)
        memory.ends[partition] = marks.high
    return waiting(log, position_of(lake, topic.name, log.topic_id), memory.begins)


def _is_cut(found: Waiting, log: TopicLog) -> bool:
    """It would begin another generation of the topic that is there."""
    plain, generation = generation_of(found.log)
    return found.number == 0 and plain == log_name(log.topic_id) and generation > 0


def landing_tags(topic: StreamTopic) -> dict[str, str]:
    """Tags of every landing of a topic."""
    return {STREAM_TAG: topic.name, PLATFORM_TAG: topic.platform}


def landing_under_way(instance: dg.DagsterInstance, topic: str) -> bool:
    """A landing of a topic is queued or running."""
    runs = (record.dagster_run for record in runs_under_way(instance))
    return any(run.tags.get(STREAM_TAG) == topic for run in runs)


def landing_sensor(
    topic: StreamTopic, rules: LandingRules, *, running: bool
) -> dg.SensorDefinition:
    """The sensor of one topic; ``running`` from the start where there is a broker."""

    @dg.sensor(
        name=f"land_{topic.platform}",
        job=land_job,
        minimum_interval_seconds=15,
        default_status=(
            dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED
        ),
        description=(
            f"Lands {topic.name} in {STREAM_POSTS_KEY.to_user_string()} when {rules.records:,} "
            f"records wait, or the oldest has waited {rules.wait.total_seconds():.0f} s. Compares "
            "offsets; reads no record."
        ),
    )
    def land_topic(
        context: dg.SensorEvaluationContext,
        lake: dg.ResourceParam[Lake],
        stream_reader: dg.ResourceParam[StreamReader],
    ) -> dg.SensorResult:
        memory = LandingMemory.read(context.cursor)
        now = dt.datetime.now(dt.timezone.utc)
        found = look(context.instance, lake, stream_reader, topic, rules, memory, now)
        if isinstance(found, str):
            return dg.SensorResult(skip_reason=found, cursor=memory.write())
        return dg.SensorResult(run_requests=[found], cursor=memory.write())

    return land_topic


def landing_sensors(
    topics: Sequence[StreamTopic], rules: LandingRules, *, running: bool
) -> list[dg.SensorDefinition]:
    """One sensor a topic."""
    return [landing_sensor(topic, rules, running=running) for topic in topics]
