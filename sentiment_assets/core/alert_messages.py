"""Alerts in words: a subject, a letter, a short message for telephones, JSON, attributes.

What belongs here: what each form may hold and how long it may be. Who sends it where is
``resources.notifiers``.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from typing import Any

from sentiment_assets.core.alerts import Alert, Event, Notification

#: SNS takes subjects of ASCII below 100 characters, without line breaks.
SUBJECT_LENGTH = 99
#: One SMS of SNS: 140 bytes.
SMS_LENGTH = 140
#: SNS takes 256 KB with the attributes.
SNS_LENGTH = 240_000
#: An e-mail of many alerts, or a message of SNS, shows so many of them.
SHOWN = 20
#: The folder of the runbooks in the project.
RUNBOOKS = "docs/runbooks"
#: For filter policies: alerts that concern no single platform.
ALL_PLATFORMS = "all"

_WORDS: dict[Event, str] = {
    "opened": "",
    "reminder": "STILL ",
    "recovered": "RECOVERED ",
    "expired": "CLOSED ",
    "test": "TEST ",
}
_SAID: dict[Event, str] = {
    "opened": "opened",
    "reminder": "still open",
    "recovered": "over",
    "expired": "closed: no new sign of it for long, or its rule was turned off",
    "test": "a test: nothing is wrong",
}
_PLAIN = {"…": "...", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "·": "-"}  # noqa: RUF001


@dataclass(frozen=True)
class Links:
    """Where what an alert names can be read.

    ``environment`` and ``origin`` say whose alert it is: simulated posts must not wake anybody.
    """

    environment: str
    origin: str
    #: Address of Dagster's UI; empty where nobody set it.
    ui: str = ""
    #: Address or folder of the runbooks.
    runbooks: str = RUNBOOKS

    def runbook(self, alert: Alert) -> str:
        """The page of what to do."""
        return f"{self.runbooks.rstrip('/')}/{alert.runbook}.md" if alert.runbook else ""

    def run(self, alert: Alert) -> str:
        """The run in the UI, or its id."""
        if alert.run_id is None:
            return ""
        return f"{self.ui.rstrip('/')}/runs/{alert.run_id}" if self.ui else f"run {alert.run_id}"

    @property
    def where(self) -> str:
        """``aws``; ``local, SIMULATED`` for made-up posts."""
        return self.environment + (", SIMULATED" if self.origin == "simulated" else "")


def headline(notification: Notification) -> str:
    """What is wrong, on one line; of many alerts how many, of which rule."""
    first, *others = notification.alerts
    if not others:
        return first.headline
    return f"{len(notification.alerts)} alerts of {first.rule}, among them: {first.headline}"


def subject(notification: Notification, links: Links) -> str:
    """For e-mail: ``[CRITICAL] aws: silver/posts of x is stale``."""
    mark = f"{_WORDS[notification.event]}{notification.severity.upper()}"
    return _cut(_ascii(f"[{mark}] {links.where}: {headline(notification)}"), SUBJECT_LENGTH)


def sms(notification: Notification, links: Links) -> str:
    """For a telephone: what is wrong and the runbook's name, at most 140 characters of ASCII."""
    mark = f"{_WORDS[notification.event]}{notification.severity.upper()}"
    runbook = notification.alerts[0].runbook
    end = f" See {runbook}" if runbook and notification.event in ("opened", "reminder") else ""
    said = _ascii(f"{mark} {links.where}: {headline(notification)}.")
    return _cut(said, SMS_LENGTH - len(end)) + end


def body(notification: Notification, links: Links, shown: int = SHOWN) -> str:
    """For e-mail: every fact, what to do, where to look; of many alerts the first ``shown``."""
    many = len(notification.alerts) > 1
    lines = [
        f"{notification.severity.upper()}, {_SAID[notification.event]}. "
        f"{notification.at:%Y-%m-%d %H:%M} UTC, {links.where}.",
        "",
    ]
    if many:
        lines += [
            f"{len(notification.alerts)} alerts of the rule {notification.alerts[0].rule}:",
            "",
        ]
    for alert in notification.alerts[:shown]:
        lines += [alert.headline, *_facts(alert, links, notification.event), ""]
    if len(notification.alerts) > shown:
        lines += [f"… and {len(notification.alerts) - shown} more: sentiment alerts list", ""]
    return "\n".join(lines).rstrip() + "\n"


def document(notification: Notification, links: Links, shown: int | None = None) -> dict[str, Any]:
    """For programs: the webhook's body, and what queues and functions get from SNS.

    ``shown`` is how many of many alerts stand in it; ``count`` says how many there are.
    """
    return {
        "version": 1,
        "id": notification.id,
        "event": notification.event,
        "severity": notification.severity,
        "at": notification.at.isoformat(),
        "environment": links.environment,
        "origin": links.origin,
        "subject": subject(notification, links),
        "count": len(notification.alerts),
        "alerts": [
            {
                "key": alert.key,
                "rule": alert.rule,
                "severity": alert.severity,
                "headline": alert.headline,
                "cause": alert.cause,
                "next_step": alert.next_step,
                "runbook": links.runbook(alert),
                "platform": alert.platform,
                "table": alert.table,
                "partition": alert.partition,
                "run": links.run(alert) or None,
            }
            for alert in notification.alerts[:shown]
        ],
    }


def attributes(notification: Notification, links: Links) -> dict[str, str]:
    """For filter policies of subscriptions; never empty."""
    platforms = {alert.platform or ALL_PLATFORMS for alert in notification.alerts}
    return {
        "severity": notification.severity,
        "rule": notification.alerts[0].rule,
        "platform": platforms.pop() if len(platforms) == 1 else ALL_PLATFORMS,
        "environment": links.environment,
        "origin": links.origin,
        "event": notification.event,
    }


def sns_message(notification: Notification, links: Links) -> str:
    """The message of SNS, in a form for each kind of subscriber (``MessageStructure=json``).

    All forms together stay below SNS's limit: of many alerts fewer are shown.
    """
    shown = SHOWN
    while True:
        letter = body(notification, links, shown)
        for_programs = json.dumps(document(notification, links, shown), ensure_ascii=False)
        message = json.dumps(
            {
                "default": letter,
                "email": letter,
                "sms": sms(notification, links),
                **dict.fromkeys(("sqs", "lambda", "http", "https", "firehose"), for_programs),
            },
            ensure_ascii=False,
        )
        if shown == 1 or len(message.encode()) <= SNS_LENGTH:
            return message
        shown //= 2


def _facts(alert: Alert, links: Links, event: Event) -> list[str]:
    ended = event in ("recovered", "expired")
    told = {
        "Why": "" if ended else alert.cause,
        "Do": "" if ended else alert.next_step,
        "Runbook": "" if ended else links.runbook(alert),
        "Run": links.run(alert),
        "Table": alert.table or "",
        "Platform": alert.platform or "",
        "Partition": alert.partition or "",
        "Key": alert.key,
    }
    return [f"  {name + ':':<10} {value}" for name, value in told.items() if value]


def _ascii(text: str) -> str:
    """Letters without accents, and nothing that ends a line; what has no ASCII is a ``?``."""
    plain = "".join(_PLAIN.get(char, char) for char in text)
    decomposed = unicodedata.normalize("NFKD", plain)
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    kept = "".join(char if char.isprintable() else " " for char in bare)
    return " ".join(kept.encode("ascii", "replace").decode().split())


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3].rstrip() + "..."
