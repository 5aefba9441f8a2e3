"""The client against the simulator, a process of its own: windows, late ones, every fault."""

import base64
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from resources.api_clients import errors
from resources.api_clients.http import ATTEMPTS
from resources.api_clients.instagram import InstagramClient, MediaSearch
from sentiment_assets.core.parsers import Refused
from sentiment_assets.core.parsers.fields import FieldDrift
from sentiment_assets.core.parsers.instagram import FIELDS, parse
from simulator.instagram import ACCOUNTS
from simulator.threads import Entry, Threads

TOKEN = "EAAG-very-secret-token"
# Where the fixture stops the simulator's clock.
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
START, END = NOW - timedelta(hours=6), NOW - timedelta(hours=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Tracked:
    name: str
    kind: str
    value: str


BRAND = Tracked("brand", "account", ACCOUNTS["brand"])
HASHTAG = Tracked("nimbus", "hashtag", "nimbus")
SOURCES = [pytest.param(BRAND, id="account"), pytest.param(HASHTAG, id="hashtag")]


@dataclass
class Instagram:
    """The simulator's control endpoints below Instagram's base."""

    url: str

    def control(self, method: str, what: str, body: Any = None) -> Any:
        url = f"{self.url}/_control/{what}"
        # Without certificates to read: it is asked hundreds of times, in the clear.
        return httpx.request(method, url, json=body, verify=False).raise_for_status()

    def fault(self, name: str, **parameters: object) -> None:
        self.control("POST", "faults", {"fault": name, **parameters})

    def requests(self) -> int:
        return int(self.control("GET", "state").json()["requests"])

    def add(self, text: str, created: datetime, **more: object) -> str:
        made = {"text": text, "created_at": f"{created:%Y-%m-%dT%H:%M:%SZ}", **more}
        return str(self.control("POST", "posts", {"posts": [made]}).json()["ids"][0])

    def travel(self, now: datetime) -> None:
        self.control("POST", "clock", {"now": f"{now:%Y-%m-%dT%H:%M:%SZ}"})


@pytest.fixture
def instagram(simulator_process) -> Iterator[Instagram]:
    one = Instagram(f"{simulator_process.url}/instagram")
    yield one
    one.control("DELETE", "faults")
    one.travel(NOW)


@pytest.fixture
def client(instagram, naps) -> Iterator[InstagramClient]:
    made = make_client(instagram.url, sleep=naps.append)
    yield made
    made.close()


def make_client(url: str, **settings: Any) -> InstagramClient:
    """Comments of one day's media, so that a search is a few requests."""
    given = {
        "comment_days": 1,
        "user_id": ACCOUNTS["brand"],
        "timeout_s": 1,
        "max_wait_s": 120,
        "clock": lambda: NOW,
    }
    return InstagramClient(url, TOKEN, **{**given, **settings})


def ids(records: Any) -> list[str]:
    return [record.get("media", record.get("comment"))["id"] for record in records]


def fetch(client: InstagramClient, source: Tracked = BRAND) -> list[str]:
    search = client.search(source, START, END)
    found = [record for page in search for record in page.records]
    assert search.exhausted
    return ids(found)


@pytest.fixture(scope="module")
def healthy(simulator_process) -> dict[str, list[str]]:
    """Ids of the window by kind of source, as the simulator gives them without a fault."""
    client = make_client(f"{simulator_process.url}/instagram")
    found = {source.kind: fetch(client, source) for source in (BRAND, HASHTAG)}
    assert all(len(one) > 20 for one in found.values())
    return found


@pytest.fixture(scope="module")
def threads() -> Threads:
    """The world that the simulator tells of."""
    return Threads(7, "instagram")


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


# Windows


def test_an_accounts_window_holds_all_that_was_said_in_it(healthy, threads) -> None:
    now, start, end = (milliseconds(moment) for moment in (NOW, START, END))
    posts = list(threads.posts("brand", end, start - 86_400_000, now))
    said: list[Entry] = [*posts, *(one for post in posts for one in threads.stream(post, now))]
    expected = {str(one.number) for one in said if start <= one.created_ms < end}

    assert sorted(healthy["account"]) == sorted(expected)


def test_a_hashtags_window_holds_all_that_was_posted_in_it(healthy, threads) -> None:
    now, start, end = (milliseconds(moment) for moment in (NOW, START, END))
    expected = {str(one.number) for one in threads.tagged("nimbus", end - 1, start, now)}

    assert sorted(healthy["hashtag"]) == sorted(expected)


def test_comments_of_older_media_and_replies_to_older_comments_are_found(client) -> None:
    records = [r for page in client.search(BRAND, START, END) for r in page.records]
    begun = {r["media"]["id"] for r in records if "media" in r}
    said = {r["comment"]["id"] for r in records if "comment" in r}
    comments = [r for r in records if "comment" in r]

    assert any(r["media_id"] not in begun for r in comments)
    assert any(r.get("parent_id", r["comment"]["id"]) not in said for r in comments)
    for record in records:
        raw = record.get("media", record.get("comment"))
        assert f"{START:%Y-%m-%dT%H:%M:%S}" <= raw["timestamp"] < f"{END:%Y-%m-%dT%H:%M:%S}"


@pytest.mark.parametrize("source", SOURCES)
def test_windows_that_touch_share_nothing_and_miss_nothing(client, healthy, source) -> None:
    cuts = [START, START + timedelta(minutes=97, seconds=13), END - timedelta(minutes=55), END]
    parts = [
        ids(r for page in client.search(source, *bounds) for r in page.records)
        for bounds in itertools.pairwise(cuts)
    ]

    assert all(parts)
    assert sorted(one for part in parts for one in part) == sorted(healthy[source.kind])


def test_a_crawl_of_many_days_costs_little_more_than_one_of_an_hour(client, instagram) -> None:
    before = instagram.requests()
    list(client.search(BRAND, NOW - HOUR, NOW))
    hour = instagram.requests() - before
    list(client.search(BRAND, NOW - 2 * DAY, NOW))

    assert instagram.requests() - before - hour < 4 * hour


def test_a_restart_midway_gives_the_same_again(client, healthy) -> None:
    first = client.search(BRAND, START, END)
    kept = ids(next(first).records) + ids(next(first).records)

    assert set(kept) < set(healthy["account"])
    assert fetch(client) == healthy["account"]


def test_the_open_window_ends_shortly_before_now(client) -> None:
    search = client.search(BRAND, NOW - HOUR, NOW + HOUR)
    list(search)

    assert search.end == NOW - timedelta(seconds=15)
    assert search.exhausted


def test_every_record_becomes_a_row_and_no_field_is_news(client) -> None:
    drift = FieldDrift(FIELDS)
    kinds = set()
    for source in (BRAND, HASHTAG):
        for page in client.search(source, START, END):
            assert page.simulated
            assert not page.malformed
            for record in page.records:
                drift.observe(record)
                post = parse(record)
                kinds.add(post.kind)
                assert START <= post.created_at < END
                assert (post.author_id is None) == (source is HASHTAG)
                assert post.text

    assert kinds == {"post", "comment", "reply"}
    assert (dict(drift.unknown), drift.vanished()) == ({}, {})


# Late, edited, deleted


def test_a_late_comment_is_found_when_it_is_there_and_dated_by_its_creation(
    client, instagram
) -> None:
    media = instagram.add("a fresh one", START - HOUR)
    late = instagram.add(
        "at last", START + HOUR, parent=media, visible_at=f"{NOW + HOUR:%Y-%m-%dT%H:%M:%SZ}"
    )

    assert late not in fetch(client)
    instagram.travel(NOW + 2 * HOUR)
    client.clock = lambda: NOW + 2 * HOUR
    assert late in fetch(client)
    instagram.control("DELETE", f"posts/{media}")


def test_an_edited_caption_is_read_as_it_stands_under_its_own_date(client, instagram) -> None:
    media = instagram.add("first words", START + HOUR)
    instagram.control("POST", f"posts/{media}", {"text": "second thoughts"})

    [page] = [
        page
        for page in client.search(BRAND, START + HOUR, START + HOUR + timedelta(seconds=1))
        if media in ids(page.records)
    ]

    [record] = [r for r in page.records if r.get("media", {}).get("id") == media]
    post = parse(record)
    assert (post.text, post.edited) == ("second thoughts", False)
    instagram.control("DELETE", f"posts/{media}")


def test_what_is_deleted_is_gone_and_media_deleted_meanwhile_are_counted(
    client, instagram, healthy
) -> None:
    media = instagram.add("soon gone", START + HOUR)
    said = instagram.add("why?", START + 2 * HOUR, parent=media)
    assert {media, said} <= set(fetch(client))

    search = client.search(BRAND, START, END)
    first = next(search)
    instagram.control("DELETE", f"posts/{media}")
    rest = list(search)

    assert media in ids(first.records)
    assert [error.type for page in rest for error in page.errors] == ["vanished"]
    assert search.exhausted
    assert fetch(client) == healthy["account"]


# Faults that pass: the window comes whole, as if nothing had been.
COMMENTS = {"path": "/comments"}
PASSING = [
    pytest.param("server_error", {"times": 2}, 2, id="overload"),
    pytest.param("bad_gateway_html", {"times": 2}, 2, id="a proxy's HTML"),
    pytest.param("disconnect", {"after": 1}, 1, id="cut connection"),
    pytest.param("truncated_json", {"after": 1, "times": 2}, 2, id="cut JSON"),
    pytest.param("not_json", {"after": 1}, 1, id="HTML with 200"),
    pytest.param("unknown_error", {}, 1, id="unknown error"),
    pytest.param("service_error", {"after": 1}, 1, id="service unavailable"),
    pytest.param("rate_limit", {"after": 1, "minutes": 1}, 1, id="rate limit"),
    pytest.param("usage", {"percent": 70, "times": -1}, 0, id="a busy app"),
    pytest.param("unknown_field", {"times": -1}, 0, id="a new field"),
    pytest.param("newer_version", {"times": -1}, 0, id="another version"),
    pytest.param("empty_page", {"times": 2}, 0, id="empty first pages"),
    pytest.param("empty_page", {"after": 1}, 0, id="empty second page"),
    pytest.param("short_page", {"times": -1}, 0, id="short pages"),
    pytest.param("reduce_data", {"times": -1, "above": 13}, 0, id="less data"),
]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("fault", "parameters", "waits"), PASSING)
def test_faults_that_pass_cost_nothing(
    client, instagram, naps, healthy, source, fault, parameters, waits
) -> None:
    instagram.fault(fault, **parameters)

    assert sorted(fetch(client, source)) == sorted(healthy[source.kind])
    assert len(naps) == waits


