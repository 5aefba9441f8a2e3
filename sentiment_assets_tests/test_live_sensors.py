"""The live stream's sensor over several looks, and the run that it asks for, on a real instance."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from sentiment_assets.assets.live import (
    LIVE_JOB,
    LIVE_POSTS_KEY,
    LIVE_SENTIMENT_KEY,
    MOST_RUNTIME_SECONDS,
    Tally,
    live_job,
)
from sentiment_assets.core.live import LiveMode
from sentiment_assets.core.streams import StreamTopic
from sentiment_assets.engine.job_order import JobAddress, read_order
from sentiment_assets.engine.live import (
    LiveOrder,
    LiveProgress,
    LiveStream,
    note_progress,
)
from sentiment_assets.engine.spark import Job, SparkJobFailed
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets.live_sensors import BACK_OFF_SECONDS, WORKED_SECONDS, LiveRules, look
from sentiment_assets_tests.kafka_server import KafkaServer
from sentiment_assets_tests.live_posts import order
from sentiment_assets_tests.streamed import Streamed


def message(batch: int, posts: int, waited: float) -> dict[str, Any]:
    return {
        "batch": batch, "records": posts + 3, "refused": 1, "duplicates": 2, "late": 0,
        "posts": posts, "oldest_waited_seconds": waited, "seconds": 1.5, "lag": {"posts.x": batch},
    }  # fmt: skip


@dataclass
class Told:
    """Stands where Spark would run: reports what it was given, then ends or fails.

    The stream itself is tested in ``spark_jobs``; here it is what Dagster makes of its reports.
    """

    messages: Sequence[Mapping[str, Any]] = ()
    failure: Exception | None = None
    orders: list[LiveOrder] = field(default_factory=list)
    name: str = "a test"

    def facts(self) -> Mapping[str, str]:
        return {"spark_version": "4.2.0"}

    def run(
        self, job: Job, order: JobAddress, context: Any
    ) -> Generator[Mapping[str, Any], None, None]:
        assert job == "stream_posts"
        self.orders.append(read_order(order)[1])
        yield from self.messages
        if self.failure is not None:
            raise self.failure


@dataclass
class Sensor:
    instance: dg.DagsterInstance
    lake: Lake
    stream: Streamed

    def look(self, mode: LiveMode, after: float = 0) -> dg.RunRequest | str:
        topic = StreamTopic("x", self.stream.topic, 2, 1, dt.timedelta(days=3), 1 << 20)
        now = dt.datetime.now(dt.timezone.utc) + dt.timedelta(seconds=after)
        return look(self.instance, self.lake, self.stream.reader(), [topic], LiveRules(mode), now)

    def run(self, told: Told) -> dg.ExecuteInProcessResult:
        return live_job.execute_in_process(
            instance=self.instance,
            resources={
                "lake": self.lake,
                "live_stream": LiveStream(told, lambda run_id: order(run_id=run_id)),
            },
            raise_on_error=False,
        )


@pytest.fixture
def sensor(tmp_path: Path, kafka_server: KafkaServer, kafka_prefix: str) -> Sensor:
    return Sensor(
        dg.DagsterInstance.ephemeral(),
        Lake.open(LakeLocation(str(tmp_path / "lake"), "simulated")),
        Streamed(kafka_server, kafka_prefix),
    )


def asked(found: dg.RunRequest | str) -> str:
    assert isinstance(found, dg.RunRequest), found
    return str(found.run_key)


def test_off_asks_for_nothing(sensor: Sensor) -> None:
    assert "SENTIMENT_LIVE is off" in str(sensor.look("off"))


def test_a_continuous_stream_is_started_once_and_again_when_it_ended(sensor: Sensor) -> None:
    first = asked(sensor.look("continuous"))
    assert asked(sensor.look("continuous")) == first, "a repeated tick asks for the same run"
    assert sensor.run(Told()).success
    assert asked(sensor.look("continuous")) != first


def test_a_stream_that_runs_is_left_alone(sensor: Sensor) -> None:
    sensor.instance.create_run_for_job(live_job, status=dg.DagsterRunStatus.STARTED)
    assert sensor.look("continuous") == "the stream runs"


def test_failures_are_waited_for_longer_and_longer(sensor: Sensor) -> None:
    failing = Told(failure=SparkJobFailed("stream_posts", "TimeoutError", "no broker answers"))
    for failures, wait in enumerate(BACK_OFF_SECONDS, 1):
        assert not sensor.run(failing).success
        assert sensor.look("continuous", wait - 5) == (
            f"{failures} runs in a row failed; the next run is {wait} s after the last"
        )
        asked(sensor.look("continuous", wait + 5))
    assert sensor.run(Told()).success
    asked(sensor.look("continuous"))


def test_a_failure_after_long_work_is_the_first_of_its_row(
    sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = Told(failure=SparkJobFailed("stream_posts", "TimeoutError", "no broker answers"))
    for _ in range(3):
        sensor.run(failing)
    monkeypatch.setattr("sentiment_assets.live_sensors.WORKED_SECONDS", -1)
    assert WORKED_SECONDS > 0
    assert "1 runs in a row failed" in str(sensor.look("continuous"))


def test_what_waits_starts_a_run_where_runs_end(sensor: Sensor) -> None:
    assert sensor.look("available_now") == "no record waits"
    sensor.stream.send([b"{}", b"{}"], partition=1)
    asked(sensor.look("available_now"))
    assert sensor.run(Told()).success
    offsets = {sensor.stream.topic: {0: 0, 1: 2}}
    now = dt.datetime.now(dt.timezone.utc)
    note_progress(sensor.lake, LiveProgress("q1", 0, offsets, now))
    assert sensor.look("available_now", 60) == "no record waits"
    sensor.stream.send([b"{}"])
    assert sensor.look("available_now") == "the next run is 10 s after the last"
    asked(sensor.look("available_now", 60))


def materializations(result: dg.ExecuteInProcessResult) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for event in result.get_asset_materialization_events():
        facts = {name: value.value for name, value in event.materialization.metadata.items()}
        found.setdefault(str(event.asset_key and event.asset_key.to_user_string()), []).append(
            facts
        )
    return found


def test_a_run_tells_at_most_once_a_minute_and_loses_no_figure(sensor: Sensor) -> None:
    """The first batch is told at once, all others of the minute together."""
    told = Told(
        [message(0, 5, 2.5), {"idle": True, "lag": {}}, message(1, 7, 9.0), message(2, 1, 1.0)]
    )
    result = sensor.run(told)
    assert result.success
    found = materializations(result)
    assert found.keys() == {key.to_user_string() for key in (LIVE_POSTS_KEY, LIVE_SENTIMENT_KEY)}
    for rows in found.values():
        assert [row["posts"] for row in rows] == [5, 8]
        assert [row["records"] for row in rows] == [8, 14]
        assert [row["batches"] for row in rows] == [1, 2]
        assert rows[1]["last_batch"] == 2
        assert rows[1]["longest_waited_seconds"] == 9.0
        assert rows[1]["lag_by_topic"] == {"posts.x": 2}
        assert rows[1]["spark_version"] == "4.2.0"
    assert told.orders[0].run_id == result.run_id


def test_a_failed_run_tells_what_was_done_before_and_leaves_no_order(sensor: Sensor) -> None:
    told = Told([message(0, 5, 2.5)], SparkJobFailed("stream_posts", "StreamStalled", "no batch"))
    result = sensor.run(told)
    assert not result.success
    assert [row["posts"] for row in materializations(result)["silver/live_posts"]] == [5]
    assert sensor.lake.objects.list("bronze/_jobs") == []


def test_no_run_of_the_stream_is_ended_as_one_that_hangs() -> None:
    assert live_job.tags["dagster/max_runtime"] == str(MOST_RUNTIME_SECONDS)
    assert order().hours * 3600 < MOST_RUNTIME_SECONDS
    assert live_job.name == LIVE_JOB


def test_a_sign_of_life_is_no_batch() -> None:
    tally = Tally()
    tally.add({"idle": True, "lag": {"posts.x": 4}})
    assert (tally.batches, tally.facts()["lag_records"]) == (0, 4)
