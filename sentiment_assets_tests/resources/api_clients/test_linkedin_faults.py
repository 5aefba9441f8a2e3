"""LinkedIn's client and parser against the simulator, a process of its own, fault by fault."""

import base64
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import islice, pairwise
from typing import Any

import pytest

from resources.api_clients import errors
from resources.api_clients.answers import PartialError
from resources.api_clients.http import ATTEMPTS
from resources.api_clients.linkedin import OVERLAP, PAGE, LinkedInClient
from sentiment_assets.core.parsers import Refused, linkedin
from sentiment_assets.core.parsers.fields import FieldDrift
from sentiment_assets.core.parsers.posts import Post
from sentiment_assets_tests.resources.api_clients.conftest import CONTROL, Simulator
from simulator.clock import Clock
from simulator.linkedin import NEWCOMER, ORGANIZATIONS
from simulator.linkedin.spelling import Spelling
from simulator.site import World

TOKEN = "AQX-very-secret-token"
# Where the fixture stops the simulator's clock.
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
START, END = NOW - timedelta(hours=8), NOW - timedelta(hours=2)
# Enough for comments of older posts, and few enough requests for many tests.
COMMENT_DAYS = 1
POSTS, COMMENTS = "/rest/posts", "/comments"


@dataclass(frozen=True)
class Tracked:
    name: str = "nimbus"
    kind: str = "organization"
    value: str = ORGANIZATIONS["brand"]


NIMBUS = Tracked()


@pytest.fixture
def linkedin_site(simulator_process) -> Iterator[Simulator]:
    site = Simulator(f"{simulator_process.url}/linkedin")
    CONTROL.delete(f"{site.url}/_control/faults").raise_for_status()
    yield site
    CONTROL.delete(f"{site.url}/_control/faults").raise_for_status()


@pytest.fixture
def make(linkedin_site, naps):
    made: list[LinkedInClient] = []

    def client(**settings: Any) -> LinkedInClient:
        defaults = {
            "version": "202609", "comment_days": COMMENT_DAYS, "timeout_s": 1, "max_wait_s": 60,
            "sleep": naps.append, "clock": lambda: NOW,
        }  # fmt: skip
        made.append(LinkedInClient(linkedin_site.url, TOKEN, **{**defaults, **settings}))
        return made[-1]

    yield client
    for one in made:
        one.close()


@pytest.fixture
def client(make):
    return make()


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def told(start: datetime, end: datetime, days: int = COMMENT_DAYS) -> set[str]:
    """Ids of what the story has in a window, without any HTTP."""
    threads = World(seed=7, clock=Clock(), source="story").threads("linkedin")
    spelling, now_ms = Spelling(threads), ms(NOW)
    window = range(ms(start), ms(end))
    found = set()
    for post in threads.posts("brand", now_ms, ms(start - timedelta(days=days)), now_ms):
        if post.created_ms < window.stop:
            entries = [post, *threads.stream(post, now_ms)]
            found |= {spelling.urn(entry) for entry in entries if entry.created_ms in window}
    return found


@pytest.fixture(scope="module")
def story() -> set[str]:
    found = told(START, END)
    assert len(found) > 30
    return found


def fetch(client: LinkedInClient, start: datetime = START, end: datetime = END) -> list[Post]:
    search = client.search(NIMBUS, start, end)
    rows = [linkedin.parse(record) for page in search for record in page.records]
    assert search.exhausted
    return rows


def ids(rows: list[Post]) -> list[str]:
    return sorted(row.post_id for row in rows)


# A healthy fetch


def test_a_window_comes_whole_and_nothing_but_it(client, linkedin_site, naps, story) -> None:
    before = linkedin_site.requests()
    search = client.search(NIMBUS, START, END)
    drift = FieldDrift(linkedin.FIELDS)
    rows = []
    for number, page in enumerate(search, 1):
        assert (page.number, page.simulated) == (number, True)
        assert (page.malformed, page.errors) == ([], [])
        for record in page.records:
            drift.observe(record)
            rows.append(linkedin.parse(record))

    assert ids(rows) == sorted(story)
    assert all(START <= row.created_at < END for row in rows)
    assert search.pages == number
    # Counts stand beside: one batch.
    assert linkedin_site.requests() - before == search.pages + 1
    assert naps == []
    assert (drift.unknown, drift.vanished()) == ({}, {})
    kinds = Counter(row.kind for row in rows)
    assert kinds["comment"] > kinds["reply"] > 0
    assert {row.conversation_id.split(":")[2] for row in rows} <= {"share", "ugcPost"}


