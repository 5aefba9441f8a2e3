"""What differs between platforms, one row each: all else of the contract is the same for all.

A new platform adds a row to ``CASES``. Its faults are found in its simulator's own registry.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sentiment_assets.core.tracking import TrackedSource
from simulator import app, people
from simulator.clock import DAY_MS, Clock
from simulator.facebook import PAGES
from simulator.instagram import ACCOUNTS
from simulator.linkedin.spelling import ORGANIZATIONS
from simulator.people import Author
from simulator.site import World, last_digits
from simulator.threads import Threads
from simulator.x.additions import Additions
from simulator.x.query import parse
from simulator.x.snowflake import first_id_at
from simulator.x.story import Story

UTC = dt.timezone.utc
#: As the tests' simulator is started (``conftest.simulated``).
SEED, POSTS_PER_DAY, COMMENTS_PER_DAY = 7, 240, 120
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)

#: Source, first and last creation time, now, how old a commented post may be -> numbers.
Truth = Callable[[TrackedSource, dt.datetime, dt.datetime, dt.datetime, dt.timedelta], set[int]]
Payload = Mapping[str, Any]


@dataclass(frozen=True)
class Fault:
    """A fault of the simulator with what it is told."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A platform on trial. Tests add posts to the first source, which is the company's own."""

    name: str
    sources: tuple[TrackedSource, ...]
    #: What the simulator's story has, made without its HTTP.
    truth: Truth
    authors: Callable[[], Iterator[Author]]
    #: The object in a payload, and the names of its own id and creation time in it.
    raw: Callable[[Payload], dict[str, Any]]
    ids: tuple[str, ...]
    created: tuple[str, ...]
    #: How this platform writes an instant.
    written: Callable[[dt.datetime], object]
    #: What ``SimulatedPlatform.post`` is told to make an answer to a post.
    answering: Callable[[str], Mapping[str, Any]]
    #: Companies' accounts with people's comments below their posts.
    threads: bool = True
    #: An edit is seen as one in silver, and has an id of its own.
    tells_edits: bool = False
    edits_have_ids: bool = False
    #: Makes pages small: attributes of the client, or of its module.
    client_attributes: Mapping[str, object] = field(default_factory=dict)
    module_attributes: Mapping[str, object] = field(default_factory=dict)
    small_pages: Fault | None = None
    #: Faults of paging that change nothing of what is found.
    misleading: tuple[Fault, ...] = ()
    #: Faults that take objects away as the platform itself does, and those that take ids away.
    hiding: frozenset[str] = frozenset()
    anonymous: frozenset[str] = frozenset()
    #: A limit that soon ends, and for how many seconds to wait then; one that doesn't.
    short_limit: tuple[Fault, float] = (Fault("rate_limit"), 0.0)
    long_limit: Fault = Fault("rate_limit")
    #: A limit that is nearly used up; null where the platform never says so.
    near_limit: Fault | None = None
    tells_allowance: bool = True
    #: A field that always stands in comments (or posts) and then doesn't, and its path.
    vanishing: tuple[str, str] = ("", "")

    def number(self, payload: Any) -> int | None:
        """What tells an object from others; null where its id is missing or damaged."""
        try:
            raw = self.raw(_decoded(payload))
            spelled = next(raw[name] for name in self.ids if isinstance(raw.get(name), str))
            return last_digits(spelled)
        except (KeyError, TypeError, StopIteration, ValueError):
            return None

    def number_of(self, spelled: str) -> int:
        """The same of an id as the simulator's control endpoints spell it."""
        return last_digits(spelled)

    def redated(self, payload: Payload, instant: dt.datetime) -> Any:
        """The payload as if it had been created then, written with the instant's own offset."""
        copy = json.loads(json.dumps(payload))
        *parents, last = self.created
        place = self.raw(copy)
        for name in parents:
            place = place[name]
        assert last in place
        place[last] = self.written(instant)
        return copy


def _decoded(payload: Any) -> Any:
    """What a dead letter of damaged bytes held."""
    if isinstance(payload, dict) and payload.keys() == {"base64"}:
        return json.loads(base64.b64decode(payload["base64"]).decode(errors="replace"))
    return payload


def _ms(instant: dt.datetime) -> int:
    return (instant - _EPOCH) // dt.timedelta(milliseconds=1)


def _found_on_x(
    source: TrackedSource,
    start: dt.datetime,
    end: dt.datetime,
    now: dt.datetime,
    _: dt.timedelta,
) -> set[int]:
    posts = Additions(Story(SEED, POSTS_PER_DAY), every_query=False)
    high, low = first_id_at(_ms(end)) - 1, first_id_at(_ms(start))
    return {post.id for post in posts.newest_first(high, low, parse(source.value), _ms(now))}


def _authors_on_x() -> Iterator[Author]:
    story = Story(SEED, POSTS_PER_DAY)
    return (story.author(index) for index in range(len(people.COMPANIES), 3000 + people.SPAMMERS))


def _threads(platform: str) -> Threads:
    return Threads(SEED, platform, posts_per_day=6, comments_per_day=COMMENTS_PER_DAY)


