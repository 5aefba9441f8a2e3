"""Spark on EMR Serverless: settings, and the runner that starts, watches and cancels job runs.

What belongs here: calls to AWS, and what AWS's answers mean. What jobs do is ``spark_jobs``; what
is asked of them is ``sentiment_assets.engine.spark``. boto3 comes with the extra ``aws`` and is
imported when a job runs.

AWS's own messages name accounts and roles, and quote what a driver printed last: none of their
words pass. Why this is not dagster-aws' client: docs/decisions/0036-emr-serverless.md.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import secrets
import sys
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Any, NamedTuple

from dagster import PipesEnvContextInjector, PipesMessageReader, open_pipes_session
from pydantic import BaseModel, Field, field_validator, model_validator

from sentiment_assets.core.layout import job_messages_folder, job_messages_object
from sentiment_assets.engine.job_order import JobAddress
from sentiment_assets.engine.spark import FAILED, Job, SparkJobFailed
from sentiment_assets.lake.objects import Lake, LakeError, LakeLocation, ObjectMissing
from spark_jobs.sources import PROGRAM, bundle_digest, bundle_name, environment_name

SERVICE = "EMR Serverless"
#: What is unpacked where driver and executors run.
ENVIRONMENT = "environment"

#: Memory in GB that a worker of so many cores may have: least, most, and in which steps.
#: https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-behavior.html
_MEMORY = {1: (2, 8, 1), 2: (4, 16, 1), 4: (8, 30, 1), 8: (16, 60, 4), 16: (32, 120, 8)}
_DRIVER_CORES, _DRIVER_GB = 2, 8

_CONNECT_SECONDS = 5
_ANSWER_SECONDS = 30
_ATTEMPTS = 5
#: A job that could not be looked at for so long is given up.
_OUT_OF_SIGHT_SECONDS = 600.0

_CREDENTIALS = (
    "the AWS credentials of this process are missing, wrong or expired. Give it a role, or set "
    "SENTIMENT_S3_ACCESS_KEY_ID and SENTIMENT_S3_SECRET_ACCESS_KEY"
)
_REFUSED_CREDENTIALS = (
    "InvalidClientTokenId", "InvalidSignatureException", "UnrecognizedClientException",
    "IncompleteSignature", "MissingAuthenticationToken",
)  # fmt: skip
#: Codes that come again at every try: why, and what to do. ``{right}`` is what was asked for.
_FINAL = {
    "AccessDeniedException": "this role lacks {right} on the application, or iam:PassRole on the "
    "job's. `sentiment access policy emr --for launch` prints what it needs",
    "ResourceNotFoundException": "there is no such application or job run in this account and "
    "region. Correct SENTIMENT_EMR_APPLICATION or SENTIMENT_S3_REGION",
    "ValidationException": "AWS takes what was asked for as wrong: the application may be stopped "
    "and not start by itself, its release may not know a worker of this size, or "
    "SENTIMENT_EMR_ROLE may not be assumed by EMR Serverless. docs/spark.md has the list",
    **dict.fromkeys(_REFUSED_CREDENTIALS, _CREDENTIALS),
}
#: Codes that another try may not get.
_PASSING = {
    "ConflictException": "the application is changing its state. Try again in a minute",
    "ServiceQuotaExceededException": "the account has no more vCPUs to give now. Try again, or ask "
    "AWS for a higher quota",
    "ThrottlingException": "it has too many requests. Try again in a minute",
    "TooManyRequestsException": "it has too many requests. Try again in a minute",
    "ExpiredTokenException": _CREDENTIALS,
}


class Reason(NamedTuple):
    """Why a job run failed that said nothing itself, and whether another try may end well."""

    told: str
    retryable: bool


#: What words in a job run's details mean.
_DETAILS = (
    (
        re.compile(r"access ?denied|not authorized|forbidden|status code: 403", re.I),
        Reason(
            "the job's role may not read or write what it needs. `sentiment access policy emr "
            "--for job` prints what that is; to the lake's bucket it must be one of the pipeline's",
            False,
        ),
    ),
    (
        re.compile(r"no ?such ?(key|bucket)|does not exist|status code: 404", re.I),
        Reason(
            "the bundle is not where SENTIMENT_EMR_CODE says. Upload what `make bundle` makes",
            False,
        ),
    ),
    (
        re.compile(r"out ?of ?memory|\b137\b|java heap space", re.I),
        Reason(
            "a worker's memory was too small. Raise SENTIMENT_EMR_WORKER_MEMORY_GB, or rebuild "
            "fewer partitions at once",
            False,
        ),
    ),
    (
        re.compile(r"capacity|quota|limit exceeded|could not be (allocated|provisioned)", re.I),
        Reason("AWS had no capacity for it, or the application's limit is reached", True),
    ),
)


class EmrSettings(BaseModel):
    """What can be set of EMR Serverless; without an application it is not used."""

    emr_application: str | None = Field(
        None,
        pattern=r"^[0-9a-z]{1,64}$",
        description="EMR Serverless application that runs Spark's jobs (docs/spark.md).",
        examples=["00f1abcde2fgh345"],
    )
    emr_role: str | None = Field(
        None,
        pattern=r"^arn:[\w-]+:iam::\d{12}:role/[\w+=,.@/-]+$",
        description="Role that its jobs run as.",
        examples=["arn:aws:iam::123456789012:role/sentiment-spark"],
    )
    emr_code: str | None = Field(
        None,
        description="Folder that holds what `make bundle` makes.",
        examples=["s3://my-bucket/code/sentiment"],
    )
    emr_environment: str | None = Field(
        None,
        description="Archive of the libraries; by default the one for a machine like this in "
        "SENTIMENT_EMR_CODE.",
        examples=["s3://my-bucket/code/sentiment/environment-cp311-linux_aarch64.tar.gz"],
    )
    emr_logs: str | None = Field(
        None,
        description="Folder for the logs of drivers and executors; by default AWS keeps them "
        "for 30 days.",
        examples=["s3://my-bucket/logs/spark"],
    )
    emr_python: str | None = Field(
        None,
        pattern=r"^[\w./-]+$",
        description="Python of the application's image, of the version that the archive is for; by "
        "default python3.11 or python3.12, as this one is.",
        examples=["/usr/bin/python3.11"],
    )
    emr_worker_cores: int = Field(
        4, description="Cores of an executor: 1, 2, 4, 8 or 16.", examples=["4"]
    )
    emr_worker_memory_gb: int = Field(
        16,
        description="Memory of an executor: half of it is the JVM's, half is Python's.",
        examples=["16"],
    )
    emr_worker_disk_gb: int = Field(
        20, ge=20, le=200, description="Disk of an executor, for shuffles.", examples=["100"]
    )
    emr_max_workers: int = Field(
        50, ge=1, description="Executors that a job may have at once.", examples=["50"]
    )
    emr_timeout_minutes: int = Field(
        720, ge=5, description="A job that takes longer is cancelled by AWS.", examples=["720"]
    )

    @field_validator("emr_code", "emr_environment", "emr_logs")
    @classmethod
    def _in_a_bucket(cls, uri: str | None) -> str | None:
        if uri is not None and not re.fullmatch(r"s3://[^/\s]+/[^\s,#'\"\\]*[^\s,#'\"\\/]/?", uri):
            raise ValueError("must be s3://bucket/…, without spaces, quotes, commas and #")
        return uri and uri.rstrip("/")

    @model_validator(mode="after")
    def _agree_on_emr(self) -> EmrSettings:
        if self.emr_application is not None and not (self.emr_role and self.emr_code):
            raise ValueError(
                "SENTIMENT_EMR_APPLICATION needs SENTIMENT_EMR_ROLE, which its jobs run as, and "
                "SENTIMENT_EMR_CODE, where the bundle lies"
            )
        if self.emr_worker_cores not in _MEMORY:
            raise ValueError("SENTIMENT_EMR_WORKER_CORES: must be 1, 2, 4, 8 or 16")
        least, most, step = _MEMORY[self.emr_worker_cores]
        if self.emr_worker_memory_gb not in range(least, most + 1, step):
            raise ValueError(
                f"SENTIMENT_EMR_WORKER_MEMORY_GB: a worker of {self.emr_worker_cores} cores has "
                f"{least} to {most} GB, in steps of {step}"
            )
        return self


_FIELDS = tuple(EmrSettings.model_fields)


def emr_runner(
    settings: EmrSettings,
    lake: LakeLocation,
    *,
    credentials: tuple[str, str] | None = None,
    conf: Mapping[str, str] | None = None,
) -> EmrServerlessRunner:
    """The runner that the settings describe.

    Args:
        settings: application, role, bundle, sizes.
        lake: what jobs work on; names the region, and the key that logs are encrypted with.
        credentials: access key id and secret access key; by default the role of the machine.
        conf: further configuration of Spark, laid over the runner's own.

    Raises:
        ValueError: no application is set, or a value can't be handed to Spark.
    """
    if settings.emr_application is None:
        raise ValueError(
            "SENTIMENT_EMR_APPLICATION: needed to run Spark on EMR Serverless; for example: "
            "00f1abcde2fgh345 (docs/spark.md)"
        )
    bronze = {name.lower(): value for name, value in lake.options_of("bronze/").items()}
    return EmrServerlessRunner(
        # Of all the settings that may come along, its own.
        EmrSettings.model_validate({name: getattr(settings, name) for name in _FIELDS}),
        region=bronze.get("aws_region", "us-east-1"),
        logs_key=bronze.get("aws_sse_kms_key_id"),
        credentials=credentials,
        conf=dict(conf or {}),
    )


@dataclass
class EmrServerlessRunner:
    """Each job is a job run of one EMR Serverless application."""

    settings: EmrSettings
    region: str
    #: Key of the logs, where it is named by its ARN: they may quote what bronze holds.
    logs_key: str | None = None
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    conf: Mapping[str, str] = field(default_factory=dict)
    poll_seconds: float = 5.0

    def __post_init__(self) -> None:
        for name, value in self.conf.items():
            if re.search(r"[\s'\"\\]", f"{name}{value}"):
                raise ValueError(
                    f"SENTIMENT_SPARK_CONF: {name} has a space, a quote or a backslash, which "
                    f"{SERVICE} takes for the end of a value: leave it out"
                )

    @property
    def name(self) -> str:
        """Where it runs."""
        return f"{SERVICE} application {self.settings.emr_application}"

    def facts(self) -> Mapping[str, str]:
        """Which code runs there."""
        return {"bundle_sha256": bundle_digest()}

    def run(
        self, job: Job, order: JobAddress, context: Any
    ) -> Generator[Mapping[str, Any], None, None]:
        """See ``SparkRunner``."""
        told = Messages(order, self._lake(order))
        try:
            with open_pipes_session(
                context=context,
                context_injector=PipesEnvContextInjector(),
                message_reader=told,
                extras={"order": dataclasses.asdict(order), "bundle": bundle_digest()},
            ) as pipes:
                job_run = self._start(job, context, pipes.get_bootstrap_env_vars())
                try:
                    ended = yield from self._watched(job_run, told, context)
                except BaseException:
                    # Interrupts and a closed generator too, and all are raised again: whatever
                    # ends the run, its work must not go on unseen and be paid for.
                    self._cancel(job_run, context)
                    raise
            self._judge(job, ended, told)
        finally:
            told.delete()

    def _watched(
        self, job_run: str, told: Messages, context: Any
    ) -> Generator[Mapping[str, Any], None, Mapping[str, Any]]:
        """Yield messages until the job run ends; returns what AWS says of it then."""
        looked: Mapping[str, Any]
        state, seen = "", time.monotonic()
        where = {"applicationId": self.settings.emr_application, "jobRunId": job_run}
        while True:
            try:
                looked = self._ask("get_job_run", **where)["jobRun"]
                seen = time.monotonic()
            except SparkJobFailed as lost:
                if not lost.retryable or time.monotonic() - seen > _OUT_OF_SIGHT_SECONDS:
                    raise
                looked = {"state": state}
            ended = looked["state"] in ("SUCCESS", "FAILED", "CANCELLED")
            # After the look: whoever has ended has told all.
            yield from told.collect()
            if looked["state"] != state:
                state = looked["state"]
                context.log.info(f"{SERVICE} job run {job_run}: {state.lower()}")
            if ended:
                used = looked.get("billedResourceUtilization", {})
                context.log.info(
                    f"{SERVICE} job run {job_run}: {used.get('vCPUHour', 0):.3f} vCPU-hours, "
                    f"{used.get('memoryGBHour', 0):.3f} GB-hours; its logs: {self._logs(job_run)}"
                )
                return looked
            time.sleep(self.poll_seconds)

    def _judge(self, job: Job, ended: Mapping[str, Any], told: Messages) -> None:
        """Raise unless the job run did its work."""
        if told.failure is not None:
            raise SparkJobFailed(job, *told.failure)
        state, job_run = ended["state"], ended["jobRunId"]
        read = f"its logs: {self._logs(job_run)}"
        if state == "SUCCESS":
            if told.closed:
                return
            raise SparkJobFailed(
                job,
                f"{SERVICE} job run {job_run}",
                f"ended well and said too little: nothing is committed. Try again; {read}",
                retryable=True,
            )
        minutes = ended.get("executionTimeoutMinutes", self.settings.emr_timeout_minutes)
        if ended.get("totalExecutionDurationSeconds", 0) >= minutes * 60 > 0:
            reason = Reason(
                f"took longer than {minutes} minutes. Raise SENTIMENT_EMR_TIMEOUT_MINUTES or "
                "SENTIMENT_EMR_MAX_WORKERS, or rebuild fewer partitions at once",
                False,
            )
        elif state == "CANCELLED":
            reason = Reason("was cancelled, and not by this run: start it again if need be", False)
        else:
            details = ended.get("stateDetails", "")
            found = (reason for words, reason in _DETAILS if words.search(details))
            reason = next(found, Reason("failed and did not say why. Try again", True))
        raise SparkJobFailed(
            job,
            f"{SERVICE} job run {job_run}",
            f"{reason.told}; {read}",
            retryable=reason.retryable,
        )

    def _start(self, job: Job, context: Any, environment: Mapping[str, str]) -> str:
        """Start a job run; returns its id."""
        request = self._request(job, context, environment)
        try:
            return str(self._ask("start_job_run", **request)["jobRunId"])
        except Exception:
            # AWS answered that nothing was begun, or boto3 asked until it knew.
            raise
        except BaseException:
            # An interrupt, which goes on below. Cut off before AWS's answer: asked again with the
            # same token it names what it began.
            with contextlib.suppress(SparkJobFailed):
                self._cancel(str(self._ask("start_job_run", **request)["jobRunId"]), context)
            raise

    def _request(self, job: Job, context: Any, environment: Mapping[str, str]) -> dict[str, Any]:
        settings, run = self.settings, context.run
        monitoring: dict[str, Any] = {}
        if settings.emr_logs is not None:
            logs = {"logUri": f"{settings.emr_logs}/"}
            if self.logs_key is not None and self.logs_key.startswith("arn:"):
                logs["encryptionKeyArn"] = self.logs_key
            monitoring = {
                "s3MonitoringConfiguration": logs,
                # Not a second time where nobody looks after them.
                "managedPersistenceMonitoringConfiguration": {"enabled": False},
            }
        return {
            "applicationId": settings.emr_application,
            "executionRoleArn": settings.emr_role,
            # Whoever asks again with the same request gets the same job run.
            "clientToken": secrets.token_hex(32),
            "name": f"{job} {run.run_id}",
            "jobDriver": {
                "sparkSubmit": {
                    "entryPoint": f"{settings.emr_code}/{PROGRAM}",
                    "entryPointArguments": [job],
                    "sparkSubmitParameters": " ".join(
                        f"--conf {name}={value}"
                        for name, value in self._configuration(environment).items()
                    ),
                }
            },
            "configurationOverrides": {"monitoringConfiguration": monitoring},
            "executionTimeoutMinutes": settings.emr_timeout_minutes,
            "tags": {"dagster/run-id": run.run_id, "dagster/job": run.job_name},
        }

    def _configuration(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Configuration of Spark; ``environment`` is what the driver finds in its own."""
        settings = self.settings
        half = f"{settings.emr_worker_memory_gb * 512}m"
        driver_half = f"{_DRIVER_GB * 512}m"
        interpreter = settings.emr_python or f"python3.{sys.version_info.minor}"
        python = {"PYSPARK_PYTHON": interpreter, "PYTHONPATH": f"./{ENVIRONMENT}"}
        driver = {**python, "PYSPARK_DRIVER_PYTHON": interpreter, **environment}
        return {
            "spark.submit.pyFiles": f"{settings.emr_code}/{bundle_name()}",
            "spark.archives": f"{self._environment_uri}#{ENVIRONMENT}",
            **{f"spark.emr-serverless.driverEnv.{k}": value for k, value in driver.items()},
            **{f"spark.executorEnv.{k}": value for k, value in python.items()},
            "spark.driver.cores": str(_DRIVER_CORES),
            "spark.driver.memory": driver_half,
            "spark.driver.memoryOverhead": driver_half,
            "spark.executor.cores": str(settings.emr_worker_cores),
            "spark.executor.memory": half,
            "spark.executor.memoryOverhead": half,
            "spark.emr-serverless.executor.disk": f"{settings.emr_worker_disk_gb}g",
            "spark.dynamicAllocation.maxExecutors": str(settings.emr_max_workers),
            **self.conf,
        }

    @property
    def _environment_uri(self) -> str:
        if self.settings.emr_environment is not None:
            return self.settings.emr_environment
        return f"{self.settings.emr_code}/{environment_name()}"

    def _logs(self, job_run: str) -> str:
        application = self.settings.emr_application
        if self.settings.emr_logs is None:
            return f"EMR Studio, application {application}, job run {job_run}"
        return f"{self.settings.emr_logs}/applications/{application}/jobs/{job_run}/SPARK_DRIVER/"

    def _cancel(self, job_run: str, context: Any) -> None:
        application = self.settings.emr_application
        try:
            self._ask("cancel_job_run", applicationId=application, jobRunId=job_run)
            context.log.info(f"{SERVICE} job run {job_run}: asked to end")
        except SparkJobFailed as problem:
            context.log.error(
                f"{SERVICE} job run {job_run} may still run: {problem}. To end it: aws "
                f"emr-serverless cancel-job-run --application-id {application} --job-run-id "
                f"{job_run}"
            )

    def _lake(self, order: JobAddress) -> Lake:
        """The lake as this process reaches it."""
        options = dict(order.options)
        if self.credentials is not None:
            key_id, secret = self.credentials
            options |= {"AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": secret}
        return Lake(dataclasses.replace(order.location, storage_options=options))

    @cached_property
    def client(self) -> Any:
        """boto3's client."""
        try:
            boto3, config = import_module("boto3"), import_module("botocore.config")
        except ImportError:
            raise SparkJobFailed(
                SERVICE,
                "ImportError",
                "boto3 is not installed. Install the extra `aws`; for example: pip install "
                "'sentiment-assets[aws]'",
                retryable=False,
            ) from None
        key_id, secret_key = self.credentials or (None, None)
        try:
            return boto3.client(
                "emr-serverless",
                region_name=self.region,
                aws_access_key_id=key_id,
                aws_secret_access_key=secret_key,
                config=config.Config(
                    connect_timeout=_CONNECT_SECONDS,
                    read_timeout=_ANSWER_SECONDS,
                    retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
                ),
            )
        except import_module("botocore.exceptions").BotoCoreError:
            # A profile that is named and not there, for example.
            raise SparkJobFailed(SERVICE, "credentials", _CREDENTIALS, retryable=False) from None

    def _ask(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        client = self.client
        errors = import_module("botocore.exceptions")
        try:
            answer: Mapping[str, Any] = getattr(client, operation)(**arguments)
            return answer
        except errors.ClientError as error:
            failure = self._refusal(operation, error.response["Error"].get("Code", ""))
        except (errors.NoCredentialsError, errors.PartialCredentialsError):
            failure = self._refusal(operation, _REFUSED_CREDENTIALS[0])
        except errors.ParamValidationError:
            failure = self._refusal(operation, "ValidationException")
        except errors.BotoCoreError:
            failure = self._refusal(operation, "")
        # Out of the handler: the cause's words must not travel with it.
        raise failure

    def _refusal(self, operation: str, code: str) -> SparkJobFailed:
        right = "emr-serverless:" + "".join(part.title() for part in operation.split("_"))
        code = re.sub(r"\W", "", code)
        final = _FINAL.get(code)
        if final is not None:
            why = final.format(right=right)
        elif code:
            why = _PASSING.get(code, "it failed. Try again; if it stays, look at the application")
        else:
            why = f"{SERVICE} of region {self.region} cannot be reached. Look at the network"
        return SparkJobFailed(right, code or "no answer", why, retryable=final is None)


class Messages(PipesMessageReader):
    """What a job tells, read beside its order when asked: no thread reads on behind an end.

    Of a failure the job's own words are kept: the traceback that Pipes sends along quotes whatever
    Spark did, so it is left where it was raised, in the driver's log.
    """

    def __init__(self, order: JobAddress, lake: Lake) -> None:
        self.failure: tuple[str, str] | None = None
        self.closed = False
        self._order = order
        self._lake = lake
        self._folder = job_messages_folder(order.path, secrets.token_hex(8))
        self._read = 0
        self._handler: Any = None

    @contextlib.contextmanager
    def read_messages(self, handler: Any) -> Iterator[dict[str, Any]]:
        """The place where the job writes."""
        self._handler = handler
        yield {"order": dataclasses.asdict(self._order), "folder": self._folder}

    def collect(self) -> Iterator[Mapping[str, Any]]:
        """What was told since the last time; logs go to Dagster."""
        while True:
            try:
                path = job_messages_object(self._folder, self._read + 1)
                content = self._lake.objects.get(path)
            except ObjectMissing:
                return
            self._read += 1
            for line in content.decode().splitlines():
                yield from self._take(json.loads(line))

    def _take(self, message: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
        told = message["params"] or {}
        if message["method"] == "report_custom_message":
            payload = told["payload"]
            if FAILED in payload:
                self.failure = payload[FAILED]["type"], payload[FAILED]["message"]
            else:
                yield payload
            return
        if message["method"] == "closed":
            self.closed = True
            if raised := told.pop("exception", None):
                name = raised.get("name") or "Error"
                self.failure = self.failure or (name, "the driver's log says more")
        self._handler.handle_message(message)

    def delete(self) -> None:
        """Delete what was told; what is left goes with the run's orders."""
        with contextlib.suppress(LakeError):
            objects = self._lake.objects
            objects.delete([stored.path for stored in objects.list(self._folder)])

    def no_messages_debug_text(self) -> str:
        """Where messages were looked for."""
        return f"messages were looked for in {self._lake.location.uri_of(self._folder)}"
