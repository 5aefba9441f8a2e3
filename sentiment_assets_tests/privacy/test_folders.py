"""Modes on disk: what a lake is made with, what is told of wider ones, what others get to see."""

from __future__ import annotations

import grp
import os
import pickle
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from resources.settings import Settings, read_settings
from sentiment_assets.core.contracts import CONTRACTS, DAILY_SUMMARY, SILVER_POSTS
from sentiment_assets.lake.folders import FolderAccess, FolderRefused
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets.privacy.folders import (
    Place,
    findings,
    layer_folders,
    mend,
    mended_mode,
    places,
)

ROOT = Path(__file__).parents[2]
NOBODY = 65534
as_root = pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("setpriv") is None,
    reason="only root can become another account, with setpriv (util-linux)",
)


@pytest.fixture(params=[0o022, 0o077, 0o000], ids=["umask 022", "umask 077", "umask 000"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def passable(tmp_path: Path) -> Path:
    """A folder that others reach: pytest's own are its user's alone."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o011)
    return tmp_path


def settings_in(home: Path, **given: str) -> Settings:
    return read_settings({}, home=home, **given)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def places_of(settings: Settings) -> list[Place]:
    return places(
        home=settings.home,
        lake=Path(settings.lake_location.uri),
        key_file=settings.pseudonym_key_file,
        groups=settings.layer_groups,
    )


def told(settings: Settings) -> list[tuple[str, str]]:
    return [
        (finding.kind, str(finding.place.path.relative_to(settings.home)))
        for finding in findings(places_of(settings))
    ]


def a_group() -> str:
    return grp.getgrgid(os.getgid()).gr_name


def test_modes_come_from_the_table() -> None:
    assert layer_folders({}) == {
        "bronze": FolderAccess(0o700),
        "silver": FolderAccess(0o700),
        "gold": FolderAccess(0o755),
    }
    groups = {"bronze": "eng", "silver": "ana", "gold": "all"}
    assert layer_folders(groups) == {
        layer: FolderAccess(0o2750, group) for layer, group in groups.items()
    }


def test_a_new_lake_is_made_with_them(tmp_path: Path, umask: int) -> None:
    lake = settings_in(tmp_path / "home").open_lake()
    root = Path(lake.location.uri)
    made = {path.name: mode(path) for path in root.iterdir() if path.is_dir()}
    assert made == {"bronze": 0o700, "silver": 0o700, "gold": 0o755}
    assert mode(root) == 0o711


def test_a_group_of_the_settings_gets_its_layer(tmp_path: Path) -> None:
    lake = settings_in(tmp_path / "home", silver_group=a_group()).open_lake()
    silver = Path(lake.location.uri) / "silver"
    assert mode(silver) == 0o2750
    assert silver.stat().st_gid == os.getgid()
    lake.objects.put("silver/posts/date=2026-02-05/a.parquet", b"rows")
    assert mode(silver / "posts") & stat.S_ISGID


def test_a_group_that_is_not_there_is_named_and_nothing_half_made_stays(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "home", bronze_group="no-such-group-here")
    for _ in range(2):
        with pytest.raises(FolderRefused, match=r"no-such-group-here.*groupadd"):
            settings.open_lake()
    assert not (Path(settings.lake_location.uri) / "bronze").exists()
    assert mode(Path(settings.lake_location.uri)) == 0o700


def test_a_location_without_the_table_is_its_owners_alone(tmp_path: Path) -> None:
    Lake.open(LakeLocation(str(tmp_path / "lake"), "live"))
    assert mode(tmp_path / "lake") == 0o700
    assert [path.name for path in (tmp_path / "lake").iterdir()] == ["_lake.json"]


def test_folders_travel_with_a_pickled_lake(tmp_path: Path) -> None:
    lake = pickle.loads(pickle.dumps(Lake(settings_in(tmp_path).lake_location)))
    lake.objects.put("bronze/a", b"raw")
    assert mode(Path(lake.location.uri) / "bronze") == 0o700


def test_an_older_lake_stays_closed_and_apply_opens_it_by_the_table(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "home")
    root = Path(settings.lake_location.uri)
    (root / "bronze").mkdir(parents=True)
    (root / "bronze").chmod(0o755)
    root.chmod(0o700)
    settings.open_lake()
    assert mode(root) == 0o700
    assert told(settings) == [
        ("wider", "lake/simulated/bronze"),
        ("narrower", "lake/simulated"),
    ]
    changed = [place.path.name for place, _ in mend(places_of(settings))]
    # Bronze is closed before the root opens.
    assert changed == ["bronze", "simulated"]
    assert (mode(root), mode(root / "bronze")) == (0o711, 0o700)
    assert told(settings) == []
    assert list(mend(places_of(settings))) == []


@pytest.mark.parametrize(
    ("place", "wide", "finding"),
    [
        ("keys/pseudonyms-simulated.json", 0o640, "its group read"),
        ("keys", 0o711, "its group enter, everybody enter"),
        ("dagster", 0o755, "its group read, its group enter, everybody read, everybody enter"),
        ("lake/simulated/bronze", 0o750, "its group read, its group enter"),
        ("lake/simulated/gold", 0o775, "its group write"),
        ("lake/simulated", 0o755, "its group read, everybody read"),
        (".", 0o777, "its group write, everybody write"),
    ],
)
def test_what_is_wider_is_told_and_the_remedy_mends_it(
    tmp_path: Path, place: str, wide: int, finding: str
) -> None:
    settings = settings_in(tmp_path / "home with a space")
    settings.open_lake()
    for folder in ("keys", "dagster"):
        (settings.home / folder).mkdir(mode=0o700)
    settings.pseudonym_key_file.touch(mode=0o600)
    settings.home.chmod(0o755)
    assert told(settings) == []
    (settings.home / place).chmod(wide)
    [found] = findings(places_of(settings))
    assert found.kind == "wider"
    assert f"mode {wide:04o} lets {finding};" in found.said
    subprocess.run(found.remedy, shell=True, check=True)
    assert told(settings) == []


@as_root
def test_another_group_than_the_settings_name_is_told(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "home", silver_group=a_group())
    settings.open_lake()
    silver = Path(settings.lake_location.uri) / "silver"
    os.chown(silver, -1, NOBODY)
    silver.chmod(0o2750)
    [found] = findings(places_of(settings))
    assert found.kind == "wider"
    assert f"the table says {a_group()}" in found.said
    subprocess.run(found.remedy, shell=True, check=True)
    assert told(settings) == []
    assert mode(silver) == 0o2750


@pytest.mark.parametrize("before", range(0, 0o1000, 0o11))
def test_a_mended_mode_is_never_wider_than_the_table(before: int) -> None:
    for place in places(home=Path("/h"), lake=Path("/h/lake/l"), key_file=Path("/k/f"), groups={}):
        after = mended_mode(place, before)
        assert after & ~place.access.mode == 0
        assert place.needed & ~after == 0


def as_nobody(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            "setpriv",
            f"--reuid={NOBODY}",
            f"--regid={NOBODY}",
            "--clear-groups",
            program,
            *arguments,
        ],
        capture_output=True,
        text=True,
        check=False,
    )


@as_root
def test_another_account_gets_nothing_of_bronze_and_silver(passable: Path, umask: int) -> None:
    settings = settings_in(passable / "home")
    lake = settings.open_lake()
    if umask == 0o077:
        # Then nobody passes the home; gold is for who is let in.
        for _ in mend(places_of(settings)):
            pass
    root = Path(lake.location.uri)
    lake.objects.put("bronze/batch_posts/date=2026-02-05/a.jsonl.gz", b"a name")
    lake.table(SILVER_POSTS).begin(
        [{"date": "2026-02-05", "platform": "x", "window": "0800"}], "run"
    ).commit()
    lake.table(DAILY_SUMMARY).begin([{"date": "2026-02-05", "platform": "x"}], "run").commit()
    # What a writer that died leaves behind, wider than any file that is finished.
    (root / "bronze" / "batch_posts" / "half.jsonl.gz#1").write_bytes(b"a name")
    (root / "bronze" / "batch_posts" / "half.jsonl.gz#1").chmod(0o666)

    files = [path for path in root.rglob("*") if path.is_file()]
    assert {path.relative_to(root).parts[0] for path in files} == {
        "bronze", "silver", "gold", "_lake.json",
    }  # fmt: skip
    for path in files:
        seen = as_nobody("cat", str(path))
        layer = path.relative_to(root).parts[0]
        # A umask may keep gold's files to their owner too; the table can't widen what it leaves.
        allowed = layer not in ("bronze", "silver") and umask != 0o077
        assert (seen.returncode == 0) is allowed, f"{path}: {seen.stderr}"
    for folder in ("bronze", "silver", "."):
        assert as_nobody("ls", str(root / folder)).returncode != 0, folder
    assert as_nobody("touch", str(root / "gold" / "mine")).returncode != 0


@as_root
def test_a_refusal_is_told_in_the_lakes_words(passable: Path) -> None:
    """Through the platform's own code: a table that may not be read is no empty table."""
    settings = settings_in(passable / "home")
    lake = settings.open_lake()
    lake.objects.put("bronze/batch_posts/a.jsonl.gz", b"a name")
    lake.table(SILVER_POSTS).begin(
        [{"date": "2026-02-05", "platform": "x", "window": "0800"}], "run"
    ).commit()
    lake.table(DAILY_SUMMARY).begin([{"date": "2026-02-05", "platform": "x"}], "run").commit()
    done = subprocess.run(
        [sys.executable, "-c", READER, lake.location.uri],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "7 refused\n"), done.stderr


# Whoever it becomes may not reach the interpreter's own files: all is imported before.
READER = f"""
import os, sys
import polars
from sentiment_assets.core.contracts import DAILY_SUMMARY, SILVER_POSTS
from sentiment_assets.lake.objects import AccessDenied, Lake, LakeLocation
from sentiment_assets.lake.tables import Table
os.setgroups([]), os.setgid({NOBODY}), os.setuid({NOBODY})
lake = Lake.open(LakeLocation(sys.argv[1], "simulated"))
assert lake.table(DAILY_SUMMARY).scan().collect().height == 0
refused = 0
for attempt in (
    lambda: lake.objects.get("bronze/batch_posts/a.jsonl.gz"),
    lambda: lake.objects.list("bronze"),
    lambda: lake.objects.put("gold/mine", b""),
    lambda: lake.objects.put("_lake.json", b""),
    lambda: lake.objects.delete(["gold/daily_summary/_delta_log/00000000000000000000.json"]),
    lambda: lake.table(SILVER_POSTS).exists(),
    lambda: lake.table(SILVER_POSTS).scan().collect(),
):
    try:
        attempt()
    except AccessDenied as error:
        assert "sentiment access show" in str(error)
        refused += 1
print(refused, "refused")
"""


def test_the_table_reads_as_before_for_its_owner(tmp_path: Path) -> None:
    lake = settings_in(tmp_path).open_lake()
    for contract in CONTRACTS.values():
        assert lake.table(contract).scan().select(pl.len()).collect().item() == 0
