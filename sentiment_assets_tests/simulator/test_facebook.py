"""The simulator's Facebook: every answer against its schema, pages, limits, versions and faults."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from sentiment_assets_tests.simulator.conftest import NOW, Caller, validator
from simulator import facebook
from simulator.clock import Clock, parse_ms
from simulator.facebook import PAGES
from simulator.site import World

BRAND, RIVAL = PAGES["brand"], PAGES["rival"]
FEED, COMMENTS = f"{BRAND}/feed", "/comments"
POST_FIELDS = (
    "id,message,created_time,updated_time,is_published,from,message_tags,permalink_url,"
    "attachments{type,unshimmed_url,url},shares,reactions.limit(0).summary(true),"
    "comments.filter(stream).limit(0).summary(true)"
)
COMMENT_FIELDS = (
    "id,message,created_time,from,parent,message_tags,attachment{type,unshimmed_url},like_count,"
    "comment_count,is_hidden"
)
NEWEST_FIRST = {"filter": "stream", "order": "reverse_chronological", "summary": "true"}


class Reader(Caller):
    """Checks every answer against its schema."""

    def __init__(self, limit: int = 10_000) -> None:
        world = World(seed=7, clock=Clock(parse_ms(NOW)), source="story", rate_limit=limit)
        super().__init__([facebook.site(world)], "/facebook")

    def get(self, path: str, version: str = "v26.0", **params: Any) -> httpx.Response:
        """Any answer, of 200 or not."""
        answer = self.send("GET", f"/facebook/{version}/{path}", params=params)
        if answer.headers["content-type"].startswith("application/json"):
            name = path.rpartition("/")[2] if answer.is_success else "error"
            name = name if name in ("feed", "comments", "debug_token", "error") else "node"
            validator(f"facebook_{name}").validate(answer.json())
        assert answer.headers["x-simulated"] == "true"
        return answer

    def ask(self, path: str, **params: Any) -> Any:
        """The body of a 200."""
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pages(self, path: str, **params: Any) -> Iterator[Any]:
        """All pages of an edge, by their cursors."""
        body = self.ask(path, **params)
        yield body
        while "next" in body.get("paging", {}):
            body = self.ask(path, **params, after=body["paging"]["cursors"]["after"])
            yield body

    def all(self, path: str, **params: Any) -> list[Any]:
        """The objects of all pages."""
        return [one for body in self.pages(path, **params) for one in body["data"]]


@pytest.fixture(scope="module")
def world_reader() -> Reader:
    return Reader()


@pytest.fixture
def reader(world_reader: Reader) -> Iterator[Reader]:
    world_reader.set_clock(NOW)
    world_reader.control("DELETE", "faults")
    yield world_reader
    world_reader.control("DELETE", "faults")


def discussed(reader: Reader) -> Any:
    """A post of the feed with many comments."""
    posts = reader.ask(FEED, fields=POST_FIELDS, limit=50)["data"]
    return max(posts, key=lambda post: post["comments"]["summary"]["total_count"])


def test_the_feed_is_ranked_newest_first_in_the_main_and_ends_without_next(reader: Reader) -> None:
    pages = list(reader.pages(FEED, fields=POST_FIELDS, limit=100))
    posts = [post for page in pages for post in page["data"]]

    assert [len(page["data"]) for page in pages] == [100] * 6
    assert len({post["id"] for post in posts}) == 600
    created = [post["created_time"] for post in posts]
    assert created != sorted(created, reverse=True)
    # Rank moves a post within its day.
    days = [time[:10] for time in created]
    assert days == sorted(days, reverse=True)
    last = pages[-1]["paging"]
    assert "next" not in last
    assert "previous" in last


def test_the_address_of_the_next_page_holds_token_and_parameters(reader: Reader) -> None:
    body = reader.ask(FEED, fields="id,from", limit=3)

    address = urlsplit(body["paging"]["next"])
    assert address.path == f"/facebook/v26.0/{FEED}"
    asked = parse_qs(address.query)
    assert asked == {
        "access_token": ["t"],
        "fields": ["id,from"],
        "limit": ["3"],
        "after": [body["paging"]["cursors"]["after"]],
    }


def test_before_leads_back(reader: Reader) -> None:
    first = reader.ask(FEED, limit=4)
    second = reader.ask(FEED, limit=4, after=first["paging"]["cursors"]["after"])

    back = reader.ask(FEED, limit=4, before=second["paging"]["cursors"]["before"])

    assert back["data"] == first["data"]


def test_a_post_has_what_was_asked_for_and_its_id(reader: Reader) -> None:
    post = discussed(reader)

    assert set(post) >= {"id", "created_time", "updated_time", "from", "reactions", "comments"}
    assert set(reader.ask(FEED, fields="message", limit=1)["data"][0]) <= {"id", "message"}
    assert post["id"].startswith(f"{BRAND}_")
    assert post["reactions"]["data"] == post["comments"]["data"] == []
    assert set(post["comments"]["summary"]) == {"order", "total_count", "can_comment"}


def test_two_pages_have_posts_of_their_own(reader: Reader) -> None:
    brand = {post["id"] for post in reader.ask(FEED, limit=20)["data"]}
    rival = {post["id"] for post in reader.ask(f"{RIVAL}/feed", limit=20)["data"]}

    assert not brand & rival
    assert reader.ask("me", fields="id,name") == {"id": BRAND, "name": "Nimbus"}
    assert reader.ask(RIVAL, fields="name,username,followers_count")["name"] == "Stratus"


def test_a_post_is_updated_by_its_last_comment(reader: Reader) -> None:
    post = discussed(reader)
    comments = reader.all(post["id"] + COMMENTS, fields=COMMENT_FIELDS, limit=100, **NEWEST_FIRST)

    assert len(comments) == post["comments"]["summary"]["total_count"]
    assert post["updated_time"] == comments[0]["created_time"]
    single = reader.send("GET", f"/facebook/v26.0/{post['id']}", params={"fields": "updated_time"})
    assert single.json() == {"id": post["id"], "updated_time": post["updated_time"]}


def test_comments_by_level_and_order(reader: Reader) -> None:
    path = discussed(reader)["id"] + COMMENTS
    fields = "id,created_time,parent{id}"

    flat = reader.all(path, fields=fields, limit=30, **NEWEST_FIRST)
    top = reader.all(path, fields=fields, limit=100)

    created = [one["created_time"] for one in flat]
    assert created == sorted(created, reverse=True)
    assert [one["created_time"] for one in top] == sorted(one["created_time"] for one in top)
    answers = [one for one in flat if "parent" in one]
    assert {one["id"] for one in top} == {one["id"] for one in flat if "parent" not in one}
    assert answers
    below = reader.all(answers[0]["parent"]["id"] + COMMENTS, fields=fields, limit=100)
    assert answers[0]["id"] in {one["id"] for one in below}


def test_tags_stand_where_they_say(reader: Reader) -> None:
    comments = reader.all(
        discussed(reader)["id"] + COMMENTS, fields=COMMENT_FIELDS, limit=100, filter="stream"
    )

    tags = [(one, tag) for one in comments for tag in one.get("message_tags", ())]
    assert tags
    for one, tag in tags:
        end = tag["offset"] + tag["length"]
        assert one["message"][tag["offset"] : end] == tag["name"]


REFUSED = [
    (FEED, {"limit": "101"}, 100, None, "should not exceed 100"),
    (FEED, {"limit": "none"}, 100, None, "must be an integer"),
    (FEED, {"fields": "id,mood"}, 100, None, r"nonexisting field \(mood\) on node type \(Post\)"),
    (FEED, {"fields": "id,,x"}, 2500, None, "Syntax error"),
    (FEED, {"fields": "from{id"}, 2500, None, "Syntax error"),
    (FEED, {"fields": "comments"}, 100, None, r"Only limit\(0\)"),
    (FEED, {"after": "bm8"}, 100, None, "Invalid cursors"),
    (FEED, {"after": "YXQ6MTIz"}, 100, None, "Invalid cursors"),
    ("104857600009009/feed", {}, 100, 33, "does not exist"),
    (f"{BRAND}_123/comments", {}, 100, 33, "does not exist"),
    ("debug_token", {}, 100, None, "input_token is required"),
    (f"{BRAND}/likes", {}, 2500, None, "Unknown path components"),
]


@pytest.mark.parametrize(("path", "params", "code", "subcode", "message"), REFUSED)
def test_what_is_refused(
    reader: Reader, path: str, params: dict[str, str], code: int, subcode: int | None, message: str
) -> None:
    answer = reader.get(path, **params)

    assert answer.status_code == 400
    said = answer.json()["error"]
    assert (said["code"], said.get("error_subcode")) == (code, subcode)
    assert re.search(message, said["message"])


def test_a_token_is_needed_in_the_header_or_as_a_parameter() -> None:
    reader = Reader()
    reader.headers = {}

    assert reader.get(FEED, limit=1).json()["error"]["code"] == 104
    assert reader.ask(FEED, limit=1, access_token="t")["data"]


def test_a_token_tells_of_itself(reader: Reader) -> None:
    told = reader.ask("debug_token", input_token="t")["data"]

    assert (told["is_valid"], told["type"], told["expires_at"]) == (True, "PAGE", 0)
    assert {"pages_read_engagement", "pages_read_user_content"} < set(told["scopes"])
    reader.fault("few_scopes", scopes=["pages_read_user_content"])
    assert (
        "pages_read_user_content"
        not in reader.ask("debug_token", input_token="t")["data"]["scopes"]
    )


@pytest.mark.parametrize(
    ("now", "asked", "answered"),
    [
        (NOW, "v26.0", "v26.0"),
        (NOW, "v21.0", "v21.0"),
        (NOW, "v19.0", "v21.0"),
        ("2027-01-21T00:00:00Z", "v21.0", "v22.0"),
    ],
)
def test_a_version_that_is_gone_is_answered_by_the_oldest_left(
    reader: Reader, now: str, asked: str, answered: str
) -> None:
    reader.set_clock(now)

    answer = reader.get(FEED, version=asked, limit=1)

    assert answer.status_code == 200
    assert answer.headers["facebook-api-version"] == answered


@pytest.mark.parametrize("version", ["v99.0", "26.0", "v26"])
def test_a_version_that_never_was(reader: Reader, version: str) -> None:
    assert reader.get(FEED, version=version).json()["error"]["code"] == 2500


def test_usage_rises_until_the_limit_and_then_calls_are_refused() -> None:
    reader = Reader(limit=4)

    answers = [reader.get(FEED, limit=1) for _ in range(5)]

    cases = [answer.headers["x-business-use-case-usage"] for answer in answers]
    assert [answer.status_code for answer in answers] == [200] * 4 + [400]
    assert ['"call_count":25' in case for case in cases] == [True] + [False] * 4
    assert '"call_count":100' in cases[3]
    assert '"type":"pages"' in cases[3]
    assert answers[4].json()["error"]["code"] == 80001
    assert '"estimated_time_to_regain_access":60' in cases[4]
    assert '"call_count":12' in answers[0].headers["x-app-usage"]
    # Another token has a limit of its own.
    reader.headers = {"authorization": "Bearer other"}
    assert reader.get(FEED, limit=1).status_code == 200


def test_an_edit_changes_text_and_time_of_update_only() -> None:
    reader = Reader()
    [post] = reader.control(
        "POST", "posts", {"posts": [{"text": "first", "created_at": "2026-11-23T19:00:00Z"}]}
    )["ids"]
    fields = {"fields": "message,created_time,updated_time"}
    before = reader.send("GET", f"/facebook/v26.0/{post}", params=fields).json()

    reader.set_clock("2026-11-23T19:40:00Z")
    reader.control("POST", f"posts/{post}", {"text": "second"})
    after = reader.send("GET", f"/facebook/v26.0/{post}", params=fields).json()

    assert before == {
        "id": post,
        "message": "first",
        "created_time": "2026-11-23T19:00:00+0000",
        "updated_time": "2026-11-23T19:00:00+0000",
    }
    assert after == before | {"message": "second", "updated_time": "2026-11-23T19:40:00+0000"}


def test_what_is_deleted_is_gone_from_lists_and_by_its_id() -> None:
    reader = Reader()
    post = reader.ask(FEED, limit=1)["data"][0]["id"]
    raw = {"text": "me too", "parent": post, "created_at": NOW}
    [answer] = reader.control("POST", "posts", {"posts": [raw]})["ids"]
    path = f"{post}{COMMENTS}"
    assert answer in {one["id"] for one in reader.all(path, filter="stream", limit=100)}

    reader.control("DELETE", f"posts/{answer}")
    assert answer not in {one["id"] for one in reader.all(path, filter="stream", limit=100)}
    reader.control("DELETE", f"posts/{post}")
    assert reader.get(path).json()["error"]["error_subcode"] == 33
    assert post not in {one["id"] for one in reader.ask(FEED)["data"]}


# Faults


REFUSING = [
    ("rate_limit", {}, 400, 80001, None),
    ("rate_limit", {"code": 4, "minutes": 7}, 400, 4, None),
    ("dead_token", {}, 400, 190, 463),
    ("dead_token", {"subcode": 460}, 400, 190, 460),
    ("forbidden", {}, 403, 10, None),
    ("permission", {}, 403, 200, None),
    ("blocked", {}, 400, 368, None),
    ("unknown_error", {}, 500, 1, None),
    ("service_error", {}, 503, 2, None),
    ("vanished", {}, 400, 100, 33),
    ("graph_error", {"code": 341, "status": 403, "message": "(#341) limit"}, 403, 341, None),
]


@pytest.mark.parametrize(("fault", "parameters", "status", "code", "subcode"), REFUSING)
def test_faults_that_refuse(
    reader: Reader,
    fault: str,
    parameters: dict[str, Any],
    status: int,
    code: int,
    subcode: int | None,
) -> None:
    reader.fault(fault, **parameters)

    answer = reader.get(FEED, limit=1)

    said = answer.json()["error"]
    assert (answer.status_code, said["code"], said.get("error_subcode")) == (status, code, subcode)
    if fault == "rate_limit":
        minutes = parameters.get("minutes", 1)
        told = f'"estimated_time_to_regain_access":{minutes}'
        assert told in answer.headers["x-business-use-case-usage"]
    assert reader.get(FEED, limit=1).status_code == 200


def test_too_much_data_until_the_limit_is_small_enough(reader: Reader) -> None:
    reader.fault("reduce_data", times=-1, above=10)

    refused = reader.get(FEED, limit=11)

    assert refused.status_code == 500
    assert refused.json()["error"]["code"] == 1
    assert len(reader.ask(FEED, limit=10)["data"]) == 10


def test_pages_that_are_short_or_empty_name_what_follows(reader: Reader) -> None:
    whole = [post["id"] for post in reader.ask(FEED, limit=9)["data"]]

    reader.fault("short_page")
    short = reader.ask(FEED, limit=9)
    assert [post["id"] for post in short["data"]] == whole[:3]
    rest = reader.ask(FEED, limit=6, after=short["paging"]["cursors"]["after"])
    assert [post["id"] for post in rest["data"]] == whole[3:]

    reader.fault("empty_page")
    empty = reader.ask(FEED, limit=9, after=short["paging"]["cursors"]["after"])
    assert empty["data"] == []
    [after] = parse_qs(urlsplit(empty["paging"]["next"]).query)["after"]
    assert reader.ask(FEED, limit=6, after=after)["data"] == rest["data"]


def test_a_repeated_cursor_goes_round(reader: Reader) -> None:
    reader.fault("repeated_cursor", times=2)

    first = reader.ask(FEED, limit=2)
    [after] = parse_qs(urlsplit(first["paging"]["next"]).query)["after"]
    again = reader.ask(FEED, limit=2, after=after)

    assert again["data"] == first["data"]
    assert again["paging"]["next"] == first["paging"]["next"]


ALTERING = [
    ("wrong_types", lambda data: [data[0]["message"], data[1]["created_time"], data[2]["id"]],
     [123, "yesterday", 17]),
    ("missing_fields",
     lambda data: ["message" in data[0], "created_time" in data[1], "id" in data[2]],
     [False] * 3),
    ("no_objects", lambda data: data[:3], [None, "gone", 7]),
    ("unknown_field", lambda data: ["mood_ring" in one for one in data], [True] * 5),
    ("vanished_field", lambda data: ["created_time" in one for one in data], [False] * 5),
    ("missing_paging", lambda data: len(data), 5),
    ("unpublished", lambda data: [one["is_published"] for one in data], [False] + [True] * 4),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "look", "seen"), ALTERING)
def test_faults_inside_a_good_answer(reader: Reader, fault: str, look: Any, seen: Any) -> None:
    reader.fault(fault)

    # Past the schema, which would refuse most of them.
    params = {"limit": 5, "fields": POST_FIELDS}
    body = reader.send("GET", f"/facebook/v26.0/{FEED}", params=params).json()

    assert look(body["data"]) == seen
    assert ("paging" in body) is (fault != "missing_paging")
    assert reader.ask(FEED, limit=5, fields=POST_FIELDS)["data"]


def test_public_content_access_withholds_ids_and_people(reader: Reader) -> None:
    post = discussed(reader)
    reader.fault("withheld", times=-1)

    comments = reader.ask(post["id"] + COMMENTS, fields=COMMENT_FIELDS, limit=100, **NEWEST_FIRST)[
        "data"
    ]
    posts = reader.all(FEED, fields=POST_FIELDS, limit=100)

    assert comments
    assert not any({"id", "from", "parent", "message_tags"} & set(one) for one in comments)
    assert all("id" in one for one in posts)
    assert {one["from"]["id"] for one in posts if "from" in one} == {BRAND}
    assert not all("from" in one for one in posts)


def test_usage_and_version_can_be_told_otherwise(reader: Reader) -> None:
    reader.fault("usage", percent=93, minutes=0)
    reader.fault("newer_version", version="v27.0")

    answer = reader.get(FEED, limit=1)

    assert '"call_count":93' in answer.headers["x-business-use-case-usage"]
    assert answer.headers["facebook-api-version"] == "v27.0"


def test_broken_bytes_stand_in_a_message(reader: Reader) -> None:
    reader.fault("bad_encoding")

    answer = reader.send("GET", f"/facebook/v26.0/{FEED}", params={"fields": "message", "limit": 2})

    assert answer.content.count(b"\xff\xfe") == 1


def test_times_are_whole_seconds_of_utc(reader: Reader) -> None:
    newest = reader.ask(FEED, fields="created_time", limit=100)["data"]

    moments = [dt.datetime.fromisoformat(one["created_time"]) for one in newest]
    assert max(moments) <= dt.datetime.fromisoformat(NOW)
    assert {moment.utcoffset() for moment in moments} == {dt.timedelta()}
