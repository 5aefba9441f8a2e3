"""Lakes with bronze to measure on: the simulator's story, or given texts, as X's API gives them.

What belongs here: making input. It happens in processes of its own and is never timed.
"""

from __future__ import annotations

import datetime as dt
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

from sentiment_assets.core.coverage import Searched
from sentiment_assets.core.layout import PostPartition, Window, windows_of
from sentiment_assets.lake.bronze import StretchFetch
from sentiment_assets.lake.objects import Lake, LakeLocation
from simulator import plot
from simulator.clock import HOUR_MS
from simulator.x.corpus import Texts
from simulator.x.post import Post
from simulator.x.query import mentions
from simulator.x.rendering import CLASSIC, render_post, render_user
from simulator.x.story import Story

SEED = 7
#: A Wednesday: neither the story's launch nor its outage.
DAY = PostPartition(dt.date(2026, 1, 14), "x")
#: Every so many posts is observed twice: a later fetch of its window brought it again.
REPEATED = 20
#: Posts that the story tells; further ones are these again with other ids and other texts.
_TOLD = 50_000
_AGAIN = ("", "again", "still", "today", "anyway", "honestly", "though", "now", "too", "tbh", "ok")

_POST_FIELDS = (
    "created_at", "author_id", "lang", "conversation_id", "public_metrics", "referenced_tweets",
    "in_reply_to_user_id", "entities", "note_tweet", "possibly_sensitive",
)  # fmt: skip
_USER_FIELDS = ("created_at", "verified", "public_metrics")

Payload = dict[str, Any]


def days(number: int) -> list[PostPartition]:
    """So many dates, one after the other, from :data:`DAY` on."""
    return [
        PostPartition(DAY.date + dt.timedelta(days=later), DAY.platform) for later in range(number)
    ]


def open_lake(folder: Path) -> Lake:
    """The lake of a benchmark in a folder."""
    return Lake.open(LakeLocation(str(folder.resolve()), "simulated"))


def write_date(
    folder: Path, partition: PostPartition, posts: int, corpus: Path | None, windows: int = 12
) -> int:
    """Fill a date, or its first windows, with about so many posts; returns the records."""
    lake, records = open_lake(folder), 0
    wanted = windows_of(partition)[:windows]
    for window, payloads in zip(wanted, payloads_of(wanted, posts, corpus), strict=True):
        records += add_fetch(lake, window, payloads, 1)
        records += add_fetch(lake, window, payloads[::REPEATED], 2)
    return records


def write_window(
    folder: Path,
    window: Window,
    posts: int,
    corpus: Path | None,
    per_fetch: int,
    part: int = 0,
    parts: int = 1,
) -> int:
    """Fill one window with about so many posts, fetched piece by piece; returns the records.

    Of several processes with the same arguments, each may write one part of the fetches.
    """
    lake = open_lake(folder)
    [payloads] = payloads_of([window], posts, corpus)
    records = 0
    for number, start in enumerate(range(0, len(payloads), per_fetch)):
        if number % parts == part:
            records += add_fetch(lake, window, payloads[start : start + per_fetch], number + 1)
    return records


def link_bronze(source: Path, target: Path, fetches: int | None = None) -> None:
    """A second lake over the same bronze, or over its first fetches: hard links, no copies."""
    open_lake(target)
    root = source / "bronze"
    files = sorted(path for path in root.rglob("*") if path.is_file())
    if fetches is not None:
        names = sorted({path.name.partition(".")[0] for path in files})[:fetches]
        files = [path for path in files if path.name.partition(".")[0] in names]
    for path in files:
        linked = target / "bronze" / path.relative_to(root)
        linked.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, linked)


