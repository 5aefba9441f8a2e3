"""What ended runs mean: which alert, what of an error is told, and what is never told."""

from __future__ import annotations

import importlib
from dataclasses import replace

import msgspec
import pytest

from sentiment_assets.core.alert_rules import RULE_KINDS, default_rule
from sentiment_assets.core.alerts import Alert, Findings
from sentiment_assets.core.landings import OffsetRange
from sentiment_assets.core.run_outcomes import (
    OWN_WORDS,
    QUOTING,
    Evaluation,
    Landed,
    Loss,
    Raised,
    RunOutcome,
    StepFailure,
    cause_of,
    findings_of,
    own_words,
    raised,
)
from sentiment_assets_tests.docs.pages import DOCS

RULES = {name: default_rule(kind) for name, kind in RULE_KINDS.items()}
CHECKS = {"silver/posts": frozenset({"schema", "volume"}), "gold/daily_trend": frozenset({"one"})}
MON, TUE = "silver/posts|2026-11-23|x", "silver/posts|2026-11-24|x"
#: What may never leave: a text, a name, a handle, an address, an id of a platform, a token.
CANARIES = (
    "Sipho Dlamini", "@sipho_d", "sipho@example.org", "1712345678901234567", "terrible service",
    "AAAAAAAAAAAAAAAAAAAAAMLheAAAAAAA0%2BuSeid", "hunter2",
)  # fmt: skip
CANARY = " ".join(CANARIES)


def findings(*outcomes: RunOutcome) -> Findings:
    return findings_of(outcomes, CHECKS, RULES)


def firing(*outcomes: RunOutcome) -> dict[str, Alert]:
    return {alert.key: alert for alert in findings(*outcomes).firing}


def foreign(message: str, name: str = "ValueError") -> StepFailure:
    return StepFailure(
        "step silver_posts",
        (raised("DagsterExecutionStepExecutionError", f"dagster._core.errors.D: {message}"),
         raised(name, f"{name}: {message}")),
    )  # fmt: skip


def run(status: str = "failed", **facts: object) -> RunOutcome:
    given = {"run_id": "1", "job": "rebuild", "planned": frozenset({MON}), **facts}
    return RunOutcome(status=status, **given)  # type: ignore[arg-type]


def check(name: str, passed: bool, blocking: bool = True, target: str = MON) -> Evaluation:
    return Evaluation(target, name, passed, blocking, f"{name} said so")


def all_well(*targets: str) -> tuple[Evaluation, ...]:
    return tuple(check(name, True, target=t) for t in targets for name in ("schema", "volume"))


def test_a_failed_run_names_step_partition_cause_and_next_step() -> None:
    error = raised(
        "TokenRejected", "resources.api_clients.errors.TokenRejected: X: not accepted (HTTP 401)\n"
    )
    outcome = run(job="fetch", failures=(StepFailure("step fetch_posts", (error,)),),
                  planned=frozenset({"bronze/batch_posts|2026-11-24|x"}))  # fmt: skip
    [alert] = findings(outcome).firing
    assert alert.headline == "A run of fetch failed for 2026-11-24|x"
    assert alert.cause == "step fetch_posts: TokenRejected: X: not accepted (HTTP 401)"
    assert alert.runbook == "dead-token"
    assert (alert.platform, alert.table) == ("x", "bronze/batch_posts")
    assert (alert.partition, alert.run_id, alert.severity) == ("2026-11-24|x", "1", "critical")
    assert alert.waits_for == ("bronze/batch_posts|2026-11-24|x",)
    assert alert.next_step.startswith("read the run's log in the UI")


def test_only_what_was_not_made_is_waited_for() -> None:
    trend = "gold/daily_trend|2026-11-23|x"
    outcome = run(planned=frozenset({MON, trend}), made=frozenset({MON}), failures=(foreign("no"),),
                  evaluations=all_well(MON))  # fmt: skip
    [alert] = findings(outcome).firing
    assert alert.waits_for == (trend,)
    assert alert.table == "gold/daily_trend"


