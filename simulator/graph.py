"""What Facebook and Instagram share: errors, limits, versions, fields, pages, faults of Graph.

    # simulator/instagram/__init__.py
    def site(world: World) -> Site:
        threads = world.threads("instagram")
        limits = graph.Limits(world.rate_limit, case="instagram", code=80002)
        faults = graph.faults(
            limits,
            wrong={"caption": 123, "timestamp": "yesterday", "id": 17},   # one of each per object
            missing=("caption", "timestamp", "id"),
            dropped="media_type",                # what vanished_field drops, unless it is told
            permission="instagram_basic",        # what the fault forbidden names
        )
        site = Site(
            world, "instagram", threads, id_of=spelled, faults=faults, texts=("caption", "text"),
            token=graph.token, admit=limits.admit,
            unauthorized=graph.no_token, not_found=graph.no_such_path,
        )
        site.route("/{version}/debug_token", graph.debug_token("PAGE", SCOPES))
        site.route("/{version}/{account}/media", Media(threads))
        return site

    # an endpoint that lists
    def __call__(self, call: Call) -> object:
        asked = graph.fields(call, default="id")            # {"caption": Field(), ...}
        return graph.paged(
            call, entries, number=lambda entry: entry.number,
            render=lambda entry: graph.pick("Media", asked, {"caption": lambda field: ...}),
        )

Any token is good. Limits follow the machine's clock even where the simulated one is set, since a
client waits by the machine's. What does not belong here: nodes and edges of one platform.

Sources (read 2026-11-24), below https://developers.facebook.com/docs/graph-api/:
guides/error-handling, overview/rate-limiting, results, guides/field-expansion, guides/versioning,
changelog/versions, reference/debug_token.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import itertools
import math
import re
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from simulator.clock import parse_ms
from simulator.faults import Alters, Fault, Kind, Replaces
from simulator.site import Call, Refused, bearer

Item = TypeVar("Item")

HOUR_S = 3600.0
MOST = 100  # objects a page
DEFAULT_LIMIT = 25

#: Version -> its last moment, oldest first; those without one come last.
VERSIONS: Mapping[str, int | None] = {
    "v21.0": parse_ms("2027-01-21T00:00:00Z"),
    "v22.0": parse_ms("2027-05-20T00:00:00Z"),
    "v23.0": parse_ms("2027-10-08T00:00:00Z"),
    "v24.0": parse_ms("2028-02-18T00:00:00Z"),
    "v25.0": parse_ms("2028-07-29T00:00:00Z"),
    "v26.0": None,
    "v27.0": None,
}
_VERSION = re.compile(r"v([0-9]{1,2})\.([0-9]{1,2})")


# Errors: https://developers.facebook.com/docs/graph-api/guides/error-handling


def error(
    status: int,
    code: int,
    message: str,
    *,
    subcode: int | None = None,
    kind: str = "OAuthException",
    headers: Mapping[str, str] | None = None,
) -> Refused:
    """A refusal as Graph words it: the message, its type and numbers."""
    body: dict[str, Any] = {"message": message, "type": kind, "code": code}
    if subcode is not None:
        body["error_subcode"] = subcode
    trace = zlib.crc32(f"{code}/{subcode}/{message}".encode())
    body["fbtrace_id"] = "A" + base64.urlsafe_b64encode(trace.to_bytes(4, "big")).decode()[:6]
    return Refused(status, {"error": body}, headers)


def no_token() -> Refused:
    """There is no token in the request."""
    return error(400, 104, "An access token is required to request this resource.")


def no_such_path(path: str) -> Refused:
    """A path that is no node or edge."""
    return error(400, 2500, f"Unknown path components: {path}")


def vanished(spelled: str) -> Refused:
    """No object has that id, or none that the token may see."""
    message = (
        f"Unsupported get request. Object with ID '{spelled}' does not exist, cannot be loaded due "
        "to missing permissions, or does not support this operation."
    )
    return error(400, 100, message, subcode=33, kind="GraphMethodException")


def bad_parameter(message: str) -> Refused:
    """A parameter that makes no sense; ``message`` says which."""
    return error(400, 100, f"(#100) {message}")


def too_much_data() -> Refused:
    """Smaller pages are asked for."""
    return Refused(
        500,
        {
            "error": {
                "code": 1,
                "message": "Please reduce the amount of data you're asking for, then retry your "
                "request",
            }
        },
    )


# Tokens and versions


def token(request: Request) -> str | None:
    """The token of the header, or of the parameter ``access_token``."""
    return bearer(request) or request.query_params.get("access_token") or None


def version_served(asked: str, now_ms: int) -> str:
    """The version that answers: the oldest that is left where the asked one is gone.

    Raises ``Refused`` for one that does not exist.
    """
    left = [name for name, last in VERSIONS.items() if last is None or now_ms < last]
    if asked in left:
        return asked
    found = _VERSION.fullmatch(asked)
    if not found or _order(asked) > _order(left[-1]):
        raise no_such_path(f"/{asked}")
    return left[0]


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version[1:].split("."))


def debug_token(
    kind: str, scopes: Sequence[str], days: int | None = None
) -> Callable[[Call], object]:
    """The endpoint ``/debug_token``: ``kind`` is ``PAGE``, ``USER`` or ``SYSTEM_USER``.

    ``days`` until the token expires; ``None``: it never does, as a Page's.
    """

    def serve(call: Call) -> object:
        if not call.request.query_params.get("input_token"):
            raise bad_parameter("The parameter input_token is required")
        now_s = call.now_ms // 1000
        granted = [scope for scope in scopes if scope not in _withheld(call)]
        return {
            "data": {
                "app_id": "138483919580948",
                "type": kind,
                "application": "Simulated app",
                "data_access_expires_at": now_s + 60 * 86_400,
                "expires_at": 0 if days is None else now_s + days * 86_400,
                "is_valid": True,
                "issued_at": now_s - 30 * 86_400,
                "scopes": granted,
                "granular_scopes": [{"scope": scope} for scope in granted],
                "user_id": "10224093846501234",
            }
        }

    return serve


def _withheld(call: Call) -> Sequence[str]:
    fault = call.due.get("few_scopes")
    given = fault.parameters.get("scopes", []) if fault else []
    return given if isinstance(given, list) else [str(given)]


def time_of(unix_ms: int) -> str:
    """``2026-11-23T12:00:00+0000``."""
    moment = datetime.datetime.fromtimestamp(unix_ms // 1000, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S+0000")


# Limits: https://developers.facebook.com/docs/graph-api/overview/rate-limiting


class Limits:
    """``limit`` calls of a token in a rolling hour, told as percentages.

    ``case`` is the business use case that the header names, ``code`` the error when it is used up.
    Refused calls count, too.
    """

    BUSINESS = "112130216863063"

    def __init__(self, limit: int, case: str, code: int) -> None:
        self.limit = limit
        self.case = case
        self.code = code
        self._calls: dict[str, deque[float]] = {}

    def admit(self, call: Call) -> None:
        """Sets the headers of version and usage; raises ``Refused`` where the limit is used up."""
        now = time.monotonic()
        calls = self._calls.setdefault(call.token, deque())
        while calls and calls[0] <= now - HOUR_S:
            calls.popleft()
        refused = len(calls) >= self.limit
        calls.append(now)
        # Of many refused calls as many count as make the wait an hour.
        if len(calls) > 2 * self.limit:
            calls.popleft()
        full = len(calls) >= self.limit
        minutes = math.ceil((calls[-self.limit] + HOUR_S - now) / 60) if full else 0
        percent = 100 * len(calls) // self.limit
        call.headers |= self.headers(percent, minutes)
        asked = call.request.path_params.get("version", "")
        call.headers["facebook-api-version"] = version_served(asked, call.now_ms)
        if refused:
            raise self.used_up(minutes)

    def headers(self, percent: int, minutes: int) -> dict[str, str]:
        """The usage headers for a share of the limit; ``minutes`` until calls are free again."""
        usage = {
            "call_count": percent,
            "total_cputime": percent // 4,
            "total_time": percent // 3,
        }
        case = {"type": self.case, **usage, "estimated_time_to_regain_access": minutes}
        return {
            "x-app-usage": _written({**usage, "call_count": percent // 2}),
            "x-business-use-case-usage": _written({self.BUSINESS: [case]}),
        }

    def used_up(self, minutes: int) -> Refused:
        """The error of a limit that is used up."""
        words = {
            4: "(#4) Application request limit reached",
            17: "(#17) User request limit reached",
            32: "(#32) Page request limit reached",
            613: "(#613) Calls to this api have exceeded the rate limit.",
        }
        said = words.get(
            self.code, f"(#{self.code}) There have been too many calls. Wait a bit and try again."
        )
        return error(400, self.code, said, headers=self.headers(100, minutes))


def _written(value: object) -> str:
    return msgspec.json.encode(value).decode()


# Fields: https://developers.facebook.com/docs/graph-api/guides/field-expansion


@dataclass(frozen=True)
class Field:
    """A field that is asked for: ``attachments{type}``, ``comments.limit(0).summary(true)``."""

    inner: Mapping[str, Field] = field(default_factory=dict)
    modifiers: Mapping[str, str] = field(default_factory=dict)


_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_MODIFIER = re.compile(r"\.([a-z_]+)\(([^()]*)\)")


def fields(call: Call, default: str = "id") -> dict[str, Field]:
    """The parameter ``fields``; raises ``Refused`` where it cannot be read."""
    text = call.request.query_params.get("fields") or default
    found, end = _fields(text.replace(" ", ""), 0)
    if end != len(text.replace(" ", "")):
        raise error(400, 2500, f'Syntax error "Expected end of string at character {end}"')
    return found


def _fields(text: str, at: int) -> tuple[dict[str, Field], int]:
    found: dict[str, Field] = {}
    while True:
        name = _NAME.match(text, at)
        if name is None:
            raise error(400, 2500, f'Syntax error "Expected a field at character {at}"')
        at = name.end()
        modifiers: dict[str, str] = {}
        while modifier := _MODIFIER.match(text, at):
            modifiers[modifier[1]] = modifier[2]
            at = modifier.end()
        inner: dict[str, Field] = {}
        if text[at : at + 1] == "{":
            inner, at = _fields(text, at + 1)
            if text[at : at + 1] != "}":
                raise error(400, 2500, f'Syntax error "Expected }} at character {at}"')
            at += 1
        found[name[0]] = Field(inner, modifiers)
        if text[at : at + 1] != ",":
            return found, at
        at += 1


def pick(
    node: str, asked: Mapping[str, Field], known: Mapping[str, Callable[[Field], object]]
) -> dict[str, Any]:
    """The object with the fields that are asked for; what is ``None`` is left out, as Graph does.

    ``id`` always comes, if it is not withheld. Raises ``Refused`` for a field that ``node`` lacks.
    """
    for name in asked:
        if name not in known:
            raise bad_parameter(f"Tried accessing nonexisting field ({name}) on node type ({node})")
    names = {**asked, "id": Field()} if "id" in known else asked
    made = {name: known[name](one) for name, one in names.items()}
    return {name: value for name, value in made.items() if value is not None}


# Pages: https://developers.facebook.com/docs/graph-api/results


def cursor(number: int) -> str:
    """The opaque name of a place in a listing; 0 is its start."""
    return base64.urlsafe_b64encode(f"at:{number}".encode()).decode().rstrip("=")


def _place(text: str) -> int:
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        if plain.startswith("at:"):
            return int(plain[3:])
    except (ValueError, binascii.Error):
        pass
    raise bad_parameter("Invalid cursors values")


def paged(
    call: Call,
    items: Iterable[Item],
    number: Callable[[Item], int],
    render: Callable[[Item], dict[str, Any]],
    extra: Mapping[str, Any] | None = None,
    *,
    most: int = MOST,
    sparse: bool = False,
) -> dict[str, Any]:
    """A page of a listing, by ``limit``, ``after`` and ``before``; ``extra`` stands beside it.

    ``number`` names an item in cursors; a cursor whose item is gone is refused. The address of the
    next page holds the token, as Graph's does. A page holds ``most`` items, whatever is asked for.
    ``sparse``: there are ``after`` cursors only, and the last page comes without ``paging``.
    """
    limit = min(page_limit(call), most)
    given = call.request.query_params
    rest, start = iter(items), 0
    if "before" in given:
        stop = _place(given["before"])
        head = list(itertools.takewhile(lambda item: number(item) != stop, rest))
        shown, more = head[-limit:], True
    else:
        start = _place(given["after"]) if given.get("after") else 0
        if start and not any(number(item) == start for item in rest):
            raise bad_parameter("Invalid cursors values")
        shown = list(itertools.islice(rest, limit))
        more = next(rest, None) is not None
    if "empty_page" in call.due:
        # The same place again: what was left out comes then.
        shown, following = [], cursor(start)
    elif "repeated_cursor" in call.due:
        following = cursor(start)
    else:
        following = cursor(number(shown[-1])) if shown and more else ""
    body: dict[str, Any] = {"data": [render(item) for item in shown]}
    call.served(len(shown))
    if (following or (shown and not sparse)) and "missing_paging" not in call.due:
        ends = {"before": number(shown[0]), "after": number(shown[-1])} if shown else {}
        if sparse:
            ends.pop("before", None)
        paging: dict[str, Any] = {"cursors": {name: cursor(at) for name, at in ends.items()}}
        if following:
            paging["next"] = address(call, after=following)
        if shown and start and not sparse:
            paging["previous"] = address(call, before=cursor(number(shown[0])))
        body["paging"] = paging
    return {**body, **(extra or {})}


def page_limit(call: Call) -> int:
    """The parameter ``limit``, as faults leave it."""
    text = call.request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not text.isdecimal() or int(text) < 1:
        raise bad_parameter("Param limit must be an integer greater than or equal to 1")
    if int(text) > MOST:
        raise bad_parameter(f"The 'limit' parameter should not exceed {MOST}")
    limit = int(text)
    fault = call.due.get("reduce_data")
    if fault is not None and limit > int(fault.parameters.get("above", 20)):
        raise too_much_data()
    if "short_page" in call.due:
        limit = max(1, limit // 3)
    return limit


def address(call: Call, **places: str) -> str:
    """The address of the call with another place in the listing; it holds the token."""
    given = {
        name: value
        for name, value in call.request.query_params.items()
        if name not in ("after", "before", "access_token")
    }
    query = urlencode({"access_token": call.token, **given, **places})
    return str(call.request.url.replace(query=query))


# Faults


def faults(
    limits: Limits,
    *,
    wrong: Mapping[str, Any],
    missing: Sequence[str],
    dropped: str,
    permission: str,
) -> dict[str, Kind]:
    """The faults that both platforms have, for objects with these fields.

    ``wrong`` and ``missing`` befall a page's first objects, one field each.
    """
    needs = (
        f"(#10) This endpoint requires the '{permission}' permission or the "
        "'Page Public Content Access' feature."
    )

    def rate_limit(_call: Call, fault: Fault) -> Response:
        code = int(fault.parameters.get("code", limits.code))
        minutes = int(fault.parameters.get("minutes", 1))
        raise Limits(limits.limit, limits.case, code).used_up(minutes)

    def usage(body: Any, call: Call, fault: Fault) -> Any:
        percent = int(fault.parameters.get("percent", 90))
        call.headers |= limits.headers(percent, int(fault.parameters.get("minutes", 0)))
        return body

    def newer_version(body: Any, call: Call, fault: Fault) -> Any:
        call.headers["facebook-api-version"] = str(fault.parameters.get("version", "v27.0"))
        return body

    def wrong_types(body: Any, _call: Call, _fault: Fault) -> Any:
        for entry, (name, value) in zip(objects_of(body), wrong.items(), strict=False):
            entry[name] = value
        return body

    def missing_fields(body: Any, _call: Call, _fault: Fault) -> Any:
        for entry, name in zip(objects_of(body), missing, strict=False):
            entry.pop(name, None)
        return body

    def unknown_field(body: Any, _call: Call, _fault: Fault) -> Any:
        for entry in objects_of(body):
            entry["mood_ring"] = {"colour": "teal"}
        return body

    def vanished_field(body: Any, _call: Call, fault: Fault) -> Any:
        for entry in objects_of(body):
            entry.pop(str(fault.parameters.get("field", dropped)), None)
        return body

    def no_objects(body: Any, _call: Call, _fault: Fault) -> Any:
        listed = body["data"] if isinstance(body.get("data"), list) else []
        for place, nothing in zip(range(len(listed)), (None, "gone", 7), strict=False):
            listed[place] = nothing
        return body

    return {
        "rate_limit": Replaces(rate_limit),
        "dead_token": _refused(
            400, 190, "Error validating access token: Session has expired.", subcode=463
        ),
        "forbidden": _refused(403, 10, needs),
        "permission": _refused(
            403, 200, f"(#200) Requires {permission} permission to manage the object"
        ),
        "blocked": _refused(400, 368, "The action attempted has been deemed abusive."),
        "unknown_error": _refused(500, 1, "An unknown error occurred"),
        "service_error": _refused(503, 2, "Service temporarily unavailable"),
        "vanished": Replaces(_vanish),
        # A refusal by its numbers: code, subcode, status, message.
        "graph_error": _refused(400, 100, "(#100) Invalid parameter"),
        "reduce_data": Alters(),
        "short_page": Alters(),
        "empty_page": Alters(),
        "repeated_cursor": Alters(),
        "missing_paging": Alters(),
        "few_scopes": Alters(),
        "usage": Alters(usage),
        "newer_version": Alters(newer_version),
        "wrong_types": Alters(wrong_types),
        "missing_fields": Alters(missing_fields),
        "no_objects": Alters(no_objects),
        "unknown_field": Alters(unknown_field),
        "vanished_field": Alters(vanished_field),
    }


def _refused(status: int, code: int, message: str, subcode: int | None = None) -> Replaces:
    """A refusal whose numbers and words a fault's parameters may change."""

    def answer(_call: Call, fault: Fault) -> Response:
        told = fault.parameters
        raise error(
            int(told.get("status", status)),
            int(told.get("code", code)),
            str(told.get("message", message)),
            subcode=told.get("subcode", subcode),
        )

    return Replaces(answer)


def _vanish(call: Call, _fault: Fault) -> Response:
    raise vanished(call.request.url.path.split("/")[-2])


def objects_of(body: Any) -> list[dict[str, Any]]:
    """The objects of a page, for faults that alter them."""
    listed = body.get("data") if isinstance(body, dict) else None
    return (
        [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    )
