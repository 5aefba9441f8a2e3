"""What a platform's package gets to serve its endpoints: guard, faults, counters, control.

A package offers one function, and ``app.py`` lists the package in ``PACKAGES``:

    # simulator/facebook/__init__.py
    def site(world: World) -> Site:
        threads, limits = world.threads("facebook"), Limits(world.rate_limit)
        site = Site(
            world, "facebook", threads,
            id_of=ids.spelled,               # Entry -> str, for the control endpoints' answers
            faults=FAULTS,                   # {"rate_limit": Replaces(...), "no_from": Alters(...)}
            texts=("message",),              # JSON keys that hold people's words: bad_encoding
            token=token_of,                  # Request -> str | None; default: the bearer token
            admit=limits.admit,              # Call -> None: sets call.headers, or raises Refused
            unauthorized=errors.no_token, not_found=errors.no_such_path,
        )
        feed = Feed(threads)                 # has __call__(call: Call) -> JSON value
        site.route("/{version}/{page}/feed", feed)      # GET /facebook/{version}/{page}/feed
        return site

An endpoint is a plain function ``(call: Call) -> object``: it reads ``call.request.query_params``
and ``call.request.path_params``, takes the time from ``call.now_ms``, may set ``call.headers``,
counts what it served with ``call.served(n)``, and returns a JSON value (status 200), a ``Response``
of its own where it is a stream, or raises ``Refused(status, body)``. The guard around it counts the
request, applies faults, asks for a token (``call.token`` holds it), asks ``admit``, and encodes the
answer. ``x-simulated: true`` is put on every response by ``app.py``. A path without an endpoint
below the site's base gets ``not_found``.

``FAULTS`` maps names to ``Replaces(answer)`` or ``Alters(body)`` of ``faults.py``: ``answer(call,
fault)`` returns a starlette ``Response`` or raises ``Refused``; ``body(body, call, fault)`` returns
the altered JSON value. The ones in ``faults.GENERIC`` come by themselves, unless the package gives
one of the same name. A fault's further JSON keys are in ``fault.parameters``.

What does not belong here: how a platform spells anything.
"""

from __future__ import annotations

import asyncio
import collections
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from simulator.clock import DAY_MS, Clock, iso, parse_ms
from simulator.faults import Alters, Fault, Faults, Kind, Replaces
from simulator.threads import Threads

JSON = "application/json; charset=utf-8"


class Disconnected(Exception):
    """Raised to make the server close the connection in the middle of a body."""


