"""Bronze: raw records as immutable gzip objects, with a manifest beside them.

What belongs here: writing what a fetch brought, and reading back all that lies there, whichever way
it came. Writing what a topic brought is ``engine.landing``. Manifests are the truth: an
object that none lists was left by a run that died, and is overwritten by its retry or ignored.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import msgspec
from isal import isal_zlib

from sentiment_assets.core import layout
from sentiment_assets.core.coverage import (
    BronzeObject,
    Manifest,
    Searched,
    SourceFetch,
    WindowCoverage,
    coverage_of,
    objects_of,
)
from sentiment_assets.core.layout import PostPartition, Window, windows_of
from sentiment_assets.core.seals import Seal
from sentiment_assets.lake.objects import Lake, LakeError, ObjectMissing
from sentiment_assets.lake.seals import decode_seal

#: Bytes of lines that are read at once: bounds memory, whatever the object's size. Each block is a
#: batch of columns, which costs as much as to parse some twenty lines.
BLOCK_BYTES = 1 << 21

#: Bytes that are unpacked at once.
_CHUNK = 1 << 14

#: Bytes of lines in one item of a block: what they are decoded to is in memory all at once.
_PIECE = 1 << 18

_LEVEL = 2
#: Bytes of lines that are packed at once: a call costs as much as some hundred of them.
_PACKED_AT_ONCE = 1 << 16

_encode = msgspec.json.Encoder().encode
_decode_manifest = msgspec.json.Decoder(Manifest).decode
# A day has some dozens of manifests of 1 kB; on S3 each costs a round trip.
_MANIFEST_READERS = 16


class UnreadableObject(LakeError):
    """A bronze object is damaged; the message says how."""


class ObjectWriter:
    """One gzip object in the making. Compressed in memory: what is added at once is some MB."""

    def __init__(self) -> None:
        # isa-l packs four times as fast as zlib, 13 % larger. A header without a time: the same
        # records give the same bytes.
        self._gzip = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, 16 + isal_zlib.MAX_WBITS)
        self._packed: list[bytes] = []
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self.records = 0

    def add(self, line: bytes) -> None:
        """Add a line, given without its end."""
        self._waiting.append(line)
        self._waiting_bytes += len(line)
        self.records += 1
        if self._waiting_bytes >= _PACKED_AT_ONCE:
            self._pack()

    def _pack(self) -> None:
        lines = b"\n".join(self._waiting)
        self._packed.append(self._gzip.compress(lines))
        self._packed.append(self._gzip.compress(b"\n"))
        self._waiting.clear()
        self._waiting_bytes = 0

    def store(self, lake: Lake, path: str) -> BronzeObject:
        """Write the object; nothing can be added any more."""
        if self._waiting:
            self._pack()
        data = b"".join((*self._packed, self._gzip.flush()))
        # Whoever keeps the writer for its count keeps no second copy.
        self._packed.clear()
        lake.objects.put(path, data)
        return BronzeObject(path, self.records, len(data), hashlib.sha256(data).hexdigest())


class StretchFetch:
    """What one fetch brings for windows that were searched together: add records, then close.

    Nothing is visible before :meth:`close`, which writes the objects first and the manifest of the
    oldest window, which tells of the whole fetch, last.
    """

    def __init__(
        self,
        lake: Lake,
        windows: Sequence[Window],
        *,
        fetched_at: dt.datetime,
        run_id: str,
        api_version: str,
        simulated: bool,
        notices: Sequence[str] = (),
    ) -> None:
        self._lake = lake
        self._windows = sorted(windows)
        self._fetched_at = fetched_at.astimezone(dt.timezone.utc).replace(microsecond=0)
        self._run_id = run_id
        self._api_version = api_version
        self._simulated = simulated
        self._notices = notices
        self._writers: dict[Window, ObjectWriter] = {}
        self._dead_letters = ObjectWriter()
        self.received = 0

    @property
    def platform(self) -> str:
        """Whose posts they are."""
        return self._windows[0].partition.platform

    def add(self, target: Window, payload: Any, request: Mapping[str, Any]) -> None:
        """Add a record to the window that its creation time names."""
        self._writers.setdefault(target, ObjectWriter()).add(self._envelope(payload, request))
        self.received += 1

    def add_dead_letter(self, payload: Any, request: Mapping[str, Any], reason: str) -> None:
        """Keep a record that no window can be named for, with the reason."""
        self._dead_letters.add(self._envelope(payload, request, reason=reason))
        self.received += 1

    @property
    def dead_letters(self) -> int:
        """Dead letters so far."""
        return self._dead_letters.records

    def earlier_attempt(self) -> list[Manifest]:
        """What an earlier attempt of this fetch left behind, before a retry overwrites it."""
        found = []
        for window in self._windows:
            try:
                found.append(_decode_manifest(self._lake.objects.get(self._manifest_path(window))))
            except (ObjectMissing, msgspec.DecodeError, UnicodeDecodeError):
                return []
        return found

    def _object_path(self, target: Window) -> str:
        # A window of its own never shares a name with one that only got strays of it.
        asked = target if target in self._windows else self._windows[0]
        return layout.batch_object(target, self._fetched_at, asked)

    def _manifest_path(self, target: Window) -> str:
        return self._object_path(target).replace(".jsonl.gz", ".manifest.json")

    def close(
        self, states: Mapping[Window, Searched], sources: Sequence[SourceFetch] = ()
    ) -> tuple[list[Manifest], list[Manifest]]:
        """Store all and say what became of each window.

        Args:
            states: of each of the fetch's windows.
            sources: what each source brought.

        Returns:
            The windows' manifests, oldest first, and those of other windows that got posts.
        """
        oldest = self._windows[0]
        if self._dead_letters.records:
            place = f"{oldest.partition.date:%Y%m%d}-{oldest.name}"
            self._dead_letters.store(
                self._lake, layout.dead_letter_object(self.platform, self._fetched_at, place)
            )
        stored = {
            target: writer.store(self._lake, self._object_path(target))
            for target, writer in sorted(self._writers.items(), key=lambda item: item[0])
        }
        strays = [
            self._manifest(
                target,
                Searched(None, f"posts returned by the fetch of {oldest.folder}", None),
                [written],
                written.records,
            )
            for target, written in stored.items()
            if target not in states
        ]
        elsewhere = self.dead_letters + sum(manifest.received for manifest in strays)
        own = []
        for window in self._windows:
            objects = [stored[window]] if window in stored else []
            received = sum(written.records for written in objects)
            if window == oldest:
                received += elsewhere
            own.append(self._manifest(window, states[window], objects, received, sources))
        for manifest in (*strays, *reversed(own)):
            self._lake.objects.put(self._manifest_path(_window_of(manifest)), _encode(manifest))
        return own, strays

    def _manifest(
        self,
        target: Window,
        searched: Searched,
        objects: list[BronzeObject],
        received: int,
        sources: Sequence[SourceFetch] = (),
    ) -> Manifest:
        oldest = self._windows[0]
        return Manifest(
            platform=target.partition.platform,
            date=target.partition.date,
            window=target.name,
            state=searched.state,
            reason=searched.reason,
            fetched_at=self._fetched_at,
            fetched_from=searched.fetched[0] if searched.fetched else None,
            fetched_until=searched.fetched[1] if searched.fetched else None,
            run_id=self._run_id,
            api_version=self._api_version,
            simulated=self._simulated,
            sources=list(sources) if target == oldest else [],
            fetched_with=None if target == oldest else oldest.folder,
            objects=objects,
            notices=list(self._notices) if target == oldest else [],
            received=received,
            dead_letters=self.dead_letters if target == oldest else 0,
        )

    def _envelope(self, payload: Any, request: Mapping[str, Any], **more: str) -> bytes:
        envelope = {
            "platform": self.platform,
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
    #: Silver of the partition is final.
    seal: Seal | None = None

    def of(self, window: Window) -> list[Manifest]:
        """The manifests of one window."""
        return [m for m in self.manifests if m.window == window.name]

    def is_damaged(self, window: Window) -> bool:
        """A manifest of the window cannot be read, or the seal of them all."""
        seal = layout.seal_object(self.partition)
        return any(path == seal or f"/{window.folder}/" in path for path in self.damaged)

    @property
    def coverage(self) -> dict[Window, WindowCoverage]:
        """State of each of the twelve windows; as it was sealed, where it is."""
        if self.seal is not None:
            return self.seal.coverage
        return {w: coverage_of(w, self.of(w)) for w in windows_of(self.partition)}

    def objects(self, window: Window) -> list[BronzeObject]:
        """The committed objects of one window, by path."""
        return objects_of(self.of(window))

    def late(self, window: Window) -> list[BronzeObject]:
        """Of a sealed partition's window: what came after the seal."""
        return self.seal.late(window, self.objects(window)) if self.seal else []


