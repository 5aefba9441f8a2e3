"""What of a topic was landed in bronze: offset ranges, positions, and what is to be landed next.

What belongs here: pure values over offsets. Reading a topic and writing objects is
``engine.landing``, storing what is said here ``lake.landings``.

Offsets are Kafka's own, a sequence per partition of the topic; a range is ``[start, end)``. A
*log* is one incarnation of a topic: a topic that was deleted and made anew, or whose log was cut
short, numbers other records with the same offsets, and is another log.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field

from msgspec import Struct, field

from sentiment_assets.core.coverage import BronzeObject


class OffsetRange(Struct, frozen=True, order=True):
    """Offsets of one partition of a topic, from ``start`` up to, not including, ``end``."""

    partition: int
    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def __str__(self) -> str:
        return f"{self.partition}:{self.start}-{self.end}"


class LandedRange(Struct, frozen=True):
    """What became of a range's records; offsets beyond them were the broker's own marks."""

    range: OffsetRange
    #: Records that the broker gave.
    consumed: int = 0
    landed: int = 0
    dead_letters: int = 0

    @property
    def missing(self) -> int:
        """Records that came and went nowhere; must be 0."""
        return self.consumed - self.landed - self.dead_letters


class LandedWindow(Struct, frozen=True):
    """What a landing brought for one window."""

    date: dt.date
    window: str
    records: int
    #: The manifest beside the window's objects.
    manifest: str


class Landing(Struct, frozen=True):
    """One landing: written last, and the truth about what was landed."""

    topic: str
    platform: str
    #: Which incarnation of the topic.
    log: str
    #: Landings of a log count from 0, without a gap.
    number: int
    ranges: list[LandedRange]
    #: Next offset of each partition after this landing.
    positions: dict[int, int]
    windows: list[LandedWindow]
    run_id: str
    landed_at: dt.datetime
    #: When the oldest and the newest record came into the topic; null where none did.
    appended_from: dt.datetime | None = None
    appended_until: dt.datetime | None = None
    #: Offsets that were gone before they could be read: retention was faster.
    lost: list[OffsetRange] = field(default_factory=list)
    dead_letter_objects: list[BronzeObject] = field(default_factory=list)
    #: Somebody landed a range again by hand.
    replay: bool = False

    @property
    def consumed(self) -> int:
        """Records that the broker gave."""
        return sum(landed.consumed for landed in self.ranges)

    @property
    def landed(self) -> int:
        """Records in windows' objects."""
        return sum(landed.landed for landed in self.ranges)

    @property
    def dead_letters(self) -> int:
        """Records that no window could be named for."""
        return sum(landed.dead_letters for landed in self.ranges)


class Watermarks(Struct, frozen=True):
    """What a partition of a topic holds: its oldest offset, and the next one to be written."""

    low: int
    high: int


@dataclass(frozen=True)
class TopicLog:
    """A topic as the brokers say it is now."""

    topic: str
    #: The id that the cluster gave this incarnation; ``"0"`` where it gives none.
    topic_id: str
    watermarks: Mapping[int, Watermarks]
    #: Partitions without a leader, or whose leader doesn't answer: they can't be read now.
    leaderless: tuple[int, ...] = ()


@dataclass(frozen=True)
class Position:
    """Where the landings of a log stand."""

    log: str
    #: Number of the next landing.
    number: int = 0
    positions: Mapping[int, int] = dataclass_field(default_factory=dict)


@dataclass(frozen=True)
class Waiting:
    """What a topic holds that was not landed."""

    log: str
    number: int
    ranges: tuple[OffsetRange, ...]
    #: What retention deleted before it was landed.
    lost: tuple[OffsetRange, ...] = ()

    @property
    def records(self) -> int:
        """Offsets that wait: never fewer than records."""
        return sum(map(len, self.ranges))

    def __bool__(self) -> bool:
        return bool(self.ranges or self.lost)


def log_name(topic_id: str, generation: int = 0) -> str:
    """Name of an incarnation: a topic's id, and how often its log was cut short since."""
    plain = topic_id.replace("/", "_").replace("+", "-").rstrip("=") or "0"
    return f"{plain}.{generation}" if generation else plain


def generation_of(log: str) -> tuple[str, int]:
    """The topic id (as names carry it) and the generation of a log's name."""
    plain, _, generation = log.partition(".")
    return plain, int(generation or 0)


def waiting(
    topic: TopicLog, position: Position, begins: Mapping[int, int] | None = None
) -> Waiting:
    """What is to be landed next, of every partition.

    A partition that ends before the position was cut short (an unclean election): offsets after the
    cut number other records now. All of the topic is landed anew, under a name of its own, since
    what is landed twice is one row in silver and what is never landed is lost.

    Args:
        topic: what the brokers say.
        position: where its landings stand.
        begins: where partitions began when they were first looked at. Before the first landing
            this tells what has been deleted meanwhile; what was before it is nobody's loss.
    """
    readable = {p: marks for p, marks in topic.watermarks.items() if p not in topic.leaderless}
    cut = any(marks.high < position.positions.get(p, 0) for p, marks in readable.items())
    ranges, lost = [], []
    for partition, marks in sorted(readable.items()):
        first = 0 if position.number else (begins or {}).get(partition, marks.low)
        stands = position.positions.get(partition, first)
        if stands < marks.low:
            lost.append(OffsetRange(partition, stands, marks.low))
        start = marks.low if cut else max(stands, marks.low)
        if start < marks.high:
            ranges.append(OffsetRange(partition, start, marks.high))
    if cut:
        plain, generation = generation_of(position.log)
        position = Position(f"{plain}.{generation + 1}")
    return Waiting(position.log, position.number, tuple(ranges), tuple(lost))


def at_most(ranges: Sequence[OffsetRange], records: int) -> tuple[OffsetRange, ...]:
    """The beginning of ranges that together hold no more than some records, fairly shared.

    Each partition gives the same number of offsets, less where it has less: no partition waits for
    another's backlog.
    """
    if sum(map(len, ranges)) <= records:
        return tuple(ranges)
    left, taken = records, []
    # The shortest first: what they leave of their share goes to the longer ones.
    for place, span in enumerate(sorted(ranges, key=len)):
        share = min(len(span), left // (len(ranges) - place))
        left -= share
        if share:
            taken.append(OffsetRange(span.partition, span.start, span.start + share))
    return tuple(sorted(taken))


def digest_of(ranges: Sequence[OffsetRange]) -> str:
    """A short name of ranges: equal for equal ones."""
    spelled = ",".join(map(str, sorted(ranges)))
    return hashlib.sha256(spelled.encode()).hexdigest()[:12]


def positions_after(
    before: Mapping[int, int], ranges: Sequence[OffsetRange], lost: Sequence[OffsetRange] = ()
) -> dict[int, int]:
    """Next offsets when ranges were landed; those that go on where they stood move it."""
    after = dict(before)
    for span in sorted((*lost, *ranges)):
        if span.start <= after.get(span.partition, span.start):
            after[span.partition] = max(span.end, after.get(span.partition, 0))
    return after
