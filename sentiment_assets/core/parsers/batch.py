"""Bronze lines to Arrow: opens the envelope, asks the platform's parser, keeps what was refused.

A line is one envelope: ``platform, source, fetched_at, request|offset, api_version, payload``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import msgspec
import pyarrow as pa
from msgspec import Meta, Struct

from sentiment_assets.core.collection import without_collection
from sentiment_assets.core.parsers.posts import POST_SCHEMA, Refusal, Refused
from sentiment_assets.core.parsers.rows import Columns

P = TypeVar("P")

_UTC = dt.timezone.utc


class Envelope(Struct, Generic[P], gc=False):
    """What bronze adds around a payload; ``request`` and ``offset`` are for engineers' eyes."""

    platform: str
    source: str
    fetched_at: Annotated[dt.datetime, Meta(tz=True)]
    payload: P


class ParsedBatch(NamedTuple):
    """Rows of :data:`POST_SCHEMA`, and the lines that became none."""

    posts: pa.RecordBatch
    refusals: list[Refusal]


@cache
def _decoder(parser: ModuleType) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(Envelope[parser.Payload])  # type: ignore[name-defined]


def parse_lines(
    parser: ModuleType, platform: str, lines: Sequence[bytes], path: str, first_line: int = 1
) -> ParsedBatch:
    """Parse the lines of one bronze object.

    Args:
        parser: the platform's module in ``core.parsers``.
        platform: platform of the partition that holds the object.
        lines: raw JSON lines without their line ends.
        path: the object, named in rows and refusals.
        first_line: number of ``lines[0]`` in the object, from 1.
    """
    # Rows hold no cycles, and looking for some in a block of them takes as long as parsing it.
    with without_collection():
        return _parsed(parser, platform, lines, path, first_line)


def _parsed(
    parser: ModuleType, platform: str, lines: Sequence[bytes], path: str, first_line: int
) -> ParsedBatch:
    decode = _decoder(parser).decode
    row = parser.row
    columns = Columns(POST_SCHEMA, {"platform": platform, "object": path})
    add = columns.add
    refusals: list[Refusal] = []
    for number, line in enumerate(lines, first_line):
        source = "batch"
        try:
            envelope = decode(line)
            source = envelope.source
            if envelope.platform != platform:
                raise Refused(
                    "wrong_platform",
                    f"the envelope's platform is not {platform}, whose partition holds it",
                )
            fetched_at = envelope.fetched_at
            if fetched_at.tzinfo is not _UTC:
                fetched_at = fetched_at.astimezone(_UTC)
            post = row(envelope.payload)
        except Refused as refused:
            refusals.append(Refusal(path, number, refused.code, refused.reason, source))
        except UnicodeDecodeError:
            reason = f"not UTF-8: byte {_first_invalid_byte(line)} of the line"
            refusals.append(Refusal(path, number, "bad_encoding", reason, source))
        except msgspec.ValidationError as error:
            refusals.append(Refusal(path, number, "unexpected_field", str(error), source))
        except msgspec.DecodeError as error:
            refusals.append(Refusal(path, number, "not_json", str(error), source))
        except RecursionError:
            reason = "nested too deeply to be read"
            refusals.append(Refusal(path, number, "not_json", reason, source))
        except OverflowError:
            reason = "fetched_at lies outside the calendar in UTC - at `$`"
            refusals.append(Refusal(path, number, "unexpected_field", reason, source))
        else:
            # What fails here is no fault of the record. Tuples are joined in half the time that
            # unpacking them into a new one takes.
            add(post + (source, fetched_at, number))  # noqa: RUF005
    return ParsedBatch(columns.batch(), refusals)


def _first_invalid_byte(line: bytes) -> int | None:
    # msgspec counts from the start of the string value.
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return error.start
    return None
