"""What an ended run means for alerts: failures, checks that failed, warned or never ran.

What belongs here: the outcome of a run as values, and :func:`findings_of`, which reads outcomes in
the order in which runs ended. Reading them from Dagster is ``sentiment_assets.alerts``.

An error's message passes only where this project wrote it. Everybody else's may quote a post, an
id or a secret, so of those nothing but the class is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sentiment_assets.core.alert_rules import Rule
from sentiment_assets.core.alerts import Alert, Findings
from sentiment_assets.core.landings import OffsetRange
from sentiment_assets.core.layout import STREAM_POSTS
from sentiment_assets.core.pii import redact
from sentiment_assets.core.quality import RETENTION_KEPT_PACE

#: This project's errors whose messages hold nothing but its own words, and the page on each.
OWN_WORDS: Mapping[str, str] = {
    "TokenRejected": "dead-token",
    "Forbidden": "dead-token",
    "UsageCapExceeded": "usage-cap",
    "RateLimited": "rate-limited",
    "TransientApiError": "run-failed",
    "BudgetUnreachable": "instance-unreachable",
    "UnexpectedResponse": "api-drift",
    "BadRequest": "run-failed",
    "BeyondReach": "run-failed",
    "CommitConflict": "commit-conflict",
    "OutcomeUnknown": "commit-conflict",
    "ConservationError": "conservation-failed",
    "AuditFailed": "conservation-failed",
    "ContractViolation": "conservation-failed",
    "AccessDenied": "run-failed",
    "LakeOriginError": "run-failed",
    "KmsError": "rotate-pseudonym-keys",
    "LookFailed": "ticks-failing",
    "StreamUnreachable": "broker-unreachable",
    "TopicMissing": "broker-unreachable",
    "RangeRefused": "landing",
    "LandingConflict": "landing",
    "AlertStoreUnreachable": "instance-unreachable",
}
#: This project's errors that may quote what others said: their class is told, and the page.
QUOTING: Mapping[str, str] = {
    "UnreadableObject": "damaged-bronze-object",
    "ObjectMissing": "damaged-bronze-object",
    "KeyringError": "lost-pseudonym-keys",
    "TrackingError": "run-failed",
    "SettingsError": "run-failed",
}
_FULL_DISK = "No space left on device"
_LOOK = "read the run's log in the UI"
#: What would be taken for numbers of telephones: places of the lake, which name dates and windows
#: only, and places in a topic.
_PLACE = re.compile(
    r"((?:bronze|silver|gold)/[\w=./-]+"
    r"|(?<![\w:])\d{1,6}:\d{1,19}-\d{1,19}(?![\w:-])"
    r"|\b(?:offset|partition|begins at|Land from|landing) \d{1,19}\b)"
)
_OURS = ("resources", "sentiment_assets")
#: How a step ends whose blocking check found something: the check has an alert of its own.
_CHECK_FAILED = "DagsterAssetCheckFailedError"
_CAUSE_LENGTH = 400

Status = Literal["succeeded", "failed", "cancelled"]

#: What the end of a run's process is called, by Dagster's reason.
_REASONS = {
    "UNEXPECTED_TERMINATION": "its process ended: killed, or out of memory",
    "RUN_WORKER_RESTART": "its process ended and was started again",
    "START_TIMEOUT": "it did not start in time",
    "JOB_INITIALIZATION_FAILURE": "it could not be prepared: a setting or a resource",
}


@dataclass(frozen=True)
class Raised:
    """One error of a chain: its class, and its words where it is one of this project's classes."""

    name: str
    message: str
    ours: bool
    full_disk: bool = False


@dataclass(frozen=True)
class StepFailure:
    """What failed (``step silver_posts``), its error and what caused that, outermost first."""

    step: str
    errors: tuple[Raised, ...]


@dataclass(frozen=True)
class Loss:
    """Records of a topic that bronze doesn't have."""

    topic: str
    #: Which incarnation of the topic.
    log: str
    ranges: tuple[OffsetRange, ...]
    records: int


@dataclass(frozen=True)
class Evaluation:
    """What a check said of a partition; ``target`` as in ``RunOutcome.made``."""

    target: str
    check: str
    passed: bool
    blocking: bool
    sentence: str
    #: What it found to be lost, where a landing says it.
    loss: Loss | None = None


