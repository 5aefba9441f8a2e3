"""What is behind, and why: told from the rows' recipes and from what each recipe consisted of."""

from __future__ import annotations

import dataclasses

import pytest

from sentiment_assets.core import silver
from sentiment_assets.core.layout import PostPartition, Window
from sentiment_assets.core.sentiment import SCORERS
from sentiment_assets.core.silver import SilverRules, differences
from sentiment_assets.core.tracking import Topic
from sentiment_assets.engine.staleness import Behind, behind
from sentiment_assets.lake.bronze import read_partition, stored_partitions
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.recipes import note_recipe, read_recipe
from sentiment_assets_tests.bronze_records import DAY, RULES, at, line, payload, store
from sentiment_assets_tests.silver_of_a_lake import rebuild

MORNING, NOON = Window(DAY, "0800"), Window(DAY, "1200")
TEXTBLOB = SCORERS["textblob"]


@pytest.fixture
def built(lake: Lake) -> Lake:
    """Two windows, up to date, whose recipe was noted."""
    store(lake, MORNING, [line(payload(8.5, n), at(10.1)) for n in range(3)], at(10.1))
    store(lake, NOON, [line(payload(12.5, n), at(14.1)) for n in range(3)], at(14.1))
    rebuild(lake)
    note(lake, RULES)
    return lake


def note(lake: Lake, rules: SilverRules) -> None:
    note_recipe(lake, rules.recipe("x", DAY.date), rules.ingredients("x", DAY.date))


def found(lake: Lake, rules: SilverRules = RULES, *more: PostPartition) -> Behind | None:
    return behind(lake, [read_partition(lake, p) for p in (DAY, *more)], rules).get(DAY)


def test_nothing_is_behind(built: Lake) -> None:
    assert found(built) is None


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        pytest.param({"keep_text": False}, ["text: kept, now dropped"], id="text"),
        pytest.param({"region": "ZA"}, ["region: none, now ZA"], id="region"),
        pytest.param({"regions": {"x": "KE"}}, ["region: none, now KE"], id="platform's region"),
        pytest.param({"allow": ("Nimbus",)}, ["allowed words changed"], id="allowed words"),
        pytest.param({"name_model": "spacy"}, ["name model: none, now "], id="name model"),
        pytest.param(
            {"topics": (Topic("other", keywords=("great",)),)},
            ["allowed words changed", "topics changed"],
            id="topics",
        ),
        pytest.param({"scorer": TEXTBLOB}, ["scorer: vader 3.3.2, now textblob "], id="scorer"),
    ],
)
def test_another_recipe_says_what_changed(
    built: Lake, changed: dict[str, object], why: list[str]
) -> None:
    rules = dataclasses.replace(RULES, **changed)  # type: ignore[arg-type]
    stale = found(built, rules)
    assert stale is not None
    assert stale.windows == (MORNING, NOON)
    assert len(stale.why) == len(why)
    assert all(told.startswith(start) for told, start in zip(stale.why, why, strict=True))


def test_a_rule_says_its_numbers(built: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    was = silver.RULE_VERSIONS["pii"]
    monkeypatch.setitem(silver.RULE_VERSIONS, "pii", was + 1)
    stale = found(built)
    assert stale is not None
    assert stale.why == (f"rules of pii: {was}, now {was + 1}",)


def test_every_ingredient_is_part_of_the_recipe_and_the_other_way_round() -> None:
    """What the recipe's digits hide, the ingredients say: neither changes without the other."""
    others = [
        dataclasses.replace(RULES, **changed)
        for changed in (
            {"keep_text": False}, {"region": "ZA"}, {"regions": {"x": "KE"}},
            {"allow": ("Nimbus",)}, {"scorer": TEXTBLOB}, {"topics": ()}, {"name_model": "spacy"},
        )
    ]  # fmt: skip
    for other in [RULES, *others]:
        same = other.ingredients("x", DAY.date) == RULES.ingredients("x", DAY.date)
        assert same is (other.recipe("x", DAY.date) == RULES.recipe("x", DAY.date))


def test_newer_bronze_and_a_window_that_was_never_built(built: Lake) -> None:
    store(built, NOON, [line(payload(12.6, 9), at(16.1))], at(16.1))
    stale = found(built)
    assert stale == Behind((NOON,), ("newer bronze",))
    evening = Window(DAY, "1800")
    store(built, evening, [line(payload(18.5, 1), at(20.1))], at(20.1))
    stale = found(built)
    assert stale == Behind((NOON, evening), ("newer bronze", "not built yet"))


def test_a_recipe_that_nobody_noted(lake: Lake) -> None:
    store(lake, MORNING, [line(payload(8.5), at(10.1))], at(10.1))
    rebuild(lake)
    stale = found(lake, dataclasses.replace(RULES, keep_text=False))
    assert stale is not None
    assert stale.why == (f"older recipe {RULES.recipe('x', DAY.date)}",)


def test_windows_without_rows_say_what_can_be_said(lake: Lake) -> None:
    store(lake, MORNING, [], at(10.1))
    rebuild(lake)
    stale = found(lake, dataclasses.replace(RULES, keep_text=False))
    assert stale == Behind((MORNING,), ("newer bronze or another recipe",))


def test_recipes_are_kept_as_they_were_first_noted(lake: Lake) -> None:
    assert read_recipe(lake, "abc") is None
    note_recipe(lake, "abc", {"scorer": "vader 1"})
    note_recipe(lake, "abc", {"scorer": "another"})
    assert read_recipe(lake, "abc") == {"scorer": "vader 1"}
    lake.objects.put("silver/_recipes/torn.json", b"{")
    assert read_recipe(lake, "torn") is None


def test_no_secret_and_no_tracked_word_is_noted(built: Lake) -> None:
    noted = built.objects.get(f"silver/_recipes/{RULES.recipe('x', DAY.date)}.json").decode()
    assert "ab" * 8 not in noted
    assert not any(word in noted for topic in RULES.topics for word in topic.keywords)


def test_ingredients_that_came_or_went() -> None:
    assert differences({"a": "1", "b": "2"}, {"b": "2", "c": "3"}) == ["a changed", "c changed"]


def test_the_partitions_of_bronze(built: Lake) -> None:
    assert stored_partitions(built) == [DAY]
    built.objects.put("bronze/batch_posts/date=2026-11-24/readme.txt", b"")
    assert stored_partitions(built) == [DAY]
