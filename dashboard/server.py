"""The dashboard as a web application: Streamlit's pages, and the downloads beside them.

What belongs here: routes beside Streamlit's own, and what is done before the first reader comes. A
download is answered from its address alone, by whichever replica is asked.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from streamlit.starlette import App

SCRIPT = Path(__file__).with_name("app.py")
#: What pages and downloads import; ``app.py`` itself is a script, which draws when imported.
PARTS = (
    "downloads", "views.overview", "views.topic", "views.platforms", "views.days", "views.health",
    "views.now",
)  # fmt: skip


@asynccontextmanager
async def _prepared(_: App) -> AsyncIterator[None]:
    """Import all of it, so that the first reader doesn't wait for that."""
    for part in PARTS:
        await anyio.to_thread.run_sync(importlib.import_module, f"dashboard.{part}")
    yield


async def _export(request: Request) -> Response:
    # Imported by now; its caches ask for a server that runs.
    from dashboard.downloads import answer

    return await anyio.to_thread.run_sync(answer, request)


app = App(
    SCRIPT,
    lifespan=_prepared,
    routes=[Route("/export/{table}.{kind}", _export, methods=["GET"])],
)
