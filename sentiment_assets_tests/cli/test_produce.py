"""``sentiment produce`` as a process: from pushes and stream to a broker, and its end."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, TopicPartition

from resources.environments import open_producer
from resources.kafka import KafkaConnection
from resources.settings import read_settings
from sentiment_assets.cli import cli
from sentiment_assets.core.parsers import Post
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.streams import read_headers
from sentiment_assets.core.tracking import TrackedSource
from sentiment_assets_tests.kafka_server import KafkaServer
from sentiment_assets_tests.simulated import SimulatedPlatform, running_simulator
from simulator.kafka.broker import Kafka

ROOT = Path(__file__).parents[2]
SECRET = "push-secret"
SECRETS = {
    "SENTIMENT_FACEBOOK_VERIFY_TOKEN": "verify-me",
    "SENTIMENT_FACEBOOK_APP_SECRET": SECRET,
    "SENTIMENT_INSTAGRAM_VERIFY_TOKEN": "verify-me",
    "SENTIMENT_INSTAGRAM_APP_SECRET": SECRET,
    "SENTIMENT_LINKEDIN_CLIENT_ID": "app",
    "SENTIMENT_LINKEDIN_CLIENT_SECRET": SECRET,
}
SOURCES = {
    "facebook": TrackedSource("brand", "page", "104857600001001"),
    "instagram": TrackedSource("brand", "account", "17841400000001001"),
    "linkedin": TrackedSource("brand", "organization", "104857601"),
}


def now() -> dt.datetime:
    return dt.datetime.now(dt.timezone.utc)


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """Where receivers will listen: the simulator pushes there until they do."""
    listeners = {name: socket.create_server(("127.0.0.1", 0)) for name in SOURCES}
    found = {name: listener.getsockname()[1] for name, listener in listeners.items()}
    for listener in listeners.values():
        listener.close()
    return found


@pytest.fixture(scope="module")
def simulator(ports: Mapping[str, int]) -> Iterator[dict[str, SimulatedPlatform]]:
    push = [
        f"--push={name}=http://127.0.0.1:{port}/webhooks/{name}" for name, port in ports.items()
    ]
    quiet = ("--posts-per-day", "0", "--comments-per-day", "0")
    with running_simulator(now(), *quiet, *push, "--push-secret", SECRET) as served:
        for platform in served.values():
            platform.free_clock()
            platform.client.clock = now
        yield served


@pytest.fixture
def environment(
    simulator: dict[str, SimulatedPlatform],
    kafka_server: KafkaServer,
    kafka_prefix: str,
    tmp_path: Path,
) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "SENTIMENT_HOME": str(tmp_path),
        "SENTIMENT_KAFKA_BROKERS": kafka_server.connection.brokers,
        "SENTIMENT_KAFKA_PREFIX": kafka_prefix,
        **SECRETS,
        **{
            f"SENTIMENT_{name.upper()}_BASE_URL": platform.url
            for name, platform in simulator.items()
        },
    }


@contextmanager
def producing(environment: Mapping[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command, once it says that it produces."""
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("sentiment")), "produce", *arguments],
        cwd=ROOT,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        assert first.startswith("producing to "), first + process.stderr.read()
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[int, str, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=40)
    return process.returncode, out, err


def messages(
    connection: KafkaConnection, topic: str, count: int, *, distinct: bool = False
) -> list[Any]:
    """So many records, from the beginning; ``distinct``: of so many different values."""
    consumer = Consumer(connection.config(**{"group.id": "test", "enable.auto.commit": False}))
    partitions = consumer.list_topics(topic, 20).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    found: list[Any] = []
    deadline = time.monotonic() + 20
    while len({m.value() for m in found} if distinct else found) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count}"
        found += [m for m in consumer.consume(count, timeout=0.5) if m.error() is None]
    consumer.close()
    return found


def identity(row: Post) -> tuple[Any, ...]:
    return (
        row.chain_id,
        row.author_id,
        row.conversation_id,
        row.kind,
        row.created_at,
        row.text,
        tuple(row.link_domains),
    )


