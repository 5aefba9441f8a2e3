"""Names of people and everyday words: what may be looked up. The data and its licences: README.md.

What belongs here: reading the two files and answering of one word. What a text says with its words
belongs in ``core.pii.names``. ``lexicon/build.py`` in the repository's root makes the files.
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

#: Bits of a name's entry: what it is, and what else it is.
GIVEN, SURNAME, WORD, PLACE, BRAND, SELDOM = 1, 2, 4, 8, 16, 32
#: A given name, a surname of very many people.
OFTEN, FREQUENT = 64, 128
#: Any of these: alone the name is left.
UNSURE = WORD | PLACE | BRAND | SELDOM

_BITS = {
    "g": GIVEN,
    "s": SURNAME,
    "w": WORD,
    "p": PLACE,
    "b": BRAND,
    "n": SELDOM,
    "o": OFTEN,
    "f": FREQUENT,
}
_ENDINGS = ("s", "es", "d", "ed", "ing", "ly", "er", "ers", "y")


@dataclass(frozen=True)
class Lexicon:
    """All of it; names and words are canonical and in lower case."""

    names: dict[str, int]
    words: frozenset[str]
    #: Words so common, or of so much sentiment, that a name written like them needs proof.
    common: frozenset[str]

    def is_word(self, word: str) -> bool:
        """Whether an English dictionary has it, or what it is a form of."""
        words = self.words
        if word in words:
            return True
        # Asked at once first: most words end otherwise.
        if word.endswith(_ENDINGS):
            for ending in _ENDINGS:
                if word.endswith(ending):
                    stem = word[: -len(ending)]
                    if stem in words or stem + "e" in words:
                        return True
        return False


@cache
def lexicon() -> Lexicon:
    """Read on first use (40 ms, 15 MB), once a process."""
    # Without a loop over the lines: there are a hundred thousand, and each process reads them.
    cells = _content("names.tsv.gz").replace("\t", "\n").splitlines()
    names, kinds = cells[::2], cells[1::2]
    bits = {each: sum(_BITS[kind] for kind in each) for each in {*kinds}}
    words = _content("words.txt.gz")
    return Lexicon(
        dict(zip(names, map(bits.__getitem__, kinds), strict=True)),
        frozenset(words.replace("*", "").splitlines()),
        frozenset(re.findall(r"^(.+)\*$", words, re.MULTILINE)),
    )


def _content(name: str) -> str:
    file = resources.files(__package__) / name
    return gzip.decompress(file.read_bytes()).decode()
