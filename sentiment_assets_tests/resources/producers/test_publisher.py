"""The publisher against a broker: what it took is there, whatever happens to either."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from resources.kafka import KafkaConnection
from resources.producers.producing import (
    BufferFull,
    NotAcknowledged,
    PublishError,
    RecordTooLarge,
    TopicMissing,
)
from resources.producers.publisher import Publisher, topic_limit
from sentiment_assets.core.parsers import x as parser
from sentiment_assets.core.streams import read_headers
from sentiment_assets_tests.resources.producers.conftest import Topic, payload, record
from simulator.kafka.broker import Kafka

ROOT = Path(__file__).parents[3]


def numbers(topic: Topic) -> list[int]:
    return [int(msgspec.json.decode(m.value())["data"]["id"]) - 1000 for m in topic.messages()]


def test_a_record_is_the_payload_with_its_headers(topic: Topic) -> None:
    publisher = topic.publisher()

    assert publisher.publish_and_wait([record(1), record(2)], 20) == 0

    first, second = topic.messages()
    # The raw payload alone: landing puts the envelope around it.
    assert msgspec.json.decode(first.value()) == payload(1)
    assert parser.parse(first.value()).post_id == "1001"
    assert first.key() == second.key()
    assert read_headers(first.headers()) == {
        "platform": "x",
        "fetched_at": "2026-11-23T12:00:00Z",
        "api_version": "2",
        "fetch_id": "fetch-1",
        "origin": "simulated",
        "created_at": "2026-11-23T11:59:00Z",
    }
    assert publisher.close() == 0
    counts = publisher.counts()
    assert (counts.published, counts.acknowledged, counts.failed, counts.queued) == (2, 2, 0, 0)
    assert counts.bytes == len(first.value()) + len(second.value())


def test_closing_flushes(topic: Topic) -> None:
    publisher = topic.publisher()
    for number in range(500):
        publisher.publish(record(number))

    assert publisher.close() == 0
    assert numbers(topic) == list(range(500))


def test_a_record_that_is_too_large_is_refused_and_the_others_go_on(
    topic: Topic, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = topic.publisher(max_bytes=20_000)
    too_large = record(2, text="jane " * 8000)

    assert publisher.publish_and_wait([record(1), too_large, record(3)], 20) == 1
    with pytest.raises(RecordTooLarge, match="max_message_size"):
        publisher.publish(too_large).result(1)

    publisher.close()
    assert numbers(topic) == [1, 3]
    assert publisher.counts().refused == 2
    assert "jane" not in caplog.text
    assert "the topic takes 20,000" in caplog.text


def test_the_topic_itself_says_how_large(real_kafka: Kafka, topic_of: Callable[..., Topic]) -> None:
    topic = topic_of(**{"max.message.bytes": "30000"})
    publisher = Publisher(topic.connection, topic.name, compression="none")

    assert topic_limit(topic.connection, topic.name) == 30_000
    # A batch of all of them would be larger than the topic takes.
    assert publisher.publish_and_wait([record(n, text="a" * 9000) for n in range(9)], 20) == 0
    assert publisher.publish_and_wait([record(10, text="a" * 30_000)], 20) == 1
    publisher.close()
    assert numbers(topic) == list(range(9))


def test_a_topic_that_nobody_made_is_not_made(kafka: KafkaConnection, kafka_prefix: str) -> None:
    with pytest.raises(TopicMissing, match="sentiment topics apply"):
        Publisher(kafka, f"{kafka_prefix}posts.y", max_bytes=1000)


def test_no_broker_is_told_with_the_setting() -> None:
    nobody = KafkaConnection("127.0.0.1:9")
    with pytest.raises(PublishError, match="SENTIMENT_KAFKA_BROKERS") as told:
        Publisher(nobody, "posts.x", max_bytes=1000, known_within_s=0.5)
    assert "127.0.0.1" not in str(told.value)


def test_while_the_broker_is_away_nothing_is_lost_and_the_sender_waits(
    real_kafka: Kafka, topic: Topic
) -> None:
    publisher = topic.publisher(buffer_records=100)
    publisher.publish_and_wait([record(0)], 20)
    real_kafka.stop()
    sent: list[int] = []

    def send() -> None:
        for number in range(1, 301):
            publisher.publish(record(number))
            sent.append(number)

    sender = threading.Thread(target=send)
    sender.start()
    time.sleep(1.5)
    # The buffer is full: no more is taken, and none is given up.
    assert 100 <= len(sent) <= 101
    assert publisher.counts().waited_seconds > 0.5
    with pytest.raises(BufferFull, match="topics status"):
        publisher.publish(record(999), timeout_s=0.3)
    real_kafka.start()
    sender.join(60)

    assert not sender.is_alive()
    assert publisher.close(30) == 0
    assert numbers(topic) == list(range(301))
    assert publisher.counts().failed == 0


def test_what_is_not_acknowledged_in_time_is_told_and_still_arrives(
    real_kafka: Kafka, topic: Topic
) -> None:
    publisher = topic.publisher()
    publisher.publish_and_wait([record(0)], 20)
    real_kafka.pause()

    with pytest.raises(NotAcknowledged, match="2 of 2") as told:
        publisher.publish_and_wait([record(1), record(2)], 0.5)
    real_kafka.resume()

    assert told.value.places == (0, 1)
    assert publisher.close(60) == 0
    assert numbers(topic) == [0, 1, 2]


def test_a_topic_that_is_made_anew_gets_what_waited(real_kafka: Kafka, topic: Topic) -> None:
    publisher = topic.publisher()
    publisher.publish_and_wait([record(0)], 20)
    admin = AdminClient(topic.connection.config())
    admin.delete_topics([topic.name])[topic.name].result(20)
    time.sleep(1)
    futures = [publisher.publish(record(number)) for number in (1, 2)]
    admin.create_topics([NewTopic(topic.name, 1, 1)])[topic.name].result(20)

    for future in futures:
        future.result(30)
    assert publisher.close() == 0
    assert numbers(topic) == [1, 2]


def test_a_stop_that_takes_too_long_says_what_is_left(real_kafka: Kafka, topic: Topic) -> None:
    publisher = topic.publisher()
    publisher.publish_and_wait([record(0)], 20)
    real_kafka.pause()
    for number in range(1, 8):
        publisher.publish(record(number))

    assert publisher.close(0.5) == 7


SENDER = """
import os, sys
from resources.kafka import KafkaConnection
from resources.producers.publisher import Publisher
from sentiment_assets_tests.resources.producers.conftest import record
publisher = Publisher(KafkaConnection(sys.argv[1]), sys.argv[2], max_bytes=1_000_000)
def told(number):
    # A line at once: two threads tell.
    return lambda future: os.write(1, b"%d\\n" % number)
for number in range(1_000_000):
    publisher.publish(record(number)).add_done_callback(told(number))
"""


def test_killed_midway_what_was_acknowledged_is_there_once_and_in_order(topic: Topic) -> None:
    sender = subprocess.Popen(
        [sys.executable, "-c", SENDER, topic.connection.brokers, topic.name],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert sender.stdout is not None
    acknowledged = [int(sender.stdout.readline()) for _ in range(200)]
    sender.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in sender.communicate(timeout=20)[0].split("\n")[:-1]]

    there = numbers(topic)
    # More may have arrived than its sender lived to hear of.
    assert there == list(range(len(there)))
    assert set(acknowledged) <= set(there)
