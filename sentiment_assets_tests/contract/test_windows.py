"""Windows and their edges: what was created in one comes with it, and with no other."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from resources.api_clients.errors import BeyondReach
from sentiment_assets.core.coverage import PlannedWindow
from sentiment_assets.core.layout import BATCH_POSTS, PostPartition, Window
from sentiment_assets.core.parsers import creation_time
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.tracking import TrackedSource
from sentiment_assets.engine.fetch import stretches
from sentiment_assets_tests.contract.cases import CASES
from sentiment_assets_tests.contract.trial import ALL_DAYS, HOUR, NOW, UTC, Trial, manifests

#: Four windows that follow each other, of the outage and before.
HOURS = (10, 12, 14, 16)
EVERY_SOURCE = [
    pytest.param(case, source, id=f"{case.name}-{source.name}")
    for case in CASES.values()
    for source in case.sources
]


def records(client: Any, source: TrackedSource, start: dt.datetime, end: dt.datetime) -> list[Any]:
    search = client.search(source, start, end)
    found = [record for page in search for record in page.records]
    assert search.exhausted
    return found


def test_every_platform_is_on_trial() -> None:
    assert list(CASES) == list(PLATFORMS)
    for case in CASES.values():
        kinds = {kind.name for kind in PLATFORMS[case.name].sources}
        assert {source.kind for source in case.sources} == kinds, case.name


@pytest.mark.parametrize(("case", "source"), EVERY_SOURCE)
def test_windows_part_what_was_created(trial: Trial, source: TrackedSource) -> None:
    """None is in two of them or in none; together they are one long search, and the story."""
    client = trial.connect(days=ALL_DAYS)
    windows = trial.windows(HOURS)
    parts = []
    for window in windows:
        found = records(client, source, window.start, window.end)
        parts.append(trial.numbers_of(found))
        assert len(parts[-1]) == len(found), "an object came twice"
        for record in found:
            row = trial.parser.parse(record)
            assert row.created_at == creation_time(trial.parser, record)
            # An edit that is an object of its own bears the date of the first version.
            inside = Window.of(row.created_at, trial.platform) == window
            assert inside or (trial.case.edits_have_ids and row.edited)
    start, end = windows[0].start, windows[-1].end
    assert sum(map(len, parts)) == len(set.union(*parts)) > 20
    assert set.union(*parts) == trial.numbers_of(records(client, source, start, end))
    assert set.union(*parts) == trial.truth(start, end, days=ALL_DAYS, sources=[source])


def test_the_first_instant_belongs_to_a_window_and_the_end_does_not(trial: Trial) -> None:
    window, moment = trial.window(14), dt.timedelta(milliseconds=1)
    old = trial.api.post("an older post on nimbus", window.start - 20 * HOUR)
    times = [window.start - moment, window.start, window.end - moment, window.end]
    answer = trial.case.answering(old)
    added = [
        (at, trial.api.post(f"nimbus at the {number}th edge, {kind}", at, **more))
        for number, at in enumerate(times)
        for kind, more in (("a post", {}), ("an answer", answer))
    ]
    mine = {trial.case.number_of(spelled) for _, spelled in added}
    client = trial.connect()
    for begun in (window.start - 2 * HOUR, window.start, window.end):
        end = begun + 2 * HOUR
        got = trial.numbers_of(records(client, trial.own, begun, min(end, NOW)))
        assert got & mine == {trial.case.number_of(s) for at, s in added if begun <= at < end}


def test_whole_seconds_are_asked_for_and_none_is_lost(trial: Trial) -> None:
    """Cut down, the end would lose its last fraction; whoever asks for less gets no less."""
    start, end = trial.window(14).start, trial.window(14).end
    half, second = dt.timedelta(milliseconds=500), dt.timedelta(seconds=1)
    search = trial.connect().search(trial.own, start + half, end - half)
    assert (search.start, search.end) == (start, end)
    search = trial.connect().search(trial.own, start - half, end + half)
    assert (search.start, search.end) == (start - second, end + second)


@pytest.mark.parametrize("hours", [-11, -5, 5.5, 14])
def test_any_time_zone_asks_for_the_same(trial: Trial, hours: float) -> None:
    zone = dt.timezone(dt.timedelta(hours=hours))
    window, client = trial.window(14), trial.connect()
    search = client.search(trial.own, window.start.astimezone(zone), window.end.astimezone(zone))
    assert (search.start, search.end) == (window.start, window.end)
    assert search.start.utcoffset() == search.end.utcoffset() == dt.timedelta()
    got = trial.numbers_of(record for page in search for record in page.records)
    assert got == trial.truth(window.start, window.end)


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (NOW.replace(tzinfo=None) - HOUR, NOW, "time zone"),
        (NOW - HOUR, NOW.replace(tzinfo=None), "time zone"),
        (NOW - HOUR, NOW - HOUR, "must be before its end"),
        (NOW - HOUR, NOW - 2 * HOUR, "must be before its end"),
    ],
    ids=["naive start", "naive end", "empty", "backwards"],
)
def test_bounds_that_make_no_sense(
    trial: Trial, start: dt.datetime, end: dt.datetime, said: str
) -> None:
    asked = trial.api.requests()
    with pytest.raises(ValueError, match=said):
        trial.connect().search(trial.own, start, end)
    assert trial.api.requests() == asked


def test_an_open_window_is_partial_up_to_what_could_be_asked(trial: Trial) -> None:
    window = trial.window(18)
    (manifest,) = manifests(trial.fetch(trial.planned(window)))
    assert manifest.state == "partial"
    assert manifest.reason.startswith("open")
    assert manifest.fetched_from == window.start
    assert manifest.fetched_until is not None
    assert NOW - dt.timedelta(minutes=1) < manifest.fetched_until <= NOW
    assert trial.numbers() == trial.truth(window.start, manifest.fetched_until) != set()
    assert window in {planned.window for planned in trial.due(trial.connect())}


def test_a_window_of_the_future_asks_for_nothing(trial: Trial) -> None:
    client, asked = trial.connect(), trial.api.requests()
    search = client.search(trial.own, NOW + HOUR, NOW + 2 * HOUR)
    assert list(search) == []
    assert search.exhausted
    assert trial.api.requests() == asked


@pytest.mark.parametrize(("case", "source"), EVERY_SOURCE)
def test_beyond_the_reach(trial: Trial, source: TrackedSource) -> None:
    """It is said, with what would reach it, without a request, and not asked for again."""
    client, asked = trial.connect(), trial.api.requests()
    old = Window.of(NOW - client.reach(source) - 4 * HOUR, trial.platform)
    with pytest.raises(BeyondReach) as beyond:
        client.search(source, old.start, old.end)
    assert beyond.value.remedy == client.what_would_reach
    for reachable in (False, True):
        lake = trial.new_lake()
        # Planned as reachable: it left the reach while others were fetched.
        plan = trial.planned(old, reachable=reachable)
        (manifest,) = manifests(trial.fetch(plan, client, sources=[source], lake=lake))
        assert (manifest.state, manifest.objects) == ("unavailable", [])
        assert (manifest.fetched_from, manifest.fetched_until) == (None, None)
        assert manifest.reason.startswith("older than the API's reach")
        assert manifest.reason.endswith(client.what_would_reach)
        due = trial.due(client, lake=lake, sources=[source])
        assert old not in {planned.window for planned in due}
    assert trial.api.requests() == asked


@pytest.mark.parametrize(("case", "source"), EVERY_SOURCE)
def test_a_window_on_the_edge_of_the_reach_lacks_its_beginning(
    trial: Trial, source: TrackedSource
) -> None:
    client = trial.connect(days=0)
    edge = Window.of(NOW - client.reach(source), trial.platform)
    plan = [PlannedWindow(edge, edge.start, edge.end, True)]
    (manifest,) = manifests(trial.fetch(plan, client, sources=[source]))
    assert (manifest.state, manifest.reason) == (
        "partial",
        "its beginning lies beyond the API's reach",
    )
    assert manifest.fetched_from is not None
    assert edge.start < manifest.fetched_from < edge.end == manifest.fetched_until
    within = NOW - client.reach(source)
    assert within <= manifest.fetched_from <= within + dt.timedelta(minutes=10)


def test_a_stretch_gives_each_window_its_manifest(trial: Trial) -> None:
    """The oldest tells of the fetch's sources; the others say with whom they were fetched."""
    client, windows = trial.connect(days=ALL_DAYS), trial.windows(HOURS)
    sources = [source for source in trial.case.sources if source.kind == trial.own.kind]
    plan = trial.planned(*windows)
    fetched = trial.fetch(plan, client, sources=sources)
    groups = [[planned.window for planned in group] for group in stretches(plan, client.span)]
    assert len(groups) == (1 if client.span is None else len(windows))
    assert [[Window(PostPartition(m.date, m.platform), m.window) for m in stretch.windows]
            for stretch in fetched] == groups  # fmt: skip
    for stretch in fetched:
        oldest, *others = stretch.windows
        assert [source.name for source in oldest.sources] == [source.name for source in sources]
        assert oldest.fetched_with is None
        folder = f"date={oldest.date}/platform={oldest.platform}/window={oldest.window}"
        assert all((m.sources, m.fetched_with) == ([], folder) for m in others)
        brought = sum(source.records for source in oldest.sources)
        assert sum(manifest.received for manifest in stretch.windows) == brought
    for window in windows:
        covered = trial.coverage(window)
        assert (covered.state, covered.fetched_from, covered.fetched_until) == (
            "complete",
            window.start,
            window.end,
        )
        for payload in trial.payloads(below=f"{BATCH_POSTS}/{window.folder}"):
            assert Window.of(creation_time(trial.parser, payload), trial.platform) == window
    truth = trial.truth(windows[0].start, windows[-1].end, days=ALL_DAYS, sources=sources)
    assert trial.numbers() == truth
    assert trial.dead_letters() == []


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name)
        for case in CASES.values()
        if len({source.kind for source in case.sources}) > 1
    ],
)
def test_a_window_that_not_every_source_reaches(trial: Trial) -> None:
    client, sources = trial.connect(), trial.case.sources
    reaches = [client.reach(source) for source in sources]
    window = Window.of(NOW - min(reaches) - 4 * HOUR, trial.platform)
    (manifest,) = manifests(trial.fetch(trial.planned(window), client, sources=sources))
    short = sum(reach == min(reaches) for reach in reaches)
    assert manifest.state == "partial"
    assert manifest.reason == f"{short} of {len(sources)} sources don't reach so far back"
    assert (manifest.fetched_from, manifest.fetched_until) == (window.start, window.end)
    reaching = [source for source in sources if client.reach(source) > min(reaches)]
    assert trial.numbers() == trial.truth(window.start, window.end, sources=reaching)


