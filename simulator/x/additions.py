"""Posts that a test adds to, or takes from, a source while the simulator runs. No HTTP."""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from simulator.clock import iso, parse_ms
from simulator.people import Author
from simulator.x.post import Post, Source, subject_of
from simulator.x.query import Query
from simulator.x.snowflake import created_ms, first_id_at

# What an added post may say; everything else lands in its payload as given.
KNOWN = (
    "id",
    "text",
    "created_at",
    "lang",
    "author_id",
    "username",
    "name",
    "visible_at",
    "deleted_at",
    "edit_history_tweet_ids",
    "referenced_tweets",
)
_KINDS = {"retweeted": "repost", "quoted": "quote", "replied_to": "reply"}


class Additions:
    """A source with posts added and removed. An added post replaces one of the same id."""

    def __init__(self, source: Source, every_query: bool) -> None:
        self._source = source
        self._every_query = every_query
        self._posts: dict[int, Post] = {}
        self._authors: dict[int, Author] = {}
        self.removed: set[int] = set()

    @property
    def added(self) -> int:
        """How many posts were added."""
        return len(self._posts)

    def add(self, raw: Mapping[str, Any]) -> Post:
        """Adds a post; raises ``ValueError`` or ``KeyError`` where it makes no sense.

        Keys: ``text``, and ``created_at`` or ``id``; the rest of ``KNOWN`` and
        any field of X's post object (classic spelling) if wanted. With ``edit_history_tweet_ids``
        it supersedes the earlier versions. It is visible from ``visible_at``, by default at once.
        """
        text = str(raw["text"])
        if "id" in raw:
            post_id = int(raw["id"])
        else:
            low = zlib.crc32(text.encode()) & 0x3FFFFF
            post_id = first_id_at(parse_ms(str(raw["created_at"]))) | low
        chain = tuple(int(one) for one in raw.get("edit_history_tweet_ids", (post_id,)))
        reference = next(iter(raw.get("referenced_tweets", ())), None)
        overrides = {key: value for key, value in raw.items() if key not in KNOWN}
        if reference is not None:
            overrides["referenced_tweets"] = raw["referenced_tweets"]
        if "created_at" in raw:
            overrides["created_at"] = iso(parse_ms(str(raw["created_at"])))
        post = Post(
            id=post_id,
            author=self._author(raw, post_id),
            text=text,
            lang=str(raw.get("lang", "en")),
            kind=_KINDS[reference["type"]] if reference is not None else "post",
            chain=chain,
            visible_ms=parse_ms(str(raw["visible_at"])) if "visible_at" in raw else 0,
            overrides=overrides,
        )
        if reference is not None:
            post.target = self.find(int(reference["id"]))
        if "deleted_at" in raw:
            post.deleted_ms = post.gone_ms = parse_ms(str(raw["deleted_at"]))
        self.removed -= {post_id}
        self.removed |= set(chain) - {post_id}
        self._posts[post_id] = post
        return post

    def change(self, number: int, raw: Mapping[str, Any], now_ms: int) -> Post | None:
        """Edits a post at ``now_ms``: a new version with an id of its own, which it returns.

        ``number`` is the id of any version. Raises ``ValueError`` for anything but a ``text``.
        """
        if set(raw) != {"text"}:
            raise ValueError("only the text can be changed")
        versions = [post for post in self._posts.values() if number in post.chain]
        post = max(versions, key=lambda one: one.id, default=self.find(number))
        if post is None:
            return None
        edited = max(first_id_at(now_ms), post.id + 1)
        overrides = {k: v for k, v in (post.overrides or {}).items() if k != "created_at"}
        self._posts[edited] = Post(
            id=edited,
            author=post.author,
            text=str(raw["text"]),
            lang=post.lang,
            kind=post.kind,
            chain=(*post.chain, edited),
            visible_ms=0,
            target=post.target,
            overrides=overrides,
        )
        self.removed |= set(post.chain)
        return self._posts[edited]

    def _author(self, raw: Mapping[str, Any], post_id: int) -> int:
        handle = str(raw.get("username", f"user{post_id % 10_000}"))
        if "author_id" not in raw and (known := self._source.author_named(handle)) is not None:
            return known.index
        index = -1 - len(self._authors)
        account = str(raw.get("author_id", 5_000_000_000 + post_id % 1_000_000))
        name = str(raw.get("name", handle))
        joined = "2020-01-01T00:00:00.000Z"
        self._authors[index] = Author(
            index, account, handle, name, "", "", False, joined, 100, 100, 1000
        )
        return index

    def remove(self, post_id: int) -> None:
        """Deletes a post of any origin from now on."""
        self.removed.add(post_id)

    def author(self, index: int) -> Author:
        """The author of that index; added ones have negative indices."""
        return self._authors[index] if index < 0 else self._source.author(index)

    def author_named(self, handle: str) -> Author | None:
        """The author of that handle, any case."""
        mine = (a for a in self._authors.values() if a.handle.lower() == handle.lower())
        return next(mine, None) or self._source.author_named(handle)

    def find(self, post_id: int) -> Post | None:
        """The version with this id, searchable or not; a removed one still has its text."""
        return self._posts.get(post_id) or self._source.find(post_id)

    def alive(self, post: Post, now_ms: int) -> bool:
        """Whether a look-up by id finds the version: superseded ones yes, deleted ones no."""
        return now_ms < post.deleted_ms and post.id not in self.removed

    def newest_first(self, high: int, low: int, query: Query, now_ms: int) -> Iterator[Post]:
        """Searchable posts that match, ids from ``high`` down to ``low``, both inclusive."""
        theirs = self._source.newest_first(high, low, query, now_ms)
        if not self._posts and not self.removed:
            return theirs
        mine = [
            post
            for post_id, post in sorted(self._posts.items(), reverse=True)
            if low <= post_id <= high
            and post.searchable(now_ms)
            and created_ms(post_id) <= now_ms
            and (self._every_query or query.matches(subject_of(post, self)))
        ]
        others = (post for post in theirs if post.id not in self._posts)
        merged = heapq.merge(mine, others, key=lambda post: -post.id)
        return (post for post in merged if post.id not in self.removed)
