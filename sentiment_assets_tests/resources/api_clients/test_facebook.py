"""Facebook's client against answers by script: what it asks, keeps, leaves out and gives up."""

import json
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from resources.api_clients import errors, facebook
from resources.api_clients.answers import PartialError
from resources.api_clients.facebook import Access, FacebookClient, open_client

TOKEN = "EAAG-very-secret-token"
PAGE_ID = "104857600001001"
NOW = datetime(2026, 11, 23, 12, 0, 30, 250_000, tzinfo=timezone.utc)
START = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)
END = datetime(2026, 11, 23, 10, 0, tzinfo=timezone.utc)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Tracked:
    name: str = "nimbus"
    kind: str = "page"
    value: str = PAGE_ID


NIMBUS = Tracked()


def spelled(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S+0000")


def post(number: int, created: datetime, comments: int = 0, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": f"{PAGE_ID}_{number}",
        "message": f"post {number}",
        "created_time": spelled(created),
        "updated_time": spelled(fields.pop("updated", created)),
        "is_published": True,
        "comments": {"data": [], "summary": {"total_count": comments}},
    }
    return made | fields


def comment(number: int, created: datetime, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"1_{number}",
        "message": f"c {number}",
        "created_time": spelled(created),
    } | fields


def page(*entries: Any, after: str | None = None, **more: object) -> dict[str, Any]:
    paging: dict[str, Any] = {"cursors": {}}
    if after:
        paging["next"] = f"https://graph.facebook.com/x?access_token={TOKEN}&after={after}"
    return {"data": list(entries), "paging": paging, **more}


def comments(*entries: Any, after: str | None = None, order: str = "reverse_chronological") -> Any:
    return page(*entries, after=after, summary={"order": order, "total_count": 9})


GONE = {
    "error": {
        "message": f"Unsupported get request. Object with ID '{PAGE_ID}_1' does not exist",
        "type": "GraphMethodException",
        "code": 100,
        "error_subcode": 33,
    }
}


@pytest.fixture
def client(server, naps):
    # The clock stands still: time passes only where a test says so.
    made = FacebookClient(
        server.url, TOKEN, max_wait_s=900, timeout_s=2, sleep=naps.append, clock=lambda: NOW
    )
    yield made
    made.close()


def numbers(found: list[Any]) -> list[str]:
    """What was yielded: ``p7`` a post, ``c8`` a comment, in order."""
    return [
        ("p" if "post" in record else "c")
        + (record.get("post") or record["comment"])["id"].rpartition("_")[2]
        for one in found
        for record in one.records
    ]


# What is asked for


def test_the_feed_and_then_the_comments_of_what_was_updated(server, client) -> None:
    server.reply(page(post(1, START + HOUR, comments=2), post(2, START - DAY)))
    server.reply(comments(comment(8, START + HOUR)))

    found = list(client.search(NIMBUS, START, END))

    assert server.paths == [
        f"/v26.0/{PAGE_ID}/feed",
        f"/v26.0/{PAGE_ID}_1/comments",
    ]
    assert server.requests == [
        {
            "fields": "id,message,created_time,updated_time,is_published,from,message_tags,"
            "attachments{type,unshimmed_url},shares,reactions.limit(0).summary(total_count),"
            "comments.filter(stream).limit(0).summary(total_count)",
            "limit": "100",
        },
        {
            "fields": "id,message,created_time,from,parent{id},message_tags,"
            "attachment{type,unshimmed_url},like_count,comment_count",
            "filter": "stream",
            "order": "reverse_chronological",
            "summary": "true",
            "limit": "100",
        },
    ]
    assert set(server.authorizations) == {f"Bearer {TOKEN}"}
    assert [one.number for one in found] == [1, 2]
    assert found[0].records == [{"post": post(1, START + HOUR, comments=2)}]
    assert found[1].records == [{"comment": comment(8, START + HOUR), "post_id": f"{PAGE_ID}_1"}]


HALF = timedelta(milliseconds=500)
CET = timezone(timedelta(hours=1))
NOW_WHOLE = NOW.replace(microsecond=0)
YEAR = timedelta(days=365)
BOUNDS = [
    pytest.param(START, END, START, END, id="whole seconds"),
    pytest.param(START.astimezone(CET), END.astimezone(CET), START, END, id="another zone"),
    pytest.param(START + HALF, END + HALF, START, END + SECOND, id="fractions widen"),
    pytest.param(START, NOW + HOUR, START, NOW_WHOLE, id="not after now"),
    pytest.param(NOW - 2 * YEAR, END, NOW_WHOLE - YEAR, END, id="not before the reach"),
]


@pytest.mark.parametrize(("start", "end", "asked_start", "asked_end"), BOUNDS)
def test_bounds(client, start, end, asked_start, asked_end) -> None:
    search = client.search(NIMBUS, start, end)

    assert (search.start, search.end) == (asked_start, asked_end)


EDGES = [
    (START - SECOND, False),
    (START, True),
    (END - SECOND, True),
    (END, False),
    (END + HOUR, False),
]


@pytest.mark.parametrize(("created", "kept"), EDGES)
def test_only_what_was_created_inside_is_yielded(server, client, created, kept) -> None:
    server.reply(page(post(1, created), post(2, START - DAY, comments=1, updated=START)))
    server.reply(comments(comment(8, created)))

    found = list(client.search(NIMBUS, START, END))

    assert numbers(found) == (["p1", "c8"] if kept else [])


def test_a_stretch_that_has_not_begun_asks_nothing(server, client) -> None:
    search = client.search(NIMBUS, NOW + HOUR, NOW + 2 * HOUR)

    assert list(search) == []
    assert search.exhausted
    assert server.requests == []


def test_a_stretch_older_than_the_reach_says_so(server, client) -> None:
    assert client.reach(NIMBUS) == YEAR
    client.search(NIMBUS, NOW - 2 * YEAR, NOW - YEAR + MINUTE)

    with pytest.raises(errors.BeyondReach, match="last 365 days; a download of the Page") as raised:
        client.search(NIMBUS, NOW - 2 * YEAR, NOW - YEAR - MINUTE)
    assert not raised.value.retryable
    assert server.requests == []


ARGUMENTS = [
    pytest.param((NIMBUS, END, START), "must be before its end", id="backwards"),
    pytest.param((NIMBUS, START, START), "must be before its end", id="nothing"),
    pytest.param((NIMBUS, START.replace(tzinfo=None), END), "need a time zone", id="naive"),
    pytest.param((Tracked(value="nimbus"), START, END), "numeric id", id="a name"),
    pytest.param((Tracked(value="1/../me"), START, END), "numeric id", id="a path"),
    pytest.param((Tracked(value=""), START, END), "numeric id", id="nobody"),
]


@pytest.mark.parametrize(("arguments", "message"), ARGUMENTS)
def test_arguments_that_make_no_sense(client, arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        client.search(*arguments)


SETTINGS = [
    pytest.param({"base_url": "http://graph.facebook.com"}, "must be https", id="in the clear"),
    pytest.param({"access_token": "a b"}, "holds a blank", id="token"),
    pytest.param({"max_pages": 0}, "1 or more", id="no pages"),
    pytest.param({"comment_days": -1}, "0 or more", id="comment days"),
    pytest.param({"api_version": "26"}, r"for example v26\.0", id="version"),
]


@pytest.mark.parametrize(("settings", "message"), SETTINGS)
def test_settings_that_cannot_work(settings, message) -> None:
    good = {"base_url": "https://graph.facebook.com", "access_token": TOKEN}

    with pytest.raises(ValueError, match=message) as raised:
        FacebookClient(**{**good, **settings})
    assert TOKEN not in str(raised.value)


def test_the_settings_open_a_client(server, naps) -> None:
    access = Access(
        access_token=TOKEN, api_version="v27.0", comment_days=3, max_pages=7, max_wait_seconds=5
    )
    server.reply(page())

    client = open_client(
        access, base_url=server.url, token=access.credential.get_secret_value(), clock=lambda: NOW
    )
    list(client.search(NIMBUS, START, END))

    assert server.paths == [f"/v27.0/{PAGE_ID}/feed"]
    assert (client.api_version, client.comment_days, client.max_pages) == ("v27.0", 3, 7)
    assert (client.span, client.what_would_reach[:10]) == (None, "a download")
    assert TOKEN not in repr(access)
    client.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"access_token": "a\nb"},
        {"api_version": "latest"},
        {"comment_days": 366},
        {"comment_days": -1},
        {"page": "1"},
    ],
)
def test_settings_that_are_refused(wrong) -> None:
    with pytest.raises(ValidationError):
        Access(**wrong)


