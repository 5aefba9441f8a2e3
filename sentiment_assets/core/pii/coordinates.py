"""Places on the map to within a street: decimal pairs, degrees and minutes, plus codes, ``geo:``.

Links to maps are links, and masked as those.
"""

import re
from collections.abc import Iterator

from sentiment_assets.core.pii.rule import Rule, Span

# Four decimals are 10 m, three 100 m. Scores and prices have fewer, and are seldom below zero.
_DECIMAL = r"[-+]?[0-9]{1,3}\.[0-9]{3,}"
_BETWEEN = r" ?[,;/ ] ?"
_POLE = r" ?(?:[NSEWO]|north|south|east|west)"
# Some write the degree sign as a raised o or 0, the minute as any apostrophe.
_MINUTES = r" ?[0-9]{1,2}(?:\.[0-9]+)? ?['\u2018\u2019\u2032\u00b4m]"
_SECONDS = (
    r"(?: ?[0-9]{1,2}(?:\.[0-9]+)? ?(?:\"|''|[\u201c\u201d\u2033]|\u2032\u2032|\u2019\u2019|s))?"
)
_DEGREES = (
    rf"[-+]?[0-9]{{1,3}}(?:\.[0-9]+)? ?[\u00b0d](?:{_MINUTES}{_SECONDS}|"
    rf" ?[0-9]{{1,2}}\.[0-9]{{2,}})?"
)
_SIGN = r"(?:\u00b0 ?)?"
# Open location codes leave out letters that are read as others.
_PLUS = "[23456789CFGHJMPQRVWX]"

_DECIMALS = rf"{_DECIMAL}{_SIGN}{_BETWEEN}{_DECIMAL}"
_NAMED = (
    rf"(?:lat(?:itude)?|breitengrad|breddegrad)[\"' :=]{{1,4}}[-+]?[0-9]{{1,2}}\.[0-9]+"
    rf"{_SIGN}(?:{_POLE})?"
    r"[\"' ,;/&]{1,4}(?:and )?"
    rf"(?:lo?ng?(?:itude)?|long?\.|laengengrad|langengrad)[\"' :=]{{1,4}}[-+]?[0-9]{{1,3}}\.[0-9]+"
)
_WITH_POLES = (
    rf"(?:{_DEGREES}|[0-9]{{1,3}}\.[0-9]{{2,}}){_POLE}{_BETWEEN}"
    rf"(?:{_DEGREES}|[0-9]{{1,3}}\.[0-9]{{2,}}){_POLE}"
    rf"|[NS] ?{_DEGREES}{_BETWEEN}[EWO] ?{_DEGREES}"
    rf"|[NS] ?[0-9]{{1,2}}\.[0-9]{{2,}}{_BETWEEN}[EWO] ?[0-9]{{1,3}}\.[0-9]{{2,}}"
)
_GEO = r"geo:[-+]?[0-9]{1,2}(?:\.[0-9]+)?,[-+]?[0-9]{1,3}(?:\.[0-9]+)?"
_CODE = rf"{_PLUS}{{4}}(?:{_PLUS}{{4}})?\+{_PLUS}{{2,3}}"

_HINT = rf"{_DECIMALS}|(?i:{_NAMED}|{_WITH_POLES}|{_GEO})|{_CODE}"
_COORDINATES = re.compile(
    rf"(?<![0-9.$€£+-])(?P<decimals>\(?{_DECIMALS}{_SIGN})(?![0-9%])"
    rf"|(?<![A-Za-z0-9.])(?i:(?P<named>{_NAMED}{_SIGN}(?:{_POLE})?)|{_WITH_POLES}|{_GEO})(?![A-Za-z0-9])"
    rf"|(?<![A-Za-z0-9])(?P<code>{_CODE})(?![A-Za-z0-9])"
)


def _is_on_earth(latitude: str, longitude: str) -> bool:
    return abs(float(latitude)) <= 90 and abs(float(longitude)) <= 180


def _is_precise(latitude: str, longitude: str) -> bool:
    return "-" in latitude[0] + longitude[0] or all(
        len(number.partition(".")[2]) >= 4 for number in (latitude, longitude)
    )


def _find(text: str) -> Iterator[Span]:
    for match in _COORDINATES.finditer(text):
        start = match.start()
        if match["decimals"]:
            pair = re.findall(_DECIMAL, match.group())
            if not (_is_on_earth(*pair) and _is_precise(*pair)):
                continue
            start += match.group().startswith("(")
        # "2345+67" is a sum, "WWW+CV" is words.
        elif match["code"] and not re.search("[0-9].*[A-Z]|[A-Z].*[0-9]", match.group()):
            continue
        yield Span(start, match.end(), COORDINATES.kind)


COORDINATES = Rule("coordinates", _HINT, _find)
