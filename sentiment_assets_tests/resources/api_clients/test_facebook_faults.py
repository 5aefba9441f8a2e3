"""Facebook's client against the simulator, a process of its own, with each of its faults."""

import itertools
import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from resources.api_clients import errors
from resources.api_clients.facebook import FacebookClient
from resources.api_clients.http import ATTEMPTS
from sentiment_assets.core.parsers import facebook as parser
from sentiment_assets.core.parsers.fields import FieldDrift
from sentiment_assets_tests.resources.api_clients.conftest import NOW as FIXED_NOW
from sentiment_assets_tests.resources.api_clients.conftest import ROOT, Simulator

TOKEN = "EAAG-very-secret-token"
# Where the fixture stops the simulator's clock.
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
START, END = NOW - timedelta(hours=12), NOW - timedelta(hours=2)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Tracked:
    name: str = "nimbus"
    kind: str = "page"
    value: str = "104857600001001"


NIMBUS = Tracked()


def make_client(base_url: str, naps: list[float], **settings: Any) -> FacebookClient:
    return FacebookClient(
        base_url,
        TOKEN,
        **{
            "timeout_s": 10,
            "max_wait_s": 400,
            "comment_days": 5,
            "sleep": naps.append,
            "clock": lambda: NOW,
        }
        | settings,
    )


@pytest.fixture
def facebook(simulator_process: Simulator) -> Iterator[Simulator]:
    site = Simulator(f"{simulator_process.url}/facebook")
    site.heal()
    yield site
    site.heal()


@pytest.fixture
def client(facebook, naps) -> Iterator[FacebookClient]:
    made = make_client(facebook.url, naps)
    yield made
    made.close()


def ids(pages: Any) -> list[str]:
    return [
        (record.get("post") or record["comment"])["id"] for page in pages for record in page.records
    ]


@pytest.fixture(scope="module")
def healthy(simulator_process) -> list[str]:
    """Ids of the stretch as the simulator gives them without a fault."""
    client = make_client(f"{simulator_process.url}/facebook", [])
    found = ids(client.search(NIMBUS, START, END))
    assert len(found) > 40
    assert len(found) == len(set(found))
    client.close()
    return found


def collect(search: Any, found: list[str]) -> None:
    for page in search:
        found += ids([page])


def fetch(client: FacebookClient) -> list[str]:
    search = client.search(NIMBUS, START, END)
    found = ids(search)
    assert search.exhausted
    return found


# A healthy day


def test_posts_and_comments_come_whole_and_inside_their_bounds(client, healthy) -> None:
    search = client.search(NIMBUS, START, END)
    pages = list(search)

    assert [page.number for page in pages] == list(range(1, search.pages + 1))
    assert all(page.simulated and not page.malformed and not page.errors for page in pages)
    rows = [parser.parse(record) for page in pages for record in page.records]
    assert {row.kind for row in rows} == {"post", "comment", "reply"}
    assert all(START <= row.created_at < END for row in rows)
    assert all(row.author_id and row.known_names and row.conversation_id for row in rows)
    # Most comments of a day stand under older posts.
    posts = {row.post_id for row in rows if row.kind == "post"}
    under_older = [row for row in rows if row.conversation_id not in posts]
    assert len(under_older) > 10
    assert {row.kind for row in under_older} == {"comment", "reply"}
    assert any(row.mention_count for row in rows)
    assert any(row.link_domains for row in rows)


def test_nothing_is_unknown_and_nothing_vanished(client) -> None:
    drift = FieldDrift(parser.FIELDS)

    for page in client.search(NIMBUS, NOW - 3 * DAY, NOW):
        for record in page.records:
            drift.observe(record)

    assert (dict(drift.unknown), drift.vanished()) == ({}, {})


def test_stretches_that_touch_share_nothing_and_miss_nothing(client, healthy) -> None:
    cuts = [START, START + timedelta(hours=7, minutes=31, seconds=17), END]
    parts = [ids(client.search(NIMBUS, a, b)) for a, b in itertools.pairwise(cuts)]

    assert not set(parts[0]) & set(parts[1])
    assert sorted(parts[0] + parts[1]) == sorted(healthy)


