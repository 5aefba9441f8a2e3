"""``sentiment partitions``: date x platform x layer, from the lake itself."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sentiment_assets.core.layout import PostPartition
    from sentiment_assets.core.silver import SilverRules
    from sentiment_assets.lake.objects import Lake


@click.command()
@click.option("--days", default=8, show_default=True, help="How many days back to look.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a row.")
def partitions(days: int, as_json: bool) -> None:
    """Show rows, age and state of each partition in each layer.

    bronze: how many of the twelve windows are complete, partial or unavailable. silver: whether
    it was made of that bronze by today's rules. gold: whether it was made of that silver.
    """
    from rich.console import Console
    from rich.table import Table

    from sentiment_assets.core.layout import PLATFORMS, PostPartition
    from sentiment_assets.definitions import read_settings, silver_rules

    chosen = read_settings()
    lake = chosen.open_lake()
    rules = silver_rules(chosen)
    today = dt.datetime.now(dt.timezone.utc).date()
    wanted = [
        PostPartition(today - dt.timedelta(days=back), platform)
        for back in range(days - 1, -1, -1)
        for platform in PLATFORMS
    ]
    rows = list(partition_rows(lake, wanted, rules))
    if as_json:
        click.echo("\n".join(json.dumps(row) for row in rows))
        return
    table = Table(box=None, pad_edge=False, title=f"{lake.origin} lake {lake.location.uri}")
    for title in ("date", "platform", "layer", "rows", "age", "state"):
        table.add_column(title, justify="right" if title in ("rows", "age") else "left")
    for row in rows:
        table.add_row(
            *(str(row[name]) for name in ("date", "platform", "layer")),
            f"{row['rows']:,}",
            _age(row["age_seconds"]),
            str(row["state"]),
        )
    Console().print(table)


def partition_rows(
    lake: Lake, wanted: list[PostPartition], rules: SilverRules
) -> Iterator[dict[str, object]]:
    """One row a partition and layer: date, platform, layer, rows, age_seconds, state."""
    from sentiment_assets.core.contracts import DAILY_SUMMARY, HOURLY_SENTIMENT, SILVER_POSTS
    from sentiment_assets.engine.in_process import stale_windows
    from sentiment_assets.lake.bronze import read_partition

    now = dt.datetime.now(dt.timezone.utc)
    silver = _sizes(lake, SILVER_POSTS.name)
    summary = _sizes(lake, DAILY_SUMMARY.name)
    hourly = _sizes(lake, HOURLY_SENTIMENT.name)
    for partition in wanted:
        bronze = read_partition(lake, partition)
        states = Counter(c.state or "missing" for c in bronze.coverage.values())
        fetched = max((m.fetched_at for m in bronze.manifests), default=None)
        stale = stale_windows(lake, partition, rules) if bronze.manifests else []
        silver_rows, silver_at = silver.get(partition, (0, None))
        gold_rows, gold_at = hourly.get(partition, (0, None))
        summary_at = summary.get(partition, (0, None))[1]
        if not bronze.manifests:
            silver_state = "no bronze"
        else:
            silver_state = f"{len(stale)} windows behind" if stale else "current"
        if summary_at is None:
            gold_state = "missing" if silver_at else "no silver"
        else:
            gold_state = "behind" if silver_at and gold_at and gold_at < silver_at else "current"
        for layer, rows, at, state in (
            (
                "bronze",
                sum(o.records for m in bronze.manifests for o in m.objects),
                fetched,
                ", ".join(f"{count} {name}" for name, count in sorted(states.items())),
            ),
            ("silver", silver_rows, silver_at, silver_state),
            ("gold", gold_rows, gold_at or summary_at, gold_state),
        ):
            yield {
                "date": partition.date.isoformat(),
                "platform": partition.platform,
                "layer": layer,
                "rows": rows,
                "age_seconds": None if at is None else round((now - at).total_seconds()),
                "state": state,
            }


def _sizes(lake: Lake, table: str) -> dict[PostPartition, tuple[int, dt.datetime | None]]:
    import polars as pl

    from sentiment_assets.core.contracts import CONTRACTS
    from sentiment_assets.core.layout import PostPartition

    sizes = (
        lake.table(CONTRACTS[table])
        .partition_sizes()
        .group_by("date", "platform")
        .agg(pl.col("rows").sum(), pl.col("modified_at").max())
    )
    return {PostPartition(d, p): (rows, at) for d, p, rows, at in sizes.iter_rows()}


def _age(seconds: object) -> str:
    if not isinstance(seconds, int):
        return "·"
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
