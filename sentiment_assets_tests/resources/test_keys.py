"""The keyring: made once, rotated by one at a time, wrapped without a loss, never shown."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from resources import kms
from resources.key_store import BucketObject, KeyringError, PrivateFile
from resources.keys import (
    Custody,
    Keyring,
    KeyringChanged,
    add_platforms,
    read_keyring,
    rotate,
    unlock,
    wrap,
)
from sentiment_assets.core.pii.pseudonyms import PseudonymKeys, Use, pseudonym_expr
from sentiment_assets_tests.s3_server import S3Server

DAY = dt.date(2026, 11, 23)
NEXT = dt.date(2026, 11, 24)
PLATFORMS = ["facebook", "instagram", "linkedin", "x"]


@pytest.fixture
def in_clear(tmp_path: Path) -> Custody:
    return Custody(PrivateFile(tmp_path / "keys" / "k.json"))


@pytest.fixture
def wrapped_file(tmp_path: Path, s3_endpoint: S3Server) -> Custody:
    return Custody(PrivateFile(tmp_path / "keys" / "k.json"), s3_endpoint.new_kms_key())


@pytest.fixture
def wrapped_object(s3_endpoint: S3Server) -> Custody:
    uri = f"s3://{s3_endpoint.new_bucket()}/team/_keys/k.json"
    return Custody(BucketObject(uri, s3_endpoint.storage_options), s3_endpoint.new_kms_key())


@pytest.fixture(params=["in_clear", "wrapped_file", "wrapped_object"])
def custody(request: pytest.FixtureRequest) -> Custody:
    """The same test for each way to keep a keyring."""
    found: Custody = request.getfixturevalue(request.param)
    return found


@pytest.fixture(autouse=True)
def _as_a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kms, "_unwrapped", {})


def kept(custody: Custody) -> Keyring:
    keyring = read_keyring(custody)
    assert keyring is not None
    return keyring


def keys_of(custody: Custody, *platforms: str) -> PseudonymKeys:
    """As a new process reads them."""
    kms._unwrapped.clear()
    return unlock(custody, kept(custody), platforms or PLATFORMS)


def stored(custody: Custody) -> bytes:
    found = custody.store.read()
    assert found is not None
    return found.data


def file_of(custody: Custody, content: bytes) -> None:
    assert isinstance(custody.store, PrivateFile)
    path = custody.store.path
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)


# The first format: nothing that it gave may change.

FROZEN_SECRETS = {name: hashlib.sha256(f"frozen {name}".encode()).hexdigest() for name in PLATFORMS}
FROZEN_FILE = json.dumps({"version": 1, "secrets": FROZEN_SECRETS}, indent=1, sort_keys=True)
# What version 0.1.0 made of the id 4200000000000000042 with that file, before there were rotations.
FROZEN: list[tuple[str, str, Use, str]] = [
    ("x", "2025-12-31", "post", "9a9bbfdb9b39ed1fe72f49022b571a0b"),
    ("x", "2025-12-31", "author", "0585ef5bf2828b5c1f7ae21178ef98cf"),
    ("x", "2025-12-31", "text", "ddc7d6270e530b552c04c654a08cd302"),
    ("x", "2026-11-23", "post", "1fca3b47d268eef178bfa30a7ded461a"),
    ("x", "2026-11-23", "author", "29966665572d0e8f4845db0b6791a2e6"),
    ("x", "2026-11-23", "text", "380680654609f47771ccfc6d78d73971"),
    ("linkedin", "2025-12-31", "post", "30c7a9d4e2da67cd1bbcaa67f0b4fea0"),
    ("linkedin", "2025-12-31", "author", "0c7648a093a6b20228ab3a1b470d0b6e"),
    ("linkedin", "2025-12-31", "text", "a21508134448c96e5436ed607d2c2b24"),
    ("linkedin", "2026-11-23", "post", "839302b39b4ae5ccc3f75598d25e7dca"),
    ("linkedin", "2026-11-23", "author", "fbb75cdcb674b5564c6f7a1181ae88f6"),
    ("linkedin", "2026-11-23", "text", "4864024431bac0ec8174b24e5ebba060"),
]
FROZEN_FINGERPRINTS = {"x": "1db252c7af6e", "linkedin": "5387bc0b8899"}


def assert_frozen(keys: PseudonymKeys) -> None:
    for platform, date, use, pid in FROZEN:
        key = keys.key(platform, dt.date.fromisoformat(date), use)
        given = pl.DataFrame({"id": ["4200000000000000042"]})
        assert given.select(pseudonym_expr("id", key)).item() == pid, (platform, date, use)
    for platform, fingerprint in FROZEN_FINGERPRINTS.items():
        # Part of the recipe: another one would put all silver out of date.
        assert keys.fingerprint(platform, DAY) == fingerprint


def test_a_file_of_the_first_format_gives_the_pseudonyms_it_gave(in_clear: Custody) -> None:
    file_of(in_clear, FROZEN_FILE.encode())
    assert_frozen(keys_of(in_clear))
    assert stored(in_clear) == FROZEN_FILE.encode(), "reading changes nothing"
    add_platforms(in_clear, kept(in_clear), [*PLATFORMS, "another"])
    assert_frozen(keys_of(in_clear))
    rotate(in_clear, kept(in_clear), PLATFORMS, NEXT)
    assert_frozen(keys_of(in_clear))
    assert keys_of(in_clear).fingerprint("x", NEXT) != FROZEN_FINGERPRINTS["x"]


def test_and_gives_them_wrapped(in_clear: Custody, wrapped_object: Custody) -> None:
    file_of(in_clear, FROZEN_FILE.encode())
    assert wrap(in_clear.store, wrapped_object)
    assert_frozen(keys_of(wrapped_object))


# Made on first use


def test_nothing_is_made_by_reading(custody: Custody) -> None:
    assert read_keyring(custody) is None
    assert custody.store.read() is None


def test_the_first_use_makes_secrets_that_stay(custody: Custody) -> None:
    add_platforms(custody, None, PLATFORMS)
    keys = keys_of(custody)
    assert len({secret for _, secret in keys.secrets}) == len(PLATFORMS)
    add_platforms(custody, None, PLATFORMS)
    add_platforms(custody, kept(custody), PLATFORMS)
    assert keys_of(custody) == keys
    assert pickle.loads(pickle.dumps(keys)) == keys


def test_two_first_uses_make_two_sets(tmp_path: Path) -> None:
    made = [Custody(PrivateFile(tmp_path / name / "k.json")) for name in "ab"]
    for one in made:
        add_platforms(one, None, ["x"])
    assert keys_of(made[0], "x") != keys_of(made[1], "x")


def test_a_new_platform_leaves_the_others_as_they_are(custody: Custody) -> None:
    add_platforms(custody, None, ["x"])
    before = keys_of(custody, "x")
    rotate(custody, kept(custody), ["x"], NEXT)
    rotated = keys_of(custody, "x")
    add_platforms(custody, kept(custody), ["facebook", "x"])
    assert keys_of(custody, "x") == rotated
    assert rotated.secrets == before.secrets
    assert len(keys_of(custody, "facebook").rotations) == 0


RACER = """
import sys
from pathlib import Path
from resources.key_store import BucketObject, PrivateFile
from resources.keys import *
from resources.kms import KmsKey
place, key, url, platform = sys.argv[1:]
options = {
    "AWS_ENDPOINT_URL": url, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test-key-id", "AWS_SECRET_ACCESS_KEY": "test-secret-key",
}
store = BucketObject(place, options) if place.startswith("s3://") else PrivateFile(Path(place))
wrapper = KmsKey(key, "us-east-1", url, ("test-key-id", "test-secret-key")) if key else None
custody = Custody(store, wrapper)
sys.stdin.read(1)
made = add_platforms(custody, read_keyring(custody), ["x", platform])
keys = unlock(custody, made, ["x", platform])
print(sorted(secret for _, secret in keys.secrets))
"""


@pytest.mark.parametrize("kind", ["in_clear", "wrapped_object"])
def test_first_runs_that_race_agree(
    kind: str, request: pytest.FixtureRequest, s3_endpoint: S3Server
) -> None:
    custody: Custody = request.getfixturevalue(kind)
    key = custody.kms.key_id if custody.kms else ""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, custody.store.place, key, s3_endpoint.url, f"p{i % 2}"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for i in range(4)
    ]
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("g")
        racer.stdin.flush()
    outputs = [racer.communicate(timeout=120)[0] for racer in racers]
    assert kept(custody).epochs.keys() == {"x", "p0", "p1"}
    for i, output in enumerate(outputs):
        expected = keys_of(custody, "x", f"p{i % 2}")
        assert output.strip() == str(sorted(secret for _, secret in expected.secrets))


# Rotation


def test_a_rotation_adds_an_epoch_and_changes_none(custody: Custody) -> None:
    add_platforms(custody, None, PLATFORMS)
    before = keys_of(custody)
    begun = rotate(custody, kept(custody), ["x", "facebook"], NEXT)
    assert {name: (epoch.number, epoch.first_date) for name, epoch in begun.items()} == {
        "x": (2, NEXT), "facebook": (2, NEXT),
    }  # fmt: skip
    rotate(custody, kept(custody), ["x"], dt.date(2027, 1, 1))
    after = keys_of(custody)
    assert after.secrets == before.secrets
    assert [(r.platform, r.first_date) for r in after.rotations] == [
        ("facebook", NEXT), ("x", NEXT), ("x", dt.date(2027, 1, 1)),
    ]  # fmt: skip
    secrets = [secret for _, secret in after.secrets] + [r.secret for r in after.rotations]
    assert len(set(secrets)) == len(PLATFORMS) + 3
    for platform in ("linkedin", "instagram"):
        assert after.fingerprint(platform, NEXT) == before.fingerprint(platform, NEXT)


@pytest.mark.parametrize("first", [DAY, NEXT, dt.date.min])
def test_epochs_only_follow_each_other(in_clear: Custody, first: dt.date) -> None:
    add_platforms(in_clear, None, ["facebook", "x"])
    rotate(in_clear, kept(in_clear), ["x"], NEXT)
    before = stored(in_clear)
    with pytest.raises(KeyringError, match=r"x has an epoch 2 from 2026-11-24.*Nothing was"):
        rotate(in_clear, kept(in_clear), ["facebook", "x"], first)
    assert stored(in_clear) == before, "all platforms or none"


def test_a_platform_without_a_key_has_nothing_to_rotate(in_clear: Custody) -> None:
    add_platforms(in_clear, None, ["x"])
    with pytest.raises(KeyringError, match="facebook has no key"):
        rotate(in_clear, kept(in_clear), ["x", "facebook"], NEXT)
    assert keys_of(in_clear, "x").rotations == ()


def test_of_two_that_rotate_at_once_one_wins(custody: Custody) -> None:
    """Both decided on what they saw; the second one's dates would be wrong after the first."""
    add_platforms(custody, None, ["x", "facebook"])
    seen = kept(custody)
    rotate(custody, seen, ["x"], NEXT)
    won = keys_of(custody, "x", "facebook")
    for platform in ("x", "facebook"):
        with pytest.raises(KeyringChanged, match=r"nothing was done.*sentiment keys list"):
            rotate(custody, seen, [platform], dt.date(2026, 12, 1))
    assert keys_of(custody, "x", "facebook") == won


