"""The common post schema that every platform's parser fills, and why a record is refused."""

from __future__ import annotations

import datetime as dt
from typing import Literal, NamedTuple

import pyarrow as pa

Kind = Literal["post", "comment", "reply", "repost"]


class Post(NamedTuple):
    """One observation of a post, platform spellings gone. Holds personal data: memory only."""

    post_id: str
    #: First id of the chain of edits; the post's own id where it was never edited.
    chain_id: str
    author_id: str | None
    conversation_id: str | None
    kind: Kind
    #: Creation of the chain's first version, aware.
    created_at: dt.datetime
    text: str | None
    #: The platform's own guess of the language, ISO 639-1.
    platform_lang: str | None
    #: Handles and display names that the payload gives, the author's included.
    known_names: list[str]
    mention_count: int
    link_domains: list[str]
    like_count: int | None
    reply_count: int | None
    repost_count: int | None
    view_count: int | None
    edited: bool


#: The fields of :class:`Post` in their order: what many are read as, where names would take time.
Row = tuple[
    str, str, str | None, str | None, Kind, dt.datetime, str | None, str | None, list[str], int,
    list[str], int | None, int | None, int | None, int | None, bool,
]  # fmt: skip


class Refused(Exception):
    """A record that cannot become a row. ``reason`` never holds the record's own values."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Refusal(NamedTuple):
    """Where a refused record lies and why; ``line`` counts from 1, 0 is the whole object."""

    object: str
    line: int
    code: str
    reason: str
    source: str
    record_count: int = 1


TIMESTAMP = pa.timestamp("us", tz="UTC")

#: Columns of a parsed batch: the platform, the post's fields, then those of its observation.
POST_SCHEMA = pa.schema(
    [
        pa.field("platform", pa.string(), nullable=False),
        pa.field("post_id", pa.string(), nullable=False),
        pa.field("chain_id", pa.string(), nullable=False),
        pa.field("author_id", pa.string()),
        pa.field("conversation_id", pa.string()),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("created_at", TIMESTAMP, nullable=False),
        pa.field("text", pa.string()),
        pa.field("platform_lang", pa.string()),
        pa.field("known_names", pa.list_(pa.string()), nullable=False),
        pa.field("mention_count", pa.int32(), nullable=False),
        pa.field("link_domains", pa.list_(pa.string()), nullable=False),
        pa.field("like_count", pa.int64()),
        pa.field("reply_count", pa.int64()),
        pa.field("repost_count", pa.int64()),
        pa.field("view_count", pa.int64()),
        pa.field("edited", pa.bool_(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("fetched_at", TIMESTAMP, nullable=False),
        pa.field("object", pa.string(), nullable=False),
        pa.field("line", pa.int64(), nullable=False),
    ]
)
