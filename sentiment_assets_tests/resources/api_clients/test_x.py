"""The client against answers by script: what it asks, splits, keeps, waits for and refuses."""

import base64
import json
import logging
import pickle
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from resources.api_clients import errors
from resources.api_clients.answers import Malformed, PartialError
from resources.api_clients.http import ATTEMPTS, Allowance
from resources.api_clients.x import XClient

TOKEN = "AAAA-very-secret-token"
NOW = datetime(2026, 11, 23, 12, 0, 30, 250_000, tzinfo=timezone.utc)
START = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)
END = datetime(2026, 11, 23, 10, 0, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)
USAGE_CAP = {
    "title": "UsageCapExceeded",
    "detail": "Usage cap exceeded: Monthly product cap",
    "type": "https://api.twitter.com/2/problems/usage-capped",
    "period": "Monthly",
}


def post_id(moment: datetime, sequence: int = 0) -> str:
    milliseconds = int(moment.timestamp() * 1000) - 1288834974657
    return str((milliseconds << 22) + sequence)


def post(sequence: int, **fields: object) -> dict[str, Any]:
    return {"id": post_id(START, sequence), "text": f"post {sequence}", **fields}


def page(*posts: Any, next_token: str | None = None, **more: object) -> dict[str, Any]:
    ids = [item["id"] for item in posts if isinstance(item, dict)]
    meta: dict[str, Any] = {"result_count": len(posts)}
    if ids:
        meta |= {"newest_id": max(ids), "oldest_id": min(ids)}
    if next_token:
        meta["next_token"] = next_token
    return {**({"data": list(posts)} if posts else {}), "meta": meta, **more}


def limit_headers(remaining: int, reset_at: datetime) -> dict[str, str]:
    return {
        "x-rate-limit-limit": "60",
        "x-rate-limit-remaining": str(remaining),
        "x-rate-limit-reset": str(int(reset_at.timestamp())),
    }


@pytest.fixture
def client(server, naps):
    # The clock stands still: time passes only where a test says so.
    made = XClient(
        server.url, TOKEN, max_wait_s=900, timeout_s=2, sleep=naps.append, clock=lambda: NOW
    )
    yield made
    made.close()


# What is asked for


def test_a_request_carries_window_fields_and_the_token_in_its_header_only(server, client) -> None:
    server.reply(page(post(1)))

    list(client.search_window("nimbus", START, END))

    assert server.requests == [
        {
            "query": "nimbus",
            "max_results": "100",
            "start_time": "2026-11-23T08:00:00Z",
            "end_time": "2026-11-23T10:00:00Z",
            "tweet.fields": "author_id,conversation_id,created_at,edit_history_tweet_ids,entities,"
            "in_reply_to_user_id,lang,note_tweet,public_metrics,referenced_tweets",
            "expansions": "author_id,entities.mentions.username,entities.note.mentions.username,"
            "referenced_tweets.id",
            "user.fields": "name,username",
        }
    ]
    assert server.authorizations == [f"Bearer {TOKEN}"]


HALF = timedelta(milliseconds=500)
CET = timezone(timedelta(hours=1))
# The API counts in whole seconds: start inclusive, end exclusive.
BOUNDS = [
    pytest.param(START, END, START, END, id="whole seconds"),
    pytest.param(START.astimezone(CET), END.astimezone(CET), START, END, id="another zone"),
    pytest.param(START + HALF, END, START, END, id="a fraction of start is asked for whole"),
    pytest.param(START, END + HALF, START, END + SECOND, id="a fraction of end, too"),
    pytest.param(START, START + HALF, START, START + SECOND, id="a window under a second"),
    pytest.param(
        START, NOW + SECOND, START, NOW.replace(microsecond=0) - 15 * SECOND, id="open window"
    ),
    pytest.param(
        NOW - timedelta(days=7),
        END,
        NOW.replace(microsecond=0) - timedelta(days=7) + 60 * SECOND,
        END,
        id="start at the very edge of the reach",
    ),
    pytest.param(
        NOW - timedelta(days=7) + 61 * SECOND,
        END,
        NOW.replace(microsecond=0) - timedelta(days=7) + 61 * SECOND,
        END,
        id="start just inside of it",
    ),
]


