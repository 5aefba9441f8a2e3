"""Real parts on loopback that several rooms share: an S3 server, the simulator, the platform.

Imported by fixtures when they are asked for: Dagster alone takes seconds, most tests need nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sentiment_assets_tests.local_platform import Platform
    from sentiment_assets_tests.s3_server import S3Server
    from sentiment_assets_tests.simulated import SimulatedPlatform


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith(("SENTIMENT_", "DAGSTER_", "AWS_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[S3Server]:
    from sentiment_assets_tests.s3_server import running_s3_server

    with running_s3_server() as server:
        yield server


@pytest.fixture(scope="session")
def simulated() -> Iterator[dict[str, SimulatedPlatform]]:
    """Every platform of one simulator. Tests take one through a fixture that heals it."""
    from sentiment_assets_tests.local_platform import NOW
    from sentiment_assets_tests.simulated import running_simulator

    options = ("--posts-per-day", "240", "--comments-per-day", "120")
    with running_simulator(NOW, *options) as platforms:
        yield platforms


@pytest.fixture
def x(simulated: dict[str, SimulatedPlatform]) -> Iterator[SimulatedPlatform]:
    """X, without faults, on a Thursday at 18:30."""
    from resources.api_clients.x import REACH
    from sentiment_assets_tests.local_platform import NOW

    x = simulated["x"]
    x.heal()
    x.travel(NOW)
    x.client.recent = REACH
    yield x
    x.heal()


@pytest.fixture
def platform(tmp_path: Path, x: SimulatedPlatform) -> Platform:
    """A platform on disk that has fetched nothing."""
    from sentiment_assets_tests.local_platform import Platform

    return Platform.at(tmp_path / "home", x)
