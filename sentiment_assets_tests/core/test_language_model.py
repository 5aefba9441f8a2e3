"""The model's two implementations: the compiled kernel guesses what the published one does."""

from __future__ import annotations

import random
import struct
from array import array
from unittest.mock import Mock

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentiment_assets.core import language_model
from sentiment_assets.core.language_model import READ, guesses
from sentiment_assets_tests.core.sentences import AFRICAN, ENGLISH, OTHER

needs_kernel = pytest.mark.skipif(
    language_model.compiled is None,
    reason="the kernel was not compiled here: install a C compiler, then make test",
)

SENTENCES = [
    *ENGLISH,
    *(text.lower() for table in (AFRICAN, OTHER) for texts in table.values() for text in texts),
]


def differences(texts: list[str]) -> list[tuple[str, object, object]]:
    """Texts of which the two say otherwise, be it in the last bit."""
    found, expected = (
        guesses(pl.Series(texts)),
        language_model._guesses_of_package(pl.Series(texts)),
    )
    assert found.schema == expected.schema
    return [
        (text, ours, theirs)
        for text, ours, theirs in zip(texts, found.rows(), expected.rows(), strict=True)
        if ours != theirs
    ]


@needs_kernel
def test_the_kernel_is_in_use() -> None:
    assert language_model._kernel() is not None


def test_what_is_written_down_is_what_the_published_implementation_says() -> None:
    said = language_model._guesses_of_package(pl.Series(language_model._PROBES))
    assert language_model._digest(said) == language_model._PUBLISHED


@needs_kernel
def test_where_the_kernel_says_something_else_the_published_one_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = Mock(wraps=language_model._guesses_of_package)
    monkeypatch.setattr(language_model, "_guesses_of_package", asked)
    for written, times in ((language_model._PUBLISHED, 0), ("of another model", 1)):
        language_model._kernel.cache_clear()
        monkeypatch.setattr(language_model, "_PUBLISHED", written)
        assert language_model._kernel() is not None
        assert asked.call_count == times
    language_model._kernel.cache_clear()


def test_sentences_of_many_languages() -> None:
    assert len(SENTENCES) > 150
    assert differences(SENTENCES) == []
    assert differences([word for text in SENTENCES for word in text.split()]) == []


@pytest.mark.parametrize(
    "text",
    ["", " ", "\n", "a\nb", "\x00", "a\x00b", "</s>", "</s> a", "__label__en", "__label__xx hi",
     "<>", "<", "é", "a\u00a0b", "\u3000", "x" * READ, "x" * (READ + 1), "é" * 200, "ab " * 100,
     "\U0001f600" * 90],
)  # fmt: skip
def test_edges(text: str) -> None:
    assert differences([text, f"hello {text}", f"{text} bonjour"]) == []


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(
    texts=st.lists(
        st.lists(
            st.one_of(
                st.sampled_from(SENTENCES).flatmap(lambda text: st.sampled_from(text.split())),
                st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
            ),
            max_size=12,
        ).map(" ".join),
        min_size=8,
        max_size=8,
    )
)
def test_any_text(texts: list[str]) -> None:
    assert differences(texts) == []


def test_nothing_and_slices() -> None:
    assert guesses(pl.Series([], dtype=pl.String)).is_empty()
    some = pl.Series(SENTENCES[:20])
    assert guesses(some[5:9]).equals(guesses(some)[5:9])


@needs_kernel
def test_a_kernel_that_says_otherwise_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = guesses(pl.Series(SENTENCES))
    guessed = language_model._guesses_of_kernel
    for change in (
        {"KERNEL_VERSION": 0},
        {"_guesses_of_kernel": lambda *given: guessed(*given).with_columns(probability=0.5)},
        {"compiled": None},
    ):
        language_model._kernel.cache_clear()
        with monkeypatch.context() as patched:
            for name, value in change.items():
                patched.setattr(language_model, name, value)
            assert language_model._kernel() is None
            assert guesses(pl.Series(SENTENCES)).equals(expected)
        language_model._kernel.cache_clear()


@needs_kernel
def test_a_file_of_another_form_is_refused() -> None:
    kernel = language_model.compiled.Kernel
    data = language_model._file().read_bytes()
    rng = random.Random(3)
    for end in [0, 3, 4, 8, 64, 70, *(rng.randrange(len(data)) for _ in range(40)), len(data) - 1]:
        with pytest.raises(ValueError, match="model"):
            kernel(data[:end])
    # Magic, version, dimensions, loss, kind, buckets; words and labels.
    for place, value in (
        (0, 1),
        (4, 13),
        (8, 0),
        (8, 1_000),
        (32, 3),
        (36, 1),
        (40, 0),
        (64, -1),
        (72, 9),
    ):
        with pytest.raises(ValueError, match="model"):
            kernel(data[:place] + struct.pack("i", value) + data[place + 4 :])


@needs_kernel
@pytest.mark.parametrize("offsets", [[0], [0, 9], [5, 0], [-1, 3]])
def test_the_kernel_reads_nothing_outside_its_buffers(offsets: list[int]) -> None:
    kernel = language_model._kernel()
    assert kernel is not None
    given = memoryview(array("q", offsets)), memoryview(b"hello")
    found = memoryview(array("h", [0])), memoryview(array("f", [0.0]))
    with pytest.raises(ValueError, match="outside"):
        kernel.predict(*given, 0, 1, READ, *found)
