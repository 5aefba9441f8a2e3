"""A landing in a process of its own, which ends or halts itself at a given step.

What belongs here: counting the steps, by wrapping what landing reads from and writes to. Processes
are forked from one that has imported everything and used nothing, so that each costs milliseconds.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from confluent_kafka import Message

from resources.kafka_reader import KafkaReader
from sentiment_assets.core.landings import OffsetRange, TopicLog
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.engine.landing import Order, land
from sentiment_assets.lake.landings import LandingConflict
from sentiment_assets.lake.objects import Lake, LakeLocation, ObjectStore
from sentiment_assets.partitions import has_partition
from sentiment_assets_tests.streamed import NOW, Streamed

_context = multiprocessing.get_context("forkserver")
# The main module too: each child would import all of pytest anew.
_context.set_forkserver_preload(["__main__", "sentiment_assets_tests.faults.dying"])

#: How a child ends that met another run's landing.
CONFLICT = 3

_KINDS = {".jsonl.gz": "object", ".manifest.json": "manifest", ".json": "landing"}


@dataclass(frozen=True)
class End:
    """Where a child sends itself a signal: when it comes to a step for the nth time, from 0."""

    step: str
    nth: int = 0
    signal: signal.Signals = signal.SIGKILL


class Steps:
    """Counts the steps of this process, and sends itself a signal at one."""

    def __init__(self, end: End) -> None:
        self._end = end
        self._left = end.nth
        # Objects are stored by several threads.
        self._lock = threading.Lock()

    def reach(self, step: str) -> None:
        with self._lock:
            if step == self._end.step:
                self._left -= 1
                if self._left == -1:
                    os.kill(os.getpid(), self._end.signal)


@dataclass(frozen=True)
class DyingLake(Lake):
    """The lake, whose objects are written in steps."""

    steps: Steps | None = None

    @cached_property
    def objects(self) -> ObjectStore:
        assert self.steps is not None
        return DyingObjects(self.location, self.steps)


class DyingObjects(ObjectStore):
    def __init__(self, location: LakeLocation, steps: Steps) -> None:
        super().__init__(location)
        self._steps = steps

    def put(self, path: str, data: bytes) -> None:
        kind = _kind(path)
        self._steps.reach(f"before the {kind}")
        # As obstore leaves one that it was writing.
        half = Path(self.location.uri) / f"{path}#1"
        half.parent.mkdir(parents=True, exist_ok=True)
        half.write_bytes(data[: len(data) // 2])
        self._steps.reach(f"in the middle of the {kind}")
        half.unlink()
        super().put(path, data)
        self._steps.reach(f"after the {kind}")

    def put_new(self, path: str, data: bytes) -> bool:
        self._steps.reach(f"before the {_kind(path)}")
        written = super().put_new(path, data)
        self._steps.reach(f"after the {_kind(path)}")
        return written


def _kind(path: str) -> str:
    if path.startswith("bronze/dead_letters/"):
        return "dead letters"
    return next(kind for ending, kind in _KINDS.items() if path.endswith(ending))


class DyingReader:
    """The reader, in steps."""

    def __init__(self, reader: KafkaReader, steps: Steps) -> None:
        self._reader, self._steps = reader, steps

    def topic_log(self, topic: str) -> TopicLog:
        self._steps.reach("before the watermarks")
        found = self._reader.topic_log(topic)
        self._steps.reach("after the watermarks")
        return found

    def read(self, topic: str, span: OffsetRange) -> Iterator[Sequence[Message]]:
        self._steps.reach("before the poll")
        for records in self._reader.read(topic, span):
            self._steps.reach("after the poll")
            yield _Halved(records, self._steps)
            self._steps.reach("after routing")

    def commit(self, topic: str, positions: Mapping[int, int]) -> None:
        self._steps.reach("before the group's offsets")
        self._reader.commit(topic, positions)
        self._steps.reach("after the group's offsets")


class _Halved(list[Message]):
    def __init__(self, records: Sequence[Message], steps: Steps) -> None:
        super().__init__(records)
        self._steps = steps

    def __iter__(self) -> Iterator[Message]:
        for number, record in enumerate(super().__iter__()):
            if number == len(self) // 2:
                self._steps.reach("in the middle of routing")
            yield record


@dataclass(frozen=True)
class Landing:
    """What a child is to do; pickles."""

    lake: LakeLocation
    stream: tuple[Any, str, bool]
    order: Order
    end: End
    #: The job, on this instance with this config and these tags; without them the engine alone.
    instance: Any = None
    run_config: Any = None
    tags: Any = None

    def parts(self) -> tuple[Steps, DyingLake, DyingReader]:
        steps = Steps(self.end)
        connection, group, topic_ids = self.stream
        reader = KafkaReader(connection, group, topic_ids=topic_ids)
        return steps, DyingLake(self.lake, steps), DyingReader(reader, steps)


def _land(landing: Landing) -> None:
    _, lake, reader = landing.parts()

    def holds(partition: PostPartition) -> bool:
        return has_partition(partition, NOW)

    def clock() -> dt.datetime:
        return NOW

    with suppress(LandingConflict):
        for _ in land(
            lake, reader, landing.order, holds=holds, run_id=f"child-{os.getpid()}", clock=clock
        ):
            continue
        return
    os._exit(CONFLICT)


def _run_job(landing: Landing) -> None:
    import dagster as dg

    from sentiment_assets.assets.stream import land_job

    steps, lake, reader = landing.parts()
    instance = dg.DagsterInstance.from_ref(landing.instance)
    store: Callable[[Any], None] = instance.event_log_storage.store_event
    kinds = {
        dg.DagsterEventType.ASSET_MATERIALIZATION: "the materialization",
        dg.DagsterEventType.ASSET_CHECK_EVALUATION: "the check",
    }

    def store_in_steps(event: Any) -> None:
        kind = kinds.get(event.dagster_event.event_type) if event.is_dagster_event else None
        if kind:
            steps.reach(f"before {kind}")
        store(event)
        if kind:
            steps.reach(f"after {kind}")

    instance.event_log_storage.store_event = store_in_steps  # type: ignore[method-assign]
    done = land_job.execute_in_process(
        run_config=landing.run_config,
        tags=landing.tags,
        instance=instance,
        resources={"lake": lake, "stream_reader": reader},
        raise_on_error=False,
    )
    os._exit(0 if done.success else 1)


class Child:
    """One landing in a process; ended, or halted until it may go on."""

    def __init__(self, lake: Lake, stream: Streamed, order: Order, end: End, **job: Any) -> None:
        reached = (stream.connection, f"{stream.prefix}landing", not stream.server.mocked)
        landing = Landing(lake.location, reached, order, end, **job)
        self._process: BaseProcess = _context.Process(
            target=_run_job if job else _land, args=(landing,), daemon=True
        )
        self._process.start()

    def was_killed(self) -> bool:
        """It has ended, and not by itself."""
        return self.status() == -signal.SIGKILL

    def status(self) -> int:
        self._process.join(60)
        status = self._process.exitcode
        assert status is not None, "it hangs"
        return status

    def wait_until_halted(self) -> bool:
        """False where it ended before."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if not self._process.is_alive():
                return False
            with suppress(OSError):
                stat = Path(f"/proc/{self._process.pid}/stat").read_text()
                if stat.rpartition(")")[2].split()[0] == "T":
                    return True
            time.sleep(0.002)
        raise AssertionError("it neither ended nor halted")

    def go_on(self) -> int:
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGCONT)
        return self.status()
