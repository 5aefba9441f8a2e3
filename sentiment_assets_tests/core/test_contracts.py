"""The contracts agree with themselves, with each other and with what this project promises."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sentiment_assets.core.contracts import (
    CONTRACTS,
    REFERENCE_CONTRACTS,
    SILVER_POSTS,
    Contract,
)

#: What a table may be made of stands before it.
TABLES = {**REFERENCE_CONTRACTS, **CONTRACTS}
EVERY = pytest.mark.parametrize("contract", TABLES.values(), ids=lambda c: c.name)

#: What bronze offers as a source: it is no Delta table.
BRONZE_COLUMNS = {"payload", "platform", "fetched_at", "source", "manifest"}


@EVERY
def test_names_are_said_once(contract: Contract) -> None:
    names = [column.name for column in contract.columns]
    assert len(set(names)) == len(names)
    assert TABLES[contract.name] is contract
    assert contract.name == f"{contract.layer}/{contract.table}"
    assert contract.layer in ("silver", "gold", "reference")


@EVERY
def test_keys_and_partitions_are_required_columns(contract: Contract) -> None:
    for name in (*contract.key, *contract.partition_columns):
        assert contract.column(name).required, name
    whole = contract.layer == "reference"
    assert contract.partition_columns[:2] == (() if whole else ("date", "platform"))


@EVERY
def test_the_file_schema_is_the_schema_without_what_the_path_says(contract: Contract) -> None:
    assert contract.schema.names == [column.name for column in contract.columns]
    assert set(contract.schema.names) - set(contract.file_schema.names) == set(
        contract.partition_columns
    )
    for field in contract.schema:
        assert field.nullable != contract.column(field.name).required


@EVERY
def test_every_column_is_described_and_times_are_utc(contract: Contract) -> None:
    for column in contract.columns:
        assert column.description.endswith("."), column.name
        if pa.types.is_timestamp(column.type):
            assert column.type.tz == "UTC", column.name


@EVERY
def test_no_personal_column_stands_in_the_logs_statistics(contract: Contract) -> None:
    for name in contract.statistics:
        assert contract.column(name).privacy == "none", name


@EVERY
def test_lineage_names_columns_that_exist(contract: Contract) -> None:
    for column in contract.columns:
        for source in column.sources:
            table, _, name = source.partition(":")
            if table.startswith("bronze/"):
                assert name in BRONZE_COLUMNS, source
            else:
                TABLES[table].column(name)
                assert list(TABLES).index(table) < list(TABLES).index(contract.name)


def test_gold_holds_nothing_about_a_person() -> None:
    for contract in TABLES.values():
        if contract.layer in ("gold", "reference"):
            assert {column.privacy for column in contract.columns} == {"none"}


def test_every_figure_of_gold_stands_beside_its_n_and_its_coverage() -> None:
    told = {"posts", "scored", "fetched_share"}
    lacking = {
        contract.name: told - {column.name for column in contract.columns}
        for contract in CONTRACTS.values()
        if contract.layer == "gold"
    }
    # Marks of days are no figures. They have the coverage of their day.
    assert lacking.pop("gold/calendar_days") == {"posts", "scored"}
    assert set().union(*lacking.values()) == set()


def test_silver_names_what_is_personal() -> None:
    marked = {c.name: c.privacy for c in SILVER_POSTS.columns if c.privacy != "none"}
    assert marked == {
        "post_pid": "pseudonym",
        "author_pid": "pseudonym",
        "conversation_pid": "pseudonym",
        "text": "masked_text",
        "text_fingerprint": "pseudonym",
    }


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(KeyError, match="silver/posts has no column 'author'"):
        SILVER_POSTS.column("author")
