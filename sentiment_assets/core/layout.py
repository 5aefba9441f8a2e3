"""Partitions, windows and paths: the only place that spells a path of the lake.

What belongs here: pure values and the strings made of them. Reading or listing those paths is the
work of ``sentiment_assets.lake``; Dagster's view of them is ``sentiment_assets.partitions``.

Every date and hour is UTC. A *window* is the 2-hour bucket of a post's creation time, named by its
start (``"0800"`` holds 08:00 up to, not including, 10:00).
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Literal

WINDOW_LENGTH = dt.timedelta(hours=2)
WINDOWS: tuple[str, ...] = tuple(f"{hour:02d}00" for hour in range(0, 24, 2))

BATCH_POSTS = "bronze/batch_posts"
STREAM_POSTS = "bronze/stream_posts"
#: What runs and their jobs of other processes tell one another.
JOBS_FOLDER = "bronze/_jobs"
#: Raw posts, by the way in which they came.
RAW_POSTS = (BATCH_POSTS, STREAM_POSTS)
DEAD_LETTERS = "bronze/dead_letters"
#: What the stream of live posts keeps for itself; bronze's readers alone read it.
LIVE = "bronze/_live"
#: Spark's own: offsets, and the keys by which it knows a post again.
LIVE_CHECKPOINT = f"{LIVE}/checkpoint"
#: Below the stream's posts: what was landed of each topic.
LANDINGS = "_landings"
#: Name of the object that says of a partition that it is sealed.
SEAL = "sealed.json"
ORIGIN_MARKER = "_lake.json"
#: Where a lake's keyring lies beside its layers, where it does.
KEYS_FOLDER = "_keys"

#: The marker tells nothing of anybody: it goes with the layer that every role may read.
MARKERS_LAYER = "gold"

Origin = Literal["simulated", "live"]


@dataclass(frozen=True, order=True)
class PostPartition:
    """One date (UTC, of the posts' own creation) of one platform."""

    date: dt.date
    platform: str

    @property
    def key(self) -> str:
        """Dagster's key of this partition, such as ``2026-11-23|x``."""
        return f"{self.date.isoformat()}|{self.platform}"

    @classmethod
    def from_key(cls, key: str) -> PostPartition:
        """Read a key as :attr:`key` writes it.

        Raises:
            ValueError: the key is not ``YYYY-MM-DD|platform``.
        """
        date, _, platform = str(key).partition("|")
        try:
            if platform:
                return cls(dt.date.fromisoformat(date), platform)
        except ValueError:
            pass
        raise ValueError(f"partition key {key!r} is not date|platform; for example: 2026-11-23|x")

    @classmethod
    def from_folder(cls, path: str) -> PostPartition | None:
        """The partition that a path ends in as :attr:`folder` writes it; None for any other."""
        found = re.search(r"(?:^|/)date=(\d{4}-\d\d-\d\d)/platform=([^/]+)$", path)
        return cls(dt.date.fromisoformat(found[1]), found[2]) if found else None

    @property
    def folder(self) -> str:
        """The Hive folder of this partition, without the table's root."""
        return f"date={self.date.isoformat()}/platform={self.platform}"


@dataclass(frozen=True, order=True)
class Window:
    """One 2-hour window of one partition."""

    partition: PostPartition
    name: str

    @property
    def start(self) -> dt.datetime:
        """First instant of the window."""
        return dt.datetime.combine(
            self.partition.date, dt.time(int(self.name[:2])), tzinfo=dt.timezone.utc
        )

    @property
    def end(self) -> dt.datetime:
        """First instant after the window."""
        return self.start + WINDOW_LENGTH

    @property
    def folder(self) -> str:
        """The Hive folder of this window, without the table's root."""
        return f"{self.partition.folder}/window={self.name}"

    @property
    def values(self) -> dict[str, str]:
        """The window as tables that are partitioned by it name it."""
        date = self.partition.date.isoformat()
        return {"date": date, "platform": self.partition.platform, "window": self.name}

    @classmethod
    def of(cls, instant: dt.datetime, platform: str) -> Window:
        """The window that holds an instant (aware; any zone)."""
        utc = instant.astimezone(dt.timezone.utc)
        return cls(PostPartition(utc.date(), platform), window_of(utc))


def window_of(instant: dt.datetime) -> str:
    """Name of the window that holds an aware instant."""
    return f"{instant.astimezone(dt.timezone.utc).hour // 2 * 2:02d}00"


def window_bounds(date: dt.date, window: str) -> tuple[dt.datetime, dt.datetime]:
    """First instant of a window and the first after it."""
    whole = Window(PostPartition(date, ""), window)
    return whole.start, whole.end


def windows_of(partition: PostPartition) -> tuple[Window, ...]:
    """The twelve windows of a partition, oldest first."""
    return tuple(Window(partition, name) for name in WINDOWS)


def compact_time(instant: dt.datetime) -> str:
    """An instant as file names carry it: ``20261123T080512Z``."""
    return instant.astimezone(dt.timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def batch_folder(window: Window) -> str:
    """Where the fetched objects and manifests of a window lie."""
    return f"{BATCH_POSTS}/{window.folder}"


def batch_object(window: Window, fetched_at: dt.datetime, fetched_for: Window | None = None) -> str:
    """Path of the object that one fetch adds to a window.

    ``fetched_for`` names the window that was asked for when a post belongs to another one (an edit
    keeps the window of its chain's first version), so that the two never share a name.
    """
    name = compact_time(fetched_at)
    if fetched_for is not None and fetched_for != window:
        name += f"-from-{fetched_for.partition.date:%Y%m%d}-{fetched_for.name}"
    return f"{batch_folder(window)}/{name}.jsonl.gz"


def stream_folder(window: Window) -> str:
    """Where the landed objects and manifests of a window lie."""
    return f"{STREAM_POSTS}/{window.folder}"


def stream_object(window: Window, log: str, partition: int, start: int, end: int) -> str:
    """Path of what a window got from a range of a topic's partition; the range is [start, end)."""
    return f"{stream_folder(window)}/{log}-{partition}-{start}-{end}.jsonl.gz"


def stream_manifest(window: Window, log: str, ranges: str) -> str:
    """Path of the manifest of a window's objects; ``ranges`` names what was landed with them.

    Landings of the same ranges have the same name and bring the same: no other can take its place.
    """
    return f"{stream_folder(window)}/{log}-{ranges}.manifest.json"


def stream_dead_letter_object(
    platform: str, received: dt.date, log: str, partition: int, start: int, end: int
) -> str:
    """Path of a range's records that no window could be named for."""
    return (
        f"{DEAD_LETTERS}/platform={platform}/received={received.isoformat()}/"
        f"{log}-{partition}-{start}-{end}.jsonl.gz"
    )


def replayed_object(dead_letters: str) -> str:
    """Path of the note that says which of an object's dead letters were replayed."""
    return dead_letters.removesuffix(".jsonl.gz") + ".replayed.json"


def landings_folder(topic: str) -> str:
    """Where the landings of a topic lie, a folder for each of its logs."""
    return f"{STREAM_POSTS}/{LANDINGS}/{topic}"


def landing_object(topic: str, log: str, number: int) -> str:
    """Path of a landing. A thousand a folder: finding the newest lists two short folders."""
    return f"{landings_folder(topic)}/{log}/{number // 1000:06d}/{number:09d}.json"


def live_slots_folder() -> str:
    """Where the sums of every author in the 5 minutes that are still open lie."""
    return f"{LIVE}/slots"


def live_slot_folder(slot: dt.datetime) -> str:
    """The sums of 5 minutes, named by their start."""
    return f"{live_slots_folder()}/slot={compact_time(slot)}"


def live_sums_object(slot: dt.datetime, batch: int, part: int) -> str:
    """Path of what one part of a batch adds to 5 minutes; a repeated batch has the same paths."""
    return f"{live_slot_folder(slot)}/{batch:012d}-{part:05d}.parquet"


def live_progress_object() -> str:
    """Path of how far the stream has come."""
    return f"{LIVE}/progress.json"


def seal_object(partition: PostPartition) -> str:
    """Path of a partition's seal, beside its windows."""
    return f"{BATCH_POSTS}/{partition.folder}/{SEAL}"


def dead_letter_object(platform: str, fetched_at: dt.datetime, place: str) -> str:
    """Path of the records that one fetch could not route; ``place`` says what was asked for."""
    received = fetched_at.astimezone(dt.timezone.utc).date()
    return (
        f"{DEAD_LETTERS}/platform={platform}/received={received.isoformat()}/"
        f"{compact_time(fetched_at)}-{place}.jsonl.gz"
    )


def layer_of(path: str) -> str:
    """The layer that a path below the lake's root belongs to; "" for the root itself."""
    return MARKERS_LAYER if path == ORIGIN_MARKER else path.strip("/").partition("/")[0]


def recipe_object(recipe: str) -> str:
    """Path of what a recipe of silver consisted of."""
    return f"silver/_recipes/{recipe}.json"


def job_order_object(run_id: str, name: str) -> str:
    """Path of what a run tells a job of another process: in bronze, whose readers alone read it."""
    return f"bronze/_jobs/{run_id}/{name}.order"


def table_root(table: str) -> str:
    """Folder of a Delta table, such as ``silver/posts``, below the lake's root.

    Who reads gold reads what it joins: reference tables lie in gold's own folder, under its key.
    """
    return f"gold/{table}" if table.startswith("reference/") else table


def job_messages_folder(order: str, attempt: str) -> str:
    """Where a job tells its run how it fares: beside its order, for each attempt another folder."""
    return f"{order.removesuffix('.order')}-{attempt}"


def job_messages_object(folder: str, number: int) -> str:
    """Path of a job's messages, which are numbered from 1 in the order of their telling."""
    return f"{folder}/{number:06d}.jsonl"
