"""Recent search as its callers see it: fields, paging, reach, refusals, tokens, limits."""

from __future__ import annotations

import html
import itertools
import json
from typing import Any

import pytest

from sentiment_assets_tests.simulator.conftest import CLASSIC, NOW, RENAMED, Client, make_client
from simulator.clock import HOUR_MS, iso, parse_ms
from simulator.x.post import subject_of
from simulator.x.query import parse
from simulator.x.snowflake import created_ms
from simulator.x.story import Story

WINDOW = {"start_time": "2026-11-23T08:00:00Z", "end_time": "2026-11-23T10:00:00Z"}


@pytest.mark.parametrize("asked", [CLASSIC, RENAMED], ids=["classic", "renamed"])
def test_every_page_of_a_day_is_valid_newest_first_and_within_its_bounds(
    client: Client, asked: dict[str, Any]
) -> None:
    bounds = {"start_time": "2026-11-19T00:00:00Z", "end_time": "2026-11-20T00:00:00Z"}
    pages = list(client.pages(**asked, **bounds))
    posts = [post for page in pages for post in page["data"]]
    ids = [int(post["id"]) for post in posts]
    assert len(pages) > 3
    assert ids == sorted(set(ids), reverse=True)
    for page in pages:
        shown = [post["id"] for post in page["data"]]
        assert page["meta"]["result_count"] == len(shown)
        assert (page["meta"]["newest_id"], page["meta"]["oldest_id"]) == (shown[0], shown[-1])
    for post in posts:
        assert post["created_at"] == iso(created_ms(int(post["id"])))
        assert bounds["start_time"] <= post["created_at"] < bounds["end_time"]


