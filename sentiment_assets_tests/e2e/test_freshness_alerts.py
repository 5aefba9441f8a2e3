"""Freshness drives alerts: one platform's source stops under a real daemon, and comes back.

Nothing is a stand-in: `dagster-daemon run` with the project's definitions and dagster.yaml, an
embedded PostgreSQL, the simulator's APIs over HTTP, and an SNS topic with an SQS queue behind it.
From the start of the daemon on, all that happens is its own: the schedule fetches, one sensor
rebuilds, another one judges and tells, each as often as it does elsewhere.

Two things are set up beforehand, since they take hours otherwise. X was last fetched whole hours
ago (its client's clock said so) and has a deadline that ends as the daemon starts. And the schedule
remembers an earlier daemon, so that it makes up for its newest tick at once, as after a restart.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
)

from resources.api_clients import http
from resources.embedded_postgres import embedded_postgres
from resources.environments import freshness_watch
from resources.settings import PROJECT_ROOT, read_settings
from sentiment_assets.alerts import alert_on_troubles
from sentiment_assets.automation import every_two_hours
from sentiment_assets.cli.services import Service, Services, dagster_home, interpreter_script
from sentiment_assets.core.layout import BATCH_POSTS, WINDOW_LENGTH, PostPartition, Window
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.freshness import freshness_now
from sentiment_assets_tests.local_platform import Platform, failures
from sentiment_assets_tests.s3_server import S3Server
from sentiment_assets_tests.simulated import UTC, SimulatedPlatform, running_simulator

#: The one whose source stops.
STOPPED = "x"
#: The alert sensor looks once a minute.
A_LOOK = dt.timedelta(seconds=60)
#: Between a look and the message in the queue, on a machine that has other work.
ON_THE_WAY = dt.timedelta(seconds=15)
A_MOMENT = dt.timedelta(seconds=1)
#: For whatever is waited for: machines that run tests are busy.
PATIENCE = 240.0

RULES = """
version: 1
rules:
  table_stale: {severity: critical, recover_after: 1min}
