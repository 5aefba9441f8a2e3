"""``python -m benchmarks.live_delay``: how long a post takes from a topic to the live figures.

``--rate`` posts a second for ``--minutes``, of X, whose texts are a few sentences or, with
``--data FOLDER``, those of ``real_posts.jsonl.gz`` in it. The stream is the one of
a Dagster run: spark-submit on this machine, every setting at its default. A post counts as shown
when the figures count as many posts as were produced before it; the first minute is left out.

What does not belong here: the way over bronze (``stream_delay.py``). Not part of `make bench`.
"""

from __future__ import annotations

import argparse
import bisect
import datetime as dt
import gzip
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from confluent_kafka import Producer

from resources.environments import live_stream
from resources.settings import Settings, read_settings
from sentiment_assets.assets.live import live_job
from sentiment_assets.cli.streaming import make_topics
from sentiment_assets.core.contracts import LIVE_SENTIMENT
from sentiment_assets.core.parsers.x import SNOWFLAKE_EPOCH_MS
from sentiment_assets.core.streams import record_key, topic_name, written_headers
from sentiment_assets.core.tracking import ALL_POSTS
from sentiment_assets.lake.objects import Lake
from simulator.kafka.broker import Kafka

PLATFORM = "x"
AUTHORS = 50_000
#: Of a second: so often posts are produced.
_STEPS = 10
_WARM_UP_SECONDS = 60
#: Figures grow by steps of ten authors: the last few posts are never counted.
_REMAINDER = 200
_TEXTS = ("The site is down again", "Nimbus works well today", "What a day", "I like the new app")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live_delay", description=__doc__)
    parser.add_argument("--rate", type=int, default=1_000, help="posts a second")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--data", type=Path, help="folder of real_posts.jsonl.gz")
    asked = parser.parse_args()
    texts = _real_texts(asked.data) if asked.data else list(_TEXTS)
    with tempfile.TemporaryDirectory(prefix="sentiment-live-") as folder, Kafka() as kafka:
        settings = read_settings(
            {},
            home=Path(folder),
            kafka_brokers=kafka.bootstrap_servers,
            live="continuous",
        )
        make_topics(settings)
        with _stream(settings):
            delays = measure(settings, texts, asked.rate, asked.minutes)
    shown = pl.Series(delays)
    print("| posts a second | minutes | posts | p50 s | p95 s | max s |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    figures = (shown.quantile(0.5), shown.quantile(0.95), shown.max())
    print(
        f"| {asked.rate:,} | {asked.minutes:g} | {len(shown):,} | "
        + " | ".join(f"{figure:.1f}" for figure in figures)
        + " |"
    )


def _real_texts(folder: Path) -> list[str]:
    with gzip.open(folder / "real_posts.jsonl.gz") as lines:
        return [json.loads(line)["text"] for line in lines]


def measure(settings: Settings, texts: list[str], rate: int, minutes: float) -> list[float]:
    """Produce at a rate, and look at the figures twice a second.

    Returns:
        Seconds from the broker to the figures, of each post after the first minute.

    Raises:
        TimeoutError: the figures stood still for two minutes.
    """
    lake = settings.open_lake()
    producer = Producer({**(settings.kafka.config() if settings.kafka else {}), "linger.ms": 5})
    chance = random.Random(7)
    # The stream begins before the posts do.
    _until_shown(lake, producer, settings, texts, chance)
    sent_at: list[float] = []
    delays: list[float] = []
    begun = time.monotonic()
    before = _counted(lake)
    shown, looked, moved = 0, 0.0, begun
    total = round(rate * minutes * 60)
    while shown < total - _REMAINDER:
        now = time.monotonic()
        due = min(total, round((now - begun) * rate))
        for _ in range(due - len(sent_at)):
            _send(producer, settings, texts, chance)
            sent_at.append(now)
        producer.poll(0)
        if now - looked >= 0.5:
            looked = now
            counted = min(_counted(lake) - before, len(sent_at))
            if counted > shown:
                seen = time.monotonic()
                warm = bisect.bisect(sent_at, begun + _WARM_UP_SECONDS)
                delays += [seen - at for at in sent_at[max(shown, warm) : counted]]
                shown, moved = counted, seen
        if now - moved > 120:
            raise TimeoutError(f"the figures stand at {shown:,} of {len(sent_at):,} posts")
        time.sleep(1 / _STEPS / 2)
    return delays


def _until_shown(
    lake: Lake, producer: Producer, settings: Settings, texts: list[str], chance: random.Random
) -> None:
    until = time.monotonic() + 180
    while _counted(lake) == 0:
        if time.monotonic() > until:
            raise TimeoutError("the stream shows nothing three minutes after its start")
        for _ in range(50):
            _send(producer, settings, texts, chance)
        producer.flush(10)
        time.sleep(1)
    # What is begun with is no part of what is measured.
    stood = 0
    while (counted := _counted(lake)) != stood:
        stood = counted
        time.sleep(15)


def _send(producer: Producer, settings: Settings, texts: list[str], chance: random.Random) -> None:
    now = dt.datetime.now(dt.timezone.utc)
    milliseconds = round(now.timestamp() * 1000)
    identity = str((milliseconds - SNOWFLAKE_EPOCH_MS << 22) + chance.getrandbits(22))
    author = str(4_200_000 + chance.randrange(AUTHORS))
    payload = {
        "data": {
            "id": identity, "text": chance.choice(texts), "author_id": author,
            "created_at": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "conversation_id": identity, "lang": "en", "edit_history_tweet_ids": [identity],
        },
        "includes": {},
    }  # fmt: skip
    producer.produce(
        topic_name(PLATFORM, settings.kafka_prefix),
        msgspec.json.encode(payload),
        record_key(PLATFORM, author, identity),
        headers=written_headers(
            PLATFORM, fetched_at=now, api_version="2", fetch_id="delay", origin="simulated",
            created_at=now,
        ),
    )  # fmt: skip


def _counted(lake: Lake) -> int:
    """Posts that the figures count."""
    table = lake.table(LIVE_SENTIMENT)
    if not table.exists():
        return 0
    rows = table.scan().filter(pl.col("topic") == ALL_POSTS)
    return int(rows.select(pl.col("posts").sum()).collect().item())


@contextmanager
def _stream(settings: Settings) -> Iterator[None]:
    """A Dagster run of the stream, in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=_run, args=(settings.home, settings.kafka_brokers))
    process.start()
    try:
        yield
    finally:
        assert process.pid is not None
        os.kill(process.pid, signal.SIGINT)
        process.join(60)


def _run(home: Path, brokers: str) -> None:
    settings = read_settings({}, home=home, kafka_brokers=brokers, live="continuous")
    resources: dict[str, Any] = {
        "lake": settings.open_lake(),
        "live_stream": live_stream(settings),
    }
    try:
        live_job.execute_in_process(resources=resources, raise_on_error=False)
    except KeyboardInterrupt:
        print(json.dumps({"stream": "ended"}), file=sys.stderr)


if __name__ == "__main__":
    try:
        main()
    except TimeoutError as error:
        sys.exit(str(error))
