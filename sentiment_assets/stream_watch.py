"""Watching the topics: what brokers and landings say, as observations, checks, metrics, alerts.

What belongs here: gathering what ``core.stream_health`` judges, and telling Dagster and the
notifier. Offsets and times are compared; no record is read. Landings are asked for by
``stream_sensors``.

Events are written when a verdict changes, and else every few minutes, so that the event log grows
by a thousand or two a day and not by forty. Alerts and metrics are as young as the last look.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import dagster as dg
import msgspec

from sentiment_assets.alerts import Notifier
from sentiment_assets.assets.describe import RETRIES
from sentiment_assets.assets.failures import permanent_failures_are_final
from sentiment_assets.assets.kafka_topics import topic_key
from sentiment_assets.core.alert_rules import Rule
from sentiment_assets.core.landings import waiting
from sentiment_assets.core.metrics import OF_STREAMS, Measured
from sentiment_assets.core.stream_alerts import BROKERS, key_of, stream_findings
from sentiment_assets.core.stream_health import (
    OF_LATE,
    STREAM_CHECKS,
    ClusterLook,
    Judged,
    TopicHealth,
    health_of,
    judge,
    numbers_of,
)
from sentiment_assets.core.streams import StreamTopic
from sentiment_assets.cursors import Kept
from sentiment_assets.lake.landings import LandingsOfLate, position_of
from sentiment_assets.lake.objects import Lake

#: Under which the book of alerts notes these looks.
STREAMS = "streams"

#: How often a topic is observed while its verdicts stay the same, and how often they are repeated.
OBSERVED_EVERY = dt.timedelta(minutes=5)
REPEATED_EVERY = dt.timedelta(hours=1)


class StreamWatcher(Protocol):
    """Brokers that are asked about topics; their silence is an answer and raises nothing."""

    def cluster(self, topics: Sequence[str]) -> ClusterLook:
        """What they say of topics, or why none answers."""

    def appended_at(
        self, positions: Mapping[tuple[str, int], int], now: dt.datetime
    ) -> Mapping[tuple[str, int], dt.datetime]:
        """When the record at an offset of a topic's partition came in, or a little later."""


class MetricLines(Protocol):
    """Where numbers go that no run tells: log lines that are metrics."""

    def write(
        self, line: Mapping[str, Any], measured: Measured, split_by: Sequence[str], at: dt.datetime
    ) -> None:
        """Write one line, where lines carry metrics."""


class Said(msgspec.Struct):
    """A verdict as it was last written."""

    passed: bool
    grave: bool
    at: float


class WatchMemory(Kept, msgspec.Struct):
    """What the sensor keeps between looks."""

    #: When each topic was last observed, by platform.
    observed: dict[str, float] = {}
    #: The last written verdict of each platform's checks.
    said: dict[str, dict[str, Said]] = {}
    #: Since when each trouble lasts, by its key.
    since: dict[str, float] = {}


def look(
    lake: Lake,
    watcher: StreamWatcher,
    topics: Sequence[StreamTopic],
    landings: LandingsOfLate,
    now: dt.datetime,
) -> list[TopicHealth]:
    """How every topic fares; the time that it takes is bounded, whatever the brokers do.

    Raises:
        LakeError: landings can't be read.
    """
    cluster = watcher.cluster([topic.name for topic in topics])
    positions = {
        name: position_of(lake, name, state.log.topic_id) for name, state in cluster.topics.items()
    }
    firsts = {
        (name, span.partition): span.start
        for name, state in cluster.topics.items()
        for span in waiting(state.log, positions[name]).ranges
    }
    oldest = watcher.appended_at(firsts, now) if firsts else {}
    return [
        health_of(
            topic,
            cluster,
            positions.get(topic.name),
            {partition: at for (name, partition), at in oldest.items() if name == topic.name},
            landings.since(lake, topic.name, now - OF_LATE),
            now,
        )
        for topic in topics
    ]


def events_of(
    looks: Sequence[tuple[TopicHealth, Sequence[Judged]]],
    rules: Mapping[str, Rule],
    memory: WatchMemory,
    now: dt.datetime,
) -> Iterator[dg.AssetObservation | dg.AssetCheckEvaluation]:
    """What is new in a look, and what was not said for a while; updates ``memory``."""
    moment = now.timestamp()
    for health, verdicts in looks:
        platform = health.topic.platform
        said = memory.said.setdefault(platform, {})
        news = False
        for judged in verdicts:
            last, passed = said.get(judged.check.name), judged.verdict.passed
            changed = last is None or (last.passed, last.grave) != (passed, judged.grave)
            news = news or changed
            if last is None or changed or moment - last.at >= REPEATED_EVERY.total_seconds():
                said[judged.check.name] = Said(passed, judged.grave, moment)
                yield evaluation_of(platform, judged, rules)
        since = moment - memory.observed.get(platform, 0.0)
        if news or since >= OBSERVED_EVERY.total_seconds():
            memory.observed[platform] = moment
            yield dg.AssetObservation(topic_key(platform), metadata=observed(health))


def observed(health: TopicHealth) -> dict[str, int | float | str]:
    """The numbers of a look as the UI plots them; the lag of each partition by its number."""
    found: dict[str, int | float | str] = {"topic": health.topic.name, **numbers_of(health)}
    found |= {f"lag_records_{partition}": lag for partition, lag in health.lag.items()}
    if health.problem:
        found["problem"] = health.problem
    return found


