"""The story's posts: a pure function of (seed, hour), with a cache. No HTTP, no spelling.

Each hour has *originals*, made from the hour's own random numbers, and *reactions* (replies,
reposts, quotes) to originals of the last six hours; so any hour can be made without the ones
before it, and the same seed gives the same posts in any order of asking.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from dataclasses import dataclass

from simulator import people, plot, texts
from simulator.clock import HOUR_MS
from simulator.people import Author, People
from simulator.x.post import Post, subject_of
from simulator.x.query import Query
from simulator.x.snowflake import created_ms, first_id_at

MINUTE_MS = 60_000
ORIGINALS, REPLIES, REPOSTS, QUOTES, SPAM = 0.47, 0.22, 0.21, 0.06, 0.04  # of an hour's posts
EDITED, LATE, DELETED, FOREIGN = 0.03, 0.015, 0.02, 0.30
_REACH_BACK = 6  # hours
_EDIT_WINDOW_HOURS = 1  # an edit within 30 minutes may fall into the next hour
# The last 7 days are 169 hours; queries of tests and sensors seldom number more than a few.
_KEPT_HOURS = 400
_KEPT_MATCHES = 4_000

# (hour of the week, minute, author, text): what the companies themselves say.
# fmt: off
_SCRIPT: tuple[tuple[int, int, int, str], ...] = (
    (11, 0, people.CIRRUS, "Cirrus 2.1 is out: smaller, lighter, greener."),
    (33, 0, people.NIMBUS,
     "Today we launch Nimbus 4: a new mobile app, faster autoscaling & a free tier for students. "
     "Thank you for building with us! ☁️🚀 #NimbusLaunch https://t.co/nimbus4"),
    (33, 30, people.NIMBUS_SUPPORT,
     "Questions about Nimbus 4? We are here all day. #NimbusLaunch"),
    (82, 15, people.STRATUS,
     "Stratus never sleeps. Move your first workload for free. #Stratus"),
    (86, 6, people.NIMBUS_SUPPORT,
     "We are investigating elevated error rates in Nimbus since 14:00 UTC. Updates every 30 "
     "minutes. https://t.co/nimbstatus"),
    (87, 35, people.NIMBUS_SUPPORT,
     "Nimbus: the cause is a faulty network update. We are rolling it back & we are sorry."),
    (89, 4, people.NIMBUS_SUPPORT,
     "Nimbus has recovered as of 17:00 UTC. A full report follows."),
    (105, 0, people.NIMBUS,
     "Yesterday we let you down for three hours. Here is what happened, what we changed, and the "
     "credit that every customer gets. Thank you for your patience. https://t.co/nimbreport"),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class _Hour:
    """The chains (all versions of a post, oldest first) whose first version is of this hour."""

    chains: tuple[tuple[Post, ...], ...]


class Story:
    """Posts of the seed's world, ``posts_per_day`` on the week's average; none at all for 0.

    From hour ``busy_from`` (since the Unix epoch) on there are ``busy`` times as many.
    """

    def __init__(
        self,
        seed: int,
        posts_per_day: int = 4000,
        authors: int = 3000,
        busy: int = 1,
        busy_from: int = 0,
    ) -> None:
        self._seed = seed
        self._busy, self._busy_from = busy, busy_from
        self._weekly = posts_per_day * 7
        self._people = People(seed, authors)
        # Bound caches of this instance: a decorator on the methods would keep it alive for ever.
        self._originals = functools.lru_cache(_KEPT_HOURS)(self._make_originals)
        self._timeline = functools.lru_cache(_KEPT_HOURS)(self._make_timeline)
        self._reactions = functools.lru_cache(_KEPT_HOURS)(self._make_reactions)
        self._matched = functools.lru_cache(_KEPT_MATCHES)(self._match)

    def author(self, index: int) -> Author:
        """The author of that index."""
        return self._people.author(index)

    def author_named(self, handle: str) -> Author | None:
        """The author of that handle, any case."""
        return self._people.named(handle)

    def newest_first(self, high: int, low: int, query: Query, now_ms: int) -> Iterator[Post]:
        """Searchable posts that match, ids from ``high`` down to ``low``, both inclusive."""
        first, last = created_ms(low) // HOUR_MS, min(created_ms(high), now_ms) // HOUR_MS
        for hour in range(last, first - 1, -1):
            for post in self._matched(hour, query):
                if low <= post.id <= high and post.searchable(now_ms):
                    yield post

    def find(self, post_id: int) -> Post | None:
        """The version with this id, searchable or not."""
        hour = created_ms(post_id) // HOUR_MS
        return next((post for post in self.timeline(hour) if post.id == post_id), None)

    def timeline(self, hour: int) -> list[Post]:
        """Every version with an id of that hour (since the Unix epoch), newest first."""
        return self._timeline(hour)

    def _match(self, hour: int, query: Query) -> list[Post]:
        return [post for post in self._timeline(hour) if query.matches(subject_of(post, self))]

    def _make_timeline(self, hour: int) -> list[Post]:
        found = [
            post
            for origin in range(hour - _EDIT_WINDOW_HOURS, hour + 1)
            for chain in (*self._originals(origin).chains, *self._reactions(origin).chains)
            for post in chain
            if post.created_ms // HOUR_MS == hour
        ]
        found.sort(key=lambda post: post.id, reverse=True)
        return found

    def _count(self, rng: random.Random, hour: int, share: float) -> int:
        expected = self._weekly * share * plot.weight(plot.hour_of_week(hour)) / plot.TOTAL
        if hour >= self._busy_from:
            expected *= self._busy
        noisy = expected * rng.uniform(0.93, 1.07)
        return int(noisy) + (rng.random() < noisy % 1)

    def _make_originals(self, hour: int) -> _Hour:
        rng = random.Random(f"{self._seed}/originals/{hour}")
        of_week = plot.hour_of_week(hour)
        moods = plot.moods(of_week)
        chains: list[tuple[Post, ...]] = [
            (_single(rng, hour * HOUR_MS + minute * MINUTE_MS, author, text, "en", "post"),)
            for at, minute, author, text in _SCRIPT
            if at == of_week and self._weekly
        ]
        for _ in range(self._count(rng, hour, ORIGINALS)):
            lang = "en" if rng.random() > FOREIGN else texts.foreign_language(rng)
            text = texts.post(rng, texts.one(rng, moods), lang)
            chains.append(self._chain(rng, hour, self._people.pick(rng.random()), text, lang))
        for _ in range(self._count(rng, hour, SPAM / 5.5)):
            chains += self._campaign(rng, hour)
        return _Hour(tuple(chains))

    def _campaign(self, rng: random.Random, hour: int) -> list[tuple[Post, ...]]:
        """One advertisement, word for word by several accounts within minutes (5.5 on average)."""
        text, start = texts.spam(rng), hour * HOUR_MS + rng.randrange(50 * MINUTE_MS)
        first = rng.randrange(people.SPAMMERS)
        return [
            (
                _single(
                    rng,
                    start + number * 7_000 + rng.randrange(7_000),
                    self._people.spammer(first + number),
                    text,
                    "en",
                    "post",
                ),
            )
            for number in range(rng.randrange(3, 9))
        ]

    def _chain(
        self, rng: random.Random, hour: int, author: int, text: str, lang: str
    ) -> tuple[Post, ...]:
        """An original with its fate: edited, late, deleted, or (mostly) none of these."""
        moment = hour * HOUR_MS + int(rng.random() * HOUR_MS)
        first = _single(rng, moment, author, text, lang, "post")
        chain, dice = [first], rng.random()
        if dice < EDITED:
            edits = 1 + (rng.random() < 0.3) + (rng.random() < 0.1)
            moments = sorted(rng.randrange(1, 30 * MINUTE_MS) for _ in range(edits))
            for later in moments:
                before = chain[-1]
                text = texts.edited(rng, before.text)
                after = _single(rng, first.created_ms + later, author, text, lang, "post")
                if after.id <= before.id:
                    continue
                after.chain = (*before.chain, after.id)
                before.gone_ms = after.created_ms
                chain.append(after)
        elif dice < EDITED + LATE:
            first.visible_ms += rng.randrange(HOUR_MS, 30 * HOUR_MS)
        if rng.random() < DELETED:
            end = first.created_ms + rng.randrange(35 * MINUTE_MS, 20 * HOUR_MS)
            for post in chain:
                post.deleted_ms, post.gone_ms = end, min(end, post.gone_ms)
        return tuple(chain)

    def _make_reactions(self, hour: int) -> _Hour:
        rng = random.Random(f"{self._seed}/reactions/{hour}")
        recent = [self._originals(back).chains for back in range(hour, hour - _REACH_BACK, -1)]
        chains = []
        for kind, share in (("reply", REPLIES), ("repost", REPOSTS), ("quote", QUOTES)):
            for _ in range(self._count(rng, hour, share)):
                moment = hour * HOUR_MS + int(rng.random() * HOUR_MS)
                target = _target(rng, recent, moment)
                if target is not None:
                    chains.append((self._reaction(rng, kind, moment, target),))
        return _Hour(tuple(chains))

    def _reaction(self, rng: random.Random, kind: str, moment: int, target: Post) -> Post:
        author = self._people.pick(rng.random())
        if author == target.author:
            author = self._people.pick(rng.random())
        if kind == "repost":
            post = _single(rng, moment, author, target.text, target.lang, kind)
            # Whoever deletes a post deletes its reposts with it.
            post.deleted_ms = post.gone_ms = target.deleted_ms
        else:
            mood = texts.one(rng, plot.moods(plot.hour_of_week(moment // HOUR_MS)))
            lang = target.lang
            if kind == "quote":
                text = texts.post(rng, mood, lang)
            else:
                if lang == "en" and rng.random() < 0.12:
                    author, mood = people.NIMBUS_SUPPORT, "support"
                answer = texts.reply(rng, mood) if lang == "en" else texts.post(rng, mood, lang)
                text = f"@{self.author(target.author).handle} {answer}"
            post = _single(rng, moment, author, text, lang, kind)
        post.target = target
        return post


def _single(rng: random.Random, moment: int, author: int, text: str, lang: str, kind: str) -> Post:
    post_id = first_id_at(moment) | rng.getrandbits(22)
    return Post(post_id, author, text, lang, kind, (post_id,), moment)


def _target(
    rng: random.Random, recent: list[tuple[tuple[Post, ...], ...]], moment: int
) -> Post | None:
    """The version, at that moment, of an original that could be seen then; ``None`` if unlucky."""
    for _ in range(8):
        # Squared, so that fresh posts draw most reactions; cubed, so that few posts draw many.
        chains = recent[int(rng.random() ** 2 * len(recent))]
        if not chains:
            continue
        chain = chains[int(rng.random() ** 3 * len(chains))]
        seen = [post for post in chain if post.visible_ms <= moment < post.gone_ms]
        if seen and chain[0].created_ms < moment - 15_000:
            return seen[0]
    return None
