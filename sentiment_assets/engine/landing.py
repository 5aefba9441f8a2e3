"""Offsets of a topic into bronze: read exactly a range, route each record, say what became of it.

What belongs here: how records become objects, and in which order that is made known. The brokers
are behind :class:`StreamReader`; what is to be landed is ``core.landings``.

Objects come first, then the manifests that make them visible, then whatever the caller notes of
them, then the landing, which moves the position, and last the group's offsets, which mirror it for
other tools. A process that dies anywhere leaves the position where it was: its range is read again
and gives the same objects. Whatever stands twice after all is one row in silver.
"""

from __future__ import annotations

import base64
import datetime as dt
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from operator import methodcaller
from types import ModuleType
from typing import Protocol

import msgspec

from sentiment_assets.core import layout, streams
from sentiment_assets.core.coverage import BronzeObject, Manifest, SourceFetch
from sentiment_assets.core.landings import (
    LandedRange,
    LandedWindow,
    Landing,
    OffsetRange,
    TopicLog,
    digest_of,
    generation_of,
    log_name,
    positions_after,
)
from sentiment_assets.core.layout import PostPartition, Window
from sentiment_assets.core.parsers import Refused
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.streams import spelled_time
from sentiment_assets.engine.freed_memory import give_back
from sentiment_assets.lake.bronze import ObjectWriter
from sentiment_assets.lake.landings import add_landing, newest_landing
from sentiment_assets.lake.objects import Lake

log = logging.getLogger(__name__)

#: Records and bytes that one landing holds at most: they bound its memory, whatever the range.
MOST_RECORDS = 100_000
MOST_BYTES = 128 << 20

#: At once, of objects and of manifests: each more holds some MB more for ever.
_WRITERS = 4

_encode = msgspec.json.Encoder().encode

Headers = Sequence[tuple[str, bytes | None]]

#: confluent-kafka 2.16 gives a null pointer for a header's name that is not UTF-8, with the error
#: beside it. A plain call doesn't look for errors beside a result once Python has specialised it,
#: and the process dies of the pointer; this one always looks. To be asked once a record.
_headers_of = methodcaller("headers")


class StreamUnreachable(Exception):
    """No broker answers, or not in time; the message says which address and setting to look at."""


class RangeRefused(Exception):
    """A range that can't be landed as it was asked for; asking again gives the same answer."""


class StreamRecord(Protocol):
    """A record as confluent-kafka gives it."""

    def offset(self) -> int | None:
        """Its offset."""

    def value(self) -> bytes | None:
        """The payload."""

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        """What else was sent."""

    def timestamp(self) -> tuple[int, int]:
        """Kind and milliseconds: when the broker appended it."""


class StreamReader(Protocol):
    """Topics to read from. Nobody is a member of a group: what is read is the caller's to say."""

    def topic_log(self, topic: str) -> TopicLog:
        """What a topic holds now; raises :class:`StreamUnreachable`, ``TopicMissing``."""

    def read(self, topic: str, span: OffsetRange) -> Iterator[Sequence[StreamRecord]]:
        """The records of a range in order, by batches; ends where the range ends."""

    def commit(self, topic: str, positions: Mapping[int, int]) -> None:
        """Let the consumer group's offsets say the same."""


class TopicMissing(Exception):
    """The brokers know no topic of that name."""


@dataclass(frozen=True)
class Order:
    """What is to be landed."""

    platform: str
    topic: str
    log: str
    ranges: tuple[OffsetRange, ...]
    #: What was found to be gone already when the order was made.
    lost: tuple[OffsetRange, ...] = ()
    #: Land these again, wherever the position stands.
    replay: bool = False


