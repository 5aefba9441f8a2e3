"""One version of one post, and what a source of posts must answer. No API spelling, no text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from simulator.people import Author
from simulator.x.query import Query, Subject
from simulator.x.snowflake import created_ms

NEVER = 1 << 62


@dataclass(slots=True, eq=False)
class Post:
    """A version of a post: an edit is a further ``Post`` with a longer ``chain``.

    ``chain`` holds the ids of all versions up to and with this one, oldest first. Searches see it
    while ``visible_ms <= now < gone_ms`` (Unix ms): late posts turn visible after their creation;
    deleted and superseded ones go. ``deleted_ms`` is when the whole chain ceases to exist.
    """

    id: int
    author: int
    text: str
    lang: str
    kind: str  # post | reply | repost | quote
    chain: tuple[int, ...]
    visible_ms: int
    gone_ms: int = NEVER
    deleted_ms: int = NEVER
    target: Post | None = None
    overrides: dict[str, object] | None = None  # fields of the payload, classic spelling

    @property
    def number(self) -> int:
        """The id."""
        return self.id

    @property
    def created_ms(self) -> int:
        """Unix milliseconds, from the id."""
        return created_ms(self.id)

    @property
    def conversation_id(self) -> int:
        """First id of the post that a reply answers, or of this post's own chain."""
        if self.kind == "reply" and self.target is not None:
            return self.target.conversation_id
        return self.chain[0]

    def searchable(self, now_ms: int) -> bool:
        """Whether a search at ``now_ms`` may return this version."""
        return self.visible_ms <= now_ms < self.gone_ms

    @property
    def has_photo(self) -> bool:
        """Whether a picture is attached: one original in eleven."""
        return self.kind == "post" and self.id % 11 == 0


class Source(Protocol):
    """Where posts come from: the story or a corpus."""

    def newest_first(self, high: int, low: int, query: Query, now_ms: int) -> Iterator[Post]:
        """Searchable posts that match, ids from ``high`` down to ``low``, both inclusive."""

    def find(self, post_id: int) -> Post | None:
        """The version with this id, searchable or not."""

    def author(self, index: int) -> Author:
        """The author of that index."""

    def author_named(self, handle: str) -> Author | None:
        """The author of that handle, any case."""


def full_text(post: Post, source: Source) -> str:
    """The text as people read it: untruncated, without HTML escapes; reposts with their RT."""
    if post.kind == "repost" and post.target is not None:
        return f"RT @{source.author(post.target.author).handle}: {post.text}"
    return post.text


def subject_of(post: Post, source: Source) -> Subject:
    """What a search query can ask of the post."""
    author = source.author(post.author)
    target = source.author(post.target.author).handle if post.target is not None else None
    return Subject(
        text=full_text(post, source),
        handle=author.handle,
        kind=post.kind,
        lang=post.lang,
        conversation_id=post.conversation_id,
        replies_to=target if post.kind == "reply" else None,
        reposts_of=target if post.kind == "repost" else None,
        verified=author.verified,
        media=post.has_photo,
    )
