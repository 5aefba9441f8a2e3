"""Street and number as other languages write them: Kerkstraat 12, 12 rue de la Paix, ul. Prosta 5."""

import re
from collections.abc import Iterator

from sentiment_assets.core.pii.address import (
    BEFORE,
    JOIN,
    KIND,
    LETTER,
    NUMBER,
    WORD,
    addresses,
    is_named,
    is_year_or_quantity,
)
from sentiment_assets.core.pii.rule import Rule, Span
from sentiment_assets.core.pii.street_words import (
    COMPOUNDS,
    ENDINGS,
    NO_COMPOUND,
    NO_STREET,
    OPENINGS,
    OPENINGS_IN_ANY_CASE,
)

_OPENING = rf"(?:{OPENINGS}|(?i:{OPENINGS_IN_ANY_CASE}))"
_OPENING_AFTER_NUMBER = rf"(?:{OPENINGS}|{OPENINGS.lower()}|(?i:{OPENINGS_IN_ANY_CASE}))"
_NO = r"(?:(?i:n(?:\.?[o\u00b0r]|um)?)\.? ?)?"
_CORES = re.compile(
    # Hauptstrasse 5, Dirk de Derdelaan 149, Paul-Nevermann-Platz 47.
    rf"(?P<compound>{BEFORE}(?:[A-Z]{WORD} (?:{JOIN})*){{0,3}}"
    rf"(?P<name>{LETTER}{{3,30}}?(?:-{LETTER}{{2,20}}){{0,3}}?-?(?i:{COMPOUNDS}))(?!{LETTER}),? ?"
    rf"(?P<n1>{NUMBER}))"
    # rue de la Paix 12; Via Roma, 5.
    rf"|(?P<opening>{BEFORE}{_OPENING} ?(?i:{JOIN})*(?:{WORD}[ -](?i:{JOIN})*){{0,4}}?{WORD},? {_NO}"
    rf"(?P<n2>{NUMBER}))"
    # 12 rue de la Paix; 5 bis, av. Foch.
    rf"|(?P<opened>{BEFORE}{NUMBER}(?: ?(?:bis|ter|quater))?,? {_OPENING_AFTER_NUMBER} (?i:{JOIN})*"
    rf"{WORD}(?:[ -](?i:{JOIN})*[A-Z]{WORD}){{0,4}}(?:,? {NUMBER})?)"
    # Agip u. 96, Gosposka ulica 47.
    rf"|(?P<ended>{BEFORE}(?:[A-Z]{WORD} ){{1,4}}(?i:{ENDINGS}),? (?:(?i:no)[.:]{{0,2}} ?)?"
    rf"(?P<n3>{NUMBER}))"
)
_IN_ANY_CASE = re.compile(rf"(?:[0-9]\S* )?(?:(?:bis|ter|quater),? )?(?i:{OPENINGS_IN_ANY_CASE}) ?")
_SURE_COMPOUND = re.compile(r"stra|stra(?:ss|\u00df)e|laan|gasse|platz|gatan|vegur", re.IGNORECASE)


def _is_street(text: str, match: re.Match[str], followed: bool) -> bool:
    number = next((n for n in ("n1", "n2", "n3") if match[n]), None)
    if number and not followed and is_year_or_quantity(text, match.start(number)):
        return False
    if match["compound"]:
        name = match["name"]
        return name.lower() not in NO_COMPOUND and (
            name[0].isupper() or bool(_SURE_COMPOUND.search(name))
        )
    if match["ended"]:
        return True
    words = [
        word
        for word in re.split("[ ,.-]", match.group())
        if word
        and not word[0].isdigit()
        and word.lower() not in ("n", "no", "nr", "n\u00b0", "num")
    ]
    return (
        followed
        or is_named(words[1:])
        or (bool(_IN_ANY_CASE.match(match.group())) and NO_STREET.isdisjoint(words))
    )


def _find(text: str) -> Iterator[Span]:
    return addresses(text, _CORES, _is_street)


STREET_ABROAD = Rule(
    KIND,
    # No bounds on repetitions: each would multiply the states of the automaton.
    rf"(?i:{COMPOUNDS}),? ?[0-9]"
    rf"|(?:^|[^A-Za-z]){_OPENING}[^0-9A-Za-z][^0-9\n]*[0-9]"
    rf"|[0-9][0-9A-Za-z/-]*(?: ?(?:bis|ter|quater))?,? {_OPENING_AFTER_NUMBER} "
    rf"|(?i: (?:{ENDINGS}),? (?:no[.:]{{0,2}} ?)?[0-9])",
    _find,
)
