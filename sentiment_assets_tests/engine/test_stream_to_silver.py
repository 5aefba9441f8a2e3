"""What was landed becomes silver, once, whichever way it came first."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from sentiment_assets.core.landings import waiting
from sentiment_assets.core.layout import Window
from sentiment_assets.engine.landing import Order, land
from sentiment_assets.lake.bronze import stored_partitions
from sentiment_assets.lake.landings import position_of
from sentiment_assets.lake.maintenance import Swept, sweep_bronze
from sentiment_assets.lake.objects import Lake
from sentiment_assets_tests.bronze_records import DAY, at, line, payload, store
from sentiment_assets_tests.kafka_server import KafkaServer, new_prefix
from sentiment_assets_tests.silver_of_a_lake import counted, posts, rebuild, rebuilt
from sentiment_assets_tests.streamed import NOW, Streamed, holds, written


@pytest.fixture
def stream(kafka_server: KafkaServer) -> Streamed:
    return Streamed(kafka_server, new_prefix())


def land_all(lake: Lake, stream: Streamed) -> None:
    reader = stream.reader()
    log = reader.topic_log(stream.topic)
    found = waiting(log, position_of(lake, stream.topic, log.topic_id))
    order = Order("x", stream.topic, found.log, found.ranges, found.lost)
    list(land(lake, reader, order, holds=holds, run_id="land", clock=lambda: NOW))


def fetch(lake: Lake, records: list[dict[str, Any]], hour: float = 11) -> None:
    store(lake, Window(DAY, "0800"), [line(record, at(hour)) for record in records], at(hour))


POST = payload(9, text="A great day for nimbus")


@pytest.mark.parametrize("first", ["stream", "batch"])
def test_a_post_that_came_both_ways_is_one_row(lake: Lake, stream: Streamed, first: str) -> None:
    if first == "stream":
        stream.send([POST])
        land_all(lake, stream)
        rebuild(lake)
        fetch(lake, [POST])
    else:
        fetch(lake, [POST])
        rebuild(lake)
        stream.send([POST])
        land_all(lake, stream)
    build = rebuild(lake)
    rows = posts(lake)
    assert rows.height == 1
    assert (counted(build).records, counted(build).duplicates) == (2, 1)
    # The stream saw it at ten, the fetch at eleven.
    assert rows["source"].to_list() == ["batch"]
    assert rows["first_seen_at"][0] <= rows["last_seen_at"][0]


def test_both_orders_give_the_same_row(stream: Streamed, lake: Lake, tmp_path: Any) -> None:
    from sentiment_assets.lake.objects import LakeLocation

    stream.send([POST])
    land_all(lake, stream)
    fetch(lake, [POST])
    rebuild(lake)
    other = Lake.open(LakeLocation(str(tmp_path / "other"), "simulated"))
    fetch(other, [POST])
    rebuild(other)
    land_all(other, stream)
    rebuild(other)
    assert posts(lake).equals(posts(other))


def test_only_windows_that_got_records_are_rebuilt(lake: Lake, stream: Streamed) -> None:
    stream.send([payload(1), payload(9, 1)])
    land_all(lake, stream)
    assert rebuilt(rebuild(lake)) == ["0000", "0800"]
    stream.send([payload(9.5, 2)])
    land_all(lake, stream)
    assert rebuilt(rebuild(lake)) == ["0800"]
    assert rebuilt(rebuild(lake)) == []
    assert posts(lake)["source"].to_list() == ["stream"] * 3


def test_records_whose_payload_is_none_go_to_quarantine(lake: Lake, stream: Streamed) -> None:
    stream.send([payload(9, text=7), payload(9, 1)])
    land_all(lake, stream)
    build = rebuild(lake)
    assert (counted(build).rows, counted(build).quarantined) == (1, 1)


def test_stream_partitions_are_known_and_late_dates_too(lake: Lake, stream: Streamed) -> None:
    stream.send([payload(-24 * 20), payload(9, 1)])
    land_all(lake, stream)
    assert [p.date.isoformat() for p in stored_partitions(lake)] == ["2026-11-03", "2026-11-23"]


def test_upkeep_removes_what_a_dead_landing_left_and_nothing_else(
    lake: Lake, stream: Streamed
) -> None:
    import datetime as dt

    stream.send([payload(9)])
    land_all(lake, stream)
    kept = {o.path for o in lake.objects.list("bronze/stream_posts")}
    left = next(path for path in kept if path.endswith(".jsonl.gz")).replace("-0-0-1", "-0-1-9")
    lake.objects.put(left, b"left behind")
    later = dt.datetime.now(dt.timezone.utc) + dt.timedelta(hours=1)
    assert sweep_bronze(lake, later) == Swept(1, 11, 0)
    assert {o.path for o in lake.objects.list("bronze/stream_posts")} == kept
    # Beside a manifest that can't be read, nothing goes.
    damaged = next(p for p in kept if p.endswith(".manifest.json"))
    lake.objects.put(damaged, b"{")
    lake.objects.put(left, b"left behind")
    assert sweep_bronze(lake, later) == Swept(0, 0, 0)


def test_dead_letters_keep_the_record_and_find_their_way_when_they_may(
    lake: Lake, stream: Streamed
) -> None:
    from sentiment_assets.engine.dead_letters import dead_letter_objects, read_letters, replay

    future = payload(24 * 5, 3)
    stream.send([future, b"no json \xff", None], headers=written())
    stream.send([payload(9, 4)], headers=written(origin="live"))
    land_all(lake, stream)
    (path,) = dead_letter_objects(lake)
    letters = list(read_letters(lake, path))
    assert [letter.code for letter in letters] == [
        "no_partition", "not_json", "empty", "other_origin",
    ]  # fmt: skip
    assert [letter.place for letter in letters] == [f"{stream.topic} 0:{n}" for n in range(4)]
    assert json.loads(letters[0].raw) == future
    assert letters[1].raw == b"no json \xff"
    assert not any(letter.replayed for letter in letters)

    again = replay(lake, path, holds, NOW, "replay-1")
    assert not again.landed
    assert sum(again.dead.values()) == 4
    done = replay(lake, path, lambda _: True, NOW, "replay-2")
    assert {p.key: count for p, count in done.landed.items()} == {"2026-11-28|x": 1}
    assert sorted(reason.partition(":")[0] for reason in done.dead) == [
        "empty", "not_json", "other_origin",
    ]  # fmt: skip
    assert [letter.replayed for letter in read_letters(lake, path)] == [True, False, False, False]
    replay(lake, path, lambda _: True, NOW, "replay-3")
    day = next(iter(done.landed))
    build = rebuild(lake, [day])
    assert (counted(build).records, counted(build).rows) == (1, 1)
    assert posts(lake).filter(pl.col("date") == day.date)["source"].to_list() == ["stream"]


def test_dead_letters_of_fetches_are_replayed_too(lake: Lake) -> None:
    from sentiment_assets.engine.dead_letters import read_letters, replay
    from sentiment_assets.lake.bronze import StretchFetch

    window = Window(DAY, "0800")
    fetch = StretchFetch(
        lake, [window], fetched_at=at(11), run_id="fetch", api_version="2", simulated=True
    )
    request = {"source": "q", "page": 1, "index": 0}
    fetch.add_dead_letter(payload(24 * 5, 3), request, "no_partition: there is no partition")
    fetch.add_dead_letter({"data": 1}, request, "not_routable: Expected `object`")
    from sentiment_assets.core.coverage import Searched

    fetch.close({window: Searched("complete", "", (window.start, window.end))})
    from sentiment_assets.engine.dead_letters import dead_letter_objects

    (path,) = dead_letter_objects(lake, "x")
    assert [letter.place for letter in read_letters(lake, path)] == ["q, page 1"] * 2
    done = replay(lake, path, lambda _: True, NOW, "replay-1")
    assert sum(done.landed.values()) == 1
    assert sum(done.dead.values()) == 1
    build = rebuild(lake, list(done.landed))
    assert counted(build).rows == 1
