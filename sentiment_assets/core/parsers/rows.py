"""Rows of Python values to Arrow columns.

What belongs here: which implementation copies, the compiled kernel or PyArrow. What the values are
is the parsers' and ``batch``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

try:
    from sentiment_assets.core.parsers import _rows_kernel as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]

#: The kernel that this code was written with; one that says another is left alone.
KERNEL_VERSION = 2

Row = tuple[Any, ...]


class Columns:
    """A batch in the making, row by row.

    The kernel copies a row as soon as it is added: while its values are in the processor's cache,
    and so that their memory serves the next row. That takes half as long as to keep the rows and to
    copy them together.

    Args:
        schema: strings, lists of strings, timestamps in microseconds, integers of 32 or 64 bits,
            or booleans; timestamps, booleans and lists hold no null.
        constant: columns of strings that have one value in all rows, which leave it out.
    """

    #: Adds a row: a tuple of the columns that are not constant, in the schema's order. Datetimes
    #: must be in UTC. May raise TypeError, ValueError or OverflowError for a value that is none of
    #: its column's; what was added till then is worth nothing.
    add: Callable[[Row], None]

    def __init__(self, schema: pa.Schema, constant: Mapping[str, str] | None = None) -> None:
        self._schema = schema
        self._constant = constant or {}
        self._fields = [field for field in schema if field.name not in self._constant]
        self._rows: list[Row] = []
        self._kernel: Any = None
        self.add = self._rows.append
        if getattr(compiled, "VERSION", None) == KERNEL_VERSION:
            self._kernel = compiled.Columns([_column(field.type) for field in self._fields])
            self.add = self._kernel.add

    def batch(self) -> pa.RecordBatch:
        """All rows that were added.

        Raises:
            TypeError, ValueError, OverflowError: a value is none of its column's.
        """
        if self._kernel is None:
            count, columns = len(self._rows), _copied(self._rows, self._fields)
        else:
            count, columns = self._kernel.count, _compiled(self._kernel, self._fields)
        copied = iter(columns)
        arrays = [
            _repeated(self._constant[name], count) if name in self._constant else next(copied)
            for name in self._schema.names
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)


def _repeated(value: str, count: int) -> pa.Array:
    """What ``pa.repeat`` makes, which imports pandas to see whether it was given one of its."""
    encoded = value.encode()
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(len(encoded))
    return _array(pa.string(), count, [None, offsets.data, encoded * count], 0)


def _copied(rows: Sequence[Row], fields: Sequence[pa.Field]) -> list[pa.Array]:
    columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(fields)
    return [pa.array(column, type=f.type) for column, f in zip(columns, fields, strict=True)]


def _column(kind: pa.DataType) -> Any:
    if pa.types.is_string(kind):
        return compiled.Strings()
    if pa.types.is_list(kind):
        return compiled.ListsOfStrings()
    if pa.types.is_timestamp(kind):
        return compiled.Timestamps()
    if pa.types.is_boolean(kind):
        return compiled.Booleans()
    return compiled.Integers(kind.bit_width // 8)


def _compiled(kernel: Any, fields: Sequence[pa.Field]) -> list[pa.Array]:
    arrays = []
    for column, field in zip(kernel.columns, fields, strict=True):
        kind, count, buffers = field.type, kernel.count, column.buffers()
        if pa.types.is_list(kind):
            offsets, valid, nulls, starts, data = buffers
            values = len(starts) // 4 - 1
            flat = _array(kind.value_type, values, [valid, starts, data], nulls)
            arrays.append(_array(kind, count, [None, offsets], 0, [flat]))
        elif pa.types.is_timestamp(kind) or pa.types.is_boolean(kind):
            arrays.append(_array(kind, count, [None, *buffers], 0))
        else:
            valid, nulls, *data = buffers
            arrays.append(_array(kind, count, [valid, *data], nulls))
    return arrays


def _array(
    kind: pa.DataType,
    count: int,
    buffers: Sequence[bytes | memoryview | None],
    nulls: int,
    children: Sequence[pa.Array] = (),
) -> pa.Array:
    held = [None if buffer is None else pa.py_buffer(buffer) for buffer in buffers]
    return pa.Array.from_buffers(kind, count, held, nulls, children=list(children))
