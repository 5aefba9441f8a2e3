"""Pushes: signed notifications of what the story's people say, as they say it.

What belongs here: what is new since the last look, whom it is sent to, and sending it again until
it is taken, as the platforms do. How a platform words a notification is its package's
``pushes.py``.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from types import ModuleType

import httpx

from simulator.clock import DAY_MS, Clock
from simulator.facebook import pushes as facebook
from simulator.instagram import pushes as instagram
from simulator.linkedin import pushes as linkedin
from simulator.site import Site
from simulator.threads import Entry, Threads

#: Each offers ``notification(threads, entry, verb, now_ms)``, which may be null.
WORDED: Mapping[str, ModuleType] = {
    "facebook": facebook,
    "instagram": instagram,
    "linkedin": linkedin,
}
LOOK_S = 0.5
AGAIN_S = 1.0
#: Nobody comments on older posts.
REACH_MS = 10 * DAY_MS


def signed(platform: str, secret: str, body: bytes) -> dict[str, str]:
    """The header that the platform signs a body with."""
    if platform == "linkedin":
        digest = hmac.new(secret.encode(), b"hmacsha256=" + body, sha256).hexdigest()
        return {"X-LI-Signature": digest}
    return {"X-Hub-Signature-256": f"sha256={hmac.new(secret.encode(), body, sha256).hexdigest()}"}


@dataclass
class News:
    """What has become of a platform's entries since the last look."""

    threads: Threads
    _known: dict[int, tuple[Entry, int | None]] = field(default_factory=dict)

    def since(self, now_ms: int) -> Iterator[tuple[Entry, str]]:
        """Entries with what happened to them: add, edited, remove; oldest first."""
        present = {entry.number: entry for entry in self._visible(now_ms)}
        for number, entry in sorted(present.items()):
            edited = entry.edited_at(now_ms)
            before = self._known.get(number)
            self._known[number] = (entry, edited)
            if before is None:
                yield entry, "add"
            elif before[1] != edited:
                yield entry, "edited"
        for number in sorted(self._known.keys() - present.keys()):
            entry, _ = self._known.pop(number)
            if entry.created_ms > now_ms - REACH_MS:
                yield entry, "remove"

    def _visible(self, now_ms: int) -> Iterator[Entry]:
        for account in self.threads.accounts:
            for post in self.threads.posts(account, now_ms, now_ms - REACH_MS, now_ms):
                yield post
                yield from self.threads.stream(post, now_ms)


class Pusher:
    """Pushes to the given addresses until it is cancelled."""

    def __init__(
        self, served: list[Site], addresses: Mapping[str, str], secret: str, clock: Clock
    ) -> None:
        self._clock = clock
        self._secret = secret
        self._addresses = addresses
        self._news = {
            site.platform: News(site.posts)
            for site in served
            if site.platform in addresses and isinstance(site.posts, Threads)
        }

    async def run(self) -> None:
        """Each platform by itself: where one is not taken, the others go on."""
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=30) as http:
            await asyncio.gather(*(self._push(http, platform) for platform in self._news))

    async def _push(self, http: httpx.AsyncClient, platform: str) -> None:
        # What is there at the beginning is not new.
        waiting = deque(self._look(platform))
        waiting.clear()
        while True:
            await asyncio.sleep(LOOK_S)
            waiting.extend(self._look(platform))
            while waiting:
                if await self._taken(http, platform, waiting[0]):
                    waiting.popleft()
                else:
                    await asyncio.sleep(AGAIN_S)

    def _look(self, platform: str) -> list[bytes]:
        now_ms = self._clock.now_ms()
        news = self._news[platform]
        told = [
            WORDED[platform].notification(news.threads, entry, verb, now_ms)
            for entry, verb in news.since(now_ms)
        ]
        # Other letters than ASCII's are escaped, as Meta's are.
        return [json.dumps(one).encode() for one in told if one is not None]

    async def _taken(self, http: httpx.AsyncClient, platform: str, body: bytes) -> bool:
        headers = {"content-type": "application/json", **signed(platform, self._secret, body)}
        try:
            answer = await http.post(self._addresses[platform], content=body, headers=headers)
        except httpx.HTTPError:
            return False
        return answer.is_success
