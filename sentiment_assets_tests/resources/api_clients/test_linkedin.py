"""LinkedIn's client against answers by script: what it asks, keeps, leaves out and gives up."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError

from resources.api_clients import errors
from resources.api_clients.answers import PartialError
from resources.api_clients.http import utc_now
from resources.api_clients.linkedin import (
    BATCH,
    OVERLAP,
    PAGE,
    Access,
    LinkedInClient,
    open_client,
    retires_on,
)

TOKEN = "AQX-very-secret-token"
ORGANIZATION = "2414183"
NOW = datetime(2026, 11, 23, 12, 0, 30, 250_000, tzinfo=timezone.utc)
START = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)
END = datetime(2026, 11, 23, 10, 0, tzinfo=timezone.utc)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Tracked:
    name: str = "nimbus"
    kind: str = "organization"
    value: str = ORGANIZATION


NIMBUS = Tracked()


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def share(number: int) -> str:
    return f"urn:li:share:{number}"


def post(number: int, created: datetime, **fields: Any) -> dict[str, Any]:
    return {
        "id": share(number),
        "author": f"urn:li:organization:{ORGANIZATION}",
        "commentary": f"post {number}",
        "createdAt": ms(created),
        "publishedAt": ms(created),
        "lastModifiedAt": ms(fields.pop("modified", created)),
        "lifecycleState": "PUBLISHED",
    } | fields


def comment(number: int, at: datetime, answers: int | None = 0, **fields: Any) -> Any:
    made: dict[str, Any] = {
        "id": str(number),
        "commentUrn": f"urn:li:comment:(urn:li:activity:99,{number})",
        "object": "urn:li:activity:99",
        "actor": "urn:li:person:x",
        "created": {"time": ms(at)},
        "message": {"text": f"c {number}"},
    }
    if answers is not None:
        made["commentsSummary"] = {"totalFirstLevelComments": answers}
    return made | fields


def page(*elements: Any, start: int = 0, count: int = PAGE, **paging: Any) -> dict[str, Any]:
    return {"elements": list(elements), "paging": {"start": start, "count": count, **paging}}


def counted(*counts: tuple[int, int, int], gone: dict[int, int] | None = None) -> dict[str, Any]:
    """Answer of a batch: (post, comments and answers, comments); ``gone``: post -> status."""
    return {
        "results": {
            share(number): {"commentSummary": {"count": total, "topLevelCount": top}}
            for number, total, top in counts
        },
        "errors": {share(number): {"status": status} for number, status in (gone or {}).items()},
    }


def acls(*roles: tuple[str, str]) -> dict[str, Any]:
    return page(
        *(
            {"organization": f"urn:li:organization:{number}", "role": role, "state": "APPROVED"}
            for number, role in roles
        )
    )


GONE = {"status": 404, "code": "NOT_FOUND", "message": "Could not find urn:li:share:7133700000"}


@pytest.fixture
def make(server, naps):
    made: list[LinkedInClient] = []

    def client(**settings: Any) -> LinkedInClient:
        # The clock stands still: time passes only where a test says so.
        defaults = {
            "version": "202609", "comment_days": 14, "max_wait_s": 900, "timeout_s": 2,
            "sleep": naps.append, "clock": lambda: NOW,
        }  # fmt: skip
        made.append(LinkedInClient(server.url, TOKEN, **{**defaults, **settings}))
        return made[-1]

    yield client
    for one in made:
        one.close()


@pytest.fixture
def client(make):
    return make()


def ids(pages: Any) -> list[str]:
    return [
        record["post"]["id"].rpartition(":")[2] if "post" in record else record["comment"]["id"]
        for one in pages
        for record in one.records
    ]


# What is asked for


def test_posts_their_counts_then_comments_and_answers_are_asked_for(server, client) -> None:
    one, two = post(1, START), post(2, START + HOUR)
    first, second = comment(11, START + MINUTE, answers=1), comment(12, START + MINUTE)
    answer = comment(13, START + HOUR, parentComment=first["commentUrn"])
    server.reply(page(two, one))
    server.reply(counted((2, 0, 0), (1, 3, 2)))
    server.reply(page(second, first))
    server.reply(page(answer))

    search = client.search(NIMBUS, START, END)
    found = list(search)

    assert [record for one_page in found for record in one_page.records] == [
        {"post": two, "social_metadata": {"commentSummary": {"count": 0, "topLevelCount": 0}}},
        {"post": one, "social_metadata": {"commentSummary": {"count": 3, "topLevelCount": 2}}},
        {"comment": second, "post_urn": share(1)},
        {"comment": first, "post_urn": share(1)},
        {"comment": answer, "post_urn": share(1)},
    ]
    assert [one_page.number for one_page in found] == [1, 2, 3]
    assert (search.pages, search.exhausted, search.watermark) == (3, True, None)
    # Urns are encoded everywhere, and List(...) is not.
    assert server.targets == [
        "/rest/posts?author=urn%3Ali%3Aorganization%3A2414183&q=author&sortBy=LAST_MODIFIED"
        "&start=0&count=100",
        "/rest/socialMetadata?ids=List(urn%3Ali%3Ashare%3A2,urn%3Ali%3Ashare%3A1)",
        "/rest/socialActions/urn%3Ali%3Ashare%3A1/comments?start=0&count=100",
        "/rest/socialActions/urn%3Ali%3Acomment%3A%28urn%3Ali%3Aactivity%3A99%2C11%29/comments"
        "?start=0&count=100",
    ]
    assert set(server.authorizations) == {f"Bearer {TOKEN}"}
    for headers in server.headers:
        assert headers["linkedin-version"] == "202609"
        assert headers["x-restli-protocol-version"] == "2.0.0"


def test_counts_are_asked_for_in_batches(server, client) -> None:
    posts = [post(number, START + MINUTE) for number in range(1, BATCH + 2)]
    server.reply(page(*posts))
    server.reply(counted(*((number, 0, 0) for number in range(1, BATCH + 1))))
    server.reply(counted((BATCH + 1, 0, 0)))

    found = list(client.search(NIMBUS, START, END))

    assert len(ids(found)) == BATCH + 1
    assert all("social_metadata" in record for record in found[0].records)
    assert [request.get("ids", "").count("urn") for request in server.requests] == [0, BATCH, 1]


CET = timezone(timedelta(hours=1))
HALF = timedelta(milliseconds=500)
NOW_S = NOW.replace(microsecond=0)
BOUNDS = [
    pytest.param(START, END, START, END, id="whole seconds"),
    pytest.param(START.astimezone(CET), END.astimezone(CET), START, END, id="another zone"),
    pytest.param(START + HALF, END, START, END, id="a fraction of start is asked for whole"),
    pytest.param(START, END + HALF, START, END + SECOND, id="a fraction of end, too"),
    pytest.param(START, NOW + HOUR, START, NOW_S, id="open window"),
    pytest.param(NOW - 400 * DAY, END, NOW_S - 365 * DAY, END, id="start beyond the reach"),
]


@pytest.mark.parametrize(("start", "end", "used_start", "used_end"), BOUNDS)
def test_bounds_that_are_used(client, start, end, used_start, used_end) -> None:
    search = client.search(NIMBUS, start, end)
    assert (search.start, search.end) == (used_start, used_end)


def test_a_window_holds_its_start_and_not_its_end(server, client) -> None:
    inside = [START, START + HOUR, END - timedelta(milliseconds=1)]
    outside = [START - timedelta(milliseconds=1), END, END + HOUR]
    posts = [post(number, at) for number, at in enumerate([*inside, *outside], 1)]
    comments = [comment(number, at) for number, at in enumerate([*inside, *outside], 11)]
    server.reply(page(*posts))
    server.reply(counted((1, 6, 6)))
    server.reply(page(*comments))
    server.reply(page())

    found = ids(client.search(NIMBUS, START, END))

    assert [one for one in found if len(one) == 1] == ["1", "2", "3"]
    assert [one for one in found if len(one) == 2] == ["11", "12", "13"]


def test_nothing_is_asked_of_a_window_that_has_not_begun(server, client) -> None:
    search = client.search(NIMBUS, NOW + MINUTE, NOW + HOUR)
    assert list(search) == []
    assert search.exhausted
    assert server.requests == []


def test_a_stretch_beyond_the_reach_names_the_setting(server, make) -> None:
    client = make(reach=30 * DAY)
    assert client.reach(NIMBUS) == 30 * DAY
    with pytest.raises(errors.BeyondReach, match=r"last 30 days.*LINKEDIN_REACH_DAYS") as raised:
        client.search(NIMBUS, NOW - 90 * DAY, NOW - 31 * DAY)
    assert not raised.value.retryable
    assert server.requests == []


ARGUMENTS = [
    pytest.param((NIMBUS, END, START), "must be before its end", id="backwards"),
    pytest.param((NIMBUS, START.replace(tzinfo=None), END), "need a time zone", id="naive time"),
    pytest.param((Tracked(value="nimbus"), START, END), "numeric id", id="a name for an id"),
    pytest.param((Tracked(value="urn:li:organization:1"), START, END), "numeric id", id="a urn"),
    pytest.param((Tracked(kind="page"), START, END), "is an organization", id="kind"),
]


@pytest.mark.parametrize(("arguments", "message"), ARGUMENTS)
def test_arguments_that_make_no_sense(client, arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        client.search(*arguments)


SETTINGS = [
    pytest.param({"version": "202613"}, "a year and a month", id="no month"),
    pytest.param({"version": "2026-09"}, "a year and a month", id="a dash"),
    pytest.param({"version": "20260901"}, "a year and a month", id="a day"),
    pytest.param({"access_token": TOKEN + "\n"}, "bearer token is empty or holds", id="line end"),
    pytest.param({"comment_days": -1}, "greater than or equal to 0", id="days"),
    pytest.param({"client_id": "x"}, "belong together", id="id without secret"),
    pytest.param({"client_secret": "x"}, "belong together", id="secret without id"),
]


@pytest.mark.parametrize(("settings", "message"), SETTINGS)
def test_settings_that_cannot_work(settings, message) -> None:
    with pytest.raises(ValidationError, match=message) as raised:
        Access(**settings)
    assert TOKEN not in str(raised.value)


def test_the_client_is_opened_as_the_settings_say(server, naps) -> None:
    access = Access(
        access_token=TOKEN, version="202608", comment_days=3, reach_days=40, max_pages=1,
        client_id="app", client_secret="hush",
    )  # fmt: skip
    assert access.credential is not None
    assert access.credential.get_secret_value() == TOKEN
    assert "hush" not in repr(access)
    client = open_client(
        access, base_url=server.url, token=TOKEN, clock=lambda: NOW, sleep=naps.append
    )
    assert (client.api_version, client.span, client.max_pages) == ("202608", None, 1)
    assert (client.comment_span, client.reach(NIMBUS)) == (3 * DAY, 40 * DAY)
    assert client.allowance is None
    client.close()


# Which posts and comments


def test_comments_of_older_posts_are_found_and_dated_by_themselves(server, make) -> None:
    old, older = post(1, START - 3 * DAY), post(2, START - 4 * DAY)
    server.reply(page(old, older))
    server.reply(counted((1, 2, 2)))
    server.reply(page(comment(11, START + MINUTE), comment(12, START - 2 * DAY)))

    found = list(make(comment_days=3).search(NIMBUS, START, END))

    # The old post itself is not of the window, and the older one's comments aren't asked for.
    assert ids(found) == ["11"]
    assert "share%3A1/comments" in server.targets[2]
    assert server.requests[1] == {"ids": "List(urn:li:share:1)"}
    assert len(server.targets) == 3


def test_a_draft_published_late_is_as_old_as_its_publication(server, client) -> None:
    late = post(1, START + MINUTE, createdAt=ms(START - 60 * DAY))
    undated = post(2, START)
    del undated["publishedAt"]
    server.reply(page(late, undated))
    server.reply(counted((1, 0, 0), (2, 0, 0)))

    assert ids(client.search(NIMBUS, START, END)) == ["1", "2"]


ODD_TIMES = [None, "yesterday", 17.5, True, [], {}]


@pytest.mark.parametrize("odd", ODD_TIMES)
def test_what_has_no_readable_time_is_the_parsers_case(server, client, odd) -> None:
    server.reply(page(post(1, START, publishedAt=odd, createdAt=odd, lastModifiedAt=odd)))
    server.reply(counted((1, 1, 1)))
    server.reply(page(comment(11, START, created=odd), comment(12, START, created={"time": odd})))
    server.reply(page())

    assert ids(client.search(NIMBUS, START, END)) == ["1", "11", "12"]


def test_posts_without_comments_cost_no_request_and_unknown_ones_do(server, client) -> None:
    server.reply(page(post(1, START), post(2, START), post(3, START)))
    server.reply(counted((1, 0, 0), (2, 1, 1)))  # of 3 nothing is said
    server.reply(page(comment(11, START, answers=None)))
    server.reply(page(comment(12, START, answers=None), comment(13, START, answers=0)))
    server.reply(page())

    list(client.search(NIMBUS, START, END))

    # Post 2 has no answers at all; where nobody counted them, comments are asked one by one.
    assert [target.partition("?")[0].rpartition("socialActions/")[2] for target in
            server.targets[2:]] == [
        "urn%3Ali%3Ashare%3A2/comments",
        "urn%3Ali%3Ashare%3A3/comments",
        "urn%3Ali%3Acomment%3A%28urn%3Ali%3Aactivity%3A99%2C12%29/comments",
    ]  # fmt: skip


def test_answers_to_comments_after_the_window_are_not_asked_for(server, client) -> None:
    server.reply(page(post(1, START)))
    server.reply(counted((1, 4, 2)))
    server.reply(page(comment(12, END, answers=1), comment(11, START - DAY, answers=1)))
    server.reply(page(comment(13, START + MINUTE)))

    assert ids(client.search(NIMBUS, START, END)) == ["1", "13"]
    assert "%2C11%29" in server.targets[3]
    assert len(server.targets) == 4


@pytest.mark.parametrize(
    "spelled",
    [
        {"commentUrn": "urn:li:comment:(activity:99,11)"},
        {"commentUrn": "urn:li:comment:(urn:li:activity:99,11)"},
        {"commentUrn": None},
    ],
)
def test_answers_are_asked_for_by_the_long_spelling(server, client, spelled) -> None:
    server.reply(page(post(1, START)))
    server.reply(counted((1, 2, 1)))
    server.reply(page(comment(11, START, answers=1, **spelled)))
    server.reply(page(comment(12, START)))

    assert ids(client.search(NIMBUS, START, END)) == ["1", "11", "12"]
    assert server.paths[3].startswith(
        "/rest/socialActions/urn%3Ali%3Acomment%3A%28urn%3Ali%3Aactivity%3A99%2C11%29/"
    )


# Paging


def numbered(numbers: Any, at: datetime = START + MINUTE) -> list[dict[str, Any]]:
    return [post(number, at) for number in numbers]


def uncounted(numbers: Any) -> dict[str, Any]:
    return counted(*((number, 0, 0) for number in numbers))


def starts(server: Any) -> list[int]:
    """Where each page of posts began."""
    asked = zip(server.paths, server.requests, strict=True)
    return [int(request["start"]) for path, request in asked if path == "/rest/posts"]


def test_pages_overlap_and_the_first_is_read_again(server, client) -> None:
    first, second = range(1, PAGE + 1), range(PAGE - OVERLAP + 1, PAGE + 6)
    server.reply(page(*numbered(first)))
    server.reply(uncounted(first))
    server.reply(uncounted(first))
    server.reply(page(*numbered(second), start=PAGE - OVERLAP))
    server.reply(uncounted(range(PAGE + 1, PAGE + 6)))
    # An old post was edited meanwhile: it jumped over the pages, to the front.
    server.reply(page(post(777, START, modified=NOW), *numbered(range(1, PAGE))))
    server.reply(uncounted([777]))

    search = client.search(NIMBUS, START, END)
    found = ids(search)

    assert found == [str(number) for number in (*first, *range(PAGE + 1, PAGE + 6), 777)]
    assert starts(server) == [0, PAGE - OVERLAP, 0]
    assert search.exhausted


def test_a_single_page_is_not_read_again(server, client) -> None:
    server.reply(page(post(1, START)))
    server.reply(uncounted([1]))

    list(client.search(NIMBUS, START, END))

    assert starts(server) == [0]


ENDS = [
    pytest.param({}, [0], id="a short page"),
    pytest.param({"total": 3}, [0], id="a true total"),
    pytest.param({"total": 0}, [0], id="a total that is too low"),
    pytest.param({"total": "many"}, [0], id="a total that is no number"),
    pytest.param({"total": 500}, [0, 90, 0], id="a total that is too high"),
    pytest.param({"links": [{"rel": "next", "href": "/x"}]}, [0, 90, 0], id="a link to go on"),
    pytest.param({"links": [{"rel": "prev", "href": "/x"}]}, [0], id="a link back"),
    pytest.param({"links": "none"}, [0], id="links of another type"),
]


@pytest.mark.parametrize(("paging", "asked"), ENDS)
def test_where_a_listing_ends(server, client, paging, asked) -> None:
    server.reply(page(*numbered([1, 2, 3]), **paging))
    server.reply(uncounted([1, 2, 3]))
    if len(asked) > 1:
        server.reply(page(start=90, total=500))
        server.reply(page(*numbered([1, 2, 3]), **paging))

    search = client.search(NIMBUS, START, END)

    assert ids(search) == ["1", "2", "3"]
    assert starts(server) == asked
    assert search.exhausted


def test_what_a_page_keeps_back_does_not_end_the_listing(server, client) -> None:
    server.reply(page(*numbered([1, 2]), links=[{"rel": "next", "href": "/x"}]))
    server.reply(uncounted([1, 2]))
    server.reply(page(*numbered([3]), start=90))
    server.reply(uncounted([3]))
    server.reply(page(*numbered([1, 2])))

    assert ids(client.search(NIMBUS, START, END)) == ["1", "2", "3"]


def test_a_page_without_paging_is_judged_by_its_length(server, client) -> None:
    server.reply({"elements": numbered([1])})
    server.reply(uncounted([1]))

    search = client.search(NIMBUS, START, END)

    assert ids(search) == ["1"]
    assert search.exhausted


def test_a_smaller_count_than_asked_for_is_heeded(server, client) -> None:
    server.reply(page(*numbered(range(1, 11)), count=10))
    server.reply(uncounted(range(1, 11)))
    server.reply(page(*numbered(range(6, 12)), start=5, count=10))
    server.reply(uncounted([11]))
    server.reply(page(*numbered(range(1, 11)), count=10))

    assert len(ids(client.search(NIMBUS, START, END))) == 11
    assert starts(server) == [0, 5, 0]


def test_the_listing_stops_where_everything_was_changed_too_long_ago(server, make) -> None:
    young = numbered(range(1, PAGE))
    old = post(PAGE, START - 40 * DAY, modified=START - 15 * DAY)
    server.reply(page(*young, old))
    server.reply(uncounted(range(1, PAGE)))

    assert len(ids(make().search(NIMBUS, START, END))) == PAGE - 1
    assert starts(server) == [0]


def test_an_old_post_that_was_edited_lately_does_not_stop_it(server, make) -> None:
    full = [post(n, START - 300 * DAY, modified=START + HOUR) for n in range(1, PAGE + 1)]
    server.reply(page(*full))
    server.reply(page(post(500, START), start=90))
    server.reply(uncounted([500]))
    server.reply(page(*full))

    assert ids(make().search(NIMBUS, START, END)) == ["500"]
    assert starts(server) == [0, 90, 0]


def test_comments_come_in_pages_too(server, client) -> None:
    first = [comment(number, START) for number in range(1001, 1001 + PAGE)]
    second = [comment(number, START) for number in range(1001 + PAGE - OVERLAP, 1003 + PAGE)]
    server.reply(page(post(1, START)))
    server.reply(counted((1, 102, 102)))
    server.reply(page(*first, total=102))
    server.reply(page(*second, start=90, total=102))

    search = client.search(NIMBUS, START, END)

    assert len(set(ids(search))) == 103
    assert [request.get("start") for request in server.requests] == ["0", None, "0", "90"]
    assert search.exhausted


@pytest.mark.parametrize("posts", [True, False])
def test_the_same_page_again_stops_after_its_records(server, client, posts) -> None:
    full = numbered(range(1, PAGE + 1))
    answers = [comment(number, START) for number in range(1001, 1001 + PAGE)]
    if posts:
        server.reply(page(*full))
        server.reply(uncounted(range(1, 51)))
        server.reply(uncounted(range(51, 101)))
        server.reply(page(*full, start=90))
    else:
        server.reply(page(post(1, START)))
        server.reply(counted((1, 300, 300)))
        server.reply(page(*answers))
        server.reply(page(*answers, start=90))

    search = client.search(NIMBUS, START, END)
    kept = []
    with pytest.raises(errors.UnexpectedResponse, match="the same page again"):
        kept.extend(search)

    assert not search.exhausted
    assert search.pages == (1 if posts else 2)
    with pytest.raises(errors.UnexpectedResponse):
        next(search)


def test_the_cap_on_pages_ends_a_search_without_calling_it_whole(server, make) -> None:
    server.reply(page(post(1, START), post(2, START)))
    server.reply(counted((1, 1, 1), (2, 1, 1)))
    server.reply(page(comment(11, START)))

    search = make(max_pages=2).search(NIMBUS, START, END)

    assert ids(search) == ["1", "2", "11"]
    assert (search.pages, search.exhausted) == (2, False)
    assert len(server.requests) == 3


# What a page holds


def test_what_is_no_object_is_told_apart_and_kept(server, client) -> None:
    server.reply(page("no object", post(1, START), None))
    server.reply(counted((1, 2, 2)))
    server.reply(page([1], comment(11, START)))

    first, second = client.search(NIMBUS, START, END)

    assert [(part.index, part.reason, part.raw) for part in first.malformed] == [
        (0, "the entry is a string, not a post", "no object"),
        (2, "the entry is null, not a post", None),
    ]
    assert [(part.index, part.reason) for part in second.malformed] == [
        (0, "the entry is a list, not a comment")
    ]
    assert ids([first, second]) == ["1", "11"]


def test_broken_bytes_cost_one_record(server, client) -> None:
    server.reply(
        b'{"elements": [{"id": "urn:li:share:1", "commentary": "caf\xe9", "publishedAt": %d}, '
        b'{"id": "urn:li:share:2", "publishedAt": %d}]}' % (ms(START), ms(START))
    )
    server.reply(uncounted([1, 2]))

    [found] = client.search(NIMBUS, START, END)

    assert ids([found]) == ["2"]
    assert [(part.index, part.reason) for part in found.malformed] == [
        (0, "the post is not valid UTF-8")
    ]


@pytest.mark.parametrize("odd", [17, None, "7133700000000000001", "urn:li:share:", [], {}])
def test_posts_with_odd_ids_are_kept_and_asked_nothing_more(server, client, odd) -> None:
    server.reply(page(post(1, START, id=odd)))

    [found] = client.search(NIMBUS, START, END)

    assert found.records == [{"post": post(1, START, id=odd)}]
    assert len(server.requests) == 1


def test_a_post_that_vanished_is_counted_and_not_fatal(server, client) -> None:
    server.reply(page(post(1, START), post(2, START), post(3, START)))
    server.reply(counted((1, 1, 1), (3, 1, 1), gone={2: 404}))
    server.reply(GONE, 404)
    server.reply(page(comment(11, START)))

    found = list(client.search(NIMBUS, START, END))

    assert ids(found) == ["1", "2", "3", "11"]
    assert [one.errors for one in found] == [
        [PartialError("counts", "a post vanished", 1)],
        [PartialError("not_found", "a post vanished", 1)],
        [],
    ]
    assert not any(one.simulated for one in found)


def test_counts_that_are_refused_leave_the_comments_to_be_asked_for(server, client) -> None:
    server.reply(page(post(1, START)))
    server.reply(counted(gone={1: 403}))
    server.reply(page(comment(11, START)))

    first, second = client.search(NIMBUS, START, END)

    assert first.errors == [PartialError("counts", "counts refused: HTTP 403", 1)]
    assert first.records == [{"post": post(1, START)}]
    assert ids([second]) == ["11"]


def test_a_comment_that_vanished_is_counted(server, client) -> None:
    server.reply(page(post(1, START)))
    server.reply(counted((1, 2, 1)))
    server.reply(page(comment(11, START, answers=1)))
    server.reply(GONE, 404)

    search = client.search(NIMBUS, START, END)

    assert [one.errors for one in search][-1] == [
        PartialError("not_found", "a comment vanished", 1)
    ]
    assert search.exhausted


def test_counts_under_encoded_urns_are_found(server, client) -> None:
    server.reply(page(post(1, START)))
    server.reply({"results": {"urn%3Ali%3Ashare%3A1": {"commentSummary": {"count": 0}}}})

    [found] = client.search(NIMBUS, START, END)

    assert found.records[0]["social_metadata"] == {"commentSummary": {"count": 0}}


ODD_COUNTS = [
    {}, {"results": None}, {"results": [1]}, {"results": {share(1): 3}},
    {"results": {share(1): {"commentSummary": "two"}}, "errors": 3},
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD_COUNTS)
def test_odd_counts_cost_no_post(server, client, odd) -> None:
    server.reply(page(post(1, START)))
    server.reply(odd)
    server.reply(page())

    assert ids(client.search(NIMBUS, START, END)) == ["1"]


# Roles: an empty listing


def test_an_empty_listing_with_a_role_is_empty(server, client) -> None:
    server.reply(page())
    server.reply(acls((ORGANIZATION, "CONTENT_ADMINISTRATOR")))
    server.reply(page())

    for _ in range(2):
        search = client.search(NIMBUS, START, END)
        assert ids(search) == []
        assert search.exhausted
    # Asked once in the client's life.
    assert server.paths == ["/rest/posts", "/rest/organizationAcls", "/rest/posts"]
    assert server.requests[1] == {
        "q": "roleAssignee", "state": "APPROVED", "start": "0", "count": "100",
    }  # fmt: skip


WITHOUT = [
    pytest.param([], "has none", id="none"),
    pytest.param([("77", "ADMINISTRATOR")], "has none", id="elsewhere"),
    pytest.param([(ORGANIZATION, "ANALYST")], "has ANALYST only", id="one that does not read"),
]


@pytest.mark.parametrize(("roles", "said"), WITHOUT)
def test_an_empty_listing_without_a_role_is_forbidden(server, client, roles, said) -> None:
    server.reply(page())
    server.reply(acls(*roles))

    with pytest.raises(errors.Forbidden, match=said) as raised:
        list(client.search(NIMBUS, START, END))

    told = str(raised.value)
    assert "the listing of nimbus is empty" in told
    assert "ADMINISTRATOR or CONTENT_ADMINISTRATOR" in told
    assert "tracking.yaml" in told
    assert not raised.value.retryable


def test_an_empty_listing_whose_roles_are_hidden_is_forbidden(server, client) -> None:
    server.reply(page())
    server.reply({"status": 403, "code": "ACCESS_DENIED", "serviceErrorCode": 100}, 403)

    with pytest.raises(errors.Forbidden, match="r_organization_admin or rw_organization_admin"):
        list(client.search(NIMBUS, START, END))


def test_roles_are_read_from_all_pages_and_both_spellings(server, client) -> None:
    many = acls(*((str(number), "ADMINISTRATOR") for number in range(1000, 1000 + PAGE)))
    last = page(
        {"organizationTarget": f"urn:li:organization:{ORGANIZATION}", "role": "ADMINISTRATOR"},
        {"organization": "urn:li:organization:5", "role": "ADMINISTRATOR", "state": "REQUESTED"},
        "odd",
    )
    server.reply(many)
    server.reply(last)

    roles = client.roles()

    assert roles[ORGANIZATION] == {"ADMINISTRATOR"}
    assert "5" not in roles
    assert len(roles) == PAGE + 1


def test_an_empty_page_later_on_says_nothing_about_roles(server, client) -> None:
    server.reply(page(*numbered(range(1, 101))))
    server.reply(uncounted(range(1, 51)))
    server.reply(uncounted(range(51, 101)))
    server.reply(page(start=90))
    server.reply(page(*numbered(range(1, 101))))

    assert len(ids(client.search(NIMBUS, START, END))) == PAGE
    assert "/rest/organizationAcls" not in server.paths


# Errors


def problem(status: int, code: str, service: int | None = None, message: str = "") -> Any:
    body: dict[str, Any] = {"status": status, "code": code, "message": message}
    return body if service is None else {**body, "serviceErrorCode": service}


REFUSED = [
    pytest.param(
        401, problem(401, "INVALID_ACCESS_TOKEN", 65600), errors.TokenRejected, "it is not valid",
        id="65600",
    ),
    pytest.param(
        401, problem(401, "REVOKED_ACCESS_TOKEN", 65601), errors.TokenRejected, "was revoked",
        id="65601",
    ),
    pytest.param(
        401, problem(401, "EXPIRED_ACCESS_TOKEN", 65602), errors.TokenRejected, "has expired",
        id="65602",
    ),
    pytest.param(
        401, b"<html>", errors.TokenRejected, r"not accepted \(HTTP 401\)", id="401 without JSON"
    ),
    pytest.param(
        403, problem(403, "ACCESS_DENIED", 100), errors.Forbidden,
        r"HTTP 403, 100.*grant the token r_organization_social \(", id="403",
    ),
    pytest.param(
        426, problem(426, "NONEXISTENT_VERSION", message="Requested version is not active"),
        errors.BadRequest,
        r"version 202609 is not served any more.*set SENTIMENT_LINKEDIN_VERSION to 202609 or a "
        "later one that https://learn.microsoft.com", id="426",
    ),
    pytest.param(
        400, problem(400, "VERSION_MISSING", message="A version must be present."),
        errors.BadRequest, "VERSION_MISSING A version must be present", id="no version",
    ),
    pytest.param(
        400,
        problem(400, "INVALID_URN_ID",
                message=f"wrong: urn:li:organization:{ORGANIZATION} urn%3Ali%3Ashare%3A1 of "
                f"7133700000000000001 for {TOKEN}"),
        errors.BadRequest, r"INVALID_URN_ID wrong: \[urn\] \[urn\] of \[id\] for \[token\]",
        id="400",
    ),
    pytest.param(404, GONE, errors.BadRequest, "nothing stands there", id="404"),
    pytest.param(
        404, b"<html>", errors.UnexpectedResponse, "does not document", id="404 without JSON"
    ),
    pytest.param(
        418, b"short and stout", errors.UnexpectedResponse, "HTTP 418", id="not documented"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind", "message"), REFUSED)
def test_refusals_that_stay(server, client, naps, status, body, kind, message) -> None:
    server.reply(body, status)

    search = client.search(NIMBUS, START, END)
    with pytest.raises(kind, match=message) as raised:
        list(search)

    told = str(raised.value)
    assert told.startswith("LinkedIn GET /rest/posts, page 1: ")
    assert not raised.value.retryable
    assert not search.exhausted
    assert naps == []
    assert len(server.requests) == 1
    assert TOKEN not in told
    assert "7133700000000000001" not in told


def test_a_missing_scope_is_named_by_what_was_asked(server, client) -> None:
    server.reply(page(post(1, START)))
    server.reply(problem(403, "ACCESS_DENIED", 100), 403)

    with pytest.raises(errors.Forbidden, match="grant the token r_organization_social_feed"):
        list(client.search(NIMBUS, START, END))


DAILY = "Resource level throttle APPLICATION DAY limit for calls to this resource is reached."


def test_a_days_limit_ends_with_the_next_midnight(server, make, naps) -> None:
    server.reply(problem(429, "TOO_MANY_REQUESTS", 101, DAILY), 429)
    before = utc_now()

    # No day is 0 s from its end, whenever this test runs.
    with pytest.raises(errors.RateLimited) as raised:
        list(make(max_wait_s=0).search(NIMBUS, START, END))

    midnight = raised.value.reset_at
    assert midnight is not None
    assert (midnight.hour, midnight.minute, midnight.second) == (0, 0, 0)
    assert timedelta() < midnight - before <= DAY
    assert naps == []
    assert raised.value.retryable


def test_linkedins_own_protection_is_tried_again(server, client, naps) -> None:
    server.reply(problem(429, "TOO_MANY_REQUESTS", message="Please try again later."), 429)
    server.reply(page(post(1, START)))
    server.reply(uncounted([1]))

    assert ids(client.search(NIMBUS, START, END)) == ["1"]
    assert len(naps) == 1
    assert naps[0] < 1


NOT_JSON = [
    pytest.param(b"<html>log in</html>", "text/html, 19 bytes, begins with '<'", id="page"),
    pytest.param(b'{"elements": [', "begins with '{'", id="cut"),
    pytest.param({"elements": None}, "elements is null, not a list", id="no list"),
    pytest.param({"paging": {}}, "elements is null, not a list", id="no elements"),
    pytest.param(b"[]", r"begins with '\['", id="a list"),
]


@pytest.mark.parametrize(("body", "message"), NOT_JSON)
def test_answers_that_cannot_be_read_are_tried_again_then_given_up(
    server, client, naps, body, message
) -> None:
    kind = {"content-type": "text/html" if b"html" in bytes(str(body), "utf-8") else "text/json"}
    server.reply(body, 200, kind)

    with pytest.raises(errors.UnexpectedResponse, match=message):
        list(client.search(NIMBUS, START, END))
    assert len(naps) == 5


def test_an_error_is_raised_again(server, client) -> None:
    server.reply(page(post(1, START)))
    server.reply(counted((1, 1, 1)))
    server.reply(problem(401, "EXPIRED_ACCESS_TOKEN", 65602), 401)

    search = client.search(NIMBUS, START, END)
    assert ids([next(search)]) == ["1"]
    for _ in range(2):
        with pytest.raises(errors.TokenRejected, match=r"\{post\}/comments, page 1: .*expired"):
            next(search)
    assert not search.exhausted
    assert len(server.requests) == 3


# Versions


@pytest.mark.parametrize(
    ("version", "today", "told"),
    [
        ("202609", "2026-11-23", []),
        ("202609", "2027-07-16", []),
        ("202609", "2027-07-17", ["may be refused from 2027-09-15 on, in 60 days"]),
        ("202609", "2027-09-14", ["in 1 days; set SENTIMENT_LINKEDIN_VERSION to 202707 or a"]),
        ("202609", "2027-09-15", ["is over a year old and may be refused any day"]),
        ("202511", "2026-11-23", ["since 2026-11-15; set SENTIMENT_LINKEDIN_VERSION to 202609"]),
        ("202603", "2027-01-20", ["set SENTIMENT_LINKEDIN_VERSION to 202611 or a later one"]),
    ],
)
def test_a_version_that_ends_is_announced(make, version, today, told) -> None:
    client = make(version=version, clock=lambda: datetime.fromisoformat(f"{today}T10:00+00:00"))
    notices = client.notices()
    assert len(notices) == len(told)
    assert all(part in notice for part, notice in zip(told, notices, strict=True))


def test_a_version_ends_a_year_after_its_month() -> None:
    assert retires_on("202609").isoformat() == "2027-09-15"
    # The one that the settings begin with is not about to.
    assert retires_on(Access().version).isoformat() > "2027-08-01"


# A look at the access


def introspection(**fields: Any) -> dict[str, Any]:
    return {
        "active": True, "status": "active", "client_id": "app", "auth_type": "3L",
        "expires_at": ms(NOW + 59 * DAY + HOUR) // 1000,
        "scope": "r_organization_social,r_organization_social_feed,rw_organization_admin",
    } | fields  # fmt: skip


def told(connection: Any) -> dict[str, tuple[bool, str]]:
    return {finding.what: (finding.ok, finding.said) for finding in connection.findings}


def test_a_look_tells_token_scopes_version_roles_and_costs(server, make) -> None:
    recent = [post(1, NOW - HOUR), post(2, NOW - 6 * DAY), post(3, NOW - 40 * DAY)]
    server.reply(page(*recent))
    server.reply(counted((1, 0, 0), (2, 5, 3), (3, 90, 90)))
    server.reply(page(comment(11, NOW - DAY)))
    server.reply(introspection())
    server.reply(acls((ORGANIZATION, "ADMINISTRATOR")))

    connection = make(app=("app", "hush"), comment_days=30).inspect([NIMBUS])

    assert connection.ok
    assert told(connection) == {
        "token": (True, "active, ends on 2027-01-21, in 59 days"),
        "scopes": (
            True,
            "granted: r_organization_social, r_organization_social_feed, rw_organization_admin",
        ),
        "version": (True, "202609, 9 months left"),
        "allowance": (True, told(connection)["allowance"][1]),
        "role on nimbus": (True, "ADMINISTRATOR"),
        "posts and comments of nimbus": (True, "both can be read"),
    }
    [cost] = connection.costs
    # A page of posts, one of counts, post 2's comments, and its answers to at most two of them.
    assert (cost.source, cost.requests_per_search) == ("nimbus", 1 + 1 + 1 + 2)
    # Two posts and five comments in 30 days.
    assert cost.posts_per_day == round(7 / 30, 1)
    assert [record.get("post", record.get("comment"))["id"] for record in connection.preview] == [
        share(1), share(2), share(3), "11"
    ]  # fmt: skip
    assert server.paths[3] == "/oauth/v2/introspectToken"
    assert parse_qs(server.bodies[3].decode()) == {
        "client_id": ["app"], "client_secret": ["hush"], "token": [TOKEN],
    }  # fmt: skip
    # The form alone carries them.
    assert server.authorizations[3] is None


def test_costs_of_a_busy_organization_are_projected(server, make) -> None:
    full = [post(n, NOW - n * timedelta(hours=3)) for n in range(1, PAGE + 1)]
    server.reply(page(*full))
    server.reply(counted(*((n, 2, 2) for n in range(1, 51))))
    server.reply(counted(*((n, 2, 2) for n in range(51, 101))))
    server.reply(page(comment(11, NOW)))
    server.reply(acls((ORGANIZATION, "ADMINISTRATOR")))

    [cost] = make(comment_days=30).inspect([NIMBUS]).costs

    # 100 posts are 12.5 days of the 30: 240 posts, 3 listings, 5 batches, 240 threads.
    assert cost.requests_per_search == 3 + 5 + 240
    assert cost.posts_per_day == 24.0


TOKENS = [
    pytest.param(introspection(active=False, status="expired"), False, "it is expired", id="old"),
    pytest.param(introspection(active=False, status="revoked"), False, "it is revoked", id="gone"),
    pytest.param({"active": False}, False, "it is not active, or another app's", id="other app"),
    pytest.param(introspection(expires_at="soon"), True, "active", id="odd end"),
    pytest.param(
        introspection(expires_at=ms(NOW + 3 * DAY) // 1000), True,
        "active, ends on 2026-11-26, in 2 days", id="soon",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("body", "ok", "said"), TOKENS)
def test_what_introspection_tells_of_the_token(server, make, body, ok, said) -> None:
    server.reply(page(post(1, NOW - DAY)))
    server.reply(uncounted([1]))
    server.reply(body)
    server.reply(acls((ORGANIZATION, "ADMINISTRATOR")))

    assert told(make(app=("app", "hush")).inspect([NIMBUS]))["token"] == (ok, said)


def test_missing_scopes_count_where_something_cannot_be_read(server, make) -> None:
    poor = introspection(scope="r_organization_social")
    server.reply(page(post(1, NOW - DAY)))
    server.reply(uncounted([1]))
    server.reply(poor)
    server.reply(acls((ORGANIZATION, "ADMINISTRATOR")))
    said = "granted: r_organization_social; missing: r_organization_social_feed"
    assert told(make(app=("app", "hush")).inspect([NIMBUS]))["scopes"] == (True, said)

    server.clear()
    server.reply(page(post(1, NOW - DAY)))
    server.reply(problem(403, "ACCESS_DENIED", 100), 403)
    server.reply(poor)
    server.reply(acls((ORGANIZATION, "ADMINISTRATOR")))
    connection = make(app=("app", "hush")).inspect([NIMBUS])
    assert told(connection)["scopes"] == (False, said)
    assert told(connection)["posts and comments of nimbus"] == (
        False, "the token may not read this (HTTP 403, 100)"
    )  # fmt: skip
    assert not connection.ok
    assert connection.costs == []


def test_a_wrong_client_secret_is_told(server, make) -> None:
    server.reply(page(post(1, NOW - DAY)))
    server.reply(uncounted([1]))
    server.reply({"error": "invalid_client"}, 401)
    server.reply(acls((ORGANIZATION, "ADMINISTRATOR")))

    connection = make(app=("app", "hush")).inspect([NIMBUS])

    assert told(connection)["token"] == (
        False, "the app's client id or secret is not accepted (HTTP 401)"
    )  # fmt: skip


def test_without_an_app_the_probes_tell_of_the_token(server, client) -> None:
    server.reply(problem(401, "EXPIRED_ACCESS_TOKEN", 65602), 401)

    connection = client.inspect([NIMBUS])

    assert not connection.ok
    assert told(connection)["token"][0] is False
    assert "expired" in told(connection)["token"][1]
    assert not told(connection)["roles"][0]


def test_an_organization_without_a_role_is_told(server, client) -> None:
    server.reply(page())
    server.reply(acls())

    connection = client.inspect([NIMBUS])

    assert told(connection)["role on nimbus"] == (False, "none")
    assert not told(connection)["posts and comments of nimbus"][0]
    assert server.paths.count("/rest/organizationAcls") == 1


def test_an_organization_without_posts_is_well(server, client) -> None:
    server.reply(page())
    server.reply(acls((ORGANIZATION, "ADMINISTRATOR")))

    connection = client.inspect([NIMBUS])

    assert connection.ok
    assert told(connection)["posts and comments of nimbus"] == (True, "there are none yet")
    assert [cost.requests_per_search for cost in connection.costs] == [1]


def test_a_version_past_its_year_is_told(server, make) -> None:
    server.reply(page(post(1, NOW - DAY)))
    server.reply(uncounted([1]))
    server.reply(acls((ORGANIZATION, "ADMINISTRATOR")))

    connection = make(version="202511").inspect([NIMBUS])

    assert told(connection)["version"] == (
        False, "202511, may be refused any day, since 2026-11-15"
    )  # fmt: skip
    assert told(connection)["token"] == (True, "accepted")


def test_nothing_secret_reaches_logs_errors_or_reprs(server, make, caplog) -> None:
    number = 7133700000000000001
    server.reply(page(post(number, START, commentary="jane@mail.example")))
    server.reply(counted((number, 1, 1)))
    server.reply(page(comment(11, START, message={"text": "jane@mail.example"})))
    server.reply(introspection())
    server.reply({"status": 503}, 503)

    client = make(app=("app", "hush"))
    with caplog.at_level(logging.DEBUG):
        search = client.search(NIMBUS, START, END)
        found = list(search)
        look = client.inspect([NIMBUS])
    shown = "\n".join([caplog.text, *map(repr, (client, search, *found, look, *look.findings))])

    assert "HTTP Request: GET" in caplog.text
    assert "/rest/socialActions/urn:li:share:[id]/comments" in caplog.text
    for secret in (TOKEN, "hush", "jane@mail.example", str(number)):
        assert secret not in shown
