"""What alerts, on real runs: the sensor's looks over several ticks on one instance and one lake."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from dagster._core.storage.tags import PARENT_RUN_ID_TAG, ROOT_RUN_ID_TAG
from dagster._core.storage.tags import WILL_RETRY_TAG as DAGSTERS_OWN_TAG
from dagster._core.test_utils import create_run_for_test, instance_for_test

from resources.alert_store import FileStore, MemoryStore
from resources.api_clients import http
from resources.api_clients.access import TokenEnd
from resources.environments import notifier_of, token_ends
from resources.notifiers import LogChannel, Notifier, SnsChannel
from resources.settings import read_settings
from sentiment_assets import alerts
from sentiment_assets.alerts import (
    LookFailed,
    alert_on_troubles,
    checks_by_table,
    crossed_thresholds,
    ending_tokens,
    look,
    low_quotas,
    runs_ended,
    silent_watch,
    stale_tables,
)
from sentiment_assets.core.alert_messages import (
    Links,
    attributes,
    body,
    document,
    sms,
    sns_message,
    subject,
)
from sentiment_assets.core.alert_rules import (
    RULE_KINDS,
    AlertRules,
    Threshold,
    default_rule,
    parse_alert_rules,
)
from sentiment_assets.core.alerts import Book, Findings, Notification
from sentiment_assets.core.freshness import Freshness
from sentiment_assets_tests.local_platform import TODAY, YESTERDAY, Platform, day
from sentiment_assets_tests.s3_server import S3Server
from sentiment_assets_tests.simulated import SimulatedPlatform

TUE, WED = day("2026-02-03"), YESTERDAY
NOW = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.timezone.utc)
RULES = {name: default_rule(kind) for name, kind in RULE_KINDS.items()}
LINKS = Links("local", "simulated")


@dataclass
class Heard:
    """A channel that keeps what it was told."""

    name: str = "heard"
    told: list[Notification] = field(default_factory=list)

    def tell(self, notification: Notification, links: Links) -> None:
        document(notification, links)
        self.told.append(notification)

    def take(self) -> list[str]:
        said = [f"{n.event} {a.key}" for n in self.told for a in n.alerts]
        self.told.clear()
        return said


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events of a test are all there when it looks."""
    monkeypatch.setattr(alerts, "SETTLED_AFTER", dt.timedelta())


@pytest.fixture
def notifier(heard: Heard) -> Notifier:
    return Notifier(AlertRules(RULES, ()), MemoryStore(), (heard, LogChannel()), LINKS)


@dataclass
class Looking:
    """Looks of the sensor at a platform."""

    platform: Platform
    notifier: Notifier
    heard: Heard

    def look(self) -> list[str]:
        now = dt.datetime.now(dt.timezone.utc)
        look(self.platform.instance, self.notifier, self.platform.lake, dict, dict, now)
        return self.heard.take()


@pytest.fixture
def looking(platform: Platform, notifier: Notifier, heard: Heard) -> Looking:
    return Looking(platform, notifier, heard)


def test_a_refused_token_is_told_once_and_is_over_when_the_date_is_fetched(
    looking: Looking,
) -> None:
    platform = looking.platform
    platform.x.fault("dead_token", times=-1)
    assert not platform.run("fetch", [TODAY]).success
    [said] = looking.look()
    assert said == f"opened run_failed:fetch:{TODAY.key}:bronze/batch_posts"
    [alert] = (item.alert for item in looking.notifier.book().open.values())
    assert alert.cause.startswith("step fetch_posts: TokenRejected: ")
    assert (alert.runbook, alert.platform, alert.partition) == ("dead-token", "x", TODAY.key)
    assert not platform.run("fetch", [TODAY]).success
    assert looking.look() == [], "the same trouble"
    platform.x.heal()
    platform.fetch(YESTERDAY)
    assert looking.look() == [], "another date mends nothing"
    platform.fetch(TODAY)
    assert looking.look() == [f"recovered run_failed:fetch:{TODAY.key}:bronze/batch_posts"]
    assert looking.look() == []


