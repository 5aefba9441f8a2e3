"""Live posts and their figures: the assets, the run that supervises the stream, their upkeep.

What belongs here: what Dagster sees of the stream. The stream is a program of Spark's
(``spark_jobs.stream_posts``), which writes both tables; when it is started is ``live_sensors``'s.
"""

import datetime as dt
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from sentiment_assets.assets.describe import RETRIES, asset_facts, asset_key
from sentiment_assets.assets.failures import permanent_failures_are_final
from sentiment_assets.assets.kafka_topics import topic_key
from sentiment_assets.assets.maintenance import MaintenanceConfig, facts_of, maintenance_asset
from sentiment_assets.core.contracts import (
    LIVE_CONTRACTS,
    LIVE_POSTS,
    LIVE_SENTIMENT,
    SILVER_POSTS,
    Contract,
)
from sentiment_assets.core.live import COMPARED, agreement_verdict
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.quality import Verdict, key_verdict, required_verdict, schema_verdict
from sentiment_assets.engine.live import LiveStream, expire
from sentiment_assets.engine.spark import ordered
from sentiment_assets.lake.maintenance import Upkeep, maintain
from sentiment_assets.lake.objects import Lake
from sentiment_assets.under_way import runs_under_way

LIVE_POSTS_KEY = asset_key(LIVE_POSTS.name)
LIVE_SENTIMENT_KEY = asset_key(LIVE_SENTIMENT.name)
LIVE_JOB = "live"
#: Of both tables, at most one materialization in so many seconds.
TOLD_EVERY_SECONDS = 60.0
#: A run of the stream ends by itself after a day; Dagster's own limit is for whatever hangs.
MOST_RUNTIME_SECONDS = 26 * 3600
#: What live rows leave behind goes as soon as no unfinished work can need it.
LIVE_UPKEEP = Upkeep(history=dt.timedelta(hours=24), grace=dt.timedelta(hours=24))

AGREES_WITH_BATCH = "agrees_with_batch"


def _spec(contract: Contract, deps: list[dg.AssetKey], how: str) -> dg.AssetSpec:
    facts = asset_facts(contract)
    return dg.AssetSpec(
        asset_key(contract.name),
        deps=deps,
        **{
            **facts,
            "description": f"{facts['description']}\n\n{how}",
            "kinds": {"spark", "deltalake"},
        },
    )


live_posts = _spec(
    LIVE_POSTS,
    [topic_key(platform) for platform in PLATFORMS],
    "The job `live` writes it for as long as it runs, by Spark.",
)
live_sentiment = _spec(
    LIVE_SENTIMENT, [LIVE_POSTS_KEY], "The job `live` replaces the figures of each open slot."
)


@dataclass
class Tally:
    """What the stream reported since it was told last."""

    sums: Counter[str] = field(default_factory=Counter)
    batches: int = 0
    last_batch: int = -1
    #: The longest that a post waited from the broker to the figures.
    longest_waited: float = 0.0
    slowest: float = 0.0
    lag: Mapping[str, int] = field(default_factory=dict)

    def add(self, message: Mapping[str, Any]) -> None:
        """Count a message of the stream; one without a batch is a sign of life."""
        self.lag = message.get("lag", {})
        if "batch" not in message:
            return
        self.batches += 1
        self.last_batch = message["batch"]
        for name in ("records", "refused", "duplicates", "late", "posts"):
            self.sums[name] += message[name]
        self.longest_waited = max(self.longest_waited, message["oldest_waited_seconds"] or 0.0)
        self.slowest = max(self.slowest, message["seconds"])

    def facts(self) -> dict[str, dg.MetadataValue | int | float]:
        """As metadata."""
        return {
            **{name: self.sums[name] for name in ("posts", "records", "duplicates", "late")},
            "refused": self.sums["refused"],
            "batches": self.batches,
            "last_batch": self.last_batch,
            "lag_records": sum(self.lag.values()),
            "lag_by_topic": dg.MetadataValue.json(dict(self.lag)),
            "longest_waited_seconds": round(self.longest_waited, 1),
            "slowest_batch_seconds": self.slowest,
        }


@dg.op(
    description="Run the stream of live posts, tell what it does, and end it with the run.",
    out=dg.Out(dagster_type=dg.Nothing),
)
@permanent_failures_are_final
def stream_live(
    context: dg.OpExecutionContext,
    lake: dg.ResourceParam[Lake],
    live_stream: dg.ResourceParam[LiveStream],
) -> Iterator[dg.AssetMaterialization]:
    """Supervise one run of the stream.

    What is logged with a step's context is stored when the step has ended; what it yields, at once.

    Raises:
        SparkJobFailed: the stream failed, or stood still; the sensor starts another.
    """
    run_id = context.run.run_id
    order = live_stream.order(run_id)
    facts = {"spark": live_stream.runner.name, **live_stream.runner.facts()}
    context.log.info(f"the stream of {len(order.topics)} topics begins on {facts['spark']}")
    tally, told = Tally(), 0.0
    with (
        ordered(lake, run_id, "stream_posts", order) as address,
        closing(live_stream.runner.run("stream_posts", address, context)) as messages,
    ):
        for message in messages:
            tally.add(message)
            if tally.batches and time.monotonic() - told >= TOLD_EVERY_SECONDS:
                yield from _materialized(tally, facts)
                tally, told = Tally(), time.monotonic()
    if tally.batches:
        yield from _materialized(tally, facts)


