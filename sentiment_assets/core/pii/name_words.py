"""The words of a text, each with what the lexicon says of it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from sentiment_assets.core.pii.kernel import compiled, kernel_in_use
from sentiment_assets.core.pii.lexicon import UNSURE, lexicon
from sentiment_assets.core.pii.names_context import (
    ANY_WORD,
    CAPITALISED,
    FORMED,
    POSSESSIVE,
    ROLES_AND_TITLES,
    UPPER_BEYOND_ASCII,
)


class Word(NamedTuple):
    """One word of a text and where it stands."""

    start: int
    end: int
    #: Lower case, without a possessive.
    key: str
    #: What the lexicon says.
    bits: int
    capitals: bool
    #: Whether it may begin a name by itself: a known name, an initial, a title.
    tells: bool

    @property
    def is_initial(self) -> bool:
        """Whether it is one letter."""
        return len(self.key) == 1


@lru_cache(maxsize=65_536)
def bits_of(key: str) -> int:
    """What the lexicon says of a lower-case word; of a double name, what it says of its parts."""
    names = lexicon().names
    if key in names:
        return names[key]
    if key.isalpha():
        return 0
    parts = re.split(r"['\u2019-]", key)
    if len(parts) > 1 and (len(parts[0]) > 1 or parts[0] in "od"):
        found = [names.get(part, 0) for part in parts[len(parts[0]) == 1 :]]
        if all(found):
            # A double name is a name, whatever each half may be alone.
            bits = found[0] | found[-1]
            return bits & ~UNSURE if any(not part & UNSURE for part in found) else bits
    return 0


@lru_cache(maxsize=65_536)
def is_word(key: str) -> bool:
    """Whether an English dictionary has it."""
    return lexicon().is_word(key)


@lru_cache(maxsize=65_536)
def is_formed(key: str) -> bool:
    """Whether a word in no list begins like a name that is made from words of its language."""
    return FORMED.match(key) is not None and not is_word(key)


def is_common(key: str) -> bool:
    """Whether it is among the commonest words, or one that carries sentiment."""
    return key in lexicon().common


@lru_cache(maxsize=65_536)
def entry_of(written: str) -> tuple[int, str, int, bool, bool]:
    """What is known of a word anywhere: its length without a possessive, and a word's fields."""
    # Nearly every word is letters alone: a fifth of the time.
    word = written if written.isalpha() else POSSESSIVE.sub("", written)
    key = word.lower()
    bits = bits_of(key)
    tells = bool(bits) or len(key) == 1 or key in ROLES_AND_TITLES
    return len(word), key, bits, len(key) > 1 and word.isupper(), tells


def read_words(text: str, *, capitalised: bool) -> list[Word]:
    """The words of a text in their order, those with a capital or all."""
    if kernel_in_use() == "compiled":
        return compiled.read_words(
            text, UPPER_BEYOND_ASCII if capitalised else None, entry_of, Word
        )
    words = []
    for match in (CAPITALISED if capitalised else ANY_WORD).finditer(text):
        start = match.start()
        length, key, bits, capitals, tells = entry_of(match[0])
        # What Word(...) does, in half the time.
        words.append(tuple.__new__(Word, (start, start + length, key, bits, capitals, tells)))
    return words
