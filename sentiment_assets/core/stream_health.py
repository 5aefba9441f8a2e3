"""How a topic and its landing fare: numbers, and verdicts that checks and alerts share.

What belongs here: pure values. Asking the brokers is ``resources.kafka_watcher``, gathering what is
judged here and telling Dagster ``sentiment_assets.stream_watch``, words for alerts
``core.stream_alerts``. How large a number may be is said by the rules of ``core.alert_rules``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sentiment_assets.core.alert_rules import Rule, write_length
from sentiment_assets.core.landings import Landing, OffsetRange, Position, TopicLog, waiting
from sentiment_assets.core.quality import Verdict
from sentiment_assets.core.streams import StreamTopic

#: Landings so old at most are counted.
OF_LATE = dt.timedelta(hours=1)


@dataclass(frozen=True)
class StreamCheck:
    """One check of every topic."""

    name: str
    #: The rule of alerts that tells it and holds its limits.
    rule: str
    description: str


REACHABLE = StreamCheck(
    "reachable", "stream_unreachable", "The brokers answer, and the topic is there."
)
REPLICATED = StreamCheck(
    "replicated",
    "stream_under_replicated",
    "Every partition has a leader, and all its replicas are in sync.",
)
LAG = StreamCheck(
    "lag", "stream_behind", "What the topic holds is landed, or has not waited for long."
)
DELAY = StreamCheck("delay", "stream_delayed", "The newest landing came soon after its records.")
DEAD_LETTER_RATE = StreamCheck(
    "dead_letter_rate", "dead_letters", "Hardly a record of the last hour is a dead letter."
)
STREAM_CHECKS = (REACHABLE, REPLICATED, LAG, DELAY, DEAD_LETTER_RATE)
#: What can be judged while no broker answers.
JUDGED_BY_LANDINGS = (DELAY, DEAD_LETTER_RATE)


@dataclass(frozen=True)
class TopicLook:
    """A topic as the brokers describe it; a leader that does not answer counts as none."""

    log: TopicLog
    #: Partitions whose replicas are not all in sync.
    under_replicated: tuple[int, ...] = ()


@dataclass(frozen=True)
class ClusterLook:
    """The brokers' answer to one question about all topics."""

    brokers: int = 0
    topics: Mapping[str, TopicLook] = field(default_factory=dict)
    #: Why nothing is known of a topic, by its name.
    unknown: Mapping[str, str] = field(default_factory=dict)
    #: Why no broker answered; empty where one did.
    away: str = ""


@dataclass(frozen=True)
class Lately:
    """The landings of late: known whatever the brokers say."""

    #: From when the oldest record of the newest landing came in until it was landed.
    delay: dt.timedelta | None = None
    consumed: int = 0
    landed: int = 0
    dead_letters: int = 0

    @property
    def dead_share(self) -> float:
        """The share of the records that no window could be named for."""
        return self.dead_letters / self.consumed if self.consumed else 0.0


@dataclass(frozen=True)
class TopicHealth:
    """A topic and its landing at one look."""

    topic: StreamTopic
    lately: Lately
    brokers: int = 0
    #: Why the brokers say nothing of it; empty where they do. What is below is empty then.
    problem: str = ""
    #: The problem is that no broker answers: it is every topic's.
    away: bool = False
    partitions: int = 0
    under_replicated: tuple[int, ...] = ()
    leaderless: tuple[int, ...] = ()
    #: Records that wait, by partition; those that can't be read now are missing.
    lag: Mapping[int, int] = field(default_factory=dict)
    #: What was deleted before it was landed, and which no landing has told of yet.
    lost: tuple[OffsetRange, ...] = ()
    #: How long the oldest of the records that wait has waited at least.
    waits: dt.timedelta = dt.timedelta()

    @property
    def records(self) -> int:
        """Records that wait."""
        return sum(self.lag.values())


@dataclass(frozen=True)
class Judged:
    """A check's verdict; ``grave``: worse than its rule says, whatever that is."""

    check: StreamCheck
    verdict: Verdict
    grave: bool = False


def health_of(
    topic: StreamTopic,
    cluster: ClusterLook,
    position: Position | None,
    oldest: Mapping[int, dt.datetime],
    landings: Sequence[Landing],
    now: dt.datetime,
) -> TopicHealth:
    """Put together what is known of a topic.

    Args:
        topic: which one.
        cluster: what the brokers say.
        position: where its landings stand; null where the brokers don't know the topic.
        oldest: when the first record that waits came in, at the latest, by partition.
        landings: those of late.
        now: an aware instant.
    """
    state = cluster.topics.get(topic.name)
    if state is None or position is None:
        problem = cluster.away or cluster.unknown.get(topic.name, f"{topic.name} was not asked for")
        return TopicHealth(topic, lately(landings), cluster.brokers, problem, bool(cluster.away))
    left = waiting(state.log, position)
    lag = dict.fromkeys(state.log.watermarks, 0) | {s.partition: len(s) for s in left.ranges}
    return TopicHealth(
        topic,
        lately(landings),
        cluster.brokers,
        partitions=len(state.log.watermarks) + len(state.log.leaderless),
        under_replicated=state.under_replicated,
        leaderless=state.log.leaderless,
        lag={p: lag[p] for p in sorted(lag)},
        lost=left.lost,
        waits=max((now - since for since in oldest.values()), default=dt.timedelta()),
    )


