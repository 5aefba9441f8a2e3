"""``sentiment watch``: looks after Dagster's daemon from outside; tells when it stands still."""

from __future__ import annotations

import contextlib
import datetime as dt
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sentiment_assets.core.alerts import Findings
    from sentiment_assets.definitions import Settings
    from sentiment_assets.watch import Expected

#: Between two looks.
EVERY_SECONDS = 60


@click.command()
@click.option("--once", is_flag=True, help="Look once and exit: for cron.")
@click.option(
    "--every",
    default=EVERY_SECONDS,
    show_default=True,
    type=click.IntRange(5),
    help="Seconds between looks.",
)
def watch(once: bool, every: int) -> None:
    """Look whether the daemon, sensors, schedules and the queue are alive; tell if not.

    Runs in a process of its own, best on another machine than the daemon: a sensor can't tell that
    sensors stand still. Tells by the channels of alerts, and keeps what it told in Dagster's
    database; where that is lost, it tells so. With --once it exits with 1 if something is wrong.
    """
    from sentiment_assets.definitions import read_settings

    settings = read_settings()
    # Mistakes in the files are told before anything is looked at.
    rules = settings.read_alert_rules().rules
    watcher = Watcher(settings, None if once else _now())
    if once:
        findings = watcher.look()
        told = [alert for alert in findings.firing if rules[alert.rule].enabled]
        for alert in told:
            click.echo(f"{alert.severity}  {alert.headline}: {alert.cause}")
        if told:
            raise click.exceptions.Exit(1)
        click.echo("Dagster is alive")
        return
    click.echo(f"looking every {every} s; Ctrl-C stops")
    with _until_ended() as ended:
        while not ended.is_set():
            watcher.look()
            ended.wait(every)


@dataclass
class Watcher:
    """Looks at one instance again and again; ``since`` is null where it looks once."""

    settings: Settings
    since: dt.datetime | None
    _wanted: list[Expected] = field(default_factory=list)

    def look(self) -> Findings:
        """Look once and tell. Never raises: looking on is all that is left when all is lost."""
        from sentiment_assets.alerts import WATCH
        from sentiment_assets.core.alerts import Findings
        from sentiment_assets.definitions import AlertStoreUnreachable, FileStore, notifier_of
        from sentiment_assets.watch import UNREACHABLE

        # Kept apart from the book, which may be what is lost.
        aside = notifier_of(self.settings, FileStore(self.settings.home / "watch.json"))
        well = Findings(judged=frozenset({UNREACHABLE}))
        try:
            findings = self._look()
            aside, told = replace(aside, page=None), well
        except Exception as error:
            findings = told = self._lost(error)
        try:
            aside.report(WATCH, told)
        except AlertStoreUnreachable as error:
            click.echo(f"sentiment: {error}", err=True)
        return findings

    def _look(self) -> Findings:
        from sentiment_assets.alerts import WATCH
        from sentiment_assets.cli.services import open_instance
        from sentiment_assets.definitions import alert_store, build_defs, notifier_of, storage_url
        from sentiment_assets.watch import expected, watch_once

        if not self._wanted:
            self._wanted = expected(build_defs(self.settings))
        database = storage_url(self.settings)
        with (
            open_instance(self.settings) as instance,
            contextlib.closing(alert_store(database)) as store,
        ):
            notifier = notifier_of(self.settings, store)
            # Whoever looks once was not there before: what is late is so since the first look ever.
            since = self.since or notifier.book().began_at.get(WATCH) or _now()
            findings = watch_once(instance, self._wanted, notifier.rules.rules, _now(), since)
            notifier.report(WATCH, findings)
        return findings

    def _lost(self, error: Exception) -> Findings:
        from sentiment_assets.watch import unreachable

        rule = self.settings.read_alert_rules().rules["instance_unreachable"]
        # The class only: messages may quote the database's address.
        return unreachable(
            rule,
            "Dagster cannot be looked at" if self._wanted else "the code cannot be loaded",
            type(error).__name__,
            "check that the database runs where SENTIMENT_POSTGRES_URL says"
            if self._wanted
            else "`sentiment settings` and `sentiment alerts list` say what is wrong",
        )


@contextlib.contextmanager
def _until_ended() -> Iterator[threading.Event]:
    """An event that Ctrl-C and a polite end (SIGTERM) set, so that a look is not torn."""
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    numbers = (signal.SIGINT, signal.SIGTERM)
    previous = {number: signal.signal(number, end) for number in numbers}
    try:
        yield ended
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.timezone.utc)
