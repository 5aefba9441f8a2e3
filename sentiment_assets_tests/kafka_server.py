"""A Kafka cluster for tests: Apache Kafka itself, or librdkafka's mock cluster where it can't run.

The mock knows no administration, no times of offsets and no security, and makes a topic of four
partitions of every name that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from resources.kafka import KafkaConnection
from simulator.kafka.broker import Kafka
from simulator.kafka.jars import KafkaUnavailable

#: What the mock gives every topic.
MOCK_PARTITIONS = 4


@dataclass(frozen=True)
class KafkaServer:
    """What runs, and how it is reached; ``real`` is null where the mock stands in."""

    connection: KafkaConnection
    real: Kafka | None
    #: Why there is no real one.
    reason: str = ""

    def make_topic(
        self, name: str, partitions: int = 1, configs: Mapping[str, str] | None = None
    ) -> None:
        """Make a topic and wait until it can be used."""
        if self.real is not None:
            # Whatever ended it: one test's broker is not the next one's trouble.
            self.real.heal()
        admin = AdminClient(self.connection.config())
        if self.real is not None:
            wanted = NewTopic(name, partitions, 1, config=dict(configs or {}))
            while True:
                try:
                    admin.create_topics([wanted])[name].result(20)
                    break
                except KafkaException as error:
                    # Just started, or on a machine that is too busy for its heartbeats, the node
                    # counts as away for a moment.
                    if error.args[0].code() != KafkaError.INVALID_REPLICATION_FACTOR:
                        raise
        while not admin.list_topics(name, timeout=10).topics[name].partitions:
            continue


@contextmanager
def running_kafka_server() -> Iterator[KafkaServer]:
    with ExitStack() as stack:
        try:
            kafka = stack.enter_context(Kafka())
            server = KafkaServer(KafkaConnection(kafka.bootstrap_servers), kafka)
        except KafkaUnavailable as problem:
            connection = stack.enter_context(mock_cluster())
            server = KafkaServer(connection, None, str(problem))
        yield server


@contextmanager
def mock_cluster() -> Iterator[KafkaConnection]:
    # The producer holds the cluster: it ends with it.
    holder = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 0})
    (broker,) = holder.list_topics(timeout=10).brokers.values()
    yield KafkaConnection(f"{broker.host}:{broker.port}")
    holder.flush(0)
