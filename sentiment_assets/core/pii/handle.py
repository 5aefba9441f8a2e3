"""``@handle`` of the platforms: X, Instagram's dotted ones, and ``@user@instance.social``."""

import re
from collections.abc import Iterator

from sentiment_assets.core.pii.rule import Rule, Span

_HANDLE = re.compile(
    # Inside a word an @ is a letter ("sh@t"), unless it is RT@user or two long words are glued.
    r"(?:(?<![A-Za-z0-9_])|(?<=(?<![A-Za-z0-9_])[Rr][Tt])|(?<=[A-Za-z0-9_]{3})(?=@[A-Za-z0-9_]{4}))@"
    # "@7", "@5pm", "@10k" and "@2x" are times, prices and scales.
    r"(?![0-9]+(?:am|pm|ish|k|m|x|st|nd|rd|th|h|hrs?|mins?)?(?![A-Za-z0-9_]))"
    r"[A-Za-z0-9_]+"
    # Lower case only after a dot: "@user.Great" lacks a space, "@jane.roe" is one handle.
    r"(?:\.[a-z0-9_]+)*"
    # The host of "@user@instance.social", or one handle glued to the next.
    r"(?:@[A-Za-z0-9_-]+(?:\.[A-Za-z0-9-]+)*)*"
)


def _find(text: str) -> Iterator[Span]:
    for match in _HANDLE.finditer(text):
        yield Span(match.start(), match.end(), HANDLE.kind)


HANDLE = Rule("handle", r"@[A-Za-z0-9_]", _find)
