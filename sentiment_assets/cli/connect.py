"""``sentiment connect``: whether a platform lets us in, what it shows, what tracking it costs.

What belongs here: asking a client to look at its own access, and showing what it found. Nothing is
written: no lake, no keys, no database. What a platform checks, and by which requests, stands in
its client.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from sentiment_assets.core.tracking import TrackedSource
    from sentiment_assets.definitions import Settings

_GUIDE = "docs/access.md"
#: Whoever asks is waiting: a limit that ends later than this is told, not waited for.
_PATIENCE_S = 2.0
_SHOWN = 8
_TICKS_A_DAY = 12


@dataclass(frozen=True)
class Expense:
    """What one source costs at each tick and each day, by its present volume."""

    source: str
    posts_per_day: float | None
    requests_per_tick: int
    requests_per_day: int
    dollars_per_day: float | None
    note: str


@dataclass(frozen=True)
class PreviewRow:
    """A record as silver would hold it. Its text is masked, or null where silver keeps none."""

    hour: str
    kind: str
    lang: str | None
    compound: float | None
    text: str | None


@dataclass(frozen=True)
class Preview:
    """One page: some of its records, how many it has, and how many are refused by which reason."""

    rows: list[PreviewRow]
    records: int
    refused: list[dict[str, str | int]]


@dataclass(frozen=True)
class Report:
    """What was found; ``granted`` requests may be sent in ``period``."""

    platform: str
    title: str
    source: str
    ok: bool
    findings: list[Any]
    allowance: Any
    preview: Preview
    expenses: list[Expense]
    granted: int
    period: dt.timedelta

    @property
    def share(self) -> float:
        """Of the requests granted in a period; of a tick's, where the period is shorter."""
        a_tick = sum(expense.requests_per_tick for expense in self.expenses)
        ticks = max(1.0, self.period / (dt.timedelta(days=1) / _TICKS_A_DAY))
        return a_tick * ticks / self.granted

    def as_json(self) -> str:
        """One object on one line."""
        told = asdict(self)
        told["period_seconds"] = int(told.pop("period").total_seconds())
        told["share_of_requests"] = round(self.share, 4)
        return json.dumps(told, ensure_ascii=False, default=dt.datetime.isoformat)


class _NoToken(click.ClickException):
    exit_code = 2


def _known(context: click.Context, parameter: click.Parameter, value: str) -> str:
    # The parsers take a while to load: not for `--help`.
    from sentiment_assets.core.platforms import PLATFORMS

    chosen: str = click.Choice(list(PLATFORMS)).convert(value, parameter, context)
    return chosen


@click.command()
@click.argument("platform", metavar="PLATFORM", callback=_known)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def connect(platform: str, as_json: bool) -> None:
    """Check the access to PLATFORM, preview one page and say what the tracked sources cost.

    Looks at token, scopes, version and allowance with a few requests; docs/access.md says what
    they cost. The page is shown as silver would hold it, with identifiers masked. Nothing is
    written. Exits with 1 if something is not well.
    """
    from sentiment_assets.definitions import read_settings

    settings = read_settings()
    if settings.source == "live" and settings.platforms[platform].credential is None:
        raise _NoToken(_what_to_set(platform))
    sources = settings.read_tracking().sources.get(platform, ())
    report = _look(_impatient(settings, platform), platform, sources)
    if as_json:
        click.echo(report.as_json())
    else:
        _print(report, settings, tracked=bool(sources))
    if not report.ok:
        raise click.exceptions.Exit(1)


def _look(settings: Settings, platform: str, sources: Sequence[TrackedSource]) -> Report:
    from sentiment_assets.core.platforms import PLATFORMS
    from sentiment_assets.definitions import ApiError, api_client

    access, title = settings.platforms[platform], PLATFORMS[platform].title
    with _quiet(), contextlib.closing(api_client(settings, platform)) as client:
        try:
            found = client.inspect(sources)
        except ApiError as error:
            raise click.ClickException(f"{title}: {error}") from None
        return Report(
            platform,
            title,
            settings.source,
            found.ok,
            found.findings,
            client.allowance,
            _preview(platform, found.preview, client.clock(), settings),
            _expenses(client, platform, sources, found.costs),
            # What the platform itself grants, of the simulator too: this is for going live.
            access.requests or access.REQUESTS,
            access.PERIOD,
        )


def _impatient(settings: Settings, platform: str) -> Settings:
    access = settings.platforms[platform]
    wait = min(access.max_wait_seconds, _PATIENCE_S)
    hasty = access.model_copy(update={"max_wait_seconds": wait})
    return settings.model_copy(update={"platforms": {**settings.platforms, platform: hasty}})


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Each retry is logged; what remains of it is a finding."""
    previous = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(previous)


def _what_to_set(platform: str) -> str:
    """The platform's token and whatever else it alone has, with what each is for."""
    from sentiment_assets.core.platforms import PLATFORMS
    from sentiment_assets.definitions import credential_setting, setting_field, setting_names

    fields: dict[str, set[str]] = {}
    for owner, field in setting_names().values():
        fields.setdefault(field, set()).add(owner or "")
    token = credential_setting(platform)
    own = [
        variable
        for variable, (owner, field) in setting_names().items()
        if owner == platform
        and variable != token
        and fields[field] != set(PLATFORMS)
        and setting_field(variable).default is None
    ]
    lines = [f"{PLATFORMS[platform].title} has no token. Set:"]
    for name in (token, *own):
        lines += [f"  {name}", f"      {setting_field(name).description}"]
    lines.append(f"{_GUIDE} says what it asks for before it gives one, and how long that takes.")
    return "\n".join(lines)


