"""``sentiment maintain``: the upkeep of every table, now.

What belongs here: running the job of the daily schedule in this process, for where no daemon runs,
and showing what it would do.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import dagster as dg

    from sentiment_assets.definitions import Settings

#: Title -> the figure that stands below it; a table that has none shows a dot.
_FIGURES = {
    "files": "files_before",
    "compacted": "partitions_compacted",
    "log entries removed": "log_entries_removed",
    "files removed": "files_removed",
    "bytes freed": "bytes_freed",
    "awaited": "files_awaited",
}


@click.command()
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a table.")
def maintain(dry_run: bool, as_json: bool) -> None:
    """Make many small files few, and remove what nobody needs: as the daily schedule does.

    Removed are files that no version of the last days refers to (SENTIMENT_TABLE_HISTORY_DAYS),
    unless a run that is under way may still commit them, old entries of the tables' logs, and
    bronze that a dead fetch left behind. Exits with 1 if a table could not be maintained.
    """
    from rich.console import Console
    from rich.table import Table

    from sentiment_assets.cli.services import open_instance
    from sentiment_assets.definitions import read_settings

    settings = read_settings()
    failures: list[str] = []
    with open_instance(settings) as instance:
        if dry_run:
            rows = dict(_planned(instance, settings))
        else:
            failures = _carry_out(instance, settings)
            rows = dict(_recorded(instance))
    if as_json:
        for name, figures in rows.items():
            click.echo(json.dumps({"table": name, **figures}))
    else:
        title = "what upkeep would do" if dry_run else "upkeep"
        table = Table(box=None, pad_edge=False, title=title)
        table.add_column("table", no_wrap=True)
        for title in _FIGURES:
            table.add_column(title, justify="right")
        for name, figures in rows.items():
            table.add_row(name, *(_shown(figures.get(figure)) for figure in _FIGURES.values()))
        Console().print(table)
    for failure in failures:
        click.echo(failure, err=True)
    if failures:
        raise click.exceptions.Exit(1)


def _planned(
    instance: dg.DagsterInstance, settings: Settings
) -> Iterator[tuple[str, dict[str, Any]]]:
    from sentiment_assets.assets.maintenance import facts_of, written_before
    from sentiment_assets.core.contracts import CONTRACTS, REFERENCE_CONTRACTS
    from sentiment_assets.core.layout import BATCH_POSTS
    from sentiment_assets.lake.maintenance import maintain, sweep_bronze
    from sentiment_assets.under_way import runs_under_way

    lake, upkeep = settings.open_lake(), settings.upkeep()
    runs = runs_under_way(instance)
    before = written_before(upkeep, (record.create_timestamp for record in runs))
    yield BATCH_POSTS, facts_of(sweep_bronze(lake, before, dry_run=True), dry_run=True)
    for name, contract in {**CONTRACTS, **REFERENCE_CONTRACTS}.items():
        planned = maintain(
            lake.table(contract),
            upkeep,
            run_id="dry-run",
            under_way={record.dagster_run.run_id for record in runs},
            now=dt.datetime.now(dt.timezone.utc),
            dry_run=True,
        )
        yield name, facts_of(planned, dry_run=True)


def _carry_out(instance: dg.DagsterInstance, settings: Settings) -> list[str]:
    """Run the job; returns why what failed did."""
    from sentiment_assets.automation import maintenance_job
    from sentiment_assets.cli.tick import RunsInProcess, end_dead_runs, quiet_dagster
    from sentiment_assets.definitions import build_defs

    runs = RunsInProcess(instance, build_defs(settings), lambda *_: None)
    with quiet_dagster():
        end_dead_runs(instance)
        runs.execute(maintenance_job.name)
    return runs.outcome.failures


def _recorded(instance: dg.DagsterInstance) -> Iterator[tuple[str, dict[str, Any]]]:
    """What each maintenance asset said the last time."""
    from sentiment_assets.assets.bronze import BATCH_POSTS_KEY
    from sentiment_assets.assets.describe import asset_key
    from sentiment_assets.assets.maintenance import maintenance_key
    from sentiment_assets.core.contracts import CONTRACTS, REFERENCE_CONTRACTS

    for key in (BATCH_POSTS_KEY, *map(asset_key, (*CONTRACTS, *REFERENCE_CONTRACTS))):
        event = instance.get_latest_materialization_event(maintenance_key(key))
        told = event.asset_materialization if event else None
        if told is not None:
            figures = {name: value.value for name, value in told.metadata.items()}
            yield "/".join(key.path), figures


def _shown(figure: object) -> str:
    return f"{figure:,}" if isinstance(figure, int) else "·"