@dataclass(frozen=True)
class Landed:
    """What a run of a topic was to land."""

    topic: str
    platform: str
    ranges: tuple[OffsetRange, ...]
    replay: bool = False


@dataclass(frozen=True)
class RunOutcome:
    """An ended run. A target is ``silver/posts|2026-11-20|x``, or the table where unpartitioned."""

    run_id: str
    job: str
    status: Status
    #: Dagster starts it again by itself.
    retried: bool = False
    reason: str = ""
    planned: frozenset[str] = frozenset()
    made: frozenset[str] = frozenset()
    evaluations: tuple[Evaluation, ...] = ()
    failures: tuple[StepFailure, ...] = ()
    #: Null for every run that lands no topic.
    landed: Landed | None = None

    @property
    def name(self) -> str:
        """What stands for the run where it makes nothing that was planned: ``job:rebuild``.

        The next landing of a topic goes on where a failed one stood; a range that somebody landed
        again by hand is nobody else's.
        """
        if self.landed is None:
            return f"job:{self.job}"
        ranges = f":{_spans(self.landed.ranges)}" if self.landed.replay else ""
        return f"job:{self.job}:{self.landed.topic}{ranges}"


def raised(class_name: str, printed: str) -> Raised:
    """An error as tracebacks print it: ``resources.api_clients.errors.RateLimited: too many``.

    The module before the class says whose error it is.
    """
    head, _, message = printed.partition(": ")
    module, _, last = head.strip().rpartition(".")
    ours = last == class_name and module.partition(".")[0] in _OURS
    kept = message.strip() if ours and class_name in OWN_WORDS else ""
    return Raised(class_name, kept, ours, _FULL_DISK in printed)


def own_words(text: str) -> str:
    """A message of this project as it may be told: on one line, cut, with identifiers masked.

    None should hold any; this is the second fence.
    """
    flat = " ".join(text.split())[:_CAUSE_LENGTH]
    pieces = _PLACE.split(flat)
    return "".join(piece if _PLACE.fullmatch(piece) else redact(piece).text for piece in pieces)


def cause_of(failures: Sequence[StepFailure], reason: str) -> tuple[str, str]:
    """Why a run failed, as it may be told, and the runbook."""
    known = {**OWN_WORDS, **QUOTING}
    for failure in failures:
        for error in failure.errors:
            if error.ours and error.name in known:
                words = f": {own_words(error.message)}" if error.message else ""
                return f"{failure.step}: {error.name}{words}", known[error.name]
    for failure in failures:
        if failure.errors:
            full = any(error.full_disk for error in failure.errors)
            said = f"{failure.step}: {_class_name(failure.errors[-1].name)}"
            return said + (f": {_FULL_DISK}" if full else ""), "disk-full" if full else "run-failed"
    steps = ", ".join(failure.step for failure in failures)
    return steps or _REASONS.get(reason, "it does not say why"), "run-failed"


