"""A Kafka cluster for tests: Apache Kafka itself, or librdkafka's mock cluster where it can't run.

SENTIMENT_TEST_KAFKA names the brokers of a cluster that runs already. What tests make there has a
random prefix and is deleted when they have ended; tests that stop or kill brokers are skipped.

The mock knows no administration, no times of offsets and no security, and makes a topic of four
partitions of every name that is asked for.
"""

from __future__ import annotations

import os
import uuid
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
#: Addresses of a cluster to run on. Read before a test's settings are taken away from it.
BROKERS = os.environ.get("SENTIMENT_TEST_KAFKA")
_THESE_TESTS = f"t{uuid.uuid4().hex[:8]}"


def new_prefix() -> str:
    """Before the names of a test's topics and group, so that no other test meets them."""
    return f"{_THESE_TESTS}{uuid.uuid4().hex[:8]}."


@dataclass(frozen=True)
class KafkaServer:
    """What runs, and how it is reached; ``real`` is null where it may not be stopped."""

    connection: KafkaConnection
    real: Kafka | None
    #: Why there is none that may be stopped.
    reason: str = ""
    #: The mock stands in.
    mocked: bool = False

    def make_topic(
        self, name: str, partitions: int = 1, configs: Mapping[str, str] | None = None
    ) -> None:
        """Make a topic and wait until it can be used."""
        if self.real is not None:
            # Whatever ended it: one test's broker is not the next one's trouble.
            self.real.heal()
        admin = AdminClient(self.connection.config())
        if not self.mocked:
            # The cluster's own number of replicas.
            wanted = NewTopic(name, partitions, -1, config=dict(configs or {}))
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
        if BROKERS:
            server = stack.enter_context(_named_cluster(BROKERS))
            yield server
            return
        try:
            kafka = stack.enter_context(Kafka())
            server = KafkaServer(KafkaConnection(kafka.bootstrap_servers), kafka)
        except KafkaUnavailable as problem:
            connection = stack.enter_context(mock_cluster())
            server = KafkaServer(connection, None, str(problem), mocked=True)
        yield server


@contextmanager
def _named_cluster(brokers: str) -> Iterator[KafkaServer]:
    connection = KafkaConnection(brokers)
    admin = AdminClient(connection.config())
    # Brokers that are not there are told now, and not by each test.
    admin.list_topics(timeout=10)
    yield KafkaServer(connection, None, "tests stop no broker that SENTIMENT_TEST_KAFKA names")
    topics = [name for name in admin.list_topics(timeout=10).topics if _is_ours(name)]
    listed = admin.list_consumer_groups(request_timeout=10).result()
    groups = [group.group_id for group in listed.valid if _is_ours(group.group_id)]
    for deleted in (
        *(admin.delete_topics(topics).values() if topics else ()),
        *(admin.delete_consumer_groups(groups).values() if groups else ()),
    ):
        deleted.result(20)


def _is_ours(name: str) -> bool:
    return name.startswith(_THESE_TESTS)


@contextmanager
def mock_cluster() -> Iterator[KafkaConnection]:
    # The producer holds the cluster: it ends with it.
    holder = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 0})
    (broker,) = holder.list_topics(timeout=10).brokers.values()
    yield KafkaConnection(f"{broker.host}:{broker.port}")
    holder.flush(0)
