"""The documents themselves: every pair of role and layer, decided without any network.

The evaluator is the emulator's, asked directly, so that a request may carry the conditions that the
emulator's S3 doesn't give; a linter that knows AWS's actions and condition keys reads them too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import parliament
import pytest
from ministack.core.iam_evaluator import (
    EvalContext,
    combine_resource_policy,
    evaluate,
    evaluate_resource_policy,
    parse_policy_document,
)

from sentiment_assets.privacy.access import LAYERS, PIPELINE, ROLES, lake_layers, right_of
from sentiment_assets.privacy.aws import (
    LONGEST_BUCKET_POLICY,
    AwsNames,
    bucket_policy,
    key_policy,
    role_policy,
)

ACCOUNT = "123456789012"
KEYS = {
    layer: f"arn:aws:kms:af-south-1:{ACCOUNT}:key/{layer}"
    for layer in ("bronze", "silver", "gold", "keys")
}
TOPIC = f"arn:aws:sns:af-south-1:{ACCOUNT}:sentiment-alerts"
NAMES = AwsNames(ACCOUNT, "af-south-1", "posts", KEYS, "team/lake", alert_topic=TOPIC)
AT_ROOT = replace(NAMES, prefix="")
SHARED = replace(
    NAMES,
    keys={**dict.fromkeys(("bronze", "silver", "gold"), KEYS["gold"]), "keys": KEYS["keys"]},
)
WIDE = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
LAKE_LAYERS = [layer.name for layer in lake_layers()]
EVERY_ROLE = [role.name for role in ROLES]


def arn_of(role: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/sentiment-{role.replace('_', '-')}"


def decided(
    names: AwsNames,
    role: str,
    action: str,
    resource: str,
    request: Mapping[str, str] | None = None,
    *,
    identity: dict[str, Any] | None = None,
    resource_policy: dict[str, Any] | None = None,
    secure: bool = True,
) -> bool:
    """Whether a role may do it, by its own policy and the resource's."""
    context = EvalContext(
        principal_arn=arn_of(role),
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=action,
        resource_arn=resource,
        region="af-south-1",
        source_ip="10.0.0.1",
        secure_transport=secure,
        service_context={key.lower(): value for key, value in (request or {}).items()},
    )
    policy = identity if identity is not None else role_policy(names, role)
    own = evaluate(context, [parse_policy_document(policy)])
    needed = action.startswith("kms:")
    other = resource_policy if resource_policy is not None else bucket_policy(names)
    return (
        combine_resource_policy(own, context, other, ACCOUNT, required=needed).decision == "Allow"
    )


def s3_object(names: AwsNames, path: str) -> str:
    return f"arn:aws:s3:::{names.bucket}/{names.root}{path}"


ENCRYPTION = "s3:x-amz-server-side-encryption"


def written_with(names: AwsNames, layer: str) -> dict[str, str]:
    return {ENCRYPTION: "aws:kms", f"{ENCRYPTION}-aws-kms-key-id": names.keys[layer]}


def listing(prefix: str) -> dict[str, str]:
    return {"s3:prefix": prefix}


@pytest.mark.parametrize("names", [NAMES, AT_ROOT, SHARED], ids=["prefix", "root", "one key"])
@pytest.mark.parametrize("layer", [*LAKE_LAYERS, "keys"])
@pytest.mark.parametrize("role", EVERY_ROLE)
def test_s3_decides_as_the_table_does(names: AwsNames, role: str, layer: str) -> None:
    right = right_of(role, layer)
    folder = {one.name: one.folder for one in names.layers}[layer]
    thing, bucket = s3_object(names, f"{folder}/posts/a.parquet"), names.bucket_arn
    prefix = f"{names.root}{folder}/posts/"
    expected = {"read": right != "none", "write": right == "write"}
    # The role's own policy, and one that somebody made far too wide: the bucket's holds.
    for identity in (None, WIDE):
        may = {
            "get": decided(names, role, "s3:GetObject", thing, identity=identity),
            "list": decided(
                names, role, "s3:ListBucket", bucket, listing(prefix), identity=identity
            ),
            "put": decided(
                names, role, "s3:PutObject", thing, written_with(names, layer), identity=identity
            ),
            "delete": decided(names, role, "s3:DeleteObject", thing, identity=identity),
        }
        assert may == {
            "get": expected["read"],
            "list": expected["read"],
            "put": expected["write"],
            "delete": expected["write"],
        }, identity


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_every_role_opens_the_lake_and_the_pipeline_alone_marks_it(role: str) -> None:
    marker = s3_object(NAMES, "_lake.json")
    assert decided(NAMES, role, "s3:GetObject", marker)
    for identity in (None, WIDE):
        may = decided(
            NAMES, role, "s3:PutObject", marker, written_with(NAMES, "gold"), identity=identity
        )
        assert may is (role == PIPELINE)


