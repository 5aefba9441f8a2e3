"""``sentiment topics``: make the Kafka topics as streams.yaml says, and see how they are.

What belongs here: showing and asking. What must change is decided in ``core.topic_plan``; the
cluster is asked through ``definitions``.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sentiment_assets.core.streams import StreamTopic
    from sentiment_assets.core.topic_plan import Difference, TopicPlan
    from sentiment_assets.core.topic_states import ClusterState, PartitionState
    from sentiment_assets.definitions import Settings

#: A change is known to every broker within moments.
_PATIENCE_S = 10.0
_SIGNS = {"create": "+", "change": "~", "refuse": "!"}


@click.group()
def topics() -> None:
    """Make the Kafka topics as streams.yaml says, and see how they are."""


@topics.command()
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="One JSON object a difference. Nothing is asked: without --yes they are only shown.",
)
def apply(yes: bool, as_json: bool) -> None:
    """Create and change topics until they are as streams.yaml says.

    Shows the differences first. Topics that are right, and those of others, are left alone. What
    Kafka cannot change (fewer partitions, another replication) is refused, and then nothing is
    changed. Exits with 1 if something was refused or did not come about.
    """
    from sentiment_assets.definitions import read_settings, topic_admin

    settings = read_settings()
    wanted = settings.read_streams()
    admin = topic_admin(settings)
    plan = _plan(admin, wanted)
    if not as_json:
        _show(plan)
    if plan.refused:
        if as_json:
            _write(plan, applied=False)
        else:
            click.echo("Nothing was changed.")
        raise click.exceptions.Exit(1)
    if not plan.changes or (as_json and not yes):
        if as_json:
            _write(plan, applied=False)
        else:
            click.echo(
                f"Nothing to do: all {len(wanted)} topics are as {settings.streams.name} says."
            )
        return
    if not yes:
        click.confirm("Apply?", abort=True)
    for change in plan.changes:
        admin.apply(change)
    _require_done(admin, wanted)
    if as_json:
        _write(plan, applied=True)
    else:
        click.echo(f"Done: all {len(wanted)} topics are as {settings.streams.name} says.")


@topics.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a partition.")
def status(as_json: bool) -> None:
    """Show each topic and partition: its leader, copies, offsets and what waits to be landed.

    Exits with 1 if a topic is missing, or a partition has no leader or a copy that is behind.
    """
    from rich.console import Console
    from rich.table import Table

    from sentiment_assets.core.topic_states import landing_group
    from sentiment_assets.definitions import read_settings, topic_admin

    settings = read_settings()
    wanted = settings.read_streams()
    admin = topic_admin(settings)
    state = admin.read([topic.name for topic in wanted], offsets=True, newest=True)
    group = landing_group(settings.kafka_prefix)
    committed = admin.committed(group, state.topics.values())
    now = dt.datetime.now(dt.timezone.utc)
    rows = list(_rows(wanted, state, committed, _landed(settings, state), now))
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
    else:
        table = Table("topic", box=None, pad_edge=False)
        titles = ("part", "leader", "in sync", "low", "high", "landed", "lag", "newest")
        for title in titles:
            table.add_column(title, justify="right")
        for row in rows:
            table.add_row(*_cells(row))
        # A folded number would be read as another one.
        Console(width=max(Console().width, 120)).print(table)
        for row in rows:
            if row["wrong"]:
                which = "" if row["partition"] is None else f", partition {row['partition']}"
                click.echo(f"! {row['topic']}{which}: {row['wrong']}")
        brokers = len(state.brokers)
        click.echo(
            f"{brokers} {'broker' if brokers == 1 else 'brokers'}; the group {group} mirrors what "
            "was landed"
        )
    if any(row["wrong"] for row in rows):
        raise click.exceptions.Exit(1)


def _plan(admin: Any, wanted: Sequence[StreamTopic]) -> TopicPlan:
    from sentiment_assets.core.topic_plan import plan_topics

    compared = {name for topic in wanted for name in topic.configs}
    return plan_topics(wanted, admin.read([topic.name for topic in wanted], configs=compared))


def _require_done(admin: Any, wanted: Sequence[StreamTopic]) -> None:
    """What was acknowledged is not yet what the cluster shows."""
    deadline = time.monotonic() + _PATIENCE_S
    while differences := _plan(admin, wanted).differences:
        if time.monotonic() > deadline:
            raise click.ClickException(
                f"Kafka took the changes and does not show them: {differences[0].topic} still "
                f"differs in {differences[0].setting}. Wait a little and apply again; does the "
                "cluster forbid topics this setting?"
            )
        time.sleep(0.2)


def _show(plan: TopicPlan) -> None:
    for line in plan.differences:
        click.echo(f"{_SIGNS[line.verb]} {line.topic}: {_sentence(line)}")


def _sentence(line: Difference) -> str:
    from sentiment_assets.core.topic_plan import in_words

    if line.verb == "create":
        return f"create, with {line.after}"
    before = "not set" if line.before is None else in_words(line.setting, line.before)
    change = f"{line.setting} {before} -> {in_words(line.setting, line.after)}"
    if line.verb == "refuse":
        return f"{change} cannot be; {line.note}"
    return f"{change}; {line.note}" if line.note else change


def _write(plan: TopicPlan, *, applied: bool) -> None:
    for line in plan.differences:
        row = {
            "topic": line.topic,
            "verb": line.verb,
            "setting": line.setting,
            "before": line.before,
            "after": line.after,
            "note": line.note,
            "applied": applied,
        }
        click.echo(json.dumps(row))


def _rows(
    wanted: Iterable[StreamTopic],
    state: ClusterState,
    committed: Mapping[tuple[str, int], int],
    landed: Mapping[tuple[str, int], int],
    now: dt.datetime,
) -> Iterator[dict[str, Any]]:
    for topic in wanted:
        found = state.topics.get(topic.name)
        if found is None:
            nothing = dict.fromkeys((
                "topic_id", "partition", "leader", "in_sync", "replicas", "low", "high",
                "landed", "committed", "lag", "newest_seconds",
            ))  # fmt: skip
            yield {
                "topic": topic.name,
                "platform": topic.platform,
                "exists": False,
                **nothing,
                "wrong": "the topic is missing; `sentiment topics apply` makes it",
            }
            continue
        for partition in found.partitions:
            place = (topic.name, partition.number)
            yield {
                "topic": topic.name,
                "platform": topic.platform,
                "exists": True,
                "topic_id": found.topic_id,
                "partition": partition.number,
                "leader": partition.leader,
                "in_sync": len(partition.in_sync),
                "replicas": len(partition.replicas),
                **_offsets(partition, landed.get(place), committed.get(place)),
                "newest_seconds": partition.newest_at
                and max(round((now - partition.newest_at).total_seconds()), 0),
                "wrong": _wrong(partition),
            }


def _offsets(
    partition: PartitionState, landed: int | None, committed: int | None
) -> dict[str, int | None]:
    """Lag counts from what was landed; for who may not read that, from what the group says."""
    from sentiment_assets.core.topic_states import standing

    low, high = partition.low, partition.high
    stands = committed if landed is None else landed
    lag = None if low is None or high is None else standing(stands, low, high).lag
    return {"low": low, "high": high, "landed": landed, "committed": committed, "lag": lag}


def _landed(settings: Settings, state: ClusterState) -> dict[tuple[str, int], int]:
    """Where the landings of each topic end; nothing for who may not read bronze."""
    from sentiment_assets.lake.landings import position_of
    from sentiment_assets.lake.objects import AccessDenied

    landed: dict[tuple[str, int], int] = {}
    try:
        lake = settings.open_lake()
        for name, topic in state.topics.items():
            positions = position_of(lake, name, topic.topic_id).positions
            landed |= {(name, partition): offset for partition, offset in positions.items()}
    except AccessDenied:
        return {}
    return landed


def _wrong(partition: PartitionState) -> str | None:
    if partition.leader is None:
        return "no leader: its brokers are away"
    if not partition.whole:
        away = sorted(set(partition.replicas) - set(partition.in_sync))
        return f"copies are behind: broker {', '.join(map(str, away))}"
    return None


def _cells(row: Mapping[str, Any]) -> list[str]:
    from sentiment_assets.core.deadlines import spelled

    def shown(value: object) -> str:
        return "·" if value is None else str(value)

    newest = row["newest_seconds"]
    return [
        row["topic"],
        shown(row["partition"]),
        shown(row["leader"]),
        "·" if row["replicas"] is None else f"{row['in_sync']} of {row['replicas']}",
        *(shown(row[name]) for name in ("low", "high", "landed", "lag")),
        "·" if newest is None else spelled(dt.timedelta(seconds=newest)),
    ]
