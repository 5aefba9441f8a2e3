"""The limits in dagster.yaml, before Dagster's own queue: who keeps the clock's fetches out."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
import pytest
import yaml
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.test_utils import freeze_time
from dagster._core.workspace.context import IWorkspaceProcessContext
from dagster._daemon.monitoring.concurrency import execute_concurrency_slots_iteration
from dagster._daemon.run_coordinator import QueuedRunCoordinatorDaemon

from sentiment_assets.automation import (
    URGENT_TAG,
    fetch_job,
    fetch_tags,
    freshness_job,
    maintenance_job,
    rebuild_job,
)
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.orders import ORDERED_TAG

ROOT = Path(__file__).parents[1]

#: As the user interface of Dagster 1.13 tags what it launches.
HAND = {"dagster/from_ui": "true"}
BACKFILL = {**HAND, "dagster/backfill": "abcdefgh"}
SCRIPTED_BACKFILL = {"dagster/backfill": "ijklmnop"}
BACKFILL_OF_THE_JOB = {**BACKFILL, **(fetch_job.tags or {})}
REBUILD = rebuild_job.tags or {}
UPKEEP = maintenance_job.tags or {}
ORDERED = {**REBUILD, ORDERED_TAG: "yes", "dagster/priority": "-5"}
FRESHNESS = freshness_job.tags or {}


def clock(platform: str) -> dict[str, str]:
    return {**(fetch_job.tags or {}), **fetch_tags(platform)}


def shown(tags: Mapping[str, str]) -> dict[str, str]:
    """Without what the instance adds."""
    kinds = {"dagster/backfill", "dagster/from_ui", "sentiment/job", URGENT_TAG, ORDERED_TAG}
    return {tag: value for tag, value in tags.items() if tag in kinds}


@dg.op
def fetch() -> None:
    """Without a pool, as every fetch is."""


@dg.job
def any_job() -> None:
    fetch()


@pytest.fixture(scope="module")
def _instance() -> Iterator[dg.DagsterInstance]:
    settings: dict[str, Any] = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    del settings["storage"]
    with dg.instance_for_test(settings) as instance:
        yield instance


@pytest.fixture
def instance(_instance: dg.DagsterInstance) -> dg.DagsterInstance:
    """The project's instance, with its runs in files; it has none yet."""
    _instance.wipe()
    return _instance


#: Where a queued run would be started from.
ORIGIN = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "__repository__")


def submit(
    instance: dg.DagsterInstance,
    *runs: Mapping[str, str],
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.QUEUED,
) -> None:
    for tags in runs:
        instance.create_run_for_job(
            any_job,
            status=status,
            tags=tags,
            remote_job_origin=ORIGIN.get_job_origin("any_job"),
        )


def dequeued(instance: dg.DagsterInstance) -> list[dict[str, str]]:
    """The tags of the runs that the daemon would start now, first ones first."""
    with QueuedRunCoordinatorDaemon(interval_seconds=1) as daemon:
        runs = daemon._get_runs_to_dequeue(
            instance, instance.get_concurrency_config(), fixed_iteration_time=None
        )
    return [shown(run.tags) for run in runs]


def start(instance: dg.DagsterInstance) -> list[dict[str, str]]:
    """Start what the daemon would, and tell what that is."""
    started = dequeued(instance)
    submit(instance, *started, status=dg.DagsterRunStatus.STARTED)
    return started


