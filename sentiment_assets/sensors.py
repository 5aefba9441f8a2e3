"""The one sensor that starts silver and gold: it looks for partitions that are behind.

What belongs here: comparing what landed with what was consumed, and deciding what to request. An
update that lands during a rebuild is newer than what that rebuild noted as consumed, so it is seen
at the next look; nothing depends on the order of events.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import dagster as dg
import msgspec

from sentiment_assets.assets.decisions import with_weeks
from sentiment_assets.assets.describe import asset_key
from sentiment_assets.assets.gold import with_pooled_days, with_trailing_days
from sentiment_assets.assets.marts import AskMart, Held, Published, ask_nobody
from sentiment_assets.assets.silver import POSTS_KEY, newest_bronze
from sentiment_assets.automation import PLATFORM_TAG, rebuild_job
from sentiment_assets.consumed import consumed_events, newest_events
from sentiment_assets.core.contracts import (
    CALENDAR_DAYS,
    DAILY_SUMMARY,
    DAILY_TREND,
    LANGUAGE_SENTIMENT,
    POOLED_SENTIMENT,
    RISING_TOPICS,
    TOPIC_SENTIMENT,
    TOPIC_VOICE,
    WEEKLY_SENTIMENT,
)
from sentiment_assets.core.gold import TRAILING_DAYS
from sentiment_assets.core.gold_weeks import MOST_DAYS_BACK as DAYS_OF_WEEKS
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.periods import month_of, settles_at, week_of
from sentiment_assets.cursors import Kept
from sentiment_assets.orders import ORDERED_TAG, open_orders
from sentiment_assets.partitions import (
    PARTITION_TAG,
    RANGE_END_TAG,
    RANGE_START_TAG,
    contiguous,
    has_partition,
    multi_key,
    range_tags,
)
from sentiment_assets.reference_changes import JOINED, changes_of, newest_change
from sentiment_assets.under_way import runs_under_way

SENSOR_NAME = "rebuild_what_is_behind"

REBUILD_TAG = "sentiment/rebuild"
ATTEMPT_TAG = "sentiment/attempt"

TOPIC_KEY = asset_key(TOPIC_SENTIMENT.name)
SUMMARY_KEY = asset_key(DAILY_SUMMARY.name)
TREND_KEY = asset_key(DAILY_TREND.name)
POOLED_KEY = asset_key(POOLED_SENTIMENT.name)
LANGUAGE_KEY = asset_key(LANGUAGE_SENTIMENT.name)
WEEKLY_KEY = asset_key(WEEKLY_SENTIMENT.name)
VOICE_KEY = asset_key(TOPIC_VOICE.name)
RISING_KEY = asset_key(RISING_TOPICS.name)
CALENDAR_KEY = asset_key(CALENDAR_DAYS.name)

#: Tables that are made anew by themselves where only what they read changed.
LATER_KEYS = (
    TREND_KEY,
    POOLED_KEY,
    LANGUAGE_KEY,
    WEEKLY_KEY,
    VOICE_KEY,
    RISING_KEY,
    CALENDAR_KEY,
)

#: Dates of one run that an order started: its step holds a place of the pool so long as it lasts.
ORDERED_DAYS = 30

#: Tables that can be behind by themselves: those that read gold of other dates, or what a team
#: keeps, and those of a mart that gold was not published to.
LookingBack = tuple[dg.AssetKey, ...]
#: A table, the events that it reads, the partitions to look at, and the days that each is made of.
_LookBack = tuple[
    dg.AssetKey,
    Mapping[PostPartition, int],
    set[PostPartition],
    Callable[[Sequence[PostPartition]], list[PostPartition]],
]

#: How often every partition is looked at: in between only those with new events.
WHOLE_LOOK_EVERY = dt.timedelta(hours=1)

#: Waits after 1, 2, 3 … failures in a row, in minutes; the last is kept for ever.
BACK_OFF_MINUTES = (1, 5, 15, 60)


@dataclass(frozen=True)
class Rebuild:
    """One run to request: consecutive dates of one platform, all of them behind for one reason."""

    partitions: tuple[PostPartition, ...]
    #: The only tables to make, because nothing else is behind; empty for all of them.
    only: LookingBack = ()
    #: Somebody ordered it; nothing is waiting for it.
    ordered: bool = False

    @property
    def tag(self) -> str:
        """Names the partitions in the run's tags, for finding runs that are under way."""
        names = ",".join(partition.key for partition in self.partitions)
        tables = "+".join(key.path[-1] for key in self.only)
        return f"{tables}:{names}" if tables else names

    @property
    def assets(self) -> list[dg.AssetKey] | None:
        """The assets to select; null for the whole job."""
        return list(self.only) or None

    def request(self, run_key: str, attempt: int) -> dg.RunRequest:
        """The request of this rebuild."""
        tags = {
            REBUILD_TAG: self.tag,
            ATTEMPT_TAG: str(attempt),
            PLATFORM_TAG: self.partitions[0].platform,
        }
        if self.ordered:
            tags |= {ORDERED_TAG: "yes", "dagster/priority": "-5"}
        single = multi_key(self.partitions[0]) if len(self.partitions) == 1 else None
        return dg.RunRequest(
            run_key=run_key,
            partition_key=single,
            asset_selection=self.assets,
            tags={**tags, **range_tags(self.partitions)},
        )