def test_a_good_day_says_nothing_and_an_unchecked_one_is_told(looking: Looking) -> None:
    platform = looking.platform
    platform.fetch(YESTERDAY, TODAY)
    platform.rebuild(YESTERDAY, TODAY)
    warned = {"check_warned:silver/posts:volume", "check_warned:gold/daily_trend:one_scorer"}
    assert {said.split("|")[0].removeprefix("opened ") for said in looking.look()} <= warned
    # Somebody materializes a table in the UI and deselects its checks.
    job = platform.definitions.resolve_implicit_global_asset_job_def()
    key = dg.AssetKey(["gold", "daily_summary"])
    done = job.get_subset(asset_selection={key}, asset_check_selection=set()).execute_in_process(
        instance=platform.instance, partition_key=TODAY.key, raise_on_error=False
    )
    assert done.success
    missing = f"check_missing:gold/daily_summary|{TODAY.key}"
    assert looking.look() == [f"opened {missing}"]
    platform.rebuild(TODAY)
    assert f"recovered {missing}" in looking.look()


def test_a_blocking_check_that_fails_is_told_and_the_run_that_it_stopped_is_not(
    looking: Looking,
) -> None:
    platform = looking.platform
    platform.fetch(TODAY)
    platform.rebuild(TODAY)
    looking.look()
    # Bronze that silver has consumed loses an object: the counts don't add up.
    manifest = next(
        stored.path
        for stored in platform.lake.objects.list("bronze/")
        if stored.path.endswith(".json") and f"date={TODAY.date}" in stored.path
    )
    platform.lake.objects.put(manifest, b"{")
    platform.run("rebuild", [TODAY], tags={})
    said = looking.look()
    assert f"opened check_failed:silver/posts:conservation|{TODAY.key}" in said
    assert not any("run_failed" in one for one in said), said


def test_the_first_look_goes_back_a_day_and_later_ones_read_what_is_new(
    looking: Looking,
) -> None:
    platform = looking.platform
    platform.fetch(TODAY)
    now = dt.datetime.now(dt.timezone.utc)
    first, last = runs_ended(platform.instance, None, now)
    assert [outcome.status for outcome in first] == ["succeeded"]
    assert runs_ended(platform.instance, last, now) == ([], last)
    assert runs_ended(platform.instance, None, now + dt.timedelta(days=2))[0] == []


def test_events_that_are_not_settled_wait(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "SETTLED_AFTER", dt.timedelta(minutes=1))
    platform.fetch(TODAY)
    now = dt.datetime.now(dt.timezone.utc)
    assert runs_ended(platform.instance, None, now) == ([], 0)
    assert len(runs_ended(platform.instance, None, now + dt.timedelta(minutes=2))[0]) == 1


def test_a_run_that_is_tried_again_by_itself_is_told_only_when_given_up() -> None:
    """The tag is Dagster's: put where dagster.yaml retries runs whose process died."""
    assert alerts.WILL_RETRY_TAG == DAGSTERS_OWN_TAG
    retries = {"run_retries": {"enabled": True, "max_retries": 1,
                               "retry_on_asset_or_op_failure": False}}  # fmt: skip
    with instance_for_test(overrides=retries) as instance:
        first = create_run_for_test(instance, job_name="upkeep", status=dg.DagsterRunStatus.STARTED)
        instance.report_run_failed(first, "the process is gone")
        [outcome], last = runs_ended(instance, None, dt.datetime.now(dt.timezone.utc))
        assert (outcome.status, outcome.retried) == ("failed", True)
        second = create_run_for_test(
            instance,
            job_name="upkeep",
            status=dg.DagsterRunStatus.STARTED,
            tags={ROOT_RUN_ID_TAG: first.run_id, PARENT_RUN_ID_TAG: first.run_id},
            root_run_id=first.run_id,
            parent_run_id=first.run_id,
        )
        instance.report_run_failed(second, "again")
        [outcome], _ = runs_ended(instance, last, dt.datetime.now(dt.timezone.utc))
        assert outcome.retried is False


