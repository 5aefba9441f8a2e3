"""X's API v2: recent search, the filtered stream, counts, usage. ``site`` puts it together.

It stands at the root of the simulator's address, since X's own paths begin with ``/2``; it is also
the one platform that serves a corpus.
"""

from __future__ import annotations

from simulator.site import Site, World
from simulator.x import faults, problems
from simulator.x.additions import Additions
from simulator.x.endpoints import COUNTS, SEARCH, USAGE, Endpoints
from simulator.x.post import Post, Source
from simulator.x.rate_limit import RateLimit
from simulator.x.stream import RULES, STREAM, FilteredStream


def site(world: World, source: Source, repeats: float) -> Site:
    """X's endpoints over a source of posts; ``repeats`` as in ``search.answer``."""
    posts = Additions(source, every_query=world.source == "corpus")
    limit = RateLimit(world.rate_limit)
    endpoints = Endpoints(posts, repeats)
    one = Site(
        world,
        "x",
        posts,
        base="",
        id_of=_spelled,
        number_of=int,
        faults=faults.kinds(limit),
        admit=limit.admit,
        unauthorized=problems.unauthorized,
        not_found=problems.not_found,
    )
    one.route(SEARCH, endpoints.search)
    one.route(COUNTS, endpoints.counts)
    one.route(USAGE, endpoints.usage)
    stream = FilteredStream(posts)
    one.route(STREAM, stream.connect)
    one.route(RULES, stream.rules, methods=("GET", "POST"))
    return one


def _spelled(post: Post) -> str:
    return str(post.id)
