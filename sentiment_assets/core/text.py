"""Two views of a post's text: the one that rules match on, and the one that silver stores.

``canonicalise`` undoes disguises (invisible characters, look-alike letters, escapes) so that a rule
sees what a reader sees; its result is never stored. ``normalise`` tidies a text without changing
what it says; its result is stored. What counts as personal data belongs in ``core.pii``.
"""

# ruff: noqa: RUF001  look-alike characters are this module's subject

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np
import polars as pl

from sentiment_assets.core.arrow_texts import buffers, column, numbers

try:
    from sentiment_assets.core import _text_kernel as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]

# Letters of other scripts that a reader takes for Latin ones. Both sigmas fold into one so that
# lower-casing never depends on a letter's place in its word.
_LOOK_ALIKES = dict(
    zip(
        "аеорсухіјѕһԁԛԝӏАВЕКМНОРСТУХІЈЅԌԚԜοανρυικΑΒΕΖΗΙΚΜΝΟΡΤΥΧςɡıℓ՝Σº˚",
        "aeopcyxijshdqwlABEKMHOPCTYXIJSGQWoavpuikABEZHIKMNOPTYXσgil'σ°°",
        strict=True,
    )
)
_DASHES = "‐‑‒–—―⁃−﹘﹣－"
_DOTS = "․．。"

# Zero-width and bidirectional controls, soft hyphen, combining marks over Latin letters, variation
# selectors and the enclosing keycap, tags, control characters other than line breaks and tab.
_INVISIBLE = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u0300-\u036f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20d0-\u20ff\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\U000e0000-\U000e0fff"
)
_DROPPED_OR_ESCAPED = re.compile(
    f"[{_INVISIBLE}]+|%(40|2[BbEe]|5[Ff])|&(?:amp;)*(#[0-9]{{1,7}}|#[xX][0-9A-Fa-f]{{1,6}}|[A-Za-z][A-Za-z0-9]{{1,24}});"
    "|&amp;"
)

# Digits that were typed or read as letters: O for 0, l and I for 1, S for 5, B for 8. Only in a
# word made of nothing else, with a digit in it. Lower-case s stays: "the 80s and 90s".
# So do the country of an IBAN and the S of a latitude.
_NUMBER_WITH_LETTERS = re.compile(
    r"(?<![A-Za-z0-9_])(?!(?:IS|SI|SO|BI)[0-9]{2}[ -]?[0-9]{4})(?=[0-9]*[OolISB])"
    r"(?=[OolISB]*[0-9])(?![0-9OolISB]*[OolISB]{3})"
    r"[0-9OolISB]+(?![A-Za-z0-9_]|['’][a-z]| ?°)"
)
_LETTERS_TO_DIGITS = str.maketrans("OolISB", "001158")

#: Scripts and blocks with a character that folds into another or is dropped: first and last.
FOLDED = (
    (0x80, 0x58F), (0x61C, 0x61C), (0x115F, 0x1160), (0x1680, 0x1680), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x1D00, 0x1FFF),
    (0x2000, 0x200C), (0x200E, 0x2015), (0x201A, 0x201A), (0x2024, 0x2024), (0x2028, 0x202F),
    (0x203C, 0x203D), (0x2043, 0x2049), (0x205F, 0x218F),
    (0x2212, 0x2212), (0x2215, 0x2217), (0x2223, 0x2223), (0x2236, 0x2236), (0x223C, 0x223C),
    (0x2460, 0x24FF), (0x2776, 0x2793), (0x2C60, 0x2C7F), (0x3000, 0x3002), (0x3164, 0x3164),
    (0x3200, 0x33FF), (0xA4D0, 0xA7FF), (0xA830, 0xA83F), (0xFB00, 0xFB06), (0xFB29, 0xFB29),
    (0xFE00, 0xFE0E), (0xFE10, 0xFE6F), (0xFEFF, 0xFEFF), (0xFF00, 0xFFEF),
    (0x10780, 0x107BF), (0x1CCD6, 0x1CCF9), (0x1D400, 0x1D7FF), (0x1DF00, 0x1DFFF),
    (0x1F100, 0x1F18F), (0x1F1AD, 0x1F1AD), (0xE0000, 0xE0FFF),
)  # fmt: skip
_FOLDED_CLASS = "".join(rf"\x{{{first:04X}}}-\x{{{last:04X}}}" for first, last in FOLDED)

NEEDS_CANONICAL = (
    # ASCII: escapes, controls, digits mixed with look-alike letters.
    r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f]|\t|%[245]|&(?:#|[A-Za-z][A-Za-z0-9]{1,24};)"
    r"|[0-9][OolISB]|[OolISB][0-9]"
    # Joiners and variation selectors inside emoji change nothing that a rule reads.
    r"|(?:^|[\x00-\x7f])[\u200d\ufe0f]|[\u200d\ufe0f][!-~]"
    rf"|[{_FOLDED_CLASS}]|[\p{{Nd}}&&[^0-9]]|\p{{No}}"
)
"""Regex (Rust syntax): holds for every text that ``canonicalise`` changes, and for few others."""


@dataclass(frozen=True, slots=True)
class Canonical:
    """A text as a reader sees it.

    ``offsets[i]`` is where canonical character ``i`` begins in the original and ``offsets[-1]`` the
    original's length, so the canonical slice ``[a:b]`` is the original ``[offsets[a]:offsets[b]]``.
    """

    text: str
    offsets: Sequence[int]