class Request(msgspec.Struct):
    """The last request of a partition, and which rebuild was the newest finished one then."""

    at: float
    #: Requests before this one that led to no finished rebuild.
    failures: int
    finished: int


class Look(msgspec.Struct, frozen=True):
    """What a look at the events found: until then, and where anything was behind."""

    at: float
    newest_event: int
    behind: list[str]


class Memory(Kept, msgspec.Struct):
    """What the sensor keeps between looks: the last request of each partition, by its key."""

    requested: dict[str, Request] = {}
    #: The last two looks, and when all partitions were looked at.
    looks: list[Look] = []
    whole_at: float = 0.0
    #: The mart lacked what had been published: it is asked again at every look until it is there.
    mart_lacks: bool = False

    def horizon(self, now: dt.datetime) -> Look | None:
        """The look that needs not be repeated; null where all is to be looked at again.

        It is the last but one: an event gets its number before it can be seen. And events can be
        wiped, so that all is looked at once in a while.
        """
        due = now.timestamp() - self.whole_at >= WHOLE_LOOK_EVERY.total_seconds()
        return None if due or len(self.looks) < 2 else self.looks[0]


def behind(
    instance: dg.DagsterInstance,
    now: dt.datetime,
    published: Published = MappingProxyType({}),
    ask_mart: AskMart = ask_nobody,
) -> tuple[set[PostPartition], dict[PostPartition, LookingBack]]:
    """The partitions whose silver or gold is behind, and the others' tables that are.

    Args:
        instance: the Dagster instance.
        now: an aware instant.
        published: tables of gold that a mart should have.
        ask_mart: tells what it holds; where nobody can, what was published counts as there.
    """
    posts, later, _ = _behind(instance, now, Memory(), published, ask_mart)
    return posts, later


