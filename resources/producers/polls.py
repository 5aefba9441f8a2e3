"""Short polls: what came since the last look, for what no platform pushes.

What belongs here: which stretch to ask for, what was published already, and waiting for the next
look. Asking is the platform's client's, with its own budget and waits.

Nothing is kept between processes: one that starts asks a while back, and what was published before
comes again, which silver removes. The 2-hourly fetch asks for the same and more; a poll only makes
it earlier.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import threading
import uuid
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from resources.api_clients.access import Source
from resources.api_clients.answers import Page
from resources.api_clients.errors import ApiError, BeyondReach
from resources.api_clients.http import utc_now
from resources.producers.producing import MixedOrigins, Publish
from resources.producers.records import Arrival, record_of

#: Payloads that are remembered, at 200 bytes each.
REMEMBERED = 200_000

logger = logging.getLogger(__name__)


class Search(Protocol):
    """A search that is read page by page."""

    exhausted: bool
    #: The bounds that were used.
    start: dt.datetime
    end: dt.datetime

    def __iter__(self) -> Iterator[Page]:
        """The pages."""

    def __next__(self) -> Page:
        """The next page; raises ApiError."""


class Client(Protocol):
    """What of a platform's client a poll needs."""

    api_version: str
    clock: Callable[[], dt.datetime]

    def search(self, source: Source, start: dt.datetime, end: dt.datetime) -> Any:
        """What was created in [start, end)."""


@dataclass
class Memory:
    """Digests of what was published, the oldest forgotten first.

    Of whole payloads: a post whose likes have grown is news, and is published again.
    """

    most: int = REMEMBERED
    _seen: OrderedDict[bytes, None] = field(default_factory=OrderedDict)

    def is_new(self, payload: Mapping[str, Any]) -> bool:
        """Whether it was not seen before; it is now."""
        digest = hashlib.blake2b(msgspec.json.encode(payload, order="sorted"), digest_size=12)
        key = digest.digest()
        if key in self._seen:
            self._seen.move_to_end(key)
            return False
        self._seen[key] = None
        if len(self._seen) > self.most:
            self._seen.popitem(last=False)
        return True

    def __len__(self) -> int:
        return len(self._seen)


def published_pages(
    platform: str,
    search: Search,
    memory: Memory,
    publish: Publish,
    *,
    api_version: str,
    origin: str,
    now: Callable[[], dt.datetime] = utc_now,
    go_on: Callable[[], bool] = lambda: True,
) -> Counter[str]:
    """Publish what a search gives and was not published yet; read on while ``go_on`` says so.

    Raises:
        ApiError: as the search; what its pages held up to there is published.
    """
    told: Counter[str] = Counter()
    fetch_id = uuid.uuid4().hex
    while go_on():
        page = next(search, None)
        if page is None:
            return told
        if (page.records or page.malformed) and page.simulated != (origin == "simulated"):
            raise MixedOrigins("a poll", origin)
        came = Arrival(now(), api_version, fetch_id, origin)
        told["pages"] += 1
        for payload in (*page.records, *(_part(part.raw) for part in page.malformed)):
            if memory.is_new(payload):
                publish(record_of(platform, payload, came))
                told["posts"] += 1
            else:
                told["known"] += 1
        told["malformed"] += len(page.malformed)
    return told


def _part(raw: Any) -> Mapping[str, Any]:
    """A damaged part as a payload that no parser takes: landing makes a dead letter of it."""
    return {"malformed": raw}


class Poller:
    """Asks for each source again and again until it is stopped.

    Args:
        every_s: from the beginning of one round to that of the next.
        lookback: how far back the first round asks.
        overlap: how far behind the last round the next one begins: posts become findable late.
    """

    def __init__(
        self,
        platform: str,
        client: Client,
        sources: Sequence[Source],
        publish: Publish,
        *,
        origin: str,
        every_s: float,
        lookback: dt.timedelta,
        overlap: dt.timedelta,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._platform = platform
        self._client = client
        self._sources = sources
        self._publish = publish
        self._origin = origin
        self._every_s = every_s
        self._lookback = lookback
        self._overlap = overlap
        self._stopping = threading.Event()
        self._wait = wait or self._stopping.wait
        self._memory = Memory()
        self._counts: Counter[str] = Counter()
        #: To where each source, by its place, was read.
        self._read_to: dict[int, dt.datetime] = {}

    def counts(self) -> Mapping[str, int]:
        """Since the start: rounds, pages, posts, those that were known, and failures."""
        return dict(self._counts)

    def stop(self) -> None:
        """End after the page that is being read; from any thread."""
        self._stopping.set()

    def run(self) -> None:
        """Poll until stopped.

        Raises:
            ApiError: of every source, what no waiting mends.
        """
        while not self._stopping.is_set():
            began = utc_now()
            self.look()
            took = (utc_now() - began).total_seconds()
            if self._wait(max(0.0, self._every_s - took)):
                return

    def look(self) -> None:
        """Ask once for each source.

        Raises:
            ApiError: no source could be read, and no waiting mends it.
        """
        hopeless: list[ApiError] = []
        for place, source in enumerate(self._sources):
            if self._stopping.is_set():
                return
            try:
                self._ask(place, source)
            except ApiError as error:
                self._counts["failures"] += 1
                logger.warning("%s %s: %s", source.kind, source.name, error)
                if not error.retryable or isinstance(error, MixedOrigins):
                    hopeless.append(error)
        self._counts["rounds"] += 1
        if hopeless and len(hopeless) == len(self._sources):
            raise hopeless[0]

    def _ask(self, place: int, source: Source) -> None:
        now = self._client.clock()
        start = self._read_to.get(place, now - self._lookback) - self._overlap
        try:
            search = self._client.search(source, start, now)
        except BeyondReach as error:
            # Nobody was looking for longer than the API reaches: what is left of it is asked for.
            logger.warning("%s %s: %s", source.kind, source.name, error)
            self._read_to.pop(place, None)
            return
        self._counts += published_pages(
            self._platform,
            search,
            self._memory,
            self._publish,
            api_version=self._client.api_version,
            origin=self._origin,
            go_on=lambda: not self._stopping.is_set(),
        )
        if self._stopping.is_set():
            return
        if not search.exhausted:
            self._counts["cut_short"] += 1
            logger.warning(
                "%s %s: the setting of most pages cut the poll short; the 2-hourly fetch notes "
                "what is missing",
                source.kind,
                source.name,
            )
        self._read_to[place] = max(search.end, search.start)
