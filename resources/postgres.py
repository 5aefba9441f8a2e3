"""The PostgreSQL mart: connecting to it, what its errors mean, reading it.

What belongs here: sessions of the mart's roles, and questions pushed down to SQL. How its schema is
made is ``mart_schema``, how gold comes into it ``mart_publisher``.

Each transaction takes its role and its limits for itself alone (SET LOCAL), so that connections can
come through a pooler that hands them on after each transaction.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from resources.embedded_postgres import embedded_postgres
from resources.mart_tables import PUBLICATION, SCHEMA
from sentiment_assets.core.contracts import Contract
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.mart import Publication, is_dated
from sentiment_assets.lake.files import polars_schema
from sentiment_assets.privacy.postgres import MART_OWNER, MART_READER, grants

#: Seconds to connect in, and to notice that a server is gone.
PATIENCE_S = 10
#: For a lock; another publisher's transaction takes seconds.
LOCK_TIMEOUT = "60s"
#: Rows that are taken from the server at a time.
FETCH_ROWS = 20_000
_LOCAL_HOSTS = ("", "localhost", "127.0.0.1", "::1")
#: What stands for a table without dates in ``mart.publication``.
WHOLE = PostPartition(dt.date.min, "all")


class MartError(Exception):
    """The mart could not be written or read; nothing of it was changed."""

    #: Another try may succeed.
    retryable = False


class MartUnreachable(MartError):
    """The server is gone, starts, or had to choose between two transactions: it will pass."""

    retryable = True


class MartRefused(MartError):
    """The server's answer will be the same the next time."""


class MartMissing(MartRefused):
    """Nobody has made its tables yet: the first publish will."""


@dataclass(frozen=True)
class MartAddress:
    """Where a mart is, and how it is called in messages. Prints no secret."""

    #: What libpq connects to.
    conninfo: str = field(repr=False)
    #: The setting that said so.
    setting: str
    #: The home whose embedded server this is; null for any other server.
    home: Path | None = None

    @property
    def shown(self) -> str:
        """Host and database, without account and password."""
        parts = conninfo_to_dict(self.conninfo)
        port = f":{parts['port']}" if parts.get("port") else ""
        return f"{parts.get('host') or 'localhost'}{port}/{parts.get('dbname') or ''}"

    @property
    def psql(self) -> str:
        """How to look at an embedded server; empty for others, whose accounts are one's own."""
        if self.home is None:
            return ""
        host = conninfo_to_dict(embedded_postgres(self.home).get_uri())["host"]
        return f'psql "{make_conninfo(self.conninfo, host=str(host))}"'


