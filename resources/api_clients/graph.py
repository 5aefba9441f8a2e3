"""What Facebook's and Instagram's Graph APIs share: one connection, its errors, limits and pages.

    graph = GraphApi(
        base_url, token, platform="Instagram", version="v26.0",
        setting="SENTIMENT_INSTAGRAM_API_VERSION", max_wait_s=960.0, budget=budget, sleep=sleep,
    )
    listing = graph.listing(f"{account}/media", {"fields": "id,caption"}, "/{ig-user}/media")
    for page in listing:                    # asks while Graph names a next page; stop when you like
        records, malformed = split(page.data, "media", lambda raw: {"media": raw})
        for record in records:
            created = parse_time(record["media"].get("timestamp"))    # aware UTC, or None
    graph.get(account, {"fields": "id"}, "/{ig-user}").body           # one object
    graph.allowance, graph.notices(now)
    findings = graph.token_findings(("instagram_basic",), now)        # for ``inspect``
    findings += [graph.version_finding(now), graph.allowance_finding()]

Reading raises ApiErrors; ``explained`` makes a finding of one. ``Vanished`` is the one to catch for
an object that was deleted since it was listed. "Reduce the amount of data" is answered inside a
listing by halving its ``limit``. ``where`` in messages holds no ids: name the path by its parts, as
above.

What belongs here: what the Graph API itself promises. Which edges and fields are read, and what
the objects mean, stands in ``facebook.py``, ``instagram.py`` and their parsers.

Sources (read 2026-11-24), all below https://developers.facebook.com/docs/graph-api/:
guides/error-handling (codes and subcodes), overview/rate-limiting (headers, percentages, codes),
results (cursors; the end is the absence of ``next``), guides/versioning and changelog/versions
(what a version's end means, dates), reference/debug_token.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import httpx

from resources.api_clients.access import Finding, TokenEnd
from resources.api_clients.answers import (
    Malformed,
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
    Forbidden,
    TokenRejected,
    TransientApiError,
    UnexpectedResponse,
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

LIVE_URL = "https://graph.facebook.com"
#: Most edges refuse a larger ``limit``.
LIMIT = 100
#: So many pages in a row without news, under cursors that were asked for before, are an error.
STALE_TRIES = 3
#: From here on ``inspect`` says what to do about a token that ends.
EXPIRY_TOLD_BEFORE = timedelta(days=14)
#: Where a refusal tells no time. Windows are rolling, and each refused call lengthens them.
THROTTLED = timedelta(minutes=5)

#: From the changelog. A version ends two years after its successor's release (guides/versioning),
#: as those do that it names no end of yet; some have got more.
RELEASED = {
    "v20.0": date(2024, 5, 21),
    "v21.0": date(2024, 10, 2),
    "v22.0": date(2025, 1, 21),
    "v23.0": date(2025, 5, 29),
    "v24.0": date(2025, 10, 8),
    "v25.0": date(2026, 2, 18),
    "v26.0": date(2026, 7, 29),
    "v27.0": date(2026, 11, 4),
}
RETIRES = {
    "v20.0": date(2026, 9, 24),
    "v21.0": date(2027, 1, 21),
    "v22.0": date(2027, 5, 20),
    "v23.0": date(2027, 10, 8),
    "v24.0": date(2028, 2, 18),
    "v25.0": date(2028, 7, 29),
    "v26.0": date(2028, 11, 4),
}
WARNED_BEFORE = timedelta(days=90)

_VERSION = re.compile(r"v[1-9][0-9]?\.[0-9]{1,2}")
#: Names of permissions and features that Graph's messages quote.
_PERMISSION = re.compile(
    r"\b(?:pages|instagram|business|ads|read|manage)_[a-z_]+[a-z]\b"
    r"|(?:Page|Instagram) Public (?:Content|Metadata) Access",
)
#: What leads from page to page, by cursor or by time (``results``), also where we began with one.
_CURSORS = frozenset({"after", "until", "since"})
_SECRETS = frozenset({"access_token", "appsecret_proof"})
_USAGE = ("call_count", "total_time", "total_cputime")

# guides/error-handling: what happened to a token, by subcode of 190 and 102.
_TOKEN_FATES = {
    458: "the app was removed by the person who granted it",
    459: "the person who granted it must log in to Facebook and confirm",
    460: "the person who granted it changed the password",
    463: "it has expired",
    464: "the person who granted it is not confirmed",
    467: "it was revoked or is not valid",
    492: "the person who granted it has no role on the Page any more",
}
_LIMITS = frozenset({4, 17, 32, 341, 613})
_SLOW_DOWN = range(80000, 80100)


class Vanished(BadRequest):
    """The object does not exist, or not for this token (code 100, subcode 33; code 803)."""


class TooMuchData(ApiError):
    """Graph asks for smaller pages; a listing halves its ``limit`` and goes on."""


def check_version(version: str) -> str:
    """The version, spelled ``v26.0``; raises ValueError for anything else."""
    if not _VERSION.fullmatch(version):
        raise ValueError(f"{version!r} is no version of the Graph API, for example v26.0")
    return version


def retires_on(version: str) -> date | None:
    """The last day that Meta's changelog names for a version; None where it names none yet.

    Versions before the table are long gone: they get the day of its first.
    """
    first = next(iter(RELEASED))
    if version not in RELEASED and _order(version) < _order(first):
        return RELEASED[first]
    return RETIRES.get(version)


def version_notices(asked: str, answered: str | None, setting: str, now: datetime) -> list[str]:
    """What to say about the version asked for, given the one that answered (None: not known)."""
    remedy = f"read the changelog and set {setting} to {_newest()}"
    last = retires_on(asked)
    notices = []
    if last is not None and last <= now.date():
        notices.append(f"Graph API {asked} was retired on {last}; {remedy}")
    elif last is not None and last - now.date() <= WARNED_BEFORE:
        days = (last - now.date()).days
        notices.append(f"Graph API {asked} retires on {last}, in {days} days; {remedy}")
    if answered is not None and answered != asked:
        notices.append(
            f"Graph answered as {answered} where {asked} was asked for, which it does for "
            f"versions that are gone: fields may mean something else; {remedy}"
        )
    return notices


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.removeprefix("v").split("."))


def allowance(headers: Mapping[str, str]) -> Allowance | None:
    """The fullest of all limits that an answer tells of, as a share; None where it tells none.

    ``X-App-Usage`` and ``X-Page-Usage`` hold percentages of one rolling limit each,
    ``X-Business-Use-Case-Usage`` of several objects and use cases, with the minutes until a
    throttled one is free again.
    """
    usages = [
        usage
        for name in ("x-app-usage", "x-page-usage")
        for usage in _dicts(_json(headers.get(name)))
    ]
    cases = _json(headers.get("x-business-use-case-usage"))
    usages += _dicts(list(cases.values()) if isinstance(cases, dict) else None)
    shares = [share for usage in usages for share in _shares(usage)]
    minutes = max((_number(u.get("estimated_time_to_regain_access")) for u in usages), default=0.0)
    if not shares and not minutes:
        return None
    used = max(shares, default=0.0)
    if minutes:
        return Allowance(used_share=max(used, 1.0), reset_at=utc_now() + timedelta(minutes=minutes))
    return Allowance(used_share=used, reset_at=utc_now() + THROTTLED if used >= 1 else None)


def _json(text: str | None) -> object:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def _dicts(value: object) -> Iterator[dict[str, Any]]:
    """The objects in a value, in lists in it, too."""
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _dicts(item)


def _shares(usage: Mapping[str, Any]) -> Iterator[float]:
    yield from (_number(usage[name]) / 100 for name in _USAGE if name in usage)


def _number(value: object) -> float:
    # A day at most: nobody waits longer, and no date overflows.
    return min(max(float(value), 0.0), 1440.0) if type(value) in (int, float) else 0.0  # type: ignore[arg-type]


def parse_time(value: object) -> datetime | None:
    """``2026-11-23T12:00:00+0000`` as an aware UTC time; None for anything else."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        return moment.astimezone(timezone.utc) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def split(
    data: Iterable[Any],
    what: str,
    wrap: Callable[[dict[str, Any]], dict[str, Any]],
    keep: Callable[[dict[str, Any]], bool] = lambda entry: True,
) -> tuple[list[dict[str, Any]], list[Malformed]]:
    """A page's entries as payloads, and those that are no object or no valid UTF-8.

    ``what`` names an entry in reasons (``comment``); ``wrap`` makes a payload of its object. Of
    objects only those are looked at that ``keep`` says.
    """
    records, malformed = [], []
    for index, entry in enumerate(data):
        if not isinstance(entry, dict):
            reason = f"the entry is {kind_of(entry)}, not a {what}"
            malformed.append(malformed_part(index, reason, entry))
        elif not keep(entry):
            continue
        elif is_unicode(record := wrap(entry)):
            records.append(record)
        else:
            malformed.append(malformed_part(index, f"the {what} is not valid UTF-8", record))
    return records, malformed


