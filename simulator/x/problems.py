"""The error bodies of X's API v2: problem objects, each with its HTTP status.

Source: https://docs.x.com/x-api/fundamentals/response-codes-and-errors (read 2026-11-23). The
``type`` still names api.twitter.com, as responses seen in 2026 do.
"""

from __future__ import annotations

from typing import Any

from simulator.site import Refused

_TYPES = "https://api.twitter.com/2/problems/"
PROJECT_ID = "1369785403853424"


class Problem(Refused):
    """A response other than 200: its status and JSON body."""

    media_type = "application/problem+json; charset=utf-8"


def _plain(status: int, title: str) -> Problem:
    return Problem(
        status, {"title": title, "detail": title, "type": "about:blank", "status": status}
    )


def invalid_request(*errors: tuple[str, list[str], str]) -> Problem:
    """400: ``(parameter, values, message)`` of each parameter that is wrong."""
    return Problem(
        400,
        {
            "errors": [
                {"parameters": {name: given}, "message": text} for name, given, text in errors
            ],
            "title": "Invalid Request",
            "detail": "One or more parameters to your request was invalid.",
            "type": _TYPES + "invalid-request",
        },
    )


def unauthorized() -> Problem:
    """401: the token is missing, unknown or revoked."""
    return _plain(401, "Unauthorized")


def forbidden() -> Problem:
    """403: the app is not enrolled for this endpoint."""
    return Problem(
        403,
        {
            "client_id": "28000000",
            "detail": "This app has no access to this endpoint at its access level.",
            "registration_url": "https://developer.x.com/en/portal",
            "title": "Client Forbidden",
            "required_enrollment": "Appropriate Level of API Access",
            "reason": "client-not-enrolled",
            "type": _TYPES + "client-forbidden",
        },
    )


def not_found(path: str) -> Problem:
    """404: no such endpoint."""
    return Problem(
        404,
        {
            "title": "Not Found",
            "detail": f"No endpoint {path} is simulated.",
            "type": "about:blank",
            "status": 404,
        },
    )


def too_many_requests() -> Problem:
    """429 of the rate limit: waiting for ``x-rate-limit-reset`` helps."""
    return _plain(429, "Too Many Requests")


def usage_capped() -> Problem:
    """429 of the monthly cap: waiting for the rate limit's reset does not help."""
    return Problem(
        429,
        {
            "account_id": int(PROJECT_ID),
            "product_name": "standard-basic",
            "title": "UsageCapExceeded",
            "period": "Monthly",
            "scope": "Product",
            "detail": "Usage cap exceeded: Monthly product cap",
            "type": _TYPES + "usage-capped",
        },
    )


def unavailable() -> Problem:
    """503: X is overloaded."""
    return _plain(503, "Service Unavailable")


def resource_not_found(resource: str, parameter: str, value: str) -> dict[str, Any]:
    """A partial error inside a 200: something referred to is deleted."""
    return {
        "resource_id": value,
        "parameter": parameter,
        "resource_type": resource,
        "section": "includes",
        "title": "Not Found Error",
        "value": value,
        "detail": f"Could not find {resource} with {parameter}: [{value}].",
        "type": _TYPES + "resource-not-found",
    }


def not_authorized(resource: str, parameter: str, value: str) -> dict[str, Any]:
    """A partial error inside a 200: something referred to belongs to a protected account."""
    return {
        "resource_id": value,
        "parameter": parameter,
        "resource_type": resource,
        "section": "includes",
        "title": "Authorization Error",
        "value": value,
        "detail": f"Sorry, you are not authorized to see the {resource} with {parameter}: "
        f"[{value}].",
        "type": _TYPES + "not-authorized-for-resource",
    }


def no_rules() -> Problem:
    """409: a stream without rules has nothing to tell."""
    return Problem(
        409,
        {
            "title": "RuleConfigurationIssue",
            "detail": "You must define rules before connecting to the stream.",
            "type": _TYPES + "rule-configuration-issue",
        },
    )


def rule_cap() -> Problem:
    """422: more rules than the plan has."""
    return Problem(
        422,
        {
            "title": "RulesCapExceeded",
            "detail": "Rules cap exceeded.",
            "type": _TYPES + "rule-cap",
        },
    )


def too_many_connections() -> Problem:
    """429: the app's one connection is taken."""
    return Problem(
        429,
        {
            "title": "ConnectionException",
            "detail": "This stream is currently at the maximum allowed connection limit.",
            "connection_issue": "TooManyConnections",
            "type": _TYPES + "streaming-connection",
        },
    )


def operational_disconnect() -> dict[str, Any]:
    """Inside a stream: X ends it for reasons of its own."""
    return {
        "title": "operational-disconnect",
        "disconnect_type": "UpstreamOperationalDisconnect",
        "detail": "This stream has been disconnected upstream for operational reasons.",
        "type": _TYPES + "operational-disconnect",
    }


def duplicate_rule(value: str) -> dict[str, Any]:
    """Of a rule that stands already."""
    return {"value": value, "title": "DuplicateRule", "type": _TYPES + "duplicate-rules"}


def invalid_rule(value: str, why: str) -> dict[str, Any]:
    """Of a rule that is no query."""
    return {
        "value": value,
        "details": [why],
        "title": "Invalid Rule",
        "type": _TYPES + "invalid-rules",
    }
