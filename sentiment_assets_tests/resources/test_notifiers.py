"""Channels against real servers: HTTP on loopback, SNS with a queue behind it, a browser's file."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from resources.alert_store import FileStore, MemoryStore
from resources.environments import notifier_of
from resources.notifiers import (
    ChannelRefused,
    LogChannel,
    Notifier,
    SnsChannel,
    WebhookChannel,
)
from resources.settings import SettingsError, read_settings
from sentiment_assets.core.alert_messages import Links
from sentiment_assets.core.alert_rules import RULE_KINDS, AlertRules, default_rule
from sentiment_assets.core.alerts import Alert, Findings, Notification, Silence, silenced
from sentiment_assets_tests.s3_server import S3Server

NOW = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.timezone.utc)
LINKS = Links("aws", "live", "https://dagster.internal")
RULES = AlertRules({name: default_rule(kind) for name, kind in RULE_KINDS.items()}, ())
ALERT = Alert(
    rule="table_stale",
    key="table_stale:silver/posts|x",
    severity="critical",
    headline="silver/posts of X is 5h old, due after 3h",
    cause="no post since 07:00",
    next_step="look at the newest runs",
    runbook="table-stale",
    platform="x",
    table="silver/posts",
)
OPENED = Notification("opened", NOW, (ALERT,))
FIRING = Findings((ALERT,), frozenset({"table_stale"}))
SECRET = "hush-hush"


@dataclass
class Receiver:
    """An HTTP server that keeps what was posted, and answers as told: a status each."""

    url: str
    statuses: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append((dict(self.headers), body))
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
            self.send_header("Location", receiver.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hooks/{SECRET}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield receiver
    server.shutdown()
    thread.join()
    server.server_close()


def webhook(url: str, secret: str | None = None) -> WebhookChannel:
    return WebhookChannel(url, secret, wait_seconds=0.01)


# Webhook


def test_a_webhook_gets_the_document_and_what_chats_show(receiver: Receiver) -> None:
    webhook(receiver.url).tell(OPENED, LINKS)
    [(headers, body)] = receiver.got
    told = json.loads(body)
    assert told["event"] == "opened"
    assert told["alerts"][0]["key"] == ALERT.key
    assert told["alerts"][0]["runbook"] == "docs/runbooks/table-stale.md"
    assert told["text"].startswith("[CRITICAL] aws: silver/posts of X is 5h old")
    assert headers["X-Sentiment-Event"] == "opened"
    assert headers["X-Sentiment-Id"] == told["id"] == OPENED.id
    assert "X-Sentiment-Signature" not in headers


def test_a_signature_can_be_proven(receiver: Receiver) -> None:
    webhook(receiver.url, "the-key").tell(OPENED, LINKS)
    [(headers, body)] = receiver.got
    signed = headers["X-Sentiment-Timestamp"].encode() + b"." + body
    expected = hmac.new(b"the-key", signed, hashlib.sha256).hexdigest()
    assert headers["X-Sentiment-Signature"] == f"sha256={expected}"


@pytest.mark.parametrize(
    ("statuses", "requests", "said"),
    [
        ([503, 429], 3, None),
        ([500, 500, 500], 3, "answered with HTTP 500"),
        ([404], 1, "answered with HTTP 404"),
        # Elsewhere the words would be for others.
        ([302], 1, "answered with HTTP 302"),
    ],
)
def test_what_may_pass_is_tried_three_times(
    receiver: Receiver, statuses: list[int], requests: int, said: str | None
) -> None:
    receiver.statuses = [*statuses]
    if said is None:
        webhook(receiver.url).tell(OPENED, LINKS)
    else:
        with pytest.raises(ChannelRefused, match=f"{said}; check SENTIMENT_ALERT_WEBHOOK_URL"):
            webhook(receiver.url).tell(OPENED, LINKS)
    assert len(receiver.got) == requests
    assert len({headers["X-Sentiment-Id"] for headers, _ in receiver.got}) == 1


def test_nobody_learns_the_address_or_the_key_of_a_webhook(
    caplog: pytest.LogCaptureFixture,
) -> None:
    channel = webhook(f"http://127.0.0.1:9/{SECRET}", SECRET)
    with caplog.at_level("DEBUG"), pytest.raises(ChannelRefused) as refusal:
        channel.tell(OPENED, LINKS)
    assert "did not answer (ConnectError)" in str(refusal.value)
    assert SECRET not in f"{refusal.value} {channel!r} {caplog.text}"


# SNS


@dataclass
class Topic:
    aws: S3Server
    arn: str
    queue: str

    def channel(self, arn: str | None = None) -> SnsChannel:
        return SnsChannel(arn or self.arn, self.aws.url, ("test-key-id", "test-secret-key"))

    def received(self) -> list[dict[str, Any]]:
        answer = self.aws.client_of("sqs").receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=10, WaitTimeSeconds=0
        )
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


@pytest.fixture
def topic(s3_endpoint: S3Server, request: pytest.FixtureRequest) -> Topic:
    name = hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
    sns, sqs = s3_endpoint.client_of("sns"), s3_endpoint.client_of("sqs")
    arn = sns.create_topic(Name=name)["TopicArn"]
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    sns.subscribe(
        TopicArn=arn,
        Protocol="sqs",
        Endpoint=queue_arn["Attributes"]["QueueArn"],
        Attributes={"FilterPolicy": json.dumps({"severity": ["critical"], "platform": ["x"]})},
    )
    return Topic(s3_endpoint, arn, queue)


def test_sns_carries_an_alert_to_a_queue(topic: Topic) -> None:
    topic.channel().tell(OPENED, LINKS)
    [got] = topic.received()
    assert got["Subject"] == "[CRITICAL] aws: silver/posts of X is 5h old, due after 3h"
    told = json.loads(got["Message"])
    assert (told["event"], told["alerts"][0]["key"]) == ("opened", ALERT.key)
    assert {name: value["Value"] for name, value in got["MessageAttributes"].items()} == {
        "severity": "critical",
        "rule": "table_stale",
        "platform": "x",
        "environment": "aws",
        "origin": "live",
        "event": "opened",
    }


def test_filter_policies_choose_by_severity_and_platform(topic: Topic) -> None:
    others = [replace(ALERT, severity="warning"), replace(ALERT, platform="facebook")]
    for other in (*others, replace(ALERT, platform=None)):
        topic.channel().tell(Notification("opened", NOW, (other,)), LINKS)
    assert topic.received() == []


def test_sns_takes_whatever_words_there_are(topic: Topic) -> None:
    odd = replace(ALERT, headline="Zoë \n\t\x00 家 " * 60, cause="é" * 400)
    topic.channel().tell(Notification("opened", NOW, (odd,) * 300), LINKS)
    [got] = topic.received()
    assert json.loads(got["Message"])["count"] == 300


def test_a_topic_that_is_not_there_is_told_without_the_words_of_aws(topic: Topic) -> None:
    gone = topic.arn.rpartition(":")[0] + ":gone"
    with pytest.raises(ChannelRefused, match=r"SNS refuses with NotFound.*sns:Publish") as e:
        topic.channel(gone).tell(OPENED, LINKS)
    assert "123456789012" not in f"{e.value}{e.value.__cause__}{e.value.__context__}"


def test_a_fifo_topic_drops_what_is_sent_again_and_keeps_the_order(s3_endpoint: S3Server) -> None:
    sns, sqs = s3_endpoint.client_of("sns"), s3_endpoint.client_of("sqs")
    fifo = {"FifoTopic": "true", "ContentBasedDeduplication": "false"}
    arn = sns.create_topic(Name="alerts.fifo", Attributes=fifo)["TopicArn"]
    queue = sqs.create_queue(QueueName="alerts.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    its = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=its["QueueArn"])
    topic = Topic(s3_endpoint, arn, queue)
    recovered = Notification("recovered", NOW, (ALERT,))
    for notification in (OPENED, OPENED, recovered):
        topic.channel().tell(notification, LINKS)
    got = [json.loads(message["Message"]) for message in topic.received()]
    assert [(told["id"], told["event"]) for told in got] == [
        (OPENED.id, "opened"),
        (recovered.id, "recovered"),
    ]


def test_sns_that_does_not_answer_is_told() -> None:
    channel = SnsChannel("arn:aws:sns:us-east-1:123456789012:t", "http://127.0.0.1:9", ("a", "b"))
    with pytest.raises(ChannelRefused, match=r"was not reached \(EndpointConnectionError\)"):
        channel.tell(OPENED, LINKS)


def test_without_boto3_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['boto3'] = None\n"
        "from resources.notifiers import SnsChannel\n"
        "SnsChannel('arn:aws:sns:us-east-1:123456789012:t')._client"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "sentiment-assets[aws]" in done.stderr


# The notifier


class Broken:
    """A channel with a fault."""

    name = "broken"

    def tell(self, notification: Notification, links: Links) -> None:
        raise ZeroDivisionError(SECRET)


def test_one_that_fails_does_not_stop_the_others_and_is_told(
    receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.statuses = [404]
    page = tmp_path / "alerts.html"
    channels = (Broken(), webhook(receiver.url), LogChannel())
    notifier = Notifier(RULES, MemoryStore(), channels, LINKS, page)
    with caplog.at_level(logging.WARNING):
        book = notifier.report("test", FIRING)
    assert {name for name, c in book.channels.items() if c.failing_since} == {"broken", "webhook"}
    assert "[CRITICAL] aws: silver/posts of X is 5h old" in caplog.text
    assert "the channel webhook did not take a notification" in caplog.text
    shown = page.read_text()
    assert "it failed (ZeroDivisionError)" in shown
    assert "answered with HTTP 404" in shown
    assert SECRET not in caplog.text + shown
    assert page.stat().st_mode & 0o777 == 0o600
    assert [*tmp_path.iterdir()] == [page], "no half pages"


def test_a_channel_that_refused_gets_it_later_and_the_others_not_again(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.statuses = [404]
    store = Clocked(tmp_path / "book.json")
    notifier = Notifier(RULES, store, (webhook(receiver.url),), LINKS)
    notifier.report("test", FIRING)
    assert len(receiver.got) == 1
    notifier.report("test", FIRING)
    assert len(receiver.got) == 1, "not at once"
    store.later += dt.timedelta(minutes=2)
    book = notifier.report("test", FIRING)
    assert len(receiver.got) == 2
    assert book.outbox == ()
    assert book.channels["webhook"].failing_since is None
    store.later += dt.timedelta(minutes=5)
    notifier.report("test", FIRING)
    assert len(receiver.got) == 2


class Clocked(FileStore):
    """A file, and a clock that can be put forward."""

    later = dt.timedelta()

    def change(self, step: Any) -> Any:
        return super().change(lambda book, now: step(book, now + self.later))


def test_a_restart_tells_nothing_twice_and_forgets_nothing(
    receiver: Receiver, tmp_path: Path
) -> None:
    store = Clocked(tmp_path / "book.json")

    def restarted() -> Notifier:
        return Notifier(RULES, store, (webhook(receiver.url),), LINKS)

    restarted().report("test", FIRING)
    restarted().report("test", FIRING)
    restarted().change(
        lambda book, now: silenced(book, Silence("other", now, now + dt.timedelta(hours=1), "r"))
    )
    store.later = dt.timedelta(minutes=20)
    book = restarted().report("test", replace(FIRING, firing=()))
    assert [json.loads(body)["event"] for _, body in receiver.got] == ["opened", "recovered"]
    assert [silence.pattern for silence in book.silences] == ["other"]


def test_two_that_look_at_once_tell_once(receiver: Receiver) -> None:
    store = MemoryStore()
    notifiers = [Notifier(RULES, store, (webhook(receiver.url),), LINKS) for _ in range(6)]
    threads = [threading.Thread(target=n.report, args=("test", FIRING)) for n in notifiers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.got) == 1


def test_events_that_somebody_else_has_read_are_dropped(receiver: Receiver) -> None:
    notifier = Notifier(RULES, MemoryStore(), (webhook(receiver.url),), LINKS)
    run = Alert("run_failed", "run_failed:a", "critical", "a run failed", waits_for=("a",))
    notifier.report("runs", Findings(), read=(None, 40))
    book = notifier.report("runs", Findings((run,)), read=(None, 30))
    assert (book.cursors, book.open, receiver.got) == ({"runs": 40}, {}, [])
    book = notifier.report("runs", Findings((run,)), read=(40, 50))
    assert (book.cursors, len(receiver.got)) == ({"runs": 50}, 1)


# Settings


def test_the_channels_are_those_that_are_set(tmp_path: Path) -> None:
    assert _channels(tmp_path) == ["log"]
    every = {
        "SENTIMENT_ALERT_WEBHOOK_URL": f"https://hooks.example.com/{SECRET}",
        "SENTIMENT_ALERT_WEBHOOK_SECRET": SECRET,
        "SENTIMENT_ALERT_TOPIC_ARN": "arn:aws:sns:af-south-1:123456789012:alerts",
    }
    assert _channels(tmp_path, **every) == ["log", "webhook", "sns"]
    notifier = notifier_of(read_settings(every, home=tmp_path), MemoryStore())
    assert SECRET not in repr(notifier)
    assert SECRET not in repr(read_settings(every, home=tmp_path))


def _channels(home: Path, **environment: str) -> list[str]:
    settings = read_settings(environment, home=home)
    return [channel.name for channel in notifier_of(settings, MemoryStore()).channels]


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("ALERT_WEBHOOK_URL", f"http://example.com/{SECRET}", "must begin with https://"),
        ("ALERT_WEBHOOK_URL", f"hooks/{SECRET}", "must begin with https://"),
        ("ALERT_WEBHOOK_SECRET", SECRET, "set both, or only the address"),
        ("ALERT_TOPIC_ARN", "sentiment-alerts", "must be the ARN of an SNS topic; for example"),
        ("UI_URL", "dagster.internal", "must begin with http"),
        ("RUNBOOKS_URL", "docs", "must begin with http"),
    ],
)
def test_wrong_settings_are_told(setting: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as error:
        read_settings({f"SENTIMENT_{setting}": value})
    assert SECRET not in str(error.value)


def test_a_missing_file_of_rules_is_told(tmp_path: Path) -> None:
    settings = read_settings({"SENTIMENT_ALERTS": str(tmp_path / "none.yaml")})
    with pytest.raises(SettingsError, match="SENTIMENT_ALERTS: cannot read"):
        settings.read_alert_rules()
