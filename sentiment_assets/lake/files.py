"""Data files of a Delta table: rows cast to the contract, Parquet written and read back.

What belongs here: one file at a time. Which files make up a table, and the commit that says so, is
``tables.py``.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sentiment_assets.core.contracts import Contract
from sentiment_assets.lake.objects import LakeError, ObjectMissing, ObjectStore

# A row group is what a writer holds in memory; a file is what a reader of one partition opens.
ROW_GROUP_ROWS = 50_000
ROW_GROUP_BYTES = 32 * 2**20
FILE_BYTES = 256 * 2**20

_FOOTER_GUESS = 64 * 2**10
# Longer strings are no codes: they stay out of the log, whatever the contract allows.
_LONGEST_STATISTIC = 64


class ContractViolation(LakeError):
    """Rows or a file break the table's contract; the message names columns, never values."""


class StagedFileError(LakeError):
    """A file that was to be committed is missing, damaged or in the wrong place."""


@dataclass(frozen=True)
class DataFile:
    """A Parquet file below the table's root, with the bytes it had when it was staged."""

    path: str
    size: int


@dataclass(frozen=True)
class FileFacts:
    """What the committer found in a file: rows, Delta statistics (JSON), one hash a row's key."""

    rows: int
    statistics: str
    key_hashes: pl.Series


def conform(
    contract: Contract, partition: dict[str, str], rows: pa.RecordBatch | pa.Table | pl.DataFrame
) -> pa.Table:
    """Rows as the contract's data files hold them: its columns in order, less partition columns.

    Casts only keep meaning (a narrower integer, another time unit, another text layout). A
    partition column may be given; it must hold the partition's value in every row.

    Raises:
        ContractViolation: a column is missing, unknown, of another type, null where a value is
            required, or of another partition.
    """
    if isinstance(rows, pl.DataFrame):
        rows = rows.to_arrow()
    where = f"{contract.name}, partition {'/'.join(partition.values())}"
    names = rows.schema.names
    schema = contract.file_schema
    unknown = sorted(set(names) - set(contract.schema.names))
    missing = sorted(set(schema.names) - set(names))
    if unknown or missing or len(set(names)) != len(names):
        raise ContractViolation(
            f"{where}: columns missing: {', '.join(missing) or 'none'}; "
            f"unknown or repeated: {', '.join(unknown) or 'see the names given'}; "
            "give exactly the contract's columns"
        )
    for name, value in partition.items():
        if name in names and not _all_equal(rows.column(name), value):
            raise ContractViolation(
                f"{where}: column {name} holds rows of another partition; "
                "split the rows by partition before writing them"
            )
    columns = []
    for column in schema:
        given = rows.column(column.name)
        if not _keeps_meaning(given.type, column.type):
            raise ContractViolation(
                f"{where}: column {column.name} is {given.type}, the contract says {column.type}"
            )
        if not column.nullable and given.null_count:
            raise ContractViolation(
                f"{where}: column {column.name} is required and is null in {given.null_count} "
                f"of {len(given)} rows"
            )
        try:
            columns.append(given.cast(column.type))
        except pa.ArrowInvalid:
            # Arrow's own message quotes the value.
            raise ContractViolation(
                f"{where}: column {column.name} holds values that don't fit {column.type}"
            ) from None
    return pa.Table.from_arrays(columns, schema=schema)


def write_files(
    objects: ObjectStore,
    contract: Contract,
    root: str,
    paths: Iterator[str],
    rows: Iterable[pa.Table],
) -> Iterator[DataFile]:
    """Stream conforming rows into Parquet files below a table's root; yields each when it is whole.

    Holds one row group in memory. No rows, no file.
    """
    groups = _row_groups(rows)
    group = next(groups, None)
    while group is not None:
        path = next(paths)
        with objects.open_writer(f"{root}/{path}") as upload:
            sink = _Sink(upload)
            with pq.ParquetWriter(
                sink,
                contract.file_schema,
                compression="zstd",
                write_statistics=list(contract.statistics),
            ) as writer:
                while group is not None and sink.written < FILE_BYTES:
                    writer.write_table(group)
                    group = next(groups, None)
        yield DataFile(path, sink.written)


