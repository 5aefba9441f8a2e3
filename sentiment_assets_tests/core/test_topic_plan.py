"""What is planned for a topic that differs, what is refused, and what is said before."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from sentiment_assets.core.streams import StreamTopic
from sentiment_assets.core.topic_plan import (
    AddPartitions,
    Change,
    CreateTopic,
    SetConfigs,
    in_words,
    plan_topics,
)
from sentiment_assets.core.topic_states import (
    ClusterState,
    PartitionState,
    Standing,
    TopicState,
    landing_group,
    standing,
)

TOPIC = StreamTopic("x", "posts.x", 3, 2, dt.timedelta(days=3), 1024**2)


def state(
    partitions: int = 3, replicas: tuple[int, ...] = (1, 2), **configs: str | None
) -> TopicState:
    """The topic as it should be, but for what is said; null leaves a setting out."""
    others = {name.replace("_", "."): value for name, value in configs.items()}
    return TopicState(
        "posts.x",
        "id",
        tuple(PartitionState(number, 1, replicas, replicas) for number in range(partitions)),
        {name: value for name, value in {**TOPIC.configs, **others}.items() if value is not None},
    )


def cluster(*topics: TopicState, brokers: tuple[int, ...] = (1, 2, 3)) -> ClusterState:
    return ClusterState(brokers, {topic.name: topic for topic in topics})


@pytest.mark.parametrize(
    ("found", "changes"),
    [
        pytest.param(cluster(state()), (), id="as it should be"),
        pytest.param(cluster(), (CreateTopic(TOPIC),), id="missing"),
        pytest.param(cluster(state(partitions=1)), (AddPartitions(TOPIC, 1),), id="too few"),
        pytest.param(
            cluster(state(retention_ms="60000")),
            (SetConfigs(TOPIC, {"retention.ms": "60000"}, {"retention.ms": "259200000"}),),
            id="a setting differs",
        ),
        pytest.param(
            cluster(state(cleanup_policy=None)),
            (SetConfigs(TOPIC, {}, {"cleanup.policy": "delete"}),),
            id="a setting that the broker does not know of",
        ),
        pytest.param(
            cluster(state(partitions=1, cleanup_policy="compact")),
            (
                AddPartitions(TOPIC, 1),
                SetConfigs(TOPIC, {"cleanup.policy": "compact"}, {"cleanup.policy": "delete"}),
            ),
            id="both",
        ),
        pytest.param(
            cluster(state(), replace(state(1), name="somebody.elses")), (), id="others' topics"
        ),
    ],
)
def test_the_changes_of_a_plan(found: ClusterState, changes: tuple[Change, ...]) -> None:
    plan = plan_topics([TOPIC], found)
    assert (plan.changes, plan.refused) == (changes, ())


@pytest.mark.parametrize(
    ("found", "setting", "note"),
    [
        pytest.param(
            cluster(state(partitions=4)),
            ("partitions", "4", "3"),
            "takes no partition away: set partitions to 4, or",
            id="fewer partitions",
        ),
        pytest.param(
            cluster(state(replicas=(1, 2, 3))),
            ("replication", "3", "2"),
            "kafka-reassign-partitions): set replication to 3, or",
            id="another replication",
        ),
        pytest.param(
            cluster(brokers=(7,)),
            ("replication", None, "2"),
            "the cluster has 1: set replication to 1 at most",
            id="more copies than brokers",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(
    found: ClusterState, setting: tuple[str, str | None, str], note: str
) -> None:
    plan = plan_topics([TOPIC], found)
    (refused,) = plan.refused
    assert plan.changes == ()
    assert plan.differences == (refused,)
    assert (refused.topic, refused.verb) == ("posts.x", "refuse")
    assert (refused.setting, refused.before, refused.after) == setting
    assert note in refused.note


@pytest.mark.parametrize(
    ("found", "note"),
    [
        (state(partitions=1), "most authors' next posts go to another partition"),
        (state(retention_ms="604800000"), "records older than 3 d are removed, landed or not"),
        (state(retention_ms="-1"), "records older than 3 d are removed, landed or not"),
        (state(retention_ms=str(2**63 - 1)), "records older than 3 d are removed"),
        (state(retention_ms="3600000"), ""),
        (state(message_timestamp_type="CreateTime"), "records that are there keep the time"),
        (state(cleanup_policy="compact"), ""),
    ],
    ids=["partitions", "shorter", "without end", "nearly so", "longer", "timestamps", "others"],
)
def test_what_to_know_before_it_is_said(found: TopicState, note: str) -> None:
    (difference,) = plan_topics([TOPIC], cluster(found)).differences
    assert difference.note.startswith(note)
    assert bool(difference.note) == bool(note)


def test_a_new_topic_is_told_whole() -> None:
    (difference,) = plan_topics([TOPIC], cluster()).differences
    assert difference.after == (
        "partitions 3, replication 2, retention.ms 259200000 (3 d), max.message.bytes 1048576, "
        "message.timestamp.type LogAppendTime, cleanup.policy delete, min.insync.replicas 1"
    )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("retention.ms", "86400000", "86400000 (1 d)"),
        ("retention.ms", "-1", "-1"),
        ("retention.ms", str(2**63 - 1), str(2**63 - 1)),
        ("max.message.bytes", "86400000", "86400000"),
    ],
)
def test_settings_in_words(name: str, value: str, said: str) -> None:
    assert in_words(name, value) == said


@pytest.mark.parametrize(
    ("committed", "low", "high", "found"),
    [
        pytest.param(None, 0, 0, Standing(None, 0), id="nothing there"),
        pytest.param(None, 5, 12, Standing(None, 7), id="nothing read"),
        pytest.param(10, 5, 12, Standing(10, 2), id="some"),
        pytest.param(12, 5, 12, Standing(12, 0), id="all"),
        pytest.param(3, 5, 12, Standing(3, 7, lost=2), id="retention was faster"),
        pytest.param(5, 5, 12, Standing(5, 7), id="retention was not"),
        pytest.param(40, 0, 12, Standing(40, 12, ahead=True), id="a topic made anew"),
    ],
)
def test_where_a_group_stands(committed: int | None, low: int, high: int, found: Standing) -> None:
    assert standing(committed, low, high) == found


@pytest.mark.parametrize(
    ("leader", "replicas", "in_sync", "whole"),
    [(1, (1, 2), (2, 1), True), (1, (1, 2), (1,), False), (None, (1,), (1,), False)],
    ids=["all there", "one behind", "nobody leads"],
)
def test_a_whole_partition(
    leader: int | None, replicas: tuple[int, ...], in_sync: tuple[int, ...], whole: bool
) -> None:
    assert PartitionState(0, leader, replicas, in_sync).whole is whole


def test_the_group_has_the_environments_prefix() -> None:
    assert landing_group() == "sentiment-landing"
    assert landing_group("staging.") == "staging.sentiment-landing"
