"""What the brokers say of topics, asked of real ones: well, away, hanging, one of three gone."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from resources.kafka import KafkaConnection
from resources.kafka_watcher import KafkaWatcher
from sentiment_assets.core.stream_health import ClusterLook
from sentiment_assets_tests.kafka_server import KafkaServer
from sentiment_assets_tests.streamed import Streamed, posts
from simulator.kafka.broker import Kafka


@pytest.fixture
def stream(kafka_server: KafkaServer, kafka_prefix: str) -> Streamed:
    return Streamed(kafka_server, kafka_prefix)


def watcher(stream: Streamed, answer_within: float = 5.0) -> KafkaWatcher:
    return KafkaWatcher(
        stream.connection,
        answer_within=answer_within,
        topic_ids=not stream.server.mocked,
    )


def now() -> dt.datetime:
    return dt.datetime.now(dt.timezone.utc)


def test_one_question_tells_of_every_topic(stream: Streamed) -> None:
    stream.send(posts([1, 2, 3]), 0)
    stream.send(posts([1], 9), 1)
    other = Streamed(stream.server, stream.prefix, 1, "facebook")
    found = watcher(stream).cluster([stream.topic, other.topic])
    assert (found.brokers, found.unknown, found.away) == (1, {}, "")
    state = found.topics[stream.topic]
    assert {p: (m.low, m.high) for p, m in state.log.watermarks.items() if m.high} == {
        0: (0, 3), 1: (0, 1),
    }  # fmt: skip
    assert (state.under_replicated, state.log.leaderless) == ((), ())
    assert set(found.topics) == {stream.topic, other.topic}
    assert state.log.topic_id == stream.reader().topic_log(stream.topic).topic_id


def test_a_topic_that_is_missing_is_unknown_and_not_made(
    stream: Streamed, real_kafka: Kafka
) -> None:
    missing = f"{stream.prefix}posts.linkedin"
    found = watcher(stream).cluster([missing, stream.topic])
    assert "`sentiment topics apply` makes it" in found.unknown[missing]
    assert set(found.topics) == {stream.topic}
    assert missing not in AdminClient(stream.connection.config()).list_topics(timeout=10).topics


def test_brokers_that_are_away_are_an_answer() -> None:
    began = time.monotonic()
    found = KafkaWatcher(KafkaConnection("127.0.0.1:1"), answer_within=1).cluster(["posts.x"])
    assert time.monotonic() - began < 5
    assert found.topics == {}
    assert "no broker at 127.0.0.1:1 answers" in found.away
    assert "SENTIMENT_KAFKA_BROKERS" in found.away


def test_a_broker_that_hangs_is_given_up_in_time(stream: Streamed, real_kafka: Kafka) -> None:
    asking = watcher(stream, 1)
    assert stream.topic in asking.cluster([stream.topic]).topics
    real_kafka.pause()
    began = time.monotonic()
    assert asking.cluster([stream.topic]).away
    assert watcher(stream, 1).appended_at({(stream.topic, 0): 0}, now()) == {}
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("records", [1, 3])
def test_when_a_record_came_in_is_known_without_reading_it(
    stream: Streamed, real_kafka: Kafka, records: int
) -> None:
    """Of one that many came before, and many after, within a tenth of its age; else exactly."""
    stream.send(posts([1]))
    time.sleep(1.2)
    before = now()
    stream.send(posts([2] * records, 10))
    stream.send(posts([2], 20), 1)
    after = now()
    time.sleep(0.8)
    stream.send(posts([3], 30))
    at = now()
    places = {(stream.topic, 0): 1, (stream.topic, 1): 0, (stream.topic, 9): 0}
    found = watcher(stream).appended_at(places, at)
    assert set(found) == {(stream.topic, 0), (stream.topic, 1)}
    age = at - before
    for moment in found.values():
        assert before - dt.timedelta(milliseconds=2) <= moment <= after + age / 10


@pytest.mark.usefixtures("real_kafka")
def test_a_node_of_three_that_is_gone_leaves_partitions_under_replicated() -> None:
    with Kafka(nodes=3) as kafka:
        connection = KafkaConnection(kafka.bootstrap_servers)
        admin = AdminClient(connection.config())
        alone = {"min.insync.replicas": "1"}
        admin.create_topics([NewTopic("three", 3, 3)])["three"].result(20)
        admin.create_topics([NewTopic("one", 3, 1, config=alone)])["one"].result(20)
        asking = KafkaWatcher(connection)

        def state(well: Callable[[ClusterLook], bool]) -> ClusterLook:
            return next(found for found in _looks(asking) if well(found))

        state(lambda found: set(found.topics) == {"three", "one"} and found.brokers == 3)
        # Any node may be asked, and one may not have heard yet of what the controller has made.
        told = iter(lambda: admin.list_topics(timeout=10).topics, None)
        leaders = next(of["one"].partitions for of in told if "one" in of)
        gone = leaders[0].leader
        led = tuple(sorted(p for p, found in leaders.items() if found.leader == gone))
        kafka.kill(gone)
        found = state(lambda found: found.brokers == 2 and "one" in found.topics
                      and found.topics["one"].log.leaderless == led)  # fmt: skip
        assert found.topics["three"].under_replicated == (0, 1, 2)
        assert found.topics["three"].log.leaderless == ()
        # Nothing is known of what stands there, and nothing wrong is said.
        assert set(found.topics["one"].log.watermarks) == {0, 1, 2} - {*led}
        producer = Producer(connection.config())
        producer.produce("three", b"1", partition=0)
        assert producer.flush(20) == 0
        kafka.restart(gone)
        state(lambda found: found.brokers == 3 and not found.topics["three"].under_replicated)


def _looks(watcher: KafkaWatcher) -> Iterator[ClusterLook]:
    for _ in range(200):
        yield watcher.cluster(["three", "one"])
        time.sleep(0.1)
