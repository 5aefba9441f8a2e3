"""What must hold of silver whatever bronze holds and however it came: order, splits, garbage."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from sentiment_assets.core.layout import Window
from sentiment_assets.engine.in_process import Budget
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets_tests.bronze_records import DAY, at, line, payload, snowflake, store
from sentiment_assets_tests.silver_of_a_lake import (
    assert_conserved,
    counted,
    posts,
    quarantine,
    rebuild,
    rebuilt,
)

WINDOW = Window(DAY, "0800")
FIRST_FETCH = 10.1

#: An observation: which chain, which of its versions, and the hour of the fetch.
observations = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 2), st.integers(0, 3)), max_size=14
)


def versions(chain: int) -> list[str]:
    """Ids of a post made at 09:30 and edited after 20 and 40 minutes (in the next window)."""
    return [snowflake(at(9.5 + edit / 3), chain) for edit in range(3)]


def observed(chain: int, version: int, fetch: int) -> bytes:
    """What an API returns at that hour: engagement grows, the text is the version's."""
    ids = versions(chain)
    text = f"I think that version {version} of this is {['bad', 'ok', 'great'][version]}"
    record = payload(
        9.5 + version / 3,
        chain,
        id=ids[version],
        edit_history_tweet_ids=ids[: version + 1],
        text=text,
        public_metrics={"like_count": 10 * fetch + version},
    )
    return line(record, at(FIRST_FETCH + fetch))


def new_lake(folder: str) -> Lake:
    return Lake.open(LakeLocation(f"{folder}/lake", "simulated"))


def lay_down(lake: Lake, objects: Sequence[Sequence[bytes]]) -> None:
    """One object a list of lines; the window was whole from the first on."""
    for number, lines in enumerate(objects):
        store(lake, WINDOW, lines, at(FIRST_FETCH + number / 100))


def split(rng: random.Random, lines: Sequence[bytes]) -> list[list[bytes]]:
    shuffled = rng.sample(lines, len(lines))
    objects: list[list[bytes]] = [[] for _ in range(rng.randint(1, 4))]
    for one in shuffled:
        rng.choice(objects).append(one)
    return objects


@settings(deadline=None, max_examples=15)
@given(observations, st.randoms(use_true_random=False))
def test_any_order_and_any_split_gives_the_same_silver(
    seen: list[tuple[int, int, int]], rng: random.Random
) -> None:
    lines = [observed(*one) for one in seen]
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        whole, parts = new_lake(one), new_lake(other)
        lay_down(whole, [lines])
        lay_down(parts, split(rng, lines))
        rebuild(whole)
        rebuild(parts, budget=Budget(held_rows=rng.choice([0, 100])))
        assert_frame_equal(posts(whole), posts(parts))
        rows = posts(whole)
        assert rows.height == len({chain for chain, _, _ in seen})
        assert rows["observation_count"].sum() == len(seen)
        # The newest look at a chain, and of one look the newest version.
        newest = {c: max((f, v) for chain, v, f in seen if chain == c) for c, _, _ in seen}
        assert sorted(rows["like_count"]) == sorted(10 * f + v for f, v in newest.values())


@settings(deadline=None, max_examples=10)
@given(observations, st.randoms(use_true_random=False))
def test_one_by_one_gives_what_all_at_once_gives(
    seen: list[tuple[int, int, int]], rng: random.Random
) -> None:
    """Silver rebuilt after each object, with replays, ends as silver built once."""
    objects = split(rng, [observed(*one) for one in seen])
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        once, grown = new_lake(one), new_lake(other)
        lay_down(once, objects)
        rebuild(once)
        for number in range(len(objects)):
            lay_down(grown, objects[: number + 1])
            rebuild(grown)
            assert rebuilt(rebuild(grown)) == []
        assert_frame_equal(posts(once), posts(grown))


garbage = st.one_of(
    st.binary(max_size=20).map(lambda raw: raw.replace(b"\n", b"")),
    st.just(line(payload(12.5), at(FIRST_FETCH))),
    st.just(line(payload(8.5), at(FIRST_FETCH), platform="y")),
    st.dictionaries(
        st.sampled_from(["id", "text", "created_at", "public_metrics", "edit_history_tweet_ids"]),
        st.none() | st.integers() | st.text(max_size=5) | st.lists(st.text(max_size=3), max_size=2),
        min_size=1,
    ).map(lambda data: line(payload(8.5, 99, **data), at(FIRST_FETCH))),
)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.lists(observations.map(lambda seen: [observed(*one) for one in seen[:3]]) | garbage.map(
            lambda one: [one]
        ), max_size=6),
        min_size=1,
        max_size=3,
    )
)  # fmt: skip
def test_every_record_is_a_row_a_duplicate_or_in_quarantine(
    objects: list[list[list[bytes]]],
) -> None:
    flat: list[list[bytes]] = [[one for some in lines for one in some] for lines in objects]
    with tempfile.TemporaryDirectory() as folder:
        lake = new_lake(folder)
        lay_down(lake, flat)
        build = rebuild(lake)
        assert_conserved(lake, build, sum(map(len, flat)))
        before: tuple[Any, Any] = posts(lake), quarantine(lake)
        again = rebuild(lake, force=True, budget=Budget(held_rows=0))
        assert counted(again) == counted(build)
        assert_frame_equal(posts(lake), before[0])
        assert_frame_equal(quarantine(lake), before[1])
