"""Types of the compiled kernel, which a type checker can't read."""

from collections.abc import Iterable, Sequence

VERSION: int
SOURCE: str
FLAGS: dict[str, int]

class Kernel:
    """The words and characters in tables; reads texts for any number of threads at once."""

    def __init__(
        self,
        characters: Iterable[tuple[int, int, int]],
        lists: Sequence[Sequence[str]],
        beginnings: Sequence[str],
        looked_at: int,
    ) -> None: ...
    def count(
        self,
        offsets: memoryview,
        data: memoryview,
        offset: int,
        count: int,
        ends: memoryview,
        length: memoryview,
        english: memoryview,
        borrowed: memoryview,
        other: memoryview,
        flags: memoryview,
    ) -> bytes:
        """Count the words of each text into the columns; returns the words, end to end."""
    def has_text(
        self,
        offsets: memoryview,
        data: memoryview,
        valid: memoryview | None,
        offset: int,
        count: int,
        found: memoryview,
    ) -> None:
        """Whether each text has a letter or a picture: 1, or 0, or 2 where it was not read."""
