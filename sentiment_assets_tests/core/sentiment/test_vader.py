"""VADER's two implementations: both say what the published package says, to the last bit."""

from __future__ import annotations

import gzip
import importlib.metadata
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vaderSentiment import vaderSentiment

from sentiment_assets.core.sentiment import score_texts, vader, vader_python
from sentiment_assets.core.sentiment.vader import VADER, score_compiled, score_in_python
from sentiment_assets.core.sentiment.vader_words import CASELESS, SPACES, published_words
from sentiment_assets_tests.core.sentiment.published import (
    CASES,
    EMOJI,
    FROZEN,
    LEXICON,
    NAMED,
    PHRASES,
    Reference,
)

REPOSITORY = Path(__file__).parents[3]
DATA = Path(os.environ.get("SENTIMENT_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))

COMPILED = vader.kernel_in_use() == "compiled"
needs_kernel = pytest.mark.skipif(
    not COMPILED, reason="the kernel was not compiled here: install a C compiler, then make test"
)
IMPLEMENTATIONS: dict[str, Callable[[pa.Array], pa.Table]] = {
    "python": score_in_python,
    **({"compiled": score_compiled} if COMPILED else {}),
}
Differences = list[tuple[str, str, object, object]]


def differences(texts: list[str], reference: Reference) -> Differences:
    expected = [reference(text) for text in texts]
    found = []
    for name, score in IMPLEMENTATIONS.items():
        ours = [tuple(row.values()) for row in score(pa.array(texts, pa.string())).to_pylist()]
        # repr tells -0.0 from 0.0 and shows the last bit.
        found += [
            (name, text, theirs, mine)
            for text, theirs, mine in zip(texts, expected, ours, strict=True)
            if repr(theirs) != repr(mine)
        ]
    return found


@pytest.mark.parametrize("rule", CASES)
def test_every_rule_scores_as_published(rule: str, reference: Reference) -> None:
    assert differences(CASES[rule], reference) == []


def test_scores_are_those_frozen_on_python_3_11(reference: Reference) -> None:
    rows = [json.loads(line) for line in FROZEN.read_text().splitlines()]
    frozen = {text: tuple(scores) for text, *scores in rows}
    assert len(frozen) > 900
    assert differences(list(frozen), frozen.__getitem__) == []
    # The tests' own yardstick too, whatever Python runs them.
    assert [text for text in frozen if reference(text) != frozen[text]] == []


def test_a_tie_is_rounded_to_the_even_digit(reference: Reference) -> None:
    [word] = [w for w, f in published_words().words.items() if f.valence == 2.0][:1]
    # 13 of 16 parts: 0.8125, which no double comes closer to.
    text = f"{'table ' * 13}{word}"
    assert reference(text)[1] == 0.812
    assert differences([text], reference) == []


def test_a_long_text_scores_as_published(reference: Reference) -> None:
    text = " ".join(text for texts in CASES.values() for text in texts[:12])
    assert differences([text * 2, "x" * 100_000 + " good", "GOOD " * 300], reference) == []


words = st.one_of(
    st.sampled_from(NAMED),
    st.sampled_from(LEXICON),
    st.sampled_from(PHRASES),
    st.sampled_from(sorted({word for phrase in PHRASES for word in phrase.split()})),
    st.sampled_from(sorted(vaderSentiment.BOOSTER_DICT)),
    st.sampled_from(vaderSentiment.NEGATE),
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


@unhurried
@given(moods=st.lists(st.sampled_from(["good", "bad", "great", "ugh", "very"]), max_size=60),
       buts=st.lists(st.integers(0, 60), max_size=3))  # fmt: skip
def test_many_equal_valences_around_but_score_as_published(
    moods: list[str], buts: list[int], reference: Reference
) -> None:
    for place in sorted(buts):
        moods.insert(place, "but")
    assert differences([" ".join(moods)], reference) == []


def test_every_character_with_a_role_scores_as_published(reference: Reference) -> None:
    known = published_words()
    every = (chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    ours = [
        character
        for place, character in enumerate(every)
        if character.isspace()
        or character.isupper() != character.islower()
        or character.istitle()
        or character in CASELESS
        or character in known.emoji
        or place % 997 == 0
    ]
    texts = [
        f"GOOD{character} a{character}n't {character}love bad{character}" for character in ours
    ]
    assert len(texts) > 5_000
    assert differences(texts, reference) == []


def test_what_the_implementations_take_for_granted_of_unicode() -> None:
    every = [chr(code) for code in range(0x110000)]
    beyond = every[128:]
    # Only these have ASCII in their lower-case form, and the first one has more than ASCII.
    assert [c for c in beyond if any(map(str.isascii, c.lower()))] == ["\u0130", "\u212a"]
    assert not "\u0130".lower().isascii()
    assert [c for c in every if c.isspace() and c != " "] == list(SPACES)
    far = every[0x20000:]
    assert [c for c in far if c.isspace() or c.isupper() or c.islower() or c.istitle()] == []
    assert min(published_words().emoji) > "\x7f"
    assert max(published_words().emoji) < far[0]


def test_what_the_tables_take_for_granted_of_the_package() -> None:
    known = published_words()
    tables = vader_python._tables()
    assert len(known.words) < 1 << vader_python._WORD_BITS
    assert max(tables.roles) < 1 << vader_python._ROLE_BITS
    assert all(word.isascii() for word in known.words)
    # An emoticon with a letter in upper case can't be met, as in the published code.
    unmet = set(LEXICON) - known.words.keys()
    assert all(word != word.lower() or " " in word for word in unmet)


def test_the_letters_without_case_are_those_that_gained_one() -> None:
    gained = [letter for letter in CASELESS if letter.islower()]
    assert gained == ([] if sys.version_info < (3, 12) else list(CASELESS))


@pytest.mark.parametrize("path", sorted(DATA.glob("*.jsonl.gz")) or [DATA], ids=lambda p: p.name)
def test_real_posts_score_as_published(path: Path, reference: Reference) -> None:
    if path == DATA:
        pytest.skip(f"no posts in {DATA}: set SENTIMENT_SHARED_DATA to a folder of *.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    assert differences(texts, reference) == []


def test_neighbourhoods_are_forgotten_without_a_trace(
    monkeypatch: pytest.MonkeyPatch, reference: Reference
) -> None:
    monkeypatch.setattr(vader_python, "_KEPT", 3)
    monkeypatch.setattr(vader_python, "_TEXTS_AT_ONCE", 7)
    texts = [text for cases in CASES.values() for text in cases]
    assert differences(texts, reference) == []


def test_the_version_is_the_installed_one() -> None:
    assert importlib.metadata.version("vaderSentiment") == VADER.version


@pytest.mark.parametrize("score", IMPLEMENTATIONS.values(), ids=IMPLEMENTATIONS)
def test_slices_nulls_and_large_strings_score_alike(score: Callable[[pa.Array], pa.Table]) -> None:
    texts = pa.array(["bad", "good", None, "good", "", None, "😀", *["bad!"] * 20])
    expected = score(pa.array(["good", None, "good", "", None, "😀"]))
    assert expected.column("compound").to_pylist() == [0.4404, None, 0.4404, 0.0, None, 0.3612]
    assert score(texts.slice(1, 6)) == expected
    assert score(texts.cast(pa.large_string()).slice(1, 6)) == expected
    assert score(texts.slice(0, 0)).num_rows == 0
    assert score(pa.nulls(3, pa.string())).column("neg").null_count == 3
    assert score(texts.slice(20)) == score(pa.array(["bad!"] * 7))


def test_chunks_score_as_one() -> None:
    texts = pa.array(["bad", "good", None, "good"])
    chunks = pa.chunked_array([texts.slice(1, 1), texts.slice(2)])
    assert score_texts(chunks) == score_texts(["good", None, "good"])


@needs_kernel
@pytest.mark.parametrize("threads", [1, 2, 3, 64])
def test_any_number_of_threads_scores_alike(threads: int) -> None:
    texts = pa.array([text for cases in CASES.values() for text in [*cases, None]])
    assert score_compiled(texts, threads) == score_in_python(texts)


@needs_kernel
def test_kernel_refuses_rows_outside_its_buffers() -> None:
    column = memoryview(bytearray(16)).cast("d")
    offsets, data = memoryview(b"\0\0\0\0\4\0\0\0\x63\0\0\0").cast("i"), memoryview(b"good")

    def score(start: int, stop: int, offset: int = 0) -> None:
        vader._kernel().score(offsets, data, None, offset, start, stop, *[column] * 4)

    score(0, 1)
    with pytest.raises(ValueError, match="offset of the texts"):
        score(1, 2)
    for start, stop, offset in ((0, 3, 0), (-1, 1, 0), (0, 2, 1), (2, 1, 0)):
        with pytest.raises(ValueError, match="outside the buffers"):
            score(start, stop, offset)


@needs_kernel
@given(text=st.binary(max_size=40))
def test_bytes_that_are_no_utf_8_harm_nothing(text: bytes) -> None:
    buffers = pa.array([text, b"good"]).buffers()
    scores = score_compiled(pa.StringArray.from_buffers(2, buffers[1], buffers[2]))
    assert scores.column("compound")[1].as_py() == 0.4404


@needs_kernel
@pytest.mark.parametrize("words", ["not good ", "bad good but ", "VERY bad! ", "a ", "😀", "bad "])
def test_a_huge_post_takes_milliseconds(words: str) -> None:
    texts = pa.array([words * (72_000 // len(words.encode()))])

    def seconds() -> float:
        started = time.thread_time()
        score_compiled(texts)
        return time.thread_time() - started

    assert min(seconds() for _ in range(5)) < 0.005


def test_a_kernel_of_another_version_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = score_texts(["not good", None])
    monkeypatch.setattr(vader, "KERNEL_VERSION", vader.KERNEL_VERSION + 1)
    monkeypatch.setattr(vader, "score_compiled", None)
    assert vader.kernel_in_use() == "python"
    assert score_texts(["not good", None]) == expected


def test_without_a_kernel_scores_are_the_same() -> None:
    program = (
        "import sys\n"
        "sys.modules['sentiment_assets.core.sentiment._vader_kernel'] = None\n"
        "from sentiment_assets.core.sentiment import score_texts, vader\n"
        "print(vader.kernel_in_use(), score_texts(['not good', None]).to_pylist())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == f"python {score_texts(['not good', None]).to_pylist()}\n"