def test_four_that_rotate_at_the_same_moment(custody: Custody) -> None:
    add_platforms(custody, None, ["x"])
    start = threading.Barrier(4)

    def race(_: int) -> bool:
        seen = kept(custody)
        start.wait()
        try:
            rotate(custody, seen, ["x"], NEXT)
        except KeyringChanged:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(race, range(4))) == [False, False, False, True]
    assert len(keys_of(custody, "x").rotations) == 1


# Damage


def ring(**epochs: list[dict[str, Any]]) -> bytes:
    return json.dumps({"version": 2, "platforms": epochs}).encode()


ONE = {"epoch": 1, "secret": "0f" * 32}
TWO = {"epoch": 2, "from": "2026-11-24", "secret": "1e" * 32}
WRAPPED = {"epoch": 1, "wrapped": "0f0f", "fingerprint": "0f0f"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"version": 1, "secrets": {"x": "0f0f',
        b"\xff\xfe",
        b'{"version": 1, "secrets": {"x": "\xff0f0f"}}',
        b"[]",
        b'{"secrets": {}}',
        b'{"version": 0, "secrets": {}}',
        b'{"version": 2, "secrets": {}}',
        b'{"version": 1, "secrets": ["0f0f"]}',
        b'{"version": 1, "secrets": {"x": 7}}',
        b'{"version": 1, "secrets": {"x": "0f0f"}}',
        ring(x=[]),
        ring(x=[TWO]),
        ring(x=[ONE, {**TWO, "epoch": 3}]),
        ring(x=[ONE, {**TWO, "from": None}]),
        ring(x=[ONE, {**TWO, "from": "0f0f"}]),
        ring(x=[ONE, TWO, {**TWO, "epoch": 3}]),
        ring(x=[ONE, {**TWO, "secret": "0f0f"}]),
        ring(x=[{**ONE, "from": "2026-11-24"}]),
        ring(x=[{"epoch": 1}]),
        ring(x=[{**ONE, **WRAPPED}]),
        ring(x=[{"epoch": 1, "wrapped": "0f0f"}]),
        ring(x=[{**ONE, "more": "0f0f"}]),
        ring(x=[ONE], facebook=[WRAPPED]),
    ],
)
def test_a_damaged_keyring_is_refused_and_left_alone(in_clear: Custody, content: bytes) -> None:
    file_of(in_clear, content)
    with pytest.raises(KeyringError, match=r"damaged.*Restore it from a backup") as refusal:
        read_keyring(in_clear)
    assert "0f0f" not in f"{refusal.value} {refusal.value.__cause__} {refusal.value.__context__}"
    with pytest.raises(KeyringError, match="damaged"):
        add_platforms(in_clear, None, ["x"])
    assert stored(in_clear) == content


