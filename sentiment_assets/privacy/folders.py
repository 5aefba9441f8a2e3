"""The access table as modes of folders on disk: what they should be, what they are, mending them.

What belongs here: the places of an installation on one machine. Making a lake's folders is the work
of ``sentiment_assets.lake.folders``, which gets its modes from here through the lake's location.

A folder guards all that lies in it, so that files that Delta, Polars or a crash leave behind need
no modes of their own. Access lists beyond the mode bits are not looked at.
"""

from __future__ import annotations

import grp
import shlex
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sentiment_assets.lake.folders import FolderAccess, give, group_number
from sentiment_assets.lake.objects import ROOT_MODE
from sentiment_assets.privacy.access import PIPELINE, ROLES, lake_layers, readers_of

_OWNERS_ALONE = FolderAccess(0o700)
# To pass through is enough; that others see the names of what lies there does no harm.
_PASSAGE = FolderAccess(0o755)
_PASS = 0o711


@dataclass(frozen=True)
class Place:
    """A folder or file, the widest that it may be and the least that its readers need."""

    path: Path
    access: FolderAccess
    needed: int
    holds: str


@dataclass(frozen=True)
class Finding:
    """How a place differs from the table, and what mends it. ``wider`` lets somebody in."""

    place: Place
    kind: Literal["wider", "narrower"]
    said: str

    @property
    def remedy(self) -> str:
        """What to type."""
        path = shlex.quote(str(self.place.path))
        typed = f"chmod {mended_mode(self.place, _mode(self.place.path)):o} {path}"
        group = self.place.access.group
        return typed if group is None else f"chgrp {shlex.quote(group)} {path} && {typed}"


def layer_folders(groups: Mapping[str, str]) -> dict[str, FolderAccess]:
    """Mode and group of each layer's folder in a lake on disk.

    A layer with a group is for its owner, the pipeline's account, and that group. Without one it is
    for everybody on the machine if every role may read it, else for its owner alone.

    Args:
        groups: a group of the machine by layer: the accounts of the layer's readers.
    """
    everybody = {role.name for role in ROLES}
    folders = {}
    for layer in lake_layers():
        assert layer.folder is not None
        readers = set(readers_of(layer.name))
        access = _OWNERS_ALONE
        if groups.get(layer.name) and readers != {PIPELINE}:
            # setgid: what is made below gets the group too, whatever the umask leaves to others.
            access = FolderAccess(0o2750, groups[layer.name])
        elif readers == everybody:
            access = FolderAccess(0o755)
        folders[layer.folder] = access
    return folders


def places(
    *, home: Path, lake: Path | None, key_file: Path, groups: Mapping[str, str]
) -> list[Place]:
    """What lies on this machine, the inmost first: an outer folder opens only on guarded ones.

    Args:
        home: folder of everything local.
        lake: the lake's root; None for one in a bucket.
        key_file: of the pseudonym keys.
        groups: by layer, as :func:`layer_folders` takes them.
    """
    found = [
        Place(key_file, FolderAccess(0o600), 0o600, "keys"),
        Place(key_file.parent, _OWNERS_ALONE, 0o700, "keys"),
        *(Place(home / name, _OWNERS_ALONE, 0o700, "history") for name in ("dagster", "logs")),
        Place(home / "postgres", _OWNERS_ALONE, 0o700, "history"),
    ]
    if lake is not None:
        for name, access in layer_folders(groups).items():
            found.append(Place(lake / name, access, access.mode & 0o777, name))
        found.append(Place(lake, FolderAccess(ROOT_MODE), ROOT_MODE, "lake"))
        if home in lake.parents:
            between = lake.parents[: lake.parents.index(home)]
            found += [Place(folder, _PASSAGE, _PASS, "lakes") for folder in between]
    found.append(Place(home, _PASSAGE, _PASS if lake and home in lake.parents else 0o700, "home"))
    return found


def findings(looked_at: Sequence[Place]) -> Iterator[Finding]:
    """Where places differ from the table; what is not there is left out.

    Raises:
        FolderRefused: settings name a group that this machine doesn't know.
    """
    for place in looked_at:
        try:
            state = place.path.stat()
        except FileNotFoundError:
            continue
        mode, group = stat.S_IMODE(state.st_mode), place.access.group
        wide = mode & 0o777 & ~place.access.mode
        if wide:
            yield Finding(
                place,
                "wider",
                f"mode {mode:04o} lets {_whom(wide)}; the table says {place.access.mode:04o}",
            )
        elif group is not None and state.st_gid != group_number(group):
            is_in = _group_name(state.st_gid)
            kind: Literal["wider", "narrower"] = "wider" if mode & 0o070 else "narrower"
            yield Finding(place, kind, f"its group is {is_in}; the table says {group}")
        elif place.needed & ~mode:
            yield Finding(
                place, "narrower", f"mode {mode:04o} keeps readers out; they need {place.needed:o}"
            )


def mend(looked_at: Sequence[Place]) -> Iterator[tuple[Place, str]]:
    """Bring places to the table, in their order; yields each that changed, with what was done.

    Raises:
        FolderRefused: a group is unknown or not this account's to give.
        PermissionError: a place belongs to another account.
    """
    for finding in list(findings(looked_at)):
        place = finding.place
        before = _mode(place.path)
        after = mended_mode(place, before)
        give(place.path, FolderAccess(after, place.access.group))
        group = f", group {place.access.group}" if place.access.group else ""
        yield place, f"mode {before:04o} is now {after:04o}{group}"


def mended_mode(place: Place, mode: int) -> int:
    """The mode that takes away what is too much, adds what is needed, and leaves the rest."""
    special = place.access.mode & ~0o777
    return (mode & 0o777 & place.access.mode) | place.needed | special


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _whom(bits: int) -> str:
    told = [
        f"{who} {verb}"
        for who, shift in (("its group", 3), ("everybody", 0))
        for verb, bit in (("read", 4), ("write", 2), ("enter", 1))
        if bits >> shift & bit
    ]
    return ", ".join(told) or "its owner run it"


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