def findings_of(
    outcomes: Iterable[RunOutcome],
    checks: Mapping[str, frozenset[str]],
    rules: Mapping[str, Rule],
) -> Findings:
    """What runs that ended mean, told in the order of their ends: the last word counts.

    Args:
        outcomes: of the runs, oldest end first.
        checks: names of the checks of each table.
        rules: severities and runbooks.
    """
    firing: dict[str, Alert] = {}
    over: set[str] = set()
    made: set[str] = set()

    def passed(key: str) -> None:
        firing.pop(key, None)
        over.add(key)

    for outcome in outcomes:
        stopped_by_check = bool(outcome.failures) and all(
            failure.errors and failure.errors[-1].name == _CHECK_FAILED
            for failure in outcome.failures
        )
        evaluated: dict[str, set[str]] = {}
        for evaluation in outcome.evaluations:
            evaluated.setdefault(evaluation.target, set()).add(evaluation.check)
            if outcome.landed is not None and (evaluation.passed or evaluation.loss):
                # What is lost stays so, however well the next landing of the same date goes.
                if evaluation.loss is not None:
                    alert = _of_loss(evaluation.loss, evaluation, outcome, rules["stream_lost"])
                    firing[alert.key] = alert
            elif evaluation.passed:
                # It may have blocked when it failed, and only warn by now.
                for name in ("check_failed", "check_warned"):
                    passed(_key_of_check(evaluation, name))
            else:
                rule = rules["check_failed" if evaluation.blocking else "check_warned"]
                alert = _of_check(evaluation, outcome, rule)
                over.discard(alert.key)
                firing[alert.key] = alert
        for target in {*evaluated, *outcome.made}:
            missing = checks.get(table_of(target), frozenset()) - evaluated.get(target, set())
            key = f"check_missing:{target}"
            if not missing:
                passed(key)
            elif target in outcome.made & outcome.planned and outcome.status != "failed":
                # A fetch also finds posts of dates that it was not planned for: an edit keeps the
                # date of what it edits. Their checks come with a run of those dates.
                over.discard(key)
                firing[key] = _of_missing(key, target, missing, outcome, rules["check_missing"])
        done = set(outcome.made)
        if outcome.status == "succeeded":
            # A table that may stay unmade (no dead letters today) is not waited for either.
            done |= {*outcome.planned, outcome.name}
        made |= done
        for key, alert in list(firing.items()):
            if alert.waits_for:
                left = tuple(what for what in alert.waits_for if what not in done)
                firing[key] = replace(alert, waits_for=left)
                if not left:
                    del firing[key]
        if outcome.status == "failed" and not outcome.retried and not stopped_by_check:
            alert = _of_run(outcome, rules["run_failed"])
            firing[alert.key] = alert
            # It is asked for again: what was made before doesn't count.
            made -= {*alert.waits_for}
    return Findings(firing=tuple(firing.values()), over=frozenset(over), made=frozenset(made))


def table_of(target: str) -> str:
    """``silver/posts`` of ``silver/posts|2026-11-20|x``."""
    return target.partition("|")[0]


def partition_of(target: str) -> str | None:
    """``2026-11-20|x`` of ``silver/posts|2026-11-20|x``."""
    return target.partition("|")[2] or None


def platform_of(target: str) -> str | None:
    """The platform that a target's partition ends with."""
    return (partition_of(target) or "").rpartition("|")[2] or None


def _of_run(outcome: RunOutcome, rule: Rule) -> Alert:
    cause, runbook = cause_of(outcome.failures, outcome.reason)
    if outcome.landed is not None:
        return _of_landing(outcome.landed, outcome, cause, runbook, rule)
    waits_for = tuple(sorted(outcome.planned - outcome.made)) or (outcome.name,)
    partitions = sorted({p for what in waits_for if (p := partition_of(what))})
    platforms = sorted({p for what in waits_for if (p := platform_of(what))})
    tables = sorted({table_of(what) for what in waits_for if not what.startswith("job:")})
    stretch = _stretch(partitions)
    what = "A materialization" if outcome.job.startswith("__") else f"A run of {outcome.job}"
    return Alert(
        rule=rule.name,
        key=f"run_failed:{outcome.job}:{stretch or 'all'}:{_first(tables)}",
        severity=rule.severity,
        headline=f"{what} failed" + (f" for {stretch}" if stretch else ""),
        cause=cause,
        next_step=f"{_LOOK}; over once made: {_listed(tables) or outcome.job}",
        runbook=runbook,
        platform=platforms[0] if len(platforms) == 1 else None,
        table=_first(tables) or None,
        partition=stretch or None,
        run_id=outcome.run_id,
        waits_for=waits_for,
    )


def _of_landing(landed: Landed, outcome: RunOutcome, cause: str, runbook: str, rule: Rule) -> Alert:
    offsets = f", offsets {_spans(landed.ranges)}" if landed.ranges else ""
    return Alert(
        rule=rule.name,
        key=f"run_failed:{outcome.name.removeprefix('job:')}",
        severity=rule.severity,
        headline=f"A landing of {landed.topic} failed{offsets}",
        cause=cause,
        next_step=(
            f"{_LOOK}; nothing is lost as long as the topic keeps it. The sensor asks again: over "
            "when the topic is landed"
        ),
        runbook="landing" if runbook == "run-failed" else runbook,
        platform=landed.platform,
        table=STREAM_POSTS,
        run_id=outcome.run_id,
        waits_for=(outcome.name,),
    )


