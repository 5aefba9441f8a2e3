"""S3 that fails, is slow, or has written and says nothing of it, under a landing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from sentiment_assets.lake.landings import LandingConflict, add_landing
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets_tests.faults.conftest import SEEDS
from sentiment_assets_tests.faults.poison import POISON
from sentiment_assets_tests.faults.s3_faults import (
    CLIENT_TIMEOUT,
    KINDS,
    WRITTEN,
    Fault,
    FaultyS3,
    faulty_s3,
)
from sentiment_assets_tests.faults.storm import Storm, assert_nothing_lost, entry_of
from sentiment_assets_tests.kafka_server import KafkaServer, new_prefix
from sentiment_assets_tests.s3_server import S3Server
from sentiment_assets_tests.streamed import Streamed

PATHS = {
    "objects": r"/stream_posts/date.*\.jsonl\.gz",
    "dead letters": r"/dead_letters/.*\.jsonl\.gz",
    "manifests": r"/stream_posts/date.*\.manifest\.json",
    "the landing": r"/_landings/",
}


@pytest.fixture
def s3(s3_endpoint: S3Server) -> Iterator[FaultyS3]:
    with faulty_s3(s3_endpoint.url) as proxy:
        yield proxy


@pytest.fixture
def storm(
    seed: int, tmp_path: Path, kafka_server: KafkaServer, s3_endpoint: S3Server, s3: FaultyS3
) -> Storm:
    """The lake lies in a bucket behind the proxy."""
    options = s3_endpoint.storage_options | {
        "AWS_ENDPOINT_URL": s3.url,
        "timeout": f"{CLIENT_TIMEOUT * 1000:.0f}ms",
    }
    bucket = s3_endpoint.new_bucket()
    lake = Lake.open(LakeLocation(f"s3://{bucket}/lake", "simulated", options))
    return Storm(seed, Streamed(kafka_server, new_prefix()), lake, tmp_path)


def test_what_is_written_is_spoiled_one_after_the_other(storm: Storm, s3: FaultyS3) -> None:
    """Every kind of fault on every kind of object; a run that fails is repeated."""
    # Of the objects one for each kind of fault, two where many seeds have the time.
    most = 1 if len(SEEDS) == 1 else 2
    cases = [(kind, what) for kind in KINDS for what in storm.random.sample([*PATHS], most)]
    failed = set()
    for kind, what in storm.random.sample(cases, len(cases)):
        storm.rain(8)
        storm.send([(entry_of(POISON[0]), POISON[0])])
        fault = Fault(kind, "PUT", PATHS[what], times=storm.random.choice([1, 2]))
        s3.faults.append(fault)
        for _ in range(3):
            try:
                storm.land()
            except LandingConflict:
                raise
            except Exception:
                # Whatever the client makes of a spoiled answer: which writes may end so is
                # asserted below. As a failed step, or the sensor's next run.
                failed.add((kind, what))
            else:
                break
        assert fault.met, (kind, what)
        s3.faults.clear()
        assert storm.order().ranges == (), (kind, what)
    # What can be repeated without asking is: nobody hears of it.
    assert {what for _, what in failed} <= {"the landing"}
    assert not failed & {("500", "the landing"), ("503", "the landing")}
    assert_nothing_lost(storm)


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_landing_that_meets_itself_is_no_conflict(storm: Storm, s3: FaultyS3, kind: str) -> None:
    """S3 has it and says an error: the client asks again, and hears that something lies there."""
    storm.rain(8)
    [before] = storm.land()
    ours = msgspec.structs.replace(before, number=1)
    fault = Fault(kind, "PUT", PATHS["the landing"])  # type: ignore[arg-type]
    s3.faults.append(fault)
    if kind == "answer too late":
        # The client doesn't ask again by itself: what it asked for may be on its way still.
        with pytest.raises(Exception, match="error sending request"):
            add_landing(storm.lake, ours)
    add_landing(storm.lake, ours)
    assert fault.met == 1
    # And another's of the same number still is one.
    with pytest.raises(LandingConflict):
        add_landing(storm.lake, msgspec.structs.replace(ours, run_id="another"))
