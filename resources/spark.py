"""Where Spark runs: settings, and the runners on this machine or a cluster by its address.

What belongs here: starting a program of ``spark_jobs``, hearing it, ending it. What the programs
do is theirs; what is asked of them and made of their messages is ``sentiment_assets.engine.spark``.
Nothing of Spark is imported before a job runs.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from dagster import PipesTempFileContextInjector, PipesTempFileMessageReader, open_pipes_session
from pydantic import BaseModel, Field, field_validator

from sentiment_assets.engine.job_order import CREDENTIALS, JobAddress
from sentiment_assets.engine.spark import FAILED, Job, SparkJobFailed, SparkRunner
from spark_jobs.sources import bundle_digest

RunnerName = Literal["session", "submit", "emr"]

SPARK_JOBS = Path(__file__).resolve().parents[1] / "spark_jobs"
_HADOOP = "spark.hadoop."
_MISSING = (
    "Spark needs the extra `spark` (`uv pip install -r requirements-spark.lock`) and Java 17 (on "
    "Debian: apt-get install openjdk-17-jre-headless)"
)
#: Of about four million posts: this machine works on them for longer than a cluster takes to begin.
#: On one machine the engine without Spark is the faster one at every size (docs/scale.md).
FROM_BYTES = 1_000_000_000
#: A job that was told to end has so long.
_ENDS_WITHIN_SECONDS = 30


class SparkSettings(BaseModel):
    """What can be set of Spark."""

    spark_from_bytes: int | None = Field(
        None,
        ge=0,
        description="Runs that read so many bytes of bronze or more are Spark's; by default "
        f"{FROM_BYTES} where Spark has a cluster, and none on one machine (docs/spark.md).",
        examples=["500000000"],
    )
    spark_runner: RunnerName = Field(
        "session",
        description="Where Spark's driver runs: in the run's own process (session), started by "
        "spark-submit (submit), or on EMR Serverless (emr).",
        examples=["submit"],
    )
    spark_master: str = Field(
        "local[*]",
        description="Spark's master: this machine's cores, or the address of a cluster.",
        examples=["spark://10.0.0.5:7077"],
    )
    spark_conf: dict[str, str] = Field(
        default_factory=dict,
        description="Further configuration of Spark, as JSON.",
        examples=['{"spark.driver.memory": "4g"}'],
    )

    @field_validator("spark_conf", mode="before")
    @classmethod
    def _json(cls, given: Any) -> Any:
        try:
            return json.loads(given) if isinstance(given, str) else given
        except ValueError:
            raise ValueError("must be JSON: names and values of Spark's configuration") from None


def from_bytes(settings: SparkSettings) -> int | None:
    """From how many bytes of bronze on runs are Spark's; null for never."""
    if settings.spark_from_bytes is not None:
        return settings.spark_from_bytes
    on_one_machine = settings.spark_runner != "emr" and settings.spark_master.startswith("local")
    return None if on_one_machine else FROM_BYTES