def test_a_tick_of_the_sensor_with_the_environment_s_own_resources(
    platform: Platform, x: SimulatedPlatform
) -> None:
    """As the daemon runs it, three times: what was never made by today's clock is told once."""
    platform.fetch(TODAY)
    definitions = platform.definitions
    repository = definitions.get_repository_def()
    sensor = repository.get_sensor_def("alert_on_troubles")
    needed = {name: (definitions.resources or {})[name] for name in sensor.required_resource_keys}
    for _ in range(3):
        with dg.build_sensor_context(
            instance=platform.instance, repository_def=repository, resources=needed
        ) as context:
            result = sensor.evaluate_tick(context)
            assert result.run_requests == []
            # The story's day is long past, so nothing of the days that count is there. What is
            # made of bronze is not told beside it.
            assert result.skip_message == "1 alerts are open"
    page = (platform.settings.home / "alerts.html").read_text()
    assert "bronze/batch_posts of X was never made" in page
    assert "local, SIMULATED" in page


def test_a_part_that_cannot_be_looked_at_fails_the_tick_and_blinds_no_other(
    platform: Platform, notifier: Notifier, heard: Heard
) -> None:
    def lost() -> Mapping[str, Any]:
        raise ConnectionError("hush-hush")

    stale = Freshness("silver/posts", "x", False, None, dt.timedelta(hours=3), None, "never made")
    now = dt.datetime.now(dt.timezone.utc)
    with pytest.raises(LookFailed, match=r"could not look at quota_low \(ConnectionError\)") as e:
        look(platform.instance, notifier, platform.lake, lost, dict, now, lambda: [stale])
    assert "hush" not in str(e.value)
    assert heard.take() == ["opened table_stale:silver/posts|x"]
    # Nor does it end what it could not look at.
    low = next(iter(low_quotas({"x": Left(1, 100)}, RULES["quota_low"])))
    notifier.report("test", Findings((low,), frozenset({"quota_low"})))
    heard.take()
    with pytest.raises(LookFailed):
        look(platform.instance, notifier, platform.lake, lost, dict, now, lambda: [stale])
    assert low.key in notifier.book().open


def test_tokens_are_asked_for_now_and_then(platform: Platform, notifier: Notifier) -> None:
    asked = []

    def ends() -> Mapping[str, TokenEnd]:
        asked.append(1)
        return {}

    now = dt.datetime.now(dt.timezone.utc)
    for hours in (0, 1, 5, 7):
        look(
            platform.instance, notifier, platform.lake, dict, ends, now + dt.timedelta(hours=hours)
        )
    assert len(asked) == 2


CANARIES = (
    "Sipho Dlamini", "@sipho_d", "sipho@example.org", "1712345678901234567", "so bad a service",
    "AAAAAAAAAAAAAAAAAAAAAMLheAAAAAAA0%2BuSeid", "hunter2",
)  # fmt: skip


