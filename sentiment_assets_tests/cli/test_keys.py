"""`sentiment keys`: what it shows, what it refuses, and how it ends."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from resources.key_store import KeyringError
from resources.keys import Keyring, add_platforms, read_keyring
from resources.kms import KmsKey
from resources.settings import Settings, read_settings
from sentiment_assets.cli import cli
from sentiment_assets.core.layout import PostPartition, Window
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets_tests.bronze_records import DAY, RULES, at, line, payload, store
from sentiment_assets_tests.s3_server import S3Server
from sentiment_assets_tests.silver_of_a_lake import rebuild

Invoke = Callable[..., Any]
TODAY = dt.datetime.now(dt.timezone.utc).date()
TOMORROW = TODAY + dt.timedelta(days=1)


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Run the command in this process, in a home of its own; errors of keys raise."""
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path / "home"))

    def run(*arguments: str, text: str | None = None, code: int = 0) -> Any:
        result = CliRunner().invoke(cli, ["keys", *arguments], input=text)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def settings(invoke: Invoke) -> Settings:
    """Of the command's home, where keys were made."""
    settings = read_settings()
    add_platforms(settings.key_custody, None, list(PLATFORMS))
    return settings


@pytest.fixture
def kms_key(s3_endpoint: S3Server, monkeypatch: pytest.MonkeyPatch) -> KmsKey:
    """Known to the settings from now on."""
    key = s3_endpoint.new_kms_key()
    monkeypatch.setenv("SENTIMENT_PSEUDONYM_KMS_KEY_ID", key.key_id)
    monkeypatch.setenv("SENTIMENT_KMS_ENDPOINT", s3_endpoint.url)
    monkeypatch.setenv("SENTIMENT_S3_ENDPOINT", s3_endpoint.url)
    monkeypatch.setenv("SENTIMENT_S3_ACCESS_KEY_ID", "test-key-id")
    monkeypatch.setenv("SENTIMENT_S3_SECRET_ACCESS_KEY", "test-secret-key")
    return key


def keyring_of(settings: Settings) -> Keyring:
    found = read_keyring(settings.key_custody)
    assert found is not None
    return found


def epochs(settings: Settings) -> dict[str, int]:
    return {name: len(kept) for name, kept in keyring_of(settings).epochs.items()}


def rows_of(invoke: Invoke, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    return [json.loads(row) for row in invoke(*arguments, "--json", code=code).output.splitlines()]


def silver_of(settings: Settings, date: dt.date) -> None:
    """Rows of X on a date."""
    lake = settings.open_lake()
    hour = (date - DAY.date).days * 24 + 8.5
    window = Window(PostPartition(date, "x"), "0800")
    store(lake, window, [line(payload(hour), at(hour + 2))], at(hour + 2))
    rebuild(lake, [window.partition], RULES)


def secrets_in(settings: Settings) -> list[str]:
    kept = json.loads(Path(settings.key_place).read_bytes())["platforms"].values()
    return [entry["secret"] for platform in kept for entry in platform]


def test_before_the_first_run_there_is_nothing(invoke: Invoke, tmp_path: Path) -> None:
    assert "No keys yet" in invoke("list").output
    assert invoke("list", "--json").output == ""
    assert "no keys" in invoke("check", code=1).output
    assert "nothing to rotate" in invoke("rotate", "--yes", code=1).output
    assert not (tmp_path / "home" / "keys").exists()


def test_list_shows_each_epoch_and_no_secret(invoke: Invoke, settings: Settings) -> None:
    invoke("rotate", "x", "--yes", "--from", TODAY.isoformat())
    invoke("rotate", "--yes")
    rows = rows_of(invoke, "list")
    of_x = [(row["epoch"], row["from"], row["before"], row["state"]) for row in rows
            if row["platform"] == "x"]  # fmt: skip
    assert of_x == [
        (1, None, TODAY.isoformat(), "past"),
        (2, TODAY.isoformat(), TOMORROW.isoformat(), "in use"),
        (3, TOMORROW.isoformat(), None, "to come"),
    ]
    assert {row["platform"] for row in rows} == set(PLATFORMS)
    assert {row["kept_in"] for row in rows} == {settings.key_place}
    assert len({row["fingerprint"] for row in rows}) == len(rows) == 9
    table = invoke("list").output
    for shown in (table, json.dumps(rows)):
        assert all(row["fingerprint"] in shown for row in rows)
        assert not any(secret in shown for secret in secrets_in(settings))


def test_rotation_begins_tomorrow_for_all(invoke: Invoke, settings: Settings) -> None:
    output = invoke("rotate", "--yes").output
    assert set(epochs(settings).values()) == {2}
    assert f"epoch 2 from {TOMORROW}" in output
    assert "backup" in output
    assert not any(secret in output for secret in secrets_in(settings))
    with pytest.raises(KeyringError, match="must begin later"):
        invoke("rotate", "--yes")


@pytest.mark.parametrize(("answer", "rotated"), [("y\n", 2), ("n\n", 1), ("", 1)])
def test_rotation_asks(invoke: Invoke, settings: Settings, answer: str, rotated: int) -> None:
    result = invoke("rotate", "x", text=answer, code=0 if rotated == 2 else 1)
    assert "will not join across that date" in result.output
    assert epochs(settings)["x"] == rotated


def test_a_date_that_silver_has_rows_of_is_refused(invoke: Invoke, settings: Settings) -> None:
    last = DAY.date
    silver_of(settings, last)
    for first in (last, last - dt.timedelta(days=3)):
        output = invoke("rotate", "--yes", "--from", first.isoformat(), code=1).output
        assert f"x: 1 from {last} to {last}" in output
        assert "facebook: " not in output
        assert "--accept-rebuild" in output
    assert set(epochs(settings).values()) == {1}
    # Another platform's rows are another matter, and so is the day after.
    invoke("rotate", "facebook", "--yes", "--from", last.isoformat())
    invoke("rotate", "x", "--yes", "--from", (last + dt.timedelta(days=1)).isoformat())
    assert (epochs(settings)["facebook"], epochs(settings)["x"]) == (2, 2)


def test_rows_that_come_before_the_answer_count(
    invoke: Invoke, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(click, "confirm", lambda *_, **__: silver_of(settings, TOMORROW))
    assert "--accept-rebuild" in invoke("rotate", code=1).output
    assert set(epochs(settings).values()) == {1}


def test_such_a_date_can_be_insisted_on(invoke: Invoke, settings: Settings) -> None:
    silver_of(settings, DAY.date)
    first = DAY.date.isoformat()
    output = invoke("rotate", "x", "--yes", "--accept-rebuild", "--from", first).output
    assert "Rebuild these dates afterwards" in output
    assert epochs(settings)["x"] == 2


@pytest.mark.parametrize("arguments", [("telegraph",), ("--from", "tomorrow"), ("--from", "")])
def test_a_wrong_argument_is_told(
    invoke: Invoke, settings: Settings, arguments: tuple[str, ...]
) -> None:
    invoke("rotate", "--yes", *arguments, code=2)
    assert set(epochs(settings).values()) == {1}


def test_check_of_sound_keys(invoke: Invoke, settings: Settings) -> None:
    findings = rows_of(invoke, "check")
    assert [finding["ok"] for finding in findings] == [True] * 3
    assert "4 secrets" in findings[-1]["said"]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda path: path.chmod(0o644), "chmod 600"),
        (lambda path: path.parent.chmod(0o755), "chmod 700"),
        (lambda path: path.write_bytes(path.read_bytes()[:-40]), "damaged"),
        (lambda path: path.unlink(), "no keys"),
        (lambda path: path.write_text('{"version": 2, "platforms": {}}'), "no key of x, facebook"),
    ],
    ids=["group-readable", "open folder", "cut off", "gone", "no platforms"],
)
def test_check_finds_what_is_wrong(
    invoke: Invoke, settings: Settings, harm: Callable[[Path], Any], said: str
) -> None:
    harm(Path(settings.key_place))
    output = invoke("check", code=1).output
    assert "wrong  " in output
    assert said in output


