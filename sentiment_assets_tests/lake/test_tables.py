"""What a table is after replacements: reads, replays, pins, migrations."""

from __future__ import annotations

import datetime as dt
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentiment_assets.core.contracts import CONTRACTS, HOLIDAYS, REFERENCE_CONTRACTS, Column
from sentiment_assets.lake import files, tables
from sentiment_assets.lake.files import polars_schema
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets.lake.tables import ContractViolation, Table
from sentiment_assets_tests.lake.example_table import NOTES, notes, partition


def put(table: Table, rows: dict[str, int], *, mark: int = 0, run_id: str = "run") -> int:
    """Replace windows, each with that many rows; returns the version."""
    with table.begin([partition(window) for window in rows], run_id) as replacement:
        for number, (window, count) in enumerate(rows.items()):
            start = 1_000 * (1 + number)
            replacement.write(partition(window), [notes(count, start=start, mark=mark)])
        return replacement.commit().version


def content(table: Table) -> dict[str, tuple[int, int]]:
    """Rows and mark of each window."""
    found = table.scan().group_by("window").agg(pl.len(), pl.col("count").unique())
    return {window: (rows, *marks) for window, rows, marks in found.collect().iter_rows()}


@pytest.mark.parametrize(
    "contract",
    [NOTES, *CONTRACTS.values(), *REFERENCE_CONTRACTS.values()],
    ids=lambda c: c.name,
)
def test_a_table_that_was_never_written_reads_as_no_rows(disk_lake: Lake, contract) -> None:
    table = disk_lake.table(contract)
    rows = table.scan().collect()
    assert rows.is_empty()
    assert rows.schema == polars_schema(contract.schema)
    assert (table.exists(), table.version) == (False, None)
    assert table.partition_sizes().is_empty()
    assert not (Path(disk_lake.location.uri) / contract.name).exists()


def test_a_partition_is_replaced_and_the_others_stay(lake: Lake) -> None:
    table = lake.table(NOTES)
    put(table, {"0800": 3, "1000": 4}, mark=1)
    put(table, {"0800": 5}, mark=2)
    assert content(table) == {"0800": (5, 2), "1000": (4, 1)}

    rows = table.scan().collect()
    assert rows.schema == polars_schema(NOTES.schema)
    assert rows["date"].unique().to_list() == [dt.date(2026, 11, 23)]


def test_a_table_without_partitions_is_replaced_whole(lake: Lake) -> None:
    table = lake.table(HOLIDAYS)
    one = {"market": "ZA", "date": dt.date(2026, 12, 16), "name": "Day of Reconciliation"}
    rows = pl.DataFrame([one])
    for year in (2026, 2027):
        with table.begin([{}], f"run{year}") as replacement:
            replacement.write({}, [rows.with_columns(date=dt.date(year, 12, 16))])
            replacement.commit(fingerprints={(): year})
    assert table.scan().collect().rows() == [("ZA", dt.date(2027, 12, 16), one["name"])]
    assert table.fingerprint({}) == 2027
    assert table.partition_sizes()["rows"].to_list() == [1]
    [path] = table.live_files()
    assert "/" not in path
    # Who began before another's commit doesn't win over it.
    late, first = table.begin([{}], "late"), table.begin([{}], "first")
    for replacement in (late, first):
        replacement.write({}, [rows])
    first.commit()
    with pytest.raises(tables.CommitConflict):
        late.commit()
    held, count = table.begin([{}], "look").pinned({})
    assert (held.collect().height, count) == (1, 1)


def test_any_set_of_partitions_is_replaced_by_one_commit(lake: Lake) -> None:
    table = lake.table(NOTES)
    days = ["2026-11-21", "2026-11-22", "2026-11-23"]
    everything = [partition(window, day) for day in days for window in ("0800", "1000")]
    with table.begin(everything, "first") as replacement:
        for number, where in enumerate(everything):
            replacement.write(where, [notes(2, start=10 * number, mark=1)])
        assert replacement.commit().version == 1

    corner = [partition("0800", days[0]), partition("1000", days[1]), partition("0800", days[2])]
    with table.begin(corner, "second") as replacement:
        for number, where in enumerate(corner):
            replacement.write(where, [notes(3, start=100 + 10 * number, mark=2)])
        commit = replacement.commit()

    assert (commit.version, commit.rows, commit.files, commit.replaced_files) == (2, 9, 3, 3)
    sizes = table.partition_sizes()
    assert sizes.select(pl.col("date").cast(pl.String), "window", "rows").rows() == [
        (days[0], "0800", 3), (days[0], "1000", 2),
        (days[1], "0800", 2), (days[1], "1000", 3),
        (days[2], "0800", 3), (days[2], "1000", 2),
    ]  # fmt: skip


