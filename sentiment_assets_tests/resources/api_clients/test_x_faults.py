"""The client against the simulator, a process of its own, with each of its faults switched on."""

import base64
import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from resources.api_clients import errors
from resources.api_clients.http import ATTEMPTS
from resources.api_clients.x import XClient

TOKEN = "AAAA-very-secret-token"
# Where the fixture stops the simulator's clock.
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
QUERY = "nimbus"
# The story has a few hundred posts in these two hours.
START, END = NOW - timedelta(hours=4), NOW - timedelta(hours=2)


@pytest.fixture
def client(simulator, naps) -> Iterator[XClient]:
    made = XClient(
        simulator.url, TOKEN, timeout_s=1, max_wait_s=60, sleep=naps.append, clock=lambda: NOW
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def healthy(simulator_process) -> list[str]:
    """Ids of the window, newest first, as the simulator gives them without a fault."""
    client = XClient(simulator_process.url, TOKEN, clock=lambda: NOW)
    ids = [
        record["data"]["id"]
        for page in client.search_window(QUERY, START, END)
        for record in page.records
    ]
    assert len(ids) > 250
    return ids


def fetch(client: XClient) -> list[str]:
    search = client.search_window(QUERY, START, END)
    found = [record["data"]["id"] for page in search for record in page.records]
    assert search.exhausted
    assert search.watermark == found[0]
    return found


def test_a_window_comes_whole_newest_first_and_inside_its_bounds(client, healthy) -> None:
    search = client.search_window(QUERY, START, END)
    pages = list(search)

    first, last = pages[0], pages[-1]
    assert [page.number for page in pages] == list(range(1, len(pages) + 1))
    assert all(page.simulated and not page.malformed for page in pages)
    assert all(len(page.records) == page.result_count for page in pages)
    assert first.next_token is not None
    assert last.next_token is None
    assert search.watermark == first.newest_id == healthy[0]
    assert last.oldest_id == healthy[-1]
    created = [record["data"]["created_at"] for page in pages for record in page.records]
    assert created == sorted(created, reverse=True)
    assert f"{START:%Y-%m-%dT%H:%M}" <= created[-1] <= created[0] < f"{END:%Y-%m-%dT%H:%M}"
    first_record = first.records[0]
    assert first_record["data"]["author_id"] in {
        user["id"] for user in first_record["includes"]["users"]
    }


def test_windows_that_touch_share_no_post_and_miss_none(client, healthy) -> None:
    # Cut at odd places, within a second too: neighbours may overlap by one second at most.
    cuts = [START, START + timedelta(minutes=31, milliseconds=250), END]
    parts = [
        [
            record["data"]["id"]
            for page in client.search_window(QUERY, a, b)
            for record in page.records
        ]
        for a, b in ((cuts[1], cuts[2]), (cuts[0], cuts[1]))
    ]

    assert sorted(set(parts[0] + parts[1])) == sorted(set(healthy))


def test_a_poll_gets_what_is_newer(client, healthy) -> None:
    search = client.search_window(QUERY, START, END, since_id=healthy[10])
    newer = {record["data"]["id"] for page in search for record in page.records}

    assert newer == {known for known in healthy if int(known) > int(healthy[10])}
    assert search.watermark == healthy[0]


def test_the_very_edge_of_the_reach_is_accepted(client) -> None:
    search = client.search_window(QUERY, NOW - timedelta(days=7), NOW - timedelta(days=6, hours=23))

    assert sum(len(page.records) for page in search) > 0
    assert search.exhausted


# Faults that pass: the window comes whole, as if nothing had been. `after` 1: on page two.
PASSING = [
    pytest.param("server_error", {"times": 2}, 2, id="overload"),
    pytest.param("bad_gateway_html", {"times": 2}, 2, id="a proxy's HTML"),
    pytest.param("timeout", {"seconds": 3}, 1, id="silence"),
    pytest.param("disconnect", {"after": 1}, 1, id="cut connection"),
    pytest.param("truncated_json", {"after": 1, "times": 2}, 2, id="cut JSON"),
    pytest.param("not_json", {"after": 1}, 1, id="HTML with 200"),
    pytest.param("missing_meta", {"after": 1}, 1, id="no meta once"),
    pytest.param("rate_limit", {"after": 1, "reset_in": 20}, 1, id="rate limit"),
    pytest.param("slow", {"seconds": 1.5}, 0, id="slow but steady"),
    pytest.param("empty_page", {}, 0, id="empty first page"),
    pytest.param("empty_page", {"after": 1, "times": 2}, 0, id="empty second page"),
    pytest.param("partial_errors", {"times": -1}, 0, id="partial errors"),
]


@pytest.mark.parametrize(("fault", "parameters", "waits"), PASSING)
def test_faults_that_pass_cost_no_post(
    client, simulator, naps, healthy, fault, parameters, waits
) -> None:
    simulator.fault(fault, **parameters)

    assert fetch(client) == healthy
    assert len(naps) == waits


def test_the_rate_limits_reset_is_waited_for(client, simulator, naps, healthy) -> None:
    simulator.fault("rate_limit", reset_in=20)

    assert fetch(client) == healthy
    assert 18 <= naps[0] <= 23


# Faults that stay: (fault, error, what its message tells, retryable, requests made).
STAYING = [
    pytest.param("usage_cap", errors.UsageCapExceeded, "waiting does not help", False, 1, id="cap"),
    pytest.param("dead_token", errors.TokenRejected, "make a new one", False, 1, id="dead token"),
    pytest.param("forbidden", errors.Forbidden, "plan includes recent search", False, 1, id="plan"),
    pytest.param("rate_limit", errors.RateLimited, "no more requests until", True, 1, id="limit"),
    pytest.param("server_error", errors.TransientApiError, "HTTP 503", True, ATTEMPTS, id="503"),
    pytest.param(
        "bad_gateway_html", errors.TransientApiError, "HTTP 502", True, ATTEMPTS, id="502"
    ),
    pytest.param("disconnect", errors.TransientApiError, "broke off", True, ATTEMPTS, id="cut"),
    pytest.param(
        "not_json",
        errors.UnexpectedResponse,
        r"text/html, \d+ bytes, begins with '<'",
        False,
        ATTEMPTS,
        id="HTML",
    ),
    pytest.param(
        "truncated_json",
        errors.UnexpectedResponse,
        r"application/json, \d+ bytes, begins with '{'",
        False,
        ATTEMPTS,
        id="cut JSON",
    ),
]


@pytest.mark.parametrize(("fault", "kind", "message", "retryable", "requests"), STAYING)
def test_faults_that_stay_stop_the_search_with_what_to_do(
    client, simulator, caplog, fault, kind, message, retryable, requests
) -> None:
    simulator.fault(fault, times=-1, reset_in=600)
    before = simulator.requests()

    search = client.search_window(QUERY, START, END)
    with caplog.at_level(logging.DEBUG), pytest.raises(kind, match=message) as raised:
        list(search)

    assert str(raised.value).startswith("X GET /2/tweets/search/recent, page 1: ")
    assert raised.value.retryable is retryable
    assert simulator.requests() - before == requests
    assert not search.exhausted
    assert search.watermark is None
    assert TOKEN not in caplog.text + str(raised.value) + repr(raised.value)


@pytest.mark.parametrize("fault", ["usage_cap", "dead_token", "server_error", "truncated_json"])
def test_a_stop_on_page_two_keeps_page_one_and_sets_no_watermark(
    client, simulator, healthy, fault
) -> None:
    simulator.fault(fault, after=1, times=-1)

    search = client.search_window(QUERY, START, END)
    first = next(search)

    assert [record["data"]["id"] for record in first.records] == healthy[: len(first.records)]
    with pytest.raises(errors.ApiError, match="page 2: "):
        next(search)
    assert search.watermark is None


def test_a_token_that_repeats_stops(client, simulator) -> None:
    simulator.fault("repeated_token", times=-1)

    search = client.search_window(QUERY, START, END)

    with pytest.raises(errors.UnexpectedResponse, match="repeats a page token"):
        list(search)
    assert search.pages == 2
    assert search.watermark is None


def test_no_meta_for_good_keeps_the_page(client, simulator, healthy) -> None:
    simulator.fault("missing_meta", times=-1)

    search = client.search_window(QUERY, START, END)

    assert [r["data"]["id"] for r in next(search).records] == healthy[:100]
    with pytest.raises(errors.UnexpectedResponse, match="no meta"):
        next(search)


@pytest.mark.parametrize("fault", ["wrong_types", "missing_fields"])
def test_odd_posts_are_the_parsers_case_and_stay_as_they_are(client, simulator, fault) -> None:
    simulator.fault(fault)

    first = next(client.search_window(QUERY, START, END))

    posts = [record["data"] for record in first.records]
    assert (len(posts), first.malformed) == (100, [])
    if fault == "wrong_types":
        odd = (posts[0]["text"], posts[1]["created_at"], posts[2]["id"])
        assert odd == (123, "yesterday", 17)
    else:
        assert ["text" in posts[0], "author_id" in posts[1], "id" in posts[2]] == [False] * 3


def test_broken_bytes_cost_one_post_which_is_kept_by_its_bytes(client, simulator, healthy) -> None:
    simulator.fault("bad_encoding")

    search = client.search_window(QUERY, START, END)
    pages = list(search)

    assert [r["data"]["id"] for page in pages for r in page.records] == healthy[1:]
    [broken] = pages[0].malformed
    assert (broken.index, broken.reason) == (0, "the post is not valid UTF-8")
    assert b'"text": "caf\xe9 \xff\xfe ' in base64.b64decode(broken.raw["base64"])
    assert search.watermark == healthy[0]


def test_the_spelling_of_2026_gives_the_same_posts(client, simulator, healthy) -> None:
    classic = [r for page in client.search_window(QUERY, START, END) for r in page.records]
    simulator.fault("new_spelling", times=-1)

    renamed = [r for page in client.search_window(QUERY, START, END) for r in page.records]

    assert [r["data"]["id"] for r in renamed] == healthy
    referred = [("tweets", "posts"), ("users", "users")]
    for old_key, new_key in referred:
        old = [[o["id"] for o in r["includes"].get(old_key, [])] for r in classic]
        new = [[o["id"] for o in r["includes"].get(new_key, [])] for r in renamed]
        assert old == new
        assert any(old)
    assert not any("tweets" in r["includes"] for r in renamed)


def test_partial_errors_are_counted_without_their_ids(client, simulator) -> None:
    simulator.fault("partial_errors")

    first = next(client.search_window(QUERY, START, END))

    titles = {error.title for error in first.errors}
    assert {"Not Found Error", "Authorization Error"} <= titles
    assert "1234567890123456789" not in repr(first.errors)
    assert len(first.records) == 100


def test_a_silent_api_is_given_up_after_the_timeout_each_time(simulator, naps) -> None:
    simulator.fault("timeout", times=-1, seconds=20)
    client = XClient(
        simulator.url, TOKEN, timeout_s=0.1, max_wait_s=1, sleep=naps.append, clock=lambda: NOW
    )

    started = time.monotonic()
    with pytest.raises(errors.TransientApiError, match=r"no answer within 0\.1 s"):
        list(client.search_window(QUERY, START, END))
    assert time.monotonic() - started < 10
