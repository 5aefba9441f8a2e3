"""The dashboard as a web application: Streamlit's pages, and the downloads beside them.

What belongs here: routes beside Streamlit's own, and what is done before the first reader comes. A
download is answered from its address alone, by whichever replica is asked.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from streamlit.starlette import App

from dashboard import export, queries
from dashboard.address import Address
from dashboard.opening import open_store
from dashboard.queries import Selection, Span
from resources.environments import SettingsError, read_settings
from resources.postgres import MartError
from sentiment_assets.core.contracts import CONTRACTS
from sentiment_assets.lake.objects import LakeError

log = logging.getLogger(__name__)

SCRIPT = Path(__file__).with_name("app.py")
TABLES = {table.table: table for table in CONTRACTS.values() if table.layer == "gold"}
_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


@asynccontextmanager
async def _prepared(_: App) -> AsyncIterator[None]:
    """Import what the pages import, so that the first reader doesn't wait for it."""
    await anyio.to_thread.run_sync(_import_pages)
    yield


def _import_pages() -> None:
    import dashboard.views.days
    import dashboard.views.health
    import dashboard.views.now
    import dashboard.views.overview
    import dashboard.views.platforms
    import dashboard.views.topic  # noqa: F401


async def _export(request: Request) -> Response:
    return await anyio.to_thread.run_sync(_answer, request)


def _answer(request: Request) -> Response:
    table, kind = TABLES.get(request.path_params["table"]), request.path_params["kind"]
    if table is None or kind not in get_args(export.Kind):
        return PlainTextResponse(
            f"There is no such file. Tables: {', '.join(TABLES)}; kinds: csv, parquet.\n", 404
        )
    asked = Address({name: request.query_params.getlist(name) for name in request.query_params})
    try:
        settings = read_settings()
        store = open_store(settings).store
        known = queries.available(store)
        if known is None:
            return PlainTextResponse("No gold yet: `make run` fills it.\n", 404)
        first, last = asked.days(known.days[0], known.days[-1])
        selection: Selection | Span = Span(first, last)
        if "platform" in asked.parameters:
            platform = asked.one_of("platform", known.platforms, "", "Gold has no such platform.")
            selection = Selection(first, last, platform)
        if asked.complaints:
            return PlainTextResponse(" ".join(asked.complaints) + "\n", 400)
        content = export.written(queries.rows(store, table, selection), kind)
    except (SettingsError, LakeError, MartError) as error:
        log.exception("a download could not be made")
        return PlainTextResponse(f"Gold could not be read ({type(error).__name__}).\n", 503)
    name = export.file_name(table, kind, selection)
    return Response(
        content,
        media_type=_TYPES[kind],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            # Gold changes under the same address.
            "Cache-Control": "no-cache",
        },
    )


app = App(
    SCRIPT,
    lifespan=_prepared,
    routes=[Route("/export/{table}.{kind}", _export, methods=["GET"])],
)
