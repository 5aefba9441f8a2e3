"""A landing that is killed, or halted and overtaken, at each of its steps."""

from __future__ import annotations

import signal
from pathlib import Path

import dagster as dg
import pytest

from sentiment_assets.engine.landing import Order
from sentiment_assets.stream_sensors import BACK_OFF_SECONDS, LandingMemory
from sentiment_assets_tests.faults.dying import CONFLICT, Child, End
from sentiment_assets_tests.faults.poison import POISON
from sentiment_assets_tests.faults.storm import Storm, assert_nothing_lost, entry_of
from sentiment_assets_tests.test_stream_sensors import Watch

#: Of the engine, in the order in which they come.
STEPS = (
    "before the watermarks", "after the watermarks", "before the poll", "after the poll",
    "in the middle of routing", "after routing",
    *(
        f"{when} the {what}"
        for what in ("object", "dead letters", "manifest")
        for when in ("before", "in the middle of", "after")
    ),
    "before the landing", "after the landing",
    "before the group's offsets", "after the group's offsets",
)  # fmt: skip

#: What the job does between the manifests and the landing.
EVENTS = (
    "before the materialization", "after the materialization", "before the check",
    "after the check",
)  # fmt: skip


@pytest.fixture
def rainy(storm: Storm) -> Storm:
    """Both partitions and the dead letters get something each time: every step is come to."""
    original = storm.rain

    def rain(records: int = 16, poison: float = 0.2) -> None:
        storm.send([(entry_of(POISON[0]), POISON[0])])
        original(records, poison)

    storm.rain = rain  # type: ignore[method-assign]
    return storm


def test_killed_at_every_step_and_begun_again(rainy: Storm) -> None:
    """Each step has traffic of its own, and sometimes more comes before the next try."""
    storm = rainy
    for step in storm.random.sample(STEPS, len(STEPS)):
        storm.rain()
        for nth in sorted({storm.random.randrange(3), 0}, reverse=True):
            child = Child(storm.lake, storm.stream, storm.order(), End(step, nth))
            if child.was_killed():
                break
            assert child.status() == 0
            storm.rain()
        else:
            raise AssertionError(f"no landing came to the step {step}")
        if storm.random.random() < 0.5:
            storm.rain(4)
        # Some of the next tries die too.
        if storm.random.random() < 0.3:
            Child(storm.lake, storm.stream, storm.order(), End(storm.random.choice(STEPS))).status()
        storm.land()
    assert_nothing_lost(storm)


def test_halted_at_a_step_and_overtaken(rainy: Storm) -> None:
    """A run that is thought to be dead goes on after another has landed the same, and more."""
    storm = rainy
    for step in storm.random.sample(STEPS, 8):
        storm.rain()
        child = Child(storm.lake, storm.stream, storm.order(), End(step, signal=signal.SIGSTOP))
        assert child.wait_until_halted()
        if storm.random.random() < 0.5:
            storm.rain(4)
        storm.land()
        late = step in ("before the watermarks", "after the watermarks")
        landed = STEPS.index(step) >= STEPS.index("after the landing")
        # After its landing there is nothing left to do; before, it is refused.
        assert child.go_on() == (0 if landed or late else CONFLICT)
    assert_nothing_lost(storm)


def test_jobs_that_are_killed_are_asked_for_again_by_the_sensor(
    rainy: Storm, tmp_path: Path
) -> None:
    """From the sensor over the job to Dagster's events: some steps of each seed."""
    storm = rainy
    instance = dg.DagsterInstance.local_temp(str(tmp_path))
    watch = Watch(instance, storm.lake, storm.stream, LandingMemory())
    for step in (*storm.random.sample(EVENTS, 2), storm.random.choice(STEPS)):
        storm.rain()
        asked = watch.look(60)
        assert isinstance(asked, dg.RunRequest), asked
        child = Child(
            storm.lake, storm.stream, Order("x", "", "", ()), End(step),
            instance=instance.get_ref(), run_config=asked.run_config, tags=dict(asked.tags),
        )  # fmt: skip
        assert child.was_killed(), step
        [run] = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        # Nobody else is asked for while it counts as running; then the monitor finds it dead.
        assert "under way" in watch.look(1)
        instance.report_run_failed(run, "its process is gone")
        again = watch.look(BACK_OFF_SECONDS[-1])
        if isinstance(again, dg.RunRequest):
            assert watch.run(again).success
    assert_nothing_lost(storm)
    assert_dagster_was_told(storm, instance)


def assert_dagster_was_told(storm: Storm, instance: dg.DagsterInstance) -> None:
    """Every landing of a run has a materialization of each of its dates, with its offsets."""
    events = instance.fetch_materializations(
        dg.AssetKey(["bronze", "stream_posts"]), limit=10_000
    ).records
    told = {
        (str(event.partition_key).partition("|")[0], str(materialized.metadata["landing"].value))
        for event in events
        if (materialized := event.asset_materialization) is not None
    }
    numbers = {path.rpartition("/")[2].removesuffix(".json") for _, path in told}
    wanted = [landing for landing in storm.landings() if landing.run_id != "storm"]
    assert wanted
    for landing in wanted:
        assert f"{landing.number:09d}" in numbers
        for window in landing.windows:
            [_] = {
                (date, path)
                for date, path in told
                if date == window.date.isoformat() and path.endswith(f"{landing.number:09d}.json")
            }