class Refused(Exception):
    """An answer other than 200: its status, JSON body and headers."""

    media_type = JSON

    def __init__(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """As a response; its own headers win over the given ones."""
        body = msgspec.json.encode(self.body)
        both = {**(headers or {}), **self.headers}
        return Response(body, self.status, both, media_type=self.media_type)


@dataclass(frozen=True)
class World:
    """What all platforms of a running simulator share.

    ``comments_per_day`` of each platform with threads; 0 leaves its accounts empty.
    ``rate_limit`` is how many requests a platform grants per token and window of its own.
    """

    seed: int
    clock: Clock
    source: str  # story | corpus: what X tells
    comments_per_day: int = 600
    rate_limit: int = 100_000

    def threads(self, platform: str) -> Threads:
        """The platform's accounts, their posts and comments."""
        posts_per_day = 6 if self.comments_per_day else 0
        return Threads(
            self.seed,
            platform,
            posts_per_day=posts_per_day,
            comments_per_day=self.comments_per_day,
        )


class Steered(Protocol):
    """What the control endpoints change: ``Threads``, and X's posts.

    ``add`` and ``change`` raise ``ValueError``, ``KeyError`` or ``TypeError`` for what makes no
    sense; ``change`` returns ``None`` where nothing has the number. What they return has a
    ``number``.
    """

    removed: set[int]

    @property
    def added(self) -> int:
        """How many posts were added."""

    def add(self, raw: Mapping[str, Any]) -> Any:
        """Adds a post."""

    def change(self, number: int, raw: Mapping[str, Any], now_ms: int) -> Any:
        """Edits a post."""

    def remove(self, number: int) -> Any:
        """Deletes a post from now on."""


@dataclass
class Call:
    """One request to an endpoint. ``due`` holds the altering faults that are due for it.

    ``endpoint`` is the path as the site's package spelled it, without base; ``token`` is empty
    only where a replacing fault answers a request that has none.
    """

    site: Site
    request: Request
    endpoint: str
    token: str
    now_ms: int
    due: Mapping[str, Fault]
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def served(self, posts: int) -> None:
        """Counts posts (or comments) that the answer holds."""
        self.site.served_by_day[self.now_ms // DAY_MS] += posts


Endpoint = Callable[[Call], object]


def bearer(request: Request) -> str | None:
    """The token of ``Authorization: Bearer ...``."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def last_digits(spelled: str) -> int:
    """The number at an id's end: ``1_23``, ``urn:li:share:23`` and ``...(...,23)`` give 23."""
    found = re.findall(r"\d+", spelled)
    if not found:
        raise ValueError(f"{spelled!r} holds no number")
    return int(found[-1])


def _admitted(_call: Call) -> None:
    return None


class Site:
    """One platform's endpoints, below ``base`` (by default ``/`` and its name)."""

    def __init__(
        self,
        world: World,
        platform: str,
        posts: Steered,
        *,
        id_of: Callable[[Any], str],
        unauthorized: Callable[[], Refused],
        not_found: Callable[[str], Refused],
        number_of: Callable[[str], int] = last_digits,
        faults: Mapping[str, Kind] | None = None,
        texts: Sequence[str] = ("text",),
        token: Callable[[Request], str | None] = bearer,
        admit: Callable[[Call], None] = _admitted,
        base: str | None = None,
        media_type: str = JSON,
    ) -> None:
        self.world = world
        self.platform = platform
        self.posts = posts
        self.base = f"/{platform}" if base is None else base
        self.not_found = not_found
        self.faults = Faults(faults or {})
        self.requests: collections.Counter[str] = collections.Counter()
        self.statuses: collections.Counter[tuple[str, int]] = collections.Counter()
        self.served_by_day: collections.Counter[int] = collections.Counter()
        self._id_of = id_of
        self._number_of = number_of
        self._unauthorized = unauthorized
        self._text = re.compile(b'"(?:%s)":"' % b"|".join(re.escape(t.encode()) for t in texts))
        self._token = token
        self._admit = admit
        self._media_type = media_type
        self._routes: list[Route] = []

    def route(self, path: str, endpoint: Endpoint, methods: Sequence[str] = ("GET",)) -> None:
        """Serves ``endpoint`` at ``path`` (starlette's spelling) below the base, guarded."""
        guarded = self.guarded(path, endpoint)
        self._routes.append(Route(self.base + path, guarded, methods=list(methods)))

    def routes(self) -> list[Route]:
        """The control endpoints and the platform's, in this order."""
        control, post = f"{self.base}/_control", f"{self.base}/_control/posts"
        return [
            Route(f"{control}/faults", self._add_fault, methods=["POST"]),
            Route(f"{control}/faults", self._clear_faults, methods=["DELETE"]),
            Route(f"{control}/state", self._state, methods=["GET"]),
            Route(f"{control}/clock", self._set_clock, methods=["POST"]),
            Route(post, self._add_posts, methods=["POST"]),
            Route(post + "/{id:path}", self._change_post, methods=["POST"]),
            Route(post + "/{id:path}", self._remove_post, methods=["DELETE"]),
            *self._routes,
        ]

    def guarded(self, path: str, endpoint: Endpoint) -> Callable[[Request], Any]:
        """Token, faults, limits and counters around an endpoint."""

        async def serve(request: Request) -> Response:
            where = self.base + path
            self.requests[where] += 1
            replacing, altering = self.faults.due(request.url.path)
            token, now_ms = self._token(request), self.world.clock.now_ms()
            body = await request.body()
            call = Call(self, request, path, token or "", now_ms, altering, body)
            if (fault := altering.get("timeout")) is not None:
                await asyncio.sleep(fault.seconds(30))
                call.now_ms = self.world.clock.now_ms()
            try:
                if replacing is not None:
                    response = self._replaced(call, replacing)
                else:
                    response = self._served(call, endpoint)
            except Refused as refusal:
                response = refusal.response(call.headers)
            self.statuses[where, response.status_code] += 1
            if "disconnect" in altering:
                return _Trickle(response, 0.0, breaks=True)
            if (fault := altering.get("slow")) is not None:
                return _Trickle(response, fault.seconds(2), breaks=False)
            return response

        return serve

    def _replaced(self, call: Call, fault: Fault) -> Response:
        kind = self.faults.kinds[fault.name]
        assert isinstance(kind, Replaces)
        return kind.answer(call, fault)

    def _served(self, call: Call, endpoint: Endpoint) -> Response:
        if not call.token:
            raise self._unauthorized()
        self._admit(call)
        body = endpoint(call)
        if isinstance(body, Response):
            return body
        for name, kind in self.faults.kinds.items():
            if name in call.due and isinstance(kind, Alters):
                body = kind.body(body, call, call.due[name])
        raw = msgspec.json.encode(body)
        if "bad_encoding" in call.due:
            # Latin-1 inside a text is not UTF-8.
            raw = self._text.sub(lambda found: found[0] + b"caf\xe9 \xff\xfe ", raw, count=1)
        if "truncated_json" in call.due:
            raw = raw[: len(raw) * 2 // 3]
        return Response(raw, 200, call.headers, media_type=self._media_type)

    # The control endpoints.

    async def _add_fault(self, request: Request) -> Response:
        try:
            fault = self.faults.read(msgspec.json.decode(await request.body(), type=dict[str, Any]))
        except ValueError as error:
            return _control({"error": str(error)}, 400)
        self.faults.add(fault)
        return _control({"faults": self.faults.described()})

    async def _clear_faults(self, _: Request) -> Response:
        self.faults.clear()
        return _control({"faults": []})

    async def _state(self, _: Request) -> Response:
        clock = self.world.clock
        return _control(
            {
                "requests": sum(self.requests.values()),
                "endpoints": {
                    path: {
                        "requests": number,
                        "statuses": {
                            str(code): count
                            for (where, code), count in self.statuses.items()
                            if where == path
                        },
                    }
                    for path, number in self.requests.items()
                },
                "posts_served": sum(self.served_by_day.values()),
                "faults": self.faults.described(),
                "now": iso(clock.now_ms()),
                "clock": "real" if clock.fixed_ms is None else "fixed",
                "source": self.world.source,
                "seed": self.world.seed,
                "added_posts": self.posts.added,
                "removed_posts": len(self.posts.removed),
            }
        )

    async def _set_clock(self, request: Request) -> Response:
        try:
            now = msgspec.json.decode(await request.body(), type=dict[str, str | None])["now"]
            fixed = None if now is None else parse_ms(now)
        except (ValueError, KeyError) as error:
            return _control(
                {"error": f'expected {{"now": "2026-11-23T08:00:00Z"}} or null: {error}'}, 400
            )
        self.world.clock.fixed_ms = fixed
        return _control({"now": iso(self.world.clock.now_ms())})

    async def _add_posts(self, request: Request) -> Response:
        try:
            raw = msgspec.json.decode(await request.body(), type=dict[str, list[dict[str, Any]]])
            added = [self.posts.add(self._numbered(one)) for one in raw["posts"]]
        except (ValueError, KeyError, TypeError) as error:
            return _control(
                {"error": f'expected {{"posts": [{{"text": ..., "created_at": ...}}]}}: {error!r}'},
                400,
            )
        return _control(
            {
                "ids": [self._id_of(post) for post in added],
                "numbers": [post.number for post in added],
            }
        )

    def _numbered(self, raw: dict[str, Any]) -> dict[str, Any]:
        """With ``parent`` as a number, whichever way it was given."""
        if isinstance(raw.get("parent"), str):
            return raw | {"parent": self._number_of(raw["parent"])}
        return raw

    async def _change_post(self, request: Request) -> Response:
        spelled = request.path_params["id"]
        try:
            raw = msgspec.json.decode(await request.body(), type=dict[str, Any])
            post = self.posts.change(self._number_of(spelled), raw, self.world.clock.now_ms())
        except (ValueError, KeyError, TypeError) as error:
            return _control({"error": f'expected {{"text": ...}}: {error!r}'}, 400)
        if post is None:
            return _control({"error": f"there is no post {spelled}"}, 404)
        return _control({"id": self._id_of(post), "number": post.number})

    async def _remove_post(self, request: Request) -> Response:
        spelled = request.path_params["id"]
        try:
            self.posts.remove(self._number_of(spelled))
        except ValueError as error:
            return _control({"error": str(error)}, 400)
        return _control({"removed": spelled})


def _control(body: dict[str, Any], status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")


class _Trickle(Response):
    """A body in pieces: over ``seconds``, or only half of it before the connection closes."""

    def __init__(self, whole: Response, seconds: float, breaks: bool) -> None:
        super().__init__(bytes(whole.body), whole.status_code, dict(whole.headers))
        self._seconds = seconds
        self._breaks = breaks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        body, pieces = bytes(self.body), 10
        size = math.ceil(len(body) / pieces)
        for piece in range(pieces // 2 if self._breaks else pieces):
            await asyncio.sleep(self._seconds / pieces)
            part = body[piece * size : (piece + 1) * size]
            await send({"type": "http.response.body", "body": part, "more_body": True})
        if self._breaks:
            raise Disconnected
        await send({"type": "http.response.body", "body": b"", "more_body": False})
