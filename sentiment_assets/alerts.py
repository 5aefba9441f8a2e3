"""What alerts: the one sensor that looks at ended runs, tables, figures, budgets and tokens.

What belongs here: finding troubles and handing them to the notifier. When something is told, and
in which words, is ``core.alerts`` and ``core.alert_messages``. Dagster itself (its daemon, sensors
and queue) is looked at from outside: ``watch``.

Why one sensor with a cursor of its own and no ``@run_failure_sensor``:
docs/decisions/0025-alerts.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import dagster as dg
import polars as pl

from sentiment_assets.assets.kafka_topics import KAFKA
from sentiment_assets.assets.stream import asked_of, loss_of
from sentiment_assets.checks import checks
from sentiment_assets.core.alert_rules import AlertRules, Rule, Threshold, rank, write_length
from sentiment_assets.core.alerts import Alert, Book, Findings
from sentiment_assets.core.contracts import DAILY_SUMMARY, TOPIC_SENTIMENT
from sentiment_assets.core.freshness import Freshness, Watch
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.run_outcomes import (
    Evaluation,
    Raised,
    RunOutcome,
    Status,
    StepFailure,
    findings_of,
    raised,
)
from sentiment_assets.freshness import freshness_now, platform_of
from sentiment_assets.lake.objects import Lake

#: Names under which the evaluators note what they have read and when they looked.
RUNS, SENSOR, TOKENS, WATCH = "runs", "alert sensor", "tokens", "watch"

#: A look at a token is a request to the platform.
TOKENS_EVERY = dt.timedelta(hours=6)
#: The first look ever goes so far back.
FIRST_LOOK = dt.timedelta(days=1)
#: Events younger than this may yet get an older one before them, or a tag that says more.
SETTLED_AFTER = dt.timedelta(seconds=5)
#: So long the tag that says whether a run is retried may be late.
RETRY_TOLD_WITHIN = dt.timedelta(minutes=2)
_RUNS_A_LOOK = 200

# Dagster's own tag, put on failed runs where dagster.yaml retries them; a test reads it from there.
WILL_RETRY_TAG = "dagster/will_retry"

_ENDS: Mapping[dg.DagsterEventType, Status] = {
    dg.DagsterEventType.RUN_SUCCESS: "succeeded",
    dg.DagsterEventType.RUN_FAILURE: "failed",
    dg.DagsterEventType.RUN_CANCELED: "cancelled",
}
_TOLD_BY_RUNS = {
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.STEP_FAILURE,
}


class Notifier(Protocol):
    """Keeps the book of alerts and tells what is new in it."""

    @property
    def rules(self) -> AlertRules:
        """What alerts, and how often."""

    def book(self) -> Book:
        """The state of all alerts."""

    def report(
        self, who: str, findings: Findings, read: tuple[int | None, int] | None = None
    ) -> Book:
        """Take what ``who`` found, tell what is due, and return the book as it is then.

        ``read`` says from where to where ``who`` read events: findings of events that somebody else
        has taken meanwhile are dropped.
        """


class Budget(Protocol):
    """What a credential's shared budget has left."""

    @property
    def left(self) -> int:
        """Requests that may be sent now."""

    @property
    def capacity(self) -> int:
        """Requests of a full budget."""

    @property
    def resumes_at(self) -> dt.datetime | None:
        """When the API takes requests again; null: it does."""


class TokenEnd(Protocol):
    """What a platform knows of the token's end."""

    @property
    def ends_at(self) -> dt.datetime | None:
        """When it ends; null: never, or nobody says."""

    @property
    def refused(self) -> str:
        """Why it is not accepted any more; empty: it is."""


RequestsLeft = Callable[[], Mapping[str, Budget]]
TokenEnds = Callable[[], Mapping[str, TokenEnd]]


class LookFailed(Exception):
    """Some of what alerts could not be looked at: the sensor's tick fails, which `watch` tells."""


