"""Receivers: challenges, signatures, what becomes of each change, and when 200 is said."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import msgspec
import pytest

from resources.api_clients import facebook as facebook_api
from resources.api_clients import instagram as instagram_api
from resources.api_clients import linkedin as linkedin_api
from resources.producers import facebook, instagram, linkedin
from resources.producers.producing import NotAcknowledged, SecretMissing
from resources.producers.records import Record
from resources.producers.webhooks import LONGEST_BODY, Receiver, Request, webhook_app
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.streams import read_headers
from sentiment_assets.core.tracking import TrackedSource
from sentiment_assets_tests.resources.producers.conftest import Topic, record
from sentiment_assets_tests.simulated import SimulatedPlatform, running_simulator
from simulator.kafka.broker import Kafka

NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.timezone.utc)
SECRET, VERIFY = "app-secret", "verify-me"
PAGE = "104857600001001"
ACCOUNT = "17841400000001001"


class Collected:
    """Takes records as a publisher does, where the broker is not what is tried."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.error: Exception | None = None
        self.refused = 0

    def publish_and_wait(self, records: Sequence[Record], timeout_s: float) -> int:
        if self.error is not None:
            raise self.error
        self.records += records
        return self.refused

    @property
    def payloads(self) -> list[Any]:
        return [msgspec.json.decode(record.value) for record in self.records]


def signed(platform: str, body: bytes, secret: str = SECRET) -> dict[str, str]:
    key = secret.encode()
    if platform == "linkedin":
        said = b"hmacsha256=" + body
        return {"x-li-signature": hmac.new(key, said, hashlib.sha256).hexdigest()}
    digest = hmac.new(key, body, hashlib.sha256).hexdigest()
    return {"x-hub-signature-256": f"sha256={digest}"}


def posted(platform: str, told: object, **headers: str) -> Request:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    path = f"/webhooks/{platform}"
    return Request("POST", path, {}, headers or signed(platform, body), body)


def asked(**query: str) -> Request:
    return Request("GET", "/webhooks/x", {k.replace("__", "."): v for k, v in query.items()}, {})


@pytest.fixture(scope="module")
def simulator() -> Iterator[dict[str, SimulatedPlatform]]:
    with running_simulator(NOON) as served:
        yield served


@pytest.fixture
def taken() -> Collected:
    return Collected()


@pytest.fixture
def receive(
    simulator: dict[str, SimulatedPlatform], taken: Collected
) -> Iterator[Callable[..., Receiver]]:
    """A platform's receiver with its secrets, over the simulator's API."""

    def make(platform: str, publisher: Any = taken, **given: Any) -> Receiver:
        client = simulator[platform].client
        if platform == "linkedin":
            access: Any = linkedin_api.Access(client_id="app", client_secret=SECRET)
            pushes: Any = linkedin.open_pushes(access, client)
        else:
            api, module = (
                (facebook_api, facebook) if platform == "facebook" else (instagram_api, instagram)
            )
            access = api.Access(verify_token=VERIFY, app_secret=SECRET)
            pushes = module.open_pushes(access, client)
        return Receiver(platform, pushes, publisher, origin="simulated", **given)

    yield make
    for platform in ("facebook", "instagram", "linkedin"):
        simulator[platform].heal()


def feed(*values: Mapping[str, Any]) -> dict[str, Any]:
    changes = [{"field": "feed", "value": dict(value)} for value in values]
    return {"object": "page", "entry": [{"id": PAGE, "time": 1795435203, "changes": changes}]}


COMMENT = {
    "from": {"id": "55", "name": "Ada L."},
    "item": "comment",
    "verb": "add",
    "post_id": f"{PAGE}_7001",
    "comment_id": "7001_8001",
    "parent_id": f"{PAGE}_7001",
    "created_time": 1795435200,
    "message": "it is down",
}


# Challenges


