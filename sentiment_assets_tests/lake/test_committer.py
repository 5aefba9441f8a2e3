"""Each check of the committer, with what it is there to catch."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction, RemoveAction

from sentiment_assets.core.contracts import Column
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets.lake.tables import (
    AuditFailed,
    Commit,
    CommitConflict,
    ContractViolation,
    OutcomeUnknown,
    Replacement,
    StagedFileError,
    StagedPartition,
    Table,
)
from sentiment_assets_tests.lake.example_table import NOTES, SECRET, notes, partition

HERE = "date=2026-11-23/platform=x/window=0800"


def put(table: Table, window: str = "0800", rows: int = 3, mark: int = 0) -> Commit:
    with table.begin([partition(window)], "run") as replacement:
        replacement.write(partition(window), [notes(rows, start=int(window), mark=mark)])
        return replacement.commit()


def stored(table: Table) -> list[str]:
    objects = table.lake.objects.list(table.root)
    return [o.path.removeprefix(f"{table.root}/") for o in objects if o.path.endswith(".parquet")]


def log_bytes(table: Table) -> bytes:
    """Every byte of the log: commits, and checkpoints with their pages unpacked."""
    found = b""
    for entry in table.lake.objects.list(f"{table.root}/_delta_log"):
        data = table.lake.objects.get(entry.path)
        if entry.path.endswith(".parquet"):
            data = str(pq.read_table(pa.BufferReader(data)).to_pylist()).encode()
        found += data
    return found


def foreign_file(table: Table, rows: pa.Table | pl.DataFrame, **options: Any) -> str:
    """A file as another engine would leave it in the partition's folder; returns its path."""
    path = f"{HERE}/part-{len(stored(table))}.snappy.parquet"
    target = Path(table.lake.location.uri, table.root, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(rows, pl.DataFrame):
        rows = rows.to_arrow().cast(NOTES.file_schema)
    pq.write_table(rows, target, **options)
    return path


# Rows that break the contract


NAIVE = dt.datetime(2026, 11, 23, 8)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f.drop("note"), "columns missing: note"),
        (lambda f: f.with_columns(extra=pl.lit(1)), "unknown or repeated: extra"),
        (lambda f: f.with_columns(note_id=pl.lit(None, pl.String)), "note_id is required"),
        (lambda f: f.with_columns(count=pl.lit("7")), "count is .*string.* says int32"),
        (lambda f: f.with_columns(count=pl.lit(7.0)), "count is double, the contract says int32"),
        (lambda f: f.with_columns(count=pl.lit(7_123_456_789)), "count holds values"),
        (lambda f: f.with_columns(score=pl.lit(1)), "score is int32, the contract says double"),
        (lambda f: f.with_columns(hour=pl.lit(NAIVE)), r"hour is timestamp\[us\], the contract"),
        (lambda f: f.with_columns(tags=pl.lit("a")), "tags is .*string"),
        (lambda f: f.with_columns(tags=pl.lit([1])), "tags is .*list"),
        (lambda f: f.with_columns(window=pl.lit("1000")), "window holds rows of another"),
        (lambda f: f.with_columns(window=pl.lit(None, pl.String)), "window holds rows of another"),
        (lambda f: f.with_columns(date=pl.lit(7)), "date holds rows of another"),
    ],
)
def test_rows_that_break_the_contract_are_refused(
    table: Table, change: Callable[[pl.DataFrame], pl.DataFrame], told: str
) -> None:
    put(table, mark=1)
    with (
        pytest.raises(ContractViolation, match=told) as caught,
        table.begin([partition()], "run") as replacement,
    ):
        replacement.write(partition(), [notes(2, start=50), change(notes(2))])
    assert "silver/notes, partition 2026-11-23/x/0800" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "7123456789" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    # The table and its folder are as they were.
    assert len(stored(table)) == 1
    assert table.scan().collect()["count"].unique().to_list() == [1]


# Files that break the contract


