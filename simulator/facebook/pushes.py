"""What Facebook pushes of a Page: changes of its field ``feed``.

Source (read 2026-11-25):
https://developers.facebook.com/docs/graph-api/webhooks/reference/page#feed.
"""

from __future__ import annotations

from typing import Any

from simulator.facebook.nodes import PAGES, Nodes, spelled
from simulator.graph import Field
from simulator.threads import Entry, Threads

OBJECT = "page"
_ATTACHED = Field({"type": Field(), "unshimmed_url": Field()})
_FIELDS = {"from": Field(), "message": Field()}


def notification(threads: Threads, entry: Entry, verb: str, now_ms: int) -> dict[str, Any]:
    """One change of one entry; ``verb`` is add, edited or remove."""
    nodes = Nodes(threads)
    render = nodes.post if entry.is_post else nodes.comment
    attached = _attached(nodes, entry, now_ms) if entry.is_post else {}
    value: dict[str, Any] = {
        "item": attached.get("type", "status") if entry.is_post else "comment",
        "verb": verb,
        "post_id": spelled(entry.post),
        "created_time": entry.created_ms // 1000,
    }
    if verb != "remove":
        value |= {name: told for name, told in render(entry, _FIELDS, now_ms).items() if told}
        value.pop("id", None)
        value |= {"link": attached["unshimmed_url"]} if attached else {}
    if entry.is_post:
        value["published"] = 1
    else:
        value["comment_id"] = spelled(entry)
        value["parent_id"] = spelled(entry.parent or entry.post)
        value["post"] = {"id": spelled(entry.post), "status_type": "added_photos"}
    change = {"field": "feed", "value": value}
    page = PAGES[entry.account]
    return {
        "object": OBJECT,
        "entry": [{"id": page, "time": now_ms // 1000, "changes": [change]}],
    }


def _attached(nodes: Nodes, entry: Entry, now_ms: int) -> dict[str, Any]:
    """The link or photo of a post, if it has one."""
    told = nodes.post(entry, {"attachments": _ATTACHED}, now_ms).get("attachments")
    return dict(told["data"][0]) if told else {}
