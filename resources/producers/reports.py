"""What a producer reports: counts since the last report, as a line of JSON that carries metrics.

What belongs here: which of its counts are metrics. Their names and units stand in
``sentiment_assets.core.metrics``; whoever runs the producer writes the line.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from resources.producers.producing import Counts
from sentiment_assets.core.metrics import OF_PRODUCERS, embedded

#: The only count that is no sum.
_NOW = "queued"


def since(now: Counts, before: Counts) -> dict[str, float]:
    """What was counted between two reports; of what waits, what waits now."""
    earlier = asdict(before)
    return {
        name: number if name == _NOW else round(number - earlier[name], 3)
        for name, number in asdict(now).items()
    }


def report_line(
    platform: str,
    published: Mapping[str, float],
    read: Mapping[str, int],
    at: dt.datetime,
    namespace: str | None = None,
) -> dict[str, Any]:
    """A log line of a report; no record, key or id is in it.

    Args:
        published: as :func:`since` says.
        read: what the reader counted since its start, under names of its own.
        namespace: of the metrics in CloudWatch; null for no metrics.
    """
    line: dict[str, Any] = {
        "time": at.astimezone(dt.timezone.utc).isoformat(timespec="milliseconds"),
        "level": "INFO",
        "message": "published to Kafka",
        "logger": "sentiment.produce",
        "platform": platform,
        **{f"read_{name}": number for name, number in sorted(read.items())},
    }
    measured = {metric: published[name] for name, metric in OF_PRODUCERS.items()}
    if namespace is None:
        return line | {metric.name: number for metric, number in measured.items()}
    return embedded(line, measured, ("platform",), namespace, at)
