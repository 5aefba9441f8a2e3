"""An order reaches the job that it is for, and shows nothing on its way."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from sentiment_assets.core.contracts import SILVER_POSTS
from sentiment_assets.engine.job_order import (
    JobAddress,
    OrderRefused,
    delete_order,
    read_order,
    write_order,
)
from sentiment_assets.engine.spark import SilverOrder
from sentiment_assets.lake.folders import FolderAccess
from sentiment_assets.lake.objects import Lake, LakeLocation, ObjectMissing
from sentiment_assets_tests.bronze_records import RULES
from sentiment_assets_tests.s3_server import S3Server


@pytest.fixture
def guarded(tmp_path: Path) -> Lake:
    folders = {"bronze": FolderAccess(0o700), "silver": FolderAccess(0o750)}
    return Lake.open(LakeLocation(str(tmp_path / "lake"), "simulated", folders=folders))


def test_its_reader_gets_the_rules_and_a_lake_that_is_guarded_alike(guarded: Lake) -> None:
    table = guarded.table(SILVER_POSTS)
    address = write_order(guarded, "run", "job", (SilverOrder((), RULES), table))
    lake, (order, same) = read_order(address)
    assert order.rules == RULES
    assert lake.location == guarded.location
    assert lake.location.folders == guarded.location.folders
    assert same.lake is lake


def test_only_those_who_enter_bronze_can_read_it(guarded: Lake) -> None:
    address = write_order(guarded, "run", "job", RULES)
    assert address.path == "bronze/_jobs/run/job.order"
    assert Path(guarded.location.uri, "bronze").stat().st_mode & 0o777 == 0o700


def test_an_address_is_plain_and_holds_no_secret(s3_endpoint: S3Server) -> None:
    options = s3_endpoint.storage_options
    bucket = s3_endpoint.new_bucket()
    layers = {"bronze": {"AWS_SSE_KMS_KEY_ID": "bronze-key", "AWS_SECRET_ACCESS_KEY": "another"}}
    lake = Lake.open(LakeLocation(f"s3://{bucket}/lake", "simulated", options, layers))
    address = write_order(lake, "run", "job", SilverOrder((), RULES))
    told = json.dumps(asdict(address))
    assert JobAddress(**json.loads(told)) == address
    secrets = [options["AWS_ACCESS_KEY_ID"], options["AWS_SECRET_ACCESS_KEY"], "another"]
    secrets += [secret for _, secret in RULES.keys.secrets]
    assert [secret for secret in secrets if secret in told] == []
    assert address.layer_options == {"bronze": {"AWS_SSE_KMS_KEY_ID": "bronze-key"}}
    written = lake.objects.get(address.path)
    # It lies encrypted; what may not lie there at all are the storage's credentials.
    assert [name for name in secrets[:3] if name.encode() in written] == []


def test_one_that_was_changed_is_not_opened(guarded: Lake) -> None:
    address = write_order(guarded, "run", "job", RULES)
    guarded.objects.put(address.path, b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(OrderRefused, match="is not the order that the run wrote"):
        read_order(address)
    with pytest.raises(OrderRefused):
        read_order(replace(address, sha256="0" * 64))


def test_after_the_job_nothing_is_left(guarded: Lake) -> None:
    address = write_order(guarded, "run", "job", RULES)
    delete_order(guarded, address)
    delete_order(guarded, address)
    with pytest.raises(ObjectMissing):
        read_order(address)
