"""Where the book of alerts is kept: one row in the instance's database, a file, or memory.

What belongs here: changing the book so that two who change it at once can't lose each other's
change. What a change is, is ``core.alerts``.

The book is small (what is wrong now, not what ever was), and each change of it is one decision:
so it is one document, locked as a whole for the milliseconds of a decision. Nothing is sent while
it is locked.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec
import sqlalchemy as sa

from resources.instance_tables import DatabaseUnreachable, connect, in_table
from sentiment_assets.core.alerts import Book

Outcome = TypeVar("Outcome")
#: From the book and the time to the next book and what it gave.
Step = Callable[[Book, datetime], tuple[Book, Outcome]]


class AlertStoreUnreachable(Exception):
    """The book of alerts could not be read or written; nothing was changed."""


class AlertStore(Protocol):
    """Keeps the book."""

    def change(self, step: Step[Outcome]) -> Outcome:
        """Change the book; nobody else changes it meanwhile. ``step`` may run twice.

        Raises:
            AlertStoreUnreachable: the store is lost.
        """

    def close(self) -> None:
        """Close what it holds open; the next use opens it again."""


class MemoryStore:
    """A book that lives as long as the process: for instances in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._book = Book()

    def change(self, step: Step[Outcome]) -> Outcome:
        """Change the book."""
        with self._lock:
            self._book, outcome = step(self._book, _now())
        return outcome

    def close(self) -> None:
        """Nothing to close; the book stays."""


class FileStore:
    """A book in a file: what `sentiment watch` tells when the database itself is lost."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def change(self, step: Step[Outcome]) -> Outcome:
        """Change the book."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                book, outcome = step(_read(file.read()), _now())
                file.seek(0)
                file.write(msgspec.json.encode(book))
                file.truncate()
        except OSError as error:
            raise AlertStoreUnreachable(
                f"{self._path} cannot be written ({error.strerror}); check SENTIMENT_HOME and who "
                "may write there"
            ) from None
        return outcome

    def close(self) -> None:
        """Nothing to close: the file is open only while the book changes."""


class PostgresStore:
    """A book in the instance's database. Time is the database's: hosts need not agree."""

    def __init__(self, url: str) -> None:
        self._engine = connect(url)

    def __repr__(self) -> str:
        return "PostgresStore()"

    def change(self, step: Step[Outcome]) -> Outcome:
        """Change the book in one transaction, which holds the row from its beginning on."""
        try:
            return in_table(self._engine, "sentiment_alerts", _TABLE, lambda: self._transact(step))
        except DatabaseUnreachable as error:
            failure = str(error)
        raise AlertStoreUnreachable(
            f"the instance's database did not answer ({failure}), so alerts are neither read nor "
            "noted; check that it runs where SENTIMENT_POSTGRES_URL says"
        )

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        self._engine.dispose()

    def _transact(self, step: Step[Outcome]) -> Outcome:
        with self._engine.begin() as connection:
            row = connection.execute(_LOCK).one_or_none()
            if row is None:
                connection.execute(_ADD)
                row = connection.execute(_LOCK).one()
            before = _read(row.book.encode())
            after, outcome = step(before, row.now.astimezone(timezone.utc))
            if after != before:
                connection.execute(_KEEP, {"book": msgspec.json.encode(after).decode()})
        return outcome


_TABLE = sa.text("""
    CREATE TABLE IF NOT EXISTS sentiment_alerts (
        singleton integer PRIMARY KEY DEFAULT 1 CHECK (singleton = 1),
        book text NOT NULL,
        changed_at timestamptz NOT NULL
    )
""")
# The time is told outside of the locked query, so that it is read after the wait for the lock.
_LOCK = sa.text("""
    SELECT held.book, clock_timestamp() AS now FROM (
        SELECT book FROM sentiment_alerts FOR UPDATE
    ) AS held
""")
_ADD = sa.text("""
    INSERT INTO sentiment_alerts (book, changed_at) VALUES ('', clock_timestamp())
    ON CONFLICT DO NOTHING
""")
_KEEP = sa.text("UPDATE sentiment_alerts SET book = :book, changed_at = clock_timestamp()")


def _read(document: bytes) -> Book:
    """A book; an empty one where nothing was kept, or by a version that wrote it otherwise.

    Beginning anew tells again what is open, which is better than to tell nothing any more.
    """
    if not document:
        return Book()
    try:
        return msgspec.json.decode(document, type=Book)
    except msgspec.MsgspecError:
        return Book()


def _now() -> datetime:
    return datetime.now(timezone.utc)