# How far the feed is read


def test_the_feed_is_read_to_its_end_where_nothing_is_old(server, client) -> None:
    server.reply(page(post(3, START + HOUR), after="c2"))
    server.reply(page(after="c3"))
    server.reply(page(post(1, START + MINUTE)))

    search = client.search(NIMBUS, START, END)
    seen = [(one.number, len(one.records), search.exhausted) for one in search]

    assert seen == [(1, 1, False), (2, 0, False), (3, 1, True)]
    assert [r.get("after") for r in server.requests] == [None, "c2", "c3"]
    assert search.pages == 3
    assert search.watermark is None
    with pytest.raises(StopIteration):
        next(search)


OLD = START - timedelta(days=facebook.COMMENT_DAYS) - SECOND


def test_posts_that_are_older_than_comments_can_be_end_it(server, client) -> None:
    old = [post(number, OLD) for number in range(100, 100 + facebook.OLDER_IN_A_ROW)]
    server.reply(page(post(1, START), *old, after="c2"))

    search = client.search(NIMBUS, START, END)

    assert numbers(list(search)) == ["p1"]
    assert search.exhausted
    assert len(server.requests) == 1


def test_old_posts_among_newer_ones_do_not(server, client) -> None:
    # The feed is ranked: an old favourite may stand above yesterday's post.
    old = [post(number, OLD) for number in range(100, 99 + facebook.OLDER_IN_A_ROW)]
    server.reply(page(*old, post(1, START), after="c2"))
    server.reply(page(*old, after="c3"))
    server.reply(page(post(3, START)))

    assert numbers(list(client.search(NIMBUS, START, END))) == ["p1", "p3"]


