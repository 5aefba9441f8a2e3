"""What Facebook and Instagram share: Graph's errors, limits, versions, pages and tokens."""

import itertools
import json
import logging
import re
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from resources.api_clients import errors, graph
from resources.api_clients.graph import GraphApi
from resources.api_clients.http import ATTEMPTS, Allowance

TOKEN = "EAAG-very-secret-token"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=timezone.utc)
WHERE = "Facebook GET /{page}/feed, page 1"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def api(server, naps):
    made = GraphApi(
        f"{server.url}/facebook",
        TOKEN,
        platform="Facebook",
        version="v26.0",
        setting="SENTIMENT_FACEBOOK_API_VERSION",
        max_wait_s=900,
        timeout_s=2,
        sleep=naps.append,
    )
    yield made
    made.close()


def listing(api: GraphApi, **options: Any) -> graph.Listing:
    return api.listing("77001/feed", {"fields": "id"}, "/{page}/feed", **options)


def page(*ids: Any, after: str | None = None, **more: object) -> dict[str, Any]:
    paging: dict[str, Any] = {"cursors": {"before": "b", "after": "a"}}
    if after is not None:
        paging["next"] = (
            "https://elsewhere.example/v99.0/666/feed"
            f"?access_token={TOKEN}&fields=everything&limit=25&pretty=0&after={after}"
        )
    data = [{"id": str(one)} if isinstance(one, int) else one for one in ids]
    return {"data": data, "paging": paging, **more}


def refusal(code: int, message: str = "no", subcode: int | None = None, **more: object) -> Any:
    error: dict[str, Any] = {"message": message, "type": "OAuthException", "code": code, **more}
    if subcode is not None:
        error["error_subcode"] = subcode
    return {"error": error}


# Requests


def test_the_token_travels_in_a_header_and_the_version_in_the_path(server, api) -> None:
    server.reply(page(1))

    list(listing(api))

    assert server.paths == ["/facebook/v26.0/77001/feed"]
    assert server.requests == [{"fields": "id", "limit": "100"}]
    assert server.authorizations == [f"Bearer {TOKEN}"]


def test_a_single_object(server, api) -> None:
    server.reply({"id": "9", "name": "Nimbus"}, headers={"x-simulated": "true"})

    answer = api.get("77001", {"fields": "name"}, "/{page}")

    assert (answer.body, answer.simulated) == ({"id": "9", "name": "Nimbus"}, True)
    assert "Nimbus" not in repr(answer)


# Pages


def test_pages_follow_cursors_and_never_the_address(server, api) -> None:
    server.reply(page(1, 2, after="c2"))
    server.reply(page(after="c3"))
    server.reply(page(3))

    pages = listing(api)
    seen = [([one["id"] for one in p.data], p.number, pages.exhausted) for p in pages]

    assert seen == [(["1", "2"], 1, False), ([], 2, False), (["3"], 3, True)]
    # Ours stay ours; what is new in the address comes along, but for the token.
    assert server.requests[1:] == [
        {"fields": "id", "limit": "100", "after": "c2", "pretty": "0"},
        {"fields": "id", "limit": "100", "after": "c3", "pretty": "0"},
    ]
    assert set(server.paths) == {"/facebook/v26.0/77001/feed"}
    assert set(server.authorizations) == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("https://x/y?until=17&__paging_token=p7&limit=5", {"until": "17", "__paging_token": "p7"}),
        ("https://x/y?offset=25&appsecret_proof=secret", {"offset": "25"}),
    ],
)
def test_listings_by_time_or_offset_lead_on_too(server, api, address, asked) -> None:
    server.reply({"data": [{"id": "1"}], "paging": {"next": address}})
    server.reply(page())

    list(listing(api))

    assert server.requests[1] == {"fields": "id", "limit": "100", **asked}


