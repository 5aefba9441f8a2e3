"""LinkedIn's Community Management API: posts of organizations and the comments on them.

What belongs here: LinkedIn's endpoints, parameters, versions, limits, errors and paging. What a
post means is ``sentiment_assets.core.parsers.linkedin``; which windows to ask for is the asset
layer's decision.

Sources (read 2026-11-24), below https://learn.microsoft.com/en-us/linkedin/:
marketing/community-management/shares/posts-api (finder by author, sort, at most 100 a page, roles),
.../social-metadata-api (batches), .../comments-api (comments of posts and of comments),
marketing/community-management/organizations/organization-access-control-by-role,
marketing/versioning and marketing/integrations/migrations (the day each version ends),
shared/api-guide/concepts/pagination (a page shorter than ``count`` is the last one),
.../error-handling, .../rate-limits (days in UTC, no headers), .../protocol-version (``List(...)``
and urns in addresses), shared/authentication/token-introspection.

LinkedIn's terms limit how long members' social activity may be kept, by secondary sources to 48
hours; the retention settings decide what this platform keeps.
"""

from __future__ import annotations

import math
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlsplit

import httpx
from pydantic import Field, SecretStr, field_validator, model_validator

from resources.api_clients.access import (
    Connection,
    Finding,
    PlatformAccess,
    Source,
    SourceCost,
    TokenEnd,
    sendable,
)
from resources.api_clients.answers import (
    Malformed,
    Page,
    PartialError,
    clue,
    decode,
    is_simulated,
    is_unicode,
    kind_of,
    malformed_part,
)
from resources.api_clients.errors import (
    ApiError,
    BadRequest,
    BeyondReach,
    Forbidden,
    TokenRejected,
    TransientApiError,
    UnexpectedResponse,
)
from resources.api_clients.http import (
    CONNECT_TIMEOUT_S,
    LOOPBACK,
    UNMETERED,
    Allowance,
    HttpApi,
    RateBudget,
    rate_limited,
    utc_now,
)

Made = TypeVar("Made")

POSTS = "/rest/posts"
METADATA = "/rest/socialMetadata"
ACLS = "/rest/organizationAcls"
INTROSPECTION = "/oauth/v2/introspectToken"
#: Where tokens are looked at; an address of one's own answers for both.
OAUTH_URL = "https://www.linkedin.com"
VERSIONS_PAGE = "https://learn.microsoft.com/en-us/linkedin/marketing/integrations/migrations"

#: The most that the finder gives; comments have no documented limit.
PAGE = 100
#: Pages are counted from the newest: what is deleted meanwhile moves the rest up, past the reader.
OVERLAP = 10
#: Not documented; larger batches of urns make addresses that proxies cut.
BATCH = 50
#: LinkedIn lists posts of any age. Each 100 cost a request of a daily allowance, and so does each
#: post with comments: a backfill that means decades is more likely a mistake.
REACH_DAYS = 365
WARNED_BEFORE = timedelta(days=60)
EXPIRY_TOLD_BEFORE = timedelta(days=14)
PREVIEWED = 10
#: Nobody has a role on more than some thousand pages: then an answer goes round in circles.
MOST_ROLE_PAGES = 50

#: Roles on a page whose holders may read its posts, by posts-api; spelled in two ways.
READING_ROLES = frozenset(
    {
        "ADMINISTRATOR",
        "CONTENT_ADMIN",
        "CONTENT_ADMINISTRATOR",
        "DIRECT_SPONSORED_CONTENT_POSTER",
    }
)
#: Of posts, and of counts and comments.
SCOPES = ("r_organization_social", "r_organization_social_feed")
#: Either lets the client see roles.
ROLE_SCOPES = ("r_organization_admin", "rw_organization_admin")

# error-handling: what happened to a token, by serviceErrorCode.
_TOKEN_FATES = {
    65600: "it is not valid",
    65601: "it was revoked",
    65602: "it has expired",
}
_VERSION = re.compile(r"20[2-9][0-9](?:0[1-9]|1[0-2])")
_ORGANIZATION = re.compile(r"[0-9]{1,20}")
_POST_URN = re.compile(r"urn:li:[A-Za-z]+:[0-9]+")
_COMMENT_URN = re.compile(r"urn:li:comment:\((?:urn:li:)?([A-Za-z]+:[0-9]+,[0-9]+)\)")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def check_version(version: str) -> str:
    """The version, spelled ``202609``; raises ValueError for anything else."""
    if not _VERSION.fullmatch(version):
        raise ValueError("a version is a year and a month, such as 202609")
    return version


def retires_on(version: str) -> date:
    """The day from which a version may be refused: a year after its month, in the middle of it.

    LinkedIn has ended versions between the 15th and the 22nd.
    """
    return date(int(version[:4]) + 1, int(version[4:]), 15)


