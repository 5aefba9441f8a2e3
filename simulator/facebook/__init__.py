"""Facebook's Graph API: two Pages, their feeds and the comments there. ``site`` puts it together.

The story's company has the Page ``PAGES["brand"]``, its rival ``PAGES["rival"]``: the same ids in
every seed, so that a tracking file may name them. Sources stand in the modules; all were read on
2026-11-24 below https://developers.facebook.com/docs/graph-api/reference/.
"""

from __future__ import annotations

from collections.abc import Mapping

from simulator import graph
from simulator.facebook.endpoints import Endpoints, alterations
from simulator.facebook.nodes import PAGES, Nodes, spelled
from simulator.faults import Kind
from simulator.site import Site, World

#: What the token may do: reference/page/feed names the first two.
SCOPES = (
    "pages_read_engagement",
    "pages_read_user_content",
    "pages_show_list",
    "public_profile",
)

__all__ = ["PAGES", "SCOPES", "site"]


def site(world: World) -> Site:
    """Facebook's endpoints, below ``/facebook``."""
    threads = world.threads("facebook")
    limits = graph.Limits(world.rate_limit, case="pages", code=80001)
    endpoints = Endpoints(threads, Nodes(threads))
    one = Site(
        world,
        "facebook",
        threads,
        id_of=spelled,
        faults=faults(limits),
        texts=("message",),
        token=graph.token,
        admit=limits.admit,
        unauthorized=graph.no_token,
        not_found=graph.no_such_path,
    )
    one.route("/{version}/debug_token", graph.debug_token("PAGE", SCOPES))
    one.route("/{version}/{object}", endpoints.node)
    one.route("/{version}/{object}/feed", endpoints.feed)
    one.route("/{version}/{object}/comments", endpoints.comments)
    return one


def faults(limits: graph.Limits) -> Mapping[str, Kind]:
    """The Graph API's faults, and what only Facebook withholds or adds."""
    shared = graph.faults(
        limits,
        wrong={"message": 123, "created_time": "yesterday", "id": 17},
        missing=("message", "created_time", "id"),
        dropped="created_time",
        permission="pages_read_engagement",
    )
    return {**shared, **alterations()}