def runs_ended(
    instance: dg.DagsterInstance, after: int | None, now: dt.datetime
) -> tuple[list[RunOutcome], int]:
    """Runs that ended after an event, in the order of their ends, and the last event read.

    Stops at events that may not be all there is to know yet; the next look sees them.
    """
    ended: list[tuple[int, float, str, Status]] = []
    for kind, status in _ENDS.items():
        records = instance.fetch_run_status_changes(
            dg.RunStatusChangeRecordsFilter(
                event_type=kind,  # type: ignore[arg-type]
                after_storage_id=after,
                after_timestamp=None if after else (now - FIRST_LOOK).timestamp(),
            ),
            limit=_RUNS_A_LOOK,
            ascending=True,
        ).records
        ended += [(r.storage_id, r.timestamp, r.event_log_entry.run_id, status) for r in records]
    outcomes, last = [], after or 0
    # Each kind was cut at the limit: beyond it, one kind could overtake another.
    for event, at, run_id, status in sorted(ended)[:_RUNS_A_LOOK]:
        age = now - dt.datetime.fromtimestamp(at, dt.timezone.utc)
        run = instance.get_run_by_id(run_id)
        if age < SETTLED_AFTER:
            break
        if run is not None:
            told = WILL_RETRY_TAG in run.tags or not instance.run_retries_enabled
            if status == "failed" and not told and age < RETRY_TOLD_WITHIN:
                break
            outcomes.append(outcome_of(instance, run, status))
        last = event
    return outcomes, last


def outcome_of(instance: dg.DagsterInstance, run: dg.DagsterRun, status: Status) -> RunOutcome:
    """What a run's events say."""
    planned, made, evaluations, failures = set(), set(), [], []
    for record in instance.get_records_for_run(run.run_id, of_type=_TOLD_BY_RUNS).records:
        event = record.event_log_entry.get_dagster_event()
        data: Any = event.event_specific_data
        if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
            made.add(_target(data.materialization.asset_key, data.materialization.partition))
        elif event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED:
            subset = data.partitions_subset
            keys = subset.get_partition_keys() if subset else [data.partition]
            planned |= {_target(data.asset_key, key) for key in keys}
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            if platform_of(data.check_name) or data.asset_key.path[0] == KAFKA:
                # Freshness and topics are looked at by sensors: what shows them in the UI is no
                # news.
                continue
            evaluations.append(
                Evaluation(
                    target=_target(data.asset_key, data.partition),
                    check=data.check_name,
                    passed=data.passed,
                    blocking=data.severity == dg.AssetCheckSeverity.ERROR,
                    sentence=data.description or "",
                    loss=None if data.passed else loss_of(data),
                )
            )
        else:
            failures.append(StepFailure(f"step {event.step_key}", errors_of(data.error)))
    ranged = len({target.partition("|")[2] for target in planned}) > 1
    return RunOutcome(
        run_id=run.run_id,
        job=run.job_name,
        status=status,
        retried=run.tags.get(WILL_RETRY_TAG) == "true",
        reason=run.tags.get("dagster/failure_reason", ""),
        planned=frozenset(planned),
        made=frozenset(made),
        # The result over a whole range has no partition: each has an evaluation of its own.
        evaluations=tuple(e for e in evaluations if "|" in e.target or not ranged),
        failures=tuple(failures),
        landed=asked_of(run.run_config),
    )


def _target(asset: dg.AssetKey, partition: str | None) -> str:
    table = "/".join(asset.path)
    return table if partition is None else f"{table}|{partition}"


def errors_of(error: Any) -> tuple[Raised, ...]:
    """A chain of errors as Dagster stores them, outermost first."""
    chain = []
    while error is not None:
        chain.append(raised(error.cls_name or "", error.message))
        error = error.cause
    return tuple(chain)


def checks_by_table() -> dict[str, frozenset[str]]:
    """Names of the checks that run with each table."""
    names: dict[str, set[str]] = {}
    for definition in checks():
        for key in definition.check_keys:
            names.setdefault("/".join(key.asset_key.path), set()).add(key.name)
    return {table: frozenset(found) for table, found in names.items()}


def stale_tables(freshness: Iterable[Freshness], rule: Rule) -> Iterator[Alert]:
    """One alert a stale table that no stale table before it explains."""
    for state in freshness:
        if state.fresh or state.cause is not None:
            continue
        platform = PLATFORMS[state.platform].title
        if state.grave:
            said = "is about to lose posts"
        elif state.age is None:
            said = "was never made"
        else:
            behind, within = write_length(state.age), write_length(state.deadline)
            said = f"is {behind} behind, allowed are {within}"
        yield Alert(
            rule=rule.name,
            key=f"{rule.name}:{state.table}|{state.platform}",
            severity=max(rule.severity, "critical", key=rank) if state.grave else rule.severity,
            headline=f"{state.table} of {platform} {said}",
            cause=state.sentence,
            next_step=f"look at the newest runs of {state.table} for {state.platform} in the UI",
            runbook=rule.runbook,
            platform=state.platform,
            table=state.table,
        )


