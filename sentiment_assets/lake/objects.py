"""The lake's root and its objects, on disk or on S3 through one interface.

What belongs here: where a lake lies, whose posts it holds (simulated or live), and reading, writing
and listing whole objects below its root. What the objects mean is said elsewhere: bronze files in
``bronze.py``, Delta tables in ``tables.py``, every path in ``core.layout``.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import obstore
from deltalake.exceptions import DeltaError
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnknownConfigurationKeyError,
)
from obstore.store import LocalStore, S3Store

from sentiment_assets.core.contracts import Contract
from sentiment_assets.core.layout import ORIGIN_MARKER, Origin, layer_of
from sentiment_assets.lake.folders import FolderAccess, make_folder

if TYPE_CHECKING:
    from obstore.store import RetryConfig

    from sentiment_assets.lake.tables import Table

LAKE_FORMAT = 1
#: Of a lake whose layers are guarded: others pass through and list nothing.
ROOT_MODE = 0o711

# Keys that delta-rs reads and an object store doesn't know.
_DELTA_ONLY = ("aws_s3_locking_provider", "aws_s3_allow_unsafe_rename", "delta_dynamo")

# How obstore and delta-rs name a file of the disk that is still being written.
_UNFINISHED = re.compile(r"#\d+$")

# As the system says it, as Rust does, and as S3 does.
_REFUSED = re.compile(r"Permission denied|PermissionDenied|AccessDenied|InvalidAccessKeyId")

# Keys that obstore takes as options of its HTTP client; delta-rs takes them among the others.
_CLIENT = (
    "allow_http",
    "allow_invalid_certificates",
    "connect_timeout",
    "pool_idle_timeout",
    "pool_max_idle_per_host",
    "proxy_url",
    "proxy_ca_certificate",
    "proxy_excludes",
    "timeout",
    "user_agent",
)


class LakeError(Exception):
    """What the lake refuses or fails to do."""


class ObjectMissing(LakeError):
    """No object lies at that path."""


class AccessDenied(LakeError):
    """The storage refuses this process; the message names the place, never the credentials."""


class LakeOriginError(LakeError):
    """A run would mix simulated and live posts in one lake."""


def open_bucket(
    uri: str, storage_options: Mapping[str, str], retry: RetryConfig | None = None
) -> S3Store:
    """Objects below ``s3://bucket/prefix``, with the options that delta-rs takes too.

    Raises:
        UnknownConfigurationKeyError: an option is mistyped.
    """
    options: dict[str, str] = {}
    client: dict[str, str] = {}
    for name, value in storage_options.items():
        key = name.lower()
        if key.removeprefix("aws_") in _CLIENT:
            client[key.removeprefix("aws_")] = value
        elif not key.startswith(_DELTA_ONLY):
            options[key] = value
    return S3Store.from_url(
        uri, config=cast(Any, options), client_options=cast(Any, client), retry_config=retry
    )


@dataclass(frozen=True)
class LakeLocation:
    """Where a lake lies and whose posts it holds.

    ``uri`` is an absolute folder or ``s3://bucket/prefix``. ``storage_options`` are object-store
    keys such as ``AWS_REGION``, ``AWS_ENDPOINT_URL`` (with ``AWS_ALLOW_HTTP`` for plain http),
    ``AWS_SERVER_SIDE_ENCRYPTION`` and ``AWS_SSE_KMS_KEY_ID``; objects, Parquet files and Delta
    logs are all written with them. What they leave out comes from the process's own AWS
    environment (a role, a profile).

    ``layer_options`` are laid over them for one layer's objects (a KMS key of its own). ``folders``
    are the layers' folders on disk, with who may enter; a new lake without them is its owner's
    alone.

    Raises:
        ValueError: ``uri`` is neither, or holds ``=`` or ``%``.
    """

    uri: str
    origin: Origin
    storage_options: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)
    layer_options: Mapping[str, Mapping[str, str]] = field(
        default_factory=dict, hash=False, repr=False
    )
    folders: Mapping[str, FolderAccess] = field(default_factory=dict, hash=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "uri", self.uri.rstrip("/") or self.uri[:1])
        if not self.is_s3 and not Path(self.uri).is_absolute():
            raise ValueError(
                f"lake {self.uri!r} is neither an absolute folder nor s3://bucket/prefix; "
                "for example: /var/lib/sentiment/lake"
            )
        # A reader takes folders with '=' for partitions; delta-rs decodes '%' but half of the time.
        if "=" in self.uri or "%" in self.uri:
            raise ValueError(f"lake {self.uri!r} has '=' or '%' in its path; name another folder")

    @property
    def is_s3(self) -> bool:
        """The lake lies in a bucket."""
        return self.uri.startswith("s3://")

    def uri_of(self, path: str) -> str:
        """Absolute address of a path below the root."""
        return f"{self.uri}/{path}"

    def options_of(self, path: str) -> dict[str, str]:
        """The storage options for a path below the root."""
        return {**self.storage_options, **self.layer_options.get(layer_of(path), {})}

    def __repr__(self) -> str:
        options = ", ".join(sorted(self.storage_options))
        return f"LakeLocation({self.uri!r}, {self.origin!r}, storage_options=<{options}>)"


@dataclass(frozen=True, order=True)
class StoredObject:
    """One object: its path below the lake's root, bytes, and last change (UTC)."""

    path: str
    size: int
    modified: dt.datetime


