from __future__ import annotations

import gzip
import importlib.metadata
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vaderSentiment import vaderSentiment as published

from sentiment_assets.core.sentiment import score_texts
from sentiment_assets.core.sentiment.vader import VADER

Reference = Callable[[str], tuple[float, ...]]

REPOSITORY = Path(__file__).parents[3]
DATA = Path(os.environ.get("SENTIMENT_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))


def differences(texts: list[str], reference: Reference) -> list[tuple[str, object, object]]:
    ours = [tuple(row.values()) for row in score_texts(texts).to_pylist()]
    # repr tells -0.0 from 0.0 and shows the last bit.
    return [
        (text, theirs, mine)
        for text, theirs, mine in zip(texts, map(reference, texts), ours, strict=True)
        if repr(theirs) != repr(mine)
    ]


CASES = {
    "no word": ["", " ", "\n\t", "!!!", "...", "a"],
    "no sentiment": ["the table stands there", "??", "RT"],
    "negation": ["not good", "not very good", "not so very good", "isnt it good", "can't be good",
                 "without doubt good", "without a doubt good", "never so good", "never this good",
                 "never so very good", "never been this good", "it is so good here",
                 "shouldn't've good"],
    "no": ["no good", "no problem no", "no", "no no", "no very good", "no bad or good",
           "no bad nor good", "no idea or good", "no idea and good", "NO GOOD deal"],
    "boosters": ["very good", "very very very good", "VERY good", "barely good", "BARELY bad",
                 "kind of good", "It was only kind of good", "it was sort of good",
                 "kind-of good", "just enough good to it", "a kind heart", "kind", "kind of"],
    "caps": ["GOOD", "a GOOD day", "A GOOD DAY", "A GOOD DAY 5", "this is BAD", "1 BAD", "BAD :)"],
    "idioms": ["it is the shit", "this is the bomb", "he is a bad ass", "at the bus stop now",
               "oh yes yeah right", "yeah right sure", "the kiss of death here", "shoes to die for",
               "these shoes are to die for", "my own beating heart", "he is so badass",
               "well now that was kiss of death", "a big fat kiss of death", "one bus stop love it",
               "at the bus stop love", "my old bad ass love"],
    "least": ["least good", "the least good", "at least good", "very least good", "At LEAST GOOD"],
    "but": ["good but bad", "bad but good but bad", "but good", "good but", "good good but good",
            "great BUT horrible great", "good bad but good bad good", "good, but. good"],
    "punctuation": ["good!", "good!!", "good!!!!", "good!!!!!!!!", "good?", "good??", "good???",
                    "good????", "bad?!?!", "!good!", "'good'", "(good)", "g.o.o.d", "ok!!!",
                    "#good", "good,bad", "bad!! good??"],
    "emoticons": [":)", ":(", ":D", ":-D", "x:)", ":).", "(:", "<3", "</3", "O.o", "XD good"],
    "emoji": ["😀", "😀😀", "😀 😀", "good😀", "😀good", "😀 good", "🔛", "🆙good", "👍🏽",
              "👩‍👩‍👧",
              "🇿🇦", "❤️", "♥good", "©good", "®", "😀!", "😡 not good", "not😀good",
              "\t😀", "💔but😀"],
    "Unicode": ["ſo good", "GOOD İ", "\u212aIND of good", "good\u2003bad", "good\u00a0bad",  # noqa: RUF001
                "good\x00bad", "\x1fgood\x85bad", "ISN’T good", "ｇｏｏｄ", "die Kinder", "حب"],  # noqa: RUF001
}  # fmt: skip


@pytest.mark.parametrize("rule", CASES)
def test_every_rule_scores_as_published(rule: str, reference: Reference) -> None:
    assert differences(CASES[rule], reference) == []


def test_a_long_text_scores_as_published(reference: Reference) -> None:
    text = " ".join(text for texts in CASES.values() for text in texts)
    assert differences([text * 2, "x" * 100_000 + " good", "GOOD " * 300], reference) == []


LEXICON = sorted(published.SentimentIntensityAnalyzer().lexicon)
EMOJI = sorted(published.SentimentIntensityAnalyzer().emojis)
PHRASES = [p for p in (*published.SPECIAL_CASES, *published.BOOSTER_DICT) if " " in p]
NAMED = ["no", "or", "nor", "least", "at", "very", "never", "so", "this", "without", "doubt",
         "but", "kind", "of", "mustn't've", "table", "42", "good", "bad"]  # fmt: skip

words = st.one_of(
    st.sampled_from(NAMED),
    st.sampled_from(LEXICON),
    st.sampled_from(PHRASES),
    st.sampled_from(sorted({word for phrase in PHRASES for word in phrase.split()})),
    st.sampled_from(sorted(published.BOOSTER_DICT)),
    st.sampled_from(published.NEGATE),
    st.sampled_from(EMOJI),
)
tokens = st.builds(
    lambda word, case, before, after: before + case(word) + after,
    words,
    st.sampled_from([str, str, str.upper, str.title]),
    st.sampled_from(["", "", "", "(", "#"]),
    st.sampled_from([" ", " ", " ", " ", "", "! ", "? ", "?? ", ", ", "\n", "\u3000", "😀 "]),
)
unhurried = settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])


@unhurried
@given(texts=st.lists(st.lists(tokens, max_size=12).map("".join), min_size=8, max_size=8))
def test_any_mixture_of_rules_scores_as_published(texts: list[str], reference: Reference) -> None:
    assert differences(texts, reference) == []


@unhurried
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_unicode_scores_as_published(text: str, reference: Reference) -> None:
    assert differences([text, f"good {text}bad", text.upper() + " love"], reference) == []


@pytest.mark.parametrize("path", sorted(DATA.glob("*.jsonl.gz")) or [DATA], ids=lambda p: p.name)
def test_real_posts_score_as_published(path: Path, reference: Reference) -> None:
    if path == DATA:
        pytest.skip(f"no posts in {DATA}: set SENTIMENT_SHARED_DATA to a folder of *.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    started = time.process_time()
    expected = {text: reference(text) for text in texts}
    between = time.process_time()
    score_texts(texts)
    ended = time.process_time()
    assert differences(texts, expected.__getitem__) == []
    stock, ours = len(texts) / (between - started), len(texts) / (ended - between)
    print(f"\n{path.name}: published {stock:,.0f} texts/s, ours {ours:,.0f} texts/s")


def test_tokens_are_forgotten_without_a_trace(
    monkeypatch: pytest.MonkeyPatch, reference: Reference
) -> None:
    monkeypatch.setattr("sentiment_assets.core.sentiment.vader._KEPT_TOKENS", 3)
    texts = [text for cases in CASES.values() for text in cases]
    assert differences(texts, reference) == []


def test_the_version_is_the_installed_one() -> None:
    assert importlib.metadata.version("vaderSentiment") == VADER.version


def test_slices_and_large_strings_score_alike() -> None:
    texts = pa.array(["bad", "good", None, "good"])
    expected = score_texts(["good", None, "good"])
    assert score_texts(texts.slice(1)) == expected
    assert score_texts(texts.cast(pa.large_string()).slice(1)) == expected
    assert score_texts(pa.chunked_array([texts.slice(1, 1), texts.slice(2)])) == expected
