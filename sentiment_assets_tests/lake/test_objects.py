from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sentiment_assets.core.layout import ORIGIN_MARKER
from sentiment_assets.lake.objects import (
    Lake,
    LakeLocation,
    LakeOriginError,
    ObjectMissing,
)


def test_an_object_is_written_read_listed_and_deleted(lake: Lake) -> None:
    objects = lake.objects
    objects.put("bronze/date=2026-11-23/b.gz", b"first")
    objects.put("bronze/date=2026-11-23/b.gz", b"second")
    objects.put("bronze/date=2026-11-23/a.gz", b"")
    objects.put("bronze_other/c.gz", b"c")

    assert objects.get("bronze/date=2026-11-23/b.gz") == b"second"
    assert [(o.path, o.size) for o in objects.list("bronze")] == [
        ("bronze/date=2026-11-23/a.gz", 0),
        ("bronze/date=2026-11-23/b.gz", 6),
    ]
    assert all(o.modified.tzinfo is not None for o in objects.list("bronze"))
    assert objects.list("nothing/here") == []

    objects.delete(["gone", "bronze/date=2026-11-23/a.gz", "bronze/date=2026-11-23/b.gz"])
    assert [o.path for o in objects.list()] == [ORIGIN_MARKER, "bronze_other/c.gz"]


def test_a_missing_object_has_a_name_and_an_error(lake: Lake) -> None:
    for read in (lake.objects.get, lake.objects.size, lambda p: lake.objects.get_tail(p, 8)):
        with pytest.raises(ObjectMissing, match=r"no object a/b\.gz in the lake"):
            read("a/b.gz")
    assert not lake.objects.exists("a/b.gz")


def test_the_tail_of_an_object(lake: Lake) -> None:
    lake.objects.put("ten", b"0123456789")
    lake.objects.put("none", b"")
    assert lake.objects.get_tail("ten", 3) == b"789"
    assert lake.objects.get_tail("ten", 99) == b"0123456789"
    assert lake.objects.get_tail("none", 3) == b""


def test_only_one_of_many_racing_creators_wins(lake: Lake) -> None:
    with ThreadPoolExecutor(8) as pool:
        for round_ in range(5):
            path = f"race/{round_}"
            won = [*pool.map(lambda n, path=path: lake.objects.put_new(path, b"%d" % n), range(8))]
            assert sum(won) == 1
            assert lake.objects.get(path) == b"%d" % won.index(True)


def test_a_streamed_object_appears_whole_or_not_at_all(lake: Lake) -> None:
    chunk = b"x" * 2**20
    with lake.objects.open_writer("big/whole") as upload:
        for _ in range(12):
            upload.write(chunk)
    assert lake.objects.size("big/whole") == 12 * 2**20

    def broken() -> None:
        with lake.objects.open_writer("big/broken") as upload:
            for _ in range(12):
                upload.write(chunk)
            raise OSError("the source broke off")

    with pytest.raises(OSError, match="broke off"):
        broken()
    assert not lake.objects.exists("big/broken")


def test_opening_marks_the_lake_and_does_nothing_else(lake: Lake) -> None:
    assert Lake.open(lake.location).origin == "simulated"
    assert [o.path for o in lake.objects.list()] == [ORIGIN_MARKER]
    assert lake.objects.get(ORIGIN_MARKER) == b'{"origin": "simulated", "format": 1}'


def test_simulated_and_live_never_share_a_lake(lake: Lake) -> None:
    other = LakeLocation(lake.location.uri, "live", lake.location.storage_options)
    with pytest.raises(LakeOriginError, match="holds simulated posts, this run brings live ones"):
        Lake.open(other)


def test_racing_openers_agree_on_one_origin(tmp_path: Path) -> None:
    def opened(uri: str, origin: str) -> str | None:
        try:
            return Lake.open(LakeLocation(uri, origin)).origin  # type: ignore[arg-type]
        except LakeOriginError:
            return None

    with ThreadPoolExecutor(4) as pool:
        for round_ in range(10):
            uri = str(tmp_path / str(round_))
            origins = ["simulated", "live"] * 2
            got = [*pool.map(lambda origin, uri=uri: opened(uri, origin), origins)]
            assert len({o for o in got if o}) == 1
            assert got.count(None) == 2


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        (b"", "is not a lake's marker"),
        (b"[]", "is not a lake's marker"),
        (b'{"origin": "live"}', "is not a lake's marker"),
        (b'{"origin": "simulated", "format": 2}', "has lake format 2"),
    ],
)
def test_a_marker_that_says_something_else_stops_the_run(
    disk_lake: Lake, marker: bytes, told: str
) -> None:
    disk_lake.objects.put(ORIGIN_MARKER, marker)
    with pytest.raises(LakeOriginError, match=told):
        Lake.open(disk_lake.location)


@pytest.mark.parametrize(
    "uri", ["lake", "./lake", "", "s3://", "gs://bucket/lake", "/tmp/a=b", "/tmp/a%20b"]
)
def test_a_place_that_cannot_hold_a_lake_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="lake"):
        LakeLocation(uri, "simulated")


def test_a_location_shows_no_secret() -> None:
    location = LakeLocation(
        "s3://bucket/lake/", "live", {"AWS_SECRET_ACCESS_KEY": "hush", "AWS_REGION": "eu-west-1"}
    )
    assert repr(Lake(location)) == (
        "Lake(location=LakeLocation('s3://bucket/lake', 'live', "
        "storage_options=<AWS_REGION, AWS_SECRET_ACCESS_KEY>))"
    )


def test_a_mistyped_option_is_named() -> None:
    location = LakeLocation("s3://bucket/lake", "live", {"AWS_SERVER_SIDE_ENCRYPTON": "aws:kms"})
    with pytest.raises(ValueError, match="aws_server_side_encrypton"):
        Lake(location).objects.exists("x")


def test_a_lake_pickles_after_use(lake: Lake) -> None:
    lake.objects.put("a", b"1")
    assert pickle.loads(pickle.dumps(lake)).objects.get("a") == b"1"


def test_a_new_lake_on_disk_is_its_owners_alone(tmp_path: Path) -> None:
    Lake.open(LakeLocation(str(tmp_path / "lake"), "live"))
    assert (tmp_path / "lake").stat().st_mode & 0o777 == 0o700
