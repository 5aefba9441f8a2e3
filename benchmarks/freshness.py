"""How long one look at freshness takes, with eight days in the event log and with a year.

    .venv/bin/python -m benchmarks.freshness

What belongs here: filling an event log and timing looks. Judged are four platforms and the dates
that count; older partitions only fill the log, which is an embedded PostgreSQL's.
"""

from __future__ import annotations

import datetime as dt
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from resources.embedded_postgres import embedded_postgres
from sentiment_assets.assets.describe import asset_key
from sentiment_assets.consumed import CONSUMED
from sentiment_assets.core.coverage import Searched
from sentiment_assets.core.freshness import READS, Watch
from sentiment_assets.core.layout import BATCH_POSTS, WINDOWS, PostPartition, windows_of
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.freshness import freshness_now
from sentiment_assets.lake.bronze import StretchFetch
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets.partitions import multi_key

DAYS = (8, 365)
LOOKS = 15
NOW = dt.datetime(2027, 1, 7, 12, 20, tzinfo=dt.timezone.utc)
WATCH = Watch({platform: (dt.timedelta(days=7),) for platform in PLATFORMS})
#: An event that is newer than all: whoever consumed it consumed everything.
EVERYTHING = 10**9


def main() -> int:
    """Print a line for each number of days."""
    print("days  partitions   events   ms a look: all well   ms: silver behind in every partition")
    for days in DAYS:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            server = embedded_postgres(home)
            config = {"storage": {"postgres": {"postgres_url": server.get_uri(driver="psycopg2")}}}
            # JSON is YAML.
            (home / "dagster.yaml").write_text(json.dumps(config), encoding="utf-8")
            lake = _lake(home / "lake")
            try:
                with dg.DagsterInstance.from_config(folder) as instance:
                    partitions = _partitions(days)
                    _record(instance, BATCH_POSTS, partitions, windows_complete=len(WINDOWS))
                    for table in READS:
                        _record(instance, table, partitions, **{CONSUMED: EVERYTHING})
                    well = _timed(instance, lake)
                    silver = next(iter(READS))
                    _record(instance, silver, _partitions(8), **{CONSUMED: 0})
                    behind = _timed(instance, lake)
            finally:
                server.cleanup()
        events = len(partitions) * (1 + len(READS))
        print(f"{days:4} {len(partitions):11,} {events:8,} {well:21.0f} {behind:38.0f}", flush=True)
    return 0


def _partitions(days: int) -> list[PostPartition]:
    """The newest days of every platform, the oldest first."""
    dates = [NOW.date() - dt.timedelta(days=back) for back in range(days - 1, -1, -1)]
    return [PostPartition(date, platform) for date in dates for platform in PLATFORMS]


def _record(
    instance: dg.DagsterInstance, table: str, partitions: Sequence[PostPartition], **notes: int
) -> None:
    for partition in partitions:
        # Today is still open: its manifests are read.
        found = {} if table == BATCH_POSTS and partition.date == NOW.date() else notes
        instance.report_runless_asset_event(
            dg.AssetMaterialization(
                asset_key(table), partition=multi_key(partition), metadata=found
            )
        )


def _lake(folder: Path) -> Lake:
    """Manifests of today's windows: three fetches of each, as its ticks leave them."""
    lake = Lake.open(LakeLocation(str(folder), "simulated"))
    for platform in PLATFORMS:
        for window in windows_of(PostPartition(NOW.date(), platform)):
            for tick in range(3 if window.end <= NOW else 0):
                fetch = StretchFetch(
                    lake, [window], fetched_at=window.end + dt.timedelta(hours=2 * tick),
                    run_id="bench", api_version="2", simulated=True,
                )  # fmt: skip
                fetch.close({window: Searched("complete", "", (window.start, window.end))})
    return lake


def _timed(instance: dg.DagsterInstance, lake: Lake) -> float:
    """Median milliseconds of a look, after one that warms up."""
    taken = []
    for _ in range(LOOKS + 1):
        started = time.perf_counter()
        freshness_now(instance, lake, WATCH, NOW)
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken[1:])


if __name__ == "__main__":
    sys.exit(main())
