"""Log lines as JSON: what a run, step or event says, with the run, the asset and the partition.

What belongs here: Dagster's log records in, fields and metrics out. Only what is listed here
leaves: of an event's metadata just the numbers that are metrics. Whether lines are written, and
where to, is ``resources.log_handler``.
"""

from __future__ import annotations

import datetime as dt
import functools
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from sentiment_assets.assets import bronze, gold, marts, silver
from sentiment_assets.assets.decisions import DECISIONS
from sentiment_assets.assets.reference import REFERENCES, check_reference
from sentiment_assets.checks import checks, mart_checks
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.metrics import (
    BEHIND,
    FAILED_CHECKS,
    FAILED_RUNS,
    FAILED_STEPS,
    OF_MATERIALIZATIONS,
    SECONDS,
    STALE,
    Measured,
    Metric,
    embedded,
    spelled_instant,
)
from sentiment_assets.freshness import platform_of
from sentiment_assets.partitions import PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG

_KIND = dg.DagsterEventType


@dataclass(frozen=True)
class Told:
    """What an event says beside its message: fields, metrics, and what the metrics are split by."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    measured: Measured = field(default_factory=dict)
    split_by: tuple[str, ...] = ()


def line_of(record: logging.LogRecord, namespace: str | None = None) -> dict[str, Any]:
    """The fields of a record; those that it doesn't have are left out.

    Args:
        record: one that Dagster made of a log call or an event.
        namespace: where its metrics belong, as embedded metric format; null for no metrics.
    """
    meta: Mapping[str, Any] = getattr(record, "dagster_meta", {})
    event: dg.DagsterEvent | None = meta.get("dagster_event")
    at = dt.datetime.fromtimestamp(record.created, dt.timezone.utc)
    step = meta.get("step_key")
    line: dict[str, Any] = {
        "time": spelled_instant(at),
        "level": record.levelname,
        "message": str(meta.get("orig_message") or record.getMessage()),
        "logger": record.name,
        "run_id": meta.get("run_id"),
        "job": meta.get("job_name"),
        "step": step,
        "asset": ", ".join(assets_of_step(step)) if step else None,
        "partition": _partition_of(meta.get("job_tags") or {}),
    }
    told = Told()
    if event is not None:
        told = _told_by(event, step, meta.get("job_name"))
        line |= {"event": event.event_type_value, "error": _error_of(event), **told.fields}
    line = {name: value for name, value in line.items() if value not in (None, "")}
    if namespace is None or not told.measured:
        return line
    return embedded(line, told.measured, told.split_by, namespace, at)


@functools.cache
def assets_of_step(step: str) -> tuple[str, ...]:
    """The tables that a step makes or checks; none for a step that nobody knows."""
    return _steps().get(step, ())


@functools.cache
def _steps() -> Mapping[str, tuple[str, ...]]:
    assets = [
        found
        for module in (bronze, silver, gold)
        for found in vars(module).values()
        if isinstance(found, dg.AssetsDefinition)
    ]
    assets += [*DECISIONS, *REFERENCES, marts.postgres_mart, *marts.whole_tables()]
    judges = [*checks(), *mart_checks(), check_reference]
    steps = {asset.op.name: asset.keys for asset in assets}
    steps |= {check.op.name: {key.asset_key for key in check.check_keys} for check in judges}
    return {name: tuple(sorted("/".join(key.path) for key in keys)) for name, keys in steps.items()}


def _partition_of(tags: Mapping[str, str]) -> str | None:
    """The partition of a run, or the range of them."""
    if RANGE_START_TAG in tags:
        return f"{tags[RANGE_START_TAG]}..{tags.get(RANGE_END_TAG, '')}"
    return tags.get(PARTITION_TAG)


def _error_of(event: dg.DagsterEvent) -> str | None:
    """Why it failed: the messages from the outermost to the cause, without frames."""
    error = getattr(event.event_specific_data, "error", None)
    said = []
    while error is not None:
        said.append(error.message.strip())
        error = error.cause
    return " <- ".join(said) or None


def _told_by(event: dg.DagsterEvent, step: str | None, job: str | None) -> Told:
    if event.event_type == _KIND.ASSET_MATERIALIZATION:
        return _materialization(event.step_materialization_data.materialization)
    if event.event_type == _KIND.ASSET_CHECK_EVALUATION:
        return _evaluation(event.asset_check_evaluation_data)
    if event.event_type == _KIND.STEP_SUCCESS:
        seconds = round(event.step_success_data.duration_ms / 1000, 3)
        return Told({"step": step}, {SECONDS: seconds}, ("step",))
    if event.event_type in (_KIND.STEP_FAILURE, _KIND.STEP_UP_FOR_RETRY):
        return Told({"step": step}, {FAILED_STEPS: 1}, ("step",))
    if event.event_type == _KIND.RUN_FAILURE:
        return Told({"job": job}, {FAILED_RUNS: 1}, ("job",))
    return Told()


def _materialization(made: dg.AssetMaterialization) -> Told:
    fields: dict[str, Any] = {"asset": "/".join(made.asset_key.path)}
    split_by: tuple[str, ...] = ("asset",)
    if made.partition:
        fields["partition"] = str(made.partition)
        fields["platform"] = PostPartition.from_key(made.partition).platform
        split_by = ("asset", "platform")
    return Told(fields, dict(_numbers(made.metadata)), split_by)


def _evaluation(found: dg.AssetCheckEvaluation) -> Told:
    fields: dict[str, Any] = {
        "asset": "/".join(found.asset_key.path),
        "check": found.check_name,
        "passed": found.passed,
    }
    if found.partition:
        fields["partition"] = str(found.partition)
    platform = platform_of(found.check_name)
    if platform is None:
        return Told(fields, {FAILED_CHECKS: int(not found.passed)}, ("asset", "check"))
    measured: dict[Metric, int | float] = {STALE: int(not found.passed)}
    age = found.metadata.get("age_hours")
    if age is not None and isinstance(age.value, int | float):
        measured[BEHIND] = age.value
    return Told({**fields, "platform": platform}, measured, ("asset", "platform"))


def _numbers(metadata: Mapping[str, dg.MetadataValue[Any]]) -> Iterator[tuple[Metric, int | float]]:
    for name, metric in OF_MATERIALIZATIONS.items():
        value = metadata[name].value if name in metadata else None
        if isinstance(value, int | float):
            yield metric, value
