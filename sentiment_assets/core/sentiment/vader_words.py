"""The words of VADER's rules, as the installed vaderSentiment package has them.

Belongs here: what the rules may ask of a word, for both implementations of them. How a text is
scored with it belongs to ``vader_python`` and ``_vader_kernel``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from vaderSentiment import vaderSentiment as published

COLUMNS = ("neg", "neu", "pos", "compound")

#: What capitals add to a valence where only some words have them.
CAPS_INCREMENT: float = published.C_INCR
#: What a negation multiplies a valence by.
NEGATION: float = published.N_SCALAR

#: Words that the rules name, beside lexicon, boosters, negations and phrases.
NAMED = frozenset(
    ("at", "but", "doubt", "kind", "least", "never", "no", "nor", "of", "or", "so", "this", "very",
     "without")
)  # fmt: skip

#: Letters that count as lower case since Unicode 15 only, which Python 3.12 brought. Scores are
#: those of Python 3.11, where they have no case.
CASELESS = "".join(
    chr(code)
    for first, last in (
        (0x10FC, 0x10FC), (0xA7F2, 0xA7F4), (0xAB69, 0xAB69), (0x1DF25, 0x1DF2A), (0x1E030, 0x1E06D)
    )
    for code in range(first, last + 1)
)  # fmt: skip

#: What ``str.split`` splits at, beside the blank.
SPACES = (
    *"\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\xa0\u1680", *map(chr, range(0x2000, 0x200B)),
    *"\u2028\u2029\u202f\u205f\u3000",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """All that the rules ask of a word in lower case."""

    #: Valence in the lexicon; None where the lexicon doesn't have the word.
    valence: float | None = None
    #: What the word, as a booster, adds to a valence that follows.
    boost: float = 0.0
    negates: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """What the published package knows."""

    words: dict[str, Word]
    #: Set phrases of two or three words, and the valence that each gives.
    idioms: dict[tuple[str, ...], float]
    #: Boosters of two words, and what each adds.
    booster_phrases: dict[tuple[str, ...], float]
    #: Single characters only: the published code looks up no others, so a longer sequence of emoji
    #: counts by its parts.
    emoji: dict[str, str]


@cache
def published_words() -> Words:
    """Read the package's lexicon and lists, once a process."""
    analyzer = published.SentimentIntensityAnalyzer()
    lexicon: dict[str, float] = analyzer.lexicon
    boosters: dict[str, float] = published.BOOSTER_DICT
    idioms = _phrases(published.SPECIAL_CASES)
    booster_phrases = _phrases(boosters)
    known = {*lexicon, *boosters, *published.NEGATE, *NAMED}.union(*idioms, *booster_phrases)
    return Words(
        {
            word: _word(
                lexicon.get(word),
                boosters.get(word, 0.0),
                word in published.NEGATE or "n't" in word,
            )
            # A word is looked up in lower case and never holds a space.
            for word in known
            if word == word.lower() and " " not in word
        },
        idioms,
        booster_phrases,
        {emoji: name for emoji, name in analyzer.emojis.items() if len(emoji) == 1},
    )


@cache
def _word(valence: float | None, boost: float, negates: bool) -> Word:
    # Of seven thousand words fewer than a hundred differ, and making one takes long.
    return Word(valence, boost, negates)


def _phrases(valences: dict[str, float]) -> dict[tuple[str, ...], float]:
    return {tuple(phrase.split()): value for phrase, value in valences.items() if " " in phrase}
