"""Delta tables: the one committer, lazy pruned reads, and what the log says of each partition.

What belongs here: every commit to a table of the lake, whichever engine wrote its files. A
computation pins the table with :meth:`Table.begin` *before* it reads its inputs, stages Parquet
files partition by partition, and commits them all at once; what changed those partitions meanwhile
makes the commit fail, so that the computation is run again on fresh inputs. What rows mean is
``core``; one data file is ``files.py``.

delta-rs' ``create_write_transaction`` checks nothing of what it is handed, hence the checks here.
Start processes by spawn: a forked one can't use delta-rs.
"""

from __future__ import annotations

import datetime as dt
import io
import itertools
import json
import logging
import random
import re
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, Schema
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import (
    AddAction,
    CommitProperties,
    PostCommitHookProperties,
    RemoveAction,
    Transaction,
)

from sentiment_assets.core.contract_versions import is_later
from sentiment_assets.core.contracts import Contract
from sentiment_assets.core.layout import table_root
from sentiment_assets.lake.files import (
    ContractViolation,
    DataFile,
    StagedFileError,
    check_file,
    check_statistics,
    conform,
    facts_of,
    polars_schema,
    write_files,
)
from sentiment_assets.lake.objects import Lake, LakeError, ObjectMissing, StoredObject

if TYPE_CHECKING:
    from types import TracebackType

__all__ = [
    "Addition",
    "AuditFailed",
    "Commit",
    "CommitConflict",
    "ContractViolation",
    "Log",
    "OutcomeUnknown",
    "Partition",
    "PartitionKey",
    "PartitionRows",
    "PartitionWriter",
    "Replacement",
    "StagedFileError",
    "StagedPartition",
    "Table",
]

log = logging.getLogger(__name__)

#: Partition columns and their values as Hive paths spell them.
Partition = Mapping[str, str]
#: The values of a partition, in the order of the contract's partition columns.
PartitionKey = tuple[str, ...]

# Six writers of disjoint partitions lost 5 of 960 commits at delta-rs' default of 15 retries.
_COMMIT_ATTEMPTS = 200
# Opening a table reads every commit since the last checkpoint.
_CHECKPOINT_EVERY = 25
#: For so long a thread goes on with a table that it has opened.
_LATELY_S = 60.0
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9_.-]+")
#: Stands in the log for the one partition of a table without partition columns.
_WHOLE = "table"
_CLASSIC_CHECKPOINT = re.compile(r"_delta_log/(\d{20})\.checkpoint\.parquet$")
_COMMIT_FILE = re.compile(r"_delta_log/(\d{20})\.json$")
#: Table property: the newest contract version that the table was brought to.
CONTRACT_PROPERTY = "sentiment.contract"


class CommitConflict(LakeError):
    """The partitions changed after the computation began; it has to be run again."""


class OutcomeUnknown(LakeError):
    """Storage failed during a commit, and then told nothing of it either way."""


class AuditFailed(LakeError):
    """Staged rows failed an audit; nothing was committed."""


@dataclass(frozen=True)
class Commit:
    """One commit: the table's version, what it holds now of the replaced partitions."""

    version: int
    rows: int
    bytes: int
    files: int
    replaced_files: int


@dataclass(frozen=True)
class Log:
    """The entries of a table's log: commits and checkpoints by version, and whatever lies there."""

    commits: Mapping[int, StoredObject]
    checkpoints: Mapping[int, StoredObject]
    entries: tuple[StoredObject, ...]


@dataclass(frozen=True)
class StagedPartition:
    """What is about to become one partition; an audit reads it and raises :class:`AuditFailed`."""

    key: PartitionKey
    path: str
    rows: int
    files: int
    bytes: int
    _table: Table
    _paths: tuple[str, ...]

    def scan(self) -> pl.LazyFrame:
        """The staged rows, lazily, partition columns included."""
        return self._table._scan_files(self._paths)


Audit = Callable[[StagedPartition], None]


