"""Whatever looks, runs, failures and brokers do in whatever order: no range twice at once, no gap,
and what is lost is told to the record.

The sensor, landing and the lake are the real ones; the topic is a fake in memory, which can do what
takes a real cluster days: retention, unclean elections, partitions without a leader.
"""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sentiment_assets.core.landings import Landing, OffsetRange, TopicLog, Watermarks
from sentiment_assets.core.streams import StreamTopic
from sentiment_assets.engine.landing import (
    Order,
    RangeRefused,
    StreamRecord,
    StreamUnreachable,
    land,
)
from sentiment_assets.lake.bronze import read_partition, read_whole
from sentiment_assets.lake.landings import LandingConflict, position_of, recent_landings
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets.stream_sensors import LandingMemory, LandingRules, look
from sentiment_assets_tests.bronze_records import DAY, payload
from sentiment_assets_tests.faults.conftest import SEEDS
from sentiment_assets_tests.faults.storm import assert_landings_follow_each_other
from sentiment_assets_tests.streamed import written

#: Many seeds take their time.
pytestmark = pytest.mark.timeout(3_600)

TOPIC = StreamTopic("x", "posts.x", 2, 1, dt.timedelta(days=3), 1 << 20)
RULES = LandingRules(records=3, wait=dt.timedelta(seconds=60))
PARTITIONS = st.integers(0, 3)


@dataclass(frozen=True)
class FakeRecord:
    """A post whose number is its identity."""

    at: int
    number: int

    def offset(self) -> int:
        return self.at

    def value(self) -> bytes:
        return json.dumps(payload(9, self.number)).encode()

    def headers(self) -> list[tuple[str, bytes | None]]:
        return [*written()]

    def timestamp(self) -> tuple[int, int]:
        return (1, 1_795_000_000_000 + self.number)


@dataclass
class FakeLog:
    """A partition: what it holds by offset, and where it begins."""

    low: int = 0
    records: list[int] = field(default_factory=list)

    @property
    def high(self) -> int:
        return self.low + len(self.records)


@dataclass
class FakeTopic:
    """A topic in memory."""

    incarnation: int = 0
    partitions: list[FakeLog] = field(default_factory=lambda: [FakeLog(), FakeLog()])
    leaderless: set[int] = field(default_factory=set)
    reachable: bool = True
    #: What the group was told, by nobody's leave.
    committed: dict[int, int] = field(default_factory=dict)

    @property
    def topic_id(self) -> str:
        return f"topic{self.incarnation}"

    def topic_log(self, topic: str) -> TopicLog:
        self._must_be_reachable()
        marks = {
            number: Watermarks(log.low, log.high)
            for number, log in enumerate(self.partitions)
            if number not in self.leaderless
        }
        return TopicLog(topic, self.topic_id, marks, tuple(sorted(self.leaderless)))

    def read(self, topic: str, span: OffsetRange) -> Iterator[Sequence[StreamRecord]]:
        for offset in range(span.start, span.end):
            self._must_be_reachable()
            log = self.partitions[span.partition]
            if span.partition in self.leaderless or not log.low <= offset < log.high:
                raise StreamUnreachable("out of range")
            yield [FakeRecord(offset, log.records[offset - log.low])]

    def commit(self, topic: str, positions: Mapping[int, int]) -> None:
        self._must_be_reachable()
        self.committed.update(positions)

    def _must_be_reachable(self) -> None:
        if not self.reachable:
            raise StreamUnreachable("away")


@dataclass
class Run:
    """A landing that was asked for."""

    dagster_run: dg.DagsterRun
    order: Order
    steps: Iterator[Landing] | None = None