def evaluation_of(
    platform: str, judged: Judged, rules: Mapping[str, Rule]
) -> dg.AssetCheckEvaluation:
    """A verdict as an event that no run stands behind; it is as severe as its alert."""
    severe = judged.grave or rules[judged.check.rule].severity == "critical"
    return dg.AssetCheckEvaluation(
        asset_key=topic_key(platform),
        check_name=judged.check.name,
        passed=judged.verdict.passed,
        severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
        description=judged.verdict.sentence,
        metadata=dict(judged.verdict.counts),
    )


def troubles_since(
    looks: Sequence[tuple[TopicHealth, Sequence[Judged]]], memory: WatchMemory, now: dt.datetime
) -> dict[str, dt.datetime]:
    """Since when each trouble lasts; updates ``memory``.

    While brokers are away, what was wrong with a topic goes on to count.
    """
    failing = {
        key_of(judged, health)
        for health, verdicts in looks
        for judged in verdicts
        if not judged.verdict.passed
    }
    passed = {
        key_of(judged, health)
        for health, verdicts in looks
        for judged in verdicts
        if judged.verdict.passed
    }
    if not any(health.away for health, _ in looks):
        passed |= {key for key in memory.since if key.endswith(f":{BROKERS}")}
    memory.since = {key: at for key, at in memory.since.items() if key not in passed}
    for key in failing:
        memory.since.setdefault(key, now.timestamp())
    return {key: dt.datetime.fromtimestamp(at, dt.timezone.utc) for key, at in memory.since.items()}


def write_metrics(looks: Sequence[TopicHealth], lines: MetricLines, now: dt.datetime) -> None:
    """A line for each topic, and one for each of its partitions."""
    for health in looks:
        numbers = numbers_of(health)
        line = {
            "message": health.problem or f"{health.records} records of {health.topic.name} wait",
            "asset": "/".join(topic_key(health.topic.platform).path),
            "platform": health.topic.platform,
            "topic": health.topic.name,
        }
        measured = {OF_STREAMS[name]: value for name, value in numbers.items()}
        lines.write(line, measured, ("asset", "platform"), now)
        for partition, lag in health.lag.items():
            of_partition = {**line, "topic_partition": str(partition)}
            of_partition["message"] = f"{lag} of them in partition {partition}"
            lag_records = {OF_STREAMS["lag_records"]: lag}
            lines.write(of_partition, lag_records, ("asset", "platform", "topic_partition"), now)


def watch_sensor(
    topics: Sequence[StreamTopic], rules: Mapping[str, Rule], *, running: bool
) -> dg.SensorDefinition:
    """The sensor of all topics; ``running`` from the start where there is a broker."""
    landings = LandingsOfLate()

    @dg.sensor(
        name="watch_streams",
        minimum_interval_seconds=60,
        default_status=(
            dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED
        ),
        description=(
            "Observes the Kafka topics: lag, delay, replicas, brokers, dead letters. Judges them "
            "and tells the notifier; reads no record and starts nothing."
        ),
    )
    def watch_streams(
        context: dg.SensorEvaluationContext,
        lake: dg.ResourceParam[Lake],
        stream_watcher: dg.ResourceParam[StreamWatcher],
        notifier: dg.ResourceParam[Notifier],
        metric_lines: dg.ResourceParam[MetricLines],
    ) -> dg.SensorResult:
        memory = WatchMemory.read(context.cursor)
        now = dt.datetime.now(dt.timezone.utc)
        found = look(lake, stream_watcher, topics, landings, now)
        looks = [(health, judge(health, rules)) for health in found]
        write_metrics(found, metric_lines, now)
        since = troubles_since(looks, memory, now)
        notifier.report(STREAMS, stream_findings(looks, rules, since, now))
        events = list(events_of(looks, rules, memory, now))
        failed = sum(not judged.verdict.passed for _, verdicts in looks for judged in verdicts)
        return dg.SensorResult(
            skip_reason=f"{len(topics)} topics looked at; {failed} checks fail",
            asset_events=events,
            cursor=memory.write(),
        )

    return watch_streams


def stream_checks(
    topics: Sequence[StreamTopic], rules: Mapping[str, Rule]
) -> dg.AssetChecksDefinition:
    """The same verdicts, for who asks for them in the UI."""
    by_key = {topic_key(topic.platform): topic for topic in topics}

    @dg.multi_asset_check(
        name="judge_streams",
        specs=[
            dg.AssetCheckSpec(check.name, asset=key, description=check.description, blocking=False)
            for key in by_key
            for check in STREAM_CHECKS
        ],
        can_subset=True,
        retry_policy=RETRIES,
    )
    @permanent_failures_are_final
    def judge_streams(
        context: dg.AssetCheckExecutionContext,
        lake: dg.ResourceParam[Lake],
        stream_watcher: dg.ResourceParam[StreamWatcher],
    ) -> Iterator[dg.AssetCheckResult]:
        selected = context.selected_asset_check_keys
        asked = [by_key[key] for key in by_key if any(key == of.asset_key for of in selected)]
        now = dt.datetime.now(dt.timezone.utc)
        for health in look(lake, stream_watcher, asked, LandingsOfLate(), now):
            for judged in judge(health, rules):
                evaluation = evaluation_of(health.topic.platform, judged, rules)
                key = dg.AssetCheckKey(evaluation.asset_key, evaluation.check_name)
                if key in selected:
                    yield dg.AssetCheckResult(
                        passed=evaluation.passed,
                        asset_key=evaluation.asset_key,
                        check_name=evaluation.check_name,
                        severity=evaluation.severity,
                        description=evaluation.description,
                        metadata=evaluation.metadata,
                    )

    return judge_streams
