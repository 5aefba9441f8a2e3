"""Types of the compiled kernel, which a type checker can't read."""

from collections.abc import Callable
from typing import Any

VERSION: int
SOURCE: str

class Strings:
    def buffers(self) -> tuple[bytes | None, int, bytes, bytes]: ...

class ListsOfStrings:
    def buffers(self) -> tuple[bytes, bytes | None, int, bytes, bytes]: ...

class Timestamps:
    def buffers(self) -> tuple[bytes]: ...

class Integers:
    def __init__(self, width: int) -> None: ...
    def buffers(self) -> tuple[bytes | None, int, bytes]: ...

class Booleans:
    def buffers(self) -> tuple[bytes]: ...

Column = Strings | ListsOfStrings | Timestamps | Integers | Booleans

class Columns:
    count: int
    columns: list[Column]
    add: Callable[[tuple[Any, ...]], None]
    def __init__(self, columns: list[Column]) -> None: ...
