"""`sentiment connect` against the real simulator, on each platform alike."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from resources.environments import api_client
from resources.settings import CLIENTS, SettingsError, credential_setting, read_settings
from sentiment_assets.cli import cli
from sentiment_assets.cli.connect import _searches_a_tick
from sentiment_assets.core.coverage import REFRESHED_WINDOWS
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.tracking import TrackedSource
from sentiment_assets_tests.local_platform import NOW
from sentiment_assets_tests.simulated import SimulatedPlatform

TRACKING = read_settings({}).read_tracking()
#: What it is called where a listing comes back empty, if not like this.
EMPTY = {"linkedin": "empty_without_role"}
UNREACHABLE = "postgresql+psycopg2://nobody@127.0.0.1:1/none"
Connect = Callable[..., Any]


@pytest.fixture(params=list(PLATFORMS))
def platform(
    request: pytest.FixtureRequest, simulated: dict[str, SimulatedPlatform]
) -> Iterator[SimulatedPlatform]:
    """Each platform, without faults, on a Thursday at 18:30."""
    one = simulated[request.param]
    one.heal()
    one.travel(NOW)
    yield one
    one.forget()
    one.heal()


@pytest.fixture
def connect(
    platform: SimulatedPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Connect:
    """Run the command in this process, in a home of its own; it waits for nothing."""
    prefix = f"SENTIMENT_{platform.platform.upper()}"
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(f"{prefix}_BASE_URL", platform.url)
    monkeypatch.setenv(f"{prefix}_MAX_WAIT_SECONDS", "0")
    # The command's client lives at the simulator's moment, so that every run sees the same.
    module = CLIENTS[platform.platform]
    monkeypatch.setattr(module, "open_client", partial(module.open_client, clock=lambda: NOW))
    # Whoever connects to it fails.
    monkeypatch.setenv("SENTIMENT_POSTGRES_URL", UNREACHABLE)

    def run(*options: str) -> Any:
        result = CliRunner().invoke(cli, ["connect", platform.platform, *options])
        assert isinstance(result.exception, SystemExit | None), result.exception
        assert result.stderr == ""
        return result

    return run


def names(platform: SimulatedPlatform) -> list[str]:
    return [source.name for source in TRACKING.sources[platform.platform]]


def shown(output: str) -> tuple[list[str], list[str]]:
    """What is well and what is not, by the marks before it."""
    marks = re.findall(r"^(ok|NO)  (\S+(?: \S+)*)", output, re.MULTILINE)
    return [what for mark, what in marks if mark == "ok"], [
        what for mark, what in marks if mark == "NO"
    ]


def test_all_is_well(platform: SimulatedPlatform, connect: Connect) -> None:
    result = connect()
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == f"{PLATFORMS[platform.platform].title}, simulator: all is well"
    assert lines[-1] == "Nothing was written."
    assert max(map(len, lines)) <= 100
    well, wrong = shown(result.output)
    assert {"token", "version", "allowance"} <= set(well)
    assert wrong == []
    assert re.search(r"^One page: [1-8] of \d+ records, as silver holds them$", result.output, re.M)
    assert re.search(r"^20\d\d-\d\d-\d\d \d\dh  (post|comment|reply)", result.output, re.M)
    assert {name for name in names(platform) if f"\n{name} " not in result.output} == set()


def test_the_same_as_json(platform: SimulatedPlatform, connect: Connect) -> None:
    result = connect("--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert result.output.count("\n") == 1
    assert told["ok"] is all(finding["ok"] for finding in told["findings"]) is True
    rows = told["preview"]["rows"]
    assert {row["kind"] for row in rows} <= {"post", "comment", "reply", "repost"}
    assert all(row["text"] for row in rows[:3])
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:00Z", row["hour"]) for row in rows)
    access = CLIENTS[platform.platform].Access
    assert told["granted"] == access.REQUESTS
    assert told["period_seconds"] == access.PERIOD.total_seconds()
    assert [one["source"] for one in told["expenses"]] == names(platform)
    for one in told["expenses"]:
        assert one["requests_per_tick"] >= 1
        assert one["requests_per_day"] == 12 * one["requests_per_tick"]
        assert one["posts_per_day"] > 0
        assert (one["dollars_per_day"] or 1) > 0
    a_period = max(1, access.PERIOD / dt.timedelta(hours=2))
    expected = sum(one["requests_per_tick"] for one in told["expenses"]) * a_period
    assert told["share_of_requests"] == pytest.approx(expected / access.REQUESTS, abs=1e-4)


def test_paid_posts_are_counted_on_both_days_that_return_them(
    platform: SimulatedPlatform, connect: Connect
) -> None:
    told = json.loads(connect("--json").output)
    sources = TRACKING.sources[platform.platform]
    prices = [cost.price_per_post for cost in platform.client.inspect(sources).costs]
    for one, price in zip(told["expenses"], prices, strict=True):
        if price is None:
            assert one["dollars_per_day"] is None
        else:
            expected = pytest.approx(2 * price * one["posts_per_day"], abs=0.01)
            assert one["dollars_per_day"] == expected
    assert ("$ a day" in connect().output) == any(price is not None for price in prices)


SECRETS = ("thandeka@example.org", "555 0100", "@thandeka_m", "10.12.13.14")


def test_identifiers_are_masked(platform: SimulatedPlatform, connect: Connect) -> None:
    text = (
        "Nimbus: call +27 82 555 0100, write thandeka@example.org, ask @thandeka_m at 10.12.13.14"
    )
    added = platform.post(text, NOW - dt.timedelta(seconds=40), account="brand")
    screen, as_json = connect().output, connect("--json").output
    assert "call [phone], write [email]" in screen
    assert "ask [handle] at [ip]" in as_json
    output = screen + as_json
    assert [secret for secret in SECRETS if secret in output] == []
    assert added not in output
    # Nor any other id; the simulator's are all longer.
    assert re.findall(r"[0-9]{7,}", output) == []
    assert "simulated" not in output.replace("simulator", ""), "the token"


def test_names_that_come_with_a_post_are_masked(
    platform: SimulatedPlatform, connect: Connect
) -> None:
    """Against the raw payloads that the client itself previews."""
    output = connect("--json").output
    raw = platform.client.inspect(TRACKING.sources[platform.platform]).preview
    parser = PLATFORMS[platform.platform].parser
    known = {name for payload in raw for name in parser.parse(payload).known_names}
    # What everybody writes about stays.
    people = {name for name in known if not re.search("nimbus|stratus|cirrus", name.lower())}
    assert people
    rows = " ".join(row["text"] or "" for row in json.loads(output)["preview"]["rows"])
    assert [name for name in people if re.search(rf"\b{re.escape(name)}\b", rows)] == []


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in [folder, *folder.rglob("*")]
    }


def test_nothing_is_written(tmp_path: Path, connect: Connect) -> None:
    """Neither into a home that is not there, nor into one with a lake; no database is asked."""
    connect()
    assert not (tmp_path / "home").exists()
    lake = read_settings({}, home=tmp_path / "home").open_lake()
    lake.objects.put("bronze/kept", b"as it is")
    before = snapshot(tmp_path)
    assert any(name.endswith("_lake.json") for name in before)
    assert connect().exit_code == 0
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    "fault", ["dead_token", "forbidden", "rate_limit", "server_error", "not_json"]
)
def test_a_fault_is_a_finding_with_a_remedy(
    platform: SimulatedPlatform, connect: Connect, fault: str
) -> None:
    platform.fault(fault, times=-1)
    result = connect()
    assert result.exit_code == 1
    _, wrong = shown(result.output)
    assert wrong
    assert f"{len(wrong)} of " in result.output.splitlines()[0]
    assert result.output.count("→") >= len(wrong)
    assert "One page" not in result.output
    assert result.output.splitlines()[-1] == "Nothing was written."


def test_whichever_request_fails(platform: SimulatedPlatform, connect: Connect) -> None:
    """One after the other, until one more would be more than the command sends."""
    for request in range(100):
        platform.fault("forbidden", after=request)
        result = connect()
        if platform.faults():
            break
        assert result.exit_code in (0, 1)
        assert result.output.endswith("Nothing was written.\n")
    assert 2 <= request < 100
    assert result.exit_code == 0


def test_an_empty_page(platform: SimulatedPlatform, connect: Connect) -> None:
    platform.fault(EMPTY.get(platform.platform, "empty_page"), times=-1)
    result = connect()
    _, wrong = shown(result.output)
    assert result.exit_code == (1 if wrong else 0)
    assert "as silver holds them" not in result.output
    assert result.output.endswith("Nothing was written.\n")


def test_what_would_be_refused_is_shown_by_its_reason(
    platform: SimulatedPlatform, connect: Connect
) -> None:
    platform.fault("wrong_types", times=-1)
    output = connect().output
    assert re.search(r"^[1-9]\d* records? refused, unexpected_field: ", output, re.MULTILINE)
    refused = json.loads(connect("--json").output)["preview"]["refused"]
    assert refused
    assert all(one.keys() == {"code", "reason", "records"} for one in refused)
    assert re.findall(r"[0-9]{7,}|yesterday", output + str(refused)) == []


def test_text_that_silver_does_not_keep_is_not_shown(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTIMENT_KEEP_TEXT", "false")
    assert "not kept: SENTIMENT_KEEP_TEXT" in connect().output
    rows = json.loads(connect("--json").output)["preview"]["rows"]
    assert {row["text"] for row in rows} == {None}


def test_more_than_is_granted(
    platform: SimulatedPlatform, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_tick = sum(
        one["requests_per_tick"] for one in json.loads(connect("--json").output)["expenses"]
    )
    monkeypatch.setenv(f"SENTIMENT_{platform.platform.upper()}_REQUESTS", str(a_tick // 2))
    assert "Runs will wait: this is " in connect().output


def test_nothing_is_tracked(
    platform: SimulatedPlatform, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = next(one for one in PLATFORMS.values() if one.name != platform.platform)
    kind = other.sources[0]
    entry = {"name": "brand", kind.name: kind.example.strip("'")}
    tracking = {
        "version": 1,
        "platforms": {other.name: {kind.listed_as: [entry]}},
        "topics": [{"name": "pricing", "keywords": ["price"]}],
    }
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump(tracking))
    monkeypatch.setenv("SENTIMENT_TRACKING", str(path))
    result = connect()
    assert result.exit_code == 0, result.output
    assert f"add platforms.{platform.platform} to other.yaml" in result.output
    assert "Cost" not in result.output


def test_live_without_a_token_says_what_to_set(
    platform: SimulatedPlatform, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = next(name for name in PLATFORMS if name != platform.platform)
    monkeypatch.setenv("SENTIMENT_SOURCE", "live")
    monkeypatch.setenv(credential_setting(other), "hush-hush")
    result = CliRunner().invoke(cli, ["connect", platform.platform])
    assert result.exit_code == 2
    assert f"  {credential_setting(platform.platform)}\n" in result.stderr
    assert "docs/access.md" in result.stderr
    assert "hush" not in result.output
    assert result.stdout == ""


def test_no_client_is_made_without_a_token(platform: SimulatedPlatform) -> None:
    """Else it would send the simulator's token to the platform itself."""
    other = next(name for name in PLATFORMS if name != platform.platform)
    settings = read_settings({"SENTIMENT_SOURCE": "live", credential_setting(other): "hush-hush"})
    with pytest.raises(SettingsError, match=credential_setting(platform.platform)):
        api_client(settings, platform.platform)