@pytest.mark.parametrize(("start", "end", "asked_start", "asked_end"), BOUNDS)
def test_bounds_that_are_sent(server, client, start, end, asked_start, asked_end) -> None:
    server.reply(page())

    search = client.search_window("nimbus", start, end)
    list(search)

    sent = server.requests[0]
    assert (search.start, search.end) == (asked_start, asked_end)
    assert (sent["start_time"], sent["end_time"]) == (
        f"{asked_start:%Y-%m-%dT%H:%M:%SZ}",
        f"{asked_end:%Y-%m-%dT%H:%M:%SZ}",
    )


def test_a_window_that_has_only_begun_asks_nothing(server, client) -> None:
    search = client.search_window("nimbus", NOW - 5 * SECOND, NOW + timedelta(hours=2))

    assert list(search) == []
    assert search.exhausted
    assert search.watermark is None
    assert server.requests == []


def test_a_window_older_than_the_reach_names_what_would_reach_it(server, client) -> None:
    with pytest.raises(
        errors.BeyondReach, match=r"2026-11-16 12:01.*full-archive search"
    ) as raised:
        client.search_window(
            "nimbus", START - timedelta(days=30), datetime(2026, 11, 16, 12, 1, tzinfo=timezone.utc)
        )

    assert not raised.value.retryable
    assert client.recent == timedelta(days=7)
    assert server.requests == []


ARGUMENTS = [
    pytest.param(("", START, END), "1 to 512 characters, not 0", id="no query"),
    pytest.param(("n" * 513, START, END), "1 to 512 characters, not 513", id="long query"),
    pytest.param(("n", END, START), "must be before its end", id="backwards"),
    pytest.param(("n", START.replace(tzinfo=None), END), "need a time zone", id="naive time"),
    pytest.param(("n", START, END, "abc"), "since_id must be a post's id", id="since_id"),
]