def add_fetch(lake: Lake, window: Window, payloads: Sequence[Payload], number: int) -> int:
    """Write what one fetch of a window brought; returns the records."""
    fetch = StretchFetch(
        lake,
        [window],
        fetched_at=window.end + dt.timedelta(minutes=number),
        run_id=f"made-{number}",
        api_version="2",
        simulated=True,
    )
    for index, payload in enumerate(payloads):
        fetch.add(window, payload, {"query": "nimbus", "page": index // 100 + 1})
    fetch.close({window: Searched("complete", "", (window.start, window.end))})
    return fetch.received


def payloads_of(
    windows: Sequence[Window], posts: int, corpus: Path | None
) -> Iterator[Sequence[Payload]]:
    """Each window's payloads; together about ``posts``."""
    rounds = -(-posts // _TOLD)
    hours = {window: [_hour(window), _hour(window) + 1] for window in windows}
    weight = sum(plot.weight(plot.hour_of_week(h)) for pair in hours.values() for h in pair)
    told = posts / rounds
    # As on X, a busier day has more authors, not only busier ones.
    story = Story(SEED, round(told * plot.TOTAL / 7 / weight), authors=max(3_000, posts // 100))
    texts, pick = Texts(corpus) if corpus else None, random.Random(SEED)
    for window in windows:
        payloads = []
        for hour in hours[window]:
            for post in reversed(story.timeline(hour)):
                if texts is not None:
                    post = _saying(post, texts[pick.randrange(len(texts))])
                payloads.append(_payload(post, story))
        yield _Repeated(payloads, rounds)


class _Repeated(Sequence[Payload]):
    """What was told, and told again; a payload is made when it is asked for."""

    def __init__(self, told: list[Payload], rounds: int) -> None:
        self._told, self._rounds = told, rounds

    def __len__(self) -> int:
        return len(self._told) * self._rounds

    @overload
    def __getitem__(self, index: int) -> Payload: ...
    @overload
    def __getitem__(self, index: slice) -> list[Payload]: ...
    def __getitem__(self, index: int | slice) -> Payload | list[Payload]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        number, place = divmod(index, len(self._told))
        return _again(self._told[place], number)


def _saying(post: Post, text: str) -> Post:
    """The post with another text; a repost repeats what its original then says."""
    target = post.target
    if target is not None and post.kind == "repost":
        target = replace(target, text=text)
    return replace(post, text=text, target=target)


def _payload(post: Post, story: Story) -> Payload:
    """One post with the objects that it refers to, as a client cuts them out of a page."""
    now = post.created_ms + 2 * HOUR_MS
    users = {post.author}
    if "@" in post.text:
        named = [story.author_named(match[1]) for match in mentions(post.text)]
        users.update(author.index for author in named if author is not None)
    includes: Payload = {}
    if post.target is not None:
        users.add(post.target.author)
        includes["tweets"] = [render_post(post.target, _POST_FIELDS, story, now, CLASSIC)]
    includes["users"] = [render_user(story.author(index), _USER_FIELDS) for index in sorted(users)]
    return {"data": render_post(post, _POST_FIELDS, story, now, CLASSIC), "includes": includes}


def _again(payload: Payload, number: int) -> Payload:
    """The post once more: other ids, and a word more in each text, so that nothing scores once."""
    if number == 0:
        return payload

    def other_id(post_id: str) -> str:
        # The low bits of an id are no time: the post stays in its window.
        return str(int(post_id) ^ number << 8)

    def said_again(post: Payload) -> Payload:
        return post | {"text": f"{post['text']} {_AGAIN[number % len(_AGAIN)]}"}

    post, includes = said_again(payload["data"]), payload["includes"]
    post["id"] = other_id(post["id"])
    post["edit_history_tweet_ids"] = [other_id(one) for one in post["edit_history_tweet_ids"]]
    if "tweets" in includes:
        includes = includes | {"tweets": [said_again(one) for one in includes["tweets"]]}
    return {"data": post, "includes": includes}


def _hour(window: Window) -> int:
    return int(window.start.timestamp() * 1000) // HOUR_MS
