"""Raw payloads to rows of the common post schema, one file per platform.

What belongs here: the common schema, the envelope that bronze wraps a payload in, known fields.
Which platform has which parser is ``core.platforms``.
A platform's own fields and spellings stand in its file, which offers:

* ``Payload``: a ``msgspec.Struct`` with the fields that are read; unknown fields are ignored;
* ``row(payload) -> Post``; raises :class:`Refused` for what a type cannot say;
* ``parse(payload) -> Post`` for a single raw payload (``bytes`` or decoded JSON);
* ``Routing``: the few fields of it that bronze routes by, and ``created_at(payload) -> datetime``
  over either;
* ``FIELDS``: the fields that its payloads are known to have (``fields.py``).

Parsed rows hold names and raw ids. They live in memory only.
"""

from __future__ import annotations

import datetime as dt
from types import ModuleType
from typing import Any

import msgspec

from sentiment_assets.core.parsers.batch import ParsedBatch, parse_lines
from sentiment_assets.core.parsers.posts import POST_SCHEMA, Post, Refusal, Refused


def creation_time(parser: ModuleType, payload: Any) -> dt.datetime:
    """When a decoded payload's post was made: what bronze routes by.

    Raises:
        Refused: the payload doesn't say.
    """
    try:
        created: dt.datetime = parser.created_at(msgspec.convert(payload, parser.Routing))
    except msgspec.ValidationError as error:
        raise Refused("not_routable", str(error)) from error
    return created


__all__ = [
    "POST_SCHEMA",
    "ParsedBatch",
    "Post",
    "Refusal",
    "Refused",
    "creation_time",
    "parse_lines",
]
