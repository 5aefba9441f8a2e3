"""Live figures: what is shown, what is hidden, and what two readings of a cell tell together."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_assets.core.contracts import LIVE_SENTIMENT
from sentiment_assets.core.live import (
    CLOSED_AFTER,
    SUMS_SCHEMA,
    agreement_verdict,
    live_sentiment,
    sums_of,
)

UTC = dt.timezone.utc
SLOT = dt.datetime(2026, 11, 26, 8, 5, tzinfo=UTC)
NOW = SLOT + dt.timedelta(minutes=4, microseconds=7)
NOTHING = pl.DataFrame(schema=pl.Schema(LIVE_SENTIMENT.schema))


def post(author: str | None, compound: float | None = 0.5, *topics: str) -> dict[str, Any]:
    label = None if compound is None else "positive" if compound > 0 else "negative"
    return {
        "platform": "x",
        "author_pid": author,
        "topics": list(topics),
        "sentiment_compound": compound,
        "sentiment_label": label,
        "created_at": SLOT + dt.timedelta(minutes=1, seconds=2),
    }


def sums(*batches: list[dict[str, Any]]) -> pl.DataFrame:
    schema = pl.Schema(
        {
            "platform": pl.String,
            "author_pid": pl.String,
            "topics": pl.List(pl.String),
            "sentiment_compound": pl.Float64,
            "sentiment_label": pl.String,
            "created_at": pl.Datetime("us", "UTC"),
        }
    )
    return pl.concat(
        [
            sums_of(pl.DataFrame(posts, schema=schema)).with_columns(batch=pl.lit(number, pl.Int64))
            for number, posts in enumerate(batches)
        ]
    )


def authors(count: int, *topics: str, first: int = 0) -> list[dict[str, Any]]:
    return [post(f"a{number}", 0.5, *topics) for number in range(first, first + count)]


def shown(rows: pl.DataFrame) -> dict[str, tuple[int, int]]:
    kept = rows.filter(~pl.col("suppressed"))
    return {r["topic"]: (r["posts"], r["authors"]) for r in kept.iter_rows(named=True)}


def test_a_cell_holds_the_sums_of_its_posts() -> None:
    posts = [post("a", 0.5, "outage"), post("a", -0.1234), post("b", None, "outage"), post(None)]
    rows = live_sentiment(sums(posts), NOTHING, 1, NOW)
    whole = rows.filter(topic="all").row(0, named=True)
    assert whole == {
        "date": SLOT.date(),
        "platform": "x",
        "slot": SLOT,
        "topic": "all",
        "posts": 4,
        "authors": 2,
        "scored": 3,
        "positive": 2,
        "neutral": 0,
        "negative": 1,
        "sentiment_sum": 5000 - 1234 + 5000,
        "sentiment_mean": 8766 / 30_000,
        "suppressed": False,
        "min_authors": 1,
        "through_batch": 0,
        "updated_at": NOW.replace(microsecond=0),
    }
    assert rows.filter(topic="outage")["posts"].item() == 2


@pytest.mark.parametrize(
    ("posts", "expected"),
    [
        pytest.param(authors(9), {}, id="too few authors"),
        pytest.param(authors(10), {"all": (10, 10)}, id="enough"),
        pytest.param([post("a")] * 30, {}, id="many posts of one"),
        pytest.param([post(None)] * 30, {}, id="withheld authors count as none"),
        pytest.param(
            [*(post(f"a{n}", None) for n in range(20)), post("b")], {}, id="a score of one"
        ),
        pytest.param([post(f"a{n}", None) for n in range(20)], {"all": (20, 20)}, id="no score"),
        pytest.param(
            [*authors(10, "outage"), *authors(9, first=10)],
            {"all": (19, 19)},
            id="the rest of the slot is of too few",
        ),
        pytest.param(
            [*authors(10, "outage"), *authors(10, first=10)],
            {"all": (20, 20), "outage": (10, 10)},
            id="the rest is of enough",
        ),
        pytest.param(
            authors(10, "outage"),
            {"all": (10, 10), "outage": (10, 10)},
            id="a topic of all posts leaves no rest",
        ),
        pytest.param(
            [*authors(12, "outage"), *authors(12)],
            {"all": (24, 12), "outage": (12, 12)},
            id="the same authors wrote of other things too",
        ),
    ],
)
def test_small_cells_are_hidden(posts: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    rows = live_sentiment(sums(posts), NOTHING, 10, NOW)
    assert shown(rows) == expected
    hidden = rows.filter("suppressed")
    measures = set(rows.columns) - {
        "date", "platform", "slot", "topic", "suppressed", "min_authors",
    }  # fmt: skip
    assert all(hidden[name].is_null().all() for name in measures)


def test_figures_grow_by_steps_of_enough_authors() -> None:
    batches = [authors(10), authors(9, first=10), authors(1, first=19)]
    first = live_sentiment(sums(*batches[:1]), NOTHING, 10, NOW)
    later = NOW + dt.timedelta(seconds=10)
    second = live_sentiment(sums(*batches[:2]), first, 10, later)
    assert second.equals(first), "nine more would be told apart"
    third = live_sentiment(sums(*batches), second, 10, later)
    assert shown(third) == {"all": (20, 20)}
    assert third["through_batch"].to_list() == [2]
    assert third["updated_at"].to_list() == [later.replace(microsecond=0)]


def test_a_topic_grows_only_together_with_all_posts() -> None:
    """Else the posts beside it that came in between would be the difference."""
    begun = [*authors(10, "outage"), *authors(10, first=10)]
    first = live_sentiment(sums(begun), NOTHING, 10, NOW)
    rest_of_one = [*authors(10, "outage", first=20), *authors(1, first=30)]
    second = live_sentiment(sums(begun, rest_of_one), first, 10, NOW)
    assert shown(second) == {"all": (31, 31), "outage": (10, 10)}
    third = live_sentiment(sums(begun, rest_of_one, authors(9, first=31)), second, 10, NOW)
    # Nine are too few for a step of all posts: so the topic stays as well.
    assert third.equals(second)
    fourth = live_sentiment(
        sums(begun, rest_of_one, authors(9, first=31), authors(1, first=40)), third, 10, NOW
    )
    assert shown(fourth) == {"all": (41, 41), "outage": (20, 20)}


def test_a_repeated_batch_gives_the_same() -> None:
    batches = [authors(12, "outage"), authors(13, first=8)]
    first = live_sentiment(sums(*batches), NOTHING, 10, NOW)
    again = live_sentiment(sums(*batches), first, 10, NOW + dt.timedelta(minutes=1))
    assert again.equals(first)


PEOPLE = st.one_of(st.none(), st.sampled_from([f"a{n}" for n in range(8)]))
POSTS = st.lists(
    st.builds(
        lambda author, compound, topics: post(author, compound, *topics),
        PEOPLE,
        st.sampled_from([None, 0.5, -0.5]),
        st.sets(st.sampled_from(["outage", "pricing"])),
    ),
    max_size=12,
)


def few(posts: list[dict[str, Any]], least: int) -> bool:
    scored = [p for p in posts if p["sentiment_compound"] is not None]

    def people(of: list[dict[str, Any]]) -> int:
        return len({p["author_pid"] for p in of} - {None})

    return any(of and people(of) < least for of in (posts, scored))


@given(st.lists(POSTS, min_size=1, max_size=6), st.integers(2, 4))
@settings(max_examples=60, deadline=None)
def test_no_reading_and_no_two_tell_of_too_few(
    batches: list[list[dict[str, Any]]], least: int
) -> None:
    """Counted from the posts themselves: cells, their rests, and what lies between two readings."""
    rows = NOTHING
    for number in range(len(batches)):
        before = rows
        if not any(batches[: number + 1]):
            continue
        rows = live_sentiment(sums(*batches[: number + 1]), before, least, NOW)
        stamps = {r["topic"]: r["through_batch"] for r in rows.iter_rows(named=True)}
        earlier = {r["topic"]: r["through_batch"] for r in before.iter_rows(named=True)}
        for topic, through in stamps.items():
            if through is None:
                continue

            def of(first: int, last: int, topic: str = topic, rest: bool = False) -> list[Any]:
                posts = [p for b in batches[first : last + 1] for p in b]
                return [p for p in posts if (topic in ("all", *p["topics"])) != rest]

            figures = rows.filter(topic=topic).row(0, named=True)
            assert figures["posts"] == len(of(0, through))
            assert not few(of(0, through), least)
            if topic != "all":
                assert stamps["all"] is not None
                assert not few(of(0, through, rest=True), least)
            was = earlier.get(topic)
            if was is not None and was != through:
                assert not few(of(was + 1, through), least)
                if topic != "all":
                    assert not few(of(was + 1, through, rest=True), least)


def test_sums_have_one_row_an_author_and_cell() -> None:
    found = sums_of(pl.DataFrame([post("a", 0.5, "outage", "outage"), post("a", None), post(None)]))
    assert found.schema == SUMS_SCHEMA
    counted = {(r["topic"], r["author_pid"]): r["posts"] for r in found.iter_rows(named=True)}
    assert counted == {("all", "a"): 2, ("outage", "a"): 1, ("all", None): 1}


HOUR = dt.datetime(2026, 11, 26, 6, tzinfo=UTC)
CLOSED = HOUR + dt.timedelta(hours=1) + CLOSED_AFTER


def row(pid: str, compound: float | None = 0.5, **other: Any) -> dict[str, Any]:
    return {
        "platform": "x",
        "post_pid": pid,
        "created_hour": HOUR,
        "edited": False,
        "recipe": "r1",
        "sentiment_compound": compound,
        **other,
    }


@pytest.mark.parametrize(
    ("live", "batch", "passes", "count"),
    [
        pytest.param([row("a")], [row("a"), row("b")], True, "live_rows", id="batch has more"),
        pytest.param([row("a")], [], False, "missing_in_batch", id="batch lacks one"),
        pytest.param([row("a")], [row("a", 0.6)], False, "other_score", id="another score"),
        pytest.param([row("a")], [row("a", None)], False, "other_score", id="not scored"),
        pytest.param([row("a", None)], [row("a", None)], True, "live_rows", id="neither scored"),
        pytest.param(
            [row("a")], [row("a", 0.6, recipe="r2")], True, "other_recipe", id="other rules"
        ),
        pytest.param([row("a")], [row("a", 0.6, edited=True)], True, "edited", id="edited since"),
    ],
)
def test_closed_hours_are_compared(
    live: list[dict[str, Any]], batch: list[dict[str, Any]], passes: bool, count: str
) -> None:
    schema = pl.DataFrame([row("a")]).schema
    frames = [pl.DataFrame(rows, schema=schema) for rows in (live, batch)]
    verdict = agreement_verdict(*frames, CLOSED)
    assert verdict.passed is passes
    assert verdict.counts[count] == 1
    early = agreement_verdict(*frames, CLOSED - dt.timedelta(seconds=1))
    assert early.passed, "the hour may not be landed yet"
