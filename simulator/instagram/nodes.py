"""Media and comments as Instagram's nodes, with the fields that are asked for.

What belongs here: ids and fields. What does not: which of them a request finds, HTTP.

Sources, below https://developers.facebook.com/docs/instagram-platform/ (read 2026-11-24):
reference/instagram-media, instagram-graph-api/reference/ig-comment, ig-hashtag/recent-media.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulator import graph
from simulator.graph import Field
from simulator.site import Call
from simulator.threads import Entry, Threads

#: Ids of the professional accounts, for every seed.
ACCOUNTS: Mapping[str, str] = {"brand": "17841400000001001", "rival": "17841400000002002"}
NAMES: Mapping[str, str] = {spelled: account for account, spelled in ACCOUNTS.items()}

#: Replies that a comment brings along, at most; the rest stand on its own edge.
EXPANDED = 5
#: One in so many owners hides the likes; one in so many media is a video, and so on.
_HIDING, _KINDS = 11, ("IMAGE", "IMAGE", "CAROUSEL_ALBUM", "VIDEO")


def spelled(entry: Entry) -> str:
    """Every id is a number."""
    return str(entry.number)


class Nodes:
    """Makes the objects of a world."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads

    def media(self, entry: Entry, asked: Mapping[str, Field], call: Call) -> dict[str, Any]:
        """A media object of an account, as its owner sees it."""
        author = self._threads.author(entry.author)
        known = {
            **self._public(entry, call),
            "caption": lambda _: entry.text_at(call.now_ms) or None,
            "username": lambda _: author.handle,
            "owner": lambda _: {"id": ACCOUNTS[entry.account]},
            "like_count": lambda _: self._threads.likes(entry, call.now_ms),
            "media_product_type": lambda _: "FEED",
            "is_comment_enabled": lambda _: True,
            "shortcode": lambda _: _shortcode(entry),
        }
        return graph.pick("Media", asked, known)

    def tagged(self, entry: Entry, asked: Mapping[str, Field], call: Call) -> dict[str, Any]:
        """Somebody's media object that a hashtag finds: without names, and ``@`` signs."""
        hidden = entry.author % _HIDING == 0
        known = {
            **self._public(entry, call),
            "caption": lambda _: entry.text_at(call.now_ms).replace("@", "") or None,
            "like_count": lambda _: None if hidden else self._threads.likes(entry, call.now_ms),
        }
        return graph.pick("Media", asked, known)

    def mentioning(self, entry: Entry, asked: Mapping[str, Field], call: Call) -> dict[str, Any]:
        """Somebody's media object whose caption names an account."""
        known = {
            **self._public(entry, call),
            "caption": lambda _: entry.text_at(call.now_ms) or None,
            "username": lambda _: self._threads.author(entry.author).handle,
            "like_count": lambda _: self._threads.likes(entry, call.now_ms),
        }
        return graph.pick("Media", asked, known)

    def comment(self, entry: Entry, asked: Mapping[str, Field], call: Call) -> dict[str, Any]:
        """A comment, or a reply to one."""
        author = self._threads.author(entry.author)
        withheld = "no_from" in call.due
        parent = top(entry)
        known = {
            "id": lambda _: spelled(entry),
            "text": lambda _: entry.text_at(call.now_ms),
            "timestamp": lambda _: graph.time_of(entry.created_ms),
            "username": lambda _: None if withheld else author.handle,
            "from": lambda _: None if withheld else {"id": author.id, "username": author.handle},
            "like_count": lambda _: self._threads.likes(entry, call.now_ms),
            "hidden": lambda _: False,
            "media": lambda _: {"id": spelled(entry.post), "media_product_type": "FEED"},
            "parent_id": lambda _: None if parent is entry else spelled(parent),
            "replies": lambda one: self._expanded(entry, one, call),
        }
        return graph.pick("IGComment", asked, known)

    def replies(self, entry: Entry, now_ms: int) -> list[Entry]:
        """What answers a comment, newest first; a reply to a reply stands with the others."""
        found = [
            one
            for answer in self._threads.comments(entry, now_ms)
            for one in (answer, *self.replies(answer, now_ms))
        ]
        return sorted(found, key=lambda one: one.number, reverse=True)

    def _public(self, entry: Entry, call: Call) -> dict[str, Callable[[Field], object]]:
        kind = _KINDS[entry.number % len(_KINDS)]
        return {
            "id": lambda _: spelled(entry),
            "timestamp": lambda _: graph.time_of(entry.created_ms),
            "comments_count": lambda _: len(self._threads.stream(entry, call.now_ms)),
            "media_type": lambda _: kind,
            "permalink": lambda _: f"https://www.instagram.com/p/{_shortcode(entry)}/",
        }

    def _expanded(self, entry: Entry, asked: Field, call: Call) -> dict[str, Any] | None:
        """The replies inside a comment; Graph leaves the field out where there are none."""
        found = self.replies(entry, call.now_ms) if top(entry) is entry else []
        if not found:
            return None
        told = asked.modifiers.get("limit", "")
        shown = found[: min(int(told) if told.isdecimal() else EXPANDED, EXPANDED)]
        inner = asked.inner or {"timestamp": Field(), "text": Field()}
        body: dict[str, Any] = {"data": [self.comment(one, inner, call) for one in shown]}
        if len(found) > len(shown):
            after = graph.cursor(shown[-1].number)
            own = graph.address(call, after=after).replace(
                f"/{spelled(entry.post)}/comments", f"/{spelled(entry)}/replies"
            )
            body["paging"] = {"cursors": {"after": after}, "next": own}
        return body


def top(entry: Entry) -> Entry:
    """The comment that stands on the media object itself."""
    while entry.parent is not None and entry.parent.parent is not None:
        entry = entry.parent
    return entry


def _shortcode(entry: Entry) -> str:
    return graph.cursor(entry.number)[:11]
