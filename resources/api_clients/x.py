"""X API v2: posts of a window by recent search, page by page, and of the filtered stream by line.

What belongs here: X's endpoints, parameters, limits, errors, paging and prices. What a post means
is ``sentiment_assets.core.parsers.x``; which windows to ask for is the asset layer's decision.

Sources (read November 2026):
https://docs.x.com/x-api/posts/search-recent-posts (parameters: times in whole seconds, start
inclusive, end exclusive), https://docs.x.com/x-api/posts/search/integrate/paginate (order, tokens,
watermarks), https://docs.x.com/x-api/fundamentals/rate-limits (headers),
https://docs.x.com/x-api/fundamentals/response-codes-and-errors (problem types). For ``inspect``
(read 2026-11-24): https://docs.x.com/x-api/posts/recent-search-counts and
https://docs.x.com/x-api/posts/counts/introduction (how many posts a query finds),
https://docs.x.com/x-api/usage/get-usage (posts read of the month's cap),
https://docs.x.com/x-api/getting-started/pricing (what a post costs, and when twice). For the stream
(read 2026-11-25): https://docs.x.com/x-api/posts/filtered-stream/introduction,
https://docs.x.com/x-api/stream/update-stream-rules (rules, their tags, what an answer counts).
"""

from __future__ import annotations

import contextlib
import functools
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

import httpx
from pydantic import Field, SecretStr, field_validator

from resources.api_clients.access import (
    Connection,
    Finding,
    PlatformAccess,
    Source,
    SourceCost,
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
    objects,
)
from resources.api_clients.errors import (
    ApiError,
    BadRequest,
    BeyondReach,
    Forbidden,
    RateLimited,
    TokenRejected,
    TransientApiError,
    UnexpectedResponse,
    UsageCapExceeded,
)
from resources.api_clients.http import (
    UNMETERED,
    Allowance,
    HttpApi,
    RateBudget,
    rate_limited,
    utc_now,
)

Made = TypeVar("Made")

PATH = "/2/tweets/search/recent"
ENDPOINT = f"X GET {PATH}"
COUNTS = "/2/tweets/counts/recent"
USAGE = "/2/usage/tweets"
STREAM = "/2/tweets/search/stream"
RULES = "/2/tweets/search/stream/rules"
QUERY_LIMIT = 512
PAGE_SIZES = range(10, 101)

REACH = timedelta(days=7)
# The API refuses an end_time less than 10 s ago; 5 s more are for clocks that disagree.
NEWEST = timedelta(seconds=15)
# It refuses a start_time before its 7 days, whose edge moves on while pages are read.
EDGE = timedelta(seconds=60)
# US dollars for each post returned, once a UTC day however often it is returned on it.
PRICE = 0.005
# Posts of the page that ``inspect`` shows: the fewest that may be asked for, since they are paid.
PREVIEWED = 10
# How often an empty page may name a token again before that counts as going round in circles.
EMPTY_TRIES = 3

# Only what the common post schema is made of: what is not asked for need not be protected.
FIELDS = {
    "tweet.fields": "author_id,conversation_id,created_at,edit_history_tweet_ids,entities,"
    "in_reply_to_user_id,lang,note_tweet,public_metrics,referenced_tweets",
    "expansions": "author_id,entities.mentions.username,entities.note.mentions.username,"
    "referenced_tweets.id",
    "user.fields": "name,username",
}
SNOWFLAKE_EPOCH_MS = 1288834974657


class Access(PlatformAccess):
    """One app's access. https://docs.x.com/x-api/fundamentals/rate-limits: 450 searches an app."""

    LIVE_URL = "https://api.x.com"
    REQUESTS = 450
    PERIOD = timedelta(minutes=15)
    CREDENTIAL = "bearer_token"

    bearer_token: SecretStr | None = Field(
        None, description="Bearer token of the X app; needed when live.", examples=["AAAA…"]
    )
    stream_backfill_minutes: int = Field(
        0,
        ge=0,
        le=5,
        description="How many minutes a broken stream may ask again for what it missed, where the "
        "app's access has recovery; duplicates are paid for once a day and removed by silver.",
        examples=["5"],
    )
    _sendable = field_validator("bearer_token")(sendable)