def land(
    lake: Lake,
    reader: StreamReader,
    order: Order,
    *,
    holds: Callable[[PostPartition], bool],
    run_id: str,
    clock: Callable[[], dt.datetime],
) -> Iterator[Landing]:
    """Land the ranges of an order that were not landed yet.

    Yields each landing when its objects stand and before it is added: what the caller notes of it
    is noted first, so that nothing lands unseen.

    Args:
        lake: where bronze lies.
        reader: where the topic is read.
        order: what to land.
        holds: which partitions exist; records of other dates become dead letters.
        run_id: named in manifests.
        clock: when it is now.

    Raises:
        RangeRefused: the topic is another by now, or records would be left out.
        StreamUnreachable: no broker answers.
        LandingConflict: another run landed of the same topic meanwhile.
    """
    current = reader.topic_log(order.topic)
    # What a deleted topic lost is told in its own log.
    if order.ranges:
        _require_log(current, order)
    newest = newest_landing(lake, order.topic, order.log)
    positions: Mapping[int, int] = newest.positions if newest else _first(order, current)
    number = newest.number + 1 if newest else 0
    ranges, lost = _due(order, positions, current)
    if not (ranges or lost):
        return
    # The same threads for every landing: with new ones for each, memory grew from one to the next.
    with ThreadPoolExecutor(_WRITERS) as threads:
        for unit in _units(lake, reader, order, ranges, holds):
            if ranges:
                # What was read while the topic was made anew are other records.
                _require_log(reader.topic_log(order.topic), order)
            landing = unit.close(threads, number, positions, lost, run_id, clock())
            yield landing
            add_landing(lake, landing)
            positions, number, lost = landing.positions, number + 1, ()
            _mirror(reader, order.topic, positions)
            give_back()


def _require_log(current: TopicLog, order: Order) -> None:
    if log_name(current.topic_id) != generation_of(order.log)[0]:
        raise RangeRefused(
            f"{order.topic} was made anew since these offsets were asked for: they number other "
            "records now. The sensor asks for those of the new topic"
        )


def _first(order: Order, current: TopicLog) -> dict[int, int]:
    """Where the landings of a log begin: what was deleted before is nobody's loss."""
    asked = {span.partition for span in (*order.ranges, *order.lost)}
    return {p: marks.low for p, marks in current.watermarks.items() if p not in asked}


def _due(
    order: Order, positions: Mapping[int, int], current: TopicLog
) -> tuple[list[OffsetRange], tuple[OffsetRange, ...]]:
    """What of an order is still to be landed, and what of it is lost."""
    lost = [] if order.replay else [*order.lost]
    gone = {span.partition: span.end for span in lost}
    due = []
    for span in sorted(order.ranges):
        partition, start = span.partition, span.start
        stands = positions.get(partition)
        if not order.replay and stands is not None:
            if max(stands, gone.get(partition, 0)) < start:
                raise RangeRefused(
                    f"{order.topic}: the landings end at offset {stands} of partition {partition} "
                    f"and this range begins at {start}: what lies between would be left out. "
                    f"Land from {stands}, or replay the range by hand (docs/runbooks/landing.md)"
                )
            start = max(start, stands)
        marks = current.watermarks.get(partition)
        if marks is None or span.end > marks.high:
            held = "is not there" if marks is None else f"ends at offset {marks.high}"
            raise RangeRefused(f"{order.topic}: partition {partition} {held}; asked for is {span}")
        # Retention may have been faster than the queue of runs.
        if start < marks.low and start < span.end:
            end = min(marks.low, span.end)
            lost.append(OffsetRange(partition, start, end))
            start = end
        if start < span.end:
            due.append(OffsetRange(partition, start, span.end))
    landed = [s for s in lost if positions.get(s.partition, 0) < s.end or order.replay]
    return due, tuple(landed)


