"""The access table as policies of AWS: IAM for each role, S3 for the bucket, KMS for each key.

What belongs here: documents as plain values, made of the table and the names of an account. Whoever
applies them is elsewhere: an operator, or the deployment.

What a role may do is allowed in its IAM policy and in the keys' policies. What nobody else may do
is denied in the bucket's, so that a role that somebody gave too much still doesn't reach bronze.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sentiment_assets.core.layout import KEYS_FOLDER, MARKERS_LAYER, ORIGIN_MARKER
from sentiment_assets.privacy.access import (
    LAYERS,
    PIPELINE,
    ROLES,
    Layer,
    lake_layers,
    readers_of,
    right_of,
    writers_of,
)

Document = dict[str, Any]
Statement = dict[str, Any]

#: What a bucket takes at most; a longer policy is refused.
LONGEST_BUCKET_POLICY = 20_480

_READ = ["s3:GetObject"]
_WRITE = [
    "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts",
]  # fmt: skip
# New secrets come from KMS; those of a keyring that was a plain file are encrypted by it.
_WRAP = ["kms:GenerateDataKey", "kms:Encrypt"]
_LIST = ["s3:ListBucket", "s3:ListBucketVersions"]
_CHANGE = [
    "s3:PutObject*", "s3:DeleteObject*", "s3:AbortMultipartUpload", "s3:RestoreObject",
    "s3:ReplicateObject", "s3:ReplicateDelete",
]  # fmt: skip
# Without CreateGrant: a grant would let somebody decrypt whom no policy names.
_MANAGE_KEY = [
    "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:DeleteAlias", "kms:Describe*", "kms:Disable*",
    "kms:Enable*", "kms:GetKey*", "kms:List*", "kms:PutKeyPolicy", "kms:RevokeGrant",
    "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:Update*",
]  # fmt: skip
# Of a role's session this is the role's ARN; a request without credentials has none, and matches.
_CALLER = "aws:PrincipalArn"
_KEY_OF_REQUEST = "s3:x-amz-server-side-encryption-aws-kms-key-id"
_KEY_ARN = re.compile(r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")
_TOPIC_ARN = re.compile(r"arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+(\.fifo)?")


@dataclass(frozen=True)
class AwsNames:
    """What an account calls the things that policies are about.

    ``keys`` are the ARNs of KMS keys by layer: of each layer of the lake, and of ``keys`` where the
    pseudonym secrets are wrapped by one and their keyring lies beside the lake. Layers may share a
    key; its readers then are those of all of them. ``principals`` are ARNs by role, by default
    ``role/sentiment-<role>`` of the account. ``alert_topic`` is the ARN of the SNS topic that
    alerts are published to, where there is one. ``jobs`` are ARNs of roles that jobs run as which
    work for the pipeline elsewhere (``sentiment_assets.privacy.emr``): the bucket and the lake's
    keys let them in as they let in the pipeline, and each is held by its own policy. Of the
    pseudonym keyring and its key they get nothing.

    Raises:
        ValueError: a name is missing or of another form; the message says which.
    """

    account: str
    region: str
    bucket: str
    keys: Mapping[str, str]
    prefix: str = ""
    principals: Mapping[str, Sequence[str]] = field(default_factory=dict)
    partition: str = "aws"
    alert_topic: str | None = None
    jobs: Sequence[str] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", self.prefix.strip("/"))
        if not re.fullmatch(r"\d{12}", self.account):
            raise ValueError(f"account {self.account!r} is not twelve digits")
        if not self.bucket:
            raise ValueError("the bucket has no name")
        for layer, key in self.keys.items():
            if not _KEY_ARN.fullmatch(key):
                raise ValueError(
                    f"the KMS key of {layer} is {key!r}; policies compare a key's ARN, an alias or "
                    "a bare id never matches: "
                    f"arn:{self.partition}:kms:{self.region}:{self.account}:key/…"
                )
        if self.alert_topic is not None and not _TOPIC_ARN.fullmatch(self.alert_topic):
            raise ValueError(
                f"the topic of alerts is {self.alert_topic!r}, which is no topic's ARN and would "
                "allow more, or nothing: "
                f"arn:{self.partition}:sns:{self.region}:{self.account}:sentiment-alerts"
            )
        missing = [layer.name for layer in lake_layers() if layer.name not in self.keys]
        if missing:
            raise ValueError(f"no KMS key is named for {', '.join(missing)}")
        for what, given, known in (
            ("layer", self.keys, [layer.name for layer in LAYERS]),
            ("role", self.principals, [role.name for role in ROLES]),
        ):
            for name in given:
                if name not in known:
                    raise ValueError(
                        f"there is no {what} {name!r}; choose one of {', '.join(known)}"
                    )

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Those with objects in the bucket: the lake's, and the keyring where KMS wraps it."""
        keyring = (replace(layer, folder=KEYS_FOLDER) for layer in LAYERS if layer.name == "keys")
        return (*lake_layers(), *(keyring if "keys" in self.keys else ()))

    @property
    def bucket_arn(self) -> str:
        """The bucket's ARN."""
        return f"arn:{self.partition}:s3:::{self.bucket}"

    @property
    def root(self) -> str:
        """What the keys of all of the lake's objects begin with."""
        return f"{self.prefix}/" if self.prefix else ""

    def objects(self, layer: Layer) -> list[str]:
        """ARNs of a layer's objects, the lake's marker among them where it belongs to the layer."""
        places = [f"{layer.folder}/*"]
        if layer.name == MARKERS_LAYER:
            places.append(ORIGIN_MARKER)
        return [f"{self.bucket_arn}/{self.root}{place}" for place in places]

    def folder(self, layer: Layer) -> str:
        """What the keys of a layer's objects begin with."""
        return f"{self.root}{layer.folder}/"

    def arns_of(self, roles: Sequence[str]) -> list[str]:
        """The principals of roles."""
        return [arn for role in roles for arn in self._principals(role)]

    def callers_of(self, roles: Sequence[str], layer: Layer) -> list[str]:
        """The principals of roles that reach a layer, and of jobs where one works for them."""
        working = self.jobs if PIPELINE in roles and layer.name != "keys" else ()
        return [*self.arns_of(roles), *working]

    def _principals(self, role: str) -> Sequence[str]:
        usual = f"arn:{self.partition}:iam::{self.account}:role/sentiment-{role.replace('_', '-')}"
        return self.principals.get(role) or [usual]


