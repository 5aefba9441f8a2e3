"""Where a keyring's bytes lie: changed from a seen state only, private, told clearly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resources.key_store import BucketObject, KeyringError, KeyStore, PrivateFile
from sentiment_assets_tests.s3_server import KMS_KEY, S3Server


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def file(tmp_path: Path) -> PrivateFile:
    return PrivateFile(tmp_path / "a" / "keys" / "k.json")


@pytest.fixture
def bucket_object(s3_endpoint: S3Server) -> BucketObject:
    uri = f"s3://{s3_endpoint.new_bucket()}/team/_keys/k.json"
    return BucketObject(uri, s3_endpoint.storage_options)


@pytest.fixture(params=["file", "bucket_object"])
def store(request: pytest.FixtureRequest) -> KeyStore:
    found: KeyStore = request.getfixturevalue(request.param)
    return found


def test_only_a_state_that_was_seen_is_replaced(store: KeyStore) -> None:
    assert store.read() is None
    assert not store.replace(b"0", "never seen")
    assert store.create(b"1")
    assert not store.create(b"2")
    first = store.read()
    assert first is not None
    assert first.data == b"1"
    assert store.replace(b"22", first.version)
    assert not store.replace(b"333", first.version)
    second = store.read()
    assert second is not None
    assert second.data == b"22"
    assert second.version != first.version


def test_an_object_is_encrypted_like_the_lake(
    bucket_object: BucketObject, s3_endpoint: S3Server
) -> None:
    bucket_object.create(b"1")
    bucket, _, key = bucket_object.uri.removeprefix("s3://").partition("/")
    head = s3_endpoint.client.head_object(Bucket=bucket, Key=key)
    assert head["SSEKMSKeyId"] == KMS_KEY


@pytest.mark.parametrize("verb", ["read", "create"])
def test_what_storage_refuses_is_told(s3_endpoint: S3Server, verb: str) -> None:
    missing = BucketObject("s3://no-such-bucket/k.json", s3_endpoint.storage_options)
    with pytest.raises(
        KeyringError, match=r"s3://no-such-bucket/k\.json: there is no such bucket"
    ) as refusal:
        missing.read() if verb == "read" else missing.create(b"hush")
    assert "hush" not in str(refusal.value)
    assert refusal.value.__suppress_context__


def test_a_bucket_that_does_not_answer_is_told_in_time(s3_endpoint: S3Server) -> None:
    options = {**s3_endpoint.storage_options, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    began = time.monotonic()
    with pytest.raises(KeyringError, match=r"did not answer.*SENTIMENT_S3_ENDPOINT"):
        BucketObject("s3://bucket/k.json", options).read()
    assert time.monotonic() - began < 20


def test_an_object_shows_no_credentials(bucket_object: BucketObject) -> None:
    assert "test-secret-key" not in repr(bucket_object)


def test_a_file_is_private_and_alone(file: PrivateFile) -> None:
    file.create(b"1")
    assert (mode(file.path), mode(file.path.parent)) == (0o600, 0o700)
    assert sorted(p.name for p in file.path.parent.iterdir()) == ["k.json", "k.json.lock"]


@pytest.mark.parametrize(
    ("where", "wide", "command"),
    [("k.json", 0o640, "chmod 600"), ("k.json", 0o604, "chmod 600"), (".", 0o755, "chmod 700")],
)
def test_wider_permissions_are_refused(
    file: PrivateFile, where: str, wide: int, command: str
) -> None:
    file.create(b"1")
    (file.path.parent / where).chmod(wide)
    with pytest.raises(KeyringError, match=f"{wide:04o}.*{command}"):
        file.read()


def test_a_link_is_followed(file: PrivateFile, tmp_path: Path) -> None:
    """Replacing the link would leave the old secrets where it points."""
    file.create(b"1")
    link = tmp_path / "link.json"
    link.symlink_to(file.path)
    seen = PrivateFile(link).read()
    assert seen is not None
    assert PrivateFile(link).replace(b"2", seen.version)
    assert link.is_symlink()
    assert file.path.read_bytes() == b"2"


def test_a_folder_in_its_place_is_told(file: PrivateFile) -> None:
    file.path.mkdir(parents=True, mode=0o700)
    file.path.parent.chmod(0o700)
    file.path.chmod(0o600)
    with pytest.raises(KeyringError, match=r"cannot read .*k\.json"):
        file.read()


def test_no_place_to_write_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KeyringError, match=r"cannot write .*nothing was changed"):
        PrivateFile(tmp_path / "file" / "k.json").create(b"1")


KILLED = """
import os, signal, sys
from pathlib import Path
from resources.key_store import PrivateFile
replace = Path.replace
Path.replace = lambda self, target: os.kill(os.getpid(), signal.SIGKILL)
store = PrivateFile(Path(sys.argv[1]))
store.replace(b"new", store.read().version)
"""


def test_a_kill_before_the_last_step_leaves_the_old_bytes(file: PrivateFile) -> None:
    """At the moment when the new file is whole and not yet in its place."""
    file.create(b"old")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(file.path)],
        cwd=Path(__file__).parents[2],
        env={"PATH": os.environ["PATH"]},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    left = {p.name for p in file.path.parent.iterdir()} - {"k.json", "k.json.lock"}
    assert len(left) == 1
    seen = file.read()
    assert seen is not None
    assert seen.data == b"old"
    # The next change goes through, and clears what was left.
    assert file.replace(b"newer", seen.version)
    assert {p.name for p in file.path.parent.iterdir()} == {"k.json", "k.json.lock"}
