"""Lets a Dagster daemon look each second, instead of twice a minute or each five seconds.

On ``PYTHONPATH`` of a test's daemon Python runs this file before the daemon's own code. Only how
often the daemon's loops turn is changed: sensors, queue, limits and retries keep their settings.
Nothing else belongs here: whatever else it changed would no longer be tried by the tests.
"""

from __future__ import annotations

import sys

if any(word.endswith(("dagster._daemon", "dagster-daemon")) for word in sys.orig_argv):
    from dagster._daemon import controller, sensor

    # No settings of Dagster's: the loops of backfills and of sensors read these each time.
    controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 1
    sensor.MIN_INTERVAL_LOOP_TIME = 1
