"""Every path of the lake, as whole strings."""

from __future__ import annotations

import datetime as dt
import itertools
import re

import pytest

from sentiment_assets.core import layout
from sentiment_assets.core.layout import PostPartition, Window

UTC = dt.timezone.utc
DATE = dt.date(2026, 11, 23)
PARTITION = PostPartition(DATE, "x")
MORNING = Window(PARTITION, "0800")
MIDNIGHT_AFTER = Window(PostPartition(dt.date(2026, 11, 24), "x"), "0000")
FETCHED = dt.datetime(2026, 11, 23, 10, 5, 12, 999_999, tzinfo=UTC)
CAPE_TOWN = dt.timezone(dt.timedelta(hours=2))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (PARTITION.key, "2026-11-23|x"),
        (PARTITION.folder, "date=2026-11-23/platform=x"),
        (MORNING.folder, "date=2026-11-23/platform=x/window=0800"),
        (
            layout.batch_folder(MORNING),
            "bronze/batch_posts/date=2026-11-23/platform=x/window=0800",
        ),
        (
            layout.batch_object(MORNING, FETCHED),
            "bronze/batch_posts/date=2026-11-23/platform=x/window=0800/20261123T100512Z.jsonl.gz",
        ),
        (
            layout.batch_object(MORNING, FETCHED, fetched_for=MORNING),
            "bronze/batch_posts/date=2026-11-23/platform=x/window=0800/20261123T100512Z.jsonl.gz",
        ),
        (
            layout.batch_object(MORNING, FETCHED, fetched_for=MIDNIGHT_AFTER),
            "bronze/batch_posts/date=2026-11-23/platform=x/window=0800/"
            "20261123T100512Z-from-20261124-0000.jsonl.gz",
        ),
        (
            layout.batch_object(MORNING, FETCHED.astimezone(CAPE_TOWN)),
            "bronze/batch_posts/date=2026-11-23/platform=x/window=0800/20261123T100512Z.jsonl.gz",
        ),
        (
            layout.dead_letter_object("x", FETCHED, "20261123-0800"),
            "bronze/dead_letters/platform=x/received=2026-11-23/"
            "20261123T100512Z-20261123-0800.jsonl.gz",
        ),
        (layout.table_root("silver/posts"), "silver/posts"),
        (layout.ORIGIN_MARKER, "_lake.json"),
    ],
)
def test_paths(path: str, expected: str) -> None:
    assert path == expected


def test_a_dead_letter_is_filed_by_the_utc_date_of_its_fetch() -> None:
    after_midnight_there = dt.datetime(2026, 11, 24, 1, 30, tzinfo=CAPE_TOWN)
    assert layout.dead_letter_object("x", after_midnight_there, "p") == (
        "bronze/dead_letters/platform=x/received=2026-11-23/20261123T233000Z-p.jsonl.gz"
    )


@pytest.mark.parametrize(
    ("instant", "date", "window"),
    [
        (dt.datetime(2026, 11, 23, 0, 0, tzinfo=UTC), "2026-11-23", "0000"),
        (dt.datetime(2026, 11, 23, 1, 59, 59, 999_999, tzinfo=UTC), "2026-11-23", "0000"),
        (dt.datetime(2026, 11, 23, 2, 0, tzinfo=UTC), "2026-11-23", "0200"),
        (dt.datetime(2026, 11, 23, 23, 59, 59, 999_999, tzinfo=UTC), "2026-11-23", "2200"),
        # Another zone's midnight is not ours.
        (dt.datetime(2026, 11, 24, 1, 59, tzinfo=CAPE_TOWN), "2026-11-23", "2200"),
        (dt.datetime(2026, 11, 24, 2, 0, tzinfo=CAPE_TOWN), "2026-11-24", "0000"),
    ],
)
def test_the_window_of_an_instant(instant: dt.datetime, date: str, window: str) -> None:
    found = Window.of(instant, "x")
    assert (found.partition.key, found.name) == (f"{date}|x", window)
    assert layout.window_of(instant) == window
    assert found.start <= instant < found.end
    assert layout.window_bounds(found.partition.date, window) == (found.start, found.end)


def test_the_twelve_windows_tile_the_day() -> None:
    windows = layout.windows_of(PARTITION)
    assert [w.name for w in windows] == [
        "0000", "0200", "0400", "0600", "0800", "1000",
        "1200", "1400", "1600", "1800", "2000", "2200",
    ]  # fmt: skip
    assert windows[0].start == dt.datetime(2026, 11, 23, tzinfo=UTC)
    assert windows[-1].end == dt.datetime(2026, 11, 24, tzinfo=UTC)
    assert all(a.end == b.start for a, b in itertools.pairwise(windows))


def test_a_key_reads_back() -> None:
    assert PostPartition.from_key("2026-11-23|x") == PARTITION


@pytest.mark.parametrize("key", ["2026-11-23", "2026-11-23|", "", "x|2026-11-23"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{key!r} is not date|platform")):
        PostPartition.from_key(key)


def test_partitions_and_windows_sort_by_time() -> None:
    later = PostPartition(dt.date(2026, 12, 1), "x")
    assert sorted([later, PARTITION]) == [PARTITION, later]
    assert sorted([Window(later, "0000"), MORNING, Window(PARTITION, "0600")]) == [
        Window(PARTITION, "0600"),
        MORNING,
        Window(later, "0000"),
    ]
