"""The story as accounts' posts and people's comments on them, for platforms without a search.

A pure function of (seed, platform, time): any day's posts, and any post's comments, are made
without what came before them. A post's comments are drawn from the post itself, at times that
decay over ten days and swell with the plot: so listing them costs that one thread. What does not
belong here: how a platform spells any of it (its own package), and what is said (``voices.py``).
"""

from __future__ import annotations

import bisect
import functools
import itertools
import math
import random
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator import people, plot, texts, voices
from simulator.clock import DAY_MS, HOUR_MS, iso, parse_ms
from simulator.people import Author, People

NEVER = 1 << 62
MINUTE_MS = 60_000
# Numbers, high to low: 41 bits of Unix milliseconds, 2 of kind, 2 of account, 4 of days since the
# post (of comments), 5 of the post's slot in its day, 9 of chance. So numbers ascend with time,
# and a comment's number leads to its thread.
_LOW_BITS = 22
_POST, _COMMENT, _LOOSE, _ADDED = range(4)
_SLOTS = 32
# Accounts were opened on 2024-01-01: so a listing without a lower bound ends.
BEGAN_DAY = parse_ms("2024-01-01T00:00:00Z") // DAY_MS
REACH_DAYS = 10  # the oldest comments of a post

FOREIGN, REPLIES, ANSWERED, SPAM = 0.30, 0.27, 0.10, 0.02
EDITED, LATE, DELETED, POSTS_EDITED, POSTS_DELETED = 0.03, 0.015, 0.02, 0.04, 0.02

_COMPANY = {"brand": people.NIMBUS, "rival": people.STRATUS}
_PULL = {"brand": 1.3, "rival": 0.7}  # of comments, on the accounts' average
# A month of posts of two accounts, and two days of loose posts.
_KEPT_DAYS, _KEPT_THREADS, _KEPT_HOURS = 200, 400, 72
_HASHTAG = re.compile(r"#(\w+)")


@dataclass(slots=True, eq=False)
class Entry:
    """A post, or a comment on one. Times are Unix milliseconds.

    It can be seen while ``visible_ms <= now < gone_ms`` and what it answers can be seen.
    ``mentions`` holds the indices of the authors whose name (on Instagram: ``@handle``) stands in
    the first version of the text. ``account`` is empty for other people's posts.
    """

    number: int
    author: int
    text: str
    lang: str
    created_ms: int
    visible_ms: int
    gone_ms: int = NEVER
    edits: tuple[tuple[int, str], ...] = ()  # (from when, text), oldest first
    parent: Entry | None = None  # what a comment answers: a post or a comment
    account: str = ""
    mentions: tuple[int, ...] = ()

    @property
    def is_post(self) -> bool:
        """Whether it answers nothing."""
        return self.parent is None

    @property
    def post(self) -> Entry:
        """The post at the top of the thread: itself, for a post."""
        return self if self.parent is None else self.parent.post

    def text_at(self, now_ms: int) -> str:
        """The text as it reads at that time."""
        past = [text for at, text in self.edits if at <= now_ms]
        return past[-1] if past else self.text

    def edited_at(self, now_ms: int) -> int | None:
        """When the text of that time was written, if it is not the first."""
        past = [at for at, _ in self.edits if at <= now_ms]
        return past[-1] if past else None

    def visible(self, now_ms: int) -> bool:
        """Whether it can be seen at that time."""
        if not self.visible_ms <= now_ms < self.gone_ms or self.created_ms > now_ms:
            return False
        return self.parent is None or self.parent.visible(now_ms)


@dataclass(frozen=True, slots=True)
class _Thread:
    """A post's comments and their answers, oldest first, and each one's direct answers."""

    entries: tuple[Entry, ...]
    by_number: Mapping[int, Entry] = field(default_factory=dict)
    answers: Mapping[int, Sequence[Entry]] = field(default_factory=dict)


def _decay(hour: int) -> float:
    """Share of a post's comments in its hour ``hour`` where the plot is even: sums to about 1.

    Six in seven come within a day, one in a hundred after more than a week.
    """
    return 0.85 * math.exp(-hour / 7) / 7.5 + 0.15 * math.exp(-hour / 72) / 69.9


_HOURS = REACH_DAYS * 24
_DECAY = tuple(_decay(hour) for hour in range(_HOURS))


@functools.cache
def _pace(of_week: int) -> tuple[float, ...]:
    """Cumulated weights of the hours after a post of that hour: decay times plot."""
    weights = (
        decay * plot.weight((of_week + hour) % plot.HOURS) for hour, decay in enumerate(_DECAY)
    )
    return tuple(itertools.accumulate(weights))