def _units(
    lake: Lake,
    reader: StreamReader,
    order: Order,
    ranges: Sequence[OffsetRange],
    holds: Callable[[PostPartition], bool],
) -> Iterator[_Unit]:
    """Read ranges one after the other, in units whose records bound memory.

    Where a unit ends follows from its records alone, so that a second attempt makes the same.
    """
    unit = _Unit(lake, order, Router(order.platform, order.topic, holds, lake.origin))
    for span in ranges:
        unit.begin(span.partition, span.start)
        for records in reader.read(order.topic, span):
            for record in records:
                if unit.is_full:
                    offset = record.offset() or 0
                    unit.end(offset)
                    yield unit
                    unit = _Unit(lake, order, unit.router)
                    unit.begin(span.partition, offset)
                unit.add(record)
        unit.end(span.end)
    yield unit


class _Unit:
    """The records of one landing in the making."""

    def __init__(self, lake: Lake, order: Order, router: Router) -> None:
        self._lake = lake
        self._order = order
        self.router = router
        self._ranges: list[LandedRange] = []
        self._partition = self._start = 0
        self._writers: dict[Window, ObjectWriter] = {}
        self._dead_letters = ObjectWriter()
        self._stored: list[tuple[Window | None, ObjectWriter, str]] = []
        self._records = self._bytes = self._consumed = 0
        self._appended: list[int] = []
        self._versions: Counter[str] = Counter()

    @property
    def is_full(self) -> bool:
        """No further record belongs into this landing."""
        return self._records >= MOST_RECORDS or self._bytes >= MOST_BYTES

    def begin(self, partition: int, start: int) -> None:
        """Go on with another partition."""
        self._partition, self._start = partition, start
        self._consumed = 0

    def add(self, record: StreamRecord) -> None:
        """Route a record to its window's object, or to the dead letters."""
        value = record.value()
        appended = record.timestamp()[1]
        self._records += 1
        self._consumed += 1
        self._bytes += len(value or b"")
        # Only the first and the last of a partition: brokers append in the order of time.
        if self._consumed == 1:
            self._appended += [appended, appended]
        self._appended[-1] = appended
        window, line, version = self.router.route(record, value, self._partition, appended)
        if window is None:
            self._dead_letters.add(line)
            return
        self._versions[version] += 1
        writer = self._writers.get(window)
        if writer is None:
            writer = self._writers[window] = ObjectWriter()
        writer.add(line)

    def end(self, end: int) -> None:
        """The partition's range ends before this offset: its objects can be named."""
        order, partition, start = self._order, self._partition, self._start
        span = OffsetRange(partition, start, end)
        dead = self._dead_letters.records
        if dead:
            day = _instant(self._appended[-2]).date()
            path = layout.stream_dead_letter_object(
                order.platform, day, order.log, partition, start, end
            )
            self._stored.append((None, self._dead_letters, path))
            self._dead_letters = ObjectWriter()
        for window, writer in self._writers.items():
            path = layout.stream_object(window, order.log, partition, start, end)
            self._stored.append((window, writer, path))
        landed = sum(writer.records for writer in self._writers.values())
        self._writers = {}
        self._ranges.append(LandedRange(span, self._consumed, landed, dead))

    def close(
        self,
        threads: Executor,
        number: int,
        before: Mapping[int, int],
        lost: tuple[OffsetRange, ...],
        run_id: str,
        now: dt.datetime,
    ) -> Landing:
        """Store the objects, then the manifests that make them visible."""
        spans = [landed.range for landed in self._ranges]
        stored = list(threads.map(lambda entry: entry[1].store(self._lake, entry[2]), self._stored))
        by_window: dict[Window, list[BronzeObject]] = {}
        dead_letters = []
        for (window, _, _), written in zip(self._stored, stored, strict=True):
            if window is None:
                dead_letters.append(written)
            else:
                by_window.setdefault(window, []).append(written)
        appended = [_instant(moment) for moment in self._appended]
        landing = Landing(
            topic=self._order.topic,
            platform=self._order.platform,
            log=self._order.log,
            number=number,
            ranges=self._ranges,
            positions=positions_after(before, spans, lost),
            windows=[
                LandedWindow(
                    window.partition.date,
                    window.name,
                    sum(written.records for written in by_window[window]),
                    layout.stream_manifest(window, self._order.log, digest_of(spans)),
                )
                for window in sorted(by_window)
            ],
            run_id=run_id,
            landed_at=now,
            appended_from=min(appended, default=None),
            appended_until=max(appended, default=None),
            lost=list(lost),
            dead_letter_objects=dead_letters,
            replay=self._order.replay,
        )
        manifests = [
            self._manifest(window, by_window[window], landing) for window in sorted(by_window)
        ]
        paths = [window.manifest for window in landing.windows]
        list(threads.map(self._lake.objects.put, paths, map(_encode, manifests)))
        return landing

    def _manifest(self, window: Window, objects: list[BronzeObject], landing: Landing) -> Manifest:
        order = self._order
        received = sum(written.records for written in objects)
        return Manifest(
            platform=order.platform,
            date=window.partition.date,
            window=window.name,
            state=None,
            reason=f"landed from {order.topic}",
            # Not when it was landed: a second attempt says the same.
            fetched_at=landing.appended_until or landing.landed_at,
            fetched_from=None,
            fetched_until=None,
            run_id=landing.run_id,
            api_version=self._versions.most_common(1)[0][0],
            simulated=self._lake.origin == "simulated",
            objects=objects,
            sources=[SourceFetch(order.topic, "topic", order.log, records=received)],
            received=received,
        )


