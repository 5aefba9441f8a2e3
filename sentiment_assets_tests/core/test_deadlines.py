"""Deadlines as an operator writes them: which one holds, and what is told of a wrong file."""

from __future__ import annotations

import datetime as dt

import pytest

from resources.settings import PROJECT_ROOT, SettingsError, read_settings
from sentiment_assets.core.deadlines import (
    DEFAULTS,
    LAYERS,
    TABLES,
    DeadlinesError,
    parse_deadlines,
    spelled,
)
from sentiment_assets.core.platforms import PLATFORMS

HOUR = dt.timedelta(hours=1)
OWN = """
version: 1
within:
  silver: 90 min
  gold: 1.5 h
  gold/daily_trend: 4h
platforms:
  linkedin:
    bronze: 6 h
    gold: 2 d
  x:
    gold/daily_trend: 30 min
"""


@pytest.mark.parametrize(
    ("table", "platform", "hours"),
    [
        pytest.param("bronze/batch_posts", "x", 3, id="the default of the layer"),
        pytest.param("bronze/batch_posts", "linkedin", 6, id="the platform's layer"),
        pytest.param("silver/posts", "x", 1.5, id="the operator's layer"),
        pytest.param("silver/quarantine", "facebook", 1.5, id="every table of the layer"),
        pytest.param("gold/daily_summary", "x", 1.5, id="beside a table of its own"),
        pytest.param("gold/daily_trend", "facebook", 4, id="a table before its layer"),
        pytest.param("gold/daily_trend", "linkedin", 48, id="a platform before a table"),
        pytest.param("gold/daily_trend", "x", 0.5, id="the table of a platform"),
    ],
)
def test_the_nearest_deadline_holds(table: str, platform: str, hours: float) -> None:
    assert parse_deadlines(OWN, "freshness.yaml").of(table, platform) == hours * HOUR


def test_every_table_of_every_platform_has_a_default() -> None:
    assert {deadline.of for deadline in DEFAULTS} == set(LAYERS)
    deadlines = parse_deadlines("version: 1", "freshness.yaml")
    for table in TABLES:
        for platform in PLATFORMS:
            assert deadlines.of(table, platform) == (3 if table.startswith("bronze") else 1) * HOUR


WRONG = [
    ("", ":1: the file is empty"),
    ("within: {silver: 1 h}", "version is missing"),
    ("version: 2", "reads version: 1"),
    ("version: 1\nwithin:\n  silver: 60", ":3: within.silver must be a time from 5 min to 30 d"),
    ("version: 1\nwithin:\n  silver: -1 h", ":3: within.silver must be a time"),
    ("version: 1\nwithin:\n  silver: soon", "for example: silver: 3 h"),
    ("version: 1\nwithin:\n  silver: [1 h]", ":3: within.silver must be a time"),
    ("version: 1\nwithin:\n  bronze: 2 h", ":3: within.bronze must be a time from 2 h 10 min"),
    ("version: 1\nwithin:\n  gold: 31 d", "to 30 d, not 31 d"),
    ("version: 1\nwithin:\n  slver: 1 h", "unknown key within.slver; did you mean silver?"),
    ("version: 1\nwithin:\n  gold/dayly_trend: 1 h", "did you mean gold/daily_trend?"),
    ("version: 1\nwithin: 3 h", "within must hold keys and values, found text"),
    ("version: 1\nplatforms:\n  linkdin: {gold: 1 h}", "did you mean linkedin?"),
    ("version: 1\nplatforms:\n  x:\n    gold: 1 y", ":4: platforms.x.gold must be a time"),
    ("version: 1\nwithin:\n  gold: 1 h\n  gold: 2 h", ":4: within.gold stands twice"),
    ("version: 1\nwithin: {", "not readable as YAML"),
]


@pytest.mark.parametrize(("text", "told"), WRONG)
def test_a_wrong_file_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(DeadlinesError) as refused:
        parse_deadlines(text, "freshness.yaml")
    assert str(refused.value).startswith("freshness.yaml:")
    assert told in str(refused.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(DeadlinesError) as refused:
        parse_deadlines(
            "version: 1\nwithin: {gold: 1}\nplatforms: {x: {bronze: 1 h}}", "freshness.yaml"
        )
    assert len(refused.value.problems) == 2
    assert str(refused.value).startswith("2 problems in the deadlines:")


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(0, "0 min"), (0.4, "0 min"), (59.6, "1 h"), (61, "1 h 1 min"), (180, "3 h"),
     (24 * 60, "1 d"), (52 * 60 + 30, "2 d 4 h"), (-5, "0 min")],
)  # fmt: skip
def test_times_in_words(minutes: float, said: str) -> None:
    assert spelled(dt.timedelta(minutes=minutes)) == said


def test_the_file_of_the_project_changes_no_default_and_says_what_they_are() -> None:
    path = PROJECT_ROOT / "freshness.yaml"
    assert read_settings({}).read_deadlines().own == ()
    for deadline in DEFAULTS:
        assert f"{deadline.of} {spelled(deadline.within)}" in path.read_text()
    example = path.read_text().replace("\n# ", "\n").replace("\n#\n", "\n")
    example = "version: 1\n" + example[example.index("\nwithin:") :]
    assert len(parse_deadlines(example, "the example").own) == 3


def test_a_missing_file_is_told_with_its_setting() -> None:
    settings = read_settings({}, freshness="/no/such/file.yaml")
    with pytest.raises(SettingsError, match=r"SENTIMENT_FRESHNESS: cannot read /no/such/file.yaml"):
        settings.read_deadlines()
