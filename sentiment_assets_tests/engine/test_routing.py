"""Which engine is chosen, and that the reason says why."""

from __future__ import annotations

import pytest

from sentiment_assets.core.coverage import BronzeObject
from sentiment_assets.engine.routing import Choice, Engine, choose_engine

OBJECTS = [BronzeObject("a", 10, 600, ""), BronzeObject("b", 10, 400, "")]


@pytest.mark.parametrize(
    ("from_bytes", "forced", "engine", "reason"),
    [
        (None, None, "in_process",
         "there is no cluster of Spark's; 1,000 bytes of bronze"),
        (1001, None, "in_process",
         "1,000 bytes of bronze are fewer than the 1,001 of SENTIMENT_SPARK_FROM_BYTES"),
        (1000, None, "spark",
         "1,000 bytes of bronze reach the 1,000 of SENTIMENT_SPARK_FROM_BYTES"),
        (None, "spark", "spark", "the run's config asks for it; 1,000 bytes of bronze"),
        (0, "in_process", "in_process", "the run's config asks for it; 1,000 bytes of bronze"),
    ],
)  # fmt: skip
def test_choices(
    from_bytes: int | None, forced: Engine | None, engine: Engine, reason: str
) -> None:
    assert choose_engine(OBJECTS, from_bytes, forced) == Choice(engine, reason)