def column_as(name: str, kind: pa.DataType, value: Any) -> pa.Table:
    table = notes(2).to_arrow().cast(NOTES.file_schema)
    place = table.schema.get_field_index(name)
    return table.set_column(place, name, pa.array([value, value], kind))


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (notes(2).drop("note").to_arrow(), "columns missing: note; not in silver/notes: none"),
        (notes(2).with_columns(x=1).to_arrow(), "columns missing: none; not in silver/notes: x"),
        (notes(2).with_columns(window=pl.lit("0800")).to_arrow(), "not in silver/notes: window"),
        (column_as("count", pa.int64(), 1), "count is int64, silver/notes says int32"),
        (column_as("hour", pa.timestamp("us"), NAIVE), r"hour is timestamp\[us\], silver/notes"),
        (column_as("hour", pa.timestamp("ms", "UTC"), NAIVE), r"hour is timestamp\[ms, tz=UTC\]"),
        (column_as("tags", pa.list_(pa.int32()), [1]), "tags is list"),
        (column_as("note", pa.binary(), b"x"), "note is binary"),
        (column_as("note_id", pa.string(), None), r"columns hold nulls: note_id \(2 rows\)"),
    ],
)  # fmt: skip
def test_a_file_of_another_schema_is_refused(table: Table, rows: pa.Table, told: str) -> None:
    put(table, mark=1)
    replacement = table.begin([partition()], "run")
    replacement.add_file(partition(), foreign_file(table, rows))
    with pytest.raises(ContractViolation, match=told):
        replacement.commit()
    assert table.version == 1
    assert len(stored(table)) == 1


def test_a_file_that_another_engine_wrote_is_taken(table: Table) -> None:
    # Spark declares every column optional and names list elements its own way.
    fields = [f.with_nullable(True) for f in NOTES.file_schema]
    rows = notes(4).to_arrow().cast(pa.schema(fields))
    path = foreign_file(table, rows, compression="snappy", store_schema=False)
    big = foreign_file(table, notes(2, start=9), store_schema=False, row_group_size=1)
    with table.begin([partition()], "run") as replacement:
        replacement.add_file(partition(), path)
        replacement.add_file(partition(), big)
        commit = replacement.commit()
    assert (commit.rows, commit.files) == (6, 2)
    assert table.scan().collect()["note_id"].n_unique() == 6


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def truncate_and_pad(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:-20] + b"\0" * 20)


def damage_the_middle(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4:400] = b"\xff" * 396
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (Path.unlink, "was staged and is gone"),
        (truncate, r"has \d+ bytes, \d+ were staged"),
        (truncate_and_pad, "is not a whole Parquet file"),
        (damage_the_middle, "is not readable as Parquet"),
        (lambda path: path.write_bytes(b""), "has 0 bytes"),
    ],
)
def test_a_damaged_file_is_refused(table: Table, harm: Callable[[Path], object], told: str) -> None:
    put(table, mark=1)
    before = stored(table)
    replacement = table.begin([partition()], "run")
    replacement.write(partition(), [notes(200, mark=2)])
    (staged,) = set(stored(table)) - set(before)
    harm(Path(table.lake.location.uri, table.root, staged))
    with pytest.raises(StagedFileError, match=told):
        replacement.commit()
    assert (table.version, stored(table)) == (1, before)
    assert table.scan().collect()["count"].unique().to_list() == [1]


def test_an_empty_or_foreign_object_is_no_parquet_file(table: Table) -> None:
    for content in (b"", b"PAR1", b"not parquet at all"):
        table.lake.objects.put(f"{table.root}/{HERE}/x.parquet", content)
        replacement = table.begin([partition()], "run")
        replacement.add_file(partition(), f"{HERE}/x.parquet")
        with pytest.raises(StagedFileError, match="not a whole Parquet file"):
            replacement.commit()


# Partitions and paths


def test_a_partition_that_was_not_named_is_refused(table: Table) -> None:
    replacement = table.begin([partition("0800")], "run")
    for refused in (
        lambda: replacement.write(partition("1000"), [notes(1)]),
        lambda: replacement.add_file(
            partition("1000"), HERE.replace("0800", "1000") + "/a.parquet"
        ),
    ):
        with pytest.raises(ContractViolation, match="window=1000 was not named"):
            refused()


