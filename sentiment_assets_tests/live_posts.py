"""Posts of X made now, as records of a topic and as Spark hands them on; live tables as oracles.

What belongs here: what tests of the live stream share. A live post is at most two days old, so
that these are made with the clock of the machine.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from sentiment_assets.core.contracts import LIVE_POSTS, LIVE_SENTIMENT
from sentiment_assets.engine.live import LiveOrder
from sentiment_assets.lake.objects import Lake
from sentiment_assets_tests.bronze_records import RULES, UTC, iso, snowflake
from sentiment_assets_tests.streamed import written

TOPIC = "posts.x"


def now() -> dt.datetime:
    return dt.datetime.now(UTC).replace(microsecond=0)


def live_post(made: dt.datetime, sequence: int, author: int, **data: Any) -> dict[str, Any]:
    """A post of X; ``sequence`` and the time make its id."""
    identity = snowflake(made, sequence)
    post = {
        "id": identity,
        "text": f"The site is down, day {sequence % 9}, and this is a great pity",
        "created_at": iso(made),
        "author_id": str(4_200_000 + author),
        "conversation_id": identity,
        "lang": "en",
        "edit_history_tweet_ids": [identity],
    }
    return {"data": post | data, "includes": {}}


def live_posts(
    count: int, until: dt.datetime, *, first: int = 0, minutes: int = 12, authors: int = 37
) -> list[dict[str, Any]]:
    """Posts of the minutes before an instant."""
    return [
        live_post(
            until - dt.timedelta(seconds=(number * 7) % (minutes * 60)), number, number % authors
        )
        for number in range(first, first + count)
    ]


def records(
    payloads: Iterable[Any],
    appended: dt.datetime,
    headers: Sequence[tuple[str, bytes]] | None = None,
    topic: str = TOPIC,
) -> pa.RecordBatch:
    """Records as Spark's Kafka source gives them."""
    sent = [p if isinstance(p, bytes) or p is None else json.dumps(p).encode() for p in payloads]
    told = written() if headers is None else headers
    spelled = [{"key": name, "value": value} for name, value in told]
    return pa.RecordBatch.from_pydict(
        {
            "value": pa.array(sent, pa.binary()),
            "headers": pa.array(
                [spelled] * len(sent),
                pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())])),
            ),
            "topic": pa.array([topic] * len(sent)),
            "partition": pa.array([0] * len(sent), pa.int32()),
            "offset": pa.array(range(len(sent)), pa.int64()),
            "timestamp": pa.array([appended] * len(sent), pa.timestamp("us", tz="UTC")),
        }
    )


def order(**changed: Any) -> LiveOrder:
    facts: dict[str, Any] = {
        "rules": RULES,
        "topics": {TOPIC: "x"},
        "kafka": {},
        "run_id": "run",
        "min_authors": 1,
        "continuous": False,
    }
    return LiveOrder(**(facts | changed))


def slot_of(post: dict[str, Any]) -> dt.datetime:
    made = dt.datetime.fromisoformat(post["data"]["created_at"])
    return made.replace(minute=made.minute // 5 * 5, second=0, microsecond=0)


def counted(posts: Iterable[dict[str, Any]]) -> dict[tuple[dt.datetime, str], tuple[int, int]]:
    """Posts and authors of each slot and topic, counted without any of the code."""
    ids: set[str] = set()
    cells: Counter[tuple[dt.datetime, str]] = Counter()
    people: dict[tuple[dt.datetime, str], set[str]] = {}
    for post in posts:
        data = post["data"]
        if data["id"] in ids:
            continue
        ids.add(data["id"])
        for topic in ("all", *(["outage"] if " down" in data["text"] else [])):
            cell = slot_of(post), topic
            cells[cell] += 1
            # Who is withheld counts as nobody.
            people.setdefault(cell, set()).update({data["author_id"]} - {None})
    return {cell: (count, len(people[cell])) for cell, count in cells.items()}


def rows(lake: Lake) -> pl.DataFrame:
    return lake.table(LIVE_POSTS).scan().collect().sort(LIVE_POSTS.key)


def figures(lake: Lake) -> pl.DataFrame:
    return lake.table(LIVE_SENTIMENT).scan().collect().sort(LIVE_SENTIMENT.key)


def told(lake: Lake) -> dict[tuple[dt.datetime, str], tuple[int, int]]:
    """What the figures say, as :func:`counted` does."""
    return {
        (row["slot"], row["topic"]): (row["posts"], row["authors"])
        for row in figures(lake).iter_rows(named=True)
    }