def _expenses(
    client: Any, platform: str, sources: Sequence[TrackedSource], costs: Sequence[Any]
) -> list[Expense]:
    by_name = {source.name: source for source in sources}
    expenses = []
    for cost in costs:
        searches, looks = _searches_a_tick(client, platform, by_name[cost.source])
        requests = cost.requests_per_search * searches
        posts, price = cost.posts_per_day, cost.price_per_post
        dollars = None if price is None or posts is None else round(price * looks * posts, 2)
        expenses.append(
            Expense(
                cost.source,
                None if posts is None else round(posts, 1),
                requests,
                requests * _TICKS_A_DAY,
                dollars,
                cost.note,
            )
        )
    return expenses


def _searches_a_tick(client: Any, platform: str, source: TrackedSource) -> tuple[int, int]:
    """How many searches the clock's tick makes of a source when nothing is behind.

    And on how many days each post is read: on its own, and once more if it is looked at again when
    it is a day old.
    """
    from sentiment_assets.core.coverage import OBSERVED_AGAIN_AFTER, WindowCoverage, plan_fetch
    from sentiment_assets.core.layout import WINDOW_LENGTH, PostPartition, Window, windows_of
    from sentiment_assets.engine.fetch import stretches

    tick = Window.of(client.clock(), platform).start + dt.timedelta(minutes=5)
    before = tick - WINDOW_LENGTH
    known = {}
    partitions = [PostPartition(tick.date() - dt.timedelta(days), platform) for days in range(3)]
    for window in (window for partition in partitions for window in windows_of(partition)):
        if window.end <= tick:
            again = window.end + OBSERVED_AGAIN_AFTER
            fetched_at = again if again <= before else before
            known[window] = WindowCoverage(
                window, "complete", window.start, window.end, fetched_at, fetched_at
            )
    planned = [
        window
        for window in plan_fetch(partitions, known, tick, client.reach(source))
        if window.reachable
    ]
    looks = 1 + any(window.end <= tick - OBSERVED_AGAIN_AFTER for window in planned)
    return len(list(stretches(planned, client.span))), looks


def _preview(
    platform: str, payloads: Sequence[Mapping[str, Any]], now: dt.datetime, settings: Settings
) -> Preview:
    """The page's records by the very steps that lead to silver, without pseudonyms."""
    import msgspec
    import polars as pl

    from sentiment_assets.core.parsers import parse_lines
    from sentiment_assets.core.platforms import PLATFORMS
    from sentiment_assets.core.silver import read_texts, tidy
    from sentiment_assets.definitions import text_rules

    envelope = {"platform": platform, "source": "batch", "fetched_at": now}
    lines = [msgspec.json.encode({**envelope, "payload": payload}) for payload in payloads]
    parsed = parse_lines(PLATFORMS[platform].parser, platform, lines, "preview")
    posts = pl.from_arrow(parsed.posts)
    assert isinstance(posts, pl.DataFrame)
    read = read_texts(
        tidy(posts["text"]),
        posts["known_names"],
        posts["platform_lang"],
        text_rules(settings),
        posts["platform"],
    )
    rows = pl.concat(
        [
            posts.select(pl.col("created_at").dt.truncate("1h").alias("hour"), "kind"),
            read.select("text", "lang", compound="sentiment_compound"),
        ],
        how="horizontal",
    )
    # Some of each kind: pages often hold posts first and comments after them.
    rows = (
        rows.with_row_index("_place")
        .sort(pl.int_range(pl.len()).over("kind"), "_place")
        .head(_SHOWN)
        .sort("_place")
    )
    refused = Counter((refusal.code, refusal.reason) for refusal in parsed.refusals)
    return Preview(
        [
            PreviewRow(
                f"{row['hour']:%Y-%m-%dT%H:00Z}",
                row["kind"],
                row["lang"],
                None if row["compound"] is None else round(row["compound"], 4),
                _on_one_line(row["text"])
                if settings.keep_text and row["text"] is not None
                else None,
            )
            for row in rows.iter_rows(named=True)
        ],
        len(lines),
        [
            {"code": code, "reason": reason, "records": count}
            for (code, reason), count in refused.most_common()
        ],
    )


