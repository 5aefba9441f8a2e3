"""Posts and users as X's API v2 spells them, in the classic and in the 2026 spelling.

What belongs here: payload objects. What does not: which posts are asked for, HTTP.
Sources: https://docs.x.com/x-api/fundamentals/data-dictionary and the OpenAPI document
https://api.x.com/2/openapi.json (both as of 2026-11-23). User metrics keep ``tweet_count`` and
references keep ``retweeted`` in the 2026 spelling too, as live responses do.
"""

from __future__ import annotations

import html
import math
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from simulator.clock import HOUR_MS, iso
from simulator.people import Author
from simulator.texts import SHORT
from simulator.x.post import Post, Source, full_text
from simulator.x.query import hashtags, links, mentions

_REFERENCE = {"reply": "replied_to", "repost": "retweeted", "quote": "quoted"}
_HOSTS = ("example.com", "blog.example.org", "news.example.net", "shop.example.co.za")
Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Spelling:
    """The names that changed in 2026."""

    fields: str
    noun: str
    history: str
    references: str
    note: str
    included: str
    reposts: str


CLASSIC = Spelling(
    "tweet.fields",
    "tweet",
    "edit_history_tweet_ids",
    "referenced_tweets",
    "note_tweet",
    "tweets",
    "retweet_count",
)
RENAMED = Spelling(
    "post.fields",
    "post",
    "edit_history_post_ids",
    "referenced_posts",
    "note_post",
    "posts",
    "repost_count",
)


def render_post(
    post: Post, fields: Collection[str], source: Source, now_ms: int, spelling: Spelling
) -> Payload:
    """The post object with ``fields`` (classic names) beside id, text and edit history."""
    whole = full_text(post, source)
    text = html.escape(_shortened(post, whole), quote=False)
    out: Payload = {
        "id": str(post.id),
        "text": text,
        spelling.history: [str(one) for one in post.chain],
    }
    overrides = post.overrides or {}
    for field in fields:
        if field in overrides:
            value: object = overrides[field]
        elif field == "created_at":
            value = iso(post.created_ms)
        elif field == "author_id":
            value = source.author(post.author).id
        elif field == "lang":
            value = post.lang
        elif field == "conversation_id":
            value = str(post.conversation_id)
        elif field == "public_metrics":
            value = _metrics(post, now_ms)
        elif field == "referenced_tweets":
            value = post.target and [{"type": _REFERENCE[post.kind], "id": str(post.target.id)}]
        elif field == "in_reply_to_user_id":
            replied = post.target if post.kind == "reply" else None
            value = replied and source.author(replied.author).id
        elif field == "entities":
            value = _entities(text, source)
        elif field == "note_tweet":
            value = _note(post, whole, source)
        elif field == "attachments":
            value = {"media_keys": [media_key(post)]} if post.has_photo else None
        elif field == "edit_controls":
            value = _edit_controls(post, source, now_ms)
        elif field == "possibly_sensitive":
            value = False
        elif field == "reply_settings":
            value = "everyone"
        elif field == "display_text_range":
            value = [0, len(text)]
        else:
            value = None
        # X leaves out what a post does not have.
        if value is not None:
            out[field] = value
    return out if spelling is CLASSIC else _renamed(out)


def _renamed(out: Payload) -> Payload:
    for old, new in (("referenced_tweets", "referenced_posts"), ("note_tweet", "note_post")):
        if old in out:
            out[new] = out.pop(old)
    metrics = out.get("public_metrics")
    if isinstance(metrics, dict) and "retweet_count" in metrics:
        out["public_metrics"] = {
            "repost_count": metrics["retweet_count"],
            **{k: v for k, v in metrics.items() if k != "retweet_count"},
        }
    return out


def _shortened(post: Post, whole: str) -> str:
    if post.kind == "repost":
        return whole if len(whole) <= 140 else whole[:139] + "…"
    if len(whole) <= SHORT:
        return whole
    return whole[: SHORT - 25].rsplit(" ", 1)[0] + f"… https://t.co/{post.id % 36**5:010x}"


