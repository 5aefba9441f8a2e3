"""Records that nobody should have sent: none stops a landing, each is somewhere, with a reason."""

from __future__ import annotations

import ctypes
import json
from pathlib import Path

import confluent_kafka
import pytest

from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.engine.dead_letters import dead_letter_objects, replay
from sentiment_assets.engine.landing import Router, land
from sentiment_assets.lake.bronze import read_whole, stored_partitions
from sentiment_assets_tests.bronze_records import snowflake
from sentiment_assets_tests.faults.ledger import Entry, digest_of
from sentiment_assets_tests.faults.poison import POISON, SECRET
from sentiment_assets_tests.faults.storm import Storm, assert_nothing_lost, entry_of, holds
from sentiment_assets_tests.silver_of_a_lake import posts, quarantine, rebuild
from sentiment_assets_tests.streamed import NOW, written


def test_each_kind_is_where_it_belongs_with_its_reason(
    storm: Storm, caplog: pytest.LogCaptureFixture
) -> None:
    storm.rain(6, poison=0)
    kinds = storm.random.sample(POISON, len(POISON))
    for start in range(0, len(kinds), 20):
        storm.send([(entry_of(kind), kind) for kind in kinds[start : start + 20]])
        storm.rain(3, poison=0)
        storm.land()
    assert_nothing_lost(storm)

    by_value = {digest_of(kind.value): kind for kind in POISON if kind.value}
    dead = [kind for kind in POISON if kind.fate == "dead letter"]
    letters = storm.letters()
    assert len(letters) == len(dead) >= 20
    for letter in letters:
        place = letter.record["offset"]
        assert place["topic"] == storm.stream.topic
        assert {*place} == {"topic", "partition", "offset", "appended_at"}
        kind = by_value.get(digest_of(letter.raw)) if letter.raw else POISON[0]
        assert kind is not None
        assert letter.code == kind.code, kind.name
        assert SECRET not in letter.reason
    refused = quarantine(storm.lake)
    lines = {
        (row["object"], number): line
        for row in refused.to_dicts()
        for number, line in enumerate(read_whole(storm.lake, row["object"]), 1)
    }
    for row in refused.to_dicts():
        line = lines[row["object"], row["line"]]
        [kind] = [k for k in POISON if k.fate == "quarantine" and (k.value or b"") in line]
        assert row["reason_code"] == kind.code, kind.name
    assert SECRET not in "".join(refused["reason"])
    assert SECRET not in caplog.text
    said = [storm.lake.objects.get(o.path) for o in storm.lake.objects.list("bronze/stream_posts")
            if o.path.endswith(".json")]  # fmt: skip
    assert SECRET.encode() not in b"".join(said)


def test_a_headers_name_that_is_no_text_stops_nothing(storm: Storm) -> None:
    """No client of Python's sends one: librdkafka is asked itself."""
    storm.rain(3, poison=0)
    storm.ledger.note([Entry("header's name", "dead letter", digest_of(b"{}"))])
    _send_bad_name(storm)
    storm.rain(3, poison=0)
    assert_nothing_lost(storm)
    [letter] = storm.letters()
    assert letter.reason == "bad_headers: the name of a header is not UTF-8"
    assert letter.raw == b"{}"


def _send_bad_name(storm: Storm) -> None:
    folder = Path(confluent_kafka.__file__).parents[1] / "confluent_kafka.libs"
    found = sorted(folder.glob("librdkafka*"))
    if not found:
        pytest.skip("confluent_kafka was built without a librdkafka of its own")
    client = ctypes.CDLL(str(found[0]))
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_headers_new"):
        getattr(client, name).restype = ctypes.c_void_p
    pointer, size = ctypes.c_void_p, ctypes.c_ssize_t
    said = ctypes.create_string_buffer(512)
    conf = pointer(client.rd_kafka_conf_new())
    brokers = storm.stream.connection.brokers.encode()
    for name, value in ((b"bootstrap.servers", brokers), (b"log_level", b"0")):
        assert client.rd_kafka_conf_set(conf, name, value, said, 512) == 0, said.value
    producer = pointer(client.rd_kafka_new(0, conf, said, 512))
    headers = pointer(client.rd_kafka_headers_new(1))
    assert client.rd_kafka_header_add(headers, b"na\xffme", size(5), b"v", size(1)) == 0
    # rdkafka.h: RD_KAFKA_VTYPE_TOPIC, VALUE, HEADERS, END.
    topic = storm.stream.topic.encode()
    assert client.rd_kafka_producev(producer, 1, topic, 4, b"{}", size(2), 10, headers, 0) == 0
    assert client.rd_kafka_flush(producer, 20_000) == 0
    client.rd_kafka_destroy(producer)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_nesting_to_the_brink_of_what_can_be_read_stops_nothing(platform: str) -> None:
    """Reading, and reading again to make one line of it, give up at different depths."""
    router = Router(platform, "posts", lambda _: True, "simulated")
    headers = written(platform=platform)
    fates = set()
    for depth in range(900, 1_000):
        post = json.dumps({"data": {"id": snowflake(NOW), "created_at": NOW.isoformat()}})
        nested = b'"nested":\n' + b"[" * depth + b"]" * depth
        value = post.encode()[:-1] + b"," + nested + b"}"
        window, line, _ = router.route(_Record(value, headers), value, 0, 0)
        assert b"\n" not in line
        fates.add(window is None)
    assert True in fates


class _Record:
    def __init__(self, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        self._value, self._headers = value, headers

    def offset(self) -> int:
        return 0

    def value(self) -> bytes:
        return self._value

    def headers(self) -> list[tuple[str, bytes | None]]:
        return [*self._headers]

    def timestamp(self) -> tuple[int, int]:
        return (1, 0)


def test_what_has_no_partition_yet_is_replayed_when_it_has(storm: Storm) -> None:
    """The whole record is kept: what was in its way may be mended."""
    future = next(kind for kind in POISON if kind.name == "far future")
    storm.send([(entry_of(future), future)])
    storm.land()
    [path] = dead_letter_objects(storm.lake)
    assert replay(storm.lake, path, holds, NOW, "first").dead == {
        "no_partition: there is no partition 2126-11-23|x": 1
    }
    done = replay(storm.lake, path, lambda _: True, NOW, "second")
    assert sum(done.landed.values()) == 1
    [letter] = storm.letters()
    assert letter.replayed


def test_dead_letters_of_a_dead_attempt_and_of_the_next_are_one_row_when_replayed(
    storm: Storm,
) -> None:
    """They are listed twice, with one place: the attempts had other ranges, and so other names."""
    future = next(kind for kind in POISON if kind.name == "far future")
    storm.stream.send([future.value])
    steps = land(
        storm.lake, storm.reader, storm.order(), holds=holds, run_id="dies", clock=lambda: NOW
    )
    next(steps)
    steps.close()
    storm.stream.send([future.value] * 4)
    storm.land()
    letters = storm.letters()
    places = {(at["partition"], at["offset"]) for at in (one.record["offset"] for one in letters)}
    assert (len(letters), len(places)) == (6, 5)
    for path in dead_letter_objects(storm.lake):
        replay(storm.lake, path, lambda _: True, NOW, "mended")
    [partition] = stored_partitions(storm.lake)
    rebuild(storm.lake, [partition])
    [row] = posts(storm.lake).to_dicts()
    assert row["observation_count"] == 6
