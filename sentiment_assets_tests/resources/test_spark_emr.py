"""Jobs on EMR Serverless: calls that AWS's own models validate, and a job that really tells.

boto3's client is real; botocore's Stubber answers for AWS and checks both what is asked and what it
answers. The job run itself is a process of this machine, started with what the request says:
program, arguments, the driver's environment.
"""

import dataclasses
import datetime as dt
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import ANY, Stubber
from dagster._core.errors import DagsterExecutionInterruptedError

from resources import spark_emr
from resources.settings import SettingsError, read_settings
from resources.spark_emr import EmrServerlessRunner, EmrSettings, emr_runner
from sentiment_assets.assets.failures import is_permanent
from sentiment_assets.engine.job_order import JobAddress, read_order, write_order
from sentiment_assets.engine.spark import SparkJobFailed, SparkRunner
from sentiment_assets.lake.objects import Lake, LakeLocation
from spark_jobs.sources import bundle_digest, environment_name

ROOT = Path(__file__).parents[2]
ACCOUNT = "123456789012"
KEY = f"arn:aws:kms:af-south-1:{ACCOUNT}:key/bronze"
APPLICATION, JOB_RUN = "00f1abcde2fgh345", "00a1b2c3"
WHERE = {"applicationId": APPLICATION, "jobRunId": JOB_RUN}
SETTINGS = EmrSettings(
    emr_application=APPLICATION,
    emr_role=f"arn:aws:iam::{ACCOUNT}:role/sentiment-spark",
    emr_code="s3://posts/code/sentiment/",
    emr_logs="s3://posts/logs/spark",
)
ARN = f"arn:aws:emr-serverless:af-south-1:{ACCOUNT}:/applications/{APPLICATION}/jobruns/{JOB_RUN}"
#: What AWS may say, and nothing of ours may repeat.
WORDS = "User: arn:aws:sts::123456789012:assumed-role/hush/secret said Thandiwe Dlamini"
DRIVER = {"sparkSubmit": {"entryPoint": "s3://posts/code/sentiment/run_job.py"}}
SAYS = "pipes.report_custom_message({'failed':"
SECRET = "hush-hush-secret-key"


def interrupt() -> None:
    """As Dagster ends a run."""
    os.kill(os.getpid(), signal.SIGINT)