def test_a_day_has_every_kind_of_object(make) -> None:
    rows = fetch(make(comment_days=0), NOW - timedelta(days=3), NOW)
    posts = [row for row in rows if row.kind in ("post", "repost")]
    comments = [row for row in rows if row.kind not in ("post", "repost")]

    assert {row.author_id for row in posts} == {f"urn:li:organization:{NIMBUS.value}"}
    assert any(row.mention_count for row in posts)
    assert all("urn:li" not in (row.text or "") and "{hashtag" not in (row.text or "")
               for row in posts)  # fmt: skip
    assert any("#Nimbus" in (row.text or "") for row in posts)
    assert all(row.like_count is not None and row.reply_count is not None for row in posts)
    mentioned = [row for row in comments if row.known_names]
    assert mentioned
    assert all(name in row.text for row in mentioned for name in row.known_names)
    authors = Counter(str(row.author_id).rpartition(":")[0] for row in comments)
    # People, the organization itself, and those that are hidden or deleted.
    assert {"urn:li:person", "urn:li:organization", ""} <= authors.keys()
    assert any(row.edited for row in comments)


def test_windows_that_touch_share_nothing_and_miss_nothing(make, story) -> None:
    cuts = [START, START + timedelta(minutes=31), START + timedelta(minutes=77), END]
    parts = [ids(fetch(make(comment_days=COMMENT_DAYS + 1), a, b)) for a, b in pairwise(cuts)]
    joined = [one for part in parts for one in part]
    assert sorted(joined) == sorted(told(START, END, COMMENT_DAYS + 1))
    assert story <= set(joined)


def test_comments_of_older_posts_are_found_as_far_as_the_setting_goes(make) -> None:
    near, far = fetch(make(comment_days=0)), fetch(make(comment_days=3))

    assert ids(near) == sorted(told(START, END, 0))
    assert ids(far) == sorted(told(START, END, 3))
    assert len(far) > len(near)
    posts = {row.post_id for row in far if row.kind == "post"}
    assert {row.conversation_id for row in far} - posts


# What changes


@pytest.fixture
def steer(linkedin_site) -> Iterator[Any]:
    made: list[str] = []

    def control(method: str, path: str, body: Any = None) -> Any:
        answer = CONTROL.request(method, f"{linkedin_site.url}/_control/{path}", json=body)
        answer.raise_for_status()
        made.extend(answer.json().get("ids", ()))
        return answer.json()

    yield control
    for one in made:
        control("DELETE", f"posts/{one}")
    control("POST", "clock", {"now": f"{NOW:%Y-%m-%dT%H:%M:%SZ}"})


def add(steer: Any, text: str, created: datetime, **more: Any) -> str:
    post = {"text": text, "created_at": f"{created:%Y-%m-%dT%H:%M:%SZ}", **more}
    [spelled] = steer("POST", "posts", {"posts": [post]})["ids"]
    return str(spelled)


MARKUP = r"Price {€ 5} [new] @all \o/ *wow* _x_ ~ <b>|</b> #Cloud_1 (2 > 1) 🚀"


def test_what_people_write_survives_its_spelling(client, steer) -> None:
    post = add(steer, MARKUP, START)
    comment = add(steer, MARKUP, START + timedelta(minutes=1), parent=post)
    reply = add(steer, MARKUP, START + timedelta(minutes=2), parent=comment)
    deeper = add(steer, MARKUP, START + timedelta(minutes=3), parent=reply)

    found = {row.post_id: row for row in fetch(client)}

    assert {found[one].text for one in (post, comment, reply, deeper)} == {MARKUP}
    assert [found[one].kind for one in (post, comment, reply, deeper)] == [
        "post", "comment", "reply", "reply"
    ]  # fmt: skip
    assert {found[one].conversation_id for one in (comment, reply, deeper)} == {post}
    assert found[post].created_at == START