def _said_on(platform: str, accounts: Mapping[str, str]) -> Truth:
    """Posts of accounts with the comments below, or other people's posts by hashtag."""
    names = {spelled: account for account, spelled in accounts.items()}

    def truth(
        source: TrackedSource,
        start: dt.datetime,
        end: dt.datetime,
        now: dt.datetime,
        days: dt.timedelta,
    ) -> set[int]:
        threads, first, last = _threads(platform), _ms(start), _ms(end)
        if source.value in names:
            posts = threads.posts(names[source.value], last - 1, _ms(start - days), _ms(now))
            found = (entry for post in posts for entry in (post, *threads.stream(post, _ms(now))))
        else:
            found = threads.tagged(source.value, last - 1, first, _ms(now))
        return {entry.number for entry in found if first <= entry.created_ms < last}

    return truth


def _authors_on(platform: str) -> Callable[[], Iterator[Author]]:
    def authors() -> Iterator[Author]:
        threads = _threads(platform)
        return (
            threads.author(index) for index in range(len(people.COMPANIES), 2000 + people.SPAMMERS)
        )

    return authors


def _iso(pattern: str) -> Callable[[dt.datetime], object]:
    return lambda instant: instant.strftime(pattern)


def _either(*names: str) -> Callable[[Payload], dict[str, Any]]:
    return lambda payload: next(payload[name] for name in names if name in payload)


def _of_graph(**own: Any) -> Case:
    """What the two platforms of the Graph API share."""
    return Case(
        **{
            "ids": ("id",),
            "written": _iso("%Y-%m-%dT%H:%M:%S%z"),
            "answering": lambda parent: {"parent": parent},
            "small_pages": Fault("short_page"),
            "misleading": (
                Fault("short_page", {"times": -1}),
                Fault("reduce_data", {"times": -1, "above": 3}),
                Fault("empty_page", {"times": 2}),
                Fault("empty_page", {"times": 2, "after": 2}),
                Fault("repeated_cursor", {"after": 1}),
            ),
            "short_limit": (Fault("rate_limit", {"minutes": 1}), 55.0),
            "long_limit": Fault("rate_limit", {"minutes": 60, "times": -1}),
            "near_limit": Fault("usage", {"percent": 90, "times": -1}),
            **own,
        }
    )


CASES: Mapping[str, Case] = {
    case.name: case
    for case in (
        Case(
            "x",
            (
                TrackedSource("brand", "query", "nimbus OR stratus OR cirrus"),
                TrackedSource("more", "query", "support OR cloud OR price OR app"),
            ),
            _found_on_x,
            _authors_on_x,
            raw=_either("data"),
            ids=("id",),
            created=("created_at",),
            written=lambda instant: instant.isoformat(timespec="milliseconds"),
            answering=lambda parent: {
                "referenced_tweets": [{"type": "replied_to", "id": parent}],
            },
            threads=False,
            tells_edits=True,
            edits_have_ids=True,
            client_attributes={"page_size": 10},
            misleading=(
                Fault("empty_page"),
                Fault("empty_page", {"times": 2, "after": 1}),
                Fault("new_spelling", {"times": -1}),
            ),
            short_limit=(Fault("rate_limit", {"reset_in": 5}), 4.0),
            long_limit=Fault("rate_limit", {"reset_in": 3600, "times": -1}),
            vanishing=("public_metrics", "data.public_metrics"),
        ),
        _of_graph(
            name="facebook",
            sources=(
                TrackedSource("brand", "page", PAGES["brand"]),
                TrackedSource("rival", "page", PAGES["rival"]),
            ),
            truth=_said_on("facebook", PAGES),
            authors=_authors_on("facebook"),
            raw=_either("post", "comment"),
            created=("created_time",),
            hiding=frozenset({"unpublished"}),
            anonymous=frozenset({"withheld"}),
            vanishing=("like_count", "comment.like_count"),
        ),
        _of_graph(
            name="instagram",
            sources=(
                TrackedSource("brand", "account", ACCOUNTS["brand"]),
                TrackedSource("rival", "account", ACCOUNTS["rival"]),
                TrackedSource("hashtag", "hashtag", "nimbus"),
            ),
            truth=_said_on("instagram", ACCOUNTS),
            authors=_authors_on("instagram"),
            raw=_either("media", "comment"),
            created=("timestamp",),
            vanishing=("like_count", "comment.like_count"),
        ),
        Case(
            "linkedin",
            (
                TrackedSource("brand", "organization", ORGANIZATIONS["brand"]),
                TrackedSource("rival", "organization", ORGANIZATIONS["rival"]),
            ),
            _said_on("linkedin", ORGANIZATIONS),
            _authors_on("linkedin"),
            raw=_either("post", "comment"),
            ids=("commentUrn", "id"),
            created=("created", "time"),
            written=_ms,
            answering=lambda parent: {"parent": parent},
            tells_edits=True,
            module_attributes={"PAGE": 7},
            misleading=(
                Fault("other_spelling", {"times": -1}),
                Fault("wrong_total", {"times": -1, "total": 10_000}),
                Fault("shifting_pages", {"times": -1, "by": 2}),
            ),
            short_limit=(Fault("protection"), 0.2),
            long_limit=Fault("rate_limit", {"times": -1}),
            hiding=frozenset({"filtered"}),
            tells_allowance=False,
            vanishing=("lastModified", "comment.lastModified"),
        ),
    )
}


def faults() -> Sequence[tuple[Case, str]]:
    """Every fault of every platform's simulator."""
    world = World(SEED, Clock(DAY_MS), "story", COMMENTS_PER_DAY)
    sites = app.sites(world, Story(SEED, POSTS_PER_DAY))
    kinds = {site.platform: sorted(site.faults.kinds) for site in sites}
    return [(case, fault) for name, case in CASES.items() for fault in kinds[name]]
