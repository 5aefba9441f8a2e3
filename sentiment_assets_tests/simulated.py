"""The simulator as a process of its own, steered through its control endpoints."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from resources.api_clients.http import UNMETERED, RateBudget
from resources.settings import CLIENTS
from sentiment_assets.core.platforms import PLATFORMS

ROOT = Path(__file__).parents[1]
UTC = dt.timezone.utc


class SimulatedPlatform:
    """A platform's API at a moment that a test sets, and a client that lives at the same moment."""

    def __init__(self, platform: str, url: str, now: dt.datetime) -> None:
        self.platform = platform
        self.url = url
        self.now = now
        self.client = self.connect()
        self._added: list[str] = []

    def connect(
        self,
        *,
        token: str = "simulated",
        budget: RateBudget = UNMETERED,
        sleep: Callable[[float], None] = time.sleep,
        **settings: Any,
    ) -> Any:
        """A client of its own, which waits for nothing; a test may change how far it reaches."""
        module = CLIENTS[self.platform]
        return module.open_client(
            module.Access(**{"max_wait_seconds": 0.0, **settings}),
            base_url=self.url,
            token=token,
            budget=budget,
            clock=lambda: self.now,
            sleep=sleep,
        )

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

    def faults(self) -> list[dict[str, Any]]:
        """Those that are still to happen."""
        return list(self._send("GET", "state")["faults"])

    def post(self, text: str, created_at: dt.datetime, **more: Any) -> str:
        """Adds a post that the next search finds; returns its id."""
        instant = created_at.astimezone(UTC).isoformat(timespec="milliseconds")
        made = {"text": text, "created_at": instant, **more}
        added = str(self._send("POST", "posts", {"posts": [made]})["ids"][0])
        self._added.append(added)
        return added

    def change(self, post_id: str, text: str) -> str:
        """Edits a post now; returns the id of what is found from now on."""
        changed = str(self._send("POST", f"posts/{quote(post_id, safe='')}", {"text": text})["id"])
        self._added.append(changed)
        return changed

    def remove(self, post_id: str) -> None:
        """Deletes a post, with what answers it."""
        self._send("DELETE", f"posts/{quote(post_id, safe='')}")

    def forget(self) -> None:
        """Remove what was added and changed since the last time."""
        for post_id in dict.fromkeys(self._added):
            self.remove(post_id)
        self._added.clear()

    def requests(self) -> int:
        return int(self._send("GET", "state")["requests"])

    def _send(self, method: str, what: str, body: Any = None) -> Any:
        # Reading certificates takes 20 ms, and there are none on loopback.
        answer = httpx.request(
            method, f"{self.url}/_control/{what}", json=body, trust_env=False, verify=False
        )
        return answer.raise_for_status().json()


@contextmanager
def running_simulator(now: dt.datetime, *options: str) -> Iterator[dict[str, SimulatedPlatform]]:
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
        addresses = json.loads(process.stdout.readline())["platforms"]
        served = {name: SimulatedPlatform(name, addresses[name], now) for name in PLATFORMS}
        yield served
        for platform in served.values():
            platform.client.close()
    finally:
        process.terminate()
        # Waits, and closes the pipe.
        process.communicate(timeout=10)
