"""VADER's rules in plain Python, for where the compiled kernel is not: the same scores, slower.

Belongs here: the rules, in the words of the published code, with every oddity of theirs. Words come
from ``vader_words``; ``vader`` chooses between this and ``_vader_kernel``.

What makes it fast: a token becomes one character, and all tokens without a role share one. A word's
valence depends on three tokens before it and two behind, so on six characters: valences are worked
out once for each six, and kept.
"""

from __future__ import annotations

import math
import re
import string
from array import array
from collections.abc import Callable
from functools import cache, lru_cache
from heapq import heappush, heappushpop
from itertools import chain

import polars as pl

from sentiment_assets.core.sentiment.vader_words import (
    CAPS_INCREMENT,
    CASELESS,
    NEGATION,
    Word,
    published_words,
)

#: Tokens and neighbourhoods kept between texts. Posts repeat their words: as many cover
#: most of a day's.
_KEPT = 200_000
_KEPT_TOKEN_LENGTH = 40

Score = tuple[float, float, float, float]

_NO_WORDS: Score = (0.0, 0.0, 0.0, 0.0)
_NO_SENTIMENT: Score = (0.0, 1.0, 0.0, 0.0)

# Characters that stand for tokens: those of one private plane in lower case, those of the other in
# capitals. The first of each is any token without a role, the second one that holds "n't".
_IN_LOWER, _IN_CAPITALS = 0xF0000, 0x100000
_PLAIN, _NEGATES = chr(_IN_LOWER), chr(_IN_LOWER + 1)
_FIRST_WORD = 2
#: Stands before a text and behind it.
_ABSENT = " "
_CASELESS = dict.fromkeys(map(ord, CASELESS))


class _Token:
    """What the rules ask about the token that a character stands for."""

    __slots__ = ("capitals", "fact", "present", "word")

    def __init__(self, word: str, fact: Word, capitals: bool, present: bool = True) -> None:
        self.word = word
        self.fact = fact
        self.capitals = capitals
        #: Whether there is a token at all, and not the text's begin or end.
        self.present = present


class _Kept(dict[str, str]):
    """Characters of tokens as they stand in a text, made when first seen."""

    def __init__(self, characters: dict[str, str]) -> None:
        super().__init__()
        self._characters = characters

    def __missing__(self, raw: str) -> str:
        word = raw.strip(string.punctuation)
        # Two characters or fewer were probably an emoticon: it keeps its punctuation.
        word = (raw if len(word) <= 2 else word).lower()
        character = self._characters.get(word)
        if character is None:
            character = _NEGATES if "n't" in word else _PLAIN
        if raw.isupper() or (not raw.isascii() and raw.translate(_CASELESS).isupper()):
            character = _in_capitals(character)
        if len(raw) <= _KEPT_TOKEN_LENGTH:
            if len(self) >= _KEPT:
                self.clear()
            self[raw] = character
        return character


class _Valences(dict[str, float]):
    """Valences of the fourth of six tokens, worked out when first seen."""

    def __init__(self, tokens: dict[str, _Token], caps_differ: bool) -> None:
        super().__init__()
        self._tokens = tokens
        self._caps_differ = caps_differ

    def __missing__(self, six: str) -> float:
        valence = _valence([self._tokens[character] for character in six], self._caps_differ)
        if len(self) >= _KEPT:
            self.clear()
        self[six] = valence
        return valence


def _in_capitals(character: str) -> str:
    """The character of the same word in capitals."""
    return chr(ord(character) + _IN_CAPITALS - _IN_LOWER)


def _boost(token: _Token, valence: float, caps_differ: bool) -> float:
    scalar = token.fact.boost
    if scalar:
        if valence < 0:
            scalar = -scalar
        if caps_differ and token.capitals:
            scalar += CAPS_INCREMENT if valence > 0 else -CAPS_INCREMENT
    return scalar


def _after_idioms(valence: float, words: tuple[str, ...]) -> float:
    """Valence of the fourth word where it stands in or behind a set phrase."""
    known = published_words()
    idioms = known.idioms
    before = words[0:3], words[0:2], words[1:3]
    three_two_one, three_two, two_one = before
    for phrase in (words[2:4], words[1:4], two_one, three_two_one, three_two):
        if phrase in idioms:
            valence = idioms[phrase]
            break
    valence = idioms.get(words[3:5], valence)
    valence = idioms.get(words[3:6], valence)
    for phrase in before:
        valence += known.booster_phrases.get(phrase, 0.0)
    return valence


def _valence(six: list[_Token], caps_differ: bool) -> float:
    """Valence of a lexicon word, the fourth, among its neighbours: three before, two behind."""
    three, two, one, token, after, _ = six
    word, word_one, word_two, word_three = token.word, one.word, two.word, three.word
    base = valence = token.fact.valence or 0.0
    if word == "kind" and after.word == "of":
        return 0.0

    if word == "no" and after.fact.valence is not None:
        valence = 0.0
    if (
        word_one == "no"
        or word_two == "no"
        or (word_three == "no" and (word_one == "or" or word_one == "nor"))
    ):
        valence = base * NEGATION
    if caps_differ and token.capitals:
        valence += CAPS_INCREMENT if valence > 0 else -CAPS_INCREMENT

    if one.fact.valence is None:
        valence += _boost(one, valence, caps_differ)
        if one.fact.negates:
            valence *= NEGATION
    if two.fact.valence is None:
        valence += _boost(two, valence, caps_differ) * 0.95
        if word_two == "never" and (word_one == "so" or word_one == "this"):
            valence *= 1.25
        elif two.fact.negates and not (word_two == "without" and word_one == "doubt"):
            valence *= NEGATION
    if three.present and three.fact.valence is None:
        valence += _boost(three, valence, caps_differ) * 0.9
        if (
            word_one == "so"
            or word_one == "this"
            or (word_three == "never" and (word_two == "so" or word_two == "this"))
        ):
            valence *= 1.25
        elif three.fact.negates and not (
            word_three == "without" and (word_two == "doubt" or word_one == "doubt")
        ):
            valence *= NEGATION
        valence = _after_idioms(valence, tuple(near.word for near in six))

    if word_one == "least" and word_two not in ("at", "very") and one.fact.valence is None:
        valence *= NEGATION
    return valence


