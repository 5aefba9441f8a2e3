"""``sentiment tick``: what is due now, done in this process and recorded in Dagster.

What belongs here: running the jobs that the schedule and the sensor would request. Useful where no
daemon runs, and what ``sentiment run`` fills a new lake with.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import os
import platform
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import dagster as dg

    from sentiment_assets.assets.marts import AskMart
    from sentiment_assets.core.landings import OffsetRange, TopicLog
    from sentiment_assets.core.layout import PostPartition
    from sentiment_assets.core.streams import StreamTopic
    from sentiment_assets.definitions import Settings
    from sentiment_assets.lake.objects import Lake
    from sentiment_assets.lake.reference import ReferenceFolder
    from sentiment_assets.sensors import Rebuild

#: Which process runs a run that no worker was launched for.
_PROCESS_TAG = "sentiment/process"

#: Told after each step: what is done, how much of it, of how much.
Progress = Callable[[str, int, int], None]


@dataclass
class TickOutcome:
    """What a tick did."""

    fetched: list[str] = field(default_factory=list)
    #: Records of the topics.
    landed: int = 0
    #: Reference tables whose file changed.
    references: list[str] = field(default_factory=list)
    rebuilt: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def tick(as_json: bool) -> None:
    """Run what is due now: fetch missing and open windows, land the topics, rebuild what is behind.

    The same as the 2-hourly schedule and the sensor do under a daemon. Exits with 1 if a run
    failed.
    """
    from sentiment_assets.cli.services import open_instance
    from sentiment_assets.definitions import read_settings

    settings = read_settings()

    def show(what: str, done: int, of: int) -> None:
        if not as_json:
            click.echo(f"{what}: {done} of {of}")

    with open_instance(settings) as instance:
        outcome = run_due(instance, settings, show)
    if as_json:
        click.echo(json.dumps(outcome.__dict__))
    else:
        for failure in outcome.failures:
            click.echo(failure, err=True)
        landed = f", landed {outcome.landed} records" if settings.kafka else ""
        if outcome.references:
            landed += f", read {len(outcome.references)} reference tables"
        click.echo(
            f"fetched {len(outcome.fetched)} and rebuilt {len(outcome.rebuilt)} partitions{landed} "
            f"in {outcome.seconds:.1f} s"
        )
    if outcome.failures:
        raise click.exceptions.Exit(1)


def run_due(instance: dg.DagsterInstance, settings: Settings, progress: Progress) -> TickOutcome:
    """Fetch, land, then rebuild; a failed partition doesn't keep the others back."""
    from sentiment_assets.automation import due_partitions, fetch_groups, fetch_job, fetch_tags
    from sentiment_assets.definitions import api_clients, build_defs, mart_holds
    from sentiment_assets.partitions import range_tags

    started = time.monotonic()
    runs = RunsInProcess(
        instance, build_defs(settings), progress, ask_mart=partial(mart_holds, settings)
    )
    with quiet_dagster():
        end_dead_runs(instance)
        clients = api_clients(settings)
        due = due_partitions(
            settings.open_lake(), clients, settings.read_tracking(), settings.catch_up_days
        )
        done = 0
        for group in fetch_groups(due, clients):
            progress("fetching dates", done, len(due))
            done += len(group)
            key = group[0].key if len(group) == 1 else None
            tags = {**range_tags(group), **fetch_tags(group[0].platform)}
            if runs.execute(fetch_job.name, key, tags):
                runs.outcome.fetched += [partition.key for partition in group]
        if due:
            progress("fetching dates", done, len(due))
        if settings.kafka is not None:
            _land_topics(runs, settings, progress)
        runs.read_references(settings.reference_folder)
        runs.rebuild()
    runs.outcome.seconds = round(time.monotonic() - started, 1)
    return runs.outcome


def _land_topics(runs: RunsInProcess, settings: Settings, progress: Progress) -> None:
    """Land what waits in every topic; one that can't be read doesn't keep the others back."""
    from sentiment_assets.definitions import open_stream_reader
    from sentiment_assets.engine.landing import StreamUnreachable, TopicMissing

    topics = settings.read_streams()
    lake = settings.open_lake()
    with open_stream_reader(settings) as reader:
        for done, topic in enumerate(topics):
            progress("landing topics", done, len(topics))
            try:
                landed = runs.land(lake, reader.topic_log(topic.name), topic)
            except (StreamUnreachable, TopicMissing) as error:
                runs.outcome.failures.append(f"land: {error}")
                continue
            runs.outcome.landed += landed["landed"] if landed else 0
    progress("landing topics", len(topics), len(topics))


