"""Two views of a post's text: the one that rules match on, and the one that silver stores.

``canonicalise`` undoes disguises (invisible characters, look-alike letters, escapes) so that a rule
sees what a reader sees; its result is never stored. ``normalise`` tidies a text without changing
what it says; its result is stored. What counts as personal data belongs in ``core.pii``.
"""
# ruff: noqa: RUF001  look-alike characters are this module's subject

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import polars as pl

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

NEEDS_CANONICAL = (
    # ASCII: escapes, controls, digits mixed with look-alike letters.
    r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f]|\t|%[245]|&(?:#|[A-Za-z][A-Za-z0-9]{1,24};)"
    r"|[0-9][OolISB]|[OolISB][0-9]"
    # Joiners and variation selectors inside emoji change nothing that a rule reads.
    r"|(?:^|[\x00-\x7f])[\u200d\ufe0f]|[\u200d\ufe0f][!-~]"
    # Scripts and blocks with a character that folds into another or is dropped.
    r"|[\u0080-\u024f\u0250-\u02ff\u0300-\u03ff\u0400-\u058f\u1d00-\u1eff\u1f00-\u1fff]"
    r"|[\u2000-\u200c\u200e-\u2012\u2013-\u2015\u201a\u2024\u2028-\u202f\u203c\u203d\u2043-\u2049\u205f-\u20ff]"
    r"|[\u2100-\u218f\u2212\u2215\u2216\u2217\u2223\u2236\u223c\u2460-\u24ff\u2c60-\u2c7f]"
    r"|[\u2776-\u2793\u3000-\u3002\u3164\u3200-\u33ff\ua4d0-\ua7ff\ua830-\ua83f\ufb00-\ufb06\ufb29]"
    r"|[\ufe00-\ufe0e\ufe10-\ufe6f\ufeff\uff00-\uffef]"
    r"|[\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f]"
    r"|[\p{Nd}&&[^0-9]]|\p{No}|[\x{1d400}-\x{1d7ff}\x{1f100}-\x{1f18f}\x{1f1ad}]"
    r"|[\x{10780}-\x{107bf}\x{1ccd6}-\x{1ccf9}\x{1df00}-\x{1dfff}\x{e0000}-\x{e0fff}]"
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


Text = TypeVar("Text", pl.Expr, pl.Series)


def normalise(text: Text) -> Text:
    """Text as silver stores it; null stays null.

    X escapes ``&``, ``<`` and ``>`` in what it delivers: unescaped once, ``&`` last, so that
    ``&amp;lt;`` (a user who typed ``&lt;``) reads ``&lt;``. Control characters are dropped,
    letters composed (NFC), runs of white space become one space, ends are trimmed. Emoji keep
    their zero-width joiners and variation selectors; those that follow nothing are dropped.
    """
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
