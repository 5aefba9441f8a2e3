"""`sentiment topics`: what it shows, what it changes, and how it ends."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, Producer, TopicPartition

from resources.kafka import KafkaConnection
from resources.kafka_topics import TopicAdmin
from resources.settings import SettingsError, read_settings
from sentiment_assets.cli import cli, main
from sentiment_assets.core.checked_yaml import FileProblems
from sentiment_assets.core.landings import Landing, log_name
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.lake.landings import add_landing
from simulator.kafka.broker import Kafka

Invoke = Callable[..., Any]


@pytest.fixture
def described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes the file that describes the topics."""
    path = tmp_path / "streams.yaml"
    monkeypatch.setenv("SENTIMENT_STREAMS", str(path))

    def write(text: str) -> None:
        path.write_text(f"version: 1\n{text}")

    write("topics: {partitions: 2}")
    return write


@pytest.fixture
def invoke(
    kafka: KafkaConnection, kafka_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Invoke:
    """Run the command in this process; errors of settings and of the cluster raise."""
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SENTIMENT_KAFKA_BROKERS", kafka.brokers)
    monkeypatch.setenv("SENTIMENT_KAFKA_PREFIX", kafka_prefix)

    def run(*arguments: str, text: str | None = None, code: int = 0) -> Any:
        result = CliRunner().invoke(cli, ["topics", *arguments], input=text)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return run


def rows(result: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.usefixtures("real_kafka")
def test_topics_are_made_after_a_yes_and_then_left_alone(
    invoke: Invoke, described: Callable[[str], None], kafka_prefix: str
) -> None:
    names = [f"{kafka_prefix}posts.{platform}" for platform in PLATFORMS]
    asked = invoke("apply", text="n\n", code=1)
    for name in names:
        assert f"+ {name}: create, with partitions 2, replication 1, retention.ms" in asked.output
    assert asked.output.endswith("Aborted!\n")
    assert [row["exists"] for row in rows(invoke("status", "--json", code=1))] == [False] * 4
    assert invoke("apply", text="y\n").output.endswith(
        "Done: all 4 topics are as streams.yaml says.\n"
    )
    assert invoke("apply").output == "Nothing to do: all 4 topics are as streams.yaml says.\n"
    status = rows(invoke("status", "--json"))
    assert [(row["topic"], row["partition"]) for row in status] == [
        (name, number) for name in names for number in (0, 1)
    ]


@pytest.mark.usefixtures("real_kafka")
def test_a_difference_is_a_line_and_is_applied(
    invoke: Invoke, described: Callable[[str], None], kafka_prefix: str
) -> None:
    invoke("apply", "--yes")
    described("topics: {partitions: 2}\nplatforms: {x: {partitions: 3, retention: 1 d}}")
    name = f"{kafka_prefix}posts.x"
    shown = rows(invoke("apply", "--json"))
    assert [(row["setting"], row["before"], row["after"], row["applied"]) for row in shown] == [
        ("partitions", "2", "3", False),
        ("retention.ms", "259200000", "86400000", False),
    ]
    assert {row["topic"] for row in shown} == {name}
    told = invoke("apply", text="y\n").output.splitlines()
    assert told[0].startswith(f"~ {name}: partitions 2 -> 3; most authors' next posts go to")
    assert told[1] == (
        f"~ {name}: retention.ms 259200000 (3 d) -> 86400000 (1 d); "
        "records older than 1 d are removed, landed or not"
    )
    described("topics: {partitions: 2}\nplatforms: {x: {partitions: 4, retention: 1 d}}")
    assert [row["applied"] for row in rows(invoke("apply", "--yes", "--json"))] == [True]
    assert rows(invoke("apply", "--json")) == []


@pytest.mark.usefixtures("real_kafka")
def test_what_cannot_be_stops_everything(
    invoke: Invoke, described: Callable[[str], None], kafka_prefix: str
) -> None:
    invoke("apply", "--yes")
    described("topics: {partitions: 1}\nplatforms: {x: {partitions: 3}}")
    refused = invoke("apply", "--yes", code=1).output
    assert (
        f"! {kafka_prefix}posts.facebook: partitions 2 -> 1 cannot be; Kafka takes no partition "
        "away: set partitions to 2"
    ) in refused
    assert refused.endswith("Nothing was changed.\n")
    assert {row["verb"] for row in rows(invoke("apply", "--json", code=1))} == {"refuse", "change"}
    described("topics: {partitions: 2}")
    assert invoke("apply").output.startswith("Nothing to do")


@pytest.mark.usefixtures("real_kafka")
def test_the_status_of_a_topic_that_is_read(
    invoke: Invoke, described: Callable[[str], None], kafka: KafkaConnection, kafka_prefix: str
) -> None:
    invoke("apply", "--yes")
    name, group = f"{kafka_prefix}posts.x", f"{kafka_prefix}sentiment-landing"
    producer = Producer(kafka.config(acks="all"))
    for _ in range(5):
        producer.produce(name, b"secret text", key=b"author", partition=1)
    assert producer.flush(20) == 0
    consumer = Consumer(kafka.config(**{"group.id": group, "enable.auto.commit": False}))
    consumer.commit(offsets=[TopicPartition(name, 1, 3)], asynchronous=False)
    consumer.close()
    first, second = rows(invoke("status", "--json"))[:2]
    assert (first["high"], first["committed"], first["lag"], first["newest_seconds"]) == (
        0, None, 0, None,
    )  # fmt: skip
    assert (second["low"], second["high"], second["committed"], second["lag"]) == (0, 5, 3, 2)
    assert 0 <= second["newest_seconds"] < 60
    assert (second["leader"], second["in_sync"], second["replicas"]) == (1, 1, 1)
    assert second["topic_id"] == TopicAdmin(kafka).read([name]).topics[name].topic_id
    shown = invoke("status").output
    cells = [re.split(r"\s{2,}", line) for line in shown.splitlines()]
    assert cells[0] == [
        "topic", "part", "leader", "in sync", "low", "high", "landed", "lag", "newest",
    ]  # fmt: skip
    assert cells[1] == [name, "0", "1", "1 of 1", "0", "0", "·", "0", "·"]
    # Nothing was landed: the group alone says how far somebody has come.
    assert cells[2] == [name, "1", "1", "1 of 1", "0", "5", "·", "2", "0 min"]
    assert f"1 broker; the group {group} mirrors what was landed" in shown
    assert "secret" not in shown
    landed_by_hand(name, second["topic_id"], {0: 0, 1: 4})
    second = rows(invoke("status", "--json"))[1]
    assert (second["landed"], second["committed"], second["lag"]) == (4, 3, 1)


def landed_by_hand(topic: str, topic_id: str, positions: dict[int, int]) -> None:
    """A landing that ends there, in the lake of the settings."""
    landing = Landing(
        topic,
        "x",
        log_name(topic_id),
        0,
        [],
        positions,
        [],
        "run",
        dt.datetime.now(dt.timezone.utc),
    )
    add_landing(read_settings().open_lake(), landing)


@pytest.mark.usefixtures("real_kafka")
def test_a_missing_topic_ends_with_1(invoke: Invoke, described: Callable[[str], None]) -> None:
    shown = invoke("status", code=1).output
    assert shown.count("the topic is missing; `sentiment topics apply` makes it") == len(PLATFORMS)


@pytest.mark.parametrize("verb", ["apply", "status"])
def test_without_a_cluster_the_setting_is_named(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.delenv("SENTIMENT_KAFKA_BROKERS")
    with pytest.raises(SettingsError, match="SENTIMENT_KAFKA_BROKERS: needed to speak to Kafka"):
        invoke(verb)


def test_a_wrong_file_is_told_before_the_cluster_is_asked(
    invoke: Invoke, described: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTIMENT_KAFKA_BROKERS", "127.0.0.1:9")
    described("topics: {partitions: none}")
    with pytest.raises(FileProblems, match=r"streams.yaml:2: topics.partitions must be a number"):
        invoke("apply")


@pytest.mark.usefixtures("invoke")
def test_an_outage_ends_the_process_with_1(
    real_kafka: Kafka, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real_kafka.stop()
    assert TopicAdmin.__init__.__kwdefaults__ is not None
    monkeypatch.setitem(TopicAdmin.__init__.__kwdefaults__, "seconds", 1.0)
    monkeypatch.setattr("sys.argv", ["sentiment", "topics", "status"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert told.startswith("sentiment: Kafka could not tell of the topics: no answer from ")
    assert "check SENTIMENT_KAFKA_BROKERS" in told


def test_the_verbs_are_a_group() -> None:
    group = cli.commands["topics"]
    assert isinstance(group, click.Group)
    assert sorted(group.commands) == ["apply", "status"]