ENDS = [
    pytest.param({"data": []}, {}, id="an edge with nothing to tell"),
    pytest.param({"data": [{"id": "1"}]}, {}, id="a short page of an edge that leaves paging out"),
    pytest.param(page(1), {"always_paged": True}, id="cursors without next"),
    pytest.param({"data": [{"id": "1"}], "paging": {}}, {"always_paged": True}, id="bare paging"),
    pytest.param({"data": [{}] * 2}, {"limit": 2, "unpaged_ends": True}, id="full, by its edge"),
]


@pytest.mark.parametrize(("body", "options"), ENDS)
def test_the_absence_of_next_is_the_end(server, api, body, options) -> None:
    server.reply(body)

    pages = listing(api, **options)

    assert len(list(pages)) == 1
    assert pages.exhausted
    assert len(server.requests) == 1


DAMAGED = [
    pytest.param({"data": [{"id": "1"}]}, {"always_paged": True}, id="no paging"),
    pytest.param({"data": [{"id": "1"}] * 2}, {"limit": 2}, id="no paging on a full page"),
    pytest.param({"data": [{"id": "1"}], "paging": 7}, {}, id="paging of another type"),
    pytest.param(
        {"data": [{"id": "1"}], "paging": {"next": 7}}, {}, id="an address of another type"
    ),
    pytest.param(
        {"data": [{"id": "1"}], "paging": {"next": "https://x/y"}}, {}, id="a bare address"
    ),
]


@pytest.mark.parametrize(("body", "options"), DAMAGED)
def test_a_page_that_does_not_say_what_follows_is_kept_and_then_stops(
    server, api, naps, body, options
) -> None:
    server.reply(body)

    pages = listing(api, **options)

    assert next(pages).data == body["data"]
    assert len(server.requests) == ATTEMPTS
    for _ in range(2):
        with pytest.raises(errors.UnexpectedResponse, match="some may be missing"):
            next(pages)
    assert not pages.exhausted
    # Once is no harm.
    server.answers.insert(0, server.answers[0])
    server.answers[1] = type(server.answers[0])(page(1))
    assert len(list(listing(api, **options))) == 1


def test_a_cursor_may_repeat_while_something_new_comes(server, api) -> None:
    for number in range(6):
        server.reply(page(number, after="same"))
    server.reply(page(6))

    assert [p.data[0]["id"] for p in listing(api)] == list("0123456")


def test_a_cursor_that_brings_nothing_new_ends_after_a_few_tries(server, api) -> None:
    server.reply(page(1, after="c1"))
    server.reply(page(2, after="c1"))

    pages = listing(api)
    seen = [next(pages) for _ in range(2 + graph.STALE_TRIES)]

    assert [p.data[0]["id"] for p in seen] == ["1", "2", "2", "2", "2"]
    with pytest.raises(errors.UnexpectedResponse, match="page 5: the API repeats a cursor"):
        next(pages)
    assert not pages.exhausted


def test_empty_pages_under_one_cursor_end_as_well(server, api) -> None:
    server.reply(page(after="c1"))

    with pytest.raises(errors.UnexpectedResponse, match="repeats a cursor"):
        list(listing(api))
    assert len(server.requests) == 2 + graph.STALE_TRIES - 1


def test_a_cursor_that_was_invalidated_can_be_tried_again_later(server, api, naps) -> None:
    server.reply(page(1, after="c1"))
    server.reply(refusal(100, "(#100) Invalid cursors values"), 400)

    pages = listing(api)
    next(pages)

    with pytest.raises(errors.TransientApiError, match=r"page 2: .*own cursor.*run this again"):
        next(pages)
    assert (len(server.requests), naps) == (2, [])


# Smaller pages


REDUCE = "Please reduce the amount of data you're asking for, then retry your request"


