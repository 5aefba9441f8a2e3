"""Short numbers that the words before them call a phone: "call 4203", "my number is 22-33-57".

Some countries dial four digits. What is as short is a year, price, score or code elsewhere, so that
only words right before it tell. The rule that masks them is ``phone``, which knows longer numbers
by their shape.
"""

import re
from collections.abc import Iterator

from sentiment_assets.core.pii.digits import is_amount, is_clock, is_lettered, is_year, numbers

NOUNS = (
    "tel|telephone|telefon|telefono|telefoon|phone|ph|cell|cellphone|mobile|mob|landline|movil|"
    "celular|telemovel|cellulare|whatsapp|fax|voicemail|hotline"
)
VERBS = "call|dial|ring|text|txt|sms|bel|skakel|anrufen|appelez|llama|chiama"
LINKS = "me|us|him|her|them|on|at|is|no|nr|op|auf|au|al"
_NUMBERS = (
    "(?:my|his|her|our|their|your) (?:new |old |phone |cell |mobile |home |work )?number(?: is|'s)?"
)
_BEFORE = re.compile(
    rf"(?<![A-Za-z0-9_#@])(?:(?P<said>{_NUMBERS})|(?:{NOUNS}|{VERBS})(?: (?:{LINKS})\b\.?){{0,3}})"
    r"(?P<sign>[.:=]? ?[(\"']?)$",
    re.IGNORECASE,
)
_LONGEST = 48
_GOES_ON = re.compile(
    r"[0-9A-Za-z%_]|[.,:/-][0-9]| ?(?:years?|days?|hours?|times|people|users|units)"
)


CALLED = (
    rf"(?i:(?:number(?: is|'s)?|{NOUNS}|{VERBS})(?: (?:{LINKS})\.?)*[.:=]? ?[(\"']?[+( ]*[0-9])"
)
"""What a text must hold for that, as a hint."""

_WORD = re.compile("[a-z]+")
_CUES = frozenset(["number", *f"{NOUNS}|{VERBS}".split("|")])


def called_phones(text: str) -> Iterator[tuple[int, int]]:
    """Where four to nine digits stand behind such words."""
    # A pattern of so many words takes ten times as long.
    if _CUES.isdisjoint(_WORD.findall(text.lower())):
        return
    for number in numbers(text):
        if not 4 <= len(number.digits) <= 9 or is_lettered(text, number):
            continue
        before = text[max(0, number.start - _LONGEST) : number.start]
        called = _BEFORE.search(before)
        if (
            not called
            or (number.sizes == (4,) and is_clock(number.digits))
            or any(map(is_year, number.groups))
            or number.digits.endswith("000")
            or is_amount(text, number)
            or _GOES_ON.match(text, number.end)
            or len({gap.strip() for gap in number.gaps}) > 1
        ):
            continue
        yield number.start, number.end
