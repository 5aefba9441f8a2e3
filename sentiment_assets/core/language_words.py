"""Words of posts that tell their language, cleaned of all else, and what is counted about them.

Two implementations give the same: patterns in Polars, and a compiled kernel (``_language_kernel``,
where a C compiler was at installation) that reads texts of Latin letters, common signs and emoji in
one pass. Texts with any other character are the patterns' wherever they run.

Belongs here: what of a text is looked at, the patterns, and the choice between the two. What
follows from the counts stands in ``language``, the lists of words in ``function_words``.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Literal

import polars as pl
import pyarrow as pa

from sentiment_assets.core import function_words

try:
    from sentiment_assets.core import _language_kernel as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]

#: The kernel that this code was written with; one that says another is left alone.
KERNEL_VERSION = 1

#: Characters of a text in which words are counted. Accuracy doesn't rise beyond, time does; posts
#: that begin in English and go on in Hindi need the longer look.
LOOKED_AT = 280

# Links, handles, masks such as [name], and what HTML leaves behind.
_ADDRESSES = (
    r"(?i)\b(?:https?\b|www\.)\S*|(?:\bRT )?[@＠]\w+:?"  # noqa: RUF001
    r"|\[[a-z][a-z_ ]*\]|&(?:amp|lt|gt);"
)

# Check-ins: "@ Los Angeles, California". A place is spelt alike in every language.
_PLACE = r"@ +[\p{Lu}\p{N}][^#!?\n]*"
_HASHTAGS = r"[#＃][\p{L}\p{N}_]+"  # noqa: RUF001
_TWO_WORDS = r"\p{L}{2,}[^\p{L}]+\p{L}{2}"
_THREE_WORDS = r"(?:\p{L}{2,}[^\p{L}#]+){2}\p{L}{2}"
# U+FE0F asks for the emoji form of a character, and stays behind where that was cut.
_NO_WORD = r"[#_\s\x{FE0F}\p{N}\p{So}\p{Sk}\p{Cf}\p{Cc}\p{Extended_Pictographic}]+"
_OTHER_SCRIPTS = r"[^\p{Latin}\p{Common}\p{Inherited}]+"
_BEYOND_A_TO_Z = r"[^\p{Common}\p{Inherited}a-z]"
_APOSTROPHE = "[’`]"  # noqa: RUF001

# In the Bantu languages every word ends in a vowel or "ng"; in English hardly ever two in a row.
_CONSONANT_AT_THE_END = r"(?:[b-df-hj-mp-tv-z]|(?:^|[^n])g)(?-u:\b)"

LETTER = r"\p{L}"
_LETTER_OR_EMOJI = r"[\p{L}\p{Extended_Pictographic}]"

# Where the kernel reads: Latin letters, marks on them, punctuation, symbols, emoji. Characters in
# here that another script owns, or that change their length in lower case, are left out.
_BLOCKS = (
    (0x00, 0x250), (0x300, 0x370), (0x1E00, 0x1F00), (0x2000, 0x2C00), (0x3000, 0x3003),
    (0xFE0F, 0xFE10), (0x1F000, 0x1FB00),
)  # fmt: skip


def any_of(words: Iterable[str]) -> str:
    """Pattern of whole words; of those that fit in one place the first is taken."""
    # ASCII boundaries: Unicode ones make the regex engine several times slower.
    return rf"(?-u:\b)(?:{'|'.join(words)})(?-u:\b)"


_ENGLISH_WORDS = function_words.ENGLISH.split()
_BORROWED_WORDS = function_words.BORROWED_ENGLISH.split()
_OTHER_WORDS = sorted(
    {
        word
        for words in (function_words.OTHERS | function_words.AFRICAN).values()
        for word in words.split()
    }
)
_BEGINNINGS = function_words.NGUNI_BEGINNINGS.split()

_ENGLISH = any_of(_ENGLISH_WORDS)
_BORROWED = any_of(_BORROWED_WORDS)
OTHER = any_of(_OTHER_WORDS)
NGUNI = any_of([rf"(?:{'|'.join(_BEGINNINGS)})[a-z]{{3,}}[aeiou]"])

Implementation = Literal["compiled", "patterns"]


def kernel_in_use() -> Implementation:
    """Which implementation reads the texts that both can read."""
    return "compiled" if getattr(compiled, "VERSION", None) == KERNEL_VERSION else "patterns"


def counted(texts: pa.Array) -> pl.DataFrame:
    """The words of each text and what can be counted about them; no text may be null.

    ``index``: the text's place; rows come in any order. ``words``: in lower case, without letters
    of another script where most are Latin. ``script``: whether most are not. ``length``: of the
    words, in characters. ``has_letters``; ``foreign``: whether there are letters beyond a to z.
    ``english``, ``borrowed``, ``other``: function words of each kind. ``closed``: whether a word
    ends in a consonant, where there are two.
    """
    if kernel_in_use() == "patterns":
        return counted_by_patterns(pl.Series(texts, dtype=pl.String)).with_row_index()
    rows, was_read = _counted_by_kernel(texts)
    if was_read.all():
        return rows
    left = rows.filter(~was_read)["index"]
    others = counted_by_patterns(pl.Series(texts.take(left.to_arrow()), dtype=pl.String))
    return pl.concat([rows.filter(was_read), others.select(left, pl.all())])


def has_text(texts: pl.Series) -> pl.Series:
    """Whether a text has a letter or an emoji outside of links, handles and masks; null hasn't."""
    if kernel_in_use() == "patterns":
        return has_text_by_patterns(texts)
    array = texts.to_arrow()
    found = pa.allocate_buffer(len(array))
    if len(array):
        offsets, data = buffers(array)
        validity = bytes_of(array.buffers()[0]) if array.null_count else None
        _kernel().has_text(offsets, data, validity, array.offset, len(array), bytes_of(found))
    answers = pl.Series(texts.name, _column(pa.uint8(), len(array), found))
    known = answers == 1
    left = (answers == 2).arg_true()
    return known.scatter(left, has_text_by_patterns(texts.gather(left))) if len(left) else known


