"""The Kafka side of the way in: one topic per platform, and what each record carries.

What belongs here: topics as data (streams.yaml), names, headers and keys, as producers write and
landing reads them. Talking to a broker is ``resources.kafka``; which offsets were landed is
``core.landings``.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sentiment_assets.core.platforms import PLATFORMS

#: A topic is called so, with the environment's prefix before it.
_NAME = "posts.{platform}"

# Headers of a record. All are text in UTF-8; times are RFC 3339 in UTC.
#: Whose payload it is; a record in another platform's topic is a dead letter.
PLATFORM = "platform"
#: When the post was made. The record's own timestamp is the broker's (LogAppendTime): with the
#: post's, retention would drop late posts early.
CREATED_AT = "created_at"
#: When the platform's answer, line or notification came in.
FETCHED_AT = "fetched_at"
#: Version of the API that gave it.
API_VERSION = "api_version"
#: Names the connection, notification or poll that brought it, for engineers who look for it.
FETCH_ID = "fetch_id"
#: ``simulated`` or ``live``: the two never share a lake.
ORIGIN = "origin"

REQUIRED_HEADERS = (PLATFORM, FETCHED_AT, API_VERSION, ORIGIN)


@dataclass(frozen=True)
class StreamTopic:
    """A platform's topic, as it should be."""

    platform: str
    #: Its whole name, prefix included.
    name: str
    partitions: int
    replication: int
    retention: dt.timedelta
    #: The largest record that the broker takes, in bytes.
    max_message_bytes: int

    @property
    def configs(self) -> Mapping[str, str]:
        """The broker's own names and spellings of what is set."""
        return {
            "retention.ms": str(self.retention // dt.timedelta(milliseconds=1)),
            "max.message.bytes": str(self.max_message_bytes),
            "message.timestamp.type": "LogAppendTime",
            "cleanup.policy": "delete",
            # Of acks=all: one replica may be away, two may not, where there are three.
            "min.insync.replicas": str(max(1, self.replication - 1)),
        }


def topic_name(platform: str, prefix: str = "") -> str:
    """Name of a platform's topic; the prefix is the environment's."""
    return prefix + _NAME.format(platform=platform)


def platform_of(topic: str, prefix: str = "") -> str | None:
    """The platform whose topic has this name; null for any other topic."""
    return {topic_name(platform, prefix): platform for platform in PLATFORMS}.get(topic)


def record_key(platform: str, author_id: str | None, post_id: str) -> bytes:
    """What keeps one author's posts in one partition, in order.

    Without an author (withheld by the platform) the post's own id. A digest, so that tools which
    show keys show nobody's id; it hides nothing from who may read the payload.
    """
    what = f"{platform}\n{author_id or post_id}"
    return hashlib.blake2b(what.encode(), digest_size=8).hexdigest().encode()


def written_headers(
    platform: str,
    *,
    fetched_at: dt.datetime,
    api_version: str,
    fetch_id: str,
    origin: str,
    created_at: dt.datetime | None,
) -> list[tuple[str, bytes]]:
    """The headers of a record to produce; ``created_at`` is null where the payload has none."""
    headers = {
        PLATFORM: platform,
        FETCHED_AT: spelled_time(fetched_at),
        API_VERSION: api_version,
        FETCH_ID: fetch_id,
        ORIGIN: origin,
    }
    if created_at is not None:
        headers[CREATED_AT] = spelled_time(created_at)
    return [(name, value.encode()) for name, value in headers.items()]


def read_headers(headers: Iterable[tuple[str, bytes | None]] | None) -> dict[str, str]:
    """The headers of a consumed record as text; of two with one name the last, as Kafka says.

    Raises:
        UnicodeDecodeError: a value is no UTF-8.
    """
    return {name: (value or b"").decode() for name, value in headers or ()}


def spelled_time(instant: dt.datetime) -> str:
    """RFC 3339 in UTC, to the second where it is whole, else to the millisecond."""
    utc = instant.astimezone(dt.timezone.utc)
    exact = "milliseconds" if utc.microsecond else "seconds"
    return utc.isoformat(timespec=exact).replace("+00:00", "Z")
