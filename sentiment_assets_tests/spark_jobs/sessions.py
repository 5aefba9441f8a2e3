"""Spark for tests of the stream: few cores, a small heap, jars for Kafka where they are."""

from __future__ import annotations

import os
import sys

from pyspark.sql import SparkSession

from sentiment_assets.lake.objects import LakeLocation
from sentiment_assets_tests.spark_session import SHORT_LIVED
from spark_jobs.jars import spark_jars
from spark_jobs.session import configuration


def streaming_session(location: LakeLocation, cores: int = 2) -> SparkSession:
    """A session that reads Kafka.

    Raises:
        JarsMissing: the jars were not fetched.
    """
    os.environ["PYSPARK_PYTHON"] = sys.executable
    # A process has one session, and it may be the first of several tests': what the others need of
    # it, as sentiment_assets_tests/spark_session.py has it, is given here too.
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "test-key-id")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "test-secret-key")
    wanted = {
        **configuration(location),
        "spark.master": f"local[{cores},4]",
        "spark.jars": ",".join(str(jar) for jar in spark_jars()),
        "spark.ui.enabled": "false",
        "spark.log.level": "ERROR",
        "spark.driver.memory": "1g",
        "spark.driver.extraJavaOptions": SHORT_LIVED,
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
    }
    builder = SparkSession.builder.appName("tests of the stream")
    for name, value in wanted.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    # One that stood before takes no address of a store from its builder.
    hadoop = session.sparkContext._jsc.hadoopConfiguration()
    for name, value in wanted.items():
        if name.startswith("spark.hadoop."):
            hadoop.set(name.removeprefix("spark.hadoop."), value)
    return session
