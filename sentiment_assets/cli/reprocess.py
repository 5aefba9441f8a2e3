"""``sentiment reprocess``: rebuild what an older recipe made, in few runs.

What belongs here: finding what is behind, ordering its rebuild, and waiting for it. The orders are
carried out by the sensor; where no daemon runs, by this process.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import dagster as dg

    from sentiment_assets.core.layout import PostPartition
    from sentiment_assets.definitions import Settings

_POLL_SECONDS = 2.0
#: A daemon says every 30 seconds that it is alive.
_SILENT_SECONDS = 120
_DAEMONS = ("SENSOR", "QUEUED_RUN_COORDINATOR")
_DATE = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option(
    "--platform", "chosen", multiple=True, help="Only this one; may be given several times."
)
@click.option("--from", "first", type=_DATE, help="Only from this date on.")
@click.option("--to", "last", type=_DATE, help="Only up to this date.")
@click.option("--dry-run", is_flag=True, help="Only show which runs it would take, and why.")
@click.option("--no-wait", is_flag=True, help="Order it and return; a daemon carries it out.")
def reprocess(
    chosen: tuple[str, ...],
    first: dt.datetime | None,
    last: dt.datetime | None,
    dry_run: bool,
    no_wait: bool,
) -> None:
    """Rebuild silver and gold of all dates that are behind: newer bronze, or an older recipe.

    Each stretch of up to 30 dates of a platform is one run, and only the windows that are behind
    are built. Under a daemon the runs wait in its queue behind everything more urgent, and go on
    when this command ends; without one they run here. Repeat it after a kill: what was rebuilt is
    not rebuilt again. Exits with 1 if something failed or is behind still.
    """
    from sentiment_assets.cli.services import open_instance
    from sentiment_assets.core.platforms import PLATFORMS
    from sentiment_assets.definitions import read_settings
    from sentiment_assets.orders import open_orders, order

    settings = read_settings()
    for platform in chosen:
        if platform not in PLATFORMS:
            raise click.BadParameter(
                f"{platform!r} is not one of {', '.join(PLATFORMS)}", param_hint="--platform"
            )
    if first and last and first > last:
        raise click.UsageError(f"--from {first:%Y-%m-%d} is after --to {last:%Y-%m-%d}")
    looked_at = _partitions(settings, chosen or tuple(PLATFORMS), first, last)
    reasons = _behind(settings, looked_at)
    if not reasons:
        click.echo(f"nothing is behind in {len(looked_at)} partitions")
        return
    runs = _show_plan(reasons)
    if dry_run:
        return
    with open_instance(settings) as instance:
        known = open_orders(instance)
        order(instance, {p: why for p, why in reasons.items() if p not in known})
        if no_wait:
            click.echo(f"ordered: {len(reasons)} partitions in {runs} runs")
            return
        by_daemon, failures = _wait(instance, settings, set(reasons))
    for failure in failures:
        click.echo(failure, err=True)
    left = _behind(settings, sorted(reasons))
    click.echo(f"rebuilt {len(reasons) - len(left)} of {len(reasons)} partitions")
    if left and not failures:
        hint = (
            "if the daemon has older code or other settings than this command, restart it"
            if by_daemon
            else "another command rebuilds them, or newer bronze came meanwhile"
        )
        click.echo(
            f"{len(left)} are behind still: {hint}; then run `sentiment reprocess` again", err=True
        )
    if left or failures:
        raise click.exceptions.Exit(1)


def _partitions(
    settings: Settings,
    platforms: Collection[str],
    first: dt.datetime | None,
    last: dt.datetime | None,
) -> list[PostPartition]:
    """The partitions in question that bronze holds anything of, and that Dagster knows."""
    from sentiment_assets.lake.bronze import stored_partitions
    from sentiment_assets.partitions import has_partition

    now = dt.datetime.now(dt.timezone.utc)
    return [
        partition
        for partition in stored_partitions(settings.open_lake())
        if partition.platform in platforms
        and has_partition(partition, now)
        and (first is None or partition.date >= first.date())
        and (last is None or partition.date <= last.date())
    ]


def _behind(settings: Settings, partitions: list[PostPartition]) -> dict[PostPartition, str]:
    """Those of the partitions whose silver or gold is behind, and why."""
    from sentiment_assets.cli.partitions import is_behind, partition_rows
    from sentiment_assets.core.layout import PostPartition
    from sentiment_assets.definitions import silver_rules

    lake = settings.open_lake()
    reasons: dict[PostPartition, list[str]] = {}
    for row in partition_rows(lake, partitions, silver_rules(settings), settings.min_authors):
        if is_behind(row):
            partition = PostPartition.from_key(f"{row['date']}|{row['platform']}")
            reasons.setdefault(partition, []).append(f"{row['layer']}: {row['why']}")
    return {partition: ", ".join(whys) for partition, whys in reasons.items()}


def _show_plan(reasons: Mapping[PostPartition, str]) -> int:
    """Print the runs, with the reasons of their dates; returns how many there are."""
    from sentiment_assets.sensors import rebuilds

    runs = rebuilds((), {}, reasons)
    for run in runs:
        dates = run.partitions
        stretch = f"{dates[0].date}" + (f" to {dates[-1].date}" if len(dates) > 1 else "")
        why = "; ".join(dict.fromkeys(reasons[partition] for partition in dates))
        click.echo(f"{dates[0].platform}  {stretch}  {why}")
    click.echo(f"{len(reasons)} partitions are behind: {len(runs)} runs")
    return len(runs)


def _wait(
    instance: dg.DagsterInstance, settings: Settings, wanted: set[PostPartition]
) -> tuple[bool, list[str]]:
    """Until the orders are done or failed; whether a daemon did it, and why what failed did."""
    from sentiment_assets.orders import open_orders
    from sentiment_assets.sensors import behind, under_way

    begun = dt.datetime.now(dt.timezone.utc)
    done: set[PostPartition] = set()
    shown = -1
    try:
        while True:
            if not _daemon_runs(instance):
                return False, _carry_out(instance, settings, wanted - done)
            _require_sensor(instance)
            # Asked first: a run that ends in between is looked at the next time.
            busy = under_way(instance)
            behind_now, _ = behind(instance, dt.datetime.now(dt.timezone.utc))
            waiting = (wanted - done) & (busy | behind_now | open_orders(instance))
            done = wanted - waiting
            if len(done) != shown:
                shown = len(done)
                click.echo(f"rebuilding: {shown} of {len(wanted)} partitions")
            if not waiting:
                return True, []
            failed = _failed(instance, begun) - busy
            if waiting <= failed:
                return True, [
                    f"{len(waiting)} partitions failed, {min(waiting).key} first: their runs in "
                    "the Dagster UI say why. The sensor tries them again by itself, each alone"
                ]
            time.sleep(_POLL_SECONDS)
    except KeyboardInterrupt:
        click.echo("the orders stand: a daemon or the next `sentiment reprocess` goes on", err=True)
        raise click.Abort from None


def _daemon_runs(instance: dg.DagsterInstance) -> bool:
    """A daemon looks after sensors and the queue, as of the last minutes."""
    beats = instance.get_daemon_heartbeats()
    now = time.time()
    return all(name in beats and now - beats[name].timestamp < _SILENT_SECONDS for name in _DAEMONS)


def _require_sensor(instance: dg.DagsterInstance) -> None:
    """Somebody may have stopped it in the UI: then no order would ever be carried out.

    Raises:
        ClickException: the sensor is stopped.
    """
    # Not public; Dagster's version is pinned.
    from dagster._core.definitions.run_request import InstigatorType
    from dagster._core.scheduler.instigation import InstigatorStatus

    from sentiment_assets.sensors import SENSOR_NAME

    for state in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
        if state.instigator_name == SENSOR_NAME and state.status == InstigatorStatus.STOPPED:
            raise click.ClickException(
                f"the orders stand, and the sensor {SENSOR_NAME}, which carries them out, is "
                "stopped: start it in the Dagster UI (Automation)"
            )


def _failed(instance: dg.DagsterInstance, since: dt.datetime) -> set[PostPartition]:
    """Partitions of ordered runs that failed since then."""
    import dagster as dg

    from sentiment_assets.orders import ORDERED_TAG
    from sentiment_assets.sensors import partitions_in

    records = instance.get_run_records(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED],
            tags={ORDERED_TAG: "yes"},
            created_after=since,
        )
    )
    return {p for record in records for p in partitions_in(record.dagster_run.tags)}


def _carry_out(
    instance: dg.DagsterInstance, settings: Settings, wanted: set[PostPartition]
) -> list[str]:
    """Rebuild in this process; returns why what failed did."""
    from sentiment_assets.cli.tick import RunsInProcess, end_dead_runs, quiet_dagster
    from sentiment_assets.definitions import build_defs

    def show(what: str, done: int, of: int) -> None:
        click.echo(f"{what}: {done} of {of}")

    runs = RunsInProcess(instance, build_defs(settings), show)
    with quiet_dagster():
        end_dead_runs(instance)
        runs.rebuild(wanted)
    return runs.outcome.failures
