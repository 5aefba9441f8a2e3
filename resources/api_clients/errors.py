"""What a platform's API may refuse, as types: ``retryable`` says whether a later run may succeed.

A message says what happened, where (endpoint and page) and what to do. It never holds a token, a
post's content or the body of an answer.
"""

from __future__ import annotations

from datetime import datetime


class ApiError(Exception):
    """An API did not give what was asked for; ``retryable`` errors may pass, others need hands."""

    retryable = False

    def __init__(self, what: str, where: str, remedy: str) -> None:
        super().__init__(what, where, remedy)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.remedy}"


class TransientApiError(ApiError):
    """Timeouts, lost connections and 5xx answers that outlasted the client's own retries."""

    retryable = True


class RateLimited(ApiError):
    """Too many requests, and the wait until ``reset_at`` (UTC, if the API said it) is too long."""

    retryable = True

    def __init__(
        self, what: str, where: str, remedy: str, reset_at: datetime | None = None
    ) -> None:
        super().__init__(what, where, remedy)
        self.args = (what, where, remedy, reset_at)
        self.reset_at = reset_at


class UsageCapExceeded(ApiError):
    """The plan's posts or credits are used up: waiting never helps, paying or a new month does."""


class TokenRejected(ApiError):
    """The API does not accept the token (401)."""


class Forbidden(ApiError):
    """The token is valid, its plan or app may not use this endpoint (403)."""


class BadRequest(ApiError):
    """The API does not understand the request (400): a query's syntax, or times it refuses."""


class BeyondReach(ApiError):
    """The window ends before the oldest post that this endpoint still returns."""


class UnexpectedResponse(ApiError):
    """An answer that is not what the API's documentation promises, also after retries."""


class ClockIsWrong(ApiError):
    """This machine's clock and the API's are far apart: no window's end can be told."""

    #: What was asked for was asked by a wrong clock: nothing of it should be noted.
    asked_in_vain = True
