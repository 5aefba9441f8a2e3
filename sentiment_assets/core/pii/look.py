"""Which texts of a column need which rules, and the plain masks: most posts need no more.

Belongs here: the choice between the two ways to look, and what the kernel's answers mean. Most
posts with an identifier hold a plain handle (``@jane`` at the beginning, behind a space or a sign)
or the platform's short link. Those are masked in place, and only what still may show anything
afterwards is given to a rule. ``look_in_polars`` asks Polars' patterns; ``_mask_kernel`` (compiled
where a C compiler was at installation) reads each text once. No is a proof in both, and a test;
yes is a reason to look, so the two may differ in it and the masked texts are the same.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from sentiment_assets.core.arrow_texts import (
    buffers,
    buffers_of,
    column,
    names_in_lists,
    numbers,
)
from sentiment_assets.core.pii import look_in_polars
from sentiment_assets.core.pii.account import ACCOUNT, TOKENS
from sentiment_assets.core.pii.allowed import phrases
from sentiment_assets.core.pii.card import CARD
from sentiment_assets.core.pii.coordinates import COORDINATES
from sentiment_assets.core.pii.device import DEVICE
from sentiment_assets.core.pii.digit_run import DIGIT_RUN
from sentiment_assets.core.pii.digits import SHORT_HINT
from sentiment_assets.core.pii.email import EMAIL, PROVIDERS
from sentiment_assets.core.pii.handle import HANDLE, PLATFORM_WORDS
from sentiment_assets.core.pii.iban import IBAN
from sentiment_assets.core.pii.ip import IP
from sentiment_assets.core.pii.kernel import compiled, kernel_in_use
from sentiment_assets.core.pii.known_names import EVERYDAY, searched_for
from sentiment_assets.core.pii.lexicon import lexicon
from sentiment_assets.core.pii.names_context import (
    ANNOUNCERS,
    ANNOUNCING,
    BEFORE_PLACES,
    BEGINNINGS,
    CALLED,
    FEATURES,
    NO_SURNAME,
    NOT_PEOPLE,
    PARTICLE_WORDS,
    PEOPLE_TOO,
    ROLES,
    TITLES,
)
from sentiment_assets.core.pii.national_id import NATIONAL_ID
from sentiment_assets.core.pii.phone import PHONE
from sentiment_assets.core.pii.postal_place import CODE_IN_ADDRESS, POSTAL_PLACE, POSTCODE
from sentiment_assets.core.pii.redactor import KINDS, RULES, rules_of
from sentiment_assets.core.pii.rule import Rule
from sentiment_assets.core.pii.seen import FirstLook, Look
from sentiment_assets.core.pii.signs import signs_of
from sentiment_assets.core.pii.street import STREET
from sentiment_assets.core.pii.street_words import STREETS, STREETS_IN_ANY_CASE, STREETS_OR_NAMES
from sentiment_assets.core.pii.url import SITES, URL
from sentiment_assets.core.text import FOLDED, Canonical, canonicalise

REDACTIONS = pl.List(pl.Struct({"kind": pl.String, "count": pl.Int32}))
_KINDS = sorted(KINDS)
_LETTERS = re.compile("[a-z]+")
#: Stands for the spellings of a name that has none: no canonical text holds it.
_NOWHERE = "\x00\x01"

#: Bits above the kernel's own: a region's phone rule, and those that the kernel knows nothing of.
_NATIONAL = 1 << 18
_FIRST_UNKNOWN = 19

#: A pattern takes Polars 0.2 to 0.6 ms to get ready, and the rule itself Python 40 µs a text.
_FEW = 12


def first_look(texts: pl.Series, regions: pl.Series, allow: tuple[str, ...]) -> FirstLook:
    """What is known of a column before any rule has run.

    Args:
        texts: strings or null.
        regions: a country (or null) per text.
        allow: words and phrases that name nobody.
    """
    if kernel_in_use() == "python":
        return look_in_polars.first_look(texts, regions)
    seen = _Seen(texts, regions, allow, masking=True)
    typed = (seen.bits & compiled.TYPED) != 0
    hinted = (seen.bits & _any_rule()) != 0
    named = (seen.bits & compiled.NAME) != 0
    return FirstLook(
        seen.text,
        seen.read,
        seen.canonical,
        _rows(hinted),
        _rows(named & ~hinted),
        _rows(typed),
    )


def look(texts: pl.Series, regions: pl.Series, allow: tuple[str, ...]) -> Look:
    """Which rules texts need that may have masks already.

    Args:
        texts: strings, none of them null.
        regions: as :func:`first_look` takes them.
        allow: as :func:`first_look` takes it.
    """
    if kernel_in_use() == "python":
        return look_in_polars.look(texts, regions)
    seen = _Seen(texts, regions, allow, masking=False)
    bits = seen.bits & _any_rule()
    rows = _rows(bits != 0)
    places = {
        row: _places(which, region)
        for row, which, region in zip(rows, bits[rows].tolist(), regions.gather(rows), strict=True)
    }
    return Look(
        seen.read, seen.canonical, places, frozenset(_rows((seen.bits & compiled.NAME) != 0))
    )


def may_spell(read: pl.Series, known_names: pl.Series, allow: tuple[str, ...]) -> list[int]:
    """Rows whose canonical text may spell one of the names that came with it.

    Args:
        read: canonical texts, or null.
        known_names: a list of strings (or null) per text.
        allow: as :func:`first_look` takes it.
    """
    if known_names.null_count() == len(known_names):
        return []
    if kernel_in_use() == "python":
        return _rows(known_names.is_not_null().to_numpy())
    kernel = _kernel(allow)
    names = names_in_lists(known_names.fill_null([]))
    offsets, data, *_ = named = buffers_of(names.texts)
    plain = np.zeros(len(names.texts), np.uint8)
    kernel.plain(*named, plain)
    spellings: list[bytes] = []
    firsts = np.zeros(len(plain) + 1, np.int64)
    involved = np.flatnonzero(plain == 0)
    called = pl.Series(names.texts).gather(numbers(involved))
    for number, name in zip(involved.tolist(), called, strict=True):
        spelled = searched_for(name)
        spellings += [one.encode() for one in spelled or (_NOWHERE,)]
        firsts[number + 1] = len(spelled) or 1
    ends = np.zeros(len(spellings) + 1, np.int64)
    np.cumsum([len(one) for one in spellings], out=ends[1:])
    found = np.zeros(len(read), np.uint8)
    kernel.spelled(
        *buffers(read),
        names.offsets, names.offset, names.codes, names.valid, offsets, data,
        firsts.cumsum(), ends, b"".join(spellings), found,
    )  # fmt: skip
    return _rows(found != 0)


def counts(texts: pl.Series, allow: tuple[str, ...]) -> pl.Series:
    """How many masks stand in each text: ``{kind, count}`` ordered by kind."""
    if kernel_in_use() == "python":
        return look_in_polars.counts(texts)
    ends = np.zeros(len(texts) + 1, np.int64)
    kinds, found = _kernel(allow).count(*buffers(texts), ends)
    # Of buffers: ``pa.array`` imports pandas where it is installed, which takes a second.
    named = pl.Series(_KINDS).gather(numbers(np.frombuffer(kinds, np.uint8))).to_arrow()
    counted = pa.py_buffer(np.array(found, np.int32))
    structs = pa.StructArray.from_arrays(
        [named, pa.Array.from_buffers(pa.int32(), len(found), [None, counted])],
        names=["kind", "count"],
    )
    offsets = pa.Array.from_buffers(pa.int64(), len(ends), [None, pa.py_buffer(ends)])
    lists = pa.LargeListArray.from_arrays(offsets, structs)
    return pl.Series("redactions", lists, dtype=REDACTIONS)


class _Seen:
    """A column, and what is said of each of its texts in bits."""

    def __init__(
        self, texts: pl.Series, regions: pl.Series, allow: tuple[str, ...], *, masking: bool
    ) -> None:
        self._kernel = _kernel(allow)
        ends = np.zeros(len(texts) + 1, np.int64) if masking else None
        self.bits: NDArray[np.uint32] = np.zeros(len(texts), np.uint32)
        data = self._kernel.look(*buffers(texts), False, self.bits, ends)
        self.text = texts if ends is None else column(data, ends, texts)
        #: Canonical: disguised texts are read as a reader sees them.
        self.read = self.text
        self.canonical: dict[int, Canonical] = {}
        self._look_behind_disguises()
        self._ask_hints(regions)

    def _look_behind_disguises(self) -> None:
        rows = _rows((self.bits & compiled.DISGUISED) != 0)
        if not rows:
            return
        each = [canonicalise(text) for text in self.text.gather(rows)]
        self.canonical = dict(zip(rows, each, strict=True))
        seen = pl.Series([one.text for one in each], dtype=pl.String)
        self.read = self.text.clone().scatter(rows, seen)
        bits = np.zeros(len(each), np.uint32)
        self._kernel.look(*buffers(seen), True, bits, None)
        self.bits[rows] = bits

    def _ask_hints(self, regions: pl.Series) -> None:
        """Of the rules that the kernel has no condition for: where a sign of theirs stands."""
        rows = np.flatnonzero(self.bits & compiled.DIGIT)
        if len(rows):
            signed = np.zeros(len(rows), np.uint32)
            _signs().look(*buffers(self.read.gather(numbers(rows))), signed)
            bits = self.bits[rows]
            for number, hint in enumerate(_unknown_hints()):
                likely = (bits & hint.where) == hint.where
                if hint.signs:
                    likely &= (signed & 1 << number) != 0
                self._ask(rows[likely], hint.bit, hint.pattern)
        if regions.null_count() < len(regions):
            short = regions.is_not_null().to_numpy() & ((self.bits & compiled.FOUR) != 0)
            self._ask(np.flatnonzero(short), _NATIONAL, SHORT_HINT)

    def _ask(self, rows: NDArray[np.int64], bit: int, pattern: str) -> None:
        if len(rows) > _FEW:
            matches = self.read.gather(numbers(rows)).str.contains(pattern).fill_null(False)
            rows = rows[matches.to_numpy()]
        self.bits[rows] |= bit


def _rows(where: NDArray[np.bool_]) -> list[int]:
    return np.flatnonzero(where).tolist()


@cache
def _bits_of_rules() -> dict[Rule, int]:
    """The bits of which one is set in every text in which a rule finds something."""
    known = {
        URL: compiled.URL,
        EMAIL: compiled.EMAIL,
        HANDLE: compiled.HANDLE,
        DEVICE: compiled.DEVICE,
        IP: compiled.IP,
        IBAN: compiled.IBAN,
        CARD: compiled.SEVEN,
        NATIONAL_ID: compiled.SEVEN | compiled.NATIONAL_ID,
        PHONE: compiled.SIX,
        DIGIT_RUN: compiled.SEVEN,
    }
    partly = {POSTAL_PLACE: compiled.POSTCODE, ACCOUNT: compiled.TOKEN}
    others = [rule for rule in RULES if rule not in known]
    return known | {
        rule: 1 << _FIRST_UNKNOWN + i | partly.get(rule, 0) for i, rule in enumerate(others)
    }


@cache
def _any_rule() -> int:
    bits = _NATIONAL
    for rule in _bits_of_rules().values():
        bits |= rule
    return bits


class _Hint(NamedTuple):
    """A pattern of a rule that the kernel has no condition for."""

    bit: int
    #: Bits that a text must have that matches.
    where: int
    #: One of them stands in every text that matches; none where that is unknown.
    signs: frozenset[bytes]
    pattern: str


@cache
def _unknown_hints() -> tuple[_Hint, ...]:
    known = {POSTCODE, CODE_IN_ADDRESS, TOKENS}
    # Conditions that many texts meet: two prices look like coordinates.
    where = {STREET: compiled.STREET, COORDINATES: compiled.COORDINATES}
    return tuple(
        _Hint(
            1 << bits.bit_length() - 1,
            where.get(rule, 0),
            frozenset() if rule in where else signs_of(pattern),
            pattern,
        )
        for rule, bits in _bits_of_rules().items()
        if bits >= 1 << _FIRST_UNKNOWN
        for pattern in rule.apart or (rule.hint,)
        if pattern not in known
    )


@cache
def _signs() -> compiled.Signs:
    return compiled.Signs([hint.signs for hint in _unknown_hints()])


@lru_cache(maxsize=4096)
def _places(bits: int, region: str | None) -> tuple[int, ...]:
    known = _bits_of_rules()
    return tuple(
        place for place, rule in enumerate(rules_of(region)) if bits & known.get(rule, _NATIONAL)
    )


@lru_cache(maxsize=4)
def _kernel(allow: tuple[str, ...]) -> compiled.Kernel:
    """The kernel with the lexicon in its tables: 20 ms and 7 MB, once for each allow-list."""
    marked: dict[str, int] = {}
    for mark, words in (
        ("no_surname", NO_SURNAME),
        ("title", TITLES),
        ("called", CALLED),
        ("role", ROLES),
        ("feature", FEATURES),
        ("before_place", BEFORE_PLACES),
        ("announcing", {word.lower() for word in ANNOUNCING}),
        ("announcer", {word.lower() for word in ANNOUNCERS}),
        ("particle", PARTICLE_WORDS),
        ("not_people", NOT_PEOPLE - PEOPLE_TOO),
        ("allowed", {word for phrase in phrases(allow) for word in _LETTERS.findall(phrase)}),
        ("platform", PLATFORM_WORDS),
        ("street", f"{STREETS}|{STREETS_OR_NAMES}".lower().split("|")),
        ("street_in_any_case", STREETS_IN_ANY_CASE.split("|")),
        ("corner", ("corner", "intersection")),
        ("nobody", EVERYDAY | (lexicon().common - lexicon().names.keys())),
        ("site", SITES.split("|")),
    ):
        for word in words:
            marked[word] = marked.get(word, 0) | compiled.MARKS[mark]
    return compiled.Kernel(
        lexicon().names, lexicon().words, marked, BEGINNINGS, _KINDS, PROVIDERS.split("|"), FOLDED
    )
