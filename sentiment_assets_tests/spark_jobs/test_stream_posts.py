"""Spark's own Kafka source against Apache Kafka: killed, repeated, late, poisoned, and counted."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from sentiment_assets.core.contracts import LIVE_POSTS
from sentiment_assets.core.landings import waiting
from sentiment_assets.core.layout import LIVE_CHECKPOINT, PostPartition
from sentiment_assets.engine.job_order import CREDENTIALS, JobAddress, write_order
from sentiment_assets.engine.landing import Order, land
from sentiment_assets.engine.live import read_progress
from sentiment_assets.lake.landings import position_of
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets_tests.bronze_records import RULES
from sentiment_assets_tests.kafka_server import KafkaServer
from sentiment_assets_tests.live_posts import (
    counted,
    figures,
    live_post,
    live_posts,
    now,
    order,
    rows,
    told,
)
from sentiment_assets_tests.privacy.test_nothing_leaks import (
    AUTHOR,
    CANARIES,
    HANDLE,
    TEXTS,
    Left,
    found_in,
)
from sentiment_assets_tests.s3_server import S3Server
from sentiment_assets_tests.silver_of_a_lake import posts as batch_posts
from sentiment_assets_tests.silver_of_a_lake import rebuild
from sentiment_assets_tests.streamed import Streamed

pytest.importorskip("pyspark", reason="needs the extra `spark`")

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def broker(kafka_server: KafkaServer) -> KafkaServer:
    from spark_jobs.jars import JarsMissing, spark_jars

    if kafka_server.mocked:
        pytest.skip(f"needs Apache Kafka itself: {kafka_server.reason}")
    if shutil.which("java") is None:
        pytest.skip("needs Java 17 for Spark")
    try:
        spark_jars()
    except JarsMissing as problem:
        pytest.skip(str(problem))
    return kafka_server


@pytest.fixture(scope="module")
def spark(broker: KafkaServer, s3_endpoint: S3Server) -> Iterator[SparkSession]:
    """A session that reaches disks and the bucket of the test that asks for one."""
    from sentiment_assets_tests.spark_jobs.sessions import streaming_session

    heard = signal.getsignal(signal.SIGINT)
    with pytest.MonkeyPatch.context() as environment:
        # Workers have the credentials from the environment in which Java was started.
        for name, value in credentials_of(s3_endpoint).items():
            environment.setenv(name, value)
        options = s3_endpoint.storage_options
        session = streaming_session(LakeLocation("s3://of-a-test/lake", "simulated", options))
    # Spark takes Ctrl-C for itself.
    signal.signal(signal.SIGINT, heard)
    yield session
    session.stop()


def credentials_of(server: S3Server) -> dict[str, str]:
    return {k: v for k, v in server.storage_options.items() if k.lower() in CREDENTIALS}


class Live:
    """A topic, a lake, and a stream that reads all that waits."""

    def __init__(self, server: KafkaServer, where: LakeLocation) -> None:
        self.lake = Lake.open(where)
        self.stream = Streamed(server, f"t{uuid.uuid4().hex[:8]}.")
        self.reports: list[Mapping[str, Any]] = []

    def address(self, **changed: Any) -> JobAddress:
        kafka = self.stream.connection.java_config()
        told = order(topics={self.stream.topic: "x"}, kafka=kafka, **changed)
        return write_order(self.lake, uuid.uuid4().hex, "stream_posts", told)

    def run(self, spark: SparkSession, **changed: Any) -> list[Mapping[str, Any]]:
        from spark_jobs import stream_posts

        reports: list[Mapping[str, Any]] = []
        stream_posts.run(spark, self.address(**changed), reports.append, lambda _: None)
        return reports

    def killed(self, step: str) -> None:
        """Run in another process until it kills itself at a step."""
        done = subprocess.run(
            [
                sys.executable, str(HERE / "dying_stream.py"), step,
                json.dumps(asdict(self.address(parts=1))),
            ],
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": str(HERE.parents[1])},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )  # fmt: skip
        assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]

    def land(self) -> None:
        reader = self.stream.reader()
        log = reader.topic_log(self.stream.topic)
        found = waiting(log, position_of(self.lake, self.stream.topic, log.topic_id))
        asked = Order("x", self.stream.topic, found.log, found.ranges, found.lost)
        list(land(self.lake, reader, asked, holds=lambda _: True, run_id="land", clock=now))


@pytest.fixture
def live(broker: KafkaServer, tmp_path: Path) -> Live:
    return Live(broker, LakeLocation(str(tmp_path / "lake"), "simulated"))


@pytest.mark.timeout(900)
def test_killed_in_the_middle_of_batches_every_post_counts_once(
    live: Live, spark: SparkSession
) -> None:
    end = now()
    sent: list[dict[str, Any]] = []
    for step in (
        "before the posts are added", "between posts and figures", "after both",
    ):  # fmt: skip
        new = live_posts(40, end, first=len(sent))
        # Everything twice, over two partitions, and something that nobody can read.
        live.stream.send([*new, b"{", *new[:10]], partition=0)
        live.stream.send(new[10:], partition=1)
        sent += new
        live.killed(step)
    live.run(spark)
    assert rows(live.lake).height == len(sent)
    assert told(live.lake) == counted(sent)
    # Nothing waits, and a further run changes nothing.
    before = figures(live.lake)
    assert live.run(spark) == []
    assert figures(live.lake).equals(before)


@pytest.mark.timeout(300)
def test_what_is_live_is_what_batch_makes(live: Live, spark: SparkSession) -> None:
    end = now()
    posts = live_posts(60, end, minutes=55)
    late = live_post(end - dt.timedelta(hours=3), 1000, 1)
    nameless = live_post(end, 1001, 1, author_id=None)
    live.stream.send([*posts, b"not json", None, nameless])
    [first] = live.run(spark)
    assert {name: first[name] for name in ("batch", "records", "refused", "posts")} == {
        "batch": 0, "records": 63, "refused": 2, "posts": 61,
    }  # fmt: skip
    assert first["lag"] == {live.stream.topic: 0}
    # A repetition is known, and what is later than the stream waits for is left to batch. Spark
    # counts as late what was so when the batch before began.
    more = live_posts(5, end, first=200)
    live.stream.send([posts[3], *more[:4]], partition=1)
    [second] = live.run(spark)
    assert (second["posts"], second["duplicates"], second["late"]) == (4, 1, 0)
    live.stream.send([late, more[4]], partition=1)
    [third] = live.run(spark)
    assert (third["posts"], third["duplicates"], third["late"]) == (1, 0, 1)
    progress = read_progress(live.lake)
    assert progress is not None
    assert progress.offsets == {live.stream.topic: {0: 63, 1: 7}}

    live.land()
    days = {(end - dt.timedelta(hours=h)).date() for h in (0, 4)}
    rebuild(live.lake, [PostPartition(day, "x") for day in sorted(days)], RULES)
    batch = batch_posts(live.lake)
    mine = rows(live.lake)
    assert batch.height == mine.height + 1
    same = batch.join(mine, on=LIVE_POSTS.key, how="semi").select(mine.columns)
    assert same.sort(LIVE_POSTS.key).equals(mine)
    assert told(live.lake) == counted([*posts, nameless, *more])


@pytest.mark.timeout(300)
def test_a_batch_is_bounded_and_small_cells_are_hidden(live: Live, spark: SparkSession) -> None:
    # Within one slot, and past at any time of the hour.
    end = (now() - dt.timedelta(minutes=33)).replace(minute=32)
    many = [live_post(end - dt.timedelta(seconds=n), n, n) for n in range(30)]
    alone = live_post(end - dt.timedelta(minutes=20), 99, 99)
    live.stream.send([*many, alone])
    reports = live.run(spark, min_authors=10, batch_records=16)
    assert [report["records"] for report in reports] == [16, 15]
    shown = figures(live.lake).filter(~pl.col("suppressed"))
    assert shown["posts"].to_list() == [30, 30]
    hidden = figures(live.lake).filter("suppressed")
    assert hidden["topic"].to_list() == ["all", "outage"]
    assert hidden["posts"].null_count() == hidden["updated_at"].null_count() == 2


@pytest.mark.timeout(300)
def test_a_stream_over_a_bucket_goes_on_from_its_checkpoint(
    broker: KafkaServer,
    spark: SparkSession,
    s3_endpoint: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in credentials_of(s3_endpoint).items():
        monkeypatch.setenv(name, value)
    uri = f"s3://{s3_endpoint.new_bucket()}/some/prefix"
    live = Live(broker, LakeLocation(uri, "simulated", s3_endpoint.storage_options))
    posts = live_posts(20, now())
    live.stream.send([*posts[:15], *posts[:3]])
    live.run(spark)
    live.stream.send(posts[10:])
    [second] = live.run(spark)
    assert (second["batch"], second["posts"], second["duplicates"]) == (1, 5, 5)
    assert told(live.lake) == counted(posts)


def test_the_stream_keeps_nobodys_words(live: Live, spark: SparkSession) -> None:
    """Its checkpoint and sums hold ids of posts, as bronze does, and no text and no author.

    No canary of ``privacy.test_nothing_leaks`` stands in the live tables, their log or statistics.
    """
    end = now()
    user = {"id": "4200001", "username": HANDLE, "name": AUTHOR}
    canaries = [
        live_post(end, number, 1, text=text) | {"includes": {"users": [user]}}
        for number, text in enumerate(TEXTS, 2)
    ]
    live.stream.send([live_post(end, 1, 1, text="Ask Xanthippe Quill about the outage"), *canaries])
    live.run(spark)
    left = Left(Path(live.lake.location.uri), "", {})
    assert found_in(left, (*CANARIES, "4200001")) == {}
    # It looked where something could be: the posts are there, masked.
    assert any("silver/live_posts" in name for name in found_in(left, ("never called back",)))
    kept = b"".join(
        live.lake.objects.get(stored.path)
        for stored in live.lake.objects.list("bronze/_live")
        if not stored.path.endswith(".crc")
    )
    assert live.lake.objects.list(LIVE_CHECKPOINT)
    for word in (
        b"Xanthippe",
        b"outage ",
        b"4200001",
        b"omvula",
        b"erwe",
        b"5550143",
        b"8001015009",
    ):
        assert word not in kept


def test_a_stream_that_stands_still_is_a_failure_and_is_stopped(
    live: Live, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spark_jobs import stream_posts

    monkeypatch.setattr(stream_posts, "STALLED_SECONDS", -1)
    with pytest.raises(stream_posts.StreamStalled, match="no batch of the stream has ended"):
        live.run(spark, continuous=True)
    assert spark.streams.active == []


def test_what_failed_in_a_worker_is_told_by_its_name(live: Live, spark: SparkSession) -> None:
    from pyspark.errors import StreamingQueryException

    from spark_jobs.reporting import cause_of

    live.stream.send(live_posts(2, now()))
    with pytest.raises(StreamingQueryException) as failed:
        live.run(spark, rules=None)
    kind, message = cause_of(failed.value)
    assert (kind, "reading" in message) == ("AttributeError", True)
    assert "=== Streaming Query" not in message
    # The batch is done again, by rules that work.
    live.run(spark)
    assert rows(live.lake).height == 2


def test_a_continuous_stream_ends_when_its_day_is_over(live: Live, spark: SparkSession) -> None:
    posts = live_posts(3, now())
    live.stream.send(posts)
    live.run(spark, continuous=True, trigger_seconds=1, hours=3 / 3600)
    assert spark.streams.active == []
    # Whatever it was at, the next run goes on from there.
    live.run(spark)
    assert told(live.lake) == counted(posts)
