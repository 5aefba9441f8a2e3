from __future__ import annotations

import subprocess
import sys

import polars as pl
import pyarrow as pa
import pytest

from sentiment_assets.core.sentiment import (
    SCORE_SCHEMA,
    Scorer,
    label_of,
    score_texts,
    scorer_named,
)


def test_null_in_null_out_and_empty_scores_zero() -> None:
    scores = score_texts([None, "", "great"])
    assert scores.schema == SCORE_SCHEMA
    assert scores.to_pylist() == [
        {"neg": None, "neu": None, "pos": None, "compound": None},
        {"neg": 0.0, "neu": 0.0, "pos": 0.0, "compound": 0.0},
        {"neg": 0.0, "neu": 0.0, "pos": 1.0, "compound": 0.6249},
    ]


@pytest.mark.parametrize(
    "nothing",
    [[], pa.array([], pa.string()), pa.chunked_array([], pa.string()), pa.array([], pa.null())],
    ids=["list", "array", "chunked", "null type"],
)
def test_no_text_gives_an_empty_table(nothing: pa.Array) -> None:
    assert score_texts(nothing) == SCORE_SCHEMA.empty_table()


def test_only_nulls() -> None:
    assert score_texts(pa.nulls(2)).column("neu").null_count == 2


@pytest.mark.parametrize("wrong", [[1], [b"x"], pa.array([1])])
def test_what_is_no_string_is_refused(wrong: object) -> None:
    with pytest.raises(TypeError, match="string"):
        score_texts(wrong)  # type: ignore[arg-type]


def test_the_default_scorer_by_name() -> None:
    scorer: Scorer = scorer_named("vader")
    assert (scorer.name, scorer.version, scorer.languages) == ("vader", "3.3.2", {"en"})
    assert scorer.score(pa.array(["great"])) == score_texts(["great"])


def test_an_unknown_scorer_is_refused_with_the_known_names() -> None:
    with pytest.raises(ValueError, match=r"'roberta'.*vader"):
        scorer_named("roberta")


@pytest.mark.parametrize(
    ("compound", "label"),
    [(1.0, "positive"), (0.05, "positive"), (0.0499, "neutral"), (0.0, "neutral"),
     (-0.0499, "neutral"), (-0.05, "negative"), (-1.0, "negative"), (None, None)],
)  # fmt: skip
def test_label(compound: float | None, label: str | None) -> None:
    frame = pl.DataFrame({"compound": [compound]}, schema={"compound": pl.Float64})
    assert frame.select(label_of(pl.col("compound"))).item() == label


def test_the_lexicon_is_not_read_at_import() -> None:
    program = (
        "import builtins, codecs\n"
        "def refuse(path, *a, **k): raise AssertionError(f'opened {path}')\n"
        "codecs.open = builtins.open = refuse\n"
        "import sentiment_assets.core.sentiment\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