def check_file(objects: ObjectStore, contract: Contract, root: str, file: DataFile) -> set[str]:
    """Compare a file with what was staged and with the contract, by its size and footer.

    Returns the required columns that the file itself doesn't declare free of nulls (some writers
    declare every column optional): those are left to count.

    Raises:
        StagedFileError: the file is missing, of another size, or no Parquet file.
        ContractViolation: its columns are not exactly the contract's.
    """
    path = f"{root}/{file.path}"
    try:
        size = objects.size(path)
    except ObjectMissing:
        raise StagedFileError(f"{path} was staged and is gone; run the job again") from None
    if size != file.size:
        raise StagedFileError(
            f"{path} has {size} bytes, {file.size} were staged; run the job again"
        )
    found = _footer_schema(objects, path, size)
    expected = contract.file_schema
    if sorted(found.names) != sorted(expected.names):
        raise ContractViolation(
            f"{path}: columns missing: {_differing(expected, found)}; "
            f"not in {contract.name}: {_differing(found, expected)}"
        )
    undeclared = set()
    for column in expected:
        field = found.field(column.name)
        if not _same_type(field.type, column.type):
            raise ContractViolation(
                f"{path}: column {column.name} is {field.type}, {contract.name} says {column.type}"
            )
        if not column.nullable and field.nullable:
            undeclared.add(column.name)
    return undeclared


def facts_of(
    contract: Contract, name: str, rows: pl.LazyFrame, count_nulls_of: set[str]
) -> FileFacts:
    """Count rows, required nulls and allow-listed statistics of one file, and hash its keys.

    Reads only the columns it needs, in a stream; ``rows`` is a scan of the file with its partition
    columns.

    Raises:
        ContractViolation: a required column holds nulls.
        StagedFileError: the file can't be read.
    """
    nulls = [pl.col(c).null_count().alias(f"nulls.{c}") for c in sorted(count_nulls_of)]
    try:
        measured = (
            rows.select(pl.len().alias("rows"), *nulls, *_statistics_expressions(contract))
            .collect(engine="streaming")
            .row(0, named=True)
        )
        hashes = rows.select(pl.struct(contract.key).hash()).collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError):
        # A reader's message may quote what it choked on.
        raise StagedFileError(f"{name} is not readable as Parquet; run the job again") from None
    empty = {c: measured[f"nulls.{c}"] for c in sorted(count_nulls_of) if measured[f"nulls.{c}"]}
    if empty:
        told = ", ".join(f"{column} ({count} rows)" for column, count in empty.items())
        raise ContractViolation(f"{name}: required columns hold nulls: {told}")
    return FileFacts(measured["rows"], _statistics_json(contract, measured), hashes.to_series())


def check_statistics(contract: Contract) -> None:
    """Refuse an allow-list that would put text, pseudonyms or nested values into the log.

    Raises:
        ContractViolation: a column of ``contract.statistics`` may not stand there.
    """
    for name in contract.statistics:
        column = contract.column(name)
        if (
            column.privacy != "none"
            or name in contract.partition_columns
            or not _plain(column.type)
        ):
            raise ContractViolation(
                f"{contract.name}: statistics of {name} may not stand in the log "
                f"(privacy {column.privacy}, {column.type}); take it off the contract's statistics"
            )


def polars_schema(schema: pa.Schema) -> pl.Schema:
    """The Polars types of an Arrow schema."""
    return pl.Schema(schema)


class _Sink(io.RawIOBase):
    """What pyarrow wants of a file, over an upload; counts its bytes."""

    def __init__(self, upload: Any) -> None:
        self._upload = upload
        self.written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.written

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self._upload.write(data)
        self.written += size
        return size


def _row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    waiting: list[pa.Table] = []
    rows = size = 0
    for table in tables:
        offset = 0
        while offset < table.num_rows:
            part = table.slice(offset, ROW_GROUP_ROWS - rows)
            waiting.append(part)
            offset += part.num_rows
            rows += part.num_rows
            size += part.nbytes
            if rows >= ROW_GROUP_ROWS or size >= ROW_GROUP_BYTES:
                yield pa.concat_tables(waiting)
                waiting, rows, size = [], 0, 0
    if waiting:
        yield pa.concat_tables(waiting)


def _all_equal(column: Any, value: str) -> bool:
    try:
        # Not pa.scalar, which imports pandas to see whether it was given something of its.
        expected = pl.Series([value]).to_arrow().cast(column.type)[0]
        return bool(pc.all(pc.equal(column, expected), skip_nulls=False).as_py() or not len(column))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False


