"""VADER, exactly as vaderSentiment 3.3.2 scores on Python 3.11, several times faster.

Rules: Hutto and Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social
Media Text", ICWSM 2014. Lexicon, emoji names and word lists are read from the installed package;
only its rules are written anew here, with every oddity of theirs, since a score that differs from
the published tool can't be explained to anybody.

What makes it fast: a text is looked at only around the words that the lexicon knows. Everything a
rule can ask about a token is worked out once and kept; all tokens without a role share one record.
"""

from __future__ import annotations

import math
import string
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

import pyarrow as pa
from vaderSentiment import vaderSentiment as published

_CAPS_INCREMENT: float = published.C_INCR
_NEGATION: float = published.N_SCALAR

#: Tokens kept between texts. Posts repeat their words: 100,000 tokens cover most of a day's.
_KEPT_TOKENS = 100_000
_KEPT_TOKEN_LENGTH = 40

Score = tuple[float, float, float, float]

_NO_WORDS: Score = (0.0, 0.0, 0.0, 0.0)
_NO_SENTIMENT: Score = (0.0, 1.0, 0.0, 0.0)


@dataclass(slots=True, eq=False)
class _Token:
    """All that the rules ask about a token, after its outer punctuation is stripped."""

    #: Lower-case form, or empty where no rule names the word.
    word: str = ""
    #: Valence in the lexicon; None where the lexicon doesn't have the word.
    valence: float | None = None
    #: What the token, as a booster, adds to a valence that follows.
    boost: float = 0.0
    negates: bool = False
    upper: bool = False
    #: May precede, or be, the last word of one of the idioms or two-word boosters.
    opens_phrase: bool = False
    ends_phrase: bool = False


_PLAIN = _Token()
_PLAIN_UPPER = _Token(upper=True)

#: Words that the rules name, beside lexicon, boosters, negations and phrases.
_NAMED = {"at", "but", "doubt", "least", "no", "nor", "or", "this", "very"}


class _Tokens(dict[str, _Token]):
    """Records of tokens as they stand in a text, made when first seen."""

    def __init__(self, lexicon: dict[str, float]) -> None:
        super().__init__()
        boosters: dict[str, float] = published.BOOSTER_DICT
        phrases = [p.split() for p in (*published.SPECIAL_CASES, *boosters) if " " in p]
        opens = {word for phrase in phrases for word in phrase[:-1]}
        ends = {phrase[-1] for phrase in phrases}
        words = {*lexicon, *boosters, *published.NEGATE, *_NAMED}.union(*phrases)
        self._known = {
            (word, upper): _Token(
                word,
                lexicon.get(word),
                boosters.get(word, 0.0),
                word in published.NEGATE or "n't" in word,
                upper,
                word in opens,
                word in ends,
            )
            for word in words
            for upper in (False, True)
        }

    def __missing__(self, raw: str) -> _Token:
        stripped = raw.strip(string.punctuation)
        # Two characters or fewer were probably an emoticon: it keeps its punctuation.
        word = (raw if len(stripped) <= 2 else stripped).lower()
        upper = raw.isupper()
        token = self._known.get((word, upper))
        if token is None:
            if "n't" in word:
                token = _Token(word, negates=True, upper=upper)
            else:
                token = _PLAIN_UPPER if upper else _PLAIN
        if len(raw) <= _KEPT_TOKEN_LENGTH:
            if len(self) >= _KEPT_TOKENS:
                self.clear()
            self[raw] = token
        return token


def _boost(token: _Token, valence: float, caps_differ: bool) -> float:
    scalar = token.boost
    if scalar:
        if valence < 0:
            scalar = -scalar
        if caps_differ and token.upper:
            scalar += _CAPS_INCREMENT if valence > 0 else -_CAPS_INCREMENT
    return scalar


def _phrase(tokens: list[_Token], start: int, end: int) -> str:
    return " ".join([token.word for token in tokens[start:end]])


def _after_idioms(valence: float, tokens: list[_Token], i: int) -> float:
    """Valence of the word at ``i`` (3 or later) where it stands in or behind a set phrase."""
    idioms: dict[str, float] = published.SPECIAL_CASES
    before = _phrase(tokens, i - 3, i), _phrase(tokens, i - 3, i - 1), _phrase(tokens, i - 2, i)
    three_two_one, three_two, two_one = before
    for phrase in (
        _phrase(tokens, i - 1, i + 1), _phrase(tokens, i - 2, i + 1),
        two_one, three_two_one, three_two,
    ):  # fmt: skip
        if phrase in idioms:
            valence = idioms[phrase]
            break
    if i + 1 < len(tokens):
        valence = idioms.get(_phrase(tokens, i, i + 2), valence)
    if i + 2 < len(tokens):
        valence = idioms.get(_phrase(tokens, i, i + 3), valence)
    for phrase in before:
        valence += published.BOOSTER_DICT.get(phrase, 0.0)
    return valence