class ObjectStore:
    """Whole objects below a lake's root; every path is relative to it.

    Cheap to make and to pickle: nothing is opened before the first use. On disk, the root folder
    is made by the first use.
    """

    def __init__(self, location: LakeLocation) -> None:
        self.location = location

    def __getstate__(self) -> dict[str, Any]:
        return {"location": self.location}

    @cached_property
    def _stores(self) -> dict[str, Any]:
        return {}

    def _store(self, path: str = "") -> Any:
        """The store for a path: layers may have a key each."""
        layer = layer_of(path)
        if layer not in self.location.layer_options:
            layer = ""
        # Two threads may both make one; either will do.
        if layer not in self._stores:
            self._stores[layer] = self._on_s3(path) if self.location.is_s3 else self._on_disk()
        return self._stores[layer]

    def _on_disk(self) -> Any:
        root, folders = Path(self.location.uri), self.location.folders
        is_new = not root.is_dir()
        # Bronze is personal data: nobody else enters a new lake before its layers are guarded.
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, access in folders.items():
            make_folder(root / name, access)
        if is_new and folders:
            root.chmod(ROOT_MODE)
        return LocalStore(self.location.uri)

    def _on_s3(self, path: str) -> Any:
        try:
            return open_bucket(self.location.uri, self.location.options_of(path))
        except UnknownConfigurationKeyError as error:
            # delta-rs drops a key that it doesn't know; a mistyped encryption key must not pass.
            raise ValueError(
                f"lake {self.location.uri}: {str(error).splitlines()[0]} Correct that storage "
                "option; for example: AWS_SERVER_SIDE_ENCRYPTION"
            ) from None

    def put(self, path: str, data: bytes) -> None:
        """Write an object; whoever reads sees the old one or the new one, whole.

        Raises:
            AccessDenied: this process may not write there; so do all that write or delete.
        """
        with self.access("write", path):
            obstore.put(self._store(path), path, data)

    def put_new(self, path: str, data: bytes) -> bool:
        """Write an object unless one lies there; False when it does. Safe among racing writers."""
        try:
            with self.access("write", path):
                obstore.put(self._store(path), path, data, mode="create")
        except AlreadyExistsError:
            return False
        return True

    def get(self, path: str) -> bytes:
        """Read an object whole.

        Raises:
            ObjectMissing: nothing lies there.
            AccessDenied: this process may not read it; so do all that read.
        """
        try:
            with self.access("read", path):
                return bytes(obstore.get(self._store(path), path).bytes())
        except FileNotFoundError:
            raise self._missing(path) from None

    def size(self, path: str) -> int:
        """Bytes of an object.

        Raises:
            ObjectMissing: nothing lies there.
        """
        return self.look_at(path).size

    def look_at(self, path: str) -> StoredObject:
        """What lies at that path, without its content.

        Raises:
            ObjectMissing: nothing lies there.
        """
        try:
            with self.access("read", path):
                found = obstore.head(self._store(path), path)
        except FileNotFoundError:
            raise self._missing(path) from None
        return StoredObject(path, int(found["size"]), found["last_modified"])

    def exists(self, path: str) -> bool:
        """An object lies at that path."""
        try:
            self.size(path)
        except ObjectMissing:
            return False
        return True

    def folders(self, prefix: str) -> list[str]:
        """The folders directly below a folder, sorted, as paths below the lake's root."""
        with self.access("list", prefix):
            found = obstore.list_with_delimiter(self._store(prefix), prefix.strip("/") or None)
            return sorted(found["common_prefixes"])

    def unfinished(self, prefix: str) -> list[StoredObject]:
        """Objects below a folder whose writing began and did not end: of a killed process, or of
        one that writes now.

        On disk only, where they lie beside the others under a name that :meth:`list` leaves out. In
        a bucket they are multipart uploads, which a lifecycle rule of the bucket ends.
        """
        if self.location.is_s3:
            return []
        root = Path(self.location.uri)
        found = []
        for path in sorted((root / prefix).rglob("*#*")):
            # It may end while it is being looked at.
            with suppress(FileNotFoundError):
                if _UNFINISHED.search(path.name) and path.is_file():
                    stat = path.stat()
                    changed = dt.datetime.fromtimestamp(stat.st_mtime, dt.timezone.utc)
                    name = path.relative_to(root).as_posix()
                    found.append(StoredObject(name, stat.st_size, changed))
        return found

    def list(self, prefix: str = "") -> list[StoredObject]:
        """Objects below a folder, sorted by path; ``prefix`` is made of whole path segments."""
        with self.access("list", prefix):
            pages = obstore.list(self._store(prefix), prefix.strip("/") or None)
            return sorted(
                StoredObject(entry["path"], entry["size"], entry["last_modified"])
                for page in pages
                for entry in page
            )

    def delete_unfinished(self, paths: Iterable[str]) -> None:
        """Delete what :meth:`unfinished` found."""
        for path in paths:
            with self.access("delete", path):
                (Path(self.location.uri) / path).unlink(missing_ok=True)

    def delete(self, paths: Iterable[str]) -> None:
        """Delete objects; one that is gone already is no error."""
        remaining = [*paths]
        if not remaining:
            return
        with self.access("delete", remaining[0]):
            try:
                obstore.delete(self._store(), remaining)
            except FileNotFoundError:
                # On disk the first missing path ends the whole request.
                for path in remaining:
                    with suppress(FileNotFoundError):
                        obstore.delete(self._store(), path)

    @contextmanager
    def open_writer(self, path: str) -> Iterator[Any]:
        """A context manager that streams one big object in bounded memory.

        The object appears whole when the block ends well, and not at all when it raises.
        """
        with (
            self.access("write", path),
            obstore.open_writer(self._store(path), path) as upload,
        ):
            yield upload

    def get_tail(self, path: str, length: int) -> bytes:
        """Read the last bytes of an object: ``length`` of them, or all when it is shorter.

        Raises:
            ObjectMissing: nothing lies there.
        """
        size = self.size(path)
        start = max(0, size - length)
        if size == 0:
            return b""
        with self.access("read", path):
            return bytes(obstore.get_range(self._store(path), path, start=start, end=size))

    @contextmanager
    def access(self, what: str, path: str) -> Iterator[None]:
        """Tell a refusal of the storage in the lake's own words.

        Raises:
            AccessDenied: what happens inside was refused.
        """
        try:
            yield
        except Exception as error:
            if not is_refusal(error):
                raise
            raise AccessDenied(
                f"this process may not {what} {path or 'the lake'} in {self.location.uri}: "
                f"{'the credentials in use are' if self.location.is_s3 else 'its account is'} "
                "refused. `sentiment access show` says which role may; run it as one of that role"
            ) from None

    def _missing(self, path: str) -> ObjectMissing:
        return ObjectMissing(f"no object {path} in the lake {self.location.uri}")


