"""What every platform's client shares: one HTTP connection pool, time limits, patient retries.

How a platform spells its errors, pages and limits belongs in that platform's own file.
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import TypeVar, cast
from urllib.parse import urlsplit

import httpx
import tenacity

from resources.api_clients.errors import ApiError, RateLimited, TransientApiError

ATTEMPTS = 6
FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0
CONNECT_TIMEOUT_S = 5.0
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

logger = logging.getLogger(__name__)
Read = TypeVar("Read")


def utc_now() -> datetime:
    """This machine's clock: rate limits follow it, windows unless a client is given another."""
    return datetime.now(timezone.utc)


def check_base_url(base_url: str) -> None:
    """Raise ValueError for an address that would let others read the token."""
    address = urlsplit(base_url)
    loopback = address.hostname in LOOPBACK
    if not address.hostname or not (
        address.scheme == "https" or (address.scheme == "http" and loopback)
    ):
        raise ValueError(
            f"base_url {base_url!r} must be https, so that nobody reads the token on the way; "
            "http is for 127.0.0.1 only. For example: https://api.x.com"
        )


def check_bearer_token(bearer_token: str) -> None:
    """Raise ValueError for a token that no header can carry; the message never holds it."""
    if not re.fullmatch(r"[!-~]+", bearer_token):
        raise ValueError(
            "the bearer token is empty or holds a blank, a line end or a letter beyond ASCII; "
            "copy it again, without quotes"
        )


class HttpApi:
    """GET requests to one API with its bearer token, retried while an error is ``retryable``.

    A request sleeps at most ``max_wait_s`` in total, for backoff and rate limits together, and is
    sent at most ``ATTEMPTS`` times. ``timeout_s`` is the longest silence while an answer is read.
    """

    def __init__(
        self,
        base_url: str,
        bearer_token: str,
        *,
        max_wait_s: float,
        timeout_s: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        check_base_url(base_url)
        check_bearer_token(bearer_token)
        address = urlsplit(base_url)
        loopback = address.hostname in LOOPBACK
        self.base_url = base_url
        self.max_wait_s = max_wait_s
        self.sleep = sleep
        self._client = httpx.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {bearer_token}", "Accept": "application/json"},
            timeout=httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
            # A redirect would carry the token to whatever host it names.
            follow_redirects=False,
            # Without TLS the certificates need not be read (40 ms).
            verify=address.scheme == "https",
            # The simulator is never behind the proxy that the environment may name.
            trust_env=not loopback,
        )
        self._timeout_s = timeout_s
        # httpx logs each URL: its parameters name posts.
        logging.getLogger("httpx").addFilter(_without_parameters)

    def close(self) -> None:
        """Close the connections; the object is of no use afterwards."""
        self._client.close()

    def get(
        self,
        path: str,
        params: Mapping[str, str],
        where: str,
        read: Callable[[httpx.Response], Read],
    ) -> Read:
        """What ``read`` makes of the answer; it raises ApiError for answers it cannot use.

        ``where`` names endpoint and page in messages. Raises the last error when retries end.
        """

        def announce(state: tenacity.RetryCallState) -> None:
            logger.warning(
                "%s; next try (%d of at most %d) in %.1f s",
                state.outcome.exception() if state.outcome else where,
                state.attempt_number + 1,
                ATTEMPTS,
                state.upcoming_sleep,
            )

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_retryable),
            wait=self._wait,
            stop=self._stop,
            sleep=self.sleep,
            before_sleep=announce,
            reraise=True,
        )
        return cast(Read, retrying(self._once, path, params, where, read))

    def wait_for_reset(self, reset_at: datetime, where: str) -> None:
        """Sleep until a limit that is used up starts anew, or raise RateLimited if that is long."""
        seconds = self._until(reset_at)
        if seconds > self.max_wait_s:
            raise rate_limited(where, reset_at)
        if seconds > 0:
            logger.info("%s: rate limit used up, waiting %.1f s for its reset", where, seconds)
            self.sleep(seconds)

    def _once(
        self,
        path: str,
        params: Mapping[str, str],
        where: str,
        read: Callable[[httpx.Response], Read],
    ) -> Read:
        failure = ""
        try:
            response = self._client.get(path, params=dict(params))
        except httpx.ConnectError as error:
            failure = f"no connection ({error})"
        except httpx.ConnectTimeout:
            failure = f"no connection within {CONNECT_TIMEOUT_S:g} s"
        except httpx.TimeoutException:
            failure = f"no answer within {self._timeout_s:g} s"
        except httpx.RequestError as error:
            # Only the type: such messages may quote bytes of the answer.
            failure = f"the answer broke off ({type(error).__name__})"
        if failure:
            # Raised outside of the handlers, so that no traceback shows the request.
            raise TransientApiError(failure, where, "check the network and the API's status page")
        if response.status_code in (408, 425) or response.status_code >= 500:
            raise TransientApiError(
                f"HTTP {response.status_code} from the API", where, "see the API's status page"
            )
        return read(response)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RateLimited) and error.reset_at:
            seconds = self._until(error.reset_at)
            if seconds > 0:
                return seconds
        backoff = min(FIRST_BACKOFF_S * 2 ** (state.attempt_number - 1), LONGEST_BACKOFF_S)
        return random.uniform(backoff / 2, backoff)

    def _stop(self, state: tenacity.RetryCallState) -> bool:
        return (
            state.attempt_number >= ATTEMPTS
            or state.idle_for + state.upcoming_sleep > self.max_wait_s
        )

    def _until(self, reset_at: datetime) -> float:
        """Seconds until then and a little more: clients that wake together collide again."""
        seconds = (reset_at - utc_now()).total_seconds()
        return seconds + random.uniform(0.5, 2.0) if seconds > 0 else 0.0


def rate_limited(where: str, reset_at: datetime | None) -> RateLimited:
    """The error for a limit on requests; ``reset_at`` is when the API starts counting anew."""
    when = f"until {reset_at:%H:%M:%S} UTC" if reset_at else "for a time it does not say"
    return RateLimited(
        f"the API takes no more requests {when}",
        where,
        "run again later, or raise the longest wait",
        reset_at,
    )


def _is_retryable(error: BaseException) -> bool:
    return isinstance(error, ApiError) and error.retryable


def _without_parameters(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple(
            arg.copy_with(query=None) if isinstance(arg, httpx.URL) else arg for arg in record.args
        )
    return True
