"""`sentiment alerts` and `sentiment watch`, on an embedded PostgreSQL of their own."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from resources.alert_store import PostgresStore
from resources.embedded_postgres import embedded_postgres
from resources.environments import notifier_of
from resources.settings import read_settings
from sentiment_assets.cli import cli
from sentiment_assets.cli.watch import Watcher
from sentiment_assets.core.alerts import Alert, Findings

Invoke = Callable[..., Any]
STALE = Alert(
    rule="table_stale",
    key="table_stale:silver/posts|x",
    severity="critical",
    headline="silver/posts of X is 5h old",
    cause="no post since 07:00",
    next_step="look at the newest runs",
    runbook="table-stale",
    platform="x",
    table="silver/posts",
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = embedded_postgres(tmp_path_factory.mktemp("home"))
    yield str(server.get_uri(driver="psycopg2"))
    server.cleanup()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str) -> Path:
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path))
    monkeypatch.setenv("SENTIMENT_POSTGRES_URL", database)
    store = PostgresStore(database)
    store.change(lambda book, _: (type(book)(), None))
    store.close()
    return tmp_path


@pytest.fixture
def invoke(home: Path) -> Invoke:
    def run(*arguments: str) -> Any:
        return CliRunner().invoke(cli, arguments)

    return run


@pytest.fixture
def stale(home: Path, database: str) -> Alert:
    """A table that is stale, as the sensor noted it."""
    store = PostgresStore(database)
    notifier_of(read_settings(), store).report("test", Findings((STALE,)))
    store.close()
    return STALE


def rows(result: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.output.splitlines() if line.startswith("{")]


def test_nothing_is_wrong(invoke: Invoke) -> None:
    result = invoke("alerts", "list")
    assert (result.exit_code, result.output) == (0, "nothing is wrong\n")
    assert invoke("alerts", "list", "--json").output == ""


def test_what_is_open_is_listed(invoke: Invoke, stale: Alert) -> None:
    shown = " ".join(invoke("alerts", "list").output.split())
    for said in (stale.severity, stale.headline, stale.cause, stale.next_step, "table-stale.md"):
        assert said in shown
    [row, channel] = rows(invoke("alerts", "list", "--json"))
    assert (row["key"], row["severity"], row["silenced_until"]) == (stale.key, "critical", None)
    assert (channel["channel"], channel["failing_since"]) == ("log", None)


def test_a_silence_is_made_shown_and_ended(invoke: Invoke, stale: Alert, home: Path) -> None:
    made = invoke("alerts", "silence", "table_stale:*", "--for", "2h", "--reason", "X is down")
    assert made.exit_code == 0, made.output
    assert "quiet for 2h; 1 open alerts are covered" in made.output
    alert, silence, _ = rows(invoke("alerts", "list", "--json"))
    assert alert["silenced_until"] == silence["until"]
    until = dt.datetime.fromisoformat(silence["until"])
    left = until - dt.datetime.now(dt.timezone.utc)
    assert dt.timedelta(minutes=110) < left <= dt.timedelta(hours=2)
    assert "X is down" in invoke("alerts", "list").output
    assert "X is down" in (home / "alerts.html").read_text()
    ended = invoke("alerts", "silence", "table_stale:*", "--end")
    assert ended.output == "table_stale:* is told again\n"
    assert [row for row in rows(invoke("alerts", "list", "--json")) if "silence" in row] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["k"], "--for must say how long"),
        (["k", "--for", "soon", "--reason", "r"], "for example: --for 2h"),
        (["k", "--for", "31d", "--reason", "r"], "at most 30d"),
        (["k", "--for", "2h"], "--reason must say why"),
        (["k", "--end"], "there is no silence 'k'"),
    ],
)
def test_a_wrong_silence_is_told(invoke: Invoke, arguments: list[str], said: str) -> None:
    result = invoke("alerts", "silence", *arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_a_test_goes_through_every_channel_and_says_which_took_it(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    well = invoke("alerts", "test")
    assert well.exit_code == 0
    assert "log: took it" in well.output
    assert "sns: not set (SENTIMENT_ALERT_TOPIC_ARN)" in well.output
    monkeypatch.setenv("SENTIMENT_ALERT_WEBHOOK_URL", "http://127.0.0.1:9/hush-hush")
    broken = invoke("alerts", "test")
    assert broken.exit_code == 1
    assert "webhook: the webhook did not answer (ConnectError)" in broken.output
    assert "hush" not in broken.output
    assert invoke("alerts", "list").output == "nothing is wrong\n", "a test is no alert"


def test_a_wrong_file_of_rules_is_told_with_its_line(
    invoke: Invoke, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "mine.yaml").write_text("version: 1\nrules: {run_fails: {}}\n")
    monkeypatch.setenv("SENTIMENT_ALERTS", str(home / "mine.yaml"))
    for verb in (["alerts", "list"], ["watch", "--once"]):
        assert "mine.yaml:2: unknown key rules.run_fails" in str(invoke(*verb).exception)


def test_a_lost_database_is_told_without_its_address(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTIMENT_POSTGRES_URL", "postgresql+psycopg2://me:hush@127.0.0.1:9/d")
    result = invoke("alerts", "list")
    assert result.exit_code == 1
    assert "SENTIMENT_POSTGRES_URL" in result.output
    assert "hush" not in result.output


# The watch


def test_a_first_look_at_a_new_instance_is_well(invoke: Invoke) -> None:
    """Nothing has had the time to be late."""
    result = invoke("watch", "--once")
    assert (result.exit_code, result.output) == (0, "Dagster is alive\n")


def test_a_daemon_that_never_comes_is_told_and_the_next_look_tells_nothing_new(
    home: Path, invoke: Invoke, caplog: pytest.LogCaptureFixture
) -> None:
    watcher = Watcher(read_settings(), dt.datetime.now(dt.timezone.utc) - dt.timedelta(hours=1))
    for _ in range(2):
        keys = {alert.key for alert in watcher.look().firing}
        assert {"daemon_silent:all", "ticks_silent:alert_on_troubles"} <= keys
    told = [record.message for record in caplog.records if "no sign of life" in record.message]
    assert len(told) == 1
    assert "docs/runbooks/daemon-silent.md" in told[0]
    assert "no sign of life" in (home / "alerts.html").read_text()
    listed = rows(invoke("alerts", "list", "--json"))
    assert "daemon_silent:all" in {row.get("key") for row in listed}


def test_a_lost_database_is_told_once_and_so_is_its_return(
    home: Path,
    invoke: Invoke,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    database: str,
) -> None:
    # Dagster asks six times before it gives a database up; nobody waits in between here.
    monkeypatch.setattr("dagster_postgres.utils.calculate_delay", lambda **_: 0)
    invoke("watch", "--once")
    gone = "postgresql+psycopg2://me:hush@127.0.0.1:9/d"
    monkeypatch.setenv("SENTIMENT_POSTGRES_URL", gone)
    for _ in range(2):
        result = invoke("watch", "--once")
        assert result.exit_code == 1
        assert "Dagster cannot be looked at" in result.output
        assert "hush" not in result.output + caplog.text
    told = [r.message for r in caplog.records if "cannot be looked at" in r.message]
    assert len(told) == 1
    assert "Dagster cannot be looked at" in (home / "alerts.html").read_text()
    monkeypatch.setenv("SENTIMENT_POSTGRES_URL", database)
    rules = home / "rules.yaml"
    rules.write_text("version: 1\nrules: {instance_unreachable: {recover_after: 1min}}\n")
    note = json.loads((home / "watch.json").read_text())
    seen = dt.datetime.now(dt.timezone.utc) - dt.timedelta(minutes=2)
    note["open"]["instance_unreachable"]["last_seen_at"] = seen.isoformat()
    (home / "watch.json").write_text(json.dumps(note))
    monkeypatch.setenv("SENTIMENT_ALERTS", str(rules))
    assert invoke("watch", "--once").exit_code == 0
    assert "[RECOVERED CRITICAL] local, SIMULATED: Dagster cannot be looked at" in caplog.text
    assert "nothing is wrong" in (home / "alerts.html").read_text()
