"""User names without an @: a person's name run together, with digits behind, or a quoted field.

"jsmith42" and "pamelagreen977" are names of people, written as accounts are: an initial or given
name and a surname of the lexicon, or a given name alone. A word, brand or place with a number
behind it ("covid19", "forever21", "euro2016") is none, unless an underscore stands in it. The rule
that masks them is ``handle``.
"""

import re
from collections.abc import Iterator

from sentiment_assets.core.pii.lexicon import (
    BRAND,
    FREQUENT,
    GIVEN,
    OFTEN,
    PLACE,
    SURNAME,
    UNSURE,
    WORD,
    lexicon,
)

# What follows @, # or a path is found elsewhere, or is nobody's.
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9@#_./&%=-])(?P<letters>[A-Za-z._]{3,48}+)(?P<digits>[0-9]{1,4}+)"
    r"(?![A-Za-z0-9_-]|\.[A-Za-z0-9])"
)
_IN_CASE = re.compile("(?:[A-Z]?[a-z]{1,20}[._]|[A-Z][a-z]{2,20})?[A-Z]{0,2}[a-z]{3,24}")
_FIELD = r"(?:user|login|nick|uname|handle|screen[_ -]?name)"
_QUOTED = re.compile(
    rf"(?i:(?:(?<![A-Za-z0-9])|_){_FIELD}(?:[_ -]?(?:name|id))?)[\"']? ?[:=] ?"
    r"[\"'](?P<name>[A-Za-z0-9][A-Za-z0-9_.-]{2,30})[\"']"
)
# What each can't do without: the patterns themselves try every word.
_QUOTE = re.compile("[:=] ?[\"']")
_ENDING = re.compile("[a-z]{3}[0-9]{1,4}(?![A-Za-z0-9_-])")
# What happens in a year is called after people, too; those of births are other years.
_IS_EVENT = re.compile("(?:19[0-3]|20[1-9])[0-9]$")
_SHORTEST, _LONG = 3, 5


def _is_name(letters: str, digits: str) -> bool:
    """Whether letters and the digits behind them are a person's name, as accounts are called."""
    known = lexicon()
    names = known.names
    whole = names.get(letters, 0)
    if known.is_word(letters) or whole & (WORD | PLACE | BRAND):
        return False
    event = bool(_IS_EVENT.match(digits))
    # One digit is a sequel's.
    if (
        whole
        and not whole & UNSURE
        and len(digits) > 1
        and not event
        and (whole & GIVEN or whole & FREQUENT)
    ):
        return True
    for at in range(_SHORTEST, len(letters) - _SHORTEST + 1):
        given, surname = names.get(letters[:at], 0), names.get(letters[at:], 0)
        if (
            given & GIVEN
            and surname & SURNAME
            and not (
                given & UNSURE and surname & UNSURE and not (given & OFTEN and surname & FREQUENT)
            )
        ):
            return True
    # jsmith, sarahj.
    surname, given = names.get(letters[1:], 0), names.get(letters[:-1], 0)
    if surname & FREQUENT and surname & SURNAME and len(letters) > 4:
        return True
    sure = (surname & SURNAME and not surname & UNSURE) or (given & GIVEN and not given & UNSURE)
    return bool(sure and not event and len(letters) > (4 if len(digits) > 1 else _LONG))


def _is_full_name(given: str, surname: str) -> bool:
    names = lexicon().names
    first, last = names.get(given, 0), names.get(surname, 0)
    return bool((first & GIVEN and not first & UNSURE) or (last & SURNAME and not last & UNSURE))


def user_names(text: str) -> Iterator[tuple[int, int]]:
    """Where such names stand."""
    if ('"' in text or "'" in text) and _QUOTE.search(text):
        for match in _QUOTED.finditer(text):
            yield match.span("name")
    # Asked at once first: few texts with a handle hold a digit.
    if not any(map(text.__contains__, "0123456789")) or not _ENDING.search(text):
        return
    for match in _TOKEN.finditer(text):
        if not _IN_CASE.fullmatch(match["letters"]):
            continue
        letters = match["letters"].lower()
        # No word is written jr_pineda24.
        given, dot, surname = letters.partition(".")
        if (
            "_" in letters
            or _is_name(given + surname, match["digits"])
            or (dot and _is_full_name(given, surname))
        ):
            yield match.span()


NAMED = (
    r"(?:^|[^A-Za-z0-9@#_./&%=-])(?:[A-Z]?[a-z]+[._]|[A-Z][a-z]+)?[A-Z]*[a-z]*[a-z]{3}[0-9]{1,4}"
    r"(?:[^A-Za-z0-9_-]|$)|"
    rf"(?i:{_FIELD}(?:[_ -]?(?:name|id))?)[\"']? ?[:=] ?[\"']"
)
"""What a text must hold for that, as a hint."""
