"""Faults on a switch: what can be wrong with an answer, how long it stays wrong, and the faults
that every platform has. What only one platform can get wrong stands in its own package.

A fault either *replaces* the answer (one at a time, the oldest first) or *alters* it (all that are
due, in the order in which the platform lists them).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from simulator.site import Call


@dataclass
class Fault:
    """``after`` requests from now it happens ``times`` times (-1: for ever).

    Only requests whose path holds ``path`` count for it.
    """

    name: str
    times: int = 1
    after: int = 0
    path: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)

    def seconds(self, default: float) -> float:
        """Its parameter ``seconds``."""
        return float(self.parameters.get("seconds", default))

    def described(self) -> dict[str, Any]:
        """As the control endpoint shows it."""
        where = {"path": self.path} if self.path else {}
        shown = {"fault": self.name, "times": self.times, "after": self.after}
        return {**shown, **where, **self.parameters}


@dataclass(frozen=True)
class Replaces:
    """A fault that stands in for the answer: it returns a response, or raises ``Refused``."""

    answer: Callable[[Call, Fault], Response]


def _as_it_is(body: Any, _call: Call, _fault: Fault) -> Any:
    return body


@dataclass(frozen=True)
class Alters:
    """A fault in a good answer: ``body`` gets the endpoint's JSON value and returns another.

    Without ``body`` the endpoint itself heeds ``call.due``.
    """

    body: Callable[[Any, Call, Fault], Any] = _as_it_is


Kind = Replaces | Alters


def _server_error(_call: Call, _fault: Fault) -> Response:
    return Response(b"upstream connect error", 503, media_type="text/plain")


def _bad_gateway(_call: Call, _fault: Fault) -> Response:
    page = b"<html><head><title>502 Bad Gateway</title></head><body>over capacity</body></html>"
    return Response(page, 502, media_type="text/html")


def _not_json(call: Call, _fault: Fault) -> Response:
    page = b"<!doctype html><title>Oh</title><p>Something went wrong. Try again.</p>"
    return Response(page, 200, call.headers, media_type="text/html")


# ``site.py`` itself acts on those without a body: silence, pieces, half a body, broken bytes.
GENERIC: Mapping[str, Kind] = {
    "server_error": Replaces(_server_error),
    "bad_gateway_html": Replaces(_bad_gateway),
    "not_json": Replaces(_not_json),
    "timeout": Alters(),
    "slow": Alters(),
    "disconnect": Alters(),
    "truncated_json": Alters(),
    "bad_encoding": Alters(),
}


class Faults:
    """The faults switched on, in the order in which they were."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self.kinds = {**GENERIC, **kinds}
        self._faults: list[Fault] = []

    def read(self, raw: Mapping[str, Any]) -> Fault:
        """A fault from the control endpoint's JSON; raises ``ValueError`` with what is wrong."""
        given = dict(raw)
        name, path = given.pop("fault", None), given.pop("path", "")
        if name not in self.kinds:
            raise ValueError(f"fault {name!r} is not one of {', '.join(sorted(self.kinds))}")
        times, after = given.pop("times", 1), given.pop("after", 0)
        if not isinstance(times, int) or times == 0 or times < -1:
            raise ValueError(f"times must be a positive number or -1 for ever, not {times!r}")
        if not isinstance(after, int) or after < 0:
            raise ValueError(f"after must be a number of requests from 0, not {after!r}")
        if not isinstance(path, str):
            raise ValueError(f"path must be a part of the requests' path, not {path!r}")
        for key in ("seconds", "reset_in"):
            if key in given and not isinstance(given[key], int | float):
                raise ValueError(f"{key} must be a number of seconds, not {given[key]!r}")
        return Fault(name, times, after, path, given)

    def add(self, fault: Fault) -> None:
        """Switches a fault on."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Switches all off."""
        self._faults.clear()

    def described(self) -> list[dict[str, Any]]:
        """What is on, with what is left of it."""
        return [fault.described() for fault in self._faults]

    def due(self, path: str) -> tuple[Fault | None, dict[str, Fault]]:
        """Counts one request: the fault that replaces its answer, and those that alter it."""
        meant = [fault for fault in self._faults if fault.path in path]
        due = [fault for fault in meant if fault.after == 0]
        for fault in meant:
            fault.after = max(0, fault.after - 1)
        replacing = next((f for f in due if isinstance(self.kinds[f.name], Replaces)), None)
        altering = {} if replacing else {fault.name: fault for fault in due}
        for fault in [replacing] if replacing else altering.values():
            fault.times -= fault.times > 0
        self._faults = [fault for fault in self._faults if fault.times != 0]
        return replacing, altering
