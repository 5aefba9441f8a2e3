"""E-mail addresses, written plainly or as ``name [at] host [dot] tld``."""

import re
from collections.abc import Iterator

from sentiment_assets.core.pii.rule import Rule, Span

_LOCAL = r"[A-Za-z0-9_](?:[A-Za-z0-9._%+'-]{0,62}[A-Za-z0-9_+-])?"
PROVIDERS = (
    "gmail|googlemail|yahoo|ymail|hotmail|outlook|live|msn|icloud|aol|proton|protonmail|gmx|zoho"
)
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_AT = r"(?: ?[\[({<] ?at ?[\])}>] ?)"
_DOT = r"(?: ?[\[({<] ?dot ?[\])}>] ?| dot )"

# Without the long s and the dotless i, which match s and i where case does not count.
_FOREIGN = r"[\u00df-\u012f\u0132-\u017e\u0180-\u02af\u0370-\u0dff]"

_ADDRESS = re.compile(
    rf"{_LOCAL}(?:@{_HOST}(?:\.{_HOST})+)+"
    # In Cyrillic, Greek, Hebrew, Arabic or an Indian script.
    rf"|{_FOREIGN}[\w.+-]*@[\w-]+(?:\.[\w-]+)+|[\w.+-]*{_FOREIGN}@[\w-]+(?:\.[\w-]+)+"
    # Cut before its top-level domain: a name with a dot, or a host that everybody knows. Without
    # either it is a word glued to a handle ("thanks@user").
    rf"|(?<![A-Za-z0-9_])[A-Za-z0-9_]+\.(?:[A-Za-z0-9_.-]{{0,60}}[A-Za-z0-9_])@[A-Za-z][A-Za-z0-9-]{{3,}}"
    rf"|{_LOCAL}@(?:{PROVIDERS})(?![A-Za-z0-9_])"
    rf"|{_LOCAL}{_AT}{_HOST}(?:(?:{_DOT}|\.){_HOST})+"
    rf"|{_LOCAL} at {_HOST} dot (?:{_HOST} dot )?[A-Za-z]{{2,4}}(?![A-Za-z0-9])"
    rf"|{_LOCAL} at (?:{PROVIDERS})(?:\.{_HOST}){{1,2}}"
    rf"|{_LOCAL}@{_HOST}{_DOT}[A-Za-z]{{2,4}}(?![A-Za-z0-9])",
    re.IGNORECASE,
)


# One of these stands in every address.
_SIGN = re.compile(r"@|[\[({<] ?at| at ", re.IGNORECASE)


def _find(text: str) -> Iterator[Span]:
    sign = _SIGN.search(text)
    if not sign:
        return
    # No name before a sign holds a space: what stands before it needs no look.
    begin = text.rfind(" ", 0, max(sign.start() - 1, 0)) + 1
    for match in _ADDRESS.finditer(text, begin):
        start = match.start()
        # "RT@user" and "@user@instance.social" are handles.
        if text[start - 1 : start] == "@" or re.match(r"rt@", match.group(), re.IGNORECASE):
            continue
        yield Span(start, match.end(), EMAIL.kind)


EMAIL = Rule(
    "email",
    rf"[A-Za-z0-9_+-]@[A-Za-z0-9]|(?i:{_FOREIGN}[\w.+-]*@)"
    r"|(?i:[\[({<] ?at ?[\])}>]| at [^ ]{1,70} dot |"
    rf" at (?:{PROVIDERS}))",
    _find,
    needs_digit=False,
)
