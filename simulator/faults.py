"""Faults on a switch: what can be wrong with an answer, and how long it stays wrong.

A fault either *replaces* the answer (one at a time, the oldest first) or *alters* it (all that are
due). No story, no query; ``app.py`` asks which faults are due for a request and applies them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from simulator.problems import not_authorized, resource_not_found
from simulator.rendering import Payload
from simulator.search import Page, Request

REPLACING = frozenset(
    {
        "rate_limit",
        "usage_cap",
        "dead_token",
        "forbidden",
        "server_error",
        "bad_gateway_html",
        "not_json",
    }
)
ALTERING = frozenset(
    {
        "timeout",
        "slow",
        "disconnect",
        "truncated_json",
        "partial_errors",
        "empty_page",
        "missing_meta",
        "wrong_types",
        "missing_fields",
        "bad_encoding",
        "repeated_token",
        "new_spelling",
    }
)
NAMES = REPLACING | ALTERING
BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body>over capacity</body></html>"
NOT_JSON = b"<!doctype html><title>X</title><p>Something went wrong. Try again.</p>"


@dataclass
class Fault:
    """``after`` requests from now it happens ``times`` times (-1: for ever)."""

    name: str
    times: int = 1
    after: int = 0
    parameters: dict[str, Any] = field(default_factory=dict)

    def seconds(self, default: float) -> float:
        """Its parameter ``seconds``."""
        return float(self.parameters.get("seconds", default))

    def described(self) -> dict[str, Any]:
        """As the control endpoint shows it."""
        return {"fault": self.name, "times": self.times, "after": self.after, **self.parameters}


def read_fault(raw: Mapping[str, Any]) -> Fault:
    """A fault from the control endpoint's JSON; raises ``ValueError`` with what is wrong."""
    given = dict(raw)
    name = given.pop("fault", None)
    if name not in NAMES:
        raise ValueError(f"fault {name!r} is not one of {', '.join(sorted(NAMES))}")
    times, after = given.pop("times", 1), given.pop("after", 0)
    if not isinstance(times, int) or times == 0 or times < -1:
        raise ValueError(f"times must be a positive number or -1 for ever, not {times!r}")
    if not isinstance(after, int) or after < 0:
        raise ValueError(f"after must be a number of requests from 0, not {after!r}")
    for key in ("seconds", "reset_in"):
        if key in given and not isinstance(given[key], int | float):
            raise ValueError(f"{key} must be a number of seconds, not {given[key]!r}")
    return Fault(name, times, after, given)


class Faults:
    """The faults switched on, in the order in which they were."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Switches a fault on."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Switches all off."""
        self._faults.clear()

    def described(self) -> list[dict[str, Any]]:
        """What is on, with what is left of it."""
        return [fault.described() for fault in self._faults]

    def due(self) -> tuple[Fault | None, dict[str, Fault]]:
        """Counts one request: the fault that replaces its answer, and those that alter it."""
        due = [fault for fault in self._faults if fault.after == 0]
        for fault in self._faults:
            fault.after = max(0, fault.after - 1)
        replacing = next((fault for fault in due if fault.name in REPLACING), None)
        altering = {} if replacing else {fault.name: fault for fault in due}
        for fault in [replacing] if replacing else altering.values():
            fault.times -= fault.times > 0
        self._faults = [fault for fault in self._faults if fault.times != 0]
        return replacing, altering


def altered(page: Page, request: Request, due: Mapping[str, Fault]) -> Payload:
    """The page's body with the faults of form and content in it."""
    body = page.body
    noun, references = request.spelling.noun, f"{request.spelling.references}.id"
    if "empty_page" in due:
        body = {"meta": {"result_count": 0, "next_token": page.own_token}}
    if "partial_errors" in due:
        body["errors"] = [
            *body.get("errors", ()),
            resource_not_found(noun, references, "1234567890123456789"),
            not_authorized("user", "author_id", "2244994945"),
        ]
    data: list[Payload] = body.get("data", [])
    if "wrong_types" in due:
        wrongs: list[Payload] = [{"text": 123}, {"created_at": "yesterday"}, {"id": 17}]
        for number, wrong in enumerate(wrongs):
            if number < len(data):
                data[number] |= wrong
    if "missing_fields" in due:
        for number, missing in enumerate(("text", "author_id", "id")):
            if number < len(data):
                data[number].pop(missing, None)
    if "repeated_token" in due:
        body["meta"]["next_token"] = page.own_token
    if "missing_meta" in due:
        del body["meta"]
    return body


def encoded(body: Payload, due: Mapping[str, Fault]) -> bytes:
    """JSON in UTF-8, or what a fault makes of it."""
    raw = msgspec.json.encode(body)
    if "bad_encoding" in due:
        # Latin-1 inside a text is not UTF-8.
        raw = raw.replace(b'"text":"', b'"text":"caf\xe9 \xff\xfe ', 1)
    if "truncated_json" in due:
        raw = raw[: len(raw) * 2 // 3]
    return raw
