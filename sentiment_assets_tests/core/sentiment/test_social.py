from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaderSentiment import vaderSentiment as published

from sentiment_assets.core.sentiment import SCORE_SCHEMA, score_posts, score_texts
from sentiment_assets.core.sentiment import social as module
from sentiment_assets.core.sentiment.social import SOCIAL, SocialVader, social_list
from sentiment_assets.core.sentiment.vader import VADER, kernel_in_use, kernel_of
from sentiment_assets.core.sentiment.vader_words import Word, published_words
from sentiment_assets.core.sentiment.word_list import Entry
from sentiment_assets_tests.core.sentiment.published import CASES, left_to_right

DAY = dt.date(2026, 11, 25)

needs_kernel = pytest.mark.skipif(
    kernel_in_use() != "compiled",
    reason="the kernel was not compiled here: install a C compiler, then make test",
)


def entry(text: str, valence: float, topic: str | None = None) -> Entry:
    return Entry(text, valence, "for the test", DAY, topic)


def compounds(texts: list[str], scorer: SocialVader = SOCIAL) -> list[float]:
    return score_texts(texts, scorer)["compound"].to_pylist()  # type: ignore[no-any-return]


def in_topics(texts: list[str], topics: list[list[str] | None], scorer: SocialVader) -> list[float]:
    held = pa.array(topics, pa.list_(pa.string()))
    return score_posts(pa.array(texts), held, scorer)["compound"].to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("listed", social_list(), ids=lambda e: e.text)
def test_every_entry_changes_what_vader_says(listed: Entry) -> None:
    """An entry that changes nothing would be there for show."""
    after = f"{listed.text} so" if listed.text == "no" else listed.text
    (before,) = score_texts([after])["compound"].to_pylist()
    (now,) = compounds([after])
    assert now != before
    if listed.valence:
        assert (now > 0) == (listed.valence > 0)
    else:
        assert now == 0


@pytest.mark.parametrize(
    ("text", "like"),
    [
        # The invisible sign behind a heart made VADER blind; a word that follows did too.
        ("❤️", "a heart"), ("I ❤️you", "I a heart you"), ("❤❤️❤", "a heart a heart a heart"),
        ("can't wait", "can't wait"), ("CAN’T  wait", "can't wait"), ("cant wait!", "can't wait!"),  # noqa: RUF001
        ("I wait", "I stand"), ("can't waiting", "can't standing"),
        ("It is as well", "It is also"), ("swell", "swell"),
    ],
)  # fmt: skip
def test_spellings(text: str, like: str) -> None:
    known = SocialVader((entry("heart", 3.2),))
    expected = compounds([like], known)
    assert compounds([text], known)[0] == pytest.approx(expected[0], abs=0.02)


def test_vaders_rules_hold_for_the_new_words() -> None:
    good, negated, boosted, capitals, loud, contrast = compounds(
        ["it is dope", "it is not dope", "it is very dope", "it is DOPE", "it is dope!!",
         "it is dope but it is trash"]
    )  # fmt: skip
    assert negated < 0 < good < boosted
    assert good < capitals
    assert good < loud
    assert contrast < 0
    assert compounds(["no dope"])[0] < 0


def test_a_phrase_with_a_negation_negates_nothing_that_follows() -> None:
    happy, alone = compounds(["can't wait, happy", "happy"])
    assert happy > alone


words = st.sampled_from(
    [*sorted(published.SentimentIntensityAnalyzer().lexicon)[::40],
     "not", "very", "but", "least", "table", "kind of", "NEVER", "good", "bad", "isn't"]
)  # fmt: skip


@settings(deadline=None, max_examples=100)
@given(texts=st.lists(st.lists(words, max_size=10).map(" ".join), min_size=5, max_size=5))
def test_what_the_list_does_not_name_scores_as_vader(texts: list[str]) -> None:
    """The published tool's rules run; the list alone makes the difference."""
    named = {word for e in social_list() for word in e.text.split()}
    plain = [" ".join(w for w in text.split(" ") if w.lower() not in named) for text in texts]
    assert score_texts(plain, SOCIAL).to_pylist() == score_texts(plain).to_pylist()


PIECES = [
    *(e.text for e in social_list() if not e.text.isalpha()), "can\u2019t wait", "CANT WAIT",
    "like a", "Like  an", "like\u00a0a", "can't\x1cwait", "look\nforward", "\u017fo good",
    "li\u212ae a", "L\u0130KE A", "l\u0131ke a", "like a\u0301", "dope", "DOPE", "good", "no",
    "not", "very", "but", "kind of", "isn't", "bad ass", "!", "??", " ", "  ", "-", "_", "\ufe0f",
    "\u200d", "\U0001f600", "\u00e9", "x",
]  # fmt: skip
CORRECTIONS = (
    entry("table", 2.0), entry("no wifi", -2.0), entry("isn't it", 1.0), entry("good", 0),
    entry("very", 1.5), entry("kind", -1.0, "pricing"), entry("o'clock", 1.0),
    entry("\U0001f600", -1.0),
)  # fmt: skip


def published_scores(monkeypatch: pytest.MonkeyPatch, score: Callable[[], pa.Table]) -> pa.Table:
    """What the published package says, with the same list."""
    with monkeypatch.context() as without:
        without.setattr(module, "kernel_in_use", lambda: "python")
        without.setattr(published, "sum", left_to_right, raising=False)
        module._reader.cache_clear()
        scores = score()
    module._reader.cache_clear()
    return scores


