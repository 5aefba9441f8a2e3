"""An account's media, their comments, the replies to those, and what mentions the account.

Sources, below https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/
reference/ (read 2026-11-24): ig-user/media (the 10,000 newest, ``since`` and ``until``),
ig-media/comments (newest first, 50 a query, top-level ones only), ig-comment, ig-comment/replies,
ig-user/mentioned_comment, ig-user/mentioned_media.
"""

from __future__ import annotations

import itertools

from simulator import graph
from simulator.clock import DAY_MS, parse_ms
from simulator.instagram.nodes import NAMES, Nodes, spelled
from simulator.site import Call
from simulator.threads import Entry, Threads

MOST_MEDIA = 10_000
MOST_COMMENTS = 50
#: Before that the story's accounts did not exist.
FOUNDED_DAYS = 1500


class Accounts:
    """The edges below accounts, media and comments."""

    def __init__(self, threads: Threads, nodes: Nodes) -> None:
        self._threads = threads
        self._nodes = nodes

    def pages(self, call: Call) -> object:
        """``GET /me/accounts``: the Pages of the token, with their professional accounts."""
        asked = call.request.query_params.get("fields", "")
        # A Page may have no account; the first has none, so that a caller has to look.
        pages: list[dict[str, object]] = [{"id": "104857600000000"}]
        for number, spelled_id in enumerate(NAMES, 1001):
            page: dict[str, object] = {"id": f"10485760000{number}"}
            if "instagram_business_account" in asked:
                page["instagram_business_account"] = {"id": spelled_id}
            pages.append(page)
        return {"data": pages}

    def node(self, call: Call) -> object:
        """``GET /{ig-comment}``, and ``GET /{ig-user}`` for what mentions the account."""
        asked = graph.fields(call)
        spelled_id = call.request.path_params["object"]
        if spelled_id not in NAMES:
            entry = self._found(call)
            if entry.is_post:
                raise graph.vanished(spelled(entry))
            return self._nodes.comment(entry, asked, call)
        body: dict[str, object] = {"id": spelled_id}
        for edge, name in (("mentioned_comment", "comment_id"), ("mentioned_media", "media_id")):
            if edge not in asked:
                continue
            named = asked[edge].modifiers.get(name, "")
            found = self._threads.find(int(named)) if named.isdecimal() else None
            if found is None or found.is_post != (name == "media_id"):
                raise graph.vanished(named)
            if not found.visible(call.now_ms):
                raise graph.vanished(named)
            render = self._nodes.mentioning if found.is_post else self._nodes.comment
            body[edge] = render(found, asked[edge].inner or {}, call)
        return body

    def media(self, call: Call) -> object:
        """``GET /{ig-user}/media``: newest first."""
        asked = graph.fields(call)
        spelled_id = call.request.path_params["object"]
        account = NAMES.get(spelled_id)
        if account is None:
            raise graph.vanished(spelled_id)
        oldest = _bound(call, "since", call.now_ms - FOUNDED_DAYS * DAY_MS)
        newest = _bound(call, "until", call.now_ms)
        posts = self._threads.posts(account, newest, oldest, call.now_ms)
        return graph.paged(
            call,
            itertools.islice(posts, MOST_MEDIA),
            number=lambda entry: entry.number,
            render=lambda entry: self._nodes.media(entry, asked, call),
        )

    def comments(self, call: Call) -> object:
        """``GET /{ig-media}/comments``: the top-level ones, newest first."""
        entry = self._found(call)
        if not entry.is_post or entry.account == "":
            # Other people's media cannot be read, only found.
            raise graph.vanished(spelled(entry))
        found = reversed(self._threads.comments(entry, call.now_ms))
        return self._page_of(call, list(found), default="id,text,timestamp")

    def replies(self, call: Call) -> object:
        """``GET /{ig-comment}/replies``: newest first."""
        entry = self._found(call)
        if entry.is_post:
            raise graph.vanished(spelled(entry))
        found = self._nodes.replies(entry, call.now_ms)
        return self._page_of(call, found, default="id,text,timestamp")

    def _page_of(self, call: Call, found: list[Entry], default: str) -> object:
        asked = graph.fields(call, default)
        return graph.paged(
            call,
            found,
            number=lambda entry: entry.number,
            render=lambda entry: self._nodes.comment(entry, asked, call),
            most=MOST_COMMENTS,
            sparse=True,
        )

    def _found(self, call: Call) -> Entry:
        text = call.request.path_params["object"]
        digits = text.isascii() and text.isdecimal() and len(text) < 20
        entry = self._threads.find(int(text)) if digits else None
        if entry is None or not entry.visible(call.now_ms):
            raise graph.vanished(text)
        return entry


def _bound(call: Call, name: str, default: int) -> int:
    """A time in Unix seconds, or as it is written; both ends are inclusive."""
    text = call.request.query_params.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdecimal() and len(text) < 12:
        return int(text) * 1000 + (999 if name == "until" else 0)
    try:
        return parse_ms(text)
    except ValueError as error:
        raise graph.bad_parameter(f"Param {name} must be a valid time") from error
