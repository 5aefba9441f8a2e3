"""Telephone numbers, international and national, with their extension."""

import re
from collections.abc import Iterator

from sentiment_assets.core.pii.called_phone import CALLED, called_phones
from sentiment_assets.core.pii.digits import CUED_HINT, Number, is_lettered, personal_numbers
from sentiment_assets.core.pii.rule import Rule, Span

_EXTENSION = re.compile(r" ?(?:x|ext\.?|extension|#) ?[0-9]{1,6}", re.IGNORECASE)
_NORTH_AMERICAN = re.compile(r"1?[2-9][0-9]{2}[2-9][0-9]{6}$")


def _is_phone(number: Number) -> bool:
    if number.is_phone_shaped():
        return True
    if len(number.digits) < 7:
        return True
    if len(number.groups) == 1:
        return bool(_NORTH_AMERICAN.match(number.digits))
    # Local numbers in groups: 449 4898, 96 237271, 28-81-33-70.
    return len(number.digits) <= 12 and min(number.sizes[1:]) >= 2


def _find(text: str) -> Iterator[Span]:
    found = [*called_phones(text)]
    for number in personal_numbers(text):
        if _is_phone(number) and not is_lettered(text, number):
            extension = _EXTENSION.match(text, number.end)
            found.append((number.start, extension.end() if extension else number.end))
    done = 0
    for start, end in sorted(found):
        if start >= done:
            yield Span(start, end, PHONE.kind)
            done = end


PHONE = Rule("phone", f"{CUED_HINT}|{CALLED}", _find)
