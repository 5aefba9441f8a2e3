"""Spark's configuration: the same for every job, wherever it runs.

What belongs here: what a job needs of a session (adaptive execution, Arrow, UTC, the lake's
storage). Where Spark runs is ``resources.spark``'s.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from pyspark.sql import SparkSession

from sentiment_assets.lake.objects import LakeLocation

#: Of every session.
CONFIGURATION: Mapping[str, str] = {
    # Instants are UTC everywhere else.
    "spark.sql.session.timeZone": "UTC",
    # Adaptive: skewed partitions are split, small ones joined, by sizes that were measured.
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.adaptive.skewJoin.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "20000",
    # One thread of Polars a task: cores are Spark's to share out.
    "spark.executorEnv.POLARS_MAX_THREADS": "1",
    # The listing of a thousand paths one by one is the driver's, not a job's.
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "10000",
    "spark.ui.showConsoleProgress": "false",
}

#: Names of object-store options that S3A has other names for.
_S3A = {
    "aws_access_key_id": "fs.s3a.access.key",
    "aws_secret_access_key": "fs.s3a.secret.key",
    "aws_session_token": "fs.s3a.session.token",
    "aws_region": "fs.s3a.endpoint.region",
    "aws_endpoint_url": "fs.s3a.endpoint",
    "aws_sse_kms_key_id": "fs.s3a.encryption.key",
}


def configuration(location: LakeLocation) -> dict[str, str]:
    """What a session needs to read a lake.

    Options that the location leaves out come from the process's own AWS environment.
    """
    if not location.is_s3:
        return dict(CONFIGURATION)
    options = {name.lower(): value for name, value in location.storage_options.items()}
    hadoop = {_S3A[name]: value for name, value in options.items() if name in _S3A}
    if "aws_endpoint_url" in options:
        # Another server than Amazon's: buckets have no names of their own there.
        hadoop["fs.s3a.path.style.access"] = "true"
        ssl = options["aws_endpoint_url"].startswith("https:")
        hadoop["fs.s3a.connection.ssl.enabled"] = str(ssl).lower()
    if options.get("aws_server_side_encryption") == "aws:kms":
        hadoop["fs.s3a.encryption.algorithm"] = "SSE-KMS"
    return {**CONFIGURATION, **{f"spark.hadoop.{name}": value for name, value in hadoop.items()}}


def spark_uri(uri: str) -> str:
    """An address of the lake as Spark spells it."""
    return f"s3a://{uri.removeprefix('s3://')}" if uri.startswith("s3://") else f"file://{uri}"


def session(location: LakeLocation, name: str) -> SparkSession:
    """The session of a program that spark-submit runs; its master and jars are given there."""
    # Workers are what this process is: the same interpreter, in reach of the same packages.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName(name)
    for key, value in configuration(location).items():
        builder = builder.config(key, value)
    return builder.getOrCreate()
