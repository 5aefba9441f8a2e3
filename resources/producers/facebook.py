"""What Facebook pushes of a Page: posts and comments, as the changes that they are.

What belongs here: which changes of the field ``feed`` are posts or comments. What one means is
``sentiment_assets.core.parsers.facebook``, which reads it as it came.

Source (read 2026-11-25):
https://developers.facebook.com/docs/graph-api/webhooks/reference/page#feed (``item``, ``verb``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resources.api_clients.facebook import Access
from resources.producers.graph import MetaPushes
from resources.producers.producing import secret_of
from resources.producers.webhooks import IGNORED, REMOVED, Change

#: What has words of people; reactions, likes, events and the like have none.
_SAID = frozenset(
    {"album", "comment", "link", "note", "photo", "post", "share", "status", "story", "video"}
)
_WRITTEN = frozenset({"add", "edit", "edited"})


def open_pushes(access: Access, client: object) -> MetaPushes:
    """Facebook's pushes with the settings' secrets; the client is not asked for anything.

    Raises:
        SecretMissing: a secret is not set.
    """
    return MetaPushes(
        "page",
        verify_token=secret_of(
            access.verify_token,
            "SENTIMENT_FACEBOOK_VERIFY_TOKEN",
            "any long random text, the same as in the app's Webhooks settings",
        ),
        app_secret=secret_of(
            access.app_secret, "SENTIMENT_FACEBOOK_APP_SECRET", "the app's secret signs them"
        ),
        api_version=access.api_version,
        read=_read,
    )


def _read(entry: Mapping[str, Any], change: Mapping[str, Any]) -> Change:
    value = change.get("value")
    if change.get("field") != "feed" or not isinstance(value, dict):
        return IGNORED
    item, verb = value.get("item"), value.get("verb")
    # Drafts, and posts that only an ad shows: a fetch leaves them out, too.
    if item not in _SAID or value.get("published") in (0, False):
        return IGNORED
    if verb == "remove":
        return REMOVED
    if verb not in _WRITTEN:
        return IGNORED
    return Change("publish", {**entry, "change": change})
