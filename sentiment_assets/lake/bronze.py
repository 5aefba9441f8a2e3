"""Bronze: raw records as immutable gzip objects, with a manifest beside them.

What belongs here: writing what a fetch brought, and reading it back. Manifests are the truth: an
object that none lists was left by a run that died, and is overwritten by its retry or ignored.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import io
import json
import zlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import msgspec

from sentiment_assets.core import layout
from sentiment_assets.core.coverage import (
    BronzeObject,
    Manifest,
    QueryFetch,
    State,
    WindowCoverage,
    coverage_of,
)
from sentiment_assets.core.layout import PostPartition, Window, windows_of
from sentiment_assets.lake.objects import Lake, LakeError, ObjectMissing

#: Lines that are read at once: bounds memory, whatever the object's size.
BLOCK_LINES = 10_000

_encode = msgspec.json.Encoder().encode
_decode_manifest = msgspec.json.Decoder(Manifest).decode
# A day has some dozens of manifests of 1 kB; on S3 each costs a round trip.
_MANIFEST_READERS = 16


class UnreadableObject(LakeError):
    """A bronze object is damaged; the message says how."""


class _ObjectWriter:
    """One gzip object in the making. Compressed in memory: a fetched window is some MB."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        # mtime 0: the same records give the same bytes.
        self._gzip = gzip.GzipFile(fileobj=self._buffer, mode="wb", compresslevel=5, mtime=0)
        self.records = 0

    def add(self, line: bytes) -> None:
        self._gzip.write(line)
        self._gzip.write(b"\n")
        self.records += 1

    def store(self, lake: Lake, path: str) -> BronzeObject:
        self._gzip.close()
        data = self._buffer.getvalue()
        lake.objects.put(path, data)
        return BronzeObject(path, self.records, len(data), hashlib.sha256(data).hexdigest())


class WindowFetch:
    """What one fetch brings for one window: add records as they come, then close.

    Nothing is visible before :meth:`close`, which writes the objects first and the window's own
    manifest last.
    """

    def __init__(
        self,
        lake: Lake,
        window: Window,
        *,
        fetched_at: dt.datetime,
        run_id: str,
        api_version: str,
        simulated: bool,
    ) -> None:
        self._lake = lake
        self._window = window
        self._fetched_at = fetched_at.astimezone(dt.timezone.utc).replace(microsecond=0)
        self._run_id = run_id
        self._api_version = api_version
        self._simulated = simulated
        self._writers: dict[Window, _ObjectWriter] = {}
        self._dead_letters = _ObjectWriter()
        self.received = 0

    def add(self, target: Window, payload: Any, request: Mapping[str, Any]) -> None:
        """Add a record to the window that its creation time names."""
        self._writers.setdefault(target, _ObjectWriter()).add(self._envelope(payload, request))
        self.received += 1

    def add_dead_letter(self, payload: Any, request: Mapping[str, Any], reason: str) -> None:
        """Keep a record that no window can be named for, with the reason."""
        self._dead_letters.add(self._envelope(payload, request, reason=reason))
        self.received += 1

    @property
    def dead_letters(self) -> int:
        """Dead letters so far."""
        return self._dead_letters.records

    def earlier_attempt(self) -> Manifest | None:
        """What an earlier attempt of this fetch left behind, before a retry overwrites it."""
        path = self._manifest_path(self._window)
        try:
            return _decode_manifest(self._lake.objects.get(path))
        except (ObjectMissing, msgspec.DecodeError, UnicodeDecodeError):
            return None

    def _manifest_path(self, target: Window) -> str:
        name = layout.batch_object(target, self._fetched_at, self._window)
        return name.replace(".jsonl.gz", ".manifest.json")

    def close(
        self,
        state: State,
        reason: str,
        fetched: tuple[dt.datetime, dt.datetime] | None = None,
        queries: Sequence[QueryFetch] = (),
    ) -> list[Manifest]:
        """Store all and say what the window's state is; the own manifest stands last.

        Args:
            state: of the window, after this fetch.
            reason: why it isn't complete.
            fetched: creation times from and up to which it was fetched.
            queries: what each query brought.
        """
        if self._dead_letters.records:
            place = f"{self._window.partition.date:%Y%m%d}-{self._window.name}"
            self._dead_letters.store(
                self._lake,
                layout.dead_letter_object(self._window.partition.platform, self._fetched_at, place),
            )
        stored = {
            target: writer.store(
                self._lake, layout.batch_object(target, self._fetched_at, self._window)
            )
            for target, writer in sorted(self._writers.items(), key=lambda item: item[0])
        }
        manifests = [
            self._manifest(
                target,
                None,
                f"posts returned by the fetch of {self._window.folder}",
                None,
                (),
                [written],
            )
            for target, written in stored.items()
            if target != self._window
        ]
        own = [stored[self._window]] if self._window in stored else []
        manifests.append(self._manifest(self._window, state, reason, fetched, queries, own))
        for manifest in manifests:
            target = _window_of(manifest)
            self._lake.objects.put(self._manifest_path(target), _encode(manifest))
        return manifests

    def _manifest(
        self,
        target: Window,
        state: State | None,
        reason: str,
        fetched: tuple[dt.datetime, dt.datetime] | None,
        queries: Sequence[QueryFetch],
        objects: list[BronzeObject],
    ) -> Manifest:
        own = target == self._window
        return Manifest(
            platform=target.partition.platform,
            date=target.partition.date,
            window=target.name,
            state=state,
            reason=reason,
            fetched_at=self._fetched_at,
            fetched_from=fetched[0] if fetched else None,
            fetched_until=fetched[1] if fetched else None,
            run_id=self._run_id,
            api_version=self._api_version,
            simulated=self._simulated,
            queries=list(queries),
            objects=objects,
            received=self.received if own else sum(o.records for o in objects),
            dead_letters=self.dead_letters if own else 0,
        )

    def _envelope(self, payload: Any, request: Mapping[str, Any], **more: str) -> bytes:
        envelope = {
            "platform": self._window.partition.platform,
            "source": "batch",
            "fetched_at": self._fetched_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "request": request,
            "api_version": self._api_version,
            **more,
            "payload": payload,
        }
        try:
            return _encode(envelope)
        except UnicodeEncodeError:
            # JSON may escape half of a surrogate pair; only an ASCII escape can carry it on.
            return json.dumps(envelope, ensure_ascii=True).encode()


