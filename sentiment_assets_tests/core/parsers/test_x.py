"""X posts to rows: both spellings, long posts, reposts, edits, and what is missing."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import msgspec
import pytest

from sentiment_assets.core.parsers import Post, Refused, creation_time, x
from sentiment_assets.core.parsers.x import SNOWFLAKE_EPOCH_MS, parse

UTC = dt.timezone.utc
NOON = dt.datetime(2026, 11, 23, 12, tzinfo=UTC)


def snowflake(instant: dt.datetime, sequence: int = 0) -> str:
    milliseconds = round(instant.timestamp() * 1000)
    return str((milliseconds - SNOWFLAKE_EPOCH_MS << 22) + sequence)


ID = snowflake(NOON)


def payload(includes: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    data = {"id": ID, "text": "hello", "created_at": "2026-11-23T12:00:00.000Z"} | fields
    return {"data": data} | ({} if includes is None else {"includes": includes})


def parsed(includes: dict[str, Any] | None = None, **fields: Any) -> Post:
    return parse(payload(includes, **fields))


def test_every_field_of_a_full_post() -> None:
    post = parsed(
        includes={
            "users": [
                {"id": "5", "username": "jane_roe", "name": "Jane Roe"},
                {"id": "6", "username": "nimbus", "name": "Nimbus"},
            ]
        },
        author_id="5",
        conversation_id="77",
        lang="en",
        public_metrics={
            "like_count": 1, "reply_count": 2, "retweet_count": 3, "impression_count": 4,
            "quote_count": 9, "bookmark_count": 9,
        },
        entities={
            "mentions": [{"start": 0, "end": 7, "username": "nimbus", "id": "6"}],
            "urls": [{"url": "https://t.co/a", "expanded_url": "https://www.Example.com/a/b"}],
        },
        edit_history_tweet_ids=[ID],
    )  # fmt: skip
    assert post == Post(
        post_id=ID,
        chain_id=ID,
        author_id="5",
        conversation_id="77",
        kind="post",
        created_at=NOON,
        text="hello",
        platform_lang="en",
        known_names=["jane_roe", "Jane Roe", "nimbus", "Nimbus", "nimbus"],
        mention_count=1,
        link_domains=["example.com"],
        like_count=1,
        reply_count=2,
        repost_count=3,
        view_count=4,
        edited=False,
    )


def test_the_least_that_a_post_needs() -> None:
    post = parsed()
    absent = {"author_id", "conversation_id", "platform_lang"} | {
        f"{of}_count" for of in ("like", "reply", "repost", "view")
    }
    assert {name for name, value in post._asdict().items() if value is None} == absent
    assert (post.known_names, post.mention_count, post.link_domains) == ([], 0, [])


ORIGINAL = {"id": "9", "text": "the whole original"}
FIRST, SECOND = snowflake(NOON, 1), snowflake(NOON + dt.timedelta(minutes=20))


@pytest.mark.parametrize(
    ("classic", "renamed"),
    [
        (
            {"note_tweet": {"text": "long", "entities": {"mentions": [{"username": "a"}]}}},
            {"note_post": {"text": "long", "entities": {"mentions": [{"username": "a"}]}}},
        ),
        (
            {"referenced_tweets": [{"type": "retweeted", "id": "9"}]},
            {"referenced_posts": [{"type": "reposted", "id": "9"}]},
        ),
        (
            {"referenced_tweets": [{"type": "replied_to", "id": "9"}]},
            {"referenced_posts": [{"type": "replied_to", "id": "9"}]},
        ),
        (
            {"id": SECOND, "edit_history_tweet_ids": [FIRST, SECOND]},
            {"id": SECOND, "edit_history_post_ids": [FIRST, SECOND]},
        ),
        ({"public_metrics": {"retweet_count": 3}}, {"public_metrics": {"repost_count": 3}}),
        ({"public_metrics": {"retweet_count": 0}}, {"public_metrics": {"repost_count": 0}}),
    ],
)
def test_both_spellings_say_the_same(classic: dict[str, Any], renamed: dict[str, Any]) -> None:
    as_classic = parsed({"tweets": [ORIGINAL]}, **classic)
    as_renamed = parsed({"posts": [ORIGINAL]}, **renamed)
    assert as_classic == as_renamed
    assert as_classic != parsed()


@pytest.mark.parametrize("note", ["note_tweet", "note_post"])
def test_a_long_posts_text_and_entities_are_the_notes(note: str) -> None:
    post = parsed(
        text="the first 280 characters …",
        entities={"mentions": [{"username": "short"}]},
        **{
            note: {
                "text": "all of it",
                "entities": {
                    "mentions": [{"username": "long"}, {"username": "longer"}],
                    "urls": [{"expanded_url": "https://a.example/x"}],
                },
            }
        },
    )
    assert (post.text, post.mention_count, post.link_domains) == ("all of it", 2, ["a.example"])
    assert set(post.known_names) == {"long", "longer"}


def test_whoever_is_mentioned_is_named_once_in_the_texts_order() -> None:
    handles = ["zoe", "ann", "zoe", "kim", "bea", "ann"]
    post = parsed(entities={"mentions": [{"username": handle} for handle in handles]})
    assert (post.known_names, post.mention_count) == (["zoe", "ann", "kim", "bea"], 4)


@pytest.mark.parametrize(
    ("types", "answers", "kind"),
    [
        ([], None, "post"),
        ([], "5", "reply"),
        (["quoted"], None, "post"),
        (["quoted"], "5", "reply"),
        (["quoted", "replied_to"], None, "reply"),
        (["replied_to", "quoted"], None, "reply"),
        (["replied_to", "retweeted"], None, "repost"),
        (["retweeted"], "5", "repost"),
    ],
)
def test_what_several_references_make_of_a_post(
    types: list[str], answers: str | None, kind: str
) -> None:
    references = [{"type": told, "id": "9"} for told in types]
    post = parsed(referenced_tweets=references, in_reply_to_user_id=answers)
    assert post.kind == kind


def test_a_note_without_entities_keeps_the_posts() -> None:
    post = parsed(entities={"mentions": [{"username": "short"}]}, note_tweet={"text": "all of it"})
    assert (post.text, post.known_names) == ("all of it", ["short"])


def test_people_that_x_recognised_are_names() -> None:
    recognised = {
        "annotations": [
            {"type": "Person", "normalized_text": "Jane Roe", "probability": 0.9},
            {"type": "Place", "normalized_text": "Durban"},
            {"start": 1},
        ]
    }
    assert parsed(entities=recognised).known_names == ["Jane Roe"]


def test_a_reposts_names_are_those_of_the_original_too() -> None:
    people = {"annotations": [{"type": "Person", "normalized_text": "Jane Roe"}]}
    original = {
        **ORIGINAL,
        "entities": {"mentions": [{"username": "nimbus"}]},
        "note_tweet": {"text": "all of it", "entities": people},
    }
    post = parsed({"tweets": [original]}, referenced_tweets=[{"type": "retweeted", "id": "9"}])
    assert (post.text, post.known_names) == ("all of it", ["nimbus", "Jane Roe"])


REPOSTS = [{"type": "retweeted", "id": "9"}]


@pytest.mark.parametrize(
    ("fields", "included", "kind", "text"),
    [
        ({}, [], "post", "cut …"),
        ({"referenced_tweets": REPOSTS}, [ORIGINAL], "repost", "the whole original"),
        (
            {"referenced_tweets": REPOSTS},
            [ORIGINAL | {"note_tweet": {"text": "longer still"}}],
            "repost",
            "longer still",
        ),
        (
            {"referenced_tweets": REPOSTS},
            [ORIGINAL | {"note_post": {"text": "longer still"}}],
            "repost",
            "longer still",
        ),
        # Its original was deleted, or is another one: its own words are all there is.
        ({"referenced_tweets": REPOSTS}, [], "repost", "cut …"),
        ({"referenced_tweets": REPOSTS}, [{"id": "8", "text": "no"}], "repost", "cut …"),
        ({"referenced_tweets": REPOSTS}, [{"id": "9"}], "repost", "cut …"),
        # A quote says something of its own.
        ({"referenced_tweets": [{"type": "quoted", "id": "9"}]}, [ORIGINAL], "post", "cut …"),
        ({"referenced_tweets": [{"type": "replied_to", "id": "9"}]}, [ORIGINAL], "reply", "cut …"),
        ({"in_reply_to_user_id": "5"}, [], "reply", "cut …"),
        (
            {"in_reply_to_user_id": "5", "referenced_tweets": REPOSTS},
            [ORIGINAL], "repost", "the whole original",
        ),
    ],
)  # fmt: skip
def test_kind_and_text_of_posts_that_refer_to_others(
    fields: dict[str, Any], included: list[dict[str, Any]], kind: str, text: str
) -> None:
    post = parsed({"tweets": included}, text="cut …", **fields)
    assert (post.kind, post.text) == (kind, text)


@pytest.mark.parametrize(
    ("own", "chain", "chain_id", "created_at", "edited"),
    [
        (FIRST, None, FIRST, NOON, False),
        (FIRST, [], FIRST, NOON, False),
        (FIRST, [FIRST], FIRST, NOON, False),
        (SECOND, [FIRST, SECOND], FIRST, NOON, True),
        # An order that nobody promises, and a first version that is shorter by a digit.
        (SECOND, [SECOND, FIRST], FIRST, NOON, True),
        ("1" + "0" * 18, ["1" + "0" * 18, "9" * 18], "9" * 18,
         dt.datetime(2018, 5, 25, 13, 5, 53, tzinfo=UTC), True),
        # Ids that are no snowflakes: the post's own time is the best that is known.
        ("b", ["a", "b"], "a", dt.datetime(2026, 11, 23, 12, 20, tzinfo=UTC), True),
        ("3", ["9" * 25, "8" * 26], "9" * 25, dt.datetime(2026, 11, 23, 12, 20, tzinfo=UTC), True),
        ("3", ["9" * 5000, "8" * 5000], "8" * 5000,
         dt.datetime(2026, 11, 23, 12, 20, tzinfo=UTC), True),
    ],
)  # fmt: skip
def test_an_edit_keeps_the_date_of_its_chains_first_version(
    own: str, chain: list[str] | None, chain_id: str, created_at: dt.datetime, edited: bool
) -> None:
    told = "2026-11-23T12:20:00Z" if edited else "2026-11-23T12:00:00Z"
    fields: dict[str, Any] = {"id": own, "created_at": told} | (
        {} if chain is None else {"edit_history_tweet_ids": chain}
    )
    post = parsed(**fields)
    assert (post.post_id, post.chain_id, post.edited) == (own, chain_id, edited)
    assert post.created_at.replace(microsecond=0) == created_at
    assert creation_time(x, payload(**fields)) == post.created_at


def test_routing_reads_nothing_else() -> None:
    """A damaged text must not keep a post out of the window that its time names."""
    assert creation_time(x, payload(text=7, entities="?", author_id=[])) == NOON


@pytest.mark.parametrize(
    ("urls", "domains"),
    [
        ([{"url": "https://t.co/abc"}], []),
        ([{"url": "https://t.co/abc", "expanded_url": "http://News.Example/a?b=c"}],
         ["news.example"]),
        ([{"expanded_url": "https://bit.ly/x", "unwound_url": "https://shop.example/y"}],
         ["shop.example"]),
        ([{"expanded_url": "https://www.a.example"}, {"expanded_url": "https://a.example/2"},
          {"expanded_url": "https://b.example:8443/"}], ["a.example", "b.example"]),
        # Who stands in a link is nobody's business.
        ([{"expanded_url": "https://jane:secret@a.example/x"}], ["a.example"]),
        ([{"expanded_url": "https://a.example?user=jane"}], ["a.example"]),
        ([{"expanded_url": "https://a.example#jane"}], ["a.example"]),
        ([{"expanded_url": "https://a.example\\jane"}], ["a.example"]),
        ([{"expanded_url": "https://a.example?mail=jane@mail.example"}], ["a.example"]),
        ([{"expanded_url": "mailto:jane@mail.example"}, {"url": "a.example/jane"}, {}], []),
        ([{"expanded_url": "https:///jane"}, {"expanded_url": "https://@/jane"}], []),
    ],
)  # fmt: skip
def test_of_links_the_hosts_remain(urls: list[dict[str, str]], domains: list[str]) -> None:
    assert parsed(entities={"urls": urls}).link_domains == domains


@pytest.mark.parametrize(
    ("tag", "lang"),
    [("en", "en"), ("de", "de"), ("und", None), ("zxx", None), ("qme", None), ("", None),
     (None, None)],
)  # fmt: skip
def test_the_platforms_language_tag(tag: str | None, lang: str | None) -> None:
    assert parsed(lang=tag).platform_lang == lang


@pytest.mark.parametrize(
    "includes",
    [{}, {"users": []}, {"users": [{"id": "5"}]}, {"media": [{"media_key": "3_1"}]}],
)
def test_includes_without_an_author(includes: dict[str, Any]) -> None:
    post = parsed(includes, author_id="5")
    assert (post.author_id, post.known_names) == ("5", [])


def test_a_time_in_another_zone_is_utc() -> None:
    post = parsed(created_at="2026-11-24T01:30:00+02:00")
    assert post.created_at == dt.datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    assert post.created_at.utcoffset() == dt.timedelta()


def test_a_payload_is_read_as_bytes_text_or_values() -> None:
    given = payload(author_id="5")
    encoded = json.dumps(given)
    assert parse(given) == parse(encoded) == parse(encoded.encode())


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (b"{", "truncated"),
        (b"\xff\xfe", "malformed"),
        (b'{"new_field": ' + b"[" * 100_000, "recursion"),
        ({"data": {"text": "jane@mail.example"}}, r"missing required field `id` - at `\$\.data`"),
        ({"data": {"id": ID, "created_at": "jane"}}, r"at `\$\.data\.created_at`"),
        ({"data": {"id": ID}}, r"created_at is missing"),
        ({}, "missing required field `data`"),
    ],
)
def test_what_is_no_post_is_refused(given: Any, reason: str) -> None:
    with pytest.raises(Refused, match=f"(?i){reason}") as refused:
        parse(given)
    assert "jane" not in refused.value.reason


@pytest.mark.parametrize("field", ["created_at", "id"])
def test_what_cannot_be_routed_says_why(field: str) -> None:
    given = payload()
    del given["data"][field]
    with pytest.raises(Refused, match=field):
        creation_time(x, given)


def test_unknown_fields_are_none_of_our_business() -> None:
    assert msgspec.json.decode(json.dumps(payload(new_field={"deep": [1]})))
    assert parsed(new_field={"deep": [1]}, possibly_sensitive=False) == parsed()
