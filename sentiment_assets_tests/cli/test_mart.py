"""`sentiment mart` on an embedded PostgreSQL of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from resources.embedded_postgres import embedded_postgres
from resources.environments import open_mart
from resources.settings import read_settings
from sentiment_assets.cli import cli
from sentiment_assets.core.contracts import HOURLY_SENTIMENT
from sentiment_assets_tests.published import day, made_up, outgoing

Invoke = Callable[..., Any]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    server = embedded_postgres(home)
    yield home
    server.cleanup()


@pytest.fixture
def invoke(home: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    monkeypatch.setenv("SENTIMENT_HOME", str(home))
    return lambda *arguments: CliRunner().invoke(cli, ["mart", *arguments])


def test_status_before_and_after_an_upgrade_and_a_publish(invoke: Invoke, home: Path) -> None:
    before = invoke("status")
    assert before.exit_code == 1, before.output
    assert "schema  none, this program needs" in before.output
    assert "missing: 0001" in before.output
    upgraded = invoke("upgrade")
    assert upgraded.exit_code == 0, upgraded.output
    assert "done: 0001" in upgraded.output
    assert "already" in invoke("upgrade").output

    settings = read_settings({}, home=home)
    days = [day("2026-02-03"), day("2026-02-04")]
    frame = made_up(HOURLY_SENTIMENT, days, 3)
    mart = open_mart(settings)
    mart.publish([outgoing(HOURLY_SENTIMENT, frame, days)], "a-run")
    mart.close()
    after = invoke("status")
    assert after.exit_code == 0, after.output
    assert "psql" in after.output
    told = json.loads(invoke("status", "--json").output)
    assert told["schema"] == told["needed"]
    [hourly] = [t for t in told["tables"] if t["table"] == "mart.hourly_sentiment"]
    assert (hourly["partitions"], hourly["rows"]) == (2, 6)
    assert told["mart"].endswith("/mart_simulated")


def test_a_mart_that_is_off_or_away_is_told_in_a_sentence(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTIMENT_MART_URL", "postgresql://a:pa55word@127.0.0.1:1/mart")
    away = invoke("status")
    assert away.exit_code == 1
    assert "127.0.0.1:1/mart did not answer" in away.output
    assert "pa55word" not in away.output
    monkeypatch.setenv("SENTIMENT_MART", "off")
    assert "SENTIMENT_MART must not be off" in str(invoke("upgrade").exception)
