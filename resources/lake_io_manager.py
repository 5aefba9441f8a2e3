"""The Dagster face of the lake: commits what assets staged, and reads tables for who asks.

What belongs here: Dagster contexts in, lake calls out. The lake is ``sentiment_assets.lake``.
"""

from __future__ import annotations

import dagster as dg
import polars as pl

from sentiment_assets.assets.failures import is_permanent
from sentiment_assets.core.contracts import CONTRACTS
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.staged import StagedTable
from sentiment_assets.lake.tables import Replacement


class LakeIOManager(dg.IOManager):
    """Commits a :class:`StagedTable`; loads an input as a lazy frame of just its partitions."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def handle_output(self, context: dg.OutputContext, obj: StagedTable) -> None:
        """Commit once for all partitions of the run.

        A conflict or a storage error is left to the asset's retries, which run the computation
        again. A failed audit, say, is final: the same rows would fail again.
        """
        table = obj.replacement.table
        try:
            commit = obj.commit()
        except Exception as error:
            if not is_permanent(error):
                raise
            raise dg.Failure(
                f"{table.contract.name}: {error} Nothing was committed.", allow_retries=False
            ) from error
        facts: dict[str, int | str] = {
            "path": table.uri,
            "origin": self._lake.origin,
            "contract_version": table.contract.version,
        }
        if commit is None:
            facts["committed"] = "nothing: the table is up to date"
        else:
            facts |= {
                "commit_rows": commit.rows,
                "commit_bytes": commit.bytes,
                "commit_files": commit.files,
                "replaced_files": commit.replaced_files,
                "table_version": commit.version,
            }
        context.add_output_metadata(facts)
        self._add_sizes(context, obj.replacement)

    def _add_sizes(self, context: dg.OutputContext, replacement: Replacement) -> None:
        """Tell what each partition holds now: a run may be about many."""
        asked = [PostPartition.from_key(key) for key in context.asset_partition_keys]
        sizes = {
            PostPartition(date, platform): {
                "dagster/row_count": rows,
                "bytes": size,
                "files": files,
            }
            for date, platform, rows, size, files in replacement.partition_sizes(
                [{"date": p.date.isoformat(), "platform": p.platform} for p in asked]
            )
            .group_by("date", "platform")
            .agg(pl.col("rows", "bytes", "files").sum())
            .iter_rows()
        }
        empty = {"dagster/row_count": 0, "bytes": 0, "files": 0}
        for key in context.asset_partition_keys:
            context.step_context.add_asset_metadata(
                sizes.get(PostPartition.from_key(key), empty), context.asset_key, key
            )

    def load_input(self, context: dg.InputContext) -> pl.LazyFrame:
        """The input's partitions, lazily; the whole table where it names none."""
        contract = CONTRACTS["/".join(context.asset_key.path)]
        partitions = None
        if context.has_asset_partitions:
            wanted = [PostPartition.from_key(key) for key in context.asset_partition_keys]
            partitions = [{"date": p.date.isoformat(), "platform": p.platform} for p in wanted]
        return self._lake.table(contract).scan(partitions)
