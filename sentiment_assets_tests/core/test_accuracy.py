"""Measures against counts by hand, and against what they must always keep."""

from __future__ import annotations

import json
import math
import os
import random
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from sentiment_assets.cli.accuracy import prepared, read_labelled
from sentiment_assets.core.accuracy import (
    CHOSEN_ON,
    HELD_BACK,
    LABELLED,
    LABELS,
    Measure,
    Share,
    correlation,
    distinct,
    gain,
    halves,
    measure,
    own_sentences,
    wilson,
)
from sentiment_assets.core.sentiment import SCORE_SCHEMA
from sentiment_assets.core.sentiment.social import SOCIAL
from sentiment_assets.core.sentiment.vader import VADER
from simulator import labelled as simulated

REPOSITORY = Path(__file__).parents[2]
DATA = Path(os.environ.get("SENTIMENT_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))

VALUES = {"negative": -0.5, "neutral": 0.0, "positive": 0.5}


class Says:
    """Scores a text by its last word: what the verdict is to be."""

    name, version, languages = "says", "1", frozenset({"en"})

    def score(self, texts: pa.Array) -> pa.Table:
        compound = [None if t is None else VALUES[t.split()[-1]] for t in texts.to_pylist()]
        empty = pa.nulls(len(texts), pa.float64())
        return pa.table(
            [empty, empty, empty, pa.array(compound, pa.float64())], schema=SCORE_SCHEMA
        )


def labelled(counts: dict[tuple[str, str], int], **more: str | float) -> pl.DataFrame:
    """Texts by label and verdict."""
    rows = [
        {"text": f"text {label} {n} {verdict}", "label": label, "lang": "en", "part": "all", **more}
        for (label, verdict), count in counts.items()
        for n in range(count)
    ]
    return pl.DataFrame(rows, schema={**LABELLED, "part": pl.String})


def measured(counts: dict[tuple[str, str], int]) -> Measure:
    (one,) = measure(labelled(counts), [Says()])
    return one


BY_HAND = {
    ("negative", "negative"): 6, ("negative", "positive"): 4,
    ("neutral", "neutral"): 5, ("neutral", "negative"): 10, ("neutral", "positive"): 5,
    ("positive", "positive"): 40,
}  # fmt: skip


def test_by_hand() -> None:
    one = measured(BY_HAND)
    assert one.n == 70
    assert one.confusion == ((6, 0, 4), (10, 5, 5), (0, 0, 40))
    assert one.macro_recall.value == pytest.approx((0.6 + 0.25 + 1) / 3)
    assert one.macro_f1.value == pytest.approx((12 / 26 + 10 / 25 + 80 / 89) / 3)
    assert [round(r.value, 2) for r in one.recalls if r] == [0.6, 0.25, 1.0]
    for share in (one.macro_recall, one.macro_f1, *(r for r in one.recalls if r)):
        assert 0 <= share.low <= share.value <= share.high <= 1
    assert (one.correlation, one.graded, one.supported) == (None, 0, True)


def test_a_label_without_texts_counts_in_no_mean() -> None:
    one = measured({("negative", "negative"): 3, ("positive", "neutral"): 3})
    assert one.recalls[1] is None
    assert one.macro_recall.value == pytest.approx(0.5)


def test_more_texts_of_the_same_kind_narrow_the_intervals() -> None:
    few, many = measured(BY_HAND), measured({key: 25 * count for key, count in BY_HAND.items()})
    assert few.macro_recall.value == pytest.approx(many.macro_recall.value)
    widths = [m.macro_recall.high - m.macro_recall.low for m in (few, many)]
    assert widths[0] / widths[1] == pytest.approx(5, rel=0.1)


def test_the_bootstrap_agrees_with_the_formula() -> None:
    """The variance of a macro recall is the mean of the recalls' variances, over 3."""
    one = measured({key: 40 * count for key, count in BY_HAND.items()})
    sizes = {"negative": 400, "neutral": 800, "positive": 1600}
    error = math.sqrt(sum(
        r.value * (1 - r.value) / n for r, n in zip(one.recalls, sizes.values(), strict=True) if r
    )) / 3  # fmt: skip
    assert one.macro_recall.high - one.macro_recall.low == pytest.approx(3.92 * error, rel=0.08)


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    # The values of the formula's own literature: 0 of 10, 5 of 10, 10 of 10.
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0)],
)
def test_wilson(right: int, n: int, low: float, high: float) -> None:
    share = wilson(right, n)
    assert share is not None
    assert (share.value, share.low, share.high) == pytest.approx((right / n, low, high), abs=1e-4)
    assert wilson(0, 0) is None


