"""Where post arrives without a street's name: boxes, units, full postcodes, field posts.

Also a name and number that only the words around it make an address: "address: Rincon 9082".
"""

import re
from collections.abc import Iterator

from sentiment_assets.core.pii.address import (
    BEFORE,
    CANADIAN_CODE,
    CODE,
    JOIN,
    KIND,
    NEXT,
    NUMBER,
    PLACE,
    SURE_UNIT_NUMBER,
    UK_CODE,
    WORD,
    addresses,
)
from sentiment_assets.core.pii.rule import Rule, Span
from sentiment_assets.core.pii.street_words import (
    CUES,
    NO_STREET,
    POST_BOX,
    SURE_UNIT,
    US_STATES,
)

_STATE_AND_CODE = rf"(?:{US_STATES}),? [0-9]{{5}}(?:-[0-9]{{4}})?"
_FIELD_POST = r"(?:apo|fpo|dpo),? a[aep],? [0-9]{5}(?:-[0-9]{4})?"
_CJK = "\u4e00-\u9fff\u3005\u30f6"
_CORES = re.compile(
    # PO Box 12, Postbus 7; Unit 5 Box 12 APO AP 96278; USS Roe FPO AE 09501.
    rf"(?<!\w)(?i:(?:(?:unit|psc) [0-9]{{1,5}},? box [0-9]{{1,6}}|"
    rf"(?:{POST_BOX})[ :#.]{{0,3}}x?[0-9]{{1,6}})"
    rf"(?:{NEXT}{_FIELD_POST})?)(?!\w)"
    rf"|(?<!\w)(?i:(?:us[a-z]{{1,4}} {WORD}{NEXT})?{_FIELD_POST})(?!\w)"
    # 12 Gralla 30 Suite 617; Rincon 9082, Apt. 3.
    rf"|{BEFORE}(?:{NUMBER} (?:{WORD} ){{1,5}}?|(?:[A-Z]{WORD} (?:{JOIN})*){{1,4}}){NUMBER}"
    rf"(?=\.?{NEXT}{SURE_UNIT_NUMBER})"
    # lives at 37 Parva Domus 6896; zip code is 37773; address: Rincon 9082, Cadiz.
    rf"|(?<!\w)(?i:{CUES})[\"':,. \n>]{{1,6}}(?i:(?:is|was|are|it'?s|to|at|"
    rf"on)[: \n]{{1,3}})?(?P<core>"
    rf"{NUMBER}(?: {WORD}){{1,5}}? {NUMBER}(?!\w)|(?<=code )[0-9]{{4,6}}(?!\w)|"
    rf"(?<=code is )[0-9]{{4,6}}(?!\w)"
    rf"|[A-Z]{WORD}(?: [A-Z]{WORD}){{0,3}} {NUMBER}(?=,? ?[\n,] ?[A-Z])|{NUMBER},? {PLACE}(?!\w))"
    rf"|(?<!\w){SURE_UNIT_NUMBER}"
    # Any name beside a number, if a postcode and a town follow: Skogen 90, 7918 Torby;
    # 850 Ortiz Coves, North Regina, CA 87320.
    rf"|{BEFORE}(?:{PLACE} {NUMBER}|{NUMBER} {PLACE}),?[ \n>]{{1,4}}{CODE}(?: ?[A-Z]{{2}})"
    rf"?,? {PLACE}(?!\w)"
    rf"|{BEFORE}(?:(?:No\.?|H\.No\.) ?)?(?:{PLACE},? {NUMBER}|{NUMBER},? {PLACE})(?:(?:,|"
    rf"\n)[ \n>]{{0,4}}{PLACE}){{1,2}}"
    rf"(?:,|-|\n| )[ ]?(?:[A-Z]{{2,3}},? )?(?:{CODE}|{CANADIAN_CODE}|{UK_CODE})(?!\w)"
    rf"|(?<![\w#-])(?P<code>{UK_CODE}|{CANADIAN_CODE}|"
    rf"(?:[A-Z]{WORD} ){{0,2}}[A-Z]{WORD}, {_STATE_AND_CODE})(?![\w-])"
    # Japan and China: from the large to the small, without spaces.
    rf"|\u3012 ?[0-9]{{3}}-?[0-9]{{4}}"
    rf"|[{_CJK}]{{1,8}}[\u90fd\u9053\u5e9c\u770c\u5e02\u533a\u753a\u6751\u90e1][{_CJK}\u3040-\u30ff]{{0,12}}"
    rf"[0-9]{{1,4}}(?:\u4e01\u76ee|\u756a\u5730?|-)[0-9]{{0,4}}(?:(?:\u756a\u5730?|-)[0-9]{{0,4}})?\u53f7?"
    rf"|[{_CJK}]{{2,12}}[\u8def\u8857\u9053\u5df7\u5f04][0-9]{{1,5}}[\u53f7\u865f]"
)


def _is_place(text: str, match: re.Match[str], followed: bool) -> bool:
    code = match["code"] or ""
    # "S4 4GB" is a telephone, "N964NN" an aeroplane, "E22ET" a word.
    if code and (code.endswith(("GB", "MB", "TB")) or not (followed or " " in code)):
        return False
    # "moved to 21 but there is a girl 15".
    return NO_STREET.isdisjoint((match["core"] or "").lower().split())


def _find(text: str) -> Iterator[Span]:
    return addresses(text, _CORES, _is_place)


#: Codes of letters and digits in turns, as the British and Canadians have them.
POSTCODE = "[A-Z][0-9][0-9A-Z]?[ -]?[0-9][A-Z][A-Z0-9]"
#: Any other behind a house number and a comma or the end of a line.
CODE_IN_ADDRESS = (
    # Between a comma and the first digit of a code stand two letters and a sign at most.
    r"[0-9][^,\n0-9]*[,\n][^0-9]*[ ,\n-](?:[A-Z][A-Z]?-?)?[0-9][0-9A-Z -]{2}[0-9A-Z]"
)
_HINTS = (
    # No bounds on repetitions: each would multiply the states of the automaton.
    rf"(?i:box [0-9]|(?:{POST_BOX})[ :#.]{{0,3}}x?[0-9])",
    rf"(?i:(?:apo|fpo|dpo),? a[aep],? [0-9]|(?:{SURE_UNIT})\.? ?#?[0-9])",
    r"[0-9][A-Za-z]?(?:[-/][0-9]+[A-Za-z]?)?,?[ \n>]+(?:[A-Z]{1,2}-)?[0-9][0-9 -]{3,7}"
    r" ?[A-Z]{0,2},? ?[A-Z]",
    CODE_IN_ADDRESS,
    rf"(?i:(?:{CUES})[^0-9A-Za-z][^0-9]*[0-9])",
    POSTCODE,
    "[A-Z]{2},? [0-9]{5}",
    "\u3012 ?[0-9]|[\u4e00-\u9fff\u3040-\u30ff][0-9]{1,4}(?:[\u4e01\u756a\u53f7\u865f]|-[0-9])",
)

POSTAL_PLACE = Rule(KIND, "|".join(_HINTS), _find, apart=_HINTS)