def test_a_stretch_at_another_zone_is_the_same(client, healthy) -> None:
    zone = timezone(timedelta(hours=-7))

    assert ids(client.search(NIMBUS, START.astimezone(zone), END.astimezone(zone))) == healthy


def test_edges_at_the_second(client) -> None:
    whole = [
        parser.parse(record)
        for page in client.search(NIMBUS, START, END)
        for record in page.records
    ]
    one = min(whole, key=lambda row: row.created_at)

    at = ids(client.search(NIMBUS, one.created_at, one.created_at + SECOND))
    after = ids(client.search(NIMBUS, one.created_at + SECOND, END))

    assert one.post_id in at
    assert sorted(at + after) == sorted(row.post_id for row in whole)


def test_the_other_page_has_other_posts(client, healthy) -> None:
    rival = ids(client.search(Tracked("rival", "page", "104857600002002"), START, END))

    assert rival
    assert not set(rival) & set(healthy)


def test_comment_days_bound_the_posts_that_are_looked_at(facebook, naps, healthy) -> None:
    few = make_client(facebook.url, naps, comment_days=0)
    before = facebook.requests()

    found = fetch(few)
    cheap = facebook.requests() - before

    assert set(found) < set(healthy)
    fetch(make_client(facebook.url, naps))
    assert cheap < facebook.requests() - before - cheap


# Faults that pass: the stretch comes whole, as if nothing had been. `after` 1: past the feed.
PASSING = [
    pytest.param("server_error", {"times": 2}, 2, id="overload"),
    pytest.param("bad_gateway_html", {"times": 2}, 2, id="a proxy's HTML"),
    pytest.param("disconnect", {"after": 3}, 1, id="cut connection"),
    pytest.param("truncated_json", {"after": 1, "times": 2}, 2, id="cut JSON"),
    pytest.param("not_json", {"after": 1}, 1, id="HTML with 200"),
    pytest.param("rate_limit", {"after": 1, "minutes": 3}, 1, id="rate limit"),
    pytest.param("unknown_error", {"times": 2}, 2, id="code 1"),
    pytest.param("service_error", {"after": 4}, 1, id="code 2"),
    pytest.param("missing_paging", {}, 1, id="no paging once"),
    pytest.param("missing_paging", {"after": 5}, 1, id="no paging once, of comments"),
    pytest.param("reduce_data", {"times": -1, "above": 12}, 0, id="less data from now on"),
    pytest.param("reduce_data", {"times": 3, "above": 1}, 0, id="less data for a while"),
    pytest.param("short_page", {"times": -1}, 0, id="short pages"),
    pytest.param("empty_page", {}, 0, id="an empty first page"),
    pytest.param("empty_page", {"after": 2, "times": 2}, 0, id="empty pages of comments"),
    pytest.param("fixed_order", {"times": -1}, 0, id="comments in another order"),
    pytest.param("unknown_field", {"times": -1}, 0, id="a field that nobody knows"),
    pytest.param("newer_version", {"times": -1}, 0, id="another version"),
]


@pytest.mark.parametrize(("fault", "parameters", "waits"), PASSING)
def test_faults_that_pass_cost_no_record(
    client, facebook, naps, healthy, fault, parameters, waits
) -> None:
    facebook.fault(fault, **parameters)

    assert sorted(set(fetch(client))) == sorted(healthy)
    assert len(naps) == waits


@pytest.mark.parametrize(
    ("fault", "seconds", "waits"),
    [pytest.param("timeout", 0.8, 1, id="silence"), pytest.param("slow", 0.7, 0, id="steady")],
)
def test_silence_is_not_the_same_as_slowness(facebook, naps, healthy, fault, seconds, waits):
    facebook.fault(fault, seconds=seconds)

    assert fetch(make_client(facebook.url, naps, timeout_s=0.6)) == healthy
    assert len(naps) == waits