@pytest.mark.parametrize(
    "prefix", [None, "", "t", "team/", "team/lake", "team/lake/", "team/lake/b", "team/lake/bronze"]
)
@pytest.mark.parametrize("role", EVERY_ROLE)
def test_no_listing_shows_what_a_role_may_not_read(role: str, prefix: str | None) -> None:
    request = {} if prefix is None else listing(prefix)
    shown = ["bronze"] if (prefix or "").startswith("team/lake/b") else ["bronze", "keys"]
    sees_all = all(right_of(role, layer) != "none" for layer in shown)
    assert (
        decided(NAMES, role, "s3:ListBucket", NAMES.bucket_arn, request, identity=WIDE) is sees_all
    )


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_a_missing_object_is_told_as_missing(role: str) -> None:
    """S3 answers 404 where a listing with the object's key as prefix is allowed, else 403."""
    for layer in LAKE_LAYERS:
        key = f"team/lake/{layer}/posts/_delta_log/_last_checkpoint"
        may = decided(NAMES, role, "s3:ListBucket", NAMES.bucket_arn, listing(key))
        assert may is (right_of(role, layer) != "none")
    marker = decided(
        NAMES, PIPELINE, "s3:ListBucket", NAMES.bucket_arn, listing("team/lake/_lake.json")
    )
    assert marker, "a new lake is known by its missing marker"


def test_other_things_in_the_bucket_are_left_alone() -> None:
    other = "arn:aws:s3:::posts/other/thing"
    assert decided(NAMES, "bi", "s3:GetObject", other, identity=WIDE)
    assert decided(NAMES, "bi", "s3:ListBucket", NAMES.bucket_arn, listing("o"), identity=WIDE)
    assert not decided(NAMES, "bi", "s3:GetObject", other)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({}, "no encryption"),
        ({ENCRYPTION: "AES256"}, "Amazon's own encryption"),
        ({ENCRYPTION: "aws:kms"}, "Amazon's own key"),
        (written_with(NAMES, "gold"), "another layer's key"),
        ({**written_with(NAMES, "silver"), "s3:x-amz-acl": "public-read"}, "a public object"),
    ],
)
def test_the_pipeline_itself_can_not_write_it(wrong: dict[str, str], why: str) -> None:
    target = s3_object(NAMES, "silver/posts/a.parquet")
    assert decided(NAMES, PIPELINE, "s3:PutObject", target, written_with(NAMES, "silver"))
    assert not decided(NAMES, PIPELINE, "s3:PutObject", target, wrong), why


def test_plain_http_is_denied_to_everybody() -> None:
    target = s3_object(NAMES, "gold/a")
    assert decided(NAMES, PIPELINE, "s3:GetObject", target)
    assert not decided(NAMES, PIPELINE, "s3:GetObject", target, secure=False)


@pytest.mark.parametrize("layer", LAKE_LAYERS)
def test_a_request_without_credentials_is_denied(layer: str) -> None:
    context = EvalContext(
        principal_arn="",
        principal_type="",
        principal_account="",
        action="s3:GetObject",
        resource_arn=s3_object(NAMES, f"{layer}/a"),
        region="af-south-1",
        source_ip="10.0.0.1",
        secure_transport=True,
    )
    assert evaluate_resource_policy(bucket_policy(NAMES), context).decision == "Deny"


