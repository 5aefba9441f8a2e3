"""Fetching from the simulator into a lake: what goes where, and what the manifests say of it."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from resources.api_clients.errors import ApiError
from resources.api_clients.x import XClient
from sentiment_assets.core.coverage import Manifest, PlannedWindow, plan_fetch
from sentiment_assets.core.layout import PostPartition, Window
from sentiment_assets.core.parsers import creation_time
from sentiment_assets.core.parsers import x as x_parser
from sentiment_assets.core.tracking import TrackedSource
from sentiment_assets.engine.fetch import FetchInterrupted, fetch_windows
from sentiment_assets.lake.bronze import read_partition
from sentiment_assets.lake.objects import Lake, LakeLocation, LakeOriginError
from sentiment_assets_tests.bronze_records import iso, snowflake
from sentiment_assets_tests.simulated import SimulatedPlatform

UTC = dt.timezone.utc
SOURCES = (TrackedSource("brand", "query", "nimbus OR stratus OR cirrus"),)
#: The simulator stands at 18:30 of a Thursday; the story has some thirty posts a window.
DAY = PostPartition(dt.date(2026, 2, 5), "x")
WINDOW, OPEN = Window(DAY, "1400"), Window(DAY, "1800")


def anywhere(_: PostPartition) -> bool:
    return True


def planned(window: Window, x: SimulatedPlatform, *, reachable: bool = True) -> PlannedWindow:
    return PlannedWindow(window, window.start, min(window.end, x.now), reachable)


def fetch(
    lake: Lake,
    x: SimulatedPlatform,
    window: Window = WINDOW,
    *,
    sources: Sequence[TrackedSource] = SOURCES,
    holds: Callable[[PostPartition], bool] = anywhere,
    client: Any = None,
    reachable: bool = True,
) -> list[Manifest]:
    """The strays' manifests, then the window's."""
    (fetched,) = fetch_windows(
        lake,
        client or x.client,
        [planned(window, x, reachable=reachable)],
        sources,
        holds=holds,
        fetched_at=x.now,
        run_id="run-1",
    )
    return [*fetched.strays, *fetched.windows]


@pytest.fixture
def small_pages(x: SimulatedPlatform) -> Iterator[XClient]:
    """A client that asks for ten posts a page."""
    client = XClient(x.url, "simulated", page_size=10, max_wait_s=0.0, clock=lambda: x.now)
    yield client
    client.close()


def records(lake: Lake, prefix: str) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for stored in lake.objects.list(prefix)
        if stored.path.endswith(".jsonl.gz")
        for line in gzip.decompress(lake.objects.get(stored.path)).splitlines()
    ]


def dead_letters(lake: Lake) -> list[dict[str, Any]]:
    return records(lake, "bronze/dead_letters")


def test_a_window_page_by_page(lake: Lake, x: SimulatedPlatform, small_pages: XClient) -> None:
    (manifest,) = fetch(lake, x, client=small_pages)
    kept = records(lake, f"bronze/batch_posts/{WINDOW.folder}")
    (source,) = manifest.sources
    assert (manifest.state, manifest.reason) == ("complete", "")
    assert (manifest.fetched_from, manifest.fetched_until) == (WINDOW.start, WINDOW.end)
    assert manifest.received == source.records == len(kept) > 10
    assert source.pages == -(-len(kept) // 10) > 1
    assert source.watermark == max((k["payload"]["data"]["id"] for k in kept), key=int)
    assert manifest.simulated
    places = [(k["request"]["source"], k["request"]["page"], k["request"]["index"]) for k in kept]
    assert places == sorted(places)
    assert places[11] == ("brand", 2, 1)
    for record in kept:
        assert WINDOW.start <= creation_time(x_parser, record["payload"]) < WINDOW.end
    assert dead_letters(lake) == []


def test_page_size_is_no_difference(
    lake: Lake, tmp_path: Path, x: SimulatedPlatform, small_pages: XClient
) -> None:
    other = Lake.open(LakeLocation(str(tmp_path / "other"), "simulated"))
    fetch(lake, x)
    fetch(other, x, client=small_pages)
    # What stands beside a post may differ: a page brings the users of all its posts.
    posts = [
        [record["payload"]["data"] for record in records(each, "bronze/batch_posts")]
        for each in (lake, other)
    ]
    assert posts[0] == posts[1]


def test_an_open_window_is_partial_up_to_what_could_be_asked(
    lake: Lake, x: SimulatedPlatform
) -> None:
    (manifest,) = fetch(lake, x, OPEN)
    assert manifest.state == "partial"
    assert manifest.reason.startswith("open")
    assert manifest.fetched_from == OPEN.start
    assert manifest.fetched_until is not None
    assert x.now - dt.timedelta(minutes=1) < manifest.fetched_until <= x.now


def test_the_state_is_what_every_source_covered(lake: Lake, x: SimulatedPlatform) -> None:
    sources = (*SOURCES, TrackedSource("other", "query", "outage"))
    (manifest,) = fetch(lake, x, sources=sources)
    assert manifest.state == "complete"
    assert [source.name for source in manifest.sources] == ["brand", "other"]
    assert manifest.received == sum(source.records for source in manifest.sources)


def test_an_edit_goes_to_its_first_versions_window(lake: Lake, x: SimulatedPlatform) -> None:
    """Posted at 13:50, edited at 14:10: the search of 14:00 returns it."""
    first_at, edited_at = WINDOW.start - dt.timedelta(minutes=10), WINDOW.start
    edited_at += dt.timedelta(minutes=10)
    first, second = snowflake(first_at, 9), snowflake(edited_at, 9)
    page = {
        "data": [
            {"id": second, "text": "t", "created_at": iso(edited_at),
             "edit_history_tweet_ids": [first, second]}
        ]
    }  # fmt: skip
    stray, own = fetch(lake, x, client=Recorded(x, [page["data"]]))
    earlier = Window(DAY, "1200")
    assert (stray.window, stray.state, stray.received) == ("1200", None, 1)
    assert stray.reason == f"posts returned by the fetch of {WINDOW.folder}"
    assert (own.window, own.state, own.objects, own.received) == ("1400", "complete", [], 1)
    (record,) = records(lake, f"bronze/batch_posts/{earlier.folder}")
    assert record["payload"]["data"]["id"] == second
    assert read_partition(lake, DAY).coverage[earlier].state is None


def test_the_storys_own_edits_are_routed_by_their_chain(lake: Lake, x: SimulatedPlatform) -> None:
    for name in ("1000", "1200", "1400", "1600"):
        fetch(lake, x, Window(DAY, name))
    for stored in lake.objects.list("bronze/batch_posts"):
        window = next(w for w in ("1000", "1200", "1400", "1600", "0800") if w in stored.path)
        for record in records(lake, stored.path):
            assert Window.of(creation_time(x_parser, record["payload"]), "x").name == window


class RecordedSearch:
    """Pages that a test wrote, in the order of the API."""

    def __init__(self, x: SimulatedPlatform, pages: list[list[Any]], end: Exception | None) -> None:
        self.start, self.end = WINDOW.start, WINDOW.end
        self.pages, self.exhausted, self.watermark = 0, False, None
        self._given, self._x, self._end = pages, x, end

    def __iter__(self) -> Any:
        # A real page of the simulator lends its type; only its records are the test's.
        real = next(self._x.client.search_window("nimbus", self.start, self.end))
        for number, posts in enumerate(self._given, 1):
            self.pages += 1
            given = [{"data": post, "includes": {}} for post in posts]
            yield type(real)(**{**vars(real), "number": number, "records": given, "malformed": []})
        if self._end:
            raise self._end
        self.exhausted = True


class Recorded:
    """X's client with answers that its simulator cannot be made to give."""

    def __init__(
        self, x: SimulatedPlatform, pages: list[list[Any]], end: Exception | None = None
    ) -> None:
        self._x, self._pages, self._end = x, pages, end
        self.reach, self.api_version = x.client.reach, x.client.api_version
        self.what_would_reach, self.span = x.client.what_would_reach, x.client.span

    def clock(self) -> dt.datetime:
        return self._x.now

    def notices(self) -> list[str]:
        return []

    def search(self, *_: Any) -> RecordedSearch:
        return RecordedSearch(self._x, self._pages, self._end)


