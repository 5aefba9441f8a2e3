"""The whole platform for one test: settings, definitions, a Dagster instance, jobs run in process.

The clock of X and of its client is the test's. Dagster's is the machine's, which only has to be
later: partitions exist up to today.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from resources.settings import Settings, read_settings
from sentiment_assets.automation import due_partitions
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.definitions import build_defs
from sentiment_assets.lake.objects import Lake
from sentiment_assets.partitions import range_tags
from sentiment_assets_tests.simulated import UTC, SimulatedPlatform

#: A Thursday, hours after the story's outage.
NOW = dt.datetime(2026, 2, 5, 18, 30, tzinfo=UTC)


def day(date: str) -> PostPartition:
    return PostPartition(dt.date.fromisoformat(date), "x")


YESTERDAY, TODAY = day("2026-02-04"), day("2026-02-05")


@dataclass
class Platform:
    settings: Settings
    x: SimulatedPlatform
    instance: dg.DagsterInstance
    #: Resources instead of the environment's own.
    resources: dict[str, Any] = field(default_factory=dict)
    #: Assets and jobs beside the project's own.
    more: dg.Definitions = field(default_factory=dg.Definitions)

    @classmethod
    def at(cls, home: Path, x: SimulatedPlatform, **settings: Any) -> Platform:
        # A database for each test would take most of its time.
        settings = {"mart": "off", **settings}
        return cls(
            read_settings({}, home=home, x_base_url=x.url, **settings),
            x,
            dg.DagsterInstance.ephemeral(),
        )

    @property
    def lake(self) -> Lake:
        return self.settings.open_lake()

    @property
    def definitions(self) -> dg.Definitions:
        clients = {"x": self.x.client}
        own = build_defs(self.settings, **{"clients": clients, **self.resources})
        return dg.Definitions.merge(own, self.more)

    def run(
        self,
        job: str,
        partitions: Sequence[PostPartition],
        *,
        assets: Iterable[dg.AssetKey] | None = None,
        tags: dict[str, str] | None = None,
        config: dict[str, Any] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """One run over one partition or a range of them (or as tags say); failed ones return."""
        with _quiet():
            return self.definitions.resolve_job_def(job).execute_in_process(
                instance=self.instance,
                partition_key=partitions[0].key if len(partitions) == 1 else None,
                tags={**(range_tags(partitions) if partitions else {}), **(tags or {})},
                asset_selection=list(assets) if assets is not None else None,
                run_config=config,
                raise_on_error=False,
            )

    def fetch(self, *partitions: PostPartition) -> None:
        for partition in partitions:
            result = self.run("fetch", [partition])
            assert result.success, failures(result)

    def due(self) -> list[PostPartition]:
        """What the clock would fetch now."""
        clients = {self.x.platform: self.x.client}
        settings = self.settings
        return due_partitions(self.lake, clients, settings.read_tracking(), settings.catch_up_days)

    def rebuild(self, *partitions: PostPartition, **options: Any) -> dg.ExecuteInProcessResult:
        result = self.run("rebuild", partitions, **options)
        assert result.success, failures(result)
        return result

    def carry_out(self, request: dg.RunRequest, job: str) -> dg.ExecuteInProcessResult:
        """What the daemon does with a request."""
        with _quiet():
            return self.definitions.resolve_job_def(job).execute_in_process(
                instance=self.instance,
                partition_key=request.partition_key,
                tags=dict(request.tags),
                asset_selection=request.asset_selection,
                raise_on_error=False,
            )


def failures(result: dg.ExecuteInProcessResult) -> dict[str, list[str]]:
    """Step key -> the messages of its error and of what caused it; ``""`` is the run itself."""
    told: dict[str, list[str]] = {}
    for event in result.all_events:
        data: Any = event.event_specific_data
        error = getattr(data, "error", None)
        if event.is_failure or event.event_type_value in ("STEP_UP_FOR_RETRY", "PIPELINE_FAILURE"):
            while error is not None:
                told.setdefault(event.step_key or "", []).append(error.message.strip())
                error = error.cause
    return told


def events_of(result: dg.ExecuteInProcessResult, kind: str) -> list[str]:
    """The steps that had an event of this kind, in order."""
    return [str(e.step_key) for e in result.all_events if e.event_type_value == kind]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Dagster prints each event of a run in this process: hundreds of lines before a failure."""
    previous = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(previous)


def bronze_envelopes(lake: Lake, prefix: str = "bronze/") -> list[dict[str, Any]]:
    """Every record in bronze."""
    return [
        json.loads(line)
        for stored in lake.objects.list(prefix)
        if stored.path.endswith(".jsonl.gz")
        for line in gzip.decompress(lake.objects.get(stored.path)).splitlines()
    ]
