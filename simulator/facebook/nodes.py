"""Pages, posts and comments as Facebook's nodes, with the fields that are asked for.

What belongs here: ids and fields. What does not: which of them a request finds, HTTP.

Sources, below https://developers.facebook.com/docs/graph-api/reference/ (read 2026-11-24):
page/feed and page-post (post), comment, object/comments, object/reactions, story-attachment.
A post is updated when it is created, edited, or commented on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from simulator import graph
from simulator.graph import Field
from simulator.threads import Entry, Threads

#: Ids of the accounts' Pages, for every seed.
PAGES: Mapping[str, str] = {"brand": "104857600001001", "rival": "104857600002002"}
ACCOUNTS: Mapping[str, str] = {page: account for account, page in PAGES.items()}

_HASHTAG = re.compile(r"#\w+")
_URL = re.compile(r"https?://\S+")
#: One in so many of a Page's own posts is a photo without words, and so on.
_WORDLESS, _LINKED, _PHOTO = 41, 3, 5


def spelled(entry: Entry) -> str:
    """``{page}_{post}``, or ``{post}_{comment}``."""
    return f"{_page(entry) if entry.is_post else entry.post.number}_{entry.number}"


def _page(entry: Entry) -> str:
    return PAGES[entry.post.account]


class Nodes:
    """Makes the objects of a world."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads

    def page(self, account: str, asked: Mapping[str, Field]) -> dict[str, Any]:
        """A Page."""
        author = self._threads.company(account)
        known = {
            "id": lambda _: PAGES[account],
            "name": lambda _: author.name,
            "username": lambda _: author.handle,
            "followers_count": lambda _: author.followers,
        }
        return graph.pick("Page", asked, known)

    def post(self, entry: Entry, asked: Mapping[str, Field], now_ms: int) -> dict[str, Any]:
        """A post of a Page's feed."""
        text = self._text(entry, now_ms)
        known = {
            "id": lambda _: spelled(entry),
            "message": lambda _: text or None,
            "created_time": lambda _: graph.time_of(entry.created_ms),
            "updated_time": lambda _: graph.time_of(self.updated_ms(entry, now_ms)),
            "is_published": lambda _: True,
            "from": lambda _: self._person(entry),
            "message_tags": lambda _: self._tags(entry, text),
            "attachments": lambda one: _attachments(entry, text, one),
            "shares": lambda _: self._shares(entry, now_ms),
            "reactions": lambda one: self._reactions(entry, one, now_ms),
            "comments": lambda one: self._commented(entry, one, now_ms),
            "permalink_url": lambda _: (
                f"https://www.facebook.com/{_page(entry)}/posts/{entry.number}/"
            ),
        }
        return graph.pick("Post", asked, known)

    def comment(self, entry: Entry, asked: Mapping[str, Field], now_ms: int) -> dict[str, Any]:
        """A comment, or an answer to one."""
        text = entry.text_at(now_ms)
        known = {
            "id": lambda _: spelled(entry),
            "message": lambda _: text,
            "created_time": lambda _: graph.time_of(entry.created_ms),
            "from": lambda _: self._person(entry),
            "parent": lambda one: self._parent(entry, one, now_ms),
            "message_tags": lambda _: self._tags(entry, text),
            "attachment": lambda one: _linked(text, one),
            "like_count": lambda _: self._threads.likes(entry, now_ms),
            "comment_count": lambda _: len(self._threads.comments(entry, now_ms)),
            "is_hidden": lambda _: False,
        }
        return graph.pick("Comment", asked, known)

    def updated_ms(self, entry: Entry, now_ms: int) -> int:
        """When a post was last edited or commented on."""
        said = self._threads.stream(entry, now_ms)
        edited = entry.edited_at(now_ms) or entry.created_ms
        return max(edited, *(one.created_ms for one in said), entry.created_ms)

    def _text(self, entry: Entry, now_ms: int) -> str:
        text = entry.text_at(now_ms)
        own = self._threads.company(entry.account).index == entry.author
        return "" if own and not entry.edits and entry.number % _WORDLESS == 0 else text

    def _person(self, entry: Entry) -> dict[str, Any]:
        author = self._threads.author(entry.author)
        for account, page in PAGES.items():
            if self._threads.company(account).index == entry.author:
                return {"name": author.name, "id": page}
        return {"name": author.name, "id": author.id}

    def _parent(self, entry: Entry, asked: Field, now_ms: int) -> dict[str, Any] | None:
        if entry.parent is None or entry.parent.is_post:
            return None
        inner = asked.inner or {"created_time": Field(), "message": Field(), "id": Field()}
        return self.comment(entry.parent, inner, now_ms)

    def _tags(self, entry: Entry, text: str) -> list[dict[str, Any]] | None:
        """People whose names stand in the text, and hashtags; places count code points."""
        tags: list[dict[str, Any]] = []
        for index in entry.mentions:
            author = self._threads.author(index)
            place = text.find(author.name)
            if place >= 0:
                tags.append(
                    {
                        "id": author.id,
                        "name": author.name,
                        "type": "user",
                        "offset": place,
                        "length": len(author.name),
                    }
                )
        tags += [
            {
                "id": str(10**15 + sum(map(ord, found[0]))),
                "name": found[0],
                "offset": found.start(),
                "length": len(found[0]),
            }
            for found in _HASHTAG.finditer(text)
        ]
        return sorted(tags, key=lambda tag: int(tag["offset"])) or None

    def _shares(self, entry: Entry, now_ms: int) -> dict[str, int] | None:
        shares = self._threads.likes(entry, now_ms) // 9
        # A post that nobody shared has no such field.
        return {"count": shares} if shares else None

    def _reactions(self, entry: Entry, asked: Field, now_ms: int) -> dict[str, Any]:
        total = self._threads.likes(entry, now_ms)
        return _edge(asked, total, {"viewer_reaction": "NONE"})

    def _commented(self, entry: Entry, asked: Field, now_ms: int) -> dict[str, Any]:
        if asked.modifiers.get("filter") == "stream":
            total = len(self._threads.stream(entry, now_ms))
        else:
            total = len(self._threads.comments(entry, now_ms))
        return _edge(asked, total, {"order": "chronological", "can_comment": True})


