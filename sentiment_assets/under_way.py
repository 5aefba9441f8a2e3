"""Runs that are queued or running.

What belongs here: asking the instance for them. Whose partitions they are is ``sensors``'; what is
kept for their sake is ``assets.maintenance``'s.
"""

from collections.abc import Sequence

import dagster as dg

UNDER_WAY = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def runs_under_way(instance: dg.DagsterInstance) -> Sequence[dg.RunRecord]:
    """The runs that are queued or running, with the time when each was made."""
    return instance.get_run_records(dg.RunsFilter(statuses=list(UNDER_WAY)))
