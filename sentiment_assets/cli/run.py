"""``sentiment run``: everything on this machine, from an empty folder to gold and a dashboard."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from sentiment_assets.cli.services import Services
    from sentiment_assets.cli.tick import TickOutcome
    from sentiment_assets.definitions import Settings

_DAGSTER_PORT = 3000
_DASHBOARD_PORT = 8501


@click.command()
@click.option("--once", is_flag=True, help="Do the work and exit; no user interface.")
@click.option(
    "--corpus",
    type=click.Path(path_type=Path),
    help="Feed the simulator with these texts: a line each, or JSON lines with `text`; .gz too.",
)
@click.option(
    "--posts-per-day", type=click.IntRange(1), help="Posts that the simulator tells a day."
)
@click.option(
    "--stream",
    is_flag=True,
    help="Posts come through Kafka too: starts a broker, a producer per platform and, with Spark, "
    "the live stream.",
)
@click.option("--seed", default=7, show_default=True, help="Which story the simulator tells.")
@click.option("--port", default=_DAGSTER_PORT, show_default=True, help="Port of the Dagster UI.")
def run(
    once: bool,
    corpus: Path | None,
    posts_per_day: int | None,
    stream: bool,
    seed: int,
    port: int,
) -> None:
    """Fill the last days from bronze to gold, then serve the Dagster UI and a dashboard.

    Starts an embedded PostgreSQL and, unless SENTIMENT_SOURCE=live, a simulator of the platforms.
    Ctrl-C stops everything. Exits with 1 if the fill failed.
    """
    from rich.console import Console

    from sentiment_assets.cli import streaming
    from sentiment_assets.cli.services import (
        Services,
        announced,
        dagster_home,
        only_one,
        start_simulator,
    )
    from sentiment_assets.definitions import read_settings

    if stream and (once or corpus):
        raise click.UsageError("--stream runs until it is stopped, with the simulator's story")
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    settings = _with_corpus(read_settings(), corpus)
    # Mistakes are told before anything is started.
    settings.read_alert_rules()
    settings.open_lake()
    os.environ["SENTIMENT_HOME"] = str(settings.home)
    # What is filled here is what the user interface shows, whatever DAGSTER_HOME was exported.
    os.environ["DAGSTER_HOME"] = str(dagster_home(settings))
    with _interruptible(), only_one(settings.home):
        services = Services(settings.home)
        services.end_leftovers()
        try:
            _banner(console, settings, corpus)
            ports = streaming.receivers() if stream else {}
            if settings.source == "simulator" and not settings.simulator_given:
                options = ["--seed", str(seed)]
                options += ["--corpus", str(corpus)] if corpus else []
                options += ["--posts-per-day", str(posts_per_day)] if posts_per_day else []
                options += streaming.push_options(ports)
                for platform, url in start_simulator(services, options).items():
                    os.environ[f"SENTIMENT_{platform.upper()}_BASE_URL"] = url
            settings = read_settings()
            if stream:
                _start_stream(console, settings, services)
                settings = read_settings()
            url = _storage(settings)
            os.environ["SENTIMENT_POSTGRES_URL"] = url
            addresses = {"postgres_url": url}
            if settings.kafka_brokers:
                addresses["kafka_brokers"] = settings.kafka_brokers
            for platform, access in settings.platforms.items():
                if access.base_url:
                    addresses[f"{platform}_base_url"] = access.base_url
            with announced(settings.home, addresses):
                settings = read_settings()
                if not _fill(console, settings) and once:
                    raise click.exceptions.Exit(1)
                if stream:
                    streaming.start_producers(services, ports)
                if not once:
                    _serve(console, settings, services, port)
        except KeyboardInterrupt:
            console.print("\nstopping …")
            if once:
                raise click.exceptions.Exit(130) from None
        finally:
            services.stop()


def _with_corpus(settings: Settings, corpus: Path | None) -> Settings:
    """A corpus has a home of its own: its posts must not mix with the story's or another's."""
    if corpus is None:
        return settings
    from sentiment_assets.definitions import PROJECT_ROOT, read_settings

    if settings.source != "simulator":
        raise click.UsageError("a corpus feeds the simulator; unset SENTIMENT_SOURCE=live")
    try:
        content = hashlib.sha256(corpus.read_bytes()).hexdigest()[:8]
    except OSError as error:
        raise click.UsageError(f"cannot read the corpus {corpus}: {error.strerror}") from error
    # A corpus answers every query: one is enough, two would fetch each text twice.
    os.environ.setdefault(
        "SENTIMENT_TRACKING", str(PROJECT_ROOT / "simulator" / "corpus_tracking.yaml")
    )
    if settings.lake_uri:
        os.environ["SENTIMENT_LAKE_URI"] = f"{settings.lake_uri}/corpora/{content}"
    return read_settings(home=settings.home / "corpora" / content)


def _banner(console: Console, settings: Settings, corpus: Path | None) -> None:
    if settings.origin == "simulated":
        source = f"texts of {corpus}" if corpus else "a made-up story"
        console.print(
            f"[bold]SIMULATED POSTS[/bold]: {source}, served by a simulator of the platforms."
        )
    console.print(f"lake      {settings.lake_location.uri}")


def _start_stream(console: Console, settings: Settings, services: Services) -> None:
    """A broker, unless one is set, and the topics."""
    from sentiment_assets.cli import streaming
    from sentiment_assets.definitions import read_settings

    if settings.source != "simulator":
        raise click.UsageError(
            "--stream is for the simulator's posts; for live ones set SENTIMENT_KAFKA_BROKERS and "
            "start `sentiment produce` for each platform (docs/streaming.md)"
        )
    if settings.kafka_brokers is None:
        os.environ["SENTIMENT_KAFKA_BROKERS"] = streaming.start_broker(services, settings.home)
        settings = read_settings()
    streaming.make_topics(settings)
    console.print(f"kafka     {settings.kafka_brokers}")
    console.print(f"live      {streaming.switch_live_on()}")


def _storage(settings: Settings) -> str:
    from sentiment_assets.definitions import storage_url

    return storage_url(settings)


def _fill(console: Console, settings: Settings) -> bool:
    """Run what is due, with progress; prints the table. Returns whether all went well."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from sentiment_assets.cli.report import print_report
    from sentiment_assets.cli.services import open_instance
    from sentiment_assets.cli.tick import run_due

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f}"),
        TimeElapsedColumn(),
    )
    shown: list[str] = []

    with open_instance(settings) as instance, Progress(*columns, console=console) as bar:
        task = bar.add_task("looking for what is due", total=1)

        def progress(what: str, done: int, of: int) -> None:
            bar.update(task, description=what, completed=done, total=of)
            # Without a terminal there is no bar: a line for each quarter instead.
            mark = f"{what.split(' (')[0]} {4 * done // max(of, 1)}"
            if not console.is_terminal and mark not in shown:
                shown.append(mark)
                console.print(f"{what}: {done} of {of}")

        outcome: TickOutcome = run_due(instance, settings, progress)
    for failure in outcome.failures:
        console.print(f"[bold]failed[/bold]  {failure}", markup=True)
    days = print_report(console, settings.open_lake(), outcome.seconds)
    return not outcome.failures and days > 0


