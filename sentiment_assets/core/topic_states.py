"""What a Kafka cluster has of our topics, and where a group stands in them, as values.

What belongs here: partitions with their copies and offsets, and what follows of them. How a topic
should be is ``streams``; asking a cluster is ``resources.kafka_topics``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

#: Whose committed offsets tools of Kafka see. What was landed is said by the landing's manifests.
_GROUP = "sentiment-landing"


@dataclass(frozen=True)
class PartitionState:
    """A partition as the cluster tells it; offsets are null where nobody leads it."""

    number: int
    #: Number of the broker that serves it; null where none does.
    leader: int | None
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]
    #: Offset of the oldest record that is still there.
    low: int | None = None
    #: Offset of the next record to come.
    high: int | None = None
    #: The broker's time of the newest record; null where there is none.
    newest_at: dt.datetime | None = None

    @property
    def whole(self) -> bool:
        """It is served, and every copy of it is up to date."""
        return self.leader is not None and set(self.in_sync) >= set(self.replicas)


@dataclass(frozen=True)
class TopicState:
    """A topic as the cluster has it."""

    name: str
    #: Of this making of the topic: one that was deleted and made again has another.
    topic_id: str
    partitions: tuple[PartitionState, ...]
    #: The broker's own names and spellings; of those that were asked for.
    configs: Mapping[str, str] = field(default_factory=dict)

    @property
    def replication(self) -> int:
        """How many copies the least copied partition has, up to date or not."""
        return min((len(partition.replicas) for partition in self.partitions), default=0)


@dataclass(frozen=True)
class ClusterState:
    """The cluster's brokers, and those of the asked topics that it has."""

    #: Numbers of the brokers that are there.
    brokers: tuple[int, ...]
    topics: Mapping[str, TopicState]


@dataclass(frozen=True)
class Standing:
    """Where a group stands in a partition."""

    #: Offset of the next record to read; null where nothing was committed.
    committed: int | None
    #: Records that are there and were not read.
    lag: int
    #: Records that retention removed before they were read.
    lost: int = 0
    #: The group has read further than the partition reaches: the topic was made anew since.
    ahead: bool = False


def landing_group(prefix: str = "") -> str:
    """Name of the consumer group that landing commits its offsets to; the prefix as of topics."""
    return prefix + _GROUP


def standing(committed: int | None, low: int, high: int) -> Standing:
    """Where a group stands that has committed this offset, between the two ends of a partition."""
    if committed is None:
        return Standing(None, high - low)
    if committed > high:
        return Standing(committed, high - low, ahead=True)
    return Standing(committed, high - max(committed, low), lost=max(low - committed, 0))
