"""``GET /2/tweets/search/recent``: its parameters, what X refuses, and the page it answers with.

Source: https://docs.x.com/x-api/posts/search-recent-posts (read 2026-11-23).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from simulator.clock import WEEK_MS, iso, parse_ms
from simulator.x.additions import Additions
from simulator.x.post import Post
from simulator.x.problems import invalid_request, resource_not_found
from simulator.x.query import Query, QueryError, mentions, parse
from simulator.x.rendering import (
    CLASSIC,
    RENAMED,
    Payload,
    Spelling,
    render_media,
    render_post,
    render_user,
)
from simulator.x.snowflake import first_id_at


def _names(spaced: str) -> frozenset[str]:
    return frozenset(spaced.split())


POST_FIELDS = _names(
    "article attachments author_id card_uri community_id context_annotations conversation_id "
    "created_at display_text_range edit_controls edit_history_tweet_ids entities geo id "
    "in_reply_to_user_id lang media_metadata non_public_metrics note_tweet organic_metrics "
    "paid_partnership possibly_sensitive promoted_metrics public_metrics referenced_tweets "
    "reply_settings scopes source text withheld"
)
USER_FIELDS = _names(
    "affiliation connection_status created_at description entities id is_identity_verified "
    "location most_recent_tweet_id name parody pinned_tweet_id profile_banner_url "
    "profile_image_url protected public_metrics receives_your_dm subscription subscription_type "
    "url username verified verified_followers_count verified_type withheld"
)
MEDIA_FIELDS = _names(
    "alt_text duration_ms height media_key non_public_metrics organic_metrics preview_image_url "
    "promoted_metrics public_metrics type url variants width"
)
EXPANSIONS = _names(
    "article.cover_media article.media_entities attachments.media_keys "
    "attachments.media_source_tweet attachments.poll_ids author_id edit_history_tweet_ids "
    "entities.mentions.username geo.place_id in_reply_to_user_id entities.note.mentions.username "
    "referenced_tweets.id referenced_tweets.id.author_id "
    "referenced_tweets.id.attachments.media_keys"
)
_PARAMETERS = _names(
    "query start_time end_time since_id until_id max_results next_token pagination_token "
    "sort_order tweet.fields post.fields expansions media.fields poll.fields user.fields "
    "place.fields"
)
_ALWAYS = {"id", "text", "edit_history_tweet_ids"}
_OLDER_NAMES = {
    "edit_history_post_ids": "edit_history_tweet_ids",
    "referenced_posts": "referenced_tweets",
    "note_post": "note_tweet",
    "attachments.media_source_post": "attachments.media_source_tweet",
    # The 2026 documentation names this expansion with and without .id.
    "referenced_posts.id": "referenced_tweets.id",
    "referenced_posts.id.author_id": "referenced_tweets.id.author_id",
}
END_LAG_MS = 10_000
DEFAULT_LAG_MS = 30_000
_TOKEN_PREFIX = "b26v89c19zqg8o3f"
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Request:
    """A search that X would run. Ids are inclusive bounds; ``scope`` marks tokens as its own."""

    query: Query
    high: int
    low: int
    max_results: int
    post_fields: tuple[str, ...]
    user_fields: frozenset[str]
    media_fields: frozenset[str]
    expansions: frozenset[str]
    spelling: Spelling
    scope: int


@dataclass(frozen=True)
class Page:
    """A response's body, and the token of the very page that it holds."""

    body: Payload
    posts: list[Post]
    own_token: str


def read_request(parameters: Mapping[str, str], now_ms: int) -> Request:
    """Reads the query string; raises ``Problem`` 400 for what X refuses."""
    refuse_unknown(parameters, _PARAMETERS)
    query = read_query(parameters)
    max_results = _number(parameters, "max_results", "10")
    if not 10 <= max_results <= 100:
        raise invalid_request(
            (
                "max_results",
                [str(max_results)],
                "The `max_results` query "
                f"parameter value [{max_results}] is not between 10 and 100",
            )
        )
    if parameters.get("sort_order", "recency") != "recency":
        raise invalid_request(
            ("sort_order", [parameters["sort_order"]], "Only sort_order recency is simulated")
        )
    high, low = read_bounds(parameters, now_ms)
    scope = zlib.crc32(
        repr(
            [
                parameters.get(name)
                for name in ("query", "start_time", "end_time", "since_id", "until_id")
            ]
        ).encode()
    )
    request = replace(
        read_fields(parameters, query), high=high, low=low, max_results=max_results, scope=scope
    )
    token = parameters.get("next_token", parameters.get("pagination_token"))
    return request if token is None else replace(request, high=_cursor(token, scope))


