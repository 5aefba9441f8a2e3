"""X API v2 recent search: posts of a window by creation time, page by page, as the API gave them.

What belongs here: X's endpoint, parameters, limits, errors and paging. What a post means is
``sentiment_assets.core.parsers.x``; which windows to ask for is the asset layer's decision.

Sources (read November 2026):
https://docs.x.com/x-api/posts/search-recent-posts (parameters: times in whole seconds, start
inclusive, end exclusive), https://docs.x.com/x-api/posts/search/integrate/paginate (order, tokens,
watermarks), https://docs.x.com/x-api/fundamentals/rate-limits (headers),
https://docs.x.com/x-api/fundamentals/response-codes-and-errors (problem types).
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import msgspec

from resources.api_clients.errors import (
    ApiError,
    BadRequest,
    BeyondReach,
    Forbidden,
    TokenRejected,
    TransientApiError,
    UnexpectedResponse,
    UsageCapExceeded,
)
from resources.api_clients.http import HttpApi, rate_limited, utc_now

PATH = "/2/tweets/search/recent"
ENDPOINT = f"X GET {PATH}"
QUERY_LIMIT = 512
PAGE_SIZES = range(10, 101)

# The API refuses an end_time less than 10 s ago; 5 s more are for clocks that disagree.
NEWEST = timedelta(seconds=15)
# It refuses a start_time before its 7 days, whose edge moves on while pages are read.
EDGE = timedelta(seconds=60)
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


@dataclass(frozen=True)
class RateLimit:
    """The endpoint's limit as of an answer: requests per 15 minutes, left, and the next reset."""

    limit: int
    remaining: int
    reset_at: datetime


@dataclass(frozen=True)
class Malformed:
    """A part of a page that is no post: its place in ``data`` (None: elsewhere), why, and the part.

    ``raw`` is JSON-ready. Where bytes are not UTF-8 (or escapes are half a surrogate pair), it is
    ``{"base64": ...}`` over the entry's bytes, so that quarantine keeps them unchanged.
    """

    index: int | None
    reason: str
    raw: Any = field(repr=False)


@dataclass(frozen=True)
class PartialError:
    """How often a page reported one type of error beside its data (deleted or hidden objects)."""

    type: str
    title: str
    count: int


@dataclass(frozen=True)
class Page:
    """One answer. ``records`` are ``{"data": post, "includes": {...}}``, posts untouched.

    ``includes`` holds the author, mentioned users and referenced posts of that one post, under the
    keys that the API used. ``number`` counts from 1.
    """

    number: int
    records: list[dict[str, Any]] = field(repr=False)
    malformed: list[Malformed]
    errors: list[PartialError]
    newest_id: str | None
    oldest_id: str | None
    next_token: str | None
    result_count: int | None
    api_version: str
    simulated: bool
    rate_limit: RateLimit | None


