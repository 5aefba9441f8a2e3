"""``sentiment dead-letters``: records that no window could be named for: list, show, replay.

What belongs here: asking and showing. What a dead letter is, and routing it once more, is
``engine.dead_letters``. A record itself is personal data and is shown only to who asks for it.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections import Counter
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sentiment_assets.engine.dead_letters import Letter
    from sentiment_assets.lake.objects import Lake


@click.group("dead-letters")
def dead_letters() -> None:
    """Records that no date and window could be named for, kept as they came."""


@dead_letters.command("list")
@click.option("--platform", help="Of one platform only.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Those that came on or after.")
@click.option("--all", "everything", is_flag=True, help="Those that were replayed, too.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
def list_letters(
    platform: str | None, since: dt.datetime | None, everything: bool, as_json: bool
) -> None:
    """Show objects with dead letters, how many they hold, and why."""
    from sentiment_assets.definitions import read_settings

    lake = read_settings().open_lake()
    total = 0
    for path in _objects(lake, platform, since):
        waiting = Counter[str]()
        replayed = 0
        for letter in _letters(lake, path):
            if letter.replayed:
                replayed += 1
            else:
                waiting[letter.code] += 1
        if not waiting and not everything:
            continue
        total += waiting.total()
        if as_json:
            row = {"object": path, "waiting": dict(waiting), "replayed": replayed}
            click.echo(json.dumps(row))
        else:
            reasons = ", ".join(f"{count} {code}" for code, count in waiting.most_common())
            done = f"; {replayed} replayed" if replayed else ""
            click.echo(f"{path}\n    {reasons or 'none waits'}{done}")
    if not as_json:
        click.echo(f"{total} dead letters" if total else "no dead letters")


@dead_letters.command()
@click.argument("path", metavar="OBJECT")
@click.option("--line", type=click.IntRange(1), help="One letter only.")
@click.option("--payload", is_flag=True, help="The record too, as it came: personal data.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
def show(path: str, line: int | None, payload: bool, as_json: bool) -> None:
    """Show the letters of OBJECT: place, reason, and whether they were replayed."""
    from sentiment_assets.definitions import read_settings

    lake = read_settings().open_lake()
    found = [letter for letter in _letters(lake, path) if line in (None, letter.line)]
    if not found:
        raise click.UsageError(f"{path} has no line {line}")
    for letter in found:
        record = letter.raw.decode(errors="backslashreplace") if payload else None
        if as_json:
            row = {
                "line": letter.line,
                "place": letter.place,
                "reason": letter.reason,
                "replayed": letter.replayed,
                **({"record": record} if payload else {}),
            }
            click.echo(json.dumps(row))
            continue
        state = "  (replayed)" if letter.replayed else ""
        click.echo(f"{letter.line:>5}  {letter.place}  {letter.reason}{state}")
        if record is not None:
            click.echo(f"       {record}")


@dead_letters.command("replay")
@click.argument("paths", metavar="[OBJECT]…", nargs=-1)
@click.option("--platform", help="All objects of one platform.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Those that came on or after.")
@click.option("--all", "everything", is_flag=True, help="All objects.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def replay_letters(
    paths: tuple[str, ...],
    platform: str | None,
    since: dt.datetime | None,
    everything: bool,
    as_json: bool,
) -> None:
    """Route dead letters once more; those that have a window now land in it.

    After what was in their way is mended: a parser, a setting, a date that has begun. The sensor
    then rebuilds silver and gold of the partitions that got records, or `sentiment tick` does.
    """
    from sentiment_assets.assets.stream import STREAM_POSTS_KEY
    from sentiment_assets.cli.services import open_instance
    from sentiment_assets.core.layout import PostPartition
    from sentiment_assets.definitions import read_settings
    from sentiment_assets.engine.dead_letters import replay
    from sentiment_assets.partitions import has_partition, multi_key

    if not (paths or platform or since or everything):
        raise click.UsageError("name an OBJECT, or use --platform, --since or --all")
    import dagster as dg

    settings = read_settings()
    lake = settings.open_lake()
    now = dt.datetime.now(dt.timezone.utc)
    run_id = f"replay-{uuid.uuid4()}"
    landed, dead = Counter[PostPartition](), Counter[str]()
    with open_instance(settings) as instance:
        for path in paths or _objects(lake, platform, since):
            if all(letter.replayed for letter in _letters(lake, path)):
                continue
            done = replay(lake, path, lambda partition: has_partition(partition, now), now, run_id)
            dead.update(done.dead)
            landed.update(done.landed)
            for partition, records in sorted(done.landed.items()):
                instance.report_runless_asset_event(
                    dg.AssetMaterialization(
                        STREAM_POSTS_KEY,
                        partition=multi_key(partition),
                        description="dead letters that were replayed",
                        metadata={"dagster/row_count": records, "replayed": path},
                    )
                )
    if as_json:
        where = {partition.key: count for partition, count in sorted(landed.items())}
        click.echo(json.dumps({"landed": where, "dead": dict(dead)}))
        return
    click.echo(f"{landed.total()} landed, {dead.total()} are dead still")
    for partition, count in sorted(landed.items()):
        click.echo(f"    {partition.key}  {count}")
    for reason, count in dead.most_common():
        click.echo(f"    {count:>6}  {reason}")


def _objects(lake: Lake, platform: str | None, since: dt.datetime | None) -> Iterable[str]:
    from sentiment_assets.core.platforms import PLATFORMS
    from sentiment_assets.engine.dead_letters import dead_letter_objects

    if platform is not None and platform not in PLATFORMS:
        known = ", ".join(PLATFORMS)
        raise click.BadParameter(f"{platform!r} is not one of {known}", param_hint="--platform")
    first = f"received={since.date().isoformat()}" if since else ""
    return [path for path in dead_letter_objects(lake, platform) if path.split("/")[3] >= first]


def _letters(lake: Lake, path: str) -> Iterator[Letter]:
    from sentiment_assets.engine.dead_letters import read_letters

    return read_letters(lake, path)
