"""AWS Lambda: a scheduled poll of one platform, and the receiver of its pushes.

What belongs here: Amazon's events in, and what a function of few minutes may do. Polling,
receiving and publishing are the same code that ``sentiment produce`` runs.

A function is told by its environment what to do: ``SENTIMENT_PRODUCE_PLATFORM``, the settings of
Kafka (``SENTIMENT_KAFKA_…``), of producers (``SENTIMENT_PRODUCE_…``), of the platform
(``SENTIMENT_X_…``), ``SENTIMENT_SOURCE`` and ``SENTIMENT_TRACKING`` as everywhere. Its handlers are
``resources.producers.lambda_handlers.poll`` and ``….receive``. Nothing of Dagster is imported: a
cold start would wait for it.

Sources (read 2026-11-25), below https://docs.aws.amazon.com/: lambda/latest/dg/urls-invocation
(payload format 2.0, of API Gateway's HTTP APIs too), lambda/latest/dg/python-context,
scheduler/latest/UserGuide/managing-schedule-context-attributes, eventbridge/latest/ref/
(``Scheduled Event``).
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import logging
import math
import os
import sys
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from resources.api_clients.access import PlatformAccess
from resources.api_clients.errors import ApiError
from resources.api_clients.http import UNMETERED, Allowance, RateBudget, utc_now
from resources.kafka import KafkaConnection, KafkaSettings
from resources.producers.polls import Memory, published_pages
from resources.producers.producing import Counts, pushing
from resources.producers.publisher import Publisher
from resources.producers.records import Record
from resources.producers.reports import report_line, since
from resources.producers.settings import ProducerSettings
from resources.producers.webhooks import Answer, Receiver, Request
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.streams import topic_name
from sentiment_assets.core.tracking import TrackedSource, parse_tracking

PREFIX = "SENTIMENT_"
#: Before a function's time is over it stops reading: what was read must still reach Kafka.
RESERVED = dt.timedelta(seconds=15)
#: For an API's limits, of what is left: a function is paid for while it waits.
LONGEST_WAIT = dt.timedelta(seconds=60)

logger = logging.getLogger(__name__)


class Context(Protocol):
    """What of Lambda's context is asked for."""

    def get_remaining_time_in_millis(self) -> int:
        """Until the function is ended."""


class FunctionSettings(KafkaSettings, ProducerSettings):
    """What a function reads of its environment beside its platform's settings."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    # Needed here, where no argument names it.
    produce_platform: str = Field()
    source: Literal["simulator", "live"] = "live"
    tracking: Path = Path("tracking.yaml")
    metrics_namespace: str | None = None

    @field_validator("produce_platform")
    @classmethod
    def _known(cls, platform: str) -> str:
        if platform not in PLATFORMS:
            raise ValueError(f"must be one of {', '.join(PLATFORMS)}")
        return platform

    @property
    def origin(self) -> str:
        """Whose posts are brought."""
        return "live" if self.source == "live" else "simulated"


class SettingsWrong(Exception):
    """The function's environment is not what it needs; the message names the settings alone."""


class CallBudget:
    """Requests that one call may send: its share of what the platform grants in a period.

    Calls know nothing of each other, nor of the instance's shared budget; so each keeps to what
    falls on the stretch that it asks for.
    """

    def __init__(self, granted: int, share: float) -> None:
        self._left = max(1, math.ceil(granted * share))

    def take(self) -> float:
        """0.0 while some are left, then longer than any call lasts."""
        if self._left <= 0:
            return dt.timedelta(hours=1).total_seconds()
        self._left -= 1
        return 0.0

    def observe(self, allowance: Allowance) -> None:
        """What the API says itself is heeded by the client."""


