"""Upkeep of a table: what may go, what must stay, and what happens when somebody else writes.

Time is the caller's: what was written now is old when the test says that a month has passed.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from deltalake import DeltaTable

from sentiment_assets.core.coverage import Searched
from sentiment_assets.core.layout import Window
from sentiment_assets.lake.bronze import StretchFetch, read_partition
from sentiment_assets.lake.maintenance import (
    Maintained,
    Swept,
    Upkeep,
    clean_log,
    compact,
    maintain,
    sweep,
    sweep_bronze,
)
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets.lake.tables import CommitConflict, PartitionKey, Table
from sentiment_assets_tests.bronze_records import DAY, payload
from sentiment_assets_tests.lake.example_table import NOTES, SECRET, notes, partition
from sentiment_assets_tests.lake.test_committer import log_bytes, put, stored
from sentiment_assets_tests.lake.writing_process import ROWS, WINDOWS

ROOT = Path(__file__).parents[2]
UPKEEP = Upkeep()
DAYS = dt.timedelta(days=1)
HOURS = dt.timedelta(hours=1)


def present() -> dt.datetime:
    return dt.datetime.now(dt.timezone.utc)


def scatter(table: Table, files: int = 4, window: str = "0800", mark: int = 0) -> PartitionKey:
    """One partition of so many small files, three rows each, with a fingerprint of its own."""
    key = table.key_of(partition(window))
    with table.begin([partition(window)], "run") as replacement:
        for number in range(files):
            start = int(window) * 100 + number * 3
            replacement.write(partition(window), [notes(3, start=start, mark=mark)])
        replacement.commit(fingerprints={key: int(window)})
    return key


def upkept(table: Table, after: dt.timedelta = 30 * DAYS, **options: object) -> Maintained:
    given = {"run_id": "upkeep-run", "under_way": (), "now": present() + after} | options
    return maintain(table, UPKEEP, **given)  # type: ignore[arg-type]


def everything(lake: Lake) -> list[str]:
    return [entry.path for entry in lake.objects.list()]


def leave_staged(table: Table, run_id: str, window: str = "0800") -> list[str]:
    """What a run that was killed, or still computes, has written."""
    before = set(stored(table))
    replacement = table.begin([partition(window)], run_id)
    replacement.write(partition(window), [notes(2, start=900)])
    return [path for path in stored(table) if path not in before]


def test_a_table_that_is_not_there_needs_no_upkeep(table: Table) -> None:
    assert upkept(table) == Maintained()
    assert not table.exists()


def test_versions_must_stay_as_long_as_work_may_take() -> None:
    with pytest.raises(ValueError, match="keep older versions at least as long"):
        Upkeep(history=HOURS)


# Compaction


def test_compaction_makes_one_file_of_many_and_changes_nothing_else(lake: Lake) -> None:
    """On disk and on S3."""
    table = lake.table(NOTES)
    keys = [scatter(table, window=window) for window in ("0800", "1000")]
    put(table, "1200")
    rows = table.scan().collect().sort("note_id")
    before = table.partition_sizes()
    fingerprints = table.fingerprints([partition(w) for w in ("0800", "1000", "1200")])
    assert before["files"].to_list() == [4, 4, 1]

    assert compact(table, "upkeep-run", present() + 3 * HOURS) == (2, 0)

    after = table.partition_sizes()
    assert after["files"].to_list() == [1, 1, 1]
    assert table.scan().collect().sort("note_id").equals(rows)
    # Nothing looks out of date: neither by its fingerprint nor by its age.
    assert table.fingerprints([partition(w) for w in ("0800", "1000", "1200")]) == fingerprints
    assert [fingerprints[key] for key in keys] == [800, 1000]
    assert after["modified_at"].to_list() == before["modified_at"].to_list()
    # One commit; who follows the log's changes may skip it; its statistics hold no text.
    commit = lake.objects.get(table._log_path(table.version or 0))
    actions = [json.loads(line) for line in commit.splitlines()]
    changed = [a.get("add") or a.get("remove") for a in actions if "add" in a or "remove" in a]
    assert len(changed) == 2 + 8
    assert not any(action["dataChange"] for action in changed)
    told = next(action["commitInfo"] for action in actions if "commitInfo" in action)
    assert (told["upkeep"], told["run_id"]) == ("compaction", "upkeep-run")
    assert SECRET.encode() not in log_bytes(table)
    # Done once, it is done.
    assert compact(table, "upkeep-run", present() + 3 * HOURS) == (0, 0)


def test_a_partition_that_still_grows_is_left(table: Table) -> None:
    scatter(table)
    assert compact(table, "upkeep-run", present() + HOURS) == (0, 0)
    assert table.partition_sizes()["files"].to_list() == [4]


def test_large_files_are_left(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentiment_assets.lake.maintenance.SMALL_BYTES", 1_000)
    scatter(table)
    assert compact(table, "upkeep-run", present() + 3 * HOURS) == (0, 0)


def test_a_rebuild_that_began_before_runs_again_and_nothing_is_lost(table: Table) -> None:
    scatter(table)
    rebuild = table.begin([partition()], "rebuild")
    rebuild.write(partition(), [notes(5, mark=9)])
    assert compact(table, "upkeep-run", present() + 3 * HOURS) == (1, 0)
    with pytest.raises(CommitConflict, match="run the computation again"):
        rebuild.commit()
    assert table.scan().collect().height == 12
    put(table, "0800", rows=5, mark=9)
    assert table.scan().collect()["count"].to_list() == [9] * 5


def test_a_rebuild_that_ends_first_wins(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    scatter(table)
    scatter(table, window="1000")
    known = table.fingerprints

    def rebuilt_meanwhile(partitions: list[dict[str, str]]) -> dict[PartitionKey, int | None]:
        monkeypatch.undo()
        put(table, "0800", rows=5, mark=9)
        return known(partitions)

    monkeypatch.setattr(table, "fingerprints", rebuilt_meanwhile)
    assert compact(table, "upkeep-run", present() + 3 * HOURS) == (0, 2)
    marks = table.scan([partition()]).collect()["count"].to_list()
    assert marks == [9] * 5
    assert table.scan([partition("1000")]).collect().height == 12
    assert not [path for path in stored(table) if "upkeep-run" in path], "nothing staged stays"
    # The other partition's turn comes the next time.
    assert compact(table, "upkeep-run", present() + 3 * HOURS) == (1, 0)


# The log


def test_the_log_keeps_what_a_reader_of_the_history_needs(lake: Lake) -> None:
    table = lake.table(NOTES)
    for mark in range(3):
        put(table, mark=mark)
    keyed = scatter(table, window="1000")
    old = table.version or 0
    assert table.checkpoint() == old
    assert table.checkpoint() is None, "one is enough"
    between = present()
    time.sleep(1.1)  # S3 tells times in whole seconds.
    for mark in range(3, 6):
        put(table, mark=mark)
    newest = table.version or 0
    # Nothing is older than the history yet: nothing goes.
    assert clean_log(table, between - HOURS) == 0
    # The newest version then is needed, and all after it.
    assert clean_log(table, between, dry_run=True) == old
    assert clean_log(table, between) == old
    assert sorted(table.log().commits) == [*range(old, newest + 1)]
    for version, mark in ((old, 2), (old + 1, 3), (newest, 5)):
        found = DeltaTable(table.uri, version=version, storage_options=table._options)
        assert found.version() == version
        assert len(found.file_uris()) == 1 + 4, mark
    assert table.fingerprints([partition("1000")]) == {keyed: 1000}
    with pytest.raises(Exception, match=r"[Vv]ersion|log"):
        DeltaTable(table.uri, version=old - 1, storage_options=table._options)
    # Without a newer checkpoint the rest is needed however old it is.
    assert clean_log(table, present() + 365 * DAYS) == 0


def test_a_computation_that_outlasted_the_log_conflicts(table: Table) -> None:
    put(table, mark=1)
    slow = table.begin([partition("1000")], "slow")
    slow.write(partition("1000"), [notes(1, start=1000)])
    put(table, mark=2)
    put(table, mark=3)
    assert upkept(table, under_way=("slow",)).log_entries_removed > 0
    with pytest.raises(CommitConflict):
        slow.commit()
    assert table.scan().collect()["count"].to_list() == [3] * 3


# Files


def test_replaced_files_go_after_the_history_and_not_before(lake: Lake) -> None:
    table = lake.table(NOTES)
    put(table, mark=1)
    old = table.version or 0
    put(table, mark=2)
    assert sweep(table, UPKEEP, (), present() + 6 * DAYS) == Swept(0, 0, 0)
    at_old = DeltaTable(table.uri, version=old, storage_options=table._options)
    assert all(
        lake.objects.exists(f"{table.root}/{uri.removeprefix(f'{table.uri}/')}")
        for uri in at_old.file_uris()
    )
    told = sweep(table, UPKEEP, (), present() + 8 * DAYS, dry_run=True)
    assert len(stored(table)) == 2
    assert sweep(table, UPKEEP, (), present() + 8 * DAYS) == told
    assert (told.files_removed, told.files_awaited) == (1, 0)
    assert told.bytes_freed > 1_000
    assert len(stored(table)) == 1
    assert table.scan().collect()["count"].to_list() == [2] * 3


@pytest.mark.parametrize(
    ("under_way", "after", "stays"),
    [
        pytest.param((), 23 * HOURS, True, id="younger than the grace"),
        pytest.param((), 25 * HOURS, False, id="of a run that ended"),
        pytest.param(("other-run",), 25 * HOURS, False, id="another run is under way"),
        pytest.param(("slow-run",), 25 * HOURS, True, id="its run is under way"),
        pytest.param(("slow-run",), 365 * DAYS, True, id="however long that takes"),
    ],
)
def test_staged_files(
    lake: Lake, under_way: tuple[str, ...], after: dt.timedelta, stays: bool
) -> None:
    table = lake.table(NOTES)
    put(table)
    [path] = leave_staged(table, "slow-run")
    done = upkept(table, after, under_way=under_way)
    assert (path in stored(table)) is stays
    assert (done.files_removed, done.files_awaited) == ((0, 1) if stays else (1, 0))
    assert table.scan().collect().height == 3


def test_a_run_commits_what_it_staged_before_the_upkeep(table: Table) -> None:
    put(table)
    replacement = table.begin([partition("1000")], "slow-run")
    replacement.write(partition("1000"), [notes(2, start=900)])
    upkept(table, under_way=("slow-run",))
    replacement.commit()
    assert table.scan().collect().height == 5
    assert upkept(table).files_removed == 0, "now it belongs to the table"


def test_files_beside_the_table_are_nobodys_business(table: Table) -> None:
    put(table)
    kept = [f"{table.root}/_other_engine/state.json", f"{table.root}/.hidden"]
    for path in kept:
        table.lake.objects.put(path, b"{}")
    upkept(table, 365 * DAYS)
    assert set(kept) <= set(everything(table.lake))


def test_unfinished_writes_on_disk(table: Table) -> None:
    """A process that is killed while it writes leaves a file that no listing shows."""
    put(table)
    program = (
        "import os, sys\n"
        "from sentiment_assets.lake.objects import Lake, LakeLocation\n"
        "lake = Lake.open(LakeLocation(sys.argv[1], 'simulated'))\n"
        "with lake.objects.open_writer(sys.argv[2]) as upload:\n"
        "    upload.write(b'x' * 2**24)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    path = f"{table.root}/date=2026-11-23/platform=x/window=0800/dead-run-0.parquet"
    command = [sys.executable, "-c", program, table.lake.location.uri, path]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    [left] = table.lake.objects.unfinished(table.root)
    assert left.path == f"{path}#1"
    assert left.path not in everything(table.lake)
    assert upkept(table, 23 * HOURS).files_awaited == 1
    assert upkept(table, 25 * HOURS, under_way=("dead-run",)).files_awaited == 1
    assert upkept(table, 25 * HOURS, dry_run=True).files_removed == 1
    assert table.lake.objects.unfinished(table.root) != []
    assert upkept(table, 25 * HOURS).files_removed == 1
    assert table.lake.objects.unfinished(table.root) == []


# All of it


def test_upkeep_of_a_busy_table(lake: Lake) -> None:
    table = lake.table(NOTES)
    for mark in range(5):
        scatter(table, mark=mark)
    leave_staged(table, "dead-run")
    rows = table.scan().collect().sort("note_id")
    before = everything(lake)
    told = upkept(table, dry_run=True)
    assert everything(lake) == before, "a dry run touches nothing"
    assert (told.partitions_compacted, told.checkpoint, told.files_after) == (1, None, 4)

    done = upkept(table)
    assert (done.files_before, done.files_after, done.partitions_compacted) == (4, 1, 1)
    assert done.checkpoint == table.version == 6
    assert done.log_entries_removed == 6
    # The four versions before, of four files each, and what the dead run left; what compaction
    # replaced was just now in use.
    assert (done.files_removed, done.files_awaited) == (4 * 4 + 4 + 1, 0)
    assert done.bytes_freed > 10_000
    assert table.scan().collect().sort("note_id").equals(rows)
    again = upkept(table)
    assert again == replace(
        Maintained(),
        files_before=1,
        files_after=1,
        bytes_before=done.bytes_after,
        bytes_after=done.bytes_after,
    )
    put(table, mark=7)
    assert table.scan().collect()["count"].to_list() == [7] * 3


def test_memory_does_not_grow_with_what_is_compacted(tmp_path: Path) -> None:
    def peak(files: int) -> int:
        module = "sentiment_assets_tests.lake.writing_process"
        command = [sys.executable, "-m", module, "compact", str(tmp_path / str(files)), str(files)]
        done = subprocess.run(
            [*command, "20000"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return int(done.stdout) // 1024

    few, many = peak(2), peak(40)
    assert many - few < 80, f"{few} MiB for 2 files, {many} MiB for 40"


KILLS = 6


def test_kill_9_during_upkeep_leaves_every_row(tmp_path: Path) -> None:
    uri = str(tmp_path / "lake")
    table = Lake.open(LakeLocation(uri, "simulated")).table(NOTES)
    command = [sys.executable, "-m", "sentiment_assets_tests.lake.writing_process", "maintain", uri]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as maintainers:
        assert maintainers.stdin is not None
        assert maintainers.stdout is not None
        span = 0.0
        for kill in range(KILLS):
            print(kill, file=maintainers.stdin, flush=True)
            lines = iter(maintainers.stdout.readline, "ended\n")
            child = int(next(lines))
            while next(lines) != "scattered\n":
                pass
            if not span:
                # How long one upkeep takes here: kills are spread over it.
                started = time.monotonic()
                while next(lines) != "maintained\n":
                    pass
                span = time.monotonic() - started
                while next(lines) != "scattered\n":
                    pass
            time.sleep(span * kill / KILLS)
            os.kill(child, signal.SIGKILL)
            for _ in lines:
                pass
            rows = table.scan().select("window", "note_id", "count").collect()
            found = rows.group_by("window").len().sort("window").rows()
            assert found == [(window, ROWS) for window in WINDOWS]
            assert rows["note_id"].n_unique() == ROWS * len(WINDOWS)
            assert rows["count"].n_unique() == 1
        maintainers.stdin.close()
    # What the killed ones left behind is cleaned by the next, and nothing else is.
    upkept(table, 365 * DAYS)
    files = [path for path in stored(table) if not path.startswith("_delta_log/")]
    assert len(files) == table.partition_sizes()["files"].sum() == len(WINDOWS)
    assert table.scan().collect().height == ROWS * len(WINDOWS)


def test_upkeep_races_rebuilds(tmp_path: Path) -> None:
    """Another process rebuilds the same partitions all the time: no row is lost or doubled."""
    uri = str(tmp_path / "lake")
    table = Lake.open(LakeLocation(uri, "simulated")).table(NOTES)
    module = "sentiment_assets_tests.lake.writing_process"
    with subprocess.Popen(
        [sys.executable, "-m", module, "rebuild", uri, "6"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as rebuilds:
        compacted = left = 0
        while rebuilds.poll() is None:
            # A year later, so that only the run's being under way guards what it has staged; its
            # log and its readers are within the history.
            done = maintain(
                table,
                Upkeep(history=730 * DAYS),
                run_id="upkeep-run",
                under_way=("rebuild",),
                now=present() + 365 * DAYS,
            )
            compacted += done.partitions_compacted
            left += done.partitions_left
            if table.version:
                rows = table.scan().select("window", "note_id", "count").collect()
                assert rows["note_id"].n_unique() == rows.height == ROWS * len(WINDOWS)
                assert rows["count"].n_unique() == 1
        assert rebuilds.returncode == 0
        assert rebuilds.stdout is not None
        marks, conflicts = map(int, rebuilds.stdout.read().split())
    assert compacted > 0
    assert marks > 0
    assert left + conflicts > 0, "they never met: this test shows nothing"
    assert table.scan().collect()["count"].unique().to_list() == [marks]


# Bronze


def fetch(lake: Lake, hour: int, *, dies: bool) -> None:
    window = Window(DAY, "0800")
    fetched = StretchFetch(
        lake,
        [window],
        fetched_at=dt.datetime(2026, 11, 23, hour, 5, tzinfo=dt.timezone.utc),
        run_id="run-1",
        api_version="2",
        simulated=True,
    )
    fetched.add(window, payload(8.5), {"query": "nimbus"})
    if dies:
        # The objects are stored, the manifest is not.
        for target, writer in fetched._writers.items():
            writer.store(lake, fetched._object_path(target))
    else:
        fetched.close({window: Searched("complete", "", (window.start, window.end))})


def test_objects_of_dead_fetches_go_after_the_grace(lake: Lake) -> None:
    fetch(lake, 10, dies=False)
    fetch(lake, 12, dies=True)
    lake.objects.put("bronze/dead_letters/platform=x/received=2026-11-23/a.jsonl.gz", b"x")
    before = everything(lake)
    assert sweep_bronze(lake, present() - HOURS) == Swept(0, 0, 1)
    told = sweep_bronze(lake, present() + HOURS, dry_run=True)
    assert everything(lake) == before
    assert sweep_bronze(lake, present() + HOURS) == told
    assert told.files_removed == 1
    [gone] = set(before) - set(everything(lake))
    assert gone.endswith("/window=0800/20261123T120500Z.jsonl.gz")
    assert len(read_partition(lake, DAY).objects(Window(DAY, "0800"))) == 1


def test_objects_beside_a_damaged_manifest_stay(disk_lake: Lake) -> None:
    fetch(disk_lake, 10, dies=False)
    manifest = next(path for path in everything(disk_lake) if path.endswith(".manifest.json"))
    disk_lake.objects.put(manifest, b"{ torn")
    assert sweep_bronze(disk_lake, present() + 365 * DAYS) == Swept(0, 0, 0)


def test_bronze_that_is_not_there(disk_lake: Lake) -> None:
    assert sweep_bronze(disk_lake, present()) == Swept(0, 0, 0)