def has_text_by_patterns(texts: pl.Series) -> pl.Series:
    """The same by patterns, for any text."""
    text = _without_addresses(pl.col("text")).str.contains(_LETTER_OR_EMOJI).fill_null(False)
    return texts.alias("text").to_frame().select(text).to_series().alias(texts.name)


def _without_addresses(text: pl.Expr) -> pl.Expr:
    """The text without links, handles and masks such as [name]."""
    return text.str.replace_all(_ADDRESSES, " ")


def readable(texts: pl.Series) -> pl.Series:
    """The words of texts in lower case, without emoji, digits and the place of a check-in.

    Hashtags are read, split at capitals, only where three words don't stand beside them; a place
    only where nothing else stands there.
    """
    sentence, placeless, alone = pl.col("sentence"), pl.col("placeless"), pl.col("alone")
    # Steps of their own, since an expression that is used twice is also computed twice.
    return (
        texts.to_frame("text")
        .select(sentence=_without_addresses(pl.col("text")))
        .with_columns(placeless=sentence.str.replace_all(_PLACE, " "))
        .select(
            sentence=pl.when(placeless.str.contains(LETTER)).then(placeless).otherwise(sentence)
        )
        .with_columns(alone=sentence.str.replace_all(_HASHTAGS, " "))
        .select(
            pl.when(alone.str.contains(_THREE_WORDS))
            .then(alone)
            .otherwise(sentence.str.replace_all(r"(\p{Ll})(\p{Lu})", "$1 $2"))
            .str.to_lowercase()
            .str.replace_all(_APOSTROPHE, "'")
            .str.replace_all(_NO_WORD, " ")
            .str.strip_chars()
            .str.head(LOOKED_AT)
        )
        .to_series()
        .alias("readable")
    )


def counted_by_patterns(texts: pl.Series) -> pl.DataFrame:
    """What ``counted`` says but the index, by patterns, for any text."""
    text, latin, words = pl.col("readable"), pl.col("latin"), pl.col("words")
    return (
        readable(texts)
        .to_frame()
        .with_columns(latin=text.str.replace_all(_OTHER_SCRIPTS, " "))
        # Bytes: a letter of another script says as much as two or three of ours.
        .with_columns(script=latin.str.len_bytes() * 2 < text.str.len_bytes())
        .with_columns(words=pl.when("script").then(text).otherwise(latin))
        .select(
            "words",
            "script",
            length=words.str.len_chars(),
            has_letters=words.str.contains(LETTER),
            foreign=words.str.contains(_BEYOND_A_TO_Z),
            english=words.str.count_matches(_ENGLISH),
            borrowed=words.str.count_matches(_BORROWED),
            other=words.str.count_matches(OTHER) + words.str.count_matches(NGUNI),
            closed=words.str.contains(_CONSONANT_AT_THE_END) | ~words.str.contains(_TWO_WORDS),
        )
    )