@pytest.mark.parametrize(
    ("fault", "seconds", "waits"),
    [pytest.param("timeout", 3, 1, id="silence"), pytest.param("slow", 1.2, 0, id="but steady")],
)
def test_slowness_costs_nothing(client, instagram, naps, healthy, fault, seconds, waits) -> None:
    instagram.fault(fault, seconds=seconds)

    assert fetch(client) == healthy["account"]
    assert len(naps) == waits


@pytest.mark.parametrize("fault", ["server_error", "truncated_json", "empty_page", "short_page"])
def test_faults_that_pass_among_comments_cost_nothing(client, instagram, healthy, fault) -> None:
    instagram.fault(fault, path="/comments", times=2)
    instagram.fault(fault, path="/replies", times=2)

    assert sorted(fetch(client)) == sorted(healthy["account"])


def test_a_page_that_lost_its_paging_is_asked_for_again(client, instagram, healthy) -> None:
    instagram.fault("missing_paging", path="/media")

    assert fetch(client) == healthy["account"]


def test_a_full_allowance_is_waited_for(client, instagram, naps, healthy) -> None:
    instagram.fault("usage", percent=100, minutes=1)

    assert fetch(client) == healthy["account"]
    assert [59 <= nap <= 63 for nap in naps] == [True]


# Faults that stay: (fault, error, what its message tells, retryable, requests made).
STAYING = [
    pytest.param("dead_token", errors.TokenRejected, "it has expired", False, 1, id="dead token"),
    pytest.param(
        "forbidden", errors.Forbidden, "names instagram_manage_comments", False, 1, id="permission"
    ),
    pytest.param("permission", errors.Forbidden, "code 200", False, 1, id="another permission"),
    pytest.param("blocked", errors.Forbidden, "blocked the app", False, 1, id="blocked"),
    pytest.param("rate_limit", errors.RateLimited, "no more requests until", True, 1, id="limit"),
    pytest.param("graph_error", errors.BadRequest, "Invalid parameter", False, 1, id="parameter"),
    pytest.param("vanished", errors.BadRequest, "does not exist", False, 1, id="vanished"),
    pytest.param("server_error", errors.TransientApiError, "HTTP 503", True, ATTEMPTS, id="503"),
    pytest.param("service_error", errors.TransientApiError, "code 2", True, ATTEMPTS, id="code 2"),
    pytest.param("disconnect", errors.TransientApiError, "broke off", True, ATTEMPTS, id="cut"),
    pytest.param(
        "not_json", errors.UnexpectedResponse, "begins with '<'", False, ATTEMPTS, id="HTML"
    ),
    pytest.param(
        "truncated_json", errors.UnexpectedResponse, "begins with '{'", False, ATTEMPTS, id="JSON"
    ),
]


