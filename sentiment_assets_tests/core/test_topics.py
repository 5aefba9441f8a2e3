from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_assets.core.topics import TopicMatcher, _seeds, hashtags
from sentiment_assets.core.tracking import Topic

NAMES = pl.List(pl.String)


def matches(topic: Topic, text: str | None) -> bool:
    found = TopicMatcher([topic]).match(pl.Series([text], dtype=pl.String))
    assert found.dtype == NAMES
    assert found.to_list() in ([[]], [[topic.name]])
    return found.to_list() == [[topic.name]]


@pytest.mark.parametrize(
    ("keyword", "text", "matched"),
    [
        ("nimbus", "nimbus", True),
        ("nimbus", "I love NIMBUS!", True),
        ("Nimbus", "(nimbus)", True),
        ("nimbus", "my nimbus's battery", True),
        ("nimbus", "nimbus-launch", True),
        ("nimbus", "@nimbus is down", True),
        ("nimbus", "cumulonimbus", False),
        ("nimbus", "nimbuses", False),
        ("nimbus", "nimbus2", False),
        ("nimbus", "nimbus_app", False),
        ("nimbus", "nimbusé", False),
        ("nimbus", "#Nimbus", True),
        ("nimbus", "＃nimbus", True),  # noqa: RUF001
        ("nimbus", "go #NimbusLaunch now", True),
        ("nimbus", "#TheNimbus", True),
        ("launch", "#Nimbus2Launch", True),
        ("nimbus", "#nimbus_launch", True),
        ("nimbus", "#nimbuslaunch", False),
        ("nimbus", "", False),
        ("nimbus", None, False),
        ("élan", "ÉLAN vital", True),
        ("élan", "e\u0301lan".upper(), False),  # texts come composed
        ("e\u0301lan", "élan", True),
        ("straße", "Die Straße", True),
        ("облако", "Моё ОБЛАКО!", True),
        ("облако", "облаком", False),
        ("سحابة", "هذه سحابة جميلة", True),
        ("雲", "新しい雲です", True),
        ("ニンバス", "新ニンバスです", True),
        ("don't", "I DON’T know", True),  # noqa: RUF001
        ("don’t", "i don't know", True),  # noqa: RUF001
        ("c++", "I write C++.", True),
        ("c++", "c+ or ccc", False),
        ("c++", "objc++", False),
        (".net", "the .NET runtime", True),
        (".net", "a net", False),
        ("$nmb", "buy $NMB now", True),
        ("$nmb", "buy $NMBX now", False),
        ("a|b", "a", False),
        ("a|b", "a|b", True),
        ("[x]", "x", False),
        ("[x]", "[x]", True),
        ("(?i)x", "x", False),
        ("\\d", "5", False),
        ("\\d", "use \\d here", True),
        ("x{2}", "xx", False),
        ("^a$", "a", False),
        ("a.c", "abc", False),
        ("a#b", "a#b", True),
        ("a b", "a  b", True),
        ("a&b~c-d", "A&B~C-D", True),
        ("😀", "so good😀😀", True),
    ],
)
def test_keywords(keyword: str, text: str | None, matched: bool) -> None:
    assert matches(Topic("t", keywords=(keyword,)), text) is matched


@pytest.mark.parametrize(
    ("text", "matched"),
    [
        ("the free plan is gone", True),
        ("FREE\n\u00a0plan", True),
        ("free plans", False),
        ("carefree plan", False),
        ("free, plan", False),
        ("#FreePlan", True),
        ("#free_plan", True),
        ("#free #plan", False),
        ("free #plan", False),
        ("it is free #plans #plan", False),
    ],
)
def test_phrases(text: str, matched: bool) -> None:
    assert matches(Topic("t", phrases=("free plan",)), text) is matched


@pytest.mark.parametrize(
    ("text", "matched"),
    [
        ("the price", True),
        ("the price of fame", False),
        ("the PRICE  of Fame and its price", False),
        ("the price #PriceOfFame", False),
        ("the price of famed things", True),
    ],
)
def test_an_exclusion_wins(text: str, matched: bool) -> None:
    assert matches(Topic("t", keywords=("price",), exclude=("price of fame",)), text) is matched


def test_an_exclusion_holds_for_its_topic_only_and_names_come_sorted() -> None:
    matcher = TopicMatcher(
        [
            Topic("pricing", keywords=("price",), exclude=("fame",)),
            Topic("cost", keywords=("price", "cost")),
            Topic("fame", phrases=("price of fame",)),
        ]
    )
    texts = pl.Series(["the price of fame", "a price", None, "nothing", "cost cost price"])
    assert matcher.match(texts).to_list() == [
        ["cost", "fame"],
        ["cost", "pricing"],
        [],
        [],
        ["cost", "pricing"],
    ]


@pytest.mark.parametrize("topics", [[], [Topic("empty")], [Topic("t", keywords=("a",))]])
@pytest.mark.parametrize("texts", [[], ["b"], [None, "b c"]])
def test_nothing_to_find(topics: list[Topic], texts: list[str | None]) -> None:
    found = TopicMatcher(topics).match(pl.Series(texts, dtype=pl.String))
    assert found.dtype == NAMES
    assert found.name == "topics"
    assert found.to_list() == [[]] * len(texts)