class Aws:
    """What AWS answers, in order; the job run that it starts is a process here."""

    def __init__(self, job_folder: Path) -> None:
        self.client = boto3.client(
            "emr-serverless",
            region_name="af-south-1",
            aws_access_key_id="AKIAEXAMPLE",
            aws_secret_access_key=SECRET,
        )
        self.stub = Stubber(self.client)
        self.started: list[dict[str, Any]] = []
        self.process: subprocess.Popen[str] | None = None
        self.looks: list[Callable[[], None]] = []
        self._job_folder = job_folder
        events = self.client.meta.events
        # Before the stub has a look at the call.
        events.register("provide-client-params.emr-serverless.StartJobRun", self._on_start)
        events.register("provide-client-params.emr-serverless.GetJobRun", self._on_look)

    def starts(self) -> None:
        self.stub.add_response("start_job_run", {**WHERE, "arn": ARN})

    def is_seen(self, state: str, look: Callable[[], None] = lambda: None, **more: Any) -> None:
        now = dt.datetime(2026, 11, 23, tzinfo=dt.timezone.utc)
        job_run = {
            **WHERE, "arn": ARN,
            "createdBy": f"arn:aws:sts::{ACCOUNT}:assumed-role/hush/me", "createdAt": now,
            "updatedAt": now, "executionRole": SETTINGS.emr_role, "state": state,
            "stateDetails": WORDS, "releaseLabel": "emr-spark-8.0.0", "jobDriver": DRIVER,
            "executionTimeoutMinutes": 720, **more,
        }  # fmt: skip
        self.stub.add_response("get_job_run", {"jobRun": job_run}, WHERE)
        self.looks.append(look)

    def is_refused(self, operation: str, code: str, status: int = 400, **expected: Any) -> None:
        self.stub.add_client_error(operation, code, WORDS, status, expected_params=expected or None)
        if operation == "get_job_run":
            self.looks.append(lambda: None)

    def is_cut_off(self) -> None:
        """Dagster ends the run while AWS is asked how the job run fares."""
        self.looks.append(interrupt)

    def is_cancelled(self) -> None:
        self.stub.add_response("cancel_job_run", WHERE, WHERE)

    def job_has_ended(self) -> None:
        assert self.process is not None
        self.process.wait(60)

    def _on_start(self, params: dict[str, Any], **_: Any) -> None:
        self.started.append(params)

    def _on_look(self, **_: Any) -> None:
        self.looks.pop(0)()

    def runs_what_was_started(self) -> None:
        """Start the job as the request says; its Python is this one."""
        submit = self.started[-1]["jobDriver"]["sparkSubmit"]
        conf = dict(
            part.removeprefix("--conf ").split("=", 1)
            for part in submit["sparkSubmitParameters"].split(" --conf ")
        )
        environment = {
            name.removeprefix("spark.emr-serverless.driverEnv."): value
            for name, value in conf.items()
            if name.startswith("spark.emr-serverless.driverEnv.")
        }
        program = ROOT / "spark_jobs" / Path(submit["entryPoint"]).name
        self.process = subprocess.Popen(
            [sys.executable, str(program), *submit["entryPointArguments"]],
            env={
                **environment,
                "PATH": os.environ["PATH"],
                "PYTHONPATH": f"{ROOT}{os.pathsep}{self._job_folder}",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture(autouse=True)
def _short_sighted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that no test expects fails it soon."""
    monkeypatch.setattr(spark_emr, "_OUT_OF_SIGHT_SECONDS", 5.0)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(LakeLocation(str(tmp_path / "lake"), "simulated"))


@pytest.fixture
def order(lake: Lake) -> JobAddress:
    return write_order(lake, "run", "silver_posts", {"secret": SECRET})


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Aws]:
    # A job of its own name, which the package finds beside its others.
    folder = tmp_path / "jobs"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        f"import spark_jobs; spark_jobs.__path__.append({str(folder)!r})"
    )
    made = Aws(folder)
    with made.stub:
        yield made
        made.stub.assert_no_pending_responses()
    if made.process is not None and made.process.poll() is None:
        made.process.kill()


@pytest.fixture
def job(tmp_path: Path, aws: Aws) -> Callable[[str], None]:
    def write(program: str) -> None:
        (tmp_path / "jobs" / "told.py").write_text(
            "from dagster_pipes import open_dagster_pipes\n"
            "from sentiment_assets.engine.job_order import JobAddress, read_order\n"
            "with open_dagster_pipes() as pipes:\n"
            "    address = JobAddress(**pipes.extras['order'])\n"
            f"    {program}\n"
        )

    return write


@pytest.fixture
def runner(aws: Aws) -> EmrServerlessRunner:
    made = EmrServerlessRunner(SETTINGS, "af-south-1", KEY, poll_seconds=0.01)
    made.__dict__["client"] = aws.client
    return made


@dataclasses.dataclass
class Step:
    """What a step of Dagster's saw, and what its log says."""

    messages: list[Any]
    log: str
    failure: BaseException | None


def step(runner: SparkRunner, order: JobAddress) -> Step:
    """Run a job within a real step."""
    messages: list[Any] = []
    caught: list[BaseException] = []

    @dg.asset
    def table(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        try:
            messages.extend(runner.run("told", order, context))  # type: ignore[arg-type]
        except BaseException as error:
            caught.append(error)
            raise
        return dg.MaterializeResult()

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([table], instance=instance, raise_on_error=False)
        log = "\n".join(f"{entry}" for entry in instance.all_logs(result.run_id))
        assert result.success is not bool(caught)
    return Step(messages, log, caught[0] if caught else None)


def failed(runner: SparkRunner, order: JobAddress) -> SparkJobFailed:
    """The failure of a job; nothing of AWS's words is in it or in the log."""
    seen = step(runner, order)
    assert isinstance(seen.failure, SparkJobFailed), seen.failure
    for text in (str(seen.failure), seen.log):
        assert "hush" not in text
        assert "Thandiwe" not in text
    return seen.failure


def test_a_job_is_started_watched_and_heard(
    aws: Aws, job: Any, runner: EmrServerlessRunner, order: JobAddress, lake: Lake
) -> None:
    job(
        "lake, told = read_order(address); pipes.log.info('half of it is done');"
        " pipes.report_custom_message({'window': 0, 'knew': len(told['secret'])})"
    )
    aws.starts()
    aws.is_seen("SUBMITTED", aws.runs_what_was_started)
    aws.is_seen("PENDING")
    aws.is_seen("RUNNING")
    aws.is_seen(
        "SUCCESS",
        aws.job_has_ended,
        billedResourceUtilization={"vCPUHour": 0.25, "memoryGBHour": 1.0, "storageGBHour": 2.0},
    )
    seen = step(runner, order)
    assert seen.failure is None
    assert seen.messages == [{"window": 0, "knew": len(SECRET)}]
    for told in (
        "half of it is done",
        f"job run {JOB_RUN}: submitted",
        f"job run {JOB_RUN}: running",
        "0.250 vCPU-hours, 1.000 GB-hours",
        f"s3://posts/logs/spark/applications/{APPLICATION}/jobs/{JOB_RUN}/SPARK_DRIVER/",
    ):
        assert told in seen.log
    # The order is its writer's to delete; what was told is gone.
    assert [stored.path for stored in lake.objects.list("bronze/_jobs")] == [order.path]
    assert read_order(order)[1] == {"secret": SECRET}


def test_the_request_says_all_and_no_secret(
    aws: Aws, runner: EmrServerlessRunner, order: JobAddress, tmp_path: Path
) -> None:
    aws.is_refused("start_job_run", "ValidationException")
    given = dataclasses.replace(
        runner, credentials=("AKIAEXAMPLE", SECRET), conf={"spark.executor.cores": "8"}
    )
    given.__dict__["client"] = aws.client
    failed(given, order)
    (request,) = aws.started
    assert SECRET not in str(request)
    submit = request["jobDriver"]["sparkSubmit"]
    assert submit["entryPoint"] == "s3://posts/code/sentiment/run_job.py"
    assert submit["entryPointArguments"] == ["told"]
    conf = submit["sparkSubmitParameters"]
    for part in (
        "--conf spark.submit.pyFiles=s3://posts/code/sentiment/sentiment-0.1.0.zip",
        f"--conf spark.archives=s3://posts/code/sentiment/{environment_name()}#environment",
        "--conf spark.emr-serverless.driverEnv.PYTHONPATH=./environment",
        "--conf spark.executorEnv.PYTHONPATH=./environment",
        f"--conf spark.executorEnv.PYSPARK_PYTHON=python3.{sys.version_info.minor}",
        "--conf spark.executor.memory=8192m --conf spark.executor.memoryOverhead=8192m",
        "--conf spark.dynamicAllocation.maxExecutors=50",
        # The operator's own word is the last one.
        "--conf spark.executor.cores=8",
    ):
        assert part in conf
    assert "spark.executor.cores=4" not in conf
    monitoring = request["configurationOverrides"]["monitoringConfiguration"]
    assert monitoring == {
        "s3MonitoringConfiguration": {
            "logUri": "s3://posts/logs/spark/",
            "encryptionKeyArn": KEY,
        },
        "managedPersistenceMonitoringConfiguration": {"enabled": False},
    }
    assert request["executionTimeoutMinutes"] == 720
    assert set(request["tags"]) == {"dagster/run-id", "dagster/job"}


@pytest.mark.parametrize(
    ("program", "cause", "permanent"),
    [
        (
            f"{SAYS} {{'type': 'ContractViolation', 'message': 'm'}}}})",
            "ContractViolation: m",
            True,
        ),
        (f"{SAYS} {{'type': 'FetchFailed', 'message': 'm'}}}})", "FetchFailed: m", False),
        # Pipes sends the traceback, which may quote a post.
        ("raise KeyError('Thandiwe')", "KeyError: the driver's log says more", True),
        ("import no_such_library", "ModuleNotFoundError: the driver's log", False),
    ],
)
def test_what_a_job_says_of_its_failure_decides(
    program: str,
    cause: str,
    permanent: bool,
    aws: Aws,
    job: Any,
    runner: EmrServerlessRunner,
    order: JobAddress,
) -> None:
    job(program)
    aws.starts()
    aws.is_seen("RUNNING", aws.runs_what_was_started)
    aws.is_seen("FAILED", aws.job_has_ended)
    failure = failed(runner, order)
    assert str(failure).startswith(f"told: {cause}")
    assert is_permanent(failure) is permanent


def test_a_bundle_of_other_sources_is_told_by_the_job(
    aws: Aws,
    job: Any,
    runner: EmrServerlessRunner,
    order: JobAddress,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spark_emr, "bundle_digest", lambda: "0f" * 32)
    job("raise AssertionError('it must not run')")
    aws.starts()
    aws.is_seen("RUNNING", aws.runs_what_was_started)
    aws.is_seen("FAILED", aws.job_has_ended)
    failure = failed(runner, order)
    assert "BundleDiffers: the run is of sources 0f0f0f0f0f0f, the bundle of" in str(failure)
    assert bundle_digest()[:12] in str(failure)
    assert is_permanent(failure)


@pytest.mark.parametrize(
    ("state", "more", "told", "permanent"),
    [
        ("FAILED", {}, "did not say why", False),
        ("FAILED", {"stateDetails": f"Access Denied {WORDS}"}, "role may not read", True),
        ("FAILED", {"stateDetails": f"NoSuchKey {WORDS}"}, "make bundle", True),
        ("FAILED", {"stateDetails": f"ExitCode: 137 {WORDS}"}, "WORKER_MEMORY_GB", True),
        (
            "FAILED",
            {"stateDetails": f"maximum capacity was reached {WORDS}"},
            "no capacity",
            False,
        ),
        ("CANCELLED", {}, "was cancelled, and not by this run", True),
        (
            "CANCELLED",
            {"totalExecutionDurationSeconds": 720 * 60},
            "longer than 720 minutes.*SENTIMENT_EMR_TIMEOUT_MINUTES",
            True,
        ),
        ("SUCCESS", {}, "ended well and said too little", False),
    ],
)
def test_a_job_run_that_says_nothing_is_judged_by_its_end(
    state: str,
    more: dict[str, Any],
    told: str,
    permanent: bool,
    aws: Aws,
    runner: EmrServerlessRunner,
    order: JobAddress,
) -> None:
    aws.starts()
    aws.is_seen("CANCELLING" if state == "CANCELLED" else "QUEUED")
    aws.is_seen(state, **more)
    failure = failed(runner, order)
    assert re.search(told, str(failure))
    assert f"jobs/{JOB_RUN}/SPARK_DRIVER/" in str(failure)
    assert is_permanent(failure) is permanent


@pytest.mark.parametrize(
    ("code", "status", "told", "permanent"),
    [
        ("AccessDeniedException", 403, "lacks emr-serverless:StartJobRun", True),
        ("ResourceNotFoundException", 404, "SENTIMENT_EMR_APPLICATION", True),
        ("ValidationException", 400, "SENTIMENT_EMR_ROLE", True),
        ("UnrecognizedClientException", 403, "credentials", True),
        ("ThrottlingException", 429, "Try again in a minute", False),
        ("ServiceQuotaExceededException", 402, "vCPUs", False),
        ("ConflictException", 409, "Try again", False),
        ("InternalServerException", 500, "Try again", False),
        ("Hush!", 418, "Try again", False),
    ],
)
def test_a_start_that_aws_refuses(
    code: str,
    status: int,
    told: str,
    permanent: bool,
    aws: Aws,
    runner: EmrServerlessRunner,
    order: JobAddress,
) -> None:
    aws.is_refused("start_job_run", code, status)
    failure = failed(runner, order)
    assert re.search(told, str(failure))
    assert is_permanent(failure) is permanent


def test_a_look_that_fails_is_repeated_while_the_job_goes_on(
    aws: Aws, job: Any, runner: EmrServerlessRunner, order: JobAddress
) -> None:
    job("pipes.report_custom_message({'window': 0})")
    aws.starts()
    aws.is_seen("RUNNING", aws.runs_what_was_started)
    aws.is_refused("get_job_run", "ThrottlingException", 429)
    aws.is_refused("get_job_run", "InternalServerException", 500)
    aws.is_seen("SUCCESS", aws.job_has_ended)
    seen = step(runner, order)
    assert (seen.failure, seen.messages) == (None, [{"window": 0}])


def test_a_job_out_of_sight_is_given_up_and_cancelled(
    aws: Aws,
    runner: EmrServerlessRunner,
    order: JobAddress,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spark_emr, "_OUT_OF_SIGHT_SECONDS", 0.0)
    aws.starts()
    aws.is_seen("RUNNING")
    aws.is_refused("get_job_run", "InternalServerException", 500)
    aws.is_cancelled()
    failure = failed(runner, order)
    assert not is_permanent(failure)


def test_who_may_no_longer_look_cancels(
    aws: Aws, runner: EmrServerlessRunner, order: JobAddress
) -> None:
    aws.starts()
    aws.is_refused("get_job_run", "AccessDeniedException", 403)
    aws.is_cancelled()
    failure = failed(runner, order)
    assert "emr-serverless:GetJobRun" in str(failure)
    assert is_permanent(failure)


def test_a_cancelled_run_cancels_its_job_run(
    aws: Aws, runner: EmrServerlessRunner, order: JobAddress, lake: Lake
) -> None:
    aws.starts()
    aws.is_seen("RUNNING")
    aws.is_cut_off()
    aws.is_cancelled()
    seen = step(runner, order)
    assert isinstance(seen.failure, DagsterExecutionInterruptedError)
    assert f"job run {JOB_RUN}: asked to end" in seen.log


def test_a_run_that_is_cut_off_while_it_starts_finds_its_job_run_and_cancels_it(
    aws: Aws, runner: EmrServerlessRunner, order: JobAddress
) -> None:
    cut = []

    def once(**_: Any) -> None:
        if not cut:
            cut.append(True)
            interrupt()

    aws.client.meta.events.register("after-call.emr-serverless.StartJobRun", once)
    aws.starts()
    aws.starts()
    aws.is_cancelled()
    seen = step(runner, order)
    assert isinstance(seen.failure, DagsterExecutionInterruptedError)
    first, second = aws.started
    assert first["clientToken"] == second["clientToken"]


def test_a_cancellation_that_aws_refuses_says_how_to_do_it(
    aws: Aws, runner: EmrServerlessRunner, order: JobAddress
) -> None:
    aws.starts()
    aws.is_cut_off()
    aws.is_refused("cancel_job_run", "AccessDeniedException", 403)
    seen = step(runner, order)
    assert f"cancel-job-run --application-id {APPLICATION} --job-run-id {JOB_RUN}" in seen.log
    assert "hush" not in seen.log


def test_whoever_stops_listening_cancels(
    aws: Aws, job: Any, runner: EmrServerlessRunner, order: JobAddress
) -> None:
    job("pipes.report_custom_message({'window': 0})")
    aws.starts()
    aws.is_seen("RUNNING", aws.runs_what_was_started)
    aws.is_seen("RUNNING", aws.job_has_ended)
    aws.is_cancelled()

    class Stops:
        def run(self, *arguments: Any) -> Iterator[Any]:
            listening = runner.run(*arguments)
            yield next(listening)
            listening.close()  # type: ignore[attr-defined]

    assert step(Stops(), order).messages == [{"window": 0}]  # type: ignore[arg-type]


def test_an_unreachable_service_is_told(
    aws: Aws, runner: EmrServerlessRunner, order: JobAddress
) -> None:
    def no_network(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://hush")

    aws.client.meta.events.register("before-call.emr-serverless.StartJobRun", no_network)
    failure = failed(runner, order)
    assert "region af-south-1 cannot be reached" in str(failure)
    assert not is_permanent(failure)


def test_it_is_a_runner_and_says_which_code_it_runs() -> None:
    lake = LakeLocation(
        "s3://posts/lake",
        "live",
        {"AWS_REGION": "af-south-1", "AWS_SSE_KMS_KEY_ID": "alias/all"},
        {"bronze": {"AWS_SSE_KMS_KEY_ID": KEY}},
    )
    runner: SparkRunner = emr_runner(SETTINGS, lake, credentials=("AKIAEXAMPLE", SECRET))
    assert runner.name == f"EMR Serverless application {APPLICATION}"
    assert runner.facts() == {"bundle_sha256": bundle_digest()}
    assert isinstance(runner, EmrServerlessRunner)
    assert (runner.region, runner.logs_key) == ("af-south-1", KEY)
    assert SECRET not in repr(runner)
    assert runner.client.meta.region_name == "af-south-1"


def test_without_an_application_it_is_told_what_to_set() -> None:
    lake = LakeLocation("s3://posts/lake", "live")
    with pytest.raises(ValueError, match=r"SENTIMENT_EMR_APPLICATION: needed.*00f1abcde2fgh345"):
        emr_runner(EmrSettings(), lake)
    with pytest.raises(ValueError, match=r"SENTIMENT_SPARK_CONF: spark\.x has a space"):
        emr_runner(SETTINGS, lake, conf={"spark.x": "a --conf spark.y=b"})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"emr_application": "00f1"}, "needs SENTIMENT_EMR_ROLE.*SENTIMENT_EMR_CODE"),
        ({"emr_application": "a b"}, "SENTIMENT_EMR_APPLICATION"),
        ({"emr_role": "sentiment-spark"}, "SENTIMENT_EMR_ROLE"),
        ({"emr_code": "/tmp/code"}, r"SENTIMENT_EMR_CODE: .*s3://bucket"),
        ({"emr_logs": "s3://bucket/a b"}, "SENTIMENT_EMR_LOGS"),
        ({"emr_worker_cores": 3}, "must be 1, 2, 4, 8 or 16"),
        ({"emr_worker_memory_gb": 64}, "a worker of 4 cores has 8 to 30 GB, in steps of 1"),
        ({"emr_worker_cores": 8, "emr_worker_memory_gb": 18}, "16 to 60 GB, in steps of 4"),
        ({"emr_worker_disk_gb": 2000}, "SENTIMENT_EMR_WORKER_DISK_GB"),
    ],
)
def test_wrong_settings_are_told(given: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=told):
        read_settings({}, home=tmp_path, **given)


