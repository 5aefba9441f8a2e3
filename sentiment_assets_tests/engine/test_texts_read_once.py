"""A window that is built again reads only the texts that changed, and ends as if it read all."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from sentiment_assets.core.layout import Window
from sentiment_assets.core.sentiment.vader import VADER
from sentiment_assets.core.tracking import Topic
from sentiment_assets.engine.in_process import Budget
from sentiment_assets.lake.objects import Lake
from sentiment_assets_tests.bronze_records import DAY, RULES, at, line, payload, store
from sentiment_assets_tests.silver_of_a_lake import posts, rebuild

WINDOW = Window(DAY, "0800")


@dataclass
class Listener:
    """VADER, and a note of what it was asked to score."""

    name: str = "listener"
    version: str = "1"
    languages: frozenset[str] = frozenset({"en"})
    heard: list[str] = field(default_factory=list)

    def score(self, texts: pa.Array) -> pa.Table:
        self.heard += [text for text in texts.to_pylist() if text is not None]
        return VADER.score(texts)


def said(number: int, text: str = "is great", **data: Any) -> dict[str, Any]:
    return payload(8.5, number, text=f"I think that number {number} {text}", **data)


def fetched(lake: Lake, hour: float, *records: dict[str, Any], **how: Any) -> None:
    store(lake, WINDOW, [line(record, at(hour)) for record in records], at(hour), **how)


def heard_again(lake: Lake, listener: Listener, **options: Any) -> list[str]:
    """Rebuild, and compare with a rebuild of everything; the texts that were scored first."""
    rules = options.pop("rules", replace(RULES, scorer=listener))
    listener.heard.clear()
    rebuild(lake, rules=rules, **options)
    heard, grown = sorted(listener.heard), posts(lake)
    rebuild(lake, rules=rules, force=True)
    assert_frame_equal(posts(lake), grown)
    return heard


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def built(lake: Lake, listener: Listener) -> Lake:
    fetched(lake, 9, said(1), said(2), state="partial")
    assert len(heard_again(lake, listener)) == 2
    return lake


def test_counts_that_grew_and_a_new_post(built: Lake, listener: Listener) -> None:
    likes = {"like_count": 7}
    fetched(built, 10.1, said(1, public_metrics=likes), said(2, public_metrics=likes), said(3))
    assert heard_again(built, listener) == ["I think that number 3 is great"]
    assert posts(built)["like_count"].to_list().count(7) == 2


def test_an_edit_is_read(built: Lake, listener: Listener) -> None:
    first = said(1)["data"]
    edit = said(1, "is awful")["data"] | {
        "id": str(int(first["id"]) + 5),
        "edit_history_tweet_ids": [first["id"], str(int(first["id"]) + 5)],
    }
    fetched(built, 10.1, {"data": edit, "includes": {}}, said(2))
    assert heard_again(built, listener) == ["I think that number 1 is awful"]


def test_another_name_of_its_author_is_masked_in_a_text_that_stayed(
    lake: Lake, listener: Listener
) -> None:
    def by(name: str) -> dict[str, Any]:
        record = said(1, "of Zorblax is great")
        user = {"id": record["data"]["author_id"], "name": name, "username": "someone"}
        return record | {"includes": {"users": [user]}}

    fetched(lake, 9, by("Somebody"))
    heard_again(lake, listener)
    fetched(lake, 10.1, by("Zorblax"))
    (text,) = heard_again(lake, listener)
    assert "Zorblax" not in text


def test_what_the_platform_says_of_its_language(built: Lake, listener: Listener) -> None:
    fetched(built, 10.1, said(1, lang="de"), said(2))
    assert "I think that number 2 is great" not in heard_again(built, listener)


def test_an_older_observation_that_came_late_changes_no_text(
    built: Lake, listener: Listener
) -> None:
    fetched(built, 8.9, said(1, "is what was said before"), said(4))
    # Its fetch is older than one that silver has: what silver was made of is not told apart.
    assert "I think that number 4 is great" in heard_again(built, listener)


def test_other_rules_read_everything(built: Lake, listener: Listener) -> None:
    fetched(built, 10.1, said(1), said(3))
    rules = replace(RULES, scorer=listener, topics=(Topic("numbers", keywords=("number",)),))
    assert len(heard_again(built, listener, rules=rules)) == 3
    assert posts(built)["topics"].to_list() == [["numbers"]] * 3


def test_without_text_in_silver(lake: Lake, listener: Listener) -> None:
    rules = replace(RULES, scorer=listener, keep_text=False)
    fetched(lake, 9, said(1, "is #great"), said(2))
    heard_again(lake, listener, rules=rules)
    fetched(lake, 10.1, said(1, "is #great"), said(3))
    assert heard_again(lake, listener, rules=rules) == ["I think that number 3 is great"]
    assert posts(lake)["text"].null_count() == 3
    assert ["great"] in posts(lake)["hashtags"].to_list()


def test_a_window_that_is_not_held_reads_everything(built: Lake, listener: Listener) -> None:
    fetched(built, 10.1, said(1), said(3))
    assert len(heard_again(built, listener, budget=Budget(held_rows=1))) == 3


def test_rows_that_silver_lost_are_read_again(built: Lake, listener: Listener) -> None:
    """Whoever erased a row must keep it out of bronze too; silver alone forgets nothing."""
    from deltalake import DeltaTable

    from sentiment_assets.core.contracts import SILVER_POSTS

    gone = posts(built)["post_pid"][0]
    DeltaTable(built.table(SILVER_POSTS).uri).delete(f"post_pid = '{gone}'")
    fetched(built, 10.1, said(3))
    assert len(heard_again(built, listener)) == 2
