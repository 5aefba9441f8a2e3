"""Names of people that a text gives away: by a lexicon of names and by what stands around a word.

What belongs here: the rules that decide which capitalised words are somebody, one text at a time.
Names that came with the post are ``known_names``'; which texts of a column are worth a look is
``names_suspected``'; the words themselves are the ``lexicon``'s, titles and announcements
``names_context``'s.

The rules, in short: a given name with what follows it; a word behind a title (``Dr Okeke``), behind
an initial (``T. Nkosi``) or behind words that announce a name (``my name is``, ``dear``); a name
alone where it is nothing else. Names that are words, too (Grace, Hope, May), need a neighbour: they
move the sentiment of a text, masked or not.

Where a C compiler was at installation, this very file was compiled too, as ``_names_kernel``, with
the types of ``_names_kernel.pxd``; ``name_finding`` chooses. A method that is compiled with types
holds no generator.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from sentiment_assets.core.pii.allowed import without_allowed
from sentiment_assets.core.pii.lexicon import (
    BRAND,
    FREQUENT,
    GIVEN,
    OFTEN,
    PLACE,
    SELDOM,
    SURNAME,
    UNSURE,
    WORD,
)
from sentiment_assets.core.pii.name_words import (
    ANY_NOT_PEOPLE,
    BEFORE_PLACE,
    CALL,
    CAPITALS,
    COMMON,
    ENDS_NAME,
    FEATURE,
    FIVE_LETTERS,
    FORMED,
    FOUR_LETTERS,
    IN_DICTIONARY,
    INITIAL,
    JOINED,
    LEADS,
    LETTERS,
    NAMED,
    NOT_PERSON,
    ROLE,
    TELLS,
    THREE_LETTERS,
    TITLE,
    bits_of,
    is_common,
    read_marks,
)
from sentiment_assets.core.pii.names_caseless import find_caseless, find_uncased
from sentiment_assets.core.pii.names_context import (
    ANNOUNCERS,
    ANNOUNCING,
    DEGREE_AHEAD,
    FIELD,
    GREETED,
    IN_LISTS,
    LISTED,
    LONG_WORD,
    LOWER_ANNOUNCED,
    MIXED_CASE,
    NO_SURNAME,
    PARTICLE_AHEAD,
    SIGNED,
    STATE_AHEAD,
    STRONG,
    WEAK,
)
from sentiment_assets.core.pii.rule import Span

#: Raise it when this file changes what it does: a compiled copy that says another is left alone.
VERSION = 2


class NameFinder(Protocol):
    """A model that reads names out of texts; the rules here need none."""

    @property
    def name(self) -> str:
        """What the recipe of silver says of it: the model and its version."""

    def find(self, texts: Sequence[str]) -> Sequence[Sequence[tuple[int, int]]]:
        """Half-open ranges of characters that name a person, for each text."""


class _Text:
    """The capitalised words of a text, and what of them names somebody.

    Word ``i`` stands from ``starts[i]`` to ``ends[i]``, and ``marks[i]`` says in bits what it is:
    most questions are one about numbers. -1 says that no name begins with a word.
    """

    __slots__ = ("_headline", "announces", "count", "ends", "marks", "starts", "text")

    def __init__(self, text: str, lowered: str) -> None:
        self.text = text
        #: Asked once a text, so that words in no list cost nothing where nothing announces them.
        self.announces = not ANNOUNCING.isdisjoint(lowered.split())
        self._headline: bool | None = None
        self.starts, self.ends, self.marks = read_marks(text)
        self.count = len(self.marks)

    @property
    def headline(self) -> bool:
        """Every word is capitalised: there a capital says little."""
        if self._headline is None:
            capitalised = sum(mark & LETTERS >= FOUR_LETTERS for mark in self.marks)
            everything = len(LONG_WORD.findall(self.text))
            self._headline = everything > 5 and capitalised > 0.7 * everything
        return self._headline

    def gap(self, i: int) -> str:
        """What stands between word ``i`` and the next."""
        return self.text[self.ends[i] : self.starts[i + 1]]

    def names(self) -> list[tuple[int, int]]:
        """Half-open ranges of characters."""
        marks, announces = self.marks, self.announces
        found: list[tuple[int, int]] = []
        free = 0
        following = 0
        for i in range(self.count - 1, -1, -1):
            mark = marks[i]
            # Most words are in no list, and then only what stands around them can say anything.
            if following & SURNAME or (
                following and not following & NAMED and (mark | following) & FORMED
            ):
                mark |= LEADS
                marks[i] = mark
            following = mark
        for i, mark in enumerate(marks):
            if i < free or not (mark & (TELLS | LEADS) or announces):
                continue
            last = self.name_at(i)
            if last >= 0:
                found.append((i, last))
                free = last + 1
        if not found:
            return found
        return [self.span(first, last) for first, last in self.with_company(found)]

    def span(self, first: int, last: int) -> tuple[int, int]:
        """The characters of a name, an initial's dot and a degree behind it included."""
        end = self.ends[last]
        if self.marks[last] & INITIAL and self.text[end : end + 1] == ".":
            end += 1
        # A degree begins with a capital.
        if self.is_near(last, end):
            degree = DEGREE_AHEAD.match(self.text, end)
            if degree:
                end = degree.end()
        return self.starts[first], end

    def is_near(self, i: int, end: int) -> bool:
        """Whether the word behind ``i`` stands a sign and a space behind ``end`` at most."""
        return i + 1 < self.count and self.starts[i + 1] - end <= 2

    def with_company(self, found: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """What stands in one list with a name (``Ann, Hope and Mark``) is another."""
        if self.count == 1 or not IN_LISTS.search(self.text):
            return found
        marks = self.marks
        taken: set[int] = set()
        for first, last in found:
            taken.update(range(first, last + 1))
        for step in (1, -1):
            todo = [last if step > 0 else first for first, last in found]
            while todo:
                j = todo.pop() + step
                if not 0 <= j < self.count or j in taken:
                    continue
                mark = marks[j]
                if (
                    mark & NAMED
                    and not mark & (SELDOM | PLACE | BRAND | ENDS_NAME)
                    and LISTED.fullmatch(self.gap(j - 1 if step > 0 else j))
                    and not self.place(j, j)
                    and not mark & JOINED
                    and not (j and marks[j - 1] & JOINED and (j - 1) not in taken)
                    and not self.headline
                ):
                    taken.add(j)
                    found.append((j, j))
                    todo.append(j)
        return sorted(found)

    def name_at(self, i: int) -> int:
        """The last word of the name that begins with word ``i``."""
        mark = self.marks[i]
        if not mark & (NAMED | INITIAL | TITLE | CALL):
            return self.unknown_at(i)
        if mark & ENDS_NAME:
            return -1
        if mark & (TITLE | CALL):
            # "Princess Royal" is nobody's given name.
            return self.titled(i)
        if mark & BEFORE_PLACE and not mark & OFTEN:
            return -1
        if mark & INITIAL:
            return self.after_initials(i)
        if mark & SELDOM:
            return -1
        if mark & SURNAME:
            turned = self.turned_round(i)
            if turned >= 0:
                return turned
        if self.announces:
            before = self.announcement(i)
            if before and STRONG.search(before) and not self.place(i, i):
                return self.end_of(i, True)
        if mark & GIVEN:
            if mark & JOINED:
                last = self.end_of(i, False)
                if last > i and self.full_name(i, last):
                    return last
        elif mark & JOINED and not mark & UNSURE:
            following = self.marks[i + 1]
            if following & GIVEN and not following & UNSURE:
                # Family name first.
                return self.end_of(i + 1, False)
        if not mark & UNSURE:
            return i if self.alone(i) else -1
        if mark & GIVEN and not mark & CAPITALS and self.spoken_to(i):
            return self.end_of(i, False)
        return -1

    def announcement(self, i: int) -> str:
        """What stands before word ``i``, where it may announce a name; empty where it doesn't."""
        start = self.starts[i]
        end = start - 1
        if end > 0 and self.text[end] in "\"'":
            end -= 1
        while end > 0 and self.text[end - 1] == " ":
            end -= 1
        spoken = self.text[max(0, end - 14) : end].split()[-1:]
        if not spoken or spoken[0] not in ANNOUNCERS:
            return ""
        return self.text[max(0, start - 28) : start]

    def unknown_at(self, i: int) -> int:
        """A word that is in no list of names, but announced, or before a sure surname."""
        mark = self.marks[i]
        if self.announces and not mark & (ENDS_NAME | IN_DICTIONARY):
            before = self.announcement(i)
            if before:
                if STRONG.search(before) and not self.place(i, i):
                    return self.end_of(i, True)
                end = self.ends[i]
                if GREETED.search(before) and self.text[end : end + 1] in (",", "!"):
                    return i
        if i + 1 < self.count:
            following = self.marks[i + 1]
            if following & SURNAME and self.unknown_given(i):
                return self.end_of(i + 1, False)
            if not following & NAMED and self.formed(i):
                return i + 1
        return -1

    def formed(self, i: int) -> bool:
        """Whether two words that nobody knows are made like a name, mid-sentence or not."""
        mark, following = self.marks[i], self.marks[i + 1]
        return (
            bool((mark | following) & FORMED)
            and not (mark | following) & (CAPITALS | IN_DICTIONARY)
            and mark & LETTERS >= THREE_LETTERS
            and following & LETTERS >= THREE_LETTERS
            and bool(mark & JOINED)
            and not self.headline
            and not self.place(i, i + 1)
        )

    def spoken_to(self, i: int) -> bool:
        """Whether a given name that is a word, too, is addressed, quoted or signed with."""
        mark = self.marks[i]
        if mark & (PLACE | BRAND | FEATURE):
            return False
        # Part of a capitalised phrase.
        if mark & JOINED and not self.marks[i + 1] & NAMED:
            return False
        before = self.announcement(i)
        start = self.starts[i]
        if not (before and WEAK.search(before)) and not SIGNED.search(
            self.text[max(0, start - 4) : start]
        ):
            return False
        return not self.place(i, i)

    def titled(self, i: int) -> int:
        """The last word of a name behind a title, or behind several (``Prof Dr Okeke``)."""
        marks = self.marks
        while marks[i] & JOINED and marks[i + 1] & TITLE:
            i += 1
        mark = marks[i]
        if not mark & JOINED:
            return -1
        following = marks[i + 1]
        if following & (ENDS_NAME | CALL):
            return -1
        surely = bool(mark & TITLE)
        if following & INITIAL:
            last = self.after_initials(i + 1)
            return i + 1 if last < 0 and surely else last
        if following & NAMED:
            # Behind a role a given name that is also a word: Customer Chase.
            if not (
                surely
                or not following & UNSURE
                or (mark & ROLE and following & GIVEN and not following & SELDOM)
            ) or (not surely and following & UNSURE and self.headline):
                return -1
        elif following & COMMON or (
            not surely and (following & (IN_DICTIONARY | CAPITALS) or self.headline)
        ):
            return -1
        return self.end_of(i + 1, surely)

    def after_initials(self, i: int) -> int:
        """``J. Roe``, ``J.R. Roe``: a surname behind dotted initials."""
        marks, text = self.marks, self.text
        j = i
        while marks[j] & INITIAL and marks[j] & JOINED:
            end = self.ends[j]
            if text[end : end + 1] != "." and not marks[j + 1] & SURNAME:
                return -1
            j += 1
        mark = marks[j]
        if j == i or mark & (INITIAL | ENDS_NAME | SELDOM):
            return -1
        dotted = text[self.ends[j - 1]] == "."
        if (
            (mark & NAMED and (not mark & UNSURE or (dotted and not self.headline)))
            or (dotted and not mark & (CAPITALS | IN_DICTIONARY))
        ) and not self.place(i, j):
            return j
        return -1

    def unknown_given(self, i: int) -> bool:
        """A word that nobody knows before a word that is surely a surname."""
        mark = self.marks[i]
        if mark & (CAPITALS | IN_DICTIONARY) or mark & LETTERS < THREE_LETTERS or not mark & JOINED:
            return False
        following = self.marks[i + 1]
        return (
            bool(following & SURNAME)
            and not following & (UNSURE | CAPITALS)
            and not self.place(i, i + 1)
        )

    def end_of(self, i: int, announced: bool) -> int:
        """How far a name reaches that begins with word ``i``."""
        marks = self.marks
        first = marks[i]
        sure = announced or not first & UNSURE
        last = j = i
        while marks[j] & JOINED and j - i < 5:
            j += 1
            mark = marks[j]
            if mark & INITIAL:
                end = self.ends[j]
                if self.text[end : end + 1] == ".":
                    last = j
                elif not mark & JOINED:
                    break
                continue
            # Between a blank and the next there is no room for one.
            particle = self.starts[j] - self.ends[j - 1] > 2 and bool(
                PARTICLE_AHEAD.match(self.gap(j - 1))
            )
            if mark & ENDS_NAME and not particle:
                break
            if mark & TITLE and not (mark & SURNAME and not mark & JOINED):
                break
            if mark & NOT_PERSON or mark & SELDOM:
                break
            louder = mark & CAPITALS and not first & CAPITALS
            if mark & NAMED:
                if louder and mark & UNSURE:
                    break
                if mark & (WORD | SELDOM) and mark & JOINED and self.headline:
                    break
            elif not sure or louder or mark & IN_DICTIONARY:
                if not (sure and particle):
                    break
            elif j - i > 1 and not particle and self.headline:
                break
            last = j
        return last

    def full_name(self, i: int, last: int) -> bool:
        """Whether a given name and what follows it are one person's."""
        if self.place(i, last):
            return False
        for mark in self.marks[i : last + 1]:
            if mark & NAMED and not mark & UNSURE:
                return True
        first, surname = self.marks[i], self.marks[last]
        if not surname & SURNAME or surname & ANY_NOT_PEOPLE or self.headline:
            return False
        if first & (BRAND | PLACE) and surname & (BRAND | PLACE):
            return False
        # Two everyday words: "Mark Brown" and "Will Smith" beside "Rose Garden" and "Long Beach".
        if surname & FEATURE:
            return False
        return bool(first & OFTEN or (surname & FREQUENT and not first & surname & COMMON))

    def turned_round(self, i: int) -> int:
        """``Roe, Jane``: in a field of its own, or both surely names."""
        if not self.is_near(i, self.ends[i]) or self.gap(i) not in (", ", ","):
            return -1
        following = self.marks[i + 1]
        if not (following & GIVEN and self.marks[i] & SURNAME):
            return -1
        start = self.starts[i]
        before = self.text[max(0, start - 28) : start]
        if FIELD.search(before):
            if not following & UNSURE or STRONG.search(before):
                return self.end_of(i + 1, True)
        elif STRONG.search(before):
            return self.end_of(i + 1, True)
        return -1

    def alone(self, i: int) -> bool:
        """Whether one word that is surely a name stands for a person here."""
        mark = self.marks[i]
        if mark & CAPITALS and (mark & LETTERS < FIVE_LETTERS or not mark & GIVEN):
            return False
        if self.place(i, i):
            return False
        if mark & GIVEN:
            return True
        # A surname alone: not the last word of something else's name.
        if i and self.marks[i - 1] & JOINED:
            previous = self.marks[i - 1]
            if previous & (ENDS_NAME | TITLE):
                return True
            return bool(not previous & NAMED and previous & IN_DICTIONARY and not self.headline)
        return True

    def place(self, i: int, last: int) -> bool:
        """Whether words that read as a name are a place's or a firm's."""
        marks = self.marks
        if i and marks[i - 1] & JOINED and marks[i - 1] & BEFORE_PLACE:
            return True
        end = self.ends[last]
        if self.text.startswith(" & ", end):
            return True
        # A state begins with a capital.
        if i == last and self.is_near(last, end) and STATE_AHEAD.match(self.text, end):
            return True
        if marks[last] & JOINED and marks[last + 1] & ANY_NOT_PEOPLE:
            # "Kelly Clarkson Show" still names her.
            for mark in marks[i + 1 : last + 1]:  # noqa: SIM110
                if mark & SURNAME and not mark & UNSURE:
                    return False
            return True
        return False


def _announced_in_lower_case(text: str) -> Iterator[tuple[int, int]]:
    for match in LOWER_ANNOUNCED.finditer(text):
        start, end = match.span("name")
        first, _, second = match["name"].lower().partition(" ")
        if not bits_of(first) & GIVEN or is_common(first):
            continue
        if not bits_of(second) or second in NO_SURNAME or is_common(second):
            end = start + len(first)
        yield start, end


def _is_free(span: tuple[int, int], found: Sequence[tuple[int, int]]) -> bool:
    return all(span[1] <= start or span[0] >= end for start, end in found)


def find_names(text: str, allow: tuple[str, ...] = ()) -> list[Span]:
    """Spans of canonical text that name a person, from left to right.

    ``allow`` are words and phrases that name nobody here: brands, places, tracked topics.
    """
    cased = MIXED_CASE.search(text)
    text = without_allowed(text, allow)
    lowered = text.lower()
    found: list[tuple[int, int]] = []
    if not cased:
        found += find_caseless(text)
    else:
        found += _Text(text, lowered).names()
    if not text.isascii():
        found += find_uncased(text)
    if "name" in lowered or "call" in lowered or "ask for" in lowered:
        found += [span for span in _announced_in_lower_case(text) if _is_free(span, found)]
    if not found:
        return []
    found.sort()
    return [Span(start, end, "name") for start, end in found]
