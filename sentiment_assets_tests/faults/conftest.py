"""One seed in `make test`, many in `make faults`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets_tests.faults.storm import Storm
from sentiment_assets_tests.kafka_server import KafkaServer, new_prefix
from sentiment_assets_tests.streamed import Streamed

SEEDS = range(1, 1 + int(os.environ.get("SENTIMENT_FAULT_SEEDS", "1")))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", SEEDS)


@pytest.fixture
def storm(seed: int, tmp_path: Path, kafka_server: KafkaServer) -> Storm:
    """A topic of two partitions and an empty lake on disk."""
    lake = Lake.open(LakeLocation(str(tmp_path / "lake"), "simulated"))
    stream = Streamed(kafka_server, new_prefix())
    return Storm(seed, stream, lake, tmp_path)
