"""Manifests in, state and plan out: tables of cases around one day.

Hours are written as numbers: 8 is 08:00 of 2026-11-23, 26 is 02:00 of the day after.
"""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_assets.core.coverage import (
    CAPPED,
    Manifest,
    PlannedWindow,
    SearchedSource,
    State,
    WindowCoverage,
    coverage_of,
    fetched_share,
    plan_fetch,
    state_of_search,
)
from sentiment_assets.core.layout import PostPartition, Window, windows_of

UTC = dt.timezone.utc
DAY = PostPartition(dt.date(2026, 11, 23), "x")
MIDNIGHT = dt.datetime(2026, 11, 23, tzinfo=UTC)
WINDOW = Window(DAY, "0800")
REACH = dt.timedelta(days=7)


def at(hour: float) -> dt.datetime:
    return MIDNIGHT + dt.timedelta(hours=hour)


def hour_of(instant: dt.datetime) -> float:
    return (instant - MIDNIGHT) / dt.timedelta(hours=1)


def manifest(
    state: State | None,
    fetched_at: float,
    span: tuple[float, float] | None = None,
    reason: str = "",
) -> Manifest:
    return Manifest(
        platform="x",
        date=DAY.date,
        window="0800",
        state=state,
        reason=reason,
        fetched_at=at(fetched_at),
        fetched_from=at(span[0]) if span else None,
        fetched_until=at(span[1]) if span else None,
        run_id="r",
        api_version="2",
        simulated=True,
        sources=[],
        objects=[],
    )


COMPLETE = manifest("complete", 10.1, (8, 10))
COMPLETE_AGAIN = manifest("complete", 12.1, (8, 10))
OPEN = manifest("partial", 9, (8, 9), "open")
OPEN_LONGER = manifest("partial", 9.5, (8, 9.5), "open longer")
BROKEN = manifest("partial", 11, None, "interrupted")
GONE = manifest("unavailable", 200, None, "older")
STRAY = manifest(None, 13, None, "posts of another window's fetch")


@pytest.mark.parametrize(
    ("manifests", "state", "span", "completed", "fetched", "reason"),
    [
        ([], None, None, None, None, ""),
        ([STRAY], None, None, None, None, ""),
        ([COMPLETE], "complete", (8, 10), 10.1, 10.1, ""),
        ([OPEN], "partial", (8, 9), None, 9, "open"),
        ([OPEN, OPEN_LONGER], "partial", (8, 9.5), None, 9.5, "open longer"),
        ([OPEN, COMPLETE], "complete", (8, 10), 10.1, 10.1, ""),
        # The first whole fetch dates what is late; the newest says when it was last looked at.
        ([COMPLETE, COMPLETE_AGAIN], "complete", (8, 10), 10.1, 12.1, ""),
        # A later fetch that broke off takes nothing away.
        ([COMPLETE, BROKEN], "complete", (8, 10), 10.1, 11, ""),
        ([BROKEN], "partial", None, None, 11, "interrupted"),
        ([OPEN_LONGER, BROKEN], "partial", (8, 9.5), None, 11, "interrupted"),
        ([GONE], "unavailable", None, None, 200, "older"),
        # What was fetched in part before it left the reach is still there.
        ([OPEN, GONE], "partial", (8, 9), None, 200, "older"),
        ([STRAY, COMPLETE], "complete", (8, 10), 10.1, 10.1, ""),
    ],
)
def test_manifests_add_up_in_any_order(
    manifests: list[Manifest],
    state: State | None,
    span: tuple[float, float] | None,
    completed: float | None,
    fetched: float | None,
    reason: str,
) -> None:
    expected = WindowCoverage(
        WINDOW,
        state,
        at(span[0]) if span else None,
        at(span[1]) if span else None,
        None if completed is None else at(completed),
        None if fetched is None else at(fetched),
        reason,
    )
    for order in itertools.permutations(manifests):
        assert coverage_of(WINDOW, order) == expected


def covered(name: str, state: State | None, span: tuple[float, float] | None) -> WindowCoverage:
    return WindowCoverage(
        Window(DAY, name),
        state,
        at(span[0]) if span else None,
        at(span[1]) if span else None,
        at(span[1]) if span and state == "complete" else None,
        None,
    )


