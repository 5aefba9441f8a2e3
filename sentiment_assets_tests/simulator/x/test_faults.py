"""Each fault, as a caller meets it; those that claim to be well-formed are held to the schemas."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from sentiment_assets_tests.simulator.conftest import CLASSIC, SEARCH, Client
from simulator.faults import GENERIC
from simulator.x import stream
from simulator.x.faults import kinds
from simulator.x.rate_limit import RateLimit

WINDOW = {"start_time": "2026-11-23T08:00:00Z", "end_time": "2026-11-23T10:00:00Z"}
SMALL = {**CLASSIC, "max_results": 10, **WINDOW}
Start = Callable[..., tuple[str, subprocess.Popen[str]]]


@pytest.mark.parametrize(
    ("fault", "status", "title"),
    [
        ("rate_limit", 429, "Too Many Requests"),
        ("usage_cap", 429, "UsageCapExceeded"),
        ("dead_token", 401, "Unauthorized"),
        ("forbidden", 403, "Client Forbidden"),
        ("server_error", 503, "Service Unavailable"),
    ],
)
def test_refusals(client: Client, fault: str, status: int, title: str) -> None:
    client.fault(fault, times=2)
    assert client.get(**SMALL).status_code == status
    assert client.ask(**SMALL)["title"] == title
    assert client.get(**SMALL).status_code == 200


def test_a_rate_limit_says_when_it_ends(client: Client) -> None:
    client.fault("rate_limit", reset_in=30)
    headers = client.get(**SMALL).headers
    assert headers["x-rate-limit-remaining"] == "0"
    assert 29 <= int(headers["x-rate-limit-reset"]) - time.time() <= 31


def test_a_usage_cap_leaves_the_rate_limit_alone(client: Client) -> None:
    client.fault("usage_cap")
    assert int(client.get(**SMALL).headers["x-rate-limit-remaining"]) > 0


@pytest.mark.parametrize(("fault", "status"), [("bad_gateway_html", 502), ("not_json", 200)])
def test_html_instead_of_json(client: Client, fault: str, status: int) -> None:
    client.fault(fault)
    answer = client.get(**SMALL)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["x-simulated"] == "true"


def test_truncated_json_is_a_200_that_ends_early(client: Client) -> None:
    client.fault("truncated_json")
    answer = client.get(**SMALL)
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.content)


def test_bad_encoding_is_not_utf_8(client: Client) -> None:
    client.fault("bad_encoding")
    with pytest.raises(UnicodeDecodeError):
        client.get(**SMALL).content.decode()


def test_partial_errors_come_beside_data(client: Client) -> None:
    client.fault("partial_errors")
    body = client.ask(**SMALL)
    assert body["data"]
    assert {"Not Found Error", "Authorization Error"} <= {one["title"] for one in body["errors"]}


def test_an_empty_page_leads_on_to_the_page_that_it_stood_for(client: Client) -> None:
    expected = client.posts(**SMALL)
    client.fault("empty_page", after=1)
    pages = list(client.pages(**SMALL))
    assert pages[1]["meta"]["result_count"] == 0
    assert "data" not in pages[1]
    assert [post for page in pages for post in page.get("data", ())] == expected


def test_missing_meta(client: Client) -> None:
    client.fault("missing_meta")
    body = client.get(**SMALL).json()
    assert "data" in body
    assert "meta" not in body


def test_wrong_types(client: Client) -> None:
    client.fault("wrong_types")
    data = client.get(**SMALL).json()["data"]
    assert (data[0]["text"], data[1]["created_at"], data[2]["id"]) == (123, "yesterday", 17)
    assert isinstance(data[3]["text"], str)


def test_missing_fields(client: Client) -> None:
    client.fault("missing_fields")
    data = client.get(**SMALL).json()["data"]
    assert ["text" in data[0], "author_id" in data[1], "id" in data[2]] == [False] * 3
    assert {"text", "author_id", "id"} <= data[3].keys()


def test_a_field_that_nobody_knows(client: Client) -> None:
    client.fault("unknown_field")
    assert all("mood_ring" in post for post in client.get(**SMALL).json()["data"])


@pytest.mark.parametrize("field", ["public_metrics", "lang"])
def test_a_field_that_vanished(client: Client, field: str) -> None:
    told = {} if field == "public_metrics" else {"field": field}
    client.fault("vanished_field", **told)
    first, second = (client.get(**SMALL).json()["data"] for _ in range(2))
    assert not any(field in post for post in first)
    assert all(field in post for post in second)


def test_a_repeated_token_goes_round_in_a_circle(client: Client) -> None:
    client.fault("repeated_token", times=-1)
    first = client.ask(**SMALL)
    token = first["meta"]["next_token"]
    again = client.ask(**SMALL, next_token=token)
    assert again["meta"]["next_token"] == token
    assert again["data"] == first["data"]


def test_new_spelling_comes_unasked(client: Client) -> None:
    client.fault("new_spelling", times=-1)
    for page in client.pages(**{**SMALL, "max_results": 100}):
        assert all("edit_history_post_ids" in post for post in page["data"])
        assert "tweets" not in page["includes"]


def test_after_and_times_count_requests(client: Client) -> None:
    client.fault("server_error", after=1, times=2)
    codes = [client.get(**SMALL).status_code for _ in range(5)]
    assert codes == [200, 503, 503, 200, 200]


def test_a_fault_for_ever_ends_when_it_is_cleared(client: Client) -> None:
    client.fault("server_error", times=-1)
    assert [client.get(**SMALL).status_code for _ in range(3)] == [503] * 3
    state = client.send("GET", "/_control/state").json()
    assert state["faults"] == [{"fault": "server_error", "times": -1, "after": 0}]
    assert state["endpoints"][SEARCH] == {"requests": 3, "statuses": {"503": 3}}
    client.send("DELETE", "/_control/faults")
    assert client.get(**SMALL).status_code == 200


def test_altering_faults_combine(client: Client) -> None:
    client.fault("new_spelling")
    client.fault("partial_errors")
    body = client.ask(**SMALL)
    assert "edit_history_post_ids" in body["data"][0]
    assert body["errors"][-2]["parameter"] == "referenced_posts.id"


@pytest.mark.parametrize(
    "wrong",
    [
        {"fault": "tornado"},
        {},
        {"fault": "slow", "times": 0},
        {"fault": "slow", "after": -1},
        {"fault": "slow", "seconds": "long"},
    ],
)
def test_a_wrong_fault_is_refused(client: Client, wrong: dict[str, Any]) -> None:
    answer = client.send("POST", "/_control/faults", json=wrong)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert client.send("GET", "/_control/state").json()["faults"] == []


def test_faults_of_the_connection(started: Start) -> None:
    url, _ = started("--now", "2026-11-23T19:30:00Z", "--posts-per-day", "300")
    headers = {"authorization": "Bearer t"}
    with httpx.Client(base_url=url, headers=headers, timeout=0.4) as http:
        faults: list[dict[str, Any]] = [
            {"fault": "disconnect"},
            {"fault": "timeout", "seconds": 30, "after": 1},
            {"fault": "slow", "seconds": 0.5, "after": 2},
        ]
        for fault in faults:
            http.post("/_control/faults", json=fault).raise_for_status()
        with pytest.raises(httpx.RemoteProtocolError):
            http.get(SEARCH, params=SMALL)
        with pytest.raises(httpx.ReadTimeout):
            http.get(SEARCH, params=SMALL)
        began = time.monotonic()
        assert len(http.get(SEARCH, params=SMALL).json()["data"]) == 10
        assert time.monotonic() - began >= 0.45


def test_every_fault_is_tried_here() -> None:
    text = Path(__file__).read_text()
    # Those of the stream need a connection that stays: test_stream.py.
    names = {*GENERIC, *kinds(RateLimit(1))} - {*stream.FAULTS}
    assert {name for name in names if f'"{name}"' not in text} == set()
