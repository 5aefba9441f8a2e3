"""The rules of alerts: the shipped file, and what is said of a wrong one."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from sentiment_assets.core.alert_rules import (
    RULE_KINDS,
    AlertRulesError,
    default_rule,
    parse_alert_rules,
    read_length,
    write_length,
)

ROOT = Path(__file__).parents[2]
TOPICS = ("nimbus", "outage")


def parse(text: str) -> object:
    return parse_alert_rules(text, "alerts.yaml", TOPICS)


def test_the_shipped_file_spells_out_the_defaults() -> None:
    """Whoever reads the file reads what is in force, also of a rule that they remove."""
    text = (ROOT / "alerts.yaml").read_text()
    shipped = parse_alert_rules(text, "alerts.yaml", TOPICS)
    defaults = {name: default_rule(kind) for name, kind in RULE_KINDS.items()}
    hour = dt.timedelta(hours=1)
    assert shipped.rules["threshold_crossed"].recover_after == hour
    assert {n for n, rule in shipped.rules.items() if rule != defaults[n]} == {"threshold_crossed"}
    assert all(f"  {name}: " in text for name in RULE_KINDS)
    assert [threshold.name for threshold in shipped.thresholds] == ["mostly_negative", "low_mean"]


def test_every_rule_has_its_runbook() -> None:
    for kind in RULE_KINDS.values():
        page = ROOT / "docs" / "runbooks" / f"{kind.runbook}.md"
        assert page.exists(), kind.name
        assert f"`{kind.name}`" in page.read_text(), f"{page.name} does not name {kind.name}"


def test_everything_that_a_file_can_say() -> None:
    rules = parse_alert_rules(
        "version: 1\n"
        "rules:\n"
        "  run_failed: {enabled: false, severity: info, remind_after: never, forget_after: 3d}\n"
        "  daemon_silent: {after: 90min, recover_after: 1h}\n"
        "  quota_low: {share_left: 0.25}\n"
        "thresholds:\n"
        "  - {name: storm, measure: posts, above: 100000, platforms: [x], severity: critical}\n"
        "  - {name: mood, measure: sentiment_mean, below: -0.5, above: 0.9, minimum_scored: 7,\n"
        "     topics: [outage]}\n",
        "alerts.yaml",
        TOPICS,
    )
    run = rules.rules["run_failed"]
    assert (run.enabled, run.severity, run.remind_after) == (False, "info", None)
    assert run.forget_after == dt.timedelta(days=3)
    assert rules.rules["daemon_silent"].length("after") == dt.timedelta(minutes=90)
    assert rules.rules["daemon_silent"].recover_after == dt.timedelta(hours=1)
    assert rules.rules["quota_low"].number("share_left") == 0.25
    assert rules.rules["ticks_failing"] == default_rule(RULE_KINDS["ticks_failing"])
    storm, mood = rules.thresholds
    assert (storm.platforms, storm.severity, storm.minimum_scored) == (("x",), "critical", 100)
    assert (storm.broken_by(100_000), storm.broken_by(100_001)) == (False, True)
    assert [mood.broken_by(value) for value in (-0.6, -0.5, 0.9, 0.91)] == [
        True,
        False,
        False,
        True,
    ]
    assert mood.bound == "below -0.5 or above 0.9"


def test_without_rules_and_thresholds_the_defaults_hold() -> None:
    assert parse_alert_rules("version: 1", "a", ()).thresholds == ()
    assert parse_alert_rules("version: 1\nthresholds: []", "a", ()).thresholds == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "alerts.yaml:1: the file is empty"),
        ("rules: {}", "version is missing"),
        ("version: 2", "this program reads version: 1"),
        (
            "version: 1\nrules: {run_fails: {}}",
            "2: unknown key rules.run_fails; did you mean",
        ),
        ("version: 1\nrules: [a]", "2: rules must hold keys and values, found a list"),
        (
            "version: 1\nrules: {run_failed: {severity: loud}}",
            "'loud' is not one of: info",
        ),
        ("version: 1\nrules: {run_failed: {remind_after: 5}}", "must be text"),
        ("version: 1\nrules: {run_failed: {remind_after: 5 days}}", "no length of time"),
        ("version: 1\nrules: {run_failed: {remind_after: 0h}}", "for example: 12h, or never"),
        ("version: 1\nrules: {run_failed: {recover_after: 5h}}", "unknown key"),
        ("version: 1\nrules: {run_failed: {enabled: maybe}}", "must be true or false"),
        ("version: 1\nrules: {quota_low: {share_left: 3}}", "a number from 0 to 1, not 3"),
        ("version: 1\nrules: {token_ends: {after: 3h}}", "unknown key rules.token_ends.after"),
        ("version: 1\nthresholds: [{measure: posts, above: 3}]", "thresholds[0].name is missing"),
        ("version: 1\nthresholds: [{name: Bad Mood, measure: posts, above: 3}]", "snake_case"),
        ("version: 1\nthresholds: [{name: a, measure: posts}]", "needs below or above"),
        ("version: 1\nthresholds: [{name: a, measure: mood, above: 1}]", "'mood' is not one of"),
        (
            "version: 1\nthresholds: [{name: a, measure: negative_share, above: 60}]",
            "a number from 0 to 1, not 60",
        ),
        (
            "version: 1\nthresholds: [{name: a, measure: posts, above: 1, topics: [rain]}]",
            "'rain' is not one of: nimbus, outage",
        ),
        (
            "version: 1\nthresholds: [{name: a, measure: posts, above: 1, platforms: [y]}]",
            "'y' is not one of: x, ",
        ),
        (
            "version: 1\nthresholds:\n- {name: a, measure: posts, above: 1}\n"
            "- {name: a, measure: posts, above: 2}",
            "alerts.yaml:4: thresholds[1].name 'a' stands twice",
        ),
    ],
)
def test_a_wrong_file_is_told_with_its_line_and_what_to_write(text: str, said: str) -> None:
    with pytest.raises(AlertRulesError) as error:
        parse(text)
    assert said in str(error.value)
    assert str(error.value).startswith("alerts.yaml:")


@pytest.mark.parametrize("text", ["1min", "90min", "2h", "36h", "7d"])
def test_lengths_come_back(text: str) -> None:
    length = read_length(text)
    assert length is not None
    assert read_length(write_length(length)) == length


@pytest.mark.parametrize("text", ["", "2", "h", "-1h", "1.5h", "0d", "2h 5min", "99999h"])
def test_what_is_no_length(text: str) -> None:
    assert read_length(text) is None
