"""The folder or bucket in which a team keeps its reference files: found, stamped and read.

What belongs here: looking at files that others write; nothing is ever written there. What stands in
them is ``core.reference``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore

from sentiment_assets.core.contracts import Contract
from sentiment_assets.core.reference import ENDINGS
from sentiment_assets.lake.objects import LakeError, open_bucket

#: The stamp of a table that has no file.
ABSENT = "absent"


class ReferenceUnreadable(LakeError):
    """The folder or bucket of reference files cannot be read, or holds a table twice."""


@dataclass(frozen=True)
class ReferenceFile:
    """A table's file: its name, and what changes whenever it is written."""

    name: str
    stamp: str


@dataclass(frozen=True)
class ReferenceFolder:
    """An absolute folder or ``s3://bucket/prefix``; opened by the first look. A folder that isn't
    there has no files.
    """

    uri: str
    storage_options: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)

    def files(self) -> dict[str, ReferenceFile]:
        """The file of each table that has one, by the table's name.

        Raises:
            ReferenceUnreadable: storage refuses or fails, or a table has two files.
        """
        found: dict[str, ReferenceFile] = {}
        for entry in self._listed():
            stem, _, ending = entry["path"].rpartition(".")
            if ending not in ENDINGS:
                continue
            table = f"reference/{stem}"
            if table in found:
                raise ReferenceUnreadable(
                    f"{self.uri} holds {found[table].name} and {entry['path']}: keep one of them"
                )
            told = repr((entry["path"], entry["size"], entry["e_tag"], entry["last_modified"]))
            found[table] = ReferenceFile(
                entry["path"], hashlib.sha256(told.encode()).hexdigest()[:16]
            )
        return found

    def stamps(self, contracts: Mapping[str, Contract]) -> dict[str, str]:
        """What changes whenever a table's file is written, comes or goes, by the table's name."""
        files = self.files()
        return {name: files[name].stamp if name in files else ABSENT for name in contracts}

    def read(self, file: ReferenceFile) -> bytes:
        """A file's content.

        Raises:
            ReferenceUnreadable: storage refuses or fails.
        """
        try:
            return bytes(obstore.get(self._store, file.name).bytes())
        except (BaseError, OSError) as error:
            raise self._refused(error) from None

    def _listed(self) -> list[Any]:
        if not self._is_bucket and not Path(self.uri).is_dir():
            return []
        try:
            # What lies in folders below is not ours, and may be much.
            found = obstore.list_with_delimiter(self._store)["objects"]
            return sorted(found, key=lambda entry: entry["path"])
        except (BaseError, OSError) as error:
            raise self._refused(error) from None

    @property
    def _is_bucket(self) -> bool:
        return self.uri.startswith("s3://")

    @cached_property
    def _store(self) -> Any:
        if self._is_bucket:
            return open_bucket(self.uri, self.storage_options)
        return LocalStore(self.uri)

    def _refused(self, error: Exception) -> ReferenceUnreadable:
        return ReferenceUnreadable(
            f"reference files in {self.uri} cannot be read ({type(error).__name__}): see that "
            "SENTIMENT_REFERENCE_URL is right and this account may read there"
        )
