"""``sentiment freshness``: how far behind each table of each platform is, and whether too far."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sentiment_assets.core.freshness import Freshness


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a table and platform.")
def freshness(as_json: bool) -> None:
    """Judge every table of every tracked and connected platform by its deadline.

    The same as the checks fresh_… in Dagster's UI say, as of now. Exits with 1 if something is
    stale, so that cron or a container's probe can use it.
    """
    from rich.console import Console
    from rich.table import Table

    from sentiment_assets.cli.services import open_instance
    from sentiment_assets.core.deadlines import spelled
    from sentiment_assets.definitions import freshness_watch, read_settings
    from sentiment_assets.freshness import freshness_now

    settings = read_settings()
    watch = freshness_watch(settings)
    lake = settings.open_lake()
    with open_instance(settings) as instance:
        verdicts = freshness_now(instance, lake, watch)
    stale = [verdict for verdict in verdicts if not verdict.fresh]
    if as_json:
        for verdict in verdicts:
            click.echo(json.dumps(_row(verdict)))
    else:
        table = Table(box=None, pad_edge=False)
        for title in ("platform", "table", "state", "behind", "allowed", "why"):
            table.add_column(title, overflow="fold", no_wrap=title != "why")
        for verdict in verdicts:
            behind = "·" if verdict.age is None else spelled(verdict.age)
            state = "losing posts" if verdict.grave else "fresh" if verdict.fresh else "stale"
            table.add_row(
                verdict.platform, verdict.table, state, behind, spelled(verdict.deadline),
                verdict.sentence,
            )  # fmt: skip
        Console().print(table)
        if not verdicts:
            click.echo("nothing is watched: no platform is both tracked and connected")
        elif stale:
            click.echo(
                f"{len(stale)} of {len(verdicts)} are stale; what to do: "
                "docs/runbooks/table-stale.md"
            )
    if stale:
        raise click.exceptions.Exit(1)


def _row(verdict: Freshness) -> dict[str, object]:
    return {
        "table": verdict.table,
        "platform": verdict.platform,
        "fresh": verdict.fresh,
        "grave": verdict.grave,
        "age_seconds": None if verdict.age is None else round(verdict.age.total_seconds()),
        "deadline_seconds": round(verdict.deadline.total_seconds()),
        "cause": verdict.cause,
        "made_at": verdict.made_at and verdict.made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "why": verdict.sentence,
    }