def test_they_are_counted_across_pages(server, client) -> None:
    half = facebook.OLDER_IN_A_ROW // 2
    server.reply(page(*(post(n, OLD) for n in range(half)), after="c2"))
    server.reply(page(*(post(n, OLD) for n in range(half, 2 * half)), after="c3"))

    search = client.search(NIMBUS, START, END)
    list(search)

    assert search.exhausted
    assert len(server.requests) == 2


def test_drafts_and_posts_of_ads_are_left_out_with_their_comments(server, client) -> None:
    server.reply(
        page(
            post(1, START, comments=4, is_published=False),
            post(2, START),
            {k: v for k, v in post(3, START).items() if k != "is_published"},
        )
    )

    assert numbers(list(client.search(NIMBUS, START, END))) == ["p2", "p3"]
    assert len(server.requests) == 1


# Whose comments are read


DISCUSSED = [
    pytest.param(post(1, START, comments=3), True, id="a post of the stretch"),
    pytest.param(post(1, START, comments=0), False, id="nobody said anything"),
    pytest.param(post(1, START - 9 * DAY, 3, updated=START), True, id="said something today"),
    pytest.param(
        post(1, START - 9 * DAY, 3, updated=START - SECOND), False, id="not since the start"
    ),
    pytest.param(post(1, OLD, 3, updated=START), False, id="older than comment_days"),
    pytest.param(post(1, OLD + SECOND, 3, updated=START), True, id="just inside of them"),
    pytest.param(post(1, END, 3, updated=END), False, id="a post after the stretch"),
    pytest.param(post(1, START - DAY, 3, updated_time=None), True, id="update not told"),
    pytest.param(post(1, START, comments=None), True, id="count not told"),
    pytest.param(post(1, START, 3, created_time="yesterday"), True, id="creation not told"),
    pytest.param(post(1, START, 3, id=f"{PAGE_ID}_1/../2"), False, id="an id that is a path"),
    pytest.param(post(1, START, 3, id=17), False, id="an id of another type"),
]


