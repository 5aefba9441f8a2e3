"""The simulator's LinkedIn: every answer against its schema; headers, pages, spelling, faults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from sentiment_assets_tests.simulator.conftest import NOW, Caller, validator
from simulator import linkedin
from simulator.clock import DAY_MS, HOUR_MS, Clock, parse_ms
from simulator.linkedin import NEWCOMER, ORGANIZATIONS
from simulator.linkedin.gateway import VERSIONS
from simulator.site import World

BRAND, RIVAL = (f"urn:li:organization:{ORGANIZATIONS[name]}" for name in ("brand", "rival"))
NOW_MS = parse_ms(NOW)
VERSIONED = {"linkedin-version": "202609", "x-restli-protocol-version": "2.0.0"}
SCHEMAS = {
    "posts": "posts", "socialMetadata": "social_metadata", "comments": "comments",
    "organizationAcls": "organization_acls",
}  # fmt: skip


class Reader(Caller):
    """Checks every answer against its schema."""

    def __init__(self, limit: int = 10_000, comments_per_day: int = 600) -> None:
        world = World(
            seed=7, clock=Clock(NOW_MS), source="story", comments_per_day=comments_per_day,
            rate_limit=limit,
        )  # fmt: skip
        super().__init__([linkedin.site(world)], "/linkedin")
        self.headers = {**self.headers, **VERSIONED}

    def get(self, path: str, **params: Any) -> httpx.Response:
        """Any answer, of 200 or not; ``path`` is below /rest, its query may stand in it."""
        answer = self.send("GET", f"/linkedin/rest/{path}", params=params or None)
        if answer.headers["content-type"].startswith("application/json"):
            resource = path.partition("?")[0].rpartition("/")[2]
            name = SCHEMAS[resource] if answer.is_success else "error"
            validator(f"linkedin_{name}").validate(answer.json())
        assert answer.headers["x-simulated"] == "true"
        return answer

    def ask(self, path: str, **params: Any) -> Any:
        """The body of a 200."""
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def posts(self, author: str = BRAND, **params: Any) -> Any:
        """A page of posts."""
        return self.ask("posts", author=author, q="author", **params)

    def comments(self, urn: str, **params: Any) -> Any:
        """A page of comments, or of answers."""
        return self.ask(f"socialActions/{quote(urn, safe='')}/comments", **params)

    def counts(self, *urns: str) -> Any:
        """The batch of counts."""
        return self.ask(f"socialMetadata?ids=List({','.join(quote(u, safe='') for u in urns)})")


@pytest.fixture(scope="module")
def one_reader() -> Reader:
    return Reader()


@pytest.fixture
def reader(one_reader: Reader) -> Iterator[Reader]:
    one_reader.set_clock(NOW)
    one_reader.control("DELETE", "faults")
    yield one_reader
    one_reader.control("DELETE", "faults")


def discussed(reader: Reader) -> Any:
    """A post of this page with many comments."""
    posts = reader.posts(count=50)["elements"]
    counts = reader.counts(*(post["id"] for post in posts))["results"]
    return max(posts, key=lambda post: counts[post["id"]]["commentSummary"]["count"])


# The gateway


def test_every_request_needs_a_token_a_version_and_the_protocol(reader: Reader) -> None:
    def refused(**headers: str | None) -> Any:
        full = {"authorization": "Bearer t", **VERSIONED}
        kept = {k: v for k, v in {**full, **headers}.items() if v is not None}
        asking, asking.headers = Reader(), kept
        body = asking.get("posts", q="author", author=BRAND)
        return body.status_code, body.json().get("code"), body.json()["message"]

    assert refused(authorization=None)[:2] == (401, "EMPTY_ACCESS_TOKEN")
    assert refused(**{"linkedin-version": None}) == (
        400, "VERSION_MISSING",
        "A version must be present. Please specify a version by adding the LinkedIn-Version "
        "header.",
    )  # fmt: skip
    assert refused(**{"linkedin-version": "202511"}) == (
        426, "NONEXISTENT_VERSION", "Requested version 20251101 is not active"
    )  # fmt: skip
    assert refused(**{"linkedin-version": "202512"})[0] == 426
    assert refused(**{"x-restli-protocol-version": None})[0] == 400


def test_versions_end_with_their_day(reader: Reader) -> None:
    reader.headers["linkedin-version"] = "202601"
    try:
        reader.set_clock("2027-01-14T23:59:59Z")
        assert reader.get("posts", q="author", author=BRAND).status_code == 200
        reader.set_clock("2027-01-15T00:00:00Z")
        assert reader.get("posts", q="author", author=BRAND).status_code == 426
    finally:
        reader.headers["linkedin-version"] = "202609"
    # The newest have no end yet, so that the embedded default does not stop one day.
    assert [version for version, ends in VERSIONS.items() if ends is None] == ["202609", "202610"]


def test_a_days_requests_are_counted_by_token_and_resource_and_no_header_tells() -> None:
    reader = Reader(limit=2)
    for _ in range(2):
        answer = reader.get("posts", q="author", author=BRAND)
        assert answer.status_code == 200
    refused = reader.get("posts", q="author", author=BRAND)
    assert (refused.status_code, refused.json()["serviceErrorCode"]) == (429, 101)
    assert "DAY limit" in refused.json()["message"]
    assert not {name for name in (*answer.headers, *refused.headers) if "limit" in name}
    assert "retry-after" not in refused.headers
    assert reader.get("organizationAcls", q="roleAssignee").status_code == 200
    reader.headers["authorization"] = "Bearer another"
    assert reader.get("posts", q="author", author=BRAND).status_code == 200


def test_paths_that_are_no_resource(reader: Reader) -> None:
    answer = reader.get("likes")
    assert (answer.status_code, answer.json()["code"]) == (404, "RESOURCE_NOT_FOUND")


# Posts


def test_posts_come_last_changed_first_page_by_page(reader: Reader) -> None:
    pages = [reader.posts(start=start, count=40) for start in (0, 40, 80)]
    posts = [post for page in pages for post in page["elements"]]

    changed = [post["lastModifiedAt"] for post in posts]
    assert changed == sorted(changed, reverse=True)
    assert len({post["id"] for post in posts}) == 120
    assert [[link["rel"] for link in page["paging"]["links"]] for page in pages] == [
        ["next"], ["prev", "next"], ["prev", "next"]
    ]  # fmt: skip
    assert pages[1]["paging"]["links"][1]["href"] == (
        f"/rest/posts?author={quote(BRAND, safe='')}&q=author&start=80&count=40"
    )
    assert any(post["lifecycleStateInfo"]["isEditedByAuthor"] for post in posts)
    assert all(post["author"] == BRAND for post in posts)
    assert max(changed) <= NOW_MS
    # Ten is what LinkedIn gives where nobody asks for more.
    assert len(reader.posts()["elements"]) == 10


def test_posts_come_by_creation_too(reader: Reader) -> None:
    created = [
        post["publishedAt"] for post in reader.posts(count=100, sortBy="CREATED")["elements"]
    ]
    assert created == sorted(created, reverse=True)


def test_an_edit_brings_an_old_post_to_the_front(reader: Reader) -> None:
    old = reader.posts(start=70, count=1)["elements"][0]
    reader.control("POST", f"posts/{old['id']}", {"text": "Words of today"})

    first = reader.posts(count=1)["elements"][0]

    assert (first["id"], first["commentary"]) == (old["id"], "Words of today")
    assert (first["publishedAt"], first["lastModifiedAt"]) == (old["publishedAt"], NOW_MS)
    assert first["lifecycleStateInfo"] == {"isEditedByAuthor": True}


def test_times_tell_drafts_from_what_was_published_at_once(reader: Reader) -> None:
    posts = [post for start in (0, 100, 200) for post in
             reader.posts(start=start, count=100)["elements"]]  # fmt: skip
    ages = {post["publishedAt"] - post["createdAt"] for post in posts}
    assert ages == {31, 2 * DAY_MS}
    assert {post["id"].split(":")[2] for post in posts} == {"share", "ugcPost"}
    reshares = [post for post in posts if "reshareContext" in post]
    assert reshares
    assert all(post["commentary"] == "" for post in reshares)
    assert any("article" in post["content"] for post in posts)


ELEMENT = re.compile(
    r"@\[(?:[^\[\]\\]|\\.)+\]\(urn:li:(?:person|organization):(?:[A-Za-z0-9-]|\\_)+\)"
    r"|\{hashtag\|\\#\|(?:\w|\\_)+\}"
)


def test_commentaries_are_little_text(reader: Reader) -> None:
    found: set[str] = set()
    for post in reader.posts(count=100)["elements"]:
        elements = ELEMENT.findall(post["commentary"])
        found |= {element[:2] for element in elements}
        plain = ELEMENT.sub("", post["commentary"])
        # Outside of elements, nothing reserved stands without its backslash.
        bare = re.sub(r"\\[\\|{}@\[\]()<>#*_~]", "", plain)
        assert not re.search(r"[\\|{}@\[\]()<>#*_~]", bare), bare
    assert found == {"@[", "{h"}


BAD = [
    {"q": "author"},
    {"q": "authors", "author": BRAND},
    {"q": "author", "author": "104857601"},
    {"q": "author", "author": BRAND, "count": "101"},
    {"q": "author", "author": BRAND, "count": "0"},
    {"q": "author", "author": BRAND, "start": "-1"},
    {"q": "author", "author": BRAND, "sortBy": "RELEVANCE"},
]


@pytest.mark.parametrize("params", BAD)
def test_parameters_that_make_no_sense(reader: Reader, params: dict[str, str]) -> None:
    assert reader.get("posts", **params).status_code == 400


def test_without_a_role_a_listing_is_empty(reader: Reader) -> None:
    assert reader.posts("urn:li:organization:999")["elements"] == []
    assert reader.posts(f"urn:li:organization:{NEWCOMER}")["elements"] == []
    acls = reader.ask("organizationAcls", q="roleAssignee", state="APPROVED")["elements"]
    assert {acl["organization"].rpartition(":")[2]: acl["role"] for acl in acls} == {
        ORGANIZATIONS["brand"]: "ADMINISTRATOR",
        ORGANIZATIONS["rival"]: "CONTENT_ADMINISTRATOR",
        NEWCOMER: "ADMINISTRATOR",
    }
    assert reader.ask("organizationAcls", q="roleAssignee", state="REQUESTED")["elements"] == []
    assert reader.get("organizationAcls", q="organization").status_code == 400


# Counts


def test_counts_of_a_batch_agree_with_the_comments(reader: Reader) -> None:
    posts = reader.posts(count=10)["elements"]
    body = reader.counts(*(post["id"] for post in posts), "urn:li:share:17")

    assert body["statuses"]["urn:li:share:17"] == 404
    assert body["errors"]["urn:li:share:17"]["status"] == 404
    assert list(body["results"]) == [post["id"] for post in posts]
    for urn, counts in body["results"].items():
        top = reader.comments(urn, count=100)
        answers = sum(c["commentsSummary"]["totalFirstLevelComments"] for c in top["elements"])
        assert top["paging"]["total"] == counts["commentSummary"]["topLevelCount"]
        assert len(top["elements"]) + answers == counts["commentSummary"]["count"]
    assert any(len(counts["reactionSummaries"]) > 2 for counts in body["results"].values())


@pytest.mark.parametrize(
    "query",
    ["", "?ids=urn%3Ali%3Ashare%3A1", "?ids=List%28urn%3Ali%3Ashare%3A1%29",
     "?ids=List(urn:li:share:1)", "?ids=List()"],
)  # fmt: skip
def test_lists_must_be_spelled_as_the_protocol_does(reader: Reader, query: str) -> None:
    assert reader.get(f"socialMetadata{query}").status_code == 400


# Comments


def test_a_thread_is_the_same_by_any_of_its_posts_urns(reader: Reader) -> None:
    post = discussed(reader)
    page = reader.comments(post["id"], count=100)
    activity = page["elements"][0]["object"]

    assert activity.startswith("urn:li:activity:")
    assert activity.rpartition(":")[2] != post["id"].rpartition(":")[2]
    assert reader.comments(activity, count=100)["elements"] == page["elements"]
    created = [comment["created"]["time"] for comment in page["elements"]]
    assert created == sorted(created, reverse=True)
    assert all(post["publishedAt"] < at <= NOW_MS for at in created)
    assert not any("parentComment" in comment for comment in page["elements"])


def test_answers_stand_below_their_comment_in_either_spelling(reader: Reader) -> None:
    comments = reader.comments(discussed(reader)["id"], count=100)["elements"]
    asked = max(comments, key=lambda c: c["commentsSummary"]["totalFirstLevelComments"])
    urn = asked["commentUrn"]
    answers = reader.comments(urn, count=100)["elements"]

    assert len(answers) == asked["commentsSummary"]["totalFirstLevelComments"] > 0
    assert {answer["parentComment"] for answer in answers} == {urn}
    assert reader.comments(urn.replace("(urn:li:", "("))["elements"] == answers[:10]
    assert {answer["object"] for answer in answers} == {asked["object"]}


def test_people_are_mentioned_by_spans_of_utf16_and_some_are_hidden(reader: Reader) -> None:
    named, hidden, companies = [], 0, 0
    for post in reader.posts(count=30)["elements"]:
        for comment in reader.comments(post["id"], count=100)["elements"]:
            answers = []
            if comment["commentsSummary"]["totalFirstLevelComments"]:
                answers = reader.comments(comment["commentUrn"], count=100)["elements"]
            for one in (comment, *answers):
                units = one["message"]["text"].encode("utf-16-le")
                for span in one["message"]["attributes"]:
                    start, end = 2 * span["start"], 2 * (span["start"] + span["length"])
                    named.append(units[start:end].decode("utf-16-le"))
                hidden += "actor" not in one and "actor" not in one["created"]
                companies += one.get("actor", "").startswith("urn:li:organization:")
    assert named
    # "Given Family", some with an emoji or a title behind.
    assert all(len(name.split()) >= 2 and name == name.strip() for name in named)
    assert hidden
    assert companies


def test_what_is_gone_is_not_found(reader: Reader) -> None:
    body = reader.control("POST", "posts", {"posts": [{"text": "soon gone", "created_at": NOW}]})
    [urn] = body["ids"]
    assert reader.posts(count=1)["elements"][0]["id"] == urn
    reader.control("DELETE", f"posts/{urn}")

    assert reader.posts(count=1)["elements"][0]["id"] != urn
    gone = reader.get(f"socialActions/{quote(urn, safe='')}/comments")
    assert (gone.status_code, gone.json()["code"]) == (404, "NOT_FOUND")
    assert reader.counts(urn)["statuses"] == {urn: 404}
    for odd in ("urn:li:share:1", "urn:li:person:1", "x", "urn:li:comment:(activity:1,2)"):
        assert reader.get(f"socialActions/{quote(odd, safe='')}/comments").status_code == 404


def test_added_ones_come_plain_and_answer_each_other(reader: Reader) -> None:
    post = {"text": "Launch (v4) @home #Nimbus_4", "created_at": "2026-11-23T19:00:00Z"}
    [urn] = reader.control("POST", "posts", {"posts": [post]})["ids"]
    comment = {"text": "Well done", "parent": urn, "author": "Robin Example", "created_at": NOW}
    [commented] = reader.control("POST", "posts", {"posts": [comment]})["ids"]
    reply = {"text": "Indeed", "parent": commented, "author": "Kim Example", "created_at": NOW}
    [replied] = reader.control("POST", "posts", {"posts": [reply]})["ids"]

    shown = next(one for one in reader.posts()["elements"] if one["id"] == urn)
    assert shown["commentary"] == r"Launch \(v4\) \@home {hashtag|\#|Nimbus\_4}"
    assert shown["publishedAt"] == parse_ms("2026-11-23T19:00:00Z")
    [below] = reader.comments(urn)["elements"]
    assert (below["commentUrn"], below["message"]["text"]) == (commented, "Well done")
    [answer] = reader.comments(commented)["elements"]
    assert (answer["commentUrn"], answer["parentComment"]) == (replied, commented)
    assert below["actor"] != answer["actor"]
    reader.control("DELETE", f"posts/{urn}")


def test_without_comments_the_accounts_are_empty() -> None:
    assert Reader(comments_per_day=0).posts()["elements"] == []


def test_announcements_stand_at_their_minute_with_their_words(reader: Reader) -> None:
    # The outage of the Thursday before NOW, 14:06 UTC.
    at = parse_ms("2026-11-19T14:06:00Z")
    posts = [p for start in (0, 100) for p in reader.posts(start=start, count=100)["elements"]]
    told = [post["commentary"] for post in posts if at <= post["publishedAt"] < at + HOUR_MS]
    assert any("elevated error rates since 14:00 UTC" in text for text in told)


# Introspection


def form(reader: Reader, **fields: str) -> httpx.Response:
    answer = reader.send("POST", "/linkedin/oauth/v2/introspectToken", data=fields)
    if answer.is_success:
        validator("linkedin_introspect_token").validate(answer.json())
    return answer


def test_a_token_is_introspected_with_the_apps_secret(reader: Reader) -> None:
    full = {"client_id": "app", "client_secret": "hush", "token": "t"}
    body = form(reader, **full).json()
    assert (body["active"], body["status"], body["client_id"]) == (True, "active", "app")
    assert body["created_at"] < NOW_MS // 1000 < body["expires_at"]
    assert form(reader, **{**full, "client_secret": "wrong"}).status_code == 401
    assert form(reader, client_id="app", client_secret="hush").status_code == 400
    reader.fault("expired_token")
    body = form(reader, **full).json()
    assert (body["active"], body["status"]) == (False, "expired")


# Faults


REPLACING = [
    ("rate_limit", {}, 429, "TOO_MANY_REQUESTS", 101),
    ("protection", {}, 429, "TOO_MANY_REQUESTS", None),
    ("dead_token", {}, 401, "INVALID_ACCESS_TOKEN", 65600),
    ("dead_token", {"code": 65601}, 401, "REVOKED_ACCESS_TOKEN", 65601),
    ("dead_token", {"code": 65602}, 401, "EXPIRED_ACCESS_TOKEN", 65602),
    ("forbidden", {}, 403, "ACCESS_DENIED", 100),
    ("bad_request", {}, 400, "INVALID_URN_ID", 0),
    ("nonexistent_version", {}, 426, "NONEXISTENT_VERSION", None),
    ("vanished", {}, 404, "NOT_FOUND", 0),
]


@pytest.mark.parametrize(("fault", "parameters", "status", "code", "service"), REPLACING)
def test_faults_that_refuse(
    reader: Reader,
    fault: str,
    parameters: dict[str, Any],
    status: int,
    code: str,
    service: int | None,
) -> None:
    reader.fault(fault, **parameters)
    answer = reader.get("posts", q="author", author=BRAND)
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert body.get("serviceErrorCode") == service
    # Once, and then as before.
    assert reader.get("posts", q="author", author=BRAND).status_code == 200


def raw(reader: Reader, path: str, **params: Any) -> Any:
    """An answer that no schema holds."""
    return reader.send("GET", f"/linkedin/rest/{path}", params=params or None).json()


def test_faults_in_the_elements(reader: Reader) -> None:
    asked = {"q": "author", "author": BRAND, "count": 5}
    urn = quote(discussed(reader)["id"], safe="")
    reader.fault("wrong_types", times=2)
    posts = raw(reader, "posts", **asked)["elements"]
    assert (posts[0]["commentary"], posts[1]["publishedAt"], posts[2]["id"]) == (
        123, "yesterday", 17
    )  # fmt: skip
    comments = raw(reader, f"socialActions/{urn}/comments")["elements"]
    assert (comments[1]["created"], comments[2]["commentUrn"]) == ({"time": "yesterday"}, 17)
    reader.fault("missing_fields")
    posts = raw(reader, "posts", **asked)["elements"]
    assert "commentary" not in posts[0]
    assert not {"publishedAt", "createdAt"} & posts[1].keys()
    assert "id" not in posts[2]
    reader.fault("unknown_field", field="mood")
    assert all("mood" in post for post in raw(reader, "posts", **asked)["elements"])
    reader.fault("vanished_field")
    assert not any("lastModifiedAt" in p for p in raw(reader, "posts", **asked)["elements"])
    reader.fault("not_objects")
    assert raw(reader, "posts", **asked)["elements"][:2] == ["no object", None]
    reader.fault("no_elements")
    assert "elements" not in raw(reader, "posts", **asked)
    reader.fault("wrong_total", total=7)
    assert raw(reader, "posts", **asked)["paging"]["total"] == 7
    reader.fault("other_spelling")
    spelled = reader.ask(f"socialActions/{urn}/comments")["elements"][0]["commentUrn"]
    assert spelled.startswith("urn:li:comment:(activity:")


def test_faults_of_paging(reader: Reader) -> None:
    def ids(start: int) -> list[str]:
        return [post["id"] for post in reader.posts(start=start, count=10)["elements"]]

    first, second, third = ids(0), ids(10), ids(20)
    reader.fault("shifting_pages", times=2, by=3)
    assert (ids(0), ids(10)) == (first, first[7:] + second[:7])
    reader.fault("shifting_pages", by=-2)
    assert ids(10) == second[2:] + third[:2]
    reader.fault("ignored_start")
    assert ids(10) == first
    reader.fault("filtered")
    assert ids(0) == first[::2]


def test_a_lost_role_empties_listing_and_roles(reader: Reader) -> None:
    reader.fault("empty_without_role", times=-1)
    assert reader.posts()["elements"] == []
    assert reader.ask("organizationAcls", q="roleAssignee")["elements"] == []


def test_a_batch_may_fail_in_part(reader: Reader) -> None:
    urns = [post["id"] for post in reader.posts(count=4)["elements"]]
    reader.fault("batch_errors")
    assert list(reader.counts(*urns)["statuses"].values()) == [200, 200, 404, 403]
