"""Bronze made by hand: posts of X, envelopes, objects with their manifests."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
from collections.abc import Sequence
from typing import Any

import msgspec

from sentiment_assets.core import layout
from sentiment_assets.core.coverage import BronzeObject, Manifest, State
from sentiment_assets.core.layout import PostPartition, Window
from sentiment_assets.core.parsers.x import SNOWFLAKE_EPOCH_MS
from sentiment_assets.core.pii.pseudonyms import PseudonymKeys
from sentiment_assets.core.silver import SilverRules
from sentiment_assets.core.tracking import Topic

UTC = dt.timezone.utc
DAY = PostPartition(dt.date(2026, 11, 23), "x")
RULES = SilverRules(
    PseudonymKeys((("x", "ab" * 32),)),
    (Topic("outage", keywords=("down", "offline")), Topic("pricing", keywords=("price",))),
)


def at(hour: float, day: PostPartition = DAY) -> dt.datetime:
    return dt.datetime.combine(day.date, dt.time(), tzinfo=UTC) + dt.timedelta(hours=hour)


def snowflake(instant: dt.datetime, sequence: int = 0) -> str:
    """X's id of a post made at that millisecond."""
    milliseconds = round(instant.timestamp() * 1000)
    return str((milliseconds - SNOWFLAKE_EPOCH_MS << 22) + sequence)


def iso(instant: dt.datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def payload(hour: float, sequence: int = 0, **data: Any) -> dict[str, Any]:
    """A post made at that hour of DAY; ``data`` overrides its fields."""
    identity = snowflake(at(hour), sequence)
    post = {
        "id": identity,
        "text": "I think that this is great",
        "created_at": iso(at(hour)),
        "author_id": str(4_200_000 + sequence),
        "conversation_id": identity,
        "lang": "en",
        "edit_history_tweet_ids": [identity],
    }
    return {"data": post | data, "includes": {}}


def line(record: Any, fetched_at: dt.datetime, **envelope: Any) -> bytes:
    """An envelope as bronze stores it."""
    whole = {
        "platform": "x",
        "source": "batch",
        "fetched_at": fetched_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "request": {"query": "nimbus", "page": 1, "index": 0},
        "api_version": "2",
        "payload": record,
    }
    return json.dumps(whole | envelope, ensure_ascii=False).encode()


def manifest(
    window: Window,
    fetched_at: dt.datetime,
    state: State | None = "complete",
    objects: Sequence[BronzeObject] = (),
    **fields: Any,
) -> Manifest:
    whole = state == "complete"
    return Manifest(
        **{
            "platform": window.partition.platform,
            "date": window.partition.date,
            "window": window.name,
            "state": state,
            "reason": "",
            "fetched_at": fetched_at,
            "fetched_from": window.start if whole else None,
            "fetched_until": window.end if whole else None,
            "run_id": "test",
            "api_version": "2",
            "simulated": True,
            "sources": [],
            "objects": list(objects),
            "received": sum(stored.records for stored in objects),
            **fields,
        }
    )


def store(
    lake: Any,
    window: Window,
    lines: Sequence[bytes],
    fetched_at: dt.datetime,
    state: State | None = "complete",
    **fields: Any,
) -> BronzeObject:
    """Lay down one object with its manifest, whatever its lines are."""
    path = layout.batch_object(window, fetched_at)
    data = gzip.compress(b"".join(one + b"\n" for one in lines), mtime=0)
    lake.objects.put(path, data)
    stored = BronzeObject(path, len(lines), len(data), hashlib.sha256(data).hexdigest())
    written = msgspec.json.encode(manifest(window, fetched_at, state, [stored], **fields))
    lake.objects.put(path.replace(".jsonl.gz", ".manifest.json"), written)
    return stored
