"""Asking the brokers how topics fare: leaders, replicas, offsets, times; no record is read.

What belongs here: questions of bounded time about all topics at once. None raises because of a
broker: its silence is an answer. Reading topics is ``kafka_reader``, making them ``kafka_topics``.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from functools import cached_property
from typing import Any

from confluent_kafka import (
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from resources.kafka import KafkaConnection
from sentiment_assets.core.landings import TopicLog, Watermarks
from sentiment_assets.core.stream_health import ClusterLook, TopicLook

#: Times that a search tries at once, and how often it does: ages up to a month are told to within a
#: tenth, and exactly where the record before it is much older.
_PROBES = 12
_ROUNDS = 2
_YOUNGEST = 100
_OLDEST_AGE = 30 * 24 * 3_600_000

_OLDEST: OffsetSpec = OffsetSpec.earliest()
_NEXT: OffsetSpec = OffsetSpec.latest()

_Place = tuple[str, int]


class KafkaWatcher:
    """Asks a cluster; cheap to make, connects at the first question.

    Args:
        connection: the cluster.
        answer_within: seconds that each question may take; a look at all topics asks four.
        topic_ids: the brokers give topics ids; see ``KafkaReader``.
    """

    def __init__(
        self, connection: KafkaConnection, *, answer_within: float = 5.0, topic_ids: bool = True
    ) -> None:
        self._connection = connection
        self._answer_within = answer_within
        self._topic_ids = topic_ids

    @cached_property
    def _admin(self) -> AdminClient:
        return AdminClient(self._connection.config())

    def cluster(self, topics: Sequence[str]) -> ClusterLook:
        """What the brokers say of topics, or why none answers."""
        try:
            # Of all topics: asked for one that is missing, some brokers would make it.
            told = self._admin.list_topics(timeout=self._answer_within)
        except KafkaException as error:
            return ClusterLook(away=self._away(error.args[0]))
        unknown = {}
        known: dict[str, Mapping[int, Any]] = {}
        for name in topics:
            found = told.topics.get(name)
            if found is None or found.error is not None or not found.partitions:
                unknown[name] = self._unknown(name, found.error if found else None)
            else:
                known[name] = found.partitions
        places = [
            (name, number)
            for name, partitions in known.items()
            for number, partition in partitions.items()
            if partition.leader >= 0
        ]
        # All three are on their way before the first is waited for.
        low = self._offsets(dict.fromkeys(places, _OLDEST))
        high = self._offsets(dict.fromkeys(places, _NEXT))
        ids = self._described(list(known))
        lows, highs, described = _answered(low), _answered(high), _answered(ids)
        states = {}
        for name, partitions in known.items():
            answered = [p for p in sorted(partitions) if (name, p) in lows and (name, p) in highs]
            # Without its id nobody can say whether it is still the same topic.
            if self._topic_ids and name not in described:
                unknown[name] = f"{name} at {self._connection.brokers}: no broker tells its id"
                continue
            log = TopicLog(
                name,
                str(described[name].topic_id) if name in described else "0",
                {p: Watermarks(lows[name, p].offset, highs[name, p].offset) for p in answered},
                tuple(sorted(partitions.keys() - {*answered})),
            )
            lagging = (p for p in sorted(partitions) if _lacks_replicas(partitions[p]))
            states[name] = TopicLook(log, tuple(lagging))
        return ClusterLook(len(told.brokers), states, unknown)

    def appended_at(
        self, positions: Mapping[_Place, int], now: dt.datetime
    ) -> dict[_Place, dt.datetime]:
        """When the record at an offset of a partition came in, or a little later than that.

        Brokers tell the first offset at or after a time. Some times are asked for at once, then
        some between the two that enclose the record: never more questions, however long it waits.
        Partitions that give no answer are missing.
        """
        end = round(now.timestamp() * 1000)
        # In milliseconds: not before the one, and before the other; the same where it is known.
        within = dict.fromkeys(positions, (end - _OLDEST_AGE, end))
        for _ in range(_ROUNDS):
            asked = []
            for probe in range(1, _PROBES + 1):
                moments = {
                    place: end - _age_between(end - before, end - not_before, probe)
                    for place, (not_before, before) in within.items()
                    if not_before < before
                }
                specs = {place: _at(moment) for place, moment in moments.items()}
                asked.append((moments, self._offsets(specs)))
            for moments, answers in asked:
                found = _answered(answers)
                for place, moment in moments.items():
                    if place not in found:
                        within.pop(place, None)
                    elif place in within:
                        within[place] = _narrowed(
                            within[place], moment, found[place], positions[place]
                        )
        return {
            place: dt.datetime.fromtimestamp(before / 1000, dt.timezone.utc)
            for place, (_, before) in within.items()
        }

    def close(self) -> None:
        """Leave the brokers, if they were ever met."""
        self.__dict__.pop("_admin", None)

    def _offsets(self, asked: Mapping[_Place, OffsetSpec]) -> dict[_Place, Future[Any]]:
        if not asked:
            return {}
        answers = self._admin.list_offsets(
            {TopicPartition(*place): spec for place, spec in asked.items()},
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=self._answer_within,
        )
        return {(at.topic, at.partition): answer for at, answer in answers.items()}

    def _described(self, topics: Sequence[str]) -> dict[str, Future[Any]]:
        if not topics or not self._topic_ids:
            return {}
        return dict(
            self._admin.describe_topics(
                TopicCollection(list(topics)), request_timeout=self._answer_within
            )
        )

    def _unknown(self, topic: str, error: KafkaError | None) -> str:
        if error is None or error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return (
                f"there is no topic {topic} at {self._connection.brokers}: "
                "`sentiment topics apply` makes it"
            )
        return f"{topic} at {self._connection.brokers}: {error.str()} ({error.name()})"

    def _away(self, error: KafkaError) -> str:
        return (
            f"no broker at {self._connection.brokers} answers: {error.str()} ({error.name()}). "
            "Check SENTIMENT_KAFKA_BROKERS and SENTIMENT_KAFKA_SECURITY, and whether they are up"
        )


def _answered(asked: Mapping[Any, Future[Any]]) -> dict[Any, Any]:
    """The answers that came; each request has its own end."""
    found = {}
    for what, answer in asked.items():
        with contextlib.suppress(KafkaException):
            found[what] = answer.result()
    return found


def _lacks_replicas(partition: Any) -> bool:
    return len(partition.isrs) < len(partition.replicas)


def _at(moment: int) -> OffsetSpec:
    return OffsetSpec.for_timestamp(moment)  # type: ignore[no-any-return]


def _age_between(youngest: int, oldest: int, probe: int) -> int:
    """One of the ages between two, each as many times older than the one before."""
    least = max(youngest, _YOUNGEST)
    times: float = (max(oldest, least) / least) ** (probe / (_PROBES + 1))
    return round(least * times)


def _narrowed(within: tuple[int, int], moment: int, answer: Any, position: int) -> tuple[int, int]:
    """Between which times a record came in, with the first offset at or after one more time."""
    not_before, before = within
    if not_before == before:
        return within
    if answer.offset == position:
        return answer.timestamp, answer.timestamp
    if 0 <= answer.offset < position:
        return max(not_before, moment), before
    return not_before, min(before, moment)
