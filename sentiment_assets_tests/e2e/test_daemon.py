"""A real daemon under the project's own ``dagster.yaml``: stuck runs, and backfills that pause.

The jobs are small ones made for this; what is tried are the queue, the limits, the monitoring and
the retries, with shorter times than the project's.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg
import pytest
import yaml
from dagster._cli.workspace.cli_target import workspace_opts_to_load_target
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster_graphql.cli import execute_query
from dagster_shared.cli import WorkspaceOpts

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
#: Has a file that makes a daemon's loops turn faster.
IMPATIENT = Path(__file__).with_name("impatient")
MAX_RUNTIME = 6
PARTITIONS = 5

CODE = """
import ctypes, os, time
from pathlib import Path
import dagster as dg

HERE = Path(__file__).parent

def first_time(name):
    try:
        (HERE / f"{name}.begun").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True

@dg.op
def sleeps():
    if first_time("sleeps"):
        time.sleep(600)

@dg.op
def is_deaf():
    # In C: no signal is heard before it returns, which is after the test.
    if first_time("deaf"):
        ctypes.CDLL(None).sleep(600)

@dg.job(executor_def=dg.in_process_executor)
def sleeping():
    sleeps()

@dg.job(executor_def=dg.in_process_executor)
def deaf():
    is_deaf()

@dg.asset(partitions_def=dg.StaticPartitionsDefinition([str(n) for n in range(PARTITIONS)]))
def dates(context):
    # The first two are made at once, the others when they may.
    while int(context.partition_key) > 1 and not (HERE / "go_on").exists():
        time.sleep(0.1)

defs = dg.Definitions(
    assets=[dates], jobs=[sleeping, deaf], executor=dg.in_process_executor
)
"""


class Daemon(NamedTuple):
    home: Path
    environment: dict[str, str]
    instance: dg.DagsterInstance
    #: What the UI's server has of the code.
    workspace: WorkspaceProcessContext

    def mutate(self, text: str, **variables: Any) -> dict[str, Any]:
        answer = execute_query(self.workspace, text, variables)
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    def runs(self, job: str) -> list[dg.DagsterRun]:
        """The oldest first."""
        return [*self.instance.get_runs(dg.RunsFilter(job_name=job))][::-1]

    def materialized(self) -> list[str]:
        found = self.instance.fetch_materializations(dg.AssetKey("dates"), limit=1000)
        return sorted(str(r.partition_key) for r in found.records)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    home = tmp_path_factory.mktemp("daemon")
    settings: dict[str, Any] = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    del settings["storage"]
    settings["run_coordinator"]["config"] = {"dequeue_interval_seconds": 1}
    settings["run_monitoring"] |= {
        "max_runtime_seconds": MAX_RUNTIME, "poll_interval_seconds": 1,
    }  # fmt: skip
    (home / "dagster.yaml").write_text(yaml.safe_dump(settings))
    (home / "tried_jobs.py").write_text(CODE.replace("PARTITIONS", str(PARTITIONS)))
    location = {"relative_path": "tried_jobs.py", "location_name": "here"}
    (home / "workspace.yaml").write_text(yaml.safe_dump({"load_from": [{"python_file": location}]}))
    environment = {**os.environ, "DAGSTER_HOME": str(home)}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        # Its tables are made once, and not by two processes at the same time.
        instance.get_runs(limit=1)
        instance.all_instigator_state()
        instance.get_asset_keys(limit=1)
    with (home / "daemon.log").open("w") as log:
        process = subprocess.Popen(
            [str(BIN / "dagster-daemon"), "run", "-w", str(home / "workspace.yaml")],
            env={**environment, "PYTHONPATH": str(IMPATIENT)},
            stdout=log, stderr=log, cwd=home, start_new_session=True,
        )  # fmt: skip
    try:
        options = WorkspaceOpts(workspace=[str(home / "workspace.yaml")])
        with (
            dg.DagsterInstance.from_config(str(home)) as instance,
            WorkspaceProcessContext(instance, workspace_opts_to_load_target(options)) as workspace,
        ):
            yield Daemon(home, environment, instance, workspace)
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        # The deaf run is still there, even when the daemon has ended.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def wait_for(daemon: Daemon, what: Callable[[], Any], seconds: float = 150) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > deadline:
            pytest.fail(
                f"gave up; the daemon said:\n{(daemon.home / 'daemon.log').read_text()[-3000:]}"
            )
        time.sleep(0.1)
    return found


RUN = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
__typename ... on PythonError { message } } }"""
STUCK = ("sleeping", "deaf")


