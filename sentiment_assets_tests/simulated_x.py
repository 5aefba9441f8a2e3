"""The simulator as a process of its own, steered through its control endpoints."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from resources.api_clients.x import XClient

ROOT = Path(__file__).parents[1]
UTC = dt.timezone.utc


class SimulatedX:
    """X's API at a moment that a test sets, and a client that lives at the same moment."""

    def __init__(self, url: str, now: dt.datetime) -> None:
        self.url = url
        self.now = now
        self.client = XClient(url, "simulated", max_wait_s=0.0, clock=lambda: self.now)

    def travel(self, now: dt.datetime) -> None:
        self.now = now
        self._send("POST", "clock", {"now": now.strftime("%Y-%m-%dT%H:%M:%SZ")})

    def free_clock(self) -> None:
        """Let it follow the machine's; only processes that do so too should ask it then."""
        self._send("POST", "clock", {"now": None})

    def fault(self, name: str, **parameters: Any) -> None:
        self._send("POST", "faults", {"fault": name, **parameters})

    def heal(self) -> None:
        self._send("DELETE", "faults")

    def post(self, text: str, created_at: dt.datetime, **more: Any) -> str:
        """Adds a post that the next search finds; returns its id."""
        made = {"text": text, "created_at": created_at.strftime("%Y-%m-%dT%H:%M:%SZ"), **more}
        return str(self._send("POST", "posts", {"posts": [made]})["ids"][0])

    def requests(self) -> int:
        return int(self._send("GET", "state")["requests"])

    def _send(self, method: str, what: str, body: Any = None) -> Any:
        answer = httpx.request(method, f"{self.url}/_control/{what}", json=body, trust_env=False)
        return answer.raise_for_status().json()


@contextmanager
def running_simulator(now: dt.datetime, *options: str) -> Iterator[SimulatedX]:
    process = subprocess.Popen(
        [
            sys.executable, "-m", "simulator", "--seed", "7", "--repeats", "0",
            "--now", now.strftime("%Y-%m-%dT%H:%M:%SZ"), *options,
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        x = SimulatedX(json.loads(process.stdout.readline())["url"], now)
        yield x
        x.client.close()
    finally:
        process.terminate()
        # Waits, and closes the pipe.
        process.communicate(timeout=10)
