"""Downloads: rows of gold's tables by their address alone.

What belongs here: a request to a file, or to one sentence that says what was wrong with it. What a
file holds is ``export.py``.
"""

from __future__ import annotations

import itertools
import logging
from typing import get_args

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from dashboard import export, queries
from dashboard.address import Address
from dashboard.opening import open_store
from dashboard.queries import Selection, Span
from dashboard.stores import LakeStore
from resources.postgres import MartError
from resources.settings import SettingsError, read_settings
from sentiment_assets.core.contracts import LIVE_SENTIMENT
from sentiment_assets.lake.objects import LakeError

log = logging.getLogger(__name__)

TABLES = {table.table: table for table in (*queries.GOLD_TABLES, LIVE_SENTIMENT)}
_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


def answer(request: Request) -> Response:
    """The file, in pieces, for the days and the platform that the address names."""
    table, kind = TABLES.get(request.path_params["table"]), request.path_params["kind"]
    if table is None or kind not in get_args(export.Kind):
        return PlainTextResponse(
            f"There is no such file. Tables: {', '.join(TABLES)}; kinds: csv, parquet.\n", 404
        )
    asked = Address({name: request.query_params.getlist(name) for name in request.query_params})
    try:
        settings = read_settings()
        # Live figures are published to no mart.
        live = table is LIVE_SENTIMENT
        store = LakeStore(settings.open_lake()) if live else open_store(settings).store
        known = queries.available(store, table) if live else queries.available(store)
        if known is None:
            how = "docs/streaming.md says how to start them" if live else "`make run` fills it"
            return PlainTextResponse(f"No {'live figures' if live else 'gold'} yet: {how}.\n", 404)
        first, last = asked.days(known.days[0], known.days[-1])
        selection: Selection | Span = Span(first, last)
        if "platform" in asked.parameters:
            platform = asked.one_of("platform", known.platforms, "", "Gold has no such platform.")
            selection = Selection(first, last, platform)
        if asked.complaints:
            return PlainTextResponse(" ".join(asked.complaints) + "\n", 400)
        pieces = export.written(queries.batches(store, table, selection), kind)
        # What can't be read is said in words; once the file has begun, it can only break off.
        begin = next(pieces)
    except (SettingsError, LakeError, MartError) as error:
        log.exception("a download could not be made")
        return PlainTextResponse(f"Gold could not be read ({type(error).__name__}).\n", 503)
    name = export.file_name(table, kind, selection)
    return StreamingResponse(
        itertools.chain([begin], pieces),
        media_type=_TYPES[kind],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            # Gold changes under the same address.
            "Cache-Control": "no-cache",
        },
    )
