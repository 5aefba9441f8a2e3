"""Which engine does a run's work: the one on this machine, or Spark.

What belongs here: the choice and its reason. The figure behind the default is measured by
``python -m benchmarks.spark_peers``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sentiment_assets.core.coverage import BronzeObject
from sentiment_assets.engine.spark import SparkRunner

Engine = Literal["in_process", "spark"]
"""``in_process`` is Polars on this machine, ``spark`` is a job of Spark's."""


@dataclass(frozen=True)
class Engines:
    """What there is to choose from."""

    spark: SparkRunner
    #: From how many bytes of bronze on Spark is worth its start; null for never.
    spark_from_bytes: int | None = None


@dataclass(frozen=True)
class Choice:
    """An engine, and why it was chosen."""

    engine: Engine
    reason: str

    def facts(self, engines: Engines) -> dict[str, str]:
        """What a materialization says of it."""
        told = {"engine": self.engine, "engine_reason": self.reason}
        if self.engine == "spark":
            told |= {"spark": engines.spark.name, **engines.spark.facts()}
        return told


def choose_engine(
    objects: Iterable[BronzeObject], spark_from_bytes: int | None, forced: Engine | None = None
) -> Choice:
    """Choose by what bronze is read.

    Args:
        objects: bronze behind the run; their stored (packed) bytes count.
        spark_from_bytes: from how many on Spark is worth its start; null for never.
        forced: what the run's config asks for; null where it leaves the choice open.
    """
    bronze_bytes = sum(stored.size for stored in objects)
    read = f"{bronze_bytes:,} bytes of bronze"
    if forced is not None:
        return Choice(forced, f"the run's config asks for it; {read}")
    if spark_from_bytes is None:
        return Choice("in_process", f"there is no cluster of Spark's; {read}")
    setting = f"the {spark_from_bytes:,} of SENTIMENT_SPARK_FROM_BYTES"
    if bronze_bytes < spark_from_bytes:
        return Choice("in_process", f"{read} are fewer than {setting}")
    return Choice("spark", f"{read} reach {setting}")