@pytest.mark.parametrize(("told", "read"), DISCUSSED)
def test_comments_are_read_where_new_ones_may_stand(server, client, told, read) -> None:
    server.reply(page(told))
    server.reply(comments())

    found = list(client.search(NIMBUS, START, END))

    assert server.paths[1:] == ([f"/v26.0/{PAGE_ID}_1/comments"] if read else [])
    assert len(found) == (2 if read else 1)


def test_a_post_whose_comments_cannot_be_read_for_its_id_is_counted(server, client) -> None:
    server.reply(page(post(1, START, 3, id=17), post(2, START, 3, id=None)))

    [found] = client.search(NIMBUS, START, END)

    assert found.errors == [PartialError("", "a post has no id to read its comments by", 2)]
    assert len(found.records) == 2


def test_a_post_that_the_ranking_repeats_is_read_once(server, client) -> None:
    server.reply(page(post(1, START, comments=1), after="c2"))
    server.reply(page(post(1, START, comments=1)))
    server.reply(comments(comment(8, START)))

    assert numbers(list(client.search(NIMBUS, START, END))) == ["p1", "p1", "c8"]
    assert len(server.requests) == 3


# How far comments are read


def test_comments_are_read_until_they_are_older(server, client) -> None:
    server.reply(page(post(1, START, comments=5), post(2, START, comments=1)))
    server.reply(comments(comment(19, END), comment(18, START + HOUR), after="c2"))
    server.reply(comments(comment(17, START), comment(16, START - SECOND), after="c3"))
    server.reply(comments(comment(15, START)))

    search = client.search(NIMBUS, START, END)

    assert numbers(list(search)) == ["p1", "p2", "c18", "c17", "c15"]
    assert server.paths[1:] == [
        f"/v26.0/{PAGE_ID}_1/comments",
        f"/v26.0/{PAGE_ID}_1/comments",
        f"/v26.0/{PAGE_ID}_2/comments",
    ]
    assert search.exhausted


@pytest.mark.parametrize("order", ["chronological", "ranked", None])
def test_comments_in_another_order_are_read_whole(server, client, order) -> None:
    server.reply(page(post(1, START, comments=5)))
    server.reply(comments(comment(1, START - DAY), comment(2, START), after="c2", order=order))
    server.reply(comments(comment(3, START), order=order))

    assert numbers(list(client.search(NIMBUS, START, END))) == ["p1", "c2", "c3"]


def test_a_late_comment_between_newer_ones_does_not_end_it(server, client) -> None:
    server.reply(page(post(1, START, comments=5)))
    server.reply(comments(comment(1, START - DAY), comment(2, START), after="c2"))
    server.reply(comments(comment(3, START)))

    assert numbers(list(client.search(NIMBUS, START, END))) == ["p1", "c2", "c3"]


def test_a_page_without_times_does_not_end_it_and_its_comments_are_kept(server, client) -> None:
    server.reply(page(post(1, START, comments=5)))
    server.reply(comments(comment(1, START, created_time=None), comment(2, START), after="c2"))
    server.reply(comments({"id": "1_3"}, comment(4, START, created_time="soon"), after="c3"))
    server.reply(comments(comment(5, START)))

    assert numbers(list(client.search(NIMBUS, START, END))) == ["p1", "c1", "c2", "c3", "c4", "c5"]