class Function:
    """One function's parts, made at its cold start and kept between its calls."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.settings = _read(environment, FunctionSettings, "")
        self.platform = self.settings.produce_platform
        self._client_module = import_module(f"resources.api_clients.{self.platform}")
        self.access: PlatformAccess = _read(
            environment, self._client_module.Access, f"{self.platform}_"
        )
        if self.settings.kafka_brokers is None:
            raise SettingsWrong(f"{PREFIX}KAFKA_BROKERS is not set: posts are produced to Kafka")
        self.publisher = Publisher(
            _connection(self.settings),
            topic_name(self.platform, self.settings.kafka_prefix),
            buffer_records=self.settings.produce_buffer_records,
            buffer_bytes=self.settings.produce_buffer_mb * 1_000_000,
            compression=self.settings.produce_compression,
        )
        self._reported = Counts()

    def _budget(self) -> RateBudget:
        granted = self.access.requests
        if granted is None:
            # The simulator grants what it is asked for.
            granted = self.access.REQUESTS if self.settings.source == "live" else None
        if granted is None:
            return UNMETERED
        return CallBudget(granted, self.settings.produce_lookback / self.access.PERIOD)

    def client(self, max_wait_s: float, *, metered: bool = False) -> Any:
        """A client that waits no longer than the function can; ``metered`` for one call's share."""
        base_url = self.access.base_url
        if base_url is None and self.settings.source == "live":
            base_url = self.access.LIVE_URL
        secret = self.access.credential
        if base_url is None or (secret is None and self.settings.source == "live"):
            what = self.access.CREDENTIAL if base_url is not None else "base_url"
            raise SettingsWrong(f"{PREFIX}{self.platform}_{what}".upper() + " is not set")
        wait = min(max_wait_s, self.access.max_wait_seconds)
        return self._client_module.open_client(
            self.access.model_copy(update={"max_wait_seconds": max(0.0, wait)}),
            base_url=base_url,
            token=secret.get_secret_value() if secret else "simulated",
            budget=self._budget() if metered else UNMETERED,
        )

    def tracked(self) -> tuple[TrackedSource, ...]:
        """The platform's sources."""
        path = self.settings.tracking
        return parse_tracking(path.read_text("utf-8"), path.name).sources.get(self.platform, ())

    def report(self, read: Mapping[str, int]) -> None:
        """A log line, which Lambda takes to CloudWatch: its metrics with it."""
        counts = self.publisher.counts()
        news, self._reported = since(counts, self._reported), counts
        line = report_line(self.platform, news, read, utc_now(), self.settings.metrics_namespace)
        sys.stdout.write(f"{json.dumps(line)}\n")


@cache
def _function() -> Function:
    return Function(os.environ)


def _working() -> Function:
    """The function's parts, made anew where its producer failed for good."""
    if _function().publisher.failure is not None:
        _function.cache_clear()
        _receiver.cache_clear()
    return _function()