class XClient:
    """Recent search with one app's bearer token; safe to share between threads.

    A request waits at most ``max_wait_s`` for rate limits and retries; a search reads at most
    ``max_pages`` pages of ``page_size`` posts (None: all). ``clock`` decides which windows are
    open or in reach (a simulator's may be set); rate limits follow the machine's clock.
    """

    reach = timedelta(days=7)
    api_version = "2"
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
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        if page_size not in PAGE_SIZES:
            raise ValueError(f"page_size {page_size} must be from 10 to 100, X's own limits")
        if max_pages is not None and max_pages < 1:
            raise ValueError(f"max_pages {max_pages} must be 1 or more, or None for all pages")
        self.page_size = page_size
        self.max_pages = max_pages
        self.clock = clock
        self.rate_limit: RateLimit | None = None
        self._api = HttpApi(
            base_url,
            bearer_token,
            max_wait_s=max_wait_s,
            timeout_s=timeout_s,
            sleep=sleep,
        )
        self._token = bearer_token

    def __repr__(self) -> str:
        return f"XClient({self._api.base_url!r})"

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def search_window(
        self, query: str, start: datetime, end: datetime, since_id: str | None = None
    ) -> WindowSearch:
        """Pages of posts created in [start, end) (aware datetimes), newest first.

        With ``since_id`` only posts with a greater id. Nothing is requested before the first page
        is read. Raises ValueError for arguments that can't be sent, BeyondReach for a window older
        than ``reach``; reading pages raises the other ApiErrors.
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
        return WindowSearch(self, query, start, end, since_id)

    def fetch_page(self, params: Mapping[str, str], number: int) -> Page:
        """One page, with retries and waits; ``WindowSearch`` is the way to read a whole window."""
        where = f"{ENDPOINT}, page {number}"
        limit = self.rate_limit
        if limit and limit.remaining <= 0:
            self._api.wait_for_reset(limit.reset_at, where)
        try:
            return self._api.get(PATH, params, where, lambda answer: self._read(answer, number))
        except _NotJson as error:
            what = error.what
        raise UnexpectedResponse(what, where, "see the API's status page; what it says is not data")

    def _read(self, answer: httpx.Response, number: int) -> Page:
        where = f"{ENDPOINT}, page {number}"
        self.rate_limit = _rate_limit(answer.headers) or self.rate_limit
        if answer.status_code != 200:
            raise self._refusal(answer, where)
        body = _decode(answer.content)
        if not isinstance(body, dict):
            what = f"the answer is not the JSON object that the API promises ({_clue(answer)})"
            raise _NotJson(what, where, "trying again")
        page = _page(body, answer.headers, number)
        if not isinstance(body.get("meta"), dict):
            # Without meta nobody knows whether pages follow.
            raise _NoMeta(page, where)
        return page

    def _refusal(self, answer: httpx.Response, where: str) -> ApiError:
        problem = _decode(answer.content)
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
            limit = _rate_limit(answer.headers)
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
        return UnexpectedResponse(
            f"HTTP {status}, which this endpoint does not document",
            where,
            "check the base URL; if it is right, the API has changed",
        )

    def _complaints(self, problem: dict[str, Any]) -> str:
        """X's own words about our parameters (a 400 holds no post), for the engineer to act on."""
        said = [str(error["message"]) for error in _objects(problem.get("errors"), "message")]
        text = " ".join(" ".join(said).split()).replace(self._token, "[token]")
        text = re.sub(r"[0-9]{10,}", "[id]", text)
        return f": {text[:300]}" if text else ""


