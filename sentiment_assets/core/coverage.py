"""How much of each window was fetched, and what a fetch should ask for next.

What belongs here: the manifest (what one fetch says of one window), the state that a window's
manifests add up to, and the plan of a run. Pure values: reading manifests is ``lake.bronze``,
asking the API is the bronze asset.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct, field

from sentiment_assets.core.layout import WINDOW_LENGTH, PostPartition, Window, windows_of

State = Literal["complete", "partial", "unavailable"]

#: Posts become searchable some seconds after they are made: nothing younger is asked for.
SETTLING = dt.timedelta(seconds=30)

#: A window that is about to leave the API's reach would be refused by the time it is asked for.
REACH_MARGIN = dt.timedelta(minutes=5)

#: The newest windows that have ended are fetched again for late posts, edits and engagement.
REFRESHED_WINDOWS = 2


#: Engagement keeps growing: a window is fetched once more when it is so old.
OBSERVED_AGAIN_AFTER = dt.timedelta(hours=24)

#: Reason of a window that the setting for pages cut short. It is not asked for again by itself:
#: posts are paid for, and the same limit would stop the same search at the same page.
CAPPED = "capped: the setting for pages per source stopped the search before its last page"


class BronzeObject(Struct, frozen=True):
    """One object of raw records; ``sha256`` is of the stored bytes."""

    path: str
    records: int
    size: int
    sha256: str


class SourceFetch(Struct, frozen=True):
    """What one tracked source brought."""

    name: str
    kind: str
    value: str
    pages: int = 0
    records: int = 0
    malformed: int = 0
    #: Partial errors inside successful answers, counted by their title.
    partial_errors: dict[str, int] = field(default_factory=dict)
    #: Newest id of page one, set only after the last page.
    watermark: str | None = None
    #: Fields that nobody knows -> objects that had them.
    unknown_fields: dict[str, int] = field(default_factory=dict)
    #: Fields that always stood there and not one object had -> objects looked at.
    vanished_fields: dict[str, int] = field(default_factory=dict)


class Manifest(Struct, frozen=True):
    """What one fetch says of one window. Written after the objects that it lists.

    ``state`` is null where the fetch was of another window and only adds posts that belong here
    (an edit keeps the window of its chain's first version).
    """

    platform: str
    date: dt.date
    window: str
    state: State | None
    reason: str
    fetched_at: dt.datetime
    #: Creation times from and up to which the window was fetched; null where nothing was.
    fetched_from: dt.datetime | None
    fetched_until: dt.datetime | None
    run_id: str
    api_version: str
    simulated: bool
    objects: list[BronzeObject]
    #: Of a fetch of several windows at once these stand with the oldest of them.
    sources: list[SourceFetch] = field(default_factory=list)
    #: Folder of that oldest window, in the manifests of the others.
    fetched_with: str | None = None
    #: What the client warned of, such as an API version that retires.
    notices: list[str] = field(default_factory=list)
    #: Records received, wherever they went: this window, another one, dead letters.
    received: int = 0
    dead_letters: int = 0


def objects_of(manifests: Iterable[Manifest]) -> list[BronzeObject]:
    """The objects that manifests list, each once, by path.

    A landing that died after its manifests is repeated with what came meanwhile: of a partition of
    the topic that got nothing new, both landings' manifests list the same object.
    """
    found = {
        stored.path: stored
        for manifest in sorted(manifests, key=lambda manifest: manifest.fetched_at)
        for stored in manifest.objects
    }
    return sorted(found.values(), key=lambda stored: stored.path)


class WindowCoverage(Struct, frozen=True):
    """What a window's manifests add up to; ``state`` is null where it was never asked for."""

    window: Window
    state: State | None
    fetched_from: dt.datetime | None
    fetched_until: dt.datetime | None
    #: When it was first fetched whole: whatever is first seen later is late.
    completed_at: dt.datetime | None
    fetched_at: dt.datetime | None
    reason: str = ""


def coverage_of(window: Window, manifests: Iterable[Manifest]) -> WindowCoverage:
    """Fold the manifests of one window, in any order.

    Once complete, a window stays complete: a later fetch that broke off takes nothing away.
    """
    own = sorted((m for m in manifests if m.state is not None), key=lambda m: m.fetched_at)
    if not own:
        return WindowCoverage(window, None, None, None, None, None)
    newest = own[-1]
    completed = next((m.fetched_at for m in own if m.state == "complete"), None)
    if completed is not None:
        return WindowCoverage(
            window, "complete", window.start, window.end, completed, newest.fetched_at
        )
    # Of several partial fetches the one that reached furthest; they begin alike.
    reached = [m for m in own if m.fetched_from and m.fetched_until]
    best = max(reached, key=lambda m: m.fetched_until or m.fetched_at, default=None)
    return WindowCoverage(
        window,
        "partial" if best else newest.state,
        best.fetched_from if best else None,
        best.fetched_until if best else None,
        None,
        newest.fetched_at,
        newest.reason,
    )


def fetched_share(
    coverage: Iterable[WindowCoverage], start: dt.datetime, end: dt.datetime
) -> float:
    """Share of [start, end) that was fetched, 0 to 1."""
    fetched = dt.timedelta()
    for window in coverage:
        if window.fetched_from is not None and window.fetched_until is not None:
            overlap = min(window.fetched_until, end) - max(window.fetched_from, start)
            fetched += max(overlap, dt.timedelta())
    return fetched / (end - start)


class PlannedWindow(Struct, frozen=True):
    """A window to ask for: [start, end) of it lies within the API's reach."""

    window: Window
    start: dt.datetime
    end: dt.datetime
    reachable: bool


def plan_fetch(
    partitions: Sequence[PostPartition],
    known: Mapping[Window, WindowCoverage],
    now: dt.datetime,
    reach: dt.timedelta,
    *,
    again: bool = False,
) -> list[PlannedWindow]:
    """The windows that a run over these partitions should ask for, oldest first.

    Asked for are windows that were never fetched, fetched in part or still open, as far as the
    API reaches; again the two newest that have ended, for late posts and edits, and each once when
    it is :data:`OBSERVED_AGAIN_AFTER` old, for its engagement; with ``again`` every window that it
    reaches. A window that lies beyond the reach is planned once, as not reachable, so that its
    manifest can say so.
    """
    horizon = now - reach + REACH_MARGIN
    newest = {
        Window.of(now - WINDOW_LENGTH * back, platform)
        for back in range(1, REFRESHED_WINDOWS + 1)
        for platform in {partition.platform for partition in partitions}
    }
    plan = []
    for partition in sorted(partitions):
        for window in windows_of(partition):
            if window.start >= now - SETTLING:
                continue
            covered = known.get(window)
            state = covered.state if covered else None
            due_again = again or window in newest or _grew_old(covered, now)
            if covered and is_done(covered) and not due_again:
                continue
            reachable = window.end > horizon
            if not reachable and state is not None:
                continue
            plan.append(
                PlannedWindow(window, max(window.start, horizon), min(window.end, now), reachable)
            )
    return plan


def _grew_old(covered: WindowCoverage | None, now: dt.datetime) -> bool:
    """It reached the age at which it is observed again, and was not fetched since."""
    if covered is None or covered.fetched_at is None or covered.reason == CAPPED:
        return False
    return covered.fetched_at < covered.window.end + OBSERVED_AGAIN_AFTER <= now


def is_done(covered: WindowCoverage) -> bool:
    """Another fetch would bring nothing: also where only what the API doesn't reach is missing."""
    until = covered.fetched_until
    return covered.reason == CAPPED or (until is not None and until >= covered.window.end)


class SearchedSource(Struct, frozen=True):
    """How far a search of one source went: [start, end) are the bounds it was really asked for.

    ``reached`` is false where the source's reach begins only after the whole stretch.
    """

    start: dt.datetime
    end: dt.datetime
    exhausted: bool
    reached: bool = True


class Searched(Struct, frozen=True):
    """What the searches of all sources make of one window; see :class:`Manifest` for ``state``."""

    state: State | None
    reason: str
    #: Creation times from and up to which it was fetched; null where nothing was.
    fetched: tuple[dt.datetime, dt.datetime] | None


def state_of_search(
    window: Window, searches: Sequence[SearchedSource], beyond: str = ""
) -> Searched:
    """State of a window after its sources were searched over a stretch of time that holds it.

    Where some sources don't reach the window, the others decide how far it was fetched, and it
    stays partial. ``beyond`` says more of the reach, for a window that lies beyond it.
    """
    reaching = [s for s in searches if s.reached and s.start < window.end]
    if not reaching:
        return Searched("unavailable", f"older than the API's reach {beyond}".strip(), None)
    if not all(search.exhausted for search in reaching):
        # Posts come newest first: a search that stopped early covers nothing that can be named.
        return Searched("partial", CAPPED, None)
    start = max(window.start, *(search.start for search in reaching))
    end = min(window.end, *(search.end for search in reaching))
    fetched = (start, end) if start < end else None
    if len(reaching) < len(searches):
        missing = len(searches) - len(reaching)
        return Searched(
            "partial", f"{missing} of {len(searches)} sources don't reach so far back", fetched
        )
    if start > window.start:
        return Searched("partial", "its beginning lies beyond the API's reach", fetched)
    if end < window.end:
        return Searched("partial", "open: the window had not ended when it was fetched", fetched)
    return Searched("complete", "", fetched)