@pytest.mark.parametrize(("fault", "kind", "message", "retryable", "requests"), STAYING)
def test_faults_that_stay_stop_the_search_with_what_to_do(
    client, instagram, caplog, fault, kind, message, retryable, requests
) -> None:
    instagram.fault(fault, times=-1, minutes=600)
    before = instagram.requests()

    search = client.search(BRAND, START, END)
    with caplog.at_level("DEBUG"), pytest.raises(kind, match=message) as raised:
        list(search)

    assert str(raised.value).startswith("Instagram GET /{ig-user}/media, page 1: ")
    assert raised.value.retryable is retryable
    assert instagram.requests() - before == requests
    assert not search.exhausted
    for secret in (TOKEN, ACCOUNTS["brand"]):
        assert secret not in caplog.text + str(raised.value) + repr(raised.value)


@pytest.mark.parametrize("fault", ["dead_token", "server_error", "truncated_json", "rate_limit"])
def test_a_stop_among_comments_keeps_what_came_before(client, instagram, healthy, fault) -> None:
    instagram.fault(fault, path="/comments", after=1, times=-1, minutes=600)

    search = client.search(BRAND, START, END)
    kept = ids(next(search).records) + ids(next(search).records)

    assert kept == healthy["account"][: len(kept)]
    with pytest.raises(errors.ApiError, match=r"\{ig-media\}/comments"):
        list(search)
    assert not search.exhausted


