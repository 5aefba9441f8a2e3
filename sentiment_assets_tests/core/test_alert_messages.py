"""Alerts in words: sizes that SNS, mail and telephones take, and the page."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_assets.core.alert_messages import (
    SHOWN,
    Links,
    attributes,
    body,
    document,
    sms,
    sns_message,
    subject,
)
from sentiment_assets.core.alert_page import alert_page
from sentiment_assets.core.alerts import Alert, Book, Channel, Notification, Open, Past, Silence

NOW = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.timezone.utc)
LINKS = Links("aws", "live", "https://dagster.internal/", "https://git.internal/runbooks/")
ALERT = Alert(
    rule="run_failed",
    key="run_failed:fetch:2026-11-24|x:bronze/batch_posts",
    severity="critical",
    headline="A run of fetch failed for 2026-11-24|x",
    cause="step fetch_posts: TokenRejected: the token is not accepted (HTTP 401)",
    next_step="read the run's log in the UI",
    runbook="dead-token",
    platform="x",
    table="bronze/batch_posts",
    partition="2026-11-24|x",
    run_id="8d1c",
)
OPENED = Notification("opened", NOW, (ALERT,))


def test_the_subject() -> None:
    assert subject(OPENED, LINKS) == "[CRITICAL] aws: A run of fetch failed for 2026-11-24|x"
    over = replace(OPENED, event="recovered")
    simulated = Links("local", "simulated")
    assert subject(over, simulated).startswith("[RECOVERED CRITICAL] local, SIMULATED: A run")


def test_the_letter_says_where_why_what_to_do_and_where_to_read_on() -> None:
    assert body(OPENED, LINKS) == (
        "CRITICAL, opened. 2026-11-24 12:00 UTC, aws.\n"
        "\n"
        "A run of fetch failed for 2026-11-24|x\n"
        "  Why:       step fetch_posts: TokenRejected: the token is not accepted (HTTP 401)\n"
        "  Do:        read the run's log in the UI\n"
        "  Runbook:   https://git.internal/runbooks/dead-token.md\n"
        "  Run:       https://dagster.internal/runs/8d1c\n"
        "  Table:     bronze/batch_posts\n"
        "  Platform:  x\n"
        "  Partition: 2026-11-24|x\n"
        "  Key:       run_failed:fetch:2026-11-24|x:bronze/batch_posts\n"
    )
    over = body(replace(OPENED, event="recovered"), LINKS)
    assert "CRITICAL, over." in over
    assert "Do:" not in over


def test_the_short_message_names_the_runbook() -> None:
    said = sms(OPENED, LINKS)
    assert said == "CRITICAL aws: A run of fetch failed for 2026-11-24|x. See dead-token"


@given(st.text(max_size=400), st.text(max_size=300), st.sampled_from(["opened", "recovered"]))
def test_any_words_fit(headline: str, environment: str, event: str) -> None:
    alert = replace(ALERT, headline=headline)
    told = Notification(event, NOW, (alert, alert))  # type: ignore[arg-type]
    links = replace(LINKS, environment=environment)
    line = subject(told, links)
    assert len(line) < 100
    assert line.isascii()
    assert line.isprintable()
    assert line[0] == "["
    short = sms(told, links)
    assert len(short) <= 140
    assert short.isascii()
    assert short.isprintable()


def test_letters_with_accents_lose_them_and_nothing_else() -> None:
    told = Notification(
        "opened",
        NOW,
        (replace(ALERT, headline="Zo\u00eb\u2019s caf\u00e9 \u2026\nis 1\u20132 \u00bd \u5bb6"),),
    )
    assert subject(told, LINKS) == "[CRITICAL] aws: Zoe's cafe ... is 1-2 1?2 ?"


def test_what_sns_gets_is_below_its_limit_whatever_happens() -> None:
    long = replace(ALERT, cause="c" * 500, headline="h" * 300, next_step="n" * 300)
    many = Notification("opened", NOW, (long,) * 5000)
    message = sns_message(many, LINKS)
    assert len(message.encode()) < 256 * 1024
    forms = json.loads(message)
    assert forms["default"] == forms["email"] == body(many, LINKS)
    assert f"… and {5000 - SHOWN} more" in forms["email"]
    odd = replace(long, headline="\u5bb6" * 2000, cause="\u5bb6" * 500)
    message = sns_message(Notification("opened", NOW, (odd,) * 50), LINKS)
    assert len(message.encode()) < 256 * 1024
    assert 1 <= len(json.loads(json.loads(message)["sqs"])["alerts"]) < SHOWN
    told = json.loads(forms["sqs"])
    assert (told["count"], len(told["alerts"])) == (5000, SHOWN)
    assert len(document(many, LINKS)["alerts"]) == 5000


def test_attributes_for_filter_policies() -> None:
    assert attributes(OPENED, LINKS) == {
        "severity": "critical",
        "rule": "run_failed",
        "platform": "x",
        "environment": "aws",
        "origin": "live",
        "event": "opened",
    }
    for others in ((replace(ALERT, platform=None),), (ALERT, replace(ALERT, platform="facebook"))):
        assert attributes(Notification("opened", NOW, others), LINKS)["platform"] == "all"


def test_many_alerts_have_the_highest_severity() -> None:
    mixed = (replace(ALERT, severity="info"), ALERT, replace(ALERT, severity="warning"))
    assert Notification("opened", NOW, mixed).severity == "critical"


# The page

OPEN = Open(ALERT, NOW - dt.timedelta(hours=3), NOW, NOW, "critical")


def test_the_page_shows_what_is_open_silent_and_past() -> None:
    quiet = replace(ALERT, key="quota_low:x", headline="X: 3 % left", severity="warning")
    book = Book(
        open={ALERT.key: OPEN, quiet.key: replace(OPEN, alert=quiet)},
        past=(Past(replace(ALERT, headline="an older one"), NOW, NOW, "recovered"),),
        silences=(Silence("quota*", NOW, NOW + dt.timedelta(hours=2), "known"),),
        channels={"sns": Channel(None, NOW, "SNS refuses"), "log": Channel(NOW)},
        looked_at={"watch": NOW},
    )
    page = alert_page(book, LINKS, NOW)
    assert "<h1>Alerts: 1 open</h1>" in page
    order = [ALERT.headline, "Silenced", "X: 3 % left", "SNS refuses", "an older one"]
    assert sorted(order, key=page.index) == order
    assert '<a href="https://git.internal/runbooks/dead-token.md"' in page
    assert "since 2026-11-24 09:00 UTC (3h)" in page
    assert "watch looked 2026-11-24 12:00 UTC" in page
    assert '<meta http-equiv="refresh"' in page


def test_an_empty_page_is_well() -> None:
    assert "<h1>Alerts: nothing is wrong</h1>" in alert_page(Book(), LINKS, NOW)


@pytest.mark.parametrize("field", ["headline", "cause", "next_step", "key", "runbook", "run_id"])
def test_the_page_runs_nothing_that_an_alert_says(field: str) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'"
    alert = replace(ALERT, **{field: evil})
    silence = Silence(evil, NOW, NOW + dt.timedelta(hours=1), evil)
    book = Book(open={"k": replace(OPEN, alert=alert)}, silences=(silence,))
    page = alert_page(book, replace(LINKS, ui="", runbooks=evil), NOW)
    assert page.count("<script>") == 1, "its own, whose digest the policy names"
    assert "<img" not in page
    assert "default-src &#x27;none&#x27;" in page
