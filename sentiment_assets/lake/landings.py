"""Landings of topics: what was landed, in the order in which it was.

What belongs here: finding the newest landing and adding the next. What a landing says is
``core.landings``, making one ``engine.landing``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec

from sentiment_assets.core import layout
from sentiment_assets.core.landings import Landing, Position, generation_of, log_name
from sentiment_assets.lake.objects import Lake, LakeError

#: At once.
_READERS = 8
#: Storage's clock may be behind ours.
_CLOCKS_APART = dt.timedelta(minutes=5)

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


def landings_of_run(lake: Lake, topic: str, run_id: str) -> list[Landing]:
    """What one run landed of a topic."""
    return [landing for landing in recent_landings(lake, topic) if landing.run_id == run_id]


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


class LandingsOfLate:
    """The landings of the last while, each read once: what was added is never changed."""

    def __init__(self) -> None:
        self._read: dict[str, dict[str, Landing]] = {}

    def since(self, lake: Lake, topic: str, moment: dt.datetime) -> list[Landing]:
        """The landings of a topic since a moment, in order.

        Raises:
            LakeError: one can't be read.
        """
        paths = [
            stored.path
            for log in logs_of(lake, topic)
            for thousand in sorted(_names(lake, f"{layout.landings_folder(topic)}/{log}"))[-2:]
            for stored in lake.objects.list(f"{layout.landings_folder(topic)}/{log}/{thousand}")
            if stored.modified >= moment - _CLOCKS_APART
        ]
        known = self._read.get(lake.objects.location.uri_of(topic), {})
        new = [path for path in paths if path not in known]
        with ThreadPoolExecutor(_READERS) as threads:
            read = dict(zip(new, threads.map(lambda path: _read(lake, path), new), strict=True))
        found = {path: known.get(path) or read[path] for path in paths}
        self._read[lake.objects.location.uri_of(topic)] = found
        landings = (landing for landing in found.values() if landing.landed_at >= moment)
        return sorted(landings, key=lambda landing: landing.landed_at)


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
