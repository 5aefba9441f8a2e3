"""The simulator's Instagram: every answer against its schema, pages, limits, reach and faults."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from sentiment_assets_tests.simulator.conftest import NOW, Caller, validator
from simulator import instagram
from simulator.clock import Clock, parse_ms
from simulator.instagram import ACCOUNTS
from simulator.instagram.hashtags import id_of
from simulator.site import World

BRAND, RIVAL = ACCOUNTS["brand"], ACCOUNTS["rival"]
MEDIA, RECENT = f"{BRAND}/media", f"{id_of('nimbus')}/recent_media"
MEDIA_FIELDS = (
    "id,caption,media_type,media_product_type,permalink,shortcode,timestamp,username,owner,"
    "like_count,comments_count,is_comment_enabled"
)
TAGGED_FIELDS = "id,caption,media_type,permalink,timestamp,like_count,comments_count"
REPLY_FIELDS = "id,text,timestamp,username,from,like_count,parent_id,hidden,media"
COMMENT_FIELDS = f"{REPLY_FIELDS},replies.limit(3){{{REPLY_FIELDS}}}"
NOON = dt.datetime(2026, 11, 23, 19, 30, tzinfo=dt.timezone.utc)


class Reader(Caller):
    """Checks every answer against its schema."""

    def __init__(self, limit: int = 10_000) -> None:
        world = World(seed=7, clock=Clock(parse_ms(NOW)), source="story", rate_limit=limit)
        super().__init__([instagram.site(world)], "/instagram")

    def get(self, path: str, version: str = "v26.0", **params: Any) -> httpx.Response:
        """Any answer, of 200 or not."""
        answer = self.send("GET", f"/instagram/{version}/{path}", params=params)
        if answer.headers["content-type"].startswith("application/json"):
            edge = path.rpartition("/")[2].replace("replies", "comments")
            shared = edge == "debug_token" or not answer.is_success
            name = edge if answer.is_success else "error"
            schema = validator(f"{'facebook' if shared else 'instagram'}_{name}")
            schema.validate(answer.json())
        assert answer.headers["x-simulated"] == "true"
        return answer

    def ask(self, path: str, **params: Any) -> Any:
        """The body of a 200."""
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, path: str, **params: Any) -> tuple[int, int, int | None]:
        """Status, code and subcode of a refusal."""
        answer = self.get(path, **params)
        error = answer.json()["error"]
        return answer.status_code, error["code"], error.get("error_subcode")

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

    def search(self, name: str = "nimbus", user: str = BRAND) -> str:
        """The id of a hashtag."""
        body = self.ask("ig_hashtag_search", user_id=user, q=name)
        return str(body["data"][0]["id"])

    def talked_about(self) -> Any:
        """A media object with many comments."""
        media = self.ask(MEDIA, fields="comments_count", limit=60)["data"]
        return max(media, key=lambda one: one["comments_count"])


def add(reader: Reader, **post: Any) -> str:
    """Adds a post of an hour ago, or what is told of it; returns its id."""
    made = {"created_at": "2026-11-23T18:30:00Z", **post}
    return str(reader.control("POST", "posts", {"posts": [made]})["ids"][0])


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture(scope="module")
def told() -> Reader:
    """For tests that change nothing."""
    return Reader()


def test_the_tokens_pages_name_the_accounts(told: Reader) -> None:
    pages = told.ask("me/accounts", fields="instagram_business_account")["data"]
    accounts = [page.get("instagram_business_account", {}).get("id") for page in pages]
    assert accounts == [None, *instagram.ACCOUNTS.values()]


# Media of an account


def test_media_come_newest_first_page_by_page(told: Reader) -> None:
    pages = list(told.pages(MEDIA, fields=MEDIA_FIELDS, since="2026-11-01T00:00:00Z", limit=40))
    media = [one for page in pages for one in page["data"]]

    assert [len(page["data"]) for page in pages[:-1]] == [40] * (len(pages) - 1)
    times = [one["timestamp"] for one in media]
    assert times == sorted(times, reverse=True)
    assert times[-1] >= "2026-11-01"
    assert len({one["id"] for one in media}) == len(media) > 100
    assert {one["owner"]["id"] for one in media} == {BRAND}
    assert {one["username"] for one in media} == {"nimbuscloud"}
    # Graph's cursors on every page, the last included.
    assert "next" not in pages[-1]["paging"]
    assert "after" in pages[-1]["paging"]["cursors"]


@pytest.mark.parametrize("spelling", ["unix", "iso"])
def test_time_based_paging_takes_both_bounds(told: Reader, spelling: str) -> None:
    every = told.ask(MEDIA, fields="timestamp", limit=30)["data"]
    oldest, newest = every[20]["timestamp"], every[10]["timestamp"]
    if spelling == "unix":
        told_times = [str(int(dt.datetime.fromisoformat(t).timestamp())) for t in (oldest, newest)]
    else:
        told_times = [t.replace("+0000", "Z") for t in (oldest, newest)]

    found = told.all(MEDIA, fields="timestamp", since=told_times[0], until=told_times[1], limit=4)

    # Whole seconds include the fraction at the upper end.
    upper = 10 if spelling == "unix" else 11
    assert [one["id"] for one in found] == [one["id"] for one in every[upper:21]]


def test_two_accounts_have_media_of_their_own(told: Reader) -> None:
    brand = {one["id"] for one in told.ask(MEDIA, limit=20)["data"]}
    rival = {one["id"] for one in told.ask(f"{RIVAL}/media", limit=20)["data"]}
    assert len(brand) == len(rival) == 20
    assert not brand & rival


def test_only_what_is_asked_for_comes(told: Reader) -> None:
    assert set(told.ask(MEDIA, limit=1)["data"][0]) == {"id"}
    assert set(told.ask(MEDIA, fields="caption", limit=1)["data"][0]) == {"id", "caption"}
    assert told.refused(MEDIA, fields="mood") == (400, 100, None)


# Comments and replies


def test_comments_come_newest_first_fifty_a_page_and_the_last_without_paging(told: Reader) -> None:
    media = told.talked_about()
    pages = list(told.pages(f"{media['id']}/comments", fields=COMMENT_FIELDS, limit=100))
    comments = [one for page in pages for one in page["data"]]

    assert [len(page["data"]) for page in pages[:-1]] == [50] * (len(pages) - 1)
    assert len(pages) > 1
    assert all(set(page["paging"]["cursors"]) == {"after"} for page in pages[:-1])
    assert "paging" not in pages[-1]
    times = [one["timestamp"] for one in comments]
    assert times == sorted(times, reverse=True)
    assert not any("parent_id" in one for one in comments)


def test_all_comments_and_their_replies_are_what_the_count_says(told: Reader) -> None:
    media = told.talked_about()
    comments = told.all(f"{media['id']}/comments", fields=COMMENT_FIELDS, limit=50)
    replies = [
        reply
        for comment in comments
        for reply in told.all(f"{comment['id']}/replies", fields=REPLY_FIELDS, limit=2)
    ]

    ids = [one["id"] for one in (*comments, *replies)]
    assert len(ids) == len(set(ids)) == media["comments_count"]
    assert {reply["media"]["id"] for reply in replies} == {media["id"]}
    assert {reply["parent_id"] for reply in replies} <= {one["id"] for one in comments}


def test_few_replies_stand_inside_and_an_address_leads_to_the_rest(told: Reader) -> None:
    media = told.talked_about()
    comments = told.all(f"{media['id']}/comments", fields=COMMENT_FIELDS, limit=50)
    with_more = [one for one in comments if "paging" in one.get("replies", {})]
    complete = [one for one in comments if "paging" not in one.get("replies", {"paging": 0})]

    assert with_more
    assert complete
    for one in with_more:
        inside = one["replies"]
        assert f"/{one['id']}/replies?" in inside["paging"]["next"]
        rest = told.all(f"{one['id']}/replies", after=inside["paging"]["cursors"]["after"])
        every = told.all(f"{one['id']}/replies")
        assert [r["id"] for r in (*inside["data"], *rest)] == [r["id"] for r in every]
        assert len(inside["data"]) == 3


def test_a_reply_to_a_reply_stands_under_the_comment(reader: Reader) -> None:
    media = reader.ask(MEDIA, limit=1)["data"][0]["id"]
    comment = add(reader, text="1", parent=media)
    reply = add(reader, text="2", parent=comment)
    deeper = add(reader, text="3", parent=reply)

    found = reader.all(f"{comment}/replies", fields="parent_id")

    assert {one["id"]: one["parent_id"] for one in found} == {reply: comment, deeper: comment}
    assert deeper not in {one["id"] for one in reader.all(f"{media}/comments")}


@pytest.mark.parametrize(
    "path",
    [
        "1/media",
        f"{BRAND}/comments",
        "7/comments",
        "x/comments",
        "99999999999999999999999/comments",
        "7/replies",
    ],
)
def test_what_does_not_exist_is_refused_as_graph_does(told: Reader, path: str) -> None:
    assert told.refused(path) == (400, 100, 33)


def test_a_media_object_is_no_comment_and_other_peoples_cannot_be_read(told: Reader) -> None:
    media = told.talked_about()["id"]
    assert told.refused(f"{media}/replies") == (400, 100, 33)
    told.search()
    [tagged] = told.ask(RECENT, user_id=BRAND, limit=1)["data"]
    assert told.refused(f"{tagged['id']}/comments") == (400, 100, 33)


def test_what_is_deleted_and_edited_and_late(reader: Reader) -> None:
    first = add(reader, text="first words")
    late = add(reader, text="late", visible_at="2026-11-23T19:45:00Z")
    reader.control("POST", f"posts/{first}", {"text": "second thoughts"})

    found = {one["id"]: one for one in reader.ask(MEDIA, fields=MEDIA_FIELDS, limit=20)["data"]}
    assert found[first]["caption"] == "second thoughts"
    assert late not in found
    reader.set_clock("2026-11-23T20:00:00Z")
    assert late in {one["id"] for one in reader.ask(MEDIA, limit=20)["data"]}
    reader.control("DELETE", f"posts/{first}")
    assert first not in {one["id"] for one in reader.ask(MEDIA, limit=20)["data"]}
    assert reader.refused(f"{first}/comments") == (400, 100, 33)


# Hashtags


def test_a_hashtags_id_is_the_same_for_everybody(reader: Reader) -> None:
    assert reader.search("nimbus", BRAND) == reader.search("NIMBUS", RIVAL) == id_of("nimbus")
    assert Reader().search() == id_of("nimbus")


def test_recent_media_are_those_of_24_hours_in_no_strict_order_and_without_names(
    told: Reader,
) -> None:
    told.search()
    pages = list(told.pages(RECENT, user_id=BRAND, fields=TAGGED_FIELDS, limit=100))
    media = [one for page in pages for one in page["data"]]

    assert [len(page["data"]) for page in pages[:-1]] == [50] * (len(pages) - 1)
    assert len(pages) > 4
    times = [one["timestamp"] for one in media]
    assert times != sorted(times, reverse=True)
    assert min(times) >= "2026-11-22T19:30:00+0000"
    assert all("#nimbus" in one["caption"].lower() for one in media)
    # Some owners hide their likes.
    assert 0 < sum("like_count" not in one for one in media) < len(media) / 3
    assert told.refused(RECENT, user_id=BRAND, fields="username") == (400, 100, None)


def test_the_cursor_is_the_same_on_every_page_and_leads_on(told: Reader) -> None:
    told.search()
    pages = list(told.pages(RECENT, user_id=BRAND, limit=50))

    cursors = [page["paging"]["cursors"]["after"] for page in pages if "paging" in page]
    assert len(cursors) == len(pages) - 1 > 3
    assert len(set(cursors)) == 1
    ids = [one["id"] for page in pages for one in page["data"]]
    assert len(ids) == len(set(ids))
    # Another listing has a cursor of its own, and does not disturb this one.
    again = told.ask(RECENT, user_id=BRAND, limit=50)
    assert again["paging"]["cursors"]["after"] not in cursors
    assert [one["id"] for one in again["data"]] == ids[:50]
    assert told.refused(RECENT, user_id=BRAND, after="QVFIgone") == (400, 100, None)


def test_a_page_that_broke_on_its_way_is_given_again(reader: Reader) -> None:
    reader.search()
    whole = [one["id"] for one in reader.all(RECENT, user_id=BRAND, limit=50)]
    first = reader.ask(RECENT, user_id=BRAND, limit=50)
    after = first["paging"]["cursors"]["after"]
    reader.fault("truncated_json")
    broken = reader.send(
        "GET", f"/instagram/v26.0/{RECENT}", params={"user_id": BRAND, "limit": 50, "after": after}
    )

    second = reader.ask(RECENT, user_id=BRAND, limit=50, after=after)

    assert not broken.content.endswith(b"}")
    assert [one["id"] for one in second["data"]] == whole[50:100]


def test_the_31st_hashtag_in_7_days_is_refused_for_that_account_only(reader: Reader) -> None:
    tags = " ".join(f"#tag{n}" for n in range(40))
    add(reader, text=tags, account=None)
    for number in range(30):
        reader.search(f"tag{number}")

    assert reader.refused("ig_hashtag_search", user_id=BRAND, q="tag30") == (400, 18, 2207034)
    # Known ones, by either edge, and other accounts go on.
    assert reader.search("tag7") == id_of("tag7")
    assert reader.search("tag30", RIVAL) == id_of("tag30")
    assert reader.refused(f"{id_of('tag30')}/recent_media", user_id=BRAND) == (400, 18, 2207034)
    searched = reader.ask(f"{BRAND}/recently_searched_hashtags", limit=30)["data"]
    assert {one["id"] for one in searched} == {id_of(f"tag{n}") for n in range(30)}
    # Seven days later all are free again.
    reader.set_clock("2026-11-30T19:30:01Z")
    assert reader.ask(f"{BRAND}/recently_searched_hashtags")["data"] == []
    assert reader.search("nimbus") == id_of("nimbus")


@pytest.mark.parametrize(
    ("path", "params", "refusal"),
    [
        ("ig_hashtag_search", {"user_id": BRAND, "q": "nobodyusesthis"}, (400, 24, 2207024)),
        ("ig_hashtag_search", {"user_id": BRAND, "q": "☁️"}, (400, 100, None)),
        ("ig_hashtag_search", {"user_id": BRAND}, (400, 100, None)),
        ("ig_hashtag_search", {"q": "nimbus"}, (400, 100, None)),
        ("ig_hashtag_search", {"user_id": "1", "q": "nimbus"}, (400, 100, 33)),
        ("17843000000000001/recent_media", {"user_id": BRAND}, (400, 100, 33)),
        ("1/recently_searched_hashtags", {}, (400, 100, 33)),
    ],
)
def test_hashtags_that_cannot_be_searched(
    reader: Reader, path: str, params: dict[str, str], refusal: tuple[int, int, int | None]
) -> None:
    assert reader.refused(path, **params) == refusal


# What all of Graph has


def test_the_token_tells_its_scopes(told: Reader) -> None:
    token = told.ask("debug_token", input_token="t")["data"]
    assert {"instagram_basic", "instagram_manage_comments"} < set(token["scopes"])
    assert token["expires_at"] == int(NOON.timestamp()) + 60 * 86_400


def test_usage_is_told_as_instagrams_and_used_up_is_80002() -> None:
    reader = Reader(limit=4)
    answers = [reader.get(MEDIA, limit=1) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 4 + [400]
    assert '"type":"instagram"' in answers[0].headers["x-business-use-case-usage"]
    assert answers[4].json()["error"]["code"] == 80002


def test_without_a_token_nothing_is_served(told: Reader) -> None:
    answer = httpx.Response(200)
    headers, told.headers = told.headers, {}
    try:
        answer = told.get(MEDIA)
    finally:
        told.headers = headers
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 104)


def altered(reader: Reader, name: str, path: str, **params: Any) -> Any:
    """The first page under a fault, without a look at its schema."""
    reader.fault(name)
    answer = reader.send("GET", f"/instagram/v26.0/{path}", params=params)
    assert answer.status_code == 200
    return answer.json()


def test_authors_are_withheld_inside_and_out(reader: Reader) -> None:
    media = reader.talked_about()["id"]

    body = altered(reader, "no_from", f"{media}/comments", fields=COMMENT_FIELDS, limit=50)

    replies = [reply for one in body["data"] for reply in one.get("replies", {}).get("data", [])]
    assert replies
    assert not any({"from", "username"} & set(one) for one in (*body["data"], *replies))


def test_objects_of_wrong_types_with_less_and_with_more(reader: Reader) -> None:
    wrong = altered(reader, "wrong_types", MEDIA, fields=MEDIA_FIELDS)["data"]
    assert (wrong[0]["caption"], wrong[1]["timestamp"], wrong[2]["id"]) == (123, "yesterday", 17)
    fewer = altered(reader, "missing_fields", MEDIA, fields=MEDIA_FIELDS)["data"]
    assert ["caption" in fewer[0], "timestamp" in fewer[1], "id" in fewer[2]] == [False] * 3
    assert "mood_ring" in altered(reader, "unknown_field", MEDIA)["data"][0]
    gone = altered(reader, "vanished_field", MEDIA, fields=MEDIA_FIELDS)["data"]
    assert not any("comments_count" in one for one in gone)


@pytest.mark.parametrize("path", [MEDIA, RECENT])
def test_pages_that_stand_still(reader: Reader, path: str) -> None:
    reader.search()
    params = {"user_id": BRAND, "limit": 10}
    first = reader.ask(path, **params)["data"]

    for fault, shown in (("repeated_cursor", first), ("empty_page", [])):
        reader.fault(fault)
        standing = reader.ask(path, **params)
        address = parse_qs(urlsplit(standing["paging"]["next"]).query)
        again = reader.ask(path, **params, after=address["after"][0])
        assert (standing["data"], again["data"]) == (shown, first)


def test_short_pages_have_a_next(reader: Reader) -> None:
    reader.search()
    for path in (MEDIA, RECENT):
        reader.fault("short_page")
        page = reader.ask(path, user_id=BRAND, limit=30)
        assert len(page["data"]) == 10
        assert "next" in page["paging"]
