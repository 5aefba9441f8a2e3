# ruff: noqa: RUF001  look-alike characters are among the cases
"""The two looks at a column: neither loses a text in which a rule or a name is found.

What a rule finds is tested beside it; here only that it is asked. Both looks must lead to the same
masked texts, which are those of ``redact``, one by one.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sentiment_assets.core.arrow_texts import buffers
from sentiment_assets.core.pii import column, kernel, redact, redact_batch
from sentiment_assets.core.pii.allowed import without_allowed
from sentiment_assets.core.pii.called_phone import LINKS, NOUNS, VERBS
from sentiment_assets.core.pii.handle import PLATFORM_WORDS
from sentiment_assets.core.pii.look import _kernel, counts, first_look, look
from sentiment_assets.core.pii.name_words import read_marks, read_words
from sentiment_assets.core.pii.names import find_names
from sentiment_assets.core.pii.names_context import ANY_WORD, CAPITALISED
from sentiment_assets.core.pii.phone import PHONE
from sentiment_assets.core.pii.redactor import rules_of
from sentiment_assets.core.text import canonicalise
from sentiment_assets_tests.core.pii import test_names, test_redactor, test_rules

REPOSITORY = Path(__file__).parents[3]
DATA = Path(os.environ.get("SENTIMENT_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))

COMPILED = kernel.kernel_in_use() == "compiled"
needs_kernel = pytest.mark.skipif(
    not COMPILED, reason="the kernel was not compiled here: install a C compiler, then make test"
)
IMPLEMENTATIONS = ["python", *(["compiled"] if COMPILED else [])]

TEXTS = st.one_of(
    test_redactor.TEXTS,
    test_names.TEXTS,
    st.lists(st.sampled_from([text for _, text, _ in test_rules.CASES]), max_size=2).map(" ".join),
    st.text(max_size=30),
)
ALLOW = st.sampled_from([(), ("nimbus", "Justin", "hope"), ("San", "street", "pre"), ("Dr", "J")])


@pytest.fixture(autouse=True, scope="module")
def _small_columns_too() -> Iterator[None]:
    """Else a column of a few texts would be done one by one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(column, "_FEW", 1)
        yield


@pytest.fixture(params=IMPLEMENTATIONS, scope="module")
def implementation(request: pytest.FixtureRequest) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "python":
            patch.setattr(kernel, "compiled", None)
        assert kernel.kernel_in_use() == request.param
        yield request.param


def nowhere(texts: list[str] | list[str | None]) -> pl.Series:
    return pl.Series([None], dtype=pl.String).new_from_index(0, len(texts))


@settings(deadline=None, max_examples=150)
@given(st.lists(TEXTS, max_size=8), ALLOW)
@example(["L. A. CA", "T.G.I.Tahoe", "#Lima-limon:", "i met mark-okafor", "San Diego"], ("San",))
@example(
    [
        "D'Amore's'",
        "Hague'Nimbus",
        "12345678Grace Hope",
        "pre-Hope Smith",
        "Nimbus-J. Roe",
        "@a-Thabo",
    ],
    ("pre", "Nimbus"),
)
@example(["@eyJhbjane5", "@jane.eyJhbjane5", "@a.sk_test_12345678"], ())
@example(["HAUPTSTRA\u1e9eE 5, 10115 BERLIN", "Gr\u00c4nd 5, 10115 Berlin"], ())
@example(["snapchat :: pacmajorleague", "ig: a_b", "hairline: foo1", "@https:/@", "2 Via a-0"], ())
def test_a_column_reads_like_its_texts(
    implementation: str, texts: list[str], allow: tuple[str, ...]
) -> None:
    masked = redact_batch(pl.Series(texts, dtype=pl.String), allow=allow)
    results = [redact(text, allow=allow) for text in texts]
    assert masked["text"].to_list() == [result.text for result in results]
    assert masked["redactions"].to_list() == [result.counts() for result in results]