# Companies post by day and on weekdays, though less strictly than people write; and events move
# the comments, not the posts, or their swell would be squared.
_POSTED = tuple(math.sqrt(plot.calm_weight(hour)) for hour in range(plot.HOURS))


@functools.cache
def _mean_pace() -> float:
    """What a post draws on the week's average."""
    drawn = sum(posted * _pace(hour)[-1] for hour, posted in enumerate(_POSTED))
    return drawn / sum(_POSTED)


class Threads:
    """One platform's accounts in the seed's world.

    ``posts_per_day`` of each account and ``comments_per_day`` of all together are the week's
    average; ``comments_per_day`` holds answers to comments too, and as many loose posts with
    hashtags are made. Numbers from outside are looked up safely: what does not exist is ``None``.
    """

    def __init__(
        self,
        seed: int,
        platform: str,
        accounts: tuple[str, ...] = ("brand", "rival"),
        posts_per_day: float = 6,
        comments_per_day: float = 600,
        authors: int = 2000,
    ) -> None:
        self._name = f"{seed}/{platform}"
        self._voice = voices.VOICES[platform]
        self.accounts = accounts
        self._posts_per_week = posts_per_day * 7
        self._per_week = comments_per_day * 7
        self._people = People(zlib.crc32(self._name.encode()), authors, lower=True)
        self._added: dict[int, Entry] = {}
        self._children: dict[int, list[int]] = {}
        self._strangers: list[Author] = []
        self._changes: dict[int, list[tuple[int, str]]] = {}
        self.removed: set[int] = set()
        # Bound caches of this instance: a decorator on the methods would keep it alive for ever.
        self._day = functools.lru_cache(_KEPT_DAYS)(self._make_day)
        self._thread = functools.lru_cache(_KEPT_THREADS)(self._make_thread)
        self._hour = functools.lru_cache(_KEPT_HOURS)(self._make_hour)

    @property
    def added(self) -> int:
        """How many entries were added."""
        return len(self._added)

    def author(self, index: int) -> Author:
        """The author of that index; those of added entries have negative ones."""
        if index >= 0:
            return self._people.author(index)
        return self._strangers[-1 - index]

    def company(self, account: str) -> Author:
        """The author that an account posts and answers as."""
        return self._people.author(_COMPANY[account])

    def posts(self, account: str, newest_ms: int, oldest_ms: int, now_ms: int) -> Iterator[Entry]:
        """What stands on the account's page, newest first, created in [oldest, newest].

        On Facebook that includes what others wrote there (``entry.author`` tells).
        """
        where = self.accounts.index(account)
        newest_ms = min(newest_ms, now_ms)
        mine = [e for e in self._added.values() if e.is_post and e.account == account]
        first = max(oldest_ms // DAY_MS, BEGAN_DAY)
        for day in range(newest_ms // DAY_MS, first - 1, -1):
            found = [*self._day(where, day), *(e for e in mine if e.created_ms // DAY_MS == day)]
            for entry in sorted(found, key=lambda e: e.number, reverse=True):
                if oldest_ms <= entry.created_ms <= newest_ms and entry.visible(now_ms):
                    yield entry

    def comments(self, entry: Entry, now_ms: int) -> list[Entry]:
        """The direct answers to a post or a comment, oldest first."""
        told = self._told_under(entry.post).answers.get(entry.number, ())
        added = (self._added[number] for number in self._children.get(entry.number, ()))
        found = [one for one in (*told, *added) if one.visible(now_ms)]
        return sorted(found, key=lambda e: e.number)

    def stream(self, post: Entry, now_ms: int) -> list[Entry]:
        """All comments of a post with the answers to them, oldest first."""
        added = (e for e in self._added.values() if not e.is_post)
        mine = (e for e in added if e.post.number == post.number)
        found = [e for e in (*self._told_under(post).entries, *mine) if e.visible(now_ms)]
        return sorted(found, key=lambda e: e.number)

    def tagged(self, hashtag: str, newest_ms: int, oldest_ms: int, now_ms: int) -> Iterator[Entry]:
        """Other people's posts whose text has the hashtag (no ``#``, any case), newest first."""
        wanted, newest_ms = hashtag.lower(), min(newest_ms, now_ms)
        mine = [e for e in self._added.values() if e.is_post and not e.account]
        first = max(oldest_ms // HOUR_MS, BEGAN_DAY * 24)
        for hour in range(newest_ms // HOUR_MS, first - 1, -1):
            found = [*self._hour(hour), *(e for e in mine if e.created_ms // HOUR_MS == hour)]
            for entry in sorted(found, key=lambda e: e.number, reverse=True):
                if not oldest_ms <= entry.created_ms <= newest_ms or not entry.visible(now_ms):
                    continue
                if wanted in map(str.lower, _HASHTAG.findall(entry.text_at(now_ms))):
                    yield entry

    def find(self, number: int) -> Entry | None:
        """The entry of that number, seen or not."""
        if number in self._added:
            return self._added[number]
        created, low = number >> _LOW_BITS, number & ((1 << _LOW_BITS) - 1)
        kind, where = low >> 20, low >> 18 & 3
        if not 0 < number < 1 << 63 or where >= len(self.accounts):
            return None
        found: Sequence[Entry] = ()
        if kind == _POST:
            found = self._day(where, created // DAY_MS)
        elif kind == _COMMENT:
            day, slot = created // DAY_MS - (low >> 14 & 15), low >> 9 & 31
            posts = self._day(where, day)
            if slot < len(posts):
                return self._thread(where, day, slot).by_number.get(number)
        elif kind == _LOOSE:
            found = self._hour(created // HOUR_MS)
        return next((entry for entry in found if entry.number == number), None)

    def likes(self, entry: Entry, now_ms: int) -> int:
        """Grows with age towards a heavy-tailed total."""
        dice = (entry.number * 2_654_435_761 % (1 << 32)) / (1 << 32)
        total = (30 if entry.is_post else 3) * ((1 - dice) ** -0.8 - 0.8)
        return int(total * (1 - math.exp(-max(0, now_ms - entry.created_ms) / (9 * HOUR_MS))))

    # What a test steers.

    def add(self, raw: Mapping[str, Any]) -> Entry:
        """Adds a post or a comment; raises ``ValueError`` or ``KeyError`` where it makes no sense.

        Keys: ``text``, ``created_at``; if wanted ``account`` (default: the first; ``null``
        for other people's posts, which only hashtags find), ``parent`` (number of what it
        answers), ``author`` (a name; default: the company for posts, somebody for comments),
        ``visible_at``, ``deleted_at``, ``lang``.
        """
        wrong = set(raw) - _KEYS
        if wrong:
            raise ValueError(f"{', '.join(sorted(wrong))}: not one of {', '.join(sorted(_KEYS))}")
        parent = None
        if raw.get("parent") is not None:
            parent = self.find(int(raw["parent"]))
            if parent is None:
                raise ValueError(f"parent {raw['parent']}: there is no such entry")
        account = raw.get("account", self.accounts[0]) if parent is None else parent.account
        if account is not None and account not in (*self.accounts, ""):
            raise ValueError(f"account {account!r} is not one of {', '.join(self.accounts)}")
        created = parse_ms(str(raw["created_at"]))
        if not BEGAN_DAY * DAY_MS <= created < 1 << 41:
            raise ValueError("created_at lies before 2024 or after 2039")
        number = created << _LOW_BITS | _ADDED << 20
        while number in self._added:
            number += 1
        if "author" in raw or not account or parent is not None:
            author = self._stranger(str(raw.get("author", f"Robin Example {len(self._added)}")))
        else:
            author = _COMPANY[account]
        entry = Entry(
            number,
            author,
            str(raw["text"]),
            str(raw.get("lang", "en")),
            created,
            parse_ms(str(raw["visible_at"])) if "visible_at" in raw else created,
            parse_ms(str(raw["deleted_at"])) if "deleted_at" in raw else NEVER,
            parent=parent,
            account=account or "",
        )
        self._added[number] = entry
        if parent is not None:
            self._children.setdefault(parent.number, []).append(number)
        return entry

    def change(self, number: int, raw: Mapping[str, Any], now_ms: int) -> Entry | None:
        """Edits a text at ``now_ms``; ``None`` where there is no such entry.

        Raises ``KeyError`` or ``ValueError`` for anything but a ``text``.
        """
        if set(raw) != {"text"}:
            raise ValueError("only the text can be changed")
        if self.find(number) is None:
            return None
        self._changes.setdefault(number, []).append((now_ms, str(raw["text"])))
        self._retell()
        return self.find(number)

    def remove(self, number: int) -> Entry | None:
        """Deletes an entry from now on, with what answers it; returns it."""
        self.removed.add(number)
        self._retell()
        return self.find(number)

    def _retell(self) -> None:
        """Lets changes show, in the added entries too."""
        for cache in (self._day, self._thread, self._hour):
            cache.cache_clear()
        for entry in self._added.values():
            if entry.parent is not None:
                entry.parent = self.find(entry.parent.number)
            self._steered(entry)

    def _steered(self, entry: Entry) -> Entry:
        """The entry as tests left it."""
        if entry.number in self._changes:
            told = (one for one in entry.edits if one not in self._changes[entry.number])
            entry.edits = tuple(sorted((*told, *self._changes[entry.number])))
        if entry.number in self.removed:
            entry.gone_ms = 0
        return entry

    def _stranger(self, name: str) -> int:
        known = next((one for one in self._strangers if one.name == name), None)
        if known is None:
            index = -1 - len(self._strangers)
            handle = "".join(c for c in name.lower() if c.isascii() and c.isalnum())[:12]
            account = str(5_000_000_000 - index)
            known = Author(
                index, account, f"{handle}{-index}", name, "", "", False, iso(0), 100, 100, 10
            )
            self._strangers.append(known)
        return known.index

    # The story.

    def _make_day(self, where: int, day: int) -> tuple[Entry, ...]:
        """The account's posts of a day (since the Unix epoch), oldest first."""
        if day < BEGAN_DAY or not self._posts_per_week:
            return ()
        account = self.accounts[where]
        rng = random.Random(f"{self._name}/posts/{account}/{day}")
        start = plot.hour_of_week(day * 24)
        weights = list(itertools.accumulate(_POSTED[start : start + 24]))
        expected = self._posts_per_week * weights[-1] / sum(_POSTED)
        count = min(int(expected) + (rng.random() < expected % 1), _SLOTS)
        moments = {
            day * DAY_MS + (hour - start) * HOUR_MS + minute * MINUTE_MS: sentence
            for hour, minute, sentence in voices.ANNOUNCED[account]
            if 0 <= hour - start < 24
        }
        while len(moments) < count:
            hour = bisect.bisect_right(weights, rng.random() * weights[-1])
            moments[(day * 24 + hour) * HOUR_MS + int(rng.random() * HOUR_MS)] = ""
        return tuple(
            self._make_post(rng, where, moment, slot, first)
            for slot, (moment, first) in enumerate(sorted(moments.items()))
        )

    def _make_post(
        self, rng: random.Random, where: int, moment: int, slot: int, first: str
    ) -> Entry:
        account = self.accounts[where]
        of_week = plot.hour_of_week(moment // HOUR_MS)
        if not first and rng.random() < self._voice.visitors:
            author, lang = self._people.pick(rng.random()), _language(rng)
            text = self._voice.post(rng, texts.one(rng, plot.moods(of_week)), lang)
        else:
            author, lang = _COMPANY[account], "en"
            text = self._voice.company(rng, plot.phase(of_week), account == "brand", first)
        number = _number(rng, moment, _POST, where, 0, slot)
        entry = Entry(number, author, _linked(text), lang, moment, moment, account=account)
        self._fate(rng, entry, POSTS_EDITED, 0, POSTS_DELETED)
        return self._steered(entry)

    def _told_under(self, post: Entry) -> _Thread:
        """The story's comments of a post; loose and added posts have none of the story's."""
        low = post.number & ((1 << _LOW_BITS) - 1)
        if low >> 20 != _POST:
            return _Thread(())
        return self._thread(low >> 18 & 3, post.created_ms // DAY_MS, low >> 9 & 31)

    def _make_thread(self, where: int, day: int, slot: int) -> _Thread:
        post = self._day(where, day)[slot]
        rng = random.Random(f"{self._name}/comments/{post.number}")
        pace = _pace(plot.hour_of_week(post.created_ms // HOUR_MS))
        share = self._per_week / (self._posts_per_week * len(self.accounts))
        expected = share * _PULL[post.account] * pace[-1] / _mean_pace()
        # Few posts draw many comments: a heavy tail, of mean 1.
        expected *= min(rng.paretovariate(3) / 1.5, 5.0)
        moments: set[int] = set()
        for _ in range(int(expected) + (rng.random() < expected % 1)):
            hour = bisect.bisect_right(pace, rng.random() * pace[-1])
            moments.add(post.created_ms + 20_000 + int((hour + rng.random()) * HOUR_MS))
        told: list[Entry] = []
        for moment in sorted(moments):
            days = moment // DAY_MS - day
            number = _number(rng, moment, _COMMENT, where, days, slot)
            told.append(self._make_comment(rng, post, told, moment, number))
        answers: dict[int, list[Entry]] = {}
        for entry in told:
            # Only now: what a test removed must not change what others say.
            self._steered(entry)
            if entry.parent is not None:
                answers.setdefault(entry.parent.number, []).append(entry)
        return _Thread(tuple(told), {entry.number: entry for entry in told}, answers)

    def _make_comment(
        self, rng: random.Random, post: Entry, told: Sequence[Entry], moment: int, number: int
    ) -> Entry:
        parent = post
        if told and rng.random() < REPLIES:
            # Squared, so that most answer what was said last.
            chosen = told[-1 - int(rng.random() ** 2 * min(len(told), 40))]
            chosen = chosen.parent if chosen.parent not in (None, post) else chosen
            if chosen is not None and chosen.visible_ms <= moment < chosen.gone_ms:
                parent = chosen
        of_week = plot.hour_of_week(moment // HOUR_MS)
        mood = texts.one(rng, plot.moods(of_week))
        author, lang = self._people.pick(rng.random()), _language(rng)
        friend: int | None = None
        if post.account == "rival" and mood not in ("anger", "chatter") and rng.random() < 0.5:
            mood = "rival"
        if parent is not post:
            lang = parent.lang
            if lang == "en" and rng.random() < ANSWERED / REPLIES:
                author, mood = _COMPANY[post.account], "support"
            if rng.random() < 0.5 or mood == "support":
                friend = parent.author
        elif rng.random() < self._voice.friends:
            friend = self._people.pick(rng.random())
        if friend == author:
            friend = None
        if mood != "support" and rng.random() < SPAM:
            author, lang, friend = self._people.spammer(int(rng.random() * 40)), "en", None
            text = texts.spam(rng)
        else:
            name = None if friend is None else self._voice.naming(self.author(friend))
            text = self._voice.comment(rng, mood, lang, name)
        entry = Entry(number, author, _linked(text), lang, moment, moment, parent=parent)
        entry.account = post.account
        entry.mentions = () if friend is None else (friend,)
        self._fate(rng, entry, EDITED, LATE, DELETED)
        return entry

    def _make_hour(self, hour: int) -> tuple[Entry, ...]:
        """Other people's posts of an hour (since the Unix epoch), oldest first."""
        rng = random.Random(f"{self._name}/loose/{hour}")
        of_week = plot.hour_of_week(hour)
        expected = self._per_week * plot.weight(of_week) / plot.TOTAL
        count = int(expected) + (rng.random() < expected % 1)
        moments = {hour * HOUR_MS + int(rng.random() * HOUR_MS) for _ in range(count)}
        made = []
        for moment in sorted(moments):
            lang = _language(rng)
            text = self._voice.post(rng, texts.one(rng, plot.moods(of_week)), lang)
            number = _number(rng, moment, _LOOSE, 0, 0, 0)
            author = self._people.pick(rng.random())
            entry = Entry(number, author, _linked(text), lang, moment, moment)
            self._fate(rng, entry, EDITED, 0, DELETED)
            made.append(self._steered(entry))
        return tuple(made)

    def _fate(
        self, rng: random.Random, entry: Entry, edited: float, late: float, deleted: float
    ) -> None:
        """Edited, late, deleted, or (mostly) none of these."""
        dice = rng.random()
        if dice < edited:
            # Most slips are mended within minutes, a few days later.
            at, text = entry.created_ms, entry.text
            for _ in range(1 + (rng.random() < 0.2)):
                at += MINUTE_MS + int(rng.random() ** 4 * 48 * HOUR_MS)
                text = texts.edited(rng, text)
                entry.edits += ((at, text),)
        elif dice < edited + late:
            entry.visible_ms += int(HOUR_MS * (1 + 29 * rng.random()))
        if rng.random() < deleted:
            entry.gone_ms = entry.created_ms + int(HOUR_MS * (0.6 + 60 * rng.random() ** 2))


_KEYS = {
    "text", "created_at", "account", "parent", "author", "visible_at", "deleted_at", "lang",
}  # fmt: skip


def _language(rng: random.Random) -> str:
    return "en" if rng.random() > FOREIGN else texts.foreign_language(rng)


def _linked(text: str) -> str:
    """With links that are not X's: only X shortens to t.co."""
    return text.replace("https://t.co/", "https://blog.example.org/")


def _number(rng: random.Random, moment: int, kind: int, where: int, days: int, slot: int) -> int:
    low = kind << 20 | where << 18 | days << 14 | slot << 9 | rng.getrandbits(9)
    return moment << _LOW_BITS | low
