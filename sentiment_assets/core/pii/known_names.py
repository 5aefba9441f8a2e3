"""Handles and display names that the payload itself gives, wherever the text repeats them."""

import re
import string
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from sentiment_assets.core.pii.allowed import folded, phrases, without_allowed
from sentiment_assets.core.pii.lexicon import lexicon
from sentiment_assets.core.pii.names_context import TITLE_BEFORE
from sentiment_assets.core.pii.rule import Span
from sentiment_assets.core.text import canonicalise

# Words that a display name may hold and every text does. Alone they name nobody.
_EVERYDAY_WORDS = (
    "the and for you your our his her its not but are was all any can may will has have had how "
    "who why now new one two out off get got just this that with from they them then than what "
    "when where into over very here there been were let mr mrs miss van von der den del della dos "
    "das bin ibn official real"
)
EVERYDAY = frozenset(_EVERYDAY_WORDS.split())
_MIN_PART = 3
_WORD = re.compile(r"[^\W_](?:[\w.'-]*[^\W_])?")
# Scripts that write words without spaces: no boundary to ask for.
_UNSPACED = re.compile(r"^[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]{2,}$")
_INITIALS_BEFORE = re.compile(r"(?<![^\W_])(?:[A-Za-z]\. ?){1,3}\Z|(?<![^\W_])[A-Z] \Z")
_INITIAL_AFTER = re.compile(r" ([A-Z])\.")
# What people put between the words of a name.
_SIGNS = (" ", "", "_", ".", "-")
_GAP = re.compile(r"[ _.'-]{1,2}$")


class _Known(NamedTuple):
    """How a name may be written, in lower-case canonical strings."""

    #: Of the whole name: with any sign between its words, turned round, run together.
    whole: frozenset[str]
    #: Its words, each of which names the same person.
    parts: frozenset[str]
    #: Those of both that every text may hold: they count with a capital only.
    capitalised: frozenset[str]
    #: Of a name of several words; of one word none.
    initials: frozenset[str]


@lru_cache(maxsize=65_536)
def _known(name: str) -> _Known:
    """Without strings for names without a letter (emoji, digits, white space)."""
    words = _words(name)
    several = len(words) > 1
    orders = [words, words[::-1]]
    if len(words) > 2:
        orders += [[words[0], words[-1]], [words[-1], words[0]]]
    whole = {sign.join(order) for order in orders for sign in _SIGNS} if several else {*words}
    parts = {w for w in words if len(w) >= _MIN_PART} if several else set()
    alone = (parts | (set() if several else whole)) - EVERYDAY
    common = {word for word in alone if word in lexicon().common}
    # "Hope" does where it is written as a name.
    nobody = {word for word in common if _names_nobody(word)}
    return _Known(
        frozenset(_written((whole & alone if not several else whole) - nobody)),
        frozenset(_written((parts & alone) - nobody)),
        frozenset(_written(common)),
        frozenset(word[0] for word in words) if several else frozenset(),
    )


def _words(name: str) -> list[str]:
    return _WORD.findall(canonicalise(name).text.lower().replace("\u2019", "'"))


def _written(spellings: set[str]) -> set[str]:
    found = {s for s in spellings if len(s) > 1 and any(c.isalpha() for c in s)}
    return found | {s.replace("'", "\u2019") for s in found}


@lru_cache(maxsize=65_536)
def searched_for(name: str) -> tuple[str, ...]:
    """Strings of which one stands in every lower-case canonical text that spells the name.

    Of :func:`_known` what most texts are asked for, in a third of the time: a busy day has a
    hundred thousand names.
    """
    words = _words(name)
    if len(words) < 2:
        return tuple(sorted(_known(name).whole))
    parts = {word for word in words if len(word) >= _MIN_PART} - EVERYDAY
    parts -= {word for word in parts if _names_nobody(word)}
    # Every spelling of the whole holds its longest word. Where that is one letter, the spellings.
    longest = _written({max(words, key=len)}) or _known(name).whole
    return tuple(sorted(_written(parts) | longest))


def _names_nobody(word: str) -> bool:
    """Whether half a name is a word of every text: "Happy" of "Happy Customer", but not "Hope"."""
    return word in lexicon().common and word not in lexicon().names


def may_be_spelled(names: Iterable[str], lowered: str) -> bool:
    """Whether a canonical text in lower case holds what every spelling of one of the names has."""
    # Written out: a generator takes as long as the search itself.
    for name in names:
        for spelling in searched_for(name):
            if spelling in lowered:
                return True
    return False


def _is_bounded(text: str, start: int, end: int) -> bool:
    return not ((start and text[start - 1].isalnum()) or (end < len(text) and text[end].isalnum()))


def _with_what_belongs(
    text: str, start: int, end: int, initials: frozenset[str]
) -> tuple[int, int]:
    """``Dr Roe``; ``J. Roe`` and ``Jane R.``, where J and R begin words of a known name."""
    before = _INITIALS_BEFORE.search(text, max(0, start - 8), start)
    if before and set(before[0].lower()) & set(string.ascii_lowercase) <= initials:
        start = before.start()
    title = TITLE_BEFORE.search(text, max(0, start - 14), start)
    if title:
        start = title.start()
    after = _INITIAL_AFTER.match(text, end)
    if after and after[1].lower() in initials:
        end = after.end()
    return start, end


def find_known_names(
    text: str, known_names: Sequence[str], allow: tuple[str, ...] = ()
) -> Iterator[Span]:
    """Spans of canonical text that spell a known name, in any case, with or without ``@``.

    A word that ``allow`` lists stays, also where it is part of a name. A name of several words
    stays only where ``allow`` lists that very name: somebody may be called like two brands.
    """
    allowed = phrases(allow)
    lowered = text.lower()
    given = [name for name in known_names if folded(name).lstrip("@") not in allowed]
    # Most of what came with a post is not in its text.
    names = [_known(name) for name in given if may_be_spelled((name,), lowered)]
    if not names:
        return
    initials = frozenset().union(*(_known(name).initials for name in given))
    capitalised = frozenset().union(*(known.capitalised for known in names))
    full = frozenset().union(*(known.whole for known in names if known.initials))
    found: list[tuple[int, int]] = []
    for spellings, searched in (
        (full, text),
        (
            frozenset().union(*(known.parts if known.initials else known.whole for known in names)),
            without_allowed(text, allow),
        ),
    ):
        lowered = searched.lower()
        for spelling in spellings:
            start = lowered.find(spelling)
            while start >= 0:
                end = start + len(spelling)
                if (_UNSPACED.match(spelling) or _is_bounded(lowered, start, end)) and not (
                    spelling in capitalised and text[start].islower()
                ):
                    found.append((start - (text[start - 1 : start] == "@"), end))
                start = lowered.find(spelling, start + 1)
    found = [_with_what_belongs(text, start, end, initials) for start, end in found]
    merged: list[list[int]] = []
    for start, end in sorted(found):
        # "Jane" and "Roe" in "Jane Roe" are one name.
        if merged and (start <= merged[-1][1] or _GAP.match(text, merged[-1][1], start)):
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    for start, end in merged:
        yield Span(start, end, "handle" if text[start] == "@" else "name")