def _weigh_but(valences: list[float], places: list[int], but: int) -> None:
    """Halve what stands before the first "but", raise what stands behind it by half.

    The published code finds a word's place by its valence, so of equal valences the first is
    altered, and altered again: scores depend on it. Its search takes time that grows with the
    square of a text's length; here the places of each valence lie in a heap.
    """
    having: dict[float, list[int]] = {}
    for i, valence in enumerate(valences):
        first = heappushpop(having.setdefault(valence, []), i)
        altered = valence * (0.5 if places[first] < but else 1.5)
        valences[first] = altered
        heappush(having.setdefault(altered, []), first)


def _emphasis(text: str) -> float:
    questions = text.count("?")
    asked = 0.0 if questions < 2 else questions * 0.18 if questions <= 3 else 0.96
    return min(text.count("!"), 4) * 0.292 + asked


# Most posts have one or two valences, so that the same sums come up again and again.
@lru_cache(_KEPT)
def _totals(words: int, emphasis: float, *valences: float) -> Score:
    # A plain loop: from Python 3.12 on, sum() compensates for rounding and flips labels.
    total = positive = negative = 0.0
    neutral = words
    for valence in valences:
        total += valence
        if valence > 0:
            positive += valence + 1
            neutral -= 1
        elif valence < 0:
            negative += valence - 1
            neutral -= 1
    if total > 0:
        total += emphasis
    elif total < 0:
        total -= emphasis
    compound = total / math.sqrt(total * total + 15)
    if positive > -negative:
        positive += emphasis
    elif positive < -negative:
        negative -= emphasis
    whole = positive - negative + neutral
    return (
        round(-negative / whole, 3) if negative else 0.0,
        round(neutral / whole, 3),
        round(positive / whole, 3) if positive else 0.0,
        round(compound, 4),
    )


@cache
def _polarity() -> Callable[[str], Score]:
    """The function that scores a text whose emoji are named; made once a process."""
    words = published_words().words
    # Boosters are never scored themselves, whatever the lexicon says of them.
    scored = [word for word, fact in words.items() if fact.valence is not None and not fact.boost]
    others = sorted(words.keys() - set(scored))
    characters = {
        word: chr(_IN_LOWER + place) for place, word in enumerate([*scored, *others], _FIRST_WORD)
    }
    tokens = {_ABSENT: _Token("", Word(), False, present=False)}
    for character, word, fact in (
        (_PLAIN, "", Word()),
        (_NEGATES, "", Word(negates=True)),
        *((character, word, words[word]) for word, character in characters.items()),
    ):
        tokens[character] = _Token(word, fact, False)
        tokens[_in_capitals(character)] = _Token(word, fact, True)

    first, last = characters[scored[0]], characters[scored[-1]]
    any_scored = f"[{first}-{last}{_in_capitals(first)}-{_in_capitals(last)}]"
    scored_in = re.compile(any_scored)
    # Neighbourhoods overlap, so they are looked at without being consumed.
    sixes_of = re.compile(f"(?=(...{any_scored}..))").findall
    capitals_in = re.compile(f"[{chr(_IN_CAPITALS)}-\U0010ffff]").search
    lower_in = re.compile(f"[{chr(_IN_LOWER)}-\U000fffff]").search
    but_in = re.compile(f"[{characters['but']}{_in_capitals(characters['but'])}]").search
    character_of = _Kept(characters).__getitem__
    valence_of = [_Valences(tokens, caps_differ).__getitem__ for caps_differ in (False, True)]

    def polarity(text: str) -> Score:
        line = "".join(map(character_of, text.split()))
        if not line:
            return _NO_WORDS
        sixes = sixes_of(f"{_ABSENT * 3}{line}{_ABSENT * 2}")
        if not sixes:
            return _NO_SENTIMENT
        caps_differ = bool(capitals_in(line) and lower_in(line))
        valences = list(map(valence_of[caps_differ], sixes))
        but = but_in(line)
        if but:
            places = [found.start() for found in scored_in.finditer(line)]
            _weigh_but(valences, places, but.start())
        return _totals(len(line), _emphasis(text), *valences)

    return polarity


def _named_emoji(texts: pl.Series) -> pl.Series:
    """Texts with each emoji as its name.

    The published code puts a space before a name where there is none; one more changes nothing. It
    puts none behind: the name's last word fuses with what follows.
    """
    names = published_words().emoji
    return texts.str.replace_many(list(names), [f" {name}" for name in names.values()])


def score(texts: pl.Series) -> tuple[array[float], ...]:
    """neg, neu, pos and compound of each text; zero where it is null."""
    named = _named_emoji(texts.fill_null(""))
    rows = array("d", chain.from_iterable(map(_polarity(), named.to_list())))
    return rows[0::4], rows[1::4], rows[2::4], rows[3::4]
