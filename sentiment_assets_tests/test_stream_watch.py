"""Watching the topics over several looks: a real broker, real landings, a real instance."""

from __future__ import annotations

import datetime as dt
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from resources.alert_store import MemoryStore
from resources.kafka import KafkaConnection
from resources.kafka_watcher import KafkaWatcher
from resources.metric_lines import MetricLines
from resources.notifiers import Notifier
from sentiment_assets import alerts
from sentiment_assets.assets.kafka_topics import topic_assets, topic_key
from sentiment_assets.assets.stream import asked_of, land_config, land_job, loss_of
from sentiment_assets.core.alert_messages import Links, body, sms
from sentiment_assets.core.alert_rules import RULE_KINDS, AlertRules, default_rule
from sentiment_assets.core.alerts import Notification
from sentiment_assets.core.landings import OffsetRange, waiting
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.run_outcomes import Landed
from sentiment_assets.core.stream_health import (
    STREAM_CHECKS,
    ClusterLook,
    TopicHealth,
    health_of,
    judge,
)
from sentiment_assets.core.streams import StreamTopic
from sentiment_assets.engine.landing import Order
from sentiment_assets.lake.landings import LandingsOfLate, position_of
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets.stream_sensors import STREAM_TAG
from sentiment_assets.stream_watch import (
    WatchMemory,
    events_of,
    look,
    stream_checks,
    troubles_since,
    watch_sensor,
)
from sentiment_assets_tests.kafka_server import KafkaServer
from sentiment_assets_tests.streamed import Streamed, posts
from simulator.kafka.broker import Kafka

RULES = {name: default_rule(kind) for name, kind in RULE_KINDS.items()}
LINKS = Links("local", "simulated")
UTC = dt.timezone.utc
START = dt.datetime(2026, 11, 25, 12, tzinfo=UTC)


@dataclass
class Heard:
    """A channel that keeps what it was told."""

    name: str = "heard"
    told: list[Notification] = field(default_factory=list)

    def tell(self, notification: Notification, links: Links) -> None:
        self.told.append(notification)

    def take(self) -> list[str]:
        said = [f"{n.event} {a.key}" for n in self.told for a in n.alerts]
        self.told.clear()
        return said


@dataclass
class Watched:
    """X's topic with its lake, its instance, and what was told."""

    instance: dg.DagsterInstance
    lake: Lake
    stream: Streamed
    heard: Heard = field(default_factory=Heard)
    landings: LandingsOfLate = field(default_factory=LandingsOfLate)
    cursor: str | None = None
    lines: MetricLines = field(default_factory=lambda: MetricLines(None))

    def __post_init__(self) -> None:
        self.notifier = Notifier(AlertRules(RULES, ()), MemoryStore(), (self.heard,), LINKS)

    @property
    def topic(self) -> StreamTopic:
        return StreamTopic("x", self.stream.topic, 2, 1, dt.timedelta(days=3), 1 << 20)

    def watcher(self, connection: KafkaConnection | None = None, within: float = 2) -> KafkaWatcher:
        real = not self.stream.server.mocked
        return KafkaWatcher(
            connection or self.stream.connection, answer_within=within, topic_ids=real
        )

    def look(self, watcher: KafkaWatcher | None = None) -> TopicHealth:
        now = dt.datetime.now(UTC)
        [found] = look(self.lake, watcher or self.watcher(), [self.topic], self.landings, now)
        return found

    def tick(self, watcher: KafkaWatcher | None = None) -> list[Any]:
        """As the daemon does: evaluate, then report the events."""
        sensor = watch_sensor([self.topic], RULES, running=True)
        resources = {
            "lake": self.lake,
            "stream_watcher": watcher or self.watcher(),
            "notifier": self.notifier,
            "metric_lines": self.lines,
        }
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, resources=resources
        ) as context:
            result = sensor.evaluate_tick(context)
        assert not result.run_requests
        self.cursor = result.cursor
        for event in result.asset_events:
            self.instance.report_runless_asset_event(event)
        return list(result.asset_events)

    def land(self, **changed: Any) -> dg.ExecuteInProcessResult:
        """Land what waits, as the topic's sensor asks for it."""
        reader = self.stream.reader()
        held = reader.topic_log(self.stream.topic)
        found = waiting(held, position_of(self.lake, self.stream.topic, held.topic_id))
        given = {"log": found.log, "ranges": found.ranges, "lost": found.lost} | changed
        order = Order("x", self.stream.topic, **given)
        return land_job.execute_in_process(
            run_config=land_config(order),
            tags={STREAM_TAG: self.stream.topic},
            instance=self.instance,
            resources={"lake": self.lake, "stream_reader": reader},
            raise_on_error=False,
        )

    def tell(self) -> list[str]:
        """A look of the sensor that reads ended runs."""
        alerts.look(self.instance, self.notifier, self.lake, dict, dict, dt.datetime.now(UTC))
        return self.heard.take()

    def delete(self, below: int) -> None:
        """Retention, as far as an offset of partition 0."""
        admin = AdminClient(self.stream.connection.config())
        gone = admin.delete_records([TopicPartition(self.stream.topic, 0, below)])
        for deleted in gone.values():
            deleted.result(20)


