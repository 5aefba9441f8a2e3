"""Each test here runs on every platform: ``case`` is a row of the table, ``trial`` tries it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sentiment_assets_tests.contract.cases import CASES, Case
from sentiment_assets_tests.contract.trial import NOW, Trial
from sentiment_assets_tests.simulated import SimulatedPlatform


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture
def trial(case: Case, simulated: dict[str, SimulatedPlatform], tmp_path: Path) -> Iterator[Trial]:
    """The platform without faults on a Thursday at 18:30, and an empty lake."""
    api = simulated[case.name]
    api.heal()
    api.travel(NOW)
    trial = Trial(case, api, tmp_path)
    yield trial
    trial.close()
    api.heal()
    api.forget()