def test_a_named_partition_without_rows_becomes_empty(table: Table) -> None:
    put(table, {"0800": 3, "1000": 4})
    put(table, {"0800": 0})
    assert content(table) == {"1000": (4, 0)}
    assert table.partition_sizes()["window"].to_list() == ["1000"]


def test_a_scan_opens_only_the_named_partitions(lake: Lake) -> None:
    table = lake.table(NOTES)
    put(table, {"0800": 3, "1000": 4, "1200": 5})
    # Without its file, a partition can't be read: whoever reads the others doesn't notice.
    lake.objects.delete([o.path for o in lake.objects.list(f"{table.root}/date=2026-11-23")
                         if "window=1200" in o.path])  # fmt: skip

    def rows(*partitions: dict[str, str]) -> int:
        return table.scan(partitions, ["note_id"]).collect().height

    assert rows(partition("0800")) == 3
    assert rows(partition("0800"), partition("1000"), {"window": "0800"}) == 7
    assert rows({"date": "2026-11-24", "platform": "x"}) == 0
    assert rows() == 0
    with pytest.raises((pl.exceptions.PolarsError, OSError)):
        rows({"date": "2026-11-23", "platform": "x"})
    with pytest.raises(ValueError, match="partitioned by date, platform, window; got hour"):
        rows({"hour": "08"})


def test_replaced_files_are_not_read(table: Table) -> None:
    put(table, {"0800": 3}, mark=1)
    put(table, {"0800": 3}, mark=2)
    stored = [o for o in table.lake.objects.list(table.root) if o.path.endswith(".parquet")]
    assert len(stored) == 2
    assert content(table) == {"0800": (3, 2)}


def test_a_file_is_named_by_its_run_and_holds_no_partition_column(table: Table) -> None:
    put(table, {"0800": 3}, run_id="2f0c-11")
    put(table, {"0800": 3}, run_id="2f0c-11")
    paths = [o.path for o in table.lake.objects.list(f"{table.root}/date=2026-11-23")]
    folder = "silver/notes/date=2026-11-23/platform=x/window=0800/2f0c-11-"
    assert len(set(paths)) == 2
    assert all(path.startswith(folder) for path in paths)
    file = Path(table.lake.location.uri, paths[0])
    assert pl.read_parquet_schema(file).keys() == set(NOTES.file_schema.names)


def test_a_run_that_is_repeated_changes_nothing(table: Table) -> None:
    put(table, {"0800": 3})
    before = table.scan().collect()
    put(table, {"0800": 3})
    assert table.scan().collect().equals(before)


def test_a_commit_that_is_repeated_is_the_same_commit(table: Table) -> None:
    replacement = table.begin([partition()], "run")
    replacement.write(partition(), [notes(3)])
    first = replacement.commit()
    assert replacement.commit() == first
    assert table.version == first.version
    replacement.discard()
    assert content(table) == {"0800": (3, 0)}


def test_the_protocol_stays_readable_by_everyone(table: Table) -> None:
    put(table, {"0800": 3})
    found = DeltaTable(table.uri)
    protocol = found.protocol()
    assert (protocol.min_reader_version, protocol.min_writer_version) == (1, 2)
    assert found.metadata().configuration == {
        "delta.dataSkippingStatsColumns": "hour,score",
        "sentiment.contract": "1.0",
    }
    assert found.metadata().partition_columns == ["date", "platform", "window"]
    assert {f.name for f in found.schema().fields if f.nullable} == {"score", "note"}