def open_client(
    access: Access,
    *,
    base_url: str,
    token: str,
    budget: RateBudget = UNMETERED,
    clock: Callable[[], datetime] = utc_now,
    sleep: Callable[[float], None] = time.sleep,
) -> XClient:
    """The client that the settings ask for."""
    return XClient(
        base_url,
        token,
        max_pages=access.max_pages,
        max_wait_s=access.max_wait_seconds,
        budget=budget,
        clock=clock,
        sleep=sleep,
    )


@dataclass(frozen=True)
class Rule:
    """A rule of the filtered stream; ``tag`` comes back with each post that it matched."""

    id: str
    value: str
    tag: str


@dataclass(frozen=True)
class StreamLine:
    """A line of the stream: a post, or why the stream ends; neither where it is no such thing.

    ``record`` has the shape of :class:`XPage`'s. ``tags`` are those of the rules that matched.
    """

    record: dict[str, Any] | None = field(repr=False)
    tags: frozenset[str]
    #: Problems, as ``type``, ``title`` and ``connection_issue`` spell them, in lower case.
    problems: tuple[str, ...]


@dataclass(frozen=True)
class XPage(Page):
    """One answer. ``records`` are ``{"data": post, "includes": {...}}``, posts untouched.

    ``includes`` holds the author, mentioned users and referenced posts of that one post, under the
    keys that the API used.
    """

    newest_id: str | None
    oldest_id: str | None
    next_token: str | None
    result_count: int | None
    api_version: str