@pytest.mark.parametrize(("arguments", "message"), ARGUMENTS)
def test_arguments_that_cannot_be_sent(client, arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        client.search_window(*arguments)


SETTINGS = [
    pytest.param({"base_url": "http://api.x.com"}, "must be https", id="token in the clear"),
    pytest.param({"base_url": "api.x.com"}, "must be https", id="no scheme"),
    pytest.param({"bearer_token": TOKEN + "\n"}, "bearer token is empty or holds", id="line end"),
    pytest.param({"bearer_token": ""}, "bearer token is empty or holds", id="no token"),
    pytest.param({"bearer_token": TOKEN + "\u00e9"}, "beyond ASCII", id="not ASCII"),
    pytest.param({"page_size": 101}, "from 10 to 100", id="page size"),
    pytest.param({"max_pages": 0}, "1 or more", id="no pages"),
]


@pytest.mark.parametrize(("settings", "message"), SETTINGS)
def test_settings_that_cannot_work(settings, message) -> None:
    good = {"base_url": "https://api.x.com", "bearer_token": TOKEN, "max_wait_s": 1}

    with pytest.raises(ValueError, match=message) as raised:
        XClient(**{**good, **settings})

    assert TOKEN not in str(raised.value)


# Paging and the watermark


def test_pages_follow_tokens_and_the_watermark_waits_for_the_last(server, client) -> None:
    server.reply(page(post(9), post(8), next_token="t2"))
    server.reply(page(next_token="t3"))
    server.reply(page(post(3), next_token="t4"))
    server.reply(page(post(1)))

    search = client.search_window("nimbus", START, END)
    seen = [(p.number, len(p.records), search.exhausted, search.watermark) for p in search]

    newest = post_id(START, 9)
    assert seen == [
        (1, 2, False, None),
        (2, 0, False, None),
        (3, 1, False, None),
        (4, 1, True, newest),
    ]
    assert [r.get("next_token") for r in server.requests] == [None, "t2", "t3", "t4"]
    # Everything but the token stays the same from page to page.
    assert len({json.dumps({**r, "next_token": ""}) for r in server.requests}) == 1
    with pytest.raises(StopIteration):
        next(search)


def test_an_empty_first_page_does_not_cost_the_watermark(server, client) -> None:
    server.reply(page(next_token="t2"))
    server.reply(page(post(7)))

    search = client.search_window("nimbus", START, END)
    list(search)

    assert search.watermark == post_id(START, 7)


def test_since_id_goes_with_every_page_and_ids_alone_bound_it(server, client) -> None:
    since = post_id(START + timedelta(minutes=30))
    newest = post_id(START + timedelta(minutes=50))
    server.reply(page({"id": newest, "text": "new"}, next_token="t2"))
    server.reply(page())

    search = client.search_window("nimbus", START, END, since_id=since)
    list(search)

    # The API answers 400 to ids together with times. An until_id is exclusive.
    for request in server.requests:
        assert (request["since_id"], request["until_id"]) == (since, post_id(END))
        assert not {"start_time", "end_time"} & request.keys()
    assert len(server.requests) == 2
    assert search.watermark == newest


def test_a_since_id_before_the_window_leaves_the_windows_start(server, client) -> None:
    since = post_id(START - timedelta(days=20))
    server.reply(page())

    search = client.search_window("nimbus", START, END, since_id=since)
    list(search)

    assert "since_id" not in server.requests[0]
    assert server.requests[0]["start_time"] == "2026-11-23T08:00:00Z"
    assert search.watermark == since


def test_a_since_id_after_the_window_asks_nothing(server, client) -> None:
    search = client.search_window("nimbus", START, END, since_id=post_id(END))

    assert list(search) == []
    assert search.watermark == post_id(END)
    assert server.requests == []


def test_a_repeated_token_stops_after_its_posts(server, client) -> None:
    server.reply(page(post(2), next_token="t2"))
    server.reply(page(post(1), next_token="t2"))

    search = client.search_window("nimbus", START, END)
    pages = [next(search), next(search)]

    assert [len(p.records) for p in pages] == [1, 1]
    with pytest.raises(errors.UnexpectedResponse, match=r"page 2: the API repeats a page token"):
        next(search)
    assert len(server.requests) == 2
    assert not search.exhausted
    assert search.watermark is None


def test_an_empty_page_may_name_its_token_again_but_not_for_ever(server, client) -> None:
    server.reply(page(post(2), next_token="t2"))
    server.reply(page(next_token="t2"))
    server.reply(page(post(1), next_token="t3"))
    server.reply(page(next_token="t3"))

    search = client.search_window("nimbus", START, END)

    with pytest.raises(errors.UnexpectedResponse, match="repeats a page token"):
        list(search)
    assert [r.get("next_token") for r in server.requests] == [None, "t2", "t2", "t3", "t3", "t3"]


def test_the_cap_on_pages_ends_a_search_without_calling_it_whole(server, naps) -> None:
    server.reply(page(post(2), next_token="t2"))
    server.reply(page(post(1), next_token="t3"))
    client = XClient(
        server.url,
        TOKEN,
        page_size=10,
        max_pages=2,
        max_wait_s=0,
        sleep=naps.append,
        clock=lambda: NOW,
    )

    search = client.search_window("nimbus", START, END)

    assert [p.number for p in search] == [1, 2]
    assert not search.exhausted
    assert search.watermark is None
    assert [r["max_results"] for r in server.requests] == ["10", "10"]


def test_a_start_that_leaves_the_reach_while_waiting_asks_for_another_run(server, naps) -> None:
    now = [NOW]
    client = XClient(server.url, TOKEN, sleep=naps.append, clock=lambda: now[0])
    server.reply(page(post(2), next_token="t2"))

    search = client.search_window("nimbus", NOW - timedelta(days=7), END)
    next(search)
    now[0] += timedelta(minutes=10)

    with pytest.raises(errors.TransientApiError, match=r"page 2: while.*run this window again"):
        next(search)
    assert len(server.requests) == 1


# What a page holds


ADA, BOB, CYD = (
    {"id": "1", "username": "Ada", "name": "Ada L."},
    {"id": "2", "username": "bob", "name": "Bob"},
    {"id": "3", "username": "cyd", "name": "Cyd"},
)
OLD, OLDER = {"id": "11", "text": "old", "author_id": "3"}, {"id": "12", "text": "older"}
ALL_USERS = {"users": [ADA, BOB, CYD]}
SPLITS = [
    pytest.param(
        {"author_id": "1"}, {**ALL_USERS, "tweets": [OLD]}, {"users": [ADA]}, id="the author"
    ),
    pytest.param(
        {"author_id": "1", "in_reply_to_user_id": "2"},
        ALL_USERS,
        {"users": [ADA, BOB]},
        id="whom it answers",
    ),
    pytest.param(
        {"author_id": "9", "entities": {"mentions": [{"username": "ada"}, {"id": "3"}]}},
        ALL_USERS,
        {"users": [ADA, CYD]},
        id="who is mentioned, by handle in any case or by id",
    ),
    pytest.param(
        {"note_post": {"entities": {"mentions": [{"username": "bob"}]}}},
        ALL_USERS,
        {"users": [BOB]},
        id="who is mentioned in the long text",
    ),
    pytest.param(
        {"referenced_tweets": [{"type": "quoted", "id": "11"}]},
        {"tweets": [OLD, OLDER], **ALL_USERS},
        {"tweets": [OLD]},
        id="classic spelling",
    ),
    pytest.param(
        {"referenced_posts": [{"type": "replied_to", "id": "12"}, {"type": "quoted", "id": "77"}]},
        {"posts": [OLD, OLDER]},
        {"posts": [OLDER]},
        id="spelling of 2026, and a post that was withheld",
    ),
    pytest.param(
        {"referenced_tweets": "11", "entities": {"mentions": 5}, "author_id": None},
        {"tweets": [OLD], **ALL_USERS},
        {},
        id="fields of wrong types refer to nothing",
    ),
]


@pytest.mark.parametrize(("fields", "includes", "kept"), SPLITS)
def test_a_record_holds_its_post_and_what_it_refers_to(server, client, fields, includes, kept):
    server.reply(page(post(1, **fields), includes=includes))

    [found] = client.search_window("nimbus", START, END)

    assert found.records == [{"data": post(1, **fields), "includes": kept}]
    assert found.malformed == []


def test_posts_stay_as_the_api_wrote_them(server, client) -> None:
    odd = {
        "id": post_id(START),
        "text": 'a "b"\n\u00e9 \U0001f600 \u0000',
        "a_field_of_next_year": [1, 2.5, None, {"x": True}],
        "public_metrics": {"impression_count": 12345678901234567890},
    }
    server.reply(page(odd))

    [found] = client.search_window("nimbus", START, END)

    assert found.records[0]["data"] == odd


def test_what_a_page_says_of_itself(server, client) -> None:
    reset = NOW.replace(microsecond=0) + timedelta(minutes=9)
    deleted = {
        "type": "https://api.x.com/2/problems/resource-not-found",
        "title": "Not Found Error",
        "detail": "Could not find tweet with referenced_tweets.id: [1234567890].",
    }
    server.reply(
        page(post(2), post(1), errors=[deleted, deleted, {"title": "Authorization Error"}]),
        headers={**limit_headers(41, reset), "api-version": "2.168", "x-simulated": "true"},
    )

    [found] = client.search_window("nimbus", START, END)

    assert found.newest_id == post_id(START, 2)
    assert found.oldest_id == post_id(START, 1)
    assert (found.result_count, found.next_token, found.number) == (2, None, 1)
    assert (found.api_version, found.simulated) == ("2.168", True)
    assert client.allowance == Allowance(60, 41, None, reset)
    # No detail: it quotes ids.
    assert found.errors == [
        PartialError("https://api.x.com/2/problems/resource-not-found", "Not Found Error", 2),
        PartialError("", "Authorization Error", 1),
    ]


def test_a_page_without_headers(server, client) -> None:
    server.reply(page(), headers={"x-rate-limit-remaining": "many"})

    [found] = client.search_window("nimbus", START, END)

    assert (found.api_version, found.simulated, client.allowance) == ("2", False, None)


MALFORMED = [
    pytest.param(
        page(post(1), 5, None, "x"),
        [
            Malformed(1, "the entry is a number, not a post", 5),
            Malformed(2, "the entry is null, not a post", None),
            Malformed(3, "the entry is a string, not a post", "x"),
        ],
        id="entries",
    ),
    pytest.param(
        {**page(), "data": {"id": "1"}},
        [Malformed(None, "data is an object, not a list", {"id": "1"})],
        id="data",
    ),
    pytest.param(
        page(includes=[ADA]),
        [Malformed(None, "includes is a list, not an object", [ADA])],
        id="includes",
    ),
    pytest.param(
        page(includes={"users": [ADA, 7]}),
        [Malformed(None, "includes.users[1] is a number, not an object", 7)],
        id="an included user",
    ),
]


@pytest.mark.parametrize(("body", "malformed"), MALFORMED)
def test_what_is_no_post_is_kept_with_its_reason(server, client, body, malformed) -> None:
    server.reply(body)

    [found] = client.search_window("nimbus", START, END)

    assert found.malformed == malformed


ENCODINGS = [
    pytest.param(b'"caf\xe9 \xff"', b'"caf\xe9 \xff"', id="Latin-1 bytes"),
    pytest.param(b'"\\ud83d cut"', b'"\\ud83d cut"', id="half an emoji"),
]


@pytest.mark.parametrize(("text", "kept"), ENCODINGS)
def test_a_post_with_broken_text_is_kept_by_its_bytes_and_its_page_lives(
    server, client, text, kept
) -> None:
    good = json.dumps(post(1)).encode()
    server.reply(b'{"data":[%s,{"id":"2","text":%s}],"meta":{"result_count":2}}' % (good, text))

    [found] = client.search_window("nimbus", START, END)

    assert [record["data"] for record in found.records] == [post(1)]
    [broken] = found.malformed
    assert (broken.index, broken.reason) == (1, "the post is not valid UTF-8")
    content = base64.b64decode(broken.raw["base64"])
    assert content == b'{"data": {"id": "2", "text": %s}, "includes": {}}' % kept


# What is waited for: rate limits follow the machine's clock


def in_seconds(seconds: float) -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0) + timedelta(seconds=seconds)