@needs_kernel
@pytest.mark.parametrize("scorer", [SOCIAL, SocialVader(CORRECTIONS)], ids=["list", "corrected"])
def test_the_kernel_scores_as_the_published_package(
    scorer: SocialVader, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(17)
    texts = [
        "".join(
            rng.choice(PIECES) + rng.choice([" ", " ", "", ", "]) for _ in range(rng.randint(1, 9))
        )
        for _ in range(3_000)
    ]
    # Which letters have a case depends on Python; the kernel knows those of 3.11.
    texts += [text for rule, rows in CASES.items() if "case" not in rule for text in rows]
    topics = pa.array([rng.choice([[], None, ["pricing"], ["other"]]) for _ in texts])

    def scored() -> pa.Table:
        return scorer.score_in_topics(pa.array(texts), topics)

    assert scored() == published_scores(monkeypatch, scored)


@needs_kernel
def test_words_that_the_kernel_has_no_room_for_are_scored_all_the_same() -> None:
    long = "supercalifragilisticexpialidocious"
    odd = SocialVader((entry(long, 2.0), entry("\u00e9patant", 2.0), entry("tr\u00e8s bon", 2.0)))
    plain = SocialVader((entry("table", 2.0),))
    with pytest.raises(ValueError, match="too long"):
        kernel_of(replace(published_words(), words={long: Word(2.0)}, emoji={}))
    assert compounds([long, "\u00e9patant!", "TR\u00c8S bon", "can't wait"], odd) == compounds(
        ["table", "table!", "TABLE", "can't wait"], plain
    )


def test_looking_for_spelled_phrases_first_loses_none() -> None:
    """Each text is rewritten as by one pattern of all phrases."""
    phrases = module._Phrases([e.text for e in social_list() if e.is_phrase])
    rng = random.Random(5)
    texts = pl.Series(
        "".join(rng.choice(PIECES) + rng.choice([" ", "", "."]) for _ in range(5))
        for _ in range(3_000)
    )
    expected = [
        re.sub(phrases._pattern, lambda found: module._joined(found[0]), text) if held else text
        for text, held in zip(texts, texts.str.contains(phrases._pattern), strict=True)
    ]
    assert phrases.joined(texts).to_list() == expected
    assert sum(a != b for a, b in zip(texts, expected, strict=True)) > 500


@settings(deadline=None, max_examples=100)
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_scored(text: str) -> None:
    (score,) = score_texts([f"{text} can't wait {text}"], SOCIAL).to_pylist()
    assert -1 <= score["compound"] <= 1


def test_vader_itself_is_untouched() -> None:
    texts = ["no", "dope", "😡", "like a friend", "can't wait"]
    before = score_texts(texts)
    compounds(texts, SocialVader((entry("table", 4.0),)))
    assert score_texts(texts) == before
    assert score_texts(["the table"])["compound"].to_pylist() == [0.0]


def test_nulls_and_nothing() -> None:
    scores = score_texts([None, "", "dope", None, "dope"], SOCIAL)
    assert scores.schema == SCORE_SCHEMA
    assert scores["compound"].to_pylist()[1] == 0
    assert [c is None for c in scores["compound"].to_pylist()] == [True, False, False, True, False]
    assert scores["neu"].null_count == 2
    assert score_texts([], SOCIAL) == SCORE_SCHEMA.empty_table()
    large = pa.array(["dope", None], pa.large_string()).slice(1)
    assert SOCIAL.score(large)["pos"].null_count == 1


def test_corrections_for_every_post_win_over_the_list() -> None:
    corrected = SocialVader((entry("dope", -3.0), entry("table", 2.0), entry("no wifi", -2.0)))
    found = compounds(["dope", "the table", "no wifi", "can't wait"], corrected)
    assert [compound > 0 for compound in found] == [False, True, False, True]


def test_corrections_of_a_topic_hold_in_its_posts() -> None:
    scorer = SocialVader(
        (
            entry("cheap", 2.0, "pricing"),
            entry("cheap", -3.0, "quality"),
            entry("killed", 0, "apps"),
        )
    )
    assert in_topics(
        ["cheap", "cheap", "cheap", "cheap", "killed", "killed", "cheap"],
        [["pricing"], ["quality"], [], None, ["apps", "pricing"], ["pricing"],
         ["quality", "pricing"]],
        scorer,
    ) == [0.4588, -0.6124, 0.0, 0.0, 0.0, -0.6705, 0.4588]  # fmt: skip
    # Texts without topics are told none.
    assert compounds(["cheap", "killed"], scorer) == [0.0, -0.6705]


def test_a_scorer_that_asks_for_no_topics_gets_none() -> None:
    texts, topics = pa.array(["great"]), pa.array([["pricing"]])
    assert score_posts(texts, topics, VADER) == VADER.score(texts)


def test_the_version_follows_what_can_change_a_score(monkeypatch: pytest.MonkeyPatch) -> None:
    one = SocialVader((entry("table", 2.0),))
    assert SOCIAL.version.startswith("3.3.2+2026-11-25.")
    others = [
        SOCIAL,
        SocialVader((entry("table", 2.1),)),
        SocialVader((entry("tables", 2.0),)),
        SocialVader((entry("table", 2.0, "pricing"),)),
        SocialVader((Entry("table", 2.0, "for the test", dt.date(2027, 1, 1)),)),
    ]
    assert len({one.version, *(other.version for other in others)}) == 6
    assert SocialVader((Entry("table", 2.0, "another reason", DAY),)).version == one.version
    module._version.cache_clear()
    before = one.version
    monkeypatch.setattr(module, "_RULES", 99)
    module._version.cache_clear()
    assert one.version != before
    monkeypatch.undo()
    module._version.cache_clear()
