"""Tables of this project in the database of Dagster's instance: connecting, making, failing.

What belongs here: what every such table needs. What one holds stands in its own file:
``rate_budget``, ``alert_store``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, ProgrammingError, SQLAlchemyError

#: For connecting, and for each statement; libpq knows no shorter time for the former.
PATIENCE_S = 2

Outcome = TypeVar("Outcome")


class DatabaseUnreachable(Exception):
    """The database did not answer; says the class of what went wrong and nothing else."""


def connect(url: str, *, durable: bool = True) -> sa.Engine:
    """Connections that never wait long; one stays open between uses.

    Args:
        url: of the database, for SQLAlchemy.
        durable: a commit has reached the disk when it returns; else a crash of the server may
            forget the last half second.
    """
    engine = sa.create_engine(
        url,
        pool_size=1,
        pool_timeout=PATIENCE_S,
        hide_parameters=True,
        connect_args={
            "connect_timeout": PATIENCE_S,
            # A host that is gone answers nothing, not even that it is gone.
            "tcp_user_timeout": PATIENCE_S * 1000,
            "keepalives_idle": PATIENCE_S,
            "keepalives_interval": 1,
            "keepalives_count": PATIENCE_S,
        },
    )

    @sa.event.listens_for(engine, "connect")
    def _impatient(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET statement_timeout = '{PATIENCE_S}s'")
            if not durable:
                cursor.execute("SET synchronous_commit = off")
        connection.commit()

    return engine


def in_table(
    engine: sa.Engine, name: str, statement: sa.TextClause, transact: Callable[[], Outcome]
) -> Outcome:
    """Run a transaction, once more where the table had to be made or the connection was lost.

    Args:
        engine: whose connections ``transact`` uses.
        name: of the table.
        statement: makes it.
        transact: what to run; at most twice.

    Raises:
        DatabaseUnreachable: neither attempt was answered.
    """
    try:
        try:
            return transact()
        except ProgrammingError as error:
            if not is_missing_table(error):
                raise
            make_table(engine, name, statement)
        except DBAPIError as error:
            # The server closed the connection since its last use; the next is a new one.
            if not error.connection_invalidated:
                raise
        return transact()
    except SQLAlchemyError as error:
        failure = kind_of_error(error)
    # Raised outside of the handlers: their messages may quote the database's address.
    raise DatabaseUnreachable(failure)


def make_table(engine: sa.Engine, name: str, statement: sa.TextClause) -> None:
    """Run CREATE TABLE IF NOT EXISTS, which alone fails where two processes do it at once."""
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})
        connection.execute(statement)


def is_missing_table(error: DBAPIError) -> bool:
    """Whether the statement failed because nobody has made the table yet."""
    return getattr(error.orig, "pgcode", None) == "42P01"


def kind_of_error(error: SQLAlchemyError) -> str:
    """The class of what went wrong; the message may quote the database's address."""
    return type(error.orig if isinstance(error, DBAPIError) else error).__name__
