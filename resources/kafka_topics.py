"""Topics of a Kafka cluster: what it has, where a group stands, and changing topics.

What belongs here: requests to the cluster's administration, a handful for all topics together, none
of which reads a record. What should be, and what must change, is ``core.topic_plan``.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections.abc import Callable, Iterable, Sequence
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
from resources.kafka_errors import (
    ClusterError,
    ClusterUnreachable,
    ClusterUnsettled,
    Heard,
    explained,
    unusable,
)
from sentiment_assets.core.topic_plan import AddPartitions, Change, CreateTopic, SetConfigs
from sentiment_assets.core.topic_states import ClusterState, PartitionState, TopicState

#: Of one question, asked again included. A sensor asks two in a tick and ends within its minute.
SECONDS = 10.0
#: Of them, what one try may take.
_SHARE = 0.3
#: Before the next try.
_PAUSE = 0.1
_SPARE = 2.0

_UTC = dt.timezone.utc
_Answer = TypeVar("_Answer")


class TopicAdmin:
    """Asks a cluster about topics and changes them.

    A question is answered, or given up, within ``seconds``. It is asked again until then: brokers
    go and come, leaders move, and a client of librdkafka waits for minutes for one that it took
    for the controller and that is gone.

    Raises:
        ClusterError: the connection's settings cannot be used; also by every method, where the
            cluster does not answer, or not as it was asked.
    """

    def __init__(self, connection: KafkaConnection, *, seconds: float = SECONDS) -> None:
        self.connection = connection
        self._seconds = seconds
        self._ends = 0.0
        self._connect()

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

        def ask() -> ClusterState:
            state = self._described(names)
            if offsets or newest:
                state = self._with_offsets(state, newest)
            return self._with_configs(state, frozenset(configs)) if configs else state

        return self._answer(ask)

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

        def ask() -> dict[tuple[str, int], int]:
            asked = [ConsumerGroupTopicPartitions(group, of)]
            told = self._call(doing, needs, self._admin.list_consumer_group_offsets, asked)
            found = self._wait(told[group], doing, needs).topic_partitions
            return {
                (place.topic, place.partition): place.offset for place in found if place.offset >= 0
            }

        return self._answer(ask)

    def apply(self, change: Change) -> None:
        """Carry out one change of a plan, once: a second try could not tell what the first did."""
        self._ends = time.monotonic() + self._seconds
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

    def _connect(self) -> None:
        self._heard = Heard()
        try:
            self._admin = AdminClient(self.connection.config(error_cb=self._heard))
        except KafkaException as refused:
            raise unusable(refused.args[0], self.connection) from None

    def _answer(self, ask: Callable[[], _Answer]) -> _Answer:
        end = time.monotonic() + self._seconds
        while True:
            now, share = time.monotonic(), self._seconds * _SHARE
            self._ends = now + share if end - now > 2 * share else end
            try:
                return ask()
            except (ClusterUnreachable, ClusterUnsettled) as trouble:
                if time.monotonic() + _PAUSE >= end:
                    raise
                time.sleep(_PAUSE)
                if isinstance(trouble, ClusterUnreachable):
                    self._connect()

    def _described(self, names: Sequence[str]) -> ClusterState:
        doing, needs = "tell of the topics", f"DESCRIBE on {_spelled(names)}"
        cluster = self._call(doing, needs, self._admin.describe_cluster)
        told = self._call(doing, needs, self._admin.describe_topics, TopicCollection([*names]))
        brokers = self._wait(cluster, doing, "DESCRIBE on the cluster").nodes
        topics = {}
        for name, future in told.items():
            if not self._is_lacking(future):
                topics[name] = _topic(self._wait(future, doing, needs))
        return ClusterState(tuple(sorted(node.id for node in brokers)), topics)

    def _with_offsets(self, state: ClusterState, newest: bool) -> ClusterState:
        # For those that nobody leads it would wait until the time is up.
        led = [
            TopicPartition(topic.name, partition.number)
            for topic in state.topics.values()
            for partition in topic.partitions
            if partition.leader is not None
        ]
        if not led:
            return state
        specs = [OffsetSpec.earliest(), OffsetSpec.latest()]
        specs += [OffsetSpec.max_timestamp()] if newest else []
        doing, needs = "tell the offsets", f"DESCRIBE on {_spelled([*state.topics])}"
        # All at once, so that none uses up the time of the others.
        asked = [
            self._call(doing, needs, self._admin.list_offsets, dict.fromkeys(led, spec))
            for spec in specs
        ]
        low, high, *times = (
            {
                (place.topic, place.partition): self._wait(future, doing, needs)
                for place, future in told.items()
            }
            for told in asked
        )
        topics = {
            name: replace(
                topic,
                partitions=tuple(
                    replace(
                        partition,
                        low=_offset(low.get((name, partition.number))),
                        high=_offset(high.get((name, partition.number))),
                        newest_at=_time(times[0].get((name, partition.number))) if newest else None,
                    )
                    for partition in topic.partitions
                ),
            )
            for name, topic in state.topics.items()
        }
        return replace(state, topics=topics)

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
            return request(*arguments, request_timeout=self._left())
        except KafkaException as error:
            raise self._explained(error, doing, needs) from None

    def _wait(self, future: Future[_Answer], doing: str, needs: str) -> _Answer:
        try:
            # librdkafka ends it in time; this is for the case that it does not.
            return future.result(self._left() + _SPARE)
        except KafkaException as error:
            raise self._explained(error, doing, needs) from None
        except TimeoutError:
            raise ClusterError(f"Kafka could not {doing}: librdkafka hangs; try again") from None

    def _is_lacking(self, future: Future[Any]) -> bool:
        """It ended with the cluster's word that there is no such topic."""
        with contextlib.suppress(TimeoutError):
            error = future.exception(self._left() + _SPARE)
            return (
                isinstance(error, KafkaException)
                and error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART
            )
        return False

    def _left(self) -> float:
        return max(self._ends - time.monotonic(), 0.1)

    def _explained(self, error: KafkaException, doing: str, needs: str) -> ClusterError:
        self._admin.poll(0)
        return explained(
            error.args[0], self.connection, doing=doing, needs=needs, heard=self._heard
        )


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
    # Of a partition whose broker did not answer librdkafka gives a negative number and no error.
    return None if told is None or told.offset < 0 else int(told.offset)


def _time(told: Any) -> dt.datetime | None:
    if told is None or told.timestamp < 0:
        return None
    return dt.datetime.fromtimestamp(told.timestamp / 1000, _UTC)


def _spelled(names: Sequence[str]) -> str:
    return f"the topics {', '.join(names)}"
