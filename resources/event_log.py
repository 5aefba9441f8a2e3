"""Dagster's event log in PostgreSQL, in fewer statements: what a run tells, and what it costs.

What belongs here: how events are written. Where the server is, and its connections, are
``instance_storage``'s. A 2-hourly tick of one platform writes some 140 events; one by one, each
with a notification that nobody reads, they took half of what Dagster costs a tick.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from typing import Any

from dagster import DagsterEventType
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.base import EventLogConnection
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster_postgres import PostgresEventLogStorage

#: Dagster hands over the events of one moment together (a run's plan, the partitions of a step), up
#: to so many; without the variable it never does.
BATCH_VARIABLE = "DAGSTER_EVENT_BATCH_SIZE"
BATCH = 200

#: These wait for the next event of their run that is none of them, at most so many, and no longer
#: than a second once another comes. Each is followed, some statements later, by its step's end or
#: its table's materialization: a process that is killed in between loses what nobody decides by,
#: since the step is run again, and its checks with it.
_WAITING = {
    DagsterEventType.STEP_INPUT,
    DagsterEventType.STEP_OUTPUT,
    DagsterEventType.HANDLED_OUTPUT,
    DagsterEventType.ASSET_CHECK_EVALUATION,
}
_MOST_WAITING = 200
_LONGEST_S = 1.0


class EventLog(PostgresEventLogStorage):
    """Dagster's event log; keeps the order of a run's events."""

    def __init__(self, postgres_url: str) -> None:
        super().__init__(postgres_url)
        os.environ.setdefault(BATCH_VARIABLE, str(BATCH))
        self._tables: set[str] = set()
        self._columns: set[str] = set()
        self._lock = threading.Lock()
        #: By run, with the moment of the first.
        self._waiting: dict[str, tuple[float, list[EventLogEntry]]] = {}

    def has_table(self, table_name: str) -> bool:
        """The table is there: asked once, since none is ever dropped."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def has_asset_key_col(self, column_name: str) -> bool:
        """The table of assets has the column: asked once."""
        if column_name not in self._columns and super().has_asset_key_col(column_name):
            self._columns.add(column_name)
        return column_name in self._columns

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, after those of its run that wait; or let it wait."""
        if not event.run_id:
            self._store([event])
            return
        now = time.monotonic()
        with self._lock:
            since, waiting = self._waiting.pop(event.run_id, (now, []))
            waiting.append(event)
            if (
                event.is_dagster_event
                and event.get_dagster_event().event_type in _WAITING
                and len(waiting) < _MOST_WAITING
                and now - since < _LONGEST_S
            ):
                self._waiting[event.run_id] = since, waiting
                return
        self._store(waiting)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of one moment, after those of their runs that wait."""
        kinds = {event.get_dagster_event().event_type for event in events}
        if kinds <= {DagsterEventType.ASSET_MATERIALIZATION, DagsterEventType.ASSET_OBSERVATION}:
            for run_id in {event.run_id for event in events}:
                self._flush(run_id)
            # Dagster's own is one statement for the events, and two for what their asset shows.
            super().store_event_batch(events)
            return
        planned = [e for e in events if not e.get_dagster_event().is_asset_failed_to_materialize]
        if planned:
            self._store(planned)

    def get_records_for_run(self, run_id: str, *args: Any, **kwargs: Any) -> EventLogConnection:
        """Events of a run, those that this process lets wait among them."""
        self._flush(run_id)
        return super().get_records_for_run(run_id, *args, **kwargs)

    def dispose(self) -> None:
        """Store what waits; nothing is stored any more."""
        for run_id in list(self._waiting):
            self._flush(run_id)
        super().dispose()

    def _flush(self, run_id: str) -> None:
        with self._lock:
            _, waiting = self._waiting.pop(run_id, (0.0, []))
        if waiting:
            self._store(waiting)

    def _store(self, events: Sequence[EventLogEntry]) -> None:
        """Write events in their order, and what assets and checks show of them."""
        with self._connect() as connection:
            # PostgreSQL numbers the rows of one statement in the order in which they stand there.
            numbered = connection.execute(
                self.prepare_insert_event_batch(events).returning(SqlEventLogStorageTable.c.id)
            ).scalars()
            ids = [int(number) for number in numbered]
        about_assets = [
            (event, number)
            for event, number in zip(events, ids, strict=True)
            if event.is_dagster_event
            and event.dagster_event_type in ASSET_EVENTS
            and event.get_dagster_event().asset_key
        ]
        if about_assets:
            with self.index_transaction() as connection:
                self._store_asset_event_tags(
                    connection, *map(list, zip(*about_assets, strict=True))
                )
                for event, number in about_assets:
                    self._store_asset_event(connection, event, number)
        for event, number in zip(events, ids, strict=True):
            if event.is_dagster_event and event.dagster_event_type in ASSET_CHECK_EVENTS:
                self.store_asset_check_event(event, number)
