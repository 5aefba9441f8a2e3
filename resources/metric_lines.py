"""JSON lines on standard error, and numbers in them that no run tells.

What belongs here: writing. What a line of a run or an event holds is
``sentiment_assets.log_lines``, what a look at the topics tells ``sentiment_assets.stream_watch``.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentiment_assets.core.metrics import Measured, embedded, spelled_instant


@dataclass(frozen=True)
class MetricLines:
    """Numbers that no run tells, a line for each look; nothing where lines carry no metrics."""

    #: Of the metrics in CloudWatch; null where none are wanted.
    namespace: str | None

    def write(
        self, line: Mapping[str, Any], measured: Measured, split_by: Sequence[str], at: dt.datetime
    ) -> None:
        """Write one line."""
        if self.namespace is None:
            return
        whole = {
            "time": spelled_instant(at),
            "level": "INFO",
            "logger": "sentiment.metrics",
            **line,
        }
        write_line(embedded(whole, measured, split_by, self.namespace, at))


def write_line(line: Mapping[str, Any]) -> None:
    """A line of JSON on standard error."""
    text = json.dumps(line, ensure_ascii=False, default=str)
    # One write a line: processes share the stream.
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
