"""What the silver assets do, without Dagster: build, commit quarantine, then posts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
from deltalake import DeltaTable

from sentiment_assets.core.contracts import SILVER_POSTS, SILVER_QUARANTINE
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.quality import Conservation
from sentiment_assets.core.silver import SilverRules
from sentiment_assets.engine.in_process import SilverBuild, build_silver
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.staged import StagedTable
from sentiment_assets_tests.bronze_records import DAY, RULES


def commit(build: SilverBuild) -> None:
    StagedTable(build.quarantine).commit()
    fingerprints = {
        (w.partition.date.isoformat(), w.partition.platform, w.name): value
        for w, value in build.fingerprints.items()
    }
    StagedTable(build.posts, fingerprints).commit()


def rebuild(
    lake: Lake,
    partitions: Sequence[PostPartition] = (DAY,),
    rules: SilverRules = RULES,
    **options: Any,
) -> SilverBuild:
    build = build_silver(lake, partitions, rules, run_id="run", **options)
    commit(build)
    return build


def rebuilt(build: SilverBuild) -> list[str]:
    """Names of the windows that a build rebuilt."""
    return [window.name for window in build.fingerprints]


def counted(build: SilverBuild) -> Conservation:
    return sum(build.counts.values(), Conservation())


def posts(lake: Lake) -> pl.DataFrame:
    return lake.table(SILVER_POSTS).scan().collect().sort(SILVER_POSTS.key)


def quarantine(lake: Lake) -> pl.DataFrame:
    return lake.table(SILVER_QUARANTINE).scan().collect().sort(SILVER_QUARANTINE.key)


def files(lake: Lake) -> dict[str, set[str]]:
    """Files of silver's newest version, by window."""
    found: dict[str, set[str]] = {}
    for uri in DeltaTable(lake.table(SILVER_POSTS).uri).file_uris():
        window = uri.split("/window=")[1].split("/")[0]
        found.setdefault(window, set()).add(uri)
    return found


def assert_conserved(lake: Lake, build: SilverBuild, records: int) -> None:
    """The counts of a build from nothing hold, and are those of the tables."""
    counts = counted(build)
    assert counts.holds, counts
    rows, refused = posts(lake), quarantine(lake)
    assert counts.records == records
    assert counts.rows == rows.height
    assert counts.duplicates == rows["observation_count"].sum() - rows.height
    assert counts.quarantined == refused["record_count"].sum()
