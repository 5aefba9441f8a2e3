"""What is pushed: each entry once, with what happens to it, signed, until it is taken."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from simulator import pushes
from simulator.clock import Clock, iso, parse_ms
from simulator.facebook import site as facebook
from simulator.pushes import News, Pusher
from simulator.site import World
from simulator.threads import Threads

NOW = parse_ms("2026-11-23T12:00:00Z")


def told(news: News, now_ms: int) -> list[tuple[str, str]]:
    return [(entry.text_at(now_ms), verb) for entry, verb in news.since(now_ms)]


def test_news_are_told_once() -> None:
    threads = Threads(7, "facebook", posts_per_day=0)
    news = News(threads)
    post = threads.add({"text": "new", "created_at": iso(NOW)})
    assert told(news, NOW) == [("new", "add")]
    assert told(news, NOW + 1) == []

    threads.add({"text": "so", "created_at": iso(NOW + 2), "parent": post.number})
    threads.change(post.number, {"text": "newer"}, NOW + 3)
    assert told(news, NOW + 5) == [("newer", "edited"), ("so", "add")]

    threads.remove(post.number)
    assert [verb for _, verb in told(news, NOW + 6)] == ["remove", "remove"]
    assert told(news, NOW + 7) == []


class Receiving(BaseHTTPRequestHandler):
    """Refuses the first request, takes the others."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((body, self.headers["x-hub-signature-256"]))  # type: ignore[attr-defined]
        self.send_response(503 if len(self.server.got) == 1 else 200)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Receiving)
    server.got = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_push_is_signed_and_sent_until_it_is_taken(
    receiver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushes, "LOOK_S", 0.05)
    monkeypatch.setattr(pushes, "AGAIN_S", 0.05)
    world = World(seed=7, clock=Clock(NOW), source="story", comments_per_day=0)
    site = facebook(world)
    address = f"http://127.0.0.1:{receiver.server_port}/webhooks/facebook"
    pusher = Pusher([site], {"facebook": address}, "secret", world.clock)
    got: list[tuple[bytes, str]] = receiver.got  # type: ignore[attr-defined]

    async def pushing() -> None:
        task = asyncio.create_task(pusher.run())
        await asyncio.sleep(0.2)
        site.posts.add({"text": "é new", "created_at": iso(NOW)})
        for _ in range(100):
            await asyncio.sleep(0.05)
            if len(got) == 2:
                break
        await asyncio.sleep(0.2)
        task.cancel()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, pushing()).result()

    first, second = got
    assert first == second
    body, header = first
    assert header == "sha256=" + hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    (change,) = json.loads(body)["entry"][0]["changes"]
    assert (change["field"], change["value"]["verb"]) == ("feed", "add")
    assert change["value"]["message"] == "é new"
    assert body.isascii()
