"""X's rate limits: so many requests per 15 minutes, per token and endpoint, told in headers.

Source: https://docs.x.com/x-api/fundamentals/rate-limits (read 2026-11-23). Windows follow the
machine's clock even where the simulated one is set, since a client waits by the machine's.
"""

from __future__ import annotations

import time

from simulator.site import Call
from simulator.x import problems

WINDOW_SECONDS = 900


class RateLimit:
    """``limit`` requests in a window that opens with the first request."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._windows: dict[tuple[str, str], tuple[int, int]] = {}

    def admit(self, call: Call) -> None:
        """Sets the headers of the answer; raises ``Problem`` 429 when the window is used up."""
        allowed, headers = self.take(call.token, call.endpoint)
        call.headers.update(headers)
        if not allowed:
            raise problems.too_many_requests()

    def take(self, token: str, endpoint: str) -> tuple[bool, dict[str, str]]:
        """Whether a request may pass, and the headers that say what is left."""
        now = time.time()
        reset, used = self._windows.get((token, endpoint), (0, 0))
        if now >= reset:
            reset, used = int(now) + WINDOW_SECONDS, 0
        allowed = used < self.limit
        used += allowed
        self._windows[token, endpoint] = (reset, used)
        return allowed, headers(self.limit, self.limit - used, reset)


def headers(limit: int, remaining: int, reset: int) -> dict[str, str]:
    """The three headers; ``reset`` in epoch seconds."""
    return {
        "x-rate-limit-limit": str(limit),
        "x-rate-limit-remaining": str(remaining),
        "x-rate-limit-reset": str(reset),
    }
