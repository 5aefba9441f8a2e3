"""Topics of a Kafka cluster: what it has, where a group stands, and changing topics.

What belongs here: requests to the cluster's administration, a handful for all topics together, none
of which reads a record. What should be, and what must change, is ``core.topic_plan``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, TypeVar

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
)

from resources.kafka import KafkaConnection
from resources.kafka_errors import ClusterError, Heard, explained
from sentiment_assets.core.streams import StreamTopic
from sentiment_assets.core.topic_plan import AddPartitions, Change, CreateTopic, SetConfigs
from sentiment_assets.core.topic_states import ClusterState, PartitionState, TopicState

#: Of one request. A sensor's tick makes four of them and ends within its minute.
SECONDS = 10.0

_UTC = dt.timezone.utc
_Answer = TypeVar("_Answer")


class TopicAdmin:
    """Asks a cluster about topics and changes them; each request ends within ``seconds``.

    Raises:
        ClusterError: the connection's settings cannot be used; also by every method, where the
            cluster does not answer, or not as it was asked.
    """

    def __init__(self, connection: KafkaConnection, *, seconds: float = SECONDS) -> None:
        self.connection = connection
        self._seconds = seconds
        self._heard = Heard()
        try:
            self._admin = AdminClient(connection.config(error_cb=self._heard))
        except KafkaException as refused:
            raise ClusterError(
                f"the settings of Kafka cannot be used: {refused.args[0].str()}; check "
                "SENTIMENT_KAFKA_CA_FILE and the others that begin with SENTIMENT_KAFKA_"
            ) from None

    def read(
        self,
        names: Sequence[str],
        *,
        offsets: bool = False,
        newest: bool = False,
        configs: Iterable[str] = (),
    ) -> ClusterState:
        """What the cluster has of these topics; those that it lacks are left out.

        Args:
            names: of topics.
            offsets: ask for both ends of each partition, too.
            newest: and for the time of its newest record.
            configs: names of settings to ask for.
        """
        doing, needs = "tell of the topics", f"DESCRIBE on {_spelled(names)}"
        asked = self._call(doing, needs, self._admin.describe_cluster)
        brokers = self._wait(asked, doing, "DESCRIBE on the cluster").nodes
        told = self._call(doing, needs, self._admin.describe_topics, TopicCollection([*names]))
        topics = {}
        for name, future in told.items():
            try:
                topics[name] = _topic(self._wait(future, doing, needs))
            except _UnknownTopic:
                continue
        state = ClusterState(tuple(sorted(node.id for node in brokers)), topics)
        if offsets or newest:
            state = self._with_offsets(state, newest)
        return self._with_configs(state, frozenset(configs)) if configs else state

    def committed(self, group: str, topics: Iterable[TopicState]) -> dict[tuple[str, int], int]:
        """Offsets that a group has committed, by topic and partition; none where it has none."""
        of = [
            TopicPartition(topic.name, partition.number)
            for topic in topics
            for partition in topic.partitions
        ]
        if not of:
            return {}
        doing, needs = "tell what the group has read", f"DESCRIBE on the group {group}"
        asked = [ConsumerGroupTopicPartitions(group, of)]
        told = self._call(doing, needs, self._admin.list_consumer_group_offsets, asked)
        found = self._wait(told[group], doing, needs).topic_partitions
        return {
            (place.topic, place.partition): place.offset for place in found if place.offset >= 0
        }

    def apply(self, change: Change) -> None:
        """Carry out one change of a plan."""
        name = change.topic.name
        match change:
            case CreateTopic(topic):
                doing, needs = f"create {name}", f"CREATE on {name}"
                new = NewTopic(
                    name, topic.partitions, topic.replication, config=dict(topic.configs)
                )
                told = self._call(doing, needs, self._admin.create_topics, [new])
            case AddPartitions():
                doing, needs = f"add partitions to {name}", f"ALTER on {name}"
                more = NewPartitions(name, change.topic.partitions)
                told = self._call(doing, needs, self._admin.create_partitions, [more])
            case SetConfigs(after=after):
                doing, needs = f"change settings of {name}", f"ALTER_CONFIGS on {name}"
                entries = [
                    ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
                    for key, value in after.items()
                ]
                resource = ConfigResource(
                    ConfigResource.Type.TOPIC, name, incremental_configs=entries
                )
                told = self._call(doing, needs, self._admin.incremental_alter_configs, [resource])
        for future in told.values():
            self._wait(future, doing, needs)

    def _with_offsets(self, state: ClusterState, newest: bool) -> ClusterState:
        # Those that nobody leads would hold up all the others until the request times out.
        led = [
            TopicPartition(topic.name, partition.number)
            for topic in state.topics.values()
            for partition in topic.partitions
            if partition.leader is not None
        ]
        lows = self._offsets(led, OffsetSpec.earliest())
        highs = self._offsets(led, OffsetSpec.latest())
        times = self._offsets(led, OffsetSpec.max_timestamp()) if newest else {}
        topics = {
            name: replace(
                topic,
                partitions=tuple(
                    replace(
                        partition,
                        low=_offset(lows.get((name, partition.number))),
                        high=_offset(highs.get((name, partition.number))),
                        newest_at=_time(times.get((name, partition.number))),
                    )
                    for partition in topic.partitions
                ),
            )
            for name, topic in state.topics.items()
        }
        return replace(state, topics=topics)

    def _offsets(
        self, places: Sequence[TopicPartition], spec: OffsetSpec
    ) -> dict[tuple[str, int], Any]:
        if not places:
            return {}
        names = sorted({place.topic for place in places})
        doing, needs = "tell the offsets", f"DESCRIBE on {_spelled(names)}"
        told = self._call(doing, needs, self._admin.list_offsets, dict.fromkeys(places, spec))
        return {
            (place.topic, place.partition): self._wait(future, doing, needs)
            for place, future in told.items()
        }

    def _with_configs(self, state: ClusterState, wanted: frozenset[str]) -> ClusterState:
        if not state.topics:
            return state
        doing = "tell settings of the topics"
        needs = f"DESCRIBE_CONFIGS on {_spelled([*state.topics])}"
        asked = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in state.topics]
        told = self._call(doing, needs, self._admin.describe_configs, asked)
        topics = dict(state.topics)
        for resource, future in told.items():
            entries = self._wait(future, doing, needs)
            configs = {name: str(entries[name].value) for name in wanted & set(entries)}
            topics[resource.name] = replace(topics[resource.name], configs=configs)
        return replace(state, topics=topics)

    def _call(self, doing: str, needs: str, request: Any, *arguments: Any) -> Any:
        self._heard.last = None
        try:
            return request(*arguments, request_timeout=self._seconds)
        except KafkaException as error:
            raise self._explained(error, doing, needs) from None

    def _wait(self, future: Future[_Answer], doing: str, needs: str) -> _Answer:
        try:
            # librdkafka ends it in time; this is for the case that it does not.
            return future.result(self._seconds + 5)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise _UnknownTopic(
                    f"Kafka could not {doing}: a topic is not there; `sentiment topics apply`"
                ) from None
            raise self._explained(error, doing, needs) from None
        except TimeoutError:
            raise ClusterError(f"Kafka could not {doing}: librdkafka hangs; try again") from None

    def _explained(self, error: KafkaException, doing: str, needs: str) -> ClusterError:
        self._admin.poll(0)
        return explained(
            error.args[0], self.connection, doing=doing, needs=needs, heard=self._heard
        )


class _UnknownTopic(ClusterError):
    pass


def plan_needs(topics: Iterable[StreamTopic]) -> frozenset[str]:
    """Names of the settings that a plan of these topics compares."""
    return frozenset(name for topic in topics for name in topic.configs)


def _topic(told: Any) -> TopicState:
    return TopicState(
        told.name,
        str(told.topic_id),
        tuple(
            PartitionState(
                partition.id,
                partition.leader.id if _is_there(partition.leader) else None,
                tuple(node.id for node in partition.replicas),
                tuple(node.id for node in partition.isr),
            )
            for partition in sorted(told.partitions, key=lambda partition: partition.id)
        ),
    )


def _is_there(node: Any) -> bool:
    return node is not None and node.id >= 0


def _offset(told: Any) -> int | None:
    return None if told is None else int(told.offset)


def _time(told: Any) -> dt.datetime | None:
    if told is None or told.timestamp < 0:
        return None
    return dt.datetime.fromtimestamp(told.timestamp / 1000, _UTC)


def _spelled(names: Sequence[str]) -> str:
    return f"the topics {', '.join(names)}"