def test_a_stretch_of_dates_is_one_alert() -> None:
    [alert] = findings(run(planned=frozenset({MON, TUE}), failures=(foreign("no"),))).firing
    assert alert.headline == "A run of rebuild failed for 2026-11-23..2026-11-24|x"


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(run(retried=True, failures=(foreign("no"),)), id="it is tried again"),
        pytest.param(
            run("succeeded", made=frozenset({MON}), evaluations=all_well(MON)), id="it succeeded"
        ),
        pytest.param(run("cancelled"), id="somebody wanted it"),
    ],
)
def test_what_is_no_trouble(outcome: RunOutcome) -> None:
    assert findings(outcome).firing == ()


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("UNEXPECTED_TERMINATION", "its process ended: killed, or out of memory"),
        ("START_TIMEOUT", "it did not start in time"),
        ("", "it does not say why"),
    ],
)
def test_a_run_without_a_failed_step_says_what_became_of_its_process(
    reason: str, said: str
) -> None:
    [alert] = findings(run(reason=reason)).firing
    assert (alert.cause, alert.runbook) == (said, "run-failed")


def test_a_job_without_assets_waits_for_its_next_success() -> None:
    upkeep = run(job="upkeep", planned=frozenset())
    assert firing(upkeep)["run_failed:upkeep:all:"].waits_for == ("job:upkeep",)
    assert findings(upkeep, run("succeeded", job="upkeep", planned=frozenset())).firing == ()
    assert len(findings(upkeep, run("succeeded", job="other", planned=frozenset())).firing) == 1


def test_what_a_success_leaves_unmade_is_not_waited_for() -> None:
    letters = "bronze/dead_letters|2026-11-23|x"
    both = frozenset({MON, letters})
    bad = run(planned=both, failures=(foreign("no"),))
    good = run("succeeded", planned=both, made=frozenset({MON}), evaluations=all_well(MON))
    assert findings(bad, good).firing == ()
    assert findings(good).made >= both


def test_a_success_before_a_failure_mends_nothing() -> None:
    good = run("succeeded", made=frozenset({MON}), evaluations=all_well(MON))
    bad = run(failures=(foreign("no"),))
    assert findings(bad, good).firing == ()
    found = findings(good, bad)
    assert len(found.firing) == 1
    assert MON not in found.made, "an older alert about it isn't over either"


def test_checks_that_fail_warn_and_pass() -> None:
    said = run(
        "succeeded",
        made=frozenset({MON}),
        evaluations=(check("schema", False), check("volume", False, blocking=False)),
    )
    found = firing(said)
    failed = found["check_failed:silver/posts:schema|2026-11-23|x"]
    warned = found["check_warned:silver/posts:volume|2026-11-23|x"]
    assert failed.headline == "The check schema found wrong data in silver/posts for 2026-11-23|x"
    assert (failed.severity, failed.cause) == ("critical", "schema said so")
    assert (warned.severity, warned.table, warned.platform) == ("warning", "silver/posts", "x")
    later = findings(said, run("succeeded", made=frozenset({MON}), evaluations=all_well(MON)))
    assert later.firing == ()
    assert failed.key in later.over


def test_a_run_that_a_check_stopped_is_told_as_the_check_alone() -> None:
    stopped = StepFailure("step check_posts", (Raised("DagsterAssetCheckFailedError", "", False),))
    outcome = run(
        made=frozenset({MON}),
        failures=(stopped,),
        evaluations=(check("schema", False), check("volume", True, blocking=False)),
    )
    assert [*firing(outcome)] == ["check_failed:silver/posts:schema|2026-11-23|x"]
    other = run(failures=(stopped, foreign("no")), evaluations=(check("schema", False),))
    assert len(findings(other).firing) == 2


def test_a_partition_that_was_made_unchecked_is_told_until_it_is_checked() -> None:
    unchecked = run("succeeded", made=frozenset({MON}), evaluations=(check("volume", True),))
    [alert] = findings(unchecked).firing
    assert alert.key == f"check_missing:{MON}"
    assert alert.cause == "these checks did not run: schema"
    checked = run("succeeded", job="checks", planned=frozenset(), evaluations=all_well(MON))
    assert findings(unchecked, checked).firing == ()
    # A fetch finds posts of other dates, too: an edit keeps the date of what it edits.
    beside = run("succeeded", made=frozenset({MON}), planned=frozenset({"silver/posts|other|x"}))
    assert findings(beside).firing == ()
    # Who failed has an alert already; what has no checks misses none.
    crashed = run(made=frozenset({MON}), failures=(foreign("no"),), planned=frozenset())
    assert [*firing(crashed)] == ["run_failed:rebuild:all:"]
    assert findings(run("succeeded", made=frozenset({"other/table|2026-11-23|x"}))).firing == ()


