import json
import subprocess
import sys
from pathlib import Path

import pytest

from resources.keys import KeyFileError, load_or_create_keys


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_first_run_makes_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "a" / "keys" / "pseudonyms.json"
    keys = load_or_create_keys(path, ["x"])
    assert mode(path) == 0o600
    assert mode(path.parent) == 0o700
    assert load_or_create_keys(str(path), ["x"]) == keys
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name, f"{path.name}.lock"]


def test_two_first_runs_make_two_sets(tmp_path: Path) -> None:
    one, other = (load_or_create_keys(tmp_path / n / "k.json", ["x"]) for n in "ab")
    assert one.fingerprint("x") != other.fingerprint("x")


def test_new_platform_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "k.json"
    before = dict(load_or_create_keys(path, ["x"]).secrets)
    after = dict(load_or_create_keys(path, ["facebook", "x"]).secrets)
    assert after["x"] == before["x"]
    assert set(after) == {"x", "facebook"}
    assert dict(load_or_create_keys(path, ["x"]).secrets) == before
    assert mode(path) == 0o600


def test_racing_processes_agree(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "k.json"
    program = (
        "import sys; from resources.keys import load_or_create_keys; sys.stdin.read(1);"
        "print(load_or_create_keys(sys.argv[1], ['x', sys.argv[2]]).secrets)"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(path), f"p{i % 2}"],
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
    outputs = [racer.communicate(timeout=60)[0] for racer in racers]
    known = json.loads(path.read_text())["secrets"]
    assert set(known) == {"x", "p0", "p1"}
    for i, output in enumerate(outputs):
        assert known["x"] in output
        assert known[f"p{i % 2}"] in output


@pytest.mark.parametrize(
    ("where", "wide", "command"),
    [("k.json", 0o640, "chmod 600"), ("k.json", 0o604, "chmod 600"), (".", 0o755, "chmod 700")],
)
def test_wider_permissions_are_refused(tmp_path: Path, where: str, wide: int, command: str) -> None:
    path = tmp_path / "keys" / "k.json"
    load_or_create_keys(path, ["x"])
    (path.parent / where).chmod(wide)
    with pytest.raises(KeyFileError, match=f"{wide:04o}.*{command}"):
        load_or_create_keys(path, ["x"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"version": 1, "secrets": {"x": "0f0f',
        b"\xff\xfe",
        b"[]",
        b'{"secrets": {}}',
        b'{"version": 2, "secrets": {}}',
        b'{"version": 1, "secrets": ["0f0f"]}',
        b'{"version": 1, "secrets": {"x": 7}}',
        b'{"version": 1, "secrets": {"x": "0f0f"}}',
    ],
)
def test_damaged_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys" / "k.json"
    load_or_create_keys(path, ["x"])
    path.write_bytes(content)
    with pytest.raises(KeyFileError, match=r"damaged.*Restore it from a backup") as refusal:
        load_or_create_keys(path, ["x"])
    assert "0f0f" not in str(refusal.value)
    assert path.read_bytes() == content