@pytest.mark.parametrize("status", [500, 400, 200])
def test_smaller_pages_are_asked_for_until_they_come(server, api, naps, status) -> None:
    for _ in range(3):
        server.reply(refusal(1, REDUCE), status)
    server.reply(page(1, after="c1"))
    server.reply(page(2))

    assert len(list(listing(api))) == 2

    # The same place again, and small from then on.
    assert [(r["limit"], r.get("after")) for r in server.requests] == [
        ("100", None), ("50", None), ("25", None), ("12", None), ("12", "c1"),
    ]  # fmt: skip
    assert naps == []


def test_smaller_pages_midway_keep_the_place(server, api) -> None:
    server.reply(page(1, after="c1"))
    server.reply(refusal(1, REDUCE), 500)
    server.reply(page(2))

    list(listing(api, limit=9))

    assert [(r["limit"], r.get("after")) for r in server.requests] == [
        ("9", None), ("9", "c1"), ("4", "c1"),
    ]  # fmt: skip


def test_one_object_that_is_too_much(server, api, naps) -> None:
    server.reply(refusal(1, REDUCE), 500)

    with pytest.raises(errors.TransientApiError, match="even one object a page too much"):
        list(listing(api))

    assert [r["limit"] for r in server.requests] == ["100", "50", "25", "12", "6", "3", "1"]
    assert naps == []


# Errors


NEEDS = (
    "(#10) This endpoint requires the 'pages_read_engagement' permission or the "
    "'Page Public Content Access' feature. Refer to https://developers.facebook.com/docs/apps"
)
GONE = (
    "Unsupported get request. Object with ID '1234567890' does not exist, cannot be loaded due to "
    "missing permissions, or does not support this operation."
)
REFUSALS = [
    pytest.param(190, 463, "x", errors.TokenRejected, "code 190, subcode 463.*expired", id="190"),
    pytest.param(190, 460, "x", errors.TokenRejected, "changed the password", id="password"),
    pytest.param(190, None, "x", errors.TokenRejected, r"\(code 190\); make a new", id="token"),
    pytest.param(102, None, "x", errors.TokenRejected, "not accepted", id="session"),
    pytest.param(
        104, None, "An access token is required.", errors.TokenRejected, "104", id="no token"
    ),
    pytest.param(
        2500, None, "An active access token must be used", errors.TokenRejected, "2500", id="me"
    ),
    pytest.param(
        100,
        None,
        "API calls from the server require an appsecret_proof argument",
        errors.TokenRejected,
        "switch Require App Secret off",
        id="proof",
    ),
    pytest.param(
        10,
        None,
        NEEDS,
        errors.Forbidden,
        "the API names pages_read_engagement, Page Public Content Access;",
        id="permission by name",
    ),
    pytest.param(200, None, "(#200) Permissions error", errors.Forbidden, "may not read", id="200"),
    pytest.param(299, None, "x", errors.Forbidden, "App Review", id="299"),
    pytest.param(3, None, "x", errors.Forbidden, "code 3", id="capability"),
    pytest.param(
        100,
        None,
        "(#100) Object does not exist. This endpoint requires the 'pages_read_engagement' "
        "permission",
        errors.Forbidden,
        "names pages_read_engagement",
        id="permission behind a 100",
    ),
    pytest.param(100, 33, GONE, graph.Vanished, "check the id in tracking.yaml", id="gone"),
    pytest.param(803, None, "(#803) x", graph.Vanished, "does not exist", id="no such alias"),
    pytest.param(368, None, "x", errors.Forbidden, "blocked.*App Dashboard", id="blocked"),
    pytest.param(2635, None, "x", errors.BadRequest, "v26.0 is not served.*to v27.0", id="version"),
    pytest.param(
        100,
        None,
        f"(#100) Tried accessing nonexisting field (mood) on {TOKEN} of 1234567890",
        errors.BadRequest,
        r"nonexisting field \(mood\) on \[token\] of \[id\]; check",
        id="Graph's own words, without ids and token",
    ),
    pytest.param(
        2500, None, "Unknown path components: /x", errors.BadRequest, "Unknown path", id="path"
    ),
    pytest.param(777, None, "words", errors.UnexpectedResponse, "HTTP 400.*code 777", id="new"),
]


