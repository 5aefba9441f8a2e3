"""The compiled kernel of masking, or none: where no C compiler was, or it is of another version.

What belongs here: the one place that says which it is. ``look`` and ``name_words`` ask it at each
call, and do the same in Python where there is none.
"""

from __future__ import annotations

from typing import Literal

try:
    from sentiment_assets.core.pii import _mask_kernel as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]

__all__ = ["KERNEL_VERSION", "Implementation", "compiled", "kernel_in_use"]

#: The kernel that this code was written with; one that says another is left alone.
KERNEL_VERSION = 6

Implementation = Literal["compiled", "python"]


def kernel_in_use() -> Implementation:
    """Which implementation looks at texts: the compiled kernel, or Polars' patterns."""
    return "compiled" if getattr(compiled, "VERSION", None) == KERNEL_VERSION else "python"
