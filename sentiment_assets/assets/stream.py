"""The stream's raw posts: what was landed from each platform's topic.

What belongs here: the asset that nobody materializes by date (records come when they come), the job
that lands a range of offsets, and what it tells Dagster. How a range is landed is
``engine.landing``, when one is asked for ``stream_sensors``.
"""

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from sentiment_assets.assets.bronze import DEAD_LETTERS_KEY
from sentiment_assets.assets.describe import KINDS, RETRIES
from sentiment_assets.assets.failures import permanent_failures_are_final
from sentiment_assets.assets.kafka_topics import topic_key
from sentiment_assets.core.landings import Landing, OffsetRange, TopicLog
from sentiment_assets.core.layout import (
    DEAD_LETTERS,
    STREAM_POSTS,
    PostPartition,
    landing_object,
)
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.quality import (
    LANDED_IN_FULL,
    RETENTION_KEPT_PACE,
    Verdict,
    landed_verdict,
    retention_verdict,
)
from sentiment_assets.core.run_outcomes import Landed, Loss
from sentiment_assets.engine.landing import Order, StreamReader, land
from sentiment_assets.lake.objects import Lake
from sentiment_assets.partitions import POST_PARTITIONS, has_partition, multi_key

#: Of an evaluation that found a loss, beside the topic and its log.
LOST_OFFSETS, LOST_RECORDS = "lost_offsets", "lost_records"
_SPAN = re.compile(r"(\d{1,6}):(\d{1,19})-(\d{1,19})")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")

STREAM_POSTS_KEY = dg.AssetKey(STREAM_POSTS.split("/"))

stream_posts = dg.AssetSpec(
    STREAM_POSTS_KEY,
    description=(
        "Raw posts as platforms pushed them, landed from one Kafka topic per platform: gzip JSON "
        "lines, each in an envelope with topic, partition and offset. Runs of the job `land` "
        "write it, whenever enough records wait; a date is never whole. "
        "Personal data: engineers only."
    ),
    group_name="bronze",
    owners=["team:data-platform"],
    kinds=KINDS["bronze"] | {"kafka"},
    tags={"layer": "bronze", "privacy": "personal"},
    partitions_def=POST_PARTITIONS,
    deps=[topic_key(platform) for platform in PLATFORMS],
)


class Offsets(dg.Config):
    """Offsets of a partition of the topic, from ``start`` up to, not including, ``end``."""

    partition: int
    start: int
    end: int


class LandConfig(dg.Config):
    """What to land. ``log`` names the topic's incarnation, as the folder of its landings does."""

    platform: str
    topic: str
    log: str
    ranges: list[Offsets] = Field(default_factory=list)
    #: What was found to be gone when this was asked for.
    lost: list[Offsets] = Field(default_factory=list)
    #: Land the ranges again, though they were landed.
    replay: bool = False


def land_config(order: Order) -> dict[str, object]:
    """The run config of an order."""

    def spelled(spans: Sequence[OffsetRange]) -> list[dict[str, int]]:
        return [{"partition": s.partition, "start": s.start, "end": s.end} for s in spans]

    config = {
        "platform": order.platform,
        "topic": order.topic,
        "log": order.log,
        "ranges": spelled(order.ranges),
        "lost": spelled(order.lost),
        "replay": order.replay,
    }
    return {"ops": {land_stream.name: {"config": config}}}


def asked_of(run_config: Mapping[str, Any]) -> Landed | None:
    """What a run was to land, by its run config; null for every other run."""
    step = (run_config.get("ops") or {}).get(land_stream.name) or {}
    try:
        config = LandConfig(**step["config"])
    except (KeyError, TypeError, ValueError):
        # Somebody typed it, and it is no config: such a run says so itself.
        return None
    ranges, lost = _spans(config)
    return Landed(config.topic, config.platform, (*ranges, *lost), config.replay)


def loss_of(evaluation: dg.AssetCheckEvaluation) -> Loss | None:
    """What an evaluation of a landing says is lost, from its numbers and not from its words."""
    said = {name: value.value for name, value in evaluation.metadata.items()}
    try:
        spans = [_SPAN.fullmatch(span) for span in str(said[LOST_OFFSETS]).split(", ")]
        topic, log = _NAME.fullmatch(str(said["topic"])), _NAME.fullmatch(str(said["log"]))
        records = int(str(said[LOST_RECORDS]))
    except (KeyError, ValueError):
        return None
    ranges = tuple(OffsetRange(*map(int, span.groups())) for span in spans if span)
    if topic is None or log is None or len(ranges) < len(spans):
        return None
    return Loss(topic[0], log[0], ranges, records)


