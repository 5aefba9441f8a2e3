"""Lines of a bronze object to Arrow: every line becomes a row or a refusal, and none leaks."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sentiment_assets.core.parsers import POST_SCHEMA, ParsedBatch, batch, parse_lines, x

UTC = dt.timezone.utc
PATH = "bronze/batch_posts/date=2026-11-23/platform=x/window=1200/20261123T140500Z.jsonl.gz"

#: Values of the record that no reason may repeat.
SECRETS = ("1999000000000000007", "jane_roe", "Jane Roe", "jane@mail.example", "yesterday-ish")


def envelope(change: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    return {
        "platform": "x",
        "source": "batch",
        "fetched_at": "2026-11-23T14:05:00Z",
        "request": {"query": "nimbus", "page": 1, "index": 0},
        "api_version": "2",
        "payload": {
            "data": {
                "id": "1999000000000000007",
                "text": "mail jane@mail.example",
                "author_id": "5",
                "created_at": "2026-11-23T12:00:00Z",
            }
            | data,
            "includes": {"users": [{"id": "5", "username": "jane_roe", "name": "Jane Roe"}]},
        },
    } | (change or {})


def line(change: dict[str, Any] | None = None, **data: Any) -> bytes:
    return json.dumps(envelope(change, **data), ensure_ascii=False).encode()


def without(*path: str) -> bytes:
    whole = envelope()
    inner = whole
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return json.dumps(whole).encode()


def parsed(*lines: bytes, first_line: int = 1) -> ParsedBatch:
    return parse_lines(x, "x", lines, PATH, first_line)


GOOD = line()
TOO_LARGE = 10**25

MALFORMED: list[tuple[str, bytes, str, str]] = [
    ("empty", b"", "not_json", "truncated"),
    ("cut", GOOD[: len(GOOD) // 2], "not_json", "truncated"),
    ("words", b"jane_roe wrote this", "not_json", "malformed"),
    ("two values", GOOD + GOOD, "not_json", "trailing"),
    ("lone surrogate", line(text="A").replace(b'"A"', b'"\\ud83d jane_roe"'), "not_json", "utf-16"),
    ("too deep", GOOD.replace(b'"request": {', b'"request2": ' + b"[" * 100_000), "not_json",
     "nested too deeply"),
    ("bad UTF-8", GOOD.replace(b"mail jane", b"\xff\xfejane"), "bad_encoding",
     f"byte {GOOD.index(b'mail jane')} of the line"),
    ("not an object", b"[]", "unexpected_field", "got `array`"),
    ("null", b"null", "unexpected_field", "got `null`"),
    ("text is a number", line(text=123), "unexpected_field", "`$.payload.data.text`"),
    ("id is a number", line(id=1999000000000000007), "unexpected_field", "`$.payload.data.id`"),
    ("id is empty", line(id=""), "unexpected_field", "`$.payload.data.id`"),
    ("no id", without("payload", "data", "id"), "unexpected_field", "`id` - at `$.payload.data`"),
    ("no data", without("payload", "data"), "unexpected_field", "`data` - at `$.payload`"),
    ("no payload", without("payload"), "unexpected_field", "field `payload`"),
    ("no fetched_at", without("fetched_at"), "unexpected_field", "field `fetched_at`"),
    ("no platform", without("platform"), "unexpected_field", "field `platform`"),
    ("no created_at", without("payload", "data", "created_at"), "no_creation_time",
     "created_at is missing"),
    ("words for a time", line(created_at="yesterday-ish"), "unexpected_field",
     "`$.payload.data.created_at`"),
    ("a time without a zone", line(created_at="2026-11-23T12:00:00"), "unexpected_field",
     "timezone component - at `$.payload.data.created_at`"),
    ("a time before the calendar", line(created_at="0001-01-01T00:00:00+23:59"),
     "no_creation_time", "outside the calendar"),
    ("a time after the calendar", line(created_at="9999-12-31T23:59:59-23:59"),
     "no_creation_time", "outside the calendar"),
    ("our time without a zone", line({"fetched_at": "2026-11-23T14:05:00"}), "unexpected_field",
     "timezone component - at `$.fetched_at`"),
    ("our time outside the calendar", line({"fetched_at": "0001-01-01T00:00:00+23:59"}),
     "unexpected_field", "outside the calendar"),
    ("another platform", line({"platform": "facebook"}), "wrong_platform", "not x"),
    ("a count beyond 64 bits", line(public_metrics={"like_count": TOO_LARGE}), "unexpected_field",
     "`$.payload.data.public_metrics.like_count`"),
    ("a count below zero", line(public_metrics={"reply_count": -1}), "unexpected_field",
     "`$.payload.data.public_metrics.reply_count`"),
    ("a count in words", line(public_metrics={"like_count": "many"}), "unexpected_field",
     "`$.payload.data.public_metrics.like_count`"),
    ("an empty id in a chain", line(edit_history_tweet_ids=["", "5"]), "unexpected_field",
     "`$.payload.data.edit_history_tweet_ids[0]`"),
    ("mentions are no list", line(entities={"mentions": "jane_roe"}), "unexpected_field",
     "`$.payload.data.entities.mentions`"),
    ("a user without id", line({"payload": {"data": envelope()["payload"]["data"],
                                            "includes": {"users": [{"username": "jane_roe"}]}}}),
     "unexpected_field", "`$.payload.includes.users[0]`"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("malformed", "code", "reason"),
    [case[1:] for case in MALFORMED],
    ids=[case[0] for case in MALFORMED],
)
@pytest.mark.parametrize("at_once", [False, True])
def test_a_malformed_line_is_refused_alone(
    malformed: bytes, code: str, reason: str, at_once: bool
) -> None:
    lines = [GOOD, malformed, GOOD]
    read = parsed(*([b"\n".join(lines)] if at_once else lines), first_line=41)
    assert read.posts["line"].to_pylist() == [41, 43]
    (refusal,) = read.refusals
    assert (refusal.object, refusal.line, refusal.code) == (PATH, 42, code)
    assert reason in refusal.reason
    assert refusal.record_count == 1
    assert not [secret for secret in SECRETS if secret in refusal.reason]


def test_a_refusal_knows_its_source() -> None:
    (refusal,) = parsed(line({"source": "stream", "platform": "y"})).refusals
    assert refusal.source == "stream"


def test_a_row_holds_what_the_envelope_says() -> None:
    posts = parsed(line({"source": "stream", "fetched_at": "2026-11-23T16:05:00+02:00"})).posts
    row = posts.to_pylist()[0]
    assert {name: row[name] for name in ("platform", "source", "object", "line")} == {
        "platform": "x",
        "source": "stream",
        "object": PATH,
        "line": 1,
    }
    assert row["fetched_at"] == dt.datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
    assert row["known_names"] == ["jane_roe", "Jane Roe"]


def test_no_lines_are_an_empty_batch_of_the_schema() -> None:
    read = parsed()
    assert read.posts.schema == POST_SCHEMA
    assert (read.posts.num_rows, read.refusals) == (0, [])


@pytest.mark.parametrize("end", [b"", b"\r", b" "])
def test_white_space_at_the_end_of_a_line_is_no_content(end: bytes) -> None:
    assert parsed(GOOD + end).posts.num_rows == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["id", "text", "created_at", "users", "mentions", "type"]), inner,
        max_size=3,
    ),
    max_leaves=6,
)  # fmt: skip
fields = st.sampled_from(
    ["id", "text", "author_id", "created_at", "lang", "entities", "public_metrics", "note_tweet",
     "note_post", "referenced_tweets", "edit_history_tweet_ids", "in_reply_to_user_id"]
)  # fmt: skip
garbage = st.one_of(
    st.binary(max_size=40).map(lambda b: b.replace(b"\n", b" ")),
    st.builds(lambda at, b: GOOD[:at] + bytes([b]) + GOOD[at + 1 :],
              st.integers(0, len(GOOD) - 1), st.integers(0, 255).filter(lambda b: b != 10)),
    st.dictionaries(fields, json_values, min_size=1, max_size=3).map(
        lambda data: json.dumps(envelope(**data)).encode()
    ),
)  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(st.lists(garbage | st.just(GOOD), max_size=6))
def test_every_line_is_a_row_or_a_refusal(lines: list[bytes]) -> None:
    read = parsed(*lines)
    numbers = read.posts["line"].to_pylist() + [refusal.line for refusal in read.refusals]
    assert sorted(numbers) == list(range(1, len(lines) + 1))
    assert read.posts.schema == POST_SCHEMA
    pa.Table.from_batches([read.posts]).validate(full=True)


SPANNING = json.dumps(envelope(), indent=0).encode()
#: Lines that are not one value each, and some that are but look otherwise.
ODD = [
    GOOD + GOOD, GOOD + b" " + GOOD, SPANNING, SPANNING + GOOD, GOOD + SPANNING, GOOD + b"\r",
    b"", b" ", b"{}", b"{}{}", b"}", b"{", b"}\n{", b"[\n]", b"1 2", b"null", MALFORMED[5][1],
    GOOD[:-1], GOOD[1:], GOOD[: len(GOOD) // 2], GOOD[len(GOOD) // 2 :],
    GOOD.replace(b'"query"', b'"}\n{"'), GOOD.replace(b"jane@", b"}\n{"), b"\xef\xbb\xbf" + GOOD,
    GOOD.replace(b'"request": {', b'"request": \n{'), GOOD.replace(b"nimbus", b"\xff"),
    GOOD.replace(b"mail jane", b"\xff\xfejane"), line({"platform": "facebook"}),
    line({"fetched_at": "0001-01-01T00:00:00+23:59"}), line(public_metrics={"like_count": -1}),
]  # fmt: skip


def alone(lines: list[bytes], last_line: int | None = None) -> ParsedBatch:
    """Each line decoded by itself."""
    with patch.object(batch, "_opened", lambda _, line: [line]):
        return parse_lines(x, "x", lines, PATH, 41, last_line)


@settings(deadline=None, max_examples=300)
@given(
    content=st.lists(
        st.just(GOOD) | st.sampled_from(ODD) | garbage | st.binary(max_size=20), max_size=8
    ).map(b"\n".join),
    cuts=st.sets(st.integers(0, 12), max_size=3),
    last_line=st.none() | st.integers(38, 54),
)
# As many values as lines, by chance: a line holds two of them, and another none, or half of one.
@example(GOOD + GOOD + b"\n", set(), None)
@example(b"\n" + GOOD + GOOD, set(), None)
@example(GOOD + b"\n\n" + GOOD + GOOD, set(), None)
@example(GOOD + b" \n" + GOOD + b"\n", set(), None)
@example(GOOD.replace(b'"payload"', b'\n"payload"') + b"\n" + GOOD + GOOD, set(), None)
@example(GOOD.replace(b'"request": {', b'"request": \n{') + GOOD, set(), None)
@example(GOOD.replace(b"}}", b"}\n}") + GOOD, set(), None)
def test_lines_on_end_are_read_as_each_alone(
    content: bytes, cuts: set[int], last_line: int | None
) -> None:
    lines = content.split(b"\n")
    bounds = [0, *sorted(cut for cut in cuts if 0 < cut < len(lines)), len(lines)]
    several = [b"\n".join(lines[a:b]) for a, b in itertools.pairwise(bounds)]
    together = parse_lines(x, "x", several, PATH, 41, last_line)
    expected = alone(lines if last_line is None else lines[: max(0, last_line - 40)])
    assert together.posts.equals(expected.posts)
    assert together.refusals == expected.refusals
    assert together.posts.num_rows + len(together.refusals) <= len(lines)


def test_good_lines_are_decoded_at_once() -> None:
    """Else all that the tests above compare would be lines that are read alone."""
    lines = [GOOD, line({"platform": "facebook"}), GOOD, line({"source": "stream"})]
    opened = batch._opened(batch._decoder(x), b"\n".join(lines))
    assert [type(one) for one in opened] == [batch.Envelope] * 4
