"""Freshness as Dagster sees it: reading what happened, the checks, their clock, the UI's badges.

What belongs here: turning the event log and bronze's manifests into the facts that
``core.freshness`` judges, and verdicts into check results. Who is told is not decided here.

One look asks the event log three times a table and once for each partition that is behind, whatever
the number of partitions that exist.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import dagster as dg

from sentiment_assets.assets.bronze import BATCH_POSTS_KEY
from sentiment_assets.assets.decisions import with_weeks
from sentiment_assets.assets.describe import RETRIES, asset_key
from sentiment_assets.assets.failures import permanent_failures_are_final
from sentiment_assets.assets.gold import with_pooled_days, with_trailing_days
from sentiment_assets.consumed import consumed_event, newest_events, newest_records
from sentiment_assets.core.contracts import (
    CALENDAR_DAYS,
    DAILY_TREND,
    POOLED_SENTIMENT,
    RISING_TOPICS,
    TOPIC_VOICE,
    WEEKLY_SENTIMENT,
)
from sentiment_assets.core.coverage import WindowCoverage
from sentiment_assets.core.deadlines import Deadlines
from sentiment_assets.core.freshness import (
    JUDGED,
    MART_READS,
    READS,
    Facts,
    Fetched,
    Freshness,
    Made,
    Watch,
    holes_in,
    judge,
    watermark_of,
)
from sentiment_assets.core.layout import WINDOWS, PostPartition, windows_of
from sentiment_assets.core.periods import closed_by, settles_at
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.lake.bronze import read_partition
from sentiment_assets.lake.objects import Lake
from sentiment_assets.partitions import has_partition, multi_key

_READS: Mapping[str, tuple[str, ...]] = {**READS, **MART_READS}
#: What each partition of a table reads; of those not named here, the same partition.
INPUTS: Mapping[str, Callable[[Sequence[PostPartition]], list[PostPartition]]] = {
    DAILY_TREND.name: with_trailing_days,
    POOLED_SENTIMENT.name: with_pooled_days,
    WEEKLY_SENTIMENT.name: with_weeks,
    TOPIC_VOICE.name: with_trailing_days,
    RISING_TOPICS.name: with_trailing_days,
    CALENDAR_DAYS.name: with_trailing_days,
}


def freshness_now(
    instance: dg.DagsterInstance, lake: Lake, watch: Watch, now: dt.datetime | None = None
) -> list[Freshness]:
    """Judge every table of every watched platform.

    Args:
        instance: whose event log is read.
        lake: whose manifests of bronze are read.
        watch: what is judged and by which deadlines.
        now: instead of the machine's clock.

    Raises:
        LakeError: bronze cannot be read.
    """
    now = now or dt.datetime.now(dt.timezone.utc)
    dates = [now.date() - dt.timedelta(days=back) for back in range(watch.days, -1, -1)]
    counting = [
        partition
        for platform in watch.reaches
        for date in dates
        if has_partition(partition := PostPartition(date, platform), now)
    ]
    if not counting:
        return judge(watch, {}, now)
    fetches = newest_events(instance, BATCH_POSTS_KEY, counting)
    records = newest_records(instance, BATCH_POSTS_KEY, fetches)
    fetched = {
        platform: _fetched(
            lake, [p for p in counting if p.platform == platform], records, reaches, now
        )
        for platform, reaches in watch.reaches.items()
    }
    made = {table: _made(instance, table, counting, now) for table in watch.reads}
    facts = {
        platform: Facts(
            fetched[platform],
            {table: of[platform] for table, of in made.items() if platform in of},
        )
        for platform in watch.reaches
    }
    return judge(watch, facts, now)


def _fetched(
    lake: Lake,
    partitions: Sequence[PostPartition],
    records: Mapping[PostPartition, dg.EventLogRecord],
    reaches: Sequence[dt.timedelta],
    now: dt.datetime,
) -> Fetched:
    """What bronze holds of one platform."""
    coverage: list[WindowCoverage] = []
    whole: list[dt.datetime] = []
    for partition in partitions:
        if partition in records and _says_whole(records[partition]):
            # It stays whole: an old date's manifests, dozens on S3, need not be read at each look.
            whole.append(windows_of(partition)[-1].end)
        else:
            coverage += read_partition(lake, partition).coverage.values()
    newest = watermark_of(coverage)
    longest = max(reaches, default=None)
    return Fetched(
        watermark=max((*whole, *([newest] if newest else [])), default=None),
        holes=tuple(holes_in(coverage, longest, now)),
        made_at=_newest_time([records[p] for p in partitions if p in records]),
    )


def _says_whole(fetch: dg.EventLogRecord) -> bool:
    """The fetch found all windows of its date whole; posts that strayed into it say nothing."""
    materialization = fetch.asset_materialization
    complete = materialization.metadata.get("windows_complete") if materialization else None
    return complete is not None and complete.value == len(WINDOWS)


def _made(
    instance: dg.DagsterInstance,
    table: str,
    counting: Sequence[PostPartition],
    now: dt.datetime,
) -> dict[str, Made]:
    """What is recorded of a table, by platform; platforms without anything are missing."""
    key = asset_key(table)
    newest = newest_events(instance, key, counting)
    records = newest_records(instance, key, newest)
    noted = {partition: consumed_event(record) for partition, record in records.items()}
    unread = dict(_unread(instance, table, noted, counting, now))
    made: dict[str, Made] = {}
    for platform in {partition.platform for partition in counting}:
        own = [record for p, record in records.items() if p.platform == platform]
        waiting = {p.date: since for p, since in unread.items() if p.platform == platform}
        made[platform] = Made(_newest_time(own), waiting)
    return made


def _unread(
    instance: dg.DagsterInstance,
    table: str,
    noted: Mapping[PostPartition, int],
    counting: Sequence[PostPartition],
    now: dt.datetime,
) -> Iterator[tuple[PostPartition, dt.datetime]]:
    """Partitions with news from upstream that they haven't read, and since when it waits."""
    inputs = INPUTS.get(table, list)
    pools = table == POOLED_SENTIMENT.name
    # Pools read nothing before their week has settled, and then what has come by then.
    reading = {p: inputs([p]) for p in counting if not pools or _pools(p, now)}
    days = {day for read in reading.values() for day in read}
    if not days:
        return
    keys = [asset_key(name) for name in _READS[table]]
    upstream = {key: newest_events(instance, key, days) for key in keys}
    for partition, read in reading.items():
        # A trend is made of a date that has a summary, whatever the days before it have.
        exists = pools or any(partition in events for events in upstream.values())
        newest = max(events.get(day, -1) for events in upstream.values() for day in read)
        seen = noted.get(partition, -1)
        if exists and newest > seen:
            since = _first_after(instance, upstream, read, seen)
            yield partition, max(since, settles_at(partition.date)) if pools else since


