"""What LinkedIn asks of every request: a version that is active, the protocol, a day's allowance.

Sources, below https://learn.microsoft.com/en-us/linkedin/ (read 2026-11-24): marketing/versioning,
marketing/integrations/migrations (the day each version ends), shared/api-guide/concepts/
protocol-version and rate-limits. Days are UTC by the machine's clock even where the simulated one
is set, since a client waits by the machine's. No header tells what is left.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping

from starlette.requests import Request

from simulator.clock import DAY_MS, parse_ms
from simulator.linkedin.answers import error
from simulator.site import Call, Refused, bearer

#: Version -> the moment from which it is refused; the newest have none yet. Not every month has
#: brought one.
VERSIONS: Mapping[str, int | None] = {
    "202510": parse_ms("2026-10-15T00:00:00Z"),
    "202511": parse_ms("2026-11-16T00:00:00Z"),
    "202601": parse_ms("2027-01-15T00:00:00Z"),
    "202602": parse_ms("2027-02-15T00:00:00Z"),
    "202603": parse_ms("2027-03-16T00:00:00Z"),
    "202604": parse_ms("2027-04-15T00:00:00Z"),
    "202605": parse_ms("2027-05-17T00:00:00Z"),
    "202606": parse_ms("2027-06-15T00:00:00Z"),
    "202607": parse_ms("2027-07-15T00:00:00Z"),
    "202608": parse_ms("2027-08-16T00:00:00Z"),
    "202609": None,
    "202610": None,
}


def token(request: Request) -> str | None:
    """The bearer token; introspection is asked by an app, which names itself in the form."""
    return "an app" if request.url.path.endswith("/introspectToken") else bearer(request)


def inactive(version: str) -> Refused:
    """426 of a version that is over, or that never was."""
    return error(426, "NONEXISTENT_VERSION", f"Requested version {version}01 is not active")


def throttled(daily: bool = True) -> Refused:
    """429 of a day's allowance, or of LinkedIn's own protection."""
    if daily:
        said = "Resource level throttle APPLICATION DAY limit for calls to this resource is reached"
        return error(429, "TOO_MANY_REQUESTS", f"{said}.", 101)
    return error(429, "TOO_MANY_REQUESTS", "Too many requests, please try again later.")


class Gateway:
    """Admits requests; ``limit`` counts by token, resource and day."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used: Counter[tuple[str, str, int]] = Counter()

    def admit(self, call: Call) -> None:
        """Counts a request; raises ``Refused`` for one that may not pass."""
        if not call.endpoint.startswith("/rest/"):
            return
        headers = call.request.headers
        version = headers.get("linkedin-version")
        if version is None:
            raise error(
                400,
                "VERSION_MISSING",
                "A version must be present. Please specify a version by adding the "
                "LinkedIn-Version header.",
            )
        ends = VERSIONS.get(version, 0)
        if ends is not None and ends <= call.now_ms:
            raise inactive(version)
        if headers.get("x-restli-protocol-version") != "2.0.0":
            raise error(400, "ILLEGAL_ARGUMENT", "Syntax exception in path variables", 0)
        day = int(time.time() * 1000) // DAY_MS
        key = (call.token, call.endpoint, day)
        if self._used[key] >= self._limit:
            raise throttled()
        self._used[key] += 1
