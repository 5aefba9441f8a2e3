"""Instagram's API with Facebook Login: two professional accounts, comments and hashtags.

``site`` puts it together. The story's company has the account ``ACCOUNTS["brand"]``, its rival
``ACCOUNTS["rival"]``: the same ids in every seed, so that a tracking file may name them. Sources
stand in the modules; all were read on 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping

from simulator import graph
from simulator.faults import Alters, Kind
from simulator.instagram.accounts import Accounts
from simulator.instagram.hashtags import Hashtags
from simulator.instagram.nodes import ACCOUNTS, Nodes, spelled
from simulator.site import Site, World

#: What the token may do: ig-comment and ig-hashtag/recent-media name the first three.
SCOPES = (
    "instagram_basic",
    "instagram_manage_comments",
    "pages_read_engagement",
    "pages_show_list",
    "public_profile",
)

__all__ = ["ACCOUNTS", "SCOPES", "site"]


def site(world: World) -> Site:
    """Instagram's endpoints, below ``/instagram``."""
    threads = world.threads("instagram")
    limits = graph.Limits(world.rate_limit, case="instagram", code=80002)
    nodes = Nodes(threads)
    accounts, hashtags = Accounts(threads, nodes), Hashtags(threads, nodes)
    one = Site(
        world,
        "instagram",
        threads,
        id_of=spelled,
        faults=faults(limits),
        texts=("caption", "text"),
        token=graph.token,
        admit=limits.admit,
        unauthorized=graph.no_token,
        not_found=graph.no_such_path,
    )
    one.route("/{version}/debug_token", graph.debug_token("USER", SCOPES, days=60))
    one.route("/{version}/me/accounts", accounts.pages)
    one.route("/{version}/ig_hashtag_search", hashtags.search)
    one.route("/{version}/{object}", accounts.node)
    one.route("/{version}/{object}/media", accounts.media)
    one.route("/{version}/{object}/comments", accounts.comments)
    one.route("/{version}/{object}/replies", accounts.replies)
    one.route("/{version}/{object}/recent_media", hashtags.recent_media)
    one.route("/{version}/{object}/recently_searched_hashtags", hashtags.recently_searched)
    return one


def faults(limits: graph.Limits) -> Mapping[str, Kind]:
    """The Graph API's faults, and what only Instagram withholds."""
    shared = graph.faults(
        limits,
        wrong={"caption": 123, "timestamp": "yesterday", "id": 17},
        missing=("caption", "timestamp", "id"),
        dropped="comments_count",
        permission="instagram_manage_comments",
    )
    # Comments without their authors: the token lacks instagram_manage_comments.
    return {**shared, "no_from": Alters()}
