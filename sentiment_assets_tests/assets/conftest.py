"""Four days from the simulator to gold, built once; tests that break something take a copy."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from sentiment_assets_tests.local_platform import NOW, TODAY, YESTERDAY, Platform, day, failures
from sentiment_assets_tests.simulated import SimulatedPlatform, running_simulator

DAYS = [day("2026-02-02"), day("2026-02-03"), YESTERDAY, TODAY]

#: What must never leave bronze; the simulator's people are searched for as well.
SECRETS = {
    "email": "thandeka.q@example.org",
    "phone": "+27 82 555 0143",
    "card": "4111 1111 1111 1111",
}


@dataclass
class Built:
    platform: Platform
    fetches: list[dg.ExecuteInProcessResult]
    rebuild: dg.ExecuteInProcessResult
    one_day: dg.ExecuteInProcessResult


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    with running_simulator(NOW, "--posts-per-day", "240") as simulated:
        x = simulated["x"]
        platform = Platform.at(tmp_path_factory.mktemp("built"), x)
        for number, (kind, value) in enumerate(SECRETS.items()):
            made = NOW - dt.timedelta(hours=5, minutes=number)
            x.post(f"My nimbus {kind} is {value}, call me", made, username="thandeka_q_77")
        fetches = [platform.run("fetch", [partition]) for partition in DAYS[:-1]]
        x.fault("missing_fields", times=2)
        fetches.append(platform.run("fetch", DAYS[-1:]))
        rebuild = platform.run("rebuild", DAYS)
        one_day = platform.run("rebuild", DAYS[-1:], config=forced())
        for result in (*fetches, rebuild, one_day):
            assert result.success, failures(result)
        yield Built(platform, fetches, rebuild, one_day)


def forced() -> dict[str, object]:
    return {"ops": {"silver_posts": {"config": {"force": True}}}}


@pytest.fixture
def copy(built: Built, tmp_path: Path, x: SimulatedPlatform) -> Platform:
    """The four days in a folder of the test's own, with an empty event log."""
    shutil.copytree(built.platform.settings.home, tmp_path / "home")
    return Platform.at(tmp_path / "home", x)


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries at once instead of after 5, 10 and 20 seconds."""
    monkeypatch.setattr(dg.RetryPolicy, "calculate_delay", lambda *_: 0)
