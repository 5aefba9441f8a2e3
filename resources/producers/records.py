"""A payload as a record of Kafka: its value, key and headers.

What belongs here: writing what ``core.streams`` says that a record is. Sending it is
``publisher.py``; where the payload came from is each producer's own.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sentiment_assets.core.parsers import Refused
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.streams import record_key, written_headers

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True)
class Record:
    """What is sent. None of it may be logged."""

    key: bytes = field(repr=False)
    value: bytes = field(repr=False)
    headers: Sequence[tuple[str, bytes]] = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of key, value and headers, as a broker's limit counts them before compression."""
        return (
            len(self.key)
            + len(self.value)
            + sum(len(name) + len(value) for name, value in self.headers)
        )


@dataclass(frozen=True)
class Arrival:
    """How payloads came: by one answer, connection or notification."""

    fetched_at: dt.datetime
    api_version: str
    fetch_id: str
    #: ``simulated`` or ``live``.
    origin: str


def record_of(platform: str, payload: Mapping[str, Any] | bytes, came: Arrival) -> Record:
    """A record of a payload, decoded or as it came.

    What the parser refuses gets the digest of itself as its key and no creation time: landing
    makes a dead letter of it, with the reason.
    """
    value = payload if isinstance(payload, bytes) else _encoder.encode(payload)
    created_at: dt.datetime | None = None
    try:
        post = PLATFORMS[platform].parser.parse(payload)
    except Refused:
        key = record_key(platform, None, hashlib.blake2b(value, digest_size=16).hexdigest())
    else:
        # Of the chain's first version: edits of one post stay in order without an author, too.
        key = record_key(platform, post.author_id, post.chain_id)
        created_at = post.created_at
    headers = written_headers(
        platform,
        fetched_at=came.fetched_at,
        api_version=came.api_version,
        fetch_id=came.fetch_id,
        origin=came.origin,
        created_at=created_at,
    )
    return Record(key, value, headers)
