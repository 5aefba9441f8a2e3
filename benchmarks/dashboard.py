"""``python -m benchmarks.dashboard``: how long a reader waits for a page, over a year of gold.

A lake of 365 days of four platforms is made first, in all a million rows of hours and topics and
what gold makes of them; then each page is opened in headless Chromium, from gold itself and from
the PostgreSQL mart. Times are from the begin of the navigation to the moment when the foot stands
and every chart is drawn, on the browser's own clock:

* first: the server has answered nobody yet, and the browser holds nothing.
* another reader: the server has answered this page before, the browser holds nothing.
* again: the same reader loads the page once more.

What does not belong here: how fast the mart is published (``mart_publish.py``).
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.report import table
from resources.embedded_postgres import embedded_postgres
from resources.mart_publisher import PostgresMart
from resources.settings import Settings, read_settings
from sentiment_assets.assets.marts import outgoing
from sentiment_assets.core import gold
from sentiment_assets.core.contracts import (
    BRANDS,
    CALENDAR,
    CALENDAR_DAYS,
    CONTRACTS,
    DAILY_SUMMARY,
    DAILY_TREND,
    HOLIDAYS,
    HOURLY_SENTIMENT,
    LANGUAGE_SENTIMENT,
    MARKETS,
    RISING_TOPICS,
    TOPIC_SENTIMENT,
    TOPIC_VOICE,
    WEEKLY_SENTIMENT,
    Contract,
)
from sentiment_assets.core.gold_calendar import Kept, calendar_days
from sentiment_assets.core.gold_rising import rising_topics
from sentiment_assets.core.gold_voice import topic_voice
from sentiment_assets.core.gold_weeks import weekly_sentiment
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.lake.files import polars_schema
from sentiment_assets.lake.objects import Lake

LAST = dt.date(2026, 11, 23)
TRACKED = ("nimbus", "stratus", "cirrus", "pricing", "support", "outage", "mobile_app", "launch")
LANGUAGES = ("en", "es", "fr", "pt", "unknown")
MIN_AUTHORS = 10
PAGES = {
    "Overview, 7 days": "",
    "Topic, 7 days": "?view=Topic&topic=nimbus",
    "Platforms, 7 days": "?view=Platforms",
    "Days, 7 days by hour": "?view=Days",
    "Health, 7 days": "?view=Health",
    "Overview, a year": "?days={first}&days={last}",
    "Topic, a year": "?view=Topic&topic=nimbus&days={first}&days={last}",
    "Days, a year": "?view=Days&days={first}&days={last}",
}
DRAWN = """() => {
    const charts = [...document.querySelectorAll('[data-testid=stVegaLiteChart]')];
    const foot = document.body.innerText.includes('holds all of its filters');
    return foot && charts.length > 1 && charts.every(chart => chart.querySelector('svg'))
        && performance.now();
}"""


def main() -> None:
    """Make the lake, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboard", description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--hashtags", type=int, default=652, help="of a day and platform")
    parser.add_argument("--rounds", type=int, default=3, help="of each page; medians are shown")
    parser.add_argument("--home", type=Path, help="keep the lake here, or use the one that is here")
    asked = parser.parse_args()
    with contextlib.ExitStack() as left:
        home = asked.home or Path(
            left.enter_context(tempfile.TemporaryDirectory(prefix="sentiment-dashboard-"))
        )
        settings = read_settings({}, home=home)
        lake = settings.open_lake()
        if lake.table(DAILY_SUMMARY).version is None:
            fill(lake, asked.days, asked.hashtags)
        print(_of_what(lake))
        first = LAST - dt.timedelta(days=asked.days - 1)
        of_lake = measure(home, {"SENTIMENT_MART": "off"}, first, asked.rounds)
        print(_report("gold's own tables", of_lake), flush=True)
        with published(settings, lake):
            of_mart = measure(home, {}, first, asked.rounds)
        print(_report("the PostgreSQL mart", of_mart))