@pytest.mark.parametrize(("code", "subcode", "message", "kind", "said"), REFUSALS)
def test_refusals_stop_at_once(server, api, naps, code, subcode, message, kind, said) -> None:
    server.reply(refusal(code, message, subcode), 400)

    with pytest.raises(kind, match=said) as raised:
        next(listing(api))

    assert str(raised.value).startswith(f"{WHERE}: ")
    assert not raised.value.retryable
    assert (len(server.requests), naps) == (1, [])
    assert not any(secret in str(raised.value) for secret in (TOKEN, "1234567890", "words"))


def test_an_error_in_a_200_is_an_error(server, api) -> None:
    server.reply(refusal(190, "x", 463), 200)

    with pytest.raises(errors.TokenRejected):
        next(listing(api))


PASSING = [
    pytest.param(refusal(1, "An unknown error occurred"), 500, r"code 1\)", id="unknown"),
    pytest.param(refusal(1, "An unknown error occurred"), 400, r"code 1\)", id="unknown, with 400"),
    pytest.param(refusal(2, "Service temporarily unavailable"), 503, "code 2", id="service"),
    pytest.param(refusal(99, "x", is_transient=True), 400, "code 99", id="it says so"),
    pytest.param(refusal(777, "x"), 502, "HTTP 502 from the API.*777", id="a status"),
    pytest.param(b"<html>oh</html>", 502, "HTTP 502 from the API", id="a proxy"),
    pytest.param({"error": "no object"}, 500, "HTTP 500", id="an error of another type"),
]


@pytest.mark.parametrize(("body", "status", "said"), PASSING)
def test_what_passes_is_tried_again(server, api, naps, body, status, said) -> None:
    server.reply(body, status)
    server.reply(page(1))
    assert len(list(listing(api))) == 1
    assert len(naps) == 1

    server.answers[:] = server.answers[:0]
    server.reply(body, status)
    with pytest.raises(errors.TransientApiError, match=said):
        next(listing(api))
    assert len(server.requests) == 2 + ATTEMPTS


NOT_DATA = [
    pytest.param(b'{"data":[{"id":"1', r"application/json, 17 bytes, begins with '{'", id="cut"),
    pytest.param(b"<html>log in</html>", "begins with '<'", id="a page"),
    pytest.param(b"[]", r"begins with '\['", id="a list"),
    pytest.param(b'{"data":{}}', "the answer's data is an object, not a list", id="an object"),
    pytest.param(b"{}", "the answer's data is null, not a list", id="nothing"),
]


@pytest.mark.parametrize(("body", "said"), NOT_DATA)
def test_an_answer_without_data(server, api, body, said) -> None:
    server.reply(body)

    with pytest.raises(errors.UnexpectedResponse, match=said):
        next(listing(api))
    assert len(server.requests) == ATTEMPTS


def test_a_platforms_own_codes_come_first(server, naps) -> None:
    own = errors.BadRequest("30 hashtags a week", "here", "ask for fewer")
    api = GraphApi(
        server.url,
        TOKEN,
        platform="Instagram",
        version="v26.0",
        setting="S",
        explain=lambda code, subcode, where: own if (code, subcode) == (18, 2) else None,
    )
    server.reply(refusal(18, "x", 2), 400)
    server.reply(refusal(190), 400)

    with pytest.raises(errors.BadRequest, match="30 hashtags"):
        next(listing(api))
    with pytest.raises(errors.TokenRejected, match="Instagram GET"):
        next(listing(api))


# Limits


def usage(percent: int, minutes: int = 0, **more: int) -> dict[str, str]:
    case = {
        "type": "pages",
        "call_count": percent,
        "total_cputime": 5,
        "total_time": 6,
        "estimated_time_to_regain_access": minutes,
        **more,
    }
    return {"X-Business-Use-Case-Usage": json.dumps({"1122334455": [case]})}


