"""Ask a platform's API for windows of posts and keep what it gives in bronze.

What belongs here: which windows are searched together, which pages go where, and what the
manifests say of them. The API itself is a client behind :class:`PlatformClient`; the plan of
windows is ``core.coverage``.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sentiment_assets.core.coverage import (
    REACH_MARGIN,
    Manifest,
    PlannedWindow,
    Searched,
    SearchedSource,
    SourceFetch,
    state_of_search,
)
from sentiment_assets.core.layout import WINDOW_LENGTH, PostPartition, Window
from sentiment_assets.core.parsers import Refused, creation_time
from sentiment_assets.core.parsers.fields import FieldDrift
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.tracking import TrackedSource
from sentiment_assets.lake.bronze import StretchFetch
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


class Allowance(Protocol):
    """What an API still grants, as of an answer."""

    @property
    def limit(self) -> int | None:
        """Requests per period, where the API counts them."""

    @property
    def remaining(self) -> int | None:
        """Requests left of them."""

    @property
    def used_share(self) -> float | None:
        """Share of the limit that is used, where the API tells percentages."""

    @property
    def reset_at(self) -> dt.datetime | None:
        """When requests are taken again."""


class PlatformClient(Protocol):
    """What every platform's HTTP client offers."""

    api_version: str
    what_would_reach: str
    #: The longest stretch of time that one search should cover; null: any, since it reads
    #: listings that cost the same for two hours and for a week.
    span: dt.timedelta | None

    @property
    def allowance(self) -> Allowance | None:
        """What the API still grants, as of its newest answer."""

    def clock(self) -> dt.datetime:
        """Now, as the platform sees it."""

    def reach(self, source: TrackedSource) -> dt.timedelta:
        """How far back this source can be asked."""

    def search(self, source: TrackedSource, start: dt.datetime, end: dt.datetime) -> Search:
        """Pages of what was created in [start, end)."""

    def notices(self) -> list[str]:
        """What somebody should see to soon, such as a version that retires."""


@dataclass(frozen=True)
class Fetched:
    """The manifests of one stretch: of its windows, and of others that got posts of theirs."""

    windows: list[Manifest]
    strays: list[Manifest]


class FetchInterrupted(Exception):
    """A stretch's fetch broke off; what it had brought is kept, its windows marked partial."""

    def __init__(self, manifests: list[Manifest], cause: Exception) -> None:
        super().__init__(str(cause))
        self.manifests = manifests
        self.cause = cause


@dataclass
class _SourceCounts:
    """What is counted while a source's pages come."""

    drift: FieldDrift
    records: int = 0
    malformed: int = 0
    errors: Counter[str] = field(default_factory=Counter)


def longest_reach(client: PlatformClient, sources: Sequence[TrackedSource]) -> dt.timedelta:
    """How far back the source goes that goes furthest."""
    return max(client.reach(source) for source in sources)


def fetch_windows(
    lake: Lake,
    client: PlatformClient,
    planned: Sequence[PlannedWindow],
    sources: Sequence[TrackedSource],
    *,
    holds: Callable[[PostPartition], bool],
    fetched_at: dt.datetime,
    run_id: str,
) -> Iterator[Fetched]:
    """Fetch planned windows of one platform in order; yields each stretch as soon as it stands.

    ``holds`` says which partitions exist: posts of other dates become dead letters.

    Raises:
        FetchInterrupted: the API failed; the stretch's manifests say partial.
        LakeOriginError: simulated posts would enter a live lake, or the other way round.
        Exception: with ``asked_in_vain``, the client's own; nothing was written.
    """
    # What is beyond reach comes last: an answer has then told whether the clock is right.
    for stretch in sorted(stretches(planned, client.span), key=lambda of: not of[0].reachable):
        fetch = StretchFetch(
            lake,
            [window.window for window in stretch],
            fetched_at=fetched_at,
            run_id=run_id,
            api_version=client.api_version,
            simulated=lake.origin == "simulated",
            notices=client.notices(),
        )
        yield _fetch_stretch(lake, client, fetch, stretch, sources, holds)


def stretches(
    planned: Iterable[PlannedWindow], span: dt.timedelta | None
) -> Iterator[list[PlannedWindow]]:
    """Group windows that one search covers, in order.

    They fit into the span without a gap. Without a span there may be gaps: listings cost the same
    however long the stretch is, and twice as much for two of them.
    """
    group: list[PlannedWindow] = []
    for window in planned:
        belongs = group and group[-1].reachable == window.reachable
        if span is not None and belongs:
            belongs = group[-1].end == window.start and window.end - group[0].start <= span
        if group and not belongs:
            yield group
            group = []
        group.append(window)
    if group:
        yield group