"""


@dataclass
class Mailbox:
    """A queue that is subscribed to the topic of alerts."""

    aws: S3Server
    topic: str
    queue: str
    got: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def subscribed(cls, aws: S3Server) -> Mailbox:
        sns, sqs = aws.client_of("sns"), aws.client_of("sqs")
        topic = sns.create_topic(Name="freshness-alerts")["TopicArn"]
        queue = sqs.create_queue(QueueName="freshness-alerts")["QueueUrl"]
        its = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=its["QueueArn"])
        return cls(aws, topic, queue)

    def fetch(self) -> list[dict[str, Any]]:
        """All messages so far: the document, the attributes, and when it came."""
        answer = self.aws.client_of("sqs").receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=10, WaitTimeSeconds=0
        )
        for message in answer.get("Messages", []):
            body = json.loads(message["Body"])
            attributes = {name: a["Value"] for name, a in body["MessageAttributes"].items()}
            self.got.append({**json.loads(body["Message"]), **attributes, "came": _now()})
            self.aws.client_of("sqs").delete_message(
                QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"]
            )
        return self.got

    def told(self, event: str) -> list[dict[str, Any]]:
        """What came of stale tables with this event."""
        return [m for m in self.fetch() if (m["rule"], m["event"]) == ("table_stale", event)]


@pytest.fixture
def apis() -> Iterator[dict[str, SimulatedPlatform]]:
    """The four platforms as they are now."""
    options = ("--posts-per-day", "120", "--comments-per-day", "60")
    with running_simulator(_now(), *options) as served:
        served[STOPPED].free_clock()
        yield served


@pytest.fixture
def mailbox(s3_endpoint: S3Server) -> Mailbox:
    return Mailbox.subscribed(s3_endpoint)


@pytest.fixture
def home(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    apis: dict[str, SimulatedPlatform],
    mailbox: Mailbox,
) -> Iterator[Path]:
    """A home whose settings are those of this process, and so of the daemon that it starts."""
    server = embedded_postgres(tmp_path)
    (tmp_path / "alerts.yaml").write_text(RULES)
    (tmp_path / "freshness.yaml").write_text("version: 1\n")
    environment = {
        "HOME": tmp_path,
        "POSTGRES_URL": server.get_uri(driver="psycopg2"),
        "ALERTS": tmp_path / "alerts.yaml",
        "FRESHNESS": tmp_path / "freshness.yaml",
        # Today and yesterday: enough for windows, whatever the hour.
        "CATCH_UP_DAYS": 1,
        "ALERT_TOPIC_ARN": mailbox.topic,
        "SNS_ENDPOINT": mailbox.aws.url,
        # Any will do for the emulator; there is no role of a machine.
        "S3_ACCESS_KEY_ID": "test-key-id",
        "S3_SECRET_ACCESS_KEY": "test-secret-key",
        **{f"{name.upper()}_BASE_URL": api.url for name, api in apis.items()},
    }
    for name, value in environment.items():
        monkeypatch.setenv(f"SENTIMENT_{name}", str(value))
    monkeypatch.setenv("DAGSTER_HOME", str(dagster_home(read_settings())))
    yield tmp_path
    server.cleanup()


@pytest.fixture
def platform(home: Path, apis: dict[str, SimulatedPlatform]) -> Iterator[Platform]:
    """Everything is fetched and rebuilt up to now, of X up to four hours before."""
    now = _now()
    apis[STOPPED].now = last_fetched(now)
    clients = {name: api.client for name, api in apis.items()}
    with dg.DagsterInstance.get() as instance:
        platform = Platform(read_settings(), apis[STOPPED], instance, {"clients": clients})
        for name, client in clients.items():
            client.clock = (lambda at=apis[name].now: at) if name == STOPPED else _now
            until = client.clock().date()
            days = [now.date() - dt.timedelta(days=back) for back in (1, 0)]
            known = [PostPartition(day, name) for day in days if day <= until]
            with pytest.MonkeyPatch.context() as patch:
                # The API's clock is today's, X's last fetch was then.
                patch.setattr(http, "MOST_SKEW", dt.timedelta(hours=6))
                fetched = platform.run("fetch", known)
            assert fetched.success, failures(fetched)
            platform.rebuild(*known)
        yield platform


def last_fetched(now: dt.datetime) -> dt.datetime:
    """A tick of the clock, two ticks before the newest."""
    return Window.of(now, STOPPED).start - 2 * WINDOW_LENGTH + dt.timedelta(minutes=5)


@contextlib.contextmanager
def running_daemon(home: Path) -> Iterator[Service]:
    """Start it as a service of this home; when it ends, nothing of it is left."""
    services = Services(home)
    daemon = services.start(
        "daemon",
        [
            str(interpreter_script("dagster-daemon")), "run",
            "-w", str(PROJECT_ROOT / "workspace.yaml"),
        ],
        {},
        cwd=home / "dagster",
    )  # fmt: skip
    family: list[psutil.Process] = []
    try:
        yield daemon
        family = psutil.Process(daemon.process.pid).children(recursive=True)
        assert family, "the code's server, at least"
    finally:
        services.stop()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []


@pytest.mark.timeout(900)
def test_a_source_that_stops_is_told_within_its_deadline_and_so_is_its_return(
    home: Path,
    platform: Platform,
    apis: dict[str, SimulatedPlatform],
    mailbox: Mailbox,
) -> None:
    stopped = apis[STOPPED]
    an_earlier_daemon_ran(platform.instance, until=stopped.now)
    stopped.fault("server_error", times=-1)
    asked_before = stopped.requests()

    # Its deadline ends in a moment, while the daemon starts; the others have the usual ones.
    deadline = _now() + dt.timedelta(seconds=3)
    whole_until = Window.of(stopped.now, STOPPED).start
    minutes = (deadline - whole_until) / dt.timedelta(minutes=1)
    (home / "freshness.yaml").write_text(
        f"version: 1\nplatforms: {{{STOPPED}: {{bronze: {minutes:.3f} min}}}}\n"
    )
    watch = freshness_watch(read_settings())
    verdicts = freshness_now(platform.instance, platform.lake, watch, deadline - A_MOMENT)
    assert {verdict.platform for verdict in verdicts} == {*PLATFORMS}
    assert [verdict for verdict in verdicts if not verdict.fresh] == []

    with running_daemon(home) as daemon:
        wait(daemon, lambda: bool(mailbox.told("opened")))
        [opened] = mailbox.told("opened")
        assert dt.datetime.fromisoformat(opened["at"]) > deadline
        # Or after the daemon's first look, where the machine took longer to start it.
        first_look, *_ = looks(platform.instance)
        assert opened["came"] < max(deadline, first_look) + A_LOOK + ON_THE_WAY
        assert opened["platform"] == STOPPED
        [stale] = opened["alerts"]
        assert stale["key"] == f"table_stale:{BATCH_POSTS}|{STOPPED}"

        # The fetch of the clock met the dead source too, and tries on.
        wait(daemon, lambda: stopped.requests() > asked_before)
        stopped.heal()
        wait(daemon, lambda: bool(mailbox.told("recovered")))
    [recovered] = mailbox.told("recovered")
    assert recovered["platform"] == STOPPED
    assert [alert["key"] for alert in recovered["alerts"]] == [stale["key"]]
    # Of whatever rule: the daemon has ended, so that these are all.
    assert {message["platform"] for message in mailbox.fetch()} == {STOPPED}
    assert len(mailbox.told("opened")) == len(mailbox.told("recovered")) == 1


def an_earlier_daemon_ran(instance: dg.DagsterInstance, until: dt.datetime) -> None:
    """What it leaves behind of the schedule: one that starts makes up for the newest tick since."""
    code = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("sentiment"), "__repository__")
    instance.add_instigator_state(
        InstigatorState(
            RemoteInstigatorOrigin(code, every_two_hours.name),
            InstigatorType.SCHEDULE,
            InstigatorStatus.DECLARED_IN_CODE,
            ScheduleInstigatorData(
                str(every_two_hours.cron_schedule), start_timestamp=until.timestamp()
            ),
        )
    )


def looks(instance: dg.DagsterInstance) -> list[dt.datetime]:
    """When the daemon let the alert sensor look, first look first."""
    states = instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
    ticks = [
        tick
        for state in states
        if state.instigator_name == alert_on_troubles.name
        for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id)
    ]
    return sorted(dt.datetime.fromtimestamp(tick.timestamp, UTC) for tick in ticks)


def wait(daemon: Service, condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not condition():
        if daemon.died() or time.monotonic() > ends:
            said = daemon.log.read_text(encoding="utf-8", errors="replace")
            pytest.fail(f"waited in vain; the daemon's log ends with:\n{said[-3000:]}")
        time.sleep(0.25)


def _now() -> dt.datetime:
    return dt.datetime.now(UTC)
