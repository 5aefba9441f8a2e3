"""LinkedIn posts and comments to rows: little text, mentions, both urns, edits, what is missing."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import msgspec
import pytest

from sentiment_assets.core.parsers import Post, Refused, creation_time, linkedin
from sentiment_assets.core.parsers.fields import FEWEST, FieldDrift
from sentiment_assets.core.parsers.linkedin import comment_id, parse

UTC = dt.timezone.utc
NOON = dt.datetime(2026, 11, 23, 12, tzinfo=UTC)
NOON_MS = round(NOON.timestamp() * 1000)
SECOND, HOUR = 1000, 3_600_000
ORGANIZATION = "urn:li:organization:2414183"
POST = "urn:li:ugcPost:7133700000000000001"
COMMENT = "urn:li:comment:(urn:li:activity:7133700000000000777,7133712345678901234)"
METADATA = {
    "entity": POST,
    "commentsState": "OPEN",
    "commentSummary": {"count": 5, "topLevelCount": 3},
    "reactionSummaries": {
        "LIKE": {"reactionType": "LIKE", "count": 7},
        "PRAISE": {"reactionType": "PRAISE", "count": 2},
    },
}


def post(metadata: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    raw = {
        "id": POST,
        "author": ORGANIZATION,
        "commentary": "Hello",
        "createdAt": NOON_MS - 31,
        "publishedAt": NOON_MS,
        "lastModifiedAt": NOON_MS,
        "lifecycleState": "PUBLISHED",
        "lifecycleStateInfo": {"isEditedByAuthor": False},
        "visibility": "PUBLIC",
        "distribution": {"feedDistribution": "MAIN_FEED", "thirdPartyDistributionChannels": []},
        "isReshareDisabledByAuthor": False,
        "content": {},
    } | fields
    raw = {key: value for key, value in raw.items() if value is not None}
    return {"post": raw} | ({} if metadata is None else {"social_metadata": metadata})


def comment(post_urn: str | None = POST, **fields: Any) -> dict[str, Any]:
    raw = {
        "id": "7133712345678901234",
        "commentUrn": COMMENT,
        "object": "urn:li:activity:7133700000000000777",
        "actor": "urn:li:person:x0D8bXc1xc",
        "created": {"actor": "urn:li:person:x0D8bXc1xc", "time": NOON_MS},
        "lastModified": {"actor": "urn:li:person:x0D8bXc1xc", "time": NOON_MS},
        "message": {"attributes": [], "text": "Well done"},
    } | fields
    raw = {key: value for key, value in raw.items() if value is not None}
    return {"comment": raw} | ({} if post_urn is None else {"post_urn": post_urn})


def message(text: str, *spans: tuple[int, int], **value: Any) -> dict[str, Any]:
    value = value or {"person": {"person": "urn:li:person:1"}}
    attributes = [{"start": a, "length": n, "value": value} for a, n in spans]
    return {"text": text, "attributes": attributes}


def test_every_field_of_a_full_post() -> None:
    given = post(
        METADATA,
        commentary=r"@[Jane \(J\) Roe](urn:li:person:a\_b) launches {hashtag|\#|Nimbus4}: "
        r"https://www.blog.example/a\_b",
        content={"article": {"source": "https://News.Example:8443/x?u=jane", "title": "New"}},
        lifecycleStateInfo={"isEditedByAuthor": True},
    )
    assert parse(given) == Post(
        post_id=POST,
        chain_id=POST,
        author_id=ORGANIZATION,
        conversation_id=POST,
        kind="post",
        created_at=NOON,
        text="Jane (J) Roe launches #Nimbus4: https://www.blog.example/a_b",
        platform_lang=None,
        known_names=["Jane (J) Roe"],
        mention_count=1,
        link_domains=["news.example", "blog.example"],
        like_count=9,
        reply_count=5,
        repost_count=None,
        view_count=None,
        edited=True,
    )


def test_every_field_of_a_full_comment() -> None:
    given = comment(
        message=message("Jane Roe, see https://a.example/x", (0, 8)),
        lastModified={"time": NOON_MS + SECOND},
        likesSummary={"totalLikes": 4, "aggregatedTotalLikes": 6, "likedByCurrentUser": False},
        commentsSummary={"totalFirstLevelComments": 2, "aggregatedTotalComments": 3},
    )
    assert parse(given) == Post(
        post_id=COMMENT,
        chain_id=COMMENT,
        author_id="urn:li:person:x0D8bXc1xc",
        conversation_id=POST,
        kind="comment",
        created_at=NOON,
        text="Jane Roe, see https://a.example/x",
        platform_lang=None,
        known_names=["Jane Roe"],
        mention_count=1,
        link_domains=["a.example"],
        like_count=4,
        reply_count=2,
        repost_count=None,
        view_count=None,
        edited=True,
    )


def test_the_least_that_a_post_and_a_comment_need() -> None:
    least = parse({"post": {"id": POST, "createdAt": NOON_MS}})
    assert (least.kind, least.created_at, least.text, least.author_id) == (
        "post", NOON, None, None
    )  # fmt: skip
    assert (least.like_count, least.reply_count, least.edited) == (None, None, False)
    least = parse({"comment": {"commentUrn": COMMENT, "created": {"time": NOON_MS}}})
    assert (least.kind, least.created_at, least.text, least.author_id) == (
        "comment", NOON, None, None
    )  # fmt: skip
    assert (least.conversation_id, least.known_names, least.edited) == (None, [], False)


A, B = "7133700000000000777", "7133712345678901234"


@pytest.mark.parametrize(
    ("spelled", "canonical"),
    [
        (f"urn:li:comment:(urn:li:activity:{A},{B})", f"urn:li:comment:(urn:li:activity:{A},{B})"),
        (f"urn:li:comment:(activity:{A},{B})", f"urn:li:comment:(urn:li:activity:{A},{B})"),
        (f"urn:li:comment:(urn:li:ugcPost:{A},{B})", f"urn:li:comment:(urn:li:ugcPost:{A},{B})"),
        (f"urn:li:comment:(ugcPost:{A},{B})", f"urn:li:comment:(urn:li:ugcPost:{A},{B})"),
        (f"urn:li:comment:(share:{A},{B})", f"urn:li:comment:(urn:li:share:{A},{B})"),
        (f"urn:li:comment:({A},{B})", None),
        (f"urn:li:comment:(activity:{A},{B}", None),
        (f"urn:li:comment:(activity:{A},{B}) ", None),
        (f"urn:li:activity:{A}", None),
        ("", None),
    ],
)
def test_both_spellings_of_a_comments_urn_are_one_id(spelled: str, canonical: str | None) -> None:
    assert comment_id(spelled) == canonical
    if canonical:
        assert parse(comment(commentUrn=spelled)).post_id == canonical
    else:
        with pytest.raises(Refused, match="commentUrn is no comment's urn"):
            parse(comment(commentUrn=spelled))


def test_a_comment_without_its_urn_is_known_by_thread_and_id() -> None:
    assert parse(comment(commentUrn=None)).post_id == COMMENT
    for missing in ("id", "object"):
        with pytest.raises(Refused, match="commentUrn is missing"):
            parse(comment(commentUrn=None, **{missing: None}))


@pytest.mark.parametrize("parent", [COMMENT, f"urn:li:comment:(activity:{A},{B})"])
def test_what_has_a_parent_is_a_reply_in_the_posts_conversation(parent: str) -> None:
    reply = parse(comment(parentComment=parent))
    assert (reply.kind, reply.conversation_id) == ("reply", POST)
    # Without the post's own urn the activity is all there is.
    assert parse(comment(None)).conversation_id == "urn:li:activity:7133700000000000777"


@pytest.mark.parametrize(
    ("fields", "created"),
    [
        ({}, NOON),
        # Drafted two days before anybody could read it.
        ({"createdAt": NOON_MS - 48 * HOUR}, NOON),
        ({"publishedAt": None, "createdAt": NOON_MS + HOUR}, NOON + dt.timedelta(hours=1)),
        ({"createdAt": None}, NOON),
        # An edit moves the last modification, and not the day.
        ({"lastModifiedAt": NOON_MS + 72 * HOUR}, NOON),
        ({"publishedAt": NOON_MS + 7}, NOON + dt.timedelta(milliseconds=7)),
    ],
)
def test_a_post_is_as_old_as_its_publication(fields: dict[str, Any], created: dt.datetime) -> None:
    given = post(**fields)
    assert parse(given).created_at == creation_time(linkedin, given) == created
    assert parse(given).created_at.utcoffset() == dt.timedelta()


@pytest.mark.parametrize(
    ("modified", "edited"),
    [(None, False), ({}, False), ({"time": NOON_MS}, False), ({"time": NOON_MS + 1}, True),
     ({"time": NOON_MS - 1}, False)],
)  # fmt: skip
def test_a_comment_is_edited_when_it_was_changed_later(modified: Any, edited: bool) -> None:
    assert parse(comment(lastModified=modified)).edited is edited


@pytest.mark.parametrize(
    ("fields", "kind", "text"),
    [
        ({}, "post", "Hello"),
        ({"reshareContext": {"parent": "urn:li:share:1", "root": "urn:li:share:1"}}, "post",
         "Hello"),
        ({"reshareContext": {"parent": "urn:li:share:1"}, "commentary": ""}, "repost", ""),
        ({"reshareContext": {"parent": "urn:li:share:1"}, "commentary": " \n"}, "repost", " \n"),
        ({"reshareContext": {}, "commentary": None}, "repost", None),
        ({"commentary": ""}, "post", ""),
    ],
)  # fmt: skip
def test_a_reshare_without_words_is_a_repost(
    fields: dict[str, Any], kind: str, text: str | None
) -> None:
    found = parse(post(**fields))
    assert (found.kind, found.text) == (kind, text)


@pytest.mark.parametrize(
    ("actor", "created", "author"),
    [
        ("urn:li:person:x", {"time": NOON_MS}, "urn:li:person:x"),
        (ORGANIZATION, {"time": NOON_MS, "actor": ORGANIZATION, "impersonator": "urn:li:person:x"},
         ORGANIZATION),
        (None, {"time": NOON_MS, "actor": "urn:li:person:x"}, "urn:li:person:x"),
        # Deleted, or hidden from this token.
        (None, {"time": NOON_MS}, None),
        ("", {"time": NOON_MS, "actor": ""}, None),
    ],
)  # fmt: skip
def test_the_author_of_a_comment(actor: str | None, created: Any, author: str | None) -> None:
    assert parse(comment(actor=actor, created=created)).author_id == author


@pytest.mark.parametrize(
    ("said", "names", "mentions"),
    [
        (message("Hi Jane Roe!", (3, 8)), ["Jane Roe"], 1),
        (message("Nimbus rocks", (0, 6), organization={"organization": ORGANIZATION}),
         ["Nimbus"], 1),
        (message("Hi Jane", (3, 4), **{"com.linkedin.common.MemberAttributedEntity": {}}),
         ["Jane"], 1),
        (message("#up Jane", (0, 3), **{"com.linkedin.common.HashtagAttributedEntity": {}}),
         [], 0),
        # Offsets count UTF-16 units: an emoji is two of them.
        (message("🚀🚀 Jane Roe", (5, 8)), ["Jane Roe"], 1),
        (message("👩‍💻 田中 さくら", (6, 6)), ["田中 さくら"], 1),
        (message("Ann and Ann and Bo", (0, 3), (8, 3), (16, 2)), ["Ann", "Bo"], 2),
        # Damaged offsets name nobody, or what is left of it.
        (message("Hi Jane", (3, 400)), ["Jane"], 1),
        (message("Hi", (30, 4)), [], 1),
        (message("Hi Jane", (-4, 4), (3, 0), (3, -1)), [], 0),
        (message("🚀 x", (1, 3)), ["x"], 1),
        ({"text": "no attributes"}, [], 0),
        ({"attributes": []}, [], 0),
    ],
)  # fmt: skip
def test_mentions_in_comments(said: Any, names: list[str], mentions: int) -> None:
    found = parse(comment(message=said))
    assert (found.known_names, found.mention_count) == (names, mentions)


def test_who_is_mentioned_twice_counts_once() -> None:
    jane = "@[Jane](urn:li:person:1)"
    found = parse(post(commentary=f"{jane} {jane} @[Jane](urn:li:person:2)"))
    assert (found.known_names, found.mention_count) == (["Jane"], 2)


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("https://www.A.example/x www.b.example", ["a.example", "b.example"]),
        ("https://jane:secret@a.example/x", ["a.example"]),
        ("https://a.example?user=jane https://a.example#jane", ["a.example"]),
        ("mail jane@mail.example, not a link", []),
        ("http:///jane https://@/jane", []),
    ],
)
def test_of_links_the_hosts_remain(text: str, hosts: list[str]) -> None:
    assert parse(comment(message={"text": text})).link_domains == hosts


@pytest.mark.parametrize(
    ("metadata", "likes", "replies"),
    [
        (None, None, None),
        ({}, None, None),
        ({"reactionSummaries": {}, "commentSummary": {"count": 0}}, 0, 0),
        (METADATA, 9, 5),
        ({"reactionSummaries": {"NEW_KIND": {"count": 3}}}, 3, None),
    ],
)
def test_counts_stand_beside_the_post(
    metadata: dict[str, Any] | None, likes: int | None, replies: int | None
) -> None:
    found = parse(post(metadata))
    assert (found.like_count, found.reply_count) == (likes, replies)


def test_routing_reads_nothing_else() -> None:
    """A damaged text must not keep a post out of the window that its time names."""
    assert creation_time(linkedin, post({"odd": 1}, commentary=7, id=[], author={})) == NOON
    assert creation_time(linkedin, comment(message=3, commentUrn=17, actor=[])) == NOON


def test_a_payload_is_read_as_bytes_text_or_values() -> None:
    given = post(METADATA)
    encoded = json.dumps(given)
    assert parse(given) == parse(encoded) == parse(encoded.encode())


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (b"{", "truncated"),
        (b"\xff\xfe", "malformed"),
        (b'{"new_field": ' + b"[" * 100_000, "recursion"),
        ({}, "one of `post` and `comment` must stand"),
        (post() | comment(), "one of `post` and `comment` must stand"),
        ({"post": {"commentary": "jane@mail.example"}}, r"missing required field `id`"),
        (post(id=17), r"at `\$\.post\.id`"),
        (post(publishedAt="jane"), r"at `\$\.post\.publishedAt`"),
        (post(publishedAt=None, createdAt=None), "publishedAt or createdAt is missing"),
        (post(publishedAt=10**17), "outside the calendar"),
        (post(lifecycleState="DRAFT"), "lifecycleState is not PUBLISHED"),
        (comment(created=None), "time is missing"),
        (comment(created={"time": -(10**17)}), "outside the calendar"),
        (comment(message={"text": 123}), r"at `\$\.comment\.message\.text`"),
    ],
)
def test_what_is_no_post_is_refused(given: Any, reason: str) -> None:
    with pytest.raises(Refused, match=f"(?i){reason}") as refused:
        parse(given)
    assert "jane" not in refused.value.reason


@pytest.mark.parametrize(
    "given", [post(createdAt=None, publishedAt=None), comment(created=None), {}]
)
def test_what_cannot_be_routed_says_why(given: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=r"missing|must stand"):
        creation_time(linkedin, given)


def test_unknown_fields_are_none_of_our_business() -> None:
    assert msgspec.json.encode(post(newField={"deep": [1]}))
    assert parse(post(newField={"deep": [1]})) == parse(post())


def test_fields_that_come_or_go_are_seen() -> None:
    drift = FieldDrift(linkedin.FIELDS)
    for _ in range(FEWEST):
        drift.observe(post(METADATA))
        drift.observe(comment(parentComment=COMMENT, message=message("Hi Jane", (3, 4))))
    assert (drift.unknown, drift.vanished()) == ({}, {})
    drift = FieldDrift(linkedin.FIELDS)
    for _ in range(FEWEST):
        drift.observe(post(METADATA, commentary=None, headline="x"))
        drift.observe(comment(message={"attributes": [{"rank": 1}]}))
    assert drift.unknown == {"post.headline": FEWEST, "comment.message.attributes[].rank": FEWEST}
    assert drift.vanished() == {"post.commentary": FEWEST, "comment.message.text": FEWEST}
