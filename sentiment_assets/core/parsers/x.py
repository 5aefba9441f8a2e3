"""X API v2 posts, as recent search and the filtered stream give them.

Fields: https://docs.x.com/x-api/fundamentals/data-dictionary (read 2026-11-23). Since August 2026
the specification also spells ``post`` for ``tweet`` and ``repost`` for ``retweet``; both are read.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from sentiment_assets.core.parsers.fields import Fields
from sentiment_assets.core.parsers.posts import Kind, Post, Refused, Row
from sentiment_assets.core.parsers.single import parse_single

# https://docs.x.com/fundamentals/x-ids: milliseconds since this instant stand above bit 22.
SNOWFLAKE_EPOCH_MS = 1_288_834_974_657

# Without the user before it, the port and whatever follows, which may name people.
_HOST = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#\\]*@)?([^/?#\\:@\s]+)")

_UTC = dt.timezone.utc
_Instant = Annotated[dt.datetime, Meta(tz=True)]
_Id = Annotated[str, Meta(min_length=1)]
# Far beyond any real count; sums of larger ones would leave 64 bits.
_Count = Annotated[int, Meta(ge=0, le=10**12)]


class _Mention(Struct, gc=False):
    username: str


class _Url(Struct, gc=False):
    url: str = ""
    expanded_url: str = ""
    unwound_url: str = ""


class _Annotation(Struct, gc=False):
    type: str = ""
    normalized_text: str = ""


# Lists that may be missing are empty tuples then: a new list for each would be made for nothing.
class _Entities(Struct, gc=False):
    #: What X recognised in the text; people among it.
    annotations: Sequence[_Annotation] = ()
    mentions: Sequence[_Mention] = ()
    urls: Sequence[_Url] = ()


class _Note(Struct, gc=False):
    text: str
    entities: _Entities | None = None


class _Metrics(Struct, gc=False):
    like_count: _Count | None = None
    reply_count: _Count | None = None
    retweet_count: _Count | None = None
    repost_count: _Count | None = None
    impression_count: _Count | None = None


_NOT_COUNTED = _Metrics()


class _Reference(Struct, gc=False):
    type: str
    id: str


class _Post(Struct, gc=False):
    id: _Id
    text: str | None = None
    created_at: _Instant | None = None
    author_id: str | None = None
    conversation_id: str | None = None
    lang: str | None = None
    public_metrics: _Metrics | None = None
    entities: _Entities | None = None
    in_reply_to_user_id: str | None = None
    note_tweet: _Note | None = None
    note_post: _Note | None = None
    referenced_tweets: list[_Reference] | None = None
    referenced_posts: list[_Reference] | None = None
    edit_history_tweet_ids: list[_Id] | None = None
    edit_history_post_ids: list[_Id] | None = None


class _User(Struct, gc=False):
    id: str
    username: str = ""
    name: str = ""


class _Includes(Struct, gc=False):
    users: Sequence[_User] = ()
    tweets: Sequence[_Post] = ()
    posts: Sequence[_Post] = ()


class Payload(Struct, gc=False):
    """One post and the objects that it refers to."""

    data: _Post
    includes: _Includes = field(default_factory=_Includes)


class _RoutedPost(Struct, gc=False):
    id: _Id
    created_at: _Instant | None = None
    edit_history_tweet_ids: list[_Id] | None = None
    edit_history_post_ids: list[_Id] | None = None


class Routing(Struct, gc=False):
    """What bronze reads of a payload: a damaged text must not keep a post out of its window."""

    data: _RoutedPost


_ENTITIES = ("annotations", "cashtags", "hashtags", "mentions", "urls")
_METRICS = ("bookmark_count", "impression_count", "quote_count", "repost_count", "retweet_count")
_OPTIONAL = (
    "conversation_id",
    "edit_history_post_ids[]",
    "edit_history_tweet_ids[]",
    "in_reply_to_user_id",
    "lang",
    *(f"entities.{name}[].*" for name in _ENTITIES),
    *(f"note_{noun}.text" for noun in ("post", "tweet")),
    *(f"note_{noun}.entities.{name}[].*" for noun in ("post", "tweet") for name in _ENTITIES),
    *(f"referenced_{noun}[].{name}" for noun in ("posts", "tweets") for name in ("id", "type")),
    *(f"public_metrics.{name}" for name in _METRICS),
)

#: What is asked for, in both spellings.
FIELDS = Fields(
    always=frozenset(
        {
            "data.author_id",
            "data.created_at",
            "data.id",
            "data.public_metrics",
            "data.public_metrics.like_count",
            "data.public_metrics.reply_count",
            "data.text",
            "includes.users[].id",
            "includes.users[].name",
            "includes.users[].username",
        }
    ),
    sometimes=frozenset(
        {
            *(f"data.{path}" for path in _OPTIONAL),
            "includes.posts[].*",
            "includes.tweets[].*",
        }
    ),
)


def parse(payload: bytes | str | Mapping[str, Any]) -> Post:
    """One raw payload (``{"data": …, "includes": …}``) to a row.

    Raises:
        Refused: a field is missing or of another type; the reason names its place.
    """
    return parse_single(payload, Payload, row)


def row(payload: Payload) -> Row:
    """A decoded payload to a row; raises Refused."""
    post = payload.data
    references = post.referenced_tweets or post.referenced_posts
    kind: Kind = "post" if post.in_reply_to_user_id is None else "reply"
    if references:
        kind = _kind(references, kind)
    text, entities = post.text, post.entities
    note = post.note_tweet or post.note_post
    if note is not None:
        text = note.text
        entities = note.entities or entities
    names: list[str] = []
    for user in payload.includes.users:
        names += (user.username, user.name)
    mention_count = 0
    domains: list[str] = []
    if entities is not None:
        # Most lists are empty, and asking costs less than going over them.
        if entities.mentions:
            mentioned = _mentioned(entities.mentions)
            mention_count = len(mentioned)
            names += mentioned
        if entities.annotations:
            names += _people(entities)
        if entities.urls:
            domains = _domains(entities.urls)
    if kind == "repost":
        original = _reposted(payload, references or ())
        if original is not None:
            note = original.note_tweet or original.note_post
            text = (note.text if note else original.text) or text
            for said in (original.entities, note and note.entities):
                if said:
                    names += (*(mention.username for mention in said.mentions), *_people(said))
    if "" in names:
        names = [name for name in names if name]
    chain = post.edit_history_tweet_ids or post.edit_history_post_ids
    post_id, tag = post.id, post.lang
    metrics = post.public_metrics or _NOT_COUNTED
    reposts = metrics.retweet_count
    # A plain tuple: to name the fields takes as long as to find half of them.
    return (
        post_id,
        _first_id(chain) if chain else post_id,
        post.author_id,
        post.conversation_id,
        kind,
        created_at(payload),
        text,
        # und, zxx, art, qme, qht … say that there is no language to speak of.
        tag if tag and len(tag) == 2 else None,
        names,
        mention_count,
        domains,
        metrics.like_count,
        metrics.reply_count,
        metrics.repost_count if reposts is None else reposts,
        metrics.impression_count,
        chain is not None and len(chain) > 1,
    )


def created_at(payload: Payload | Routing) -> dt.datetime:
    """Creation of the chain's first version: an edit keeps the date of what it edits.

    Raises:
        Refused: there is no creation time, or none that the calendar holds.
    """
    post = payload.data
    chain = post.edit_history_tweet_ids or post.edit_history_post_ids
    if chain and len(chain) > 1:
        first = _first_id(chain)
        # An id has 63 bits; more digits name no instant.
        if first.isascii() and first.isdigit() and len(first) <= 19:
            milliseconds = (int(first) >> 22) + SNOWFLAKE_EPOCH_MS
            return dt.datetime.fromtimestamp(milliseconds // 1000, tz=_UTC)
    if post.created_at is None:
        raise Refused(
            "no_creation_time",
            "created_at is missing: ask for it with tweet.fields=created_at - at `$.data`",
        )
    if post.created_at.tzinfo is _UTC:
        return post.created_at
    try:
        return post.created_at.astimezone(_UTC)
    except OverflowError:
        raise Refused(
            "no_creation_time", "created_at lies outside the calendar in UTC - at `$.data`"
        ) from None


def _first_id(chain: list[str]) -> str:
    # Most posts were never edited.
    if len(chain) == 1:
        return chain[0]
    # Ids grow; a longer one is newer.
    return min(chain, key=lambda chained: (len(chained), chained))


def _kind(references: list[_Reference], otherwise: Kind) -> Kind:
    """What its references make of a post."""
    kind = otherwise
    for reference in references:
        if reference.type in ("retweeted", "reposted"):
            return "repost"
        if reference.type == "replied_to":
            kind = "reply"
    return kind


def _mentioned(mentions: Sequence[_Mention]) -> list[str]:
    """Each handle once, in the text's order."""
    # Most mention one.
    if len(mentions) == 1:
        return [mentions[0].username]
    return list(dict.fromkeys([mention.username for mention in mentions]))


def _reposted(payload: Payload, references: list[_Reference] | tuple[()]) -> _Post | None:
    """A repost's original, for its whole text: a repost's own is cut at 140 characters."""
    originals = {r.id for r in references if r.type in ("retweeted", "reposted")}
    for original in (*payload.includes.tweets, *payload.includes.posts):
        if original.id in originals:
            return original
    return None


def _people(entities: _Entities) -> list[str]:
    return [found.normalized_text for found in entities.annotations if found.type == "Person"]


def _domains(urls: Sequence[_Url]) -> list[str]:
    hosts: dict[str, None] = {}
    for url in urls:
        found = _HOST.match(url.unwound_url or url.expanded_url or url.url)
        if found:
            host = found[1].lower().removeprefix("www.")
            if host != "t.co":
                hosts[host] = None
    return list(hosts)