@dataclass(frozen=True)
class Answer:
    """One JSON object, as Graph wrote it."""

    body: dict[str, Any] = field(repr=False)
    simulated: bool


@dataclass(frozen=True)
class GraphPage:
    """One page of an edge. ``data`` is untouched and may hold what is no object.

    ``next`` are the parameters that lead to the next page, without the token that Graph writes
    into its address; None on the last page. ``summary`` is empty unless it was asked for.
    """

    number: int
    data: list[Any] = field(repr=False)
    summary: dict[str, Any] = field(repr=False)
    next: dict[str, str] | None = field(repr=False)
    simulated: bool


@dataclass(frozen=True)
class Token:
    """What Graph tells of a token. Times are UTC; None: never, or not told."""

    is_valid: bool
    type: str
    scopes: frozenset[str]
    expires_at: datetime | None
    data_access_expires_at: datetime | None
    #: What happened to a token that is not valid, where Graph says it.
    fate: str | None


class _NotJson(TransientApiError):
    """A 200 whose body can't be read: cut off on its way, or a proxy's page."""


class _NoPaging(TransientApiError):
    """A page that does not say whether another follows; ``page`` holds what it does say."""

    def __init__(self, page: GraphPage, where: str) -> None:
        super().__init__(
            "the answer does not say whether pages follow, so that some may be missing",
            where,
            "run this again; what was read up to here is kept",
        )
        self.page = page


