"""Rows of Python values to Arrow columns.

What belongs here: which implementation copies, the compiled kernel or PyArrow. What the values are
is the parsers' and ``batch``'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

try:
    from sentiment_assets.core.parsers import _rows_kernel as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]

#: The kernel that this code was written with; one that says another is left alone.
KERNEL_VERSION = 1

Rows = list[tuple[Any, ...]]


def record_batch(rows: Rows, schema: pa.Schema) -> pa.RecordBatch:
    """Tuples of a schema's columns to a batch.

    Datetimes must be in UTC. Columns are strings, lists of strings, timestamps in microseconds,
    integers of 32 or 64 bits, or booleans; timestamps, booleans and lists hold no null.

    Raises:
        TypeError, ValueError, OverflowError: a value is none of its column's.
    """
    if getattr(compiled, "VERSION", None) == KERNEL_VERSION:
        arrays = [_compiled(rows, place, field.type) for place, field in enumerate(schema)]
    else:
        arrays = _copied(rows, schema)
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _copied(rows: Rows, schema: pa.Schema) -> list[pa.Array]:
    columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(schema)
    return [pa.array(column, type=f.type) for column, f in zip(columns, schema, strict=True)]


def _compiled(rows: Rows, place: int, kind: pa.DataType) -> pa.Array:
    count = len(rows)
    valid, nulls = compiled.validity(rows, place)
    if pa.types.is_string(kind):
        return _array(kind, count, [valid, *compiled.strings(rows, place)], nulls)
    if pa.types.is_list(kind):
        offsets, starts, data = compiled.lists_of_strings(rows, place)
        values = len(starts) // 4 - 1
        flat = _array(kind.value_type, values, [None, starts, data], 0)
        return _array(kind, count, [valid, offsets], nulls, [flat])
    if pa.types.is_timestamp(kind):
        data = compiled.timestamps(rows, place)
    elif pa.types.is_boolean(kind):
        data = compiled.booleans(rows, place)
    else:
        data = compiled.integers(rows, place, kind.bit_width // 8)
    return _array(kind, count, [valid, data], nulls)


def _array(
    kind: pa.DataType,
    count: int,
    buffers: Sequence[bytes | None],
    nulls: int,
    children: Sequence[pa.Array] = (),
) -> pa.Array:
    held = [None if buffer is None else pa.py_buffer(buffer) for buffer in buffers]
    return pa.Array.from_buffers(kind, count, held, nulls, children=list(children))
