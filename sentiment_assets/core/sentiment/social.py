"""``vader+social``: VADER's rules over a lexicon that knows today's posts and the team's topics.

Belongs here: how a list of words changes what VADER reads. The words stand in ``social.yaml``,
each with its reason; an operator's corrections are added to them. VADER itself is untouched.

Emoji become words of their own, phrases become one word each (``can't wait`` is ``cant-wait``), and
these words stand in the lexicon: negation, boosters, capitals and "but" treat them as any other.

Two implementations give the same scores: VADER's compiled kernel with these words in its tables,
and the published package with this lexicon, for where the kernel was not built or has no room for
a word of the list.
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib import resources
from itertools import product

import polars as pl
import pyarrow as pa
from vaderSentiment import vaderSentiment as published

from sentiment_assets.core.sentiment.scorer import SCORE_SCHEMA
from sentiment_assets.core.sentiment.vader import (
    LONGEST_WORD,
    VADER,
    kernel_in_use,
    kernel_of,
    score_compiled,
)
from sentiment_assets.core.sentiment.vader_words import COLUMNS, SPACES, Word, published_words
from sentiment_assets.core.sentiment.word_list import Entry, parse_word_list

#: Raise it when what is made of a list changes.
_RULES = 1

_LIST = "social.yaml"

_FLOATS = dict.fromkeys(COLUMNS, pl.Float64)

#: Signs of texts that may hold a phrase otherwise than spelled: any white space but a single blank,
#: and letters that patterns take for an s, a k or an i.
_ODD = (
    *SPACES,
    "  ",
    "\N{LATIN SMALL LETTER LONG S}",
    "\N{KELVIN SIGN}",
    "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}",
    "\N{LATIN SMALL LETTER DOTLESS I}",
)


@dataclass(frozen=True)
class SocialVader:
    """VADER with the list of this package and an operator's corrections, which win."""

    corrections: tuple[Entry, ...] = ()

    name = "vader+social"
    languages = VADER.languages

    @property
    def version(self) -> str:
        """VADER's version, the date of the newest entry, and a digest of all that can matter."""
        return _version(self.corrections)

    def score(self, texts: pa.Array) -> pa.Table:
        """Score texts of no topic."""
        return self._score(_frame(texts).with_columns(topics=pl.lit("")))

    def score_in_topics(self, texts: pa.Array, topics: pa.Array) -> pa.Table:
        """Score texts; corrections of a text's topics hold for it too."""
        corrected = _corrected(self.corrections)
        frame = _frame(texts).with_columns(held=pl.Series(topics, dtype=pl.List(pl.String)))
        # One character a topic, in the order of the file: names would need a separator.
        held = [
            pl.when(pl.col("held").list.contains(topic))
            .then(pl.lit(chr(place)))
            .otherwise(pl.lit(""))
            for place, topic in enumerate(corrected, 1)
        ]
        return self._score(frame.select("text", topics=pl.concat_str(pl.lit(""), *held)))

    def _score(self, frame: pl.DataFrame) -> pa.Table:
        """Score the texts that have the same corrections with one lexicon."""
        rows = frame.with_row_index()
        scored = [pl.DataFrame(schema={**_FLOATS, "index": pl.UInt32})]
        for (topics,), group in rows.drop_nulls("text").group_by("topics"):
            scores = _reader(self.corrections, str(topics)).score(group["text"])
            scored.append(scores.hstack([group["index"]]))
        found = pl.concat(scored)
        ordered = rows.select("index").join(found, on="index", how="left", maintain_order="left")
        return ordered.select(COLUMNS).to_arrow().cast(SCORE_SCHEMA)


SOCIAL = SocialVader()


def _frame(texts: pa.Array) -> pl.DataFrame:
    return pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)})


@cache
def social_list() -> tuple[Entry, ...]:
    """The list of this package, read once per process."""
    text = (resources.files(__package__) / _LIST).read_text(encoding="utf-8")
    return parse_word_list(text, _LIST)