@pytest.mark.parametrize(
    ("post", "reason"),
    [
        ({"id": "7"}, "no_creation_time: created_at is missing"),
        ({"text": "t", "created_at": "2026-02-05T14:10:00Z"}, "not_routable: Object missing"),
        ({"id": 7, "created_at": "2026-02-05T14:10:00Z"}, "not_routable: Expected `str`"),
        ({"id": "7", "created_at": "2026-02-05T14:10:00"}, "not_routable: Expected `datetime`"),
        ({"id": "7", "created_at": "0001-01-01T00:00:00+10:00"}, "no_creation_time: created_at"),
        ({"id": "7", "created_at": "1999-12-31T23:59:59Z"},
         "no_partition: there is no partition 1999-12-31|x"),
        ({"id": "7", "created_at": "2026-02-05T14:10:00Z", "edit_history_tweet_ids": [5, 7]},
         "not_routable: Expected `str`"),
    ],
)  # fmt: skip
def test_what_cannot_be_routed_is_a_dead_letter(
    lake: Lake, x: SimulatedPlatform, post: dict[str, Any], reason: str
) -> None:
    fine = {"id": "8", "created_at": "2026-02-05T14:20:00Z"}

    def this_century(partition: PostPartition) -> bool:
        return partition.date.year >= 2000

    (manifest,) = fetch(lake, x, holds=this_century, client=Recorded(x, [[post, fine]]))
    (letter,) = dead_letters(lake)
    assert letter["payload"]["data"] == post
    assert letter["request"] == {"source": "brand", "page": 1, "index": 0}
    assert letter["reason"].startswith(reason)
    assert (manifest.state, manifest.received, manifest.dead_letters) == ("complete", 2, 1)
    assert manifest.objects[0].records == 1


