"""X's endpoints: the parameters of each, and which module answers.

What does not belong here: what a search finds (``search.py``), how a post is spelled
(``rendering.py``), tokens, faults and counters (``simulator/site.py``).
"""

from __future__ import annotations

import calendar
import dataclasses
import datetime
from typing import Any

from simulator.clock import DAY_MS, iso
from simulator.site import Call
from simulator.x import counts, problems, search
from simulator.x.additions import Additions
from simulator.x.faults import altered
from simulator.x.rendering import RENAMED

SEARCH, USAGE = "/2/tweets/search/recent", "/2/usage/tweets"
COUNTS = "/2/tweets/counts/recent"
MONTHLY_CAP = 2_000_000
_USAGE_FIELDS = {
    "cap_reset_day",
    "daily_client_app_usage",
    "daily_project_usage",
    "project_cap",
    "project_id",
    "project_usage",
}


class Endpoints:
    """Search, counts and usage over one source of posts."""

    def __init__(self, posts: Additions, repeats: float) -> None:
        self._posts = posts
        self._repeats = repeats

    def search(self, call: Call) -> object:
        """``GET /2/tweets/search/recent``."""
        asked = search.read_request(call.request.query_params, call.now_ms)
        if "new_spelling" in call.due:
            asked = dataclasses.replace(asked, spelling=RENAMED)
        page = search.answer(asked, self._posts, call.now_ms, self._repeats)
        call.served(len(page.posts))
        return altered(page, asked, call.due)

    def counts(self, call: Call) -> object:
        """``GET /2/tweets/counts/recent``."""
        noun = "post" if "new_spelling" in call.due else "tweet"
        body = counts.answer(call.request.query_params, self._posts, call.now_ms, noun)
        if "missing_meta" in call.due:
            del body["meta"]
        return body

    def usage(self, call: Call) -> object:
        """``GET /2/usage/tweets`` (https://docs.x.com/x-api/usage/get-usage, read 2026-11-23)."""
        parameters = call.request.query_params
        days = parameters.get("days", "7")
        if not days.isdigit() or not 1 <= int(days) <= 90:
            raise problems.invalid_request(
                (
                    "days",
                    [days],
                    f"The `days` query parameter value [{days}] is not between 1 and 90",
                )
            )
        wanted = {one for one in parameters.get("usage.fields", "").split(",") if one}
        if wrong := sorted(wanted - _USAGE_FIELDS):
            raise problems.invalid_request(
                (
                    "usage.fields",
                    wrong,
                    "The `usage.fields` query "
                    f"parameter value [{wrong[0]}] is not one of "
                    f"[{','.join(sorted(_USAGE_FIELDS))}]",
                )
            )
        by_day = call.site.served_by_day
        data: dict[str, Any] = {
            "project_id": problems.PROJECT_ID,
            "project_cap": str(MONTHLY_CAP),
            "project_usage": str(sum(by_day.values())),
            "cap_reset_day": _days_left(call.now_ms),
        }
        if "daily_project_usage" in wanted:
            today = call.now_ms // DAY_MS
            data["daily_project_usage"] = {
                "project_id": problems.PROJECT_ID,
                "usage": [
                    {"date": iso(day * DAY_MS), "usage": str(by_day[day])}
                    for day in range(today - int(days) + 1, today + 1)
                ],
            }
        return {"data": data}


def _days_left(now_ms: int) -> int:
    """ "Days left for the cap to reset", which it does here with the calendar's month."""
    today = datetime.datetime.fromtimestamp(now_ms / 1000, datetime.timezone.utc)
    return calendar.monthrange(today.year, today.month)[1] - today.day + 1