@pytest.fixture
def watched(tmp_path: Path, kafka_server: KafkaServer, kafka_prefix: str) -> Watched:
    return Watched(
        dg.DagsterInstance.ephemeral(),
        Lake.open(LakeLocation(str(tmp_path / "lake"), "simulated")),
        Streamed(kafka_server, kafka_prefix),
    )


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events of a test are all there when it looks."""
    monkeypatch.setattr(alerts, "SETTLED_AFTER", dt.timedelta())


def by_check(events: list[Any]) -> dict[str, dg.AssetCheckEvaluation]:
    return {e.check_name: e for e in events if isinstance(e, dg.AssetCheckEvaluation)}


def observation(events: list[Any]) -> dict[str, Any]:
    [found] = [e for e in events if isinstance(e, dg.AssetObservation)]
    assert found.asset_key == topic_key("x")
    return {name: value.value for name, value in found.metadata.items()}


def test_numbers_follow_the_topic_and_its_landings(watched: Watched, real_kafka: Kafka) -> None:
    watched.stream.send(posts([1, 2, 3]), 0)
    time.sleep(1.1)
    first = watched.tick()
    numbers = observation(first)
    assert (numbers["lag_records"], numbers["lag_records_0"], numbers["lag_records_1"]) == (3, 3, 0)
    assert 1 <= numbers["oldest_waits_seconds"] < 10
    assert (numbers["reachable"], numbers["brokers"], numbers["under_replicated"]) == (1, 1, 0)
    assert (numbers["landed_in_an_hour"], "delay_seconds" in numbers) == (0, False)
    assert set(by_check(first)) == {check.name for check in STREAM_CHECKS}
    assert all(evaluation.passed for evaluation in by_check(first).values())

    watched.stream.send([b"no json"], 1)
    assert watched.land().success
    found = watched.look()
    assert (found.records, found.lag, found.waits) == (0, {0: 0, 1: 0}, dt.timedelta())
    assert (found.lately.consumed, found.lately.landed, found.lately.dead_letters) == (4, 3, 1)
    assert found.lately.delay is not None
    assert dt.timedelta(seconds=1) <= found.lately.delay < dt.timedelta(minutes=1)

    # What the UI reads: both are of no run.
    [record] = watched.instance.fetch_observations(topic_key("x"), limit=10).records
    assert record.asset_observation is not None
    check = dg.AssetCheckKey(topic_key("x"), "lag")
    kept = watched.instance.event_log_storage.get_latest_asset_check_execution_by_key([check])
    assert kept[check].event is not None


def test_events_are_few_and_nothing_new_is_missed() -> None:
    """A day of looks, one a minute: the figure that docs/streaming.md names."""
    memory, written = WatchMemory(), 0
    topics = [
        StreamTopic(platform, f"posts.{platform}", 3, 1, dt.timedelta(days=3), 1 << 20)
        for platform in PLATFORMS
    ]
    away = ClusterLook(away="no broker at 127.0.0.1:1 answers")
    for minute in range(24 * 60):
        now = START + dt.timedelta(minutes=minute)
        well = [TopicHealth(topic, _lately(), 1, partitions=3) for topic in topics]
        written += len(_events(well, memory, now))
    assert written == 1632

    # No hour is over yet since the last repetition.
    now += dt.timedelta(seconds=10)
    gone = [health_of(topic, away, None, {}, [], now) for topic in topics]
    news = _events(gone, memory, now)
    assert {(e.check_name, e.passed) for e in news if isinstance(e, dg.AssetCheckEvaluation)} == {
        ("reachable", False)
    }
    assert sum(isinstance(e, dg.AssetObservation) for e in news) == len(topics)
    assert _events(gone, memory, now + dt.timedelta(seconds=10)) == []
    back = by_check(_events(well, memory, now + dt.timedelta(seconds=20)))
    assert {(name, evaluation.passed) for name, evaluation in back.items()} == {("reachable", True)}


def _lately() -> Any:
    from sentiment_assets.core.stream_health import Lately

    return Lately(dt.timedelta(seconds=40), 10, 10)


def _events(found: list[TopicHealth], memory: WatchMemory, now: dt.datetime) -> list[Any]:
    looks = [(health, judge(health, RULES)) for health in found]
    return list(events_of(looks, RULES, memory, now))


def test_an_outage_is_an_answer_a_failed_check_and_one_alert_that_ends(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.stream.send(posts([1]))
    watched.tick()
    away = KafkaWatcher(KafkaConnection("127.0.0.1:1"), answer_within=0.5)
    events = watched.tick(away)
    failed = by_check(events)
    assert set(failed) == {"reachable"}
    assert "no broker at 127.0.0.1:1 answers" in (failed["reachable"].description or "")
    assert failed["reachable"].severity == dg.AssetCheckSeverity.ERROR
    numbers = observation(events)
    assert (numbers["reachable"], "lag_records" in numbers) == (0, False)
    assert watched.heard.take() == [], "it may pass"
    memory = WatchMemory.read(watched.cursor)
    memory.since = {key: at - 120 for key, at in memory.since.items()}
    watched.cursor = memory.write()
    watched.tick(away)
    assert watched.heard.take() == ["opened stream_unreachable:brokers"]
    assert by_check(watched.tick())["reachable"].passed
    assert watched.heard.take() == [], "what comes and goes is told once"
    later = dt.datetime.now(UTC) + dt.timedelta(minutes=20)
    monkeypatch.setattr("resources.alert_store._now", lambda: later)
    watched.tick()
    assert watched.heard.take() == ["recovered stream_unreachable:brokers"]


def test_a_broker_that_hangs_costs_a_tick_seconds(watched: Watched, real_kafka: Kafka) -> None:
    watched.stream.send(posts([1]))
    watched.tick()
    real_kafka.pause()
    began = time.monotonic()
    assert not by_check(watched.tick(watched.watcher(within=1)))["reachable"].passed
    assert time.monotonic() - began < 10
    real_kafka.resume()
    assert by_check(watched.tick())["reachable"].passed


def test_troubles_last_from_their_first_sight_through_an_outage() -> None:
    topic = StreamTopic("x", "posts.x", 3, 1, dt.timedelta(days=3), 1 << 20)
    memory = WatchMemory()
    lagging = TopicHealth(topic, _lately(), 1, partitions=3, under_replicated=(0,))
    away = health_of(topic, ClusterLook(away="away"), None, {}, [], START)
    well = TopicHealth(topic, _lately(), 1, partitions=3)
    brokers, replicas = "stream_unreachable:brokers", "stream_under_replicated:posts.x"
    seen = []
    for minute, health in enumerate([lagging, away, away, lagging, well, lagging]):
        now = START + dt.timedelta(minutes=minute)
        since = troubles_since([(health, judge(health, RULES))], memory, now)
        seen.append({key: (at - START) // dt.timedelta(minutes=1) for key, at in since.items()})
    assert seen == [
        {replicas: 0}, {replicas: 0, brokers: 1}, {replicas: 0, brokers: 1}, {replicas: 0}, {},
        {replicas: 5},
    ]  # fmt: skip


def test_what_retention_deleted_is_told_before_and_after_the_landing_that_finds_it(
    watched: Watched, real_kafka: Kafka
) -> None:
    watched.stream.send(posts([1] * 5))
    assert watched.land().success
    watched.tick()
    watched.stream.send(posts([2] * 3, 10))
    watched.delete(below=7)
    topic = watched.stream.topic
    lag = by_check(watched.tick())["lag"]
    assert (lag.passed, lag.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "2 more were deleted before they were landed, offsets 0:5-7" in (lag.description or "")
    assert watched.heard.take() == [f"opened stream_behind:{topic}"]

    assert watched.land().success
    log = position_of(watched.lake, topic, watched.stream.reader().topic_log(topic).topic_id).log
    watched.tell()
    [lost] = [item.alert for item in watched.notifier.book().open.values()
              if item.alert.rule == "stream_lost"]  # fmt: skip
    assert lost.key == f"stream_lost:{topic}:{log}:0:5-7"
    assert lost.cause == (f"2 records were deleted before they were landed: {topic}, offsets 0:5-7")
    told = Notification("opened", START, (lost,))
    assert lost.cause in body(told, LINKS)
    assert f"{topic} lost 2 records" in sms(told, LINKS)
    # It is no less lost when the next landing of the same date goes well.
    watched.stream.send(posts([3], 20))
    assert watched.land().success
    assert watched.tell() == []
    assert lost.key in watched.notifier.book().open
    assert by_check(watched.tick())["lag"].passed


def test_a_landing_that_fails_is_told_with_its_offsets_until_the_topic_is_landed(
    watched: Watched,
) -> None:
    watched.stream.send(posts([1] * 5))
    topic = watched.stream.topic
    failed = watched.land(ranges=(OffsetRange(0, 0, 9),))
    assert not failed.success
    assert watched.tell() == [f"opened run_failed:land:{topic}"]
    [alert] = [item.alert for item in watched.notifier.book().open.values()]
    assert alert.headline == f"A landing of {topic} failed, offsets 0:0-9"
    assert alert.cause.startswith("step land_stream: RangeRefused: ")
    # The test's own prefix is random, and may be taken for a number.
    assert alert.cause.endswith("posts.x: partition 0 ends at offset 5; asked for is 0:0-9")
    assert (alert.runbook, alert.platform) == ("landing", "x")
    assert watched.land().success
    assert watched.tell() == [f"recovered run_failed:land:{topic}"]


def test_the_checks_of_the_ui_are_the_sensor_s(watched: Watched) -> None:
    def run(watcher: KafkaWatcher) -> dict[str, dg.AssetCheckEvaluation]:
        definitions = dg.Definitions(
            assets=topic_assets([watched.topic]),
            asset_checks=[stream_checks([watched.topic], RULES)],
            jobs=[dg.define_asset_job("checks", dg.AssetSelection.all_asset_checks())],
            resources={"lake": watched.lake, "stream_watcher": watcher},
        )
        done = definitions.resolve_job_def("checks").execute_in_process(instance=watched.instance)
        return {e.check_name: e for e in done.get_asset_check_evaluations()}

    watched.stream.send(posts([1, 2]))
    found = run(watched.watcher())
    assert set(found) == {check.name for check in STREAM_CHECKS}
    assert all(evaluation.passed for evaluation in found.values())
    assert found["lag"].metadata["lag_records"].value == 2
    away = run(KafkaWatcher(KafkaConnection("127.0.0.1:1"), answer_within=0.5))
    assert {name for name, evaluation in away.items() if not evaluation.passed} == {"reachable"}
    # The sensor tells it: that somebody looked at it is no news.
    assert watched.tell() == []


def test_metrics_are_lines_of_their_own(
    watched: Watched, capfd: pytest.CaptureFixture[str]
) -> None:
    watched.lines = MetricLines("Sentiment")
    watched.stream.send(posts([1, 2]), 1)
    capfd.readouterr()
    watched.tick()
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line[0] == "{"]
    topic, *partitions = lines
    assert (topic["asset"], topic["platform"], topic["topic"]) == (
        "kafka/posts_x", "x", watched.stream.topic,
    )  # fmt: skip
    [directive] = topic["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Sentiment"
    assert directive["Dimensions"] == [["asset", "platform"]]
    named = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert named["lag_records"] == "Count"
    assert named["oldest_waits_seconds"] == "Seconds"
    assert all(math.isfinite(topic[name]) for name in named)
    assert topic["lag_records"] == 2
    lags = {line["topic_partition"]: line["lag_records"] for line in partitions}
    assert (lags["0"], lags["1"], sum(lags.values())) == (0, 2, 2)
    assert partitions[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [
        ["asset", "platform", "topic_partition"]
    ]
    assert all(str(line["time"]).endswith("Z") for line in lines)


def test_landings_are_read_once_and_old_ones_not_at_all(watched: Watched) -> None:
    for number in range(3):
        watched.stream.send(posts([1], number))
        assert watched.land().success
    now = dt.datetime.now(UTC)
    seen = LandingsOfLate()
    hour = dt.timedelta(hours=1)
    first = seen.since(watched.lake, watched.stream.topic, now - hour)
    assert [landing.number for landing in first] == [0, 1, 2]
    again = seen.since(watched.lake, watched.stream.topic, now - hour)
    assert all(one is other for one, other in zip(first, again, strict=True))
    middle = first[1].landed_at
    assert seen.since(watched.lake, watched.stream.topic, middle) == first[1:]
    assert seen.since(watched.lake, watched.stream.topic, now + hour) == []


@pytest.mark.parametrize(
    ("config", "asked"),
    [
        pytest.param(
            land_config(
                Order("x", "posts.x", "a", (OffsetRange(0, 1, 2),), (OffsetRange(1, 0, 9),))
            ),
            Landed("posts.x", "x", (OffsetRange(0, 1, 2), OffsetRange(1, 0, 9))),
            id="a landing",
        ),
        pytest.param(
            land_config(Order("x", "posts.x", "a", (OffsetRange(0, 1, 2),), replay=True)),
            Landed("posts.x", "x", (OffsetRange(0, 1, 2),), True),
            id="again",
        ),
        pytest.param({}, None, id="another job"),
        pytest.param({"ops": {"fetch_posts": {"config": {"again": True}}}}, None, id="a fetch"),
        pytest.param({"ops": {"land_stream": {"config": {"topic": 3}}}}, None, id="mistyped"),
        pytest.param({"ops": {"land_stream": {"config": "no"}}}, None, id="no config"),
    ],
)
def test_what_a_run_was_to_land(config: dict[str, Any], asked: Landed | None) -> None:
    assert asked_of(config) == asked


@pytest.mark.parametrize(
    "changed",
    [
        {"lost_offsets": "0:5-7, call 27821234567"},
        {"lost_offsets": "0:27821234567"},
        {"topic": "posts of Sipho Dlamini"},
        {"log": "27 82 123 4567"},
        {"lost_records": "many"},
    ],
)
def test_only_numbers_and_names_of_topics_pass_from_an_evaluation(changed: dict[str, str]) -> None:
    facts = {"topic": "posts.x", "log": "a-1", "lost_offsets": "0:5-7", "lost_records": 2}

    def loss(metadata: dict[str, Any]) -> Callable[[], object]:
        return lambda: loss_of(
            dg.AssetCheckEvaluation(
                asset_key=topic_key("x"), check_name="a", passed=False, metadata=metadata
            )
        )

    assert loss(facts)() is not None
    assert loss(facts | changed)() is None
