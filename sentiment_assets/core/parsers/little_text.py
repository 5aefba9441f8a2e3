"""LinkedIn's "little text" to plain text: the markup of a post's ``commentary``.

Mentions ``@[Name](urn:li:person:…)`` become the name, hashtag templates ``{hashtag|\\#|Word}``
become ``#Word``, and a backslash before a reserved character goes. What is damaged, or of a
template that nobody knows, stays as text: reading never fails, and takes linear time.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/little-text-format
(read 2026-11-24). What does not belong here: other fields, and comments, which are plain text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

#: Characters that stand for themselves only behind a backslash.
RESERVED = "\\|{}@[]()<>#*_~"

_SIGN = f"[{re.escape(RESERVED)}]"
# Possessive everywhere, and no part may hold the character that begins the next: what fails, fails
# once. The documentation itself writes a blank between name and urn.
_MENTION = r"@\[((?:[^\[\]\\]|\\.)*+)\] ?\((urn:li:(?:[^()\\\s]|\\.)++)\)"
# Japanese and Chinese hashtags may begin with a full-width sign.
_HASHTAG = r"\{hashtag\|\\?[#\uff03]\|((?:[^{|}\\]|\\.)++)\}"
_PLAIN = rf"(?:[^\\@{{]|\\.|(?!{_MENTION}|{_HASHTAG})[\\@{{])*+"
_PART = re.compile(rf"(?P<plain>{_PLAIN})(?P<element>{_MENTION}|{_HASHTAG})?", re.DOTALL)
_UNESCAPED = re.compile(rf"(?:\\(?={_SIGN}))?+(.[^\\]*+)", re.DOTALL)


class LittleText(NamedTuple):
    """What a text says; the name and the urn of each mention, in the text's order."""

    text: str
    names: list[str]
    urns: list[str]


def read(commentary: str) -> LittleText:
    """The plain text of a commentary, whatever it holds."""
    said: list[str] = []
    names: list[str] = []
    urns: list[str] = []
    for part in _PART.finditer(commentary):
        said.append(_unescaped(part["plain"]))
        # The groups inside of the lookahead come first and are never filled.
        *_, name, urn, tag = part.groups()
        if tag is not None:
            said.append(f"#{_unescaped(tag)}")
        elif urn is not None:
            name = _unescaped(name)
            said.append(name)
            names.append(name)
            urns.append(_unescaped(urn))
    return LittleText("".join(said), names, urns)


def _unescaped(text: str) -> str:
    # Without a call per escape: a post may be nothing but escapes.
    return "".join(_UNESCAPED.findall(text)) if "\\" in text else text