def case(call_count: int, minutes: object = 0) -> dict[str, object]:
    return {
        "type": "instagram",
        "call_count": call_count,
        "estimated_time_to_regain_access": minutes,
    }


SHARES = [
    pytest.param({"x-app-usage": '{"call_count":28,"total_time":25}'}, 0.28, None, id="app"),
    pytest.param({"x-page-usage": '{"call_count":1,"total_cputime":41}'}, 0.41, None, id="page"),
    pytest.param(
        {
            "x-app-usage": '{"call_count":28}',
            "x-business-use-case-usage": json.dumps(
                {"1": [case(30), case(95)], "2": [case(97), {"total_time": 12.5}]}
            ),
        },
        0.97,
        None,
        id="the fullest of several objects and cases",
    ),
    pytest.param(
        {"x-business-use-case-usage": json.dumps({"1": [case(100, 19)], "2": [case(4, 3)]})},
        1.0,
        19,
        id="the longest wait",
    ),
    pytest.param(
        {"x-business-use-case-usage": json.dumps({"1": [case(60, 7)]})},
        1.0,
        7,
        id="throttled for another reason than the count",
    ),
    pytest.param({"x-app-usage": '{"call_count":104}'}, 1.04, 5, id="full, and no time is told"),
    pytest.param({"x-app-usage": '{"call_count":0}'}, 0.0, None, id="nothing used"),
]


@pytest.mark.parametrize(("headers", "share", "minutes"), SHARES)
def test_usage_headers_as_an_allowance(headers, share, minutes) -> None:
    before = datetime.now(timezone.utc)

    told = graph.allowance(headers)

    assert told is not None
    assert told.used_share == pytest.approx(share)
    assert (told.limit, told.remaining) == (None, None)
    if minutes is None:
        assert told.reset_at is None
    else:
        wait = told.reset_at - before
        assert minutes * MINUTE <= wait < minutes * MINUTE + timedelta(seconds=5)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-app-usage": ""},
        {"x-app-usage": "{"},
        {"x-app-usage": "[" * 100_000},
        {"x-app-usage": "7"},
        {"x-app-usage": '{"acc_id_util_pct": 9.7}'},
        {"x-business-use-case-usage": '{"1": 7}'},
        {"x-business-use-case-usage": '["call_count"]'},
    ],
    ids=lambda headers: str(headers)[:40],
)
def test_headers_that_tell_nothing(headers) -> None:
    assert graph.allowance(headers) is None


@pytest.mark.parametrize("value", ["many", None, True, -3])
def test_values_of_wrong_types_count_as_nothing_used(value) -> None:
    told = graph.allowance({"x-app-usage": json.dumps({"call_count": value, "total_time": 7})})

    assert told == Allowance(used_share=0.07)


LIMITS = [4, 17, 32, 341, 613, 80001, 80002, 80014]


@pytest.mark.parametrize("code", LIMITS)
def test_a_limit_is_waited_for_as_long_as_the_headers_say(server, api, naps, code) -> None:
    server.reply(refusal(code), 400, usage(100, minutes=3))
    server.reply(page(1), headers=usage(40))

    assert len(list(listing(api))) == 1
    [nap] = naps
    assert 178 <= nap <= 183


def test_a_limit_without_a_time_is_waited_for_some_minutes(server, api, naps) -> None:
    server.reply(refusal(4), 403)
    server.reply(page(1))

    assert len(list(listing(api))) == 1
    [nap] = naps
    assert 298 <= nap <= 303


def test_a_limit_that_lasts_too_long_says_until_when(server, api, naps) -> None:
    server.reply(refusal(80001), 400, usage(100, minutes=50))

    with pytest.raises(errors.RateLimited, match="no more requests until") as raised:
        next(listing(api))

    wait = raised.value.reset_at - datetime.now(timezone.utc)
    assert 49 * MINUTE < wait <= 50 * MINUTE
    assert raised.value.retryable
    assert (len(server.requests), naps) == (1, [])


