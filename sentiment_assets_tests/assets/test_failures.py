"""What is retried and what is not: real faults of the API, of storage, of settings and of code."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import dagster as dg
import polars as pl
import pyarrow as pa
import pytest

from resources.api_clients.errors import RateLimited, TokenRejected, TransientApiError
from sentiment_assets.assets.failures import is_permanent
from sentiment_assets.core.contracts import SILVER_POSTS
from sentiment_assets.core.coverage import coverage_of
from sentiment_assets.core.layout import windows_of
from sentiment_assets.core.quality import ConservationError
from sentiment_assets.definitions import silver_rules
from sentiment_assets.lake.bronze import read_partition
from sentiment_assets.lake.objects import Lake, LakeOriginError
from sentiment_assets.lake.tables import AuditFailed, CommitConflict, ContractViolation
from sentiment_assets_tests.assets.conftest import forced
from sentiment_assets_tests.local_platform import TODAY, Platform, events_of, failures

pytestmark = pytest.mark.usefixtures("no_waits")

WHERE, REMEDY = "X, page 1", "do something"


@pytest.mark.parametrize(
    "error",
    [
        TypeError(),
        ValueError(),
        KeyError(),
        IndexError(),
        AttributeError(),
        AssertionError(),
        ZeroDivisionError(),
        pa.ArrowInvalid(),
        pl.exceptions.ColumnNotFoundError(),
        ConservationError(),
        AuditFailed(),
        ContractViolation(),
        LakeOriginError(),
        TokenRejected("401", WHERE, REMEDY),
    ],
    ids=repr,
)
def test_what_another_try_cannot_mend(error: Exception) -> None:
    assert is_permanent(error)


@pytest.mark.parametrize(
    "error",
    [
        OSError(),
        TimeoutError(),
        MemoryError(),
        RuntimeError(),
        CommitConflict(),
        pl.exceptions.ComputeError(),
        TransientApiError("503", WHERE, REMEDY),
        RateLimited("429", WHERE, REMEDY),
    ],
    ids=repr,
)
def test_what_may_have_passed(error: Exception) -> None:
    assert not is_permanent(error)


def retries(result: dg.ExecuteInProcessResult) -> int:
    return len(events_of(result, "STEP_UP_FOR_RETRY"))


def said(result: dg.ExecuteInProcessResult) -> str:
    return "\n".join(message for told in failures(result).values() for message in told)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("dead_token", "the bearer token is not accepted (HTTP 401)"),
        ("usage_cap", "used up"),
        ("forbidden", "HTTP 403"),
        ("not_json", "text/html"),
    ],
)
def test_a_refusal_ends_the_run_at_once(platform: Platform, fault: str, message: str) -> None:
    platform.x.fault(fault, times=-1)
    asked = platform.x.requests()
    result = platform.run("fetch", [TODAY])
    assert not result.success
    assert retries(result) == 0
    assert platform.x.requests() - asked == 1
    assert message in said(result)
    assert "window 2026-02-05 0000" in said(result)
    assert "marked partial" in said(result)


def test_a_fault_that_passes_is_waited_for(platform: Platform) -> None:
    platform.x.fault("server_error", times=2)
    result = platform.run("fetch", [TODAY])
    assert result.success
    assert retries(result) == 2
    coverage = read_partition(platform.lake, TODAY).coverage
    assert [c.state for c in coverage.values()] == ["complete"] * 9 + ["partial"] + [None] * 2


def test_retries_end(platform: Platform) -> None:
    platform.x.fault("server_error", times=-1)
    result = platform.run("fetch", [TODAY])
    assert not result.success
    assert retries(result) == 3


def test_what_came_before_a_fault_is_kept_and_not_asked_for_again(platform: Platform) -> None:
    platform.x.fault("dead_token", after=5, times=1)
    assert not platform.run("fetch", [TODAY]).success
    bronze = read_partition(platform.lake, TODAY)
    states = [coverage_of(w, bronze.of(w)).state for w in windows_of(TODAY)]
    done = states.count("complete")
    assert 0 < done < 9
    assert states[done] == "partial"
    result = platform.run("fetch", [TODAY])
    [materialization] = result.get_asset_materialization_events()
    assert materialization.materialization.metadata["windows_fetched"].value == 10 - done


def test_a_platform_that_is_not_tracked_fails_at_once(platform: Platform) -> None:
    tracking = replace(platform.settings.read_tracking(), sources={})
    platform.resources["tracking"] = tracking
    result = platform.run("fetch", [TODAY])
    assert not result.success
    assert retries(result) == 0
    assert "nothing is tracked on x: add platforms.x to tracking.yaml" in said(result)


@pytest.mark.parametrize(
    ("resource", "value", "step"),
    [
        (
            "rules",
            lambda p: replace(silver_rules(p.settings), scorer="crystal ball"),
            "silver_posts",
        ),
        ("budget", lambda _: None, "silver_posts"),
        ("min_authors", lambda _: object(), "gold__hourly_sentiment"),
    ],
)
def test_a_fault_of_code_or_settings_fails_at_once(
    copy: Platform, resource: str, value: Any, step: str
) -> None:
    copy.resources[resource] = value(copy)
    result = copy.run("rebuild", [TODAY], config=forced())
    assert not result.success
    assert retries(result) == 0
    assert step in failures(result)


@dataclass
class Meddler:
    """A budget that, asked for the first time, lets another writer commit in between."""

    lake: Lake
    times: int
    asked: int = field(default=0, init=False)
    workers: int = 1

    @property
    def held_rows(self) -> int:
        self.asked += 1
        # The budget is asked for once a window, after silver has pinned its table.
        if self.times:
            self.times -= 1
            window = windows_of(TODAY)[0]
            values = {"date": "2026-02-05", "platform": "x", "window": window.name}
            self.lake.table(SILVER_POSTS).begin([values], "another-run").commit()
        return 200_000


def test_a_conflict_runs_the_computation_again(copy: Platform) -> None:
    before = copy.lake.table(SILVER_POSTS).scan().collect().sort("post_pid")
    meddler = Meddler(copy.lake, times=1)
    copy.resources["budget"] = meddler
    result = copy.run("rebuild", [TODAY], config=forced())
    assert result.success, failures(result)
    assert retries(result) == 1
    assert "changed since run" in said(result)
    assert meddler.asked == 20, "ten windows, twice"
    after = copy.lake.table(SILVER_POSTS).scan().collect().sort("post_pid")
    assert after.equals(before)


def test_storage_that_fails_is_tried_again(copy: Platform) -> None:
    """A file lies where the table's folder should be, until the third look."""
    root = copy.settings.home / "lake" / "simulated" / "gold" / "daily_trend"
    aside = root.with_name("aside")
    root.rename(aside)
    root.write_text("in the way")
    result = copy.run("rebuild", [TODAY])
    assert not result.success
    assert retries(result) == 3
    assert "gold__daily_trend" in failures(result)
    root.unlink()
    aside.rename(root)
    assert copy.run("rebuild", [TODAY]).success


def test_a_check_that_cannot_read_is_tried_again(copy: Platform) -> None:
    """Every file of the day is gone when the checks look, though silver is up to date."""
    paths = [
        stored.path
        for stored in copy.lake.objects.list(f"silver/posts/{TODAY.folder}")
        if stored.path.endswith(".parquet")
    ]
    copy.lake.objects.delete(paths)
    result = copy.run("rebuild", [TODAY])
    assert not result.success
    assert events_of(result, "STEP_UP_FOR_RETRY") == ["check_posts"] * 3
    assert not [step for step in events_of(result, "STEP_START") if step.startswith("gold__")]
