"""Words and phrases that name nobody here: brands, places, the words of tracked topics.

What belongs here: what an allow-list matches. Whole words only, in any case: ``nimbus`` keeps
"Nimbus" and not "Nimbusson". Whose names it applies to is decided by ``known_names`` and ``names``.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import polars as pl

from sentiment_assets.core.pii.kernel import compiled, kernel_in_use
from sentiment_assets.core.pii.rule import BLANK
from sentiment_assets.core.text import canonicalise

_WORD = re.compile(r"[^\W_]+")


@lru_cache(maxsize=65_536)
def folded(phrase: str) -> str:
    """Canonical, in lower case, one space between words."""
    return " ".join(canonicalise(phrase).text.lower().split())


@cache
def phrases(allow: tuple[str, ...]) -> frozenset[str]:
    """The list as it is compared, without what holds no letter."""
    found = map(folded, allow)
    return frozenset(phrase for phrase in found if any(map(str.isalpha, phrase)))


@cache
def _pattern(allow: tuple[str, ...]) -> re.Pattern[str] | None:
    longest_first = sorted(phrases(allow), key=lambda phrase: (-len(phrase), phrase))
    if not longest_first:
        return None
    either = "|".join(re.escape(phrase).replace(r"\ ", " +") for phrase in longest_first)
    return re.compile(rf"(?<![^\W_])(?:{either})(?![^\W_])", re.IGNORECASE)


@cache
def _signs(allow: tuple[str, ...]) -> tuple[str, ...]:
    """Strings of which one stands in every lower-case canonical text that holds a phrase."""
    words = {max(phrase.split(), key=len) for phrase in phrases(allow)}
    # Lower case beyond ASCII is not what a pattern takes for the same letter: there, any holds.
    return tuple(sorted(word if word.isascii() else "" for word in words))


@cache
def _signs_in_any_case(allow: tuple[str, ...]) -> list[str]:
    """The same for texts in any case: to a pattern without case these two are an s and a k."""
    return [*filter(None, _signs(allow)), "\N{LATIN SMALL LETTER LONG S}", "\N{KELVIN SIGN}"]


def rows_with_allowed(texts: pl.Series, allow: tuple[str, ...]) -> pl.Series:
    """Whether each canonical text may hold something that is allowed: a no is a proof.

    A column takes a twentieth of the time that :func:`without_allowed` takes to find nothing.
    """
    found = texts.str.contains_any(_signs_in_any_case(allow), ascii_case_insensitive=True)
    if "" in _signs(allow):
        found |= texts.str.len_bytes() != texts.str.len_chars()
    return found


class _Words(NamedTuple):
    """What the kernel looks for: the words of phrases, letters and digits of ASCII."""

    all: frozenset[str]
    #: By the longest word of a phrase: its others, of each such phrase. Empty where a phrase has no
    #: word at all, and nothing can be said.
    others: Mapping[str, Sequence[frozenset[str]]]
    #: Their lengths and first characters, as bits.
    lengths: int
    firsts: int


@cache
def _words(allow: tuple[str, ...]) -> _Words:
    # What of a word stands beside a letter beyond ASCII is none.
    each = {frozenset(filter(str.isascii, _WORD.findall(phrase))) for phrase in phrases(allow)}
    others: dict[str, list[frozenset[str]]] = {}
    words = frozenset[str]()
    if frozenset() not in each:
        for phrase in each:
            longest = max(sorted(phrase), key=len)
            others.setdefault(longest, []).append(phrase - {longest})
        words = words.union(*each)
    lengths = firsts = 0
    for word in words:
        lengths |= 1 << min(len(word), 63)
        firsts |= 1 << (ord(word[0]) & 63)
    return _Words(words, others, lengths, firsts)


def _may_hold(text: str, allow: tuple[str, ...]) -> bool:
    words = _words(allow)
    if words.all and kernel_in_use() == "compiled":
        found = compiled.words_among(text, words.all, words.lengths, words.firsts)
        if found is not None:
            for word in found:
                for others in words.others.get(word, ()):
                    if not others or others.issubset(found):
                        return True
            return False
    lowered, ascii_only = text.lower(), text.isascii()
    # Written out: a generator takes as long as the search itself.
    for sign in _signs(allow):  # noqa: SIM110
        if sign in lowered if sign else not ascii_only:
            return True
    return False


def without_allowed(text: str, allow: tuple[str, ...]) -> str:
    """Canonical text of the same length, with what is allowed blank."""
    pattern = _pattern(allow)
    if pattern is None or not _may_hold(text, allow):
        return text
    return pattern.sub(lambda match: BLANK * len(match.group()), text)


def is_allowed(name: str, allow: tuple[str, ...]) -> bool:
    """Whether nothing of a name is left when what is allowed is taken away."""
    return not any(map(str.isalnum, without_allowed(canonicalise(name).text, allow)))
