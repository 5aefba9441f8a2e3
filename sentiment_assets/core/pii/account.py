"""Numbers by which a bank, state or firm knows a person: after a word that says so, or by shape.

Bank accounts and branches, passports, licences, plates, policies, records, members, orders, wallets
of crypto-currencies. What has only digits, seven or more, is masked elsewhere whatever its name.
"""

import re
from collections.abc import Iterator

from sentiment_assets.core.pii.rule import Rule, Span

# Words that nobody puts before a number unless it is one of these.
_SURE = (
    r"passport|pasaporte|passeport|reisepass|paspoort|passaporto|passaporte|"
    r"mrn|npi|dea|empid|bic|swift|ifsc|iban|clabe|cbu|bsb|vin|imei|imsi|"
    r"sort ?code|branch ?code|routing|kontonummer|kontonr|rekening ?n(?:ommer|ummer|r)|"
    r"(?:driver'?s?|driving|drivers'?|dl) ?licen[cs]e|rijbewijs(?:nummer)?|fuhrerschein|"
    r"permis de conduire|"
    r"licen[cs]e ?plate|number ?plate|plates?|kennzeichen|kenteken|nummerplaat|matricula|targa|"
    r"national ?id|id ?n(?:umber|o|ommer)|identity ?(?:number|no)|personnummer|"
    r"medical record|health card|medicare|medicaid|insurance|policy ?holder|"
    r"(?:employee|staff|student|patient|member(?:ship)?|customer|client|insurance|user|voter|tax(?:payer)?|"
    r"device|account|applicant|case)[ _-]?id|nhs|nino|ssn|tin|ein"
)
# Words of everyday: a number follows only with "no.", "#", "ID", or a colon.
_LIKELY = (
    r"account|acct|acc|a/c|rekening|konto|compte|cuenta|conto|conta|licen[cs]e|registration|reg|"
    r"policy|polis(?:nommer|nummer)?|poliza|member(?:ship)?|employee|staff|student|customer|client|patient|"
    r"order|case|reference|ref|booking|confirmation|reservation|ticket|tracking|prescription|rx|"
    r"visa|permit|tax|vat|serial|record|claim|invoice|pnr|certificate|badge|file|docket|card"
)
_DESIGNATOR = (
    r"(?:number|numbers|no\.?|nr\.?|num\.?|nummer|nommer|numero|n\u00b0|n\.|id|code|reference|"
    r"ref|#)"
)
_GAP = r"[\"' :=#.>-]{0,4}(?:(?:is|was|are|ist|est|es|e)[ :]{1,2})?[\"'#]?"
_TOKEN = r"[A-Za-z0-9]+(?:[-/._]{1,2}[A-Za-z0-9]+)*"
_TOKEN_WITH_DIGIT = "(?:[A-Z]{1,3} )?(?:[A-Za-z]{1,12}[-/._]{0,2}){0,3}[0-9]"
_IDENTIFIER = (
    rf"(?={_TOKEN_WITH_DIGIT})(?:[A-Z]{{1,3}} (?=[A-Z]?[0-9]))?{_TOKEN}"
    rf"(?: (?:[0-9]{{2,}}(?:-[0-9]+)*|[A-Z]{{1,3}})(?![A-Za-z0-9]))*"
)
# No letter follows the words at once: "tin" begins others. Python and Rust share no look-ahead, so
# the hint does without.
_END = "(?![A-Za-z])"
_SURE_CUE = rf"(?:{_SURE})(?:[ _-]?{_DESIGNATOR})?{_GAP}"
_LIKELY_CUE = (
    rf"(?:{_LIKELY})(?:[ _-]?{_DESIGNATOR}{_GAP}| ?[:#=]{{1,2}} ?[\"']?#?)"
    r"|(?:ID|Id|id ?[:=#])[\"' :=#]{1,3}(?:(?:is) )?"
)
_CUE = rf"(?:(?i:{_SURE_CUE})|(?i:{_LIKELY_CUE}))"
_AFTER_CUE = re.compile(
    rf"(?<![A-Za-z0-9])(?:(?P<sure>(?i:(?:{_SURE})(?:[ _-]?{_DESIGNATOR})?{_END}{_GAP}))|"
    rf"(?i:{_LIKELY_CUE}))(?P<id>{_IDENTIFIER})(?![A-Za-z0-9])"
)
_BIC = re.compile(
    r"(?<![A-Za-z0-9])(?i:bic|swift)(?i:[ /-]?(?:bic|swift|code|number|"
    r"no))*[\"' :=#.-]{1,4}(?:is )?"
    r"(?P<id>[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?)(?![A-Za-z0-9])"
)
# MRN-70771, DL-L26365-65; D123-4567-8901.
_PREFIXED = (
    r"[A-Z]{2,5}-[A-Z]{0,2}[0-9]{5,}(?:-[0-9]+)*|[A-Z][0-9]{3}(?:-[0-9]{4}){2}|"
    r"[A-Z][0-9]{2,4}(?:-[0-9]{3,6}){2,4}"
)
_STANDARDS = re.compile(r"(?:ISO|IEC|CVE|EN|DIN|RFC|ISBN|ISSN|ANSI|IEEE|ASTM|FY|BS|SAE|COVID)-")
_MIXED = r"[A-Za-z][0-9]+[A-Za-z]+[0-9]"
_COIN = "[13][A-HJ-NP-Za-km-z1-9]{25,34}"
_LOOSE = re.compile(
    rf"(?<![A-Za-z0-9#@_/-])(?:(?P<prefixed>{_PREFIXED})|(?P<coin>{_COIN})|(?P<mixed>[A-Za-z0-9_-]{{8,100}}))(?![A-Za-z0-9_])"
)
_SWITCH = re.compile(r"[A-Za-z](?=[0-9])|[0-9](?=[A-Za-z])")
_YEAR = re.compile(r"(?:1[89]|20)[0-9]{2}")
_DATE_OR_TIME = re.compile(
    r"[0-9]{1,4}([-/.])[0-9]{1,2}\1[0-9]{1,4}|(?:19|20)[0-9]{2}[-/][0-9]{2,4}|[0-9.]+(?:k|m|am|pm|th|st|nd|rd|s)"
)


