"""What Spark's jobs on EMR Serverless may, and whoever starts them: decided as IAM decides."""

from __future__ import annotations

import json
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

from sentiment_assets.core.layout import job_messages_folder, job_messages_object, job_order_object
from sentiment_assets.privacy.aws import AwsNames, bucket_policy, key_policy
from sentiment_assets.privacy.emr import EmrNames, job_policy, launch_policy, trust_policy

ACCOUNT = "123456789012"
JOB_ROLE = f"arn:aws:iam::{ACCOUNT}:role/sentiment-spark"
PIPELINE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/sentiment-pipeline"
KEYS = {
    layer: f"arn:aws:kms:af-south-1:{ACCOUNT}:key/{layer}"
    for layer in ("bronze", "silver", "gold", "keys")
}
NAMES = AwsNames(ACCOUNT, "af-south-1", "posts", KEYS, "team/lake", jobs=[JOB_ROLE])
ONE_KEY = replace(NAMES, keys=dict.fromkeys(KEYS, KEYS["gold"]))
EMR = EmrNames("00f1abcde2fgh345", JOB_ROLE, "s3://posts/code/sentiment", "s3://posts/logs/spark")
APPLICATION = f"arn:aws:emr-serverless:af-south-1:{ACCOUNT}:/applications/{EMR.application}"
ORDER = job_order_object("run", "silver_posts")
ENCRYPTION = "s3:x-amz-server-side-encryption"


def decided(
    policy: dict[str, Any],
    action: str,
    resource: str,
    request: dict[str, str] | None = None,
    other: dict[str, Any] | None = None,
    principal: str = JOB_ROLE,
) -> bool:
    """Whether a principal with that policy may do it, by the resource's own policy too."""
    context = EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=action,
        resource_arn=resource,
        region="af-south-1",
        source_ip="10.0.0.1",
        secure_transport=True,
        service_context={key.lower(): value for key, value in (request or {}).items()},
    )
    own = evaluate(context, [parse_policy_document(policy)])
    if other is None:
        return bool(own.decision == "Allow")
    needed = action.startswith("kms:")
    both = combine_resource_policy(own, context, other, ACCOUNT, required=needed)
    return bool(both.decision == "Allow")


def in_lake(path: str) -> str:
    return f"arn:aws:s3:::posts/team/lake/{path}"


def encrypted(layer: str) -> dict[str, str]:
    return {ENCRYPTION: "aws:kms", f"{ENCRYPTION}-aws-kms-key-id": KEYS[layer]}


@pytest.mark.parametrize(
    ("action", "resource", "request_", "may"),
    [
        ("s3:GetObject", in_lake(ORDER), {}, True),
        ("s3:GetObject", in_lake("bronze/batch_posts/a.jsonl.gz"), {}, True),
        ("s3:GetObject", in_lake("silver/posts/a.parquet"), {}, True),
        ("s3:GetObject", in_lake("_keys/pseudonyms-live.json"), {}, False),
        (
            "s3:PutObject",
            in_lake(job_messages_object(job_messages_folder(ORDER, "0f"), 1)),
            encrypted("bronze"),
            True,
        ),
        ("s3:PutObject", in_lake("silver/posts/a.parquet"), encrypted("silver"), True),
        ("s3:PutObject", in_lake("gold/daily_summary/a.parquet"), encrypted("gold"), True),
        ("s3:PutObject", in_lake("silver/posts/a.parquet"), encrypted("gold"), False),
        ("s3:PutObject", in_lake("bronze/batch_posts/a.jsonl.gz"), encrypted("bronze"), False),
        ("s3:PutObject", in_lake("_lake.json"), encrypted("gold"), False),
        ("s3:DeleteObject", in_lake("silver/posts/a.parquet"), {}, False),
        ("s3:DeleteObject", in_lake(ORDER), {}, False),
        ("s3:GetObject", "arn:aws:s3:::posts/code/sentiment/sentiment-0.1.0.zip", {}, True),
        ("s3:PutObject", "arn:aws:s3:::posts/code/sentiment/sentiment-0.1.0.zip", {}, False),
        ("s3:PutObject", "arn:aws:s3:::posts/logs/spark/applications/a/stderr.gz", {}, True),
        ("s3:GetObject", "arn:aws:s3:::posts/logs/spark/applications/a/stderr.gz", {}, False),
        ("s3:ListBucket", "arn:aws:s3:::posts", {"s3:prefix": "team/lake/silver/posts/"}, True),
        ("s3:ListBucket", "arn:aws:s3:::posts", {"s3:prefix": "team/lake/"}, False),
        ("s3:ListBucket", "arn:aws:s3:::posts", {"s3:prefix": "team/lake/_keys/"}, False),
        ("emr-serverless:StartJobRun", APPLICATION, {}, False),
    ],
)
def test_a_job_may_do_its_work_and_no_more(
    action: str, resource: str, request_: dict[str, str], may: bool
) -> None:
    other = bucket_policy(NAMES) if action.startswith("s3:") else None
    assert decided(job_policy(NAMES, EMR), action, resource, request_, other) is may


def test_the_bucket_lets_a_job_in_only_if_it_is_named() -> None:
    strangers = bucket_policy(replace(NAMES, jobs=()))
    policy = job_policy(NAMES, EMR)
    assert not decided(policy, "s3:GetObject", in_lake(ORDER), {}, strangers)
    assert decided(policy, "s3:GetObject", in_lake(ORDER), {}, bucket_policy(NAMES))