def _serve(console: Console, settings: Settings, services: Services, port: int) -> None:
    """Start the user interfaces and wait until one ends or Ctrl-C."""
    from sentiment_assets.cli.services import (
        ServiceError,
        dagster_home,
        free_port,
        interpreter_script,
        wait_for_port,
    )
    from sentiment_assets.cli.tick import next_tick
    from sentiment_assets.cli.watch import EVERY_SECONDS, Watcher
    from sentiment_assets.definitions import ALERT_PAGE, PROJECT_ROOT

    home = dagster_home(settings)
    ui_port = free_port(port)
    ui_url = settings.ui_url or f"http://127.0.0.1:{ui_port}"
    environment = {"DAGSTER_HOME": str(home), "SENTIMENT_UI_URL": ui_url}
    dagster = services.start(
        "dagster",
        [
            str(interpreter_script("dagster")), "dev",
            "-w", str(PROJECT_ROOT / "workspace.yaml"),
            "-h", "127.0.0.1", "-p", str(ui_port),
        ],
        environment,
        # Beside the project's dagster.yaml it would warn that another one is used.
        cwd=home,
    )  # fmt: skip
    board_port = free_port(_DASHBOARD_PORT)
    dashboard = services.start(
        "dashboard",
        [sys.executable, "-m", "dashboard", "--port", str(board_port)],
        environment,
        cwd=PROJECT_ROOT,
    )
    wait_for_port(dashboard, board_port, 60)
    wait_for_port(dagster, ui_port, 90)
    tick_at = next_tick(dt.datetime.now(dt.timezone.utc))
    console.print(
        f"\nDagster    http://127.0.0.1:{ui_port}\n"
        f"dashboard  http://127.0.0.1:{board_port}\n"
        + (
            f"live       http://127.0.0.1:{board_port}/?view=Now\n"
            if settings.live != "off"
            else ""
        )
        + f"alerts     {(settings.home / ALERT_PAGE).as_uri()}\n"
        f"command    {interpreter_script('sentiment')}\n"
        f"logs       {settings.home / 'logs'}\n"
        f"next tick  {tick_at:%H:%M} UTC, then every 2 hours\n"
        "Ctrl-C stops everything."
    )
    # From here, as `sentiment watch` does elsewhere: the daemon can't tell that it stands still
    # itself, and this process waits anyway, while one of its own would take 240 MB.
    looking = settings.model_copy(update={"ui_url": ui_url})
    watcher = Watcher(looking, dt.datetime.now(dt.timezone.utc))
    look_at = time.monotonic() + EVERY_SECONDS
    while True:
        for service in services.started:
            if service.died():
                raise ServiceError(f"{service.name} ended; its log: {service.log}")
        if time.monotonic() >= look_at:
            watcher.look()
            look_at = time.monotonic() + EVERY_SECONDS
        time.sleep(0.5)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C and a polite end (SIGTERM) both stop everything.

    SIGINT is set too: a shell starts background jobs with it ignored.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, interrupt) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


_ENDING = (signal.SIGINT, signal.SIGTERM)
