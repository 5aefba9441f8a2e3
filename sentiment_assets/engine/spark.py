"""Bronze to silver, and silver to gold, by Spark: what is asked of a job, and what comes back.

What belongs here: the interface of whoever runs Spark, and turning a job's messages into what the
engine without Spark gives. The jobs are ``spark_jobs``; where they run is ``resources.spark``'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sentiment_assets.core.contracts import SILVER_POSTS
from sentiment_assets.core.gold import Coverage
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.quality import Conservation
from sentiment_assets.core.silver import SilverRules
from sentiment_assets.engine.job_order import JobAddress, delete_order, write_order
from sentiment_assets.engine.window import WindowSilver, WindowSource
from sentiment_assets.engine.workers import Built
from sentiment_assets.lake.files import DataFile
from sentiment_assets.lake.objects import Lake, LakeError
from sentiment_assets.lake.tables import PartitionRows, PartitionWriter, Replacement

Job = Literal["silver_posts", "gold_tables", "stream_posts"]
"""Programs of ``spark_jobs``."""

#: Key of the message that tells of a failure: its ``type`` and ``message``.
FAILED = "failed"


class SparkJobFailed(LakeError):
    """A job ended without doing its work; nothing is committed.

    Args:
        job: the program.
        cause: name of the error's type where it ran.
        message: what was wrong, where, and what to do.
        retryable: another try may end well; null where that depends on the cause.
    """

    def __init__(
        self, job: str, cause: str, message: str, *, retryable: bool | None = None
    ) -> None:
        super().__init__(f"{job}: {cause}: {message}")
        self.cause = cause
        self.retryable = retryable


class SparkRunner(Protocol):
    """Whoever runs a program of ``spark_jobs``: this process, a cluster, a service."""

    @property
    def name(self) -> str:
        """Where it runs, for people."""
        ...

    def run(
        self, job: Job, order: JobAddress, context: Any
    ) -> Generator[Mapping[str, Any], None, None]:
        """Run a job to its end; yields what it reports.

        Interrupted, it cancels the job's work.

        Args:
            job: the program.
            order: what it is told.
            context: of the Dagster step that asks, for logs.

        Raises:
            SparkJobFailed: it ended without doing its work.
        """
        ...

    def facts(self) -> Mapping[str, str]:
        """What a materialization says of it: versions, the bundle's digest."""
        ...


@dataclass(frozen=True)
class SilverOrder:
    """What ``silver_posts`` builds, and by which rules."""

    sources: tuple[WindowSource, ...]
    rules: SilverRules


@dataclass(frozen=True)
class GoldOrder:
    """What ``gold_tables`` makes: one table, of many partitions."""

    table: str
    posts: PartitionRows
    coverage: Coverage
    min_authors: int
    writers: tuple[tuple[PostPartition, PartitionWriter], ...]


@contextmanager
def ordered(lake: Lake, run_id: str, name: str, order: Any) -> Iterator[JobAddress]:
    """An order for as long as its job takes."""
    address = write_order(lake, run_id, name, order)
    try:
        yield address
    finally:
        delete_order(lake, address)


def build_on_spark(
    runner: SparkRunner,
    context: Any,
    lake: Lake,
    run_id: str,
    sources: Sequence[WindowSource],
    rules: SilverRules,
) -> Iterator[Built]:
    """Have one job build windows.

    Raises:
        SparkJobFailed: the job failed, or did not report every window.
    """
    if not sources:
        return
    left = dict(enumerate(sources))
    order = SilverOrder(tuple(sources), rules)
    with (
        ordered(lake, run_id, "silver_posts", order) as address,
        # Whoever stops listening ends the job.
        closing(runner.run("silver_posts", address, context)) as messages,
    ):
        for message in messages:
            yield left.pop(message["window"]), silver_of(message)
    if left:
        raise _untold("silver_posts", len(left), len(sources), "windows")


def gold_on_spark(
    runner: SparkRunner,
    context: Any,
    lake: Lake,
    replacement: Replacement,
    coverage: Coverage,
    min_authors: int,
) -> None:
    """Have one job write the partitions of a table that is made of posts, and stage its files.

    Raises:
        SparkJobFailed: the job failed, or did not report every partition.
    """
    table = replacement.table.contract.name
    partitions = list(coverage)
    values = [{"date": p.date.isoformat(), "platform": p.platform} for p in partitions]
    order = GoldOrder(
        table,
        lake.table(SILVER_POSTS).rows(values),
        coverage,
        min_authors,
        tuple(
            (partition, replacement.writer(of))
            for partition, of in zip(partitions, values, strict=True)
        ),
    )
    left = dict(enumerate(values))
    name = table.replace("/", "-")
    with (
        ordered(lake, replacement.run_id, name, order) as address,
        replacement,
        closing(runner.run("gold_tables", address, context)) as messages,
    ):
        for message in messages:
            files = [DataFile(*file) for file in message["files"]]
            replacement.stage(left.pop(message["partition"]), files)
        if left:
            raise _untold("gold_tables", len(left), len(values), "partitions")


def message_of(index: int, silver: WindowSilver) -> dict[str, Any]:
    """What a job reports of a window: plain values."""
    return {
        "window": index,
        "posts": [[file.path, file.size] for file in silver.posts],
        "quarantine": [[file.path, file.size] for file in silver.quarantine],
        "counts": vars(silver.counts),
        "unscored": dict(silver.unscored),
        "redacted": dict(silver.redacted),
    }


def silver_of(message: Mapping[str, Any]) -> WindowSilver:
    """What :func:`message_of` was made of."""
    return WindowSilver(
        [DataFile(*file) for file in message["posts"]],
        [DataFile(*file) for file in message["quarantine"]],
        Conservation(**message["counts"]),
        Counter(message["unscored"]),
        Counter(message["redacted"]),
    )


def _untold(job: Job, left: int, asked: int, what: str) -> SparkJobFailed:
    return SparkJobFailed(
        job,
        "nothing was committed",
        f"it told nothing of {left} of {asked} {what}: run it again, and read the driver's log if "
        "it happens again",
        retryable=True,
    )
