"""A fetch that is broken off and begun again ends with everything, once."""

from __future__ import annotations

import pytest

from sentiment_assets.engine.fetch import FetchInterrupted
from sentiment_assets_tests.contract.trial import Trial


@pytest.mark.parametrize("answers", [0, 1])
def test_a_restart_midway_ends_as_if_nothing_had_been(trial: Trial, answers: int) -> None:
    plan = trial.planned(*trial.windows((12, 14)))
    undisturbed = trial.new_lake()
    trial.fetch(plan, lake=undisturbed)
    trial.api.fault("server_error", times=-1, after=answers)
    with pytest.raises(FetchInterrupted) as broken:
        trial.fetch(plan, run="run-1")
    kept = trial.numbers()
    assert broken.value.manifests[-1].state == "partial"
    trial.api.heal()
    trial.fetch(plan, run="run-1")
    assert trial.numbers() == trial.numbers(undisturbed) >= kept
    # The same fetch wrote the same names: nothing stands twice.
    assert trial.stored().keys() == trial.stored(undisturbed).keys()
    assert all(trial.coverage(planned.window).state == "complete" for planned in plan)