class Access(PlatformAccess):
    """One app's access with the token of a member who has a role on the organizations' pages.

    community-management-app-review: the Development tier grants 500 requests a day (and 100 for
    each member whose token is used: set ``requests`` to that). The Standard tier's limits are not
    published; the app's Analytics tab in the Developer Portal shows them by endpoint.
    """

    LIVE_URL = "https://api.linkedin.com"
    REQUESTS = 500
    PERIOD = timedelta(days=1)
    CREDENTIAL = "access_token"

    access_token: SecretStr | None = Field(
        None,
        description="Token of a member with a role on the organizations' pages, from the app's "
        "3-legged OAuth flow; it ends after 60 days. Needed when live.",
        examples=["AQX…"],
    )
    version: str = Field(
        "202609",
        description="Version of the API, year and month; LinkedIn ends each about a year later.",
        examples=["202609"],
    )
    # Not a month: each thread is a request of a daily allowance, and LinkedIn tells no other way
    # whether it has grown.
    comment_days: int = Field(
        14,
        ge=0,
        le=365,
        description="How old a post may be for new comments on it to be looked for. Each post with "
        "comments, and each comment with answers, costs a request each time.",
        examples=["14"],
    )
    reach_days: int = Field(
        REACH_DAYS,
        ge=1,
        description="How many days back a backfill may ask.",
        examples=["365"],
    )
    client_id: str | None = Field(
        None,
        description="The app's client id: with its secret, `sentiment connect linkedin` shows the "
        "token's scopes and when it ends.",
        examples=["86abc…"],
    )
    client_secret: SecretStr | None = Field(
        None,
        description="The app's client secret, by which pushes are signed (docs/streaming.md).",
        examples=["WPL_AP1…"],
    )
    _sendable = field_validator("access_token")(sendable)
    _spelled = field_validator("version")(check_version)

    @model_validator(mode="after")
    def _both_or_none(self) -> Access:
        if (self.client_id is None) != (self.client_secret is None):
            raise ValueError(
                "SENTIMENT_LINKEDIN_CLIENT_ID and SENTIMENT_LINKEDIN_CLIENT_SECRET belong "
                "together: set both or none"
            )
        return self


def open_client(
    access: Access,
    *,
    base_url: str,
    token: str,
    budget: RateBudget = UNMETERED,
    clock: Callable[[], datetime] = utc_now,
    sleep: Callable[[float], None] = time.sleep,
) -> LinkedInClient:
    """The client that the settings ask for."""
    secret = access.client_secret
    app = (access.client_id, secret.get_secret_value()) if access.client_id and secret else None
    return LinkedInClient(
        base_url,
        token,
        version=access.version,
        comment_days=access.comment_days,
        reach=timedelta(days=access.reach_days),
        app=app,
        max_pages=access.max_pages,
        max_wait_s=access.max_wait_seconds,
        budget=budget,
        clock=clock,
        sleep=sleep,
    )


class Vanished(BadRequest):
    """Nothing stands at this address any more, or not for this token (404)."""


class _NotJson(TransientApiError):
    """A 200 whose body can't be read: cut off on its way, or a proxy's page."""


@dataclass(frozen=True)
class _Elements:
    """One page of a collection. ``items`` are untouched; ``next_start`` is None on the last one.

    A page that is not ``full`` is the last one by LinkedIn's rule, though its own paging may say
    otherwise.
    """

    items: list[Any] = field(repr=False)
    full: bool
    next_start: int | None
    simulated: bool


@dataclass(frozen=True)
class _Counts:
    """What socialMetadata said of some posts, by urn; ``failed`` holds HTTP statuses."""

    found: dict[str, dict[str, Any]] = field(repr=False)
    failed: dict[str, int] = field(repr=False)


