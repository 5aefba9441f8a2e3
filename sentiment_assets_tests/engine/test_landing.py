"""Landing on a broker: which records land where, and what a landing says of itself."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from sentiment_assets.checks import _landed as landed_in_full
from sentiment_assets.core import layout
from sentiment_assets.core.landings import Landing, OffsetRange, waiting
from sentiment_assets.core.layout import PostPartition, Window
from sentiment_assets.engine import landing as landing_module
from sentiment_assets.engine.landing import Order, RangeRefused, land
from sentiment_assets.lake.bronze import read_partition, read_whole
from sentiment_assets.lake.landings import (
    LandingConflict,
    add_landing,
    newest_landing,
    position_of,
    recent_landings,
)
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets_tests.bronze_records import DAY, payload
from sentiment_assets_tests.kafka_server import KafkaServer, new_prefix
from sentiment_assets_tests.silver_of_a_lake import assert_conserved, rebuild
from sentiment_assets_tests.silver_of_a_lake import posts as silver
from sentiment_assets_tests.streamed import NOW, Streamed, holds, posts, written


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(LakeLocation(str(tmp_path / "lake"), "simulated"))


@pytest.fixture
def stream(kafka_server: KafkaServer) -> Streamed:
    return Streamed(kafka_server, new_prefix())


def order_of(lake: Lake, stream: Streamed) -> Order:
    """Everything that waits, as the sensor asks for it."""
    log = stream.reader().topic_log(stream.topic)
    found = waiting(log, position_of(lake, stream.topic, log.topic_id))
    return Order("x", stream.topic, found.log, found.ranges, found.lost)


def landed(lake: Lake, stream: Streamed, order: Order | None = None) -> list[Landing]:
    order = order or order_of(lake, stream)
    reader = stream.reader()
    return list(land(lake, reader, order, holds=holds, run_id="run-1", clock=lambda: NOW))


def lines(lake: Lake, partition: PostPartition = DAY) -> Iterator[dict]:
    bronze = read_partition(lake, partition)
    for window in layout.windows_of(partition):
        for stored in bronze.objects(window):
            assert f"/{window.folder}/" in stored.path
            yield from map(json.loads, read_whole(lake, stored.path))


def test_records_land_in_the_windows_of_their_posts(lake: Lake, stream: Streamed) -> None:
    stream.send(posts([1, 9, 9.5]), 0)
    stream.send(posts([23], 10), 1)
    (done,) = landed(lake, stream)
    assert (done.consumed, done.landed, done.dead_letters) == (4, 4, 0)
    assert [(w.window, w.records) for w in done.windows] == [("0000", 1), ("0800", 2), ("2200", 1)]
    assert done.positions == {0: 3, 1: 1}
    bronze = read_partition(lake, DAY)
    paths = [o.path for o in bronze.objects(Window(DAY, "0800"))]
    assert paths == [layout.stream_object(Window(DAY, "0800"), done.log, 0, 0, 3)]


def test_an_envelope_holds_the_payload_as_it_came(lake: Lake, stream: Streamed) -> None:
    sent = json.dumps(payload(9, text="näive \\ud83d"), indent=2).encode()
    stream.send([sent])
    landed(lake, stream)
    (line,) = lines(lake)
    assert line["payload"] == json.loads(sent)
    assert line["source"] == "stream"
    assert line["platform"] == "x"
    assert line["api_version"] == "2"
    assert line["fetch_id"] == "stream-1"
    assert line["fetched_at"] == "2026-11-23T10:00:00Z"
    offset = line["offset"]
    assert (offset["topic"], offset["partition"], offset["offset"]) == (stream.topic, 0, 0)
    assert dt.datetime.fromisoformat(offset["appended_at"]).tzinfo is not None


def test_what_was_landed_is_not_landed_again(lake: Lake, stream: Streamed) -> None:
    stream.send(posts([1, 2]))
    order = order_of(lake, stream)
    assert len(landed(lake, stream, order)) == 1
    assert landed(lake, stream, order) == []
    stream.send(posts([3], 5))
    (second,) = landed(lake, stream)
    assert [str(r.range) for r in second.ranges] == ["0:2-3"]
    assert second.number == 1
    # Of an older order only the rest is taken.
    wide = Order("x", stream.topic, order.log, (OffsetRange(0, 1, 3),))
    assert landed(lake, stream, wide) == []
    assert len(list(lines(lake))) == 3


def test_a_range_that_would_leave_records_out_is_refused(lake: Lake, stream: Streamed) -> None:
    stream.send(posts([1, 2, 3]))
    order = order_of(lake, stream)
    landed(lake, stream, Order("x", stream.topic, order.log, (OffsetRange(0, 0, 1),)))
    with pytest.raises(RangeRefused, match="end at offset 1 of partition 0 and this range begins"):
        landed(lake, stream, Order("x", stream.topic, order.log, (OffsetRange(0, 2, 3),)))
    with pytest.raises(RangeRefused, match="partition 0 ends at offset 3"):
        landed(lake, stream, Order("x", stream.topic, order.log, (OffsetRange(0, 1, 4),)))


def test_a_replay_lands_a_range_again_and_moves_nothing_back(lake: Lake, stream: Streamed) -> None:
    stream.send(posts([1, 2, 3]))
    order = order_of(lake, stream)
    landed(lake, stream, order)
    again = Order("x", stream.topic, order.log, (OffsetRange(0, 1, 2),), replay=True)
    (done,) = landed(lake, stream, again)
    assert done.replay
    assert done.positions == {0: 3, 1: 0}
    assert len(list(lines(lake))) == 4
    assert order_of(lake, stream).ranges == ()


def test_a_landing_is_split_where_memory_says_so_and_always_alike(
    lake: Lake, stream: Streamed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stream.send(posts([1] * 5), 0)
    stream.send(posts([1] * 4, 10), 1)
    monkeypatch.setattr(landing_module, "MOST_RECORDS", 4)
    order = order_of(lake, stream)
    done = landed(lake, stream, order)
    spans = [[str(r.range) for r in unit.ranges] for unit in done]
    assert spans == [["0:0-4"], ["0:4-5", "1:0-3"], ["1:3-4"]]
    assert [unit.number for unit in done] == [0, 1, 2]
    assert done[-1].positions == {0: 5, 1: 4}
    other = Lake.open(LakeLocation(str(tmp_path / "other"), "simulated"))
    landed(other, stream, order)
    ours = {o.path for o in lake.objects.list("bronze/stream_posts/")}
    assert ours == {o.path for o in other.objects.list("bronze/stream_posts/")}


def test_a_run_that_died_before_its_landing_is_repeated_with_the_same_names(
    lake: Lake, stream: Streamed
) -> None:
    stream.send(posts([1, 2]))
    order = order_of(lake, stream)
    steps = land(lake, stream.reader(), order, holds=holds, run_id="dies", clock=lambda: NOW)
    next(steps)
    steps.close()
    assert newest_landing(lake, stream.topic, order.log) is None
    before = {o.path for o in lake.objects.list("bronze/")}
    landed(lake, stream)
    assert before < {o.path for o in lake.objects.list("bronze/")}
    assert len(list(lines(lake))) == 2


def test_an_object_that_two_landings_list_is_read_once(lake: Lake, stream: Streamed) -> None:
    """The first dies after its manifests; the second takes what came meanwhile along."""
    stream.send(posts([1, 2]), 0)
    stream.send(posts([1], 5), 1)
    order = order_of(lake, stream)
    steps = land(lake, stream.reader(), order, holds=holds, run_id="dies", clock=lambda: NOW)
    next(steps)
    steps.close()
    stream.send(posts([1.5], 9), 1)
    landed(lake, stream)
    listed = [o.path for m in read_partition(lake, DAY).of(Window(DAY, "0000")) for o in m.objects]
    assert len(listed) == 4
    assert len(set(listed)) == 3
    build = rebuild(lake)
    # The record of partition 1 stands in two objects, those of partition 0 in one.
    assert_conserved(lake, build, 5)
    assert silver(lake).height == 4
    verdict = landed_in_full(lake, DAY)
    assert verdict.passed, verdict.sentence
    assert verdict.counts["records"] == 5


def test_two_runs_of_one_range_can_not_both_be_the_next_landing(
    lake: Lake, stream: Streamed
) -> None:
    stream.send(posts([1, 2]))
    order = order_of(lake, stream)
    steps = land(lake, stream.reader(), order, holds=holds, run_id="slow", clock=lambda: NOW)
    next(steps)
    landed(lake, stream, order)
    with pytest.raises(LandingConflict, match="written by another run; nothing is lost"):
        next(steps)
    assert len(list(recent_landings(lake, stream.topic))) == 1
    assert len(list(lines(lake))) == 2


def test_the_groups_offsets_say_what_was_landed(
    lake: Lake, stream: Streamed, whole_kafka: object
) -> None:
    from confluent_kafka import Consumer, TopicPartition

    stream.send(posts([1, 2]))
    landed(lake, stream)
    group = Consumer(stream.connection.config(**{"group.id": f"{stream.prefix}landing"}))
    (at,) = group.committed([TopicPartition(stream.topic, 0)], timeout=10)
    group.close()
    assert at.offset == 2


def test_marks_of_transactions_and_records_taken_back_are_no_records(
    lake: Lake, stream: Streamed, whole_kafka: object
) -> None:
    from confluent_kafka import Producer

    writer = Producer(stream.connection.config(**{"transactional.id": stream.prefix}))
    writer.init_transactions(20)
    for text, keep in (("kept", True), ("taken back", False), ("kept too", True)):
        writer.begin_transaction()
        sent = json.dumps(payload(1, hash(text) % 1000, text=text)).encode()
        writer.produce(stream.topic, sent, headers=written(), partition=0)
        writer.flush(20)
        if keep:
            writer.commit_transaction(20)
        else:
            writer.abort_transaction(20)
    (done,) = landed(lake, stream)
    assert [line["payload"]["data"]["text"] for line in lines(lake)] == ["kept", "kept too"]
    assert done.consumed == 2
    assert done.positions[0] == 6
    assert order_of(lake, stream).ranges == ()


def test_what_retention_deleted_is_told_to_the_record(
    lake: Lake, stream: Streamed, whole_kafka: object
) -> None:
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import AdminClient

    stream.send(posts([1, 2]))
    landed(lake, stream)
    stream.send(posts([3, 4, 5], 5))
    order = order_of(lake, stream)
    admin = AdminClient(stream.connection.config())
    for deleted in admin.delete_records([TopicPartition(stream.topic, 0, 4)]).values():
        deleted.result(20)
    # The order was made before: the run finds it out itself.
    (done,) = landed(lake, stream, order)
    assert done.lost == [OffsetRange(0, 2, 4)]
    assert done.consumed == 1
    stream.send(posts([6, 7], 9))
    for deleted in admin.delete_records([TopicPartition(stream.topic, 0, 6)]).values():
        deleted.result(20)
    (later,) = landed(lake, stream)
    assert later.lost == [OffsetRange(0, 5, 6)]
    assert later.consumed == 1
    assert order_of(lake, stream).ranges == ()
    assert order_of(lake, stream).lost == ()


def test_a_topic_that_was_made_anew_is_another_log(
    lake: Lake, stream: Streamed, whole_kafka: object
) -> None:
    from confluent_kafka.admin import AdminClient

    stream.send(posts([1, 2]))
    order = order_of(lake, stream)
    landed(lake, stream, order)
    admin = AdminClient(stream.connection.config())
    admin.delete_topics([stream.topic])[stream.topic].result(20)
    again = Streamed(stream.server, stream.prefix)
    again.send(posts([3], 7))
    with pytest.raises(RangeRefused, match="was made anew"):
        landed(lake, again, order)
    (done,) = landed(lake, again)
    assert done.log != order.log
    assert done.number == 0
    assert done.consumed == 1
    assert len(list(lines(lake))) == 3


def test_new_partitions_are_landed_from_their_begin(
    lake: Lake, stream: Streamed, whole_kafka: object
) -> None:
    from confluent_kafka.admin import AdminClient, NewPartitions

    stream.send(posts([1]))
    landed(lake, stream)
    admin = AdminClient(stream.connection.config())
    admin.create_partitions([NewPartitions(stream.topic, 3)])[stream.topic].result(20)
    while stream.topic not in (known := admin.list_topics(timeout=10).topics) or (
        len(known[stream.topic].partitions) < 3
    ):
        continue
    fresh = Streamed.__new__(Streamed)
    fresh.__dict__ |= stream.__dict__
    from confluent_kafka import Producer

    fresh.producer = Producer(stream.connection.config())
    fresh.send(posts([2], 3), 2)
    (done,) = landed(lake, stream)
    assert [str(r.range) for r in done.ranges] == ["2:0-1"]
    assert done.lost == []


def test_a_landing_that_cannot_be_read_is_told_with_its_path(lake: Lake, stream: Streamed) -> None:
    stream.send(posts([1]))
    (done,) = landed(lake, stream)
    path = layout.landing_object(stream.topic, done.log, 0)
    lake.objects.put(path, b"{")
    with pytest.raises(Exception, match="is no landing that can be read"):
        order_of(lake, stream)


def test_landings_are_added_once(lake: Lake, stream: Streamed) -> None:
    stream.send(posts([1]))
    (done,) = landed(lake, stream)
    with pytest.raises(LandingConflict):
        add_landing(lake, replace(done, run_id="another"))
    # Storage that lost its answer is asked again: one's own is no other's.
    add_landing(lake, done)
    assert len(list(recent_landings(lake, stream.topic))) == 1
