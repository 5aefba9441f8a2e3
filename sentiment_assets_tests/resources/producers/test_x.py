"""X's filtered stream against the simulator: rules, lines, ends of connections, waits."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import msgspec
import pytest

from resources.api_clients.errors import (
    BadRequest,
    Forbidden,
    RateLimited,
    TokenRejected,
    TransientApiError,
    UsageCapExceeded,
)
from resources.producers.producing import MixedOrigins
from resources.producers.records import Record
from resources.producers.x import (
    LONGEST_LINE,
    TAG,
    FilteredStream,
    _wake,
    lines_of,
    sync_rules,
    wait_of,
)
from sentiment_assets.core.parsers import x as parser
from sentiment_assets.core.streams import read_headers
from sentiment_assets.core.tracking import TrackedSource
from sentiment_assets_tests.simulated import SimulatedPlatform, running_simulator

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.timezone.utc)
BRAND = TrackedSource("brand", "query", "nimbus")
RIVALS = TrackedSource("rivals", "query", "stratus OR cirrus")


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatedPlatform]:
    # Nobody says anything but the test.
    with running_simulator(NOW, "--posts-per-day", "0") as served:
        yield served["x"]


@pytest.fixture
def platform(simulator: SimulatedPlatform) -> Iterator[SimulatedPlatform]:
    yield simulator
    simulator.heal()
    simulator.forget()
    rules = simulator.client.rules()
    if rules:
        simulator.client.delete_rules([rule.id for rule in rules])
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        # The connection of the last test is gone as soon as another is let in.
        simulator.client.add_rules([("zzz", "t")])
        try:
            simulator.client.open_stream(silence_s=1).close()
        except RateLimited:
            time.sleep(0.1)
        else:
            break
        finally:
            simulator.client.delete_rules([rule.id for rule in simulator.client.rules()])
    simulator.travel(NOW)


class Reading:
    """A stream that is read in a thread, and what came of it."""

    def __init__(self, platform: SimulatedPlatform, **given: object) -> None:
        self.records: list[Record] = []
        self.waits: list[float] = []
        self.error: Exception | None = None
        self.stream = FilteredStream(
            platform.client,
            [BRAND, RIVALS],
            self._take,
            **{"origin": "simulated", "wait": self._waited, **given},  # type: ignore[arg-type]
        )
        self.thread = threading.Thread(target=self._run)

    def _take(self, record: Record) -> Future[None]:
        self.records.append(record)
        return Future()

    def _waited(self, seconds: float) -> bool:
        self.waits.append(seconds)
        time.sleep(0.05)
        return len(self.waits) > 20

    def _run(self) -> None:
        try:
            self.stream.run()
        except Exception as error:
            self.error = error

    def until(self, true: Callable[[], bool], seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while not true() and self.error is None:
            assert time.monotonic() < deadline, (self.stream.counts(), self.waits)
            time.sleep(0.02)

    def connected(self, times: int = 1) -> None:
        self.until(lambda: self.stream.counts().get("connections", 0) >= times)
        # The posts of before are counted as sent when the first line comes.
        time.sleep(0.1)

    def ids(self) -> list[str]:
        return [msgspec.json.decode(record.value)["data"]["id"] for record in self.records]


@contextmanager
def reading(platform: SimulatedPlatform, **given: object) -> Iterator[Reading]:
    one = Reading(platform, **given)
    one.thread.start()
    try:
        yield one
    finally:
        one.stream.stop()
        one.thread.join(5)
    assert not one.thread.is_alive()


def broken(platform: SimulatedPlatform, fault: str, times: int = 1) -> None:
    """What goes wrong with the next connections; the rules are there, and looked at once more."""
    sync_rules(platform.client, [BRAND, RIVALS])
    platform.fault(fault, times=times, after=1)


def test_posts_come_in_the_shape_and_with_the_ids_of_search(platform: SimulatedPlatform) -> None:
    with reading(platform) as found:
        found.connected()
        first = platform.post("nimbus is down @ada", NOW)
        second = platform.post("cirrus too", NOW, author_id="77")
        platform.post("neither of them", NOW)
        found.until(lambda: len(found.records) == 2)
    platform.travel(NOW + dt.timedelta(minutes=2))
    search = platform.client.search_window(
        "nimbus OR cirrus", NOW - dt.timedelta(minutes=1), NOW + dt.timedelta(minutes=1)
    )
    fetched = {record["data"]["id"]: record for page in search for record in page.records}

    assert sorted(found.ids()) == sorted([first, second]) == sorted(fetched)
    for record in found.records:
        payload = msgspec.json.decode(record.value)
        assert payload == fetched[payload["data"]["id"]]
        assert parser.parse(record.value) == parser.parse(fetched[payload["data"]["id"]])
    assert found.error is None


def test_headers_say_when_whose_and_which(platform: SimulatedPlatform) -> None:
    with reading(platform) as found:
        found.connected()
        platform.post("nimbus", NOW, author_id="5")
        platform.post("nimbus again", NOW, author_id="5")
        found.until(lambda: len(found.records) == 2)
    one, two = (read_headers(record.headers) for record in found.records)

    assert one["platform"] == "x"
    assert one["created_at"] == "2026-11-23T12:00:00Z"
    assert one["origin"] == "simulated"
    assert one["fetch_id"] == two["fetch_id"]
    # One author's posts stay in order.
    assert found.records[0].key == found.records[1].key


def test_late_and_edited_posts_come_too(platform: SimulatedPlatform) -> None:
    late = platform.post(
        "nimbus late", NOW - dt.timedelta(hours=5), visible_at="2026-11-23T12:10:00.000Z"
    )
    early = platform.post("nimbus early", NOW - dt.timedelta(minutes=3))
    with reading(platform) as found:
        found.connected()
        edited = platform.change(early, "nimbus edited")
        found.until(lambda: found.ids() == [edited])
        platform.travel(NOW + dt.timedelta(minutes=11))
        found.until(lambda: len(found.records) == 2)

    assert found.ids() == [edited, late]
    row = parser.parse(found.records[0].value)
    assert row.chain_id == early


def test_rules_are_made_those_of_tracking_and_others_are_left(
    platform: SimulatedPlatform,
) -> None:
    client = platform.client
    client.add_rules([("nimbus", f"{TAG}old_name"), ("cats", "somebody else's")])

    assert sync_rules(client, [BRAND, RIVALS]) == (2, 1)
    assert sync_rules(client, [BRAND, RIVALS]) == (0, 0)
    assert sync_rules(client, [RIVALS]) == (0, 1)
    assert {(rule.value, rule.tag) for rule in client.rules()} == {
        ("stratus OR cirrus", f"{TAG}rivals"),
        ("cats", "somebody else's"),
    }


def test_a_rule_that_is_no_query_is_told_with_what_to_do(platform: SimulatedPlatform) -> None:
    with pytest.raises(BadRequest, match=r"rules are not all accepted.*tracking\.yaml"):
        sync_rules(platform.client, [TrackedSource("bad", "query", "nimbus (")])


def test_what_other_programs_rules_bring_is_not_published(platform: SimulatedPlatform) -> None:
    platform.client.add_rules([("cats", "theirs")])
    with reading(platform) as found:
        found.connected()
        platform.post("cats", NOW)
        kept = platform.post("nimbus", NOW)
        found.until(lambda: len(found.records) == 1)
        found.until(lambda: found.stream.counts().get("untracked") == 1)

    assert found.ids() == [kept]


@pytest.mark.parametrize("fault", ["stream_drop", "stream_disconnect"])
def test_after_an_end_the_stream_is_connected_again(
    platform: SimulatedPlatform, fault: str
) -> None:
    broken(platform, fault, 2)
    with reading(platform) as found:
        found.connected(3)
        post = platform.post("nimbus", NOW)
        found.until(lambda: len(found.records) == 1)

    assert found.ids() == [post]
    # Linear, since these connections never stood.
    assert found.waits == [0.25, 0.5]


def test_silence_ends_a_connection(platform: SimulatedPlatform) -> None:
    broken(platform, "stream_silent")
    with reading(platform, silence_s=0.5) as found:
        found.until(lambda: len(found.waits) >= 1)
        # The silent one is still counted by X: that is told, too.
        found.until(lambda: len(found.waits) >= 2)

    assert found.waits[0] == 0.25


def test_a_line_that_is_no_post_is_published_for_the_dead_letters(
    platform: SimulatedPlatform,
) -> None:
    broken(platform, "stream_garbage")
    with reading(platform) as found:
        found.connected()
        found.until(lambda: len(found.records) == 1)

    assert found.records[0].value == b'{"data": {"id": "12'
    assert "created_at" not in read_headers(found.records[0].headers)
    assert found.stream.counts()["malformed"] == 1


def test_a_taken_stream_is_waited_for_by_minutes(platform: SimulatedPlatform) -> None:
    with reading(platform) as first:
        first.connected()
        with reading(platform) as second:
            second.until(lambda: len(second.waits) >= 2)

    assert second.waits[:2] == [60, 120]


REFUSALS = [
    ("dead_token", TokenRejected, "make a new one"),
    ("forbidden", Forbidden, "attach the app"),
    ("usage_cap", UsageCapExceeded, "raise the cap"),
    ("stream_capped", UsageCapExceeded, "raise the cap"),
]


@pytest.mark.parametrize(("fault", "kind", "remedy"), REFUSALS)
def test_what_no_waiting_mends_stops_it(
    platform: SimulatedPlatform, fault: str, kind: type[Exception], remedy: str
) -> None:
    broken(platform, fault)
    with reading(platform) as found:
        found.until(lambda: found.error is not None)

    assert isinstance(found.error, kind)
    assert remedy in str(found.error)
    assert found.waits == []


def test_rules_that_can_not_be_made_now_are_made_later(platform: SimulatedPlatform) -> None:
    # As often as the client itself tries.
    platform.fault("server_error", times=1)
    with reading(platform) as found:
        found.connected()

    assert found.waits == [5]
    assert len(platform.client.rules()) == 2


def test_rules_that_somebody_deleted_are_made_again(platform: SimulatedPlatform) -> None:
    with reading(platform) as found:
        found.connected()
        platform.client.delete_rules([rule.id for rule in platform.client.rules()])
        # The connection goes, by whatever.
        response = found.stream._response
        assert response is not None
        _wake(response)
        found.connected(2)

    # The refusal for want of rules is waited for as an error of the server.
    assert found.waits[-1] == 5
    assert len(platform.client.rules()) == 2


def test_refusals_that_may_pass_are_tried_again(platform: SimulatedPlatform) -> None:
    sync_rules(platform.client, [BRAND, RIVALS])
    platform.fault("server_error", times=2, after=1, path="/search/stream")
    platform.fault("rate_limit", reset_in=30, after=3, path="/search/stream")
    with reading(platform) as found:
        found.connected()

    assert found.waits[:2] == [5, 10]
    assert 60 <= found.waits[2] < 100


def test_a_gap_is_asked_for_again(platform: SimulatedPlatform) -> None:
    """What was made while nobody was connected comes with the next connection."""
    missed = platform.post("nimbus missed", NOW - dt.timedelta(minutes=4))
    platform.post("nimbus long ago", NOW - dt.timedelta(minutes=9))
    with reading(platform, backfill_minutes=5) as found:
        found.until(lambda: len(found.records) == 1)

    assert found.ids() == [missed]


def test_posts_of_another_origin_are_refused(platform: SimulatedPlatform) -> None:
    with reading(platform, origin="live") as found:
        found.until(lambda: found.error is not None)

    assert isinstance(found.error, MixedOrigins)
    assert found.records == []


def test_stopping_does_not_wait_for_the_next_line(platform: SimulatedPlatform) -> None:
    with reading(platform) as found:
        found.connected()
        began = time.monotonic()
        found.stream.stop()
        found.thread.join(10)

    assert time.monotonic() - began < 8


WAITS = [
    ("dropped", [0.0, 0.0]),
    ("network", [0.25, 0.5, 0.75]),
    ("server", [5, 10, 20, 40, 80, 160, 320, 320]),
    ("limited", [60, 120, 240, 480, 960, 960]),
]


@pytest.mark.parametrize(("failure", "seconds"), WAITS)
def test_waits_are_those_that_x_asks_for(failure: str, seconds: list[float]) -> None:
    assert [wait_of(failure, n) for n in range(1, len(seconds) + 1)] == seconds  # type: ignore[arg-type]
    assert wait_of("network", 10_000) == 16


LINES = [
    ([b"a\r\nb\r\n"], [b"a", b"b"]),
    ([b"a\r", b"\nb", b"c\r\n\r\n"], [b"a", b"bc", b""]),
    ([b"a\nb\r\n"], [b"a\nb"]),
    ([b"a\r\nhalf"], [b"a"]),
    ([b""], []),
]


@pytest.mark.parametrize(("chunks", "lines"), LINES)
def test_lines_end_where_x_ends_them(chunks: list[bytes], lines: list[bytes]) -> None:
    assert list(lines_of(iter(chunks))) == lines


def test_a_line_without_end_is_no_memory_leak() -> None:
    with pytest.raises(TransientApiError, match="longer than"):
        list(lines_of(iter([b"x" * 1_000_000] * (LONGEST_LINE // 1_000_000 + 1))))
