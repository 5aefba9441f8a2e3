"""What changed of the reference tables, and which gold it concerns: read from their own events.

What belongs here: the notes that a reference table's materialization carries, and reading them.
Making the tables is ``assets.reference``; asking for gold is ``sensors``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from sentiment_assets.assets.describe import asset_key
from sentiment_assets.core.contracts import (
    BRANDS,
    CALENDAR,
    CALENDAR_DAYS,
    HOLIDAYS,
    MARKETS,
    TOPIC_VOICE,
)
from sentiment_assets.core.reference import ALL_DATES, Span, spans_in

#: Which reference tables a gold table joins.
JOINED: Mapping[str, tuple[str, ...]] = {
    TOPIC_VOICE.name: (BRANDS.name,),
    CALENDAR_DAYS.name: (CALENDAR.name, HOLIDAYS.name, MARKETS.name),
}

#: Notes of a reference table's materialization: the dates that its change concerns, the stamp of
#: the file that it was made of, and the fingerprint of its content.
CONCERNS = "sentiment/concerns"
STAMP = "sentiment/stamp"
CONTENT = "content_fingerprint"

#: Older changes than these are taken to concern every date.
_REMEMBERED = 100


@dataclass(frozen=True)
class Change:
    """One materialization that changed a reference table."""

    event: int
    spans: tuple[Span, ...]

    def concerns(self, date: dt.date) -> bool:
        """A date's gold is made of what changed."""
        return any(first <= date <= last for first, last in self.spans)


def changes_of(instance: dg.DagsterInstance, tables: Sequence[str]) -> list[Change]:
    """What changed of some reference tables, newest first of each."""
    found = []
    for table in tables:
        records = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=asset_key(table)), limit=_REMEMBERED
        ).records
        found += [
            Change(record.storage_id, tuple(spans_in(note_of(record, CONCERNS))))
            for record in records
        ]
        if len(records) == _REMEMBERED:
            found.append(Change(records[-1].storage_id, (ALL_DATES,)))
    return [change for change in found if change.spans]


def newest_change(changes: Sequence[Change], date: dt.date) -> int:
    """The newest of these events that concerns a date; 0 without one."""
    return max((change.event for change in changes if change.concerns(date)), default=0)


def newest_reference_event(instance: dg.DagsterInstance, table: str) -> int:
    """The newest change of what a gold table joins; noted before it is read."""
    return max((change.event for change in changes_of(instance, JOINED[table])), default=0)


def newest_record(instance: dg.DagsterInstance, asset: dg.AssetKey) -> dg.EventLogRecord | None:
    """The newest materialization of a table without partitions."""
    found = instance.fetch_materializations(dg.AssetRecordsFilter(asset_key=asset), limit=1).records
    return found[0] if found else None


def note_of(record: dg.EventLogRecord | None, name: str) -> str:
    """A note of a materialization; empty where it has none."""
    made = record.asset_materialization if record else None
    note = made.metadata.get(name) if made else None
    return str(note.value) if note else ""
