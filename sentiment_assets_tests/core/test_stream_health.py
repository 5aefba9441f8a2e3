"""Verdicts over topics: what is well, what fails, in which words; and which alerts come of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from sentiment_assets.core.alert_rules import RULE_KINDS, Rule, default_rule, parse_alert_rules
from sentiment_assets.core.landings import (
    LandedRange,
    Landing,
    OffsetRange,
    Position,
    TopicLog,
    Watermarks,
)
from sentiment_assets.core.metrics import OF_STREAMS
from sentiment_assets.core.stream_alerts import stream_findings
from sentiment_assets.core.stream_health import (
    STREAM_CHECKS,
    ClusterLook,
    Judged,
    Lately,
    TopicHealth,
    TopicLook,
    health_of,
    judge,
    lately,
    numbers_of,
)
from sentiment_assets.core.streams import StreamTopic

NOW = dt.datetime(2026, 11, 25, 12, tzinfo=dt.timezone.utc)
RULES = {name: default_rule(kind) for name, kind in RULE_KINDS.items()}
X = StreamTopic("x", "posts.x", 2, 1, dt.timedelta(days=3), 1 << 20)
FACEBOOK = replace(X, platform="facebook", name="posts.facebook")
MINUTE = dt.timedelta(minutes=1)


def ago(minutes: float) -> dt.datetime:
    return NOW - minutes * MINUTE


def landing(
    landed_ago: float = 5, waited: float | None = 1, counts: tuple[int, int, int] = (10, 10, 0),
    **changed: Any,
) -> Landing:  # fmt: skip
    """A landing some minutes ago, of records of which the oldest had waited some."""
    consumed, landed, dead = counts
    at = ago(landed_ago)
    came = None if waited is None else at - waited * MINUTE
    given: dict[str, Any] = {
        "topic": "posts.x", "platform": "x", "log": "a", "number": 0, "positions": {},
        "ranges": [LandedRange(OffsetRange(0, 0, consumed), consumed, landed, dead)],
        "windows": [], "run_id": "r", "landed_at": at, "appended_from": came,
        "appended_until": came,
    }  # fmt: skip
    return Landing(**(given | changed))


def cluster(**changed: Any) -> ClusterLook:
    log = TopicLog("posts.x", "a", {0: Watermarks(2, 12), 1: Watermarks(0, 4)})
    return replace(ClusterLook(3, {"posts.x": TopicLook(log)}), **changed)


def health(**changed: Any) -> TopicHealth:
    """A topic that is well."""
    given = TopicHealth(
        X, Lately(MINUTE, 1000, 1000), 3, partitions=2, lag={0: 5, 1: 0}, waits=MINUTE
    )
    return replace(given, **changed)


def verdict(found: TopicHealth, check: str, rules: dict[str, Rule] = RULES) -> Judged:
    return next(judged for judged in judge(found, rules) if judged.check.name == check)


def test_lag_is_what_lies_beyond_the_position() -> None:
    position = Position("a", 3, {0: 7, 1: 4})
    found = health_of(X, cluster(), position, {0: ago(3)}, [], NOW)
    assert found.lag == {0: 5, 1: 0}
    assert (found.records, found.waits, found.lost) == (5, 3 * MINUTE, ())
    assert (found.brokers, found.partitions, found.problem) == (3, 2, "")


def test_what_retention_deleted_is_no_lag_but_a_loss() -> None:
    found = health_of(X, cluster(), Position("a", 3, {0: 1, 1: 4}), {}, [], NOW)
    assert (found.lag, found.lost) == ({0: 10, 1: 0}, (OffsetRange(0, 1, 2),))


def test_of_a_partition_without_a_leader_no_lag_is_claimed() -> None:
    log = TopicLog("posts.x", "a", {0: Watermarks(2, 12)}, leaderless=(1,))
    found = health_of(X, cluster(topics={"posts.x": TopicLook(log)}), Position("a"), {}, [], NOW)
    assert found.lag == {0: 10}
    assert (found.partitions, found.leaderless) == (2, (1,))


@pytest.mark.parametrize(
    ("state", "problem", "away"),
    [
        (ClusterLook(away="no broker answers"), "no broker answers", True),
        (ClusterLook(3, unknown={"posts.x": "there is no topic"}), "there is no topic", False),
    ],
)
def test_without_an_answer_landings_are_all_that_is_known(
    state: ClusterLook, problem: str, away: bool
) -> None:
    found = health_of(X, state, None, {}, [landing()], NOW)
    assert (found.problem, found.away, found.lag) == (problem, away, {})
    assert found.lately.landed == 10
    assert [judged.check.name for judged in judge(found, RULES)] == [
        "reachable", "delay", "dead_letter_rate",
    ]  # fmt: skip
    numbers = numbers_of(found)
    assert numbers["reachable"] == 0
    assert not {"lag_records", "under_replicated"} & numbers.keys()


@pytest.mark.parametrize(
    ("landings", "found"),
    [
        pytest.param([], Lately(), id="nothing was landed"),
        pytest.param(
            [landing(40, 9), landing(5, 2), landing(20, 7)],
            Lately(2 * MINUTE, 30, 30),
            id="the newest one's",
        ),
        pytest.param(
            [landing(5, 2), landing(1, 9000, replay=True)],
            Lately(2 * MINUTE, 20, 20),
            id="what is landed again is late by nature",
        ),
        pytest.param(
            [landing(5, 2), landing(1, None, (0, 0, 0))],
            Lately(2 * MINUTE, 10, 10),
            id="a landing without records",
        ),
        pytest.param(
            [landing(5, -1, (10, 7, 3))], Lately(0 * MINUTE, 10, 7, 3), id="clocks are apart"
        ),
    ],
)
def test_landings_of_late(landings: Sequence[Landing], found: Lately) -> None:
    assert lately(landings) == found


def test_a_topic_that_is_well_passes_everything() -> None:
    found = judge(health(), RULES)
    assert [judged.check for judged in found] == list(STREAM_CHECKS)
    assert all(judged.verdict.passed and not judged.grave for judged in found)
    assert [judged.verdict.sentence for judged in found] == [
        "posts.x: 3 brokers and 2 partitions",
        "posts.x: all replicas of 2 partitions are in sync",
        "5 records of posts.x wait, the oldest for 60 s",
        "the newest landing of posts.x came 60 s after its oldest record",
        "0 of 1,000 records of posts.x were dead letters in the last hour (0.00%)",
    ]
    assert set(numbers_of(health())) == set(OF_STREAMS)


@pytest.mark.parametrize(
    ("changed", "check", "said", "grave"),
    [
        pytest.param(
            {"under_replicated": (0, 1)}, "replicated",
            "posts.x: not all replicas are in sync of partitions 0, 1", False, id="one is away",
        ),
        pytest.param(
            {"leaderless": (1,)}, "replicated",
            "posts.x: no leader answers of partition 1: nothing is written there or landed of it",
            True, id="no leader",
        ),
        pytest.param(
            {"lag": {0: 1_000_000, 1: 1}}, "lag",
            "1,000,001 records of posts.x wait, the oldest for 60 s; allowed are 1,000,000, and "
            "10min", False, id="too many wait",
        ),
        pytest.param(
            {"waits": 125 * MINUTE}, "lag",
            "5 records of posts.x wait, the oldest for 2.1 h; allowed are 1,000,000, and 10min",
            False, id="they wait too long",
        ),
        pytest.param(
            {"lost": (OffsetRange(0, 27821234000, 27821239999), OffsetRange(1, 3, 4))}, "lag",
            "5 records of posts.x wait, the oldest for 60 s; 6,000 more were deleted before they "
            "were landed, offsets 0:27821234000-27821239999, 1:3-4", True, id="retention",
        ),
        pytest.param(
            {"lately": Lately(11 * MINUTE, 5, 5)}, "delay",
            "the newest landing of posts.x came 11 min after its oldest record; allowed are 10min",
            False, id="late",
        ),
        pytest.param(
            {"lately": Lately(MINUTE, 1000, 985, 15)}, "dead_letter_rate",
            "15 of 1,000 records of posts.x were dead letters in the last hour (1.50%); told from "
            "10 on, above 1.00%", False, id="poison",
        ),
    ],
)  # fmt: skip
def test_what_fails(changed: dict[str, Any], check: str, said: str, grave: bool) -> None:
    found = verdict(health(**changed), check)
    assert not found.verdict.passed
    assert (found.verdict.sentence, found.grave) == (said, grave)
    others = [judged for judged in judge(health(**changed), RULES) if judged.check.name != check]
    assert all(judged.verdict.passed for judged in others)


@pytest.mark.parametrize(
    ("changed", "check"),
    [
        ({"lag": {0: 1_000_000}}, "lag"),
        ({"waits": 10 * MINUTE}, "lag"),
        ({"lately": Lately(10 * MINUTE, 5, 5)}, "delay"),
        ({"lately": Lately(None)}, "delay"),
        ({"lately": Lately(MINUTE, 20, 11, 9)}, "dead_letter_rate"),
        ({"lately": Lately(MINUTE, 1000, 990, 10)}, "dead_letter_rate"),
    ],
)
def test_what_is_still_allowed(changed: dict[str, Any], check: str) -> None:
    assert verdict(health(**changed), check).verdict.passed


def test_limits_are_those_of_the_file() -> None:
    rules = parse_alert_rules(
        "version: 1\n"
        "rules:\n"
        "  stream_behind: {records: 4, waited: 1h}\n"
        "  dead_letters: {share: 0.5, records: 1}\n",
        "alerts.yaml",
        (),
    ).rules
    assert not verdict(health(), "lag", dict(rules)).verdict.passed
    half = health(lately=Lately(MINUTE, 3, 1, 2))
    assert not verdict(half, "dead_letter_rate", dict(rules)).verdict.passed
    assert verdict(half, "dead_letter_rate").verdict.passed


# Alerts


def told(
    *found: TopicHealth, since: dict[str, dt.datetime] | None = None, **rules: Rule
) -> dict[str, str]:
    """Key -> severity and headline."""
    known = RULES | rules
    looks = [(one, judge(one, known)) for one in found]
    alerts = stream_findings(looks, known, since or {}, NOW).firing
    return {alert.key: f"{alert.severity}: {alert.headline}" for alert in alerts}


def test_brokers_that_are_away_are_one_alert_and_not_one_a_topic() -> None:
    away = ClusterLook(away="no broker at a:1 answers: timed out")
    both = [health_of(topic, away, None, {}, [], NOW) for topic in (X, FACEBOOK)]
    assert told(*both) == {}, "it may pass"
    lasting = {"stream_unreachable:brokers": ago(2)}
    assert told(*both, since=lasting) == {
        "stream_unreachable:brokers": "critical: No Kafka broker answers"
    }
    missing = ClusterLook(1, unknown={"posts.x": "there is no topic posts.x"})
    [one] = [health_of(X, missing, None, {}, [], NOW)]
    assert told(one, since={"stream_unreachable:posts.x": ago(2)}) == {
        "stream_unreachable:posts.x": "critical: posts.x cannot be reached"
    }


def test_what_cannot_be_asked_for_is_not_over() -> None:
    away = health_of(X, ClusterLook(away="away"), None, {}, [], NOW)
    judged = stream_findings([(away, judge(away, RULES))], RULES, {}, NOW).judged
    assert judged == {"stream_unreachable", "stream_delayed", "dead_letters"}
    well = stream_findings([(health(), judge(health(), RULES))], RULES, {}, NOW).judged
    assert well == {check.rule for check in STREAM_CHECKS}


def test_alerts_say_what_topic_and_what_to_do() -> None:
    late = health(lag={0: 2_000_000})
    [alert] = stream_findings([(late, judge(late, RULES))], RULES, {}, NOW).firing
    assert (alert.key, alert.severity) == ("stream_behind:posts.x", "critical")
    assert alert.headline == "posts.x: 2,000,000 records wait to be landed"
    assert alert.cause == verdict(late, "lag").verdict.sentence
    assert (alert.platform, alert.table, alert.runbook) == ("x", "kafka/posts_x", "landing-behind")
    assert "`land`" in alert.next_step


def test_a_rolling_restart_is_not_told_and_a_partition_without_a_leader_is_critical() -> None:
    key = "stream_under_replicated:posts.x"
    restarting = health(under_replicated=(0,))
    assert told(restarting, since={key: ago(4)}) == {}
    assert told(restarting, since={key: ago(5)}) == {
        key: "warning: posts.x has too few replicas in sync"
    }
    assert told(health(leaderless=(1,)), since={key: ago(5)}) == {
        key: "critical: posts.x has partitions without a leader"
    }


def test_a_loss_is_critical_whatever_the_rule_says() -> None:
    rule = replace(RULES["stream_behind"], severity="info")
    lost = health(lost=(OffsetRange(0, 1, 2),))
    assert told(lost, stream_behind=rule) == {
        "stream_behind:posts.x": (
            "critical: posts.x: 1 records were deleted before they were landed"
        )
    }