def test_a_rate_limit_is_waited_for_as_long_as_the_header_says(
    client, facebook, naps, healthy
) -> None:
    facebook.fault("rate_limit", minutes=3)

    assert fetch(client) == healthy
    assert 178 <= naps[0] <= 183


def test_limits_that_are_near_slow_the_caller_down(client, facebook, naps, healthy) -> None:
    facebook.fault("usage", percent=90, times=2)

    assert fetch(client) == healthy
    assert naps == [pytest.approx(18.0)] * 2


# Faults that stay: (fault, parameters, error, what its message tells, retryable, requests made).
STAYING = [
    pytest.param("dead_token", {}, errors.TokenRejected, "expired; make a new", False, 1, id="190"),
    pytest.param(
        "dead_token", {"subcode": 460}, errors.TokenRejected, "password", False, 1, id="password"
    ),
    pytest.param(
        "forbidden",
        {},
        errors.Forbidden,
        "names pages_read_engagement, Page Public Content Access",
        False,
        1,
        id="10",
    ),
    pytest.param(
        "permission", {}, errors.Forbidden, "names pages_read_engagement", False, 1, id="200"
    ),
    pytest.param("blocked", {}, errors.Forbidden, "blocked", False, 1, id="368"),
    pytest.param("vanished", {}, errors.BadRequest, "check the id", False, 1, id="100/33"),
    pytest.param(
        "graph_error", {"code": 100}, errors.BadRequest, "Invalid parameter", False, 1, id="100"
    ),
    pytest.param(
        "graph_error", {"code": 9007}, errors.UnexpectedResponse, "9007", False, 1, id="a new code"
    ),
    *(
        pytest.param(
            "rate_limit",
            {"code": code, "minutes": 50},
            errors.RateLimited,
            "no more requests until",
            True,
            1,
            id=f"{code}",
        )
        for code in (4, 17, 32, 613, 80001)
    ),
    pytest.param(
        "unknown_error", {}, errors.TransientApiError, "code 1", True, ATTEMPTS, id="code 1"
    ),
    pytest.param(
        "service_error", {}, errors.TransientApiError, "code 2", True, ATTEMPTS, id="code 2"
    ),
    pytest.param("server_error", {}, errors.TransientApiError, "503", True, ATTEMPTS, id="503"),
    pytest.param("bad_gateway_html", {}, errors.TransientApiError, "502", True, ATTEMPTS, id="502"),
    pytest.param("disconnect", {}, errors.TransientApiError, "broke off", True, ATTEMPTS, id="cut"),
    pytest.param("reduce_data", {"above": 0}, errors.TransientApiError, "one object", True, 7,
                 id="ever less data"),
    pytest.param("not_json", {}, errors.UnexpectedResponse, "text/html", False, ATTEMPTS,
                 id="HTML"),
    pytest.param("truncated_json", {}, errors.UnexpectedResponse, r"begins with '{'", False,
                 ATTEMPTS, id="cut JSON"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "parameters", "kind", "message", "retryable", "requests"), STAYING
)
def test_faults_that_stay_stop_the_search_with_what_to_do(
    client, facebook, caplog, fault, parameters, kind, message, retryable, requests
) -> None:
    facebook.fault(fault, times=-1, **parameters)
    before = facebook.requests()

    search = client.search(NIMBUS, START, END)
    with caplog.at_level(logging.DEBUG), pytest.raises(kind, match=message) as raised:
        list(search)

    assert str(raised.value).startswith("Facebook GET /{page}/feed, page 1: ")
    assert raised.value.retryable is retryable
    assert facebook.requests() - before == requests
    assert not search.exhausted
    assert TOKEN not in caplog.text + str(raised.value) + repr(raised.value)


@pytest.mark.parametrize("fault", ["dead_token", "forbidden", "service_error", "truncated_json"])
def test_a_stop_among_the_comments_keeps_what_was_read(client, facebook, healthy, fault) -> None:
    facebook.fault(fault, times=-1, path="/comments", after=2)

    search = client.search(NIMBUS, START, END)
    found: list[str] = []
    with pytest.raises(errors.ApiError, match=r"/\{post\}/comments, page"):
        collect(search, found)

    assert found == healthy[: len(found)]
    assert 0 < len(found) < len(healthy)
    assert not search.exhausted
    # Begun again, it comes whole.
    facebook.heal()
    assert fetch(client) == healthy


