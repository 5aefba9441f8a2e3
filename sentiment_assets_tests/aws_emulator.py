"""AWS on loopback that evaluates policies: S3, IAM, KMS, SNS over TLS, in a process of its own.

It decides with conditions and, other than S3 servers that only store, refuses. What it doesn't know
of a request stands in ``UNKNOWN``: documents are made without it here, and those statements are
evaluated apart.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

ACCOUNT = "123456789012"
REGION = "us-east-1"
#: Condition keys that a request on AWS has and the emulator doesn't give.
UNKNOWN = ("s3:x-amz-server-side-encryption-aws-kms-key-id",)


@dataclass(frozen=True)
class Credentials:
    key_id: str
    secret: str


#: May do everything: makes the bucket, the keys and the users.
ROOT = Credentials("root-key-id", "root-secret")


class AwsEmulator:
    def __init__(self, url: str, certificate: Path) -> None:
        self.url = url
        self.certificate = certificate

    def client(self, service: str, credentials: Credentials = ROOT) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            verify=str(self.certificate),
            aws_access_key_id=credentials.key_id,
            aws_secret_access_key=credentials.secret,
        )

    def add_user(self, name: str, policy: dict[str, Any]) -> Credentials:
        """A user with one inline policy. Of a role's session the emulator gives no role ARN."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="access", PolicyDocument=json.dumps(policy))
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return Credentials(made["AccessKeyId"], made["SecretAccessKey"])


def user_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:user/{name}"


def without_unknown(document: dict[str, Any]) -> dict[str, Any]:
    """A document less the statements whose conditions the emulator can't decide."""
    statements = [
        statement
        for statement in document["Statement"]
        if not any(set(UNKNOWN) & set(block) for block in statement.get("Condition", {}).values())
    ]
    return {**document, "Statement": statements}


@contextmanager
def running_aws_emulator(folder: Path) -> Iterator[AwsEmulator]:
    """Start it with a certificate of its own, which it makes below ``folder``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "ministack"],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(folder),
            # Without it every interface of the machine would be served.
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "AUTH": "true",
            "USE_SSL": "1",
            "SERVICES": "s3,iam,sts,kms,sns",
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "AWS_ACCESS_KEY_ID": ROOT.key_id,
            "AWS_SECRET_ACCESS_KEY": ROOT.secret,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            if server.poll() is not None:
                raise RuntimeError(f"the emulator ended with status {server.returncode}")
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield AwsEmulator(f"https://127.0.0.1:{port}", folder / "ministack-tls" / "server.crt")
    finally:
        # It keeps all in memory and takes seconds for a polite end.
        server.kill()
        server.wait()
