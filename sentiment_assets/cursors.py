"""What a sensor keeps between its looks, as Dagster's cursor.

What belongs here: the way to a cursor and back. What is kept is each sensor's own.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

M = TypeVar("M", bound="Kept")


class Kept(msgspec.Struct):
    """The base of a sensor's memory."""

    @classmethod
    def read(cls: type[M], cursor: str | None) -> M:
        """From a cursor; an unreadable one starts anew."""
        try:
            return msgspec.json.decode(cursor or "{}", type=cls)
        except msgspec.DecodeError:
            return cls()

    def write(self) -> str:
        """To a cursor."""
        return msgspec.json.encode(self).decode()