def read_fields(parameters: Mapping[str, str], query: Query) -> Request:
    """What a post is to be shown with; raises ``Problem`` 400 for what X refuses."""
    spelling = RENAMED if "post.fields" in parameters else CLASSIC
    if "post.fields" in parameters and "tweet.fields" in parameters:
        raise invalid_request(
            (
                "post.fields",
                [parameters["post.fields"]],
                "post.fields and tweet.fields can't be given together",
            )
        )
    expansions = _listed(parameters, "expansions", EXPANSIONS)
    if not ("tweet.fields" in parameters or "post.fields" in parameters) and any(
        "_post" in name for name in parameters.get("expansions", "").split(",")
    ):
        spelling = RENAMED
    fields = _listed(parameters, spelling.fields, POST_FIELDS)
    return Request(
        query,
        0,
        0,
        0,
        tuple(sorted(fields - _ALWAYS)),
        _listed(parameters, "user.fields", USER_FIELDS),
        _listed(parameters, "media.fields", MEDIA_FIELDS),
        expansions,
        spelling,
        0,
    )


def answer(request: Request, source: Additions, now_ms: int, repeats: float) -> Page:
    """The page: newest first, with what the expansions ask for.

    ``repeats`` is the share of pages whose last post comes again as the next page's first, as
    happens when posts arrive while somebody pages.
    """
    posts: list[Post] = []
    following: Post | None = None
    for post in source.newest_first(request.high, request.low, request.query, now_ms):
        if len(posts) == request.max_results:
            following = post
            break
        posts.append(post)
    meta: Payload = {"result_count": len(posts)}
    body: Payload = {}
    if posts:
        body = rendered(posts, request, source, now_ms)
        meta = {"newest_id": str(posts[0].id), "oldest_id": str(posts[-1].id)} | meta
    if following is not None:
        again = zlib.crc32(str(posts[-1].id).encode()) < repeats * (1 << 32)
        meta["next_token"] = token_at(posts[-1].id if again else following.id, request.scope)
    body["meta"] = meta
    return Page(body, posts, token_at(posts[0].id if posts else request.high, request.scope))


def rendered(posts: list[Post], request: Request, source: Additions, now_ms: int) -> Payload:
    """Posts with what the expansions ask for, and what of it can't be shown."""
    body: Payload = {
        "data": [
            render_post(post, request.post_fields, source, now_ms, request.spelling)
            for post in posts
        ]
    }
    includes, errors = _expanded(posts, request, source, now_ms)
    if includes:
        body["includes"] = includes
    if errors:
        body["errors"] = errors
    return body


def token_at(post_id: int, scope: int) -> str:
    """The token of the page that begins with ``post_id``: opaque lower-case letters and digits."""
    number, digits = (post_id << 32 | scope) * 97 + 89, ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return _TOKEN_PREFIX + digits


def _cursor(token: str, scope: int) -> int:
    try:
        number, rest = divmod(int(token.removeprefix(_TOKEN_PREFIX), 36) - 89, 97)
    except ValueError:
        rest = 1
    if not token.startswith(_TOKEN_PREFIX) or rest or number & 0xFFFFFFFF != scope:
        raise invalid_request(
            (
                "next_token",
                [token],
                f"Invalid 'next_token':'{token}'. It is not a token of this query and time range.",
            )
        )
    return number >> 32


def refuse_unknown(parameters: Mapping[str, str], known: frozenset[str]) -> None:
    """Raises ``Problem`` 400 for parameters that the endpoint doesn't have."""
    unknown = sorted(set(parameters) - known)
    if unknown:
        names = ",".join(sorted(known))
        raise invalid_request(
            *(
                (name, [parameters[name]], f"The query parameter [{name}] is not one of [{names}]")
                for name in unknown
            )
        )


def read_query(parameters: Mapping[str, str]) -> Query:
    """The query; raises ``Problem`` 400 for what X doesn't understand."""
    text = parameters.get("query", "")
    if not text.strip():
        raise invalid_request(("query", [text], "The `query` query parameter can not be empty"))
    try:
        return parse(text)
    except QueryError as error:
        message = f"There were errors processing your request: {error}"
        raise invalid_request(("query", [text], message)) from error


def _number(parameters: Mapping[str, str], name: str, default: str) -> int:
    text = parameters.get(name, default)
    if not text.isascii() or not text.isdigit() or len(text) > 19:
        raise invalid_request(
            (name, [text], f"The `{name}` query parameter value [{text}] is not a number")
        )
    return int(text)


def _time(parameters: Mapping[str, str], name: str) -> int | None:
    if name not in parameters:
        return None
    try:
        return parse_ms(parameters[name])
    except ValueError as error:
        text = parameters[name]
        raise invalid_request(
            (name, [text], f"Invalid '{name}':'{text}'. Times are spelled YYYY-MM-DDTHH:mm:ssZ")
        ) from error


