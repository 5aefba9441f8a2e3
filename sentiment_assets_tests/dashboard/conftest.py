"""A small lake with real gold, the dashboard as a server over it, and a browser.

Gold is made by ``core.gold`` from generated posts and written through the lake's own committer.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dashboard import queries
from dashboard.stores import LakeStore
from resources.embedded_postgres import embedded_postgres
from resources.mart_publisher import PostgresMart
from resources.settings import read_settings
from sentiment_assets.core import gold
from sentiment_assets.core.contracts import (
    DAILY_SUMMARY,
    DAILY_TREND,
    HOURLY_SENTIMENT,
    POOLED_SENTIMENT,
    SILVER_POSTS,
    SILVER_QUARANTINE,
    TOPIC_SENTIMENT,
    Contract,
)
from sentiment_assets.core.coverage import State, WindowCoverage
from sentiment_assets.core.gold_languages import LANGUAGE_COLUMNS
from sentiment_assets.core.layout import PostPartition, Window, windows_of
from sentiment_assets.lake.files import polars_schema
from sentiment_assets.lake.objects import Lake
from sentiment_assets_tests.dashboard.decisions import decision_tables
from sentiment_assets_tests.published import outgoing

ROOT = Path(__file__).resolve().parents[2]
UTC = dt.timezone.utc
MIN_AUTHORS = 10
FIRST_DAY = dt.date(2026, 11, 14)
DAYS = 10
#: The newest day was fetched up to here: window 1400 is open, later ones were never asked for.
FETCHED_UNTIL = dt.datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
#: This window of the day before was beyond the API's reach.
UNAVAILABLE = (dt.date(2026, 11, 22), "0400")
#: Too few people wrote in this hour.
QUIET_HOUR = dt.datetime(2026, 11, 21, 3, tzinfo=UTC)
TOPICS = ("nimbus", "stratus", "cirrus", "pricing", "support", "outage", "mobile_app", "launch")
HASHTAGS = ("nimbus", "nimbuslaunch", "nimbusdown", "cloud", "a_rather_long_hashtag_that_goes_on")


def partitions(platform: str = "x") -> list[PostPartition]:
    return [PostPartition(FIRST_DAY + dt.timedelta(days=day), platform) for day in range(DAYS)]


def coverage(platform: str = "x") -> dict[PostPartition, list[WindowCoverage]]:
    def of(window: Window, state: State | None, until: dt.datetime | None) -> WindowCoverage:
        return WindowCoverage(
            window=window,
            state=state,
            fetched_from=until and window.start,
            fetched_until=until,
            completed_at=until if state == "complete" else None,
            fetched_at=FETCHED_UNTIL if state else None,
        )

    def state(window: Window) -> WindowCoverage:
        if (window.partition.date, window.name) == UNAVAILABLE:
            return of(window, "unavailable", None)
        if window.end <= FETCHED_UNTIL:
            return of(window, "complete", window.end)
        if window.start < FETCHED_UNTIL:
            return of(window, "partial", FETCHED_UNTIL)
        return of(window, None, None)

    return {p: [state(window) for window in windows_of(p)] for p in partitions(platform)}


def posts(platform: str = "x", seed: int = 20) -> pl.DataFrame:
    """Rows of silver with the columns that gold reads; an outage hurts on 20 November."""
    chance = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for partition in partitions(platform):
        for hour in range(24):
            start = dt.datetime.combine(partition.date, dt.time(hour), tzinfo=UTC)
            if start >= FETCHED_UNTIL or (partition.date, f"{hour // 2 * 2:02d}00") == UNAVAILABLE:
                continue
            busy = 18 + int(24 * (1 - abs(hour - 14) / 14))
            outage = start.date() == dt.date(2026, 11, 20) and 14 <= hour < 18
            count = 4 if start == QUIET_HOUR else busy * (3 if outage else 1)
            for _ in range(count):
                rows.append(_post(chance, partition, start, outage, len(rows)))
    wanted = polars_schema(SILVER_POSTS.schema)
    return pl.DataFrame(rows, schema={name: wanted[name] for name in LANGUAGE_COLUMNS})


def _post(
    chance: random.Random, partition: PostPartition, hour: dt.datetime, outage: bool, number: int
) -> dict[str, Any]:
    reason = chance.choices(
        [None, "no_text", "language_unknown", "language_not_supported"], [85, 2, 5, 8]
    )[0]
    score = None
    if reason is None:
        score = round(min(1, max(-1, chance.gauss(-0.45 if outage else 0.15, 0.4))), 4)
    topics = {"outage", "nimbus"} if outage else {chance.choice(TOPICS[:-1])}
    if chance.random() < 0.002:
        topics.add("launch")
    return {
        "date": partition.date,
        "platform": partition.platform,
        "post_pid": f"p{number}",
        "author_pid": f"a{chance.randrange(4000)}",
        "created_hour": hour,
        "topics": sorted(topics),
        "hashtags": ["nimbusdown"] if outage else chance.sample(HASHTAGS, chance.randrange(2)),
        "like_count": chance.randrange(30),
        "reply_count": chance.randrange(5),
        "repost_count": None,
        "late": chance.random() < 0.01,
        "sentiment_compound": score,
        "sentiment_label": None
        if score is None
        else "negative"
        if score <= -0.05
        else "positive"
        if score >= 0.05
        else "neutral",
        "unscored_reason": reason,
        "redactions": [{"kind": "handle", "count": 1}] if chance.random() < 0.2 else [],
        "observation_count": 1 + (chance.random() < 0.05),
        "lang": {"language_unknown": None, "language_not_supported": "fr"}.get(
            str(reason), "es" if number % 5 == 0 else "en"
        ),
        "scorer": "vader",
        "scorer_version": "3.3.2",
        "recipe": "r1" if partition.date < dt.date(2026, 11, 20) else "r2",
    }


#: Date -> authors of the day, who post nowhere else; and those of its quiet hour and quiet topic.
QUIET_DAYS = {
    dt.date(2026, 11, 14): (6, 0),
    dt.date(2026, 11, 16): (4, 0),
    dt.date(2026, 11, 17): (60, 4),
    dt.date(2026, 11, 18): (4, 0),
    dt.date(2026, 11, 19): (50, 4),
    dt.date(2026, 11, 20): (5, 0),
    dt.date(2026, 11, 21): (70, 4),
    dt.date(2026, 11, 22): (3, 0),
    dt.date(2026, 11, 23): (7, 0),
}


def quiet_posts() -> pl.DataFrame:
    """A small crowd: days, hours and a topic of few, that weeks and a month may show together."""
    chance = random.Random(4)
    rows: list[dict[str, Any]] = []
    for date, (size, few) in QUIET_DAYS.items():
        partition = PostPartition(date, "x")
        for number in range(size):
            hour = 3 if number < few else 9 + number % 5
            start = dt.datetime.combine(date, dt.time(hour), tzinfo=UTC)
            row = _post(chance, partition, start, False, len(rows))
            topics = ["pricing"] if number < few else ["nimbus"] if number % 4 else []
            rows.append(row | {"author_pid": f"{date}-{number}", "topics": topics})
    wanted = polars_schema(SILVER_POSTS.schema)
    return pl.DataFrame(rows, schema={name: wanted[name] for name in LANGUAGE_COLUMNS})


#: The Sundays that close these weeks and their month.
def closers(platform: str = "x") -> list[PostPartition]:
    sundays = [dt.date(2026, 11, day) for day in (15, 22, 29)] + [dt.date(2026, 12, 6)]
    return [PostPartition(sunday, platform) for sunday in sundays]


CLOSERS = closers()


def gold_tables(
    rows: pl.DataFrame | None = None,
    closers: Sequence[PostPartition] = CLOSERS[:2],
    platform: str = "x",
) -> dict[Contract, pl.DataFrame]:
    """Every gold table that is made of posts, of the same posts."""
    rows, known = posts() if rows is None else rows, coverage(platform)
    quarantine = pl.LazyFrame(
        [{"date": dt.date(2026, 11, 19), "platform": platform, "record_count": 3}],
        schema_overrides={"date": pl.Date},
    )
    assert set(quarantine.collect_schema()) <= set(SILVER_QUARANTINE.schema.names)
    hourly = gold.hourly_sentiment(rows.lazy(), known, MIN_AUTHORS)
    topics = gold.topic_sentiment(rows.lazy(), known, MIN_AUTHORS)
    daily = gold.daily_summary(rows.lazy(), quarantine, hourly, known, MIN_AUTHORS)
    trend = gold.daily_trend(daily.lazy(), topics.lazy(), partitions(platform))
    pools = gold.pooled_sentiment(rows.lazy(), daily, topics, closers, MIN_AUTHORS)
    return {
        HOURLY_SENTIMENT: hourly,
        TOPIC_SENTIMENT: topics,
        DAILY_SUMMARY: daily,
        DAILY_TREND: trend,
        POOLED_SENTIMENT: pools,
    }


def write(lake: Lake, contract: Contract, rows: pl.DataFrame) -> None:
    """Replace the partitions that the rows lie in."""
    by = rows.partition_by("date", "platform", as_dict=True)
    parts = {key: {"date": f"{key[0]}", "platform": str(key[1])} for key in by}
    with lake.table(contract).begin(list(parts.values()), "test") as replacement:
        for key, part in by.items():
            replacement.write(parts[key], [part])
        replacement.commit()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SENTIMENT_HOME with a simulated lake that holds gold of ten days."""
    folder = tmp_path_factory.mktemp("home")
    lake = read_settings({}, home=folder).open_lake()
    for contract, rows in gold_tables().items():
        write(lake, contract, rows)
    return folder


