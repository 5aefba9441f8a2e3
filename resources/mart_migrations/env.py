"""What Alembic runs: the steps that are due, in the transaction that it was handed.

What belongs here: wiring. Which connection, and under which lock, is ``resources.mart_schema``.
"""

from alembic import context

from resources.mart_tables import SCHEMA, VERSION_TABLE, mart_tables

metadata = mart_tables()


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Only what the contracts name: months of a table are the publisher's, not a step's."""
    if kind == "schema":
        return name == SCHEMA
    return kind != "table" or f"{SCHEMA}.{name}" in metadata.tables


# Alembic loads this file by the name of env_py; whoever imports it otherwise runs nothing.
if __name__ == "env_py":
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        version_table_schema=SCHEMA,
        include_schemas=True,
        include_name=include_name,
        compare_type=True,
    )
    context.run_migrations()
