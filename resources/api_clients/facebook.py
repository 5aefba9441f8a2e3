"""Facebook Pages: the posts of a Page's feed and the comments under them, as Graph gives them.

What belongs here: which edges are read for a stretch of time, and what that costs. The Graph API's
own errors, limits and pages are ``graph.py``; what a post or a comment means is
``sentiment_assets.core.parsers.facebook``.

How a stretch is read. Neither edge documents a filter by time, so the feed is listed from its top
back to ``comment_days`` before the stretch. It is *ranked*, newest first in the main: the listing
stops after ``OLDER_IN_A_ROW`` posts that are older than that, and every post is looked at by its
own time. Then come the comments, of each post that was updated since the stretch began (a post is
updated "when it is created, edited, or a User comments on it"), newest first until they are older
than the stretch. The edge names ``order`` without listing it among its parameters, so only an
answer that confirms the order lets the reading stop early. Whether the Page's own answers update a
post is not said: at worst one is missed under a post that nobody else commented on since.

The feed holds unpublished posts, too: drafts, and posts made for ads. They and what is said under
them are left out. Ids of comments and all authors are withheld where a Page is read through Page
Public Content Access. Nothing tells that a text was edited.

Sources (read 2026-11-24), below https://developers.facebook.com/docs/graph-api/:
reference/page/feed (100 posts a page, about 600 ranked posts a year, ``is_published``,
``updated_time``, what the token needs), reference/object/comments (``filter``, ``order``,
``summary``; withheld ids), reference/comment, reference/story-attachment,
overview/rate-limiting#pages.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from pydantic import Field, SecretStr, field_validator

from resources.api_clients import graph
from resources.api_clients.access import (
    Connection,
    Finding,
    PlatformAccess,
    Source,
    SourceCost,
    TokenEnd,
    sendable,
)
from resources.api_clients.answers import Malformed, Page, PartialError
from resources.api_clients.errors import ApiError, BeyondReach
from resources.api_clients.graph import GraphApi, GraphPage, Listing
from resources.api_clients.http import UNMETERED, Allowance, RateBudget, utc_now

FEED = "/{page}/feed"
COMMENTS = "/{post}/comments"
VERSION = "v26.0"
REACH = timedelta(days=365)
COMMENT_DAYS = 30
#: The feed's order is by rank: so many posts older than what is sought say that the rest is, too.
OLDER_IN_A_ROW = 50
#: What the token needs: reference/page/feed.
SCOPES = ("pages_read_engagement", "pages_read_user_content")

# Only what the common post schema is made of: what is not asked for need not be protected.
POST_FIELDS = (
    "id,message,created_time,updated_time,is_published,from,message_tags,"
    "attachments{type,unshimmed_url},shares,reactions.limit(0).summary(total_count),"
    "comments.filter(stream).limit(0).summary(total_count)"
)
COMMENT_FIELDS = (
    "id,message,created_time,from,parent{id},message_tags,attachment{type,unshimmed_url},"
    "like_count,comment_count"
)

_PAGE_ID = re.compile(r"[0-9]{1,20}")
_POST_ID = re.compile(r"[0-9]{1,20}(_[0-9]{1,20})?")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_SECOND = timedelta(seconds=1)


class Access(PlatformAccess):
    """A Page's token. overview/rate-limiting#pages: 4800 calls a day for each engaged user."""

    LIVE_URL = graph.LIVE_URL
    REQUESTS = 4800
    PERIOD = timedelta(days=1)
    CREDENTIAL = "access_token"

    access_token: SecretStr | None = Field(
        None,
        description="Page access token, or a system user's; needed when live.",
        examples=["EAAG…"],
    )
    api_version: str = Field(
        VERSION, description="Version of the Graph API that is asked for.", examples=["v27.0"]
    )
    comment_days: int = Field(
        COMMENT_DAYS,
        ge=0,
        le=365,
        description="How many days after a post comments on it are still looked for.",
        examples=["60"],
    )
    verify_token: SecretStr | None = Field(
        None,
        description="Text that Facebook shows when it checks the address of pushes: any long "
        "random one, the same as in the app's Webhooks settings.",
        examples=["(a secret)"],
    )
    app_secret: SecretStr | None = Field(
        None,
        description="The app's secret, by which pushes are signed (docs/streaming.md).",
        examples=["(a secret)"],
    )
    _sendable = field_validator("access_token")(sendable)
    _version = field_validator("api_version")(graph.check_version)