def test_live_reaches_what_the_settings_name(
    platform: SimulatedPlatform, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTIMENT_SOURCE", "live")
    monkeypatch.setenv(credential_setting(platform.platform), "hush-hush")
    result = connect()
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"{PLATFORMS[platform.platform].title}, live: ")
    assert "hush" not in result.output


@pytest.mark.parametrize(
    ("source", "said"),
    [("live", "docs/access.md says how to get one"), ("simulator", "no simulator is running")],
)
def test_without_any_token_or_simulator_the_settings_complain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str
) -> None:
    """As an error that ends the process with 2 (``test_commands``)."""
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SENTIMENT_SOURCE", source)
    result = CliRunner().invoke(cli, ["connect", next(iter(PLATFORMS))])
    assert isinstance(result.exception, SettingsError)
    assert said in str(result.exception)
    assert [*tmp_path.iterdir()] == []


def test_an_unknown_platform_is_told_the_known_ones() -> None:
    result = CliRunner().invoke(cli, ["connect", "telegraph"])
    assert result.exit_code == 2
    (said,) = [line for line in result.stderr.splitlines() if "telegraph" in line]
    assert all(f"'{name}'" in said for name in PLATFORMS)


def test_nobody_answers(connect: Connect, platform: SimulatedPlatform, monkeypatch) -> None:
    monkeypatch.setenv(f"SENTIMENT_{platform.platform.upper()}_BASE_URL", "http://127.0.0.1:1")
    result = connect()
    assert result.exit_code == 1
    assert "no connection" in result.output
    assert "accepted" not in result.output