def test_nothing_that_an_error_quotes_leaves_by_any_way(
    platform: Platform, heard: Heard, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Runs that fail with the words of posts and secrets in an error and in its cause."""

    class Odd(Exception):
        """Of a library."""

    @dg.asset
    def careless() -> None:
        try:
            raise Odd(" ".join(CANARIES))
        except Odd as error:
            raise RuntimeError(f"while reading {' '.join(CANARIES)}") from error

    @dg.asset
    def raised_as_final() -> None:
        raise dg.Failure(f"RateLimited: {' '.join(CANARIES)}", allow_retries=False)

    instance = dg.DagsterInstance.ephemeral()
    for asset in (careless, raised_as_final):
        done = dg.materialize([asset], instance=instance, raise_on_error=False)
        assert not done.success
    store = FileStore(tmp_path / "book.json")
    page = tmp_path / "alerts.html"
    notifier = Notifier(AlertRules(RULES, ()), store, (heard, LogChannel()), LINKS, page)
    caplog.clear()
    look(instance, notifier, platform.lake, dict, dict, dt.datetime.now(dt.timezone.utc))
    assert {alert.cause for n in heard.told for alert in n.alerts} == {
        "step careless: Odd", "step raised_as_final: Failure",
    }  # fmt: skip
    everything = [page.read_text(), (tmp_path / "book.json").read_text(), caplog.text]
    for told in heard.told:
        everything += [sns_message(told, LINKS), str(document(told, LINKS)), sms(told, LINKS)]
        everything += [subject(told, LINKS), body(told, LINKS), str(attributes(told, LINKS))]
    for canary in CANARIES:
        assert not any(canary in told for told in everything), canary


# Stale tables


def state(table: str, platform: str, fresh: bool, cause: str | None = None) -> Freshness:
    age, deadline = dt.timedelta(hours=5), dt.timedelta(hours=3)
    return Freshness(table, platform, fresh, age, deadline, cause, "no run since 07:00")


def test_only_the_root_of_a_stale_chain_is_told() -> None:
    states = [
        state("bronze/batch_posts", "x", fresh=False),
        state("silver/posts", "x", fresh=False, cause="bronze/batch_posts"),
        state("gold/daily_summary", "x", fresh=False, cause="silver/posts"),
        state("silver/posts", "facebook", fresh=True),
    ]
    [alert] = stale_tables(states, RULES["table_stale"])
    assert alert.key == "table_stale:bronze/batch_posts|x"
    assert alert.headline == "bronze/batch_posts of X is 5h behind, allowed are 3h"
    assert (alert.platform, alert.cause) == ("x", "no run since 07:00")


def test_a_table_that_was_never_made_is_told() -> None:
    never = Freshness("silver/posts", "x", False, None, dt.timedelta(hours=3), None, "never")
    [alert] = stale_tables([never], RULES["table_stale"])
    assert alert.headline == "silver/posts of X was never made"


def test_posts_that_an_api_soon_forgets_are_critical_whatever_the_rule_says() -> None:
    hole = replace(state("bronze/batch_posts", "x", fresh=False), grave=True)
    rule = replace(RULES["table_stale"], severity="warning")
    [alert] = stale_tables([hole], rule)
    assert alert.headline == "bronze/batch_posts of X is about to lose posts"
    assert alert.severity == "critical"


def test_a_stale_platform_arrives_in_a_queue_and_so_does_its_return(
    platform: Platform, tmp_path: Path, s3_endpoint: S3Server
) -> None:
    """Through the sensor's look, SNS and SQS; only the platform that stopped is named."""
    sns, sqs = s3_endpoint.client_of("sns"), s3_endpoint.client_of("sqs")
    arn = sns.create_topic(Name="stale")["TopicArn"]
    queue = sqs.create_queue(QueueName="stale")["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=told["QueueArn"])
    rules = AlertRules(
        {**RULES, "table_stale": replace(RULES["table_stale"], recover_after=dt.timedelta())}, ()
    )
    channel = SnsChannel(arn, s3_endpoint.url, ("test-key-id", "test-secret-key"))

    def looked(*states: Freshness) -> list[tuple[str, str, str]]:
        # Opened anew each time, as after a restart.
        notifier = Notifier(rules, FileStore(tmp_path / "book.json"), (channel,), LINKS)
        now = dt.datetime.now(dt.timezone.utc)
        look(platform.instance, notifier, platform.lake, dict, dict, now, lambda: states)
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        heard = []
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            envelope = json.loads(message["Body"])
            attributes = envelope["MessageAttributes"]
            said = json.loads(envelope["Message"])
            heard.append((said["event"], attributes["platform"]["Value"], envelope["Subject"]))
        return heard

    well = state("silver/posts", "facebook", fresh=True)
    late = state("bronze/batch_posts", "x", fresh=False)
    behind = state("silver/posts", "x", fresh=False, cause="bronze/batch_posts")
    [(event, name, title)] = looked(well, late, behind)
    assert (event, name) == ("opened", "x")
    assert title == (
        "[CRITICAL] local, SIMULATED: bronze/batch_posts of X is 5h behind, allowed are 3h"
    )
    assert looked(well, late, behind) == []
    [(event, name, _)] = looked(well, state("bronze/batch_posts", "x", fresh=True))
    assert (event, name) == ("recovered", "x")


# Thresholds


@pytest.fixture(scope="module")
def filled(
    tmp_path_factory: pytest.TempPathFactory, simulated: dict[str, SimulatedPlatform]
) -> Platform:
    """Of Wednesday, which has fewer posts than Tuesday."""
    from sentiment_assets_tests.local_platform import NOW as then

    x = simulated["x"]
    x.heal()
    x.travel(then)
    platform = Platform.at(tmp_path_factory.mktemp("home"), x)
    platform.fetch(TUE, WED)
    platform.rebuild(TUE, WED)
    return platform


def crossed(platform: Platform, **threshold: Any) -> dict[str, str]:
    given = {"name": "t", "below": None, "above": None, "minimum_scored": 1, **threshold}
    found = crossed_thresholds(
        platform.lake, [Threshold(**given)], RULES["threshold_crossed"], WED.date
    )
    return {alert.key: alert.headline for alert in found}


def test_figures_of_the_newest_day_are_compared(filled: Platform) -> None:
    key = "threshold_crossed:t|all|x"
    rows = filled.lake.table(alerts.DAILY_SUMMARY).scan().collect().sort("date")
    day = rows.row(-1, named=True)
    share = day["negative"] / day["scored"]
    said = crossed(filled, measure="negative_share", above=share - 0.01)
    assert said == {key: f"t: negative_share of X is {share:.3f}"}
    assert crossed(filled, measure="negative_share", above=share + 0.01) == {}
    assert crossed(filled, measure="sentiment_mean", below=day["sentiment_mean"] + 0.01)
    assert crossed(filled, measure="sentiment_mean", below=day["sentiment_mean"] - 0.01) == {}


def test_a_day_with_too_few_scored_posts_leaves_the_word_to_the_day_before(
    filled: Platform,
) -> None:
    rows = filled.lake.table(alerts.DAILY_SUMMARY).scan().collect().sort("date")
    before, today = rows["scored"].to_list()
    assert before > today
    [said] = crossed(filled, measure="positive_share", above=0.0, minimum_scored=today + 1).values()
    positive = rows.row(0, named=True)["positive"] / before
    assert said.endswith(f"is {positive:.3f}")
    assert crossed(filled, measure="positive_share", above=0.0, minimum_scored=before + 1) == {}


def test_posts_are_compared_for_whole_days_only(filled: Platform) -> None:
    rows = filled.lake.table(alerts.DAILY_SUMMARY).scan().collect().sort("date")
    before, today = rows["posts"].to_list()
    assert crossed(filled, measure="posts", below=float(today) + 1) == {}
    assert crossed(filled, measure="posts", below=float(before) + 1)


def test_a_topic_has_thresholds_of_its_own_and_hashtags_have_none(filled: Platform) -> None:
    rows = filled.lake.table(alerts.TOPIC_SENTIMENT).scan().collect()
    shown = rows.filter(~pl.col("suppressed") & (pl.col("scored") > 0))
    kinds = {kind: set(shown.filter(topic_kind=kind)["topic"]) for kind in ("tracked", "hashtag")}
    [topic, *_] = sorted(kinds["tracked"] - kinds["hashtag"])
    hashtags = sorted(kinds["hashtag"] - kinds["tracked"])
    assert hashtags
    found = crossed(filled, measure="sentiment_mean", below=1.0, topics=(topic, *hashtags))
    assert [*found] == [f"threshold_crossed:t|{topic}|x"]
    assert f"of {topic} on X is" in found[f"threshold_crossed:t|{topic}|x"]


def test_hidden_cells_and_missing_tables_say_nothing(filled: Platform, tmp_path: Path) -> None:
    hidden = Platform.at(tmp_path, filled.x)
    assert crossed(hidden, measure="posts", above=0.0) == {}
    hidden.fetch(WED)
    hidden.resources["min_authors"] = 100_000
    hidden.rebuild(WED)
    for measure in ("posts", "positive_share", "sentiment_mean"):
        assert crossed(hidden, measure=measure, above=-1.0) == {}, measure


# Budgets and tokens


@dataclass(frozen=True)
class Left:
    left: int
    capacity: int
    resumes_at: dt.datetime | None = None


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (Left(100, 1000), None),
        (Left(99, 1000), "X: 10% of the requests are left"),
        (Left(0, 1000, NOW), "X: 0% of the requests are left"),
    ],
)
def test_a_low_budget(budget: Left, said: str | None) -> None:
    found = [*low_quotas({"x": budget}, RULES["quota_low"])]
    assert [alert.headline for alert in found] == ([said] if said else [])
    if budget.resumes_at:
        assert "none until 2026-11-24 12:00 UTC" in found[0].cause