@pytest.mark.parametrize(
    ("windows", "start", "end", "share"),
    [
        ([], 8, 9, 0.0),
        ([covered("0800", "complete", (8, 10))], 8, 9, 1.0),
        ([covered("0800", "complete", (8, 10))], 7, 9, 0.5),
        ([covered("0800", "complete", (8, 10))], 0, 24, 2 / 24),
        ([covered("0800", "partial", (8, 8.5))], 8, 9, 0.5),
        ([covered("0800", "partial", (8, 8.5))], 9, 10, 0.0),
        ([covered("0800", "partial", (9.75, 10))], 9, 10, 0.25),
        ([covered("0800", "unavailable", None)], 8, 9, 0.0),
        ([covered("0800", None, None)], 8, 9, 0.0),
        (
            [covered("0800", "complete", (8, 10)), covered("1000", "partial", (10, 10.5))],
            8, 12, 2.5 / 4,
        ),
    ],
)  # fmt: skip
def test_share_of_a_span_that_was_fetched(
    windows: list[WindowCoverage], start: float, end: float, share: float
) -> None:
    assert fetched_share(windows, at(start), at(end)) == share


def test_a_day_fetched_whole_is_exactly_one() -> None:
    windows = [
        covered(w.name, "complete", (2 * i, 2 * i + 2)) for i, w in enumerate(windows_of(DAY))
    ]
    assert fetched_share(windows, at(0), at(24)) == 1.0


def whole(*names: str) -> dict[str, WindowCoverage]:
    return {n: covered(n, "complete", (int(n[:2]), int(n[:2]) + 2)) for n in names}


EARLIER = whole("0000", "0200", "0400", "0600")


@pytest.mark.parametrize(
    ("known", "now", "expected"),
    [
        # Nothing known: every window that has begun, oldest first, the open one up to now.
        ({}, 4.5, ["0000 0-2", "0200 2-4", "0400 4-4.5"]),
        # The two newest that have ended again, whatever their state.
        (whole("0000", "0200", "0400"), 6.5, ["0200 2-4", "0400 4-6", "0600 6-6.5"]),
        # A hole that an outage left.
        (whole("0000", "0400", "0600"), 8.5, ["0200 2-4", "0400 4-6", "0600 6-8", "0800 8-8.5"]),
        # Open when it was fetched: not the newest any more, still to be closed.
        (
            EARLIER | {"0200": covered("0200", "partial", (2, 3))},
            8.5, ["0200 2-4", "0400 4-6", "0600 6-8", "0800 8-8.5"],
        ),
        # Broken off without a span.
        (
            EARLIER | {"0000": covered("0000", "partial", None)},
            8.5, ["0000 0-2", "0400 4-6", "0600 6-8", "0800 8-8.5"],
        ),
        # Only its beginning is missing, which no API gives back: done.
        (
            EARLIER | {"0000": covered("0000", "partial", (1.5, 2))},
            8.5, ["0400 4-6", "0600 6-8", "0800 8-8.5"],
        ),
        # Strays of another fetch say nothing of the window itself.
        (
            EARLIER | {"0000": covered("0000", None, None)},
            8.5, ["0000 0-2", "0400 4-6", "0600 6-8", "0800 8-8.5"],
        ),
        # A window that has only just begun has nothing to search yet.
        (EARLIER, 8.0, ["0400 4-6", "0600 6-8"]),
        (EARLIER, 8 + 29 / 3600, ["0400 4-6", "0600 6-8"]),
        (EARLIER, 8 + 31 / 3600, ["0400 4-6", "0600 6-8", f"0800 8-{8 + 31 / 3600:g}"]),
        # The last window of a day stays among the newest until 04:00 of the next.
        (whole(*(w.name for w in windows_of(DAY))), 25.9, ["2000 20-22", "2200 22-24"]),
        (whole(*(w.name for w in windows_of(DAY))), 27.9, ["2200 22-24"]),
        (whole(*(w.name for w in windows_of(DAY))), 28, []),
        # The day has not begun: a clock that runs behind.
        ({}, -0.5, []),
        ({}, 0.0, []),
    ],
)  # fmt: skip
def test_the_plan_of_a_day(
    known: dict[str, WindowCoverage], now: float, expected: list[str]
) -> None:
    assert said(plan_fetch([DAY], by_window(known), at(now), REACH)) == expected


