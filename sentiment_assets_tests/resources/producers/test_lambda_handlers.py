"""Lambda's handlers, called with events as AWS documents them."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from resources.api_clients.errors import ApiError
from resources.producers import lambda_handlers
from resources.producers.lambda_handlers import (
    RESERVED,
    Function,
    SettingsWrong,
    polled,
    request_of,
    scheduled_at,
)
from sentiment_assets_tests.resources.producers.conftest import Topic
from sentiment_assets_tests.simulated import SimulatedPlatform, running_simulator

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.timezone.utc)
MINUTE = dt.timedelta(minutes=1)
ROOT = Path(__file__).parents[3]

#: https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-eventbridge.html
SCHEDULED = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.scheduler",
    "account": "123456789012",
    "time": "2026-11-23T12:00:00Z",
    "region": "us-east-1",
    "resources": ["arn:aws:scheduler:us-east-1:123456789012:schedule/default/poll-x"],
    "detail": "{}",
}


def url_event(
    method: str, body: bytes = b"", *, query: str = "", encoded: bool = True, **headers: str
) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads"""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/webhooks/facebook",
        "rawQueryString": query,
        "cookies": [],
        "headers": {
            "Content-Type": "application/json",
            "host": "abcdefg.lambda-url.us-east-1.on.aws",
            "user-agent": "Webhooks/1.0",
            "x-forwarded-for": "203.0.113.9",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abcdefg",
            "domainName": "abcdefg.lambda-url.us-east-1.on.aws",
            "domainPrefix": "abcdefg",
            "http": {
                "method": method,
                "path": "/webhooks/facebook",
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.9",
                "userAgent": "Webhooks/1.0",
            },
            "requestId": "e1506fd5-9e7b-434f-bd42-4f8fa224b599",
            "routeKey": "$default",
            "stage": "$default",
            "time": "23/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1795435200000,
        },
        **({"body": base64.b64encode(body).decode() if encoded else body.decode()} if body else {}),
        "isBase64Encoded": bool(body) and encoded,
    }


class FakeContext:
    """A context whose time runs by what a test says: seconds left at each question."""

    def __init__(self, *seconds: float) -> None:
        self._seconds = list(seconds or (300.0,))
        self.function_name = "poll-x"
        self.memory_limit_in_mb = "512"
        self.aws_request_id = "e1506fd5-9e7b-434f-bd42-4f8fa224b599"

    def get_remaining_time_in_millis(self) -> int:
        seconds = self._seconds.pop(0) if len(self._seconds) > 1 else self._seconds[0]
        return int(seconds * 1000)


@pytest.fixture(scope="module")
def simulator() -> Iterator[dict[str, SimulatedPlatform]]:
    # Real time: a function's client follows the machine's clock.
    with running_simulator(NOW, "--posts-per-day", "0") as served:
        for platform in served.values():
            platform.free_clock()
        yield served


@pytest.fixture
def function_of(
    simulator: dict[str, SimulatedPlatform],
    topic_of: Callable[..., Topic],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., tuple[Function, Topic]]:
    """A cold function of a platform, and its topic."""
    # Asking the mock for the topic's limit would take ten seconds.
    monkeypatch.setattr("resources.producers.publisher.topic_limit", lambda *_: 1_000_000)

    def make(platform: str = "x", **more: str) -> tuple[Function, Topic]:
        topic = topic_of(platform)
        environment = {
            "SENTIMENT_PRODUCE_PLATFORM": platform,
            "SENTIMENT_KAFKA_BROKERS": topic.connection.brokers,
            "SENTIMENT_KAFKA_PREFIX": topic.prefix,
            "SENTIMENT_SOURCE": "simulator",
            "SENTIMENT_TRACKING": str(ROOT / "tracking.yaml"),
            f"SENTIMENT_{platform.upper()}_BASE_URL": simulator[platform].url,
            **more,
        }
        return Function(environment), topic

    return make


def event_now() -> dict[str, Any]:
    now = dt.datetime.now(dt.timezone.utc)
    return {**SCHEDULED, "time": now.strftime("%Y-%m-%dT%H:%M:%SZ")}


def test_a_scheduled_poll_publishes_what_came(
    function_of: Callable[..., tuple[Function, Topic]],
    simulator: dict[str, SimulatedPlatform],
    capsys: pytest.CaptureFixture[str],
) -> None:
    function, topic = function_of(SENTIMENT_METRICS_NAMESPACE="Sentiment")
    now = dt.datetime.now(dt.timezone.utc)
    wanted = [
        simulator["x"].post("nimbus", now - 5 * MINUTE),
        simulator["x"].post("cirrus", now - 4 * MINUTE),
    ]
    simulator["x"].post("nimbus long ago", now - 45 * MINUTE)

    outcome = polled(function, event_now(), FakeContext())

    found = {msgspec.json.decode(m.value())["data"]["id"] for m in topic.messages()}
    assert found == set(wanted)
    assert outcome["complete"] is True
    assert (outcome["published"], outcome["unsent"], outcome["left"]) == (2, 0, [])
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["acknowledged"] == 2
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Sentiment"
    simulator["x"].forget()


def test_before_its_time_is_over_it_stops_and_says_what_is_left(
    function_of: Callable[..., tuple[Function, Topic]],
) -> None:
    function, topic = function_of()
    # Enough for the first source, and then no more.
    short = FakeContext(60, 60, 60, 60, 60, RESERVED.total_seconds() - 1)

    outcome = polled(function, event_now(), short)

    assert outcome["complete"] is False
    assert outcome["left"] == ["rivals"]
    assert topic.messages() == []