class GraphApi:
    """GET requests to one version of the Graph API; safe to share between threads.

    The token goes into a header. ``platform`` begins every ``where`` in messages; ``setting`` is
    named where another version is to be set. ``explain`` is asked first for what code and subcode
    mean that only this platform has (None: what Graph says of it).
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        platform: str,
        version: str,
        setting: str,
        max_wait_s: float = 960.0,
        timeout_s: float = 30.0,
        budget: RateBudget = UNMETERED,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], datetime] = utc_now,
        explain: Callable[[int, int, str], ApiError | None] = lambda code, subcode, where: None,
    ) -> None:
        self.version = check_version(version)
        #: As the newest answer's header says it; None before the first.
        self.answered_version: str | None = None
        self.platform = platform
        self._setting = setting
        self._token = token
        self._explain_own = explain
        self._api = HttpApi(
            base_url,
            token,
            max_wait_s=max_wait_s,
            refusal=self._refusal,
            allowance=allowance,
            timeout_s=timeout_s,
            budget=budget,
            sleep=sleep,
            clock=clock,
        )

    def __repr__(self) -> str:
        return f"GraphApi({self._api.base_url!r}, {self.version!r})"

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    @property
    def base_url(self) -> str:
        """Where requests go."""
        return self._api.base_url

    @property
    def allowance(self) -> Allowance | None:
        """What is left of the limits, as of the newest answer that said so."""
        return self._api.allowance

    def notices(self, now: datetime) -> list[str]:
        """Warnings about the version: that it retires soon, or that another one answered."""
        return version_notices(self.version, self.answered_version, self._setting, now)

    def get(self, path: str, params: Mapping[str, str], where: str) -> Answer:
        """One object: ``path`` is below the version, ``where`` the same without ids."""
        return self._get(path, params, f"{self.platform} GET {where}", Answer)

    def listing(
        self,
        path: str,
        params: Mapping[str, str],
        where: str,
        *,
        limit: int = LIMIT,
        always_paged: bool = False,
        unpaged_ends: bool = False,
    ) -> Listing:
        """The pages of an edge, asked for one by one as they are read.

        ``always_paged``: every page of this edge that holds objects has ``paging``, so that one
        without is damaged. Of other edges that is said of full pages only, and of no page where
        ``unpaged_ends``: there a last page comes without, however full.
        """
        where = f"{self.platform} GET {where}"
        return Listing(self, path, params, where, limit, (always_paged, unpaged_ends))

    def page(
        self,
        path: str,
        params: Mapping[str, str],
        following: Mapping[str, str],
        where: str,
        number: int,
        paged: tuple[bool, bool],
    ) -> GraphPage:
        """One page, with retries and waits; ``listing`` is the way to read an edge."""

        def make(body: dict[str, Any], simulated: bool) -> GraphPage:
            data, summary, paging = body.get("data"), body.get("summary"), body.get("paging")
            if not isinstance(data, list):
                what = f"the answer's data is {kind_of(data)}, not a list"
                raise _NotJson(what, where, "trying again")
            after = _next(paging, params)
            page = GraphPage(
                number, data, summary if isinstance(summary, dict) else {}, after, simulated
            )
            if isinstance(paging, dict):
                unclear = after is None and paging.get("next") is not None
            else:
                # An edge with nothing to tell comes without.
                always_paged, unpaged_ends = paged
                full = not unpaged_ends and len(data) >= int(params.get("limit", LIMIT))
                unclear = paging is not None or (bool(data) and (always_paged or full))
            if unclear:
                raise _NoPaging(page, where)
            return page

        return self._get(path, {**params, **following}, where, make)

    def debug_token(self) -> Token:
        """What Graph knows of the client's own token, which travels as a parameter, too."""
        where = "/debug_token"
        data = self.get("debug_token", {"input_token": self._token}, where).body.get("data")
        if not isinstance(data, dict):
            raise UnexpectedResponse(
                f"the answer's data is {kind_of(data)}, not an object",
                f"{self.platform} GET {where}",
                "see the API's status page",
            )
        scopes, problem = data.get("scopes"), data.get("error")
        subcode = problem.get("subcode") if isinstance(problem, dict) else None
        return Token(
            is_valid=data.get("is_valid") is True,
            type=str(data.get("type", "")),
            scopes=frozenset(map(str, scopes)) if isinstance(scopes, list) else frozenset(),
            expires_at=_epoch(data.get("expires_at")),
            data_access_expires_at=_epoch(data.get("data_access_expires_at")),
            fate=_TOKEN_FATES.get(subcode) if isinstance(subcode, int) else None,
        )

    def token_end(self) -> TokenEnd:
        """When the token, or the access to data that it gives, ends first.

        Raises:
            ApiError: Graph did not say, for a reason other than the token.
        """
        try:
            token = self.debug_token()
        except TokenRejected as error:
            return TokenEnd(None, error.what)
        if not token.is_valid:
            return TokenEnd(None, token.fate or "it is not valid")
        ends = [end for end in (token.expires_at, token.data_access_expires_at) if end is not None]
        return TokenEnd(min(ends, default=None))

    def token_findings(self, scopes: Iterable[str], now: datetime) -> list[Finding]:
        """For ``inspect``: token, access to data and permissions, as ``debug_token`` tells them."""
        try:
            token = self.debug_token()
        except ApiError as error:
            return [explained("token", error)]
        again = "make a new one with the Access Token Debugger or the Graph API Explorer"
        if not token.is_valid:
            return [Finding("token", False, token.fate or "it is not valid", again)]
        kind = f"valid, of type {token.type}" if token.type else "valid"
        findings = [
            Finding(
                "token",
                True,
                f"{kind}, {_until('expires', token.expires_at, now)}",
                again if _near(token.expires_at, now) else "",
            )
        ]
        access = token.data_access_expires_at
        if access is not None:
            findings.append(
                Finding(
                    "access to data",
                    access > now,
                    _until("ends", access, now),
                    "log in again as the person who granted it" if _near(access, now) else "",
                )
            )
        wanted = sorted(scopes)
        missing = [scope for scope in wanted if scope not in token.scopes]
        findings.append(
            Finding(
                "permissions",
                not missing,
                f"missing: {', '.join(missing)}" if missing else f"granted: {', '.join(wanted)}",
                "add them to the app and grant them again" if missing else "",
            )
        )
        return findings

    def version_finding(self, now: datetime) -> Finding:
        """For ``inspect``: whether the version asked for is the one that answers, and for long."""
        notices = self.notices(now)
        if notices:
            last = retires_on(self.version)
            gone = self.answered_version not in (None, self.version) or (
                last is not None and last <= now.date()
            )
            what, _, remedy = notices[-1].rpartition("; ")
            return Finding("version", not gone, what, remedy)
        last = retires_on(self.version)
        until = f"available until {last}" if last else "no end announced"
        return Finding("version", True, f"{self.version}, {until}")

    def allowance_finding(self) -> Finding:
        """For ``inspect``: how much of the limit is used, as of the newest answer."""
        left = self.allowance
        if left is None or left.used_share is None:
            return Finding("allowance", True, "not told: that little is used")
        said = f"{left.used_share:.0%} of the fullest limit used"
        if left.used_up and left.reset_at:
            said += f", requests are taken again about {left.reset_at:%H:%M} UTC"
        remedy = "ask for less, or less often; limits grow with engaged users and impressions"
        return Finding("allowance", not left.used_up, said, remedy if left.used_up else "")

    def _get(
        self,
        path: str,
        params: Mapping[str, str],
        where: str,
        make: Callable[[dict[str, Any], bool], Made],
    ) -> Made:
        def read(answer: httpx.Response) -> Made:
            self._note_version(answer)
            body = decode(answer.content)
            if isinstance(body, dict) and isinstance(body.get("error"), dict):
                raise self._explain(body["error"], answer, where)
            if not isinstance(body, dict):
                what = f"the answer is not the JSON object that the API promises ({clue(answer)})"
                raise _NotJson(what, where, "trying again")
            return make(body, is_simulated(answer.headers))

        try:
            return self._api.get(f"/{self.version}/{path}", params, where, read)
        except _NotJson as error:
            what = error.what
        raise UnexpectedResponse(what, where, "see the API's status page; what it says is not data")

    def _note_version(self, answer: httpx.Response) -> None:
        version = answer.headers.get("facebook-api-version", "")
        if _VERSION.fullmatch(version):
            self.answered_version = version

    def _refusal(self, answer: httpx.Response, where: str) -> ApiError | None:
        self._note_version(answer)
        body = decode(answer.content)
        error = body.get("error") if isinstance(body, dict) else None
        # A proxy's page, say: the status tells more.
        return self._explain(error, answer, where) if isinstance(error, dict) else None

    def _explain(self, error: dict[str, Any], answer: httpx.Response, where: str) -> ApiError:
        """The error for Graph's own; codes as guides/error-handling lists them."""
        code, subcode = error.get("code"), error.get("error_subcode")
        code = code if isinstance(code, int) else -1
        subcode = subcode if isinstance(subcode, int) else 0
        said = str(error.get("message", ""))
        own = self._explain_own(code, subcode, where)
        if own is not None:
            return own
        called = f"code {code}, subcode {subcode}" if subcode else f"code {code}"
        permissions = ", ".join(dict.fromkeys(_PERMISSION.findall(said)))
        if code == 1 and "reduce the amount of data" in said.lower():
            return TooMuchData(
                f"the API asks for smaller pages ({called})",
                where,
                "ask for fewer objects a page",
            )
        if code in _LIMITS or code in _SLOW_DOWN:
            told = allowance(answer.headers)
            told_at = told.reset_at if told else None
            return rate_limited(where, told_at or utc_now() + THROTTLED)
        no_token = code == 2500 and "access token" in said.lower()
        if code in (190, 102, 104) or no_token or "appsecret_proof" in said:
            return self._token_rejected(subcode, said, called, where)
        named = permissions and re.search("permission|feature", said, re.IGNORECASE)
        if code in (3, 10) or 200 <= code <= 299 or (code == 100 and named):
            return Forbidden(
                f"the token may not read this ({called})"
                + (f"; the API names {permissions}" if permissions else ""),
                where,
                "grant the app what is missing, or have it approved in App Review",
            )
        if (code, subcode) == (100, 33) or code == 803:
            return Vanished(
                f"the object does not exist, or not for this token ({called})",
                where,
                "check the id in tracking.yaml, and that the token belongs to it",
            )
        if code == 368:
            return Forbidden(
                f"Meta has blocked the app or the Page for a time ({called})",
                where,
                "see the alerts in the App Dashboard; run again when it is lifted",
            )
        if code in (12, 2635):
            return BadRequest(
                f"the version {self.version} is not served any more ({called})",
                where,
                f"set {self._setting} to {_newest()}",
            )
        if code in (1, 2) or error.get("is_transient") is True:
            return TransientApiError(
                f"the API could not answer ({called})", where, "see Meta's status page"
            )
        if code in (21, 100, 110, 2500):
            return BadRequest(
                f"the request is not accepted ({called}): {self._redacted(said)}",
                where,
                "check the id in tracking.yaml; if it is right, the API has changed",
            )
        status = answer.status_code
        if status in (408, 425) or status >= 500:
            return TransientApiError(
                f"HTTP {status} from the API ({called})", where, "see Meta's status page"
            )
        return UnexpectedResponse(
            f"HTTP {status} with an error that is not documented for this edge ({called})",
            where,
            "look the code up in Meta's error reference",
        )

    def _token_rejected(self, subcode: int, said: str, called: str, where: str) -> TokenRejected:
        if "appsecret_proof" in said:
            return TokenRejected(
                f"the app asks for a proof of its secret ({called})",
                where,
                "switch Require App Secret off in the App Dashboard, Settings, Advanced",
            )
        fate = _TOKEN_FATES.get(subcode)
        return TokenRejected(
            f"the access token is not accepted ({called})" + (f": {fate}" if fate else ""),
            where,
            "make a new one, of the Page or of a system user, and put it into the settings",
        )

    def _redacted(self, said: str) -> str:
        """Graph's words about our parameters, which hold no post, without ids and token."""
        text = " ".join(said.replace(self._token, "[token]").split())
        return re.sub(r"[0-9]{5,}", "[id]", text)[:200]


