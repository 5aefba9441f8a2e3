"""From a text to the same text without identifiers: the rules in order, pass after pass.

What belongs here: the order of the rules, and what one text becomes. Columns are ``column``'s.
"""

import bisect
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sentiment_assets.core.pii.account import ACCOUNT
from sentiment_assets.core.pii.allowed import is_allowed
from sentiment_assets.core.pii.birth_date import BIRTH_DATE
from sentiment_assets.core.pii.card import CARD
from sentiment_assets.core.pii.coordinates import COORDINATES
from sentiment_assets.core.pii.device import DEVICE
from sentiment_assets.core.pii.digit_run import DIGIT_RUN
from sentiment_assets.core.pii.email import EMAIL
from sentiment_assets.core.pii.handle import HANDLE
from sentiment_assets.core.pii.iban import IBAN
from sentiment_assets.core.pii.ip import IP
from sentiment_assets.core.pii.known_names import find_known_names
from sentiment_assets.core.pii.name_finding import find_names
from sentiment_assets.core.pii.names import NameFinder
from sentiment_assets.core.pii.national_id import NATIONAL_ID
from sentiment_assets.core.pii.national_phone import national_phone
from sentiment_assets.core.pii.phone import PHONE
from sentiment_assets.core.pii.postal_place import POSTAL_PLACE
from sentiment_assets.core.pii.rule import BLANK, Rule, Span, mask
from sentiment_assets.core.pii.secret import SECRET
from sentiment_assets.core.pii.street import STREET
from sentiment_assets.core.pii.street_abroad import STREET_ABROAD
from sentiment_assets.core.pii.url import URL
from sentiment_assets.core.text import Canonical, canonicalise

# In order of priority: what an earlier rule claims is blank to the later ones. A link holds
# addresses and numbers; a card holds a phone's shape, and a phone is a long number. Addresses come
# after what stands beside them in a form and before bare numbers, such as their postcodes.
RULES: tuple[Rule, ...] = (
    URL, EMAIL, HANDLE, SECRET, DEVICE, COORDINATES, IP, BIRTH_DATE, IBAN, CARD, NATIONAL_ID,
    STREET, STREET_ABROAD, POSTAL_PLACE, ACCOUNT, PHONE, DIGIT_RUN,
)  # fmt: skip
KINDS = (*dict.fromkeys(rule.kind for rule in RULES), "name")

# A text that still uncovers an identifier after so many passes was built to: its rest is masked.
PASSES = 16

_DIGIT = re.compile("[0-9]")
MASKS = re.compile("|".join(re.escape(mask(kind)) for kind in KINDS))


@lru_cache(maxsize=512)
def rules_of(region: str | None) -> tuple[Rule, ...]:
    """The rules with those of a region before the phones and bare numbers of everywhere."""
    before = RULES.index(PHONE)
    national = (national_phone(region),) if region else ()
    return (*RULES[:before], *national, *RULES[before:])


@lru_cache(maxsize=512)
def _hints(region: str | None) -> tuple[tuple[re.Pattern[str], Rule], ...]:
    return tuple((re.compile(rule.hint), rule) for rule in rules_of(region))


@dataclass(frozen=True, slots=True)
class Redaction:
    """A text with its identifiers masked, and where they stood in the original text."""

    text: str
    spans: tuple[Span, ...]

    def counts(self) -> list[dict[str, str | int]]:
        """Spans of each kind, by name of kind: the value of silver's ``redactions``."""
        return [
            {"kind": kind, "count": n}
            for kind, n in sorted(Counter(s.kind for s in self.spans).items())
        ]


def redact(
    text: str,
    known_names: Sequence[str] = (),
    region: str | None = None,
    allow: tuple[str, ...] = (),
    finder: NameFinder | None = None,
) -> Redaction:
    """Mask every identifier of ``text``; spans are sorted, disjoint and in the original's offsets.

    Redacting the result again changes nothing, unless a model changes its mind: a mask may uncover
    what its neighbour hid, so passes repeat until one finds nothing.

    Args:
        text: as it was written.
        known_names: handles and display names that came with the post.
        region: the country (two letters of ISO 3166) whose national phone numbers are looked for.
        allow: words and phrases that name nobody: brands, places, tracked topics.
        finder: a model that looks for names where the rules found none.
    """
    spans: list[Span] = []
    masked = text
    for done in itertools.count():
        canonical = canonicalise(masked)
        searched = without_masks(canonical.text)
        hinted = [rule for hint, rule in _hints(region) if _may_hold(rule, hint, searched)]
        later = found(masked, canonical, searched, hinted, known_names, allow)
        if not later:
            break
        merged = _in_original(spans, later)
        if done >= PASSES:
            cut = min(set(merged) - set(spans))
            merged = [s for s in spans if s.end <= cut.start]
            merged.append(Span(cut.start, len(text), cut.kind))
        spans = merged
        masked = with_masks(text, spans)
    if finder is not None:
        (later,) = recognised([masked], finder, allow)
        spans = _in_original(spans, later)
        masked = with_masks(text, spans)
    return Redaction(masked, tuple(spans))


