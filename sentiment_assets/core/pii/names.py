"""Names of people that a text gives away: by a lexicon of names and by what stands around a word.

What belongs here: the rules that decide which capitalised words are somebody, one text at a time.
Names that came with the post are ``known_names``'; which texts of a column are worth a look is
``names_suspected``'; the words themselves are the ``lexicon``'s, titles and announcements
``names_context``'s.

The rules, in short: a given name with what follows it; a word behind a title (``Dr Okeke``), behind
an initial (``T. Nkosi``) or behind words that announce a name (``my name is``, ``dear``); a name
alone where it is nothing else. Names that are words, too (Grace, Hope, May), need a neighbour: they
move the sentiment of a text, masked or not.
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
    bits_of,
    is_common,
    is_formed,
    is_word,
    read_words,
)
from sentiment_assets.core.pii.names_caseless import find_caseless, find_uncased
from sentiment_assets.core.pii.names_context import (
    ANNOUNCERS,
    ANNOUNCING,
    BEFORE_PLACES,
    CALLED,
    DEGREE_AHEAD,
    FEATURES,
    FIELD,
    GREETED,
    IN_LISTS,
    JOIN,
    LISTED,
    LONG_WORD,
    LOWER_ANNOUNCED,
    MIXED_CASE,
    NO_SURNAME,
    NOT_PEOPLE,
    PARTICLE_AHEAD,
    PEOPLE_TOO,
    ROLES,
    ROLES_AND_TITLES,
    SIGNED,
    STATE_AHEAD,
    STRONG,
    TITLES,
    WEAK,
)
from sentiment_assets.core.pii.rule import Span


class NameFinder(Protocol):
    """A model that reads names out of texts; the rules here need none."""

    @property
    def name(self) -> str:
        """What the recipe of silver says of it: the model and its version."""

    def find(self, texts: Sequence[str]) -> Sequence[Sequence[tuple[int, int]]]:
        """Half-open ranges of characters that name a person, for each text."""


class _Text:
    """The capitalised words of a text, and what of them names somebody."""

    def __init__(self, text: str, lowered: str) -> None:
        self.text = text
        #: Asked once a text, so that words in no list cost nothing where nothing announces them.
        self.announces = not ANNOUNCING.isdisjoint(lowered.split())
        self._headline: bool | None = None
        self.words = read_words(text, capitalised=True)

    @property
    def headline(self) -> bool:
        """Every word is capitalised: there a capital says little."""
        if self._headline is None:
            capitalised = sum(len(word.key) > 3 for word in self.words)
            everything = len(LONG_WORD.findall(self.text))
            self._headline = everything > 5 and capitalised > 0.7 * everything
        return self._headline

    def joined(self, i: int) -> bool:
        """Whether word ``i`` goes on in the next."""
        if i + 1 >= len(self.words):
            return False
        gap = self.text[self.words[i].end : self.words[i + 1].start]
        if gap == " ":
            return True
        if not JOIN.match(gap):
            return False
        # A dot ends a sentence, unless the word is an initial or a title.
        word = self.words[i]
        return "." not in gap or word.is_initial or word.key in TITLES or word.key in CALLED

    def names(self) -> Iterator[tuple[int, int]]:
        """Half-open ranges of characters."""
        found: list[tuple[int, int]] = []
        free = 0
        for i, word in enumerate(self.words):
            # Most words are in no list, and then only what stands around them can say anything.
            if i < free or not (word.tells or self.announces or self.leads(i)):
                continue
            last = self.name_at(i)
            if last is not None:
                found.append((i, last))
                free = last + 1
        for first, last in self.with_company(found):
            end = self.words[last].end
            if self.words[last].is_initial and self.text[end : end + 1] == ".":
                end += 1
            degree = DEGREE_AHEAD.match(self.text, end)
            yield self.words[first].start, degree.end() if degree else end

    def leads(self, i: int) -> bool:
        """Whether word ``i`` is followed by a surname, or the like."""
        if i + 1 >= len(self.words):
            return False
        following = self.words[i + 1]
        return bool(following.bits & SURNAME) or (
            not following.bits and (is_formed(self.words[i].key) or is_formed(following.key))
        )

    def with_company(self, found: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """What stands in one list with a name (``Ann, Hope and Mark``) is another."""
        if not found or not IN_LISTS.search(self.text):
            return found
        taken = {i for first, last in found for i in range(first, last + 1)}
        for step in (1, -1):
            todo = [last if step > 0 else first for first, last in found]
            while todo:
                j = todo.pop() + step
                if not 0 <= j < len(self.words) or j in taken:
                    continue
                left, right = (j - 1, j) if step > 0 else (j, j + 1)
                gap = self.text[self.words[left].end : self.words[right].start]
                word = self.words[j]
                if (
                    LISTED.fullmatch(gap)
                    and word.bits
                    and not word.bits & (SELDOM | PLACE | BRAND)
                    and word.key not in NO_SURNAME
                    and not self.place(j, j)
                    and not self.joined(j)
                    and not (j and self.joined(j - 1) and (j - 1) not in taken)
                    and not self.headline
                ):
                    taken.add(j)
                    found.append((j, j))
                    todo.append(j)
        return sorted(found)

    def name_at(self, i: int) -> int | None:
        """The last word of the name that begins with word ``i``; None where none begins."""
        word = self.words[i]
        if not word.bits and len(word.key) > 1 and word.key not in ROLES_AND_TITLES:
            return self.unknown_at(i)
        if word.key in NO_SURNAME:
            return None
        if word.key in ROLES_AND_TITLES:
            # "Princess Royal" is nobody's given name.
            return self.titled(i)
        if word.key in BEFORE_PLACES and not word.bits & OFTEN:
            return None
        if len(word.key) == 1:
            return self.after_initials(i)
        if word.bits & SELDOM:
            return None
        if word.bits & SURNAME:
            turned = self.turned_round(i)
            if turned is not None:
                return turned
        if self.announces:
            before = self.announcement(i)
            if before and STRONG.search(before) and not self.place(i, i):
                return self.end_of(i, announced=True)
        sure = not word.bits & UNSURE
        if word.bits & GIVEN:
            last = self.end_of(i, announced=False)
            if last > i and self.full_name(i, last):
                return last
        elif sure and self.joined(i):
            following = self.words[i + 1]
            if following.bits & GIVEN and not following.bits & UNSURE:
                # Family name first.
                return self.end_of(i + 1, announced=False)
        if sure:
            return i if self.alone(i) else None
        if word.bits & GIVEN and not word.capitals and self.spoken_to(i):
            return self.end_of(i, announced=False)
        return None

    def announcement(self, i: int) -> str:
        """What stands before word ``i``, where it may announce a name; empty where it doesn't."""
        start = self.words[i].start
        end = start - 1
        if end > 0 and self.text[end] in "\"'":
            end -= 1
        while end > 0 and self.text[end - 1] == " ":
            end -= 1
        spoken = self.text[max(0, end - 14) : end].split()[-1:]
        if not spoken or spoken[0] not in ANNOUNCERS:
            return ""
        return self.text[max(0, start - 28) : start]

    def unknown_at(self, i: int) -> int | None:
        """A word that is in no list of names, but announced, or before a sure surname."""
        word = self.words[i]
        before = self.announcement(i) if self.announces else ""
        if before and word.key not in NO_SURNAME and not is_word(word.key):
            if STRONG.search(before) and not self.place(i, i):
                return self.end_of(i, announced=True)
            if GREETED.search(before) and self.text[word.end : word.end + 1] in (",", "!"):
                return i
        if i + 1 < len(self.words):
            following = self.words[i + 1]
            if following.bits & SURNAME and self.unknown_given(i):
                return self.end_of(i + 1, announced=False)
            if not following.bits and self.formed(i):
                return i + 1
        return None

    def formed(self, i: int) -> bool:
        """Whether two words that nobody knows are made like a name, mid-sentence or not."""
        pair = self.words[i : i + 2]
        return (
            any(is_formed(word.key) for word in pair)
            and all(len(w.key) > 2 and not w.capitals and not is_word(w.key) for w in pair)
            and self.joined(i)
            and not self.headline
            and not self.place(i, i + 1)
        )

    def spoken_to(self, i: int) -> bool:
        """Whether a given name that is a word, too, is addressed, quoted or signed with."""
        word = self.words[i]
        if word.bits & (PLACE | BRAND) or word.key in FEATURES:
            return False
        if self.sentence_goes_on(i) or self.place(i, i):
            return False
        before = self.announcement(i)
        if before and WEAK.search(before):
            return True
        return bool(SIGNED.search(self.text[max(0, word.start - 4) : word.start]))

    def titled(self, i: int) -> int | None:
        """The last word of a name behind a title, or behind several (``Prof Dr Okeke``)."""
        while self.joined(i) and self.words[i + 1].key in TITLES:
            i += 1
        word = self.words[i]
        if not self.joined(i):
            return None
        following = self.words[i + 1]
        if following.key in NO_SURNAME or following.key in CALLED:
            return None
        surely = word.key in TITLES
        if following.is_initial:
            return self.after_initials(i + 1) or (i + 1 if surely else None)
        known = following.bits and (surely or not following.bits & UNSURE or self.given_to(i))
        unknown = (
            not following.bits
            and not is_common(following.key)
            and (surely or not is_word(following.key))
        )
        if not (known or (unknown and (surely or not following.capitals))):
            return None
        if not surely and self.headline and not following.bits:
            return None
        return self.end_of(i + 1, announced=surely)

    def given_to(self, i: int) -> bool:
        """Whether a role stands before a given name that is also a word: Customer Chase."""
        following = self.words[i + 1].bits
        role = self.words[i].key in ROLES and not self.headline
        return bool(role and following & GIVEN and not following & SELDOM)

    def after_initials(self, i: int) -> int | None:
        """``J. Roe``, ``J.R. Roe``: a surname behind dotted initials."""
        j = i
        while self.words[j].is_initial and self.joined(j):
            if (
                self.text[self.words[j].end : self.words[j].end + 1] != "."
                and not self.words[j + 1].bits & SURNAME
            ):
                return None
            j += 1
        word = self.words[j]
        if word.is_initial or j == i or word.key in NO_SURNAME or word.bits & SELDOM:
            return None
        dotted = self.text[self.words[j - 1].end] == "."
        if (
            (word.bits and not word.bits & UNSURE)
            or (dotted and word.bits and not self.headline)
            or (dotted and not word.capitals and not is_word(word.key))
        ):
            return None if self.place(i, j) else j
        return None

    def unknown_given(self, i: int) -> bool:
        """A word that nobody knows before a word that is surely a surname."""
        word = self.words[i]
        if word.capitals or is_word(word.key) or len(word.key) < 3 or not self.joined(i):
            return False
        following = self.words[i + 1]
        return bool(
            following.bits & SURNAME
            and not following.bits & UNSURE
            and not following.capitals
            and not self.place(i, i + 1)
        )

    def end_of(self, i: int, announced: bool) -> int:
        """How far a name reaches that begins with word ``i``."""
        sure = announced or not self.words[i].bits & UNSURE
        last = j = i
        while self.joined(j) and j - i < 5:
            j += 1
            word = self.words[j]
            if word.is_initial:
                if self.text[word.end : word.end + 1] == ".":
                    last = j
                elif not self.joined(j):
                    break
                continue
            gap = self.text[self.words[j - 1].end : word.start]
            particle = PARTICLE_AHEAD.match(gap)
            if word.key in NO_SURNAME and not particle:
                break
            if word.key in TITLES and not (word.bits & SURNAME and not self.joined(j)):
                break
            if word.key in NOT_PEOPLE and word.key not in PEOPLE_TOO:
                break
            if word.bits & SELDOM:
                break
            if word.bits:
                if word.capitals > self.words[i].capitals and word.bits & UNSURE:
                    break
                if self.headline and word.bits & (WORD | SELDOM) and self.joined(j):
                    break
            elif not (sure and not is_word(word.key) and word.capitals <= self.words[i].capitals):
                if not (sure and particle):
                    break
            elif self.headline and j - i > 1 and not particle:
                break
            last = j
        return last

    def full_name(self, i: int, last: int) -> bool:
        """Whether a given name and what follows it are one person's."""
        if self.place(i, last):
            return False
        words = self.words[i : last + 1]
        if any(word.bits and not word.bits & UNSURE for word in words):
            return True
        surname = words[-1]
        if self.headline or not surname.bits & SURNAME or surname.key in NOT_PEOPLE:
            return False
        if words[0].bits & (BRAND | PLACE) and surname.bits & (BRAND | PLACE):
            return False
        # Two everyday words: "Mark Brown" and "Will Smith" beside "Rose Garden" and "Long Beach".
        if surname.key in FEATURES:
            return False
        both_common = is_common(words[0].key) and is_common(surname.key)
        return bool(words[0].bits & OFTEN or (surname.bits & FREQUENT and not both_common))

    def turned_round(self, i: int) -> int | None:
        """``Roe, Jane``: in a field of its own, or both surely names."""
        word = self.words[i]
        if i + 1 >= len(self.words) or self.text[word.end : self.words[i + 1].start] not in (
            ", ",
            ",",
        ):
            return None
        following = self.words[i + 1]
        if not (following.bits & GIVEN and word.bits & SURNAME):
            return None
        before = self.text[max(0, word.start - 28) : word.start]
        if FIELD.search(before) or STRONG.search(before):
            if following.bits & UNSURE and not STRONG.search(before):
                return None
            return self.end_of(i + 1, announced=True)
        return None

    def alone(self, i: int) -> bool:
        """Whether one word that is surely a name stands for a person here."""
        word = self.words[i]
        if word.capitals and (len(word.key) < 5 or not word.bits & GIVEN):
            return False
        if self.place(i, i):
            return False
        if word.bits & GIVEN:
            return True
        # A surname alone: not the last word of something else's name.
        if i and self.joined(i - 1):
            previous = self.words[i - 1]
            if previous.key in NO_SURNAME or previous.key in TITLES:
                return True
            return not (previous.bits or self.headline or not is_word(previous.key))
        return True

    def place(self, i: int, last: int) -> bool:
        """Whether words that read as a name are a place's or a firm's."""
        if i and self.joined(i - 1) and self.words[i - 1].key in BEFORE_PLACES:
            return True
        end = self.words[last].end
        if self.text[end : end + 3] == " & ":
            return True
        if i == last and STATE_AHEAD.match(self.text, end):
            return True
        if self.joined(last) and self.words[last + 1].key in NOT_PEOPLE:
            # "Kelly Clarkson Show" still names her.
            return not any(
                w.bits & SURNAME and not w.bits & UNSURE for w in self.words[i + 1 : last + 1]
            )
        return False

    def sentence_goes_on(self, i: int) -> bool:
        """Whether a word that is also an everyday one is part of a capitalised phrase."""
        return self.joined(i) and not self.words[i + 1].bits


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


def find_names(text: str, allow: tuple[str, ...] = ()) -> Iterator[Span]:
    """Spans of canonical text that name a person.

    ``allow`` are words and phrases that name nobody here: brands, places, tracked topics.
    """
    cased = MIXED_CASE.search(text)
    text = without_allowed(text, allow)
    lowered = text.lower()
    found: list[tuple[int, int]] = []
    if not cased:
        found += find_caseless(text)
    else:
        said = _Text(text, lowered)
        found += said.names()
    if not text.isascii():
        found += find_uncased(text)
    if "name" in lowered or "call" in lowered or "ask for" in lowered:
        found += [span for span in _announced_in_lower_case(text) if _is_free(span, found)]
    for start, end in sorted(found):
        yield Span(start, end, "name")
