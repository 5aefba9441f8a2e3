"""``sentiment produce``: brings a platform's posts to Kafka as they are made, until it is stopped.

What belongs here: options, signals, and what is said. Reading and publishing are
``resources.producers``.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from sentiment_assets.core.platforms import PLATFORMS

if TYPE_CHECKING:
    from sentiment_assets.definitions import Settings

#: Where webhooks listen: a proxy with TLS in front of it passes them on.
HOST, PORT = "127.0.0.1", 8090


@click.command()
@click.argument("platform", type=click.Choice(list(PLATFORMS)))
@click.option("--poll", is_flag=True, help="Ask again and again, also where the platform pushes.")
@click.option("--host", default=HOST, show_default=True, help="Address that webhooks listen on.")
@click.option(
    "--port",
    default=PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port that webhooks listen on; 0 takes any free one.",
)
def produce(platform: str, poll: bool, host: str, port: int) -> None:
    """Bring PLATFORM's posts to its Kafka topic as they are made.

    X is read by its filtered stream; the others push to a webhook, or are polled with --poll. Runs
    until SIGTERM or Ctrl-C: then it stops reading and waits until Kafka has the rest. A second
    signal ends it at once. Exits with 1 if it could not go on, or Kafka did not take all.
    """
    from sentiment_assets.definitions import (
        PublishError,
        SecretMissing,
        open_producer,
        read_settings,
    )

    settings = read_settings()
    if settings.kafka is None:
        raise click.UsageError(
            "SENTIMENT_KAFKA_BROKERS is not set: posts are produced to Kafka; for example: "
            "SENTIMENT_KAFKA_BROKERS=127.0.0.1:9092 (docs/streaming.md)"
        )
    _log(settings)
    try:
        running = open_producer(settings, platform, poll=poll, host=host, port=port)
    except SecretMissing as error:
        raise click.UsageError(str(error)) from None
    except PublishError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.UsageError(
            f"--host {host} --port {port}: {error.strerror}; --port 0 takes any free port"
        ) from None
    where = f", listening at {running.address}" if running.address else ""
    click.echo(f"producing to {running.topic}{where}; Ctrl-C stops")
    with _until_told() as stopping:
        outcome = running.run(stopping, _reporter(settings, platform))
    counts = outcome.published
    click.echo(
        f"published {counts.acknowledged:,} records in {outcome.seconds:,.0f} s; "
        f"{counts.refused} were too large, {outcome.left} are left"
    )
    if outcome.error is not None:
        raise click.ClickException(outcome.error)
    if outcome.left or counts.failed:
        raise click.exceptions.Exit(1)


@contextlib.contextmanager
def _until_told() -> Iterator[threading.Event]:
    """An event that the first signal sets; the second has its usual effect."""
    told = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def stop(_number: int, _frame: FrameType | None) -> None:
        told.set()
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)

    previous = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield told
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _reporter(settings: Settings, platform: str) -> Callable[[Any, Mapping[str, int]], None]:
    """Writes what was published since it was asked last: JSON where logs are, else words."""
    from sentiment_assets.definitions import Counts, report_line, since

    last = Counts()

    def report(counts: Counts, read: Mapping[str, int]) -> None:
        nonlocal last
        news, last = since(counts, last), counts
        if settings.log_format == "json":
            at = dt.datetime.now(dt.timezone.utc)
            line = report_line(platform, news, read, at, settings.metrics_namespace)
            # One write a line: processes share the stream.
            sys.stderr.write(f"{json.dumps(line)}\n")
            sys.stderr.flush()
            return
        click.echo(
            f"{news['acknowledged']:,.0f} records acknowledged, {news['queued']:,.0f} waiting",
            err=True,
        )

    return report


def _log(settings: Settings) -> None:
    """What producers say goes to standard error, in the form that logs have."""
    from sentiment_assets.definitions import JsonLines

    handler: logging.Handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    if settings.log_format == "json":
        handler = JsonLines()
    ours = logging.getLogger("resources")
    ours.setLevel(logging.INFO)
    ours.addHandler(handler)