def test_a_newer_format_is_not_called_damage(in_clear: Custody) -> None:
    file_of(in_clear, b'{"version": 3}')
    with pytest.raises(KeyringError, match="newer version"):
        read_keyring(in_clear)


@pytest.mark.parametrize("part", ["wrapped", "fingerprint"])
def test_entries_that_changed_places_are_refused(wrapped_file: Custody, part: str) -> None:
    add_platforms(wrapped_file, None, ["x", "facebook"])
    content = json.loads(stored(wrapped_file))
    x, facebook = (content["platforms"][name][0] for name in ("x", "facebook"))
    x[part], facebook[part] = facebook[part], x[part]
    file_of(wrapped_file, json.dumps(content).encode())
    with pytest.raises(KeyringError, match="damaged"):
        keys_of(wrapped_file, "x", "facebook")


# Wrapping


def test_wrapped_secrets_are_nowhere_in_what_is_stored(wrapped_file: Custody) -> None:
    add_platforms(wrapped_file, None, PLATFORMS)
    rotate(wrapped_file, kept(wrapped_file), PLATFORMS, NEXT)
    keys = keys_of(wrapped_file)
    for secret in [s for _, s in keys.secrets] + [r.secret for r in keys.rotations]:
        assert secret.encode() not in stored(wrapped_file)
        assert bytes.fromhex(secret) not in stored(wrapped_file)


