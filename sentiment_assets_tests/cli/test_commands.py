"""The `sentiment` command: in process for what it says, as a process for how it ends."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sentiment_assets.cli import cli
from sentiment_assets.core.contracts import REFERENCE_CONTRACTS
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.sentiment.vader import kernel_in_use
from sentiment_assets_tests.local_platform import Platform
from sentiment_assets_tests.simulated import ROOT

VERBS = (
    "run", "connect", "tick", "partitions", "freshness", "reprocess", "maintain", "mart", "keys",
    "score", "accuracy", "settings", "access", "alerts", "watch", "produce",
)  # fmt: skip
Invoke = Callable[..., Any]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Run the command in this process, in a home of its own."""
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path / "home"))

    def run(*arguments: str, text: str | None = None) -> Any:
        return CliRunner().invoke(cli, arguments, input=text)

    return run


def process(
    home: Path, *arguments: str, text: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command as its console script does, in a home of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from sentiment_assets.cli import main; main()", *arguments],
        input=text,
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"], "HOME": str(home), "COLUMNS": "100",
            "SENTIMENT_HOME": str(home), **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )  # fmt: skip


def json_lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_help_names_every_verb(invoke: Invoke) -> None:
    result = invoke("--help")
    assert result.exit_code == 0
    for verb in VERBS:
        assert f"  {verb} " in result.output
        own = invoke(verb, "-h")
        assert own.exit_code == 0
        assert own.output.startswith(f"Usage: cli {verb}")


def test_settings_as_json(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTIMENT_X_BEARER_TOKEN", "hush-hush")
    monkeypatch.setenv("SENTIMENT_POSTGRES_URL", "postgresql+psycopg2://me:hush-hush@db/d")
    result = invoke("settings", "--json")
    assert result.exit_code == 0
    rows = {row["setting"]: row for row in json_lines(result.output)}
    assert rows["SENTIMENT_X_BEARER_TOKEN"]["value"] == "**********"
    assert rows["SENTIMENT_X_BEARER_TOKEN"]["source"] == "environment"
    assert rows["SENTIMENT_MIN_AUTHORS"]["source"] == "default"
    assert rows["(scoring kernel)"]["value"] == kernel_in_use()
    assert {"(masking kernel)", "(language kernel)"} <= rows.keys()
    assert "hush" not in result.output
    table = invoke("settings")
    assert table.exit_code == 0
    assert "hush" not in table.output
    assert "SENTIMENT_MIN_AUTHORS" in table.output
    assert re.search(rf"\(scoring kernel\) +{kernel_in_use()} ", table.output)


SCORED = [
    ("I love the new Nimbus dashboard, great work!", "positive", None),
    ("Nimbus is down again, terrible service and awful support", "negative", None),
    ("Der Ausfall war schrecklich und niemand hat mir geholfen", None, "language_not_supported"),
    ("Write to thandeka@example.org about the great launch", "positive", None),
]


def test_score_as_json(invoke: Invoke) -> None:
    text = "\n".join(text for text, _, _ in SCORED)
    result = invoke("score", "-", "--json", text=text)
    assert result.exit_code == 0, result.output
    rows = json_lines(result.output)
    assert [(row["label"], row["unscored_reason"]) for row in rows] == [
        (label, reason) for _, label, reason in SCORED
    ]
    assert [row["compound"] is None for row in rows] == [label is None for _, label, _ in SCORED]
    assert "thandeka" not in result.output
    assert rows[0].keys() >= {"text", "neg", "neu", "pos", "compound", "label", "lang"}


def test_score_reads_json_lines_and_files(invoke: Invoke, tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text(
        '{"text": "I love it"}\n\n{"text": "what a terrible day", "id": 7}\nplain joy\n'
    )
    result = invoke("score", str(path))
    assert result.exit_code == 0
    assert [line[0] for line in result.output.splitlines()] == ["+", "-", "+"]


@pytest.mark.parametrize("line", ['{"texts": "x"}', '{"text"', '{"text": "a"} x'])
def test_score_names_the_line_that_is_no_text(invoke: Invoke, line: str) -> None:
    result = invoke("score", "-", text=f"fine\n{line}\n")
    assert result.exit_code == 2
    assert "line 2" in result.output
    assert "for example" in result.output


def test_score_by_another_scorer(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compound(*arguments: str) -> float:
        result = invoke("score", "-", "--json", *arguments, text="The price of it is a steal 😡\n")
        assert result.exit_code == 0, result.output
        return float(json_lines(result.output)[0]["compound"])

    corrections = tmp_path / "corrections.yaml"
    corrections.write_text(
        "version: 1\nentries:\n"
        "  - {topic: pricing, text: steal, valence: 3.5, reason: a bargain, date: 2026-11-25}\n"
    )
    assert compound("--scorer", "vader+social") < compound() < 0 == compound("--scorer", "textblob")
    monkeypatch.setenv("SENTIMENT_SCORER", "vader+social")
    assert compound() == compound("--scorer", "vader+social")
    monkeypatch.setenv("SENTIMENT_CORRECTIONS", str(corrections))
    assert compound() > 0 > compound("--scorer", "vader")
    assert compound("--scorer", "vader+social") > 0


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_score_of_nothing_is_nothing(invoke: Invoke, text: str) -> None:
    result = invoke("score", "-", text=text)
    assert (result.exit_code, result.output) == (0, "")


def test_score_of_undecodable_bytes_goes_on(invoke: Invoke, tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_bytes(b"caf\xe9 is great\n" + gzip.compress(b"x"))
    result = invoke("score", str(path), "--json")
    assert result.exit_code == 0
    assert json_lines(result.output)[0]["label"] == "positive"


def test_partitions_of_an_empty_lake(invoke: Invoke) -> None:
    result = invoke("partitions", "--days", "2", "--json")
    assert result.exit_code == 0, result.output
    assert {row["platform"] for row in json_lines(result.output)} == set(PLATFORMS)
    result = invoke("partitions", "--days", "2", "--platform", "x", "--json")
    rows = json_lines(result.output)
    assert [row["layer"] for row in rows] == ["bronze", "silver", "gold"] * 2
    assert {row["platform"] for row in rows} == {"x"}
    assert {(row["rows"], row["age_seconds"]) for row in rows} == {(0, None)}
    assert rows[0]["state"] == "12 missing"
    assert "simulated lake" in invoke("partitions").output
    stale = invoke("partitions", "--days", "2", "--stale")
    assert "nothing is behind in 8 partitions" in stale.output
    assert invoke("partitions", "--days", "2", "--stale", "--json").output.strip() == ""


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (("settings",), {"SENTIMENT_MIN_AUTHORS": "0"}, "SENTIMENT_MIN_AUTHORS"),
        (("tick",), {"SENTIMENT_SOURCE": "live"}, "SENTIMENT_X_BEARER_TOKEN"),
        (("settings",), {"SENTIMENT_SCORER": "roberta"}, "SENTIMENT_SCORER: must be textblob"),
        (("dance",), {}, "No such command"),
        (("run", "--once", "--corpus", "/no/such/corpus"), {}, "cannot read the corpus"),
    ],
)
def test_a_wrong_command_or_setting_ends_with_2(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    done = process(tmp_path, *arguments, **environment)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("score", "/no/such/file"), "No such file"),
        (("partitions", "--days", "many"), "not a valid integer"),
        (("run", "--posts-per-day", "0"), "not in the range"),
    ],
)
def test_a_wrong_argument_is_named(invoke: Invoke, arguments: tuple[str, ...], said: str) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_help_and_scores_end_with_0(tmp_path: Path) -> None:
    for arguments in (("--help",), ("--version",)):
        done = process(tmp_path, *arguments)
        assert (done.returncode, done.stderr) == (0, ""), arguments
        assert done.stdout
    done = process(tmp_path, "score", "-", "--json", text="I love it\n")
    assert done.returncode == 0
    assert json.loads(done.stdout)["label"] == "positive"
    assert [*tmp_path.iterdir()] == [], "scoring needs no lake and makes none"


