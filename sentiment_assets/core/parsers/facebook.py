"""Facebook Page posts and the comments under them, as the Graph API gives them.

A fetched payload is ``{"post": raw}`` or ``{"comment": raw, "post_id": id}``. A pushed one is
``{"id": page, "time": seconds, "change": raw}``: a notification's entry with one of its changes.
Both give one post the same ids and the same creation time. Facebook has no mark for an edited text,
so ``edited`` is always false (a push has one, which the next fetch would take back); and what
Facebook itself writes over a post (``story``) is nobody's words and is not read.

Through Page Public Content Access the ids of comments and all authors are withheld. Such a comment
gets an id made of what tells it from others: post, time, text, attachment. It is the same in every
fetch, so that deduplication works; but an edited text gets another one, and of two equal comments
within a second only one remains.

A push tells no counts, and names nobody who is tagged in the text.

Fields (read 2026-11-24), below https://developers.facebook.com/docs/graph-api/:
reference/page/feed (post), reference/comment, reference/object/comments (withheld ids),
reference/story-attachment, webhooks/reference/page#feed (changes). ``message_tags`` name hashtags,
too.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from sentiment_assets.core.parsers.fields import Fields
from sentiment_assets.core.parsers.posts import Kind, Post, Refused
from sentiment_assets.core.parsers.single import parse_single

_CHANGE_MAY = (
    "comment_id",
    "edited_time",
    "from",
    "from.id",
    "from.name",
    "is_hidden",
    "link",
    "message",
    "parent_id",
    "photo",
    "photo_id",
    "photo_ids[]",
    "photos[]",
    "post.*",
    "published",
    "share_id",
    "video",
    "video_id",
)

FIELDS = Fields(
    always=frozenset(
        {
            "post.id",
            "post.created_time",
            "post.updated_time",
            "post.is_published",
            "post.from.id",
            "post.from.name",
            "post.message_tags[].id",
            "post.message_tags[].name",
            "post.attachments.data",
            "post.attachments.data[].type",
            "post.shares.count",
            "post.reactions",
            "post.reactions.summary",
            "post.reactions.summary.total_count",
            "post.comments",
            "post.comments.summary",
            "post.comments.summary.total_count",
            "comment.message",
            "comment.created_time",
            "comment.like_count",
            "comment.comment_count",
            "comment.from.id",
            "comment.from.name",
            "comment.message_tags[].id",
            "comment.message_tags[].name",
            "comment.attachment.type",
            "change.field",
            "change.value",
            "change.value.created_time",
            "change.value.item",
            "change.value.post_id",
            "change.value.verb",
        }
    ),
    sometimes=frozenset(
        {
            "post",
            "post_id",
            "comment",
            # Without words, or of somebody whose name is withheld.
            "post.message",
            "post.from",
            "post.message_tags",
            "post.message_tags[].type",
            "post.message_tags[].offset",
            "post.message_tags[].length",
            "post.attachments",
            "post.attachments.data[].unshimmed_url",
            "post.shares",
            "post.reactions.data",
            "post.reactions.paging.*",
            "post.reactions.summary.viewer_reaction",
            "post.comments.data",
            "post.comments.paging.*",
            "post.comments.summary.can_comment",
            "post.comments.summary.order",
            "comment.id",
            "comment.from",
            "comment.parent",
            "comment.parent.id",
            "comment.message_tags",
            "comment.message_tags[].type",
            "comment.message_tags[].offset",
            "comment.message_tags[].length",
            "comment.attachment",
            "comment.attachment.unshimmed_url",
            "change",
            "id",
            "time",
            *(f"change.value.{path}" for path in _CHANGE_MAY),
        }
    ),
)

# Links stand in texts, too. Without the user before the host, the port and whatever follows, which
# may name people.
_HOST = re.compile(r"(?:https?://(?:[^/?#\\@\s]*@)?|\bwww\.)([\w-]+(?:\.[\w-]+)+)", re.IGNORECASE)
#: Photos and videos are attached as links to Facebook itself.
_OWN = re.compile(r"(?:^|\.)(?:facebook|fb|fbcdn|messenger)\.(?:com|net|me|watch)$")

_Instant = Annotated[dt.datetime, Meta(tz=True)]
_Id = Annotated[str, Meta(min_length=1)]
# Far beyond any real count; sums of larger ones would leave 64 bits.
_Count = Annotated[int, Meta(ge=0, le=10**12)]


class _Person(Struct, gc=False):
    id: str | None = None
    name: str = ""


class _Tag(Struct, gc=False):
    id: str = ""
    name: str = ""


class _Attachment(Struct, gc=False):
    unshimmed_url: str = ""


class _Attachments(Struct, gc=False):
    data: list[_Attachment] = field(default_factory=list)


class _Summary(Struct, gc=False):
    total_count: _Count | None = None


class _Edge(Struct, gc=False):
    summary: _Summary | None = None


class _Shares(Struct, gc=False):
    count: _Count | None = None


class _Parent(Struct, gc=False):
    id: str | None = None


class _Post(Struct, gc=False):
    id: _Id
    created_time: _Instant | None = None
    message: str | None = None
    from_: _Person | None = field(name="from", default=None)
    message_tags: list[_Tag] = field(default_factory=list)
    attachments: _Attachments | None = None
    shares: _Shares | None = None
    reactions: _Edge | None = None
    comments: _Edge | None = None


class _Comment(Struct, gc=False):
    id: _Id | None = None
    created_time: _Instant | None = None
    message: str | None = None
    from_: _Person | None = field(name="from", default=None)
    parent: _Parent | None = None
    message_tags: list[_Tag] = field(default_factory=list)
    attachment: _Attachment | None = None
    like_count: _Count | None = None
    comment_count: _Count | None = None


class _Pushed(Struct, gc=False):
    #: Unix seconds.
    created_time: int | None = None
    post_id: _Id | None = None
    comment_id: _Id | None = None
    #: What a comment answers: its post, or another comment.
    parent_id: str | None = None
    message: str | None = None
    from_: _Person | None = field(name="from", default=None)
    link: str = ""


class _Change(Struct, gc=False):
    value: _Pushed


class Payload(Struct, gc=False):
    """A post, or a comment and the id of its post, or a change of either."""

    post: _Post | None = None
    comment: _Comment | None = None
    post_id: _Id | None = None
    change: _Change | None = None


class _Dated(Struct, gc=False):
    created_time: _Instant | None = None


class _DatedChange(Struct, gc=False):
    created_time: int | None = None


class _RoutedChange(Struct, gc=False):
    value: _DatedChange


class Routing(Struct, gc=False):
    """What bronze reads of a payload: a damaged text must not keep it out of its window."""

    post: _Dated | None = None
    comment: _Dated | None = None
    change: _RoutedChange | None = None


def parse(payload: bytes | str | Mapping[str, Any]) -> Post:
    """One raw payload to a row.

    Raises:
        Refused: a field is missing or of another type; the reason names its place.
    """
    return parse_single(payload, Payload, row)


def row(payload: Payload) -> Post:
    """A decoded payload to a row; raises Refused."""
    made = created_at(payload)
    if payload.post is not None:
        post = payload.post
        shared = post.attachments.data if post.attachments else []
        return _row(
            post,
            post.id,
            post.id,
            "post",
            made,
            shared,
            likes=_total(post.reactions),
            replies=_total(post.comments),
            reposts=post.shares.count if post.shares else None,
        )
    if payload.change is not None:
        return _pushed_row(payload.change.value, made)
    comment, post_id = payload.comment, payload.post_id
    assert comment is not None  # created_at has refused a payload without either
    if post_id is None:
        raise Refused("malformed_record", "a comment without the id of its post - at `$.post_id`")
    shared = [comment.attachment] if comment.attachment else []
    return _row(
        comment,
        comment.id or _surrogate(comment, post_id, made),
        post_id,
        "comment" if comment.parent is None else "reply",
        made,
        shared,
        likes=comment.like_count,
        replies=comment.comment_count,
        reposts=None,
    )


def created_at(payload: Payload | Routing) -> dt.datetime:
    """When the post or comment was made.

    Raises:
        Refused: there is no creation time, or none that the calendar holds; or the payload holds
            neither a post nor a comment nor a change, or more than one.
    """
    said = payload.post or payload.comment
    if payload.change is not None and said is None:
        return _pushed_at(payload.change.value.created_time)
    if said is None or payload.change or (payload.post and payload.comment):
        raise Refused(
            "malformed_record", "one of `post`, `comment` and `change` must stand - at `$`"
        )
    moment, place = said.created_time, "$.post" if payload.post else "$.comment"
    if moment is None:
        raise Refused(
            "no_creation_time",
            f"created_time is missing: ask for it with fields=created_time - at `{place}`",
        )
    try:
        return moment.astimezone(dt.timezone.utc)
    except OverflowError:
        raise Refused(
            "no_creation_time", f"created_time lies outside the calendar in UTC - at `{place}`"
        ) from None


def _pushed_at(seconds: int | None) -> dt.datetime:
    if seconds is None:
        raise Refused("no_creation_time", "created_time is missing - at `$.change.value`")
    try:
        return dt.datetime.fromtimestamp(seconds, dt.timezone.utc)
    except (OverflowError, ValueError, OSError):
        raise Refused(
            "no_creation_time", "created_time lies outside the calendar - at `$.change.value`"
        ) from None


def _pushed_row(said: _Pushed, made: dt.datetime) -> Post:
    if said.post_id is None:
        raise Refused("no_id", "post_id is missing - at `$.change.value`")
    own_id = said.comment_id or said.post_id
    kind: Kind = "post"
    if said.comment_id is not None:
        # A comment's id begins with its post's own number, which ends the post's id.
        thread = said.post_id.rpartition("_")[2]
        answers = said.parent_id not in (None, said.post_id) and (said.parent_id or "").startswith(
            f"{thread}_"
        )
        kind = "reply" if answers else "comment"
    author = said.from_
    return Post(
        post_id=own_id,
        chain_id=own_id,
        author_id=author.id if author else None,
        conversation_id=said.post_id,
        kind=kind,
        created_at=made,
        text=said.message,
        platform_lang=None,
        known_names=[author.name] if author and author.name else [],
        mention_count=0,
        link_domains=_domains(said.message or "", [_Attachment(said.link)]),
        like_count=None,
        reply_count=None,
        repost_count=None,
        view_count=None,
        edited=False,
    )


def _row(
    said: _Post | _Comment,
    own_id: str,
    conversation_id: str,
    kind: Kind,
    made: dt.datetime,
    shared: Iterable[_Attachment],
    *,
    likes: int | None,
    replies: int | None,
    reposts: int | None,
) -> Post:
    author = said.from_
    # A hashtag is tagged as people are, and names nobody.
    tagged = [tag for tag in said.message_tags if not tag.name.startswith("#")]
    names = [author.name if author else "", *(tag.name for tag in tagged)]
    return Post(
        post_id=own_id,
        chain_id=own_id,
        author_id=author.id if author else None,
        conversation_id=conversation_id,
        kind=kind,
        created_at=made,
        text=said.message,
        platform_lang=None,
        known_names=[name for name in names if name],
        mention_count=len({tag.id or tag.name for tag in tagged}),
        link_domains=_domains(said.message or "", shared),
        like_count=likes,
        reply_count=replies,
        repost_count=reposts,
        view_count=None,
        edited=False,
    )


def _surrogate(comment: _Comment, post_id: str, made: dt.datetime) -> str:
    attached = comment.attachment.unshimmed_url if comment.attachment else ""
    parts = (post_id, made.isoformat(), comment.message or "", attached)
    # Lengths keep "a", "bc" apart from "ab", "c".
    told = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(told.encode()).hexdigest()


def _total(edge: _Edge | None) -> int | None:
    return edge.summary.total_count if edge and edge.summary else None


def _domains(text: str, shared: Iterable[_Attachment]) -> list[str]:
    linked = [found for one in shared if (found := _HOST.match(one.unshimmed_url))]
    hosts = [*_HOST.findall(text), *(found[1] for found in linked)]
    plain = (host.lower().removeprefix("www.") for host in hosts)
    return list(dict.fromkeys(host for host in plain if not _OWN.search(host)))
