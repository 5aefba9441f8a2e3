"""What every producer of records is to the process that runs it.

What belongs here: the shape of a reader, which module knows a platform's, and what stops any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from importlib import import_module
from types import ModuleType
from typing import Protocol

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


class MixedOrigins(ApiError):
    """Simulated and real posts must not meet in one topic."""

    def __init__(self, where: str, wanted: str) -> None:
        answered = "live" if wanted == "simulated" else "simulated"
        super().__init__(
            f"posts are {answered} where {wanted} ones are expected",
            where,
            "correct SENTIMENT_SOURCE or the platform's base URL",
        )


def pushing(platform: str) -> ModuleType:
    """The platform's own way of pushing: the module of its name."""
    return import_module(f"resources.producers.{platform}")


def receives(platform: str) -> bool:
    """Whether the platform calls us, and we don't call it."""
    return hasattr(pushing(platform), "open_pushes")
