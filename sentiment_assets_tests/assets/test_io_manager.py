"""The IO manager for assets that others add: lazy inputs of just the partitions they ask for."""

import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from resources.lake_io_manager import LakeIOManager
from sentiment_assets.core.contracts import CONTRACTS, SILVER_POSTS
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets.lake.staged import stage_frame
from sentiment_assets.partitions import POST_PARTITIONS, range_tags
from sentiment_assets_tests.assets.conftest import DAYS, Built
from sentiment_assets_tests.local_platform import TODAY, YESTERDAY

POSTS = dg.AssetKey(["silver", "posts"])
TREND = dg.AssetKey(["gold", "daily_trend"])


@pytest.fixture(params=["disk", "s3"])
def lake(request: pytest.FixtureRequest, built: Built, tmp_path: Path) -> Lake:
    """A copy of the four days' tables on each kind of storage."""
    source = built.platform.lake
    if request.param == "disk":
        shutil.copytree(source.location.uri, tmp_path / "lake")
        return Lake.open(LakeLocation(str(tmp_path / "lake"), "simulated"))
    server = request.getfixturevalue("s3_endpoint")
    uri = f"s3://{server.new_bucket()}/lake"
    lake = Lake.open(LakeLocation(uri, "simulated", server.storage_options))
    for table in ("silver/posts", "gold/daily_trend"):
        for stored in source.objects.list(table):
            lake.objects.put(stored.path, source.objects.get(stored.path))
    return lake


def materialize(
    lake: Lake, asset: dg.AssetsDefinition, partitions: Sequence[PostPartition] = ()
) -> None:
    """Run an asset that reads tables of the lake."""
    single = partitions[0].key if len(partitions) == 1 else None
    result = dg.materialize(
        [asset, dg.AssetSpec(POSTS, partitions_def=POST_PARTITIONS)],
        selection=[asset.key],
        partition_key=single,
        tags=range_tags(partitions) if len(partitions) > 1 else None,
        resources={"lake_io_manager": LakeIOManager(lake)},
    )
    assert result.success


def reader(seen: list[pl.DataFrame], **options: Any) -> dg.AssetsDefinition:
    """An asset that collects its input ``posts`` and returns nothing."""

    @dg.asset(
        ins={"posts": dg.AssetIn(key=POSTS, input_manager_key="lake_io_manager")},
        backfill_policy=dg.BackfillPolicy.single_run(),
        **options,
    )
    def reading(posts: pl.LazyFrame) -> None:
        assert isinstance(posts, pl.LazyFrame)
        seen.append(posts.select("date", "platform", "post_pid").collect())

    return reading


def all_posts(lake: Lake) -> pl.DataFrame:
    return lake.table(SILVER_POSTS).scan().select("date", "platform", "post_pid").collect()


def delete_files_but_of(lake: Lake, kept: Sequence[PostPartition]) -> None:
    """Whoever opens a file of another partition now fails."""
    lake.objects.delete(
        stored.path
        for stored in lake.objects.list("silver/posts")
        if stored.path.endswith(".parquet")
        and not any(f"/{partition.folder}/" in stored.path for partition in kept)
    )


@pytest.mark.parametrize("asked", [[TODAY], [YESTERDAY, TODAY]], ids=["one", "range"])
def test_an_input_opens_only_the_files_of_its_partitions(
    lake: Lake, asked: list[PostPartition]
) -> None:
    dates = [partition.date for partition in asked]
    expected = all_posts(lake).filter(pl.col("date").is_in(dates))
    assert expected["date"].n_unique() == len(asked)
    delete_files_but_of(lake, asked)
    seen: list[pl.DataFrame] = []
    materialize(lake, reader(seen, partitions_def=POST_PARTITIONS), asked)
    assert seen[0].sort("post_pid").equals(expected.sort("post_pid"))


def test_an_asset_without_partitions_reads_the_whole_table(lake: Lake) -> None:
    seen: list[pl.DataFrame] = []
    materialize(lake, reader(seen))
    assert seen[0].sort("post_pid").equals(all_posts(lake).sort("post_pid"))
    assert seen[0]["date"].n_unique() == len(DAYS)


def test_one_run_commits_many_partitions_at_once(lake: Lake) -> None:
    table = lake.table(CONTRACTS["gold/daily_trend"])
    before = table.scan().collect().sort("date", "topic")
    version = table.version
    values = [{"date": p.date.isoformat(), "platform": p.platform} for p in (YESTERDAY, TODAY)]

    @dg.asset(
        key=TREND,
        io_manager_key="lake_io_manager",
        partitions_def=POST_PARTITIONS,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def halved(context: dg.AssetExecutionContext) -> Any:
        frame = table.scan(values).filter(pl.col("topic") == "all").collect()
        return stage_frame(table.begin(values, str(uuid.uuid4())), frame)

    materialize(lake, halved, [YESTERDAY, TODAY])
    after = table.scan().collect().sort("date", "topic")
    changed = pl.col("date").is_in([YESTERDAY.date, TODAY.date])
    assert after.equals(before.filter(~changed | (pl.col("topic") == "all")))
    assert table.version == version + 1
    delete_files_but_of(lake, [])
    assert lake.table(CONTRACTS["gold/daily_trend"]).scan().collect().height == after.height