def _surge(platform: str) -> pl.DataFrame:
    """A hashtag that nobody had used before the newest day."""
    chance, start = random.Random(5), FETCHED_UNTIL - dt.timedelta(hours=3)
    partition = PostPartition(start.date(), platform)
    rows = [
        _post(chance, partition, start, False, 10**6 + number)
        | {"hashtags": ["stormwatch"], "author_pid": f"s{number}"}
        for number in range(90)
    ]
    wanted = polars_schema(SILVER_POSTS.schema)
    return pl.DataFrame(rows, schema={name: wanted[name] for name in LANGUAGE_COLUMNS})


def every_table(platform: str, seed: int) -> dict[Contract, pl.DataFrame]:
    """Every gold table of a platform, those for decisions too."""
    days = partitions(platform)
    rows = pl.concat([posts(platform, seed), _surge(platform)])
    made = gold_tables(rows, closers(platform)[:2], platform)
    return made | decision_tables(rows, made, coverage(platform), days, MIN_AUTHORS)


#: Platform -> seed of its posts: enough of them to be compared.
WIDE = {"x": 20, "facebook": 21, "instagram": 22, "linkedin": 23}


@pytest.fixture(scope="session")
def wide_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SENTIMENT_HOME with every gold table of every platform."""
    folder = tmp_path_factory.mktemp("wide")
    lake = read_settings({}, home=folder).open_lake()
    made = [every_table(platform, seed) for platform, seed in WIDE.items()]
    for contract in made[0]:
        write(lake, contract, pl.concat(tables[contract] for tables in made))
    return folder


@pytest.fixture(scope="session")
def wide(wide_home: Path) -> LakeStore:
    return LakeStore(read_settings({}, home=wide_home).open_lake())


@pytest.fixture(scope="module")
def mart_home(tmp_path_factory: pytest.TempPathFactory, wide: LakeStore) -> Iterator[Path]:
    """SENTIMENT_HOME whose running embedded server holds all gold, and whose lake holds none."""
    home = tmp_path_factory.mktemp("mart")
    server = embedded_postgres(home)
    settings = read_settings({}, home=home)
    mart = PostgresMart(settings.mart_address, settings.origin)
    tables = []
    for contract in queries.GOLD_TABLES:
        sizes = wide.partition_sizes(contract)
        keys = [PostPartition(*key) for key in sizes.select("date", "platform").iter_rows()]
        rows = wide.lake.table(contract).scan().collect()
        tables.append(outgoing(contract, rows, keys))
    mart.publish(tables, "a-run")
    mart.close()
    yield home
    server.cleanup()


@pytest.fixture(scope="session")
def quiet_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SENTIMENT_HOME with gold of a small crowd."""
    folder = tmp_path_factory.mktemp("quiet")
    lake = read_settings({}, home=folder).open_lake()
    for contract, rows in gold_tables(quiet_posts(), CLOSERS).items():
        write(lake, contract, rows)
    return folder