def _materialized(tally: Tally, facts: Mapping[str, str]) -> Iterator[dg.AssetMaterialization]:
    for key in (LIVE_POSTS_KEY, LIVE_SENTIMENT_KEY):
        yield dg.AssetMaterialization(key, metadata={**tally.facts(), **facts})


# The sensor starts it again by itself, and knows how often it failed.
@dg.job(
    name=LIVE_JOB,
    description="Live posts and figures from the topics; the sensor `live` asks for it.",
    tags={
        "sentiment/job": LIVE_JOB,
        "dagster/priority": "8",
        "dagster/max_retries": "0",
        "dagster/max_runtime": str(MOST_RUNTIME_SECONDS),
    },
)
def live_job() -> None:
    """One step."""
    stream_live()


# Upkeep


def _live_maintenance_of(contract: Contract) -> dg.AssetsDefinition:
    @maintenance_asset(
        contract,
        "rows older than 48 hours removed, whether the stream runs or not, and what they leave "
        "behind a day later; many small files made few.",
    )
    def maintenance(
        context: dg.AssetExecutionContext,
        config: MaintenanceConfig,
        lake: dg.ResourceParam[Lake],
    ) -> dg.MaterializeResult[None]:
        under_way = {record.dagster_run.run_id for record in runs_under_way(context.instance)}
        now, run_id = dt.datetime.now(dt.timezone.utc), context.run.run_id
        expired = expire(lake, contract, run_id, now, dry_run=config.dry_run)
        done = maintain(
            lake.table(contract),
            LIVE_UPKEEP,
            run_id=run_id,
            under_way=under_way,
            now=now,
            dry_run=config.dry_run,
        )
        facts = {"rows_expired": expired, **facts_of(done, config.dry_run)}
        return dg.MaterializeResult(metadata=facts)

    return maintenance


LIVE_MAINTENANCE = [_live_maintenance_of(contract) for contract in LIVE_CONTRACTS.values()]


# Checks


@dg.multi_asset_check(
    name="check_live",
    specs=[
        *(
            dg.AssetCheckSpec(name, asset=asset_key(table), description=description)
            for table in LIVE_CONTRACTS
            for name, description in (
                ("schema", "The stored columns are the contract's."),
                ("key_unique", "No two rows share a key."),
                ("required_columns", "Required columns hold a value in every row."),
            )
        ),
        dg.AssetCheckSpec(
            AGREES_WITH_BATCH,
            asset=LIVE_POSTS_KEY,
            description="Of hours that are closed, batch has every live row, with the same score.",
        ),
    ],
    can_subset=True,
    retry_policy=RETRIES,
    pool="memory",
)
@permanent_failures_are_final
def check_live(
    context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake]
) -> Iterator[dg.AssetCheckResult]:
    """Judge what the stream wrote, and compare it with what batch made of the same posts."""
    steady = lake.steady()
    now = dt.datetime.now(dt.timezone.utc)
    for selected in sorted(context.selected_asset_check_keys):
        contract = LIVE_CONTRACTS["/".join(selected.asset_key.path)]
        verdict = judged(steady, contract, selected.name, now)
        yield dg.AssetCheckResult(
            passed=verdict.passed,
            asset_key=selected.asset_key,
            check_name=selected.name,
            severity=dg.AssetCheckSeverity.WARN,
            description=verdict.sentence,
            metadata=dict(verdict.counts),
        )


def judged(lake: Lake, contract: Contract, check: str, now: dt.datetime) -> Verdict:
    """The verdict of one check over a whole live table."""
    table = lake.table(contract)
    if not table.exists():
        return Verdict(True, "no stream has written it yet")
    if check == "schema":
        return schema_verdict(contract, table.promised_columns(), table.stored_columns())
    if check == "key_unique":
        return key_verdict(contract, table.scan())
    if check == "required_columns":
        return required_verdict(contract, table.scan())
    live = table.scan(columns=COMPARED).collect()
    dates = table.partition_sizes()["date"].unique().sort()
    batch = lake.table(SILVER_POSTS).scan([{"date": date.isoformat()} for date in dates], COMPARED)
    known = batch.join(live.lazy().select(LIVE_POSTS.key), on=LIVE_POSTS.key, how="semi")
    return agreement_verdict(live, known.collect(engine="streaming"), now)
