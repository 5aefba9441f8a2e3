"""The rules of alerts: what is told, how urgently, how often. ``alerts.yaml`` becomes values here.

What belongs here: which rules there are, what each can be told, and reading the file's text.
Reading the file itself does not; nor does finding troubles.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import yaml

from sentiment_assets.core.checked_yaml import FileProblems, Reader, compose
from sentiment_assets.core.platforms import PLATFORMS

VERSION = 1

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

#: What a threshold may be set on: the measure, its bounds, and what it is.
MEASURES: Mapping[str, tuple[tuple[float, float], str]] = {
    "sentiment_mean": ((-1.0, 1.0), "mean compound of scored posts"),
    "negative_share": ((0.0, 1.0), "share of scored posts that are negative"),
    "positive_share": ((0.0, 1.0), "share of scored posts that are positive"),
    "posts": ((0.0, 1e12), "posts of the day"),
}

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LENGTH = re.compile(r"(\d{1,4})\s*(min|h|d)")
_UNITS = {"min": dt.timedelta(minutes=1), "h": dt.timedelta(hours=1), "d": dt.timedelta(days=1)}
_NEVER = "never"


def rank(severity: Severity) -> int:
    """Higher is worse."""
    return SEVERITIES.index(severity)


def read_length(text: str) -> dt.timedelta | None:
    """``30min``, ``2h`` or ``7d``; null for anything else."""
    found = _LENGTH.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        return None
    return int(found[1]) * _UNITS[found[2]]


def write_length(length: dt.timedelta) -> str:
    """The same back, in the largest unit that fits: ``2h``."""
    for unit, size in reversed(_UNITS.items()):
        if length >= size and not length % size:
            return f"{length // size}{unit}"
    return f"{max(round(length / _UNITS['min']), 1)}min"


@dataclass(frozen=True)
class Limit:
    """A number or a length of time from which a rule tells."""

    about: str
    default: float | dt.timedelta
    bounds: tuple[float, float] = (0.0, 1.0)

    @property
    def example(self) -> str:
        """Its default as the file spells it."""
        if isinstance(self.default, dt.timedelta):
            return write_length(self.default)
        return f"{self.default:g}"


@dataclass(frozen=True)
class RuleKind:
    """One rule as the program knows it: defaults, and the page that says what to do."""

    name: str
    about: str
    runbook: str
    severity: Severity
    remind_after: dt.timedelta | None
    #: Looked at again and again, see ``core.alerts``; else told by an event.
    measured: bool
    limits: Mapping[str, Limit] = field(default_factory=dict)
    #: Without a new sign for so long, an alert that an event told is closed.
    forget_after: dt.timedelta | None = None


@dataclass(frozen=True)
class Rule:
    """A rule as it is in force."""

    name: str
    severity: Severity
    remind_after: dt.timedelta | None
    recover_after: dt.timedelta
    forget_after: dt.timedelta | None
    runbook: str
    enabled: bool = True
    limits: Mapping[str, float | dt.timedelta] = field(default_factory=dict)

    def number(self, limit: str) -> float:
        """A limit that is a number."""
        value = self.limits[limit]
        assert not isinstance(value, dt.timedelta)
        return value

    def length(self, limit: str) -> dt.timedelta:
        """A limit that is a length of time."""
        value = self.limits[limit]
        assert isinstance(value, dt.timedelta)
        return value


@dataclass(frozen=True)
class Threshold:
    """A bound on a figure of gold: of a platform's day, or of one tracked topic in it."""

    name: str
    measure: str
    below: float | None
    above: float | None
    minimum_scored: int
    #: Empty: all.
    platforms: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    severity: Severity | None = None

    def broken_by(self, value: float) -> bool:
        """Whether a value is to be told."""
        under = self.below is not None and value < self.below
        return under or (self.above is not None and value > self.above)

    @property
    def bound(self) -> str:
        """In words: ``below -0.2``."""
        said = [f"below {self.below:g}"] if self.below is not None else []
        return " or ".join(said + ([f"above {self.above:g}"] if self.above is not None else []))


@dataclass(frozen=True)
class AlertRules:
    """The content of an alerts file: every rule, by name, and the thresholds on gold."""

    rules: Mapping[str, Rule]
    thresholds: tuple[Threshold, ...]


_MINUTE, _HOUR, _DAY = _UNITS["min"], _UNITS["h"], _UNITS["d"]

