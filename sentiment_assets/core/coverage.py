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


#: Reason of a window that the setting for pages cut short. It is not asked for again by itself:
#: posts are paid for, and the same limit would stop the same search at the same page.
CAPPED = "capped: the setting for pages per query stopped the search before its last page"


class BronzeObject(Struct, frozen=True):
    """One object of raw records; ``sha256`` is of the stored bytes."""

    path: str
    records: int
    size: int
    sha256: str


class QueryFetch(Struct, frozen=True):
    """What one tracked query brought for a window."""

    name: str
    query: str
    pages: int = 0
    records: int = 0
    malformed: int = 0
    #: Partial errors inside successful answers, counted by their title.
    partial_errors: dict[str, int] = field(default_factory=dict)
    #: Newest id of page one, set only after the last page.
    watermark: str | None = None


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
    queries: list[QueryFetch]
    objects: list[BronzeObject]
    #: Records received, wherever they went: this window, another one, dead letters.
    received: int = 0
    dead_letters: int = 0


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
    API reaches, and the two newest that have ended again; with ``again`` every window that it
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
            if covered and _is_done(covered) and window not in newest and not again:
                continue
            reachable = window.end > horizon
            if not reachable and state is not None:
                continue
            plan.append(
                PlannedWindow(window, max(window.start, horizon), min(window.end, now), reachable)
            )
    return plan


def _is_done(covered: WindowCoverage) -> bool:
    """Another fetch would bring nothing: also where only what the API doesn't reach is missing."""
    until = covered.fetched_until
    return covered.reason == CAPPED or (until is not None and until >= covered.window.end)


def state_of_search(
    window: Window, start: dt.datetime, end: dt.datetime, exhausted: bool
) -> tuple[State, str]:
    """State and reason of a window after a search over [start, end).

    Args:
        window: what was asked for.
        start: bounds that the API was really asked for.
        end: see ``start``.
        exhausted: the last page was read.
    """
    if not exhausted:
        return "partial", CAPPED
    if start > window.start:
        return "partial", "its beginning lies beyond the API's reach"
    if end < window.end:
        return "partial", "open: the window had not ended when it was fetched"
    return "complete", ""