def test_no_setting_reaches_the_request_unseen(aws: Aws, order: JobAddress) -> None:
    """An image of another Python and processor, and larger workers."""
    runner = EmrServerlessRunner(
        EmrSettings(
            emr_application=APPLICATION,
            emr_role=SETTINGS.emr_role,
            emr_code="s3://code/sentiment",
            emr_environment="s3://code/environment-cp312-linux_aarch64.tar.gz",
            emr_python="/usr/bin/python3.12",
            emr_worker_cores=8,
            emr_worker_memory_gb=60,
            emr_worker_disk_gb=200,
            emr_max_workers=7,
            emr_timeout_minutes=30,
        ),
        "af-south-1",
        "alias/bronze",
        poll_seconds=0.01,
    )
    runner.__dict__["client"] = aws.client
    aws.starts()
    aws.is_seen("FAILED")
    failure = failed(runner, order)
    assert f"EMR Studio, application {APPLICATION}, job run {JOB_RUN}" in str(failure)
    (request,) = aws.started
    conf = request["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"]
    for part in (
        "spark.archives=s3://code/environment-cp312-linux_aarch64.tar.gz#environment",
        "driverEnv.PYSPARK_DRIVER_PYTHON=/usr/bin/python3.12",
        "spark.executor.cores=8 --conf spark.executor.memory=30720m",
        "spark.emr-serverless.executor.disk=200g",
        "spark.dynamicAllocation.maxExecutors=7",
    ):
        assert part in conf
    assert request["executionTimeoutMinutes"] == 30
    assert request["configurationOverrides"] == {"monitoringConfiguration": {}}
    assert request["clientToken"] is not ANY


def test_the_settings_choose_it(tmp_path: Path) -> None:
    given = {
        **SETTINGS.model_dump(exclude_unset=True), "home": tmp_path, "spark_runner": "emr",
        "s3_region": "af-south-1", "spark_conf": {"spark.executor.cores": "2"},
    }  # fmt: skip
    engines = read_settings({}, lake_uri="s3://posts/lake", **given).engines()
    assert isinstance(engines.spark, EmrServerlessRunner)
    assert engines.spark.region == "af-south-1"
    assert engines.spark.conf == {"spark.executor.cores": "2"}
    # A cluster is worth it from some size on, a machine of its own never by itself.
    assert engines.spark_from_bytes is not None
    for lacking in (
        {"lake_uri": None},
        {"emr_application": None, "emr_role": None, "emr_code": None},
    ):
        with pytest.raises(SettingsError, match=r"SENTIMENT_SPARK_RUNNER: emr needs"):
            read_settings({}, **{"lake_uri": "s3://posts/lake", **given, **lacking})
