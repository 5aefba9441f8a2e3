"""One batch of the stream after the other, killed anywhere: the tables hold every post once."""

from __future__ import annotations

import datetime as dt
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentiment_assets.core.contracts import LIVE_POSTS, LIVE_SENTIMENT
from sentiment_assets.core.layout import LIVE, LIVE_CHECKPOINT, live_progress_object
from sentiment_assets.core.live import KEPT, SLOT
from sentiment_assets.engine.live import (
    LiveProgress,
    LiveTables,
    Written,
    arrived,
    begin_anew,
    close_slots,
    expire,
    figures_of,
    live_rows,
    note_progress,
    query_id,
    read_progress,
    write_part,
)
from sentiment_assets.lake.objects import Lake, LakeError, LakeLocation
from sentiment_assets.lake.tables import CommitConflict
from sentiment_assets_tests.bronze_records import RULES
from sentiment_assets_tests.live_posts import (
    TOPIC,
    counted,
    figures,
    live_post,
    live_posts,
    now,
    order,
    records,
    rows,
    told,
)
from sentiment_assets_tests.streamed import written

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(LakeLocation(str(tmp_path / "lake"), "simulated"))


class Killed(Exception):
    """The process is gone."""


def run_batch(
    lake: Lake,
    batch: int,
    posts: list[dict[str, Any]],
    until: int | None = None,
    *,
    parts: int = 2,
    fresh: bool = True,
    query: str = "q1",
    **changed: Any,
) -> None:
    """What the driver does of a batch, killed before a step; ``fresh`` is a process's first."""

    def step(number: int) -> None:
        if until == number:
            raise Killed

    told = order(**changed)
    tables = LiveTables(lake, query, told.run_id, told.min_authors)
    held = fresh and tables.holds(batch)
    if fresh and not held:
        tables.forget_unfinished(batch)
    done = []
    if held:
        slots = tables.slots_of(batch)
    else:
        for part in range(parts):
            step(part)
            # Spark deals out by the post, the same in every attempt.
            dealt = [p for p in posts if int(p["data"]["author_id"]) % parts == part]
            parsed = arrived(records(dealt, now()), {TOPIC: "x"}, "simulated").drop_columns(
                ["refusal"]
            )
            report = write_part(lake, told, batch, part, [parsed])
            done.append(Written.from_json(report.to_json()))
        step(parts)
        tables.add_posts(batch, done)
        slots = sorted({dt.datetime.fromisoformat(slot) for part in done for slot in part.slots})
    step(parts + 1)
    published = tables.published(slots)
    found = [figures_of(lake, slot, batch, published, told.min_authors, now()) for slot in slots]
    if found:
        tables.publish(batch, pl.concat(found), now())
    step(parts + 2)


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.lists(st.integers(0, 4), max_size=2)),
        min_size=1,
        max_size=3,
    )
)
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_stream_that_is_killed_anywhere_counts_every_post_once(
    tmp_path_factory: pytest.TempPathFactory, batches: list[tuple[int, list[int]]]
) -> None:
    lake = Lake.open(LakeLocation(str(tmp_path_factory.mktemp("lake")), "simulated"))
    end = now()
    sent: list[dict[str, Any]] = []
    for number, (count, kills) in enumerate(batches):
        posts = live_posts(count, end, first=len(sent))
        sent += posts
        for kill in kills:
            # Once its posts are added, a batch passes the steps before by.
            with suppress(Killed):
                run_batch(lake, number, posts, kill)
        run_batch(lake, number, posts)
    assert rows(lake).height == len(sent)
    assert told(lake) == counted(sent)


def test_sums_of_an_attempt_that_died_are_not_counted(lake: Lake) -> None:
    """It wrote sums of a slot that the second attempt has no posts of: rules may have changed."""
    end = now()
    with pytest.raises(Killed):
        run_batch(lake, 0, [live_post(end - HOUR, 1, 1)], 2)
    posts = live_posts(3, end)
    run_batch(lake, 0, posts)
    run_batch(lake, 1, [live_post(end - HOUR, 2, 2)], fresh=False)
    assert told(lake) == counted([*posts, live_post(end - HOUR, 2, 2)])


def test_two_streams_of_one_checkpoint_add_a_batch_once(lake: Lake) -> None:
    posts = live_posts(20, now())
    run_batch(lake, 0, posts)
    with pytest.raises(CommitConflict, match="was added before"):
        run_batch(lake, 0, posts, fresh=False)
    assert rows(lake).height == 20


def test_rows_are_those_that_batch_makes(lake: Lake) -> None:
    """But for what only batch can know; the same function makes both."""
    posts = live_posts(5, now())
    parsed = arrived(records(posts, now()), {TOPIC: "x"}, "simulated")
    made = live_rows(parsed, RULES)
    assert made.drop("created_at").columns == LIVE_POSTS.schema.names
    assert made["topics"].to_list() == [["outage"]] * 5
    assert made["sentiment_label"].null_count() == 0
    assert made["created_hour"].dt.minute().sum() == 0
    assert not {p["data"]["id"] for p in posts} & set(str(made.drop("created_at").to_dicts()))