@pytest.mark.parametrize(
    "path",
    [
        "date=2026-11-23/platform=x/window=1000/a.parquet",
        f"{HERE}/deeper/a.parquet",
        f"{HERE}/../window=0800/a.parquet",
        f"/{HERE}/a.parquet",
        f"s3://elsewhere/{HERE}/a.parquet",
        "a.parquet",
        f"{HERE}/",
        f"{HERE}/a b.parquet",
    ],
)
def test_a_file_outside_its_partition_is_refused(table: Table, path: str) -> None:
    replacement = table.begin([partition("0800"), partition("1000")], "run")
    with pytest.raises(StagedFileError, match="is not a file of"):
        replacement.add_file(partition("0800"), path)


def test_a_file_that_does_not_exist_is_refused(table: Table) -> None:
    replacement = table.begin([partition()], "run")
    with pytest.raises(StagedFileError, match="does not exist"):
        replacement.add_file(partition(), f"{HERE}/nothing.parquet")


@pytest.mark.parametrize(
    "fingerprints",
    [{("2026-11-23", "x", "1000"): 1}, {("2026-11-23", "x", "0800"): -1},
     {("2026-11-23", "x", "0800"): 2**63}],
)  # fmt: skip
def test_a_fingerprint_that_cannot_be_recorded_is_refused(
    table: Table, fingerprints: dict[tuple[str, ...], int]
) -> None:
    replacement = table.begin([partition()], "run")
    with pytest.raises(ValueError, match="fingerprint"):
        replacement.commit(fingerprints=fingerprints)


# Statistics


def test_no_text_reaches_the_log(table: Table) -> None:
    put(table)
    rows = notes(3, start=50, note=f"{SECRET} zzz")
    with table.begin([partition("1000")], "run") as replacement:
        replacement.write(partition("1000"), [rows])
        replacement.commit()
    # Another engine's file brings smallest and largest texts in its own footer.
    path = foreign_file(table, notes(4, start=90))
    with table.begin([partition()], "run") as replacement:
        replacement.add_file(partition(), path)
        replacement.commit()
    found = DeltaTable(table.uri)
    found.optimize.compact()
    found.create_checkpoint()
    log = log_bytes(table)
    assert b'"minValues"' in log
    for leaked in (SECRET, "zzz", "n90", "n93"):
        assert leaked.encode() not in log, leaked


def test_statistics_that_are_handed_in_are_never_used(table: Table) -> None:
    path = foreign_file(table, notes(4))
    statistics = {"numRecords": 99, "minValues": {"note": SECRET}, "maxValues": {"hour": "1999"}}
    handed = AddAction(path, 1, partition(), 0, True, json.dumps(statistics))
    with table.begin([partition()], "run") as replacement:
        with pytest.raises(TypeError):
            replacement.add_file(partition(), path, handed.stats)  # type: ignore[call-arg]
        replacement.add_file(partition(), handed.path)
        replacement.commit()
    assert SECRET.encode() not in log_bytes(table)
    assert table.partition_sizes()["rows"].to_list() == [4]


@pytest.mark.parametrize("column", ["note", "note_id", "tags", "window"])
def test_a_contract_cannot_allow_text_or_pseudonyms_into_the_log(
    disk_lake: Lake, column: str
) -> None:
    with pytest.raises(ContractViolation, match=f"statistics of {column} may not stand in the log"):
        disk_lake.table(replace(NOTES, statistics=("hour", column)))


HOUR = dt.datetime(2026, 11, 23, 8, tzinfo=dt.timezone.utc)


