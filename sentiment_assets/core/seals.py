"""Sealed partitions: dates whose bronze is about to go, so that silver can't be made of it again.

What belongs here: what a seal says. Writing and finding seals is ``lake.seals``; sealing, which
asks whether silver has everything, is ``engine.sealing``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from msgspec import Struct

from sentiment_assets.core.coverage import BronzeObject, WindowCoverage
from sentiment_assets.core.layout import PostPartition, Window


class SealedWindow(Struct, frozen=True):
    """What bronze held of a window when its date was sealed, all of it in silver."""

    coverage: WindowCoverage
    #: Paths of the objects that silver consumed: whatever else lies there came later.
    objects: list[str]
    records: int


class Seal(Struct, frozen=True):
    """A partition's silver is final. Posts that still come go to quarantine."""

    platform: str
    date: dt.date
    sealed_at: dt.datetime
    reason: str
    windows: list[SealedWindow]

    @property
    def partition(self) -> PostPartition:
        """Whose seal it is."""
        return PostPartition(self.date, self.platform)

    @property
    def coverage(self) -> dict[Window, WindowCoverage]:
        """What was fetched of each window: its manifests may be gone."""
        return {sealed.coverage.window: sealed.coverage for sealed in self.windows}

    @property
    def records(self) -> int:
        """Bronze records that silver was made of."""
        return sum(sealed.records for sealed in self.windows)

    def late(self, window: Window, objects: Sequence[BronzeObject]) -> list[BronzeObject]:
        """Those of a window's objects that came after the seal."""
        consumed = self._consumed.get(window, frozenset())
        return [stored for stored in objects if stored.path not in consumed]

    @property
    def _consumed(self) -> Mapping[Window, frozenset[str]]:
        return {sealed.coverage.window: frozenset(sealed.objects) for sealed in self.windows}
