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
    from sentiment_assets_tests.simulated_x import SimulatedX


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
def _x() -> Iterator[SimulatedX]:
    from sentiment_assets_tests.local_platform import NOW
    from sentiment_assets_tests.simulated_x import running_simulator

    with running_simulator(NOW, "--posts-per-day", "240") as x:
        yield x


@pytest.fixture
def x(_x: SimulatedX) -> Iterator[SimulatedX]:
    """X, without faults, on a Thursday at 18:30."""
    from sentiment_assets_tests.local_platform import NOW

    _x.heal()
    _x.travel(NOW)
    _x.client.reach = type(_x.client).reach
    yield _x
    _x.heal()


@pytest.fixture
def platform(tmp_path: Path, x: SimulatedX) -> Platform:
    """A platform on disk that has fetched nothing."""
    from sentiment_assets_tests.local_platform import Platform

    return Platform.at(tmp_path / "home", x)