def test_a_rate_limit_is_waited_for(server, client, naps) -> None:
    reset = in_seconds(100)
    server.reply({"title": "Too Many Requests"}, 429, limit_headers(0, reset))
    server.reply(page(post(1)))

    [found] = client.search_window("nimbus", START, END)

    assert len(found.records) == 1
    [nap] = naps
    assert 97 <= nap <= 102


def test_a_limit_that_is_used_up_is_waited_for_before_the_next_page(server, client, naps) -> None:
    reset = in_seconds(100)
    server.reply(page(post(2), next_token="t2"), headers=limit_headers(0, reset))
    server.reply(page(post(1)), headers=limit_headers(59, reset))

    assert len(list(client.search_window("nimbus", START, END))) == 2
    assert len(naps) == 1
    assert 97 <= naps[0] <= 102


def test_a_reset_in_the_past_is_not_waited_for(server, client, naps) -> None:
    server.reply(page(post(2), next_token="t2"), headers=limit_headers(0, in_seconds(-1)))
    server.reply(page(post(1)))

    assert len(list(client.search_window("nimbus", START, END))) == 2
    assert naps == []


@pytest.mark.parametrize("status", [429, 200])
def test_a_reset_too_far_away_is_an_error_that_says_when(server, client, naps, status) -> None:
    reset = in_seconds(910)
    server.reply(page(post(2), next_token="t2"), status, limit_headers(0, reset))

    search = client.search_window("nimbus", START, END)
    with pytest.raises(
        errors.RateLimited, match=rf"until {reset:%H:%M:%S} UTC; run again"
    ) as raised:
        list(search)

    assert raised.value.retryable
    assert raised.value.reset_at == reset
    assert naps == []
    assert len(server.requests) == 1
    assert search.watermark is None