@pytest.mark.parametrize("path", ["/feed", "/comments"])
def test_a_cursor_that_goes_round_stops(facebook, path) -> None:
    facebook.fault("repeated_cursor", times=-1, path=path)

    search = make_client(facebook.url, [], comment_days=30).search(NIMBUS, NOW - 3 * DAY, NOW)

    with pytest.raises(errors.UnexpectedResponse, match="repeats a cursor"):
        list(search)
    assert not search.exhausted


def test_empty_pages_for_ever_stop(client, facebook) -> None:
    facebook.fault("empty_page", times=-1)

    with pytest.raises(errors.UnexpectedResponse, match="repeats a cursor"):
        list(client.search(NIMBUS, START, END))


@pytest.mark.parametrize("path", ["/feed", "/comments"])
def test_no_paging_for_good_keeps_the_page(facebook, healthy, path) -> None:
    facebook.fault("missing_paging", times=-1, path=path)
    client = make_client(facebook.url, [], comment_days=30)

    search = client.search(NIMBUS, START, END)
    found: list[str] = []

    with pytest.raises(errors.UnexpectedResponse, match="some may be missing"):
        collect(search, found)
    assert found
    assert found == healthy[: len(found)]
    assert not search.exhausted


def test_no_paging_costs_nothing_where_the_rest_is_too_old(client, facebook, healthy) -> None:
    facebook.fault("missing_paging", times=-1, path="/feed")

    assert fetch(client) == healthy


def test_a_post_that_vanishes_costs_its_comments_alone(client, facebook, healthy) -> None:
    facebook.fault("vanished", path="/comments", after=1)

    search = client.search(NIMBUS, START, END)
    pages = list(search)

    assert search.exhausted
    assert [error.title for page in pages for error in page.errors] == [
        "a post vanished before its comments were read"
    ]
    found = ids(pages)
    assert set(found) < set(healthy)
    lost = set(healthy) - set(found)
    assert len({one.split("_")[0] for one in lost}) == 1


def test_drafts_are_left_out_with_their_comments(client, facebook, healthy) -> None:
    facebook.fault("unpublished", posts=100, times=-1)

    assert fetch(client) == []


@pytest.mark.parametrize("fault", ["wrong_types", "missing_fields", "no_objects"])
def test_odd_objects_are_dead_letters_and_cost_no_other(client, facebook, fault) -> None:
    """What can't be dated is yielded; a text of a wrong type is the parser's case."""
    facebook.fault(fault)
    pages = list(client.search(NIMBUS, NOW - DAY, NOW))

    odd = pages[0]
    refused = []
    for record in odd.records:
        try:
            parser.parse(record)
        except parser.Refused as error:
            refused.append(error.code)
    if fault == "no_objects":
        assert [one.reason for one in odd.malformed] == [
            "the entry is null, not a post",
            "the entry is a string, not a post",
            "the entry is a number, not a post",
        ]
    elif fault == "wrong_types":
        assert refused == ["malformed_record"] * 3
    else:
        # Without a message it is a post without words.
        assert refused == ["no_creation_time", "malformed_record"]
    assert all(not page.malformed for page in pages[1:])
    assert any("comment" in record for page in pages for record in page.records)


def test_broken_bytes_cost_one_record(client, facebook) -> None:
    whole = ids(client.search(NIMBUS, START, NOW))
    facebook.fault("bad_encoding", path="/comments")

    search = client.search(NIMBUS, START, NOW)
    pages = list(search)

    [broken] = [one for page in pages for one in page.malformed]
    assert broken.reason == "the comment is not valid UTF-8"
    assert set(broken.raw) == {"base64"}
    left = ids(pages)
    assert len(left) == len(whole) - 1
    assert set(left) < set(whole)
    assert search.exhausted