def _of_loss(loss: Loss, evaluation: Evaluation, outcome: RunOutcome, rule: Rule) -> Alert:
    gone = evaluation.check == RETENTION_KEPT_PACE
    how = "were deleted before they were landed" if gone else "were read and went nowhere"
    return Alert(
        rule=rule.name,
        key=f"{rule.name}:{loss.topic}:{loss.log}:{_spans(loss.ranges[:1])}",
        severity=rule.severity,
        headline=f"{loss.topic} lost {loss.records} records",
        cause=f"{loss.records} records {how}: {loss.topic}, offsets {_spans(loss.ranges)}",
        next_step=(
            "fetch their dates again, or let the producer send them again; later landings go on "
            "behind them"
            if gone
            else "keep the topic as it is, land the offsets again, and report it: it is a fault"
        ),
        runbook=rule.runbook,
        platform=platform_of(evaluation.target),
        table=STREAM_POSTS,
        partition=None,
        run_id=outcome.run_id,
    )


def _spans(ranges: Iterable[OffsetRange]) -> str:
    """``0:5-8, 1:2-3``: partition, first offset, and the first one after."""
    return ", ".join(map(str, ranges))


def _key_of_check(evaluation: Evaluation, rule: str) -> str:
    partition = partition_of(evaluation.target) or "all"
    return f"{rule}:{table_of(evaluation.target)}:{evaluation.check}|{partition}"


def _of_check(evaluation: Evaluation, outcome: RunOutcome, rule: Rule) -> Alert:
    table, partition = table_of(evaluation.target), partition_of(evaluation.target)
    where = f"{table}" + (f" for {partition}" if partition else "")
    runbooks = {
        "conservation": "conservation-failed",
        "known_fields": "api-drift",
        "api_notices": "api-version-retires",
    }
    said = "found wrong data in" if evaluation.blocking else "warns of"
    stops = "what is made of it waits; " if evaluation.blocking else ""
    return Alert(
        rule=rule.name,
        key=_key_of_check(evaluation, rule.name),
        severity=rule.severity,
        headline=f"The check {evaluation.check} {said} {where}",
        cause=own_words(evaluation.sentence),
        next_step=f"{stops}it is over when the check passes",
        runbook=runbooks.get(evaluation.check, rule.runbook),
        platform=platform_of(evaluation.target),
        table=table,
        partition=partition,
        run_id=outcome.run_id,
    )


def _of_missing(
    key: str, target: str, missing: frozenset[str], outcome: RunOutcome, rule: Rule
) -> Alert:
    table, partition = table_of(target), partition_of(target)
    return Alert(
        rule=rule.name,
        key=key,
        severity=rule.severity,
        headline=f"{table}" + (f" for {partition}" if partition else "") + " was made unchecked",
        cause=f"these checks did not run: {', '.join(sorted(missing))}",
        next_step="materialize the partition with its checks, or run the checks from the UI",
        runbook=rule.runbook,
        platform=platform_of(target),
        table=table,
        partition=partition,
        run_id=outcome.run_id,
    )


def _stretch(partitions: Sequence[str]) -> str:
    """``2026-11-20|x``, or ``2026-11-20..2026-11-22|x``, or how many."""
    if len(partitions) <= 1:
        return "".join(partitions)
    dates = sorted({p.partition("|")[0] for p in partitions})
    platforms = sorted({p.partition("|")[2] for p in partitions})
    return f"{dates[0]}..{dates[-1]}|{'+'.join(platforms)}"


def _first(tables: Sequence[str]) -> str:
    """The most upstream of tables, by the layers' order."""
    layers = ("bronze", "silver", "gold")
    return min(
        tables,
        key=lambda table: next(
            (n for n, layer in enumerate(layers) if table.startswith(layer)), len(layers)
        ),
        default="",
    )


def _listed(tables: Sequence[str]) -> str:
    return ", ".join(tables) if len(tables) <= 3 else f"{', '.join(tables[:2])} and the rest"


def _class_name(name: str) -> str:
    """A class's name and nothing else: it comes from outside, too."""
    return re.sub(r"\W", "", name)[:60]
