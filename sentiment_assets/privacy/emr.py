"""Policies of Spark on EMR Serverless: what its jobs may, and what who starts them may.

What belongs here: documents as plain values. A job works for the pipeline, so the lake's bucket and
keys let its role in (``jobs`` of ``sentiment_assets.privacy.aws``); what it may do there stands in
its own policy. It deletes nothing, and the pseudonym keyring it never sees: what it needs of that
stands in its order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sentiment_assets.core.layout import JOBS_FOLDER
from sentiment_assets.privacy.access import lake_layers
from sentiment_assets.privacy.aws import AwsNames, Document

_READ_LAYERS = ("bronze", "silver")
_WRITTEN_LAYERS = ("silver", "gold")
_WRITE = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
_SERVICE = "emr-serverless.amazonaws.com"


@dataclass(frozen=True)
class EmrNames:
    """The application, the role of its jobs, and the folders of code and logs.

    Raises:
        ValueError: a name is missing or of another form; the message says which.
    """

    application: str
    job_role: str
    code: str
    logs: str | None = None

    def __post_init__(self) -> None:
        for what, value, form, example in (
            ("application", self.application, r"[0-9a-z]{1,64}", "00f1abcde2fgh345"),
            (
                "job's role", self.job_role, r"arn:[\w-]+:iam::\d{12}:role/[\w+=,.@/-]+",
                "arn:aws:iam::123456789012:role/sentiment-spark",
            ),
            ("code's folder", self.code, r"s3://[^/*]+/[^*]+", "s3://my-bucket/code/sentiment"),
            (
                "logs' folder", self.logs or "s3://none/none", r"s3://[^/*]+/[^*]+",
                "s3://my-bucket/logs/spark",
            ),
        ):  # fmt: skip
            if not re.fullmatch(form, value):
                raise ValueError(f"the {what} is {value!r}; for example: {example}")


def job_policy(names: AwsNames, emr: EmrNames) -> Document:
    """The IAM policy of the role that jobs run as."""
    layers = {layer.name: layer for layer in lake_layers()}
    via_s3 = {"StringEquals": {"kms:ViaService": f"s3.{names.region}.amazonaws.com"}}
    folders = [names.folder(layers[name]) for name in (*_READ_LAYERS, "gold")]
    written = [f"{names.bucket_arn}/{names.folder(layers[name])}*" for name in _WRITTEN_LAYERS]
    keys = list(dict.fromkeys(names.keys[name] for name in layers))
    statements = [
        _allow(
            "ReadObjects",
            ["s3:GetObject"],
            [
                *(f"{names.bucket_arn}/{names.folder(layers[name])}*" for name in _READ_LAYERS),
                f"{_arn(names, emr.code)}/*",
            ],
        ),
        _allow(
            "ListFolders",
            ["s3:ListBucket"],
            [names.bucket_arn],
            {"StringLike": {"s3:prefix": [f"{folder}*" for folder in folders]}},
        ),
        _allow("FindBucket", ["s3:GetBucketLocation"], [names.bucket_arn]),
        _allow("WriteFiles", _WRITE, written),
        _allow("TellTheRun", ["s3:PutObject"], [f"{names.bucket_arn}/{names.root}{JOBS_FOLDER}/*"]),
        _allow("DecryptAndEncrypt", ["kms:Decrypt", "kms:GenerateDataKey"], keys, via_s3),
    ]
    if emr.logs is not None:
        statements.append(_allow("WriteLogs", ["s3:PutObject"], [f"{_arn(names, emr.logs)}/*"]))
    return _document(statements)


def launch_policy(names: AwsNames, emr: EmrNames) -> Document:
    """What the pipeline's role needs beside its own policy, to start, watch and cancel jobs."""
    application = (
        f"arn:{names.partition}:emr-serverless:{names.region}:{names.account}:"
        f"/applications/{emr.application}"
    )
    return _document(
        [
            _allow("StartJobs", ["emr-serverless:StartJobRun"], [application]),
            _allow(
                "WatchAndCancelJobs",
                [
                    "emr-serverless:GetJobRun", "emr-serverless:CancelJobRun",
                    "emr-serverless:TagResource",
                ],
                [f"{application}/jobruns/*"],
            ),
            _allow(
                "PassTheJobsRole",
                ["iam:PassRole"],
                [emr.job_role],
                {"StringEquals": {"iam:PassedToService": _SERVICE}},
            ),
        ]
    )  # fmt: skip


def trust_policy(names: AwsNames, emr: EmrNames) -> Document:
    """Who may assume the jobs' role: EMR Serverless, for this one application."""
    application = (
        f"arn:{names.partition}:emr-serverless:{names.region}:{names.account}:"
        f"/applications/{emr.application}"
    )
    return _document(
        [
            {
                "Sid": "RunJobs",
                "Effect": "Allow",
                "Principal": {"Service": _SERVICE},
                "Action": ["sts:AssumeRole"],
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": names.account},
                    "ArnLike": {"aws:SourceArn": [application, f"{application}/*"]},
                },
            }
        ]
    )


def _arn(names: AwsNames, uri: str) -> str:
    return f"arn:{names.partition}:s3:::{uri.removeprefix('s3://').rstrip('/')}"


def _allow(
    sid: str, actions: list[str], resources: list[str], condition: dict[str, Any] | None = None
) -> dict[str, Any]:
    statement = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}
    return statement if condition is None else {**statement, "Condition": condition}


def _document(statements: list[dict[str, Any]]) -> Document:
    return {"Version": "2012-10-17", "Statement": statements}