@pytest.mark.parametrize(
    ("payload", "changed", "code"),
    [
        pytest.param(b"{", {}, "not_json", id="no JSON"),
        pytest.param(None, {}, "empty", id="tombstone"),
        pytest.param(b'{"data":{"id":"1"}}', {}, "no_creation_time", id="no post"),
        pytest.param("post", {"origin": "live"}, "other_origin", id="of another lake"),
        pytest.param("post", {"platform": "facebook"}, "wrong_platform", id="another platform's"),
        pytest.param("post", {"api_version": ""}, "bad_headers", id="headers lack"),
        pytest.param("future", {}, "from_the_future", id="made tomorrow"),
        pytest.param("old", {}, "older_than_live", id="three days old"),
        pytest.param("nameless", {}, "unexpected_field", id="what parsing refuses"),
    ],
)
def test_what_is_no_live_post_is_named(payload: Any, changed: dict[str, Any], code: str) -> None:
    end = now()
    made = {
        "post": live_post(end, 1, 1),
        "future": live_post(end + dt.timedelta(days=1), 1, 1),
        "old": live_post(end - dt.timedelta(days=3), 1, 1),
        "nameless": live_post(end, 1, 1, text=7),
    }
    sent = made.get(payload, payload) if isinstance(payload, str) else payload
    both = [
        arrived(records([sent], end, written(**changed)), {TOPIC: "x"}, "simulated"),
        arrived(records([made["post"], sent], end), {TOPIC: "x"}, "simulated"),
    ]
    assert both[0]["refusal"].to_pylist() == [code]
    assert None in both[1]["refusal"].to_pylist(), "the good one beside it goes through"


def test_a_new_checkpoint_begins_with_empty_tables(lake: Lake) -> None:
    """Its batches are numbered from nought: what stands would be counted twice, or never."""
    run_batch(lake, 0, live_posts(20, now()))
    lake.objects.put(f"{LIVE_CHECKPOINT}/metadata", json.dumps({"id": "q1"}).encode())
    begin_anew(lake, "run-2")
    assert query_id(lake) == "q1"
    assert rows(lake).height == 20, "the checkpoint says that it goes on"
    lake.objects.delete([f"{LIVE_CHECKPOINT}/metadata"])
    begin_anew(lake, "run-3")
    assert query_id(lake) is None
    assert (rows(lake).height, figures(lake).height) == (0, 0)
    assert lake.objects.list(LIVE) == []
    posts = live_posts(7, now())
    run_batch(lake, 0, posts, query="q2")
    assert told(lake) == counted(posts)


def test_closed_slots_are_forgotten_and_their_figures_stay(lake: Lake) -> None:
    end = now()
    posts = [live_post(end - HOUR, 1, 1), live_post(end, 2, 2)]
    run_batch(lake, 0, posts)
    assert close_slots(lake, end - HOUR - SLOT) == 0
    assert close_slots(lake, end) == 1
    assert told(lake) == counted(posts)
    assert close_slots(lake, end) == 0


def test_removed_sums_are_told_and_never_taken_for_none(lake: Lake) -> None:
    run_batch(lake, 0, live_posts(5, now()))
    lake.objects.delete(o.path for o in lake.objects.list(LIVE))
    with pytest.raises(LakeError, match="somebody removed them"):
        figures_of(lake, now(), 0, figures(lake), 1, now())


@pytest.mark.parametrize("dry_run", [True, False])
def test_rows_older_than_two_days_go(lake: Lake, dry_run: bool) -> None:
    end = now()
    posts = [live_post(end - dt.timedelta(hours=hours), hours, hours) for hours in (0, 5, 30)]
    run_batch(lake, 0, posts)
    before = rows(lake), figures(lake)
    later = end + dt.timedelta(hours=20)
    gone = [expire(lake, c, "keep", later, dry_run=dry_run) for c in (LIVE_POSTS, LIVE_SENTIMENT)]
    if dry_run:
        assert rows(lake).equals(before[0])
        assert figures(lake).equals(before[1])
        return
    assert gone[1] == 2, "a slot of all posts, and one of its topic"
    assert figures(lake)["slot"].min() >= later - KEPT
    # By whole windows of two hours.
    assert gone[0] in (0, 1)
    assert expire(lake, LIVE_POSTS, "keep", later + 2 * HOUR, dry_run=False) + gone[0] == 1
    assert rows(lake).height == 2
    run_batch(lake, 1, [live_post(end, 9, 9)])
    assert rows(lake).height == 3


def test_figures_of_a_day_lose_what_is_old_when_they_are_written(lake: Lake) -> None:
    end = now()
    run_batch(lake, 0, [live_post(end, 1, 1)])
    tables = LiveTables(lake, "q1", "run", 1)
    old = figures(lake).with_columns(slot=pl.lit(end - KEPT - SLOT).dt.cast_time_unit("us"))
    with lake.table(LIVE_SENTIMENT).begin(
        [{"date": end.date().isoformat(), "platform": "x"}], "test"
    ) as replacement:
        replacement.write(
            {"date": end.date().isoformat(), "platform": "x"}, [old.with_columns(date=end.date())]
        )
        replacement.commit()
    new = old.with_columns(slot=pl.lit(end).dt.cast_time_unit("us"), date=end.date())
    tables.publish(1, new, end)
    assert figures(lake)["slot"].unique().to_list() == [end]


def test_progress_is_noted(lake: Lake) -> None:
    assert read_progress(lake) is None
    progress = LiveProgress("q1", 3, {TOPIC: {0: 17, 1: 4}}, now())
    note_progress(lake, progress)
    assert read_progress(lake) == progress
    lake.objects.put(live_progress_object(), b"{")
    with pytest.raises(LakeError, match="delete it"):
        read_progress(lake)


def test_reports_are_plain_values() -> None:
    report = Written(3, (("date=2026-11-26/platform=x/window=0800", "a.parquet", 9),), ("s",), 1.5)
    assert Written.from_json(report.to_json()) == report
    assert msgspec.json.decode(report.to_json()) == {
        "posts": 3,
        "files": [["date=2026-11-26/platform=x/window=0800", "a.parquet", 9]],
        "slots": ["s"],
        "appended": 1.5,
    }


def test_an_order_shows_no_secret() -> None:
    shown = repr(order(kafka={"kafka.sasl.jaas.config": "hunter2"}))
    assert "hunter2" not in shown
    assert "ab" * 32 not in shown
