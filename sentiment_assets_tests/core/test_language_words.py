"""Words that tell a language: the compiled kernel finds and counts what the patterns do."""

from __future__ import annotations

import gzip
import json
import os
from array import array
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentiment_assets.core import function_words, language_words
from sentiment_assets.core.language import detect
from sentiment_assets.core.language_words import (
    LOOKED_AT,
    counted,
    counted_by_patterns,
    has_text,
    has_text_by_patterns,
)

REPOSITORY = Path(__file__).parents[2]
DATA = Path(os.environ.get("SENTIMENT_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))

needs_kernel = pytest.mark.skipif(
    language_words.kernel_in_use() != "compiled",
    reason="the kernel was not compiled here: install a C compiler, then make test",
)


def differences(texts: list[str]) -> list[tuple[str, object, object]]:
    """Texts of which the two say otherwise, and what each says."""
    found = counted(pa.array(texts, pa.string())).sort("index").drop("index")
    expected = counted_by_patterns(pl.Series(texts, dtype=pl.String))
    assert found.schema == expected.schema
    series = pl.Series(texts, dtype=pl.String)
    seen, should = has_text(series), has_text_by_patterns(series)
    return [
        (text, *both)
        for text, *both in zip(
            texts,
            zip(found.rows(), seen, strict=True),
            zip(expected.rows(), should, strict=True),
            strict=True,
        )
        if both[0] != both[1]
    ]


def words(text: str) -> str:
    (found,) = counted(pa.array([text]))["words"]
    return str(found)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("HELLO You", "hello you"),
        ("see https://x.org/The?a=B, ok", "see ok"),
        ("see http… ok", "see ok"),
        ("ahttp://x httpx www.x.org", "ahttp://x httpx"),
        ("WWW.that and wwwx.this", "and wwwx.this"),
        ("RT @name: this, rt @name that @ name", "this, that @ name"),
        ("PORT @name", "port"),
        ("R @a RT  @b RT b", "r rt rt b"),
        ("mail me@home or @", "mail me or @"),
        ("[name] [two words] [a1] [] [Email_x]", "[a ] []"),
        ("&amp; &AMP; &lt;b&gt; &nbsp; &am;", "b &nbsp; &am;"),
        ("sunset @ Los Angeles, now! great", "sunset ! great"),
        ("@ Los Angeles", "@ los angeles"),
        ("at @ 8 we meet", "at"),
        ("one two #TagsAlone", "one two tags alone"),
        ("one two three #NotThis", "one two three"),
        ("one two#three four#five", "one two four"),
        ("one two # three", "one two three"),
        ("aB cD", "a b c d"),
        ("one two three aB", "one two three ab"),
        ("it\u2019s don`t \U0001f600 1st a_b", "it's don't st a b"),
        ("\u00c9t\u00e9 \u00e0 Malm\u00f6 \u2139\ufe0f", "\u00e9t\u00e9 \u00e0 malm\u00f6"),
        ("\u200bzero\u200dwidth\u00a0space\t\n", "zero width space"),
        ("\u0130 \u017f \u212a @\u017fx [\u212a]", "i\u0307 \u017f k"),
        ("", ""),
    ],
)
def test_words_are_what_is_left(text: str, left: str) -> None:
    assert words(text) == left
    assert differences([text]) == []


def test_a_long_text_is_cut_at_a_character_and_not_before() -> None:
    for end in ("", " ", " x", "x", "\u00e9", " \U0001f600 \u00e9x"):
        for length in range(LOOKED_AT - 4, LOOKED_AT + 4):
            assert differences(["h\u00e9llo " * 60, ("ab " * 120)[:length] + end]) == []
    assert len(words("a\u00e9" * 400)) == LOOKED_AT


LISTS = [
    word
    for words in (
        function_words.ENGLISH,
        function_words.BORROWED_ENGLISH,
        *function_words.OTHERS.values(),
        *function_words.AFRICAN.values(),
    )
    for word in words.split()
]


@pytest.mark.parametrize("case", [str, str.upper, str.title])
@pytest.mark.parametrize(
    "around", ["{}", "({})", "x{}", "{}x", "{}'s", "{}'{}", "\u00e9{}\u00e9", "{}-{}"]
)
def test_every_word_of_the_lists_is_counted(case: type[str], around: str) -> None:
    assert differences([case(around.format(word, word)) for word in LISTS]) == []


def test_beginnings_of_nguni_words() -> None:
    starts = function_words.NGUNI_BEGINNINGS.split()
    texts = [a + b for a in starts for b in ("", "abc", "abca", "abcd", "abcde", "xabco", "é", "y")]
    assert differences(texts) == []
    ends = pl.Series([f"{start}xyza" for start in starts])
    assert counted_by_patterns(ends)["other"].to_list() == [1] * len(starts)


