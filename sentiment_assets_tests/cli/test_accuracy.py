"""`sentiment accuracy`: the figures are ``core.accuracy``'s; here is what goes in and comes out."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sentiment_assets.cli import cli
from sentiment_assets.core.sentiment import SCORERS
from sentiment_assets_tests.core.sentiment.tiny_model import written

POSTS = [
    ("I love it", "positive", "en", "x"),
    ("It is a table", "neutral", "en", "x"),
    ("What a terrible day", "negative", "en", "x"),
    ("It is lovely", "positive", "en", "facebook"),
    ("Das ist gut", "positive", "de", None),
]


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    folder = tmp_path / "labelled"
    folder.mkdir()
    lines = [
        json.dumps({"text": text, "label": label, "lang": lang, "platform": platform})
        for text, label, lang, platform in POSTS
    ]
    with gzip.open(folder / "posts.jsonl.gz", "wt") as file:
        file.write("\n".join(lines))
    (folder / "notes.txt").write_text("not read")
    return folder


def run(*arguments: str, **more: str) -> Any:
    return CliRunner(env={"COLUMNS": "200", **more}).invoke(cli, ["accuracy", *arguments])


def test_without_data_it_measures_its_own_sentences_and_says_what_they_are_worth() -> None:
    result = run()
    assert result.exit_code == 0, result.output
    assert [line.split()[0] for line in result.output.splitlines()[1:4]] == list(SCORERS)
    assert "Not measured for want of labels: x, facebook, instagram, linkedin." in result.output
    assert "written so that a lexicon sees their mood" in result.output


def test_groups_as_json(posts: Path, tmp_path: Path) -> None:
    model = written(tmp_path / "mine.onnx")
    result = run(
        "--data", str(posts), "--scorer", "vader", "--scorer", f"onnx:{model}",
        "--platform", "linkedin", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.output.splitlines()]
    assert {row["scorer"] for row in rows} == {"vader", "onnx:mine"}
    counted: dict[tuple[str, str], int] = {}
    for row in rows:
        if row["scorer"] == "vader":
            key = row["lang"], row["platform"]
            counted[key] = counted.get(key, 0) + row["n"]
            assert row["supported"] == (row["lang"] == "en")
    assert counted == {("en", "x"): 3, ("en", "facebook"): 1, ("de", "linkedin"): 1}
    assert {row["part"] for row in rows if row["lang"] == "de"} == {"all"}
    right = sum(row["confusion"][i][i] for row in rows for i in range(3) if row["lang"] == "en"
                and row["scorer"] == "vader")  # fmt: skip
    assert right == 4


def test_a_table_names_what_is_not_measured(posts: Path) -> None:
    result = run("--data", str(posts / "posts.jsonl.gz"), "--scorer", "vader")
    assert "de (not its own)" in result.output
    assert "Not measured for want of labels: instagram, linkedin." in result.output
    assert "written so that" not in result.output


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("not json", "posts.jsonl:1: no JSON; for example: {"),
        ('{"text": "a", "label": "good"}', "posts.jsonl:1: needs a text and a label of negative"),
        ('\n{"label": "neutral"}', "posts.jsonl:2: needs a text"),
        ('{"text": "a"}', "holds no labelled text: a file needs lines such as {"),
        ("", "holds no labelled text"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, lines: str, said: str) -> None:
    (tmp_path / "posts.jsonl").write_text(lines)
    result = run("--data", str(tmp_path))
    assert result.exit_code == 2
    assert said in result.output


def test_an_unknown_scorer_is_told(posts: Path) -> None:
    result = run("--data", str(posts), "--scorer", "roberta")
    assert "SENTIMENT_SCORER: must be" in str(result.exception)


def test_corrections_of_a_topic_are_measured(tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_text(
        '{"text": "the price is a steal", "label": "positive"}\n'
        '{"text": "they steal", "label": "negative"}\n'
    )
    corrections = tmp_path / "corrections.yaml"
    corrections.write_text(
        "version: 1\nentries:\n"
        "  - {topic: pricing, text: steal, valence: 3.5, reason: a bargain, date: 2026-11-25}\n"
    )
    set_ = {"SENTIMENT_SCORER": "vader+social", "SENTIMENT_CORRECTIONS": str(corrections)}
    right = {}
    for environment in ({}, set_):
        result = run("--data", str(tmp_path), "--scorer", "vader+social", "--json", **environment)
        rows = [json.loads(line) for line in result.output.splitlines()]
        right[len(environment)] = sum(row["confusion"][i][i] for row in rows for i in range(3))
    assert right == {0: 1, 2: 2}
