"""From the bronze in this folder to what silver and gold hold of it, as text that a diff shows.

``python -m sentiment_assets_tests.golden.pipeline`` writes ``expected/`` anew.
"""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from sentiment_assets.core import gold
from sentiment_assets.core.contracts import (
    BRANDS,
    CALENDAR,
    HOLIDAYS,
    MARKETS,
    SILVER_POSTS,
    SILVER_QUARANTINE,
    Contract,
)
from sentiment_assets.core.coverage import State
from sentiment_assets.core.gold_calendar import Kept, calendar_days
from sentiment_assets.core.gold_languages import language_sentiment
from sentiment_assets.core.gold_rising import rising_topics
from sentiment_assets.core.gold_voice import topic_voice
from sentiment_assets.core.gold_weeks import weekly_sentiment
from sentiment_assets.core.layout import PostPartition, Window
from sentiment_assets.core.pii.pseudonyms import PseudonymKeys
from sentiment_assets.core.reference import read_reference
from sentiment_assets.core.silver import SilverRules
from sentiment_assets.core.tracking import Topic
from sentiment_assets.lake.bronze import read_partition
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets_tests.bronze_records import UTC, store
from sentiment_assets_tests.silver_of_a_lake import rebuild

HERE = Path(__file__).parent
EXPECTED = HERE / "expected"
PARTITIONS = tuple(PostPartition(dt.date(2026, 11, day), "x") for day in (22, 23))
#: Both days' weeks, and their month, are over.
CLOSERS = tuple(
    PostPartition(date, "x")
    for date in (dt.date(2026, 11, 22), dt.date(2026, 11, 29), dt.date(2026, 12, 6))
)
MIN_AUTHORS = 3
RULES = SilverRules(
    PseudonymKeys((("x", "60" * 32),)),
    (
        Topic("outage", keywords=("down", "offline"), phrases=("sign in",)),
        Topic("pricing", keywords=("price",), exclude=("price of fame",)),
    ),
)
_STATES: dict[str, State | None] = {"complete": "complete", "partial": "partial", "stray": None}


def lay_down(lake: Lake) -> int:
    """Store ``bronze/`` in a lake; returns the number of records.

    A file is one fetch: ``date=…/window=…/<fetch time>.<state>.jsonl``.
    """
    records = 0
    for path in sorted((HERE / "bronze").rglob("*.jsonl")):
        date, window = (part.partition("=")[2] for part in path.parts[-3:-1])
        time, state, _ = path.name.split(".")
        fetched_at = dt.datetime.strptime(time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        target = Window(PostPartition(dt.date.fromisoformat(date), "x"), window)
        lines = path.read_bytes().splitlines()
        span: dict[str, Any] = {}
        if state == "partial":
            span = {"fetched_from": target.start, "fetched_until": fetched_at, "reason": "open"}
        store(lake, target, lines, fetched_at, _STATES[state], **span)
        records += len(lines)
    return records


def tables(lake: Lake) -> dict[str, pl.DataFrame]:
    """Every table that the lake's bronze gives, by the name of its file."""
    lay_down(lake)
    rebuild(lake, PARTITIONS, RULES)
    posts = lake.table(SILVER_POSTS).scan()
    refused = lake.table(SILVER_QUARANTINE).scan()
    coverage = {p: list(read_partition(lake, p).coverage.values()) for p in PARTITIONS}
    hourly = gold.hourly_sentiment(posts, coverage, MIN_AUTHORS)
    topics = gold.topic_sentiment(posts, coverage, MIN_AUTHORS)
    summary = gold.daily_summary(posts, refused, hourly, coverage, MIN_AUTHORS)
    days = (summary.lazy(), topics.lazy())
    return {
        "silver_posts": posts.collect().sort("date", "window", "created_hour", "post_pid"),
        "silver_quarantine": refused.collect().sort("object", "line"),
        "gold_hourly_sentiment": hourly,
        "gold_topic_sentiment": topics,
        "gold_daily_summary": summary,
        "gold_pooled_sentiment": gold.pooled_sentiment(
            posts, summary, topics, CLOSERS, MIN_AUTHORS
        ),
        "gold_daily_trend": gold.daily_trend(*days, PARTITIONS),
        "gold_language_sentiment": language_sentiment(posts, coverage, MIN_AUTHORS),
        "gold_weekly_sentiment": weekly_sentiment(*days, PARTITIONS),
        "gold_topic_voice": topic_voice(*days, kept(BRANDS).lazy(), PARTITIONS),
        "gold_rising_topics": rising_topics(*days, PARTITIONS, MIN_AUTHORS),
        "gold_calendar_days": calendar_days(
            days[0], Kept(kept(CALENDAR), kept(HOLIDAYS), kept(MARKETS)), PARTITIONS
        ),
    }


def kept(contract: Contract) -> pl.DataFrame:
    """What ``reference/`` of this folder says."""
    file = HERE / "reference" / f"{contract.table}.csv"
    return read_reference(contract, file.name, file.read_bytes())


def as_lines(table: pl.DataFrame) -> str:
    """One JSON object a row, columns in the contract's order, without the null ones."""
    return "".join(
        json.dumps(_written(row), ensure_ascii=False, default=str) + "\n"
        for row in table.iter_rows(named=True)
    )


def _written(row: dict[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in row.items() if value is not None}
    if "lang_confidence" in known:
        # The model adds up floats as the processor likes.
        known["lang_confidence"] = round(known["lang_confidence"], 2)
    if "recipe" in known:
        # Each version of a rule has another: that it is the same in all rows is what counts.
        right = RULES.recipe("x", PARTITIONS[0].date)
        known["recipe"] = "the recipe" if known["recipe"] == right else known["recipe"]
    if "recipes" in known:
        known["recipes"] = len(known["recipes"])
    return known


def computed() -> dict[str, str]:
    """What ``expected/`` should hold, by file name."""
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake.open(LakeLocation(f"{folder}/lake", "simulated"))
        return {f"{name}.jsonl": as_lines(table) for name, table in tables(lake).items()}


if __name__ == "__main__":
    EXPECTED.mkdir(exist_ok=True)
    for name, text in computed().items():
        (EXPECTED / name).write_text(text)
