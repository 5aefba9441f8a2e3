"""Receiving what platforms push: challenge, signature, changes, and an answer once Kafka has them.

What belongs here: what every receiver does with a request, as plain values, and the ASGI app around
it. How a platform signs and what its notifications hold is the module of its name;
``lambda_handlers.py`` wraps the same receiver for AWS.

A platform takes 200 for "I need not send this again". So 200 is said only when all replicas have
the records, or where there is nothing to keep: of what is not tracked, which no sending again would
change. Whatever may pass (Kafka slow, an API that is asked for the content refuses) is answered
503, and the platform sends the notification again: some records then come twice, which silver
removes.
"""

from __future__ import annotations

import datetime as dt
import hmac
import logging
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal, Protocol

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from resources.api_clients.errors import ApiError
from resources.api_clients.http import utc_now
from resources.producers.producing import PublishError
from resources.producers.records import Arrival, Record, record_of

#: Meta puts up to 1000 changes into one notification, of some hundred bytes to some kilobytes.
LONGEST_BODY = 5_000_000
#: Until Kafka has acknowledged; platforms hang up on who takes longer.
ACKNOWLEDGED_WITHIN_S = 5.0
HEALTH = "/health"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """A request as any server hands it over; names of headers are in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Answer:
    """What to answer. It never says more than a platform needs."""

    status: int
    body: bytes = b""
    media_type: str = "text/plain"


@dataclass(frozen=True)
class Change:
    """One thing that a notification tells.

    ``publish`` has the payload, ``fetch`` knows how to get it (null: it is gone). ``removed`` is a
    post that its author or the page took away, ``ignored`` what is not tracked.
    """

    what: Literal["publish", "fetch", "removed", "ignored"]
    payload: Mapping[str, Any] | None = field(default=None, repr=False)
    fetch: Callable[[], Mapping[str, Any] | None] | None = field(default=None, repr=False)


IGNORED, REMOVED = Change("ignored"), Change("removed")


class Pushes(Protocol):
    """How a platform pushes."""

    @property
    def api_version(self) -> str:
        """Of what notifications, or the API beside them, say."""

    def challenge(self, query: Mapping[str, str]) -> Answer:
        """Prove to the platform that the address is ours."""

    def is_signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the platform wrote the body, by its bytes as they came."""

    def changes(self, notification: Mapping[str, Any]) -> Iterator[Change]:
        """What a notification tells, in its order."""


class Publishes(Protocol):
    """What of a publisher a receiver needs."""

    def publish_and_wait(self, records: Sequence[Record], timeout_s: float) -> int:
        """Return when all replicas have all; how many were too large."""


def signature(secret: str, said: bytes) -> str:
    """HMAC-SHA256 in hex, as all these platforms sign."""
    return hmac.new(secret.encode(), said, sha256).hexdigest()


def same(given: str, wanted: str) -> bool:
    """Compared in a time that tells nothing of where they differ."""
    return hmac.compare_digest(given.encode(), wanted.encode())


class Receiver:
    """Answers the requests of one platform; safe to share between threads."""

    def __init__(
        self,
        platform: str,
        pushes: Pushes,
        publisher: Publishes,
        *,
        origin: str,
        acknowledged_within_s: float = ACKNOWLEDGED_WITHIN_S,
        now: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        self._platform = platform
        self._pushes = pushes
        self._publisher = publisher
        self._origin = origin
        self._within_s = acknowledged_within_s
        self._now = now
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def counts(self) -> Mapping[str, int]:
        """Since the start: notifications, what their changes were, and what was not taken."""
        with self._lock:
            return dict(self._counts)

    def answer(self, request: Request) -> Answer:
        """What to answer; returns when Kafka has what the request brought."""
        if request.method == "GET" and request.path.endswith(HEALTH):
            return Answer(200, b"ok")
        if request.method == "GET":
            answer = self._pushes.challenge(request.query)
            self._count("challenges" if answer.status == 200 else "rejected")
            return answer
        if request.method != "POST":
            return Answer(405)
        if len(request.body) > LONGEST_BODY:
            self._count("too_long")
            return Answer(413)
        if not self._pushes.is_signed(request.headers, request.body):
            # Whoever guesses learns nothing of what was wrong.
            self._count("rejected")
            return Answer(401)
        return self._notified(request.body)

    def _notified(self, body: bytes) -> Answer:
        came = Arrival(self._now(), self._pushes.api_version, uuid.uuid4().hex, self._origin)
        told: Counter[str] = Counter(notifications=1)
        try:
            records = list(self._records(body, came, told))
            if records:
                told["refused"] += self._publisher.publish_and_wait(records, self._within_s)
        except (ApiError, PublishError) as error:
            # Sent again, it may be had or taken: until then nothing is lost.
            logger.warning("a notification is put off: %s", error)
            self._count("put_off")
            return Answer(503)
        with self._lock:
            self._counts += told
        return Answer(200, b"ok")

    def _records(self, body: bytes, came: Arrival, told: Counter[str]) -> Iterator[Record]:
        try:
            notification = msgspec.json.decode(body, type=dict[str, Any])
            changes = list(self._pushes.changes(notification))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # Signed, and yet no notification: landing makes a dead letter of it.
            told["malformed"] += 1
            yield record_of(self._platform, body, came)
            return
        for change in changes:
            payload = change.payload
            what: str = change.what
            if change.fetch is not None:
                payload = change.fetch()
                what = "published" if payload is not None else "vanished"
            told["published" if what == "publish" else what] += 1
            if payload is not None:
                yield record_of(self._platform, payload, came)

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1


def webhook_app(platform: str, receiver: Receiver) -> Starlette:
    """The ASGI application: ``/webhooks/<platform>`` and ``/health``."""

    async def serve(http: HttpRequest) -> Response:
        try:
            body = await _read(http)
        except ClientDisconnect:
            # Nobody is left to be answered.
            return Response(status_code=400)
        request = Request(
            http.method,
            http.url.path,
            dict(http.query_params),
            {name.lower(): value for name, value in http.headers.items()},
            body,
        )
        # Waits for Kafka, and perhaps for an API.
        answer = await run_in_threadpool(receiver.answer, request)
        return Response(answer.body, answer.status, media_type=answer.media_type)

    return Starlette(
        routes=[
            Route(f"/webhooks/{platform}", serve, methods=["GET", "POST"]),
            Route(HEALTH, serve, methods=["GET"]),
        ]
    )


async def _read(http: HttpRequest) -> bytes:
    """The body, read no further than what is too long anyhow."""
    body = b""
    async for chunk in http.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            break
    return body
