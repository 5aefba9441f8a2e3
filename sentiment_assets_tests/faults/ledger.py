"""The ledger: what was produced, written down before it was, by nobody but the producer.

What belongs here: the entries and their file. It knows nothing of landing or silver: whoever
compares the lake with it, compares with something that the platform has no part in.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

Fate = Literal["row", "quarantine", "dead letter"]


class Entry(msgspec.Struct, frozen=True):
    """One record that was sent to a topic."""

    #: A post, a newer version of one, the same once more, or what should never have been sent.
    kind: str
    #: What must become of it.
    fate: Fate
    #: SHA-256 of the value.
    digest: str
    #: First id of the post's chain, and which of its versions this is; null where it is no row.
    chain: str | None = None
    version: int = 0


class Ledger:
    """A file of entries; each is on the disk before its record is on its way."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, entries: list[Entry]) -> None:
        with self._path.open("ab") as ledger:
            ledger.writelines(msgspec.json.encode(entry) + b"\n" for entry in entries)
            ledger.flush()
            os.fsync(ledger.fileno())

    def __iter__(self) -> Iterator[Entry]:
        if self._path.exists():
            for line in self._path.read_bytes().splitlines():
                yield msgspec.json.decode(line, type=Entry)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def count(self, fate: Fate) -> int:
        return sum(entry.fate == fate for entry in self)

    def digests(self, fate: Fate) -> Counter[str]:
        """The values that have that fate, and how often each was sent."""
        return Counter(entry.digest for entry in self if entry.fate == fate)

    def newest(self) -> dict[str, int]:
        """The newest version of each post that must be a row."""
        found: dict[str, int] = {}
        for entry in self:
            if entry.chain is not None:
                found[entry.chain] = max(entry.version, found.get(entry.chain, 0))
        return found


def digest_of(value: bytes | None) -> str:
    return hashlib.sha256(value or b"").hexdigest()