def test_a_limit_that_is_full_is_waited_for_before_the_next_request(server, api, naps) -> None:
    server.reply(page(1, after="c1"), headers=usage(100, minutes=2))
    server.reply(page(2), headers=usage(60))

    assert len(list(listing(api))) == 2
    [nap] = naps
    assert 118 <= nap <= 123
    assert api.allowance == Allowance(used_share=0.6)


def test_a_limit_that_is_near_slows_down(server, api, naps) -> None:
    server.reply(page(1, after="c1"), headers=usage(74))
    server.reply(page(2, after="c2"), headers=usage(80))
    server.reply(page(3, after="c3"), headers=usage(95))
    server.reply(page(4))

    assert len(list(listing(api))) == 4
    assert naps == [pytest.approx(6.0), pytest.approx(24.0)]


# Versions


@pytest.mark.parametrize(
    ("version", "last"),
    [
        ("v21.0", date(2027, 1, 21)),
        ("v26.0", date(2028, 11, 4)),
        ("v27.0", None),
        ("v31.0", None),
        ("v3.3", date(2024, 5, 21)),
    ],
)
def test_when_a_version_ends(version, last) -> None:
    assert graph.retires_on(version) == last


def test_versions_end_two_years_after_their_successor_came_or_later() -> None:
    ordered = list(graph.RELEASED)
    for name, successor in itertools.pairwise(ordered):
        after = graph.RELEASED[successor]
        assert graph.RETIRES[name] >= after.replace(year=after.year + 2) - timedelta(days=10)


@pytest.mark.parametrize("version", ["26.0", "v26", "v26.0 ", "latest", "v0.1", "V26.0"])
def test_what_is_no_version(version) -> None:
    with pytest.raises(ValueError, match=r"for example v26\.0"):
        graph.check_version(version)
    with pytest.raises(ValueError, match=r"for example v26\.0"):
        GraphApi("https://x.example", TOKEN, platform="F", version=version, setting="S")


SET = r"read the changelog and set S to v27\.0"
NOTICES = [
    pytest.param("v26.0", "v26.0", NOW, [], id="well"),
    pytest.param("v26.0", None, NOW, [], id="nothing asked yet"),
    pytest.param(
        "v21.0", None, NOW, [f"v21.0 retires on 2027-01-21, in 58 days; {SET}"], id="58 days"
    ),
    pytest.param(
        "v21.0", "v21.0", datetime(2026, 10, 23, tzinfo=timezone.utc), ["in 90 days"], id="90 days"
    ),
    pytest.param("v21.0", "v21.0", datetime(2026, 10, 22, tzinfo=timezone.utc), [], id="91 days"),
    pytest.param(
        "v21.0", None, datetime(2027, 1, 21, tzinfo=timezone.utc), ["was retired"], id="the day"
    ),
    pytest.param(
        "v20.0",
        "v21.0",
        NOW,
        ["v20.0 was retired on 2026-09-24", f"answered as v21.0 where v20.0 was asked.*{SET}"],
        id="gone, and another answers",
    ),
]


@pytest.mark.parametrize(("asked", "answered", "now", "said"), NOTICES)
def test_notices_of_versions(asked, answered, now, said) -> None:
    notices = graph.version_notices(asked, answered, "S", now)

    assert len(notices) == len(said)
    for notice, pattern in zip(notices, said, strict=True):
        assert re.search(pattern, notice)


@pytest.mark.parametrize("status", [200, 400])
def test_the_version_that_answered_is_noticed(server, api, status) -> None:
    body = page(1) if status == 200 else refusal(190)
    server.reply(body, status, {"facebook-api-version": "v27.0"})
    assert api.notices(NOW) == []

    try:
        next(listing(api))
    except errors.TokenRejected:
        assert status == 400

    [notice] = api.notices(NOW)
    assert notice.startswith("Graph answered as v27.0 where v26.0 was asked for")
    finding = api.version_finding(NOW)
    assert (finding.ok, finding.remedy) == (
        False,
        "read the changelog and set SENTIMENT_FACEBOOK_API_VERSION to v27.0",
    )