@pytest.mark.parametrize("name", list(SOURCES))
def test_what_is_pushed_is_the_row_that_is_fetched(
    simulator: dict[str, SimulatedPlatform],
    environment: dict[str, str],
    kafka_server: KafkaServer,
    kafka_prefix: str,
    ports: Mapping[str, int],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    # Asking the mock for the topic's limit would take ten seconds.
    monkeypatch.setattr("resources.producers.publisher.topic_limit", lambda *_: 1_000_000)
    platform, topic = simulator[name], f"{kafka_prefix}posts.{name}"
    kafka_server.make_topic(topic)
    at = now() - dt.timedelta(seconds=30)
    post = platform.post("Nimbus 4 is here", at)
    comment = platform.post("so good", at, parent=post, author="Ada Lovelace")
    platform.post("thank you", at, parent=comment, author="Bob Example")
    posts = 1 if name == "facebook" else 0
    # In this process, which has loaded everything: a start of the command takes seconds.
    running = open_producer(
        read_settings(environment), name, poll=False, host="127.0.0.1", port=ports[name]
    )
    stopping = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        ending = pool.submit(running.run, stopping, lambda counts, read: None)
        # On a slow machine one is answered too late, and comes again.
        found = messages(kafka_server.connection, topic, posts + 2, distinct=True)
        stopping.set()
        outcome = ending.result(30)

    assert (outcome.error, outcome.left) == (None, 0)
    assert outcome.published.acknowledged >= posts + 2
    parser = PLATFORMS[name].parser
    pushed = {identity(parser.parse(message.value())) for message in found}
    search = platform.client.search(SOURCES[name], at - dt.timedelta(minutes=1), now())
    rows = [parser.parse(record) for page in search for record in page.records]
    fetched = {identity(row) for row in rows if posts or row.kind != "post"}
    assert pushed <= fetched
    assert {row[3] for row in pushed} == {"comment", "reply", *(["post"] if posts else [])}
    headers = read_headers(found[0].headers())
    assert (headers["platform"], headers["origin"]) == (name, "simulated")
    assert "Ada" not in caplog.text
    platform.forget()


def test_the_stream_is_produced_until_it_is_told_to_stop(
    simulator: dict[str, SimulatedPlatform],
    environment: dict[str, str],
    kafka_server: KafkaServer,
    kafka_prefix: str,
) -> None:
    topic = f"{kafka_prefix}posts.x"
    kafka_server.make_topic(topic)
    logged = {"SENTIMENT_LOG_FORMAT": "json", "SENTIMENT_METRICS_NAMESPACE": "Sentiment"}
    before = _connections(simulator["x"])
    with producing({**environment, **logged}, "x") as process:
        _connected(simulator["x"], before)
        wanted = [simulator["x"].post(f"nimbus {number}", now()) for number in range(20)]
        messages(kafka_server.connection, topic, 20)
        code, out, err = ended(process)

    found = messages(kafka_server.connection, topic, 20)
    assert code == 0, out + err
    assert {msgspec.json.decode(m.value())["data"]["id"] for m in found} == set(wanted)
    lines = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    report = next(line for line in lines if line["message"] == "published to Kafka")
    assert (report["acknowledged"], report["platform"]) == (20, "x")
    assert report["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["platform"]]
    assert "nimbus" not in err
    simulator["x"].forget()


def test_while_kafka_is_away_a_stop_waits_and_says_what_is_left(
    simulator: dict[str, SimulatedPlatform],
    environment: dict[str, str],
    real_kafka: Kafka,
    kafka_server: KafkaServer,
    kafka_prefix: str,
) -> None:
    topic = f"{kafka_prefix}posts.x"
    kafka_server.make_topic(topic)
    before = _connections(simulator["x"])
    with producing({**environment, "SENTIMENT_PRODUCE_STOP_SECONDS": "1"}, "x") as process:
        _connected(simulator["x"], before)
        simulator["x"].post("nimbus first", now())
        messages(kafka_server.connection, topic, 1)
        real_kafka.pause()
        simulator["x"].post("nimbus second", now())
        time.sleep(1)
        code, out, _ = ended(process, signal.SIGINT)

    assert code == 1
    assert "1 are left" in out
    simulator["x"].forget()


def test_a_second_signal_ends_it_at_once(
    simulator: dict[str, SimulatedPlatform],
    environment: dict[str, str],
    real_kafka: Kafka,
    kafka_server: KafkaServer,
    kafka_prefix: str,
) -> None:
    topic = f"{kafka_prefix}posts.x"
    kafka_server.make_topic(topic)
    before = _connections(simulator["x"])
    with producing({**environment, "SENTIMENT_PRODUCE_STOP_SECONDS": "600"}, "x") as process:
        _connected(simulator["x"], before)
        simulator["x"].post("nimbus first", now())
        messages(kafka_server.connection, topic, 1)
        real_kafka.pause()
        simulator["x"].post("nimbus second", now())
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == -signal.SIGTERM
    simulator["x"].forget()


def test_killed_and_started_again_the_stream_brings_what_was_missed(
    simulator: dict[str, SimulatedPlatform],
    environment: dict[str, str],
    kafka_server: KafkaServer,
    kafka_prefix: str,
) -> None:
    topic = f"{kafka_prefix}posts.x"
    kafka_server.make_topic(topic)
    patient = {**environment, "SENTIMENT_X_STREAM_BACKFILL_MINUTES": "5"}
    before = _connections(simulator["x"])
    with producing(patient, "x") as process:
        _connected(simulator["x"], before)
        first = simulator["x"].post("nimbus first", now())
        messages(kafka_server.connection, topic, 1)
        process.kill()
        process.wait(10)
    missed = simulator["x"].post("nimbus missed", now())
    with producing(patient, "x") as process:
        found = messages(kafka_server.connection, topic, 3)
        ended(process)

    # The first comes twice: silver keeps one.
    ids = [msgspec.json.decode(message.value())["data"]["id"] for message in found]
    assert sorted(ids) == sorted([first, first, missed])
    simulator["x"].forget()


REFUSALS: list[tuple[dict[str, str], tuple[str, ...], int, str]] = [
    ({"SENTIMENT_KAFKA_BROKERS": ""}, ("x",), 2, "SENTIMENT_KAFKA_BROKERS is not set"),
    ({}, ("y",), 2, "is not one of"),
    ({"SENTIMENT_FACEBOOK_APP_SECRET": ""}, ("facebook",), 2, "SENTIMENT_FACEBOOK_APP_SECRET"),
    ({}, ("x",), 1, "sentiment topics apply"),
    ({}, ("facebook", "--port", "{taken}"), 2, "--port 0 takes any free port"),
]


@pytest.mark.parametrize(("more", "arguments", "code", "said"), REFUSALS)
def test_what_is_wrong_is_told_before_anything_is_read(
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    more: dict[str, str],
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    # Asking the mock for the topic's limit would take ten seconds.
    monkeypatch.setattr("resources.producers.publisher.topic_limit", lambda *_: 1_000_000)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = [argument.replace("{taken}", port) for argument in arguments]
        done = CliRunner().invoke(cli, ["produce", *told], env={**environment, **more})

    assert done.exit_code == code, done.output
    assert said in done.output


def _connections(platform: SimulatedPlatform) -> int:
    """How often the stream was opened."""
    state = httpx.get(f"{platform.url}/_control/state", trust_env=False).json()
    told = state["endpoints"].get("/2/tweets/search/stream", {"statuses": {}})
    return int(told["statuses"].get("200", 0))


def _connected(platform: SimulatedPlatform, before: int) -> None:
    """Returns when somebody has opened the stream once more; its first line marks what is new."""
    deadline = time.monotonic() + 30
    while _connections(platform) == before:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.3)