def _edge(asked: Field, total: int, summary: Mapping[str, Any]) -> dict[str, Any]:
    """An edge inside a node: only ``limit(0)`` and the summary are simulated."""
    if asked.modifiers.get("limit") != "0":
        raise graph.bad_parameter("Only limit(0) of this edge is simulated")
    told = asked.modifiers.get("summary")
    out: dict[str, Any] = {"data": []}
    if told == "total_count":
        out["summary"] = {"total_count": total}
    elif told in ("true", "1"):
        out["summary"] = {"total_count": total, **summary}
    return out


def _attachments(entry: Entry, text: str, asked: Field) -> dict[str, Any] | None:
    attached = _linked(text, asked)
    if attached is None and entry.account and not entry.number % _LINKED:
        attached = _story_attachment(
            "share", f"https://www.example.com/blog/{entry.number % 997}", asked
        )
    elif attached is None and not entry.number % _PHOTO:
        photo = f"https://www.facebook.com/{_page(entry)}/photos/{entry.number}/"
        attached = _story_attachment("photo", photo, asked)
    return None if attached is None else {"data": [attached]}


def _linked(text: str, asked: Field) -> dict[str, Any] | None:
    """The link that a text holds, shown below it."""
    found = _URL.search(text)
    return None if found is None else _story_attachment("share", found[0], asked)


def _story_attachment(kind: str, url: str, asked: Field) -> dict[str, Any]:
    known = {
        "type": lambda _: kind,
        "unshimmed_url": lambda _: url,
        "url": lambda _: f"https://l.facebook.com/l.php?u={url}" if kind == "share" else url,
    }
    return graph.pick("StoryAttachment", asked.inner or {"type": Field()}, known)
