"""What a job tells Dagster when it fails: the cause by its name, so that retries make sense.

What belongs here: finding the cause in what Spark raises. Which causes another try can mend is
decided where the job was started.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from dagster_pipes import PipesContext
from pyspark.errors import PySparkException

#: Last line of a traceback, as Python's workers send it to the driver.
_RAISED = re.compile(r"^(?:[\w.]+\.)?(\w+): (.+)$", re.MULTILINE)
#: Key of the message that tells of a failure.
FAILED = "failed"


def cause_of(error: BaseException) -> tuple[str, str]:
    """Name of the error's type and its message; of a worker's error, the worker's."""
    if isinstance(error, PySparkException):
        _, _, trace = str(error).partition("Traceback (most recent call last):")
        # Frames are indented; below the worker's own error stand Java's.
        if raised := _RAISED.findall(trace.partition("\n\tat ")[0]):
            return raised[-1]
        # Spark's own errors name columns and plans, and now and then a value: their class will do.
        return type(error).__name__, error.getCondition() or "see the driver's log"
    return type(error).__name__, str(error)


@contextmanager
def failures_are_told(pipes: PipesContext) -> Iterator[None]:
    """Report the cause of what is raised, then let it end the program."""
    try:
        yield
    except Exception as error:
        kind, message = cause_of(error)
        pipes.report_custom_message({FAILED: {"type": kind, "message": message}})
        raise
