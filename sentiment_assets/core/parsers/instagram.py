"""Instagram media, comments and replies, as the Instagram API with Facebook Login gives them.

A payload is ``{"media": raw, "source": "account"|"hashtag"}`` or ``{"comment": raw, "media_id":
id}``, where a reply has the ``parent_id`` of the comment that it answers, too. Nothing tells that a
text was edited.

Fields (read 2026-11-24), below https://developers.facebook.com/docs/instagram-platform/:
reference/instagram-media (``like_count`` is left out where the owner hides it; ``owner`` is told
to the owner only; a caption loses its ``@`` signs where the token does not manage the account, so
that names stand bare in other people's captions), instagram-graph-api/reference/ig-comment
(``from`` and ``username`` need instagram_manage_comments),
instagram-graph-api/reference/ig-hashtag/recent-media (no ``username``).

An account's own comments bear another author id than its media: ``from`` holds an id that is
scoped to the app, ``owner`` the account's own.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from sentiment_assets.core.parsers.fields import Fields
from sentiment_assets.core.parsers.posts import Kind, Post, Refused
from sentiment_assets.core.parsers.single import parse_single

FIELDS = Fields(
    always=frozenset(
        {
            "media.id",
            "media.timestamp",
            "media.comments_count",
            "media.owner.id",
            "comment.id",
            "comment.timestamp",
            "comment.text",
            "comment.like_count",
            "comment.from.id",
            "comment.from.username",
        }
    ),
    sometimes=frozenset(
        {
            "source",
            "media_id",
            "parent_id",
            "media",
            "media.caption",
            "media.username",
            "media.owner",
            "media.like_count",
            "comment",
            "comment.from",
            "comment.username",
        }
    ),
)

# Letters, digits, dots and underscores, up to 30; a dot at the end belongs to the sentence. After
# a letter it is an e-mail address (other scripts write no space before a mention).
_MENTION = re.compile(r"(?<![A-Za-z0-9_])@([A-Za-z0-9_](?:[A-Za-z0-9_.]{0,28}[A-Za-z0-9_])?)")
# Links are plain text. Without the user before the host, the port and whatever follows, which may
# name people.
_HOST = re.compile(r"(?:https?://(?:[^/?#\\@\s]*@)?|\bwww\.)([\w-]+(?:\.[\w-]+)+)", re.IGNORECASE)

_Instant = Annotated[dt.datetime, Meta(tz=True)]
_Id = Annotated[str, Meta(min_length=1)]
# Far beyond any real count; sums of larger ones would leave 64 bits.
_Count = Annotated[int, Meta(ge=0, le=10**12)]


class _User(Struct, gc=False):
    id: str | None = None
    username: str | None = None


class _Media(Struct, gc=False):
    id: _Id
    timestamp: _Instant | None = None
    caption: str | None = None
    username: str | None = None
    owner: _User | None = None
    like_count: _Count | None = None
    comments_count: _Count | None = None


class _Comment(Struct, gc=False):
    id: _Id
    timestamp: _Instant | None = None
    text: str | None = None
    username: str | None = None
    from_: _User | None = field(default=None, name="from")
    like_count: _Count | None = None


class Payload(Struct, gc=False):
    """One media object, or one comment and what it answers."""

    media: _Media | None = None
    comment: _Comment | None = None
    media_id: _Id | None = None
    parent_id: _Id | None = None


class _RoutedObject(Struct, gc=False):
    id: _Id
    timestamp: _Instant | None = None


class Routing(Struct, gc=False):
    """What bronze reads of a payload: a damaged text must not keep a post out of its window."""

    media: _RoutedObject | None = None
    comment: _RoutedObject | None = None


def parse(payload: bytes | str | Mapping[str, Any]) -> Post:
    """One raw payload to a row.

    Raises:
        Refused: a field is missing or of another type; the reason names its place.
    """
    return parse_single(payload, Payload, row)


def row(payload: Payload) -> Post:
    """A decoded payload to a row; raises Refused."""
    created = created_at(payload)
    if payload.media is not None:
        media = payload.media
        return _post(
            media.id,
            created,
            media.caption,
            author_id=media.owner.id if media.owner else None,
            conversation_id=media.id,
            kind="post",
            names=(media.username,),
            like_count=media.like_count,
            reply_count=media.comments_count,
        )
    comment = payload.comment
    assert comment is not None  # created_at has refused a payload of neither
    author = comment.from_ or _User()
    return _post(
        comment.id,
        created,
        comment.text,
        author_id=author.id,
        conversation_id=payload.media_id,
        kind="comment" if payload.parent_id is None else "reply",
        names=(comment.username, author.username),
        like_count=comment.like_count,
        reply_count=None,
    )


def created_at(payload: Payload | Routing) -> dt.datetime:
    """When the media or comment was made: nothing changes it.

    Raises:
        Refused: there is no creation time, or none that the calendar holds; or the payload holds
            neither a media object nor a comment, or both.
    """
    if (payload.media is None) == (payload.comment is None):
        raise Refused("malformed_record", "one of `media` and `comment` must stand - at `$`")
    found = payload.media or payload.comment
    assert found is not None
    where = "$.media" if payload.media else "$.comment"
    if found.timestamp is None:
        raise Refused("no_creation_time", f"timestamp is missing: ask for it - at `{where}`")
    try:
        return found.timestamp.astimezone(dt.timezone.utc)
    except OverflowError:
        raise Refused(
            "no_creation_time", f"timestamp lies outside the calendar in UTC - at `{where}`"
        ) from None


def _post(
    own_id: str,
    created: dt.datetime,
    text: str | None,
    *,
    author_id: str | None,
    conversation_id: str | None,
    kind: Kind,
    names: tuple[str | None, ...],
    like_count: int | None,
    reply_count: int | None,
) -> Post:
    mentions = {found.lower(): found for found in _MENTION.findall(text or "")}
    hosts = (host.lower().removeprefix("www.") for host in _HOST.findall(text or ""))
    return Post(
        post_id=own_id,
        chain_id=own_id,
        author_id=author_id or None,
        conversation_id=conversation_id,
        kind=kind,
        created_at=created,
        text=text,
        platform_lang=None,
        known_names=list(dict.fromkeys(name for name in (*names, *mentions.values()) if name)),
        mention_count=len(mentions),
        link_domains=list(dict.fromkeys(hosts)),
        like_count=like_count,
        reply_count=reply_count,
        repost_count=None,
        view_count=None,
        edited=False,
    )
