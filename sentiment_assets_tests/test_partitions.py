"""Dates and platforms as Dagster sees them."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import pytest

from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.partitions import (
    FIRST_DATE,
    POST_PARTITIONS,
    RANGE_END_TAG,
    RANGE_START_TAG,
    contiguous,
    has_partition,
    multi_key,
    range_tags,
)

UTC = dt.timezone.utc


def day(number: int, platform: str = "x") -> PostPartition:
    return PostPartition(FIRST_DATE + dt.timedelta(days=number), platform)


@pytest.mark.parametrize("partition", [day(0), day(58), day(400, "linkedin")])
def test_keys_go_there_and_back(partition: PostPartition) -> None:
    key = multi_key(partition)
    assert key == partition.key
    assert PostPartition.from_key(key) == partition


def test_dagster_spells_keys_as_the_lake_does() -> None:
    first = POST_PARTITIONS.get_partition_keys(dt.datetime(2026, 1, 3, 12, tzinfo=UTC))
    dates = ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert {*first} == {f"{date}|{platform}" for date in dates for platform in PLATFORMS}


@pytest.mark.parametrize("time", ["00:00:00", "00:00:01", "23:59:59"])
def test_today_is_a_partition_while_it_grows(time: str) -> None:
    now = dt.datetime.fromisoformat(f"2026-03-29T{time}+00:00")
    keys = POST_PARTITIONS.get_partition_keys(now)
    assert {key for key in keys if key > "2026-03-29"} == {f"2026-03-29|{p}" for p in PLATFORMS}
    assert has_partition(PostPartition.from_key(keys[-1]), now)


@pytest.mark.parametrize(
    ("key", "held"),
    [
        ("2025-12-31|x", False),
        ("2026-01-01|x", True),
        ("2026-02-05|x", True),
        ("2026-02-06|x", False),
        ("2026-02-05|myspace", False),
    ],
)
def test_which_posts_have_a_partition(key: str, held: bool) -> None:
    now = dt.datetime(2026, 2, 5, 23, 59, tzinfo=UTC)
    assert has_partition(PostPartition.from_key(key), now) == held
    assert (key in POST_PARTITIONS.get_partition_keys(now)) == held


@pytest.mark.parametrize("key", ["", "2026-02-05", "2026-02-05|", "|x", "x|2026-02-05"])
def test_other_keys_are_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"date|isoformat"):
        PostPartition.from_key(key)


@pytest.mark.parametrize(
    ("days", "groups"),
    [
        ([], []),
        ([day(3)], [[day(3)]]),
        ([day(3), day(1), day(2)], [[day(1), day(2), day(3)]]),
        ([day(1), day(3), day(4)], [[day(1)], [day(3), day(4)]]),
        ([day(1), day(2, "y"), day(2)], [[day(1), day(2)], [day(2, "y")]]),
        ([day(30), day(31)], [[day(30), day(31)]]),
    ],
)
def test_runs_take_consecutive_dates_of_one_platform(
    days: list[PostPartition], groups: list[list[PostPartition]]
) -> None:
    assert [*contiguous(days)] == groups


def test_a_range_of_tags_names_exactly_its_dates() -> None:
    days = [day(30), day(31), day(32)]
    tags = range_tags(days)
    assert tags.keys() == {RANGE_START_TAG, RANGE_END_TAG}
    keys = POST_PARTITIONS.get_partition_keys_in_range(
        dg.PartitionKeyRange(tags[RANGE_START_TAG], tags[RANGE_END_TAG])
    )
    assert [*keys] == [partition.key for partition in days]
    assert range_tags(days[:1]) == {}