PIECES = [
    "http", "https", "HTTP://", "www.", "WwW.x", "http\u2026", "s:", "://x.org/a?b=c", "@", "@ ",
    "@user", "RT", "RT ", "rt @x", "RT @X:", ":", "#", "##", "#Tag", "#aB_1", "\uff03x",
    "\uff20y", "[", "]", "[name]", "[two words]", "[NAME_x]", "[a1]", "&", "&amp;", "&LT;", "&gt",
    ";", "&am", "@ New York", "@   8 pm", "!", "?", "\n", "\t", " ", "  ", "\u00a0", "\u2028",
    "\x00", "\x1c", "_", "'", "\u2019", "`", "\u00b4", "0", "\u00b2", "\u00bd", "\u0664", "a",
    "A", "I", "aB", "n", "ng", "y", "\u00e9", "\u00c9", "\u00df", "\u1e9e", "\u0130", "\u0131",
    "\u017f", "\u212a", "\u212b", "\u00aa", "\u00b5", "\u023a", "e\u0301", "\u0301", "\u0149",
    "\u01c5", "\u2139", "\u24c2", "\u2122", "\u00a9", "\u00d7", "\u00b7", "\u203c\ufe0f",
    "\U0001f600", "\u2764\ufe0f", "\U0001f1ff\U0001f1e6", "\U0001f469\u200d\U0001f9b0",
    "1\ufe0f\u20e3", "\u6d77", "\u03a3", "\u0441", "\u0627", "don't", "it\u2019s", "that's",
    "c'est", "d'une", "f\u00fcr", "est\u00e0", "tr\u00e8s", "m\u00eame", "you", "ngiyabonga",
    "umuntu", "siyahamba", "the", "THE", "birthday", "Die", "nicht", "que", "y'all", "...", "-",
    ",",
]  # fmt: skip
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(PIECES),
        st.sampled_from(LISTS),
        st.sampled_from(LISTS).map(str.title),
        st.sampled_from([" ", " ", "", "."]),
        st.characters(exclude_categories=["Cs"]),
        st.characters(max_codepoint=0x24F),
    ),
    max_size=24,
).map("".join)


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(texts=st.lists(TEXTS, min_size=12, max_size=12))
def test_any_mixture_is_read_alike(texts: list[str]) -> None:
    assert differences(texts) == []


@needs_kernel
def test_every_character_is_read_alike() -> None:
    codes = [c for first, end in language_words._BLOCKS for c in range(first, end)]
    assert 5_000 < len(language_words._characters()) < len(codes)
    for shape in ("{}", "a{0}B{0}c", "The{0} {0}you @{0}x: #{0}y http{0}", "@ {0} one[a{0}]"):
        assert differences([shape.format(chr(code)) for code in codes]) == []


@needs_kernel
def test_real_posts_are_read_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = []
    for name, every in (("multilingual", 3), ("pii_labelled", 2), ("real", 20)):
        path = next(DATA.glob(f"{name}*.jsonl.gz"), None)
        if path is None:
            pytest.skip(
                f"no posts in {DATA}: set SENTIMENT_SHARED_DATA to the folder that has some"
            )
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            texts += [json.loads(line)["text"] for line in list(lines)[::every]]
    assert differences(texts) == []
    compiled = detect(texts)
    monkeypatch.setattr(language_words, "compiled", None)
    assert language_words.kernel_in_use() == "patterns"
    assert detect(texts) == compiled


def test_nulls_and_slices() -> None:
    texts = pa.array(["left out", None, "@user", "\u00e9", None, "http://x \U0001f600"])
    for kind in (pa.string(), pa.large_string()):
        for start in range(6):
            part = texts.cast(kind).slice(start)
            series = pl.Series("t", part)
            assert has_text(series).to_list() == has_text_by_patterns(series).to_list()
            given = part.drop_null()
            assert (
                counted(given).sort("index")["words"].to_list()
                == counted_by_patterns(pl.Series(given))["words"].to_list()
            )
    assert counted(pa.array([], pa.string())).is_empty()
    assert has_text(pl.Series("t", [], pl.String)).to_list() == []


@needs_kernel
@pytest.mark.parametrize("offsets", [[0], [0, 9], [5, 0], [-1, 3]])
def test_the_kernel_reads_nothing_outside_its_buffers(offsets: list[int]) -> None:
    kernel = language_words._kernel()
    numbers = [memoryview(array("I", [0])) for _ in range(4)]
    flags, ends = memoryview(bytearray(1)), memoryview(array("q", [0, 0]))
    given = memoryview(array("q", offsets)), memoryview(b"hello")
    with pytest.raises(ValueError, match="outside"):
        kernel.count(*given, 0, 1, ends, *numbers, flags)
    with pytest.raises(ValueError, match="outside"):
        kernel.has_text(*given, None, 0, 1, flags)
