"""What the pushes of Facebook and Instagram share: Meta's challenge, signature and envelope.

Sources (read 2026-11-25), below https://developers.facebook.com/docs/graph-api/webhooks/:
getting-started (``hub.challenge``, ``X-Hub-Signature-256`` over the body as it was sent, up to 1000
changes a notification; failed ones are sent again with less and less haste for 36 hours).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from resources.api_clients.answers import objects
from resources.producers.webhooks import IGNORED, Answer, Change, same, signature

#: Meta's are digits; longer ones are nobody's.
_LONGEST_CHALLENGE = 200

#: An entry without its changes, and one of them.
Read = Callable[[Mapping[str, Any], Mapping[str, Any]], Change]


class MetaPushes:
    """Notifications about one kind of object (``page``, ``instagram``); ``read`` knows a change."""

    def __init__(
        self, kind: str, *, verify_token: str, app_secret: str, api_version: str, read: Read
    ) -> None:
        self.api_version = api_version
        self._kind = kind
        self._verify_token = verify_token
        self._app_secret = app_secret
        self._read = read

    def challenge(self, query: Mapping[str, str]) -> Answer:
        """Give the challenge back to who knows the verify token."""
        challenge = query.get("hub.challenge", "")
        known = same(query.get("hub.verify_token", ""), self._verify_token)
        if query.get("hub.mode") != "subscribe" or not known:
            return Answer(403)
        if not challenge or len(challenge) > _LONGEST_CHALLENGE:
            return Answer(400)
        return Answer(200, challenge.encode())

    def is_signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        """By the app's secret, over the bytes as they came."""
        scheme, _, given = headers.get("x-hub-signature-256", "").partition("=")
        return scheme == "sha256" and same(given, signature(self._app_secret, body))

    def changes(self, notification: Mapping[str, Any]) -> Iterator[Change]:
        """Each change of each entry; all of another kind of object is ignored."""
        for entry in objects(notification.get("entry")):
            about = {name: value for name, value in entry.items() if name != "changes"}
            for change in objects(entry.get("changes")):
                ours = notification.get("object") == self._kind
                yield self._read(about, change) if ours else IGNORED