@pytest.mark.parametrize(
    ("hours", "scores", "low", "high", "nulls"),
    [
        ([HOUR, HOUR + dt.timedelta(hours=1)], [0.5, -1.0],
         {"hour": "2026-11-23T08:00:00.000Z", "score": -1.0},
         {"hour": "2026-11-23T09:00:00.000Z", "score": 0.5}, 0),
        # Milliseconds are all that the log keeps: bounds widen.
        ([HOUR + dt.timedelta(microseconds=1_001)] * 2, [0.0, None],
         {"hour": "2026-11-23T08:00:00.001Z", "score": 0.0},
         {"hour": "2026-11-23T08:00:00.002Z", "score": 0.0}, 1),
        ([HOUR] * 2, [math.nan, 0.5], {"hour": "2026-11-23T08:00:00.000Z"},
         {"hour": "2026-11-23T08:00:00.000Z"}, 0),
        ([HOUR] * 2, [math.inf, 0.5], {"hour": "2026-11-23T08:00:00.000Z"},
         {"hour": "2026-11-23T08:00:00.000Z"}, 0),
        ([HOUR] * 2, [None, None], {"hour": "2026-11-23T08:00:00.000Z"},
         {"hour": "2026-11-23T08:00:00.000Z"}, 2),
    ],
)  # fmt: skip
def test_statistics_bound_what_the_file_holds(
    table: Table, hours: list[Any], scores: list[Any], low: Any, high: Any, nulls: int
) -> None:
    rows = notes(2).with_columns(
        hour=pl.Series(hours, dtype=pl.Datetime("us", "UTC")),
        score=pl.Series(scores, dtype=pl.Float64),
    )
    with table.begin([partition()], "run") as replacement:
        replacement.write(partition(), [rows])
        replacement.commit()
    log = Path(table.uri, "_delta_log", f"{1:020}.json").read_text().splitlines()
    (added,) = [json.loads(line)["add"] for line in log if line.startswith('{"add"')]
    assert json.loads(added["stats"]) == {
        "numRecords": 2,
        "minValues": low,
        "maxValues": high,
        "nullCount": {"hour": 0, "score": nulls},
    }
    assert table.scan().filter(pl.col("hour") >= hours[0]).collect().height == 2


def test_a_long_string_is_no_code_and_stays_out_of_the_log(disk_lake: Lake) -> None:
    kinds = replace(NOTES.column("note"), name="kind", privacy="none")
    contract = replace(
        NOTES, name="silver/kinds", statistics=("kind",), columns=(*NOTES.columns, kinds)
    )
    table = disk_lake.table(contract)
    for window, kind in (("0800", "short_code"), ("1000", "long " * 20)):
        with table.begin([partition(window)], "run") as replacement:
            rows = notes(1, start=int(window)).with_columns(kind=pl.lit(kind))
            replacement.write(partition(window), [rows])
            replacement.commit()
    assert b"short_code" in log_bytes(table)
    assert b"long long" not in log_bytes(table)


# Audits


@pytest.mark.parametrize("second", ["0800", "1000"])
def test_a_repeated_key_is_refused(table: Table, second: str) -> None:
    put(table, mark=1)
    replacement = table.begin([partition("0800"), partition("1000")], "run")
    replacement.write(partition("0800"), [notes(10, mark=2)])
    # n9, and the platform, stand in the first writing as well.
    replacement.write(partition(second), [notes(10, start=9, mark=2)])
    with pytest.raises(AuditFailed, match=r"1 rows repeat a key \(platform, note_id\)") as caught:
        replacement.commit()
    assert "n9" not in str(caught.value)
    assert len(stored(table)) == 1
    assert table.scan().collect()["count"].unique().to_list() == [1]


def test_a_key_of_partition_columns_allows_one_row(disk_lake: Lake) -> None:
    table = disk_lake.table(replace(NOTES, key=("date", "platform", "window")))
    put(table, rows=1)
    with pytest.raises(AuditFailed, match="1 rows repeat a key"):
        put(table, rows=2)


def test_an_audit_sees_every_partition_before_it_is_committed(table: Table) -> None:
    put(table, "0800", mark=1)
    seen: list[StagedPartition] = []
    sums: list[int] = []
    with table.begin([partition("0800"), partition("1000")], "run") as replacement:
        replacement.write(partition("0800"), [notes(4, mark=2)])
        replacement.commit(
            audit=[seen.append, lambda s: sums.append(s.scan().collect()["count"].sum())]
        )
    assert [(s.key, s.path, s.rows, s.files) for s in seen] == [
        (("2026-11-23", "x", "0800"), HERE, 4, 1),
        (("2026-11-23", "x", "1000"), HERE.replace("0800", "1000"), 0, 0),
    ]
    assert sums == [8, 0]


