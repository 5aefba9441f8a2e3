"""Verdicts over counts, and the sentences that go with them."""

from __future__ import annotations

import polars as pl
import pytest

from sentiment_assets.core.contracts import DAILY_SUMMARY, HOURLY_SENTIMENT
from sentiment_assets.core.quality import (
    VOLUME_BOUNDS,
    VOLUME_DAYS,
    Conservation,
    ConservationError,
    conservation_verdict,
    key_verdict,
    recipe_verdict,
    required_verdict,
    schema_verdict,
    scorer_verdict,
    volume_verdict,
)

PROMISED = {"a": '"long" not null', "b": '"string"'}


@pytest.mark.parametrize(
    ("counts", "holds", "sentence"),
    [
        (Conservation(), True, "0 records in = 0 rows + 0 duplicates + 0 quarantined"),
        (Conservation(7, 4, 2, 1), True, "7 records in = 4 rows + 2 duplicates + 1 quarantined"),
        (Conservation(8, 4, 2, 1), False, "8 records in ≠ 4 rows + 2 duplicates + 1 quarantined"),
        (Conservation(6, 4, 2, 1), False, "6 records in ≠ 4 rows + 2 duplicates + 1 quarantined"),
    ],
)
def test_conservation(counts: Conservation, holds: bool, sentence: str) -> None:
    assert counts.holds is holds
    assert str(counts) == sentence
    verdict = conservation_verdict(counts)
    assert (verdict.passed, verdict.sentence) == (holds, sentence)
    assert verdict.counts["records"] == counts.records
    if holds:
        counts.require("silver of window 0800")
    else:
        with pytest.raises(ConservationError, match=f"silver of window 0800: {counts.records} rec"):
            counts.require("silver of window 0800")


def test_counts_of_parts_add_up() -> None:
    parts = [Conservation(3, 2, 1, 0), Conservation(4, 1, 0, 3), Conservation()]
    assert sum(parts, Conservation()) == Conservation(7, 3, 1, 3)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({}, "missing: a, b"),
        ({"a": PROMISED["a"]}, "missing: b"),
        (PROMISED | {"z": '"long"', "c": '"long"'}, "not in the contract: c, z"),
        (PROMISED | {"b": '"long"'}, 'b is "long", not "string"'),
        ({"a": '"long"', "c": '"long"'},
         'missing: b; not in the contract: c; a is "long", not "long" not null'),
    ],
)  # fmt: skip
def test_columns_that_are_not_the_contracts(columns: dict[str, str], sentence: str) -> None:
    verdict = schema_verdict(HOURLY_SENTIMENT, PROMISED, columns)
    assert (verdict.passed, verdict.sentence) == (False, sentence)


def test_columns_that_are_the_contracts() -> None:
    verdict = schema_verdict(HOURLY_SENTIMENT, PROMISED, dict(reversed(PROMISED.items())))
    assert verdict.passed
    assert verdict.sentence == "as contract gold/hourly_sentiment 1.1"
    assert verdict.counts == {"columns": 2, "missing": 0, "foreign": 0}


@pytest.mark.parametrize(
    ("hours", "repeated"),
    [([], 0), ([1], 0), ([1, 2], 0), ([1, 1], 1), ([1, 1, 1, 2, 2], 3)],
)
def test_keys_that_repeat(hours: list[int], repeated: int) -> None:
    rows = pl.LazyFrame(
        {"platform": ["x"] * len(hours), "hour": hours}, schema={"platform": str, "hour": int}
    )
    verdict = key_verdict(HOURLY_SENTIMENT, rows)
    assert verdict.passed is (repeated == 0)
    assert verdict.counts == {"rows": len(hours), "repeated": repeated}
    assert "(platform, hour)" in verdict.sentence


def test_a_key_that_differs_in_one_column_is_another_key() -> None:
    rows = pl.LazyFrame({"platform": ["x", "y"], "hour": [1, 1]})
    assert key_verdict(HOURLY_SENTIMENT, rows).passed


