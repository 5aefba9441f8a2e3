from __future__ import annotations

import datetime as dt

import pytest

from sentiment_assets.core.sentiment.word_list import Entry, WordListError, parse_word_list

ENTRY = '{text: killed, valence: -0.5, reason: "apps are killed", date: 2026-11-25}'


def listed(*entries: str) -> str:
    return "version: 1\nentries:\n" + "".join(f"  - {entry}\n" for entry in entries)


def test_entries_in_their_order() -> None:
    text = listed(
        ENTRY,
        '{text: "  Can’t   WAIT ", valence: 2, reason: "joy", date: 2026-11-24}',  # noqa: RUF001
        "{text: ❤️, valence: 3, reason: a heart, date: 2026-11-23}",
        "{topic: pricing, text: killed, valence: 1, reason: prices are killed, date: 2026-11-25}",
    )
    day = dt.date(2026, 11, 25)
    entries = parse_word_list(text, "words.yaml", ["outage", "pricing"])
    assert entries == (
        Entry("killed", -0.5, "apps are killed", day),
        Entry("can't wait", 2.0, "joy", dt.date(2026, 11, 24)),
        Entry("❤", 3.0, "a heart", dt.date(2026, 11, 23)),
        Entry("killed", 1.0, "prices are killed", day, "pricing"),
    )
    assert [entry.is_phrase for entry in entries] == [False, True, False, False]
    assert [entry.is_emoji for entry in entries] == [False, False, True, False]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "w.yaml:1: the file is empty; for example: version: 1"),
        ("version: 2\nentries:\n  - " + ENTRY, "w.yaml:1: this program reads version: 1"),
        ("version: 1\n", "w.yaml:1: entries is missing; for example: entries: [{text: killed"),
        ("version: 1\nentries: []", "w.yaml:2: entries is an empty list"),
        ("version: 1\nword: 1\nentries:\n  - " + ENTRY,
         "w.yaml:2: unknown key word; known here: version, entries"),
        ("version: 1\nentries: {a: 1}", "w.yaml:2: entries must be a list of words, found keys"),
        ("version: 1\nentries: [\n", "w.yaml:3: not readable as YAML"),
        (listed(ENTRY, ENTRY), "w.yaml:4: entries[1].text 'killed' stands twice, first on line 3"),
        (listed("{text: a, reason: b, date: 2026-11-25}"), "3: entries[0].valence is missing"),
        (listed(ENTRY.replace("-0.5", "5")), "a number from -4 to 4, not 5; for example"),
        (listed(ENTRY.replace("-0.5", ".nan")), "a number from -4 to 4, not .nan"),
        (listed(ENTRY.replace("-0.5", "bad")), "a number from -4 to 4, found text"),
        (listed(ENTRY.replace("2026-11-25", "today")), "a date, YYYY-MM-DD, found text"),
        (listed(ENTRY.replace(', reason: "apps are killed"', "")), "entries[0].reason is missing"),
        (listed(ENTRY.replace('"apps are killed"', '" "')), "entries[0].reason is empty"),
        (listed(ENTRY.replace("killed,", "no,")), "text must be text (quotes make it text)"),
        (listed(ENTRY.replace("killed,", "'no!',")), "must be a word, a phrase of words or"),
        (listed(ENTRY.replace("killed,", "👩‍👩‍👧,")), "must be a word, a phrase of words or"),
        (listed(ENTRY.replace("killed,", "':)',")), "must be a word, a phrase of words or"),
        (listed("{topic: prices, " + ENTRY[1:]),
         "3: entries[0].topic 'prices' is not a tracked topic; tracked are: outage, pricing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(WordListError) as told:
        parse_word_list(text, "w.yaml", ["outage", "pricing"])
    assert len(told.value.problems) == 1, told.value.problems
    assert problem in str(told.value)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(WordListError) as told:
        parse_word_list(listed("{txet: a}", ENTRY.replace("-0.5", "9")), "w.yaml")
    assert str(told.value).startswith("6 problems in a list of words:\nw.yaml:3: ")
    assert "unknown key entries[0].txet; did you mean text?" in str(told.value)


def test_a_list_without_topics_names_none() -> None:
    with pytest.raises(WordListError, match="unknown key entries\\[0\\]\\.topic"):
        parse_word_list(listed("{topic: a, " + ENTRY[1:]), "w.yaml")
