"""Records in topics, as a producer writes them, and a topic of their own for each test.

What belongs here: what tests of landing share. The broker is ``kafka_server``.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Producer

from resources.kafka import KafkaConnection
from resources.kafka_reader import KafkaReader
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.streams import record_key, topic_name, written_headers
from sentiment_assets_tests.bronze_records import UTC, at, payload
from sentiment_assets_tests.kafka_server import KafkaServer

NOW = dt.datetime(2026, 11, 25, 12, tzinfo=UTC)


def holds(partition: PostPartition) -> bool:
    """The partitions of tests: November 2026 up to NOW."""
    return dt.date(2026, 11, 1) <= partition.date <= NOW.date()


@dataclass
class Streamed:
    """X's topic of one test, and what was produced to it."""

    server: KafkaServer
    prefix: str
    partitions: int = 2
    platform: str = "x"
    producer: Producer = field(init=False)

    def __post_init__(self) -> None:
        self.server.make_topic(self.topic, self.partitions)
        self.producer = Producer(self.connection.config(**{"linger.ms": 5}))

    @property
    def connection(self) -> KafkaConnection:
        return self.server.connection

    @property
    def topic(self) -> str:
        return topic_name(self.platform, self.prefix)

    def reader(self, **options: Any) -> KafkaReader:
        return KafkaReader(
            self.connection,
            f"{self.prefix}landing",
            topic_ids=not self.server.mocked,
            **options,
        )

    def send(
        self,
        payloads: Iterable[Any],
        partition: int = 0,
        headers: Sequence[tuple[str, bytes]] | None = None,
    ) -> None:
        """Produce payloads (bytes go as they are) and wait until the broker has them."""
        for sent in payloads:
            value = sent if isinstance(sent, bytes) or sent is None else json.dumps(sent).encode()
            self.producer.produce(
                self.topic,
                value=value,
                key=record_key("x", None, "1"),
                headers=list(written() if headers is None else headers),
                partition=partition,
            )
        assert self.producer.flush(20) == 0


def written(**changed: Any) -> list[tuple[str, bytes]]:
    """The headers of a record of X."""
    facts: dict[str, Any] = {
        "fetched_at": at(10),
        "api_version": "2",
        "fetch_id": "stream-1",
        "origin": "simulated",
        "created_at": at(9),
    }
    platform = changed.pop("platform", "x")
    return written_headers(platform, **(facts | changed))


def posts(hours: Sequence[float], start: int = 0) -> list[dict[str, Any]]:
    """Posts of X made at these hours of DAY, each with an id of its own."""
    return [payload(hour, start + number) for number, hour in enumerate(hours)]
