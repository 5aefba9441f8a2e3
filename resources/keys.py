"""Where pseudonym secrets are kept: a private local file.

What they are used for belongs in ``sentiment_assets.core.pii.pseudonyms``. Whoever holds this file
can undo the lake's pseudonyms; whoever loses it can no longer join new posts with old ones: keep a
backup apart from the lake.
"""

import contextlib
import fcntl
import json
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from sentiment_assets.core.pii.pseudonyms import PseudonymKeys

_VERSION = 1


class KeyFileError(RuntimeError):
    """The key file can't be trusted or read; the message says why and never what it holds."""


def load_or_create_keys(path: str | Path, platforms: Sequence[str]) -> PseudonymKeys:
    """The secrets of ``platforms``, from ``path``; made on first run, and for each new platform.

    The file is ``{"version": 1, "secrets": {"x": "<64 hex digits>"}}``, mode 0600, in a folder of
    mode 0700. Processes that start together agree: one writes under a lock, the others read.
    Platforms that the file knows beside the requested ones are left in it and not returned.

    Raises ``KeyFileError`` when others may read the file or its folder, or when it is damaged.
    """
    path = Path(path).expanduser()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_private(path.parent, 0o700)
    known = _read(path)
    if known is None or set(platforms) - set(known):
        with _locked(path):
            known = _read(path) or {}
            known |= {p: secrets.token_hex(32) for p in platforms if p not in known}
            _write(path, known)
    return PseudonymKeys(tuple((p, known[p]) for p in sorted(set(platforms))))


def _require_private(path: Path, allowed: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & ~allowed & 0o777:
        raise KeyFileError(
            f"{path} has mode {mode:04o}: others could read the pseudonym secrets. "
            f"Run: chmod {allowed:o} {path}"
        )


def _read(path: Path) -> dict[str, str] | None:
    try:
        _require_private(path, 0o600)
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        # The cause's message would quote the file.
        raise _damaged(path, "it is not JSON") from None
    if not isinstance(content, dict) or content.get("version") != _VERSION:
        raise _damaged(path, f"it has no version {_VERSION}")
    known = content.get("secrets")
    if not isinstance(known, dict) or not all(isinstance(s, str) for s in known.values()):
        raise _damaged(path, "it has no table of secrets")
    try:
        PseudonymKeys(tuple(known.items()))
    except ValueError as error:
        raise _damaged(path, str(error)) from None
    return known


def _damaged(path: Path, why: str) -> KeyFileError:
    return KeyFileError(
        f"{path} is damaged: {why}. Restore it from a backup; a new file would give every author "
        "and post a new pseudonym"
    )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _write(path: Path, known: dict[str, str]) -> None:
    """Replace the file in one step; a crash leaves the old one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"version": _VERSION, "secrets": known}, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