@dataclass(frozen=True)
class BronzePartition:
    """What the manifests of a partition say, read at one moment."""

    partition: PostPartition
    manifests: tuple[Manifest, ...]
    #: Manifests that cannot be read: what they say of their window is unknown.
    damaged: tuple[str, ...] = ()

    def of(self, window: Window) -> list[Manifest]:
        """The manifests of one window."""
        return [m for m in self.manifests if m.window == window.name]

    def is_damaged(self, window: Window) -> bool:
        """A manifest of the window cannot be read."""
        return any(f"/{window.folder}/" in path for path in self.damaged)

    @property
    def coverage(self) -> dict[Window, WindowCoverage]:
        """State of each of the twelve windows."""
        return {w: coverage_of(w, self.of(w)) for w in windows_of(self.partition)}

    def objects(self, window: Window) -> list[BronzeObject]:
        """The committed objects of one window, by path."""
        return sorted((o for m in self.of(window) for o in m.objects), key=lambda o: o.path)


def read_partition(lake: Lake, partition: PostPartition) -> BronzePartition:
    """Read a partition's manifests.

    A damaged manifest doesn't stop the others: its window counts as not fetched, so that the API
    is asked again, silver keeps what it has of it, and the conservation check names the file.
    """
    paths = [
        stored.path
        for stored in lake.objects.list(f"{layout.BATCH_POSTS}/{partition.folder}/")
        if stored.path.endswith(".manifest.json")
    ]

    def read(path: str) -> Manifest | str:
        try:
            return _decode_manifest(lake.objects.get(path))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return path

    with ThreadPoolExecutor(_MANIFEST_READERS) as readers:
        found = list(readers.map(read, paths))
    return BronzePartition(
        partition,
        tuple(manifest for manifest in found if isinstance(manifest, Manifest)),
        tuple(path for path in found if isinstance(path, str)),
    )


def read_blocks(lake: Lake, stored: BronzeObject) -> Iterator[list[bytes]]:
    """Stream an object's lines in blocks of :data:`BLOCK_LINES`.

    Of an object that was cut short, the whole lines before the cut are given before it raises. Of
    one with damaged bytes none is: in a trial, gzip saw most flipped bits only at its very end.

    Raises:
        UnreadableObject: the object is missing, cut short, damaged or no gzip.
    """
    try:
        data = lake.objects.get(stored.path)
    except ObjectMissing as error:
        raise UnreadableObject(str(error)) from error
    cut: EOFError | None = None
    try:
        # Other bytes than the manifest's are a retry's whose manifest is not there yet, or damage.
        if hashlib.sha256(data).hexdigest() != stored.sha256:
            deque(_blocks(data), maxlen=0)
    except EOFError as error:
        # Damaged bytes can hide the end of the stream too; only missing ones leave the rest true.
        if len(data) >= stored.size:
            raise UnreadableObject(f"{stored.path}: {error}") from error
        cut = error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableObject(f"{stored.path}: {error}") from error
    yield from _blocks(data, tolerant=cut is not None)
    if cut is not None:
        raise UnreadableObject(f"{stored.path}: {cut}") from cut


def _blocks(data: bytes, tolerant: bool = False) -> Iterator[list[bytes]]:
    """Blocks of lines; ``tolerant`` ends where the data were cut instead of raising."""
    block: list[bytes] = []
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            for line in stream:
                block.append(line.rstrip(b"\n"))
                if len(block) == BLOCK_LINES:
                    yield block
                    block = []
    except EOFError:
        if not tolerant:
            raise
    if block:
        yield block


def _window_of(manifest: Manifest) -> Window:
    return Window(PostPartition(manifest.date, manifest.platform), manifest.window)
