"""What can be wrong with LinkedIn's answers; ``answers.page`` and the endpoints heed the rest.

Any refusal is one of ``answers.py``. What alters elements takes the first three of a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from simulator.faults import Alters, Fault, Kind, Replaces
from simulator.linkedin import answers
from simulator.linkedin.gateway import inactive, throttled
from simulator.site import Call

_TOKENS = {
    65600: ("INVALID_ACCESS_TOKEN", "Invalid access token"),
    65601: ("REVOKED_ACCESS_TOKEN", "The token used in the request has been revoked by the user"),
    65602: ("EXPIRED_ACCESS_TOKEN", "The token used in the request has expired"),
}
_POST_WRONG: tuple[dict[str, Any], ...] = (
    {"commentary": 123},
    {"publishedAt": "yesterday", "createdAt": "yesterday"},
    {"id": 17},
)
_COMMENT_WRONG: tuple[dict[str, Any], ...] = (
    {"message": {"text": 123}},
    {"created": {"time": "yesterday"}},
    {"commentUrn": 17},
)
_POST_MISSING = (("commentary",), ("publishedAt", "createdAt"), ("id",))
_COMMENT_MISSING = (("message",), ("created",), ("commentUrn", "id"))


def _elements(body: Any, call: Call) -> tuple[list[Any], bool]:
    """The posts or comments of an answer, and whether they are posts."""
    listed = call.endpoint.endswith(("/posts", "/comments"))
    return body["elements"] if listed else [], call.endpoint.endswith("/posts")


def _dead_token(_call: Call, fault: Fault) -> Response:
    service = int(fault.parameters.get("code", 65600))
    code, said = _TOKENS[service]
    raise answers.error(401, code, said, service)


def _forbidden(call: Call, _fault: Fault) -> Response:
    resource = call.endpoint.removeprefix("/rest/").partition("/")[0]
    raise answers.denied(f"{resource[:1].upper()}{resource[1:]}")


def _inactive(call: Call, _fault: Fault) -> Response:
    raise inactive(call.request.headers.get("linkedin-version", ""))


def _throttled(_call: Call, fault: Fault) -> Response:
    raise throttled(daily=fault.name == "rate_limit")


def _bad_request(_call: Call, _fault: Fault) -> Response:
    said = "Invalid value for param; wrong: urn:li:organization:104857601 of 7133700000000000001"
    raise answers.error(400, "INVALID_URN_ID", said, 0)


def _gone(call: Call, _fault: Fault) -> Response:
    raise answers.not_found(str(call.request.path_params.get("urn", "urn:li:share:1")))


def _wrong_types(body: Any, call: Call, _fault: Fault) -> Any:
    elements, posts = _elements(body, call)
    for element, wrong in zip(elements, _POST_WRONG if posts else _COMMENT_WRONG, strict=False):
        element |= wrong
    return body


def _missing_fields(body: Any, call: Call, _fault: Fault) -> Any:
    elements, posts = _elements(body, call)
    missing = _POST_MISSING if posts else _COMMENT_MISSING
    for element, names in zip(elements, missing, strict=False):
        for name in names:
            element.pop(name, None)
    return body


def _unknown_field(body: Any, call: Call, fault: Fault) -> Any:
    for element in _elements(body, call)[0]:
        element[str(fault.parameters.get("field", "impressionSummary"))] = {"count": 3}
    return body


def _vanished_field(body: Any, call: Call, fault: Fault) -> Any:
    elements, posts = _elements(body, call)
    default = "lastModifiedAt" if posts else "lastModified"
    for element in elements:
        element.pop(str(fault.parameters.get("field", default)), None)
    return body


def _not_objects(body: Any, call: Call, _fault: Fault) -> Any:
    _elements(body, call)[0][:2] = ["no object", None]
    return body


def _no_elements(body: Any, _call: Call, _fault: Fault) -> Any:
    return {name: value for name, value in body.items() if name not in ("elements", "results")}


def _wrong_total(body: Any, _call: Call, fault: Fault) -> Any:
    if "paging" in body:
        body["paging"]["total"] = fault.parameters.get("total", 0)
        body["paging"]["links"] = []
    return body


FAULTS: Mapping[str, Kind] = {
    "rate_limit": Replaces(_throttled),
    "protection": Replaces(_throttled),
    "dead_token": Replaces(_dead_token),
    "forbidden": Replaces(_forbidden),
    "bad_request": Replaces(_bad_request),
    "nonexistent_version": Replaces(_inactive),
    "vanished": Replaces(_gone),
    "empty_without_role": Alters(),
    "shifting_pages": Alters(),
    "ignored_start": Alters(),
    "filtered": Alters(),
    "other_spelling": Alters(),
    "batch_errors": Alters(),
    "expired_token": Alters(),
    "revoked_token": Alters(),
    "wrong_types": Alters(_wrong_types),
    "missing_fields": Alters(_missing_fields),
    "unknown_field": Alters(_unknown_field),
    "vanished_field": Alters(_vanished_field),
    "not_objects": Alters(_not_objects),
    "no_elements": Alters(_no_elements),
    "wrong_total": Alters(_wrong_total),
}
