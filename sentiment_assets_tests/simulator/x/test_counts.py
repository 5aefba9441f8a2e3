"""Recent counts as their callers see them: they agree with what search finds."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from sentiment_assets_tests.simulator.conftest import NOW, SEARCH, Client
from simulator.clock import iso, parse_ms

COUNTS = "/2/tweets/counts/recent"
QUERY = "nimbus -is:retweet"
BOUNDS = {"start_time": "2026-11-19T13:20:00Z", "end_time": "2026-11-20T01:40:00Z"}
LENGTHS = {"minute": len("2026-11-19T13:20"), "hour": len("2026-11-19T13"), "day": 10}


def found(client: Client, **parameters: Any) -> list[str]:
    """Creation times of what search finds."""
    asked = {"query": QUERY, "max_results": 100, "tweet.fields": "created_at", **parameters}
    return [post["created_at"] for post in client.posts(path=SEARCH, **asked)]


@pytest.mark.parametrize("granularity", ["minute", "hour", "day"])
def test_buckets_hold_what_search_finds(client: Client, granularity: str) -> None:
    body = client.ask(COUNTS, query=QUERY, granularity=granularity, **BOUNDS)
    times = found(client, **BOUNDS)
    assert len(times) > 50
    length = LENGTHS[granularity]
    counted = {one["start"][:length]: one["tweet_count"] for one in body["data"]}
    assert {start: count for start, count in counted.items() if count} == Counter(
        time[:length] for time in times
    )
    assert body["meta"] == {"total_tweet_count": len(times)}


def test_buckets_follow_each_other_from_start_to_end(client: Client) -> None:
    data = client.ask(COUNTS, query=QUERY, **BOUNDS)["data"]
    assert len(data) == 13, "hours, by default"
    starts, ends = [one["start"] for one in data], [one["end"] for one in data]
    assert starts[1:] == ends[:-1]
    assert (starts[0], ends[-1]) == ("2026-11-19T13:20:00.000Z", "2026-11-20T01:40:00.000Z")
    assert starts[1] == "2026-11-19T14:00:00.000Z"


def test_seven_days_come_in_one_answer(client: Client) -> None:
    body = client.ask(COUNTS, query=QUERY, granularity="day")
    assert body["data"][0]["start"] == "2026-11-16T19:30:00.000Z"
    assert body["data"][-1]["end"] == iso(parse_ms(NOW) - 30_000)
    assert body["meta"]["total_tweet_count"] == len(found(client)) > 500


def test_ids_are_bounds_too(client: Client) -> None:
    posts = list(client.posts(query=QUERY, max_results=100))
    middle = posts[len(posts) // 2]["id"]
    newer = client.ask(COUNTS, query=QUERY, since_id=middle)["meta"]["total_tweet_count"]
    older = client.ask(COUNTS, query=QUERY, until_id=middle)["meta"]["total_tweet_count"]
    assert (newer, older) == (len(posts) // 2, len(posts) - len(posts) // 2 - 1)


def test_nothing_found_is_counted_as_zero(client: Client) -> None:
    body = client.ask(COUNTS, query="unheardofword", granularity="day")
    assert {one["tweet_count"] for one in body["data"]} == {0}
    assert body["meta"]["total_tweet_count"] == 0


def test_counting_reads_no_posts(client: Client) -> None:
    client.ask(COUNTS, query=QUERY)
    assert client.ask("/2/usage/tweets")["data"]["project_usage"] == "0"


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("granularity", "week"),
        ("query", "(nimbus"),
        ("query", "n" * 513),
        ("start_time", "2026-11-01T00:00:00Z"),
        ("next_token", "b26v89c19zqg8o3f"),
        ("search_count.fields", "start,price"),
        ("max_results", "100"),
    ],
)
def test_refusals_name_the_parameter(client: Client, parameter: str, value: str) -> None:
    body = client.ask(COUNTS, **{"query": QUERY, parameter: value})
    assert body["title"] == "Invalid Request"
    assert {name for error in body["errors"] for name in error["parameters"]} == {parameter}


def test_the_spelling_of_2026_comes_unasked(client: Client) -> None:
    classic = client.ask(COUNTS, query=QUERY, granularity="day")
    client.fault("new_spelling")
    renamed = client.ask(COUNTS, query=QUERY, granularity="day")
    assert renamed["meta"] == {"total_post_count": classic["meta"]["total_tweet_count"]}
    assert [one["post_count"] for one in renamed["data"]] == [
        one["tweet_count"] for one in classic["data"]
    ]


def test_missing_meta(client: Client) -> None:
    client.fault("missing_meta")
    assert client.get(COUNTS, query=QUERY).json().keys() == {"data"}
