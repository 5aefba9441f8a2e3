"""Dead letters: records that no window could be named for, to be looked at and replayed.

What belongs here: finding them, reading them, and routing them once more when what was in their way
is mended. They lie in bronze as they came, with the reason and their place.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from sentiment_assets.core import layout
from sentiment_assets.core.coverage import BronzeObject, Manifest, SourceFetch
from sentiment_assets.core.layout import DEAD_LETTERS, PostPartition, Window
from sentiment_assets.core.parsers import Refused, creation_time
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.engine.landing import Router
from sentiment_assets.lake.bronze import ObjectWriter, UnreadableObject, read_whole
from sentiment_assets.lake.objects import Lake, LakeError, ObjectMissing

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Replayed(Struct, frozen=True):
    """What of an object's dead letters found its way after all."""

    #: Lines, from 1, that stand in bronze now.
    lines: list[int]
    replayed_at: dt.datetime


@dataclass(frozen=True)
class Letter:
    """One dead letter. ``record`` holds personal data: it is shown to who asks for it, only."""

    object: str
    line: int
    platform: str
    #: Code and sentence: ``no_partition: there is no partition …``.
    reason: str
    #: Topic, partition and offset, or the request that brought it.
    place: str
    replayed: bool
    record: Mapping[str, Any]

    @property
    def code(self) -> str:
        """The kind of the reason."""
        return self.reason.partition(":")[0]

    @property
    def raw(self) -> bytes:
        """The record as it came."""
        if "value_base64" in self.record:
            return base64.b64decode(self.record["value_base64"] or b"")
        return _encode(self.record.get("payload"))


@dataclass(frozen=True)
class Replay:
    """What came of replaying an object's dead letters."""

    object: str
    #: Records that stand in bronze now, by partition.
    landed: Mapping[PostPartition, int]
    #: Reasons of those that are dead still.
    dead: Mapping[str, int]


def dead_letter_objects(lake: Lake, platform: str | None = None) -> list[str]:
    """The objects that hold dead letters, by platform and the day they came."""
    folder = f"{DEAD_LETTERS}/platform={platform}" if platform else DEAD_LETTERS
    return [o.path for o in lake.objects.list(folder) if o.path.endswith(".jsonl.gz")]


def read_letters(lake: Lake, path: str) -> Iterator[Letter]:
    """The dead letters of one object.

    Raises:
        UnreadableObject: it is missing or damaged, or holds something else.
    """
    done = _replayed_lines(lake, path)
    for line, raw in enumerate(read_whole(lake, path), 1):
        try:
            record = _decode(raw)
            platform, reason = str(record["platform"]), str(record["reason"])
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
            raise UnreadableObject(f"{path}: line {line} is no dead letter") from None
        yield Letter(path, line, platform, reason, _place(record), line in done, record)


def replay(
    lake: Lake, path: str, holds: Callable[[PostPartition], bool], now: dt.datetime, run_id: str
) -> Replay:
    """Route an object's dead letters once more; those that have a window now land in it.

    The same letters give the same objects: replaying twice changes nothing. Whoever calls tells
    Dagster of the partitions.

    Raises:
        UnreadableObject: the object is missing or damaged.
    """
    writers: dict[Window, ObjectWriter] = {}
    landed: list[int] = []
    dead = Counter[str]()
    platform = ""
    for letter in read_letters(lake, path):
        platform = letter.platform
        window, line = _routed(lake, letter, holds)
        if window is None:
            dead[line.decode()] += 1
            continue
        writers.setdefault(window, ObjectWriter()).add(line)
        landed.append(letter.line)
    name = f"dead-{hashlib.sha256(path.encode()).hexdigest()[:12]}"
    for window, writer in sorted(writers.items(), key=lambda item: item[0]):
        stored = writer.store(lake, f"{layout.stream_folder(window)}/{name}.jsonl.gz")
        manifest = _manifest(lake, platform, window, stored, path, now, run_id)
        lake.objects.put(stored.path.replace(".jsonl.gz", ".manifest.json"), _encode(manifest))
    if landed:
        note = Replayed(sorted({*landed, *_replayed_lines(lake, path)}), now)
        lake.objects.put(layout.replayed_object(path), _encode(note))
    by_partition = Counter[PostPartition]()
    for window, writer in writers.items():
        by_partition[window.partition] += writer.records
    return Replay(path, by_partition, dead)


def _routed(
    lake: Lake, letter: Letter, holds: Callable[[PostPartition], bool]
) -> tuple[Window | None, bytes]:
    """The window and the line; of one that is dead still, null and its reason."""
    record = letter.record
    if "value_base64" in record:
        place = record["offset"]
        router = Router(letter.platform, str(place["topic"]), holds, lake.origin)
        appended = dt.datetime.fromisoformat(place["appended_at"]).timestamp() * 1000
        kept = _Kept(record, int(place["offset"]))
        window, line, _ = router.route(kept, kept.value(), int(place["partition"]), round(appended))
        return window, line if window else str(_decode(line)["reason"]).encode()
    try:
        created = creation_time(PLATFORMS[letter.platform].parser, record.get("payload"))
    except Refused as refused:
        return None, f"{refused.code}: {refused.reason}".encode()
    window = Window.of(created, letter.platform)
    if not holds(window.partition):
        return None, f"no_partition: there is no partition {window.partition.key}".encode()
    return window, _encode({key: value for key, value in record.items() if key != "reason"})


@dataclass(frozen=True)
class _Kept:
    """A topic's record as its dead letter keeps it."""

    record: Mapping[str, Any]
    at: int

    def offset(self) -> int:
        return self.at

    def value(self) -> bytes | None:
        value = self.record["value_base64"]
        return None if value is None else base64.b64decode(value)

    def headers(self) -> list[tuple[str, bytes | None]]:
        encoded = self.record.get("headers_base64")
        return [
            (name, base64.b64decode(said) if encoded else said.encode())
            for name, said in self.record["headers"]
        ]

    def timestamp(self) -> tuple[int, int]:
        return (0, 0)


def _manifest(
    lake: Lake,
    platform: str,
    window: Window,
    stored: BronzeObject,
    path: str,
    now: dt.datetime,
    run_id: str,
) -> Manifest:
    return Manifest(
        platform=platform,
        date=window.partition.date,
        window=window.name,
        state=None,
        reason="dead letters that were replayed",
        fetched_at=now,
        fetched_from=None,
        fetched_until=None,
        run_id=run_id,
        api_version="",
        simulated=lake.origin == "simulated",
        objects=[stored],
        sources=[SourceFetch(path, "dead letters", "", records=stored.records)],
        received=stored.records,
    )


def _replayed_lines(lake: Lake, path: str) -> frozenset[int]:
    try:
        note = lake.objects.get(layout.replayed_object(path))
        return frozenset(msgspec.json.decode(note, type=Replayed).lines)
    except ObjectMissing:
        return frozenset()
    except msgspec.DecodeError:
        raise LakeError(
            f"{layout.replayed_object(path)} can't be read: remove it, and the letters count as "
            "not replayed, which replaying again mends"
        ) from None


def _place(record: Mapping[str, Any]) -> str:
    if offset := record.get("offset"):
        return f"{offset['topic']} {offset['partition']}:{offset['offset']}"
    request = record.get("request") or {}
    return f"{request.get('source', 'unknown')}, page {request.get('page')}"