def fill(lake: Lake, days: int, hashtags: int) -> None:
    """A year of gold: cells by chance, and what gold's own functions make of them."""
    for seed, platform in enumerate(PLATFORMS):
        chance = np.random.default_rng(seed)
        dates = [LAST - dt.timedelta(days=back) for back in reversed(range(days))]
        partitions = [PostPartition(date, platform) for date in dates]
        midnight = [dt.datetime.combine(date, dt.time(), dt.timezone.utc) for date in dates]
        hours = [start + dt.timedelta(hours=hour) for start in midnight for hour in range(24)]
        names = [("tracked", name) for name in TRACKED]
        names += [("hashtag", f"tag_{number}") for number in range(hashtags)]
        day = pl.DataFrame({"date": dates, "platform": platform})
        topics = day.join(
            pl.DataFrame(names, schema=["topic_kind", "topic"], orient="row"), how="cross"
        )
        hourly = pl.DataFrame({"hour": hours, "platform": platform}).with_columns(
            date=pl.col("hour").dt.date()
        )
        scorer = pl.when(pl.col("date") < LAST - dt.timedelta(days=3)).then(pl.lit("vader 3.3.2"))
        summary = day.with_columns(
            scorers=pl.concat_list(scorer.otherwise(pl.lit("vader+social 1"))),
            recipes=pl.concat_list(pl.lit("r1")),
            windows_complete=12,
            windows_partial=0,
            windows_unavailable=0,
            hidden_hours=1,
            observations=6_500,
            duplicates=400,
            quarantined=9,
        )
        rows = {
            HOURLY_SENTIMENT: _cells(hourly, HOURLY_SENTIMENT, 250, chance),
            TOPIC_SENTIMENT: _cells(topics, TOPIC_SENTIMENT, 60, chance),
            DAILY_SUMMARY: _cells(summary, DAILY_SUMMARY, 6_000, chance, hidden=0),
            LANGUAGE_SENTIMENT: _cells(
                day.join(pl.DataFrame({"lang": LANGUAGES}), how="cross"),
                LANGUAGE_SENTIMENT, 1_200, chance,
            ),
        }  # fmt: skip
        summaries, cells = rows[DAILY_SUMMARY].lazy(), rows[TOPIC_SENTIMENT].lazy()
        rows |= {
            DAILY_TREND: gold.daily_trend(summaries, cells, partitions),
            WEEKLY_SENTIMENT: weekly_sentiment(summaries, cells, partitions),
            TOPIC_VOICE: topic_voice(summaries, cells, _empty(BRANDS).lazy(), partitions),
            RISING_TOPICS: rising_topics(summaries, cells, partitions, MIN_AUTHORS),
            CALENDAR_DAYS: calendar_days(
                summaries, Kept(_empty(CALENDAR), _empty(HOLIDAYS), _empty(MARKETS)), partitions
            ),
        }
        for contract, frame in rows.items():
            _write(lake, contract, frame)


def _empty(contract: Contract) -> pl.DataFrame:
    return pl.DataFrame(schema=polars_schema(contract.schema))


def _cells(
    keys: pl.DataFrame,
    contract: Contract,
    posts: int,
    chance: np.random.Generator,
    hidden: float = 0.05,
) -> pl.DataFrame:
    """Measures that belong together, by chance; some cells are hidden."""
    count = keys.height
    many = chance.poisson(posts, count) + 10
    scored = (many * 0.85).astype(np.int64)
    positive, negative = (scored * 0.5).astype(np.int64), (scored * 0.3).astype(np.int64)
    mean = np.clip(chance.normal(0.1, 0.08, count), -1, 1)
    shown = pl.Series(chance.random(count) >= hidden)
    measures = pl.DataFrame(
        {
            "posts": many,
            "authors": (many * 0.8).astype(np.int64),
            "scored": scored,
            "unscored_no_text": many // 50,
            "unscored_language_unknown": many // 20,
            "unscored_language_not_supported": many - scored - many // 50 - many // 20,
            "redacted": many // 5,
            "late": many // 100,
            "positive": positive,
            "neutral": scored - positive - negative,
            "negative": negative,
            "sentiment_sum": (mean * scored * gold.UNITS).astype(np.int64),
            "sentiment_square_sum": (scored * (0.16 + mean**2) * gold.UNITS**2).astype(np.int64),
            "sentiment_mean": mean,
            "sentiment_standard_error": 0.4 / np.sqrt(scored),
            "engagement_weight": scored * 5,
            "engagement_sentiment_sum": (mean * scored * 5 * gold.UNITS).astype(np.int64),
            "engagement_sentiment_mean": mean,
        }
    )
    told = measures.select(pl.when(shown).then(pl.all()))
    frame = pl.concat([keys, told], how="horizontal").with_columns(
        fetched_share=pl.lit(1.0),
        suppressed=~shown,
        min_authors=pl.lit(MIN_AUTHORS),
    )
    schema = polars_schema(contract.schema)
    missing = [pl.lit(None).alias(name) for name in schema if name not in frame.columns]
    return frame.with_columns(missing).select(
        pl.col(name).cast(kind) for name, kind in schema.items()
    )