def test_withheld_ids_and_authors_leave_the_same_comments(client, facebook, healthy) -> None:
    told = {
        row.text: row
        for page in client.search(NIMBUS, START, END)
        for row in map(parser.parse, page.records)
    }
    facebook.fault("withheld", times=-1)
    records = [record for page in client.search(NIMBUS, START, END) for record in page.records]
    again = [record for page in client.search(NIMBUS, START, END) for record in page.records]

    rows = [parser.parse(record) for record in records]
    assert len(rows) == len(healthy)
    assert [row.text for row in rows if row.kind == "comment"]
    said = [row for row in rows if row.kind != "post"]
    assert all(row.author_id is None and len(row.post_id) == 64 for row in said)
    assert len({row.post_id for row in said}) == len(said)
    assert [row.post_id for row in rows] == [parser.parse(record).post_id for record in again]
    assert all(told[row.text].conversation_id == row.conversation_id for row in said)
    drift = FieldDrift(parser.FIELDS)
    for record in records:
        drift.observe(record)
    assert (dict(drift.unknown), drift.vanished()) == ({}, {})


def test_drift_is_told_by_its_names(client, facebook) -> None:
    facebook.fault("unknown_field", times=-1)
    facebook.fault("vanished_field", times=-1, field="like_count")
    drift = FieldDrift(parser.FIELDS)

    records = [record for page in client.search(NIMBUS, START, END) for record in page.records]
    for record in records:
        drift.observe(record)

    comments = sum("comment" in record for record in records)
    assert drift.unknown == {
        "post.mood_ring": len(records) - comments, "comment.mood_ring": comments,
    }  # fmt: skip
    assert drift.vanished() == {"comment.like_count": comments}
    assert len([parser.parse(record) for record in records]) == len(records)


def test_another_version_is_noticed(client, facebook) -> None:
    assert client.notices() == []
    facebook.fault("newer_version")

    next(client.search(NIMBUS, START, END))

    [notice] = client.notices()
    assert "answered as v27.0 where v26.0 was asked" in notice


def test_a_version_that_is_gone_is_answered_by_the_oldest_that_is_left(facebook, naps) -> None:
    client = make_client(facebook.url, naps, api_version="v20.0")

    assert fetch(client)

    notices = client.notices()
    assert [text.split(";")[0] for text in notices] == [
        "Graph API v20.0 was retired on 2026-09-24",
        "Graph answered as v21.0 where v20.0 was asked for, which it does for versions that are "
        "gone: fields may mean something else",
    ]


def test_a_silent_api_is_given_up_after_the_timeout_each_time(facebook) -> None:
    facebook.fault("timeout", times=-1, seconds=20)
    client = make_client(facebook.url, [], timeout_s=0.1, max_wait_s=1)

    started = time.monotonic()
    with pytest.raises(errors.TransientApiError, match=r"no answer within 0\.1 s"):
        list(client.search(NIMBUS, START, END))
    assert time.monotonic() - started < 10


# Looking at one's access


def test_a_look_at_the_access(client, facebook) -> None:
    before = facebook.requests()

    looked = client.inspect([NIMBUS])

    assert looked.ok
    assert facebook.requests() - before == 3
    assert {one.what for one in looked.findings} == {
        "token", "access to data", "permissions", "page nimbus", "version", "allowance",
    }  # fmt: skip
    [cost] = looked.costs
    assert cost.posts_per_day > 100
    search = client.search(NIMBUS, NOW - 2 * HOUR, NOW)
    list(search)
    assert search.pages <= cost.requests_per_search
    assert [parser.parse(record).kind for record in looked.preview[:2]] == ["post", "post"]
    assert any("comment" in record for record in looked.preview)