OFFSETS = [dt.timezone(dt.timedelta(hours=hours)) for hours in (-11, -3.5, 0, 5.75, 14)]


#: Seconds from midnight, and the window that they lie in.
BORDERS = (
    (-1, "2026-03-11", "2200"),
    (0, "2026-03-12", "0000"),
    (7199, "2026-03-12", "0000"),
    (7200, "2026-03-12", "0200"),
)


@pytest.mark.parametrize("zone", OFFSETS, ids=str)
def test_payloads_of_any_offset_lie_in_the_window_of_utc(trial: Trial, zone: dt.timezone) -> None:
    window = trial.window(14)
    found = records(trial.connect(), trial.own, window.start, window.end)
    example = next(
        record
        for record in found
        if trial.parser.parse(record).kind in ("comment", "reply")
        and not (trial.case.edits_have_ids and trial.parser.parse(record).edited)
    )
    midnight = dt.datetime(2026, 3, 12, tzinfo=UTC)
    for seconds, date, name in BORDERS:
        instant = midnight + dt.timedelta(seconds=seconds)
        payload = trial.case.redated(example, instant.astimezone(zone))
        assert trial.parser.parse(payload).created_at == instant
        placed = Window.of(creation_time(trial.parser, payload), trial.platform)
        assert (placed.partition.date.isoformat(), placed.name) == (date, name)


def test_the_border_between_two_dates(trial: Trial) -> None:
    midnight, moment = NOW.replace(hour=0, minute=0), dt.timedelta(milliseconds=1)
    old = trial.api.post("an older post on nimbus", midnight - 20 * HOUR)
    answer = trial.case.answering(old)
    last = trial.api.post("nimbus, last words of the day", midnight - moment, **answer)
    first = trial.api.post("nimbus, first words of the day", midnight, **answer)
    before, after = trial.window(22, day=-1), trial.window(0)
    trial.fetch(trial.planned(before, after))
    number = trial.case.number_of
    for window, mine, other in ((before, last, first), (after, first, last)):
        kept = trial.numbers(below=f"{BATCH_POSTS}/{window.folder}")
        assert number(mine) in kept
        assert number(other) not in kept
