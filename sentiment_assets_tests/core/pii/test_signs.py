"""Signs of patterns: no text that a pattern matches is without one, and the kernel finds them."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_assets.core.arrow_texts import buffers
from sentiment_assets.core.pii import kernel
from sentiment_assets.core.pii.account import ACCOUNT, TOKENS
from sentiment_assets.core.pii.look import look
from sentiment_assets.core.pii.postal_place import CODE_IN_ADDRESS, POSTAL_PLACE, POSTCODE
from sentiment_assets.core.pii.redactor import RULES, rules_of
from sentiment_assets.core.pii.rule import Rule
from sentiment_assets.core.pii.signs import signs_of
from sentiment_assets.core.text import canonicalise

needs_kernel = pytest.mark.skipif(
    kernel.kernel_in_use() != "compiled",
    reason="the kernel was not compiled here: install a C compiler, then make test",
)

HINTS = [hint for rule in RULES for hint in (rule.apart or (rule.hint,))]


def holds(text: str, sign: bytes) -> bool:
    """What a sign in a text is, said in a pattern."""
    plain = re.escape(sign.strip(b"\x01"))
    before = rb"(?<![a-z])" if sign.startswith(b"\x01") else b""
    after = rb"(?![a-z])" if sign.endswith(b"\x01") else b""
    read = re.sub(rb"[0-9]", b"0", text.encode())
    return re.search(before + b"(?i:" + plain + b")" + after, read) is not None


@pytest.mark.parametrize(
    ("pattern", "signs"),
    [
        ("po ?box [0-9]", {b"pobox 0", b"po box 0"}),
        ("(?:straat|laan),? ?[0-9]+", {b"straat0", b"straat,0", b"straat 0", b"straat, 0",
                                       b"laan0", b"laan,0", b"laan 0", b"laan, 0"}),
        ("(?:^|[^A-Za-z0-9])(?i:Nr|no)[. ]", {b"\x01nr.", b"\x01nr ", b"\x01no.", b"\x01no "}),
        ("[A-Z]{2}-[0-9]{3}", {b"-000"}),
        ("(?:ab|c[^x]d)e{2,}", {b"ee"}),
        ("born(?: on)?[^0-9]*[0-9]", {b"born", b"born on"}),
        ("(?i:\u00d8re)", {b"\xc3\xb8re", b"\xc3\x98re"}),
        ("(?i:stra\u00dfe)", {"stra\u00dfe".encode(), "stra\u1e9ee".encode()}),
        ("\u65e5\u672c", {"\u65e5\u672c".encode()}),
        (r"\bab\B", {b"ab"}),
        # Nothing in particular must stand in what these match.
        ("[0-9][^,]*[0-9]", set()),
        ("(?:abc)?[a-z]+", set()),
        ("abc|x", set()),
        ("", set()),
    ],
)  # fmt: skip
def test_signs_are_what_a_match_cannot_do_without(pattern: str, signs: set[bytes]) -> None:
    assert signs_of(pattern) == signs


@pytest.mark.parametrize("hint", HINTS)
def test_every_match_of_a_hint_holds_a_sign(hint: str) -> None:
    signs = signs_of(hint)

    @settings(deadline=None, max_examples=15)
    @given(st.from_regex(hint), st.text(max_size=5), st.text(max_size=5))
    def matches_hold_one(match: str, before: str, after: str) -> None:
        # As rules read them: letters that patterns without case take for others are folded.
        text = canonicalise(before + match + after).text
        found = pl.Series([text]).str.contains(hint).item()
        assert not (signs and found) or any(holds(text, sign) for sign in signs)

    matches_hold_one()


def test_letters_of_every_case_are_signs() -> None:
    """Whatever a pattern without case takes for a letter of the hints, beyond those of ASCII."""
    letters = {c for hint in HINTS for c in hint if not c.isascii() and c.lower() != c.upper()}
    assert letters
    for letter in letters:
        others = pl.Series([chr(c) for c in range(0x80, 0x20000) if not 0xD800 <= c <= 0xDFFF])
        taken = others.filter(others.str.contains(f"(?i){letter}"))
        assert {sign.decode() for sign in signs_of(f"(?i:{letter})-")} >= {f"{c}-" for c in taken}


def test_most_hints_have_signs() -> None:
    unsigned = {hint for hint in HINTS if not signs_of(hint)}
    assert {POSTCODE, CODE_IN_ADDRESS, TOKENS} < unsigned
    assert len(unsigned) < len(HINTS) / 2


SIGNS = st.builds(
    lambda before, plain, after: before + plain + after,
    st.sampled_from([b"", b"\x01"]),
    st.text("ab0. \u00e9\u65e5", min_size=2, max_size=7).map(str.encode),
    st.sampled_from([b"", b"\x01"]),
)


@needs_kernel
@given(
    st.lists(st.sets(SIGNS, max_size=6), min_size=1, max_size=32),
    st.lists(st.none() | st.text("aAbB019. \u00e9\u65e5", max_size=12), max_size=6),
)
def test_the_kernel_finds_the_signs_that_stand_in_a_text(
    patterns: list[set[bytes]], texts: list[str | None]
) -> None:
    found = np.zeros(len(texts), np.uint32)
    column = pl.Series(texts, dtype=pl.String)
    kernel.compiled.Signs(patterns).look(*buffers(column), found)
    for text, bits in zip(texts, found.tolist(), strict=True):
        expected = sum(
            1 << number
            for number, signs in enumerate(patterns)
            if text is not None and any(holds(text, sign) for sign in signs)
        )
        assert bits == expected


@needs_kernel
@pytest.mark.parametrize("wrong", [b"", b"a", b"\x01a\x01", b"a" * 41])
def test_a_sign_of_another_length_is_refused(wrong: bytes) -> None:
    with pytest.raises(ValueError, match="shorter than two bytes or longer"):
        kernel.compiled.Signs([[wrong]])


@needs_kernel
def test_texts_outside_their_buffer_are_refused() -> None:
    signs = kernel.compiled.Signs([[b"ab"]])
    offsets = memoryview(np.array([0, 9], np.int64))
    with pytest.raises(ValueError, match="outside their buffer"):
        signs.look(offsets, memoryview(b"ab"), None, 0, np.zeros(1, np.uint32))


@pytest.mark.parametrize(
    ("hint", "rule"),
    [(POSTCODE, POSTAL_PLACE), (CODE_IN_ADDRESS, POSTAL_PLACE), (TOKENS, ACCOUNT)],
    ids=["postcode", "code in address", "tokens"],
)
def test_shapes_that_have_no_signs_are_asked(hint: str, rule: Rule) -> None:
    place = rules_of(None).index(rule)

    @settings(deadline=None, max_examples=60)
    @given(st.from_regex(hint), st.text(max_size=4), st.text(max_size=4))
    def matches_are_asked(match: str, before: str, after: str) -> None:
        text = canonicalise(before + match + after).text
        if canonicalise(text).text != text or not pl.Series([text]).str.contains(hint).item():
            return
        seen = look(pl.Series([text]), pl.Series([None], dtype=pl.String), ())
        assert seen.canonical or place in seen.places.get(0, ())

    matches_are_asked()