def open_client(
    access: Access,
    *,
    base_url: str,
    token: str,
    budget: RateBudget = UNMETERED,
    clock: Callable[[], datetime] = utc_now,
    sleep: Callable[[float], None] = time.sleep,
) -> FacebookClient:
    """The client that the settings ask for."""
    return FacebookClient(
        base_url,
        token,
        api_version=access.api_version,
        comment_days=access.comment_days,
        max_pages=access.max_pages,
        max_wait_s=access.max_wait_seconds,
        budget=budget,
        clock=clock,
        sleep=sleep,
    )


class FacebookClient:
    """Posts and comments of Pages with one token; safe to share between threads.

    A request waits at most ``max_wait_s`` for rate limits and retries; a search reads at most
    ``max_pages`` answers (None: all). Comments are sought on posts up to ``comment_days`` older
    than the stretch asked for. ``clock`` decides what is in reach (a simulator's may be set).
    """

    #: A crawl lists a Page's feed once, however long the stretch.
    span: timedelta | None = None
    what_would_reach = (
        "a download of the Page's own information holds its older posts, without a client here"
    )

    def __init__(
        self,
        base_url: str,
        access_token: str,
        *,
        api_version: str = VERSION,
        comment_days: int = COMMENT_DAYS,
        max_pages: int | None = None,
        max_wait_s: float = 960.0,
        timeout_s: float = 30.0,
        budget: RateBudget = UNMETERED,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        if max_pages is not None and max_pages < 1:
            raise ValueError(f"max_pages {max_pages} must be 1 or more, or None for all pages")
        if comment_days < 0:
            raise ValueError(f"comment_days {comment_days} must be 0 or more")
        self.api_version = api_version
        self.comment_days = comment_days
        self.max_pages = max_pages
        self.clock = clock
        self._graph = GraphApi(
            base_url,
            access_token,
            platform="Facebook",
            version=api_version,
            setting="SENTIMENT_FACEBOOK_API_VERSION",
            max_wait_s=max_wait_s,
            timeout_s=timeout_s,
            budget=budget,
            sleep=sleep,
            clock=lambda: self.clock(),
        )

    def __repr__(self) -> str:
        return f"FacebookClient({self._graph.base_url!r}, {self.api_version!r})"

    def close(self) -> None:
        """Close the connections."""
        self._graph.close()

    @property
    def allowance(self) -> Allowance | None:
        """What is left of the limits, as of the newest answer that said so."""
        return self._graph.allowance

    def reach(self, source: Source) -> timedelta:
        """A year, of which the feed holds about 600 posts: of a busy Page not all of them."""
        return REACH

    def notices(self) -> list[str]:
        """Warnings about the version of the API."""
        return self._graph.notices(self.clock())

    def search(self, source: Source, start: datetime, end: datetime) -> Crawl:
        """Posts of a Page and comments on its posts, created in [start, end) (aware datetimes).

        Nothing is requested before the first page is read. Raises ValueError for arguments that
        make no sense, BeyondReach for a stretch older than the reach; reading pages raises the
        other ApiErrors.
        """
        if not _PAGE_ID.fullmatch(source.value):
            raise ValueError("a Page is tracked by its numeric id, up to 20 digits")
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError(
                "start and end need a time zone; for example: datetime(2026, 11, 23, tzinfo=utc)"
            )
        if start >= end:
            raise ValueError(f"the stretch's start {start} must be before its end {end}")
        return Crawl(self, source.value, start, end)

    def feed(self, page_id: str) -> Listing:
        """A Page's posts, by rank."""
        return self._graph.listing(
            f"{page_id}/feed", {"fields": POST_FIELDS}, FEED, always_paged=True
        )

    def comments(self, post_id: str) -> Listing:
        """All comments under a post and the answers to them, newest first."""
        params = {
            "fields": COMMENT_FIELDS,
            "filter": "stream",
            "order": "reverse_chronological",
            "summary": "true",
        }
        return self._graph.listing(f"{post_id}/comments", params, COMMENTS, always_paged=True)

    def token_end(self) -> TokenEnd:
        """When the token ends; a request.

        Raises:
            ApiError: Graph did not say, for a reason other than the token.
        """
        return self._graph.token_end()

    def inspect(self, sources: Sequence[Source]) -> Connection:
        """Token, permissions, version and limits, and a page of each source; writes nothing."""
        now = self.clock()
        findings = self._graph.token_findings(SCOPES, now)
        costs: list[SourceCost] = []
        preview: list[dict[str, Any]] = []
        for source in sources:
            try:
                posts, comments = self._glance(source)
            except (ApiError, ValueError) as error:
                what = f"page {source.name}"
                findings.append(
                    graph.explained(what, error)
                    if isinstance(error, ApiError)
                    else Finding(what, False, str(error), "correct it in tracking.yaml")
                )
                continue
            findings.append(_read(source, posts, comments))
            costs.append(self._cost(source, posts, now))
            if not preview:
                preview = [*posts, *comments]
        if costs and len(costs) == len(sources):
            findings = [_tolerated(finding) for finding in findings]
        findings += [self._graph.version_finding(now), self._graph.allowance_finding()]
        return Connection(findings, costs, preview)

    def _glance(self, source: Source) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The first page of a feed, and of the comments under the first post that has any."""
        if not _PAGE_ID.fullmatch(source.value):
            raise ValueError("a Page is tracked by its numeric id, up to 20 digits")
        page = next(self.feed(source.value))
        posts, _ = graph.split(page.data, "post", _post)
        said = (record["post"] for record in posts if _comment_count(record["post"]) != 0)
        discussed = next((post["id"] for post in said if _has_id(post)), None)
        if discussed is None:
            return posts, []
        comments, _ = graph.split(
            next(self.comments(discussed)).data, "comment", lambda raw: _comment(raw, discussed)
        )
        return posts, comments

    def _cost(self, source: Source, records: list[dict[str, Any]], now: datetime) -> SourceCost:
        posts = [record["post"] for record in records]
        created = [made for post in posts if (made := graph.parse_time(post.get("created_time")))]
        if not created:
            return SourceCost(source.name, 1, None, "no posts to judge by")
        days = max((now - min(created)) / timedelta(days=1), 1.0)
        day = now - timedelta(days=1)
        lively = sum(
            (_comment_count(post) or 0) > 0
            and (graph.parse_time(post.get("updated_time")) or now) >= day
            for post in posts
        )
        listed = len(posts) / days * self.comment_days + OLDER_IN_A_ROW
        records_a_day = (len(posts) + sum(_comment_count(post) or 0 for post in posts)) / days
        return SourceCost(
            source.name,
            -(-int(listed) // graph.LIMIT) + lively,
            round(records_a_day, 1),
            f"by the newest {len(posts)} posts: the feed of {self.comment_days} days, and comments "
            f"of {lively} posts that were commented on in the last 24 hours",
        )


class Crawl(Iterator[Page]):
    """The answers of one search, a page each, and afterwards what is known about it.

    ``start`` and ``end`` are the bounds that records are kept by: whole seconds, inside the reach,
    ``end`` not after now. ``exhausted`` turns true with the last page; it stays false after an
    error and when ``max_pages`` ended the search. ``watermark`` is always None: ids do not ascend.
    """

    watermark: str | None = None

    def __init__(
        self, client: FacebookClient, page_id: str, start: datetime, end: datetime
    ) -> None:
        now = client.clock().astimezone(timezone.utc).replace(microsecond=0)
        self.start = start.astimezone(timezone.utc).replace(microsecond=0)
        # The end is exclusive: cut down, it would lose what was made in its last fraction.
        self.end = -(-(end.astimezone(timezone.utc) - _EPOCH) // _SECOND) * _SECOND + _EPOCH
        self.end = min(self.end, now)
        if self.end <= now - REACH:
            raise BeyondReach(
                f"the stretch to {end:%Y-%m-%d %H:%M} ends before the last {REACH.days} days",
                f"Facebook GET {FEED}",
                client.what_would_reach,
            )
        self.start = max(self.start, now - REACH)
        self.pages = 0
        self.exhausted = False
        self._client = client
        # No comment before its post: older posts than these can't have one that is sought.
        self._oldest = self.start - timedelta(days=client.comment_days)
        self._feed = client.feed(page_id)
        self._listed = False
        self._older = 0
        # Ids of posts whose comments are still to be read, each once.
        self._discussed: dict[str, None] = {}
        self._waiting: deque[str] = deque()
        #: The post whose comments are being read.
        self._reading: tuple[str, Listing] | None = None
        self._simulated = False
        self._failure: ApiError | None = None
        self._stopped = False

    def __next__(self) -> Page:
        if self._failure is not None:
            raise self._failure
        if self.exhausted or self._stopped:
            raise StopIteration
        if self.start >= self.end:
            self.exhausted = True
            raise StopIteration
        try:
            page = self._comment_page() if self._listed else self._feed_page()
        except ApiError as error:
            self._failure = error
            raise
        self.pages += 1
        if self._listed and self._reading is None and not self._waiting:
            self.exhausted = True
        elif self.pages == self._client.max_pages:
            self._stopped = True
        return page

    def _feed_page(self) -> Page:
        page = next(self._feed)
        # What is no object stands where a post should.
        nameless = sum(not _is_object(entry) for entry in page.data)
        for post in filter(_is_object, page.data):
            created = graph.parse_time(post.get("created_time"))
            self._older = self._older + 1 if created and created < self._oldest else 0
            if self._may_have_comments(post, created):
                if _has_id(post):
                    self._discussed[post["id"]] = None
                else:
                    nameless += 1
        if self._feed.exhausted or self._older >= OLDER_IN_A_ROW:
            self._listed = True
            self._waiting = deque(self._discussed)
            self._discussed = {}
        kept, malformed = graph.split(
            page.data, "post", _post, lambda raw: _published(raw) and self._wanted(raw)
        )
        unread = PartialError("", "a post has no id to read its comments by", nameless)
        return self._page(page, kept, malformed, [unread] if nameless else [])

    def _comment_page(self) -> Page:
        if self._reading is None:
            following = self._waiting.popleft()
            self._reading = (following, self._client.comments(following))
        post_id, listing = self._reading
        try:
            page = next(listing)
        except graph.Vanished:
            self._reading = None
            gone = [PartialError("", "a post vanished before its comments were read", 1)]
            return Page(self.pages + 1, [], [], gone, self._simulated)
        comments = filter(_is_object, reversed(page.data))
        created = (graph.parse_time(comment.get("created_time")) for comment in comments)
        last = next((made for made in created if made), None)
        newest_first = page.summary.get("order") == "reverse_chronological"
        if listing.exhausted or (newest_first and last is not None and last < self.start):
            self._reading = None
        kept, malformed = graph.split(
            page.data, "comment", lambda raw: _comment(raw, post_id), self._wanted
        )
        return self._page(page, kept, malformed, [])

    def _wanted(self, raw: dict[str, Any]) -> bool:
        """Inside the stretch, or of an unknown time: the latter become dead letters."""
        created = graph.parse_time(raw.get("created_time"))
        return created is None or self.start <= created < self.end

    def _may_have_comments(self, post: dict[str, Any], created: datetime | None) -> bool:
        """Whether comments of the stretch may stand under a post; what is not told may be."""
        if not _published(post) or (created and not self._oldest <= created < self.end):
            return False
        updated = graph.parse_time(post.get("updated_time"))
        return (updated is None or updated >= self.start) and _comment_count(post) != 0

    def _page(
        self,
        page: GraphPage,
        records: list[dict[str, Any]],
        malformed: list[Malformed],
        errors: list[PartialError],
    ) -> Page:
        self._simulated = page.simulated
        return Page(self.pages + 1, records, malformed, errors, page.simulated)


def _is_object(entry: object) -> bool:
    return isinstance(entry, dict)


def _published(post: dict[str, Any]) -> bool:
    """Not a draft, nor a post that only an ad shows."""
    return post.get("is_published") is not False


def _post(raw: dict[str, Any]) -> dict[str, Any]:
    return {"post": raw}


def _comment(raw: dict[str, Any], post_id: str) -> dict[str, Any]:
    return {"comment": raw, "post_id": post_id}


def _has_id(post: dict[str, Any]) -> bool:
    return isinstance(post.get("id"), str) and bool(_POST_ID.fullmatch(post["id"]))


def _comment_count(post: dict[str, Any]) -> int | None:
    """How many comments a post tells of; None where it doesn't."""
    edge = post.get("comments")
    summary = edge.get("summary") if isinstance(edge, dict) else None
    count = summary.get("total_count") if isinstance(summary, dict) else None
    return count if isinstance(count, int) else None


def _read(source: Source, posts: list[dict[str, Any]], comments: list[dict[str, Any]]) -> Finding:
    what = f"page {source.name}"
    if not posts:
        return Finding(
            what, False, "its feed is empty", "check the id, and that the token is of this Page"
        )
    times = [graph.parse_time(record["post"].get("created_time")) for record in posts]
    newest = max((made for made in times if made), default=None)
    said = f"{len(posts)} posts read" + (f", the newest of {newest:%Y-%m-%d}" if newest else "")
    if comments:
        said += f"; {len(comments)} comments under one of them"
        if not any("id" in record["comment"] for record in comments):
            said += ", without ids and authors (Page Public Content Access)"
    return Finding(what, True, said)


def _tolerated(finding: Finding) -> Finding:
    """Missing permissions where everything could be read all the same."""
    if finding.what != "permissions" or finding.ok:
        return finding
    return Finding(
        finding.what,
        True,
        f"{finding.said}; all Pages could be read without, as by Page Public Content Access",
        "with them, comments have ids and authors",
    )