@pytest.mark.parametrize("platform", ["facebook", "instagram"])
def test_meta_gets_its_challenge_back(receive: Callable[..., Receiver], platform: str) -> None:
    receiver = receive(platform)
    good = {"hub__mode": "subscribe", "hub__verify_token": VERIFY, "hub__challenge": "1158201444"}

    answer = receiver.answer(asked(**good))
    assert (answer.status, answer.body, answer.media_type) == (200, b"1158201444", "text/plain")
    for wrong in (
        {"hub__verify_token": "guess"},
        {"hub__verify_token": ""},
        {"hub__verify_token": "vérify"},
        {"hub__mode": "unsubscribe"},
    ):
        refused = receiver.answer(asked(**{**good, **wrong}))
        assert (refused.status, refused.body) == (403, b"")
    assert receiver.answer(asked(**{**good, "hub__challenge": "1" * 999})).status == 400
    assert receiver.counts() == {"challenges": 1, "rejected": 5}


def test_linkedin_gets_its_challenge_signed(receive: Callable[..., Receiver]) -> None:
    code = "890e4665-4dfe-4ab1-b689-ed553bceeed0"
    receiver = receive("linkedin")

    answer = receiver.answer(asked(challengeCode=code))

    assert (answer.status, answer.media_type) == (200, "application/json")
    assert msgspec.json.decode(answer.body) == {
        "challengeCode": code,
        "challengeResponse": hmac.new(SECRET.encode(), code.encode(), "sha256").hexdigest(),
    }
    # Nobody may have anything else signed.
    assert receiver.answer(asked(challengeCode="hmacsha256={}")).status == 400
    assert receiver.answer(asked()).status == 400


# Signatures


BODY = json.dumps(feed(COMMENT)).encode()
WRONG = [
    pytest.param({"x-other": "1"}, id="none"),
    pytest.param({"x-hub-signature-256": ""}, id="empty"),
    pytest.param(signed("facebook", BODY, "guess"), id="another secret"),
    pytest.param(signed("facebook", BODY + b" "), id="another body"),
    pytest.param({"x-hub-signature": "sha1=" + "0" * 40}, id="the old header"),
    pytest.param(
        {"x-hub-signature-256": signed("facebook", BODY)["x-hub-signature-256"][7:]}, id="no scheme"
    ),
    pytest.param({"x-hub-signature-256": "sha256=é"}, id="no digest"),
]


@pytest.mark.parametrize("headers", WRONG)
def test_what_is_not_signed_is_refused_without_a_word(
    receive: Callable[..., Receiver], taken: Collected, headers: dict[str, str]
) -> None:
    receiver = receive("facebook")

    answer = receiver.answer(posted("facebook", BODY, **headers))

    assert (answer.status, answer.body) == (401, b"")
    assert taken.records == []
    assert receiver.counts() == {"rejected": 1}


@pytest.mark.parametrize("prefix", ["", "hmacsha256="])
def test_linkedins_signature_is_over_a_prefix_and_the_body(
    receive: Callable[..., Receiver], prefix: str
) -> None:
    told = {"type": "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS", "notifications": []}
    body = json.dumps(told).encode()
    given = prefix + signed("linkedin", body)["x-li-signature"]
    receiver = receive("linkedin")

    assert receiver.answer(posted("linkedin", body, **{"x-li-signature": given})).status == 200
    plain = hmac.new(SECRET.encode(), body, "sha256").hexdigest()
    assert receiver.answer(posted("linkedin", body, **{"x-li-signature": plain})).status == 401


@pytest.mark.parametrize("platform", ["facebook", "instagram", "linkedin"])
def test_without_its_secrets_nothing_is_received(platform: str) -> None:
    api = {"facebook": facebook_api, "instagram": instagram_api, "linkedin": linkedin_api}
    module = {"facebook": facebook, "instagram": instagram, "linkedin": linkedin}
    with pytest.raises(SecretMissing, match=f"SENTIMENT_{platform.upper()}_"):
        module[platform].open_pushes(api[platform].Access(), None)  # type: ignore[attr-defined]


# Facebook's changes


REACTION = {"item": "reaction", "verb": "add", "reaction_type": "love", "post_id": "1_2"}
FEED = [
    pytest.param(COMMENT, "published", id="comment"),
    pytest.param({**COMMENT, "verb": "edited"}, "published", id="edited"),
    pytest.param({**COMMENT, "item": "status", "published": 1}, "published", id="post"),
    pytest.param({**COMMENT, "item": "photo"}, "published", id="photo"),
    pytest.param({**COMMENT, "verb": "remove"}, "removed", id="removed"),
    pytest.param({**COMMENT, "item": "status", "published": 0}, "ignored", id="draft"),
    pytest.param({**COMMENT, "verb": "hide"}, "ignored", id="hidden"),
    pytest.param(REACTION, "ignored", id="reaction"),
    pytest.param({"item": "comment"}, "ignored", id="no verb"),
    pytest.param({}, "ignored", id="empty"),
]


