"""The Kafka topics as assets: where the stream's posts come in.

What belongs here: their keys and what the UI shows of them. Producers write them, outside of
Dagster; landing reads them (``stream``), and ``stream_watch`` tells how they fare.
"""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from sentiment_assets.core.deadlines import spelled
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.streams import StreamTopic

#: Where the keys of all topics begin.
KAFKA = "kafka"


def topic_key(platform: str) -> dg.AssetKey:
    """``kafka/posts_x``, without the environment's prefix: lineage is the same everywhere."""
    return dg.AssetKey([KAFKA, f"posts_{platform}"])


def topic_assets(topics: Sequence[StreamTopic]) -> list[dg.AssetSpec]:
    """An external asset for each topic."""
    return [
        dg.AssetSpec(
            topic_key(topic.platform),
            description=(
                f"Posts of {PLATFORMS[topic.platform].title} as they came in, in the topic "
                f"`{topic.name}`: one record a post, raw JSON, kept for "
                f"{spelled(topic.retention)}. Its observations show lag, delay and brokers over "
                "time. Personal data: engineers only."
            ),
            group_name="stream",
            owners=["team:data-platform"],
            kinds={"kafka", "json"},
            tags={"layer": "stream", "privacy": "personal"},
            metadata={
                "topic": topic.name,
                "partitions": topic.partitions,
                "replication": topic.replication,
            },
        )
        for topic in topics
    ]
