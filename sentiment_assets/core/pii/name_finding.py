"""Which of two copies of ``names`` reads texts: the compiled one, or the module itself.

What belongs here: the choice. Both are made of one file: they differ only where one is stale.
"""

from __future__ import annotations

from sentiment_assets.core.pii import names

try:
    from sentiment_assets.core.pii import _names_kernel as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]

__all__ = ["find_names"]

find_names = (
    compiled.find_names if getattr(compiled, "VERSION", None) == names.VERSION else names.find_names
)
