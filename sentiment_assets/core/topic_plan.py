"""What must change for topics to be as ``streams.yaml`` says: a comparison of values.

What belongs here: which changes there are, which can't be made, and what an operator should know
before. Carrying them out is ``resources.kafka_topics``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sentiment_assets.core.deadlines import spelled
from sentiment_assets.core.streams import StreamTopic
from sentiment_assets.core.topic_states import ClusterState, TopicState

RETENTION = "retention.ms"
TIMESTAMPS = "message.timestamp.type"


@dataclass(frozen=True)
class CreateTopic:
    """The cluster has no such topic."""

    topic: StreamTopic


@dataclass(frozen=True)
class AddPartitions:
    """The topic has fewer partitions than it should."""

    topic: StreamTopic
    before: int


@dataclass(frozen=True)
class SetConfigs:
    """Settings of the topic differ: name -> what it is, and what it should be."""

    topic: StreamTopic
    before: Mapping[str, str]
    after: Mapping[str, str]


Change = CreateTopic | AddPartitions | SetConfigs


@dataclass(frozen=True)
class Difference:
    """One line of a plan, for people and programs."""

    topic: str
    #: ``create``, ``change`` or ``refuse``.
    verb: str
    #: What of the topic; for a new one all of it.
    setting: str
    before: str | None
    after: str
    #: What to know before, or, where it is refused, what to do instead.
    note: str = ""


@dataclass(frozen=True)
class TopicPlan:
    """What to change, and what can't be."""

    changes: tuple[Change, ...]
    refused: tuple[Difference, ...] = ()

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Every line of it."""
        told = [line for change in self.changes for line in _lines(change)]
        return (*told, *self.refused)


def plan_topics(wanted: Iterable[StreamTopic], found: ClusterState) -> TopicPlan:
    """Compare topics with what a cluster has; nothing is planned for topics of others."""
    changes: list[Change] = []
    refused: list[Difference] = []
    brokers = len(found.brokers)
    for topic in wanted:
        have = found.topics.get(topic.name)
        if have is None:
            if topic.replication > brokers:
                said = f"the cluster has {brokers}: set replication to {brokers} at most"
                refused.append(_refusal(topic, "replication", None, topic.replication, said))
            else:
                changes.append(CreateTopic(topic))
            continue
        refused += _impossible(topic, have)
        if topic.partitions > len(have.partitions):
            changes.append(AddPartitions(topic, len(have.partitions)))
        after = {
            name: value for name, value in topic.configs.items() if have.configs.get(name) != value
        }
        if after:
            before = {name: have.configs[name] for name in after if name in have.configs}
            changes.append(SetConfigs(topic, before, after))
    return TopicPlan(tuple(changes), tuple(refused))


def in_words(name: str, value: str) -> str:
    """A setting's value; a length of time also as people say it."""
    length = _length(value) if name == RETENTION else None
    return value if length is None else f"{value} ({spelled(length)})"


def _impossible(topic: StreamTopic, have: TopicState) -> Iterable[Difference]:
    number = len(have.partitions)
    if topic.partitions < number:
        said = (
            f"Kafka takes no partition away: set partitions to {number}, or land all that waits, "
            "delete the topic and apply again"
        )
        yield _refusal(topic, "partitions", number, topic.partitions, said)
    if topic.replication != have.replication:
        said = (
            f"copies are moved by the cluster's own tool (kafka-reassign-partitions): set "
            f"replication to {have.replication}, or reassign the partitions first"
        )
        yield _refusal(topic, "replication", have.replication, topic.replication, said)


def _refusal(
    topic: StreamTopic, setting: str, before: int | None, after: int, note: str
) -> Difference:
    told = None if before is None else str(before)
    return Difference(topic.name, "refuse", setting, told, str(after), note)


def _lines(change: Change) -> Iterable[Difference]:
    topic = change.topic
    match change:
        case CreateTopic():
            what = [f"partitions {topic.partitions}", f"replication {topic.replication}"]
            what += [f"{name} {in_words(name, value)}" for name, value in topic.configs.items()]
            yield Difference(topic.name, "create", "topic", None, ", ".join(what))
        case AddPartitions(before=before):
            note = (
                "most authors' next posts go to another partition: their order across the change "
                "is not kept"
            )
            yield Difference(
                topic.name, "change", "partitions", str(before), str(topic.partitions), note
            )
        case SetConfigs(before=values, after=after):
            for name, value in after.items():
                now = values.get(name)
                note = _before_it(name, now, value)
                yield Difference(topic.name, "change", name, now, value, note)


def _before_it(name: str, now: str | None, value: str) -> str:
    if name == TIMESTAMPS:
        return "records that are there keep the time that their producer gave them"
    if name == RETENTION and now is not None:
        kept, longer = _length(value), _length(now)
        if kept is not None and (longer is None or kept < longer):
            return f"records older than {spelled(kept)} are removed, landed or not"
    return ""


def _length(value: str) -> dt.timedelta | None:
    """A length in milliseconds; null for one without end, as -1 and the greatest number are."""
    try:
        return dt.timedelta(milliseconds=int(value)) if int(value) >= 0 else None
    except OverflowError:
        return None
