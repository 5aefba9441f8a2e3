# ruff: noqa: RUF001  look-alike characters are the subject
import sys
import time
import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_assets.core import text as core_text
from sentiment_assets.core.text import COMPOSED, NEEDS_CANONICAL, canonicalise, normalise

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
HEART = "❤\ufe0f"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain text stays", "plain text stays"),
        ("ja\u200bne\u2060@x.org", "jane@x.org"),
        ("\u202ejane\u202c", "jane"),
        ("jane%40x%2Eorg", "jane@x.org"),
        ("100%41 sure", "100%41 sure"),
        ("jane&#64;x&#x2e;org", "jane@x.org"),
        ("jane&commat;x&amp;#64;y", "jane@x@y"),
        ("salt &amp; pepper &lt;3 &gt;&nosuch;", "salt & pepper <3 >&nosuch;"),
        ("a&#8203;b", "ab"),
        ("０８２ ５５５ ０１４３", "082 555 0143"),
        ("٠٥٥٦٦", "05566"),
        ("７８９ ｊａｎｅ＠ｘ．ｏｒｇ", "789 jane@x.org"),
        ("jаnе@zоhо.соm", "jane@zoho.com"),
        ("Ján e\u0301 Müller", "Jan e Muller"),
        ("a\u00a0b\u3000c\td", "a b c d"),
        ("555–0143—x", "555-0143-x"),
        ("1\ufe0f\u20e32\ufe0f\u20e3", "12"),
        ("call O82 555 Ol43", "call 082 555 0143"),
        ("5S 4B; IOU $5, ISO 90, 1SOS, oil 5s", "55 48; IOU $5, ISO 90, 1SOS, oil 5s"),
        ("line\nbreak", "line\nbreak"),
        ("½ … ™", "½ … ™"),
        ("東京 Привет", "東京 Пpивeт"),
    ],
)
def test_a_rule_sees_what_a_reader_sees(text: str, seen: str) -> None:
    assert canonicalise(text).text == seen


@pytest.mark.parametrize(
    ("text", "part", "original"),
    [
        ("a ja\u200bne%40x.org b", "jane@x.org", "ja\u200bne%40x.org"),
        ("&amp;&#64;jane!", "@jane", "&#64;jane"),
        ("\u2066@jane", "@jane", "@jane"),
        ("no change", "change", "change"),
    ],
)
def test_offsets_lead_back(text: str, part: str, original: str) -> None:
    canonical = canonicalise(text)
    start = canonical.text.index(part)
    slice_ = text[canonical.offsets[start] : canonical.offsets[start + len(part)]]
    assert slice_ == original


@given(st.text())
def test_offsets_rise_over_the_whole_original(text: str) -> None:
    canonical = canonicalise(text)
    offsets = list(canonical.offsets)
    assert len(offsets) == len(canonical.text) + 1
    assert offsets[-1] == len(text)
    assert offsets == sorted(set(offsets))


@given(st.text())
def test_lower_case_keeps_places(text: str) -> None:
    canonical = canonicalise(text).text
    assert len(canonical.lower()) == len(canonical)


def test_prefilter_names_every_character_that_changes() -> None:
    # Before a letter: joiners count only beside ASCII.
    lines = [
        f"{chr(c)}a"
        for c in range(sys.maxunicode + 1)
        if not 0xD800 <= c <= 0xDFFF and chr(c) != "\n"
    ]
    seen = canonicalise("\n".join(lines)).text.split("\n")
    changed = pl.Series([line for line, folded in zip(lines, seen, strict=True) if line != folded])
    assert len(changed) > 3_000
    missed = changed.filter(~changed.str.contains(NEEDS_CANONICAL))
    assert missed.to_list() == []


@pytest.mark.parametrize(
    "text",
    [
        "Plain, with 24/7 and $5.99!",
        f"Emoji {HEART} {FAMILY}",
        "curly ‘quotes’ “here”…",
        "日本語のテキスト",
    ],
)
def test_prefilter_lets_common_text_pass(text: str) -> None:
    assert not pl.Series([text]).str.contains(NEEDS_CANONICAL).item()


