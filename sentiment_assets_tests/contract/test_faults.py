"""Every fault of every platform's simulator, and what may come of it.

Either the client heals it and the window is whole, or what is missing is told (dead letters,
partial errors, an interrupted fetch); what came stays, and the next run has everything.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import re
from collections.abc import Mapping
from typing import Any

import pytest

from resources.api_clients.errors import ApiError
from sentiment_assets.core.coverage import Manifest
from sentiment_assets.core.parsers import Refused
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.engine.fetch import FetchInterrupted
from sentiment_assets_tests.contract.cases import faults
from sentiment_assets_tests.contract.trial import ALL_DAYS, TOKEN, Trial, manifests

EVERY_FAULT = [pytest.param(case, fault, id=f"{case.name}-{fault}") for case, fault in faults()]
#: Silence that a test can wait for; a client's own tests try real timeouts.
GENTLE: Mapping[str, Mapping[str, Any]] = {"timeout": {"seconds": 0.05}, "slow": {"seconds": 0.05}}
TWICE: Mapping[str, Any] = {"times": 2}
FOR_EVER: Mapping[str, Any] = {"times": -1, "after": 1}


@pytest.mark.parametrize(("case", "fault"), EVERY_FAULT)
@pytest.mark.parametrize("when", [TWICE, FOR_EVER], ids=["twice", "for ever"])
def test_what_comes_of_a_fault(
    trial: Trial, fault: str, when: Mapping[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    plan = trial.planned(trial.window(14))
    start, end = plan[0].start, plan[0].end
    trial.api.fault(fault, **when, **GENTLE.get(fault, {}))
    client = trial.connect(small=True, max_wait_seconds=60.0)
    with caplog.at_level(logging.INFO):
        try:
            (manifest,) = manifests(trial.fetch(plan, client))
            interrupted = None
        except FetchInterrupted as error:
            (manifest,), interrupted = error.manifests, error.cause
    assert_private(trial, caplog.text)

    # Conservation: whatever was received lies somewhere.
    kept, letters = trial.payloads(), trial.dead_letters()
    assert manifest.received == len(kept) + len(letters)
    assert manifest.dead_letters == len(letters)
    if interrupted is not None:
        assert_told(trial, interrupted, manifest)
    else:
        assert (manifest.state, manifest.reason) == ("complete", "")
        assert_whole(trial, fault, manifest, start, end)

    # The next run completes it.
    stored = trial.stored()
    trial.api.heal()
    trial.api.travel(trial.api.now + dt.timedelta(minutes=2))
    again = trial.connect()
    assert plan[0].window in {planned.window for planned in trial.due(again)}
    (manifest,) = manifests(trial.fetch(plan, again, run="run-2"))
    assert manifest.state == trial.coverage(plan[0].window).state == "complete"
    assert trial.truth(start, end) <= trial.numbers()
    assert trial.stored().items() >= stored.items(), "what came does not stay"


def assert_told(trial: Trial, cause: Exception, manifest: Manifest) -> None:
    """An interrupted fetch says where and what to do, and marks its window."""
    assert isinstance(cause, ApiError), cause
    title = PLATFORMS[trial.platform].title
    said = str(cause)
    assert re.match(rf"{title} GET /\S+(, page [0-9]+)?: ", said), said
    assert said == f"{cause.where}: {cause.what}; {cause.remedy}"
    assert len(cause.remedy) > 10
    assert_private(trial, said)
    assert (manifest.state, manifest.reason) == ("partial", f"interrupted: {said}")
    assert (manifest.fetched_from, manifest.fetched_until) == (None, None)


def assert_whole(
    trial: Trial, fault: str, manifest: Manifest, start: dt.datetime, end: dt.datetime
) -> None:
    """A complete window lacks only what the fetch tells of."""
    truth = trial.truth(start, end)
    kept, letters = trial.payloads(), trial.dead_letters()
    if fault in trial.case.anonymous:
        assert len(kept) == len(truth)
        return
    # Without the dates of posts, comments of older ones are found too.
    assert trial.numbers_of(kept) <= trial.truth(start, end, days=ALL_DAYS)
    damaged = sum(trial.case.number(payload) is None for payload in (*kept, *letters))
    told = sum(manifest.sources[0].partial_errors.values())
    missing = truth - trial.numbers_of([*kept, *letters])
    if fault not in trial.case.hiding and not told:
        assert len(missing) <= damaged, f"{len(missing)} objects are missing in silence"


def assert_private(trial: Trial, said: str) -> None:
    """No token, no id, no text."""
    assert TOKEN not in said
    assert re.findall(r"[0-9]{7,}", said) == []
    for payload in trial.payloads()[:20]:
        # What a fault damaged has no text to look for.
        with contextlib.suppress(Refused):
            text = trial.parser.parse(payload).text
            assert not text or text[:40] not in said