class Listing(Iterator[GraphPage]):
    """The pages of one edge, from the first to the one that names no next.

    Only the absence of ``next`` is the end, never a short or an empty page. A cursor may repeat
    while its pages bring something new.
    """

    def __init__(
        self,
        api: GraphApi,
        path: str,
        params: Mapping[str, str],
        where: str,
        limit: int,
        paged: tuple[bool, bool],
    ) -> None:
        self._api = api
        self._path = path
        self._params = dict(params)
        self._where = where
        #: Objects asked for a page; halved where Graph finds that too much.
        self.limit = limit
        self._paged = paged
        self._next: dict[str, str] | None = {}
        self._asked: set[frozenset[tuple[str, str]]] = set()
        self._seen: set[int] = set()
        self._stale = 0
        self._failure: ApiError | None = None
        self._number = 0

    def __next__(self) -> GraphPage:
        if self._failure is not None:
            raise self._failure
        if self._next is None:
            raise StopIteration
        self._number += 1
        try:
            page = self._read(self._next)
        except _NoPaging as error:
            # The objects that did arrive are kept; reading on raises.
            self._failure = UnexpectedResponse(error.what, error.where, error.remedy)
            return error.page
        except ApiError as error:
            self._failure = error
            raise
        self._turn(page)
        return page

    def _read(self, following: Mapping[str, str]) -> GraphPage:
        where = f"{self._where}, page {self._number}"
        while True:
            params = {**self._params, "limit": str(self.limit)}
            try:
                return self._api.page(
                    self._path, params, following, where, self._number, self._paged
                )
            except TooMuchData:
                if self.limit == 1:
                    break
                self.limit //= 2
            except BadRequest as error:
                if isinstance(error, Vanished) or not following:
                    raise
                raise TransientApiError(
                    "the API does not accept its own cursor any more, as when what it points to "
                    "was deleted",
                    where,
                    "run this again; what was read up to here is kept",
                ) from None
        raise TransientApiError(
            "the API finds even one object a page too much", where, "see Meta's status page"
        )

    @property
    def exhausted(self) -> bool:
        """Whether the last page was read, and said that it is the last."""
        return self._next is None and self._failure is None

    def _turn(self, page: GraphPage) -> None:
        """Decide what follows."""
        self._next = page.next
        if page.next is None:
            return
        # By ids: likes grow from round to round. Kept from a cursor's first return on.
        objects = {_mark(entry) for entry in page.data}
        cursor = frozenset(page.next.items())
        if cursor in self._asked:
            self._stale = 0 if objects - self._seen else self._stale + 1
            self._seen |= objects
        else:
            self._asked.add(cursor)
            self._stale, self._seen = 0, objects
        if self._stale >= STALE_TRIES:
            self._failure = UnexpectedResponse(
                "the API repeats a cursor and nothing new comes with it",
                f"{self._where}, page {page.number}",
                "run this again; what was read up to here is kept",
            )


