"""``sentiment partitions``: date x platform x layer, from the lake itself."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sentiment_assets.core.layout import PostPartition
    from sentiment_assets.core.silver import SilverRules
    from sentiment_assets.definitions import Settings
    from sentiment_assets.lake.objects import Lake

    #: Rows of a partition in the mart, and since when they stand there.
    Published = Mapping[PostPartition, tuple[int, dt.datetime]]


@click.command()
@click.option("--days", default=8, show_default=True, help="How many days back to look.")
@click.option(
    "--platform", "chosen", multiple=True, help="Only this one; may be given several times."
)
@click.option(
    "--stale", is_flag=True, help="Only silver, gold and mart that are behind, and why they are."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a row.")
def partitions(days: int, chosen: tuple[str, ...], stale: bool, as_json: bool) -> None:
    """Show rows, age and state of each tracked platform's partitions in each layer.

    bronze: how many of the twelve windows are complete, partial or unavailable. silver: whether
    it was made of that bronze by today's rules. gold: whether it was made of that silver, and for
    today's SENTIMENT_MIN_AUTHORS. mart: whether that gold was published to PostgreSQL, where it
    can be asked; its rows are those of all its tables. Below: what is left of the requests that all
    runs share, by platform.
    """
    from rich.console import Console
    from rich.table import Table

    from sentiment_assets.core.layout import PostPartition
    from sentiment_assets.core.platforms import PLATFORMS
    from sentiment_assets.definitions import (
        known_database,
        read_settings,
        requests_left,
        silver_rules,
        storage_url,
    )

    settings = read_settings()
    for platform in chosen:
        if platform not in PLATFORMS:
            raise click.BadParameter(
                f"{platform!r} is not one of {', '.join(PLATFORMS)}", param_hint="--platform"
            )
    tracked = settings.read_tracking().sources
    platforms = [name for name in PLATFORMS if name in (chosen or tracked)]
    lake = settings.open_lake()
    rules = silver_rules(settings)
    today = dt.datetime.now(dt.timezone.utc).date()
    wanted = [
        PostPartition(today - dt.timedelta(days=back), platform)
        for back in range(days - 1, -1, -1)
        for platform in platforms
    ]
    published = _published(settings)
    rows = list(partition_rows(lake, wanted, rules, settings.min_authors, published))
    if stale:
        rows = [row for row in rows if is_behind(row)]
    database = known_database(settings)
    if database is None and (settings.home / "postgres").is_dir():
        # Nothing runs; the embedded server starts in half a second.
        database = storage_url(settings)
    budgets = requests_left(settings, database)
    if as_json:
        left = [
            {
                "platform": platform,
                "requests_left": budget.left,
                "left_for_backfills": budget.left_for_backfills,
                "requests_granted": budget.capacity,
                "period_seconds": budget.period.total_seconds(),
            }
            for platform, budget in budgets.items()
        ]
        click.echo("\n".join(json.dumps(row) for row in (*rows, *left)))
        return
    table = Table(box=None, pad_edge=False, title=f"{lake.origin} lake {lake.location.uri}")
    for title in ("date", "platform", "layer", "rows", "age", "state", *(["why"] if stale else [])):
        table.add_column(title, justify="right" if title in ("rows", "age") else "left")
    for row in rows:
        table.add_row(
            *(str(row[name]) for name in ("date", "platform", "layer")),
            f"{row['rows']:,}",
            _age(row["age_seconds"]),
            str(row["state"]),
            *([str(row["why"])] if stale else []),
        )
    Console().print(table)
    if stale:
        behind = {(row["date"], row["platform"]) for row in rows}
        click.echo(
            f"{len(behind)} of {len(wanted)} partitions are behind; `sentiment reprocess` rebuilds "
            "them in few runs"
            if behind
            else f"nothing is behind in {len(wanted)} partitions"
        )
    for platform, budget in budgets.items():
        click.echo(
            f"{platform}: {budget.left:,} of {budget.capacity:,} requests left, "
            f"{budget.left_for_backfills:,} for backfills; "
            f"a full budget is {_age(round(budget.period.total_seconds()))} of requests"
        )


def partition_rows(
    lake: Lake,
    wanted: list[PostPartition],
    rules: SilverRules,
    min_authors: int,
    published: Published | None = None,
) -> Iterator[dict[str, object]]:
    """One row a partition and layer: date, platform, layer, rows, age_seconds, state, why.

    The mart is a layer where ``published`` says what stands in it: rows, and since when.
    """
    from sentiment_assets.core.contracts import DAILY_SUMMARY, HOURLY_SENTIMENT, SILVER_POSTS
    from sentiment_assets.core.coverage import objects_of
    from sentiment_assets.engine.staleness import behind
    from sentiment_assets.lake.bronze import read_partition

    now = dt.datetime.now(dt.timezone.utc)
    silver = _sizes(lake, SILVER_POSTS.name)
    summary = _sizes(lake, DAILY_SUMMARY.name)
    hourly = _sizes(lake, HOURLY_SENTIMENT.name)
    thresholds = _thresholds(lake, wanted)
    read = {partition: read_partition(lake, partition) for partition in wanted}
    stale = behind(lake, read.values(), rules)
    for partition, bronze in read.items():
        states = Counter(c.state or "missing" for c in bronze.coverage.values())
        fetched = max((m.fetched_at for m in bronze.manifests), default=None)
        found = stale.get(partition)
        told = ", ".join(f"{count} {name}" for name, count in sorted(states.items()))
        if bronze.seal is not None:
            told = f"sealed {bronze.seal.sealed_at:%Y-%m-%d}"
        silver_rows, silver_at = silver.get(partition, (0, None))
        gold_rows, gold_at = hourly.get(partition, (0, None))
        summary_at = summary.get(partition, (0, None))[1]
        if not (bronze.manifests or bronze.seal):
            silver_state = "no bronze"
        else:
            silver_state = f"{len(found.windows)} windows behind" if found else "current"
        if summary_at is None:
            gold_state = "missing" if silver_at else "no silver"
        else:
            gold_state = "behind" if silver_at and gold_at and gold_at < silver_at else "current"
            made_for = thresholds.get(partition)
            if made_for != min_authors:
                gold_state = f"made for {made_for or 'an unknown number of'} authors, behind"
        gold_why = {"missing": "not built yet", "behind": "newer silver"}.get(gold_state, "")
        if gold_state.startswith("made for"):
            gold_why = f"{min_authors} authors are needed now"
        sent = (published or {}).get(partition)
        sent_rows, sent_at = sent or (0, None)
        newest_gold = max((at for at in (gold_at, summary_at) if at), default=None)
        if newest_gold is None:
            mart_state = "no gold"
        elif sent_at is None:
            mart_state = "missing"
        else:
            mart_state = "behind" if sent_at < newest_gold else "current"
        mart_why = {"missing": "not published yet", "behind": "newer gold"}.get(mart_state, "")
        mart = [] if published is None else [("mart", sent_rows, sent_at, mart_state, mart_why)]
        for layer, rows, at, state, why in (
            (
                "bronze",
                sum(stored.records for stored in objects_of(bronze.manifests)),
                fetched,
                told,
                "",
            ),
            ("silver", silver_rows, silver_at, silver_state, "; ".join(found.why) if found else ""),
            ("gold", gold_rows, gold_at or summary_at, gold_state, gold_why),
            *mart,
        ):
            yield {
                "date": partition.date.isoformat(),
                "platform": partition.platform,
                "layer": layer,
                "rows": rows,
                "age_seconds": None if at is None else round((now - at).total_seconds()),
                "state": state,
                "why": why,
            }


def _thresholds(lake: Lake, wanted: list[PostPartition]) -> dict[PostPartition, int | None]:
    """The fewest authors that a shown cell needed when a partition's gold was made."""
    from sentiment_assets.core.contracts import DAILY_SUMMARY
    from sentiment_assets.core.layout import PostPartition

    values = [{"date": p.date.isoformat(), "platform": p.platform} for p in wanted]
    columns = ["date", "platform", "min_authors"]
    rows = lake.table(DAILY_SUMMARY).scan(values, columns).collect()
    return {PostPartition(date, platform): least for date, platform, least in rows.iter_rows()}


def is_behind(row: Mapping[str, object]) -> bool:
    """A row of silver, gold or mart that is not what today's bronze and rules would give."""
    state = str(row["state"])
    return row["layer"] != "bronze" and (state.endswith("behind") or state == "missing")


def _published(settings: Settings) -> Published | None:
    """Rows of all tables by partition, and when the oldest of them was published.

    Null where there is no mart, or it can't be asked, which is told beside the table.
    """
    from sentiment_assets.core.mart import is_dated, published_contracts
    from sentiment_assets.definitions import MartError, MartMissing, mart_reader

    reader = mart_reader(settings)
    embedded = settings.mart_url is None and settings.mart_reader_url is None
    if reader is None or (embedded and not (settings.home / "postgres").is_dir()):
        return None
    found: dict[PostPartition, tuple[int, dt.datetime]] = {}
    try:
        for contract in filter(is_dated, published_contracts().values()):
            for partition, noted in reader.publications(contract).items():
                rows, at = found.get(partition, (0, noted.published_at))
                found[partition] = (rows + noted.rows, min(at, noted.published_at))
    except MartMissing:
        return {}
    except MartError as error:
        click.echo(f"mart: {error}", err=True)
        return None
    finally:
        reader.close()
    return found


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
