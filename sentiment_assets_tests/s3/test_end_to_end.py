"""The same run on an S3 API: simulator to gold, every object encrypted with the customer's key."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from sentiment_assets.core.contracts import (
    CONTRACTS,
    DAILY_SUMMARY,
    HOURLY_SENTIMENT,
    SILVER_POSTS,
)
from sentiment_assets_tests.local_platform import TODAY, Platform, bronze_envelopes
from sentiment_assets_tests.s3_server import KMS_KEY, S3Server
from sentiment_assets_tests.simulated import SimulatedPlatform


@pytest.fixture
def bucket(s3_endpoint: S3Server) -> str:
    return s3_endpoint.new_bucket()


def on_s3(home: Path, x: SimulatedPlatform, server: S3Server, bucket: str) -> Platform:
    return Platform.at(
        home,
        x,
        lake_uri=f"s3://{bucket}/team/lake",
        s3_endpoint=server.url,
        s3_access_key_id="test-key-id",
        s3_secret_access_key="test-secret-key",
        s3_kms_key_id=KMS_KEY,
        min_authors=2,
    )


def keys_in(server: S3Server, bucket: str) -> list[str]:
    pages = server.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def test_from_the_simulator_to_gold_on_s3(
    tmp_path: Path, x: SimulatedPlatform, s3_endpoint: S3Server, bucket: str
) -> None:
    x.client.recent = dt.timedelta(hours=5)
    platform = on_s3(tmp_path / "home", x, s3_endpoint, bucket)
    platform.fetch(TODAY)
    result = platform.rebuild(TODAY)
    assert all(check.passed for check in result.get_asset_check_evaluations())

    # What was written can be read, by a process that knows nothing but the settings.
    lake = platform.settings.open_lake()
    posts = lake.table(SILVER_POSTS).scan().collect()
    records = bronze_envelopes(lake, "bronze/batch_posts/")
    assert 0 < len(posts) <= len(records) == posts["observation_count"].sum()
    [summary] = lake.table(DAILY_SUMMARY).scan().collect().to_dicts()
    assert summary["posts"] == len(posts)
    hourly = lake.table(HOURLY_SENTIMENT).scan([{"date": "2026-02-05"}]).collect()
    assert hourly.filter(pl.col("posts").is_not_null())["posts"].sum() > 0

    keys = keys_in(s3_endpoint, bucket)
    assert all(key.startswith("team/lake/") for key in keys)
    kinds = {key.rpartition(".")[2] for key in keys}
    assert {"gz", "json", "parquet"} <= kinds
    for table in CONTRACTS:
        assert f"team/lake/{table}/_delta_log/{0:020}.json" in keys
    for key in keys:
        head = s3_endpoint.client.head_object(Bucket=bucket, Key=key)
        assert head["ServerSideEncryption"] == "aws:kms", key
        assert head["SSEKMSKeyId"] == KMS_KEY, key
    assert {path.name for path in platform.settings.home.iterdir()} == {"keys"}, "no local lake"


def test_a_bucket_that_is_not_there_fails_with_its_name(
    tmp_path: Path, x: SimulatedPlatform, s3_endpoint: S3Server
) -> None:
    platform = on_s3(tmp_path / "home", x, s3_endpoint, "no-such-bucket")
    with pytest.raises(Exception, match="no-such-bucket"):
        platform.settings.open_lake()
