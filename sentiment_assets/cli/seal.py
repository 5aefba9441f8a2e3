"""``sentiment seal``: make a date's silver final before its bronze goes, and see what is sealed.

What belongs here: asking and showing. What must hold first is ``engine.sealing``'s.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sentiment_assets.lake.objects import Lake


@click.command()
@click.argument("date", type=click.DateTime(["%Y-%m-%d"]), required=False)
@click.argument("platform", required=False)
@click.option("--reason", default="by hand", show_default=True, help="Kept in the seal: no names.")
@click.option("--open", "reopen", is_flag=True, help="Remove the seal, while bronze is whole.")
@click.option("--list", "listed", is_flag=True, help="Show what is sealed.")
@click.option("--json", "as_json", is_flag=True, help="With --list: one JSON object a seal.")
@click.option("--yes", is_flag=True, help="Don't ask.")
def seal(
    date: dt.datetime | None,
    platform: str | None,
    reason: str,
    reopen: bool,
    listed: bool,
    as_json: bool,
    yes: bool,
) -> None:
    """Seal DATE of PLATFORM: silver of it is final, and its bronze may be removed.

    Nothing is fetched for a sealed date, and nothing rebuilds its rows. Posts that still come go
    to quarantine, with the reason sealed_date. Silver must have all that bronze has.
    """
    from sentiment_assets.core.layout import PostPartition
    from sentiment_assets.core.platforms import PLATFORMS
    from sentiment_assets.definitions import read_settings, silver_rules
    from sentiment_assets.engine.sealing import open_partition, seal_partition

    settings = read_settings()
    if listed:
        _show(settings.open_lake(), as_json)
        return
    if date is None or platform is None:
        raise click.UsageError("name a DATE (YYYY-MM-DD) and a PLATFORM, or use --list")
    if platform not in PLATFORMS:
        raise click.BadParameter(
            f"{platform!r} is not one of {', '.join(PLATFORMS)}", param_hint="PLATFORM"
        )
    lake, partition = settings.open_lake(), PostPartition(date.date(), platform)
    if reopen:
        open_partition(lake, partition)
        click.echo(f"{partition.key} is open: rebuild it (docs/engineers.md#rebuild).")
        return
    if not yes:
        click.echo(
            f"{partition.key}: no rebuild will change its rows any more, and what still comes goes "
            "to quarantine. It can be opened again until its bronze is removed."
        )
        click.confirm("Seal?", abort=True)
    now = dt.datetime.now(dt.timezone.utc)
    made = seal_partition(
        lake,
        partition,
        silver_rules(settings),
        now=now,
        reason=reason,
        run_id=f"seal-{now:%Y%m%dT%H%M%SZ}",
    )
    click.echo(
        f"{partition.key} is sealed since {made.sealed_at:%Y-%m-%d %H:%M} UTC with "
        f"{made.records:,} records."
    )


def _show(lake: Lake, as_json: bool) -> None:
    from sentiment_assets.lake.seals import read_seals

    seals = read_seals(lake)
    for found in seals:
        if as_json:
            row = {
                "date": found.date.isoformat(),
                "platform": found.platform,
                "sealed_at": found.sealed_at.isoformat(),
                "reason": found.reason,
                "records": found.records,
            }
            click.echo(json.dumps(row))
        else:
            click.echo(
                f"{found.partition.key}  sealed {found.sealed_at:%Y-%m-%d %H:%M} UTC  "
                f"{found.records:,} records  {found.reason}"
            )
    if not seals and not as_json:
        click.echo("nothing is sealed")
