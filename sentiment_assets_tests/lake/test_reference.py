"""The folder or bucket of reference files: what is found there, and when a stamp changes."""

from __future__ import annotations

import pytest

from sentiment_assets.core.contracts import REFERENCE_CONTRACTS
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.reference import ABSENT, ReferenceFolder, ReferenceUnreadable
from sentiment_assets_tests.s3_server import S3Server


def folder_of(lake: Lake) -> ReferenceFolder:
    """A place on disk or in a bucket, written through a lake that lies there."""
    return ReferenceFolder(lake.location.uri, lake.location.storage_options)


def test_files_are_found_read_and_stamped(lake: Lake) -> None:
    folder = folder_of(lake)
    assert folder.stamps(REFERENCE_CONTRACTS) == dict.fromkeys(REFERENCE_CONTRACTS, ABSENT)
    lake.objects.put("calendar.csv", b"one")
    lake.objects.put("brands.parquet", b"two")
    # None of ours: another kind of file, another folder.
    lake.objects.put("notes.txt", b"")
    lake.objects.put("old/markets.csv", b"")
    files = folder.files()
    assert {table: file.name for table, file in files.items()} == {
        "reference/calendar": "calendar.csv",
        "reference/brands": "brands.parquet",
    }
    assert folder.read(files["reference/calendar"]) == b"one"
    before = folder.stamps(REFERENCE_CONTRACTS)
    assert folder.stamps(REFERENCE_CONTRACTS) == before
    lake.objects.put("calendar.csv", b"another")
    after = folder.stamps(REFERENCE_CONTRACTS)
    assert [table for table in before if before[table] != after[table]] == ["reference/calendar"]
    lake.objects.delete(["calendar.csv"])
    assert folder.stamps(REFERENCE_CONTRACTS)["reference/calendar"] == ABSENT


def test_a_table_of_two_files_is_refused(lake: Lake) -> None:
    lake.objects.put("brands.csv", b"")
    lake.objects.put("brands.parquet", b"")
    with pytest.raises(ReferenceUnreadable, match=r"brands\.csv and brands\.parquet: keep one"):
        folder_of(lake).files()


def test_a_folder_that_is_not_there_has_no_files() -> None:
    assert ReferenceFolder("/nowhere/at/all").files() == {}


def test_a_bucket_that_refuses_is_told_by_its_setting(s3_endpoint: S3Server) -> None:
    folder = ReferenceFolder("s3://no-such-bucket/kept", s3_endpoint.storage_options)
    with pytest.raises(ReferenceUnreadable, match="SENTIMENT_REFERENCE_URL") as raised:
        folder.files()
    for secret in s3_endpoint.storage_options.values():
        if len(secret) > 12:
            assert secret not in str(raised.value)
            assert secret not in repr(folder)
