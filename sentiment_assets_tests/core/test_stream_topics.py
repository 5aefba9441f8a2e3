"""Topics as an operator writes them: what holds of each, and what is told of a wrong file."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from resources.settings import PROJECT_ROOT, SettingsError, read_settings
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.stream_topics import (
    DEFAULTS,
    StreamsError,
    TopicValues,
    parse_streams,
)
from sentiment_assets.core.streams import StreamTopic
from sentiment_assets.definitions import build_defs

OWN = """
version: 1
topics:
  partitions: 6
  replication: 3
  retention: 1.5 d
platforms:
  x:
    partitions: 24
    max_message_size: 256 KB
  linkedin:
    retention: 90min
"""


def values(topic: StreamTopic) -> TopicValues:
    return TopicValues(
        topic.partitions, topic.replication, topic.retention, topic.max_message_bytes
    )


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        pytest.param(
            "facebook", TopicValues(6, 3, dt.timedelta(hours=36), 1024**2), id="those of all"
        ),
        pytest.param(
            "x", TopicValues(24, 3, dt.timedelta(hours=36), 256 * 1024), id="its own before"
        ),
        pytest.param(
            "linkedin", TopicValues(6, 3, dt.timedelta(minutes=90), 1024**2), id="no space"
        ),
    ],
)
def test_the_nearest_value_holds(platform: str, expected: TopicValues) -> None:
    found = {topic.platform: topic for topic in parse_streams(OWN, "streams.yaml")}
    assert values(found[platform]) == expected


def test_every_platform_has_a_topic_of_the_environments_name() -> None:
    topics = parse_streams("version: 1", "streams.yaml", "staging.")
    assert [topic.platform for topic in topics] == list(PLATFORMS)
    assert [topic.name for topic in topics] == [f"staging.posts.{name}" for name in PLATFORMS]
    assert {values(topic) for topic in topics} == {DEFAULTS}


@pytest.mark.parametrize(
    ("replication", "in_sync"), [(1, "1"), (2, "1"), (3, "2")], ids=["one", "two", "three"]
)
def test_what_the_broker_is_told(replication: int, in_sync: str) -> None:
    text = f"version: 1\ntopics: {{replication: {replication}, retention: 2 d}}"
    assert parse_streams(text, "streams.yaml")[0].configs == {
        "retention.ms": "172800000",
        "max.message.bytes": "1048576",
        "message.timestamp.type": "LogAppendTime",
        "cleanup.policy": "delete",
        "min.insync.replicas": in_sync,
    }


WRONG = [
    ("", ":1: the file is empty"),
    ("topics: {partitions: 3}", "version is missing"),
    ("version: 2", "reads version: 1"),
    ("version: 1\ntopics: 3", "topics must hold keys and values, found a number"),
    ("version: 1\ntopics:\n  partition: 3", ":3: unknown key topics.partition; did you mean p"),
    ("version: 1\ntopics:\n  compression: zstd", "known here: partitions, replication, retention"),
    ("version: 1\ntopics:\n  partitions: 0", "topics.partitions must be a number from 1 to 1000"),
    ("version: 1\ntopics:\n  partitions: 1001", "to 1000, not 1001; for example: partitions: 3"),
    ("version: 1\ntopics:\n  partitions: 2.5", "must be a whole number, not 2.5"),
    ("version: 1\ntopics:\n  partitions: many", "must be a number from 1 to 1000, found text"),
    ("version: 1\ntopics:\n  partitions: .nan", "must be a number from 1 to 1000"),
    ("version: 1\ntopics:\n  partitions: 3\n  partitions: 4", ":4: topics.partitions stands twi"),
    ("version: 1\ntopics:\n  replication: 8", "topics.replication must be a number from 1 to 7"),
    ("version: 1\ntopics:\n  retention: 3", ":3: topics.retention must be a time from 1 h to 30"),
    ("version: 1\ntopics:\n  retention: 3 w", "in min, h or d; for example: retention: 3 d"),
    ("version: 1\ntopics:\n  retention: 59 min", "must be a time from 1 h to 30 d, not 59 min"),
    ("version: 1\ntopics:\n  retention: 31 d", "must be a time from 1 h to 30 d, not 31 d"),
    ("version: 1\ntopics:\n  retention: [3 d]", ":3: topics.retention must be a time"),
    ("version: 1\ntopics:\n  max_message_size: 1000", "in KB or MB; for example: max_message_si"),
    ("version: 1\ntopics:\n  max_message_size: 63 KB", "a size from 64 KB to 16 MB, not 63 KB"),
    ("version: 1\ntopics:\n  max_message_size: 1 GB", "a size from 64 KB to 16 MB, in KB or MB"),
    ("version: 1\nplatforms:\n  linkdin: {partitions: 1}", "did you mean linkedin?"),
    ("version: 1\nplatforms:\n  x:\n    retention: 1 y", ":4: platforms.x.retention must be a ti"),
    ("version: 1\nplatforms:\n  x:", ":3: platforms.x must hold keys and values, found nothing"),
    ("version: 1\ntopics: {", "not readable as YAML"),
]


@pytest.mark.parametrize(("text", "told"), WRONG)
def test_a_wrong_file_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(StreamsError) as refused:
        parse_streams(text, "streams.yaml")
    assert str(refused.value).startswith("streams.yaml:")
    assert told in str(refused.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(StreamsError) as refused:
        parse_streams(
            "version: 1\ntopics: {partitions: 0}\nplatforms: {x: {retention: 3}}", "streams.yaml"
        )
    assert len(refused.value.problems) == 2
    assert str(refused.value).startswith("2 problems in the streams:")


def test_the_file_of_the_project_says_the_defaults() -> None:
    topics = read_settings({}, kafka_prefix="staging.").read_streams()
    assert {values(topic) for topic in topics} == {DEFAULTS}
    assert topics[0].name == "staging.posts.x"
    written = (PROJECT_ROOT / "streams.yaml").read_text()
    example = written.replace("\n# platforms", "\nplatforms").replace("\n#   ", "\n  ")
    x, *others = parse_streams(example, "the example")
    assert x.partitions == 12
    assert {values(topic) for topic in others} == {DEFAULTS}


def test_a_missing_file_is_told_with_its_setting() -> None:
    settings = read_settings({}, streams="/no/such/file.yaml")
    with pytest.raises(SettingsError, match=r"SENTIMENT_STREAMS: cannot read /no/such/file.yaml"):
        settings.read_streams()


def test_a_mistake_is_told_when_definitions_load(tmp_path: Path) -> None:
    wrong = tmp_path / "streams.yaml"
    wrong.write_text("version: 1\ntopics: {partitions: none}")
    with pytest.raises(StreamsError, match=r"streams.yaml:2: topics.partitions must be a number"):
        build_defs(read_settings({}, streams=wrong))
