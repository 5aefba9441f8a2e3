"""X's filtered stream: posts as they are made, for as long as the connection holds.

What belongs here: rules made of what is tracked, lines, signs of life, and when to connect again.
Endpoints, parameters and refusals are ``resources.api_clients.x``'s.

Sources (read 2026-11-25), below https://docs.x.com/x-api/: fundamentals/handling-disconnections (a
sign of life every 20 s, waits by kind of failure, errors inside the stream),
posts/filtered-stream/integrate/recovery-and-redundancy-features (backfill).

A stream has no memory. What is made while nobody is connected comes with a backfill, where the
app's access has one, and with the 2-hourly fetch in any case. While Kafka takes nothing, lines are
not read: X then ends the connection after a while, and the same holds.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import math
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import httpx

from resources.api_clients.access import Source
from resources.api_clients.answers import is_simulated
from resources.api_clients.errors import RateLimited, TransientApiError, UsageCapExceeded
from resources.api_clients.http import utc_now
from resources.api_clients.x import STREAM, Access, XClient, rate_limited_stream, read_line
from resources.producers.producing import MixedOrigins, Publish
from resources.producers.records import Arrival, record_of

PLATFORM = "x"
#: Begins the tag of each rule of ours: others of the app's rules are left alone.
TAG = "sentiment:"
#: Twenty seconds without a sign of life mean a lost connection; ten more are for slow networks.
SILENCE_S = 30.0
#: A connection that stood so long and broke is tried again at once; others are tried as failures.
STOOD_S = 5.0
#: No post is so long. What goes on without a line end is no stream of posts.
LONGEST_LINE = 4_000_000

Failure = Literal["dropped", "network", "server", "limited"]
#: How something ended: of which kind, seconds to wait at least, and why.
End = tuple[Failure, float, str]

logger = logging.getLogger(__name__)


def wait_of(failure: Failure, in_a_row: int) -> float:
    """Seconds before the next try, by X's own rules; ``in_a_row`` counts from 1.

    A connection that stood and broke is tried again at once, then as a network that fails.
    """
    if failure == "dropped":
        return 0.0
    if failure == "network":
        return min(0.25 * in_a_row, 16.0)
    if failure == "server":
        return float(min(5 * 2 ** min(in_a_row - 1, 10), 320))
    return float(min(60 * 2 ** min(in_a_row - 1, 10), 960))


def lines_of(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Whole lines of a body, blank ones too; what a broken connection leaves over is no line."""
    rest = b""
    for chunk in chunks:
        rest += chunk
        *whole, rest = rest.split(b"\r\n")
        yield from whole
        if len(rest) > LONGEST_LINE:
            raise TransientApiError(
                f"a line is longer than {LONGEST_LINE:,} bytes", f"X GET {STREAM}", "trying again"
            )


def sync_rules(client: XClient, sources: Sequence[Source]) -> tuple[int, int]:
    """Make the app's rules those of the tracked queries; how many were added and deleted.

    Rules with other tags belong to other programs of the app, and stay.
    """
    wanted = {(source.value, f"{TAG}{source.name}") for source in sources}
    present = [rule for rule in client.rules() if rule.tag.startswith(TAG)]
    stale = [rule.id for rule in present if (rule.value, rule.tag) not in wanted]
    missing = sorted(wanted - {(rule.value, rule.tag) for rule in present})
    # Deleted first: a plan's limit of rules counts both, and a changed tag is a duplicate value.
    if stale:
        client.delete_rules(stale)
    if missing:
        client.add_rules(missing)
    return len(missing), len(stale)


