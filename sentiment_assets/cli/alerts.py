"""``sentiment alerts``: what is open, a test of every channel, silences."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sentiment_assets.core.alerts import Book
    from sentiment_assets.definitions import Notifier


@click.group()
def alerts() -> None:
    """What is wrong now; try the channels; keep an alert quiet for a while."""


@alerts.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object an alert or silence.")
def list_alerts(as_json: bool) -> None:
    """Show open alerts, silences, and channels that take nothing; checks alerts.yaml too."""
    with _notifier() as notifier:
        book = notifier.book()
        runbook = notifier.links.runbook
        now = _now()
        if as_json:
            for row in (*_alert_rows(book, now), *_silence_rows(book), *_channel_rows(book)):
                click.echo(json.dumps(row))
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        from sentiment_assets.core.alert_rules import rank

        console = Console(highlight=False)
        items = sorted(
            book.open.values(), key=lambda item: (-rank(item.alert.severity), item.opened_at)
        )
        if not items:
            console.print("nothing is wrong")
        table = Table(box=None, pad_edge=False)
        for title in ("severity", "since", "what, why and what to do", "key"):
            table.add_column(title, overflow="fold")
        for item in items:
            alert = item.alert
            quiet = book.silenced(alert.key, now)
            said = Text(alert.headline, style="dim" if quiet else "bold")
            for line in (alert.cause, alert.next_step, runbook(alert)):
                if line:
                    said.append(f"\n{line}", "not bold")
            table.add_row(
                Text("silenced" if quiet else alert.severity),
                _age(now - item.opened_at),
                said,
                Text(alert.key),
            )
        if items:
            console.print(table)
        for silence in book.silences:
            console.print(
                f"silenced for {_age(silence.until - now)} more: {silence.pattern} "
                f"({silence.reason})",
                markup=False,
            )
        for row in _channel_rows(book):
            if row["failing_since"]:
                console.print(f"the channel {row['channel']}: {row['said']}", markup=False)


@alerts.command()
def test() -> None:
    """Send a test by every channel that is set, and say which took it.

    Exits with 1 if one did not.
    """
    from sentiment_assets.core.alerts import Alert

    with _notifier() as notifier:
        alert = Alert(
            rule="test",
            key="test",
            severity="info",
            headline="this is a test of the alerts",
            cause="somebody typed `sentiment alerts test`",
            next_step="nothing",
        )
        said = notifier.test(alert, _now())
        for name, refusal in said.items():
            click.echo(f"{name}: {refusal or 'took it'}")
        for setting, name in (("WEBHOOK_URL", "webhook"), ("TOPIC_ARN", "sns")):
            if name not in said:
                click.echo(f"{name}: not set (SENTIMENT_ALERT_{setting})")
    if any(said.values()):
        raise click.exceptions.Exit(1)


@alerts.command()
@click.argument("pattern", metavar="KEY")
@click.option("--for", "length", metavar="TIME", help="How long: 30min, 2h, 1d.")
@click.option("--reason", help="Why, for those who wonder.")
@click.option("--end", is_flag=True, help="End this silence now.")
def silence(pattern: str, length: str | None, reason: str | None, end: bool) -> None:
    """Keep alerts quiet whose key is KEY; * in it stands for anything.

    It ends by itself; what is still wrong then is told. That a told alert is over is always told.
    `sentiment alerts list` shows the keys.
    """
    from sentiment_assets.core.alert_rules import read_length
    from sentiment_assets.core.alerts import Silence, silenced, unsilenced

    with _notifier() as notifier:
        if end:
            known = {silence.pattern for silence in notifier.book().silences}
            if pattern not in known:
                raise click.UsageError(
                    f"there is no silence {pattern!r}; `sentiment alerts list` shows all"
                )
            notifier.change(lambda book, _: unsilenced(book, pattern))
            click.echo(f"{pattern} is told again")
            return
        lasting = read_length(length or "")
        if lasting is None or lasting > dt.timedelta(days=30):
            raise click.UsageError(
                "--for must say how long, at most 30d: a whole number and min, h or d; for "
                "example: --for 2h"
            )
        if not reason or not reason.strip():
            raise click.UsageError("--reason must say why; for example: --reason 'X is down'")

        def add(book: Book, now: dt.datetime) -> Book:
            return silenced(book, Silence(pattern, now, now + lasting, reason.strip()))

        book = notifier.change(add)
        covered = [key for key in book.open if book.silenced(key, _now())]
        click.echo(
            f"{pattern} is quiet for {length}; {len(covered)} open alerts are covered. "
            f"To end it: sentiment alerts silence '{pattern}' --end"
        )


@contextlib.contextmanager
def _notifier() -> Iterator[Notifier]:
    """The notifier on the book beside Dagster's runs; starts the embedded server if need be."""
    from sentiment_assets.definitions import (
        AlertStoreUnreachable,
        alert_store,
        notifier_of,
        read_settings,
        storage_url,
    )

    settings = read_settings()
    settings.read_alert_rules()
    with contextlib.closing(alert_store(storage_url(settings))) as store:
        try:
            yield notifier_of(settings, store)
        except AlertStoreUnreachable as error:
            raise click.ClickException(str(error)) from None


def _alert_rows(book: Book, now: dt.datetime) -> Iterator[dict[str, Any]]:
    for key, item in book.open.items():
        quiet = book.silenced(key, now)
        alert = item.alert
        yield {
            "key": key,
            "rule": alert.rule,
            "severity": alert.severity,
            "headline": alert.headline,
            "cause": alert.cause,
            "next_step": alert.next_step,
            "runbook": alert.runbook,
            "platform": alert.platform,
            "table": alert.table,
            "partition": alert.partition,
            "run_id": alert.run_id,
            "opened_at": item.opened_at.isoformat(),
            "told_at": item.told_at.isoformat() if item.told_at else None,
            "silenced_until": quiet.until.isoformat() if quiet else None,
        }


def _silence_rows(book: Book) -> Iterator[dict[str, Any]]:
    for silence in book.silences:
        yield {
            "silence": silence.pattern,
            "until": silence.until.isoformat(),
            "reason": silence.reason,
        }


def _channel_rows(book: Book) -> Iterator[dict[str, Any]]:
    for name, channel in book.channels.items():
        failing = channel.failing_since
        yield {
            "channel": name,
            "took_at": channel.took_at.isoformat() if channel.took_at else None,
            "failing_since": failing.isoformat() if failing else None,
            "said": channel.said,
        }


def _age(length: dt.timedelta) -> str:
    from sentiment_assets.core.alert_rules import write_length

    minutes = max(int(length.total_seconds() // 60), 1)
    size = 1440 if minutes >= 2880 else 60 if minutes >= 120 else 1
    return write_length(dt.timedelta(minutes=minutes // size * size))


def _now() -> dt.datetime:
    return dt.datetime.now(dt.timezone.utc)