def role_policy(names: AwsNames, role: str) -> Document:
    """The IAM policy of a role: what it may do, and nothing else.

    Raises:
        ValueError: there is no such role.
    """
    read = [layer for layer in names.layers if right_of(role, layer.name) != "none"]
    written = [layer for layer in read if right_of(role, layer.name) == "write"]
    folders = [names.folder(layer) for layer in read]
    if len(read) == len(names.layers):
        # For a missing object S3 looks whether its key might be listed, and answers 404 only then:
        # a new lake is known by the missing marker.
        folders = [names.root]
    via_s3 = {"StringEquals": {"kms:ViaService": f"s3.{names.region}.amazonaws.com"}}
    statements = [
        _allow("ReadObjects", _READ, [arn for layer in read for arn in names.objects(layer)]),
        _allow(
            "ListFolders",
            ["s3:ListBucket"],
            [names.bucket_arn],
            {"StringLike": {"s3:prefix": [f"{folder}*" for folder in folders]}},
        ),
        _allow("FindBucket", ["s3:GetBucketLocation"], [names.bucket_arn]),
        _allow("Decrypt", ["kms:Decrypt"], _keys(names, read), via_s3),
    ]
    if written:
        objects = [arn for layer in written for arn in names.objects(layer)]
        statements += [
            _allow("WriteObjects", _WRITE, objects),
            _allow("Encrypt", ["kms:GenerateDataKey"], _keys(names, written), via_s3),
        ]
    if right_of(role, "keys") == "write" and "keys" in names.keys:
        statements.append(_allow("WrapSecrets", ["kms:Decrypt", *_WRAP], [names.keys["keys"]]))
    if role == PIPELINE and names.alert_topic is not None:
        # The daemon tells, and the watch beside it; who is told they can neither see nor change.
        statements.append(_allow("TellAlerts", ["sns:Publish"], [names.alert_topic]))
    return _document(statements)


