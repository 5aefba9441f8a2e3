"""`sentiment land`, `tick` and `dead-letters` with a broker, in a home of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from resources.settings import Settings, read_settings
from sentiment_assets.cli import cli
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets_tests.bronze_records import payload
from sentiment_assets_tests.kafka_server import KafkaServer
from sentiment_assets_tests.silver_of_a_lake import posts as silver_posts
from sentiment_assets_tests.streamed import Streamed, posts

Invoke = Callable[..., str]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path / "home"))

    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(cli, arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result.output

    return run


@pytest.fixture
def stream(
    kafka_server: KafkaServer,
    whole_kafka: object,
    kafka_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Streamed:
    monkeypatch.setenv("SENTIMENT_KAFKA_BROKERS", kafka_server.connection.brokers)
    monkeypatch.setenv("SENTIMENT_KAFKA_PREFIX", kafka_prefix)
    return Streamed(kafka_server, kafka_prefix)


@pytest.fixture
def settings(invoke: Invoke, stream: Streamed) -> Settings:
    return read_settings()


def test_what_waits_is_landed_and_a_range_again(
    invoke: Invoke, stream: Streamed, settings: Settings
) -> None:
    stream.send([*posts([1, 9]), b"no json"])
    assert (
        invoke("land", "x")
        == f"{stream.topic}: 3 records consumed, 2 landed, 1 dead letters, 0 lost\n"
    )
    assert json.loads(invoke("land", "x", "--json"))["consumed"] == 0
    again = json.loads(
        invoke("land", "x", "--partition", "0", "--from", "0", "--to", "2", "--json")
    )
    assert (again["landed"], again["failures"]) == (2, [])


def test_offsets_that_make_no_sense_are_told(
    invoke: Invoke, stream: Streamed, settings: Settings
) -> None:
    stream.send(posts([1, 9]))
    said = invoke("land", "x", "--from", "0", "--to", "1", code=2)
    assert "has 2 partitions: name one with --partition" in said
    said = invoke("land", "x", "--partition", "0", "--from", "1", "--to", "9", code=2)
    assert "holds offsets 0 up to 2; 1 to 9 is no part of that" in said
    assert "--from and --to go together" in invoke("land", "x", "--from", "1", code=2)
    assert "is not one of" in invoke("land", "myspace", code=2)
    assert "sentiment topics apply" in invoke("land", "facebook", code=1)


def test_without_a_broker_the_setting_is_named(invoke: Invoke) -> None:
    with pytest.raises(Exception, match="SENTIMENT_KAFKA_BROKERS: needed to land"):
        invoke("land", "x")


def test_a_tick_lands_and_rebuilds(
    invoke: Invoke, stream: Streamed, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for platform in PLATFORMS:
        if platform != "x":
            Streamed(stream.server, stream.prefix, platform=platform)
    # One platform is connected and another one tracked: nothing is fetched.
    monkeypatch.setenv("SENTIMENT_X_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SENTIMENT_TRACKING", str(tracking_facebook_alone(settings.home)))
    stream.send(posts([1, 9, 10]))
    told = json.loads(invoke("tick", "--json").splitlines()[-1])
    assert (told["landed"], told["fetched"], told["failures"]) == (3, [], [])
    assert told["rebuilt"] == ["2026-11-23|x"]
    assert silver_posts(settings.open_lake()).height == 3


def tracking_facebook_alone(home: Path) -> Path:
    """The project's own tracking, of one platform."""
    import yaml

    from sentiment_assets.definitions import PROJECT_ROOT

    tracking = yaml.safe_load((PROJECT_ROOT / "tracking.yaml").read_text())
    tracking["platforms"] = {"facebook": tracking["platforms"]["facebook"]}
    path = home / "tracking.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(tracking))
    return path


def test_dead_letters_are_listed_shown_and_replayed(
    invoke: Invoke, stream: Streamed, settings: Settings
) -> None:
    assert invoke("dead-letters", "list") == "no dead letters\n"
    stream.send([payload(24 * 400, text="a secret"), b"no json"])
    invoke("land", "x")
    listed = invoke("dead-letters", "list", "--platform", "x")
    path = listed.splitlines()[0]
    assert "1 no_partition, 1 not_json" in listed
    assert "2 dead letters" in listed
    shown = invoke("dead-letters", "show", path)
    assert f"{stream.topic} 0:0" in shown
    assert "a secret" not in shown
    assert "a secret" in invoke("dead-letters", "show", path, "--line", "1", "--payload")
    assert "has no line 7" in invoke("dead-letters", "show", path, "--line", "7", code=2)
    assert "name an OBJECT" in invoke("dead-letters", "replay", code=2)
    assert "0 landed, 2 are dead still" in invoke("dead-letters", "replay", "--all")
    told: dict[str, Any] = json.loads(invoke("dead-letters", "replay", path, "--json"))
    assert told["landed"] == {}
    assert sum(told["dead"].values()) == 2