def test_late_edited_and_deleted_ones(make, steer) -> None:
    post = add(steer, "post", START)
    late = add(
        steer, "late", START + timedelta(minutes=5), parent=post, visible_at="2026-11-23T14:00:00Z"
    )
    edited = add(steer, "first", START + timedelta(minutes=6), parent=post)
    gone = add(
        steer, "gone", START + timedelta(minutes=7), parent=post, deleted_at="2026-11-23T14:00:00Z"
    )

    def texts(now: datetime = NOW) -> dict[str, tuple[str | None, bool, datetime]]:
        found = {row.post_id: row for row in fetch(make(clock=lambda: now))}
        return {
            one: (found[one].text, found[one].edited, found[one].created_at)
            for one in (post, late, edited, gone)
            if one in found
        }

    assert texts() == {
        post: ("post", False, START),
        edited: ("first", False, START + timedelta(minutes=6)),
        gone: ("gone", False, START + timedelta(minutes=7)),
    }
    steer("POST", "clock", {"now": "2026-11-23T15:00:00Z"})
    steer("POST", f"posts/{edited}", {"text": "second"})
    steer("POST", f"posts/{post}", {"text": "new words"})
    # Dated by their creation, however late they are seen or changed.
    assert texts(NOW.replace(hour=15)) == {
        post: ("new words", True, START),
        edited: ("second", True, START + timedelta(minutes=6)),
        late: ("late", False, START + timedelta(minutes=5)),
    }


# Faults that pass: the window comes whole, as if nothing had been.
PASSING = [
    pytest.param("server_error", {"times": 2}, 2, id="overload"),
    pytest.param("bad_gateway_html", {"times": 2}, 2, id="a proxy's HTML"),
    pytest.param("disconnect", {"after": 1}, 1, id="cut connection"),
    pytest.param("truncated_json", {"after": 3, "times": 2}, 2, id="cut JSON"),
    pytest.param("not_json", {"after": 1}, 1, id="HTML with 200"),
    pytest.param("no_elements", {"path": POSTS}, 1, id="posts without elements"),
    pytest.param("no_elements", {"path": COMMENTS, "times": 3}, 3, id="comments without, too"),
    pytest.param("protection", {"after": 2}, 1, id="LinkedIn's protection"),
    pytest.param("slow", {"seconds": 0.1}, 0, id="slow but steady"),
    pytest.param("wrong_total", {"times": -1, "total": 0}, 0, id="total too low"),
    pytest.param("wrong_total", {"times": -1, "total": None}, 0, id="no total"),
    pytest.param("wrong_total", {"times": -1, "path": POSTS, "total": 10**6}, 0, id="too high"),
    pytest.param("other_spelling", {"times": -1}, 0, id="the other spelling"),
]


@pytest.mark.parametrize(("fault", "parameters", "waits"), PASSING)
def test_faults_that_pass_cost_nothing(
    client, linkedin_site, naps, story, fault, parameters, waits
) -> None:
    linkedin_site.fault(fault, **parameters)

    assert ids(fetch(client)) == sorted(story)
    assert len(naps) == waits


def test_counts_that_cannot_be_read_are_told_and_their_posts_kept(
    client, linkedin_site, story
) -> None:
    linkedin_site.fault("batch_errors", times=-1)

    pages = list(client.search(NIMBUS, START, END))
    rows = [linkedin.parse(record) for page in pages for record in page.records]

    # Of the two newest posts, one is gone with its comments; the other's are asked for.
    assert pages[0].errors == [
        PartialError("counts", "a post vanished", 1),
        PartialError("counts", "counts refused: HTTP 403", 1),
    ]
    lost = story - set(ids(rows))
    assert set(ids(rows)) < story
    assert all(one.startswith("urn:li:comment:") for one in lost)


def test_silence_is_waited_out_once(make, linkedin_site, naps, story) -> None:
    linkedin_site.fault("timeout", seconds=0.4)

    assert ids(fetch(make(timeout_s=0.2))) == sorted(story)
    assert len(naps) == 1


def test_vanished_threads_are_counted(client, linkedin_site, story) -> None:
    linkedin_site.fault("vanished", path=COMMENTS, after=1, times=2)

    search = client.search(NIMBUS, START, END)
    pages = list(search)

    told = [error.title for page in pages for error in page.errors]
    assert len(told) == 2
    assert set(told) <= {"a post vanished", "a comment vanished"}
    rows = [linkedin.parse(record) for page in pages for record in page.records]
    assert set(ids(rows)) <= story
    assert search.exhausted


