"""Folders of a lake on disk: made with the mode and group that guard what lies in them.

What belongs here: making a folder that was never wider than it should be. Which folder gets which
mode is said by the access table; a folder that is there already is left as it is
(``sentiment access apply`` mends it). Files and folders below need no mode of their own: nobody
reaches them but through a guarded one.
"""

from __future__ import annotations

import grp
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


class FolderRefused(OSError):
    """A folder can't get the group that settings name; the message says what to do."""


@dataclass(frozen=True)
class FolderAccess:
    """Mode of a folder, and the group that its group bits are for."""

    mode: int
    group: str | None = None


def make_folder(path: Path, access: FolderAccess) -> None:
    """Make a folder unless one is there. Others get in only when it is ready.

    Raises:
        FolderRefused: the group is unknown, or this account may not give folders to it.
    """
    if path.is_dir():
        return
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        return
    except PermissionError:
        # Somebody who may only read has opened a lake that has no such layer yet.
        return
    try:
        give(path, access)
    except FolderRefused:
        # Left behind, it would pass for one that is as it should be.
        with suppress(OSError):
            path.rmdir()
        raise


def give(path: Path, access: FolderAccess) -> None:
    """Set the group of a folder or file, then its mode.

    Raises:
        FolderRefused: the group is unknown, or this account may not give folders to it.
    """
    if access.group is not None:
        try:
            os.chown(path, -1, group_number(access.group))
        except PermissionError:
            raise FolderRefused(
                f"{path} can't be given to the group {access.group}: this account is not in it. "
                f"As root: chgrp {access.group} {path}"
            ) from None
    # Apart from the mode of mkdir, which the process's umask may narrow; chown drops setgid.
    path.chmod(access.mode)


def group_number(name: str) -> int:
    """The number of a group of this machine.

    Raises:
        FolderRefused: there is none of that name.
    """
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise FolderRefused(
            f"this machine has no group {name}; make it (groupadd {name}) or name another in "
            "SENTIMENT_BRONZE_GROUP, SENTIMENT_SILVER_GROUP or SENTIMENT_GOLD_GROUP"
        ) from None
