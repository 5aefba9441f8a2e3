"""A simulator of one's own: in process for answers, as a process for what only a process does."""

from __future__ import annotations

import asyncio
import functools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from simulator import x
from simulator.app import create_app
from simulator.clock import Clock, parse_ms
from simulator.site import Site, World
from simulator.x.corpus import Corpus
from simulator.x.post import Source
from simulator.x.story import Story

ROOT = Path(__file__).parents[2]
NOW = "2026-11-23T19:30:00Z"  # a Monday: the last launch, outage and recovery are past
SEARCH = "/2/tweets/search/recent"
ALL_FIELDS = (
    "attachments,author_id,conversation_id,created_at,display_text_range,edit_controls,entities,"
    "in_reply_to_user_id,lang,possibly_sensitive,public_metrics,reply_settings"
)
CLASSIC: dict[str, Any] = {
    "query": "nimbus OR stratus OR cirrus",
    "max_results": 100,
    "tweet.fields": f"{ALL_FIELDS},note_tweet,referenced_tweets",
    "expansions": "author_id,attachments.media_keys,edit_history_tweet_ids,in_reply_to_user_id,"
    "entities.mentions.username,referenced_tweets.id,referenced_tweets.id.author_id",
    "user.fields": "created_at,description,location,profile_image_url,protected,public_metrics,"
    "url,verified,verified_type",
    "media.fields": "alt_text,height,type,url,width",
}
RENAMED: dict[str, Any] = {
    **{key: value for key, value in CLASSIC.items() if key != "tweet.fields"},
    "post.fields": f"{ALL_FIELDS},note_post,referenced_posts",
    "expansions": "author_id,attachments.media_keys,edit_history_post_ids,in_reply_to_user_id,"
    "entities.mentions.username,referenced_posts.id,referenced_posts.id.author_id",
}


@functools.cache
def validator(name: str) -> Draft202012Validator:
    """The validator of ``simulator/schemas/<name>.json``, formats checked."""
    schema = json.loads((ROOT / "simulator" / "schemas" / f"{name}.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


class Caller:
    """Sends requests to sites in this process, and steers them. ``base`` as ``Site`` has it."""

    def __init__(self, served: Sequence[Site], base: str = "") -> None:
        self._app = create_app(served, Clock())
        self._control = f"{base}/_control"
        self.headers = {"authorization": "Bearer t"}

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Any request, without a server between."""

        async def sending() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
                return await http.request(method, path, headers=self.headers, **request)

        # In a thread: a browser that another test left open runs a loop in this one.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, sending()).result()

    def control(self, method: str, what: str, body: Any = None) -> Any:
        """The answer of a control endpoint that must not refuse."""
        answer = self.send(method, f"{self._control}/{what}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, name: str, **parameters: Any) -> None:
        """Switches a fault on."""
        self.control("POST", "faults", {"fault": name, **parameters})

    def set_clock(self, now: str) -> None:
        """Fixes the clock."""
        self.control("POST", "clock", {"now": now})


class Client(Caller):
    """X's caller: it checks every well-formed response against its schema."""

    def __init__(self, world: World, source: Source, repeats: float) -> None:
        super().__init__([x.site(world, source, repeats)])
        self.clock, self.source = world.clock, source
        self._schemas = {
            name: validator(f"x_{name}")
            for name in ("search_recent", "counts_recent", "usage_tweets", "problem")
        }

    def get(self, path: str = SEARCH, **parameters: Any) -> httpx.Response:
        """Without a check, for faults that answer with nonsense."""
        return self.send("GET", path, params=parameters)

    def ask(self, path: str = SEARCH, **parameters: Any) -> Any:
        """The body of any answer, valid against its schema."""
        response = self.get(path, **parameters)
        # /2/tweets/search/recent: search_recent; /2/usage/tweets: usage_tweets.
        name = "_".join(path.split("/")[-2:])
        body = response.json()
        schema = self._schemas[name if response.status_code == 200 else "problem"]
        if not schema.is_valid(body):
            errors = [one for error in schema.iter_errors(body) for one in error.context or [error]]
            deepest = max(errors, key=lambda error: len(error.absolute_path))
            raise AssertionError(f"{name}: {deepest.json_path}: {deepest.message[:300]}")
        assert response.headers["x-simulated"] == "true"
        return body

    def pages(self, **parameters: Any) -> Iterator[Any]:
        """Every page of a search."""
        token: dict[str, str] = {}
        while True:
            body = self.ask(**parameters, **token)
            yield body
            if "next_token" not in body["meta"]:
                return
            token = {"next_token": body["meta"]["next_token"]}

    def posts(self, **parameters: Any) -> list[Any]:
        """The posts of all pages."""
        return [post for page in self.pages(**parameters) for post in page.get("data", ())]


@pytest.fixture(scope="session")
def story() -> Story:
    """One world for all tests: hours once made stay made."""
    return Story(seed=7, posts_per_day=600)


@pytest.fixture
def client(story: Story) -> Client:
    """A client of the story at NOW, without repeats or a narrow rate limit."""
    return make_client(story)


def make_client(source: Source, *, limit: int = 10_000, repeats: float = 0.0) -> Client:
    """A client of any source."""
    world = World(
        seed=7,
        clock=Clock(parse_ms(NOW)),
        source="corpus" if isinstance(source, Corpus) else "story",
        rate_limit=limit,
    )
    return Client(world, source, repeats)


@pytest.fixture
def announced() -> Iterator[Callable[..., tuple[Any, subprocess.Popen[str]]]]:
    """Starts ``python -m simulator``, gives its ready line; ends what was started."""
    running: list[subprocess.Popen[str]] = []

    def start(*options: str) -> tuple[Any, subprocess.Popen[str]]:
        process = subprocess.Popen(
            [sys.executable, "-m", "simulator", *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout is not None
        return json.loads(process.stdout.readline() or "{}"), process

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def started(
    announced: Callable[..., tuple[Any, subprocess.Popen[str]]],
) -> Callable[..., tuple[str, subprocess.Popen[str]]]:
    """The same, for whom X's address is enough."""

    def start(*options: str) -> tuple[str, subprocess.Popen[str]]:
        ready, process = announced(*options)
        return ready.get("url", ""), process

    return start
