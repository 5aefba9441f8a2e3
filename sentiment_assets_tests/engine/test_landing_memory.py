"""Memory of a landing in a process of its own, by the size of its range."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sentiment_assets_tests.bronze_records import payload
from sentiment_assets_tests.kafka_server import KafkaServer, new_prefix
from sentiment_assets_tests.streamed import Streamed

UNIT = 4_000
FEW, MANY = 8_000, 64_000
#: Of twelve more units. A unit's own records are 4 MB, and were they kept it would be 48 and more.
GROWTH_MB = 12

LAND = """
import datetime as dt, resource, sys
from resources.kafka import KafkaConnection
from resources.kafka_reader import KafkaReader
from sentiment_assets.core.landings import OffsetRange, waiting
from sentiment_assets.engine import landing
from sentiment_assets.lake.landings import position_of
from sentiment_assets.lake.objects import Lake, LakeLocation

brokers, topic, records, folder, ids, unit = sys.argv[1:]
landing.MOST_RECORDS = int(unit)
reader = KafkaReader(KafkaConnection(brokers), f"{topic}-landing", topic_ids=ids == "True")
log = reader.topic_log(topic)
ranges = (OffsetRange(0, 0, int(records)),)
lake = Lake.open(LakeLocation(folder, "simulated"))
name = waiting(log, position_of(lake, topic, log.topic_id)).log
landings = landing.land(
    lake, reader, landing.Order("x", topic, name, ranges),
    holds=lambda _: True, run_id="run-1", clock=lambda: dt.datetime.now(dt.timezone.utc),
)
print(sum(found.landed for found in landings))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.fixture(scope="module")
def stream(kafka_server: KafkaServer) -> Streamed:
    stream = Streamed(kafka_server, new_prefix(), partitions=1)
    text = "the outage of our nimbus ruined the morning " * 20
    for start in range(0, MANY, UNIT):
        stream.send(
            payload(number % 24, number, text=text) for number in range(start, start + UNIT)
        )
    return stream


def test_memory_does_not_follow_the_range(stream: Streamed, tmp_path: Path) -> None:
    def peak(records: int) -> float:
        done = subprocess.run(
            [
                sys.executable, "-c", LAND, stream.connection.brokers, stream.topic, str(records),
                str(tmp_path / str(records)), str(not stream.server.mocked), str(UNIT),
            ],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        landed, megabytes = done.stdout.split()
        assert int(landed) == records
        return float(megabytes)

    few, many = peak(FEW), peak(MANY)
    assert many < few + GROWTH_MB
