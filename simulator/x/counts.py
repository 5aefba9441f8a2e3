"""``GET /2/tweets/counts/recent``: how many posts a query finds, by minute, hour or day.

Sources (read 2026-11-24): https://docs.x.com/x-api/posts/recent-search-counts (parameters, as
search has them), https://docs.x.com/x-api/posts/counts/introduction (answer, granularity),
https://docs.x.com/x-api/posts/counts/integrate/overview (seven days come in one answer, without a
token). That the first and the last bucket end where the request does is not documented.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from simulator.clock import DAY_MS, HOUR_MS, iso
from simulator.x.additions import Additions
from simulator.x.problems import invalid_request
from simulator.x.rendering import Payload
from simulator.x.search import read_bounds, read_query, refuse_unknown
from simulator.x.snowflake import created_ms

GRANULARITIES = {"minute": 60_000, "hour": HOUR_MS, "day": DAY_MS}
_FIELDS = frozenset({"end", "start", "tweet_count"})
_PARAMETERS = frozenset(
    {
        "end_time",
        "granularity",
        "next_token",
        "pagination_token",
        "query",
        "search_count.fields",
        "since_id",
        "start_time",
        "until_id",
    }
)


def answer(
    parameters: Mapping[str, str], source: Additions, now_ms: int, noun: str = "tweet"
) -> Payload:
    """The body, oldest bucket first; ``noun`` as in ``tweet_count``.

    Raises ``Problem`` 400 for what X refuses.
    """
    refuse_unknown(parameters, _PARAMETERS)
    query = read_query(parameters)
    high, low = read_bounds(parameters, now_ms)
    for name in ("next_token", "pagination_token"):
        if name in parameters:
            said = f"Invalid '{name}':'{parameters[name]}'. Recent counts come in one answer."
            raise invalid_request((name, [parameters[name]], said))
    granularity = _one_of(parameters, "granularity", GRANULARITIES, "hour")
    for field in filter(None, parameters.get("search_count.fields", "").split(",")):
        _one_of({"search_count.fields": field}, "search_count.fields", _FIELDS, "")
    size = GRANULARITIES[granularity]
    start, end = created_ms(low), created_ms(high) + 1
    counts = Counter(
        created_ms(post.id) // size for post in source.newest_first(high, low, query, now_ms)
    )
    buckets = [
        {
            "end": iso(min((bucket + 1) * size, end)),
            "start": iso(max(bucket * size, start)),
            f"{noun}_count": counts[bucket],
        }
        for bucket in range(start // size, (end - 1) // size + 1)
    ]
    return {"data": buckets, "meta": {f"total_{noun}_count": counts.total()}}


def _one_of(
    parameters: Mapping[str, str], name: str, allowed: Collection[str], default: str
) -> str:
    given = parameters.get(name, default)
    if given not in allowed:
        said = (
            f"The `{name}` query parameter value [{given}] is not one of "
            f"[{','.join(sorted(allowed))}]"
        )
        raise invalid_request((name, [given], said))
    return given
