"""Reading topics: what they hold, and exactly the records of a range of offsets.

What belongs here: one consumer that is assigned and never subscribes, so that no rebalance takes a
range away in the middle, and the errors of brokers in words. Making and changing topics is
``kafka_topics``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from queue import Empty, SimpleQueue
from typing import Any

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from resources.kafka import KafkaConnection
from sentiment_assets.core.landings import OffsetRange, TopicLog, Watermarks
from sentiment_assets.engine.landing import StreamUnreachable, TopicMissing

_OLDEST: OffsetSpec = OffsetSpec.earliest()
_NEXT: OffsetSpec = OffsetSpec.latest()

#: Records that one call takes from librdkafka.
_BATCH = 5_000
#: Kilobytes that librdkafka reads ahead: with one consumer this bounds its memory.
_AHEAD_KB = 32_768
_FETCH_WAIT_MS = 10


class KafkaReader:
    """Reads topics of a cluster; cheap to make, connects at the first use.

    Args:
        connection: the cluster.
        group: whose offsets mirror what was landed.
        answer_within: seconds that a question to the brokers may take.
        stall: seconds without a record before the end of a range, after which reading gives up.
        topic_ids: the brokers give topics ids, as Apache Kafka does since 2.8; without them a topic
            that was made anew is told by its offsets alone.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        group: str,
        *,
        answer_within: float = 10.0,
        stall: float = 60.0,
        topic_ids: bool = True,
    ) -> None:
        self._connection = connection
        self._group = group
        self._answer_within = answer_within
        self._stall = stall
        self._topic_ids = topic_ids

    @property
    def _of_group(self) -> dict[str, Any]:
        return {
            "group.id": self._group,
            "enable.auto.commit": False,
            # Nobody is a member, but so long librdkafka waits for the group's coordinator.
            "session.timeout.ms": round(self._answer_within * 1000),
        }

    @cached_property
    def _consumer(self) -> Consumer:
        return Consumer(
            self._connection.config(
                **{
                    **self._of_group,
                    "enable.partition.eof": True,
                    # A record of a transaction that was taken back never was.
                    "isolation.level": "read_committed",
                    # Somebody deleted what was asked for: that is for us to say.
                    "auto.offset.reset": "error",
                    "queued.max.messages.kbytes": _AHEAD_KB,
                    "fetch.message.max.bytes": 8 << 20,
                    # What is read is there. At a partition's end the broker would hold the question
                    # for half a second, and the next partition's behind it.
                    "fetch.wait.max.ms": _FETCH_WAIT_MS,
                }
            )
        )

    @cached_property
    def _admin(self) -> AdminClient:
        return AdminClient(self._connection.config())

    def close(self) -> None:
        """Leave the brokers, if they were ever met."""
        if consumer := self.__dict__.pop("_consumer", None):
            consumer.close()
        self.__dict__.pop("_admin", None)

    def topic_log(self, topic: str) -> TopicLog:
        """What a topic holds now: three requests, each of bounded time.

        Raises:
            StreamUnreachable: no broker answers.
            TopicMissing: there is no such topic.
        """
        with self._told(topic):
            known = self._admin.list_topics(topic, timeout=self._answer_within).topics[topic]
        if known.error is not None or not known.partitions:
            raise TopicMissing(
                f"there is no topic {topic} at {self._connection.brokers}: "
                "`sentiment topics apply` makes it"
            )
        led = sorted(p for p, partition in known.partitions.items() if partition.leader >= 0)
        with self._told(topic):
            low = self._settled(lambda: self._offsets(topic, led, _OLDEST))
            high = self._settled(lambda: self._offsets(topic, led, _NEXT))
            topic_id = self._topic_id(topic)
        # A partition whose broker does not answer comes back with an offset below 0, and no error.
        answered = [p for p in led if low[p] >= 0 and high[p] >= 0]
        return TopicLog(
            topic,
            topic_id,
            {partition: Watermarks(low[partition], high[partition]) for partition in answered},
            tuple(sorted(set(known.partitions) - set(answered))),
        )

    def read(self, topic: str, span: OffsetRange) -> Iterator[Sequence[Message]]:
        """The records of a range in order, by batches of some thousand.

        Offsets without a record (marks of transactions) are passed over: the range ends with the
        first record behind it, or where the partition does.

        Raises:
            StreamUnreachable: nothing came for a while.
        """
        consumer = self._consumer
        consumer.assign([TopicPartition(topic, span.partition, span.start)])
        heard = time.monotonic()
        following = span.start
        try:
            while True:
                with self._told(topic):
                    # It waits until it has as many as it was asked for.
                    messages = consumer.consume(min(_BATCH, span.end - following), timeout=0.5)
                records = []
                ended = False
                for message in messages:
                    error, offset = message.error(), message.offset() or 0
                    if error is None and offset < span.end:
                        records.append(message)
                        following = offset + 1
                    elif error is None or error.code() == KafkaError._PARTITION_EOF:
                        # Before the range's end, what is left of it comes in a moment.
                        if offset >= span.end:
                            ended = True
                            break
                    elif not error.retriable() and error.code() not in _PASSING:
                        raise self._unreachable(topic, error)
                if records:
                    heard = time.monotonic()
                    yield records
                    ended = ended or following >= span.end
                if ended:
                    return
                if time.monotonic() - heard > self._stall:
                    raise StreamUnreachable(
                        f"{topic}: nothing came of {span} for {self._stall:.0f} s; what was landed "
                        "before it stays. Look at the brokers: `sentiment topics status`"
                    )
        finally:
            consumer.unassign()

    def commit(self, topic: str, positions: Mapping[int, int]) -> None:
        """Let the group's offsets say what was landed, for tools that show its lag.

        Raises:
            StreamUnreachable: they could not be written.
        """
        offsets = [TopicPartition(topic, p, offset) for p, offset in sorted(positions.items())]
        answers: SimpleQueue[list[TopicPartition] | KafkaException] = SimpleQueue()

        def tell() -> None:
            consumer = Consumer(self._connection.config(**self._of_group))
            try:
                answers.put(consumer.commit(offsets=offsets, asynchronous=False) or [])
            except KafkaException as error:
                answers.put(error)
            finally:
                consumer.close()

        # A commit whose broker ends in that very moment may never return, whatever its time is: it
        # has a thread and a consumer of its own, that nobody waits for longer. The admin client's
        # own call for it ends the process when that broker comes back (librdkafka 2.16).
        threading.Thread(target=tell, daemon=True).start()
        with self._told(topic):
            try:
                answer = answers.get(timeout=2 * self._answer_within)
            except Empty:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT)) from None
            if isinstance(answer, KafkaException):
                raise answer
            for done in answer:
                if done.error is not None:
                    raise self._unreachable(topic, done.error)

    def _offsets(self, topic: str, partitions: Sequence[int], spec: OffsetSpec) -> dict[int, int]:
        asked = {TopicPartition(topic, partition): spec for partition in partitions}
        answers = self._admin.list_offsets(
            asked,
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=self._answer_within,
        )
        return {tp.partition: int(answer.result().offset) for tp, answer in answers.items()}

    def _settled(self, ask: Callable[[], dict[int, int]]) -> dict[int, int]:
        """The answer, asked for again while a partition's leader is only about to lead."""
        deadline = time.monotonic() + self._answer_within
        while True:
            try:
                return ask()
            except KafkaException as error:
                if error.args[0].code() not in _UNSETTLED or time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    def _topic_id(self, topic: str) -> str:
        if not self._topic_ids:
            return "0"
        described = self._admin.describe_topics(
            TopicCollection([topic]), request_timeout=self._answer_within
        )
        return str(described[topic].result().topic_id)

    @contextmanager
    def _told(self, topic: str) -> Iterator[None]:
        try:
            yield
        except KafkaException as error:
            raise self._unreachable(topic, error.args[0]) from None

    def _unreachable(self, topic: str, error: Any) -> StreamUnreachable:
        return StreamUnreachable(
            f"{topic} at {self._connection.brokers}: {error.str()} ({error.name()}). Check "
            "SENTIMENT_KAFKA_BROKERS and SENTIMENT_KAFKA_SECURITY, and whether the brokers are up"
        )


#: Errors of moments after a broker came back or a leader changed.
_UNSETTLED = frozenset(
    {
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.UNKNOWN_LEADER_EPOCH,
    }
)

#: Errors after which librdkafka goes on by itself.
_PASSING = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._RESOLVE,
    }
)
