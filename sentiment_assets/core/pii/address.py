"""What the rules of addresses share: the pieces of an address, and what stands around its core.

A core is what only an address has (number and street, box, full postcode): the rules that find
cores are ``street``, ``street_abroad`` and ``postal_place``. Around it stand a unit, a second
number, a town, a country. A street or town alone is nobody's address.
"""

import re
from collections.abc import Callable, Iterator

from sentiment_assets.core.pii.rule import Span
from sentiment_assets.core.pii.street_words import JOINING, SURE_UNIT, UK_AREAS, UNIT

KIND = "address"

NUMBER = (
    r"[0-9]{1,5}(?:[A-Za-z](?![A-Za-z]))?(?:[-/][0-9]{1,4}[A-Za-z]?)?"
    r"(?![0-9A-Za-z%:/]|[.,][0-9])"
)
LETTER = r"[^\W\d_]"
WORD = rf"(?!(?i:{SURE_UNIT})\b){LETTER}(?:{LETTER}|[.'\u2019-](?={LETTER}| )){{0,30}}"
JOIN = rf"(?:(?:{JOINING}) |[dl]['\u2019])"
BEFORE = r"(?<![\w.,$#@/-])"
NEXT = r"(?:[ ,;]|[\n>?*-]){1,8}"
"""From one line of an address to the next, in quoted mails too."""
UNIT_NUMBER = (
    rf"(?i:(?:{UNIT})\.?,? ?(?:no\.? ?)?#?[0-9]{{1,5}}[A-Za-z]?(?![A-Za-z0-9]))"
    r"|#[0-9]{1,4}[A-Za-z]?(?!\w)"
)
SURE_UNIT_NUMBER = rf"(?i:(?:{SURE_UNIT})\.? ?#?[0-9]{{1,5}}[A-Za-z]?)(?![A-Za-z0-9%]|[.,][0-9])"
UK_CODE = rf"(?:{UK_AREAS})[0-9][0-9A-HJKMNPR-Y]? ?[0-9][ABD-HJLNP-UW-Z]{{2}}"
CANADIAN_CODE = "[A-CEGHJ-NPR-TVXY][0-9][A-CEGHJ-NPR-TV-Z][ -]?[0-9][A-CEGHJ-NPR-TV-Z58][0-9]"

_IRISH_CODE = r"[AC-FHKNPRTV-Y][0-9][0-9W] ?[0-9AC-FHKNPRTV-Y]{4}(?!\w)"

