"""Handles and display names that the payload itself gives, wherever the text repeats them."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from sentiment_assets.core.pii.rule import Span
from sentiment_assets.core.text import canonicalise

# Words that a display name may hold and every text does. Alone they name nobody.
_EVERYDAY_WORDS = (
    "the and for you your our his her its not but are was all any can may will has have had how "
    "who why now new one two out off get got just this that with from they them then than what "
    "when where into over very here there been were let mr mrs miss van von der den del della dos "
    "das bin ibn official real"
)
_EVERYDAY = frozenset(_EVERYDAY_WORDS.split())
_MIN_PART = 3
_WORD = re.compile(r"[^\W_](?:[\w.'-]*[^\W_])?")
# Scripts that write words without spaces: no boundary to ask for.
_UNSPACED = re.compile(r"^[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]{2,}$")
_GAP = re.compile(r"[ _.'-]{1,2}$")


@lru_cache(maxsize=65_536)
def spellings(name: str) -> tuple[str, ...]:
    """Lower-case canonical strings to look for: the whole name, run together, and its words.

    Empty for names without a letter (emoji, digits, white space) and for everyday words.
    """
    canonical = canonicalise(name).text.lower().replace("\u2019", "'")
    words = _WORD.findall(canonical)
    whole = {" ".join(words), "".join(words), "_".join(words)}
    parts = {w for w in words if len(w) >= _MIN_PART} if len(words) > 1 else set()
    found = {
        s
        for s in whole | parts
        if s not in _EVERYDAY and len(s) > 1 and any(c.isalpha() for c in s)
    }
    found |= {s.replace("'", "\u2019") for s in found}
    return tuple(sorted(found, key=lambda s: (-len(s), s)))


def _is_bounded(text: str, start: int, end: int) -> bool:
    return not ((start and text[start - 1].isalnum()) or (end < len(text) and text[end].isalnum()))


def find_known_names(text: str, known_names: Sequence[str]) -> Iterator[Span]:
    """Spans of canonical text that spell a known name, in any case, with or without ``@``."""
    lowered = text.lower()
    found: list[tuple[int, int]] = []
    for spelling in {s for name in known_names for s in spellings(name)}:
        start = lowered.find(spelling)
        while start >= 0:
            end = start + len(spelling)
            if _UNSPACED.match(spelling) or _is_bounded(lowered, start, end):
                found.append((start - (text[start - 1 : start] == "@"), end))
            start = lowered.find(spelling, start + 1)
    merged: list[list[int]] = []
    for start, end in sorted(found):
        # "Jane" and "Roe" in "Jane Roe" are one name.
        if merged and (start <= merged[-1][1] or _GAP.match(text, merged[-1][1], start)):
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    for start, end in merged:
        yield Span(start, end, "handle" if text[start] == "@" else "name")