def _valence(tokens: list[_Token], i: int, caps_differ: bool) -> float:
    """Valence of the lexicon word at ``i`` among its neighbours: three before, two after."""
    token = tokens[i]
    base = valence = token.valence or 0.0
    if token.word == "kind" and i + 1 < len(tokens) and tokens[i + 1].word == "of":
        return 0.0
    one = tokens[i - 1] if i > 0 else _PLAIN
    two = tokens[i - 2] if i > 1 else _PLAIN
    three = tokens[i - 3] if i > 2 else _PLAIN
    word_one, word_two, word_three = one.word, two.word, three.word

    if token.word == "no" and i + 1 < len(tokens) and tokens[i + 1].valence is not None:
        valence = 0.0
    if (
        word_one == "no"
        or word_two == "no"
        or (word_three == "no" and (word_one == "or" or word_one == "nor"))
    ):
        valence = base * _NEGATION
    if caps_differ and token.upper:
        valence += _CAPS_INCREMENT if valence > 0 else -_CAPS_INCREMENT

    if one is not _PLAIN and one.valence is None:
        valence += _boost(one, valence, caps_differ)
        if one.negates:
            valence *= _NEGATION
    if two is not _PLAIN and two.valence is None:
        valence += _boost(two, valence, caps_differ) * 0.95
        if word_two == "never" and (word_one == "so" or word_one == "this"):
            valence *= 1.25
        elif two.negates and not (word_two == "without" and word_one == "doubt"):
            valence *= _NEGATION
    if i > 2 and three.valence is None:
        valence += _boost(three, valence, caps_differ) * 0.9
        if (
            word_one == "so"
            or word_one == "this"
            or (word_three == "never" and (word_two == "so" or word_two == "this"))
        ):
            valence *= 1.25
        elif three.negates and not (
            word_three == "without" and (word_two == "doubt" or word_one == "doubt")
        ):
            valence *= _NEGATION
        if (
            (token.ends_phrase and one.opens_phrase)
            or (one.ends_phrase and two.opens_phrase)
            or (two.ends_phrase and three.opens_phrase)
            or token.opens_phrase
        ):
            valence = _after_idioms(valence, tokens, i)

    if word_one == "least" and word_two != "at" and word_two != "very" and one.valence is None:
        valence *= _NEGATION
    return valence


def _weigh_but(valences: list[float], places: list[int], but: int) -> None:
    """Halve what stands before the first "but", raise what stands behind it by half.

    The published code finds a word's place by its valence, so of equal valences the first is
    altered, and altered again: scores depend on it.
    """
    for valence in valences:
        first = valences.index(valence)
        if places[first] < but:
            valences[first] = valence * 0.5
        elif places[first] > but:
            valences[first] = valence * 1.5


def _emphasis(text: str) -> float:
    questions = text.count("?")
    asked = 0.0 if questions < 2 else questions * 0.18 if questions <= 3 else 0.96
    return min(text.count("!"), 4) * 0.292 + asked


def _totals(valences: Iterable[float], words: int, emphasis: float) -> Score:
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
        round(-negative / whole + 0.0, 3),
        round(neutral / whole, 3),
        round(positive / whole, 3),
        round(compound, 4),
    )


@cache
def _polarity() -> Callable[[str], Score]:
    """The scoring function over the installed lexicon, loaded once per process."""
    analyzer = published.SentimentIntensityAnalyzer()
    # Only single characters are ever looked up, so longer emoji sequences count by their parts.
    # The published code puts a space before a name where there is none; one more changes nothing.
    # It puts none behind: the name's last word fuses with what follows.
    names = {emoji: f" {name}" for emoji, name in analyzer.emojis.items() if len(emoji) == 1}
    emoji_in = frozenset(names).intersection
    token_of = _Tokens(analyzer.lexicon).__getitem__

    def polarity(text: str) -> Score:
        if not text.isascii():
            for emoji in emoji_in(text):
                text = text.replace(emoji, names[emoji])
        tokens = list(map(token_of, text.split()))
        if not tokens:
            return _NO_WORDS
        # Boosters are never scored themselves, whatever the lexicon says of them.
        places = [i for i, t in enumerate(tokens) if t.valence is not None and not t.boost]
        if not places:
            return _NO_SENTIMENT
        uppers = [token.upper for token in tokens]
        caps_differ = True in uppers and False in uppers
        valences = [_valence(tokens, i, caps_differ) for i in places]
        if "but" in text.lower():
            words = [token.word for token in tokens]
            if "but" in words:
                _weigh_but(valences, places, words.index("but"))
        return _totals(valences, len(tokens), _emphasis(text))

    return polarity


class _Vader:
    """The default scorer: rule-based, English, exact against the published tool."""

    name = "vader"
    version = "3.3.2"
    languages = frozenset({"en"})

    def score(self, texts: pa.Array) -> pa.Table:
        """Score each distinct text once; null gives null in every column."""
        encoded = texts.dictionary_encode()
        columns = {name: array("d") for name in ("neg", "neu", "pos", "compound")}
        neg, neu, pos, compound = (column.append for column in columns.values())
        polarity = _polarity()
        for text in encoded.dictionary.to_pylist():
            scores = polarity(text)
            neg(scores[0])
            neu(scores[1])
            pos(scores[2])
            compound(scores[3])
        return pa.table(
            {
                name: pa.Array.from_buffers(
                    pa.float64(), len(column), [None, pa.py_buffer(column)]
                ).take(encoded.indices)
                for name, column in columns.items()
            }
        )


VADER = _Vader()