def test_comments_without_ids_and_authors_come_all_the_same(server, client) -> None:
    bare = {"message": "nice", "created_time": spelled(START), "like_count": 1}
    server.reply(page(post(1, START, comments=1)))
    server.reply(comments(bare))

    [_, found] = client.search(NIMBUS, START, END)

    assert found.records == [{"comment": bare, "post_id": f"{PAGE_ID}_1"}]


def test_a_post_that_vanishes_is_counted_and_the_others_are_read(server, client, naps) -> None:
    server.reply(
        page(*(post(n, START, comments=1) for n in (1, 2, 3))), 200, {"x-simulated": "true"}
    )
    server.reply(GONE, 400)
    server.reply(comments(comment(8, START)))
    server.reply(GONE, 404)

    search = client.search(NIMBUS, START, END)
    found = list(search)

    gone = [PartialError("", "a post vanished before its comments were read", 1)]
    assert [one.errors for one in found] == [[], gone, [], gone]
    assert numbers(found) == ["p1", "p2", "p3", "c8"]
    assert [one.simulated for one in found] == [True, True, False, False]
    assert search.exhausted
    assert (len(server.requests), naps) == (4, [])


def test_a_page_that_does_not_exist_is_an_error(server, client) -> None:
    server.reply(GONE, 400)

    with pytest.raises(errors.BadRequest, match=r"check the id in tracking\.yaml") as raised:
        list(client.search(NIMBUS, START, END))
    assert str(raised.value).startswith("Facebook GET /{page}/feed, page 1: ")


# What is kept, and what stops


def test_what_is_no_object_is_kept_with_its_reason(server, client) -> None:
    server.reply(page(post(1, START, comments=1), 5))
    server.reply(comments(None, comment(8, START)))

    first, second = client.search(NIMBUS, START, END)

    assert [one.reason for one in first.malformed] == ["the entry is a number, not a post"]
    assert [one.reason for one in second.malformed] == ["the entry is null, not a comment"]
    assert numbers([first, second]) == ["p1", "c8"]


def test_a_post_with_broken_text_does_not_cost_its_comments(server, client) -> None:
    def broken(told: dict[str, Any]) -> bytes:
        return json.dumps(told | {"message": "@"}).encode().replace(b'"@"', b'"caf\xe9"')

    posts = (broken(post(1, START - DAY, 3, updated=START)), broken(post(2, START)))
    server.reply(b'{"data":[%s,%s],"paging":{}}' % posts)
    server.reply(comments(comment(8, START)))

    first, second = client.search(NIMBUS, START, END)

    # What lies outside of the stretch is another one's dead letter.
    assert [(one.index, one.reason) for one in first.malformed] == [
        (1, "the post is not valid UTF-8")
    ]
    assert numbers([first, second]) == ["c8"]


def test_objects_stay_as_the_api_wrote_them(server, client) -> None:
    odd = post(
        1, START, message='a "b"\n\u00e9 \U0001f600 \u0000', of_next_year=[1, None, {"x": 2.5}]
    )
    server.reply(page(odd))

    [found] = client.search(NIMBUS, START, END)

    assert found.records == [{"post": odd}]


def test_the_cap_on_pages_ends_a_search_without_calling_it_whole(server, naps) -> None:
    client = FacebookClient(server.url, TOKEN, max_pages=2, clock=lambda: NOW)
    server.reply(page(post(1, START, comments=1), post(2, START, comments=1)))
    server.reply(comments(comment(8, START)))

    search = client.search(NIMBUS, START, END)

    assert len(list(search)) == 2
    assert (search.pages, search.exhausted) == (2, False)
    assert len(server.requests) == 2
    # A cap that is just enough leaves it whole.
    server.answers.clear()
    server.reply(page(post(1, START, comments=1)))
    server.reply(comments(comment(8, START)))
    whole = client.search(NIMBUS, START, END)
    assert (len(list(whole)), whole.exhausted) == (2, True)