def test_fingerprints_come_back_before_and_after_checkpoints(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_CHECKPOINT_EVERY", 4)
    table = lake.table(NOTES)
    assert table.fingerprint(partition()) is None
    windows = ["0200", "0400", "0600", "0200", "0800", "0400"]
    for number, window in enumerate(windows):
        with table.begin([partition(window)], "run") as replacement:
            replacement.write(partition(window), [notes(1)])
            replacement.commit(fingerprints={table.key_of(partition(window)): 2**62 + number})
    checkpoints = [o.path for o in lake.objects.list(table.root) if "checkpoint.parquet" in o.path]
    assert [path.rpartition("/")[2] for path in checkpoints] == [f"{4:020}.checkpoint.parquet"]

    asked = [partition(window) for window in ("0200", "0400", "0600", "0800")]
    asked.append(partition("0600", "2026-11-24"))
    expected = [2**62 + 3, 2**62 + 5, 2**62 + 2, 2**62 + 4, None]
    assert [*table.fingerprints(asked).values()] == expected
    log = DeltaTable(table.uri, storage_options=dict(lake.location.storage_options))
    ids = [table.path_of(table.key_of(where)) for where in asked]
    assert [log.transaction_version(app_id) for app_id in ids] == expected


def test_a_partition_without_a_given_fingerprint_gets_a_fresh_one(table: Table) -> None:
    seen = set()
    for _ in range(3):
        put(table, {"0800": 1})
        seen.add(table.fingerprint(partition()))
    assert len(seen) == 3


def test_partition_sizes_come_from_the_log(table: Table) -> None:
    started = dt.datetime.now(dt.timezone.utc)
    put(table, {"1000": 4, "0800": 3})
    sizes = table.partition_sizes()
    assert sizes.select("window", "rows", "files").rows() == [("0800", 3, 1), ("1000", 4, 1)]
    stored = {
        o.path.split("/")[4]: o.size
        for o in table.lake.objects.list(f"{table.root}/date=2026-11-23")
    }
    assert dict(sizes.select("window", "bytes").rows()) == {
        key.removeprefix("window="): size for key, size in stored.items()
    }
    assert sizes.schema["date"] == pl.Date
    age = sizes["modified_at"].min() - started  # type: ignore[operator]
    assert dt.timedelta(seconds=-1) < age < dt.timedelta(seconds=60)


def test_the_log_says_which_run_committed_what(table: Table) -> None:
    with table.begin([partition()], "run-7") as replacement:
        replacement.write(partition(), [notes(1)])
        replacement.commit(metadata={"recipe": "abc123", "run_id": "not this one"})
    entry = DeltaTable(table.uri).history(1)[0]
    assert entry["recipe"] == "abc123"
    assert entry["run_id"] == "run-7"
    assert entry["contract"] == "silver/notes 1.0"


def test_rows_go_into_row_groups_and_files_of_bounded_size(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "ROW_GROUP_ROWS", 100)
    monkeypatch.setattr(files, "FILE_BYTES", 4_000)
    with table.begin([partition()], "run") as replacement:
        batches = (notes(70, start=70 * number) for number in range(20))
        replacement.write(partition(), batches)
        replacement.write(partition(), [notes(5, start=5_000)])
        commit = replacement.commit()
    assert commit.rows == 1_405
    assert commit.files > 2
    assert table.scan().collect()["note_id"].n_unique() == 1_405
    groups = [
        pa.parquet.ParquetFile(Path(table.lake.location.uri, o.path)).metadata.row_group(0).num_rows
        for o in table.lake.objects.list(f"{table.root}/date=2026-11-23")
    ]
    assert max(groups) == 100


def test_every_kind_of_batch_is_taken(table: Table) -> None:
    frame = notes(2)
    arrow = notes(2, start=10).to_arrow()
    record = notes(2, start=20).to_arrow().combine_chunks().to_batches()[0]
    narrow = notes(2, start=30).with_columns(pl.col("count").cast(pl.Int16))
    shuffled = notes(2, start=40).select(reversed(frame.columns))
    partitioned = notes(2, start=50).with_columns(
        date=dt.date(2026, 11, 23), platform=pl.lit("x"), window=pl.lit("0800")
    )
    with table.begin([partition()], "run") as replacement:
        replacement.write(partition(), [frame, arrow, record, narrow, shuffled, partitioned])
        assert replacement.commit().rows == 12
    assert table.scan().collect()["note_id"].n_unique() == 12


def test_a_table_pickles(table: Table) -> None:
    put(table, {"0800": 3})
    assert content(pickle.loads(pickle.dumps(table))) == {"0800": (3, 0)}


def test_a_folder_with_unusual_letters_holds_a_lake(tmp_path: Path) -> None:
    location = LakeLocation(str(tmp_path / "Zoë's [new] #1? lake+*"), "simulated")
    table = Lake.open(location).table(NOTES)
    put(table, {"0800": 3}, mark=1)
    put(table, {"0800": 4}, mark=2)
    assert content(table) == {"0800": (4, 2)}


def test_a_nullable_addition_migrates_by_itself(table: Table) -> None:
    put(table, {"0800": 3, "1000": 4})
    place = Column("place", pa.string(), "Country.")
    newer = replace(NOTES, version="1.1", columns=(*NOTES.columns[:5], place, *NOTES.columns[5:]))
    migrated = table.lake.table(newer)
    # Before the first commit of the new contract, readers see nulls.
    assert migrated.scan().collect()["place"].null_count() == 7
    with migrated.begin([partition("0800")], "run") as replacement:
        replacement.write(partition("0800"), [notes(5).with_columns(place=pl.lit("za"))])
        replacement.commit()
    rows = migrated.scan().collect()
    assert rows.columns == newer.schema.names
    assert rows.group_by("window", "place").len().sort("window").rows() == [
        ("0800", "za", 5),
        ("1000", None, 4),
    ]


def test_statistics_taken_off_the_contract_leave_the_tables_settings(table: Table) -> None:
    put(table, {"0800": 3})
    table.lake.table(replace(NOTES, statistics=("hour",))).begin([partition()], "run")
    configuration = DeltaTable(table.uri).metadata().configuration
    assert configuration["delta.dataSkippingStatsColumns"] == "hour"


def test_the_table_says_which_contract_it_was_brought_to(table: Table) -> None:
    assert table.contract_version is None
    put(table, {"0800": 3})
    assert table.contract_version == "1.0"
    newer = table.lake.table(replace(NOTES, version="1.10"))
    newer.begin([partition()], "run")
    assert newer.contract_version == "1.10"
    # While one version of the program takes over from another, the older one writes still.
    version = table.version
    put(table, {"1000": 3})
    assert table.contract_version == "1.10"
    assert table.version == (version or 0) + 1


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (NOTES.columns[:-1], "note differ"),
        ((*NOTES.columns, Column("place", pa.string(), "Country.", True)), "place differ"),
        ((*NOTES.columns[:-1], Column("note", pa.int64(), "Text.")), "note differ"),
        ((*NOTES.columns[:-1], Column("note", pa.string(), "Text.", True)), "note differ"),
    ],
)
def test_an_incompatible_contract_is_refused(table: Table, columns, told: str) -> None:
    put(table, {"0800": 3})
    other = table.lake.table(replace(NOTES, version="2.0", columns=columns))
    with pytest.raises(ContractViolation, match=told):
        other.begin([partition()], "run")