class Interleavings(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.lake = Lake.open(LakeLocation(f"{self.folder.name}/lake", "simulated"))
        self.instance = dg.DagsterInstance.ephemeral()
        self.topic = FakeTopic()
        self.memory = LandingMemory()
        self.now = dt.datetime(2026, 11, 25, 12, tzinfo=dt.timezone.utc)
        self.numbers = 0
        self.runs: list[Run] = []
        #: Runs that count as dead, and are not.
        self.zombies: list[Run] = []
        self.run_keys: set[str] = set()
        #: What retention or a deletion took, by log and partition: offset -> number.
        self.deleted: dict[tuple[str, int], dict[int, int]] = {}
        #: Where partitions began when somebody looked, and where they ended at the last look.
        self.begins: set[tuple[str, int, int]] = set()
        self.seen: dict[tuple[str, int], int] = {}
        self.found: dict[tuple[str, int], int] = {}
        #: Records that an unclean election took back: they never were.
        self.taken_back: set[int] = set()
        self.cut: set[tuple[str, int, int]] = set()

    def teardown(self) -> None:
        if hasattr(self, "topic"):
            self.settle()
            self.instance.dispose()
            self.folder.cleanup()

    # What the world does

    @rule(partition=PARTITIONS, count=st.integers(1, 4))
    def produces(self, partition: int, count: int) -> None:
        log = self.topic.partitions[partition % len(self.topic.partitions)]
        for _ in range(min(count, self.room(partition % len(self.topic.partitions)))):
            self.numbers += 1
            log.records.append(self.numbers)

    @precondition(lambda self: len(self.topic.partitions) < 4)
    @rule()
    def gets_a_partition(self) -> None:
        self.topic.partitions.append(FakeLog())

    @rule(partition=PARTITIONS, count=st.integers(1, 4))
    def retention_deletes(self, partition: int, count: int) -> None:
        number = partition % len(self.topic.partitions)
        log = self.topic.partitions[number]
        for _ in range(min(count, len(log.records))):
            self.gone(number)[log.low] = log.records.pop(0)
            log.low += 1

    @rule(partition=PARTITIONS, count=st.integers(1, 4))
    def is_cut_short(self, partition: int, count: int) -> None:
        """An unclean election; others' records fill the gap only after somebody has looked."""
        number = partition % len(self.topic.partitions)
        log = self.topic.partitions[number]
        for _ in range(min(count, len(log.records))):
            self.taken_back.add(log.records.pop())
            self.cut.add((self.topic.topic_id, number, log.high))

    @rule()
    def is_deleted_and_made_anew(self) -> None:
        for number, log in enumerate(self.topic.partitions):
            gone = self.gone(number)
            gone.update(enumerate(log.records, log.low))
            # What came after the last look, nobody can tell of.
            for offset in range(self.seen.get((self.topic.topic_id, number), 0), log.high):
                if offset in gone:
                    self.taken_back.add(gone.pop(offset))
        self.topic.incarnation += 1
        self.topic.partitions = [FakeLog(), FakeLog()]
        self.topic.leaderless.clear()

    @rule(partition=PARTITIONS)
    def loses_or_finds_a_leader(self, partition: int) -> None:
        self.topic.leaderless ^= {partition % len(self.topic.partitions)}

    @rule()
    def brokers_go_or_come_back(self) -> None:
        self.topic.reachable = not self.topic.reachable

    # What the platform does

    @rule(passed=st.sampled_from([1, 20, 70, 400]))
    def looks(self, passed: float) -> None:
        self.now += dt.timedelta(seconds=passed)
        found = look(self.instance, self.lake, self.topic, TOPIC, RULES, self.memory, self.now)
        self.memory = LandingMemory.read(self.memory.write())
        if self.topic.reachable and not self.runs and self.memory.topic_id == self.topic.topic_id:
            for number, log in enumerate(self.topic.partitions):
                if number not in self.topic.leaderless:
                    self.begins.add((self.topic.topic_id, number, log.low))
                    self.seen[self.topic.topic_id, number] = log.high
        if isinstance(found, str):
            return
        assert not self.runs, "two runs at once"
        assert found.run_key not in self.run_keys, "Dagster would pass over it"
        self.run_keys.add(str(found.run_key))
        config = found.run_config["ops"]["land_stream"]["config"]
        ranges, lost = (
            tuple(OffsetRange(**span) for span in config[name]) for name in ("ranges", "lost")
        )
        made = create_run_for_test(
            self.instance, job_name="land", status=dg.DagsterRunStatus.STARTED,
            tags=dict(found.tags), remote_job_origin=None, job_code_origin=None,
        )  # fmt: skip
        self.runs.append(Run(made, Order("x", TOPIC.name, config["log"], ranges, lost)))

    @precondition(lambda self: self.runs)
    @rule()
    def run_lands(self) -> None:
        run = self.runs[0]
        if self.advance(run):
            self.runs.remove(run)

    @precondition(lambda self: self.runs)
    @rule()
    def run_dies(self) -> None:
        self.instance.report_run_failed(self.runs.pop().dagster_run, "killed")

    @precondition(lambda self: self.runs)
    @rule()
    def run_counts_as_dead(self) -> None:
        run = self.runs.pop()
        self.instance.report_run_failed(run.dagster_run, "no heartbeat")
        self.zombies.append(run)

    @precondition(lambda self: self.zombies)
    @rule(data=st.data())
    def the_dead_go_on(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.zombies))
        if self.advance(run):
            self.zombies.remove(run)

    # What must always hold

    @invariant()
    def landings_follow_each_other(self) -> None:
        if hasattr(self, "lake"):
            assert_landings_follow_each_other(list(recent_landings(self.lake, TOPIC.name)))

    def settle(self) -> None:
        """Nothing fails any more: everything is landed, or told to be lost."""
        self.topic.reachable = True
        self.topic.leaderless.clear()
        for zombie in self.zombies:
            while not self.advance(zombie):
                continue
        for _ in range(20):
            while self.runs:
                self.run_lands()
            self.looks(400)
            if not self.runs and self.memory.since is None:
                break
        else:
            raise AssertionError("it never comes to rest")
        found = self.landed_numbers()
        landings = list(recent_landings(self.lake, TOPIC.name))
        told: dict[tuple[str, int], set[int]] = {}
        for landing in landings:
            topic_id = landing.log.partition(".")[0]
            for span in landing.lost:
                told.setdefault((topic_id, span.partition), set()).update(
                    range(span.start, span.end)
                )
        gone = {number for log in self.deleted.values() for number in log.values()}
        assert found >= set(range(1, self.numbers + 1)) - gone - self.taken_back, "lost"
        for key, deleted in self.deleted.items():
            silent = {
                offset
                for offset, number in deleted.items()
                if number not in found and offset not in told.get(key, ())
            }
            # What was gone before anybody looked is nobody's loss.
            assert all(offset < self.first_begin(key) for offset in silent), (key, silent)
        for key, offsets in told.items():
            cut = {offset for *log, offset in self.cut if tuple(log) == key}
            assert offsets <= {*self.deleted.get(key, ())} | cut, "told, and never was"

    # How

    def advance(self, run: Run) -> bool:
        """Let a run land its objects, or add its landing; whether it has ended."""
        if run.steps is None:
            run.steps = land(
                self.lake,
                self.topic,
                run.order,
                holds=lambda partition: partition == DAY,
                run_id=run.dagster_run.run_id,
                clock=lambda: self.now,
            )
            standing = position_of(self.lake, TOPIC.name, self.topic.topic_id)
            if standing.number == 0:
                # Of what it was not asked for, a log's first landing begins where it finds it.
                asked = {span.partition for span in (*run.order.ranges, *run.order.lost)}
                self.found |= {
                    (self.topic.topic_id, number): log.low
                    for number, log in enumerate(self.topic.partitions)
                    if number not in asked
                }
        try:
            next(run.steps)
        except StopIteration:
            self.end(run, dg.DagsterRunStatus.SUCCESS)
        except (StreamUnreachable, RangeRefused, LandingConflict):
            self.end(run, dg.DagsterRunStatus.FAILURE)
        else:
            return False
        return True

    def end(self, run: Run, status: dg.DagsterRunStatus) -> None:
        if run in self.runs:
            if status is dg.DagsterRunStatus.FAILURE:
                self.instance.report_run_failed(run.dagster_run, "it failed")
            else:
                self.instance.delete_run(run.dagster_run.run_id)

    def gone(self, partition: int) -> dict[int, int]:
        return self.deleted.setdefault((self.topic.topic_id, partition), {})

    def first_begin(self, key: tuple[str, int]) -> int:
        """Where a partition began when it was looked at first."""
        looked = (low for *log, low in self.begins if tuple(log) == key)
        return max(min(looked, default=1 << 40), self.found.get(key, 0))

    def room(self, partition: int) -> int:
        """Records that may come before those that were cut away are replaced unseen."""
        position = position_of(self.lake, TOPIC.name, self.topic.topic_id)
        high = self.topic.partitions[partition].high
        landed = position.positions.get(partition, 0)
        return 1 << 10 if high >= landed else landed - high - 1

    def landed_numbers(self) -> set[int]:
        """The posts that can be seen in bronze."""
        bronze = read_partition(self.lake, DAY)
        by_id = {payload(9, number)["data"]["id"]: number for number in range(1, self.numbers + 1)}
        return {
            by_id[json.loads(line)["payload"]["data"]["id"]]
            for manifest in bronze.manifests
            for stored in manifest.objects
            for line in read_whole(self.lake, stored.path)
        }


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(
    deadline=None,
    max_examples=20 * len(SEEDS),
    stateful_step_count=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
