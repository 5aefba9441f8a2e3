"""Maintenance assets: the upkeep of each Delta table and of bronze, once a day.

What belongs here: asking which runs are under way, calling ``lake.maintenance``, and telling what
it did. An asset for each table, so that each table's upkeep has a history, figures and alerts of
its own in the UI.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import dagster as dg

from sentiment_assets.assets.bronze import BATCH_POSTS_KEY
from sentiment_assets.assets.describe import RETRIES, asset_key
from sentiment_assets.assets.failures import permanent_failures_are_final
from sentiment_assets.core.contracts import CONTRACTS, REFERENCE_CONTRACTS, Contract
from sentiment_assets.lake.maintenance import Maintained, Swept, Upkeep, maintain, sweep_bronze
from sentiment_assets.lake.objects import Lake
from sentiment_assets.under_way import runs_under_way

GROUP = "maintenance"

#: One table at a time, and never in the way of what makes data.
POOL = "maintenance"


class MaintenanceConfig(dg.Config):
    """How to maintain: ``dry_run`` tells what would be done and touches nothing."""

    dry_run: bool = False


def maintenance_key(of: dg.AssetKey) -> dg.AssetKey:
    """The maintenance asset of another asset: ``silver/posts`` has ``maintenance/silver_posts``."""
    return dg.AssetKey([GROUP, "_".join(of.path)])


def maintenance_asset(
    contract: Contract, what: str
) -> Callable[[Callable[..., dg.MaterializeResult[None]]], dg.AssetsDefinition]:
    """Decorate the body of a table's maintenance asset; ``what`` says what it does, for people."""
    asset = dg.asset(
        key=maintenance_key(asset_key(contract.name)),
        description=f"Upkeep of `{contract.name}`: {what}",
        deps=[asset_key(contract.name)],
        group_name=GROUP,
        owners=[contract.owner],
        kinds={"deltalake"},
        tags={"layer": contract.layer},
        retry_policy=RETRIES,
        pool=POOL,
    )
    return lambda body: asset(permanent_failures_are_final(body))


def _maintenance_of(contract: Contract) -> dg.AssetsDefinition:
    @maintenance_asset(
        contract,
        "many small files made few, a checkpoint, old entries of the log and files that nobody "
        "needs removed. Rows are never touched.",
    )
    def maintenance(
        context: dg.AssetExecutionContext,
        config: MaintenanceConfig,
        lake: dg.ResourceParam[Lake],
        upkeep: dg.ResourceParam[Upkeep],
    ) -> dg.MaterializeResult[None]:
        # Asked first: who is not among them has ended, and what it committed is seen.
        under_way = {record.dagster_run.run_id for record in runs_under_way(context.instance)}
        done = maintain(
            lake.table(contract),
            upkeep,
            run_id=context.run.run_id,
            under_way=under_way,
            now=dt.datetime.now(dt.timezone.utc),
            dry_run=config.dry_run,
        )
        return dg.MaterializeResult(metadata=facts_of(done, config.dry_run))

    return maintenance


def facts_of(done: Maintained | Swept, dry_run: bool) -> dict[str, Any]:
    """What was done, as metadata."""
    figures = {name: value for name, value in asdict(done).items() if value is not None}
    return figures | {"dry_run": dry_run}


@dg.asset(
    key=maintenance_key(BATCH_POSTS_KEY),
    description=(
        "Upkeep of bronze: removes the objects of fetches that died before they wrote a manifest. "
        "Nothing reads them, and they hold personal data."
    ),
    deps=[BATCH_POSTS_KEY],
    group_name=GROUP,
    owners=["team:data-platform"],
    kinds={"json"},
    tags={"layer": "bronze"},
    retry_policy=RETRIES,
    pool=POOL,
)
@permanent_failures_are_final
def bronze_maintenance(
    context: dg.AssetExecutionContext,
    config: MaintenanceConfig,
    lake: dg.ResourceParam[Lake],
    upkeep: dg.ResourceParam[Upkeep],
) -> dg.MaterializeResult[None]:
    """Remove what no manifest lists and no run may come back to."""
    begun = [
        record.create_timestamp
        for record in runs_under_way(context.instance)
        if record.dagster_run.run_id != context.run.run_id
    ]
    done = sweep_bronze(lake, written_before(upkeep, begun), dry_run=config.dry_run)
    return dg.MaterializeResult(metadata=facts_of(done, config.dry_run))


def written_before(upkeep: Upkeep, begun: Iterable[dt.datetime]) -> dt.datetime:
    """Until when what is unfinished was left for good: the grace, or the oldest run's begin."""
    return min([dt.datetime.now(dt.timezone.utc) - upkeep.grace, *begun])


#: In the order of the graph.
MAINTENANCE = [
    bronze_maintenance,
    *map(_maintenance_of, (*CONTRACTS.values(), *REFERENCE_CONTRACTS.values())),
]
