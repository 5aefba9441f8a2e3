"""LinkedIn posts of an organization and comments on them, by the Community Management API.

A payload is ``{"post": raw, "social_metadata": raw}`` (the latter where it could be read) or
``{"comment": raw, "post_urn": urn}``: replies too are comments, with a ``parentComment``.

Fields (read 2026-11-24), below
https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/: posts-api,
social-metadata-api, comments-api. What was decided on them:

* A post is as old as ``publishedAt``, and as ``createdAt`` where that is missing: a draft is
  created long before anybody can read it. An edit moves ``lastModifiedAt`` alone.
* A comment's urn is spelled ``urn:li:comment:(urn:li:activity:1,2)`` or
  ``urn:li:comment:(activity:1,2)``; rows have the former. A comment names its post by the urn of an
  activity, which is another number than the post's own: ``post_urn`` is the post's own.
* Authors are urns; names come in mentions only. A deleted or hidden member's comment has no actor.
* Offsets of mentions count UTF-16 units.

LinkedIn's terms limit how long members' social activity may be kept, by secondary sources to 48
hours: docs/privacy.md.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from sentiment_assets.core.parsers import little_text
from sentiment_assets.core.parsers.fields import Fields
from sentiment_assets.core.parsers.posts import Kind, Post, Refused
from sentiment_assets.core.parsers.single import parse_single

_COMMENT_MAY = (
    "$URN",
    "actor",
    "agent",
    "commentsSummary.aggregatedTotalComments",
    "commentsSummary.selectedComments[]",
    "commentsSummary.totalFirstLevelComments",
    "content[].*",
    "created.actor",
    "created.impersonator",
    "lastModified.actor",
    "lastModified.impersonator",
    "likesSummary.aggregatedTotalLikes",
    "likesSummary.likedByCurrentUser",
    "likesSummary.selectedLikes[]",
    "likesSummary.totalLikes",
    "message.attributes[].length",
    "message.attributes[].start",
    "message.attributes[].value.*",
    "parentComment",
)
_POST_MAY = (
    "adContext.*",
    "container",
    "content.*",
    "contentCallToActionLabel",
    "contentLandingPage",
    "distribution.*",
    "isReshareDisabledByAuthor",
    "lifecycleStateInfo.*",
    "publishedAt",
    "reshareContext.parent",
    "reshareContext.root",
)

FIELDS = Fields(
    always=frozenset(
        {
            "post.author",
            "post.commentary",
            "post.createdAt",
            "post.id",
            "post.lastModifiedAt",
            "post.lifecycleState",
            "post.visibility",
            "social_metadata.commentSummary",
            "social_metadata.commentSummary.count",
            "social_metadata.commentSummary.topLevelCount",
            "social_metadata.reactionSummaries",
            "comment.commentUrn",
            "comment.created",
            "comment.created.time",
            "comment.id",
            "comment.lastModified",
            "comment.lastModified.time",
            "comment.message",
            "comment.message.text",
            "comment.object",
        }
    ),
    sometimes=frozenset(
        {
            "post",
            "social_metadata",
            "social_metadata.commentsState",
            "social_metadata.entity",
            "social_metadata.reactionSummaries.*",
            "comment",
            "post_urn",
            *(f"post.{path}" for path in _POST_MAY),
            *(f"comment.{path}" for path in _COMMENT_MAY),
        }
    ),
)

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
_COMMENT_URN = re.compile(
    r"urn:li:comment:\((?:urn:li:)?(?P<kind>[A-Za-z]+):(?P<thread>[^(),:\s]+),(?P<id>[^(),:\s]+)\)"
)
# Without the user before the host, the port and whatever follows, which may name people.
_HOST = re.compile(r"(?:https?://(?:[^/?#\\@\s]*@)?|\bwww\.)([\w-]+(?:\.[\w-]+)+)", re.IGNORECASE)
# Attributes of a comment that are no mention: keys of their values.
_NO_MENTION = re.compile("hashtag|hyperlink", re.IGNORECASE)

_Id = Annotated[str, Meta(min_length=1)]
# Far beyond any real count; sums of larger ones would leave 64 bits.
_Count = Annotated[int, Meta(ge=0, le=10**12)]


class _Article(Struct, gc=False):
    source: str = ""


class _Content(Struct, gc=False):
    article: _Article | None = None


class _Lifecycle(Struct, gc=False, rename="camel"):
    is_edited_by_author: bool = False


class _Reshare(Struct, gc=False):
    parent: str | None = None


class _Post(Struct, gc=False, rename="camel"):
    id: _Id
    author: str | None = None
    commentary: str | None = None
    content: _Content | None = None
    created_at: int | None = None
    published_at: int | None = None
    lifecycle_state: str | None = None
    lifecycle_state_info: _Lifecycle | None = None
    reshare_context: _Reshare | None = None


class _Reaction(Struct, gc=False):
    count: _Count = 0


class _CommentSummary(Struct, gc=False):
    count: _Count | None = None


class _Metadata(Struct, gc=False, rename="camel"):
    reaction_summaries: dict[str, _Reaction] | None = None
    comment_summary: _CommentSummary | None = None


class _Stamp(Struct, gc=False):
    time: int | None = None
    actor: str | None = None


class _Attribute(Struct, gc=False):
    start: int
    length: int
    value: dict[str, Any] = field(default_factory=dict)


class _Message(Struct, gc=False):
    text: str | None = None
    attributes: list[_Attribute] = field(default_factory=list)


class _Likes(Struct, gc=False, rename="camel"):
    total_likes: _Count | None = None
    aggregated_total_likes: _Count | None = None


class _Replies(Struct, gc=False, rename="camel"):
    total_first_level_comments: _Count | None = None
    aggregated_total_comments: _Count | None = None


class _Comment(Struct, gc=False, rename="camel"):
    id: str | None = None
    comment_urn: str | None = None
    object: str | None = None
    actor: str | None = None
    created: _Stamp | None = None
    last_modified: _Stamp | None = None
    message: _Message | None = None
    parent_comment: str | None = None
    likes_summary: _Likes | None = None
    comments_summary: _Replies | None = None


class Payload(Struct, gc=False):
    """One post with its counts, or one comment and the post it stands below."""

    post: _Post | None = None
    social_metadata: _Metadata | None = None
    comment: _Comment | None = None
    post_urn: _Id | None = None


class _RoutedPost(Struct, gc=False, rename="camel"):
    created_at: int | None = None
    published_at: int | None = None


class _RoutedComment(Struct, gc=False):
    created: _Stamp | None = None


class Routing(Struct, gc=False):
    """What bronze reads of a payload: a damaged text must not keep a post out of its window."""

    post: _RoutedPost | None = None
    comment: _RoutedComment | None = None


def parse(payload: bytes | str | Mapping[str, Any]) -> Post:
    """One raw payload to a row.

    Raises:
        Refused: a field is missing or of another type; the reason names its place.
    """
    return parse_single(payload, Payload, row)


def row(payload: Payload) -> Post:
    """A decoded payload to a row; raises Refused."""
    created = created_at(payload)
    if payload.post is not None:
        return _post_row(payload.post, payload.social_metadata, created)
    assert payload.comment is not None  # created_at has refused a payload of neither
    return _comment_row(payload.comment, payload.post_urn, created)


def created_at(payload: Payload | Routing) -> dt.datetime:
    """When a post was published, or a comment written: an edit changes neither.

    Raises:
        Refused: there is no such time, or none that the calendar holds; or the payload holds
            neither a post nor a comment, or both.
    """
    if (payload.post is None) == (payload.comment is None):
        raise Refused("malformed_record", "one of `post` and `comment` must stand - at `$`")
    if payload.post is not None:
        published = payload.post.published_at
        milliseconds = payload.post.created_at if published is None else published
        name, where = "publishedAt or createdAt", "$.post"
    else:
        assert payload.comment is not None
        milliseconds = payload.comment.created.time if payload.comment.created else None
        name, where = "time", "$.comment.created"
    if milliseconds is None:
        raise Refused("no_creation_time", f"{name} is missing - at `{where}`")
    try:
        return _EPOCH + dt.timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise Refused(
            "no_creation_time", f"{name} lies outside the calendar in UTC - at `{where}`"
        ) from None


def comment_id(urn: str) -> str | None:
    """A comment's urn in its long spelling; None for what is none."""
    found = _COMMENT_URN.fullmatch(urn)
    return found and f"urn:li:comment:(urn:li:{found['kind']}:{found['thread']},{found['id']})"