@pytest.mark.parametrize(
    ("known", "now", "expected"),
    [
        # Seven days and nine hours on: what lies beyond is planned once, to say so. The margin
        # of five minutes moves the horizon to 09:05.
        (
            {}, 7 * 24 + 9,
            ["0000 beyond", "0200 beyond", "0400 beyond", "0600 beyond",
             f"0800 {9 + 5 / 60:g}-10", "1000 10-12", "1200 12-14", "1400 14-16", "1600 16-18",
             "1800 18-20", "2000 20-22", "2200 22-24"],
        ),
        # Said already, by whatever fetch: not again.
        (
            whole("0800", "1000", "1200", "1400", "1600", "1800", "2000", "2200")
            | {
                "0000": covered("0000", "unavailable", None),
                "0200": covered("0200", "partial", (2, 3)),
                "0400": covered("0400", "partial", None),
            },
            7 * 24 + 9, ["0600 beyond"],
        ),
        # A window whose end leaves the reach within the margin would be refused when asked for.
        (whole(*(w.name for w in windows_of(DAY) if w.name != "0800")), 7 * 24 + 9.95,
         ["0800 beyond"]),
        # A clock far ahead.
        (whole(*(w.name for w in windows_of(DAY) if w.name != "2200")), 24 * 400, ["2200 beyond"]),
        # Said to be beyond by a clock that ran ahead: within reach again, it is asked for.
        (EARLIER | {"0200": covered("0200", "unavailable", None)}, 8.5,
         ["0200 2-4", "0400 4-6", "0600 6-8", "0800 8-8.5"]),
    ],
)  # fmt: skip
def test_the_plan_of_a_day_at_the_edge_of_the_reach(
    known: dict[str, WindowCoverage], now: float, expected: list[str]
) -> None:
    assert said(plan_fetch([DAY], by_window(known), at(now), REACH)) == expected


def test_two_days_are_planned_oldest_first_across_midnight() -> None:
    next_day = PostPartition(dt.date(2026, 11, 24), "x")
    known = by_window(whole(*(w.name for w in windows_of(DAY))))
    plan = plan_fetch([next_day, DAY], known, at(24.5), REACH)
    assert [(p.window.partition.key, p.window.name) for p in plan] == [
        ("2026-11-23|x", "2000"),
        ("2026-11-23|x", "2200"),
        ("2026-11-24|x", "0000"),
    ]


def by_window(known: dict[str, WindowCoverage]) -> dict[Window, WindowCoverage]:
    return {coverage.window: coverage for coverage in known.values()}


def said(plan: list[PlannedWindow]) -> list[str]:
    return [
        f"{p.window.name} {hour_of(p.start):g}-{hour_of(p.end):g}"
        if p.reachable
        else f"{p.window.name} beyond"
        for p in plan
    ]


@pytest.mark.parametrize(
    ("start", "end", "exhausted", "state", "reason"),
    [
        (8, 10, True, "complete", ""),
        (8, 10, False, "partial", CAPPED),
        (8.1, 10, True, "partial", "its beginning lies beyond the API's reach"),
        (8, 9.9, True, "partial", "open: the window had not ended when it was fetched"),
    ],
)
def test_the_state_after_a_search(
    start: float, end: float, exhausted: bool, state: State, reason: str
) -> None:
    searched = state_of_search(WINDOW, [SearchedSource(at(start), at(end), exhausted)])
    assert (searched.state, searched.reason) == (state, reason)
    assert searched.fetched == ((at(start), at(end)) if exhausted else None)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0.01, 30), min_size=1, max_size=12))
def test_polling_at_any_times_ends_complete_without_a_hole(gaps: list[float]) -> None:
    """Whatever the times of the runs, a last run once the day is over leaves it whole."""
    known: dict[Window, WindowCoverage] = {}
    manifests: dict[Window, list[Manifest]] = {}
    now = 0.0
    for gap in [*gaps, 0.0]:
        now = now + gap if gap else max(now, 24.0) + 0.1
        if now > 7 * 24 - 1:  # beyond that, the day's first window is lost
            break
        for planned in plan_fetch([DAY], known, at(now), REACH):
            source = SearchedSource(planned.start, planned.end, True)
            searched = state_of_search(planned.window, [source])
            span = hour_of(planned.start), hour_of(planned.end)
            made = manifest(searched.state, now, span, searched.reason)
            manifests.setdefault(planned.window, []).append(made)
        known = {w: coverage_of(w, m) for w, m in manifests.items()}
    else:
        assert fetched_share(known.values(), at(0), at(24)) == 1.0
        assert {c.state for c in known.values()} == {"complete"}


def test_a_capped_window_is_paid_for_once() -> None:
    capped = Manifest(
        platform=DAY.platform,
        date=DAY.date,
        window="0400",
        state="partial",
        reason=CAPPED,
        fetched_at=at(8),
        fetched_from=None,
        fetched_until=None,
        run_id="run",
        api_version="2",
        simulated=True,
        sources=[],
        objects=[],
    )
    window = Window(DAY, "0400")
    known = {window: coverage_of(window, [capped])}
    assert known[window].state == "partial"

    def planned(*, again: bool) -> set[str]:
        return {p.window.name for p in plan_fetch([DAY], known, at(12), REACH, again=again)}

    assert "0400" not in planned(again=False)
    assert {"0200", "0600"} <= planned(again=False)
    assert "0400" in planned(again=True)
