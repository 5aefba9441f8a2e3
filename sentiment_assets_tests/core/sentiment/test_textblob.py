from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest
from textblob import TextBlob

from sentiment_assets.core.sentiment import SCORE_SCHEMA, score_texts
from sentiment_assets.core.sentiment.textblob import TEXTBLOB

TEXTS = [
    "", " ", "!!!", "Not a great day, but I love it", "😀 :) <3", "very very bad", "x\x00y good",
    "GREAT", "the table stands there", "I can't say that it is good", "good " * 500,
]  # fmt: skip


def test_compound_is_the_polarity_and_shares_are_null() -> None:
    scores = score_texts([*TEXTS, None, TEXTS[3]], TEXTBLOB)
    assert scores.schema == SCORE_SCHEMA
    assert {scores[share].null_count for share in ("neg", "neu", "pos")} == {len(TEXTS) + 2}
    expected = [round(TextBlob(text).sentiment.polarity, 4) for text in TEXTS]
    assert scores["compound"].to_pylist() == [*expected, None, expected[3]]
    assert min(expected) < 0 < max(expected)


@pytest.mark.parametrize("nothing", [[], [None]])
def test_nothing_to_score(nothing: list[None]) -> None:
    assert score_texts(nothing, TEXTBLOB)["compound"].null_count == len(nothing)


def test_the_version_is_the_installed_one() -> None:
    assert importlib.metadata.version("textblob") == TEXTBLOB.version


def test_nothing_is_downloaded_and_no_corpus_is_needed(tmp_path: object) -> None:
    """In a process without the corpora of a user, and without a network."""
    program = (
        "import sys\n"
        "def refuse(event, arguments):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo', 'urllib.Request'):\n"
        "        raise AssertionError(event)\n"
        "sys.addaudithook(refuse)\n"
        "from sentiment_assets.core.sentiment import score_texts\n"
        "from sentiment_assets.core.sentiment.textblob import TEXTBLOB\n"
        "print(score_texts(['I love it'], TEXTBLOB)['compound'][0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"HOME": str(tmp_path), "NLTK_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == "0.5"