def test_a_429_without_headers_is_tried_again_with_growing_pauses(server, client, naps) -> None:
    server.reply({"title": "Too Many Requests"}, 429)

    with pytest.raises(errors.RateLimited, match="for a time it does not say"):
        list(client.search_window("nimbus", START, END))

    assert len(server.requests) == ATTEMPTS
    assert all(low <= nap <= 2 * low for nap, low in zip(naps, (0.25, 0.5, 1, 2, 4), strict=True))


TRANSIENT = [
    pytest.param(b"<html>Bad gateway</html>", 502, "HTTP 502 from the API", id="bad gateway"),
    pytest.param({"title": "Service Unavailable"}, 503, "HTTP 503 from the API", id="overload"),
    pytest.param({}, 408, "HTTP 408 from the API", id="request timeout"),
]


@pytest.mark.parametrize(("body", "status", "message"), TRANSIENT)
def test_passing_troubles_are_tried_again(server, client, naps, body, status, message) -> None:
    server.reply(body, status)
    server.reply(body, status)
    server.reply(page(post(1)))

    assert len(list(client.search_window("nimbus", START, END))) == 1
    assert len(naps) == 2

    server.answers.clear()
    server.reply(body, status)
    with pytest.raises(errors.TransientApiError, match=message) as raised:
        list(client.search_window("nimbus", START, END))
    assert raised.value.retryable