def listed(client: LinkedInClient, pages: int) -> list[str]:
    """Ids of the posts of a month, which is two pages and the first again."""
    search = client.search(NIMBUS, NOW - timedelta(days=30), NOW)
    found = [
        record["post"]["id"] for page in islice(search, pages) for record in page.records
        if "post" in record
    ]  # fmt: skip
    assert len(found) == len(set(found))
    return found


@pytest.mark.parametrize("by", [3, 40, -OVERLAP])
def test_pages_that_shift_cost_no_post(make, linkedin_site, by) -> None:
    client = make(comment_days=0)
    healthy = listed(client, 3)
    assert len(healthy) > PAGE
    linkedin_site.fault("shifting_pages", times=-1, path=POSTS, by=by)

    assert sorted(listed(client, 3)) == sorted(healthy)


def test_posts_that_the_token_may_not_see_do_not_end_the_listing(make, linkedin_site) -> None:
    client = make(comment_days=0)
    healthy = listed(client, 3)
    linkedin_site.fault("filtered", times=-1, path=POSTS)

    found = listed(client, 3)

    # Every other one of each page.
    assert set(found) < set(healthy)
    assert len(found) > len(healthy) // 2 - OVERLAP


def test_a_page_that_comes_again_and_again_stops(make, linkedin_site) -> None:
    linkedin_site.fault("ignored_start", times=-1, path=POSTS)

    with pytest.raises(errors.UnexpectedResponse, match=r"page 2: the API gives the same page"):
        listed(make(comment_days=0), 3)


# Faults that stay: (fault, parameters, error, what its message tells, retryable, requests made).
STAYING = [
    pytest.param("dead_token", {"code": 65600}, errors.TokenRejected, "is not valid", False, 1,
                 id="65600"),
    pytest.param("dead_token", {"code": 65601}, errors.TokenRejected, "was revoked", False, 1,
                 id="65601"),
    pytest.param("dead_token", {"code": 65602}, errors.TokenRejected, "has expired", False, 1,
                 id="65602"),
    pytest.param("forbidden", {}, errors.Forbidden, "grant the token r_organization_social",
                 False, 1, id="scope"),
    pytest.param("nonexistent_version", {}, errors.BadRequest,
                 "set SENTIMENT_LINKEDIN_VERSION to 202609 or a later one", False, 1, id="426"),
    pytest.param("bad_request", {}, errors.BadRequest, r"INVALID_URN_ID .*\[urn\] of \[id\]",
                 False, 1, id="400"),
    pytest.param("vanished", {}, errors.BadRequest, "nothing stands there", False, 1, id="404"),
    pytest.param("rate_limit", {}, errors.RateLimited, "no more requests until 00:00:00 UTC",
                 True, 1, id="day"),
    pytest.param("protection", {}, errors.RateLimited, "for a time it does not say", True,
                 ATTEMPTS, id="429"),
    pytest.param("server_error", {}, errors.TransientApiError, "HTTP 503", True, ATTEMPTS,
                 id="503"),
    pytest.param("bad_gateway_html", {}, errors.TransientApiError, "HTTP 502", True, ATTEMPTS,
                 id="502"),
    pytest.param("disconnect", {}, errors.TransientApiError, "broke off", True, ATTEMPTS,
                 id="cut"),
    pytest.param("not_json", {}, errors.UnexpectedResponse, "begins with '<'", False, ATTEMPTS,
                 id="HTML"),
    pytest.param("truncated_json", {}, errors.UnexpectedResponse, "begins with '{'", False,
                 ATTEMPTS, id="cut JSON"),
    pytest.param("no_elements", {}, errors.UnexpectedResponse, "elements is null", False,
                 ATTEMPTS, id="no elements"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "parameters", "kind", "message", "retryable", "requests"), STAYING
)
def test_faults_that_stay_stop_the_search_with_what_to_do(
    make, linkedin_site, caplog, fault, parameters, kind, message, retryable, requests
) -> None:
    linkedin_site.fault(fault, times=-1, **parameters)
    before = linkedin_site.requests()
    # No midnight is this near; backoffs are shorter together.
    search = make(max_wait_s=0 if fault == "rate_limit" else 60).search(NIMBUS, START, END)

    with caplog.at_level(logging.DEBUG), pytest.raises(kind, match=message) as raised:
        list(search)

    assert str(raised.value).startswith("LinkedIn GET /rest/posts, page 1: ")
    assert raised.value.retryable is retryable
    assert linkedin_site.requests() - before == requests
    assert (search.exhausted, search.watermark) == (False, None)
    shown = caplog.text + str(raised.value) + repr(raised.value)
    assert TOKEN not in shown
    assert ORGANIZATIONS["brand"] not in shown


