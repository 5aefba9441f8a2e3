"""Types of the compiled kernel, which a type checker can't read."""

from collections.abc import Iterable

from numpy import int64, uint8
from numpy.typing import NDArray

VERSION: int
SOURCE: str

class Kernel:
    """Characters in a table; tidies texts for any number of threads at once."""

    def __init__(
        self,
        kept: Iterable[tuple[int, int]],
        spaces: Iterable[tuple[int, int]],
        dropped: Iterable[tuple[int, int]],
    ) -> None: ...
    def tidy(
        self,
        offsets: memoryview,
        data: memoryview,
        valid: memoryview | None,
        offset: int,
        ends: NDArray[int64],
        left: NDArray[uint8],
    ) -> bytes:
        """The tidy texts, one behind the other; ``left`` is 1 for those left as they are."""