def test_required_columns_with_nulls_are_named_and_counted() -> None:
    columns: dict[str, list[int | None]] = {name: [1, 2, 3] for name in DAILY_SUMMARY.required}
    assert required_verdict(DAILY_SUMMARY, pl.LazyFrame(columns)).passed
    columns |= {"hidden_hours": [1, None, None], "recipes": [None, 2, 3], "posts": [None] * 3}
    verdict = required_verdict(DAILY_SUMMARY, pl.LazyFrame(columns))
    assert not verdict.passed
    assert verdict.sentence == "hidden_hours is null in 2 rows; recipes is null in 1 rows"
    assert verdict.counts == {"hidden_hours": 2, "recipes": 1}


USUAL = [(90, 1.0), (100, 1.0), (500, 1.0)]
LOW, HIGH = VOLUME_BOUNDS


@pytest.mark.parametrize(
    ("posts", "share", "trailing", "passed"),
    [
        # Too little to compare with, or nothing fetched yet.
        (0, 1.0, [], True),
        (0, 1.0, USUAL[: VOLUME_DAYS - 1], True),
        (0, 0.0, USUAL, True),
        # Days hardly fetched are no days to compare with.
        (0, 1.0, [*USUAL[:2], (1, 0.5), (1, 0.0)], True),
        (100, 1.0, USUAL, True),
        (round(100 * LOW), 1.0, USUAL, True),
        (round(100 * LOW) - 1, 1.0, USUAL, False),
        (round(100 * HIGH), 1.0, USUAL, True),
        (round(100 * HIGH) + 1, 1.0, USUAL, False),
        (0, 1.0, USUAL, False),
        # Half a day brings half the posts, now and then.
        (50, 0.5, USUAL, True),
        (14, 0.5, USUAL, False),
        (100, 1.0, [(60, 0.6), (60, 0.6), (75, 0.75)], True),
        # Days that brought nothing.
        (0, 1.0, [(0, 1.0)] * 3, True),
        (5, 1.0, [(0, 1.0)] * 3, True),
    ],
)
def test_a_days_volume_against_the_trailing_median(
    posts: int, share: float, trailing: list[tuple[int, float]], passed: bool
) -> None:
    verdict = volume_verdict(posts, share, trailing)
    assert verdict.passed is passed
    assert str(posts) in verdict.sentence or "to compare with" in verdict.sentence
    assert verdict.counts["posts"] == posts


def test_what_a_volume_verdict_says() -> None:
    verdict = volume_verdict(40, 0.5, USUAL)
    assert verdict.sentence == ("40 posts, 0.80 times what the fetched 50% of a day usually brings")
    assert verdict.counts == {"posts": 40, "expected": 50, "ratio": 0.8}


@pytest.mark.parametrize(
    ("recipes", "scorers", "passed", "sentence"),
    [
        ([], [], True, "same rules"),
        (["a"], ["vader 3.3.2"], True, "same rules"),
        (["a", "b"], ["vader 3.3.2"], False, "follow 2 recipes, scored by vader 3.3.2: "),
        (["a", "b"], ["t 1", "v 2"], False, "follow 2 recipes, scored by t 1, v 2: "),
    ],
)
def test_one_recipe(recipes: list[str], scorers: list[str], passed: bool, sentence: str) -> None:
    verdict = recipe_verdict(recipes, scorers)
    assert verdict.passed == passed
    assert sentence in verdict.sentence
    assert verdict.counts == {"recipes": len(recipes), "scorers": len(scorers)}


@pytest.mark.parametrize(
    ("scorers", "passed"), [([], True), (["v 1"], True), (["v 1", "v 2"], False)]
)
def test_one_scorer(scorers: list[str], passed: bool) -> None:
    verdict = scorer_verdict(scorers)
    assert (verdict.passed, verdict.counts) == (passed, {"scorers": len(scorers)})
    assert passed or "scored by v 1, v 2: " in verdict.sentence
