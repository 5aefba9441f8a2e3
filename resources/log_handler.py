"""Where JSON log lines go: to standard error, where SENTIMENT_LOG_FORMAT says so.

What belongs here: the handler that ``dagster.yaml`` names. What a line holds is
``sentiment_assets.log_lines``.
"""

from __future__ import annotations

import logging

from resources.metric_lines import write_line
from resources.settings import read_settings
from sentiment_assets.log_lines import line_of


class JsonLines(logging.Handler):
    """A line of JSON for each of Dagster's records, or nothing where logs are text."""

    def __init__(self, level: int | str = logging.NOTSET) -> None:
        super().__init__(level)
        settings = read_settings()
        self._wanted = settings.log_format == "json"
        self._namespace = settings.metrics_namespace

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record; what can't be written is reported as logging does."""
        if not self._wanted:
            return
        try:
            write_line(line_of(record, self._namespace))
        except Exception:
            # As logging's own handlers do: a line that can't be written must not end the run that
            # logs it. ``handleError`` says so on standard error.
            self.handleError(record)