def crossed_thresholds(
    lake: Lake, thresholds: Sequence[Threshold], rule: Rule, today: dt.date
) -> Iterator[Alert]:
    """Bounds of gold that the newest day with enough scored posts crosses, by platform or topic."""
    for threshold in thresholds:
        for row in _figures(lake, threshold, today).iter_rows(named=True):
            value = float(row["value"])
            if not threshold.broken_by(value):
                continue
            platform = PLATFORMS[row["platform"]].title
            of = f"{row['topic']} on {platform}" if row["topic"] else platform
            shown = f"{value:,.0f}" if threshold.measure == "posts" else f"{value:.3f}"
            yield Alert(
                rule=rule.name,
                key=f"{rule.name}:{threshold.name}|{row['topic'] or 'all'}|{row['platform']}",
                severity=threshold.severity or rule.severity,
                headline=f"{threshold.name}: {threshold.measure} of {of} is {shown}",
                cause=f"{row['date']}, of {row['scored']:,} scored posts; told {threshold.bound}",
                next_step="look at the day on the dashboard; the data are well, the mood is not",
                runbook=rule.runbook,
                platform=row["platform"],
                table=(TOPIC_SENTIMENT if row["topic"] else DAILY_SUMMARY).name,
                partition=f"{row['date']}|{row['platform']}",
            )


def _figures(lake: Lake, threshold: Threshold, today: dt.date) -> pl.DataFrame:
    """date, platform, topic, scored, value: the newest row of each platform (and topic)."""
    contract = TOPIC_SENTIMENT if threshold.topics else DAILY_SUMMARY
    # A day that is still growing has few posts by its nature.
    days = (1,) if threshold.measure == "posts" else (0, 1)
    partitions = [
        {"date": (today - dt.timedelta(days=back)).isoformat(), "platform": platform}
        for back in days
        for platform in (threshold.platforms or PLATFORMS)
    ]
    columns = [
        "date", "platform", "posts", "scored", "positive", "negative", "sentiment_mean",
        "suppressed",
    ]  # fmt: skip
    if threshold.topics:
        columns += ["topic_kind", "topic"]
    rows = lake.table(contract).scan(partitions, columns).filter(~pl.col("suppressed"))
    if threshold.topics:
        tracked = pl.col("topic_kind") == "tracked"
        rows = rows.filter(tracked & pl.col("topic").is_in(list(threshold.topics)))
    else:
        rows = rows.with_columns(topic=pl.lit(None, pl.String))
    if threshold.measure != "posts":
        rows = rows.filter(pl.col("scored") >= threshold.minimum_scored)
    values = {
        "posts": pl.col("posts").cast(pl.Float64),
        "sentiment_mean": pl.col("sentiment_mean"),
        "negative_share": pl.col("negative") / pl.col("scored"),
        "positive_share": pl.col("positive") / pl.col("scored"),
    }
    return (
        rows.with_columns(value=values[threshold.measure])
        .drop_nulls("value")
        .collect()
        .sort("date", descending=True)
        .unique(["platform", "topic"], keep="first", maintain_order=True)
        .select("date", "platform", "topic", "scored", "value")
    )


def low_quotas(left: Mapping[str, Budget], rule: Rule) -> Iterator[Alert]:
    """Budgets that are nearly used up, or that the API has closed for now."""
    for platform, budget in left.items():
        share = budget.left / budget.capacity
        if share >= rule.number("share_left"):
            continue
        until = budget.resumes_at
        closed = f"; it takes none until {until:%Y-%m-%d %H:%M} UTC" if until else ""
        yield Alert(
            rule=rule.name,
            key=f"{rule.name}:{platform}",
            severity=rule.severity,
            headline=f"{PLATFORMS[platform].title}: {share:.0%} of the requests are left",
            cause=f"{budget.left:,} of {budget.capacity:,}{closed}",
            next_step="pause backfills of this platform, or narrow what is tracked",
            runbook=rule.runbook,
            platform=platform,
        )


