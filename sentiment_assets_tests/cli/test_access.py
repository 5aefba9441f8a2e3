"""`sentiment access`: what it prints can be used as it is, and what it refuses it explains."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from resources.settings import read_settings
from sentiment_assets.cli import cli
from sentiment_assets.privacy.access import LAYERS, ROLES, rows
from sentiment_assets.privacy.aws import AwsNames, bucket_policy, key_policy, role_policy
from sentiment_assets.privacy.emr import EmrNames, job_policy, launch_policy, trust_policy
from sentiment_assets.privacy.postgres import grants

Invoke = Callable[..., Any]
ACCOUNT = "123456789012"


def key(name: str) -> str:
    return f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{name}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def invoke(home: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    monkeypatch.setenv("SENTIMENT_HOME", str(home))

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(cli, ["access", *arguments])

    return run


def test_show(invoke: Invoke) -> None:
    told = invoke("show", "--json")
    assert [json.loads(line) for line in told.output.splitlines()] == list(rows())
    table = invoke("show").output
    for name in (*(role.name for role in ROLES), *(layer.name for layer in LAYERS)):
        assert name in table


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> AwsNames:
    """The settings of a lake in a bucket with a key a layer."""
    monkeypatch.setenv("SENTIMENT_LAKE_URI", "s3://posts/team/lake")
    monkeypatch.setenv("SENTIMENT_S3_REGION", "af-south-1")
    monkeypatch.setenv("SENTIMENT_S3_KMS_KEY_ID", key("all"))
    monkeypatch.setenv("SENTIMENT_S3_BRONZE_KMS_KEY_ID", key("bronze"))
    keys = {"bronze": key("bronze"), "silver": key("all"), "gold": key("all")}
    return AwsNames(ACCOUNT, "af-south-1", "posts", keys, "team/lake")


def test_policies_of_the_settings(invoke: Invoke, named: AwsNames) -> None:
    iam = invoke("policy", "iam", "--role", "analyst", "--account", ACCOUNT)
    assert json.loads(iam.output) == role_policy(named, "analyst")
    bucket = invoke("policy", "bucket", "--account", ACCOUNT)
    assert json.loads(bucket.output) == bucket_policy(named)
    kms = invoke("policy", "kms", "--layer", "bronze", "--account", ACCOUNT)
    assert json.loads(kms.output) == key_policy(named, "bronze")


def test_what_spark_on_emr_needs_is_printed(
    invoke: Invoke, named: AwsNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    role, other = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("spark", "other"))
    for name, value in (
        ("APPLICATION", "00f1"), ("ROLE", role), ("CODE", "s3://posts/code/sentiment"),
    ):  # fmt: skip
        monkeypatch.setenv(f"SENTIMENT_EMR_{name}", value)
    names = replace(named, jobs=[role])
    emr = EmrNames("00f1", role, "s3://posts/code/sentiment")
    for part, make in (("job", job_policy), ("launch", launch_policy), ("trust", trust_policy)):
        told = invoke("policy", "emr", "--for", part, "--account", ACCOUNT)
        assert json.loads(told.output) == make(names, emr)
    # Bucket and keys let that role in, or another one.
    told = invoke("policy", "bucket", "--account", ACCOUNT)
    assert json.loads(told.output) == bucket_policy(names)
    told = invoke("policy", "kms", "--layer", "gold", "--account", ACCOUNT, "--job-role", other)
    assert json.loads(told.output) == key_policy(replace(named, jobs=[other]), "gold")


def test_an_application_that_is_not_named_is_told(invoke: Invoke, named: AwsNames) -> None:
    told = invoke("policy", "emr", "--for", "launch", "--account", ACCOUNT)
    assert told.exit_code != 0
    assert "the application is ''; for example: 00f1abcde2fgh345" in told.output


def test_the_topic_of_the_settings_is_in_the_policy_and_another_can_be_named(
    invoke: Invoke, named: AwsNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("policy", "iam", "--role", "pipeline", "--account", ACCOUNT)
    topics = [f"arn:aws:sns:af-south-1:{ACCOUNT}:{name}" for name in ("alerts", "others")]
    monkeypatch.setenv("SENTIMENT_ALERT_TOPIC_ARN", topics[0])
    for options, topic in ((), topics[0]), (("--alert-topic", topics[1]), topics[1]):
        expected = role_policy(replace(named, alert_topic=topic), "pipeline")
        assert json.loads(invoke(*arguments, *options).output) == expected
        assert expected["Statement"][-1]["Resource"] == [topic]


def test_policies_of_options(invoke: Invoke, named: AwsNames) -> None:
    """Another bucket: the settings' prefix is not its own."""
    told = invoke(
        "policy", "bucket", "--account", ACCOUNT, "--bucket", "other", "--region", "eu-west-1",
        "--kms-key", key("one"), "--kms-key", f"keys={key('secrets')}",
        "--role-arn", "bi=arn:aws:iam::1:role/a", "--role-arn", "bi=arn:aws:iam::1:role/b",
    )  # fmt: skip
    keys = {**dict.fromkeys(("bronze", "silver", "gold"), key("one")), "keys": key("secrets")}
    principals = {"bi": ["arn:aws:iam::1:role/a", "arn:aws:iam::1:role/b"]}
    names = AwsNames(ACCOUNT, "eu-west-1", "other", keys, "", principals)
    assert json.loads(told.output) == bucket_policy(names)