@pytest.mark.parametrize("error", [AuditFailed, ZeroDivisionError, KeyboardInterrupt])
def test_a_failed_audit_commits_nothing_and_leaves_no_file(
    table: Table, error: type[BaseException]
) -> None:
    put(table, mark=1)
    before = stored(table)

    def audit(staged: StagedPartition) -> None:
        assert len(stored(table)) == 2
        raise error("3 records in, 2 rows out")

    replacement = table.begin([partition()], "run")
    replacement.write(partition(), [notes(2, mark=2)])
    with pytest.raises(error):
        replacement.commit(audit=audit)
    assert (table.version, stored(table)) == (1, before)


def test_a_computation_that_fails_leaves_no_file(table: Table) -> None:
    def rows() -> Any:
        yield notes(2)
        raise OSError("bronze is gone")

    def compute() -> None:
        with table.begin([partition()], "run") as replacement:
            replacement.write(partition(), [notes(2, start=9)])
            replacement.write(partition(), rows())

    with pytest.raises(OSError, match="bronze"):
        compute()
    assert stored(table) == []


# Conflicts


def delete_rows(table: Table) -> None:
    DeltaTable(table.uri).delete("note_id = 'n800'")


def compact(table: Table) -> None:
    DeltaTable(table.uri).optimize.compact()


def append(table: Table) -> None:
    path = foreign_file(table, notes(1, start=70))
    size = Path(table.uri, path).stat().st_size
    found = DeltaTable(table.uri)
    found.create_write_transaction(
        [AddAction(path, size, partition(), 0, True, "{}")],
        "append", found.schema(), ["date", "platform", "window"],
    )  # fmt: skip


def remove(table: Table) -> None:
    # Some writers don't say which partition they remove a file from.
    found = DeltaTable(table.uri)
    (path,) = stored(table)
    found.create_write_transaction(
        [RemoveAction(path, True, 0)],
        "append", found.schema(), ["date", "platform", "window"],
    )  # fmt: skip


def empty_it(table: Table) -> None:
    table.begin([partition()], "other").commit()


@pytest.mark.parametrize("change", [put, empty_it, delete_rows, append])
@pytest.mark.parametrize("rows", [3, 0])
def test_a_change_after_begin_is_a_conflict(
    table: Table, change: Callable[[Table], object], rows: int
) -> None:
    put(table)
    replacement = table.begin([partition()], "mine")
    if rows:
        replacement.write(partition(), [notes(rows, mark=9)])
    change(table)
    version = table.version
    with pytest.raises(CommitConflict, match=r"run mine pinned version 1.*run the computation"):
        replacement.commit()
    assert table.version == version
    assert 9 not in table.scan().collect()["count"]
    assert not [path for path in stored(table) if "/mine-" in path]
    # The computation, run again, wins.
    with table.begin([partition()], "again") as replacement:
        replacement.write(partition(), [notes(2, mark=8)])
        replacement.commit()
    assert table.scan().collect()["count"].to_list() == [8, 8]


def migrate(table: Table) -> None:
    added = Column("place", pa.string(), "Country.")
    newer = replace(NOTES, version="1.1", columns=(*NOTES.columns, added))
    table.lake.table(newer).begin([partition("1000")], "other")


@pytest.mark.parametrize("change", [remove, migrate])
def test_a_change_of_files_or_columns_alone_is_a_conflict(
    table: Table, change: Callable[[Table], object]
) -> None:
    put(table)
    replacement = table.begin([partition()], "mine")
    change(table)
    with pytest.raises(CommitConflict):
        replacement.commit()


def test_a_compaction_after_begin_is_a_conflict(table: Table) -> None:
    with table.begin([partition()], "run") as replacement:
        replacement.write(partition(), [notes(3)])
        replacement.write(partition(), [notes(3, start=10)])
        replacement.commit()
    replacement = table.begin([partition()], "mine")
    compact(table)
    with pytest.raises(CommitConflict):
        replacement.commit()


