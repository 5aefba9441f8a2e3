"""How LinkedIn refuses, and how it cuts collections into pages.

Sources, below https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/ (read
2026-11-24): error-handling, pagination, rate-limits. Words of messages are as seen in the wild.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import quote

from simulator.site import Call, Refused

Item = TypeVar("Item")

MOST = 100  # elements a page
DEFAULT_COUNT = 10


def error(status: int, code: str, message: str, service: int | None = None) -> Refused:
    """A refusal: ``serviceErrorCode`` stands in some of them."""
    body: dict[str, Any] = {"status": status, "code": code, "message": message}
    if service is not None:
        body["serviceErrorCode"] = service
    return Refused(status, body)


def no_token() -> Refused:
    """There is no token in the request."""
    return error(401, "EMPTY_ACCESS_TOKEN", "Empty oauth2_access_token", 65604)


def no_such_resource(path: str) -> Refused:
    """A path that is no resource."""
    return error(404, "RESOURCE_NOT_FOUND", f"No virtual resource found for: {path}")


def not_found(urn: str) -> Refused:
    """Nothing has that urn, or nothing that the token may see."""
    return error(404, "NOT_FOUND", f"Could not find entity {urn}", 0)


def bad_parameter(message: str, code: str = "ILLEGAL_ARGUMENT") -> Refused:
    """A parameter is missing or makes no sense."""
    return error(400, code, message)


def denied(resource: str) -> Refused:
    """The token lacks a scope."""
    return error(
        403, "ACCESS_DENIED", f"Not enough permissions to access: partnerApi{resource}", 100
    )


def window(call: Call) -> tuple[int, int]:
    """``start`` and ``count`` of a request; raises ``Refused`` outside of what is allowed."""
    asked = call.request.query_params
    start, count = asked.get("start", "0"), asked.get("count", str(DEFAULT_COUNT))
    if not start.isdigit() or not count.isdigit() or not 1 <= int(count) <= MOST:
        raise bad_parameter(
            f"start [{start}] must not be negative, and count [{count}] lie from 1 to {MOST}",
            "PARAM_INVALID",
        )
    return int(start), int(count)


def page(call: Call, found: Iterable[Item], total: int | None = None) -> tuple[list[Item], Any]:
    """The elements that a request asks for, and the paging beside them.

    Three faults show here: ``shifting_pages`` moves all but the first page by its ``by``, as what
    came (or, below 0, went) since then does; ``ignored_start`` gives the first page for ever;
    ``filtered`` keeps every other element back, as what the token may not see is.
    """
    start, count = window(call)
    first = start
    if start and (shift := call.due.get("shifting_pages")) is not None:
        first = max(0, start - int(shift.parameters.get("by", 3)))
    if "ignored_start" in call.due:
        first = 0
    items = list(islice(found, first, first + count + 1))
    links = []
    if start:
        links.append(_link(call, "prev", max(0, start - count), count))
    if len(items) > count:
        links.append(_link(call, "next", start + count, count))
    paging: dict[str, Any] = {"start": start, "count": count, "links": links}
    if total is not None:
        paging["total"] = total
    shown = items[:count]
    if "filtered" in call.due:
        shown = shown[::2]
    call.served(len(shown))
    return shown, paging


def _link(call: Call, rel: str, start: int, count: int) -> dict[str, str]:
    rest = {k: v for k, v in call.request.query_params.items() if k not in ("start", "count")}
    query = "&".join(f"{k}={quote(v, safe='')}" for k, v in rest.items())
    path = call.request.url.path.removeprefix(call.site.base)
    href = f"{path}?{query}&start={start}&count={count}" if query else ""
    return {"rel": rel, "type": "application/json", "href": href or f"{path}?start={start}"}
