"""`sentiment seal`: what it asks, shows and refuses."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from resources.environments import silver_rules
from resources.settings import Settings, read_settings
from sentiment_assets.cli import cli
from sentiment_assets.core.layout import Window
from sentiment_assets.engine.sealing import NotSealable
from sentiment_assets_tests.bronze_records import DAY, at, line, payload, store
from sentiment_assets_tests.silver_of_a_lake import rebuild

Invoke = Callable[..., Any]
NAMED = (DAY.date.isoformat(), DAY.platform)


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Run a command in this process, in a home of its own; errors of the lake raise."""
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path / "home"))

    def run(*arguments: str, text: str | None = None, code: int = 0) -> str:
        result = CliRunner().invoke(cli, arguments, input=text)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result.output

    return run


@pytest.fixture
def settings(invoke: Invoke) -> Settings:
    """Of a home whose lake has one window."""
    settings = read_settings()
    store(settings.open_lake(), Window(DAY, "0800"), [line(payload(8.5), at(10.1))], at(10.1))
    return settings


def test_a_date_is_sealed_shown_and_opened(invoke: Invoke, settings: Settings) -> None:
    rebuild(settings.open_lake(), rules=silver_rules(settings))
    assert invoke("seal", "--list") == "nothing is sealed\n"
    assert f"{DAY.key} is sealed since" in invoke("seal", *NAMED, "--reason", "test", text="y\n")
    [row] = map(json.loads, invoke("seal", "--list", "--json").splitlines())
    assert (row["date"], row["platform"], row["records"], row["reason"]) == (*NAMED, 1, "test")
    assert f"{DAY.key}  sealed" in invoke("seal", "--list")
    days = str((dt.datetime.now(dt.timezone.utc).date() - DAY.date).days + 1)
    bronze = [
        json.loads(one)
        for one in invoke("partitions", "--platform", "x", "--days", days, "--json").splitlines()
        if f'"{NAMED[0]}"' in one
    ]
    assert [row["state"][:6] for row in bronze if row["layer"] == "bronze"] == ["sealed"]
    assert [row["state"] for row in bronze if row["layer"] == "silver"] == ["current"]
    assert "is open" in invoke("seal", *NAMED, "--open")
    assert invoke("seal", "--list", "--json") == ""


def test_whoever_says_no_seals_nothing(invoke: Invoke, settings: Settings) -> None:
    rebuild(settings.open_lake(), rules=silver_rules(settings))
    invoke("seal", *NAMED, text="n\n", code=1)
    assert invoke("seal", "--list") == "nothing is sealed\n"


def test_what_is_behind_is_refused(invoke: Invoke, settings: Settings) -> None:
    with pytest.raises(NotSealable, match="Rebuild the date first"):
        invoke("seal", *NAMED, "--yes")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "name a DATE"),
        ((NAMED[0],), "name a DATE"),
        ((NAMED[0], "orkut"), "'orkut' is not one of x, "),
        (("23.11.2026", "x"), "does not match the format"),
    ],
)
def test_a_wrong_command_is_told(invoke: Invoke, arguments: tuple[str, ...], says: str) -> None:
    assert says in invoke("seal", *arguments, code=2)
