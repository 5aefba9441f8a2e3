"""Where the pages read gold: the lake itself, or the PostgreSQL mart.

What belongs here: one small protocol, and the stores behind it. Which columns and rows a page needs
is ``queries.py``; every call here opens only the days, the platform and the columns that are asked
for.

A store is made for one run of a page and looks at a table's version once: what a page shows is of
one moment, and the next run sees what is new.
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from resources.postgres import MartReader
from sentiment_assets.core.contracts import Contract
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.tables import Table

_DAY = dt.timedelta(days=1)


class GoldStore(Protocol):
    """What a page asks of gold."""

    @property
    def place(self) -> str:
        """What is read, in words for the page's foot."""

    @property
    def address(self) -> str:
        """Tells one store's rows from another's in a cache; holds no secret."""

    def rows(
        self,
        contract: Contract,
        first: dt.date,
        last: dt.date,
        platform: str | None,
        columns: Sequence[str],
        equal: Mapping[str, str],
    ) -> pl.DataFrame:
        """Rows of these days, of one platform or of all, where these columns hold these values."""

    def partition_sizes(self, contract: Contract) -> pl.DataFrame:
        """Each partition that holds rows: date, platform, rows, modified_at (UTC)."""

    def version(self, contract: Contract) -> str:
        """Changes whenever something of the table does."""


@dataclass
class LakeStore:
    """Gold's Delta tables, read through their log."""

    lake: Lake
    _tables: dict[str, Table] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Gold itself."""
        return "gold's own tables"

    @property
    def address(self) -> str:
        """The lake's address, shortened: it stands in keys of a cache alone."""
        return f"lake {zlib.crc32(self.lake.location.uri_of('gold').encode()):08x}"

    def rows(
        self,
        contract: Contract,
        first: dt.date,
        last: dt.date,
        platform: str | None,
        columns: Sequence[str],
        equal: Mapping[str, str],
    ) -> pl.DataFrame:
        """See :meth:`GoldStore.rows`: only the files of these days are opened."""
        days = [(first + day * _DAY).isoformat() for day in range((last - first).days + 1)]
        partitions = [
            {"date": day} if platform is None else {"date": day, "platform": platform}
            for day in days
        ]
        rows = self._table(contract).scan(partitions)
        for name, value in equal.items():
            rows = rows.filter(pl.col(name) == value)
        return rows.select(columns).collect()

    def partition_sizes(self, contract: Contract) -> pl.DataFrame:
        """See :meth:`GoldStore.partition_sizes`: what the table's log says."""
        return self._table(contract).partition_sizes()

    def version(self, contract: Contract) -> str:
        """The newest version of the table's log."""
        return str(self._table(contract).version)

    def _table(self, contract: Contract) -> Table:
        known = self._tables.get(contract.name)
        if known is None:
            known = self._tables[contract.name] = self.lake.table(contract).as_of_now()
        return known


@dataclass
class MartStore:
    """The PostgreSQL mart, read as ``bi_reader``."""

    reader: MartReader
    _versions: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """The mart."""
        return "the PostgreSQL mart"

    @property
    def address(self) -> str:
        """Host and database."""
        return f"mart {self.reader.address.shown}"

    def rows(
        self,
        contract: Contract,
        first: dt.date,
        last: dt.date,
        platform: str | None,
        columns: Sequence[str],
        equal: Mapping[str, str],
    ) -> pl.DataFrame:
        """See :meth:`GoldStore.rows`: a query with these conditions."""
        return self.reader.rows(contract, first, last, platform, columns, equal)

    def partition_sizes(self, contract: Contract) -> pl.DataFrame:
        """See :meth:`GoldStore.partition_sizes`: what was published."""
        return self.reader.partition_sizes(contract)

    def version(self, contract: Contract) -> str:
        """Made of every publication of the table."""
        known = self._versions.get(contract.name)
        if known is None:
            known = self._versions[contract.name] = self.reader.version(contract)
        return known
