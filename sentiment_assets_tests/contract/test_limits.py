"""Limits: a caller waits where that is short, gives up where it is long, and asks the budget."""

from __future__ import annotations

import datetime as dt

import pytest

from resources.api_clients.errors import RateLimited
from resources.api_clients.http import Allowance
from sentiment_assets.engine.fetch import FetchInterrupted
from sentiment_assets_tests.contract.cases import CASES
from sentiment_assets_tests.contract.trial import Trial, manifests


class Counting:
    """A budget that counts; of the first ``short`` takes each says to wait for a while."""

    def __init__(self, short: int = 0, seconds: float = 2.0) -> None:
        self.taken = self.refused = 0
        self.observed: list[Allowance] = []
        self._short, self._seconds = short, seconds

    def take(self) -> float:
        if self.refused < self._short:
            self.refused += 1
            return self._seconds
        self.taken += 1
        return 0.0

    def observe(self, allowance: Allowance) -> None:
        self.observed.append(allowance)


def test_a_limit_that_soon_ends_is_waited_for(trial: Trial) -> None:
    fault, seconds = trial.case.short_limit
    trial.api.fault(fault.name, after=1, **fault.parameters)
    plan = trial.planned(trial.window(14))
    client = trial.connect(small=True, max_wait_seconds=120.0)
    (manifest,) = manifests(trial.fetch(plan, client))
    assert manifest.state == "complete"
    assert trial.numbers() == trial.truth(plan[0].start, plan[0].end)
    assert seconds <= sum(trial.naps) <= 130
    assert trial.api.faults() == []


def test_a_limit_that_lasts_ends_the_fetch(trial: Trial) -> None:
    fault = trial.case.long_limit
    trial.api.fault(fault.name, after=1, **fault.parameters)
    plan = trial.planned(trial.window(14))
    with pytest.raises(FetchInterrupted) as interrupted:
        trial.fetch(plan, trial.connect(small=True))
    cause = interrupted.value.cause
    assert isinstance(cause, RateLimited)
    assert cause.reset_at is not None
    assert cause.retryable
    assert cause.reset_at > dt.datetime.now(dt.timezone.utc)
    assert "the API takes no more requests until" in str(cause)
    assert trial.naps == []
    (manifest,) = interrupted.value.manifests
    assert (manifest.state, manifest.fetched_until) == ("partial", None)


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=name) for name, case in CASES.items() if case.near_limit]
)
def test_a_limit_that_is_near_slows_the_caller(trial: Trial) -> None:
    fault = trial.case.near_limit
    assert fault is not None
    plan = trial.planned(trial.window(14))
    client = trial.connect(max_wait_seconds=120.0)
    asked = trial.api.requests()
    trial.fetch(plan, client)
    assert trial.naps == []
    requests = trial.api.requests() - asked
    trial.api.fault(fault.name, **fault.parameters)
    (manifest,) = manifests(trial.fetch(plan, client, lake=trial.new_lake()))
    assert manifest.state == "complete"
    assert len(trial.naps) == requests - 1, "each request but the first, which knew nothing yet"
    assert len(set(trial.naps)) == 1
    assert 5 < trial.naps[0] < 30
    assert client.allowance is not None
    assert client.allowance.used_share == pytest.approx(0.9)
    assert not client.allowance.used_up


def test_what_is_left_is_known_where_the_platform_tells(trial: Trial) -> None:
    budget = Counting()
    client = trial.connect(budget=budget)
    assert client.allowance is None
    trial.fetch(trial.planned(trial.window(14)), client)
    if not trial.case.tells_allowance:
        assert client.allowance is None
        assert budget.observed == []
        return
    allowance = client.allowance
    assert len(budget.observed) == budget.taken
    assert budget.observed[-1] == allowance
    if allowance.used_share is None:
        assert 0 < allowance.remaining < allowance.limit
        assert allowance.reset_at.tzinfo is not None
    else:
        assert 0 <= allowance.used_share < 0.75


def test_every_request_is_taken_from_the_budget(trial: Trial) -> None:
    """Also those that are refused and tried again."""
    budget = Counting()
    client = trial.connect(budget=budget, small=True, max_wait_seconds=60.0)
    trial.api.fault("server_error", times=2, after=1)
    trial.api.fault("truncated_json", after=3)
    asked = trial.api.requests()
    (manifest,) = manifests(trial.fetch(trial.planned(trial.window(14)), client))
    assert manifest.state == "complete"
    assert trial.api.faults() == []
    assert budget.taken == trial.api.requests() - asked > 4


def test_an_empty_budget_is_waited_for(trial: Trial) -> None:
    budget = Counting(short=3)
    client = trial.connect(budget=budget, max_wait_seconds=60.0)
    (manifest,) = manifests(trial.fetch(trial.planned(trial.window(14)), client))
    assert manifest.state == "complete"
    assert trial.naps == [2.0, 2.0, 2.0]


def test_a_budget_that_stays_empty_ends_the_fetch_without_a_request(trial: Trial) -> None:
    client = trial.connect(budget=Counting(short=10_000), max_wait_seconds=10.0)
    asked = trial.api.requests()
    with pytest.raises(FetchInterrupted) as interrupted:
        trial.fetch(trial.planned(trial.window(14)), client)
    assert isinstance(interrupted.value.cause, RateLimited)
    assert trial.api.requests() == asked
    assert sum(trial.naps) <= 10.0