def _post_row(post: _Post, metadata: _Metadata | None, created: dt.datetime) -> Post:
    if post.lifecycle_state not in (None, "PUBLISHED"):
        raise Refused("not_published", "lifecycleState is not PUBLISHED - at `$.post`")
    said = None if post.commentary is None else little_text.read(post.commentary)
    text = said.text if said else None
    article = post.content.article if post.content else None
    replies = metadata.comment_summary if metadata else None
    return Post(
        post_id=post.id,
        chain_id=post.id,
        author_id=post.author or None,
        conversation_id=post.id,
        # Resharing with words of one's own says something new.
        kind="repost" if post.reshare_context and not (text or "").strip() else "post",
        created_at=created,
        text=text,
        platform_lang=None,
        known_names=_names(said.names) if said else [],
        mention_count=len(set(said.urns)) if said else 0,
        link_domains=_hosts(article.source if article else "", text or ""),
        like_count=_reactions(metadata),
        reply_count=replies.count if replies else None,
        repost_count=None,
        view_count=None,
        edited=bool(post.lifecycle_state_info and post.lifecycle_state_info.is_edited_by_author),
    )


def _comment_row(comment: _Comment, post_urn: str | None, created: dt.datetime) -> Post:
    own_id = _own_id(comment)
    text = comment.message.text if comment.message else None
    names = _mentioned(comment.message)
    likes, replies = comment.likes_summary, comment.comments_summary
    modified = comment.last_modified.time if comment.last_modified else None
    written = comment.created
    assert written is not None  # created_at has read it
    assert written.time is not None
    kind: Kind = "comment" if comment.parent_comment is None else "reply"
    return Post(
        post_id=own_id,
        chain_id=own_id,
        author_id=comment.actor or written.actor or None,
        conversation_id=post_urn or comment.object,
        kind=kind,
        created_at=created,
        text=text,
        platform_lang=None,
        known_names=_names(names),
        mention_count=len(set(names)),
        link_domains=_hosts(text or ""),
        like_count=_first(likes.total_likes, likes.aggregated_total_likes) if likes else None,
        reply_count=_first(replies.total_first_level_comments, replies.aggregated_total_comments)
        if replies
        else None,
        repost_count=None,
        view_count=None,
        edited=modified is not None and modified > written.time,
    )