NAMES = [
    "Al Bo",
    "j.r",
    "Jane van der Roe",
    "The Real Jane",
    "Happy Customer",
    "o'l1m",
    "_x_",
    "J R",
]
NAMES += ["Roe-Mary 99", "jane_roe.99", "A" * 300, "news &amp; co", "Zoë", "x", "42"]
NAMES += ["Käthe Weiß ☁️", "İz Kim", "Lee 박", "🇿🇦", "Jo Ann—Roe", "ﬁ K"]
SPELLINGS = (
    "al bo Al.Bo J.R jr jane JANEROE roe mary- customer happy x 99 real news ZOE zoë _x_ 42 @ "
    "kathe WEISS weiß İZ iz kim 박 Lee Ann FI \u212aim \u212a"
)
PEOPLE = st.lists(
    st.one_of(test_redactor.NAMES, st.none(), st.lists(st.sampled_from(NAMES), max_size=3)),
    max_size=6,
)
SPELLED = st.lists(st.sampled_from(re.findall(r"\S+", SPELLINGS)), max_size=6).map(" ".join)


@settings(deadline=None, max_examples=150)
@given(PEOPLE, st.lists(SPELLED, min_size=6, max_size=6), ALLOW)
def test_no_name_that_came_with_a_post_goes_unseen(
    implementation: str, names: list[list[str] | None], texts: list[str], allow: tuple[str, ...]
) -> None:
    texts = texts[: len(names)]
    masked = redact_batch(
        pl.Series(texts, dtype=pl.String), pl.Series(names, dtype=pl.List(pl.String)), allow=allow
    )
    results = [
        redact(text, known or (), allow=allow) for text, known in zip(texts, names, strict=True)
    ]
    assert masked["text"].to_list() == [result.text for result in results]


@pytest.mark.parametrize("names", [[], [None], [""], [None, "Käthe W", None], None])
def test_a_list_of_names_may_hold_none(implementation: str, names: list[str | None] | None) -> None:
    known = pl.Series([["x"], names, ["y"]], dtype=pl.List(pl.String))
    texts = pl.Series(["a", "hi kathe", "b"])
    for start in (0, 1):
        masked = redact_batch(texts[start : start + 2], known[start : start + 2])["text"]
        assert masked[1 - start] == ("hi [name]" if names and len(names) == 3 else "hi kathe")


@settings(deadline=None, max_examples=300)
@given(st.lists(TEXTS, min_size=1, max_size=8), st.sampled_from([None, "ZA", "GL"]))
def test_no_rule_that_finds_something_goes_unasked(
    implementation: str, texts: list[str], region: str | None
) -> None:
    read = [canonicalise(text).text for text in texts]
    regions = pl.Series([region], dtype=pl.String).new_from_index(0, len(read))
    seen = look(pl.Series(read, dtype=pl.String), regions, ())
    for row, text in enumerate(read):
        # A canonical text may still be one that canonicalising changes: a rule reads it once.
        if row in seen.canonical:
            continue
        for place, rule in enumerate(rules_of(region)):
            if place not in seen.places.get(row, ()):
                # A rule that shares its condition with a hint that is stricter finds nothing new.
                assert not any(rule.find(text)) or not column_hint(rule.hint, text), (rule, text)
        if row not in seen.suspected:
            assert not any(find_names(text)), text


def column_hint(hint: str, text: str) -> bool:
    return bool(pl.Series([text]).str.contains(hint).item())


@pytest.mark.parametrize(("rule", "text", "found"), test_rules.CASES)
def test_every_case_of_a_rule_is_asked(
    implementation: str, rule: object, text: str, found: list[str]
) -> None:
    if not found:
        return
    seen = first_look(pl.Series([text]), nowhere([text]), ())
    assert 0 in seen.hinted or seen.text.item() != text


