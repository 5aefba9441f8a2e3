from pathlib import Path

import pytest

from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.tracking import (
    Topic,
    TrackedSource,
    Tracking,
    TrackingError,
    allowed_by,
    parse_tracking,
)

ROOT = Path(__file__).parents[2]

GOOD = """\
version: 1
platforms:
  x:
    queries:
      - name: brand
        query: nimbus
topics:
  - name: pricing
    keywords: [price]
"""


def with_query(query: str) -> str:
    return GOOD.replace("query: nimbus", f"query: {query}")


def with_topic(lines: str) -> str:
    return GOOD + "  - " + "\n    ".join(lines.splitlines()) + "\n"


def problems(text: str) -> list[str]:
    with pytest.raises(TrackingError) as raised:
        parse_tracking(text, "tracking.yaml")
    return list(raised.value.problems)


def test_reads_sources_and_topics_in_the_order_of_the_file() -> None:
    text = with_topic("name: apps\nkeywords: [app]\nphrases: [app   store]\nexclude: [appetite]")

    assert parse_tracking(text, "tracking.yaml") == Tracking(
        sources={"x": (TrackedSource("brand", "query", "nimbus"),)},
        topics=(
            Topic("pricing", keywords=("price",)),
            Topic("apps", ("app",), ("app store",), ("appetite",)),
        ),
    )


def test_the_projects_own_file_is_valid_and_tracks_the_story() -> None:
    tracking = parse_tracking((ROOT / "tracking.yaml").read_text(), "tracking.yaml")

    assert [topic.name for topic in tracking.topics] == [
        "nimbus",
        "stratus",
        "cirrus",
        "pricing",
        "support",
        "outage",
        "mobile_app",
        "launch",
    ]
    assert set(tracking.sources) == set(PLATFORMS)


EXAMPLE = "; for example: "
MISTAKES = [
    pytest.param(
        with_topic("name: cost\nkeywords: 12"),
        "tracking.yaml:11: topics[1].keywords must be a list of words, found a number"
        + EXAMPLE
        + "keywords: [price, pricing]",
        id="number for a list",
    ),
    pytest.param(
        with_topic("name: cost\nkeywords: []"),
        "tracking.yaml:11: topics[1].keywords is an empty list"
        + EXAMPLE
        + "keywords: [price, pricing]",
        id="empty list",
    ),
    pytest.param(
        with_topic("name: cost\nkeywords: [yes]"),
        "tracking.yaml:11: topics[1].keywords[0] must be text (quotes make it text), "
        "found true or false" + EXAMPLE + "keywords: [price, pricing]",
        id="YAML's own booleans",
    ),
    pytest.param(
        with_topic("name: cost\nkeywords: [free plan]"),
        "tracking.yaml:11: topics[1].keywords[0] is a phrase ('free plan'); move it to phrases",
        id="phrase among keywords",
    ),
    pytest.param(
        with_topic("name: cost\nkeywords: [a, b, A]"),
        "tracking.yaml:11: topics[1].keywords[2] 'A' stands twice, first on line 11; keep one",
        id="word twice",
    ),
    pytest.param(
        with_topic("name: all\nkeywords: [a]"),
        "tracking.yaml:10: topics[1].name 'all' means every post; give the topic another name",
        id="the name that stands for no topic",
    ),
    pytest.param(
        with_topic("name: cost\nkeywords: ['']"),
        "tracking.yaml:11: topics[1].keywords[0] is empty" + EXAMPLE + "keywords: [price, pricing]",
        id="empty word",
    ),
    pytest.param(
        with_topic("name: cost\nkeyword: [a]\nphrases: [a b]"),
        "tracking.yaml:11: unknown key topics[1].keyword; did you mean keywords?",
        id="near key",
    ),
    pytest.param(
        with_topic("name: cost\nkeywords: [a]\nkeywords: [b]"),
        "tracking.yaml:12: topics[1].keywords stands twice, first on line 11; keep one",
        id="key twice",
    ),
    pytest.param(
        with_topic("name: cost\nexclude: [a]"),
        "tracking.yaml:10: topics[1] needs keywords or phrases"
        + EXAMPLE
        + "keywords: [price, pricing]",
        id="exclusions only",
    ),
    pytest.param(
        with_topic("name: Price Talk\nkeywords: [a]"),
        "tracking.yaml:10: topics[1].name 'Price Talk' must be in snake_case"
        + EXAMPLE
        + "name: price_talk",
        id="name not in snake_case",
    ),
    pytest.param(
        with_topic("name: pricing\nkeywords: [a]"),
        "tracking.yaml:10: topics[1].name 'pricing' stands twice, first on line 8; keep one",
        id="topic twice",
    ),
    pytest.param(
        with_topic("keywords: [a]"),
        "tracking.yaml:10: topics[1].name is missing" + EXAMPLE + "name: pricing",
        id="no name",
    ),
    pytest.param(
        GOOD + "  - 5\n",
        "tracking.yaml:10: topics[1] must hold keys and values, found a number"
        + EXAMPLE
        + "{name: pricing, keywords: [price, pricing]}",
        id="topic is a number",
    ),
    pytest.param(
        GOOD.replace("  x:\n", "  twitter:\n"),
        "tracking.yaml:3: unknown key platforms.twitter; known here: " + ", ".join(PLATFORMS),
        id="unknown platform",
    ),
    pytest.param(
        GOOD.replace("version: 1", "version: 2"),
        "tracking.yaml:1: this program reads version: 1 (a number) and no other",
        id="version of the future",
    ),
    pytest.param(
        GOOD.replace("version: 1\n", ""),
        "tracking.yaml:1: version is missing" + EXAMPLE + "version: 1",
        id="no version",
    ),
    pytest.param(
        with_query("nim" * 171),
        "tracking.yaml:6: platforms.x.queries[0].query has 513 characters, at most 512 are taken; "
        "split it into two",
        id="query too long",
    ),
    pytest.param(
        with_query("nimbus OR #nimbusdown"),
        "tracking.yaml:6: platforms.x.queries[0].query ends with OR; if the rest begins with #, "
        "quote the query, since in bare YAML a space and # begin a comment"
        + EXAMPLE
        + "query: 'nimbus OR #nimbus'",
        id="the rest was a comment",
    ),
    pytest.param(
        with_query("(nimbus OR cirrus"),
        "tracking.yaml:6: platforms.x.queries[0].query leaves a quote or a parenthesis open"
        + EXAMPLE
        + "query: '(nimbus OR cirrus) \"sign in\"'",
        id="open parenthesis",
    ),
    pytest.param(
        with_query(")nimbus("),
        "tracking.yaml:6: platforms.x.queries[0].query leaves a quote or a parenthesis open"
        + EXAMPLE
        + "query: '(nimbus OR cirrus) \"sign in\"'",
        id="parentheses the wrong way round",
    ),
    pytest.param(
        with_query("\"'nimbus'\"") + "  -\n",
        "tracking.yaml:10: topics[1] must hold keys and values, found nothing"
        + EXAMPLE
        + "{name: pricing, keywords: [price, pricing]}",
        id="empty item",
    ),
    pytest.param(
        "version: 1\nplatforms: [\n",
        "tracking.yaml:3: not readable as YAML: expected the node content, "
        "but found '<stream end>'; check indentation, quotes and brackets there",
        id="not YAML",
    ),
    pytest.param(
        "# nothing yet\n",
        "tracking.yaml:1: the file is empty" + EXAMPLE + "version: 1",
        id="empty file",
    ),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_a_mistake_is_reported_with_its_line_and_what_to_write(text: str, message: str) -> None:
    assert problems(text) == [message]


def test_every_mistake_is_reported_at_once_in_the_order_of_lines() -> None:
    text = with_topic("name: cost\nkeywords: 12").replace("version: 1\n", "") + "version: two\n"

    found = problems(text.replace("query: nimbus", "query: ''"))

    assert [message.split(":")[1] for message in found] == ["5", "10", "11"]
    with pytest.raises(TrackingError, match=r"^3 problems in what to track:\ntracking.yaml:5: "):
        parse_tracking(text.replace("query: nimbus", "query: ''"), "tracking.yaml")


def test_a_query_may_use_the_whole_length() -> None:
    query = "n" * 512

    assert parse_tracking(with_query(query), "t").sources["x"][0].value == query


@pytest.mark.parametrize("query", ["'\"(\" OR nimbus'", '"(nimbus OR cirrus) -stratus"'])
def test_balanced_queries_pass(query: str) -> None:
    assert len(parse_tracking(with_query(query), "t").sources["x"]) == 1


def test_brands_and_places_that_are_no_names() -> None:
    tracking = parse_tracking(GOOD + "allow: [Nimbus, Jackson  Hole]\n", "t")

    assert tracking.allow == ("Nimbus", "Jackson Hole")
    assert set(allowed_by(tracking.topics, tracking.allow)) >= {"Nimbus", "Jackson Hole", "price"}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("allow: Nimbus", "allow must be a list of brands or places, found text"),
        ("allow: []", "allow is an empty list; for example: allow: [Nimbus, Cape Town]"),
        ("allow: [Nimbus, nimbus]", "allow[1] 'nimbus' stands twice"),
        ("allow: [2026]", "allow[0] must be text"),
        ("alow: [Nimbus]", "unknown key alow; did you mean allow?"),
    ],
)
def test_what_is_wrong_with_it(written: str, said: str) -> None:
    (problem,) = problems(f"{GOOD}{written}\n")
    assert said in problem


