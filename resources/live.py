"""The stream of live posts: its settings, and what a run of it needs.

What belongs here: how it is set up in an environment. What it does is ``engine.live`` and
``spark_jobs.stream_posts``; when it is started, ``sentiment_assets.live_sensors``.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping

from pydantic import BaseModel, Field

from resources.spark import SparkSettings, SubmitRunner, spark_configuration
from sentiment_assets.core.live import LiveMode
from sentiment_assets.engine.job_order import CREDENTIALS
from sentiment_assets.engine.spark import SparkRunner


class LiveSettings(BaseModel):
    """What can be set of the stream of live posts."""

    live: LiveMode = Field(
        "off",
        description="Live posts by Spark from the Kafka topics: off; available_now, a run whenever "
        "records wait; or continuous, one run that goes on (docs/streaming.md).",
        examples=["continuous"],
    )
    live_seconds: int = Field(
        10,
        ge=1,
        description="Between the begins of two batches of the live stream; with available_now, "
        "between two runs.",
        examples=["10"],
    )
    live_late_minutes: int = Field(
        60,
        ge=5,
        le=24 * 60,
        description="How long after the newest posts a post may come and still be live; so long "
        "the stream keeps what it knows posts by.",
        examples=["60"],
    )
    live_batch_records: int = Field(
        50_000,
        ge=100,
        description="Records of one batch of the live stream at most: they bound its memory.",
        examples=["50000"],
    )
    live_parts: int = Field(
        2,
        ge=1,
        description="Parts of a batch that are worked on side by side, the cores of the cluster, "
        "say. Another number counts once the stream begins anew.",
        examples=["16"],
    )


def live_runner(settings: SparkSettings, credentials: Mapping[str, str]) -> SparkRunner:
    """Who runs the stream: a process of its own, which reports while it runs, and can be ended.

    Args:
        settings: where Spark runs.
        credentials: options of the lake's storage that no job is told.
    """
    given = {name.upper(): value for name, value in credentials.items()}
    given = {name: value for name, value in given.items() if name.lower() in CREDENTIALS}
    return SubmitRunner(spark_configuration(settings), given)


def live_lacks() -> str | None:
    """What this machine lacks to run the stream, in a few words; null where nothing does."""
    if importlib.util.find_spec("pyspark") is None:
        return "Spark is not installed (the extra `spark`)"
    if shutil.which("java") is None:
        return "Spark needs Java 17, and there is none"
    from spark_jobs.jars import JarsMissing, spark_jars

    try:
        spark_jars()
    except JarsMissing as problem:
        return str(problem)
    return None