def _behind(
    instance: dg.DagsterInstance,
    now: dt.datetime,
    memory: Memory,
    published: Published,
    ask_mart: AskMart,
) -> tuple[set[PostPartition], dict[PostPartition, LookingBack], dict[PostPartition, int]]:
    """As :func:`behind`, but only where something happened since a look that ``memory`` has.

    Beside both it tells each partition's newest event of the tables that a rebuild ends with.

    What an event consumed is read from the event itself, one by one: for a year of partitions
    that took seconds, every 30 seconds.
    """
    bronze = newest_bronze(instance)
    silver = newest_events(instance, POSTS_KEY)
    # A run may have ended between silver and gold. These two are made of all the others.
    made = {key: newest_events(instance, key) for key in (TOPIC_KEY, SUMMARY_KEY)}
    back = {key: newest_events(instance, key) for key in LATER_KEYS}
    kept = {asset_key(table): changes_of(instance, names) for table, names in JOINED.items()}
    sent = {mart: newest_events(instance, mart) for mart in published.values()}
    of_gold = {**made, **back}
    of_gold |= {key: newest_events(instance, key) for key in published if key not in of_gold}
    tables = (bronze, silver, *of_gold.values(), *sent.values())
    horizon = memory.horizon(now)
    changed = set().union(*tables)
    if horizon is not None:
        new = {p for of in tables for p, event in of.items() if event > horizon.newest_event}
        known = {PostPartition.from_key(key) for look in memory.looks for key in look.behind}
        # A Sunday that was never fetched has no event: only its pool is behind.
        changed = new | known
    standing: Mapping[dg.AssetKey, Mapping[PostPartition, int]] = sent
    if (horizon is None or memory.mart_lacks) and any(sent.values()):
        # Asked after the events were read: a publish commits before its event comes.
        held = ask_mart()
        if held is not None:
            standing = _standing(sent, held)
            lost = {p for mart, of in sent.items() for p in of.keys() - standing[mart].keys()}
            memory.mart_lacks = bool(lost)
            changed = changed | lost

    def consumed_of(
        key: dg.AssetKey, events: Mapping[PostPartition, int], wanted: Iterable[PostPartition]
    ) -> dict[PostPartition, int]:
        return consumed_events(instance, key, {p: events[p] for p in wanted if p in events})

    consumed = consumed_of(POSTS_KEY, silver, changed)
    posts = {p for p in changed & bronze.keys() if bronze[p] > consumed.get(p, -1)}
    for key, events in made.items():
        noted = consumed_of(key, events, changed)
        posts |= {p for p in changed & silver.keys() if silver[p] > noted.get(p, -1)}

    summaries = made[SUMMARY_KEY]
    newest = {
        p: max(events.get(p, 0) for events in made.values()) for p in set().union(*made.values())
    }

    def after(most: int) -> set[PostPartition]:
        found = {
            PostPartition(p.date + dt.timedelta(days=days), p.platform)
            for p in changed
            for days in range(most + 1)
        }
        return found & summaries.keys()

    def joined(key: dg.AssetKey, partition: PostPartition) -> int:
        return newest_change(kept.get(key, ()), partition.date)

    def changed_by_a_team(key: dg.AssetKey) -> set[PostPartition]:
        since = horizon.newest_event if horizon else -1
        new = [change for change in kept[key] if change.event > since]
        return {p for p in summaries if any(change.concerns(p.date) for change in new)}

    since = dt.datetime.min.replace(tzinfo=dt.timezone.utc)
    if horizon is not None:
        since = dt.datetime.fromtimestamp(horizon.at, dt.timezone.utc)
    # Pools are behind by what changed, or by time alone.
    closing = {
        PostPartition(sunday, p.platform)
        for p in summaries
        for sunday in _closers(p.date)
        if settles_at(sunday) <= now and (p in changed or settles_at(sunday) > since)
    } | {p for p in changed if settles_at(p.date) <= now}
    trailing = after(TRAILING_DAYS)
    looking_back: tuple[_LookBack, ...] = (
        (TREND_KEY, summaries, trailing, with_trailing_days),
        (POOLED_KEY, newest, closing & _closed_by(summaries), with_pooled_days),
        (LANGUAGE_KEY, silver, changed & summaries.keys(), list),
        (WEEKLY_KEY, newest, after(DAYS_OF_WEEKS), with_weeks),
        (VOICE_KEY, newest, trailing | changed_by_a_team(VOICE_KEY), with_trailing_days),
        (RISING_KEY, newest, trailing, with_trailing_days),
        (CALENDAR_KEY, summaries, trailing | changed_by_a_team(CALENDAR_KEY), with_trailing_days),
    )
    later: dict[PostPartition, LookingBack] = {}
    for key, read, candidates, days_of in looking_back:
        noted = consumed_of(key, back[key], candidates)
        for partition in candidates - posts:
            of_days = max(read.get(day, 0) for day in days_of([partition]))
            if max(of_days, joined(key, partition)) > noted.get(partition, -1):
                later[partition] = (*later.get(partition, ()), key)
    for key, mart in published.items():
        noted = consumed_of(mart, standing[mart], changed)
        unsent = {p for p in changed & of_gold[key].keys() if of_gold[key][p] > noted.get(p, -1)}
        # What is about to be made anew is published with it.
        unsent |= {p for p, only in later.items() if key in only}
        for partition in unsent - posts:
            later[partition] = (*later.get(partition, ()), mart)
    newest_seen = [event for of in tables for event in of.values()]
    newest_seen += [change.event for changes in kept.values() for change in changes]
    look = Look(
        now.timestamp(),
        max(newest_seen, default=0),
        sorted(partition.key for partition in {*posts, *later}),
    )
    memory.looks = [*memory.looks[-1:], look]
    if horizon is None:
        memory.whole_at = now.timestamp()
    last_tables = (*back.values(), *sent.values())
    finished = {p: max(of.get(p, 0) for of in last_tables) for p in set().union(*last_tables)}
    return posts, later, finished