@pytest.mark.parametrize("layer", LAKE_LAYERS)
@pytest.mark.parametrize("role", EVERY_ROLE)
def test_keys_decide_as_the_table_does(role: str, layer: str) -> None:
    via_s3 = {"kms:ViaService": "s3.af-south-1.amazonaws.com"}
    right, policy = right_of(role, layer), key_policy(NAMES, layer)
    for identity in (None, WIDE):
        options: dict[str, Any] = {"identity": identity, "resource_policy": policy}
        decrypts = decided(NAMES, role, "kms:Decrypt", KEYS[layer], via_s3, **options)
        assert decrypts is (right != "none")
        encrypts = decided(NAMES, role, "kms:GenerateDataKey", KEYS[layer], via_s3, **options)
        assert encrypts is (right == "write")
        # Not by itself: a data key that was taken from an object's metadata, say.
        assert not decided(NAMES, role, "kms:Decrypt", KEYS[layer], **options)
        assert not decided(NAMES, role, "kms:CreateGrant", KEYS[layer], via_s3, **options)


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_the_key_of_the_secrets_is_the_pipelines(role: str) -> None:
    for identity in (None, WIDE):
        may = decided(
            NAMES, role, "kms:Decrypt", KEYS["keys"], identity=identity,
            resource_policy=key_policy(NAMES, "keys"),
        )  # fmt: skip
        assert may is (role == PIPELINE)


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_the_pipeline_alone_tells_alerts_and_by_one_topic(role: str) -> None:
    assert decided(NAMES, role, "sns:Publish", TOPIC) is (role == PIPELINE)
    assert not decided(replace(NAMES, alert_topic=None), role, "sns:Publish", TOPIC)
    for other in (f"{TOPIC}-of-others", f"{TOPIC}.fifo", TOPIC.replace("af-south-1", "eu-west-1")):
        assert not decided(NAMES, role, "sns:Publish", other), other
    for action in ("sns:Subscribe", "sns:SetTopicAttributes", "sns:ListSubscriptionsByTopic"):
        assert not decided(NAMES, role, action, TOPIC), action


def test_one_key_for_all_layers_serves_all_their_readers() -> None:
    decrypt = key_policy(SHARED, "bronze")["Statement"][1]
    assert decrypt["Principal"]["AWS"] == [arn_of(role) for role in EVERY_ROLE]


# A key's policy is about the key that it is attached to, which AWS writes as "*".
EXPECTED_ISSUES = {"RESOURCE_STAR"}


@pytest.mark.parametrize(
    "document",
    [
        *(pytest.param(role_policy(NAMES, role), id=role) for role in EVERY_ROLE),
        pytest.param(bucket_policy(NAMES), id="bucket"),
        *(pytest.param(key_policy(NAMES, layer), id=f"key of {layer}") for layer in KEYS),
    ],
)
def test_actions_resources_and_conditions_go_together(document: dict[str, Any]) -> None:
    issues = {
        f"{f.issue}: {f.detail}"
        for f in parliament.analyze_policy_string(json.dumps(document)).findings
        if f.issue not in EXPECTED_ISSUES
    }
    assert issues == set()
    sids = [statement["Sid"] for statement in document["Statement"]]
    assert len(set(sids)) == len(sids)
    assert all(sid.isalnum() for sid in sids)


def test_the_linter_sees_what_it_should() -> None:
    document = bucket_policy(NAMES)
    document["Statement"][3]["Condition"]["StringLike"] = {"s3:prefix": ["a/*"]}
    findings = parliament.analyze_policy_string(json.dumps(document)).findings
    assert [finding.issue for finding in findings] == ["UNKNOWN_CONDITION_FOR_ACTION"]


def test_a_bucket_takes_the_policy() -> None:
    names = replace(
        NAMES,
        prefix="a/rather/long/place/for/a/lake/within/a/bucket/of/many/teams",
        principals={role: [f"{arn_of(role)}-{i}" for i in range(5)] for role in EVERY_ROLE},
    )
    assert len(json.dumps(bucket_policy(names), separators=(",", ":"))) < LONGEST_BUCKET_POLICY


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"account": "1234"}, "twelve digits"),
        ({"bucket": ""}, "no name"),
        ({"keys": {**KEYS, "gold": "alias/gold"}}, "KMS key of gold.*ARN"),
        ({"keys": {"gold": KEYS["gold"]}}, "bronze, silver"),
        ({"keys": {**KEYS, "platinum": KEYS["gold"]}}, "layer 'platinum'.*bronze"),
        ({"alert_topic": "arn:aws:sns:*:*:*"}, "topic of alerts.*sentiment-alerts"),
        ({"principals": {"intern": ["arn:aws:iam::1:role/i"]}}, "role 'intern'.*engineer"),
    ],
)
def test_wrong_names_are_told(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        replace(NAMES, **changed)


def test_layers_without_a_key_are_told() -> None:
    assert {layer.name for layer in LAYERS} - KEYS.keys() == {"mart", "history"}
    with pytest.raises(ValueError, match=r"'mart' has no KMS key.*bronze"):
        key_policy(NAMES, "mart")
