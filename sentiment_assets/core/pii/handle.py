"""Handles: ``@handle`` of the platforms, ``@user@instance.social``, ``u/user``, ``user#1234``.

Without an @ after the name of a platform or a word for a handle ("ig: jane_roe"), and where the
name of a person stands like an account's (``user_name``).
"""

import re
from collections.abc import Iterator

from sentiment_assets.core.pii.rule import Rule, Span
from sentiment_assets.core.pii.user_name import NAMED, user_names

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


_PLATFORMS = (
    "ig|insta(?:gram)?|snap|snapchat|sc|telegram|tg|discord|kik|skype|tiktok|tik tok|"
    "twitch|twitter|"
    "psn|xbox(?: live)?|gamertag|gt|venmo|cash ?app|wechat|line|threads|bluesky|signal|"
    "user ?name|screen ?name|handle|user|nick(?:name)?|login"
)


def _first_words(pattern: str) -> frozenset[str]:
    """Of names with optional parts and spaces, as they are written apart or run together."""
    words = set()
    for name in pattern.split("|"):
        short, _, more = name.partition("(?:")
        for spelling in (short, short + more.removesuffix(")?")):
            words |= {spelling.replace(" ?", sign).split()[0] for sign in (" ", "")}
    return frozenset(words)


#: One of these, whole, begins whatever is a platform's name here.
PLATFORM_WORDS = _first_words(_PLATFORMS)
_SAID = (
    rf"(?:{_PLATFORMS})(?:(?: (?:id|name|handle|user(?: ?name)?|account))?(?: is |"
    rf" ?[:=>-]{{1,2}} ?)|(?: is)? )"
)
# A plain word only where a colon says so and nothing goes on behind it.
_NAMED = re.compile(
    rf"(?<![A-Za-z0-9_@#.-])(?i:{_SAID})\"?(?P<handle>[A-Za-z_](?=[A-Za-z.]*[0-9_]|[A-Za-z_]*\.[a-z])[A-Za-z0-9_.]{{2,29}}"
    r"|(?<=: )[a-z][a-z0-9_.]{2,29}(?= ?(?:[^A-Za-z0-9_ .'-]|$)))(?![A-Za-z0-9_@]|://)"
)
_LOOSE = re.compile(
    r"(?<![A-Za-z0-9_/@.])/?u/[A-Za-z0-9_-]{3,20}(?![A-Za-z0-9_/-])"
    r"|(?<![A-Za-z0-9_#@.])[A-Za-z0-9_.]{2,32}#(?!(?:19|20)[0-9]{2})[0-9]{4}(?![A-Za-z0-9_])"
)


_WORD = re.compile("[a-z]+")


def _find(text: str) -> Iterator[Span]:
    found = [match.span() for match in _HANDLE.finditer(text)] if "@" in text else []
    # These patterns try every word: a sign that each can't do without is asked for first.
    if "#" in text or "/" in text:
        found += [match.span() for match in _LOOSE.finditer(text)]
    found += user_names(text)
    if (":" in text or " is " in text or "_" in text) and not PLATFORM_WORDS.isdisjoint(
        _WORD.findall(text.lower())
    ):
        for match in _NAMED.finditer(text):
            handle = match["handle"].rstrip(".")
            start = match.start("handle")
            # "Instagram iphone7", "line B12": a product, and whatever else ends in a number.
            if ":" in text[match.start() : start] or " is " in match.group() or "_" in handle:
                found.append((start, start + len(handle)))
    done = 0
    for start, end in sorted(found):
        if start >= done:
            yield Span(start, end, HANDLE.kind)
            done = end


HANDLE = Rule(
    "handle",
    rf"@[A-Za-z0-9_]|(?:^|[^A-Za-z0-9_])u/[A-Za-z0-9_-]|[A-Za-z0-9_.]#[0-9]{{4}}"
    rf"|(?:^|[^A-Za-z0-9_])(?i:{_SAID})\"?[A-Za-z_][A-Za-z0-9]*[0-9_.]|"
    rf"(?i:{_PLATFORMS})[A-Za-z ]*: \"?[a-z][a-z0-9_.]+|{NAMED}",
    _find,
    needs_digit=False,
)
