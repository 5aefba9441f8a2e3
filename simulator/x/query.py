"""X's search query language: parse a query, then ask whether a post matches. No posts, no HTTP.

Keywords match tokens of the text whatever their case, quoted phrases match tokens in a row, a
blank means AND, ``OR`` binds weaker than AND, parentheses group, ``-`` negates one term, and
operators look at the rest of the post. A CJK character is a token of its own, as words have no
blanks between them there.
Source: https://docs.x.com/x-api/posts/search/integrate/build-a-query (read 2026-11-23).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_TOKEN = re.compile(f"[{_CJK}]|[^\\W{_CJK}]+|[\u2600-\u27bf\U0001f000-\U0001faff]")
_LEXEME = re.compile(r'\s*(?:(-?)(?:(\()|"([^"]*)"|([A-Za-z_]+:"[^"]*"|[^\s()"]+))|(\)))')
_HASHTAG = re.compile(r"(?<![\w&/])#(\w*[^\W\d_]\w*)")
_MENTION = re.compile(r"(?<![\w@/])@(\w{1,15})\b")
# Without the stop that ends a sentence; a link that a repost cuts short is none.
_LINK = re.compile(r"https?://[^\s<>\"…]*[\w/](?![^\s<>\"…]*…)(?![\w/])")

HAS = ("hashtags", "images", "links", "media", "mentions")
IS = ("quote", "reply", "retweet", "verified")
_KINDS = {"quote": "quote", "reply": "reply", "retweet": "repost"}
LIMIT = 512


class QueryError(ValueError):
    """The query is not one that X would run; the message is for the caller."""


def tokens(text: str) -> list[str]:
    """Lower-case tokens: punctuation and symbols separate words, emoji are words."""
    return _TOKEN.findall(text.lower())


def hashtags(text: str) -> list[re.Match[str]]:
    """Hashtags, group 1 without the sign."""
    return list(_HASHTAG.finditer(text))


def mentions(text: str) -> list[re.Match[str]]:
    """Mentioned handles, group 1 without the sign."""
    return list(_MENTION.finditer(text))


def links(text: str) -> list[re.Match[str]]:
    """Web links."""
    return list(_LINK.finditer(text))


@dataclass(slots=True)
class Subject:
    """What a query can ask of a post."""

    text: str  # in full, without HTML escapes
    handle: str
    kind: str
    lang: str
    conversation_id: int
    replies_to: str | None
    reposts_of: str | None
    verified: bool
    media: bool
    _lower: str = ""
    _spaced: str = ""

    def holds(self, longest: str, spaced: str) -> bool:
        """Whether the tokens ``spaced`` stand in a row; ``longest`` is the longest of them."""
        if not self._lower:
            self._lower = self.text.lower()
        # The substring test spares most texts the tokenizer.
        if longest not in self._lower:
            return False
        if not self._spaced:
            self._spaced = f" {' '.join(tokens(self.text))} "
        return spaced in self._spaced


Test = Callable[[Subject], bool]


@dataclass(frozen=True)
class Query:
    """A parsed query. Equal queries are spelled equally."""

    text: str
    matches: Test = field(compare=False)


@dataclass(frozen=True)
class _Lexeme:
    position: int
    negated: bool = False
    opens: bool = False
    closes: bool = False
    phrase: str | None = None
    word: str | None = None


def parse(text: str) -> Query:
    """The query's meaning; raises ``QueryError`` where X answers 400."""
    if not text.strip():
        raise QueryError("empty query")
    if len(text) > LIMIT:
        raise QueryError(f"query is {len(text)} characters long, the limit is {LIMIT}")
    parser = _Parser(_lex(text))
    matches = parser.alternatives()
    if parser.place < len(parser.lexemes):
        raise QueryError(f"no viable alternative at ')' (at position {parser.position})")
    if not parser.standalone:
        raise QueryError(
            "the query needs at least one positive term that may stand alone: a "
            "keyword, phrase, #hashtag, @mention, from:, to:, url: and the like"
        )
    return Query(text, matches)


def _lex(text: str) -> list[_Lexeme]:
    found, place, end = [], 0, len(text.rstrip())
    while place < end:
        match = _LEXEME.match(text, place)
        if match is None:
            raise QueryError(f"missing closing quote or stray character (at position {place + 1})")
        minus, opens, phrase, word, closes = match.groups()
        at = match.start() + len(match[0]) - len(match[0].lstrip()) + 1
        found.append(_Lexeme(at, minus == "-", bool(opens), bool(closes), phrase, word))
        place = match.end()
    return found


