"""Number and street in other languages: Kerkstraat 12, 12 rue de la Paix, ul. Prosta 5."""

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
from sentiment_assets.core.pii.lexicon import lexicon
from sentiment_assets.core.pii.rule import Rule, Span
from sentiment_assets.core.pii.street_words import (
    CAPITAL_ENDINGS,
    COMPOUNDS,
    ENDINGS,
    NO_COMPOUND,
    NO_STREET,
    OPENINGS,
    OPENINGS_IN_ANY_CASE,
    OPENINGS_OF_NAMES,
    OPENINGS_OR_NAMES,
    UNSURE_COMPOUNDS,
)

_OPENING = rf"(?:{OPENINGS}|{OPENINGS_OR_NAMES}|{OPENINGS_OF_NAMES}|(?i:{OPENINGS_IN_ANY_CASE}))"
_NO = r"(?:(?i:n(?:\.?[o\u00b0r]|um)?)\.? ?)?"
_CORES = re.compile(
    # Hauptstrasse 5, Dirk de Derdelaan 149, Paul-Nevermann-Platz 47.
    rf"(?P<compound>{BEFORE}(?:[A-Z]{WORD} (?:{JOIN})*){{0,3}}"
    rf"(?P<name>(?:{LETTER}{{3,30}}?(?:-{LETTER}{{2,20}}){{0,3}}?-?|Ny)"
    rf"(?i:{COMPOUNDS}|(?P<unsure>{UNSURE_COMPOUNDS})))(?!{LETTER}),? ?"
    rf"(?P<n1>{NUMBER}))"
    # rue de la Paix 12; Via Roma, 5.
    rf"|(?P<opening>{BEFORE}(?:{_OPENING} |(?i:c/) ?(?!o\b))(?i:{JOIN})*(?:{WORD}[ -](?i:{JOIN})*)"
    rf"{{0,4}}?{WORD},? {_NO}"
    rf"(?P<n2>(?![0-9]{{5}}){NUMBER}))"
    # 12 rue de la Paix; 5 bis, av. Foch.
    rf"|(?P<opened>{BEFORE}{NUMBER}(?: ?(?:bis|ter|quater))?,? {_OPENING} (?i:{JOIN})*"
    rf"{WORD}(?:[ -](?i:{JOIN})*[A-Z]{WORD}){{0,4}}(?:,? (?![0-9]{{5}}){NUMBER})?)"
    # Agip u. 96, Gosposka ulica 47.
    rf"|(?P<ended>{BEFORE}(?:[A-Z]{WORD} ){{1,4}}(?:{CAPITAL_ENDINGS}|"
    rf"(?i:{ENDINGS})),? (?:(?i:no)[.:]{{0,2}} ?)?"
    rf"(?P<n3>{NUMBER}))"
)
_IN_ANY_CASE = re.compile(rf"(?:[0-9]\S* )?(?:(?:bis|ter|quater),? )?(?i:{OPENINGS_IN_ANY_CASE}) ?")
_IS_DOUBTFUL = re.compile(rf"(?i:{OPENINGS_OR_NAMES})$")
_NUMBER_BEFORE = re.compile(r"^[0-9]\S*")
_IS_YEAR_BEFORE = re.compile("(?:19|20)[0-9]{2} ")
_OF = frozenset(["de", "del", "du", "des", "da", "do", "la", "le", "des", "della", "di", "d", "l"])
_NUMBER_WORDS = frozenset(("n", "no", "nr", "n\u00b0", "num"))
_SURE_COMPOUND = re.compile(r"stra|str\.|laan|gasse|platz|gatan|vegur", re.IGNORECASE)


def _is_known(word: str) -> bool:
    """A word, or a name of people: "spring 5", "Katie 12"."""
    known = lexicon()
    return word in known.names or known.is_word(word)


def _is_street(text: str, match: re.Match[str], followed: bool) -> bool:
    number = next((n for n in ("n1", "n2", "n3") if match[n]), None)
    if number and not followed and is_year_or_quantity(text, match.start(number)):
        return False
    if match["compound"]:
        name = match["name"]
        if match["unsure"] and _is_known(name.lower()):
            return False
        return name.lower() not in NO_COMPOUND and (
            name[0].isupper() or bool(_SURE_COMPOUND.search(name))
        )
    if match["ended"]:
        return True
    found = match.group()
    opening, *words = [
        word
        for word in re.split("[ ,.-]", found)
        if word and not word[0].isdigit() and word.lower() not in _NUMBER_WORDS
    ]
    if followed:
        return True
    # "2014 via Tecsol", "Plaza Cinemas 13".
    if _IS_YEAR_BEFORE.match(found) or (
        _IS_DOUBTFUL.match(opening)
        and "," not in _NUMBER_BEFORE.sub("", found)
        and words[0].lower() not in _OF
    ):
        return False
    if is_named(words):
        # Shouted sentences have capitals too.
        return not (found.isupper() and len(words) > 3)
    return bool(_IN_ANY_CASE.match(found)) and len(words) <= 2 and NO_STREET.isdisjoint(words)


def _find(text: str) -> Iterator[Span]:
    return addresses(text, _CORES, _is_street)


_HINTS = (
    # No bounds on repetitions: each would multiply the states of the automaton.
    rf"(?i:{COMPOUNDS}|{UNSURE_COMPOUNDS}),? ?[0-9]",
    rf"(?:^|[^A-Za-z])(?:{_OPENING} |(?i:c/))[^0-9\n]*[0-9]",
    rf"[0-9][0-9A-Za-z/-]*(?: ?(?:bis|ter|quater))?,? {_OPENING} ",
    rf"(?i: (?:{ENDINGS}|{CAPITAL_ENDINGS}),? (?:no[.:]{{0,2}} ?)?[0-9])",
)

STREET_ABROAD = Rule(KIND, "|".join(_HINTS), _find, apart=_HINTS)
