"""Landings of topics: what was landed, in the order in which it was.

What belongs here: finding the newest landing and adding the next. What a landing says is
``core.landings``, making one ``engine.landing``.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from sentiment_assets.core import layout
from sentiment_assets.core.landings import Landing, Position, generation_of, log_name
from sentiment_assets.lake.objects import Lake, LakeError

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Landing).decode


class LandingConflict(LakeError):
    """Another run landed of the same topic at the same time; nothing is lost, and nothing double.

    What this run wrote stands beside it, and silver makes one row of two copies.
    """


def position_of(lake: Lake, topic: str, topic_id: str) -> Position:
    """Where the landings of a topic's present incarnation stand.

    Raises:
        LakeError: the newest landing can't be read.
    """
    plain = log_name(topic_id)
    logs = [log for log in logs_of(lake, topic) if _is_of(log, plain)]
    log = max(logs, key=generation_of, default=plain)
    newest = newest_landing(lake, topic, log)
    if newest is None:
        return Position(log)
    return Position(log, newest.number + 1, newest.positions)


def newest_landing(lake: Lake, topic: str, log: str) -> Landing | None:
    """The newest landing of a log; null before the first.

    Raises:
        LakeError: it can't be read.
    """
    thousands = _names(lake, f"{layout.landings_folder(topic)}/{log}")
    if not thousands:
        return None
    folder = f"{layout.landings_folder(topic)}/{log}/{max(thousands)}"
    return _read(lake, max(stored.path for stored in lake.objects.list(folder)))


def landed_topics(lake: Lake) -> list[str]:
    """Names of the topics of which anything was landed."""
    return _names(lake, f"{layout.STREAM_POSTS}/{layout.LANDINGS}")


def logs_of(lake: Lake, topic: str) -> list[str]:
    """The incarnations of a topic of which anything was landed."""
    return _names(lake, layout.landings_folder(topic))


def recent_landings(lake: Lake, topic: str) -> Iterator[Landing]:
    """The newest landings of a topic, some thousand at most of each of its logs, in order.

    Raises:
        LakeError: one can't be read.
    """
    for log in logs_of(lake, topic):
        folder = f"{layout.landings_folder(topic)}/{log}"
        for thousand in sorted(_names(lake, folder))[-2:]:
            for stored in lake.objects.list(f"{folder}/{thousand}"):
                yield _read(lake, stored.path)


def add_landing(lake: Lake, landing: Landing) -> None:
    """Add the next landing of a log.

    Raises:
        LandingConflict: another run added the one of this number.
    """
    path = layout.landing_object(landing.topic, landing.log, landing.number)
    written = _encode(landing)
    # S3's answer may be lost after it has written: the client asks again, and meets its own.
    if not lake.objects.put_new(path, written) and lake.objects.get(path) != written:
        raise LandingConflict(
            f"landing {landing.number} of {landing.topic} was written by another run; nothing is "
            "lost: the next run goes on where that one ended"
        )


def _read(lake: Lake, path: str) -> Landing:
    try:
        return _decode(lake.objects.get(path))
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise LakeError(
            f"{path} is no landing that can be read: restore it from a backup, or remove it, and "
            "what it told of is landed again, which silver makes one row of"
        ) from None


def _names(lake: Lake, folder: str) -> list[str]:
    return [path.rstrip("/").rpartition("/")[2] for path in lake.objects.folders(folder)]


def _is_of(log: str, plain: str) -> bool:
    return generation_of(log)[0] == plain