@dg.op(
    description="Land exactly the given offsets of a topic in bronze.",
    retry_policy=RETRIES,
    out=dg.Out(dagster_type=dg.Nothing),
)
@permanent_failures_are_final
def land_stream(
    context: dg.OpExecutionContext,
    config: LandConfig,
    lake: dg.ResourceParam[Lake],
    stream_reader: dg.ResourceParam[StreamReader],
) -> None:
    """Land what of the ranges was not landed yet, and tell of each partition that got records."""

    def clock() -> dt.datetime:
        return dt.datetime.now(dt.timezone.utc)

    order = Order(config.platform, config.topic, config.log, *_spans(config), config.replay)
    now = clock()
    landings = list[Landing]()
    for landing in land(
        lake,
        stream_reader,
        order,
        holds=lambda partition: has_partition(partition, now),
        run_id=context.run.run_id,
        clock=clock,
    ):
        _note(context, landing, stream_reader.topic_log(order.topic))
        landings.append(landing)
    consumed = sum(landing.consumed for landing in landings)
    dead_letters = sum(landing.dead_letters for landing in landings)
    if landings:
        context.log.info(f"{config.topic}: {consumed} records, {dead_letters} dead letters")
    else:
        context.log.info(f"{config.topic}: all of it was landed before")


# The sensor asks again by itself, from where the landings stand: another run of the same range
# beside it would be in its way.
@dg.job(
    name="land",
    description="Land offsets of a topic in bronze/stream_posts; the topics' sensors ask for it.",
    tags={"sentiment/job": "land", "dagster/priority": "8", "dagster/max_retries": "0"},
)
def land_job() -> None:
    """One step."""
    land_stream()


def _spans(config: LandConfig) -> tuple[tuple[OffsetRange, ...], tuple[OffsetRange, ...]]:
    def of(offsets: Sequence[Offsets]) -> tuple[OffsetRange, ...]:
        return tuple(OffsetRange(o.partition, o.start, o.end) for o in offsets)

    return of(config.ranges), of(config.lost)


def _note(context: dg.OpExecutionContext, landing: Landing, topic: TopicLog) -> None:
    """Tell Dagster of a landing whose objects stand, before it is added."""
    by_date = Counter[dt.date]()
    for window in landing.windows:
        by_date[window.date] += window.records
    # A record that has no date is the newest's to tell of.
    dates = sorted(by_date) or [landing.landed_at.date()]
    lag = {
        partition: max(0, marks.high - landing.positions.get(partition, marks.low))
        for partition, marks in topic.watermarks.items()
    }
    facts: dict[str, dg.MetadataValue | int | float | str] = {
        "offsets": ", ".join(str(landed.range) for landed in landing.ranges),
        "consumed": landing.consumed,
        "landed": landing.landed,
        "dead_letters": landing.dead_letters,
        "lag_records": sum(lag.values()),
        "landing": landing_object(landing.topic, landing.log, landing.number),
    }
    if landing.appended_from is not None:
        waited = landing.landed_at - landing.appended_from
        facts["oldest_waited_seconds"] = round(max(0.0, waited.total_seconds()), 1)
    if landing.dead_letters:
        context.log_event(
            dg.AssetMaterialization(
                DEAD_LETTERS_KEY,
                partition=multi_key(PostPartition(landing.landed_at.date(), landing.platform)),
                description=f"of {landing.topic}: `sentiment dead-letters list` names the reasons",
                metadata={"records": landing.dead_letters, "path": DEAD_LETTERS},
            )
        )
    verdicts = {
        LANDED_IN_FULL: landed_verdict(landing.consumed, landing.landed, landing.dead_letters),
        RETENTION_KEPT_PACE: retention_verdict(
            landing.topic, [*map(str, landing.lost)], sum(map(len, landing.lost))
        ),
    }
    missing = [found.range for found in landing.ranges if found.missing]
    lost = {
        LANDED_IN_FULL: (missing, sum(found.missing for found in landing.ranges)),
        RETENTION_KEPT_PACE: (landing.lost, sum(map(len, landing.lost))),
    }
    for date in dates:
        key = multi_key(PostPartition(date, landing.platform))
        if by_date[date]:
            windows = [window for window in landing.windows if window.date == date]
            context.log_event(
                dg.AssetMaterialization(
                    STREAM_POSTS_KEY,
                    partition=key,
                    description=f"landed from {landing.topic}",
                    metadata={
                        "dagster/row_count": by_date[date],
                        "windows": ", ".join(window.window for window in windows),
                        **facts,
                    },
                )
            )
        for name, verdict in verdicts.items():
            evaluation = _evaluation(name, key, verdict, landing, lost[name])
            context.log_event(evaluation)  # type: ignore[arg-type]


def _evaluation(
    name: str,
    partition: dg.MultiPartitionKey,
    verdict: Verdict,
    landing: Landing,
    lost: tuple[Sequence[OffsetRange], int],
) -> dg.AssetCheckEvaluation:
    """A verdict over a landing; what is lost stands in it as values, for the alert."""
    spans, records = lost
    facts: dict[str, int | float | str] = dict(verdict.counts)
    if spans:
        facts |= {
            "topic": landing.topic,
            "log": landing.log,
            LOST_OFFSETS: ", ".join(map(str, spans)),
            LOST_RECORDS: records,
        }
    return dg.AssetCheckEvaluation(
        asset_key=STREAM_POSTS_KEY,
        check_name=name,
        passed=verdict.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description=verdict.sentence,
        metadata=facts,
        partition=partition,
    )