@pytest.fixture(scope="session")
def quiet_store(quiet_home: Path) -> LakeStore:
    return LakeStore(read_settings({}, home=quiet_home).open_lake())


@pytest.fixture(scope="session")
def lake(home: Path) -> Lake:
    return read_settings({}, home=home).open_lake()


@pytest.fixture(scope="session")
def store(lake: Lake) -> LakeStore:
    return LakeStore(lake)


@pytest.fixture(scope="session")
def tables() -> dict[Contract, pl.DataFrame]:
    return gold_tables()


@pytest.fixture(scope="session")
def write_gold() -> Callable[[Lake, Contract, pl.DataFrame], None]:
    return write


Serve = Callable[[Path], Any]


@pytest.fixture(scope="session")
def serve_dashboard() -> Serve:
    """A context manager: the dashboard over the lake of a SENTIMENT_HOME; gives its URL."""

    @contextmanager
    def serve(home: Path) -> Iterator[str]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = {k: v for k, v in os.environ.items() if not k.startswith("SENTIMENT_")}
        command = [
            *(sys.executable, "-m", "dashboard"),
            *("--host", "127.0.0.1", "--port", str(port)),
        ]
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**settings, "SENTIMENT_HOME": str(home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(f"{url}/_stcore/health", server)
            yield url
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()

    return serve


def _wait_for(url: str, server: subprocess.Popen[bytes], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert server.poll() is None, f"the server ended with status {server.returncode}"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"{url} did not answer within {seconds} seconds")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium; skips where the machine has none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("no chromium, chromium-browser or google-chrome on the PATH")


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Any]:
    """A headless browser of Playwright."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-background-networking",
            ],
        )
        yield opened
        opened.close()
