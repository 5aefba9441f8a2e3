"""The access table as SQL for PostgreSQL: roles, and who may read the mart.

What belongs here: one script that brings a database to the table, whatever it granted before, and
changes nothing when it runs again. The tables are made by the pipeline when it publishes.
"""

from __future__ import annotations

import re

from sentiment_assets.privacy.access import PIPELINE, ROLES, readers_of

LAYER = "mart"
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")

#: What a session does, as opposed to who somebody is: the roles of the access table are members.
#: Owns schema and tables, and alters them.
MART_OWNER = "mart_owner"
#: Replaces rows, and no more.
MART_PUBLISHER = "publisher"
#: Reads.
MART_READER = "bi_reader"


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
    pipeline = role_name(PIPELINE, prefix)
    people = [role_name(role.name, prefix) for role in ROLES]
    readers = [role_name(role, prefix) for role in readers_of(LAYER)]
    others = [name for name in people if name not in readers]
    named = [MART_OWNER, MART_PUBLISHER, MART_READER, *people]
    everybody = ", ".join(["PUBLIC", *(name for name in named if name != MART_OWNER)])
    future = f"ALTER DEFAULT PRIVILEGES FOR ROLE {MART_OWNER} IN SCHEMA {schema}"
    lines = [
        "-- Who may read the mart. Made of the access table: `sentiment access show`.",
        "BEGIN;",
        *(_role(name) for name in named),
        f"GRANT {MART_OWNER}, {MART_PUBLISHER} TO {pipeline};",
        f"GRANT {MART_READER} TO {', '.join(readers)};",
        *([f"REVOKE {MART_READER} FROM {', '.join(others)};"] if others else []),
        "-- Whoever runs this must be a member to hand the schema over.",
        f"GRANT {MART_OWNER} TO CURRENT_USER;",
        f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {MART_OWNER};",
        "-- What was granted before goes; what the table says follows.",
        f"REVOKE ALL ON SCHEMA {schema} FROM {everybody};",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {everybody};",
        f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {schema} FROM {everybody};",
        f"{future} REVOKE ALL ON TABLES FROM {everybody};",
        f"GRANT USAGE ON SCHEMA {schema} TO {MART_PUBLISHER}, {MART_READER};",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {MART_READER};",
        f"GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA {schema} TO {MART_PUBLISHER};",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {MART_PUBLISHER};",
        "-- Tables that are made later.",
        f"{future} GRANT SELECT ON TABLES TO {MART_READER};",
        f"{future} GRANT SELECT, INSERT, DELETE ON TABLES TO {MART_PUBLISHER};",
        "-- Where a publish notes what it did, it changes lines; the schema's version is not its, "
        "and whose posts the mart is of is said once.",
        f"DO $$ BEGIN IF to_regclass('{schema}.publication') IS NOT NULL "
        f"THEN GRANT UPDATE ON {schema}.publication TO {MART_PUBLISHER}; END IF; END $$;",
        f"DO $$ BEGIN IF to_regclass('{schema}.schema_version') IS NOT NULL "
        f"THEN REVOKE INSERT, DELETE ON {schema}.schema_version FROM {MART_PUBLISHER}; "
        "END IF; END $$;",
        f"DO $$ BEGIN IF to_regclass('{schema}.origin') IS NOT NULL "
        f"THEN REVOKE DELETE ON {schema}.origin FROM {MART_PUBLISHER}; END IF; END $$;",
        "COMMIT;",
    ]
    return "\n".join(lines) + "\n"


def _role(name: str) -> str:
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') "
        f"THEN CREATE ROLE {name} NOLOGIN; END IF; END $$;"
    )