@pytest.mark.parametrize("layer", KEYS)
def test_a_job_decrypts_through_s3_what_lies_in_the_lake_and_no_keyring(layer: str) -> None:
    via_s3 = {"kms:ViaService": "s3.af-south-1.amazonaws.com"}
    policy, key = job_policy(NAMES, EMR), key_policy(NAMES, layer)
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        assert decided(policy, action, KEYS[layer], via_s3, key) is (layer != "keys")
        assert not decided(policy, action, KEYS[layer], {}, key)


def test_where_one_key_does_all_a_job_still_unwraps_no_secret() -> None:
    policy, key = job_policy(ONE_KEY, EMR), key_policy(ONE_KEY, "bronze")
    via_s3 = {"kms:ViaService": "s3.af-south-1.amazonaws.com"}
    assert decided(policy, "kms:Decrypt", KEYS["gold"], via_s3, key)
    assert not decided(policy, "kms:Decrypt", KEYS["gold"], {}, key)
    assert decided({"Statement": []}, "kms:Decrypt", KEYS["gold"], {}, key, principal=PIPELINE_ROLE)


def test_a_policy_far_too_wide_opens_no_keyring_to_a_job() -> None:
    wide = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    keyring = in_lake("_keys/pseudonyms-live.json")
    assert not decided(wide, "s3:GetObject", keyring, {}, bucket_policy(NAMES))
    assert not decided(wide, "kms:Decrypt", KEYS["keys"], {}, key_policy(NAMES, "keys"))
    assert decided(wide, "s3:GetObject", in_lake(ORDER), {}, bucket_policy(NAMES))


@pytest.mark.parametrize(
    ("action", "resource", "request_", "may"),
    [
        ("emr-serverless:StartJobRun", APPLICATION, {}, True),
        ("emr-serverless:StartJobRun", f"{APPLICATION}9", {}, False),
        ("emr-serverless:GetJobRun", f"{APPLICATION}/jobruns/00a", {}, True),
        ("emr-serverless:CancelJobRun", f"{APPLICATION}/jobruns/00a", {}, True),
        ("emr-serverless:CancelJobRun", f"{APPLICATION}9/jobruns/00a", {}, False),
        # Its address opens the job's pages to whoever holds it.
        ("emr-serverless:GetDashboardForJobRun", f"{APPLICATION}/jobruns/00a", {}, False),
        ("emr-serverless:UpdateApplication", APPLICATION, {}, False),
        ("iam:PassRole", JOB_ROLE, {"iam:PassedToService": "emr-serverless.amazonaws.com"}, True),
        ("iam:PassRole", JOB_ROLE, {"iam:PassedToService": "lambda.amazonaws.com"}, False),
        (
            "iam:PassRole",
            f"arn:aws:iam::{ACCOUNT}:role/admin",
            {"iam:PassedToService": "emr-serverless.amazonaws.com"},
            False,
        ),
        ("s3:GetObject", in_lake(ORDER), {}, False),
    ],
)
def test_who_starts_jobs_may_start_watch_and_cancel_them(
    action: str, resource: str, request_: dict[str, str], may: bool
) -> None:
    policy = launch_policy(NAMES, EMR)
    assert decided(policy, action, resource, request_, principal=PIPELINE_ROLE) is may


@pytest.mark.parametrize(
    ("account", "source", "may"),
    [
        (ACCOUNT, f"{APPLICATION}/jobruns/00a", True),
        (ACCOUNT, f"{APPLICATION}9/jobruns/00a", False),
        ("999999999999", f"{APPLICATION}/jobruns/00a", False),
    ],
)
def test_the_service_alone_assumes_the_role_and_for_this_application(
    account: str, source: str, may: bool
) -> None:
    context = EvalContext(
        principal_arn="emr-serverless.amazonaws.com",
        principal_type="Service",
        principal_account=account,
        action="sts:AssumeRole",
        resource_arn=JOB_ROLE,
        region="af-south-1",
        source_ip="10.0.0.1",
        secure_transport=True,
        service_context={"aws:sourceaccount": account, "aws:sourcearn": source},
    )
    document = trust_policy(NAMES, EMR)
    # Of a trust policy the resource is the role that it hangs on.
    document["Statement"][0]["Resource"] = JOB_ROLE
    service = "emr-serverless.amazonaws.com"
    decision = evaluate_resource_policy(document, context, service).decision
    assert (decision == "Allow") is may


@pytest.mark.parametrize("make", [job_policy, launch_policy])
def test_actions_resources_and_conditions_go_together(make: Any) -> None:
    findings = parliament.analyze_policy_string(json.dumps(make(NAMES, EMR))).findings
    assert [f"{finding.issue}: {finding.detail}" for finding in findings] == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"application": ""}, "application is ''.*00f1abcde2fgh345"),
        ({"application": "*"}, "application is"),
        ({"job_role": "sentiment-spark"}, "job's role is.*arn:aws:iam"),
        ({"code": "s3://bucket"}, "code's folder"),
        ({"code": "s3://*/x"}, "code's folder"),
        ({"logs": "logs"}, "logs' folder"),
    ],
)
def test_wrong_names_are_told(changed: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        replace(EMR, **changed)
