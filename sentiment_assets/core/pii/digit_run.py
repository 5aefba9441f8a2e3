"""Any other long number: account, customer, order or record numbers lead to a person.

Seven digits in one piece are always masked, whatever stands around them; grouped ones unless they
are a date, time, price, quantity, score, year or version.
"""

import re
from collections.abc import Iterator

from sentiment_assets.core.pii.digits import HINT, personal_numbers
from sentiment_assets.core.pii.rule import Rule, Span

# With the letters that belong to it: MRN-6735988, AB1234567, A12345678Z.
_SOLID = re.compile(
    r"(?:(?<![A-Za-z0-9_#@])[A-Z]{1,5}-?)?(?:(?<![0-9.-])[0-9]{1,6}-)?[0-9]{7,}"
    r"(?:-[0-9]{1,6}(?![0-9]))*(?:[A-Z]{1,2}(?![A-Za-z0-9_]))?"
)


def _find(text: str) -> Iterator[Span]:
    done = 0
    for number in personal_numbers(text):
        if len(number.digits) < 7:
            continue
        for match in _SOLID.finditer(text, done, number.start):
            yield Span(*match.span(), DIGIT_RUN.kind)
        whole = _SOLID.search(text, max(done, number.start - 12), number.end + 2)
        start, end = whole.span() if whole else (number.start, number.end)
        yield Span(min(start, number.start), max(end, number.end), DIGIT_RUN.kind)
        done = max(end, number.end)
    for match in _SOLID.finditer(text, done):
        yield Span(*match.span(), DIGIT_RUN.kind)


DIGIT_RUN = Rule("number", HINT, _find)
