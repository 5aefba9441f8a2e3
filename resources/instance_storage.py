"""Dagster's own storage: PostgreSQL, embedded unless a server is named.

What belongs here: where runs, events and schedules are kept. ``dagster.yaml`` names
:class:`InstanceStorage`; it starts the embedded server on first use, so that `dagster dev` works
without any preparation. The lake doesn't use this server.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage
from dagster_postgres.utils import create_pg_engine
from sqlalchemy.engine import Engine

from resources.embedded_postgres import embedded_postgres
from resources.environments import Settings, read_settings, running_services


def storage_url(settings: Settings) -> str:
    """The URL of Dagster's storage, for SQLAlchemy with psycopg2."""
    if settings.postgres_url is not None:
        return settings.postgres_url.get_secret_value()
    running = running_services(settings.home).get("postgres_url")
    if running is not None:
        return running
    return str(embedded_postgres(settings.home).get_uri(driver="psycopg2"))


@cache
def _engine(url: str, process: int) -> Engine:
    """The connections of this process to the server: one is kept, more are opened when needed."""
    return create_pg_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=1,
        # A run writes from one thread; the daemon and the web server look from many.
        max_overflow=50,
        pool_recycle=600,
        # A server that was started anew has closed it.
        pool_pre_ping=True,
    )


class _EventLog(PostgresEventLogStorage):
    """Dagster's event log, that asks once whether a table is there: none is ever dropped."""

    def __init__(self, postgres_url: str) -> None:
        super().__init__(postgres_url)
        self._tables: set[str] = set()

    def has_table(self, table_name: str) -> bool:
        """The table is there."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables


class InstanceStorage(DagsterPostgresStorage):
    """Runs, events and schedules in PostgreSQL; its address is the setting, not this file's.

    Dagster opens a connection for every statement. A backfill writes some thirty events a
    partition, and half of its time went into connecting.
    """

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(postgres_url, inst_data=inst_data)
        self._event_log_storage = _EventLog(postgres_url)
        # All instances that a process ever opens share one, so that connections don't add up.
        engine = _engine(postgres_url, os.getpid())
        for storage in (self._event_log_storage, self._run_storage, self._schedule_storage):
            storage._engine = engine

    @classmethod
    def config_type(cls) -> Any:
        """No configuration: SENTIMENT_POSTGRES_URL says where, or nothing does."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> InstanceStorage:
        """Made by Dagster when it opens an instance."""
        return cls(storage_url(read_settings()), inst_data=inst_data)
