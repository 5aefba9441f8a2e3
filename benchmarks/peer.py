"""The peer: the script that anybody would write first, over the same bronze objects.

It reads every line with ``json``, keeps the last of each id in a dict, masks with ``re``, scores
every text with the published vaderSentiment, and groups and writes with pandas. It does less: no
language gate (what is not English is scored as English), no topics, no pseudonyms, no quarantine or
conservation, no transaction, no suppression of small cells, and it holds everything in memory.
"""

from __future__ import annotations

import gzip
import html
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

_MASKS = [
    (re.compile(r"https?://\S+"), "[url]"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+"), "[email]"),
    (re.compile(r"@\w+"), "[handle]"),
    (re.compile(r"\+?\d[\d ().-]{7,}\d"), "[phone]"),
    (re.compile(r"\d{6,}"), "[number]"),
]


def run(bronze: Path, out: Path) -> int:
    """Bronze to a posts file and two aggregates; returns the posts."""
    latest: dict[str, dict[str, Any]] = {}
    for path in sorted(bronze.rglob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                post = json.loads(line)["payload"]["data"]
                latest[post["edit_history_tweet_ids"][0]] = post
    analyzer = SentimentIntensityAnalyzer()
    rows = []
    for post_id, post in latest.items():
        text = html.unescape(post["text"])
        for pattern, mask in _MASKS:
            text = pattern.sub(mask, text)
        scores = analyzer.polarity_scores(text)
        rows.append(
            {
                "post_id": post_id,
                "author_id": post["author_id"],
                "created_at": post["created_at"],
                "text": text,
                "likes": post["public_metrics"]["like_count"],
                **scores,
            }
        )
    frame = pd.DataFrame(rows)
    frame["created_at"] = pd.to_datetime(frame["created_at"])
    frame["hour"] = frame["created_at"].dt.floor("h")
    frame["date"] = frame["created_at"].dt.date
    out.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(out / "posts.parquet")
    for by in ("hour", "date"):
        cells = frame.groupby(by).agg(
            posts=("post_id", "count"), authors=("author_id", "nunique"), mean=("compound", "mean")
        )
        cells.to_parquet(out / f"{by}.parquet")
    return len(frame)