@pytest.mark.parametrize("fault", ["dead_token", "rate_limit", "server_error", "truncated_json"])
def test_a_stop_among_the_comments_keeps_the_posts(make, linkedin_site, fault) -> None:
    linkedin_site.fault(fault, path=COMMENTS, after=1, times=-1)

    search = make(max_wait_s=0 if fault == "rate_limit" else 60).search(NIMBUS, START, END)
    first, second = next(search), next(search)

    assert all("post" in record for record in first.records)
    assert all("comment" in record for record in second.records)
    with pytest.raises(errors.ApiError, match=r"/comments, page 1: "):
        next(search)
    assert not search.exhausted


# Roles and versions


def test_a_lost_role_is_no_empty_organization(client, linkedin_site) -> None:
    linkedin_site.fault("empty_without_role", times=-1)

    with pytest.raises(errors.Forbidden, match="the listing of nimbus is empty for want of a role"):
        fetch(client)


def test_an_organization_of_others_is_forbidden_and_one_without_posts_empty(client) -> None:
    with pytest.raises(errors.Forbidden, match="the listing of nimbus is empty for want of a role"):
        list(client.search(Tracked(value="999"), START, END))
    search = client.search(Tracked(value=NEWCOMER), START, END)
    assert [record for page in search for record in page.records] == []
    assert search.exhausted


@pytest.mark.parametrize("version", ["202511", "202512", "203001"])
def test_versions_that_are_over_or_never_were(make, version) -> None:
    with pytest.raises(errors.BadRequest, match=f"version {version} is not served any more"):
        fetch(make(version=version))


# Odd objects


def refusals(pages: Any) -> tuple[list[str], int]:
    codes, good = [], 0
    for page in pages:
        for record in page.records:
            try:
                linkedin.parse(record)
                good += 1
            except Refused as refused:
                codes.append(refused.code)
    return codes, good


ODD = [
    # Of posts the text, the time and the id; of comments the same.
    pytest.param("wrong_types", POSTS, 3 * ["malformed_record"], id="types of posts"),
    pytest.param("wrong_types", COMMENTS, 3 * ["malformed_record"], id="types of comments"),
    pytest.param("missing_fields", POSTS, ["no_creation_time", "malformed_record"],
                 id="fields of posts"),
    pytest.param("missing_fields", COMMENTS, ["no_creation_time", "no_id"],
                 id="fields of comments"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "path", "codes"), ODD)
def test_odd_objects_are_the_parsers_case_and_reach_it(
    make, linkedin_site, steer, fault, path, codes
) -> None:
    # Three of each, newest of all, so that the first of every page are of the window.
    post = ""
    for minute in (3, 2, 1):
        post = add(steer, "post", NOW - timedelta(minutes=minute))
    for _ in range(3):
        add(steer, "comment", NOW - timedelta(minutes=1), parent=post)
    linkedin_site.fault(fault, path=path)

    search = make(comment_days=0).search(NIMBUS, NOW - timedelta(minutes=5), NOW)
    pages = list(search)

    assert [part for page in pages for part in page.malformed] == []
    found, good = refusals(pages)
    assert sorted(found) == sorted(codes)
    assert found == [] or good >= 3
    assert search.exhausted


def test_what_is_no_object_is_told_apart(client, linkedin_site) -> None:
    linkedin_site.fault("not_objects", path=POSTS)

    first = next(client.search(NIMBUS, START, END))

    assert [part.reason for part in first.malformed] == [
        "the entry is a string, not a post", "the entry is null, not a post"
    ]  # fmt: skip


