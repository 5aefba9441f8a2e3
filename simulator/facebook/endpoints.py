"""The edges and nodes that can be read: a Page's feed, an object's comments, single objects.

Sources, below https://developers.facebook.com/docs/graph-api/reference/ (read 2026-11-24):
page/feed (100 posts a page, about 600 ranked posts a year), object/comments (``filter``, ``order``,
``summary``; ids are withheld under Page Public Content Access).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from simulator import graph
from simulator.clock import DAY_MS, HOUR_MS
from simulator.facebook.nodes import ACCOUNTS, PAGES, Nodes, spelled
from simulator.faults import Alters, Fault, Kind
from simulator.site import Call, last_digits
from simulator.threads import Entry, Threads

MOST_POSTS = 600
REACH_MS = 365 * DAY_MS
#: How far rank moves a post among those of its day.
_RANK_MS = 6 * HOUR_MS


class Endpoints:
    """What the routes serve."""

    def __init__(self, threads: Threads, nodes: Nodes) -> None:
        self._threads = threads
        self._nodes = nodes

    def feed(self, call: Call) -> object:
        """``/{page}/feed``: posts of the Page and of visitors, by rank."""
        account = self._account(call)
        asked = graph.fields(call, "created_time,message,id")
        return graph.paged(
            call,
            self._ranked(account, call.now_ms),
            number=lambda entry: entry.number,
            render=lambda entry: self._nodes.post(entry, asked, call.now_ms),
        )

    def comments(self, call: Call) -> object:
        """``/{post}/comments`` and ``/{comment}/comments``."""
        entry, given = self._entry(call), call.request.query_params
        asked = graph.fields(call, "created_time,from,message,id")
        if given.get("filter", "toplevel") == "stream" and entry.is_post:
            found = self._threads.stream(entry, call.now_ms)
        else:
            found = self._threads.comments(entry, call.now_ms)
        order = given.get("order", "chronological")
        if order not in ("chronological", "reverse_chronological"):
            raise graph.bad_parameter("Param order must be one of {chronological, reverse_…}")
        if "fixed_order" in call.due:
            order = "chronological"
        extra: dict[str, Any] = {}
        if given.get("summary") in ("true", "1"):
            extra["summary"] = {"order": order, "total_count": len(found), "can_comment": True}
        return graph.paged(
            call,
            found if order == "chronological" else found[::-1],
            number=lambda one: one.number,
            render=lambda one: self._nodes.comment(one, asked, call.now_ms),
            extra=extra,
        )

    def node(self, call: Call) -> object:
        """A Page (``me`` is the token's own), a post or a comment."""
        named = call.request.path_params["object"]
        asked = graph.fields(call, "id")
        if named == "me" or named in ACCOUNTS:
            return self._nodes.page(ACCOUNTS.get(named, next(iter(PAGES))), asked)
        entry = self._entry(call)
        render = self._nodes.post if entry.is_post else self._nodes.comment
        return render(entry, asked, call.now_ms)

    def _account(self, call: Call) -> str:
        named = call.request.path_params["object"]
        if named == "me":
            return next(iter(PAGES))
        if named not in ACCOUNTS:
            raise graph.vanished(named)
        return ACCOUNTS[named]

    def _entry(self, call: Call) -> Entry:
        named = call.request.path_params["object"]
        try:
            entry = self._threads.find(last_digits(named))
        except ValueError:
            entry = None
        if entry is None or not entry.post.account or named != spelled(entry):
            raise graph.vanished(named)
        if not entry.visible(call.now_ms):
            raise graph.vanished(named)
        return entry

    def _ranked(self, account: str, now_ms: int) -> Iterator[Entry]:
        posts = self._threads.posts(account, now_ms, now_ms - REACH_MS, now_ms)
        days = itertools.groupby(posts, key=lambda entry: entry.created_ms // DAY_MS)
        ranked = (entry for _, day in days for entry in sorted(day, key=_rank, reverse=True))
        return itertools.islice(ranked, MOST_POSTS)


def _rank(entry: Entry) -> int:
    return entry.created_ms + entry.number * 2_654_435_761 % _RANK_MS


def alterations() -> dict[str, Kind]:
    """Faults of Facebook's own: what Page Public Content Access withholds, drafts, an order."""
    return {
        "withheld": Alters(_withheld),
        "unpublished": Alters(_unpublished),
        # Comments come oldest first, whatever was asked.
        "fixed_order": Alters(),
    }


def _withheld(body: Any, call: Call, _fault: Fault) -> Any:
    comments = call.endpoint.endswith("/comments")
    for entry in graph.objects_of(body):
        if comments:
            for name in ("id", "from", "parent"):
                entry.pop(name, None)
        elif entry.get("from", {}).get("id") not in ACCOUNTS:
            entry.pop("from", None)
        entry.pop("message_tags", None)
    return body


def _unpublished(body: Any, _call: Call, fault: Fault) -> Any:
    """Of a feed's page the first posts are drafts."""
    for entry in graph.objects_of(body)[: int(fault.parameters.get("posts", 1))]:
        if "is_published" in entry:
            entry["is_published"] = False
    return body