def stored_partitions(lake: Lake) -> list[PostPartition]:
    """The partitions that bronze holds anything of, sorted."""
    days = [day for posts in layout.RAW_POSTS for day in lake.objects.folders(posts)]
    folders = (folder for day in days for folder in lake.objects.folders(day))
    return sorted({p for p in map(PostPartition.from_folder, folders) if p is not None})


def read_partition(lake: Lake, partition: PostPartition) -> BronzePartition:
    """Read a partition's manifests, of fetches and of landings, and its seal where it has one.

    A damaged manifest doesn't stop the others: its window counts as not fetched, so that the API
    is asked again, silver keeps what it has of it, and the conservation check names the file.
    """
    stored = [
        entry.path
        for posts in layout.RAW_POSTS
        for entry in lake.objects.list(f"{posts}/{partition.folder}/")
    ]
    paths = [path for path in stored if path.endswith(".manifest.json")]

    def read(path: str) -> Manifest | str:
        try:
            return _decode_manifest(lake.objects.get(path))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return path

    with ThreadPoolExecutor(_MANIFEST_READERS) as readers:
        found = list(readers.map(read, paths))
    damaged = [path for path in found if isinstance(path, str)]
    seal = None
    if (path := layout.seal_object(partition)) in stored:
        try:
            seal = decode_seal(lake.objects.get(path))
        except (msgspec.DecodeError, UnicodeDecodeError):
            damaged.append(path)
    manifests = tuple(manifest for manifest in found if isinstance(manifest, Manifest))
    return BronzePartition(partition, manifests, tuple(damaged), seal)