def test_a_header_that_names_no_version(server, api) -> None:
    server.reply(page(1), headers={"facebook-api-version": "<script>"})

    next(listing(api))

    assert api.answered_version is None
    assert api.version_finding(NOW).said == "v26.0, available until 2028-11-04"


def test_a_version_that_retires_soon_is_told_but_stands(server) -> None:
    api = GraphApi(server.url, TOKEN, platform="F", version="v21.0", setting="S")

    finding = api.version_finding(NOW)

    assert (finding.ok, finding.said) == (True, "Graph API v21.0 retires on 2027-01-21, in 58 days")
    assert finding.remedy.endswith("set S to v27.0")


# Times and entries


TIMES = [
    ("2026-11-23T12:00:00+0000", datetime(2026, 11, 23, 12, tzinfo=timezone.utc)),
    ("2026-11-23T14:00:00+0200", datetime(2026, 11, 23, 12, tzinfo=timezone.utc)),
    ("2026-11-23T12:00:00Z", datetime(2026, 11, 23, 12, tzinfo=timezone.utc)),
    ("2026-11-23T12:00:00", None),
    ("yesterday", None),
    ("0001-01-01T00:00:00+0200", None),
    (1763899200, None),
    (None, None),
]


@pytest.mark.parametrize(("text", "moment"), TIMES, ids=lambda value: str(value)[:30])
def test_times(text, moment) -> None:
    assert graph.parse_time(text) == moment


def test_entries_that_are_no_objects_or_no_text_are_kept_apart(server, api) -> None:
    body = (
        b'{"data":[{"id":"1"},5,{"id":"2","message":"caf\xe9"},null,{"id":"3"}],'
        b'"paging":{"cursors":{}}}'
    )
    server.reply(body)

    [found] = listing(api)
    records, malformed = graph.split(found.data, "post", lambda raw: {"post": raw})

    assert records == [{"post": {"id": "1"}}, {"post": {"id": "3"}}]
    assert [(one.index, one.reason) for one in malformed] == [
        (1, "the entry is a number, not a post"),
        (2, "the post is not valid UTF-8"),
        (3, "the entry is null, not a post"),
    ]
    assert set(malformed[1].raw) == {"base64"}


# Tokens


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def token(**fields: object) -> dict[str, Any]:
    told = {"is_valid": True, "type": "PAGE", "scopes": ["a_read", "b_read"], "expires_at": 0}
    return {"data": {**told, **fields}}


def test_the_token_is_asked_about_itself(server, api) -> None:
    server.reply(token(data_access_expires_at=seconds(NOW + timedelta(days=60))))

    told = api.debug_token()

    assert server.paths == ["/facebook/v26.0/debug_token"]
    assert server.requests == [{"input_token": TOKEN}]
    assert told == graph.Token(
        True, "PAGE", frozenset({"a_read", "b_read"}), None, NOW + timedelta(days=60), None
    )


