"""What a real cluster tells of topics, and what it makes of a plan."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from resources.kafka import KafkaConnection
from resources.kafka_errors import ClusterError, ClusterUnreachable
from resources.kafka_topics import TopicAdmin
from sentiment_assets.core.stream_topics import parse_streams
from sentiment_assets.core.streams import StreamTopic
from sentiment_assets.core.topic_plan import CreateTopic, TopicPlan, plan_topics
from sentiment_assets.core.topic_states import ClusterState
from simulator.kafka.broker import Kafka

SOON = 20.0


def topics(prefix: str, **values: object) -> tuple[StreamTopic, ...]:
    """Two of them, with these values."""
    said = ", ".join(f"{key}: {value}" for key, value in values.items())
    return parse_streams(f"version: 1\ntopics: {{{said}}}", "streams.yaml", prefix)[:2]


@pytest.fixture
def admin(whole_kafka: KafkaConnection) -> TopicAdmin:
    return TopicAdmin(whole_kafka)


def plan(admin: TopicAdmin, wanted: tuple[StreamTopic, ...]) -> TopicPlan:
    names = [topic.name for topic in wanted]
    return plan_topics(wanted, admin.read(names, configs=wanted[0].configs))


def eventually(look: Callable[[], bool]) -> None:
    """Brokers learn within moments what a controller has decided."""
    deadline = time.monotonic() + SOON
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def apply(admin: TopicAdmin, wanted: tuple[StreamTopic, ...]) -> None:
    for change in plan(admin, wanted).changes:
        admin.apply(change)
    eventually(lambda: plan(admin, wanted) == TopicPlan(()))


def produce(connection: KafkaConnection, topic: str, number: int, partition: int = 0) -> None:
    told: list[object] = []
    producer = Producer(connection.config(acks="all"))
    for _ in range(number):
        producer.produce(
            topic, b"a post", partition=partition, on_delivery=lambda e, _: told.append(e)
        )
    assert producer.flush(SOON) == 0
    assert told == [None] * number


def test_what_is_planned_comes_about(
    admin: TopicAdmin, kafka_prefix: str, kafka: KafkaConnection
) -> None:
    first = topics(kafka_prefix, partitions=2, retention="2 d", max_message_size="128 KB")
    apply(admin, first)
    state = admin.read([topic.name for topic in first], configs=["retention.ms", "segment.ms"])
    assert {name: len(topic.partitions) for name, topic in state.topics.items()} == {
        topic.name: 2 for topic in first
    }
    (x, _) = state.topics.values()
    assert x.replication == 1
    assert x.configs == {"retention.ms": "172800000", "segment.ms": "604800000"}
    more = topics(kafka_prefix, partitions=5, retention="1 d", max_message_size="128 KB")
    apply(admin, more)
    again = admin.read([topic.name for topic in first], configs=["retention.ms"]).topics
    assert again[x.name].topic_id == x.topic_id
    assert len(again[x.name].partitions) == 5
    assert again[x.name].configs == {"retention.ms": "86400000"}


def test_a_setting_that_somebody_else_made_stays(admin: TopicAdmin, kafka_prefix: str) -> None:
    wanted = topics(kafka_prefix)
    apply(admin, wanted)
    name = wanted[0].name
    for change in plan(admin, topics(kafka_prefix, retention="1 d")).changes:
        admin.apply(replace(change, after={"segment.ms": "3600000"}))  # type: ignore[arg-type]
    apply(admin, topics(kafka_prefix, retention="1 d"))
    told = admin.read([name], configs=["segment.ms", "retention.ms"]).topics[name].configs
    assert told == {"segment.ms": "3600000", "retention.ms": "86400000"}


def test_of_no_topic_nothing_is_told(admin: TopicAdmin, kafka_prefix: str) -> None:
    name = f"{kafka_prefix}nothing"
    state = admin.read([name], offsets=True, newest=True, configs=["retention.ms"])
    assert state == ClusterState(state.brokers, {})
    assert state.brokers
    assert admin.committed("nobody", []) == {}


def test_offsets_times_and_what_a_group_has_read(
    admin: TopicAdmin, kafka_prefix: str, kafka: KafkaConnection
) -> None:
    wanted = topics(kafka_prefix, partitions=2)
    apply(admin, wanted)
    name, group = wanted[0].name, f"{kafka_prefix}readers"
    before = dt.datetime.now(dt.timezone.utc).replace(microsecond=0)
    produce(kafka, name, 5)
    state = admin.read([topic.name for topic in wanted], offsets=True, newest=True)
    first, second = state.topics[name].partitions
    assert (first.low, first.high, second.low, second.high) == (0, 5, 0, 0)
    assert first.newest_at is not None
    assert before <= first.newest_at <= dt.datetime.now(dt.timezone.utc)
    assert second.newest_at is None
    assert first.whole
    assert first.leader == 1
    assert admin.committed(group, state.topics.values()) == {}
    consumer = Consumer(kafka.config(**{"group.id": group, "enable.auto.commit": False}))
    consumer.commit(offsets=[TopicPartition(name, 0, 3)], asynchronous=False)
    consumer.close()
    assert admin.committed(group, state.topics.values()) == {(name, 0): 3}


def test_a_topic_made_anew_has_another_id(admin: TopicAdmin, kafka_prefix: str) -> None:
    wanted = topics(kafka_prefix)
    apply(admin, wanted)
    name = wanted[0].name
    before = admin.read([name]).topics[name].topic_id
    operator = AdminClient(admin.connection.config())
    operator.delete_topics([name])[name].result(SOON)
    eventually(lambda: admin.read([name]).topics == {})
    apply(admin, wanted)
    assert admin.read([name]).topics[name].topic_id != before


def test_what_the_broker_refuses_is_told(admin: TopicAdmin, kafka_prefix: str) -> None:
    (x, _) = topics(kafka_prefix)
    admin.apply(CreateTopic(x))
    with pytest.raises(ClusterError, match=rf"could not create {x.name}: Topic '{x.name}' already"):
        admin.apply(CreateTopic(x))
    three = replace(x, name=f"{x.name}.copied", replication=3)
    with pytest.raises(ClusterError, match="only 1 broker"):
        admin.apply(CreateTopic(three))


@pytest.mark.parametrize("how", ["stop", "pause"])
def test_a_cluster_that_is_away_is_told_in_time(
    real_kafka: Kafka, kafka: KafkaConnection, how: str
) -> None:
    admin = TopicAdmin(kafka, seconds=1)
    admin.read(["posts.x"])
    getattr(real_kafka, how)()
    began = time.monotonic()
    with pytest.raises(ClusterUnreachable, match=f"no answer from {kafka.brokers}"):
        admin.read(["posts.x"])
    assert time.monotonic() - began < 8
    real_kafka.heal()
    eventually(lambda: _answers(admin))


def _answers(admin: TopicAdmin) -> bool:
    try:
        return bool(admin.read(["posts.x"]).brokers)
    except ClusterUnreachable:
        return False


@pytest.mark.usefixtures("real_kafka")
def test_copies_that_are_behind_and_partitions_that_nobody_leads() -> None:
    with Kafka(nodes=2) as kafka:
        connection = KafkaConnection(kafka.bootstrap_servers)
        operator, admin = AdminClient(connection.config()), TopicAdmin(connection)
        # Both nodes have the one topic. Of the other, each has a partition for itself.
        for name, placed in (("copied", [[1, 2]]), ("alone", [[1], [2]])):
            new = NewTopic(
                name, len(placed), replica_assignment=placed, config={"min.insync.replicas": "1"}
            )
            operator.create_topics([new])[name].result(SOON)
        produce(connection, "alone", 2)
        names = ["copied", "alone"]
        eventually(lambda: all_whole(admin, names))
        kafka.kill(2)
        # For a while the cluster takes it for alive. What does not answer has no offsets then.
        first, second = admin.read(names, offsets=True).topics["alone"].partitions
        assert (first.low, first.high) == (0, 2)
        assert (second.low, second.high) == (None, None)
        eventually(lambda: admin.read(names).brokers == (1,))
        state = admin.read(names, offsets=True)
        (copy,), (first, second) = (state.topics[name].partitions for name in names)
        assert (copy.leader, copy.in_sync, copy.whole) == (1, (1,), False)
        assert set(copy.replicas) == {1, 2}
        # What one broker knows is told, though the other is away.
        assert (first.leader, first.low, first.high) == (1, 0, 2)
        assert (second.leader, second.low, second.high) == (None, None, None)
        kafka.restart(2)
        eventually(lambda: all_whole(admin, names))


def all_whole(admin: TopicAdmin, names: list[str]) -> bool:
    found = admin.read(names).topics
    return len(found) == len(names) and all(
        partition.whole for topic in found.values() for partition in topic.partitions
    )