def spark_configuration(settings: SparkSettings) -> dict[str, str]:
    """Configuration that a driver has from its start."""
    from spark_jobs.jars import JarsMissing, spark_jars

    configuration = {
        "spark.master": settings.spark_master,
        "spark.ui.enabled": "false",
        "spark.log.level": "WARN",
        # Between its steps Spark keeps ids and posts on its own disks, as they came.
        "spark.io.encryption.enabled": "true",
    }
    if settings.spark_master.startswith("local"):
        # All of it runs on this machine: nothing listens to others.
        configuration |= {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
    with contextlib.suppress(JarsMissing):
        # Disks are read without them; S3 and Kafka are not.
        configuration["spark.jars"] = ",".join(str(jar) for jar in spark_jars())
    return configuration | settings.spark_conf


def runner_of(settings: SparkSettings, credentials: Mapping[str, str]) -> SparkRunner:
    """The runner that the settings name.

    Args:
        settings: where Spark runs.
        credentials: options of the lake's storage that no job is told; a process on this machine
            has them in its environment.
    """
    given = {name.upper(): value for name, value in credentials.items()}
    given = {name: value for name, value in given.items() if name.lower() in CREDENTIALS}
    configuration = spark_configuration(settings)
    if settings.spark_runner == "submit":
        return SubmitRunner(configuration, given)
    return SessionRunner(configuration, given)


@dataclass
class SessionRunner:
    """Spark in this process, begun by its first job and ended with the process."""

    configuration: Mapping[str, str]
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """Where it runs."""
        return f"session on {self.configuration['spark.master']}"

    def facts(self) -> Mapping[str, str]:
        """Spark's version, and the sources that a bundle would have."""
        return {"spark_version": _version(), "bundle_sha256": bundle_digest()}

    def run(
        self, job: Job, order: JobAddress, context: Any
    ) -> Generator[Mapping[str, Any], None, None]:
        """See ``SparkRunner``."""
        spark = self._session(order)
        from pyspark.errors import PySparkException

        from spark_jobs.reporting import cause_of, progress

        program = importlib.import_module(f"spark_jobs.{job}")
        reported: list[Mapping[str, Any]] = []
        group = f"{job} {order.path}"
        spark.sparkContext.setJobGroup(group, job, interruptOnCancel=True)
        try:
            with progress(spark, context.log.info):
                program.run(spark, order, reported.append, context.log.info)
        except PySparkException as error:
            raise SparkJobFailed(job, *cause_of(error)) from None
        except BaseException:
            # Interrupts too, and all are raised again: no run leaves its tasks to the cores.
            spark.sparkContext.cancelJobGroup(group)
            raise
        yield from reported

    def _session(self, order: JobAddress) -> Any:
        self._environment()
        try:
            from dagster_pyspark import LazyPySparkResource

            from spark_jobs.session import configuration
        except ImportError as error:
            raise SparkJobFailed("Spark", type(error).__name__, _MISSING, retryable=False) from None
        if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
            raise SparkJobFailed("Spark", "no Java", _MISSING, retryable=False)
        heard = signal.getsignal(signal.SIGINT)
        wanted = {**configuration(order.location), **self.configuration}
        spark = LazyPySparkResource(spark_config=wanted).spark_session
        # Spark takes Ctrl-C for itself, and with it Dagster's way to end a run.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, heard)
        for name, value in wanted.items():
            # A session that stood already has what may change while it runs.
            if name.startswith("spark.sql.") and spark.conf.isModifiable(name):
                spark.conf.set(name, value)
            elif name.startswith(_HADOOP):
                spark.conf.set(name.removeprefix(_HADOOP), value)
        return spark

    def _environment(self) -> None:
        os.environ.update(self.credentials)
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        # The driver is this process, whatever else is installed.
        os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)


@dataclass
class SubmitRunner:
    """spark-submit in a process of its own: on this machine, or a driver for any cluster."""

    configuration: Mapping[str, str]
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """Where it runs."""
        return f"spark-submit to {self.configuration['spark.master']}"

    def facts(self) -> Mapping[str, str]:
        """Spark's version, and the sources that a bundle would have."""
        return {"spark_version": _version(), "bundle_sha256": bundle_digest()}

    def run(
        self, job: Job, order: JobAddress, context: Any
    ) -> Generator[Mapping[str, Any], None, None]:
        """See ``SparkRunner``."""
        with open_pipes_session(
            context=context,
            context_injector=PipesTempFileContextInjector(),
            message_reader=PipesTempFileMessageReader(),
            extras={"order": asdict(order)},
        ) as pipes:
            process = subprocess.Popen(
                self._command(job),
                env={**self._environment, **pipes.get_bootstrap_env_vars()},
                start_new_session=True,
            )
            told = 0
            try:
                while process.poll() is None:
                    messages = pipes.get_custom_messages()[told:]
                    told += len(messages)
                    yield from _good(job, messages)
                    time.sleep(0.2)
            finally:
                _end(process)
        yield from _good(job, pipes.get_custom_messages()[told:])
        if process.returncode != 0:
            raise SparkJobFailed(
                job,
                "spark-submit",
                f"ended with status {process.returncode} and no reason: read what it wrote to the "
                "run's stderr",
            )

    def _command(self, job: Job) -> list[str]:
        command = [self._spark_submit]
        for name, value in self.configuration.items():
            command += ["--conf", f"{name}={value}"]
        return [*command, str(SPARK_JOBS / f"{job}.py")]

    @property
    def _spark_submit(self) -> str:
        if home := os.environ.get("SPARK_HOME"):
            return str(Path(home, "bin", "spark-submit"))
        try:
            import pyspark
        except ImportError:
            raise SparkJobFailed("Spark", "ImportError", _MISSING, retryable=False) from None
        return str(Path(pyspark.__file__).parent / "bin" / "spark-submit")

    @cached_property
    def _environment(self) -> dict[str, str]:
        paths = [str(SPARK_JOBS.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        given = {
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
            "PYTHONPATH": os.pathsep.join(paths),
        }
        return {**given, **os.environ, "PYTHONPATH": given["PYTHONPATH"], **self.credentials}


def _good(job: Job, messages: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    """Messages, until one tells of a failure."""
    for message in messages:
        if failed := message.get(FAILED):
            raise SparkJobFailed(job, failed["type"], failed["message"])
        yield message


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what still runs: the driver, and the Python beside it."""
    if process.poll() is not None:
        return
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sent)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_ENDS_WITHIN_SECONDS)
            return


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("pyspark")
    except PackageNotFoundError:
        raise SparkJobFailed("Spark", "ImportError", _MISSING, retryable=False) from None
