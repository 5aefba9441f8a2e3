"""Records that nobody should have sent, and what must become of each.

What belongs here: the kinds, as data. Every one that can carries :data:`SECRET` where an error
message would quote it.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sentiment_assets_tests.bronze_records import at as hour_of_day
from sentiment_assets_tests.bronze_records import payload, snowflake
from sentiment_assets_tests.faults.ledger import Fate
from sentiment_assets_tests.streamed import written

#: What no reason, log line or event may say.
SECRET = "zqxjkvbpw"

Header = tuple[str, bytes | None]


@dataclass(frozen=True)
class Poison:
    """One kind. ``code`` is that of the reason; null for what is a row after all."""

    name: str
    value: bytes | None
    fate: Fate
    code: str | None
    headers: Sequence[Header] = field(default_factory=written)

    @property
    def chain(self) -> str | None:
        """The id of the row that it is."""
        return _identity(self.name) if self.fate == "row" else None


def _sequence(name: str) -> int:
    # Above what storms use, and one's own.
    return 1_000_000 + sum(ord(letter) * 31**place for place, letter in enumerate(name)) % 3_000_000


def _identity(name: str) -> str:
    return snowflake(hour_of_day(9), _sequence(name))


def _post(name: str, **data: Any) -> dict[str, Any]:
    return payload(9, _sequence(name), **{"text": f"I think {SECRET} is great, version 0"} | data)


def _spelled(name: str, **data: Any) -> bytes:
    return json.dumps(_post(name, **data), ensure_ascii=False).encode()


def _with(name: str, field_name: str, raw: bytes) -> bytes:
    """A post with a field that is spelled as nobody would."""
    return _spelled(name, **{field_name: "@@"}).replace(b'"@@"', raw)


def _without(name: str, field_name: str) -> bytes:
    post = _post(name)
    del post["data"][field_name]
    return json.dumps(post).encode()


def _dead(name: str, value: bytes | None, code: str, headers: Any = None) -> Poison:
    return Poison(name, value, "dead letter", code, written() if headers is None else headers)


def _quarantined(name: str, value: bytes, code: str) -> Poison:
    return Poison(name, value, "quarantine", code)


def _row(name: str, value: bytes) -> Poison:
    return Poison(name, value, "row", None)


def _lacking(header: str) -> list[Header]:
    return [(name, value) for name, value in written() if name != header]


def _saying(header: str, value: bytes | None) -> list[Header]:
    return [*_lacking(header), (header, value)]


_DEEP = 10_000

POISON: tuple[Poison, ...] = (
    _dead("empty", b"", "empty"),
    _dead("tombstone", None, "empty"),
    _dead("blank", b" \n ", "not_json"),
    _dead("not JSON", f"{SECRET} is no JSON".encode(), "not_json"),
    _dead("truncated", _spelled("truncated")[:-9], "not_json"),
    _dead("cut in a string", _spelled("cut in a string")[:40], "not_json"),
    _dead("UTF-16", _spelled("UTF-16").decode().encode("utf-16"), "not_json"),
    _dead("byte order mark", b"\xef\xbb\xbf" + _spelled("byte order mark"), "not_json"),
    _dead("gzip", gzip.compress(_spelled("gzip"), mtime=0), "not_json"),
    _dead("array", b"[" + _spelled("array") + b"]", "not_routable"),
    _dead("number", b"12345678901234567890", "not_routable"),
    _dead("string", json.dumps(SECRET).encode(), "not_routable"),
    _dead("null", b"null", "not_routable"),
    _dead("true", b"true", "not_routable"),
    _dead("empty object", b"{}", "not_routable"),
    _dead("nested arrays", b"[" * _DEEP + b"]" * _DEEP, "not_routable"),
    _dead("nested objects", b'{"data":' * _DEEP + b"1" + b"}" * _DEEP, "not_json"),
    _dead(
        "nested in a field", _with("nested in a field", "text", b"[" * _DEEP + b"]" * _DEEP),
        "not_json",
    ),
    _dead("NaN", _with("NaN", "like", b"NaN"), "not_json"),
    _dead("infinite", _with("infinite", "like", b"-Infinity"), "not_json"),
    _dead("control character", _with("control character", "text", b'"a\x01b"'), "not_json"),
    _dead("raw line end in a text", _with("raw line end in a text", "text", b'"a\nb"'), "not_json"),
    _dead("nul", _spelled("nul") + b"\x00", "not_json"),
    _dead("half a surrogate", _with("half a surrogate", "text", rb'"\ud83d"'), "not_json"),
    _dead("bad escape", _with("bad escape", "text", rb'"\x41"'), "not_json"),
    _dead("more behind it", _spelled("more behind it") + b'{"data":1}', "not_json"),
    _dead("out of the envelope", _spelled("out") + b',"platform":"facebook"', "not_json"),
    _dead("single quotes", str(_post("single quotes")).encode(), "not_json"),
    _dead("no id", _without("no id", "id"), "not_routable"),
    _dead("empty id", _spelled("empty id", id=""), "not_routable"),
    _dead("id as a number", _spelled("id as a number", id=77_123_456), "not_routable"),
    _dead("no creation time", _without("no creation time", "created_at"), "no_creation_time"),
    _dead("garbage for a time", _spelled("garbage", created_at=SECRET), "not_routable"),
    _dead("time as a number", _spelled("time", created_at=1_795_000_000), "not_routable"),
    _dead("no zone", _spelled("no zone", created_at="2026-11-23T09:00:00"), "not_routable"),
    _dead("month 13", _spelled("month", created_at="2026-13-23T09:00:00Z"), "not_routable"),
    _dead(
        "before the calendar", _spelled("before", created_at="0001-01-01T00:00:00+14:00"),
        "no_creation_time",
    ),
    _dead(
        "after the calendar", _spelled("after", created_at="9999-12-31T23:59:59-14:00"),
        "no_creation_time",
    ),
    _dead("year 1", _spelled("year 1", created_at="0001-01-01T00:00:00Z"), "no_partition"),
    _dead("far future", _spelled("far future", created_at="2126-11-23T09:00:00Z"), "no_partition"),
    _dead(
        "before the first partition", _spelled("first", created_at="2006-03-21T20:50:14Z"),
        "no_partition",
    ),
    _dead(
        "an edit of the far future",
        _spelled("edit", edit_history_tweet_ids=["9" * 18 + "0", "9" * 18 + "1"]),
        "no_partition",
    ),
    _dead("of another platform", b'{"id":"1_2","message":"%b"}' % SECRET.encode(), "not_routable"),
    _dead("no headers", _spelled("no headers"), "bad_headers", []),
    _dead("no platform", _spelled("no platform"), "bad_headers", _lacking("platform")),
    _dead("no origin", _spelled("no origin"), "bad_headers", _lacking("origin")),
    _dead(
        "a header without a value", _spelled("null"), "bad_headers", _saying("api_version", None)
    ),
    _dead(
        "a header that is no UTF-8", _spelled("header"), "bad_headers",
        _saying("fetch_id", SECRET.encode() + b"\xff\xfe"),
    ),
    _dead(
        "garbage for a fetch time", _spelled("fetched"), "bad_headers",
        _saying("fetched_at", SECRET.encode()),
    ),
    _dead(
        "a fetch time without a zone", _spelled("naive"), "bad_headers",
        _saying("fetched_at", b"2026-11-23T09:00:00"),
    ),
    _dead(
        "another platform's header", _spelled("platform"), "wrong_platform",
        _saying("platform", SECRET.encode()),
    ),
    _dead(
        "another origin", _spelled("origin"), "other_origin", _saying("origin", SECRET.encode())
    ),
    _dead("a live post", _spelled("live"), "other_origin", _saying("origin", b"live")),
    _quarantined("Latin-1", _with("Latin-1", "text", b'"caf\xe9 and more"'), "bad_encoding"),
    _quarantined("text as a list", _spelled("list", text=[SECRET]), "unexpected_field"),
    _quarantined("author as a number", _spelled("author", author_id=77), "unexpected_field"),
    _quarantined(
        "negative count", _spelled("negative", public_metrics={"like_count": -1}),
        "unexpected_field",
    ),
    _quarantined(
        "beyond any double",
        _with("double", "public_metrics", b'{"like_count":1e999}'), "unexpected_field",
    ),
    _quarantined(
        "five thousand digits",
        _with("digits", "public_metrics", b'{"like_count":' + b"9" * 5_000 + b"}"),
        "unexpected_field",
    ),
    _row("duplicate keys", _spelled("other").replace(b', "includes": {}}', b"")
         + _spelled("duplicate keys").replace(b"{", b",", 1)),
    _row("pretty", json.dumps(_post("pretty"), indent=4).encode()),
    _row("carriage returns", json.dumps(_post("carriage returns"), indent=1)
         .replace("\n", "\r\n").encode()),
    _row("escaped controls", _spelled("escaped controls", text="version 0 \x00\x07\n\u2028 fine")),
    _row("most of 1 MB", _spelled("most of 1 MB", text="version 0 " + "great stuff " * 80_000)),
    _row("no text", _without("no text", "text")),
    _row("unknown fields", _spelled("unknown fields", **{f"field {n}": [n] for n in range(200)})),
)  # fmt: skip
