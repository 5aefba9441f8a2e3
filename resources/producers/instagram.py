"""What Instagram pushes of an account: comments, and where somebody mentions it.

What belongs here: which changes name a comment or a media object that is worth asking for. A pushed
comment has no time of creation, by which it is filed, and a mention nothing but ids: so both are
asked for, and published in the shape that a fetch has. Media have no push: they are polled.

Source (read 2026-11-25): https://developers.facebook.com/docs/graph-api/webhooks/reference/instagram
(``comments``, ``live_comments``, ``mentions``). Deletions are not pushed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeGuard

from resources.api_clients.graph import Vanished
from resources.api_clients.instagram import Access, InstagramClient
from resources.producers.graph import MetaPushes
from resources.producers.producing import secret_of
from resources.producers.webhooks import IGNORED, Change


def open_pushes(access: Access, client: InstagramClient) -> MetaPushes:
    """Instagram's pushes with the settings' secrets; the client is asked for what they name.

    Raises:
        SecretMissing: a secret is not set.
    """
    return MetaPushes(
        "instagram",
        verify_token=secret_of(
            access.verify_token,
            "SENTIMENT_INSTAGRAM_VERIFY_TOKEN",
            "any long random text, the same as in the app's Webhooks settings",
        ),
        app_secret=secret_of(
            access.app_secret, "SENTIMENT_INSTAGRAM_APP_SECRET", "the app's secret signs them"
        ),
        api_version=access.api_version,
        read=partial(_read, client),
    )


def _read(client: InstagramClient, entry: Mapping[str, Any], change: Mapping[str, Any]) -> Change:
    value, about = change.get("value"), change.get("field")
    if not isinstance(value, dict):
        return IGNORED
    if about in ("comments", "live_comments") and _is_id(value.get("id")):
        return Change("fetch", fetch=_or_gone(partial(client.comment, value["id"])))
    account, media, comment = entry.get("id"), value.get("media_id"), value.get("comment_id")
    if about == "mentions" and _is_id(account) and _is_id(comment):
        return Change("fetch", fetch=_or_gone(partial(client.mentioning, account, comment=comment)))
    if about == "mentions" and _is_id(account) and _is_id(media):
        return Change("fetch", fetch=_or_gone(partial(client.mentioning, account, media=media)))
    return IGNORED


def _or_gone(ask: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any] | None]:
    """Null where it was deleted since, or may not be seen."""

    def asked() -> dict[str, Any] | None:
        try:
            return ask()
        except Vanished:
            return None

    return asked


def _is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 25
