"""The mart's tables as SQLAlchemy knows them: made of the contracts.

What belongs here: types, keys, indexes and comments of the tables that the newest migration should
lead to. Migrations themselves are frozen beside it; a test compares the two.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from sentiment_assets.core.contracts import STRINGS, TIMESTAMP, Contract
from sentiment_assets.core.mart import is_dated, mart_key, published_contracts

SCHEMA = "mart"
PUBLICATION = "publication"
ORIGIN = "origin"
VERSION_TABLE = "schema_version"

#: Arrow's types and the columns' in PostgreSQL.
_TYPES: dict[pa.DataType, sa.types.TypeEngine[Any]] = {
    pa.bool_(): sa.Boolean(),
    pa.date32(): sa.Date(),
    pa.float32(): sa.REAL(),
    pa.float64(): sa.Double(),
    pa.int32(): sa.Integer(),
    pa.int64(): sa.BigInteger(),
    pa.list_(pa.date32()): postgresql.ARRAY(sa.Date()),
    pa.string(): sa.Text(),
    STRINGS: postgresql.ARRAY(sa.Text()),
    TIMESTAMP: sa.DateTime(timezone=True),
}


def sql_type(kind: pa.DataType) -> sa.types.TypeEngine[Any]:
    """The column type of an Arrow type.

    Raises:
        ValueError: the mart has no type for it.
    """
    if kind not in _TYPES:
        raise ValueError(
            f"the mart has no column type for Arrow's {kind}: add one to _TYPES in "
            "resources/mart_tables.py"
        )
    return _TYPES[kind]


def mart_tables() -> sa.MetaData:
    """Every table that the mart should have."""
    metadata = sa.MetaData(schema=SCHEMA)
    for contract in published_contracts().values():
        _table_of(contract, metadata)
    sa.Table(
        PUBLICATION,
        metadata,
        sa.Column("table_name", sa.Text(), nullable=False, comment="Table of this schema."),
        sa.Column("date", sa.Date(), nullable=False, comment="Partition's date; of a table without dates 0001-01-01."),
        sa.Column("platform", sa.Text(), nullable=False, comment="Partition's platform; of a table without dates all."),
        sa.Column("row_count", sa.BigInteger(), nullable=False, comment="Rows that were published."),
        sa.Column("gold_version", sa.BigInteger(), nullable=False, comment="Version of the lake's table that the rows were read at."),
        sa.Column("gold_table", sa.Text(), nullable=False, comment="Id of the lake's table: versions of another one can't be compared."),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False, comment="When, by the database's clock."),
        sa.Column("run_id", sa.Text(), nullable=False, comment="Dagster run that published it."),
        sa.PrimaryKeyConstraint("table_name", "date", "platform", name="publication_pkey"),
        comment="One row a published partition, replaced with its rows in one transaction.",
    )  # fmt: skip
    sa.Table(
        ORIGIN,
        metadata,
        sa.Column("singleton", sa.Boolean(), nullable=False, comment="Always true: there is one row."),
        sa.Column("origin", sa.Text(), nullable=False, comment="simulated or live."),
        sa.PrimaryKeyConstraint("singleton", name="origin_pkey"),
        sa.CheckConstraint("singleton", name="origin_singleton_check"),
        comment="Whose posts the figures are of: made-up and real ones never share a mart.",
    )  # fmt: skip
    return metadata


def _table_of(contract: Contract, metadata: sa.MetaData) -> sa.Table:
    key = mart_key(contract)
    name = contract.table
    columns = [
        sa.Column(c.name, sql_type(c.type), nullable=not c.required, comment=c.description)
        for c in contract.columns
    ]
    partitioned: dict[str, Any] = {}
    if is_dated(contract):
        partitioned["postgresql_partition_by"] = "RANGE (date)"
    says = f"{contract.description} Grain: {contract.grain}."
    table = sa.Table(name, metadata, *columns, comment=says, **partitioned)
    if all(contract.column(column).required for column in key):
        table.append_constraint(sa.PrimaryKeyConstraint(*key, name=f"{name}_pkey"))
    else:
        # A primary key takes no nulls; a key of the contract may.
        sa.Index(f"{name}_key", *(table.c[c] for c in key), unique=True, postgresql_nulls_not_distinct=True)  # fmt: skip
    if is_dated(contract) and "topic" in table.c:
        sa.Index(f"{name}_topic_date", table.c.topic, table.c.date)
    return table