def test_comments_of_media_that_are_all_gone_are_counted(client, instagram) -> None:
    instagram.fault("vanished", path="/comments", times=-1)

    search = client.search(BRAND, START, END)
    pages = list(search)

    assert search.exhausted
    assert sum(error.count for page in pages for error in page.errors) == len(pages) - 1 > 3


@pytest.mark.parametrize("source", SOURCES)
def test_a_listing_that_stands_still_stops(client, instagram, source) -> None:
    instagram.fault("repeated_cursor", path="media", times=-1)

    search = client.search(source, START, END)

    with pytest.raises(errors.UnexpectedResponse, match="repeats a cursor and nothing new"):
        list(search)
    assert not search.exhausted
    assert search.pages < 200


def test_media_that_never_say_whether_more_follow_are_kept(client, instagram) -> None:
    instagram.fault("missing_paging", path="/media", times=-1)

    search = client.search(BRAND, START, END)
    kept = next(search)

    assert all("media" in record for record in kept.records)
    with pytest.raises(errors.UnexpectedResponse, match="does not say whether pages follow"):
        list(search)


def test_a_silent_api_is_given_up_after_the_timeout_each_time(instagram, naps) -> None:
    instagram.fault("timeout", times=-1, seconds=20)
    client = make_client(instagram.url, timeout_s=0.1, max_wait_s=1, sleep=naps.append)

    started = time.monotonic()
    with pytest.raises(errors.TransientApiError, match=r"no answer within 0\.1 s"):
        list(client.search(BRAND, START, END))
    assert time.monotonic() - started < 10