def _mark(entry: object) -> int:
    """What an object is known by when it comes again; some have no id."""
    return hash(repr(entry.get("id") or entry if isinstance(entry, dict) else entry))


def _next(paging: object, params: Mapping[str, str]) -> dict[str, str] | None:
    """The parameters of the address of the next page that are not ours already, or move us on.

    The address itself is not followed: it names a host, and holds the token.
    """
    address = paging.get("next") if isinstance(paging, dict) else None
    if not isinstance(address, str):
        return None
    try:
        told = dict(parse_qsl(urlsplit(address).query))
    except ValueError:
        return None
    return {
        name: value
        for name, value in told.items()
        if name in _CURSORS or name not in {*params, *_SECRETS}
    } or None


def explained(what: str, error: ApiError) -> Finding:
    """A finding that tells an error."""
    return Finding(what, False, error.what, error.remedy)


def _newest() -> str:
    return max(RELEASED, key=_order)


def _near(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment - now <= EXPIRY_TOLD_BEFORE


def _until(verb: str, moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return f"never {verb}"
    if moment <= now:
        return f"over since {moment:%Y-%m-%d}"
    return f"{verb} on {moment:%Y-%m-%d}, in {(moment - now).days} days"


def _epoch(value: object) -> datetime | None:
    """Seconds since 1970; 0 is Graph's way to say never."""
    try:
        return datetime.fromtimestamp(value, timezone.utc) if type(value) is int and value else None
    except (ValueError, OverflowError, OSError):
        return None
