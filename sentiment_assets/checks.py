"""Asset checks: those of every contract (schema, key, required columns) and those of one table.

What belongs here: counting what a partition holds and turning ``core.quality``'s verdicts into
Dagster results. Checks whose failure would let wrong data flow on are blocking.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import dagster as dg
import polars as pl
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)
from deltalake.exceptions import DeltaError

from sentiment_assets.assets import marts
from sentiment_assets.assets.describe import RETRIES, asset_key
from sentiment_assets.assets.failures import permanent_failures_are_final
from sentiment_assets.core.contracts import (
    CONTRACTS,
    DAILY_SUMMARY,
    DAILY_TREND,
    SILVER_POSTS,
    SILVER_QUARANTINE,
    Contract,
)
from sentiment_assets.core.coverage import Manifest, fetched_share, objects_of
from sentiment_assets.core.layout import BATCH_POSTS, STREAM_POSTS, PostPartition, windows_of
from sentiment_assets.core.quality import (
    LANDED_IN_FULL,
    RETENTION_KEPT_PACE,
    Conservation,
    Verdict,
    conservation_verdict,
    drift_verdict,
    key_verdict,
    notices_verdict,
    objects_verdict,
    published_verdict,
    recipe_verdict,
    required_verdict,
    retention_verdict,
    schema_verdict,
    scorer_verdict,
    volume_verdict,
)
from sentiment_assets.core.silver import SilverRules
from sentiment_assets.engine.in_process import SEALED_DATE, consumed_objects
from sentiment_assets.lake.bronze import read_partition
from sentiment_assets.lake.landings import landed_topics, recent_landings
from sentiment_assets.lake.objects import Lake
from sentiment_assets.partitions import POST_PARTITIONS, multi_key, partitions_of

#: Days before a date that its volume is compared with.
VOLUME_HISTORY = 7


@dataclass(frozen=True)
class Rule:
    """One check of a table: judges one partition at a time."""

    name: str
    description: str
    blocking: bool
    judge: Callable[..., Verdict]
    #: A resource that comes third: the rules of cleaning tell what silver was made of, the mart
    #: what stands in the database.
    needs: Literal["rules", "mart"] | None = None


def _schema(contract: Contract, lake: Lake, partition: PostPartition) -> Verdict:
    table = lake.table(contract)
    return schema_verdict(contract, table.promised_columns(), table.stored_columns())


def _key(contract: Contract, lake: Lake, partition: PostPartition) -> Verdict:
    return key_verdict(contract, _rows(lake, contract, partition))


def _required(contract: Contract, lake: Lake, partition: PostPartition) -> Verdict:
    return required_verdict(contract, _rows(lake, contract, partition))


def _conservation(lake: Lake, partition: PostPartition, rules: SilverRules) -> Verdict:
    """Compare what silver consumed of bronze, by the manifests, with what silver holds.

    What landed since waits for the next rebuild. Of a sealed partition the seal says what silver
    consumed, since its bronze may be gone.
    """
    bronze = read_partition(lake, partition)
    if bronze.damaged:
        return Verdict(
            False,
            f"{len(bronze.damaged)} manifests cannot be read, so nobody knows what they list: "
            f"restore or remove {bronze.damaged[0]} and fetch the date again",
            {"damaged_manifests": len(bronze.damaged)},
        )
    windows = windows_of(partition)
    table = lake.table(SILVER_POSTS)
    known = table.fingerprints([window.values for window in windows])
    consumed = {
        window: consumed_objects(bronze, window, rules, fingerprint)
        for window in windows
        if (fingerprint := known[table.key_of(window.values)]) is not None
    }
    landed = [stored for window in consumed for stored in bronze.objects(window)]
    seen = {stored.path for objects in consumed.values() for stored in objects}
    rows, observed = (
        _rows(lake, SILVER_POSTS, partition)
        .select(pl.len(), pl.col("observation_count").sum())
        .collect()
        .row(0)
    )
    refused = (
        _rows(lake, SILVER_QUARANTINE, partition)
        .select("object", "record_count", sealed=pl.col("reason_code") == SEALED_DATE)
        .collect()
    )
    late = refused.filter("sealed")
    records = sum(stored.records for stored in landed if stored.path in seen)
    if bronze.seal is not None:
        # Late objects may be gone too: quarantine stands for those, bronze for the others.
        gone = late.filter(~pl.col("object").is_in(list(seen)))
        records += bronze.seal.records + int(gone["record_count"].sum())
    counts = Conservation(
        records=records,
        rows=rows,
        duplicates=observed - rows,
        quarantined=int(refused.filter(~pl.col("sealed"))["record_count"].sum()),
        sealed=int(late["record_count"].sum()),
    )
    waiting = sum(stored.records for stored in landed if stored.path not in seen)
    return conservation_verdict(counts, waiting if bronze.seal is None else 0)


def _volume(lake: Lake, partition: PostPartition) -> Verdict:
    days = [partition.date - dt.timedelta(days=back) for back in range(VOLUME_HISTORY + 1)]
    sizes = (
        lake.table(SILVER_POSTS)
        .partition_sizes(
            [{"date": date.isoformat(), "platform": partition.platform} for date in days]
        )
        .group_by("date", "platform")
        .agg(pl.col("rows").sum())
    )
    rows = {PostPartition(date, platform): count for date, platform, count in sizes.iter_rows()}

    def day(back: int) -> tuple[int, float]:
        other = PostPartition(partition.date - dt.timedelta(days=back), partition.platform)
        start = dt.datetime.combine(other.date, dt.time(), tzinfo=dt.timezone.utc)
        coverage = read_partition(lake, other).coverage.values()
        return rows.get(other, 0), fetched_share(coverage, start, start + dt.timedelta(days=1))

    posts, share = day(0)
    return volume_verdict(posts, share, [day(back) for back in range(1, VOLUME_HISTORY + 1)])


def _known_fields(lake: Lake, partition: PostPartition) -> Verdict:
    """The canary: what the newest fetch of each window said of its payloads' fields."""
    newest: dict[str, Manifest] = {}
    for manifest in sorted(read_partition(lake, partition).manifests, key=lambda m: m.fetched_at):
        if manifest.sources:
            newest[manifest.window] = manifest
    sources = [source for manifest in newest.values() for source in manifest.sources]
    return drift_verdict(
        [source.unknown_fields for source in sources],
        [source.vanished_fields for source in sources],
    )


