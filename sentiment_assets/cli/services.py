"""The processes of `sentiment run`: starting, addressing and stopping them.

What belongs here: child processes, their ports, logs and environment, and Dagster's home. What
they do is theirs.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import psutil

if TYPE_CHECKING:
    import dagster as dg

    from sentiment_assets.definitions import Settings

_GRACE_SECONDS = 2.0
_RUNNING = "running.json"
_STARTED = "services.json"
_HOME_VARIABLE = "SENTIMENT_HOME"


class ServiceError(click.ClickException):
    """A service did not start or ended; the message names its log."""


@dataclass
class Service:
    """One child process, in a process group of its own so that its children end with it."""

    name: str
    process: subprocess.Popen[str]
    log: Path

    def died(self) -> bool:
        """It ended without being asked to."""
        return self.process.poll() is not None

    def signal(self, number: signal.Signals) -> None:
        """Signal the whole group, if anything of it is left."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


@dataclass
class Services:
    """Everything that was started, stopped in reverse order within five seconds."""

    home: Path
    started: list[Service] = field(default_factory=list)

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        cwd: Path | None = None,
        piped: bool = False,
    ) -> Service:
        """Start a command; it prints to ``logs/<name>.log``, or where it is piped, to us."""
        logs = self.home / "logs"
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = logs / f"{name}.log"
        with log.open("a", encoding="utf-8") as written:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env={**os.environ, **environment, _HOME_VARIABLE: str(self.home)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else written,
                stderr=written,
                text=True,
                start_new_session=True,
            )
        service = Service(name, process, log)
        self.started.append(service)
        self._note()
        return service

    def end_leftovers(self) -> None:
        """End what an earlier command in this home started and was killed before it could stop."""
        try:
            pids = json.loads((self.home / _STARTED).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        for pid in pids:
            # The number may belong to another process by now: only ours carry this home.
            with contextlib.suppress(psutil.Error, OSError):
                if psutil.Process(pid).environ().get(_HOME_VARIABLE) == str(self.home):
                    os.killpg(pid, signal.SIGKILL)
        self._note()

    def _note(self) -> None:
        pids = [service.process.pid for service in self.started]
        (self.home / _STARTED).write_text(json.dumps(pids), encoding="utf-8")

    def stop(self) -> None:
        """Ask all to end at once, wait a little, then end what is left."""
        deadline = time.monotonic() + _GRACE_SECONDS
        for service in self.started:
            service.signal(signal.SIGTERM)
        for service in self.started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                service.process.wait(max(deadline - time.monotonic(), 0.05))
        for service in self.started:
            # The group's leader may be gone and its children not.
            service.signal(signal.SIGKILL)
            service.process.wait()
        self.started.clear()
        self._note()


def start_simulator(services: Services, arguments: Sequence[str]) -> dict[str, str]:
    """Start the simulator; returns the address of each platform's API.

    Raises:
        ServiceError: it refused its arguments (a bad corpus, say) or did not answer in time.
    """
    simulator = services.start(
        "simulator",
        [sys.executable, "-m", "simulator", "--port", "0", *arguments],
        {},
        piped=True,
    )
    addresses: dict[str, str] = first_line(simulator, 60)["platforms"]
    return addresses


def first_line(service: Service, seconds: float) -> dict[str, Any]:
    """The JSON that a piped service prints when it is up.

    Raises:
        ServiceError: it ended, or did not answer in time.
    """
    out = service.process.stdout
    assert out is not None
    ready, _, _ = select.select([out], [], [], seconds)
    line = out.readline() if ready else ""
    if not line:
        with contextlib.suppress(subprocess.TimeoutExpired):
            service.process.wait(5)
        said = service.log.read_text(encoding="utf-8").strip().splitlines()
        raise ServiceError(
            f"{service.name} did not start: {said[-1] if said else 'it says nothing'}"
        )
    answer: dict[str, Any] = json.loads(line)
    return answer


def wait_for_port(service: Service, port: int, seconds: float) -> None:
    """Wait until a service answers on a port of this machine.

    Raises:
        ServiceError: it ended first, or never answered.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if service.died():
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.2)
    raise ServiceError(f"{service.name} did not come up on port {port}; its log: {service.log}")


def free_port(usual: int) -> int:
    """The usual port, or a free one where that is taken."""
    for wanted in (usual, 0):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", wanted))
            return int(probe.getsockname()[1])
    raise ServiceError("no free port on 127.0.0.1")


def dagster_home(settings: Settings) -> Path:
    """Dagster's home, with the project's dagster.yaml in it."""
    from sentiment_assets.definitions import PROJECT_ROOT

    home = settings.home / "dagster"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(PROJECT_ROOT / "dagster.yaml", home / "dagster.yaml")
    return home


@contextlib.contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance of the home; DAGSTER_HOME is honoured where it is set."""
    import dagster as dg

    os.environ.setdefault("DAGSTER_HOME", str(dagster_home(settings)))
    with dg.DagsterInstance.get() as instance:
        yield instance


@contextlib.contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold the home for this process.

    Raises:
        ServiceError: another `sentiment run` holds it.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServiceError(
                f"another `sentiment run` uses {home}; stop it with Ctrl-C, or give this one a "
                "folder of its own: SENTIMENT_HOME=/another/folder"
            ) from None
        yield


@contextlib.contextmanager
def announced(home: Path, addresses: Mapping[str, str]) -> Iterator[None]:
    """Let other commands in this home find what runs, for as long as it runs."""
    note = home / _RUNNING
    note.write_text(json.dumps({"pid": os.getpid(), **addresses}), encoding="utf-8")
    note.chmod(0o600)
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def interpreter_script(name: str) -> Path:
    """A console script beside the running interpreter."""
    return Path(sys.executable).with_name(name)
