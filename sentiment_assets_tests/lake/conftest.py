"""Lakes to write into: a folder, and a bucket on a local S3 server."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentiment_assets.core.contracts import Contract
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets.lake.tables import Table
from sentiment_assets_tests.lake.example_table import NOTES
from sentiment_assets_tests.s3_server import S3Server


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
