"""Bronze to silver on Spark as the assets do it, without Dagster and with it.

What belongs here: a session of the benchmarks' size, and work on it. What is compared stands in
``spark_peers.py`` and ``spark_scale.py``; the jobs that others would write in ``spark_udfs.py``.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import bronze, pipeline, process_tree
from resources.spark import SessionRunner, SparkSettings, spark_configuration
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.engine import in_process
from sentiment_assets.engine.routing import Engines
from sentiment_assets.engine.spark import build_on_spark
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.staged import StagedTable

Result = dict[str, Any]

#: All cores of a laptop that has two.
MASTER = "local[2]"
#: Of the Java machine, whatever the size of the work; what does not fit it spills.
JAVA_MEMORY = "2g"


@dataclass
class _Step:
    """What a runner needs of a Dagster step."""

    log: logging.Logger


@functools.cache
def runner() -> SessionRunner:
    """One session a process."""
    configuration = {"spark.driver.memory": JAVA_MEMORY}
    return SessionRunner(
        spark_configuration(SparkSettings(spark_master=MASTER, spark_conf=configuration))
    )


def spark() -> Any:
    """The session that :func:`start` began."""
    from pyspark.sql import SparkSession

    return SparkSession.getActiveSession()


def start(scratch: Path) -> float:
    """Begin the session with a first small job; returns its seconds."""
    lake = bronze.open_lake(scratch)
    bronze.write_date(scratch, bronze.DAY, 60, None, windows=1)
    began = time.perf_counter()
    build_silver(lake, [bronze.DAY])
    return time.perf_counter() - began


def build_silver(lake: Lake, partitions: Sequence[PostPartition]) -> int:
    """Silver and quarantine of all partitions by one job, committed; returns the rows."""
    rules = pipeline.rules()

    def built(sources: Any) -> Any:
        return build_on_spark(runner(), _Step(_log()), lake, "bench", sources, rules)

    build = in_process.build_silver(lake, partitions, rules, run_id="bench", builder=built)
    fingerprints: dict[tuple[str, ...], int] = {
        (w.partition.date.isoformat(), w.partition.platform, w.name): fingerprint
        for w, fingerprint in build.fingerprints.items()
    }
    StagedTable(build.quarantine).commit()
    StagedTable(build.posts, fingerprints).commit()
    return sum(counts.rows for counts in build.counts.values())


def rebuild(home: Path, on_spark: bool) -> dict[str, float]:
    """The ``rebuild`` job of a home's first date, gold and checks included; seconds by step."""
    from resources.settings import read_settings
    from sentiment_assets.definitions import build_defs

    definitions = build_defs(
        read_settings({}, home=home, x_base_url="http://127.0.0.1:9", mart="off"),
        rules=pipeline.rules(),
        min_authors=pipeline.MIN_AUTHORS,
        engines=Engines(runner(), 0 if on_spark else None),
    )
    return pipeline.run_job(definitions, [bronze.DAY])


def measured(scratch: Path | None, work: Callable[[], Result]) -> Result:
    """Work, after the session has begun where ``scratch`` is given: wall, CPU, peaks of memory."""
    started = 0.0 if scratch is None else start(scratch)
    began = time.perf_counter()
    with process_tree.watched() as usage:
        result = work()
        ended = time.perf_counter()
    return {
        "wall": ended - began,
        "cpu": usage.cpu,
        "session": started,
        "peaks": usage.peaks,
        **result,
    }


def _log() -> logging.Logger:
    log = logging.getLogger("benchmarks.spark")
    log.setLevel(logging.CRITICAL)
    return log
