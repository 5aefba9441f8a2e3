"""Tracked topics and hashtags of posts.

Belongs here: which posts a topic takes, and what counts as a hashtag. What the topics are comes
from ``core.tracking``; counting them is ``core.gold``'s business.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import compress

import polars as pl

from sentiment_assets.core.tracking import Topic

_TOPICS = pl.List(pl.String)

#: A pattern of more words would be looked for by the engine's slower means.
_WORDS_AT_ONCE = 2_000

# The character before must not make it a part of a word, a link's fragment or an entity (&#39;).
# A tag begins with a letter, digit or underscore: the keycap emoji is "#" with combining marks.
_TAG = r"(?:^|[^\w/&#＃])[#＃][\p{L}\p{N}_][\p{L}\p{M}\p{N}_]*"  # noqa: RUF001
_SIGNS = ("#", "＃")  # noqa: RUF001

#: Scripts that put no space between words: a keyword counts wherever it stands.
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")


def _tags(texts: pl.Expr) -> pl.Expr:
    """Hashtags of each text without their sign, null where no sign stands."""
    signed = pl.when(texts.str.contains(f"[{''.join(_SIGNS)}]")).then(texts)
    tag = pl.element()
    # What was found begins with the sign, or with the one character before it.
    begins = pl.any_horizontal(tag.str.starts_with(sign) for sign in _SIGNS)
    return signed.str.extract_all(_TAG).list.eval(
        tag.str.slice(pl.when(begins).then(1).otherwise(2))
    )


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
    bodies: dict[tuple[str, str], list[str]] = {}
    for word in words:
        parts = unicodedata.normalize("NFC", word).split()
        if parts:
            edges = _edge(parts[0][0]), _edge(parts[-1][-1])
            bodies.setdefault(edges, []).append(r"\s+".join(map(_escaped, parts)))
    # Neighbours once for all words that have the same: they are nearly all of a compiled pattern,
    # and four hundred words with their own were more than the engine takes.
    patterns = [
        (rf"(?:^|{before})" if before else "")
        + f"(?:{'|'.join(alternatives)})"
        + (rf"(?:$|{after})" if after else "")
        for (before, after), alternatives in bodies.items()
    ]
    return f"(?i)(?:{'|'.join(patterns)})" if patterns else None


def _escaped(word: str) -> str:
    # re.escape escapes what Rust's regex needs escaped, and more that it accepts.
    return re.sub("['’]", "['’]", re.escape(word))  # noqa: RUF001


def _pieces(word: str) -> list[str]:
    """Signs of which each stands, in some case, in every text that holds the word or phrase.

    None where there are none of which that is sure. What stands between two words of a phrase may
    be any space, so that it is in no piece.
    """
    # ASCII alone: of other letters, lower case and matching without case have different views. An
    # apostrophe is found in two forms; the bar may be of the sign between a text and its tags.
    pieces = re.findall(r"[^\s'|\x80-\U0010ffff]+", unicodedata.normalize("NFC", word))
    return [piece.lower() for piece in pieces]


def _seeds(words: Iterable[str]) -> list[str] | None:
    """Signs of which one stands, in some case, in every text in which ``_pattern`` finds a word.

    None where any text may hold one. Plain signs are found many times faster than patterns.
    """
    # To a pattern that ignores case these two are an s and a k.
    found = {"\N{LATIN SMALL LETTER LONG S}", "\N{KELVIN SIGN}"}
    # Single words first: a phrase with one of them needs no seed of its own, which might be a word
    # that half the world's posts hold.
    for pieces in sorted((_pieces(word) for word in words if word.split()), key=len):
        if not pieces:
            return None
        if found.isdisjoint(pieces):
            found.add(max(pieces, key=len))
    return sorted(s for s in found if not any(other in s for other in found - {s}))


def _with_tags_as_words(texts: pl.Series) -> pl.Series:
    """Texts with their hashtags behind them, cut at capitals and underscores."""
    text = pl.col("text")
    # A sign between the parts, so that no phrase spans two of them.
    cut = (
        _tags(text)
        .list.join(" | ")
        .str.replace_all(r"(\p{Ll}|\p{N})(\p{Lu})", "$1 $2")
        .str.replace_all("_", " ", literal=True)
    )
    whole = pl.coalesce(pl.concat_str("text", cut, separator=" | "), "text")
    return texts.alias("text").to_frame().select(whole).to_series()


def _taken(texts: pl.Series, patterns: Sequence[tuple[str, str | None]]) -> pl.DataFrame:
    """Whether each text is found and not excluded: a column for each topic, by its place.

    One query for all topics, since a query costs as much as reading a hundred texts.
    """
    text = pl.col("text")
    rows = texts.alias("text").to_frame()
    found = rows.select(
        text.str.contains(included).alias(f"{place}")
        for place, (included, _) in enumerate(patterns)
    )
    refused = rows.hstack(found).select(
        text.filter(f"{place}").str.contains(excluded).implode().alias(f"{place}")
        for place, (_, excluded) in enumerate(patterns)
        if excluded
    )
    # Not by way of NumPy's arrays: a process that uses none of them starts sooner.
    taken = {
        name: found[name].clone().scatter(found[name].arg_true(), ~refused[name].item())
        for name in refused.columns
    }
    return found.with_columns(**taken)


class TopicMatcher:
    """Sorts texts into topics.

    A topic takes a text that holds one of its keywords or phrases as whole words, in any case,
    unless it holds one of its exclusions. Hashtags count as words, and are also read cut at
    capitals and underscores: ``nimbus`` matches ``#Nimbus`` and ``#NimbusLaunch``.
    """

    def __init__(self, topics: Iterable[Topic]) -> None:
        self._names: list[str] = []
        self._patterns: list[tuple[str, str | None]] = []
        words: list[str] = []
        for topic in sorted(topics, key=lambda topic: topic.name):
            named = (*topic.keywords, *topic.phrases)
            included = _pattern(named)
            if included:
                self._names.append(topic.name)
                self._patterns.append((included, _pattern(topic.exclude)))
                words += named
        self._seeds = _seeds(words)
        #: Any topic's words: one look at a text instead of one for each topic.
        self._any = _pattern(words) if len(words) <= _WORDS_AT_ONCE else None

    def match(self, texts: pl.Series) -> pl.Series:
        """Names of each text's topics, sorted; none for a null text."""
        if not self._patterns:
            return pl.Series("topics", [[]], dtype=_TOPICS).new_from_index(0, len(texts))
        # Most posts of the world hold no seed at all, and most that hold one hold no word.
        likely = (
            texts.is_not_null()
            if self._seeds is None
            else texts.str.contains_any(self._seeds, ascii_case_insensitive=True)
        )
        rows = likely.arg_true()
        worded = _with_tags_as_words(texts.gather(rows))
        if self._any:
            held = worded.str.contains(self._any)
            rows, worded = rows.filter(held), worded.filter(held)
        taken = _taken(worded, self._patterns)
        # As lists only once for each set of topics that occurs: of these there are few.
        found = taken.with_columns(index=rows).group_by(taken.columns).agg("index")
        sets = [
            list(compress(self._names, flags)) for flags in found.select(taken.columns).iter_rows()
        ]
        members = found.select("index").with_row_index("code", offset=1).explode("index")
        codes = pl.zeros(len(texts), dtype=pl.UInt32, eager=True)
        codes.scatter(members["index"], members["code"])
        return pl.Series("topics", [[], *sets], _TOPICS).gather(codes)
