"""`sentiment reprocess` and `sentiment maintain` as processes, in a home of their own."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus
from dagster._daemon.types import DaemonHeartbeat

from sentiment_assets.cli import cli
from sentiment_assets.cli.reprocess import _daemon_runs, _failed, _require_sensor
from sentiment_assets.core.contracts import (
    CONTRACTS,
    DAILY_SUMMARY,
    REFERENCE_CONTRACTS,
    SILVER_POSTS,
)
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets.sensors import SENSOR_NAME
from sentiment_assets_tests.cli.test_commands import json_lines, process
from sentiment_assets_tests.local_platform import Platform, day
from sentiment_assets_tests.simulated import ROOT

DATES = [day("2026-02-02"), day("2026-02-03"), day("2026-02-05")]


@pytest.fixture
def filled(platform: Platform) -> Path:
    """A home whose lake holds silver and gold of three dates; Dagster knows nothing of them."""
    for partition in DATES:
        platform.fetch(partition)
    for stretch in (DATES[:2], DATES[2:]):
        platform.rebuild(*stretch)
    return platform.settings.home


def scorers(home: Path) -> dict[str, str]:
    """The scorer of each date's silver."""
    lake = Lake.open(LakeLocation(str(home / "lake" / "simulated"), "simulated"))
    rows = lake.table(SILVER_POSTS).scan(columns=["date", "scorer"]).unique().collect()
    return {str(date): scorer for date, scorer in rows.iter_rows()}


def start(home: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from sentiment_assets.cli import main; main()", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "SENTIMENT_HOME": str(home)}
        | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_change_of_scorer_is_rebuilt_once_whatever_is_killed(filled: Path) -> None:
    now = {"SENTIMENT_SCORER": "textblob"}
    assert set(scorers(filled).values()) == {"vader"}

    planned = process(filled, "reprocess", "--dry-run", **now)
    assert planned.returncode == 0, planned.stderr
    *runs, told = planned.stdout.splitlines()
    assert told == "3 partitions are behind: 2 runs"
    assert [run.split("  ")[:2] for run in runs] == [
        ["x", "2026-02-02 to 2026-02-03"],
        ["x", "2026-02-05"],
    ]
    assert all("silver: scorer: vader 3.3.2, now textblob" in run for run in runs)
    assert not (filled / "postgres").exists(), "a plan needs no instance"

    # Killed as soon as the first run has written its silver …
    with start(filled, "reprocess", **now) as killed:
        deadline = time.monotonic() + 120
        while "textblob" not in scorers(filled).values():
            assert killed.poll() is None, killed.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
    half = scorers(filled)
    assert half["2026-02-05"] == "vader"
    lake = Lake.open(LakeLocation(str(filled / "lake" / "simulated"), "simulated"))
    version = lake.table(SILVER_POSTS).version or 0

    # … it goes on where it was: silver of those dates is not written again, gold follows.
    again = process(filled, "reprocess", **now)
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[-1].startswith("rebuilt ")
    assert set(scorers(filled).values()) == {"textblob"}
    commits = [
        json.loads(lake.objects.get(lake.table(SILVER_POSTS)._log_path(number)).splitlines()[0])
        for number in range(version + 1, (lake.table(SILVER_POSTS).version or 0) + 1)
    ]
    assert len(commits) == 1, "one run was left"
    gold = lake.table(DAILY_SUMMARY).scan(columns=["date", "scorers"]).collect()
    assert all(made_by[0].startswith("textblob") for made_by in gold["scorers"])

    nothing = process(filled, "reprocess", **now)
    assert (nothing.returncode, nothing.stderr) == (0, "")
    assert nothing.stdout == "nothing is behind in 3 partitions\n"


def test_upkeep_by_hand(filled: Path) -> None:
    lake = Lake.open(LakeLocation(str(filled / "lake" / "simulated"), "simulated"))
    paths = [stored.path for stored in lake.objects.list()]
    planned = process(filled, "maintain", "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert "what upkeep would do" in planned.stdout
    tables = ["bronze/batch_posts", *CONTRACTS, *REFERENCE_CONTRACTS]
    assert all(f"{name} " in planned.stdout for name in tables)
    assert [stored.path for stored in lake.objects.list()] == paths

    done = process(filled, "maintain", "--json")
    assert done.returncode == 0, done.stderr
    rows: dict[str, dict[str, Any]] = {row["table"]: row for row in json_lines(done.stdout)}
    assert [*rows] == tables
    assert rows["silver/posts"]["checkpoint"] == lake.table(SILVER_POSTS).version
    assert rows["bronze/batch_posts"]["files_removed"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--platform", "myspace"), "'myspace' is not one of"),
        (("--from", "2026-02-05", "--to", "2026-02-01"), "is after --to 2026-02-01"),
        (("--from", "yesterday"), "does not match the format"),
    ],
)
def test_a_wrong_argument_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path))
    result = CliRunner().invoke(cli, ["reprocess", *arguments])
    assert result.exit_code == 2
    assert said in result.output


def test_an_empty_lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path))
    result = CliRunner().invoke(cli, ["reprocess"])
    assert (result.exit_code, result.output) == (0, "nothing is behind in 0 partitions\n")


def beat(instance: dg.DagsterInstance, daemon: str, seconds_ago: float) -> None:
    instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - seconds_ago, daemon, "id"))


def test_who_carries_orders_out() -> None:
    with dg.instance_for_test() as instance:
        assert not _daemon_runs(instance), "no daemon ever ran"
        beat(instance, "SENSOR", 10)
        assert not _daemon_runs(instance), "nobody takes runs out of the queue"
        beat(instance, "QUEUED_RUN_COORDINATOR", 10)
        assert _daemon_runs(instance)
        beat(instance, "SENSOR", 600)
        assert not _daemon_runs(instance), "it ended"

        _require_sensor(instance)
        origin = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "__repository__")
        instance.add_instigator_state(
            InstigatorState(
                origin.get_instigator_origin(SENSOR_NAME),
                InstigatorType.SENSOR,
                InstigatorStatus.STOPPED,
                None,
            )
        )
        with pytest.raises(Exception, match="is stopped: start it in the Dagster UI"):
            _require_sensor(instance)


def test_which_orders_failed() -> None:
    with dg.instance_for_test() as instance:
        tags = {"sentiment/rebuild": "2026-02-02|x,2026-02-03|x", "sentiment/ordered": "yes"}
        begun = dt.datetime.now(dt.timezone.utc)
        for status, more in (
            (dg.DagsterRunStatus.FAILURE, tags),
            (dg.DagsterRunStatus.FAILURE, {"sentiment/rebuild": "2026-02-04|x"}),
            (dg.DagsterRunStatus.SUCCESS, tags | {"sentiment/rebuild": "2026-02-05|x"}),
        ):
            instance.add_run(
                dg.DagsterRun("rebuild", status=status, tags=more, run_id=os.urandom(8).hex())
            )
        assert _failed(instance, begun) == {day("2026-02-02"), day("2026-02-03")}
        assert _failed(instance, begun + dt.timedelta(hours=1)) == set()