@pytest.mark.parametrize("fault", ["wrong_types", "missing_fields", "bad_encoding"])
def test_the_simulators_malformed_posts_cost_only_themselves(
    lake: Lake, x: SimulatedPlatform, fault: str, small_pages: XClient
) -> None:
    x.fault(fault, times=1)
    manifest = fetch(lake, x, client=small_pages)[-1]
    kept, letters = records(lake, "bronze/batch_posts"), dead_letters(lake)
    assert manifest.state == "complete"
    assert manifest.received == len(kept) + len(letters) > 10
    assert manifest.dead_letters == len(letters)
    for letter in letters:
        assert letter["reason"]
        assert letter["request"]["page"] == 1


@pytest.mark.parametrize(
    "fault",
    ["rate_limit", "usage_cap", "dead_token", "forbidden", "server_error", "bad_gateway_html",
     "disconnect", "truncated_json", "not_json", "missing_meta", "repeated_token"],
)  # fmt: skip
def test_a_fetch_that_breaks_off_keeps_what_it_brought(
    lake: Lake, x: SimulatedPlatform, fault: str, small_pages: XClient
) -> None:
    x.fault(fault, times=-1, after=1)
    with pytest.raises(FetchInterrupted) as interrupted:
        fetch(lake, x, client=small_pages)
    manifest = interrupted.value.manifests[-1]
    assert isinstance(interrupted.value.cause, ApiError)
    assert (manifest.state, manifest.fetched_from, manifest.fetched_until) == (
        "partial",
        None,
        None,
    )
    assert manifest.reason.startswith("interrupted: X GET /2/tweets/search/recent")
    assert manifest.received == len(records(lake, "bronze/batch_posts")) >= 10
    assert manifest.sources[0].watermark is None
    covered = read_partition(lake, DAY).coverage[WINDOW]
    assert (covered.state, covered.fetched_from) == ("partial", None)
    # The next run asks again and is done.
    x.heal()
    assert WINDOW in {
        p.window for p in plan_fetch([DAY], {WINDOW: covered}, x.now, x.client.recent)
    }
    x.travel(x.now + dt.timedelta(minutes=1))
    assert fetch(lake, x)[-1].state == "complete"


def test_a_retry_that_breaks_off_sooner_takes_nothing_away(
    lake: Lake, x: SimulatedPlatform, small_pages: XClient
) -> None:
    x.fault("server_error", times=-1, after=2)
    with pytest.raises(FetchInterrupted) as first:
        fetch(lake, x, client=small_pages)
    x.heal()
    x.fault("server_error", times=-1)
    with pytest.raises(FetchInterrupted) as second:
        fetch(lake, x, client=small_pages)
    assert second.value.manifests == first.value.manifests
    assert len(records(lake, "bronze/batch_posts")) == first.value.manifests[-1].received >= 20


def test_a_fault_on_the_first_page_leaves_a_manifest(lake: Lake, x: SimulatedPlatform) -> None:
    x.fault("dead_token", times=-1)
    with pytest.raises(FetchInterrupted) as interrupted:
        fetch(lake, x)
    assert (interrupted.value.manifests[-1].received, interrupted.value.manifests[-1].objects) == (
        0,
        [],
    )
    assert read_partition(lake, DAY).coverage[WINDOW].state == "partial"


