"""Which engine does a run's work: the one on this machine, or Spark.

What belongs here: the choice and its reason. The figure behind the default is measured by
``python -m benchmarks.spark_peers``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Engine = Literal["in-process", "spark"]
"""``in-process`` is Polars on this machine, ``spark`` is a job of Spark's."""


@dataclass(frozen=True)
class Choice:
    """An engine, and why it was chosen."""

    engine: Engine
    reason: str


def choose_engine(
    bronze_bytes: int, spark_from_bytes: int | None, forced: Engine | None = None
) -> Choice:
    """Choose by what bronze is read.

    Args:
        bronze_bytes: stored (packed) bytes of the bronze objects behind the run.
        spark_from_bytes: from how many on Spark is worth its start; null for never.
        forced: what the run's config asks for.
    """
    read = f"{bronze_bytes:,} bytes of bronze"
    if forced is not None:
        return Choice(forced, f"the run's config asks for it; {read}")
    if spark_from_bytes is None:
        return Choice("in-process", f"SENTIMENT_SPARK_FROM_BYTES is not set; {read}")
    setting = f"the {spark_from_bytes:,} of SENTIMENT_SPARK_FROM_BYTES"
    if bronze_bytes < spark_from_bytes:
        return Choice("in-process", f"{read} are fewer than {setting}")
    return Choice("spark", f"{read} reach {setting}")
