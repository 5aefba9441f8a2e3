"""Language of posts, and the gate that decides which of them a scorer may score.

Two stages. Clear cases are settled by scripts that one language has, and by the function words of
some thirty languages. The rest, a third of a mixed set, goes to fastText's compressed
identification model, and words weigh its guess. Why these two, and what they reach:
docs/decisions/0019-language-gate.md.

Belongs here: what language a text is in and who may score it. How it is scored does not; what of a
text is looked at stands in ``language_words``, the words in ``function_words``, and the model in
``language_model``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import polars as pl
import pyarrow as pa

from sentiment_assets.core import function_words, language_model, language_words

#: Columns of ``detect``.
LANGUAGE_SCHEMA = pa.schema([("lang", pa.string()), ("confidence", pa.float32())])

# From these probabilities on the model's verdict is worth a name. English is scored without a
# second opinion, so words against it weigh more than the model: see the decision.
_ENGLISH_FROM = 0.2
_ENGLISH_FROM_AGAINST_WORDS = 0.8
_NEVER = 1.1
_OTHER_FROM = 0.5
# Names, places and borrowed words make short texts look like any language.
_OTHER_FROM_WHEN_SHORT = 0.8
_SHORT = 20
_TOO_SHORT = 8

#: Confidence in posts that words or letters settle: less than one in two hundred is wrong.
_SETTLED = 0.99
#: Least confidence in English that words speak for where the model is not sure. It is right more
#: often than that, but a platform that names another language shall leave it in doubt.
_BY_WORDS = 0.6
#: Below this a platform that names another language leaves an English verdict in doubt.
_DISPUTED_BELOW = 0.8

#: English has a word of our lists in every 11 characters, as a median. Fewer than one in this many
#: is another language with an English word in it, as is usual in South African posts.
_CHARACTERS_PER_WORD = 35

# What rules name where no text is theirs: queries cost as much as reading a hundred texts.
_NONE_NAMED = pl.DataFrame(schema={"index": pl.UInt32, "lang": pl.String})

# The model's labels outside ISO 639-1 that are spellings or dialects of a language inside it.
_DIALECTS = {"als": "de", "arz": "ar", "azb": "az", "bar": "de", "sh": "hr", "wuu": "zh"}

# Scripts that one language writes, or nearly; in Arabic and Devanagari the letters and words that
# set Arabic apart from Persian and Urdu, and Hindi from Marathi and Nepali.
_SCRIPTS = {
    "ja": r"[\p{Hiragana}\p{Katakana}]",
    "ko": r"\p{Hangul}",
    "th": r"\p{Thai}",
    "el": r"\p{Greek}",
    "he": r"\p{Hebrew}",
    "hy": r"\p{Armenian}",
    "ka": r"\p{Georgian}",
    "ta": r"\p{Tamil}",
    "te": r"\p{Telugu}",
    "kn": r"\p{Kannada}",
    "ml": r"\p{Malayalam}",
    "gu": r"\p{Gujarati}",
    "pa": r"\p{Gurmukhi}",
    "si": r"\p{Sinhala}",
    "km": r"\p{Khmer}",
    "lo": r"\p{Lao}",
    # Ten Arabic letters and none of those that Persian, Urdu, Kurdish or Pashto add.
    "ar": r"^[^\x{66E}-\x{6D5}]*(?:[\x{621}-\x{64A}][^\x{66E}-\x{6D5}]*){10}$",
    "hi": r"(?:^|\s)(?:है|हैं|में|नहीं|और|था)(?:$|[\s।,!?])",
}


@cache
def _languages_of_words() -> pl.DataFrame:
    """``word``, ``code`` and whether it is ``african``: a row for each list that holds the word."""
    lists = function_words.OTHERS | function_words.AFRICAN
    pairs = [(word, code) for code, words in lists.items() for word in words.split()]
    return pl.DataFrame(pairs, schema=["word", "code"], orient="row").with_columns(
        african=pl.col("code").is_in(list(function_words.AFRICAN))
    )


def _named_by_words(rows: pl.DataFrame) -> pl.DataFrame:
    """``index`` of texts whose function words settle the language, and its code as ``lang``.

    A language needs two words more than any other, English too. An empty code stands for a
    language that the model doesn't know: it must not be asked.
    """
    if rows.is_empty():
        return _NONE_NAMED
    count, best = pl.col("count"), pl.col("count").max()
    leading = (
        rows.select("index", word=pl.col("words").str.extract_all(language_words.OTHER))
        .explode("word")
        .join(_languages_of_words(), on="word")
        .group_by("index", "code")
        .agg(pl.len().alias("count"), pl.col("african").first())
        .group_by("index")
        .agg(
            best=best,
            leaders=(count == best).sum(),
            second=count.filter(count < best).max().fill_null(0),
            code=pl.col("code").get(count.arg_max()),
            african=(pl.col("african") & (count == best)).any(),
        )
    )
    clear = (pl.col("leaders") == 1) & (
        pl.col("best") >= pl.max_horizontal("second", "english") + 2
    )
    unknown_to_the_model = pl.col("african") | pl.col("words").str.contains(language_words.NGUNI)
    return (
        rows.join(leading, on="index", how="left", maintain_order="left")
        .select(
            "index",
            lang=pl.when(clear)
            .then(pl.col("code").replace("nso", ""))
            .when(unknown_to_the_model)
            .then(pl.lit("")),
        )
        .drop_nulls()
    )


def _named_by_script(rows: pl.DataFrame) -> pl.DataFrame:
    """``index`` of texts whose letters settle the language, and its code as ``lang``."""
    if rows.is_empty():
        return _NONE_NAMED
    named = pl.coalesce(
        pl.when(pl.col("words").str.contains(letters)).then(pl.lit(code))
        for code, letters in _SCRIPTS.items()
    )
    return rows.select("index", lang=named).drop_nulls()


def _verdict() -> tuple[pl.Expr, pl.Expr]:
    """What the model's guess is worth beside the words: the language or null, and confidence."""
    english, borrowed, other = pl.col("english"), pl.col("borrowed"), pl.col("other")
    foreign, guess, probability = pl.col("foreign"), pl.col("guess"), pl.col("probability")
    length = pl.col("length")
    dense = (english + borrowed) * _CHARACTERS_PER_WORD >= length
    worded = (
        ~foreign & dense & ((english > other) | ((borrowed > 0) & (other == 0) & pl.col("closed")))
    )
    against = (other > english + borrowed) | (foreign & (english == 0)) | ~pl.col("closed")
    least_english = (
        pl.when((other >= 2) & (other > english + borrowed))
        .then(_NEVER)
        .when(against)
        .then(_ENGLISH_FROM_AGAINST_WORDS)
        .otherwise(_ENGLISH_FROM)
    )
    least_other = (
        pl.when(~foreign & (length < _SHORT)).then(_OTHER_FROM_WHEN_SHORT).otherwise(_OTHER_FROM)
    )
    # "hmm ok", "Soweto", "Siya": what no list holds may be a name, or any language's.
    nothing = (length < _TOO_SHORT) & (english + borrowed + other == 0)
    least = (
        pl.when(~foreign & nothing)
        .then(_NEVER)
        .when(guess == "en")
        .then(least_english)
        .otherwise(least_other)
    )
    named = (probability >= least) & (guess.str.len_bytes() == 2)
    by_words = worded & ((guess == "en") | (probability < _OTHER_FROM))
    return (
        pl.when(by_words).then(pl.lit("en")).when(named).then(guess),
        pl.when(by_words & (guess == "en"))
        .then(pl.max_horizontal(probability, pl.lit(_BY_WORDS)))
        .when(by_words)
        .then(_BY_WORDS)
        .otherwise(probability),
    )