class _Spanned:
    """Only what a plan depends on."""

    def __init__(self, span: dt.timedelta | None, reach: dt.timedelta, now: dt.datetime) -> None:
        self.span = span
        self._reach = reach
        self._now = now

    def clock(self) -> dt.datetime:
        return self._now

    def reach(self, _source: TrackedSource) -> dt.timedelta:
        return self._reach


@pytest.mark.parametrize("hour", [0, 1, 3, 12, 23])
def test_searches_of_a_tick(hour: int) -> None:
    """The open window, the newest that ended, and the one that is a day old: each a search."""
    now = dt.datetime(2026, 11, 24, hour, 47, tzinfo=dt.timezone.utc)
    source = TrackedSource("brand", "query", "nimbus")
    platform = next(iter(PLATFORMS))
    week, day, window = (dt.timedelta(hours=hours) for hours in (168, 24, 2))
    each = _searches_a_tick(_Spanned(window, week, now), platform, source)
    assert each == (1 + REFRESHED_WINDOWS + 1, 2)
    assert _searches_a_tick(_Spanned(window, day, now), platform, source) == (
        1 + REFRESHED_WINDOWS,
        1,
    )
    # One search however many windows.
    assert _searches_a_tick(_Spanned(None, week, now), platform, source) == (1, 2)