@dataclass
class RunsInProcess:
    """Runs of this process, recorded in Dagster: what they did is in ``outcome``."""

    instance: dg.DagsterInstance
    definitions: dg.Definitions
    progress: Progress
    outcome: TickOutcome = field(default_factory=TickOutcome)
    #: Tells what the mart holds; null where that is not asked.
    ask_mart: AskMart | None = None

    def execute(
        self,
        job: str,
        partition_key: str | None = None,
        tags: Mapping[str, str] = MappingProxyType({}),
        assets: Sequence[dg.AssetKey] | None = None,
        run_id: str | None = None,
        run_config: Mapping[str, Any] | None = None,
    ) -> bool:
        """Carry out one run; returns whether it succeeded, and notes why it did not."""
        import dagster as dg

        run_id = run_id or str(uuid.uuid4())
        result = self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            run_config=run_config,
            partition_key=partition_key,
            tags={**tags, _PROCESS_TAG: f"{platform.node()}:{os.getpid()}"},
            asset_selection=assets,
            run_id=run_id,
            raise_on_error=False,
        )
        run = self.instance.get_run_by_id(run_id)
        if run is not None and run.status == dg.DagsterRunStatus.CANCELED:
            # Dagster takes Ctrl-C for the run's; it was meant for the whole command.
            raise KeyboardInterrupt
        if not result.success:
            self.outcome.failures += _causes(result)
        return bool(result.success)

    def land(
        self, lake: Lake, held: TopicLog, topic: StreamTopic, again: OffsetRange | None = None
    ) -> dict[str, int] | None:
        """Land what waits in a topic, or a range of it again; None while another run does so."""
        from sentiment_assets.assets.stream import land_config, land_job
        from sentiment_assets.core.landings import waiting
        from sentiment_assets.engine.landing import Order
        from sentiment_assets.lake.landings import landings_of_run, position_of
        from sentiment_assets.stream_sensors import landing_tags, landing_under_way

        if landing_under_way(self.instance, topic.name):
            return None
        found = waiting(held, position_of(lake, topic.name, held.topic_id))
        counts = {"consumed": 0, "landed": 0, "dead_letters": 0, "lost": 0}
        if not found and again is None:
            return counts
        order = Order(topic.platform, topic.name, found.log, found.ranges, found.lost)
        if again is not None:
            order = Order(topic.platform, topic.name, found.log, (again,), replay=True)
        run_id = str(uuid.uuid4())
        self.execute(
            land_job.name,
            tags=landing_tags(topic),
            run_id=run_id,
            run_config=land_config(order),
        )
        for landing in landings_of_run(lake, topic.name, run_id):
            counts["consumed"] += landing.consumed
            counts["landed"] += landing.landed
            counts["dead_letters"] += landing.dead_letters
            counts["lost"] += sum(map(len, landing.lost))
        return counts

    def read_references(self, folder: ReferenceFolder) -> None:
        """Make the reference tables whose file changed, and those that the mart doesn't have.

        A wrong file keeps no other back.
        """
        from sentiment_assets.assets.marts import PUBLISHED_WHOLE, ask_nobody, published_in
        from sentiment_assets.lake.reference import ReferenceUnreadable
        from sentiment_assets.reference_sensor import due_references, reference_job, with_mart

        published = published_in(self.definitions, PUBLISHED_WHOLE)
        try:
            due = due_references(self.instance, folder, published, self.ask_mart or ask_nobody)
        except ReferenceUnreadable as error:
            self.outcome.failures.append(f"reference: {error}")
            return
        for table in due:
            if self.execute(reference_job.name, assets=with_mart([table], published)):
                self.outcome.references.append(table)

    def rebuild(self, wanted: Collection[PostPartition] | None = None) -> None:
        """Rebuild what is behind and what was ordered, as the sensor would ask for it.

        With ``wanted``, only of these partitions; trends and pools follow wherever they are.
        """
        from sentiment_assets.assets.marts import ask_nobody, published_in
        from sentiment_assets.orders import open_orders
        from sentiment_assets.sensors import behind, rebuilds, under_way

        failed_before = len(self.outcome.failures)
        published = published_in(self.definitions)
        # Twice: rebuilding a date puts the trends and pools of the days after it behind.
        for _ in range(2):
            busy = under_way(self.instance)
            now = dt.datetime.now(dt.timezone.utc)
            posts, later = behind(self.instance, now, published, self.ask_mart or ask_nobody)
            ordered = open_orders(self.instance) - posts - busy
            if wanted is not None:
                posts &= {*wanted}
                ordered &= {*wanted}
            waiting = rebuilds(
                posts - busy,
                {p: only for p, only in later.items() if p not in busy | ordered},
                ordered,
            )
            while waiting:
                rebuild = waiting.pop(0)
                if under_way(self.instance).intersection(rebuild.partitions):
                    # Somebody else has begun with it meanwhile.
                    continue
                if self._rebuilt(rebuild):
                    self.outcome.rebuilt += [partition.key for partition in rebuild.partitions]
                elif len(rebuild.partitions) > 1:
                    # One bad date doesn't hold its neighbours back.
                    waiting += [replace(rebuild, partitions=(p,)) for p in rebuild.partitions]
            if len(self.outcome.failures) > failed_before:
                break

    def _rebuilt(self, rebuild: Rebuild) -> bool:
        from sentiment_assets.automation import rebuild_job

        request = rebuild.request("", 0)
        run_id = str(uuid.uuid4())
        steps = len(rebuild.only) or len(self.definitions.resolve_job_def(rebuild_job.name).nodes)
        with _watched(self.instance, run_id, steps, self.progress):
            return self.execute(
                rebuild_job.name,
                None if request.partition_key is None else str(request.partition_key),
                dict(request.tags),
                rebuild.assets,
                run_id,
            )


