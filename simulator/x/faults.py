"""What can be wrong with X's answers alone; ``simulator/faults.py`` has what all share."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Mapping

from starlette.responses import Response

from simulator.faults import Alters, Fault, Kind, Replaces
from simulator.site import Call
from simulator.x import problems, rate_limit, stream
from simulator.x.problems import Problem, not_authorized, resource_not_found
from simulator.x.rate_limit import RateLimit
from simulator.x.rendering import Payload
from simulator.x.search import Page, Request


def kinds(limit: RateLimit) -> Mapping[str, Kind]:
    """X's faults by name; those of the page are applied by ``altered``."""
    refusals: Mapping[str, Callable[[], Problem]] = {
        "usage_cap": problems.usage_capped,
        "dead_token": problems.unauthorized,
        "forbidden": problems.forbidden,
        "server_error": problems.unavailable,
    }
    return {
        "rate_limit": Replaces(functools.partial(_limited, limit)),
        **{
            name: Replaces(functools.partial(_refused, limit, refusal))
            for name, refusal in refusals.items()
        },
        **dict.fromkeys((*ALTERING, *stream.FAULTS), Alters()),
    }


ALTERING = (
    "partial_errors",
    "empty_page",
    "missing_meta",
    "wrong_types",
    "missing_fields",
    "unknown_field",
    "vanished_field",
    "repeated_token",
    "new_spelling",
)


def _limited(limit: RateLimit, _call: Call, fault: Fault) -> Response:
    reset = math.ceil(time.time() + float(fault.parameters.get("reset_in", 60)))
    headers = rate_limit.headers(limit.limit, 0, reset)
    return problems.too_many_requests().response(headers)


def _refused(
    limit: RateLimit, refusal: Callable[[], Problem], _call: Call, _fault: Fault
) -> Response:
    """With headers that say that the rate limit is not the reason."""
    reset = int(time.time()) + rate_limit.WINDOW_SECONDS
    return refusal().response(rate_limit.headers(limit.limit, limit.limit - 1, reset))


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
    if "unknown_field" in due:
        for post in data:
            post["mood_ring"] = {"colour": "teal"}
    if "vanished_field" in due:
        for post in data:
            post.pop(str(due["vanished_field"].parameters.get("field", "public_metrics")), None)
    if "repeated_token" in due:
        body["meta"]["next_token"] = page.own_token
    if "missing_meta" in due:
        del body["meta"]
    return body
