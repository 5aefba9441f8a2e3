"""Telephone numbers as one country writes them at home, known by its numbering plan.

The shapes of ``phone`` find most of them. What looks like a score, list or range elsewhere, or is
shorter than seven digits, is a number only where the country is known.

The plans are imported where a country is asked for: they take a worker process long, and most know
of no country.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from sentiment_assets.core.pii.digits import SHORT_HINT, Number, is_amount, is_lettered, numbers
from sentiment_assets.core.pii.rule import Rule, Span

_KIND = "phone"
_IS_YEAR = re.compile(r"(?:1[89]|20)[0-9]{2}$")


def phone_regions() -> frozenset[str]:
    """Countries and territories with a numbering plan, by their two letters."""
    import phonenumbers

    return frozenset(phonenumbers.SUPPORTED_REGIONS)


def country(region: str) -> str:
    """Two letters of ISO 3166, in any case, as those of a country with a numbering plan.

    Raises:
        ValueError: there is no such country, or it has no plan.
    """
    if region.upper() not in phone_regions():
        raise ValueError("must be a country's two letters of ISO 3166, such as ZA, US or DE")
    return region.upper()


def _is_valid(text: str, number: Number, region: str) -> bool:
    import phonenumbers

    if max(number.sizes) < 2 or all(map(_IS_YEAR.match, number.groups)) or is_amount(text, number):
        return False
    if is_lettered(text, number):
        return False
    # Six digits are too many things to be a phone by themselves: in groups, or called one.
    if len(number.digits) < 7 and not (number.cue or _is_paired(number)):
        return False
    # Ranges, scores and lists are grouped unlike each other.
    if len({gap.strip() for gap in number.gaps}) > 2:
        return False
    try:
        parsed = phonenumbers.parse(text[number.start : number.end], region)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.is_valid_number_for_region(parsed, region))


def _is_paired(number: Number) -> bool:
    return number.sizes in ((2, 2, 2), (3, 3)) and set(number.gaps) in ({" "}, {"."})


@lru_cache(maxsize=512)
def national_phone(region: str) -> Rule:
    """The rule of one country.

    Args:
        region: two letters of ISO 3166, in capitals.
    """

    def find(text: str) -> Iterator[Span]:
        for number in numbers(text):
            if len(number.digits) >= 4 and _is_valid(text, number, region):
                yield Span(number.start, number.end, _KIND)

    return Rule(_KIND, SHORT_HINT, find)
