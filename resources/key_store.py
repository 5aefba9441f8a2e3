"""Where the bytes of a keyring lie: a private local file, or an object in a bucket.

What belongs here: reading them, and changing them only from a state that was seen, so that two who
change them at once can't both win. What the bytes say is ``keys``; neither store looks inside.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
    UnknownConfigurationKeyError,
)
from obstore.store import S3Store

from sentiment_assets.lake.objects import open_bucket

#: Somebody waits for the answer; a lake's own requests are repeated for minutes.
_PATIENCE = timedelta(seconds=15)
#: S3's code; obstore knows no error of its own for it.
_NO_BUCKET = "NoSuchBucket"


class KeyringError(RuntimeError):
    """The keyring can't be read, trusted or changed.

    The message says why, where and what to do, and never what the keyring holds.
    """


class Stored(NamedTuple):
    """A keyring's bytes, and what tells this state of them from any other."""

    data: bytes
    version: str


class KeyStore(Protocol):
    """One place that holds one keyring or none. Errors are :class:`KeyringError`."""

    @property
    def place(self) -> str:
        """The place as people name it."""

    def read(self) -> Stored | None:
        """What lies there; null where nothing does."""

    def create(self, data: bytes) -> bool:
        """Lay down the first bytes; False where some lie there already."""

    def replace(self, data: bytes, version: str) -> bool:
        """Replace the state of that version; False where it is not there any more."""


@dataclass(frozen=True)
class PrivateFile:
    """A file of mode 0600 in a folder of mode 0700; both are made when first written.

    A file or folder that others may read is refused.
    """

    path: Path

    @property
    def place(self) -> str:
        """The path."""
        return str(self.path)

    def read(self) -> Stored | None:
        """See :class:`KeyStore`."""
        try:
            _require_private(self._target.parent, 0o700)
            _require_private(self._target, 0o600)
            data = self._target.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KeyringError(
                f"cannot read {self.path} ({error.strerror}): it must be a file that the user of "
                "this process owns, mode 0600"
            ) from None
        return Stored(data, hashlib.sha256(data).hexdigest())

    def create(self, data: bytes) -> bool:
        """See :class:`KeyStore`."""
        return self._written(data, None)

    def replace(self, data: bytes, version: str) -> bool:
        """See :class:`KeyStore`."""
        return self._written(data, version)

    @property
    def _target(self) -> Path:
        # Replacing a link would leave what it points at as it was.
        return self.path.resolve()

    def _written(self, data: bytes, version: str | None) -> bool:
        try:
            self._target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked():
                found = self.read()
                if (found and found.version) != version:
                    return False
                self._write(data)
                return True
        except OSError as error:
            raise KeyringError(
                f"cannot write {self.path} ({error.strerror}): nothing was changed. The folder "
                "must belong to the user of this process, with room on its disk"
            ) from None

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        path = self._target.with_name(self._target.name + ".lock")
        lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, data: bytes) -> None:
        """Replace the file in one step; a crash leaves the old one."""
        target = self._target
        # Under the lock nobody else writes: these are of processes that were killed.
        for left_over in target.parent.glob(f".{target.name}.*.new"):
            left_over.unlink(missing_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.new")
        try:
            descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@dataclass(frozen=True)
class BucketObject:
    """An object ``s3://bucket/…/name``, changed by conditional requests only."""

    uri: str
    storage_options: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)

    @property
    def place(self) -> str:
        """The URI."""
        return self.uri

    def read(self) -> Stored | None:
        """See :class:`KeyStore`."""
        with self._told("read"):
            try:
                found = obstore.get(self._store, self._name)
                return Stored(bytes(found.bytes()), str(found.meta["e_tag"]))
            except FileNotFoundError as error:
                if _NO_BUCKET in str(error):
                    raise
                return None

    def create(self, data: bytes) -> bool:
        """See :class:`KeyStore`."""
        with self._told("write"):
            try:
                obstore.put(self._store, self._name, data, mode="create")
            except AlreadyExistsError:
                return False
            return True

    def replace(self, data: bytes, version: str) -> bool:
        """See :class:`KeyStore`."""
        with self._told("write"):
            try:
                obstore.put(self._store, self._name, data, mode={"e_tag": version})
            except (PreconditionError, AlreadyExistsError, FileNotFoundError):
                return False
            return True

    @property
    def _name(self) -> str:
        return self.uri.rpartition("/")[2]

    @cached_property
    def _store(self) -> S3Store:
        return open_bucket(
            self.uri.rpartition("/")[0],
            self.storage_options,
            {"max_retries": 3, "retry_timeout": _PATIENCE},
        )

    @contextlib.contextmanager
    def _told(self, verb: str) -> Iterator[None]:
        """Storage's own words name accounts and roles: only the kind of error passes."""
        try:
            yield
        except (PermissionDeniedError, UnauthenticatedError):
            why = (
                "storage refuses this role. It needs s3:GetObject and s3:PutObject on the object "
                "and s3:ListBucket on the bucket, without which a missing object reads as refused"
            )
        except UnknownConfigurationKeyError:
            why = "a storage option is mistyped"
        except (BaseError, OSError) as error:
            why = (
                "there is no such bucket. Make it, or correct SENTIMENT_PSEUDONYM_KEYS"
                if _NO_BUCKET in str(error)
                else "storage did not answer as it should. Look at SENTIMENT_S3_ENDPOINT, "
                "SENTIMENT_S3_REGION and the network, then try again"
            )
        else:
            return
        raise KeyringError(f"cannot {verb} {self.uri}: {why}") from None


def _require_private(path: Path, allowed: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & ~allowed & 0o777:
        raise KeyringError(
            f"{path} has mode {mode:04o}: others could read the pseudonym secrets. "
            f"Run: chmod {allowed:o} {path}"
        )