@pytest.mark.parametrize("size", [10, 37, 100])
def test_paging_covers_each_post_exactly_once(client: Client, story: Story, size: int) -> None:
    query = parse("nimbus -is:retweet")
    hours = range(parse_ms(WINDOW["start_time"]), parse_ms(WINDOW["end_time"]), HOUR_MS)
    expected = [
        str(post.id)
        for at in reversed(hours)
        for post in story.timeline(at // HOUR_MS)
        if post.searchable(parse_ms(NOW)) and query.matches(subject_of(post, story))
    ]
    found = client.posts(query=query.text, max_results=size, **WINDOW)
    assert [post["id"] for post in found] == expected
    assert len(expected) > 2 * 10


def test_both_spellings_tell_the_same(client: Client) -> None:
    classic = next(client.pages(**CLASSIC, **WINDOW))
    renamed = next(client.pages(**RENAMED, **WINDOW))
    assert "edit_history_post_ids" in renamed["data"][0]
    respelled = json.dumps(renamed)
    for new, old in (
        ("edit_history_post_ids", "edit_history_tweet_ids"),
        ("referenced_posts", "referenced_tweets"),
        ("note_post", "note_tweet"),
        ("repost_count", "retweet_count"),
        ('"posts": [', '"tweets": ['),
        ('"resource_type": "post"', '"resource_type": "tweet"'),
        ("find post", "find tweet"),
    ):
        respelled = respelled.replace(new, old)
    assert json.loads(respelled)["data"] == classic["data"]
    assert json.loads(respelled)["includes"] == classic["includes"]


def test_only_what_is_asked_for_comes(client: Client) -> None:
    bare = client.ask(query="nimbus")
    assert len(bare["data"]) == 10
    assert set(bare) == {"data", "meta"}
    assert {key for post in bare["data"] for key in post} == {
        "id",
        "text",
        "edit_history_tweet_ids",
    }
    some = client.ask(query="nimbus", expansions="author_id", **{"tweet.fields": "lang"})
    assert {key for post in some["data"] for key in post} == {
        "id",
        "text",
        "edit_history_tweet_ids",
        "lang",
    }
    assert set(some["includes"]["users"][0]) == {"id", "name", "username"}


def test_expansions_hold_what_the_posts_refer_to(client: Client) -> None:
    for page in client.pages(**CLASSIC, **WINDOW):
        users = {user["id"] for user in page["includes"]["users"]}
        included = {post["id"]: post for post in page["includes"].get("tweets", ())}
        missing = {error["value"] for error in page.get("errors", ())}
        assert {post["author_id"] for post in page["data"]} <= users
        for post in page["data"]:
            for reference in post.get("referenced_tweets", ()):
                assert reference["id"] in included.keys() | missing
                if reference["type"] == "retweeted" and reference["id"] in included:
                    original = html.unescape(included[reference["id"]]["text"])
                    _, _, quoted = html.unescape(post["text"]).partition(": ")
                    assert original.startswith(quoted.rstrip("…")[:100])


def test_entities_point_at_their_words(client: Client) -> None:
    seen = set()
    for post in client.posts(**CLASSIC, **WINDOW):
        for kind, name, sign in (("hashtags", "tag", "#"), ("mentions", "username", "@")):
            for entity in post.get("entities", {}).get(kind, ()):
                seen.add(kind)
                assert post["text"][entity["start"] : entity["end"]] == sign + entity[name]
    assert seen == {"hashtags", "mentions"}


def test_ampersands_are_escaped_and_long_posts_have_a_note(client: Client) -> None:
    posts = client.posts(**CLASSIC, **WINDOW)
    assert any("&amp;" in post["text"] for post in posts)
    assert not any("<3" in post["text"] for post in posts)
    notes = [post for post in posts if "note_tweet" in post]
    assert notes
    for post in notes:
        start, _, link = post["text"].partition("…")
        assert post["note_tweet"]["text"].startswith(start)
        assert len(post["note_tweet"]["text"]) > 280
        assert link.startswith(" https://t.co/")


def test_ids_bound_a_search_as_times_do(client: Client) -> None:
    posts = client.posts(query="nimbus", max_results=100, **WINDOW)
    newest, oldest = posts[0]["id"], posts[-1]["id"]
    inner = client.posts(query="nimbus", max_results=100, since_id=oldest, until_id=newest)
    assert inner == posts[1:-1]


def test_a_page_may_repeat_the_last_posts_when_asked_to(story: Story) -> None:
    calm, restless = make_client(story), make_client(story, repeats=1.0)
    asked: dict[str, Any] = {"query": "nimbus", "max_results": 50, **WINDOW}
    once = [post["id"] for post in calm.posts(**asked)]
    pages = [[post["id"] for post in page["data"]] for page in restless.pages(**asked)]
    assert all(before[-1] == after[0] for before, after in itertools.pairwise(pages))
    assert list(dict.fromkeys(one for page in pages for one in page)) == once


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({}, "query"),
        ({"query": " "}, "query"),
        ({"query": "n" * 513}, "query"),
        ({"query": "(nimbus"}, "query"),
        ({"query": "nimbus", "colour": "red"}, "colour"),
        ({"query": "nimbus", "max_results": 9}, "max_results"),
        ({"query": "nimbus", "max_results": 101}, "max_results"),
        ({"query": "nimbus", "max_results": "ten"}, "max_results"),
        ({"query": "nimbus", "tweet.fields": "id,colour"}, "tweet.fields"),
        ({"query": "nimbus", "user.fields": "shoe_size"}, "user.fields"),
        ({"query": "nimbus", "expansions": "author"}, "expansions"),
        ({"query": "nimbus", "tweet.fields": "id", "post.fields": "id"}, "post.fields"),
        ({"query": "nimbus", "start_time": "yesterday"}, "start_time"),
        ({"query": "nimbus", "start_time": "2026-11-16T19:29:59Z"}, "start_time"),
        ({"query": "nimbus", "start_time": "2026-11-23T19:29:55Z"}, "start_time"),
        ({"query": "nimbus", "end_time": "2026-11-23T19:29:51Z"}, "end_time"),
        ({"query": "nimbus", "end_time": "2026-11-16T00:00:00Z"}, "end_time"),
        (
            {
                "query": "nimbus",
                "start_time": "2026-11-23T09:00:00Z",
                "end_time": "2026-11-23T08:00:00Z",
            },
            "end_time",
        ),
        (
            {"query": "nimbus", "start_time": "2026-11-23T09:00:00Z", "since_id": "1"},
            "since_id",
        ),
        ({"query": "nimbus", "since_id": "12"}, "since_id"),
        ({"query": "nimbus", "until_id": "12"}, "until_id"),
        ({"query": "nimbus", "since_id": "abc"}, "since_id"),
        ({"query": "nimbus", "next_token": "nonsense"}, "next_token"),
    ],
)
def test_what_x_refuses_is_refused_by_name(
    client: Client, parameters: dict[str, Any], named: str
) -> None:
    answer = client.get(**parameters)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/problem+json")
    body = client.ask(**parameters)
    assert named in [name for error in body["errors"] for name in error["parameters"]]