def test_missing_permissions_and_a_dead_token_are_told(client, facebook) -> None:
    facebook.fault("few_scopes", scopes=["pages_read_user_content"])
    facebook.fault("forbidden", path="/feed", times=-1)

    looked = client.inspect([NIMBUS])

    assert not looked.ok
    told = {one.what: one for one in looked.findings}
    assert told["permissions"].said == "missing: pages_read_user_content"
    assert "Page Public Content Access" in told["page nimbus"].said

    facebook.fault("dead_token", times=-1)
    told = {one.what: one for one in client.inspect([NIMBUS]).findings}
    assert (told["token"].ok, "expired" in told["token"].said) == (False, True)


# What happens to posts and comments while time passes: a world of its own


@dataclass
class Living:
    """A simulator whose clock and posts this module may change."""

    site: Simulator
    now: datetime = NOW

    def at(self, moment: datetime) -> None:
        self.now = moment
        self.site.control("POST", "clock", {"now": moment.isoformat()})

    def add(self, **raw: Any) -> str:
        times = {
            name: value.isoformat() for name, value in raw.items() if isinstance(value, datetime)
        }
        made: str = self.site.control("POST", "posts", {"posts": [raw | times]})["ids"][0]
        return made

    def edit(self, spelled: str, text: str) -> None:
        self.site.control("POST", f"posts/{spelled}", {"text": text})

    def delete(self, spelled: str) -> None:
        self.site.control("DELETE", f"posts/{spelled}")

    def client(self) -> FacebookClient:
        return make_client(self.site.url, [], clock=lambda: self.now, comment_days=2)

    def read(self, start: datetime, end: datetime) -> dict[str, Any]:
        client = self.client()
        search = client.search(NIMBUS, start, end)
        records = [record for page in search for record in page.records]
        assert search.exhausted
        client.close()
        return {row.post_id: row for row in map(parser.parse, records)}


@pytest.fixture
def living(simulator_process: Simulator) -> Iterator[Living]:
    world = Living(Simulator(f"{simulator_process.url}/facebook"))
    yield world
    world.at(NOW)


# Before the story's posts that the other tests look at, and after its oldest comments on them.
QUIET = NOW - timedelta(days=60)


def test_comments_of_older_posts_are_dated_by_themselves(living) -> None:
    post = living.add(text="an old post", created_at=QUIET - 2 * DAY + HOUR)
    comment = living.add(text="late to the party", parent=post, created_at=QUIET)
    reply = living.add(text="welcome", parent=comment, created_at=QUIET + HOUR)
    try:
        rows = living.read(QUIET, QUIET + 2 * HOUR)
        before = living.read(QUIET - 2 * HOUR, QUIET)
    finally:
        for one in (reply, comment, post):
            living.delete(one)

    assert post not in rows
    assert (rows[comment].kind, rows[comment].created_at) == ("comment", QUIET)
    assert (rows[reply].kind, rows[reply].created_at) == ("reply", QUIET + HOUR)
    assert rows[reply].conversation_id == rows[comment].conversation_id == post
    assert comment not in before


def test_comments_on_posts_older_than_comment_days_are_not_sought(living) -> None:
    post = living.add(text="ancient", created_at=QUIET - 2 * DAY - MINUTE)
    comment = living.add(text="archaeology", parent=post, created_at=QUIET)
    try:
        assert comment not in living.read(QUIET, QUIET + HOUR)
    finally:
        living.delete(comment)
        living.delete(post)


def test_what_becomes_visible_later_is_found_when_the_stretch_is_read_again(living) -> None:
    post = living.add(text="a post", created_at=QUIET)
    late = living.add(
        text="held back", parent=post, created_at=QUIET + MINUTE, visible_at=QUIET + 5 * HOUR
    )
    try:
        living.at(QUIET + 2 * HOUR)
        first = living.read(QUIET, QUIET + 2 * HOUR)
        living.at(QUIET + 6 * HOUR)
        again = living.read(QUIET, QUIET + 2 * HOUR)
    finally:
        living.delete(late)
        living.delete(post)

    assert post in first
    assert late not in first
    assert again[late].created_at == QUIET + MINUTE