def test_an_error_stays_and_what_came_before_it_is_kept(server, client) -> None:
    server.reply(page(post(1, START, comments=1)))
    server.reply({"error": {"message": "x", "code": 190, "error_subcode": 463}}, 400)

    search = client.search(NIMBUS, START, END)

    assert len(next(search).records) == 1
    for _ in range(2):
        with pytest.raises(
            errors.TokenRejected, match=r"GET /\{post\}/comments, page 1: .*expired"
        ):
            next(search)
    assert len(server.requests) == 2
    assert not search.exhausted


def test_a_page_of_comments_without_paging_keeps_them_and_stops(server, client) -> None:
    server.reply(page(post(1, START, comments=1)))
    server.reply({"data": [comment(8, START)], "summary": {"order": "reverse_chronological"}})

    search = client.search(NIMBUS, START, END)
    found = [next(search), next(search)]

    assert numbers(found) == ["p1", "c8"]
    assert not search.exhausted
    with pytest.raises(errors.UnexpectedResponse, match="some may be missing"):
        next(search)


def test_smaller_pages_where_that_is_asked_for(server, client) -> None:
    reduce = {"error": {"code": 1, "message": "Please reduce the amount of data you're asking for"}}
    server.reply(reduce, 500)
    server.reply(page(post(1, START, comments=1)))
    server.reply(reduce, 500)
    server.reply(comments(comment(8, START)))

    found = list(client.search(NIMBUS, START, END))

    assert numbers(found) == ["p1", "c8"]
    assert [r["limit"] for r in server.requests] == ["100", "50", "100", "50"]
    assert [one.number for one in found] == [1, 2]


def test_allowance_and_notices(server, client) -> None:
    usage = {"x-app-usage": '{"call_count":28}', "facebook-api-version": "v27.0"}
    server.reply(page(), headers=usage)
    assert client.notices() == []

    list(client.search(NIMBUS, START, END))

    assert client.allowance.used_share == pytest.approx(0.28)
    [notice] = client.notices()
    assert notice.endswith("set SENTIMENT_FACEBOOK_API_VERSION to v27.0")


# Looking at one's access


def token(**fields: object) -> dict[str, Any]:
    told = {
        "is_valid": True,
        "type": "PAGE",
        "expires_at": 0,
        "scopes": ["pages_read_engagement", "pages_read_user_content"],
    }
    return {"data": told | fields}


def test_a_look_at_the_access(server, client) -> None:
    # 40 posts in 10 days; 8 of them have comments, of which 4 were made in the last 24 hours.
    posts = [post(n, NOW - n * timedelta(hours=6), comments=5 if n < 8 else 0) for n in range(40)]
    server.reply(token())
    server.reply(page(*posts, after="c2"), headers={"x-app-usage": '{"call_count":28}'})
    server.reply(comments(comment(8, NOW)), headers={"facebook-api-version": "v26.0"})

    looked = client.inspect([NIMBUS])

    assert looked.ok
    assert [(one.what, one.said) for one in looked.findings] == [
        ("token", "valid, of type PAGE, never expires"),
        ("permissions", "granted: pages_read_engagement, pages_read_user_content"),
        ("page nimbus", "40 posts read, the newest of 2026-11-23; 1 comments under one of them"),
        ("version", "v26.0, available until 2028-11-04"),
        ("allowance", "28% of the fullest limit used"),
    ]
    [cost] = looked.costs
    # 4 posts a day for 30 days, and 50 more to know the end: 2 pages; then 4 posts.
    assert (cost.source, cost.requests_per_search) == ("nimbus", 2 + 4)
    assert cost.posts_per_day == pytest.approx((40 + 8 * 5) / 9.75, abs=0.1)
    assert "feed of 30 days" in cost.note
    assert [sorted(record) for record in looked.preview] == [["post"]] * 40 + [
        ["comment", "post_id"]
    ]
    assert "post 1" not in repr(looked)
    assert server.paths == [
        "/v26.0/debug_token", f"/v26.0/{PAGE_ID}/feed", f"/v26.0/{PAGE_ID}_0/comments",
    ]  # fmt: skip