def end_dead_runs(instance: dg.DagsterInstance) -> None:
    """Fail the runs of earlier commands that were killed: they would seem under way for ever."""
    import dagster as dg

    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        node, _, pid = run.tags.get(_PROCESS_TAG, "").rpartition(":")
        if node == platform.node() and not _is_alive(int(pid)):
            instance.report_run_failed(run, "the command that ran it was killed")
            # A daemon would free them after a while; without one the next step of the same pool
            # would wait for ever.
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def next_tick(now: dt.datetime) -> dt.datetime:
    """When the schedule fires next."""
    # Dagster's own reading of the schedule, not public; its version is pinned.
    from dagster._utils.schedules import cron_string_iterator

    from sentiment_assets.automation import every_two_hours

    ticks = cron_string_iterator(now.timestamp(), str(every_two_hours.cron_schedule), "UTC")
    return next(ticks)


@contextlib.contextmanager
def _watched(
    instance: dg.DagsterInstance, run_id: str, steps: int, progress: Progress
) -> Iterator[None]:
    """Report a run's finished steps while it runs in this process."""
    import dagster as dg

    finished = threading.Event()

    def watch() -> None:
        while not finished.wait(0.5):
            done = instance.get_records_for_run(
                run_id, of_type=dg.DagsterEventType.STEP_SUCCESS
            ).records
            names = [str(r.event_log_entry.step_key) for r in done]
            current = f"rebuilding (done: {names[-1]})" if names else "rebuilding silver"
            progress(current, len(names), steps)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()
        progress("rebuilding", steps, steps)


def _causes(result: Any) -> list[str]:
    """Why a run failed, one sentence a failed step; the innermost cause is what helps."""
    causes = []
    for event in result.all_events:
        if event.event_type_value == "STEP_FAILURE":
            error = event.step_failure_data.error
            while error and error.cause and not str(error.cls_name).endswith("Failure"):
                error = error.cause
            said = error.message.strip() if error else "failed"
            causes.append(f"{event.step_key}: {said}")
    if not causes:
        # Before any step: a resource that could not be made, say.
        failed = (event for event in result.all_events if event.is_failure)
        errors = [event.event_specific_data.error for event in failed if event.event_specific_data]
        for error in errors[:1]:
            while error and error.cause:
                error = error.cause
            causes.append(f"{result.dagster_run.job_name}: {error.message.strip()}")
    return causes or ["a run failed and said nothing: see it in the Dagster UI"]


@contextlib.contextmanager
def quiet_dagster() -> Iterator[None]:
    """Dagster prints every event of a run in this process; what failed is reported at the end."""
    previous = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(previous)