def test_a_keyring_shows_no_secret(custody: Custody) -> None:
    add_platforms(custody, None, ["x"])
    rotate(custody, kept(custody), ["x"], NEXT)
    shown = f"{kept(custody)!r} {kept(custody).fingerprints()} {custody!r} {keys_of(custody, 'x')}"
    for entry in json.loads(stored(custody))["platforms"]["x"]:
        assert entry.get("secret", entry.get("wrapped")) not in shown


def test_what_is_wrapped_needs_the_setting(wrapped_file: Custody) -> None:
    add_platforms(wrapped_file, None, ["x"])
    without = Custody(wrapped_file.store)
    for attempt in (
        lambda: unlock(without, kept(without), ["x"]),
        lambda: add_platforms(without, kept(without), ["x", "facebook"]),
        lambda: rotate(without, kept(without), ["x"], NEXT),
    ):
        with pytest.raises(KeyringError, match="set SENTIMENT_PSEUDONYM_KMS_KEY_ID"):
            attempt()


def test_what_is_not_wrapped_is_not_used_as_if_it_were(
    in_clear: Custody, wrapped_file: Custody
) -> None:
    add_platforms(in_clear, None, ["x"])
    with pytest.raises(KeyringError, match="`sentiment keys wrap`"):
        unlock(wrapped_file, kept(wrapped_file), ["x"])
    with pytest.raises(KeyringError, match="`sentiment keys wrap`"):
        add_platforms(wrapped_file, kept(wrapped_file), ["x", "facebook"])