class _Parser:
    def __init__(self, lexemes: list[_Lexeme]) -> None:
        self.lexemes = lexemes
        self.place = 0
        self.standalone = False

    @property
    def position(self) -> int:
        return self.lexemes[self.place].position

    def _peek(self) -> _Lexeme | None:
        return self.lexemes[self.place] if self.place < len(self.lexemes) else None

    def alternatives(self) -> Test:
        branches = [self._conjunction()]
        while (ahead := self._peek()) is not None and ahead.word == "OR" and not ahead.negated:
            self.place += 1
            branches.append(self._conjunction())
        if len(branches) == 1:
            return branches[0]
        return lambda subject: any(branch(subject) for branch in branches)

    def _conjunction(self) -> Test:
        terms: list[Test] = []
        while (ahead := self._peek()) is not None and not ahead.closes:
            if ahead.word == "OR" and not ahead.negated:
                break
            self.place += 1
            terms.append(self._term(ahead))
        if not terms:
            where = f"(at position {self.position})" if self._peek() else "at the query's end"
            raise QueryError(f"no viable alternative: a term is missing {where}")
        if len(terms) == 1:
            return terms[0]
        return lambda subject: all(term(subject) for term in terms)

    def _term(self, lexeme: _Lexeme) -> Test:
        if lexeme.opens:
            if lexeme.negated:
                raise QueryError(
                    f"a group can't be negated (at position {lexeme.position}); "
                    "negate each of its terms instead"
                )
            inside = self.alternatives()
            if (ahead := self._peek()) is None or not ahead.closes:
                raise QueryError(f"missing ')' for '(' (at position {lexeme.position})")
            self.place += 1
            return inside
        if lexeme.phrase is not None:
            test, standalone = _keyword(lexeme.phrase, lexeme.position), True
        else:
            test, standalone = _word(lexeme.word or "", lexeme.position)
        if lexeme.negated:
            return lambda subject: not test(subject)
        self.standalone |= standalone
        return test


def _keyword(text: str, position: int) -> Test:
    words = tokens(text)
    if not words:
        raise QueryError(f"nothing to match in {text!r} (at position {position})")
    longest, spaced = max(words, key=len), f" {' '.join(words)} "
    return lambda subject: subject.holds(longest, spaced)


def _word(word: str, position: int) -> tuple[Test, bool]:
    """The test of one word, and whether it may stand alone."""
    if word.lower() in ("and", "or"):
        raise QueryError(
            f"ambiguous use of {word!r} as a keyword (at position {position}): put a "
            f'blank for AND, OR for either, "{word}" for the word'
        )
    if word[0] == "#" and len(word) > 1:
        tag = word[1:].lower()
        return lambda s: tag in (m[1].lower() for m in hashtags(s.text)), True
    if word[0] == "@" and len(word) > 1:
        handle = word[1:].lower()
        return lambda s: handle in (m[1].lower() for m in mentions(s.text)), True
    name, colon, value = word.partition(":")
    value = value.strip('"')
    if (
        not colon
        or name in ("http", "https")
        or not name.isascii()
        or not name.replace("_", "").isalpha()
    ):
        return _keyword(word, position), True
    if not value:
        raise QueryError(f"operator {name!r} has no value (at position {position})")
    lower = value.lower()
    plain = lower.lstrip("@")
    tests: dict[str, tuple[Test, bool]] = {
        "from": (lambda s: s.handle.lower() == plain, True),
        "to": (lambda s: (s.replies_to or "").lower() == plain, True),
        "retweets_of": (lambda s: (s.reposts_of or "").lower() == plain, True),
        "url": (lambda s: any(lower in m[0].lower() for m in links(s.text)), True),
        "conversation_id": (lambda s: str(s.conversation_id) == value, True),
        "lang": (lambda s: s.lang == lower, False),
        "is": (lambda s: s.verified if lower == "verified" else s.kind == _KINDS[lower], False),
        "has": (lambda s: _has(s, lower), False),
    }
    if (
        name not in tests
        or (name == "is" and lower not in IS)
        or (name == "has" and lower not in HAS)
    ):
        raise QueryError(f"reference to invalid operator '{word}' (at position {position})")
    return tests[name]


def _has(subject: Subject, what: str) -> bool:
    if what == "hashtags":
        return bool(hashtags(subject.text))
    if what == "mentions":
        return bool(mentions(subject.text))
    return bool(links(subject.text)) if what == "links" else subject.media
