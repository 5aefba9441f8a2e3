"""What of the topics' verdicts is told, and in which words.

What belongs here: alerts made of verdicts that no run stands behind. The verdicts are
``core.stream_health``; what a landing run found to be lost is told by ``core.run_outcomes``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from sentiment_assets.core.alert_rules import Rule, rank
from sentiment_assets.core.alerts import Alert, Findings
from sentiment_assets.core.stream_health import (
    DEAD_LETTER_RATE,
    DELAY,
    JUDGED_BY_LANDINGS,
    LAG,
    REACHABLE,
    REPLICATED,
    STREAM_CHECKS,
    Judged,
    TopicHealth,
)

#: Stands for all topics in the key of what is wrong with the brokers as a whole.
BROKERS = "brokers"
#: The page on records that retention deleted.
LOST = "stream-lost"

_HEADLINES: Mapping[str, str] = {
    REACHABLE.name: "{topic} cannot be reached",
    REPLICATED.name: "{topic} has too few replicas in sync",
    LAG.name: "{topic}: {records:,} records wait to be landed",
    DELAY.name: "{topic} is landed late",
    DEAD_LETTER_RATE.name: "{topic}: {dead:.1%} of the last hour's records are dead letters",
}
_NEXT_STEPS: Mapping[str, str] = {
    REACHABLE.name: "look at the brokers; producers keep what they can, landing goes on by itself",
    REPLICATED.name: "look for a broker that is away, slow, or out of disk",
    LAG.name: "look at the newest runs of `land` in the UI: do they fail, wait, or are they few",
    DELAY.name: "look at the run queue, and at how long runs of `land` take",
    DEAD_LETTER_RATE.name: "sentiment dead-letters list names the reasons",
}


def key_of(judged: Judged, health: TopicHealth) -> str:
    """What names a trouble: brokers that are away are one, whatever the number of topics."""
    whose = BROKERS if judged.check == REACHABLE and health.away else health.topic.name
    return f"{judged.check.rule}:{whose}"


def stream_findings(
    looks: Sequence[tuple[TopicHealth, Sequence[Judged]]],
    rules: Mapping[str, Rule],
    since: Mapping[str, dt.datetime],
    now: dt.datetime,
) -> Findings:
    """The alerts of a look at all topics.

    Args:
        looks: each topic with its verdicts.
        rules: severities, runbooks, and how long a trouble may last before it is told.
        since: when each trouble, by :func:`key_of`, was first seen without a pause.
        now: an aware instant.
    """
    alerts: dict[str, Alert] = {}
    for health, verdicts in looks:
        for judged in verdicts:
            rule, key = rules[judged.check.rule], key_of(judged, health)
            lasts = now - since.get(key, now)
            if not judged.verdict.passed and (
                "after" not in rule.limits or lasts >= rule.length("after")
            ):
                alerts[key] = _alert(judged, health, rule, key)
    # Of a topic that can't be asked nobody knows whether the other troubles are over.
    whole = all(not health.problem for health, _ in looks)
    told = STREAM_CHECKS if whole else (REACHABLE, *JUDGED_BY_LANDINGS)
    return Findings(tuple(alerts.values()), frozenset(check.rule for check in told))


def _alert(judged: Judged, health: TopicHealth, rule: Rule, key: str) -> Alert:
    name, everybody = judged.check.name, judged.check == REACHABLE and health.away
    headline = _HEADLINES[name].format(
        topic=health.topic.name, records=health.records, dead=health.lately.dead_share
    )
    severity = max(rule.severity, "critical", key=rank) if judged.grave else rule.severity
    runbook = rule.runbook
    if judged.check == REPLICATED and judged.grave:
        headline = f"{health.topic.name} has partitions without a leader"
    if judged.check == LAG and judged.grave:
        gone = sum(map(len, health.lost))
        headline = f"{health.topic.name}: {gone:,} records were deleted before they were landed"
        runbook = LOST
    return Alert(
        rule=rule.name,
        key=key,
        severity=severity,
        headline="No Kafka broker answers" if everybody else headline,
        cause=judged.verdict.sentence,
        next_step=_NEXT_STEPS[name],
        runbook=runbook,
        platform=None if everybody else health.topic.platform,
        table=None if everybody else f"kafka/posts_{health.topic.platform}",
    )
