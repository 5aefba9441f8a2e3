"""The pages made from code say what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from resources.settings import setting_names
from sentiment_assets.core.contracts import CONTRACTS, LIVE_CONTRACTS, REFERENCE_CONTRACTS
from sentiment_assets_tests.docs.pages import DOCS, generator, text_of


@pytest.mark.parametrize("name", ["data-dictionary.md", "settings.md"])
def test_committed_page_is_what_the_code_makes(name: str) -> None:
    made = generator().PAGES[name]()
    told = f"docs/{name} is out of date: run .venv/bin/python docs/generate.py"
    assert (DOCS / name).read_text(encoding="utf-8") == made, told


def test_dictionary_has_every_column_of_every_table() -> None:
    text = text_of(Path("docs/data-dictionary.md"))
    parts = re.split(r"^## (\S+)\n", text, flags=re.MULTILINE)[1:]
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    tables = {**CONTRACTS, **LIVE_CONTRACTS, **REFERENCE_CONTRACTS}
    assert list(sections) == list(tables)
    for name, contract in tables.items():
        rows = re.findall(r"^\| `(\w+)` \| `[^|]+` \|", sections[name], re.MULTILINE)
        assert rows == [column.name for column in contract.columns]


def test_every_setting_is_documented_once() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", text_of(Path("docs/settings.md")), re.MULTILINE)
    assert rows == list(setting_names())


def test_no_default_of_this_machine_is_in_the_list() -> None:
    assert str(Path.home()) not in text_of(Path("docs/settings.md"))
    assert str(DOCS.parent) not in text_of(Path("docs/settings.md"))
