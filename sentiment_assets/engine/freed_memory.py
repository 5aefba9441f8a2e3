"""Giving freed memory back to the system.

What belongs here: the one call for it. Where glibc is the allocator, each thread has a heap of its
own, and what one thread made and another freed stays in it: librdkafka's records, say. A run that
goes on would have the sum of its fullest moments.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any


@cache
def _trim() -> Any:
    # Other C libraries have no such call, and keep less.
    return getattr(ctypes.CDLL(None), "malloc_trim", None)


def give_back() -> None:
    """Give back what is free now; takes some milliseconds."""
    trim = _trim()
    if trim is not None:
        trim(0)
