"""Names where letter case says nothing: texts in one case, and scripts that have none.

What belongs here: rules that do without capitals and therefore ask for more: full names of known
words, titles, and alone only given names of very many people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sentiment_assets.core.pii.lexicon import GIVEN, OFTEN, SELDOM, SURNAME, UNSURE
from sentiment_assets.core.pii.name_words import Word, bits_of, is_common, is_word, read_words
from sentiment_assets.core.pii.names_context import (
    JOIN,
    LOWER_CASE_WORDS,
    NO_SURNAME,
    TITLES,
)

# Scripts without capitals: Hebrew to Tibetan, kana, Han, Hangul.
_UNCASED = "\u0590-\u0fff\u3040-\u30fa\u30fc-\u30ff\u3400-\u9fff\uac00-\ud7af"
_UNCASED_PAIR = re.compile(
    rf"(?<![{_UNCASED}])(?=([{_UNCASED}]{{1,14}})[ \u30fb\u00b7]([{_UNCASED}]{{1,14}}))"
)
_UNCASED_SIGN = re.compile(rf"[{_UNCASED}][ \u30fb\u00b7]")
_UNCASED_TITLES = re.compile("(?:さん|様|さま|くん|君|ちゃん|先生|씨|님).*")


def find_uncased(text: str) -> Iterator[tuple[int, int]]:
    """A given name beside a surname, in scripts that have no capitals."""
    # Emoji and accents are most of what is not ASCII: a tenth of the time.
    if not _UNCASED_SIGN.search(text):
        return
    end = 0
    for match in _UNCASED_PAIR.finditer(text):
        first = bits_of(match[1])
        following = _UNCASED_TITLES.sub("", match[2]) or match[2]
        second = bits_of(following)
        if match.start() < end or len(match[1]) + len(following) < 3:
            continue
        if (first & GIVEN and second & SURNAME) or (first & SURNAME and second & GIVEN):
            end = match.start(2) + len(following)
            yield match.start(), end


def find_caseless(text: str) -> Iterator[tuple[int, int]]:
    """Names in a text that is written without capitals, or with nothing else."""
    words = read_words(text, capitalised=False)
    i = 0
    while i < len(words):
        word = words[i]
        last = _titled(text, words, i) if word.key in TITLES else _full_name(text, words, i)
        if last > i or _stands_alone(word):
            yield word.start, words[last].end
        i = last + 1


def _is_given(word: Word) -> bool:
    given = bool(word.bits & GIVEN) and not word.bits & UNSURE
    return given and len(word.key) > 2 and not is_word(word.key)


def _stands_alone(word: Word) -> bool:
    return _is_given(word) and bool(word.bits & OFTEN) and word.key not in LOWER_CASE_WORDS


def _full_name(text: str, words: Sequence[Word], i: int) -> int:
    """The last word of the name that word ``i`` begins, or ``i``."""
    last = i
    while _is_given(words[i]) and last + 1 < len(words):
        following = words[last + 1]
        gap = text[words[last].end : following.start]
        if not JOIN.match(gap) or "." in gap or following.key in NO_SURNAME:
            break
        if following.bits:
            named = not following.bits & UNSURE and not is_common(following.key)
        else:
            # Romanised Hindi or Arabic is full of words that nobody knows here.
            named = (
                last == i
                and bool(words[i].bits & OFTEN)
                and len(following.key) > 4
                and following.key.isascii()
                and "'" not in gap
                and not is_word(following.key)
            )
        if not named:
            break
        last += 1
    return last


def _titled(text: str, words: Sequence[Word], i: int) -> int:
    """The last word of the name behind the title ``i``, or ``i``."""
    if i + 1 >= len(words) or text[words[i].end : words[i + 1].start] not in (" ", ". "):
        return i
    first = words[i + 1]
    if len(first.key) < 3 or is_common(first.key) or (not first.bits and is_word(first.key)):
        return i
    if i + 2 < len(words) and text[first.end : words[i + 2].start] == " ":
        surname = words[i + 2]
        known = surname.bits & SURNAME and not surname.bits & SELDOM
        if first.bits & GIVEN and known and surname.key not in NO_SURNAME:
            return i + 2
    return i + 1
