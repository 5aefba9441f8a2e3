"""What a computation hands to whoever commits it: rows written, not yet visible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from sentiment_assets.lake.tables import Commit, PartitionKey, Replacement


@dataclass
class StagedTable:
    """A replacement with what its commit should record."""

    replacement: Replacement
    fingerprints: Mapping[PartitionKey, int] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)

    def commit(self) -> Commit | None:
        """Commit; None where no partition is to be replaced."""
        if not self.replacement.partitions:
            return None
        return self.replacement.commit(fingerprints=self.fingerprints, metadata=self.metadata)


def stage_frame(replacement: Replacement, frame: pl.DataFrame) -> StagedTable:
    """Write a small frame's rows into the partitions that they name."""
    for partition in replacement.partitions:
        rows = frame.filter(
            pl.col(name).cast(pl.String) == value for name, value in partition.items()
        )
        replacement.write(partition, [rows])
    return StagedTable(replacement)