class Table:
    """One Delta table of a lake. Cheap, pickles; nothing is opened before it is needed."""

    def __init__(self, lake: Lake, contract: Contract) -> None:
        check_statistics(contract)
        self.lake = lake
        self.contract = contract
        self.root = table_root(contract.name)

    @property
    def uri(self) -> str:
        """Absolute address of the table's folder."""
        return self.lake.location.uri_of(self.root)

    @property
    def version(self) -> int | None:
        """The log's newest version; None without a table."""
        table = self._open()
        return None if table is None else int(table.version())

    @property
    def table_id(self) -> str | None:
        """The id that Delta gave the table when it was made; None without a table."""
        table = self._open()
        return None if table is None else str(table.metadata().id)

    def exists(self) -> bool:
        """The table was made."""
        return self._open() is not None

    def key_of(self, partition: Partition) -> PartitionKey:
        """The values of a whole partition in the contract's order.

        Raises:
            ValueError: a partition column is missing or unknown, or a value can't stand in a path.
        """
        columns = self.contract.partition_columns
        if set(partition) != set(columns):
            raise ValueError(
                f"{self.contract.name} is partitioned by {', '.join(columns)}; "
                f"got {', '.join(partition) or 'nothing'}"
            )
        return tuple(self._checked(name, partition[name]) for name in columns)

    def path_of(self, key: PartitionKey) -> str:
        """The folder of a partition below the table's root."""
        names = self.contract.partition_columns
        return "/".join(f"{name}={value}" for name, value in zip(names, key, strict=True))

    def id_of(self, key: PartitionKey) -> str:
        """The id of a partition's transactions in Delta's log."""
        return self.path_of(key) or _WHOLE

    def file_of(self, key: PartitionKey, name: str) -> str:
        """A file of a partition, below the table's root; of a table without partitions, there."""
        return f"{self.path_of(key)}/{name}" if key else name

    def begin(self, partitions: Sequence[Partition], run_id: str) -> Replacement:
        """Pin the table as it is now, to replace exactly these partitions; makes a missing table.

        Call it before the computation reads its inputs. A named partition that gets no rows
        becomes empty. A table without partition columns has one partition, ``{}``.

        Raises:
            ContractViolation: the table on storage was made by an incompatible contract.
            ValueError: a partition or the run id can't stand in a path.
        """
        if not partitions:
            raise ValueError(f"{self.contract.name}: name at least one partition to replace")
        _require_plain(run_id)
        keys = sorted({self.key_of(partition) for partition in partitions})
        return Replacement(self, self._current(), keys, run_id)

    def add(self, run_id: str, writer: str, number: int) -> Addition:
        """Begin to add rows to whatever partitions, once for each number of a writer.

        Args:
            run_id: named in the files and the commit.
            writer: who counts its additions; any name that no partition's path has.
            number: of this addition, larger than that of the one before.

        Raises:
            ContractViolation: the table on storage was made by an incompatible contract.
            ValueError: the run id can't stand in a path.
        """
        _require_plain(run_id)
        return Addition(self, self._current(), run_id, writer, number)

    def added(self, writer: str) -> int | None:
        """The number of a writer's newest addition; None before its first."""
        return self._transactions().get(writer)

    def scan(
        self,
        partitions: Sequence[Partition] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.LazyFrame:
        """The table's rows, lazily, from the files of its newest version.

        ``partitions`` keeps whole or partial partitions (only ``date`` and ``platform``, say) and
        opens no other file. Typed by the contract, even when there is no row or no table.

        Raises:
            ValueError: ``partitions`` names a column that the table isn't partitioned by.
        """
        table = self._open()
        paths: Sequence[str] = ()
        if table is not None:
            paths = self._files(table, partitions)["path"].to_list()
        rows = self._scan_files(paths)
        return rows if columns is None else rows.select(columns)

    def rows(self, partitions: Sequence[Partition]) -> PartitionRows:
        """What partitions hold in the newest version, for a process that reads them itself.

        Raises:
            ValueError: ``partitions`` names a column that the table isn't partitioned by.
        """
        table = self._open()
        files = () if table is None else tuple(self._files(table, partitions)["path"])
        return PartitionRows(self, files)

    def fingerprint(self, partition: Partition) -> int | None:
        """The fingerprint that a partition was last committed with; None when it never was."""
        return self.fingerprints([partition])[self.key_of(partition)]

    def fingerprints(self, partitions: Sequence[Partition]) -> dict[PartitionKey, int | None]:
        """The fingerprints of many partitions, in one reading of the log."""
        known = self._transactions()
        keys = [self.key_of(partition) for partition in partitions]
        return {key: known.get(self.id_of(key)) for key in keys}

    def partition_sizes(self, partitions: Sequence[Partition] | None = None) -> pl.DataFrame:
        """What the log says of each partition that holds rows, or of some of them.

        Columns: the partition columns, rows, bytes, files, modified_at (UTC).
        """
        table = self._open()
        return self._sizes(self._no_files() if table is None else self._files(table, partitions))

    def _sizes(self, files: pl.DataFrame) -> pl.DataFrame:
        names = list(self.contract.partition_columns)
        return (
            files.group_by(names)
            .agg(
                pl.col("rows").sum(),
                pl.col("bytes").sum(),
                pl.len().cast(pl.Int64).alias("files"),
                pl.col("modified_at").max(),
            )
            # A group of nothing is one, though empty.
            .filter(pl.col("files") > 0)
            .sort(names)
            .with_columns(
                pl.col(name).str.to_date() if kind == pl.Date else pl.col(name).cast(kind)
                for name, kind in self._partition_schema().items()
            )
        )

    def live_files(self) -> set[str]:
        """Paths, below the table's root, of the files that make up its newest version."""
        table = self._open()
        return set() if table is None else set(self._files(table)["path"])

    def log(self) -> Log:
        """What lies in the table's log now."""
        commits: dict[int, StoredObject] = {}
        checkpoints: dict[int, StoredObject] = {}
        entries = self.lake.objects.list(f"{self.root}/_delta_log")
        for entry in entries:
            if found := _COMMIT_FILE.search(entry.path):
                commits[int(found[1])] = entry
            elif found := _CLASSIC_CHECKPOINT.search(entry.path):
                checkpoints[int(found[1])] = entry
        return Log(commits, checkpoints, tuple(entries))

    def checkpoint(self) -> int | None:
        """Gather the log in a checkpoint of the newest version; returns that version.

        None where there is no table, or the newest version has a checkpoint already.
        """
        table = self._open()
        if table is None or int(table.version()) in self.log().checkpoints:
            return None
        table.create_checkpoint()
        return int(table.version())

    @property
    def contract_version(self) -> str | None:
        """The contract version that the stored table was brought to; None where it doesn't say."""
        table = self._open()
        return None if table is None else table.metadata().configuration.get(CONTRACT_PROPERTY)

    def promised_columns(self) -> dict[str, str]:
        """The contract's columns and their Delta types, with nullability."""
        return _column_types(Schema.from_arrow(self.contract.schema))

    def stored_columns(self) -> dict[str, str]:
        """The stored table's columns and their Delta types; none without a table."""
        table = self._open()
        return {} if table is None else _column_types(table.schema())

    def as_of_now(self) -> Table:
        """The table as it is now, for many reads: opened and listed once, and never committed to.

        It is not kept for longer than a step: what was replaced may be removed after a time.
        """
        return _TableAsOf(self.lake, self.contract)

    def as_of(self, version: int) -> Table:
        """The table as it was at a version that its history still has; for reading only."""
        return _TableAsOf(self.lake, self.contract, version)

    # The log

    @property
    def _options(self) -> dict[str, str] | None:
        location = self.lake.location
        return location.options_of(self.root) if location.is_s3 else None

    def _open(self) -> DeltaTable | None:
        """The table at its newest version, for a read that is over before the next one begins.

        What this thread opened lately is brought up to date: to read the whole log of a year's
        table takes twenty times as long.
        """
        lately = _opened_lately()
        opened = lately.pop(self.uri, None)
        if opened is not None and opened.is_still(self):
            with self.lake.objects.access("read", self.root):
                opened.table.update_incremental()
            opened = opened.at_version_of(self)
        else:
            table = self._open_anew()
            if table is None:
                return None
            opened = _Opened(table, time.monotonic(), -1, None).at_version_of(self)
        lately[self.uri] = opened
        return opened.table

    def _open_anew(self) -> DeltaTable | None:
        """The table at its newest version, for whoever keeps it: it is nobody else's."""
        try:
            # delta-rs takes a folder that it may not enter for no table: nobody should read that
            # as a table without rows.
            with self.lake.objects.access("read", self.root):
                return DeltaTable(self.uri, storage_options=self._options)
        except TableNotFoundError:
            return None

    def _current(self) -> DeltaTable:
        """The table, made or migrated to the contract, at its newest version."""
        table = self._open_anew()
        if table is None:
            table = self._create()
        # Another writer may migrate at the same moment: look again at what stands there then.
        for _ in range(5):
            if not self._migrate(table):
                return table
            table = DeltaTable(self.uri, storage_options=self._options)
        raise CommitConflict(f"{self.root} keeps changing its columns; run the job again")

    def _create(self) -> DeltaTable:
        try:
            DeltaTable.create(
                self.uri,
                schema=self.contract.schema,
                mode="error",
                partition_by=list(self.contract.partition_columns),
                name=self.contract.name,
                description=self.contract.description,
                configuration=self._configuration(),
                # The contract's version is no property that Delta knows.
                raise_if_key_not_exists=False,
                storage_options=self._options,
                # A creator that may retry makes the table once more on top of the other's.
                commit_properties=CommitProperties(max_commit_retries=0),
            )
        except DeltaError:
            # Whoever created it first made the same table.
            if self._open() is None:
                raise
        return DeltaTable(self.uri, storage_options=self._options)

    def _configuration(self) -> dict[str, str]:
        version = {CONTRACT_PROPERTY: self.contract.version}
        # Without this list every writer puts the smallest and largest text into the log, where it
        # outlives the deletion of its row.
        if self.contract.statistics:
            return {"delta.dataSkippingStatsColumns": ",".join(self.contract.statistics), **version}
        return {"delta.dataSkippingNumIndexedCols": "0", **version}

    def _migrate(self, table: DeltaTable) -> bool:
        """Bring the table to the contract where that is safe; True when it had to try."""
        wanted = {f.name: f for f in Schema.from_arrow(self.contract.schema).fields}
        found = {f.name: f for f in table.schema().fields}
        new = [f for name, f in wanted.items() if name not in found]
        wrong = [name for name, f in found.items() if wanted.get(name) != f]
        wrong += [f.name for f in new if not f.nullable]
        partitioned_by = tuple(table.metadata().partition_columns)
        if wrong or partitioned_by != self.contract.partition_columns:
            made_by = table.metadata().configuration.get(CONTRACT_PROPERTY, "another version")
            raise ContractViolation(
                f"{self.uri} was made by {made_by} of {self.contract.name}, this program has "
                f"{self.contract.version}: {', '.join(wrong) or 'its partition columns'} differ; "
                "only nullable additions migrate by themselves, move the table away and backfill "
                "(docs/migrations.md)"
            )
        configured = table.metadata().configuration
        stale = {k: v for k, v in self._configuration().items() if configured.get(k) != v}
        if is_later(configured.get(CONTRACT_PROPERTY), self.contract.version):
            # While one version of the program takes over from another, both write.
            del stale[CONTRACT_PROPERTY]
        try:
            if new:
                table.alter.add_columns(new)
            elif stale:
                table.alter.set_table_properties(stale, raise_if_not_exists=False)
        except CommitFailedError:
            log.info("%s was migrated by another writer", self.root)
        return bool(new or stale)

    def _partition_schema(self) -> pl.Schema:
        schema = polars_schema(self.contract.schema)
        return pl.Schema({name: schema[name] for name in self.contract.partition_columns})

    def _no_files(self) -> pl.DataFrame:
        texts = dict.fromkeys((*self.contract.partition_columns, "path"), pl.String())
        return pl.DataFrame(
            schema={
                **texts,
                "bytes": pl.Int64(),
                "rows": pl.Int64(),
                "modified_at": pl.Datetime("us", "UTC"),
            }
        )

    def _files(
        self, table: DeltaTable, partitions: Sequence[Partition] | None = None
    ) -> pl.DataFrame:
        """Files of a version: partition columns (text), path, bytes, rows, modified_at (UTC)."""
        files = self._listed(table)
        return files if partitions is None else self._only(files, partitions)

    def _listed(self, table: DeltaTable) -> pl.DataFrame:
        actions = pl.DataFrame(table.get_add_actions(flatten=True))
        if actions.is_empty():
            return self._no_files()
        return actions.select(
            *(
                pl.col(f"partition.{name}").cast(pl.String).alias(name)
                for name in self.contract.partition_columns
            ),
            "path",
            pl.col("size_bytes").alias("bytes"),
            pl.col("num_records").alias("rows"),
            pl.from_epoch("modification_time", "ms")
            .dt.cast_time_unit("us")
            .dt.replace_time_zone("UTC")
            .alias("modified_at"),
        )

    def _only(self, files: pl.DataFrame, partitions: Sequence[Partition]) -> pl.DataFrame:
        """The files of whole or partial partitions; of a table without any, ``{}`` is all of it."""
        if not self.contract.partition_columns and [*partitions] == [{}]:
            return files
        asked: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
        for partition in partitions:
            unknown = set(partition) - set(self.contract.partition_columns)
            if unknown or not partition:
                raise ValueError(
                    f"{self.contract.name} is partitioned by "
                    f"{', '.join(self.contract.partition_columns)}; "
                    f"got {', '.join(partition) or 'nothing'}"
                )
            names = tuple(sorted(partition))
            values = tuple(self._checked(name, partition[name]) for name in names)
            asked.setdefault(names, []).append(values)
        if len(partitions) == 1:
            # A tenth of what the join takes, and many looks are at one.
            [(names, [values])] = asked.items()
            return files.filter(
                pl.col(name) == value for name, value in zip(names, values, strict=True)
            )
        kept = [
            files.with_row_index().join(
                pl.DataFrame(values, schema=dict.fromkeys(names, pl.String), orient="row"),
                on=names,
                how="semi",
            )
            for names, values in asked.items()
        ]
        if not kept:
            return files.clear()
        return pl.concat(kept).unique("index", maintain_order=True).drop("index")

    def _checked(self, name: str, value: str) -> str:
        if not isinstance(value, str) or not _PLAIN_VALUE.fullmatch(value):
            raise ValueError(
                f"{self.contract.name}: {name}={value!r} can't stand in a path; "
                "use letters, digits, '_', '.' and '-'"
            )
        return value

    def _scan_files(self, paths: Sequence[str]) -> pl.LazyFrame:
        schema = polars_schema(self.contract.schema)
        if not paths:
            return pl.LazyFrame(schema=schema)
        return pl.scan_parquet(
            [f"{self.uri}/{path}" for path in paths],
            schema=schema,
            hive_partitioning=True,
            hive_schema=self._partition_schema(),
            # A file from before a nullable addition lacks the column.
            missing_columns="insert",
            extra_columns="ignore",
            glob=False,
            storage_options=self._options,
        ).select(schema.names())

    def _log_path(self, version: int) -> str:
        return f"{self.root}/_delta_log/{version:020}.json"

    def _transactions(self) -> dict[str, int]:
        """Each partition path's newest application transaction.

        delta-rs reads the log again for every single id, so the log is read here, once: the newest
        checkpoint and the commits after it.
        """
        log = self.log()
        known: dict[str, int] = {}
        start = max(log.checkpoints, default=-1)
        if log.checkpoints:
            content = io.BytesIO(self.lake.objects.get(log.checkpoints[start].path))
            if "txn" in pl.read_parquet_schema(content):
                recorded = pl.read_parquet(content, columns=["txn"]).drop_nulls().unnest("txn")
                known.update(recorded.select("appId", "version").iter_rows())
        for version in sorted(log.commits):
            if version > start:
                known.update(_transactions_of(self.lake.objects.get(log.commits[version].path)))
        return known


@dataclass(frozen=True)
class _Opened:
    """A table that a thread has read, when it opened it, and the log's newest entry since."""

    table: DeltaTable
    at: float
    version: int
    entry: StoredObject | None

    def is_still(self, table: Table) -> bool:
        """It was opened lately, and its log has the entry that was its newest.

        Somebody may have moved the table away, and made another in its place.
        """
        if self.entry is None or time.monotonic() - self.at > _LATELY_S:
            return False
        try:
            return table.lake.objects.look_at(self.entry.path) == self.entry
        except ObjectMissing:
            return False

    def at_version_of(self, table: Table) -> _Opened:
        """As it is now; without an entry where that was cleaned away, and so opened anew."""
        version = int(self.table.version())
        if version == self.version:
            return self
        try:
            entry = table.lake.objects.look_at(table._log_path(version))
        except ObjectMissing:
            entry = None
        return replace(self, version=version, entry=entry)


_threads = threading.local()


def _opened_lately() -> dict[str, _Opened]:
    """By address, for this thread: delta-rs' tables change as they are brought up to date."""
    opened: dict[str, _Opened] | None = getattr(_threads, "opened", None)
    if opened is None:
        opened = _threads.opened = {}
    return opened


class _TableAsOf(Table):
    """A table that is opened and listed once; see :meth:`Table.as_of_now`, :meth:`Table.as_of`."""

    def __init__(self, lake: Lake, contract: Contract, version: int | None = None) -> None:
        super().__init__(lake, contract)
        self._version = version

    @cached_property
    def _opened(self) -> tuple[DeltaTable | None, pl.DataFrame]:
        table = super()._open() if self._version is None else self._at(self._version)
        return table, self._no_files() if table is None else super()._listed(table)

    def _at(self, version: int) -> DeltaTable:
        with self.lake.objects.access("read", self.root):
            return DeltaTable(self.uri, version=version, storage_options=self._options)

    @cached_property
    def _noted(self) -> dict[str, int]:
        return super()._transactions()

    def begin(self, partitions: Sequence[Partition], run_id: str) -> Replacement:
        """Never: a computation pins the table as it is when it begins."""
        raise LakeError(f"{self.root}: a table as of some moment is for reading only")

    def _open(self) -> DeltaTable | None:
        return self._opened[0]

    def _listed(self, table: DeltaTable) -> pl.DataFrame:
        return self._opened[1]

    def _transactions(self) -> dict[str, int]:
        return self._noted


@dataclass(frozen=True)
class PartitionRows:
    """What partitions held at some moment; pickles."""

    table: Table
    paths: tuple[str, ...]

    def scan(self) -> pl.LazyFrame:
        """The rows, lazily, partition columns included."""
        return self.table._scan_files(self.paths)


@dataclass(frozen=True)
class PartitionWriter:
    """Writes files of one partition; pickles, so that other processes can write them."""

    table: Table
    key: PartitionKey
    prefix: str

    def write(self, batches: Iterable[pa.RecordBatch | pa.Table | pl.DataFrame]) -> list[DataFile]:
        """Stream rows into files, a row group in memory at a time; for one call.

        Raises:
            ContractViolation: rows break the contract. Files are deleted then, as they are for
                whatever else is raised.
        """
        table, contract = self.table, self.table.contract
        values = dict(zip(contract.partition_columns, self.key, strict=True))
        rows = (conform(contract, values, batch) for batch in batches)
        paths = (
            table.file_of(self.key, f"{self.prefix}-{number}.parquet")
            for number in itertools.count()
        )
        files: list[DataFile] = []
        try:
            files.extend(write_files(table.lake.objects, contract, table.root, paths, rows))
        except BaseException:
            # Interrupts too: nobody else knows of these files. Whatever it was goes on.
            self.delete(files)
            raise
        return files

    def delete(self, files: Iterable[DataFile]) -> None:
        """Delete files that were written and won't be staged."""
        self.table.lake.objects.delete(f"{self.table.root}/{file.path}" for file in files)


class Replacement:
    """Staged files that will replace some partitions of a table pinned at one version.

    Used as a context manager, it discards what was staged when the block raises.
    """

    def __init__(
        self, table: Table, pinned: DeltaTable, keys: Sequence[PartitionKey], run_id: str
    ) -> None:
        self.table = table
        self.run_id = run_id
        self.version = int(pinned.version())
        self._pinned = pinned
        self._staged: dict[PartitionKey, list[DataFile]] = {key: [] for key in keys}
        # Who adds replaces none, and doesn't list all files for that.
        self._replaced = table._files(pinned, self.partitions) if keys else table._no_files()
        self._kept: set[PartitionKey] = set()
        # Two attempts of one run must not share a file name, nor be taken for one another.
        self._attempt = uuid.uuid4().hex
        self._numbers = itertools.count()
        self._reached_log = False
        self._commit: Commit | None = None

    def __enter__(self) -> Replacement:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.discard()

    @property
    def partitions(self) -> list[dict[str, str]]:
        """The partitions that will be replaced."""
        names = self.table.contract.partition_columns
        return [dict(zip(names, key, strict=True)) for key in self._staged]

    def pinned(self, partition: Partition) -> tuple[pl.LazyFrame, int]:
        """The rows that stood in a named partition when the table was pinned, and their number."""
        files = self._pinned_files(self._named(partition))
        return self.table._scan_files(files["path"].to_list()), int(files["rows"].sum())

    def narrow(self, partitions: Sequence[Partition]) -> None:
        """Leave every other partition as it is: pin widely, read the inputs, then narrow.

        Raises:
            ContractViolation: a partition wasn't named at begin.
            LakeError: files are staged for a partition that would be left out.
        """
        kept = {self._named(partition) for partition in partitions}
        if any(files for key, files in self._staged.items() if key not in kept):
            raise LakeError(f"{self.table.root}: files are staged for a partition to be left out")
        self._staged = {key: files for key, files in self._staged.items() if key in kept}
        self._replaced = self.table._files(self._pinned, self.partitions)

    def keep(self, partition: Partition) -> None:
        """Commit a partition's fingerprint alone; its rows stay as they are.

        Raises:
            ContractViolation: the partition wasn't named at begin.
            LakeError: files are staged for it.
        """
        key = self._named(partition)
        if self._staged[key]:
            raise LakeError(f"{self.table.root}: files are staged for a partition to be kept")
        self._kept.add(key)

    def write(
        self, partition: Partition, batches: Iterable[pa.RecordBatch | pa.Table | pl.DataFrame]
    ) -> None:
        """Stream rows into the partition's files, a row group in memory at a time.

        Raises:
            ContractViolation: rows break the contract, or the partition wasn't named at begin.
        """
        self.stage(partition, self.writer(partition).write(batches))

    def writer(self, partition: Partition) -> PartitionWriter:
        """What writes files of a partition, here or in another process; they are not staged yet.

        Raises:
            ContractViolation: the partition wasn't named at begin.
        """
        # Two writers of one partition must not share a file name, nor two attempts of one run.
        prefix = f"{self.run_id}-{self._attempt[:12]}-{next(self._numbers)}"
        return PartitionWriter(self.table, self._named(partition), prefix)

    def earlier(self, partition: Partition) -> PartitionRows:
        """What the partition holds at the pinned version.

        Raises:
            ContractViolation: the partition wasn't named at begin.
        """
        self._named(partition)
        files = self.table._only(self._replaced, [partition])
        return PartitionRows(self.table, tuple(files["path"]))

    def stage(self, partition: Partition, files: Iterable[DataFile]) -> None:
        """Stage files that a writer of the partition wrote.

        Raises:
            ContractViolation: the partition wasn't named at begin.
        """
        key = self._named(partition)
        if key in self._kept:
            raise LakeError(f"{self.table.root}: a partition that is kept gets no files")
        self._staged[key] += files

    def staged(self) -> pl.LazyFrame:
        """What was staged, lazily, partition columns included."""
        files = [file.path for staged in self._staged.values() for file in staged]
        return self.table._scan_files(files)

    def add_file(self, partition: Partition, path: str) -> None:
        """Stage a Parquet file that another engine wrote; ``path`` is below the table's root.

        Statistics that came with it are never used.

        Raises:
            ContractViolation: the partition wasn't named at begin.
            StagedFileError: the file is not there, or not in the partition's folder.
        """
        key = self._named(partition)
        folder, _, name = path.rpartition("/")
        if folder != self.table.path_of(key) or not _PLAIN_VALUE.fullmatch(name):
            raise StagedFileError(
                f"{path} is not a file of {self.table.root}/{self.table.path_of(key)}; "
                "write it into the partition's own folder"
            )
        try:
            size = self.table.lake.objects.size(f"{self.table.root}/{path}")
        except ObjectMissing:
            raise StagedFileError(f"{self.table.root}/{path} does not exist") from None
        self._staged[key].append(DataFile(path, size))

    def commit(
        self,
        *,
        fingerprints: Mapping[PartitionKey, int] | None = None,
        metadata: Mapping[str, str] | None = None,
        audit: Audit | Sequence[Audit] = (),
        rearranges: bool = False,
    ) -> Commit:
        """Audit what was staged and make it the content of the named partitions, all or nothing.

        ``fingerprints`` (0 to 2**63-1) record what each partition was made of, for
        :meth:`Table.fingerprint`; a partition without one gets a fresh number. ``metadata`` goes
        into the commit's entry in the log: never put text there. Called again, it returns the same
        commit. Keys are compared within the commit, not with partitions that it doesn't replace.
        ``rearranges`` says that the rows are those that stood there, in other files: who follows
        the log's changes skips the commit, and the partitions keep their time of change.

        Raises:
            AuditFailed: a key repeats, or an audit refused a partition.
            ContractViolation: a file breaks the contract.
            StagedFileError: a file is missing or damaged.
            CommitConflict: a partition changed since begin; run the computation again.
            OutcomeUnknown: storage failed during the commit itself.

        Except for OutcomeUnknown, staged files are deleted when it raises.
        """
        if self._commit is not None:
            return self._commit
        audits = [audit] if callable(audit) else list(audit)
        transactions = self._transactions(fingerprints or {})
        try:
            adds, commit_rows, commit_bytes = self._audited(audits, rearranges)
            removes = self._removes(rearranges)
            version = self._write_log([*adds, *removes], transactions, metadata or {})
        except BaseException:
            self.discard()
            raise
        self._commit = Commit(version, commit_rows, commit_bytes, len(adds), len(removes))
        self._checkpoint(version)
        return self._commit

    def partition_sizes(self, partitions: Sequence[Partition]) -> pl.DataFrame:
        """What partitions hold in the newest version, as :meth:`Table.partition_sizes` tells it.

        The table stays pinned at what it was; nothing is opened again for this.
        """
        self._pinned.update_incremental()
        return self.table._sizes(self.table._files(self._pinned, partitions))

    def discard(self) -> None:
        """Delete what was staged, unless a commit has it or may have it."""
        if self._reached_log:
            return
        files = [file.path for staged in self._staged.values() for file in staged]
        self.table.lake.objects.delete(f"{self.table.root}/{path}" for path in files)
        for staged in self._staged.values():
            staged.clear()

    def _named(self, partition: Partition) -> PartitionKey:
        if self._commit is not None:
            raise LakeError(f"{self.table.root}: this replacement was committed; begin another one")
        key = self.table.key_of(partition)
        if key not in self._staged:
            raise ContractViolation(
                f"{self.table.root}/{self.table.path_of(key)} was not named when this replacement "
                "began; name every partition that will be written"
            )
        return key

    def _transactions(self, fingerprints: Mapping[PartitionKey, int]) -> list[Transaction]:
        unknown = set(fingerprints) - set(self._staged)
        if unknown:
            raise ValueError(f"{self.table.root}: fingerprints of partitions not named: {unknown}")
        if any(not 0 <= value < 2**63 for value in fingerprints.values()):
            raise ValueError(f"{self.table.root}: a fingerprint lies outside 0 to 2**63-1")
        return [
            Transaction(self.table.id_of(key), fingerprints.get(key, secrets.randbits(63)))
            for key in self._staged
        ]

    def _audited(
        self, audits: Sequence[Audit], rearranges: bool
    ) -> tuple[list[AddAction], int, int]:
        table, contract = self.table, self.table.contract
        adds: list[AddAction] = []
        hashes: list[pl.Series] = []
        total_rows = 0
        for key, files in self._staged.items():
            values = dict(zip(contract.partition_columns, key, strict=True))
            changed = self._changed_at(key) if rearranges else time.time_ns() // 1_000_000
            rows = 0
            for file in files:
                undeclared = check_file(table.lake.objects, contract, table.root, file)
                scan = table._scan_files([file.path])
                facts = facts_of(contract, f"{table.root}/{file.path}", scan, undeclared)
                adds.append(
                    AddAction(
                        file.path, file.size, values, changed, not rearranges, facts.statistics
                    )
                )
                hashes.append(facts.key_hashes)
                rows += facts.rows
            total_rows += rows
            size = sum(file.size for file in files)
            paths = tuple(file.path for file in files)
            staged = StagedPartition(key, table.path_of(key), rows, len(files), size, table, paths)
            for audit in audits:
                audit(staged)
        self._check_keys(hashes)
        return adds, total_rows, sum(add.size for add in adds)

    def _check_keys(self, hashes: list[pl.Series]) -> None:
        """Eight bytes a row find what may repeat; only that is compared by its real key."""
        if not hashes:
            return
        name = "key_hash"
        ordered = pl.concat([h.alias(name) for h in hashes]).sort()
        suspects = ordered.filter(ordered == ordered.shift(1)).unique()
        if suspects.is_empty():
            return
        contract = self.table.contract
        paths = [file.path for files in self._staged.values() for file in files]
        keys = list(contract.key)
        rows = (
            self.table._scan_files(paths)
            .select(keys)
            .filter(pl.struct(keys).hash().is_in(suspects.implode()))
            .collect(engine="streaming")
        )
        repeated = len(rows) - rows.n_unique()
        if repeated:
            raise AuditFailed(
                f"{contract.name}: {repeated} rows repeat a key ({', '.join(keys)}); "
                "nothing was committed: deduplicate before writing"
            )

    def _changed_at(self, key: PartitionKey) -> int:
        """When the replaced files of a partition were changed last, in milliseconds."""
        changed = self._pinned_files(key)["modified_at"].max()
        return round(changed.timestamp() * 1000) if isinstance(changed, dt.datetime) else 0

    def _pinned_files(self, key: PartitionKey) -> pl.DataFrame:
        names = self.table.contract.partition_columns
        # With no condition at all, given as one iterable, Polars keeps no row.
        return self._replaced.filter(
            pl.lit(True), *(pl.col(name) == value for name, value in zip(names, key, strict=True))
        )

    def _removes(self, rearranges: bool) -> list[RemoveAction]:
        names = list(self.table.contract.partition_columns)
        now = time.time_ns() // 1_000_000
        return [
            RemoveAction(
                path=row["path"],
                data_change=not rearranges,
                deletion_timestamp=now,
                size=row["bytes"],
                partition_values={name: row[name] for name in names},
            )
            for row in self._replaced.iter_rows(named=True)
            if tuple(row[name] for name in names) not in self._kept
        ]

    def _write_log(
        self,
        actions: list[AddAction | RemoveAction],
        transactions: Sequence[Transaction],
        metadata: Mapping[str, str],
    ) -> int:
        """Write the commit after the newest one, having seen that none since begin touches ours.

        delta-rs' own check, asked to remove files, takes any concurrent removal for a conflict,
        other partitions' too, and lets foreign appends pass. So it gets one attempt at the very
        next version, and every version before that is checked here.
        """
        contract = self.table.contract
        properties = CommitProperties(
            custom_metadata={
                **metadata,
                "run_id": self.run_id,
                "attempt": self._attempt,
                "contract": f"{contract.name} {contract.version}",
            },
            max_commit_retries=0,
            app_transactions=list(transactions),
        )
        # A failing hook would look like a failed commit: checkpoints are made afterwards.
        hooks = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
        seen = self.version
        for attempt in range(_COMMIT_ATTEMPTS):
            self._pinned.update_incremental()
            newest = int(self._pinned.version())
            for version in range(seen + 1, newest + 1):
                if self._is_ours(version):
                    return version
            seen = newest
            failure: Exception | None = None
            self._reached_log = True
            try:
                # Appending with explicit removes replaces any set of partitions in one commit;
                # delta-rs' own overwrite takes one rectangle of values.
                self._pinned.create_write_transaction(
                    actions,
                    "append",
                    self._pinned.schema(),
                    list(contract.partition_columns),
                    commit_properties=properties,
                    post_commithook_properties=hooks,
                )
            except Exception as error:
                failure = error
            # An answer can get lost: the log alone says whose commit the next version is.
            try:
                written = self._log_entry(newest + 1)
            except Exception as error:
                raise OutcomeUnknown(self._unknown()) from (failure or error)
            if written is None:
                raise OutcomeUnknown(self._unknown()) from failure
            if self._attempt.encode() in written:
                return newest + 1
            self._reached_log = False
            time.sleep(random.uniform(0, min(0.2, 0.005 * (attempt + 1))))
        raise CommitConflict(
            f"{self.table.root}: other writers were faster {_COMMIT_ATTEMPTS} times; nothing was "
            "committed: run the job again when fewer write to this table"
        )

    def _log_entry(self, version: int) -> bytes | None:
        try:
            return self.table.lake.objects.get(self.table._log_path(version))
        except ObjectMissing:
            return None

    def _is_ours(self, version: int) -> bool:
        """This attempt wrote that version; if not, it must have left our partitions alone.

        Raises:
            CommitConflict: it changed our partitions, or the table itself.
        """
        entry = self._log_entry(version)
        if entry is None:
            # Cleaned away: a computation that took as long as the log's retention.
            raise self._conflict()
        if self._attempt.encode() in entry:
            return True
        names = self.table.contract.partition_columns
        ours = {self.table.id_of(key) for key in self._staged}
        removed = set(self._replaced["path"])
        for line in entry.splitlines():
            action = json.loads(line)
            if "metaData" in action or "protocol" in action:
                raise self._conflict()
            if action.get("txn", {}).get("appId") in ours:
                raise self._conflict()
            file = action.get("add") or action.get("remove") or {}
            values = file.get("partitionValues") or {}
            if file.get("path") in removed or tuple(map(values.get, names)) in self._staged:
                raise self._conflict()
        return False

    def _checkpoint(self, version: int) -> None:
        if version % _CHECKPOINT_EVERY:
            return
        try:
            self.table.checkpoint()
        except Exception as error:
            # The commit stands; the next checkpoint makes up for this one.
            log.warning(
                "%s: no checkpoint at version %s (%s)", self.table.root, version, type(error)
            )

    def _conflict(self) -> CommitConflict:
        named = [self.table.path_of(key) for key in self._staged]
        told = ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
        return CommitConflict(
            f"{self.table.root}: {told} changed since run {self.run_id} pinned version "
            f"{self.version}; nothing was committed: run the computation again from its inputs"
        )

    def _unknown(self) -> str:
        return (
            f"{self.table.root}: storage failed while run {self.run_id} was being committed after "
            f"version {self.version}; it may or may not have landed whole. Run the job again: "
            "replacing a partition twice leaves it the same"
        )


class Addition(Replacement):
    """Staged files that will be added to a table: what stands there stays.

    What a writer adds is numbered. A number that the log has already, or a later one, is a
    conflict: so whoever repeats its work adds nothing twice. Keys are compared within the addition
    alone: that a row is new is the writer's to know.
    """

    def __init__(
        self, table: Table, pinned: DeltaTable, run_id: str, writer: str, number: int
    ) -> None:
        super().__init__(table, pinned, [], run_id)
        self._writer = writer
        self._number = number

    @property
    def partitions(self) -> list[dict[str, str]]:
        """None: nothing is replaced."""
        return []

    def _named(self, partition: Partition) -> PartitionKey:
        key = self.table.key_of(partition)
        self._staged.setdefault(key, [])
        return key

    def _transactions(self, fingerprints: Mapping[PartitionKey, int]) -> list[Transaction]:
        if fingerprints:
            raise ValueError(f"{self.table.root}: an addition has no fingerprints")
        added = self._pinned.transaction_version(self._writer)
        if added is not None and added >= self._number:
            raise self._conflict()
        return [Transaction(self._writer, self._number)]

    def _is_ours(self, version: int) -> bool:
        entry = self._log_entry(version)
        if entry is None:
            raise self._conflict()
        if self._attempt.encode() in entry:
            return True
        for line in entry.splitlines():
            action = json.loads(line)
            if "metaData" in action or "protocol" in action:
                raise self._conflict()
            if action.get("txn", {}).get("appId") == self._writer:
                raise self._conflict()
        return False

    def _conflict(self) -> CommitConflict:
        return CommitConflict(
            f"{self.table.root}: number {self._number} of {self._writer} was added before, or the "
            f"table was changed, since run {self.run_id} pinned version {self.version}; nothing "
            "was committed: see what the log holds of it, then go on from there"
        )

    def _unknown(self) -> str:
        return (
            f"{self.table.root}: storage failed while number {self._number} of {self._writer} was "
            f"being added after version {self.version}; it may or may not have landed whole. Run "
            "the job again: the log tells it which, and nothing is added twice"
        )


def _require_plain(run_id: str) -> None:
    if not _PLAIN_VALUE.fullmatch(run_id):
        raise ValueError(f"run id {run_id!r} can't stand in a file name; use letters, digits, -")


def _transactions_of(commit: bytes) -> Iterator[tuple[str, int]]:
    for line in commit.splitlines():
        if line.startswith(b'{"txn"'):
            transaction = json.loads(line)["txn"]
            yield transaction["appId"], transaction["version"]


def _column_types(schema: Schema) -> dict[str, str]:
    return {f.name: f"{f.type.to_json()}{'' if f.nullable else ' not null'}" for f in schema.fields}
