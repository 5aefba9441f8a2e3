"""The script on a real PostgreSQL: what each role can and can't, on tables that come later too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from resources.embedded_postgres import embedded_postgres
from sentiment_assets.privacy.access import PIPELINE, ROLES, readers_of
from sentiment_assets.privacy.postgres import (
    MART_OWNER,
    MART_PUBLISHER,
    MART_READER,
    grants,
    role_name,
)

READERS = [role_name(role) for role in readers_of("mart") if role != PIPELINE]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = embedded_postgres(tmp_path_factory.mktemp("home"))
    yield str(server.get_uri())
    server.cleanup()


@pytest.fixture(params=["superuser", "an administrator without superuser rights"])
def database(request: pytest.FixtureRequest, server: str) -> Iterator[Any]:
    """A database of its own with Dagster's table in it, brought to the table by each kind."""
    whole = Connection(server)
    whole.execute("CREATE DATABASE trial")
    admin = Connection(server.replace("/postgres?", "/trial?"))
    admin.execute("CREATE TABLE public.event_logs (event text)")
    admin.execute("INSERT INTO public.event_logs VALUES ('a run')")
    by = "postgres"
    if request.param != "superuser":
        by = "db_admin"
        admin.execute("CREATE ROLE db_admin NOSUPERUSER CREATEROLE")
        admin.execute("GRANT CREATE ON DATABASE trial TO db_admin")
    admin.run_as = by
    yield admin
    admin.execute("RESET SESSION AUTHORIZATION")
    admin.connection.close()
    whole.execute("DROP DATABASE trial")
    for name in [
        *(role_name(role.name) for role in ROLES),
        MART_OWNER,
        MART_PUBLISHER,
        MART_READER,
        *(["db_admin"] if by != "postgres" else []),
    ]:
        whole.execute(f"DROP ROLE IF EXISTS {name}")
    whole.connection.close()


class Connection:
    """One connection, each statement by itself."""

    def __init__(self, uri: str) -> None:
        self.connection = psycopg2.connect(uri)
        self.connection.autocommit = True
        self.run_as = ""

    def execute(self, sql: str, as_role: str | None = None) -> list[Any]:
        with self.connection.cursor() as cursor:
            if as_role:
                cursor.execute(f"SET SESSION AUTHORIZATION {as_role}")
            try:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []
            finally:
                cursor.execute("RESET SESSION AUTHORIZATION")

    def apply(self, sql: str) -> None:
        self.execute(sql, as_role=self.run_as)

    def granted(self) -> list[Any]:
        return [
            *self.execute("SELECT n.nspname::text, n.nspacl::text FROM pg_namespace n ORDER BY 1"),
            *self.execute("SELECT relname::text, relacl::text FROM pg_class ORDER BY 1"),
            *self.execute("SELECT defaclacl::text FROM pg_default_acl ORDER BY 1"),
            *self.execute("SELECT rolname::text FROM pg_roles ORDER BY 1"),
        ]


def test_roles_can_what_the_table_says(database: Any) -> None:
    pipeline = role_name(PIPELINE)
    database.apply(grants())
    once = database.granted()
    database.apply(grants())
    assert database.granted() == once

    # A table that comes later.
    database.execute("CREATE TABLE mart.daily (posts int)", as_role=MART_OWNER)
    database.execute(
        "CREATE VIEW mart.totals AS SELECT sum(posts) FROM mart.daily", as_role=MART_OWNER
    )
    database.execute("INSERT INTO mart.daily VALUES (12)", as_role=MART_PUBLISHER)
    for reader in (*READERS, MART_READER):
        assert database.execute("SELECT posts FROM mart.daily", as_role=reader) == [(12,)]
        assert database.execute("SELECT * FROM mart.totals", as_role=reader) == [(12,)]
        for refused in (
            "INSERT INTO mart.daily VALUES (13)",
            "UPDATE mart.daily SET posts = 0",
            "DELETE FROM mart.daily",
            "TRUNCATE mart.daily",
            "DROP TABLE mart.daily",
            "CREATE TABLE mart.mine (a int)",
            "SELECT * FROM public.event_logs",
            "SET ROLE sentiment_pipeline",
            "SET ROLE publisher",
        ):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                database.execute(refused, as_role=reader)
    for refused in (
        "UPDATE mart.daily SET posts = 0",
        "TRUNCATE mart.daily",
        "ALTER TABLE mart.daily ADD COLUMN more int",
        "DROP TABLE mart.daily",
        "CREATE TABLE mart.mine (a int)",
        "SELECT * FROM public.event_logs",
        "SET ROLE mart_owner",
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            database.execute(refused, as_role=MART_PUBLISHER)
    # The platform takes whichever role its work needs.
    for role in (MART_OWNER, MART_PUBLISHER, MART_READER):
        database.execute(f"SET ROLE {role}", as_role=pipeline)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        database.execute("SELECT * FROM public.event_logs", as_role=pipeline)
    assert database.execute("SELECT count(*) FROM mart.daily") == [(1,)]


def test_a_stranger_sees_nothing_and_earlier_grants_go(database: Any) -> None:
    database.apply(grants())
    database.execute("CREATE TABLE mart.daily (posts int)", as_role=MART_OWNER)
    bi = role_name("bi")
    for wide in (
        "GRANT USAGE ON SCHEMA mart TO PUBLIC",
        "GRANT SELECT ON mart.daily TO PUBLIC",
        f"GRANT ALL ON mart.daily TO {bi}",
        f"GRANT CREATE ON SCHEMA mart TO {bi}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA mart GRANT INSERT ON TABLES TO {bi}",
    ):
        database.execute(wide, as_role=MART_OWNER)
    database.execute("CREATE ROLE stranger")
    try:
        database.execute("SELECT * FROM mart.daily", as_role="stranger")
        database.execute("INSERT INTO mart.daily VALUES (1)", as_role=bi)
        database.apply(grants())
        database.execute("CREATE TABLE mart.later (posts int)", as_role=MART_OWNER)
        for role, refused in (
            ("stranger", "SELECT * FROM mart.daily"),
            (bi, "INSERT INTO mart.daily VALUES (1)"),
            (bi, "INSERT INTO mart.later VALUES (1)"),
            (bi, "CREATE TABLE mart.mine (a int)"),
        ):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                database.execute(refused, as_role=role)
        assert database.execute("SELECT * FROM mart.later", as_role=bi) == []
    finally:
        database.execute("DROP ROLE stranger")


@pytest.mark.parametrize(
    "names",
    [
        {"schema": "public"},
        {"schema": "pg_mart"},
        {"schema": "mart; DROP TABLE x"},
        {"schema": 'a"b'},
        {"schema": ""},
        {"prefix": "Sentiment"},
        {"prefix": "a-b"},
    ],
)
def test_names_that_sql_would_misread_are_refused(names: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"schema|prefix"):
        grants(**names)


def test_other_names(database: Any) -> None:
    database.apply(grants(schema="figures", prefix="sentiment"))
    database.execute("CREATE TABLE figures.daily (posts int)", as_role=MART_OWNER)
    assert database.execute("SELECT * FROM figures.daily", as_role=role_name("ml")) == []