class Router:
    """Which window a record belongs to, and its line in bronze."""

    def __init__(
        self, platform: str, topic: str, holds: Callable[[PostPartition], bool], origin: str
    ) -> None:
        self._platform = platform
        self._topic = topic
        self._origin = origin
        self._holds = holds
        self._parser: ModuleType = PLATFORMS[platform].parser
        self._decode = msgspec.json.Decoder(self._parser.Routing).decode
        self._windows: dict[int, Window | None] = {}
        self._envelope_start = b'{"platform":%b,"source":"stream","fetched_at":' % _encode(platform)
        self._offset_start = b',"offset":{"topic":%b,"partition":%d,"offset":%d,"appended_at":%b}'

    def route(
        self, record: StreamRecord, value: bytes | None, partition: int, appended: int
    ) -> tuple[Window | None, bytes, str]:
        """The window (null for a dead letter), the line, and the version of the API."""
        try:
            sent: Headers | None = _headers_of(record) or ()
        except (UnicodeDecodeError, SystemError):
            sent = None
        try:
            headers = self._headers(sent)
            window = self._window(value)
            return (
                window,
                self._line(record, headers, value, partition, appended),
                headers[streams.API_VERSION],
            )
        except Refused as refused:
            reason = f"{refused.code}: {refused.reason}"
            return None, self._dead_letter(record, sent, value, partition, appended, reason), ""

    def _headers(self, sent: Headers | None) -> Mapping[str, str]:
        if sent is None:
            raise Refused("bad_headers", "the name of a header is not UTF-8")
        try:
            headers = streams.read_headers(sent)
        except UnicodeDecodeError:
            raise Refused("bad_headers", "a header is not UTF-8") from None
        missing = [name for name in streams.REQUIRED_HEADERS if not headers.get(name)]
        if missing:
            raise Refused("bad_headers", f"no header {', '.join(missing)}")
        if headers[streams.PLATFORM] != self._platform:
            raise Refused("wrong_platform", f"the header platform is not {self._platform}")
        if headers[streams.ORIGIN] != self._origin:
            raise Refused("other_origin", f"this lake holds {self._origin} posts only")
        if not _is_instant(headers[streams.FETCHED_AT]):
            raise Refused("bad_headers", "the header fetched_at is no RFC 3339 time with a zone")
        return headers

    def _window(self, value: bytes | None) -> Window:
        if not value:
            raise Refused("empty", "the record has no payload")
        try:
            created: dt.datetime = self._parser.created_at(self._decode(value))
        except msgspec.ValidationError as error:
            raise Refused("not_routable", str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refused("not_json", _without_values(error)) from None
        except RecursionError:
            raise Refused("not_json", "nested too deeply to be read") from None
        except OverflowError:
            raise Refused("not_routable", "its time lies outside the calendar in UTC") from None
        try:
            hours = int(created.timestamp()) // 7200
            window = self._windows[hours]
        except KeyError:
            window = Window.of(created, self._platform)
            if not self._holds(window.partition):
                window = None
            self._windows[hours] = window
        except (OverflowError, ValueError):
            raise Refused("not_routable", "its time lies outside the calendar in UTC") from None
        if window is None:
            day = created.astimezone(dt.timezone.utc).date()
            missing = PostPartition(day, self._platform).key
            raise Refused("no_partition", f"there is no partition {missing}")
        return window

    def _line(
        self,
        record: StreamRecord,
        headers: Mapping[str, str],
        value: bytes | None,
        partition: int,
        appended: int,
    ) -> bytes:
        payload = value or b"null"
        if b"\n" in payload:
            # One record, one line. Inside of strings JSON has no line ends.
            try:
                payload = msgspec.json.format(payload, indent=-1)
            except RecursionError:
                # It takes one level more than reading did.
                raise Refused("not_json", "nested too deeply to be read") from None
        return b"%b%b%b,%b,%b}" % (
            self._envelope_start,
            _quoted(headers[streams.FETCHED_AT]),
            self._offset(record, partition, appended),
            _told(headers[streams.API_VERSION], headers.get(streams.FETCH_ID, "")),
            b'"payload":' + payload,
        )

    def _offset(self, record: StreamRecord, partition: int, appended: int) -> bytes:
        return self._offset_start % (
            _quoted(self._topic),
            partition,
            record.offset() or 0,
            _quoted_time(appended),
        )

    def _dead_letter(
        self,
        record: StreamRecord,
        sent: Headers | None,
        value: bytes | None,
        partition: int,
        appended: int,
        reason: str,
    ) -> bytes:
        """The whole record, so that it can be replayed once its cause is mended."""
        try:
            headers = [(name, (said or b"").decode()) for name, said in sent or ()]
            encoded = False
        except UnicodeDecodeError:
            headers = [(name, _base64(said or b"")) for name, said in sent or ()]
            encoded = True
        return _encode(
            {
                "platform": self._platform,
                "source": "stream",
                "fetched_at": spelled_time(_instant(appended)),
                "offset": {
                    "topic": self._topic,
                    "partition": partition,
                    "offset": record.offset(),
                    "appended_at": spelled_time(_instant(appended)),
                },
                "headers": headers,
                "headers_base64": encoded,
                "reason": reason,
                "value_base64": None if value is None else _base64(value),
            }
        )


def _mirror(reader: StreamReader, topic: str, positions: Mapping[int, int]) -> None:
    """Tell the group. Landings are the truth: tools see an older position until the next one."""
    try:
        reader.commit(topic, positions)
    except StreamUnreachable as error:
        log.warning("the consumer group's offsets of %s are behind: %s", topic, error)


@lru_cache(maxsize=1024)
def _quoted(text: str) -> bytes:
    return _encode(text)


@lru_cache(maxsize=64)
def _told(api_version: str, fetch_id: str) -> bytes:
    return b'"api_version":%b,"fetch_id":%b' % (_encode(api_version), _encode(fetch_id))


@lru_cache(maxsize=1024)
def _quoted_time(milliseconds: int) -> bytes:
    return _encode(spelled_time(_instant(milliseconds)))


@lru_cache(maxsize=1024)
def _is_instant(text: str) -> bool:
    try:
        msgspec.convert(text, dt.datetime)
        return dt.datetime.fromisoformat(text).tzinfo is not None
    except (msgspec.ValidationError, ValueError):
        return False


def _instant(milliseconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.timezone.utc)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _without_values(error: Exception) -> str:
    # A decoding error of the standard library shows the bytes that it stumbled on.
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
