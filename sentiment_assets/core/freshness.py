"""How old a platform's table may be, and how old it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Freshness:
    """One table of one platform. ``cause`` is the stale table before it that explains it."""

    table: str
    platform: str
    fresh: bool
    #: Null: it was never made.
    age: timedelta | None
    deadline: timedelta
    cause: str | None
    sentence: str
