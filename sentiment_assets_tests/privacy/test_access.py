"""The table itself: what must hold of it, whoever edits it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sentiment_assets.core.contracts import CONTRACTS, REFERENCE_CONTRACTS
from sentiment_assets.core.layout import (
    BATCH_POSTS,
    DEAD_LETTERS,
    ORIGIN_MARKER,
    layer_of,
    table_root,
)
from sentiment_assets.privacy.access import (
    GRANTS,
    LAYERS,
    PIPELINE,
    ROLES,
    lake_layers,
    readers_of,
    right_of,
    rows,
    writers_of,
)


@pytest.mark.parametrize(
    ("layer", "readers"),
    [
        ("bronze", {"engineer"}),
        ("silver", {"engineer", "analyst", "data_scientist"}),
        ("gold", {"engineer", "analyst", "data_scientist", "bi", "ml"}),
        ("mart", {"engineer", "analyst", "data_scientist", "bi", "ml"}),
        ("keys", set()),
        ("history", {"engineer"}),
    ],
)
def test_who_reads_a_layer(layer: str, readers: set[str]) -> None:
    assert set(readers_of(layer)) == readers | {PIPELINE}


def test_only_the_pipeline_writes() -> None:
    assert {layer.name: writers_of(layer.name) for layer in LAYERS} == {
        layer.name: (PIPELINE,) for layer in LAYERS
    }


def test_every_grant_is_of_a_known_pair_once_and_says_why() -> None:
    pairs = [(grant.role, grant.layer) for grant in GRANTS]
    assert len(set(pairs)) == len(pairs)
    assert {role for role, _ in pairs} <= {role.name for role in ROLES}
    assert {layer for _, layer in pairs} <= {layer.name for layer in LAYERS}
    assert all(len(grant.why) > 10 and grant.why.endswith(".") for grant in GRANTS)


def test_what_is_not_granted_is_denied() -> None:
    told = {(row["role"], row["layer"]): row["right"] for row in rows()}
    assert len(told) == len(ROLES) * len(LAYERS)
    granted = {(grant.role, grant.layer) for grant in GRANTS}
    assert {pair for pair, right in told.items() if right == "none"} == told.keys() - granted


@pytest.mark.parametrize(("role", "layer"), [("intern", "gold"), ("bi", "platinum"), ("", "")])
def test_unknown_names_are_refused(role: str, layer: str) -> None:
    with pytest.raises(ValueError, match="choose one of"):
        right_of(role, layer)


def test_everything_in_a_lake_lies_in_a_layer() -> None:
    folders = {layer.folder for layer in lake_layers()}
    for path in (*CONTRACTS, BATCH_POSTS, DEAD_LETTERS, ORIGIN_MARKER):
        assert layer_of(path) in folders, path
    for table in REFERENCE_CONTRACTS:
        assert layer_of(table_root(table)) == "gold", table


def test_the_page_on_privacy_shows_this_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text(encoding="utf-8")
    [section] = re.findall(r"^## Access\n(.*?)^## ", page, re.MULTILINE | re.DOTALL)
    shown = [
        [cell.strip(" `") for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("| ")
    ]
    layers = [layer.name for layer in LAYERS]
    assert shown == [
        ["role", *layers],
        *(
            [role.name, *(right_of(role.name, layer).replace("none", "·") for layer in layers)]
            for role in ROLES
        ),
    ]