def _pools(partition: PostPartition, now: dt.datetime) -> bool:
    """It closes a week, and the week has settled."""
    return bool(closed_by(partition.date)) and settles_at(partition.date) <= now


def _first_after(
    instance: dg.DagsterInstance,
    assets: Iterable[dg.AssetKey],
    partitions: Sequence[PostPartition],
    seen: int,
) -> dt.datetime:
    """When the oldest materialization after an event was recorded; there is one."""
    keys = [multi_key(partition) for partition in partitions]
    found = [
        record.timestamp
        for asset in assets
        for record in instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=asset, asset_partitions=keys, after_storage_id=seen),
            limit=1,
            ascending=True,
        ).records
    ]
    return dt.datetime.fromtimestamp(min(found), dt.timezone.utc)


def _newest_time(records: Iterable[dg.EventLogRecord]) -> dt.datetime | None:
    newest = max((record.timestamp for record in records), default=None)
    return None if newest is None else dt.datetime.fromtimestamp(newest, dt.timezone.utc)


def check_name(platform: str) -> str:
    """Name of the check of a platform, on every table."""
    return f"fresh_{platform}"


def platform_of(check: str) -> str | None:
    """The platform that a check of freshness is about; null for any other check."""
    return next((platform for platform in PLATFORMS if check_name(platform) == check), None)


@dg.multi_asset_check(
    name="judge_freshness",
    specs=[
        dg.AssetCheckSpec(
            check_name(platform),
            asset=asset_key(table),
            description=f"{PLATFORMS[platform].title} is not behind here (docs/freshness.md).",
            blocking=False,
        )
        for table in (*JUDGED, *MART_READS)
        for platform in PLATFORMS
    ],
    can_subset=True,
    retry_policy=RETRIES,
)
@permanent_failures_are_final
def freshness(
    context: dg.AssetCheckExecutionContext,
    lake: dg.ResourceParam[Lake],
    watch: dg.ResourceParam[Watch],
) -> Iterator[dg.AssetCheckResult]:
    """Judge every table and watched platform; of platforms that nobody watches nothing is said."""
    selected = context.selected_asset_check_keys
    for verdict in freshness_now(context.instance, lake, watch):
        if dg.AssetCheckKey(asset_key(verdict.table), check_name(verdict.platform)) in selected:
            yield check_result(verdict)


def check_result(verdict: Freshness) -> dg.AssetCheckResult:
    """A verdict as Dagster shows it: late warns, posts that are about to be lost are an error."""
    metadata: dict[str, int | float | str] = {"deadline_hours": _hours(verdict.deadline)}
    if verdict.age is not None:
        metadata["age_hours"] = _hours(verdict.age)
    if verdict.cause is not None:
        metadata["cause"] = verdict.cause
    return dg.AssetCheckResult(
        passed=verdict.fresh,
        asset_key=asset_key(verdict.table),
        check_name=check_name(verdict.platform),
        severity=dg.AssetCheckSeverity.ERROR if verdict.grave else dg.AssetCheckSeverity.WARN,
        description=verdict.sentence,
        metadata=metadata,
    )


def _hours(time: dt.timedelta) -> float:
    return round(time / dt.timedelta(hours=1), 2)


def with_badge(spec: dg.AssetSpec, platforms: Iterable[str], deadlines: Deadlines) -> dg.AssetSpec:
    """The asset with the UI's own freshness badge, where it is judged here too.

    The badge looks at the newest materialization of any date and platform: it turns red when
    nothing at all is made any more. Which platform is behind, the checks say.
    """
    table = "/".join(spec.key.path)
    if table not in JUDGED and table not in MART_READS:
        return spec
    windows = [_end_to_end(table, platform, deadlines) for platform in platforms]
    if not windows:
        return spec
    badged: dg.AssetSpec = dg.apply_freshness_policy(
        spec, dg.FreshnessPolicy.time_window(fail_window=max(windows))
    )
    return badged


def _end_to_end(table: str, platform: str, deadlines: Deadlines) -> dt.timedelta:
    """How long ago a table may have been made: its deadline and those of all that it is made of."""
    judged = (name for name in _READS.get(table, ()) if name in JUDGED)
    before = [_end_to_end(name, platform, deadlines) for name in judged]
    return deadlines.of(table, platform) + max(before, default=dt.timedelta())