@pytest.fixture(scope="module")
def stuck_runs(daemon: Daemon) -> None:
    """All are begun at once: each is given up after the same time."""
    for job in STUCK:
        selector = {
            "repositoryLocationName": "here", "repositoryName": "__repository__", "jobName": job,
        }  # fmt: skip
        launched = daemon.mutate(RUN, params={"selector": selector, "runConfigData": {}})
        assert launched["launchRun"]["__typename"] == "LaunchRunSuccess", launched


@pytest.mark.usefixtures("stuck_runs")
@pytest.mark.parametrize("job", STUCK)
def test_a_stuck_run_is_ended_and_retried(daemon: Daemon, job: str) -> None:
    succeeded = dg.DagsterRunStatus.SUCCESS
    wait_for(daemon, lambda: succeeded in {run.status for run in daemon.runs(job)})
    # On a slow machine the second run may take too long as well; the third does not. One that hears
    # of its end late calls itself canceled, after it was called failed and is retried.
    stuck, *others = daemon.runs(job)
    ended = {dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
    assert {run.status for run in (stuck, *others)[:-1]} <= ended
    assert [run.root_run_id for run in others] == [stuck.run_id] * len(others)
    said = [e.message for e in daemon.instance.all_logs(stuck.run_id)]
    assert any(f"exceeding maximum runtime of {MAX_RUNTIME} seconds" in one for one in said)


LAUNCH = """mutation($params: LaunchBackfillParams!) {
launchPartitionBackfill(backfillParams: $params) {
... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
PAUSE = """mutation($id: String!) { cancelPartitionBackfill(backfillId: $id)
{ __typename ... on PythonError { message } } }"""
RESUME = """mutation($params: ReexecutionParams!) {
reexecutePartitionBackfill(reexecutionParams: $params) {
... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""


def test_a_backfill_is_paused_and_resumed(daemon: Daemon) -> None:
    """Cancelled, it starts no further run; from its failures, it does what is left and no more."""
    keys = [str(number) for number in range(PARTITIONS)]
    chosen = {
        "assetSelection": [{"path": ["dates"]}],
        "partitionNames": keys,
        # These wait: none of them is stuck, however slow the machine is.
        "tags": [{"key": "dagster/max_runtime", "value": "600"}],
    }
    first = daemon.mutate(LAUNCH, params=chosen)["launchPartitionBackfill"]["backfillId"]
    wait_for(daemon, daemon.materialized)
    daemon.mutate(PAUSE, id=first)

    def status(backfill: str) -> str:
        found = daemon.instance.get_backfill(backfill)
        return found.status.value if found else ""

    wait_for(daemon, lambda: status(first) == "CANCELED")
    done = daemon.materialized()
    assert 0 < len(done) <= 2
    time.sleep(3)
    assert daemon.materialized() == done, "paused is paused"
    (daemon.home / "go_on").touch()
    again = {"parentRunId": first, "strategy": "FROM_FAILURE"}
    second = daemon.mutate(RESUME, params=again)["reexecutePartitionBackfill"]["backfillId"]
    wait_for(daemon, lambda: status(second) == "COMPLETED_SUCCESS")
    assert daemon.materialized() == keys, "each once, and none again"
