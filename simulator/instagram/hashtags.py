"""Hashtags: 30 different ones in 7 days for an account, and the media of 24 hours that bear them.

What a search of hashtags is refused with is not documented ("a generic error"); the codes here are
what developers report. The ``after`` cursor of a listing is the same on every page and still leads
on: each listing is a place of its own that the server remembers.

Sources, below https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/
reference/ (read 2026-11-24): ig-hashtag-search, ig-hashtag/recent-media,
ig-user/recently_searched_hashtags.
"""

from __future__ import annotations

import itertools
import re
import zlib
from collections import OrderedDict
from dataclasses import dataclass

from simulator import graph
from simulator.clock import DAY_MS, HOUR_MS
from simulator.instagram.nodes import NAMES, Nodes
from simulator.site import Call, Refused
from simulator.threads import Threads

DIFFERENT = 30
WEEK_MS = 7 * DAY_MS
MOST_MEDIA = 50
#: A hashtag that nobody has used for so long is not known.
KNOWN_MS = 3 * DAY_MS
#: Media stand up to so long away from their place by time.
STRAYED_MS = HOUR_MS
_REMEMBERED = 500
#: A page that one of these spoils is given again.
_SPOILED = frozenset({"timeout", "disconnect", "truncated_json"})
_PLAIN = re.compile(r"\w+")


@dataclass
class _Place:
    """How far a listing was read."""

    numbers: list[int]
    shown: int = 0


class Hashtags:
    """Searches by hashtag, and what each account has searched."""

    def __init__(self, threads: Threads, nodes: Nodes) -> None:
        self._threads = threads
        self._nodes = nodes
        self._names: dict[str, str] = {}
        # Account -> hashtag -> when it was first searched, in these 7 days.
        self._searched: dict[str, dict[str, int]] = {}
        self._places: OrderedDict[str, _Place] = OrderedDict()
        self._opened = itertools.count(1)

    def search(self, call: Call) -> object:
        """``GET /ig_hashtag_search``: the hashtag's id, the same for everybody."""
        user = _user(call)
        name = call.request.query_params.get("q", "").lower()
        if not _PLAIN.fullmatch(name):
            raise graph.bad_parameter("Invalid parameter: q")
        searched = self._recent(user, call.now_ms)
        if name not in searched and len(searched) >= DIFFERENT:
            raise too_many()
        found = self._threads.tagged(name, call.now_ms, call.now_ms - KNOWN_MS, call.now_ms)
        if next(found, None) is None:
            raise no_such_hashtag()
        searched.setdefault(name, call.now_ms)
        self._names[id_of(name)] = name
        return {"data": [{"id": id_of(name)}]}

    def recent_media(self, call: Call) -> object:
        """``GET /{ig-hashtag}/recent_media``: 24 hours, more or less newest first."""
        user, asked = _user(call), graph.fields(call)
        spelled = call.request.path_params["object"]
        name = self._names.get(spelled)
        if name is None:
            raise graph.vanished(spelled)
        searched = self._recent(user, call.now_ms)
        if name not in searched and len(searched) >= DIFFERENT:
            raise too_many()
        searched.setdefault(name, call.now_ms)
        key = call.request.query_params.get("after") or f"QVFI{next(self._opened):012d}"
        place = self._place(key, name, call)
        limit = min(graph.page_limit(call), MOST_MEDIA)
        start = place.shown
        page = [] if "empty_page" in call.due else place.numbers[start : start + limit]
        if not call.due.keys() & {"repeated_cursor", *_SPOILED}:
            place.shown += len(page)
        entries = [entry for number in page if (entry := self._threads.find(number)) is not None]
        shown = [entry for entry in entries if entry.visible(call.now_ms)]
        call.served(len(shown))
        body: dict[str, object] = {
            "data": [self._nodes.tagged(entry, asked, call) for entry in shown]
        }
        more = start + len(page) < len(place.numbers)
        if more or call.due.keys() & {"empty_page", "repeated_cursor"}:
            following = graph.address(call, after=key)
            body["paging"] = {"cursors": {"after": key}, "next": following}
        if "missing_paging" in call.due:
            body.pop("paging", None)
        return body

    def recently_searched(self, call: Call) -> object:
        """``GET /{ig-user}/recently_searched_hashtags``: of these 7 days."""
        user = call.request.path_params["object"]
        if user not in NAMES:
            raise graph.vanished(user)
        return graph.paged(
            call,
            list(self._recent(user, call.now_ms)),
            number=lambda name: int(id_of(name)),
            render=lambda name: {"id": id_of(name)},
            most=DIFFERENT,
        )

    def _place(self, key: str, name: str, call: Call) -> _Place:
        if "after" in call.request.query_params:
            place = self._places.get(key)
            if place is None:
                raise graph.bad_parameter("Invalid cursors values")
            return place
        found = self._threads.tagged(name, call.now_ms, call.now_ms - DAY_MS, call.now_ms)
        ordered = sorted(
            found,
            key=lambda entry: entry.created_ms + entry.number * 2_654_435_761 % STRAYED_MS,
            reverse=True,
        )
        self._places[key] = _Place([entry.number for entry in ordered])
        while len(self._places) > _REMEMBERED:
            self._places.popitem(last=False)
        return self._places[key]

    def _recent(self, user: str, now_ms: int) -> dict[str, int]:
        """What the account has searched in these 7 days."""
        told = self._searched.get(user, {})
        # A clock that was set back has searched nothing in the future.
        kept = {name: at for name, at in told.items() if now_ms - WEEK_MS < at <= now_ms}
        self._searched[user] = kept
        return kept


def id_of(name: str) -> str:
    """The hashtag's id, for ever."""
    return f"17843{zlib.crc32(name.encode()):012d}"


def too_many() -> Refused:
    """A 31st hashtag in 7 days."""
    return graph.error(
        400,
        18,
        "(#18) This account has queried the maximum number of unique hashtags in 7 days.",
        subcode=2207034,
    )


def no_such_hashtag() -> Refused:
    """A hashtag that nobody has used."""
    return graph.error(400, 24, "The requested resource does not exist", subcode=2207024)


def _user(call: Call) -> str:
    user = call.request.query_params.get("user_id", "")
    if not user:
        raise graph.bad_parameter("The parameter user_id is required")
    if user not in NAMES:
        raise graph.vanished(user)
    return user