@pytest.mark.parametrize("word", [*f"{NOUNS}|{VERBS}".split("|"), "my number", "her number's"])
def test_every_word_for_a_phone_is_seen(implementation: str, word: str) -> None:
    links = ["", *(f" {link}" for link in LINKS.split("|")), " me on", " us at no."]
    texts = [f"so {said}{link}{sign}4203" for said in (word, word.upper()) for link in links
             for sign in (" ", ": ", ". (", "= '+")]  # fmt: skip
    hinted = first_look(pl.Series(texts), nowhere(texts), ()).hinted
    missed = [text for row, text in enumerate(texts) if row not in hinted and any(PHONE.find(text))]
    assert missed == []
    assert any(PHONE.find(texts[0]))


def test_every_character_that_changes_is_looked_behind(implementation: str) -> None:
    # Before a letter: joiners count only beside ASCII.
    lines = [f"{chr(c)}a" for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF and chr(c) != "\n"]
    seen = canonicalise("\n".join(lines)).text.split("\n")
    changed = {row for row, (line, s) in enumerate(zip(lines, seen, strict=True)) if line != s}
    assert len(changed) > 3_000
    assert changed <= set(first_look(pl.Series(lines), nowhere(lines), ()).canonical)


def test_texts_of_every_kind(implementation: str) -> None:
    texts = [
        None,
        "",
        "\x00",
        "@a",
        None,
        "é@x.org",
        "👩\u200d💻@jane",
        "[email] @b",
        "\U000e0041a",
    ]
    texts += [" ".join(["Abc"] * 200), "[handle", "@" * 50, "a@" * 40, "12 " * 90, "x" * 300]
    expected = [None if text is None else redact(text).text for text in texts]
    masked = redact_batch(pl.Series([*texts, None, *texts], dtype=pl.String))
    assert masked["text"].to_list() == [*expected, None, *expected]
    # A slice begins in the midst of its buffers.
    for start in range(len(texts)):
        part = pl.Series(texts, dtype=pl.String)[start : start + 5]
        assert redact_batch(part)["text"].to_list() == expected[start : start + 5]
    assert redact_batch(pl.Series([], dtype=pl.String)).is_empty()


def test_masks_are_counted(implementation: str) -> None:
    texts = ["[url] [name] [url]", "[nam] [", None, "", "[[email]]", "[e-mail][ip]"]
    counted = counts(pl.Series(texts, dtype=pl.String), ())
    assert [row or [] for row in counted.to_list()] == [
        [{"kind": "name", "count": 1}, {"kind": "url", "count": 2}], [], [], [],
        [{"kind": "email", "count": 1}], [{"kind": "ip", "count": 1}],
    ]  # fmt: skip


@needs_kernel
@given(st.one_of(TEXTS, st.text()), st.booleans())
@example("a-Bo O'Neil d’Éa Ⅷb ²a A1B _C É-E", True)
def test_words_are_those_of_the_patterns(text: str, capitalised: bool) -> None:
    words = read_words(text, capitalised=capitalised)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "compiled", None)
        patch.setattr("sentiment_assets.core.pii.name_words.kernel_in_use", lambda: "python")
        assert read_words(text, capitalised=capitalised) == words
    pattern = CAPITALISED if capitalised else ANY_WORD
    assert [word.start for word in words] == [match.start() for match in pattern.finditer(text)]


