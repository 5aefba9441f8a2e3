"""The platform's metrics: names, units and meanings, and how a log line carries them.

What belongs here: which numbers are metrics, and Amazon's embedded metric format, in which a line
of JSON is a log line and a metric at once:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
Where a number comes from is ``sentiment_assets.log_lines``; of producers, their own reports.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Metric:
    """A number that is worth a graph; docs/metrics.md says what to do when it moves."""

    name: str
    #: One of CloudWatch's units.
    unit: str
    description: str


#: What a materialization's metadata tells, by the metadata's name; by table and platform.
OF_MATERIALIZATIONS: Mapping[str, Metric] = {
    "dagster/row_count": Metric("rows", "Count", "rows that the partition holds, or was given"),
    "received": Metric("received", "Count", "records that a fetch received"),
    "records_in": Metric("records_in", "Count", "records of bronze that a rebuild read"),
    "duplicates": Metric("duplicates", "Count", "records that repeat another"),
    "quarantined": Metric("quarantined", "Count", "records that could not become a row"),
    "dead_letters": Metric("dead_letters", "Count", "records that no date can be named for"),
    "bytes": Metric("bytes", "Bytes", "what the partition or fetch takes in storage"),
    "requests_left": Metric("requests_left", "Count", "requests that the clock may still send"),
}

#: What a look at a Kafka topic tells, by its number's name; by topic and platform.
OF_STREAMS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("reachable", "Count", "1 where the brokers know the topic, 0 where they do not"),
        Metric("brokers", "Count", "brokers that are up"),
        Metric("under_replicated", "Count", "partitions whose replicas are not all in sync"),
        Metric("leaderless", "Count", "partitions of which no leader answers"),
        Metric("lag_records", "Count", "records that wait to be landed"),
        Metric("oldest_waits_seconds", "Seconds", "how long the oldest of them has waited"),
        Metric("delay_seconds", "Seconds", "from the newest landing's oldest record until landed"),
        Metric("landed_in_an_hour", "Count", "records landed in the last hour"),
        Metric("dead_letters_in_an_hour", "Count", "dead letters of the last hour"),
        Metric("dead_letter_share", "None", "their share of the hour's records"),
    )
}

BEHIND = Metric("behind_hours", "None", "how far behind: of bronze the age of its watermark")
STALE = Metric("stale", "Count", "1 where a table is stale; the sum is the number of stale tables")
SECONDS = Metric("seconds", "Seconds", "how long a step took")
FAILED_STEPS = Metric("failed_steps", "Count", "1 for an attempt of a step that failed")
FAILED_RUNS = Metric("failed_runs", "Count", "1 for a run that failed")
FAILED_CHECKS = Metric("failed_checks", "Count", "1 for a check that failed, 0 for one that passed")

#: What a producer's counts tell since its last report, by the count's name; by platform.
OF_PRODUCERS: Mapping[str, Metric] = {
    "published": Metric("produced", "Count", "records that were taken to be sent to Kafka"),
    "acknowledged": Metric("acknowledged", "Count", "records that all of Kafka's replicas have"),
    "failed": Metric("produce_failed", "Count", "records that were given up"),
    "refused": Metric("produce_refused", "Count", "records that are too large for the topic"),
    "bytes": Metric("produced_bytes", "Bytes", "payloads that were acknowledged, unpacked"),
    "queued": Metric("produce_queued", "Count", "records that wait for Kafka now"),
    "waited_seconds": Metric("produce_waited", "Seconds", "how long reading waited for room"),
}

METRICS = (
    *OF_MATERIALIZATIONS.values(),
    *OF_STREAMS.values(),
    *OF_PRODUCERS.values(),
    BEHIND,
    STALE,
    SECONDS,
    FAILED_STEPS,
    FAILED_RUNS,
    FAILED_CHECKS,
)

Measured = Mapping[Metric, int | float]


def spelled_instant(at: dt.datetime) -> str:
    """A time as every line spells it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def embedded(
    line: Mapping[str, Any],
    measured: Measured,
    split_by: Sequence[str],
    namespace: str,
    at: dt.datetime,
) -> dict[str, Any]:
    """The line with metrics in it.

    Args:
        line: the log line's fields.
        measured: the values.
        split_by: fields of the line that tell one series from another: CloudWatch's dimensions.
        namespace: of the metrics in CloudWatch.
        at: when they were measured.
    """
    directive = {
        "Namespace": namespace,
        "Dimensions": [list(split_by)],
        "Metrics": [{"Name": metric.name, "Unit": metric.unit} for metric in measured],
    }
    return {
        **line,
        **{metric.name: value for metric, value in measured.items()},
        "_aws": {"Timestamp": round(at.timestamp() * 1000), "CloudWatchMetrics": [directive]},
    }
