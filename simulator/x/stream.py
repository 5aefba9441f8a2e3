"""X's filtered stream: its rules, and the posts that match them, as they turn visible.

What belongs here: ``GET /2/tweets/search/stream`` and its rules. What a query finds and how a post
is spelled is ``query.py``'s and ``search.py``'s: the stream carries the very posts that search
finds, late and edited ones too.

Sources (read 2026-11-25), below https://docs.x.com/x-api/: posts/filtered-stream/introduction,
stream/stream-filtered-posts (``backfill_minutes`` 1 to 5), stream/update-stream-rules,
fundamentals/handling-disconnections (signs of life, problems inside the stream).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.responses import Response, StreamingResponse

from simulator.clock import HOUR_MS, iso
from simulator.site import Call
from simulator.x import problems
from simulator.x.additions import Additions
from simulator.x.post import Post
from simulator.x.problems import invalid_request
from simulator.x.query import Query, QueryError, parse
from simulator.x.search import Request, read_fields, refuse_unknown, rendered
from simulator.x.snowflake import first_id_at

STREAM, RULES = "/2/tweets/search/stream", "/2/tweets/search/stream/rules"
MOST_RULES = 1000
#: One app may hold one connection.
MOST_CONNECTIONS = 1
KEEP_ALIVE_S = 20.0
TICK_S = 0.2
#: The story's latest posts turn visible so long after they were made.
LATE_MS = 31 * HOUR_MS
#: Faults of the stream alone: how a connection goes wrong after ``seconds`` (0).
FAULTS = ("stream_silent", "stream_drop", "stream_disconnect", "stream_capped", "stream_garbage")

_PARAMETERS = frozenset(
    {
        "backfill_minutes",
        "end_time",
        "expansions",
        "start_time",
        *(f"{noun}.fields" for noun in ("media", "place", "poll", "post", "tweet", "user")),
    }
)


@dataclass(frozen=True)
class Rule:
    """A rule as the app gave it."""

    id: str
    value: str
    tag: str | None
    query: Query

    def shown(self) -> dict[str, str]:
        """As X spells it."""
        return {"id": self.id, "value": self.value} | ({"tag": self.tag} if self.tag else {})


class FilteredStream:
    """Rules of the one app that the simulator knows, and its connections."""

    def __init__(self, posts: Additions) -> None:
        self._posts = posts
        self._rules: dict[str, Rule] = {}
        self._made = 0
        self._connections = 0

    def rules(self, call: Call) -> object:
        """``GET`` and ``POST`` of the rules."""
        if call.request.method == "GET":
            shown = [rule.shown() for rule in self._rules.values()]
            meta = {"sent": iso(call.now_ms), "result_count": len(shown)}
            return ({"data": shown} if shown else {}) | {"meta": meta}
        try:
            body = msgspec.json.decode(call.body, type=dict[str, Any])
        except ValueError as error:
            raise invalid_request(("body", [""], "The body is not JSON")) from error
        if "delete" in body:
            return self._delete(body["delete"], call.now_ms)
        return self._add(body.get("add") or [], call.now_ms)

    def _add(self, wanted: list[dict[str, str]], now_ms: int) -> Response:
        created: list[Rule] = []
        errors: list[dict[str, Any]] = []
        known = {rule.value for rule in self._rules.values()}
        for one in wanted:
            value = str(one.get("value", ""))
            if value in known:
                errors.append(problems.duplicate_rule(value))
                continue
            try:
                query = parse(value)
            except QueryError as error:
                errors.append(problems.invalid_rule(value, str(error)))
                continue
            self._made += 1
            rule = Rule(str(1_900_000_000_000 + self._made), value, one.get("tag"), query)
            known.add(value)
            created.append(rule)
        if len(self._rules) + len(created) > MOST_RULES:
            raise problems.rule_cap()
        # X keeps none of a request in which one is invalid.
        if not any(error["title"] == "Invalid Rule" for error in errors):
            self._rules |= {rule.id: rule for rule in created}
        else:
            created = []
        summary = {
            "created": len(created),
            "not_created": len(wanted) - len(created),
            "valid": len(created),
            "invalid": len(wanted) - len(created),
        }
        body: dict[str, Any] = {"meta": {"sent": iso(now_ms), "summary": summary}}
        if created:
            body["data"] = [rule.shown() for rule in created]
        if errors:
            body["errors"] = errors
        return _json(body, 201)

    def _delete(self, given: Mapping[str, Any], now_ms: int) -> object:
        ids = [str(one) for one in given.get("ids", ())]
        found = [one for one in ids if self._rules.pop(one, None) is not None]
        summary = {"deleted": len(found), "not_deleted": len(ids) - len(found)}
        return {"meta": {"sent": iso(now_ms), "summary": summary}}

    def connect(self, call: Call) -> Response:
        """``GET`` of the stream: lines until somebody ends it."""
        given = call.request.query_params
        refuse_unknown(given, _PARAMETERS)
        asked = read_fields(given, parse("x"))
        minutes = given.get("backfill_minutes", "0")
        if minutes not in "012345" or len(minutes) != 1:
            text = (
                f"The `backfill_minutes` query parameter value [{minutes}] is not between 1 and 5"
            )
            raise invalid_request(("backfill_minutes", [minutes], text))
        if not self._rules:
            raise problems.no_rules()
        if self._connections >= MOST_CONNECTIONS:
            raise problems.too_many_connections()
        since = call.now_ms - int(minutes) * 60_000
        return StreamingResponse(
            self._lines(call, asked, since),
            headers=call.headers,
            media_type="application/json; charset=utf-8",
        )

    async def _lines(self, call: Call, asked: Request, since_ms: int) -> AsyncIterator[bytes]:
        self._connections += 1
        try:
            async for line in self._told(call, asked, since_ms):
                yield line
        finally:
            self._connections -= 1

    async def _told(self, call: Call, asked: Request, since_ms: int) -> AsyncIterator[bytes]:
        clock = call.site.world.clock
        sent = {post.id for post, _ in self._matching(since_ms)}
        fault = next((name for name in FAULTS if name in call.due), None)
        began = spoke = time.monotonic()
        yield b"\r\n"
        # Looked for: nobody tells a server that only waits that its client has gone.
        while not await call.request.is_disconnected():
            now_ms = clock.now_ms()
            ending = fault and time.monotonic() - began >= call.due[fault].seconds(0)
            if ending and fault == "stream_silent":
                await asyncio.sleep(TICK_S)
                continue
            if ending and fault != "stream_garbage":
                yield _last(fault or "")
                return
            if ending:
                fault = None
                yield b'{"data": {"id": "12\r\n'
            found = [(post, tags) for post, tags in self._matching(now_ms) if post.id not in sent]
            for post, rules in sorted(found, key=lambda one: one[0].id):
                sent.add(post.id)
                body = rendered([post], asked, self._posts, now_ms)
                body["data"] = body["data"][0]
                body["matching_rules"] = [
                    {"id": rule.id} | ({"tag": rule.tag} if rule.tag else {}) for rule in rules
                ]
                call.served(1)
                spoke = time.monotonic()
                yield msgspec.json.encode(body) + b"\r\n"
            if time.monotonic() - spoke >= KEEP_ALIVE_S:
                spoke = time.monotonic()
                yield b"\r\n"
            await asyncio.sleep(TICK_S)

    def _matching(self, now_ms: int) -> Iterable[tuple[Post, list[Rule]]]:
        """Posts that a search at that time finds, of the days of which some may be new to it."""
        found: dict[int, tuple[Post, list[Rule]]] = {}
        high, low = first_id_at(now_ms + 1) - 1, first_id_at(now_ms - LATE_MS)
        for rule in list(self._rules.values()):
            for post in self._posts.newest_first(high, low, rule.query, now_ms):
                found.setdefault(post.id, (post, []))[1].append(rule)
        return found.values()


def _last(fault: str) -> bytes:
    """The last that a connection gives."""
    if fault == "stream_disconnect":
        return msgspec.json.encode({"errors": [problems.operational_disconnect()]}) + b"\r\n"
    if fault == "stream_capped":
        return msgspec.json.encode({"errors": [problems.usage_capped().body]}) + b"\r\n"
    # In the middle of a post.
    return b'{"data": {"id": "1'


def _json(body: object, status: int) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json; charset=utf-8")
