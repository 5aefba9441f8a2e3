"""Ask a platform's API for windows of posts and keep what it gives in bronze.

What belongs here: which pages go where, and what the manifest says of them. The API itself is a
client behind :class:`PlatformClient`; the plan of windows is ``core.coverage``.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from sentiment_assets.core.coverage import (
    Manifest,
    PlannedWindow,
    QueryFetch,
    State,
    state_of_search,
)
from sentiment_assets.core.layout import PostPartition, Window
from sentiment_assets.core.parsers import Refused, creation_time
from sentiment_assets.core.tracking import TrackedQuery
from sentiment_assets.lake.bronze import WindowFetch
from sentiment_assets.lake.objects import Lake, LakeOriginError


class MalformedPart(Protocol):
    """A part of an answer that is no post."""

    index: int | None
    reason: str
    raw: Any


class PartialErrors(Protocol):
    """How often an answer reported one kind of error beside its data."""

    title: str
    count: int


class FetchedPage(Protocol):
    """One answer of a search; ``records`` are the payloads that bronze keeps."""

    number: int
    records: list[dict[str, Any]]
    malformed: Sequence[MalformedPart]
    errors: Sequence[PartialErrors]
    simulated: bool


class Search(Protocol):
    """The pages of a search, and the bounds that the API was really asked for."""

    start: dt.datetime
    end: dt.datetime
    pages: int
    exhausted: bool

    @property
    def watermark(self) -> str | None:
        """Newest id; null until the last page was read."""

    def __iter__(self) -> Iterator[Any]: ...


class PlatformClient(Protocol):
    """What every platform's HTTP client offers."""

    reach: dt.timedelta
    api_version: str
    what_would_reach: str

    def clock(self) -> dt.datetime:
        """Now, as the platform sees it."""

    def search_window(self, query: str, start: dt.datetime, end: dt.datetime) -> Search:
        """Pages of posts created in [start, end)."""


class FetchInterrupted(Exception):
    """A window's fetch broke off; what it had brought is kept, marked partial."""

    def __init__(self, manifest: Manifest, cause: Exception) -> None:
        super().__init__(str(cause))
        self.manifest = manifest
        self.cause = cause


def fetch_windows(
    lake: Lake,
    client: PlatformClient,
    planned: Iterable[PlannedWindow],
    queries: Sequence[TrackedQuery],
    *,
    holds: Callable[[PostPartition], bool],
    fetched_at: dt.datetime,
    run_id: str,
) -> Iterator[list[Manifest]]:
    """Fetch planned windows in order; yields the manifests of each as soon as they stand.

    The last manifest of a list is the window's own, those before it are of windows that got posts
    which the search returned but which belong to them. ``holds`` says which partitions exist:
    posts of other dates become dead letters.

    Raises:
        FetchInterrupted: the API failed; the window's manifest says partial.
        LakeOriginError: simulated posts would enter a live lake, or the other way round.
    """
    for window in planned:
        yield _fetch_window(lake, client, window, queries, holds, fetched_at, run_id)


def _fetch_window(
    lake: Lake,
    client: PlatformClient,
    planned: PlannedWindow,
    queries: Sequence[TrackedQuery],
    holds: Callable[[PostPartition], bool],
    fetched_at: dt.datetime,
    run_id: str,
) -> list[Manifest]:
    fetch = WindowFetch(
        lake,
        planned.window,
        fetched_at=fetched_at,
        run_id=run_id,
        api_version=client.api_version,
        simulated=lake.origin == "simulated",
    )
    if not planned.reachable:
        reason = (
            f"older than the API's reach of {client.reach.days} days; {client.what_would_reach}"
        )
        return fetch.close("unavailable", reason)
    done: list[QueryFetch] = []
    states: list[tuple[State, str]] = []
    spans: list[tuple[dt.datetime, dt.datetime]] = []
    for query in queries:
        counts: Counter[str] = Counter()
        errors: Counter[str] = Counter()
        search: Search | None = None
        try:
            search = client.search_window(query.query, planned.start, planned.end)
            for page in search:
                _keep_page(lake, fetch, planned.window, holds, query, page, counts, errors)
        except LakeOriginError:
            raise
        except Exception as error:
            if search is not None:
                done.append(_query_fetch(query, search, counts, errors))
            kept = fetch.earlier_attempt()
            if kept is None or kept.received <= fetch.received:
                kept = fetch.close("partial", f"interrupted: {error}", None, done)[-1]
            # Otherwise a retry broke off sooner than the attempt before: what stands is more.
            raise FetchInterrupted(kept, error) from error
        done.append(_query_fetch(query, search, counts, errors))
        states.append(state_of_search(planned.window, search.start, search.end, search.exhausted))
        if search.exhausted:
            spans.append((search.start, search.end))
    state, reason = next((s for s in states if s[0] != "complete"), ("complete", ""))
    # Fetched is what every query covered; posts come newest first, so a search that stopped early
    # covers nothing that can be named.
    fetched = None
    if len(spans) == len(queries):
        fetched = (max(start for start, _ in spans), min(end for _, end in spans))
    return fetch.close(state, reason, fetched, done)


def _keep_page(
    lake: Lake,
    fetch: WindowFetch,
    window: Window,
    holds: Callable[[PostPartition], bool],
    query: TrackedQuery,
    page: FetchedPage,
    counts: Counter[str],
    errors: Counter[str],
) -> None:
    if page.simulated != (lake.origin == "simulated"):
        came, has = ("simulated", "live") if page.simulated else ("live", "simulated")
        raise LakeOriginError(
            f"the API answers with {came} posts and the lake holds {has} ones: nothing was "
            "written. Set SENTIMENT_SOURCE and the API's base URL to agree"
        )
    for index, record in enumerate(page.records):
        request: Mapping[str, Any] = {"query": query.name, "page": page.number, "index": index}
        try:
            target = Window.of(
                creation_time(window.partition.platform, record), window.partition.platform
            )
        except Refused as refused:
            fetch.add_dead_letter(record, request, f"{refused.code}: {refused.reason}")
            continue
        if holds(target.partition):
            fetch.add(target, record, request)
        else:
            reason = f"no_partition: there is no partition {target.partition.key}"
            fetch.add_dead_letter(record, request, reason)
    for part in page.malformed:
        request = {"query": query.name, "page": page.number, "index": part.index}
        fetch.add_dead_letter(part.raw, request, part.reason)
    counts.update(records=len(page.records), malformed=len(page.malformed))
    for error in page.errors:
        errors[error.title] += error.count


def _query_fetch(
    query: TrackedQuery, search: Search, counts: Counter[str], errors: Counter[str]
) -> QueryFetch:
    return QueryFetch(
        name=query.name,
        query=query.query,
        pages=search.pages,
        records=counts["records"],
        malformed=counts["malformed"],
        partial_errors=dict(errors),
        watermark=search.watermark,
    )