def address_of(url: str, setting: str) -> MartAddress:
    """The address that a setting names.

    A server on another machine is spoken to by TLS, unless the address says otherwise.

    Raises:
        ValueError: libpq doesn't understand it; the message holds nothing of it.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("must begin with postgresql://")
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # libpq quotes what it doesn't understand: it may be a password.
        parts = {}
    ports = str(parts.get("port") or "0").split(",")
    # An @ in a password would make its end a part of the host, which messages show.
    if (
        not parts.get("dbname")
        or "@" in str(parts.get("host"))
        or not all(port.isdigit() for port in ports)
    ):
        raise ValueError(
            "must be an address that libpq understands, with a database; what is special in a "
            "password is written as %40 for @, %2F for /"
        )
    host = str(parts.get("host") or "")
    if host not in _LOCAL_HOSTS and not host.startswith("/") and not parts.get("sslmode"):
        url = make_conninfo(url, sslmode="require")
    return MartAddress(url, setting)


def embedded_address(home: Path, origin: str) -> MartAddress:
    """The mart on a home's embedded server: a database for simulated posts, another for live ones.

    The server is started when it is connected to; until then only its place is known.
    """
    conninfo = make_conninfo(
        user="postgres", host=str(home / "postgres"), dbname=f"{SCHEMA}_{origin}"
    )
    return MartAddress(conninfo, "SENTIMENT_MART_URL", home)


def connect(address: MartAddress) -> psycopg.Connection[Any]:
    """Open a connection; an embedded server is started, and its database and roles are made.

    Raises:
        MartError: there is none to be had; which kind says whether that will pass.
    """
    with told(address):
        if address.home is None:
            return _open(address.conninfo)
        server = embedded_postgres(address.home)
        # The socket's folder is the server's to choose: a path may be too long for one.
        place = str(conninfo_to_dict(server.get_uri())["host"])
        conninfo = make_conninfo(address.conninfo, host=place)
        try:
            return _open(conninfo)
        except psycopg.OperationalError as error:
            exists = "does not exist" not in str(error)
        if exists:
            # A server that this process holds, and that has ended since, is started by nobody else.
            server.ensure_postgres_running()
        else:
            _make_embedded(make_conninfo(conninfo, dbname="postgres"), address)
        return _open(conninfo)


def _open(conninfo: str) -> psycopg.Connection[Any]:
    return psycopg.connect(
        conninfo,
        # A pooler hands the connection on, and with it what was prepared.
        prepare_threshold=None,
        connect_timeout=PATIENCE_S,
        keepalives_idle=PATIENCE_S,
        keepalives_interval=1,
        keepalives_count=PATIENCE_S,
    )


def _make_embedded(maintenance: str, address: MartAddress) -> None:
    """Make the database; another process may do so at the same moment."""
    name = str(conninfo_to_dict(address.conninfo)["dbname"])
    with psycopg.connect(maintenance, autocommit=True) as connection:
        # Held to the end of the session.
        connection.execute("SELECT pg_advisory_lock(hashtext('sentiment mart'))")
        exists = connection.execute("SELECT FROM pg_database WHERE datname = %s", [name])
        if exists.fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        with psycopg.connect(make_conninfo(maintenance, dbname=name), autocommit=True) as own:
            own.execute(grants().encode())


@contextlib.contextmanager
def told(address: MartAddress) -> Iterator[None]:
    """Tell what went wrong in one sentence, without what the server said of rows and addresses.

    Raises:
        MartUnreachable, MartRefused: instead of psycopg's errors.
    """
    try:
        yield
    except psycopg.Error as error:
        # The server's message may quote the address, or a row.
        raise _meaning(error, address) from None


#: SQLSTATEs, or their first two letters, of what passes by itself.
_PASSING = ("08", "40", "53", "57", "55P03", "25P03")
#: Before a session there is no SQLSTATE: what libpq says in English is all there is.
_REFUSALS = {
    "authentication failed": "the server does not take the account or its password",
    "no password supplied": "the server asks for a password, and none is given",
    "no pg_hba.conf entry": "the server lets no such account in from here (pg_hba.conf)",
    "root certificate file": "the file that sslrootcert names cannot be read",
    "certificate verify failed": "the server's certificate is not one that sslrootcert vouches for",
    "does not match host name": "the server's certificate is for another name than the address has",
    "server does not support SSL": "the server speaks no TLS, which sslmode asks for",
    "does not exist": "there is no such database or account on the server",
    "permission denied": "the account may not connect to the database",
    "not currently accepting connections": "the database takes no connections",
}
_BY_STATE = {
    "28": "the server does not take the account or its password",
    "3D": "there is no such database on the server",
    "42501": "the account lacks a right: run `sentiment access policy postgres` as an "
    "administrator, and make the account a member of the role (docs/mart.md)",
    "42P01": "a table of the mart is missing: run `sentiment mart upgrade`",
    "55000": "a table with a month's name holds rows and is no part of its table: rename it, or "
    "attach it again",
    "3F000": "there is no schema mart: run `sentiment mart upgrade`",
    "22": "a value doesn't fit its column",
    "23": "a row breaks a key or a partition of its table",
    "25006": "the server takes no writes: it is a replica",
}


def _meaning(error: psycopg.Error, address: MartAddress) -> MartError:
    state = error.sqlstate or ""
    where = f"the mart at {address.shown}"
    if state.startswith(_PASSING) or (not state and _is_lost(error)):
        said = f"SQLSTATE {state}" if state else "the connection was lost or not to be had"
        return MartUnreachable(
            f"{where} did not answer ({said}); nothing was changed, and the run tries again. If "
            f"that goes on, look whether the server runs where {address.setting} says"
        )
    known = [meaning for prefix, meaning in _BY_STATE.items() if state.startswith(prefix)]
    if not state:
        known = [meaning for words, meaning in _REFUSALS.items() if words in str(error)]
    meaning = known[0] if known else "what the server said is not one of the errors known here"
    kind = MartMissing if state in ("42P01", "3F000") else MartRefused
    return kind(
        f"{where} refused ({f'SQLSTATE {state}' if state else type(error).__name__}): {meaning}. "
        f"Nothing was changed; {address.setting} says where it is, "
        "docs/runbooks/mart-publish-failed.md what to do"
    )


def _is_lost(error: psycopg.Error) -> bool:
    refused = any(words in str(error) for words in _REFUSALS)
    return isinstance(error, psycopg.OperationalError) and not refused


def take_role(connection: psycopg.Connection[Any], role: str) -> None:
    """Be a role until the transaction ends: whatever else the account may is left outside."""
    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))


def is_member(connection: psycopg.Connection[Any], role: str) -> bool:
    """The account may take a role; it may not where there is none of that name."""
    found = connection.execute(
        "SELECT pg_has_role(oid, 'MEMBER') FROM pg_roles WHERE rolname = %s", [role]
    ).fetchone()
    return bool(found and found[0])


class MartReader:
    """Reads the mart as ``bi_reader``; safe to share between threads."""

    def __init__(self, address: MartAddress) -> None:
        self.address = address
        self._idle: list[psycopg.Connection[Any]] = []
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"MartReader({self.address.shown})"

    def rows(
        self,
        contract: Contract,
        first: dt.date | None = None,
        last: dt.date | None = None,
        platform: str | None = None,
        columns: Sequence[str] | None = None,
        equal: Mapping[str, object] | None = None,
    ) -> pl.DataFrame:
        """Rows of a table, in the order of its key, typed by its contract.

        Args:
            contract: of the table.
            first: the first date, of a table with dates.
            last: the last one.
            platform: only of this one.
            columns: by default all, in the contract's order.
            equal: values by column; None finds nulls.

        Raises:
            KeyError: the contract has no such column.
            MartError: the mart can't be read.
        """
        names = list(columns) if columns is not None else [c.name for c in contract.columns]
        wanted = {**({"platform": platform} if platform is not None else {}), **(equal or {})}
        conditions: list[sql.Composable] = []
        values: list[object] = []
        for bound, comparison in ((first, ">="), (last, "<=")):
            if bound is not None:
                conditions.append(sql.SQL(f"{{}} {comparison} %s").format(_name(contract, "date")))
                values.append(bound)
        for name, value in wanted.items():
            if value is None:
                conditions.append(sql.SQL("{} IS NULL").format(_name(contract, name)))
            else:
                conditions.append(sql.SQL("{} = %s").format(_name(contract, name)))
                values.append(value)
        query = sql.SQL("SELECT {} FROM {}{} ORDER BY {}").format(
            sql.SQL(", ").join(_name(contract, name) for name in names),
            sql.Identifier(SCHEMA, contract.table),
            sql.SQL(" WHERE ") + sql.SQL(" AND ").join(conditions) if conditions else sql.SQL(""),
            sql.SQL(", ").join(_name(contract, name) for name in contract.key),
        )
        types = polars_schema(contract.schema)
        return self._frame(query, values, pl.Schema({name: types[name] for name in names}))

    def partition_sizes(self, contract: Contract) -> pl.DataFrame:
        """What was published of each partition that holds rows.

        Columns: the partition columns, rows, bytes (0: a row store doesn't tell), files (1),
        modified_at (UTC): those of the lake's tables.

        Raises:
            MartError: the mart can't be read.
        """
        types = polars_schema(contract.schema)
        schema = pl.Schema(
            {
                **{name: types[name] for name in contract.partition_columns},
                "rows": pl.Int64(),
                "bytes": pl.Int64(),
                "files": pl.Int64(),
                "modified_at": pl.Datetime("us", "UTC"),
            }
        )
        dated = sql.SQL("date, platform, ") if is_dated(contract) else sql.SQL("")
        query = sql.SQL(
            "SELECT {}row_count, 0, 1, published_at FROM {} "
            "WHERE table_name = %s AND row_count > 0 ORDER BY date, platform"
        ).format(dated, _PUBLICATION)
        return self._frame(query, [contract.table], schema)

    def version(self, contract: Contract) -> str:
        """A word that changes when anything of the table is published.

        It is made of every partition's line, and not of the newest alone: of two publishes at once
        the earlier may be seen last.

        Raises:
            MartError: the mart can't be read.
        """
        query = sql.SQL(
            "SELECT count(*) || ':' || coalesce(sum(hashtextextended(publication::text, 0)), 0) "
            "FROM {} AS publication WHERE table_name = %s"
        ).format(_PUBLICATION)
        with self._session() as connection:
            found = connection.execute(query, [contract.table]).fetchone()
        return str(found[0]) if found else ""

    def publications(self, contract: Contract) -> dict[PostPartition, Publication]:
        """What was published of each partition, rows or none; of a table without dates, its whole.

        Raises:
            MartError: the mart can't be read.
        """
        query = sql.SQL(
            "SELECT date, platform, row_count, gold_version, gold_table, published_at FROM {} "
            "WHERE table_name = %s ORDER BY date, platform"
        ).format(_PUBLICATION)
        with self._session() as connection:
            found = connection.execute(query, [contract.table]).fetchall()
        return {
            PostPartition(date, platform): Publication(rows, version, table, at)
            for date, platform, rows, version, table, at in found
        }

    def close(self) -> None:
        """Close what is open; the next question opens it again."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _frame(
        self, query: sql.Composed, values: Sequence[object], schema: pl.Schema
    ) -> pl.DataFrame:
        parts = []
        with self._session() as connection, connection.cursor(binary=True) as cursor:
            cursor.execute(query, values)
            while rows := cursor.fetchmany(FETCH_ROWS):
                parts.append(pl.DataFrame(rows, schema, orient="row"))
        return pl.concat(parts) if parts else pl.DataFrame(schema=schema)

    @contextlib.contextmanager
    def _session(self) -> Iterator[psycopg.Connection[Any]]:
        """A transaction that reads, as the reader's role."""
        connection = self._taken()
        try:
            with told(self.address), connection.transaction():
                connection.execute("SET TRANSACTION READ ONLY")
                take_role(connection, MART_READER)
                connection.execute("SET LOCAL TimeZone TO 'UTC'")
                yield connection
        except BaseException:
            # Interrupts too: in the middle of an answer it is of no use to the next who asks.
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)

    def _taken(self) -> psycopg.Connection[Any]:
        """A connection that lives: a server that was started anew has closed those from before."""
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return connect(self.address)
            try:
                psycopg.Connection.execute(connection, "SELECT 1")
                connection.rollback()
            except psycopg.Error:
                connection.close()
            else:
                return connection


_PUBLICATION = sql.Identifier(SCHEMA, PUBLICATION)


def _name(contract: Contract, column: str) -> sql.Identifier:
    return sql.Identifier(contract.column(column).name)


__all__ = [
    "LOCK_TIMEOUT",
    "MART_OWNER",
    "WHOLE",
    "MartAddress",
    "MartError",
    "MartMissing",
    "MartReader",
    "MartRefused",
    "MartUnreachable",
    "address_of",
    "connect",
    "embedded_address",
    "is_member",
    "take_role",
    "told",
]
