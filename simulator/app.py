"""The HTTP face: X's endpoints, and control endpoints that tests steer the simulator with.

What belongs here: routes, tokens, rate limits, headers, faults as they meet HTTP. What does not:
what a search finds (``search.py``) or how a post is spelled (``rendering.py``).
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator import faults, problems, rate_limit, search
from simulator.additions import Additions
from simulator.clock import DAY_MS, Clock, iso, parse_ms
from simulator.faults import Fault, Faults
from simulator.problems import Problem
from simulator.rate_limit import RateLimit
from simulator.rendering import RENAMED

SEARCH, USAGE = "/2/tweets/search/recent", "/2/usage/tweets"
MONTHLY_CAP = 2_000_000
_USAGE_FIELDS = {
    "cap_reset_day",
    "daily_client_app_usage",
    "daily_project_usage",
    "project_cap",
    "project_id",
    "project_usage",
}
_JSON, _PROBLEM = "application/json; charset=utf-8", "application/problem+json; charset=utf-8"


class Disconnected(Exception):
    """Raised to make the server close the connection in the middle of a body."""


@dataclass
class Simulator:
    """Everything that a running simulator knows."""

    posts: Additions
    clock: Clock
    source: str  # story | corpus
    seed: int
    limit: RateLimit
    repeats: float
    faults: Faults = field(default_factory=Faults)
    requests: collections.Counter[str] = field(default_factory=collections.Counter)
    statuses: collections.Counter[str] = field(default_factory=collections.Counter)
    read_by_day: collections.Counter[int] = field(default_factory=collections.Counter)


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


class _Marked:
    """Puts ``x-simulated: true`` on every response, errors of the framework included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marking(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-simulated", b"true")]
            await send(message)

        await self._app(scope, receive, marking)


def create_app(simulator: Simulator, ready: Callable[[], None] = lambda: None) -> ASGIApp:
    """The ASGI application; calls ``ready`` when it starts to serve."""
    api = _Api(simulator)
    control = _Control(simulator)
    app = Starlette(
        routes=[
            Route(SEARCH, api.search, methods=["GET"]),
            Route(USAGE, api.usage, methods=["GET"]),
            Route("/_control/faults", control.add_fault, methods=["POST"]),
            Route("/_control/faults", control.clear_faults, methods=["DELETE"]),
            Route("/_control/state", control.state, methods=["GET"]),
            Route("/_control/clock", control.set_clock, methods=["POST"]),
            Route("/_control/posts", control.add_posts, methods=["POST"]),
            Route("/_control/posts/{id:int}", control.remove_post, methods=["DELETE"]),
        ],
        exception_handlers={404: _no_such_endpoint},
    )

    async def announcing(scope: Scope, receive: Receive, send: Send) -> None:
        async def watching(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                ready()

        await app(scope, receive, watching if scope["type"] == "lifespan" else send)

    return _Marked(announcing)


async def _no_such_endpoint(request: Request, _: Exception) -> Response:
    return _refusal(problems.not_found(request.url.path))


def _refusal(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    body = msgspec.json.encode(problem.body)
    return Response(body, problem.status, headers, media_type=_PROBLEM)


class _Api:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def search(self, request: Request) -> Response:
        return await self._guarded(request, self._search)

    async def usage(self, request: Request) -> Response:
        return await self._guarded(request, self._usage)

    async def _guarded(
        self, request: Request, serve: Callable[[Request, dict[str, Fault]], bytes]
    ) -> Response:
        """Token, faults and rate limit around an endpoint."""
        simulator, path = self._simulator, request.url.path
        simulator.requests[path] += 1
        replacing, altering = simulator.faults.due()
        response = self._replaced(replacing) if replacing else None
        if response is None:
            if (fault := altering.get("timeout")) is not None:
                await asyncio.sleep(fault.seconds(30))
            response = self._served(request, serve, altering)
        simulator.statuses[f"{path} {response.status_code}"] += 1
        if (fault := altering.get("disconnect")) is not None:
            return _Trickle(response, 0.0, breaks=True)
        if (fault := altering.get("slow")) is not None:
            return _Trickle(response, fault.seconds(2), breaks=False)
        return response

    def _served(
        self,
        request: Request,
        serve: Callable[[Request, dict[str, Fault]], bytes],
        altering: dict[str, Fault],
    ) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return _refusal(problems.unauthorized())
        allowed, headers = self._simulator.limit.take(token, request.url.path)
        if not allowed:
            return _refusal(problems.too_many_requests(), headers)
        try:
            return Response(serve(request, altering), 200, headers, media_type=_JSON)
        except Problem as problem:
            return _refusal(problem, headers)

    def _replaced(self, fault: Fault) -> Response:
        limit = self._simulator.limit.limit
        left = rate_limit.headers(limit, limit - 1, int(time.time()) + rate_limit.WINDOW_SECONDS)
        if fault.name == "rate_limit":
            reset = math.ceil(time.time() + float(fault.parameters.get("reset_in", 60)))
            return _refusal(problems.too_many_requests(), rate_limit.headers(limit, 0, reset))
        if fault.name == "bad_gateway_html":
            return Response(faults.BAD_GATEWAY, 502, media_type="text/html")
        if fault.name == "not_json":
            return Response(faults.NOT_JSON, 200, left, media_type="text/html")
        problem = {
            "usage_cap": problems.usage_capped,
            "dead_token": problems.unauthorized,
            "forbidden": problems.forbidden,
            "server_error": problems.unavailable,
        }[fault.name]()
        return _refusal(problem, left)

    def _search(self, request: Request, altering: dict[str, Fault]) -> bytes:
        simulator = self._simulator
        now_ms = simulator.clock.now_ms()
        asked = search.read_request(request.query_params, now_ms)
        if "new_spelling" in altering:
            asked = dataclasses.replace(asked, spelling=RENAMED)
        page = search.answer(asked, simulator.posts, now_ms, simulator.repeats)
        simulator.read_by_day[now_ms // DAY_MS] += len(page.posts)
        return faults.encoded(faults.altered(page, asked, altering), altering)

    def _usage(self, request: Request, altering: dict[str, Fault]) -> bytes:
        simulator, parameters = self._simulator, request.query_params
        days = parameters.get("days", "7")
        if not days.isdigit() or not 1 <= int(days) <= 90:
            raise problems.invalid_request(
                (
                    "days",
                    [days],
                    f"The `days` query parameter value [{days}] is not between 1 and 90",
                )
            )
        wanted = {one for one in parameters.get("usage.fields", "").split(",") if one}
        if wrong := sorted(wanted - _USAGE_FIELDS):
            raise problems.invalid_request(
                (
                    "usage.fields",
                    wrong,
                    "The `usage.fields` query "
                    f"parameter value [{wrong[0]}] is not one of "
                    f"[{','.join(sorted(_USAGE_FIELDS))}]",
                )
            )
        by_day = simulator.read_by_day
        data: dict[str, Any] = {
            "project_id": problems.PROJECT_ID,
            "project_cap": str(MONTHLY_CAP),
            "project_usage": str(sum(by_day.values())),
            "cap_reset_day": 1,
        }
        if "daily_project_usage" in wanted:
            today = simulator.clock.now_ms() // DAY_MS
            data["daily_project_usage"] = {
                "project_id": problems.PROJECT_ID,
                "usage": [
                    {"date": iso(day * DAY_MS), "usage": str(by_day[day])}
                    for day in range(today - int(days) + 1, today + 1)
                ],
            }
        return faults.encoded({"data": data}, altering)


class _Control:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def add_fault(self, request: Request) -> Response:
        try:
            raw = msgspec.json.decode(await request.body(), type=dict[str, Any])
            fault = faults.read_fault(raw)
        except ValueError as error:
            return _control({"error": str(error)}, 400)
        self._simulator.faults.add(fault)
        return _control({"faults": self._simulator.faults.described()})

    async def clear_faults(self, _: Request) -> Response:
        self._simulator.faults.clear()
        return _control({"faults": []})

    async def state(self, _: Request) -> Response:
        simulator = self._simulator
        statuses = [key.split(" ") for key in simulator.statuses]
        return _control(
            {
                "requests": sum(simulator.requests.values()),
                "endpoints": {
                    path: {
                        "requests": simulator.requests[path],
                        "statuses": {
                            code: simulator.statuses[f"{path} {code}"]
                            for where, code in statuses
                            if where == path
                        },
                    }
                    for path in simulator.requests
                },
                "posts_served": sum(simulator.read_by_day.values()),
                "faults": simulator.faults.described(),
                "now": iso(simulator.clock.now_ms()),
                "clock": "real" if simulator.clock.fixed_ms is None else "fixed",
                "source": simulator.source,
                "seed": simulator.seed,
                "added_posts": simulator.posts.added,
                "removed_posts": len(simulator.posts.removed),
            }
        )

    async def set_clock(self, request: Request) -> Response:
        try:
            now = msgspec.json.decode(await request.body(), type=dict[str, str | None])["now"]
            fixed = None if now is None else parse_ms(now)
        except (ValueError, KeyError) as error:
            return _control(
                {"error": f'expected {{"now": "2026-11-23T08:00:00Z"}} or null: {error}'}, 400
            )
        self._simulator.clock.fixed_ms = fixed
        return _control({"now": iso(self._simulator.clock.now_ms())})

    async def add_posts(self, request: Request) -> Response:
        try:
            raw = msgspec.json.decode(await request.body(), type=dict[str, list[dict[str, Any]]])
            added = [self._simulator.posts.add(one) for one in raw["posts"]]
        except (ValueError, KeyError, TypeError) as error:
            return _control(
                {"error": f'expected {{"posts": [{{"text": ..., "created_at": ...}}]}}: {error!r}'},
                400,
            )
        return _control({"ids": [str(post.id) for post in added]})

    async def remove_post(self, request: Request) -> Response:
        self._simulator.posts.remove(request.path_params["id"])
        return _control({"removed": str(request.path_params["id"])})


def _control(body: dict[str, Any], status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")