def ending_tokens(ends: Mapping[str, TokenEnd], rule: Rule, now: dt.datetime) -> Iterator[Alert]:
    """Tokens that end soon; one that is over or refused is critical whatever the rule says."""
    for platform, end in ends.items():
        left = None if end.ends_at is None else end.ends_at - now
        over = bool(end.refused) or (left is not None and left <= dt.timedelta())
        if not over and (left is None or left > dt.timedelta(days=rule.number("days_left"))):
            continue
        title = PLATFORMS[platform].title
        severity = rule.severity
        if over:
            said = f"the token of {title} is not accepted any more"
            severity = max(severity, "critical", key=rank)
        else:
            assert left is not None
            said = f"the token of {title} ends in {left.days} days"
        yield Alert(
            rule=rule.name,
            key=f"{rule.name}:{platform}",
            severity=severity,
            headline=said[0].upper() + said[1:],
            cause=end.refused or f"it ends on {end.ends_at:%Y-%m-%d}",
            next_step="make a new token, set it, and restart what runs",
            runbook=rule.runbook,
            platform=platform,
        )


def silent_watch(book: Book, rule: Rule, now: dt.datetime) -> Iterator[Alert]:
    """`sentiment watch`, where it has ever looked, and does not any more."""
    looked = book.looked_at.get(WATCH)
    if looked is not None and now - looked > rule.length("after"):
        yield Alert(
            rule=rule.name,
            key=rule.name,
            severity=rule.severity,
            headline=f"sentiment watch has not looked for {write_length(now - looked)}",
            cause="nobody would tell that the daemon stands still",
            next_step="start `sentiment watch` again, or its task",
            runbook=rule.runbook,
        )


def look(
    instance: dg.DagsterInstance,
    notifier: Notifier,
    lake: Lake,
    requests_left: RequestsLeft,
    token_ends: TokenEnds,
    now: dt.datetime,
    freshness: Callable[[], Sequence[Freshness]] | None = None,
) -> Book:
    """Look at everything once and report it.

    ``freshness`` gives the state of the tables; without it stale tables are not judged.

    Raises:
        LookFailed: some of it could not be looked at; the rest was reported.
    """
    book, rules = notifier.book(), notifier.rules
    by_name = rules.rules
    failed: list[str] = []

    before = book.cursors.get(RUNS)
    outcomes, last = runs_ended(instance, before, now)
    notifier.report(RUNS, findings_of(outcomes, checks_by_table(), by_name), read=(before, last))

    today = now.date()
    looks: dict[str, Callable[[], Iterable[Alert]]] = {
        "threshold_crossed": lambda: crossed_thresholds(
            lake, rules.thresholds, by_name["threshold_crossed"], today
        ),
        "quota_low": lambda: low_quotas(requests_left(), by_name["quota_low"]),
        "watch_silent": lambda: silent_watch(book, by_name["watch_silent"], now),
    }
    if freshness is not None:
        looks["table_stale"] = lambda: stale_tables(freshness(), by_name["table_stale"])
    asked = book.looked_at.get(TOKENS)
    ask_for_tokens = asked is None or now - asked >= TOKENS_EVERY
    if ask_for_tokens:
        looks["token_ends"] = lambda: ending_tokens(token_ends(), by_name["token_ends"], now)

    firing: list[Alert] = []
    judged = set()
    for name, found in looks.items():
        if not by_name[name].enabled:
            continue
        try:
            firing += found()
        except Exception as error:
            # One part that cannot be looked at must not blind the others. Words of others stay out.
            failed.append(f"{name} ({type(error).__name__})")
        else:
            judged.add(name)
    if "token_ends" in judged:
        notifier.report(TOKENS, Findings())
    book = notifier.report(SENSOR, Findings(tuple(firing), frozenset(judged)))
    if failed:
        raise LookFailed(
            f"alerts: could not look at {', '.join(failed)}; everything else was. "
            "docs/runbooks/ticks-failing.md says what to do"
        )
    return book


@dg.sensor(
    name="alert_on_troubles",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Tells failed runs, failed and missing checks, stale tables, crossed thresholds, "
        "budgets and tokens near their end; starts nothing."
    ),
)
def alert_on_troubles(
    context: dg.SensorEvaluationContext,
    notifier: dg.ResourceParam[Notifier],
    lake: dg.ResourceParam[Lake],
    requests_left: dg.ResourceParam[RequestsLeft],
    token_ends: dg.ResourceParam[TokenEnds],
    watch: dg.ResourceParam[Watch],
) -> dg.SkipReason:
    """Look once a minute; the UI shows how many alerts are open."""
    now = dt.datetime.now(dt.timezone.utc)
    freshness = partial(freshness_now, context.instance, lake, watch, now)
    book = look(context.instance, notifier, lake, requests_left, token_ends, now, freshness)
    return dg.SkipReason(f"{len(book.open)} alerts are open")
