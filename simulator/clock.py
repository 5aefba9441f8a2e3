"""The simulator's clock and the spelling of its times: real UTC, unless it is set."""

from __future__ import annotations

import datetime
import re
import time

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
# 1970-01-05 was the first Monday after the Unix epoch: weeks are ISO weeks in UTC.
FIRST_MONDAY_MS = 4 * DAY_MS

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)"
)


def parse_ms(text: str) -> int:
    """Unix milliseconds of an RFC 3339 time; raises ``ValueError`` for anything else."""
    if not _RFC3339.fullmatch(text):
        raise ValueError(f"not an RFC 3339 time such as 2026-11-23T08:00:00Z: {text!r}")
    return round(datetime.datetime.fromisoformat(text).timestamp() * 1000)


def iso(unix_ms: int) -> str:
    """``2026-11-23T08:00:00.000Z``, as X writes times in payloads."""
    # A third of the time that datetime needs, and each payload holds hundreds of times.
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(unix_ms // 1000))
    return f"{whole}.{unix_ms % 1000:03d}Z"


class Clock:
    """Unix milliseconds now: the machine's, or a fixed instant until it is freed."""

    def __init__(self, fixed_ms: int | None = None) -> None:
        self.fixed_ms = fixed_ms

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return time.time_ns() // 1_000_000 if self.fixed_ms is None else self.fixed_ms