def test_sql(invoke: Invoke) -> None:
    assert invoke("policy", "postgres").output == grants()
    assert invoke("policy", "postgres", "--schema", "figures").output == grants(schema="figures")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("iam", "--role", "analyst"), "--account"),
        (("iam", "--role", "intern", "--account", ACCOUNT), "'intern'; choose one of pipeline"),
        (("bucket", "--account", "12"), "twelve digits"),
        (("kms", "--layer", "mart", "--account", ACCOUNT), "those that have one: bronze"),
        (("bucket", "--account", ACCOUNT, "--kms-key", "alias/lake"), "compare a key's ARN"),
        (
            ("iam", "--role", "pipeline", "--account", ACCOUNT, "--alert-topic", "alerts"),
            "topic's ARN",
        ),
        (("bucket", "--account", ACCOUNT, "--role-arn", "bi"), "is not ROLE=ARN"),
        (("postgres", "--schema", "public"), "Dagster's own"),
    ],
)
def test_refusals(invoke: Invoke, named: AwsNames, arguments: tuple[str, ...], told: str) -> None:
    result = invoke("policy", *arguments)
    assert result.exit_code == 2
    assert told in result.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--kms-key", key("one")), "SENTIMENT_LAKE_URI"),
        (("--bucket", "posts"), "SENTIMENT_S3_KMS_KEY_ID"),
    ],
)
def test_what_no_setting_says_is_asked_for(
    invoke: Invoke, arguments: tuple[str, ...], told: str
) -> None:
    result = invoke("policy", "bucket", "--account", ACCOUNT, *arguments)
    assert result.exit_code == 2
    assert told in result.output


def test_check_and_apply(invoke: Invoke, home: Path) -> None:
    assert invoke("check").exit_code == 0
    read_settings({}, home=home).open_lake()
    bronze = home / "lake" / "simulated" / "bronze"
    bronze.chmod(0o755)
    told = invoke("check")
    assert told.exit_code == 1
    assert f"wider  {bronze}" in told.output
    assert f"chmod 700 {bronze}" in told.output
    applied = invoke("apply")
    assert applied.exit_code == 0
    assert f"{bronze} (bronze): mode 0755 is now 0700" in applied.output
    assert invoke("check").exit_code == 0
    assert invoke("apply").output == "nothing to change\n"


def test_what_is_narrower_is_told_and_no_failure(invoke: Invoke, home: Path) -> None:
    read_settings({}, home=home).open_lake()
    (home / "lake" / "simulated").chmod(0o700)
    told = invoke("check")
    assert told.exit_code == 0
    assert "narrower" in told.output
    assert "keeps readers out" in told.output


def test_of_a_bucket_it_says_that_it_does_not_look(invoke: Invoke, named: AwsNames) -> None:
    told = invoke("check")
    assert told.exit_code == 0
    assert "sentiment access policy bucket" in told.output