def test_a_tick_for_real(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six dates meet a dead token: the others are done all the same, and the status tells.

    In a new home, so with an embedded PostgreSQL of its own.
    """
    home, x = platform.settings.home, platform.x
    # The process lives in the machine's time; X must too.
    x.free_clock()
    x.fault("dead_token", times=6)
    done = process(home, "tick", "--json", SENTIMENT_X_BASE_URL=x.url)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    told = json.loads(done.stdout)
    assert len(told["failures"]) == 6
    assert all("the bearer token is not accepted" in failure for failure in told["failures"])
    assert told["rebuilt"] == told["fetched"]
    assert len(told["fetched"]) == 2
    # Before gold, so that nothing is built twice.
    assert told["references"] == [*REFERENCE_CONTRACTS]
    monkeypatch.setenv("SENTIMENT_HOME", str(home))
    shown = CliRunner().invoke(cli, ["partitions", "--days", "2", "--platform", "x", "--json"])
    assert shown.exit_code == 0, (shown.output, shown.exception)
    states = {row["layer"]: row["state"] for row in json_lines(shown.output)[:4]}
    made = ("silver", "gold", "mart")
    assert states == {"bronze": "12 complete", **dict.fromkeys(made, "current")}
    monkeypatch.setenv("SENTIMENT_MIN_AUTHORS", "4")
    shown = CliRunner().invoke(cli, ["partitions", "--days", "2", "--platform", "x", "--json"])
    states = {row["layer"]: row["state"] for row in json_lines(shown.output)[:3]}
    assert states["silver"] == "current"
    assert states["gold"] == "made for 10 authors, behind"
    # The six dates are holes, and the API soon forgets the oldest of them.
    monkeypatch.setenv("SENTIMENT_X_BASE_URL", x.url)
    shown = CliRunner().invoke(cli, ["freshness", "--json"])
    assert shown.exit_code == 1, (shown.output, shown.exception)
    verdicts = {row["table"]: row for row in json_lines(shown.output)}
    assert {table for table, row in verdicts.items() if not row["fresh"]} == {"bronze/batch_posts"}
    assert verdicts["bronze/batch_posts"]["grave"]
    assert verdicts["bronze/batch_posts"]["age_seconds"] < 2.5 * 3600
    assert verdicts["silver/posts"]["age_seconds"] == 0
    shown = CliRunner().invoke(cli, ["freshness"])
    assert "losing posts" in shown.output
    assert f"1 of {len(verdicts)} are stale" in shown.output