# What is told of an error


def test_nothing_of_an_error_that_others_wrote_is_told_but_its_class() -> None:
    chains = [
        ("ValueError", "ValueError"),
        ("RateLimited", "RateLimited"),
        # Of another library, whose folder has the name of ours.
        ("RateLimited", "boto3.resources.RateLimited"),
        # Ours, around the words of others.
        ("Failure", "dagster.Failure: ValueError"),
        ("KeyringError", "resources.key_store.KeyringError"),
        ("FetchInterrupted", "sentiment_assets.engine.fetch.FetchInterrupted"),
    ]
    for name, printed in chains:
        failure = StepFailure("step s", (raised(name, f"{printed}: {CANARY}\n"),))
        kept = msgspec.json.encode(failure).decode()
        told = msgspec.json.encode(findings(run(failures=(failure,))).firing).decode()
        for canary in CANARIES:
            assert canary not in kept, "not even kept"
            assert canary not in told
        assert failure.errors[-1].name in told


def test_a_class_of_others_is_a_name_and_nothing_else() -> None:
    said, _ = cause_of([StepFailure("step s", (Raised(f"E {CANARY}", "", False),))], "")
    assert not any(canary in said for canary in ("@sipho_d", "sipho@example.org", "Sipho Dlamini"))


def test_our_own_words_are_told_with_identifiers_masked() -> None:
    """None should hold any: a second fence."""
    told = own_words(f"the window is late; {CANARY}\n see bronze/batch_posts/date=2026-11-20/x.gz")
    assert told.startswith("the window is late; ")
    assert told.endswith("see bronze/batch_posts/date=2026-11-20/x.gz")
    for canary in CANARIES[:4]:
        assert canary not in told
    assert len(own_words("word " * 1000)) <= 400


@pytest.mark.parametrize(
    "said",
    [
        "X GET /2/tweets/search/recent: the token is not accepted (HTTP 401); make a new one",
        "the API takes no more requests until 12:15:00 UTC; wait",
        "1,234 records in are not 1,200 rows and 30 duplicates",
        "bronze/batch_posts/date=2026-11-20/platform=x/window=1200/20261120T120512Z.gz is gone",
    ],
)
def test_usual_words_stay_whole(said: str) -> None:
    assert own_words(said) == said


def test_a_full_disk_is_known_whoever_says_it() -> None:
    error = raised("OSError", f"OSError: [Errno 28] No space left on device: '/home/{CANARY}'")
    said, runbook = cause_of([StepFailure("step s", (error,))], "")
    assert (said, runbook) == ("step s: OSError: No space left on device", "disk-full")


def test_every_page_that_an_error_names_is_there() -> None:
    for page in {*OWN_WORDS.values(), *QUOTING.values()}:
        assert (DOCS / "runbooks" / f"{page}.md").exists(), page


def test_the_errors_named_exist() -> None:
    """A class that was renamed would be told without its words."""
    for module in ("resources.environments", "sentiment_assets.alerts"):
        importlib.import_module(module)
    known, waiting = set(), [Exception]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.split(".")[0] in ("resources", "sentiment_assets"):
            known.add(kind.__name__)
    assert {*OWN_WORDS, *QUOTING} - known == set()


# Landings of topics

STREAM = "bronze/stream_posts|2026-11-25|x"
GONE = (OffsetRange(0, 27821234000, 27821239999), OffsetRange(2, 5, 8))


def landed(status: str = "succeeded", topic: str = "posts.x", **facts: object) -> RunOutcome:
    asked = Landed(topic, topic.rpartition(".")[2], (OffsetRange(0, 0, 5), OffsetRange(1, 0, 3)))
    given = {"run_id": "1", "job": "land", "landed": asked, **facts}
    return RunOutcome(status=status, **given)  # type: ignore[arg-type]


def says(name: str, loss: Loss | None = None) -> Evaluation:
    return Evaluation(STREAM, name, loss is None, True, f"{name} said so", loss)