# Odd objects


def first_page(client: InstagramClient, source: Tracked = BRAND) -> tuple[Any, MediaSearch]:
    search = client.search(source, NOW - DAY + HOUR, NOW)
    return next(search), search


@pytest.mark.parametrize("source", SOURCES)
def test_media_of_wrong_types_are_the_parsers_case(client, instagram, source) -> None:
    instagram.fault("wrong_types", path="media")

    page, _ = first_page(client, source)

    raws = [record["media"] for record in page.records]
    assert (raws[0]["caption"], raws[1]["timestamp"], raws[2]["id"]) == (123, "yesterday", 17)
    for record in page.records[:3]:
        with pytest.raises(Refused):
            parse(record)
    assert parse(page.records[3])


def test_comments_with_less_are_the_parsers_case(client, instagram) -> None:
    instagram.fault("missing_fields", path="/comments")

    search = client.search(BRAND, NOW - DAY, NOW)
    records = [r["comment"] for page in search for r in page.records if "comment" in r]

    # No caption stands in a comment; time and id do.
    assert [("timestamp" in r, "id" in r) for r in records if len(set(r) & {"timestamp", "id"}) < 2]
    assert search.exhausted


def test_entries_that_are_no_objects_cost_only_themselves(client, instagram, healthy) -> None:
    instagram.fault("no_objects", path="/comments")

    search = client.search(BRAND, START, END)
    pages = list(search)

    assert [m.raw for page in pages for m in page.malformed] == [None, "gone", 7]
    assert set(ids(r for page in pages for r in page.records)) <= set(healthy["account"])
    assert search.exhausted


def test_broken_bytes_cost_one_record_which_is_kept_by_its_bytes(
    client, instagram, healthy
) -> None:
    # Of every page of comments the first; those from outside the window are nobody's loss.
    instagram.fault("bad_encoding", path="/comments", times=-1)

    search = client.search(BRAND, START, END)
    pages = list(search)
    broken = [m for page in pages for m in page.malformed]

    assert broken
    assert {m.reason for m in broken} == {"the comment is not valid UTF-8"}
    assert all(b"caf\xe9 \xff\xfe " in base64.b64decode(m.raw["base64"]) for m in broken)
    assert max(len(page.malformed) for page in pages) == 1
    assert len(ids(r for page in pages for r in page.records)) + len(broken) == len(
        healthy["account"]
    )
    assert search.exhausted


def test_withheld_authors_leave_rows_without_one(client, instagram, healthy) -> None:
    instagram.fault("no_from", times=-1)

    search = client.search(BRAND, START, END)
    records = [r for page in search for r in page.records]

    assert ids(records) == healthy["account"]
    said = [parse(r) for r in records if "comment" in r]
    assert {post.author_id for post in said} == {None}
    drift = FieldDrift(FIELDS)
    for record in records:
        drift.observe(record)
    assert drift.vanished() == {}