def read_bounds(parameters: Mapping[str, str], now_ms: int) -> tuple[int, int]:
    """Highest and lowest id, both inclusive; raises ``Problem`` 400 for what X refuses."""
    start, end = _time(parameters, "start_time"), _time(parameters, "end_time")
    times = [name for name in ("start_time", "end_time") if name in parameters]
    ids = [name for name in ("since_id", "until_id") if name in parameters]
    if times and ids:
        text = (
            "Invalid use of 'since_id' or 'until_id' in conjunction with 'start_time' or "
            "'end_time'."
        )
        raise invalid_request(*((name, [parameters[name]], text) for name in ids))
    reach = now_ms - WEEK_MS
    high = first_id_at(now_ms - DEFAULT_LAG_MS) - 1
    low = first_id_at(reach)
    if start is not None:
        # The limit is told to the second: so is the comparison, or the told limit would fail.
        if start // 1000 < reach // 1000:
            given, limit = parameters["start_time"], iso(reach)[:-5] + "Z"
            raise invalid_request(
                (
                    "start_time",
                    [given],
                    f"Invalid 'start_time':'{given}'. 'start_time' must be on or after {limit}",
                )
            )
        low = first_id_at(start)
    if end is not None:
        given = parameters["end_time"]
        if end > now_ms - END_LAG_MS:
            raise invalid_request(
                (
                    "end_time",
                    [given],
                    f"Invalid 'end_time':'{given}'. 'end_time' "
                    "must be a minimum of 10 seconds prior to the request time.",
                )
            )
        if end <= (reach if start is None else start):
            raise invalid_request(
                (
                    "end_time",
                    [given],
                    f"Invalid 'end_time':'{given}'. 'end_time' "
                    "must be after 'start_time' and within the last 7 days",
                )
            )
        high = first_id_at(end) - 1
    elif start is not None and start > now_ms - END_LAG_MS:
        given = parameters["start_time"]
        raise invalid_request(
            (
                "start_time",
                [given],
                f"Invalid 'start_time':'{given}'. "
                "'start_time' must be a minimum of 10 seconds prior to the request "
                "time.",
            )
        )
    if "since_id" in parameters:
        since = _number(parameters, "since_id", "")
        if since < low:
            raise invalid_request(
                (
                    "since_id",
                    [str(since)],
                    "'since_id' must be a post id created "
                    f"after [{iso(reach)}]. Please use a 'since_id' that is larger "
                    f"than {low}",
                )
            )
        low = since + 1
    if "until_id" in parameters:
        until = _number(parameters, "until_id", "")
        if until <= low:
            raise invalid_request(
                (
                    "until_id",
                    [str(until)],
                    "'until_id' must be a post id created "
                    f"after [{iso(reach)}] and larger than 'since_id'",
                )
            )
        high = min(high, until - 1)
    return high, low


def _listed(parameters: Mapping[str, str], name: str, allowed: Iterable[str]) -> frozenset[str]:
    given = [one for one in parameters.get(name, "").split(",") if one]
    names = [_OLDER_NAMES.get(one, one) for one in given]
    if name == "expansions":
        names = ["referenced_tweets.id" if one == "referenced_tweets" else one for one in names]
    wrong = [one for one, older in zip(given, names, strict=True) if older not in allowed]
    if wrong:
        raise invalid_request(
            *(
                (
                    name,
                    [one],
                    f"The `{name}` query parameter value [{one}] is not "
                    f"one of [{','.join(sorted(allowed))}]",
                )
                for one in wrong
            )
        )
    return frozenset(names)


def _expanded(
    posts: list[Post], request: Request, source: Additions, now_ms: int
) -> tuple[Payload, list[dict[str, Any]]]:
    asked, spelling = request.expansions, request.spelling
    if not asked:
        return {}, []
    users: dict[int, None] = {}  # in order of appearance, each once
    included: dict[int, Post] = {}
    media: dict[int, Post] = {}
    errors: dict[int, dict[str, Any]] = {}
    mentioned = asked & {"entities.mentions.username", "entities.note.mentions.username"}
    references = asked & {"referenced_tweets.id", "referenced_tweets.id.author_id"}
    for post in posts:
        if "author_id" in asked:
            users[post.author] = None
        if "attachments.media_keys" in asked and post.has_photo:
            media[post.id] = post
        if "edit_history_tweet_ids" in asked:
            for earlier in post.chain[:-1]:
                if (version := source.find(earlier)) is not None:
                    included[earlier] = version
        if mentioned and "@" in post.text:
            for match in mentions(post.text):
                if (author := source.author_named(match[1])) is not None:
                    users[author.index] = None
        target = post.target
        if target is None:
            continue
        if "in_reply_to_user_id" in asked and post.kind == "reply":
            users[target.author] = None
        if not references:
            continue
        if not source.alive(target, now_ms):
            parameter = f"{spelling.references}.id"
            errors[target.id] = resource_not_found(spelling.noun, parameter, str(target.id))
            continue
        included[target.id] = target
        if "referenced_tweets.id.author_id" in asked:
            users[target.author] = None
    includes: Payload = {}
    if users:
        includes["users"] = [render_user(source.author(i), request.user_fields) for i in users]
    if included:
        includes[spelling.included] = [
            render_post(post, request.post_fields, source, now_ms, spelling)
            for post in included.values()
        ]
    if media:
        includes["media"] = [render_media(post, request.media_fields) for post in media.values()]
    return includes, list(errors.values())
