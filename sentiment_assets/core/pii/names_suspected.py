"""Which texts of a column may hold a name: the cheap question before ``names`` looks in detail.

What belongs here: patterns and lookups over whole columns that never say no to a text in which
``find_names`` finds something. A test holds them to it.
"""

from __future__ import annotations

import re
from functools import cache

import polars as pl

from sentiment_assets.core.pii.lexicon import (
    BRAND,
    FREQUENT,
    GIVEN,
    OFTEN,
    PLACE,
    SELDOM,
    UNSURE,
    lexicon,
)
from sentiment_assets.core.pii.name_words import entry_of
from sentiment_assets.core.pii.names_context import (
    ANNOUNCERS,
    FEATURES,
    FORMED,
    NO_SURNAME,
    PARTICLES,
    ROLES_AND_TITLES,
    TITLES,
)

# What a column is searched for, in the syntax of Rust: a superset of what the rules above need.
# Word boundaries and letter case of ASCII alone are ten times as fast, and what lies beyond ASCII
# is looked at anyway.
_ASCII_CAPITALISED = "[A-Z](?:['\u2019]?[A-Za-z])+"
_ASCII_WORD = "[A-Za-z]{2,}"
# Double names are names where one half is: "Lima-limon".
_ASCII_COMPOUND = "[A-Za-z]+(?:['\u2019-][A-Za-z]+)+"
_BETWEEN = rf"(?:\.|\.? (?:{PARTICLES} ){{0,3}}[\"'(\u2019]?)"
_ASCII_RUN = (
    rf"{_ASCII_CAPITALISED}(?:(?:['\u2019-][A-Za-z]+)*{_BETWEEN}[A-Z](?:['\u2019]?[A-Za-z])*)+"
)
_BEYOND_ASCII = r"[\p{L}&&[^A-Za-z]]"
# Last words of what announces an unknown name; read in lower case.
_ANNOUNCED = (
    r"name|call(?:ed)? |patient|pt:|customer:|signed|mrs?\.|dr\.|naam is|appelle|ich hei|me llamo"
    r"|lami ngu|ask for |i['\u2019]?m called|(?:dear|hi|hello|hey) [^ ]+[,!]"
)
_INITIAL = r"(?:^|[^A-Za-z])[A-Z]\."

# With what follows: an announcement may be a name that another one announces ("by Dear Hope").
_ANNOUNCER = "|".join(re.escape(word) for word in sorted(ANNOUNCERS) if word.isascii())
_SPOKEN = (
    rf"(?:(?:^|[^A-Za-z])(?:{_ANNOUNCER}) {{1,2}}|[-~] ?)"
    rf"{_ASCII_CAPITALISED}(?:[^A-Za-z]{{1,3}}{_ASCII_CAPITALISED})*"
)


def suspects(texts: pl.Series) -> pl.Series:
    """Of canonical texts, those in which :func:`find_names` may find something: true or false.

    False is a proof, and a test; true is a reason to look.
    """
    text, row = pl.col("text"), pl.col("row")
    frame = pl.DataFrame({"text": texts}).with_row_index("row").drop_nulls()
    frame = frame.with_columns(
        cased=text.str.contains("[A-Z][a-z]"), lowered=text.str.to_lowercase()
    )
    cased, caseless = frame.filter("cased"), frame.filter(~pl.col("cased"))
    words = _tokens(cased, _ASCII_CAPITALISED)
    paired = cased.filter(row.is_in(_rows(words, _WITH_COMPANY).implode()))
    runs = paired.select("row", text=text.str.extract_all(_ASCII_RUN)).explode("text").drop_nulls()
    addressed = (
        cased.filter(row.is_in(_rows(words, _IF_ADDRESSED).implode()))
        .select("row", text=text.str.extract_all(_SPOKEN))
        .explode("text")
        .drop_nulls()
    )
    announced = frame.filter(
        text.str.contains(_BEYOND_ASCII)
        | pl.col("lowered").str.contains(_ANNOUNCED)
        | (pl.col("cased") & text.str.contains(_INITIAL))
    )
    rows = pl.concat(
        [
            _rows(words, _ALONE),
            _rows(
                _tokens(frame.filter(text.str.contains("[A-Za-z]-[A-Za-z]")), _ASCII_COMPOUND),
                _ALONE,
            ),
            _rows(_tokens(runs, _ASCII_CAPITALISED), _WITH_COMPANY),
            _rows(_tokens(addressed, _ASCII_CAPITALISED), _IF_ADDRESSED),
            _rows(_tokens(caseless, _ASCII_WORD), _WITHOUT_CASE),
            announced["row"],
        ]
    ).unique()
    return pl.select(pl.int_range(texts.len(), dtype=pl.UInt32).is_in(rows.implode())).to_series()


def _tokens(frame: pl.DataFrame, pattern: str) -> pl.DataFrame:
    """``row`` and ``kind`` of each token that may be something: what, in bits."""
    found = frame.select("row", token=pl.col("text").str.extract_all(pattern)).explode("token")
    found = found.drop_nulls().with_columns(pl.col("token").str.to_lowercase())
    kinds = {token: kind for token in found["token"].unique() if (kind := _kind_of(token))}
    known = pl.DataFrame(
        {"token": [*kinds], "kind": [*kinds.values()]},
        schema={"token": pl.String, "kind": pl.UInt8},
    )
    return found.join(known, on="token").select("row", "kind")


def _kind_of(token: str) -> int:
    # Of all that the pattern finds, only these are no entries of their own.
    if not token.isalpha():
        _, key, bits, *_ = entry_of(token)
        kind = _kind(key, bits)
        # What is allowed may take the other parts away.
        for part in re.split("['\u2019-]", key):
            kind |= _known_kinds().get(part, 0)
        return kind
    return _known_kinds().get(token, 0) or (_WITH_COMPANY if FORMED.match(token) else 0)


@cache
def _known_kinds() -> dict[str, int]:
    names = lexicon().names
    words = (*names, *(ROLES_AND_TITLES - names.keys()))
    return {word: kind for word in words if (kind := _kind(word, names.get(word, 0)))}


_ALONE, _WITH_COMPANY, _IF_ADDRESSED, _WITHOUT_CASE = 1, 2, 4, 8


def _kind(key: str, bits: int) -> int:
    kind = 0
    if key in ROLES_AND_TITLES:
        kind |= _WITH_COMPANY | (_WITHOUT_CASE if key in TITLES else 0)
    if not bits or key in NO_SURNAME:
        return kind
    if not bits & UNSURE:
        return kind | _ALONE | (_WITHOUT_CASE if bits & GIVEN else 0)
    if bits & (OFTEN | FREQUENT):
        kind |= _WITH_COMPANY
    if bits & GIVEN and not bits & (SELDOM | PLACE | BRAND) and key not in FEATURES:
        kind |= _IF_ADDRESSED
    return kind


def _rows(tokens: pl.DataFrame, wanted: int) -> pl.Series:
    """Rows with a token of a kind."""
    return tokens.filter(pl.col("kind") & wanted != 0)["row"].unique()
