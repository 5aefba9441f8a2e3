"""LinkedIn's endpoints: what they ask for, and what they answer.

Sources, below https://learn.microsoft.com/en-us/linkedin/ (read 2026-11-24):
marketing/community-management/shares/posts-api, .../social-metadata-api, .../comments-api,
marketing/community-management/organizations/organization-access-control-by-role,
shared/api-guide/concepts/protocol-version, shared/authentication/token-introspection.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote

from simulator.clock import DAY_MS
from simulator.linkedin.answers import bad_parameter, not_found, page
from simulator.linkedin.spelling import MEMBER, NEWCOMER, ORGANIZATIONS, Spelling
from simulator.site import Call, Refused
from simulator.threads import Entry, Threads

#: Nobody edits older posts; that keeps the order by change lazy.
EDITED_MS = 60 * DAY_MS
ROLES = {
    ORGANIZATIONS["brand"]: "ADMINISTRATOR",
    ORGANIZATIONS["rival"]: "CONTENT_ADMINISTRATOR",
    NEWCOMER: "ADMINISTRATOR",
}
SCOPES = "r_organization_social,r_organization_social_feed,rw_organization_admin"
_ACCOUNTS = {f"urn:li:organization:{number}": name for name, number in ORGANIZATIONS.items()}
_LIST = re.compile(r"(?:^|&)ids=List\(([^()&]*)\)(?:&|$)")


class Endpoints:
    """One method an endpoint."""

    def __init__(self, threads: Threads, spelling: Spelling) -> None:
        self._threads = threads
        self._spelling = spelling

    def posts(self, call: Call) -> object:
        """The finder by author."""
        asked = call.request.query_params
        if asked.get("q") != "author" or not asked.get("author", "").startswith("urn:li:"):
            raise bad_parameter("the finder author needs q=author and the urn of an author")
        order = asked.get("sortBy", "LAST_MODIFIED")
        if order not in ("LAST_MODIFIED", "CREATED"):
            raise bad_parameter(f"sortBy [{order}] is not LAST_MODIFIED or CREATED")
        account = _ACCOUNTS.get(asked["author"])
        found: Iterator[Entry] = iter(())
        if account is not None and "empty_without_role" not in call.due:
            found = self._threads.posts(account, call.now_ms, 0, call.now_ms)
            if order == "LAST_MODIFIED":
                found = self._by_change(found, call.now_ms)
        entries, paging = page(call, found)
        elements = [self._spelling.post(entry, call.now_ms) for entry in entries]
        return {"paging": paging, "elements": elements}

    def _by_change(self, posts: Iterator[Entry], now_ms: int) -> Iterator[Entry]:
        """From newest first to last changed first, looking no further back than edits go."""
        waiting: list[tuple[int, int, Entry]] = []
        for entry in posts:
            while waiting and -waiting[0][0] > entry.created_ms + EDITED_MS:
                yield heapq.heappop(waiting)[2]
            changed = self._spelling.modified_ms(entry, now_ms)
            heapq.heappush(waiting, (-changed, -entry.number, entry))
        while waiting:
            yield heapq.heappop(waiting)[2]

    def metadata(self, call: Call) -> object:
        """The batch: what of it can't be answered is told by urn."""
        # List(...) is syntax: encoded, it would be a word. Its urns must be encoded.
        found = _LIST.search(call.request.url.query)
        if found is None or not found[1] or ":" in found[1]:
            raise bad_parameter("Invalid query parameters passed to request", "PARAM_INVALID")
        results: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        for number, urn in enumerate(map(unquote, found[1].split(","))):
            entry = self._spelling.find(urn)
            status = 200 if entry is not None and entry.visible(call.now_ms) else 404
            if "batch_errors" in call.due and number < 2:
                status = (404, 403)[number]
            if entry is not None and status == 200:
                results[urn] = self._spelling.metadata(entry, call.now_ms)
            else:
                errors[urn] = {"status": status, "message": "this entity can not be read"}
        statuses = {
            **dict.fromkeys(results, 200),
            **{urn: one["status"] for urn, one in errors.items()},
        }
        return {"results": results, "statuses": statuses, "errors": errors}

    def comments(self, call: Call) -> object:
        """Direct comments of a post, or all answers to a comment, newest first."""
        urn = call.request.path_params["urn"]
        entry = self._spelling.find(urn)
        if entry is None or not entry.visible(call.now_ms):
            raise not_found(urn)
        answers = self._spelling.answers(entry, call.now_ms)[::-1]
        shown, paging = page(call, answers, len(answers))
        elements = [self._spelling.comment(one, call.now_ms) for one in shown]
        if "other_spelling" in call.due:
            for element in elements:
                for name in ("commentUrn", "parentComment"):
                    if name in element:
                        element[name] = element[name].replace("(urn:li:", "(")
        return {"paging": paging, "elements": elements}

    def comment(self, call: Call) -> object:
        """One comment of a post, or one answer to a comment."""
        urn, number = call.request.path_params["urn"], call.request.path_params["comment"]
        entry = self._threads.find(int(number)) if number.isdecimal() else None
        thread = self._spelling.find(urn)
        if entry is None or thread is None or entry.is_post:
            raise not_found(urn)
        if entry.post.number != thread.post.number:
            raise not_found(urn)
        if not entry.visible(call.now_ms):
            raise not_found(urn)
        return self._spelling.comment(entry, call.now_ms)

    def roles(self, call: Call) -> object:
        """What the token's member may do, by organization."""
        asked = call.request.query_params
        if asked.get("q") != "roleAssignee":
            raise bad_parameter("only the finder roleAssignee is simulated")
        approved = asked.get("state", "APPROVED") == "APPROVED"
        held = ROLES.items() if approved and "empty_without_role" not in call.due else ()
        elements, paging = page(
            call,
            [
                {
                    "role": role,
                    "roleAssignee": MEMBER,
                    "state": "APPROVED",
                    "organization": f"urn:li:organization:{organization}",
                }
                for organization, role in held
                if asked.get("role", role) == role
            ],
        )
        return {"paging": paging, "elements": elements}

    def introspect(self, call: Call) -> object:
        """What an app may know of its tokens; any secret but ``wrong`` is good."""
        form = {name: values[0] for name, values in parse_qs(call.body.decode()).items()}
        if not form.get("client_id") or not form.get("token"):
            raise _oauth(400, "invalid_request", "client_id and token are needed")
        if form.get("client_secret") in (None, "wrong"):
            raise _oauth(401, "invalid_client", "Client authentication failed")
        now = call.now_ms // 1000
        told = {"client_id": form["client_id"], "auth_type": "3L", "scope": SCOPES}
        for status in ("expired", "revoked"):
            if f"{status}_token" in call.due:
                return {"active": False, "status": status, **told}
        return {
            "active": True,
            "status": "active",
            "authorized_at": now - 86_400,
            "created_at": now - 86_400,
            "expires_at": now + 59 * 86_400,
            **told,
        }


def _oauth(status: int, code: str, said: str) -> Refused:
    return Refused(status, {"error": code, "error_description": said})
