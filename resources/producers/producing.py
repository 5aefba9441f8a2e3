"""What every producer of records is to the process that runs it.

What belongs here: the shape of a reader, which module knows a platform's, what is counted, and what
stops any of them. librdkafka is ``publisher.py``'s alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Protocol

from pydantic import SecretStr

from resources.api_clients.errors import ApiError
from resources.producers.records import Record

#: Takes a record, and waits where there is no room for it.
Publish = Callable[[Record], Future[None]]


class Reader(Protocol):
    """Brings posts until it is told to stop."""

    def run(self) -> None:
        """Work until stopped; raises for what no waiting mends."""

    def stop(self) -> None:
        """End soon; from any thread."""

    def counts(self) -> Mapping[str, int]:
        """What was read and what became of it, since the start."""


class PublishError(Exception):
    """Records can't be published; the message says what to do, and holds none of them."""


class TopicMissing(PublishError):
    """The topic does not exist, or not for this user."""


class BufferFull(PublishError):
    """The brokers take nothing, and the sender could wait no longer. Later it may go."""


class NotAcknowledged(PublishError):
    """Some records of a batch have not reached all replicas; ``places`` are theirs in the batch.

    They are still tried: whoever sends them again makes duplicates, which silver removes.
    """

    def __init__(self, places: Sequence[int], of: int) -> None:
        super().__init__(
            f"{len(places)} of {of} records were not acknowledged in time: see whether the brokers "
            "answer (`sentiment topics status`)"
        )
        self.places = tuple(places)


class RecordTooLarge(PublishError):
    """No broker would take the record, however often it is sent."""


class ProducerFailed(PublishError):
    """What no waiting mends: the producer must be started anew, after what it says is done."""


@dataclass(frozen=True)
class Counts:
    """Since the producer was made."""

    #: Taken into the buffer.
    published: int = 0
    #: At all replicas.
    acknowledged: int = 0
    #: Given up: the producer failed.
    failed: int = 0
    #: Too large for the topic.
    refused: int = 0
    #: Of values that were acknowledged, before compression.
    bytes: int = 0
    #: In the buffer now.
    queued: int = 0
    #: That senders waited for room.
    waited_seconds: float = 0.0


class SecretMissing(ValueError):
    """A secret that pushes are checked by is not set."""


def secret_of(secret: SecretStr | None, setting: str, what: str) -> str:
    """The secret's text.

    Raises:
        SecretMissing: it is not set.
    """
    if secret is None or not secret.get_secret_value():
        raise SecretMissing(
            f"{setting}: needed to receive pushes: {what}. docs/streaming.md says where to find "
            "it; `--poll` asks for posts instead"
        )
    return secret.get_secret_value()


class MixedOrigins(ApiError):
    """Simulated and real posts must not meet in one topic."""

    def __init__(self, where: str, wanted: str) -> None:
        answered = "live" if wanted == "simulated" else "simulated"
        super().__init__(
            f"posts are {answered} where {wanted} ones are expected",
            where,
            "correct SENTIMENT_SOURCE or the platform's base URL",
        )


def pushing(platform: str) -> ModuleType | None:
    """The platform's own way of pushing: the module of its name; null where it is only polled."""
    name = f"resources.producers.{platform}"
    return import_module(name) if find_spec(name) is not None else None


def receives(platform: str) -> bool:
    """Whether the platform calls us, and we don't call it."""
    return hasattr(pushing(platform), "open_pushes")