def _between(asked: Sequence[Window]) -> set[Window]:
    """The windows that lie between the first and the last of these and are none of them."""
    first, last = asked[0], asked[-1]
    span = (last.start - first.start) // WINDOW_LENGTH
    moments = [first.start + WINDOW_LENGTH * step for step in range(span)]
    platform = first.partition.platform
    return {Window.of(moment, platform) for moment in moments} - set(asked)


def _fetch_stretch(
    lake: Lake,
    client: PlatformClient,
    fetch: StretchFetch,
    stretch: Sequence[PlannedWindow],
    sources: Sequence[TrackedSource],
    holds: Callable[[PostPartition], bool],
) -> Fetched:
    parser = PLATFORMS[stretch[0].window.partition.platform].parser
    start, end = stretch[0].start, stretch[-1].end
    # What a crawl finds between the windows that are due stands in bronze already.
    gaps = _between([planned.window for planned in stretch])
    done: list[SourceFetch] = []
    searches: list[SearchedSource] = []
    for source in sources:
        oldest = client.clock() - client.reach(source) + REACH_MARGIN
        if oldest >= end:
            done.append(SourceFetch(source.name, source.kind, source.value))
            searches.append(SearchedSource(oldest, end, False, reached=False))
            continue
        counts = _SourceCounts(FieldDrift(parser.FIELDS))
        search: Search | None = None
        try:
            search = client.search(source, max(start, oldest), end)
            for page in search:
                _keep_page(lake, fetch, gaps, holds, source, page, counts)
        except LakeOriginError:
            raise
        except Exception as error:
            if getattr(error, "asked_in_vain", False):
                # This machine's clock is wrong: so is which windows were asked for.
                raise
            if search is not None:
                done.append(_source_fetch(source, search, counts))
            kept = fetch.earlier_attempt()
            # A retry that broke off sooner than the attempt before has less than what stands.
            if sum(manifest.received for manifest in kept) < fetch.received or not kept:
                broken = Searched("partial", f"interrupted: {error}", None)
                kept = fetch.close({w.window: broken for w in stretch}, done)[0]
            raise FetchInterrupted(kept, error) from error
        done.append(_source_fetch(source, search, counts))
        searches.append(SearchedSource(search.start, search.end, search.exhausted))
    beyond = f"of {longest_reach(client, sources).days} days; {client.what_would_reach}"
    states = {w.window: state_of_search(w.window, searches, beyond) for w in stretch}
    return Fetched(*fetch.close(states, done))


def _keep_page(
    lake: Lake,
    fetch: StretchFetch,
    gaps: Container[Window],
    holds: Callable[[PostPartition], bool],
    source: TrackedSource,
    page: FetchedPage,
    counts: _SourceCounts,
) -> None:
    if page.simulated != (lake.origin == "simulated"):
        came, has = ("simulated", "live") if page.simulated else ("live", "simulated")
        raise LakeOriginError(
            f"the API answers with {came} posts and the lake holds {has} ones: nothing was "
            "written. Set SENTIMENT_SOURCE and the API's base URL to agree"
        )
    platform = fetch.platform
    parser = PLATFORMS[platform].parser
    for index, record in enumerate(page.records):
        counts.drift.observe(record)
        request: Mapping[str, Any] = {"source": source.name, "page": page.number, "index": index}
        try:
            target = Window.of(creation_time(parser, record), platform)
        except Refused as refused:
            counts.records += 1
            fetch.add_dead_letter(record, request, f"{refused.code}: {refused.reason}")
            continue
        if target in gaps:
            continue
        counts.records += 1
        if holds(target.partition):
            fetch.add(target, record, request)
        else:
            reason = f"no_partition: there is no partition {target.partition.key}"
            fetch.add_dead_letter(record, request, reason)
    for part in page.malformed:
        request = {"source": source.name, "page": page.number, "index": part.index}
        fetch.add_dead_letter(part.raw, request, part.reason)
    counts.malformed += len(page.malformed)
    for error in page.errors:
        counts.errors[error.title] += error.count


def _source_fetch(source: TrackedSource, search: Search, counts: _SourceCounts) -> SourceFetch:
    return SourceFetch(
        name=source.name,
        kind=source.kind,
        value=source.value,
        pages=search.pages,
        records=counts.records,
        malformed=counts.malformed,
        partial_errors=dict(counts.errors),
        watermark=search.watermark,
        unknown_fields=dict(counts.drift.unknown),
        vanished_fields=counts.drift.vanished(),
    )
