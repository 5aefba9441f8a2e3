"""The one sensor that starts silver and gold: it looks for partitions that are behind.

What belongs here: comparing what landed with what was consumed, and deciding what to request. An
update that lands during a rebuild is newer than what that rebuild noted as consumed, so it is seen
at the next look; nothing depends on the order of events.
"""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import dagster as dg

from sentiment_assets.assets.bronze import BATCH_POSTS_KEY
from sentiment_assets.assets.describe import asset_key
from sentiment_assets.assets.gold import with_trailing_days
from sentiment_assets.assets.silver import POSTS_KEY
from sentiment_assets.automation import PLATFORM_TAG, rebuild_job
from sentiment_assets.consumed import consumed_events, newest_events
from sentiment_assets.core.contracts import DAILY_SUMMARY, DAILY_TREND
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.partitions import contiguous, has_partition, multi_key, range_tags

REBUILD_TAG = "sentiment/rebuild"
ATTEMPT_TAG = "sentiment/attempt"

SUMMARY_KEY = asset_key(DAILY_SUMMARY.name)
TREND_KEY = asset_key(DAILY_TREND.name)

#: Waits after 1, 2, 3 … failures in a row, in minutes; the last is kept for ever.
BACK_OFF_MINUTES = (1, 5, 15, 60)


@dataclass(frozen=True)
class Rebuild:
    """One run to request: consecutive dates of one platform, all of them behind for one reason."""

    partitions: tuple[PostPartition, ...]
    #: Whether only the trend is behind, because an earlier date changed.
    trend_only: bool = False

    @property
    def tag(self) -> str:
        """Names the partitions in the run's tags, for finding runs that are under way."""
        names = ",".join(partition.key for partition in self.partitions)
        return f"trend:{names}" if self.trend_only else names

    @property
    def assets(self) -> list[dg.AssetKey] | None:
        """The assets to select; null for the whole job."""
        return [TREND_KEY] if self.trend_only else None

    def request(self, run_key: str, attempt: int) -> dg.RunRequest:
        """The request of this rebuild."""
        tags = {
            REBUILD_TAG: self.tag,
            ATTEMPT_TAG: str(attempt),
            PLATFORM_TAG: self.partitions[0].platform,
        }
        single = multi_key(self.partitions[0]) if len(self.partitions) == 1 else None
        return dg.RunRequest(
            run_key=run_key,
            partition_key=single,
            asset_selection=self.assets,
            tags={**tags, **range_tags(self.partitions)},
        )


@dataclass
class Memory:
    """What the sensor keeps between looks: failures in a row and the last request, by partition."""

    attempts: dict[str, int] = field(default_factory=dict)
    requested_at: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str | None) -> "Memory":
        """From a cursor; an unreadable one starts anew."""
        try:
            return cls(**json.loads(cursor or "{}"))
        except (ValueError, TypeError):
            return cls()

    def write(self) -> str:
        """To a cursor."""
        return json.dumps(self.__dict__)


def behind(instance: dg.DagsterInstance) -> tuple[set[PostPartition], set[PostPartition]]:
    """The partitions whose silver is behind bronze, and those whose trend is behind summaries."""
    bronze = newest_events(instance, BATCH_POSTS_KEY)
    silver = newest_events(instance, POSTS_KEY)
    consumed = consumed_events(instance, POSTS_KEY, silver)
    posts = {p for p, event in bronze.items() if event > consumed.get(p, -1)}

    summaries = newest_events(instance, SUMMARY_KEY)
    trends = newest_events(instance, TREND_KEY)
    noted = consumed_events(instance, TREND_KEY, trends)
    trend = {
        partition
        for partition in summaries
        if max(summaries.get(day, 0) for day in with_trailing_days([partition]))
        > noted.get(partition, -1)
    }
    return posts, trend - posts


