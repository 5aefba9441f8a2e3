"""What surrounds every platform's endpoints, on a platform made up for it beside X."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from sentiment_assets_tests.simulator.conftest import NOW, Caller
from simulator import x
from simulator.clock import DAY_MS, Clock, parse_ms
from simulator.faults import Alters, Fault, Replaces
from simulator.site import Call, Refused, Site, World, last_digits
from simulator.threads import Entry, Threads
from simulator.x.story import Story

PAGE = "/linkedin/v7/pages/brand"
MOST = 4


def spelled(entry: Entry) -> str:
    if entry.is_post:
        return f"urn:li:share:{entry.number}"
    return f"urn:li:comment:(urn:li:activity:{entry.post.number},{entry.number})"


def token_of(request: Request) -> str | None:
    return request.query_params.get("access_token")


def admit(call: Call) -> None:
    used = call.site.requests[call.site.base + call.endpoint]
    call.headers["x-used"] = f"{call.token} {used}"
    if used > MOST:
        raise Refused(429, {"error": "slow down"}, {"retry-after": "60"})


def overloaded(call: Call, fault: Fault) -> Response:
    raise Refused(500, {"error": fault.parameters.get("said", "overloaded")})


def nameless(body: Any, call: Call, fault: Fault) -> Any:
    return {**body, "data": [{k: v for k, v in one.items() if k != "id"} for one in body["data"]]}


def signed(body: Any, call: Call, fault: Fault) -> Any:
    return {**body, "signed": [*("id" in one for one in body["data"])]}


def page_site(world: World) -> Site:
    threads = world.threads("linkedin")
    site = Site(
        world,
        "linkedin",
        threads,
        id_of=spelled,
        faults={
            "no_ids": Alters(nameless),
            "signature": Alters(signed),
            "short": Alters(),
            "overloaded": Replaces(overloaded),
            "server_error": Replaces(overloaded),
        },
        texts=("message",),
        token=token_of,
        admit=admit,
        unauthorized=lambda: Refused(401, {"error": "no token"}),
        not_found=lambda path: Refused(404, {"error": f"no {path}"}),
    )

    def page(call: Call) -> object:
        account = call.request.path_params["account"]
        if account not in threads.accounts:
            raise Refused(400, {"error": "no such account"})
        found = list(threads.posts(account, call.now_ms, call.now_ms - DAY_MS, call.now_ms))
        found = found[: 1 if "short" in call.due else None]
        call.served(len(found))
        return {
            "version": call.request.path_params["version"],
            "data": [
                {
                    "id": spelled(post),
                    "message": post.text_at(call.now_ms),
                    "comments": [one.text for one in threads.comments(post, call.now_ms)],
                }
                for post in found
            ],
        }

    site.route("/{version}/pages/{account}", page)
    return site


@pytest.fixture
def page() -> Caller:
    world = World(seed=7, clock=Clock(parse_ms(NOW)), source="story", comments_per_day=50)
    return Caller([x.site(world, Story(7, 300), 0.0), page_site(world)], "/linkedin")


def ask(page: Caller, path: str = PAGE) -> Any:
    answer = page.send("GET", path, params={"access_token": "t"})
    assert answer.headers["x-simulated"] == "true"
    return answer


def test_an_endpoint_gets_its_call_and_answers_json(page: Caller) -> None:
    answer = ask(page)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["x-used"] == "t 1"
    body = answer.json()
    assert body["version"] == "v7"
    assert len(body["data"]) > 1


def test_without_a_token_nothing_is_told(page: Caller) -> None:
    answer = page.send("GET", PAGE)
    assert (answer.status_code, answer.json()) == (401, {"error": "no token"})
    assert "x-used" not in answer.headers


def test_refusals_carry_the_headers_of_the_limit(page: Caller) -> None:
    answer = ask(page, "/linkedin/v7/pages/nobody")
    assert (answer.status_code, answer.headers["x-used"]) == (400, "t 1")
    for _ in range(MOST - 1):
        assert ask(page).status_code == 200
    answer = ask(page)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert answer.headers["x-used"] == f"t {MOST + 1}"


def test_each_platform_spells_what_is_not_there(page: Caller) -> None:
    assert ask(page, "/linkedin/v7/nothing").json() == {"error": "no /linkedin/v7/nothing"}
    assert ask(page, "/linkedin").json() == {"error": "no /linkedin"}
    assert ask(page, "/linkedine").json()["title"] == "Not Found"


def test_generic_faults_reach_every_platform(page: Caller) -> None:
    page.fault("bad_gateway_html")
    assert ask(page).status_code == 502
    page.fault("not_json")
    answer = ask(page)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    page.fault("truncated_json")
    with pytest.raises(json.JSONDecodeError):
        ask(page).json()
    page.fault("bad_encoding")
    raw = ask(page).content
    assert raw.count(b'"message":"caf\xe9 \xff\xfe ') == 1


def test_a_package_may_replace_a_generic_fault_and_read_parameters(page: Caller) -> None:
    page.fault("server_error", said="no more")
    answer = ask(page)
    assert (answer.status_code, answer.json()) == (500, {"error": "no more"})
    page.fault("overloaded")
    assert page.send("GET", PAGE).json() == {"error": "overloaded"}


def test_altering_faults_are_applied_in_the_packages_order(page: Caller) -> None:
    page.fault("signature")
    page.fault("no_ids")
    page.fault("short")
    body = ask(page).json()
    assert len(body["data"]) == 1
    assert "id" not in body["data"][0]
    assert body["signed"] == [False]
    assert page.control("GET", "state")["faults"] == []


def test_a_fault_may_wait_for_a_path(page: Caller) -> None:
    page.fault("overloaded", path="pages/rival", after=1)
    assert page.control("GET", "state")["faults"] == [
        {"fault": "overloaded", "times": 1, "after": 1, "path": "pages/rival"}
    ]
    paths = [PAGE, PAGE.replace("brand", "rival"), PAGE, PAGE.replace("brand", "rival")]
    assert [ask(page, path).status_code for path in paths] == [200, 200, 200, 500]


@pytest.mark.parametrize("wrong", [{"fault": "usage_cap"}, {"fault": "slow", "path": 3}])
def test_a_fault_of_another_platform_is_refused(page: Caller, wrong: dict[str, Any]) -> None:
    answer = page.send("POST", "/linkedin/_control/faults", json=wrong)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_counters_are_the_sites_own_and_by_endpoint(page: Caller) -> None:
    served = len(ask(page).json()["data"])
    ask(page, "/linkedin/v8/pages/nobody")
    state = page.control("GET", "state")
    assert state["requests"] == 2
    assert state["endpoints"] == {
        "/linkedin/{version}/pages/{account}": {"requests": 2, "statuses": {"200": 1, "400": 1}}
    }
    assert state["posts_served"] == served
    assert page.send("GET", "/_control/state").json()["requests"] == 0


def test_all_platforms_share_the_clock_but_not_the_faults(page: Caller) -> None:
    page.set_clock("2026-11-20T00:00:00Z")
    state = page.send("GET", "/_control/state").json()
    assert (state["now"], state["clock"]) == ("2026-11-20T00:00:00.000Z", "fixed")
    page.fault("server_error")
    assert page.send("GET", "/_control/state").json()["faults"] == []


def test_posts_and_comments_are_added_changed_and_removed_by_the_platforms_ids(
    page: Caller,
) -> None:
    made = {"text": "hello", "created_at": "2026-11-23T19:00:00Z"}
    said = page.control("POST", "posts", {"posts": [made]})
    (post,), (number,) = said["ids"], said["numbers"]
    assert post == f"urn:li:share:{number}"
    answers = [{"text": text, "created_at": "2026-11-23T19:10:00Z", "parent": parent}
               for text, parent in (("by id", post), ("by number", number))]  # fmt: skip
    comment, _ = page.control("POST", "posts", {"posts": answers})["ids"]
    assert comment.startswith(f"urn:li:comment:(urn:li:activity:{number},")
    first = ask(page).json()["data"][0]
    assert (first["id"], first["message"]) == (post, "hello")
    assert first["comments"] == ["by id", "by number"]
    changed = page.control("POST", f"posts/{post}", {"text": "hello!"})
    assert changed == {"id": post, "number": number}
    page.control("DELETE", f"posts/{comment}")
    first = ask(page).json()["data"][0]
    assert (first["message"], first["comments"]) == ("hello!", ["by number"])
    assert page.control("DELETE", f"posts/{number}") == {"removed": str(number)}
    assert ask(page).json()["data"][0]["id"] != post
    state = page.control("GET", "state")
    assert (state["added_posts"], state["removed_posts"]) == (3, 2)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "posts", {"posts": [{"text": "x"}]}, 400),
        ("POST", "posts", {"posts": [{"text": "x", "created_at": NOW, "parent": "none"}]}, 400),
        ("POST", "posts/urn:li:share:17", {"text": "x"}, 404),
        ("POST", "posts/nothing", {"text": "x"}, 400),
        ("DELETE", "posts/nothing", None, 400),
    ],
    ids=["no_time", "no_parent", "unknown", "no_number", "remove_no_number"],
)
def test_what_makes_no_sense_is_refused(
    page: Caller, method: str, path: str, body: Any, status: int
) -> None:
    answer = page.send(method, f"/linkedin/_control/{path}", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_a_changed_post_of_x_is_a_new_version(page: Caller) -> None:
    made = {"text": "A zeppelin", "created_at": "2026-11-23T19:00:00Z"}
    (first,) = page.send("POST", "/_control/posts", json={"posts": [made]}).json()["ids"]
    versions = [first]
    for text, now in (("Two zeppelins", "19:10"), ("Three zeppelins", "19:20")):
        page.set_clock(f"2026-11-23T{now}:00Z")
        # By the first id, whichever version is the newest.
        changed = page.send("POST", f"/_control/posts/{first}", json={"text": text}).json()
        versions.append(changed["id"])
    page.set_clock(NOW)
    found = page.send(
        "GET", "/2/tweets/search/recent", params={"query": "zeppelin OR zeppelins"}
    ).json()["data"]
    assert [(one["id"], one["text"]) for one in found] == [(versions[-1], "Three zeppelins")]
    assert found[0]["edit_history_tweet_ids"] == versions == sorted(set(versions), key=int)
    assert page.send("POST", "/_control/posts/17", json={"text": "x"}).status_code == 404
    assert page.send("POST", f"/_control/posts/{first}", json={"lang": "x"}).status_code == 400


def test_a_corpus_leaves_the_other_platforms_empty() -> None:
    world = World(seed=7, clock=Clock(parse_ms(NOW)), source="corpus", comments_per_day=0)
    assert ask(Caller([page_site(world)], "/linkedin")).json()["data"] == []


def test_threads_of_the_world_follow_its_options() -> None:
    world = World(seed=3, clock=Clock(), source="story", comments_per_day=30)
    now = parse_ms(NOW)
    mine, same = world.threads("facebook"), Threads(3, "facebook", comments_per_day=30)
    texts = [[p.text for p in t.posts("brand", now, now - DAY_MS, now)] for t in (mine, same)]
    assert texts[0] == texts[1] != []


@pytest.mark.parametrize(
    ("spelling", "number"),
    [("17", 17), ("1_23", 23), ("urn:li:share:5", 5), ("urn:li:comment:(urn:li:activity:1,2)", 2)],
)
def test_an_id_ends_in_its_number(spelling: str, number: int) -> None:
    assert last_digits(spelling) == number
    with pytest.raises(ValueError, match="no number"):
        last_digits(spelling.translate({ord(digit): "x" for digit in "0123456789"}))
