"""The filtered stream's rules, and what it refuses; what it carries is tried with its reader."""

from __future__ import annotations

from typing import Any

import pytest

from sentiment_assets_tests.simulator.conftest import Client, validator
from simulator.x.stream import RULES, STREAM


def change(client: Client, **body: Any) -> Any:
    return client.send("POST", RULES, json=body)


def test_rules_are_added_listed_and_deleted(client: Client) -> None:
    assert client.get(RULES).json()["meta"]["result_count"] == 0

    added = change(client, add=[{"value": "nimbus", "tag": "ours"}, {"value": "cirrus"}])

    assert added.status_code == 201
    assert added.json()["meta"]["summary"] == {
        "created": 2,
        "not_created": 0,
        "valid": 2,
        "invalid": 0,
    }
    listed = client.get(RULES).json()
    assert [(rule["value"], rule.get("tag")) for rule in listed["data"]] == [
        ("nimbus", "ours"),
        ("cirrus", None),
    ]
    ids = [rule["id"] for rule in listed["data"]]
    deleted = change(client, delete={"ids": [ids[0], "404"]}).json()
    assert deleted["meta"]["summary"] == {"deleted": 1, "not_deleted": 1}
    assert [rule["id"] for rule in client.get(RULES).json()["data"]] == ids[1:]


WRONG = [
    ([{"value": "nimbus"}], "DuplicateRule"),
    ([{"value": "cirrus"}, {"value": "nimbus ("}], "Invalid Rule"),
]


@pytest.mark.parametrize(("add", "title"), WRONG)
def test_of_rules_that_make_no_sense_none_is_kept(
    client: Client, add: list[dict[str, str]], title: str
) -> None:
    change(client, add=[{"value": "nimbus"}])

    told = change(client, add=add).json()

    assert [error["title"] for error in told["errors"]] == [title]
    assert [rule["value"] for rule in client.get(RULES).json()["data"]] == ["nimbus"]


def test_a_stream_without_rules_is_refused(client: Client) -> None:
    refused = client.get(STREAM)

    assert refused.status_code == 409
    assert validator("x_problem").is_valid(refused.json())


@pytest.mark.parametrize(
    "parameters", [{"backfill_minutes": 6}, {"query": "nimbus"}, {"tweet.fields": "mood"}]
)
def test_parameters_that_it_does_not_have_are_refused(
    client: Client, parameters: dict[str, Any]
) -> None:
    change(client, add=[{"value": "nimbus"}])

    assert client.get(STREAM, **parameters).status_code == 400