@cache
def _version(corrections: tuple[Entry, ...]) -> str:
    entries = (*social_list(), *corrections)
    newest = max(entry.date for entry in entries)
    # In order: of two corrections of a word in two topics the first wins. Reasons change no score.
    digest = hashlib.sha256(
        repr((_RULES, [(e.text, e.valence, e.topic) for e in entries])).encode()
    ).hexdigest()
    return f"{VADER.version}+{newest.isoformat()}.{digest[:8]}"


class _Reader:
    """How texts with one set of entries are read: made ready, then scored by VADER's rules."""

    def __init__(self, valences: Mapping[str, float]) -> None:
        emoji = {text for text in valences if not text[0].isalnum()}
        words = {text: _word(text) for text in valences}
        self._scored = _scores({words[text]: valence for text, valence in valences.items()})
        # A space on both sides: VADER puts none behind, and the name fuses with what follows, be it
        # only the invisible sign that makes a heart red.
        named = {e: f" {name} " for e, name in _emoji_names().items()}
        named |= {e: f" {words[e]} " for e in emoji}
        self._emoji, self._names = list(named), list(named.values())
        self._phrases = _Phrases([text for text in valences if " " in text])

    def score(self, texts: pl.Series) -> pl.DataFrame:
        """The four columns of scores; no text may be null."""
        return self._scored(self.prepare(texts))

    def prepare(self, texts: pl.Series) -> pl.Series:
        """Emoji and phrases become words."""
        return self._phrases.joined(texts.str.replace_many(self._emoji, self._names))


class _Phrases:
    """Phrases, and texts in which each is one word."""

    def __init__(self, phrases: Iterable[str]) -> None:
        # The longest first: "as well" must not part "as well as".
        self._all = tuple(sorted(phrases, key=len, reverse=True))
        self._pattern = _one_of(self._all)
        # Nearly always a phrase is spelled like this. To look for plain letters first spares most
        # texts the pattern, which takes ten times as long as VADER's rules.
        self._spelled = {spelled: text for text in self._all for spelled in _spellings(text)}
        self._sought = [*self._spelled, *_ODD]
        self._plain = all(map(str.isascii, self._all))

    def joined(self, texts: pl.Series) -> pl.Series:
        """Only texts that hold a phrase are touched one by one."""
        if not self._all:
            return texts
        places = pl.int_range(len(texts), dtype=pl.UInt32, eager=True)
        if self._plain:
            likely = texts.str.contains_any(self._sought, ascii_case_insensitive=True)
            places = likely.arg_true()
        places = places.filter(texts.gather(places).str.contains(self._pattern))
        if not len(places):
            return texts
        some = texts.gather(places)
        found = some.str.extract_many(self._sought, ascii_case_insensitive=True, overlapping=True)
        rewritten = [
            _compiled(self._in_text(signs)).sub(lambda match: _joined(match[0]), text)
            for text, signs in zip(some, found, strict=True)
        ]
        return texts.clone().scatter(places, rewritten)

    def _in_text(self, found: pl.Series) -> tuple[str, ...]:
        """The phrases that may be in a text, in their order: a short pattern is a fast one."""
        held = {self._spelled.get(sign.lower()) for sign in found}
        if not self._plain or None in held:
            return self._all
        return tuple(text for text in self._all if text in held)


@lru_cache(maxsize=64)
def _reader(corrections: tuple[Entry, ...], topics: str) -> _Reader:
    """``topics``: a character for each corrected topic that the texts have, from 1."""
    valences = {entry.text: entry.valence for entry in social_list()}
    valences |= {entry.text: entry.valence for entry in corrections if entry.topic is None}
    corrected = _corrected(corrections)
    held = [corrected[ord(place) - 1] for place in topics]
    # Backwards, so that of two topics the first in the file has the last word.
    for topic in reversed(held):
        valences |= {entry.text: entry.valence for entry in corrections if entry.topic == topic}
    return _Reader(valences)


