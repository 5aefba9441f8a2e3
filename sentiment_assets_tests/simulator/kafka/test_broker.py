"""The broker itself: what a test does to it happens, and what it held is still there."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from resources.kafka import KafkaConnection
from sentiment_assets_tests.kafka_server import MOCK_PARTITIONS, KafkaServer, mock_cluster
from simulator.kafka import jars
from simulator.kafka.broker import Kafka
from simulator.kafka.jars import missing

ROOT = Path(__file__).parents[3]


def produce(connection: KafkaConnection, topic: str, *values: bytes) -> None:
    """Records into partition 0; raises unless the broker has acknowledged each."""
    errors: list[object] = []
    producer = Producer(connection.config(acks="all", **{"message.timeout.ms": 20_000}))
    for value in values:
        producer.produce(
            topic, value, partition=0, on_delivery=lambda error, _: errors.append(error)
        )
    assert producer.flush(30) == 0
    assert errors == [None] * len(values)


def records(connection: KafkaConnection, topic: str) -> list[bytes]:
    """What partition 0 holds."""
    consumer = Consumer(connection.config(**{"group.id": "test", "enable.auto.commit": False}))
    while True:
        try:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=20)
            break
        except KafkaException as error:
            # A node that just came back may not lead yet.
            if error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:
                raise
    consumer.assign([TopicPartition(topic, 0, low)])
    found = []
    while len(found) < high - low:
        for message in consumer.consume(high - low, timeout=20):
            assert message.error() is None
            found.append(message.value())
    consumer.close()
    return found


def test_records_come_back_as_they_went(kafka_server: KafkaServer, kafka_prefix: str) -> None:
    topic = f"{kafka_prefix}posts.x"
    kafka_server.make_topic(topic)
    produce(kafka_server.connection, topic, b"1", b"2", b"3")
    assert records(kafka_server.connection, topic) == [b"1", b"2", b"3"]


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_what_was_acknowledged_survives_an_end(
    real_kafka: Kafka, kafka_server: KafkaServer, kafka_prefix: str, how: str
) -> None:
    topic, before = f"{kafka_prefix}posts.x", real_kafka.bootstrap_servers
    kafka_server.make_topic(topic)
    produce(kafka_server.connection, topic, b"1", b"2")
    getattr(real_kafka, how)()
    with pytest.raises(KafkaException):
        AdminClient(kafka_server.connection.config()).list_topics(timeout=0.5)
    real_kafka.restart()
    assert real_kafka.bootstrap_servers == before
    assert records(kafka_server.connection, topic) == [b"1", b"2"]


def test_a_paused_broker_takes_connections_and_answers_nothing(
    real_kafka: Kafka, kafka_server: KafkaServer
) -> None:
    admin = AdminClient(kafka_server.connection.config())
    admin.list_topics(timeout=10)
    real_kafka.pause()
    with pytest.raises(KafkaException):
        admin.list_topics(timeout=0.5)
    real_kafka.resume()
    assert admin.list_topics(timeout=10).brokers


@pytest.mark.parametrize("how", ["stop", "pause"])
def test_whatever_was_done_to_it_is_healed(
    real_kafka: Kafka, kafka_server: KafkaServer, how: str
) -> None:
    getattr(real_kafka, how)()
    real_kafka.heal()
    assert AdminClient(kafka_server.connection.config()).list_topics(timeout=10).brokers


def test_it_listens_on_loopback_alone(real_kafka: Kafka) -> None:
    listening = {
        connection.laddr.ip.removeprefix("::ffff:")
        for connection in psutil.Process(real_kafka.nodes[0].pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


@pytest.mark.usefixtures("real_kafka")
def test_any_node_of_three_may_be_away() -> None:
    with Kafka(nodes=3) as kafka:
        connection = KafkaConnection(kafka.bootstrap_servers)
        admin = AdminClient(connection.config())
        new = NewTopic("posts.x", 1, 3, config={"min.insync.replicas": "2"})
        admin.create_topics([new])["posts.x"].result(20)
        # It was made, and not every broker knows of it yet.
        while "posts.x" not in (known := admin.list_topics(timeout=10).topics):
            continue
        leader = known["posts.x"].partitions[0].leader
        kafka.kill(leader)
        # Another takes over, and the two that are left have it.
        produce(connection, "posts.x", b"1")
        told = admin.list_topics("posts.x", timeout=10).topics["posts.x"].partitions[0]
        assert len(told.isrs) == 2
        assert leader not in told.isrs


class Command:
    """``python -m simulator.kafka`` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "simulator.kafka", "--folder", str(folder)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        servers = json.loads(self.process.stdout.readline())["bootstrap_servers"]
        self.connection = KafkaConnection(servers)
        (self.broker,) = psutil.Process(self.process.pid).children()

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=30)
        self.broker.wait(10)
        return self.process.returncode


@pytest.mark.usefixtures("real_kafka")
def test_the_command_keeps_its_records_and_leaves_no_broker_behind(tmp_path: Path) -> None:
    first = Command(tmp_path / "kafka")
    admin = AdminClient(first.connection.config())
    admin.create_topics([NewTopic("posts.x", 1, 1)])["posts.x"].result(20)
    produce(first.connection, "posts.x", b"1")
    assert first.end(signal.SIGTERM) == 0
    second = Command(tmp_path / "kafka")
    assert records(second.connection, "posts.x") == [b"1"]
    # Nobody is left who could stop it.
    assert second.end(signal.SIGKILL) == -signal.SIGKILL


def test_the_mock_serves_what_tests_without_administration_need() -> None:
    with mock_cluster() as connection:
        server = KafkaServer(connection, None, "for this test", mocked=True)
        server.make_topic("posts.x")
        topics = AdminClient(connection.config()).list_topics(timeout=10).topics
        assert len(topics["posts.x"].partitions) == MOCK_PARTITIONS
        produce(connection, "posts.x", b"1")
        assert records(connection, "posts.x") == [b"1"]


def program(folder: Path, name: str, script: str) -> None:
    """A program of that name, and nothing else, on a PATH of its own."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


OLD = "echo 'openjdk version \"11.0.2\" 2019-01-15' >&2"
NEW = "echo 'openjdk version \"21.0.2\" 2024-01-16' >&2"
LOST = "echo '[INFO] so'; echo '[ERROR] Could not transfer artifact'; exit 1"


@pytest.mark.parametrize(
    ("programs", "said"),
    [
        pytest.param({}, "needs Java 17, and there is none; on Debian: apt-get", id="no Java"),
        pytest.param({"java": OLD}, "needs Java 17, not 11; on Debian: apt-get", id="old Java"),
        pytest.param({"java": "exit 1"}, "not an unknown version", id="no Java after all"),
        pytest.param({"java": NEW}, "fetched by Maven, and there is none; on Deb", id="no Maven"),
        pytest.param(
            {"java": NEW, "mvn": LOST},
            "is Maven Central reached, or a mirror named in ~/.m2/settings.xml? Maven says: Could",
            id="no network",
        ),
    ],
)
def test_what_is_missing_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: dict[str, str], said: str
) -> None:
    path = tmp_path / "bin"
    path.mkdir()
    for name, script in programs.items():
        program(path, name, script)
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    lacking = missing(tmp_path / "cache", fetch=True)
    assert lacking is not None
    assert said in lacking
    assert "\n" not in lacking
    # What could not be fetched is not taken for fetched.
    assert [path.name for path in (tmp_path / "cache").glob("[!.]*")] == []


def test_the_target_never_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert jars.main() == 0
    assert capsys.readouterr().out.startswith("no Kafka broker, tests will use librdkafka's mock")