def _is_identifier(token: str, sure: bool) -> bool:
    """Enough digits for its length, and no year, date or amount."""
    digits = sum(c.isdigit() for c in token)
    if re.fullmatch(rf"[A-Za-z]*{_YEAR.pattern}", token) or _DATE_OR_TIME.fullmatch(token.lower()):
        # A branch's code looks like a date in two-digit groups.
        return sure and bool(re.fullmatch("[0-9]{2}-[0-9]{2}-[0-9]{2}", token))
    if digits >= (4 if sure else 5):
        return True
    capitals = sum(c.isupper() for c in token)
    return digits >= 2 and capitals >= 1 and digits + capitals >= 5


def _is_mixed(token: str) -> bool:
    """Letters and digits in turns, as no word, product or hashtag has them."""
    if not re.search(_MIXED, token):
        return False
    groups = re.findall("[0-9]+", token)
    switches = len(_SWITCH.findall(token))
    # "315x6365x10365" counts weights.
    if sum(map(len, groups)) < 4 or re.fullmatch("[0-9Xx]+", token):
        return False
    if all(map(_YEAR.fullmatch, groups)):
        return False
    return (switches >= 4 and len(token) >= 10) or (
        switches >= 3 and token.isupper() and sum(map(len, groups)) >= 5
    )


def _find(text: str) -> Iterator[Span]:
    # A bank's code without an account's number is nobody's.
    if not re.search("[0-9]", text):
        return
    found: list[tuple[int, int]] = [match.span("id") for match in _BIC.finditer(text)]
    for match in _AFTER_CUE.finditer(text):
        if _is_identifier(match["id"], bool(match["sure"])):
            found.append(match.span("id"))
    for match in _LOOSE.finditer(text):
        token = match.group()
        if (
            (match["prefixed"] and not _STANDARDS.match(token))
            or (match["mixed"] and _is_mixed(token))
            or (match["coin"] and re.search("[A-Z].*[a-z]|[a-z].*[A-Z]", token))
        ):
            found.append(match.span())
    done = 0
    for start, end in sorted(found):
        if start >= done:
            yield Span(start, end, ACCOUNT.kind)
            done = end


#: Letters and digits in turns, and addresses of crypto-currencies.
TOKENS = rf"{_MIXED}|{_COIN}"
_HINTS = (
    rf"(?:^|[^A-Za-z0-9]){_CUE}{_TOKEN_WITH_DIGIT}",
    _PREFIXED,
    TOKENS,
    r"(?i:bic|swift)(?i:[ /-]?(?:bic|swift|code|number|"
    r"no))*[\"' :=#.-]{1,4}(?:is )?[A-Z]{6}[A-Z0-9]{2}",
)

ACCOUNT = Rule("account", "|".join(_HINTS), _find, apart=_HINTS)
