"""What a fetch leaves in bronze, and how it is read back."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_assets.core.coverage import BronzeObject, Manifest, Searched, SourceFetch, State
from sentiment_assets.core.layout import PostPartition, Window
from sentiment_assets.lake import bronze
from sentiment_assets.lake.bronze import (
    StretchFetch,
    UnreadableObject,
    read_blocks,
    read_partition,
)
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets_tests.bronze_records import DAY, UTC, at, line, payload, store

WINDOW, EARLIER = Window(DAY, "0800"), Window(DAY, "0600")
NEXT_DAY = Window(PostPartition(at(24).date(), "x"), "0000")
FETCHED = at(10).replace(minute=5, second=12, microsecond=345_678)
FOLDER = "bronze/batch_posts/date=2026-11-23/platform=x"
REQUEST = {"query": "nimbus", "page": 3, "index": 17}


def fetch(lake: Lake, **changed: Any) -> StretchFetch:
    given = {"fetched_at": FETCHED, "run_id": "run-1", "api_version": "2", "simulated": True}
    return StretchFetch(lake, [WINDOW], **{**given, **changed})


def close(
    fetched: StretchFetch,
    state: State = "complete",
    reason: str = "",
    span: tuple[dt.datetime, dt.datetime] | None = (WINDOW.start, WINDOW.end),
    sources: Sequence[SourceFetch] = (),
) -> list[Manifest]:
    """The strays' manifests, then the window's."""
    own, strays = fetched.close({WINDOW: Searched(state, reason, span)}, sources)
    return [*strays, *own]


def paths(lake: Lake) -> list[str]:
    return [stored.path for stored in lake.objects.list("bronze")]


def records(lake: Lake, path: str) -> list[Any]:
    return [json.loads(one) for one in gzip.decompress(lake.objects.get(path)).splitlines()]


def lines_of(blocks: Iterable[Sequence[bytes]]) -> Iterator[bytes]:
    """Lines one by one."""
    return (one for block in blocks for several in block for one in several.split(b"\n"))


def test_a_record_in_its_envelope(lake: Lake) -> None:
    """On disk and on S3."""
    fetched = fetch(lake)
    fetched.add(WINDOW, {"data": {"id": "1", "text": "ö\n"}}, REQUEST)
    assert paths(lake) == []
    close(fetched)
    path = f"{FOLDER}/window=0800/20261123T100512Z.jsonl.gz"
    assert paths(lake) == [path, path.replace(".jsonl.gz", ".manifest.json")]
    assert records(lake, path) == [
        {
            "platform": "x",
            "source": "batch",
            "fetched_at": "2026-11-23T10:05:12Z",
            "request": REQUEST,
            "api_version": "2",
            "payload": {"data": {"id": "1", "text": "ö\n"}},
        }
    ]


def test_the_manifest_says_what_was_fetched(disk_lake: Lake) -> None:
    fetched = fetch(disk_lake)
    fetched.add(WINDOW, payload(8.5), REQUEST)
    fetched.add(WINDOW, payload(9.5), REQUEST)
    fetched.add_dead_letter({"data": {}}, REQUEST, "not_routable: no id")
    source = SourceFetch(
        "nimbus", "query", "nimbus OR cirrus", pages=2, records=3, partial_errors={"Not Found": 1},
        watermark="77",
    )  # fmt: skip
    (told,) = close(fetched, "partial", "open", (WINDOW.start, at(9.75)), [source])
    path = f"{FOLDER}/window=0800/20261123T100512Z.jsonl.gz"
    data = disk_lake.objects.get(path)
    expected = Manifest(
        platform="x",
        date=DAY.date,
        window="0800",
        state="partial",
        reason="open",
        fetched_at=FETCHED.replace(microsecond=0),
        fetched_from=WINDOW.start,
        fetched_until=at(9.75),
        run_id="run-1",
        api_version="2",
        simulated=True,
        sources=[source],
        objects=[BronzeObject(path, 2, len(data), hashlib.sha256(data).hexdigest())],
        received=3,
        dead_letters=1,
    )
    assert told == expected
    stored = disk_lake.objects.get(path.replace(".jsonl.gz", ".manifest.json"))
    assert msgspec.json.decode(stored, type=Manifest) == expected
    assert read_partition(disk_lake, DAY).of(WINDOW) == [expected]


def test_posts_of_other_windows_lie_in_those_windows(disk_lake: Lake) -> None:
    fetched = fetch(disk_lake)
    for target in (WINDOW, NEXT_DAY, EARLIER, EARLIER):
        fetched.add(target, payload(8.5), REQUEST)
    told = close(fetched)
    stray = "20261123T100512Z-from-20261123-0800"
    assert [one for one in paths(disk_lake) if one.endswith(".gz")] == [
        f"{FOLDER}/window=0600/{stray}.jsonl.gz",
        f"{FOLDER}/window=0800/20261123T100512Z.jsonl.gz",
        f"bronze/batch_posts/date=2026-11-24/platform=x/window=0000/{stray}.jsonl.gz",
    ]
    # The fetched window's own manifest comes last: until it stands, nothing says complete.
    assert [(m.date.day, m.window, m.state, m.received) for m in told] == [
        (23, "0600", None, 2),
        (24, "0000", None, 1),
        (23, "0800", "complete", 4),
    ]
    assert told[0].reason == (
        "posts returned by the fetch of date=2026-11-23/platform=x/window=0800"
    )
    day = read_partition(disk_lake, DAY)
    assert day.coverage[EARLIER].state is None
    assert day.coverage[WINDOW].state == "complete"
    assert [o.records for o in day.objects(EARLIER)] == [2]
    assert len(day.coverage) == 12


def test_a_dead_letter_keeps_the_record_and_the_reason(disk_lake: Lake) -> None:
    fetched = fetch(disk_lake)
    fetched.add_dead_letter({"data": {"text": 5}}, REQUEST, "not_routable: no id")
    assert fetched.dead_letters == 1
    (told,) = close(fetched)
    path = (
        "bronze/dead_letters/platform=x/received=2026-11-23/20261123T100512Z-20261123-0800.jsonl.gz"
    )
    assert [one for one in paths(disk_lake) if "dead" in one] == [path]
    (letter,) = records(disk_lake, path)
    assert (letter["reason"], letter["payload"], letter["request"]) == (
        "not_routable: no id", {"data": {"text": 5}}, REQUEST,
    )  # fmt: skip
    assert (told.received, told.dead_letters, told.objects) == (1, 1, [])


def test_nothing_brought_is_said_too(disk_lake: Lake) -> None:
    close(fetch(disk_lake), "unavailable", "older than the API's reach", None)
    assert paths(disk_lake) == [f"{FOLDER}/window=0800/20261123T100512Z.manifest.json"]
    covered = read_partition(disk_lake, DAY).coverage[WINDOW]
    assert (covered.state, covered.reason) == ("unavailable", "older than the API's reach")


def test_a_retry_writes_the_same_names_and_bytes(disk_lake: Lake) -> None:
    contents = []
    for _ in range(2):
        fetched = fetch(disk_lake)
        fetched.add(WINDOW, payload(8.5), REQUEST)
        fetched.add(EARLIER, payload(7.5), REQUEST)
        fetched.add_dead_letter({}, REQUEST, "r")
        close(fetched)
        contents.append({path: disk_lake.objects.get(path) for path in paths(disk_lake)})
    assert len(contents[0]) == 5
    assert contents[0] == contents[1]


def test_a_later_fetch_adds_and_never_replaces(disk_lake: Lake) -> None:
    for hour in range(2):
        fetched = fetch(disk_lake, fetched_at=FETCHED + dt.timedelta(hours=hour))
        fetched.add(WINDOW, payload(8.5), REQUEST)
        close(fetched)
    assert len(read_partition(disk_lake, DAY).objects(WINDOW)) == 2


def test_the_time_of_a_fetch_is_utc(disk_lake: Lake) -> None:
    there = dt.timezone(dt.timedelta(hours=-8))
    fetched = fetch(disk_lake, fetched_at=FETCHED.astimezone(there))
    fetched.add(WINDOW, payload(8.5), REQUEST)
    (told,) = close(fetched)
    assert told.objects[0].path == f"{FOLDER}/window=0800/20261123T100512Z.jsonl.gz"
    assert told.fetched_at.utcoffset() == dt.timedelta()
    assert records(disk_lake, told.objects[0].path)[0]["fetched_at"] == "2026-11-23T10:05:12Z"


def test_half_a_surrogate_pair_is_kept_as_it_was_escaped(disk_lake: Lake) -> None:
    fetched = fetch(disk_lake)
    fetched.add(WINDOW, {"data": {"text": "\ud83d"}}, REQUEST)
    (told,) = close(fetched)
    raw = gzip.decompress(disk_lake.objects.get(told.objects[0].path))
    assert b'"\\ud83d"' in raw
    assert raw.count(b"\n") == 1


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\u2028b", "a\x85b", "a\x00b"])
def test_no_text_breaks_a_line(disk_lake: Lake, text: str) -> None:
    fetched = fetch(disk_lake)
    fetched.add(WINDOW, {"data": {"text": text}}, REQUEST)
    fetched.add(WINDOW, {"data": {"text": "next"}}, REQUEST)
    (told,) = close(fetched)
    read = list(lines_of(read_blocks(disk_lake, told.objects[0])))
    assert [json.loads(one)["payload"]["data"]["text"] for one in read] == [text, "next"]


def test_a_partition_without_bronze(disk_lake: Lake) -> None:
    found = read_partition(disk_lake, DAY)
    assert (found.manifests, found.objects(WINDOW)) == ((), [])
    assert {covered.state for covered in found.coverage.values()} == {None}


def test_a_partition_reads_none_of_its_neighbours(disk_lake: Lake) -> None:
    store(disk_lake, NEXT_DAY, [line(payload(24.5), at(26))], at(26))
    other = Window(PostPartition(DAY.date, "xy"), "0800")
    store(disk_lake, other, [line(payload(8.5), at(10))], at(10))
    assert read_partition(disk_lake, DAY).manifests == ()


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 50])
def test_lines_come_in_blocks(disk_lake: Lake, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """However well they were packed, and however little is unpacked at once."""
    monkeypatch.setattr(bronze, "BLOCK_BYTES", 500)
    monkeypatch.setattr(bronze, "_PIECE", 200)
    lines = [b"%d" % n * 45 for n in range(count)]
    stored = store(disk_lake, WINDOW, lines, at(10))
    for chunk in (1, 7, 1 << 14):
        monkeypatch.setattr(bronze, "_CHUNK", chunk)
        blocks = list(read_blocks(disk_lake, stored))
        assert list(lines_of(blocks)) == lines
        sizes = [sum(map(len, block)) for block in blocks]
        # A piece more at most, and what was begun of its first line in the piece before.
        assert all(500 <= size < 500 + 200 + 90 for size in sizes[:-1])
        assert all(block for block in blocks)
        assert all(len(one) < 200 + 90 for block in blocks for one in block)


@given(
    content=st.lists(
        st.sampled_from([b"\n", b"\n\n", b"\r\n", b"{}", b"", b"\x00"]) | st.binary(max_size=40)
    ).map(b"".join),
    members=st.integers(1, 3),
    chunk=st.integers(1, 60),
    piece=st.integers(1, 60),
    block=st.integers(1, 60),
)
def test_lines_end_where_a_line_feed_stands(
    content: bytes, members: int, chunk: int, piece: int, block: int
) -> None:
    """Nothing else ends one: neither the end of a gzip member nor of what is unpacked at once."""
    size = -(-len(content) // members)
    packed = b"".join(
        gzip.compress(content[start : start + size]) for start in range(0, len(content), size or 1)
    )
    expected = content.split(b"\n")
    # The last line may lack its end.
    if not expected[-1]:
        expected.pop()
    with (
        patch.object(bronze, "_CHUNK", chunk),
        patch.object(bronze, "_PIECE", piece),
        patch.object(bronze, "BLOCK_BYTES", block),
    ):
        assert list(lines_of(bronze._blocks(packed))) == expected


def test_of_a_cut_object_the_whole_lines_are_given(
    disk_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bronze, "BLOCK_BYTES", 450)
    lines = [hashlib.sha256(b"%d" % n).hexdigest().encode() for n in range(50)]
    stored = store(disk_lake, WINDOW, lines, at(10))
    data = disk_lake.objects.get(stored.path)
    given = []
    for length in range(12, len(data), 40):
        disk_lake.objects.put(stored.path, data[:length])
        read: list[bytes] = []
        with pytest.raises(UnreadableObject, match="end-of-stream"):
            read.extend(lines_of(read_blocks(disk_lake, stored)))
        assert read == lines[: len(read)]
        given.append(len(read))
    assert given == sorted(given)
    assert given[0] == 0
    assert given[-1] > 40


def test_an_object_that_its_retry_replaced_is_sound(disk_lake: Lake) -> None:
    """Between a retry's object and its manifest the older manifest still stands."""
    stored = store(disk_lake, WINDOW, [b"1", b"2"], at(10))
    disk_lake.objects.put(stored.path, gzip.compress(b"1\n2\n3\n"))
    assert list(lines_of(read_blocks(disk_lake, stored))) == [b"1", b"2", b"3"]


def test_objects_say_where_they_were_looked_for(disk_lake: Lake) -> None:
    stored = BronzeObject("bronze/batch_posts/gone.jsonl.gz", 1, 1, "0")
    with pytest.raises(UnreadableObject, match="gone"):
        list(read_blocks(disk_lake, stored))


def test_the_marker_of_the_manifest_is_the_lakes(tmp_path: Any) -> None:
    live = Lake.open(LakeLocation(str(tmp_path / "live"), "live"))
    (told,) = close(fetch(live, simulated=False), "unavailable", "r", None)
    assert told.simulated is False
    assert told.fetched_at.tzinfo == UTC