def _footer_schema(objects: ObjectStore, path: str, size: int) -> pa.Schema:
    tail = objects.get_tail(path, _FOOTER_GUESS)
    needed = int.from_bytes(tail[-8:-4], "little") + 8
    if len(tail) < needed <= size:
        tail = objects.get_tail(path, needed)
    try:
        return pq.ParquetFile(io.BytesIO(tail)).schema_arrow
    except (pa.ArrowInvalid, OSError):
        raise StagedFileError(f"{path} is not a whole Parquet file; run the job again") from None


def _differing(left: pa.Schema, right: pa.Schema) -> str:
    return ", ".join(sorted(set(left.names) - set(right.names))) or "none"


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _same_type(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Equal but for how Arrow lays text and lists out in memory and names a list's elements."""
    if _is_text(wanted):
        return _is_text(found)
    if _is_list(wanted):
        return _is_list(found) and _same_type(found.value_type, wanted.value_type)
    if pa.types.is_struct(wanted):
        return (
            pa.types.is_struct(found)
            and [f.name for f in found] == [f.name for f in wanted]
            and all(_same_type(f.type, w.type) for f, w in zip(found, wanted, strict=True))
        )
    return bool(found.equals(wanted))


def _keeps_meaning(given: pa.DataType, wanted: pa.DataType) -> bool:
    """A cast keeps the meaning of every value that fits; those that don't fit fail in the cast."""
    if pa.types.is_null(given):
        return True
    if pa.types.is_dictionary(given):
        return _keeps_meaning(given.value_type, wanted)
    if _is_list(wanted):
        return _is_list(given) and _keeps_meaning(given.value_type, wanted.value_type)
    if pa.types.is_struct(wanted):
        return (
            pa.types.is_struct(given)
            and [f.name for f in given] == [f.name for f in wanted]
            and all(_keeps_meaning(g.type, w.type) for g, w in zip(given, wanted, strict=True))
        )
    if pa.types.is_timestamp(wanted):
        return bool(pa.types.is_timestamp(given)) and given.tz is not None
    if pa.types.is_integer(wanted):
        return bool(pa.types.is_integer(given))
    if pa.types.is_floating(wanted):
        return bool(pa.types.is_floating(given)) and given.bit_width <= wanted.bit_width
    return _same_type(given, wanted)


def _plain(kind: pa.DataType) -> bool:
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind))


def _statistics_expressions(contract: Contract) -> list[pl.Expr]:
    expressions = []
    for name in contract.statistics:
        column = pl.col(name)
        expressions.append(column.null_count().alias(f"null_count.{name}"))
        if pa.types.is_boolean(contract.column(name).type):
            continue
        expressions += [column.min().alias(f"min.{name}"), column.max().alias(f"max.{name}")]
        if pa.types.is_floating(contract.column(name).type):
            expressions.append(column.is_nan().any().alias(f"nan.{name}"))
    return expressions


def _statistics_json(contract: Contract, measured: dict[str, Any]) -> str:
    """Delta's per-file statistics: https://github.com/delta-io/delta/blob/master/PROTOCOL.md."""
    low, high, nulls = {}, {}, {}
    for name in contract.statistics:
        nulls[name] = measured[f"null_count.{name}"]
        if measured.get(f"nan.{name}"):
            # Some readers sort NaN above every number, others skip it: no bound holds.
            continue
        bounds = (
            _bound(measured.get(f"min.{name}"), upper=False),
            _bound(measured.get(f"max.{name}"), upper=True),
        )
        if None not in bounds:
            low[name], high[name] = bounds
    return json.dumps(
        {
            "numRecords": measured["rows"],
            "minValues": low,
            "maxValues": high,
            "nullCount": nulls,
        }
    )


def _bound(value: Any, *, upper: bool) -> str | int | float | None:
    if isinstance(value, dt.datetime):
        # Delta keeps milliseconds: an upper bound is rounded up.
        if upper and value.microsecond % 1000:
            value += dt.timedelta(milliseconds=1)
        utc = value.astimezone(dt.timezone.utc).replace(tzinfo=None)
        return f"{utc.isoformat(timespec='milliseconds')}Z"
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_STATISTIC else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int) else None
