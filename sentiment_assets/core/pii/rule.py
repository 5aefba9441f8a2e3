"""What a rule is and what it finds. The rules stand in files of their own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple


class Span(NamedTuple):
    """Half-open range of characters that show personal data of one kind."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of personal data, recognised by its shape.

    ``hint`` is a regex in the syntax that Python and Rust share; every canonical text in which
    ``find`` finds something matches it, so that whole columns can be filtered at once. ``find``
    takes canonical text (``core.text.canonicalise``) and yields disjoint spans from left to right;
    characters that an earlier rule claimed are NUL in it, which no pattern may match across.
    ``needs_digit`` says that ``find`` finds nothing in a text without an ASCII digit. ``apart`` are
    the hint's alternatives, where the automaton of all of them takes longer than each by itself.
    """

    kind: str
    hint: str
    find: Callable[[str], Iterator[Span]]
    needs_digit: bool = True
    apart: tuple[str, ...] = ()


BLANK = "\x00"


def mask(kind: str) -> str:
    """What stands in place of a span. Lower case: capitals would raise VADER's intensity."""
    return f"[{kind}]"
