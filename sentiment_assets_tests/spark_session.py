"""Spark for tests: one session a process, on two cores, which a task may be lost of."""

from __future__ import annotations

import functools
import shutil
from typing import Any

import dagster as dg

from resources.spark import SessionRunner, SparkSettings, spark_configuration
from sentiment_assets.engine.job_order import JobAddress
from sentiment_assets.lake.objects import Lake
from simulator.kafka.jars import KafkaUnavailable, java

#: Sessions of tests end before Java's second compiler or a collector of many threads pays off.
SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
#: Small shuffles, little memory; a task that dies is tried again.
CONF = {
    "spark.driver.extraJavaOptions": SHORT_LIVED,
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": "2",
    "spark.python.worker.faulthandler.enabled": "true",
}
SETTINGS = SparkSettings(spark_master="local[2,4]", spark_conf=CONF)


def lacking() -> str | None:
    """Why Spark can't run here, in one line; null if it can."""
    try:
        java()
    except KafkaUnavailable as problem:
        return str(problem)
    return None if shutil.which("java") else "Spark needs java on the PATH"


@functools.cache
def runner() -> SessionRunner:
    # The workers' environment is that of the session's start.
    given = {"AWS_ACCESS_KEY_ID": "test-key-id", "AWS_SECRET_ACCESS_KEY": "test-secret-key"}
    return SessionRunner(spark_configuration(SETTINGS), given)


def session(lake: Lake) -> Any:
    """The session, begun if none stands."""
    address = JobAddress(lake.location.uri, lake.location.origin, "", "")
    return runner()._session(address)


class Step:
    """The part of a step's context that a session's runner uses."""

    def __init__(self) -> None:
        self.log = dg.get_dagster_logger()


def step() -> Any:
    return Step()
