"""The whole of it: settings, a Dagster run, spark-submit, a broker; and the run is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from resources.live import live_lacks
from resources.settings import read_settings
from sentiment_assets.core.contracts import LIVE_SENTIMENT
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.streams import topic_name
from sentiment_assets_tests.kafka_server import KafkaServer
from sentiment_assets_tests.live_posts import counted, live_posts, now, told
from sentiment_assets_tests.spark_session import SHORT_LIVED
from sentiment_assets_tests.streamed import Streamed

ROOT = Path(__file__).parents[2]


def wait(until: Callable[[], bool], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, what
        time.sleep(0.5)


def processes_of(home: Path) -> list[int]:
    """Java and Python processes that carry the home in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("SENTIMENT_HOME") == str(home):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.mark.timeout(300)
def test_a_stream_is_shown_and_ends_with_its_run_though_that_is_killed(
    tmp_path: Path, kafka_server: KafkaServer, real_kafka: object, kafka_prefix: str
) -> None:
    if (lacking := live_lacks()) is not None:
        pytest.skip(lacking)
    for platform in PLATFORMS:
        if platform != "x":
            kafka_server.make_topic(topic_name(platform, kafka_prefix))
    stream = Streamed(kafka_server, kafka_prefix)
    environment = {
        "SENTIMENT_HOME": str(tmp_path),
        "SENTIMENT_KAFKA_BROKERS": kafka_server.connection.brokers,
        "SENTIMENT_KAFKA_PREFIX": kafka_prefix,
        "SENTIMENT_LIVE": "continuous",
        "SENTIMENT_LIVE_SECONDS": "1",
        "SENTIMENT_MIN_AUTHORS": "1",
        "SENTIMENT_SPARK_MASTER": "local[2]",
        "SENTIMENT_SPARK_CONF": json.dumps(
            {"spark.driver.memory": "1g", "spark.driver.extraJavaOptions": SHORT_LIVED}
        ),
    }
    lake = read_settings(environment).open_lake()
    posts = live_posts(30, now())
    stream.send([*posts, b"{"])
    with (tmp_path / "run.log").open("w") as log:
        run = subprocess.Popen(
            [sys.executable, "-m", "sentiment_assets_tests.spark_jobs.live_run"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **environment},
            stdout=log,
            stderr=log,
        )
    try:
        figures = lake.table(LIVE_SENTIMENT)
        wait(lambda: figures.exists() and bool(told(lake)), 120, "no figure was shown")
        more = live_posts(30, now(), first=30)
        stream.send(more, partition=1)
        wait(
            lambda: sum(c for (_, t), (c, _) in told(lake).items() if t == "all") == 60,
            60,
            "what came later was not shown",
        )
        # Topics are those of the project's own tracking.
        mine = {cell: c for cell, c in told(lake).items() if cell[1] == "all"}
        assert mine == {c: n for c, n in counted([*posts, *more]).items() if c[1] == "all"}
        assert "Materialized value gold live_sentiment" in (tmp_path / "run.log").read_text()
        assert len(processes_of(tmp_path)) > 2
    finally:
        run.kill()
        run.wait()
    # A killed run ends nothing itself.
    wait(lambda: not processes_of(tmp_path), 60, "Spark goes on without its run")
