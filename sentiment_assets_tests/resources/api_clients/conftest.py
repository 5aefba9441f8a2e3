"""Real servers for the clients: answers by script, and the simulator as a process of its own."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

ROOT = Path(__file__).parents[3]
# Fixed, so that every run sees the same posts; the tests' clients are given the same moment.
NOW = "2026-11-23T12:00:00Z"


@dataclass
class Answer:
    body: bytes | dict
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Server:
    """Gives its answers one after the other, the last one for ever, and keeps the requests."""

    url: str
    answers: list[Answer] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    # Path and query as they were sent, nothing decoded.
    targets: list[str] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def clear(self) -> None:
        for kept in vars(self).values():
            if isinstance(kept, list):
                kept.clear()

    def reply(
        self, body: bytes | dict, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        self.answers.append(Answer(body, status, headers or {}))


@pytest.fixture(scope="session")
def server_process() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Headers and body leave one by one: the body would wait 40 ms for an acknowledgement.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            server.requests.append(dict(parse_qsl(urlsplit(self.path).query)))
            server.paths.append(urlsplit(self.path).path)
            server.targets.append(self.path)
            server.authorizations.append(self.headers["Authorization"])
            server.headers.append({name.lower(): self.headers[name] for name in self.headers})
            server.bodies.append(self.rfile.read(int(self.headers["Content-Length"] or 0)))
            answer = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
            body = (
                answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            )
            # Without a date: the tests' clock is not the machine's.
            self.send_response_only(answer.status)
            for name, value in {"content-type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *args: object) -> None:
            """Quiet: pytest's output is for failures."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{httpd.server_port}")
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture
def server(server_process: Server) -> Server:
    server_process.clear()
    return server_process


# One for all: each new client would read the certificates of the world (20 ms).
CONTROL = httpx.Client(verify=False)


# One for all: each new one reads the machine's certificates, which takes longer than a test.
CONTROL = httpx.Client(verify=False, trust_env=False)


@dataclass
class Simulator:
    """The simulator's control endpoints, of one platform: ``url`` is its base."""

    url: str

    def control(self, method: str, what: str, body: object = None) -> Any:
        answer = CONTROL.request(method, f"{self.url}/_control/{what}", json=body)
        return answer.raise_for_status().json()

    def fault(self, name: str, **parameters: object) -> None:
        self.control("POST", "faults", {"fault": name, **parameters})

    def heal(self) -> None:
        self.control("DELETE", "faults")

    def requests(self) -> int:
        requests: int = self.control("GET", "state")["requests"]
        return requests


@pytest.fixture(scope="session")
def simulator_process() -> Iterator[Simulator]:
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "--seed", "7", "--repeats", "0", "--now", NOW],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield Simulator(json.loads(process.stdout.readline())["url"])
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def simulator(simulator_process: Simulator) -> Iterator[Simulator]:
    simulator_process.heal()
    yield simulator_process
    simulator_process.heal()


@pytest.fixture
def naps() -> list[float]:
    """The seconds that a client with ``sleep=naps.append`` would have slept."""
    return []