@settings(deadline=None, max_examples=200)
@given(
    keyword=st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=8),
    around=st.sampled_from(["{}", "so {} there", "({})", "{}."]),
)
def test_any_keyword_finds_itself_as_written(keyword: str, around: str) -> None:
    topic = Topic("t", keywords=(keyword,))
    # Two views of one text are compared, so both must be composed.
    found = TopicMatcher([topic]).match(pl.Series([around.format(keyword)]).str.normalize("NFC"))
    assert found.to_list() == [["t"]] or not keyword.strip()


KEYWORDS = [
    "nimbus", "Free Plan", "don't ask", "c++", ".net", "a|b", "|", "x | y", "snake_case", "kiosk",
    "STRASSE", "straße", "İx", "élan vital", "облако", "\u017f", "\u212a", "雲", "😀", "#tag", "'",
    "a", "big blue bus",
]  # fmt: skip
SPELLINGS = [str, str.upper, str.title, lambda w: w.replace("s", "\u017f").replace("k", "\u212a"),
             lambda w: "#" + w.title().replace(" ", ""), lambda w: "＃" + w.replace(" ", "_"),  # noqa: RUF001
             lambda w: w.replace(" ", " \u00a0"), lambda w: w.replace("'", "’")]  # noqa: RUF001  # fmt: skip
MIXTURES = st.lists(
    st.one_of(
        st.builds(
            lambda word, spelling: spelling(word),
            st.sampled_from([*KEYWORDS, *" ".join(KEYWORDS).split()]),
            st.sampled_from(SPELLINGS),
        ),
        st.sampled_from(["", " ", " ", ".", "#", "_", "|", "x", "\u017f", "i\u0307"]),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=8,
).map("".join)


@settings(deadline=None, max_examples=200)
@given(
    texts=st.lists(st.none() | MIXTURES, max_size=12),
    named=st.lists(st.sampled_from(KEYWORDS), min_size=1, max_size=4),
    exclude=st.lists(st.sampled_from(KEYWORDS), max_size=2),
)
def test_looking_for_seeds_and_then_for_any_word_loses_no_text(
    texts: list[str | None], named: list[str], exclude: list[str]
) -> None:
    topics = [Topic("all", phrases=tuple(named)), Topic("one", (named[0],), (), tuple(exclude))]
    matcher, patient = TopicMatcher(topics), TopicMatcher(topics)
    patient._seeds = patient._any = None
    spelled = [spelling(word) for word in named for spelling in SPELLINGS]
    series = pl.Series([*texts, *spelled], dtype=pl.String)
    assert matcher.match(series).to_list() == patient.match(series).to_list()


def test_seeds_are_signs_that_every_spelling_holds() -> None:
    assert _seeds(["Nimbus", "free plan", "don't", "NimbusCloud", "  "]) == [
        "don", "free", "nimbus", "\u017f", "\u212a"
    ]  # fmt: skip
    for word in ("雲", "облако", "|", "'"):
        assert _seeds(["nimbus", word]) is None


def test_a_phrase_with_another_ones_seed_needs_none_of_its_own() -> None:
    words = ["is down", "it is still down", "app", "Store App"]
    assert _seeds(words) == ["app", "down", "\u017f", "\u212a"]


@pytest.mark.parametrize("number", [1_000, 3_000])
def test_a_topic_may_have_thousands_of_words(number: int) -> None:
    words = tuple(f"word{n}x" for n in range(number))
    topic = Topic("many", words, ("and one more",), (f"word{number}y",))
    texts = ["word7x", f"#Word{number - 1}X!", "word7", "AND ONE  more", f"word7x word{number}y"]
    found = TopicMatcher([topic]).match(pl.Series(texts)).list.len()
    assert found.to_list() == [1, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        (None, []),
        ("", []),
        ("no tag # here #", []),
        ("#Nimbus is #great", ["nimbus", "great"]),
        ("#B #a #b #A", ["b", "a"]),
        ("＃Ｎimbus ＃雲", ["ｎimbus", "雲"]),  # noqa: RUF001
        ("#Größe #ÉLAN #облако #सत्य #نيمبوس", ["größe", "élan", "облако", "सत्य", "نيمبوس"]),
        ("#2026 #5 #٢٠", []),
        ("#2026goals #a1 #_ #snake_case", ["2026goals", "a1", "_", "snake_case"]),
        ("(#one), #two! #three's \n#four😀 😀#five", ["one", "two", "three", "four", "five"]),
        ("#a-b", ["a"]),
        ("word#no a_#no", []),
        ("https://example.com/#section &#39; &#x27;", []),
        ("##double #one#two", ["one"]),
        ("press #️⃣ now", []),
        ("#[name]", []),
    ],
)
def test_hashtags(text: str | None, tags: list[str]) -> None:
    found = hashtags(pl.Series([text, "#next"], dtype=pl.String))
    assert found.dtype == NAMES
    assert found.name == "hashtags"
    assert found.to_list() == [tags, ["next"]]


def test_hashtags_of_no_texts() -> None:
    found = hashtags(pl.Series([], dtype=pl.String))
    assert found.dtype == NAMES
    assert found.to_list() == []
