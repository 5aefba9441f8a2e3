"""What a job tells Dagster beside its results: how far it is, and why it failed.

What belongs here: looking at Spark's stages, and finding the cause in what Spark raises. Which
causes another try can mend is decided where the job was started.
"""

from __future__ import annotations

import re
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dagster_pipes import PipesContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from sentiment_assets.engine.spark import FAILED

#: Last line of a traceback, as Python's workers send it to the driver.
_RAISED = re.compile(r"^(?:[\w.]+\.)?(\w+): (.+)$", re.MULTILINE)
#: Between two lines that say how far a job is.
_EVERY_SECONDS = 15.0


@contextmanager
def progress(spark: SparkSession, log: Callable[[str], None]) -> Iterator[None]:
    """Say now and then how many tasks of the stages that run are done."""
    ended = threading.Event()
    tracker = spark.sparkContext.statusTracker()

    def watch() -> None:
        while not ended.wait(_EVERY_SECONDS):
            stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
            for stage in filter(None, stages):
                log(
                    f"stage {stage.stageId}: {stage.numCompletedTasks} of {stage.numTasks} tasks, "
                    f"{stage.numFailedTasks} failed"
                )

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        ended.set()
        watching.join()


def cause_of(error: BaseException) -> tuple[str, str]:
    """Name of the error's type and its message; of a worker's error, the worker's."""
    if isinstance(error, PySparkException):
        _, _, trace = str(error).partition("Traceback (most recent call last):")
        # Frames are indented; below the worker's own error stand Java's, or the stream's plan.
        for below in ("\n\tat ", "\n=== Streaming Query ==="):
            trace = trace.partition(below)[0]
        if raised := _RAISED.findall(trace):
            kind, message = raised[-1]
            return str(kind), str(message)
        # Spark's own errors name columns and plans, and now and then a value: their class will do.
        return type(error).__name__, error.getCondition() or "see the driver's log"
    return type(error).__name__, str(error)


@contextmanager
def failures_are_told(pipes: PipesContext) -> Iterator[None]:
    """Report the cause of what is raised, and end the program.

    The traceback goes to the driver's log alone: Pipes would take it into Dagster's events, with
    whatever Spark quotes in it.
    """
    try:
        yield
    except Exception as error:
        kind, message = cause_of(error)
        pipes.report_custom_message({FAILED: {"type": kind, "message": message}})
        traceback.print_exc()
        raise SystemExit(1) from None