def poll(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """What EventBridge Scheduler calls: publish what came since the last call.

    The stretch ends at the event's own time and begins ``SENTIMENT_PRODUCE_LOOKBACK_MINUTES``
    before: a schedule's period and an overlap. Returns what was done, and in ``left`` the sources
    that were not read to their end, which the next call's overlap or the 2-hourly fetch brings.
    Raises where nothing could be read, so that Lambda counts an error.
    """
    return polled(_working(), event, context)


def receive(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """What a function URL or an HTTP API calls: a challenge, or a notification."""
    _working()
    return received(_receiver(), event)


@cache
def _receiver() -> Receiver:
    function = _function()
    module = pushing(function.platform)
    if not hasattr(module, "open_pushes"):
        raise SettingsWrong(f"{PREFIX}PRODUCE_PLATFORM: {function.platform} pushes to no webhook")
    assert module is not None
    pushes = module.open_pushes(function.access, function.client(3.0))
    return Receiver(
        function.platform,
        pushes,
        function.publisher,
        origin=function.settings.origin,
        acknowledged_within_s=function.settings.produce_acknowledged_seconds,
    )


def polled(function: Function, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """See :func:`poll`."""
    remaining = _remaining(context)

    def in_time() -> bool:
        return _remaining(context) > RESERVED

    wait = min(LONGEST_WAIT, max(dt.timedelta(), remaining - 2 * RESERVED))
    client = function.client(wait.total_seconds(), metered=True)
    end = min(scheduled_at(event) or client.clock(), client.clock())
    start = end - function.settings.produce_lookback
    memory = Memory()
    read: Counter[str] = Counter()
    left: list[str] = []
    failed: list[ApiError] = []
    tracked = function.tracked()

    def publish(record: Record) -> Any:
        return function.publisher.publish(record, max(0.1, _remaining(context).total_seconds()))

    try:
        for source in tracked:
            if not in_time():
                left.append(source.name)
                continue
            try:
                search = client.search(source, start, end)
                read += published_pages(
                    function.platform,
                    search,
                    memory,
                    publish,
                    api_version=client.api_version,
                    origin=function.settings.origin,
                    go_on=in_time,
                )
                if not search.exhausted:
                    left.append(source.name)
            except ApiError as error:
                logger.warning("%s %s: %s", source.kind, source.name, error)
                failed.append(error)
                left.append(source.name)
    finally:
        client.close()
    # What Kafka has not by the end of this call may never be sent: the process is frozen.
    unsent = function.publisher.flush(max(1.0, _remaining(context).total_seconds() - 2))
    read["failures"] += len(failed)
    function.report(read)
    if failed and len(failed) == len(tracked):
        raise failed[0]
    if left or unsent:
        logger.warning("not read to the end: %s; records not at Kafka: %d", ", ".join(left), unsent)
    return {
        "platform": function.platform,
        "from": start.isoformat(),
        "to": end.isoformat(),
        "published": read["posts"],
        "unsent": unsent,
        "left": left,
        "complete": not left and not unsent,
    }


def received(receiver: Receiver, event: Mapping[str, Any]) -> dict[str, Any]:
    """See :func:`receive`."""
    try:
        answer = receiver.answer(request_of(event))
    except (KeyError, TypeError, ValueError, binascii.Error):
        # An event of another kind: a test from the console, say.
        answer = Answer(400)
    return {
        "statusCode": answer.status,
        "headers": {"content-type": answer.media_type},
        "body": answer.body.decode(),
        "isBase64Encoded": False,
    }


def request_of(event: Mapping[str, Any]) -> Request:
    """The request of an event in payload format 2.0.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    http = event["requestContext"]["http"]
    body = event.get("body") or ""
    raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    headers = event.get("headers") or {}
    return Request(
        str(http["method"]).upper(),
        str(event.get("rawPath") or http.get("path") or "/"),
        # Of a name that stands twice the last.
        dict(parse_qsl(event.get("rawQueryString") or "", keep_blank_values=True)),
        {str(name).lower(): str(value) for name, value in headers.items()},
        raw,
    )


def scheduled_at(event: Mapping[str, Any]) -> dt.datetime | None:
    """When a scheduled event was due; null where the event has no such time.

    EventBridge writes ``time``. A schedule's own input may name it with
    ``<aws.scheduler.scheduled-time>``: ``{"time": "<aws.scheduler.scheduled-time>"}``.
    """
    told = event.get("time")
    try:
        at = dt.datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None
    return at.astimezone(dt.timezone.utc) if at is not None and at.tzinfo is not None else None


def _remaining(context: Context) -> dt.timedelta:
    return dt.timedelta(milliseconds=context.get_remaining_time_in_millis())


def _read(environment: Mapping[str, str], model: type[BaseModel], prefix: str) -> Any:
    given = {
        field: environment[variable]
        for field in model.model_fields
        if environment.get(variable := f"{PREFIX}{prefix}{field}".upper())
    }
    try:
        return model.model_validate(given)
    except ValidationError as error:
        told = error.errors(include_url=False, include_input=False, include_context=False)
    said = [
        f"{PREFIX}{prefix}{problem['loc'][0] if problem['loc'] else ''}".upper()
        + f": {problem['msg']}"
        for problem in told
    ]
    raise SettingsWrong("\n".join(said))


def _connection(settings: KafkaSettings) -> KafkaConnection:
    assert settings.kafka_brokers is not None
    password = settings.kafka_password
    return KafkaConnection(
        settings.kafka_brokers,
        settings.kafka_security,
        str(settings.kafka_ca_file) if settings.kafka_ca_file else None,
        settings.kafka_username,
        password.get_secret_value() if password else None,
        settings.kafka_region or os.environ.get("AWS_REGION", "us-east-1"),
        client_id="sentiment-lambda",
    )
