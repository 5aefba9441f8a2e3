"""What is to be landed next, for every way in which a topic can have changed meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_assets.core.landings import (
    OffsetRange,
    Position,
    TopicLog,
    Watermarks,
    at_most,
    generation_of,
    log_name,
    positions_after,
    waiting,
)


def topic(*leaderless: int, **marks: tuple[int, int]) -> TopicLog:
    watermarks = {int(name[1:]): Watermarks(*of) for name, of in marks.items()}
    return TopicLog("posts.x", "abc", watermarks, leaderless)


@pytest.mark.parametrize(
    ("holds", "positions", "ranges", "lost"),
    [
        (topic(p0=(0, 0)), {0: 0}, [], []),
        (topic(p0=(0, 7)), {0: 3}, ["0:3-7"], []),
        (topic(p0=(0, 7), p1=(0, 2)), {0: 7, 1: 0}, ["1:0-2"], []),
        # Retention went by.
        (topic(p0=(5, 7)), {0: 3}, ["0:5-7"], ["0:3-5"]),
        (topic(p0=(7, 7)), {0: 3}, [], ["0:3-7"]),
        # A partition that came later begins at 0, also where some of it is gone already.
        (topic(p0=(0, 3), p1=(0, 4)), {0: 3}, ["1:0-4"], []),
        (topic(p0=(0, 3), p1=(2, 4)), {0: 3}, ["1:2-4"], ["1:0-2"]),
        # What nobody leads can't be read now, and is not lost.
        (topic(1, p0=(0, 7)), {0: 7, 1: 2}, [], []),
    ],
)
def test_what_waits(
    holds: TopicLog, positions: dict[int, int], ranges: list[str], lost: list[str]
) -> None:
    found = waiting(holds, Position("abc", 4, positions))
    assert ([*map(str, found.ranges)], [*map(str, found.lost)]) == (ranges, lost)
    assert (found.log, found.number, bool(found)) == ("abc", 4, bool(ranges or lost))


def test_before_the_first_landing_nothing_is_lost() -> None:
    found = waiting(topic(p0=(5, 9)), Position("abc"))
    assert [*map(str, found.ranges)] == ["0:5-9"]
    assert not found.lost
    assert found.records == 4


def test_what_was_deleted_between_the_first_look_and_the_first_landing_is_lost() -> None:
    found = waiting(topic(p0=(5, 9), p1=(2, 3)), Position("abc"), {0: 3, 1: 2})
    assert [*map(str, found.ranges)] == ["0:5-9", "1:2-3"]
    assert [*map(str, found.lost)] == ["0:3-5"]
    # Later the landings say where it begins.
    assert not waiting(topic(p0=(5, 9)), Position("abc", 1, {0: 9}), {0: 3}).lost


def test_what_retention_took_is_told_of_a_log_that_was_cut_short_too() -> None:
    found = waiting(topic(p0=(0, 7), p1=(5, 9)), Position("abc", 9, {0: 8, 1: 3}), {0: 0, 1: 0})
    assert found.log == "abc.1"
    assert [*map(str, found.ranges)] == ["0:0-7", "1:5-9"]
    assert [*map(str, found.lost)] == ["1:3-5"]


def test_a_log_that_was_cut_short_is_landed_anew_under_another_name() -> None:
    found = waiting(topic(p0=(0, 7), p1=(0, 3)), Position("abc", 9, {0: 8, 1: 3}))
    assert found.log == "abc.1"
    assert found.number == 0
    assert [*map(str, found.ranges)] == ["0:0-7", "1:0-3"]
    assert not found.lost
    again = waiting(topic(p0=(0, 6)), Position("abc.1", 2, {0: 7}))
    assert again.log == "abc.2"


def test_names_of_logs() -> None:
    assert generation_of(log_name("a/b+c==", 2)) == ("a_b-c", 2)
    assert generation_of(log_name("abc")) == ("abc", 0)
    assert log_name("") == "0"


SPANS = st.lists(st.tuples(st.integers(0, 100), st.integers(1, 100)), min_size=1, max_size=8).map(
    lambda found: tuple(OffsetRange(p, s, s + n) for p, (s, n) in enumerate(found))
)


@given(SPANS, st.integers(1, 300))
def test_a_share_is_the_begin_of_each_range_and_as_much_as_may_be(
    spans: tuple[OffsetRange, ...], most: int
) -> None:
    taken = at_most(spans, most)
    whole = {span.partition: span for span in spans}
    assert all(
        span.start == whole[span.partition].start and span.end <= whole[span.partition].end
        for span in taken
    )
    assert sum(map(len, taken)) == min(most, sum(map(len, spans)))


@given(SPANS, st.randoms())
def test_positions_never_go_back_and_never_jump(spans: tuple[OffsetRange, ...], random) -> None:
    before = {span.partition: span.start for span in spans}
    shuffled = [*spans]
    random.shuffle(shuffled)
    after = positions_after(before, shuffled)
    assert after == {span.partition: span.end for span in spans}
    behind = {partition: start - 1 for partition, start in before.items()}
    assert positions_after(behind, shuffled) == behind
    assert positions_after(after, shuffled) == after
