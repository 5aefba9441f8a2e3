"""Columns of texts as compiled kernels take and give them: Arrow's buffers.

What belongs here: the way from a column of Polars to buffers and back. What a kernel does is said
beside it.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

#: Offsets, bytes, validity (a bitmap, or null) of an array of strings, and its place in them.
Buffers = tuple[memoryview, memoryview, memoryview | None, int]
#: Offsets of an array of lists and its place in them, and the buffers of their strings.
ListBuffers = tuple[memoryview, int, memoryview, memoryview, memoryview | None, int]


def buffers(texts: pl.Series) -> Buffers:
    """The buffers of a column of strings."""
    arrow = texts.to_arrow()
    validity, offsets, data = arrow.buffers()
    wide = pa.types.is_large_string(arrow.type)
    return (
        _bytes(offsets or bytes(8)).cast("q" if wide else "i"),
        _bytes(data or b""),
        _bytes(validity) if arrow.null_count else None,
        arrow.offset,
    )


def list_buffers(lists: pl.Series) -> ListBuffers:
    """The buffers of a column of lists of strings, none of them null."""
    arrow = lists.to_arrow()
    _, offsets, *_ = arrow.buffers()
    texts = arrow.values
    validity, ends, data = texts.buffers()
    return (
        _bytes(offsets or bytes(8)).cast("q"),
        arrow.offset,
        _bytes(ends or bytes(8)).cast("q"),
        _bytes(data or b""),
        _bytes(validity) if texts.null_count else None,
        texts.offset,
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


def _bytes(buffer: pa.Buffer | bytes) -> memoryview:
    return memoryview(buffer).cast("B")
