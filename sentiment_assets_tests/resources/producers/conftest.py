"""What tests of producers share: records, a topic of one's own, and reading it back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from resources.kafka import KafkaConnection
from resources.producers.publisher import Publisher
from resources.producers.records import Arrival, Record, record_of
from sentiment_assets_tests.kafka_server import KafkaServer

NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.timezone.utc)
CAME = Arrival(NOON, "2", "fetch-1", "simulated")


def payload(number: int, **fields: Any) -> dict[str, Any]:
    told = {
        "id": str(1_000 + number),
        "text": f"nimbus {number}",
        "author_id": "5",
        "created_at": "2026-11-23T11:59:00Z",
    }
    return {"data": told | fields}


def record(number: int, **fields: Any) -> Record:
    return record_of("x", payload(number, **fields), CAME)


@dataclass(frozen=True)
class Topic:
    """A topic that no other test knows."""

    connection: KafkaConnection
    name: str
    prefix: str

    def publisher(self, **given: Any) -> Publisher:
        # Asking the mock for the topic's limit would take ten seconds.
        return Publisher(self.connection, self.name, **{"max_bytes": 1_000_000, **given})

    def messages(self) -> list[Message]:
        """All that it holds, by partition; a mock cluster's topics have several."""
        consumer = Consumer(
            self.connection.config(**{"group.id": "test", "enable.auto.commit": False})
        )
        found = []
        for partition in sorted(consumer.list_topics(self.name, 20).topics[self.name].partitions):
            low, high = consumer.get_watermark_offsets(
                TopicPartition(self.name, partition), timeout=20
            )
            consumer.assign([TopicPartition(self.name, partition, low)])
            read = 0
            while read < high - low:
                for message in consumer.consume(high - low - read, timeout=20):
                    assert message.error() is None
                    found.append(message)
                    read += 1
        consumer.close()
        return found


@pytest.fixture
def topic_of(kafka_server: KafkaServer, kafka_prefix: str) -> Callable[..., Topic]:
    """Makes a platform's topic, of one partition."""

    def make(platform: str = "x", **configs: str) -> Topic:
        name = f"{kafka_prefix}posts.{platform}"
        kafka_server.make_topic(name, configs=configs)
        return Topic(kafka_server.connection, name, kafka_prefix)

    return make


@pytest.fixture
def topic(topic_of: Callable[..., Topic]) -> Topic:
    return topic_of()
