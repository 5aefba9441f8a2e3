"""What becomes of a run of tests when one of its processes ends: a plugin of pytest's.

Belongs here: that the test is tried once more, and that the rest is run at all.
"""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

#: Tests in which a process ended, of this run.
_ended: list[str] = []


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem: str, report: pytest.TestReport) -> None:
    """A process that hung has told where, and ended: the next one tries its test again, once."""
    if not _ended:
        report.outcome = "rerun"  # type: ignore[assignment]
    _ended.append(crashitem)


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    return ("ended", "C", "ENDED") if report.outcome == "rerun" else None


class _Files(LoadFileScheduling):
    """Files to processes, as ``--dist loadfile`` hands them out.

    Of a process that ended xdist (3.8) hands out again all files that it ever had. One whose tests
    were all run gives the next process nothing to do, and nothing to go on from: at the end each
    waited with its last test for one more, and the run never ended.
    """

    def remove_node(self, node: WorkerController) -> str | None:
        files = self.assigned_work[node]
        for path in [path for path, tests in files.items() if all(tests.values())]:
            del files[path]
        return super().remove_node(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    return _Files(config, log) if config.getvalue("dist") == "loadfile" else None
