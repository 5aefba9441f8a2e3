"""Every platform's lines become the same columns by the kernel and by PyArrow."""

from __future__ import annotations

import itertools
import json
from typing import Any
from unittest.mock import patch

import pytest

from sentiment_assets.core.parsers import ParsedBatch, Post, parse_lines, rows
from sentiment_assets.core.platforms import PLATFORMS

NOON, SECONDS = "2026-11-23T14:00:00.123456+02:00", 1_795_435_200
#: Empty, of every width of UTF-8, with what ends a string in C, of many escapes, long.
TEXTS = [
    "",
    "plain",
    "\u00e9 \u0436 \u4e2d \U0001f469\u200d\U0001f467 \u202eright to left",
    "a\x00b",
    '\\"\n\t\\u',
    "x " * 20_000,
    None,
]
NAMES = ["Jane Roe", "", "Zoë 中"]


def payloads(platform: str, text: str | None, name: str) -> list[dict[str, Any]]:
    """A platform's kinds of payload that say a text and tell of somebody."""
    if platform == "x":
        post = {"id": "7", "text": text, "author_id": "5", "created_at": NOON, "lang": "en"}
        said = {
            "mentions": [{"username": one} for one in ("ann", name, "ann")],
            "annotations": [{"type": "Person", "normalized_text": name}],
            "urls": [{"url": "https://a.example/"}, {"expanded_url": "https://www.B.example:1/c"}],
        }
        includes = {"users": [{"id": "5", "username": "jane", "name": name}]}
        repost = post | {"referenced_tweets": [{"type": "retweeted", "id": "6"}]}
        return [
            {"data": post, "includes": includes},
            {"data": {"id": "8", "created_at": NOON}},
            {"data": post | {"entities": said, "edit_history_tweet_ids": ["7", "6"]}},
            {"data": post | {"public_metrics": {"like_count": 10**12, "impression_count": 0}}},
            {"data": repost, "includes": {"tweets": [post | {"id": "6", "entities": said}]}},
        ]
    if platform == "facebook":
        author = {"from": {"id": "5", "name": name}, "created_time": NOON, "message": text}
        tags = {"message_tags": [{"id": "9", "name": name}, {"id": "8", "name": "#tag"}]}
        pushed = {"post_id": "1_2", "comment_id": "2_3", "created_time": SECONDS, "message": text}
        return [
            {"post": author | tags | {"id": "1_2", "shares": {"count": 3}}},
            {"comment": author | {"like_count": 0}, "post_id": "1_2"},
            {"change": {"value": pushed}},
        ]
    if platform == "instagram":
        said = {"id": "7", "timestamp": NOON, "username": name}
        return [
            {"media": said | {"caption": f"{text} @ann www.a.example", "comments_count": 2}},
            {"comment": said | {"text": text, "from": {"id": "5"}}, "media_id": "7"},
        ]
    moment = SECONDS * 1000 + 1
    comment = {"commentUrn": "urn:li:comment:(activity:1,2)", "created": {"time": moment}}
    return [
        {"post": {"id": "urn:li:share:1", "createdAt": moment, "commentary": text}},
        {"comment": comment | {"message": {"text": text}}, "post_urn": "urn:li:share:1"},
    ]


def lines_of(platform: str) -> list[bytes]:
    """Good lines, with one between them now and then that is none."""
    lines = []
    for text, name in itertools.product(TEXTS, NAMES):
        for payload in payloads(platform, text, name):
            envelope = {"platform": platform, "source": "stream", "fetched_at": NOON}
            lines.append(json.dumps(envelope | {"payload": payload}).encode())
        lines.append(lines[-1][:-1])
    return lines


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_platforms_lines_are_the_same_columns(platform: str) -> None:
    if rows.compiled is None:
        pytest.skip("no C compiler")

    def parsed() -> ParsedBatch:
        return parse_lines(PLATFORMS[platform].parser, platform, lines, "an/object", 11)

    lines = lines_of(platform)
    made = parsed()
    with patch.object(rows, "compiled", None):
        copied = parsed()
    made.posts.validate(full=True)
    assert made.posts.equals(copied.posts)
    assert made.refusals == copied.refusals
    broken = len(TEXTS) * len(NAMES)
    assert (made.posts.num_rows, len(made.refusals)) == (len(lines) - broken, broken)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_column_holds_what_the_parser_says_of_a_single_payload(platform: str) -> None:
    lines = lines_of(platform)
    posts = parse_lines(PLATFORMS[platform].parser, platform, lines, "an/object").posts
    for row in posts.to_pylist():
        payload = json.loads(lines[row["line"] - 1])["payload"]
        single = PLATFORMS[platform].parser.parse(payload)
        assert {name: row[name] for name in Post._fields} == single._asdict()
        assert (row["platform"], row["object"], row["source"]) == (platform, "an/object", "stream")
