"""Bronze to gold as the assets do it, without Dagster and with it."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from sentiment_assets.core import gold
from sentiment_assets.core.contracts import (
    DAILY_SUMMARY,
    DAILY_TREND,
    HOURLY_SENTIMENT,
    SILVER_POSTS,
    SILVER_QUARANTINE,
    TOPIC_SENTIMENT,
    Contract,
)
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.pii.pseudonyms import PseudonymKeys
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.silver import SilverRules
from sentiment_assets.core.tracking import parse_tracking
from sentiment_assets.engine import in_process
from sentiment_assets.lake import bronze
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.staged import StagedTable, stage_frame

MIN_AUTHORS = 10
ROOT = Path(__file__).parents[1]


def rules() -> SilverRules:
    """The repository's topics, and keys that protect nobody."""
    tracking = parse_tracking((ROOT / "tracking.yaml").read_text(encoding="utf-8"), "tracking.yaml")
    return SilverRules(
        keys=PseudonymKeys(tuple((name, "0" * 64) for name in PLATFORMS)), topics=tracking.topics
    )


def build_silver(
    lake: Lake,
    partitions: Sequence[PostPartition],
    run_id: str = "bench",
    budget: in_process.Budget = in_process.Budget(),  # noqa: B008 - frozen
) -> int:
    """Silver and quarantine of what changed, committed; returns the bronze records read."""
    build = in_process.build_silver(lake, partitions, rules(), run_id=run_id, budget=budget)
    fingerprints: dict[tuple[str, ...], int] = {
        (w.partition.date.isoformat(), w.partition.platform, w.name): fingerprint
        for w, fingerprint in build.fingerprints.items()
    }
    StagedTable(build.quarantine).commit()
    StagedTable(build.posts, fingerprints).commit()
    return sum(counts.records for counts in build.counts.values())


def build_gold(lake: Lake, partitions: Sequence[PostPartition], run_id: str = "bench") -> None:
    """The gold tables of every date, each pinned before its input is read; pools are of Sundays."""
    days = _values(partitions)
    coverage = {
        partition: list(bronze.read_partition(lake, partition).coverage.values())
        for partition in partitions
    }
    posts = lake.table(SILVER_POSTS).scan(days, gold.POST_COLUMNS)
    history = _values(
        [
            PostPartition(partition.date - dt.timedelta(days=back), partition.platform)
            for partition in partitions
            for back in range(gold.TRAILING_DAYS + 1)
        ]
    )
    tables: tuple[tuple[Contract, Callable[[], pl.DataFrame]], ...] = (
        (HOURLY_SENTIMENT, lambda: gold.hourly_sentiment(posts, coverage, MIN_AUTHORS)),
        (TOPIC_SENTIMENT, lambda: gold.topic_sentiment(posts, coverage, MIN_AUTHORS)),
        (
            DAILY_SUMMARY,
            lambda: gold.daily_summary(
                posts,
                lake.table(SILVER_QUARANTINE).scan(days),
                lake.table(HOURLY_SENTIMENT).scan(days).collect(),
                coverage,
                MIN_AUTHORS,
            ),
        ),
        (
            DAILY_TREND,
            lambda: gold.daily_trend(
                lake.table(DAILY_SUMMARY).scan(history),
                lake.table(TOPIC_SENTIMENT).scan(history),
                partitions,
            ),
        ),
    )
    for contract, compute in tables:
        replacement = lake.table(contract).begin(days, run_id)
        stage_frame(replacement, compute()).commit()


def definitions(home: Path) -> Any:
    """Dagster's definitions over a home, loaded as a code location loads them."""
    from resources.settings import read_settings
    from sentiment_assets.definitions import build_defs

    # The same rules as without Dagster: other keys would make another recipe of the same bronze.
    return build_defs(
        read_settings({}, home=home, x_base_url="http://127.0.0.1:9", mart="off"),
        rules=rules(),
        min_authors=MIN_AUTHORS,
    )


def run_job(
    definitions: Any, partitions: Sequence[PostPartition], instance: Any = None
) -> dict[str, float]:
    """The ``rebuild`` job in this process, of consecutive dates of a platform.

    Returns seconds of each step, checks included.

    Raises:
        RuntimeError: the run failed.
    """
    import dagster as dg

    from sentiment_assets.partitions import range_tags

    with _quiet():
        result = definitions.resolve_job_def("rebuild").execute_in_process(
            instance=instance or dg.DagsterInstance.ephemeral(),
            partition_key=partitions[0].key if len(partitions) == 1 else None,
            tags=range_tags(partitions),
            raise_on_error=False,
        )
    if not result.success:
        failed = [e.step_key for e in result.all_events if e.event_type_value == "STEP_FAILURE"]
        raise RuntimeError(f"the rebuild of {partitions[0].key} failed in {failed}")
    return {
        event.step_key: event.step_success_data.duration_ms / 1000
        for event in result.all_events
        if event.event_type_value == "STEP_SUCCESS"
    }


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Dagster prints each event of a run in this process; printing isn't what is measured."""
    previous = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(previous)


def lake_of(home: Path) -> Path:
    """Where a home keeps its lake of simulated posts."""
    return home / "lake" / "simulated"


def clocks() -> tuple[float, float]:
    """Wall and CPU seconds, to subtract from later ones; those of ended workers count."""
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter(), time.process_time() + workers.ru_utime + workers.ru_stime


def _values(partitions: Sequence[PostPartition]) -> list[dict[str, str]]:
    return [{"date": p.date.isoformat(), "platform": p.platform} for p in partitions]
