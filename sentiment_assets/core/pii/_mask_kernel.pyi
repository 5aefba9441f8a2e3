"""Types of the compiled kernel, which a type checker can't read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from numpy import int64, uint8, uint32
from numpy.typing import NDArray

VERSION: int
SOURCE: str

DISGUISED: int
TYPED: int
DIGIT: int
NAME: int
FOUR: int
SIX: int
SEVEN: int
URL: int
EMAIL: int
HANDLE: int
DEVICE: int
COORDINATES: int
IP: int
IBAN: int
NATIONAL_ID: int
STREET: int
POSTCODE: int
TOKEN: int

MARKS: Mapping[str, int]

_Word = TypeVar("_Word", bound=tuple[object, ...])

def words_among(text: str, words: frozenset[str], lengths: int, firsts: int) -> list[str] | None:
    """Which words of a text are among these; None where that can't be told."""

def read_marks(
    text: str,
    capitals: str,
    marks_of: Callable[[str], tuple[int, int]],
    joins: Callable[[str], int],
    long_gap: int,
    joined: int,
    dotted: int,
) -> tuple[list[int], list[int], list[int]]:
    """Where the capitalised words of a text begin and end, and what each is, in bits."""

class Kernel:
    """Words, masks and characters in tables; looks at texts for any number of threads at once."""

    def __init__(
        self,
        names: dict[str, int],
        words: Iterable[str],
        marked: dict[str, int],
        formed: Iterable[str],
        kinds: Sequence[str],
        providers: Sequence[str],
        folded: Iterable[tuple[int, int]],
    ) -> None: ...
    def look(
        self,
        offsets: memoryview,
        data: memoryview,
        valid: memoryview | None,
        offset: int,
        canonical: bool,
        found: NDArray[uint32],
        ends: NDArray[int64] | None,
    ) -> bytes:
        """What is said of each text, and the texts with plain masks where ``ends`` is given."""
    def plain(
        self,
        offsets: memoryview,
        data: memoryview,
        valid: memoryview | None,
        offset: int,
        found: NDArray[uint8],
    ) -> None:
        """Whether each name is read by the kernel as it stands."""
    def spelled(
        self,
        offsets: memoryview,
        data: memoryview,
        valid: memoryview | None,
        offset: int,
        lists: memoryview,
        first_list: int,
        codes: memoryview,
        named: memoryview | None,
        name_offsets: memoryview,
        names: memoryview,
        first_spellings: NDArray[int64],
        spelling_ends: NDArray[int64],
        spellings: bytes,
        found: NDArray[uint8],
    ) -> None:
        """Whether each canonical text may spell one of its names."""
    def count(
        self,
        offsets: memoryview,
        data: memoryview,
        valid: memoryview | None,
        offset: int,
        ends: NDArray[int64],
    ) -> tuple[bytearray, list[int]]:
        """Kinds and counts of the masks in each text; ``ends`` becomes an Arrow list's offsets."""

class Signs:
    """Signs in a table: which patterns each text may match."""

    def __init__(self, patterns: Iterable[Iterable[bytes]]) -> None: ...
    def look(
        self,
        offsets: memoryview,
        data: memoryview,
        valid: memoryview | None,
        offset: int,
        found: NDArray[uint32],
    ) -> None:
        """Bits of the patterns of which each text holds a sign."""

def read_words(
    text: str,
    capitals: str | None,
    entry_of: Callable[[str], tuple[int, str, int, bool, bool]],
    word_type: type[_Word],
) -> list[_Word]:
    """The words of a text in their order, those with a capital or all."""