def test_create_is_for_keys_that_are_lost(invoke: Invoke, settings: Settings) -> None:
    before = keyring_of(settings)
    assert "nothing was changed" in invoke("create", code=1).output
    assert keyring_of(settings) == before
    silver_of(settings, DAY.date)
    Path(settings.key_place).unlink()
    assert "--accept-rebuild" in invoke("create", code=1).output
    invoke("create", "--accept-rebuild")
    assert keyring_of(settings).fingerprints().keys() == before.fingerprints().keys()
    assert keyring_of(settings).fingerprints() != before.fingerprints()


# KMS


def test_from_a_local_file_to_kms(invoke: Invoke, settings: Settings, kms_key: KmsKey) -> None:
    fingerprints = keyring_of(settings).fingerprints()
    secrets = secrets_in(settings)
    assert "keys wrap" in invoke("check", code=1).output
    assert "Wrap?" in invoke("wrap", text="n\n", code=1).output
    assert not keyring_of(settings).wrapped
    output = invoke("wrap", "--yes").output
    content = Path(settings.key_place).read_text()
    for secret in secrets:
        assert secret not in content + output
    assert keyring_of(settings).fingerprints() == fingerprints
    assert "KMS unwraps them all" in invoke("check").output
    invoke("rotate", "--yes")
    rows = rows_of(invoke, "list")
    assert {row["wrapped"] for row in rows} == {True}
    assert len(rows) == 8


def test_from_a_local_file_to_a_bucket(
    invoke: Invoke,
    settings: Settings,
    kms_key: KmsKey,
    s3_endpoint: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fingerprints = keyring_of(settings).fingerprints()
    place = f"s3://{s3_endpoint.new_bucket()}/keys/k.json"
    monkeypatch.setenv("SENTIMENT_PSEUDONYM_KEYS", place)
    output = invoke("wrap").output
    assert "move it to where the backups are" in output
    assert keyring_of(read_settings()).fingerprints() == fingerprints
    assert rows_of(invoke, "list")[0]["kept_in"] == place
    assert "wrapped already" in invoke("wrap").output
    other = Path(settings.key_place).with_name("none.json")
    with pytest.raises(KeyringError, match=r"no keys in .*none"):
        invoke("wrap", "--from", str(other))


def test_check_finds_another_kms_key(
    invoke: Invoke,
    kms_key: KmsKey,
    s3_endpoint: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    invoke("create")
    invoke("check")
    monkeypatch.setenv("SENTIMENT_PSEUDONYM_KMS_KEY_ID", s3_endpoint.new_kms_key().key_id)
    output = invoke("check", code=1).output
    assert "wrapped by another key" in output
    assert "arn:" not in output
