"""The query language, as a table."""

from __future__ import annotations

import pytest

from simulator.x.query import QueryError, Subject, parse

POST = Subject(
    text="RT nothing: I love Nimbus-Cloud, don't you? #NimbusLaunch @StratusHQ 🚀 "
    "新しいアプリ https://t.co/abc",
    handle="Thandi7",
    kind="reply",
    lang="en",
    conversation_id=42,
    replies_to="Sipho9",
    reposts_of=None,
    verified=False,
    media=True,
)


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("nimbus", True),
        ("NIMBUS", True),
        ("nimb", False),
        ("nimbus-cloud", True),
        ("don't", True),
        ("nimbuslaunch", True),
        ('"love nimbus cloud"', True),
        ('"nimbus love"', False),
        ('"i love"', True),
        ("love nimbus", True),
        ("love cirrus", False),
        ("love OR cirrus", True),
        ("cirrus OR stratus", False),
        ("cirrus love OR nimbus", True),
        ("cirrus (love OR nimbus)", False),
        ("(cirrus OR nimbus) (love OR hate)", True),
        ("nimbus -love", False),
        ("nimbus -cirrus", True),
        ('nimbus -"hate it"', True),
        ("#nimbuslaunch", True),
        ("#nimbus", False),
        ("@stratushq", True),
        ("@stratus", False),
        ("from:thandi7", True),
        ("from:@Thandi7", True),
        ("from:sipho9", False),
        ("to:sipho9", True),
        ("nimbus lang:en", True),
        ("nimbus lang:de", False),
        ("nimbus -lang:de", True),
        ("nimbus is:reply", True),
        ("nimbus -is:retweet", True),
        ("nimbus is:quote", False),
        ("nimbus is:verified", False),
        ("nimbus has:links", True),
        ("nimbus has:hashtags has:mentions", True),
        ("nimbus has:media", True),
        ("nimbus -has:links", False),
        ("conversation_id:42", True),
        ('url:"https://t.co/abc"', True),
        ('url:"example.com"', False),
        ("url:t.co", True),
        ("retweets_of:thandi7", False),
        ("🚀", True),
        ("アプリ", True),
        ("リアプ", False),
        ("https://t.co/abc", True),
    ],
)
def test_query(query: str, matches: bool) -> None:
    assert parse(query).matches(POST) is matches


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "empty"),
        ("a" * 513, "512"),
        ("(nimbus", "missing ')'"),
        ("nimbus)", "no viable alternative"),
        ("()", "term is missing"),
        ("nimbus OR", "term is missing"),
        ("OR nimbus", "term is missing"),
        ("nimbus OR OR cirrus", "term is missing"),
        ('"nimbus', "closing quote"),
        ("nimbus and cirrus", "ambiguous"),
        ("nimbus AND cirrus", "ambiguous"),
        ("nimbus or cirrus", "ambiguous"),
        ("nimbus colour:red", "invalid operator"),
        ("nimbus is:tired", "invalid operator"),
        ("nimbus has:cats", "invalid operator"),
        ("from:", "no value"),
        ("is:reply", "stand alone"),
        ("-nimbus", "stand alone"),
        ("lang:en -is:retweet", "stand alone"),
        ("nimbus -(love OR hate)", "can't be negated"),
        ("nimbus !!!", "nothing to match"),
    ],
)
def test_unparsable(query: str, says: str) -> None:
    with pytest.raises(QueryError, match=says.replace("(", r"\(").replace(")", r"\)")):
        parse(query)


@pytest.mark.parametrize("word", ["-nimbus", "x OR y", "nimbus"])
def test_equal_spelling_is_an_equal_query(word: str) -> None:
    if word.startswith("-"):
        word = f"x {word}"
    assert parse(word) == parse(word)
    assert hash(parse(word)) == hash(parse(word))
    assert parse(word) != parse(word + " z")