FINDINGS = [
    pytest.param(
        token(),
        [
            ("token", True, "valid, of type PAGE, never expires", ""),
            ("permissions", True, "granted: a_read, b_read", ""),
        ],
        id="well",
    ),
    pytest.param(
        token(expires_at=seconds(NOW + timedelta(days=40)), type=""),
        [
            ("token", True, "valid, expires on 2027-01-03, in 40 days", ""),
            ("permissions", True, "granted: a_read, b_read", ""),
        ],
        id="with an end",
    ),
    pytest.param(
        token(
            expires_at=seconds(NOW + timedelta(days=3)),
            data_access_expires_at=seconds(NOW + timedelta(days=9)),
            scopes=["a_read"],
        ),
        [
            ("token", True, "valid, of type PAGE, expires on 2026-11-27, in 3 days", "make a new"),
            ("access to data", True, "ends on 2026-12-03, in 9 days", "log in again"),
            ("permissions", False, "missing: b_read", "add them to the app"),
        ],
        id="soon over, with little",
    ),
    pytest.param(
        token(data_access_expires_at=seconds(NOW - timedelta(days=1))),
        [
            ("token", True, "valid, of type PAGE, never expires", ""),
            ("access to data", False, "over since 2026-11-23", "log in again"),
            ("permissions", True, "granted: a_read, b_read", ""),
        ],
        id="access is over",
    ),
    pytest.param(
        {"data": {"is_valid": False, "error": {"code": 190, "message": "secret", "subcode": 463}}},
        [("token", False, "it has expired", "make a new")],
        id="expired",
    ),
    pytest.param(
        {"data": {"is_valid": "yes", "scopes": 7, "error": 7}},
        [("token", False, "it is not valid", "make a new")],
        id="wrong types",
    ),
]


@pytest.mark.parametrize(("body", "expected"), FINDINGS)
def test_findings_about_a_token(server, api, body, expected) -> None:
    server.reply(body)

    found = api.token_findings(["b_read", "a_read"], NOW)

    assert [(one.what, one.ok, one.said) for one in found] == [three[:3] for three in expected]
    for one, (_, _, _, remedy) in zip(found, expected, strict=True):
        assert one.remedy.startswith(remedy)
        assert bool(one.remedy) is bool(remedy)


def test_a_token_that_cannot_be_asked_about(server, api) -> None:
    server.reply(refusal(190, "x", 460), 400)

    [found] = api.token_findings(["a_read"], NOW)

    assert (found.what, found.ok) == ("token", False)
    assert "changed the password" in found.said
    assert found.remedy.startswith("make a new one")


def test_an_answer_about_a_token_that_is_none(server, api) -> None:
    server.reply({"data": []})

    with pytest.raises(errors.UnexpectedResponse, match="data is a list, not an object"):
        api.debug_token()


ALLOWANCES = [
    pytest.param({}, True, "not told", id="none"),
    pytest.param(usage(41), True, "41% of the fullest limit used", id="some"),
    pytest.param(usage(100, minutes=9), False, "100% of .* taken again about", id="all"),
]


@pytest.mark.parametrize(("headers", "ok", "said"), ALLOWANCES)
def test_findings_about_the_allowance(server, api, headers, ok, said) -> None:
    server.reply(page(1), headers=headers)
    next(listing(api))

    found = api.allowance_finding()

    assert found.ok is ok
    assert re.match(said, found.said)
    assert bool(found.remedy) is not ok


# Nothing secret


def test_nothing_secret_reaches_logs_errors_or_reprs(server, api, caplog) -> None:
    cursor = "Q2c4U1pXNT-cursor"
    server.reply(refusal(2, f"private words {TOKEN}"), 503)
    server.reply(page({"id": "88002", "message": "private words"}, after=cursor), 200, usage(10))
    server.reply(refusal(777, f"private words {TOKEN}"), 400)
    server.reply(token(is_valid=False, error={"code": 190, "message": f"private words {TOKEN}"}))

    with caplog.at_level(logging.DEBUG):
        pages = listing(api)
        first = next(pages)
        with pytest.raises(errors.UnexpectedResponse) as raised:
            next(pages)
        told = api.debug_token()
        found = api.token_findings(["a_read"], NOW)

    objects = [raised.value, api, pages, first, told, found, api.allowance]
    shown = "\n".join([caplog.text, str(raised.value), *map(repr, objects)])
    assert "HTTP Request: GET" in caplog.text
    assert "code 2" in caplog.text
    secrets = [TOKEN, "private words", "77001", "88002", cursor, "1122334455"]
    assert [secret for secret in secrets if secret in shown] == []
    assert raised.value.__context__ is None
