"""Tracked topics and hashtags of posts.

Belongs here: which posts a topic takes, and what counts as a hashtag. What the topics are comes
from ``core.tracking``; counting them is ``core.gold``'s business.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import polars as pl

from sentiment_assets.core.tracking import Topic

_TOPICS = pl.List(pl.String)

# The character before must not make it a part of a word, a link's fragment or an entity (&#39;).
# A tag begins with a letter, digit or underscore: the keycap emoji is "#" with combining marks.
_TAG = r"(?:^|[^\w/&#＃])[#＃][\p{L}\p{N}_][\p{L}\p{M}\p{N}_]*"  # noqa: RUF001
_TAG_WORD = r"[#＃](.+)$"  # noqa: RUF001

#: Scripts that put no space between words: a keyword counts wherever it stands.
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")


def _tags(texts: pl.Expr) -> pl.Expr:
    return texts.str.extract_all(_TAG).list.eval(pl.element().str.extract(_TAG_WORD))


def hashtags(texts: pl.Series) -> pl.Series:
    """Hashtags of each text without #, in lower case, once each, in order of appearance.

    A tag is made of letters, digits and underscores of any script and isn't all digits. A null
    text has none.
    """
    tags = pl.element()
    found = (
        _tags(pl.col("text"))
        .list.eval(tags.filter(tags.str.contains(r"[^\p{N}]")).str.to_lowercase())
        .list.unique(maintain_order=True)
    )
    return (
        texts.alias("text")
        .to_frame()
        .select(hashtags=found.fill_null(pl.lit([], _TOPICS)))
        .to_series()
    )


def _edge(char: str) -> str:
    """What must stand beside a keyword that begins or ends with ``char``."""
    in_word = char.isalnum() or char == "_" or unicodedata.category(char).startswith("M")
    spaced = not unicodedata.name(char, "").startswith(_UNSPACED)
    return r"\W" if in_word and spaced else ""


def _pattern(words: Iterable[str]) -> str | None:
    """Pattern of whole words and phrases in any case; None where there are none.

    The neighbours are consumed instead of asked for with a word boundary: the regex engine
    searches Unicode boundaries several times slower, and it is only asked whether one matches.
    """
    patterns = []
    for word in words:
        parts = unicodedata.normalize("NFC", word).split()
        if parts:
            before, after = _edge(parts[0][0]), _edge(parts[-1][-1])
            body = r"\s+".join(map(_escaped, parts))
            patterns.append(
                (rf"(?:^|{before})" if before else "") + body + (rf"(?:$|{after})" if after else "")
            )
    return f"(?i)(?:{'|'.join(patterns)})" if patterns else None


def _escaped(word: str) -> str:
    # re.escape escapes what Rust's regex needs escaped, and more that it accepts.
    return re.sub("['’]", "['’]", re.escape(word))  # noqa: RUF001


class TopicMatcher:
    """Sorts texts into topics.

    A topic takes a text that holds one of its keywords or phrases as whole words, in any case,
    unless it holds one of its exclusions. Hashtags count as words, and are also read cut at
    capitals and underscores: ``nimbus`` matches ``#Nimbus`` and ``#NimbusLaunch``.
    """

    def __init__(self, topics: Iterable[Topic]) -> None:
        self._topics = [
            (topic.name, included, _pattern(topic.exclude))
            for topic in sorted(topics, key=lambda topic: topic.name)
            if (included := _pattern((*topic.keywords, *topic.phrases)))
        ]

    def match(self, texts: pl.Series) -> pl.Series:
        """Names of each text's topics, sorted; none for a null text."""
        if not self._topics:
            return pl.Series("topics", [[]], dtype=_TOPICS).new_from_index(0, len(texts))
        # A sign between the parts, so that no phrase spans two of them.
        cut = (
            _tags(pl.col("text"))
            .list.join(" | ")
            .str.replace_all(r"(\p{Ll}|\p{N})(\p{Lu})", "$1 $2")
            .str.replace_all("_", " ", literal=True)
        )
        frame = (
            texts.alias("text")
            .to_frame()
            .select(
                text=pl.when(pl.col("text").str.contains("[#＃]"))  # noqa: RUF001
                .then(pl.concat_str("text", cut, separator=" | "))
                .otherwise(pl.col("text"))
            )
        )
        text = pl.col("text")
        names = []
        for name, included, excluded in self._topics:
            taken = text.str.contains(included)
            if excluded:
                taken &= ~text.str.contains(excluded)
            names.append(pl.when(taken).then(pl.lit(name)))
        return frame.select(topics=pl.concat_list(names).list.drop_nulls()).to_series()
