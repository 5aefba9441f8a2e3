"""The text of ``streams.yaml``: how each platform's Kafka topic should be.

What belongs here: the file's keys, bounds and defaults. What a topic is stands in ``streams``;
comparing with a cluster is ``topic_plan``; reading the file does not belong here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import yaml

from sentiment_assets.core.checked_yaml import FileProblems, Reader, compose
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.streams import StreamTopic, topic_name

VERSION = 1

_TIMES = {"min": dt.timedelta(minutes=1), "h": dt.timedelta(hours=1), "d": dt.timedelta(days=1)}
#: As Kafka's own sizes are counted.
_SIZES = {"KB": 1024.0, "MB": 1024.0**2}

_PARTITIONS = (1, 1000)
#: One broker each; more copies than that are no safer.
_REPLICATION = (1, 7)
#: Landing comes by every few minutes: an hour bridges a restart, no more. What waits for a month
#: is raw text that somebody forgot.
_RETENTION = (dt.timedelta(hours=1), dt.timedelta(days=30))
#: Less than a long post with what belongs to it would refuse posts; Kafka is not made for more.
_MESSAGE = (64 * _SIZES["KB"], 16 * _SIZES["MB"])


@dataclass(frozen=True)
class TopicValues:
    """What can be said of a topic."""

    partitions: int = 3
    replication: int = 1
    retention: dt.timedelta = dt.timedelta(days=3)
    #: In bytes.
    max_message_size: int = 1024**2


DEFAULTS = TopicValues()
_KEYS = tuple(TopicValues.__dataclass_fields__)
_EXAMPLES = {
    "partitions": "partitions: 3",
    "replication": "replication: 3",
    "retention": "retention: 3 d",
    "max_message_size": "max_message_size: 1 MB",
}


class StreamsError(FileProblems):
    """Everything that is wrong with a file of topics; each of ``problems`` names its line."""

    ABOUT = "the streams"


def parse_streams(text: str, source: str, prefix: str = "") -> tuple[StreamTopic, ...]:
    """Read the text of a file of topics: one for each platform, in the platforms' order.

    Args:
        text: the file's.
        source: the file name that messages show.
        prefix: before each topic's name; the environment's.

    Raises:
        StreamsError: with every problem found, in the order of the lines.
    """
    reader = _Reader(source)
    values = reader.streams(compose(text, source, StreamsError))
    if reader.problems:
        raise StreamsError(reader.complaints())
    return tuple(
        StreamTopic(
            platform,
            topic_name(platform, prefix),
            own.partitions,
            own.replication,
            own.retention,
            own.max_message_size,
        )
        for platform, own in values.items()
    )


class _Reader(Reader):
    def streams(self, root: yaml.Node | None) -> Mapping[str, TopicValues]:
        top = self.top(root, ("topics", "platforms"), VERSION)
        of_all = self.values(top["topics"], "topics", DEFAULTS) if "topics" in top else DEFAULTS
        values = dict.fromkeys(PLATFORMS, of_all)
        if node := top.get("platforms"):
            example = f"platforms: {{{next(iter(PLATFORMS))}: {{partitions: 12}}}}"
            own = self.mapping(node, "platforms", tuple(PLATFORMS), example)
            for platform, value in own.items():
                values[platform] = self.values(value, f"platforms.{platform}", of_all)
        return values

    def values(self, node: yaml.Node, path: str, otherwise: TopicValues) -> TopicValues:
        given = self.mapping(node, path, _KEYS, f"{path}: {{{_EXAMPLES['partitions']}}}")
        read: dict[str, Any] = {
            key: self.value(key, value, f"{path}.{key}") for key, value in given.items()
        }
        return replace(
            otherwise, **{key: value for key, value in read.items() if value is not None}
        )

    def value(self, key: str, node: yaml.Node, path: str) -> int | dt.timedelta | None:
        example = _EXAMPLES[key]
        if key == "retention":
            wanted = f"{path} must be a time from 1 h to 30 d"
            return self.measured(node, wanted, _TIMES, _RETENTION, example)
        if key == "max_message_size":
            wanted = f"{path} must be a size from 64 KB to 16 MB"
            size = self.measured(node, wanted, _SIZES, _MESSAGE, example)
            return size if size is None else round(size)
        bounds = _PARTITIONS if key == "partitions" else _REPLICATION
        return self.whole(node, path, bounds, example)

    def whole(
        self, node: yaml.Node, path: str, bounds: tuple[int, int], example: str
    ) -> int | None:
        number = self.number(node, path, bounds, example)
        if number != int(number):
            self.say(node, f"{path} must be a whole number, not {node.value}")
        return int(number) or None