def _own_id(comment: _Comment) -> str:
    urn = comment.comment_urn
    if urn is None and comment.id and comment.object:
        urn = f"urn:li:comment:({comment.object},{comment.id})"
    if urn is None:
        raise Refused("no_id", "commentUrn is missing, and so are id or object - at `$.comment`")
    own_id = comment_id(urn)
    if own_id is None:
        raise Refused("no_id", "commentUrn is no comment's urn - at `$.comment`")
    return own_id


def _mentioned(message: _Message | None) -> list[str]:
    """The words that each mention stands on."""
    if message is None or not message.attributes or not message.text:
        return []
    units = message.text.encode("utf-16-le", "surrogatepass")
    names = []
    for attribute in message.attributes:
        start, end = attribute.start, attribute.start + attribute.length
        if any(_NO_MENTION.search(key) for key in attribute.value) or not 0 <= start < end:
            continue
        # Half of an emoji is what a wrong offset cuts off.
        names.append(units[2 * start : 2 * end].decode("utf-16-le", "ignore"))
    return names


def _names(found: list[str]) -> list[str]:
    return list(dict.fromkeys(name for name in map(str.strip, found) if name))


def _hosts(*texts: str) -> list[str]:
    found = (host.lower().removeprefix("www.") for text in texts for host in _HOST.findall(text))
    return list(dict.fromkeys(found))


def _reactions(metadata: _Metadata | None) -> int | None:
    """Of every kind together: each is a way to like."""
    if metadata is None or metadata.reaction_summaries is None:
        return None
    return sum(reaction.count for reaction in metadata.reaction_summaries.values())


def _first(count: int | None, other: int | None) -> int | None:
    return other if count is None else count
