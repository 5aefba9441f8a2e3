"""``python -m simulator`` as its starters meet it: what it prints, options, signals, control."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from sentiment_assets_tests.simulator.conftest import NOW, SEARCH, Client
from simulator.app import PACKAGES

Start = Callable[..., tuple[str, subprocess.Popen[str]]]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_at_once(started: Start, number: int) -> None:
    url, process = started("--now", NOW, "--posts-per-day", "200")
    assert url.startswith("http://127.0.0.1:")
    with httpx.Client(base_url=url, headers={"authorization": "Bearer t"}) as http:
        http.post("/_control/faults", json={"fault": "timeout", "after": 1}).raise_for_status()
        answer = http.get(SEARCH, params={"query": "nimbus"})
        assert answer.status_code == 200
        assert answer.headers["x-simulated"] == "true"
        assert http.get("/_control/state").json()["requests"] == 1
        # A request that hangs does not hold the end up.
        with pytest.raises(httpx.ReadTimeout):
            http.get(SEARCH, params={"query": "nimbus"}, timeout=0.1)
    began = time.monotonic()
    process.send_signal(number)
    _, complaints = process.communicate(timeout=5)
    assert time.monotonic() - began < 4
    assert process.returncode == 0
    assert complaints == ""


def test_the_ready_line_names_every_platforms_address(
    announced: Callable[..., tuple[Any, subprocess.Popen[str]]],
) -> None:
    ready, process = announced("--now", NOW, "--posts-per-day", "200", "--seed", "5")
    assert ready["platforms"]["x"] == ready["url"]
    assert (ready["pid"], ready["source"], ready["seed"]) == (process.pid, "story", 5)
    names = {"x", *(package.__name__.rpartition(".")[2] for package in PACKAGES)}
    assert set(ready["platforms"]) == names
    for name, address in ready["platforms"].items():
        assert address == ready["url"] + ("" if name == "x" else f"/{name}")
        state = httpx.get(f"{address}/_control/state")
        assert state.json()["requests"] == 0
        assert state.headers["x-simulated"] == "true"
        assert httpx.get(f"{address}/nothing").status_code in (400, 404)


def test_two_processes_of_one_seed_tell_the_same(started: Start) -> None:
    pages = []
    for _ in range(2):
        url, _ = started("--now", NOW, "--posts-per-day", "200", "--seed", "11")
        headers = {"authorization": "Bearer t"}
        answer = httpx.get(url + SEARCH, params={"query": "nimbus"}, headers=headers)
        pages.append(answer.json())
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--corpus", "/nowhere.txt"], "no such file"),
        (["--now", "tomorrow"], "RFC 3339"),
        (["--posts-per-day", "-1"], "must not be negative"),
        (["--repeats", "2"], "between 0 and 1"),
        (["--comments-per-day", "none"], "--comments-per-day"),
    ],
)
def test_a_wrong_option_is_one_clear_line(started: Start, options: list[str], says: str) -> None:
    _, process = started(*options)
    _, complaint = process.communicate(timeout=10)
    assert process.returncode == 2
    assert says in complaint.splitlines()[-1]
    assert "Traceback" not in complaint


def test_a_taken_port_is_named(started: Start) -> None:
    url, _ = started("--posts-per-day", "200")
    port = url.rpartition(":")[2]
    _, process = started("--port", port)
    _, complaint = process.communicate(timeout=10)
    assert process.returncode == 2
    assert complaint.startswith(f"--port {port}: ")


def test_a_corpus_is_served(started: Start, tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(f"line {n}" for n in range(300)))
    url, _ = started("--corpus", str(path), "--now", NOW)
    headers = {"authorization": "Bearer t"}
    params: dict[str, Any] = {"query": "nimbus", "max_results": 100}
    answer = httpx.get(url + SEARCH, params=params, headers=headers).json()
    assert answer["meta"]["result_count"] == 100
    assert all(post["text"].startswith("line ") for post in answer["data"])


def test_the_clock_is_set_and_freed(client: Client) -> None:
    client.set_clock("2026-11-20T00:00:00Z")
    state = client.send("GET", "/_control/state").json()
    assert (state["now"], state["clock"]) == ("2026-11-20T00:00:00.000Z", "fixed")
    assert client.ask(query="nimbus")["meta"]["newest_id"] < "2123600000000000000"
    assert client.send("POST", "/_control/clock", json={"now": None}).status_code == 200
    assert client.send("GET", "/_control/state").json()["clock"] == "real"
    assert client.send("POST", "/_control/clock", json={"now": "noon"}).status_code == 400
    assert client.send("POST", "/_control/clock", content=b"{").status_code == 400


def test_posts_are_added_found_superseded_and_removed(client: Client) -> None:
    bounds = {"start_time": "2026-11-23T08:00:00Z", "end_time": "2026-11-23T10:00:00Z"}
    asked: dict[str, Any] = {"query": "zeppelin", "tweet.fields": "created_at,lang", **bounds}
    assert client.ask(**asked)["meta"]["result_count"] == 0

    def add(**post: Any) -> str:
        answer = client.send("POST", "/_control/posts", json={"posts": [post]})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["ids"][0])

    first = add(text="A zeppelin & more", created_at="2026-11-23T09:00:00Z", lang="af")
    (post,) = client.ask(**asked)["data"]
    assert post == {
        "id": first,
        "text": "A zeppelin &amp; more",
        "edit_history_tweet_ids": [first],
        "created_at": "2026-11-23T09:00:00.000Z",
        "lang": "af",
    }
    second = str(int(first) + (60_000 << 22))
    add(id=second, text="Two zeppelins, a zeppelin", edit_history_tweet_ids=[first, second])
    (post,) = client.ask(**asked)["data"]
    assert (post["id"], post["edit_history_tweet_ids"]) == (second, [first, second])
    client.send("DELETE", f"/_control/posts/{second}")
    assert client.ask(**asked)["meta"]["result_count"] == 0
    add(text="late zeppelin", created_at="2026-11-23T09:30:00Z", visible_at="2026-11-24T00:00:00Z")
    assert client.ask(**asked)["meta"]["result_count"] == 0
    client.set_clock("2026-11-24T00:00:00Z")
    assert client.ask(**asked)["meta"]["result_count"] == 1


def test_a_post_of_the_story_can_be_removed(client: Client) -> None:
    before = client.ask(query="nimbus")["data"]
    client.send("DELETE", f"/_control/posts/{before[0]['id']}")
    after = client.ask(query="nimbus")["data"]
    assert after[:-1] == before[1:]


@pytest.mark.parametrize(
    "wrong", [{}, {"posts": [{"created_at": "2026-11-23T09:00:00Z"}]}, {"posts": [{"text": "x"}]}]
)
def test_a_wrong_post_is_refused(client: Client, wrong: dict[str, Any]) -> None:
    answer = client.send("POST", "/_control/posts", json=wrong)
    assert answer.status_code == 400
    assert "posts" in answer.json()["error"]