_UNIT_OR_NUMBER_BEFORE = re.compile(
    rf"(?<![\w.,$#@/:-])(?:(?:{UNIT_NUMBER}){NEXT})?"
    r"(?:(?!(?:1[89]|20)[0-9]{2} )[0-9]{1,4}[A-Za-z]?,? )?$"
)
_UNIT_AFTER = re.compile(rf"\.?(?:{NEXT}(?:{UNIT_NUMBER})){{1,3}}")
PLACE_WORD = rf"(?:[A-Z]{WORD}|[A-Z]{{1,3}}(?!\w)|[^\W\d_a-z]{{1,20}})"
# "Jan. 29, 2016" is a date.
_MONTH = (
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Okt|Nov|Dec|Dez|January|February|March|April|"
    r"June|July|August|September|October|November|December|Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b"
)
PLACE = rf"(?!{_MONTH}){PLACE_WORD}(?:[ -](?:(?:{JOINING}) ){{0,2}}{PLACE_WORD}){{0,4}}"
_PLACE_IN_ANY_CASE = rf"{WORD}(?: {WORD}){{0,4}}"
CODE = (
    r"(?:[A-Z]{1,2}-)?(?:(?!(?:19|20)[0-9]{2}(?![0-9]))[0-9]{4,6}(?:-[0-9]{3,4})?|[0-9]{2}-[0-9]{3}"
    r"|[0-9]{3} [0-9]{2}|[0-9]{8})(?![0-9])"
)
_PROVINCE = r"(?: / [A-Z]{2}| \([A-Z]{2}\)|,? [A-Z]{2}(?!\w))?"
_CODE_END = r"(?![0-9A-Za-z%]|[.,:/-][0-9]| [0-9]{3})"
_TAILS = tuple(
    map(
        re.compile,
        (
            rf"{NEXT}{_IRISH_CODE}(?: {PLACE})?",
            # , 1012 AB Amsterdam
            rf"(?:{NEXT}{PLACE}){{0,2}}?{NEXT}{CODE}(?: ?[A-Z]{{2}})?{NEXT}{PLACE}(?:/{PLACE})?"
            rf"{_PROVINCE}(?!\w)",
            # , Springfield, IL 62701; , London SW1A 1AA; North Korea 51358
            rf"(?:{NEXT}{PLACE}){{0,4}}?{NEXT}(?:[A-Z]{{1,3}},? )?"
            rf"(?:{UK_CODE}|{CANADIAN_CODE}|{_IRISH_CODE}|{CODE}{_CODE_END})",
            # , keaau, belgium 18632
            rf"(?: ?[,\n][ ,\n>?]{{0,6}}{_PLACE_IN_ANY_CASE}){{1,3}}[ ,\n]{{1,3}}"
            rf"(?:[a-z]{{2}} )?[0-9]{{5}}{_CODE_END}",
        ),
    )
)
# A town without a code: between commas or lines, to where its sentence goes on.
_TOWN = re.compile(
    r" ?[,\n][ \n>?]{0,6}(?=[^\W\d_]{3}|[A-Z]{2}\b)"
    r"(?!(?:Please|Call|Tel|Phone|Fax|The|Come|We|I|It|Thanks|Email|Mobile)\b)"
    rf"{PLACE}"
    r"(?= ?(?:[.,;!?)\n\"<|]|$| (?:in|for|is|on|at|by|and|to|this|with|last)\b))"
)
# After a unit, which says that this is an address, without the comma too.
_TOWN_AFTER_UNIT = re.compile(rf"[ ,\n>?]{{1,8}}{PLACE}(?= ?(?:[.,;!?)\n\"<|]|$| [a-z]))")
_YEAR_OR_QUANTITY = re.compile(
    r"(?:19|20)[0-9]{2}(?:-[0-9]{2,4})?(?![\w/-])|[0-9]++ ?(?:%|(?:percent|million|people|am|pm|km|"
    r"mins?|hours?|points?|goals?|years?|days?|th|st)\b)"
)
_JOINING = frozenset(JOINING.split("|"))


def is_named(words: list[str]) -> bool:
    """All words begin with a capital or a digit, or join such."""
    return any(word[0].isupper() or word[0].isdigit() for word in words) and all(
        word[0].isupper() or word[0].isdigit() or word.lower() in _JOINING for word in words
    )


def is_year_or_quantity(text: str, at: int) -> bool:
    """The number there is a year or counts something: "Via Roma 2016", "Largo 3 points"."""
    return bool(_YEAR_OR_QUANTITY.match(text, at))


def _around(text: str, start: int, end: int) -> tuple[int, int]:
    before = _UNIT_OR_NUMBER_BEFORE.search(text, max(0, start - 24), start)
    if before:
        start = before.start()
    unit = _UNIT_AFTER.match(text, end)
    if unit:
        end = unit.end()
    for tail in _TAILS:
        found = tail.match(text, end)
        if found:
            return start, found.end()
    for _ in range(3):
        town = (_TOWN_AFTER_UNIT if unit else _TOWN).match(text, end)
        if not town:
            break
        end = town.end()
    return start, end


def addresses(
    text: str,
    cores: re.Pattern[str],
    is_core: Callable[[str, re.Match[str], bool], bool],
) -> Iterator[Span]:
    """Cores with what stands around them.

    Args:
        text: canonical.
        cores: what may be a core; a group called ``core`` says which part of a match it is.
        is_core: whether a match is one, given the text, the match, and whether a unit or town
            stands behind it.
    """
    group: str | int = "core" if "core" in cores.groupindex else 0
    at = done = 0
    while match := cores.search(text, at):
        at = match.start() + 1
        start, end = match.span(group) if match[group] else match.span()
        wide_start, wide_end = _around(text, start, end)
        if start >= done and is_core(text, match, wide_end > end):
            yield Span(wide_start if wide_start >= done else start, wide_end, KIND)
            at = done = wide_end