@pytest.mark.parametrize(
    "parameters",
    [
        {"start_time": "2026-11-16T19:30:00Z"},
        {"end_time": "2026-11-23T19:29:50Z"},
        {"end_time": "2026-11-23T21:29:50+02:00"},
        {"start_time": "2026-11-23T19:00:00.000Z", "max_results": 100},
        {"query": "n" * 512},
    ],
)
def test_the_edges_are_allowed(client: Client, parameters: dict[str, Any]) -> None:
    assert client.get(**{"query": "nimbus", **parameters}).status_code == 200


def test_a_token_belongs_to_its_search(client: Client) -> None:
    token = client.ask(query="nimbus")["meta"]["next_token"]
    assert client.get(query="nimbus", next_token=token).status_code == 200
    assert client.get(query="stratus", next_token=token).status_code == 400
    assert client.get(query="nimbus", next_token=token[:-1] + "_").status_code == 400


def test_nothing_found_is_an_answer_without_data(client: Client) -> None:
    assert client.ask(query="zeppelin") == {"meta": {"result_count": 0}}


@pytest.mark.parametrize("header", ["", "Bearer ", "Basic abc"])
def test_without_a_token_nothing_is_told(client: Client, header: str) -> None:
    client.headers["authorization"] = header
    assert client.get(query="nimbus").status_code == 401
    assert client.ask(query="nimbus")["title"] == "Unauthorized"


def test_the_rate_limit_counts_down_per_token_and_then_refuses(story: Story) -> None:
    client = make_client(story, limit=3)
    answers = [client.get(query="nimbus") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["x-rate-limit-remaining"] for answer in answers] == list("2100")
    assert {answer.headers["x-rate-limit-limit"] for answer in answers} == {"3"}
    assert len({answer.headers["x-rate-limit-reset"] for answer in answers}) == 1
    assert client.ask(query="nimbus")["title"] == "Too Many Requests"
    client.headers["authorization"] = "Bearer another"
    assert client.get(query="nimbus").status_code == 200


def test_usage_counts_the_posts_read(client: Client) -> None:
    client.ask(query="nimbus", max_results=20)
    client.ask(query="nimbus", max_results=30)
    asked = {"usage.fields": "daily_project_usage", "days": 3}
    usage = client.ask("/2/usage/tweets", **asked)["data"]
    assert usage["project_usage"] == "50"
    assert usage["cap_reset_day"] == 8, "days left of November"
    assert [day["usage"] for day in usage["daily_project_usage"]["usage"]] == ["0", "0", "50"]
    assert client.get("/2/usage/tweets", days=91).status_code == 400
    assert client.get("/2/usage/tweets", **{"usage.fields": "price"}).status_code == 400


def test_an_unknown_endpoint_is_a_problem_too(client: Client) -> None:
    assert client.ask("/2/tweets")["status"] == 404
