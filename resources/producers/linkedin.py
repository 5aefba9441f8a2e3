"""What LinkedIn pushes of an organization: that somebody commented on one of its posts.

What belongs here: challenge, signature, and which notifications name a comment. A notification has
the comment's bare text: neither who is mentioned in it, whose names must be masked, nor when it was
written, by which it is filed. So the comment is asked for, and published in the shape that a fetch
has. The organization's own posts have no push: they are polled.

Sources (read 2026-11-25), below https://learn.microsoft.com/en-us/linkedin/:
shared/api-guide/webhook-validation (challenge every 2 hours, answered within 3 seconds; signature
over ``hmacsha256=`` and the body; any 2xx ends the delivery),
marketing/community-management/organizations/organization-social-action-notifications (actions, ten
a notification, sent again every 5 minutes for 8 hours).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from resources.api_clients.answers import objects
from resources.api_clients.linkedin import Access, LinkedInClient, Vanished
from resources.producers.producing import secret_of
from resources.producers.webhooks import (
    IGNORED,
    REMOVED,
    Answer,
    Change,
    same,
    signature,
)

_KIND = "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS"
_WRITTEN = frozenset({"COMMENT", "ADMIN_COMMENT", "COMMENT_EDIT"})
_CHALLENGE = re.compile(r"[A-Za-z0-9-]{1,100}")
_SIGNED = b"hmacsha256="


def open_pushes(access: Access, client: LinkedInClient) -> LinkedInPushes:
    """LinkedIn's pushes with the app's secret; the client is asked for what they name.

    Raises:
        SecretMissing: the secret is not set.
    """
    secret = secret_of(
        access.client_secret, "SENTIMENT_LINKEDIN_CLIENT_SECRET", "the app's secret signs them"
    )
    return LinkedInPushes(secret, client)


class LinkedInPushes:
    """Notifications of social actions on an organization's posts."""

    def __init__(self, client_secret: str, client: LinkedInClient) -> None:
        self.api_version = client.api_version
        self._secret = client_secret
        self._client = client

    def challenge(self, query: Mapping[str, str]) -> Answer:
        """Sign LinkedIn's challenge."""
        code = query.get("challengeCode", "")
        if not _CHALLENGE.fullmatch(code):
            return Answer(400)
        signed = {
            "challengeCode": code,
            "challengeResponse": signature(self._secret, code.encode()),
        }
        return Answer(200, msgspec.json.encode(signed), "application/json")

    def is_signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        """By the app's secret, over the bytes as they came."""
        given = headers.get("x-li-signature", "").removeprefix(_SIGNED.decode())
        return same(given, signature(self._secret, _SIGNED + body))

    def changes(self, notification: Mapping[str, Any]) -> Iterator[Change]:
        """A change for each action that was told."""
        if notification.get("type") != _KIND:
            yield IGNORED
            return
        for told in objects(notification.get("notifications")):
            yield self._read(told)

    def _read(self, told: Mapping[str, Any]) -> Change:
        action, urn = told.get("action"), told.get("generatedActivity")
        if action == "COMMENT_DELETE":
            return REMOVED
        # Likes have no words; what other people share is not the organization's, nor tracked.
        if action not in _WRITTEN or not isinstance(urn, str):
            return IGNORED
        decorated = told.get("decoratedSourcePost")
        post = decorated.get("entity") if isinstance(decorated, dict) else None
        if not isinstance(post, str):
            post = str(told.get("sourcePost") or "")

        def fetch() -> dict[str, Any] | None:
            try:
                return self._client.comment(urn, post)
            except Vanished:
                return None

        return Change("fetch", fetch=fetch)