@pytest.mark.parametrize(
    ("partitions", "run_id"),
    [
        ([], "run"),
        ([{"date": "2026-11-23"}], "run"),
        ([{**partition(), "hour": "08"}], "run"),
        ([partition("../../x")], "run"),
        ([partition("a/b")], "run"),
        ([partition("")], "run"),
        ([partition()], "../run"),
        ([partition()], ""),
    ],
)
def test_what_cannot_be_a_path_is_refused(table: Table, partitions, run_id: str) -> None:
    with pytest.raises(ValueError, match=r"notes|run id"):
        table.begin(partitions, run_id)
    assert not table.exists()


WINDOWS = ["0000", "0200", "0400"]


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(
        st.dictionaries(st.sampled_from(WINDOWS), st.integers(0, 4), min_size=1), max_size=5
    )
)
def test_any_sequence_of_replacements_equals_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, steps: list[dict[str, int]]
) -> None:
    table = Lake.open(LakeLocation(str(tmp_path_factory.mktemp("lake")), "simulated")).table(NOTES)
    model: dict[str, tuple[int, int]] = {}
    for mark, step in enumerate(steps):
        put(table, step, mark=mark)
        model |= {window: (count, mark) for window, count in step.items()}
        model = {window: rows for window, rows in model.items() if rows[0]}
    assert content(table) == model


def test_a_thread_reads_the_log_once_and_sees_what_others_commit(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, read = lake.table(NOTES), list[str]()
    put(table, {"0800": 3}, mark=1)

    def anew(one: Table) -> DeltaTable | None:
        read.append(one.root)
        return opening(one)

    opening = Table._open_anew
    monkeypatch.setattr(Table, "_open_anew", anew)
    for mark in range(2, 6):
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(put, table, {"0800": mark}, mark=mark).result()
        assert content(lake.table(NOTES)) == {"0800": (mark, mark)}
        assert table.partition_sizes()["rows"].to_list() == [mark]
    # Each of the writers pins a table of its own; the first read here is the only other.
    assert len(read) == 4 + 1


def test_a_table_that_was_moved_away_is_not_read_on(disk_lake: Lake) -> None:
    table = disk_lake.table(NOTES)
    folder = Path(disk_lake.location.uri) / table.root
    for mark in range(4):
        put(table, {"0800": 3}, mark=mark)
    assert content(table) == {"0800": (3, 3)}
    moved = folder.rename(folder.with_name("moved"))
    assert not table.exists()
    put(table, {"1000": 2}, mark=9)
    assert content(table) == {"1000": (2, 9)}
    shutil.rmtree(folder)
    moved.rename(folder)
    assert content(table) == {"0800": (3, 3)}


def test_a_moment_that_is_kept_stays_as_it_was(lake: Lake) -> None:
    table = lake.table(NOTES)
    put(table, {"0800": 3}, mark=1)
    then = table.as_of_now()
    assert content(then) == {"0800": (3, 1)}
    put(table, {"0800": 4}, mark=2)
    assert content(table) == {"0800": (4, 2)}
    assert content(then) == {"0800": (3, 1)}