def test_a_call_keeps_to_its_share_of_the_requests(
    function_of: Callable[..., tuple[Function, Topic]],
) -> None:
    # One in 15 minutes: of a call that asks for 15 minutes, the second source finds none left.
    function, _ = function_of(SENTIMENT_X_REQUESTS="1", SENTIMENT_PRODUCE_LOOKBACK_MINUTES="15")

    outcome = polled(function, event_now(), FakeContext())

    assert outcome["left"] == ["rivals"]
    assert outcome["complete"] is False


def test_where_nothing_can_be_read_the_call_fails(
    function_of: Callable[..., tuple[Function, Topic]], simulator: dict[str, SimulatedPlatform]
) -> None:
    function, _ = function_of()
    simulator["x"].fault("dead_token", times=-1)
    with pytest.raises(ApiError, match="make a new one"):
        polled(function, event_now(), FakeContext())
    simulator["x"].heal()


TIMES = [
    (SCHEDULED, NOW),
    ({"time": "2026-11-23T14:00:00+02:00"}, NOW),
    ({"time": "yesterday"}, None),
    ({"time": "2026-11-23T12:00:00"}, None),
    ({"time": 7}, None),
    ({}, None),
]


@pytest.mark.parametrize(("event", "at"), TIMES)
def test_a_schedules_time(event: dict[str, Any], at: dt.datetime | None) -> None:
    assert scheduled_at(event) == at


# The receiver


def signed(body: bytes) -> str:
    return "sha256=" + hmac.new(b"app-secret", body, hashlib.sha256).hexdigest()


BODY = json.dumps(
    {
        "object": "page",
        "entry": [
            {
                "id": "104857600001001",
                "time": 1795435203,
                "changes": [
                    {
                        "field": "feed",
                        "value": {
                            "item": "comment",
                            "verb": "add",
                            "post_id": "104857600001001_7001",
                            "comment_id": "7001_8001",
                            "created_time": 1795435200,
                            "message": "é is down",
                        },
                    }
                ],
            }
        ],
    },
    ensure_ascii=False,
).encode()


@pytest.fixture
def called(
    function_of: Callable[..., tuple[Function, Topic]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Callable[[dict[str, Any]], dict[str, Any]], Topic]]:
    """The handler itself, cold."""
    function, topic = function_of(
        "facebook",
        SENTIMENT_FACEBOOK_VERIFY_TOKEN="verify-me",
        SENTIMENT_FACEBOOK_APP_SECRET="app-secret",
    )
    lambda_handlers._receiver.cache_clear()
    monkeypatch.setattr(lambda_handlers, "_working", lambda: function)
    monkeypatch.setattr(lambda_handlers, "_function", lambda: function)
    yield lambda event: lambda_handlers.receive(event, FakeContext()), topic
    lambda_handlers._receiver.cache_clear()


@pytest.mark.parametrize("encoded", [True, False], ids=["base64", "text"])
@pytest.mark.parametrize("name", ["x_hub_signature_256", "X_Hub_Signature_256"])
def test_a_notification_is_taken_when_kafka_has_it(
    called: tuple[Callable[[dict[str, Any]], dict[str, Any]], Topic], encoded: bool, name: str
) -> None:
    call, topic = called

    answer = call(url_event("POST", BODY, encoded=encoded, **{name: signed(BODY)}))

    assert answer["statusCode"] == 200
    (message,) = topic.messages()
    assert msgspec.json.decode(message.value())["change"]["value"]["message"] == "é is down"


def test_challenges_and_refusals(
    called: tuple[Callable[[dict[str, Any]], dict[str, Any]], Topic],
) -> None:
    call, topic = called
    query = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=verify-me"

    answer = call(url_event("GET", query=query))
    assert (answer["statusCode"], answer["body"]) == (200, "1158201444")
    assert answer["headers"]["content-type"] == "text/plain"
    assert call(url_event("GET", query=query.replace("-me", "-you")))["statusCode"] == 403
    assert call(url_event("POST", BODY))["statusCode"] == 401
    # A test from Lambda's console.
    assert call({"key1": "value1"})["statusCode"] == 400
    assert call({**url_event("POST", BODY), "body": "%%%"})["statusCode"] == 400
    assert topic.messages() == []


def test_of_an_event_a_request_is_made() -> None:
    event = url_event("post", b'{"a": 1}', query="a=1&b=%C3%A9&a=2&c=", X_Thing="Yes")
    request = request_of(event)

    assert (request.method, request.path, request.body) == (
        "POST",
        "/webhooks/facebook",
        b'{"a": 1}',
    )
    assert request.query == {"a": "2", "b": "é", "c": ""}
    assert request.headers["x-thing"] == "Yes"


WRONG = [
    ({}, "SENTIMENT_PRODUCE_PLATFORM"),
    ({"SENTIMENT_PRODUCE_PLATFORM": "tiktok"}, "must be one of"),
    ({"SENTIMENT_PRODUCE_PLATFORM": "x"}, "SENTIMENT_KAFKA_BROKERS"),
    (
        {"SENTIMENT_PRODUCE_PLATFORM": "x", "SENTIMENT_X_BEARER_TOKEN": "hush hush"},
        "SENTIMENT_X_BEARER_TOKEN",
    ),
]


@pytest.mark.parametrize(("environment", "said"), WRONG)
def test_what_its_environment_lacks_is_named(environment: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsWrong, match=said) as told:
        Function(environment)
    assert "hush" not in str(told.value)


def test_a_cold_start_imports_no_dagster() -> None:
    program = (
        "import sys, resources.producers.lambda_handlers\n"
        "from importlib import import_module\n"
        "from sentiment_assets.core.platforms import PLATFORMS\n"
        "for name in PLATFORMS:\n"
        "    import_module(f'resources.producers.{name}')\n"
        "heavy = ('dagster', 'polars', 'uvicorn', 'deltalake', 'pandas', 'sqlalchemy')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