@pytest.mark.parametrize(("value", "what"), FEED)
def test_what_becomes_of_a_change(
    receive: Callable[..., Receiver], taken: Collected, value: dict[str, Any], what: str
) -> None:
    receiver = receive("facebook")

    assert receiver.answer(posted("facebook", feed(value))).status == 200

    assert receiver.counts() == {"notifications": 1, what: 1}
    assert len(taken.records) == (what == "published")


def test_a_record_is_one_change_as_it_came(
    receive: Callable[..., Receiver], taken: Collected
) -> None:
    other = {**COMMENT, "comment_id": "7001_8002", "mood_ring": {"of": ["tomorrow", 1.5, None]}}
    receiver = receive("facebook", now=lambda: NOON)

    assert receiver.answer(posted("facebook", feed(COMMENT, REACTION, other))).status == 200

    about = {"id": PAGE, "time": 1795435203}
    assert taken.payloads == [
        {**about, "change": {"field": "feed", "value": COMMENT}},
        {**about, "change": {"field": "feed", "value": other}},
    ]
    headers = [read_headers(record.headers) for record in taken.records]
    assert headers[0]["created_at"] == "2026-11-23T12:00:00Z"
    assert headers[0]["fetch_id"] == headers[1]["fetch_id"]
    assert headers[0]["api_version"] == "v26.0"
    # One author: one partition, in order.
    assert taken.records[0].key == taken.records[1].key


UNKNOWN = [
    {"object": "user", "entry": [{"changes": [{"field": "feed", "value": COMMENT}]}]},
    {"object": "page", "entry": [{"changes": [{"field": "messages", "value": {}}]}]},
    {"object": "page", "entry": [{"messaging": [{}]}]},
    {"object": "page", "entry": "?"},
    {},
]


@pytest.mark.parametrize("told", UNKNOWN)
def test_what_is_not_tracked_is_taken_and_ignored(
    receive: Callable[..., Receiver], taken: Collected, told: dict[str, Any]
) -> None:
    assert receive("facebook").answer(posted("facebook", told)).status == 200
    assert taken.records == []


@pytest.mark.parametrize("body", [b"{", b"[1]", b'{"entry": "\xff"}', b"[" * 100_000])
def test_what_is_signed_but_no_notification_goes_to_the_dead_letters(
    receive: Callable[..., Receiver], taken: Collected, body: bytes
) -> None:
    receiver = receive("facebook")

    assert receiver.answer(posted("facebook", body)).status == 200
    assert [record.value for record in taken.records] == [body]
    assert receiver.counts()["malformed"] == 1


def test_a_body_without_end_is_refused(receive: Callable[..., Receiver]) -> None:
    assert receive("facebook").answer(posted("facebook", b" " * (LONGEST_BODY + 1))).status == 413


def test_a_notification_that_comes_again_is_the_same_record(
    receive: Callable[..., Receiver], taken: Collected
) -> None:
    receiver = receive("facebook")
    for _ in range(2):
        assert receiver.answer(posted("facebook", feed(COMMENT))).status == 200

    first, second = taken.records
    assert (first.value, first.key) == (second.value, second.key)
    parser = PLATFORMS["facebook"].parser
    assert parser.parse(first.value).chain_id == parser.parse(second.value).chain_id


# Instagram and LinkedIn: what is named is asked for


def instagram_told(field: str, **value: Any) -> dict[str, Any]:
    change = {"field": field, "value": value}
    return {"object": "instagram", "entry": [{"id": ACCOUNT, "time": 1, "changes": [change]}]}


def linkedin_told(*notifications: dict[str, Any]) -> dict[str, Any]:
    return {"type": "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS", "notifications": notifications}


def fetched(platform: SimulatedPlatform, kind: str, value: str) -> list[dict[str, Any]]:
    search = platform.client.search(
        TrackedSource("brand", kind, value), NOON - dt.timedelta(hours=30), NOON
    )
    return [record for page in search for record in page.records]


