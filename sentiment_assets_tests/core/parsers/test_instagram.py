"""Instagram media, comments and replies to rows: kinds, names, links, and what is missing."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import msgspec
import pytest

from sentiment_assets.core.parsers import Post, Refused
from sentiment_assets.core.parsers.fields import FieldDrift
from sentiment_assets.core.parsers.instagram import FIELDS, Routing, created_at, parse

UTC = dt.timezone.utc
NOON = dt.datetime(2026, 11, 23, 12, tzinfo=UTC)
TOLD = "2026-11-23T12:00:00+0000"
ID, COMMENT_ID, MEDIA_ID = "17895695668004550", "17870913679156914", "17856134461174448"


def media(**fields: Any) -> dict[str, Any]:
    raw = {"id": ID, "timestamp": TOLD, "caption": "hello", "comments_count": 2}
    return {"media": raw | fields, "source": "account"}


def comment(parent_id: str | None = None, **fields: Any) -> dict[str, Any]:
    raw = {"id": COMMENT_ID, "timestamp": TOLD, "text": "hello", "like_count": 0}
    answered = {} if parent_id is None else {"parent_id": parent_id}
    return {"comment": raw | fields, "media_id": MEDIA_ID} | answered


def test_every_field_of_an_accounts_media() -> None:
    post = parse(
        media(
            caption="Nimbus 4 with @jane.roe, see https://www.Example.com/a/b?c",
            username="nimbus_cloud",
            owner={"id": "17841405309211844"},
            like_count=7,
        )
    )
    assert post == Post(
        post_id=ID,
        chain_id=ID,
        author_id="17841405309211844",
        conversation_id=ID,
        kind="post",
        created_at=NOON,
        text="Nimbus 4 with @jane.roe, see https://www.Example.com/a/b?c",
        platform_lang=None,
        known_names=["nimbus_cloud", "jane.roe"],
        mention_count=1,
        link_domains=["example.com"],
        like_count=7,
        reply_count=2,
        repost_count=None,
        view_count=None,
        edited=False,
    )


def test_a_comment_and_a_reply_to_it() -> None:
    first = parse(
        comment(text="@nimbus nice", like_count=3, **{"from": {"id": "9", "username": "jane"}})
    )
    reply = parse(comment(parent_id="17", username="sam"))
    assert first == Post(
        post_id=COMMENT_ID,
        chain_id=COMMENT_ID,
        author_id="9",
        conversation_id=MEDIA_ID,
        kind="comment",
        created_at=NOON,
        text="@nimbus nice",
        platform_lang=None,
        known_names=["jane", "nimbus"],
        mention_count=1,
        link_domains=[],
        like_count=3,
        reply_count=None,
        repost_count=None,
        view_count=None,
        edited=False,
    )
    assert (reply.kind, reply.conversation_id, reply.known_names) == ("reply", MEDIA_ID, ["sam"])


@pytest.mark.parametrize(
    ("given", "author_id", "names"),
    [
        # Other people's media of a hashtag tell neither.
        (media() | {"source": "hashtag"}, None, []),
        (media(owner={}), None, []),
        (media(owner={"id": ""}), None, []),
        # Without instagram_manage_comments, or of restricted people.
        (comment(), None, []),
        (comment(username="jane"), None, ["jane"]),
        (comment(**{"from": {"id": "9"}}), "9", []),
        (comment(**{"from": {"username": "jane"}}), None, ["jane"]),
        (comment(username="jane", **{"from": {"id": "9", "username": "jane"}}), "9", ["jane"]),
        # A renamed account between two caches.
        (
            comment(username="jane", **{"from": {"id": "9", "username": "jane_roe"}}),
            "9",
            ["jane", "jane_roe"],
        ),
    ],
)
def test_authors_may_be_withheld(
    given: dict[str, Any], author_id: str | None, names: list[str]
) -> None:
    post = parse(given)
    assert (post.author_id, post.known_names) == (author_id, names)


@pytest.mark.parametrize(
    ("text", "names", "count"),
    [
        (None, [], 0),
        ("", [], 0),
        ("no names", [], 0),
        ("@jane @Sam_7 and @a.b.c!", ["jane", "Sam_7", "a.b.c"], 3),
        # The same person twice, in any case.
        ("@jane @JANE", ["JANE"], 1),
        # The sentence's dot is no part of it; nor is an ellipsis.
        ("thank you @jane.", ["jane"], 1),
        ("@jane...", ["jane"], 1),
        ("thanks.@jane", ["jane"], 1),
        # Mail addresses, prices, lonely signs.
        ("jane@mail.example", [], 0),
        ("@ 5pm @. @", [], 0),
        # Scripts without spaces, emoji.
        ("ありがとう@hanako さん", ["hanako"], 1),
        ("🔥@jane🔥", ["jane"], 1),
        ("(@jane)", ["jane"], 1),
        ("@" + "a" * 40, ["a" * 30], 1),
    ],
)
def test_mentions_in_texts(text: str | None, names: list[str], count: int) -> None:
    for post in (parse(media(caption=text)), parse(comment(text=text))):
        assert (post.text, post.known_names, post.mention_count) == (text, names, count)


@pytest.mark.parametrize(
    ("text", "domains"),
    [
        ("nothing here", []),
        ("see www.Shop.example now", ["shop.example"]),
        ("https://a.example/x http://b.example:8443 https://www.a.example", ["a.example",
                                                                            "b.example"]),
        # Who stands in a link is nobody's business.
        ("https://jane:secret@a.example/x", ["a.example"]),
        ("https://a.example?user=jane#jane", ["a.example"]),
        ("https://a.example\\jane", ["a.example"]),
        ("mailto:jane@mail.example, a.example, https://", []),
        ("HTTPS://A.EXAMPLE.", ["a.example"]),
        ("wwww.example", []),
        ("https://münchen.example/x", ["münchen.example"]),
    ],
)  # fmt: skip
def test_of_links_the_hosts_remain(text: str, domains: list[str]) -> None:
    assert parse(media(caption=text)).link_domains == domains


def test_a_long_text_of_at_signs_is_read_at_once() -> None:
    text = "@" * 50_000 + " " + "https://" * 20_000
    assert parse(media(caption=text)).mention_count == 0


@pytest.mark.parametrize("field", ["caption", "like_count", "comments_count", "username", "owner"])
def test_what_media_may_lack(field: str) -> None:
    given = media(like_count=1, username="nimbus", owner={"id": "5"})
    del given["media"][field]
    lacked = {
        "caption": "text",
        "like_count": "like_count",
        "comments_count": "reply_count",
        "username": "known_names",
        "owner": "author_id",
    }[field]
    assert not getattr(parse(given), lacked)


def test_hidden_likes_are_unknown_and_not_none() -> None:
    assert parse(media()).like_count is None
    assert parse(media(like_count=0)).like_count == 0


@pytest.mark.parametrize(
    ("told", "instant"),
    [
        ("2026-11-23T12:00:00+0000", NOON),
        ("2026-11-24T01:30:00+02:00", dt.datetime(2026, 11, 23, 23, 30, tzinfo=UTC)),
        ("2026-11-23T12:00:00Z", NOON),
    ],
)
def test_times_are_utc(told: str, instant: dt.datetime) -> None:
    for given in (media(timestamp=told), comment(timestamp=told)):
        post = parse(given)
        assert post.created_at == instant
        assert post.created_at.utcoffset() == dt.timedelta()
        assert created_at(msgspec.convert(given, Routing)) == instant


def test_routing_reads_nothing_else() -> None:
    """A damaged text must not keep a post out of the window that its time names."""
    for given in (media(caption=7, owner="?"), comment(text=[], **{"from": 3}, like_count="x")):
        assert created_at(msgspec.convert(given, Routing)) == NOON


def test_a_payload_is_read_as_bytes_text_or_values() -> None:
    given = comment(username="jane")
    encoded = json.dumps(given)
    assert parse(given) == parse(encoded) == parse(encoded.encode())


@pytest.mark.parametrize(
    ("given", "code", "reason"),
    [
        (b"{", "malformed_record", "truncated"),
        (b"\xff\xfe", "malformed_record", "malformed"),
        (b'{"new_field": ' + b"[" * 100_000, "malformed_record", "recursion"),
        ({}, "malformed_record", "one of `media` and `comment`"),
        ({"media": {"id": "1"}, "comment": {"id": "2"}}, "malformed_record", "one of `media`"),
        ({"media": {"caption": "jane"}}, "malformed_record", r"field `id` - at `\$\.media`"),
        (media(id=17), "malformed_record", r"at `\$\.media\.id`"),
        (media(id=""), "malformed_record", r"at `\$\.media\.id`"),
        (media(caption=123), "malformed_record", r"at `\$\.media\.caption`"),
        (media(like_count=-1), "malformed_record", r"at `\$\.media\.like_count`"),
        (comment(text={"jane": 1}), "malformed_record", r"at `\$\.comment\.text`"),
        (comment(timestamp="jane"), "malformed_record", r"at `\$\.comment\.timestamp`"),
        (comment(timestamp="2026-11-23T12:00:00"), "malformed_record", "timezone"),
        ({"media": {"id": ID}}, "no_creation_time", r"missing.*at `\$\.media`"),
        ({"comment": {"id": ID}}, "no_creation_time", r"missing.*at `\$\.comment`"),
        (
            media(timestamp="0001-01-01T00:00:00+0900"),
            "no_creation_time",
            r"outside the calendar.*at `\$\.media`",
        ),
    ],
)
def test_what_is_no_post_is_refused(given: Any, code: str, reason: str) -> None:
    with pytest.raises(Refused, match=f"(?i){reason}") as refused:
        parse(given)
    assert refused.value.code == code
    assert "jane" not in refused.value.reason


def test_unknown_fields_are_none_of_our_business() -> None:
    assert parse(media(new_field={"deep": [1]})) == parse(media())
    assert parse(comment(hidden=False)) == parse(comment())


def test_the_canary_knows_the_fields_that_are_asked_for() -> None:
    drift = FieldDrift(FIELDS)
    for _ in range(6):
        drift.observe(media(owner={"id": "1"}, username="nimbus", like_count=3))
        drift.observe(comment(username="jane", **{"from": {"id": "1", "username": "jane"}}))
        drift.observe(comment(parent_id="1"))
    assert (dict(drift.unknown), drift.vanished()) == ({}, {})


def test_the_canary_sees_what_is_new_and_what_is_gone() -> None:
    drift = FieldDrift(FIELDS)
    for _ in range(6):
        given = media(permalink="https://www.instagram.com/p/x")
        del given["media"]["comments_count"]
        drift.observe(given)
    assert dict(drift.unknown) == {"media.permalink": 6}
    assert drift.vanished() == {"media.comments_count": 6}
