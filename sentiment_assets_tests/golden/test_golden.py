"""The bronze of this folder gives exactly the rows of this folder: see README.md to change them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sentiment_assets.core.contracts import CONTRACTS
from sentiment_assets_tests.golden.pipeline import EXPECTED, HERE, computed

NAMES = sorted(name.replace("/", "_") + ".jsonl" for name in CONTRACTS)


@pytest.fixture(scope="module")
def found() -> dict[str, str]:
    return computed()


def test_every_table_has_a_golden_file(found: dict[str, str]) -> None:
    assert sorted(found) == sorted(path.name for path in EXPECTED.iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_the_golden_ones(found: dict[str, str], name: str) -> None:
    assert found[name].splitlines() == (EXPECTED / name).read_text().splitlines()


def test_the_bronze_holds_every_kind_of_case() -> None:
    """A golden file that lost its cases would still pass."""
    rows = [json.loads(line) for line in (EXPECTED / "silver_posts.jsonl").open()]
    refused = [json.loads(line) for line in (EXPECTED / "silver_quarantine.jsonl").open()]
    summary = [json.loads(line) for line in (EXPECTED / "gold_daily_summary.jsonl").open()]
    assert {row["kind"] for row in rows} == {"post", "reply", "repost"}
    assert {row.get("unscored_reason") for row in rows} == {
        None, "no_text", "language_unknown", "language_not_supported",
    }  # fmt: skip
    assert {kind["kind"] for row in rows for kind in row["redactions"]} == {
        "card", "email", "handle", "iban", "ip", "name", "national_id", "number", "phone", "url",
    }  # fmt: skip
    assert {row["edited"] for row in rows} == {row["late"] for row in rows} == {True, False}
    assert max(row["observation_count"] for row in rows) > 1
    assert any("author_pid" not in row for row in rows)
    assert {row["reason_code"] for row in refused} == {
        "unexpected_field", "no_creation_time", "wrong_window", "not_json", "wrong_platform",
    }  # fmt: skip
    assert [day["hidden_hours"] for day in summary] == [2, 2]


def test_no_identifier_of_the_bronze_stands_in_any_golden_file() -> None:
    identifiers: set[str] = set()
    for path in (HERE / "bronze").rglob("*.jsonl"):
        for line in path.read_text().splitlines():
            try:
                record = json.loads(line)["payload"]
            except ValueError:
                continue
            identifiers |= set(_identifiers(record))
    identifiers |= {
        "4111",
        "8001015009087",
        "DE89",
        "10.20.30.40",
        "555 0123",
        "piet.vdm@",
        "piet@",
    }
    assert len(identifiers) > 50
    written = "".join(path.read_text() for path in EXPECTED.iterdir())
    assert [one for one in sorted(identifiers) if one in written] == []


def _identifiers(value: Any, key: str = "") -> list[str]:
    """Ids, handles and names anywhere in a payload; the brand's own name is a word of its posts."""
    if isinstance(value, dict):
        return [one for name, inner in value.items() for one in _identifiers(inner, name)]
    if isinstance(value, list):
        return [one for inner in value for one in _identifiers(inner, key)]
    personal = key in ("username", "name") or key.endswith(("id", "_ids"))
    return [value] if personal and len(str(value)) > 1 and value not in ("Nimbus", "Joe") else []