def _note(post: Post, whole: str, source: Source) -> Payload | None:
    if post.kind == "repost" or len(whole) <= SHORT:
        return None
    text = html.escape(whole, quote=False)
    note: Payload = {"text": text}
    if (entities := _entities(text, source)) is not None:
        note["entities"] = entities
    return note


def _entities(text: str, source: Source) -> Payload | None:
    out: Payload = {}
    if "#" in text:
        out["hashtags"] = [
            {"start": m.start(), "end": m.end(), "tag": m[1]} for m in hashtags(text)
        ]
    if "@" in text:
        found = []
        for m in mentions(text):
            mention: Payload = {"start": m.start(), "end": m.end(), "username": m[1]}
            if (author := source.author_named(m[1])) is not None:
                mention["id"] = author.id
            found.append(mention)
        out["mentions"] = found
    if "http" in text:
        out["urls"] = [_url(m.start(), m.end(), m[0]) for m in links(text)]
    return {kind: found for kind, found in out.items() if found} or None


def _url(start: int, end: int, url: str) -> Payload:
    expanded = url
    if url.startswith("https://t.co/"):
        slug = url.rpartition("/")[2]
        expanded = f"https://{_HOSTS[zlib.crc32(slug.encode()) % len(_HOSTS)]}/{slug}"
    shown = expanded.partition("//")[2]
    return {
        "start": start,
        "end": end,
        "url": url,
        "expanded_url": expanded,
        "display_url": shown if len(shown) < 27 else shown[:26] + "…",
    }


def _metrics(post: Post, now_ms: int) -> Payload:
    """Counts that grow with age towards a heavy-tailed total, a pure function of id and time."""
    counted = post.target if post.kind == "repost" and post.target is not None else post
    dice = (counted.id * 2_654_435_761 % (1 << 32)) / (1 << 32)
    total = 6 * (1 - dice) ** -0.9 - 5
    grown = total * (1 - math.exp(-max(0, now_ms - counted.created_ms) / (6 * HOUR_MS)))
    likes = 0 if counted is not post else int(grown)
    return {
        "retweet_count": int(grown * 0.2),
        "reply_count": likes // 9,
        "like_count": likes,
        "quote_count": likes // 30,
        "bookmark_count": likes // 20,
        "impression_count": likes and int(grown * (20 + dice * 60)),
    }


def _edit_controls(post: Post, source: Source, now_ms: int) -> Payload:
    first = source.find(post.chain[0]) or post
    until = first.created_ms + 30 * 60_000
    left = 5 - (len(post.chain) - 1)
    return {
        "edits_remaining": left,
        "is_edit_eligible": post.kind in ("post", "quote"),
        "editable_until": iso(until),
    }


def media_key(post: Post) -> str:
    """The key of the post's photo."""
    return f"3_{post.id}"


def render_media(post: Post, fields: Collection[str]) -> Payload:
    """The post's photo."""
    everything = {
        "url": f"https://pbs.twimg.com/media/{post.id:x}.jpg",
        "width": 1200,
        "height": 675,
        "alt_text": "A chart",
    }
    return {"media_key": media_key(post), "type": "photo"} | {
        name: value for name, value in everything.items() if name in fields
    }


def render_user(author: Author, fields: Collection[str]) -> Payload:
    """The user object with ``fields`` beside id, name and username."""
    out: Payload = {"id": author.id, "name": author.name, "username": author.handle}
    if not fields:
        return out
    everything: Payload = {
        "created_at": author.joined_at,
        "description": author.bio,
        "location": author.place or None,
        "verified": author.verified,
        "verified_type": "blue" if author.verified else "none",
        "protected": False,
        "profile_image_url": f"https://pbs.twimg.com/profile_images/{author.id}/p_normal.jpg",
        "url": "",
        "public_metrics": {
            "followers_count": author.followers,
            "following_count": author.following,
            "tweet_count": author.posts,
            "listed_count": author.followers // 90,
            "like_count": author.posts * 3,
        },
    }
    return out | {k: v for k, v in everything.items() if k in fields and v is not None}
