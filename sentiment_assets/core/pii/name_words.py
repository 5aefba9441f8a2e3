"""The words of a text, each with what the lexicon says of it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from sentiment_assets.core.pii.kernel import compiled, kernel_in_use
from sentiment_assets.core.pii.lexicon import UNSURE, lexicon
from sentiment_assets.core.pii.names_context import (
    ANY_WORD,
    BEFORE_PLACES,
    CALLED,
    CAPITALISED,
    FEATURES,
    JOIN,
    NO_SURNAME,
    NOT_PEOPLE,
    PEOPLE_TOO,
    POSSESSIVE,
    ROLES,
    ROLES_AND_TITLES,
    TITLES,
    UPPER_BEYOND_ASCII,
)
from sentiment_assets.core.pii.names_context import FORMED as BEGINS_LIKE_A_NAME

#: What a capitalised word is, in bits. The first eight are the lexicon's.
NAMED = 255
INITIAL, CAPITALS, IN_DICTIONARY, COMMON, FORMED = 1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12
TITLE, CALL, ROLE, ENDS_NAME, FEATURE = 1 << 13, 1 << 14, 1 << 15, 1 << 16, 1 << 17
BEFORE_PLACE, ANY_NOT_PEOPLE, NOT_PERSON = 1 << 18, 1 << 19, 1 << 20
#: Where it stands: it goes on in the next word; what follows makes it worth a look.
JOINED, LEADS = 1 << 21, 1 << 22
#: It may begin a name by itself: a known name, an initial, a title.
TELLS = NAMED | INITIAL | TITLE | CALL
#: How many letters it has, five at most.
LETTERS = 7 << 24
THREE_LETTERS, FOUR_LETTERS, FIVE_LETTERS = 3 << 24, 4 << 24, 5 << 24

#: What the lists of ``names_context`` say of a word in lower case.
_LISTED: dict[str, int] = {}
for _mark, _list in (
    (TITLE, TITLES),
    (CALL, CALLED),
    (ROLE, ROLES),
    (ENDS_NAME, NO_SURNAME),
    (FEATURE, FEATURES),
    (BEFORE_PLACE, BEFORE_PLACES),
    (ANY_NOT_PEOPLE, NOT_PEOPLE),
    (NOT_PERSON, NOT_PEOPLE - PEOPLE_TOO),
):
    for _word in _list:
        _LISTED[_word] = _LISTED.get(_word, 0) | _mark
#: Longer than what may join two words of one name.
_LONG_GAP = 20


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


@lru_cache(maxsize=65_536)
def marks_of(written: str) -> tuple[int, int]:
    """The length of a capitalised word without a possessive, and what it is anywhere, in bits."""
    # Of every batch some thousand words are new: here each look-up counts.
    known = lexicon()
    plain = written.isalpha()
    word = written if plain else POSSESSIVE.sub("", written)
    key = word.lower()
    length = len(key)
    marks = (known.names.get(key, 0) if plain else bits_of(key)) | _LISTED.get(key, 0)
    if length == 1:
        marks |= INITIAL
    elif word.isupper():
        marks |= CAPITALS
    if key in known.common:
        marks |= COMMON
    if known.is_word(key):
        marks |= IN_DICTIONARY
    elif BEGINS_LIKE_A_NAME.match(key):
        marks |= FORMED
    return len(word), marks | min(length, 5) << 24


@lru_cache(maxsize=65_536)
def joins(gap: str) -> int:
    """Whether what stands between two words may join them in one name: 1; 2 with a dot; 0."""
    if not JOIN.match(gap):
        return 0
    return 2 if "." in gap else 1


def read_marks(text: str) -> tuple[list[int], list[int], list[int]]:
    """Where the capitalised words of a text begin and end, and what each is, in bits."""
    # A dot ends a sentence, unless the word is an initial or a title.
    dotted = INITIAL | TITLE | CALL
    if kernel_in_use() == "compiled":
        return compiled.read_marks(
            text, UPPER_BEYOND_ASCII, marks_of, joins, _LONG_GAP, JOINED, dotted
        )
    starts, ends, marks = [], [], []
    for match in CAPITALISED.finditer(text):
        start = match.start()
        length, mark = marks_of(match[0])
        starts.append(start)
        ends.append(start + length)
        marks.append(mark)
    for i in range(len(marks) - 1):
        if starts[i + 1] - ends[i] <= _LONG_GAP:
            joined = joins(text[ends[i] : starts[i + 1]])
            if joined == 1 or (joined and marks[i] & dotted):
                marks[i] |= JOINED
    return starts, ends, marks
