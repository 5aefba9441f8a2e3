"""What Instagram pushes of an account: comments. Deletions and edits it pushes not.

Source (read 2026-11-25):
https://developers.facebook.com/docs/graph-api/webhooks/reference/instagram (``comments``).
"""

from __future__ import annotations

from typing import Any

from simulator.instagram.nodes import ACCOUNTS, spelled, top
from simulator.threads import Entry, Threads

OBJECT = "instagram"


def notification(threads: Threads, entry: Entry, verb: str, now_ms: int) -> dict[str, Any] | None:
    """A new comment; null for what is not pushed."""
    if entry.is_post or verb != "add":
        return None
    author = threads.author(entry.author)
    value: dict[str, Any] = {
        "from": {"id": author.id, "username": author.handle},
        "media": {"id": spelled(entry.post), "media_product_type": "FEED"},
        "id": spelled(entry),
        "text": entry.text_at(now_ms),
    }
    if top(entry) is not entry:
        value["parent_id"] = spelled(top(entry))
    change = {"field": "comments", "value": value}
    account = ACCOUNTS[entry.account]
    return {
        "object": OBJECT,
        "entry": [{"id": account, "time": now_ms // 1000, "changes": [change]}],
    }