@pytest.mark.parametrize("target", ["wrapped_file", "wrapped_object"])
def test_wrapping_keeps_every_epoch(
    in_clear: Custody, target: str, request: pytest.FixtureRequest
) -> None:
    """``wrapped_file`` is the same file: wrapped in place."""
    custody: Custody = request.getfixturevalue(target)
    add_platforms(in_clear, None, PLATFORMS)
    rotate(in_clear, kept(in_clear), ["x"], NEXT)
    before, fingerprints = keys_of(in_clear), kept(in_clear).fingerprints()
    source = stored(in_clear)
    assert wrap(in_clear.store, custody)
    assert keys_of(custody) == before
    assert kept(custody).wrapped
    assert kept(custody).fingerprints() == fingerprints
    if target == "wrapped_object":
        assert stored(in_clear) == source
        # Once more: nothing to do, and nothing is done.
        there = stored(custody)
        assert not wrap(in_clear.store, custody)
        assert stored(custody) == there


def test_wrapping_loses_nothing(
    in_clear: Custody, wrapped_object: Custody, s3_endpoint: S3Server
) -> None:
    add_platforms(wrapped_object, None, ["x"])
    there = stored(wrapped_object)
    with pytest.raises(KeyringError, match="there is no keyring"):
        wrap(in_clear.store, wrapped_object)
    add_platforms(in_clear, None, ["x"])
    with pytest.raises(KeyringError, match="not those of"):
        wrap(in_clear.store, wrapped_object)
    assert stored(wrapped_object) == there
    with pytest.raises(KeyringError, match="SENTIMENT_PSEUDONYM_KMS_KEY_ID: not set"):
        wrap(in_clear.store, in_clear)
    # A KMS key that can't be used: the file stays in the clear.
    gone = Custody(
        in_clear.store, kms.KmsKey("alias/none", "us-east-1", s3_endpoint.url, ("a", "b"))
    )
    before = stored(in_clear)
    with pytest.raises(KeyringError, match="no such key"):
        wrap(in_clear.store, gone)
    assert stored(in_clear) == before


def test_what_is_wrapped_already_is_not_wrapped_again(
    wrapped_file: Custody, wrapped_object: Custody
) -> None:
    add_platforms(wrapped_file, None, ["x"])
    with pytest.raises(KeyringError, match="wrapped already"):
        wrap(wrapped_file.store, wrapped_object)
    assert read_keyring(wrapped_object) is None