class XClient:
    """Recent search with one app's bearer token; safe to share between threads.

    A request waits at most ``max_wait_s`` for rate limits and retries; a search reads at most
    ``max_pages`` pages of ``page_size`` posts (None: all). ``clock`` decides which windows are
    open or in reach (a simulator's may be set); rate limits follow the machine's clock.
    """

    api_version = "2"
    #: A search a window: each is kept as soon as it is read.
    span = timedelta(hours=2)
    what_would_reach = (
        "full-archive search (GET /2/tweets/search/all, back to March 2006) returns older posts; "
        "it needs a pay-per-use or Enterprise plan and a client of its own"
    )

    def __init__(
        self,
        base_url: str,
        bearer_token: str,
        *,
        page_size: int = 100,
        max_pages: int | None = None,
        max_wait_s: float = 960.0,
        timeout_s: float = 30.0,
        budget: RateBudget = UNMETERED,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], datetime] = utc_now,
        reach: timedelta = REACH,
    ) -> None:
        if page_size not in PAGE_SIZES:
            raise ValueError(f"page_size {page_size} must be from 10 to 100, X's own limits")
        if max_pages is not None and max_pages < 1:
            raise ValueError(f"max_pages {max_pages} must be 1 or more, or None for all pages")
        self.page_size = page_size
        self.max_pages = max_pages
        self.clock = clock
        self.recent = reach
        self._token = bearer_token
        self._open = functools.partial(
            HttpApi,
            base_url,
            bearer_token,
            max_wait_s=max_wait_s,
            refusal=self._refusal,
            allowance=_allowance,
            timeout_s=timeout_s,
            sleep=sleep,
            clock=lambda: self.clock(),
        )
        self._api = self._open(budget=budget)
        self._stream_api = self._open(refusal=self._stream_refusal)

    def __repr__(self) -> str:
        return f"XClient({self._api.base_url!r})"

    def close(self) -> None:
        """Close the connections."""
        self._api.close()
        self._stream_api.close()

    @property
    def allowance(self) -> Allowance | None:
        """What the endpoint still grants, as of the newest answer."""
        return self._api.allowance

    def reach(self, source: Source) -> timedelta:
        """How far back recent search goes, whatever the query."""
        return self.recent

    def notices(self) -> list[str]:
        """Nothing: version 2 has no date of retirement."""
        return []

    def search(self, source: Source, start: datetime, end: datetime) -> WindowSearch:
        """The pages of a tracked query; see :meth:`search_window`."""
        return self.search_window(source.value, start, end)

    def search_window(
        self, query: str, start: datetime, end: datetime, since_id: str | None = None
    ) -> WindowSearch:
        """Pages of posts created in [start, end) (aware datetimes), newest first.

        With ``since_id`` only posts with a greater id. Nothing is requested before the first page
        is read. Raises ValueError for arguments that can't be sent, BeyondReach for a window older
        than recent search goes; reading pages raises the other ApiErrors.
        """
        if not 0 < len(query) <= QUERY_LIMIT:
            raise ValueError(f"an X query has 1 to {QUERY_LIMIT} characters, not {len(query)}")
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError(
                "start and end need a time zone; for example: datetime(2026, 11, 23, tzinfo=utc)"
            )
        if start >= end:
            raise ValueError(f"the window's start {start} must be before its end {end}")
        if since_id is not None and not re.fullmatch(r"[0-9]{1,19}", since_id):
            raise ValueError("since_id must be a post's id: up to 19 digits")
        return WindowSearch(self, query, start, end, since_id, self.page_size)

    def rules(self) -> list[Rule]:
        """Every rule of the app's stream, other programs' too."""
        found: list[Rule] = []
        params: dict[str, str] = {}
        while True:
            body = self._ask(RULES, params)
            found += [
                Rule(str(rule["id"]), str(rule["value"]), str(rule.get("tag", "")))
                for rule in objects(body.get("data"), "id", "value")
            ]
            meta = body.get("meta")
            token = meta.get("next_token") if isinstance(meta, dict) else None
            if not isinstance(token, str) or token == params.get("pagination_token"):
                return found
            params = {"pagination_token": token}

    def add_rules(self, wanted: Sequence[tuple[str, str]]) -> None:
        """Add rules, each a value and a tag; one that stands already is there as wanted.

        Raises:
            BadRequest: X refused one; the message has X's words about it.
        """
        body = {"add": [{"value": value, "tag": tag} for value, tag in wanted]}
        told = objects(self._change_rules(body).get("errors"))
        errors = [error for error in told if not _is_duplicate(error)]
        if errors:
            raise BadRequest(
                f"the stream's rules are not all accepted{self._complaints({'errors': errors})}",
                f"X POST {RULES}",
                "correct the queries in tracking.yaml, or use fewer: the plan limits rules and "
                "their length",
            )

    def delete_rules(self, ids: Sequence[str]) -> None:
        """Delete rules by their ids; those that are gone already stay gone."""
        self._change_rules({"delete": {"ids": list(ids)}})

    def _change_rules(self, change: dict[str, Any]) -> dict[str, Any]:
        where = f"X POST {RULES}"
        with contextlib.closing(self._open()) as api:
            return api.post(RULES, change, where, lambda answer: _object(answer, where))

    def open_stream(self, backfill_minutes: int = 0, *, silence_s: float) -> httpx.Response:
        """Connect to the filtered stream, once; its body is lines for ``read_line``.

        Raises:
            ApiError: X refused. TransientApiError and RateLimited may pass.
        """
        params = dict(FIELDS)
        if backfill_minutes:
            params["backfill_minutes"] = str(backfill_minutes)
        return self._stream_api.connect(STREAM, params, f"X GET {STREAM}", silence_s=silence_s)

    def _stream_refusal(self, answer: httpx.Response, where: str) -> ApiError | None:
        """What a refused stream means beyond :meth:`_refusal`."""
        problem = decode(answer.content)
        said = str(problem).lower() if isinstance(problem, dict) else ""
        if answer.status_code == 429 and "toomanyconnections" in said:
            return rate_limited_stream(where)
        if answer.status_code == 409:
            return TransientApiError(
                "the stream has no rules, or they are not active yet (HTTP 409)",
                where,
                "trying again; if it stays so, track at least one query in tracking.yaml",
            )
        if answer.status_code == 400 and "backfill" in said:
            return BadRequest(
                "the app's access has no recovery of missed posts (HTTP 400)",
                where,
                "set SENTIMENT_X_STREAM_BACKFILL_MINUTES=0; the 2-hourly fetch fills gaps",
            )
        return self._refusal(answer, where)

    def inspect(self, sources: Sequence[Source]) -> Connection:
        """Looks at token, usage, version, limits, queries and one page; writes nothing.

        Costs a count for each source, and up to :data:`PREVIEWED` posts.
        """
        what = "connection"
        findings: list[Finding] = []
        costs: list[SourceCost] = []
        preview: list[dict[str, Any]] = []
        found: list[tuple[Source, float | None]] = []
        try:
            findings += self._account()
            for source in sources:
                what = f"{source.kind} {source.name}"
                try:
                    finding, cost = self._volume(source)
                except BadRequest as error:
                    findings.append(Finding(what, False, error.what, error.remedy))
                    continue
                findings.append(finding)
                costs.append(cost)
                found.append((source, cost.posts_per_day))
            if found:
                what = "search"
                # The first that finds something, if any does.
                source, _ = max(found, key=lambda one: one[1] != 0)
                looked, preview = self._look(source)
                findings += looked
        except ApiError as error:
            if isinstance(error, TokenRejected):
                what = "token"
            elif isinstance(error, UsageCapExceeded):
                what = "usage"
            findings = [finding for finding in findings if finding.what != what]
            findings.append(Finding(what, False, error.what, error.remedy))
        return Connection([*findings, self._allowance_finding()], costs, preview)

    def _account(self) -> list[Finding]:
        """What the token is worth: that it is accepted, and how much of the month's cap is read."""
        accepted = Finding("token", True, "accepted, for the app alone")
        try:
            usage = self._ask(USAGE, {}).get("data")
        except (BadRequest, Forbidden, RateLimited) as error:
            # Whoever is told so is known; what is read without this endpoint decides.
            return [accepted, Finding("usage", True, f"not told: {error.what}")]
        usage = usage if isinstance(usage, dict) else {}
        used, cap, days = (
            _whole(usage.get(name)) for name in ("project_usage", "project_cap", "cap_reset_day")
        )
        if used is None or cap is None:
            return [accepted, Finding("usage", True, "not told")]
        said = f"{used:,} of {cap:,} posts of this month are read"
        said += f"; counted anew in {days} days" if days is not None else ""
        remedy = "" if used < cap else "raise the cap in the developer console"
        return [accepted, Finding("usage", used < cap, said, remedy)]

    def _volume(self, source: Source) -> tuple[Finding, SourceCost]:
        """How many posts a query finds a day, and what they cost."""
        what = f"{source.kind} {source.name}"
        now = self.clock().astimezone(timezone.utc)
        start, end = now - REACH + EDGE, now - NEWEST
        bounds = {"start_time": _time(start), "end_time": _time(end), "granularity": "day"}
        try:
            meta = self._ask(COUNTS, {"query": source.value, **bounds}).get("meta")
        except Forbidden as error:
            said = f"its posts can't be counted: {error.what}"
            return Finding(what, True, said), self._cost(source, None)
        meta = meta if isinstance(meta, dict) else {}
        total = _whole(meta.get("total_tweet_count", meta.get("total_post_count")))
        if total is None:
            return Finding(what, True, "how many posts it finds was not told"), self._cost(
                source, None
            )
        per_day = total / ((end - start) / timedelta(days=1))
        remedy = "" if total else "check its words, if posts are expected"
        said = f"finds {total:,} posts in {REACH.days} days"
        return Finding(what, True, said, remedy), self._cost(source, per_day)

    def _cost(self, source: Source, posts_per_day: float | None) -> SourceCost:
        """Of a search of one window; ``max_pages`` bounds what it reads."""
        note = (
            f"${PRICE} for each post, on each UTC day on which it is returned; its author may cost "
            "more (docs.x.com/x-api/getting-started/pricing, read 2026-11-24)"
        )
        if posts_per_day is None:
            return SourceCost(source.name, 1, None, f"not counted; {note}", PRICE)
        windows = timedelta(days=1) / self.span
        pages = max(1, math.ceil(posts_per_day / windows / self.page_size))
        if self.max_pages is not None and pages > self.max_pages:
            pages = self.max_pages
            posts_per_day = pages * self.page_size * windows
            note = f"cut short by SENTIMENT_X_MAX_PAGES={pages}; {note}"
        return SourceCost(source.name, pages, round(posts_per_day, 1), note, PRICE)

    def _look(self, source: Source) -> tuple[list[Finding], list[dict[str, Any]]]:
        """The newest posts of a query: whether search itself is open."""
        now = self.clock()
        search = WindowSearch(self, source.value, now - self.recent, now, None, PREVIEWED)
        for page in search:
            if page.records or page.malformed:
                break
        else:
            return [Finding("search", True, "open to the app; nothing was found")], []
        said = f"open to the app; read {len(page.records)} posts of {source.kind} {source.name}"
        said += f", {len(page.malformed)} more are damaged" if page.malformed else ""
        version = Finding("version", True, f"{page.api_version}, no end announced")
        return [Finding("search", True, said), version], page.records

    def _allowance_finding(self) -> Finding:
        left = self.allowance
        if left is None or left.reset_at is None:
            return Finding("allowance", True, "not told: no search was answered")
        return Finding(
            "allowance",
            not left.used_up,
            f"{left.remaining:,} of {left.limit:,} searches left until {left.reset_at:%H:%M} UTC",
            "run again then" if left.used_up else "",
        )

    def _ask(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        """One object of an endpoint beside search: with limits of its own, so out of the budget."""
        where = f"X GET {path}"
        with contextlib.closing(self._open()) as api:
            return self._get(api, path, params, where, lambda answer: _object(answer, where))

    def fetch_page(self, params: Mapping[str, str], number: int) -> XPage:
        """One page, with retries and waits; ``WindowSearch`` is the way to read a whole window."""
        where = f"{ENDPOINT}, page {number}"
        return self._get(
            self._api, PATH, params, where, lambda answer: _page_of(answer, number, where)
        )

    def _get(
        self,
        api: HttpApi,
        path: str,
        params: Mapping[str, str],
        where: str,
        read: Callable[[httpx.Response], Made],
    ) -> Made:
        try:
            return api.get(path, params, where, read)
        except _NotJson as error:
            what = error.what
        raise UnexpectedResponse(what, where, "see the API's status page; what it says is not data")

    def _refusal(self, answer: httpx.Response, where: str) -> ApiError | None:
        problem = decode(answer.content)
        problem = problem if isinstance(problem, dict) else {}
        status = answer.status_code
        kind = f"{problem.get('title')} {problem.get('type')}".lower().replace("-", "")
        if status == 402 or (status == 429 and ("usagecap" in kind or "creditsdepleted" in kind)):
            return UsageCapExceeded(
                f"the plan's posts or credits are used up (HTTP {status})",
                where,
                "waiting does not help: raise the cap or add credits in the developer console",
            )
        if status == 429:
            limit = _allowance(answer.headers)
            return rate_limited(where, limit.reset_at if limit else None)
        if status == 401:
            return TokenRejected(
                "the bearer token is not accepted (HTTP 401)",
                where,
                "make a new one in the developer console and put it into the settings",
            )
        if status == 403:
            return Forbidden(
                "the token's app or plan may not use this endpoint (HTTP 403)",
                where,
                "attach the app to a project whose plan includes recent search",
            )
        if status == 400:
            return BadRequest(
                f"the request is not accepted (HTTP 400){self._complaints(problem)}",
                where,
                "correct the query in tracking.yaml, or this host's clock if a time is refused",
            )
        return None

    def _complaints(self, problem: dict[str, Any]) -> str:
        """X's own words about our parameters (a 400 holds no post), for the engineer to act on."""
        said = [
            str(error.get("message") or "; ".join(map(str, _listed(error.get("details")))))
            for error in objects(problem.get("errors"))
        ]
        text = " ".join(" ".join(said).split()).replace(self._token, "[token]")
        text = re.sub(r"[0-9]{10,}", "[id]", text)
        return f": {text[:300]}" if text else ""


class WindowSearch(Iterator[XPage]):
    """The pages of one search, and afterwards what is known about it.

    ``start`` and ``end`` are the bounds that were sent: whole seconds, inside the API's reach and
    not newer than it allows, so a ``start`` later or an ``end`` earlier than asked for means that
    the window is not covered whole. ``exhausted`` turns true with the last page; it stays false
    after an error and when ``max_pages`` ended the search.
    """

    def __init__(
        self,
        client: XClient,
        query: str,
        start: datetime,
        end: datetime,
        since_id: str | None,
        page_size: int,
    ) -> None:
        self._client = client
        self._query = query
        self._page_size = page_size
        self._since_id = since_id
        self._newest_id = since_id
        self._token: str | None = None
        self._asked: Counter[str] = Counter()
        self._failure: ApiError | None = None
        self._stopped = False
        self.pages = 0
        self.exhausted = False
        now = client.clock()
        whole = timedelta(seconds=1)
        self.start = start.astimezone(timezone.utc).replace(microsecond=0)
        # The end is exclusive: cut down, it would lose the posts of its last fraction.
        self.end = -(-(end.astimezone(timezone.utc) - _EPOCH) // whole) * whole + _EPOCH
        self.end = min(self.end, (now - NEWEST).astimezone(timezone.utc).replace(microsecond=0))
        edge = now.astimezone(timezone.utc).replace(microsecond=0) - client.recent + EDGE
        if self.end <= edge:
            raise BeyondReach(
                f"the window to {end:%Y-%m-%d %H:%M} ends before the last "
                f"{client.recent.days} days",
                ENDPOINT,
                client.what_would_reach,
            )
        self.start = max(self.start, edge)

    @property
    def watermark(self) -> str | None:
        """Newest id of the whole search, for the next ``since_id``; None until it is exhausted.

        Posts come newest first, so it stands on page one, and is true only once the last page is
        read: set earlier, a crash would skip the pages in between for good.
        """
        return self._newest_id if self.exhausted else None

    def __next__(self) -> XPage:
        if self._failure:
            raise self._failure
        if self.exhausted or self._stopped:
            raise StopIteration
        if self.start >= self.end or self._nothing_is_newer():
            self.exhausted = True
            raise StopIteration
        try:
            self._check_reach()
            page = self._client.fetch_page(self._parameters(), self.pages + 1)
        except _NoMeta as error:
            # The posts that did arrive are kept; reading on raises.
            self._failure = UnexpectedResponse(error.what, error.where, error.remedy)
            page = error.page
        except ApiError as error:
            self._failure = error
            raise
        self.pages += 1
        if page.newest_id and (
            self._newest_id is None or int(page.newest_id) > int(self._newest_id)
        ):
            self._newest_id = page.newest_id
        if not self._failure:
            self._turn(page)
        return page

    def _turn(self, page: XPage) -> None:
        """Decide what follows: only the absence of a token is the end, never a short page."""
        if page.next_token is None:
            self.exhausted = True
        elif self._asked[page.next_token] >= (1 if page.records else EMPTY_TRIES):
            self._failure = UnexpectedResponse(
                "the API repeats a page token, which would go round for ever",
                f"{ENDPOINT}, page {page.number}",
                "run this window again; the posts up to here are kept",
            )
        elif self.pages == self._client.max_pages:
            self._stopped = True
        else:
            self._asked[page.next_token] += 1
            self._token = page.next_token

    def _parameters(self) -> dict[str, str]:
        """The same for every page but for its token, which X ties to the others."""
        parameters = {"query": self._query, "max_results": str(self._page_size), **FIELDS}
        # X refuses ids together with times, and a since_id older than its reach.
        if self._since_id is not None and _created_at(self._since_id) >= self.start:
            parameters |= {"since_id": self._since_id, "until_id": _first_id_at(self.end)}
        else:
            parameters |= {"start_time": _time(self.start), "end_time": _time(self.end)}
        if self._token is not None:
            parameters["next_token"] = self._token
        return parameters

    def _nothing_is_newer(self) -> bool:
        return self._since_id is not None and _created_at(self._since_id) >= self.end

    def _check_reach(self) -> None:
        if self.start < self._client.clock() - self._client.recent:
            raise TransientApiError(
                "while pages were waited for, the window's start has left the API's reach",
                f"{ENDPOINT}, page {self.pages + 1}",
                "run this window again: it then starts later",
            )


class _NotJson(TransientApiError):
    """A 200 whose body can't be read: cut off on its way, or a proxy's page."""


class _NoMeta(TransientApiError):
    """A 200 that does not say whether pages follow; ``page`` holds what it does say."""

    def __init__(self, page: XPage, where: str) -> None:
        super().__init__(
            "the answer has no meta, so that further pages may be missing",
            where,
            "run this window again; the posts up to here are kept",
        )
        self.page = page


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _object(answer: httpx.Response, where: str) -> dict[str, Any]:
    body = decode(answer.content)
    if not isinstance(body, dict):
        what = f"the answer is not the JSON object that the API promises ({clue(answer)})"
        raise _NotJson(what, where, "trying again")
    return body


def rate_limited_stream(where: str) -> RateLimited:
    """The stream is taken: an app may have only so many connections, mostly one."""
    return RateLimited(
        "another process holds the app's connection to the stream",
        where,
        "end the other one, or wait until X has noticed that it is gone",
    )


def read_line(line: bytes) -> StreamLine:
    """A line of the stream, which is not blank."""
    body = decode(line)
    if not isinstance(body, dict):
        return StreamLine(None, frozenset(), ())
    post = body.get("data")
    if not isinstance(post, dict):
        # Inside ``errors``, or the line itself.
        told = objects(body.get("errors")) or [body]
        names = ("type", "title", "connection_issue", "disconnect_type")
        problems = tuple(
            " ".join(str(problem[name]).lower() for name in names if name in problem)
            for problem in told
        )
        return StreamLine(None, frozenset(), tuple(problem for problem in problems if problem))
    record = {"data": post, "includes": _Included(body.get("includes"), []).of(post)}
    tags = frozenset(str(rule["tag"]) for rule in objects(body.get("matching_rules"), "tag"))
    return StreamLine(record if is_unicode(record) else None, tags, ())


def _page_of(answer: httpx.Response, number: int, where: str) -> XPage:
    body = _object(answer, where)
    page = _page(body, answer.headers, number)
    if not isinstance(body.get("meta"), dict):
        # Without meta nobody knows whether pages follow.
        raise _NoMeta(page, where)
    return page


def _page(body: dict[str, Any], headers: httpx.Headers, number: int) -> XPage:
    meta = body["meta"] if isinstance(body.get("meta"), dict) else {}
    malformed: list[Malformed] = []
    included = _Included(body.get("includes"), malformed)
    entries = body.get("data", [])
    if not isinstance(entries, list):
        malformed.append(malformed_part(None, f"data is {kind_of(entries)}, not a list", entries))
        entries = []
    records = []
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            malformed.append(
                malformed_part(index, f"the entry is {kind_of(entry)}, not a post", entry)
            )
            continue
        record = {"data": entry, "includes": included.of(entry)}
        if is_unicode(record):
            records.append(record)
        else:
            malformed.append(malformed_part(index, "the post is not valid UTF-8", record))
    count = meta.get("result_count")
    version = headers.get("api-version", "")
    return XPage(
        number=number,
        records=records,
        malformed=malformed,
        errors=_partial_errors(body.get("errors")),
        newest_id=_id(meta.get("newest_id")),
        oldest_id=_id(meta.get("oldest_id")),
        next_token=token if isinstance(token := meta.get("next_token"), str) and token else None,
        result_count=count if isinstance(count, int) else None,
        api_version=version if re.fullmatch(r"2(\.[0-9]+)*", version) else XClient.api_version,
        simulated=is_simulated(headers),
    )


class _Included:
    """The objects beside a page's posts, and which of them one post refers to.

    Since August 2026 X's specification spells posts ``posts`` where it said ``tweets``; either is
    read, and kept as it was spelled.
    """

    def __init__(self, includes: object, malformed: list[Malformed]) -> None:
        self._users: list[dict[str, Any]] = []
        self._posts: dict[str, dict[str, dict[str, Any]]] = {}
        if includes is not None and not isinstance(includes, dict):
            malformed.append(
                malformed_part(None, f"includes is {kind_of(includes)}, not an object", includes)
            )
            return
        for key, listed in (includes or {}).items():
            if key not in ("users", "tweets", "posts"):
                continue
            for index, item in enumerate(listed if isinstance(listed, list) else [listed]):
                if not isinstance(item, dict):
                    reason = f"includes.{key}[{index}] is {kind_of(item)}, not an object"
                    malformed.append(malformed_part(None, reason, item))
                elif key == "users":
                    self._users.append(item)
                else:
                    self._posts.setdefault(key, {})[str(item.get("id"))] = item
        self._by_id = {str(user.get("id")): user for user in self._users}
        self._by_handle = {str(user.get("username")).lower(): user for user in self._users}

    def of(self, post: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        if self._users:
            users = [
                self._by_id.get(str(post.get("author_id"))),
                self._by_id.get(str(post.get("in_reply_to_user_id"))),
                *(self._mentioned(mention) for mention in _mentions(post)),
            ]
            unique = {id(user): user for user in users if user is not None}
            if unique:
                found["users"] = list(unique.values())
        references = [
            str(reference["id"])
            for key in ("referenced_tweets", "referenced_posts")
            for reference in objects(post.get(key), "id")
        ]
        for key, posts in self._posts.items():
            referred = [posts[reference] for reference in references if reference in posts]
            if referred:
                found[key] = referred
        return found

    def _mentioned(self, mention: dict[str, Any]) -> dict[str, Any] | None:
        by_id = self._by_id.get(str(mention.get("id")))
        return by_id or self._by_handle.get(str(mention.get("username")).lower())


def _mentions(post: dict[str, Any]) -> Iterator[dict[str, Any]]:
    long_texts = (post.get("note_tweet"), post.get("note_post"))
    for holder in (post, *long_texts):
        entities = holder.get("entities") if isinstance(holder, dict) else None
        if isinstance(entities, dict):
            yield from objects(entities.get("mentions"))


def _partial_errors(errors: object) -> list[PartialError]:
    # A detail quotes ids and handles; the type and title do not.
    counts = Counter(
        (str(error.get("type", "")), str(error.get("title", ""))) for error in objects(errors)
    )
    return [PartialError(kind, title, count) for (kind, title), count in counts.items()]


def _allowance(headers: Mapping[str, str]) -> Allowance | None:
    try:
        limit, remaining, reset = (
            int(headers[f"x-rate-limit-{name}"]) for name in ("limit", "remaining", "reset")
        )
        return Allowance(limit, remaining, None, datetime.fromtimestamp(reset, timezone.utc))
    except (KeyError, ValueError, OverflowError, OSError):
        return None


def _is_duplicate(problem: Mapping[str, Any]) -> bool:
    return "duplicate" in f"{problem.get('title')} {problem.get('type')}".lower()


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _whole(value: object) -> int | None:
    """A count, which X spells as a number here and as a string there."""
    if isinstance(value, str) and re.fullmatch("[0-9]{1,18}", value):
        return int(value)
    return value if type(value) is int and value >= 0 else None


def _id(value: object) -> str | None:
    return value if isinstance(value, str) and value.isdecimal() else None


def _created_at(post_id: str) -> datetime:
    milliseconds = (int(post_id) >> 22) + SNOWFLAKE_EPOCH_MS
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _first_id_at(moment: datetime) -> str:
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
    return str((milliseconds - SNOWFLAKE_EPOCH_MS) << 22)


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
