"""Number and street as English writes them: 12 Main Street, 2914 184th St, 5 oxford road."""

import re
from collections.abc import Iterator

from sentiment_assets.core.pii.address import BEFORE, KIND, NUMBER, WORD, addresses, is_named
from sentiment_assets.core.pii.rule import Rule, Span
from sentiment_assets.core.pii.street_words import (
    NO_STREET,
    STREETS,
    STREETS_IN_ANY_CASE,
    STREETS_OR_NAMES,
    UNITS_BEHIND,
)

_ENDING = rf"(?:{STREETS}|{STREETS_OR_NAMES}|(?i:{STREETS_IN_ANY_CASE}))"
# A unit ends no street: it stands behind one.
_ENDING_OR_NAME = rf"(?!(?:{UNITS_BEHIND})(?!\w)){_ENDING}"
_STREET = re.compile(
    rf"{BEFORE}{NUMBER},? (?:(?:{WORD}|[0-9]{{1,3}}(?:st|nd|rd|th)) ){{1,4}}?{_ENDING_OR_NAME}"
    # The same once more: a number and a street may have names that end alike (Park Drive).
    rf"(?: (?:{STREETS}))?(?:\.? (?:N|S|E|W|NE|NW|SE|SW|North|South|East|"
    rf"West)(?!\w))?(?![\w'\u2019])"
    # 55595 Jacob Valleys Suite 481: whatever the street is called.
    rf"|(?P<unit>{BEFORE}{NUMBER} (?:{WORD} ){{0,2}}{WORD}"
    rf"(?= (?:{UNITS_BEHIND})\.? #?[0-9]{{1,5}}[A-Za-z]?(?!\w)))"
    # The corner of 12 Main Street and First Avenue.
    rf"|(?P<corner>(?<!\w)(?i:(?:the )?(?:corner|intersection)) of (?:[^ \n\x00]{{1,20}} )"
    rf"{{1,6}}?(?:and|&) "
    rf"(?:[^ \n\x00.,]{{1,20}} ){{0,4}}?(?:{STREETS}|(?i:{STREETS_IN_ANY_CASE}))(?!\w))"
)
_IS_STREET = re.compile(rf"(?:{STREETS})$")
_IN_ANY_CASE = frozenset(STREETS_IN_ANY_CASE.split("|"))
_IS_YEAR = re.compile(r"(?:19|20)[0-9]{2}$")
_MONEY_BEFORE = re.compile(r"(?:[$\u20ac\u00a3\u20b9]|\bR) ?$")
_SAINT_AFTER = re.compile(
    r" (?:Patrick|Patty|Paddy|Louis|John|Paul|Peter|Mary|James|George|Andrew|David|Nick|Jude|"
    r"Francis|Thomas|Vincent|Lucia)"
)
_UNIT_BEFORE = re.compile(r"(?<![A-Za-z])(?:flat|studio|level|unit|h\.? ?no)\.? ?$", re.IGNORECASE)
_DIRECTIONS = frozenset(
    ["N", "S", "E", "W", "NE", "NW", "SE", "SW", "North", "South", "East", "West"]
)


def _is_street(text: str, match: re.Match[str], followed: bool) -> bool:
    if match["unit"]:
        _, *words = match["unit"].split()
        return is_named(words) and not _MONEY_BEFORE.search(
            text[max(0, match.start() - 3) : match.start()]
        )
    if match["corner"]:
        # Without a number it is where shops are.
        return any(c.isdigit() for c in match["corner"])
    number, *words = match.group().replace(",", "").replace(".", "").split()
    if words[-1] in _DIRECTIONS:
        words.pop()
    ending = words.pop()
    # Flat 86, Watson Villages.
    followed = followed or bool(
        _UNIT_BEFORE.search(text[max(0, match.start() - 12) : match.start()])
    )
    if not words or _MONEY_BEFORE.search(text[max(0, match.start() - 3) : match.start()]):
        return False
    doubtful = bool(_IS_YEAR.match(number))
    if is_named(words) and ending[0].isupper():
        if ending == "St" and _SAINT_AFTER.match(text, match.end()):
            return False
        # "2016 Wall Street", "12 Jurassic Park", "5 Questions, Dr Roe".
        doubtful |= not _IS_STREET.match(ending) or (ending == "Dr" and len(number) == 1)
        return followed or not doubtful
    return (
        ending.lower() in _IN_ANY_CASE
        and (ending.islower() or ending.isupper())
        and len(words) <= 2
        and NO_STREET.isdisjoint(word.lower() for word in words)
        and (followed or (len(number) > 1 and not doubtful))
    )


def _find(text: str) -> Iterator[Span]:
    return addresses(text, _STREET, _is_street)


STREET = Rule(
    KIND,
    # No bounds on repetitions: each would multiply the states of the automaton.
    rf"[0-9][0-9A-Za-z/-]*,? (?:[^ \n\x00]+ ){{1,4}}{_ENDING}(?:[^a-z]|$)|(?i:(?:corner|"
    rf"intersection) of [^\n]*[0-9])",
    _find,
)
