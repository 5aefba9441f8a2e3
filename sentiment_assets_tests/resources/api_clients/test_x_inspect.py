"""What X's client says of its access: by the simulator's answers, and by answers by script."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from resources.api_clients.access import Connection, Finding
from resources.api_clients.x import COUNTS, PATH, PREVIEWED, PRICE, USAGE, XClient
from simulator.clock import parse_ms
from simulator.x.query import parse
from simulator.x.snowflake import first_id_at
from simulator.x.story import Story

TOKEN = "AAAA-very-secret-token"
# Where the fixture stops the simulator's clock.
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Query:
    name: str
    value: str
    kind: str = "query"


BRAND, RIVALS = Query("brand", "nimbus"), Query("rivals", "stratus OR cirrus")
SILENT, BROKEN = Query("silent", "unheardofword"), Query("broken", "(nimbus")


@pytest.fixture
def client(simulator) -> Iterator[XClient]:
    made = XClient(simulator.url, TOKEN, max_wait_s=0, timeout_s=5, clock=lambda: NOW)
    yield made
    made.close()


@pytest.fixture
def scripted(server) -> Iterator[XClient]:
    made = XClient(server.url, TOKEN, max_wait_s=0, timeout_s=5, clock=lambda: NOW)
    yield made
    made.close()


def by_name(connection: Connection) -> dict[str, Finding]:
    names = [finding.what for finding in connection.findings]
    assert len(names) == len(set(names)), names
    assert all(finding.said for finding in connection.findings)
    assert all(finding.ok or finding.remedy for finding in connection.findings)
    assert TOKEN not in str(connection)
    return {finding.what: finding for finding in connection.findings}


def test_all_is_well(client) -> None:
    connection = client.inspect([BRAND, RIVALS])
    found = by_name(connection)
    assert connection.ok
    assert list(found) == [
        "token", "usage", "query brand", "query rivals", "search", "version", "allowance",
    ]  # fmt: skip
    assert found["usage"].said.endswith(
        "of 2,000,000 posts of this month are read; counted anew in 8 days"
    )
    assert found["version"].said.startswith("2")
    assert found["search"].said == f"open to the app; read {PREVIEWED} posts of query brand"
    assert "searches left until" in found["allowance"].said
    assert len(connection.preview) == PREVIEWED
    assert connection.preview[0]["data"]["created_at"] > "2026-11-23T11:00"
    assert connection.preview[0]["includes"]["users"]


def test_volume_is_what_the_query_finds_in_a_week(client) -> None:
    """Against the story itself, the simulator's own source."""
    brand, silent = client.inspect([BRAND, SILENT]).costs
    story, now = Story(seed=7), parse_ms("2026-11-23T12:00:00Z")
    week = 7 * 24 * 3_600_000
    bounds = first_id_at(now - 15_000) - 1, first_id_at(now - week + 60_000)
    posts = sum(1 for _ in story.newest_first(*bounds, parse("nimbus"), now))
    assert brand.posts_per_day == pytest.approx(posts / 7, rel=1e-3)
    assert brand.requests_per_search == -(-posts // 7 // 12 // 100) > 1
    assert (silent.posts_per_day, silent.requests_per_search) == (0.0, 1)
    assert {brand.price_per_post, silent.price_per_post} == {PRICE}
    assert str(PRICE) in brand.note
    assert "docs.x.com" in brand.note


def test_max_pages_bounds_the_cost(simulator) -> None:
    client = XClient(simulator.url, TOKEN, max_pages=1, max_wait_s=0, clock=lambda: NOW)
    (cost,) = client.inspect([BRAND]).costs
    assert (cost.requests_per_search, cost.posts_per_day) == (1, 1_200)
    assert "SENTIMENT_X_MAX_PAGES=1" in cost.note
    client.close()


def test_it_costs_a_count_a_source_and_one_small_page(client, simulator) -> None:
    def state() -> dict[str, Any]:
        told = httpx.get(f"{simulator.url}/_control/state").raise_for_status().json()
        by_path = {path: seen["requests"] for path, seen in told["endpoints"].items()}
        return {**by_path, "posts": told["posts_served"]}

    client.inspect([BRAND])
    before = state()
    client.inspect([BRAND, RIVALS, SILENT])
    after = state()
    assert {name: after[name] - before[name] for name in after} == {
        USAGE: 1, COUNTS: 3, PATH: 1, "posts": PREVIEWED,
    }  # fmt: skip


def test_a_query_that_finds_nothing_is_not_the_one_that_is_shown(client) -> None:
    connection = client.inspect([SILENT, BRAND])
    found = by_name(connection)
    assert connection.ok
    assert found["query silent"].remedy
    assert found["search"].said.endswith("posts of query brand")
    assert connection.preview


def test_nothing_at_all_is_found(client) -> None:
    connection = client.inspect([SILENT])
    assert connection.ok
    assert connection.preview == []
    assert by_name(connection)["search"].said == "open to the app; nothing was found"


def test_nothing_is_tracked(client) -> None:
    connection = client.inspect([])
    assert connection.ok
    assert list(by_name(connection)) == ["token", "usage", "allowance"]
    assert (connection.costs, connection.preview) == ([], [])


def test_a_wrong_query_leaves_the_others(client) -> None:
    connection = client.inspect([BROKEN, BRAND])
    found = by_name(connection)
    assert not connection.ok
    assert "not accepted" in found["query broken"].said
    assert "tracking.yaml" in found["query broken"].remedy
    assert found["query brand"].ok
    assert [cost.source for cost in connection.costs] == ["brand"]
    assert connection.preview


@pytest.mark.parametrize(
    ("fault", "parameters", "not_ok"),
    [
        pytest.param("dead_token", {}, ["token"], id="dead token"),
        pytest.param("dead_token", {"path": "search"}, ["token"], id="revoked meanwhile"),
        pytest.param("forbidden", {}, ["search"], id="forbidden"),
        pytest.param("forbidden", {"path": "usage"}, [], id="no usage"),
        pytest.param("forbidden", {"path": "counts"}, [], id="no counts"),
        pytest.param("rate_limit", {}, ["query brand"], id="rate limited"),
        pytest.param("rate_limit", {"path": "usage"}, [], id="usage asked too often"),
        pytest.param("rate_limit", {"path": "search"}, ["search", "allowance"], id="used up"),
        pytest.param("usage_cap", {}, ["usage"], id="usage cap"),
        pytest.param("usage_cap", {"path": "search"}, ["usage"], id="cap meets the search"),
        pytest.param("server_error", {}, ["connection"], id="overload"),
        pytest.param("not_json", {}, ["connection"], id="a page of HTML"),
        pytest.param("not_json", {"path": "counts"}, ["query brand"], id="HTML for counts"),
        pytest.param("empty_page", {"path": "search"}, ["search"], id="empty for ever"),
        pytest.param("missing_meta", {"path": "counts"}, [], id="counts without a total"),
        pytest.param("new_spelling", {}, [], id="2026's spelling"),
        pytest.param("bad_encoding", {"path": "search"}, [], id="a damaged post"),
    ],
)
def test_what_is_wrong_is_named(client, simulator, fault, parameters, not_ok) -> None:
    simulator.fault(fault, times=-1, **parameters)
    connection = client.inspect([BRAND])
    found = by_name(connection)
    assert [name for name, finding in found.items() if not finding.ok] == not_ok
    assert connection.ok == (not not_ok)
    assert bool(connection.preview) == (not not_ok)


def test_an_empty_page_before_the_posts_is_passed(client, simulator) -> None:
    simulator.fault("empty_page", path="search", times=2)
    connection = client.inspect([BRAND])
    assert connection.ok
    assert len(connection.preview) == PREVIEWED


def test_without_counts_the_cost_is_not_made_up(client, simulator) -> None:
    simulator.fault("forbidden", path="counts", times=-1)
    connection = client.inspect([BRAND])
    (cost,) = connection.costs
    assert (cost.posts_per_day, cost.requests_per_search) == (None, 1)
    assert cost.note.startswith("not counted")
    assert "can't be counted" in by_name(connection)["query brand"].said


def test_nobody_answers() -> None:
    client = XClient("http://127.0.0.1:1", TOKEN, max_wait_s=0, clock=lambda: NOW)
    found = by_name(client.inspect([BRAND]))
    assert "no connection" in found["connection"].said
    client.close()


def limits(remaining: int) -> dict[str, str]:
    return {
        "x-rate-limit-limit": "60",
        "x-rate-limit-remaining": str(remaining),
        "x-rate-limit-reset": str(int(time.time()) + 600),
    }


def test_each_endpoint_has_limits_of_its_own(scripted, server) -> None:
    """Usage and counts are used up by these answers; search is not, and says so itself."""
    server.reply({"data": {"project_usage": "7", "project_cap": "9"}}, headers=limits(0))
    server.reply({"data": [], "meta": {"total_tweet_count": 3}}, headers=limits(0))
    server.reply({"meta": {"result_count": 0}}, headers=limits(59))
    connection = scripted.inspect([BRAND])
    assert connection.ok
    assert by_name(connection)["allowance"].said.startswith("59 of 60 searches left until")
    assert by_name(connection)["usage"].said == "7 of 9 posts of this month are read"


def test_a_cap_that_is_reached_is_not_well(scripted, server) -> None:
    server.reply({"data": {"project_usage": 10, "project_cap": 10, "cap_reset_day": 3}})
    server.reply({"meta": {"result_count": 0}})
    connection = scripted.inspect([])
    assert not connection.ok
    assert "developer console" in by_name(connection)["usage"].remedy


@pytest.mark.parametrize(
    "data",
    [None, [], {}, {"project_usage": "many", "project_cap": "10"}, {"project_usage": -1}],
    ids=["none", "a list", "empty", "words", "negative"],
)
def test_usage_that_says_nothing_stops_nothing(scripted, server, data) -> None:
    server.reply({"data": data})
    connection = scripted.inspect([])
    assert connection.ok
    assert by_name(connection)["usage"].said == "not told"


def test_the_week_that_is_counted_lies_within_the_reach(scripted, server) -> None:
    server.reply({"data": {}})
    server.reply({"data": [], "meta": {"total_tweet_count": 70}})
    server.reply({"meta": {"result_count": 0}})
    scripted.inspect([BRAND])
    usage, counts, search = server.requests
    assert usage == {}
    assert counts == {
        "query": "nimbus",
        "granularity": "day",
        "start_time": "2026-11-16T12:01:00Z",
        "end_time": "2026-11-23T11:59:45Z",
    }
    assert search["max_results"] == str(PREVIEWED)
    assert server.paths == [USAGE, COUNTS, PATH]
    assert set(server.authorizations) == {f"Bearer {TOKEN}"}
    assert (NOW - timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ") < search["start_time"]
