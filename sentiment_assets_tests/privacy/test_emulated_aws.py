"""Bronze is denied to an analyst: proven with requests to an AWS that evaluates policies.

Requests go over TLS; the platform's own lake writes every object. What the emulator can't decide
is left out of the bucket's policy here and decided in ``test_aws.py``. Roles are users here: of a
role's session the emulator tells another ARN than AWS does. Its S3 asks KMS nothing.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from resources.notifiers import ChannelRefused, SnsChannel
from resources.settings import read_settings
from sentiment_assets.core.alert_messages import Links
from sentiment_assets.core.alerts import Alert, Notification
from sentiment_assets.core.contracts import DAILY_SUMMARY, SILVER_POSTS
from sentiment_assets.lake.objects import AccessDenied, Lake
from sentiment_assets.privacy.access import PIPELINE, ROLES, lake_layers, right_of
from sentiment_assets.privacy.aws import AwsNames, bucket_policy, key_policy, role_policy
from sentiment_assets_tests.aws_emulator import (
    ACCOUNT,
    REGION,
    UNKNOWN,
    AwsEmulator,
    Credentials,
    running_aws_emulator,
    user_arn,
    without_unknown,
)

BUCKET, PREFIX = "posts", "team/lake"
TOPIC, OTHER_TOPIC = "sentiment-alerts", "sentiment-alerts-of-others"
LAKE_LAYERS = [layer.name for layer in lake_layers()]
RAW = "bronze/batch_posts/date=2026-02-05/platform=x/window=0800/20260205T100500Z.jsonl.gz"
#: As S3, KMS and SNS spell it.
DENIED = ("AccessDenied", "AccessDeniedException", "AuthorizationError")
OBJECTS = {
    "bronze": RAW,
    "silver": "silver/posts/a.parquet",
    "gold": "gold/daily_summary/a.parquet",
}


@dataclass
class Account:
    """An account with a lake in it, and somebody of each role."""

    aws: AwsEmulator
    names: AwsNames
    credentials: dict[str, Credentials]

    def lake(self, role: str) -> Lake:
        own = self.credentials[role]
        return read_settings(
            {},
            lake_uri=f"s3://{BUCKET}/{PREFIX}",
            s3_endpoint=self.aws.url,
            s3_access_key_id=own.key_id,
            s3_secret_access_key=own.secret,
            s3_kms_key_id=self.names.keys["gold"],
            s3_bronze_kms_key_id=self.names.keys["bronze"],
            s3_silver_kms_key_id=self.names.keys["silver"],
        ).open_lake()

    def client(self, role: str, service: str = "s3") -> Any:
        return self.aws.client(service, self.credentials[role])


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    if shutil.which("openssl") is None:
        pytest.skip("the emulator makes its certificate with openssl, which is not installed")
    with (
        running_aws_emulator(tmp_path_factory.mktemp("aws")) as aws,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("SSL_CERT_FILE", str(aws.certificate))
        kms, s3, sns = aws.client("kms"), aws.client("s3"), aws.client("sns")
        topics = {name: sns.create_topic(Name=name)["TopicArn"] for name in (TOPIC, OTHER_TOPIC)}
        keys = {layer: kms.create_key()["KeyMetadata"]["Arn"] for layer in LAKE_LAYERS}
        people = {role.name: [user_arn(role.name)] for role in ROLES}
        names = AwsNames(ACCOUNT, REGION, BUCKET, keys, PREFIX, people, alert_topic=topics[TOPIC])
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_policy(
            Bucket=BUCKET, Policy=json.dumps(without_unknown(bucket_policy(names)))
        )
        for layer, key in keys.items():
            kms.put_key_policy(
                KeyId=key, PolicyName="default", Policy=json.dumps(key_policy(names, layer))
            )
        credentials = {role: aws.add_user(role, role_policy(names, role)) for role in people}
        made = Account(aws, names, credentials)
        fill(made.lake(PIPELINE))
        yield made


def fill(lake: Lake) -> None:
    for path in OBJECTS.values():
        lake.objects.put(path, b"what a layer holds")
    lake.table(SILVER_POSTS).begin(
        [{"date": "2026-02-05", "platform": "x", "window": "0800"}], "run"
    ).commit()
    lake.table(DAILY_SUMMARY).begin([{"date": "2026-02-05", "platform": "x"}], "run").commit()


def refused(call: Any, **arguments: Any) -> bool:
    """Whether a request is denied; any other failure is raised."""
    try:
        call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
        return True
    return False


def test_bronze_is_denied_to_an_analyst_and_silver_is_not(account: Account) -> None:
    s3, key = account.client("analyst"), f"{PREFIX}/{RAW}"
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_object(Bucket=BUCKET, Key=key)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/bronze/")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket=BUCKET)
    silver = s3.get_object(Bucket=BUCKET, Key=f"{PREFIX}/{OBJECTS['silver']}")
    assert silver["Body"].read() == b"what a layer holds"
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/silver/")["Contents"]
    assert f"{PREFIX}/{OBJECTS['silver']}" in [entry["Key"] for entry in listed]


@pytest.mark.parametrize("layer", LAKE_LAYERS)
@pytest.mark.parametrize("role", [role.name for role in ROLES])
def test_every_pair_is_decided_as_the_table_does(account: Account, role: str, layer: str) -> None:
    s3, right = account.client(role), right_of(role, layer)
    its_object = {"Bucket": BUCKET, "Key": f"{PREFIX}/{OBJECTS[layer]}"}
    new = {"Bucket": BUCKET, "Key": f"{PREFIX}/{layer}/new-of-{role}"}
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": account.names.keys[layer]}
    assert refused(s3.get_object, **its_object) is (right == "none")
    listing = {"Bucket": BUCKET, "Prefix": f"{PREFIX}/{layer}/"}
    assert refused(s3.list_objects_v2, **listing) is (right == "none")
    assert refused(s3.put_object, Body=b"", **new, **encrypted) is (right != "write")
    assert refused(s3.delete_object, **new) is (right != "write")
    # Not directly, past S3; the emulator's S3 itself asks KMS nothing.
    kms = account.client(role, "kms")
    key = account.names.keys[layer]
    assert refused(kms.generate_data_key, KeyId=key, KeySpec="AES_256")


@pytest.mark.parametrize("role", [role.name for role in ROLES])
def test_alerts_are_the_pipelines_to_tell(account: Account, role: str) -> None:
    sns, topic = account.client(role, "sns"), account.names.alert_topic
    assert topic is not None
    assert refused(sns.publish, TopicArn=topic, Message="told") is (role != PIPELINE)
    other = topic.replace(TOPIC, OTHER_TOPIC)
    assert refused(sns.publish, TopicArn=other, Message="told")
    assert refused(sns.list_subscriptions_by_topic, TopicArn=topic)


def test_a_notification_needs_no_other_right(account: Account) -> None:
    topic, who = account.names.alert_topic, account.credentials
    assert topic is not None
    alert = Alert("table_stale", "table_stale:silver/posts|x", "critical", "stale", platform="x")
    opened = Notification("opened", dt.datetime(2026, 2, 5, tzinfo=dt.timezone.utc), (alert,))
    links = Links("aws", "live")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_CA_BUNDLE", str(account.aws.certificate))
        own, others = (
            SnsChannel(topic, account.aws.url, (who[role].key_id, who[role].secret))
            for role in (PIPELINE, "engineer")
        )
        own.tell(opened, links)
        with pytest.raises(ChannelRefused, match="this role may sns:Publish"):
            others.tell(opened, links)


def test_the_platforms_own_code_says_so(account: Account) -> None:
    lake = account.lake("analyst")
    assert lake.table(SILVER_POSTS).scan().collect().height == 0
    assert lake.objects.get(OBJECTS["silver"]) == b"what a layer holds"
    bi = account.lake("bi")
    assert bi.table(DAILY_SUMMARY).scan().collect().height == 0
    for attempt in (
        lambda: lake.objects.get(RAW),
        lambda: lake.objects.list("bronze"),
        lambda: lake.objects.put("silver/mine", b""),
        lambda: lake.objects.delete([OBJECTS["gold"]]),
        lambda: bi.table(SILVER_POSTS).scan(),
        lambda: bi.objects.get(OBJECTS["silver"]),
    ):
        with pytest.raises(AccessDenied, match=r"may not .*sentiment access show") as e:
            attempt()
        assert account.credentials["analyst"].key_id not in str(e.value)


def test_each_layer_is_encrypted_with_its_key(account: Account) -> None:
    s3 = account.aws.client("s3")
    for stored in account.lake(PIPELINE).objects.list():
        layer = stored.path.partition("/")[0]
        head = s3.head_object(Bucket=BUCKET, Key=f"{PREFIX}/{stored.path}")
        wanted = account.names.keys["gold" if stored.path == "_lake.json" else layer]
        assert head["SSEKMSKeyId"] == wanted, stored.path


def test_the_pipeline_may_not_write_in_the_clear(account: Account) -> None:
    s3 = account.client(PIPELINE)
    new = {"Bucket": BUCKET, "Key": f"{PREFIX}/silver/clear", "Body": b""}
    assert refused(s3.put_object, **new)
    assert refused(s3.put_object, **new, ServerSideEncryption="AES256")


def test_without_the_denial_and_with_a_wide_policy_the_analyst_reads_bronze(
    account: Account,
) -> None:
    """So it is the documents that decide above, and each of the two alone holds."""
    s3, iam = account.aws.client("s3"), account.aws.client("iam")
    analyst, bronze = account.client("analyst"), {"Bucket": BUCKET, "Key": f"{PREFIX}/{RAW}"}
    usual = without_unknown(bucket_policy(account.names))
    lax = {
        **usual,
        "Statement": [s for s in usual["Statement"] if s["Sid"] != "DenyReadingBronze"],
    }
    wide = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
    }

    def apply(bucket: dict[str, Any], own: dict[str, Any]) -> None:
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(bucket))
        iam.put_user_policy(UserName="analyst", PolicyName="access", PolicyDocument=json.dumps(own))

    narrow = role_policy(account.names, "analyst")
    try:
        apply(usual, wide)
        assert refused(analyst.get_object, **bronze)
        apply(lax, narrow)
        assert refused(analyst.get_object, **bronze)
        apply(lax, wide)
        assert analyst.get_object(**bronze)["Body"].read() == b"what a layer holds"
    finally:
        apply(usual, narrow)
    assert refused(analyst.get_object, **bronze)


def test_what_the_emulator_does_not_know_is_known(account: Account) -> None:
    """When it learns of the key of a request, the statement that is left out here can come in."""
    left_out = [
        statement["Sid"]
        for statement in bucket_policy(account.names)["Statement"]
        if statement not in without_unknown(bucket_policy(account.names))["Statement"]
    ]
    assert left_out == [f"DenyOtherKeys{layer.title()}" for layer in LAKE_LAYERS]
    s3 = account.aws.client("s3")
    usual = without_unknown(bucket_policy(account.names))
    [condition] = UNKNOWN
    probe = {
        "Sid": "Probe",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/{PREFIX}/gold/*",
        "Condition": {"Null": {condition: "true"}},
    }
    try:
        s3.put_bucket_policy(
            Bucket=BUCKET, Policy=json.dumps({**usual, "Statement": [*usual["Statement"], probe]})
        )
        with pytest.raises(AccessDenied):
            account.lake(PIPELINE).objects.put("gold/probe", b"")
    finally:
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(usual))


def test_it_listens_on_loopback_alone(account: Account) -> None:
    port = int(account.aws.url.rpartition(":")[2])
    listening = [
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{port:04X}")
    ]
    if not listening:
        pytest.skip("this system doesn't tell of its sockets")
    assert listening == [f"0100007F:{port:04X}"]
