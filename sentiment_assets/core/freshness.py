"""Is a table fresh? One verdict for each table and platform, so that no platform hides another.

What belongs here: what counts as fresh, and the sentence that says so. What happened is handed in
as values; deadlines are ``core.deadlines``, reading what happened ``sentiment_assets.freshness``.

Bronze is late when its newest whole window ended too long ago. So a quiet platform is fresh as long
as it is asked, and just after midnight nothing of the new date is expected. Every other table is
late when something new upstream waits too long to be read, or when what it reads is late.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sentiment_assets.core.contracts import (
    CALENDAR_DAYS,
    DAILY_SUMMARY,
    DAILY_TREND,
    HOURLY_SENTIMENT,
    LANGUAGE_SENTIMENT,
    POOLED_SENTIMENT,
    RISING_TOPICS,
    SILVER_POSTS,
    SILVER_QUARANTINE,
    TOPIC_SENTIMENT,
    TOPIC_VOICE,
    WEEKLY_SENTIMENT,
)
from sentiment_assets.core.coverage import REACH_MARGIN, WindowCoverage, is_done
from sentiment_assets.core.deadlines import Deadlines, spelled
from sentiment_assets.core.layout import BATCH_POSTS, RAW_POSTS, Window
from sentiment_assets.core.mart import postgres_reads

#: What each table notes as consumed, upstream first: table -> the tables whose events it notes.
READS: Mapping[str, tuple[str, ...]] = {
    SILVER_QUARANTINE.name: RAW_POSTS,
    SILVER_POSTS.name: RAW_POSTS,
    HOURLY_SENTIMENT.name: (SILVER_POSTS.name,),
    TOPIC_SENTIMENT.name: (SILVER_POSTS.name,),
    DAILY_SUMMARY.name: (SILVER_POSTS.name,),
    DAILY_TREND.name: (DAILY_SUMMARY.name,),
    POOLED_SENTIMENT.name: (DAILY_SUMMARY.name, TOPIC_SENTIMENT.name),
    LANGUAGE_SENTIMENT.name: (SILVER_POSTS.name,),
    WEEKLY_SENTIMENT.name: (DAILY_SUMMARY.name, TOPIC_SENTIMENT.name),
    TOPIC_VOICE.name: (DAILY_SUMMARY.name, TOPIC_SENTIMENT.name),
    RISING_TOPICS.name: (DAILY_SUMMARY.name, TOPIC_SENTIMENT.name),
    # What a team keeps comes when it comes: only the days count.
    CALENDAR_DAYS.name: (DAILY_SUMMARY.name,),
}
#: The same of what is published to PostgreSQL, where gold is.
MART_READS: Mapping[str, tuple[str, ...]] = postgres_reads()
#: Every table that is judged, upstream first. What the stream brought is not: it comes when it
#: comes, and the topics' own checks say whether it is landed (``core.stream_health``).
JUDGED = (BATCH_POSTS, *READS)

#: A hole is grave when less than this share of an API's reach is left to fetch it in: of seven days
#: 56 hours, which is a weekend; of 24 hours eight, which is four ticks.
GRAVE_SHARE = 1 / 3


@dataclass(frozen=True)
class Watch:
    """What is judged, and by which deadlines."""

    #: Tracked and connected platforms -> how far back the API gives each of their sources; empty
    #: where that is not known.
    reaches: Mapping[str, tuple[dt.timedelta, ...]]
    deadlines: Deadlines = field(default_factory=Deadlines)
    #: The dates that count: today and so many days before, those that the clock looks after. What
    #: is made for older ones, as by a backfill, makes nothing fresh and nothing stale.
    days: int = 7
    #: Gold is published to PostgreSQL.
    mart: bool = False

    @property
    def reads(self) -> Mapping[str, tuple[str, ...]]:
        """What each judged table notes as consumed, upstream first."""
        return {**READS, **(MART_READS if self.mart else {})}


@dataclass(frozen=True)
class Fetched:
    """What bronze holds of a platform's dates that count."""

    #: End of the newest whole window: everything before it was asked for. Null where none is.
    watermark: dt.datetime | None
    #: Windows that ended and are not whole: :func:`holes_in`.
    holes: tuple[Window, ...] = ()
    #: When the newest fetch was recorded.
    made_at: dt.datetime | None = None