def read_blocks(lake: Lake, stored: BronzeObject) -> Iterator[list[bytes]]:
    """Stream an object's lines in blocks of some :data:`BLOCK_BYTES`.

    An item of a block is lines on end, with ``\\n`` between and none at its end: what the parser
    decodes at once need never be parted.

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
    except isal_zlib.error as error:  # type: ignore[misc]  # its stub says less
        raise UnreadableObject(f"{stored.path}: {error}") from error
    yield from _blocks(data, tolerant=cut is not None)
    if cut is not None:
        raise UnreadableObject(f"{stored.path}: {cut}") from cut


def read_whole(lake: Lake, path: str) -> Iterator[bytes]:
    """Stream the lines of an object that no manifest tells of.

    Raises:
        UnreadableObject: it is missing, cut short, damaged or no gzip.
    """
    try:
        for block in _blocks(lake.objects.get(path)):
            for lines in block:
                yield from lines.split(b"\n")
    except ObjectMissing as error:
        raise UnreadableObject(str(error)) from error
    except (EOFError, isal_zlib.error) as error:  # type: ignore[misc]  # its stub says less
        raise UnreadableObject(f"{path}: {error}") from error


def _blocks(data: bytes, tolerant: bool = False) -> Iterator[list[bytes]]:
    """Blocks of lines; ``tolerant`` ends with the last whole line before a cut."""
    block: list[bytes] = []
    size = 0
    try:
        for lines in _whole_lines(data):
            block.append(lines)
            size += len(lines)
            if size >= BLOCK_BYTES:
                yield block
                block, size = [], 0
    except EOFError:
        if not tolerant:
            raise
    if block:
        yield block


def _whole_lines(data: bytes) -> Iterator[bytes]:
    """The lines of a gzip object, as many at once as were unpacked together.

    Raises:
        EOFError, isal_zlib.error: see :func:`_unpacked`.
    """
    begun: list[bytes] = []
    for unpacked in _unpacked(data):
        # A chunk is usually unpacked to six times its size, and to a thousand times by a bomb.
        for start in range(0, len(unpacked), _PIECE):
            piece = unpacked[start : start + _PIECE]
            end = piece.rfind(b"\n")
            if end < 0:
                begun.append(piece)
                continue
            yield b"".join((*begun, piece[:end]))
            begun = [piece[end + 1 :]]
    if last := b"".join(begun):
        yield last


def _unpacked(data: bytes) -> Iterator[bytes]:
    """The content of a gzip object, piece by piece; a file object would lose what precedes a cut.

    Raises:
        EOFError: the data end before the stream does.
        isal_zlib.error: they are damaged, or no gzip.
    """
    rest = memoryview(data)
    while rest:
        # 16: with a gzip header and its checksum.
        stream = isal_zlib.decompressobj(16 + isal_zlib.MAX_WBITS)
        while rest and not stream.eof:
            yield stream.decompress(rest[:_CHUNK])
            rest = rest[_CHUNK:]
        if not stream.eof:
            raise EOFError("the object ended before the end-of-stream marker was reached")
        # A gzip object may be made of several, one behind the other.
        rest = memoryview(bytes(stream.unused_data) + bytes(rest))


def _window_of(manifest: Manifest) -> Window:
    return Window(PostPartition(manifest.date, manifest.platform), manifest.window)