def test_correlation_of_grades() -> None:
    found = correlation([1, 2, 3, 4, 5], [1, 2, 3, 5, 4])
    assert found is not None
    assert found.value == pytest.approx(0.9)
    assert (found.low, found.high) == pytest.approx((0.0869, 0.9935), abs=1e-3)
    assert correlation([1, 2], [1, 2]) is None
    assert correlation([1, 1, 1], [1, 2, 3]) is None
    assert correlation([1, 2, 3, 4], [2, 4, 6, 8]) == Share(pytest.approx(1.0), -1.0, 1.0)
    graded = labelled({("negative", "negative"): 4, ("positive", "positive"): 4}, score=1.5)
    graded = graded.with_columns(score=pl.when(pl.col("label") == "negative").then(-1).otherwise(2))
    (one,) = measure(graded.cast({"score": pl.Float64}), [Says()])
    assert (one.graded, one.correlation and round(one.correlation.value, 6)) == (8, 1.0)


def test_gain_is_of_the_same_texts() -> None:
    texts = labelled(BY_HAND)
    assert gain(texts, Says(), Says()) == Share(0.0, 0.0, 0.0)

    class Right(Says):
        def score(self, texts: pa.Array) -> pa.Table:
            return super().score(pa.array([f"x {t.split()[1]}" for t in texts.to_pylist()]))

    found = gain(texts, Right(), Says())
    assert found.value == pytest.approx(1 - (0.6 + 0.25 + 1) / 3)
    assert 0 < found.low < found.value < found.high
    back = gain(texts, Says(), Right())
    assert back.value == pytest.approx(-found.value)


def test_groups_are_measured_apart() -> None:
    some = labelled({("negative", "negative"): 2})
    others = labelled({("negative", "positive"): 3}, lang="de", platform="x")
    first, second = measure(pl.concat([some, others]), [Says()])
    assert (first.lang, first.platform, first.n, first.supported) == ("de", "x", 3, False)
    assert (second.lang, second.platform, second.n, second.supported) == ("en", None, 2, True)


def test_texts_that_differ_in_signs_count_once() -> None:
    texts = ["Good day!", "good  day", "@user good day", "Good days", "好", "坏"]
    frame = pl.DataFrame(
        {"text": texts, "label": "neutral", "lang": "en", "platform": None, "score": None},
        schema=LABELLED,
    )
    assert distinct(frame)["text"].to_list() == ["Good day!", "Good days", "好", "坏"]


def test_halves_are_even_and_the_same_for_variants_of_a_text() -> None:
    rng = random.Random(1)
    texts = [f"post {rng.random()}" for _ in range(2_000)]
    parts = halves(pl.Series(texts))
    assert set(parts) == {CHOSEN_ON, HELD_BACK}
    assert 900 < (parts == HELD_BACK).sum() < 1_100
    assert halves(pl.Series([f"@user {t.upper()}!!" for t in texts])).equals(parts)


def test_own_sentences_are_the_simulators() -> None:
    """Where the story's phrases changed: python -m simulator.labelled says how to renew them."""
    own = own_sentences().select("text", pl.col("label").cast(pl.String), "lang").to_dicts()
    assert own == list(simulated.sentences())
    assert set(own_sentences()["label"].unique()) == set(LABELS)
    assert len(own) > 200


def test_files_of_labels(tmp_path: Path) -> None:
    rows = [
        {"text": "I love it", "label": "positive"},
        {"text": "no label"},
        {"text": "Ek hou daarvan", "label": "positive", "lang": "af", "platform": "facebook",
         "score": 2.5, "more": 1},
    ]  # fmt: skip
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    found = prepared(read_labelled(tmp_path), "x", own=False)
    assert found.drop("part").rows() == [
        ("I love it", "positive", "en", "x", None),
        ("Ek hou daarvan", "positive", "af", "facebook", 2.5),
    ]
    assert found["part"].to_list()[1] == "all"


def test_the_list_of_words_gains_on_posts_it_was_not_chosen_on() -> None:
    if not DATA.is_dir():
        pytest.skip(f"no labelled posts in {DATA}: set SENTIMENT_SHARED_DATA")
    posts = prepared(read_labelled(DATA), "x", own=False)
    held = posts.filter(pl.col("lang") == "en", pl.col("part") == HELD_BACK)
    vader, social = measure(held, [VADER, SOCIAL])
    assert vader.n > 1_000
    assert round(vader.macro_recall.value, 2) == 0.57
    assert round(social.macro_recall.value, 2) == 0.60
    assert gain(held, SOCIAL, VADER).low > 0