def test_a_comment_on_instagram_is_published_as_a_fetch_gives_it(
    receive: Callable[..., Receiver],
    taken: Collected,
    simulator: dict[str, SimulatedPlatform],
) -> None:
    comments = [
        record
        for record in fetched(simulator["instagram"], "account", ACCOUNT)
        if "comment" in record
    ]
    replies = [record for record in comments if "parent_id" in record]
    wanted = [comments[0], replies[0]]
    receiver = receive("instagram")
    for found in wanted:
        told = instagram_told("comments", id=found["comment"]["id"], text="no time is told")
        assert receiver.answer(posted("instagram", told)).status == 200

    assert taken.payloads == wanted
    assert receiver.counts() == {"notifications": 2, "published": 2}


def test_mentions_on_instagram_are_asked_for(
    receive: Callable[..., Receiver],
    taken: Collected,
    simulator: dict[str, SimulatedPlatform],
) -> None:
    platform = simulator["instagram"]
    media = platform.post("thank you @nimbuscloud", NOON, account=None)
    comment = fetched(platform, "account", ACCOUNT)[-1]["comment"]["id"]
    receiver = receive("instagram")

    for told in ({"media_id": media}, {"media_id": "1", "comment_id": comment}):
        answer = receiver.answer(posted("instagram", instagram_told("mentions", **told)))
        assert answer.status == 200
    platform.forget()

    parser = PLATFORMS["instagram"].parser
    rows = [parser.parse(record.value) for record in taken.records]
    assert [(row.post_id, row.kind) for row in rows] == [(media, "post"), (comment, "comment")]
    assert rows[0].created_at == NOON


def test_a_comment_on_linkedin_is_published_as_a_fetch_gives_it(
    receive: Callable[..., Receiver],
    taken: Collected,
    simulator: dict[str, SimulatedPlatform],
) -> None:
    comments = [
        record
        for record in fetched(simulator["linkedin"], "organization", "104857601")
        if "comment" in record
    ]
    answers = [record for record in comments if "parentComment" in record["comment"]]
    wanted = [comments[0], answers[0]]
    told = [
        {
            "action": action,
            "sourcePost": record["comment"]["object"],
            "decoratedSourcePost": {"entity": record["post_urn"]},
            # The short spelling, as LinkedIn writes it there.
            "generatedActivity": record["comment"]["commentUrn"].replace("(urn:li:", "("),
        }
        for record, action in zip(wanted, ("COMMENT", "COMMENT_EDIT"), strict=True)
    ]
    receiver = receive("linkedin")

    assert receiver.answer(posted("linkedin", linkedin_told(*told))).status == 200
    assert taken.payloads == wanted


ACTIONS = [
    ("COMMENT_DELETE", "removed"),
    ("LIKE", "ignored"),
    ("SHARE", "ignored"),
    ("SHARE_MENTION", "ignored"),
    ("NEW_ONE", "ignored"),
]


@pytest.mark.parametrize(("action", "what"), ACTIONS)
def test_other_actions_are_counted(
    receive: Callable[..., Receiver], taken: Collected, action: str, what: str
) -> None:
    told = linkedin_told({"action": action, "generatedActivity": "urn:li:comment:(activity:1,2)"})
    receiver = receive("linkedin")

    assert receiver.answer(posted("linkedin", told)).status == 200
    assert receiver.counts() == {"notifications": 1, what: 1}
    assert taken.records == []


GONE = [
    ("instagram", instagram_told("comments", id="123456789")),
    (
        "linkedin",
        linkedin_told({"action": "COMMENT", "generatedActivity": "urn:li:comment:(activity:1,2)"}),
    ),
    ("linkedin", linkedin_told({"action": "COMMENT", "generatedActivity": "urn:li:new:1"})),
]


@pytest.mark.parametrize(("platform", "told"), GONE)
def test_what_is_gone_when_it_is_asked_for_is_counted(
    receive: Callable[..., Receiver], taken: Collected, platform: str, told: dict[str, Any]
) -> None:
    receiver = receive(platform)

    assert receiver.answer(posted(platform, told)).status == 200
    assert receiver.counts() == {"notifications": 1, "vanished": 1}
    assert taken.records == []


