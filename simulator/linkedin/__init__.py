"""LinkedIn's Community Management API: organizations' posts, their counts and comments, roles.

The story's company is the organization ``ORGANIZATIONS["brand"]``, its rival
``ORGANIZATIONS["rival"]``, the same ids in every seed; ``NEWCOMER`` has not posted yet. The token's
member has a role on all three, and none anywhere else: other organizations' listings are empty.
Sources stand in the modules; all were read on 2026-11-24 below
https://learn.microsoft.com/en-us/linkedin/.
"""

from __future__ import annotations

from simulator.linkedin import answers, faults
from simulator.linkedin.endpoints import Endpoints
from simulator.linkedin.gateway import Gateway, token
from simulator.linkedin.spelling import NEWCOMER, ORGANIZATIONS, Spelling
from simulator.site import Site, World

__all__ = ["NEWCOMER", "ORGANIZATIONS", "site"]


def site(world: World) -> Site:
    """LinkedIn's endpoints, below ``/linkedin``."""
    threads = world.threads("linkedin")
    spelling = Spelling(threads)
    endpoints = Endpoints(threads, spelling)
    one = Site(
        world,
        "linkedin",
        threads,
        id_of=spelling.urn,
        faults=faults.FAULTS,
        texts=("commentary", "text"),
        token=token,
        admit=Gateway(world.rate_limit).admit,
        unauthorized=answers.no_token,
        not_found=answers.no_such_resource,
    )
    one.route("/rest/posts", endpoints.posts)
    one.route("/rest/socialMetadata", endpoints.metadata)
    one.route("/rest/socialActions/{urn}/comments", endpoints.comments)
    one.route("/rest/socialActions/{urn}/comments/{comment}", endpoints.comment)
    one.route("/rest/organizationAcls", endpoints.roles)
    one.route("/oauth/v2/introspectToken", endpoints.introspect, methods=("POST",))
    return one