def _languages(texts: pa.Array) -> pl.DataFrame:
    """``lang`` and ``confidence`` of each text; none may be null."""
    english, other = pl.col("english"), pl.col("other")
    plainly_english = (
        ~pl.col("foreign")
        & (english * _CHARACTERS_PER_WORD >= pl.col("length"))
        & (
            ((english >= 2) & (english >= 2 * other + 2))
            | ((english >= 1) & (pl.col("borrowed") >= 1) & (other == 0))
        )
    )
    rows = language_words.counted(texts).with_columns(plainly_english=plainly_english)
    settled = rows.filter("plainly_english").select("index", lang=pl.lit("en"))
    open_rows = rows.filter(~pl.col("plainly_english"))
    empty = open_rows.filter(~pl.col("has_letters")).select("index", lang=pl.lit(""))
    open_rows = open_rows.filter("has_letters")
    script = pl.col("script")
    named = pl.concat(
        [
            _named_by_words(open_rows.filter(~script & (other > english))),
            _named_by_script(open_rows.filter(script)),
        ]
    )
    unsettled = open_rows.join(named, on="index", how="anti")
    guesses = language_model.guesses(unsettled["words"])
    guesses = guesses.with_columns(pl.col("guess").replace(_DIALECTS))
    lang, confidence = _verdict()
    guessed = unsettled.hstack(guesses).select("index", lang=lang, confidence=confidence)
    by_rule = pl.concat([settled, empty, named]).select(
        "index",
        lang=pl.when(pl.col("lang") != "").then("lang"),
        confidence=pl.when(pl.col("lang") != "").then(_SETTLED).otherwise(0.0),
    )
    return pl.concat([by_rule, guessed]).sort("index").drop("index")