_KINDS = (
    RuleKind(
        "run_failed",
        "A run failed and is not retried by itself.",
        "run-failed",
        "critical",
        12 * _HOUR,
        measured=False,
        forget_after=14 * _DAY,
    ),
    RuleKind(
        "check_failed",
        "A blocking check found wrong data: what is downstream waits.",
        "check-failed",
        "critical",
        12 * _HOUR,
        measured=False,
        forget_after=14 * _DAY,
    ),
    RuleKind(
        "check_warned",
        "A check that does not block has something to look at.",
        "check-failed",
        "warning",
        None,
        measured=False,
        forget_after=7 * _DAY,
    ),
    RuleKind(
        "check_missing",
        "A partition was made and some of its checks did not run.",
        "check-missing",
        "warning",
        _DAY,
        measured=False,
        forget_after=7 * _DAY,
    ),
    RuleKind(
        "table_stale",
        "A platform's table is older than its deadline, and no table before it explains that.",
        "table-stale",
        "critical",
        6 * _HOUR,
        measured=True,
    ),
    RuleKind(
        "threshold_crossed",
        "A figure of gold crossed a bound of `thresholds`.",
        "threshold-crossed",
        "warning",
        _DAY,
        measured=True,
    ),
    RuleKind(
        "quota_low",
        "Little is left of the requests that a platform grants, or it takes none for now.",
        "rate-limited",
        "warning",
        6 * _HOUR,
        measured=True,
        limits={"share_left": Limit("tell below this share of the budget", 0.1)},
    ),
    RuleKind(
        "token_ends",
        "A platform's token ends soon, or is refused.",
        "dead-token",
        "warning",
        _DAY,
        measured=True,
        limits={"days_left": Limit("tell so many days before the end", 14.0, (1, 365))},
    ),
    RuleKind(
        "stream_lost",
        "Records of a topic were deleted before they were landed, or went missing on the way.",
        "stream-lost",
        "critical",
        _DAY,
        measured=False,
        forget_after=7 * _DAY,
    ),
    RuleKind(
        "stream_unreachable",
        "No Kafka broker answers, or a topic is not there.",
        "broker-unreachable",
        "critical",
        2 * _HOUR,
        measured=True,
        limits={"after": Limit("how long it may last", 2 * _MINUTE)},
    ),
    RuleKind(
        "stream_under_replicated",
        "Replicas of a topic are not in sync; without a leader it is critical.",
        "under-replicated",
        "warning",
        6 * _HOUR,
        measured=True,
        limits={"after": Limit("how long it may last", 5 * _MINUTE)},
    ),
    RuleKind(
        "stream_behind",
        "A topic's records wait to be landed, too many or for too long.",
        "landing-behind",
        "critical",
        2 * _HOUR,
        measured=True,
        limits={
            # What one run lands at most.
            "records": Limit("tell when more of them wait", 1_000_000.0, (1, 1e12)),
            "waited": Limit("how long the oldest may wait", 10 * _MINUTE),
        },
    ),
    RuleKind(
        "stream_delayed",
        "The newest landing came long after its records.",
        "landing-behind",
        "warning",
        6 * _HOUR,
        measured=True,
        limits={"longest": Limit("how long its oldest record may have waited", 10 * _MINUTE)},
    ),
    RuleKind(
        "dead_letters",
        "Many of a topic's records of the last hour are dead letters.",
        "dead-letters",
        "warning",
        6 * _HOUR,
        measured=True,
        limits={
            "share": Limit("tell above this share of the records", 0.01),
            "records": Limit("and from so many dead letters on", 10.0, (1, 1e12)),
        },
    ),
    RuleKind(
        "daemon_silent",
        "A part of Dagster's daemon gives no sign of life.",
        "daemon-silent",
        "critical",
        2 * _HOUR,
        measured=True,
        limits={"after": Limit("how long without a heartbeat", 5 * _MINUTE)},
    ),
    RuleKind(
        "ticks_failing",
        "The newest ticks of a sensor or schedule failed.",
        "ticks-failing",
        "critical",
        6 * _HOUR,
        measured=True,
        limits={"in_a_row": Limit("how many failed ticks in a row", 2.0, (1, 100))},
    ),
    RuleKind(
        "ticks_silent",
        "A sensor or schedule that should run does not tick, or somebody stopped it.",
        "ticks-silent",
        "critical",
        6 * _HOUR,
        measured=True,
        limits={"after": Limit("how long after a tick was due", 15 * _MINUTE)},
    ),
    RuleKind(
        "queue_stuck",
        "Runs wait in the queue and none begins.",
        "queue-stuck",
        "warning",
        6 * _HOUR,
        measured=True,
        limits={"after": Limit("how long a run may wait", 45 * _MINUTE)},
    ),
    RuleKind(
        "watch_silent",
        "`sentiment watch`, which looks after the daemon, does not look any more.",
        "watch-silent",
        "warning",
        12 * _HOUR,
        measured=True,
        limits={"after": Limit("how long without a look", 30 * _MINUTE)},
    ),
    RuleKind(
        "instance_unreachable",
        "Dagster's database, or the code, cannot be read from outside the daemon.",
        "instance-unreachable",
        "critical",
        2 * _HOUR,
        measured=True,
    ),
)