@pytest.mark.parametrize(
    ("waiting", "started"),
    [
        pytest.param([BACKFILL], 2, id="a backfill"),
        pytest.param([BACKFILL_OF_THE_JOB], 2, id="a backfill of the job"),
        pytest.param([SCRIPTED_BACKFILL], 2, id="a backfill that a script launched"),
        pytest.param([BACKFILL, BACKFILL_OF_THE_JOB, SCRIPTED_BACKFILL], 2, id="backfills"),
        pytest.param([HAND], 3, id="runs by hand"),
        pytest.param([BACKFILL, HAND], 3, id="a backfill and runs by hand"),
        pytest.param([REBUILD], 2, id="rebuilds"),
        pytest.param([HAND, BACKFILL, REBUILD], 5, id="the user interface and the sensor"),
        pytest.param([UPKEEP], 1, id="upkeep"),
        pytest.param([ORDERED], 1, id="ordered rebuilds"),
        pytest.param([ORDERED, REBUILD], 2, id="ordered rebuilds and the sensor"),
        pytest.param(
            [HAND, SCRIPTED_BACKFILL, REBUILD, UPKEEP, ORDERED, FRESHNESS], 9, id="everything"
        ),
        pytest.param([FRESHNESS], 1, id="looks at freshness"),
    ],
)
def test_the_clock_finds_a_place_beside(
    instance: dg.DagsterInstance, waiting: list[dict[str, str]], started: int
) -> None:
    submit(instance, *(tags for tags in waiting for _ in range(4)))
    assert len(start(instance)) == started
    assert dequeued(instance) == [], "the others wait"
    submit(instance, clock("x"))
    assert dequeued(instance) == [shown(clock("x"))]


def test_the_clock_goes_before_a_years_backfill(instance: dg.DagsterInstance) -> None:
    """It was queued last, behind hundreds of runs, and two of them are under way."""
    submit(instance, *([BACKFILL_OF_THE_JOB] * 300))
    assert len(start(instance)) == 2
    submit(instance, *(clock(platform) for platform in PLATFORMS))
    assert dequeued(instance) == [shown(clock(platform)) for platform in PLATFORMS]


def test_the_clock_goes_first(instance: dg.DagsterInstance) -> None:
    submit(instance, BACKFILL, REBUILD, HAND, clock("x"))
    assert dequeued(instance)[0] == shown(clock("x"))


def test_ordered_rebuilds_leave_the_sensor_a_place(instance: dg.DagsterInstance) -> None:
    submit(instance, ORDERED, ORDERED)
    assert start(instance) == [shown(ORDERED)]
    submit(instance, REBUILD)
    assert dequeued(instance) == [shown(REBUILD)]


def test_what_makes_data_goes_before_upkeep_and_orders(instance: dg.DagsterInstance) -> None:
    submit(instance, UPKEEP, ORDERED, REBUILD, clock("x"))
    assert start(instance) == [shown(t) for t in (clock("x"), REBUILD, ORDERED, UPKEEP)]


def test_a_look_at_freshness_waits_for_no_backfill(instance: dg.DagsterInstance) -> None:
    submit(instance, *(tags for tags in (HAND, SCRIPTED_BACKFILL, REBUILD) for _ in range(4)))
    assert len(start(instance)) == 7
    submit(instance, clock("x"))
    assert start(instance) == [shown(clock("x"))]
    submit(instance, FRESHNESS)
    assert dequeued(instance) == [shown(FRESHNESS)]


def test_one_platform_that_waits_for_its_api_keeps_no_other_out(
    instance: dg.DagsterInstance,
) -> None:
    submit(instance, clock("x"), clock("x"), clock("facebook"))
    assert start(instance) == [shown(clock("x")), shown(clock("facebook"))]
    submit(instance, clock("x"))
    assert shown(clock("x")) not in dequeued(instance)


def test_a_killed_run_gives_its_place_in_a_pool_back(instance: dg.DagsterInstance) -> None:
    """Nobody else frees it: with a pool of one, every rebuild after it would wait for ever."""
    storage = instance.event_log_storage
    storage.initialize_concurrency_limit_to_default("memory")
    submit(instance, REBUILD, status=dg.DagsterRunStatus.STARTED)
    [run] = instance.get_runs()
    assert storage.claim_concurrency_slot("memory", run.run_id, "silver_posts").is_claimed
    assert not storage.claim_concurrency_slot("memory", "another-run", "silver_posts").is_claimed
    instance.report_run_failed(run, "its process was killed")
    later = dt.datetime.now(dt.timezone.utc) + dt.timedelta(minutes=3)
    context = cast(IWorkspaceProcessContext, SimpleNamespace(instance=instance))
    with freeze_time(later):
        for error in execute_concurrency_slots_iteration(context, logging.getLogger(__name__)):
            assert error is None
    assert storage.claim_concurrency_slot("memory", "another-run", "silver_posts").is_claimed
