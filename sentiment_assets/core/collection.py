"""Work without the collector of cycles, for loops that make many objects and no cycle.

What belongs here: the one switch. Where it pays is said where it is used.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """Look for no cycles until the block ends; a block must be bounded, as its cycles are kept.

    The more objects a process holds (Dagster's, in a run), the longer each look takes.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