class WindowSearch(Iterator[Page]):
    """The pages of one search, and afterwards what is known about it.

    ``start`` and ``end`` are the bounds that were sent: whole seconds, inside the API's reach and
    not newer than it allows, so a ``start`` later or an ``end`` earlier than asked for means that
    the window is not covered whole. ``exhausted`` turns true with the last page; it stays false
    after an error and when ``max_pages`` ended the search.
    """

    def __init__(
        self, client: XClient, query: str, start: datetime, end: datetime, since_id: str | None
    ) -> None:
        self._client = client
        self._query = query
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
        edge = now.astimezone(timezone.utc).replace(microsecond=0) - client.reach + EDGE
        if self.end <= edge:
            raise BeyondReach(
                f"the window to {end:%Y-%m-%d %H:%M} ends before the last {client.reach.days} days",
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

    def __next__(self) -> Page:
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

    def _turn(self, page: Page) -> None:
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
        parameters = {"query": self._query, "max_results": str(self._client.page_size), **FIELDS}
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
        if self.start < self._client.clock() - self._client.reach:
            raise TransientApiError(
                "while pages were waited for, the window's start has left the API's reach",
                f"{ENDPOINT}, page {self.pages + 1}",
                "run this window again: it then starts later",
            )


class _NotJson(TransientApiError):
    """A 200 whose body can't be read: cut off on its way, or a proxy's page."""


class _NoMeta(TransientApiError):
    """A 200 that does not say whether pages follow; ``page`` holds what it does say."""

    def __init__(self, page: Page, where: str) -> None:
        super().__init__(
            "the answer has no meta, so that further pages may be missing",
            where,
            "run this window again; the posts up to here are kept",
        )
        self.page = page


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _page(body: dict[str, Any], headers: httpx.Headers, number: int) -> Page:
    meta = body["meta"] if isinstance(body.get("meta"), dict) else {}
    malformed: list[Malformed] = []
    included = _Included(body.get("includes"), malformed)
    entries = body.get("data", [])
    if not isinstance(entries, list):
        malformed.append(_malformed(None, f"data is {_kind(entries)}, not a list", entries))
        entries = []
    records = []
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            malformed.append(_malformed(index, f"the entry is {_kind(entry)}, not a post", entry))
            continue
        record = {"data": entry, "includes": included.of(entry)}
        if _is_unicode(record):
            records.append(record)
        else:
            malformed.append(_malformed(index, "the post is not valid UTF-8", record))
    count = meta.get("result_count")
    version = headers.get("api-version", "")
    return Page(
        number=number,
        records=records,
        malformed=malformed,
        errors=_partial_errors(body.get("errors")),
        newest_id=_id(meta.get("newest_id")),
        oldest_id=_id(meta.get("oldest_id")),
        next_token=token if isinstance(token := meta.get("next_token"), str) and token else None,
        result_count=count if isinstance(count, int) else None,
        api_version=version if re.fullmatch(r"2(\.[0-9]+)*", version) else XClient.api_version,
        simulated=headers.get("x-simulated") == "true",
        rate_limit=_rate_limit(headers),
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
                _malformed(None, f"includes is {_kind(includes)}, not an object", includes)
            )
            return
        for key, listed in (includes or {}).items():
            if key not in ("users", "tweets", "posts"):
                continue
            for index, item in enumerate(listed if isinstance(listed, list) else [listed]):
                if not isinstance(item, dict):
                    reason = f"includes.{key}[{index}] is {_kind(item)}, not an object"
                    malformed.append(_malformed(None, reason, item))
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
            for reference in _objects(post.get(key), "id")
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
            yield from _objects(entities.get("mentions"))


def _objects(value: object, *required: str) -> list[dict[str, Any]]:
    """The objects in what should be a list of them; what else stands there is the parser's case."""
    items = value if isinstance(value, list) else []
    return [
        item for item in items if isinstance(item, dict) and all(key in item for key in required)
    ]


def _partial_errors(errors: object) -> list[PartialError]:
    # A detail quotes ids and handles; the type and title do not.
    counts = Counter(
        (str(error.get("type", "")), str(error.get("title", ""))) for error in _objects(errors)
    )
    return [PartialError(kind, title, count) for (kind, title), count in counts.items()]


def _decode(body: bytes) -> object:
    """The JSON value of a body, or None where it is no JSON (a bare ``null`` is no answer either).

    msgspec reads only valid Unicode. A body that it refuses is read again with its invalid bytes
    as lone surrogates, which ``_is_unicode`` finds post by post: one broken post does not cost the
    other 99 of its page.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(body.decode("utf-8", "surrogateescape"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _is_unicode(value: object) -> bool:
    try:
        msgspec.json.encode(value)
    except (UnicodeEncodeError, msgspec.ValidationError):
        return False
    return True


def _malformed(index: int | None, reason: str, raw: object) -> Malformed:
    if _is_unicode(raw):
        return Malformed(index, reason, raw)
    written = json.dumps(raw, ensure_ascii=False)
    # Lone surrogates from invalid bytes turn back into those bytes, those from escapes can't.
    escaped = re.sub(
        "[\ud800-\udc7f\udd00-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", written
    )
    content = escaped.encode("utf-8", "surrogateescape")
    return Malformed(index, reason, {"base64": base64.b64encode(content).decode()})


def _rate_limit(headers: Mapping[str, str]) -> RateLimit | None:
    try:
        limit, remaining, reset = (
            int(headers[f"x-rate-limit-{name}"]) for name in ("limit", "remaining", "reset")
        )
        return RateLimit(limit, remaining, datetime.fromtimestamp(reset, timezone.utc))
    except (KeyError, ValueError, OverflowError, OSError):
        return None


def _clue(answer: httpx.Response) -> str:
    """What may be said of a body without showing it: its declared type, length and first sign."""
    start = answer.content.lstrip()[:1].decode("latin-1")
    sign = f"begins with {start!r}" if start and start in '{[<"' else "begins like no JSON"
    declared = answer.headers.get("content-type", "no content type").split(";")[0][:60]
    return f"{declared}, {len(answer.content)} bytes, {sign if start else 'empty'}"


def _kind(value: object) -> str:
    names: Iterable[tuple[type | tuple[type, ...], str]] = (
        (bool, "true or false"),
        ((int, float), "a number"),
        (str, "a string"),
        (list, "a list"),
        (dict, "an object"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "null")


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