NORMALISED = [
    (None, None),
    ("", ""),
    ("  a \n\n b\t c\u00a0\u3000d  ", "a b c d"),
    ("you &amp; me &lt;3 &gt;", "you & me <3 >"),
    ("typed &amp;lt;", "typed &lt;"),
    ("nul\x00 bell\x07 c1\x9c bom\ufeff", "nul bell c1 bom"),
    ("cafe\u0301", "café"),
    ("e\x07\u0301", "é"),
    (f"{FAMILY} {HEART} 1\ufe0f\u20e3", f"{FAMILY} {HEART} 1\ufe0f\u20e3"),
    ("ＦＵＬＬ ①", "ＦＵＬＬ ①"),
    (" \n\t ", ""),
]


@pytest.mark.parametrize(("text", "stored"), NORMALISED)
def test_what_silver_stores(text: str | None, stored: str | None) -> None:
    assert normalise(pl.Series([text], dtype=pl.String)).to_list() == [stored]


def test_series_and_expression_agree() -> None:
    texts = pl.DataFrame({"text": [text for text, _ in NORMALISED]})
    by_expression = texts.select(normalise(pl.col("text")))["text"]
    assert by_expression.to_list() == [stored for _, stored in NORMALISED]


@given(st.text(st.characters(exclude_characters="&", exclude_categories=["Cs"])))
def test_normalising_again_changes_nothing(text: str) -> None:
    once = normalise(pl.Series([text]))
    assert normalise(once).to_list() == once.to_list()


needs_kernel = pytest.mark.skipif(
    getattr(core_text.compiled, "VERSION", None) != core_text.KERNEL_VERSION,
    reason="the kernel was not compiled here: install a C compiler, then make test",
)
#: Those beyond are private, unassigned, or Han as these are.
CHARACTERS = [
    chr(c) for c in (*range(0x20100), *range(0xE0000, 0xE0200)) if not 0xD800 <= c <= 0xDFFF
]


def in_polars(texts: pl.Series) -> list[str | None]:
    return texts.to_frame("text").select(normalise(pl.col("text")))["text"].to_list()


@needs_kernel
@pytest.mark.parametrize("around", ["{}", "a{}b", "e {}\u0301", " {} ", "\ufe0f{}\u200d", "&{}lt;"])
def test_compiled_and_polars_tidy_every_character_alike(around: str) -> None:
    texts = pl.Series([around.format(c) for c in CHARACTERS])
    assert normalise(texts).to_list() == in_polars(texts)


TIDIED = ["&lt;", "&amp;", "&gt;", "&amp", " ", "\t", "\n", "\x00", "\ufeff", "\ufe0f", "\u200d"]
TIDIED += ["\u0301", "e", "\u3000", "\u1100", "\u1161", "가", "か", "\u3099", "🎉"]


@needs_kernel
@given(
    st.lists(
        st.one_of(
            st.none(),
            st.lists(
                st.one_of(
                    st.sampled_from(TIDIED),
                    st.text(max_size=2),
                ),
                max_size=12,
            ).map("".join),
        ),
        max_size=6,
    ),
    st.integers(0, 3),
)  # fmt: skip
def test_compiled_and_polars_tidy_alike(texts: list[str | None], start: int) -> None:
    column = pl.Series(texts, dtype=pl.String)[start:]
    assert normalise(column).to_list() == in_polars(column)


def test_what_is_said_to_be_composed_is_left_by_composing() -> None:
    seconds = {
        chr(int(pair[1], 16))
        for c in CHARACTERS
        if len(pair := unicodedata.decomposition(c).split()) == 2 and not pair[0].startswith("<")
    }
    # Hangul's vowels and final consonants.
    seconds |= {chr(c) for c in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))}
    for first, last in COMPOSED:
        for c in map(chr, range(first, last + 1)):
            assert unicodedata.is_normalized("NFC", c), hex(ord(c))
            assert not unicodedata.combining(c), hex(ord(c))
            assert c not in seconds, hex(ord(c))


@needs_kernel
def test_a_text_kernel_of_another_version_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_text.compiled, "VERSION", core_text.KERNEL_VERSION + 1)
    monkeypatch.setattr(core_text, "_kernel", None)
    assert normalise(pl.Series([" a &amp; b"])).to_list() == ["a & b"]


@needs_kernel
@pytest.mark.parametrize("piece", ["&", "&amp;", " ", "\u200d", " \ufe0f", "\x00", "é", "\u0301"])
def test_tidying_takes_linear_time(piece: str) -> None:
    began = time.process_time()
    normalise(pl.Series([piece * (1_000_000 // len(piece))]))
    assert time.process_time() - began < 1
