"""Payment card numbers: by their grouping whatever the checksum, or ungrouped with a right one."""

import re
from collections.abc import Iterator

from stdnum import luhn

from sentiment_assets.core.pii.digits import HINT
from sentiment_assets.core.pii.rule import Rule, Span

_SEP = "[ .-]{1,3}"
_GROUPED = (
    rf"[0-9]{{4}}(?:{_SEP}[0-9]{{4}}){{3}}(?:{_SEP}[0-9]{{1,3}})?"
    rf"|[0-9]{{4}}{_SEP}[0-9]{{6}}{_SEP}[0-9]{{4,5}}"
)
_CARD = re.compile(
    rf"(?<![0-9])(?:(?P<grouped>{_GROUPED})|(?<![A-Za-z])[3-6][0-9]{{12,18}})(?![0-9]|[Xx](?![A-Za-z]))"
)
_YEAR = re.compile(r"(?:1[89]|20)[0-9]{2}$")


def _find(text: str) -> Iterator[Span]:
    for match in _CARD.finditer(text):
        groups = re.findall("[0-9]+", match.group())
        if match["grouped"]:
            if all(map(_YEAR.match, groups)):
                continue
        elif not luhn.is_valid(match.group()):
            continue
        yield Span(match.start(), match.end(), CARD.kind)


CARD = Rule("card", HINT, _find)
