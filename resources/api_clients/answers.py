"""Reading JSON answers that may be damaged, the same for every platform.

What belongs here: bodies to values, parts of a page that are no objects, and what may be said of
them without showing them. How a platform arranges its pages belongs in its own file.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec


@dataclass(frozen=True)
class Malformed:
    """A part of a page that is no object: its place in the list (None: elsewhere), why, the part.

    ``raw`` is JSON-ready. Where bytes are not UTF-8 (or escapes are half a surrogate pair), it is
    ``{"base64": ...}`` over the entry's bytes, so that quarantine keeps them unchanged.
    """

    index: int | None
    reason: str
    raw: Any = field(repr=False)


@dataclass(frozen=True)
class PartialError:
    """How often a page reported one type of error beside its data (deleted or hidden objects)."""

    type: str
    title: str
    count: int


@dataclass(frozen=True)
class Page:
    """One answer of a search: the payloads that bronze keeps. ``number`` counts from 1."""

    number: int
    records: list[dict[str, Any]] = field(repr=False)
    malformed: list[Malformed]
    errors: list[PartialError]
    simulated: bool


def is_simulated(headers: httpx.Headers) -> bool:
    """Whether the simulator answered: its posts must not enter a lake of live ones."""
    return bool(headers.get("x-simulated") == "true")


def decode(body: bytes) -> object:
    """The JSON value of a body, or None where it is no JSON (a bare ``null`` is no answer either).

    msgspec reads only valid Unicode. A body that it refuses is read again with its invalid bytes
    as lone surrogates, which :func:`is_unicode` finds object by object: one broken post does not
    cost the other 99 of its page.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(body.decode("utf-8", "surrogateescape"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def is_unicode(value: object) -> bool:
    """Whether a decoded value can be written as UTF-8."""
    try:
        msgspec.json.encode(value)
    except (UnicodeEncodeError, msgspec.ValidationError):
        return False
    return True


def malformed_part(index: int | None, reason: str, raw: object) -> Malformed:
    """A :class:`Malformed` whose ``raw`` any JSON writer can write."""
    if is_unicode(raw):
        return Malformed(index, reason, raw)
    written = json.dumps(raw, ensure_ascii=False)
    # Lone surrogates from invalid bytes turn back into those bytes, those from escapes can't.
    escaped = re.sub(
        "[\ud800-\udc7f\udd00-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", written
    )
    content = escaped.encode("utf-8", "surrogateescape")
    return Malformed(index, reason, {"base64": base64.b64encode(content).decode()})


def objects(value: object, *required: str) -> list[dict[str, Any]]:
    """The objects in what should be a list of them; what else stands there is the parser's case."""
    items = value if isinstance(value, list) else []
    return [
        item for item in items if isinstance(item, dict) and all(key in item for key in required)
    ]


def clue(answer: httpx.Response) -> str:
    """What may be said of a body without showing it: its declared type, length and first sign."""
    start = answer.content.lstrip()[:1].decode("latin-1")
    sign = f"begins with {start!r}" if start and start in '{[<"' else "begins like no JSON"
    declared = answer.headers.get("content-type", "no content type").split(";")[0][:60]
    return f"{declared}, {len(answer.content)} bytes, {sign if start else 'empty'}"


def kind_of(value: object) -> str:
    """What a decoded value is, for a message: ``a list``, ``null``."""
    names: Iterable[tuple[type | tuple[type, ...], str]] = (
        (bool, "true or false"),
        ((int, float), "a number"),
        (str, "a string"),
        (list, "a list"),
        (dict, "an object"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "null")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