class LinkedInClient:
    """Posts of organizations and their comments with one member's token; safe to share.

    A request waits at most ``max_wait_s`` for limits and retries. A search reads at most
    ``max_pages`` pages of posts, comments and answers together (None: all); the counts beside
    posts and the look at roles are not counted. ``clock`` decides which windows are open or in
    reach and how old the version is; rate limits follow the machine's clock. ``app`` is the app's
    client id and secret.
    """

    #: A listing is read once for the whole stretch.
    span: timedelta | None = None
    what_would_reach = (
        "LinkedIn lists older posts, too: SENTIMENT_LINKEDIN_REACH_DAYS says how far to go, at the "
        "cost of a request for each 100 posts and for each post with comments"
    )

    def __init__(
        self,
        base_url: str,
        access_token: str,
        *,
        version: str,
        comment_days: int = 14,
        reach: timedelta = timedelta(days=REACH_DAYS),
        app: tuple[str, str] | None = None,
        max_pages: int | None = None,
        max_wait_s: float = 960.0,
        timeout_s: float = 30.0,
        budget: RateBudget = UNMETERED,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if max_pages is not None and max_pages < 1:
            raise ValueError(f"max_pages {max_pages} must be 1 or more, or None for all pages")
        self.api_version = check_version(version)
        self.comment_span = timedelta(days=comment_days)
        self.max_pages = max_pages
        self.clock = clock
        self._reach = reach
        self._app = app
        self._timeout_s = timeout_s
        self._token = access_token
        self._roles: dict[str, set[str]] | None = None
        self._api = HttpApi(
            base_url,
            access_token,
            max_wait_s=max_wait_s,
            refusal=self._refusal,
            # LinkedIn tells what is left in its Developer Portal only.
            allowance=lambda headers: None,
            timeout_s=timeout_s,
            headers={"Linkedin-Version": version, "X-Restli-Protocol-Version": "2.0.0"},
            budget=budget,
            sleep=sleep,
            clock=lambda: self.clock(),
        )

    def __repr__(self) -> str:
        return f"LinkedInClient({self._api.base_url!r}, {self.api_version!r})"

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    @property
    def allowance(self) -> Allowance | None:
        """Nothing: LinkedIn's answers don't tell."""
        return self._api.allowance

    def reach(self, source: Source) -> timedelta:
        """How far back a listing is read, whatever the organization."""
        return self._reach

    def notices(self) -> list[str]:
        """That the version ends soon, or may have ended."""
        last, today = retires_on(self.api_version), self.clock().date()
        if last - today > WARNED_BEFORE:
            return []
        when = (
            f"may be refused from {last} on, in {(last - today).days} days"
            if last > today
            else f"is over a year old and may be refused any day, since {last}"
        )
        return [f"version {self.api_version} of LinkedIn's API {when}; {self._newer()}"]

    def search(self, source: Source, start: datetime, end: datetime) -> OrganizationSearch:
        """Posts of an organization and comments on them, created in [start, end) (aware).

        Nothing is requested before the first page is read. Raises ValueError for arguments that
        make no sense, BeyondReach for a stretch older than the reach; reading pages raises the
        other ApiErrors.
        """
        if source.kind != "organization" or not _ORGANIZATION.fullmatch(source.value):
            raise ValueError("a LinkedIn source is an organization, by its numeric id")
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError(
                "start and end need a time zone; for example: datetime(2026, 11, 23, tzinfo=utc)"
            )
        if start >= end:
            raise ValueError(f"the window's start {start} must be before its end {end}")
        return OrganizationSearch(self, source, start, end)

    def posts(self, organization: str, start: int, number: int) -> _Elements:
        """A page of the organization's posts, the last changed first.

        By change, not by creation: so a draft that is published late stands with the new ones.
        """
        params = {
            "author": f"urn:li:organization:{organization}",
            "q": "author",
            "sortBy": "LAST_MODIFIED",
        }
        return self._elements(POSTS, params, f"{POSTS}, page {number}", start)

    def comments(self, thread: str, start: int, number: int) -> _Elements:
        """A page of the direct answers to a post or a comment, in whatever order."""
        asked = "{comment}" if thread.startswith("urn:li:comment:") else "{post}"
        path = f"/rest/socialActions/{quote(thread, safe='')}/comments"
        where = f"/rest/socialActions/{asked}/comments, page {number}"
        return self._elements(path, {}, where, start)

    def comment(self, urn: str, post_urn: str) -> dict[str, Any]:
        """A comment by its urn, in the shape that a search has; ``post_urn`` is its post's own.

        Raises:
            Vanished: it is gone, or was never there.
            ApiError: as reading pages.
        """
        where = "/rest/socialActions/{post}/comments/{comment}"
        found = _COMMENT_URN.fullmatch(urn)
        if found is None:
            raise Vanished(
                "a comment's urn is not spelled as one",
                f"LinkedIn GET {where}",
                "see whether LinkedIn has changed its notifications",
            )
        thread, _, number = found[1].partition(",")
        path = f"/rest/socialActions/{quote(f'urn:li:{thread}', safe='')}/comments/{number}"
        raw = self._get(path, {}, where, lambda body, simulated: body)
        return {"comment": raw, "post_urn": post_urn}

    def counts(self, posts: Sequence[str]) -> _Counts:
        """Reactions and comments of posts, by their urns."""
        found: dict[str, dict[str, Any]] = {}
        failed: dict[str, int] = {}
        for first in range(0, len(posts), BATCH):
            # List(...) is syntax and must stand bare; what stands inside must not.
            urns = ",".join(quote(urn, safe="") for urn in posts[first : first + BATCH])
            body = self._get(
                f"{METADATA}?ids=List({urns})", {}, METADATA, lambda body, simulated: body
            )
            for urn, entry in _entries(body.get("results")):
                found[urn] = entry
            for urn, entry in _entries(body.get("errors")):
                status = entry.get("status")
                failed[urn] = status if isinstance(status, int) else 0
        return _Counts(found, failed)

    def check_role(self, source: Source) -> None:
        """Raise Forbidden unless the token's member has a role that reads this organization.

        An empty listing alone does not tell: without a role it is empty, too. LinkedIn is asked
        once in a client's life.
        """
        where = f"LinkedIn GET {POSTS}"
        try:
            roles = self.roles().get(source.value, set())
        except Forbidden:
            raise Forbidden(
                f"the listing of {source.name} is empty, and whether the token's "
                "member has a role there can't be seen",
                where,
                f"grant the token {' or '.join(ROLE_SCOPES)}, so that no posts and no right to "
                "see them can be told apart",
            ) from None
        if not roles & READING_ROLES:
            has = f"has {' and '.join(sorted(roles))} only" if roles else "has none"
            raise Forbidden(
                f"the listing of {source.name} is empty for want of a role: the "
                f"token's member {has}",
                where,
                "have an administrator of the page give the member the role ADMINISTRATOR or "
                "CONTENT_ADMINISTRATOR, or correct the organization's id in tracking.yaml",
            )

    def roles(self) -> dict[str, set[str]]:
        """Organization id -> approved roles of the token's member."""
        if self._roles is None:
            found: dict[str, set[str]] = {}
            params = {"q": "roleAssignee", "state": "APPROVED"}
            start = 0
            for number in range(1, MOST_ROLE_PAGES + 1):
                page = self._elements(ACLS, params, f"{ACLS}, page {number}", start)
                for item in page.items:
                    if isinstance(item, dict) and item.get("state") in (None, "APPROVED"):
                        target = item.get("organization") or item.get("organizationTarget")
                        held = found.setdefault(str(target).rpartition(":")[2], set())
                        held.add(str(item.get("role")))
                if page.next_start is None:
                    break
                start = page.next_start
            self._roles = found
        return self._roles

    def token_end(self) -> TokenEnd:
        """When the token ends, where the app's id and secret are set; a request.

        Raises:
            ApiError: LinkedIn did not say, for a reason other than the token.
        """
        if self._app is None:
            return TokenEnd(None)
        token = self._introspect(*self._app)
        if token.get("active") is not True:
            return TokenEnd(None, f"it is {_fate(token)}")
        return TokenEnd(_epoch_seconds(token.get("expires_at")))

    def inspect(self, sources: Sequence[Source]) -> Connection:
        """Look at token, scopes, version, roles and a page of each source; nothing is written."""
        looks = [self._look_at(source) for source in sources]
        findings = [
            *self._token_findings(looks),
            self._version_finding(),
            Finding(
                "allowance",
                True,
                "LinkedIn tells what is left of a day's requests in the Developer Portal only, "
                f"under Analytics; {Access.REQUESTS} a day are assumed unless "
                "SENTIMENT_LINKEDIN_REQUESTS says other",
            ),
            *self._role_findings(sources),
            *(look.finding for look in looks),
        ]
        return Connection(
            findings,
            [look.cost for look in looks if look.cost],
            [record for look in looks for record in look.records],
        )

    def _look_at(self, source: Source) -> _Look:
        what = f"posts and comments of {source.name}"
        try:
            page = self.posts(source.value, 0, 1)
            posts = [item for item in page.items if isinstance(item, dict)]
            if not page.items:
                self.check_role(source)
                return _Look(
                    Finding(what, True, "there are none yet"),
                    SourceCost(source.name, 1, 0.0, "the organization has no posts yet"),
                )
            urns = [post["id"] for post in posts if _is_post_urn(post.get("id"))]
            counts = self.counts(urns)
            records = [_post_record(post, counts) for post in posts[:PREVIEWED]]
            busy = next((urn for urn in urns if _comments_of(counts.found.get(urn))[0]), None)
            if busy is not None:
                answers = self.comments(busy, 0, 1).items[:PREVIEWED]
                records += [{"comment": a, "post_urn": busy} for a in answers]
        except ApiError as error:
            return _Look(Finding(what, False, error.what, error.remedy), error=error)
        said = "both can be read" if busy else "posts can be read; none of them has comments"
        cost = self._cost(source.name, posts, counts, page.next_start is None)
        kept = [record for record in records if is_unicode(record)]
        return _Look(Finding(what, True, said), cost, kept)

    def _cost(
        self, name: str, posts: list[dict[str, Any]], counts: _Counts, whole: bool
    ) -> SourceCost:
        """What one page of posts makes one expect of each run."""
        now = self.clock()
        span = max(self.comment_span, timedelta(days=1))
        recent = [post for post in posts if (_created(post) or 0) >= _ms(now - span)]
        days = span / timedelta(days=1)
        covered = days
        if recent and not whole and len(recent) == len(posts):
            oldest = min(_created(post) or 0 for post in recent)
            covered = max((_ms(now) - oldest) / 86_400_000, 0.1)
        threads = comments = 0
        for post in recent:
            total, top = _comments_of(counts.found.get(str(post.get("id"))))
            comments += total
            threads += math.ceil(top / PAGE) + min(total - top, top)
        share = days / covered
        listed = math.ceil(len(recent) * share / PAGE) or 1
        batches = math.ceil(len(recent) * share / BATCH)
        return SourceCost(
            name,
            listed + batches + math.ceil(threads * share),
            round((len(recent) + comments) / covered, 1),
            f"by {len(recent)} posts of {covered:.1f} days: a request for each 100 posts, for each "
            f"{BATCH} counts, for each post of {span.days} days with comments and at most for "
            "each comment with answers",
        )

    def _role_findings(self, sources: Sequence[Source]) -> list[Finding]:
        try:
            held = self.roles()
        except Forbidden:
            return [
                Finding(
                    "roles",
                    True,
                    "can't be seen, so that an empty listing will be taken for a missing role",
                    f"grant the token {' or '.join(ROLE_SCOPES)}",
                )
            ]
        except ApiError as error:
            return [Finding("roles", False, error.what, error.remedy)]
        findings = []
        for source in sources:
            roles = held.get(source.value, set())
            findings.append(
                Finding(
                    f"role on {source.name}",
                    bool(roles & READING_ROLES),
                    ", ".join(sorted(roles)) or "none",
                    ""
                    if roles & READING_ROLES
                    else "have an administrator of the page give the member the role "
                    "ADMINISTRATOR or CONTENT_ADMINISTRATOR",
                )
            )
        return findings

    def _version_finding(self) -> Finding:
        last, today = retires_on(self.api_version), self.clock().date()
        days = (last - today).days
        if days > WARNED_BEFORE.days:
            return Finding("version", True, f"{self.api_version}, {days // 30} months left")
        said = f"{days} days left" if days > 0 else f"may be refused any day, since {last}"
        return Finding("version", days > 0, f"{self.api_version}, {said}", self._newer())

    def _token_findings(self, looks: Sequence[_Look]) -> list[Finding]:
        again = "make a new one with the Developer Portal's token generator"
        if self._app is None:
            errors = [look.error for look in looks]
            refused = next((error for error in errors if isinstance(error, TokenRejected)), None)
            if refused:
                return [Finding("token", False, refused.what, refused.remedy)]
            # Other refusals are told to whom is known.
            silent = all(isinstance(e, TransientApiError | UnexpectedResponse) for e in errors)
            said = "not known: LinkedIn did not answer" if silent else "accepted"
            return [
                Finding(
                    "token",
                    True,
                    said if looks else "not looked at: no source is tracked",
                    "set SENTIMENT_LINKEDIN_CLIENT_ID and SENTIMENT_LINKEDIN_CLIENT_SECRET to see "
                    "its scopes and when it ends",
                )
            ]
        try:
            token = self._introspect(*self._app)
        except ApiError as error:
            return [Finding("token", False, error.what, error.remedy)]
        if token.get("active") is not True:
            return [Finding("token", False, f"it is {_fate(token)}", again)]
        ends = _epoch_seconds(token.get("expires_at"))
        left = ends - self.clock() if ends else None
        said = (
            f"active, ends on {ends:%Y-%m-%d}, in {left.days} days" if ends and left else "active"
        )
        near = left is not None and left <= EXPIRY_TOLD_BEFORE
        granted = [scope for scope in re.split(r"[,\s]+", str(token.get("scope", ""))) if scope]
        missing = [scope for scope in SCOPES if scope not in granted]
        return [
            Finding("token", True, said, again if near else ""),
            Finding(
                "scopes",
                # Some products grant the same under other names: what can be read decides.
                not missing or (bool(looks) and all(look.finding.ok for look in looks)),
                f"granted: {', '.join(granted) or 'none'}"
                + (f"; missing: {', '.join(missing)}" if missing else ""),
                "request the Community Management API for the app and make a new token"
                if missing
                else "",
            ),
        ]

    def _introspect(self, client_id: str, client_secret: str) -> dict[str, Any]:
        """What LinkedIn knows of the token, asked by the app; not part of the daily allowance."""
        where = f"LinkedIn POST {INTROSPECTION}"
        base_url = self._api.base_url
        address = OAUTH_URL if base_url == Access.LIVE_URL else base_url
        loopback = urlsplit(address).hostname in LOOPBACK
        form = {"client_id": client_id, "client_secret": client_secret, "token": self._token}
        failure = ""
        try:
            with httpx.Client(
                timeout=httpx.Timeout(self._timeout_s, connect=CONNECT_TIMEOUT_S),
                trust_env=not loopback,
                verify=not loopback,
            ) as http:
                answer = http.post(f"{address.rstrip('/')}{INTROSPECTION}", data=form)
        except httpx.RequestError as error:
            failure = f"no answer ({type(error).__name__})"
        if failure:
            # Raised outside of the handler: no traceback shows the form.
            raise TransientApiError(failure, where, "check the network and LinkedIn's status page")
        body = decode(answer.content)
        if answer.is_success and isinstance(body, dict):
            return body
        if answer.status_code in (400, 401):
            raise TokenRejected(
                f"the app's client id or secret is not accepted (HTTP {answer.status_code})",
                where,
                "copy both from the app's Auth tab in the Developer Portal",
            )
        raise UnexpectedResponse(
            f"HTTP {answer.status_code} ({clue(answer)})", where, "see LinkedIn's status page"
        )

    def _elements(self, path: str, params: Mapping[str, str], where: str, start: int) -> _Elements:
        def read(body: dict[str, Any], simulated: bool) -> _Elements:
            items = body.get("elements")
            if not isinstance(items, list):
                what = f"the answer's elements is {kind_of(items)}, not a list"
                raise _NotJson(what, f"LinkedIn GET {where}", "trying again")
            return _page_of(items, body.get("paging"), start, simulated)

        asked = {**params, "start": str(start), "count": str(PAGE)}
        return self._get(path, asked, where, read)

    def _get(
        self,
        path: str,
        params: Mapping[str, str],
        where: str,
        make: Callable[[dict[str, Any], bool], Made],
    ) -> Made:
        where = f"LinkedIn GET {where}"

        def read(answer: httpx.Response) -> Made:
            body = decode(answer.content)
            if not isinstance(body, dict):
                what = f"the answer is not the JSON object that the API promises ({clue(answer)})"
                raise _NotJson(what, where, "trying again")
            return make(body, is_simulated(answer.headers))

        try:
            return self._api.get(path, params, where, read)
        except _NotJson as error:
            what = error.what
        raise UnexpectedResponse(what, where, "see the API's status page; what it says is not data")

    def _refusal(self, answer: httpx.Response, where: str) -> ApiError | None:
        problem = decode(answer.content)
        problem = problem if isinstance(problem, dict) else {}
        status, code = answer.status_code, str(problem.get("code", ""))
        said = str(problem.get("message", ""))
        number = problem.get("serviceErrorCode")
        called = f"HTTP {status}, {number}" if isinstance(number, int) else f"HTTP {status}"
        if status == 429:
            # Limits are told by nothing but these words. Others pass, by LinkedIn's own account.
            daily = re.search(r"\bDAY\b|resource level throttle", said, re.IGNORECASE)
            return rate_limited(where, _next_midnight() if daily else None)
        if status == 401:
            fate = _TOKEN_FATES.get(number) if isinstance(number, int) else None
            return TokenRejected(
                f"the access token is not accepted ({called})" + (f": {fate}" if fate else ""),
                where,
                "make a new one with the Developer Portal's token generator and put it into the "
                "settings",
            )
        if status == 403:
            scope = SCOPES[0] if POSTS in where else SCOPES[1]
            needed = " or ".join(ROLE_SCOPES) if ACLS in where else scope
            return Forbidden(
                f"the token may not read this ({called})",
                where,
                f"grant the token {needed} (Community Management API), and its member a role on "
                "the organization's page",
            )
        if status == 426 or code == "NONEXISTENT_VERSION":
            return BadRequest(
                f"version {self.api_version} is not served any more ({called})",
                where,
                self._newer(),
            )
        if status == 404 and problem:
            return Vanished(
                f"nothing stands there, or not for this token ({called})",
                where,
                "check the organization's id in tracking.yaml and the API's address",
            )
        if status == 400:
            words = f"{code} {self._redacted(said)}".strip()
            return BadRequest(
                f"the request is not accepted ({called})" + (f": {words}" if words else ""),
                where,
                "check the organization's id in tracking.yaml; if it is right, the API has changed",
            )
        return None

    def _newer(self) -> str:
        """What to set, where today's newest is not known: each month but a few brings one."""
        today = self.clock().date()
        month = today.year * 12 + today.month - 1 - 2
        return (
            f"set SENTIMENT_LINKEDIN_VERSION to {month // 12}{month % 12 + 1:02d} or a later one "
            f"that {VERSIONS_PAGE} lists as active"
        )

    def _redacted(self, said: str) -> str:
        """LinkedIn's words about our parameters, without token, urns and ids."""
        text = " ".join(said.replace(self._token, "[token]").split())
        text = re.sub(r"urn(?::|%3A)li(?::|%3A)\S*", "[urn]", text, flags=re.IGNORECASE)
        return re.sub(r"[0-9]{5,}", "[id]", text)[:200]


@dataclass(frozen=True)
class _Look:
    """What a look at one source showed."""

    finding: Finding
    cost: SourceCost | None = None
    records: list[dict[str, Any]] = field(default_factory=list, repr=False)
    error: ApiError | None = None


@dataclass(frozen=True)
class _Listing:
    """A page of posts to read. ``again``: the first pages, after the last one was read."""

    start: int
    again: bool = False


@dataclass(frozen=True)
class _Thread:
    """A page of answers to read, to the post itself where ``comment`` is None.

    ``answered``: some of the post's comments have answers. ``before`` are the urns of the page
    before this one.
    """

    post: str = field(repr=False)
    answered: bool
    comment: str | None = field(default=None, repr=False)
    start: int = 0
    number: int = 1
    before: frozenset[str] = field(default=frozenset(), repr=False)

    def next(self, start: int, before: frozenset[str]) -> _Thread:
        """The page that follows."""
        return replace(self, start=start, number=self.number + 1, before=before)


class OrganizationSearch(Iterator[Page]):
    """Posts first, the last changed first, then the comments and answers of each post.

    ``start`` and ``end`` are the bounds that were used: whole seconds, inside the reach, and not
    after now. ``pages`` counts the answers that held posts or comments; each is a :class:`Page`,
    of which some hold no record. ``exhausted`` turns true with the last one; it stays false after
    an error and when ``max_pages`` ended the search.

    While pages are read, new and edited posts move to the front: they push others onto the next
    page, which then come twice and are kept once, and an old post that is edited passes the
    reader. So the first page is read again where there was more than one. Of posts and comments
    that are deleted meanwhile, pages overlap by ``OVERLAP``.
    """

    #: Ids of posts and comments do not ascend together.
    watermark: str | None = None

    def __init__(
        self, client: LinkedInClient, source: Source, start: datetime, end: datetime
    ) -> None:
        self._client = client
        self._source = source
        self._failure: ApiError | None = None
        self._stopped = False
        self._simulated = False
        self._tasks: deque[_Listing | _Thread] = deque([_Listing(0)])
        self._listings = 0
        self._seen: set[str] = set()
        self._asked: set[str] = set()
        self.pages = 0
        self.exhausted = False
        now = client.clock().astimezone(timezone.utc).replace(microsecond=0)
        whole = timedelta(seconds=1)
        self.start = start.astimezone(timezone.utc).replace(microsecond=0)
        # The end is exclusive: cut down, it would lose what its last fraction holds.
        self.end = -(-(end.astimezone(timezone.utc) - _EPOCH) // whole) * whole + _EPOCH
        self.end = min(self.end, now)
        edge = now - client._reach
        if self.end <= edge:
            raise BeyondReach(
                f"the window to {end:%Y-%m-%d %H:%M} ends before the last "
                f"{client._reach.days} days",
                f"LinkedIn GET {POSTS}",
                client.what_would_reach,
            )
        self.start = max(self.start, edge)
        self._window = range(_ms(self.start), _ms(self.end))
        self._horizon = _ms(self.start - client.comment_span)

    def __next__(self) -> Page:
        if self._failure:
            raise self._failure
        if self.exhausted or self._stopped:
            raise StopIteration
        if self.start >= self.end:
            self.exhausted = True
            raise StopIteration
        task = self._tasks.popleft()
        try:
            page = self._list(task) if isinstance(task, _Listing) else self._read(task)
        except ApiError as error:
            self._failure = error
            raise
        if not self._tasks:
            self.exhausted = True
        elif self.pages == self._client.max_pages:
            self._stopped = True
        return page

    def _list(self, task: _Listing) -> Page:
        """A page of posts. What follows from it comes first, the threads of its posts last."""
        self._listings += 1
        found = self._client.posts(self._source.value, task.start, self._listings)
        self._simulated = found.simulated
        if not found.items and task.start == 0:
            self._client.check_role(self._source)
        malformed: list[Malformed] = []
        posts = list(_objects(found.items, "post", malformed))
        fresh = [(index, post) for index, post in posts if str(post.get("id")) not in self._seen]
        self._seen |= {post["id"] for _, post in fresh if isinstance(post.get("id"), str)}
        self._turn(task, found, stale=bool(posts) and not fresh)
        dated = [(index, post, _created(post)) for index, post in fresh]
        wanted = [
            (index, post, at)
            for index, post, at in dated
            if at is None or self._horizon <= at < self._window.stop
        ]
        counts = self._client.counts(
            [post["id"] for _, post, _ in wanted if _is_post_urn(post.get("id"))]
        )
        records: list[dict[str, Any]] = []
        errors: Counter[str] = Counter()
        # What is no object stands where a post should.
        nameless = len(malformed)
        for index, post, at in wanted:
            if at is None or at in self._window:
                _keep(_post_record(post, counts), "post", index, records, malformed)
            if _is_post_urn(post.get("id")):
                self._follow(post["id"], counts, errors)
            else:
                nameless += 1
        if nameless:
            errors["a post has no id to read its comments by"] = nameless
        self.pages += 1
        partial = [PartialError("counts", title, count) for title, count in errors.items()]
        return Page(self.pages, records, malformed, partial, found.simulated)

    def _turn(self, task: _Listing, found: _Elements, stale: bool) -> None:
        """Decide what is listed next; ``stale``: every post of the page was known."""
        if task.again:
            return
        if stale and found.full:
            raise self._circle(f"LinkedIn GET {POSTS}, page {self._listings}")
        changed = [_integer(item.get("lastModifiedAt")) for item in _dicts(found.items)]
        oldest = next((at for at in reversed(changed) if at is not None), None)
        passed = oldest is not None and oldest < self._horizon
        if found.next_start is not None and not stale and not passed:
            self._tasks.appendleft(_Listing(found.next_start))
        elif self._listings > 1:
            self._tasks.appendleft(_Listing(0, again=True))

    def _follow(self, urn: str, counts: _Counts, errors: Counter[str]) -> None:
        """Have the comments of a post read, unless it has none."""
        status = counts.failed.get(urn)
        if status is not None:
            errors["a post vanished" if status == 404 else f"counts refused: HTTP {status}"] += 1
        total, top = _comments_of(counts.found.get(urn))
        # What nobody counted may have comments.
        unknown = urn not in counts.found
        if status != 404 and (total or unknown):
            self._tasks.append(_Thread(urn, unknown or total != top))

    def _read(self, task: _Thread) -> Page:
        """A page of comments, or of the answers to one."""
        if task.comment is None and task.number == 1:
            self._asked.clear()
        try:
            found = self._client.comments(task.comment or task.post, task.start, task.number)
        except Vanished:
            self.pages += 1
            title = f"a {'comment' if task.comment else 'post'} vanished"
            gone = [PartialError("not_found", title, 1)]
            return Page(self.pages, [], [], gone, self._simulated)
        records: list[dict[str, Any]] = []
        malformed: list[Malformed] = []
        urns: set[str] = set()
        answered: list[_Thread] = []
        for index, comment in _objects(found.items, "comment", malformed):
            urn, at = _comment_urn(comment), _integer(_dict(comment.get("created")).get("time"))
            if at is None or at in self._window:
                record = {"comment": comment, "post_urn": task.post}
                _keep(record, "comment", index, records, malformed)
            if urn is not None:
                urns.add(urn)
                young = at is None or at < self._window.stop
                if task.comment is None and young and self._has_answers(comment, urn, task):
                    self._asked.add(urn)
                    answered.append(_Thread(task.post, False, urn))
        stale = bool(urns) and urns <= task.before
        if stale and found.full:
            raise self._circle("LinkedIn GET /rest/socialActions/{urn}/comments")
        following = []
        if found.next_start is not None and not stale:
            following.append(task.next(found.next_start, frozenset(urns)))
        self._tasks.extendleft(reversed([*following, *answered]))
        self.pages += 1
        return Page(self.pages, records, malformed, [], found.simulated)

    def _has_answers(self, comment: dict[str, Any], urn: str, task: _Thread) -> bool:
        if urn in self._asked:
            return False
        summary = _dict(comment.get("commentsSummary"))
        told = [
            _integer(summary.get(name))
            for name in ("totalFirstLevelComments", "aggregatedTotalComments")
        ]
        counted = [count for count in told if count is not None]
        return any(counted) if counted else task.answered

    def _circle(self, where: str) -> UnexpectedResponse:
        return UnexpectedResponse(
            "the API gives the same page again, which would go round for ever",
            where,
            "run this window again; what was read up to here is kept",
        )


def _page_of(items: list[Any], paging: object, start: int, simulated: bool) -> _Elements:
    """Whether and where another page follows.

    A page shorter than asked for is the last one; one that holds less than LinkedIn left of it
    (of what this token may not see) is not, which its links or its total tell, where they stand.
    An empty page always is the last: totals may be wrong.
    """
    told = _dict(paging)
    count = _integer(told.get("count"))
    count = count if count is not None and 0 < count < PAGE else PAGE
    full = len(items) >= count
    linked = any(link.get("rel") == "next" for link in _dicts(told.get("links")))
    total = _integer(told.get("total"))
    more = full or linked or (total is not None and total > start + len(items))
    following = start + count - min(OVERLAP, count // 2) if items and more else None
    return _Elements(items, full, following, simulated)


def _objects(
    items: Iterable[Any], what: str, malformed: list[Malformed]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a page with their places; the rest goes to ``malformed``."""
    for index, item in enumerate(items):
        if isinstance(item, dict):
            yield index, item
        else:
            reason = f"the entry is {kind_of(item)}, not a {what}"
            malformed.append(malformed_part(index, reason, item))


def _keep(
    record: dict[str, Any],
    what: str,
    index: int,
    records: list[dict[str, Any]],
    malformed: list[Malformed],
) -> None:
    if is_unicode(record):
        records.append(record)
    else:
        malformed.append(malformed_part(index, f"the {what} is not valid UTF-8", record))


def _post_record(post: dict[str, Any], counts: _Counts) -> dict[str, Any]:
    counted = counts.found.get(str(post.get("id")))
    return {"post": post} | ({} if counted is None else {"social_metadata": counted})


def _comments_of(counted: Mapping[str, Any] | None) -> tuple[int, int]:
    """All comments and answers of a post, and the comments among them; 0 where nobody says."""
    summary = _dict((counted or {}).get("commentSummary"))
    total = _integer(summary.get("count")) or 0
    top = _integer(summary.get("topLevelCount"))
    return total, total if top is None else min(top, total)


def _created(post: Mapping[str, Any]) -> int | None:
    """When a post was published, else created: Unix milliseconds, None where it can't be told."""
    published = post.get("publishedAt")
    return _integer(post.get("createdAt") if published is None else published)


def _comment_urn(comment: Mapping[str, Any]) -> str | None:
    """The comment's urn in the spelling that addresses take."""
    urn = comment.get("commentUrn")
    if urn is None:
        urn = f"urn:li:comment:({comment.get('object')},{comment.get('id')})"
    found = _COMMENT_URN.fullmatch(urn) if isinstance(urn, str) else None
    return f"urn:li:comment:(urn:li:{found[1]})" if found else None


def _is_post_urn(value: object) -> bool:
    return isinstance(value, str) and _POST_URN.fullmatch(value) is not None


def _entries(answer: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """A batch's answers by urn, which some gateways leave encoded."""
    for urn, entry in _dict(answer).items():
        if isinstance(entry, dict):
            yield unquote(urn), entry


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: object) -> Iterator[dict[str, Any]]:
    return (
        (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())
    )


def _integer(value: object) -> int | None:
    return value if type(value) is int else None


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _fate(token: Mapping[str, Any]) -> str:
    """Why a token is not active."""
    status = token.get("status")
    return status if status in ("expired", "revoked") else "not active, or another app's"


def _epoch_seconds(value: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(value, timezone.utc) if type(value) is int else None
    except (ValueError, OverflowError, OSError):
        return None


def _next_midnight() -> datetime:
    today = utc_now().replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=1)