def test_windows_before_the_fault_stand(lake: Lake, x: SimulatedPlatform) -> None:
    windows = [Window(DAY, name) for name in ("1000", "1200", "1400")]
    fetching = fetch_windows(
        lake,
        x.client,
        [planned(window, x) for window in windows],
        SOURCES,
        holds=anywhere,
        fetched_at=x.now,
        run_id="run-1",
    )
    next(fetching)
    x.fault("server_error", times=-1)
    with pytest.raises(FetchInterrupted):
        next(fetching)
    states = {w.name: c.state for w, c in read_partition(lake, DAY).coverage.items() if c.state}
    assert states == {"1000": "complete", "1200": "partial"}


def test_partial_errors_are_counted_by_title(lake: Lake, x: SimulatedPlatform) -> None:
    x.fault("partial_errors", times=1)
    manifest = fetch(lake, x)[-1]
    assert manifest.state == "complete"
    assert sum(manifest.sources[0].partial_errors.values()) > 0


def test_simulated_posts_never_enter_a_live_lake(tmp_path: Path, x: SimulatedPlatform) -> None:
    live = Lake.open(LakeLocation(str(tmp_path / "live"), "live"))
    with pytest.raises(LakeOriginError, match="simulated posts and the lake holds live ones"):
        fetch(live, x)
    assert live.objects.list("bronze") == []


def test_live_posts_never_enter_a_simulated_lake(lake: Lake, x: SimulatedPlatform) -> None:
    class Live(Recorded):
        def search(self, *given: Any) -> Any:
            for page in super().search(*given):
                yield type(page)(**{**vars(page), "simulated": False})

    with pytest.raises(LakeOriginError, match="live posts and the lake holds simulated ones"):
        fetch(lake, x, client=Live(x, [[]]))
    assert lake.objects.list("bronze") == []


def test_beyond_the_reach_is_said_with_what_would_reach_it(
    lake: Lake, x: SimulatedPlatform
) -> None:
    asked = x.requests()
    old = Window(PostPartition(dt.date(2026, 1, 20), "x"), "0800")
    (manifest,) = fetch(lake, x, old, reachable=False)
    assert x.requests() == asked
    assert (manifest.state, manifest.objects, manifest.fetched_from) == ("unavailable", [], None)
    assert "older than the API's reach of 7 days" in manifest.reason
    assert "full-archive search" in manifest.reason
    known = read_partition(lake, old.partition).coverage
    assert old not in {p.window for p in plan_fetch([old.partition], known, x.now, x.client.recent)}


def test_a_window_that_left_the_reach_since_it_was_planned(
    lake: Lake, x: SimulatedPlatform
) -> None:
    """A long fetch: what was within reach at its beginning no longer is."""
    old = Window(PostPartition(dt.date(2026, 1, 20), "x"), "0800")
    (manifest,) = fetch(lake, x, old)
    assert manifest.state == "unavailable"
    assert "full-archive search" in manifest.reason


def test_a_window_at_the_edge_of_the_reach_lacks_its_beginning(
    lake: Lake, x: SimulatedPlatform
) -> None:
    edge = Window(PostPartition(x.now.date() - dt.timedelta(days=7), "x"), "1800")
    (manifest,) = fetch(lake, x, edge)
    assert (manifest.state, manifest.reason) == (
        "partial", "its beginning lies beyond the API's reach",
    )  # fmt: skip
    assert manifest.fetched_from is not None
    assert edge.start < manifest.fetched_from < manifest.fetched_until == edge.end


def test_a_retry_of_the_same_fetch_writes_the_same_names(
    lake: Lake, x: SimulatedPlatform, small_pages: XClient
) -> None:
    x.fault("server_error", times=-1, after=1)
    with pytest.raises(FetchInterrupted):
        fetch(lake, x, client=small_pages)
    before = {stored.path for stored in lake.objects.list("bronze")}
    x.heal()
    manifest = fetch(lake, x)[-1]
    assert {stored.path for stored in lake.objects.list("bronze")} == before
    assert read_partition(lake, DAY).of(WINDOW) == [manifest]
    assert manifest.state == "complete"
    contents = {path: lake.objects.get(path) for path in before}
    fetch(lake, x)
    assert {path: lake.objects.get(path) for path in before} == contents
