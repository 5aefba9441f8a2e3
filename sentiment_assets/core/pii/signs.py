"""What a text must hold for a pattern to match in it, read off the pattern itself.

What belongs here: signs, plain strings of which every text that matches holds one. They are found
many times faster than a pattern, and few texts hold one that don't match. Which patterns there are,
and who looks for their signs, is said elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

#: Stands for any ASCII digit, in signs and in the texts in which they are looked for.
DIGIT = "0"

#: Stands for any byte but a small letter, or for an end of the text; first or last in a sign.
EDGE = "\x01"

#: How many bytes a sign has, edges aside.
SHORTEST, LONGEST = 2, 40

#: More alternatives than these are no longer told apart.
_MOST = 1_000
_MOST_CHARACTERS = 12

#: Where letters stand that have cases: Latin, Greek, Cyrillic, Armenian, Georgian, Cherokee, and
#: signs made of letters.
_CASED = (
    (0x80, 0x590), (0x10A0, 0x1100), (0x13A0, 0x1400), (0x1C80, 0x2190), (0x2C00, 0x2D30),
    (0xA640, 0xA800),
)  # fmt: skip

_NOTHING = frozenset({""})
_EDGE = frozenset({EDGE})
_LETTERS = b"abcdefghijklmnopqrstuvwxyz"
_ENDS = (code.AT_BEGINNING, code.AT_BEGINNING_STRING, code.AT_END, code.AT_END_STRING)


def signs_of(pattern: str) -> frozenset[bytes]:
    """Signs of which one stands in every text that the pattern matches; none where that is unknown.

    ASCII letters are small in them, and digits :data:`DIGIT`; so they must be in the text. Each has
    :data:`SHORTEST` to :data:`LONGEST` bytes of UTF-8 beside its edges.

    Args:
        pattern: in the syntax that Python and Rust share, without look-around.
    """
    return _best([_needed(parser.parse(pattern))])


def _needed(items: Iterable[tuple[Any, Any]]) -> frozenset[bytes]:
    """Signs of a sequence: of its parts those that are rarest."""
    choices: list[frozenset[bytes]] = []
    #: All that may stand together here, up to what can be anything.
    run = _NOTHING
    for item in items:
        for whole, needed in _pieces(item):
            longer = None if whole is None else _joined(run, whole)
            if longer is None:
                choices += [_cut(run), needed]
                run = whole or _NOTHING
            else:
                run = longer
            if any(EDGE in string[1:] for string in run):
                choices.append(_cut(run))
                run = _EDGE
    return _best([*choices, _cut(run)])


def _pieces(item: tuple[Any, Any]) -> Iterator[tuple[frozenset[str] | None, frozenset[bytes]]]:
    """Of an item of a pattern, part by part: all that it may be, or signs of what it may be."""
    op, of = item
    if op is code.SUBPATTERN:
        for inner in of[-1]:
            yield from _pieces(inner)
    elif op in (code.MAX_REPEAT, code.MIN_REPEAT):
        least, most, inner = of
        once = _whole(inner)
        for _ in range(min(least, LONGEST)):
            yield (once, frozenset()) if once is not None else (None, _needed(inner))
        if least == 0 and most == 1 and once is not None:
            yield once | _NOTHING, frozenset()
        elif least != most or least > LONGEST:
            yield None, frozenset()
    elif op is code.BRANCH:
        each = [_whole(branch) for branch in of[1]]
        whole = None if None in each else frozenset().union(*each)  # type: ignore[arg-type]
        if whole is not None and len(whole) <= _MOST:
            yield whole, frozenset()
        else:
            needed = [_needed(branch) for branch in of[1]]
            yield None, frozenset().union(*needed) if all(needed) else frozenset()
    elif op is code.AT:
        yield _EDGE if of in _ENDS else _NOTHING, frozenset()
    elif op is code.LITERAL:
        yield _cases(chr(of)), frozenset()
    else:
        yield _characters([item]), frozenset()


def _whole(items: Iterable[tuple[Any, Any]]) -> frozenset[str] | None:
    """All that a sequence may be; null where that is too much."""
    run = _NOTHING
    for item in items:
        for whole, _ in _pieces(item):
            longer = None if whole is None else _joined(run, whole)
            if longer is None:
                return None
            run = longer
    # An edge may be several bytes.
    return None if any(EDGE in string[1:-1] for string in run) else run


def _characters(items: Iterable[tuple[Any, Any]]) -> frozenset[str] | None:
    """What one character may be, as it is looked for; null where it may be nearly any."""
    found: set[str] = set()
    for op, of in items:
        if op is code.LITERAL:
            found |= _cases(chr(of))
        elif op is code.RANGE:
            first, last = of
            if (first, last) == (ord("0"), ord("9")):
                found.add(DIGIT)
            elif last - first > _MOST_CHARACTERS:
                return None
            else:
                found.update(*(_cases(chr(each)) for each in range(first, last + 1)))
        elif op is code.IN:
            inner = _EDGE if _excludes_letters(of) else _characters(of)
            if inner is None:
                return None
            found |= inner
        else:
            return None
    return frozenset(found) if len(found) <= _MOST_CHARACTERS else None


def _excludes_letters(items: Sequence[tuple[Any, Any]]) -> bool:
    """Whether a set is one of all but letters, and maybe others."""
    if items[0][0] is not code.NEGATE:
        return False
    ranges = {of for op, of in items[1:] if op is code.RANGE}
    return (ord("a"), ord("z")) in ranges


@cache
def _cases(character: str) -> frozenset[str]:
    """A character as it stands in texts whose ASCII letters are small and whose digits are one."""
    if character.isascii():
        return frozenset([DIGIT if character.isdigit() else character.lower()])
    if character.lower() == character.upper():
        return frozenset([character])
    # A pattern without case may take several for one, as the small and the capital sharp s.
    alike = _alike()
    return frozenset([character, *alike[character.lower()], *alike[character.casefold()]])


@cache
def _alike() -> defaultdict[str, list[str]]:
    """Characters by what they are in lower case, and by what they are without any."""
    alike = defaultdict(list)
    for first, last in _CASED:
        for character in map(chr, range(first, last)):
            for form in {character.lower(), character.casefold()}:
                alike[form].append(character)
    return alike


def _joined(run: frozenset[str], whole: frozenset[str]) -> frozenset[str] | None:
    if len(run) * len(whole) > _MOST:
        return None
    if len(whole) == 1:
        (right,) = whole
        return frozenset([left + right for left in run])
    return frozenset([left + right for left in run for right in whole])


def _cut(run: frozenset[str]) -> frozenset[bytes]:
    """These strings as signs; none where one has too few bytes, or too many."""
    signs = {string.encode() for string in run}
    sizes = [len(sign.strip(EDGE.encode())) for sign in signs]
    return frozenset(signs) if all(SHORTEST <= size <= LONGEST for size in sizes) else frozenset()


def _rarity(sign: bytes) -> float:
    """The more, the fewer texts hold it: digits and punctuation are rarer than letters."""
    letters = len(sign) - len(sign.translate(None, _LETTERS))
    return len(sign) - 0.3 * letters - 0.5 * sign.count(b" ")


def _best(choices: Iterable[frozenset[bytes]]) -> frozenset[bytes]:
    """The signs of which the commonest is rarest."""
    known = [signs for signs in choices if signs]
    return max(known, key=lambda signs: min(map(_rarity, signs)), default=frozenset())
