"""Both engines make the same tables of the same bronze: not one cell differs."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest

from benchmarks import bronze, pipeline
from resources.spark import SessionRunner, SubmitRunner
from sentiment_assets.assets import silver as silver_assets
from sentiment_assets.assets.failures import is_permanent
from sentiment_assets.core.contracts import SILVER_POSTS
from sentiment_assets.core.layout import PostPartition, Window
from sentiment_assets.core.pii.pseudonyms import PseudonymKeys
from sentiment_assets.core.silver import SilverRules
from sentiment_assets.engine.job_order import JobAddress
from sentiment_assets.engine.spark import SparkJobFailed, build_on_spark
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets_tests.bronze_records import DAY, RULES, at, line, payload, store
from sentiment_assets_tests.golden import pipeline as golden
from sentiment_assets_tests.local_platform import YESTERDAY, Platform, failures
from sentiment_assets_tests.parity.engines import (
    assert_engines_agree,
    assert_same_cells,
    silver_of,
    silver_on_spark,
)
from sentiment_assets_tests.s3_server import S3Server
from sentiment_assets_tests.silver_of_a_lake import assert_conserved, rebuild
from sentiment_assets_tests.simulated import SimulatedPlatform
from sentiment_assets_tests.spark_session import CONF, runner, session, step
from spark_jobs.jars import JarsMissing, spark_jars
from spark_jobs.sources import bundle_digest

SHARED = Path(os.environ.get("SENTIMENT_SHARED_DATA", "/nowhere"))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(LakeLocation(str(tmp_path / "lake"), "simulated"))


def test_golden_posts(lake: Lake) -> None:
    golden.lay_down(lake)
    assert_engines_agree(lake, golden.PARTITIONS, golden.RULES, golden.MIN_AUTHORS)


def test_a_generated_week(lake: Lake) -> None:
    """Hot topics, hidden hours, edits, repeated fetches, days of very different sizes."""
    days = [PostPartition(bronze.DAY.date + dt.timedelta(days=n), "x") for n in range(3)]
    for day, posts in zip(days, (6000, 300, 1500), strict=True):
        bronze.write_date(Path(lake.location.uri), day, posts, None)
    assert_engines_agree(lake, days, pipeline.rules(), pipeline.MIN_AUTHORS)


@pytest.mark.skipif(
    not (SHARED / "real_posts.jsonl.gz").exists(),
    reason="SENTIMENT_SHARED_DATA names no folder with real_posts.jsonl.gz",
)
def test_a_hundred_thousand_real_posts(lake: Lake) -> None:
    bronze.write_date(Path(lake.location.uri), bronze.DAY, 100_000, SHARED / "real_posts.jsonl.gz")
    assert_engines_agree(lake, [bronze.DAY], pipeline.rules(), pipeline.MIN_AUTHORS)
    assert lake.table(SILVER_POSTS).scan().collect().height > 90_000


def days_of(lake: Lake, posts: int = 3000) -> list[PostPartition]:
    bronze.write_date(Path(lake.location.uri), bronze.DAY, posts, None)
    return [bronze.DAY]


def test_a_killed_worker_is_begun_again_and_nothing_doubles(lake: Lake) -> None:
    """Its task had written files: another attempt writes its own, and only those are told of."""
    days = days_of(lake)
    killed: list[int] = []
    ended = threading.Event()

    def kill_whoever_writes() -> None:
        folder = Path(lake.location.uri, SILVER_POSTS.name)
        while not ended.wait(0.01):
            if killed or not list(folder.rglob("*.parquet*")):
                continue
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    # A worker is a fork of Spark's daemon, which it has the command line of.
                    is_worker = "pyspark.daemon" in process.cmdline() and not process.children()
                    if is_worker:
                        process.kill()
                        killed.append(process.pid)

    killer = threading.Thread(target=kill_whoever_writes)
    killer.start()
    try:
        build = silver_on_spark(lake, days, pipeline.rules())
    finally:
        ended.set()
        killer.join()
    assert killed
    records = sum(counts.records for counts in build.counts.values())
    assert_conserved(lake, build, records)
    on_spark = silver_of(lake)
    rebuild(lake, days, pipeline.rules(), force=True)
    assert_same_cells({SILVER_POSTS.name: on_spark[SILVER_POSTS.name]}, {
        SILVER_POSTS.name: silver_of(lake)[SILVER_POSTS.name]
    })  # fmt: skip


class Interrupted(BaseException):
    """What a signal raises wherever the main thread is, as Ctrl-C does."""


@pytest.fixture
def interrupt() -> Iterator[Callable[[Callable[[], bool]], None]]:
    """Interrupts this thread as soon as something is so. Not by SIGINT: it would end the tests."""

    def interrupted(_signal: int, _frame: Any) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, interrupted)

    def when(it_is_so: Callable[[], bool]) -> None:
        def wait() -> None:
            while not it_is_so():
                time.sleep(0.05)
            signal.raise_signal(signal.SIGUSR1)

        threading.Thread(target=wait, daemon=True).start()

    yield when
    signal.signal(signal.SIGUSR1, before)


def test_an_interrupted_run_ends_its_tasks(
    lake: Lake, interrupt: Callable[[Callable[[], bool]], None]
) -> None:
    days = days_of(lake)
    heard = signal.getsignal(signal.SIGINT)
    tracker = session(lake).sparkContext.statusTracker()
    assert signal.getsignal(signal.SIGINT) == heard, "Dagster ends runs by it"
    interrupt(lambda: bool(tracker.getActiveJobsIds()))
    with pytest.raises(Interrupted):
        silver_on_spark(lake, days, pipeline.rules())
    deadline = time.monotonic() + 20
    while tracker.getActiveJobsIds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    # No secret is left, and no row is seen.
    assert list(Path(lake.location.uri, "bronze/_jobs").rglob("*.order")) == []
    assert lake.table(SILVER_POSTS).scan().collect().height == 0


KEYLESS = SilverRules(PseudonymKeys((("another", "ab" * 32),)), RULES.topics)


def test_what_fails_in_a_worker_is_told_by_its_cause(lake: Lake) -> None:
    store(lake, Window(DAY, "0800"), [line(payload(8.5), at(10))], at(10))

    def built(sources: Any) -> Any:
        return build_on_spark(runner(), step(), lake, "run", sources, KEYLESS)

    with pytest.raises(SparkJobFailed, match="silver_posts: ValueError: no pseudonym") as failed:
        rebuild(lake, builder=built)
    assert is_permanent(failed.value)
    assert "Traceback" not in str(failed.value)


def test_without_java_a_job_says_what_to_install(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    address = JobAddress(lake.location.uri, "simulated", "bronze/_jobs/none.order", "00")
    with pytest.raises(SparkJobFailed, match=r"no Java: .* Java 17 .* openjdk-17") as failed:
        list(SessionRunner({"spark.master": "local[1]"}).run("silver_posts", address, step()))
    assert is_permanent(failed.value)


def test_a_lake_on_s3(s3_endpoint: S3Server) -> None:
    """Bronze, silver's files and gold's by the lake's own means; silver is read by Spark's."""
    try:
        spark_jars()
    except JarsMissing as problem:
        pytest.skip(str(problem))
    bucket = s3_endpoint.new_bucket()
    location = LakeLocation(f"s3://{bucket}/lake", "simulated", s3_endpoint.storage_options)
    lake = Lake.open(location)
    golden.lay_down(lake)
    assert_engines_agree(lake, golden.PARTITIONS, golden.RULES, golden.MIN_AUTHORS)
    kept = s3_endpoint.client.list_objects_v2(Bucket=bucket, Prefix="lake/silver/posts/date=")
    for stored in kept["Contents"]:
        head = s3_endpoint.client.head_object(Bucket=bucket, Key=stored["Key"])
        assert head["ServerSideEncryption"] == "aws:kms"


SILVER = (silver_assets.POSTS_KEY, silver_assets.QUARANTINE_KEY)


@pytest.fixture
def fetched(tmp_path: Path, x: SimulatedPlatform) -> Platform:
    platform = Platform.at(tmp_path / "home", x, spark_runner="submit", spark_conf=CONF)
    platform.fetch(YESTERDAY)
    return platform


def test_a_run_asks_for_spark_submit(fetched: Platform) -> None:
    config = {"ops": {"silver_posts": {"config": {"engine": "spark", "force": True}}}}
    there = fetched.run("rebuild", [YESTERDAY], assets=SILVER, config=config)
    assert there.success, failures(there)
    told = {
        event.asset_key.to_user_string(): event.materialization.metadata
        for event in there.all_events
        if event.is_step_materialization and event.asset_key
    }["silver/posts"]
    assert told["engine"].value == "spark"
    assert str(told["engine_reason"].value).startswith("the run's config asks for it; ")
    assert told["spark"].value == "spark-submit to local[*]"
    assert told["spark_version"].value == "4.2.0"
    assert told["bundle_sha256"].value == bundle_digest()
    on_spark = silver_of(fetched.lake)
    here = fetched.run("rebuild", [YESTERDAY], assets=SILVER, config={
        "ops": {"silver_posts": {"config": {"engine": "in_process", "force": True}}}
    })  # fmt: skip
    assert here.success, failures(here)
    posts = {SILVER_POSTS.name: on_spark[SILVER_POSTS.name]}
    assert_same_cells(posts, {SILVER_POSTS.name: silver_of(fetched.lake)[SILVER_POSTS.name]})


def test_a_driver_that_does_not_start_is_told_of(lake: Lake) -> None:
    spark = SubmitRunner({"spark.master": "local[1]", "spark.driver.memory": "much"})

    @dg.op
    def ask(context) -> None:  # type: ignore[no-untyped-def]
        address = JobAddress(lake.location.uri, "simulated", "bronze/_jobs/none.order", "00")
        list(spark.run("silver_posts", address, context))

    @dg.job
    def asking() -> None:
        ask()

    run = asking.execute_in_process(raise_on_error=False)
    assert "silver_posts: spark-submit: ended with status 1" in str(failures(run))


def test_an_interrupted_run_ends_spark_submit(
    lake: Lake, interrupt: Callable[[Callable[[], bool]], None]
) -> None:
    spark = SubmitRunner({"spark.master": "local[1]", "spark.ui.enabled": "false"})
    begun: list[psutil.Process] = []
    # A session of another test has a driver too.
    before = {process.pid for process in psutil.Process().children(recursive=True)}

    def has_begun() -> bool:
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                is_driver = "org.apache.spark.deploy.SparkSubmit" in process.cmdline()
                if is_driver and process.pid not in before:
                    begun.append(process)
        return bool(begun)

    @dg.op
    def ask(context) -> None:  # type: ignore[no-untyped-def]
        interrupt(has_begun)
        address = JobAddress(lake.location.uri, "simulated", "bronze/_jobs/none.order", "00")
        list(spark.run("silver_posts", address, context))

    @dg.job
    def asking() -> None:
        ask()

    with pytest.raises(Interrupted):
        asking.execute_in_process()
    # The driver, and the shell that became it.
    assert begun
    psutil.wait_procs(begun, timeout=10)
    assert not any(process.is_running() for process in begun)
