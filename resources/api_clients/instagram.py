"""Instagram API with Facebook Login: an account's media and their comments, a hashtag's media.

What belongs here: Instagram's edges, their fields, order, limits and errors. What the Graph API
itself promises stands in ``graph.py``; what a comment means in
``sentiment_assets.core.parsers.instagram``; which windows to ask for is the asset layer's decision.

Sources (read 2026-11-24), below https://developers.facebook.com/docs/instagram-platform/:

- instagram-graph-api/reference/ig-user/media: the 10,000 newest, ``since`` and ``until``;
- reference/instagram-media: fields; ``like_count`` is left out where the owner hides it;
- instagram-graph-api/reference/ig-media/comments: newest first, 50 a query, no filter by time,
  replies by field expansion only; live videos' comments only while they are live;
- instagram-graph-api/reference/ig-comment and ig-comment/replies: fields; a reply to a reply stands
  under the comment; restricted people's comments are left out;
- instagram-graph-api/reference/ig-hashtag-search, ig-hashtag/recent-media and
  ig-user/recently_searched_hashtags: 30 hashtags in 7 days, 24 hours, 50 a page, any order, no
  ``username``, an ``after`` that is the same on every page and still leads on;
- instagram-graph-api/reference/ig-user/mentioned_comment and mentioned_media: what names the
  account, by its id, in other people's comments and captions;
- overview (rate limits): 4,800 calls in 24 hours per impression of the account's content; hashtag
  calls count for the app, 200 an hour per user.

The last page of comments, replies and hashtag media comes without ``paging``.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
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
from resources.api_clients.answers import (
    Malformed,
    Page,
    PartialError,
    kind_of,
    malformed_part,
    objects,
)
from resources.api_clients.errors import (
    ApiError,
    BadRequest,
    BeyondReach,
    TransientApiError,
    UnexpectedResponse,
    UsageCapExceeded,
)
from resources.api_clients.graph import GraphApi, GraphPage, Listing, Vanished, parse_time
from resources.api_clients.http import UNMETERED, Allowance, RateBudget, utc_now

ACCOUNT, HASHTAG = "account", "hashtag"
#: For ``inspect``; hashtags also need the feature Instagram Public Content Access.
SCOPES = ("instagram_basic", "instagram_manage_comments", "pages_read_engagement")
HASHTAGS = 30

# Only what the common post schema is made of: what is not asked for need not be protected.
MEDIA_FIELDS = "id,caption,timestamp,username,owner,like_count,comments_count"
HASHTAG_FIELDS = "id,caption,timestamp,like_count,comments_count"
_REPLY_FIELDS = "id,text,timestamp,username,from,like_count"
#: Of other people's, less is told.
_MENTIONING_FIELDS = "id,text,timestamp,like_count"
_MENTIONED_FIELDS = "id,caption,timestamp,username,like_count,comments_count"
COMMENT_FIELDS = f"{_REPLY_FIELDS},replies.limit(25){{{_REPLY_FIELDS}}}"

MEDIA_PAGE = 100
COMMENTS_PAGE = 50
HASHTAG_PAGE = 50

#: The edge counts media, not days: at 13 a day the 10,000 newest reach back so far. Whoever posts
#: more often finds older windows empty.
REACH = timedelta(days=730)
HASHTAG_REACH = timedelta(hours=24)
# The edge of those 24 hours moves on while pages are read.
EDGE = timedelta(seconds=60)
# What is newer may not be listed yet, and clocks disagree.
NEWEST = timedelta(seconds=15)
#: Payloads of each kind that a preview shows of a source.
PREVIEW = 10

_MEDIA = "/{ig-user}/media"
_COMMENTS = "/{ig-media}/comments"
_REPLIES = "/{ig-comment}/replies"
_SEARCH = "/ig_hashtag_search"
_RECENT = "/{ig-hashtag}/recent_media"
_SEARCHED = "/{ig-user}/recently_searched_hashtags"
_SETTING = "SENTIMENT_INSTAGRAM_USER_ID"


class Access(PlatformAccess):
    """One token's access. The limit is that of an account whose content is seen 100 times a day: a
    lively one has far more, and the answers' own headers slow the caller down.
    """

    LIVE_URL = graph.LIVE_URL
    REQUESTS = 480_000
    PERIOD = timedelta(hours=24)
    CREDENTIAL = "access_token"

    access_token: SecretStr | None = Field(
        None,
        description="Access token of a system user or person who manages the tracked accounts; "
        "needed when live.",
        examples=["EAAG…"],
    )
    api_version: str = Field(
        "v26.0", description="Version of the Graph API that is asked.", examples=["v26.0"]
    )
    comment_days: int = Field(
        30,
        ge=0,
        le=REACH.days,
        description="How many days after its publication a media object's comments are read.",
        examples=["30"],
    )
    user_id: str | None = Field(
        None,
        pattern=r"^[0-9]{3,20}$",
        description="Professional account that hashtags are searched for; by default the first "
        "that the token manages. It may search 30 different ones in 7 days.",
        examples=["17841405309211844"],
    )
    verify_token: SecretStr | None = Field(
        None,
        description="Text that Instagram shows when it checks the address of pushes: any long "
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
) -> InstagramClient:
    """The client that the settings ask for."""
    return InstagramClient(
        base_url,
        token,
        api_version=access.api_version,
        comment_days=access.comment_days,
        user_id=access.user_id,
        max_pages=access.max_pages,
        max_wait_s=access.max_wait_seconds,
        budget=budget,
        clock=clock,
        sleep=sleep,
    )


class InstagramClient:
    """Media, comments and hashtags with one token; safe to share between threads.

    A request waits at most ``max_wait_s`` for limits and retries; a search reads at most
    ``max_pages`` pages (None: all). ``clock`` decides which windows are open or in reach; limits
    follow the machine's clock.
    """

    #: A crawl costs the same for an hour as for a month: one search for the whole stretch.
    span: timedelta | None = None
    what_would_reach = (
        "hashtags are served for 24 hours and accounts for their 10,000 newest media; no edge "
        "returns older ones"
    )

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        api_version: str = "v26.0",
        comment_days: int = 30,
        user_id: str | None = None,
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
        self.comments_for = timedelta(days=comment_days)
        self.max_pages = max_pages
        self.clock = clock
        self._user_id = user_id
        self._hashtag_ids: dict[str, str] = {}
        self._graph = GraphApi(
            base_url,
            token,
            platform="Instagram",
            version=api_version,
            setting="SENTIMENT_INSTAGRAM_API_VERSION",
            max_wait_s=max_wait_s,
            timeout_s=timeout_s,
            budget=budget,
            sleep=sleep,
            clock=lambda: self.clock(),
            explain=_explained,
        )

    def __repr__(self) -> str:
        return f"InstagramClient({self._graph.base_url!r})"

    def close(self) -> None:
        """Close the connections."""
        self._graph.close()

    @property
    def allowance(self) -> Allowance | None:
        """What the fullest limit still grants, as of the newest answer that said so."""
        return self._graph.allowance

    def reach(self, source: Source) -> timedelta:
        """24 hours for hashtags; for accounts about what their 10,000 newest media reach."""
        return HASHTAG_REACH if source.kind == HASHTAG else REACH

    def notices(self) -> list[str]:
        """That the version retires soon, or that another one answered."""
        return self._graph.notices(self.clock())

    def search(self, source: Source, start: datetime, end: datetime) -> MediaSearch:
        """What was created in [start, end) (aware datetimes): media, comments and replies.

        Nothing is requested before the first page is read. Raises ValueError for arguments that
        make no sense, BeyondReach for a stretch older than the reach; reading pages raises the
        other ApiErrors, BadRequest for a hashtag where no account is there to search for.
        """
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError(
                "start and end need a time zone; for example: datetime(2026, 11, 23, tzinfo=utc)"
            )
        if start >= end:
            raise ValueError(f"the window's start {start} must be before its end {end}")
        self._check(source)
        return MediaSearch(self, source, start, end)

    def token_end(self) -> TokenEnd:
        """When the token ends; a request.

        Raises:
            ApiError: Graph did not say, for a reason other than the token.
        """
        return self._graph.token_end()

    def inspect(self, sources: Sequence[Source]) -> Connection:
        """Looks at token, permissions, version, limits and a page of each source.

        It spends one of the 30 hashtags on each tracked one, as a fetch would.
        """
        now = self.clock()
        findings = self._graph.token_findings(SCOPES, now)
        costs: list[SourceCost] = []
        preview: list[dict[str, Any]] = []
        for source in sources:
            what = f"{source.kind} {source.name}"
            try:
                self._check(source)
                sample = self._sample(source, now)
            except ApiError as error:
                findings.append(graph.explained(what, error))
                continue
            except ValueError as error:
                findings.append(Finding(what, False, str(error), "correct it in tracking.yaml"))
                continue
            findings.append(Finding(what, True, sample.said))
            costs.append(sample.cost)
            preview += sample.payloads
        if self._user_id is not None and any(source.kind == HASHTAG for source in sources):
            findings.append(self._hashtags_left())
        findings.append(self._graph.version_finding(now))
        findings.append(self._graph.allowance_finding())
        return Connection(findings, costs, preview)

    # What a search reads.

    def media_of(self, account: str, since: datetime, until: datetime) -> Listing:
        """An account's media created from ``since`` to ``until``, and perhaps more; newest first.

        Both bounds are widened by a second: whether they are inclusive is not documented.
        """
        params = {
            "fields": MEDIA_FIELDS,
            "since": str(math.floor(since.timestamp()) - 1),
            "until": str(math.ceil(until.timestamp()) + 1),
        }
        return self._graph.listing(
            f"{account}/media", params, _MEDIA, limit=MEDIA_PAGE, always_paged=True
        )

    def comments_on(self, media_id: str) -> Listing:
        """A media object's comments, newest first, each with its first replies."""
        return self._graph.listing(
            f"{media_id}/comments",
            {"fields": COMMENT_FIELDS},
            _COMMENTS,
            limit=COMMENTS_PAGE,
            unpaged_ends=True,
        )

    def replies_to(self, comment_id: str, after: str | None) -> Listing:
        """A comment's replies behind the cursor."""
        return self._graph.listing(
            f"{comment_id}/replies",
            {"fields": _REPLY_FIELDS} | ({} if after is None else {"after": after}),
            _REPLIES,
            limit=COMMENTS_PAGE,
            unpaged_ends=True,
        )

    def media_with(self, hashtag: str) -> Listing:
        """The media of 24 hours that have the hashtag, in any order."""
        return self._graph.listing(
            f"{self._hashtag_id(hashtag)}/recent_media",
            {"user_id": self._searcher, "fields": HASHTAG_FIELDS},
            _RECENT,
            limit=HASHTAG_PAGE,
            unpaged_ends=True,
        )

    # What a push names.

    def comment(self, comment_id: str) -> dict[str, Any]:
        """A comment or reply by its id, in the shape that a search has.

        Raises:
            Vanished: it is gone, or hidden.
            ApiError: as reading pages.
        """
        params = {"fields": f"{_REPLY_FIELDS},media,parent_id"}
        return _placed(self._graph.get(comment_id, params, "/{ig-comment}").body)

    def mentioning(
        self, account: str, *, comment: str | None = None, media: str | None = None
    ) -> dict[str, Any]:
        """Somebody's comment or media object that names the account, in a search's shape.

        Raises:
            Vanished: it is gone, or hidden.
            ApiError: as reading pages.
        """
        if comment is not None:
            asked = f"mentioned_comment.comment_id({comment}){{{_MENTIONING_FIELDS},media}}"
        else:
            asked = f"mentioned_media.media_id({media}){{{_MENTIONED_FIELDS}}}"
        where = "/{ig-user}?fields=" + asked.partition(".")[0]
        body = self._graph.get(account, {"fields": asked}, where).body
        found = body.get(asked.partition(".")[0])
        if not isinstance(found, dict):
            raise Vanished("nothing stands there", f"Instagram GET {where}", "nothing to do")
        return _placed(found) if comment is not None else {"media": found, "source": "mention"}

    @property
    def _searcher(self) -> str:
        """The account that hashtags are searched for: the setting's, or the token's first."""
        if self._user_id is None:
            self._user_id = next(self._accounts(), None)
        if self._user_id is None:
            raise BadRequest(
                f"{_SETTING} is not set, and no Page of the token has a professional account: a "
                "hashtag is searched for one",
                f"Instagram GET {_SEARCH}",
                "set it to the id of a professional account that the token manages",
            )
        return self._user_id

    def _accounts(self) -> Iterator[str]:
        """Professional accounts of the token's Pages (instagram-api-with-facebook-login/
        get-started, steps 4 and 5).
        """
        params = {"fields": "instagram_business_account", "limit": str(graph.LIMIT)}
        body = self._graph.get("me/accounts", params, "/me/accounts").body
        for page in objects(body.get("data"), "instagram_business_account"):
            account = page["instagram_business_account"]
            spelled = account.get("id") if isinstance(account, dict) else None
            if isinstance(spelled, str) and re.fullmatch(r"[0-9]{5,20}", spelled):
                yield spelled

    def _check(self, source: Source) -> None:
        """Raise ValueError for a source that makes no path, BadRequest where a setting lacks."""
        if source.kind not in (ACCOUNT, HASHTAG):
            raise ValueError(f"{source.kind!r} is no kind of Instagram source: account or hashtag")
        if source.kind == ACCOUNT and not re.fullmatch(r"[0-9]{3,20}", source.value):
            raise ValueError("an Instagram account is tracked by its id, 3 to 20 digits")
        if source.kind == HASHTAG and not re.fullmatch(r"\w{1,100}", source.value):
            raise ValueError("a hashtag is tracked as letters, digits and underscores, without #")

    def _hashtag_id(self, hashtag: str) -> str:
        """Ids are the same for everybody and for ever; each search of a new one is counted."""
        known = self._hashtag_ids.get(hashtag.lower())
        if known is not None:
            return known
        params = {"user_id": self._searcher, "q": hashtag}
        body = self._graph.get("ig_hashtag_search", params, _SEARCH).body
        found = objects(body.get("data"), "id")
        if not found and body.get("data") == []:
            raise _no_such_hashtag(f"Instagram GET {_SEARCH}")
        hashtag_id = found[0]["id"] if found else None
        if not isinstance(hashtag_id, str) or not hashtag_id.isdecimal():
            raise UnexpectedResponse(
                "the answer holds no hashtag's id",
                f"Instagram GET {_SEARCH}",
                "see Meta's status page",
            )
        self._hashtag_ids[hashtag.lower()] = hashtag_id
        return hashtag_id

    # What ``inspect`` says.

    def _sample(self, source: Source, now: datetime) -> _Sample:
        if source.kind == ACCOUNT:
            return self._account_sample(source, now)
        listing = self.media_with(source.value)
        page = next(listing)
        times = _times(page)
        if listing.exhausted:
            days = HASHTAG_REACH / timedelta(days=1)
        else:
            days = max((max(times) - min(times)) / timedelta(days=1), 1e-3) if times else 1.0
        per_day = len(page.data) / days
        cost = SourceCost(
            source.name,
            1 + max(1, math.ceil(per_day / HASHTAG_PAGE)),
            per_day,
            "all media of 24 hours are read each time: no order is promised",
        )
        said = f"{len(page.data)} media on the first page, about {per_day:,.0f} a day"
        return _Sample(said, cost, _payloads(page, HASHTAG))

    def _account_sample(self, source: Source, now: datetime) -> _Sample:
        days = max(self.comments_for, timedelta(days=1)) / timedelta(days=1)
        listing = self.media_of(source.value, now - timedelta(days=days), now)
        page = next(listing)
        media = objects(page.data, "id")
        counts = [_count(raw) for raw in media]
        payloads = _payloads(page, ACCOUNT)
        talked_about = next((raw["id"] for raw in media if _count(raw)), None)
        if talked_about is not None:
            # Also the proof that comments can be read at all.
            comments = objects(next(self.comments_on(str(talked_about))).data)
            payloads += [_comment(raw, str(talked_about)) for raw in comments[:PREVIEW]]
        times = _times(page)
        if not listing.exhausted and len(times) > 1:
            told = (max(times) - min(times)) / timedelta(days=1)
            scale = days / max(told, 1e-3)
        else:
            scale = 1.0
        per_media = sum(math.ceil(count / COMMENTS_PAGE) for count in counts)
        cost = SourceCost(
            source.name,
            math.ceil(scale * (per_media + len(media) / MEDIA_PAGE)) or 1,
            scale * (len(media) + sum(counts)) / days,
            f"media of {days:.0f} days are listed and all comments on them read each time",
        )
        said = f"{len(media)} media on the first page, {sum(counts):,} comments on them"
        return _Sample(said, cost, payloads)

    def _hashtags_left(self) -> Finding:
        try:
            listing = self._graph.listing(
                f"{self._searcher}/recently_searched_hashtags",
                {},
                _SEARCHED,
                limit=HASHTAGS,
                unpaged_ends=True,
            )
            used = len(next(listing).data)
        except ApiError as error:
            return graph.explained("hashtags", error)
        return Finding(
            "hashtags",
            True,
            f"{max(0, HASHTAGS - used)} of {HASHTAGS} left in these 7 days",
            "" if used < HASHTAGS else "a new one is refused until another is 7 days old",
        )


