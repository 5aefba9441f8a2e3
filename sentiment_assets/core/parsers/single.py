"""One raw payload to a row, for whoever holds a single one; bronze's lines go through ``batch``.

What belongs here: decoding and its errors, the same for every platform. What a payload means is the
platform's own file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec

from sentiment_assets.core.parsers.posts import Post, Refused, Row

P = TypeVar("P", bound=msgspec.Struct)


@cache
def _decoder(model: type[P]) -> msgspec.json.Decoder[P]:
    return msgspec.json.Decoder(model)


def parse_single(
    payload: bytes | str | Mapping[str, Any], model: type[P], row: Callable[[P], Row]
) -> Post:
    """A payload, raw or decoded, by a platform's ``Payload`` and ``row``.

    Raises:
        Refused: a field is missing or of another type; the reason names its place.
    """
    try:
        if isinstance(payload, (bytes, str)):
            return Post(*row(_decoder(model).decode(payload)))
        return Post(*row(msgspec.convert(payload, model)))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Refused("malformed_record", str(error)) from error
