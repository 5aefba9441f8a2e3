"""Puts the platforms' sites together into one ASGI application on one port.

What belongs here: which platforms there are, and what holds for every response. What does not:
endpoints (the platforms' packages) and what surrounds each (``site.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from email.utils import formatdate
from types import ModuleType

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator import facebook, instagram, linkedin, x
from simulator.clock import Clock
from simulator.site import Site, World
from simulator.x.post import Source

# Beside X, which alone takes a source of posts: each offers ``site(world) -> Site``.
PACKAGES: tuple[ModuleType, ...] = (facebook, instagram, linkedin)


def sites(world: World, source: Source, repeats: float = 0.0) -> list[Site]:
    """The site of every platform; ``source`` and ``repeats`` are X's."""
    return [x.site(world, source, repeats), *(package.site(world) for package in PACKAGES)]


def create_app(
    served: Sequence[Site], clock: Clock, ready: Callable[[], None] = lambda: None
) -> ASGIApp:
    """The ASGI application; calls ``ready`` when it starts to serve."""
    # The longest base first: X's is empty, and every path begins with that.
    by_base = sorted(served, key=lambda site: len(site.base), reverse=True)

    async def no_such_endpoint(request: Request, _: Exception) -> Response:
        path = request.url.path
        site = next(one for one in by_base if f"{path}/".startswith(f"{one.base}/"))
        return site.not_found(path).response()

    app = Starlette(
        routes=[route for site in by_base for route in site.routes()],
        exception_handlers={404: no_such_endpoint},
    )

    async def announcing(scope: Scope, receive: Receive, send: Send) -> None:
        async def watching(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                ready()

        await app(scope, receive, watching if scope["type"] == "lifespan" else send)

    return _Marked(announcing, clock)


class _Marked:
    """Puts ``x-simulated: true`` and the story's ``date`` on every response, errors included."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marking(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = formatdate(self._clock.now_ms() / 1000, usegmt=True).encode()
                marks = [(b"x-simulated", b"true"), (b"date", date)]
                message["headers"] = [*message["headers"], *marks]
            await send(message)

        await self._app(scope, receive, marking)