SAME = [
    pytest.param("# a comment\n" + GOOD, id="comment"),
    pytest.param(GOOD.replace("keywords: [price]", "keywords:\n    - price"), id="layout"),
]
OTHER = [
    pytest.param(with_query("cirrus"), True, id="query"),
    pytest.param(GOOD.replace("[price]", "[prices]"), False, id="keyword"),
    pytest.param(GOOD.replace("keywords: [price]", "phrases: [price]"), False, id="field"),
    pytest.param(GOOD.replace("name: pricing", "name: cost"), False, id="topic's name"),
    pytest.param(GOOD + "allow: [Nimbus]\n", True, id="allowed"),
]


def test_fingerprint_does_not_see_the_order_of_lists() -> None:
    one, other = (GOOD.replace("[price]", words) for words in ("[a, b]", "[b, a]"))

    assert parse_tracking(one, "t").fingerprint() == parse_tracking(other, "t").fingerprint()


@pytest.mark.parametrize("text", SAME)
def test_fingerprint_does_not_see_how_the_file_is_written(text: str) -> None:
    assert parse_tracking(text, "t").fingerprint() == parse_tracking(GOOD, "t").fingerprint()


@pytest.mark.parametrize(("text", "same_topics"), OTHER)
def test_fingerprint_sees_every_change_of_content(text: str, same_topics: bool) -> None:
    before, after = parse_tracking(GOOD, "t"), parse_tracking(text, "t")

    assert before.fingerprint() != after.fingerprint()
    assert (before.topics_fingerprint() == after.topics_fingerprint()) is same_topics


def test_fingerprint_is_the_same_in_every_process_and_release() -> None:
    assert parse_tracking(GOOD, "t").fingerprint() == (
        "18189f10c389455e40268065081406bf93f1c14397cb9dac0d29833c02e7186f"
    )
