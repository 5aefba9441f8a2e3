"""Short polls against the simulator: each record once, nothing between two looks lost."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import msgspec
import pytest

from resources.api_clients.errors import ApiError
from resources.producers.polls import Memory, Poller
from resources.producers.producing import MixedOrigins
from resources.producers.records import Record
from sentiment_assets.core.tracking import TrackedSource
from sentiment_assets_tests.simulated import SimulatedPlatform, running_simulator

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.timezone.utc)
BRAND = TrackedSource("brand", "query", "nimbus")
RIVALS = TrackedSource("rivals", "query", "stratus OR cirrus")
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture(scope="module")
def simulator() -> Iterator[dict[str, SimulatedPlatform]]:
    with running_simulator(NOW, "--posts-per-day", "0") as served:
        yield served


@pytest.fixture
def platform(simulator: dict[str, SimulatedPlatform]) -> Iterator[SimulatedPlatform]:
    one = simulator["x"]
    yield one
    one.heal()
    one.forget()
    one.travel(NOW)
    # One whose last answer was a refusal waits.
    one.client = one.connect()


class Polled:
    """A poller, and what it published."""

    def __init__(self, platform: SimulatedPlatform, *sources: TrackedSource, **given: Any) -> None:
        self.records: list[Record] = []
        self.poller = Poller(
            platform.platform,
            platform.client,
            sources or (BRAND, RIVALS),
            self._take,
            **{
                "origin": "simulated",
                "every_s": 60,
                "lookback": 30 * MINUTE,
                "overlap": 2 * MINUTE,
                **given,
            },
        )

    def _take(self, record: Record) -> Future[None]:
        self.records.append(record)
        return Future()

    @property
    def ids(self) -> list[str]:
        return [msgspec.json.decode(record.value)["data"]["id"] for record in self.records]


def test_each_record_is_published_once(platform: SimulatedPlatform) -> None:
    old = platform.post("nimbus", NOW - 20 * MINUTE)
    platform.post("nimbus before", NOW - 40 * MINUTE)
    found = Polled(platform)
    found.poller.look()
    assert found.ids == [old]

    new = platform.post("cirrus", NOW + MINUTE)
    platform.travel(NOW + 2 * MINUTE)
    found.poller.look()
    found.poller.look()

    assert found.ids == [old, new]
    assert found.poller.counts()["rounds"] == 3


def test_what_is_findable_late_comes_within_the_overlap(platform: SimulatedPlatform) -> None:
    found = Polled(platform)
    found.poller.look()
    late = platform.post("nimbus", NOW - MINUTE)
    platform.travel(NOW + MINUTE)
    found.poller.look()

    assert found.ids == [late]


def test_a_look_that_failed_leaves_no_gap(platform: SimulatedPlatform) -> None:
    found = Polled(platform)
    found.poller.look()
    post = platform.post("nimbus", NOW + MINUTE)
    platform.travel(NOW + 10 * MINUTE)
    platform.fault("server_error", times=-1)
    found.poller.look()
    platform.travel(NOW + 20 * MINUTE)
    platform.heal()
    found.poller.look()

    assert found.ids == [post]
    assert found.poller.counts()["failures"] == 2


def test_one_source_that_is_refused_does_not_stop_the_others(platform: SimulatedPlatform) -> None:
    post = platform.post("cirrus", NOW - MINUTE)
    found = Polled(platform, TrackedSource("bad", "query", "nimbus ("), RIVALS)
    found.poller.look()

    assert found.ids == [post]


@pytest.mark.parametrize("fault", ["dead_token", "forbidden", "usage_cap"])
def test_what_no_waiting_mends_ends_it(platform: SimulatedPlatform, fault: str) -> None:
    platform.fault(fault, times=-1)
    with pytest.raises(ApiError) as told:
        Polled(platform).poller.run()
    assert not told.value.retryable


def test_posts_of_another_origin_are_refused(platform: SimulatedPlatform) -> None:
    platform.post("nimbus", NOW - MINUTE)
    with pytest.raises(MixedOrigins):
        Polled(platform, BRAND, origin="live").poller.look()


def test_it_looks_again_until_it_is_stopped(platform: SimulatedPlatform) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        if len(waits) == 3:
            found.poller.stop()
        return False

    found = Polled(platform, every_s=10, wait=wait)
    thread = threading.Thread(target=found.poller.run)
    thread.start()
    thread.join(20)

    assert not thread.is_alive()
    assert found.poller.counts()["rounds"] == 3
    # From the beginning of a round to that of the next.
    assert all(5 < seconds < 10 for seconds in waits)


def test_a_damaged_part_is_published_for_the_dead_letters(platform: SimulatedPlatform) -> None:
    platform.post("nimbus", NOW - MINUTE)
    platform.fault("bad_encoding")
    found = Polled(platform, BRAND)
    found.poller.look()

    assert [list(msgspec.json.decode(record.value)) for record in found.records] == [["malformed"]]


OTHERS: list[tuple[str, TrackedSource, Callable[[Any], bool]]] = [
    ("facebook", TrackedSource("brand", "page", "104857600001001"), lambda p: "comment" in p),
    ("instagram", TrackedSource("tag", "hashtag", "nimbuslaunch"), lambda p: "media" in p),
    ("linkedin", TrackedSource("brand", "organization", "104857601"), lambda p: "comment" in p),
]


@pytest.mark.parametrize(("name", "source", "is_wanted"), OTHERS)
def test_every_platform_can_be_polled(
    simulator: dict[str, SimulatedPlatform],
    name: str,
    source: TrackedSource,
    is_wanted: Callable[[Any], bool],
) -> None:
    found = Polled(simulator[name], source, lookback=dt.timedelta(hours=20))
    found.poller.look()
    once = len(found.records)
    found.poller.look()

    assert once > 0
    assert any(is_wanted(msgspec.json.decode(record.value)) for record in found.records)
    assert len(found.records) == once


def test_memory_is_bounded_and_knows_counts() -> None:
    memory = Memory(most=3)
    assert [memory.is_new({"id": number}) for number in (1, 2, 1, 3)] == [True, True, False, True]
    assert memory.is_new({"likes": 1, "id": 4})
    assert not memory.is_new({"id": 4, "likes": 1})
    assert memory.is_new({"id": 4, "likes": 2})
    assert len(memory) == 3
    # The oldest was forgotten.
    assert memory.is_new({"id": 1})