def test_a_failed_landing_names_topic_and_offsets_and_is_over_when_that_topic_is_landed() -> None:
    error = raised(
        "RangeRefused",
        "sentiment_assets.engine.landing.RangeRefused: posts.x: the landings end at offset "
        "27821234567 of partition 0 and this range begins at 27821239999\n",
    )
    failed = landed("failed", failures=(StepFailure("step land_stream", (error,)),))
    [alert] = findings(failed).firing
    assert alert.headline == "A landing of posts.x failed, offsets 0:0-5, 1:0-3"
    assert alert.key == "run_failed:land:posts.x"
    assert alert.cause == (
        "step land_stream: RangeRefused: posts.x: the landings end at offset 27821234567 of "
        "partition 0 and this range begins at 27821239999"
    )
    assert (alert.runbook, alert.platform, alert.table) == ("landing", "x", "bronze/stream_posts")
    other = landed(topic="posts.facebook")
    assert not {*alert.waits_for} & findings(other).made
    assert {*alert.waits_for} <= findings(landed()).made
    assert findings(failed, other).firing == (alert,)
    assert findings(failed, landed()).firing == ()


def test_a_range_that_is_landed_again_by_hand_is_its_own_trouble() -> None:
    span = (OffsetRange(0, 0, 5),)
    by_hand = Landed("posts.x", "x", span, replay=True)
    failed = landed("failed", landed=by_hand, failures=(foreign("no"),))
    [alert] = findings(failed).firing
    assert alert.key == "run_failed:land:posts.x:0:0-5"
    assert (alert.cause, alert.runbook) == ("step silver_posts: ValueError", "landing")
    assert findings(failed, landed()).firing == (alert,)
    assert findings(failed, landed(landed=by_hand)).firing == ()


@pytest.mark.parametrize(
    ("check_name", "said"),
    [
        ("retention_kept_pace", "were deleted before they were landed"),
        ("landed_in_full", "were read and went nowhere"),
    ],
)
def test_a_loss_is_told_exactly_and_no_later_landing_ends_it(check_name: str, said: str) -> None:
    loss = Loss("posts.x", "a-log", GONE, 6002)
    lost = landed(evaluations=(says("retention_kept_pace"), says(check_name, loss)))
    found = findings(lost, landed(evaluations=(says(check_name),)))
    [alert] = found.firing
    assert alert.key == "stream_lost:posts.x:a-log:0:27821234000-27821239999"
    assert alert.headline == "posts.x lost 6002 records"
    assert alert.cause == (
        f"6002 records {said}: posts.x, offsets 0:27821234000-27821239999, 2:5-8"
    )
    assert (alert.severity, alert.runbook, alert.platform) == ("critical", "stream-lost", "x")
    assert alert.waits_for == ()
    assert not any(key.startswith(("check_failed", "check_warned")) for key in found.over)


def test_the_same_loss_of_several_dates_is_one_alert() -> None:
    loss = Loss("posts.x", "a-log", GONE, 6002)
    first = says("retention_kept_pace", loss)
    second = replace(first, target=STREAM.replace("25", "24"))
    assert len(findings(landed(evaluations=(first, second))).firing) == 1


def test_the_check_of_a_date_from_the_ui_ends_as_any_other() -> None:
    warned = replace(says("landed_in_full"), passed=False, blocking=False)
    failed = run("succeeded", job="__ASSET_JOB", planned=frozenset(), evaluations=(warned,))
    key = "check_warned:bronze/stream_posts:landed_in_full|2026-11-25|x"
    assert key in firing(failed)
    # A landing that went well says nothing of the objects of before.
    assert key not in findings(landed(evaluations=(says("landed_in_full"),))).over
    passed = replace(failed, evaluations=(says("landed_in_full"),))
    assert key in findings(passed).over


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("offsets 0:27821234000-27821239999", "offsets 0:27821234000-27821239999"),
        ("partition 2 ends at offset 27821234567", "partition 2 ends at offset 27821234567"),
        ("Land from 27821234567, or not", "Land from 27821234567, or not"),
        ("call 27821234567 now", "call [phone] now"),
        ("0:27821234567", "0:[number]"),
        ("1:555-2782123456789012345678", "1:[number]"),
    ],
)
def test_places_of_a_topic_are_no_telephones_and_telephones_are_no_places(
    said: str, told: str
) -> None:
    assert own_words(said) == told
