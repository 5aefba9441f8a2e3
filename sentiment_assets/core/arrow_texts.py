"""Columns as compiled kernels take and give them: Arrow's buffers.

What belongs here: the way from a column of Polars to buffers and back. What a kernel does is said
beside it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

#: Offsets, bytes, validity (a bitmap, or null) of an array of strings, and its place in them.
Buffers = tuple[memoryview, memoryview, memoryview | None, int]


class NamesInLists(NamedTuple):
    """The buffers of an array of lists of strings, each string once."""

    #: Offsets of the lists, and the array's place in them.
    offsets: memoryview
    offset: int
    #: Numbers of the strings in the lists, and which of them are none (a bitmap, or null).
    codes: memoryview
    valid: memoryview | None
    #: The strings.
    texts: pa.Array


def buffers(texts: pl.Series) -> Buffers:
    """The buffers of a column of strings."""
    return buffers_of(texts.to_arrow())


def buffers_of(arrow: pa.Array) -> Buffers:
    """The buffers of an array of strings."""
    validity, offsets, data = arrow.buffers()
    wide = pa.types.is_large_string(arrow.type)
    return (
        _bytes(offsets or bytes(8)).cast("q" if wide else "i"),
        _bytes(data or b""),
        _bytes(validity) if arrow.null_count else None,
        arrow.offset,
    )


def names_in_lists(lists: pl.Series) -> NamesInLists:
    """The buffers of a column of lists of strings, none of the lists null."""
    arrow = lists.to_arrow()
    _, offsets, *_ = arrow.buffers()
    encoded = arrow.values.dictionary_encode()
    validity, codes = encoded.indices.buffers()
    return NamesInLists(
        _bytes(offsets or bytes(8)).cast("q"),
        arrow.offset,
        _bytes(codes or b"").cast("i"),
        _bytes(validity) if encoded.null_count else None,
        encoded.dictionary,
    )


def column(data: bytes, ends: NDArray[np.int64], like: pl.Series) -> pl.Series:
    """A column of strings, null where another is, from bytes and offsets."""
    valid = None
    if like.null_count():
        valid = pa.py_buffer(np.packbits(like.is_not_null().to_numpy(), bitorder="little"))
    arrow = pa.LargeStringArray.from_buffers(
        len(like), pa.py_buffer(ends), pa.py_buffer(data), valid
    )
    return pl.Series(like.name, arrow, dtype=pl.String)


def numbers(values: NDArray[Any]) -> pl.Series:
    """A column of numbers.

    Given the array itself, Polars asks whether it is masked, and imports the part of NumPy that
    knows, which took 40 ms.
    """
    kind = pa.from_numpy_dtype(values.dtype)
    return pl.Series(pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)]))


def _bytes(buffer: pa.Buffer | bytes) -> memoryview:
    return memoryview(buffer).cast("B")