def _counted_by_kernel(texts: pa.Array) -> tuple[pl.DataFrame, pl.Series]:
    """The rows of ``counted``, and which of them the kernel could read."""
    count = len(texts)
    ends, flags = pa.allocate_buffer(8 * (count + 1)), pa.allocate_buffer(count)
    length, english, borrowed, other = (pa.allocate_buffer(4 * count) for _ in range(4))
    bytes_of(ends).cast("q")[0] = 0
    words = b""
    if count:
        offsets, data = buffers(texts)
        words = _kernel().count(
            offsets,
            data,
            texts.offset,
            count,
            bytes_of(ends).cast("q"),
            bytes_of(length).cast("I"),
            bytes_of(english).cast("I"),
            bytes_of(borrowed).cast("I"),
            bytes_of(other).cast("I"),
            bytes_of(flags),
        )
    numbers = {"length": length, "english": english, "borrowed": borrowed, "other": other}
    frame = pl.DataFrame(
        {
            "words": _column(pa.large_string(), count, ends, pa.py_buffer(words)),
            "flags": _column(pa.uint8(), count, flags),
            **{name: _column(pa.uint32(), count, buffer) for name, buffer in numbers.items()},
        }
    )
    bit = pl.col("flags")
    rows = frame.select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("index"),
        "words",
        pl.lit(False).alias("script"),
        "length",
        ((bit & 2) != 0).alias("has_letters"),
        ((bit & 4) != 0).alias("foreign"),
        "english",
        "borrowed",
        "other",
        ((bit & 8) != 0).alias("closed"),
    )
    return rows, frame["flags"] & 1 != 0


def _column(kind: pa.DataType, count: int, *buffers: pa.Buffer) -> pa.Array:
    return pa.Array.from_buffers(kind, count, [None, *buffers])


def buffers(texts: pa.Array) -> tuple[memoryview, memoryview]:
    """The offsets of an array of strings, and its bytes."""
    _, offsets, data = texts.buffers()
    wide = pa.types.is_large_string(texts.type)
    ends = (texts.offset + len(texts) + 1) * (8 if wide else 4)
    return bytes_of(offsets)[:ends].cast("q" if wide else "i"), bytes_of(data or b"")


def bytes_of(buffer: pa.Buffer | bytes) -> memoryview:
    """A buffer's bytes, to read and to write."""
    return memoryview(buffer).cast("B")


@cache
def _kernel() -> compiled.Kernel:
    """The kernel with words and characters in its tables, made once a process."""
    lists = (_ENGLISH_WORDS, _BORROWED_WORDS, _OTHER_WORDS)
    return compiled.Kernel(_characters(), lists, _BEGINNINGS, LOOKED_AT)


def _characters() -> list[tuple[int, int, int]]:
    """Code, flags and code in lower case of the characters that the kernel may read.

    The regex engine itself says what each is, so that both implementations agree on Unicode.
    """
    codes = [code for first, end in _BLOCKS for code in range(first, end)]
    char, read = pl.col("char"), pl.col("read")
    flags = {
        "letter": char.str.contains(LETTER),
        "capital": char.str.contains(r"\p{Lu}"),
        "small": char.str.contains(r"\p{Ll}"),
        "number": char.str.contains(r"\p{N}"),
        "in_word": char.str.contains(r"\w"),
        "space": char.str.contains(r"\s"),
        "picture": char.str.contains(r"\p{Extended_Pictographic}"),
        "no_word": read.str.contains(_NO_WORD),
        "foreign": read.str.contains(_BEYOND_A_TO_Z),
        "apostrophe": char.str.contains(_APOSTROPHE),
        "known": pl.lit(True),
    }
    lower = char.str.to_lowercase()
    is_ascii = pl.col("code") < 128
    known = (
        pl.DataFrame({"code": codes, "char": list(map(chr, codes))})
        .with_columns(read=lower.str.replace_all(_APOSTROPHE, "'"))
        .filter(
            (lower.str.len_chars() == 1)
            & ~read.str.contains(_OTHER_SCRIPTS)
            & (char.str.contains(LETTER) == read.str.contains(LETTER))
            # The long s and the Kelvin sign, which patterns without case take for s and k.
            & (is_ascii | ~char.str.contains("(?i)[a-z]"))
        )
        .select(
            "code",
            pl.sum_horizontal(
                holds.cast(pl.Int64) * compiled.FLAGS[name] for name, holds in flags.items()
            ).alias("flags"),
            "read",
        )
    )
    return [(code, flag, ord(lowered)) for code, flag, lowered in known.iter_rows()]
