"""What every platform's client shares: one HTTP connection pool, time limits, patient retries.

How a platform spells its errors, pages and limits belongs in that platform's own file.
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import urlsplit

import httpx
import tenacity

from resources.api_clients.errors import (
    ApiError,
    ClockIsWrong,
    RateLimited,
    TransientApiError,
    UnexpectedResponse,
)

ATTEMPTS = 6
FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0
CONNECT_TIMEOUT_S = 5.0
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
#: From this share of a limit on, requests slow down: the last quarter is for whoever else uses it.
SLOW_FROM = 0.75
#: Between two requests just below the limit.
SLOWEST_S = 30.0
#: A clock that is further from the API's than this would find windows ended that are not: as far
#: as the clock looks behind the end of one.
MOST_SKEW = timedelta(minutes=5)

logger = logging.getLogger(__name__)
Read = TypeVar("Read")
#: Method, path, and what httpx takes of a request beside them.
_Request = tuple[str, str, dict[str, Any]]


@dataclass(frozen=True)
class Allowance:
    """What an API still grants, as of an answer.

    APIs that count requests tell ``limit`` and ``remaining``; those that tell percentages fill
    ``used_share`` (1.0: used up). ``reset_at`` is when requests are taken again, UTC.
    """

    limit: int | None = None
    remaining: int | None = None
    used_share: float | None = None
    reset_at: datetime | None = None

    @property
    def used_up(self) -> bool:
        """Whether the next request would be refused."""
        return (self.remaining is not None and self.remaining <= 0) or (self.used_share or 0) >= 1


class RateBudget(Protocol):
    """Requests that all users of a credential share."""

    def take(self) -> float:
        """Take one request. Returns 0.0 if it was there, else seconds after which to ask again."""

    def observe(self, allowance: Allowance) -> None:
        """Learn what the API itself says is left."""


class Unmetered:
    """A budget without bounds: for one process that has the credential to itself."""

    def take(self) -> float:
        """Always there."""
        return 0.0

    def observe(self, allowance: Allowance) -> None:
        """Needs to know nothing."""


UNMETERED = Unmetered()


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
    """Requests to one API with its bearer token, retried while an error is ``retryable``.

    A request sleeps at most ``max_wait_s`` in total for backoff and refusals, and as long at most
    for its turn: it waits where the API's last answer said that its limit is used up, where the
    ``budget`` has nothing left, and a little when the limit is near. It is sent at most
    ``ATTEMPTS`` times. ``timeout_s`` is the longest silence while an answer is read.

    ``refusal`` explains an answer that is not 2xx (None: it has nothing to add to the status);
    ``allowance`` reads what an answer's headers say of the limit. ``clock`` is what windows are
    asked by: an answer's ``Date`` must agree with it.
    """

    def __init__(
        self,
        base_url: str,
        bearer_token: str,
        *,
        max_wait_s: float,
        refusal: Callable[[httpx.Response, str], ApiError | None],
        allowance: Callable[[httpx.Headers], Allowance | None],
        timeout_s: float = 30.0,
        headers: Mapping[str, str] | None = None,
        budget: RateBudget = UNMETERED,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        check_base_url(base_url)
        check_bearer_token(bearer_token)
        address = urlsplit(base_url)
        loopback = address.hostname in LOOPBACK
        self.base_url = base_url
        self.max_wait_s = max_wait_s
        self.sleep = sleep
        #: As of the newest answer that said so.
        self.allowance: Allowance | None = None
        self._refusal = refusal
        self._read_allowance = allowance
        self._budget = budget
        self._clock = clock
        self._client = httpx.Client(
            base_url=base_url,
            headers={
                "Authorization": f"Bearer {bearer_token}",
                "Accept": "application/json",
                **(headers or {}),
            },
            timeout=httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
            # A redirect would carry the token to whatever host it names.
            follow_redirects=False,
            # Without TLS the certificates need not be read (40 ms).
            verify=address.scheme == "https",
            # The simulator is never behind the proxy that the environment may name.
            trust_env=not loopback,
        )
        self._timeout_s = timeout_s
        # httpx logs each URL: its parameters and long numbers in its path name posts.
        logging.getLogger("httpx").addFilter(_without_ids)
        # httpcore logs each answer's headers, which may name pages and accounts.
        logging.getLogger("httpcore.http11").addFilter(_without_headers)

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
        # An empty mapping would cut a query off that stands in the path already.
        return self._ask(("GET", path, {"params": dict(params) or None}), where, read)

    def post(
        self, path: str, body: object, where: str, read: Callable[[httpx.Response], Read]
    ) -> Read:
        """The same with a body of JSON: of what may be sent twice, since it is retried."""
        return self._ask(("POST", path, {"json": body}), where, read)

    def _ask(self, request: _Request, where: str, read: Callable[[httpx.Response], Read]) -> Read:
        self._await_limit(where)

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
        return cast(Read, retrying(self._once, request, where, read))

    def connect(
        self, path: str, params: Mapping[str, str], where: str, *, silence_s: float
    ) -> httpx.Response:
        """An answer whose body comes for as long as the connection holds; close it.

        Sent once: when to try again is the caller's. Reading raises httpx.ReadTimeout after
        ``silence_s`` without a byte.
        """
        timeout = httpx.Timeout(self._timeout_s, connect=CONNECT_TIMEOUT_S, read=silence_s)
        request = self._client.build_request("GET", path, params=dict(params), timeout=timeout)
        failure = ""
        try:
            response = self._client.send(request, stream=True)
            if not response.is_success:
                response.read()
        except httpx.RequestError as error:
            failure = f"no connection ({type(error).__name__})"
        if failure:
            raise TransientApiError(failure, where, "check the network and the API's status page")
        if not response.is_success:
            response.close()
        return self._checked(response, where, lambda answer: answer)

    def _await_limit(self, where: str) -> None:
        """Sleep until the API takes requests again, or raise RateLimited if that is long."""
        allowance = self.allowance
        if allowance is None:
            return
        if allowance.used_up:
            # Without a time: percentages of a rolling hour.
            reset_at = allowance.reset_at or utc_now() + timedelta(seconds=SLOWEST_S)
            self._nap(self._until(reset_at), where, "the API's limit is used up", reset_at)
        elif (share := allowance.used_share or 0.0) > SLOW_FROM:
            near = (share - SLOW_FROM) / (1 - SLOW_FROM)
            self._nap(min(near * SLOWEST_S, self.max_wait_s), where, "the API's limit is near")

    def _await_budget(self, where: str) -> None:
        waited = 0.0
        while (seconds := self._budget.take()) > 0:
            waited += seconds
            if waited > self.max_wait_s:
                raise _out_of_budget(where, utc_now() + timedelta(seconds=seconds))
            self._nap(seconds, where, "the shared budget of requests is used up")

    def _nap(self, seconds: float, where: str, why: str, reset_at: datetime | None = None) -> None:
        if seconds > self.max_wait_s:
            raise rate_limited(where, reset_at or utc_now() + timedelta(seconds=seconds))
        if seconds > 0:
            logger.info("%s: %s, waiting %.1f s", where, why, seconds)
            self.sleep(seconds)

    def _once(self, request: _Request, where: str, read: Callable[[httpx.Response], Read]) -> Read:
        self._await_budget(where)
        method, path, content = request
        failure = ""
        try:
            response = self._client.request(method, path, **content)
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
        return self._checked(response, where, read)

    def _checked(
        self, response: httpx.Response, where: str, read: Callable[[httpx.Response], Read]
    ) -> Read:
        """What ``read`` makes of a success; a refusal raises."""
        check_clock(response.headers, self._clock(), where)
        allowance = self._read_allowance(response.headers)
        if allowance is not None:
            self.allowance = allowance
            self._budget.observe(allowance)
        if response.is_success:
            return read(response)
        refused = self._refusal(response, where)
        if refused is not None:
            raise refused
        status = response.status_code
        if status in (408, 425) or status >= 500:
            raise TransientApiError(
                f"HTTP {status} from the API", where, "see the API's status page"
            )
        raise UnexpectedResponse(
            f"HTTP {status}, which this endpoint does not document",
            where,
            "check the base URL; if it is right, the API has changed",
        )

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


def check_clock(headers: httpx.Headers, now: datetime, where: str) -> None:
    """Raise ClockIsWrong where an answer's ``Date`` is far from this machine's time.

    Answers without a readable date pass; so do older ones that something on the way has kept.
    """
    try:
        told = parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError, TypeError):
        return
    ahead = now - told
    if "age" in headers or abs(ahead) <= MOST_SKEW:
        return
    minutes = round(abs(ahead).total_seconds() / 60)
    raise ClockIsWrong(
        f"this machine's clock is {minutes // 60} h {minutes % 60} min "
        f"{'ahead of' if ahead > timedelta() else 'behind'} the API's",
        where,
        "nothing is fetched, since windows would count as ended that have not, or the other way "
        "round: set the clock right (`timedatectl set-ntp true`); what is missing is then fetched",
    )


def rate_limited(where: str, reset_at: datetime | None) -> RateLimited:
    """The error for a limit on requests; ``reset_at`` is when the API starts counting anew."""
    when = f"until {reset_at:%H:%M:%S} UTC" if reset_at else "for a time it does not say"
    return RateLimited(
        f"the API takes no more requests {when}",
        where,
        "run again later, or raise the longest wait",
        reset_at,
    )


class _OutOfBudget(RateLimited):
    """Our own budget is spent: it was waited for already, so that only a later run may succeed."""


def _out_of_budget(where: str, reset_at: datetime) -> _OutOfBudget:
    return _OutOfBudget(
        f"the shared budget of requests is spent until {reset_at:%H:%M:%S} UTC",
        where,
        "run again later, or track less: `sentiment partitions` shows what is left",
        reset_at,
    )


def _is_retryable(error: BaseException) -> bool:
    return isinstance(error, ApiError) and error.retryable and not isinstance(error, _OutOfBudget)


def _without_ids(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple(
            _where(arg) if isinstance(arg, httpx.URL) else arg for arg in record.args
        )
    return True


def _without_headers(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("receive_response_headers.complete")


def _where(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode()}{re.sub('[0-9]{5,}', '[id]', url.path)}"