@pytest.mark.parametrize(
    ("fault", "unknown", "vanished"),
    [
        pytest.param("unknown_field", {"media.mood_ring", "comment.mood_ring"}, set(), id="new"),
        pytest.param("vanished_field", set(), {"media.comments_count"}, id="gone"),
    ],
)
def test_drift_is_seen_field_by_field(client, instagram, fault, unknown, vanished) -> None:
    instagram.fault(fault, times=-1)
    drift = FieldDrift(FIELDS)

    for page in client.search(BRAND, NOW - 3 * DAY, NOW):
        for record in page.records:
            drift.observe(record)

    assert set(drift.unknown) == unknown
    assert set(drift.vanished()) == vanished


# Hashtags, limits, connect


def test_an_unknown_hashtag_and_the_31st(instagram, naps) -> None:
    client = make_client(instagram.url, user_id=ACCOUNTS["rival"], sleep=naps.append)
    tags = [f"tag{number}" for number in range(31)]
    media = instagram.add(" ".join(f"#{tag}" for tag in tags), NOW - HOUR, account=None)

    with pytest.raises(errors.BadRequest, match="nobody has used this hashtag"):
        list(client.search(Tracked("t", "hashtag", "nobodyusesthis"), START, END))
    for tag in tags[:30]:
        assert media in ids(
            r
            for page in client.search(Tracked(tag, "hashtag", tag), NOW - 2 * HOUR, NOW)
            for r in page.records
        )
    with pytest.raises(errors.UsageCapExceeded, match="track fewer hashtags"):
        list(client.search(Tracked("t", "hashtag", tags[30]), START, END))

    [left] = [f for f in client.inspect([Tracked("t", "hashtag", tags[0])]).findings
              if f.what == "hashtags"]  # fmt: skip
    assert left.said == "0 of 30 left in these 7 days"
    # A week later all are free again: for other tests, too.
    instagram.control("DELETE", f"posts/{media}")
    instagram.travel(NOW + 8 * DAY)
    client.clock = lambda: NOW + 8 * DAY
    [left] = [f for f in client.inspect([HASHTAG]).findings if f.what == "hashtags"]
    assert left.said == "29 of 30 left in these 7 days"


def test_a_hashtags_stretch_is_cut_at_its_24_hours(client) -> None:
    search = client.search(HASHTAG, NOW - 7 * DAY, NOW)
    records = [r for page in search for r in page.records]

    assert search.start == NOW - DAY + timedelta(seconds=60)
    assert search.exhausted
    assert len(records) > 200
    assert min(r["media"]["timestamp"] for r in records) < f"{NOW - 23 * HOUR:%Y-%m-%dT%H:%M}"


def test_a_healthy_connection(client, instagram) -> None:
    found = client.inspect([BRAND, HASHTAG])

    assert found.ok
    assert [one.what for one in found.findings] == [
        "token", "access to data", "permissions", "account brand", "hashtag nimbus", "hashtags",
        "version", "allowance",
    ]  # fmt: skip
    assert {parse(payload).kind for payload in found.preview} == {"post", "comment"}
    account, hashtag = found.costs
    before = instagram.requests()
    list(client.search(BRAND, NOW - HOUR, NOW))
    assert account.requests_per_search == pytest.approx(instagram.requests() - before, rel=0.4)
    assert 300 < hashtag.posts_per_day < 900


def test_a_connection_without_the_permission_for_comments(client, instagram) -> None:
    instagram.fault("few_scopes", scopes=["instagram_manage_comments"])
    instagram.fault("permission", path="/comments", times=-1)

    found = client.inspect([BRAND])

    bad = {one.what: one.said for one in found.findings if not one.ok}
    assert bad["permissions"] == "missing: instagram_manage_comments"
    assert "instagram_manage_comments" in bad["account brand"]


def test_another_version_is_noticed(client, instagram) -> None:
    instagram.fault("newer_version", version="v27.0", times=-1)
    list(client.search(BRAND, START, END))

    [notice] = client.notices()
    assert "answered as v27.0 where v26.0 was asked for" in notice