def lately(landings: Sequence[Landing]) -> Lately:
    """What landings of late come to; what somebody landed again by hand is late by nature."""
    delay = None
    real = [landing for landing in landings if landing.appended_from and not landing.replay]
    newest = max(real, key=lambda landing: landing.landed_at, default=None)
    if newest is not None and newest.appended_from is not None:
        # A broker's clock may be ahead of ours.
        delay = max(newest.landed_at - newest.appended_from, dt.timedelta())
    return Lately(
        delay,
        sum(landing.consumed for landing in landings),
        sum(landing.landed for landing in landings),
        sum(landing.dead_letters for landing in landings),
    )


def numbers_of(health: TopicHealth) -> dict[str, int | float]:
    """What is worth a graph, by name; what is not known is missing."""
    found: dict[str, int | float] = {
        "reachable": int(not health.problem),
        "brokers": health.brokers,
    }
    if not health.problem:
        found |= {
            "under_replicated": len(health.under_replicated),
            "leaderless": len(health.leaderless),
            "lag_records": health.records,
            "oldest_waits_seconds": round(health.waits.total_seconds(), 1),
        }
    if health.lately.delay is not None:
        found["delay_seconds"] = round(health.lately.delay.total_seconds(), 1)
    return found | {
        "landed_in_an_hour": health.lately.landed,
        "dead_letters_in_an_hour": health.lately.dead_letters,
        "dead_letter_share": round(health.lately.dead_share, 6),
    }


def judge(health: TopicHealth, rules: Mapping[str, Rule]) -> list[Judged]:
    """The verdict of each check that can be judged, by the limits of its rule."""
    found = [_reachable(health)]
    if not health.problem:
        found += [_replicated(health), _lag(health, rules[LAG.rule])]
    return [
        *found,
        _delay(health, rules[DELAY.rule]),
        _dead_letters(health, rules[DEAD_LETTER_RATE.rule]),
    ]


def _reachable(health: TopicHealth) -> Judged:
    said = health.problem or (
        f"{health.topic.name}: {_many(health.brokers, 'broker')} and "
        f"{_many(health.partitions, 'partition')}"
    )
    counts = {"reachable": int(not health.problem), "brokers": health.brokers}
    return Judged(REACHABLE, Verdict(not health.problem, said, counts))


def _replicated(health: TopicHealth) -> Judged:
    name = health.topic.name
    said = []
    if health.leaderless:
        said.append(
            f"{name}: no leader answers of {_named(health.leaderless)}: nothing is written there "
            "or landed of it"
        )
    if health.under_replicated:
        said.append(f"{name}: not all replicas are in sync of {_named(health.under_replicated)}")
    counts = {
        "under_replicated": len(health.under_replicated),
        "leaderless": len(health.leaderless),
    }
    well = f"{name}: all replicas of {_many(health.partitions, 'partition')} are in sync"
    verdict = Verdict(not said, "; ".join(said) or well, counts)
    return Judged(REPLICATED, verdict, grave=bool(health.leaderless))


def _lag(health: TopicHealth, rule: Rule) -> Judged:
    most, longest = int(rule.number("records")), rule.length("waited")
    late = health.records > most or health.waits > longest
    said = f"{health.records:,} records of {health.topic.name} wait"
    if health.records:
        said += f", the oldest for {_time(health.waits)}"
    if late:
        said += f"; allowed are {most:,}, and {write_length(longest)}"
    if health.lost:
        gone, where = sum(map(len, health.lost)), ", ".join(map(str, health.lost))
        said += f"; {gone:,} more were deleted before they were landed, offsets {where}"
    counts: dict[str, int | float] = {
        "lag_records": health.records,
        "oldest_waits_seconds": round(health.waits.total_seconds(), 1),
        "lost": sum(map(len, health.lost)),
    }
    return Judged(LAG, Verdict(not (late or health.lost), said, counts), grave=bool(health.lost))


def _delay(health: TopicHealth, rule: Rule) -> Judged:
    name, longest = health.topic.name, rule.length("longest")
    if health.lately.delay is None:
        return Judged(DELAY, Verdict(True, f"nothing of {name} was landed in the last hour"))
    late = health.lately.delay > longest
    said = f"the newest landing of {name} came {_time(health.lately.delay)} after its oldest record"
    if late:
        said += f"; allowed are {write_length(longest)}"
    counts = {"delay_seconds": round(health.lately.delay.total_seconds(), 1)}
    return Judged(DELAY, Verdict(not late, said, counts))


def _dead_letters(health: TopicHealth, rule: Rule) -> Judged:
    share, least = rule.number("share"), int(rule.number("records"))
    found = health.lately
    many = found.dead_share > share and found.dead_letters >= least
    said = (
        f"{found.dead_letters:,} of {found.consumed:,} records of {health.topic.name} were dead "
        f"letters in the last hour ({found.dead_share:.2%})"
    )
    if many:
        said += f"; told from {least} on, above {share:.2%}"
    counts: dict[str, int | float] = {
        "consumed": found.consumed,
        "dead_letters": found.dead_letters,
        "dead_letter_share": round(found.dead_share, 6),
    }
    return Judged(DEAD_LETTER_RATE, Verdict(not many, said, counts))


def _named(partitions: Sequence[int]) -> str:
    word = "partition" if len(partitions) == 1 else "partitions"
    return f"{word} {', '.join(map(str, partitions))}"


def _many(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _time(length: dt.timedelta) -> str:
    """``40 s``, or the largest units that say enough: ``12 min``."""
    seconds = length.total_seconds()
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