def detect(texts: pa.Array | pa.ChunkedArray | Sequence[str | None]) -> pa.Table:
    """Detect the language of texts: one row per text, in ``LANGUAGE_SCHEMA``.

    ``lang`` is an ISO 639-1 code, null where the text gives too little to tell; ``confidence``
    (0 to 1) is that of the best guess even then, 0 where there is none, and null where the text
    is null.
    Links, handles, masks, emoji and digits are not looked at. Each distinct text is read once.
    """
    if not isinstance(texts, (pa.Array, pa.ChunkedArray)):
        texts = pa.array(texts, pa.string())
    elif isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    encoded = texts.cast(pa.string()).dictionary_encode()
    columns = _languages(encoded.dictionary).to_arrow().cast(LANGUAGE_SCHEMA)
    return columns.take(encoded.indices).combine_chunks()


def _hinted(hint: pl.Expr) -> pl.Expr:
    """A platform's language tag as ISO 639-1; null for codes that name no language.

    X sends "und", "zxx", "art" and codes that begin with q where it saw no language, and the old
    codes "in" and "iw". https://docs.x.com/x-api/fundamentals/data-dictionary
    """
    code = hint.str.to_lowercase().str.extract(r"^([a-z]{2})(?:$|[-_])")
    return code.replace({"in": "id", "iw": "he", "ji": "yi"})


def scoring_gate(
    text: pl.Series,
    lang: pl.Series,
    confidence: pl.Series,
    hint: pl.Series,
    languages: frozenset[str],
) -> pl.Series:
    """Why a text must not be scored; null where the scorer of ``languages`` may score it.

    ``lang`` and ``confidence`` come from ``detect``; ``hint`` is the platform's own language tag,
    or null. The hint is a second opinion, which settles what detection leaves open:

    ==================== ======================= ============ ======================
    detected             confidence              hint         outcome
    ==================== ======================= ============ ======================
    (no letter, emoji)                                        no_text
    supported            0.8 or more             any          scored
    supported            below 0.8               none         scored
    supported            below 0.8               supported    scored
    supported            below 0.8               another      language_unknown
    another                                      any          language_not_supported
    null                                         supported    scored
    null                                         another      language_not_supported
    null                                         none         language_unknown
    ==================== ======================= ============ ======================

    A post of emoji alone has no language: it is scored where the platform vouches for one.
    """
    has_text = language_words.has_text(text)
    # Platforms have some dozens of tags: each is read once.
    tags = hint.unique()
    hints = hint.replace_strict(tags, pl.select(_hinted(pl.lit(tags))).to_series())
    frame = pl.DataFrame(
        {"has_text": has_text, "lang": lang, "confidence": confidence, "hint": hints}
    )
    known = sorted(languages)
    detected, hinted = pl.col("lang"), pl.col("hint")
    disputed = (pl.col("confidence") < _DISPUTED_BELOW) & ~hinted.is_in(known)
    reason = (
        pl.when(~pl.col("has_text"))
        .then(pl.lit("no_text"))
        .when(detected.is_in(known))
        .then(pl.when(disputed).then(pl.lit("language_unknown")))
        .when(detected.is_not_null())
        .then(pl.lit("language_not_supported"))
        .when(hinted.is_null())
        .then(pl.lit("language_unknown"))
        .when(~hinted.is_in(known))
        .then(pl.lit("language_not_supported"))
    )
    return frame.select(unscored_reason=reason).to_series()