@pytest.mark.parametrize("fault", ["rate_limit", "dead_token"])
def test_an_api_that_refuses_puts_the_notification_off(
    receive: Callable[..., Receiver],
    taken: Collected,
    simulator: dict[str, SimulatedPlatform],
    fault: str,
) -> None:
    comment = next(
        record["comment"]["id"]
        for record in fetched(simulator["instagram"], "account", ACCOUNT)
        if "comment" in record
    )
    receiver = receive("instagram")
    simulator["instagram"].fault(fault, times=-1)
    request = posted("instagram", instagram_told("comments", id=comment))

    assert receiver.answer(request).status == 503
    assert receiver.counts() == {"put_off": 1}
    simulator["instagram"].heal()
    # A fresh client: the old one knows that its limit is used up.
    simulator["instagram"].client = simulator["instagram"].connect()
    assert receive("instagram").answer(request).status == 200
    assert len(taken.records) == 1


# When 200 is said


def test_200_is_said_only_when_kafka_has_the_records(
    receive: Callable[..., Receiver], taken: Collected
) -> None:
    receiver = receive("facebook")
    taken.error = NotAcknowledged([0], 1)
    assert receiver.answer(posted("facebook", feed(COMMENT))).status == 503
    taken.error = None
    assert receiver.answer(posted("facebook", feed(COMMENT))).status == 200
    assert receiver.counts() == {"put_off": 1, "notifications": 1, "published": 1}


def test_a_change_that_is_too_large_is_not_sent_again_for_ever(
    receive: Callable[..., Receiver], taken: Collected
) -> None:
    receiver = receive("facebook")
    taken.refused = 1
    assert receiver.answer(posted("facebook", feed(COMMENT))).status == 200
    assert receiver.counts()["refused"] == 1


def test_a_slow_broker_makes_503_and_the_record_comes_all_the_same(
    receive: Callable[..., Receiver], real_kafka: Kafka, topic_of: Callable[..., Topic]
) -> None:
    topic = topic_of("facebook")
    publisher = topic.publisher()
    # A producer's first record takes longest.
    publisher.publish_and_wait([record(0)], 30)
    receiver = receive("facebook", publisher, acknowledged_within_s=1)
    assert receiver.answer(posted("facebook", feed(COMMENT))).status == 200
    real_kafka.pause()
    assert receiver.answer(posted("facebook", feed(COMMENT))).status == 503
    real_kafka.resume()
    assert publisher.close(60) == 0
    assert len(topic.messages()) == 3


# The app around it


def test_the_app_serves_one_address_and_its_health(
    receive: Callable[..., Receiver], taken: Collected
) -> None:
    app = webhook_app("facebook", receive("facebook"))
    body = json.dumps(feed(COMMENT)).encode()

    async def sending() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            challenge = {"hub.mode": "subscribe", "hub.verify_token": VERIFY, "hub.challenge": "7"}
            return [
                await http.get("/health"),
                await http.get("/webhooks/facebook", params=challenge),
                await http.post(
                    "/webhooks/facebook", content=body, headers=signed("facebook", body)
                ),
                await http.post("/webhooks/facebook", content=body),
                await http.post("/webhooks/facebook", content=b" " * (LONGEST_BODY + 1)),
                await http.post("/webhooks/instagram", content=body),
                await http.put("/webhooks/facebook", content=body),
            ]

    with ThreadPoolExecutor(1) as thread:
        answers = thread.submit(asyncio.run, sending()).result()

    assert [answer.status_code for answer in answers] == [200, 200, 200, 401, 413, 404, 405]
    assert answers[1].text == "7"
    assert len(taken.records) == 1


def test_nothing_of_a_notification_is_logged(
    receive: Callable[..., Receiver], taken: Collected, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver = receive("facebook")
    taken.error = NotAcknowledged([0], 1)
    receiver.answer(posted("facebook", feed(COMMENT)))
    taken.error = None
    receiver.answer(posted("facebook", feed(COMMENT)))
    receiver.answer(posted("facebook", BODY, **{"x-hub-signature-256": "sha256=0"}))

    for private in ("Ada", "down", "7001", "55", SECRET, VERIFY):
        assert private not in caplog.text
    assert repr(taken.records[0]) == "Record()"