def _api_notices(lake: Lake, partition: PostPartition) -> Verdict:
    told = [m for m in read_partition(lake, partition).manifests if m.sources]
    newest = max(told, key=lambda manifest: manifest.fetched_at, default=None)
    return notices_verdict(newest.notices if newest else [])


def _one_recipe(lake: Lake, partition: PostPartition) -> Verdict:
    return recipe_verdict(
        *(_distinct(lake, DAILY_SUMMARY, partition, column) for column in ("recipes", "scorers"))
    )


def _one_scorer(lake: Lake, partition: PostPartition) -> Verdict:
    return scorer_verdict(_distinct(lake, DAILY_TREND, partition, "scorers"))


def _distinct(lake: Lake, contract: Contract, partition: PostPartition, column: str) -> list[str]:
    """What the lists of a partition's rows hold; nothing where a list is null."""
    rows = _rows(lake, contract, partition).select(pl.col(column)).collect()
    return rows[column].explode(empty_as_null=True).drop_nulls().unique().sort().to_list()


def _of_every_table(contract: Contract) -> tuple[Rule, ...]:
    return (
        Rule("schema", "The stored columns are the contract's.", True, partial(_schema, contract)),
        Rule("key_unique", "No two rows share a key.", True, partial(_key, contract)),
        Rule(
            "required_columns",
            "Required columns hold a value in every row.",
            True,
            partial(_required, contract),
        ),
    )


def _landed(lake: Lake, partition: PostPartition) -> Verdict:
    """Manifests of landings against the objects that stand."""
    folder = f"{STREAM_POSTS}/{partition.folder}/"
    sizes = {stored.path: stored.size for stored in lake.objects.list(folder)}
    manifests = [
        manifest
        for manifest in read_partition(lake, partition).manifests
        if any(stored.path.startswith(folder) for stored in manifest.objects)
    ]
    objects = objects_of(manifests)
    held = sum(stored.records for stored in objects)
    # Two manifests may list one object: each is compared with its own.
    astray = sum(
        manifest.received - sum(stored.records for stored in manifest.objects)
        for manifest in manifests
    )
    missing = [stored.path for stored in objects if sizes.get(stored.path) != stored.size]
    return objects_verdict(held + astray, held, missing)


def _kept_pace(lake: Lake, partition: PostPartition) -> Verdict:
    """What the landings of a date lost, of the newest ones."""
    landings = [
        landing
        for topic in landed_topics(lake)
        for landing in recent_landings(lake, topic)
        if (landing.platform, landing.landed_at.date()) == (partition.platform, partition.date)
    ]
    lost = [span for landing in landings for span in landing.lost]
    topics = ", ".join(sorted({landing.topic for landing in landings})) or "the topic"
    return retention_verdict(topics, [*map(str, lost)], sum(map(len, lost)))


