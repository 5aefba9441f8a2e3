"""Ordered rebuilds: carried out by the sensor, after everything else, never beside a rebuild."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import pytest

from sentiment_assets.assets.silver import POSTS_KEY
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.orders import ORDERED_TAG, ORDERS_KEY, open_orders, order
from sentiment_assets.partitions import RANGE_END_TAG, RANGE_START_TAG, multi_key
from sentiment_assets.sensors import ORDERED_DAYS, REBUILD_TAG
from sentiment_assets_tests.test_sensors import EVERY, MON, THU, TUE, WED, Story, minutes

LOW = {ORDERED_TAG: "yes", "dagster/priority": "-5"}


@pytest.fixture
def story() -> Story:
    """A week that is up to date."""
    story = Story()
    for partition in (MON, TUE, WED, THU):
        story.bronze(partition)
    story.rebuilt(MON, TUE, WED, THU)
    # Trends and pools of all days look back on the others.
    for partition in (MON, TUE, WED, THU):
        story.look_back(partition)
        story.pools(partition)
    assert story.asked() == []
    return story


def give(story: Story, *partitions: PostPartition) -> None:
    order(story.instance, dict.fromkeys(partitions, "silver: scorer: vader 1, now vader 2"))


def test_an_order_is_one_run_of_low_priority_and_then_done(story: Story) -> None:
    give(story, TUE, WED)
    assert open_orders(story.instance) == {TUE, WED}
    [request] = story.look()
    assert request.tags[RANGE_START_TAG] == multi_key(TUE)
    assert request.tags[RANGE_END_TAG] == multi_key(WED)
    assert request.tags.items() >= LOW.items()
    assert request.asset_selection is None, "gold follows silver"
    story.rebuilt(TUE, WED)
    assert open_orders(story.instance) == set()
    assert [r.tags.get(ORDERED_TAG) for r in story.look(EVERY)] in ([], [None])


def test_the_reason_stands_in_the_event(story: Story) -> None:
    give(story, TUE)
    [record] = story.instance.fetch_materializations(ORDERS_KEY, limit=5).records
    assert record.partition_key == TUE.key
    assert record.asset_materialization is not None
    assert record.asset_materialization.metadata["why"].value == (
        "silver: scorer: vader 1, now vader 2"
    )


def test_given_twice_it_is_carried_out_once(story: Story) -> None:
    give(story, TUE)
    give(story, TUE)
    assert story.asked() == [TUE.key]
    story.rebuilt(TUE)
    story.rebuilt(WED, THU)
    assert story.asked(EVERY) == []


def test_what_is_behind_anyway_goes_with_its_own_priority(story: Story) -> None:
    story.bronze(TUE)
    give(story, TUE, THU)
    urgent, ordered = story.look()
    assert (urgent.tags[REBUILD_TAG], ordered.tags[REBUILD_TAG]) == (TUE.key, THU.key)
    assert ORDERED_TAG not in urgent.tags
    assert "dagster/priority" not in urgent.tags
    assert ordered.tags[ORDERED_TAG] == "yes"


@pytest.mark.parametrize("status", ["QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"])
def test_a_partition_is_never_rebuilt_twice_at_once(story: Story, status: str) -> None:
    story.bronze(TUE)
    [rebuild] = story.look()
    story.run(dg.DagsterRunStatus[status], dict(rebuild.tags))
    give(story, TUE, WED)
    [ordered] = story.look(minutes(60))
    assert ordered.tags[REBUILD_TAG] == WED.key
    story.run(dg.DagsterRunStatus[status], dict(ordered.tags))
    # And the other way round: what lands for a date that an order rebuilds waits.
    story.bronze(WED)
    assert story.asked(minutes(60)) == []


def test_an_order_that_failed_goes_alone_and_less_and_less_often(story: Story) -> None:
    give(story, TUE, WED)
    [both] = story.look()
    story.run(dg.DagsterRunStatus.FAILURE, dict(both.tags))
    assert story.asked(minutes(5)) == []
    alone = story.look(minutes(5))
    assert [request.tags[REBUILD_TAG] for request in alone] == [TUE.key, WED.key]
    assert all(request.tags.items() >= LOW.items() for request in alone)


def test_a_year_is_few_runs(story: Story) -> None:
    year = [PostPartition(dt.date(2026, 1, 1) + dt.timedelta(day), "facebook") for day in range(90)]
    story.now = dt.datetime(2026, 6, 1, tzinfo=dt.timezone.utc)
    give(story, *year)
    asked = [r for r in story.look() if ORDERED_TAG in r.tags]
    assert len(asked) == 3
    assert all(
        (
            PostPartition.from_key(request.tags[RANGE_END_TAG]).date
            - PostPartition.from_key(request.tags[RANGE_START_TAG]).date
        ).days
        == ORDERED_DAYS - 1
        for request in asked
    )


def test_an_order_given_while_silver_was_being_made_is_judged_by_what_came_last(
    story: Story,
) -> None:
    story.record(POSTS_KEY, TUE)
    give(story, TUE)
    assert open_orders(story.instance) == {TUE}
    story.record(POSTS_KEY, TUE)
    assert open_orders(story.instance) == set()