class _Fold(dict[int, str]):
    """Code point -> the one character it is matched as, computed when first met."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = _fold(chr(code))
        return folded


def _fold(char: str) -> str:
    if char in _LOOK_ALIKES:
        return _LOOK_ALIKES[char]
    if char in _DASHES:
        return "-"
    if char in _DOTS:
        return "."
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.digit(char))
    if category == "Zs" or char == "\t":
        return " "
    decomposed = unicodedata.normalize("NFKD", char)
    base, marks = decomposed[0], decomposed[1:]
    base = _LOOK_ALIKES.get(base, base)
    # Only one-to-one folds: a span that ended inside an expansion would have no end to map to.
    if base.isascii() and (
        not marks or (base.isalnum() and all(map(unicodedata.combining, marks)))
    ):
        return base
    return char


_FOLD = _Fold()


def _unescaped(match: re.Match[str]) -> str:
    percent, entity = match.group(1), match.group(2)
    if percent:
        return chr(int(percent, 16))
    if not entity:
        return "&" if match.group().startswith("&") else ""
    char = html.unescape(f"&{entity};")
    if len(char) != 1:
        return match.group()
    return "" if re.match(f"[{_INVISIBLE}]", char) else char


def canonicalise(text: str) -> Canonical:
    """The text that rules match on, with the way back to the original's offsets.

    Invisible characters and combining marks are dropped, ``%40`` and HTML entities decoded, and
    full-width, accented and look-alike characters, digits of any script, dashes and spaces folded
    to ASCII one for one. Line breaks stay.
    """
    pieces: list[str] = []
    offsets: list[int] = []
    done = 0
    for match in _DROPPED_OR_ESCAPED.finditer(text):
        char = _unescaped(match)
        if char == match.group():
            continue
        pieces.append(text[done : match.start()])
        offsets.extend(range(done, match.start()))
        if char:
            pieces.append(char)
            offsets.append(match.start())
        done = match.end()
    plain: Sequence[int] = range(len(text) + 1)
    if pieces or done:
        pieces.append(text[done:])
        offsets.extend(range(done, len(text) + 1))
        plain, text = offsets, "".join(pieces)
    if not text.isascii() or "\t" in text:
        text = text.translate(_FOLD)
    text = _NUMBER_WITH_LETTERS.sub(lambda m: m.group().translate(_LETTERS_TO_DIGITS), text)
    return Canonical(text, plain)


#: Characters that composing (NFC) leaves as they are, whatever stands beside them: first and last.
#: ASCII, Latin and Cyrillic without marks, punctuation, symbols, kana, Han, Hangul, emoji.
COMPOSED = (
    (0x21, 0x7E), (0xA1, 0x2FF), (0x400, 0x482), (0x48A, 0x52F), (0x2010, 0x2027),
    (0x2030, 0x205E), (0x20A0, 0x20BF), (0x2190, 0x2328), (0x232B, 0x23FF), (0x2460, 0x2ADB),
    (0x2ADD, 0x2BFF), (0x3001, 0x3029), (0x3041, 0x3096), (0x309B, 0x30FF), (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3), (0x1F000, 0x1FAFF),
)  # fmt: skip
_SPACES = (
    (0x09, 0x0D), (0x20, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A),
    (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000),
)  # fmt: skip
_DROPPED = ((0x00, 0x08), (0x0E, 0x1F), (0x7F, 0x84), (0x86, 0x9F), (0xFEFF, 0xFEFF))

#: The kernel that this code was written with; one that says another is left alone.
KERNEL_VERSION = 1

Text = TypeVar("Text", pl.Expr, pl.Series)


def normalise(text: Text) -> Text:
    """Text as silver stores it; null stays null.

    X escapes ``&``, ``<`` and ``>`` in what it delivers: unescaped once, ``&`` last, so that
    ``&amp;lt;`` (a user who typed ``&lt;``) reads ``&lt;``. Control characters are dropped,
    letters composed (NFC), runs of white space become one space, ends are trimmed. Emoji keep
    their zero-width joiners and variation selectors; those that follow nothing are dropped.
    """
    if isinstance(text, pl.Series) and getattr(compiled, "VERSION", None) == KERNEL_VERSION:
        return _normalised(text)
    return (
        text.str.replace_all("&lt;", "<", literal=True)
        .str.replace_all("&gt;", ">", literal=True)
        .str.replace_all("&amp;", "&", literal=True)
        .str.replace_all(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\x{feff}]", "")
        .str.normalize("NFC")
        # A single space is most of the white space, and stays.
        .str.replace_all(r"[\s&&[^ ]]\s*| \s+", " ")
        # What is left of an emoji that was taken away: it joins or varies nothing.
        .str.replace_all(r"(^| )[\x{200d}\x{fe0f}]+", "$1")
        .str.replace_all("  +", " ")
        .str.strip_chars(" ")
    )


def _normalised(texts: pl.Series) -> pl.Series:
    """The same by the compiled kernel, and by Polars for the texts that it leaves."""
    ends = np.zeros(len(texts) + 1, np.int64)
    left = np.zeros(len(texts), np.uint8)
    data = _kernel().tidy(*buffers(texts), ends, left)
    tidied = column(data, ends, texts)
    rows = numbers(np.flatnonzero(left))
    if len(rows):
        others = texts.gather(rows).to_frame("text").select(normalise(pl.col("text")))
        tidied = tidied.scatter(rows, others["text"])
    return tidied


@cache
def _kernel() -> compiled.Kernel:
    return compiled.Kernel(COMPOSED, _SPACES, _DROPPED)
