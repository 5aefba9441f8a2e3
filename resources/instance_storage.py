"""Dagster's own storage: PostgreSQL, embedded unless a server is named.

What belongs here: where runs, events and schedules are kept. ``dagster.yaml`` names
:class:`InstanceStorage`; it starts the embedded server on first use, so that `dagster dev` works
without any preparation. The lake doesn't use this server.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any

from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage, PostgresRunStorage
from dagster_postgres.utils import create_pg_engine
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import InvalidatePoolError

from resources.embedded_postgres import embedded_postgres
from resources.event_log import EventLog
from resources.running_services import running_services
from resources.settings import Settings, read_settings

#: A connection that was used so lately is taken as it is, unless something waits on it.
_TRUSTED_S = 30.0
#: When a connection was used last, in its pool's own notes of it.
_USED = "sentiment.used_at"


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
    engine = create_pg_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=1,
        # A run writes from one thread; the daemon and the web server look from many.
        max_overflow=50,
        pool_recycle=600,
    )

    @event.listens_for(engine, "checkout")
    def _look(connection: Any, record: Any, _proxy: object) -> None:
        # A question to the server before each statement would be as many as the statements.
        idle = time.monotonic() - record.info.get(_USED, 0.0)
        if (idle > _TRUSTED_S or _has_news(connection)) and not _answers(engine, connection):
            raise InvalidatePoolError("the server has closed the connection")

    @event.listens_for(engine, "checkin")
    def _note(_connection: object, record: Any) -> None:
        record.info[_USED] = time.monotonic()

    return engine


def _has_news(connection: Any) -> bool:
    """Something waits on the connection, though nothing was asked: its end, most likely."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _answers(engine: Engine, connection: Any) -> bool:
    try:
        return bool(engine.dialect.do_ping(connection))
    except engine.dialect.loaded_dbapi.Error:
        return False


class _Runs(PostgresRunStorage):
    """Dagster's runs, that ask once whether a column is there: none is ever dropped."""

    @cached_property
    def _has_run_stats(self) -> bool:
        return super().has_run_stats_index_cols()

    @cached_property
    def _has_backfill_id(self) -> bool:
        return super().has_backfill_id_column()

    def has_run_stats_index_cols(self) -> bool:
        """Runs have columns for their start and end."""
        return self._has_run_stats

    def has_backfill_id_column(self) -> bool:
        """Runs have a column for their backfill."""
        return self._has_backfill_id


class InstanceStorage(DagsterPostgresStorage):
    """Runs, events and schedules in PostgreSQL; its address is the setting, not this file's.

    Dagster opens a connection for every statement. A backfill writes some thirty events a
    partition, and half of its time went into connecting.
    """

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(postgres_url, inst_data=inst_data)
        self._event_log_storage = EventLog(postgres_url)
        self._run_storage = _Runs(postgres_url)
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