_OF_TABLE = {
    STREAM_POSTS: (
        Rule(
            LANDED_IN_FULL,
            "Every record that was consumed is landed or a dead letter, and its object stands.",
            False,
            _landed,
        ),
        Rule(
            RETENTION_KEPT_PACE,
            "Nothing was deleted from the topic before it was landed.",
            False,
            _kept_pace,
        ),
    ),
    BATCH_POSTS: (
        Rule(
            "known_fields",
            "No field of the API came that nobody knows, none vanished that always stood there.",
            False,
            _known_fields,
        ),
        Rule("api_notices", "The API's client has nothing to warn of.", False, _api_notices),
    ),
    SILVER_POSTS.name: (
        Rule(
            "conservation",
            "Every bronze record is a row, a duplicate of one, or in quarantine.",
            True,
            _conservation,
            needs="rules",
        ),
        Rule("volume", "The day's posts are in line with the days before.", False, _volume),
    ),
    DAILY_SUMMARY.name: (
        Rule("one_recipe", "All of the day's rows follow the same rules.", False, _one_recipe),
    ),
    DAILY_TREND.name: (
        Rule(
            "one_scorer",
            "The day and the seven before it have the same scorer.",
            False,
            _one_scorer,
        ),
    ),
}


def checks() -> list[dg.AssetChecksDefinition]:
    """One checks definition a table."""
    return [
        _checks_of(BATCH_POSTS, _OF_TABLE[BATCH_POSTS]),
        _checks_of(STREAM_POSTS, _OF_TABLE[STREAM_POSTS]),
        *(
            _checks_of(name, (*_of_every_table(contract), *_OF_TABLE.get(name, ())))
            for name, contract in CONTRACTS.items()
        ),
    ]


#: Of every table in a mart: its name, and what it judges.
_MATCHES = ("matches_gold", "Every row of gold is there once, with the same values, and no other.")
_WHOLE = "Every row of the lake's table is there once, with the same values, and no other."


def mart_checks() -> list[dg.AssetChecksDefinition]:
    """The checks of what is published: each partition, or whole table, against the lake."""
    dated = [
        _checks_of(
            "/".join(marts.postgres_key(contract).path),
            (
                Rule(
                    *_MATCHES,
                    True,
                    partial(_matches_gold, contract),
                    needs="mart",
                ),
            ),
        )
        for contract in marts.DATED_CONTRACTS
    ]
    return [*dated, *_whole_mart_checks()]


def _whole_mart_checks() -> list[dg.AssetChecksDefinition]:
    contracts = {marts.postgres_key(contract): contract for contract in marts.WHOLE_CONTRACTS}
    if not contracts:
        return []
    name, _ = _MATCHES

    @dg.multi_asset_check(
        name="check_mart_whole",
        specs=[
            dg.AssetCheckSpec(name, asset=key, description=_WHOLE, blocking=True)
            for key in contracts
        ],
        can_subset=True,
        retry_policy=RETRIES,
        pool="memory",
    )
    @permanent_failures_are_final
    def check_mart_whole(
        context: dg.AssetCheckExecutionContext,
        lake: dg.ResourceParam[Lake],
        mart: dg.ResourceParam[marts.Mart],
    ) -> Iterator[dg.AssetCheckResult]:
        """Judge the tables without dates, each whole."""
        for selected in sorted(context.selected_asset_check_keys):
            verdict = _matches_gold(contracts[selected.asset_key], lake, None, mart)
            yield dg.AssetCheckResult(
                passed=verdict.passed,
                asset_key=selected.asset_key,
                check_name=selected.name,
                description=verdict.sentence,
                metadata=dict(verdict.counts),
            )

    return [check_mart_whole]


def _matches_gold(
    contract: Contract, lake: Lake, partition: PostPartition | None, mart: marts.Mart
) -> Verdict:
    table = lake.table(contract)
    noted = mart.publications(contract)
    if partition is None:
        # One line, of the whole table.
        values, published = None, next(iter(noted.values()), None)
    else:
        values = [{"date": partition.date.isoformat(), "platform": partition.platform}]
        published = noted.get(partition)
    rows = mart.rows(contract, partition)
    verdict = published_verdict(contract, table.scan(values).collect(), rows)
    if verdict.passed or published is None or published.table_id != table.table_id:
        return verdict
    try:
        before = table.as_of(published.version).scan(values).collect()
    except (DeltaError, OSError, pl.exceptions.ComputeError):
        # That version is gone: gold has been newer for longer than history is kept.
        return verdict
    then = published_verdict(contract, before, rows)
    if not then.passed:
        return verdict
    # Between a publish and this look, another run has made gold anew: it publishes that itself.
    said = f"{then.sentence} of version {published.version}; gold is newer by now"
    return Verdict(True, said, then.counts)