def test_retries_end_with_the_longest_wait(server, naps) -> None:
    server.reply({}, 503)
    client = XClient(server.url, TOKEN, max_wait_s=1.5, sleep=naps.append, clock=lambda: NOW)

    with pytest.raises(errors.TransientApiError):
        list(client.search_window("nimbus", START, END))

    assert 1 <= len(naps) < ATTEMPTS - 1
    assert sum(naps) <= 1.5


def test_a_host_that_does_not_answer(naps) -> None:
    client = XClient("http://127.0.0.1:9", TOKEN, sleep=naps.append, clock=lambda: NOW)

    with pytest.raises(errors.TransientApiError, match=r"page 1: no connection \(.*refused"):
        list(client.search_window("nimbus", START, END))

    assert len(naps) == ATTEMPTS - 1


# What is refused


NOT_JSON = [
    pytest.param(
        b'{"data":[{"id":"1","te', "text/x", r"text/x, 22 bytes, begins with '{'", id="cut"
    ),
    pytest.param(
        b"<html>log in</html>", "text/html", r"text/html, 19 bytes, begins with '<'", id="page"
    ),
    pytest.param(
        b"secret words", "text/plain", r"text/plain, 12 bytes, begins like no JSON", id="text"
    ),
    pytest.param(b"", "application/json", r"application/json, 0 bytes, empty", id="nothing"),
    pytest.param(b"[1]", "application/json", r"3 bytes, begins with '\['", id="a list"),
    pytest.param(b'{"meta":NaN}', "application/json", r"12 bytes, begins with '{'", id="NaN"),
    pytest.param(b"[" * 100_000, "application/json", r"100000 bytes, begins", id="too deep"),
]


@pytest.mark.parametrize(("body", "content_type", "clue"), NOT_JSON)
def test_an_answer_that_is_no_json(server, client, naps, body, content_type, clue) -> None:
    server.reply(body, headers={"content-type": content_type})

    with pytest.raises(errors.UnexpectedResponse, match=clue) as raised:
        list(client.search_window("nimbus", START, END))

    assert len(server.requests) == ATTEMPTS
    assert "secret" not in str(raised.value)
    assert not raised.value.retryable

    server.answers.insert(0, server.answers[0])
    server.answers[1] = type(server.answers[0])(page(post(1)))
    assert len(list(client.search_window("nimbus", START, END))) == 1


