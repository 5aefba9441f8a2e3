"""Paging: how an API cuts its answers into pages changes nothing of what is found."""

from __future__ import annotations

import contextlib

import pytest

from resources.settings import CLIENTS
from sentiment_assets.core.coverage import CAPPED
from sentiment_assets_tests.contract.cases import CASES, Fault
from sentiment_assets_tests.contract.trial import Trial, manifests


def test_page_size_is_no_difference(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = trial.planned(*trial.windows((14, 16)))
    asked = trial.api.requests()
    trial.fetch(plan)
    usual = trial.api.requests() - asked
    for name, value in trial.case.module_attributes.items():
        monkeypatch.setattr(CLIENTS[trial.platform], name, value)
    if trial.case.small_pages is not None:
        trial.api.fault(trial.case.small_pages.name, times=-1, **trial.case.small_pages.parameters)
    other = trial.new_lake()
    (*_, last) = manifests(trial.fetch(plan, trial.connect(small=True), lake=other))
    assert trial.api.requests() - asked - usual > usual, "pages were not smaller"
    assert last.state == "complete"
    start, end = plan[0].start, plan[-1].end
    assert trial.numbers(other) == trial.numbers() == trial.truth(start, end)


MISLEADING = [
    pytest.param(case, fault, id=f"{case.name}-{fault.name}-{number}")
    for case in CASES.values()
    for number, fault in enumerate(case.misleading)
]


@pytest.mark.parametrize(("case", "fault"), MISLEADING)
def test_pages_that_mislead_change_nothing(
    trial: Trial, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Short and empty pages that are not the last, cursors and totals that lie, other spellings."""
    for name, value in trial.case.module_attributes.items():
        monkeypatch.setattr(CLIENTS[trial.platform], name, value)
    trial.api.fault(fault.name, **fault.parameters)
    plan = trial.planned(trial.window(14))
    (manifest,) = manifests(trial.fetch(plan, trial.connect(small=True)))
    assert (manifest.state, manifest.dead_letters) == ("complete", 0)
    assert manifest.sources[0].partial_errors == {}
    assert trial.numbers() == trial.truth(plan[0].start, plan[0].end)
    left = [left for left in trial.api.faults() if left["times"] > 0]
    assert left == [], "the fault never came"


@pytest.mark.parametrize("pages", [1, 2])
def test_a_limit_on_pages_caps_a_window(trial: Trial, pages: int) -> None:
    """What came is kept; it is not asked for again, as it would end at the same page."""
    plan = trial.planned(trial.window(14))
    client = trial.connect(small=True, max_pages=pages)
    (manifest,) = manifests(trial.fetch(plan, client))
    assert (manifest.state, manifest.reason) == ("partial", CAPPED)
    assert (manifest.fetched_from, manifest.fetched_until) == (None, None)
    (source,) = manifest.sources
    assert (source.pages, source.watermark) == (pages, None)
    assert manifest.received == len(trial.payloads())
    assert trial.numbers() < trial.truth(plan[0].start, plan[0].end)
    # The two newest windows come again anyhow.
    late = trial.api.now.replace(hour=22)
    with contextlib.ExitStack() as clock:
        clock.callback(trial.api.travel, trial.api.now)
        trial.api.travel(late)
        assert plan[0].window not in {planned.window for planned in trial.due(client)}


def test_a_limit_that_is_not_reached_caps_nothing(trial: Trial) -> None:
    plan, client = trial.planned(trial.window(14)), trial.connect()
    (manifest,) = manifests(trial.fetch(plan, client))
    pages = manifest.sources[0].pages
    enough = trial.connect(max_pages=pages)
    (capped,) = manifests(trial.fetch(plan, enough, lake=trial.new_lake()))
    assert (capped.state, capped.sources[0].pages) == ("complete", pages)