def _may_hold(rule: Rule, hint: re.Pattern[str], searched: str) -> bool:
    if rule.needs_digit and not _DIGIT.search(searched):
        return False
    return hint.search(searched) is not None


def found(
    text: str,
    canonical: Canonical | None,
    searched: str,
    rules: Iterable[Rule],
    known_names: Sequence[str],
    allow: tuple[str, ...],
    *,
    suspected: bool = True,
) -> list[Span]:
    """What one pass finds, sorted, in the offsets of ``text``.

    Args:
        text: what is masked so far.
        canonical: ``text`` as a reader sees it; null where that is as it stands.
        searched: the same with masks blank.
        rules: those whose hint ``searched`` matches, in their order.
        known_names: as :func:`redact` takes them.
        allow: as :func:`redact` takes them.
        suspected: whether it may hold a name that did not come with the post.
    """
    spans: list[Span] = []
    for rule in rules:
        claimed = list(rule.find(searched))
        spans += claimed
        searched = _blanked(searched, claimed)
    if known_names:
        claimed = list(find_known_names(searched, known_names, allow))
        spans += claimed
        searched = _blanked(searched, claimed)
    if suspected:
        spans += find_names(searched, allow)
    return sorted(spans) if canonical is None else in_text(text, spans, canonical)


def in_text(text: str, spans: Iterable[Span], canonical: Canonical) -> list[Span]:
    """Spans of a canonical text where they stand in the text that it was made of, sorted."""
    offsets = canonical.offsets
    return sorted(
        Span(offsets[s.start], _without_controls(text, offsets[s.end]), s.kind) for s in spans
    )


def recognised(
    masked: Sequence[str], finder: NameFinder, allow: tuple[str, ...]
) -> list[list[Span]]:
    """What a model takes for names in masked texts, without what touches a mask."""
    names = []
    for text, spans in zip(masked, finder.find(masked), strict=True):
        masks = [match.span() for match in MASKS.finditer(text)]
        names.append(
            [
                Span(start, end, "name")
                for start, end in sorted(spans)
                if all(end <= left or start >= right for left, right in masks)
                and not is_allowed(text[start:end], allow)
            ]
        )
    return names


def without_masks(text: str) -> str:
    """Masks of an earlier pass are no text: nothing may be found in them."""
    return MASKS.sub(lambda match: BLANK * len(match.group()), text) if "[" in text else text


def with_masks(text: str, spans: Sequence[Span]) -> str:
    """The text with a mask in place of each span."""
    return _replaced(text, spans, lambda span: mask(span.kind))


def _without_controls(text: str, end: int) -> int:
    """Leave dropped characters behind a span in place: a closing bidi control has its opening."""
    while unicodedata.category(text[end - 1]) == "Cf":
        end -= 1
    return end


def _blanked(text: str, spans: Sequence[Span]) -> str:
    return _replaced(text, spans, lambda span: BLANK * (span.end - span.start)) if spans else text


def _replaced(text: str, spans: Sequence[Span], replacement: Callable[[Span], str]) -> str:
    pieces: list[str] = []
    done = 0
    for span in spans:
        pieces += (text[done : span.start], replacement(span))
        done = span.end
    return "".join((*pieces, text[done:]))


def _in_original(spans: Sequence[Span], later: Sequence[Span]) -> list[Span]:
    """``spans`` and those found ``later`` between their masks, all in the original's offsets."""
    ends, shifts = [], [0]
    for start, end, kind in spans:
        ends.append(start + shifts[-1] + len(mask(kind)))
        shifts.append(ends[-1] - end)
    moved = [
        Span(start - shifts[i], end - shifts[i], kind)
        for start, end, kind in later
        for i in [bisect.bisect_right(ends, start)]
    ]
    return sorted((*spans, *moved))