def _standing(
    sent: Mapping[dg.AssetKey, Mapping[PostPartition, int]], held: Held
) -> dict[dg.AssetKey, dict[PostPartition, int]]:
    """Of what was published to a mart, what it still holds: another server may stand there now."""
    return {
        mart: {p: event for p, event in events.items() if p in held.get(mart, ())}
        for mart, events in sent.items()
    }


def _closed_by(summaries: Iterable[PostPartition]) -> set[PostPartition]:
    """The Sundays that pool any of these partitions."""
    dates: dict[dt.date, set[dt.date]] = {}
    for p in summaries:
        if p.date not in dates:
            dates[p.date] = _closers(p.date)
    return {PostPartition(sunday, p.platform) for p in summaries for sunday in dates[p.date]}


def _closers(date: dt.date) -> set[dt.date]:
    """The Sundays that pool a date: of its week and of its month."""
    return {week_of(date).closed_by, month_of(date).closed_by}


def under_way(instance: dg.DagsterInstance) -> set[PostPartition]:
    """Partitions of rebuilds that are queued or running."""
    runs = [record.dagster_run for record in runs_under_way(instance)]
    return {p for run in runs if _rebuilds(run) for p in partitions_in(run.tags)}


def _rebuilds(run: dg.DagsterRun) -> bool:
    """The run makes silver or gold: the sensor's own, or one that somebody launched in the UI."""
    return run.job_name == rebuild_job.name or any(
        key.path[0] in ("silver", "gold", "mart") for key in run.asset_selection or ()
    )


def rebuilds(
    posts: Iterable[PostPartition],
    later: Mapping[PostPartition, LookingBack],
    ordered: Iterable[PostPartition] = (),
) -> list[Rebuild]:
    """Group partitions into as few runs as one run can hold."""
    runs = [Rebuild(tuple(group)) for group in contiguous(posts)]
    for group in contiguous(later):
        # Pools of a weekday cost nothing: better one table too many than a run for each day.
        only = {key for partition in group for key in later[partition]}
        runs.append(Rebuild(tuple(group), tuple(sorted(only))))
    for group in contiguous(ordered):
        runs += [
            Rebuild(tuple(group[start : start + ORDERED_DAYS]), ordered=True)
            for start in range(0, len(group), ORDERED_DAYS)
        ]
    return runs


