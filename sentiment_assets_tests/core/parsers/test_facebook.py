"""Facebook posts and comments to rows: what stands, what is withheld, and what is refused."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import msgspec
import polars as pl
import pytest

from sentiment_assets.core.parsers import Post, Refused, facebook, parse_lines
from sentiment_assets.core.parsers.facebook import FIELDS, parse
from sentiment_assets.core.parsers.fields import FieldDrift
from sentiment_assets.core.silver import deduplicate

NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.timezone.utc)
POST_ID = "104857600001001_7001"


def post(**fields: Any) -> dict[str, Any]:
    told = {"id": POST_ID, "message": "hello", "created_time": "2026-11-23T12:00:00+0000"}
    return {"post": told | fields}


def comment(**fields: Any) -> dict[str, Any]:
    told = {"id": "7001_8001", "message": "hi", "created_time": "2026-11-23T12:00:00+0000"}
    return {"comment": told | fields, "post_id": POST_ID}


FULL_POST = post(
    updated_time="2026-11-23T15:00:00+0000",
    is_published=True,
    message_tags=[
        {"id": "5", "name": "Jane Roe", "type": "user", "offset": 0, "length": 8},
        {"id": "6", "name": "#cloud", "offset": 9, "length": 6},
    ],
    attachments={"data": [{"type": "share", "unshimmed_url": "https://www.Blog.example/a?b=c"}]},
    shares={"count": 3},
    reactions={"data": [], "summary": {"total_count": 11, "viewer_reaction": "NONE"}},
    comments={"data": [], "summary": {"total_count": 7, "order": "chronological"}},
    **{"from": {"id": "104857600001001", "name": "Nimbus"}},
)
FULL_COMMENT = comment(
    parent={"id": "7001_8000"},
    message_tags=[{"id": "104857600001001", "name": "Nimbus", "type": "page"}],
    attachment={"type": "share", "unshimmed_url": "https://a.example/x"},
    like_count=4,
    comment_count=2,
    **{"from": {"id": "55", "name": "Ada L."}},
)


def pushed(**value: Any) -> dict[str, Any]:
    """A change of a comment as a notification tells it; ``None`` leaves a field out."""
    told = {
        "from": {"id": "55", "name": "Ada L."},
        "item": "comment",
        "verb": "add",
        "post_id": POST_ID,
        "comment_id": "7001_8001",
        "parent_id": POST_ID,
        "created_time": 1795435200,
        "message": "hi",
    } | value
    told = {name: said for name, said in told.items() if said is not None}
    change = {"field": "feed", "value": told}
    return {"id": "104857600001001", "time": 1795435203, "change": change}


def pushed_post(**value: Any) -> dict[str, Any]:
    own = {"item": "status", "comment_id": None, "parent_id": None, "published": 1}
    return pushed(**{**own, "message": "hello", **value})


def test_every_field_of_a_full_post() -> None:
    assert parse(FULL_POST) == Post(
        post_id=POST_ID,
        chain_id=POST_ID,
        author_id="104857600001001",
        conversation_id=POST_ID,
        kind="post",
        created_at=NOON,
        text="hello",
        platform_lang=None,
        known_names=["Nimbus", "Jane Roe"],
        mention_count=1,
        link_domains=["blog.example"],
        like_count=11,
        reply_count=7,
        repost_count=3,
        view_count=None,
        edited=False,
    )


def test_every_field_of_a_full_comment() -> None:
    assert parse(FULL_COMMENT) == Post(
        post_id="7001_8001",
        chain_id="7001_8001",
        author_id="55",
        conversation_id=POST_ID,
        kind="reply",
        created_at=NOON,
        text="hi",
        platform_lang=None,
        known_names=["Ada L.", "Nimbus"],
        mention_count=1,
        link_domains=["a.example"],
        like_count=4,
        reply_count=2,
        repost_count=None,
        view_count=None,
        edited=False,
    )


# What is pushed and what is fetched are one post: ids, creation and words agree.


ADA: dict[str, Any] = {"from": {"id": "55", "name": "Ada L."}}

FETCHED = [
    pytest.param(pushed(), comment(**ADA), id="comment"),
    pytest.param(
        pushed(comment_id="7001_8002", parent_id="7001_8001"),
        comment(id="7001_8002", parent={"id": "7001_8001"}, **ADA),
        id="reply",
    ),
    # What stands on a photo of a post answers the photo, and so the post.
    pytest.param(
        pushed(parent_id="104857600001001_9999"),
        comment(**ADA),
        id="comment on a photo",
    ),
    pytest.param(pushed(**{"from": None}), comment(), id="author withheld"),
    pytest.param(
        pushed_post(), post(**ADA), id="visitor's post"
    ),
    pytest.param(
        pushed_post(item="share", link="https://www.blog.example/a?b=c", **{"from": None}),
        post(attachments={"data": [{"unshimmed_url": "https://blog.example/a?b=c"}]}),
        id="link",
    ),
    pytest.param(
        pushed_post(item="photo", link="https://scontent.fbcdn.net/a.jpg", **{"from": None}),
        post(attachments={"data": [{"unshimmed_url": "https://www.facebook.com/photos/1"}]}),
        id="photo",
    ),
    pytest.param(pushed_post(verb="edited", **{"from": None}), post(), id="edited"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "fetched"), FETCHED)
def test_a_pushed_change_is_the_row_that_is_fetched(
    change: dict[str, Any], fetched: dict[str, Any]
) -> None:
    assert parse(change) == parse(fetched)


@pytest.mark.parametrize("pushed_first", [True, False])
@pytest.mark.parametrize(("change", "fetched"), FETCHED)
def test_both_copies_are_one_row_whichever_came_first(
    change: dict[str, Any], fetched: dict[str, Any], pushed_first: bool
) -> None:
    copies = [("stream", change), ("batch", fetched)]
    lines = [
        json.dumps(
            {
                "platform": "facebook",
                "source": source,
                "fetched_at": (NOON + dt.timedelta(minutes=minute)).isoformat(),
                "payload": payload,
            }
        ).encode()
        for minute, (source, payload) in enumerate(copies if pushed_first else copies[::-1])
    ]

    batch = parse_lines(facebook, "facebook", lines, "an object")
    rows = deduplicate(pl.from_arrow(batch.posts)).to_dicts()  # type: ignore[union-attr]

    assert batch.refusals == []
    assert [(row["line"], row["observation_count"]) for row in rows] == [(2, 2)]


@pytest.mark.parametrize(
    "given",
    [FULL_POST, FULL_COMMENT, pushed(), pushed_post(photos=["https://a.example/1"])],
    ids=["post", "comment", "pushed comment", "pushed post"],
)
def test_full_payloads_hold_nothing_unknown(given: dict[str, Any]) -> None:
    drift = FieldDrift(FIELDS)

    drift.observe(given)

    assert not drift.unknown


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (post(mood="x"), "post.mood"),
        (post(reactions={"summary": {"new": 1}}), "post.reactions.summary.new"),
        (comment(attachment={"media": {}}), "comment.attachment.media"),
        (comment(message_tags=[{"new": 1}]), "comment.message_tags[].new"),
        ({**comment(), "beside": 1}, "beside"),
        (pushed(mood="x"), "change.value.mood"),
    ],
)
def test_new_fields_are_told(given: dict[str, Any], path: str) -> None:
    drift = FieldDrift(FIELDS)

    drift.observe(given)

    assert set(drift.unknown) == {path}


def test_fields_that_vanish_are_told() -> None:
    drift = FieldDrift(FIELDS)

    for _ in range(5):
        drift.observe(post())
        drift.observe(comment(like_count=1))

    assert set(drift.vanished()) == {
        "post.updated_time", "post.is_published", "post.reactions", "post.comments",
        "comment.comment_count",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "absent"),
    [
        (post(), {"like_count", "reply_count", "repost_count"}),
        (comment(), {"like_count", "reply_count", "repost_count"}),
        (post(shares={}, reactions={}, comments={"summary": {}}),
         {"like_count", "reply_count", "repost_count"}),
        ({"post": {"id": POST_ID, "created_time": "2026-11-23T12:00:00+0000"}},
         {"like_count", "reply_count", "repost_count", "text"}),
    ],
)  # fmt: skip
def test_the_least_that_is_needed(given: dict[str, Any], absent: set[str]) -> None:
    row = parse(given)

    nothing = {name for name, value in row._asdict().items() if value is None}
    assert nothing == absent | {"author_id", "platform_lang", "view_count"}
    assert (row.known_names, row.mention_count, row.link_domains) == ([], 0, [])


@pytest.mark.parametrize(
    ("parent", "kind"),
    [(None, "comment"), ({"id": "7001_8000"}, "reply"), ({}, "reply")],
)
def test_what_answers_a_comment_is_a_reply(parent: Any, kind: str) -> None:
    assert parse(comment(parent=parent)).kind == kind


# Comments whose id is withheld


def withheld(**fields: Any) -> dict[str, Any]:
    given = comment(**fields)
    del given["comment"]["id"]
    return given


def test_a_comment_without_an_id_gets_one_that_stays() -> None:
    first = parse(withheld(like_count=1))
    again = parse(withheld(like_count=7, comment_count=3))
    elsewhere = parse(withheld(created_time="2026-11-23T14:00:00+0200"))

    assert first.post_id == again.post_id == elsewhere.post_id == first.chain_id
    assert len(first.post_id) == 64
    assert (first.author_id, first.conversation_id) == (None, POST_ID)
    assert parse(comment(id="7001_8001")).post_id == "7001_8001"


OTHERS = [
    withheld(message="hi!"),
    withheld(message=None),
    withheld(created_time="2026-11-23T12:00:01+0000"),
    withheld(attachment={"type": "share", "unshimmed_url": "https://a.example"}),
    {**withheld(), "post_id": "104857600001001_7002"},
    # The parts don't run into each other.
    withheld(message="hi0:https"),
]


def test_what_differs_gets_another() -> None:
    ids = {parse(given).post_id for given in [withheld(), *OTHERS]}

    assert len(ids) == 1 + len(OTHERS)


# Names, tags, links


@pytest.mark.parametrize(
    ("tags", "names", "count"),
    [
        ([], [], 0),
        ([{"id": "1", "name": "Ada"}, {"id": "1", "name": "Ada"}], ["Ada", "Ada"], 1),
        ([{"id": "1", "name": "Ada"}, {"id": "2", "name": "Ada"}], ["Ada", "Ada"], 2),
        ([{"name": "Ada"}, {"name": "Bob"}], ["Ada", "Bob"], 2),
        ([{"id": "9", "name": "#cloud"}], [], 0),
        ([{"id": "9"}], [], 1),
    ],
)
def test_who_is_tagged(tags: list[dict[str, str]], names: list[str], count: int) -> None:
    row = parse(post(message_tags=tags))

    assert (row.known_names, row.mention_count) == (names, count)


LINKS = [
    ("see https://news.example/a, or http://News.example:8080/b", [], ["news.example"]),
    ("www.a.example and https://jane:secret@b.example/jane", [], ["a.example", "b.example"]),
    ("https://c.example?u=jane@d.example", [], ["c.example"]),
    ("https://c.example#jane. Mail jane@d.example", [], ["c.example"]),
    ("https://localhost/jane http:///jane", [], []),
    ("", ["https://www.facebook.com/nimbus/photos/1", "https://fb.watch/x", "https://fb.me/x"], []),
    ("", ["https://m.facebook.com/x", "https://notfacebook.com/x"], ["notfacebook.com"]),
    ("", ["mailto:jane@mail.example", "", "jane.example/x"], []),
    ("https://a.example", ["https://a.example/2", "https://b.example"], ["a.example", "b.example"]),
]


@pytest.mark.parametrize(("text", "urls", "domains"), LINKS)
def test_of_links_the_hosts_remain(text: str, urls: list[str], domains: list[str]) -> None:
    shared = [{"type": "share", "unshimmed_url": url} for url in urls]

    assert parse(post(message=text, attachments={"data": shared})).link_domains == domains


# Times, shapes, refusals


TIMES = [
    ("2026-11-23T12:00:00+0000", NOON),
    ("2026-11-23T13:00:00+0100", NOON),
    ("2026-11-23T12:00:00Z", NOON),
    ("2026-11-24T01:00:00+02:00", NOON + dt.timedelta(hours=11)),
]


@pytest.mark.parametrize(("text", "moment"), TIMES)
@pytest.mark.parametrize("make", [post, comment], ids=["post", "comment"])
def test_times_are_utc(make: Any, text: str, moment: dt.datetime) -> None:
    row = parse(make(created_time=text))

    assert row.created_at == moment
    assert row.created_at.utcoffset() == dt.timedelta()


@pytest.mark.parametrize(
    "given",
    [
        post(message=7, message_tags="?"),
        comment(message=7, id=9, **{"from": []}),
        pushed(message=7, post_id=9, **{"from": []}),
    ],
)
def test_routing_reads_nothing_else(given: dict[str, Any]) -> None:
    """A damaged text must not keep a record out of the window that its time names."""
    routed = msgspec.convert(given, facebook.Routing)

    assert facebook.created_at(routed) == NOON


@pytest.mark.parametrize("given", [FULL_POST, FULL_COMMENT], ids=["post", "comment"])
def test_a_payload_is_read_as_bytes_text_or_values(given: dict[str, Any]) -> None:
    encoded = json.dumps(given)

    assert parse(given) == parse(encoded) == parse(encoded.encode())


REFUSED = [
    (b"{", "truncated"),
    (b"\xff\xfe", "malformed"),
    (b'{"new": ' + b"[" * 100_000, "recursion"),
    ({}, "one of `post`, `comment` and `change` must stand"),
    ({**post(), **comment()}, "one of `post`, `comment` and `change` must stand"),
    (post(id=""), r"at `\$\.post\.id`"),
    (post(id=17), r"at `\$\.post\.id`"),
    (post(created_time="jane"), r"at `\$\.post\.created_time`"),
    (post(created_time="2026-11-23T12:00:00"), r"at `\$\.post\.created_time`"),
    (post(created_time=None), r"created_time is missing.*at `\$\.post`"),
    (comment(created_time=None), r"created_time is missing.*at `\$\.comment`"),
    (post(created_time="0001-01-01T00:00:00+0200"), "outside the calendar"),
    (post(message={"jane": 1}), r"at `\$\.post\.message`"),
    (post(shares={"count": -1}), r"at `\$\.post\.shares\.count`"),
    (post(message_tags={"0": []}), r"at `\$\.post\.message_tags`"),
    (comment(like_count=10**13), r"at `\$\.comment\.like_count`"),
    ({"comment": comment()["comment"]}, r"without the id of its post - at `\$\.post_id`"),
    ({**post(), **pushed()}, "one of `post`, `comment` and `change` must stand"),
    (pushed(created_time=None), r"created_time is missing - at `\$\.change\.value`"),
    (pushed(created_time=10**15), r"outside the calendar - at `\$\.change\.value`"),
    (pushed(created_time="jane"), r"at `\$\.change\.value\.created_time`"),
    (pushed(post_id=None), r"post_id is missing - at `\$\.change\.value`"),
    ({"change": {"field": "feed"}}, r"at `\$\.change`"),
]


@pytest.mark.parametrize(("given", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_a_row_is_refused(given: Any, reason: str) -> None:
    with pytest.raises(Refused, match=f"(?i){reason}") as refused:
        parse(given)
    assert "jane" not in refused.value.reason


def test_unknown_fields_are_none_of_our_business() -> None:
    assert parse(post(story="Nimbus updated their cover.", new={"deep": [1]})) == parse(post())
