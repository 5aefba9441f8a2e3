"""One topic, one lake and a ledger: what a storm sends, and the reckoning after it.

What belongs here: making traffic by a seed, landing it as the sensor would, and comparing what is
in the lake with the ledger. The faults are the tests'.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from sentiment_assets.core.landings import Landing, waiting
from sentiment_assets.core.layout import STREAM_POSTS, PostPartition, windows_of
from sentiment_assets.engine.dead_letters import Letter, dead_letter_objects, read_letters
from sentiment_assets.engine.landing import Order, StreamReader, land
from sentiment_assets.lake.bronze import read_partition, read_whole, stored_partitions
from sentiment_assets.lake.landings import position_of, recent_landings
from sentiment_assets.lake.objects import Lake
from sentiment_assets.partitions import has_partition
from sentiment_assets_tests.bronze_records import RULES, iso, snowflake
from sentiment_assets_tests.faults.ledger import Entry, Ledger, digest_of
from sentiment_assets_tests.faults.poison import POISON, Header, Poison
from sentiment_assets_tests.silver_of_a_lake import posts, quarantine, rebuild
from sentiment_assets_tests.streamed import NOW, Streamed, written

#: How late posts are: in order, then some that the platform pushed late.
LATENESS = (*(dt.timedelta(hours=1),) * 6, *map(dt.timedelta, (1, 7, 30)))

Place = tuple[int, int]


def holds(partition: PostPartition) -> bool:
    """The platform's own partitions, at the storm's time."""
    return has_partition(partition, NOW)


@dataclass(frozen=True)
class Post:
    """A version of a post as it was sent."""

    chain: list[str]
    created: dt.datetime
    value: bytes
    headers: Sequence[Header]
    partition: int


@dataclass
class Reckoning:
    """The ledger and the lake, side by side."""

    produced: int
    #: Records by what became of them: each place in the topic counts once.
    rows: int
    quarantined: int
    dead_letters: int
    #: Rows of silver, and ids of posts that have none, two, or an older version than the newest.
    silver: int
    lost: list[str]
    doubled: list[str]
    outdated: list[str]
    #: Silver rows that nobody sent.
    unknown: int
    #: Values of dead letters that the ledger does not know, and the other way round.
    dead_letters_astray: int


@dataclass
class Storm:
    """Traffic of one topic by a seed."""

    seed: int
    stream: Streamed
    lake: Lake
    folder: Path
    random: random.Random = field(init=False)
    ledger: Ledger = field(init=False)
    sent: list[Post] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.ledger = Ledger(self.folder / "ledger.jsonl")
        self._numbers = count(self.seed * 100_000 % 900_000 + 1)
        self.reader = self.stream.reader()
        self.producer = Producer(
            self.stream.connection.config(**{"enable.idempotence": True, "linger.ms": 2})
        )

    # What is sent

    def rain(self, records: int = 24, poison: float = 0.1) -> None:
        """Send some records: new posts, edits, copies, late ones, poison, in any order."""
        pick, batch = self.random, list[tuple[Entry, Post | Poison]]()
        for _ in range(records):
            chance = pick.random()
            if chance < poison:
                one = pick.choice(POISON)
                batch.append((entry_of(one), one))
            elif chance < poison + 0.1 and self.sent:
                again = pick.choice(self.sent)
                batch.append((self._entry("again", again), again))
            elif chance < poison + 0.25 and self.sent:
                edited = self._edited(pick.choice(self.sent))
                batch.append((self._entry("edit", edited), edited))
                self.sent.append(edited)
            else:
                post = self._post()
                batch.append((self._entry("post", post), post))
                self.sent.append(post)
        # A producer that had to ask again sends late what was made early.
        late = [one for one in batch if pick.random() < 0.2]
        batch = [one for one in batch if one not in late] + late
        self.send(batch)

    def send(self, batch: Sequence[tuple[Entry, Post | Poison]]) -> None:
        """Write records down, then produce them, and wait until the broker has all."""
        self.ledger.note([entry for entry, _ in batch])
        for _, record in batch:
            partition = (
                record.partition
                if isinstance(record, Post)
                else self.random.randrange(self.stream.partitions)
            )
            self.producer.produce(
                self.stream.topic,
                value=record.value,
                headers=list(record.headers),
                partition=partition,
            )
        self.flush()

    def flush(self) -> None:
        """Wait until the broker has all."""
        assert self.producer.flush(60) == 0

    def _post(self) -> Post:
        created = NOW - self.random.choice(LATENESS)
        return self._version([snowflake(created, next(self._numbers))], created)

    def _edited(self, post: Post) -> Post:
        newest = max((p for p in self.sent if p.chain[0] == post.chain[0]), key=lambda p: p.chain)
        later = newest.created + dt.timedelta(minutes=5 * len(newest.chain))
        return self._version([*newest.chain, snowflake(later, next(self._numbers))], newest.created)

    def _version(self, chain: list[str], created: dt.datetime) -> Post:
        version = len(chain) - 1
        data = {
            "id": chain[-1],
            "text": f"I think that version {version} of this is great",
            "created_at": iso(created),
            "author_id": str(self.random.randrange(4_000_000, 4_000_050)),
            "conversation_id": chain[0],
            "lang": "en",
            "edit_history_tweet_ids": chain,
        }
        fetched = NOW + dt.timedelta(minutes=version)
        return Post(
            chain,
            created,
            json.dumps({"data": data, "includes": {}}).encode(),
            written(created_at=created, fetched_at=fetched),
            self.random.randrange(self.stream.partitions),
        )

    def _entry(self, kind: str, post: Post) -> Entry:
        return Entry(kind, "row", digest_of(post.value), post.chain[0], len(post.chain) - 1)

    # How it is landed

    def order(self, reader: StreamReader | None = None) -> Order:
        """What waits, as the sensor asks for it."""
        reader = reader or self.reader
        log = reader.topic_log(self.stream.topic)
        found = waiting(log, position_of(self.lake, self.stream.topic, log.topic_id))
        return Order("x", self.stream.topic, found.log, found.ranges, found.lost)

    def land(self, order: Order | None = None, **parts: Any) -> list[Landing]:
        """Land all that waits."""
        reader = parts.get("reader") or self.reader
        return list(
            land(
                parts.get("lake") or self.lake,
                reader,
                order or self.order(reader),
                holds=holds,
                run_id="storm",
                clock=lambda: NOW,
            )
        )

    # What came of it

    def landings(self) -> list[Landing]:
        return list(recent_landings(self.lake, self.stream.topic))

    def letters(self) -> list[Letter]:
        return [
            letter
            for path in dead_letter_objects(self.lake)
            for letter in read_letters(self.lake, path)
        ]

    def settle(self) -> Reckoning:
        """Land the rest, bring silver up to date, and compare the lake with the ledger."""
        self.land()
        assert self.order().ranges == ()
        rebuild(self.lake, stored_partitions(self.lake))
        return self.reckon()

    def reckon(self) -> Reckoning:
        lines = {
            (path, number): place
            for path in self._objects()
            for number, place in enumerate(map(_place, read_whole(self.lake, path)), 1)
        }
        refused = {lines[row["object"], row["line"]] for row in quarantine(self.lake).to_dicts()}
        letters = {_place_of(letter.record): digest_of(letter.raw) for letter in self.letters()}
        rows = posts(self.lake)
        expected = {_pseudonym(chain): version for chain, version in self.ledger.newest().items()}
        found = Counter(rows["post_pid"].to_list())
        texts = dict(rows.select("post_pid", "text").iter_rows())
        astray = Counter(letters.values())
        astray.subtract(self.ledger.digests("dead letter"))
        return Reckoning(
            produced=len(self.ledger),
            rows=len({*lines.values()} - refused),
            quarantined=len(refused),
            dead_letters=len(letters),
            silver=rows.height,
            lost=sorted(expected.keys() - found.keys()),
            doubled=[pid for pid, times in found.items() if times > 1],
            outdated=[
                pid
                for pid, version in expected.items()
                if (said := re.search(r"version (\d+)", texts.get(pid) or ""))
                and int(said[1]) != version
            ],
            unknown=len(found.keys() - expected.keys()),
            dead_letters_astray=sum(map(abs, astray.values())),
        )

    def _objects(self) -> list[str]:
        return [
            stored.path
            for partition in stored_partitions(self.lake)
            if (bronze := read_partition(self.lake, partition))
            for window in windows_of(partition)
            for stored in bronze.objects(window)
            if stored.path.startswith(STREAM_POSTS)
        ]


def entry_of(poison: Poison) -> Entry:
    return Entry(poison.name, poison.fate, digest_of(poison.value), poison.chain)


def assert_nothing_lost(storm: Storm, copies: int = 0) -> Reckoning:
    """Every record is a row, a copy of one, in quarantine or a dead letter, and never two.

    ``copies`` of rows stand in the topic that the ledger knows nothing of.
    """
    found = storm.settle()
    ledger = storm.ledger
    assert (found.lost, found.doubled, found.outdated, found.unknown) == ([], [], [], 0), found
    assert found.rows == ledger.count("row") + copies, found
    assert found.quarantined == ledger.count("quarantine"), found
    assert found.dead_letters == ledger.count("dead letter"), found
    assert found.dead_letters_astray == 0, found
    assert found.rows + found.quarantined + found.dead_letters == found.produced + copies
    assert_landings_follow_each_other(storm.landings())
    return found


def assert_landings_follow_each_other(landings: Sequence[Landing]) -> None:
    """No gap and no overlap: what the landings of a log say is each offset once."""
    by_log: dict[str, list[Landing]] = {}
    for landing in landings:
        by_log.setdefault(landing.log, []).append(landing)
    for log, own in by_log.items():
        assert [landing.number for landing in own] == list(range(len(own))), log
        spans: dict[int, list[Place]] = {}
        for landing in own:
            assert landing.consumed == landing.landed + landing.dead_letters
            for span in (*(landed.range for landed in landing.ranges), *landing.lost):
                spans.setdefault(span.partition, []).append((span.start, span.end))
        for partition, told in spans.items():
            for before, after in pairwise(sorted(told)):
                assert before[1] == after[0], (log, partition, told)


def _place(line: bytes) -> Place:
    # The payload behind it may be one that no decoder reads.
    found = re.search(rb'"partition":(\d+),"offset":(\d+),', line)
    assert found is not None
    return int(found[1]), int(found[2])


def _place_of(record: Any) -> Place:
    return record["offset"]["partition"], record["offset"]["offset"]


def _pseudonym(chain: str) -> str:
    """Silver's id of a post, made from its description and not by its code."""
    [(platform, secret)] = RULES.keys.secrets

    def keyed(key: bytes, message: str) -> str:
        return hmac.new(key, message.encode(), hashlib.sha256).hexdigest()

    year = keyed(bytes.fromhex(secret), f"{platform}/{NOW.year}/post")
    return keyed(year.encode(), chain)[:32]
