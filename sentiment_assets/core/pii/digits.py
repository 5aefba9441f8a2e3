"""Numbers in a text: which runs of digits could be somebody's, which are dates, prices or scores.

The rules for phones, cards, national ids and long runs stand in files of their own; this one gives
them what they share.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

SEPARATOR = r"(?:[.·•_*~]\(?| {0,2}[-/]{1,2} {0,2}| {1,3}| ?\(|\)[ .-]{0,2})"
HINT = r"[0-9](?:[ .·•_*~/()-]{0,6}[0-9]){6}"
"""Seven digits with nothing but separators between them."""

_CUES = (
    "call|called|calling|tel|telephone|phone|ph|cell|cellphone|mobile|mob|whatsapp|text|txt|sms|fax|ring|"
    "dial|contact|hotline|bel|skakel|anrufen|telefon|telefono|telefoon|appelez|llama|movil|"
    "celular|telemovel|chiama|cellulare|landline|voicemail"
)
CUED_HINT = (
    rf"{HINT}|(?i:(?:{_CUES})[^0-9a-z][^0-9]{{0,20}}[0-9]{{2,3}}[^0-9a-z]{{1,4}}[0-9]{{2,3}})"
)
"""The same, or six in groups after words that speak of a phone."""
SHORT_HINT = (
    rf"{CUED_HINT}|(?i:(?:{_CUES})[^0-9a-z][^0-9]{{0,20}}[0-9]{{2}}[^0-9a-z]?[0-9]{{2}})"
    r"|[0-9]{2}[ .][0-9]{2}[ .][0-9]{2}|[0-9]{3}[ .][0-9]{3}"
)
"""The same, or six in groups, or any after such words."""

_NUMBER = re.compile(rf"(?<![0-9])(?:\+ ?\(?|\(\+?)?[0-9]+(?:{SEPARATOR}[0-9]+)*")
_DAY, _MONTH, _YEAR = (
    "(?:0?[1-9]|[12][0-9]|3[01])",
    "(?:0?[1-9]|1[0-2])",
    "(?:18[1-9]|19[0-9]|20[0-9])[0-9]",
)
_DATE_OR_TIME = re.compile(
    # Behind a country's code stand pairs of a phone: +687 20.08.25.
    r"(?<![0-9])(?<![0-9][-./])(?<!\+[0-9]{3} )(?<!00[0-9]{3} )(?:"
    rf"{_YEAR}( ?[-./] ?){_MONTH}\1{_DAY}|{_DAY}( ?[-./] ?){_DAY}\2(?:{_YEAR}|[0-9]{{2}})"
    r"|[0-9]{1,2}(?::[0-9]{2}){1,2}(?:\.[0-9]{1,6})?"
    r")(?![0-9]|[-./][0-9])"
)
_IS_YEAR = re.compile(rf"{_YEAR}$")
_IS_ORDINAL = re.compile("(?:[1-9]|1[0-9]|20)$")
_IS_CLOCK = re.compile(r"(?:[01]?[0-9]|2[0-4])(?:00|15|30|45)$")
_CUE = re.compile(rf"\b(?:{_CUES})(?![A-Za-z0-9_])[^0-9]{{0,16}}$", re.IGNORECASE)
_MONEY_BEFORE = re.compile(r"(?:[$€£¥₹₦₩₽]|\b(?:R|USD|EUR|GBP|ZAR|INR|Rs\.?)) ?$", re.IGNORECASE)
_MONEY_AFTER = re.compile(
    r" ?(?:[$€£¥₹%]|(?:usd|eur|gbp|zar|euros?|dollars?|pounds?|rand|percent|bucks)\b)",
    re.IGNORECASE,
)
_VERSION_BEFORE = re.compile(r"(?:\bv|\bver|\bversion|\brelease|\bbuild)[.: ]{0,2}$", re.IGNORECASE)
_UNIT_AFTER = re.compile(
    r"(?:k|m|bn?|st|nd|rd|th|am|pm|s|x|h|hrs?|mins?|secs?|mg|kg|g|km|cm|mm|ml|gb|mb|tb|mph|hz|p|d)\b",
    re.IGNORECASE,
)


class Number(NamedTuple):
    """Digits that stand together: ``[start:end)`` of the text, and how they are grouped."""

    start: int
    end: int
    groups: tuple[str, ...]
    gaps: tuple[str, ...]
    cue: bool
    """The words before it speak of a phone."""
    opening: str
    """``+``, ``(`` or both, before the first digit."""

    @property
    def digits(self) -> str:
        """The digits alone."""
        return "".join(self.groups)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Digits in each group."""
        return tuple(map(len, self.groups))

    def is_phone_shaped(self) -> bool:
        """Grouped or prefixed in a way that only phone numbers are."""
        count = len(self.digits)
        if not 7 <= count <= 15:
            return False
        if "+" in self.opening or self.cue or any(")" in gap for gap in self.gaps):
            return not (
                all(map(_IS_YEAR.match, self.groups))
                if self.cue
                else _IS_YEAR.match(self.groups[0])
            )
        if self.sizes[-3:] == (3, 3, 4) and count <= 14:
            return True
        if self.digits.startswith("00") and count >= 9:
            return True
        return (
            self.digits.startswith("0") and 9 <= count <= 14 and min(self.sizes[1:], default=9) > 1
        )


def _parsed(text: str, start: int, end: int) -> Number:
    body = text[start:end]
    if ")" not in body and "(" in body[:3]:
        skipped = body.index("(") + 1
        start, body = start + skipped, body[skipped:]
    opening = body[: len(body) - len(body.lstrip("+( "))]
    parts = re.split(r"([0-9]+)", body[len(opening) :])
    cue = bool(_CUE.search(text[max(0, start - 32) : start]))
    return Number(start, end, tuple(parts[1::2]), tuple(parts[2:-1:2]), cue, opening)


def _trimmed(text: str, number: Number) -> Number:
    """Without end groups that belong to a word or are a year beside the number."""
    number = _without_ordinal(text, number)
    start, end = number.start, number.end
    if number.is_phone_shaped() and not _UNIT_AFTER.match(text, end):
        return number
    groups, gaps = number.groups, number.gaps
    first, last = 0, len(groups) - 1
    while first < last:
        before = text[start - 1 : start]
        opened = bool(number.opening) and first == 0
        if not opened and (
            (before and (before in "#_" or before.isalpha()))
            or _is_lone_year(groups[first], gaps[first])
        ):
            start += len(groups[first] + gaps[first])
            first += 1
        elif (
            (len(groups[last]) <= 3 and text[end : end + 1].isalpha())
            or _UNIT_AFTER.match(text, end)
            or _is_lone_year(groups[last], gaps[last - 1])
        ):
            end -= len(gaps[last - 1] + groups[last])
            last -= 1
        else:
            break
    return number if last - first == len(gaps) else _parsed(text, start, end)


def _without_ordinal(text: str, number: Number) -> Number:
    """Without the number of a list's next point: "082 555 0143 3) and more"."""
    if (
        len(number.groups) > 1
        and text[number.end : number.end + 1] == ")"
        and _IS_ORDINAL.match(number.groups[-1])
        and not number.gaps[-1].strip(" ")
        # Else it closes what stands open.
        and not _is_in_brackets(text, number.end)
    ):
        end = number.end - len(number.gaps[-1] + number.groups[-1])
        return _parsed(text, number.start, end)
    return number


def _is_in_brackets(text: str, end: int) -> bool:
    depth = 0
    for sign in re.findall("[()]", text[:end]):
        depth = depth + 1 if sign == "(" else max(0, depth - 1)
    return depth > 0


def is_lettered(text: str, number: Number) -> bool:
    """A single capital before one run of digits belongs to it: an account's, a passport's."""
    at = number.start
    return (
        len(number.groups) == 1
        and text[max(0, at - 1) : at].isupper()
        and not text[max(0, at - 2) : at - 1].isalnum()
    )


def _is_lone_year(group: str, gap: str) -> bool:
    return not gap.strip(" ()") and bool(_IS_YEAR.match(group))


def is_year(group: str) -> bool:
    """1810 to 2099."""
    return bool(_IS_YEAR.match(group))


def is_clock(group: str) -> bool:
    """A quarter of an hour without its colon: 0900, 1845."""
    return bool(_IS_CLOCK.match(group))


def is_amount(text: str, number: Number) -> bool:
    """Money, a share or a version."""
    return bool(
        _MONEY_BEFORE.search(text[max(0, number.start - 5) : number.start])
        or _MONEY_AFTER.match(text, number.end)
        or _VERSION_BEFORE.search(text[max(0, number.start - 12) : number.start])
    )


def _is_everyday(text: str, number: Number) -> bool:
    """A price, quantity, score, range, list of years or version: nobody's number."""
    groups, gaps = number.groups, number.gaps
    if is_amount(text, number):
        return True
    if all(_IS_YEAR.match(g) for g in groups) or set(groups[1:]) == {"000"}:
        return True
    if (
        len(groups) == 2
        and "-" in gaps[0]
        and (all(map(_IS_CLOCK.match, groups)) or all(g.endswith("00") for g in groups))
    ):
        return True
    if len(groups) > 2 and {gap.strip() for gap in gaps} == {"/"}:
        return True
    single = [len(g) == 1 for g in groups]
    if any(single[1:]) and not all(single):
        return True
    if max(number.sizes) <= 2 and len({gap.strip() for gap in gaps}) > 1:
        # 08-12 18 67 is a phone in Stockholm; 21-17 25-23 are scores.
        return not (groups[0][0] == "0" and set(gaps[1:]) == {" "} and min(number.sizes) == 2)
    # So many decimals are no amount that anybody posts. Behind a 3 they are pi's, behind a year a
    # day's.
    if len(groups) == 2 and gaps == (".",) and len(groups[0]) > 1 and len(groups[1]) > 3:
        return bool(_IS_YEAR.match(groups[0]))
    words = text[number.start : number.end]
    if re.fullmatch(r"[0-9]{1,3}-[0-9]{1,3}(?: +[0-9]{1,3}-[0-9]{1,3})+", words):
        return True
    return bool(re.fullmatch(r"[0-9]+\.[0-9]+(?: *[-/ ] *[0-9]+\.[0-9]+)*", words))


def numbers(text: str) -> Iterator[Number]:
    """All numbers but dates and times, as they are grouped."""
    plain = _DATE_OR_TIME.sub(lambda m: "\x00" * len(m.group()), text)
    for match in _NUMBER.finditer(plain):
        for start, end in _apart(plain, *match.span()) or [match.span()]:
            yield _trimmed(plain, _parsed(plain, start, end))


def personal_numbers(text: str) -> Iterator[Number]:
    """Numbers of seven or more digits, grouped or not, that are not everyday quantities.

    Six digits in groups are one too where words before them speak of a phone.
    """
    plain = _DATE_OR_TIME.sub(lambda m: "\x00" * len(m.group()), text)
    for match in _NUMBER.finditer(plain):
        for start, end in _apart(plain, *match.span()):
            number = _trimmed(plain, _parsed(plain, start, end))
            if len(number.digits) < 7:
                if number.cue and number.sizes in ((2, 2, 2), (3, 3)):
                    yield number
                continue
            if (
                number.is_phone_shaped()
                or len(number.groups) == 1
                or not _is_everyday(plain, number)
            ):
                yield number


def _apart(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Numbers beside each other, each long enough to stand alone; nothing where it is too short."""
    words = [match.span() for match in re.compile("[^ ]+").finditer(text, start, end)]
    counts = [sum(c.isdigit() for c in text[a:b]) for a, b in words]
    if min(counts) >= 7:
        return words
    return [(start, end)] if sum(counts) >= 6 else []