#: Every rule, by name, in the order in which docs show them.
RULE_KINDS: Mapping[str, RuleKind] = {kind.name: kind for kind in _KINDS}

#: How long a measured trouble must be gone before it counts as over.
RECOVER_AFTER = 10 * _MINUTE


class AlertRulesError(FileProblems):
    """Everything that is wrong with an alerts file; each of ``problems`` names its line."""

    ABOUT = "the rules of alerts"


def default_rule(kind: RuleKind) -> Rule:
    """A rule that no file says anything of."""
    return Rule(
        name=kind.name,
        severity=kind.severity,
        remind_after=kind.remind_after,
        recover_after=RECOVER_AFTER,
        forget_after=kind.forget_after,
        runbook=kind.runbook,
        limits={name: limit.default for name, limit in kind.limits.items()},
    )


def parse_alert_rules(text: str, source: str, topics: tuple[str, ...]) -> AlertRules:
    """Read an alerts file's text.

    Args:
        text: of the file.
        source: the file name that messages show.
        topics: names that a threshold may be set on: those of tracking.yaml.

    Raises:
        AlertRulesError: with every problem found, in the order of the lines.
    """
    reader = _Reader(source)
    rules = reader.alert_rules(compose(text, source, AlertRulesError), topics)
    if reader.problems:
        raise AlertRulesError(reader.complaints())
    return rules