def test_broken_bytes_cost_one_object_which_is_kept_by_its_bytes(
    make, linkedin_site, steer
) -> None:
    posts = [add(steer, f"post {n}", NOW - timedelta(minutes=n)) for n in (2, 1)]
    linkedin_site.fault("bad_encoding", path=POSTS)

    first = next(make(comment_days=0).search(NIMBUS, NOW - timedelta(minutes=5), NOW))

    assert posts[0] in [record["post"]["id"] for record in first.records]
    assert posts[1] not in [record["post"]["id"] for record in first.records]
    [broken] = first.malformed
    assert (broken.index, broken.reason) == (0, "the post is not valid UTF-8")
    assert b'"commentary": "caf\xe9 \xff\xfe ' in base64.b64decode(broken.raw["base64"])


@pytest.mark.parametrize(
    ("fault", "path", "unknown", "vanished"),
    [
        ("unknown_field", POSTS, "post.impressionSummary", None),
        ("unknown_field", COMMENTS, "comment.impressionSummary", None),
        ("vanished_field", POSTS, None, "post.lastModifiedAt"),
        ("vanished_field", COMMENTS, None, "comment.lastModified"),
    ],
)
def test_fields_that_come_or_go_are_counted(
    make, linkedin_site, story, fault, path, unknown, vanished
) -> None:
    linkedin_site.fault(fault, times=-1, path=path)
    drift = FieldDrift(linkedin.FIELDS)
    rows = []

    # Without a time of change the listing has no end but its own: the first page is enough.
    search = make(max_pages=1 if vanished and path == POSTS else None, comment_days=COMMENT_DAYS)
    start = NOW - timedelta(days=3) if path == POSTS else START
    for page in search.search(NIMBUS, start, END):
        for record in page.records:
            drift.observe(record)
            rows.append(linkedin.parse(record))

    assert list(drift.unknown) == ([unknown] if unknown else [])
    assert list(drift.vanished()) == ([vanished] if vanished else [])
    assert rows
    if path == COMMENTS:
        assert ids(rows) == sorted(story)


# A look at the access


def look(client: LinkedInClient) -> dict[str, tuple[bool, str]]:
    connection = client.inspect([NIMBUS, Tracked("newcomer", value=NEWCOMER)])
    return {finding.what: (finding.ok, finding.said) for finding in connection.findings}


def test_a_look_at_the_access_finds_it_well(make, linkedin_site) -> None:
    before = linkedin_site.requests()
    client = make(app=("app", "secret"), comment_days=30)
    connection = client.inspect([NIMBUS, Tracked("newcomer", value=NEWCOMER)])

    assert connection.ok
    found = {finding.what: finding.said for finding in connection.findings}
    assert found["token"] == "active, ends on 2027-01-21, in 59 days"
    assert found["scopes"].startswith("granted: r_organization_social, ")
    assert found["role on newcomer"] == "ADMINISTRATOR"
    assert found["posts and comments of newcomer"] == "there are none yet"
    # Introspection, roles, two listings, two batches of counts, one page of comments.
    assert linkedin_site.requests() - before == 7
    rows = [linkedin.parse(record) for record in connection.preview]
    assert {"post", "comment"} <= {row.kind for row in rows}
    nimbus, newcomer = connection.costs
    assert nimbus.requests_per_search > 100
    assert nimbus.posts_per_day is not None
    # The story has 600 comments a day, most of them the brand's.
    assert 200 < nimbus.posts_per_day < 600
    assert newcomer.requests_per_search == 1


@pytest.mark.parametrize(
    ("fault", "what", "said"),
    [
        ("expired_token", "token", "it is expired"),
        ("revoked_token", "token", "it is revoked"),
        ("empty_without_role", "role on nimbus", "none"),
        ("forbidden", "posts and comments of nimbus", "the token may not read this"),
        ("nonexistent_version", "posts and comments of nimbus", "is not served any more"),
        ("server_error", "roles", "HTTP 503"),
    ],
)
def test_a_look_at_the_access_tells_what_is_wrong(make, linkedin_site, fault, what, said) -> None:
    linkedin_site.fault(fault, times=-1)

    ok, words = look(make(app=("app", "secret"), max_wait_s=0))[what]

    assert not ok
    assert said in words


def test_a_wrong_secret_of_the_app_is_told(make) -> None:
    assert look(make(app=("app", "wrong")))["token"] == (
        False, "the app's client id or secret is not accepted (HTTP 401)"
    )  # fmt: skip