class FilteredStream:
    """Reads the stream and publishes each post until it is stopped.

    ``publish`` may wait: nothing is read meanwhile. ``wait`` sleeps and says whether to stop.
    """

    def __init__(
        self,
        client: XClient,
        sources: Sequence[Source],
        publish: Publish,
        *,
        origin: str,
        backfill_minutes: int = 0,
        silence_s: float = SILENCE_S,
        wait: Callable[[float], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        self._client = client
        self._sources = sources
        self._publish = publish
        self._origin = origin
        self._backfill = backfill_minutes
        self._silence_s = silence_s
        self._stopping = threading.Event()
        self._wait = wait or self._stopping.wait
        self._clock = clock
        self._now = now
        self._response: httpx.Response | None = None
        self._counts: Counter[str] = Counter()
        self._synced = False
        #: When the stream last gave a sign of life; null before the first connection.
        self._heard_at: float | None = None

    def counts(self) -> Mapping[str, int]:
        """Since the start: connections, ends that X told, posts, and what was no post of ours."""
        return dict(self._counts)

    def stop(self) -> None:
        """End soon; from any thread."""
        self._stopping.set()
        if self._response is not None:
            _wake(self._response)

    def run(self) -> None:
        """Read until stopped.

        Raises:
            ApiError: what no waiting mends, with what to do.
        """
        last: Failure | None = None
        in_a_row = 0
        while not self._stopping.is_set():
            failure, seconds, why = self._sync() or self._connection()
            if self._stopping.is_set():
                return
            in_a_row = in_a_row + 1 if failure == last else 1
            last = failure
            seconds = max(wait_of(failure, in_a_row), seconds)
            logger.warning("%s; connecting again in %.2f s", why, seconds)
            if seconds and self._wait(seconds):
                return

    def _sync(self) -> End | None:
        """Make the rules, where that is not done yet; null when they are made."""
        if self._synced:
            return None
        try:
            added, deleted = sync_rules(self._client, self._sources)
        except RateLimited as error:
            return "limited", _seconds_until(error, self._now()), str(error)
        except TransientApiError as error:
            return "server", 0.0, str(error)
        ours = len(self._sources)
        logger.info("X's stream: %d rules, %d added, %d deleted", ours, added, deleted)
        self._synced = True
        return None

    def _connection(self) -> End:
        """Read one connection to its end."""
        try:
            response = self._client.open_stream(self._missed(), silence_s=self._silence_s)
        except RateLimited as error:
            return "limited", _seconds_until(error, self._now()), str(error)
        except TransientApiError as error:
            # Somebody has deleted them.
            self._synced = "no rules" not in error.what
            return ("network" if "no connection" in error.what else "server"), 0.0, str(error)
        self._counts["connections"] += 1
        self._response = response
        began = self._clock()
        if self._stopping.is_set():
            # Told while it was connecting: nobody woke the read that would follow.
            response.close()
        try:
            if is_simulated(response.headers) != (self._origin == "simulated"):
                raise MixedOrigins(f"X GET {STREAM}", self._origin)
            fetch_id = uuid.uuid4().hex
            for line in lines_of(response.iter_bytes()):
                self._heard_at = self._clock()
                if line.strip():
                    self._line(line, fetch_id)
                if self._stopping.is_set():
                    break
            why = "X ended the stream"
        except httpx.TimeoutException:
            why = f"X's stream gave no sign of life for {self._silence_s:g} s"
        except (httpx.RequestError, httpx.StreamError, OSError) as error:
            # Only the type: such messages may quote bytes of a post.
            why = f"X's stream broke off ({type(error).__name__})"
        except TransientApiError as error:
            why = str(error)
        except RateLimited as error:
            return "limited", 0.0, str(error)
        finally:
            self._response = None
            # Closed or broken: that is why it is closed.
            with contextlib.suppress(httpx.HTTPError, OSError):
                response.close()
        # Where X ends each connection at once, trying at once would never end.
        stood = self._clock() - began >= STOOD_S
        return ("dropped" if stood else "network"), 0.0, why

    def _missed(self) -> int:
        """Minutes to ask for again: since the last sign of life, or all that may be asked for."""
        if self._heard_at is None:
            return self._backfill
        gap = math.ceil((self._clock() - self._heard_at) / 60)
        return min(self._backfill, max(1, gap))

    def _line(self, line: bytes, fetch_id: str) -> None:
        told = read_line(line)
        if told.problems:
            self._problem(told.problems)
            return
        came = Arrival(self._now(), self._client.api_version, fetch_id, self._origin)
        if told.record is None:
            # Landing makes a dead letter of it: nobody else would ever see it.
            self._counts["malformed"] += 1
            self._publish(record_of(PLATFORM, line, came))
            return
        # Another program's rules bring posts to the same stream.
        if told.tags and not any(tag.startswith(TAG) for tag in told.tags):
            self._counts["untracked"] += 1
            return
        self._counts["posts"] += 1
        self._publish(record_of(PLATFORM, told.record, came))

    def _problem(self, problems: Sequence[str]) -> None:
        """X says inside the stream why it ends; raises."""
        said, where = " ".join(problems), f"X GET {STREAM}"
        self._counts["disconnects"] += 1
        if "usage-capped" in said or "usagecap" in said:
            raise UsageCapExceeded(
                "the plan's posts or credits are used up",
                where,
                "waiting does not help: raise the cap or add credits in the developer console",
            )
        if "toomanyconnections" in said:
            raise rate_limited_stream(where)
        raise TransientApiError(
            f"X disconnected the stream ({_word(said)})", where, "see the API's status page"
        )


def open_reader(
    access: Access, client: XClient, sources: Sequence[Source], publish: Publish, origin: str
) -> FilteredStream:
    """The stream that the settings ask for."""
    minutes = access.stream_backfill_minutes
    return FilteredStream(client, sources, publish, origin=origin, backfill_minutes=minutes)


def _seconds_until(error: RateLimited, now: dt.datetime) -> float:
    return max(0.0, (error.reset_at - now).total_seconds()) + 1 if error.reset_at else 0.0


def _word(said: str) -> str:
    """The kind of a problem: the last part of its type."""
    return said.partition(" ")[0].rpartition("/")[2][:60]


def _wake(response: httpx.Response) -> None:
    """End a read that waits in another thread: closing alone would not."""
    stream: Any = response.extensions.get("network_stream")
    found = stream.get_extra_info("socket") if stream is not None else None
    if found is not None:
        # Of the socket below TLS, whose own shutdown would break the reading thread's state.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(found, socket.SHUT_RDWR)