@pytest.mark.parametrize(
    ("end", "said", "severity"),
    [
        (TokenEnd(None), None, None),
        (TokenEnd(NOW + dt.timedelta(days=15)), None, None),
        (TokenEnd(NOW + dt.timedelta(days=13, hours=1)), "ends in 13 days", "warning"),
        (TokenEnd(NOW - dt.timedelta(days=1)), "is not accepted any more", "critical"),
        (TokenEnd(None, "it has expired"), "is not accepted any more", "critical"),
    ],
)
def test_a_token_near_its_end(end: TokenEnd, said: str | None, severity: str | None) -> None:
    found = [*ending_tokens({"facebook": end}, RULES["token_ends"], NOW)]
    if said is None:
        assert found == []
        return
    [alert] = found
    assert alert.headline == f"The token of Facebook {said}"
    assert (alert.severity, alert.runbook) == (severity, "dead-token")


def test_clients_tell_the_end_that_their_platform_tells(
    tmp_path: Path, simulated: dict[str, SimulatedPlatform], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The simulator's clock stands still; a clock that is wrong is another test's.
    monkeypatch.setattr(http, "MOST_SKEW", dt.timedelta.max)
    urls = {f"{name}_base_url": platform.url for name, platform in simulated.items()}
    settings = read_settings({}, home=tmp_path, **urls)
    ends = token_ends(settings)
    assert "x" not in ends, "X says nothing of a bearer token's end"
    assert {"facebook", "instagram", "linkedin"} == set(ends)
    assert all(not end.refused for end in ends.values())
    for platform in ("facebook", "instagram"):
        at = ends[platform].ends_at
        assert at is not None
        assert at.utcoffset() == dt.timedelta()


def test_a_simulator_that_does_not_run_has_no_tokens(tmp_path: Path) -> None:
    assert token_ends(read_settings({}, home=tmp_path)) == {}


def test_a_watch_that_looks_no_more() -> None:
    rule = RULES["watch_silent"]
    assert [*silent_watch(Book(), rule, NOW)] == [], "none was ever started"
    looked = Book(looked_at={"watch": NOW - dt.timedelta(minutes=29)})
    assert [*silent_watch(looked, rule, NOW)] == []
    [alert] = silent_watch(looked, rule, NOW + dt.timedelta(minutes=2))
    assert alert.headline == "sentiment watch has not looked for 31min"


def test_checks_are_those_that_run_with_a_table() -> None:
    found = checks_by_table()
    assert {"schema", "conservation", "volume"} <= found["silver/posts"]
    assert set(found) >= {"bronze/batch_posts", "gold/daily_trend"}


def test_the_sensor_runs_by_itself_each_minute() -> None:
    assert alert_on_troubles.default_status == dg.DefaultSensorStatus.RUNNING
    assert alert_on_troubles.minimum_interval_seconds == 60


def test_a_look_at_a_quiet_instance_is_short(platform: Platform, notifier: Notifier) -> None:
    now = dt.datetime.now(dt.timezone.utc)
    look(platform.instance, notifier, platform.lake, dict, dict, now)
    began = time.monotonic()
    look(platform.instance, notifier, platform.lake, dict, dict, now)
    assert time.monotonic() - began < 5


def test_the_environment_s_notifier_reads_the_file_of_rules(tmp_path: Path) -> None:
    path = tmp_path / "alerts.yaml"
    path.write_text("version: 1\nrules: {run_failed: {severity: info}}\n")
    settings = read_settings({"SENTIMENT_ALERTS": str(path)}, home=tmp_path)
    rules = notifier_of(settings, MemoryStore()).rules
    assert rules == parse_alert_rules(path.read_text(), "alerts.yaml", ())
    assert rules.rules["run_failed"].severity == "info"