@dataclass(frozen=True)
class _Sample:
    said: str
    cost: SourceCost
    payloads: list[dict[str, Any]]


@dataclass(frozen=True)
class _Reading:
    """An edge that a search still has to read, and whose objects stand on it."""

    listing: Listing
    media_id: str | None = None
    parent_id: str | None = None


class MediaSearch(Iterator[Page]):
    """The pages of one search, and afterwards what is known about it.

    ``start`` and ``end`` are the bounds that hold: whole seconds, inside the reach and not newer
    than what is surely listed. ``pages`` counts the answers that became pages. ``exhausted`` turns
    true with the last page; it stays false after an error and when ``max_pages`` ended the search.
    Ids don't ascend in time: there is no ``watermark``.

    An account's media are listed back to ``comment_days`` before ``start``; the comments of each
    that has any are read to their end, since the oldest may have a new reply.
    """

    watermark: str | None = None

    def __init__(
        self, client: InstagramClient, source: Source, start: datetime, end: datetime
    ) -> None:
        self._client = client
        self._source = source
        self._failure: ApiError | None = None
        self._stopped = False
        self._simulated = False
        # Innermost last: a media page's comments come before the next media page.
        self._left: list[_Reading] | None = None
        self.pages = 0
        self.exhausted = False
        now = client.clock().astimezone(timezone.utc)
        self.start = start.astimezone(timezone.utc).replace(microsecond=0)
        # The end is exclusive: cut down, it would lose the posts of its last fraction.
        whole = timedelta(seconds=1)
        self.end = -(-(end.astimezone(timezone.utc) - _EPOCH) // whole) * whole + _EPOCH
        self.end = min(self.end, (now - NEWEST).replace(microsecond=0))
        reach = client.reach(source)
        edge = now.replace(microsecond=0) - reach
        edge += EDGE if source.kind == HASHTAG else timedelta()
        if self.end <= edge:
            raise BeyondReach(
                f"the stretch to {end:%Y-%m-%d %H:%M} ends before the last "
                f"{reach / timedelta(hours=1):,.0f} hours",
                f"Instagram GET {_RECENT if source.kind == HASHTAG else _MEDIA}",
                client.what_would_reach,
            )
        self.start = max(self.start, edge)
        self._oldest = self.start - client.comments_for

    def __next__(self) -> Page:
        if self._failure is not None:
            raise self._failure
        if self.exhausted or self._stopped:
            raise StopIteration
        if self.start >= self.end:
            self.exhausted = True
            raise StopIteration
        try:
            page = self._read()
        except ApiError as error:
            self._failure = error
            raise
        self.exhausted = not self._left
        self._stopped = self.pages == self._client.max_pages
        return page

    def _read(self) -> Page:
        if self._left is None:
            self._left = [_Reading(self._first())]
        self._check_reach()
        reading = self._left[-1]
        try:
            answer = next(reading.listing)
        except Vanished:
            if reading.media_id is None:
                raise
            self._left.pop()
            return self._page([], [], [_gone(reading)])
        self._simulated = answer.simulated
        if reading.listing.exhausted:
            self._left.pop()
        if reading.parent_id is not None:
            return self._replies(answer, reading)
        if reading.media_id is not None:
            return self._comments(answer, reading.media_id)
        return self._media(answer, reading)

    def _first(self) -> Listing:
        if self._source.kind == HASHTAG:
            return self._client.media_with(self._source.value)
        return self._client.media_of(self._source.value, self._oldest, self.end)

    def _check_reach(self) -> None:
        if self._source.kind == HASHTAG and self.start < self._client.clock() - HASHTAG_REACH:
            raise TransientApiError(
                "while pages were waited for, the window's start has left the API's reach",
                f"Instagram GET {_RECENT}",
                "run this window again: it then starts later",
            )

    def _media(self, answer: GraphPage, reading: _Reading) -> Page:
        assert self._left is not None
        kind = self._source.kind
        errors: list[PartialError] = []
        if kind == ACCOUNT:
            times = _times(answer)
            all_told = len(times) == len(answer.data) > 0
            if not reading.listing.exhausted and all_told and max(times) < self._oldest:
                # Newest first: nothing younger follows.
                self._left.remove(reading)
            media = objects(answer.data)
            talked_about = [raw.get("id") for raw in media if self._talks(raw)]
            named = [media_id for media_id in talked_about if _is_id(media_id)]
            self._left += [
                _Reading(self._client.comments_on(media_id), media_id)
                for media_id in reversed(named)
            ]
            # What is no object stands where a media object should.
            nameless = len(answer.data) - len(media) + len(talked_about) - len(named)
            errors = _unread("a media object has no id to read its comments by", nameless)
        records, malformed = graph.split(
            answer.data,
            "media object",
            lambda raw: {"media": raw, "source": kind},
            self._inside,
        )
        return self._page(records, malformed, errors)

    def _talks(self, raw: dict[str, Any]) -> bool:
        """Whether a media object can have comments of the window."""
        created = parse_time(raw.get("timestamp"))
        in_time = created is None or self._oldest <= created < self.end
        # A count that is missing says nothing.
        return in_time and raw.get("comments_count") != 0

    def _comments(self, answer: GraphPage, media_id: str) -> Page:
        assert self._left is not None
        kept, malformed = graph.split(
            answer.data, "comment", lambda raw: _comment(raw, media_id), self._inside
        )
        further = []
        nameless = 0
        for index, raw in enumerate(answer.data):
            replies = raw.get("replies") if isinstance(raw, dict) else None
            if replies is None:
                continue
            listed = replies.get("data") if isinstance(replies, dict) else None
            if not isinstance(listed, list):
                reason = f"replies is {kind_of(replies)} without a list of data"
                malformed.append(malformed_part(index, reason, replies))
                continue
            parent_id = raw.get("id")
            found, broken = graph.split(
                listed, "reply", _replying(media_id, parent_id), self._inside
            )
            kept += found
            malformed += broken
            after = _further(replies.get("paging"))
            if after is not None and _is_id(parent_id):
                listing = self._client.replies_to(parent_id, after or None)
                further.append(_Reading(listing, media_id, parent_id))
            else:
                nameless += after is not None
        self._left += reversed(further)
        errors = _unread("a comment has no id to read its replies by", nameless)
        return self._page(kept, malformed, errors)

    def _replies(self, answer: GraphPage, reading: _Reading) -> Page:
        assert reading.media_id is not None
        wrap = _replying(reading.media_id, reading.parent_id)
        return self._page(*graph.split(answer.data, "reply", wrap, self._inside))

    def _inside(self, raw: dict[str, Any]) -> bool:
        """Whether it belongs to the window; what tells no time becomes a dead letter."""
        created = parse_time(raw.get("timestamp"))
        return created is None or self.start <= created < self.end

    def _page(
        self,
        records: list[dict[str, Any]],
        malformed: list[Malformed],
        errors: Iterable[PartialError] = (),
    ) -> Page:
        self.pages += 1
        return Page(self.pages, records, malformed, list(errors), self._simulated)


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _explained(code: int, subcode: int, where: str) -> ApiError | None:
    """What hashtag searches are refused with. Meta documents "a generic error" only; these codes
    are what developers report, and others fall to Graph's own meaning."""
    if code == 24 and _SEARCH in where:
        return _no_such_hashtag(where)
    if code == 18:
        return UsageCapExceeded(
            f"the account has searched {HASHTAGS} different hashtags in 7 days (code 18)",
            where,
            "track fewer hashtags, or wait until one has not been searched for 7 days",
        )
    return None


def _no_such_hashtag(where: str) -> BadRequest:
    return BadRequest(
        "nobody has used this hashtag, or Instagram does not show it",
        where,
        "correct the hashtag in tracking.yaml, without #",
    )


def _gone(reading: _Reading) -> PartialError:
    what = "Comment" if reading.parent_id is not None else "Media"
    return PartialError("vanished", f"{what} deleted or hidden since it was listed", 1)


def _unread(title: str, count: int) -> list[PartialError]:
    return [PartialError("", title, count)] if count else []


def _comment(raw: dict[str, Any], media_id: str) -> dict[str, Any]:
    """A comment's payload; its replies are records of their own."""
    return {
        "comment": {name: value for name, value in raw.items() if name != "replies"},
        "media_id": media_id,
    }


def _placed(raw: dict[str, Any]) -> dict[str, Any]:
    """A comment that says itself what it stands on, as the payload of a search's."""
    media = raw.get("media")
    own = {name: value for name, value in raw.items() if name not in ("media", "parent_id")}
    payload = {"comment": own, "media_id": media.get("id") if isinstance(media, dict) else None}
    parent_id = raw.get("parent_id")
    return payload if parent_id is None else payload | {"parent_id": parent_id}


def _replying(media_id: str, parent_id: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda raw: {"comment": raw, "media_id": media_id, "parent_id": parent_id}


def _further(paging: object) -> str | None:
    """The cursor behind expanded replies ("": from the start); None where there are no more."""
    if not isinstance(paging, dict) or not paging.get("next"):
        return None
    cursors = paging.get("cursors")
    after = cursors.get("after") if isinstance(cursors, dict) else None
    return after if isinstance(after, str) else ""


def _payloads(page: GraphPage, kind: str) -> list[dict[str, Any]]:
    return [{"media": raw, "source": kind} for raw in objects(page.data)[:PREVIEW]]


def _count(raw: dict[str, Any]) -> int:
    count = raw.get("comments_count")
    return count if isinstance(count, int) else 0


def _times(page: GraphPage) -> list[datetime]:
    told = (parse_time(raw.get("timestamp")) for raw in objects(page.data))
    return [moment for moment in told if moment is not None]


def _is_id(value: object) -> bool:
    """Whether a path can be made of it."""
    return isinstance(value, str) and value.isascii() and value.isdecimal()
