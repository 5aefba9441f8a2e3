"""Bronze lines to Arrow: opens the envelope, asks the platform's parser, keeps what was refused.

A line is one envelope: ``platform, source, fetched_at, request|offset, api_version, payload``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain, islice
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
    parser: ModuleType,
    platform: str,
    lines: Sequence[bytes],
    path: str,
    first_line: int = 1,
    last_line: int | None = None,
) -> ParsedBatch:
    """Parse the lines of one bronze object, each to a row or a refusal.

    Args:
        parser: the platform's module in ``core.parsers``.
        platform: platform of the partition that holds the object.
        lines: raw JSON lines; an item may hold several, with ``\\n`` between and none at the end.
        path: the object, named in rows and refusals.
        first_line: number of the first one in the object, from 1.
        last_line: number of the last one that is parsed; what follows it is left out.
    """
    # Rows hold no cycles, and looking for some in a block of them takes as long as parsing it.
    with without_collection():
        decoder = _decoder(parser)
        opened = chain.from_iterable(_opened(decoder, several) for several in lines)
        count = None if last_line is None else max(last_line - first_line + 1, 0)
        return _parsed(parser, platform, islice(opened, count), path, first_line)


def _opened(decoder: msgspec.json.Decoder[Any], lines: bytes) -> list[Any]:
    """The envelope of each line, decoded at once; the lines, where each must be read alone.

    msgspec doesn't look at the ends of lines: to it, two values may share a line, and one may take
    several. In valid JSON no string holds a line end, and nothing inside a value goes from ``}`` to
    ``{``. So where each line ends between these two, it ends between values; and then, of as many
    values as lines, each line has one.
    """
    count, end = 1, lines.find(b"\n")
    while end >= 0:
        if lines[end - 1 : end + 2] != b"}\n{":
            return lines.split(b"\n")
        count, end = count + 1, lines.find(b"\n", end + 1)
    try:
        envelopes = decoder.decode_lines(lines)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return lines.split(b"\n")
    return envelopes if len(envelopes) == count else lines.split(b"\n")


def _parsed(
    parser: ModuleType, platform: str, opened: Iterable[Any], path: str, first_line: int
) -> ParsedBatch:
    decode = _decoder(parser).decode
    row = parser.row
    columns = Columns(POST_SCHEMA, {"platform": platform, "object": path})
    add = columns.add
    refusals: list[Refusal] = []
    for number, line in enumerate(opened, first_line):
        source = "batch"
        try:
            envelope = decode(line) if type(line) is bytes else line
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
