"""One Kafka producer for one topic: what it took is at the broker, or whoever sent it is told.

What belongs here: librdkafka's producer with what never loses a record: idempotent, acknowledged by
all replicas, a bounded buffer that makes the sender wait instead of growing, and a stop that
flushes. What a record holds is ``records.py``.

A broker that is away for hours costs nothing: records wait, none is given up, and the sender waits
with them as soon as the buffer is full. Only what no waiting mends ends in an error: a record that
is too large for its topic (refused, counted, the next one goes on), and a producer that may not
write, which takes no further record.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, ConfigResource

from resources.kafka import KafkaConnection
from resources.producers.producing import (
    BufferFull,
    Counts,
    NotAcknowledged,
    ProducerFailed,
    PublishError,
    RecordTooLarge,
    TopicMissing,
)
from resources.producers.records import Record

#: What Kafka's brokers and topics take where nobody says other.
DEFAULT_MAX_BYTES = 1_000_000
#: Of a batch around its only record.
_BATCH_OVERHEAD = 512
#: How long a waiting sender sleeps before it looks for room again, at most.
_LOOK_AGAIN_S = 0.2
#: For the topic to be found at the start.
_KNOWN_WITHIN_S = 30.0

logger = logging.getLogger(__name__)


def topic_limit(connection: KafkaConnection, topic: str) -> int | None:
    """The largest batch that the topic takes, in bytes; null where nobody tells."""
    admin = AdminClient(connection.config())
    asked = ConfigResource(ConfigResource.Type.TOPIC, topic)
    try:
        told = admin.describe_configs([asked], request_timeout=5)[asked].result(timeout=10)
        return int(told["max.message.bytes"].value)
    except (KafkaException, KeyError, TypeError, ValueError, FutureTimeout):
        return None


def _require_topic(connection: KafkaConnection, topic: str, seconds: float) -> None:
    try:
        # Of all topics: asking for one by its name may make it.
        known = AdminClient(connection.config()).list_topics(timeout=seconds).topics
    except KafkaException as error:
        raise PublishError(
            f"no Kafka broker answers ({_name(error.args[0])}): check SENTIMENT_KAFKA_BROKERS "
            "and SENTIMENT_KAFKA_SECURITY, and that the brokers run"
        ) from None
    if topic not in known:
        raise TopicMissing(
            f"the topic {topic} does not exist, or this user may not see it: "
            "`sentiment topics apply` makes it"
        )


class Publisher:
    """Sends to one topic; safe to share between threads.

    Args:
        connection: the cluster.
        topic: must exist: a broker that made it would choose partitions and retention by itself.
        max_bytes: the largest record; by default what the topic takes.
        buffer_records: that wait at most, before senders do.
        buffer_bytes: the same of their bytes.
        compression: ``zstd``, ``lz4``, ``none`` …; docs/streaming.md has figures.

    Raises:
        TopicMissing: nobody has made the topic yet.
        PublishError: no broker answers.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        topic: str,
        *,
        max_bytes: int | None = None,
        buffer_records: int = 20_000,
        buffer_bytes: int = 64_000_000,
        compression: str = "zstd",
        known_within_s: float = _KNOWN_WITHIN_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.topic = topic
        self._clock = clock
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._published = self._acknowledged = self._failed = self._refused = self._bytes = 0
        self._waited = 0.0
        self._waiting: dict[int, float] = {}
        self._failure: str | None = None
        self._away = False
        self._closed = threading.Event()
        _require_topic(connection, topic, known_within_s)
        limit = max_bytes or topic_limit(connection, topic) or DEFAULT_MAX_BYTES
        self._max_bytes = limit
        self._producer = Producer(
            connection.config(
                **{
                    "enable.idempotence": True,
                    "acks": "all",
                    "compression.type": compression,
                    "linger.ms": 10,
                    # Never given up for want of time: a broker may be away for a night.
                    "message.timeout.ms": 0,
                    "queue.buffering.max.messages": buffer_records,
                    "queue.buffering.max.kbytes": max(1, buffer_bytes // 1024),
                    # A batch that is larger than the topic takes would be refused as a whole.
                    "message.max.bytes": max(1000, limit),
                    "batch.size": max(1, min(limit, 1_000_000)),
                    "error_cb": self._told,
                }
            )
        )
        self._reports = threading.Thread(target=self._serve, name="delivery-reports", daemon=True)
        self._reports.start()

    def _serve(self) -> None:
        """Calls the delivery reports, whether anybody sends or not."""
        while not self._closed.is_set():
            self._producer.poll(0.1)

    @property
    def failure(self) -> str | None:
        """Why no record is taken any more, and what to do; null while all is well."""
        return self._failure

    def counts(self) -> Counts:
        """What has become of all records."""
        now = self._clock()
        with self._lock:
            return Counts(
                self._published,
                self._acknowledged,
                self._failed,
                self._refused,
                self._bytes,
                len(self._producer),
                self._waited + sum(now - since for since in self._waiting.values()),
            )

    def publish(self, record: Record, timeout_s: float | None = None) -> Future[None]:
        """Take a record into the buffer; the future ends when all replicas have it.

        Waits while the buffer is full: at most ``timeout_s``, by default as long as it takes. The
        future of a record that is too large ends with RecordTooLarge; nobody need look at it, since
        it is counted.

        Raises:
            BufferFull: there was no room in time; the record was not taken.
            ProducerFailed: no record is taken any more.
        """
        future: Future[None] = Future()
        if record.size + _BATCH_OVERHEAD > self._max_bytes:
            self._refuse(future, record.size)
            return future
        started, waiter = self._clock(), threading.get_ident()
        try:
            while not self._take(record, future):
                if self._closed.is_set():
                    raise ProducerFailed("the producer was closed while a record waited for room")
                waited = self._clock() - started
                if timeout_s is not None and waited >= timeout_s:
                    raise BufferFull(
                        f"the buffer of {len(self._producer):,} records is full and the brokers "
                        "take nothing: see whether they answer (`sentiment topics status`)"
                    )
                left = _LOOK_AGAIN_S if timeout_s is None else timeout_s - waited
                with self._room:
                    self._waiting.setdefault(waiter, started)
                    self._room.wait(min(_LOOK_AGAIN_S, max(left, 0.001)))
        finally:
            with self._lock:
                if self._waiting.pop(waiter, None) is not None:
                    self._waited += self._clock() - started
        return future

    def publish_and_wait(self, records: Sequence[Record], timeout_s: float) -> int:
        """Return when all replicas have all records; how many were refused as too large.

        Raises:
            NotAcknowledged: some have not reached them in time.
            BufferFull, ProducerFailed: as :meth:`publish`.
        """
        deadline = self._clock() + timeout_s
        futures = [self.publish(record, max(0.0, deadline - self._clock())) for record in records]
        late: list[int] = []
        refused = 0
        for place, future in enumerate(futures):
            try:
                future.result(max(0.0, deadline - self._clock()))
            except FutureTimeout:
                late.append(place)
            except RecordTooLarge:
                refused += 1
        if late:
            raise NotAcknowledged(late, len(records))
        return refused

    def flush(self, timeout_s: float) -> int:
        """Wait until the buffer is empty; how many records are left in it."""
        return int(self._producer.flush(timeout_s))

    def close(self, timeout_s: float = 30.0) -> int:
        """Flush and take no more; how many records did not reach the brokers."""
        left = self.flush(timeout_s)
        self._closed.set()
        self._reports.join(5)
        if left:
            logger.error(
                "%s: %d records had not reached the brokers after %.0f s and are given up; the "
                "2-hourly fetch brings what the platform still gives",
                self.topic,
                left,
                timeout_s,
            )
            self._producer.purge()
        return left

    def _take(self, record: Record, future: Future[None]) -> bool:
        if self._failure is not None:
            raise ProducerFailed(self._failure)
        try:
            self._producer.produce(
                self.topic,
                value=record.value,
                key=record.key,
                headers=list(record.headers),
                on_delivery=partial(self._delivered, future, len(record.value)),
            )
        except BufferError:
            return False
        except KafkaException as error:
            code = error.args[0].code()
            if code != KafkaError.MSG_SIZE_TOO_LARGE:
                self._fail(error.args[0])
                raise ProducerFailed(str(self._failure)) from None
            self._refuse(future, record.size)
            return True
        with self._lock:
            self._published += 1
        return True

    def _delivered(self, future: Future[None], size: int, error: KafkaError | None, _: Any) -> None:
        with self._room:
            self._room.notify_all()
            if error is None:
                self._acknowledged += 1
                self._bytes += size
                self._away = False
            elif error.code() != KafkaError.MSG_SIZE_TOO_LARGE:
                self._failed += 1
        if error is None:
            future.set_result(None)
        elif error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            self._refuse(future, size)
        else:
            self._fail(error)
            future.set_exception(ProducerFailed(str(self._failure)))

    def _refuse(self, future: Future[None], size: int) -> None:
        with self._lock:
            self._refused += 1
        said = (
            f"{self.topic}: a record of {size:,} bytes is refused, since the topic takes "
            f"{self._max_bytes:,}: raise max_message_size in streams.yaml and run `sentiment "
            "topics apply`"
        )
        logger.error("%s", said)
        future.set_exception(RecordTooLarge(said))

    def _fail(self, error: KafkaError) -> None:
        if self._failure is None:
            self._failure = (
                f"{self.topic}: Kafka takes no records of this producer ({_name(error)}): check "
                "that the topic exists and that the user may write to it, then start it again"
            )
            logger.error("%s", self._failure)

    def _told(self, error: KafkaError) -> None:
        """What librdkafka says of the brokers; its words name hosts."""
        if error.fatal():
            self._fail(error)
        elif error.code() == KafkaError._ALL_BROKERS_DOWN and not self._away:
            self._away = True
            logger.warning(
                "%s: no broker answers; records wait in the buffer until one does", self.topic
            )


def _name(error: KafkaError) -> str:
    """librdkafka's name of an error, without the words, which may hold addresses."""
    return str(error.name())