def under_way(instance: dg.DagsterInstance) -> set[PostPartition]:
    """Partitions of rebuilds that are queued or running."""
    runs = instance.get_runs(
        dg.RunsFilter(
            job_name=rebuild_job.name,
            statuses=[
                dg.DagsterRunStatus.QUEUED,
                dg.DagsterRunStatus.NOT_STARTED,
                dg.DagsterRunStatus.STARTING,
                dg.DagsterRunStatus.STARTED,
                dg.DagsterRunStatus.CANCELING,
            ],
        )
    )
    return {p for run in runs for p in _partitions_in(run.tags)}


def rebuilds(posts: Iterable[PostPartition], trend: Iterable[PostPartition]) -> list[Rebuild]:
    """Group partitions into as few runs as one run can hold."""
    runs = [Rebuild(tuple(group)) for group in contiguous(posts)]
    return runs + [Rebuild(tuple(group), trend_only=True) for group in contiguous(trend)]


def requests(
    instance: dg.DagsterInstance, memory: Memory, now: dt.datetime, every: dt.timedelta
) -> Iterator[dg.RunRequest]:
    """What to request now; updates ``memory``.

    A partition is rebuilt at most once in ``every``, never twice at once, and again after a
    failure with growing waits.
    """
    posts, trend = behind(instance)
    busy = under_way(instance)
    current = {p.key for p in posts | trend}
    for key in [key for key in memory.attempts if key not in current]:
        del memory.attempts[key]

    def ready(partitions: Iterable[PostPartition]) -> set[PostPartition]:
        return {
            p
            for p in partitions
            if p not in busy and has_partition(p, now) and now.timestamp() >= _not_before(p, memory, every)
        }

    for rebuild in rebuilds(ready(posts), ready(trend)):
        attempt = 0
        for partition in rebuild.partitions:
            failures = memory.attempts.get(partition.key, -1) + 1
            memory.attempts[partition.key] = failures
            memory.requested_at[partition.key] = now.timestamp()
            attempt = max(attempt, failures)
        yield rebuild.request(f"{rebuild.tag}@{now.timestamp():.0f}#{attempt}", attempt)
    horizon = (now - 2 * every - dt.timedelta(hours=2)).timestamp()
    for key in [k for k, at in memory.requested_at.items() if at < horizon]:
        del memory.requested_at[key]


def rebuild_sensor(every: dt.timedelta) -> dg.SensorDefinition:
    """The sensor, rebuilding a partition at most once in ``every``."""

    @dg.sensor(
        name="rebuild_what_is_behind",
        job=rebuild_job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Requests silver and gold of every partition whose bronze is newer than what silver "
            "consumed, and trends whose earlier days changed."
        ),
    )
    def rebuild_what_is_behind(
        context: dg.SensorEvaluationContext,
    ) -> dg.SensorResult | dg.SkipReason:
        memory = Memory.read(context.cursor)
        now = dt.datetime.now(dt.timezone.utc)
        asked = list(requests(context.instance, memory, now, every))
        if not asked:
            context.update_cursor(memory.write())
            return dg.SkipReason("nothing is behind, or it is under way or waits its turn")
        return dg.SensorResult(run_requests=asked, cursor=memory.write())

    return rebuild_what_is_behind


def _not_before(partition: PostPartition, memory: Memory, every: dt.timedelta) -> float:
    last = memory.requested_at.get(partition.key)
    if last is None:
        return 0.0
    failures = memory.attempts.get(partition.key)
    if failures is None:
        return last + every.total_seconds()
    # Still behind though it was requested: the run failed, or more landed meanwhile.
    waits = BACK_OFF_MINUTES[min(failures, len(BACK_OFF_MINUTES) - 1)]
    return last + max(waits * 60, every.total_seconds())


def _partitions_in(tags: dict[str, str] | Sequence[str]) -> set[PostPartition]:
    assert isinstance(tags, dict)
    named = tags.get(REBUILD_TAG, "").removeprefix("trend:")
    keys = [key for key in named.split(",") if key]
    if not keys and "dagster/partition" in tags:
        keys = [tags["dagster/partition"]]
    return {PostPartition.from_key(key) for key in keys}