def _on_one_line(text: str) -> str:
    """Nothing that moves the cursor or turns the direction of writing."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _print(report: Report, settings: Settings, *, tracked: bool) -> None:
    import sys

    from rich.console import Console

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    _print_findings(console, report)
    if not tracked:
        console.print(
            f"\nNothing is tracked there: add platforms.{report.platform} to "
            f"{settings.tracking.name} (docs/tracking.md).",
            markup=False,
        )
    elif report.preview.records or report.ok:
        _print_preview(console, report.preview, settings.keep_text)
    if report.expenses:
        _print_expenses(console, report)
    console.print("\nNothing was written.")


def _table(columns: Mapping[str, str]) -> Table:
    """Aligned columns without lines, each justified as it says; ``rest`` takes what is left."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim", expand="rest" in columns.values())
    for title, side in columns.items():
        table.add_column(
            title,
            justify="right" if side == "right" else "left",
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if side == "rest" else None,
        )
    return table


def _print_findings(console: Console, report: Report) -> None:
    from rich.table import Table
    from rich.text import Text

    wrong = sum(not finding.ok for finding in report.findings)
    verdict = f"{wrong} of {len(report.findings)} not well" if wrong else "all is well"
    title = f"{report.title}, {report.source}"
    console.print(Text.assemble((title, "bold"), ": ", (verdict, "red" if wrong else "green")))
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in report.findings:
        mark = Text("ok", "green") if finding.ok else Text("NO", "bold red")
        said = Text(finding.said)
        if finding.remedy:
            said.append(f"\n→ {finding.remedy}", "yellow")
        table.add_row(mark, Text(finding.what), said)
    console.print(table)


def _print_preview(console: Console, preview: Preview, keep_text: bool) -> None:
    from rich.text import Text

    shown = f"{len(preview.rows)} of {preview.records} records, as silver holds them"
    console.print(f"\n[bold]One page[/]: {shown if preview.records else 'nothing was found'}")
    if preview.rows:
        table = _table(
            {"hour (UTC)": "left", "kind": "left", "lang": "left", "score": "right", "text": "rest"}
        )
        for row in preview.rows:
            table.add_row(
                f"{row.hour[:10]} {row.hour[11:13]}h",
                row.kind,
                row.lang or "·",
                "·" if row.compound is None else f"{row.compound:+.2f}",
                # As text: masks stand in square brackets, which would be markup.
                Text(row.text or ("·" if keep_text else "not kept: SENTIMENT_KEEP_TEXT")),
            )
        console.print(table)
    for refused in preview.refused:
        many = "record" if refused["records"] == 1 else "records"
        said = f"{refused['records']} {many} refused, {refused['code']}: {refused['reason']}"
        console.print(Text(said, "yellow"))


def _print_expenses(console: Console, report: Report) -> None:
    from rich.text import Text

    expenses, share = report.expenses, report.share
    paid = any(expense.dollars_per_day is not None for expense in expenses)
    console.print("\n[bold]Cost[/] by today's volume, with a tick every two hours")
    numbers = ["posts a day", "requests a tick", "a day"]
    numbers += ["$ a day", "$ a month"] if paid else []
    table = _table({"source": "left", **dict.fromkeys(numbers, "right")})
    for expense in [*expenses, *_total(expenses)]:
        dollars = expense.dollars_per_day
        table.add_row(
            expense.source,
            "?" if expense.posts_per_day is None else f"{expense.posts_per_day:,.0f}",
            f"{expense.requests_per_tick:,}",
            f"{expense.requests_per_day:,}",
            *(["?", "?"] if dollars is None else [f"{dollars:,.2f}", f"{dollars * 30:,.2f}"])[
                : 2 * paid
            ],
        )
    console.print(table)
    grant = f"the {report.granted:,} requests in {_spelled(report.period)}"
    if share > 1:
        console.print(Text(f"Runs will wait: this is {share:,.1f} times {grant}", "yellow"))
    else:
        console.print(f"{share:.1%} of {grant}" if share >= 0.001 else f"Below 0.1% of {grant}")
    for note, of in _notes(expenses):
        console.print(Text(f"{of}{note}", "dim"))


def _total(expenses: Sequence[Expense]) -> Iterator[Expense]:
    """The sum of several; of what is not known of one, nothing is known of all."""
    if len(expenses) < 2:
        return
    posts = [expense.posts_per_day for expense in expenses]
    dollars = [expense.dollars_per_day for expense in expenses]
    yield Expense(
        "all",
        None if None in posts else math.fsum(post or 0 for post in posts),
        sum(expense.requests_per_tick for expense in expenses),
        sum(expense.requests_per_day for expense in expenses),
        None if None in dollars else math.fsum(one or 0 for one in dollars),
        "",
    )


def _notes(expenses: Sequence[Expense]) -> Iterator[tuple[str, str]]:
    """Each note once, with the sources that it is of where not all share it."""
    sources: dict[str, list[str]] = {}
    for expense in expenses:
        if expense.note:
            sources.setdefault(expense.note, []).append(expense.source)
    for note, names in sources.items():
        yield note, "" if len(names) == len(expenses) else f"{', '.join(names)}: "


def _spelled(period: dt.timedelta) -> str:
    hours = period / dt.timedelta(hours=1)
    if hours < 1:
        return f"{hours * 60:g} minutes"
    return "a day" if hours == 24 else f"{hours:g} h"
