"""The access table as SQL for PostgreSQL: roles, and who may read the mart.

What belongs here: one script that brings a database to the table, whatever it granted before, and
changes nothing when it runs again. The tables are made by the pipeline when it publishes.
"""

from __future__ import annotations

import re

from sentiment_assets.privacy.access import PIPELINE, ROLES, readers_of

LAYER = "mart"
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")


def role_name(role: str, prefix: str = "sentiment") -> str:
    """What a role of the table is called in the database."""
    return f"{prefix}_{role}"


def grants(*, schema: str = LAYER, prefix: str = "sentiment") -> str:
    """The script, in one transaction.

    It is for an account that may create roles and schemas: a superuser, or one with CREATEROLE and
    CREATE on the database. Roles can't log in; accounts are made members of them.

    Args:
        schema: where the pipeline publishes.
        prefix: begins the roles' names.

    Raises:
        ValueError: a name would need quotes in SQL, or belongs to PostgreSQL or to Dagster.
    """
    for what, name in (("schema", schema), ("prefix", prefix)):
        if not _PLAIN_NAME.fullmatch(name) or name.startswith("pg_"):
            raise ValueError(
                f"{what} {name!r}: use small letters, digits and _ , and not pg_ at the beginning"
            )
    if schema == "public":
        raise ValueError("schema 'public' holds Dagster's own tables; publish into another")
    publisher = role_name(PIPELINE, prefix)
    named = [role_name(role.name, prefix) for role in ROLES]
    readers = [role_name(role, prefix) for role in readers_of(LAYER) if role != PIPELINE]
    everybody = ", ".join(["PUBLIC", *(name for name in named if name != publisher)])
    future = f"ALTER DEFAULT PRIVILEGES FOR ROLE {publisher} IN SCHEMA {schema}"
    lines = [
        "-- Who may read the mart. Made of the access table: `sentiment access show`.",
        "BEGIN;",
        *(_role(name) for name in named),
        "-- Whoever runs this must be a member to hand the schema over.",
        f"GRANT {publisher} TO CURRENT_USER;",
        f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {publisher};",
        "-- What was granted before goes; what the table says follows.",
        f"REVOKE ALL ON SCHEMA {schema} FROM {everybody};",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {everybody};",
        f"{future} REVOKE ALL ON TABLES FROM {everybody};",
        f"GRANT USAGE ON SCHEMA {schema} TO {', '.join(readers)};",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {', '.join(readers)};",
        "-- Tables that are published later.",
        f"{future} GRANT SELECT ON TABLES TO {', '.join(readers)};",
        "COMMIT;",
    ]
    return "\n".join(lines) + "\n"


def _role(name: str) -> str:
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') "
        f"THEN CREATE ROLE {name} NOLOGIN; END IF; END $$;"
    )
