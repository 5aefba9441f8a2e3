"""Lists of words with a valence of their own, each with a reason and a date: YAML to values.

Two files have this form: ``social.yaml`` of this package, and an operator's corrections, whose
entries may hold for a tracked topic only. What a scorer makes of them is ``social``; finding and
reading an operator's file does not belong here.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection
from dataclasses import dataclass

import yaml

from sentiment_assets.core.checked_yaml import FileProblems, Reader, compose

VERSION = 1
#: VADER's raters gave whole numbers from -4, extremely negative, to 4, extremely positive.
VALENCES = (-4.0, 4.0)

_EXAMPLE = '{text: killed, valence: 0, reason: "apps are killed, nobody is hurt", date: 2026-11-25}'
# A word of letters and digits, joined by hyphens or apostrophes; a phrase is several of them.
_WORDS = re.compile(r"[^\W_]+(?:['-][^\W_]+)*(?: [^\W_]+(?:['-][^\W_]+)*)*")
_EMOJI_STYLE = "\N{VARIATION SELECTOR-16}"


@dataclass(frozen=True)
class Entry:
    """A word, a phrase of several, or one emoji, in lower case, and what it is worth."""

    text: str
    #: In the unit of VADER's lexicon; 0 takes away what VADER sees in it.
    valence: float
    reason: str
    date: dt.date
    #: Holds in posts of this tracked topic only; null for every post.
    topic: str | None = None

    @property
    def is_phrase(self) -> bool:
        """Several words, which are read as one."""
        return " " in self.text

    @property
    def is_emoji(self) -> bool:
        """One emoji."""
        return not self.text[0].isalnum()


class WordListError(FileProblems):
    """Everything that is wrong with a list of words; each of ``problems`` names its line."""

    ABOUT = "a list of words"


def parse_word_list(
    text: str, source: str, topics: Collection[str] | None = None
) -> tuple[Entry, ...]:
    """Read a list's text, in its order; ``source`` is the file name that messages show.

    Args:
        text: the file's content.
        source: its name.
        topics: the tracked topics that entries may name; null where none may.

    Raises:
        WordListError: with every problem found, in the order of the lines.
    """
    reader = _Reader(source)
    entries = reader.entries(compose(text, source, WordListError), topics)
    if reader.problems:
        raise WordListError(reader.complaints())
    return entries


class _Reader(Reader):
    def entries(self, root: yaml.Node | None, topics: Collection[str] | None) -> tuple[Entry, ...]:
        top = self.top(root, ("entries",), VERSION)
        if root is None:
            return ()
        example = f"entries: [{_EXAMPLE}]"
        node = self.required(root, top, "entries", "", example)
        seen: dict[str, int] = {}
        return tuple(
            self.entry(item, f"entries[{index}]", topics, seen)
            for index, item in self.items(node, "entries", "words", example)
        )

    def entry(
        self, node: yaml.Node, path: str, topics: Collection[str] | None, seen: dict[str, int]
    ) -> Entry:
        known = ("text", "valence", "reason", "date")
        fields = self.mapping(node, path, known if topics is None else ("topic", *known), _EXAMPLE)
        topic = self.topic(fields.get("topic"), f"{path}.topic", topics or ())
        said = self.required(node, fields, "text", path, "text: killed")
        text = self.text(said, f"{path}.text", "text: killed").lower()
        text = text.replace("’", "'").replace(_EMOJI_STYLE, "")  # noqa: RUF001
        if said and text:
            if not _WORDS.fullmatch(text) and not _is_emoji(text):
                self.say(
                    said,
                    f"{path}.text must be a word, a phrase of words or one emoji; "
                    "for example: text: killed",
                )
            self.once(said, f"{path}.text", f"{text} ({topic})" if topic else text, seen)
        bounds = self.required(node, fields, "valence", path, "valence: 0")
        valence = self.number(bounds, f"{path}.valence", VALENCES, "valence: -1.5")
        why = self.required(node, fields, "reason", path, 'reason: "apps are killed"')
        reason = self.text(why, f"{path}.reason", 'reason: "apps are killed"')
        when = self.required(node, fields, "date", path, "date: 2026-11-25")
        date = self.date(when, f"{path}.date", "date: 2026-11-25")
        return Entry(text, valence, reason, date, topic)

    def topic(self, node: yaml.Node | None, path: str, topics: Collection[str]) -> str | None:
        if node is None:
            return None
        topic = self.text(node, path, "topic: pricing")
        if topic and topic not in topics:
            tracked = f"tracked are: {', '.join(topics)}" if topics else "no topic is tracked"
            self.say(node, f"{path} {topic!r} is not a tracked topic; {tracked}")
        return topic or None


def _is_emoji(text: str) -> bool:
    # Sequences are read character by character, so that only one has a meaning of its own.
    return len(text) == 1 and ord(text) >= 0x2190
