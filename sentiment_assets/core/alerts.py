"""Alerts: what is wrong, what was told of it, and what is to be told now.

What belongs here: the state of all alerts as one value, and :func:`decide`, which takes what was
found and gives the next state with its notifications. Finding troubles belongs to
``sentiment_assets.alerts`` and ``sentiment_assets.watch``, words for people to
``core.alert_messages``, keeping the state and sending to ``resources``.

Two kinds of rules. A *measured* rule (a stale table) is looked at again and again: its alert ends
when the trouble is not found for a while, so that what comes and goes is told once. The others (a
failed run) are told by an event, and end by another: what had to be made is made.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Literal

from sentiment_assets.core.alert_rules import Rule, Severity, rank

Event = Literal["opened", "reminder", "recovered", "expired", "test"]

#: More of one rule at once are told together: a bad hour must not send a hundred messages.
TOLD_ALONE = 5
#: Ended alerts that the page and the command still show.
REMEMBERED = 50


@dataclass(frozen=True)
class Alert:
    """One trouble. ``key`` says what is wrong, where: the same trouble has the same key.

    No field holds a text, a name, an id of a platform or a secret: every channel gets all of it.
    """

    rule: str
    key: str
    severity: Severity
    #: What is wrong and where, on one line.
    headline: str
    cause: str = ""
    next_step: str = ""
    #: Name of a page in docs/runbooks.
    runbook: str = ""
    platform: str | None = None
    table: str | None = None
    partition: str | None = None
    run_id: str | None = None
    #: What must be made before it is over (``silver/posts|2026-11-20|x``); empty for other rules.
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True)
class Open:
    """An alert that is not over."""

    alert: Alert
    opened_at: dt.datetime
    last_seen_at: dt.datetime
    #: When it was last told; null as long as a silence keeps it from being told.
    told_at: dt.datetime | None = None
    #: The severity that was told last.
    told_as: Severity | None = None


@dataclass(frozen=True)
class Past:
    """An alert that ended."""

    alert: Alert
    opened_at: dt.datetime
    ended_at: dt.datetime
    how: Event


@dataclass(frozen=True)
class Silence:
    """Alerts whose key matches ``pattern`` (``*`` stands for anything) are not told."""

    pattern: str
    since: dt.datetime
    until: dt.datetime
    reason: str

    def covers(self, key: str, now: dt.datetime) -> bool:
        """Whether it keeps an alert quiet now."""
        return now < self.until and fnmatchcase(key, self.pattern)


@dataclass(frozen=True)
class Notification:
    """What is told at once: one alert, or many of one rule."""

    event: Event
    at: dt.datetime
    alerts: tuple[Alert, ...]

    @property
    def id(self) -> str:
        """The same for every attempt to send it, so that a receiver can drop repetitions."""
        parts = [self.event, self.at.isoformat(), *(alert.key for alert in self.alerts)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]

    @property
    def severity(self) -> Severity:
        """The highest of its alerts."""
        return max((alert.severity for alert in self.alerts), key=rank)


@dataclass(frozen=True)
class Pending:
    """A notification that some channels have not taken yet."""

    notification: Notification
    channels: tuple[str, ...]
    #: Nobody else sends it before; a sender that died loses its turn then.
    not_before: dt.datetime
    attempts: int = 0


@dataclass(frozen=True)
class Channel:
    """How a channel fared: when it last took something, and since when and why it takes nothing."""

    took_at: dt.datetime | None = None
    failing_since: dt.datetime | None = None
    said: str = ""


@dataclass(frozen=True)
class Book:
    """Everything about alerts that must survive a restart."""

    open: Mapping[str, Open] = field(default_factory=dict)
    past: tuple[Past, ...] = ()
    silences: tuple[Silence, ...] = ()
    outbox: tuple[Pending, ...] = ()
    channels: Mapping[str, Channel] = field(default_factory=dict)
    #: How far each evaluator has read, by its own count.
    cursors: Mapping[str, int] = field(default_factory=dict)
    #: When each evaluator last looked, and when for the first time.
    looked_at: Mapping[str, dt.datetime] = field(default_factory=dict)
    began_at: Mapping[str, dt.datetime] = field(default_factory=dict)

    def silenced(self, key: str, now: dt.datetime) -> Silence | None:
        """The silence that keeps an alert quiet, if any."""
        return next((s for s in self.silences if s.covers(key, now)), None)


@dataclass(frozen=True)
class Findings:
    """What an evaluator found at one look."""

    firing: tuple[Alert, ...] = ()
    #: Measured rules that were looked at in full: what they do not fire is well.
    judged: frozenset[str] = frozenset()
    #: Keys that an event ended.
    over: frozenset[str] = frozenset()
    #: What was made since the last look; see ``Alert.waits_for``.
    made: frozenset[str] = frozenset()


def noted(book: Book, who: str, now: dt.datetime, cursor: int | None = None) -> Book:
    """With a look of ``who``, and how far it has read."""
    return replace(
        book,
        cursors=book.cursors if cursor is None else {**book.cursors, who: cursor},
        looked_at={**book.looked_at, who: now},
        began_at={who: now, **book.began_at},
    )


def decide(
    book: Book, findings: Findings, rules: Mapping[str, Rule], now: dt.datetime
) -> tuple[Book, list[Notification]]:
    """The next state, and what to tell: each trouble once, reminders, and its end.

    Every alert that was told is told to be over, silenced or not: whoever got the one waits for the
    other.
    """
    opened = dict(book.open)
    told: list[tuple[Event, Alert]] = []
    ended: list[Past] = []

    def end(key: str, how: Event) -> None:
        item = opened.pop(key)
        ended.append(Past(item.alert, item.opened_at, now, how))
        if item.told_at is not None:
            told.append((how, item.alert))

    for key, item in list(opened.items()):
        waits_for = tuple(what for what in item.alert.waits_for if what not in findings.made)
        if key in findings.over or (item.alert.waits_for and not waits_for):
            end(key, "recovered")
        elif waits_for != item.alert.waits_for:
            opened[key] = replace(item, alert=replace(item.alert, waits_for=waits_for))

    seen = set()
    for found in findings.firing:
        if not rules[found.rule].enabled:
            continue
        key = _known_as(found, opened)
        seen.add(key)
        if was := opened.get(key):
            alert = replace(found, key=key, waits_for=was.alert.waits_for or found.waits_for)
            opened[key] = replace(was, alert=alert, last_seen_at=now)
        else:
            opened[key] = Open(found, opened_at=now, last_seen_at=now)

    for key, item in list(opened.items()):
        rule = rules.get(item.alert.rule)
        if rule is None or not rule.enabled or _forgotten(item, rule, now):
            end(key, "expired")
        elif rule.name in findings.judged and key not in seen:
            if now - item.last_seen_at >= rule.recover_after:
                end(key, "recovered")
        elif not book.silenced(key, now) and (event := _due(item, rule, now)):
            severity = item.alert.severity
            opened[key] = replace(item, told_at=now, told_as=severity)
            told.append((event, item.alert))

    next_book = replace(
        book,
        open=opened,
        past=(*book.past, *ended)[-REMEMBERED:],
        silences=tuple(silence for silence in book.silences if now < silence.until),
    )
    return next_book, bundled(told, now)


def bundled(told: Iterable[tuple[Event, Alert]], now: dt.datetime) -> list[Notification]:
    """Notifications of events: alone where they are few of a rule, else together."""
    groups: dict[tuple[Event, str], list[Alert]] = defaultdict(list)
    for event, alert in told:
        groups[event, alert.rule].append(alert)
    notifications = []
    for (event, _), alerts in groups.items():
        together = [alerts] if len(alerts) > TOLD_ALONE else [[alert] for alert in alerts]
        notifications += [Notification(event, now, tuple(group)) for group in together]
    return notifications


def posted(book: Book, notifications: Sequence[Notification], channels: Sequence[str]) -> Book:
    """With notifications in the outbox, for every channel."""
    new = [Pending(n, tuple(channels), n.at) for n in notifications] if channels else []
    return replace(book, outbox=(*book.outbox, *new))


def leased(
    book: Book, channels: Sequence[str], now: dt.datetime, lease: dt.timedelta
) -> tuple[Book, list[Pending]]:
    """What is to be sent now; nobody else sends it as long as the lease lasts.

    Channels that are no longer configured are left out of it.
    """
    mine, kept = [], []
    for pending in book.outbox:
        wanted = tuple(name for name in pending.channels if name in channels)
        if not wanted:
            continue
        item = replace(pending, channels=wanted)
        if item.not_before <= now:
            item = replace(item, not_before=now + lease)
            mine.append(item)
        kept.append(item)
    return replace(book, outbox=tuple(kept)), mine


def delivered(
    book: Book,
    refusals: Mapping[str, Mapping[str, str]],
    sent: Sequence[Pending],
    now: dt.datetime,
    give_up_after: dt.timedelta,
) -> Book:
    """After an attempt: ``refusals`` says by notification id and channel what was not taken, why.

    What a channel refused is tried again with growing waits, and given up after a while.
    """
    tried = {pending.notification.id: pending for pending in sent}
    outbox = []
    for pending in book.outbox:
        mine = tried.get(pending.notification.id)
        if mine is None:
            outbox.append(pending)
            continue
        left = tuple(refusals.get(pending.notification.id, {}))
        if left and now - pending.notification.at < give_up_after:
            wait = dt.timedelta(minutes=min(2**pending.attempts, 60))
            outbox.append(Pending(pending.notification, left, now + wait, pending.attempts + 1))
    channels = dict(book.channels)
    for pending in sent:
        refused = refusals.get(pending.notification.id, {})
        for name in pending.channels:
            was = channels.get(name, Channel())
            if name in refused:
                since = was.failing_since or now
                channels[name] = replace(was, failing_since=since, said=refused[name])
            else:
                channels[name] = Channel(took_at=now)
    return replace(book, outbox=tuple(outbox), channels=channels)


def silenced(book: Book, silence: Silence) -> Book:
    """With a silence, instead of one with the same pattern."""
    others = (s for s in book.silences if s.pattern != silence.pattern)
    return replace(book, silences=(*others, silence))


def unsilenced(book: Book, pattern: str) -> Book:
    """Without the silence of that pattern."""
    return replace(book, silences=tuple(s for s in book.silences if s.pattern != pattern))


def _known_as(alert: Alert, opened: Mapping[str, Open]) -> str:
    """Its key, or that of an open alert that waits for all that it waits for.

    A run over a month that fails is tried again date by date: each of those failures is the same
    trouble.
    """
    if alert.key not in opened and alert.waits_for:
        for key, item in opened.items():
            if item.alert.rule == alert.rule and {*alert.waits_for} <= {*item.alert.waits_for}:
                return key
    return alert.key


def _forgotten(item: Open, rule: Rule, now: dt.datetime) -> bool:
    after = rule.forget_after
    return after is not None and now - item.last_seen_at >= after


def _due(item: Open, rule: Rule, now: dt.datetime) -> Event | None:
    """What is to be told of an open alert that nothing silences."""
    if item.told_at is None or item.told_as is None:
        return "opened"
    if rank(item.alert.severity) > rank(item.told_as):
        return "reminder"
    if rule.remind_after is not None and now - item.told_at >= rule.remind_after:
        return "reminder"
    return None