@pytest.mark.parametrize("raced", ["0800", "1000"])
def test_a_row_delete_that_races_with_a_replacement_fails(table: Table, raced: str) -> None:
    put(table, "1000")
    erasure = DeltaTable(table.uri)
    # Rows that the delete would have to find, in a file that it has not seen.
    put(table, raced)
    with pytest.raises(CommitFailedError, match="oncurrent"):
        erasure.delete("note_id in ('n800', 'n1000')")


def test_writers_of_other_partitions_do_not_disturb(lake: Lake) -> None:
    table = lake.table(NOTES)
    windows = ["0000", "0200", "0400", "0600", "0800", "1000"]
    pinned = {window: table.begin([partition(window)], "run") for window in windows}
    for number, (window, replacement) in enumerate(pinned.items()):
        replacement.write(partition(window), [notes(2, start=10 * number)])
    commits = [replacement.commit() for replacement in pinned.values()]
    assert [commit.version for commit in commits] == [1, 2, 3, 4, 5, 6]
    assert table.scan().collect().height == 12


def test_disjoint_writers_at_once_all_succeed(table: Table) -> None:
    def write(worker: int) -> list[int]:
        window = f"{2 * worker:02d}00"
        return [put(table, window, mark=mark).version for mark in range(8)]

    with ThreadPoolExecutor(4) as pool:
        versions = [version for done in pool.map(write, range(4)) for version in done]
    assert sorted(versions) == list(range(1, 33))
    assert table.scan().collect()["count"].unique().to_list() == [7]


def outcomes(
    table: Table, writers: int, window: str, *, rows: int = 2
) -> list[Commit | CommitConflict]:
    """Writers that all begin before the first commits, and then commit at once."""
    pinned = [table.begin([partition(window)], f"w{n}") for n in range(writers)]
    for number, replacement in enumerate(pinned):
        if rows:
            replacement.write(partition(window), [notes(rows, mark=number)])

    def commit(replacement: Replacement) -> Commit | CommitConflict:
        try:
            return replacement.commit()
        except CommitConflict as error:
            return error

    with ThreadPoolExecutor(writers) as pool:
        return [*pool.map(commit, pinned)]


@pytest.mark.parametrize("rows", [2, 0])
def test_one_of_racing_writers_wins_an_empty_partition(table: Table, rows: int) -> None:
    for round_ in range(12):
        window = f"{round_:04d}"
        done = outcomes(table, 3, window, rows=rows)
        won = [n for n, outcome in enumerate(done) if isinstance(outcome, Commit)]
        assert len(won) == 1
        found = table.scan([partition(window)]).collect()["count"].to_list()
        assert found == won * rows


def test_one_of_racing_writers_wins_on_s3(s3_lake: Lake) -> None:
    table = s3_lake.table(NOTES)
    for round_ in range(3):
        done = outcomes(table, 3, f"{round_:04d}")
        assert sum(isinstance(outcome, Commit) for outcome in done) == 1
        assert table.scan([partition(f"{round_:04d}")]).collect().height == 2