def _checks_of(table: str, rules: Sequence[Rule]) -> dg.AssetChecksDefinition:
    key = asset_key(table)
    needed = {rule.needs for rule in rules if rule.needs is not None}
    specs = {
        rule.name: dg.AssetCheckSpec(
            rule.name,
            asset=key,
            description=rule.description,
            blocking=rule.blocking,
            partitions_def=POST_PARTITIONS,
        )
        for rule in rules
    }

    @dg.multi_asset_check(
        name=f"check_{table.rpartition('/')[2]}",
        specs=list(specs.values()),
        can_subset=True,
        # Storage that hiccups under a blocking check must not hold gold back.
        retry_policy=RETRIES,
        pool="memory",
        # Whoever checks bronze holds no keys.
        required_resource_keys={"lake", *needed},
    )
    @permanent_failures_are_final
    def check_table(
        context: dg.AssetCheckExecutionContext,
    ) -> Iterator[dg.Output[None] | dg.AssetCheckEvaluation]:
        resources = context.op_execution_context.resources
        partitions = partitions_of(context)
        judged = _materialization(context.instance, key, partitions)
        # Many looks, a moment: the tables are opened once for all rules and partitions.
        lake = resources.lake.steady()
        selected = {check.name for check in context.selected_asset_check_keys}
        for rule in rules:
            if rule.name in selected:
                more = [] if rule.needs is None else [getattr(resources, rule.needs)]
                verdicts = {p: rule.judge(lake, p, *more) for p in partitions}
                if len(partitions) > 1:
                    # A result of them all carries no partition: each would show as skipped.
                    for partition, verdict in verdicts.items():
                        # Logged as any event is, though the signature doesn't name it.
                        event: Any = _evaluation(rule, key, partition, verdict)
                        context.op_execution_context.log_event(event)
                # What Dagster makes of an AssetCheckResult; it would ask for the materialization
                # again with every result.
                yield dg.Output(None, specs[rule.name].get_python_identifier())
                yield _result(rule, key, verdicts, judged)

    return check_table


def _materialization(
    instance: dg.DagsterInstance, key: dg.AssetKey, partitions: Sequence[PostPartition]
) -> AssetCheckEvaluationTargetMaterializationData | None:
    """The materialization that is judged; of several partitions it's the asset's newest."""
    asked = [multi_key(partition) for partition in partitions] if len(partitions) == 1 else None
    newest = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=key, asset_partitions=asked), limit=1
    ).records
    if not newest:
        return None
    [found] = newest
    return AssetCheckEvaluationTargetMaterializationData(
        storage_id=found.storage_id, run_id=found.run_id, timestamp=found.timestamp
    )


def _evaluation(
    rule: Rule, key: dg.AssetKey, partition: PostPartition, verdict: Verdict
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=rule.name,
        passed=verdict.passed,
        severity=_severity(rule),
        description=verdict.sentence,
        metadata=dict(verdict.counts),
        blocking=rule.blocking,
        partition=multi_key(partition),
    )


def _severity(rule: Rule) -> dg.AssetCheckSeverity:
    return dg.AssetCheckSeverity.ERROR if rule.blocking else dg.AssetCheckSeverity.WARN


def _result(
    rule: Rule,
    key: dg.AssetKey,
    verdicts: dict[PostPartition, Verdict],
    judged: AssetCheckEvaluationTargetMaterializationData | None,
) -> dg.AssetCheckEvaluation:
    failed = {p: v for p, v in verdicts.items() if not v.passed}
    shown = failed or verdicts
    metadata: dict[str, dg.MetadataValue | int | float | str] = {
        "partitions": len(verdicts),
        "failed_partitions": len(failed),
        "verdicts": dg.MetadataValue.md(
            "\n".join(f"- {p.key}: {v.sentence}" for p, v in list(shown.items())[:50])
        ),
    }
    if len(verdicts) == 1:
        metadata |= next(iter(verdicts.values())).counts
    [alone] = verdicts if len(verdicts) == 1 else [None]
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=rule.name,
        passed=not failed,
        severity=_severity(rule),
        description="; ".join(f"{p.key}: {v.sentence}" for p, v in list(shown.items())[:3]),
        metadata=metadata,
        target_materialization_data=judged,
        blocking=rule.blocking,
        partition=None if alone is None else multi_key(alone),
    )


def _rows(lake: Lake, contract: Contract, partition: PostPartition) -> pl.LazyFrame:
    return lake.table(contract).scan(
        [{"date": partition.date.isoformat(), "platform": partition.platform}]
    )
