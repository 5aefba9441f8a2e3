"""The client against answers by script: what it asks, keeps, follows, waits for and refuses."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from resources.api_clients import errors
from resources.api_clients.answers import PartialError
from resources.api_clients.graph import STALE_TRIES
from resources.api_clients.instagram import (
    COMMENT_FIELDS,
    HASHTAG_FIELDS,
    MEDIA_FIELDS,
    REACH,
    Access,
    InstagramClient,
    open_client,
)

TOKEN = "EAAG-very-secret-token"
ACCOUNT_ID, USER_ID = "17841405309211844", "17841400000000007"
NOW = datetime(2026, 11, 23, 12, 0, 30, 250_000, tzinfo=timezone.utc)
START = datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc)
END = datetime(2026, 11, 23, 10, 0, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)
INSIDE, BEFORE, AFTER = START + 60 * SECOND, START - SECOND, END


@dataclass(frozen=True)
class Tracked:
    name: str
    kind: str
    value: str


ACCOUNT = Tracked("brand", "account", ACCOUNT_ID)
HASHTAG = Tracked("launch", "hashtag", "nimbusLaunch")


def told(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S+0000")


def media(number: int, created: datetime = INSIDE, comments: int | None = 0) -> dict[str, Any]:
    raw = {"id": str(1000 + number), "timestamp": told(created), "caption": f"media {number}"}
    return raw | ({} if comments is None else {"comments_count": comments})


def comment(
    number: int, created: datetime = INSIDE, replies: Any = None, after: str | None = None
) -> dict[str, Any]:
    raw = {"id": str(5000 + number), "timestamp": told(created), "text": f"comment {number}"}
    if replies is not None:
        raw["replies"] = {"data": replies}
    if after is not None:
        following = f"https://graph.facebook.com/v26.0/{raw['id']}/replies?after={after}"
        raw["replies"]["paging"] = {"cursors": {"after": after}, "next": following}
    return raw


def page(*data: Any, after: str | None = None, paged: bool = True) -> dict[str, Any]:
    """``paged``: as the media edge gives its last page; others leave ``paging`` out there."""
    if after is not None:
        following = f"https://graph.facebook.com/v26.0/x/media?access_token=T&after={after}"
        return {"data": list(data), "paging": {"cursors": {"after": after}, "next": following}}
    return {"data": list(data)} | ({"paging": {"cursors": {}}} if paged else {})


def bare(*data: Any) -> dict[str, Any]:
    return page(*data, paged=False)


def refusal(code: int, subcode: int | None = None, message: str = "no") -> dict[str, Any]:
    error = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "A1"}
    return {"error": error | ({} if subcode is None else {"error_subcode": subcode})}


@pytest.fixture
def client(server, naps) -> Iterator[InstagramClient]:
    # The clock stands still: time passes only where a test says so.
    made = InstagramClient(
        server.url,
        TOKEN,
        user_id=USER_ID,
        max_wait_s=900,
        timeout_s=2,
        sleep=naps.append,
        clock=lambda: NOW,
    )
    yield made
    made.close()


def ids(pages: Any) -> list[str]:
    return [r.get("media", r.get("comment"))["id"] for one in pages for r in one.records]


# What is asked for


def test_an_account_is_listed_with_the_token_in_the_header_only(server, client) -> None:
    server.reply(page(media(1)))

    list(client.search(ACCOUNT, START, END))

    assert server.paths == [f"/v26.0/{ACCOUNT_ID}/media"]
    assert server.requests == [
        {
            "fields": MEDIA_FIELDS,
            # 30 days before the window, and a second around both: inclusive or not is unknown.
            "since": str(int((START - timedelta(days=30)).timestamp()) - 1),
            "until": str(int(END.timestamp()) + 1),
            "limit": "100",
        }
    ]
    assert server.authorizations == [f"Bearer {TOKEN}"]


def test_comments_are_asked_for_with_their_replies(server, client) -> None:
    server.reply(page(media(1, comments=3)))
    server.reply(bare(comment(1)))

    list(client.search(ACCOUNT, START, END))

    assert server.paths[1:] == ["/v26.0/1001/comments"]
    assert server.requests[1:] == [{"fields": COMMENT_FIELDS, "limit": "50"}]
    assert "replies.limit(25){id,text," in COMMENT_FIELDS
    # What expires, leads elsewhere or is told twice is not asked for.
    for unwanted in ("media_url", "permalink", "parent_id", "hidden"):
        assert unwanted not in MEDIA_FIELDS + COMMENT_FIELDS + HASHTAG_FIELDS


CET = timezone(timedelta(hours=1))
HALF = timedelta(milliseconds=500)
OPEN = NOW.replace(microsecond=0) - 15 * SECOND
BOUNDS = [
    pytest.param(START, END, START, END, id="whole seconds"),
    pytest.param(START.astimezone(CET), END.astimezone(CET), START, END, id="another zone"),
    pytest.param(START + HALF, END, START, END, id="a fraction of start is asked for whole"),
    pytest.param(START, END + HALF, START, END + SECOND, id="a fraction of end, too"),
    pytest.param(START, NOW + SECOND, START, OPEN, id="open window"),
    pytest.param(
        NOW - timedelta(days=3000), END, NOW.replace(microsecond=0) - REACH, END, id="reach"
    ),
]


@pytest.mark.parametrize(("start", "end", "kept_start", "kept_end"), BOUNDS)
def test_bounds(server, client, start, end, kept_start, kept_end) -> None:
    server.reply(page())

    search = client.search(ACCOUNT, start, end)
    list(search)

    assert (search.start, search.end) == (kept_start, kept_end)
    assert server.requests[0]["until"] == str(int(kept_end.timestamp()) + 1)


def test_a_window_that_has_only_begun_asks_nothing(server, client) -> None:
    search = client.search(ACCOUNT, NOW - 5 * SECOND, NOW + timedelta(hours=2))

    assert list(search) == []
    assert search.exhausted
    assert server.requests == []


@pytest.mark.parametrize(
    ("source", "age"),
    [
        pytest.param(ACCOUNT, REACH, id="account"),
        pytest.param(HASHTAG, timedelta(hours=23, minutes=59), id="hashtag"),
    ],
)
def test_a_stretch_older_than_the_reach(server, client, source, age) -> None:
    end = NOW - age - SECOND
    with pytest.raises(errors.BeyondReach, match="10,000 newest media") as raised:
        client.search(source, end - timedelta(hours=2), end)

    assert not raised.value.retryable
    assert server.requests == []


def test_the_reach_depends_on_the_source(client) -> None:
    assert client.reach(ACCOUNT) == timedelta(days=730)
    assert client.reach(HASHTAG) == timedelta(hours=24)
    assert client.span is None


ARGUMENTS = [
    pytest.param((ACCOUNT, END, START), "must be before its end", id="backwards"),
    pytest.param((ACCOUNT, START, START), "must be before its end", id="empty"),
    pytest.param((ACCOUNT, START.replace(tzinfo=None), END), "need a time zone", id="naive"),
    pytest.param((Tracked("b", "account", "nimbus"), START, END), "3 to 20 digits", id="handle"),
    pytest.param((Tracked("b", "account", "1/../2"), START, END), "digits", id="path"),
    pytest.param((Tracked("b", "hashtag", "#tag"), START, END), "without #", id="hash sign"),
    pytest.param((Tracked("b", "hashtag", "two words"), START, END), "letters", id="two words"),
    pytest.param((Tracked("b", "page", "123456"), START, END), "no kind of", id="kind"),
]


@pytest.mark.parametrize(("arguments", "message"), ARGUMENTS)
def test_arguments_that_make_no_sense(client, arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        client.search(*arguments)


SETTINGS = [
    pytest.param({"base_url": "http://graph.facebook.com"}, "must be https", id="in the clear"),
    pytest.param({"token": TOKEN + "\n"}, "empty or holds", id="line end"),
    pytest.param({"api_version": "26"}, "no version", id="version"),
    pytest.param({"max_pages": 0}, "1 or more", id="no pages"),
    pytest.param({"comment_days": -1}, "0 or more", id="negative days"),
]


@pytest.mark.parametrize(("settings", "message"), SETTINGS)
def test_settings_that_cannot_work(settings, message) -> None:
    good = {"base_url": "https://graph.facebook.com", "token": TOKEN}

    with pytest.raises(ValueError, match=message) as raised:
        InstagramClient(**{**good, **settings})

    assert TOKEN not in str(raised.value)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"access_token": "two words"}, id="token"),
        pytest.param({"api_version": "latest"}, id="version"),
        pytest.param({"comment_days": 10_000}, id="days"),
        pytest.param({"user_id": "nimbus"}, id="user"),
        pytest.param({"surprise": 1}, id="unknown"),
    ],
)
def test_access_checks_its_settings(settings) -> None:
    with pytest.raises(ValueError, match="validation error") as raised:
        Access(**settings)
    assert "two words" not in str(raised.value)


def test_a_client_of_the_settings(server, naps) -> None:
    access = Access(
        access_token=TOKEN, api_version="v25.0", comment_days=2, user_id=USER_ID, max_pages=1
    )
    made = open_client(
        access, base_url=server.url, token=TOKEN, clock=lambda: NOW, sleep=naps.append
    )
    server.reply(page(media(1, comments=1)))

    search = made.search(ACCOUNT, START, END)

    assert ids(search) == ["1001"]
    assert not search.exhausted
    assert made.api_version == "v25.0"
    assert server.paths == [f"/v25.0/{ACCOUNT_ID}/media"]
    assert server.requests[0]["since"] == str(int((START - timedelta(days=2)).timestamp()) - 1)
    assert access.credential is not None
    assert access.credential.get_secret_value() == TOKEN
    assert TOKEN not in repr(access) + repr(made)
    assert access.LIVE_URL == "https://graph.facebook.com"


# What is kept


def test_media_comments_and_replies_of_the_window_are_kept_as_they_are(server, client) -> None:
    posts = [media(1, comments=2), media(2, BEFORE, comments=4), media(3)]
    server.reply(page(*posts))
    reply, older = comment(13), comment(14, BEFORE)
    server.reply(bare(comment(11, replies=[reply, older]), comment(12, AFTER)))
    server.reply(bare(comment(21, BEFORE, replies=[comment(22)])))

    search = client.search(ACCOUNT, START, END)
    pages = list(search)

    assert [one.records for one in pages] == [
        [{"media": posts[0], "source": "account"}, {"media": posts[2], "source": "account"}],
        [
            {"comment": comment(11), "media_id": "1001"},
            {"comment": reply, "media_id": "1001", "parent_id": "5011"},
        ],
        # A reply of the window to a comment before it, on a post before it.
        [{"comment": comment(22), "media_id": "1002", "parent_id": "5021"}],
    ]
    assert [one.number for one in pages] == [1, 2, 3]
    assert not any(one.malformed or one.errors or one.simulated for one in pages)
    assert search.exhausted
    assert search.watermark is None


def test_the_window_begins_inclusive_and_ends_exclusive(server, client) -> None:
    edges = [START - SECOND, START, END - SECOND, END]
    server.reply(page(*(media(n, at, comments=int(n == 0)) for n, at in enumerate(edges))))
    server.reply(bare(*(comment(n, at) for n, at in enumerate(edges))))

    assert ids(client.search(ACCOUNT, START, END)) == ["1001", "1002", "5001", "5002"]


def test_touching_windows_share_nothing_and_miss_nothing(server, client) -> None:
    times = [START + timedelta(minutes=n) for n in range(0, 120, 7)]
    listed = page(*(media(n, at) for n, at in enumerate(times)))
    middle = START + timedelta(minutes=61)
    server.reply(listed)

    first, second = (
        ids(client.search(ACCOUNT, *bounds)) for bounds in ((START, middle), (middle, END))
    )

    assert not set(first) & set(second)
    assert sorted([*first, *second]) == [str(1000 + n) for n in range(len(times))]


def test_what_tells_no_time_becomes_a_dead_letter(server, client) -> None:
    odd = {"id": "1009", "timestamp": "yesterday", "comments_count": 0}
    server.reply(page(odd, media(2, BEFORE, comments=1)))
    server.reply(bare({"id": "5009", "text": "when?"}))

    assert ids(client.search(ACCOUNT, START, END)) == ["1009", "5009"]


def test_only_media_that_can_have_comments_of_the_window_are_asked_for_them(server, client) -> None:
    server.reply(
        page(
            media(1, comments=0),
            media(2, comments=None),
            media(3, START - timedelta(days=30), comments=1),
            media(4, START - timedelta(days=30) - SECOND, comments=1),
            media(5, END, comments=1),
            {"id": 17, "timestamp": told(INSIDE), "comments_count": 1},
            {"id": "../1", "timestamp": told(INSIDE), "comments_count": 1},
        )
    )
    server.reply(bare())

    search = client.search(ACCOUNT, START, END)

    assert len(list(search)) == 3
    assert server.paths[1:] == ["/v26.0/1002/comments", "/v26.0/1003/comments"]


def test_comment_days_of_none_reads_comments_of_the_windows_own_media_only(server, naps) -> None:
    client = InstagramClient(server.url, TOKEN, comment_days=0, clock=lambda: NOW)
    server.reply(page(media(1, START, comments=1), media(2, BEFORE, comments=1)))
    server.reply(bare(comment(1)))

    assert ids(client.search(ACCOUNT, START, END)) == ["1001", "5001"]
    assert server.paths[1:] == ["/v26.0/1001/comments"]


def test_entries_that_are_no_objects_are_kept_aside(server, client) -> None:
    broken = media(2) | {"caption": "caf\udce9"}
    body = json.dumps(page(media(1, comments=1), None, broken)).replace("\\udce9", "\\udce9")
    server.reply(body.encode())
    server.reply(
        bare(
            "gone",
            comment(1) | {"replies": "many"},
            comment(2) | {"replies": {"data": 7}},
            comment(3, replies=[7, comment(4)]),
        )
    )

    first, second = list(client.search(ACCOUNT, START, END))

    assert [one["media"]["id"] for one in first.records] == ["1001"]
    assert [(m.index, m.reason) for m in first.malformed] == [
        (1, "the entry is null, not a media object"),
        (2, "the media object is not valid UTF-8"),
    ]
    assert ids([second]) == ["5001", "5002", "5003", "5004"]
    assert [m.reason for m in second.malformed] == [
        "the entry is a string, not a comment",
        "replies is a string without a list of data",
        "replies is an object without a list of data",
        "the entry is a number, not a reply",
    ]
    assert not any("replies" in record["comment"] for record in second.records)


# Pages


def test_pages_follow_next_whose_token_and_host_are_not_followed(server, client) -> None:
    server.reply(page(media(1), after="m2"))
    server.reply(page(media(2, comments=1)))
    server.reply(page(comment(1), after="c2"))
    server.reply(bare(comment(2)))

    search = client.search(ACCOUNT, START, END)
    seen = [(one.number, search.pages, search.exhausted) for one in search]

    assert seen == [(1, 1, False), (2, 2, False), (3, 3, False), (4, 4, True)]
    assert [one.get("after") for one in server.requests] == [None, "m2", None, "c2"]
    assert not any("access_token" in one for one in server.requests)
    with pytest.raises(StopIteration):
        next(search)


def test_a_medias_comments_come_before_the_next_page_of_media(server, client) -> None:
    server.reply(page(media(1, comments=1), media(2, comments=1), after="m2"))
    server.reply(page(comment(1), after="c2"))
    server.reply(bare(comment(2)))
    server.reply(bare(comment(3)))
    server.reply(page(media(3)))

    assert ids(client.search(ACCOUNT, START, END)) == [
        "1001", "1002", "5001", "5002", "5003", "1003",
    ]  # fmt: skip
    assert [path.rpartition("/v26.0/")[2] for path in server.paths] == [
        f"{ACCOUNT_ID}/media",
        "1001/comments",
        "1001/comments",
        "1002/comments",
        f"{ACCOUNT_ID}/media",
    ]


def test_replies_behind_the_expanded_ones_are_followed_from_their_cursor(server, client) -> None:
    server.reply(page(media(1, comments=9)))
    server.reply(
        bare(
            comment(1, replies=[comment(11)], after="r1"),
            comment(2, replies=[comment(21)]),
            comment(3, BEFORE, replies=[comment(31)], after="r3"),
        )
    )
    server.reply(page(comment(12), comment(13, BEFORE), after="r1b"))
    server.reply(bare(comment(14)))
    server.reply(bare(comment(32)))

    search = client.search(ACCOUNT, START, END)
    pages = list(search)

    assert server.paths[2:] == ["/v26.0/5001/replies"] * 2 + ["/v26.0/5003/replies"]
    assert [one.get("after") for one in server.requests[2:]] == ["r1", "r1b", "r3"]
    assert "replies" not in server.requests[2]["fields"]
    assert [one.records for one in pages[2:]] == [
        [{"comment": comment(12), "media_id": "1001", "parent_id": "5001"}],
        [{"comment": comment(14), "media_id": "1001", "parent_id": "5001"}],
        [{"comment": comment(32), "media_id": "1001", "parent_id": "5003"}],
    ]
    assert search.exhausted


def test_replies_whose_cursor_is_missing_are_read_from_the_start(server, client) -> None:
    odd = comment(1, replies=[comment(11)])
    odd["replies"]["paging"] = {"next": "https://graph.facebook.com/v26.0/5001/replies"}
    server.reply(page(media(1, comments=2)))
    server.reply(bare(odd))
    server.reply(bare(comment(11), comment(12)))

    assert ids(client.search(ACCOUNT, START, END)) == ["1001", "5001", "5011", "5011", "5012"]
    assert "after" not in server.requests[2]


def test_a_full_page_of_comments_without_paging_is_the_last(server, client) -> None:
    server.reply(page(media(1, comments=50)))
    server.reply(bare(*(comment(n) for n in range(50))))

    search = client.search(ACCOUNT, START, END)

    assert len(ids(search)) == 51
    assert search.exhausted


def test_media_without_paging_are_kept_but_the_search_is_not_whole(server, naps, client) -> None:
    server.reply(bare(media(1)))

    search = client.search(ACCOUNT, START, END)

    assert ids([next(search)]) == ["1001"]
    with pytest.raises(errors.UnexpectedResponse, match="does not say whether pages follow"):
        next(search)
    with pytest.raises(errors.UnexpectedResponse):
        next(search)
    assert not search.exhausted
    # It was tried again before.
    assert len(server.requests) > 1


def test_an_account_without_media_is_whole(server, client) -> None:
    server.reply({"data": []})

    search = client.search(ACCOUNT, START, END)

    assert [one.records for one in search] == [[]]
    assert search.exhausted


def test_listing_stops_at_media_too_old_to_matter_even_if_since_is_ignored(server, client) -> None:
    horizon = START - timedelta(days=30)
    server.reply(page(media(1), media(2, horizon - SECOND), after="m2"))
    server.reply(page(media(3, horizon - SECOND), media(4, horizon - 9 * SECOND), after="m3"))

    search = client.search(ACCOUNT, START, END)

    assert ids(search) == ["1001"]
    assert search.exhausted
    assert len(server.requests) == 2


def test_old_media_first_do_not_stop_the_listing(server, client) -> None:
    # Pinned ones, say, if they came first.
    server.reply(page(media(1, START - timedelta(days=300)), media(2), after="m2"))
    server.reply(page(media(3)))

    assert ids(client.search(ACCOUNT, START, END)) == ["1002", "1003"]


def test_smaller_pages_are_asked_for_where_the_api_wants_them(server, client) -> None:
    server.reply(refusal(1, message="Please reduce the amount of data you're asking for"), 500)
    server.reply(page(media(1, comments=1)))
    server.reply(refusal(1, message="Please reduce the amount of data you're asking for"), 500)
    server.reply(bare(comment(1)))

    assert ids(client.search(ACCOUNT, START, END)) == ["1001", "5001"]
    assert [one["limit"] for one in server.requests] == ["100", "50", "50", "25"]


def test_the_cap_on_pages_ends_a_search_without_calling_it_whole(server, naps) -> None:
    client = InstagramClient(server.url, TOKEN, max_pages=2, clock=lambda: NOW)
    server.reply(page(media(1, comments=1)))
    server.reply(page(comment(1), after="c2"))

    search = client.search(ACCOUNT, START, END)

    assert ids(search) == ["1001", "5001"]
    assert not search.exhausted
    assert search.pages == len(server.requests) == 2


def test_a_cap_that_is_just_enough_is_whole(server, naps) -> None:
    client = InstagramClient(server.url, TOKEN, max_pages=2, clock=lambda: NOW)
    server.reply(page(media(1, comments=1)))
    server.reply(bare(comment(1)))

    search = client.search(ACCOUNT, START, END)

    assert ids(search) == ["1001", "5001"]
    assert search.exhausted


# What vanishes


def test_media_deleted_since_they_were_listed_are_counted(server, client) -> None:
    server.reply(page(media(1, comments=1), media(2, comments=1)))
    server.reply(refusal(100, 33), 400)
    server.reply(bare(comment(2)))

    search = client.search(ACCOUNT, START, END)
    pages = list(search)

    gone = PartialError("vanished", "Media deleted or hidden since it was listed", 1)
    assert [one.errors for one in pages] == [[], [gone], []]
    assert ids(pages) == ["1001", "1002", "5002"]
    assert search.exhausted
    assert search.pages == 3


def test_media_deleted_between_two_pages_of_comments_keep_the_first(server, client) -> None:
    server.reply(page(media(1, comments=80)))
    server.reply(page(comment(1), after="c2"))
    server.reply(refusal(100, 33), 400)

    search = client.search(ACCOUNT, START, END)
    pages = list(search)

    assert ids(pages) == ["1001", "5001"]
    assert sum(error.count for error in pages[-1].errors) == 1
    assert search.exhausted


def test_a_comment_deleted_before_its_replies_were_read_is_counted(server, client) -> None:
    server.reply(page(media(1, comments=9)))
    server.reply(bare(comment(1, replies=[comment(11)], after="r1")))
    server.reply(refusal(100, 33), 400)

    pages = list(client.search(ACCOUNT, START, END))

    assert [error.title for error in pages[-1].errors] == [
        "Comment deleted or hidden since it was listed"
    ]


def test_an_account_that_does_not_exist_is_no_loss_to_be_counted(server, client) -> None:
    server.reply(refusal(100, 33, f"Object with ID '{ACCOUNT_ID}' does not exist"), 400)

    search = client.search(ACCOUNT, START, END)

    with pytest.raises(errors.BadRequest, match="check the id in tracking") as raised:
        next(search)
    assert str(raised.value).startswith("Instagram GET /{ig-user}/media, page 1: ")
    assert ACCOUNT_ID not in str(raised.value)
    assert not search.exhausted


# Hashtags


def test_a_hashtag_is_looked_up_once_and_its_media_read(server, client) -> None:
    tagged = media(1)
    server.reply({"data": [{"id": "17843857450040591"}]})
    server.reply(bare(tagged, media(2, BEFORE), media(3, AFTER, comments=9)))
    server.reply(bare(media(4, comments=4)))

    search = client.search(HASHTAG, START, END)
    pages = list(search)
    again = ids(client.search(Tracked("l", "hashtag", "NIMBUSLAUNCH"), START, END))

    assert [one.records for one in pages] == [[{"media": tagged, "source": "hashtag"}]]
    assert search.exhausted
    # Comments on other people's media can't be read.
    assert again == ["1004"]
    assert server.paths == [
        "/v26.0/ig_hashtag_search",
        "/v26.0/17843857450040591/recent_media",
        "/v26.0/17843857450040591/recent_media",
    ]
    assert server.requests == [
        {"user_id": USER_ID, "q": "nimbusLaunch"},
        {"user_id": USER_ID, "fields": HASHTAG_FIELDS, "limit": "50"},
        {"user_id": USER_ID, "fields": HASHTAG_FIELDS, "limit": "50"},
    ]
    assert "username" not in HASHTAG_FIELDS


def test_a_cursor_that_repeats_still_leads_on(server, client) -> None:
    server.reply({"data": [{"id": "17843"}]})
    for number in range(6):
        server.reply(page(media(number), after="same"))
    server.reply(bare(media(6)))

    search = client.search(HASHTAG, START, END)

    assert ids(search) == [str(1000 + number) for number in range(7)]
    assert search.exhausted
    assert [one.get("after") for one in server.requests[2:]] == ["same"] * 6


def test_going_round_in_circles_stops_even_where_likes_grow(server, client) -> None:
    server.reply({"data": [{"id": "17843"}]})
    for round_ in range(20):
        server.reply(
            page(media(1) | {"like_count": round_}, media(2) | {"like_count": 2}, after="same")
        )

    search = client.search(HASHTAG, START, END)

    with pytest.raises(errors.UnexpectedResponse, match="repeats a cursor and nothing new"):
        list(search)
    assert not search.exhausted
    assert len(server.requests) - 1 == STALE_TRIES + 1


def test_an_empty_page_may_be_followed_by_more(server, client) -> None:
    server.reply({"data": [{"id": "17843"}]})
    server.reply(page(after="same"))
    server.reply(page(after="same"))
    server.reply(bare(media(1)))

    assert ids(client.search(HASHTAG, START, END)) == ["1001"]


def test_a_start_that_leaves_the_24_hours_while_waiting_asks_for_another_run(server, naps) -> None:
    now = [NOW]
    client = InstagramClient(server.url, TOKEN, user_id=USER_ID, clock=lambda: now[0])
    server.reply({"data": [{"id": "17843"}]})
    server.reply(page(media(1), after="same"))

    search = client.search(HASHTAG, NOW - timedelta(days=1), END)
    assert search.start == NOW.replace(microsecond=0) - timedelta(days=1) + 60 * SECOND
    next(search)
    now[0] += timedelta(minutes=10)

    with pytest.raises(errors.TransientApiError, match="run this window again"):
        next(search)
    assert len(server.requests) == 2


HASHTAG_REFUSALS = [
    pytest.param(
        refusal(24, 2207024, "The requested resource does not exist"),
        errors.BadRequest,
        "nobody has used this hashtag.*correct the hashtag",
        id="unknown",
    ),
    pytest.param({"data": []}, errors.BadRequest, "nobody has used this hashtag", id="no result"),
    pytest.param(
        refusal(18, 2207034, "(#18) too many"),
        errors.UsageCapExceeded,
        r"30 different hashtags in 7 days.*track fewer",
        id="31st",
    ),
    pytest.param(
        refusal(10, None, "(#10) requires the 'Instagram Public Content Access' feature"),
        errors.Forbidden,
        "names Instagram Public Content Access.*App Review",
        id="feature",
    ),
    pytest.param(
        refusal(-3, None, "generic"), errors.UnexpectedResponse, "code -3", id="a generic error"
    ),
    pytest.param(
        {"data": [{"id": 17}]}, errors.UnexpectedResponse, "holds no hashtag's id", id="17"
    ),
    pytest.param({"hm": 1}, errors.UnexpectedResponse, "holds no hashtag's id", id="no data"),
]


@pytest.mark.parametrize(("answer", "kind", "message"), HASHTAG_REFUSALS)
def test_hashtags_that_are_refused(server, client, answer, kind, message) -> None:
    server.reply(answer, 400 if "error" in answer else 200)

    search = client.search(HASHTAG, START, END)

    with pytest.raises(kind, match=message) as raised:
        next(search)
    assert not raised.value.retryable
    assert str(raised.value).startswith("Instagram GET /ig_hashtag_search: ")
    assert "nimbus" not in str(raised.value).lower()
    assert len(server.requests) == 1


def test_codes_of_hashtags_mean_nothing_elsewhere(server, client) -> None:
    server.reply(refusal(24, 2207006), 400)

    with pytest.raises(errors.UnexpectedResponse, match="code 24, subcode 2207006"):
        next(client.search(ACCOUNT, START, END))


def test_a_hashtag_needs_an_account_to_search_for(server) -> None:
    client = InstagramClient(server.url, TOKEN, clock=lambda: NOW)
    server.reply({"data": [{"id": "7"}, {"id": "8", "instagram_business_account": None}]})

    with pytest.raises(errors.BadRequest, match="SENTIMENT_INSTAGRAM_USER_ID is not set"):
        next(client.search(HASHTAG, NOW - timedelta(hours=2), NOW))


def test_a_hashtag_is_searched_for_the_tokens_first_account(server) -> None:
    client = InstagramClient(server.url, TOKEN, clock=lambda: NOW)
    page = {"id": "8", "instagram_business_account": {"id": "17841400000001001"}}
    server.reply({"data": [{"id": "7"}, page]})
    server.reply({"data": [{"id": "17843853986012965"}]})
    server.reply({"data": []})

    assert [page.records for page in client.search(HASHTAG, NOW - timedelta(hours=2), NOW)] == [[]]

    assert server.requests[0]["fields"] == "instagram_business_account"
    assert [one["user_id"] for one in server.requests[1:]] == ["17841400000001001"] * 2


# Errors, limits, versions


def test_a_stop_in_the_middle_keeps_what_was_read_and_stays(server, client, caplog) -> None:
    server.reply(page(media(1, comments=1), media(2, comments=1)))
    server.reply(bare(comment(1)))
    server.reply(refusal(190, 463, f"Session of {ACCOUNT_ID} has expired: {TOKEN}"), 400)

    search = client.search(ACCOUNT, START, END)
    with caplog.at_level(logging.DEBUG):
        assert ids([next(search), next(search)]) == ["1001", "1002", "5001"]
        for _ in range(2):
            with pytest.raises(errors.TokenRejected, match="it has expired") as raised:
                next(search)

    assert str(raised.value).startswith("Instagram GET /{ig-media}/comments, page 1: ")
    assert len(server.requests) == 3
    assert not search.exhausted
    assert caplog.text
    for secret in (TOKEN, ACCOUNT_ID, "media 1", "comment 1"):
        assert secret not in str(raised.value) + repr(raised.value) + caplog.text


def test_a_missing_permission_for_comments_is_named(server, client) -> None:
    server.reply(page(media(1, comments=1)))
    server.reply(refusal(200, None, "(#200) Requires instagram_manage_comments permission"), 403)

    search = client.search(ACCOUNT, START, END)
    next(search)

    with pytest.raises(errors.Forbidden, match="the API names instagram_manage_comments"):
        next(search)


def test_usage_headers_slow_the_caller_down(server, client, naps) -> None:
    usage = {"call_count": 90, "total_cputime": 1, "total_time": 2}
    case = {"type": "instagram", **usage, "estimated_time_to_regain_access": 0}
    headers = {"x-business-use-case-usage": json.dumps({"1784": [case]})}
    server.reply(page(media(1, comments=1)), headers=headers)
    server.reply(bare(comment(1)))

    list(client.search(ACCOUNT, START, END))

    assert client.allowance is not None
    assert client.allowance.used_share == 0.9
    assert naps == [pytest.approx(0.15 / 0.25 * 30)]


def test_notices_of_the_version(server) -> None:
    later = datetime(2028, 9, 1, tzinfo=timezone.utc)
    client = InstagramClient(server.url, TOKEN, clock=lambda: later)

    assert client.notices() == [
        "Graph API v26.0 retires on 2028-11-04, in 64 days; read the changelog and set "
        "SENTIMENT_INSTAGRAM_API_VERSION to v27.0"
    ]


def test_simulated_answers_are_marked(server, client) -> None:
    simulated = {"x-simulated": "true"}
    server.reply(page(media(1, comments=1)), headers=simulated)
    server.reply(refusal(100, 33), 400, headers=simulated)

    assert [one.simulated for one in client.search(ACCOUNT, START, END)] == [True, True]


# What connect looks at


def debugged(*scopes: str) -> dict[str, Any]:
    return {"data": {"is_valid": True, "type": "USER", "scopes": list(scopes), "expires_at": 0}}


ALL = ("instagram_basic", "instagram_manage_comments", "pages_read_engagement")


def test_a_connection_is_looked_at_with_a_page_of_each_source(server, client) -> None:
    server.reply(debugged(*ALL))
    server.reply(page(media(1, comments=120), media(2, comments=0), media(3, comments=10)))
    server.reply(bare(comment(1, replies=[comment(2)])))
    server.reply({"data": [{"id": "17843"}]})
    server.reply(page(media(4, NOW), media(5, NOW - timedelta(hours=1)), after="same"))
    server.reply({"data": [{"id": "17843"}, {"id": "17844"}]})

    found = client.inspect([ACCOUNT, HASHTAG])

    assert found.ok
    assert [(one.what, one.said) for one in found.findings[2:5]] == [
        ("account brand", "3 media on the first page, 130 comments on them"),
        ("hashtag launch", "2 media on the first page, about 48 a day"),
        ("hashtags", "28 of 30 left in these 7 days"),
    ]
    assert [one.what for one in found.findings] == [
        "token", "permissions", "account brand", "hashtag launch", "hashtags", "version",
        "allowance",
    ]  # fmt: skip
    account, hashtag = found.costs
    # One page of media, three and one of comments.
    assert (account.source, account.requests_per_search) == ("brand", 5)
    assert account.posts_per_day == pytest.approx(133 / 30)
    assert (hashtag.source, hashtag.requests_per_search) == ("launch", 2)
    assert hashtag.posts_per_day == pytest.approx(48)
    assert [sorted(payload) for payload in found.preview] == [
        ["media", "source"], ["media", "source"], ["media", "source"], ["comment", "media_id"],
        ["media", "source"], ["media", "source"],
    ]  # fmt: skip
    assert "replies" not in found.preview[3]["comment"]
    assert server.paths[-1] == f"/v26.0/{USER_ID}/recently_searched_hashtags"


def test_costs_of_more_than_a_page_are_projected(server, client) -> None:
    day = timedelta(days=1)
    server.reply(debugged(*ALL))
    # 10 days on the first page: three times as many in 30.
    server.reply(page(*(media(n, NOW - n * day, comments=1) for n in range(11)), after="m2"))
    server.reply(bare(comment(1)))

    [cost] = client.inspect([ACCOUNT]).costs

    assert cost.requests_per_search == 34  # 33 media with comments, and their listing
    assert cost.posts_per_day == pytest.approx(2.2)


def test_a_connection_says_what_lacks(server, naps) -> None:
    client = InstagramClient(server.url, TOKEN, clock=lambda: NOW, sleep=naps.append)
    server.reply(debugged("instagram_basic"))
    server.reply(refusal(100, 33), 400)
    server.reply({"data": []})

    found = client.inspect([ACCOUNT, HASHTAG, Tracked("odd", "account", "nimbus")])

    assert not found.ok
    assert {one.what: (one.ok, one.said, one.remedy) for one in found.findings if not one.ok} == {
        "permissions": (
            False,
            "missing: instagram_manage_comments, pages_read_engagement",
            "add them to the app and grant them again",
        ),
        "account brand": (
            False,
            "the object does not exist, or not for this token (code 100, subcode 33)",
            "check the id in tracking.yaml, and that the token belongs to it",
        ),
        "hashtag launch": (
            False,
            "SENTIMENT_INSTAGRAM_USER_ID is not set, and no Page of the token has a professional "
            "account: a hashtag is searched for one",
            "set it to the id of a professional account that the token manages",
        ),
        "account odd": (
            False,
            "an Instagram account is tracked by its id, 3 to 20 digits",
            "correct it in tracking.yaml",
        ),
    }
    assert (found.costs, found.preview) == ([], [])


def test_hashtags_that_are_used_up_are_told_with_what_to_do(server, client) -> None:
    server.reply(debugged(*ALL))
    server.reply({"data": [{"id": "17843"}]})
    server.reply(bare())
    server.reply({"data": [{"id": str(n)} for n in range(30)]})

    found = client.inspect([HASHTAG])

    [left] = [one for one in found.findings if one.what == "hashtags"]
    assert (left.ok, left.said) == (True, "0 of 30 left in these 7 days")
    assert left.remedy == "a new one is refused until another is 7 days old"
    assert found.costs[0].posts_per_day == 0


def test_a_dead_token_is_told_and_nothing_else_hides_it(server, client) -> None:
    server.reply(refusal(190, 460, "changed"), 400)

    found = client.inspect([ACCOUNT, HASHTAG])

    assert not found.ok
    assert "changed the password" in found.findings[0].said
    assert {one.what for one in found.findings if not one.ok} == {
        "token", "account brand", "hashtag launch", "hashtags",
    }  # fmt: skip
