"""What LinkedIn pushes of an organization: comments on its posts.

Source (read 2026-11-25), below https://learn.microsoft.com/en-us/linkedin/marketing/:
community-management/organizations/organization-social-action-notifications. The comment's urn has
its short spelling in ``generatedActivity`` and the long one below it.
"""

from __future__ import annotations

from typing import Any

from simulator.linkedin.spelling import MEMBER, ORGANIZATIONS, Spelling
from simulator.threads import Entry, Threads

_ACTIONS = {"add": "COMMENT", "edited": "COMMENT_EDIT", "remove": "COMMENT_DELETE"}


def notification(threads: Threads, entry: Entry, verb: str, now_ms: int) -> dict[str, Any] | None:
    """What happened to a comment; null for what is not pushed."""
    if entry.is_post:
        return None
    spelling = Spelling(threads)
    owner, urn = spelling.author(entry), spelling.urn(entry)
    action = _ACTIONS[verb]
    if verb == "add" and owner.startswith("urn:li:organization:"):
        action = "ADMIN_COMMENT"
    told: dict[str, Any] = {
        "notificationId": entry.number % 1_000_000_007,
        "organizationalEntity": f"urn:li:organization:{ORGANIZATIONS[entry.account]}",
        "action": action,
        "sourcePost": spelling.activity(entry.post),
        "decoratedSourcePost": {
            "entity": spelling.urn(entry.post),
            "owner": spelling.author(entry.post),
            "mediaCategory": "NONE",
            "text": entry.post.text_at(now_ms),
        },
        "lastModifiedAt": now_ms,
        "generatedActivity": urn.replace("(urn:li:", "("),
        "subscriber": MEMBER,
    }
    if verb != "remove":
        told["decoratedGeneratedActivity"] = {
            "comment": {
                "entity": urn,
                "object": spelling.activity(entry.post),
                "owner": owner,
                "text": entry.text_at(now_ms),
            }
        }
    return {"type": "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS", "notifications": [told]}
