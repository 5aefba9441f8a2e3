"""What brokers and other clients do to a landing: rebalances, restarts, silence, copies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import dagster as dg
import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from resources.kafka_reader import KafkaReader
from sentiment_assets.core.landings import OffsetRange
from sentiment_assets.engine import landing as landing_module
from sentiment_assets.engine.landing import RangeRefused, StreamUnreachable
from sentiment_assets.stream_sensors import LandingMemory
from sentiment_assets_tests.faults.storm import Storm, assert_nothing_lost
from sentiment_assets_tests.streamed import Streamed
from sentiment_assets_tests.test_stream_sensors import Watch
from simulator.kafka.broker import Kafka


class Meddled(KafkaReader):
    """A reader during whose nth batch something happens."""

    meddle: Callable[[], object] = staticmethod(lambda: None)
    after: int = 0

    def read(self, topic: str, span: OffsetRange) -> Iterator[Sequence[Message]]:
        for records in super().read(topic, span):
            yield records
            self.after -= 1
            if self.after == 0:
                self.meddle()


def meddled(storm: Storm, meddle: Callable[[], object], **options: float) -> Meddled:
    reader = Meddled(storm.stream.connection, f"{storm.stream.prefix}landing", **options)
    reader.meddle = meddle
    reader.after = 1
    return reader


def test_somebody_else_joins_the_group_while_a_landing_runs(
    storm: Storm,
    real_kafka: Kafka,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing is taken away: landings are no members. Only the group's offsets stay behind."""
    monkeypatch.setattr(landing_module, "MOST_RECORDS", 7)
    group = f"{storm.stream.prefix}landing"
    intruder = Consumer(
        storm.stream.connection.config(
            **{"group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": True}
        )
    )
    storm.rain(40)

    def join() -> None:
        intruder.subscribe([storm.stream.topic])
        taken: list[Message] = []
        while not taken:
            taken = intruder.consume(5, timeout=0.5)

    storm.land(reader=meddled(storm, join))
    assert "offsets of" in caplog.text
    assert "are behind" in caplog.text
    storm.rain(10)
    intruder.close()
    assert_nothing_lost(storm)
    # With the next landing the group says what was landed, whatever the intruder said.
    ends = storm.reader.topic_log(storm.stream.topic).watermarks
    storm.rain(10)
    storm.land()
    ends = storm.reader.topic_log(storm.stream.topic).watermarks
    asked = [TopicPartition(storm.stream.topic, partition) for partition in ends]
    reading = Consumer(storm.stream.connection.config(**{"group.id": group}))
    committed = {tp.partition: tp.offset for tp in reading.committed(asked, timeout=10)}
    reading.close()
    assert committed == {partition: marks.high for partition, marks in ends.items()}


def test_the_broker_is_restarted_in_the_middle_of_a_landing(
    storm: Storm, real_kafka: Kafka
) -> None:
    storm.rain(40)
    storm.land(reader=meddled(storm, real_kafka.restart))
    assert_nothing_lost(storm)


def test_the_broker_is_killed_in_the_middle_of_a_landing_and_comes_back(
    storm: Storm, real_kafka: Kafka
) -> None:
    """The landing gives up in time; what it wrote before is no row twice."""
    storm.rain(40)
    started = time.monotonic()
    with pytest.raises(StreamUnreachable, match=r"nothing came of|brokers"):
        storm.land(reader=meddled(storm, real_kafka.kill, stall=2, answer_within=2))
    assert time.monotonic() - started < 20
    real_kafka.heal()
    storm.rain(10)
    assert_nothing_lost(storm)


def test_the_topic_is_made_anew_in_the_middle_of_a_landing(storm: Storm, real_kafka: Kafka) -> None:
    """Offsets number other records then: nothing is said to be landed that was not."""
    topic = storm.stream.topic
    admin = AdminClient(storm.stream.connection.config())

    def make_anew() -> None:
        admin.delete_topics([topic])[topic].result(20)
        storm.stream = Streamed(storm.stream.server, storm.stream.prefix)
        storm.rain(60, poison=0)

    storm.rain(40, poison=0)
    order = storm.order()
    with pytest.raises((RangeRefused, StreamUnreachable)):
        storm.land(order, reader=meddled(storm, make_anew, stall=3))
    assert storm.landings() == []
    # What the new topic holds is landed, and all of it.
    storm.land()
    [landing] = storm.landings()
    assert landing.log != order.log
    assert landing.consumed == 60


def test_the_broker_is_away_when_the_groups_offsets_are_told(
    storm: Storm, real_kafka: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    """Landings are the truth: that the group's offsets can't be written fails nothing."""

    class Forgetful(KafkaReader):
        def commit(self, topic: str, positions: object) -> None:
            real_kafka.kill()
            super().commit(topic, positions)  # type: ignore[arg-type]

    storm.rain(20)
    started = time.monotonic()
    reader = Forgetful(storm.stream.connection, f"{storm.stream.prefix}landing", answer_within=2)
    order = storm.order(reader)
    assert len(storm.land(order, reader=reader)) == 1
    assert time.monotonic() - started < 20
    assert "are behind" in caplog.text
    real_kafka.heal()
    assert_nothing_lost(storm)


def test_the_sensor_looks_while_the_broker_hangs(storm: Storm, real_kafka: Kafka) -> None:
    """It says so within its time, forgets nothing, and asks when the broker is back."""
    watch = Watch(dg.DagsterInstance.ephemeral(), storm.lake, storm.stream, LandingMemory())
    storm.rain(4, poison=0)
    assert "records of" in watch.look()
    real_kafka.pause()
    reader = storm.stream.reader(answer_within=1)
    started = time.monotonic()
    said = watch.look(30, reader)
    assert time.monotonic() - started < 10
    assert isinstance(said, str)
    assert "SENTIMENT_KAFKA_BROKERS" in said
    real_kafka.heal()
    # Four records that have waited for a minute, though nobody could look half way.
    asked = watch.look(30)
    assert watch.run(asked).success
    assert_nothing_lost(storm)


def test_a_producer_sends_again_what_the_broker_has_but_did_not_confirm(
    storm: Storm, real_kafka: Kafka
) -> None:
    """Without idempotence, as others' producers may be: the topic holds it twice, silver once."""
    storm.producer = Producer(
        storm.stream.connection.config(
            **{
                "enable.idempotence": False,
                "acks": "all",
                "request.timeout.ms": 500,
                "socket.timeout.ms": 500,
                "message.timeout.ms": 60_000,
                "retry.backoff.ms": 50,
            }
        )
    )
    flush = storm.flush

    def flush_too_late() -> None:
        # What is sent waits in the broker's sockets, and is sent again when nobody answers.
        storm.producer.poll(2)
        real_kafka.resume()
        flush()

    storm.rain(6, poison=0)
    real_kafka.pause()
    storm.flush = flush_too_late  # type: ignore[method-assign]
    storm.rain(12, poison=0)
    marks = storm.reader.topic_log(storm.stream.topic).watermarks
    copies = sum(mark.high for mark in marks.values()) - len(storm.ledger)
    assert copies > 0
    storm.flush = flush  # type: ignore[method-assign]
    assert_nothing_lost(storm, copies)
