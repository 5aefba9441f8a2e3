"""An API that changes its shape is told, and stops nothing."""

from __future__ import annotations

import pytest

from sentiment_assets_tests.contract.trial import Trial, manifests


def drift(trial: Trial) -> tuple[set[str], set[str]]:
    """Unknown and vanished fields that a fetch of most of a day tells."""
    fetched = manifests(trial.fetch(trial.planned(*trial.windows(range(0, 18, 2)))))
    assert {manifest.state for manifest in fetched} == {"complete"}
    sources = [source for manifest in fetched for source in manifest.sources]
    unknown = {name for source in sources for name in source.unknown_fields}
    return unknown, {name for source in sources for name in source.vanished_fields}


def test_a_healthy_fetch_knows_every_field(trial: Trial) -> None:
    assert drift(trial) == (set(), set())


@pytest.mark.parametrize(("fault", "place"), [("unknown_field", 0), ("vanished_field", 1)])
def test_a_changed_field_is_counted_and_costs_nothing(trial: Trial, fault: str, place: int) -> None:
    trial.api.fault(fault, times=-1)
    told = drift(trial)
    assert told[place]
    assert not told[1 - place] or fault == "vanished_field"
    # Without a creation time they are dead letters: kept, and counted.
    assert trial.payloads() or trial.dead_letters()