def _write(lake: Lake, contract: Contract, rows: pl.DataFrame) -> None:
    by = rows.partition_by("date", "platform", as_dict=True)
    parts = {key: {"date": f"{key[0]}", "platform": str(key[1])} for key in by}
    with lake.table(contract).begin(list(parts.values()), "benchmark") as replacement:
        for key, part in by.items():
            replacement.write(parts[key], [part])
        replacement.commit()


@contextlib.contextmanager
def published(settings: Settings, lake: Lake) -> Iterator[None]:
    """The same gold in the mart of the home's own server, which runs meanwhile."""
    server = embedded_postgres(settings.home)
    try:
        address = settings.mart_address
        assert address is not None
        mart = PostgresMart(address, settings.origin)
        for contract in _tables():
            pinned = lake.table(contract).as_of_now()
            keys = pinned.partition_sizes().select("date", "platform").iter_rows()
            sending = outgoing(pinned, [PostPartition(*key) for key in keys])
            if sending is not None:
                mart.publish([sending], "benchmark")
        mart.close()
        yield
    finally:
        server.cleanup()


def _tables() -> list[Contract]:
    return [contract for contract in CONTRACTS.values() if contract.layer == "gold"]


Times = dict[str, tuple[list[float], list[float], list[float]]]


def measure(home: Path, environment: dict[str, str], first: dt.date, rounds: int) -> Times:
    """Seconds by page: first, another reader, again."""
    from playwright.sync_api import sync_playwright

    chromium = next(
        found
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (found := shutil.which(name))
    )
    times: Times = {}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        for name, query in PAGES.items():
            asked = query.format(first=first, last=LAST)
            seen: tuple[list[float], list[float], list[float]] = ([], [], [])
            for _ in range(rounds):
                with serving(home, environment) as url:
                    with _reader(browser) as page:
                        seen[0].append(_drawn(page, url + asked))
                    with _reader(browser) as page:
                        seen[1].append(_drawn(page, url + asked))
                        seen[2].append(_drawn(page, url + asked))
            times[name] = seen
        browser.close()
    return times


@contextlib.contextmanager
def _reader(browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        yield context.new_page()
    finally:
        context.close()


def _drawn(page: Any, url: str) -> float:
    page.goto(url, wait_until="commit")
    milliseconds = page.wait_for_function(DRAWN, polling="raf", timeout=120_000).json_value()
    return float(milliseconds) / 1000


@contextlib.contextmanager
def serving(home: Path, environment: dict[str, str]) -> Iterator[str]:
    """A server that nobody has asked anything yet."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    plain = {k: v for k, v in os.environ.items() if not k.startswith("SENTIMENT_")}
    server = subprocess.Popen(
        [sys.executable, "-m", "dashboard", "--port", str(port)],
        env={**plain, **environment, "SENTIMENT_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}/"
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{url}_stcore/health", timeout=5):
                    break
            except (urllib.error.URLError, OSError):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait(20)


def _of_what(lake: Lake) -> str:
    sizes = {c.table: int(lake.table(c).partition_sizes()["rows"].sum()) for c in _tables()}
    told = ", ".join(f"{rows:,} of `{name}`" for name, rows in sizes.items() if rows)
    return f"Rows: {sum(sizes.values()):,} in all ({told})."


def _report(place: str, times: Times) -> str:
    def shown(seconds: Sequence[float]) -> str:
        low, high = min(seconds), max(seconds)
        return f"{statistics.median(seconds):.2f} ({low:.2f}-{high:.2f})"

    rows = [(name, *(shown(part) for part in seen)) for name, seen in times.items()]
    titles = (f"seconds, from {place}", "first", "another reader", "again")
    return "\n" + table(titles, rows)


if __name__ == "__main__":
    main()