def bucket_policy(names: AwsNames) -> Document:
    """The policy of the lake's bucket: only denials, for everybody whom the table doesn't name."""
    everything = [names.bucket_arn, f"{names.bucket_arn}/*"]
    objects = [arn for layer in names.layers for arn in names.objects(layer)]
    statements = [
        _deny("DenyPlainHttp", ["s3:*"], everything, {"Bool": {"aws:SecureTransport": "false"}}),
        _deny(
            "DenyUnencrypted",
            ["s3:PutObject"],
            objects,
            {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
        ),
        _deny(
            "DenyPublicAcl",
            ["s3:PutObject", "s3:PutObjectAcl"],
            objects,
            {
                "StringEquals": {
                    "s3:x-amz-acl": ["public-read", "public-read-write", "authenticated-read"]
                }
            },
        ),
    ]
    writers = [role for layer in names.layers for role in writers_of(layer.name)]
    statements.append(
        # It tells of every layer's objects, and no condition can narrow it to a folder.
        _deny(
            "DenyListingUploads",
            ["s3:ListBucketMultipartUploads"],
            [names.bucket_arn],
            {"ArnNotEquals": {_CALLER: names.arns_of(list(dict.fromkeys(writers)))}},
        )
    )
    everywhere = [
        role.name
        for role in ROLES
        if all(right_of(role.name, layer.name) != "none" for layer in names.layers)
    ]
    root = names.root
    statements.append(
        # Above the folders a listing shows all of them, as it does without a prefix.
        _deny(
            "DenyListingEverything",
            _LIST,
            [names.bucket_arn],
            {
                "StringLikeIfExists": {"s3:prefix": [root[:end] for end in range(len(root) + 1)]},
                "ArnNotEquals": {_CALLER: names.arns_of(everywhere)},
            },
        )
    )
    for layer in names.layers:
        statements += _denials(names, layer)
    return _document(statements)


def key_policy(names: AwsNames, layer: str) -> Document:
    """The policy of a layer's KMS key; of all layers that share the key.

    The account's administrators manage the key and can't decrypt with it: no IAM policy can give
    what this document doesn't.

    Raises:
        ValueError: the layer has no key.
    """
    if layer not in names.keys:
        raise ValueError(
            f"the layer {layer!r} has no KMS key; those that have one: {', '.join(names.keys)}"
        )
    sharing = [name for name, key in names.keys.items() if key == names.keys[layer]]
    readers = [role.name for role in ROLES if any(role.name in readers_of(n) for n in sharing)]
    writers = [role.name for role in ROLES if any(role.name in writers_of(n) for n in sharing)]
    of_s3: Statement = {"StringEquals": {"kms:ViaService": f"s3.{names.region}.amazonaws.com"}}
    via_s3: Statement | None = of_s3
    encrypt = ["kms:GenerateDataKey"]
    if "keys" in sharing:
        # Secrets are wrapped by the platform itself and not by S3.
        via_s3, encrypt = None, _WRAP
    jobs = [arn for arn in names.jobs if sharing != ["keys"]]
    root = f"arn:{names.partition}:iam::{names.account}:root"
    return _document(
        [
            {"Principal": {"AWS": root}, **_allow("Manage", _MANAGE_KEY, ["*"])},
            {
                "Principal": {"AWS": names.arns_of(readers)},
                **_allow("Decrypt", ["kms:Decrypt"], ["*"], via_s3),
            },
            {
                "Principal": {"AWS": names.arns_of(writers)},
                **_allow("Encrypt", encrypt, ["*"], via_s3),
            },
            *(
                {
                    "Principal": {"AWS": arn},
                    # Through S3 even where the secrets share the key: their context is not S3's.
                    **_allow(f"Job{n}", ["kms:Decrypt", "kms:GenerateDataKey"], ["*"], of_s3),
                }
                for n, arn in enumerate(jobs, 1)
            ),
        ]
    )


def _denials(names: AwsNames, layer: Layer) -> Iterator[Statement]:
    title, folder = layer.name.title(), names.folder(layer)
    readers, writers = (names.callers_of(of(layer.name), layer) for of in (readers_of, writers_of))
    data = [f"{names.bucket_arn}/{folder}*"]
    yield _deny(
        f"DenyReading{title}", ["s3:GetObject*"], data, {"ArnNotEquals": {_CALLER: readers}}
    )
    starts = [folder[:end] for end in range(len(names.root) + 1, len(folder))]
    yield _deny(
        f"DenyListing{title}",
        _LIST,
        [names.bucket_arn],
        {
            # With the beginning of the folder's name it would be shown too.
            "StringLike": {"s3:prefix": [*starts, f"{folder}*"]},
            "ArnNotEquals": {_CALLER: readers},
        },
    )
    yield _deny(
        f"DenyChanging{title}",
        _CHANGE,
        names.objects(layer),
        {"ArnNotEquals": {_CALLER: writers}},
    )
    yield _deny(
        f"DenyOtherKeys{title}",
        ["s3:PutObject"],
        names.objects(layer),
        # A request that names no key would get Amazon's own, which this is to deny too.
        {"ArnNotEquals": {_KEY_OF_REQUEST: names.keys[layer.name]}},
    )


def _keys(names: AwsNames, layers: Sequence[Layer]) -> list[str]:
    return list(dict.fromkeys(names.keys[layer.name] for layer in layers))


def _allow(
    sid: str, actions: list[str], resources: list[str], condition: Statement | None = None
) -> Statement:
    return _statement(sid, "Allow", actions, resources, condition)


def _deny(sid: str, actions: list[str], resources: list[str], condition: Statement) -> Statement:
    return {"Principal": "*", **_statement(sid, "Deny", actions, resources, condition)}


def _statement(
    sid: str, effect: str, actions: list[str], resources: list[str], condition: Statement | None
) -> Statement:
    statement: Statement = {
        "Sid": sid, "Effect": effect, "Action": actions, "Resource": resources,
    }  # fmt: skip
    return statement if condition is None else {**statement, "Condition": condition}


def _document(statements: list[Statement]) -> Document:
    return {"Version": "2012-10-17", "Statement": statements}
