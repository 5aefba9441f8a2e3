"""Whatever lands, runs, fails and is looked at in whatever order: nothing stays unseen.

Bronze and materializations are events in a real event log, as runs record them; the sensor is the
real one. A run notes what it consumes when it starts to read, and may fail at any point.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import dagster as dg
from dagster._core.test_utils import create_run_for_test
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sentiment_assets.assets.bronze import BATCH_POSTS_KEY
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.sensors import LANGUAGE_KEY, POOLED_KEY, REBUILD_TAG, behind
from sentiment_assets_tests.local_platform import day
from sentiment_assets_tests.test_sensors import BY_DAYS, CODE_LOCATION, EVERY, Story, minutes

#: A Saturday and a Sunday, which pools its week, and a day apart from them.
DATES = [day("2026-01-31"), day("2026-02-01"), day("2026-02-04")]


@dataclass
class Run:
    """A rebuild on its way: waiting, reading, silver made."""

    dagster_run: dg.DagsterRun
    partitions: list[PostPartition]
    only: list[dg.AssetKey]
    #: What each partition's silver consumes; null before it reads.
    consumes: dict[PostPartition, int] | None = None
    made_silver: bool = False


class LateData(RuleBasedStateMachine):
    """The lake's events, the sensor, and the runs that it asked for."""

    @initialize()
    def begin(self) -> None:
        self.story = Story()
        self.runs: list[Run] = []
        self.asked: dict[tuple[PostPartition, bool], dt.datetime] = {}
        #: The newest landing that each partition's silver was made of, told by nobody but us.
        self.seen: dict[PostPartition, int] = {}

    def teardown(self) -> None:
        if hasattr(self, "story"):
            self.settle()
            self.story.instance.dispose()

    # What may happen

    @rule(partition=st.sampled_from(DATES), count=st.integers(1, 5))
    def lands(self, partition: PostPartition, count: int) -> None:
        for _ in range(count):
            self.story.bronze(partition)

    @rule(passed=st.sampled_from([0.5, 3, 10, 70]))
    def looks(self, passed: float) -> None:
        for request in self.story.look(minutes(passed)):
            named = request.tags[REBUILD_TAG].rpartition(":")[2].split(",")
            partitions = [PostPartition.from_key(key) for key in named]
            made = create_run_for_test(
                self.story.instance, job_name="rebuild", status=dg.DagsterRunStatus.QUEUED,
                tags=dict(request.tags), remote_job_origin=CODE_LOCATION, job_code_origin=None,
            )  # fmt: skip
            self.runs.append(Run(made, partitions, list(request.asset_selection or [])))
            for partition in partitions:
                whole = not request.asset_selection
                before = self.asked.get((partition, whole))
                assert before is None or self.story.now - before >= EVERY, "too often"
                self.asked[partition, whole] = self.story.now

    @precondition(lambda self: self.waiting())
    @rule(data=st.data())
    def starts_to_read(self, data: st.DataObject) -> None:
        self.read(data.draw(st.sampled_from(self.waiting())))

    @precondition(lambda self: self.reading())
    @rule(data=st.data())
    def makes_silver(self, data: st.DataObject) -> None:
        self.make_silver(data.draw(st.sampled_from(self.reading())))

    @precondition(lambda self: self.nearly_done())
    @rule(data=st.data())
    def ends(self, data: st.DataObject) -> None:
        self.finish(data.draw(st.sampled_from(self.nearly_done())))

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def fails(self, data: st.DataObject) -> None:
        self.forget(data.draw(st.sampled_from(self.runs)))

    # What must always hold

    @invariant()
    def no_partition_is_rebuilt_twice_at_once(self) -> None:
        under_way = [p for run in getattr(self, "runs", []) for p in run.partitions]
        assert len(under_way) == len({*under_way})

    def settle(self) -> None:
        """Nothing lands and nothing fails any more: all that landed is consumed."""
        for _ in range(12):
            for run in [*self.runs]:
                if run.consumes is None and not run.only:
                    self.read(run)
                if not run.made_silver and not run.only:
                    self.make_silver(run)
                self.finish(run)
            self.looks(70)
            if not self.runs:
                break
        assert not self.runs, "it never comes to rest"
        assert behind(self.story.instance, self.story.now) == (set(), {})
        for partition in DATES:
            assert self.seen.get(partition, 0) == self.story.newest(BATCH_POSTS_KEY, partition)

    # How runs go on

    def waiting(self) -> list[Run]:
        return [run for run in self.runs if run.consumes is None and not run.only]

    def reading(self) -> list[Run]:
        return [run for run in self.runs if run.consumes is not None and not run.made_silver]

    def nearly_done(self) -> list[Run]:
        return [run for run in self.runs if run.made_silver or run.only]

    def read(self, run: Run) -> None:
        run.consumes = {p: self.story.newest(BATCH_POSTS_KEY, p) for p in run.partitions}

    def make_silver(self, run: Run) -> None:
        assert run.consumes is not None
        for partition, consumed in run.consumes.items():
            self.story.silver(partition, consumed)
            self.seen[partition] = consumed
        run.made_silver = True

    def finish(self, run: Run) -> None:
        for partition in run.partitions:
            if not run.only:
                self.story.gold(partition)
            if back := [key for key in run.only if key in BY_DAYS]:
                self.story.look_back(partition, *back)
            if LANGUAGE_KEY in run.only:
                self.story.languages(partition)
            if POOLED_KEY in run.only:
                self.story.pools(partition)
        self.forget(run)

    def forget(self, run: Run) -> None:
        self.story.instance.delete_run(run.dagster_run.run_id)
        self.runs.remove(run)


TestLateData = LateData.TestCase
TestLateData.settings = settings(deadline=None, max_examples=20, stateful_step_count=25)