@needs_kernel
@given(st.one_of(TEXTS, st.text()))
@example("J. A.B van der Roe d’Éa's (Bo) Ó. Dr. Nkosi  HOPE, L. of the Lu")
def test_marks_of_words_are_those_of_the_patterns(text: str) -> None:
    marks = read_marks(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sentiment_assets.core.pii.name_words.kernel_in_use", lambda: "python")
        assert read_marks(text) == marks


PHRASES = ("nimbus", "At&T", "free plan", "is back up", "zoë kiosk", "x-1", "Ünal")
ALLOWED = st.lists(
    st.sampled_from(
        [*PHRASES, *" ".join(PHRASES).split(), "KIOSK", "\u017f", "ı", "\u212aiosk", "'"]
    ),
    max_size=5,
)


@needs_kernel
@given(ALLOWED.map(" ".join), st.lists(st.sampled_from(PHRASES), max_size=4).map(tuple))
@example("\u212aioſK of ZOË İ", ("kiosk", "x"))
def test_what_is_allowed_is_found_with_and_without_the_kernel(
    text: str, allow: tuple[str, ...]
) -> None:
    blank = without_allowed(text, allow)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sentiment_assets.core.pii.allowed.kernel_in_use", lambda: "python")
        assert without_allowed(text, allow) == blank


@needs_kernel
def test_letters_that_patterns_take_for_ascii_are_told_apart() -> None:
    """Where one stands, the kernel leaves the question to the pattern."""
    beyond = [chr(code) for code in range(128, 0x110000) if not 0xD800 <= code < 0xE000]
    taken = [one for one in beyond if re.fullmatch("[a-z0-9]", one, re.IGNORECASE)]
    untold = [one for one in beyond if kernel.compiled.words_among(one, frozenset(), 0, 0) is None]
    assert untold == taken


@needs_kernel
def test_a_kernel_of_another_version_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel.compiled, "VERSION", kernel.KERNEL_VERSION + 1)
    assert kernel.kernel_in_use() == "python"
    assert redact_batch(pl.Series(["@jane and Thabo Mokoena"]))["text"].to_list() == [
        "[handle] and [name]"
    ]


@needs_kernel
@pytest.mark.parametrize(
    ("place", "wrong"), [(0, memoryview(b"\x00" * 8).cast("q")), (3, 5), (3, -1)]
)
def test_wrong_buffers_are_refused(place: int, wrong: object) -> None:
    given_ = [*buffers(pl.Series(["a", "b"]))]
    given_[place] = wrong  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="outside the buffers"):
        _kernel(()).look(*given_, False, np.zeros(2, np.uint32), None)


@needs_kernel
@pytest.mark.parametrize(
    "piece",
    ["@", "a@", "é", "é@", "é.+-", " at ", "ig ", "ig: ", "[", "[handle]", "(at", "J.", "J. ", "A-",
     "O'", "Will ", "Will van ", "1", "1.", "1 ", "1-", "AB12", "a:", "x.y", "name is ", "#1234",
     "&", "%", "&a", "San ", "\u200d", "https://t.co/a ", "@a.b."],
)  # fmt: skip
def test_looking_takes_linear_time(piece: str) -> None:
    texts = pl.Series([piece * (1_000_000 // len(piece))])
    began = time.process_time()
    _kernel(()).look(*buffers(texts), False, np.zeros(1, np.uint32), np.zeros(2, np.int64))
    assert time.process_time() - began < 1


def test_platforms_are_known_by_their_first_words() -> None:
    words = """
        bluesky cash cashapp discord gamertag gt handle ig insta instagram kik line login nick
        nickname psn sc screen screenname signal skype snap snapchat telegram tg threads tik tiktok
        twitch twitter user username venmo wechat xbox
    """
    assert sorted(PLATFORM_WORDS) == words.split()


@pytest.mark.skipif(not DATA.exists(), reason=f"no real posts at {DATA}")
def test_real_posts_read_one_by_one_and_together(implementation: str) -> None:
    texts: list[str] = []
    for name, step in (("real_posts", 100), ("multilingual_posts", 20), ("pii_labelled", 12)):
        with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            texts += [json.loads(line)["text"] for line in lines][::step]
    masked = redact_batch(pl.Series(texts), regions="ZA")
    results = [redact(text, region="ZA") for text in texts]
    assert masked["text"].to_list() == [result.text for result in results]
    assert masked["redactions"].to_list() == [result.counts() for result in results]
