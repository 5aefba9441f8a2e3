"""Any other long number: account, customer, order or record numbers lead to a person.

Seven digits in one piece are always masked, whatever stands around them; grouped ones unless they
are a date, time, price, quantity, score, year or version.
"""

import re
from collections.abc import Iterator

from sentiment_assets.core.pii.digits import HINT, personal_numbers
from sentiment_assets.core.pii.rule import Rule, Span

_SOLID = re.compile(r"[0-9]{7,}")


def _find(text: str) -> Iterator[Span]:
    done = 0
    for number in personal_numbers(text):
        for match in _SOLID.finditer(text, done, number.start):
            yield Span(*match.span(), DIGIT_RUN.kind)
        yield Span(number.start, number.end, DIGIT_RUN.kind)
        done = number.end
    for match in _SOLID.finditer(text, done):
        yield Span(*match.span(), DIGIT_RUN.kind)


DIGIT_RUN = Rule("number", HINT, _find)