def is_refusal(error: BaseException) -> bool:
    """The storage understood and said no."""
    if isinstance(error, PermissionDeniedError | UnauthenticatedError | PermissionError):
        return True
    # On disk obstore has no error of its own for it, and delta-rs has one nowhere.
    return isinstance(error, BaseError | DeltaError | OSError) and bool(_REFUSED.search(str(error)))


@dataclass(frozen=True)
class Lake:
    """One lake: its objects and its tables. Pickles, and opens nothing before its first use."""

    location: LakeLocation

    @classmethod
    def open(cls, location: LakeLocation) -> Lake:
        """The lake at a location, marked with whose posts it holds; racing openers are fine.

        Raises:
            LakeOriginError: the lake holds posts of another origin, or its marker is no marker.
            AccessDenied: this process may not even read the marker.
        """
        lake = cls(location)
        marker = {"origin": location.origin, "format": LAKE_FORMAT}
        # Read before it is written: whoever may only read opens a lake too.
        try:
            written = lake.objects.get(ORIGIN_MARKER)
        except ObjectMissing:
            if lake.objects.put_new(ORIGIN_MARKER, json.dumps(marker).encode()):
                return lake
            written = lake.objects.get(ORIGIN_MARKER)
        try:
            found = json.loads(written)
            origin, version = found["origin"], found["format"]
        except (ValueError, KeyError, TypeError):
            raise LakeOriginError(
                f"{location.uri_of(ORIGIN_MARKER)} is not a lake's marker; point "
                "SENTIMENT_LAKE_URI at another folder or restore that file as "
                f"{json.dumps(marker)}"
            ) from None
        if origin != location.origin:
            raise LakeOriginError(
                f"{location.uri} holds {origin} posts, this run brings {location.origin} ones; "
                "point SENTIMENT_LAKE_URI at another folder or use the source that filled this one"
            )
        if version != LAKE_FORMAT:
            raise LakeOriginError(
                f"{location.uri} has lake format {version}, this program writes {LAKE_FORMAT}; "
                "use the program's version that wrote it or point SENTIMENT_LAKE_URI elsewhere"
            )
        return lake

    @property
    def origin(self) -> Origin:
        """Whose posts the lake holds."""
        return self.location.origin

    @cached_property
    def objects(self) -> ObjectStore:
        """The lake's objects."""
        return ObjectStore(self.location)

    def table(self, contract: Contract) -> Table:
        """The Delta table of a contract; neither made nor opened yet."""
        # tables.py builds on this module.
        from sentiment_assets.lake.tables import Table

        return Table(self, contract)

    def steady(self) -> SteadyLake:
        """The same lake for many looks at one moment."""
        return SteadyLake(self.location)


class SteadyLake(Lake):
    """A lake whose tables stay as they are when first looked at; for reading only.

    Opening a table costs as much as its whole log, so that a look at each partition of many would
    cost more the longer the table is.
    """

    @cached_property
    def _tables(self) -> dict[str, Table]:
        return {}

    def table(self, contract: Contract) -> Table:
        """The Delta table of a contract as it was at the first look."""
        if contract.name not in self._tables:
            self._tables[contract.name] = super().table(contract).as_of_now()
        return self._tables[contract.name]
