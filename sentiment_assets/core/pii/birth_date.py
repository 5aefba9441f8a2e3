"""Dates of birth: a date after words that say so, or as records write one of long ago.

Any other mere date is nobody's.
"""

import re
from collections.abc import Iterator

from sentiment_assets.core.pii.rule import Rule, Span
from sentiment_assets.core.text import canonicalise

_MONTHS = (
    "jan|ene|gen|feb|fev|mar|maa|mrt|apr|avr|abr|may|mei|mai|maj|mag|jun|jui|giu|jul|lug|aug|aou|"
    "ago|avg|sep|set|oct|okt|ott|out|nov|dec|dez|dic|des|styc|lut|kwie|czer|lip|sier|wrze|pazd|"
    "listop|grud"
)
_MONTH = rf"(?:{_MONTHS})[a-z]{{0,8}}\.?"
_DAY = r"[0-3]?[0-9](?:st|nd|rd|th|er|e|ste|de|\.)?"
_YEAR = r"(?:18|19|20)[0-9]{2}"
_SEP = r" ?[-./\u5e74\u6708] ?"
_NUMERIC = (
    rf"{_YEAR}{_SEP}[01]?[0-9]{_SEP}[0-3]?[0-9]\u65e5?|"
    rf"[0-3]?[0-9]{_SEP}[0-3]?[0-9]{_SEP}(?:{_YEAR}|[0-9]{{2}})"
)
_RECORDED = "(?:19[1-9][0-9]|200[0-9])-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_DAY_MONTH = rf"{_DAY},? ?(?:of |de |di |-)?{_MONTH}"
_MONTH_DAY = rf"{_MONTH} ?{_DAY}"
_WITH_YEAR = (
    rf"(?:{_NUMERIC}|{_DAY_MONTH}(?:,? |-| de | del )'?(?:{_YEAR}|[0-9]{{2}}\b)"
    rf"|{_MONTH_DAY},? {_YEAR}|{_YEAR} {_MONTH_DAY})"
)
_SURE_DATE = (
    rf"(?:{_WITH_YEAR}|{_DAY_MONTH}|{_MONTH_DAY}|[0-9]{{8}}|[0-3]?[0-9] [01]?[0-9] (?:{_YEAR}|"
    rf"[0-9]{{2}}))"
)

# What is asked for in forms: any date after it. Written as the rules see it, without accents.
_SURE = "|".join(
    canonicalise(words).text
    for words in (
        r"d\.? ?o\.? ?b\.?",
        r"(?:date|day)[ _-]?of[ _-]?birth",
        r"birth[ _-]?date",
        "geboortedatum",
        "geburtsdatum",
        "date de naissance",
        "fecha de nacimiento",
        "data di nascita",
        "data de nascimento",
        "födelsedatum",
        "fødselsdato",
        "fødselsdag",
        "syntymäaika",
        "data urodzenia",
        "datum narození",
        "születési idő",
        "data nașterii",
        "doğum tarihi",
        "tanggal lahir",
        "ngày sinh",
        "дата рождения",
        "дата народження",
        "ημερομηνία γέννησης",
        "تاريخ الميلاد",
        "תאריך לידה",
        "जन्म ?तिथि",
        "生年月日",
        "出生日期",
        "생년월일",
    )
)
# What stands in other sentences too: a date with a year after it.
_LIKELY = "|".join(
    canonicalise(words).text
    for words in (
        r"born",
        r"b\.",
        r"birth ?day",
        r"b-?day",
        r"geboren",
        r"gebore",
        r"geb\.",
        r"verjaar(?:sdag|t)?",
        r"geburtstag",
        r"naissance",
        r"anniversaire",
        r"nacid[oa]",
        r"naci",
        r"cumpleaños",
        r"nat[oa]",
        r"compleanno",
        r"nascid[oa]",
        r"nasci",
        r"aniversário",
        r"född",
        r"født",
        r"syntynyt",
        r"urodzon[ya]",
        r"ur\.",
        r"narozen[aý]?",
        r"született",
        r"născută?",
        r"doğum",
        r"lahir",
        r"родил(?:ся|ась)",
        r"誕生日",
        r"出生",
        r"生日",
    )
)
_NE = r"ne(?:\(?e\)?)?"
_GAP = (
    r"(?:[ _]?\([A-Za-z/ .-]{2,14}\))?[\"' :;=(>,.?\[\n-]{0,5}"
    r"(?:(?:is|was|it'?s|on|the|my|in|le|el|il|am|op|den|em|ist|est|es|e|at|dia|day|date|a|"
    r"i)[ :,\"'.]{1,3}){0,3}"
)
_PLACE = (
    r"(?:(?:in|at|te|a|en|em|i|w|\u00e0) [A-Z][A-Za-z.'-]{1,20}(?: [A-Z][A-Za-z.'-]{1,20})"
    r"{0,2},? ?)?"
)
# No letter may follow the words at once: "ne" (born, in French) begins many.
_BIRTH = re.compile(
    rf"(?i:(?<![A-Za-z0-9])(?:{_SURE})(?![A-Za-z]){_GAP}(?P<sure>{_SURE_DATE})(?![0-9A-SU-Za-z])"
    rf"|(?<![A-Za-z0-9])(?:{_LIKELY}|{_NE})(?![A-Za-z]){_GAP}{_PLACE}{_GAP}(?P<likely>{_WITH_YEAR})(?![0-9A-SU-Za-z])"
    rf"|(?<![0-9])(?P<before>{_WITH_YEAR}),? ?\(?(?:d\.?o\.?b|\u65e5? ?\u751f)"
    # The field after a social security number, in a record of such.
    rf"|(?<![0-9])[0-9]{{3}}-[0-9]{{2}}-[0-9]{{4}}(?P<bar>[|;,\t]) ?(?P<field>{_NUMERIC})"
    r"(?=(?P=bar))"
    # As records write it, of a year that no post is from: none of 159,000 real posts holds one.
    rf"|(?<![0-9A-Za-z./-])(?P<record>{_RECORDED})(?![0-9A-Za-z/-]|[.:][0-9]))"
)


def _find(text: str) -> Iterator[Span]:
    for match in _BIRTH.finditer(text):
        date = next(g for g in ("sure", "likely", "before", "field", "record") if match[g])
        # "B. 11.4.17" is a heading.
        if match.group()[:2].lower() == "b." and not re.search(_YEAR, match[date]):
            continue
        yield Span(match.start(date), match.end(date), BIRTH_DATE.kind)


# Words and a digit not far behind: the whole pattern takes ten times as long.
_NEAR = "(?:[^a-z0-9][^0-9]{0,70})?[0-9]"
_HINTS = (
    rf"(?i:(?:^|[^a-z0-9])(?:{_SURE}|{_LIKELY}){_NEAR})",
    # Apart from the others, since nearly every text holds its letters.
    rf"(?i:(?:^|[^a-z0-9])(?:{_NE}){_NEAR})",
    rf"(?i:[0-9][^0-9]{{0,4}}(?:d\.?o\.?b|\u65e5? ?\u751f))|-[0-9]{{4}}[|;,\t] ?[0-9]|{_RECORDED}",
)

BIRTH_DATE = Rule("birth_date", "|".join(_HINTS), _find, apart=_HINTS)
