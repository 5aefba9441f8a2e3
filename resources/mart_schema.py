"""The mart's schema: which version stands in a database, bringing it to the newest, what differs.

What belongs here: running Alembic's steps (``mart_migrations``) in one transaction and under a
lock, and comparing with the contracts. There is no way back: a mart is made of gold, so that an
older one is had by making it anew (docs/mart.md).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

from resources.mart_tables import SCHEMA, VERSION_TABLE, mart_tables
from resources.postgres import (
    MART_OWNER,
    MartAddress,
    MartRefused,
    connect,
    is_member,
    take_role,
    told,
)

_SCRIPTS = Path(__file__).parent / "mart_migrations"
#: Whoever upgrades holds it; no other lock of the mart's has this number.
_UPGRADE_LOCK = 3_950_027_513
_LOCK_TIMEOUT = "5s"


@dataclass(frozen=True)
class SchemaStatus:
    """Which version of the schema a mart has, and which this program needs."""

    #: Null before the first upgrade.
    stored: str | None
    needed: str
    #: Steps that are missing, oldest first, each with what it does.
    missing: tuple[str, ...]

    @property
    def is_current(self) -> bool:
        """Nothing is missing."""
        return self.stored == self.needed


def status(connection: psycopg.Connection[Any], address: MartAddress) -> SchemaStatus:
    """Which version stands there.

    Raises:
        MartRefused: a newer program made it.
    """
    scripts = ScriptDirectory.from_config(_config())
    needed = str(scripts.get_current_head())
    with told(address):
        exists = connection.execute(
            "SELECT to_regclass(%s) IS NOT NULL", [f"{SCHEMA}.{VERSION_TABLE}"]
        ).fetchone()
        found = None
        if exists and exists[0]:
            found = connection.execute(
                f"SELECT version_num FROM {SCHEMA}.{VERSION_TABLE}".encode()
            ).fetchone()
    stored = str(found[0]) if found else None
    steps = {step.revision: str(step.doc) for step in scripts.walk_revisions()}
    if stored is not None and stored not in steps:
        raise MartRefused(
            f"the mart at {address.shown} has schema {stored}, which this program does not know "
            f"(it knows {needed}): a newer one has upgraded it. Run that one, or make another "
            f"database and name it in {address.setting}"
        )
    missing = []
    for revision, doc in steps.items():
        if revision == stored:
            break
        missing.append(f"{revision} {doc}")
    return SchemaStatus(stored, needed, tuple(reversed(missing)))


def upgrade(address: MartAddress) -> SchemaStatus:
    """Bring the schema to the newest version; returns what stood there before.

    All steps are one transaction: one that fails leaves nothing of itself and of those before.

    Raises:
        MartError: it can't be done.
    """
    with contextlib.closing(connect(address)) as connection:
        before = status(connection, address)
        connection.rollback()
        if before.is_current:
            return before
        with (
            told(address),
            _as_psycopg(),
            _engine(connection).connect() as session,
            session.begin(),
        ):
            if not is_member(connection, MART_OWNER):
                raise MartRefused(
                    f"the mart at {address.shown} has schema {before.stored or 'none'}, this "
                    f"program needs {before.needed}, and the account of {address.setting} may not "
                    f"change it: run `sentiment mart upgrade` as a member of {MART_OWNER}"
                    + (
                        ""
                        if before.stored
                        else ", after `sentiment access policy postgres` (docs/mart.md)"
                    )
                )
            # Another upgrade may be under way: what it did is seen after the wait.
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_UPGRADE_LOCK])
            # A step that waits for a reader keeps all later readers waiting behind it.
            connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'".encode())
            take_role(connection, MART_OWNER)
            command.upgrade(_config(session), "head")
    return before


def differences(address: MartAddress) -> list[str]:
    """What the database's tables have otherwise than the contracts; none after an upgrade."""
    with (
        contextlib.closing(connect(address)) as connection,
        told(address),
        _engine(connection).connect() as session,
    ):
        metadata = mart_tables()

        def include_name(name: str | None, kind: str, _parents: object) -> bool:
            if kind == "schema":
                return name == SCHEMA
            return kind != "table" or f"{SCHEMA}.{name}" in metadata.tables

        context = MigrationContext.configure(
            session,
            opts={
                "include_schemas": True,
                "include_name": include_name,
                "version_table": VERSION_TABLE,
                "version_table_schema": SCHEMA,
                "compare_type": True,
            },
        )
        found = [str(difference) for difference in compare_metadata(context, metadata)]
        return found + _keys_that_differ(session, metadata)


def _keys_that_differ(session: sa.Connection, metadata: sa.MetaData) -> list[str]:
    """Alembic compares no primary keys and no partitioning."""
    inspector = sa.inspect(session)
    found = []
    for table in metadata.sorted_tables:
        if not inspector.has_table(table.name, SCHEMA):
            continue
        stored = inspector.get_pk_constraint(table.name, SCHEMA)["constrained_columns"]
        wanted = [column.name for column in table.primary_key.columns]
        if stored != wanted:
            found.append(f"{table.name}: the primary key is {stored}, the contract's {wanted}")
        by = session.execute(
            sa.text("SELECT pg_get_partkeydef(to_regclass(:name))"),
            {"name": f"{SCHEMA}.{table.name}"},
        ).scalar()
        if by != table.dialect_options["postgresql"].get("partition_by"):
            found.append(f"{table.name}: it is partitioned by {by}")
    return found


def draft(address: MartAddress, message: str) -> Path:
    """Write the step from the newest schema to the contracts, for a developer to read and commit.

    Args:
        address: of an empty database of one's own; it is upgraded first.
        message: what the step does, in a few words.
    """
    upgrade(address)
    with (
        contextlib.closing(connect(address)) as connection,
        _engine(connection).connect() as session,
    ):
        config = _config(session)
        head = str(ScriptDirectory.from_config(config).get_current_head())
        script = command.revision(config, message, autogenerate=True, rev_id=f"{int(head) + 1:04d}")
    assert isinstance(script, Script)
    path = Path(script.path)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    # Alembic says around its lines that it wrote them.
    path.write_text("".join(line for line in lines if "# ### " not in line), encoding="utf-8")
    return path


def _config(session: sa.Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("file_template", "step_%%(rev)s_%%(slug)s")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = session
    return config


def _engine(connection: psycopg.Connection[Any]) -> sa.Engine:
    """SQLAlchemy over a connection that is open already."""
    return sa.create_engine(
        "postgresql+psycopg://",
        creator=lambda: connection,
        poolclass=sa.pool.StaticPool,
        hide_parameters=True,
    )


@contextlib.contextmanager
def _as_psycopg() -> Iterator[None]:
    """The driver's own error, which :func:`told` can class, instead of what wraps it."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        if isinstance(error.orig, psycopg.Error):
            raise error.orig from None
        raise
