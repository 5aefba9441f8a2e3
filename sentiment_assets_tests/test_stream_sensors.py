"""The topics' sensors over several looks, on an instance that is real and a broker that is too."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from resources.kafka import KafkaConnection
from resources.kafka_reader import KafkaReader
from sentiment_assets.assets.stream import STREAM_POSTS_KEY, land_job
from sentiment_assets.core.landings import TopicLog, Watermarks, log_name
from sentiment_assets.core.streams import StreamTopic
from sentiment_assets.lake.landings import recent_landings
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets.stream_sensors import (
    BACK_OFF_SECONDS,
    MOST_RECORDS,
    STREAM_TAG,
    LandingMemory,
    LandingRules,
    look,
)
from sentiment_assets_tests.kafka_server import KafkaServer, new_prefix
from sentiment_assets_tests.streamed import Streamed, posts

START = dt.datetime(2026, 11, 25, 12, tzinfo=dt.timezone.utc)
RULES = LandingRules(records=5, wait=dt.timedelta(seconds=60))


@dataclass
class Watch:
    """One topic's sensor, its lake and its instance; time is the test's."""

    instance: dg.DagsterInstance
    lake: Lake
    stream: Streamed
    memory: LandingMemory
    now: dt.datetime = START

    def look(self, after: float = 0, reader: KafkaReader | None = None) -> dg.RunRequest | str:
        self.now += dt.timedelta(seconds=after)
        topic = StreamTopic("x", self.stream.topic, 2, 1, dt.timedelta(days=3), 1 << 20)
        found = look(
            self.instance, self.lake, reader or self.stream.reader(), topic, RULES, self.memory,
            self.now,
        )  # fmt: skip
        # What is kept between looks goes through the cursor.
        self.memory = LandingMemory.read(self.memory.write())
        return found

    def run(self, request: dg.RunRequest | str, **resources: Any) -> dg.ExecuteInProcessResult:
        assert isinstance(request, dg.RunRequest), request
        return land_job.execute_in_process(
            run_config=request.run_config,
            tags=dict(request.tags),
            instance=self.instance,
            resources={"lake": self.lake, "stream_reader": self.stream.reader()} | resources,
            raise_on_error=False,
        )


@pytest.fixture
def watch(tmp_path: Path, kafka_server: KafkaServer) -> Watch:
    return Watch(
        dg.DagsterInstance.ephemeral(),
        Lake.open(LakeLocation(str(tmp_path / "lake"), "simulated")),
        Streamed(kafka_server, new_prefix()),
        LandingMemory(),
    )


def spans(request: dg.RunRequest | str) -> list[str]:
    assert isinstance(request, dg.RunRequest), request
    asked = request.run_config["ops"]["land_stream"]["config"]["ranges"]
    return [f"{span['partition']}:{span['start']}-{span['end']}" for span in asked]


def test_an_empty_topic_asks_for_nothing(watch: Watch) -> None:
    assert watch.look() == f"everything of {watch.stream.topic} is landed"


def test_few_records_wait_for_a_minute_and_many_do_not(watch: Watch) -> None:
    watch.stream.send(posts([1, 2]))
    assert "2 records of" in watch.look()
    assert "2 records of" in watch.look(59)
    asked = watch.look(1)
    assert spans(asked) == ["0:0-2"]
    watch.run(asked)
    assert "is landed" in watch.look(5)
    watch.stream.send(posts([3, 4], 5), 0)
    assert "wait" in watch.look(5)
    watch.stream.send(posts([3, 4, 5], 9), 1)
    assert spans(watch.look(5)) == ["0:2-4", "1:0-3"]


def test_range_and_attempt_stand_in_the_run_key(watch: Watch) -> None:
    watch.stream.send(posts([1] * 5))
    asked = watch.look()
    assert isinstance(asked, dg.RunRequest)
    log = watch.memory.log
    assert asked.run_key == f"{watch.stream.topic}/{log}/0:0:0-5#0"
    assert asked.tags[STREAM_TAG] == watch.stream.topic


def test_a_landing_under_way_is_waited_for(watch: Watch) -> None:
    watch.stream.send(posts([1] * 5))
    asked = watch.look()
    assert isinstance(asked, dg.RunRequest)
    run = watch.instance.create_run_for_job(
        land_job,
        run_config=asked.run_config,
        tags=dict(asked.tags),
        status=dg.DagsterRunStatus.STARTED,
    )
    watch.stream.send(posts([2] * 5, 10))
    assert watch.look(300) == f"a landing of {watch.stream.topic} is under way"
    watch.instance.report_run_failed(run, "killed")
    assert spans(watch.look(1)) == ["0:0-10"]


def test_after_a_failure_the_range_is_asked_for_again_with_growing_waits(watch: Watch) -> None:
    watch.stream.send(posts([1] * 5))
    first = watch.look()
    keys = {first.run_key} if isinstance(first, dg.RunRequest) else set()
    for attempt, wait in enumerate(BACK_OFF_SECONDS, 1):
        assert "failed" in watch.look(wait - 1)
        again = watch.look(1)
        assert spans(again) == ["0:0-5"]
        assert isinstance(again, dg.RunRequest)
        assert again.run_key.endswith(f"#{attempt}")
        assert again.run_key not in keys
        keys.add(again.run_key)
    # More came meanwhile: the next try takes it along, and leaves no gap.
    watch.stream.send(posts([2] * 3, 20))
    last = watch.look(BACK_OFF_SECONDS[-1])
    assert spans(last) == ["0:0-8"]
    assert watch.run(last).success
    assert "is landed" in watch.look()
    watch.stream.send(posts([3] * 5, 30))
    fresh = watch.look()
    assert isinstance(fresh, dg.RunRequest)
    assert fresh.run_key.endswith(":0:8-13#0")


def test_brokers_that_are_away_are_said_and_nothing_is_forgotten(watch: Watch) -> None:
    watch.stream.send(posts([1, 2]))
    watch.look()
    away = KafkaReader(KafkaConnection("127.0.0.1:1"), "group", answer_within=1, topic_ids=False)
    said = watch.look(30, away)
    assert "127.0.0.1:1" in said
    assert "SENTIMENT_KAFKA_BROKERS" in said
    # The record has waited all the while.
    assert spans(watch.look(30)) == ["0:0-2"]


def test_a_topic_that_is_missing_is_said_with_what_makes_it(
    watch: Watch, whole_kafka: object
) -> None:
    from confluent_kafka.admin import AdminClient

    admin = AdminClient(watch.stream.connection.config())
    admin.delete_topics([watch.stream.topic])[watch.stream.topic].result(20)
    said = watch.look()
    assert "`sentiment topics apply` makes it" in said


def test_what_a_deleted_topic_still_held_is_told_exactly(watch: Watch, whole_kafka: object) -> None:
    from confluent_kafka.admin import AdminClient

    watch.stream.send(posts([1] * 5))
    watch.run(watch.look())
    watch.stream.send(posts([2] * 3, 10))
    assert "3 records of" in watch.look()
    admin = AdminClient(watch.stream.connection.config())
    admin.delete_topics([watch.stream.topic])[watch.stream.topic].result(20)
    watch.look(10)
    watch.stream = Streamed(watch.stream.server, watch.stream.prefix)
    watch.stream.send(posts([3], 20))
    asked = watch.look(10)
    assert spans(asked) == []
    result = watch.run(asked)
    assert result.success
    failed = [e for e in checks_of(watch, result) if not e.passed]
    assert "3 records were deleted before they were landed, offsets 0:5-8" in failed[0].description
    # And then the new one's.
    assert "1 records of" in watch.look(1)
    fresh = watch.look(60)
    assert spans(fresh) == ["0:0-1"]
    watch.run(fresh)
    logs = [landing.log for landing in recent_landings(watch.lake, watch.stream.topic)]
    assert len(set(logs)) == 2
    assert len(logs) == 3


def test_what_retention_deleted_fails_a_check_with_the_offsets(
    watch: Watch, whole_kafka: object
) -> None:
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import AdminClient

    watch.stream.send(posts([1] * 5))
    watch.run(watch.look())
    watch.stream.send(posts([2] * 3, 10))
    admin = AdminClient(watch.stream.connection.config())
    for deleted in admin.delete_records([TopicPartition(watch.stream.topic, 0, 7)]).values():
        deleted.result(20)
    # A loss doesn't wait for a minute.
    result = watch.run(watch.look())
    failed = [e for e in checks_of(watch, result) if not e.passed]
    assert [e.check_name for e in failed] == ["retention_kept_pace"]
    assert "2 records were deleted before they were landed, offsets 0:5-7" in failed[0].description


def test_dagster_is_told_of_each_partition_that_got_records(watch: Watch) -> None:
    watch.stream.send([*posts([1, 25, 26, 27]), b"no json"])
    result = watch.run(watch.look())
    told = {
        str(event.partition): event.step_materialization_data.materialization
        for event in result.all_events
        if event.is_step_materialization and event.asset_key == STREAM_POSTS_KEY
    }
    assert set(told) == {"2026-11-23|x", "2026-11-24|x"}
    facts = {name: value.value for name, value in told["2026-11-24|x"].metadata.items()}
    assert facts["dagster/row_count"] == 3
    assert facts["windows"] == "0000, 0200"
    assert (facts["consumed"], facts["landed"], facts["dead_letters"]) == (5, 4, 1)
    assert facts["offsets"] == "0:0-5"
    assert facts["lag_records"] == 0
    assert {(e.check_name, e.passed) for e in checks_of(watch, result)} == {
        ("landed_in_full", True),
        ("retention_kept_pace", True),
    }


def test_a_backlog_is_landed_by_runs_of_bounded_size(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sentiment_assets.stream_sensors.MOST_RECORDS", 4)
    assert MOST_RECORDS > 4
    watch.stream.send(posts([1] * 5), 0)
    watch.stream.send(posts([1], 9), 1)
    first = watch.look()
    assert spans(first) == ["0:0-3", "1:0-1"]
    watch.run(first)
    assert "2 records of" in watch.look()
    assert spans(watch.look(60)) == ["0:3-5"]


def checks_of(watch: Watch, result: dg.ExecuteInProcessResult) -> list[Any]:
    events = watch.instance.all_logs(
        result.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
    )
    return [entry.dagster_event.event_specific_data for entry in events]


class Shorter:
    """A broker's answers of a topic with fewer records: what an unclean election leaves. A fake."""

    def __init__(self, reader: KafkaReader, end: int) -> None:
        self._reader, self._end = reader, end

    def topic_log(self, topic: str) -> TopicLog:
        log = self._reader.topic_log(topic)
        return TopicLog(topic, log.topic_id, {0: Watermarks(0, self._end)})


def test_a_log_that_was_cut_short_is_landed_anew_when_it_is_seen_twice(watch: Watch) -> None:
    watch.stream.send(posts([1] * 8))
    watch.run(watch.look())
    shorter: Any = Shorter(watch.stream.reader(), 6)
    assert "ends before what was landed of it" in watch.look(5, shorter)
    # Its end was only not known yet.
    assert "is landed" in watch.look(15)
    shorter = Shorter(watch.stream.reader(), 5)
    watch.look(15, shorter)
    again = watch.look(15, shorter)
    assert spans(again) == ["0:0-5"]
    assert isinstance(again, dg.RunRequest)
    assert f"{log_name(watch.memory.topic_id, 1)}/0:0:0-5" in again.run_key