def test_an_answer_without_meta_keeps_its_posts_and_then_stops(server, client) -> None:
    server.reply({"data": [post(1)]})

    search = client.search_window("nimbus", START, END)

    assert len(next(search).records) == 1
    for _ in range(2):
        with pytest.raises(errors.UnexpectedResponse, match="further pages may be missing"):
            next(search)
    assert len(server.requests) == ATTEMPTS
    assert search.watermark is None


CREDITS = {"title": "CreditsDepleted", "type": "https://api.x.com/2/problems/credits"}
INVALID = {
    "title": "Invalid Request",
    "errors": [
        {"message": "'since_id' must be larger than 2089996193672200192", "parameters": {}},
        {"message": f"unknown {TOKEN}"},
    ],
}
REFUSALS = [
    pytest.param(401, {}, errors.TokenRejected, "make a new one", id="dead token"),
    pytest.param(403, {}, errors.Forbidden, "may not use this endpoint", id="plan"),
    pytest.param(402, CREDITS, errors.UsageCapExceeded, "waiting does not help", id="credits"),
    pytest.param(429, USAGE_CAP, errors.UsageCapExceeded, "waiting does not help", id="cap"),
    pytest.param(
        400,
        INVALID,
        errors.BadRequest,
        r": 'since_id' must be larger than \[id\] unknown \[token\]; correct the query",
        id="X's own words, without ids",
    ),
    pytest.param(400, b"<html>", errors.BadRequest, r"\(HTTP 400\); correct", id="400 of a proxy"),
    pytest.param(404, {}, errors.UnexpectedResponse, "HTTP 404.*check the base URL", id="path"),
    pytest.param(302, {}, errors.UnexpectedResponse, "HTTP 302", id="redirect is not followed"),
]


@pytest.mark.parametrize(("status", "body", "kind", "message"), REFUSALS)
def test_refusals_stop_at_once(server, client, naps, status, body, kind, message) -> None:
    # The cap comes with a rate limit that has hardly been used.
    server.reply(body, status, {**limit_headers(59, NOW), "location": "https://example.org/"})

    with pytest.raises(kind, match=message) as raised:
        list(client.search_window("nimbus", START, END))

    assert str(raised.value).startswith("X GET /2/tweets/search/recent, page 1: ")
    assert not raised.value.retryable
    assert len(server.requests) == 1
    assert naps == []
    assert TOKEN not in str(raised.value)


def test_errors_cross_process_boundaries() -> None:
    error = errors.RateLimited("what", "where", "remedy", NOW)

    copied = pickle.loads(pickle.dumps(error))

    assert (str(copied), copied.reset_at) == ("where: what; remedy", NOW)


def test_nothing_secret_reaches_logs_errors_or_reprs(server, client, caplog) -> None:
    secrets = [TOKEN, "private words", post_id(START, 5), "Ada L."]
    said = post(5, text="private words", author_id="1")
    since = post_id(START, 1)
    server.reply({"title": "private words"}, 503)
    server.reply(page(said, "private words", next_token="t2", includes={"users": [ADA]}))
    server.reply({"title": "private words", "detail": TOKEN}, 401)

    with caplog.at_level(logging.DEBUG):
        search = client.search_window("nimbus", START, END, since_id=since)
        first = next(search)
        with pytest.raises(errors.TokenRejected) as raised:
            next(search)

    objects = [raised.value, client, client._api, search, first.malformed]
    shown = "\n".join([caplog.text, str(raised.value), *map(repr, objects)])
    assert "HTTP 503 from the API" in caplog.text
    assert "HTTP Request: GET" in caplog.text
    assert [secret for secret in [*secrets, since] if secret in shown] == []
    assert raised.value.__context__ is None
    assert "private words" not in repr(first)
