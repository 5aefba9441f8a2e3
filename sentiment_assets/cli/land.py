"""``sentiment land``: land what waits in a platform's topic, or a range of offsets again, by hand.

What belongs here: choosing the offsets and showing what came of them. The run is the same as the
sensors ask for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentiment_assets.core.landings import OffsetRange, TopicLog
    from sentiment_assets.core.streams import StreamTopic


@click.command()
@click.argument("platform")
@click.option(
    "--partition", type=click.IntRange(0), help="Of the topic; needed with more than one."
)
@click.option("--from", "start", type=click.IntRange(0), help="First offset to land again.")
@click.option("--to", "end", type=click.IntRange(1), help="First offset after them.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def land(
    platform: str, partition: int | None, start: int | None, end: int | None, as_json: bool
) -> None:
    """Land what waits in PLATFORM's topic, in this process, recorded in Dagster.

    With --from and --to, land that range again, whatever was landed of it: what stands twice in
    bronze is one row in silver. Silver and gold follow by the sensor, or by `sentiment tick`.
    """
    from sentiment_assets.cli.services import open_instance
    from sentiment_assets.cli.tick import RunsInProcess, end_dead_runs, quiet_dagster
    from sentiment_assets.definitions import build_defs, open_stream_reader, read_settings
    from sentiment_assets.engine.landing import StreamUnreachable, TopicMissing

    settings = read_settings()
    topic = _topic_of(platform, settings.read_streams())
    if (start is None) != (end is None):
        raise click.UsageError("--from and --to go together: the first offset, and the first after")
    with open_stream_reader(settings) as reader:
        try:
            held = reader.topic_log(topic.name)
        except (StreamUnreachable, TopicMissing) as error:
            raise click.ClickException(str(error)) from error
    again = None
    if start is not None and end is not None:
        again = _range(held, partition, start, end)
    elif partition is not None:
        raise click.UsageError("--partition says of which partition --from and --to are")
    with open_instance(settings) as instance, quiet_dagster():
        end_dead_runs(instance)
        runs = RunsInProcess(instance, build_defs(settings), lambda *_: None)
        landed = runs.land(settings.open_lake(), held, topic, again)
    if landed is None:
        raise click.ClickException(
            f"a landing of {topic.name} is under way: wait for it, or end it in the UI"
        )
    if as_json:
        click.echo(json.dumps({"topic": topic.name, **landed, "failures": runs.outcome.failures}))
    elif not runs.outcome.failures:
        click.echo(
            f"{topic.name}: {landed['consumed']} records consumed, {landed['landed']} landed, "
            f"{landed['dead_letters']} dead letters, {landed['lost']} lost"
        )
    if runs.outcome.failures:
        for failure in runs.outcome.failures:
            click.echo(failure, err=True)
        raise click.exceptions.Exit(1)


def _topic_of(platform: str, topics: Sequence[StreamTopic]) -> StreamTopic:
    for topic in topics:
        if topic.platform == platform:
            return topic
    known = ", ".join(topic.platform for topic in topics)
    raise click.BadParameter(f"{platform!r} is not one of {known}", param_hint="PLATFORM")


def _range(held: TopicLog, partition: int | None, start: int, end: int) -> OffsetRange:
    from sentiment_assets.core.landings import OffsetRange

    if partition is None:
        if len(held.watermarks) > 1:
            raise click.UsageError(
                f"{held.topic} has {len(held.watermarks)} partitions: name one with --partition"
            )
        partition = min(held.watermarks, default=0)
    marks = held.watermarks.get(partition)
    if marks is None:
        raise click.UsageError(f"{held.topic} has no partition {partition} that can be read now")
    if not marks.low <= start < end <= marks.high:
        raise click.UsageError(
            f"partition {partition} of {held.topic} holds offsets {marks.low} up to {marks.high}; "
            f"{start} to {end} is no part of that"
        )
    return OffsetRange(partition, start, end)