@dataclass(frozen=True)
class Made:
    """What is recorded of a table's partitions that count."""

    #: When the newest was recorded; null where none ever was.
    made_at: dt.datetime | None
    #: Dates with news from upstream that they haven't read -> since when the oldest of it waits.
    waiting: Mapping[dt.date, dt.datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """Everything that one platform is judged by."""

    fetched: Fetched
    made: Mapping[str, Made] = field(default_factory=dict)


@dataclass(frozen=True)
class Freshness:
    """The verdict over one table of one platform."""

    table: str
    platform: str
    fresh: bool
    #: How far behind it is: of bronze since its newest whole window ended, of others since
    #: something waits to be read (zero where nothing does). Null: nothing was ever made.
    age: dt.timedelta | None
    deadline: dt.timedelta
    #: The stale table upstream that explains it; null where it is fresh, or the fault is its own.
    cause: str | None
    sentence: str
    #: Posts are about to be lost: worse than late, which heals by itself.
    grave: bool = False
    #: When the newest of its partitions that count was made.
    made_at: dt.datetime | None = None

    @property
    def late(self) -> bool:
        """What it holds is too old: whatever is made of it is too."""
        return self.age is None or self.age > self.deadline or self.cause is not None


def judge(watch: Watch, facts: Mapping[str, Facts], now: dt.datetime) -> list[Freshness]:
    """Judge every table of every watched platform, each by its own facts alone.

    Args:
        watch: what is judged.
        facts: by platform; a platform without any was never fetched.
        now: an aware instant.
    """
    verdicts: list[Freshness] = []
    for platform, reaches in watch.reaches.items():
        known = facts.get(platform, Facts(Fetched(None)))
        within = watch.deadlines.of(BATCH_POSTS, platform)
        of = {BATCH_POSTS: judge_bronze(platform, known.fetched, reaches, within, now)}
        overdue: dict[str, set[dt.date]] = {}
        for table, upstream in watch.reads.items():
            made = known.made.get(table, Made(None))
            within = watch.deadlines.of(table, platform)
            # A date that is stuck further up is made when that is mended: not this table's fault.
            stuck = {date for name in upstream for date in overdue.get(name, ())}
            waiting = {date: at for date, at in made.waiting.items() if date not in stuck}
            overdue[table] = stuck | {date for date, at in waiting.items() if now - at > within}
            of[table] = judge_table(
                table,
                platform,
                made.made_at,
                min(waiting.values(), default=None),
                [of[name] for name in upstream if name in of],
                within,
                now,
            )
        verdicts += of.values()
    return verdicts


def judge_bronze(
    platform: str,
    fetched: Fetched,
    reaches: Sequence[dt.timedelta],
    within: dt.timedelta,
    now: dt.datetime,
) -> Freshness:
    """Judge what was fetched of a platform, against now and against the API's reach."""
    if fetched.watermark is None:
        age, said = None, "no window of the newest dates was ever fetched whole"
    else:
        # A platform's clock may be ahead of ours.
        age = max(now - fetched.watermark, dt.timedelta())
        said = f"fetched whole up to {fetched.watermark:%Y-%m-%d %H:%M} UTC, {spelled(age)} ago"
        if age > within:
            said += f"; allowed are {spelled(within)}"
    # Before the first fetch there is no hole in anything.
    leaving = [] if age is None else [*_leaving(fetched.holes, reaches, now)]
    if leaving:
        first, left = min(leaving, key=lambda hole: hole[1])
        how_many = f"{len(leaving)} windows are" if len(leaving) > 1 else "a window is"
        when = f"for {spelled(left)} more" if left > dt.timedelta() else "no more"
        said += (
            f"; {how_many} not whole, and the API gives that of {first.start:%Y-%m-%d %H:%M} UTC "
            f"{when}"
        )
    return Freshness(
        table=BATCH_POSTS,
        platform=platform,
        fresh=age is not None and age <= within and not leaving,
        age=age,
        deadline=within,
        cause=None,
        sentence=said,
        grave=bool(leaving),
        made_at=fetched.made_at,
    )


def judge_table(
    table: str,
    platform: str,
    made_at: dt.datetime | None,
    waiting_since: dt.datetime | None,
    upstream: Iterable[Freshness],
    within: dt.timedelta,
    now: dt.datetime,
) -> Freshness:
    """Judge a table that is made of others, after those; news from upstream may wait ``within``."""
    late = next((verdict.table for verdict in upstream if verdict.late), None)
    age: dt.timedelta | None = dt.timedelta()
    if waiting_since is not None:
        age = max(now - waiting_since, dt.timedelta())
    own = age is not None and age > within
    if made_at is None:
        # News that waits too long says more than "never", and is the table's own fault.
        age = age if own else None
        said = "never made for any of the newest dates"
    else:
        said = f"made {spelled(max(now - made_at, dt.timedelta()))} ago"
    if own and age is not None:
        said += f"; news from upstream waits for {spelled(age)}, allowed are {spelled(within)}"
    elif late is not None:
        said = f"waits for {late}, which is stale itself"
    elif waiting_since is not None and age is not None:
        said += f"; news from upstream came {spelled(age)} ago"
    cause = late if not own else None
    return Freshness(
        table=table,
        platform=platform,
        fresh=age is not None and not own and cause is None,
        age=age,
        deadline=within,
        cause=cause,
        sentence=said,
        made_at=made_at,
    )


def holes_in(
    coverage: Iterable[WindowCoverage], longest: dt.timedelta | None, now: dt.datetime
) -> Iterator[Window]:
    """Windows that ended and are not whole, though an API that reaches so far back gives them.

    What was begun counts too when the API no longer gives it; what was never asked for in time
    doesn't, since before a platform was tracked there is no end of such windows.
    """
    for covered in coverage:
        window = covered.window
        reachable = longest is None or window.end > now - longest + REACH_MARGIN
        counts = reachable or covered.state == "partial"
        if window.end <= now and counts and not is_done(covered):
            yield window


def watermark_of(coverage: Iterable[WindowCoverage]) -> dt.datetime | None:
    """The end of the newest window that was fetched whole, as far as the API ever gives it."""
    return max((covered.window.end for covered in coverage if is_done(covered)), default=None)


def _leaving(
    holes: Iterable[Window], reaches: Sequence[dt.timedelta], now: dt.datetime
) -> Iterator[tuple[Window, dt.timedelta]]:
    """Holes that a source's API soon no longer gives, each with the time that is left."""
    for window in holes:
        left = [(window.start + reach - REACH_MARGIN - now, reach) for reach in reaches]
        soon = [time for time, reach in left if time < reach * GRAVE_SHARE]
        if soon:
            yield window, min(soon)
