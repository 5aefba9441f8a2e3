"""``vader+social``: VADER's rules over a lexicon that knows today's posts and the team's topics.

Belongs here: how a list of words changes what VADER reads. The words stand in ``social.yaml``,
each with its reason; an operator's corrections are added to them. VADER itself is untouched.

Emoji become words of their own, phrases become one word each (``can't wait`` is ``cant-wait``), and
these words stand in the lexicon: negation, boosters, capitals and "but" treat them as any other.
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

import polars as pl
import pyarrow as pa
from vaderSentiment import vaderSentiment as published

from sentiment_assets.core.sentiment.scorer import SCORE_SCHEMA
from sentiment_assets.core.sentiment.vader import VADER
from sentiment_assets.core.sentiment.word_list import Entry, parse_word_list

#: Raise it when what is made of a list changes.
_RULES = 1

_LIST = "social.yaml"

Score = tuple[float, float, float, float]


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
        """Score each distinct text once; those with the same corrections share a lexicon."""
        distinct = frame.drop_nulls("text").unique()
        schema = dict.fromkeys(SCORE_SCHEMA.names, pl.Float64)
        scored = [pl.DataFrame(schema={"text": pl.String, "topics": pl.String, **schema})]
        for (topics,), group in distinct.group_by("topics"):
            polarity = _reader(self.corrections, str(topics))
            scores = pl.DataFrame(
                list(map(polarity.score, polarity.prepare(group["text"]))), schema, orient="row"
            )
            scored.append(pl.concat([group, scores], how="horizontal"))
        joined = frame.join(
            pl.concat(scored), on=["text", "topics"], how="left", maintain_order="left"
        )
        return joined.select(SCORE_SCHEMA.names).to_arrow().cast(SCORE_SCHEMA)


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
        phrases = [text for text in valences if " " in text]
        words = {text: _word(text) for text in valences}
        self.score = _polarity({words[text]: valence for text, valence in valences.items()})
        # A space on both sides: VADER puts none behind, and the name fuses with what follows, be it
        # only the invisible sign that makes a heart red.
        named = {e: f" {name} " for e, name in _emoji_names().items()}
        named |= {e: f" {words[e]} " for e in emoji}
        self._emoji, self._names = list(named), list(named.values())
        # The longest first: "as well" must not part "as well as".
        longest = sorted(phrases, key=len, reverse=True)
        self._phrase = rf"(?i)\b(?:{'|'.join(map(_pattern, longest))})\b"
        self._joined = re.compile(self._phrase)

    def prepare(self, texts: pl.Series) -> list[str]:
        """Emoji and phrases become words; only texts that hold a phrase are touched one by one."""
        texts = texts.str.replace_many(self._emoji, self._names)
        return [
            self._joined.sub(lambda found: _joined(found[0]), text) if held else text
            for text, held in zip(texts, texts.str.contains(self._phrase), strict=True)
        ]


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


def _polarity(valences: Mapping[str, float]) -> Callable[[str], Score]:
    """VADER's rules over its lexicon with these changes; a valence of 0 takes a word out.

    The published tool itself scores: its rules are those of ``vader``, whose lexicon is fixed.
    """
    analyzer = copy.copy(_published())
    analyzer.lexicon = {**analyzer.lexicon, **valences}
    # Taken out and not kept at 0: a booster before it would still add its share.
    for word, valence in valences.items():
        if not valence:
            del analyzer.lexicon[word]
    analyzer.emojis = {}

    def polarity(text: str) -> Score:
        scores = analyzer.polarity_scores(text)
        return scores["neg"], scores["neu"], scores["pos"], scores["compound"]

    return polarity


def _word(text: str) -> str:
    """The one word that stands for an entry in the lexicon."""
    if not text[0].isalnum():
        return f"emoji-{ord(text)}"
    return _joined(text) if " " in text else text


def _joined(phrase: str) -> str:
    """One word of a phrase. Without apostrophes: VADER takes any word with "n't" for a negation."""
    return re.sub(r"\s+", "-", re.sub("['’]", "", phrase))  # noqa: RUF001


def _pattern(phrase: str) -> str:
    parts = (re.escape(part).replace("'", "['’]?") for part in phrase.split())  # noqa: RUF001
    return r"\s+".join(parts)