def test_an_edit_is_the_same_record_with_another_text(living) -> None:
    living.at(QUIET + 3 * HOUR)
    post = living.add(text="teh post", created_at=QUIET)
    comment = living.add(text="teh comment", parent=post, created_at=QUIET + MINUTE)
    try:
        before = living.read(QUIET, QUIET + HOUR)
        living.edit(post, "the post")
        living.edit(comment, "the comment")
        after = living.read(QUIET, QUIET + HOUR)
    finally:
        living.delete(comment)
        living.delete(post)

    assert (before[post].text, after[post].text) == ("teh post", "the post")
    assert (before[comment].text, after[comment].text) == ("teh comment", "the comment")
    # Facebook does not tell.
    assert not after[post].edited
    assert before[post].created_at == after[post].created_at == QUIET


def test_what_is_deleted_is_gone(living) -> None:
    living.at(QUIET + 3 * HOUR)
    post = living.add(text="a post", created_at=QUIET)
    kept = living.add(text="stays", parent=post, created_at=QUIET + MINUTE)
    gone = living.add(text="regret", parent=post, created_at=QUIET + MINUTE)
    assert {post, kept, gone} <= set(living.read(QUIET, QUIET + HOUR))

    living.delete(gone)
    rows = living.read(QUIET, QUIET + HOUR)
    assert kept in rows
    assert gone not in rows

    living.delete(post)
    assert not {post, kept, gone} & set(living.read(QUIET, QUIET + HOUR))
    living.delete(kept)


def test_a_post_deleted_between_listing_and_comments_is_counted(living) -> None:
    living.at(QUIET + 3 * HOUR)
    posts = [living.add(text=f"post {n}", created_at=QUIET + n * MINUTE) for n in range(2)]
    for post in posts:
        living.add(text="a comment", parent=post, created_at=QUIET + HOUR)
    client = living.client()
    search = client.search(NIMBUS, QUIET, QUIET + 2 * HOUR)
    pages = [next(search)]
    while not {"post"} & {key for record in pages[-1].records for key in record}:
        pages.append(next(search))

    living.delete(posts[0])
    pages += list(search)

    errors_told = [error.title for page in pages for error in page.errors]
    assert errors_told == ["a post vanished before its comments were read"]
    assert search.exhausted
    living.delete(posts[1])
    client.close()


def test_a_stretch_grows_with_the_clock_and_nothing_is_lost_between_ticks(living) -> None:
    ticks = [QUIET + n * 2 * HOUR for n in range(4)]
    seen: dict[str, Any] = {}
    for tick in ticks:
        living.at(tick)
        # As the schedule does: what is new, and what was new the last time again.
        seen |= living.read(tick - 4 * HOUR, tick)
    whole = living.read(QUIET - 4 * HOUR, ticks[-1])

    assert len(seen) > 20
    # Of the story's comments one in 70 is held back for hours.
    missed = [row for post_id, row in whole.items() if post_id not in seen]
    assert all(row.kind != "post" for row in missed)
    assert len(missed) <= len(whole) // 20


def test_the_limit_that_the_simulator_enforces_stops_the_caller(started_narrow) -> None:
    client = make_client(started_narrow, [], max_wait_s=60)

    with pytest.raises(errors.RateLimited, match="no more requests until") as raised:
        list(client.search(NIMBUS, START, END))

    assert client.allowance.used_up
    wait = raised.value.reset_at - datetime.now(timezone.utc)
    assert timedelta(minutes=55) < wait <= timedelta(minutes=61)


@pytest.fixture
def started_narrow() -> Iterator[str]:
    """A simulator that grants eight calls an hour."""
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "--rate-limit", "8", "--now", FIXED_NOW],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["platforms"]["facebook"]
    finally:
        process.terminate()
        process.wait(10)


def test_the_feed_of_a_busy_page_ends_within_the_reach(client) -> None:
    # It holds about 600 posts, here of 100 days: what is older is not there, and no error.
    search = client.search(NIMBUS, NOW - timedelta(days=400), NOW - timedelta(days=364))

    assert ids(search) == []
    assert search.exhausted
    assert search.start == NOW - timedelta(days=365)