class _Reader(Reader):
    def alert_rules(self, root: yaml.Node | None, topics: tuple[str, ...]) -> AlertRules:
        top = self.top(root, ("rules", "thresholds"), VERSION)
        rules = {kind.name: default_rule(kind) for kind in _KINDS}
        if node := top.get("rules"):
            example = "rules: {run_failed: {severity: critical}}"
            for name, value in self.mapping(node, "rules", tuple(RULE_KINDS), example).items():
                rules[name] = self.rule(value, RULE_KINDS[name])
        return AlertRules(rules, self.thresholds(top.get("thresholds"), topics))

    def rule(self, node: yaml.Node, kind: RuleKind) -> Rule:
        path = f"rules.{kind.name}"
        shared = ("enabled", "severity", "remind_after")
        own = ("recover_after",) if kind.measured else ("forget_after",)
        fields = self.mapping(
            node, path, (*shared, *own, *kind.limits), f"{{severity: {kind.severity}}}"
        )
        rule = default_rule(kind)
        if value := fields.get("enabled"):
            rule = replace(rule, enabled=self.flag(value, f"{path}.enabled"))
        if value := fields.get("severity"):
            rule = replace(rule, severity=self.severity(value, f"{path}.severity"))
        if value := fields.get("remind_after"):
            rule = replace(rule, remind_after=self.length_or_never(value, f"{path}.remind_after"))
        if value := fields.get("forget_after"):
            rule = replace(rule, forget_after=self.length_or_never(value, f"{path}.forget_after"))
        if value := fields.get("recover_after"):
            length = self.length(value, f"{path}.recover_after", "10min")
            rule = replace(rule, recover_after=length)
        limits = dict(rule.limits)
        for name, limit in kind.limits.items():
            if value := fields.get(name):
                limits[name] = self.limit(value, f"{path}.{name}", name, limit)
        return replace(rule, limits=limits)

    def limit(self, node: yaml.Node, path: str, name: str, limit: Limit) -> float | dt.timedelta:
        if isinstance(limit.default, dt.timedelta):
            return self.length(node, path, limit.example)
        return self.number(node, path, limit.bounds, f"{name}: {limit.example}")

    def thresholds(self, node: yaml.Node | None, topics: tuple[str, ...]) -> tuple[Threshold, ...]:
        example = "thresholds: [{name: bad_mood, measure: sentiment_mean, below: -0.2}]"
        if isinstance(node, yaml.SequenceNode) and not node.value:
            return ()
        names: dict[str, int] = {}
        found = []
        for index, item in self.items(node, "thresholds", "thresholds", example):
            path = f"thresholds[{index}]"
            known = (
                "name", "measure", "below", "above", "minimum_scored", "platforms", "topics",
                "severity",
            )  # fmt: skip
            fields = self.mapping(
                item, path, known, "{name: bad_mood, measure: sentiment_mean, below: -0.2}"
            )
            name_node = self.required(item, fields, "name", path, "name: bad_mood")
            name = self.text(name_node, f"{path}.name", "name: bad_mood")
            if name_node and name:
                if not _NAME.fullmatch(name):
                    said = f"{path}.name {name!r} must be in snake_case"
                    self.say(name_node, f"{said}; for example: name: bad_mood")
                self.once(name_node, f"{path}.name", name, names)
            measure_node = self.required(item, fields, "measure", path, "measure: sentiment_mean")
            measure = self.one_of(measure_node, f"{path}.measure", tuple(MEASURES))
            bounds = MEASURES[measure][0] if measure else (-1e12, 1e12)
            below, above = (
                self.number(fields[side], f"{path}.{side}", bounds, f"{side}: {bounds[1] / 5:g}")
                if side in fields
                else None
                for side in ("below", "above")
            )
            if isinstance(item, yaml.MappingNode) and below is None and above is None:
                self.say(item, f"{path} needs below or above; for example: below: -0.2")
            least = fields.get("minimum_scored")
            severity = fields.get("severity")
            found.append(
                Threshold(
                    name=name,
                    measure=measure,
                    below=below,
                    above=above,
                    minimum_scored=int(
                        self.number(
                            least, f"{path}.minimum_scored", (1, 1e9), "minimum_scored: 100"
                        )
                        if least
                        else 100
                    ),
                    platforms=self.names(fields.get("platforms"), path, "platforms", PLATFORMS),
                    topics=self.names(fields.get("topics"), path, "topics", topics),
                    severity=self.severity(severity, f"{path}.severity") if severity else None,
                )
            )
        return tuple(found)

    def names(
        self,
        node: yaml.Node | None,
        path: str,
        key: str,
        known: Mapping[str, object] | tuple[str, ...],
    ) -> tuple[str, ...]:
        first = next(iter(known), "")
        return tuple(
            self.one_of(item, f"{path}.{key}[{index}]", tuple(known))
            for index, item in self.items(node, f"{path}.{key}", key, f"{key}: [{first}]")
        )

    def one_of(self, node: yaml.Node | None, path: str, known: tuple[str, ...]) -> str:
        """One of some words; empty where it is missing or another."""
        value = self.text(node, path, known[0] if known else "")
        if node and value and value not in known:
            self.say(node, f"{path} {value!r} is not one of: {', '.join(known)}")
            return ""
        return value

    def severity(self, node: yaml.Node, path: str) -> Severity:
        value = self.one_of(node, path, SEVERITIES)
        return next((severity for severity in SEVERITIES if severity == value), "warning")

    def flag(self, node: yaml.Node, path: str) -> bool:
        if not isinstance(node, yaml.ScalarNode) or node.value not in ("true", "false"):
            self.report(node, f"{path} must be true or false", "enabled: false")
            return True
        return bool(node.value == "true")

    def length(self, node: yaml.Node, path: str, example: str) -> dt.timedelta:
        """A length of time; a day where it is wrong."""
        value = self.text(node, path, example)
        length = read_length(value)
        if length is None and value:
            self.say(
                node,
                f"{path} {value!r} is no length of time: a whole number and min, h or d; "
                f"for example: {example}",
            )
        return length or _DAY

    def length_or_never(self, node: yaml.Node, path: str) -> dt.timedelta | None:
        if isinstance(node, yaml.ScalarNode) and node.value == _NEVER:
            return None
        return self.length(node, path, f"12h, or {_NEVER}")
