"""International bank account numbers (ISO 13616), whatever their checksum."""

import re
from collections.abc import Iterator

from sentiment_assets.core.pii.rule import Rule, Span

# Countries of the registry, https://www.swift.com/standards/data-standards/iban
_COUNTRIES = (
    "AD|AE|AL|AT|AZ|BA|BE|BG|BH|BI|BR|BY|CH|CR|CY|CZ|DE|DJ|DK|DO|EE|EG|ES|FI|FK|FO|FR|GB|GE|GI|GL|"
    "GR|GT|HN|HR|HU|IE|IL|IQ|IS|IT|JO|KW|KZ|LB|LC|LI|LT|LU|LV|LY|MC|MD|ME|MK|MN|MR|MT|MU|NI|NL|NO|"
    "OM|PK|PL|PS|PT|QA|RO|RS|RU|SA|SC|SD|SE|SI|SK|SM|SO|ST|SV|TL|TN|TR|UA|VA|VG|XK|YE"
)
_IBAN = re.compile(
    # In one piece, either case; or in capitals, in fours between spaces or dashes.
    rf"(?<![A-Za-z0-9])(?:(?i:{_COUNTRIES})[0-9]{{2}}[A-Za-z0-9]{{10,30}}(?![A-Za-z0-9])"
    rf"|(?:{_COUNTRIES})[0-9]{{2}}(?:[ -][A-Z0-9]{{4}}){{2,7}}(?:[ -][A-Z0-9]{{1,4}})?"
    r"(?![A-Za-z0-9]))"
)


def _find(text: str) -> Iterator[Span]:
    for match in _IBAN.finditer(text):
        # A word that begins like a country and two digits has few digits after them.
        if sum(c.isdigit() for c in match.group()) >= 8:
            yield Span(match.start(), match.end(), IBAN.kind)


IBAN = Rule("iban", r"[A-Za-z]{2}[0-9]{2}(?:[A-Za-z0-9]{10}|(?:[ -][A-Z0-9]{4}){2})", _find)