def test_missing_permissions_stop_nothing_where_all_can_be_read(server, client) -> None:
    bare = {"message": "nice", "created_time": spelled(NOW)}
    server.reply(token(scopes=["public_profile"]))
    server.reply(page(post(1, NOW, comments=1)))
    server.reply(comments(bare))

    looked = client.inspect([NIMBUS])

    assert looked.ok
    found = {one.what: one for one in looked.findings}
    assert "as by Page Public Content Access" in found["permissions"].said
    assert found["page nimbus"].said.endswith(
        "without ids and authors (Page Public Content Access)"
    )


def test_what_stands_in_the_way_is_told_source_by_source(server, client) -> None:
    needs = "(#10) This endpoint requires the 'pages_read_engagement' permission"
    server.reply(token(scopes=["pages_read_engagement"]))
    server.reply({"error": {"message": needs, "code": 10}}, 403)
    server.reply(page())
    server.reply(page(post(1, NOW)))

    looked = client.inspect(
        [Tracked("first"), Tracked("second"), Tracked("third"), Tracked("fourth", value="nimbus")]
    )

    assert not looked.ok
    told = {one.what: (one.ok, one.said, one.remedy) for one in looked.findings}
    assert told["permissions"][:2] == (False, "missing: pages_read_user_content")
    assert told["page first"][0] is False
    assert "names pages_read_engagement" in told["page first"][1]
    assert told["page second"][:2] == (False, "its feed is empty")
    assert told["page third"][:2] == (True, "1 posts read, the newest of 2026-11-23")
    assert told["page fourth"] == (
        False, "a Page is tracked by its numeric id, up to 20 digits", "correct it in tracking.yaml"
    )  # fmt: skip
    assert [cost.source for cost in looked.costs] == ["second", "third"]
    assert looked.costs[0].posts_per_day is None


def test_a_dead_token_is_told_and_the_rest_too(server, client) -> None:
    server.reply({"error": {"message": "x", "code": 190, "error_subcode": 463}}, 400)

    looked = client.inspect([NIMBUS])

    assert not looked.ok
    assert [(one.what, one.ok) for one in looked.findings] == [
        ("token", False), ("page nimbus", False), ("version", True), ("allowance", True),
    ]  # fmt: skip
    assert (looked.costs, looked.preview) == ([], [])


def test_nothing_secret_reaches_logs_errors_or_reprs(server, client, caplog) -> None:
    said = {"from": {"id": "55005", "name": "Ada L."}}
    server.reply(
        page(post(77, START, comments=1, **said)), 200, {"x-app-usage": '{"call_count":1}'}
    )
    server.reply(comments(comment(8888888, START, **said), after="secret-cursor"))
    server.reply({"error": {"message": f"Ada L. {TOKEN} 55005", "code": 777}}, 400)

    with caplog.at_level(logging.DEBUG):
        search = client.search(NIMBUS, START, END)
        found = [next(search), next(search)]
        with pytest.raises(errors.UnexpectedResponse) as raised:
            next(search)

    shown = "\n".join([caplog.text, str(raised.value), *map(repr, [raised.value, client, search])])
    shown += repr(found)
    assert "HTTP Request: GET" in caplog.text
    secrets = [
        TOKEN,
        PAGE_ID,
        "post 77",
        "c 8888888",
        "8888888",
        "Ada L.",
        "55005",
        "secret-cursor",
    ]
    assert [secret for secret in secrets if secret in shown] == []
