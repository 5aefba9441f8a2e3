"""The contracts' versions against the last release, and the rules that judge them.

``released_contracts.json`` beside this file is what was released last. When a release is made, and
only then, write it anew:

    SENTIMENT_RELEASE_CONTRACTS=1 python -m pytest -k versions_follow sentiment_assets_tests/core
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from sentiment_assets.core.contract_versions import changes, complaints, is_later, release_of
from sentiment_assets.core.contracts import CONTRACTS, REFERENCE_CONTRACTS, Column, Contract
from sentiment_assets_tests.lake.example_table import NOTES

TABLES = {**CONTRACTS, **REFERENCE_CONTRACTS}
SNAPSHOT = Path(__file__).with_name("released_contracts.json")
NOTES_PAGE = Path(__file__).parents[2] / "docs" / "migrations.md"
# Read before the tests clear the environment of the project's own settings.
RELEASE = bool(os.environ.get("SENTIMENT_RELEASE_CONTRACTS"))


def headings() -> set[str]:
    return set(re.findall(r"^## (.+)$", NOTES_PAGE.read_text(encoding="utf-8"), re.MULTILINE))


def test_versions_follow_what_changed_since_the_last_release() -> None:
    if RELEASE:
        released = {
            "release": importlib.metadata.version("sentiment-assets"),
            "contracts": {name: release_of(contract) for name, contract in TABLES.items()},
        }
        SNAPSHOT.write_text(json.dumps(released, indent=1) + "\n", encoding="utf-8")
    released = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert complaints(released["contracts"], TABLES, headings()) == []


def column(name: str, **changed: object) -> tuple[Column, ...]:
    """The columns, with one of them changed."""
    return tuple(
        replace(c, **changed) if c.name == name else c  # type: ignore[arg-type]
        for c in NOTES.columns
    )


ADDED = (*NOTES.columns, Column("place", pa.string(), "Place."))
REQUIRED = (*NOTES.columns, Column("place", pa.string(), "Place.", True))
FEWER = tuple(c for c in NOTES.columns if c.name != "note")


@pytest.mark.parametrize(
    ("changed", "version", "told"),
    [
        pytest.param({}, "1.2", None, id="nothing changed"),
        pytest.param({}, "1.3", None, id="raised for its rows' sake"),
        pytest.param({}, "2.0", None, id="raised for its readers' sake"),
        pytest.param({}, "1.1", "a version never goes back", id="lowered"),
        pytest.param({"description": "Other words."}, "1.2", None, id="words"),
        pytest.param({"columns": column("note", sources=("a:b",))}, "1.2", None, id="lineage"),
        pytest.param({"columns": ADDED}, "1.3", None, id="a nullable column, minor"),
        pytest.param({"columns": ADDED}, "2.0", None, id="a nullable column, major"),
        pytest.param(
            {"columns": ADDED},
            "1.2",
            "is still 1.2, as it was released, but nullable column place is new: make it version "
            "1.3",
            id="a nullable column, unseen",
        ),
        pytest.param({"statistics": ("hour",)}, "1.3", None, id="statistics, minor"),
        pytest.param({"statistics": ("hour",)}, "1.2", "make it version 1.3", id="statistics"),
        pytest.param({"columns": REQUIRED}, "1.3", "required column place is new", id="required"),
        pytest.param({"columns": FEWER}, "1.3", "column note is gone", id="gone"),
        pytest.param(
            {"columns": column("count", type=pa.int64())},
            "1.3",
            "column count: type was int32, is int64",
            id="another type",
        ),
        pytest.param(
            {"columns": column("note", required=True)},
            "1.3",
            "column note: required was False, is True",
            id="no nulls any more",
        ),
        pytest.param(
            {"columns": column("note", privacy="none")},
            "1.3",
            "column note: privacy was masked_text, is none",
            id="another privacy class",
        ),
        pytest.param({"key": ("note_id",)}, "1.3", "its key changed", id="key"),
        pytest.param({"grain": "a day"}, "1.3", "its grain changed", id="grain"),
        pytest.param(
            {"partition_columns": ("date", "platform")},
            "1.3",
            "its partition columns changed",
            id="partitions",
        ),
    ],
)
def test_what_a_change_asks_for(changed: dict[str, object], version: str, told: str | None) -> None:
    old = replace(NOTES, version="1.2")
    new = replace(old, version=version, **changed)  # type: ignore[arg-type]
    found = complaints({old.name: release_of(old)}, {new.name: new}, set())
    if told is None:
        assert found == []
        return
    [complaint] = found
    assert told in complaint
    if "make it version 1.3" not in complaint and "goes back" not in complaint:
        assert "make it version 2.0 and write under the heading 'silver/notes 2.0'" in complaint
        # With the version and the note it is allowed; with the version alone it is not.
        new = replace(new, version="2.0")
        [complaint] = complaints({old.name: release_of(old)}, {new.name: new}, set())
        assert "needs a note for whoever has 1.2" in complaint
        noted = complaints({old.name: release_of(old)}, {new.name: new}, {"silver/notes 2.0"})
        assert noted == []


def test_tables_come_and_go() -> None:
    new: dict[str, Contract] = {NOTES.name: NOTES}
    assert complaints({}, new, set()) == []
    [complaint] = complaints({NOTES.name: release_of(NOTES)}, {}, set())
    assert "silver/notes was released and is gone" in complaint
    assert complaints({NOTES.name: release_of(NOTES)}, {}, {"silver/notes removed"}) == []


def test_the_snapshot_survives_json() -> None:
    for contract in TABLES.values():
        assert list(changes(json.loads(json.dumps(release_of(contract))), contract)) == []


@pytest.mark.parametrize(
    ("version", "than", "later"),
    [("1.1", "1.0", True), ("1.10", "1.9", True), ("2.0", "1.9", True), ("1.0", "1.0", False),
     ("1.9", "1.10", False), (None, "1.0", False)],
)  # fmt: skip
def test_which_version_is_later(version: str | None, than: str, later: bool) -> None:
    assert is_later(version, than) is later
