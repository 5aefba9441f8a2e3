"""Live gold for the view of now: figures of a slot, as the stream publishes them."""

from __future__ import annotations

import datetime as dt

import polars as pl

from sentiment_assets.core.live import live_sentiment, sums_of
from sentiment_assets.engine.live import LiveTables
from sentiment_assets.lake.objects import Lake


def show(lake: Lake, ago: dt.timedelta, authors: int, topic: str = "outage") -> None:
    """Figures of a slot, so long ago, of so many authors."""
    now = dt.datetime.now(dt.timezone.utc)
    made = now - ago
    posts = pl.DataFrame(
        [
            {
                "platform": "x",
                "author_pid": f"a{number}",
                "topics": [topic] if number % 2 else [],
                "sentiment_compound": 0.5 if number % 4 else -0.5,
                "sentiment_label": "positive" if number % 4 else "negative",
                "created_at": made,
            }
            for number in range(authors)
        ]
    ).with_columns(pl.col("created_at").dt.cast_time_unit("us"))
    sums = sums_of(posts).with_columns(batch=pl.lit(0, pl.Int64))
    tables = LiveTables(lake, "q1", "run", 10)
    rows = live_sentiment(sums, tables.published([]), 10, made)
    tables.publish(0, rows, now)
