"""A long-lived producer of one platform: reading, publishing, measuring, stopping.

What belongs here: which way of bringing posts a platform has, threads, and the end. Reading is each
platform's own; what the command line says is its own, too.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import uvicorn

from resources.kafka import KafkaConnection
from resources.producers.polls import Poller
from resources.producers.producing import Counts, Publish, PublishError, Reader, pushing
from resources.producers.publisher import Publisher
from resources.producers.settings import ProducerSettings
from resources.producers.webhooks import Receiver, webhook_app
from sentiment_assets.core.streams import topic_name

logger = logging.getLogger(__name__)

#: Gets what was published and what was read, both since the start.
Report = Callable[[Counts, Mapping[str, int]], None]

#: Between two reports of what was published.
REPORT_EVERY_S = 60.0
_LOOK_S = 0.2


class Webhooks:
    """Serves a receiver by uvicorn until it is stopped: a reader like any other."""

    def __init__(self, platform: str, receiver: Receiver, listener: socket.socket) -> None:
        self._receiver = receiver
        self._listener = listener
        config = uvicorn.Config(
            webhook_app(platform, receiver),
            log_level="critical",
            # Its lines hold addresses of callers and what they asked for.
            access_log=False,
            lifespan="off",
            # Beyond it 503, and the platform sends again.
            limit_concurrency=100,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
        self._server = uvicorn.Server(config)

    def run(self) -> None:
        """Serve until stopped; open requests are answered first."""
        self._server.run(sockets=[self._listener])

    def stop(self) -> None:
        """Take no more requests."""
        self._server.should_exit = True

    def counts(self) -> Mapping[str, int]:
        """As :meth:`Receiver.counts`."""
        return self._receiver.counts()


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens, before anything is announced; raises OSError."""
    listener = socket.create_server((host, port), backlog=128, reuse_port=False)
    listener.setblocking(False)
    return listener


@dataclass(frozen=True)
class Outcome:
    """What a producer did from its start to its end."""

    published: Counts
    read: Mapping[str, int]
    #: Records that Kafka had not taken when the time was over.
    left: int
    seconds: float
    #: What ended it, if nobody told it to stop.
    error: str | None = None


class Producing:
    """A producer of one platform that is ready to run.

    Args:
        client: of the platform's API.
        access: the platform's settings.
        tracked: its sources.
        at: host and port that webhooks listen on; null for a stream or polls.

    Raises:
        SecretMissing: pushes can't be checked without it.
        PublishError: the topic is missing, or no broker answers.
        OSError: the port is taken.
    """

    def __init__(
        self,
        platform: str,
        client: Any,
        access: Any,
        tracked: Sequence[Any],
        connection: KafkaConnection,
        settings: ProducerSettings,
        *,
        origin: str,
        prefix: str = "",
        poll: bool = False,
        at: tuple[str, int] | None = None,
    ) -> None:
        self.topic = topic_name(platform, prefix)
        #: Where webhooks are received; null where nothing listens.
        self.address: str | None = None
        self._client = client
        self._settings = settings
        module = pushing(platform)
        # Secrets and the port are looked at first: both are quicker told than a broker.
        pushes = module.open_pushes(access, client) if module and at is not None else None
        listener = listening(*at) if at is not None else None
        self._publisher = Publisher(
            connection,
            self.topic,
            buffer_records=settings.produce_buffer_records,
            buffer_bytes=settings.produce_buffer_mb * 1_000_000,
            compression=settings.produce_compression,
        )
        publish: Publish = self._publisher.publish
        if pushes is not None and listener is not None:
            within_s = settings.produce_acknowledged_seconds
            receiver = Receiver(
                platform, pushes, self._publisher, origin=origin, acknowledged_within_s=within_s
            )
            host, port = listener.getsockname()[:2]
            self.address = f"http://{host}:{port}/webhooks/{platform}"
            self._reader: Reader = Webhooks(platform, receiver, listener)
        elif poll or module is None:
            self._reader = Poller(
                platform,
                client,
                tracked,
                publish,
                origin=origin,
                every_s=settings.produce_poll_seconds,
                lookback=settings.produce_lookback,
                overlap=settings.produce_overlap,
            )
        else:
            self._reader = module.open_reader(access, client, tracked, publish, origin)

    def run(self, stopping: threading.Event, report: Report) -> Outcome:
        """Produce until ``stopping`` is set, then flush."""
        try:
            return produce(
                self._reader,
                self._publisher,
                stopping,
                stop_within_s=self._settings.produce_stop_seconds,
                report=report,
            )
        finally:
            self._client.close()


def produce(
    reader: Reader,
    publisher: Publisher,
    stopping: threading.Event,
    *,
    stop_within_s: float,
    report: Report = lambda counts, read: None,
    report_every_s: float = REPORT_EVERY_S,
) -> Outcome:
    """Read and publish until ``stopping`` is set or what is read ends; then flush."""
    began = reported = time.monotonic()
    failed: list[str] = []

    def work() -> None:
        try:
            reader.run()
        except PublishError as error:
            failed.append(str(error))
        except Exception as error:
            # An ApiError says what to do. Of others only the type: words may quote a post.
            known = hasattr(error, "remedy")
            failed.append(str(error) if known else f"an error of its own: {type(error).__name__}")

    thread = threading.Thread(target=work, name="reader", daemon=True)
    thread.start()
    while thread.is_alive() and not stopping.wait(_LOOK_S):
        if publisher.failure is not None:
            failed.append(publisher.failure)
            break
        if time.monotonic() - reported >= report_every_s:
            reported = time.monotonic()
            report(publisher.counts(), reader.counts())
    reader.stop()
    deadline = time.monotonic() + stop_within_s
    # One that waits for room goes on as the buffer empties.
    thread.join(stop_within_s)
    left = publisher.close(max(0.0, deadline - time.monotonic()))
    thread.join(5)
    report(publisher.counts(), reader.counts())
    return Outcome(
        publisher.counts(),
        reader.counts(),
        left,
        time.monotonic() - began,
        failed[0] if failed else None,
    )