def requests(
    instance: dg.DagsterInstance,
    memory: Memory,
    now: dt.datetime,
    every: dt.timedelta,
    published: Published = MappingProxyType({}),
    ask_mart: AskMart = ask_nobody,
) -> Iterator[dg.RunRequest]:
    """What to request now; updates ``memory``.

    A partition is rebuilt at most once in ``every``, never twice at once, and again after a
    failure with growing waits.
    """
    # Asked first: a run that ends in between counts as under way, and what it made as made.
    busy = under_way(instance)
    # A newer one of a rebuild's last tables says that the last request was met.
    posts, later, finished = _behind(instance, now, memory, published, ask_mart)
    ordered = open_orders(instance) - posts

    def failures(partition: PostPartition) -> int:
        last = memory.requested.get(partition.key)
        failed = last is not None and last.finished == finished.get(partition, 0)
        return last.failures + 1 if last and failed else 0

    def ready(partition: PostPartition) -> bool:
        last = memory.requested.get(partition.key)
        wait = dt.timedelta()
        if last is not None:
            in_a_row = min(failures(partition), len(BACK_OFF_MINUTES))
            back_off = BACK_OFF_MINUTES[in_a_row - 1] if in_a_row else 0
            wait = max(dt.timedelta(minutes=back_off), every)
        since = now.timestamp() - last.at if last else 0.0
        return (
            partition not in busy
            and has_partition(partition, now)
            and since >= wait.total_seconds()
        )

    def well(partition: PostPartition) -> bool:
        return failures(partition) == 0

    due = set(filter(ready, posts))
    due_ordered = set(filter(ready, ordered))
    due_later = {p: only for p, only in later.items() if p not in ordered and ready(p)}
    asked = rebuilds(
        filter(well, due),
        {p: only for p, only in due_later.items() if well(p)},
        filter(well, due_ordered),
    )
    # What failed goes alone, so that one bad date doesn't hold its neighbours back.
    asked += [Rebuild((p,)) for p in sorted(due) if not well(p)]
    asked += [Rebuild((p,), only) for p, only in sorted(due_later.items()) if not well(p)]
    asked += [Rebuild((p,), ordered=True) for p in sorted(due_ordered) if not well(p)]
    for rebuild in asked:
        attempt = max(map(failures, rebuild.partitions))
        for partition in rebuild.partitions:
            memory.requested[partition.key] = Request(
                now.timestamp(), failures(partition), finished.get(partition, 0)
            )
        yield rebuild.request(f"{rebuild.tag}@{now.timestamp():.0f}#{attempt}", attempt)
    horizon = (now - 2 * every - dt.timedelta(hours=2)).timestamp()
    for key in [key for key, last in memory.requested.items() if last.at < horizon]:
        del memory.requested[key]


def rebuild_sensor(
    every: dt.timedelta, published: Published = MappingProxyType({})
) -> dg.SensorDefinition:
    """The sensor, rebuilding a partition at most once in ``every``, and publishing gold."""

    @dg.sensor(
        name=SENSOR_NAME,
        job=rebuild_job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Requests silver and gold of every partition whose bronze is newer than what silver "
            "consumed, tables whose earlier days or reference tables changed, pools of settled "
            "weeks, gold that is not in the mart, and, after all of them, what somebody ordered."
        ),
    )
    def rebuild_what_is_behind(
        context: dg.SensorEvaluationContext, ask_mart: dg.ResourceParam[AskMart]
    ) -> dg.SensorResult | dg.SkipReason:
        memory = Memory.read(context.cursor)
        now = dt.datetime.now(dt.timezone.utc)
        asked = list(requests(context.instance, memory, now, every, published, ask_mart))
        if not asked:
            context.update_cursor(memory.write())
            return dg.SkipReason("nothing is behind, or it is under way or waits its turn")
        return dg.SensorResult(run_requests=asked, cursor=memory.write())

    return rebuild_what_is_behind


def partitions_in(tags: Mapping[str, str]) -> set[PostPartition]:
    """The partitions of a run: as this sensor names them, or of a run that somebody launched."""
    named = tags.get(REBUILD_TAG, "").rpartition(":")[2].split(",")
    first = tags.get(RANGE_START_TAG, tags.get(PARTITION_TAG, ""))
    last = tags.get(RANGE_END_TAG, first)
    if named == [""] and first:
        start, end = PostPartition.from_key(first), PostPartition.from_key(last)
        days = range((end.date - start.date).days + 1)
        return {PostPartition(start.date + dt.timedelta(day), start.platform) for day in days}
    return {PostPartition.from_key(key) for key in named if key}
