"""Telling alerts: the notifier, and its channels: log, webhook, SNS; and the local page.

What belongs here: taking findings, noting what is due before anything is sent, sending it by every
channel, and noting who took it. What is due and in which words stands in ``sentiment_assets.core``.

Each channel has each notification at least once: a process that dies between sending and noting
sends again (with the same id). A channel that refuses doesn't stop the others, and is tried again.
No message of a channel's server passes: it may quote the address, which may be a secret.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import logging
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import tenacity

from resources.alert_store import AlertStore
from resources.api_clients.http import LOOPBACK
from sentiment_assets.core.alert_messages import (
    Links,
    attributes,
    body,
    document,
    sns_message,
    subject,
)
from sentiment_assets.core.alert_page import alert_page
from sentiment_assets.core.alert_rules import AlertRules
from sentiment_assets.core.alerts import (
    Alert,
    Book,
    Findings,
    Notification,
    Pending,
    decide,
    delivered,
    leased,
    noted,
    posted,
)

PAGE = "alerts.html"
#: A sender that has not noted its success by then is taken for dead.
LEASE = timedelta(minutes=2)
GIVE_UP_AFTER = timedelta(days=1)
_ATTEMPTS = 3
_CONNECT_SECONDS = 3.0
_ANSWER_SECONDS = 10.0

logger = logging.getLogger("sentiment.alerts")


class ChannelRefused(Exception):
    """A channel did not take a notification; the message says why, and what to do."""


class Channel(Protocol):
    """A way to tell somebody."""

    @property
    def name(self) -> str:
        """As the book and the page call it."""

    def tell(self, notification: Notification, links: Links) -> None:
        """Send it.

        Raises:
            ChannelRefused: it was not taken.
        """


@dataclass(frozen=True)
class LogChannel:
    """One line in the log of the process."""

    name: str = "log"

    def tell(self, notification: Notification, links: Links) -> None:
        """Log the subject, and as long as something is wrong what to do."""
        first = notification.alerts[0]
        said = [subject(notification, links)]
        if notification.event not in ("recovered", "expired"):
            said += [first.cause, first.next_step, links.runbook(first)]
        logger.warning("%s", " | ".join(part for part in said if part))


@dataclass(frozen=True)
class WebhookChannel:
    """JSON by HTTP POST, signed where a secret is set.

    ``X-Sentiment-Signature`` is ``sha256=`` and the HMAC, in hex, of ``X-Sentiment-Timestamp``, a
    dot and the body. ``text`` in the body is what chat programs show.
    """

    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    name: str = "webhook"
    #: Before the second attempt; doubled for the third.
    wait_seconds: float = 0.5

    def tell(self, notification: Notification, links: Links) -> None:
        """Post it; what may pass is tried three times."""
        sent = document(notification, links)
        content = json.dumps(
            {"text": f"{sent['subject']}\n{body(notification, links)}", **sent}, ensure_ascii=False
        ).encode()
        headers = {
            "Content-Type": "application/json",
            "X-Sentiment-Event": notification.event,
            "X-Sentiment-Id": notification.id,
            "X-Sentiment-Timestamp": str(int(notification.at.timestamp())),
        }
        if self.secret:
            signed = headers["X-Sentiment-Timestamp"].encode() + b"." + content
            digest = hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()
            headers["X-Sentiment-Signature"] = f"sha256={digest}"
        again = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(_ATTEMPTS),
            wait=tenacity.wait_exponential(self.wait_seconds, max=4),
            retry=tenacity.retry_if_result(lambda said: said.startswith("again: ")),
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )
        refused = again(self._post, content, headers)
        if refused:
            raise ChannelRefused(
                f"the webhook {refused.removeprefix('again: ')}; check SENTIMENT_ALERT_WEBHOOK_URL "
                "and the server behind it"
            )

    def _post(self, content: bytes, headers: Mapping[str, str]) -> str:
        """Empty where it was taken, else why not."""
        loopback = urlsplit(self.url).hostname in LOOPBACK
        try:
            with httpx.Client(
                timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
                trust_env=not loopback,
                # The signature and the words are for this address alone.
                follow_redirects=False,
            ) as http:
                status = http.post(self.url, content=content, headers=dict(headers)).status_code
        except httpx.RequestError as error:
            return f"again: did not answer ({type(error).__name__})"
        if status < 300:
            return ""
        passing = status in (408, 429) or status >= 500
        return f"{'again: ' if passing else ''}answered with HTTP {status}"


@dataclass(frozen=True)
class SnsChannel:
    """A topic of AWS SNS; its subscribers get the form that fits them, filtered by attributes."""

    topic_arn: str
    endpoint: str | None = None
    #: Access key id and secret access key; by default the role of the machine.
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    name: str = "sns"

    def tell(self, notification: Notification, links: Links) -> None:
        """Publish it; boto3 tries three times by itself."""
        told: dict[str, Any] = {
            "TopicArn": self.topic_arn,
            "Subject": subject(notification, links),
            "Message": sns_message(notification, links),
            "MessageStructure": "json",
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes(notification, links).items()
            },
        }
        if self.topic_arn.endswith(".fifo"):
            told["MessageGroupId"] = notification.alerts[0].rule
            told["MessageDeduplicationId"] = notification.id
        client = self._client
        errors = import_module("botocore.exceptions")
        try:
            client.publish(**told)
        except errors.ClientError as error:
            code = re.sub(r"\W", "", error.response["Error"].get("Code", ""))
            why = f"SNS refuses with {code}"
        except errors.BotoCoreError as error:
            why = f"SNS was not reached ({type(error).__name__})"
        else:
            return
        # Out of the handler: the cause's words name accounts and roles.
        raise ChannelRefused(
            f"{why}; check SENTIMENT_ALERT_TOPIC_ARN and that this role may sns:Publish to it"
        )

    @cached_property
    def _client(self) -> Any:
        try:
            boto3, config = import_module("boto3"), import_module("botocore.config")
        except ImportError:
            raise ChannelRefused(
                "SENTIMENT_ALERT_TOPIC_ARN: boto3 is not installed; install the extra `aws`, for "
                "example: pip install 'sentiment-assets[aws]'"
            ) from None
        key_id, secret_key = self.credentials or (None, None)
        return boto3.client(
            "sns",
            region_name=self.topic_arn.split(":")[3],
            endpoint_url=self.endpoint,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret_key,
            config=config.Config(
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_ANSWER_SECONDS,
                retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            ),
        )


@dataclass(frozen=True)
class Notifier:
    """Keeps the book of alerts, tells what is due by every channel, and draws the page."""

    rules: AlertRules
    store: AlertStore
    channels: Sequence[Channel]
    links: Links
    #: Where the page is written; null: nowhere.
    page: Path | None = None

    def book(self) -> Book:
        """The state of all alerts.

        Raises:
            AlertStoreUnreachable: it cannot be read.
        """
        return self.store.change(lambda book, _: (book, book))

    def report(
        self, who: str, findings: Findings, read: tuple[int | None, int] | None = None
    ) -> Book:
        """Take what ``who`` found, tell what is due, and return the book as it is then.

        ``read`` says from where to where ``who`` read events: findings of events that somebody else
        has taken meanwhile are dropped.

        Raises:
            AlertStoreUnreachable: nothing was noted or told.
        """

        def step(book: Book, now: datetime) -> tuple[Book, list[Pending]]:
            if read is not None and book.cursors.get(who) != read[0]:
                return book, []
            book, notifications = decide(book, findings, self.rules.rules, now)
            book = noted(book, who, now, cursor=None if read is None else read[1])
            names = [channel.name for channel in self.channels]
            return leased(posted(book, notifications, names), names, now, LEASE)

        pending = self.store.change(step)
        return self._send(pending)

    def change(self, step: Callable[[Book, datetime], Book]) -> Book:
        """Change the book by hand: a silence. Tells nothing.

        Raises:
            AlertStoreUnreachable: nothing was changed.
        """

        def changed(book: Book, now: datetime) -> tuple[Book, tuple[Book, datetime]]:
            after = step(book, now)
            return after, (after, now)

        book, now = self.store.change(changed)
        self._draw(book, now)
        return book

    def test(self, alert: Alert, at: datetime) -> dict[str, str]:
        """Send a test by every channel; by name what each said, empty where it took it."""
        notification = Notification("test", at, (alert,))
        return {channel.name: self._tell(channel, notification) for channel in self.channels}

    def _send(self, pending: Sequence[Pending]) -> Book:
        refusals: dict[str, dict[str, str]] = {}
        by_name = {channel.name: channel for channel in self.channels}
        for item in pending:
            for name in item.channels:
                if said := self._tell(by_name[name], item.notification):
                    refusals.setdefault(item.notification.id, {})[name] = said

        def told(book: Book, now: datetime) -> tuple[Book, tuple[Book, datetime]]:
            if pending:
                book = delivered(book, refusals, pending, now, GIVE_UP_AFTER)
            return book, (book, now)

        book, now = self.store.change(told)
        self._draw(book, now)
        return book

    def _tell(self, channel: Channel, notification: Notification) -> str:
        try:
            channel.tell(notification, self.links)
        except ChannelRefused as error:
            said = str(error)
        except Exception as error:
            # A fault of one channel must not keep the others from being told.
            said = f"it failed ({type(error).__name__})"
        else:
            return ""
        logger.error("alerts: the channel %s did not take a notification: %s", channel.name, said)
        return said

    def _draw(self, book: Book, now: datetime) -> None:
        if self.page is None:
            return
        try:
            write_page(self.page, alert_page(book, self.links, now))
        except OSError as error:
            # Whoever looks at it sees that it stands still.
            logger.error("alerts: the page %s cannot be written: %s", self.page, error.strerror)


def write_page(path: Path, content: str) -> None:
    """Replace a page as a whole: a browser never sees half of it. For this account only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, written = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        Path(written).replace(path)
    except BaseException:
        # Ctrl-C too leaves no half-written file beside the page; whatever it was goes on.
        with contextlib.suppress(FileNotFoundError):
            Path(written).unlink()
        raise