def _corrected(corrections: tuple[Entry, ...]) -> list[str]:
    """The topics that have corrections, in the order of the file."""
    return list(dict.fromkeys(entry.topic for entry in corrections if entry.topic))


@cache
def _published() -> published.SentimentIntensityAnalyzer:
    return published.SentimentIntensityAnalyzer()


@cache
def _emoji_names() -> dict[str, str]:
    """Names of single characters: the published code looks up no longer sequences."""
    return {emoji: name for emoji, name in _published().emojis.items() if len(emoji) == 1}


def _scores(valences: Mapping[str, float]) -> Callable[[pl.Series], pl.DataFrame]:
    """VADER's rules over its lexicon with these changes; a valence of 0 takes a word out."""
    fits = all(word.isascii() and len(word) <= LONGEST_WORD for word in valences)
    if kernel_in_use() == "compiled" and fits:
        return _scores_compiled(valences)
    return _scores_published(valences)


def _scores_compiled(valences: Mapping[str, float]) -> Callable[[pl.Series], pl.DataFrame]:
    known = published_words()
    words = dict(known.words)
    for word, valence in valences.items():
        fact = words.get(word, Word(negates="n't" in word))
        # Taken out and not kept at 0: a booster before it would still add its share.
        words[word] = replace(fact, valence=valence or None)
    # Emoji are words before they come here.
    kernel = kernel_of(replace(known, words=words, emoji={}))

    def scored(texts: pl.Series) -> pl.DataFrame:
        frame = pl.from_arrow(score_compiled(texts.to_arrow(), kernel=kernel))
        assert isinstance(frame, pl.DataFrame)
        return frame

    return scored


def _scores_published(valences: Mapping[str, float]) -> Callable[[pl.Series], pl.DataFrame]:
    """By the published tool, for where the kernel is not, or has no room for a word."""
    analyzer = copy.copy(_published())
    analyzer.lexicon = {**analyzer.lexicon, **valences}
    for word, valence in valences.items():
        if not valence:
            del analyzer.lexicon[word]
    analyzer.emojis = {}

    def scored(texts: pl.Series) -> pl.DataFrame:
        distinct = texts.unique()
        scores = [analyzer.polarity_scores(text) for text in distinct]
        columns = {name: [score[name] for score in scores] for name in COLUMNS}
        known = pl.DataFrame({"text": distinct, **columns}, schema_overrides=_FLOATS)
        rows = texts.alias("text").to_frame()
        return rows.join(known, on="text", how="left", maintain_order="left").select(COLUMNS)

    return scored


def _word(text: str) -> str:
    """The one word that stands for an entry in the lexicon."""
    if not text[0].isalnum():
        return f"emoji-{ord(text)}"
    return _joined(text) if " " in text else text


def _joined(phrase: str) -> str:
    """One word of a phrase. Without apostrophes: VADER takes any word with "n't" for a negation."""
    return re.sub(r"\s+", "-", re.sub("['’]", "", phrase))  # noqa: RUF001


def _one_of(phrases: Iterable[str]) -> str:
    """Pattern of phrases in any case; of those that fit in one place the first is taken."""
    parts = ((re.escape(p).replace("'", "['’]?") for p in text.split()) for text in phrases)  # noqa: RUF001
    patterns = "|".join(map(r"\s+".join, parts))
    return rf"(?i)\b(?:{patterns})\b"


@lru_cache(maxsize=1024)
def _compiled(phrases: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(_one_of(phrases))


def _spellings(phrase: str) -> Iterator[str]:
    """A phrase with each apostrophe straight, curly or left out."""
    first, *others = phrase.split("'")
    for signs in product(("", "'", "’"), repeat=len(others)):  # noqa: RUF001
        yield first + "".join(map("".join, zip(signs, others, strict=True)))
