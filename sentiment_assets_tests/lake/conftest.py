"""Lakes to write into: a folder, and a bucket on a local S3 server."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from sentiment_assets.core.contracts import Contract
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets.lake.tables import Table
from sentiment_assets_tests.lake.example_table import NOTES

KMS_KEY = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000001"


class S3Server:
    """An S3 API on loopback that keeps everything in memory."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.storage_options = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test-key-id",
            "AWS_SECRET_ACCESS_KEY": "test-secret-key",
            "AWS_SERVER_SIDE_ENCRYPTION": "aws:kms",
            "AWS_SSE_KMS_KEY_ID": KMS_KEY,
        }
        self.client = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="test-key-id",
            aws_secret_access_key="test-secret-key",
        )

    def new_bucket(self) -> str:
        name = f"lake-{uuid.uuid4().hex[:12]}"
        self.client.create_bucket(Bucket=name)
        return name


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[S3Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            if server.poll() is not None:
                raise RuntimeError(f"moto.server ended with status {server.returncode}")
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        else:
            raise RuntimeError(f"moto.server did not listen on port {port} within 20 seconds")
        yield S3Server(f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def disk_lake(tmp_path: Path) -> Lake:
    return Lake.open(LakeLocation(str(tmp_path / "lake"), "simulated"))


@pytest.fixture
def s3_lake(s3_endpoint: S3Server) -> Lake:
    uri = f"s3://{s3_endpoint.new_bucket()}/some/prefix"
    return Lake.open(LakeLocation(uri, "simulated", s3_endpoint.storage_options))


@pytest.fixture(params=["disk", "s3"])
def lake(request: pytest.FixtureRequest) -> Lake:
    """The same test on both kinds of storage."""
    return request.getfixturevalue(f"{request.param}_lake")


@pytest.fixture
def contract() -> Contract:
    return NOTES


@pytest.fixture
def table(disk_lake: Lake) -> Table:
    return disk_lake.table(NOTES)
