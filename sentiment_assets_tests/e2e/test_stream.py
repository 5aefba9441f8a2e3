"""Posts of a topic reach silver and gold by themselves, under a real daemon and a real broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.stream_delay import measure
from sentiment_assets_tests.kafka_server import KafkaServer


@pytest.mark.timeout(400)
def test_what_is_produced_reaches_gold_within_five_minutes(
    tmp_path: Path, kafka_server: KafkaServer, real_kafka: object
) -> None:
    impatient = Path(__file__).with_name("impatient")
    quick = {
        "SENTIMENT_LANDING_SECONDS": "0",
        "SENTIMENT_REBUILD_MINUTES": "0",
        "PYTHONPATH": str(impatient),
    }
    waves = measure(tmp_path, kafka_server.connection.brokers, 1, 150, 0, quick)
    assert [wave.posts for wave in waves] == [150]
    # Late dates too: one post of ten is three weeks old.
    assert max(wave.gold for wave in waves) < 300
