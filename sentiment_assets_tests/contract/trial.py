"""A platform on trial: its simulator, its clients, one lake, and what bronze holds afterwards."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sentiment_assets.core.coverage import Manifest, PlannedWindow, WindowCoverage, plan_fetch
from sentiment_assets.core.layout import BATCH_POSTS, DEAD_LETTERS, PostPartition, Window
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.tracking import TrackedSource
from sentiment_assets.engine.fetch import Fetched, fetch_windows
from sentiment_assets.lake.bronze import read_partition
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets_tests.contract.cases import Case
from sentiment_assets_tests.simulated import SimulatedPlatform

UTC = dt.timezone.utc
#: A Thursday after the story's outage, on which no other test adds posts.
NOW = dt.datetime(2026, 3, 12, 18, 30, tzinfo=UTC)
#: Comments are looked for on posts so old: none comes later (days), or enough to be quick.
ALL_DAYS, FEW_DAYS = 11, 2
HOUR = dt.timedelta(hours=1)
TOKEN = "opensesame-4f8e21"


def anywhere(_: PostPartition) -> bool:
    return True


@dataclass
class Trial:
    case: Case
    api: SimulatedPlatform
    folder: Path
    #: Seconds that clients would have slept.
    naps: list[float] = field(default_factory=list)
    _clients: list[Any] = field(default_factory=list)
    _lakes: int = 0

    def __post_init__(self) -> None:
        self.lake = self.new_lake()

    def new_lake(self) -> Lake:
        """An empty one; tests fetch into ``lake`` unless they name another."""
        self._lakes += 1
        return Lake.open(LakeLocation(str(self.folder / f"lake-{self._lakes}"), "simulated"))

    @property
    def platform(self) -> str:
        return self.case.name

    @property
    def parser(self) -> Any:
        return PLATFORMS[self.platform].parser

    @property
    def own(self) -> TrackedSource:
        """The source that tests add posts to."""
        return self.case.sources[0]

    def connect(self, *, days: int = FEW_DAYS, small: bool = False, **settings: Any) -> Any:
        """A client that naps instead of sleeping; ``small``: with small pages where it can."""
        if self.case.threads:
            settings = {"comment_days": days, **settings}
        settings = {"token": TOKEN, "sleep": self.naps.append, **settings}
        client = self.api.connect(**settings)
        for name, value in self.case.client_attributes.items() if small else ():
            assert hasattr(client, name)
            setattr(client, name, value)
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def truth(
        self,
        start: dt.datetime,
        end: dt.datetime,
        *,
        days: int = FEW_DAYS,
        sources: Iterable[TrackedSource] = (),
    ) -> set[int]:
        """What the story has of these times now; of the own source unless others are named."""
        span = dt.timedelta(days=days)
        return {
            number
            for source in (sources or [self.own])
            for number in self.case.truth(source, start, end, self.api.now, span)
        }

    # Windows.

    def window(self, hour: int, *, day: int = 0) -> Window:
        """The window that begins at an hour of today, or of so many days later."""
        at = NOW.replace(hour=hour, minute=0) + dt.timedelta(days=day)
        return Window.of(at, self.platform)

    def windows(self, hours: Iterable[int]) -> list[Window]:
        return [self.window(hour) for hour in hours]

    def planned(self, *windows: Window, reachable: bool = True) -> list[PlannedWindow]:
        return [
            PlannedWindow(window, window.start, min(window.end, self.api.now), reachable)
            for window in windows
        ]

    def due(
        self, client: Any, *, lake: Lake | None = None, sources: Sequence[TrackedSource] = ()
    ) -> list[PlannedWindow]:
        """What a run over yesterday and today would ask for."""
        today = self.api.now.date()
        days = [PostPartition(today - dt.timedelta(days=back), self.platform) for back in (1, 0)]
        known = {
            w: c for p in days for w, c in read_partition(lake or self.lake, p).coverage.items()
        }
        reach = max(client.reach(source) for source in sources or [self.own])
        return plan_fetch(days, known, self.api.now, reach)

    # Fetching.

    def fetch(
        self,
        plan: Sequence[PlannedWindow],
        client: Any = None,
        *,
        sources: Sequence[TrackedSource] = (),
        lake: Lake | None = None,
        run: str = "run-1",
        at: dt.datetime | None = None,
    ) -> list[Fetched]:
        """All stretches of a plan; the same ``at`` (default: now) is the same fetch again."""
        return list(
            fetch_windows(
                lake or self.lake,
                client or self.connect(),
                plan,
                sources or [self.own],
                holds=anywhere,
                fetched_at=at or self.api.now,
                run_id=run,
            )
        )

    # What bronze holds.

    def payloads(self, lake: Lake | None = None, below: str = BATCH_POSTS) -> list[Any]:
        return [envelope["payload"] for envelope in envelopes(lake or self.lake, below)]

    def numbers(self, lake: Lake | None = None, below: str = BATCH_POSTS) -> set[int]:
        """The distinct objects in bronze."""
        return self.numbers_of(self.payloads(lake, below))

    def numbers_of(self, payloads: Iterable[Any]) -> set[int]:
        found = {self.case.number(payload) for payload in payloads}
        return {number for number in found if number is not None}

    def dead_letters(self, lake: Lake | None = None) -> list[Any]:
        return self.payloads(lake, DEAD_LETTERS)

    def stored(self, lake: Lake | None = None) -> dict[str, bytes]:
        """Path -> bytes of everything in bronze."""
        objects = (lake or self.lake).objects
        return {one.path: objects.get(one.path) for one in objects.list("bronze")}

    def coverage(self, window: Window, lake: Lake | None = None) -> WindowCoverage:
        return read_partition(lake or self.lake, window.partition).coverage[window]


def envelopes(lake: Lake, below: str) -> list[dict[str, Any]]:
    """Bronze's records below a folder, in the order of paths and lines."""
    return [
        json.loads(line)
        for stored in lake.objects.list(below)
        if stored.path.endswith(".jsonl.gz")
        for line in gzip.decompress(lake.objects.get(stored.path)).splitlines()
    ]


def manifests(fetched: Iterable[Fetched]) -> list[Manifest]:
    """Those of the windows that were asked for."""
    return [manifest for stretch in fetched for manifest in stretch.windows]