def test_racing_creators_make_one_table(tmp_path: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        for round_ in range(8):
            lake = Lake.open(LakeLocation(str(tmp_path / str(round_)), "simulated"))
            table = lake.table(NOTES)

            def create(worker: int, table: Table = table) -> int:
                return put(table, f"{worker:04d}").version

            assert sorted(pool.map(create, range(6))) == [1, 2, 3, 4, 5, 6]
            assert log_bytes(table).count(b'{"metaData"') == 1
            assert table.scan().collect().height == 18


# An answer that gets lost


class LosesAnswers:
    """A table handle whose commit reaches storage, or doesn't, and then fails either way."""

    def __init__(self, real: DeltaTable, error: Exception, *, lands: bool) -> None:
        self._real, self._error, self._lands = real, error, lands

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def create_write_transaction(self, *args: Any, **options: Any) -> None:
        if self._lands:
            self._real.create_write_transaction(*args, **options)
        raise self._error


def test_a_commit_whose_answer_is_lost_stands(table: Table) -> None:
    put(table, mark=1)
    for error in (OSError("connection reset"), KeyboardInterrupt()):
        replacement = table.begin([partition()], "run")
        replacement.write(partition(), [notes(3, mark=2)])
        replacement._pinned = LosesAnswers(replacement._pinned, error, lands=True)
        if isinstance(error, Exception):
            assert replacement.commit().version == 2
        else:
            with pytest.raises(KeyboardInterrupt), replacement:
                replacement.commit()
        assert table.scan().collect()["count"].to_list() == [2, 2, 2]


class TriesAgain(LosesAnswers):
    """A handle that finds the next version taken, and lands its commit at the one after."""

    def create_write_transaction(self, *args: Any, **options: Any) -> None:
        put(self.table, "1000")
        options["commit_properties"].max_commit_retries = 5
        self._real.create_write_transaction(*args, **options)


def test_a_commit_that_lands_later_than_meant_stands(table: Table) -> None:
    put(table, mark=1)
    replacement = table.begin([partition("1200")], "run")
    replacement.write(partition("1200"), [notes(3, start=1200, mark=2)])
    handle = TriesAgain(replacement._pinned, OSError(), lands=True)
    handle.table = table
    replacement._pinned = handle  # type: ignore[assignment]
    assert replacement.commit().version == 3
    assert table.scan([partition("1200")]).collect()["count"].to_list() == [2, 2, 2]


def test_a_failure_of_storage_keeps_the_staged_files(table: Table) -> None:
    put(table, mark=1)
    replacement = table.begin([partition()], "mine")
    replacement.write(partition(), [notes(3, mark=2)])
    reset = OSError("connection reset")
    replacement._pinned = LosesAnswers(replacement._pinned, reset, lands=False)
    with pytest.raises(OutcomeUnknown, match="Run the job again"), replacement:
        replacement.commit()
    # Were the commit still under way, it would need them.
    assert [path for path in stored(table) if "/mine-" in path]
    assert table.scan().collect()["count"].unique().to_list() == [1]
    put(table, mark=3)
    assert table.scan().collect()["count"].unique().to_list() == [3]


def test_a_checkpoint_that_fails_leaves_the_commit(
    table: Table, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sentiment_assets.lake.tables._CHECKPOINT_EVERY", 1)
    with table.begin([partition()], "run") as replacement:
        replacement.write(partition(), [notes(3)])
        # Where the checkpoint belongs lies a folder.
        Path(table.uri, "_delta_log", f"{1:020}.checkpoint.parquet").mkdir()
        assert replacement.commit().version == 1
    assert "no checkpoint at version 1" in caplog.text
    assert table.scan().collect().height == 3


# Encryption


def test_every_object_on_s3_is_encrypted_with_the_key(
    s3_lake: Lake, s3_endpoint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sentiment_assets.lake.tables._CHECKPOINT_EVERY", 2)
    s3_lake.objects.put("bronze/a.jsonl.gz", b"raw")
    with s3_lake.objects.open_writer("bronze/big") as upload:
        for _ in range(12):
            upload.write(b"x" * 2**20)
    table = s3_lake.table(NOTES)
    put(table)
    put(table, "1000")
    assert table.scan().collect().height == 6

    bucket = s3_lake.location.uri.split("/")[2]
    keys = [o["Key"] for o in s3_endpoint.client.list_objects_v2(Bucket=bucket)["Contents"]]
    kinds = {key.rpartition("/")[2].partition(".")[2] for key in keys}
    assert {"json", "jsonl.gz", "parquet", "checkpoint.parquet"} <= kinds
    options = s3_endpoint.storage_options
    for key in keys:
        head = s3_endpoint.client.head_object(Bucket=bucket, Key=key)
        assert head["ServerSideEncryption"] == "aws:kms", key
        assert head["SSEKMSKeyId"] == options["AWS_SSE_KMS_KEY_ID"], key
